/* The verdict in words, for somebody who runs a floor of agents and not a laboratory: what to do
 * first, then the numbers. One sentence each in Korean and English. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/experiment/impl.h"

enum { SENTENCE_MAX = 4096, NUMBER_MAX = 48, LABEL_POINTS = 40, LABEL_MAX = 256 };

struct words {
    const struct experiment *e;
    const struct experiment_summary *s;
    const struct measure *m;
    const struct experiment_comparison *c; /* NULL: of none */
    const struct experiment_arm *arm, *control;
    const struct experiment_difference *d;
    double low, high, p;
    struct buf ko, en;
};

/* --- names --- */

/* What could turn, hide or break the line it stands in. */
static bool is_unfit(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x2069) || cp == 0xfeff;
}

struct label {
    char text[LABEL_MAX];
};

/* An arm's name as a sentence may carry it. */
static struct label clean(struct span name)
{
    struct label l;
    struct buf b;
    unsigned n;
    buf_init(&b, LABEL_MAX);
    for (size_t i = 0, points = 0; i < name.n; i += n, points++) {
        uint32_t cp;
        n = utf8_decode(name.p + i, name.n - i, &cp);
        if (n == 0)
            break;
        if (points == LABEL_POINTS) {
            buf_str(&b, "…");
            break;
        }
        if (is_unfit(cp))
            buf_char(&b, ' ');
        else
            buf_append(&b, name.p + i, n);
    }
    snprintf(l.text, sizeof l.text, "%.*s", (int)b.n, b.p ? b.p : "");
    buf_done(&b);
    return l;
}

/* "B" is "B안": Korean asks how a word ends before it picks a particle, and this one ending is
 * known whatever the arm is called. */
static struct label ko_arm(struct span name)
{
    struct label l = clean(name);
    size_t n = strlen(l.text), end = strlen("안");
    if (n < end || strcmp(l.text + n - end, "안") != 0)
        snprintf(l.text + n, sizeof l.text - n, "안");
    return l;
}

/* Whether a word ends in a consonant, a bracket behind it left aside. What is no Hangul here (%,
 * %p) is read with a vowel. */
static bool ends_closed(const char *word)
{
    size_t n = strcspn(word, "(");
    uint32_t cp = 0;
    if (n < 3 || utf8_decode(word + n - 3, 3, &cp) != 3 || cp < 0xac00 || cp > 0xd7a3)
        return false;
    return (cp - 0xac00) % 28 != 0;
}

static const char *particle(const char *word, const char *closed, const char *open)
{
    return ends_closed(word) ? closed : open;
}

static const char *ko_unit_name(const struct experiment *e)
{
    return e->unit == STORE_UNIT_CUSTOMER ? "고객" : "상담";
}

static const char *ko_counter(const struct experiment *e)
{
    return e->unit == STORE_UNIT_CUSTOMER ? "명" : "건";
}

static const char *en_unit_name(const struct experiment *e)
{
    return e->unit == STORE_UNIT_CUSTOMER ? "customers" : "conversations";
}

/* --- numbers --- */

struct number {
    char text[NUMBER_MAX];
};

/* As people write it: rounded, and never a negative nothing. */
static double shown(const struct measure *m, double v)
{
    double scale = pow(10, m->digits), rounded = round(v * m->scale * scale) / scale;
    return rounded == 0 ? 0.0 : rounded;
}

static struct number value_text(const struct measure *m, double v)
{
    struct number n;
    snprintf(n.text, sizeof n.text, "%.*f", m->digits, shown(m, v));
    return n;
}

static struct number gap_text(const struct measure *m, double v)
{
    struct number n;
    snprintf(n.text, sizeof n.text, "%+.*f", m->digits, shown(m, v));
    return n;
}

static struct number ko_p(double p)
{
    struct number n;
    snprintf(n.text, sizeof n.text, p < 0.001 ? "p<0.001" : "p=%.3f", p);
    return n;
}

static struct number en_p(double p)
{
    struct number n;
    snprintf(n.text, sizeof n.text, p < 0.001 ? "p < 0.001" : "p = %.3f", p);
    return n;
}

/* Two digits are all an estimate is worth. */
static uint64_t rounded_up(uint64_t n)
{
    uint64_t unit = 1;
    while (n / unit >= 100)
        unit *= 10;
    return (n + unit - 1) / unit * unit;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100 * (double)part / (double)whole : 0;
}

/* --- the parts that sentences share --- */

static const char *ko_interval(const struct experiment *e)
{
    return e->sequential ? "언제 봐도 유효한 95% 구간" : "95% 신뢰구간";
}

static const char *en_interval(const struct experiment *e)
{
    return e->sequential ? "any-time 95% interval" : "95% interval";
}

static void add_numbers(struct words *w)
{
    const struct measure *m = w->m;
    bool many = w->s->n_comparisons > 1;
    struct number low = gap_text(m, w->low), high = gap_text(m, w->high);
    buf_printf(&w->ko, "%s %s~%s%s, %s%s", ko_interval(w->e), low.text, high.text, m->ko_gap,
               ko_p(w->p).text, many ? "(여러 안 비교 보정)" : "");
    buf_printf(&w->en, "%s %s to %s, %s%s", en_interval(w->e), low.text, high.text, en_p(w->p).text,
               many ? " after Holm's correction" : "");
}

static void add_counts(struct words *w)
{
    uint64_t arm = w->arm->of[w->e->measure].n, control = w->control->of[w->e->measure].n;
    buf_printf(&w->ko, ", %s %llu건 대 %llu건", w->m->ko_n, (unsigned long long)arm,
               (unsigned long long)control);
    buf_printf(&w->en, ", %llu and %llu %s", (unsigned long long)arm, (unsigned long long)control,
               w->m->en_n);
}

/* --- one sentence per reason --- */

/* Said where it is not what one would think; of an effort score nobody knows. */
static const char *ko_direction(const struct experiment *e)
{
    if (e->lower_better[e->measure])
        return "낮을수록 좋은 ";
    return e->measure == TRIAL_CES ? "높을수록 좋은 " : "";
}

static const char *en_direction(const struct experiment *e)
{
    if (e->lower_better[e->measure])
        return ", and lower is better";
    return e->measure == TRIAL_CES ? ", and higher is better" : "";
}

static void say_different(struct words *w)
{
    const struct measure *m = w->m;
    bool win = w->c->code == VERDICT_WIN, higher = w->d->value > 0;
    struct number a = value_text(m, w->arm->of[w->e->measure].value);
    struct number b = value_text(m, w->control->of[w->e->measure].value);
    struct number gap = value_text(m, fabs(w->d->value));
    struct label arm = ko_arm(w->arm->arm), control = ko_arm(w->control->arm);
    buf_printf(&w->ko, "%s이 %s보다 %s: %s%s%s %s%s%s %s의 %s%s보다 %s%s %s습니다(", arm.text,
               control.text, win ? "낫습니다" : "못합니다", ko_direction(w->e), m->ko,
               particle(m->ko, "이", "가"), a.text, m->ko_unit, particle(m->ko_unit, "으로", "로"),
               control.text, b.text, m->ko_unit, gap.text, m->ko_gap, higher ? "높" : "낮");
    arm = clean(w->arm->arm);
    control = clean(w->control->arm);
    buf_printf(&w->en, "%s %s %s: %s is %s%s against %s%s, %s%s %s%s (", arm.text,
               win ? "beats" : "does worse than", control.text, m->en, a.text, m->en_unit, b.text,
               m->en_unit, gap.text, m->en_gap, higher ? "higher" : "lower", en_direction(w->e));
    add_numbers(w);
    add_counts(w);
    buf_str(&w->ko, ").");
    buf_str(&w->en, ").");
}

static void say_equivalent(struct words *w)
{
    const struct measure *m = w->m;
    struct number gap = gap_text(m, w->d->value), margin = value_text(m, w->e->margin);
    struct number low = gap_text(m, w->low), high = gap_text(m, w->high);
    buf_printf(&w->ko,
               "%s과 %s은 차이가 없다고 봐도 됩니다: %s 차이는 %s%s이고 %s %s~%s%s%s 무시해도 되는 "
               "폭 ±%s%s 안에 있습니다(",
               ko_arm(w->arm->arm).text, ko_arm(w->control->arm).text, m->ko, gap.text, m->ko_gap,
               ko_interval(w->e), low.text, high.text, m->ko_gap, particle(m->ko_gap, "이", "가"),
               margin.text, m->ko_gap);
    buf_printf(&w->en,
               "%s and %s are as good as equal: the difference in %s is %s%s and its %s, %s to %s, "
               "lies within ±%s, which makes no difference in practice (",
               clean(w->arm->arm).text, clean(w->control->arm).text, m->en, gap.text, m->en_gap,
               en_interval(w->e), low.text, high.text, margin.text);
    uint64_t arm = w->arm->of[w->e->measure].n, control = w->control->of[w->e->measure].n;
    buf_printf(&w->ko, "%s %llu건 대 %llu건).", m->ko_n, (unsigned long long)arm,
               (unsigned long long)control);
    buf_printf(&w->en, "%llu and %llu %s).", (unsigned long long)arm, (unsigned long long)control,
               m->en_n);
}

static void say_needed(struct words *w)
{
    unsigned long long n = (unsigned long long)rounded_up(w->c->needed);
    if (n == 0) {
        buf_printf(&w->ko, " 가려내려면 안마다 %s이 백만 건 넘게 더 있어야 합니다.", w->m->ko_n);
        buf_printf(&w->en, "; settling it would take more than a million further %s in each.",
                   w->m->en_n);
        return;
    }
    buf_printf(&w->ko, " 안마다 %s이 약 %llu건 더 모여야 가려낼 수 있습니다.", w->m->ko_n, n);
    buf_printf(&w->en, "; about %llu more %s in each would settle it.", n, w->m->en_n);
}

static void say_undecided(struct words *w)
{
    const struct measure *m = w->m;
    struct number gap = value_text(m, fabs(w->d->value));
    bool higher = w->d->value > 0;
    buf_printf(&w->ko, "아직 판단할 수 없습니다: %s의 %s%s %s보다 %s%s %s지만 우연일 수 있어(",
               ko_arm(w->arm->arm).text, m->ko, particle(m->ko, "이", "가"),
               ko_arm(w->control->arm).text, gap.text, m->ko_gap, higher ? "높" : "낮");
    buf_printf(&w->en,
               "Too early to tell: %s of %s is %s%s %s than that of %s, which may be chance (",
               m->en, clean(w->arm->arm).text, gap.text, m->en_gap, higher ? "higher" : "lower",
               clean(w->control->arm).text);
    add_numbers(w);
    add_counts(w);
    buf_str(&w->ko, ")");
    buf_str(&w->en, ")");
    say_needed(w);
}

static void say_few(struct words *w)
{
    const struct experiment *e = w->e;
    unsigned long long arm = (unsigned long long)w->arm->of[e->measure].units;
    unsigned long long control = (unsigned long long)w->control->of[e->measure].units;
    buf_printf(&w->ko,
               "아직 판단할 수 없습니다: %s%s 알 수 있는 %s%s %s %llu%s, %s %llu%s뿐이라, 안마다 "
               "%d%s%s 되어야 비교를 시작합니다.",
               w->m->ko, particle(w->m->ko, "을", "를"), ko_unit_name(e),
               particle(ko_unit_name(e), "이", "이"), ko_arm(w->arm->arm).text, arm, ko_counter(e),
               ko_arm(w->control->arm).text, control, ko_counter(e), EXPERIMENT_MIN_UNITS,
               ko_counter(e), particle(ko_counter(e), "은", "는"));
    buf_printf(
        &w->en,
        "Too early to tell: %s is known of %llu %s in %s and %llu in %s; comparing begins at "
        "%d in each.",
        w->m->en, arm, en_unit_name(e), clean(w->arm->arm).text, control,
        clean(w->control->arm).text, EXPERIMENT_MIN_UNITS);
}

static void say_no_records(struct words *w)
{
    buf_str(&w->ko,
            "아직 비교할 것이 없습니다: 이 기간과 조건에 이 실험이 적힌 기록이 하나도 없습니다.");
    buf_str(&w->en, "Nothing to compare yet: no record of this period and filter names this "
                    "experiment.");
}

static void say_one_arm(struct words *w)
{
    struct span arm = w->s->n_arms ? w->s->arms[0].arm : SPAN_LIT("");
    buf_printf(&w->ko, "아직 비교할 것이 없습니다: 기록이 모두 %s 하나에 속합니다.",
               ko_arm(arm).text);
    buf_printf(&w->en, "Nothing to compare yet: all records belong to one arm, %s.",
               clean(arm).text);
}

static void say_control(struct words *w)
{
    buf_printf(&w->ko, "비교할 수 없습니다: 기준으로 정한 %s이 계획에도 기록에도 없습니다.",
               ko_arm(w->s->control).text);
    buf_printf(&w->en, "Not comparable: the control, %s, is neither planned nor in any record.",
               clean(w->s->control).text);
}

/* The arm that is furthest from its plan, as chi-square measures it. */
static const struct experiment_arm *furthest(const struct experiment_summary *s,
                                             uint64_t *ret_units)
{
    const struct experiment_arm *worst = NULL;
    double most = -1;
    *ret_units = 0;
    for (size_t i = 0; i < s->n_arms; i++)
        *ret_units += s->arms[i].planned ? s->arms[i].assigned : 0;
    for (size_t i = 0; i < s->n_arms; i++) {
        double expected = s->arms[i].expected * (double)*ret_units;
        double off = (double)s->arms[i].assigned - expected;
        if (s->arms[i].planned && off * off / expected > most) {
            most = off * off / expected;
            worst = &s->arms[i];
        }
    }
    return worst;
}

static void say_ratio(struct words *w)
{
    uint64_t units;
    const struct experiment_arm *x = furthest(w->s, &units);
    unsigned long long got = (unsigned long long)x->assigned, all = (unsigned long long)units;
    buf_printf(
        &w->ko,
        "비교할 수 없습니다: %s에 계획한 %.1f%%가 아니라 %.1f%%(%s %llu%s 중 %llu%s)가 배정되어 "
        "우연이라고 볼 수 없으므로(%s) 배정 과정부터 바로잡아야 합니다.",
        ko_arm(x->arm).text, 100 * x->expected, percent(x->assigned, units), ko_unit_name(w->e),
        all, ko_counter(w->e), got, ko_counter(w->e), ko_p(w->s->ratio_p).text);
    buf_printf(
        &w->en,
        "Not comparable: %s was dealt %.1f%% (%llu of %llu %s) instead of the planned %.1f%%, "
        "which is no accident (%s); mend the assignment first.",
        clean(x->arm).text, percent(x->assigned, units), got, all, en_unit_name(w->e),
        100 * x->expected, en_p(w->s->ratio_p).text);
}

static uint64_t unplanned(const struct experiment_summary *s, size_t *ret_arms)
{
    uint64_t units = 0;
    *ret_arms = 0;
    for (size_t i = 0; i < s->n_arms; i++) {
        units += s->arms[i].planned ? 0 : s->arms[i].assigned;
        *ret_arms += !s->arms[i].planned;
    }
    return units;
}

static void add_unplanned(struct words *w)
{
    size_t arms;
    uint64_t units = unplanned(w->s, &arms);
    buf_printf(&w->ko, "계획에 없는 안 %zu개에 %s %llu%s(%.1f%%)이 들어 있", arms,
               ko_unit_name(w->e), (unsigned long long)units, ko_counter(w->e),
               percent(units, w->s->units));
    buf_printf(&w->en, "%llu %s (%.1f%%) are in %zu arm%s that nobody planned",
               (unsigned long long)units, en_unit_name(w->e), percent(units, w->s->units), arms,
               arms == 1 ? "" : "s");
}

static void say_unplanned(struct words *w)
{
    buf_str(&w->ko, "비교할 수 없습니다: ");
    buf_str(&w->en, "Not comparable: ");
    add_unplanned(w);
    buf_str(&w->ko, "으므로 안의 이름과 배정 비율 선언을 먼저 맞춰야 합니다.");
    buf_str(&w->en, "; make the names and the declared shares agree first.");
}

static void add_shared(struct words *w)
{
    unsigned long long n = (unsigned long long)w->s->shared;
    double part = percent(w->s->shared, w->s->units);
    buf_printf(&w->ko, "%s %llu%s(%.1f%%)이 두 가지 이상의 안을 겪", ko_unit_name(w->e), n,
               ko_counter(w->e), part);
    buf_printf(&w->en, "%llu %s (%.1f%%) met more than one arm", n, en_unit_name(w->e), part);
}

static void say_shared(struct words *w)
{
    buf_str(&w->ko, "비교할 수 없습니다: ");
    buf_str(&w->en, "Not comparable: ");
    add_shared(w);
    buf_str(&w->ko, "어서 어느 안의 효과인지 가릴 수 없습니다.");
    buf_str(&w->en, ", so that no effect can be put down to either.");
}

/* --- */

static void (*const sayings[])(struct words *w) = {
    [REASON_DIFFERENT] = say_different,   [REASON_EQUIVALENT] = say_equivalent,
    [REASON_UNDECIDED] = say_undecided,   [REASON_FEW_ANSWERS] = say_few,
    [REASON_NO_RECORDS] = say_no_records, [REASON_ONE_ARM] = say_one_arm,
    [REASON_CONTROL] = say_control,       [REASON_RATIO] = say_ratio,
    [REASON_UNPLANNED] = say_unplanned,   [REASON_SHARED] = say_shared,
};

static void words_init(struct words *w, const struct experiment *e,
                       const struct experiment_summary *s)
{
    *w = (struct words){.e = e, .s = s, .m = measure_of(e->measure)};
    buf_init(&w->ko, SENTENCE_MAX);
    buf_init(&w->en, SENTENCE_MAX);
    if (s->decisive == SIZE_MAX)
        return;
    w->c = &s->comparisons[s->decisive];
    w->arm = &s->arms[w->c->arm];
    w->control = &s->arms[0];
    w->d = &w->c->of[e->measure];
    w->low = e->sequential ? w->d->any_low : w->d->low;
    w->high = e->sequential ? w->d->any_high : w->d->high;
    w->p = e->sequential ? w->d->any_p_adjusted : w->d->p_adjusted;
}

static int words_take(struct words *w, struct arena *a, struct span *ko, struct span *en)
{
    int rc = buf_error(&w->ko) ? buf_error(&w->ko) : buf_error(&w->en);
    *ko = arena_dup(a, buf_span(&w->ko));
    *en = arena_dup(a, buf_span(&w->en));
    buf_done(&w->ko);
    buf_done(&w->en);
    return rc < 0 ? rc : ko->p && en->p ? 0 : -ENOMEM;
}

int sentence_verdict(const struct experiment *e, struct experiment_summary *s, struct arena *a)
{
    struct words w;
    words_init(&w, e, s);
    sayings[s->reason](&w);
    return words_take(&w, a, &s->ko, &s->en);
}

static int warn(struct words *w, struct experiment_summary *s, const char *code, struct arena *a)
{
    struct experiment_warning *x = &s->warnings[s->n_warnings++];
    x->code = code;
    return words_take(w, a, &x->ko, &x->en);
}

static int warn_peeking(const struct experiment *e, struct experiment_summary *s, struct arena *a)
{
    struct words w;
    words_init(&w, e, s);
    bool holds = w.d->any_p_adjusted < 1 - EXPERIMENT_LEVEL;
    buf_printf(&w.ko,
               "아직 진행 중입니다. 이 p값은 미리 정한 끝에 한 번만 볼 때의 값이어서, 자주 "
               "들여다보다가 좋아 보일 때 "
               "멈추면 우연도 승리로 보입니다. 언제 멈추어도 유효한 값(%s)으로는 %s",
               ko_p(w.d->any_p_adjusted).text,
               holds ? "지금 멈추어도 됩니다." : "아직 멈추기 이릅니다.");
    buf_printf(
        &w.en,
        "Still running. This p is for one look at a planned end; stopping when it happens to "
        "look good turns chance into wins. By the value that holds at any time (%s) it is %s",
        en_p(w.d->any_p_adjusted).text, holds ? "safe to stop now." : "too early to stop.");
    return warn(&w, s, "peeking", a);
}

int sentence_warnings(const struct experiment *e, struct experiment_summary *s, int64_t now,
                      struct arena *a)
{
    struct words w;
    size_t arms;
    int rc = 0;
    if (s->shared > 0 && s->reason != REASON_SHARED) {
        words_init(&w, e, s);
        add_shared(&w);
        buf_str(&w.ko, "었습니다. 양쪽에 모두 셈해져 차이가 실제보다 작아 보일 수 있습니다.");
        buf_str(&w.en,
                ". They count in each, which can make a difference look smaller than it is.");
        rc = warn(&w, s, "several_arms", a);
    }
    if (rc == 0 && unplanned(s, &arms) > 0 && s->reason != REASON_UNPLANNED) {
        words_init(&w, e, s);
        add_unplanned(&w);
        buf_str(&w.ko, "습니다. 판정에는 넣지 않았습니다.");
        buf_str(&w.en, ". They are left out of the verdict.");
        rc = warn(&w, s, "unplanned_arms", a);
    }
    if (rc == 0 && s->reason == REASON_DIFFERENT && !e->sequential && e->to > now)
        rc = warn_peeking(e, s, a);
    return rc;
}
