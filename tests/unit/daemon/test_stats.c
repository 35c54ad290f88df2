#include "daemon/stats.h"

#include <math.h>

#include "base/err.h"
#include "tests/lib/test.h"

/* The constants are stats_oracle.py's: exact fractions, 40 digits, equations solved by bisection.
 * Those of Newcombe's pairs agree with the printed table of his paper (method 10). */

/* Nine digits; exactly, where 0 or an infinity is expected. */
static void near(double got, double expected)
{
    if (got != expected && !(fabs(got - expected) <= 1e-9 * fabs(expected)))
        fail_msg("%.17g, expected %.17g", got, expected);
}

static struct stats_sum sum_of(const double *rows, size_t n)
{
    struct stats_sum s = {.n = n};

    for (size_t i = 0; i < n; i++) {
        s.sum += rows[i];
        s.sum_squares += rows[i] * rows[i];
    }
    return s;
}

static struct stats_sum sum_of_range(int from, int to)
{
    struct stats_sum s = {.n = (uint64_t)(to - from)};

    for (int i = from; i < to; i++) {
        s.sum += i;
        s.sum_squares += (double)i * i;
    }
    return s;
}

static const double A[] = {3.1, 2.8, 4.4, 3.9, 5.0, 2.7, 3.3};
static const double B[] = {2.2, 4.1, 1.8, 2.5, 3.0};

static void wilson(void **state)
{
    static const struct {
        uint64_t hits, n;
        double level, value, low, high;
    } cases[] = {
        {0, 1, 0.95, 0, 0, 0.79345068562276255},
        {1, 1, 0.95, 1, 0.20654931437723745, 1},
        {128, 412, 0.95, 0.31067961165048544, 0.26791554178157626, 0.35694148800470741},
        {0, 50, 0.95, 0, 0, 0.071347599133358704},
        {50, 50, 0.95, 1, 0.9286524008666413, 1},
        {5, 17, 0.95, 0.29411764705882353, 0.13279989610295229, 0.53133110066539844},
        {3, 10, 0.99, 0.3, 0.079566316523065785, 0.67997532079889745},
        {1, 1000000, 0.9, 1e-6, 2.230922523521043e-7, 4.4824384707254648e-6},
        {0, 0, 0.95, 0, 0, 1},
        {9, 7, 0.95, 1, 0.64566956493331254, 1}, /* as 7 of 7: n/(n + z²) */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stats_interval r = stats_wilson(cases[i].hits, cases[i].n, cases[i].level);

        near(r.value, cases[i].value);
        near(r.low, cases[i].low);
        near(r.high, cases[i].high);
    }
}

static void mean(void **state)
{
    const struct {
        struct stats_sum sum;
        double level, value, low, high;
    } cases[] = {
        {sum_of(A, 7), 0.95, 3.6, 2.8008419358834399, 4.3991580641165601},
        {sum_of(A, 7), 0.99, 3.6, 2.3891590786210693, 4.8108409213789307},
        {sum_of_range(0, 2), 0.95, 0.5, -5.8531023680873467, 6.8531023680873467},
        {sum_of(B, 5), 0.9, 2.72, 1.8742181656086261, 3.5657818343913739},
        {sum_of_range(0, 1000), 0.95, 499.5, 481.57740068588114, 517.42259931411886},
        {{0, 0, 0}, 0.95, 0, -INFINITY, INFINITY},
        {{1, 0.25, 0.0625}, 0.95, 0.25, -INFINITY, INFINITY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stats_interval r = stats_mean(&cases[i].sum, cases[i].level);

        near(r.value, cases[i].value);
        near(r.low, cases[i].low);
        near(r.high, cases[i].high);
    }
}

/* 0.1 added up a million times is not 100000; its variance is still no square root of −1e-9. */
static void equal_values_have_no_variance(void **state)
{
    struct stats_sum s = {.n = 1000000};
    struct stats_interval r;

    (void)state;
    for (uint64_t i = 0; i < s.n; i++) {
        s.sum += 0.1;
        s.sum_squares += 0.1 * 0.1;
    }
    r = stats_mean(&s, STATS_LEVEL);
    assert_true(stats_variance_of(&s) >= 0);
    assert_true(fabs(r.high - 0.1) < 1e-6 && fabs(r.low - 0.1) < 1e-6);
    assert_true(stats_variance_of(&(struct stats_sum){3, 3, 2.9999999}) == 0);
}

static void net(void **state)
{
    static const struct {
        uint64_t plus, minus, n;
        double level, value, low, high;
    } cases[] = {
        {60, 25, 100, 0.95, 0.35, 0.18282759521814088, 0.51717240478185912},
        {1, 0, 3, 0.95, 1.0 / 3, -0.20010129737281215, 0.86676796403947882},
        {5, 5, 10, 0.95, 0, -0.61979503230456151, 0.61979503230456151},
        {700, 100, 1000, 0.99, 0.6, 0.54596894870123908, 0.65403105129876092},
        {0, 0, 0, 0.95, 0, -1, 1},
        {4, 0, 4, 0.95, 1, 1, 1}, /* the formula sees no variance */
        {0, 4, 4, 0.95, -1, -1, -1},
        {2, 0, 3, 0.95, 2.0 / 3, 0.13323203605210773, 1}, /* clipped; 2/3 − z·√(2/27) */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stats_interval r =
            stats_net(cases[i].plus, cases[i].minus, cases[i].n, cases[i].level);

        near(r.value, cases[i].value);
        near(r.low, cases[i].low);
        near(r.high, cases[i].high);
    }
}

static void shares(void **state)
{
    static const struct {
        uint64_t a, n_a, b, n_b;
        double level, value, low, high, p;
    } cases[] = {
        {56, 70, 48, 80, 0.95, 0.2, 0.052431472402364907, 0.33387265403690595,
         0.0080450813681965847},
        {9, 10, 3, 10, 0.95, 0.6, 0.17052272393450296, 0.80901797353548796, 0.0061698993205441622},
        {10, 10, 0, 20, 0.95, 1, 0.67908603714191477, 1, 4.3204630578274973e-8},
        {5, 56, 0, 29, 0.95, 0.089285714285714286, -0.038137147903536864, 0.1925600138551116,
         0.097186568170579726},
        {500, 10000, 600, 10000, 0.99, -0.01, -0.018334126337350222, -0.0016921344245768895,
         0.001924687250962251},
        {0, 0, 3, 5, 0.95, 0, -1, 1, 1},
        {3, 5, 0, 0, 0.95, 0, -1, 1, 1},
        {0, 0, 0, 0, 0.95, 0, -1, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stats_difference r =
            stats_shares(cases[i].a, cases[i].n_a, cases[i].b, cases[i].n_b, cases[i].level);

        near(r.value, cases[i].value);
        near(r.low, cases[i].low);
        near(r.high, cases[i].high);
        near(r.p, cases[i].p);
    }
}

static void all_or_none_is_no_difference(void **state)
{
    struct stats_difference none = stats_shares(0, 20, 0, 10, STATS_LEVEL);
    struct stats_difference all = stats_shares(20, 20, 10, 10, STATS_LEVEL);

    (void)state;
    near(none.p, 1);
    near(all.p, 1);
    assert_true(none.value == 0 && none.low < -0.1 && none.high > 0.1);
    near(none.low, -stats_wilson(0, 10, STATS_LEVEL).high);
    near(none.high, stats_wilson(0, 20, STATS_LEVEL).high);
    near(all.high, 1 - stats_wilson(10, 10, STATS_LEVEL).low);
}

static void welch(void **state)
{
    const struct {
        struct stats_sum a, b;
        double level, value, low, high, p, df;
    } cases[] = {
        {sum_of(A, 7), sum_of(B, 5), 0.95, 0.88, -0.29033490259992034, 2.0503349025999203,
         0.12244851482292275, 8.6194465466978999},
        {sum_of(B, 5), sum_of(A, 7), 0.99, -0.88, -2.568841440252732, 0.80884144025273201,
         0.12244851482292275, 8.6194465466978999},
        {sum_of_range(0, 2),
         {2, 12, 74},
         0.95,
         -5.5,
         -12.418522830071065,
         1.418522830071065,
         0.069286173343953186,
         1.4705882352941176},
        {sum_of_range(0, 100), sum_of_range(40, 60), 0.95, 0, -6.3141996180523896,
         6.3141996180523896, 1, 117.89220054068166},
        {{1, 4, 16}, sum_of(A, 7), 0.95, 4 - 3.6, -INFINITY, INFINITY, 1, 0},
        {sum_of(A, 7), {0, 0, 0}, 0.95, 3.6, -INFINITY, INFINITY, 1, 0},
        {{3, 6, 12}, {4, 8, 16}, 0.95, 0, 0, 0, 1, 5},
        {{3, 6, 12}, {4, 4, 4}, 0.95, 1, 1, 1, 0, 5},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct stats_difference r = stats_welch(&cases[i].a, &cases[i].b, cases[i].level);

        near(r.value, cases[i].value);
        near(r.low, cases[i].low);
        near(r.high, cases[i].high);
        near(r.p, cases[i].p);
        near(r.df, cases[i].df);
    }
}

static void fit(void **state)
{
    static const struct {
        uint64_t counts[3];
        double shares[3];
        size_t n;
        double p;
    } cases[] = {
        {{5050, 4950}, {50, 50}, 2, 0.3173105078629141},
        {{5200, 4800}, {0.5, 0.5}, 2, 6.3342483666239843e-5},
        {{10, 20, 30}, {1, 1, 1}, 3, 0.0067379469990854671},
        {{90, 10}, {9, 1}, 2, 1},
        {{600, 1000, 400}, {3, 5, 2}, 3, 1},
        {{0, 40}, {1, 1}, 2, 2.539628589470865e-10},
        {{5050, 4950, 0}, {1, 1, 0}, 3, 0.3173105078629141}, /* nothing expected, nothing there */
        {{5050, 4950, 1}, {1, 1, 0}, 3, 0},
        {{5050, 4950, 1}, {1, 1, -1}, 3, 0},
        {{0, 0}, {1, 1}, 2, 1},
        {{5}, {1}, 1, 1},
        {{5, 0}, {1, 0}, 2, 1},
        {{0}, {0}, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        near(stats_fit(cases[i].counts, cases[i].shares, cases[i].n), cases[i].p);
}

static void poisson_tail(void **state)
{
    static const struct {
        uint64_t k;
        double mean, p;
    } cases[] = {
        {1, 0.01, 0.0099501662508319464},
        {3, 0.2, 0.0011484812448621324},
        {10, 3, 0.0011024881301154797},
        {10, 10, 0.54207028552814779},
        {5, 20, 0.99998305525606993},
        {50, 20, 1.2458926079719379e-8},
        {200, 100, 9.3431500729883903e-19},
        {1000, 900, 0.00054990226571178292},
        {0, 5, 1},
        {0, 0, 1},
        {1, 0, 0},
        {1, -3, 0},
        {100, 1e-3, 0}, /* 1e-458 is below every double */
        {10, (double)NAN, 0},
        {UINT64_MAX, 5, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        near(stats_poisson_tail(cases[i].k, cases[i].mean), cases[i].p);
}

static void count_below(void **state)
{
    static const struct {
        uint64_t k;
        double mean, variance, p;
    } cases[] = {
        {0, 5, 5, 0.006737946999085467},
        {0, 5, 7.5, 0.017341529915832612},
        {3, 20, 60, 0.0016477213212128282},
        {0, 100, 600, 2.7351112277912534e-16},
        {10, 12.5, 30.25, 0.3968454580610585},
        {50, 400, 9000, 2.269425895941209e-10},
        {0, 0.5, 0.6, 0.6339381452606089},
        {7, 3, 3, 0.9880954961436426},
        {200, 100, 1000, 0.9954076927486435},
        {0, 0, 0, 1},
        {5, -1, 3, 1},
        {3, (double)NAN, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        near(stats_count_below(cases[i].k, cases[i].mean, cases[i].variance), cases[i].p);
    /* More variance makes little likelier; both ends meet the Poisson distribution. */
    for (double v = 20, last = 0; v < 400; v += 10) {
        double p = stats_count_below(2, 20, v);
        assert_true(p > last);
        last = p;
    }
    assert_true(fabs(stats_count_below(9, 12, 12.0001) - (1 - stats_poisson_tail(10, 12))) < 1e-5);
}

static void binomial_tail(void **state)
{
    static const struct {
        uint64_t k, n;
        double share, p;
    } cases[] = {
        {1, 1, 0.5, 0.5},
        {3, 10, 0.1, 0.0701908264},
        {9, 10, 0.1, 9.1e-9},
        {10, 10, 0.1, 1e-10},
        {50, 100, 0.4, 0.027099197757009005},
        {80, 100, 0.4, 3.4204358416608244e-16},
        {500, 1000, 0.45, 0.0008465492166192585},
        {8, 2000, 0.001, 0.0010881438705245077},
        {0, 10, 0.1, 1},
        {0, 0, 0.1, 1},
        {11, 10, 0.9, 0},
        {1, 10, 0, 0},
        {1, 10, -1, 0},
        {10, 10, 1, 1},
        {10, 10, 2, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        near(stats_binomial_tail(cases[i].k, cases[i].n, cases[i].share), cases[i].p);
}

static void check_interval(struct stats_interval r, double least, double most)
{
    assert_true(r.low <= r.value && r.value <= r.high); /* false for a NaN */
    assert_true(r.low >= least && r.high <= most);
}

/* Whatever the counts: no NaN, ordered, inside the range. */
static void nothing_gives_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < test_rounds(20000, 500000); i++) {
        uint64_t n = test_below(UINT64_C(1) << test_below(40)), m = test_below(50);
        uint64_t a = n ? test_below(n + 1) : 0, b = m ? test_below(m + 1) : 0;
        double level = 0.5 + test_unit() * 0.499;
        struct stats_sum s = {m, test_unit() * 100 - 50, test_unit() * 1000};
        struct stats_sum t = {n, test_unit() * 1e12, test_unit() * 1e12};
        struct stats_difference d = stats_shares(a, n, b, m, level);
        double p;

        check_interval(stats_wilson(a, n, level), 0, 1);
        check_interval(stats_net(a, n - a, n, level), -1, 1);
        check_interval(stats_mean(&s, level), -INFINITY, INFINITY);
        check_interval((struct stats_interval){d.value, d.low, d.high}, -1, 1);
        assert_true(d.p >= 0 && d.p <= 1);
        d = stats_welch(&s, &t, level);
        check_interval((struct stats_interval){d.value, d.low, d.high}, -INFINITY, INFINITY);
        assert_true(d.p >= 0 && d.p <= 1 && d.df >= 0);
        p = stats_binomial_tail(b, m, test_unit());
        assert_true(p >= 0 && p <= 1);
        p = stats_poisson_tail(b, test_unit() * 100);
        assert_true(p >= 0 && p <= 1);
        p = stats_fit((uint64_t[]){a, b}, (double[]){test_unit(), test_unit()}, 2);
        assert_true(p >= 0 && p <= 1);
    }
}

/* How often the 95 % interval of 100 draws holds the true 0.3: the sum of the chances of those
 * counts for which it does, against the oracle's. */
static void wilson_covers(void **state)
{
    double held = 0;

    (void)state;
    for (uint64_t k = 0; k <= 100; k++) {
        struct stats_interval r = stats_wilson(k, 100, STATS_LEVEL);

        if (r.low <= 0.3 && 0.3 <= r.high)
            held += stats_binomial_tail(k, 100, 0.3) - stats_binomial_tail(k + 1, 100, 0.3);
    }
    near(held, 0.9371897486104618);
}

/* Units of one observation are nothing new; agreeing ones are worth one; noise is not a gain. */
static void units(void **state)
{
    struct stats_ratio one_each = {.all = {10, 4, 4}, .units = 10, .nn = 10, .ns = 4, .ss = 4};
    /* five units of two that agree, two of them 1 */
    struct stats_ratio agree = {.all = {10, 4, 4}, .units = 5, .nn = 20, .ns = 8, .ss = 8};
    /* five units of two that always cancel out */
    struct stats_ratio cancel = {.all = {10, 5, 5}, .units = 5, .nn = 20, .ns = 10, .ss = 5};
    struct stats_ratio same = {.all = {10, 10, 10}, .units = 5, .nn = 20, .ns = 20, .ss = 20};
    struct stats_ratio alone = {.all = {3, 2, 2}, .units = 1, .nn = 9, .ns = 6, .ss = 4};
    struct stats_ratio none = {0};
    struct stats_estimate e;

    (void)state;
    near(stats_design_effect(&one_each), 1);
    near(stats_ratio_mean(&one_each).variance, 0.24 / 9);
    near(stats_ratio_mean(&one_each).df, 9);
    /* Σ(s − 0.8)² = 2·1.2² + 3·0.8² = 4.8; 5/4 · 4.8/100 */
    e = stats_ratio_mean(&agree);
    near(e.variance, 0.06);
    near(e.df, 4);
    near(stats_design_effect(&agree), 0.06 / (0.24 / 9));
    near(stats_design_effect(&cancel), 1);
    near(stats_ratio_mean(&cancel).variance, 0.25 / 9);
    near(stats_design_effect(&same), 2);
    near(stats_design_effect(&alone), 3);
    e = stats_ratio_mean(&alone);
    assert_true(isinf(e.variance) && e.df == 0);
    assert_true(isinf(stats_estimate_interval(&e, 0.95).high));
    near(stats_design_effect(&none), 1);
}

static void any_time(void **state)
{
    struct stats_difference d = stats_any_time(0.1, 0, 100, 500, 0.95);

    (void)state;
    assert_true(isinf(d.low) && isinf(d.high) && d.p == 1);
    d = stats_any_time(0.1, INFINITY, 100, 500, 0.95);
    assert_true(isinf(d.low) && d.p == 1);
    d = stats_any_time(0.1, 0.01, 0, 500, 0.95);
    assert_true(isinf(d.low) && d.p == 1);
    /* At the level of its own p the interval ends at 0. */
    d = stats_any_time(0.1, 0.03, 100, 500, 0.95);
    assert_true(d.low > 0 ? d.p < 0.05 : d.p >= 0.05);
    near(stats_any_time(0, 0.03, 100, 500, 0.95).p, 1);
    /* Tightest where it was tuned to be, and never as tight as one look. */
    double least = INFINITY, at = 0;
    for (double n = 10; n < 100000; n *= 1.1) {
        double z = stats_any_time(0, 1, n, 500, 0.95).high;

        assert_true(z > 1.96 * 1.5);
        at = z < least ? n : at;
        least = z < least ? z : least;
    }
    assert_true(at > 300 && at < 900);
}

static void holm(void **state)
{
    static const double p[] = {0.01, 0.04, 0.03, 0.005, 0.04, 1};
    static const double expected[] = {0.05, 0.12, 0.12, 0.03, 0.12, 1};
    double adjusted[ARRAY_LEN(p)];

    (void)state;
    stats_holm(p, ARRAY_LEN(p), adjusted);
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        near(adjusted[i], expected[i]);
    stats_holm(p, 1, adjusted);
    near(adjusted[0], 0.01);
    stats_holm(p, 0, adjusted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson),
        cmocka_unit_test(mean),
        cmocka_unit_test(equal_values_have_no_variance),
        cmocka_unit_test(net),
        cmocka_unit_test(shares),
        cmocka_unit_test(all_or_none_is_no_difference),
        cmocka_unit_test(welch),
        cmocka_unit_test(fit),
        cmocka_unit_test(poisson_tail),
        cmocka_unit_test(binomial_tail),
        cmocka_unit_test(count_below),
        cmocka_unit_test(nothing_gives_nan),
        cmocka_unit_test(wilson_covers),
        cmocka_unit_test(units),
        cmocka_unit_test(any_time),
        cmocka_unit_test(holm),
    };

    return cmocka_run_group_tests_name("daemon/stats", tests, NULL, NULL);
}
