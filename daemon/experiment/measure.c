#include <math.h>

#include "base/err.h"
#include "daemon/experiment/impl.h"
#include "daemon/stats.h"

/* Where the any-time interval is tightest: what a survey brings in some weeks. */
enum { TUNED_UNITS = 500 };

#define ANSWERS "응답", "answers"
#define RECORDS "기록", "records"
#define PERCENT 100, 1
#define AS_PERCENT "%", "%", "%p", " points"
#define AS_POINTS "점", "", "점", " points"
#define AS_NUMBER "점", "", "점", ""

/* kind, lower is better, margin, step, scale and digits shown, names, units, what is counted */
static const struct measure measures[TRIAL_MEASURES] = {
    [TRIAL_CSAT] = {"csat", MEASURE_SHARE, false, 0.02, 1, PERCENT, "고객 만족도(CSAT)", "CSAT",
                    AS_PERCENT, ANSWERS},
    [TRIAL_NPS] = {"nps", MEASURE_NET, false, 0.03, 1, PERCENT, "추천 지수(NPS)", "NPS", AS_POINTS,
                   ANSWERS},
    [TRIAL_CES] = {"ces", MEASURE_MEAN, false, 0.1, 1, 1, 2, "고객 노력 지수(CES)", "CES",
                   AS_NUMBER, ANSWERS},
    [TRIAL_RATING] = {"rating", MEASURE_MEAN, false, 0.02, 0.2, PERCENT, "평점(100점 환산)",
                      "the rating (of 100)", AS_POINTS, ANSWERS},
    [TRIAL_NEGATIVE] = {"negative_rate", MEASURE_SHARE, true, 0.02, 1, PERCENT, "부정 비율",
                        "the negative rate", AS_PERCENT, RECORDS},
    [TRIAL_POSITIVE] = {"positive_rate", MEASURE_SHARE, false, 0.02, 1, PERCENT, "긍정 비율",
                        "the positive rate", AS_PERCENT, RECORDS},
    [TRIAL_NET] = {"net_sentiment", MEASURE_NET, false, 0.03, 1, PERCENT, "순감성 지수",
                   "net sentiment", AS_POINTS, RECORDS},
    [TRIAL_POLARITY] = {"polarity", MEASURE_MEAN, false, 0.02, 0.1, 1, 2, "감성 점수", "polarity",
                        AS_NUMBER, RECORDS},
    [TRIAL_RESPONSE] = {"response_rate", MEASURE_SHARE, false, 0.02, 1, PERCENT, "설문 응답률",
                        "the response rate", AS_PERCENT, "설문", "surveys"},
};

const struct measure *measure_of(enum store_trial_measure m)
{
    return &measures[m];
}

const char *experiment_measure_code(enum store_trial_measure m)
{
    return measures[m].code;
}

int experiment_measure_find(struct span code)
{
    for (int m = 0; m < TRIAL_MEASURES; m++) {
        if (span_is(code, measures[m].code))
            return m;
    }
    return -1;
}

static struct stats_ratio ratio_of(const struct store_ratio *r)
{
    static const struct store_ratio none;
    if (!r)
        r = &none;
    return (struct stats_ratio){
        .all = {r->n, r->sum, r->sum2},
        .units = r->units,
        .nn = r->nn,
        .ns = r->ns,
        .ss = r->ss,
    };
}

struct experiment_number measure_number(enum store_trial_measure m, const struct store_ratio *r)
{
    struct stats_ratio all = ratio_of(r);
    double n = (double)all.all.n, d = stats_design_effect(&all);
    double plus = (all.all.sum_squares + all.all.sum) / 2, minus = plus - all.all.sum;
    struct stats_interval v;
    if (measures[m].kind == MEASURE_SHARE) {
        v = stats_wilson_real(all.all.sum / d, n / d, EXPERIMENT_LEVEL);
    } else if (measures[m].kind == MEASURE_NET) {
        v = stats_net_real(plus / d, minus / d, n / d, EXPERIMENT_LEVEL);
    } else {
        struct stats_estimate e = stats_ratio_mean(&all);
        v = stats_estimate_interval(&e, EXPERIMENT_LEVEL);
    }
    return (struct experiment_number){stats_mean_of(&all.all), v.low, v.high, all.all.n, all.units};
}

/* Answers that are all the same still vary: as if one of the units had been a step away, which
 * gives them a variance of step²/m. Else three answers a side would be certain. */
static struct stats_difference between_means(const struct stats_ratio *a,
                                             const struct stats_ratio *b, double step)
{
    struct stats_estimate ea = stats_ratio_mean(a), eb = stats_ratio_mean(b);
    double away = fmax(step, fabs(ea.value - eb.value));
    if (ea.df > 0 && eb.df > 0 && !(ea.variance > 0) && !(eb.variance > 0)) {
        ea.variance = away * away / (double)a->units / (double)a->units;
        eb.variance = away * away / (double)b->units / (double)b->units;
    }
    return stats_welch_of(&ea, &eb, EXPERIMENT_LEVEL);
}

static struct stats_difference between_shares(const struct stats_ratio *a,
                                              const struct stats_ratio *b)
{
    double da = stats_design_effect(a), db = stats_design_effect(b);
    return stats_shares_real(a->all.sum / da, (double)a->all.n / da, b->all.sum / db,
                             (double)b->all.n / db, EXPERIMENT_LEVEL);
}

struct experiment_difference measure_difference(enum store_trial_measure m,
                                                const struct store_ratio *a,
                                                const struct store_ratio *b)
{
    struct stats_ratio ra = ratio_of(a), rb = ratio_of(b);
    struct experiment_difference ret = {.p = 1, .any_p = 1, .p_adjusted = 1, .any_p_adjusted = 1};
    if (ra.all.n == 0 || rb.all.n == 0)
        return ret;
    struct stats_difference d = measures[m].kind == MEASURE_SHARE
                                    ? between_shares(&ra, &rb)
                                    : between_means(&ra, &rb, measures[m].step);
    struct stats_difference any = stats_any_time(d.value, d.error, (double)(ra.units + rb.units),
                                                 TUNED_UNITS, EXPERIMENT_LEVEL);
    ret.known = true;
    ret.value = stats_mean_of(&ra.all) - stats_mean_of(&rb.all);
    ret.low = d.low;
    ret.high = d.high;
    ret.p = d.p;
    ret.any_low = any.low;
    ret.any_high = any.high;
    ret.any_p = any.p;
    return ret;
}
