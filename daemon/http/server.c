#include "daemon/http/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"

enum { BACKLOG = 1024 };

/* --- deadlines: a wheel of lists, worked off by one timer --- */

static struct http_conn **slot_of(struct http_server *s, int64_t at)
{
    return &s->slots[(uint64_t)(at / HTTP_TICK_MS) % HTTP_SLOTS];
}

static void slot_leave(struct http_conn *c)
{
    if (c->slot_at == 0)
        return;
    *(c->slot_prev ? &c->slot_prev->slot_next : slot_of(c->server, c->slot_at)) = c->slot_next;
    if (c->slot_next)
        c->slot_next->slot_prev = c->slot_prev;
    c->slot_at = 0;
}

/* Never into the slot being worked off, never further ahead than the wheel is round. */
static void slot_enter(struct http_conn *c)
{
    struct http_server *s = c->server;
    int64_t first = (s->ticked + 1) * HTTP_TICK_MS;
    int64_t last = (s->ticked + HTTP_SLOTS - 1) * HTTP_TICK_MS;
    int64_t at = c->deadline + HTTP_TICK_MS - 1;
    at = at < first ? first : at > last ? last : at;
    struct http_conn **slot = slot_of(s, at);
    c->slot_at = at;
    c->slot_prev = NULL;
    c->slot_next = *slot;
    if (*slot)
        (*slot)->slot_prev = c;
    *slot = c;
}

/* Only an earlier deadline moves a connection; a later one is found out when its slot comes up. So
 * the common case, a request after a request, touches no list. */
void http_deadline(struct http_conn *c, int64_t at)
{
    c->deadline = at;
    if (at == INT64_MAX || (c->slot_at != 0 && c->slot_at <= at + HTTP_TICK_MS))
        return;
    slot_leave(c);
    slot_enter(c);
}

/* slot_enter() never chooses the slot being worked off, so this ends. */
static void work_off_slot(struct http_server *s, int64_t now)
{
    struct http_conn **slot = &s->slots[(uint64_t)s->ticked % HTTP_SLOTS];
    while (*slot) {
        struct http_conn *c = *slot;
        slot_leave(c);
        if (c->deadline == INT64_MAX)
            continue;
        if (c->deadline > now)
            slot_enter(c);
        else
            http_conn_expire(c);
    }
}

static void on_tick(void *ctx)
{
    struct http_server *s = ctx;
    int64_t now = http_now(s), tick = now / HTTP_TICK_MS;
    if (tick - s->ticked > HTTP_SLOTS) /* slept: once round is all there is */
        s->ticked = tick - HTTP_SLOTS;
    while (s->ticked < tick) {
        s->ticked++;
        work_off_slot(s, now);
    }
}

/* --- connections with bytes left to work off --- */

static void on_idle(uv_idle_t *idle)
{
    struct http_server *s = idle->data;
    uv_idle_stop(idle);
    s->working = s->woken; /* those woken meanwhile come next time round the loop */
    s->woken = NULL;
    while (s->working) {
        struct http_conn *c = s->working;
        s->working = c->wake_next;
        c->awake = false;
        http_conn_work(c);
    }
}

void http_wake(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->awake || c->running || c->phase == PHASE_CLOSED)
        return;
    c->awake = true;
    c->wake_next = s->woken;
    s->woken = c;
    uv_idle_start(&s->wake, on_idle);
}

static void leave_list(struct http_conn **at, const struct http_conn *c)
{
    while (*at && *at != c)
        at = &(*at)->wake_next;
    if (*at)
        *at = c->wake_next;
}

void http_conn_forget(struct http_conn *c)
{
    slot_leave(c);
    c->deadline = INT64_MAX;
    if (c->awake) {
        leave_list(&c->server->woken, c);
        leave_list(&c->server->working, c);
        c->awake = false;
    }
}

/* --- accepting --- */

/* Out of descriptors: libuv's own reserve descriptor lets it accept and close what waits, so the
 * loop does not spin on a listener that stays readable. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *s = listener->data;
    if (status < 0) {
        metric_add(METRIC_HTTP_REFUSED, 3, 1);
        log_warning(LOG_HTTP, "connection not accepted", "error=%s", uv_err_name(status));
        return;
    }
    bool overflow = s->n_conns - s->n_overflow >= s->config->http.max_connections;
    if (s->n_conns == 0) {
        s->ticked = http_now(s) / HTTP_TICK_MS;
        loop_timer_set(s->timer, HTTP_TICK_MS, HTTP_TICK_MS);
    }
    int r = http_conn_accept(s, overflow);
    if (overflow || r < 0)
        metric_add(METRIC_HTTP_REFUSED, 3, 1);
}

static int make_address(struct span address, uint16_t port, struct sockaddr_storage *ret)
{
    char text[64];
    if (address.n >= sizeof text)
        return -EINVAL;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    if (uv_ip4_addr(text, port, (struct sockaddr_in *)ret) == 0)
        return 0;
    return uv_ip6_addr(text, port, (struct sockaddr_in6 *)ret);
}

static int listen_on(struct http_server *s, char *message, size_t size)
{
    const struct config *cfg = s->config;
    struct sockaddr_storage addr = {0};
    int n = sizeof addr;
    int r = make_address(cfg->http.address, cfg->http.port, &addr);
    if (r == 0)
        r = uv_tcp_bind(&s->listener, (const struct sockaddr *)&addr, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    if (r == 0)
        r = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&addr, &n);
    if (r < 0) {
        snprintf(message, size, "can not listen on %.*s port %u: %s", SPAN_FMT(cfg->http.address),
                 cfg->http.port, uv_strerror(r));
        return r;
    }
    s->authority.port =
        ntohs(addr.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&addr)->sin6_port
                                         : ((const struct sockaddr_in *)&addr)->sin_port);
    return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->authority.port;
}

/* --- stopping --- */

static void server_release(struct http_server *s)
{
    while (s->pool) {
        struct http_exchange *x = s->pool;
        s->pool = x->next;
        arena_done(&x->arena);
        buf_done(&x->raw);
        buf_done(&x->body);
        buf_done(&x->extra);
        free(x);
    }
    loop_timer_free(s->timer);
    tls_context_free(s->tls);
    buf_done(&s->out);
    buf_done(&s->event);
    config_unref(s->config);
    free(s);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct http_server *s = h->data;
    s->open_handles--;
    if (s->failed && s->open_handles == 0)
        server_release(s);
    else if (!s->failed)
        http_server_settle(s);
}

static void close_handle(uv_handle_t *h)
{
    if (!uv_is_closing(h))
        uv_close(h, on_handle_closed);
}

static bool is_busy(const struct http_server *s)
{
    if (s->n_live > 0)
        return true;
    for (const struct http_conn *c = s->conns; c; c = c->next)
        if (c->phase == PHASE_WRITE)
            return true;
    return false;
}

void http_server_settle(struct http_server *s)
{
    if (s->n_conns == 0 && s->timer)
        loop_timer_set(s->timer, -1, 0);
    if (s->intake_stop && !s->intake_told && !is_busy(s)) {
        s->intake_told = true;
        loop_stopped(s->loop, STOP_INTAKE, s);
    }
    if (s->close_stop && !s->close_told && s->n_conns == 0 && s->open_handles == 0) {
        s->close_told = true;
        loop_stopped(s->loop, STOP_CLOSE, s);
    }
}

static void stop_listen(void *ctx)
{
    struct http_server *s = ctx;
    s->stopping = true;
    close_handle((uv_handle_t *)&s->listener);
    for (struct http_conn *c = s->conns; c; c = c->next)
        if (c->phase == PHASE_HEAD && c->fresh)
            http_conn_close(c);
    loop_stopped(s->loop, STOP_LISTEN, s);
}

static void stop_intake(void *ctx)
{
    struct http_server *s = ctx;
    s->intake_stop = true;
    for (struct http_conn *c = s->conns; c; c = c->next)
        if (c->phase == PHASE_HEAD || c->phase == PHASE_DRAIN || c->phase == PHASE_EVENTS)
            http_conn_close(c);
    http_server_settle(s);
}

static void stop_close(void *ctx)
{
    struct http_server *s = ctx;
    s->close_stop = true;
    for (struct http_conn *c = s->conns; c; c = c->next)
        http_conn_close(c);
    close_handle((uv_handle_t *)&s->listener);
    close_handle((uv_handle_t *)&s->wake);
    http_server_settle(s);
}

/* --- life --- */

static int load_tls(const struct config *config, char *message, size_t size,
                    struct tls_context **ret)
{
    char certificate[4096], key[4096];
    if (!config->http.tls_certificate.p) {
        *ret = NULL;
        return 0;
    }
    snprintf(certificate, sizeof certificate, "%.*s", SPAN_FMT(config->http.tls_certificate));
    snprintf(key, sizeof key, "%.*s", SPAN_FMT(config->http.tls_key));
    return tls_context_new(certificate, key, message, size, ret);
}

static void use_config(struct http_server *s, struct config *config)
{
    struct config *old = s->config;
    s->config = config_ref(config);
    s->authority.address = config->http.address;
    s->authority.hosts = config->http.hosts;
    s->authority.n_hosts = config->http.n_hosts;
    config_unref(old);
}

/* The listen address does not change in a running daemon (config_restart_needed() says so); limits,
 * deadlines, hosts and certificates do. */
void http_server_reload(struct http_server *s, struct config *config)
{
    char message[512];
    struct tls_context *tls;
    use_config(s, config);
    if (load_tls(config, message, sizeof message, &tls) < 0) {
        log_error(LOG_HTTP, "certificate not reloaded; the old one stays", "why=%s", message);
        return;
    }
    if (s->tls && tls) {
        tls_context_free(s->tls);
        s->tls = tls;
    } else {
        tls_context_free(tls);
    }
}

static void give_up(struct http_server *s)
{
    s->failed = true;
    if (s->open_handles == 0)
        server_release(s);
    else {
        close_handle((uv_handle_t *)&s->listener);
        close_handle((uv_handle_t *)&s->wake);
    }
}

static struct http_server *server_alloc(const struct http_server_config *cfg)
{
    struct http_server *s = calloc(1, sizeof *s);
    unsigned char chance[5];
    if (!s)
        return NULL;
    s->loop = cfg->loop;
    s->routes = cfg->routes;
    s->n_routes = cfg->n_routes;
    s->app = cfg->app;
    s->auth = cfg->auth;
    buf_init(&s->out, HTTP_MAX_URI * 4);
    buf_init(&s->event, HTTP_EVENT_QUEUE_MAX);
    rng_system.fill(rng_system.ctx, chance, sizeof chance);
    snprintf(s->id_prefix, sizeof s->id_prefix, "%02x%02x%02x%02x%02x", chance[0], chance[1],
             chance[2], chance[3], chance[4]);
    use_config(s, cfg->config);
    return s;
}

static int open_handles(struct http_server *s)
{
    uv_loop_t *uv = loop_uv(s->loop);
    int r = uv_tcp_init(uv, &s->listener);
    if (r < 0)
        return r;
    uv_idle_init(uv, &s->wake);
    s->listener.data = s->wake.data = s;
    s->open_handles = 2;
    return loop_timer_new(s->loop, -1, 0, on_tick, s, &s->timer);
}

static int join_stop(struct http_server *s)
{
    int r = loop_on_stop(s->loop, STOP_LISTEN, stop_listen, s);
    if (r == 0)
        r = loop_on_stop(s->loop, STOP_INTAKE, stop_intake, s);
    return r == 0 ? loop_on_stop(s->loop, STOP_CLOSE, stop_close, s) : r;
}

int http_server_new(const struct http_server_config *cfg, char *message, size_t size,
                    struct http_server **ret_server)
{
    struct http_server *s = server_alloc(cfg);
    if (!s)
        return -ENOMEM;
    snprintf(message, size, "the HTTP server can not start");
    http_head_setup();
    int r = load_tls(s->config, message, size, &s->tls);
    if (r == 0)
        r = open_handles(s);
    if (r == 0)
        r = listen_on(s, message, size);
    if (r == 0)
        r = join_stop(s);
    if (r < 0) {
        give_up(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    while (s->live) { /* never answered: their handlers are gone */
        s->live->conn = NULL;
        http_exchange_free(s->live);
    }
    if (s->open_handles > 0) { /* the loop never ran */
        give_up(s);
        return;
    }
    server_release(s);
}
