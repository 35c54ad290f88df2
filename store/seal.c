#include "store/seal.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/block.h"
#include "store/txn.h"

#define SEAL_BLOCKS_MAX 2   /* new blocks per commit: a batch has fewer records than one block */
#define RESEAL_BLOCKS_MAX 4 /* overlaid blocks rewritten per commit */
#define RESEAL_ROWS 512u    /* overlay of a block from which on it is rewritten */

/* The facts of one block's numbers being put together. */
struct rows {
    uint64_t *seqs;
    struct fact *facts;
    size_t n;
};

static int rows_init(struct rows *r, struct arena *a)
{
    r->seqs = arena_alloc(a, FACT_BLOCK * sizeof(*r->seqs));
    r->facts = arena_alloc(a, FACT_BLOCK * sizeof(*r->facts));
    r->n = 0;
    return r->seqs && r->facts ? 0 : -ENOMEM;
}

static void rows_add(struct rows *r, uint64_t seq, const struct fact *f)
{
    if ((f->flags & FACT_DELETED) || r->n == FACT_BLOCK)
        return;
    r->seqs[r->n] = seq;
    r->facts[r->n++] = *f;
}

/* The rows of the old block below `seq`, from *at on; `seq` itself is replaced by its overlay. */
static int take_old(const struct block *old, size_t *at, uint64_t seq, struct arena *a,
                    struct rows *rows)
{
    struct fact f;
    for (; *at < old->n; ++*at) {
        uint64_t s = (uint64_t)column_at(&old->col[COL_SEQ], *at);
        if (s >= seq) {
            *at += s == seq;
            break;
        }
        int r = block_row(old, *at, a, &f);
        if (r < 0)
            return r;
        rows_add(rows, s, &f);
    }
    return 0;
}

static int merge(struct store_txn *t, uint64_t number, const struct block *old, struct arena *a,
                 struct rows *rows)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    uint64_t from = number * FACT_BLOCK, end = from + FACT_BLOCK;
    struct fact f;
    size_t at = 0;
    int r = 0;
    kv_cursor_open(&c, &t->kv, DBI_FACT);
    for (bool ok = kv_seek(&c, key_int(&from)); ok && r == 0; ok = kv_next(&c)) {
        uint64_t seq = key_int_read(c.key);
        if (seq >= end)
            break;
        r = take_old(old, &at, seq, a, rows);
        if (r == 0)
            r = fact_decode(c.value, a, &f);
        if (r == 0)
            rows_add(rows, seq, &f);
    }
    if (r == 0)
        r = take_old(old, &at, UINT64_MAX, a, rows);
    return r ? r : c.error;
}

static int delete_rows(struct store_txn *t, uint64_t number)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    uint64_t from = number * FACT_BLOCK, end = from + FACT_BLOCK;
    kv_cursor_open(&c, &t->kv, DBI_FACT);
    for (bool ok = kv_seek(&c, key_int(&from)); ok && key_int_read(c.key) < end; ok = kv_next(&c))
        if (kv_cursor_del(&c) < 0)
            break;
    return c.error;
}

/* Writes the block of this number anew from the old one and the rows that lie over it. */
static int seal_block(struct store_txn *t, uint64_t number)
{
    struct arena *a = &t->scratch;
    struct block old = {0};
    struct rows rows;
    struct span bytes;
    arena_reset(a);
    int r = rows_init(&rows, a);
    if (r == 0) {
        r = kv_get(&t->kv, DBI_BLOCK, key_int(&number), &bytes);
        r = r == -ENOENT ? 0 : r < 0 ? r : block_open(bytes, &old);
    }
    if (r == 0)
        r = merge(t, number, &old, a, &rows);
    buf_reset(&t->value);
    if (r == 0)
        r = block_build(rows.seqs, rows.facts, rows.n, &t->value);
    if (r == 0)
        r = delete_rows(t, number);
    if (r == 0)
        r = kv_put(&t->kv, DBI_BLOCK, key_int(&number), buf_span(&t->value));
    arena_reset(a);
    return r < 0 ? kv_fail(&t->kv, r) : 0;
}

static bool much_overlaid(struct store_txn *t, uint64_t number)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    uint64_t from = number * FACT_BLOCK, end = from + FACT_BLOCK;
    size_t n = 0;
    kv_cursor_open(&c, &t->kv, DBI_FACT);
    for (bool ok = kv_seek(&c, key_int(&from)); ok && key_int_read(c.key) < end; ok = kv_next(&c))
        if (++n >= RESEAL_ROWS)
            return true;
    return false;
}

void seal_some(struct store_txn *t)
{
    size_t budget = SEAL_BLOCKS_MAX;
    uint64_t full = (t->counters.seq + 1) / FACT_BLOCK;
    while (t->kv.error == 0 && budget && t->counters.sealed < full) {
        if (seal_block(t, t->counters.sealed) == 0)
            t->counters.sealed++;
        t->counters_changed = true;
        budget--;
    }
    budget = RESEAL_BLOCKS_MAX;
    for (size_t i = 0; i < t->n_touched && budget && t->kv.error == 0; i++) {
        if (much_overlaid(t, t->touched[i])) {
            seal_block(t, t->touched[i]);
            budget--;
        }
    }
    /* More blocks may have been touched than were remembered: look at one more in turn. */
    uint64_t *next = &t->kv.store->reseal_next;
    if (budget && t->counters.sealed && t->kv.error == 0) {
        *next = *next % t->counters.sealed;
        if (much_overlaid(t, *next))
            seal_block(t, *next);
        ++*next;
    }
}
