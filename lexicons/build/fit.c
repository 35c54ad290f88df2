#include "lexicons/build/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PASSES = 60 };
static const double stop_at = 0.1; /* liblinear's default for the largest projected gradient gap */

static void *must(void *p)
{
    if (!p) {
        perror("fit");
        exit(1);
    }
    return p;
}

void fit_ratios(const struct fit_set *s, const struct fit_limits *l, float *ret_r, float *ret_mass)
{
    const struct grams *g = s->grams;
    double *side[2] = {must(calloc(g->n + 1, sizeof(double))),
                       must(calloc(g->n + 1, sizeof(double)))};
    uint32_t *df = must(calloc(g->n + 1, sizeof(*df)));
    for (size_t i = 0; i < g->n_rows; i++) {
        if (s->cost[i] <= 0)
            continue;
        double *mine = side[s->label[i] > 0];
        for (uint64_t k = g->row[i]; k < g->row[i + 1]; k++) {
            mine[g->ids[k]] += (double)s->cost[i];
            df[g->ids[k]]++;
        }
    }
    for (uint32_t j = 0; j < g->n; j++) {
        double ratio = (l->smoothing + side[1][j]) / (l->smoothing + side[0][j]);
        ret_r[j] = df[j] < l->min_df ? 0 : (float)log(ratio);
        ret_mass[j] = (float)(side[0][j] + side[1][j]);
    }
    free(side[0]);
    free(side[1]);
    free(df);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void shuffle(uint32_t *order, size_t n, uint64_t *state)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = next_random(state) % i;
        uint32_t t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}

/* A feature's state in one cache line's reach: its weight and what one step adds to it. */
struct cell {
    float w, r2;
};

struct descent {
    const struct fit_set *set;
    struct cell *cells;
    double *alpha;
    float *inv_norm;
    uint32_t *order;
    size_t n_order;
    double C, cap;
    float *square; /* |x|² of each row, the bias counted; NULL: 1 */
    double *bias;  /* NULL: none */
};

static double project(double gradient, double alpha, double cap)
{
    return alpha <= 0 ? fmin(gradient, 0) : alpha >= cap ? fmax(gradient, 0) : gradient;
}

/* One coordinate; returns its projected gradient. The cells hold w·r, so x never has to be built:
 * w·x = Σ cell.w / ‖r‖, and a step d adds d·y·r²/‖r‖ to each. */
static double step_row(struct descent *d, uint32_t i)
{
    const struct grams *g = d->set->grams;
    const uint32_t *id = g->ids + g->row[i], *end = g->ids + g->row[i + 1];
    double sum = 0, y = d->set->label[i], before = d->alpha[i];
    double C = d->C * (double)d->set->cost[i], diagonal = 0.5 / C, cap = d->cap * C;
    for (const uint32_t *p = id; p < end; p++)
        sum += (double)d->cells[*p].w;
    sum = sum * (double)d->inv_norm[i] + (d->bias ? *d->bias : 0);
    double gradient = y * sum - 1 + diagonal * before;
    double projected = project(gradient, before, cap);
    if (fabs(projected) < 1e-12)
        return projected;
    double square = d->square ? (double)d->square[i] : 1;
    double after = fmin(fmax(before - gradient / (square + diagonal), 0), cap);
    d->alpha[i] = after;
    if (d->bias)
        *d->bias += (after - before) * y;
    float add = (float)((after - before) * y * (double)d->inv_norm[i]);
    for (const uint32_t *p = id; p < end; p++)
        d->cells[*p].w += add * d->cells[*p].r2;
    return projected;
}

static void descent_init(struct descent *d, const struct fit_set *s, const struct fit_limits *l,
                         const float *r)
{
    const struct grams *g = s->grams;
    *d = (struct descent){.set = s, .C = l->C, .cap = l->cap};
    d->cells = must(calloc(g->n + 1, sizeof(*d->cells)));
    d->alpha = must(calloc(g->n_rows + 1, sizeof(*d->alpha)));
    d->inv_norm = must(calloc(g->n_rows + 1, sizeof(*d->inv_norm)));
    d->order = must(calloc(g->n_rows + 1, sizeof(*d->order)));
    for (uint32_t j = 0; j < g->n; j++)
        d->cells[j].r2 = r[j] * r[j];
    for (size_t i = 0; i < g->n_rows; i++) {
        double norm2 = 0;
        for (uint64_t k = g->row[i]; k < g->row[i + 1]; k++)
            norm2 += (double)d->cells[g->ids[k]].r2;
        if (s->cost[i] <= 0 || norm2 <= 0)
            continue;
        d->inv_norm[i] = (float)(1 / sqrt(norm2));
        d->order[d->n_order++] = (uint32_t)i;
    }
}

static unsigned descend(struct descent *d, const struct fit_limits *l)
{
    const double stop = l->stop > 0 ? l->stop : stop_at;
    uint64_t seed = 20261122;
    unsigned pass = 0;
    for (double gap = INFINITY; pass < MAX_PASSES && gap > stop; pass++) {
        double highest = -INFINITY, lowest = INFINITY;
        shuffle(d->order, d->n_order, &seed);
        for (size_t k = 0; k < d->n_order; k++) {
            double projected = step_row(d, d->order[k]);
            highest = fmax(highest, projected);
            lowest = fmin(lowest, projected);
        }
        gap = highest - lowest;
    }
    return pass;
}

static void descent_done(struct descent *d, uint32_t n, float *ret_w)
{
    for (uint32_t j = 0; j < n; j++)
        ret_w[j] = d->cells[j].w;
    free(d->cells);
    free(d->alpha);
    free(d->inv_norm);
    free(d->order);
    free(d->square);
}

unsigned fit_svm(const struct fit_set *s, const struct fit_limits *l, const float *r, float *ret_w)
{
    struct descent d;
    descent_init(&d, s, l, r);
    unsigned pass = descend(&d, l);
    descent_done(&d, s->grams->n, ret_w);
    return pass;
}

unsigned fit_scaled(const struct fit_set *s, const struct fit_limits *l, const float *d,
                    const float *length, float *ret_v, double *ret_bias)
{
    struct descent at;
    descent_init(&at, s, l, d);
    *ret_bias = 0;
    at.bias = ret_bias;
    at.square = must(calloc(s->grams->n_rows + 1, sizeof(*at.square)));
    for (size_t i = 0; i < s->grams->n_rows; i++) {
        if (at.inv_norm[i] <= 0)
            continue;
        float scale = 1 / (at.inv_norm[i] * length[i]); /* |x| */
        at.square[i] = scale * scale + 1;
        at.inv_norm[i] = 1 / length[i];
    }
    unsigned pass = descend(&at, l);
    descent_done(&at, s->grams->n, ret_v);
    return pass;
}

static int by_float_down(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

void fit_rank(const float *w, const float *mass, uint32_t n, uint32_t k, uint8_t *ret_keep)
{
    float *score = must(malloc((n + 1) * sizeof(*score)));
    float *sorted = must(malloc((n + 1) * sizeof(*sorted)));
    for (uint32_t j = 0; j < n; j++)
        score[j] = sorted[j] = fabsf(w[j]) * sqrtf(mass[j]);
    qsort(sorted, n, sizeof(*sorted), by_float_down);
    float limit = k < n ? sorted[k] : 0;
    uint32_t kept = 0;
    for (uint32_t j = 0; j < n; j++) {
        ret_keep[j] = score[j] > limit;
        kept += ret_keep[j];
    }
    for (uint32_t j = 0; j < n && kept < k && limit > 0; j++)
        if (score[j] == limit && !ret_keep[j]) {
            ret_keep[j] = 1;
            kept++;
        }
    free(score);
    free(sorted);
}

double calibration_z(const struct calibration *c, double sum, uint32_t hits)
{
    double length = c->damp > 0 ? sqrt(1 + hits / c->damp) : 1;
    return c->slope * (sum + c->bias) / length;
}

/* Newton's method for the slope at a fixed damp; returns the loss. */
static double fit_slope(const struct sample *s, size_t n, double damp, struct calibration *ret)
{
    double a = 0, loss = INFINITY;
    for (int pass = 0; pass < 40; pass++) {
        double gradient = 0, curve = 1e-9;
        loss = 0;
        for (size_t i = 0; i < n; i++) {
            double u = s[i].sum / (damp > 0 ? sqrt(1 + s[i].hits / damp) : 1);
            double p = 1 / (1 + exp(-a * u)), target = s[i].label > 0;
            loss += s[i].weight * log1p(exp(s[i].label > 0 ? -a * u : a * u));
            gradient += s[i].weight * (p - target) * u;
            curve += s[i].weight * p * (1 - p) * u * u;
        }
        a -= gradient / curve;
    }
    *ret = (struct calibration){.slope = a, .damp = damp};
    return loss;
}

void fit_calibration(const struct sample *s, size_t n, struct calibration *ret)
{
    double best = fit_slope(s, n, 0, ret);
    for (double damp = 1; damp < 2000; damp *= 2) {
        struct calibration c;
        double loss = fit_slope(s, n, damp, &c);
        if (loss < best) {
            best = loss;
            *ret = c;
        }
    }
}
