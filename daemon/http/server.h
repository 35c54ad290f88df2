/* server: listening, limits, the timer wheel, reload, ordered stop; what the files of http/ share.
 * Not for handlers; they see http.h.
 *
 *   connection.c  one socket         exchange.c  one request, from its head to its answer
 *   events.c      event streams      problem.c   what an error looks like
 *
 * Deadlines: every connection has one, in a wheel of lists worked off by one coarse timer that
 * stands still while there is no connection. Loop thread only. */
#ifndef VOC_HTTP_SERVER_H
#define VOC_HTTP_SERVER_H

#include "daemon/http/auth.h"
#include "daemon/http/exchange.h"

enum {
    HTTP_READ_SIZE = 64 * 1024, /* the server's read buffer */
    HTTP_HEAD_READ = 16 * 1024, /* read at once outside bodies: what `in` may hold too much */
    HTTP_TICK_MS = 100,         /* deadlines are kept to within this */
    HTTP_SLOTS = 512,           /* of the wheel: 51 s; longer deadlines go round again */
    HTTP_POOL = 128,            /* exchanges kept for reuse */
    HTTP_OVERFLOW = 64,         /* connections beyond the limit that get a 503 */
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
    size_t n_live, n_pool, body_bytes;
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

void http_deadline(struct http_conn *c, int64_t at); /* INT64_MAX: none */
void http_conn_forget(struct http_conn *c);          /* out of wheel and wake list */
void http_server_settle(struct http_server *s);      /* something ended: is a stop complete? */
void http_wake(struct http_conn *c);                 /* works off `in` from the loop */

#endif
