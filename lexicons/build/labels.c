/* labels: fits what each label (category, signal, type, sentiment; and whether a text is about a
 * service at all) looks like in this project's own development batches: one linear model a label
 * over the same n-grams as the polarity table, and the rules and marks of nlp.
 *
 *   labels lang=ko tables=BIN data=DIR out=FILE BATCH...   the table of all batches
 *   labels lang=ko tables=BIN data=DIR BATCH...            figures: each author's texts scored by a
 * fit of the others'
 *   ... scores=FILE                                        those scores, a line for each text and
 * label
 *
 * Batches after `train-only=1` are fitted on and never scored. key=value pairs override the recipe:
 * c, keep, least, min_df, rule, signal, mark, other. */
#include "lexicons/build/design.h"
#include "lexicons/build/fit.h"
#include "lexicons/build/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *lang, *tables, *data, *out, *scores;
    double rule, mark; /* how much a rule, a mark counts beside an n-gram */
    double signal;     /* a rule, where a signal is fitted: those of signals are their own words */
    double other;      /* one in so many film reviews says what is no service: with the shop reviews
                        * 1.4 for each of our own, as when it was tried */
    double min_df;
    double keep;  /* n-grams in the table */
    double least; /* weights of n-grams below this many units are left out */
    struct fit_limits limits;
};

struct labels {
    struct options options;
    struct design design;
    float *d[2];   /* scale of each id, and that for signals */
    double *score; /* of row i and label k: [i * MAX_LABELS + k] */
    double threshold[LABEL_KINDS], odds;
};

static void *must(void *p)
{
    if (!p) {
        perror("labels");
        exit(1);
    }
    return p;
}

static bool is_so(const struct labels *l, size_t row, int label)
{
    return l->design.rows[row].labels >> label & 1;
}

/* Rare n-grams say more: log of how few of our own texts have them. Scaled to about 1. */
static void set_scales(struct labels *l)
{
    const struct design *d = &l->design;
    uint32_t *df = must(calloc(d->grams.n + 1, sizeof(*df))), n = 0;
    for (size_t i = 0; i < d->grams.n_rows; i++) {
        if (d->rows[i].author < 0)
            continue;
        n++;
        for (uint64_t k = d->grams.row[i]; k < d->grams.row[i + 1]; k++)
            df[d->grams.ids[k]]++;
    }
    for (int k = 0; k < 2; k++) {
        free(l->d[k]);
        l->d[k] = must(calloc(d->grams.n + 1, sizeof(float)));
    }
    for (uint32_t j = 0; j < d->grams.n; j++) {
        double rare = log((n + 1.0) / (df[j] + 1.0)) / 4.5;
        bool feature = j >= d->n_grams, mark = feature && d->is_mark[j - d->n_grams];
        for (int k = 0; k < 2; k++) {
            double rule = k ? l->options.signal : l->options.rule;
            l->d[k][j] = (float)(mark ? l->options.mark / 4.5 : feature ? rule * rare : rare);
        }
    }
    free(df);
}

/* What each id adds to the score of `label`, fitted on all rows that know of it but those of author
 * `left_out` (-1: all); of texts of no service, a share is left out with each author. */
static double fit_label(const struct labels *l, int label, int left_out, float *ret_v)
{
    const struct design *d = &l->design;
    size_t n = d->grams.n_rows;
    int8_t *side = must(calloc(n + 1, 1));
    float *cost = must(calloc(n + 1, sizeof(*cost)));
    double bias;
    for (size_t i = 0; i < n; i++) {
        const struct design_row *r = &d->rows[i];
        int author = r->author < 0 ? (int)(i % (size_t)d->n_authors) : r->author;
        bool out = author == left_out;
        side[i] = is_so(l, i, label) ? 1 : -1;
        bool unsure = r->unsure >> label & 1;
        cost[i] = (r->known >> d->names[label].kind & 1) && !out && !unsure ? 1 : 0;
    }
    struct fit_set set = {&d->grams, side, cost};
    fit_scaled(&set, &l->options.limits, l->d[d->names[label].kind == KIND_SIGNAL], d->length,
               ret_v, &bias);
    free(side);
    free(cost);
    return bias;
}

static double score_row(const struct labels *l, const float *v, double bias, size_t i)
{
    const struct design *d = &l->design;
    double sum = 0;
    for (uint64_t k = d->grams.row[i]; k < d->grams.row[i + 1]; k++)
        sum += (double)v[d->grams.ids[k]];
    return bias + sum / (double)d->length[i];
}

/* Every row scored by a fit that has not seen its author. */
static void cross_validate(struct labels *l)
{
    const struct design *d = &l->design;
    float *v = must(calloc(d->grams.n + 1, sizeof(*v)));
    l->score = must(calloc(d->grams.n_rows * MAX_LABELS + 1, sizeof(*l->score)));
    for (int author = 0; author < d->n_authors; author++) {
        size_t any = 0;
        for (size_t i = 0; i < d->grams.n_rows; i++)
            any += d->rows[i].author == author && d->rows[i].scored;
        for (int label = 0; any && label < d->n_names; label++) {
            double bias = fit_label(l, label, author, v);
            for (size_t i = 0; i < d->grams.n_rows; i++)
                if (d->rows[i].author == author)
                    l->score[i * MAX_LABELS + (size_t)label] = score_row(l, v, bias, i);
        }
    }
    free(v);
}

struct counts {
    size_t right, false_, missed;
};

static struct counts count(const struct labels *l, int label, double threshold)
{
    struct counts c = {0};
    const struct design *d = &l->design;
    for (size_t i = 0; i < d->grams.n_rows; i++) {
        if (!d->rows[i].scored || !(d->rows[i].known >> d->names[label].kind & 1))
            continue;
        bool want = is_so(l, i, label), got = l->score[i * MAX_LABELS + (size_t)label] > threshold;
        c.right += want && got;
        c.false_ += !want && got;
        c.missed += want && !got;
    }
    return c;
}

static double f1(struct counts c)
{
    size_t all = 2 * c.right + c.false_ + c.missed;
    return all ? 2.0 * (double)c.right / (double)all : 1;
}

static struct counts count_kind(const struct labels *l, enum label_kind kind, double threshold)
{
    struct counts sum = {0};
    for (int k = 0; k < l->design.n_names; k++) {
        if (l->design.names[k].kind != kind)
            continue;
        struct counts c = count(l, k, threshold);
        sum.right += c.right;
        sum.false_ += c.false_;
        sum.missed += c.missed;
    }
    return sum;
}

enum { STEPS = 121 };

static double step_at(int t)
{
    return (t - 90) / 100.0;
}

/* The threshold of all labels of a kind with the best F1: one number, so that there is little to
 * fit. Of all that do as well but for chance: the middle, and for signals, which wake people, the
 * highest. */
static void choose_threshold(struct labels *l, enum label_kind kind)
{
    static const double chance = 0.005;
    double f[STEPS], best = 0, sum = 0;
    int n = 0;
    for (int t = 0; t < STEPS; t++) {
        f[t] = f1(count_kind(l, kind, step_at(t)));
        best = fmax(best, f[t]);
    }
    for (int t = 0; t < STEPS; t++) {
        if (f[t] < best - chance)
            continue;
        sum = (kind == KIND_SIGNAL ? 0 : sum) + step_at(t);
        n = (kind == KIND_SIGNAL ? 0 : n) + 1;
    }
    l->threshold[kind] = sum / n;
}

/* The label of a kind with the best score, and the share it has by `odds`. */
static int best_of(const struct labels *l, size_t i, enum label_kind kind, double odds,
                   double *ret_share)
{
    const double *score = l->score + i * MAX_LABELS;
    int best = -1;
    double sum = 0;
    for (int k = 0; k < l->design.n_names; k++) {
        if (l->design.names[k].kind != kind)
            continue;
        best = best < 0 || score[k] > score[best] ? k : best;
        sum += exp(odds * score[k]);
    }
    *ret_share = best < 0 ? 0 : exp(odds * score[best]) / sum;
    return best;
}

/* What makes the shares of sentiments most likely. */
static void choose_odds(struct labels *l)
{
    const struct design *d = &l->design;
    double best = -INFINITY;
    for (double odds = 0.5; odds < 8; odds *= 1.05) {
        double sum = 0, share;
        for (size_t i = 0; i < d->grams.n_rows; i++) {
            if (!d->rows[i].scored)
                continue;
            int k = best_of(l, i, KIND_SENTIMENT, odds, &share);
            double own = share * exp(-odds * l->score[i * MAX_LABELS + (size_t)k]);
            for (int j = 0; j < d->n_names; j++)
                if (d->names[j].kind == KIND_SENTIMENT && is_so(l, i, j))
                    sum += log(own * exp(odds * l->score[i * MAX_LABELS + (size_t)j]));
        }
        if (sum > best) {
            best = sum;
            l->odds = odds;
        }
    }
}

static void print_best(const struct labels *l, enum label_kind kind, const char *what)
{
    size_t n = 0, right = 0, bin_n[10] = {0}, bin_right[10] = {0};
    double bin[10] = {0}, error = 0, share;
    for (size_t i = 0; i < l->design.grams.n_rows; i++) {
        if (!l->design.rows[i].scored || !(l->design.rows[i].known >> kind & 1))
            continue;
        int k = best_of(l, i, kind, l->odds, &share);
        int b = (int)(share * 10) > 9 ? 9 : (int)(share * 10);
        n++;
        right += is_so(l, i, k);
        bin_n[b]++;
        bin_right[b] += is_so(l, i, k);
        bin[b] += share;
    }
    for (int b = 0; b < 10 && n; b++)
        error += fabs(bin[b] - (double)bin_right[b]) / (double)n;
    printf("%s %.2f %% of %zu", what, n ? 100.0 * (double)right / (double)n : 0, n);
    if (kind == KIND_SENTIMENT)
        printf("; calibration error %.3f, from 0.9 on %.2f %% of %zu", error,
               bin_n[9] ? 100.0 * (double)bin_right[9] / (double)bin_n[9] : 0, bin_n[9]);
    printf("\n");
}

static void print_codes(const struct labels *l, enum label_kind kind, const char *what)
{
    struct counts all = count_kind(l, kind, l->threshold[kind]);
    printf("%s F1 %.4f above %.2f\n", what, f1(all), l->threshold[kind]);
    for (int k = 0; k < l->design.n_names; k++) {
        if (l->design.names[k].kind != kind)
            continue;
        struct counts c = count(l, k, l->threshold[kind]);
        printf("    %-24s F1 %.3f  right %4zu  false %4zu  missed %4zu\n", l->design.names[k].name,
               f1(c), c.right, c.false_, c.missed);
    }
}

static void print_scores(const struct labels *l, const char *path)
{
    FILE *out = must(fopen(path, "w"));
    for (size_t i = 0; i < l->design.grams.n_rows; i++)
        for (int k = 0; k < l->design.n_names && l->design.rows[i].scored; k++)
            fprintf(out, "%s\t%s\t%d\t%.4f\n", l->design.rows[i].id, l->design.names[k].name,
                    is_so(l, i, k), l->score[i * MAX_LABELS + (size_t)k]);
    fclose(out);
}

struct row {
    char *key;
    uint32_t id;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

/* The written form of an id: an n-gram, or `\=` and the name of a feature. */
static char *written(const struct labels *l, uint32_t id)
{
    const struct design *d = &l->design;
    if (id < d->n_grams) {
        const struct gram *g = &d->grams.list[id];
        return must(table_gram(d->corpus.text.at + g->at, g->n));
    }
    const char *name = d->features[id - d->n_grams];
    char *out = must(malloc(strlen(name) + 3));
    sprintf(out, "\\=%s", name);
    return out;
}

static void write_rows(const struct labels *l, const int16_t *weight, FILE *out)
{
    const struct design *d = &l->design;
    struct row *rows = must(calloc(d->grams.n + 1, sizeof(*rows)));
    size_t n = 0;
    for (uint32_t j = 0; j < d->grams.n; j++) {
        bool any = j < d->n_grams; /* they count towards the length even where they say nothing */
        for (int k = 0; k < d->n_names; k++)
            any |= weight[(size_t)j * MAX_LABELS + (size_t)k] != 0;
        if (any)
            rows[n++] = (struct row){written(l, j), j};
    }
    qsort(rows, n, sizeof(*rows), by_key);
    for (size_t i = 0; i < n; i++) {
        const int16_t *w = weight + (size_t)rows[i].id * MAX_LABELS;
        size_t cells = 0;
        fputs(rows[i].key, out);
        for (int k = 0; k < d->n_names; k++)
            if (w[k] || (k == d->n_names - 1 && !cells))
                fprintf(out, "%c%d:%d", cells++ ? ' ' : '\t', k, w[k]);
        fputc('\n', out);
        free(rows[i].key);
    }
    free(rows);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* One unit of weight: so that but one in a thousand n-grams fit a byte. */
static double unit_of(const float *v, uint32_t n)
{
    float *size = must(malloc((n + 1) * sizeof(*size)));
    for (uint32_t j = 0; j < n; j++)
        size[j] = fabsf(v[j]);
    qsort(size, n, sizeof(*size), by_size);
    double unit = (double)size[n ? (size_t)((double)n * 0.999) : 0] / 127;
    free(size);
    return unit > 0 ? unit : 1e-6;
}

static int16_t rounded(double value, double least, double most)
{
    value = fabs(value) < least ? 0 : round(value);
    return (int16_t)(value > most ? most : value < -most ? -most : value);
}

static void write_table(struct labels *l, const char *path)
{
    const struct design *d = &l->design;
    FILE *out = must(fopen(path, "w"));
    float *v = must(calloc(d->grams.n + 1, sizeof(*v)));
    int16_t *weight = must(calloc((size_t)d->grams.n + 1, MAX_LABELS * sizeof(*weight)));
    size_t n = 0;
    for (size_t i = 0; i < d->grams.n_rows; i++)
        n += d->rows[i].author >= 0;
    fprintf(out, "# format: 2\n# lang: %s\n# texts: %zu\n# odds: %.4g\n", l->options.lang, n,
            l->odds);
    for (int k = 0; k < d->n_names; k++) {
        double bias = fit_label(l, k, -1, v), unit = unit_of(v, d->n_grams);
        for (uint32_t j = 0; j < d->grams.n; j++)
            weight[(size_t)j * MAX_LABELS + (size_t)k] =
                j < d->n_grams ? rounded((double)v[j] / unit, l->options.least, 127)
                               : rounded((double)v[j] / unit, 0, 32767);
        fprintf(out, "# label: %d %s %.6g %.6g %.4g\n", k, d->names[k].name, unit, bias,
                l->threshold[d->names[k].kind]);
    }
    write_rows(l, weight, out);
    free(v);
    free(weight);
    if (fclose(out)) {
        perror(path);
        exit(1);
    }
}

/* Keeps the n-grams that say most, of any label. */
static void narrow(struct labels *l)
{
    struct design *d = &l->design;
    const uint32_t keep = (uint32_t)l->options.keep;
    if (d->n_grams <= keep)
        return;
    float *v = must(calloc(d->grams.n + 1, sizeof(*v)));
    float *most = must(calloc(d->grams.n + 1, sizeof(*most)));
    float *df = must(calloc(d->grams.n + 1, sizeof(*df)));
    uint8_t *kept = must(calloc(d->grams.n + 1, 1));
    for (uint64_t k = 0; k < d->grams.row[d->grams.n_rows]; k++)
        df[d->grams.ids[k]]++;
    for (int label = 0; label < d->n_names; label++) {
        fit_label(l, label, -1, v);
        for (uint32_t j = 0; j < d->n_grams; j++)
            most[j] = fmaxf(most[j], fabsf(v[j]));
    }
    fit_rank(most, df, d->n_grams, keep, kept);
    design_keep(d, kept);
    set_scales(l);
    free(v);
    free(most);
    free(df);
    free(kept);
}

static bool set_number(struct options *o, const char *arg)
{
    const struct {
        const char *key;
        double *value;
    } keys[] = {{"c=", &o->limits.C},    {"keep=", &o->keep},   {"min_df=", &o->min_df},
                {"rule=", &o->rule},     {"mark=", &o->mark},   {"other=", &o->other},
                {"signal=", &o->signal}, {"least=", &o->least}, {"stop=", &o->limits.stop}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t n = strlen(keys[i].key);
        if (strncmp(arg, keys[i].key, n) != 0)
            continue;
        *keys[i].value = atof(arg + n);
        return true;
    }
    return false;
}

static bool set_text(struct options *o, const char *arg)
{
    const struct {
        const char *key, **value;
    } keys[] = {{"lang=", &o->lang},
                {"tables=", &o->tables},
                {"data=", &o->data},
                {"out=", &o->out},
                {"scores=", &o->scores}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t n = strlen(keys[i].key);
        if (strncmp(arg, keys[i].key, n) != 0)
            continue;
        *keys[i].value = arg + n;
        return true;
    }
    return false;
}

static void read_all(struct labels *l, int argc, char **argv)
{
    struct options *o = &l->options;
    bool scored = true, korean;
    for (int i = 1; i < argc; i++)
        set_text(o, argv[i]);
    korean = !strcmp(o->lang, "ko");
    design_open(&l->design, o->lang, o->tables);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "train-only=1"))
            scored = false;
        else if (!set_text(o, argv[i]) && !set_number(o, argv[i]))
            design_batch(&l->design, argv[i], scored);
    }
    design_other(&l->design, o->data, korean ? SRC_NSMC : SRC_RT,
                 (unsigned)(korean ? o->other : 1));
    design_other(&l->design, o->data, korean ? SRC_SHOPPING : SRC_UCI,
                 (unsigned)(korean ? o->other * 0.6 : 1));
    design_count(&l->design, (uint32_t)o->min_df);
    set_scales(l);
}

int main(int argc, char **argv)
{
    struct labels l = {.options = {.lang = "ko",
                                   .tables = "build/lexicons.bin",
                                   .data = "../shared/data",
                                   .rule = 2,
                                   .signal = 1,
                                   .mark = 2,
                                   .other = 6,
                                   .min_df = 2,
                                   .keep = 100000,
                                   .least = 3,
                                   .limits = {.C = 1, .cap = 1e9, .stop = 0.02}}};
    read_all(&l, argc, argv);
    fprintf(stderr, "labels: %zu texts, %u n-grams, %u features, %d labels\n",
            l.design.corpus.n_docs, l.design.n_grams, l.design.n_features, l.design.n_names);
    cross_validate(&l);
    choose_threshold(&l, KIND_CATEGORY);
    choose_threshold(&l, KIND_SIGNAL);
    choose_odds(&l);
    print_best(&l, KIND_SENTIMENT, "sentiment");
    print_best(&l, KIND_TYPE, "type");
    print_codes(&l, KIND_CATEGORY, "categories");
    print_codes(&l, KIND_SIGNAL, "signals");
    if (l.options.scores)
        print_scores(&l, l.options.scores);
    if (l.options.out) {
        narrow(&l);
        write_table(&l, l.options.out);
    }
    free(l.d[0]);
    free(l.d[1]);
    free(l.score);
    design_close(&l.design);
    return 0;
}
