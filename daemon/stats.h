/* stats: intervals and tests for trends, alerts and experiments; the only user of GSL.
 *
 * Thread: any; pure, values in and out. Nothing here returns NaN: what cannot be known is said with
 * the widest interval and p = 1, as each function states. `level` is the coverage, in (0, 1).
 * Infinite bounds are written as null in JSON. A count of hits above its n is read as n. _real: of
 * counts that a design effect has made fractions. */
#ifndef VOC_DAEMON_STATS_H
#define VOC_DAEMON_STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_LEVEL 0.95

struct stats_interval {
    double value, low, high;
};

/* a − b, its interval, and the two-sided p of "there is no difference". */
struct stats_difference {
    double value, low, high, p;
    double df;    /* of means only */
    double error; /* standard error; of shares: the interval's half over the normal quantile */
};
/* A mean and how sure of it we are: variance of the mean itself, and its degrees of freedom. */
struct stats_estimate {
    double value, variance, df;
};
/* What a sum over rows gives; n 0 with both sums 0 when there are none. */
struct stats_sum {
    uint64_t n;
    double sum, sum_squares;
};

/* Observations in units (a customer's answers): unit u has n_u of them that add up to s_u. */
struct stats_ratio {
    struct stats_sum all; /* of the observations */
    uint64_t units;       /* with at least one */
    double nn, ns, ss;    /* over units: of n_u², n_u·s_u, s_u² */
};

double stats_mean_of(const struct stats_sum *s);
double stats_variance_of(const struct stats_sum *s); /* sample variance, n − 1; 0 for n < 2 */

/* A share hits/n. Wilson, "Probable inference, the law of succession, and statistical inference",
 * JASA 22 (1927); no continuity correction. n = 0: value 0 in [0, 1]. */
struct stats_interval stats_wilson(uint64_t hits, uint64_t n, double level);

struct stats_interval stats_wilson_real(double hits, double n, double level);

/* A mean: x̄ ± t(n−1)·s/√n (Student 1908). n = 1: that value in (−∞, ∞); n = 0: 0 in (−∞, ∞).
 * Not clipped to the measure's own range. */
struct stats_interval stats_mean(const struct stats_sum *s, double level);

/* Promoters less detractors, or positive less negative, as a share in [−1, 1]: P − D with normal
 * quantiles and variance (P + D − (P − D)²)/n, the variance of a mean of +1, 0 and −1 (Rocks,
 * "Interval estimation for the net promoter score", Am. Stat. 70, 2016). Clipped to [−1, 1]; n = 0:
 * 0 in [−1, 1]. */
struct stats_interval stats_net(uint64_t plus, uint64_t minus, uint64_t n, double level);
struct stats_interval stats_net_real(double plus, double minus, double n, double level);

/* Two shares: Newcombe's hybrid score interval ("Interval estimation for the difference between
 * independent proportions", Stat. Med. 17, 1998, method 10) and the pooled z test. The two can
 * disagree at the edge. An n of 0: 0 in [−1, 1], p 1. All or none of both: p 1. */
struct stats_difference stats_shares(uint64_t hits_a, uint64_t n_a, uint64_t hits_b, uint64_t n_b,
                                     double level);

struct stats_difference stats_shares_real(double hits_a, double n_a, double hits_b, double n_b,
                                          double level);

/* Two means of unequal variance (Welch, Biometrika 34, 1947; df of Welch and Satterthwaite). An n
 * below 2: the plain difference in (−∞, ∞), p 1, df 0. No variance at all: the interval is the
 * difference itself, p 1 when it is 0, else 0. */
struct stats_difference stats_welch(const struct stats_sum *a, const struct stats_sum *b,
                                    double level);

struct stats_difference stats_welch_of(const struct stats_estimate *a,
                                       const struct stats_estimate *b, double level);

/* The mean of observations that come in units, which are what was drawn at random: the variance of
 * a ratio of two sums over units, m/(m−1)·Σ(s_u − x̄·n_u)²/n² with df m−1 (Cochran, Sampling
 * Techniques, 1977; Deng, Knoblich and Lu, "Applying the delta method in metric analytics", KDD
 * 2018), but never less than s²/n, which it is, with df n−1, for one observation a unit. Fewer
 * than two units: variance INFINITY, df 0. */
struct stats_estimate stats_ratio_mean(const struct stats_ratio *r);
/* The design effect: by how much units make the variance larger; counts divided by it stand for
 * independent ones (Rao and Scott, "A simple method for the analysis of clustered binary data",
 * Biometrics 48, 1992). At least 1, and 1 for one observation a unit; n/units when all are equal.
 */
double stats_design_effect(const struct stats_ratio *r);
/* By t; infinite with df 0. */
struct stats_interval stats_estimate_interval(const struct stats_estimate *e, double level);

/* For those who look every day and stop when they like: the asymptotic confidence sequence of
 * Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and
 * asymptotic confidence sequences", Ann. Stat. 52, 2024), tightest at `tuned` units; `n`: units so
 * far; p is the smallest 1 − level whose interval leaves 0 out (with ρ kept as for `level`). An
 * error of 0 or infinite: the whole line and p 1. */
struct stats_difference stats_any_time(double difference, double error, double n, double tuned,
                                       double level);

/* p adjusted for there being n of them, in the same order: Holm's step-down (Scand. J. Stat. 6,
 * 1979). */
void stats_holm(const double *p, size_t n, double *ret_adjusted);

double stats_normal(double level); /* the x with P(−x < Z < x) = level, Z standard normal */

/* Pearson's goodness of fit: p of counts at least this far from the shares (any positive scale,
 * e.g. 50, 50). The sample-ratio check of an experiment. A cell that expects nothing and has
 * nothing is left out; one that has something makes p 0. Nothing counted, or fewer than two
 * cells: 1. */
double stats_fit(const uint64_t *counts, const double *shares, size_t n);

/* Exact upper tails P(X >= k): of Poisson(mean), by P(k, mean), the regularized incomplete gamma
 * function; of Binomial(n, share), by I_share(k, n−k+1), the incomplete beta function (Abramowitz
 * and Stegun 26.4.21, 26.5.24). k = 0: 1. A mean or share of 0 or less with k > 0: 0; k > n: 0. */
double stats_poisson_tail(uint64_t k, double mean);
double stats_binomial_tail(uint64_t k, uint64_t n, double share);

/* P(X <= k) of a count of that mean and variance: negative binomial with r = μ²/(σ²−μ), by
 * I_q(r, k+1) with q = μ/σ², the incomplete beta function (Abramowitz and Stegun 26.5.26 with real
 * r); Poisson, by Q(k+1, μ), when the variance is not above the mean. A mean of 0 or less: 1. */
double stats_count_below(uint64_t k, double mean, double variance);

#endif
