#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "store/customer.h"
#include "store/segment.h"

/* Instants at which something may change; between two of them nothing does. */
struct instants {
    struct arena *a;
    int64_t *v;
    size_t n, room;
    bool no_memory;
};

static void add_instant(struct instants *in, int64_t t)
{
    if (t == NO_TIME || in->no_memory)
        return;
    if (in->n == in->room) {
        size_t room = in->room ? 2 * in->room : 32;
        int64_t *v = arena_alloc(in->a, room * sizeof(*v));
        if (!v) {
            in->no_memory = true;
            return;
        }
        if (in->n)
            memcpy(v, in->v, in->n * sizeof(*v));
        in->v = v;
        in->room = room;
    }
    in->v[in->n++] = t;
}

static int instant_order(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void sort_instants(struct instants *in)
{
    size_t kept = 0;
    if (in->n > 1)
        qsort(in->v, in->n, sizeof(*in->v), instant_order);
    for (size_t i = 0; i < in->n; i++)
        if (kept == 0 || in->v[kept - 1] != in->v[i])
            in->v[kept++] = in->v[i];
    in->n = kept;
}

static int parse_time(struct span s, int64_t *ret)
{
    char text[] = "0000-00-00T00:00:00Z";
    if (s.n != strlen("0000-00-00"))
        return time_parse_rfc3339(s, ret);
    memcpy(text, s.p, s.n);
    return time_parse_rfc3339(SPAN_LIT(text), ret);
}

/* A test against now + offset turns when now is `value - offset`: `=` holds at that instant alone,
 * an order turns at it or one after. */
static void add_crossings(struct instants *in, const struct where_node *test,
                          const struct where_value *v, const struct customer *c)
{
    for (size_t i = 0; i < c->n_changes; i++) {
        for (size_t j = 0; j < c->changes[i].n_attributes; j++) {
            const struct pair *p = &c->changes[i].attributes[j];
            int64_t at;
            if (!span_eq(p->key, test->key) || !p->value.n || parse_time(p->value, &at) < 0 ||
                __builtin_sub_overflow(at, v->time, &at))
                continue;
            add_instant(in, at);
            if (at < INT64_MAX)
                add_instant(in, at + 1);
        }
    }
}

static void add_rule_instants(struct instants *in, const struct where_node *n,
                              const struct customer *c)
{
    if (!n)
        return;
    if (n->op == WHERE_AND || n->op == WHERE_OR || n->op == WHERE_NOT) {
        add_rule_instants(in, n->left, c);
        add_rule_instants(in, n->right, c);
        return;
    }
    for (size_t i = 0; i < n->n_values; i++)
        if (n->values[i].is_relative)
            add_crossings(in, n, &n->values[i], c);
}

static int collect_instants(const struct segment_rules *rules, const struct customer *c,
                            struct instants *in)
{
    add_instant(in, INT64_MIN + 1); /* the first interval, open below; NO_TIME itself is no now */
    for (size_t i = 0; i < c->n_changes; i++)
        add_instant(in, c->changes[i].effective_at);
    for (size_t i = 0; i < rules->n; i++) {
        for (size_t j = 0; j < rules->rules[i].n_versions; j++) {
            const struct segment_version *v = &rules->rules[i].versions[j];
            add_instant(in, v->from);
            if (v->where)
                add_rule_instants(in, v->where->root, c);
        }
    }
    sort_instants(in);
    return in->no_memory ? -ENOMEM : 0;
}

int state_init(struct state *s, const struct customer *c, struct arena *a)
{
    size_t room = 0;
    for (size_t i = 0; i < c->n_changes; i++)
        room += c->changes[i].n_attributes;
    *s = (struct state){arena_array(a, room, sizeof(*s->attributes)), 0, room};
    return s->attributes ? 0 : -ENOMEM;
}

static size_t state_place(const struct state *s, struct span key)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (span_cmp(s->attributes[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void state_apply(struct state *s, const struct change *ch)
{
    for (size_t i = 0; i < ch->n_attributes; i++) {
        const struct pair *p = &ch->attributes[i];
        size_t at = state_place(s, p->key);
        bool there = at < s->n && span_eq(s->attributes[at].key, p->key);
        struct pair *place = s->attributes + at;
        if (there && p->value.p) {
            place->value = p->value;
        } else if (there) {
            memmove(place, place + 1, (s->n - at - 1) * sizeof(*place));
            s->n--;
        } else if (p->value.p && s->n < s->room) {
            memmove(place + 1, place, (s->n - at) * sizeof(*place));
            *place = *p;
            s->n++;
        }
    }
}

/* Lays the changes up to t over the state, from the *next one; the first known state holds before
 * itself. */
static void state_advance(struct state *s, const struct customer *c, int64_t t, size_t *next)
{
    int64_t first = c->n_changes ? c->changes[0].effective_at : 0;
    while (*next < c->n_changes &&
           (c->changes[*next].effective_at <= t || c->changes[*next].effective_at == first))
        state_apply(s, &c->changes[(*next)++]);
}

int customer_state(const struct customer *c, int64_t t, struct arena *a, struct state *ret)
{
    size_t next = 0;
    struct state s;
    int r = state_init(&s, c, a);
    if (r < 0)
        return r;
    state_advance(&s, c, t, &next);
    *ret = s;
    return 0;
}

/* Intervals being made: an open one per rule. */
struct runs {
    struct member *out;
    size_t n, room;
    int64_t *since; /* per rule; NO_TIME: not a member now */
    bool *open;
};

static int close_run(struct runs *r, size_t rule, uint32_t segment, int64_t to, struct arena *a)
{
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 16;
        struct member *out = arena_alloc(a, room * sizeof(*out));
        if (!out)
            return -ENOMEM;
        if (r->n)
            memcpy(out, r->out, r->n * sizeof(*out));
        r->out = out;
        r->room = room;
    }
    r->out[r->n++] = (struct member){segment, r->since[rule], to};
    r->open[rule] = false;
    return 0;
}

static bool is_member(const struct segment_rule *rule, const struct customer *c,
                      const struct state *s, int64_t t)
{
    const struct segment_version *v = segment_in_force(rule, t);
    return v && !v->retired && v->where &&
           where_match_customer(v->where, c->id, s->attributes, s->n, t);
}

static int run_rules(const struct segment_rules *rules, const struct customer *c,
                     const struct state *s, int64_t t, bool is_first, struct runs *runs,
                     struct arena *a)
{
    for (size_t i = 0; i < rules->n; i++) {
        bool in = is_member(&rules->rules[i], c, s, t);
        if (in && !runs->open[i]) {
            runs->open[i] = true;
            runs->since[i] = is_first ? NO_TIME : t;
        } else if (!in && runs->open[i]) {
            int r = close_run(runs, i, rules->rules[i].dict, t, a);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static bool same_members(const struct member *a, size_t na, const struct member *b, size_t nb)
{
    if (na != nb)
        return false;
    for (size_t i = 0; i < na; i++)
        if (a[i].segment != b[i].segment || a[i].from != b[i].from || a[i].to != b[i].to)
            return false;
    return true;
}

static int member_order(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

int member_compute(const struct segment_rules *rules, struct customer *c, struct arena *a,
                   bool *ret_changed)
{
    struct instants in = {.a = a};
    struct runs runs = {.since = arena_array(a, rules->n, sizeof(int64_t)),
                        .open = arena_array(a, rules->n, sizeof(bool))};
    struct state s;
    size_t next = 0;
    int r = runs.since && runs.open ? state_init(&s, c, a) : -ENOMEM;
    if (r == 0)
        r = collect_instants(rules, c, &in);
    for (size_t i = 0; i < in.n && r == 0; i++) {
        state_advance(&s, c, in.v[i], &next);
        r = run_rules(rules, c, &s, in.v[i], i == 0, &runs, a);
    }
    for (size_t i = 0; i < rules->n && r == 0; i++)
        if (runs.open[i])
            r = close_run(&runs, i, rules->rules[i].dict, INT64_MAX, a);
    if (r < 0)
        return r;
    if (runs.n > 1)
        qsort(runs.out, runs.n, sizeof(*runs.out), member_order);
    *ret_changed = !same_members(c->members, c->n_members, runs.out, runs.n);
    c->members = runs.out;
    c->n_members = runs.n;
    return 0;
}

size_t member_at(const struct member *m, size_t n, int64_t t, uint32_t out[SEGMENTS_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (m[i].from <= t && t < m[i].to && found < SEGMENTS_MAX)
            out[found++] = m[i].segment;
    return found;
}
