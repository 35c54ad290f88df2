/* connector_impl: what the readers of a connector file, and of an import's (import_plan.c), share.
 * Not for others.
 *
 *   connector.c         the file, its top level, auth, rate, errors
 *   connector_stream.c  one stream
 *   connector_value.c   sections by a table of keys, and single values */
#ifndef VOC_COLLECT_CONNECTOR_IMPL_H
#define VOC_COLLECT_CONNECTOR_IMPL_H

#include "daemon/collect/connector.h"
#include "daemon/core/yaml.h"

enum { MAX_NEEDS = 64, MAX_FIELDS = 48, MAX_BODY_NODES = 200 };

struct reading {
    const struct yaml_source *source;
    struct arena *arena;
    struct yaml_problems *problems;
    unsigned scopes; /* what templates may name where we are */
    struct need needs[MAX_NEEDS];
    size_t n_needs;
    unsigned body_nodes;
};

/* Readers of one value: 0 (also when the problem was told), -ENOMEM. `out` is the field. */
typedef int read_fn(struct reading *r, const struct yaml_node *n, void *out);
struct key {
    const char *name;
    read_fn *read;
    size_t offset;
    bool required;
};

/* A section against its keys: unknown, doubled and missing ones are told. */
int read_keys(struct reading *r, const struct yaml_node *n, const struct key *keys, size_t n_keys,
              void *base);
void read_problem(struct reading *r, const struct yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The index of the scalar among `words` (NULL-ended); -1 with the problem told. */
int read_word(struct reading *r, const struct yaml_node *n, const char *const *words);
size_t read_count(const struct yaml_node *n);
bool read_is_list(struct reading *r, const struct yaml_node *n, size_t max);

read_fn read_text;      /* struct span */
read_fn read_name;      /* struct span: letters, digits, . _ - */
read_fn read_header;    /* struct span: a header's name, in lower case */
read_fn read_path;      /* struct span: a path of one value */
read_fn read_any_path;  /* struct span: a path, [*] or not */
read_fn read_flag;      /* bool */
read_fn read_number;    /* int64_t, from 0 */
read_fn read_duration;  /* int64_t ms */
read_fn read_template;  /* struct template */
read_fn read_list;      /* struct fields_list */
read_fn read_body;      /* const struct body_node * */
read_fn read_expr;      /* const struct expr * */
read_fn read_zone_form; /* struct cursor: how its times are written */

int read_need(struct reading *r, enum template_scope scope, struct span name, struct span preset);
/* One element of `streams:`. */
int read_stream(struct reading *r, const struct yaml_node *n, struct stream *out);

#endif
