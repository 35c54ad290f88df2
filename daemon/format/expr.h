/* expr: the yes-or-no questions of connector files, asked of a JSON value:
 *
 *   $.end_of_stream        not $.meta.has_more        $.code = 'THROTTLED' or $.status >= 500
 *
 * A path alone holds when what is there is not null, false, 0, empty text, {} or []. = and !=
 * compare numbers as numbers and all else as text, null being what is absent; < <= > >= hold
 * between numbers (also written as text), and between texts in byte order. `and` binds closer than
 * `or`; not and parentheses. Texts in ' or ", paths as jsonpath.h has them, without [*].
 *
 * Pure; the tree lives in the arena. */
#ifndef VOC_FORMAT_EXPR_H
#define VOC_FORMAT_EXPR_H

#include <jansson.h>

#include "base/arena.h"

struct expr;

/* 0; -EINVAL with the byte column (from 1) and what is wrong; -ENOMEM. */
int expr_read(struct span text, struct arena *a, struct expr **ret, size_t *ret_column,
              const char **ret_why);
bool expr_test(const struct expr *e, json_t *root);

#endif
