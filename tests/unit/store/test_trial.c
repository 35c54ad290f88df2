/* Arms and units against sums made by looking at every record, on a random store with replaced,
 * re-analysed, deleted, sealed and unsealed rows. */
#include <math.h>
#include <stdlib.h>

#include "base/time.h"
#include "tests/unit/store/fixture.h"

#define RECORDS 9500
#define CUSTOMERS 60
#define UNITS_MAX 16384

struct model {
    struct fixture fx;
    struct uuid ids[2 * RECORDS];
    size_t n_ids;
    struct stored *rows;
    size_t n_rows;
    struct arena a;
};

static struct model m;

static void put_random(struct store_txn *t, uint64_t n, struct arena *a)
{
    struct store_put put;
    struct feedback f = random_feedback(a, n, CUSTOMERS);
    struct analysis an = random_analysis(a);
    f.source = span_str(sources[n % ARRAY_LEN(sources)]);
    if (test_below(3) == 0)
        f.text = SPAN_NONE; /* asked, and perhaps silent */
    assert_ok(store_put_feedback(t, &f, test_below(20) ? &an : NULL, a, &put));
    if (put.outcome == OUTCOME_ACCEPTED)
        m.ids[m.n_ids++] = put.id;
}

static int group_setup(void **state)
{
    struct store_stats st;
    struct arena a;
    (void)state;
    fixture_init(&m.fx);
    arena_init(&m.a, (size_t)1 << 30);
    arena_init(&a, 0);
    for (uint64_t n = 0; n < RECORDS;) {
        struct store_txn *t = fixture_begin(&m.fx);
        arena_reset(&a);
        for (int i = 0; i < 300 && n < RECORDS; i++)
            put_random(t, n++, &a);
        for (int i = 0; i < 20; i++)
            put_random(t, test_below(n), &a);
        for (int i = 0; i < 5; i++) {
            int r = store_delete_feedback(t, &m.ids[test_below(m.n_ids)]);
            assert_true(r == 0 || r == -ENOENT);
        }
        assert_ok(store_commit(t));
    }
    arena_done(&a);
    assert_ok(store_stats(m.fx.store, &st));
    assert_true(st.sealed_blocks >= 2 && st.unsealed_rows > 100);
    m.rows = calloc(m.n_ids, sizeof(*m.rows));
    struct store_view *v = fixture_view(&m.fx);
    for (size_t i = 0; i < m.n_ids; i++) {
        int r = store_get_feedback(v, &m.ids[i], &m.a, &m.rows[m.n_rows]);
        assert_true(r == 0 || r == -ENOENT);
        m.n_rows += r == 0;
    }
    store_view_end(v);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    free(m.rows);
    arena_done(&m.a);
    fixture_done(&m.fx);
    return 0;
}

/* --- the plain way --- */

struct unit {
    struct span id;
    bool customer, single;
    bool in[2]; /* arms A, B */
    uint64_t n[2][TRIAL_MEASURES];
    double sum[2][TRIAL_MEASURES];
};
struct plain {
    struct unit units[UNITS_MAX];
    size_t n;
    struct store_arm arms[2];
};

static struct plain plain;

static struct span arm_of(const struct stored *s, struct span experiment)
{
    for (size_t i = 0; i < s->feedback.n_experiments; i++) {
        if (span_eq(s->feedback.experiments[i].key, experiment))
            return s->feedback.experiments[i].value;
    }
    return SPAN_NONE;
}

static struct unit *unit_of(const struct stored *s, enum store_unit by)
{
    const struct feedback *f = &s->feedback;
    bool customer = by == STORE_UNIT_CUSTOMER && f->customer.id.n;
    struct span id = customer ? f->customer.id : f->conversation;
    for (size_t i = 0; i < plain.n && id.n; i++) {
        struct unit *u = &plain.units[i];
        if (!u->single && u->customer == customer && span_eq(u->id, id))
            return u;
    }
    assert_true(plain.n < UNITS_MAX);
    plain.units[plain.n] = (struct unit){.id = id, .customer = customer, .single = id.n == 0};
    return &plain.units[plain.n++];
}

static void observe(struct unit *u, int arm, enum store_trial_measure measure, double x)
{
    u->n[arm][measure]++;
    u->sum[arm][measure] += x;
    plain.arms[arm].of[measure].sum2 += x * x;
}

static void add_record(const struct stored *s, int arm, struct unit *u)
{
    const struct feedback *f = &s->feedback;
    enum sentiment said = s->analysis.sentiment;
    bool answered = f->text.n || f->rating.has || f->csat.has || f->nps.has || f->ces.has;
    u->in[arm] = true;
    plain.arms[arm].rows++;
    if (f->csat.has)
        observe(u, arm, TRIAL_CSAT, f->csat.value >= 4);
    if (f->nps.has)
        observe(u, arm, TRIAL_NPS, f->nps.value >= 9 ? 1 : f->nps.value <= 6 ? -1 : 0);
    if (f->ces.has)
        observe(u, arm, TRIAL_CES, f->ces.value);
    if (f->rating.has)
        observe(u, arm, TRIAL_RATING, f->rating.value / f->rating.scale);
    if (f->surveyed)
        observe(u, arm, TRIAL_RESPONSE, answered);
    if (said == SENTIMENT_NONE)
        return;
    observe(u, arm, TRIAL_NEGATIVE, said == SENTIMENT_NEGATIVE);
    observe(u, arm, TRIAL_POSITIVE, said == SENTIMENT_POSITIVE);
    observe(u, arm, TRIAL_NET, (said == SENTIMENT_POSITIVE) - (said == SENTIMENT_NEGATIVE));
    observe(u, arm, TRIAL_POLARITY, s->analysis.polarity);
}

static void sum_units(void)
{
    for (size_t i = 0; i < plain.n; i++) {
        for (int arm = 0; arm < 2; arm++) {
            plain.arms[arm].units += plain.units[i].in[arm];
            for (int k = 0; k < TRIAL_MEASURES; k++) {
                struct store_ratio *r = &plain.arms[arm].of[k];
                double n = (double)plain.units[i].n[arm][k], sum = plain.units[i].sum[arm][k];
                r->n += plain.units[i].n[arm][k];
                r->units += n > 0;
                r->sum += sum;
                r->nn += n * n;
                r->ns += n * sum;
                r->ss += sum * sum;
            }
        }
    }
}

static void make_plain(const struct store_trial_query *q)
{
    memset(&plain, 0, sizeof plain);
    for (size_t i = 0; i < m.n_rows; i++) {
        const struct stored *s = &m.rows[i];
        struct where_record r = {&s->feedback, &s->analysis, s->segments, s->n_segments};
        struct span arm = arm_of(s, q->experiment);
        if (!arm.n || s->feedback.created_at < q->from || s->feedback.created_at >= q->to ||
            (q->where && !where_match(q->where, &r, FIXTURE_NOW)))
            continue;
        add_record(s, span_is(arm, "B"), unit_of(s, q->unit));
    }
    sum_units();
}

/* --- the two against each other --- */

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(a));
}

static void same_arm(const struct store_arm *got, const struct store_arm *want)
{
    assert_int_equal(got->rows, want->rows);
    assert_int_equal(got->units, want->units);
    for (int k = 0; k < TRIAL_MEASURES; k++) {
        const struct store_ratio *x = &got->of[k], *y = &want->of[k];
        assert_int_equal(x->n, y->n);
        assert_int_equal(x->units, y->units);
        assert_true(near(x->sum, y->sum) && near(x->sum2, y->sum2));
        assert_true(near(x->nn, y->nn) && near(x->ns, y->ns) && near(x->ss, y->ss));
    }
}

static void compare(struct store_view *v, const struct store_trial_query *q, struct arena *a)
{
    struct store_trial got;
    uint64_t shared = 0;
    size_t arms_seen = 0;
    assert_ok(store_trial(v, q, a, &got));
    make_plain(q);
    for (size_t i = 0; i < plain.n; i++)
        shared += plain.units[i].in[0] && plain.units[i].in[1];
    assert_true(got.known);
    assert_int_equal(got.units, plain.n);
    assert_int_equal(got.shared, shared);
    for (int arm = 0; arm < 2; arm++) {
        if (!plain.arms[arm].rows)
            continue;
        assert_true(span_is(got.arms[arms_seen].arm, arm ? "B" : "A"));
        same_arm(&got.arms[arms_seen++], &plain.arms[arm]);
    }
    assert_int_equal(got.n_arms, arms_seen);
}

static void sums_are_those_of_the_records(void **state)
{
    static const char *const filters[] = {"",
                                          "kind in (ticket, review)",
                                          "csat >= 4 or nps > 6",
                                          "not (team = 밤) and polarity < 0.2",
                                          "experiments.greeting = A",
                                          "customer = c-7",
                                          "rating > 7"};
    struct store_view *v = fixture_view(&m.fx);
    uint64_t shared = 0;
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < test_rounds(24, 200); i++) {
        struct where *w = NULL;
        struct where_error err;
        struct store_trial_query q = {.experiment = PICK(trials),
                                      .unit = i % 2 ? STORE_UNIT_CUSTOMER : STORE_UNIT_CONVERSATION,
                                      .now = FIXTURE_NOW,
                                      .from = NO_TIME,
                                      .to = INT64_MAX};
        assert_ok(where_parse(PICK(filters), WHERE_RECORD, &a, &w, &err));
        q.where = w;
        if (test_below(2))
            q.from = FIXTURE_NOW - (int64_t)test_below(400 * (uint64_t)MS_DAY);
        if (test_below(3) == 0)
            q.to = q.from == NO_TIME ? FIXTURE_NOW - 100 * MS_DAY : q.from + 60 * MS_DAY;
        compare(v, &q, &a);
        shared += plain.n > 0;
        arena_reset(&a);
    }
    assert_true(shared > 5);
    arena_done(&a);
    store_view_end(v);
}

static void names_are_those_of_living_rows(void **state)
{
    const struct store_trial_name *names;
    struct store_budget none = {0};
    struct arena a;
    size_t n;
    struct store_view *v = fixture_view(&m.fx);
    (void)state;
    arena_init(&a, 0);
    assert_ok(store_trial_names(v, &none, &a, &names, &n));
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        uint64_t rows = 0;
        int64_t first = INT64_MAX, last = NO_TIME;
        assert_true(span_is(names[i].experiment, trials[i / 2]));
        assert_true(span_is(names[i].arm, arms[i % 2]));
        for (size_t k = 0; k < m.n_rows; k++) {
            int64_t at = m.rows[k].feedback.created_at;
            if (!span_eq(arm_of(&m.rows[k], names[i].experiment), names[i].arm))
                continue;
            rows++;
            first = at < first ? at : first;
            last = at > last ? at : last;
        }
        assert_int_equal(names[i].rows, rows);
        assert_true(names[i].first == first && names[i].last == last);
    }
    arena_done(&a);
    store_view_end(v);
}

static void what_was_removed_is_not_named(void **state)
{
    struct fixture fx;
    struct store_put put;
    struct store_budget none = {0};
    const struct store_trial_name *names;
    struct store_trial trial;
    struct pair pair = {SPAN_LIT("gone"), SPAN_LIT("A")};
    size_t n;
    (void)state;
    fixture_init(&fx);
    struct store_txn *t = fixture_begin(&fx);
    struct feedback f = {.source = SPAN_LIT("s"),
                         .external_id = SPAN_LIT("1"),
                         .updated_at = NO_TIME,
                         .experiments = &pair,
                         .n_experiments = 1};
    assert_ok(store_put_feedback(t, &f, NULL, &fx.a, &put));
    assert_ok(store_delete_feedback(t, &put.id));
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(&fx);
    assert_ok(store_trial_names(v, &none, &fx.a, &names, &n));
    assert_int_equal(n, 0);
    struct store_trial_query q = {.experiment = SPAN_LIT("gone"), .from = NO_TIME, .to = INT64_MAX};
    assert_ok(store_trial(v, &q, &fx.a, &trial));
    assert_true(trial.known && trial.n_arms == 0 && trial.units == 0);
    q.experiment = SPAN_LIT("never");
    assert_ok(store_trial(v, &q, &fx.a, &trial));
    assert_false(trial.known);
    store_view_end(v);
    fixture_done(&fx);
}

static void bounds_are_kept(void **state)
{
    struct fixture fx;
    struct store_put put;
    struct store_trial trial;
    struct store_trial_query q = {
        .experiment = SPAN_LIT("crowd"), .from = NO_TIME, .to = INT64_MAX};
    (void)state;
    fixture_init(&fx);
    struct store_txn *t = fixture_begin(&fx);
    for (int i = 0; i <= STORE_TRIAL_ARMS; i++) {
        struct pair pair = {SPAN_LIT("crowd"), arena_printf(&fx.a, "arm-%d", i)};
        struct feedback f = {.source = SPAN_LIT("s"),
                             .external_id = pair.value,
                             .updated_at = NO_TIME,
                             .experiments = &pair,
                             .n_experiments = 1};
        assert_ok(store_put_feedback(t, &f, NULL, &fx.a, &put));
    }
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(&fx);
    assert_int_equal(store_trial(v, &q, &fx.a, &trial), -E2BIG);
    q.budget.max_rows = 1;
    assert_int_equal(store_trial(v, &q, &fx.a, &trial), -E2BIG);
    struct where *w;
    struct where_error err;
    assert_ok(where_parse(SPAN_LIT("experiments.crowd != 'arm-3'"), WHERE_RECORD, &fx.a, &w, &err));
    q.where = w;
    assert_int_equal(store_trial(v, &q, &fx.a, &trial), -VOC_E_BUDGET);
    q.budget.max_rows = 0;
    assert_ok(store_trial(v, &q, &fx.a, &trial));
    assert_int_equal(trial.n_arms, STORE_TRIAL_ARMS);
    store_view_end(v);
    fixture_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_records),
        cmocka_unit_test(names_are_those_of_living_rows),
        cmocka_unit_test(what_was_removed_is_not_named),
        cmocka_unit_test(bounds_are_kept),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
