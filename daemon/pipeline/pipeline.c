#include "daemon/pipeline/pipeline.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/workspace.h"

enum { BATCH_COMMANDS = 1024 };

/* What a batch pins: swapped whole on reload. */
struct snapshot {
    struct config *config;
    struct nlp_tables *tables;
};

struct panic {
    struct loop_post post; /* first */
    struct loop *loop;
};

struct pipeline {
    struct loop *loop;
    struct worker *worker;
    void (*on_events)(void *ctx, const struct pipeline_events *ev);
    void (*on_committed)(void *ctx, struct command *c);
    void *ctx;
    pthread_mutex_t lock; /* of `current` */
    struct snapshot current;
    struct nlp_scratch *scratch; /* the worker's */
    struct panic panic;
    bool panicked; /* the worker's */
};

static void tell_panic(struct loop_post *post)
{
    loop_panic(((struct panic *)post)->loop, -VOC_E_PANIC);
}

static struct snapshot snapshot_pin(struct pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    struct snapshot s = {config_ref(p->current.config), nlp_tables_ref(p->current.tables)};
    pthread_mutex_unlock(&p->lock);
    return s;
}

static void snapshot_unpin(struct snapshot *s)
{
    config_unref(s->config);
    nlp_tables_unref(s->tables);
}

/* --- telling the loop what alerts a commit made --- */

struct notice {
    struct loop_post post; /* first */
    struct pipeline *pipeline;
    struct workspace *ws;
    struct arena arena;
    struct span *alerts;
    size_t n;
};

static void notice_tell(struct loop_post *post)
{
    struct notice *n = (struct notice *)post;
    struct pipeline_events ev = {n->ws, n->alerts, n->n};
    n->pipeline->on_events(n->pipeline->ctx, &ev);
    arena_done(&n->arena);
    free(n);
}

/* The live view may miss an event when memory is short; the alert itself is on disk. */
static void post_alerts(struct pipeline *p, struct workspace *ws, const struct alert_batch *alerts)
{
    const struct span *json = NULL;
    size_t count = alerts ? alert_events(alerts, &json) : 0;
    if (!p->on_events || count == 0)
        return;
    struct notice *n = calloc(1, sizeof *n);
    if (!n)
        return;
    arena_init(&n->arena, 0);
    n->pipeline = p;
    n->ws = ws;
    n->post.fn = notice_tell;
    n->alerts = arena_array(&n->arena, count, sizeof *n->alerts);
    for (; n->alerts && n->n < count; n->n++)
        n->alerts[n->n] = arena_dup(&n->arena, json[n->n]);
    loop_post(p->loop, &n->post);
}

/* --- one transaction --- */

/* When, and by which configuration. */
struct moment {
    const struct config *config;
    int64_t now;
};

struct attempt {
    struct store_txn *txn;
    struct alert_batch *alerts;
    double started;
};

static int attempt_begin(struct workspace *ws, int64_t now, struct attempt *at)
{
    *at = (struct attempt){.started = metric_now()};
    int rc = store_begin(ws->store, now, &at->txn);
    if (rc < 0)
        return rc;
    if (ws->alerts)
        rc = alert_begin(ws->alerts, at->txn, now, &at->alerts);
    if (rc < 0) {
        store_abort(at->txn);
        at->txn = NULL;
    }
    return rc;
}

static void attempt_abort(struct attempt *at)
{
    alert_aborted(at->alerts);
    store_abort(at->txn);
    metric_add(METRIC_COMMIT_FAILURES, 0, 1);
}

static int attempt_commit(struct pipeline *p, struct workspace *ws, struct attempt *at)
{
    int64_t due = INT64_MAX;
    size_t firing = 0;
    int rc = at->alerts ? alert_finish(at->alerts, &due, &firing) : 0;
    if (rc < 0) {
        attempt_abort(at);
        return rc;
    }
    rc = store_commit(at->txn);
    if (rc < 0) {
        alert_aborted(at->alerts);
        metric_add(METRIC_COMMIT_FAILURES, 0, 1);
        return rc;
    }
    if (at->alerts) {
        atomic_store(&ws->alerts_due, due);
        atomic_store(&ws->alerts_firing, firing);
        post_alerts(p, ws, at->alerts);
        alert_committed(at->alerts);
    }
    metric_add(METRIC_COMMITS, 0, 1);
    metric_observe(METRIC_COMMIT_SECONDS, metric_now() - at->started);
    return 0;
}

/* Errors of the disk or the environment: trying the commands one by one would fail each alike. */
static bool is_environmental(int rc)
{
    switch (-rc) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EROFS:
    case ENOMEM:
    case VOC_E_MAPFULL:
    case VOC_E_PANIC:
        return true;
    default:
        return false;
    }
}

/* Applies all in one transaction. 0, or the error after which nothing of it is on disk. */
static int apply_all(struct pipeline *p, struct workspace *ws, struct command **commands, size_t n,
                     const struct moment *m)
{
    struct attempt at;
    int rc = attempt_begin(ws, m->now, &at);
    if (rc < 0)
        return rc;
    struct apply_env env = {
        .txn = at.txn, .ws = ws, .alerts = at.alerts, .config = m->config, .now = m->now};
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = commands[i]->ops->apply(commands[i], &env);
        if (rc == 0)
            rc = store_txn_error(at.txn);
        worker_beat(p->worker);
    }
    if (rc < 0) {
        attempt_abort(&at);
        return rc;
    }
    return attempt_commit(p, ws, &at);
}

static void note_disk(struct pipeline *p, struct workspace *ws, int rc)
{
    bool full = rc == -ENOSPC || rc == -EDQUOT || rc == -VOC_E_MAPFULL;
    if (full && !atomic_exchange(&ws->disk_full, true)) {
        store_ballast(ws->store, false);
        log_error(LOG_STORE, "no room to write: senders are refused until there is",
                  "workspace=%.*s error=%s", SPAN_FMT(ws->id), err_text(rc));
    }
    if (rc == 0 && atomic_exchange(&ws->disk_full, false)) {
        store_ballast(ws->store, true);
        log_info(LOG_STORE, "writing again", "workspace=%.*s", SPAN_FMT(ws->id));
    }
    if (rc == -VOC_E_PANIC && !p->panicked) {
        p->panicked = true;
        loop_post(p->loop, &p->panic.post);
    }
}

static void apply_group(struct pipeline *p, struct workspace *ws, struct command **commands,
                        size_t n, const struct moment *m)
{
    int rc = apply_all(p, ws, commands, n, m);
    if (rc < 0 && n > 1 && !is_environmental(rc)) {
        for (size_t i = 0; i < n; i++) {
            commands[i]->status = apply_all(p, ws, &commands[i], 1, m);
            note_disk(p, ws, commands[i]->status);
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        commands[i]->status = rc;
    note_disk(p, ws, rc);
    if (rc < 0)
        log_error(LOG_PIPELINE, "transaction failed", "workspace=%.*s commands=%zu error=%s",
                  SPAN_FMT(ws->id), n, err_text(rc));
}

/* --- the worker's side --- */

static void run(void *ctx, struct worker_node *list)
{
    struct pipeline *p = ctx;
    struct snapshot snap = snapshot_pin(p);
    int64_t now = clock_wall(loop_clock(p->loop));
    struct moment m = {snap.config, now};
    struct prepare_env env = {.tables = snap.tables, .scratch = p->scratch, .now = now};
    struct command *commands[BATCH_COMMANDS], *group[BATCH_COMMANDS];
    size_t n = 0;

    for (struct worker_node *node = list; node && n < BATCH_COMMANDS; node = node->next) {
        commands[n] = (struct command *)node;
        if (commands[n]->ops->prepare)
            commands[n]->ops->prepare(commands[n], &env);
        worker_beat(p->worker);
        n++;
    }
    for (size_t first = 0; first < n; first++) {
        if (!commands[first])
            continue;
        struct workspace *ws = commands[first]->ws;
        size_t in_group = 0;
        for (size_t i = first; i < n; i++) {
            if (commands[i] && commands[i]->ws == ws) {
                group[in_group++] = commands[i];
                commands[i] = NULL;
            }
        }
        apply_group(p, ws, group, in_group, &m);
    }
    snapshot_unpin(&snap);
}

/* --- the loop's side --- */

static void done(void *ctx, struct worker_node *list)
{
    struct pipeline *p = ctx;
    for (struct worker_node *node = list, *next; node; node = next) {
        struct command *c = (struct command *)node;
        next = node->next;
        if (c->status == 0 && p->on_committed)
            p->on_committed(p->ctx, c);
        c->ops->done(c);
    }
    metric_set(METRIC_QUEUE_BYTES, LANE_INTERACTIVE, (int64_t)worker_queued(p->worker, 0));
    metric_set(METRIC_QUEUE_BYTES, LANE_BULK, (int64_t)worker_queued(p->worker, 1));
}

int pipeline_submit(struct pipeline *p, struct command *c)
{
    c->status = 0;
    return worker_submit(p->worker, &c->node);
}

bool pipeline_has_room(const struct pipeline *p, const struct workspace *ws, enum lane lane,
                       size_t bytes)
{
    return !atomic_load(&ws->disk_full) && worker_has_room(p->worker, lane, bytes);
}

int64_t pipeline_heartbeat_age(const struct pipeline *p)
{
    return worker_beat_age(p->worker);
}

bool pipeline_hurried(const struct pipeline *p)
{
    return worker_hurried(p->worker);
}

size_t pipeline_queued_bytes(const struct pipeline *p, enum lane lane)
{
    return worker_queued(p->worker, lane);
}

void pipeline_reload(struct pipeline *p, struct config *config, struct nlp_tables *tables)
{
    struct snapshot next = {config_ref(config), nlp_tables_ref(tables)};
    pthread_mutex_lock(&p->lock);
    struct snapshot old = p->current;
    p->current = next;
    pthread_mutex_unlock(&p->lock);
    snapshot_unpin(&old);
}

static void stopped(void *ctx)
{
    struct pipeline *p = ctx;
    loop_stopped(p->loop, STOP_COMMIT, p);
}

static void stop(void *ctx)
{
    struct pipeline *p = ctx;
    worker_stop(p->worker, stopped, p);
}

int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret_pipeline)
{
    struct pipeline *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->loop = cfg->loop;
    p->panic = (struct panic){{.fn = tell_panic}, cfg->loop};
    p->on_events = cfg->on_events;
    p->on_committed = cfg->on_committed;
    p->ctx = cfg->ctx;
    pthread_mutex_init(&p->lock, NULL);
    p->current = (struct snapshot){config_ref(cfg->config), nlp_tables_ref(cfg->tables)};
    int rc = nlp_scratch_new(&p->scratch);
    size_t bound = cfg->config->intake.queue_bytes;
    struct worker_config wc = {
        .loop = p->loop,
        .run = run,
        .done = done,
        .ctx = p,
        .max_bytes = {bound, bound},
        .batch_bytes = cfg->config->intake.batch_bytes,
        .batch_nodes = BATCH_COMMANDS,
    };
    if (rc == 0)
        rc = worker_new(&wc, &p->worker);
    if (rc == 0)
        rc = loop_on_stop(p->loop, STOP_COMMIT, stop, p);
    if (rc < 0) {
        pipeline_free(p);
        return rc;
    }
    *ret_pipeline = p;
    return 0;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    worker_free(p->worker);
    nlp_scratch_free(p->scratch);
    snapshot_unpin(&p->current);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
