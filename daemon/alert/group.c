#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/alert/engine_impl.h"

/* A key is its values, each after its length in two bytes; that of a rule with `each` is the
 * record's id. Longer values are cut: what they share is enough to tell groups apart. */
enum {
    VALUE_MAX = 256,   /* bytes */
    VALUES_MAX = 16,   /* of one field of one record */
    VALUES_READ = 256, /* before they are sorted and cut to that */
    FIRST_SLOTS = 16,
};

/* --- values --- */

struct values {
    struct span at[VALUES_READ];
    size_t n;
};

static void one(struct values *v, struct span s)
{
    if (s.n > 0)
        v->at[v->n++] = s;
}

static void many(struct values *v, const struct span *s, size_t n)
{
    for (size_t i = 0; i < n && v->n < VALUES_READ; i++)
        one(v, s[i]);
}

static struct span pair_value(const struct pair *pairs, size_t n, struct span key)
{
    for (size_t i = 0; i < n; i++) {
        if (span_eq(pairs[i].key, key))
            return pairs[i].value;
    }
    return SPAN_NONE;
}

static void multi_values(enum where_field field, const struct where_record *r, struct values *v)
{
    const struct analysis *a = r->analysis;
    switch (field) {
    case WF_SEGMENT:
        many(v, r->segments, r->n_segments);
        return;
    case WF_TAG:
        many(v, r->feedback->tags, r->feedback->n_tags);
        return;
    case WF_SIGNAL:
        many(v, a ? a->signals : NULL, a ? a->n_signals : 0);
        return;
    default:
        for (size_t i = 0; a && i < a->n_categories && v->n < VALUES_READ; i++)
            one(v, a->categories[i].code);
    }
}

static void record_values(const struct alert_group_by *by, const struct where_record *r,
                          struct values *v)
{
    const struct feedback *f = r->feedback;
    if (by->field == WF_ATTRIBUTE)
        one(v, pair_value(f->attributes, f->n_attributes, by->key));
    else if (by->field == WF_EXPERIMENT)
        one(v, pair_value(f->experiments, f->n_experiments, by->key));
    else if (where_field_type(by->field) == WHERE_MULTI)
        multi_values(by->field, r, v);
    else
        one(v, where_record_text(by->field, r));
}

static int compare(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* The same values in whatever order they come give the same keys; none gives the value "". */
static void settle(struct values *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        v->at[i] = utf8_cut(v->at[i], VALUE_MAX);
    if (v->n > 1)
        qsort(v->at, v->n, sizeof *v->at, compare);
    for (size_t i = 0; i < v->n && n < VALUES_MAX; i++) {
        if (n == 0 || !span_eq(v->at[n - 1], v->at[i]))
            v->at[n++] = v->at[i];
    }
    if (n == 0)
        v->at[n++] = SPAN_LIT("");
    v->n = n;
}

static size_t pack(char *to, struct span s)
{
    to[0] = (char)(s.n & 0xFF);
    to[1] = (char)(s.n >> 8);
    memcpy(to + 2, s.n ? s.p : "", s.n);
    return 2 + s.n;
}

/* Every combination of one value per field, as far as there is room. */
static int combine(const struct values *fields, size_t n_fields, struct arena *a, struct span *keys,
                   size_t *ret_n)
{
    size_t pick[ALERT_MAX_GROUP_BY] = {0}, n = 0;
    char packed[ALERT_MAX_GROUP_BY * (2 + VALUE_MAX)];
    while (n < ALERT_MAX_KEYS) {
        size_t at = 0, f = n_fields;
        for (size_t i = 0; i < n_fields; i++)
            at += pack(packed + at, fields[i].at[pick[i]]);
        keys[n] = arena_dup(a, span_of(packed, at));
        if (!keys[n].p)
            return -ENOMEM;
        n++;
        while (f > 0 && ++pick[f - 1] == fields[f - 1].n)
            pick[--f] = 0;
        if (f == 0)
            break;
    }
    *ret_n = n;
    return 0;
}

int group_keys(const struct alert_rule *r, const struct where_record *rec, struct arena *a,
               struct span *keys, size_t *ret_n)
{
    struct values *fields = arena_array(a, r->n_group_by, sizeof *fields);
    if (!fields)
        return -ENOMEM;
    for (size_t i = 0; i < r->n_group_by; i++) {
        record_values(&r->group_by[i], rec, &fields[i]);
        settle(&fields[i]);
    }
    return combine(fields, r->n_group_by, a, keys, ret_n);
}

int group_fact_keys(const struct alert_rule *r, struct store_view *v, const struct store_fact *f,
                    struct arena *a, struct span *keys, size_t *ret_n)
{
    struct values *fields = arena_array(a, r->n_group_by, sizeof *fields);
    if (!fields)
        return -ENOMEM;
    for (size_t i = 0; i < r->n_group_by; i++) {
        fields[i].n = store_fact_values(v, f, r->group_by[i].field, r->group_by[i].key, a,
                                        fields[i].at, VALUES_READ);
        settle(&fields[i]);
    }
    return combine(fields, r->n_group_by, a, keys, ret_n);
}

struct span group_value(const struct alert_group *g, size_t i)
{
    size_t at = 0;
    for (;; i--) {
        if (at + 2 > g->key_n)
            return SPAN_LIT("");
        size_t n = (unsigned char)g->key[at] | (size_t)(unsigned char)g->key[at + 1] << 8;
        if (i == 0)
            return span_of(g->key + at + 2, n);
        at += 2 + n;
    }
}

/* --- the order of due times: a binary heap, each group knowing its place --- */

static void place(struct alert_engine *e, size_t at, struct alert_group *g)
{
    e->heap[at] = g;
    g->heap_at = at;
}

static void sift_up(struct alert_engine *e, size_t at)
{
    struct alert_group *g = e->heap[at];
    while (at > 0 && e->heap[(at - 1) / 2]->state.due > g->state.due) {
        place(e, at, e->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(e, at, g);
}

static void sift_down(struct alert_engine *e, size_t at)
{
    struct alert_group *g = e->heap[at];
    for (size_t child; (child = 2 * at + 1) < e->n_heap; at = child) {
        if (child + 1 < e->n_heap && e->heap[child + 1]->state.due < e->heap[child]->state.due)
            child++;
        if (e->heap[child]->state.due >= g->state.due)
            break;
        place(e, at, e->heap[child]);
    }
    place(e, at, g);
}

static void heap_remove(struct alert_engine *e, struct alert_group *g)
{
    size_t at = g->heap_at;
    if (at == SIZE_MAX)
        return;
    struct alert_group *last = e->heap[--e->n_heap];
    g->heap_at = SIZE_MAX;
    if (last == g)
        return;
    place(e, at, last);
    sift_up(e, at);
    sift_down(e, last->heap_at);
}

void group_schedule(struct alert_engine *e, struct alert_group *g, int64_t due)
{
    g->state.due = due;
    if (due == INT64_MAX) {
        heap_remove(e, g);
        return;
    }
    if (g->heap_at == SIZE_MAX) /* group_get() made the room */
        place(e, e->n_heap++, g);
    sift_up(e, g->heap_at);
    sift_down(e, g->heap_at);
}

int rule_each(struct live_rule *lr, rule_each_fn *fn, void *ctx)
{
    int rc = 0;
    for (size_t i = 0; i < lr->n_slots; i++) {
        for (struct alert_group *g = lr->slots[i], *next; g && rc == 0; g = next) {
            next = g->next;
            rc = fn(ctx, g);
        }
    }
    return lr->other && rc == 0 ? fn(ctx, lr->other) : rc;
}

static int unschedule(void *ctx, struct alert_group *g)
{
    heap_remove(ctx, g);
    return 0;
}

static int reschedule(void *ctx, struct alert_group *g)
{
    group_schedule(ctx, g, g->state.due);
    return 0;
}

void rule_unschedule(struct alert_engine *e, struct live_rule *lr)
{
    rule_each(lr, unschedule, e);
}

void rule_schedule(struct alert_engine *e, struct live_rule *lr)
{
    rule_each(lr, reschedule, e);
}

/* --- the table of a rule's groups --- */

struct live_rule *live_rule_new(void)
{
    struct live_rule *lr = calloc(1, sizeof *lr);
    if (!lr)
        return NULL;
    arena_init(&lr->arena, 0);
    lr->swept = INT64_MIN;
    return lr;
}

static void group_free(struct alert_engine *e, struct alert_group *g)
{
    heap_remove(e, g);
    e->n_groups--;
    window_done(&g->window);
    free(g);
}

static int free_one(void *ctx, struct alert_group *g)
{
    group_free(ctx, g);
    return 0;
}

void live_rule_free(struct alert_engine *e, struct live_rule *lr)
{
    if (!lr)
        return;
    rule_each(lr, free_one, e);
    free(lr->slots);
    arena_done(&lr->arena);
    free(lr);
}

static uint64_t hash_of(const struct alert_engine *e, struct span key)
{
    return XXH3_64bits_withSeed(key.p, key.n, e->hash_seed);
}

static struct alert_group *find(const struct live_rule *lr, uint64_t hash, struct span key)
{
    if (lr->n_slots == 0)
        return NULL;
    struct alert_group *g = lr->slots[hash & (lr->n_slots - 1)];
    while (g && (g->hash != hash || !span_eq(span_of(g->key, g->key_n), key)))
        g = g->next;
    return g;
}

static int grow_slots(struct live_rule *lr)
{
    size_t n = lr->n_slots ? lr->n_slots * 2 : FIRST_SLOTS;
    struct alert_group **slots = calloc(n, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < lr->n_slots; i++) {
        for (struct alert_group *g = lr->slots[i], *next; g; g = next) {
            next = g->next;
            g->next = slots[g->hash & (n - 1)];
            slots[g->hash & (n - 1)] = g;
        }
    }
    free(lr->slots);
    lr->slots = slots;
    lr->n_slots = n;
    return 0;
}

static int reserve_heap(struct alert_engine *e)
{
    if (e->n_groups < e->cap_heap)
        return 0;
    size_t cap = e->cap_heap ? e->cap_heap * 2 : 64;
    struct alert_group **heap = reallocarray(e->heap, cap, sizeof(struct alert_group *));
    if (!heap)
        return -ENOMEM;
    e->heap = heap;
    e->cap_heap = cap;
    return 0;
}

static struct alert_group *make(struct alert_engine *e, struct live_rule *lr, struct span key)
{
    if (reserve_heap(e) < 0)
        return NULL;
    struct alert_group *g = calloc(1, sizeof *g + key.n);
    if (!g)
        return NULL;
    g->rule = lr;
    g->heap_at = SIZE_MAX;
    g->state = (struct group_state){
        .low_since = NO_TIME, .ends = NO_TIME, .keep = NO_TIME, .due = INT64_MAX};
    g->key_n = key.n;
    memcpy(g->key, key.n ? key.p : "", key.n);
    e->n_groups++;
    return g;
}

static void unlink_group(struct alert_group *g)
{
    struct live_rule *lr = g->rule;
    if (g->other) {
        lr->other = NULL;
        return;
    }
    struct alert_group **at = &lr->slots[g->hash & (lr->n_slots - 1)];
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    lr->n_groups--;
}

void group_remove(struct alert_engine *e, struct alert_group *g)
{
    unlink_group(g);
    group_free(e, g);
}

/* Groups nobody would miss make room for new ones. */
static void sweep(struct alert_engine *e, struct live_rule *lr, int64_t now)
{
    int64_t horizon = rule_horizon(e, lr, now);
    if (lr->swept == window_minute(now))
        return;
    lr->swept = window_minute(now);
    for (size_t i = 0; i < lr->n_slots; i++) {
        for (struct alert_group *g = lr->slots[i], *next; g; g = next) {
            next = g->next;
            window_prune(&g->window, horizon);
            if (g->window.n == 0 && !g->state.firing && g->state.keep == NO_TIME &&
                g->touched != e->serial)
                group_remove(e, g);
        }
    }
}

static bool is_full(struct alert_engine *e, struct live_rule *lr, int64_t now)
{
    size_t limit = lr->rule->each ? e->max_groups * ALERT_EACH_FACTOR : e->max_groups;
    if (lr->rule->each && lr->n_firing >= e->max_groups)
        return true;
    if (lr->n_groups >= limit)
        sweep(e, lr, now);
    return lr->n_groups >= limit;
}

struct alert_group *group_find(const struct alert_engine *e, const struct live_rule *lr,
                               struct span key)
{
    return find(lr, hash_of(e, key), key);
}

int group_get_other(struct alert_engine *e, struct live_rule *lr, struct alert_group **ret,
                    bool *ret_new)
{
    bool is_new = !lr->other;
    if (is_new) {
        lr->other = make(e, lr, SPAN_NONE);
        if (!lr->other)
            return -ENOMEM;
        lr->other->other = true;
    }
    *ret = lr->other;
    *ret_new = is_new;
    return 0;
}

int group_get(struct alert_engine *e, struct live_rule *lr, struct span key, int64_t now,
              struct alert_group **ret, bool *ret_new)
{
    uint64_t hash = hash_of(e, key);
    struct alert_group *g = find(lr, hash, key);
    bool is_new = !g;
    if (!g && is_full(e, lr, now))
        return group_get_other(e, lr, ret, ret_new);
    if (!g) {
        if (lr->n_groups >= lr->n_slots && grow_slots(lr) < 0)
            return -ENOMEM;
        g = make(e, lr, key);
        if (!g)
            return -ENOMEM;
        g->hash = hash;
        g->next = lr->slots[hash & (lr->n_slots - 1)];
        lr->slots[hash & (lr->n_slots - 1)] = g;
        lr->n_groups++;
    }
    *ret = g;
    *ret_new = is_new;
    return 0;
}
