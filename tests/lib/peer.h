/* peer: a scripted HTTP server on the test's own loop: it says exactly the bytes it is told, or
 * nothing, or too much. For tests of what vocd sends out. 127.0.0.1 only.
 *
 * Thread: the loop's. */
#ifndef VOC_TESTS_LIB_PEER_H
#define VOC_TESTS_LIB_PEER_H

#include <uv.h>

#include "base/span.h"

enum peer_act {
    PEER_ANSWER,  /* `text`, and on with the connection */
    PEER_CLOSE,   /* `text`, then closes */
    PEER_SILENT,  /* nothing, ever */
    PEER_RESET,   /* the connection is reset */
    PEER_ENDLESS, /* `text`, then more and more */
};
struct peer_reply {
    enum peer_act act;
    const char *text;
};

struct peer;
/* `reply` is asked for each whole request (head and Content-Length), as it came. */
typedef struct peer_reply peer_reply_fn(void *ctx, struct span request);

/* Ends the test on failure. */
struct peer *peer_new(uv_loop_t *loop, peer_reply_fn *reply, void *ctx);
int peer_port(const struct peer *p);
int peer_connections(const struct peer *p); /* accepted so far */
void peer_close(struct peer *p);            /* listener and connections */
void peer_free(struct peer *p); /* after the loop has closed the handles; NULL is fine */

#endif
