/* What the promises are worth, by simulation: how often intervals hold the truth, how often chance
 * is called a win, at one look and at many, and how often a fair coin fails the ratio check. Each
 * also shows that it could fail: by the naive way, which does. */
#include <math.h>

#include "base/err.h"
#include "daemon/experiment/impl.h"
#include "daemon/stats.h"
#include "tests/lib/test.h"

enum { MAX_ARMS = 5 };

struct drawn { /* one arm of one measure, by units and as if every record were one */
    struct store_ratio units, apart;
};

static void put_unit(struct store_ratio *r, uint64_t n, double sum)
{
    r->n += n;
    r->units++;
    r->sum += sum;
    r->nn += (double)(n * n);
    r->ns += (double)n * sum;
    r->ss += sum * sum;
}

static void put_one(struct store_ratio *r, double x)
{
    put_unit(r, 1, x);
    r->sum2 += x * x;
}

/* Answers of 1, 0 or -1. */
static double answer(double plus, double minus)
{
    double u = test_unit();
    return u < plus ? 1 : u < plus + minus ? -1 : 0;
}

static struct store_ratio draw(size_t n, double plus, double minus)
{
    struct store_ratio r = {0};
    for (size_t i = 0; i < n; i++)
        put_one(&r, answer(plus, minus));
    return r;
}

/* Customers of one to four answers; most of them are of one mind: their own share is drawn first.
 * The mean of the shares is `share`, whatever the number of answers. */
static struct drawn draw_customers(size_t customers, double share)
{
    struct drawn d = {0};
    for (size_t i = 0; i < customers; i++) {
        uint64_t n = 1 + test_below(4);
        double sum = 0, own = test_below(10) < 6 ? (double)(test_unit() < share) : share;
        for (uint64_t k = 0; k < n; k++) {
            double x = test_unit() < own;
            sum += x;
            d.units.sum2 += x;
            put_one(&d.apart, x);
        }
        put_unit(&d.units, n, sum);
    }
    return d;
}

/* Bounds are five standard deviations of the simulation or more from what long runs give. */
static void between(const char *what, double got, double low, double high)
{
    print_message("%s: %.4f\n", what, got);
    if (!(got >= low && got <= high))
        fail_msg("%s: %.4f, expected %.3f to %.3f", what, got, low, high);
}

/* --- intervals --- */

static bool holds(const struct experiment_difference *d, double truth)
{
    return d->low <= truth && truth <= d->high;
}

static void intervals_cover(void **state)
{
    static const struct {
        const char *what;
        enum store_trial_measure m;
        size_t n_a, n_b;
        double plus_a, minus_a, plus_b, minus_b;
    } cases[] = {
        {"csat 60 % and 70 %, 150 each", TRIAL_CSAT, 150, 150, 0.6, 0, 0.7, 0},
        {"csat 90 % and 95 %, 40 and 80", TRIAL_CSAT, 40, 80, 0.9, 0, 0.95, 0},
        {"nps +20 and +30, 120 each", TRIAL_NPS, 120, 120, 0.5, 0.3, 0.55, 0.25},
        {"net sentiment -40 and -40, 50 each", TRIAL_NET, 50, 50, 0.1, 0.5, 0.1, 0.5},
    };
    size_t rounds = test_rounds(4000, 100000);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double truth = cases[i].plus_a - cases[i].minus_a - cases[i].plus_b + cases[i].minus_b;
        size_t held = 0;
        for (size_t k = 0; k < rounds; k++) {
            struct store_ratio a = draw(cases[i].n_a, cases[i].plus_a, cases[i].minus_a);
            struct store_ratio b = draw(cases[i].n_b, cases[i].plus_b, cases[i].minus_b);
            struct experiment_difference d = measure_difference(cases[i].m, &a, &b);
            held += holds(&d, truth);
        }
        between(cases[i].what, (double)held / (double)rounds, 0.93, 0.985);
    }
}

static void intervals_cover_when_customers_answer_often(void **state)
{
    size_t rounds = test_rounds(4000, 100000), held = 0, naive = 0;
    (void)state;
    for (size_t k = 0; k < rounds; k++) {
        struct drawn a = draw_customers(80, 0.7), b = draw_customers(80, 0.6);
        struct experiment_difference d = measure_difference(TRIAL_CSAT, &a.units, &b.units);
        struct experiment_difference apart = measure_difference(TRIAL_CSAT, &a.apart, &b.apart);
        held += holds(&d, 0.1);
        naive += holds(&apart, 0.1);
    }
    between("80 customers of 1 to 4 answers", (double)held / (double)rounds, 0.925, 0.97);
    between("the same as if answers were independent", (double)naive / (double)rounds, 0.5, 0.9);
}

/* --- verdicts --- */

struct trial {
    struct store_arm arms[MAX_ARMS];
    struct store_trial t;
    struct experiment e;
};

static enum experiment_code verdict(struct trial *t, struct arena *a)
{
    struct experiment_summary s;
    arena_reset(a);
    assert_int_equal(experiment_summarize(&t->e, &t->t, 0, a, &s), 0);
    return s.code;
}

static struct trial no_difference(size_t arms, size_t n, enum store_trial_measure m)
{
    static const char *const names[MAX_ARMS] = {"A", "B", "C", "D", "E"};
    struct trial t = {.t = {.n_arms = arms, .units = arms * n}};
    for (size_t i = 0; i < arms; i++) {
        t.arms[i] = (struct store_arm){.arm = span_str(names[i]), .rows = n, .units = n};
        t.arms[i].of[m] = m == TRIAL_NPS ? draw(n, 0.5, 0.3) : draw(n, 0.7, 0);
    }
    t.e = experiment_default(SPAN_LIT("x"));
    experiment_set_measure(&t.e, m);
    return t;
}

static double false_verdicts(size_t arms, size_t n, enum store_trial_measure m, size_t rounds)
{
    size_t wrong = 0;
    struct arena a;
    arena_init(&a, 0);
    for (size_t k = 0; k < rounds; k++) {
        struct trial t = no_difference(arms, n, m);
        t.t.arms = t.arms;
        enum experiment_code code = verdict(&t, &a);
        wrong += code == VERDICT_WIN || code == VERDICT_LOSE;
    }
    arena_done(&a);
    return (double)wrong / (double)rounds;
}

static void chance_is_rarely_called_a_win(void **state)
{
    size_t rounds = test_rounds(4000, 50000);
    (void)state;
    between("csat, two arms of 200", false_verdicts(2, 200, TRIAL_CSAT, rounds), 0.03, 0.07);
    between("csat, two arms of 12", false_verdicts(2, 12, TRIAL_CSAT, rounds), 0.01, 0.07);
    between("nps, two arms of 100", false_verdicts(2, 100, TRIAL_NPS, rounds), 0.03, 0.07);
    /* A win among four; all four worse is rarer still. */
    between("csat, five arms of 100", false_verdicts(5, 100, TRIAL_CSAT, rounds), 0.005, 0.065);
}

/* A difference inside the margin is called flat, one at its edge hardly ever. */
static void flat_is_rarely_wrong(void **state)
{
    size_t rounds = test_rounds(2000, 20000), inside = 0, edge = 0;
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    for (size_t k = 0; k < rounds; k++) {
        struct trial t = no_difference(2, 1500, TRIAL_CSAT);
        t.t.arms = t.arms;
        t.e.margin = 0.06;
        inside += verdict(&t, &a) == VERDICT_FLAT;
        t.arms[1].of[TRIAL_CSAT] = draw(1500, 0.76, 0);
        edge += verdict(&t, &a) == VERDICT_FLAT;
    }
    arena_done(&a);
    between("flat when equal", (double)inside / (double)rounds, 0.8, 1);
    between("flat when off by the margin", (double)edge / (double)rounds, 0, 0.045);
}

/* --- looking often --- */

struct peeker {
    size_t fixed, any, any_misses;
};

/* A look after every tenth answer an arm; whoever sees p < 0.05 stops. */
static void peek(struct peeker *p, enum store_trial_measure m, double plus, double minus)
{
    struct store_ratio a = {0}, b = {0};
    bool fixed = false, any = false, missed = false;
    for (int n = 1; n <= 600; n++) {
        put_one(&a, answer(plus, minus));
        put_one(&b, answer(plus, minus));
        if (n % 10)
            continue;
        struct experiment_difference d = measure_difference(m, &a, &b);
        fixed = fixed || d.p < 0.05;
        any = any || d.any_p < 0.05;
        missed = missed || d.any_low > 0 || d.any_high < 0;
    }
    p->fixed += fixed;
    p->any += any;
    p->any_misses += missed;
}

static void looking_every_day_is_paid_for(void **state)
{
    static const struct {
        const char *what;
        enum store_trial_measure m;
        double plus, minus;
    } cases[] = {
        {"csat 70 %", TRIAL_CSAT, 0.7, 0},
        {"csat 95 %", TRIAL_CSAT, 0.95, 0},
        {"nps +20", TRIAL_NPS, 0.5, 0.3},
    };
    size_t rounds = test_rounds(1000, 20000);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peeker p = {0};
        for (size_t k = 0; k < rounds; k++)
            peek(&p, cases[i].m, cases[i].plus, cases[i].minus);
        print_message("%s, 60 looks\n", cases[i].what);
        between("  stopped by the p of one look", (double)p.fixed / (double)rounds, 0.15, 0.6);
        between("  stopped by the any-time p", (double)p.any / (double)rounds, 0, 0.06);
        assert_int_equal(p.any, p.any_misses); /* p < 0.05 just when the interval leaves 0 out */
    }
}

/* The price in answers, and that it is not infinite. */
static void a_real_difference_is_found_at_any_time(void **state)
{
    size_t rounds = test_rounds(500, 5000), found = 0;
    (void)state;
    for (size_t k = 0; k < rounds; k++) {
        struct store_ratio a = draw(600, 0.7, 0), b = draw(600, 0.6, 0);
        found += measure_difference(TRIAL_CSAT, &a, &b).any_p < 0.05;
    }
    between("10 points on 600 each, any time", (double)found / (double)rounds, 0.5, 0.95);
}

/* --- the ratio check --- */

static double alarms(size_t units, double share, size_t rounds)
{
    size_t failed = 0;
    double shares[2] = {0.5, 0.5};
    for (size_t k = 0; k < rounds; k++) {
        uint64_t counts[2] = {0};
        for (size_t i = 0; i < units; i++)
            counts[test_unit() < share]++;
        failed += stats_fit(counts, shares, 2) < RATIO_P;
    }
    return (double)failed / (double)rounds;
}

static void a_fair_coin_passes(void **state)
{
    size_t rounds = test_rounds(20000, 200000);
    (void)state;
    between("false alarms, 400 units", alarms(400, 0.5, rounds), 0, 0.0025);
    between("false alarms, 40 units", alarms(40, 0.5, rounds), 0, 0.0025);
    between("60 to 40 found, 400 units", alarms(400, 0.6, rounds / 20), 0.6, 0.95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(intervals_cover_when_customers_answer_often),
        cmocka_unit_test(chance_is_rarely_called_a_win),
        cmocka_unit_test(flat_is_rarely_wrong),
        cmocka_unit_test(looking_every_day_is_paid_for),
        cmocka_unit_test(a_real_difference_is_found_at_any_time),
        cmocka_unit_test(a_fair_coin_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
