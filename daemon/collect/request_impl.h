/* request_impl: one request being built, as its makers share it. Not for others.
 *
 *   request.c         values of holes, pages, children, partitions
 *   request_token.c   what is asked of a token server: oauth2, jwt */
#ifndef VOC_COLLECT_REQUEST_IMPL_H
#define VOC_COLLECT_REQUEST_IMPL_H

#include "daemon/collect/request.h"
#include "daemon/format/json_out.h"

enum { MAX_BODY = 64 * 1024 };

struct values {
    const struct request_env *env;
    char room[32];
    char path[256];
};

struct building {
    struct values values;
    struct template_env env;
    struct arena *a;
    struct pair *headers;
    size_t n_headers;
    struct buf url;
    struct buf value; /* one expanded template */
    char *why;
    size_t size;
};

int building_init(struct building *b, const struct request_env *env, struct arena *a, char *why,
                  size_t size);
void building_done(struct building *b);
/* What can not be made, as a sentence. -ENOENT for what is absent, else -EINVAL. */
int building_say(struct building *b, int rc, const char *what,
                 const struct template_piece *missing);
/* The expanded text, until the next. 0; -ENOENT, -EINVAL (told). */
int building_expand(struct building *b, const struct template *t, const char *what,
                    struct span *ret);
int building_header(struct building *b, struct span name, struct span value);
int building_basic(struct building *b, const struct template *user, const struct template *pass);
/* A body's nodes as JSON; what is absent is left out. */
int building_json(struct building *b, struct json_out *j, const struct body_node *n);
int building_finish(struct building *b, struct fetch_request *ret);

#endif
