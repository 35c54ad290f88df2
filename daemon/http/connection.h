/* connection: one socket of the server. Bytes in, phases and their deadlines, bytes out, plain or
 * through TLS by the same way.
 *
 * Memory: about 700 bytes (plus OpenSSL's with TLS) and no buffer while idle: reads land in one
 * buffer of the server, and only a head or body cut short is copied into `in`.
 *
 * Life: made by http_conn_accept(), freed by its close callback, which is also where whoever waits
 * on it learns that the peer is gone: never from inside a call of theirs. Loop thread only. */
#ifndef VOC_HTTP_CONNECTION_H
#define VOC_HTTP_CONNECTION_H

#include <uv.h>

#include "base/buf.h"
#include "daemon/http/parser.h"
#include "daemon/http/tls.h"

struct http_exchange;
struct http_server;

enum {
    HTTP_DRAIN_MAX = 64 * 1024, /* unread body worth reading to keep a connection */
    HTTP_LINGER_MS = 2000,      /* reading on after a last answer, so that it arrives */
    HTTP_RATE_GRACE_MS = 10000, /* before min_rate is asked of a streamed body */
    HTTP_PEER_TEXT = 46,
};

enum http_phase {
    PHASE_HEAD,   /* before or inside a head */
    PHASE_BODY,   /* reading a body for an exchange */
    PHASE_HANDLE, /* the handler has it; no deadline of ours */
    PHASE_WRITE,  /* answered, bytes still to be taken by the peer */
    PHASE_DRAIN,  /* answered early, the rest of the body is dropped */
    PHASE_EVENTS,
    PHASE_LINGER, /* our side is shut; reading until the peer closes */
    PHASE_CLOSED, /* uv_close() under way */
};

struct http_conn {
    uv_tcp_t tcp; /* first */
    struct http_server *server;
    struct http_conn *prev, *next;           /* all of them */
    struct http_conn *slot_prev, *slot_next; /* of one slot of the wheel */
    struct http_conn *wake_next;
    int64_t deadline; /* monotonic ms; INT64_MAX: none */
    int64_t slot_at;  /* when its slot comes up; 0: in none */
    struct tls *tls;
    struct http_exchange *exchange; /* under way, or NULL */
    struct buf in;                  /* bytes not yet consumed */
    size_t scanned;                 /* of `in`, by http_head_find() */
    struct http_framing framing;
    size_t queued;       /* bytes given to libuv, not yet written */
    int64_t body_begun;  /* streams: for the average rate */
    uint64_t body_bytes; /* of body, decoded */
    int64_t paused_at, paused_ms;
    enum http_phase phase;
    bool reading, paused, running, awake, eof, close_after, overflow, fresh;
    char peer[HTTP_PEER_TEXT];
};

int http_conn_accept(struct http_server *s, bool overflow);
void http_conn_expire(struct http_conn *c);
void http_conn_work(struct http_conn *c);
void http_conn_close(struct http_conn *c); /* at once */
void http_conn_phase(struct http_conn *c, enum http_phase phase);
void http_conn_reading(struct http_conn *c); /* reads or not, as the state says */
/* Writes now what the socket takes, queues the rest. -EPIPE when the peer is gone. */
int http_conn_send(struct http_conn *c, struct span head, struct span body);
/* The exchange was answered; goes on with the next request or ends. */
void http_conn_answered(struct http_conn *c);
/* No more will be sent: writes what is queued, then lingers and closes. */
void http_conn_finish(struct http_conn *c);
/* Whether the connection ends with the answer now being made. */
bool http_conn_ends(struct http_conn *c);
/* A body is awaited: its phase and deadline. */
void http_conn_body(struct http_conn *c, bool stream);

#endif
