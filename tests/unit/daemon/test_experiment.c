/* Numbers against experiment_oracle.py, then what is decided from them and how it is said. */
#include "daemon/experiment/experiment.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "tests/lib/test.h"

#define NOW INT64_C(1795305600000)

struct fixture {
    struct arena a;
    struct experiment e;
    struct store_arm arms[STORE_TRIAL_ARMS + 1];
    struct store_trial trial;
    struct experiment_summary s;
};

static struct fixture *fixture_new(void)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    arena_init(&f->a, 0);
    f->e = experiment_default(SPAN_LIT("apology-v2"));
    f->trial.arms = f->arms;
    return f;
}

static void fixture_free(struct fixture *f)
{
    arena_done(&f->a);
    test_free(f);
}

static struct store_arm *add_arm(struct fixture *f, const char *name, uint64_t units)
{
    struct store_arm *arm = &f->arms[f->trial.n_arms++];
    *arm = (struct store_arm){.arm = span_str(name), .rows = units, .units = units};
    f->trial.units += units;
    return arm;
}

static void put_unit(struct store_ratio *r, uint64_t n, double sum)
{
    r->n += n;
    r->units++;
    r->sum += sum;
    r->nn += (double)(n * n);
    r->ns += (double)n * sum;
    r->ss += sum * sum;
}

/* n units of one observation each: `plus` ones, `minus` minus ones, the rest zeros. */
static void put_many(struct store_ratio *r, uint64_t n, uint64_t plus, uint64_t minus)
{
    for (uint64_t i = 0; i < n; i++) {
        double x = i < plus ? 1 : i < plus + minus ? -1 : 0;
        put_unit(r, 1, x);
        r->sum2 += x * x;
    }
}

static struct store_arm *add_csat(struct fixture *f, const char *name, uint64_t good, uint64_t n)
{
    struct store_arm *arm = add_arm(f, name, n);
    put_many(&arm->of[TRIAL_CSAT], n, good, 0);
    return arm;
}

static const struct experiment_summary *sum_up(struct fixture *f)
{
    assert_int_equal(experiment_summarize(&f->e, &f->trial, NOW, &f->a, &f->s), 0);
    assert_true(f->s.ko.n > 10 && f->s.en.n > 10);
    return &f->s;
}

static void is_verdict(const struct experiment_summary *s, const char *code, const char *reason)
{
    assert_string_equal(experiment_code_text(s->code), code);
    assert_string_equal(experiment_reason_text(s->reason), reason);
}

static void says(struct span text, const char *part)
{
    if (span_find(text, span_str(part)) == SIZE_MAX)
        fail_msg("\"%.*s\" does not say \"%s\"", SPAN_FMT(text), part);
}

/* --- numbers --- */

static void near(double got, double expected)
{
    if (got != expected && !(fabs(got - expected) <= 1e-9 * fmax(1, fabs(expected))))
        fail_msg("%.17g, expected %.17g", got, expected);
}

/* The oracle's rows, as its rows() makes them. */
static void put_rows(struct store_arm *arm, unsigned which, bool one_each)
{
    uint64_t state = 11 + which * 7;
    struct store_ratio *of[3] = {&arm->of[TRIAL_CSAT], &arm->of[TRIAL_NPS], &arm->of[TRIAL_CES]};
    for (int unit = 0; unit < 40; unit++) {
        double sum[3] = {0};
        state = (state * 1103515245 + 12345) % (UINT64_C(1) << 31);
        uint64_t mood = state >> 16 & 7, n = 1 + (state >> 20) % 3;
        for (uint64_t i = 0; i < n; i++) {
            state = (state * 1103515245 + 12345) % (UINT64_C(1) << 31);
            uint64_t x = (mood + (state >> 16) % 5 + 2 * which) % 11;
            double v[3] = {x >= 6, (double)(x >= 9) - (double)(x <= 4), (double)x};
            for (int m = 0; m < 3; m++) {
                of[m]->sum2 += v[m] * v[m];
                sum[m] += v[m];
                if (one_each)
                    put_unit(of[m], 1, v[m]);
            }
        }
        for (int m = 0; m < 3 && !one_each; m++)
            put_unit(of[m], n, sum[m]);
    }
}

struct expected {
    enum store_trial_measure m;
    double a[3], b[3], difference[4], any[3];
};

static void compare_with(const struct expected *expected, size_t n, bool one_each)
{
    struct fixture *f = fixture_new();
    put_rows(add_arm(f, "A", 40), 0, one_each);
    put_rows(add_arm(f, "B", 40), 1, one_each);
    const struct experiment_summary *s = sum_up(f);
    for (size_t i = 0; i < n; i++) {
        const struct expected *x = &expected[i];
        const struct experiment_number *a = &s->arms[0].of[x->m], *b = &s->arms[1].of[x->m];
        const struct experiment_difference *d = &s->comparisons[0].of[x->m];
        double got[] = {a->value, a->low, a->high, b->value, b->low,     b->high,
                        d->value, d->low, d->high, d->p,     d->any_low, d->any_high};
        double want[] = {x->a[0],          x->a[1],          x->a[2],          x->b[0],
                         x->b[1],          x->b[2],          x->difference[0], x->difference[1],
                         x->difference[2], x->difference[3], x->any[0],        x->any[1]};
        for (size_t k = 0; k < ARRAY_LEN(got); k++)
            near(got[k], want[k]);
        near(d->any_p, x->any[2]);
        assert_int_equal(a->n, 80);
        assert_int_equal(b->n, 82);
    }
    fixture_free(f);
}

static void records_of_one_unit_count_as_its_own(void **state)
{
    static const struct expected expected[] = {
        {TRIAL_CSAT,
         {0.5, 0.35905209673788111, 0.64094790326211889},
         {0.60975609756097561, 0.49884918797209371, 0.71036912491597776},
         {0.10975609756097561, -0.069594547903555816, 0.28293026626845356, 0.23789270351990197},
         {-0.20404112691233293, 0.42355332203428415, 0.9932364349210522}},
        {TRIAL_NPS,
         {-0.275, -0.43959907657128273, -0.11040092342871727},
         {-0.036585365853658537, -0.21746895577586845, 0.14429822406855138},
         {0.23841463414634146, -0.011584267592715117, 0.48841353588539804, 0.06131350640866278},
         {-0.19968951116206964, 0.67651877945475256, 0.54951622623319636}},
        {TRIAL_CES,
         {5.05, 4.3314112167951314, 5.7685887832048686},
         {5.8292682926829268, 5.0801180543421648, 6.5784185310236889},
         {0.77926829268292683, -0.24249006137901133, 1.801026646744865, 0.13296152199496602},
         {-1.0114857340077898, 2.5700223193736435, 0.79052517852377849}},
    };
    (void)state;
    compare_with(expected, ARRAY_LEN(expected), false);
}

static void records_apart_are_newcombe_and_welch(void **state)
{
    static const struct expected expected[] = {
        {TRIAL_CSAT,
         {0.5, 0.39297415086119721, 0.60702584913880279},
         {0.60975609756097561, 0.50153570108150326, 0.70815318640115765},
         {0.10975609756097561, -0.042448326152844109, 0.25514013890012828, 0.15985367483762742},
         {-0.13138669475880285, 0.35089888988075407, 0.8904890492915599}},
        {TRIAL_NPS,
         {-0.275, -0.41775061676889828, -0.13224938323110172},
         {-0.036585365853658537, -0.20371187446840118, 0.13054114276108411},
         {0.23841463414634146, 0.015533925632731299, 0.46129534265995163, 0.036195280417064777},
         {-0.12000760127789559, 0.59683686957057852, 0.37883933410851993}},
        {TRIAL_CES,
         {5.05, 4.429693658038488, 5.670306341961512},
         {5.8292682926829268, 5.0970134417362901, 6.5615231436295636},
         {0.77926829268292683, -0.1732918173914822, 1.7318284027573359, 0.10812979349444782},
         {-0.75254718465482563, 2.3110837700206793, 0.73820076086968876}},
    };
    (void)state;
    compare_with(expected, ARRAY_LEN(expected), true);
}

/* --- verdicts --- */

static void better_and_worse(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 520, 1000);
    add_csat(f, "B", 600, 1000);
    f->e.to = NOW - 1;
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "win", "different");
    assert_int_equal(s->n_warnings, 0);
    assert_true(span_starts(s->ko, SPAN_LIT("B안이 A안보다 낫습니다: 고객 만족도(CSAT)가 60.0%로 "
                                            "A안의 52.0%보다 8.0%p 높습니다(95% 신뢰구간 +")));
    says(s->ko, "p<0.001, 응답 1000건 대 1000건).");
    says(s->en, "B beats A: CSAT is 60.0% against 52.0%, 8.0 points higher (95% interval +");
    f->e.control = SPAN_LIT("B");
    s = sum_up(f);
    is_verdict(s, "lose", "different");
    assert_true(span_is(s->arms[0].arm, "B"));
    says(s->ko,
         "A안이 B안보다 못합니다: 고객 만족도(CSAT)가 52.0%로 B안의 60.0%보다 8.0%p 낮습니다");
    says(s->en, "A does worse than B");
    fixture_free(f);
}

static void direction_follows_the_measure(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    put_many(&add_arm(f, "A", 1000)->of[TRIAL_NEGATIVE], 1000, 300, 0);
    put_many(&add_arm(f, "B", 1000)->of[TRIAL_NEGATIVE], 1000, 220, 0);
    experiment_set_measure(&f->e, TRIAL_NEGATIVE);
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "win", "different");
    says(
        s->ko,
        "B안이 A안보다 낫습니다: 낮을수록 좋은 부정 비율이 22.0%로 A안의 30.0%보다 8.0%p 낮습니다");
    says(s->ko, "기록 1000건 대 1000건");
    says(s->en, "8.0 points lower, and lower is better");
    f->e.lower_better[f->e.measure] = false;
    is_verdict(sum_up(f), "lose", "different");
    fixture_free(f);
}

/* Only an interval inside the margin is flat, however small the difference. */
static void flat_needs_proof(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 50, 100);
    add_csat(f, "B", 50, 100);
    is_verdict(sum_up(f), "inconclusive", "undecided");
    f->e.margin = 0.15;
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "flat", "equivalent");
    says(s->ko,
         "B안과 A안은 차이가 없다고 봐도 됩니다: 고객 만족도(CSAT) 차이는 +0.0%p이고 95% 신뢰구간 "
         "-13.6~+13.6%p가 무시해도 되는 폭 ±15.0%p 안에 있습니다");
    fixture_free(f);

    /* Certain, and too small to matter. */
    f = fixture_new();
    add_csat(f, "A", 500000, 1000000);
    add_csat(f, "B", 504000, 1000000);
    s = sum_up(f);
    assert_true(s->comparisons[0].of[TRIAL_CSAT].p < 1e-6);
    is_verdict(s, "flat", "equivalent");
    f->e.margin = 0.001;
    is_verdict(sum_up(f), "win", "different");
    fixture_free(f);
}

static void what_is_missing_is_said(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 30, 60);
    add_csat(f, "B", 36, 60);
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "inconclusive", "undecided");
    uint64_t needed = s->comparisons[0].needed;
    assert_true(needed > 200 && needed < 500);
    says(s->ko, "안마다 응답이 약 ");
    says(s->ko, "B안의 고객 만족도(CSAT)가 A안보다 10.0%p 높지만 우연일 수 있어(");
    fixture_free(f);

    /* With so many more and the same shares it is settled with room to spare: power of 80 %. */
    f = fixture_new();
    uint64_t n = 60 + needed;
    add_csat(f, "A", n / 2, n);
    add_csat(f, "B", n * 6 / 10, n);
    s = sum_up(f);
    is_verdict(s, "win", "different");
    double z = -s->comparisons[0].of[TRIAL_CSAT].value /
               (s->comparisons[0].of[TRIAL_CSAT].low - s->comparisons[0].of[TRIAL_CSAT].value) *
               1.96;
    assert_true(z > 2.6 && z < 3.0); /* 1.96 + 0.84 */
    fixture_free(f);

    f = fixture_new();
    add_csat(f, "A", 50, 100);
    add_csat(f, "B", 50, 100);
    f->e.margin = 0;
    s = sum_up(f);
    assert_int_equal(s->comparisons[0].needed, 0);
    says(s->ko, "백만 건 넘게");
    fixture_free(f);
}

static void too_few_units_decide_nothing(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 0, 9);
    add_csat(f, "B", 9, 9);
    f->e.unit = STORE_UNIT_CUSTOMER;
    const struct experiment_summary *s = sum_up(f);
    assert_true(s->comparisons[0].of[TRIAL_CSAT].p < 0.001);
    is_verdict(s, "inconclusive", "few_answers");
    assert_int_equal(s->comparisons[0].needed, 1);
    says(s->ko, "고객이 B안 9명, A안 9명뿐이라, 안마다 10명은 되어야");
    fixture_free(f);
}

/* Three tens against three zeros would be certain, if answers that happen to agree had no variance.
 */
static void equal_answers_are_not_certain(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    put_many(&add_arm(f, "A", 3)->of[TRIAL_NPS], 3, 0, 3);
    put_many(&add_arm(f, "B", 3)->of[TRIAL_NPS], 3, 3, 0);
    const struct experiment_difference *d = &sum_up(f)->comparisons[0].of[TRIAL_NPS];
    near(d->value, 2);
    /* sqrt(2·(2/3)²): t = 2.1213 with 4 degrees of freedom */
    near(d->p, 0.1011915072182955);
    assert_true(d->low < 0);
    fixture_free(f);

    f = fixture_new();
    put_many(&add_arm(f, "A", 400)->of[TRIAL_NPS], 400, 400, 0);
    put_many(&add_arm(f, "B", 400)->of[TRIAL_NPS], 400, 400, 0);
    experiment_set_measure(&f->e, TRIAL_NPS);
    is_verdict(sum_up(f), "flat", "equivalent");
    fixture_free(f);
}

static void many_arms_pay_for_it(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "c", 50, 100);
    add_csat(f, "control", 50, 100);
    add_csat(f, "b", 65, 100);
    add_csat(f, "d", 80, 100);
    const struct experiment_summary *s = sum_up(f);
    assert_true(span_is(s->arms[0].arm, "control"));
    assert_true(span_is(s->arms[1].arm, "b"));
    is_verdict(s, "win", "different");
    assert_true(span_is(s->arms[s->comparisons[s->decisive].arm].arm, "d"));
    assert_int_equal(s->comparisons[0].code, VERDICT_INCONCLUSIVE);
    near(s->comparisons[0].of[TRIAL_CSAT].p_adjusted, 2 * s->comparisons[0].of[TRIAL_CSAT].p);
    says(s->ko, "(여러 안 비교 보정)");
    fixture_free(f);
}

/* --- fairness --- */

static void the_ratio_is_checked_against_the_plan(void **state)
{
    static const struct experiment_share shares[] = {{SPAN_LIT("A"), 2}, {SPAN_LIT("B"), 1}};
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 60, 200);
    add_csat(f, "B", 60, 100);
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "invalid", "sample_ratio");
    says(s->ko,
         "A안에 계획한 50.0%가 아니라 66.7%(상담 300건 중 200건)가 배정되어 우연이라고 볼 수 "
         "없으므로(p<0.001)");
    f->e.shares = shares;
    f->e.n_shares = 2;
    s = sum_up(f);
    assert_true(s->ratio_passed);
    is_verdict(s, "win", "different");
    fixture_free(f);

    /* A cell that expects a fifth of a unit says nothing: 2 of 20 where 1 in 100 was meant. */
    static const struct experiment_share rare[] = {{SPAN_LIT("A"), 99}, {SPAN_LIT("B"), 1}};
    f = fixture_new();
    add_csat(f, "A", 9, 18);
    add_csat(f, "B", 1, 2);
    f->e.shares = rare;
    f->e.n_shares = 2;
    s = sum_up(f);
    assert_true(s->ratio_p < 0.001 && s->ratio_passed);
    fixture_free(f);
}

static void mixed_and_unplanned_units(void **state)
{
    static const struct experiment_share shares[] = {{SPAN_LIT("A"), 1}, {SPAN_LIT("B"), 1}};
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 520, 1000);
    add_csat(f, "B", 600, 1000);
    f->trial.units = 1900;
    f->trial.shared = 100;
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "win", "different");
    assert_string_equal(s->warnings[0].code, "several_arms");
    says(s->warnings[0].ko, "상담 100건(5.3%)이 두 가지 이상의 안을 겪었습니다");
    f->trial.shared = 191;
    is_verdict(sum_up(f), "invalid", "several_arms");
    f->trial.shared = 0;
    f->e.shares = shares;
    f->e.n_shares = 2;
    add_csat(f, "b", 5, 15);
    s = sum_up(f);
    is_verdict(s, "win", "different");
    assert_string_equal(s->warnings[0].code, "unplanned_arms");
    assert_int_equal(s->n_arms, 3);
    f->trial.units += 100;
    add_csat(f, "c", 5, 15);
    is_verdict(sum_up(f), "invalid", "unplanned_arms");
    fixture_free(f);
}

static void nothing_to_compare(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    is_verdict(sum_up(f), "inconclusive", "no_records");
    assert_false(f->s.has_control);
    add_csat(f, "B", 5, 10);
    is_verdict(sum_up(f), "inconclusive", "one_arm");
    says(f->s.ko, "기록이 모두 B안 하나에 속합니다");
    f->e.control = SPAN_LIT("A");
    is_verdict(sum_up(f), "invalid", "unknown_control");
    says(f->s.ko, "기준으로 정한 A안이");
    fixture_free(f);
}

/* --- looking every day --- */

static void a_running_experiment_is_not_final(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    add_csat(f, "A", 52, 100);
    add_csat(f, "B", 67, 100);
    const struct experiment_summary *s = sum_up(f);
    is_verdict(s, "win", "different");
    assert_string_equal(s->warnings[0].code, "peeking");
    says(s->warnings[0].ko, "아직 멈추기 이릅니다");
    f->e.to = NOW;
    assert_int_equal(sum_up(f)->n_warnings, 0);
    f->e.to = NOW + 1;
    assert_int_equal(sum_up(f)->n_warnings, 1);
    f->e.sequential = true;
    s = sum_up(f);
    is_verdict(s, "inconclusive", "undecided");
    says(s->ko, "언제 봐도 유효한 95% 구간");
    says(s->en, "any-time 95% interval");
    assert_int_equal(s->n_warnings, 0);
    fixture_free(f);

    f = fixture_new();
    add_csat(f, "A", 520, 1000);
    add_csat(f, "B", 620, 1000);
    says(sum_up(f)->warnings[0].ko, "지금 멈추어도 됩니다");
    fixture_free(f);
}

/* --- names --- */

static void hostile_names_stay_in_their_line(void **state)
{
    static const char *const names[] = {"",        "\xe2\x80\xae!vil\n\t", "%s%n%d",
                                        "<b>&\"'", "\xff\xfe broken",      "가나다안"};
    char longest[600];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i <= ARRAY_LEN(names); i++) {
        struct fixture *f = fixture_new();
        add_csat(f, "A", 50, 100);
        add_csat(f, i < ARRAY_LEN(names) ? names[i] : longest, 90, 100);
        const struct experiment_summary *s = sum_up(f);
        assert_int_equal(s->code, VERDICT_WIN);
        for (size_t k = 0; k < s->ko.n; k++)
            assert_true((unsigned char)s->ko.p[k] >= 0x20);
        assert_int_equal(span_find(s->ko, SPAN_LIT("\xe2\x80\xae")), SIZE_MAX);
        assert_int_equal(span_find(s->ko, SPAN_LIT("안안")), SIZE_MAX);
        assert_true(s->ko.n < 1000 && s->en.n < 1000);
        fixture_free(f);
    }
}

static void the_most_arms(void **state)
{
    static char names[STORE_TRIAL_ARMS][16];
    struct fixture *f = fixture_new();
    (void)state;
    for (size_t i = 0; i < STORE_TRIAL_ARMS; i++) {
        snprintf(names[i], sizeof names[i], "arm-%03zu", i);
        add_csat(f, names[i], 50 + i % 3, 100);
    }
    const struct experiment_summary *s = sum_up(f);
    assert_int_equal(s->n_comparisons, STORE_TRIAL_ARMS - 1);
    assert_true(span_is(s->control, "arm-000"));
    is_verdict(s, "inconclusive", "undecided");
    fixture_free(f);
}

/* --- declarations --- */

static int read_text(struct fixture *f, const char *text, char message[EXPERIMENT_MESSAGE])
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    int rc = experiment_read(SPAN_LIT("x"), v, &f->a, &f->e, message);
    json_decref(v);
    return rc;
}

static void declarations(void **state)
{
    static const char *const wrong[] = {"[]",
                                        "{\"measure\":\"polarity\"}",
                                        "{\"shares\":{\"A\":1}}",
                                        "{\"shares\":{\"A\":1,\"\":1}}",
                                        "{\"shares\":{\"A\":1,\"B\":-1}}",
                                        "{\"unit\":\"agent\"}",
                                        "{\"from\":\"2026\"}",
                                        "{\"from\":5,\"to\":5}",
                                        "{\"margin\":-0.1}",
                                        "{\"better\":1}",
                                        "{\"sequential\":1}",
                                        "{\"name\":\"\"}",
                                        "{\"name\":\"a\\u0007\"}",
                                        "{\"control\":\"C\",\"shares\":{\"A\":1,\"B\":1}}",
                                        "{\"what\":1}"};
    char message[EXPERIMENT_MESSAGE];
    struct fixture *f = fixture_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        message[0] = '\0';
        assert_int_equal(read_text(f, wrong[i], message), -EINVAL);
        assert_true(strlen(message) > 3);
        assert_false(f->e.declared); /* untouched */
    }
    assert_int_equal(
        read_text(f, "{\"margin\":0.5,\"better\":null,\"measure\":\"negative_rate\"}", message), 0);
    assert_true(f->e.declared && f->e.lower_better[f->e.measure] && f->e.margin == 0.5);
    assert_int_equal(read_text(f,
                               "{\"shares\":{\"b\":1,\"a\":3},\"control\":\"b\",\"unit\":"
                               "\"customer\",\"from\":1,\"to\":2,\"sequential\":true}",
                               message),
                     0);
    assert_true(span_is(f->e.shares[0].arm, "a") && f->e.shares[0].share == 3);
    assert_int_equal(f->e.unit, STORE_UNIT_CUSTOMER);
    assert_int_equal(f->e.measure, TRIAL_CSAT);
    assert_true(f->e.from == 1 && f->e.to == 2 && f->e.sequential);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_one_unit_count_as_its_own),
        cmocka_unit_test(records_apart_are_newcombe_and_welch),
        cmocka_unit_test(better_and_worse),
        cmocka_unit_test(direction_follows_the_measure),
        cmocka_unit_test(flat_needs_proof),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(too_few_units_decide_nothing),
        cmocka_unit_test(equal_answers_are_not_certain),
        cmocka_unit_test(many_arms_pay_for_it),
        cmocka_unit_test(the_ratio_is_checked_against_the_plan),
        cmocka_unit_test(mixed_and_unplanned_units),
        cmocka_unit_test(nothing_to_compare),
        cmocka_unit_test(a_running_experiment_is_not_final),
        cmocka_unit_test(hostile_names_stay_in_their_line),
        cmocka_unit_test(the_most_arms),
        cmocka_unit_test(declarations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
