/* The way of a notice: rule and record in a real store, outbox, pool, fetch, and a scripted
 * receiver on 127.0.0.1. Time is the real one plus what a test adds, so that no back-off is waited
 * for. */
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/alert/delivery.h"
#include "daemon/format/signature.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/edit.h"
#include "nlp/nlp_build.h"
#include "tests/lib/peer.h"
#include "tests/lib/test.h"

#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define OK_REPLY "HTTP/1.1 204 No Content\r\n\r\n"

enum { MAX_POSTS = 512, WAIT_MS = 30000 };

struct post {
    char id[UUID_TEXT], alert[UUID_TEXT];
    bool firing, accepted;
    char *request; /* whole, as it came */
};

struct rig {
    struct loop *loop;
    struct clock clock;
    struct config *config;
    struct nlp_tables *tables;
    struct pipeline *pipeline;
    struct workspaces *workspaces;
    struct workspace *ws;
    struct fetch *fetch;
    struct delivery *delivery;
    struct peer *peer;
    struct loop_timer *beat;
    const char *dir;
    int port;
    const char *receivers; /* YAML, with PORT once */
    const char *rule;
    struct peer_reply (*script)(struct rig *r, const struct post *p);
    struct post posts[MAX_POSTS];
    size_t n_posts;
    bool pending; /* a command is under way */
    unsigned next_record;
    int64_t dropped, delivered, retried; /* metrics at the start */
};

static atomic_llong offset_ms; /* what the tests added to the clocks */

static int64_t wall(void *ctx)
{
    (void)ctx;
    return clock_wall(&clock_system) + atomic_load(&offset_ms);
}

static int64_t mono(void *ctx)
{
    (void)ctx;
    return clock_mono(&clock_system) + atomic_load(&offset_ms);
}

/* --- the receiver --- */

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static json_t *body_of(const struct post *p)
{
    json_t *o = json_loads(strstr(p->request, "\r\n\r\n") + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static struct span header(void *ctx, const char *name)
{
    const struct post *p = ctx;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strcasestr(p->request, wanted);
    if (!at)
        return SPAN_NONE;
    at += strlen(wanted);
    return span_of(at, (size_t)(strstr(at, "\r\n") - at));
}

static struct peer_reply on_request(void *ctx, struct span request)
{
    struct rig *r = ctx;
    assert_true(r->n_posts < MAX_POSTS);
    struct post *p = &r->posts[r->n_posts++];
    p->request = strndup(request.p, request.n);
    struct span id = header(p, "webhook-id");
    snprintf(p->id, sizeof p->id, "%.*s", SPAN_FMT(id));
    json_t *o = body_of(p);
    const json_t *vocd = json_object_get(o, "vocd");
    p->firing = strcmp(text(vocd, "phase"), "firing") == 0;
    snprintf(p->alert, sizeof p->alert, "%s", text(json_object_get(vocd, "alert"), "id"));
    json_decref(o);
    struct peer_reply reply =
        r->script ? r->script(r, p) : (struct peer_reply){PEER_ANSWER, OK_REPLY};
    p->accepted = reply.text && strncmp(reply.text, "HTTP/1.1 2", 10) == 0;
    return reply;
}

/* --- setting up --- */

static const char default_receivers[] = "      - name: team\n"
                                        "        type: webhook\n"
                                        "        url: http://127.0.0.1:PORT/hook\n"
                                        "        timeout: 500ms\n"
                                        "        secret_env: VOC_TEST_SECRET\n";

static void write_file(const char *path, struct span s)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(s.p, 1, s.n, f), s.n);
    assert_int_equal(fclose(f), 0);
}

static void read_config(struct rig *r)
{
    char path[512], yaml[4096], list[1024];
    struct buf messages;
    buf_init(&messages, 0);
    setenv("VOC_TEST_SECRET", SECRET, 1);
    const char *given = r->receivers ? r->receivers : default_receivers;
    const char *at = strstr(given, "PORT");
    snprintf(list, sizeof list, "%.*s%d%s", (int)(at - given), given, r->port, at + 4);
    snprintf(yaml, sizeof yaml,
             "state: %s/state\nexternal_url: https://voc.example/\nworkspaces:\n  - id: w\n"
             "    timezone: Asia/Seoul\n    receivers:\n%s",
             r->dir, list);
    snprintf(path, sizeof path, "%s/vocd.yaml", r->dir);
    write_file(path, span_str(yaml));
    if (config_load(path, &messages, &r->config) < 0)
        fail_msg("%s", messages.p);
    buf_done(&messages);
}

static void on_problem(void *ctx, const struct nlp_at *at, const char *message)
{
    (void)ctx, (void)at;
    fail_msg("%s", message);
}

static void open_tables(struct rig *r)
{
    char path[512];
    struct nlp_build *b;
    struct buf out;
    buf_init(&out, 0);
    snprintf(path, sizeof path, "%s/tables.bin", r->dir);
    assert_int_equal(nlp_build_new(on_problem, NULL, &b), 0);
    assert_int_equal(nlp_build_finish(b, &out), 0);
    write_file(path, buf_span(&out));
    assert_int_equal(nlp_tables_open(path, &r->tables), 0);
    nlp_build_free(b);
    buf_done(&out);
}

static void on_events(void *ctx, const struct pipeline_events *ev)
{
    struct rig *r = ctx;
    (void)ev;
    delivery_wake(r->delivery);
}

static void beat(void *ctx)
{
    (void)ctx;
}

static void start(struct rig *r)
{
    char message[256];
    r->clock = (struct clock){wall, mono, NULL};
    assert_int_equal(loop_new(&r->loop), 0);
    loop_set_clock(r->loop, &r->clock);
    r->peer = peer_new(loop_uv(r->loop), on_request, r);
    r->port = r->port ? r->port : peer_port(r->peer);
    read_config(r);
    if (workspaces_open(r->config, &r->clock, rng_system, message, sizeof message, &r->workspaces) <
        0)
        fail_msg("%s", message);
    r->ws = r->workspaces->first;
    struct pipeline_config pc = {.loop = r->loop,
                                 .config = r->config,
                                 .tables = r->tables,
                                 .on_events = on_events,
                                 .ctx = r};
    assert_int_equal(pipeline_new(&pc, &r->pipeline), 0);
    assert_int_equal(fetch_new(r->loop, &r->fetch), 0);
    struct delivery_config dc = {r->loop,       r->config, r->pipeline,
                                 r->workspaces, r->fetch,  rng_system};
    assert_int_equal(delivery_new(&dc, &r->delivery), 0);
    assert_int_equal(loop_timer_new(r->loop, 5, 5, beat, NULL, &r->beat), 0);
}

static void open_rig(struct rig *r)
{
    atomic_store(&offset_ms, 0);
    log_setup(LOG_L_ERROR, false);
    r->dir = test_dir();
    open_tables(r);
    start(r);
    r->delivered = metric_get(METRIC_NOTICES, 0);
    r->retried = metric_get(METRIC_NOTICES, 1);
    r->dropped = metric_get(METRIC_NOTICES, 2);
}

static void close_peer(void *ctx)
{
    struct rig *r = ctx;
    peer_close(r->peer);
    loop_stopped(r->loop, STOP_CLOSE, r);
}

static void stop(struct rig *r)
{
    assert_int_equal(loop_on_stop(r->loop, STOP_CLOSE, close_peer, r), 0);
    loop_shutdown(r->loop);
    assert_int_equal(loop_run(r->loop), 0);
    delivery_free(r->delivery);
    fetch_free(r->fetch);
    pipeline_free(r->pipeline);
    workspaces_free(r->workspaces);
    config_unref(r->config);
    peer_free(r->peer);
    loop_free(r->loop);
}

static void close_rig(struct rig *r)
{
    stop(r);
    nlp_tables_unref(r->tables);
    for (size_t i = 0; i < r->n_posts; i++)
        free(r->posts[i].request);
}

/* --- running --- */

typedef bool condition(struct rig *r);

static bool is_true_within(struct rig *r, condition *c, int64_t ms)
{
    int64_t end = clock_mono(&clock_system) + ms;
    while (!c(r)) {
        if (clock_mono(&clock_system) > end)
            return false;
        uv_run(loop_uv(r->loop), UV_RUN_ONCE);
    }
    return true;
}

#define UNTIL(r, c)                                                                                \
    do {                                                                                           \
        if (!is_true_within(r, c, WAIT_MS))                                                        \
            fail_msg("waited in vain for %s", #c);                                                 \
    } while (0)

static void pass(struct rig *r, int64_t ms)
{
    atomic_fetch_add(&offset_ms, ms);
    delivery_wake(r->delivery);
}

static int count_row(void *ctx, const struct store_outbox_row *row)
{
    (void)row;
    ++*(size_t *)ctx;
    return 0;
}

static size_t rows(struct rig *r)
{
    struct store_view *v;
    size_t n = 0;
    assert_int_equal(store_view_begin(r->ws->store, &v), 0);
    assert_int_equal(store_outbox_each(v, INT64_MAX, count_row, &n), 0);
    store_view_end(v);
    return n;
}

static bool outbox_is_empty(struct rig *r)
{
    return rows(r) == 0;
}

static bool is_idle(struct rig *r)
{
    return !r->pending;
}

static void edit_done(struct edit *e)
{
    struct rig *r = e->user;
    assert_int_equal(e->command.status, 0);
    assert_int_equal(e->result, 0);
    r->pending = false;
    edit_free(e);
}

static void edit(struct rig *r, enum edit_kind kind, const char *key, const char *value)
{
    struct edit *e = edit_new(kind, r->ws);
    assert_non_null(e);
    e->key = arena_dup(&e->arena, span_str(key));
    e->value = arena_dup(&e->arena, span_str(value));
    e->user = r;
    e->done = edit_done;
    r->pending = true;
    assert_int_equal(edit_submit(r->pipeline, e), 0);
    UNTIL(r, is_idle);
}

/* One record that the rule takes for an alert. */
struct poke {
    struct command command; /* first */
    struct rig *rig;
    struct feedback feedback;
    struct analysis analysis;
    struct arena arena;
    char id[32];
};

static int poke_apply(struct command *c, struct apply_env *env)
{
    struct poke *p = (struct poke *)c;
    struct store_put put;
    p->feedback.created_at = env->now;
    int rc = store_put_feedback(env->txn, &p->feedback, &p->analysis, &p->arena, &put);
    struct where_record record = {&p->feedback, &p->analysis, NULL, 0};
    return rc < 0 ? rc : alert_observe(env->alerts, &record, &put.id, NULL);
}

static void poke_done(struct command *c)
{
    struct poke *p = (struct poke *)c;
    assert_int_equal(c->status, 0);
    p->rig->pending = false;
}

static void fire(struct rig *r, size_t n)
{
    static const struct command_ops ops = {"poke", NULL, poke_apply, poke_done};
    while (n--) {
        struct poke p = {.command = {.node = {.bytes = 1}, .ops = &ops, .ws = r->ws}, .rig = r};
        arena_init(&p.arena, 0);
        snprintf(p.id, sizeof p.id, "%u", r->next_record++);
        p.feedback = (struct feedback){.source = SPAN_LIT("test"),
                                       .external_id = span_str(p.id),
                                       .updated_at = NO_TIME,
                                       .text = SPAN_LIT("배송이 늦어요")};
        p.analysis = (struct analysis){.type = SPAN_LIT("other")};
        r->pending = true;
        assert_int_equal(pipeline_submit(r->pipeline, &p.command), 0);
        UNTIL(r, is_idle);
        arena_done(&p.arena);
    }
}

static void put_rule(struct rig *r)
{
    edit(r, EDIT_RULE, "every",
         r->rule ? r->rule : "{\"where\":\"\",\"each\":true,\"window\":\"7d\"}");
}

static void resolve_all(struct rig *r)
{
    edit(r, EDIT_RULE_DELETE, "every", NULL);
}

/* Every alert: its firing notice accepted once, then its resolved one once; ids never shared. */
static void check_posts(struct rig *r, size_t alerts, bool resolved)
{
    size_t firing = 0, over = 0;
    for (size_t i = 0; i < r->n_posts; i++) {
        const struct post *p = &r->posts[i];
        bool fired = false;
        for (size_t k = 0; k < i; k++) {
            const struct post *q = &r->posts[k];
            bool same_notice = strcmp(p->alert, q->alert) == 0 && p->firing == q->firing;
            assert_int_equal(same_notice, strcmp(p->id, q->id) == 0);
            if (same_notice)
                assert_false(q->accepted); /* what was accepted is not sent again */
            fired = fired || (strcmp(p->alert, q->alert) == 0 && q->firing && q->accepted);
        }
        if (!p->firing)
            assert_true(fired);
        firing += p->firing && p->accepted;
        over += !p->firing && p->accepted;
    }
    assert_int_equal(firing, alerts);
    assert_int_equal(over, resolved ? alerts : 0);
}

/* --- tests --- */

static void test_delivers_in_order(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){0};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 20);
    resolve_all(&r);
    UNTIL(&r, outbox_is_empty);
    check_posts(&r, 20, true);
    assert_int_equal(metric_get(METRIC_NOTICES, 0) - r.delivered, 40);
    close_rig(&r);
}

static void test_what_a_webhook_says(void **state)
{
    static struct rig r;
    const struct span secret = SPAN_LIT(SECRET);
    (void)state;
    r = (struct rig){0};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 1);
    UNTIL(&r, outbox_is_empty);
    struct post *p = &r.posts[0];
    struct signature_headers headers = {header, p};
    const char *body = strstr(p->request, "\r\n\r\n") + 4;
    assert_int_equal(signature_verify(signature_find(SPAN_LIT("standard")), &secret, 1, 0,
                                      wall(NULL), &headers, span_str(body)),
                     0);
    json_t *o = body_of(p);
    const json_t *alert = json_array_get(json_object_get(o, "alerts"), 0);
    assert_string_equal(text(o, "version"), "4");
    assert_string_equal(text(o, "status"), "firing");
    assert_string_equal(text(o, "receiver"), "team");
    assert_string_equal(text(json_object_get(alert, "labels"), "alertname"), "every");
    assert_string_equal(text(json_object_get(alert, "labels"), "workspace"), "w");
    assert_string_equal(text(alert, "endsAt"), "0001-01-01T00:00:00Z");
    assert_int_equal(strlen(text(alert, "fingerprint")), 16);
    assert_int_equal(strncmp(text(alert, "generatorURL"), "https://voc.example/alerts/", 27), 0);
    assert_string_equal(text(alert, "generatorURL") + 27, p->alert);
    assert_string_equal(text(json_object_get(o, "vocd"), "notice_id"), p->id);
    json_decref(o);
    close_rig(&r);
}

static size_t failures; /* left to give */

static struct peer_reply fail_first(struct rig *r, const struct post *p)
{
    (void)r, (void)p;
    if (failures == 0)
        return (struct peer_reply){PEER_ANSWER, OK_REPLY};
    failures--;
    switch (failures % 3) {
    case 0:
        return (struct peer_reply){PEER_RESET, NULL};
    case 1:
        return (struct peer_reply){PEER_ANSWER, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"};
    default:
        return (struct peer_reply){
            PEER_ANSWER, "HTTP/1.1 302 Away\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"};
    }
}

struct due {
    int64_t at;
    uint32_t attempts;
};

/* Of a resolved notice only when nothing else is there: it may be due long ago, and waits. */
static int read_due(void *ctx, const struct store_outbox_row *row)
{
    struct due *d = ctx;
    const size_t head = 64; /* the alert it carries names phases too */
    bool firing = span_find(row->payload, SPAN_LIT("\"phase\":\"firing\"")) < head;
    if (firing || !d->at)
        *d = (struct due){row->due, row->attempts};
    return firing;
}

static struct due first_due(struct rig *r)
{
    struct store_view *v;
    struct due d = {0};
    assert_int_equal(store_view_begin(r->ws->store, &v), 0);
    assert_true(store_outbox_each(v, INT64_MAX, read_due, &d) >= 0);
    store_view_end(v);
    return d;
}

/* To the next attempt, but not while one is under way: notices get too old. */
static void pass_to_due(struct rig *r)
{
    int64_t wait = first_due(r).at - wall(NULL);
    if (wait > 0)
        pass(r, wait);
}

static bool failures_are_over(struct rig *r)
{
    if (failures)
        pass_to_due(r);
    return failures == 0;
}

static bool empty_in_time(struct rig *r)
{
    pass_to_due(r);
    return rows(r) == 0;
}

static void test_down_then_up(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.script = fail_first};
    failures = 25;
    open_rig(&r);
    put_rule(&r);
    fire(&r, 5);
    resolve_all(&r); /* the resolved notices are due before the firing ones are tried again */
    UNTIL(&r, failures_are_over);
    UNTIL(&r, empty_in_time);
    check_posts(&r, 5, true);
    assert_int_equal(metric_get(METRIC_NOTICES, 1) - r.retried, 25);
    close_rig(&r);
}

static struct peer_reply slow_down(struct rig *r, const struct post *p)
{
    (void)p;
    if (r->n_posts == 1)
        return (struct peer_reply){PEER_ANSWER, "HTTP/1.1 429 Slowly\r\nRetry-After: 90\r\n"
                                                "Content-Length: 0\r\n\r\n"};
    return (struct peer_reply){PEER_ANSWER, OK_REPLY};
}

static bool was_tried(struct rig *r)
{
    return first_due(r).attempts == 1;
}

static void test_retry_after(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.script = slow_down};
    open_rig(&r);
    put_rule(&r);
    int64_t before = wall(NULL);
    fire(&r, 1);
    UNTIL(&r, was_tried);
    assert_true(first_due(&r).at >= before + 90 * MS_SECOND);
    assert_true(first_due(&r).at <= wall(NULL) + 90 * MS_SECOND);
    pass(&r, 60 * MS_SECOND);
    assert_false(is_true_within(&r, outbox_is_empty, 100));
    pass(&r, 30 * MS_SECOND);
    UNTIL(&r, outbox_is_empty);
    check_posts(&r, 1, false);
    close_rig(&r);
}

static struct peer_reply silent_first(struct rig *r, const struct post *p)
{
    (void)p;
    return r->n_posts == 1 ? (struct peer_reply){PEER_SILENT, NULL}
                           : (struct peer_reply){PEER_ANSWER, OK_REPLY};
}

static void test_slow_receiver(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.script = silent_first};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 1);
    UNTIL(&r, was_tried); /* after its timeout */
    UNTIL(&r, empty_in_time);
    check_posts(&r, 1, false);
    close_rig(&r);
}

static struct peer_reply gone(struct rig *r, const struct post *p)
{
    (void)r, (void)p;
    return (struct peer_reply){PEER_ANSWER, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"};
}

static int count_mark(void *ctx, struct span key, struct span value)
{
    (void)value;
    *(size_t *)ctx += key.n != sizeof(struct uuid);
    return 0;
}

static size_t marks(struct rig *r)
{
    struct store_view *v;
    size_t n = 0;
    assert_int_equal(store_view_begin(r->ws->store, &v), 0);
    assert_int_equal(store_doc_each(v, STORE_DOC_ALERT_STATE, SPAN_NONE, false, count_mark, &n), 0);
    store_view_end(v);
    return n;
}

static bool no_marks(struct rig *r)
{
    return marks(r) == 0;
}

/* Nobody is told of the end of what he was never told of, and nothing is left behind. */
static void test_gone_receiver(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.script = gone};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 2);
    UNTIL(&r, outbox_is_empty);
    assert_int_equal(r.n_posts, 2);
    assert_int_equal(marks(&r), 2);
    resolve_all(&r);
    assert_int_equal(rows(&r), 0);
    assert_int_equal(marks(&r), 0);
    assert_int_equal(metric_get(METRIC_NOTICES, 2) - r.dropped, 2);
    close_rig(&r);
}

static struct peer_reply broken(struct rig *r, const struct post *p)
{
    (void)r, (void)p;
    return (struct peer_reply){PEER_ANSWER, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"};
}

static void test_too_old(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.script = broken};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 1);
    UNTIL(&r, was_tried);
    resolve_all(&r);
    assert_int_equal(rows(&r), 2);
    pass(&r, 25 * MS_HOUR);
    UNTIL(&r, outbox_is_empty);
    UNTIL(&r, no_marks);
    for (size_t i = 0; i < r.n_posts; i++)
        assert_true(r.posts[i].firing);
    close_rig(&r);
}

static void test_unknown_receiver(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){
        .rule =
            "{\"where\":\"\",\"each\":true,\"window\":\"7d\",\"receivers\":[\"nobody\",\"team\"]}"};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 1);
    UNTIL(&r, outbox_is_empty);
    resolve_all(&r);
    UNTIL(&r, outbox_is_empty);
    check_posts(&r, 1, true);
    assert_int_equal(marks(&r), 0);
    assert_int_equal(metric_get(METRIC_NOTICES, 2) - r.dropped, 1);
    close_rig(&r);
}

static struct peer_reply silent(struct rig *r, const struct post *p)
{
    (void)r, (void)p;
    return (struct peer_reply){PEER_SILENT, NULL};
}

static bool has_posts(struct rig *r)
{
    return r->n_posts > 0;
}

/* What is under way at shutdown stays, and goes out under the same id after the next start. */
static void test_shutdown_under_way(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.script = silent};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 3);
    UNTIL(&r, has_posts);
    stop(&r);
    r.script = NULL;
    r.port = 0; /* the next receiver's */
    start(&r);
    UNTIL(&r, empty_in_time);
    resolve_all(&r);
    UNTIL(&r, outbox_is_empty);
    check_posts(&r, 3, true);
    close_rig(&r);
}

/* One receiver that does not answer leaves room for the others. */
static void test_two_receivers(void **state)
{
    static struct rig r;
    (void)state;
    r = (struct rig){.receivers = "      - {name: dead, type: webhook, timeout: 20s, "
                                  "url: 'http://127.0.0.1:1/x'}\n"
                                  "      - {name: team, type: webhook, "
                                  "url: 'http://127.0.0.1:PORT/hook'}\n"};
    open_rig(&r);
    put_rule(&r);
    fire(&r, 30);
    resolve_all(&r);
    for (size_t i = 0; i < 60 && r.n_posts < 60; i++)
        is_true_within(&r, outbox_is_empty, 200);
    check_posts(&r, 30, true);
    assert_int_equal(rows(&r), 60); /* of the dead one */
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivers_in_order),
        cmocka_unit_test(test_what_a_webhook_says),
        cmocka_unit_test(test_down_then_up),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_slow_receiver),
        cmocka_unit_test(test_gone_receiver),
        cmocka_unit_test(test_too_old),
        cmocka_unit_test(test_unknown_receiver),
        cmocka_unit_test(test_shutdown_under_way),
        cmocka_unit_test(test_two_receivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
