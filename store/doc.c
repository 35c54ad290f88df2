#include "base/err.h"
#include "store/txn.h"

#define DOC_KEY_MAX (KEY_MAX - 1)

static enum dbi table_of(enum store_doc kind)
{
    return kind == STORE_DOC_DEAD_LETTER ? DBI_DEAD : DBI_DOC;
}

int store_doc_put(struct store_txn *t, enum store_doc kind, struct span key, struct span value)
{
    struct key k;
    if (t->kv.error)
        return t->kv.error;
    if (key.n > DOC_KEY_MAX)
        return -ENAMETOOLONG;
    key_doc(&k, (uint8_t)kind, key);
    return kv_put(&t->kv, table_of(kind), key_span(&k), value);
}

int store_doc_delete(struct store_txn *t, enum store_doc kind, struct span key)
{
    struct key k;
    if (t->kv.error || key.n > DOC_KEY_MAX)
        return t->kv.error;
    key_doc(&k, (uint8_t)kind, key);
    int r = kv_del(&t->kv, table_of(kind), key_span(&k));
    return r == -ENOENT ? 0 : r;
}

static int doc_get(struct kv *kv, enum store_doc kind, struct span key, struct arena *a,
                   struct span *ret_value)
{
    struct span value;
    struct key k;
    if (key.n > DOC_KEY_MAX)
        return -ENOENT;
    key_doc(&k, (uint8_t)kind, key);
    int r = kv_get(kv, table_of(kind), key_span(&k), &value);
    if (r < 0)
        return r;
    value = arena_dup(a, value);
    if (!value.p)
        return kv_fail(kv, -ENOMEM);
    *ret_value = value;
    return 0;
}

int store_doc_get(struct store_view *v, enum store_doc kind, struct span key, struct arena *a,
                  struct span *ret_value)
{
    return doc_get(&v->kv, kind, key, a, ret_value);
}

int store_txn_doc_get(struct store_txn *t, enum store_doc kind, struct span key, struct arena *a,
                      struct span *ret_value)
{
    return doc_get(&t->kv, kind, key, a, ret_value);
}

int store_doc_each(struct store_view *v, enum store_doc kind, struct span from, bool descending,
                   store_doc_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key prefix, start;
    key_doc(&prefix, (uint8_t)kind, SPAN_NONE);
    if (descending && !from.p)
        key_doc(&start, (uint8_t)(kind + 1), SPAN_NONE);
    else
        key_doc(&start, (uint8_t)kind, from);
    kv_cursor_open(&c, &v->kv, table_of(kind));
    bool ok = descending ? kv_seek_below(&c, key_span(&start)) : kv_seek(&c, key_span(&start));
    while (ok && key_has_prefix(c.key, &prefix)) {
        int r = fn(ctx, span_of(c.key.p + 1, c.key.n - 1), c.value);
        if (r)
            return r;
        ok = descending ? kv_prev(&c) : kv_next(&c);
    }
    return c.error;
}

int store_dead_trim(struct store_txn *t, struct span before, uint64_t max_bytes, size_t max,
                    struct store_trimmed *ret)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key first, floor;
    size_t n = 0;
    key_doc(&first, STORE_DOC_DEAD_LETTER, SPAN_NONE);
    key_doc(&floor, STORE_DOC_DEAD_LETTER, before);
    kv_cursor_open(&c, &t->kv, DBI_DEAD);
    for (bool ok = kv_seek(&c, key_span(&first)); ok && n < max; ok = kv_next(&c), n++) {
        bool aged = span_cmp(c.key, key_span(&floor)) < 0;
        if (!aged && (max_bytes == 0 || kv_bytes(&t->kv, DBI_DEAD) <= max_bytes))
            break;
        if (kv_cursor_del(&c) < 0)
            break;
        ret->aged += aged;
        ret->crowded += !aged;
    }
    return c.error ? c.error : t->kv.error;
}
