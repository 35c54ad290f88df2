/* query: filters, lists and sums over the facts. Included through store.h.
 *
 * A fact is the row of fields one filters, groups or counts by. Sealed blocks of rows are kept as
 * columns with minima and maxima; newer rows and corrections lie over them. A query scans only the
 * columns it needs. Times are UTC ms; bucket bounds come from the caller, who knows time zones.
 * Every function takes a budget and gives -VOC_E_BUDGET when it is used up. */
#ifndef VOC_STORE_QUERY_H
#define VOC_STORE_QUERY_H

#include "base/arena.h"
#include "base/record.h"
#include "base/where.h"

struct store_view;
struct stored;

struct store_budget {
    uint64_t max_rows;         /* rows looked at; 0: no limit */
    int64_t deadline;          /* by clock->mono_ms; 0: none */
    const struct clock *clock; /* needed with a deadline */
};

/* --- lists: newest created_at first --- */
struct store_cursor { /* position after which to go on; {INT64_MAX, UINT64_MAX} is the start */
    int64_t created_at;
    uint64_t seq;
};
/* The record's title, text and turns as whoever asks may see them, made in `a`; the rest of *ret is
 * not looked at. 0 or -errno. */
typedef int store_shown_fn(void *ctx, const struct stored *s, struct arena *a,
                           struct feedback *ret);
struct store_list_query {
    const struct where *where; /* NULL: all */
    int64_t now;
    int64_t from, to; /* [from, to) on created_at; NO_TIME / INT64_MAX open */
    struct span q; /* words to find in title, text, turns (case folded substring); absent: none */
    /* Not NULL: the words must be in what this gives, too, before a row counts for anything. */
    store_shown_fn *shown;
    void *shown_ctx;
    struct store_cursor after;
    size_t limit; /* 1..1000 */
    struct store_budget budget;
};
/* Calls fn for up to `limit` records, which live in `a`. *ret_next is where to go on, *ret_more
 * whether there is any more (with a budget used up: more, from *ret_next; then 0 is returned). */
int store_list(struct store_view *v, const struct store_list_query *q, struct arena *a,
               int (*fn)(void *ctx, const struct stored *s), void *ctx,
               struct store_cursor *ret_next, bool *ret_more);

/* --- facts one by one: seeding of alert rules, exports --- */
struct store_fact {
    uint64_t seq;
    int64_t created_at;
    enum sentiment sentiment;
    double polarity; /* with sentiment != NONE */
    struct scaled rating, csat, nps, ces;
    bool surveyed, answered, backfill;
    const void *row; /* for store_fact_values() */
};
typedef int store_fact_fn(void *ctx, const struct store_fact *f);
/* Every matching fact with created_at in [from, to), in no promised order. */
int store_facts(struct store_view *v, const struct where *w, int64_t now, int64_t from, int64_t to,
                const struct store_budget *budget, store_fact_fn *fn, void *ctx);
/* The values of a field of one fact as text, at most max; returns how many (0: none). Only for
 * fields of text, multi and number type. */
size_t store_fact_values(struct store_view *v, const struct store_fact *f, enum where_field field,
                         struct span key, struct arena *a, struct span *values, size_t max);

/* --- trends --- */
enum store_want {                      /* what to add up besides rows */
                  STORE_SENTIMENT = 1, /* negative, neutral, positive, polarity */
                  STORE_CSAT = 2,
                  STORE_NPS = 4,
                  STORE_CES = 8,
                  STORE_RATING = 16,
                  STORE_RESPONSE = 32,
                  STORE_CONVERSATIONS = 64,
                  STORE_CUSTOMERS = 128,
};
struct store_moments {
    uint64_t n;
    double sum, sum2;
};
struct store_sums {
    uint64_t rows;
    uint64_t negative, neutral, positive;
    struct store_moments polarity;
    uint64_t csat_n,
        csat_top; /* top: value > scale - 2 + 1e-9, the top two of a whole-number scale */
    uint64_t nps_n, promoters, detractors; /* >= 9, <= 6 of 10 */
    struct store_moments ces, rating;      /* ces: value as given; rating: value / scale */
    uint64_t surveyed, answered;
    uint64_t conversations, customers; /* distinct, by 64-bit id hash / customer */
};
struct store_trend_query {
    const struct where *where;
    int64_t now;
    int by;                /* enum where_field, or -1: one series with key "all" */
    struct span by_key;    /* attributes.KEY, experiments.KEY */
    const int64_t *bounds; /* n_buckets + 1 ascending bounds; rows outside are left out */
    size_t n_buckets;      /* 1 .. 4,096 */
    unsigned want;
    size_t max_keys; /* the largest by total rows are kept; the rest is counted in *other */
    struct store_budget budget;
};
struct store_series {
    struct span key; /* "" for rows without a value of `by` */
    struct store_sums total;
    const struct store_sums *points; /* n_buckets */
};
struct store_trend {
    const struct store_series *series; /* by total rows descending, then key */
    size_t n_series;
    const struct store_sums *all; /* n_buckets, every matching row once: what `share` divides by */
    struct store_sums total;
    size_t dropped_keys; /* beyond max_keys */
    uint64_t rows_scanned;
};
/* 0, -VOC_E_BUDGET, -EINVAL (by a time or free number field), -ENOMEM. Result in `a`. A row with
 * several values of `by` counts in each; category keys are counted with their parents ("delivery"
 * counts delivery/late once). */
int store_trend(struct store_view *v, const struct store_trend_query *q, struct arena *a,
                struct store_trend *ret);

#endif
