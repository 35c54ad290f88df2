/* server: what the files of http/ share: the server, its connections, and the exchange behind a
 * request. Not for handlers; they see http.h.
 *
 *   server.c      listening, limits, the timer wheel, reload, ordered stop
 *   connection.c  one socket: bytes in, phases and deadlines, bytes out
 *   exchange.c    one request: dispatch, body, answer
 *   events.c      server-sent events
 *
 * Memory: a connection is about 700 bytes (plus OpenSSL's with TLS) and holds no buffer while idle:
 * reads land in one buffer of the server; only a head or body cut short is copied into `in`. An
 * exchange (head, headers, arena, body) is taken from a pool when a head is complete.
 *
 * Lives: a connection is freed by its last close callback. An exchange is freed when it is
 * answered, which may be after its connection went away (then conn is NULL). Loop thread only. */
#ifndef VOC_HTTP_SERVER_H
#define VOC_HTTP_SERVER_H

#include "daemon/http/auth.h"
#include "daemon/http/http.h"
#include "daemon/http/parser.h"
#include "daemon/http/router.h"
#include "daemon/http/tls.h"

enum {
    HTTP_READ_SIZE = 64 * 1024, /* the server's read buffer; bounds `in` beyond the head as well */
    HTTP_TICK_MS = 100,         /* deadlines are kept to within this */
    HTTP_SLOTS = 512,           /* of the wheel: 51 s; longer deadlines go round again */
    HTTP_POOL = 128,            /* exchanges kept for reuse */
    HTTP_KEEP_BUF = 16 * 1024,  /* buffers of pooled exchanges larger than this are freed */
    HTTP_ARENA_MAX = 64 << 20,
    HTTP_ANSWER_MAX = 64 << 20,
    HTTP_DRAIN_MAX = 64 * 1024, /* unread body worth reading to keep a connection */
    HTTP_LINGER_MS = 2000,      /* reading on after a last answer, so that it arrives */
    HTTP_OVERFLOW = 64,         /* connections beyond the limit that get a 503 */
    HTTP_EVENT_KEEPALIVE_MS = 15000,
    HTTP_EVENT_QUEUE_MAX = 256 * 1024,
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

struct http_exchange;

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

struct http_server {
    struct loop *loop;
    struct config *config;
    const struct http_route *routes;
    size_t n_routes;
    void *app;
    struct auth *auth;
    struct tls_context *tls;
    struct http_authority authority;
    uv_tcp_t listener;
    uv_idle_t wake;
    struct loop_timer *timer;
    struct http_conn *conns, *woken, *working;
    size_t n_conns, n_overflow;
    struct http_conn *slots[HTTP_SLOTS];
    int64_t ticked; /* the last tick worked off, in HTTP_TICK_MS */
    struct http_exchange *live, *pool;
    size_t n_live, n_pool;
    struct buf out, event; /* answer heads and events are made here */
    uint64_t next_id;
    char id_prefix[12];
    int64_t date_second;
    char date[40];
    unsigned open_handles; /* listener and wake */
    bool stopping;         /* no new requests on a connection after the one under way */
    bool intake_stop, intake_told, close_stop, close_told, failed;
    char read_buf[HTTP_READ_SIZE];
    char plain_buf[HTTP_READ_SIZE]; /* decrypted */
};

static inline int64_t http_now(const struct http_server *s)
{
    return clock_mono(loop_clock(s->loop));
}

/* server.c */
void http_deadline(struct http_conn *c, int64_t at); /* INT64_MAX: none */
void http_conn_forget(struct http_conn *c);          /* out of wheel and wake list */
void http_server_settle(struct http_server *s);      /* something ended: is a stop complete? */
void http_wake(struct http_conn *c);                 /* works off `in` from the loop */

/* connection.c */
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

/* exchange.c */
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
