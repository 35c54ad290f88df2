#include "base/err.h"
#include "daemon/core/metrics.h"
#include "daemon/http/server.h"

static struct http_exchange *of(struct http_request *r)
{
    return (struct http_exchange *)r;
}

/* The answer has no length and ends with the connection: what every client of event streams reads,
 * and no framing to keep. */
int http_events_begin(struct http_request *r, void (*on_close)(void *ctx), void *ctx)
{
    struct http_exchange *x = of(r);
    struct http_conn *c = x->conn;
    if (!c || c->phase == PHASE_CLOSED || x->head.method == METHOD_HEAD) {
        http_respond(r, 200, "text/event-stream", SPAN_NONE);
        return -EPIPE;
    }
    http_set_header(r, "X-Accel-Buffering", SPAN_LIT("no"));
    c->close_after = true;
    http_answer_head(x, 200, "text/event-stream", NULL, true);
    x->events = true;
    x->on_close = on_close;
    x->on_close_ctx = ctx;
    metric_add(METRIC_HTTP_REQUESTS, 1, 1);
    metric_add(METRIC_EVENT_CLIENTS, 0, 1);
    http_conn_phase(c, PHASE_EVENTS);
    /* When this fails the connection is closing and on_close will say so. */
    http_conn_send(c, buf_span(&r->server->out), SPAN_NONE);
    return 0;
}

static void add_field(struct buf *b, const char *name, struct span value)
{
    for (size_t at = 0; at <= value.n;) {
        struct span rest = span_of(value.p + at, value.n - at);
        size_t n = span_find_char(rest, '\n');
        size_t cut = n > 0 && n < rest.n && rest.p[n - 1] == '\r' ? n - 1 : n;
        buf_str(b, name);
        buf_append(b, ": ", 2);
        buf_append(b, rest.p, cut);
        buf_char(b, '\n');
        at += n + 1;
    }
}

static bool is_one_line(struct span s)
{
    return span_find_char(s, '\n') == s.n && span_find_char(s, '\r') == s.n;
}

int http_event(struct http_request *r, struct span event, struct span id, struct span data)
{
    struct http_exchange *x = of(r);
    struct http_conn *c = x->conn;
    struct buf *b = &r->server->event;
    if (!c || c->phase != PHASE_EVENTS || x->ending)
        return -EPIPE;
    if (!is_one_line(event) || !is_one_line(id))
        return -EINVAL;
    buf_reset(b);
    if (event.n > 0)
        add_field(b, "event", event);
    if (id.n > 0)
        add_field(b, "id", id);
    add_field(b, "data", data);
    buf_char(b, '\n');
    if (buf_error(b) || c->queued + b->n > HTTP_EVENT_QUEUE_MAX)
        return -ENOBUFS;
    return http_conn_send(c, buf_span(b), SPAN_NONE);
}

void http_events_end(struct http_request *r)
{
    struct http_exchange *x = of(r);
    struct http_conn *c = x->conn;
    if (x->ending || !c || c->phase != PHASE_EVENTS)
        return;
    x->ending = true;
    http_conn_finish(c);
}

/* A peer that took nothing between two of these is gone or stuck. */
void http_events_keep_alive(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    if (x->stuck && c->queued > 0) {
        http_conn_close(c);
        return;
    }
    x->stuck = c->queued > 0;
    http_conn_phase(c, PHASE_EVENTS);
    if (!x->stuck)
        http_conn_send(c, SPAN_LIT(":\n\n"), SPAN_NONE);
}

void http_events_closed(struct http_exchange *x)
{
    metric_add(METRIC_EVENT_CLIENTS, 0, -1);
    if (x->on_close)
        x->on_close(x->on_close_ctx);
    http_exchange_free(x);
}
