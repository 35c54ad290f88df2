/* yaml: a YAML text as a tree that knows where everything stood, and problems as people read them:
 *
 *   vocd.yaml:12:9: http.port: 99999 is not between 0 and 65535
 *       port: 99999
 *             ^
 *
 * One document, block or flow; no anchors, aliases, tags or complex keys, for what one can not see
 * at the place where it counts does not belong into a configuration. Duplicate keys are kept: the
 * reader of the tree reports them with both places.
 *
 * Thread: any; pure but for memory. Ownership: the tree lives in the caller's arena; sources must
 * outlive the tree, because problems print their lines. */
#ifndef VOC_CORE_YAML_H
#define VOC_CORE_YAML_H

#include "base/arena.h"
#include "base/buf.h"

enum { YAML_MAX_DEPTH = 16, YAML_MAX_PROBLEMS = 50 };

struct yaml_pos {
    uint32_t line, column; /* from 1; columns in code points; line 0: no place */
};

struct yaml_source {
    struct span file; /* as shown */
    struct span text;
};

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_type type;
    bool quoted; /* a scalar in quotes or a block scalar: never a number, flag or null */
    struct yaml_pos at;
    struct span text;      /* scalar; NUL-terminated */
    struct yaml_node *key; /* of a member of a map, else NULL */
    struct yaml_node *first, *next;
};

struct yaml_problems {
    struct buf *out;
    size_t n; /* all, also those past YAML_MAX_PROBLEMS, which are not printed */
};

/* *ret_root is NULL for an empty document. 0; -EINVAL with the problems told; -ENOMEM. */
int yaml_parse(const struct yaml_source *source, struct arena *a, struct yaml_problems *problems,
               struct yaml_node **ret_root);
bool yaml_is_null(const struct yaml_node *n);
/* What a node is, for messages: "a list", "text", "nothing"… */
const char *yaml_describe(const struct yaml_node *n);
/* The value on the line of a key that ends in url, secret, token or password is not shown. */
void yaml_problem(struct yaml_problems *p, const struct yaml_source *source, struct yaml_pos at,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
