#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/experiment/impl.h"
#include "daemon/stats.h"

enum { NEEDED_MAX = 1000000 };
#define POWER_LEVEL 0.6 /* ±z of it: one-sided power of 80 % */

static const char *const code_texts[] = {
    [VERDICT_WIN] = "win",         [VERDICT_LOSE] = "lose",
    [VERDICT_FLAT] = "flat",       [VERDICT_INCONCLUSIVE] = "inconclusive",
    [VERDICT_INVALID] = "invalid",
};
static const char *const reason_texts[] = {
    [REASON_DIFFERENT] = "different",      [REASON_EQUIVALENT] = "equivalent",
    [REASON_UNDECIDED] = "undecided",      [REASON_FEW_ANSWERS] = "few_answers",
    [REASON_NO_RECORDS] = "no_records",    [REASON_ONE_ARM] = "one_arm",
    [REASON_CONTROL] = "unknown_control",  [REASON_RATIO] = "sample_ratio",
    [REASON_UNPLANNED] = "unplanned_arms", [REASON_SHARED] = "several_arms",
};

const char *experiment_code_text(enum experiment_code c)
{
    return code_texts[c];
}

const char *experiment_reason_text(enum experiment_reason r)
{
    return reason_texts[r];
}

/* --- arms: those the declaration plans and those the records name --- */

struct work {
    const struct experiment *e;
    const struct store_trial *sums;
    struct arena *a;
    const struct store_arm **found; /* per arm: its sums, or NULL */
    struct experiment_arm *arms;
    size_t n;
    struct experiment_comparison *comparisons;
};

static const struct store_arm *sums_of(const struct work *w, struct span arm)
{
    for (size_t i = 0; i < w->sums->n_arms; i++) {
        if (span_eq(w->sums->arms[i].arm, arm))
            return &w->sums->arms[i];
    }
    return NULL;
}

static bool is_planned(const struct experiment *e, struct span arm)
{
    for (size_t i = 0; i < e->n_shares; i++) {
        if (span_eq(e->shares[i].arm, arm))
            return true;
    }
    return e->n_shares == 0;
}

static void fill_arm(struct work *w, struct span name, double share)
{
    const struct store_arm *sums = sums_of(w, name);
    const struct store_ratio *asked = sums ? &sums->of[TRIAL_RESPONSE] : NULL;
    struct experiment_arm *arm = &w->arms[w->n];
    w->found[w->n++] = sums;
    *arm = (struct experiment_arm){.arm = name, .planned = share > 0, .expected = share};
    if (sums) {
        arm->assigned = sums->units;
        arm->records = sums->rows;
        arm->surveyed = asked->n;
        arm->responded = (uint64_t)asked->sum;
    }
    for (int m = 0; m < TRIAL_MEASURES; m++)
        arm->of[m] = measure_number((enum store_trial_measure)m, sums ? &sums->of[m] : NULL);
}

static void fill_arms(struct work *w)
{
    const struct experiment *e = w->e;
    double whole = 0;
    for (size_t i = 0; i < e->n_shares; i++)
        whole += e->shares[i].share;
    for (size_t i = 0; i < e->n_shares; i++)
        fill_arm(w, e->shares[i].arm, e->shares[i].share / whole);
    for (size_t i = 0; i < w->sums->n_arms; i++) {
        struct span name = w->sums->arms[i].arm;
        if (e->n_shares == 0)
            fill_arm(w, name, 1 / (double)w->sums->n_arms);
        else if (!is_planned(e, name))
            fill_arm(w, name, 0);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct experiment_arm *x = a, *y = b;
    return span_cmp(x->arm, y->arm);
}

static size_t find_arm(const struct work *w, struct span name)
{
    for (size_t i = 0; i < w->n; i++) {
        if (span_eq(w->arms[i].arm, name))
            return i;
    }
    return SIZE_MAX;
}

size_t experiment_usual_control(const struct span *arms, size_t n)
{
    static const char *const names[] = {"control", "A", "대조군", "기존"};
    size_t first = n ? 0 : SIZE_MAX;
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        for (size_t i = 0; i < n; i++) {
            if (span_eq_nocase(arms[i], span_str(names[k])))
                return i;
        }
    }
    for (size_t i = 1; i < n; i++)
        first = span_cmp(arms[i], arms[first]) < 0 ? i : first;
    return first;
}

static int usual_control(const struct work *w, size_t *ret)
{
    struct span *names = arena_array(w->a, w->n + 1, sizeof *names);
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < w->n; i++)
        names[i] = w->arms[i].arm;
    *ret = experiment_usual_control(names, w->n);
    return 0;
}

/* Orders the arms and puts the control first. */
static int place_control(struct work *w, struct experiment_summary *s)
{
    size_t at;
    int rc = 0;
    if (w->n > 1)
        qsort(w->arms, w->n, sizeof *w->arms, by_name);
    if (w->e->control.p)
        at = find_arm(w, w->e->control);
    else
        rc = usual_control(w, &at);
    if (rc < 0)
        return rc;
    s->has_control = at != SIZE_MAX;
    s->control = s->has_control ? w->arms[at].arm : w->e->control;
    if (s->has_control && at > 0) {
        struct experiment_arm control = w->arms[at];
        memmove(&w->arms[1], &w->arms[0], at * sizeof control);
        w->arms[0] = control;
    }
    for (size_t i = 0; i < w->n; i++)
        w->found[i] = sums_of(w, w->arms[i].arm);
    return 0;
}

static int make_arms(struct work *w)
{
    size_t room = w->e->n_shares + w->sums->n_arms + 1;
    w->arms = arena_array(w->a, room, sizeof *w->arms);
    w->found = arena_array(w->a, room, sizeof *w->found);
    w->comparisons = arena_array(w->a, room, sizeof *w->comparisons);
    if (!w->arms || !w->found || !w->comparisons)
        return -ENOMEM;
    fill_arms(w);
    return 0;
}

/* --- comparisons --- */

/* Arms nobody planned get no verdict, and make no other's harder: their adjusted p stays 1. */
static int adjust(struct work *w, int m)
{
    size_t n = 0, room = w->n - 1;
    double *p = arena_array(w->a, 4 * room, sizeof *p);
    if (!p)
        return -ENOMEM;
    for (size_t i = 0; i < room; i++)
        n += w->arms[i + 1].planned;
    for (size_t i = 0, k = 0; i < room; i++) {
        if (!w->arms[i + 1].planned)
            continue;
        p[k] = w->comparisons[i].of[m].p;
        p[n + k++] = w->comparisons[i].of[m].any_p;
    }
    stats_holm(p, n, p + 2 * n);
    stats_holm(p + n, n, p + 3 * n);
    for (size_t i = 0, k = 0; i < w->n - 1; i++) {
        if (!w->arms[i + 1].planned)
            continue;
        w->comparisons[i].of[m].p_adjusted = p[2 * n + k];
        w->comparisons[i].of[m].any_p_adjusted = p[3 * n + k++];
    }
    return 0;
}

static int compare(struct work *w)
{
    size_t n = w->n - 1;
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        w->comparisons[i].arm = i + 1;
        for (int m = 0; m < TRIAL_MEASURES; m++)
            w->comparisons[i].of[m] = measure_difference(
                (enum store_trial_measure)m, w->found[i + 1] ? &w->found[i + 1]->of[m] : NULL,
                w->found[0] ? &w->found[0]->of[m] : NULL);
    }
    for (int m = 0; m < TRIAL_MEASURES && rc == 0 && n > 0; m++)
        rc = adjust(w, m);
    return rc;
}

/* How many more answers an arm needs for the question to be settled with a power of 80 %: that the
 * difference is not 0, if it is what it seems, or that it lies within the margin, whichever comes
 * first. The interval shrinks with the root of the answers. */
static uint64_t answers_needed(double value, double width, double margin, uint64_t answers)
{
    double z = stats_normal(EXPERIMENT_LEVEL), goal = fmax(fabs(value), margin - fabs(value));
    double half = width / 2 * (1 + stats_normal(POWER_LEVEL) / z);
    double times = half / goal, more = ceil((times * times - 1) * (double)answers);
    return more > 0 && more <= NEEDED_MAX ? (uint64_t)more : 0;
}

static void decide(const struct experiment *e, const struct experiment_number *arm,
                   const struct experiment_number *control, struct experiment_comparison *c)
{
    const struct experiment_difference *d = &c->of[e->measure];
    double low = e->sequential ? d->any_low : d->low, high = e->sequential ? d->any_high : d->high;
    double p = e->sequential ? d->any_p_adjusted : d->p_adjusted;
    uint64_t fewer = arm->units < control->units ? arm->units : control->units;
    c->code = VERDICT_INCONCLUSIVE;
    if (!d->known || fewer < EXPERIMENT_MIN_UNITS) {
        c->reason = REASON_FEW_ANSWERS;
        c->needed = EXPERIMENT_MIN_UNITS - fewer;
    } else if (low >= -e->margin && high <= e->margin) {
        c->code = VERDICT_FLAT;
        c->reason = REASON_EQUIVALENT;
    } else if (p < 1 - EXPERIMENT_LEVEL && (low > 0 || high < 0)) {
        c->code = (d->value > 0) == e->lower_better[e->measure] ? VERDICT_LOSE : VERDICT_WIN;
        c->reason = REASON_DIFFERENT;
    } else {
        c->reason = REASON_UNDECIDED;
        c->needed = answers_needed(d->value, high - low, e->margin, (arm->n + control->n) / 2);
    }
}

/* --- is it a fair comparison at all? --- */

/* Cochran's rule: chi-square is not to be asked while most cells expect a handful. */
static bool expects_enough(const uint64_t *counts, const double *shares, size_t n)
{
    double units = 0, few = 0, none = 0;
    for (size_t i = 0; i < n; i++)
        units += (double)counts[i];
    for (size_t i = 0; i < n; i++) {
        few += units * shares[i] < 5;
        none += units * shares[i] < 1;
    }
    return none == 0 && few <= 0.2 * (double)n;
}

static int check_ratio(const struct work *w, struct experiment_summary *s)
{
    uint64_t *counts = arena_array(w->a, w->n, sizeof *counts);
    double *shares = arena_array(w->a, w->n, sizeof *shares);
    size_t n = 0;
    if (!counts || !shares)
        return -ENOMEM;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->arms[i].planned)
            continue;
        counts[n] = w->arms[i].assigned;
        shares[n++] = w->arms[i].expected;
    }
    s->ratio_p = stats_fit(counts, shares, n);
    s->ratio_passed = !(s->ratio_p < RATIO_P) || !expects_enough(counts, shares, n);
    return 0;
}

static uint64_t unplanned_units(const struct work *w)
{
    uint64_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        n += w->arms[i].planned ? 0 : w->arms[i].assigned;
    return n;
}

static void say(struct experiment_summary *s, enum experiment_code code,
                enum experiment_reason reason)
{
    s->code = code;
    s->reason = reason;
    s->decisive = SIZE_MAX;
}

/* Whether something stands in the way of comparing; then the verdict is said. */
static bool is_unfair(const struct work *w, struct experiment_summary *s)
{
    double units = (double)s->units;
    if (s->units == 0)
        say(s, VERDICT_INCONCLUSIVE, REASON_NO_RECORDS);
    else if (!s->has_control)
        say(s, VERDICT_INVALID, REASON_CONTROL);
    else if (w->n < 2)
        say(s, VERDICT_INCONCLUSIVE, REASON_ONE_ARM);
    else if ((double)unplanned_units(w) > UNPLANNED_MAX * units)
        say(s, VERDICT_INVALID, REASON_UNPLANNED);
    else if (!s->ratio_passed)
        say(s, VERDICT_INVALID, REASON_RATIO);
    else if ((double)s->shared > SHARED_MAX * units)
        say(s, VERDICT_INVALID, REASON_SHARED);
    else
        return false;
    return true;
}

/* Of many arms, what a manager does next: take the best that won; else wait while one is open; else
 * know that none is better. */
static int rank(enum experiment_code c)
{
    static const int ranks[] = {
        [VERDICT_WIN] = 3,          [VERDICT_LOSE] = 0,    [VERDICT_FLAT] = 1,
        [VERDICT_INCONCLUSIVE] = 2, [VERDICT_INVALID] = 0,
    };
    return ranks[c];
}

static bool goes_before(const struct experiment *e, const struct experiment_comparison *x,
                        const struct experiment_comparison *y)
{
    double sign = e->lower_better[e->measure] ? -1 : 1;
    if (rank(x->code) != rank(y->code))
        return rank(x->code) > rank(y->code);
    return sign * x->of[e->measure].value > sign * y->of[e->measure].value;
}

static void choose(const struct work *w, struct experiment_summary *s)
{
    s->decisive = SIZE_MAX;
    for (size_t i = 0; i < s->n_comparisons; i++) {
        if (!w->arms[w->comparisons[i].arm].planned)
            continue;
        if (s->decisive == SIZE_MAX ||
            goes_before(w->e, &w->comparisons[i], &w->comparisons[s->decisive]))
            s->decisive = i;
    }
    if (s->decisive == SIZE_MAX) {
        say(s, VERDICT_INCONCLUSIVE, REASON_ONE_ARM);
        return;
    }
    s->code = w->comparisons[s->decisive].code;
    s->reason = w->comparisons[s->decisive].reason;
}

static void judge(const struct work *w, struct experiment_summary *s)
{
    enum store_trial_measure m = w->e->measure;
    bool unfair = is_unfair(w, s);
    for (size_t i = 0; i < s->n_comparisons; i++) {
        struct experiment_comparison *c = &w->comparisons[i];
        decide(w->e, &w->arms[c->arm].of[m], &w->arms[0].of[m], c);
        if (!unfair)
            continue;
        c->code = s->code;
        c->reason = s->reason;
        c->needed = 0;
    }
    if (!unfair)
        choose(w, s);
}

int experiment_summarize(const struct experiment *e, const struct store_trial *sums, int64_t now,
                         struct arena *a, struct experiment_summary *ret)
{
    struct work w = {.e = e, .sums = sums, .a = a};
    struct experiment_summary s = {.units = sums->units, .shared = sums->shared};
    int rc = make_arms(&w);
    if (rc < 0)
        return rc;
    rc = place_control(&w, &s);
    if (rc == 0 && s.has_control && w.n > 1) {
        rc = compare(&w);
        s.n_comparisons = w.n - 1;
    }
    if (rc == 0)
        rc = check_ratio(&w, &s);
    s.arms = w.arms;
    s.n_arms = w.n;
    s.comparisons = w.comparisons;
    if (rc == 0)
        judge(&w, &s);
    if (rc == 0)
        rc = sentence_verdict(e, &s, a);
    if (rc == 0)
        rc = sentence_warnings(e, &s, now, a);
    if (rc == 0)
        *ret = s;
    return rc;
}
