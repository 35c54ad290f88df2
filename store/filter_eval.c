#include "store/filter.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/rec.h"

void filter_scratch_done(struct filter_scratch *s)
{
    free(s->codes);
    *s = (struct filter_scratch){0};
}

/* --- by minima and maxima --- */

static enum filter_verdict ranges_verdict(const struct filter *f, const struct column *c)
{
    enum filter_verdict v = FILTER_NO_ROW;
    for (size_t i = 0; i < f->n_ranges; i++) {
        if (f->ranges[i].low <= c->min && c->max <= f->ranges[i].high)
            return FILTER_ALL_ROWS;
        if (f->ranges[i].low <= c->max && c->min <= f->ranges[i].high)
            v = FILTER_SOME_ROWS;
    }
    return v;
}

static enum filter_verdict codes_verdict(const struct code_set *s, const struct column *c)
{
    if (c->min > (int64_t)s->max || c->max < (int64_t)s->min)
        return FILTER_NO_ROW;
    if (c->min == c->max)
        return code_set_has(s, (uint32_t)c->min) ? FILTER_ALL_ROWS : FILTER_NO_ROW;
    return FILTER_SOME_ROWS;
}

static enum filter_verdict terms_verdict(const struct code_set *s, const struct column *c)
{
    bool apart = c->n == 0 || c->min > (int64_t)s->max || c->max < (int64_t)s->min;
    return apart ? FILTER_NO_ROW : FILTER_SOME_ROWS;
}

static enum filter_verdict both(enum filter_verdict a, enum filter_verdict b)
{
    return a < b ? a : b;
}

static enum filter_verdict either(enum filter_verdict a, enum filter_verdict b)
{
    return a > b ? a : b;
}

enum filter_verdict filter_block(const struct filter *f, const struct block *b)
{
    if (!f)
        return FILTER_ALL_ROWS;
    switch (f->op) {
    case FILTER_AND:
        return both(filter_block(f->left, b), filter_block(f->right, b));
    case FILTER_OR:
        return either(filter_block(f->left, b), filter_block(f->right, b));
    case FILTER_NOT:
        return (enum filter_verdict)(FILTER_ALL_ROWS - filter_block(f->left, b));
    case FILTER_RANGES:
        return ranges_verdict(f, &b->col[f->column]);
    case FILTER_CODES:
        return codes_verdict(&f->set, &b->col[f->column]);
    case FILTER_TERMS:
        return terms_verdict(&f->set, &b->col[COL_TERM + f->multi]);
    default:
        return FILTER_SOME_ROWS;
    }
}

/* --- row by row: each leaf turns candidates that do not pass to 0 --- */

static void rows_in_ranges(const struct filter *f, const struct block *b, uint8_t *mask)
{
    int64_t v[FACT_BLOCK];
    uint8_t in[FACT_BLOCK] = {0};
    column_read_i64(&b->col[f->column], b->n, v);
    for (size_t r = 0; r < f->n_ranges; r++) {
        int64_t low = f->ranges[r].low, high = f->ranges[r].high;
        for (size_t i = 0; i < b->n; i++)
            in[i] |= (v[i] >= low) & (v[i] <= high);
    }
    for (size_t i = 0; i < b->n; i++)
        mask[i] &= in[i];
}

static void rows_in_set(const struct filter *f, const struct block *b, uint8_t *mask)
{
    const struct code_set *s = &f->set;
    uint32_t v[FACT_BLOCK];
    column_read_u32(&b->col[f->column], 0, b->n, v);
    if (s->min == s->max) {
        for (size_t i = 0; i < b->n; i++)
            mask[i] &= v[i] == s->min;
        return;
    }
    for (size_t i = 0; i < b->n; i++)
        mask[i] &= code_set_has(s, v[i]);
}

static void rows_with_flag(const struct filter *f, const struct block *b, uint8_t *mask)
{
    uint32_t v[FACT_BLOCK];
    column_read_u32(&b->col[COL_FLAGS], 0, b->n, v);
    for (size_t i = 0; i < b->n; i++)
        mask[i] &= ((v[i] & f->flag) != 0) == f->wanted;
}

static int read_codes(const struct column *c, struct filter_scratch *s)
{
    if (s->room < c->n) {
        uint32_t *codes = realloc(s->codes, c->n * sizeof(*codes));
        if (!codes)
            return -ENOMEM;
        s->codes = codes;
        s->room = c->n;
    }
    if (c->n)
        column_read_u32(c, 0, c->n, s->codes);
    return 0;
}

static int rows_with_term(const struct filter *f, const struct block *b, struct filter_scratch *s,
                          uint8_t *mask)
{
    const struct column *terms = &b->col[COL_TERM + f->multi];
    uint32_t offset[FACT_BLOCK + 1];
    int r = read_codes(terms, s);
    if (r < 0)
        return r;
    column_read_u32(&b->col[COL_OFFSET + f->multi], 0, b->n + 1, offset);
    for (size_t i = 0; i < b->n; i++) {
        uint8_t any = 0;
        if (offset[i] > offset[i + 1] || offset[i + 1] > terms->n)
            return -VOC_E_CORRUPT;
        for (uint32_t j = offset[i]; j < offset[i + 1]; j++)
            any |= code_set_has(&f->set, s->codes[j]);
        mask[i] &= any;
    }
    return 0;
}

static int rows_by_record(const struct filter *f, struct kv *kv, const struct block *b,
                          uint8_t *mask)
{
    struct arena a;
    struct stored s;
    int r = 0;
    arena_init(&a, 0);
    for (size_t i = 0; i < b->n && r == 0; i++) {
        if (!mask[i])
            continue;
        arena_reset(&a);
        r = rec_read(kv, (uint64_t)column_at(&b->col[COL_SEQ], i), false, &a, &s);
        if (r == 0)
            mask[i] = where_test_text(f->test, s.feedback.conversation);
    }
    arena_done(&a);
    return r == -ENOENT ? -VOC_E_CORRUPT : r;
}

static int rows_or(const struct filter *f, struct kv *kv, const struct block *b,
                   struct filter_scratch *s, uint8_t *mask)
{
    uint8_t right[FACT_BLOCK];
    memcpy(right, mask, b->n);
    int r = filter_rows(f->left, kv, b, s, mask);
    if (r < 0)
        return r;
    for (size_t i = 0; i < b->n; i++)
        right[i] &= !mask[i]; /* what the left let in need not be asked again */
    r = filter_rows(f->right, kv, b, s, right);
    for (size_t i = 0; i < b->n; i++)
        mask[i] |= right[i];
    return r;
}

static int rows_not(const struct filter *f, struct kv *kv, const struct block *b,
                    struct filter_scratch *s, uint8_t *mask)
{
    uint8_t pass[FACT_BLOCK];
    memcpy(pass, mask, b->n);
    int r = filter_rows(f->left, kv, b, s, pass);
    for (size_t i = 0; i < b->n; i++)
        mask[i] &= !pass[i];
    return r;
}

int filter_rows(const struct filter *f, struct kv *kv, const struct block *b,
                struct filter_scratch *s, uint8_t *mask)
{
    int r = 0;
    switch (f->op) {
    case FILTER_AND:
        r = filter_rows(f->left, kv, b, s, mask);
        return r < 0 ? r : filter_rows(f->right, kv, b, s, mask);
    case FILTER_OR:
        return rows_or(f, kv, b, s, mask);
    case FILTER_NOT:
        return rows_not(f, kv, b, s, mask);
    case FILTER_RANGES:
        rows_in_ranges(f, b, mask);
        break;
    case FILTER_CODES:
        rows_in_set(f, b, mask);
        break;
    case FILTER_FLAG:
        rows_with_flag(f, b, mask);
        break;
    case FILTER_TERMS:
        r = rows_with_term(f, b, s, mask);
        break;
    case FILTER_RECORD:
        r = rows_by_record(f, kv, b, mask);
        break;
    }
    return r;
}
