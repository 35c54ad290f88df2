#include <xxhash.h>

#include "base/err.h"
#include "store/codec.h"
#include "store/customer.h"
#include "store/dict.h"
#include "store/txn.h"

#define ACTIVITY_VERSION 1

static void encode(struct buf *b, const struct activity *act)
{
    buf_reset(b);
    put_u8(b, ACTIVITY_VERSION);
    put_span(b, act->source);
    put_span(b, act->external_id);
    put_span(b, act->customer);
    put_span(b, act->type);
    put_signed(b, act->at);
    put_u8(b, act->amount.has);
    if (act->amount.has)
        put_double(b, act->amount.value);
    put_span(b, act->product);
    put_span(b, act->order);
    put_varint(b, act->n_attributes);
    for (size_t i = 0; i < act->n_attributes; i++) {
        put_span(b, act->attributes[i].key);
        put_span(b, act->attributes[i].value);
    }
}

static int decode(struct span blob, struct arena *a, struct activity *ret)
{
    struct dec d = dec_of(blob);
    struct activity act = {0};
    if (get_u8(&d) != ACTIVITY_VERSION)
        return -VOC_E_CORRUPT;
    act.source = get_span(&d);
    act.external_id = get_span(&d);
    act.customer = get_span(&d);
    act.type = get_span(&d);
    act.at = get_signed(&d);
    act.amount.has = get_u8(&d);
    if (act.amount.has)
        act.amount.value = get_double(&d);
    act.product = get_span(&d);
    act.order = get_span(&d);
    act.n_attributes = get_count(&d);
    struct pair *pairs = arena_array(a, act.n_attributes, sizeof(*pairs));
    if (!pairs)
        return -ENOMEM;
    for (size_t i = 0; i < act.n_attributes; i++) {
        pairs[i].key = get_span(&d);
        pairs[i].value = get_span(&d);
    }
    act.attributes = pairs;
    if (d.bad || dec_left(&d))
        return -VOC_E_CORRUPT;
    *ret = act;
    return 0;
}

/* Where an activity is kept: what table "actid" says of an identity. Host byte order. */
struct place {
    uint32_t customer, reserved;
    int64_t at;
    uint64_t number;
};

struct same_activity {
    struct kv *kv;
    struct span external_id;
};

static int read_place(struct span s, struct place *ret)
{
    if (s.n != sizeof(*ret))
        return -VOC_E_CORRUPT;
    memcpy(ret, s.p, sizeof(*ret));
    return 0;
}

static int get_blob(struct kv *kv, const struct place *p, struct span *ret)
{
    struct key k;
    key_activity(&k, p->customer, p->at, p->number);
    int r = kv_get(kv, DBI_ACTIVITY, key_span(&k), ret);
    return r == -ENOENT ? -VOC_E_CORRUPT : r;
}

static int same_activity(void *ctx, struct span value)
{
    struct same_activity *w = ctx;
    struct place place;
    struct span blob;
    int r = read_place(value, &place);
    if (r == 0)
        r = get_blob(w->kv, &place, &blob);
    if (r < 0)
        return r;
    struct dec d = dec_of(blob);
    get_u8(&d);
    get_span(&d);
    struct span external_id = get_span(&d);
    return d.bad ? -VOC_E_CORRUPT : span_eq(external_id, w->external_id);
}

static int customer_code(struct store_txn *t, struct span id, uint32_t *ret)
{
    struct customer c;
    int r = customer_find(&t->kv, id, ret);
    if (r != -ENOENT)
        return r;
    r = customer_make(t, id, &t->scratch, &c);
    if (r == 0)
        *ret = c.code;
    return r;
}

/* Finds where the activity is now. 0, -ENOENT with *k where it belongs, or the error. */
static int find_place(struct store_txn *t, const struct activity *act, struct key *k,
                      struct place *ret)
{
    struct same_activity want = {&t->kv, act->external_id};
    struct span value;
    uint32_t source;
    int r = dict_code(t, DICT_SOURCE, act->source, &source);
    if (r < 0)
        return r;
    key_ident(k, source, act->external_id, t->kv.store->seed);
    r = kv_find_text(&t->kv, DBI_ACTID, k, same_activity, &want, &value);
    return r < 0 ? r : read_place(value, ret);
}

static int put_at(struct store_txn *t, const struct key *ident, const struct place *place)
{
    struct key k;
    key_activity(&k, place->customer, place->at, place->number);
    kv_put(&t->kv, DBI_ACTIVITY, key_span(&k), buf_span(&t->raw));
    return kv_put(&t->kv, DBI_ACTID, key_span(ident), span_of((const char *)place, sizeof(*place)));
}

static int replace(struct store_txn *t, const struct activity *act, const struct key *ident,
                   struct place *place, enum outcome *ret)
{
    struct span had;
    struct key k;
    int r = get_blob(&t->kv, place, &had);
    if (r < 0)
        return r;
    if (span_eq(had, buf_span(&t->raw))) {
        *ret = OUTCOME_DUPLICATE;
        return 0;
    }
    key_activity(&k, place->customer, place->at, place->number);
    kv_del(&t->kv, DBI_ACTIVITY, key_span(&k));
    r = customer_code(t, act->customer, &place->customer);
    if (r < 0)
        return r;
    place->at = act->at;
    *ret = OUTCOME_UPDATED;
    return put_at(t, ident, place);
}

int store_put_activity(struct store_txn *t, const struct activity *act, enum outcome *ret)
{
    struct place place = {0};
    struct key ident;
    enum outcome outcome = OUTCOME_ACCEPTED;
    if (t->kv.error)
        return t->kv.error;
    if (!act->source.n || !act->external_id.n || !act->customer.n ||
        act->customer.n > CUSTOMER_ID_MAX || act->at == NO_TIME)
        return -EINVAL;
    encode(&t->raw, act);
    if (buf_error(&t->raw))
        return buf_error(&t->raw) == -EMSGSIZE ? -E2BIG : kv_fail(&t->kv, buf_error(&t->raw));
    arena_reset(&t->scratch);
    int r = find_place(t, act, &ident, &place);
    if (r == 0) {
        r = replace(t, act, &ident, &place, &outcome);
    } else if (r == -ENOENT) {
        r = customer_code(t, act->customer, &place.customer);
        place.at = act->at;
        place.number = ++t->counters.activity;
        t->counters_changed = true;
        if (r == 0)
            r = put_at(t, &ident, &place);
    }
    if (r < 0)
        return kv_fail(&t->kv, r);
    *ret = outcome;
    return 0;
}

int store_customer_activities(struct store_view *v, struct span id, int64_t before, size_t limit,
                              struct arena *a, store_activity_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key prefix, start;
    uint32_t code;
    c.c = NULL;
    int r = customer_find(&v->kv, id, &code);
    if (r < 0)
        return r;
    key_code(&prefix, code);
    start = prefix;
    if (before != NO_TIME)
        key_activity(&start, code, before - 1, UINT64_MAX);
    kv_cursor_open(&c, &v->kv, DBI_ACTIVITY);
    bool ok = kv_seek(&c, key_span(&start));
    for (size_t n = 0; ok && n < limit && key_has_prefix(c.key, &prefix); n++) {
        struct activity act;
        struct span blob = arena_dup(a, c.value);
        r = blob.p ? decode(blob, a, &act) : -ENOMEM;
        if (r == 0)
            r = fn(ctx, &act);
        if (r)
            return r;
        ok = kv_next(&c);
    }
    return c.error;
}
