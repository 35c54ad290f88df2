/* client: the API as vocctl calls it: blocking, one connection kept.
 *
 * Address and token come from options, then the environment (VOC_URL, VOC_TOKEN, VOC_TOKENS), then
 * the defaults: http://127.0.0.1:8642, and the tokens of `make run` (build/run/tokens.json) or of
 * an installation (/var/lib/vocd/tokens.json). A tokens file holds one token a role; a call takes
 * that of the role it needs. Thread: main. */
#ifndef VOC_CTL_CLIENT_H
#define VOC_CTL_CLIENT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/vocab.h"

struct client;

struct client_options {
    const char *url, *token, *tokens; /* NULL: from the environment or the default */
};
/* NULL after saying why on stderr. */
struct client *client_new(const struct client_options *o);
void client_free(struct client *c); /* NULL is fine */
const char *client_url(const struct client *c);

struct client_answer {
    long status; /* 0: never got there, `body` says why */
    struct buf body;
};
/* `body` {NULL,0}: none. The answer's buf is initialised here; buf_done() it. */
void client_call(struct client *c, enum role role, const char *method, const char *path,
                 const char *content_type, struct span body, struct client_answer *ret);
/* The same with a body made as it is sent: `more` appends to `out` and returns whether there is
 * more. */
void client_stream(struct client *c, enum role role, const char *path, const char *content_type,
                   bool (*more)(void *ctx, struct buf *out), void *ctx, struct client_answer *ret);
/* Prints a problem on stderr unless 2xx. True when it went well. */
bool client_ok(const struct client_answer *a);
/* Percent-encodes into a path. */
void client_escape(struct buf *path, struct span s);
/* The token of a role, NULL when none is to be had. */
const char *client_token(struct client *c, enum role role);

#endif
