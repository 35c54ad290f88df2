#include "tests/lib/http_rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/test.h"

struct http_rig {
    struct loop *loop;
    struct config *config;
    struct auth *auth;
    struct http_server *server;
    struct arena arena;
    const char *dir;
    pthread_t thread;
    int result;
    struct span tokens[ROLE_COUNT];
    _Atomic int64_t advanced;
    struct http_request *events;
    atomic_int events_closed, last_abort;
};

/* --- routes --- */

static struct http_rig *rig_of(struct http_request *r)
{
    return r->app;
}

static void handle_ping(struct http_request *r)
{
    http_respond(r, 200, NULL, SPAN_LIT("{\"ok\":true}"));
}

static void handle_echo(struct http_request *r)
{
    http_respond(r, 200, "application/octet-stream", r->body);
}

struct count {
    struct http_request *r;
    uv_timer_t timer;
    size_t bytes;
    uint64_t sum;
};

static void count_free(uv_handle_t *h)
{
    free(h->data);
}

static void count_answer(struct http_request *r, int status)
{
    char text[80];
    struct count *c = r->user;
    int n = snprintf(text, sizeof text, "{\"bytes\":%zu,\"sum\":%llu}", c->bytes,
                     (unsigned long long)c->sum);
    if (status == 200)
        http_respond(r, status, NULL, span_of(text, (size_t)n));
    else
        http_problem(r, status, "aborted", "abort_status %d", r->abort_status);
    uv_close((uv_handle_t *)&c->timer, count_free);
}

static void count_data(struct http_request *r, struct span chunk)
{
    struct count *c = r->user;
    c->bytes += chunk.n;
    for (size_t i = 0; i < chunk.n; i++)
        c->sum = c->sum * 31 + (unsigned char)chunk.p[i];
}

static void count_end(struct http_request *r)
{
    count_answer(r, 200);
}

static void count_abort(struct http_request *r)
{
    rig_of(r)->last_abort = r->abort_status;
    count_answer(r, 503);
}

static void handle_stream(struct http_request *r)
{
    struct count *c = calloc(1, sizeof *c);
    c->r = r;
    uv_timer_init(loop_uv(rig_of(r)->loop), &c->timer);
    c->timer.data = c;
    r->user = c;
    r->on_data = count_data;
    r->on_end = count_end;
    r->on_abort = count_abort;
}

static void slow_resume(uv_timer_t *t)
{
    http_resume(((struct count *)t->data)->r);
}

static void slow_data(struct http_request *r, struct span chunk)
{
    struct count *c = r->user;
    count_data(r, chunk);
    http_pause(r);
    uv_timer_start(&c->timer, slow_resume, 1, 0);
}

static void handle_slowread(struct http_request *r)
{
    handle_stream(r);
    r->on_data = slow_data;
}

static void handle_early(struct http_request *r)
{
    http_problem(r, 503, "queue-full", "The queue is full.");
}

static bool admit_full(struct http_request *r, uint64_t length)
{
    http_problem(r, 503, "queue-full", "No room for %llu bytes.", (unsigned long long)length);
    return false;
}

static void handle_items(struct http_request *r)
{
    struct buf b;
    buf_init(&b, 0);
    buf_str(&b, "{\"id\":");
    buf_json_str(&b, r->params[0]);
    buf_str(&b, ",\"q\":");
    buf_json_str(&b, http_query(r, "q"));
    buf_char(&b, '}');
    http_respond(r, 200, NULL, buf_span(&b));
    buf_done(&b);
}

static void later_closed(uv_handle_t *h)
{
    free(h);
}

static void later_fire(uv_timer_t *t)
{
    handle_ping(t->data);
    uv_close((uv_handle_t *)t, later_closed);
}

static void handle_later(struct http_request *r)
{
    uv_timer_t *t = malloc(sizeof *t);
    uv_timer_init(loop_uv(rig_of(r)->loop), t);
    t->data = r;
    uv_timer_start(t, later_fire, 20, 0);
}

static void handle_big(struct http_request *r)
{
    int64_t n = 0;
    span_to_i64(http_query(r, "n"), &n);
    char *p = malloc((size_t)n + 1);
    memset(p, 'x', (size_t)n);
    http_respond(r, 200, "text/plain", span_of(p, (size_t)n));
    free(p);
}

static void handle_secret(struct http_request *r)
{
    struct span body =
        arena_printf(r->arena, "{\"token\":\"%.*s\"}", SPAN_FMT(r->principal.token_id));
    http_respond(r, 200, NULL, body);
}

static void events_closed(void *ctx)
{
    struct http_rig *rig = ctx;
    rig->events = NULL;
    rig->events_closed++;
}

static void handle_events(struct http_request *r)
{
    struct http_rig *rig = rig_of(r);
    if (http_events_begin(r, events_closed, rig) < 0)
        return;
    rig->events = r;
    http_event(r, SPAN_LIT("alert"), SPAN_LIT("1"), SPAN_LIT("first"));
    http_event(r, SPAN_NONE, SPAN_NONE, SPAN_LIT("two\nlines"));
}

static const char *const items_query[] = {"q", "limit", NULL};
static const char *const big_query[] = {"n", NULL};
static const struct http_route routes[] = {
    {"GET", "/ping", BODY_NONE, AUTH_OPEN, 0, handle_ping, NULL, NULL},
    {"POST", "/echo", BODY_WHOLE, AUTH_OPEN, 0, handle_echo, NULL, NULL},
    {"POST", "/stream", BODY_STREAM, AUTH_OPEN, 0, handle_stream, NULL, NULL},
    {"POST", "/slowread", BODY_STREAM, AUTH_OPEN, 0, handle_slowread, NULL, NULL},
    {"POST", "/early", BODY_STREAM, AUTH_OPEN, 0, handle_early, NULL, NULL},
    {"POST", "/full", BODY_WHOLE, AUTH_OPEN, 0, handle_echo, NULL, admit_full},
    {"GET", "/items/{id}", BODY_NONE, AUTH_OPEN, 0, handle_items, items_query, NULL},
    {"GET", "/later", BODY_NONE, AUTH_OPEN, 0, handle_later, NULL, NULL},
    {"GET", "/big", BODY_NONE, AUTH_OPEN, 0, handle_big, big_query, NULL},
    {"GET", "/secret", BODY_NONE, AUTH_TOKEN, ROLE_BIT(ROLE_ADMIN), handle_secret, NULL, NULL},
    {"GET", "/own/{workspace}", BODY_NONE, AUTH_TOKEN, ROLE_BIT(ROLE_ADMIN), handle_ping, NULL,
     NULL},
    {"GET", "/events", BODY_NONE, AUTH_OPEN, 0, handle_events, NULL, NULL},
};

/* --- the server --- */

static int64_t real_wall(void *ctx)
{
    (void)ctx;
    return clock_wall(&clock_system);
}

static int64_t moved_mono(void *ctx)
{
    return clock_mono(&clock_system) + ((struct http_rig *)ctx)->advanced;
}

static struct config *load_config(struct http_rig *r, const char *yaml)
{
    char path[512];
    struct buf messages;
    struct config *c = NULL;
    buf_init(&messages, 0);
    snprintf(path, sizeof path, "%s/vocd.yaml", r->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "state: %s\nintake:\n  max_text: 2KiB\nhttp:\n  address: 127.0.0.1\n  port: 0\n%s",
            r->dir, yaml);
    fclose(f);
    if (config_load(path, &messages, &c) < 0)
        fail_msg("config: %.*s", SPAN_FMT(buf_span(&messages)));
    buf_done(&messages);
    return c;
}

static void make_tokens(struct http_rig *r)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        struct auth_made made;
        struct auth_token spec = {.role = (enum role)role,
                                  .workspace = SPAN_LIT("w1"),
                                  .name = SPAN_LIT("test"),
                                  .created_at = 1,
                                  .expires_at = NO_TIME};
        assert_int_equal(auth_make(r->auth, &spec, &r->arena, &made), 0);
        assert_int_equal(auth_apply(r->auth, made.document), 0);
        r->tokens[role] = made.text;
    }
}

static void *run(void *ctx)
{
    struct http_rig *r = ctx;
    r->result = loop_run(r->loop);
    return NULL;
}

struct http_rig *http_rig_start(const char *yaml)
{
    char message[512] = "";
    struct http_rig *r = calloc(1, sizeof *r);
    r->dir = test_dir();
    r->last_abort = -1;
    arena_init(&r->arena, 0);
    r->config = load_config(r, yaml);
    assert_int_equal(loop_new(&r->loop), 0);
    struct clock clock = {.wall_ms = real_wall, .mono_ms = moved_mono, .ctx = r};
    loop_set_clock(r->loop, &clock);
    struct auth_config ac = {.state = r->dir, .config = r->config, .rng = rng_system};
    if (auth_new(&ac, message, sizeof message, &r->auth) < 0)
        fail_msg("auth: %s", message);
    make_tokens(r);
    struct http_server_config cfg = {.loop = r->loop,
                                     .config = r->config,
                                     .routes = routes,
                                     .n_routes = sizeof routes / sizeof routes[0],
                                     .app = r,
                                     .auth = r->auth};
    if (http_server_new(&cfg, message, sizeof message, &r->server) < 0)
        fail_msg("server: %s", message);
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
    return r;
}

struct call {
    struct loop_post post; /* first */
    struct http_rig *rig;
    void (*fn)(struct http_rig *r, void *ctx);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool ran;
};

static void call_run(struct loop_post *post)
{
    struct call *c = (struct call *)post;
    c->fn(c->rig, c->ctx);
    pthread_mutex_lock(&c->lock);
    c->ran = true;
    pthread_cond_signal(&c->done);
    pthread_mutex_unlock(&c->lock);
}

void http_rig_run(struct http_rig *r, void (*fn)(struct http_rig *r, void *ctx), void *ctx)
{
    struct call c = {.post = {.fn = call_run}, .rig = r, .fn = fn, .ctx = ctx};
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.done, NULL);
    loop_post(r->loop, &c.post);
    pthread_mutex_lock(&c.lock);
    while (!c.ran)
        pthread_cond_wait(&c.done, &c.lock);
    pthread_mutex_unlock(&c.lock);
    pthread_cond_destroy(&c.done);
    pthread_mutex_destroy(&c.lock);
}

static void shutdown_now(struct http_rig *r, void *ctx)
{
    (void)ctx;
    loop_shutdown(r->loop);
}

void http_rig_shutdown(struct http_rig *r)
{
    http_rig_run(r, shutdown_now, NULL);
}

void http_rig_stop(struct http_rig *r)
{
    struct call c = {.post = {.fn = call_run}, .rig = r, .fn = shutdown_now};
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.done, NULL);
    loop_post(r->loop, &c.post); /* harmless when it is stopping already */
    pthread_join(r->thread, NULL);
    assert_int_equal(r->result, 0);
    http_server_free(r->server);
    loop_free(r->loop);
    auth_free(r->auth);
    config_unref(r->config);
    arena_done(&r->arena);
    pthread_cond_destroy(&c.done);
    pthread_mutex_destroy(&c.lock);
    free(r);
}

uint16_t http_rig_port(const struct http_rig *r)
{
    return http_server_port(r->server);
}

void http_rig_advance(struct http_rig *r, int64_t ms)
{
    r->advanced += ms;
}

static void reload_now(struct http_rig *r, void *ctx)
{
    http_server_reload(r->server, ctx);
}

void http_rig_reload(struct http_rig *r, const char *yaml)
{
    struct config *c = load_config(r, yaml);
    http_rig_run(r, reload_now, c);
    config_unref(r->config);
    r->config = c;
}

const char *http_rig_token(struct http_rig *r, enum role role)
{
    return r->tokens[role].p;
}

struct auth *http_rig_auth(struct http_rig *r)
{
    return r->auth;
}

struct sending {
    const char *data;
    size_t times;
};

static void event_now(struct http_rig *r, void *ctx)
{
    const struct sending *s = ctx;
    for (size_t i = 0; i < s->times && r->events; i++)
        if (http_event(r->events, SPAN_NONE, SPAN_NONE, span_str(s->data)) == -ENOBUFS)
            http_events_end(r->events);
}

void http_rig_event(struct http_rig *r, const char *data, size_t times)
{
    struct sending s = {data, times};
    http_rig_run(r, event_now, &s);
}

int http_rig_events_closed(struct http_rig *r)
{
    return r->events_closed;
}

int http_rig_last_abort(struct http_rig *r)
{
    return r->last_abort;
}

/* --- the client --- */

int http_rig_connect(const struct http_rig *r)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(http_rig_port(r))};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

void http_rig_send(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        p += sent;
        n -= (size_t)sent;
    }
}

char *http_rig_read(int fd, const char *needle, bool *ret_closed)
{
    struct buf b;
    bool closed = false;
    buf_init(&b, 0);
    while (!closed && (!needle || !b.n || !strstr(b.p, needle))) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10000) <= 0)
            fail_msg("no answer in 10 s; so far: %s", b.n ? b.p : "");
        char *room = buf_reserve(&b, 65536);
        assert_non_null(room);
        ssize_t n = recv(fd, room, 65536, 0);
        closed = n <= 0;
        b.n += n > 0 ? (size_t)n : 0;
        b.p[b.n] = '\0';
    }
    if (ret_closed)
        *ret_closed = closed;
    return b.p;
}

char *http_rig_exchange(const struct http_rig *r, const char *p, size_t n)
{
    int fd = http_rig_connect(r);
    http_rig_send(fd, p, n);
    char *answer = http_rig_read(fd, NULL, NULL);
    close(fd);
    return answer;
}
