/* fit: from texts and their n-grams to weights.
 *
 * Naive-Bayes log-ratios scale the features of an L2-loss linear SVM (Wang and Manning 2012), each
 * text is brought to unit length *in training only*, and the weights are applied as a plain sum.
 * Deterministic: one thread, one seed, doubles and floats in a fixed order. */
#ifndef LEX_BUILD_FIT_H
#define LEX_BUILD_FIT_H

#include "lexicons/build/grams.h"

struct fit_set {
    const struct grams *grams;
    const int8_t *label; /* of each row: +1 or -1 */
    const float *cost;   /* of each row: 0 keeps it out of training */
};

struct fit_limits {
    double C, smoothing;
    double cap; /* no dual variable above cap · C · cost: past there the loss grows only linearly,
                   so that rows with a wrong label do not bend the rest */
    uint32_t min_df;
    double stop; /* the largest projected gradient gap to end with; 0: 0.1 */
};

/* r[j] = log((a + p_j) / (a + q_j)), p and q the summed costs of the positive and negative rows
 * with n-gram j, a the smoothing; 0 where fewer than min_df trained rows have it. The usual
 * division by |p| and |q| is left out: both sides cost nearly the same, and it loses. ret_mass[j] =
 * p_j + q_j. */
void fit_ratios(const struct fit_set *s, const struct fit_limits *l, float *ret_r, float *ret_mass);

/* Weights by n-gram of min ½|w|² + C Σ cost_i max(0, 1 - y_i w·x_i)², x_ij = r_j / ‖r over the
 * hits of i‖, multiplied back by r: dual coordinate descent after Hsieh, Chang, Lin, Keerthi and
 * Sundararajan, "A dual coordinate descent method for large-scale linear SVM" (ICML 2008),
 * algorithm 1 with D_ii = 1 / (2 C cost_i) and U = cap C cost_i. Liblinear solves the same problem,
 * but Debian's has no cost per row. Returns the passes made. */
unsigned fit_svm(const struct fit_set *s, const struct fit_limits *l, const float *r, float *ret_w);

/* The same problem for rows of any length: x_ij = d_j / length_i, and a bias. ret_v[j] is what a
 * hit adds before the division, w_j d_j. */
unsigned fit_scaled(const struct fit_set *s, const struct fit_limits *l, const float *d,
                    const float *length, float *ret_v, double *ret_bias);

/* Marks the `k` n-grams with the greatest |w|·√mass; ties go to the lower number. */
void fit_rank(const float *w, const float *mass, uint32_t n, uint32_t k, uint8_t *ret_keep);

/* What turns a sum of weights into log-odds (README.md, Score), by maximum likelihood. The bias is
 * left at 0: what helps one source costs another, and nobody knows the share of praise to come. */
struct calibration {
    double bias, slope, damp;
};
struct sample {
    double sum, weight;
    uint32_t hits;
    int8_t label;
};
void fit_calibration(const struct sample *s, size_t n, struct calibration *ret);
double calibration_z(const struct calibration *c, double sum, uint32_t hits);

#endif
