#include "store/kv.h"

#include "base/err.h"

int kv_errno(int mdb_rc)
{
    switch (mdb_rc) {
    case MDB_SUCCESS:
        return 0;
    case MDB_NOTFOUND:
        return -ENOENT;
    case MDB_MAP_FULL:
        return -VOC_E_MAPFULL;
    case MDB_PANIC:
        return -VOC_E_PANIC;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_CURSOR_FULL:
        return -VOC_E_CORRUPT;
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return -VOC_E_VERSION;
    case MDB_TXN_FULL:
    case MDB_PAGE_FULL:
        return -E2BIG;
    case MDB_READERS_FULL:
        return -EAGAIN;
    case MDB_BAD_VALSIZE:
        return -ENAMETOOLONG;
    default:
        return mdb_rc > 0 ? -mdb_rc : -EIO;
    }
}

int kv_fail(struct kv *kv, int e)
{
    if (kv->write && kv->error == 0)
        kv->error = e;
    return kv->error ? kv->error : e;
}

static int kv_check(struct kv *kv, int mdb_rc)
{
    int e = kv_errno(mdb_rc);
    return e == 0 || e == -ENOENT ? e : kv_fail(kv, e);
}

static MDB_val val_of(struct span s)
{
    return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

static struct span span_of_val(MDB_val v)
{
    return (struct span){v.mv_data, v.mv_size};
}

int kv_get(struct kv *kv, enum dbi dbi, struct span key, struct span *ret)
{
    if (kv->error)
        return kv->error;
    MDB_val k = val_of(key), v;
    int r = kv_check(kv, mdb_get(kv->txn, kv->store->dbi[dbi], &k, &v));
    if (r == 0)
        *ret = span_of_val(v);
    return r;
}

static int kv_put_flags(struct kv *kv, enum dbi dbi, struct span key, struct span value,
                        unsigned flags)
{
    if (kv->error)
        return kv->error;
    MDB_val k = val_of(key), v = val_of(value);
    int r = mdb_put(kv->txn, kv->store->dbi[dbi], &k, &v, flags);
    if (r != MDB_SUCCESS) /* MDB_KEYEXIST under MDB_APPEND: the order is broken */
        return kv_fail(kv, r == MDB_KEYEXIST ? -VOC_E_CORRUPT : kv_errno(r));
    kv->bytes += key.n + value.n;
    trace_write(&kv->store->trace, TRACE_PUT, (uint8_t)dbi, key, value.n, flags);
    return 0;
}

int kv_put(struct kv *kv, enum dbi dbi, struct span key, struct span value)
{
    return kv_put_flags(kv, dbi, key, value, 0);
}

int kv_append(struct kv *kv, enum dbi dbi, struct span key, struct span value)
{
    return kv_put_flags(kv, dbi, key, value, MDB_APPEND);
}

int kv_insert(struct kv *kv, enum dbi dbi, struct span key, struct span value, struct span *ret)
{
    if (kv->error)
        return kv->error;
    MDB_val k = val_of(key), v = val_of(value);
    int r = mdb_put(kv->txn, kv->store->dbi[dbi], &k, &v, MDB_NOOVERWRITE);
    if (r == MDB_KEYEXIST) {
        *ret = span_of_val(v);
        return -EEXIST;
    }
    if (r != MDB_SUCCESS)
        return kv_fail(kv, kv_errno(r));
    kv->bytes += key.n + value.n;
    trace_write(&kv->store->trace, TRACE_PUT, (uint8_t)dbi, key, value.n, MDB_NOOVERWRITE);
    return 0;
}

int kv_del(struct kv *kv, enum dbi dbi, struct span key)
{
    if (kv->error)
        return kv->error;
    MDB_val k = val_of(key);
    int r = kv_check(kv, mdb_del(kv->txn, kv->store->dbi[dbi], &k, NULL));
    if (r == 0)
        trace_write(&kv->store->trace, TRACE_DELETE, (uint8_t)dbi, key, 0, 0);
    return r;
}

uint64_t kv_count(struct kv *kv, enum dbi dbi)
{
    MDB_stat st;
    if (kv->error || mdb_stat(kv->txn, kv->store->dbi[dbi], &st) != MDB_SUCCESS)
        return 0;
    return st.ms_entries;
}

uint64_t kv_bytes(struct kv *kv, enum dbi dbi)
{
    MDB_stat st;
    if (kv->error || mdb_stat(kv->txn, kv->store->dbi[dbi], &st) != MDB_SUCCESS)
        return 0;
    return (st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) * (uint64_t)st.ms_psize;
}

struct unpacker *kv_unpacker(struct kv *kv)
{
    if (!kv->unpacker)
        kv->unpacker = pack_borrow(&kv->store->pack);
    return kv->unpacker;
}

/* All probes of one hash are neighbours. Deleting leaves a hole, so the walk does not end at one.
 */
static int find_probes(struct kv *kv, enum dbi dbi, struct key *k, kv_same_fn *same, void *ctx,
                       struct span *ret)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key prefix = *k;
    unsigned vacant = 0;
    prefix.n--;
    kv_cursor_open(&c, kv, dbi);
    for (bool ok = kv_seek(&c, key_span(&prefix)); ok; ok = kv_next(&c)) {
        if (c.key.n != KEY_MAX || !key_has_prefix(c.key, &prefix))
            break;
        uint8_t probe = (uint8_t)c.key.p[KEY_MAX - 1];
        int r = same(ctx, c.value);
        if (r < 0)
            return r;
        if (r > 0) {
            k->b[KEY_MAX - 1] = probe;
            *ret = c.value;
            return 0;
        }
        vacant += probe == vacant;
    }
    if (c.error)
        return c.error;
    if (vacant > UINT8_MAX)
        return kv_fail(kv, -VOC_E_CONFLICT);
    k->b[KEY_MAX - 1] = (uint8_t)vacant;
    return -ENOENT;
}

int kv_find_text(struct kv *kv, enum dbi dbi, struct key *k, kv_same_fn *same, void *ctx,
                 struct span *ret)
{
    return k->hashed ? find_probes(kv, dbi, k, same, ctx, ret) : kv_get(kv, dbi, key_span(k), ret);
}

void kv_cursor_open(struct kv_cursor *c, struct kv *kv, enum dbi dbi)
{
    *c = (struct kv_cursor){.kv = kv, .dbi = dbi, .error = kv->error};
    if (c->error == 0)
        c->error = kv_check(kv, mdb_cursor_open(kv->txn, kv->store->dbi[dbi], &c->c));
}

void kv_cursor_close(struct kv_cursor *c)
{
    if (c->c)
        mdb_cursor_close(c->c);
    c->c = NULL;
}

static bool cursor_move(struct kv_cursor *c, MDB_cursor_op op, struct span key)
{
    MDB_val k = val_of(key), v = {0, NULL};
    if (c->error || !c->c)
        return false;
    int r = mdb_cursor_get(c->c, &k, &v, op);
    if (r != MDB_SUCCESS) {
        if (r != MDB_NOTFOUND)
            c->error = kv_check(c->kv, r);
        return false;
    }
    c->key = span_of_val(k);
    c->value = span_of_val(v);
    return true;
}

bool kv_seek(struct kv_cursor *c, struct span key)
{
    return key.n ? cursor_move(c, MDB_SET_RANGE, key) : cursor_move(c, MDB_FIRST, key);
}

bool kv_seek_below(struct kv_cursor *c, struct span key)
{
    if (!key.n)
        return cursor_move(c, MDB_LAST, key);
    if (cursor_move(c, MDB_SET_RANGE, key))
        return cursor_move(c, MDB_PREV, key);
    return cursor_move(c, MDB_LAST, key);
}

bool kv_next(struct kv_cursor *c)
{
    return cursor_move(c, MDB_NEXT, SPAN_NONE);
}

bool kv_prev(struct kv_cursor *c)
{
    return cursor_move(c, MDB_PREV, SPAN_NONE);
}

int kv_cursor_del(struct kv_cursor *c)
{
    if (c->error || c->kv->error)
        return c->error ? c->error : c->kv->error;
    trace_write(&c->kv->store->trace, TRACE_DELETE, (uint8_t)c->dbi, c->key, 0, 0);
    c->error = kv_check(c->kv, mdb_cursor_del(c->c, 0));
    return c->error;
}
