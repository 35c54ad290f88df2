/* The dead-man switch: what came in of each source, kept with the records, and a judgement every
 * quarter of an hour by silence.c. Its alerts are groups of a rule that no document holds.
 *
 * STORE_DOC_ARRIVAL:
 *   "DDDDDDDDDD/SOURCE"  a day (since 1970, ten digits): arrivals_pack()
 *   "DDDDDDDDDD/"        the same of no source: 1 for every quarter the daemon was there
 *   "configured"         the names alert_engine_set_watch() last gave, one a line
 *
 * Counts of a batch go into memory as its documents are written and are taken out again when it is
 * aborted. What is marked of quarters that are over (watched, paused) is said of the daemon, not of
 * the batch: it may stay. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/transition.h"
#include "daemon/core/log.h"

enum { MAX_SOURCES = 1000, MAX_SOURCE = 256, OFF_PAIR = 2 };

static const struct span configured_key = {"configured", 10};

/* --- the sources --- */

static struct live_source *source_find(struct watch *w, struct span name)
{
    if (w->hint && span_eq(w->hint->name, name))
        return w->hint;
    for (struct live_source *s = w->first; s; s = s->next) {
        if (span_eq(s->name, name)) {
            w->hint = s;
            return s;
        }
    }
    return NULL;
}

static void source_clear(struct live_source *s)
{
    arrivals_clear(&s->counts);
    s->times = (struct arrival_times){NO_TIME, NO_TIME};
    s->first = INT64_MAX;
    s->newest = NO_TIME;
    s->value = (struct silence_value){.p = 1};
}

/* NULL when there are too many, or memory is short: then it is not watched. */
static struct live_source *source_get(struct watch *w, struct span name)
{
    struct live_source *s = source_find(w, name);
    if (s || name.n == 0 || name.n > MAX_SOURCE || w->n == MAX_SOURCES)
        return s;
    s = calloc(1, sizeof *s);
    char *copy = s ? malloc(name.n) : NULL;
    if (!copy) {
        free(s);
        return NULL;
    }
    memcpy(copy, name.p, name.n);
    s->name = span_of(copy, name.n);
    source_clear(s);
    s->told =
        (struct alert_source_state){.name = s->name, .last_at = NO_TIME, .newest_at = NO_TIME};
    pthread_mutex_lock(&w->lock);
    s->next = w->first;
    w->first = s;
    pthread_mutex_unlock(&w->lock);
    w->n++;
    return s;
}

/* --- what is to be known of them --- */

static void plan_free(struct watch_plan *p)
{
    if (!p)
        return;
    arena_done(&p->arena);
    free(p);
}

static bool copy_sources(struct watch_plan *p, const struct alert_watch *w)
{
    p->sources = arena_array(&p->arena, w->n_sources, sizeof *p->sources);
    p->dates = arena_array(&p->arena, w->n_off, sizeof *p->dates);
    p->off = arena_array(&p->arena, OFF_PAIR * w->n_off, sizeof *p->off);
    if (!p->sources || !p->dates || !p->off)
        return false;
    for (size_t i = 0; i < w->n_off; i++)
        p->dates[i] = arena_dup(&p->arena, w->off[i]);
    p->n_dates = w->n_off;
    for (; p->n_sources < w->n_sources; p->n_sources++) {
        struct alert_source *s = &p->sources[p->n_sources];
        *s = w->sources[p->n_sources];
        s->name = arena_dup(&p->arena, s->name);
        s->error = arena_dup(&p->arena, s->error);
        if (!s->name.p)
            return false;
    }
    return true;
}

static enum alert_severity severity_of(const char *name)
{
    for (int s = 0; s < ALERT_SEVERITIES; s++)
        if (strcmp(name, alert_severity_name((enum alert_severity)s)) == 0)
            return (enum alert_severity)s;
    return ALERT_WARNING;
}

int alert_engine_set_watch(struct alert_engine *e, const struct alert_watch *w)
{
    struct watch_plan *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    arena_init(&p->arena, 0);
    p->sensitivity = w->sensitivity;
    p->min_history = w->min_history_ms / ARRIVAL_MS;
    p->severity = severity_of(w->severity);
    if (!copy_sources(p, w)) {
        plan_free(p);
        return -ENOMEM;
    }
    plan_free(atomic_exchange(&e->watch.next_plan, p));
    return 0;
}

static const struct alert_source *planned(const struct watch_plan *p, struct span name)
{
    for (size_t i = 0; p && i < p->n_sources; i++)
        if (span_eq(p->sources[i].name, name))
            return &p->sources[i];
    return NULL;
}

/* Days off, from local midnight to local midnight, as quarters. */
static void settle_dates(struct alert_engine *e, struct watch_plan *p)
{
    for (size_t i = 0; i < p->n_dates; i++) {
        int64_t from, to = 0;
        p->off[OFF_PAIR * i] = p->off[OFF_PAIR * i + 1] = 0;
        if (zone_parse(e->zone, p->dates[i], &from) < 0)
            continue;
        struct civil c;
        civil_from_ms(from + zone_offset(e->zone, from) + MS_DAY, &c);
        if (zone_from_civil(e->zone, &c, &to) < 0)
            to = from + MS_DAY;
        p->off[OFF_PAIR * i] = arrival_quarter(from);
        p->off[OFF_PAIR * i + 1] = arrival_quarter(to);
    }
}

/* --- life --- */

static struct live_rule *rule_new(struct alert_engine *e)
{
    static const struct span title = {"수집 중단 의심", 20};
    struct live_rule *lr = live_rule_new();
    struct alert_rule *r = lr ? arena_zalloc(&lr->arena, sizeof *r) : NULL;
    if (!r) {
        live_rule_free(e, lr);
        return NULL;
    }
    r->name = SPAN_LIT(ALERT_SILENT_RULE);
    r->title = title;
    r->silent = true;
    r->group_by[0] = (struct alert_group_by){.name = SPAN_LIT("source"), .field = WF_SOURCE};
    r->n_group_by = 1;
    r->severity = ALERT_WARNING;
    r->test.window = ARRIVAL_MINUTES;
    lr->rule = r;
    lr->seeded = true;
    return lr;
}

int watch_init(struct alert_engine *e)
{
    struct watch *w = &e->watch;
    pthread_mutex_init(&w->lock, NULL);
    atomic_init(&w->next_plan, NULL);
    arrivals_clear(&w->watched);
    w->rule = rule_new(e);
    if (!w->rule)
        return -ENOMEM;
    e->rules[e->n_rules++] = w->rule;
    return 0;
}

void watch_done(struct alert_engine *e)
{
    struct watch *w = &e->watch;
    for (struct live_source *s = w->first, *next; s; s = next) {
        next = s->next;
        free((char *)s->name.p);
        free(s);
    }
    free((char *)w->configured.p);
    plan_free(w->plan);
    plan_free(atomic_load(&w->next_plan));
    pthread_mutex_destroy(&w->lock);
}

/* --- documents --- */

enum { DAY_DIGITS = 10, KEY_SIZE = DAY_DIGITS + 1 + MAX_SOURCE + 1 };

static struct span day_key(int64_t day, struct span source, char out[KEY_SIZE])
{
    int n = snprintf(out, KEY_SIZE, "%010" PRId64 "/%.*s", day, SPAN_FMT(source));
    return span_of(out, (size_t)n);
}

struct load {
    struct watch *watch;
    int64_t today;
};

static int set_configured(struct watch *w, struct span names)
{
    char *copy = malloc(names.n + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, names.n ? names.p : "", names.n);
    free((char *)w->configured.p);
    w->configured = span_of(copy, names.n);
    return 0;
}

static int load_one(void *ctx, struct span key, struct span value)
{
    struct load *l = ctx;
    struct arrival_times none = {NO_TIME, NO_TIME};
    int64_t day;
    if (span_eq(key, configured_key))
        return set_configured(l->watch, value);
    if (key.n <= DAY_DIGITS || key.p[DAY_DIGITS] != '/' ||
        span_to_i64(span_of(key.p, DAY_DIGITS), &day) < 0 || day > l->today + 1 ||
        day <= l->today - ARRIVAL_DAYS)
        return 0;
    struct span name = span_of(key.p + DAY_DIGITS + 1, key.n - DAY_DIGITS - 1);
    if (name.n == 0) {
        arrivals_unpack(&l->watch->watched, day, value, &none);
        return 0;
    }
    struct live_source *s = source_get(l->watch, name);
    if (s)
        arrivals_unpack(&s->counts, day, value, &s->times);
    return 0;
}

static void tell(struct live_source *s, const struct alert_group *g, bool configured)
{
    s->told.last_at = s->times.last;
    s->told.newest_at = s->times.newest;
    s->told.window = s->value.minutes;
    s->told.got = s->value.got;
    s->told.expected = s->value.expected;
    s->told.silent = g && g->state.firing;
    s->told.configured = configured;
}

int watch_load(struct alert_engine *e, struct store_view *v, int64_t now)
{
    struct watch *w = &e->watch;
    struct load l = {w, arrival_day(arrival_quarter(now))};
    int rc = store_doc_each(v, STORE_DOC_ARRIVAL, SPAN_NONE, false, load_one, &l);
    for (struct live_source *s = w->first; s; s = s->next) {
        s->first = arrivals_first(&s->counts);
        tell(s, NULL, false);
    }
    w->judged = arrival_quarter(now);
    w->since = w->judged + (now > w->judged * ARRIVAL_MS);
    return rc;
}

static int put_day(struct alert_batch *b, const struct arrivals *a, struct span name,
                   const struct arrival_times *t, int64_t day)
{
    char key[KEY_SIZE], value[ARRIVAL_DAY_BYTES];
    arrivals_pack(a, day, t, value);
    return store_doc_put(b->txn, STORE_DOC_ARRIVAL, day_key(day, name, key),
                         span_of(value, sizeof value));
}

static int delete_days(struct alert_batch *b, struct span name, int64_t from, int64_t to)
{
    char key[KEY_SIZE];
    int rc = 0;
    for (int64_t day = from; day < to && rc == 0; day++)
        rc = store_doc_delete(b->txn, STORE_DOC_ARRIVAL, day_key(day, name, key));
    return rc;
}

/* --- a batch --- */

static int64_t quarter_of(const struct alert_batch *b)
{
    return arrival_quarter(b->now);
}

void watch_begin(struct alert_batch *b)
{
    struct watch *w = &b->engine->watch;
    struct watch_plan *next = atomic_exchange(&w->next_plan, NULL);
    if (!next)
        return;
    plan_free(w->plan);
    settle_dates(b->engine, next);
    w->plan = next;
    w->plan_is_new = true;
    ((struct alert_rule *)w->rule->rule)->severity = next->severity;
}

/* Records that are read again from the past say nothing of the present. */
int watch_note(struct alert_batch *b, const struct feedback *f)
{
    struct live_source *s = f->backfill ? NULL : source_get(&b->engine->watch, f->source);
    if (!s)
        return 0;
    s->pending++;
    if (f->created_at > s->newest)
        s->newest = f->created_at;
    return 0;
}

int alert_forget_source(struct alert_batch *b, struct span source)
{
    struct live_source *s = b ? source_find(&b->engine->watch, source) : NULL;
    if (s)
        s->forgotten = true;
    return 0;
}

static int save_source(struct alert_batch *b, struct live_source *s)
{
    int64_t day = arrival_day(quarter_of(b));
    struct arrival_times t = {b->now > s->times.last ? b->now : s->times.last,
                              s->newest > s->times.newest ? s->newest : s->times.newest};
    arrivals_add(&s->counts, quarter_of(b), s->pending);
    s->applied = true;
    return put_day(b, &s->counts, s->name, &t, day);
}

/* --- judging --- */

/* The packed key of a group by source, as group.c makes it. */
static int key_of(struct alert_batch *b, const struct live_source *s, struct span *ret)
{
    struct feedback f = {.source = s->name};
    struct where_record record = {.feedback = &f};
    struct span keys[ALERT_MAX_KEYS];
    size_t n = 0;
    int rc = group_keys(b->engine->watch.rule->rule, &record, &b->arena, keys, &n);
    *ret = n ? keys[0] : SPAN_NONE;
    return rc;
}

static struct alert_group *group_of(struct alert_batch *b, const struct live_source *s)
{
    struct span key;
    return key_of(b, s, &key) == 0 ? group_find(b->engine, b->engine->watch.rule, key) : NULL;
}

static int fire(struct alert_batch *b, const struct live_source *s, const struct silence_case *c)
{
    struct window_value v = {(int64_t)c->value.got, 0, (double)c->value.got};
    struct alert_group *g = NULL;
    struct span key;
    int rc = key_of(b, s, &key);
    if (rc == 0)
        rc = group_take(b, b->engine->watch.rule, key, &g);
    if (rc < 0 || g->other) /* more sources are silent than groups are kept apart */
        return rc;
    b->silence = c;
    rc = alert_fire(b, g, &v);
    b->silence = NULL;
    return rc;
}

static int resolve(struct alert_batch *b, struct alert_group *g, enum resolve_reason why,
                   const struct silence_case *c)
{
    struct window_value v = {(int64_t)c->value.got, 0, (double)c->value.got};
    int rc = group_touch(b, g);
    b->silence = c;
    if (rc == 0)
        rc = alert_resolve(b, g, why, why == RESOLVE_HEARD ? &v : NULL);
    b->silence = NULL;
    return rc;
}

static void look_back(struct alert_engine *e, int64_t end, int64_t back[ARRIVAL_WEEKS])
{
    int64_t now = zone_offset(e->zone, end * ARRIVAL_MS);
    for (int64_t w = 0; w < ARRIVAL_WEEKS; w++) {
        int64_t quarters = (w + 1) * ARRIVAL_PER_WEEK;
        int64_t then = zone_offset(e->zone, (end - quarters) * ARRIVAL_MS);
        back[w] = quarters + (then - now) / ARRIVAL_MS;
    }
}

static int judge(struct alert_batch *b, struct live_source *s, const struct silence_view *v)
{
    const struct watch_plan *plan = b->engine->watch.plan;
    const struct alert_source *known = planned(plan, s->name);
    int sensitivity = known ? known->sensitivity : plan->sensitivity;
    struct alert_group *g = group_of(b, s);
    bool firing = g && g->state.firing;
    struct silence_case c = {.source = s->name, .error = known ? known->error : SPAN_NONE};
    bool young = s->first > v->end - plan->min_history;
    enum silence_verdict verdict =
        silence_judge(v, young ? 0 : silence_alpha(sensitivity), firing, &c.value);
    s->value = c.value;
    if (firing && known && known->paused)
        return resolve(b, g, RESOLVE_PAUSED, &c);
    if (firing && sensitivity == SILENCE_OFF)
        return resolve(b, g, RESOLVE_RULE, &c);
    if (firing)
        return verdict == SILENCE_RECOVER ? resolve(b, g, RESOLVE_HEARD, &c) : 0;
    if (verdict != SILENCE_FIRE || (known && known->paused))
        return 0;
    return fire(b, s, &c);
}

static int judge_all(struct alert_batch *b)
{
    struct alert_engine *e = b->engine;
    struct watch *w = &e->watch;
    struct silence_view v = {.watched = &w->watched,
                             .end = quarter_of(b),
                             .off = w->plan->off,
                             .n_off = w->plan->n_dates};
    int rc = 0;
    look_back(e, v.end, v.back);
    for (struct live_source *s = w->first; s && rc == 0; s = s->next) {
        v.counts = &s->counts;
        v.first = s->first;
        if (s->first != INT64_MAX && !s->forgotten)
            rc = judge(b, s, &v);
    }
    return rc;
}

/* --- quarters that are over --- */

static int mark_paused(struct alert_batch *b, int64_t quarter)
{
    struct watch *w = &b->engine->watch;
    int rc = 0;
    for (size_t i = 0; i < w->plan->n_sources && rc == 0; i++) {
        const struct alert_source *known = &w->plan->sources[i];
        struct live_source *s = known->paused ? source_find(w, known->name) : NULL;
        uint32_t *at = s && !s->forgotten ? arrivals_at(&s->counts, quarter) : NULL;
        if (!at || *at != 0)
            continue;
        *at = ARRIVAL_UNKNOWN;
        rc = put_day(b, &s->counts, s->name, &s->times, arrival_day(quarter));
    }
    return rc;
}

/* The quarter before was watched when no clock jumped in it and the daemon was there all the time.
 */
static int mark_watched(struct alert_batch *b)
{
    static const struct arrival_times none = {NO_TIME, NO_TIME};
    struct watch *w = &b->engine->watch;
    int64_t over = quarter_of(b) - 1;
    if (w->judged != over)
        return 0;
    uint32_t *at = over >= w->since ? arrivals_at(&w->watched, over) : NULL;
    if (at)
        *at = 1;
    int rc = at ? put_day(b, &w->watched, SPAN_LIT(""), &none, arrival_day(over)) : 0;
    return rc == 0 ? mark_paused(b, over) : rc;
}

static int drop_old_days(struct alert_batch *b)
{
    struct watch *w = &b->engine->watch;
    int64_t before = arrival_day(w->judged), today = arrival_day(quarter_of(b));
    int64_t to = today - ARRIVAL_DAYS + 1, from = to - 7;
    if (before == today)
        return 0;
    int rc = delete_days(b, SPAN_LIT(""), from, to);
    for (struct live_source *s = w->first; s && rc == 0; s = s->next)
        rc = delete_days(b, s->name, from, to);
    return rc;
}

/* --- sources that are configured no more --- */

static struct span join_names(struct alert_batch *b, const struct watch_plan *p)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < p->n_sources; i++)
        buf_printf(&out, "%.*s\n", SPAN_FMT(p->sources[i].name));
    struct span names = arena_dup(&b->arena, out.n ? buf_span(&out) : SPAN_LIT(""));
    buf_done(&out);
    return names;
}

static void forget_removed(struct watch *w)
{
    struct span rest = w->configured;
    while (rest.n > 0) {
        struct span name = span_of(rest.p, span_find_char(rest, '\n'));
        size_t used = name.n < rest.n ? name.n + 1 : name.n;
        /* Made when it brought nothing for so long that it was forgotten: its alert may be there.
         */
        struct live_source *s = planned(w->plan, name) ? NULL : source_get(w, name);
        if (s)
            s->forgotten = true;
        rest = span_of(rest.p + used, rest.n - used);
    }
}

static int note_configured(struct alert_batch *b)
{
    struct watch *w = &b->engine->watch;
    struct span names = join_names(b, w->plan);
    if (!names.p)
        return -ENOMEM;
    if (span_eq(names, w->configured))
        return 0;
    forget_removed(w);
    b->configured = names;
    return store_doc_put(b->txn, STORE_DOC_ARRIVAL, configured_key, names);
}

static int forget(struct alert_batch *b, struct live_source *s)
{
    int64_t today = arrival_day(quarter_of(b));
    struct alert_group *g = group_of(b, s);
    struct silence_case c = {.source = s->name};
    int rc = g && g->state.firing ? resolve(b, g, RESOLVE_GONE, &c) : 0;
    return rc == 0 ? delete_days(b, s->name, today - ARRIVAL_DAYS, today + 2) : rc;
}

/* --- the end of a batch --- */

static int settle_sources(struct alert_batch *b)
{
    int rc = 0;
    for (struct live_source *s = b->engine->watch.first; s && rc == 0; s = s->next) {
        if (s->forgotten)
            rc = forget(b, s);
        else if (s->pending > 0)
            rc = save_source(b, s);
    }
    return rc;
}

int watch_finish(struct alert_batch *b)
{
    struct watch *w = &b->engine->watch;
    bool time = w->plan && w->judged != quarter_of(b);
    int rc = w->plan && w->plan_is_new ? note_configured(b) : 0;
    if (rc == 0)
        rc = settle_sources(b);
    if (rc < 0 || !(time || w->plan_is_new) || !w->plan || !w->first)
        return rc;
    if (time)
        rc = mark_watched(b);
    if (rc == 0 && time)
        rc = drop_old_days(b);
    if (rc == 0)
        rc = judge_all(b);
    b->judged = rc == 0;
    return rc;
}

int64_t watch_due(const struct alert_batch *b)
{
    const struct watch *w = &b->engine->watch;
    return w->plan && w->first ? (quarter_of(b) + 1) * ARRIVAL_MS : INT64_MAX;
}

static void commit_source(struct alert_batch *b, struct live_source *s)
{
    struct watch *w = &b->engine->watch;
    if (s->forgotten) {
        source_clear(s);
    } else if (s->applied) {
        int64_t quarter = quarter_of(b);
        s->times.last = b->now > s->times.last ? b->now : s->times.last;
        s->times.newest = s->newest > s->times.newest ? s->newest : s->times.newest;
        s->first = quarter < s->first ? quarter : s->first;
    } else if (!b->judged) {
        return;
    }
    s->pending = 0;
    s->newest = NO_TIME;
    s->applied = s->forgotten = false;
    struct alert_group *g = group_of(b, s);
    bool configured = planned(w->plan, s->name) != NULL;
    pthread_mutex_lock(&w->lock);
    tell(s, g, configured);
    pthread_mutex_unlock(&w->lock);
}

/* After a jump of the clock the quarter under way is no whole one. */
static void note_time(struct watch *w, int64_t quarter)
{
    if (quarter != w->judged && quarter != w->judged + 1)
        w->since = quarter + 1;
    w->judged = quarter;
}

void watch_committed(struct alert_batch *b)
{
    struct watch *w = &b->engine->watch;
    for (struct live_source *s = w->first; s; s = s->next)
        commit_source(b, s);
    if (b->configured.p)
        set_configured(w, b->configured);
    if (b->judged)
        note_time(w, quarter_of(b));
    w->plan_is_new = false;
}

void watch_aborted(struct alert_batch *b)
{
    for (struct live_source *s = b->engine->watch.first; s; s = s->next) {
        uint32_t *at = s->applied ? arrivals_at(&s->counts, quarter_of(b)) : NULL;
        if (at)
            *at -= s->pending;
        s->pending = 0;
        s->newest = NO_TIME;
        s->applied = s->forgotten = false;
    }
}

void alert_engine_sources(struct alert_engine *e,
                          void (*fn)(void *ctx, const struct alert_source_state *s), void *ctx)
{
    pthread_mutex_lock(&e->watch.lock);
    for (const struct live_source *s = e->watch.first; s; s = s->next)
        if (s->told.last_at != NO_TIME)
            fn(ctx, &s->told);
    pthread_mutex_unlock(&e->watch.lock);
}
