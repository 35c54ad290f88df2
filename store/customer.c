#include "store/customer.h"

#include "base/err.h"
#include "store/codec.h"
#include "store/dict.h"
#include "store/txn.h"

#define BLOB_VERSION 1

/* Members come first, so that stamping a record reads no more than them. */
static void put_members(struct buf *b, const struct customer *c)
{
    put_u8(b, BLOB_VERSION);
    put_varint(b, c->n_members);
    for (size_t i = 0; i < c->n_members; i++) {
        put_varint(b, c->members[i].segment);
        put_signed(b, c->members[i].from);
        put_signed(b, c->members[i].to);
    }
}

static void put_contact(struct buf *b, const struct contact *c)
{
    put_span(b, c->name);
    put_span(b, c->email);
    put_span(b, c->phone);
}

static void put_change(struct buf *b, const struct change *ch)
{
    put_signed(b, ch->effective_at);
    put_signed(b, ch->received_at);
    put_contact(b, &ch->contact);
    put_varint(b, ch->n_attributes);
    for (size_t i = 0; i < ch->n_attributes; i++) {
        put_span(b, ch->attributes[i].key);
        put_span(b, ch->attributes[i].value);
    }
}

static void put_changes(struct buf *b, const struct customer *c)
{
    put_varint(b, c->n_changes);
    for (size_t i = 0; i < c->n_changes; i++)
        put_change(b, &c->changes[i]);
}

size_t customer_history_bytes(struct store_txn *t, const struct customer *c)
{
    buf_reset(&t->value);
    put_changes(&t->value, c);
    return buf_error(&t->value) ? SIZE_MAX : t->value.n;
}

int customer_save(struct store_txn *t, const struct customer *c)
{
    struct buf *b = &t->value;
    uint64_t key = c->code;
    buf_reset(b);
    put_members(b, c);
    put_span(b, c->id);
    put_contact(b, &c->seen);
    put_changes(b, c);
    if (buf_error(b))
        return kv_fail(&t->kv, buf_error(b));
    return kv_put(&t->kv, DBI_CUST, key_int(&key), buf_span(b));
}

/* Positions `d` after the version and says how many members follow. */
static size_t begin_members(struct dec *d, struct span blob)
{
    *d = dec_of(blob);
    if (get_u8(d) != BLOB_VERSION)
        d->bad = true;
    return get_count(d);
}

static struct member get_member(struct dec *d)
{
    struct member m = {.segment = (uint32_t)get_bounded(d, DICT_CODE_MAX)};
    m.from = get_signed(d);
    m.to = get_signed(d);
    return m;
}

static void get_contact(struct dec *d, struct contact *c)
{
    c->name = get_span(d);
    c->email = get_span(d);
    c->phone = get_span(d);
}

static int get_change(struct dec *d, struct arena *a, struct change *ch)
{
    ch->effective_at = get_signed(d);
    ch->received_at = get_signed(d);
    get_contact(d, &ch->contact);
    size_t n = get_count(d);
    struct pair *pairs = arena_array(a, n, sizeof(*pairs));
    if (!pairs)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        pairs[i].key = get_span(d);
        pairs[i].value = get_span(d);
    }
    ch->attributes = pairs;
    ch->n_attributes = n;
    return d->bad ? -VOC_E_CORRUPT : 0;
}

static int decode(struct span blob, struct arena *a, struct customer *c)
{
    struct dec d;
    c->n_members = begin_members(&d, blob);
    c->members = arena_array(a, c->n_members, sizeof(*c->members));
    if (!c->members)
        return -ENOMEM;
    for (size_t i = 0; i < c->n_members; i++)
        c->members[i] = get_member(&d);
    c->id = get_span(&d);
    get_contact(&d, &c->seen);
    c->n_changes = get_count(&d);
    /* One more than there are: a change is inserted in place. */
    c->changes = arena_array(a, c->n_changes + 1, sizeof(*c->changes));
    if (!c->changes)
        return -ENOMEM;
    for (size_t i = 0; i < c->n_changes; i++) {
        int r = get_change(&d, a, &c->changes[i]);
        if (r < 0)
            return r;
    }
    return d.bad || dec_left(&d) ? -VOC_E_CORRUPT : 0;
}

static int get_blob(struct kv *kv, uint32_t code, struct span *ret)
{
    uint64_t key = code;
    int r = kv_get(kv, DBI_CUST, key_int(&key), ret);
    return r == -ENOENT ? -VOC_E_CORRUPT : r;
}

int customer_load(struct kv *kv, uint32_t code, struct arena *a, struct customer *ret)
{
    struct customer c = {.code = code};
    struct span blob;
    int r = get_blob(kv, code, &blob);
    if (r < 0)
        return r;
    blob = arena_dup(a, blob);
    if (!blob.p)
        return -ENOMEM;
    r = decode(blob, a, &c);
    if (r == 0)
        *ret = c;
    return r;
}

static void skip_members(struct dec *d, struct span blob)
{
    for (size_t n = begin_members(d, blob); n && !d->bad; n--)
        get_member(d);
}

static int blob_id(struct span blob, struct span *ret_id)
{
    struct dec d;
    skip_members(&d, blob);
    struct span id = get_span(&d);
    if (d.bad || !id.n)
        return -VOC_E_CORRUPT;
    *ret_id = id;
    return 0;
}

int customer_id(struct kv *kv, uint32_t code, struct span *ret_id)
{
    struct span blob;
    int r = get_blob(kv, code, &blob);
    return r < 0 ? r : blob_id(blob, ret_id);
}

int customer_each_id(struct kv *kv, int (*fn)(void *ctx, uint32_t code, struct span id), void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    kv_cursor_open(&c, kv, DBI_CUST);
    for (bool ok = kv_seek(&c, SPAN_NONE); ok; ok = kv_next(&c)) {
        struct span id;
        int r = blob_id(c.value, &id);
        if (r == 0)
            r = fn(ctx, (uint32_t)key_int_read(c.key), id);
        if (r)
            return r;
    }
    return c.error;
}

struct same_id {
    struct kv *kv;
    struct span id;
};

static int read_code(struct span s, uint32_t *ret)
{
    if (s.n != sizeof(*ret))
        return -VOC_E_CORRUPT;
    memcpy(ret, s.p, sizeof(*ret));
    return 0;
}

static int same_id(void *ctx, struct span stored)
{
    struct same_id *w = ctx;
    struct span id;
    uint32_t code;
    int r = read_code(stored, &code);
    if (r == 0)
        r = customer_id(w->kv, code, &id);
    return r < 0 ? r : span_eq(id, w->id);
}

static int find_at(struct kv *kv, struct span id, struct key *k, uint32_t *ret_code)
{
    struct same_id want = {kv, id};
    struct span stored;
    key_customer_id(k, id, kv->store->seed);
    int r = kv_find_text(kv, DBI_CUSTKEY, k, same_id, &want, &stored);
    return r < 0 ? r : read_code(stored, ret_code);
}

int customer_find(struct kv *kv, struct span id, uint32_t *ret_code)
{
    struct key k;
    if (kv->write && dict_cache_get(kv->store->dict, DICT_CUSTOMER, id, ret_code))
        return 0;
    int r = find_at(kv, id, &k, ret_code);
    if (r == 0 && kv->write)
        dict_cache_add(kv->store->dict, DICT_CUSTOMER, id, *ret_code);
    return r;
}

int customer_make(struct store_txn *t, struct span id, struct arena *a, struct customer *ret)
{
    const struct segment_rules *rules;
    struct key k;
    uint32_t code;
    bool changed;
    int r = find_at(&t->kv, id, &k, &code);
    if (r != -ENOENT)
        return kv_fail(&t->kv, r == 0 ? -EEXIST : r);
    if (t->counters.customer >= UINT32_MAX)
        return kv_fail(&t->kv, -E2BIG);
    struct customer c = {.code = (uint32_t)(t->counters.customer + 1), .id = id};
    c.changes = arena_array(a, 1, sizeof(*c.changes));
    r = c.changes ? segment_rules(t, &rules) : -ENOMEM;
    if (r == 0)
        r = member_compute(rules, &c, a, &changed);
    if (r < 0)
        return kv_fail(&t->kv, r);
    t->counters.customer = c.code;
    t->counters_changed = true;
    kv_put(&t->kv, DBI_CUSTKEY, key_span(&k), span_of((const char *)&c.code, sizeof(c.code)));
    r = customer_save(t, &c);
    if (r < 0)
        return r;
    dict_cache_add(t->kv.store->dict, DICT_CUSTOMER, id, c.code);
    *ret = c;
    return 0;
}

static void overlay(struct span *to, struct span from)
{
    if (from.p)
        *to = from;
}

struct contact customer_contact(const struct customer *c)
{
    struct contact now = c->seen;
    for (size_t i = 0; i < c->n_changes; i++) {
        overlay(&now.name, c->changes[i].contact.name);
        overlay(&now.email, c->changes[i].contact.email);
        overlay(&now.phone, c->changes[i].contact.phone);
    }
    return now;
}

static void move_contact(struct store_txn *t, char by, uint32_t code, struct span was,
                         struct span is)
{
    struct key k;
    if (span_eq(was, is))
        return;
    if (was.n) {
        key_contact(&k, by, was, code, t->kv.store->seed);
        kv_del(&t->kv, DBI_CUSTKEY, key_span(&k));
    }
    if (is.n) {
        key_contact(&k, by, is, code, t->kv.store->seed);
        kv_put(&t->kv, DBI_CUSTKEY, key_span(&k), SPAN_LIT(""));
    }
}

int customer_index_contact(struct store_txn *t, uint32_t code, const struct contact *was,
                           const struct contact *is)
{
    move_contact(t, 'E', code, was->email, is->email);
    move_contact(t, 'P', code, was->phone, is->phone);
    return t->kv.error;
}

static bool says_new(struct span seen, struct span said)
{
    return said.n && !span_eq(seen, said);
}

/* A record that leaves a field empty says nothing of it. */
static void note(struct span *seen, struct span said)
{
    if (said.n)
        *seen = said;
}

/* Notes what the record says of the customer's contact, when that is new. */
static int note_contact(struct store_txn *t, uint32_t code, const struct customer_ref *ref,
                        struct arena *a)
{
    struct contact seen;
    struct customer c;
    struct span blob;
    struct dec d;
    int r = get_blob(&t->kv, code, &blob);
    if (r < 0)
        return r;
    skip_members(&d, blob);
    get_span(&d);
    get_contact(&d, &seen);
    if (d.bad)
        return -VOC_E_CORRUPT;
    if (!says_new(seen.name, ref->name) && !says_new(seen.email, ref->email) &&
        !says_new(seen.phone, ref->phone))
        return 0;
    r = customer_load(&t->kv, code, a, &c);
    if (r < 0)
        return r;
    struct contact was = customer_contact(&c);
    note(&c.seen.name, ref->name);
    note(&c.seen.email, ref->email);
    note(&c.seen.phone, ref->phone);
    struct contact is = customer_contact(&c);
    r = customer_save(t, &c);
    return r < 0 ? r : customer_index_contact(t, code, &was, &is);
}

int member_of_blob(struct span blob, int64_t at, uint32_t out[SEGMENTS_MAX], size_t *ret_n)
{
    struct dec d;
    size_t n = 0;
    for (size_t left = begin_members(&d, blob); left && !d.bad; left--) {
        struct member m = get_member(&d);
        if (m.from <= at && at < m.to && n < SEGMENTS_MAX)
            out[n++] = m.segment;
    }
    if (d.bad)
        return -VOC_E_CORRUPT;
    *ret_n = n;
    return 0;
}

static int stamp(struct kv *kv, uint32_t code, int64_t at, uint32_t segments[SEGMENTS_MAX],
                 size_t *ret_n)
{
    struct span blob;
    int r = get_blob(kv, code, &blob);
    return r < 0 ? r : member_of_blob(blob, at, segments, ret_n);
}

int customer_of_record(struct store_txn *t, const struct feedback *f, struct arena *a,
                       uint32_t *ret_code, uint32_t segments[SEGMENTS_MAX], size_t *ret_n)
{
    const struct customer_ref *ref = &f->customer;
    struct customer c = {0};
    uint32_t code;
    *ret_code = 0;
    *ret_n = 0;
    if (t->kv.error || !ref->id.n)
        return t->kv.error;
    int r = customer_find(&t->kv, ref->id, &code);
    if (r == -ENOENT) {
        r = customer_make(t, ref->id, a, &c);
        code = c.code;
    }
    if (r == 0 && (ref->name.n || ref->email.n || ref->phone.n))
        r = note_contact(t, code, ref, a);
    if (r == 0)
        r = stamp(&t->kv, code, f->created_at, segments, ret_n);
    if (r < 0)
        return kv_fail(&t->kv, r);
    *ret_code = code;
    return 0;
}
