#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/transition.h"

/* --- life --- */

int alert_engine_new(const struct alert_config *cfg, struct alert_engine **ret_engine)
{
    struct alert_engine *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    arena_init(&e->arena, 0);
    arena_init(&e->batch.arena, ALERT_BATCH_MAX);
    arena_init(&e->batch.scratch, 0);
    atomic_init(&e->next_receivers, NULL);
    e->workspace = arena_dup(&e->arena, cfg->workspace);
    e->store = cfg->store;
    e->lateness = cfg->max_lateness_ms / MS_MINUTE;
    e->max_groups = cfg->max_groups;
    e->rng = cfg->rng;
    e->rng.fill(e->rng.ctx, &e->hash_seed, sizeof e->hash_seed);
    int rc = e->workspace.p ? zone_open(span_str(cfg->timezone), &e->zone) : -ENOMEM;
    if (rc == 0)
        rc = watch_init(e);
    if (rc < 0) {
        alert_engine_free(e);
        return rc;
    }
    *ret_engine = e;
    return 0;
}

static void receivers_free(struct alert_receivers *r)
{
    if (!r)
        return;
    arena_done(&r->arena);
    free(r);
}

void alert_engine_free(struct alert_engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_rules; i++)
        live_rule_free(e, e->rules[i]);
    watch_done(e);
    free(e->heap);
    free(e->orphans);
    receivers_free(e->receivers);
    receivers_free(atomic_load(&e->next_receivers));
    zone_close(e->zone);
    arena_done(&e->batch.arena);
    arena_done(&e->batch.scratch);
    arena_done(&e->arena);
    free(e);
}

static unsigned severity_bits(const struct config_receiver *r)
{
    unsigned bits = 0;
    for (size_t i = 0; i < r->n_severities; i++) {
        for (int s = 0; s < ALERT_SEVERITIES; s++) {
            if (span_is(r->severities[i], alert_severity_name((enum alert_severity)s)))
                bits |= 1u << s;
        }
    }
    return bits;
}

int alert_engine_set_receivers(struct alert_engine *e, const struct config_receiver *receivers,
                               size_t n)
{
    struct alert_receivers *next = calloc(1, sizeof *next);
    if (!next)
        return -ENOMEM;
    arena_init(&next->arena, 0);
    next->at = arena_array(&next->arena, n, sizeof *next->at);
    for (; next->at && next->n < n; next->n++) {
        const struct config_receiver *r = &receivers[next->n];
        struct span name = arena_dup(&next->arena, r->name);
        if (!name.p)
            break;
        next->at[next->n] = (struct alert_receiver){name, r->send_resolved, severity_bits(r)};
    }
    if (next->n < n || !next->at) {
        receivers_free(next);
        return -ENOMEM;
    }
    receivers_free(atomic_exchange(&e->next_receivers, next));
    return 0;
}

int alert_engine_load(struct alert_engine *e, struct store_view *v, int64_t now)
{
    int rc = watch_load(e, v, now);
    if (rc == 0)
        rc = state_load(e, v, now);
    return rc == 0 ? state_seed(e, v, now) : rc;
}

static struct live_rule *find_rule(const struct alert_engine *e, struct span name)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        if (span_eq(e->rules[i]->rule->name, name))
            return e->rules[i];
    }
    return NULL;
}

/* --- one batch --- */

static bool all_seeded(const struct alert_engine *e)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        if (!e->rules[i]->seeded)
            return false;
    }
    return true;
}

/* What is committed is in the facts, what this batch brings will be observed: together all. */
static int seed_new(struct alert_engine *e, int64_t now)
{
    struct store_view *view = NULL;
    if (all_seeded(e))
        return 0;
    int rc = store_view_begin(e->store, &view);
    if (rc == 0)
        rc = state_seed(e, view, now);
    store_view_end(view);
    return rc;
}

int alert_begin(struct alert_engine *e, struct store_txn *t, int64_t now,
                struct alert_batch **ret_batch)
{
    struct alert_batch *b = &e->batch;
    struct alert_receivers *next = atomic_exchange(&e->next_receivers, NULL);
    if (next) {
        receivers_free(e->receivers);
        e->receivers = next;
    }
    int rc = seed_new(e, now);
    if (rc < 0)
        return rc;
    arena_reset(&b->arena);
    arena_reset(&b->scratch);
    *b = (struct alert_batch){
        .engine = e, .txn = t, .now = now, .arena = b->arena, .scratch = b->scratch};
    e->serial++;
    watch_begin(b);
    *ret_batch = b;
    return 0;
}

/* --- a record --- */

static void forget_example(struct alert_group *g, const struct uuid *id)
{
    struct group_state *s = &g->state;
    for (size_t i = 0; i < s->n_examples; i++) {
        if (memcmp(s->examples[i].id.b, id->b, sizeof id->b) != 0)
            continue;
        s->n_examples--;
        memmove(&s->examples[i], &s->examples[i + 1], (s->n_examples - i) * sizeof *s->examples);
        i--;
    }
    for (struct alert_quote **q = &g->quotes; *q;) {
        if (memcmp((*q)->id.b, id->b, sizeof id->b) == 0)
            *q = (*q)->next;
        else
            q = &(*q)->next;
    }
}

static int add_example(struct alert_batch *b, struct alert_group *g,
                       const struct where_record *record, const struct uuid *id)
{
    struct group_state *s = &g->state;
    size_t at = s->n_examples;
    for (size_t i = 0; i < s->n_examples; i++) {
        if (memcmp(s->examples[i].id.b, id->b, sizeof id->b) == 0)
            return 0; /* in "(other)" by several of its values */
    }
    struct alert_quote *q = arena_alloc(&b->arena, sizeof *q);
    if (!q)
        return -ENOMEM;
    *q = (struct alert_quote){g->quotes, *id, record->feedback, record->analysis};
    g->quotes = q;
    while (at > 0 && s->examples[at - 1].at <= record->feedback->created_at)
        at--;
    if (at == ALERT_EXAMPLES)
        return 0;
    s->n_examples += s->n_examples < ALERT_EXAMPLES;
    memmove(&s->examples[at + 1], &s->examples[at], (s->n_examples - at - 1) * sizeof *s->examples);
    s->examples[at] = (struct alert_example){*id, record->feedback->created_at};
    return 0;
}

static struct window_part part_of(const struct alert_rule *r, const struct where_record *rec)
{
    enum sentiment s = rec->analysis ? rec->analysis->sentiment : SENTIMENT_NONE;
    return window_part(r->test.measure, s, rec->feedback->csat, rec->feedback->nps);
}

static int add_record(struct alert_batch *b, struct live_rule *lr, const struct where_record *rec,
                      const struct uuid *id)
{
    struct window_part part = part_of(lr->rule, rec);
    struct span keys[ALERT_MAX_KEYS];
    size_t n = 0;
    if (part.n == 0)
        return 0;
    arena_reset(&b->scratch);
    int rc = group_keys(lr->rule, rec, &b->scratch, keys, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct alert_group *g = NULL;
        rc = group_take(b, lr, keys[i], &g);
        if (rc == 0)
            rc = group_add(b, g, window_minute(rec->feedback->created_at), part);
        if (rc == 0 && window_speaks(&lr->rule->test, part))
            rc = add_example(b, g, rec, id);
    }
    return rc;
}

/* Takes back what the record counted for before. When it is not there, memory and facts have come
 * apart (a job changed records behind our back): the facts are read again. */
static int take_record(struct alert_batch *b, struct live_rule *lr, const struct where_record *rec,
                       const struct uuid *id)
{
    struct window_part part = part_of(lr->rule, rec);
    struct span keys[ALERT_MAX_KEYS];
    size_t n = 0;
    if (part.n == 0)
        return 0;
    arena_reset(&b->scratch);
    int rc = group_keys(lr->rule, rec, &b->scratch, keys, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct alert_group *g = group_find(b->engine, lr, keys[i]);
        g = g ? g : lr->other;
        rc = g ? group_touch(b, g) : -ERANGE;
        if (rc == 0)
            rc = group_add(b, g, window_minute(rec->feedback->created_at),
                           (struct window_part){-part.n, -part.net});
        if (rc == 0)
            forget_example(g, id);
    }
    if (rc == -ERANGE)
        lr->seeded = false;
    return rc == -ERANGE ? 0 : rc;
}

static bool is_seen(const struct alert_batch *b, const struct live_rule *lr,
                    const struct where_record *rec)
{
    return !rec->feedback->backfill &&
           window_minute(rec->feedback->created_at) >= rule_horizon(b->engine, lr, b->now) &&
           where_match(lr->rule->where, rec, b->now);
}

static int observe_window(struct alert_batch *b, struct live_rule *lr,
                          const struct where_record *rec, const struct uuid *id,
                          const struct where_record *before)
{
    int rc = 0;
    if (before && is_seen(b, lr, before))
        rc = take_record(b, lr, before, id);
    if (rc == 0 && lr->seeded && is_seen(b, lr, rec))
        rc = add_record(b, lr, rec, id);
    return rc;
}

/* One alert per record: what matched before, or is remembered, has had its own. */
static int observe_each(struct alert_batch *b, struct live_rule *lr, const struct where_record *rec,
                        const struct uuid *id, const struct where_record *before)
{
    const struct window_value one = {1, 1, NAN};
    struct span key = span_of((const char *)id->b, sizeof id->b);
    int64_t window = lr->rule->test.window * MS_MINUTE;
    struct alert_group *g = NULL;
    if (!is_seen(b, lr, rec) || (before && where_match(lr->rule->where, before, b->now)) ||
        group_find(b->engine, lr, key))
        return 0;
    int rc = group_take(b, lr, key, &g);
    if (rc < 0 || g->state.firing)
        return rc;
    g->state.ends = b->now + window;
    g->state.n_examples = 0;
    if (!g->other)
        g->state.keep = rec->feedback->created_at + window + (b->engine->lateness + 2) * MS_MINUTE;
    rc = add_example(b, g, rec, id);
    return rc == 0 ? alert_fire(b, g, &one) : rc;
}

int alert_observe(struct alert_batch *b, const struct where_record *record, const struct uuid *id,
                  const struct stored *previous)
{
    struct where_record before;
    int rc = b ? watch_note(b, record->feedback) : 0;
    if (!b || rc < 0)
        return rc;
    if (previous)
        before = (struct where_record){&previous->feedback, &previous->analysis, previous->segments,
                                       previous->n_segments};
    for (size_t i = 0; i < b->engine->n_rules && rc == 0; i++) {
        struct live_rule *lr = b->engine->rules[i];
        if (lr->rule->silent)
            continue;
        if (lr->rule->each)
            rc = observe_each(b, lr, record, id, previous ? &before : NULL);
        else if (lr->seeded)
            rc = observe_window(b, lr, record, id, previous ? &before : NULL);
    }
    return rc;
}

/* --- rules --- */

static int resolve_group(void *ctx, struct alert_group *g)
{
    struct alert_batch *b = ctx;
    int rc = 0;
    if (!g->state.firing && g->state.keep == NO_TIME)
        return 0;
    rc = group_touch(b, g);
    g->state.keep = NO_TIME;
    if (rc == 0)
        rc = g->state.firing ? alert_resolve(b, g, RESOLVE_RULE, NULL) : state_save(b, g);
    return rc;
}

static int replace(struct alert_batch *b, struct live_rule *was, struct live_rule *is)
{
    int rc = was ? rule_each(was, resolve_group, b) : 0;
    return rc == 0 ? rule_replace(b, was, is) : rc;
}

/* Two rules are the same when they print the same. */
static int print_rule(const struct alert_rule *r, struct arena *a, struct span *ret)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    int rc = alert_rule_print(r, &out);
    *ret = rc == 0 ? arena_dup(a, buf_span(&out)) : SPAN_NONE;
    buf_done(&out);
    return rc < 0 ? rc : ret->p ? 0 : -ENOMEM;
}

static int put_rule(struct alert_batch *b, struct live_rule *lr, bool *ret_taken)
{
    struct live_rule *was = find_rule(b->engine, lr->rule->name);
    struct span text, before = SPAN_NONE;
    int rc = print_rule(lr->rule, &b->arena, &text);
    if (rc == 0 && was)
        rc = print_rule(was->rule, &b->arena, &before);
    if (rc < 0 || span_eq(text, before))
        return rc;
    rc = store_doc_put(b->txn, STORE_DOC_RULE, lr->rule->name, text);
    lr->seeded = lr->rule->each;
    if (rc == 0)
        rc = replace(b, was, lr);
    *ret_taken = rc == 0;
    return rc;
}

int alert_put_rule(struct alert_batch *b, struct span name, struct span text, struct arena *a,
                   struct span *ret_message)
{
    struct span message = SPAN_NONE;
    bool taken = false;
    struct live_rule *lr = live_rule_new();
    if (!lr)
        return -ENOMEM;
    int rc = alert_rule_parse(name, text, &lr->arena, &lr->rule, &message);
    if (rc == 0 && span_is(name, ALERT_SILENT_RULE)) {
        message = SPAN_LIT("that name is kept for sources that fall silent");
        rc = -EINVAL;
    }
    if (rc == 0 && b->engine->n_rules == ALERT_MAX_RULES + 1 && !find_rule(b->engine, name)) {
        message = SPAN_LIT("the workspace has as many alert rules as it may");
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = put_rule(b, lr, &taken);
    if (rc == -EINVAL)
        *ret_message = arena_dup(a, message);
    if (!taken)
        live_rule_free(b->engine, lr);
    return rc;
}

int alert_delete_rule(struct alert_batch *b, struct span name)
{
    struct live_rule *lr = find_rule(b->engine, name);
    if (!lr || lr->rule->silent)
        return -ENOENT;
    int rc = store_doc_delete(b->txn, STORE_DOC_RULE, name);
    return rc == 0 ? replace(b, lr, NULL) : rc;
}

/* --- the end of a batch --- */

static int touch_group(void *ctx, struct alert_group *g)
{
    return group_touch(ctx, g);
}

void alert_evaluate_all(struct alert_batch *b)
{
    for (size_t i = 0; i < b->engine->n_rules && b->error == 0; i++)
        b->error = rule_each(b->engine->rules[i], touch_group, b);
}

void alert_reread(struct alert_batch *b)
{
    for (size_t i = 0; i < b->engine->n_rules; i++)
        b->engine->rules[i]->seeded =
            b->engine->rules[i]->rule->each || b->engine->rules[i]->rule->silent;
}

static int take_due(struct alert_batch *b)
{
    struct alert_engine *e = b->engine;
    int rc = 0;
    while (rc == 0 && e->n_heap > 0 && e->heap[0]->state.due <= b->now) {
        struct alert_group *g = e->heap[0];
        rc = group_touch(b, g);
        if (rc == 0)
            group_schedule(e, g, INT64_MAX); /* evaluation says when again */
    }
    return rc;
}

static int evaluate_each(struct alert_batch *b, struct alert_group *g)
{
    struct group_state *s = &g->state;
    int rc = 0;
    bool forget = s->keep != NO_TIME && s->keep <= b->now;
    if (forget)
        s->keep = NO_TIME;
    if (s->firing && s->ends <= b->now)
        rc = alert_resolve(b, g, RESOLVE_EXPIRED, NULL);
    else if (forget)
        rc = state_save(b, g);
    int64_t due = s->keep == NO_TIME ? INT64_MAX : s->keep;
    if (s->firing && s->ends < due)
        due = s->ends;
    group_schedule(b->engine, g, due);
    return rc;
}

static int evaluate_window(struct alert_batch *b, struct alert_group *g)
{
    static const enum resolve_reason why[] = {[WINDOW_RECOVERED] = RESOLVE_RECOVERED,
                                              [WINDOW_EMPTY] = RESOLVE_EMPTY,
                                              [WINDOW_FEW] = RESOLVE_FEW};
    const struct alert_test *t = &g->rule->rule->test;
    struct group_state *s = &g->state;
    int64_t low_since = s->low_since;
    struct window_value v = window_value(&g->window, t, b->now);
    enum window_verdict verdict = window_decide(t, s->firing, &v, b->now, &s->low_since);
    int rc = 0;
    if (verdict == WINDOW_FIRE)
        rc = alert_fire(b, g, &v);
    else if (verdict != WINDOW_HOLD)
        rc = alert_resolve(b, g, why[verdict], &v);
    else if (s->firing && s->low_since != low_since)
        rc = state_save(b, g);
    group_schedule(b->engine, g, window_due(&g->window, t, s->firing, s->low_since));
    return rc;
}

static int evaluate(struct alert_batch *b)
{
    int rc = 0;
    for (size_t i = 0; i < b->n_touched && rc == 0; i++) {
        struct alert_group *g = b->touched[i];
        if (g->rule->gone || !g->rule->seeded || g->rule->rule->silent)
            continue;
        rc = g->rule->rule->each ? evaluate_each(b, g) : evaluate_window(b, g);
    }
    return rc;
}

int alert_finish(struct alert_batch *b, int64_t *ret_due, size_t *ret_firing)
{
    struct alert_engine *e = b->engine;
    int rc = b->error;
    for (size_t i = 0; i < e->n_orphans && rc == 0; i++)
        rc = alert_resolve_orphan(b, &e->orphans[i]);
    if (rc == 0)
        rc = take_due(b);
    if (rc == 0)
        rc = evaluate(b);
    if (rc == 0)
        rc = watch_finish(b);
    if (rc < 0)
        return rc;
    *ret_due = !all_seeded(e) ? b->now : e->n_heap ? e->heap[0]->state.due : INT64_MAX;
    if (watch_due(b) < *ret_due)
        *ret_due = watch_due(b);
    *ret_firing = e->n_firing;
    return 0;
}

void alert_committed(struct alert_batch *b)
{
    b->engine->n_orphans = 0;
    watch_committed(b);
    journal_keep(b);
}

void alert_aborted(struct alert_batch *b)
{
    if (!b)
        return;
    watch_aborted(b);
    journal_undo(b);
}

size_t alert_events(const struct alert_batch *b, const struct span **ret_json)
{
    *ret_json = b->events;
    return b->n_events;
}
