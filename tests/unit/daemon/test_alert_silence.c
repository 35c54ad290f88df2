/* The dead-man switch's arithmetic: tables of arrivals, what a window of them says, and how it does
 * over a year of ordinary traffic and with sources that stop. SOAK=1 simulates more. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/silence.h"
#include "tests/lib/test.h"

enum {
    MONDAY = 2850 * ARRIVAL_PER_WEEK + 4 * ARRIVAL_PER_DAY,
    DAY = ARRIVAL_PER_DAY,
    WEEK = ARRIVAL_PER_WEEK
};

/* --- the table --- */

static void days_come_and_go(void **state)
{
    struct arrivals *a = malloc(sizeof *a);
    (void)state;
    arrivals_clear(a);
    assert_int_equal(arrivals_first(a), INT64_MAX);
    arrivals_add(a, -1, 3); /* before 1970, too */
    arrivals_add(a, -1, 4);
    assert_int_equal(arrivals_get(a, -1), 7);
    assert_int_equal(arrivals_get(a, 0), 0);
    assert_int_equal(arrivals_first(a), -1);
    arrivals_add(a, -1 + (int64_t)ARRIVAL_DAYS * DAY, 5); /* takes the row */
    assert_int_equal(arrivals_get(a, -1), 0);
    arrivals_add(a, -1, 9); /* too old by now */
    assert_int_equal(arrivals_get(a, -1), 0);
    assert_int_equal(arrivals_get(a, -1 + (int64_t)ARRIVAL_DAYS * DAY), 5);
    *arrivals_at(a, MONDAY) = ARRIVAL_UNKNOWN;
    arrivals_add(a, MONDAY, 2);
    assert_int_equal(arrivals_get(a, MONDAY), 2);
    arrivals_add(a, MONDAY, UINT32_MAX - 3);
    assert_int_equal(arrivals_get(a, MONDAY), ARRIVAL_UNKNOWN - 1);
    free(a);
}

static void a_day_is_packed_and_unpacked(void **state)
{
    struct arrivals *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    struct arrival_times t = {17, NO_TIME}, read = {NO_TIME, 5};
    char text[ARRIVAL_DAY_BYTES];
    (void)state;
    arrivals_clear(a);
    arrivals_clear(b);
    for (int64_t i = 0; i < DAY; i++)
        arrivals_add(a, MONDAY + i, (uint32_t)(test_rand() % 1000000));
    *arrivals_at(a, MONDAY + 7) = ARRIVAL_UNKNOWN;
    arrivals_pack(a, arrival_day(MONDAY), &t, text);
    assert_true(arrivals_unpack(b, arrival_day(MONDAY), span_of(text, sizeof text), &read));
    for (int64_t i = -1; i <= DAY; i++)
        assert_int_equal(arrivals_get(b, MONDAY + i), arrivals_get(a, MONDAY + i));
    assert_int_equal(read.last, 17);
    assert_int_equal(read.newest, 5);
    assert_false(arrivals_unpack(b, arrival_day(MONDAY), span_of(text, sizeof text - 1), &read));
    free(a);
    free(b);
}

/* --- a view --- */

struct world {
    struct arrivals counts, watched;
    struct silence_view v;
};

static struct world *world_new(int64_t end)
{
    struct world *w = malloc(sizeof *w);
    arrivals_clear(&w->counts);
    arrivals_clear(&w->watched);
    w->v = (struct silence_view){
        .counts = &w->counts, .watched = &w->watched, .first = INT64_MIN, .end = end};
    for (int64_t i = 0; i < ARRIVAL_WEEKS; i++)
        w->v.back[i] = (i + 1) * WEEK;
    return w;
}

static void watch(struct world *w, int64_t from, int64_t to)
{
    for (int64_t q = from; q < to; q++)
        *arrivals_at(&w->watched, q) = 1;
}

/* `n` each quarter. */
static void steady(struct world *w, int64_t from, int64_t to, uint32_t n)
{
    watch(w, from, to);
    for (int64_t q = from; q < to; q++)
        arrivals_add(&w->counts, q, n);
}

static enum silence_verdict judge(struct world *w, bool firing, struct silence_value *ret)
{
    return silence_judge(&w->v, silence_alpha(SILENCE_NORMAL), firing, ret);
}

static void silence_is_told_by_what_was_expected(void **state)
{
    struct world *w = world_new(MONDAY);
    struct silence_value v;
    (void)state;
    steady(w, MONDAY - 9 * WEEK, MONDAY - 4, 10);
    watch(w, MONDAY - 4, MONDAY);
    w->v.end = MONDAY - 4; /* nothing missing yet */
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    w->v.end = MONDAY - 3; /* none of 10 */
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    w->v.end = MONDAY - 2; /* none of 20 */
    assert_int_equal(judge(w, false, &v), SILENCE_FIRE);
    assert_int_equal(v.minutes, 30);
    assert_int_equal(v.got, 0);
    assert_int_equal(v.weeks, 8);
    assert_true(fabs(v.expected - 20) < 1e-9);
    assert_int_equal(judge(w, true, &v), SILENCE_HOLD);
    arrivals_add(&w->counts, MONDAY - 3, 8);
    assert_int_equal(judge(w, true, &v), SILENCE_RECOVER);
    assert_int_equal(v.got, 8);
    free(w);
}

/* What can not be said of a quarter counts neither as silence nor as what to expect. */
static void unknown_quarters_say_nothing(void **state)
{
    struct world *w = world_new(MONDAY);
    struct silence_value v;
    (void)state;
    steady(w, MONDAY - 9 * WEEK, MONDAY - 8, 10);
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD); /* two hours nobody was there */
    watch(w, MONDAY - 8, MONDAY);
    assert_int_equal(judge(w, false, &v), SILENCE_FIRE);
    for (int64_t q = MONDAY - 8; q < MONDAY; q++)
        *arrivals_at(&w->counts, q) = ARRIVAL_UNKNOWN; /* paused */
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    for (int64_t q = MONDAY - 8; q < MONDAY; q++)
        *arrivals_at(&w->counts, q) = 0;
    int64_t off[] = {MONDAY - 8, MONDAY}; /* a day off */
    w->v.off = off;
    w->v.n_off = 1;
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    w->v.n_off = 0;
    w->v.first = MONDAY - 2 * WEEK + 1; /* a week and some is no history */
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    assert_int_equal(v.minutes, 0);
    free(w);
}

/* A history read at once, or a campaign: one week of eight neither makes nor hides an alarm. */
static void a_week_that_stands_out_counts_little(void **state)
{
    struct world *w = world_new(MONDAY);
    struct silence_value v;
    (void)state;
    steady(w, MONDAY - 9 * WEEK, MONDAY, 10);
    arrivals_add(&w->counts, MONDAY - 3 * WEEK - 2, 1000000);
    assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    for (int64_t q = MONDAY - 8; q < MONDAY; q++)
        *arrivals_at(&w->counts, q) = 0;
    assert_int_equal(judge(w, false, &v), SILENCE_FIRE);
    free(w);
    w = world_new(MONDAY); /* an import, once, and never again */
    watch(w, MONDAY - 9 * WEEK, MONDAY + WEEK);
    arrivals_add(&w->counts, MONDAY - 8 * WEEK, 500000);
    for (w->v.end = MONDAY - 6 * WEEK; w->v.end < MONDAY + WEEK; w->v.end += 3) {
        w->v.first = MONDAY - 8 * WEEK;
        assert_int_equal(judge(w, false, &v), SILENCE_HOLD);
    }
    free(w);
}

/* --- a year --- */

static double uniform(void)
{
    return ((double)(test_rand() >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

static uint32_t poisson(double mean)
{
    if (mean > 200) /* the normal approximation is as good as the rest of this */
        return (uint32_t)fmax(0, round(mean + sqrt(mean) * normal()));
    double limit = exp(-mean), p = uniform();
    uint32_t n = 0;
    for (; p > limit; n++)
        p *= uniform();
    return n;
}

/* Office hours with a dip at noon, evenings thin, nights nearly nothing, weekends a quarter. */
static double shape(int64_t quarter)
{
    static const double hours[24] = {.02, .01, .01, .01, .01, .02, .05, .15, .4, .9, 1,  1,
                                     .7,  .9,  1,   1,   .9,  .8,  .5,  .35, .3, .2, .1, .05};
    int64_t day = (quarter - MONDAY) / DAY % 7;
    return hours[(quarter - MONDAY) % DAY / 4] * (day >= 5 ? 0.25 : 1);
}

/* A year in which the level of a day, and of an hour in it, differ from week to week. */
struct traffic {
    double per_hour, day_spread, hour_spread;
};

static double level(double spread)
{
    return exp(spread * normal() - spread * spread / 2);
}

static uint32_t *year_of(const struct traffic *t, int64_t quarters)
{
    uint32_t *n = calloc((size_t)quarters, sizeof *n);
    double day = 1, hour = 1;
    for (int64_t q = 0; q < quarters; q++) {
        day = q % DAY == 0 ? level(t->day_spread) : day;
        hour = q % 4 == 0 ? level(t->hour_spread) : hour;
        n[q] = poisson(t->per_hour / 4 * shape(MONDAY + q) * day * hour);
    }
    return n;
}

struct outcome {
    int64_t judged, firing, alarms;
};

/* The switch over it, as the engine runs it: a judgement a quarter, with what came before. */
static struct outcome run(const uint32_t *n, int64_t quarters, double alpha)
{
    struct world *w = world_new(MONDAY);
    struct outcome o = {0};
    struct silence_value v;
    bool firing = false;
    for (int64_t q = 0; q < quarters; q++) {
        *arrivals_at(&w->watched, MONDAY + q) = 1;
        arrivals_add(&w->counts, MONDAY + q, n[q]);
        w->v.end = MONDAY + q + 1;
        w->v.first = MONDAY;
        if (q < 2 * WEEK)
            continue;
        enum silence_verdict verdict = silence_judge(&w->v, alpha, firing, &v);
        o.alarms += verdict == SILENCE_FIRE;
        firing = verdict == SILENCE_FIRE || (firing && verdict != SILENCE_RECOVER);
        o.judged++;
        o.firing += firing;
    }
    free(w);
    return o;
}

/* Quarters until it is told that a source stopped at `at`; -1: not within a week. */
static int64_t delay(struct world *w, const uint32_t *n, int64_t at, double alpha)
{
    struct silence_value v;
    arrivals_clear(&w->counts);
    arrivals_clear(&w->watched);
    for (int64_t q = at - 9 * WEEK; q < at + WEEK; q++) {
        *arrivals_at(&w->watched, MONDAY + q) = 1;
        arrivals_add(&w->counts, MONDAY + q, q < at ? n[q] : 0);
    }
    for (int64_t q = 1; q <= WEEK; q++) {
        w->v.end = MONDAY + at + q;
        w->v.first = MONDAY;
        if (silence_judge(&w->v, alpha, false, &v) == SILENCE_FIRE)
            return q;
    }
    return -1;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void delays(const struct traffic *t, const uint32_t *n, int64_t quarters, double alpha,
                   double *ret_median, double *ret_p95)
{
    enum { STOPS = 200 };
    int64_t d[STOPS];
    struct world *w = world_new(MONDAY);
    (void)t;
    for (size_t i = 0; i < STOPS; i++) {
        int64_t at; /* on a working day, between ten and five */
        do
            at = 9 * WEEK + (int64_t)(test_rand() % (uint64_t)(quarters - 10 * WEEK));
        while (at / DAY % 7 >= 5 || at % DAY < 40 || at % DAY >= 68);
        d[i] = delay(w, n, at, alpha);
        d[i] = d[i] < 0 ? WEEK : d[i];
    }
    qsort(d, STOPS, sizeof *d, compare);
    size_t middle = STOPS / 2, late = STOPS * 95 / 100;
    *ret_median = (double)d[middle] / 4;
    *ret_p95 = (double)d[late] / 4;
    free(w);
}

/* docs/adr/0017-silent-sources.md has what this prints under SOAK. */
static void a_year_of_ordinary_traffic(void **state)
{
    static const struct traffic kinds[] = {
        {2, 0.2, 0.2}, {20, 0, 0}, {20, 0.2, 0.2}, {20, 0.4, 0.3}, {400, 0.2, 0.2}, {400, 0.4, 0.3},
    };
    static const char *const names[] = {"off", "low", "normal", "high"};
    bool soak = getenv("SOAK");
    int64_t quarters = soak ? 52 * WEEK : 26 * WEEK;
    (void)state;
    for (size_t k = soak ? 0 : 2; k < (soak ? ARRAY_LEN(kinds) : 3); k++) {
        uint32_t *n = year_of(&kinds[k], quarters);
        for (int s = SILENCE_LOW; s <= SILENCE_HIGH; s++) {
            double median, p95, alpha = silence_alpha(s);
            if (!soak && s != SILENCE_NORMAL)
                continue;
            struct outcome o = run(n, quarters, alpha);
            double share = (double)o.firing / (double)o.judged;
            delays(&kinds[k], n, quarters, alpha, &median, &p95);
            printf("%3.0f/h, spread %.1f %.1f, %-6s: %lld alarms, %.3f %% of hours; told after "
                   "%.2f h, 95 %%: %.2f h\n",
                   kinds[k].per_hour, kinds[k].day_spread, kinds[k].hour_spread, names[s],
                   (long long)o.alarms, 100 * share, median, p95);
            if (s == SILENCE_NORMAL && kinds[k].day_spread <= 0.2) {
                assert_true(share < 0.005);
                assert_true(median < (kinds[k].per_hour < 10 ? 49 : 3));
            }
        }
        free(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_come_and_go),
        cmocka_unit_test(a_day_is_packed_and_unpacked),
        cmocka_unit_test(silence_is_told_by_what_was_expected),
        cmocka_unit_test(unknown_quarters_say_nothing),
        cmocka_unit_test(a_week_that_stands_out_counts_little),
        cmocka_unit_test(a_year_of_ordinary_traffic),
    };
    return cmocka_run_group_tests_name("alert_silence", tests, NULL, NULL);
}
