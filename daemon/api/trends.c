/* GET /v1/trends: one measure over time, by at most one field, with the period before it beside it.
 * Every number carries n and a 95 % interval. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/api/api.h"
#include "daemon/api/export.h"
#include "daemon/api/query.h"
#include "daemon/core/zone.h"
#include "daemon/format/csv_out.h"
#include "daemon/stats.h"

static const double LEVEL = 0.95;
enum {
    MAX_BUCKETS = 4096,
    DEFAULT_KEYS = 50,
    MAX_KEYS = 1000,
    MAX_POINTS = DEFAULT_KEYS * MAX_BUCKETS, /* of all series together */
};

/* measure, code, what store adds up for it */
#define MEASURES(X)                                                                                \
    X(M_COUNT, "count", 0)                                                                         \
    X(M_CONVERSATIONS, "conversations", STORE_CONVERSATIONS)                                       \
    X(M_CUSTOMERS, "customers", STORE_CUSTOMERS)                                                   \
    X(M_SHARE, "share", 0)                                                                         \
    X(M_NEGATIVE_RATE, "negative_rate", STORE_SENTIMENT)                                           \
    X(M_POSITIVE_RATE, "positive_rate", STORE_SENTIMENT)                                           \
    X(M_NET_SENTIMENT, "net_sentiment", STORE_SENTIMENT)                                           \
    X(M_POLARITY, "polarity", STORE_SENTIMENT)                                                     \
    X(M_CSAT, "csat", STORE_CSAT)                                                                  \
    X(M_NPS, "nps", STORE_NPS)                                                                     \
    X(M_CES, "ces", STORE_CES)                                                                     \
    X(M_RATING, "rating", STORE_RATING)                                                            \
    X(M_RESPONSE_RATE, "response_rate", STORE_RESPONSE)

#define X(id, code, want) id,
enum measure { MEASURES(X) M_COUNT_OF };
#undef X
#define X(id, code, want) {code, want},
static const struct {
    const char *code;
    unsigned want;
} measures[] = {MEASURES(X)};
#undef X

struct period {
    int64_t from, to;
    int64_t *bounds; /* what is counted: [bounds[i], bounds[i+1]) */
    int64_t *labels; /* where the bucket begins on the calendar */
    size_t n;
};
struct trend_request {
    enum measure measure;
    int by;
    struct span by_name, by_key;
    struct span bucket; /* absent: totals only */
    struct period now, before;
    bool compare;
    struct where *where;
    int64_t max_keys;
};

static struct stats_interval exact(uint64_t count)
{
    double v = (double)count;
    return (struct stats_interval){v, v, v};
}

static struct stats_interval mean_of(struct store_moments m, uint64_t *ret_n)
{
    *ret_n = m.n;
    return stats_mean(&(struct stats_sum){m.n, m.sum, m.sum2}, LEVEL);
}

static struct stats_interval share_of(uint64_t k, uint64_t n, uint64_t *ret_n)
{
    *ret_n = n;
    return stats_wilson(k, n, LEVEL);
}

/* `all` is the bucket over all keys: what a share is of. */
static struct stats_interval measure_value(enum measure m, const struct store_sums *s,
                                           const struct store_sums *all, uint64_t *ret_n)
{
    uint64_t said = s->negative + s->neutral + s->positive;
    *ret_n = s->rows;
    switch (m) {
    case M_CONVERSATIONS:
        return exact(s->conversations);
    case M_CUSTOMERS:
        return exact(s->customers);
    case M_SHARE:
        return share_of(s->rows, all->rows, ret_n);
    case M_NEGATIVE_RATE:
        return share_of(s->negative, said, ret_n);
    case M_POSITIVE_RATE:
        return share_of(s->positive, said, ret_n);
    case M_NET_SENTIMENT:
        *ret_n = said;
        return stats_net(s->positive, s->negative, said, LEVEL);
    case M_POLARITY:
        return mean_of(s->polarity, ret_n);
    case M_CSAT:
        return share_of(s->csat_top, s->csat_n, ret_n);
    case M_NPS:
        *ret_n = s->nps_n;
        return stats_net(s->promoters, s->detractors, s->nps_n, LEVEL);
    case M_CES:
        return mean_of(s->ces, ret_n);
    case M_RATING:
        return mean_of(s->rating, ret_n);
    case M_RESPONSE_RATE:
        return share_of(s->answered, s->surveyed, ret_n);
    default:
        return exact(s->rows);
    }
}

/* Shares, NPS and net sentiment are fractions (NPS 0.31 is "31" on the usual scale). Of nothing
 * nothing is known, which is not zero. */
static struct stats_interval number_of(enum measure m, const struct store_sums *s,
                                       const struct store_sums *all, uint64_t *ret_n)
{
    struct stats_interval v = measure_value(m, s, all, ret_n);
    bool counted = m <= M_CUSTOMERS;
    return *ret_n > 0 || counted ? v : (struct stats_interval){NAN, NAN, NAN};
}

static void put_number(struct query *q, enum measure m, const struct store_sums *s,
                       const struct store_sums *all)
{
    uint64_t n;
    struct stats_interval v = number_of(m, s, all, &n);
    json_num(&q->json, "value", v.value);
    json_int(&q->json, "n", (int64_t)n);
    json_num(&q->json, "low", v.low);
    json_num(&q->json, "high", v.high);
}

/* --- the request --- */

static bool parse_measure(struct query *q, struct trend_request *t)
{
    struct span given = http_query(q->r, "measure");
    if (!given.p)
        given = SPAN_LIT("count");
    for (int m = 0; m < M_COUNT_OF; m++) {
        if (span_is(given, measures[m].code)) {
            t->measure = (enum measure)m;
            return true;
        }
    }
    query_problem(q, 400, "bad-parameter", "measure: not one of those vocd knows");
    return false;
}

static bool parse_by(struct query *q, struct trend_request *t)
{
    t->by = -1;
    t->by_name = http_query(q->r, "by");
    if (!t->by_name.p)
        return true;
    t->by = where_field_find(t->by_name, &t->by_key);
    enum where_type type = t->by >= 0 ? where_field_type((enum where_field)t->by) : WHERE_TIME;
    bool free_number = t->by == WF_POLARITY || t->by == WF_CONFIDENCE;
    if (t->by >= 0 && type != WHERE_TIME && !free_number && t->by != WF_CONVERSATION)
        return true;
    query_problem(q, 400, "bad-parameter", "by: a field such as category, segment or product");
    return false;
}

static bool parse_compare(struct query *q, struct trend_request *t)
{
    struct span given = http_query(q->r, "compare");
    t->compare = span_is(given, "previous");
    if (!given.p || t->compare || span_is(given, "none"))
        return true;
    query_problem(q, 400, "bad-parameter", "compare: previous or none");
    return false;
}

/* Bucket bounds in the zone over [from, to), clipped to it. */
static bool make_buckets(struct query *q, struct trend_request *t, struct period *p)
{
    size_t n = 1;
    int64_t *bounds = arena_array(&q->arena, MAX_BUCKETS + 1, sizeof *bounds);
    p->labels = arena_array(&q->arena, MAX_BUCKETS + 1, sizeof *p->labels);
    if (!bounds || !p->labels)
        return query_check(q, -ENOMEM) == 0;
    if (t->bucket.p) {
        int bucket = zone_bucket_find(t->bucket);
        if (bucket < 0) {
            query_problem(q, 400, "bad-parameter",
                          "bucket: hour, day, week, month, quarter or year");
            return false;
        }
        if (zone_buckets(q->zone, (enum zone_bucket)bucket, p->from, p->to, bounds, MAX_BUCKETS,
                         &n) < 0) {
            query_problem(q, 400, "bad-parameter", "bucket: more than %d points; take wider ones",
                          MAX_BUCKETS);
            return false;
        }
    } else {
        bounds[0] = p->from;
        bounds[1] = p->to;
    }
    memcpy(p->labels, bounds, n * sizeof *bounds);
    bounds[0] = p->from;
    bounds[n] = p->to;
    p->bounds = bounds;
    p->n = n;
    return true;
}

/* Where a period of the same local length ends at `from`: 30 local days are 30 local days, whatever
 * the clocks did in between. */
static int64_t span_before(struct query *q, int64_t from, int64_t to)
{
    int64_t local_from = from + zone_offset(q->zone, from);
    int64_t local_to = to + zone_offset(q->zone, to);
    struct civil c;
    int64_t before;
    civil_from_ms(2 * local_from - local_to, &c);
    if (zone_from_civil(q->zone, &c, &before) < 0)
        before = 2 * from - to;
    return before;
}

static bool parse_period(struct query *q, struct trend_request *t)
{
    t->now.to = q->now;
    if (!query_time(q, "to", &t->now.to))
        return false;
    t->now.from = t->now.to - 30 * MS_DAY;
    if (!query_time(q, "from", &t->now.from))
        return false;
    t->bucket = http_query(q->r, "bucket");
    if (t->now.from >= t->now.to) {
        query_problem(q, 400, "bad-parameter", "from must lie before to");
        return false;
    }
    if (!make_buckets(q, t, &t->now))
        return false;
    if (!t->compare)
        return true;
    t->before.to = t->now.from;
    t->before.from = span_before(q, t->now.from, t->now.to);
    return make_buckets(q, t, &t->before);
}

/* Said before the work, which would be seconds and hundreds of MiB for an answer too large. */
static bool check_size(struct query *q, const struct trend_request *t)
{
    if (t->by < 0 || t->max_keys * (int64_t)t->now.n <= MAX_POINTS)
        return true;
    query_problem(q, 400, "bad-parameter",
                  "limit: at most %zu keys of %zu points; take fewer or wider buckets",
                  MAX_POINTS / t->now.n, t->now.n);
    return false;
}

static bool parse_request(struct query *q, struct trend_request *t)
{
    *t = (struct trend_request){.max_keys = DEFAULT_KEYS};
    struct span at = http_query(q->r, "segment_at");
    if (at.p && !span_is(at, "event")) {
        query_problem(q, 400, "bad-parameter", "segment_at: only event is served yet");
        return false;
    }
    return parse_measure(q, t) && parse_by(q, t) && parse_compare(q, t) && parse_period(q, t) &&
           query_where(q, &t->where) && query_int(q, "limit", 1, MAX_KEYS, &t->max_keys) &&
           check_size(q, t);
}

/* --- the answer --- */

static int run_period(struct query *q, const struct trend_request *t, const struct period *p,
                      struct store_trend *ret)
{
    struct store_trend_query tq = {
        .where = t->where,
        .now = q->now,
        .by = t->by,
        .by_key = t->by_key,
        .bounds = p->bounds,
        .n_buckets = p->n,
        .want = measures[t->measure].want,
        .max_keys = (size_t)t->max_keys,
        .budget = q->budget,
    };
    return store_trend(q->view, &tq, &q->arena, ret);
}

static void put_points(struct query *q, const struct trend_request *t, const struct period *p,
                       const struct store_sums *points, const struct store_sums *all)
{
    if (!t->bucket.p)
        return;
    json_open(&q->json, "points", '[');
    for (size_t i = 0; i < p->n; i++) {
        json_open(&q->json, NULL, '{');
        query_put_time(q, "t", p->labels[i]);
        put_number(q, t->measure, &points[i], &all[i]);
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
}

static const struct store_series *find_series(const struct store_trend *t, struct span key)
{
    for (size_t i = 0; i < t->n_series; i++) {
        if (span_eq(t->series[i].key, key))
            return &t->series[i];
    }
    return NULL;
}

static void put_previous(struct query *q, const struct trend_request *t,
                         const struct store_trend *before, struct span key)
{
    static const struct store_sums none;
    const struct store_series *s = find_series(before, key);
    json_open(&q->json, "previous", '{');
    put_number(q, t->measure, s ? &s->total : &none, &before->total);
    if (s)
        put_points(q, t, &t->before, s->points, before->all);
    json_close(&q->json, '}');
}

static void put_head(struct query *q, const struct trend_request *t)
{
    json_cstr(&q->json, "measure", measures[t->measure].code);
    json_text(&q->json, "by", t->by_name);
    json_text(&q->json, "bucket", t->bucket);
    json_text(&q->json, "tz", q->timezone);
    query_put_time(q, "from", t->now.from);
    query_put_time(q, "to", t->now.to);
    if (t->compare) {
        json_open(&q->json, "previous", '{');
        query_put_time(q, "from", t->before.from);
        query_put_time(q, "to", t->before.to);
        json_close(&q->json, '}');
    }
}

/* --- as a file: a row for every point, or for every key where there are no buckets --- */

static void csv_number(struct csv_out *csv, enum measure m, const struct store_sums *s,
                       const struct store_sums *all)
{
    uint64_t n;
    struct stats_interval v = number_of(m, s, all, &n);
    csv_out_number(csv, v.value);
    csv_out_int(csv, (int64_t)n);
    csv_out_number(csv, v.low);
    csv_out_number(csv, v.high);
}

/* Local and without an offset: what a spreadsheet takes for a time. */
static void csv_time(struct query *q, struct csv_out *csv, int64_t ms)
{
    struct civil c;
    char text[32];
    civil_from_ms(ms + zone_offset(q->zone, ms), &c);
    int n = snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day,
                     c.hour, c.minute, c.second);
    csv_out_text(csv, span_of(text, (size_t)n));
}

/* Point i, or the total where i is p->n, beside the same of the period before. */
static void csv_row(struct query *q, struct csv_out *csv, const struct trend_request *t,
                    const struct store_trend *now, const struct store_trend *before, size_t series,
                    size_t i)
{
    static const struct store_sums none;
    const struct store_series *s = &now->series[series], *old = find_series(before, s->key);
    bool total = i == t->now.n, past = total || i < t->before.n;
    csv_out_text(csv, span_str(measures[t->measure].code));
    csv_out_text(csv, s->key);
    csv_time(q, csv, total ? t->now.from : t->now.labels[i]);
    csv_number(csv, t->measure, total ? &s->total : &s->points[i],
               total ? &now->total : &now->all[i]);
    if (t->compare && past)
        csv_number(csv, t->measure,
                   !old    ? &none
                   : total ? &old->total
                           : &old->points[i],
                   total ? &before->total : &before->all[i]);
    for (int cell = 0; t->compare && !past && cell < 4; cell++)
        csv_out_text(csv, SPAN_NONE);
    csv_out_text(csv, q->timezone);
    csv_out_row_end(csv);
}

static void put_file(struct query *q, const struct trend_request *t, const struct store_trend *now,
                     const struct store_trend *before)
{
    static const char *const names[] = {"measure", "key", "t", "value", "n", "low", "high"};
    static const char *const compared[] = {"previous_value", "previous_n", "previous_low",
                                           "previous_high"};
    struct csv_out csv = csv_out_begin(&q->out);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        csv_out_text(&csv, span_str(names[i]));
    for (size_t i = 0; t->compare && i < ARRAY_LEN(compared); i++)
        csv_out_text(&csv, span_str(compared[i]));
    csv_out_text(&csv, SPAN_LIT("tz"));
    csv_out_row_end(&csv);
    for (size_t s = 0; s < now->n_series; s++) {
        for (size_t i = t->bucket.p ? 0 : t->now.n; i < t->now.n + !t->bucket.p; i++)
            csv_row(q, &csv, t, now, before, s, i);
    }
    export_as_file(q, "trends", t->now.from, t->now.to);
}

static void put_document(struct query *q, const struct trend_request *t,
                         const struct store_trend *now, const struct store_trend *before)
{
    json_open(&q->json, NULL, '{');
    put_head(q, t);
    json_open(&q->json, "series", '[');
    for (size_t i = 0; i < now->n_series; i++) {
        const struct store_series *s = &now->series[i];
        json_open(&q->json, NULL, '{');
        json_text(&q->json, "key", s->key.p ? s->key : SPAN_LIT(""));
        json_open(&q->json, "total", '{');
        put_number(q, t->measure, &s->total, &now->total);
        json_close(&q->json, '}');
        put_points(q, t, &t->now, s->points, now->all);
        if (t->compare)
            put_previous(q, t, before, s->key);
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
    json_int(&q->json, "dropped_keys", (int64_t)now->dropped_keys);
    json_int(&q->json, "rows_scanned", (int64_t)now->rows_scanned);
    json_close(&q->json, '}');
}

static void trends(struct query *q)
{
    struct trend_request t;
    struct store_trend now = {0}, before = {0};
    bool csv = false;
    if (!export_asked(q, &csv) || !parse_request(q, &t))
        return;
    if (query_check(q, run_period(q, &t, &t.now, &now)) < 0)
        return;
    if (t.compare && query_check(q, run_period(q, &t, &t.before, &before)) < 0)
        return;
    if (csv)
        put_file(q, &t, &now, &before);
    else
        put_document(q, &t, &now, &before);
}

void api_trends(struct http_request *r)
{
    query_run(r, trends);
}
