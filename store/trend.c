#include <stdlib.h>

#include "base/err.h"
#include "store/group.h"
#include "store/scaled.h"
#include "store/scan.h"
#include "store/sums.h"

/* Groups of the `by` field become series. Few possible groups are added up in one pass; of many, a
 * first pass counts rows per group and only the largest get series in the second. Series 0 is every
 * matching row once. */

#define TREND_BUCKETS_MAX 4096
#define TREND_ONE_PASS_MAX 4096 /* groups */

struct trend {
    const struct store_trend_query *q;
    struct scan *scan;
    struct arena scratch;
    struct grouping groups;
    bool grouped;
    /* counting pass */
    uint64_t *rows_of; /* malloc'd, per group */
    size_t rows_of_room;
    /* summing pass */
    uint32_t *series_of; /* per group; 0: left out */
    uint32_t *group_of;  /* per series */
    size_t n_series;     /* with series 0 */
    struct sums *sums;
    struct idmap distinct;
    uint64_t *conversations, *customers; /* per series: n_buckets, then the total */
    size_t dropped;
    uint64_t rows_scanned;
    /* of the block being added */
    const struct block *block;
    uint32_t bucket[FACT_BLOCK];
    int64_t times[FACT_BLOCK];
    uint32_t customer[FACT_BLOCK];
    int64_t conversation[FACT_BLOCK];
    uint32_t cells[GROUP_CHUNK];
};

/* --- buckets --- */

/* The last bound not after t. Without a branch to guess: history comes in any order. */
static size_t find_bucket(const int64_t *bounds, size_t n, int64_t t)
{
    size_t at = 0;
    while (n > 1) {
        size_t half = n / 2;
        at += bounds[at + half] <= t ? half : 0;
        n -= half;
    }
    return at;
}

/* Selected rows lie within the bounds: the filter saw to that. */
static void find_buckets(struct trend *t, const struct block *b, const uint8_t *mask)
{
    const int64_t *bounds = t->q->bounds;
    size_t at = 0;
    column_read_i64(&b->col[COL_CREATED], b->n, t->times);
    for (size_t i = 0; i < b->n; i++) {
        if (!mask[i])
            continue;
        if (t->times[i] < bounds[at] || t->times[i] >= bounds[at + 1])
            at = find_bucket(bounds, t->q->n_buckets, t->times[i]);
        t->bucket[i] = (uint32_t)at;
    }
}

/* --- the counting pass --- */

static int grow_rows(struct trend *t)
{
    size_t need = t->groups.n_groups, room = t->rows_of_room ? t->rows_of_room : 1024;
    while (room < need)
        room *= 2;
    if (room == t->rows_of_room)
        return 0;
    uint64_t *rows = realloc(t->rows_of, room * sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    memset(rows + t->rows_of_room, 0, (room - t->rows_of_room) * sizeof(*rows));
    t->rows_of = rows;
    t->rows_of_room = room;
    return 0;
}

static int count_chunk(void *ctx, const uint32_t *rows, const uint32_t *groups, size_t n)
{
    struct trend *t = ctx;
    (void)rows;
    int r = grow_rows(t);
    for (size_t i = 0; i < n && r == 0; i++)
        t->rows_of[groups[i]]++;
    return r;
}

static int count_block(void *ctx, const struct block *b, const uint8_t *mask)
{
    struct trend *t = ctx;
    return group_rows(&t->groups, b, mask, count_chunk, t);
}

struct ranked {
    uint64_t rows;
    uint32_t group;
    struct span key;
};

static int largest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows < y->rows ? 1 : -1;
    return span_cmp(x->key, y->key);
}

static int rank_groups(struct trend *t, struct ranked **ret, size_t *ret_n)
{
    size_t n = 0;
    for (size_t g = 0; g < t->groups.n_groups; g++)
        n += t->rows_of[g] > 0;
    struct ranked *v = arena_array(&t->scratch, n, sizeof(*v));
    if (!v)
        return -ENOMEM;
    n = 0;
    for (uint32_t g = 0; g < t->groups.n_groups; g++) {
        if (!t->rows_of[g])
            continue;
        v[n] = (struct ranked){.rows = t->rows_of[g], .group = g};
        int r = group_key(&t->groups, g, &t->scratch, &v[n++].key);
        if (r < 0)
            return r;
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), largest_first);
    *ret = v;
    *ret_n = n;
    return 0;
}

static int alloc_series(struct trend *t, size_t n_groups, size_t n_series)
{
    t->series_of = arena_array(&t->scratch, n_groups, sizeof(*t->series_of));
    t->group_of = arena_array(&t->scratch, n_series + 1, sizeof(*t->group_of));
    return t->series_of && t->group_of ? 0 : -ENOMEM;
}

static int choose_largest(struct trend *t)
{
    struct ranked *v = NULL;
    size_t n = 0;
    int r = grow_rows(t);
    if (r == 0)
        r = scan_all(t->scan, count_block, t);
    if (r == 0)
        r = grow_rows(t);
    if (r == 0)
        r = rank_groups(t, &v, &n);
    size_t kept = r == 0 && n > t->q->max_keys ? t->q->max_keys : n;
    if (r == 0)
        r = alloc_series(t, t->groups.n_groups, kept);
    if (r < 0)
        return r;
    for (size_t i = 0; i < kept; i++) {
        t->series_of[v[i].group] = (uint32_t)(i + 1);
        t->group_of[i + 1] = v[i].group;
    }
    t->n_series = kept + 1;
    t->dropped = n - kept;
    return 0;
}

static int take_all(struct trend *t)
{
    uint32_t n = t->groups.n_groups;
    int r = alloc_series(t, n, n);
    for (uint32_t g = 0; g < n && r == 0; g++) {
        t->series_of[g] = g + 1;
        t->group_of[g + 1] = g;
    }
    t->n_series = (size_t)n + 1;
    return r;
}

static bool one_pass(const struct trend *t)
{
    size_t n = t->groups.n_groups;
    return t->groups.how != GROUP_BY_CONVERSATION && n <= t->q->max_keys &&
           n <= TREND_ONE_PASS_MAX && sums_fit(t->q->want, (n + 1) * t->q->n_buckets);
}

static int choose_series(struct trend *t)
{
    t->n_series = 1;
    if (!t->grouped)
        return 0;
    return one_pass(t) ? take_all(t) : choose_largest(t);
}

/* --- the summing pass --- */

static int count_distinct(struct trend *t, unsigned what, uint64_t id, uint32_t series,
                          uint32_t bucket, uint64_t *counts)
{
    uint32_t per = (uint32_t)t->q->n_buckets + 1, total = series * per + per - 1;
    uint32_t cell = series * per + bucket;
    if (!id)
        return 0;
    if (what == STORE_CUSTOMERS) /* codes and hashes share the map: apart by the sign of the cell */
        cell |= UINT32_C(1) << 31;
    int r = idmap_put(&t->distinct, id, cell, 1, NULL);
    if (r <= 0)
        return r;
    counts[series * per + bucket]++;
    r = idmap_put(&t->distinct, id, what == STORE_CUSTOMERS ? total | UINT32_C(1) << 31 : total, 1,
                  NULL);
    if (r > 0)
        counts[total]++;
    return r < 0 ? r : 0;
}

static int add_distinct(struct trend *t, const uint32_t *rows, const uint32_t *series, size_t n)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0 && t->conversations; i++)
        r = count_distinct(t, STORE_CONVERSATIONS, (uint64_t)t->conversation[rows[i]], series[i],
                           t->bucket[rows[i]], t->conversations);
    for (size_t i = 0; i < n && r == 0 && t->customers; i++)
        r = count_distinct(t, STORE_CUSTOMERS, t->customer[rows[i]], series[i], t->bucket[rows[i]],
                           t->customers);
    return r;
}

static int add_pairs(struct trend *t, const uint32_t *rows, const uint32_t *series, size_t n)
{
    for (size_t i = 0; i < n; i++)
        t->cells[i] = series[i] * (uint32_t)t->q->n_buckets + t->bucket[rows[i]];
    sums_add(t->sums, rows, t->cells, n);
    return add_distinct(t, rows, series, n);
}

static int sum_chunk(void *ctx, const uint32_t *rows, const uint32_t *groups, size_t n)
{
    struct trend *t = ctx;
    uint32_t kept_rows[GROUP_CHUNK], series[GROUP_CHUNK];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        kept_rows[kept] = rows[i];
        series[kept] = t->series_of[groups[i]];
        kept += series[kept] != 0;
    }
    return add_pairs(t, kept_rows, series, kept);
}

static int sum_everything(struct trend *t, const uint8_t *mask, size_t n)
{
    static const uint32_t zeros[FACT_BLOCK];
    uint32_t rows[FACT_BLOCK];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        rows[kept] = (uint32_t)i;
        kept += mask[i];
    }
    return add_pairs(t, rows, zeros, kept);
}

static int sum_block(void *ctx, const struct block *b, const uint8_t *mask)
{
    struct trend *t = ctx;
    find_buckets(t, b, mask);
    sums_block(t->sums, b);
    if (t->customers)
        column_read_u32(&b->col[COL_CUSTOMER], 0, b->n, t->customer);
    if (t->conversations)
        column_read_i64(&b->col[COL_CONVERSATION], b->n, t->conversation);
    int r = sum_everything(t, mask, b->n);
    if (r == 0 && t->grouped)
        r = group_rows(&t->groups, b, mask, sum_chunk, t);
    return r;
}

static int alloc_counts(struct trend *t, unsigned what, uint64_t **ret)
{
    size_t n = t->n_series * (t->q->n_buckets + 1);
    if (!(t->q->want & what))
        return 0;
    if (n >= UINT32_C(1) << 31)
        return -VOC_E_BUDGET;
    *ret = arena_array(&t->scratch, n, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

static int sum_up(struct trend *t)
{
    struct scaled_table scaled;
    size_t cells;
    int r = scaled_load(t->scan->kv, &t->scratch, &scaled);
    if (__builtin_mul_overflow(t->n_series, t->q->n_buckets, &cells) || cells > UINT32_MAX)
        return -VOC_E_BUDGET;
    if (r == 0)
        r = sums_new(t->q->want, cells, scaled, &t->sums);
    if (r == 0)
        r = alloc_counts(t, STORE_CONVERSATIONS, &t->conversations);
    if (r == 0)
        r = alloc_counts(t, STORE_CUSTOMERS, &t->customers);
    if (r == 0)
        r = scan_all(t->scan, sum_block, t);
    t->rows_scanned = t->scan->rows;
    return r;
}

/* --- the answer --- */

static void read_distinct(const struct trend *t, size_t series, size_t bucket,
                          struct store_sums *to)
{
    size_t at = series * (t->q->n_buckets + 1) + bucket;
    if (t->conversations)
        to->conversations = t->conversations[at];
    if (t->customers)
        to->customers = t->customers[at];
}

static int read_series(const struct trend *t, size_t series, struct arena *a,
                       struct store_series *ret)
{
    struct store_sums *points = arena_array(a, t->q->n_buckets, sizeof(*points));
    if (!points)
        return -ENOMEM;
    for (size_t b = 0; b < t->q->n_buckets; b++) {
        size_t cell = series * t->q->n_buckets + b;
        sums_read(t->sums, cell, &points[b]);
        sums_read(t->sums, cell, &ret->total);
        read_distinct(t, series, b, &points[b]);
    }
    read_distinct(t, series, t->q->n_buckets, &ret->total);
    ret->points = points;
    return 0;
}

static uint64_t series_rows(const struct trend *t, size_t series)
{
    uint64_t rows = 0;
    for (size_t b = 0; b < t->q->n_buckets; b++)
        rows += t->sums->cells[(series * t->q->n_buckets + b) * t->sums->stride].n;
    return rows;
}

static int by_size(const void *a, const void *b)
{
    const struct store_series *x = a, *y = b;
    if (x->total.rows != y->total.rows)
        return x->total.rows < y->total.rows ? 1 : -1;
    return span_cmp(x->key, y->key);
}

static int answer_groups(struct trend *t, struct arena *a, struct store_trend *out)
{
    struct store_series *series = arena_array(a, t->n_series, sizeof(*series));
    size_t n = 0;
    if (!series)
        return -ENOMEM;
    for (size_t s = 1; s < t->n_series; s++) {
        if (!series_rows(t, s))
            continue;
        int r = group_key(&t->groups, t->group_of[s], a, &series[n].key);
        if (r == 0)
            r = read_series(t, s, a, &series[n++]);
        if (r < 0)
            return r;
    }
    if (n > 1)
        qsort(series, n, sizeof(*series), by_size);
    out->series = series;
    out->n_series = n;
    return 0;
}

static int answer(struct trend *t, struct arena *a, struct store_trend *ret)
{
    struct store_series *all = arena_array(a, 1, sizeof(*all));
    struct store_trend out = {.dropped_keys = t->dropped, .rows_scanned = t->rows_scanned};
    int r = all ? read_series(t, 0, a, all) : -ENOMEM;
    if (r == 0 && t->grouped)
        r = answer_groups(t, a, &out);
    if (r < 0)
        return r;
    out.all = all->points;
    out.total = all->total;
    if (!t->grouped) {
        all->key = SPAN_LIT("all");
        out.series = all;
        out.n_series = 1;
    }
    *ret = out;
    return 0;
}

static int check_query(const struct store_trend_query *q)
{
    if (q->n_buckets < 1 || q->n_buckets > TREND_BUCKETS_MAX || q->by >= WF_COUNT)
        return -EINVAL;
    for (size_t i = 0; i < q->n_buckets; i++)
        if (q->bounds[i] >= q->bounds[i + 1])
            return -EINVAL;
    return 0;
}

static int run(struct store_view *v, struct trend *t, struct arena *a, struct store_trend *ret)
{
    const struct store_trend_query *q = t->q;
    const struct filter *filter;
    int r = filter_compile(&v->kv, q->where, q->now, q->bounds[0], q->bounds[q->n_buckets],
                           &t->scratch, &filter);
    if (r == 0)
        r = scan_new(&v->kv, filter, &q->budget, &t->scan);
    if (r == 0 && q->by >= 0) {
        r = group_init(&v->kv, q->by, q->by_key, &t->scratch, &t->groups);
        t->grouped = r == 0;
    }
    if (r == 0)
        r = choose_series(t);
    if (r == 0)
        r = sum_up(t);
    return r < 0 ? r : answer(t, a, ret);
}

int store_trend(struct store_view *v, const struct store_trend_query *q, struct arena *a,
                struct store_trend *ret)
{
    int r = check_query(q);
    if (r < 0)
        return r;
    struct trend *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->q = q;
    arena_init(&t->scratch, (size_t)1 << 30);
    r = run(v, t, a, ret);
    if (t->grouped)
        group_done(&t->groups);
    sums_free(t->sums);
    idmap_done(&t->distinct);
    free(t->rows_of);
    scan_free(t->scan);
    arena_done(&t->scratch);
    free(t);
    return r;
}
