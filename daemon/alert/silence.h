/* silence: whether a source brings so much less than at other times like this one that it must be
 * taken for dead. The arithmetic of the dead-man switch; engine and tests stand around it.
 *
 * A window of L (15 minutes to 7 days) that ends now is compared with the same window of each of
 * the ARRIVAL_WEEKS weeks before, by the clock on the wall: so the weekday, the hour and a zone's
 * summer time are in it. What the m weeks that can be compared brought, y_1 … y_m, says what to
 * expect. A week that stands out (a history read at once, a campaign) counts as 2·median + 10 at
 * most.
 *
 *   μ = mean of y     s² = their variance     d = max((s² − μ)/μ², SILENCE_SPREAD)
 *   σ² = (μ + d·μ²)·(1 + 1/m)                 of one more such count, μ itself being estimated
 *   p = P(X <= got), X negative binomial of that mean and variance (stats.h)
 *
 * Counts of events with a rate that itself varies from week to week are negative binomial (Poisson
 * mixed over a gamma: Greenwood and Yule, J. R. Stat. Soc. 83, 1920); d is the method of moments
 * (Anscombe, Biometrika 36, 1949), and never less than SILENCE_SPREAD, for eight weeks do not show
 * how much hours like this one really differ.
 *
 * Heard: in the shortest window that expects SILENCE_ENOUGH, got >= half of μ, or p >=
 * SILENCE_HEARD and got > 0. Silent: not heard, and some window has p < alpha and got <=
 * SILENCE_SHARE of μ.
 *
 * Quarters of which nothing can be said (the daemon was down, the source paused, a day off, before
 * the source's first record) are in no window and in no week; and no window reaches back over a
 * pause, for what was wrong may have been mended in it. Pure. */
#ifndef VOC_ALERT_SILENCE_H
#define VOC_ALERT_SILENCE_H

#include "daemon/alert/arrival.h"

#define SILENCE_SPREAD 0.05
#define SILENCE_SHARE 0.2
#define SILENCE_ENOUGH 3.0
#define SILENCE_HEARD 0.2
enum { SILENCE_MIN_WEEKS = 2 };

/* What is known. */
struct silence_view {
    const struct arrivals *counts;
    const struct arrivals *watched; /* a quarter is 1 when the daemon was there all through it */
    int64_t first;                  /* the source's first quarter */
    int64_t end;                    /* windows end where this quarter begins */
    int64_t back[ARRIVAL_WEEKS];    /* quarters from one to its like, w + 1 weeks before */
    const int64_t *off;             /* days off: the quarters [off[2i], off[2i + 1]) */
    size_t n_off;
};

struct silence_value {
    int64_t minutes; /* of the window, what is unknown left out; 0: nothing could be compared */
    uint64_t got;
    double expected, p;
    unsigned weeks;
};

/* As the configuration says it: "off", "low", "normal", "high"; -1: no such word. */
enum { SILENCE_OFF, SILENCE_LOW, SILENCE_NORMAL, SILENCE_HIGH };
int silence_sensitivity(struct span word);
double silence_alpha(int sensitivity); /* 0: never */

enum silence_verdict { SILENCE_HOLD, SILENCE_FIRE, SILENCE_RECOVER };
/* *ret: the window that decided; when nothing did, the shortest that expects SILENCE_ENOUGH, or the
 * longest that could be compared. */
enum silence_verdict silence_judge(const struct silence_view *v, double alpha, bool firing,
                                   struct silence_value *ret);

#endif
