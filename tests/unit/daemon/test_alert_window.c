/* Minute buckets against a plain list of records, and the edges of a decision. */
#include <math.h>

#include "base/err.h"
#include "daemon/alert/window.h"
#include "tests/lib/test.h"

enum { ITEMS = 300 };

struct item {
    int64_t minute;
    struct window_part part;
    bool there;
};

static struct window_value sum(const struct item *items, size_t n, int64_t from)
{
    struct window_value v = {0, 0, NAN};
    for (size_t i = 0; i < n; i++) {
        if (items[i].there && items[i].minute >= from) {
            v.n += items[i].part.n;
            v.net += items[i].part.net;
        }
    }
    if (v.n)
        v.value = (double)v.net / (double)v.n;
    return v;
}

static void check(struct window *w, const struct item *items, size_t n, int64_t minute,
                  int64_t kept)
{
    struct alert_test t = {.measure = ALERT_NPS, .window = 1 + (int64_t)test_below(60)};
    int64_t from = minute - t.window;
    struct window_value want = sum(items, n, from > kept ? from : kept);
    struct window_value got = window_value(w, &t, minute * MS_MINUTE + 59999);
    assert_int_equal(got.n, want.n);
    assert_int_equal(got.net, want.net);
    assert_true(got.value == want.value || (isnan(got.value) && isnan(want.value)));
}

/* In any order, forwards and backwards in time, with taking back and forgetting. */
static void test_against_a_list(void **state)
{
    (void)state;
    for (size_t round = 0, rounds = test_rounds(300, 5000); round < rounds; round++) {
        struct window w = {0};
        static struct item items[ITEMS];
        int64_t now = 29000000, kept = 0;
        for (size_t n = 0; n < ITEMS; n++) {
            uint64_t dice = test_below(10);
            now += (int64_t)test_below(4) - (dice == 0 ? 20 : 0);
            items[n] = (struct item){
                now - (int64_t)test_below(70) + 5, {1, (int32_t)test_below(3) - 1}, true};
            if (items[n].minute < kept)
                items[n].there = false;
            else
                assert_int_equal(window_add(&w, items[n].minute, items[n].part), 0);
            struct item *old = &items[test_below(n + 1)];
            if (dice < 3 && old->there && old->minute >= kept) {
                old->there = false;
                assert_int_equal(
                    window_add(&w, old->minute, (struct window_part){-old->part.n, -old->part.net}),
                    0);
            }
            if (dice == 9) {
                kept = now - 200 > kept ? now - 200 : kept;
                window_prune(&w, kept);
            }
            check(&w, items, n + 1, now, kept);
        }
        window_done(&w);
    }
}

static void test_nothing_below_zero(void **state)
{
    struct window w = {0};
    const struct alert_test t = {.measure = ALERT_COUNT, .window = 5};
    (void)state;
    assert_int_equal(window_add(&w, 10, (struct window_part){-1, 0}), -ERANGE);
    assert_int_equal(window_add(&w, 10, (struct window_part){1, 1}), 0);
    assert_int_equal(window_add(&w, 10, (struct window_part){-1, 0}), -ERANGE);
    assert_int_equal(window_add(&w, 11, (struct window_part){-1, -1}), -ERANGE);
    assert_int_equal(window_value(&w, &t, 10 * MS_MINUTE).n, 1);
    assert_int_equal(window_add(&w, 10, (struct window_part){-1, -1}), 0);
    assert_int_equal(w.n, 0);
    window_done(&w);
}

static void test_parts(void **state)
{
    const struct scaled none = {0}, top = {4, 5, true}, low = {3, 5, true}, seven = {6, 7, true};
    const struct scaled nps[] = {{10, 10, true}, {9, 10, true}, {8, 10, true}, {6, 10, true}};
    static const int32_t want[] = {1, 1, 0, -1};
    (void)state;
    assert_int_equal(window_part(ALERT_NEGATIVE_RATE, SENTIMENT_NONE, none, none).n, 0);
    assert_int_equal(window_part(ALERT_NEGATIVE_RATE, SENTIMENT_NEUTRAL, none, none).net, 0);
    assert_int_equal(window_part(ALERT_NEGATIVE_RATE, SENTIMENT_NEGATIVE, none, none).net, 1);
    assert_int_equal(window_part(ALERT_POSITIVE_RATE, SENTIMENT_POSITIVE, none, none).net, 1);
    assert_int_equal(window_part(ALERT_CSAT, SENTIMENT_POSITIVE, none, none).n, 0);
    assert_int_equal(window_part(ALERT_CSAT, SENTIMENT_NONE, top, none).net, 1);
    assert_int_equal(window_part(ALERT_CSAT, SENTIMENT_NONE, low, none).net, 0);
    assert_int_equal(window_part(ALERT_CSAT, SENTIMENT_NONE, seven, none).net, 1);
    for (size_t i = 0; i < ARRAY_LEN(nps); i++)
        assert_int_equal(window_part(ALERT_NPS, SENTIMENT_NONE, none, nps[i]).net, want[i]);
}

static enum window_verdict decide(enum alert_op op, bool firing, int64_t n, double value,
                                  int64_t now, int64_t *low)
{
    const struct alert_test t = {.measure = ALERT_NEGATIVE_RATE,
                                 .op = op,
                                 .threshold = 0.5,
                                 .recover = op == ALERT_GE || op == ALERT_GT ? 0.4 : 0.6,
                                 .window = 10,
                                 .min_samples = 5};
    const struct window_value v = {n, 0, value};
    return window_decide(&t, firing, &v, now, low);
}

static void test_decisions(void **state)
{
    static const struct {
        enum alert_op op;
        double at, past, calm; /* the bound itself, beyond it, recover itself */
        bool fires_at, calms_at;
    } cases[] = {{ALERT_GE, 0.5, 0.51, 0.4, true, false},
                 {ALERT_GT, 0.5, 0.51, 0.4, false, true},
                 {ALERT_LE, 0.5, 0.49, 0.6, true, false},
                 {ALERT_LT, 0.5, 0.49, 0.6, false, true}};
    int64_t low = NO_TIME;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum alert_op op = cases[i].op;
        assert_int_equal(decide(op, false, 5, cases[i].at, 0, &low),
                         cases[i].fires_at ? WINDOW_FIRE : WINDOW_HOLD);
        assert_int_equal(decide(op, false, 5, cases[i].past, 0, &low), WINDOW_FIRE);
        assert_int_equal(decide(op, false, 4, cases[i].past, 0, &low), WINDOW_HOLD);
        assert_int_equal(decide(op, true, 5, cases[i].at, 0, &low), WINDOW_HOLD);
        assert_int_equal(decide(op, true, 5, cases[i].calm, 0, &low),
                         cases[i].calms_at ? WINDOW_RECOVERED : WINDOW_HOLD);
        assert_int_equal(decide(op, true, 0, NAN, 0, &low), WINDOW_EMPTY);
        low = NO_TIME;
    }
}

static void test_few_for_a_whole_window(void **state)
{
    int64_t low = NO_TIME;
    (void)state;
    assert_int_equal(decide(ALERT_GE, true, 4, 1, 1000, &low), WINDOW_HOLD);
    assert_int_equal(low, 1000);
    assert_int_equal(decide(ALERT_GE, true, 5, 1, 2000, &low), WINDOW_HOLD);
    assert_int_equal(low, NO_TIME);
    assert_int_equal(decide(ALERT_GE, true, 4, 1, 3000, &low), WINDOW_HOLD);
    assert_int_equal(decide(ALERT_GE, true, 4, 1, 3000 + 10 * MS_MINUTE - 1, &low), WINDOW_HOLD);
    assert_int_equal(decide(ALERT_GE, true, 4, 1, 3000 + 10 * MS_MINUTE, &low), WINDOW_FEW);
    assert_int_equal(decide(ALERT_GE, true, 4, 1, 500, &low), WINDOW_HOLD); /* set back */
    assert_int_equal(low, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_nothing_below_zero),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_few_for_a_whole_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
