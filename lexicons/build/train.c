/* train: fits one n-gram table, or scores the recipe on texts it was not fitted on.
 *
 *   train lang=ko data=DIR out=FILE          the table
 *   train lang=ko data=DIR out=FILE held=1   a table that has not seen every tenth text, for tuning
 *   train lang=ko data=DIR folds=shopping/5  the recipe, five-fold on that source
 *   train lang=ko data=DIR without=kote      the recipe without a source, scored on it
 *   train lang=ko data=DIR eval=nsmc_test    the recipe, scored on a source it never trains on
 *
 * key=value pairs override the recipe: k, c, ks (stages), w.SOURCE and so on. */
#include "lexicons/build/fit.h"
#include "lexicons/build/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STAGES = 8, HELD = 10 /* row number mod this is 0: held out */ };

struct recipe {
    const char *lang, *data, *out;
    double weight[SRC_N]; /* of one row; 0: the source is not read */
    struct fit_limits limits;
    double clip; /* standard deviations of the weights that one byte spans */
    uint32_t stages[MAX_STAGES], n_stages; /* n-grams kept after each fit */
    bool held;                             /* leave out what a table's calibration is fitted on */
    bool refit;                            /* fit once more with those kept in the end */
    int fold_source, folds, only_fold, eval;
};

struct run {
    const struct recipe *recipe;
    struct corpus corpus;
    struct grams grams;
    int8_t *label;
    float *cost;
};

struct fitted {
    struct grams grams; /* those kept */
    int8_t *weight;
    double scale;
};

static void *must(void *p)
{
    if (!p) {
        perror("train");
        exit(1);
    }
    return p;
}

static void say(const char *what, uint32_t n, unsigned passes)
{
    fprintf(stderr, "train: %s: %u n-grams, %u passes\n", what, n, passes);
}

/* Which byte each weight becomes. The span is set by the spread, not by the largest weight: a few
 * giants may be cut so that the many small ones keep their differences. */
static double quantise(const float *w, uint32_t n, double clip, int8_t *ret)
{
    double square = 0;
    for (uint32_t j = 0; j < n; j++)
        square += (double)w[j] * (double)w[j];
    double scale = clip * sqrt(square / (n ? n : 1)) / 127;
    for (uint32_t j = 0; j < n; j++) {
        double q = round((double)w[j] / scale);
        ret[j] = (int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
    }
    return scale;
}

/* One stage: fit, keep the best k. `ret_w` is by the number of those kept. */
static void narrow(const struct run *run, struct grams *g, uint32_t k, float **ret_w)
{
    const struct fit_limits *limits = &run->recipe->limits;
    struct fit_set set = {g, run->label, run->cost};
    float *r = must(calloc(g->n + 1, sizeof(*r))), *w = must(calloc(g->n + 1, sizeof(*w)));
    float *mass = must(calloc(g->n + 1, sizeof(*mass)));
    uint8_t *keep = must(calloc(g->n + 1, 1));
    fit_ratios(&set, limits, r, mass);
    say("fit", g->n, fit_svm(&set, limits, r, w));
    fit_rank(w, mass, g->n, k, keep);
    uint32_t kept = 0;
    for (uint32_t j = 0; j < g->n; j++)
        if (keep[j])
            w[kept++] = w[j];
    struct grams narrowed;
    grams_keep(g, keep, &narrowed);
    if (g->list != run->grams.list)
        grams_free(g);
    *g = narrowed;
    *ret_w = w;
    free(r);
    free(mass);
    free(keep);
}

/* Labels the unlabelled texts by a table of all n-grams, fitted on the rest. The short table that
 * is fitted next learns from it what words a shop's customers use (shopping five-fold + 0.6). */
static void label_unlabelled(struct run *run)
{
    double cost = run->recipe->weight[SRC_UNLABELLED];
    if (cost <= 0)
        return;
    struct grams g = run->grams;
    float *w;
    for (size_t i = 0; i < run->corpus.n_docs; i++)
        if (run->corpus.docs[i].source == SRC_UNLABELLED)
            run->cost[i] = 0;
    narrow(run, &g, g.n, &w);
    for (size_t i = 0; i < run->corpus.n_docs; i++) {
        if (run->corpus.docs[i].source != SRC_UNLABELLED)
            continue;
        double sum = 0;
        for (uint64_t k = g.row[i]; k < g.row[i + 1]; k++)
            sum += (double)w[g.ids[k]];
        run->label[i] = sum > 0 ? 1 : -1;
        run->cost[i] = (float)cost;
    }
    free(w);
    grams_free(&g);
}

static struct fitted fit(struct run *run)
{
    const struct recipe *rc = run->recipe;
    struct fitted f = {.grams = run->grams};
    float *w = NULL;
    label_unlabelled(run);
    for (uint32_t i = 0; i < rc->n_stages; i++) {
        free(w);
        narrow(run, &f.grams, rc->stages[i], &w);
    }
    if (rc->refit) {
        free(w);
        narrow(run, &f.grams, f.grams.n, &w);
    }
    f.weight = must(calloc(f.grams.n + 1, 1));
    f.scale = quantise(w, f.grams.n, rc->clip, f.weight);
    free(w);
    return f;
}

static void fitted_free(struct fitted *f)
{
    grams_free(&f->grams);
    free(f->weight);
}

static struct sample sample_of(const struct run *run, const struct fitted *f, size_t i)
{
    struct sample s = {.weight = 1, .label = run->label[i]};
    for (uint64_t k = f->grams.row[i]; k < f->grams.row[i + 1]; k++) {
        int w = f->weight[f->grams.ids[k]];
        s.sum += w;
        s.hits += w != 0;
    }
    return s;
}

static bool is_right(const struct sample *s, double bias)
{
    return (s->sum + bias > 0) == (s->label > 0);
}

/* Rows of `source` in fold `fold` of `folds` are left out; a source with weight 0 always is. */
static void set_costs(struct run *run, int source, int folds, int fold)
{
    for (size_t i = 0; i < run->corpus.n_docs; i++) {
        const struct doc *d = &run->corpus.docs[i];
        run->cost[i] = (float)run->recipe->weight[d->source] * d->cost;
        if (d->source == SRC_VALENCE) /* words are no texts to be scored on */
            continue;
        if ((d->source == source || source == SRC_N) && (int)(d->row % (unsigned)folds) == fold)
            run->cost[i] = 0;
    }
}

static void load(struct run *run, const struct recipe *rc)
{
    *run = (struct run){.recipe = rc, .corpus.words = !strcmp(rc->lang, "en")};
    for (int s = 0; s < SRC_N; s++)
        if (rc->weight[s] > 0 || s == rc->eval)
            corpus_read(&run->corpus, rc->data, (enum source)s);
    grams_count(&run->corpus, rc->limits.min_df, &run->grams);
    run->label = must(calloc(run->corpus.n_docs + 1, 1));
    run->cost = must(calloc(run->corpus.n_docs + 1, sizeof(*run->cost)));
    for (size_t i = 0; i < run->corpus.n_docs; i++)
        run->label[i] = run->corpus.docs[i].label;
    fprintf(stderr, "train: %zu texts, %u n-grams\n", run->corpus.n_docs, run->grams.n);
}

/* Accuracy on the rows of a source that were not trained on. */
static void score(const struct run *run, const struct fitted *f, int source, size_t *n,
                  size_t *right)
{
    for (size_t i = 0; i < run->corpus.n_docs; i++) {
        if (run->corpus.docs[i].source != source || run->cost[i] > 0)
            continue;
        struct sample s = sample_of(run, f, i);
        (*n)++;
        *right += is_right(&s, 0);
    }
}

static void print_score(int source, size_t n, size_t right)
{
    if (n)
        printf("%s\t%zu of %zu\t%.2f\n", source_name((enum source)source), right, n,
               100.0 * (double)right / (double)n);
    fflush(stdout);
}

static void measure_folds(struct run *run)
{
    const struct recipe *rc = run->recipe;
    size_t n[SRC_N] = {0}, right[SRC_N] = {0};
    for (int fold = 0; fold < rc->folds; fold++) {
        if (rc->only_fold >= 0 && fold != rc->only_fold)
            continue;
        set_costs(run, rc->fold_source, rc->folds, fold);
        struct fitted f = fit(run);
        for (int s = 0; s < SRC_N; s++)
            score(run, &f, s, &n[s], &right[s]);
        fitted_free(&f);
    }
    for (int s = 0; s < SRC_N; s++)
        print_score(s, n[s], right[s]);
}

/* A tenth of every source is left out of a first fit, and tells what its sums are worth. */
static struct calibration calibrate(struct run *run, double *ret_scale)
{
    set_costs(run, SRC_N, HELD, 0);
    struct fitted f = fit(run);
    struct sample *s = must(calloc(run->corpus.n_docs + 1, sizeof(*s)));
    size_t n = 0, of[SRC_N] = {0};
    for (size_t i = 0; i < run->corpus.n_docs; i++)
        of[run->corpus.docs[i].source] += run->cost[i] <= 0;
    for (size_t i = 0; i < run->corpus.n_docs; i++)
        if (run->cost[i] <= 0) {
            s[n] = sample_of(run, &f, i);
            s[n++].weight = 1e4 / (double)of[run->corpus.docs[i].source];
        }
    struct calibration c;
    fit_calibration(s, n, &c);
    *ret_scale = f.scale;
    free(s);
    fitted_free(&f);
    return c;
}

static void write_out(struct run *run)
{
    const struct recipe *rc = run->recipe;
    double scale;
    struct calibration c = calibrate(run, &scale);
    set_costs(run, rc->held ? SRC_N : -1, rc->held ? HELD : 1, 0);
    struct fitted f = fit(run);
    struct table_head head = {.words = run->corpus.words,
                              .slope = c.slope * f.scale / scale,
                              .damp = c.damp,
                              .scale = f.scale};
    snprintf(head.lang, sizeof(head.lang), "%s", rc->lang);
    table_write(rc->out, &head, &run->corpus, &f.grams, f.weight);
    fitted_free(&f);
}

static void recipe_default(struct recipe *rc, const char *lang)
{
    *rc = (struct recipe){.lang = lang, .data = "../shared/data", .clip = 20, .refit = true};
    rc->limits = (struct fit_limits){.C = 0.3, .smoothing = 0.3, .cap = 1.2, .min_df = 3};
    rc->fold_source = rc->only_fold = rc->eval = -1;
    rc->n_stages = 1;
    rc->stages[0] = 200000;
    if (!strcmp(lang, "en")) {
        rc->weight[SRC_RT] = rc->weight[SRC_UCI] = 1;
        rc->weight[SRC_VALENCE] = 1.5;
        rc->stages[0] = 60000;
        rc->limits.smoothing = 1;
        rc->refit = false;
        rc->limits.min_df = 2;
        return;
    }
    rc->weight[SRC_NSMC] = 1;
    rc->weight[SRC_SHOPPING] = rc->weight[SRC_KOTE] = 4;
    rc->weight[SRC_STARS] = rc->weight[SRC_UNLABELLED] = 1;
}

static void usage(const char *arg)
{
    fprintf(stderr, "train: do not understand '%s'\n", arg);
    exit(2);
}

static int source_or_die(const char *name, const char *arg)
{
    int s = source_by_name(name);
    if (s < 0)
        usage(arg);
    return s;
}

/* folds=SOURCE/N, or SOURCE/N:I for one of them. */
static void set_folds(struct recipe *rc, const char *value, const char *arg)
{
    char name[32];
    rc->only_fold = -1;
    if (sscanf(value, "%31[^/]/%d:%d", name, &rc->folds, &rc->only_fold) < 2 || rc->folds < 1)
        usage(arg);
    rc->fold_source = source_or_die(name, arg);
}

static void set_stages(struct recipe *rc, const char *value)
{
    rc->n_stages = 0;
    for (char *end; *value && rc->n_stages < MAX_STAGES; value = *end ? end + 1 : end)
        rc->stages[rc->n_stages++] = (uint32_t)strtoul(value, &end, 10);
}

static void set(struct recipe *rc, const char *arg)
{
    const char *value = strchr(arg, '=');
    if (!value)
        usage(arg);
    value++;
#define IS(key) (!strncmp(arg, key "=", sizeof(key)))
    if (IS("data"))
        rc->data = value;
    else if (IS("out"))
        rc->out = value;
    else if (IS("c"))
        rc->limits.C = atof(value);
    else if (IS("clip"))
        rc->clip = atof(value);
    else if (IS("min_df"))
        rc->limits.min_df = (uint32_t)atoi(value);
    else if (IS("cap"))
        rc->limits.cap = atof(value);
    else if (IS("smoothing"))
        rc->limits.smoothing = atof(value);
    else if (IS("held"))
        rc->held = atoi(value) != 0;
    else if (IS("refit"))
        rc->refit = atoi(value) != 0;
    else if (IS("stages"))
        set_stages(rc, value);
    else if (IS("folds"))
        set_folds(rc, value, arg);
    else if (IS("without"))
        rc->folds = 1, rc->fold_source = source_or_die(value, arg);
    else if (IS("eval"))
        rc->eval = source_or_die(value, arg), rc->folds = rc->folds ? rc->folds : 1;
    else if (!strncmp(arg, "w.", 2)) {
        char name[32];
        if (sscanf(arg, "w.%31[^=]", name) != 1)
            usage(arg);
        rc->weight[source_or_die(name, arg)] = atof(value);
    } else
        usage(arg);
#undef IS
}

int main(int argc, char **argv)
{
    if (argc < 3 || (strcmp(argv[1], "lang=ko") != 0 && strcmp(argv[1], "lang=en") != 0))
        usage(argc > 1 ? argv[1] : "");
    struct recipe recipe;
    recipe_default(&recipe, argv[1] + 5);
    for (int i = 2; i < argc; i++)
        set(&recipe, argv[i]);
    struct run run;
    load(&run, &recipe);
    if (recipe.folds)
        measure_folds(&run);
    if (recipe.out)
        write_out(&run);
    corpus_free(&run.corpus);
    grams_free(&run.grams);
    free(run.label);
    free(run.cost);
    return 0;
}
