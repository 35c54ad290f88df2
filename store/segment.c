#include "store/segment.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/codec.h"
#include "store/customer.h"
#include "store/dict.h"
#include "store/txn.h"

#define RULES_VERSION 1

static int get_versions(struct dec *d, bool parse, struct arena *a, struct segment_rule *rule)
{
    struct where_error err;
    if (get_u8(d) != RULES_VERSION)
        return -VOC_E_CORRUPT;
    rule->n_versions = get_count(d);
    rule->versions = arena_array(a, rule->n_versions + 1, sizeof(*rule->versions));
    if (!rule->versions)
        return -ENOMEM;
    for (size_t i = 0; i < rule->n_versions; i++) {
        struct segment_version *v = &rule->versions[i];
        struct where *where = NULL;
        v->version = (uint32_t)get_bounded(d, UINT32_MAX);
        v->from = get_signed(d);
        v->retired = get_u8(d);
        v->title = arena_dup(a, get_span(d));
        v->text = arena_dup(a, get_span(d));
        int r = parse ? where_parse(v->text, WHERE_CUSTOMER, a, &where, &err) : 0;
        if (r < 0) /* it was checked on the way in */
            return r == -ENOMEM ? r : -VOC_E_CORRUPT;
        v->where = where;
    }
    return d->bad || rule->n_versions == 0 ? -VOC_E_CORRUPT : 0;
}

static void put_versions(struct buf *b, const struct segment_rule *rule)
{
    buf_reset(b);
    put_u8(b, RULES_VERSION);
    put_varint(b, rule->n_versions);
    for (size_t i = 0; i < rule->n_versions; i++) {
        const struct segment_version *v = &rule->versions[i];
        put_varint(b, v->version);
        put_signed(b, v->from);
        put_u8(b, v->retired);
        put_span(b, v->title);
        put_span(b, v->text);
    }
}

static int get_rule(struct kv *kv, struct span code, struct span value, bool parse, struct arena *a,
                    struct segment_rule *ret)
{
    struct dec d = dec_of(value);
    int r = dict_find(kv, DICT_SEGMENT, code, &ret->dict);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    ret->code = arena_dup(a, code);
    return ret->code.p ? get_versions(&d, parse, a, ret) : -ENOMEM;
}

int segment_load(struct kv *kv, bool parse, struct arena *a, struct segment_rule **ret,
                 size_t *ret_n)
{
    struct kv_cursor c CLEANUP(kv_cursor_close) = {0};
    struct segment_rule *rules = arena_array(a, SEGMENTS_MAX, sizeof(*rules));
    struct key prefix;
    size_t n = 0;
    if (!rules)
        return -ENOMEM;
    key_doc(&prefix, STORE_DOC_SEGMENT, SPAN_NONE);
    kv_cursor_open(&c, kv, DBI_DOC);
    for (bool ok = kv_seek(&c, key_span(&prefix)); ok; ok = kv_next(&c)) {
        if (!key_has_prefix(c.key, &prefix) || n == SEGMENTS_MAX)
            break;
        int r = get_rule(kv, span_of(c.key.p + 1, c.key.n - 1), c.value, parse, a, &rules[n]);
        if (r < 0)
            return r;
        n++;
    }
    if (c.error)
        return c.error;
    *ret = rules;
    *ret_n = n;
    return 0;
}

int segment_rules(struct store_txn *t, const struct segment_rules **ret)
{
    struct store *s = t->kv.store;
    if (!s->rules) {
        struct segment_rules *rules = calloc(1, sizeof(*rules));
        if (!rules)
            return -ENOMEM;
        arena_init(&rules->arena, 0);
        int r = segment_load(&t->kv, true, &rules->arena, &rules->rules, &rules->n);
        if (r < 0) {
            arena_done(&rules->arena);
            free(rules);
            return r;
        }
        s->rules = rules;
    }
    *ret = s->rules;
    return 0;
}

void segment_forget(struct store *s)
{
    if (!s->rules)
        return;
    arena_done(&s->rules->arena);
    free(s->rules);
    s->rules = NULL;
}

const struct segment_version *segment_in_force(const struct segment_rule *r, int64_t t)
{
    for (size_t i = r->n_versions; i > 0; i--)
        if (r->versions[i - 1].from <= t)
            return &r->versions[i - 1];
    return NULL;
}

static int refuse(struct where_error *err, int e, const char *why)
{
    err->column = 1;
    snprintf(err->message, sizeof(err->message), "%s", why);
    return e;
}

static int check_segment(const struct store_segment *seg, struct arena *a, struct where_error *err)
{
    struct where *where;
    if (!seg->code.n || seg->code.n > SEGMENT_CODE_MAX)
        return refuse(err, -EINVAL, "a segment needs a code of 1 to 255 bytes");
    return where_parse(seg->where, WHERE_CUSTOMER, a, &where, err);
}

/* Another title is no new rule: nobody's membership turns on it. */
static bool only_title(const struct segment_rule *rule, const struct store_segment *seg)
{
    const struct segment_version *last;
    if (!rule->n_versions)
        return false;
    last = &rule->versions[rule->n_versions - 1];
    return last->retired == seg->retired && span_eq(last->text, seg->where);
}

static int add_version(struct store_txn *t, struct segment_rule *rule,
                       const struct store_segment *seg, bool backfill)
{
    struct segment_version v = {.version = 1,
                                .from = backfill ? NO_TIME : t->now,
                                .retired = seg->retired,
                                .title = seg->title,
                                .text = seg->where};
    if (rule->n_versions)
        v.version = rule->versions[rule->n_versions - 1].version + 1;
    if (!backfill && only_title(rule, seg)) {
        rule->versions[rule->n_versions - 1].title = seg->title;
        return 0;
    }
    /* What would begin no earlier gives way: all of it to a backfill, and the last one to an edit
     * at the same instant or after the clock stepped back. */
    while (rule->n_versions && rule->versions[rule->n_versions - 1].from >= v.from)
        rule->n_versions--;
    if (rule->n_versions >= SEGMENT_VERSIONS_MAX)
        return -E2BIG;
    rule->versions[rule->n_versions++] = v;
    return 0;
}

int store_put_segment(struct store_txn *t, const struct store_segment *seg, bool backfill,
                      struct where_error *err)
{
    struct arena *a = &t->scratch;
    struct segment_rule rule = {0};
    struct span value;
    struct key k;
    uint32_t dict;
    if (t->kv.error)
        return t->kv.error;
    arena_reset(a);
    int r = check_segment(seg, a, err);
    if (r < 0)
        return r;
    key_doc(&k, STORE_DOC_SEGMENT, seg->code);
    r = kv_get(&t->kv, DBI_DOC, key_span(&k), &value);
    if (r == 0) {
        r = get_rule(&t->kv, seg->code, value, false, a, &rule);
    } else if (r == -ENOENT) {
        const struct segment_rules *rules;
        r = segment_rules(t, &rules);
        if (r == 0 && rules->n >= SEGMENTS_MAX)
            return refuse(err, -E2BIG, "there are 256 segments already");
        rule.versions = arena_array(a, 1, sizeof(*rule.versions));
        if (r == 0 && !rule.versions)
            r = -ENOMEM;
    }
    if (r < 0)
        return kv_fail(&t->kv, r);
    r = add_version(t, &rule, seg, backfill);
    if (r < 0)
        return refuse(err, r, "this segment was edited 256 times");
    dict_code(t, DICT_SEGMENT, seg->code, &dict);
    put_versions(&t->value, &rule);
    if (buf_error(&t->value))
        return kv_fail(&t->kv, buf_error(&t->value));
    segment_forget(t->kv.store);
    return kv_put(&t->kv, DBI_DOC, key_span(&k), buf_span(&t->value));
}

static int restamp_one(struct store_txn *t, const struct segment_rules *rules, uint32_t code)
{
    struct arena *a = &t->scratch;
    struct customer c;
    uint64_t restamped;
    bool changed;
    arena_reset(a);
    int r = customer_load(&t->kv, code, a, &c);
    if (r == 0)
        r = member_compute(rules, &c, a, &changed);
    if (r < 0 || !changed)
        return r;
    r = customer_save(t, &c);
    return r < 0 ? r : customer_restamp(t, &c, &restamped);
}

int store_restamp_step(struct store_txn *t, size_t max, uint64_t *cursor)
{
    struct kv_cursor c CLEANUP(kv_cursor_close) = {0};
    const struct segment_rules *rules;
    uint64_t at = *cursor;
    if (t->kv.error || at == UINT64_MAX)
        return t->kv.error;
    int r = segment_rules(t, &rules);
    if (r < 0)
        return kv_fail(&t->kv, r);
    kv_cursor_open(&c, &t->kv, DBI_CUST);
    for (size_t i = 0; i < max && r == 0; i++) {
        uint64_t from = at + 1;
        if (!kv_seek(&c, key_int(&from))) {
            at = UINT64_MAX;
            break;
        }
        at = key_int_read(c.key);
        r = restamp_one(t, rules, (uint32_t)at);
    }
    if (r == 0)
        r = c.error;
    if (r < 0)
        return kv_fail(&t->kv, r);
    *cursor = at;
    return 0;
}

static int count_members(struct kv *kv, int64_t now, const struct segment_rule *rules, size_t n,
                         struct store_segment *out, struct arena *a)
{
    struct kv_cursor c CLEANUP(kv_cursor_close) = {0};
    uint32_t last, codes[SEGMENTS_MAX];
    int r = dict_last(kv, DICT_SEGMENT, &last);
    uint64_t *members = r == 0 ? arena_array(a, (size_t)last + 1, sizeof(*members)) : NULL;
    if (!members)
        return r < 0 ? r : -ENOMEM;
    kv_cursor_open(&c, kv, DBI_CUST);
    for (bool ok = kv_seek(&c, SPAN_NONE); ok; ok = kv_next(&c)) {
        size_t found = 0;
        r = member_of_blob(c.value, now, codes, &found);
        if (r < 0)
            return r;
        for (size_t i = 0; i < found; i++)
            if (codes[i] <= last)
                members[codes[i]]++;
    }
    for (size_t i = 0; i < n && !c.error; i++)
        out[i].members = rules[i].dict <= last ? members[rules[i].dict] : 0;
    return c.error;
}

int store_segments(struct store_view *v, bool count, int64_t now, struct arena *a,
                   const struct store_segment **ret, size_t *ret_n)
{
    struct segment_rule *rules;
    size_t n;
    int r = segment_load(&v->kv, false, a, &rules, &n);
    struct store_segment *out = r == 0 ? arena_array(a, n, sizeof(*out)) : NULL;
    if (!out)
        return r < 0 ? r : -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct segment_version *in = segment_in_force(&rules[i], now);
        if (!in) /* only of the future, after the clock stepped back */
            in = &rules[i].versions[0];
        out[i] = (struct store_segment){.code = rules[i].code,
                                        .title = in->title,
                                        .where = in->text,
                                        .version = in->version,
                                        .effective_from = in->from,
                                        .retired = in->retired};
    }
    if (count)
        r = count_members(&v->kv, now, rules, n, out, a);
    if (r < 0)
        return r;
    *ret = out;
    *ret_n = n;
    return 0;
}
