#include "tests/lib/poll_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "daemon/pipeline/explain.h"
#include "daemon/pipeline/pipeline.h"

enum { COMMIT_MS = 3 };

static struct poll_rig *the;

/* --- in place of core/loop.h --- */

struct loop_timer {
    struct loop_timer *next;
    void (*fn)(void *ctx);
    void *ctx;
    int64_t due; /* NO_TIME: not running */
};

const struct clock *loop_clock(struct loop *l)
{
    (void)l;
    return &the->clock;
}

int loop_timer_new(struct loop *l, int64_t first_ms, int64_t repeat_ms, void (*fn)(void *ctx),
                   void *ctx, struct loop_timer **ret_timer)
{
    struct loop_timer *t = calloc(1, sizeof *t);
    (void)l;
    assert_non_null(t);
    t->fn = fn;
    t->ctx = ctx;
    t->next = the->timers;
    the->timers = t;
    loop_timer_set(t, first_ms, repeat_ms);
    *ret_timer = t;
    return 0;
}

void loop_timer_set(struct loop_timer *t, int64_t first_ms, int64_t repeat_ms)
{
    assert_int_equal(repeat_ms, 0);
    t->due = first_ms < 0 ? NO_TIME : the->time.mono + first_ms;
}

void loop_timer_free(struct loop_timer *t)
{
    struct loop_timer **at = &the->timers;
    if (!t)
        return;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    free(t);
}

int loop_on_stop(struct loop *l, enum stop_stage stage, loop_stop_fn *stop, void *ctx)
{
    (void)l;
    assert_int_equal(stage, STOP_LISTEN);
    the->stop.fn = stop;
    the->stop.ctx = ctx;
    return 0;
}

void loop_off_stop(struct loop *l, enum stop_stage stage, void *ctx)
{
    (void)l, (void)stage, (void)ctx;
    the->stop.fn = NULL;
}

void loop_stopped(struct loop *l, enum stop_stage stage, void *ctx)
{
    (void)l, (void)stage, (void)ctx;
    the->stopped = true;
}

/* --- in place of core/fetch.h's sending --- */

struct fetch_job {
    struct fetch_job *next;
    fetch_done_fn *done;
    void *ctx;
    int64_t due;
    struct rig_reply reply;
};

int fetch_start(struct fetch *f, const struct fetch_request *request, fetch_done_fn *done,
                void *ctx, struct fetch_job **ret_job)
{
    struct fetch_job *job = calloc(1, sizeof *job);
    (void)f;
    assert_non_null(job);
    job->done = done;
    job->ctx = ctx;
    the->answer(the->ctx, request, &job->reply);
    if (job->reply.after_ms > request->timeout_ms) {
        job->reply.error = -ETIMEDOUT;
        job->reply.after_ms = request->timeout_ms;
    }
    job->due = the->time.mono + job->reply.after_ms;
    job->next = the->jobs;
    the->jobs = job;
    *ret_job = job;
    return 0;
}

static void job_take(struct fetch_job *job)
{
    struct fetch_job **at = &the->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
}

void fetch_cancel(struct fetch_job *job)
{
    job_take(job);
    free(job);
}

/* Mailboxes are not what is polled here. */
int fetch_imap_command(struct fetch_job *job, struct span command, fetch_done_fn *done, void *ctx)
{
    (void)job, (void)command, (void)done, (void)ctx;
    return -EINVAL;
}

static void job_answer(struct fetch_job *job)
{
    const struct rig_reply *reply = &job->reply;
    struct fetch_response r = {.status = reply->error    ? 0
                                         : reply->status ? reply->status
                                                         : 200,
                               .error = reply->error,
                               .message = reply->error ? "no answer" : "",
                               .headers = &reply->header,
                               .n_headers = reply->header.key.p != NULL,
                               .body = span_str(reply->error ? "" : reply->body)};
    job_take(job);
    job->done(job->ctx, &r);
    free(job);
}

/* --- in place of pipeline.h and of what reads texts --- */

int pipeline_submit(struct pipeline *p, struct command *c)
{
    (void)p;
    assert_true(the->n_queue < ARRAY_LEN(the->queue));
    the->committed_at[the->n_queue] = the->time.mono + the->commit_ms;
    the->queue[the->n_queue++] = c;
    return 0;
}

bool pipeline_has_room(const struct pipeline *p, const struct workspace *ws, enum lane lane,
                       size_t bytes)
{
    (void)p, (void)ws, (void)lane, (void)bytes;
    return !the->no_room;
}

static void commit_first(void)
{
    struct command *c = the->queue[0];
    struct prepare_env prepare = {.now = the->time.wall};
    struct apply_env env = {.ws = &the->workspace, .now = the->time.wall};
    the->n_queue--;
    memmove(the->queue, the->queue + 1, the->n_queue * sizeof *the->queue);
    memmove(the->committed_at, the->committed_at + 1, the->n_queue * sizeof *the->committed_at);
    if (c->ops->prepare)
        c->ops->prepare(c, &prepare);
    assert_int_equal(store_begin(the->workspace.store, the->time.wall, &env.txn), 0);
    c->status = c->ops->apply(c, &env);
    assert_int_equal(c->status, 0);
    assert_int_equal(store_commit(env.txn), 0);
    the->commits++;
    c->ops->done(c);
}

/* --- what happens next --- */

struct event {
    int64_t due; /* NO_TIME: nothing will happen */
    struct loop_timer *timer;
    struct fetch_job *job;
};

static struct event next_event(void)
{
    struct event e = {.due = NO_TIME};
    for (struct loop_timer *t = the->timers; t; t = t->next)
        if (t->due != NO_TIME && (e.due == NO_TIME || t->due < e.due))
            e = (struct event){.due = t->due, .timer = t};
    for (struct fetch_job *job = the->jobs; job; job = job->next)
        if (e.due == NO_TIME || job->due < e.due)
            e = (struct event){.due = job->due, .job = job};
    if (the->n_queue > 0 && (e.due == NO_TIME || the->committed_at[0] < e.due))
        e = (struct event){.due = the->committed_at[0]};
    return e;
}

static void happen(const struct event *e)
{
    if (e->due > the->time.mono)
        test_clock_advance(&the->time, e->due - the->time.mono);
    if (e->timer) {
        e->timer->due = NO_TIME;
        e->timer->fn(e->timer->ctx);
    } else if (e->job) {
        job_answer(e->job);
    } else {
        commit_first();
    }
}

void poll_rig_run(struct poll_rig *rig, int64_t until)
{
    struct event e;
    while ((e = next_event()).due != NO_TIME && e.due <= until)
        happen(&e);
    if (rig->time.mono < until)
        test_clock_advance(&rig->time, until - rig->time.mono);
}

/* --- life --- */

static void put_file(const char *dir, const char *name, const char *text, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct source_set *load(const char *connector, const char *sources, struct config **ret)
{
    char path[600];
    const char *dir = test_dir();
    struct buf text, messages;
    struct source_set *set = NULL;
    buf_init(&text, 0);
    buf_init(&messages, 0);
    put_file(dir, "desk.yaml", connector, path, sizeof path);
    buf_printf(&text, "workspaces:\n- id: w1\n  name: w1\n  sources:\n%s", sources);
    put_file(dir, "vocd.yaml", text.p, path, sizeof path);
    if (config_load(path, &messages, ret) < 0 || source_set_load(*ret, &messages, &set) < 0)
        fail_msg("%s", messages.p);
    buf_done(&text);
    buf_done(&messages);
    return set;
}

static void open_store(struct poll_rig *rig)
{
    char message[200];
    struct store_config cfg = {.dir = test_dir(),
                               .workspace = SPAN_LIT("w1"),
                               .map_size = (size_t)256 << 20,
                               .create = true,
                               .trace_fd = -1,
                               .rng = test_rng(&rig->chance)};
    if (store_open(&cfg, message, sizeof message, &rig->workspace.store) < 0)
        fail_msg("store: %s", message);
}

struct poll_rig *poll_rig_new(const char *connector, const char *sources, rig_answer_fn *answer,
                              void *ctx)
{
    struct poll_rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    the = rig;
    rig->time = (struct test_clock){RIG_NOW, 0};
    rig->clock = test_clock(&rig->time);
    rig->chance = test_seed();
    rig->commit_ms = COMMIT_MS;
    rig->answer = answer;
    rig->ctx = ctx;
    open_store(rig);
    rig->workspace.id = SPAN_LIT("w1");
    rig->set.first = &rig->workspace;
    rig->app.workspaces = &rig->set;
    rig->app.rng = test_rng(&rig->chance);
    struct source_set *set = load(connector, sources, &rig->app.config);
    assert_int_equal(poller_new(&rig->app, set, &rig->app.poller), 0);
    source_set_unref(set);
    return rig;
}

void poll_rig_free(struct poll_rig *rig)
{
    rig->stop.fn(rig->stop.ctx);
    assert_true(rig->stopped);
    while (rig->n_queue > 0)
        commit_first();
    assert_null(rig->jobs);
    poller_free(rig->app.poller);
    while (rig->timers)
        loop_timer_free(rig->timers);
    store_close(rig->workspace.store);
    config_unref(rig->app.config);
    free(rig);
    the = NULL;
}

struct poll *poll_rig_source(const struct poll_rig *rig, const char *name)
{
    struct poll *s = poller_find(rig->app.poller, &rig->workspace, span_str(name));
    assert_non_null(s);
    return s;
}

json_t *poll_rig_state(const struct poll_rig *rig, const char *name)
{
    struct buf text;
    buf_init(&text, 0);
    struct json_out j = json_out_to(&text);
    json_open(&j, NULL, '{');
    poll_print(poll_rig_source(rig, name), &j);
    json_close(&j, '}');
    json_t *state = json_loadb(text.p, text.n, 0, NULL);
    assert_non_null(state);
    buf_done(&text);
    return state;
}

size_t poll_rig_count(const struct poll_rig *rig)
{
    struct store_stats stats;
    assert_int_equal(store_stats(rig->workspace.store, &stats), 0);
    return stats.records;
}
