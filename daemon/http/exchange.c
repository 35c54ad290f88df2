#include "daemon/http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/http/origin.h"

enum { OWN_CSP = 1, OWN_CACHE = 2, EXTRA_MAX = 16 * 1024, KEEP_ARENA = 64 * 1024 };

static struct http_exchange *of(struct http_request *r)
{
    return (struct http_exchange *)r;
}

/* --- life --- */

static void keep_or_free(struct buf *b)
{
    if (b->cap > HTTP_KEEP_BUF)
        buf_done(b);
    else
        buf_reset(b);
}

static struct http_exchange *take(struct http_server *s)
{
    struct http_exchange *x = s->pool;
    if (x) {
        s->pool = x->next;
        s->n_pool--;
        return x;
    }
    x = calloc(1, sizeof *x);
    if (x) {
        arena_init(&x->arena, HTTP_ARENA_MAX);
        buf_init(&x->raw, 0);
        buf_init(&x->body, 0);
        buf_init(&x->extra, EXTRA_MAX);
    }
    return x;
}

static void release(struct http_server *s, struct http_exchange *x)
{
    if (s->n_pool >= HTTP_POOL) {
        arena_done(&x->arena);
        buf_done(&x->raw);
        buf_done(&x->body);
        buf_done(&x->extra);
        free(x);
        return;
    }
    arena_reset(&x->arena);
    if (x->arena.reserved > KEEP_ARENA)
        arena_done(&x->arena);
    keep_or_free(&x->raw);
    keep_or_free(&x->body);
    keep_or_free(&x->extra);
    x->next = s->pool;
    s->pool = x;
    s->n_pool++;
}

/* All but the memory it keeps; the head's table is filled by the parser. */
static void clear(struct http_exchange *x)
{
    x->pub = (struct http_request){.arena = &x->arena};
    x->head.method = METHOD_GET;
    x->head.n_fields = 0;
    x->n_query = 0;
    x->own_headers = 0;
    x->handled = x->ended = x->aborted = x->events = x->ending = x->stuck = false;
    x->on_close = NULL;
}

struct http_exchange *http_exchange_new(struct http_conn *c, struct span raw)
{
    struct http_server *s = c->server;
    struct http_exchange *x = take(s);
    if (!x)
        return NULL;
    clear(x);
    x->prev = NULL;
    x->next = s->live;
    if (x->next)
        x->next->prev = x;
    s->live = x;
    s->n_live++;
    x->conn = c;
    c->exchange = x;
    int n =
        snprintf(x->id, sizeof x->id, "%s%08llx", s->id_prefix, (unsigned long long)s->next_id++);
    memcpy(x->peer, c->peer, sizeof x->peer);
    x->pub.server = s;
    x->pub.app = s->app;
    x->pub.id = span_of(x->id, (size_t)n);
    x->pub.peer = span_str(x->peer);
    x->pub.method = http_method_text(METHOD_GET);
    buf_add(&x->raw, raw);
    if (buf_error(&x->raw)) {
        http_exchange_free(x);
        return NULL;
    }
    return x;
}

void http_exchange_free(struct http_exchange *x)
{
    struct http_server *s = x->pub.server;
    if (x->conn && x->conn->exchange == x)
        x->conn->exchange = NULL;
    *(x->prev ? &x->prev->next : &s->live) = x->next;
    if (x->next)
        x->next->prev = x->prev;
    s->n_live--;
    s->body_bytes -= x->body.n;
    release(s, x);
    http_server_settle(s);
}

/* --- the answer --- */

/* IMF-fixdate, made once a second. */
static struct span date_text(struct http_server *s)
{
    time_t now = (time_t)(clock_wall(loop_clock(s->loop)) / MS_SECOND);
    if (now != s->date_second || !s->date[0]) {
        struct tm tm;
        s->date_second = now;
        gmtime_r(&now, &tm);
        strftime(s->date, sizeof s->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    }
    return span_str(s->date);
}

static void add_line(struct buf *b, const char *name, struct span value)
{
    buf_str(b, name);
    buf_append(b, ": ", 2);
    buf_add(b, value);
    buf_append(b, "\r\n", 2);
}

static void add_number(struct buf *b, const char *before, size_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_str(b, before);
    buf_append(b, digits + at, sizeof digits - at);
}

void http_answer_head(struct http_exchange *x, int status, const char *type, const size_t *length,
                      bool close)
{
    struct http_server *s = x->pub.server;
    struct buf *b = &s->out;
    buf_reset(b);
    add_number(b, "HTTP/1.1 ", (size_t)status);
    buf_char(b, ' ');
    buf_str(b, http_status_text(status));
    buf_append(b, "\r\n", 2);
    add_line(b, "Date", date_text(s));
    if (type)
        add_line(b, "Content-Type", span_str(type));
    if (length) {
        add_number(b, "Content-Length: ", *length);
        buf_append(b, "\r\n", 2);
    }
    add_line(b, "X-Request-Id", x->pub.id);
    buf_add(b, SPAN_LIT("X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"));
    if (!(x->own_headers & OWN_CACHE))
        buf_add(b, SPAN_LIT("Cache-Control: no-store\r\n"));
    if (!(x->own_headers & OWN_CSP))
        buf_add(b, SPAN_LIT("Content-Security-Policy: default-src 'none'; "
                            "frame-ancestors 'none'\r\n"));
    buf_add(b, buf_span(&x->extra));
    if (close)
        buf_add(b, SPAN_LIT("Connection: close\r\n"));
    buf_append(b, "\r\n", 2);
}

void http_set_header(struct http_request *r, const char *name, struct span value)
{
    struct http_exchange *x = of(r);
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return; /* a line break would let a value write headers of its own */
    if (span_eq_nocase(span_str(name), SPAN_LIT("content-security-policy")))
        x->own_headers |= OWN_CSP;
    if (span_eq_nocase(span_str(name), SPAN_LIT("cache-control")))
        x->own_headers |= OWN_CACHE;
    add_line(&x->extra, name, value);
}

static void note_answer(const struct http_exchange *x, int status)
{
    metric_add(METRIC_HTTP_REQUESTS, (unsigned)status / 100 - 1, 1);
    log_debug(LOG_HTTP, "answered", "request=%.*s method=%s route=%s status=%d",
              SPAN_FMT(x->pub.id), x->pub.method, x->pub.route ? x->pub.route->pattern : "-",
              status);
}

void http_respond(struct http_request *r, int status, const char *type, struct span body)
{
    struct http_exchange *x = of(r);
    struct http_conn *c = x->conn;
    bool bare = status == 204 || status == 304;
    if (body.n > HTTP_ANSWER_MAX) {
        http_problem(r, 500, "answer-too-large", "The answer has more than %d bytes.",
                     HTTP_ANSWER_MAX);
        return;
    }
    note_answer(x, status);
    if (c && c->phase != PHASE_CLOSED) {
        http_answer_head(x, status,
                         bare   ? NULL
                         : type ? type
                                : "application/json",
                         bare ? NULL : &body.n, http_conn_ends(c));
        if (bare || x->head.method == METHOD_HEAD)
            body = SPAN_NONE;
        if (buf_error(&r->server->out))
            http_conn_close(c);
        else
            http_conn_send(c, buf_span(&r->server->out), body);
        http_conn_answered(c);
    }
    http_exchange_free(x);
}

void http_exchange_refuse(struct http_exchange *x, const struct http_refusal *why)
{
    unsigned reason = why->status == 408                                               ? 2
                      : why->status == 413 || why->status == 414 || why->status == 431 ? 1
                                                                                       : 0;
    metric_add(METRIC_HTTP_REFUSED, reason, 1);
    http_problem(&x->pub, why->status, why->code, "%s", why->detail);
}

/* --- who may ask what --- */

static bool check_host(struct http_exchange *x)
{
    if (!x->head.host.p || http_host_is_ours(&x->pub.server->authority, x->head.host))
        return true;
    http_problem(&x->pub, 421, "misdirected-request",
                 "The Host header does not name this server; see http.hosts in the configuration.");
    return false;
}

static bool find_route(struct http_exchange *x, struct http_match *m)
{
    struct http_server *s = x->pub.server;
    char allow[HTTP_ALLOW_MAX];
    int r = http_route_find(s->routes, s->n_routes, x->head.method, x->pub.path, m);
    if (r == -EOPNOTSUPP) {
        http_allow_text(m->allow, allow);
        http_set_header(&x->pub, "Allow", span_str(allow));
        http_problem(&x->pub, 405, "method-not-allowed", "This path serves %s.", allow);
    } else if (r < 0) {
        http_problem(&x->pub, 404, "not-found", "There is nothing at this path.");
    }
    x->pub.route = r == 0 ? m->route : NULL;
    return r == 0;
}

static bool authenticate(struct http_exchange *x)
{
    struct http_request *r = &x->pub;
    const struct clock *clock = loop_clock(r->server->loop);
    int64_t retry_ms = 0;
    struct auth_query q = {
        .authorization = http_head_field(&x->head, SPAN_LIT("authorization")),
        .cookie = http_session_cookie(r),
        .peer = r->peer,
        .wall = clock_wall(clock),
        .mono = clock_mono(clock),
    };
    int rc = auth_principal(r->server->auth, &q, &r->principal, &retry_ms);
    if (rc == -EAGAIN) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%lld", (long long)((retry_ms + 999) / 1000));
        http_set_header(r, "Retry-After", span_str(seconds));
        http_problem(r, 429, "too-many-failures", "Too many requests without a valid token.");
    } else if (rc < 0) {
        http_problem(r, 401, "unauthorized", "A valid Bearer token is needed.");
    }
    return rc == 0 && (!r->principal.by_session || http_same_origin(r, &r->principal));
}

bool http_is_tls(const struct http_request *r)
{
    return r->server->tls != NULL;
}

/* A second Cookie header is nothing a browser sends (RFC 6265 §5.4). */
struct span http_session_cookie(const struct http_request *r)
{
    const struct http_head *head = &((const struct http_exchange *)r)->head;
    struct span header = SPAN_NONE;
    for (size_t i = 0; i < head->n_fields; i++) {
        if (!span_is(head->fields[i].name, "cookie"))
            continue;
        if (header.p)
            return SPAN_NONE;
        header = head->fields[i].value;
    }
    return session_cookie_find(header, http_is_tls(r) ? SESSION_NAME_TLS : SESSION_NAME);
}

bool http_same_origin(struct http_request *r, const struct http_principal *p)
{
    const struct http_head *head = &of(r)->head;
    struct origin_check c = {.origin = http_head_field(head, SPAN_LIT("origin")),
                             .fetch_site = http_head_field(head, SPAN_LIT("sec-fetch-site")),
                             .host = head->host,
                             .external_url = r->server->config->external_url,
                             .tls = http_is_tls(r)};
    bool reads = head->method == METHOD_GET || head->method == METHOD_HEAD;
    if (!(reads ? origin_may_read(&c) : origin_may_write(&c))) {
        http_problem(r, 403, "csrf", "This was asked for by a page of another origin.");
        return false;
    }
    if (reads || !p ||
        auth_session_csrf_is(r->server->auth, p, http_head_field(head, SPAN_LIT("x-csrf-token"))))
        return true;
    http_problem(r, 403, "csrf", "X-CSRF-Token is not the one of this session.");
    return false;
}

/* A path that names a workspace must name the token's. */
static bool is_own_workspace(const struct http_request *r)
{
    const char *at = strstr(r->route->pattern, "{workspace}");
    size_t index = 0;
    for (const char *p = r->route->pattern; at && p < at; p++)
        index += *p == '{';
    return !at || span_eq(r->params[index], r->principal.workspace);
}

static bool authorize(struct http_exchange *x)
{
    struct http_request *r = &x->pub;
    if (r->route->auth != AUTH_TOKEN)
        return true;
    if (!authenticate(x))
        return false;
    if (!(r->route->roles & ROLE_BIT(r->principal.role))) {
        http_problem(r, 403, "forbidden", "The role %s may not do this.",
                     vocab_code(VOCAB_ROLE, r->principal.role));
        return false;
    }
    if (!is_own_workspace(r)) {
        http_problem(r, 403, "other-workspace", "The token belongs to another workspace.");
        return false;
    }
    return true;
}

/* --- what is asked --- */

static bool decode_params(struct http_exchange *x, const struct http_match *m)
{
    for (size_t i = 0; i < m->n_params; i++) {
        int rc = http_percent_decode(m->params[i], false, &x->arena, &x->pub.params[i]);
        if (rc < 0) {
            http_problem(&x->pub, rc == -ENOMEM ? 503 : 400, "malformed-path",
                         "A segment of the path is not percent-encoded UTF-8.");
            return false;
        }
    }
    return true;
}

static bool parse_query(struct http_exchange *x)
{
    struct span name = SPAN_NONE;
    int rc = http_query_parse(x->head.query, x->pub.route->query, &x->arena, x->query, &x->n_query,
                              &name);
    const char *what = rc == -EINVAL   ? "is not a parameter of this path"
                       : rc == -EEXIST ? "is given twice"
                       : rc == -E2BIG  ? "is one parameter too many"
                                       : "is not percent-encoded UTF-8";
    if (name.n > 64)
        name = SPAN_LIT("(a long name)");
    if (rc < 0)
        http_problem(&x->pub, rc == -ENOMEM ? 503 : 400, "malformed-query",
                     name.p ? "The query parameter %.*s %s." : "A query parameter %.*s%s.",
                     SPAN_FMT(name), what);
    return rc == 0;
}

static size_t body_limit(const struct http_exchange *x)
{
    const struct config *cfg = x->pub.server->config;
    return x->pub.route->body == BODY_STREAM ? cfg->http.max_stream : cfg->http.max_body;
}

static bool check_body(struct http_exchange *x)
{
    struct http_request *r = &x->pub;
    if (r->route->body == BODY_NONE && !http_framing_done(&x->conn->framing)) {
        http_problem(r, 400, "unexpected-body", "This request takes no body.");
        return false;
    }
    if (x->head.length > body_limit(x)) {
        metric_add(METRIC_HTTP_REFUSED, 1, 1);
        http_problem(r, 413, "body-too-large", "The body may have at most %zu bytes.",
                     body_limit(x));
        return false;
    }
    return !r->route->admit || r->route->admit(r, x->head.length);
}

/* --- the way of a request --- */

static void hand_over(struct http_exchange *x)
{
    x->handled = true;
    x->ended = true;
    http_conn_phase(x->conn, PHASE_HANDLE);
    x->pub.body = buf_span(&x->body);
    if (!x->pub.body.p)
        x->pub.body = SPAN_LIT("");
    x->pub.route->handle(&x->pub);
}

/* The handler sees the stream before its first byte; it may have answered already. */
static void begin_stream(struct http_conn *c)
{
    struct http_exchange *x = c->exchange;
    http_conn_body(c, true);
    x->handled = true;
    x->pub.route->handle(&x->pub);
    if (c->exchange && http_framing_done(&c->framing))
        http_exchange_end(c->exchange);
}

/* The body may come: who waits for it is told so, unless the handler of a stream refused already.
 */
static void begin_body(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    bool waits = x->head.expect_continue && !http_framing_done(&c->framing);
    if (x->pub.route->body == BODY_STREAM) {
        begin_stream(c);
    } else if (http_framing_done(&c->framing)) {
        hand_over(x);
    } else {
        x->body.max = body_limit(x);
        if (x->head.length <= HTTP_KEEP_BUF)
            buf_reserve(&x->body, (size_t)x->head.length);
        http_conn_body(c, false);
    }
    if (waits && c->exchange) {
        c->close_after = !c->exchange->head.keep_alive;
        http_conn_send(c, SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n"), SPAN_NONE);
    }
}

void http_exchange_begin(struct http_exchange *x)
{
    struct http_conn *c = x->conn;
    struct http_match m;
    http_conn_phase(c, PHASE_HANDLE);
    const struct http_refusal *why = http_head_parse(x->raw.p, x->raw.n, &x->head);
    if (why) {
        c->close_after = true;
        http_exchange_refuse(x, why);
        return;
    }
    http_framing_begin(&c->framing, &x->head);
    /* Who waits for 100 Continue need not send its body after a refusal, and we could not tell. */
    bool waits = x->head.expect_continue && !http_framing_done(&c->framing);
    c->close_after = !x->head.keep_alive || waits;
    x->pub.method = http_method_text(x->head.method);
    x->pub.path = x->head.path;
    if (c->overflow) {
        c->close_after = true;
        http_problem(&x->pub, 503, "too-many-connections", "The server has no free connection.");
        return;
    }
    if (check_host(x) && find_route(x, &m) && decode_params(x, &m) && authorize(x) &&
        parse_query(x) && check_body(x))
        begin_body(x);
}

/* Bodies taken whole are bounded together, too: a webhook's is read before anybody knows who sends
 * it. One of the largest size always fits. */
static bool has_room(const struct http_exchange *x, size_t n)
{
    size_t most = x->pub.server->config->http.max_body;
    most = most > HTTP_BODIES_MAX ? most : HTTP_BODIES_MAX;
    return x->pub.server->body_bytes + n <= most;
}

void http_exchange_data(struct http_exchange *x, struct span data)
{
    if (x->pub.route->body == BODY_STREAM) {
        if (x->conn->body_bytes > body_limit(x)) {
            metric_add(METRIC_HTTP_REFUSED, 1, 1);
            x->conn->close_after = true;
            http_exchange_abort(x, 413);
        } else if (x->pub.on_data) {
            x->pub.on_data(&x->pub, data);
        }
        return;
    }
    int rc = has_room(x, data.n) ? buf_add(&x->body, data) : -ENOMEM;
    if (rc == 0) {
        x->pub.server->body_bytes += data.n;
        return;
    }
    x->conn->close_after = true;
    metric_add(METRIC_HTTP_REFUSED, rc == -EMSGSIZE ? 1 : 3, 1);
    if (rc == -EMSGSIZE)
        http_problem(&x->pub, 413, "body-too-large", "The body may have at most %zu bytes.",
                     body_limit(x));
    else
        http_problem(&x->pub, 503, "no-memory", "Too many bodies are arriving at once.");
}

void http_exchange_end(struct http_exchange *x)
{
    if (x->pub.route->body != BODY_STREAM) {
        hand_over(x);
        return;
    }
    x->ended = true;
    http_conn_phase(x->conn, PHASE_HANDLE);
    if (x->pub.on_end)
        x->pub.on_end(&x->pub);
}

void http_exchange_abort(struct http_exchange *x, int status)
{
    static const char *const codes[] = {"malformed-body", "request-timeout"};
    struct http_conn *c = x->conn;
    if (x->events) {
        http_events_closed(x);
    } else if (!x->handled && c && status) {
        metric_add(METRIC_HTTP_REFUSED, status == 408 ? 2 : 0, 1);
        http_problem(&x->pub, status, codes[status == 408], "The body can not be read.");
    } else if (!x->handled) {
        http_exchange_free(x);
        if (c)
            http_conn_close(c);
    } else if (!x->ended && !x->aborted) {
        x->aborted = true;
        x->pub.abort_status = status;
        if (c)
            http_conn_phase(c, PHASE_HANDLE);
        if (x->pub.on_abort)
            x->pub.on_abort(&x->pub);
    }
}

/* --- for handlers --- */

struct span http_header(const struct http_request *r, const char *name)
{
    return http_head_field(&((const struct http_exchange *)r)->head, span_str(name));
}

size_t http_header_count(const struct http_request *r, const char *name)
{
    const struct http_head *head = &((const struct http_exchange *)r)->head;
    size_t n = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        n += span_is(head->fields[i].name, name);
    return n;
}

struct span http_query(const struct http_request *r, const char *name)
{
    const struct http_exchange *x = (const struct http_exchange *)r;
    for (size_t i = 0; i < x->n_query; i++)
        if (span_is(x->query[i].key, name))
            return x->query[i].value;
    return SPAN_NONE;
}

void http_pause(struct http_request *r)
{
    struct http_conn *c = of(r)->conn;
    if (!c || c->paused || c->phase != PHASE_BODY)
        return;
    c->paused = true;
    c->paused_at = http_now(c->server);
    if (!c->running)
        http_conn_reading(c);
}

void http_resume(struct http_request *r)
{
    struct http_conn *c = of(r)->conn;
    if (!c || !c->paused)
        return;
    c->paused = false;
    c->paused_ms += http_now(c->server) - c->paused_at;
    if (c->running)
        return;
    if (c->in.n > 0 || c->eof)
        http_wake(c);
    http_conn_reading(c);
}
