#include "store/scan.h"

#include <stdlib.h>

#include "base/err.h"

#define SCAN_BUILT_MAX (256u << 20)

int scan_new(struct kv *kv, const struct filter *filter, const struct store_budget *budget,
             struct scan **ret)
{
    struct counters counters;
    int r = txn_get_counters(kv, &counters);
    if (r < 0)
        return r;
    struct scan *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->kv = kv;
    s->filter = filter;
    s->budget = *budget;
    s->sealed = counters.sealed;
    arena_init(&s->arena, 0);
    buf_init(&s->built, SCAN_BUILT_MAX);
    *ret = s;
    return 0;
}

void scan_free(struct scan *s)
{
    if (!s)
        return;
    filter_scratch_done(&s->scratch);
    arena_done(&s->arena);
    buf_done(&s->built);
    free(s);
}

int scan_check_budget(const struct scan *s)
{
    if (s->budget.max_rows && s->rows > s->budget.max_rows)
        return -VOC_E_BUDGET;
    if (s->budget.deadline && clock_mono(s->budget.clock) >= s->budget.deadline)
        return -VOC_E_BUDGET;
    return 0;
}

static bool any_row(const uint8_t *mask, size_t n)
{
    return memchr(mask, 1, n) != NULL;
}

/* s->mask says which rows are there. */
static int visit(struct scan *s, const struct block *b, scan_fn *fn, void *ctx)
{
    enum filter_verdict v = filter_block(s->filter, b);
    if (v == FILTER_NO_ROW || b->n == 0)
        return 0;
    if (v == FILTER_SOME_ROWS) {
        int r = filter_rows(s->filter, s->kv, b, &s->scratch, s->mask);
        if (r < 0)
            return r;
    }
    return any_row(s->mask, b->n) ? fn(ctx, b, s->mask) : 0;
}

static int visit_rows(struct scan *s, size_t n, scan_fn *fn, void *ctx)
{
    struct block b;
    buf_reset(&s->built);
    int r = block_build(s->seqs, s->facts, n, &s->built);
    if (r == 0)
        r = block_open(buf_span(&s->built), &b);
    if (r < 0)
        return r;
    memset(s->mask, 1, n);
    s->rows += n;
    r = visit(s, &b, fn, ctx);
    return r ? r : scan_check_budget(s);
}

static int begin_rows(struct scan *s)
{
    arena_reset(&s->arena);
    s->seqs = arena_alloc(&s->arena, FACT_BLOCK * sizeof(*s->seqs));
    s->facts = arena_alloc(&s->arena, FACT_BLOCK * sizeof(*s->facts));
    return s->seqs && s->facts ? 0 : -ENOMEM;
}

int scan_rows(struct scan *s, scan_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    size_t n = 0;
    kv_cursor_open(&c, s->kv, DBI_FACT);
    int r = begin_rows(s);
    for (bool ok = kv_seek(&c, SPAN_NONE); ok && r == 0; ok = kv_next(&c)) {
        r = fact_decode(c.value, &s->arena, &s->facts[n]);
        if (r < 0)
            return r;
        if (s->facts[n].flags & FACT_DELETED)
            continue;
        s->seqs[n++] = key_int_read(c.key);
        if (n == FACT_BLOCK) {
            r = visit_rows(s, n, fn, ctx);
            n = 0;
            if (r == 0)
                r = begin_rows(s);
        }
    }
    if (r == 0 && n)
        r = visit_rows(s, n, fn, ctx);
    return r ? r : c.error;
}

int scan_peek(struct scan *s, uint64_t number, struct block *ret)
{
    struct span bytes;
    int r = kv_get(s->kv, DBI_BLOCK, key_int(&number), &bytes);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    return block_open(bytes, ret);
}

/* Clears the rows of the block that others lie over. */
static int uncover(struct scan *s, uint64_t number, const struct block *b)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    uint64_t from = number * FACT_BLOCK, end = from + FACT_BLOCK;
    kv_cursor_open(&c, s->kv, DBI_FACT);
    for (bool ok = kv_seek(&c, key_int(&from)); ok; ok = kv_next(&c)) {
        uint64_t seq = key_int_read(c.key);
        size_t row;
        if (seq >= end)
            break;
        if (block_find(b, seq, &row) == 0)
            s->mask[row] = 0;
    }
    return c.error;
}

int scan_block(struct scan *s, uint64_t number, scan_fn *fn, void *ctx)
{
    struct block b;
    int r = scan_peek(s, number, &b);
    if (r < 0)
        return r;
    s->rows += b.n;
    if (filter_block(s->filter, &b) != FILTER_NO_ROW) {
        memset(s->mask, 1, b.n);
        r = uncover(s, number, &b);
        if (r == 0)
            r = visit(s, &b, fn, ctx);
    }
    return r ? r : scan_check_budget(s);
}

int scan_all(struct scan *s, scan_fn *fn, void *ctx)
{
    int r = scan_rows(s, fn, ctx);
    for (uint64_t number = 0; number < s->sealed && r == 0; number++)
        r = scan_block(s, number, fn, ctx);
    return r;
}
