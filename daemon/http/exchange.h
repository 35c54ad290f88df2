/* exchange: one request and its answer: what stands behind the struct http_request a handler sees.
 *
 * Memory: taken from a pool of the server when a head is complete, with its head, headers, arena
 * and body; given back when it is answered, which may be after its connection went away (then conn
 * is NULL). Loop thread only. */
#ifndef VOC_HTTP_EXCHANGE_H
#define VOC_HTTP_EXCHANGE_H

#include "daemon/http/connection.h"
#include "daemon/http/http.h"
#include "daemon/http/router.h"

enum {
    HTTP_KEEP_BUF = 16 * 1024, /* buffers of pooled exchanges larger than this are freed */
    HTTP_ARENA_MAX = 64 << 20,
    HTTP_ANSWER_MAX = 64 << 20,
    HTTP_BODIES_MAX = 64 << 20, /* bodies taken whole, all of them under way */
    HTTP_EVENT_KEEPALIVE_MS = 15000,
    HTTP_EVENT_QUEUE_MAX = 256 * 1024,
};

struct http_exchange {
    struct http_request pub; /* first */
    struct http_conn *conn;  /* NULL: the peer went away */
    struct http_exchange *prev, *next;
    struct arena arena;
    struct http_head head;
    struct buf raw, body, extra; /* the head's bytes, a whole body, extra answer headers */
    struct pair query[HTTP_MAX_QUERY];
    size_t n_query;
    unsigned own_headers; /* OWN_* the handler set itself */
    bool handled;         /* `handle` was called */
    bool ended;           /* the body is complete */
    bool aborted;
    void (*on_close)(void *ctx); /* events */
    void *on_close_ctx;
    bool events;
    bool ending, stuck; /* events */
    char id[32];
    char peer[HTTP_PEER_TEXT]; /* the connection may be gone first */
};

struct http_exchange *http_exchange_new(struct http_conn *c, struct span raw);
void http_exchange_free(struct http_exchange *x);
void http_exchange_begin(struct http_exchange *x);
void http_exchange_data(struct http_exchange *x, struct span data);
void http_exchange_end(struct http_exchange *x);
/* The peer went away (0) or the body can not be read on (a status). */
void http_exchange_abort(struct http_exchange *x, int status);
void http_exchange_refuse(struct http_exchange *x, const struct http_refusal *why);
/* Status line and the headers every answer has, into server->out. */
void http_answer_head(struct http_exchange *x, int status, const char *type, const size_t *length,
                      bool close);
const char *http_status_text(int status);

/* events.c */
void http_events_keep_alive(struct http_exchange *x);
void http_events_closed(struct http_exchange *x);

#endif
