#include "store/txn.h"

#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "store/dict.h"
#include "store/seal.h"
#include "store/segment.h"

#define TXN_RAW_MAX (1u << 20)
#define TXN_VALUE_MAX (16u << 20)
#define TXN_SCRATCH_MAX (256u << 20)
#define DISK_FULL_BELOW (64u << 10)

static const struct span counters_key = {"counters", 8};

int txn_put_counters(struct kv *kv, const struct counters *c)
{
    return kv_put(kv, DBI_META, counters_key, span_of((const char *)c, sizeof(*c)));
}

int txn_get_counters(struct kv *kv, struct counters *ret)
{
    struct span s;
    int r = kv_get(kv, DBI_META, counters_key, &s);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    if (s.n < sizeof(*ret))
        return -VOC_E_CORRUPT;
    memcpy(ret, s.p, sizeof(*ret));
    return 0;
}

int txn_init(struct store *s, struct store_txn **ret)
{
    struct store_txn *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->kv.store = s;
    t->kv.write = true;
    buf_init(&t->raw, TXN_RAW_MAX);
    buf_init(&t->packed, 2 * TXN_RAW_MAX);
    buf_init(&t->value, TXN_VALUE_MAX);
    arena_init(&t->scratch, TXN_SCRATCH_MAX);
    *ret = t;
    return 0;
}

void txn_free(struct store_txn *t)
{
    if (!t)
        return;
    buf_done(&t->raw);
    buf_done(&t->packed);
    buf_done(&t->value);
    arena_done(&t->scratch);
    free(t);
}

void txn_touch_block(struct store_txn *t, uint64_t block)
{
    for (size_t i = 0; i < t->n_touched; i++)
        if (t->touched[i] == block)
            return;
    if (t->n_touched < TXN_TOUCHED_MAX)
        t->touched[t->n_touched++] = block;
}

int store_begin(struct store *s, int64_t now, struct store_txn **ret_txn)
{
    struct store_txn *t = s->txn;
    if (s->in_txn)
        return -EBUSY;
    int r = kv_errno(mdb_txn_begin(s->env, NULL, 0, &t->kv.txn));
    if (r < 0)
        return r;
    t->kv.error = 0;
    t->kv.bytes = 0;
    t->now = now;
    t->counters_changed = false;
    t->n_touched = 0;
    r = txn_get_counters(&t->kv, &t->counters);
    if (r < 0) {
        mdb_txn_abort(t->kv.txn);
        return r;
    }
    s->in_txn = true;
    *ret_txn = t;
    return 0;
}

/* What the worker keeps between transactions must not remember one that never happened. */
static void txn_end(struct store_txn *t, bool committed)
{
    struct store *s = t->kv.store;
    t->kv.txn = NULL;
    pack_return(&s->pack, t->kv.unpacker);
    t->kv.unpacker = NULL;
    if (!committed) {
        dict_forget(s->dict);
        segment_forget(s);
    }
    trace_write(&s->trace, committed ? TRACE_COMMIT : TRACE_ABORT, 0, SPAN_NONE, 0, 0);
    trace_flush(&s->trace);
    s->in_txn = false;
}

/* LMDB calls a short write EIO; on a full disk that is what a short write means. */
static int commit_error(struct store *s, int e)
{
    struct statvfs fs;
    if (e == -EIO && fstatvfs(s->dir_fd, &fs) == 0 &&
        (uint64_t)fs.f_bavail * fs.f_frsize < DISK_FULL_BELOW)
        return -ENOSPC;
    return e;
}

int store_commit(struct store_txn *t)
{
    struct kv *kv = &t->kv;
    if (kv->error == 0)
        seal_some(t);
    if (kv->error == 0 && t->counters_changed)
        txn_put_counters(kv, &t->counters);
    if (kv->error) {
        int e = kv->error;
        store_abort(t);
        return e;
    }
    int r = commit_error(kv->store, kv_errno(mdb_txn_commit(kv->txn)));
    txn_end(t, r == 0);
    return r;
}

void store_abort(struct store_txn *t)
{
    if (!t || !t->kv.txn)
        return;
    mdb_txn_abort(t->kv.txn);
    txn_end(t, false);
}

int store_txn_error(const struct store_txn *t)
{
    return t->kv.error;
}

size_t store_txn_bytes(const struct store_txn *t)
{
    return t->kv.bytes;
}

int store_view_begin(struct store *s, struct store_view **ret_view)
{
    struct store_view *v = calloc(1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    v->kv.store = s;
    int r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &v->kv.txn);
    if (r == MDB_READERS_FULL) {
        store_reader_check(s);
        r = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &v->kv.txn);
    }
    if (r != MDB_SUCCESS) {
        free(v);
        return kv_errno(r);
    }
    *ret_view = v;
    return 0;
}

void store_view_end(struct store_view *v)
{
    if (!v)
        return;
    mdb_txn_abort(v->kv.txn);
    pack_return(&v->kv.store->pack, v->kv.unpacker);
    free(v);
}
