#include "daemon/pipeline/intake.h"

#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/dead_letter.h"
#include "daemon/pipeline/explain.h"
#include "daemon/pipeline/workspace.h"

/* --- the worker's side --- */

static void prepare(struct command *c, const struct prepare_env *env)
{
    struct intake *in = (struct intake *)c;

    arena_reset(&in->analyses);
    in->prepared = 0;
    nlp_tables_unref(in->tables);
    in->tables = nlp_tables_ref((struct nlp_tables *)env->tables);
    for (size_t i = 0; i < in->n && in->prepared == 0 && in->kind == INTAKE_FEEDBACK; i++) {
        struct intake_item *it = &in->items[i];
        if (!it->taken || it->removal)
            continue;
        it->analysis = arena_zalloc(&in->analyses, sizeof *it->analysis);
        in->prepared = it->analysis ? analyze_feedback(env->tables, env->scratch, it->in.feedback,
                                                       NLP_KEYWORDS, &in->analyses, it->analysis)
                                    : -ENOMEM;
    }
}

/* The record as the store keeps it; lives until the next apply, as alert evaluation asks. */
static const struct feedback *as_kept(struct intake *in, const struct feedback *f,
                                      const struct store_put *put)
{
    if (f->created_at == put->created_at)
        return f;
    struct feedback *kept = arena_alloc(&in->results, sizeof *kept);
    if (kept) {
        *kept = *f;
        kept->created_at = put->created_at;
    }
    return kept;
}

static int apply_feedback(struct intake *in, struct intake_item *it, struct apply_env *env)
{
    struct store_put put;
    int rc = store_put_feedback(env->txn, it->in.feedback, it->analysis, &in->results, &put);
    if (rc < 0)
        return rc;
    it->outcome = put.outcome;
    it->id = put.id;
    it->seq = put.seq;
    it->segments = put.segments;
    it->n_segments = put.n_segments;
    if (put.outcome == OUTCOME_DUPLICATE)
        return 0;
    const struct feedback *kept = as_kept(in, it->in.feedback, &put);
    if (!kept)
        return -ENOMEM;
    it->kept = kept;
    it->revision = put.has_previous ? put.previous.revision + 1 : 1;
    struct where_record record = {kept, it->analysis, put.segments, put.n_segments};
    return alert_observe(env->alerts, &record, &put.id, put.has_previous ? &put.previous : NULL);
}

/* What was counted for an alert stays counted: it was said. */
static int apply_removal(struct intake_item *it, struct apply_env *env)
{
    const struct feedback *f = it->in.feedback;
    int rc = store_remove_feedback(env->txn, f->source, f->external_id);
    it->outcome = rc == 0 ? OUTCOME_UPDATED : OUTCOME_DUPLICATE;
    return rc == -ENOENT ? 0 : rc;
}

/* More changes than a customer's history may hold is the sender's matter, not the batch's. */
static int apply_customer(struct intake *in, struct intake_item *it, struct apply_env *env)
{
    struct store_customer_put put;
    int rc = store_put_customer(env->txn, it->in.customer, &put);
    if (rc == -E2BIG && store_txn_error(env->txn) == 0) {
        struct reject *why = arena_alloc(&in->results, sizeof *why);
        if (!why)
            return -ENOMEM;
        reject(why, REJECT_TOO_MANY_CHANGES, "the customer's history is full");
        it->outcome = OUTCOME_REJECTED;
        it->why = why;
        return 0;
    }
    if (rc == 0)
        it->outcome = put.outcome;
    return rc;
}

static int apply_item(struct intake *in, struct intake_item *it, struct apply_env *env)
{
    it->why = NULL;
    switch (in->kind) {
    case INTAKE_FEEDBACK:
        return it->removal ? apply_removal(it, env) : apply_feedback(in, it, env);
    case INTAKE_CUSTOMER:
        return apply_customer(in, it, env);
    case INTAKE_ACTIVITY:
        return store_put_activity(env->txn, it->in.activity, &it->outcome);
    }
    return -EINVAL;
}

/* Whether what belongs to it is left alone. */
static bool is_gone(const struct intake *in, size_t retry)
{
    return retry > 0 && in->retries[retry - 1].gone;
}

static int apply_letter(struct intake *in, const struct intake_letter *l, struct apply_env *env)
{
    struct span before;
    if (is_gone(in, l->retry))
        return 0;
    int rc = l->mark.p
                 ? store_txn_doc_get(env->txn, STORE_DOC_CURSOR, l->mark, &in->results, &before)
                 : -ENOENT;
    if (rc != -ENOENT)
        return rc;
    if (l->mark.p)
        store_doc_put(env->txn, STORE_DOC_CURSOR, l->mark, l->key);
    in->n_kept_letters++;
    return store_doc_put(env->txn, STORE_DOC_DEAD_LETTER, l->key, l->value);
}

/* A slot holds the newest delivery that fell into it: bounded, and exact for all that come again
 * soon. */
static int note_delivery(struct intake *in, struct apply_env *env)
{
    struct span before = SPAN_NONE;
    const struct intake_letter *d = &in->delivery;

    in->replayed = false;
    if (!d->key.p)
        return 0;
    int rc = store_txn_doc_get(env->txn, STORE_DOC_CURSOR, d->key, &in->results, &before);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    in->replayed = rc == 0 && span_eq(before, d->value);
    for (size_t i = 0; i < in->n && in->replayed; i++)
        if (in->items[i].taken)
            in->items[i].outcome = OUTCOME_DUPLICATE;
    return in->replayed ? 0 : store_doc_put(env->txn, STORE_DOC_CURSOR, d->key, d->value);
}

/* What was removed in the meantime stays removed: its records do not come in after all. */
static int look_up_retries(struct intake *in, struct apply_env *env)
{
    struct span value;
    for (size_t i = 0; i < in->n_retries; i++) {
        struct intake_retry *r = &in->retries[i];
        int rc = store_txn_doc_get(env->txn, STORE_DOC_DEAD_LETTER, r->key, &in->results, &value);
        if (rc < 0 && rc != -ENOENT)
            return rc;
        r->gone = rc == -ENOENT;
    }
    return 0;
}

static int settle_retry(const struct intake_retry *r, struct apply_env *env)
{
    if (r->gone)
        return 0;
    return r->value.p ? store_doc_put(env->txn, STORE_DOC_DEAD_LETTER, r->key, r->value)
                      : store_doc_delete(env->txn, STORE_DOC_DEAD_LETTER, r->key);
}

/* The bound of what dead letters take of the disk holds in every transaction that adds one. */
static int trim_letters(struct intake *in, struct apply_env *env)
{
    char floor[DEAD_LETTER_KEY];
    if (in->n_kept_letters == 0 || !env->config)
        return 0;
    dead_letter_floor(env->now - env->config->dead_letters.keep_ms, floor);
    return store_dead_trim(env->txn, span_str(floor), env->config->dead_letters.max_bytes,
                           DEAD_LETTER_TRIM, &in->trimmed);
}

static int apply_letters(struct intake *in, struct apply_env *env)
{
    int rc = 0;
    for (size_t i = 0; i < in->n_retries && rc == 0; i++)
        rc = settle_retry(&in->retries[i], env);
    for (size_t i = 0; i < in->n_letters && rc == 0; i++)
        rc = apply_letter(in, &in->letters[i], env);
    return rc == 0 ? trim_letters(in, env) : rc;
}

static int apply_items(struct intake *in, struct apply_env *env)
{
    int rc = 0;
    for (size_t i = 0; i < in->n && rc == 0; i++) {
        struct intake_item *it = &in->items[i];
        if (!it->taken)
            continue;
        if (is_gone(in, it->retry))
            it->outcome = OUTCOME_REJECTED;
        else
            rc = apply_item(in, it, env);
    }
    return rc;
}

static int apply(struct command *c, struct apply_env *env)
{
    struct intake *in = (struct intake *)c;
    int rc = in->prepared;

    arena_reset(&in->results);
    in->committed_at = env->now;
    in->n_kept_letters = 0;
    in->trimmed = (struct store_trimmed){0};
    if (rc == 0)
        rc = note_delivery(in, env);
    if (rc < 0 || in->replayed)
        return rc;
    rc = look_up_retries(in, env);
    if (rc == 0)
        rc = apply_items(in, env);
    if (rc == 0)
        rc = apply_letters(in, env);
    if (rc == 0 && in->cursor.key.p)
        rc = store_doc_put(env->txn, STORE_DOC_CURSOR, in->cursor.key, in->cursor.value);
    return rc;
}

/* --- the loop's side --- */

static void done(struct command *c)
{
    struct intake *in = (struct intake *)c;

    if (c->status == 0) {
        metric_add(METRIC_DEAD_LETTERS, 0, (int64_t)in->n_kept_letters);
        metric_add(METRIC_DEAD_LETTERS_DROPPED, 0, (int64_t)in->trimmed.aged);
        metric_add(METRIC_DEAD_LETTERS_DROPPED, 1, (int64_t)in->trimmed.crowded);
    }
    in->done(in);
}

static const struct command_ops intake_ops = {"intake", prepare, apply, done};

const struct intake *intake_of(const struct command *c)
{
    return c->ops == &intake_ops ? (const struct intake *)c : NULL;
}

struct intake *intake_new(struct workspace *ws, enum intake_kind kind)
{
    struct intake *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->command.ops = &intake_ops;
    in->command.ws = ws;
    in->kind = kind;
    arena_init(&in->arena, INTAKE_MAX_ARENA);
    arena_init(&in->analyses, INTAKE_MAX_ARENA);
    arena_init(&in->results, INTAKE_MAX_ARENA);
    return in;
}

void intake_free(struct intake *in)
{
    if (!in)
        return;
    arena_done(&in->arena);
    arena_done(&in->analyses);
    arena_done(&in->results);
    free(in->items);
    free(in->letters);
    free(in->retries);
    nlp_tables_unref(in->tables);
    free(in);
}

static struct intake_item *next_item(struct intake *in)
{
    if (in->n == in->cap) {
        size_t cap = in->cap ? 2 * in->cap : 8;
        struct intake_item *items = reallocarray(in->items, cap, sizeof *items);
        if (!items)
            return NULL;
        in->items = items;
        in->cap = cap;
    }
    struct intake_item *it = &in->items[in->n++];
    *it = (struct intake_item){.outcome = OUTCOME_REJECTED, .retry = in->retry};
    return it;
}

int intake_take(struct intake *in, const void *record)
{
    static const size_t sizes[] = {sizeof(struct feedback), sizeof(struct customer_change),
                                   sizeof(struct activity)};
    void *copy = arena_alloc(&in->arena, sizes[in->kind]);
    struct intake_item *it = copy ? next_item(in) : NULL;
    if (!it)
        return -ENOMEM;
    memcpy(copy, record, sizes[in->kind]);
    it->in.feedback = copy; /* the union's members share their representation */
    it->taken = true;
    in->n_taken++;
    return 0;
}

int intake_remove(struct intake *in, struct span source, struct span external_id)
{
    struct feedback f = {.source = arena_dup(&in->arena, source),
                         .external_id = arena_dup(&in->arena, external_id)};
    int rc = f.source.p && f.external_id.p ? intake_take(in, &f) : -ENOMEM;
    if (rc == 0)
        in->items[in->n - 1].removal = true;
    return rc;
}

int intake_refuse(struct intake *in, const struct reject *why)
{
    struct reject *copy = NULL;
    struct intake_item *it;

    if (in->n_reasons < INTAKE_MAX_REASONS) {
        copy = arena_alloc(&in->arena, sizeof *copy);
        if (!copy)
            return -ENOMEM;
        *copy = *why;
        in->n_reasons++;
    }
    it = next_item(in);
    if (!it)
        return -ENOMEM;
    it->why = copy;
    return 0;
}

int intake_letter(struct intake *in, const struct intake_letter *letter)
{
    if (in->n_letters == in->cap_letters) {
        size_t cap = in->cap_letters ? 2 * in->cap_letters : 4;
        struct intake_letter *letters = reallocarray(in->letters, cap, sizeof *letters);
        if (!letters)
            return -ENOMEM;
        in->letters = letters;
        in->cap_letters = cap;
    }
    in->letters[in->n_letters++] = *letter;
    return 0;
}

struct intake_retry *intake_retry(struct intake *in, struct span key)
{
    if (in->n_retries == in->cap_retries) {
        size_t cap = in->cap_retries ? 2 * in->cap_retries : 16;
        struct intake_retry *retries = reallocarray(in->retries, cap, sizeof *retries);
        if (!retries)
            return NULL;
        in->retries = retries;
        in->cap_retries = cap;
    }
    in->retries[in->n_retries] = (struct intake_retry){.key = key};
    in->retry = in->n_retries + 1;
    return &in->retries[in->n_retries++];
}

size_t intake_bytes(const struct intake *in)
{
    return sizeof *in + in->arena.used + in->cap * sizeof *in->items;
}

int intake_submit(struct pipeline *p, struct intake *in, enum lane lane)
{
    in->command.node.lane = lane;
    in->command.node.bytes = intake_bytes(in);
    return pipeline_submit(p, &in->command);
}
