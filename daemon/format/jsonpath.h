/* jsonpath: the small part of JSONPath that mappings speak: `$`, `.name`, `["any name"]`, `[3]`,
 * `[*]`. Thread: any; pure; no allocation but the caller's array. */
#ifndef VOC_FORMAT_JSONPATH_H
#define VOC_FORMAT_JSONPATH_H

#include <jansson.h>

#include "base/span.h"

enum { JSONPATH_MAX_STEPS = 32 };

/* 0, or -EINVAL with the 1-based byte column of the first thing that is no path. */
int jsonpath_check(struct span path, size_t *ret_column);
/* Whether [*] occurs: then the path yields a list. */
bool jsonpath_is_list(struct span path);
/* The name of its first step: the column, where the root is a table's row. Absent when it begins
 * with another kind of step. */
struct span jsonpath_first(struct span path);
/* The value at a path without [*], borrowed; NULL when there is none. */
json_t *jsonpath_get(json_t *root, struct span path);
/* Every value at the path, in order, into a new array holding references; with [*] over an object
 * its values. Empty when there is none. NULL when memory is short or the path is none. */
json_t *jsonpath_all(json_t *root, struct span path);
/* Whether a [*] of the path stands at a list that is there and empty: then finding nothing is what
 * the sender meant, else it is another payload than the path was made for. */
bool jsonpath_is_empty(json_t *root, struct span path);

#endif
