#include "base/err.h"
#include "store/txn.h"

/* Entries are numbered from 1, so 0 is below the first of a log. */
static bool last_entry(struct kv_cursor *c, enum store_log log)
{
    struct key prefix, end;
    key_log(&prefix, (uint8_t)log, 0);
    prefix.n = 1;
    key_log(&end, (uint8_t)(log + 1), 0);
    return kv_seek_below(c, key_span(&end)) && key_has_prefix(c->key, &prefix);
}

int store_log_append(struct store_txn *t, enum store_log log, struct span entry, uint64_t *ret_n)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key k;
    kv_cursor_open(&c, &t->kv, DBI_LOG);
    uint64_t n = last_entry(&c, log) ? key_read_u64(c.key, 1) + 1 : 1;
    if (c.error)
        return c.error;
    key_log(&k, (uint8_t)log, n);
    int r = kv_put(&t->kv, DBI_LOG, key_span(&k), entry);
    if (r == 0 && ret_n)
        *ret_n = n;
    return r;
}

int store_log_last(struct store_txn *t, enum store_log log, struct arena *a, uint64_t *ret_n,
                   struct span *ret_entry)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct span entry = SPAN_NONE;
    kv_cursor_open(&c, &t->kv, DBI_LOG);
    bool any = last_entry(&c, log);
    if (c.error)
        return c.error;
    if (any) {
        entry = arena_dup(a, c.value);
        if (!entry.p)
            return kv_fail(&t->kv, -ENOMEM);
    }
    *ret_n = any ? key_read_u64(c.key, 1) : 0;
    *ret_entry = entry;
    return 0;
}

int store_log_each(struct store_view *v, enum store_log log, uint64_t from, bool descending,
                   store_log_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    struct key prefix, start;
    key_log(&prefix, (uint8_t)log, 0);
    prefix.n = 1;
    key_log(&start, (uint8_t)log, descending && from == 0 ? UINT64_MAX : from);
    kv_cursor_open(&c, &v->kv, DBI_LOG);
    bool ok = descending ? kv_seek_below(&c, key_span(&start)) : kv_seek(&c, key_span(&start));
    while (ok && key_has_prefix(c.key, &prefix)) {
        int r = fn(ctx, key_read_u64(c.key, 1), c.value);
        if (r)
            return r;
        ok = descending ? kv_prev(&c) : kv_next(&c);
    }
    return c.error;
}
