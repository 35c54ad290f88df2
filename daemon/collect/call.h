/* call: one HTTP request as a connector file describes it: texts with holes, to be filled in when
 * it is made (request.h). Part of connector.h. */
#ifndef VOC_COLLECT_CALL_H
#define VOC_COLLECT_CALL_H

#include "daemon/collect/template.h"

struct field { /* a query parameter or a header */
    struct span name;
    struct template value;
};
struct fields_list {
    const struct field *p;
    size_t n;
};

/* A JSON body: entries whose value is absent are left out. */
enum body_type { BODY_OBJECT, BODY_LIST, BODY_VALUE };
struct body_node {
    enum body_type type;
    struct span key;
    bool is_literal; /* `literal` is JSON: a number, true, false, null */
    struct span literal;
    struct template value;
    struct body_node *first, *next;
};

struct call { /* one request */
    bool post;
    struct template path; /* after `base` */
    struct fields_list query, headers;
    struct fields_list first, resume; /* more query: without and with a cursor */
    const struct body_node *body;     /* NULL: none */
};

#endif
