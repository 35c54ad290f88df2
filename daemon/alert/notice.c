#include "daemon/alert/notice.h"

#include <inttypes.h>
#include <math.h>

#include "base/err.h"

/* --- pieces of sentences --- */

static void put_window(struct buf *b, int64_t minutes, enum lang lang)
{
    static const struct {
        int64_t minutes;
        const char *ko, *en;
    } units[] = {{24 * 60, "일", "d"}, {60, "시간", "h"}, {1, "분", "m"}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (minutes % units[i].minutes == 0) {
            buf_printf(b, "%" PRId64 "%s", minutes / units[i].minutes,
                       lang == LANG_KO ? units[i].ko : units[i].en);
            return;
        }
    }
}

/* One decimal at most: "75%", "66.7%", NPS "-12.5", count "3". */
static void put_value(struct buf *b, enum alert_measure m, double v)
{
    double shown = m == ALERT_COUNT ? v : round(v * 1000) / 10;
    buf_json_f64(b, shown == 0 ? 0 : shown); /* no -0 */
    if (m != ALERT_COUNT && m != ALERT_NPS)
        buf_char(b, '%');
}

static const char *const op_words[ALERT_OPS] = {"이상", "초과", "이하", "미만"};
static const enum alert_op op_opposite[ALERT_OPS] = {ALERT_LT, ALERT_LE, ALERT_GT, ALERT_GE};

static void put_bound(struct buf *b, const struct alert_test *t, enum alert_op op, double bound,
                      enum lang lang)
{
    if (lang == LANG_EN)
        buf_printf(b, "%s ", alert_op_name(op));
    put_value(b, t->measure, bound);
    if (lang == LANG_KO)
        buf_printf(b, "%s %s", t->measure == ALERT_COUNT ? "건" : "", op_words[op]);
}

struct words {
    const char *noun_ko, *part_ko, *part_en, *noun_en;
};
static const struct words measure_words[ALERT_MEASURES] = {
    [ALERT_NEGATIVE_RATE] = {"부정 비율이", "부정으로", "negative", "Negative rate"},
    [ALERT_POSITIVE_RATE] = {"긍정 비율이", "긍정으로", "positive", "Positive rate"},
    [ALERT_CSAT] = {"만족도(CSAT)가", "만족으로", "satisfied", "CSAT"},
};

/* "최근 1시간 12건 가운데 9건이 부정으로, 부정 비율이 75%" */
static void put_state_ko(struct buf *b, const struct alert_test *t, const struct window_value *v)
{
    buf_str(b, "최근 ");
    put_window(b, t->window, LANG_KO);
    if (t->measure == ALERT_COUNT) {
        buf_printf(b, " 동안 %" PRId64 "건", v->n);
    } else if (t->measure == ALERT_NPS) {
        buf_printf(b, " 응답 %" PRId64 "건의 NPS가 ", v->n);
        put_value(b, t->measure, v->value);
    } else {
        const struct words *w = &measure_words[t->measure];
        buf_printf(b, " %" PRId64 "건 가운데 %" PRId64 "건이 %s, %s ", v->n, v->net, w->part_ko,
                   w->noun_ko);
        put_value(b, t->measure, v->value);
    }
}

/* "Negative rate 75%: 9 of 12 in the last 1h" */
static void put_state_en(struct buf *b, const struct alert_test *t, const struct window_value *v)
{
    if (t->measure == ALERT_COUNT) {
        buf_printf(b, "%" PRId64, v->n);
    } else if (t->measure == ALERT_NPS) {
        buf_str(b, "NPS ");
        put_value(b, t->measure, v->value);
        buf_printf(b, " of %" PRId64 " answers", v->n);
    } else {
        buf_printf(b, "%s ", measure_words[t->measure].noun_en);
        put_value(b, t->measure, v->value);
        buf_printf(b, ": %" PRId64 " of %" PRId64 " %s", v->net, v->n,
                   measure_words[t->measure].part_en);
    }
    buf_str(b, " in the last ");
    put_window(b, t->window, LANG_EN);
}

/* --- sentences --- */

int notice_firing(const struct alert_rule *r, const struct window_value *v, struct span labels,
                  enum lang lang, struct buf *out)
{
    const struct alert_test *t = &r->test;
    if (r->each) {
        buf_str(out, lang == LANG_KO ? "규칙에 맞는 피드백이 들어왔습니다"
                                     : "A matching record came in");
        if (labels.n)
            buf_printf(out, " (%.*s)", SPAN_FMT(labels));
        return buf_char(out, '.');
    }
    if (lang == LANG_KO) {
        put_state_ko(out, t, v);
        buf_str(out, "입니다 (기준 ");
        put_bound(out, t, t->op, t->threshold, lang);
    } else {
        put_state_en(out, t, v);
        buf_str(out, " (fires at ");
        put_bound(out, t, t->op, t->threshold, lang);
    }
    return buf_str(out, ").");
}

static int recovered(const struct alert_test *t, const struct window_value *v, enum lang lang,
                     struct buf *out)
{
    if (lang == LANG_KO) {
        put_state_ko(out, t, v);
        buf_str(out, "입니다 (해소 기준 ");
    } else {
        buf_str(out, "Back to normal. ");
        put_state_en(out, t, v);
        buf_str(out, " (resolves at ");
    }
    put_bound(out, t, op_opposite[t->op], t->recover, lang);
    return buf_str(out, ").");
}

int notice_resolved(const struct alert_rule *r, enum resolve_reason why,
                    const struct window_value *v, enum lang lang, struct buf *out)
{
    bool ko = lang == LANG_KO;
    if (!r || why == RESOLVE_RULE)
        return buf_str(out, ko ? "규칙이 바뀌었거나 없어져 알림을 닫습니다."
                               : "Closed: the rule was changed or removed.");
    if (why == RESOLVE_GONE)
        return buf_str(out, ko ? "더는 수집하지 않는 출처여서 알림을 닫습니다."
                               : "Closed: the source is not collected any more.");
    if (why == RESOLVE_PAUSED)
        return buf_str(out, ko ? "수집을 멈춘 출처여서 알림을 닫습니다."
                               : "Closed: the source was paused.");
    if (why == RESOLVE_RECOVERED)
        return recovered(&r->test, v, lang, out);
    if (ko)
        buf_str(out, why == RESOLVE_EXPIRED ? "알림을 낸 지 " : "최근 ");
    else
        buf_str(out, why == RESOLVE_EMPTY ? "No such records in the last " : "Closed after ");
    put_window(out, r->test.window, lang);
    if (why == RESOLVE_EMPTY)
        return buf_str(out, ko ? " 동안 해당하는 피드백이 없습니다." : ".");
    if (why == RESOLVE_EXPIRED)
        return buf_str(out, ko ? "이 지나 닫습니다." : ".");
    return buf_printf(out,
                      ko ? " 내내 표본이 %" PRId64 "건에 못 미쳐 닫습니다."
                         : " with fewer than %" PRId64 " samples.",
                      r->test.min_samples);
}

/* One decimal below ten, none above. */
static void put_expected(struct buf *b, double v)
{
    buf_printf(b, v < 10 ? "%.1f" : "%.0f", v);
}

/* The power of ten it is below, in percent: people read a bound, not digits. */
static void put_chance(struct buf *b, double p)
{
    double bound = 1e-2;
    while (p < bound / 10 && bound > 1e-6)
        bound /= 10;
    buf_printf(b, "%g%%", bound * 100);
}

int notice_silent(const struct silence_case *c, enum lang lang, struct buf *out)
{
    bool ko = lang == LANG_KO;
    buf_str(out, ko ? "최근 " : "");
    if (ko) {
        put_window(out, c->value.minutes, lang);
        buf_printf(out, " 동안 %.*s에서 %" PRIu64 "건이 들어왔습니다 (이 요일, 이 시간대 예상 ",
                   SPAN_FMT(c->source), c->value.got);
        put_expected(out, c->value.expected);
        buf_str(out, "건; 우연일 확률 ");
        put_chance(out, c->value.p);
        buf_str(out, " 미만).");
    } else {
        buf_printf(out, "%" PRIu64 " from %.*s in the last ", c->value.got, SPAN_FMT(c->source));
        put_window(out, c->value.minutes, lang);
        buf_str(out, ", ");
        put_expected(out, c->value.expected);
        buf_str(out, " expected at this weekday and hour (by chance: less than ");
        put_chance(out, c->value.p);
        buf_str(out, ").");
    }
    if (c->error.n && span_is(c->error, "auth"))
        buf_str(out, ko ? " 출처가 인증을 거부하고 있습니다 (auth)."
                        : " Its upstream refuses our credentials (auth).");
    else if (c->error.n)
        buf_printf(out, ko ? " 가져오기가 실패하고 있습니다 (%.*s)." : " Polling it fails (%.*s).",
                   SPAN_FMT(c->error));
    return buf_error(out);
}

int notice_heard(const struct silence_case *c, enum lang lang, struct buf *out)
{
    bool ko = lang == LANG_KO;
    if (ko) {
        buf_str(out, "다시 들어오고 있습니다: 최근 ");
        put_window(out, c->value.minutes, lang);
        buf_printf(out, " %" PRIu64 "건 (예상 ", c->value.got);
        put_expected(out, c->value.expected);
        return buf_str(out, "건).");
    }
    buf_printf(out, "It brings records again: %" PRIu64 " in the last ", c->value.got);
    put_window(out, c->value.minutes, lang);
    buf_str(out, ", ");
    put_expected(out, c->value.expected);
    return buf_str(out, " expected.");
}

/* --- messages --- */

static struct span finish(struct buf *b, struct arena *a)
{
    struct span s = buf_error(b) ? SPAN_NONE : arena_dup(a, b->n ? buf_span(b) : SPAN_LIT(""));
    buf_done(b);
    return s;
}

static struct span group_text(const struct alert_document *d, struct arena *a)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < d->n_group; i++) {
        struct span v = d->group[i].value.n ? d->group[i].value : SPAN_LIT("(없음)");
        buf_printf(&b, "%s%.*s=%.*s", i ? ", " : "", SPAN_FMT(d->group[i].key), SPAN_FMT(v));
    }
    return finish(&b, a);
}

static const char *severity_word(struct span severity)
{
    if (span_is(severity, "critical"))
        return "긴급";
    return span_is(severity, "info") ? "알림" : "주의";
}

static struct span title_text(const struct alert_document *d, struct span group, struct arena *a)
{
    return arena_printf(a, "[%s%s] %.*s%s%.*s", d->firing ? "" : "해소 · ",
                        severity_word(d->severity), SPAN_FMT(d->title), group.n ? " · " : "",
                        SPAN_FMT(group));
}

/* "2026-11-22T09:10:11.500+09:00" as people read it: "2026-11-22 09:10 (+09:00)". */
static struct span time_text(struct span at, struct arena *a)
{
    enum { MINUTES = 16, SECONDS = 19 };
    if (at.n <= SECONDS)
        return arena_dup(a, at);
    struct span zone = span_of(at.p + SECONDS, at.n - SECONDS);
    while (zone.n && (*zone.p == '.' || (*zone.p >= '0' && *zone.p <= '9')))
        zone = span_of(zone.p + 1, zone.n - 1);
    if (span_is(zone, "Z"))
        zone = SPAN_LIT("UTC");
    return arena_printf(a, "%.10s %.5s (%.*s)", at.p, at.p + MINUTES - 5, SPAN_FMT(zone));
}

int notice_message(const struct alert_document *d, struct span external_url, struct arena *a,
                   struct notice_message *ret)
{
    bool over = !d->firing && d->resolved.ko.p;
    struct notice_message m = {.document = d};
    const struct alert_reason *why = over ? &d->resolved : &d->reason;
    while (external_url.n && external_url.p[external_url.n - 1] == '/')
        external_url.n--;
    m.group = group_text(d, a);
    m.title = title_text(d, m.group, a);
    m.ko = why->ko;
    m.en = why->en;
    m.since = time_text(d->starts_at, a);
    if (!d->firing)
        m.until = time_text(d->ends_at, a);
    if (external_url.n)
        m.link = arena_printf(a, "%.*s/alerts/%.*s", SPAN_FMT(external_url), SPAN_FMT(d->id));
    if (!m.group.p || !m.title.p || !m.since.p || (external_url.n && !m.link.p))
        return -ENOMEM;
    *ret = m;
    return 0;
}
