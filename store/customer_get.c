#include "base/err.h"
#include "store/customer.h"
#include "store/dict.h"
#include "store/rec.h"
#include "store/txn.h"

static struct span present(struct span s)
{
    return s.n ? s : SPAN_NONE;
}

static int copy_changes(const struct customer *c, struct arena *a, struct store_customer *out)
{
    struct store_customer_change *changes = arena_array(a, c->n_changes, sizeof(*changes));
    if (!changes)
        return -ENOMEM;
    for (size_t i = 0; i < c->n_changes; i++)
        changes[i] =
            (struct store_customer_change){c->changes[i].effective_at, c->changes[i].received_at,
                                           c->changes[i].attributes, c->changes[i].n_attributes};
    out->changes = changes;
    out->n_changes = c->n_changes;
    return 0;
}

static int copy_intervals(struct kv *kv, const struct customer *c, struct arena *a,
                          struct store_customer *out)
{
    struct store_interval *intervals = arena_array(a, c->n_members, sizeof(*intervals));
    if (!intervals)
        return -ENOMEM;
    for (size_t i = 0; i < c->n_members; i++) {
        struct span code;
        int r = dict_value(kv, DICT_SEGMENT, c->members[i].segment, &code);
        if (r < 0)
            return r;
        intervals[i] =
            (struct store_interval){arena_dup(a, code), c->members[i].from, c->members[i].to};
        if (!intervals[i].segment.p)
            return -ENOMEM;
    }
    out->intervals = intervals;
    out->n_intervals = c->n_members;
    return 0;
}

/* The keys of the customer's records, newest first, tell count and both ends. */
static int sum_up(struct kv *kv, uint32_t code, struct store_customer *out)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key prefix;
    key_code(&prefix, code);
    kv_cursor_open(&c, kv, DBI_BYCUST);
    for (bool ok = kv_seek(&c, key_span(&prefix)); ok; ok = kv_next(&c)) {
        if (!key_has_prefix(c.key, &prefix))
            break;
        out->first_seen = key_read_i64_desc(c.key, 4);
        if (out->feedback_count++ == 0)
            out->last_feedback = out->first_seen;
    }
    return c.error;
}

int store_customer_get(struct store_view *v, struct span id, int64_t now, struct arena *a,
                       struct store_customer *ret)
{
    struct store_customer out = {.first_seen = NO_TIME, .last_feedback = NO_TIME};
    struct customer c;
    struct state s;
    uint32_t code;
    int r = customer_find(&v->kv, id, &code);
    if (r == 0)
        r = customer_load(&v->kv, code, a, &c);
    if (r == 0)
        r = copy_changes(&c, a, &out);
    if (r == 0)
        r = copy_intervals(&v->kv, &c, a, &out);
    if (r == 0)
        r = customer_state(&c, now, a, &s);
    if (r == 0)
        r = sum_up(&v->kv, code, &out);
    if (r < 0)
        return r;
    struct contact contact = customer_contact(&c);
    out.id = c.id;
    out.name = present(contact.name);
    out.email = present(contact.email);
    out.phone = present(contact.phone);
    out.attributes = s.attributes;
    out.n_attributes = s.n;
    *ret = out;
    return 0;
}

static int get_contact(struct kv *kv, struct span id, struct arena *a, struct customer_ref *ret)
{
    struct arena whole; /* a history may have 64 KiB; of it these few words are wanted */
    struct customer c;
    uint32_t code;
    int r = customer_find(kv, id, &code);
    if (r < 0)
        return r;
    arena_init(&whole, 0);
    r = customer_load(kv, code, &whole, &c);
    struct contact contact = r == 0 ? customer_contact(&c) : (struct contact){0};
    struct customer_ref out = {.id = arena_dup(a, id),
                               .name = arena_dup(a, contact.name),
                               .email = arena_dup(a, contact.email),
                               .phone = arena_dup(a, contact.phone)};
    arena_done(&whole);
    if (r == 0 && (!out.id.p || (contact.name.n && !out.name.p) ||
                   (contact.email.n && !out.email.p) || (contact.phone.n && !out.phone.p)))
        r = -ENOMEM;
    if (r == 0)
        *ret = out;
    return r;
}

int store_customer_contact(struct store_view *v, struct span id, struct arena *a,
                           struct customer_ref *ret)
{
    return get_contact(&v->kv, id, a, ret);
}

int store_txn_customer_contact(struct store_txn *t, struct span id, struct arena *a,
                               struct customer_ref *ret)
{
    return get_contact(&t->kv, id, a, ret);
}

int store_customer_lookup(struct store_view *v, enum store_lookup by, struct span value,
                          struct arena *a, struct span *ids, size_t max, size_t *ret_n)
{
    struct kv_cursor c CLEANUP(kv_cursor_close) = {0};
    struct key prefix;
    size_t n = 0;
    if (!value.n)
        return -EINVAL;
    key_contact(&prefix, by == STORE_BY_EMAIL ? 'E' : 'P', value, 0, v->kv.store->seed);
    kv_cursor_open(&c, &v->kv, DBI_CUSTKEY);
    for (bool ok = kv_seek(&c, key_span(&prefix)); ok && n < max; ok = kv_next(&c)) {
        struct span id;
        if (!key_has_prefix(c.key, &prefix))
            break;
        if (c.key.n != prefix.n + sizeof(uint32_t)) /* a longer value that begins like this one */
            continue;
        int r = customer_id(&v->kv, key_read_u32(c.key, prefix.n), &id);
        if (r < 0)
            return r;
        ids[n] = arena_dup(a, id);
        if (!ids[n++].p)
            return -ENOMEM;
    }
    if (c.error)
        return c.error;
    *ret_n = n;
    return 0;
}

/* Positions below `before`: NO_TIME is the newest. */
static void start_key(struct key *k, uint32_t code, int64_t before)
{
    if (before == NO_TIME)
        key_code(k, code);
    else
        key_bycust(k, code, before - 1, UINT64_MAX);
}

int store_customer_feedback(struct store_view *v, struct span id, int64_t before, size_t limit,
                            struct arena *a, store_stored_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key prefix, start;
    struct stored s;
    uint32_t code;
    c.c = NULL;
    int r = customer_find(&v->kv, id, &code);
    if (r < 0)
        return r;
    key_code(&prefix, code);
    start_key(&start, code, before);
    kv_cursor_open(&c, &v->kv, DBI_BYCUST);
    bool ok = kv_seek(&c, key_span(&start));
    for (size_t n = 0; ok && n < limit && key_has_prefix(c.key, &prefix); n++) {
        r = rec_read(&v->kv, ~key_read_u64(c.key, 12), true, a, &s);
        if (r < 0)
            return r == -ENOENT ? -VOC_E_CORRUPT : r;
        r = fn(ctx, &s);
        if (r)
            return r;
        ok = kv_next(&c);
    }
    return c.error;
}

int store_customers_each(struct store_view *v, struct span after, store_customer_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key start;
    key_customer_id(&start, after, v->kv.store->seed);
    kv_cursor_open(&c, &v->kv, DBI_CUSTKEY);
    for (bool ok = kv_seek(&c, key_span(&start)); ok; ok = kv_next(&c)) {
        struct span id;
        uint32_t code;
        if (c.key.p[0] != 'I')
            break;
        if (c.value.n != sizeof(code))
            return -VOC_E_CORRUPT;
        memcpy(&code, c.value.p, sizeof(code));
        int r = customer_id(&v->kv, code, &id);
        if (r == 0 && span_eq(id, after))
            continue;
        if (r == 0)
            r = fn(ctx, id);
        if (r)
            return r;
    }
    return c.error;
}
