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

static double normal_quantile(double level)
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

struct stats_interval stats_wilson(uint64_t hits, uint64_t n, double level)
{
    double z = normal_quantile(level), size = (double)n, p, middle, half;

    if (n == 0)
        return (struct stats_interval){0, 0, 1};
    p = hits < n ? (double)hits / size : 1;
    middle = (p + z * z / (2 * size)) / (1 + z * z / size);
    half = z / (1 + z * z / size) * sqrt(p * (1 - p) / size + z * z / (4 * size * size));
    return (struct stats_interval){
        .value = p,
        .low = hits == 0 ? 0 : clip(middle - half, 0, 1),
        .high = hits >= n ? 1 : clip(middle + half, 0, 1),
    };
}

struct stats_interval stats_mean(const struct stats_sum *s, double level)
{
    double mean = stats_mean_of(s), n = (double)s->n, half;

    if (s->n < 2)
        return (struct stats_interval){mean, -INFINITY, INFINITY};
    half = gsl_cdf_tdist_Qinv((1 - level) / 2, n - 1) * sqrt(stats_variance_of(s) / n);
    return (struct stats_interval){mean, mean - half, mean + half};
}

struct stats_interval stats_net(uint64_t plus, uint64_t minus, uint64_t n, double level)
{
    double p, d, half;

    if (n == 0)
        return (struct stats_interval){0, -1, 1};
    p = plus < n ? (double)plus / (double)n : 1;
    d = minus < n ? (double)minus / (double)n : 1;
    half = normal_quantile(level) * sqrt(fmax(p + d - (p - d) * (p - d), 0) / (double)n);
    return (struct stats_interval){p - d, clip(p - d - half, -1, 1), clip(p - d + half, -1, 1)};
}

static double pooled_z_test(double p_a, double n_a, double p_b, double n_b)
{
    double p = (p_a * n_a + p_b * n_b) / (n_a + n_b);
    double variance = p * (1 - p) * (1 / n_a + 1 / n_b);

    if (!(variance > 0))
        return 1;
    return clip(2 * gsl_cdf_ugaussian_Q(fabs(p_a - p_b) / sqrt(variance)), 0, 1);
}

struct stats_difference stats_shares(uint64_t hits_a, uint64_t n_a, uint64_t hits_b, uint64_t n_b,
                                     double level)
{
    struct stats_interval a = stats_wilson(hits_a, n_a, level);
    struct stats_interval b = stats_wilson(hits_b, n_b, level);
    double value = a.value - b.value;

    if (n_a == 0 || n_b == 0)
        return (struct stats_difference){.low = -1, .high = 1, .p = 1};
    return (struct stats_difference){
        .value = value,
        .low = clip(value - hypot(a.value - a.low, b.high - b.value), -1, 1),
        .high = clip(value + hypot(a.high - a.value, b.value - b.low), -1, 1),
        .p = pooled_z_test(a.value, (double)n_a, b.value, (double)n_b),
    };
}

struct stats_difference stats_welch(const struct stats_sum *a, const struct stats_sum *b,
                                    double level)
{
    struct stats_difference d = {.value = stats_mean_of(a) - stats_mean_of(b), .p = 1};
    double va, vb, error, half;

    if (a->n < 2 || b->n < 2) {
        d.low = -INFINITY;
        d.high = INFINITY;
        return d;
    }
    va = stats_variance_of(a) / (double)a->n;
    vb = stats_variance_of(b) / (double)b->n;
    error = sqrt(va + vb);
    if (!(error > 0)) {
        d.low = d.high = d.value;
        d.df = (double)a->n + (double)b->n - 2;
        d.p = d.value == 0 ? 1 : 0;
        return d;
    }
    /* In shares of the whole, so that no square leaves the range of a double. */
    va /= va + vb;
    d.df = 1 / (va * va / (double)(a->n - 1) + (1 - va) * (1 - va) / (double)(b->n - 1));
    half = gsl_cdf_tdist_Qinv((1 - level) / 2, d.df) * error;
    d.low = d.value - half;
    d.high = d.value + half;
    d.p = clip(2 * gsl_cdf_tdist_Q(fabs(d.value) / error, d.df), 0, 1);
    return d;
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
