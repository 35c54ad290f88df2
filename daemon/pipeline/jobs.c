#include "daemon/pipeline/jobs.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/access.h"
#include "daemon/pipeline/dead_letter.h"
#include "daemon/pipeline/edit.h"

enum { TICK_MS = 250, PROBE_EVERY = 4, CARE_EVERY = 40, TRIM_EVERY = 14400 /* an hour */ };

struct jobs {
    struct loop *loop;
    struct pipeline *pipeline;
    struct workspaces *workspaces;
    struct access *access;
    struct loop_timer *timer;
    uint64_t ticks;
    size_t n_steps; /* submitted and not done */
};

/* --- jobs in steps: each step's done submits the next --- */

static void step_done(struct edit *e);

static void submit_step(struct jobs *j, enum edit_kind kind, struct workspace *ws, struct span key)
{
    struct edit *e = edit_new(kind, ws);
    if (!e)
        return; /* the job is on disk: resume() goes on */
    e->key = arena_dup(&e->arena, key);
    e->n = kind == EDIT_LETTERS_TRIM;
    e->done = step_done;
    e->user = j;
    if (edit_submit(j->pipeline, e) < 0) {
        log_warning(LOG_PIPELINE, "a job waits: the queue is full", "workspace=%.*s",
                    SPAN_FMT(ws->id));
        edit_free(e);
        return;
    }
    j->n_steps++;
}

static void step_done(struct edit *e)
{
    struct jobs *j = e->user;
    j->n_steps--;
    if (e->command.status == 0 && e->more && !loop_stopping(j->loop))
        submit_step(j, e->kind, e->command.ws, e->key);
    else if (e->command.status == 0 && !e->more && e->kind != EDIT_LETTERS_TRIM)
        log_info(LOG_PIPELINE, "job done", "job=%s workspace=%.*s",
                 e->kind == EDIT_RESTAMP ? "restamp" : "delete", SPAN_FMT(e->command.ws->id));
    edit_free(e);
}

void jobs_restamp(struct jobs *j, struct workspace *ws)
{
    submit_step(j, EDIT_RESTAMP, ws, SPAN_NONE);
}

void jobs_delete_source(struct jobs *j, struct workspace *ws, struct span source)
{
    submit_step(j, EDIT_SOURCE_DELETE, ws, source);
}

struct resumption {
    struct jobs *jobs;
    struct workspace *ws;
};

static int resume_one(void *ctx, struct span key, struct span value)
{
    struct resumption *r = ctx;
    if (span_is(key, "restamp"))
        jobs_restamp(r->jobs, r->ws);
    else if (span_starts(key, SPAN_LIT(JOB_DELETE)))
        jobs_delete_source(r->jobs, r->ws, value);
    return 0;
}

/* Goes on with what a stop, a full disk or a full queue interrupted. */
static void resume(struct jobs *j, struct workspace *ws)
{
    struct store_view *view = NULL;
    struct resumption r = {j, ws};
    if (store_view_begin(ws->store, &view) == 0)
        store_doc_each(view, STORE_DOC_JOB, SPAN_NONE, false, resume_one, &r);
    store_view_end(view);
}

static void resume_all(struct jobs *j)
{
    if (j->n_steps > 0)
        return;
    for (struct workspace *ws = j->workspaces->first; ws; ws = ws->next) {
        if (!atomic_load(&ws->disk_full))
            resume(j, ws);
    }
}

/* --- the timer --- */

static int note_any(void *ctx, struct span key, struct span value)
{
    (void)key;
    (void)value;
    *(bool *)ctx = true;
    return 1;
}

static int note_mark(void *ctx, struct span key, struct span value)
{
    (void)value;
    *(bool *)ctx = span_starts(key, SPAN_LIT(DEAD_LETTER_MARK));
    return 1;
}

static void tick_alerts(struct jobs *j, struct workspace *ws, int64_t now)
{
    if (atomic_load(&ws->alerts_due) > now)
        return;
    struct edit *e = edit_new(EDIT_ALERT_TICK, ws);
    if (!e)
        return;
    /* Not again before this one has set the true due time; a failed tick comes again soon. */
    atomic_store(&ws->alerts_due, now + MS_SECOND);
    if (edit_submit(j->pipeline, e) < 0)
        edit_free(e);
}

/* Only where there is anything to let go, or notes of what went may be left. */
static void trim_letters(struct jobs *j, struct workspace *ws)
{
    struct store_view *view = NULL;
    bool any = false;
    int rc = store_view_begin(ws->store, &view);
    if (rc == 0)
        rc = store_doc_each(view, STORE_DOC_DEAD_LETTER, SPAN_NONE, false, note_any, &any);
    if (rc == 0)
        store_doc_each(view, STORE_DOC_CURSOR, SPAN_LIT(DEAD_LETTER_MARK), false, note_mark, &any);
    store_view_end(view);
    if (any)
        submit_step(j, EDIT_LETTERS_TRIM, ws, SPAN_NONE);
}

static void probe(struct jobs *j, struct workspace *ws)
{
    struct edit *e = edit_new(EDIT_PROBE, ws);
    if (e && edit_submit(j->pipeline, e) < 0)
        edit_free(e);
}

static void care(struct workspaces *set)
{
    struct store_stats stats;
    int64_t lag = 0, outbox = 0, firing = 0, letters = 0, letter_bytes = 0;
    for (struct workspace *ws = set->first; ws; ws = ws->next) {
        int cleared = store_reader_check(ws->store);
        if (cleared > 0)
            log_warning(LOG_STORE, "stale readers cleared", "workspace=%.*s readers=%d",
                        SPAN_FMT(ws->id), cleared);
        if (store_stats(ws->store, &stats) < 0)
            continue;
        lag = stats.oldest_reader_txns > lag ? stats.oldest_reader_txns : lag;
        outbox += (int64_t)stats.outbox;
        letters += (int64_t)stats.dead_letters;
        letter_bytes += (int64_t)stats.dead_letter_bytes;
        firing += (int64_t)atomic_load(&ws->alerts_firing);
    }
    metric_set(METRIC_READER_LAG, 0, lag);
    metric_set(METRIC_OUTBOX, 0, outbox);
    metric_set(METRIC_ALERTS_FIRING, 0, firing);
    metric_set(METRIC_DEAD_LETTERS_KEPT, 0, letters);
    metric_set(METRIC_DEAD_LETTER_BYTES, 0, letter_bytes);
}

static void tick(void *ctx)
{
    struct jobs *j = ctx;
    int64_t now = clock_wall(loop_clock(j->loop)), full = 0;
    if (loop_stopping(j->loop))
        return;
    for (struct workspace *ws = j->workspaces->first; ws; ws = ws->next) {
        if (atomic_load(&ws->disk_full)) {
            full = 1;
            if (j->ticks % PROBE_EVERY == 0)
                probe(j, ws);
            continue;
        }
        access_retry(j->access, ws);
        tick_alerts(j, ws, now);
        if (j->ticks % TRIM_EVERY == 0)
            trim_letters(j, ws);
    }
    metric_set(METRIC_DISK_FULL, 0, full);
    if (j->ticks++ % CARE_EVERY == 0) {
        care(j->workspaces);
        access_note_heads(j->access, j->workspaces);
        resume_all(j);
        malloc_trim(0); /* one hostile body would hold its 60 MiB of freed crumbs for ever */
    }
}

int jobs_new(const struct jobs_config *cfg, struct jobs **ret_jobs)
{
    struct jobs *j = calloc(1, sizeof *j);
    if (!j)
        return -ENOMEM;
    *j = (struct jobs){.loop = cfg->loop,
                       .pipeline = cfg->pipeline,
                       .workspaces = cfg->workspaces,
                       .access = cfg->access};
    int rc = loop_timer_new(j->loop, TICK_MS, TICK_MS, tick, j, &j->timer);
    if (rc < 0) {
        free(j);
        return rc;
    }
    *ret_jobs = j; /* the first tick goes on with what the last run left */
    return 0;
}

void jobs_free(struct jobs *j)
{
    free(j); /* its timer closed with the loop */
}
