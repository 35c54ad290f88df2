#include "daemon/stats.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>

/* GSL's own handler aborts the process, on mere underflow too; without one, the tail is just 0. */
__attribute__((constructor)) static void keep_gsl_quiet(void)
{
    gsl_set_error_handler_off();
}

static double clip(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

double stats_normal(double level)
{
    return gsl_cdf_ugaussian_Qinv((1 - level) / 2);
}

double stats_mean_of(const struct stats_sum *s)
{
    return s->n ? s->sum / (double)s->n : 0;
}

double stats_variance_of(const struct stats_sum *s)
{
    double n = (double)s->n;
    double squares;

    if (s->n < 2)
        return 0;
    squares = s->sum_squares - s->sum * (s->sum / n);
    /* Rounding can take equal values below zero. */
    return squares > 0 ? squares / (n - 1) : 0;
}

struct stats_interval stats_wilson_real(double hits, double n, double level)
{
    double z = stats_normal(level), p, middle, half;

    if (!(n > 0))
        return (struct stats_interval){0, 0, 1};
    p = hits < n ? hits / n : 1;
    middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (struct stats_interval){
        .value = p,
        .low = hits > 0 ? clip(middle - half, 0, 1) : 0,
        .high = hits >= n ? 1 : clip(middle + half, 0, 1),
    };
}

struct stats_interval stats_wilson(uint64_t hits, uint64_t n, double level)
{
    return stats_wilson_real((double)hits, (double)n, level);
}

struct stats_interval stats_net_real(double plus, double minus, double n, double level)
{
    double p, d, half;

    if (!(n > 0))
        return (struct stats_interval){0, -1, 1};
    p = plus < n ? plus / n : 1;
    d = minus < n ? minus / n : 1;
    half = stats_normal(level) * sqrt(fmax(p + d - (p - d) * (p - d), 0) / n);
    return (struct stats_interval){p - d, clip(p - d - half, -1, 1), clip(p - d + half, -1, 1)};
}

struct stats_interval stats_net(uint64_t plus, uint64_t minus, uint64_t n, double level)
{
    return stats_net_real((double)plus, (double)minus, (double)n, level);
}

static double pooled_z_test(double p_a, double n_a, double p_b, double n_b)
{
    double p = (p_a * n_a + p_b * n_b) / (n_a + n_b);
    double variance = p * (1 - p) * (1 / n_a + 1 / n_b);

    if (!(variance > 0))
        return 1;
    return clip(2 * gsl_cdf_ugaussian_Q(fabs(p_a - p_b) / sqrt(variance)), 0, 1);
}

struct stats_difference stats_shares_real(double hits_a, double n_a, double hits_b, double n_b,
                                          double level)
{
    struct stats_interval a = stats_wilson_real(hits_a, n_a, level);
    struct stats_interval b = stats_wilson_real(hits_b, n_b, level);
    struct stats_difference d = {.low = -1, .high = 1, .p = 1, .error = INFINITY};

    if (!(n_a > 0) || !(n_b > 0))
        return d;
    d.value = a.value - b.value;
    d.low = clip(d.value - hypot(a.value - a.low, b.high - b.value), -1, 1);
    d.high = clip(d.value + hypot(a.high - a.value, b.value - b.low), -1, 1);
    d.p = pooled_z_test(a.value, n_a, b.value, n_b);
    d.error = (d.high - d.low) / (2 * stats_normal(level));
    return d;
}

struct stats_difference stats_shares(uint64_t hits_a, uint64_t n_a, uint64_t hits_b, uint64_t n_b,
                                     double level)
{
    return stats_shares_real((double)hits_a, (double)n_a, (double)hits_b, (double)n_b, level);
}

static struct stats_difference certain_difference(const struct stats_estimate *a,
                                                  const struct stats_estimate *b)
{
    double value = a->value - b->value;

    return (struct stats_difference){
        .value = value, .low = value, .high = value, .p = value == 0, .df = a->df + b->df};
}

struct stats_difference stats_welch_of(const struct stats_estimate *a,
                                       const struct stats_estimate *b, double level)
{
    struct stats_difference d = {.value = a->value - b->value, .p = 1, .error = INFINITY};
    double part, half;

    if (!(a->df > 0) || !(b->df > 0)) {
        d.low = -INFINITY;
        d.high = INFINITY;
        return d;
    }
    d.error = sqrt(a->variance + b->variance);
    if (!(d.error > 0))
        return certain_difference(a, b);
    /* In shares of the whole, so that no square leaves the range of a double. */
    part = a->variance / (a->variance + b->variance);
    d.df = 1 / (part * part / a->df + (1 - part) * (1 - part) / b->df);
    half = gsl_cdf_tdist_Qinv((1 - level) / 2, d.df) * d.error;
    d.low = d.value - half;
    d.high = d.value + half;
    d.p = clip(2 * gsl_cdf_tdist_Q(fabs(d.value) / d.error, d.df), 0, 1);
    return d;
}

static struct stats_estimate estimate_of(const struct stats_sum *s)
{
    struct stats_estimate e = {.value = stats_mean_of(s), .variance = INFINITY};

    if (s->n >= 2) {
        e.variance = stats_variance_of(s) / (double)s->n;
        e.df = (double)s->n - 1;
    }
    return e;
}

struct stats_difference stats_welch(const struct stats_sum *a, const struct stats_sum *b,
                                    double level)
{
    struct stats_estimate ea = estimate_of(a), eb = estimate_of(b);

    return stats_welch_of(&ea, &eb, level);
}

/* Σ(s_u − x̄·n_u)², never negative. */
static double spread_of_units(const struct stats_ratio *r)
{
    double mean = stats_mean_of(&r->all);

    return fmax(r->ss - 2 * mean * r->ns + mean * mean * r->nn, 0);
}

struct stats_estimate stats_ratio_mean(const struct stats_ratio *r)
{
    struct stats_estimate e = estimate_of(&r->all);
    double n = (double)r->all.n, m = (double)r->units;

    if (r->units >= r->all.n)
        return e;
    if (r->units < 2)
        return (struct stats_estimate){e.value, INFINITY, 0};
    e.variance = fmax(e.variance, m / (m - 1) * spread_of_units(r) / (n * n));
    e.df = m - 1;
    return e;
}

double stats_design_effect(const struct stats_ratio *r)
{
    double n = (double)r->all.n, single = stats_variance_of(&r->all) / n;

    if (r->units >= r->all.n || r->units == 0)
        return 1;
    if (!(single > 0) || r->units < 2)
        return n / (double)r->units;
    return clip(stats_ratio_mean(r).variance / single, 1, n);
}

struct stats_interval stats_estimate_interval(const struct stats_estimate *e, double level)
{
    double half;

    if (!(e->df > 0))
        return (struct stats_interval){e->value, -INFINITY, INFINITY};
    half = gsl_cdf_tdist_Qinv((1 - level) / 2, e->df) * sqrt(e->variance);
    return (struct stats_interval){e->value, e->value - half, e->value + half};
}

struct stats_interval stats_mean(const struct stats_sum *s, double level)
{
    struct stats_estimate e = estimate_of(s);

    return stats_estimate_interval(&e, level);
}

struct stats_difference stats_any_time(double difference, double error, double n, double tuned,
                                       double level)
{
    struct stats_difference d = {
        .value = difference, .low = -INFINITY, .high = INFINITY, .p = 1, .error = error};
    double log_alpha = log(1 - level), x, z, half;

    if (!(error > 0) || isinf(error) || !(n > 0))
        return d;
    /* The paper's n·ρ², with the ρ that is best at n = tuned. */
    x = n * (-2 * log_alpha + log(1 - 2 * log_alpha)) / tuned;
    half = error * sqrt(2 * (x + 1) / x * (log(x + 1) / 2 - log_alpha));
    z = difference / error;
    d.low = difference - half;
    d.high = difference + half;
    d.p = clip(sqrt(x + 1) * exp(-z * z * x / (2 * (x + 1))), 0, 1);
    return d;
}

void stats_holm(const double *p, size_t n, double *ret_adjusted)
{
    for (size_t i = 0; i < n; i++) {
        /* The largest, over all that are no larger, of p times how many are left from there. */
        ret_adjusted[i] = 0;
        for (size_t j = 0; j < n; j++) {
            size_t before = 0;
            for (size_t k = 0; k < n; k++)
                before += p[k] < p[j] || (p[k] == p[j] && k < j);
            if (p[j] <= p[i])
                ret_adjusted[i] = fmax(ret_adjusted[i], fmin((double)(n - before) * p[j], 1));
        }
    }
}

double stats_fit(const uint64_t *counts, const double *shares, size_t n)
{
    double total = 0, whole = 0, chi = 0;
    size_t cells = 0;

    for (size_t i = 0; i < n; i++) {
        total += (double)counts[i];
        whole += fmax(shares[i], 0);
    }
    for (size_t i = 0; i < n; i++) {
        double expected = shares[i] > 0 ? total * (shares[i] / whole) : 0;
        double off = (double)counts[i] - expected;

        if (shares[i] > 0)
            cells++;
        else if (counts[i])
            return 0;
        if (expected > 0)
            chi += off * off / expected;
    }
    return cells < 2 ? 1 : clip(gsl_cdf_chisq_Q(chi, (double)(cells - 1)), 0, 1);
}

double stats_poisson_tail(uint64_t k, double mean)
{
    if (k == 0)
        return 1;
    if (!(mean > 0))
        return 0;
    return clip(gsl_cdf_gamma_P(mean, (double)k, 1), 0, 1);
}

double stats_binomial_tail(uint64_t k, uint64_t n, double share)
{
    if (k == 0)
        return 1;
    if (k > n || !(share > 0))
        return 0;
    if (share >= 1)
        return 1;
    return clip(gsl_cdf_beta_P(share, (double)k, (double)(n - k) + 1), 0, 1);
}

double stats_count_below(uint64_t k, double mean, double variance)
{
    if (!(mean > 0))
        return 1;
    if (!(variance > mean * (1 + 1e-9)))
        return clip(gsl_cdf_gamma_Q(mean, (double)k + 1, 1), 0, 1);
    double q = mean / variance, r = mean * mean / (variance - mean);
    return clip(gsl_cdf_beta_P(q, r, (double)k + 1), 0, 1);
}
