#include "daemon/http/server.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"

static const struct http_refusal too_slow = {408, "request-timeout",
                                             "The request did not arrive within the time allowed."};

/* --- bytes out --- */

struct pending_write {
    uv_write_t req; /* first */
    size_t n;
    char data[];
};

static void conn_next(struct http_conn *c);

static void on_written(uv_write_t *req, int status)
{
    struct pending_write *w = (struct pending_write *)req;
    struct http_conn *c = req->data;
    c->queued -= w->n;
    free(w);
    if (c->phase == PHASE_CLOSED)
        return;
    if (status < 0) {
        http_conn_close(c);
    } else if (c->queued == 0 && c->phase == PHASE_WRITE) {
        conn_next(c);
        http_conn_reading(c);
        http_server_settle(c->server);
    }
}

/* What the socket did not take is copied: the rare case of a slow or stuck peer. */
static int queue_rest(struct http_conn *c, const uv_buf_t bufs[2], size_t sent, size_t total)
{
    struct pending_write *w = malloc(sizeof *w + total - sent);
    if (!w)
        return -ENOMEM;
    w->n = 0;
    for (int i = 0; i < 2; i++) {
        size_t skip = sent < bufs[i].len ? sent : bufs[i].len;
        if (bufs[i].len > skip)
            memcpy(w->data + w->n, bufs[i].base + skip, bufs[i].len - skip);
        w->n += bufs[i].len - skip;
        sent -= skip;
    }
    w->req.data = c;
    uv_buf_t buf = uv_buf_init(w->data, (unsigned)w->n);
    int r = uv_write(&w->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
    if (r < 0) {
        free(w);
        return r;
    }
    c->queued += w->n;
    return 0;
}

static int send_raw(struct http_conn *c, struct span head, struct span body)
{
    uv_buf_t bufs[2] = {{.base = (char *)head.p, .len = head.n},
                        {.base = (char *)body.p, .len = body.n}};
    size_t total = head.n + body.n, sent = 0;
    if (total == 0)
        return 0;
    int r = c->queued ? UV_EAGAIN : uv_try_write((uv_stream_t *)&c->tcp, bufs, body.n > 0 ? 2 : 1);
    if (r >= 0) {
        sent = (size_t)r;
        r = 0;
    } else if (r == UV_EAGAIN) {
        r = 0;
    }
    if (r == 0 && sent < total)
        r = queue_rest(c, bufs, sent, total);
    if (r < 0) {
        http_conn_close(c);
        return -EPIPE;
    }
    return 0;
}

static int flush_tls(struct http_conn *c)
{
    int r = send_raw(c, tls_out(c->tls), SPAN_NONE);
    tls_out_clear(c->tls);
    return r;
}

int http_conn_send(struct http_conn *c, struct span head, struct span body)
{
    if (c->phase == PHASE_CLOSED)
        return -EPIPE;
    if (!c->tls)
        return send_raw(c, head, body);
    if (tls_write(c->tls, head) < 0 || tls_write(c->tls, body) < 0) {
        http_conn_close(c);
        return -EPIPE;
    }
    return flush_tls(c);
}

/* --- phases --- */

void http_conn_phase(struct http_conn *c, enum http_phase phase)
{
    const struct config *cfg = c->server->config;
    int64_t now = http_now(c->server), in_ms = 0;
    c->phase = phase;
    switch (phase) {
    case PHASE_HEAD:
        in_ms = cfg->http.idle_timeout_ms;
        break;
    case PHASE_WRITE: /* what is queued may take its time at the slowest rate we bear */
        in_ms = cfg->http.write_timeout_ms +
                (int64_t)(c->queued * 1000 / (cfg->http.min_rate ? cfg->http.min_rate : 1024));
        break;
    case PHASE_DRAIN:
        in_ms = cfg->http.body_timeout_ms;
        break;
    case PHASE_EVENTS:
        in_ms = HTTP_EVENT_KEEPALIVE_MS;
        break;
    case PHASE_LINGER:
        in_ms = HTTP_LINGER_MS;
        break;
    default:
        http_deadline(c, INT64_MAX);
        return;
    }
    http_deadline(c, now + in_ms);
}

void http_conn_body(struct http_conn *c, bool stream)
{
    int64_t now = http_now(c->server);
    c->phase = PHASE_BODY;
    c->body_begun = now;
    c->body_bytes = 0;
    c->paused_ms = 0;
    http_deadline(c, now + (stream ? MS_SECOND : c->server->config->http.body_timeout_ms));
}

/* The last answer is out. Closing now would reset the connection when the peer still sends, and a
 * reset takes the answer with it: so our side is shut and what comes is dropped for a while. */
static void linger(struct http_conn *c)
{
    uv_os_fd_t fd;
    http_conn_phase(c, PHASE_LINGER);
    if (c->tls) {
        tls_goodbye(c->tls);
        if (flush_tls(c) < 0)
            return;
    }
    if (c->eof)
        http_conn_close(c);
    else if (c->queued == 0 && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
        shutdown(fd, SHUT_WR);
}

/* Answered and written: the next request, the rest of a body, or the end. */
static void conn_next(struct http_conn *c)
{
    if (c->close_after || (c->eof && c->in.n == 0)) {
        linger(c);
        return;
    }
    if (!http_framing_done(&c->framing)) {
        http_conn_phase(c, PHASE_DRAIN);
    } else {
        c->fresh = true;
        c->scanned = 0;
        http_conn_phase(c, PHASE_HEAD);
    }
    if (c->in.n > 0)
        http_wake(c);
}

void http_conn_finish(struct http_conn *c)
{
    c->close_after = true;
    if (c->queued > 0)
        http_conn_phase(c, PHASE_WRITE);
    else
        conn_next(c);
}

bool http_conn_ends(struct http_conn *c)
{
    /* A short rest of a body is worth reading: a sender told 503 or 401 keeps its connection. */
    bool drainable = c->framing.left <= HTTP_DRAIN_MAX && http_framing_has_length(&c->framing);
    if (c->server->stopping || c->eof || (!http_framing_done(&c->framing) && !drainable))
        c->close_after = true;
    return c->close_after;
}

void http_conn_answered(struct http_conn *c)
{
    c->exchange = NULL;
    if (c->paused) {
        c->paused = false;
        if (!c->running)
            http_conn_reading(c);
    }
    if (c->phase == PHASE_CLOSED)
        return;
    if (c->queued > 0) {
        c->close_after = c->close_after || !http_framing_done(&c->framing);
        http_conn_phase(c, PHASE_WRITE);
    } else {
        conn_next(c);
    }
}

/* --- bytes in --- */

static void refuse(struct http_conn *c, const struct http_refusal *why)
{
    struct http_exchange *x = c->exchange ? c->exchange : http_exchange_new(c, SPAN_NONE);
    c->close_after = true;
    if (x)
        http_exchange_refuse(x, why);
    else
        http_conn_close(c);
}

static size_t take_head(struct http_conn *c, struct span in)
{
    const struct http_refusal *why = NULL;
    const struct config *cfg = c->server->config;
    if (c->fresh) {
        c->fresh = false;
        http_deadline(c, http_now(c->server) + cfg->http.header_timeout_ms);
    }
    long n = http_head_find(in, cfg->http.max_header, &c->scanned, &why);
    if (n == 0)
        return 0;
    c->scanned = 0;
    if (n < 0) {
        refuse(c, why);
        return in.n;
    }
    struct http_exchange *x = http_exchange_new(c, span_of(in.p, (size_t)n));
    if (x)
        http_exchange_begin(x);
    else
        http_conn_close(c);
    return (size_t)n;
}

static void take_data(struct http_conn *c, struct span data)
{
    c->body_bytes += data.n;
    if (c->exchange && data.n > 0)
        http_exchange_data(c->exchange, data);
}

static size_t take_body(struct http_conn *c, struct span in)
{
    size_t used = 0;
    struct span data;
    if (c->paused)
        return 0;
    const struct http_refusal *why = http_framing_step(&c->framing, in, &used, &data);
    if (why) {
        c->close_after = true;
        if (c->exchange)
            http_exchange_abort(c->exchange, why->status);
        else
            http_conn_close(c);
        return in.n;
    }
    take_data(c, data);
    if (!http_framing_done(&c->framing))
        return used;
    if (c->exchange)
        http_exchange_end(c->exchange);
    else if (c->phase == PHASE_DRAIN)
        conn_next(c);
    return used;
}

/* Works `in` off as far as the state allows; how much was used. */
static size_t consume(struct http_conn *c, struct span in)
{
    size_t at = 0, used = 1;
    c->running = true;
    while (at < in.n && used > 0) {
        struct span rest = span_of(in.p + at, in.n - at);
        switch (c->phase) {
        case PHASE_HEAD:
            used = take_head(c, rest);
            break;
        case PHASE_BODY:
        case PHASE_DRAIN:
            used = take_body(c, rest);
            break;
        case PHASE_HANDLE:
        case PHASE_WRITE:
            used = 0;
            break;
        default:
            used = rest.n;
        }
        at += used;
    }
    c->running = false;
    return at;
}

/* The peer will send no more. Half-closed peers still get the answer they wait for. */
static void at_eof(struct http_conn *c)
{
    switch (c->phase) {
    case PHASE_HANDLE:
    case PHASE_WRITE:
    case PHASE_CLOSED:
        break;
    case PHASE_BODY:
        if (c->paused)
            break;
        c->close_after = true;
        http_exchange_abort(c->exchange, 0);
        break;
    default:
        http_conn_close(c);
    }
}

static void settle_input(struct http_conn *c)
{
    if (c->in.n == 0 && c->in.cap > 0)
        buf_done(&c->in);
    if (c->eof)
        at_eof(c);
    http_conn_reading(c);
}

void http_conn_work(struct http_conn *c)
{
    if (c->phase == PHASE_CLOSED)
        return;
    if (c->in.n > 0)
        buf_consume(&c->in, consume(c, buf_span(&c->in)));
    settle_input(c);
}

static void take_input(struct http_conn *c, struct span data)
{
    if (c->in.n > 0) {
        if (buf_add(&c->in, data) < 0) {
            http_conn_close(c);
            return;
        }
        http_conn_work(c);
        return;
    }
    size_t used = consume(c, data);
    if (used < data.n && buf_append(&c->in, data.p + used, data.n - used) < 0) {
        http_conn_close(c);
        return;
    }
    settle_input(c);
}

static void take_tls(struct http_conn *c, struct span data)
{
    char *plain = c->server->plain_buf;
    if (c->phase == PHASE_LINGER)
        return;
    long n = tls_feed(c->tls, data) < 0 ? -EPROTO : 1;
    while (n > 0 && c->phase != PHASE_CLOSED) {
        n = tls_read(c->tls, plain, HTTP_READ_SIZE);
        if (n > 0)
            take_input(c, span_of(plain, (size_t)n));
    }
    if (c->phase == PHASE_CLOSED || flush_tls(c) < 0)
        return;
    if (n == -EPIPE) {
        c->eof = true;
        settle_input(c);
    } else if (n < 0) {
        metric_add(METRIC_HTTP_REFUSED, 0, 1);
        http_conn_close(c);
    }
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct http_conn *c = (struct http_conn *)h;
    bool in_body = c->phase == PHASE_BODY || c->phase == PHASE_DRAIN;
    (void)suggested;
    *buf = uv_buf_init(c->server->read_buf, in_body ? HTTP_READ_SIZE : HTTP_HEAD_READ);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct http_conn *c = (struct http_conn *)stream;
    if (c->phase == PHASE_CLOSED || n == 0)
        return;
    if (n > 0 && c->tls) {
        take_tls(c, span_of(buf->base, (size_t)n));
    } else if (n > 0) {
        take_input(c, span_of(buf->base, (size_t)n));
    } else if (n == UV_EOF) {
        c->eof = true;
        settle_input(c);
    } else {
        http_conn_close(c);
    }
}

/* Back-pressure: a socket nobody has room for is not read, and the peer's window closes. */
void http_conn_reading(struct http_conn *c)
{
    size_t limit = c->server->config->http.max_header;
    bool want = c->phase != PHASE_CLOSED && !c->eof && !c->paused && c->in.n <= limit;
    if (want == c->reading || c->phase == PHASE_CLOSED)
        return;
    c->reading = want;
    if (want)
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&c->tcp);
}

/* --- deadlines --- */

/* A stream: at most stream_timeout in all, and after a while at least min_rate on average. Time in
 * which we did not read is not the peer's. */
static void expire_stream(struct http_conn *c)
{
    const struct config *cfg = c->server->config;
    int64_t now = http_now(c->server);
    int64_t idle = c->paused_ms + (c->paused ? now - c->paused_at : 0);
    int64_t active = now - c->body_begun - idle;
    bool slow = active > HTTP_RATE_GRACE_MS &&
                (int64_t)(c->body_bytes * 1000 / (uint64_t)active) < (int64_t)cfg->http.min_rate;
    if (!slow && active < cfg->http.stream_timeout_ms) {
        int64_t left = cfg->http.stream_timeout_ms - active;
        http_deadline(c, now + (left < MS_SECOND ? left : MS_SECOND));
        return;
    }
    metric_add(METRIC_HTTP_REFUSED, 2, 1);
    c->close_after = true;
    http_exchange_abort(c->exchange, 408);
    http_conn_reading(c);
}

void http_conn_expire(struct http_conn *c)
{
    switch (c->phase) {
    case PHASE_HEAD:
        if (c->fresh || c->overflow || (c->tls && c->in.n == 0))
            http_conn_close(c);
        else
            refuse(c, &too_slow);
        break;
    case PHASE_BODY:
        if (c->exchange && c->exchange->handled)
            expire_stream(c);
        else
            refuse(c, &too_slow);
        break;
    case PHASE_EVENTS:
        http_events_keep_alive(c->exchange);
        break;
    default:
        http_conn_close(c);
    }
}

/* --- life --- */

static void on_closed(uv_handle_t *h)
{
    struct http_conn *c = (struct http_conn *)h;
    struct http_server *s = c->server;
    *(c->prev ? &c->prev->next : &s->conns) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->n_conns--;
    s->n_overflow -= c->overflow;
    metric_add(METRIC_HTTP_CONNECTIONS, 0, -1);
    if (c->exchange) {
        struct http_exchange *x = c->exchange;
        x->conn = NULL;
        http_exchange_abort(x, 0);
    }
    tls_free(c->tls);
    buf_done(&c->in);
    free(c);
    http_server_settle(s);
}

/* Nobody is called back from here: handlers learn of it from the close callback, never from inside
 * a call of theirs. */
void http_conn_close(struct http_conn *c)
{
    if (c->phase == PHASE_CLOSED)
        return;
    c->phase = PHASE_CLOSED;
    c->fresh = false;
    http_conn_forget(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void note_peer(struct http_conn *c)
{
    struct sockaddr_storage addr = {0};
    int n = sizeof addr;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&addr, &n) < 0)
        return;
    if (addr.ss_family == AF_INET6)
        uv_ip6_name((const struct sockaddr_in6 *)&addr, c->peer, sizeof c->peer);
    else
        uv_ip4_name((const struct sockaddr_in *)&addr, c->peer, sizeof c->peer);
}

static int conn_open(struct http_conn *c)
{
    struct http_server *s = c->server;
    int r = uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp);
    if (r < 0)
        return r;
    if (c->overflow && (s->tls || s->n_overflow > HTTP_OVERFLOW))
        return -EMFILE;
    uv_tcp_nodelay(&c->tcp, 1);
    note_peer(c);
    return s->tls ? tls_new(s->tls, &c->tls) : 0;
}

int http_conn_accept(struct http_server *s, bool overflow)
{
    struct http_conn *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    int r = uv_tcp_init(loop_uv(s->loop), &c->tcp);
    if (r < 0) {
        free(c);
        return r;
    }
    c->server = s;
    c->overflow = overflow;
    c->fresh = true;
    buf_init(&c->in, s->config->http.max_header + 2 * HTTP_READ_SIZE);
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    s->n_conns++;
    s->n_overflow += overflow;
    metric_add(METRIC_HTTP_CONNECTIONS, 0, 1);
    r = conn_open(c);
    if (r < 0) {
        http_conn_close(c);
        return r;
    }
    /* The first head has header_timeout from here on; an idle wait is for those who asked before.
     */
    http_deadline(c, http_now(s) + (overflow ? HTTP_LINGER_MS : s->config->http.header_timeout_ms));
    http_conn_reading(c);
    return 0;
}
