#include "daemon/pipeline/edit.h"

#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/dead_letter.h"
#include "daemon/pipeline/workspace.h"
#include "daemon/trust/access_log.h"

enum {
    RESTAMP_STEP = 500, /* customers a transaction */
    DELETE_STEP = 500,  /* records a transaction */
    EDIT_ARENA_MAX = 4 << 20,
};
static const struct span restamp_job = {"restamp", 7};

/* Absence, bad input: what the edit says to its maker. Anything else fails the transaction. */
static int settle(struct edit *e, int rc)
{
    if (rc == -ENOENT || rc == -EINVAL || rc == -E2BIG) {
        e->result = rc;
        return 0;
    }
    e->result = 0;
    return rc;
}

/* A new segment has no earlier meaning to keep: it acts from the beginning. An edit acts from now
 * on unless a backfill is asked for. */
static int apply_segment(struct edit *e, struct apply_env *env)
{
    struct span stored;
    int rc = store_txn_doc_get(env->txn, STORE_DOC_SEGMENT, e->key, &e->arena, &stored);
    bool is_new = rc == -ENOENT;
    if (is_new && e->segment.retired)
        return settle(e, rc);
    if (rc == 0 || is_new)
        rc = store_put_segment(env->txn, &e->segment, e->backfill || is_new, &e->where_error);
    if (rc == 0)
        rc = store_doc_put(env->txn, STORE_DOC_JOB, restamp_job, SPAN_LIT("0"));
    return settle(e, rc);
}

/* What alert rules counted may be stamped anew, or gone. */
static void reread_alerts(struct apply_env *env)
{
    if (env->alerts)
        alert_reread(env->alerts);
}

static int apply_restamp(struct edit *e, struct apply_env *env)
{
    struct span at;
    int64_t cursor = 0;
    e->more = false;
    int rc = store_txn_doc_get(env->txn, STORE_DOC_JOB, restamp_job, &e->arena, &at);
    if (rc == -ENOENT)
        return settle(e, 0);
    if (rc == 0)
        rc = span_to_i64(at, &cursor);
    uint64_t position = (uint64_t)cursor;
    if (rc == 0)
        rc = store_restamp_step(env->txn, RESTAMP_STEP, &position);
    if (rc < 0)
        return rc;
    e->more = position != UINT64_MAX;
    if (!e->more) {
        reread_alerts(env);
        return store_doc_delete(env->txn, STORE_DOC_JOB, restamp_job);
    }
    struct span text = arena_printf(&e->arena, "%llu", (unsigned long long)position);
    return text.p ? store_doc_put(env->txn, STORE_DOC_JOB, restamp_job, text) : -ENOMEM;
}

static int apply_rule(struct edit *e, struct apply_env *env)
{
    return settle(e, alert_put_rule(env->alerts, e->key, e->value, &e->arena, &e->message));
}

static int apply_rule_delete(struct edit *e, struct apply_env *env)
{
    return settle(e, alert_delete_rule(env->alerts, e->key));
}

static int apply_acknowledge(struct edit *e, struct apply_env *env)
{
    struct alert_ack ack = {.id = e->key, .by = e->by, .owner = e->owner, .note = e->note};
    return settle(e, alert_acknowledge(env->alerts, &ack));
}

static int apply_alert_tick(struct edit *e, struct apply_env *env)
{
    (void)e;
    alert_evaluate_all(env->alerts);
    return 0;
}

static int apply_outbox_done(struct edit *e, struct apply_env *env)
{
    return store_outbox_delete(env->txn, &e->id);
}

static int apply_outbox_retry(struct edit *e, struct apply_env *env)
{
    return settle(e, store_outbox_retry(env->txn, &e->id, e->due, e->attempts));
}

static int apply_access(struct edit *e, struct apply_env *env)
{
    uint64_t n;
    struct span last, entry;
    int rc = store_log_last(env->txn, STORE_LOG_ACCESS, &e->arena, &n, &last);
    if (rc == 0)
        rc = access_entry_make(&e->access, n + 1, env->now, last, &e->arena, &entry);
    if (rc == 0)
        rc = store_log_append(env->txn, STORE_LOG_ACCESS, entry, &e->n);
    e->value = rc == 0 ? entry : SPAN_NONE;
    return rc;
}

static int apply_doc(struct edit *e, struct apply_env *env)
{
    struct span old;
    if (!e->value.p) {
        int rc = store_txn_doc_get(env->txn, e->doc, e->key, &e->arena, &old);
        return settle(e, rc < 0 ? rc : store_doc_delete(env->txn, e->doc, e->key));
    }
    return store_doc_put(env->txn, e->doc, e->key, e->value);
}

/* Keys are shorter than sources may be. Two that begin alike for so long would share a job, and the
 * second be finished by whoever asks again. */
static struct span delete_job(struct span source, struct arena *a)
{
    return arena_printf(a, JOB_DELETE "%.*s", (int)(source.n < 400 ? source.n : 400), source.p);
}

/* One step of removing a source's dead letters, as the last commit has them. */
static int drop_letters(struct edit *e, struct apply_env *env)
{
    struct store_view *view = NULL;
    size_t n = 0;
    int rc = store_view_begin(env->ws->store, &view);
    if (rc == 0)
        rc = dead_letter_drop(env->txn, view, e->key, DELETE_STEP, &n);
    store_view_end(view);
    e->n = n;
    e->more = n > 0; /* the next step sees whether that was all */
    return rc;
}

static int apply_letters_drop(struct edit *e, struct apply_env *env)
{
    return drop_letters(e, env);
}

static int drop_marks(struct edit *e, struct apply_env *env, int64_t before)
{
    struct store_view *view = NULL;
    size_t n = 0;
    int rc = store_view_begin(env->ws->store, &view);
    if (rc == 0)
        rc = dead_letter_drop_marks(env->txn, view, before, DELETE_STEP, &n);
    store_view_end(view);
    e->more = e->more || n == DELETE_STEP;
    return rc;
}

static int apply_letters_trim(struct edit *e, struct apply_env *env)
{
    char floor[DEAD_LETTER_KEY];
    int64_t before = env->now - env->config->dead_letters.keep_ms;
    dead_letter_floor(before, floor);
    e->trimmed = (struct store_trimmed){0};
    int rc = store_dead_trim(env->txn, span_str(floor), env->config->dead_letters.max_bytes,
                             DEAD_LETTER_TRIM, &e->trimmed);
    e->more = e->trimmed.aged + e->trimmed.crowded == DEAD_LETTER_TRIM;
    return rc == 0 && e->n ? drop_marks(e, env, before) : rc;
}

/* What was promised is noted until it is done: a restart in between must not forget it. */
static int apply_source_delete(struct edit *e, struct apply_env *env)
{
    struct span job = delete_job(e->key, &e->arena);
    e->more = false;
    if (!job.p)
        return -ENOMEM;
    int rc = store_delete_source(env->txn, e->key, DELETE_STEP, &e->more);
    if (rc == 0 && !e->more)
        reread_alerts(env);
    if (rc == 0 && !e->more)
        rc = alert_forget_source(env->alerts, e->key);
    if (rc == -ENOENT || (rc == 0 && !e->more))
        rc = drop_letters(e, env);
    if (rc == 0)
        rc = e->more ? store_doc_put(env->txn, STORE_DOC_JOB, job, e->key)
                     : store_doc_delete(env->txn, STORE_DOC_JOB, job);
    return rc == -ENOENT ? 0 : rc;
}

static int apply_probe(struct edit *e, struct apply_env *env)
{
    struct span now = arena_printf(&e->arena, "%lld", (long long)env->now);
    return now.p ? store_doc_put(env->txn, STORE_DOC_SETTING, SPAN_LIT("probe"), now) : -ENOMEM;
}

static int (*const apply_table[EDIT_KINDS])(struct edit *, struct apply_env *) = {
    [EDIT_SEGMENT] = apply_segment,
    [EDIT_RESTAMP] = apply_restamp,
    [EDIT_RULE] = apply_rule,
    [EDIT_RULE_DELETE] = apply_rule_delete,
    [EDIT_ACKNOWLEDGE] = apply_acknowledge,
    [EDIT_ALERT_TICK] = apply_alert_tick,
    [EDIT_OUTBOX_DONE] = apply_outbox_done,
    [EDIT_OUTBOX_RETRY] = apply_outbox_retry,
    [EDIT_ACCESS] = apply_access,
    [EDIT_DOC] = apply_doc,
    [EDIT_SOURCE_DELETE] = apply_source_delete,
    [EDIT_LETTERS_DROP] = apply_letters_drop,
    [EDIT_LETTERS_TRIM] = apply_letters_trim,
    [EDIT_PROBE] = apply_probe,
};

static int edit_apply(struct command *c, struct apply_env *env)
{
    struct edit *e = (struct edit *)c;
    return apply_table[e->kind](e, env);
}

static void edit_done(struct command *c)
{
    struct edit *e = (struct edit *)c;
    if (c->status == 0) {
        metric_add(METRIC_DEAD_LETTERS_DROPPED, 0, (int64_t)e->trimmed.aged);
        metric_add(METRIC_DEAD_LETTERS_DROPPED, 1, (int64_t)e->trimmed.crowded);
    }
    if (e->done)
        e->done(e);
    else
        edit_free(e);
}

static const struct command_ops edit_ops = {"edit", NULL, edit_apply, edit_done};

/* Steps of long jobs wait behind what people wait for. */
static enum lane lane_of(enum edit_kind kind)
{
    switch (kind) {
    case EDIT_RESTAMP:
    case EDIT_SOURCE_DELETE:
    case EDIT_LETTERS_DROP:
    case EDIT_LETTERS_TRIM:
        return LANE_BULK;
    default:
        return LANE_INTERACTIVE;
    }
}

struct edit *edit_new(enum edit_kind kind, struct workspace *ws)
{
    struct edit *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->kind = kind;
    e->command.ops = &edit_ops;
    e->command.ws = ws;
    e->command.node.lane = lane_of(kind);
    arena_init(&e->arena, EDIT_ARENA_MAX);
    return e;
}

void edit_free(struct edit *e)
{
    if (!e)
        return;
    arena_done(&e->arena);
    free(e);
}

int edit_submit(struct pipeline *p, struct edit *e)
{
    e->command.node.bytes = sizeof *e + e->arena.used;
    return pipeline_submit(p, &e->command);
}
