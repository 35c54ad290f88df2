/* labels: fits what each label (category, signal, type, sentiment) looks like in this project's own
 * development batches, one linear model a label over the same n-grams as the polarity table.
 *
 *   labels lang=ko out=FILE BATCH...   the table of all batches
 *   labels lang=ko BATCH...            each batch scored by a table of the others: id, label,
 *                                      whether it is so, score
 *
 * Few texts and many labels: what a table says is added to what the rules say (nlp/labels.c).
 * key=value pairs override the recipe: c, cap, smoothing, keep, threshold.category,
 * threshold.signal. */
#include "lexicons/build/fit.h"
#include "lexicons/build/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 9, MAX_LABELS = 32 /* LEX_LANES */, MAX_TEXTS = 40000 };

struct text {
    char id[16];
    uint64_t labels;
    int file;
};

struct labels {
    struct corpus corpus;
    struct grams grams;
    struct text *texts;
    char *names[MAX_LABELS];
    int n_names, n_files;
    struct fit_limits limits;
    uint32_t keep; /* n-grams a label keeps */
    double category_threshold, signal_threshold;
};

static void *must(void *p)
{
    if (!p) {
        perror("labels");
        exit(1);
    }
    return p;
}

static uint64_t label_bit(struct labels *l, const char *kind, const char *code, size_t n)
{
    char name[64];
    snprintf(name, sizeof(name), "%s:%.*s", kind, (int)n, code);
    int i = 0;
    while (i < l->n_names && strcmp(l->names[i], name) != 0)
        i++;
    if (i == MAX_LABELS) {
        fprintf(stderr, "labels: more than %d labels\n", MAX_LABELS);
        exit(1);
    }
    if (i == l->n_names)
        l->names[l->n_names++] = must(strdup(name));
    return UINT64_C(1) << i;
}

/* The labels of a cell of codes parted by commas, without what follows a slash. */
static uint64_t label_bits(struct labels *l, const char *kind, const char *cell)
{
    uint64_t bits = 0;
    while (*cell) {
        cell += strspn(cell, ", ");
        size_t all = strcspn(cell, ", "), top = strcspn(cell, ", /");
        bool found = !strncmp(cell, "pii", 3) && !strcmp(kind, "signal"); /* by nlp/pii.c alone */
        if (top && !found)
            bits |= label_bit(l, kind, cell, top);
        cell += all;
    }
    return bits;
}

static void add_text(struct labels *l, char **c, int file)
{
    size_t i = l->corpus.n_docs;
    if (i == MAX_TEXTS) {
        fprintf(stderr, "labels: more than %d texts\n", MAX_TEXTS);
        exit(1);
    }
    l->texts[i] = (struct text){.file = file};
    snprintf(l->texts[i].id, sizeof(l->texts[i].id), "%s", c[0]);
    l->texts[i].labels = label_bits(l, "sentiment", c[2]) | label_bits(l, "category", c[3]) |
                         label_bits(l, "type", c[4]) | label_bits(l, "signal", c[5]);
    struct doc *d = &l->corpus.docs[l->corpus.n_docs++];
    *d = (struct doc){.at = l->corpus.text.n, .row = (uint32_t)i};
    text_normalise(c[8], strlen(c[8]), l->corpus.words, &l->corpus.text);
    d->n = (uint32_t)(l->corpus.text.n - d->at);
}

static void read_file(struct labels *l, const char *path, int file)
{
    FILE *in = must(fopen(path, "r"));
    char *line = NULL, *column[COLUMNS];
    size_t room = 0;
    while (getline(&line, &room, in) > 0) {
        int n = 0;
        line[strcspn(line, "\n")] = '\0';
        for (char *p = line; p && n < COLUMNS; n++) {
            column[n] = p;
            p = n + 1 < COLUMNS ? strchr(p, '\t') : NULL;
            if (p)
                *p++ = '\0';
        }
        if (n == COLUMNS && line[0] != '#' && strcmp(column[0], "id") != 0)
            add_text(l, column, file);
    }
    free(line);
    fclose(in);
}

/* Weights by n-gram of the texts with `label` against the rest, but those of file `left_out`; the
 * sum is the sign. The rarer side weighs as much as the other. */
static void fit_label(struct labels *l, int label, int left_out, float *ret_w)
{
    size_t n = l->corpus.n_docs, n_yes = 0, n_all = 0;
    int8_t *side = must(calloc(n + 1, 1));
    float *cost = must(calloc(n + 1, sizeof(*cost)));
    float *r = must(calloc(l->grams.n + 1, sizeof(*r)));
    float *mass = must(calloc(l->grams.n + 1, sizeof(*mass)));
    for (size_t i = 0; i < n; i++) {
        side[i] = l->texts[i].labels >> label & 1 ? 1 : -1;
        n_all += l->texts[i].file != left_out;
        n_yes += l->texts[i].file != left_out && side[i] > 0;
    }
    float yes = n_yes ? (float)(n_all - n_yes) / (float)n_yes : 0;
    yes = yes > 8 ? 8 : yes;
    for (size_t i = 0; i < n; i++)
        cost[i] = l->texts[i].file == left_out ? 0 : side[i] > 0 ? yes : 1;
    struct fit_set set = {&l->grams, side, cost};
    fit_ratios(&set, &l->limits, r, mass);
    fit_svm(&set, &l->limits, r, ret_w);
    uint8_t *keep = must(calloc(l->grams.n + 1, 1));
    fit_rank(ret_w, mass, l->grams.n, l->keep, keep);
    for (uint32_t j = 0; j < l->grams.n; j++)
        ret_w[j] = keep[j] ? ret_w[j] : 0;
    free(keep);
    free(side);
    free(cost);
    free(r);
    free(mass);
}

static void print_folds(struct labels *l)
{
    float *w = must(calloc(l->grams.n + 1, sizeof(*w)));
    for (int file = 0; file < l->n_files; file++)
        for (int label = 0; label < l->n_names; label++) {
            fit_label(l, label, file, w);
            for (size_t i = 0; i < l->corpus.n_docs; i++) {
                double sum = 0;
                if (l->texts[i].file != file)
                    continue;
                for (uint64_t k = l->grams.row[i]; k < l->grams.row[i + 1]; k++)
                    sum += (double)w[l->grams.ids[k]];
                printf("%s\t%s\t%d\t%.4f\t%u\n", l->texts[i].id, l->names[label],
                       (int)(l->texts[i].labels >> label & 1), sum,
                       (unsigned)(l->grams.row[i + 1] - l->grams.row[i]));
            }
        }
    free(w);
}

struct row {
    char *gram;
    const int8_t *weight;
};

static int by_gram(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->gram, ((const struct row *)b)->gram);
}

static void write_rows(const struct labels *l, const int8_t *weight, FILE *out)
{
    struct row *rows = must(calloc(l->grams.n + 1, sizeof(*rows)));
    size_t n = 0;
    for (uint32_t j = 0; j < l->grams.n; j++) {
        const int8_t *w = weight + (size_t)j * MAX_LABELS;
        const struct gram *g = &l->grams.list[j];
        bool any = false;
        for (int k = 0; k < l->n_names; k++)
            any |= w[k] != 0;
        if (any)
            rows[n++] = (struct row){must(table_gram(l->corpus.text.at + g->at, g->n)), w};
    }
    qsort(rows, n, sizeof(*rows), by_gram);
    for (size_t i = 0; i < n; i++) {
        char sep = '\t';
        fputs(rows[i].gram, out);
        for (int k = 0; k < l->n_names; k++) {
            if (rows[i].weight[k])
                fprintf(out, "%c%d:%d", sep, k, rows[i].weight[k]);
            sep = rows[i].weight[k] ? ' ' : sep;
        }
        fputc('\n', out);
        free(rows[i].gram);
    }
    free(rows);
}

static void write_table(struct labels *l, const char *lang, const char *path)
{
    FILE *out = must(fopen(path, "w"));
    float *w = must(calloc(l->grams.n + 1, sizeof(*w)));
    int8_t *weight = must(calloc((size_t)l->grams.n + 1, MAX_LABELS));
    fprintf(out, "# format: 1\n# lang: %s\n# texts: %zu\n", lang, l->corpus.n_docs);
    for (int k = 0; k < l->n_names; k++) {
        float most = 0;
        fit_label(l, k, -1, w);
        for (uint32_t j = 0; j < l->grams.n; j++)
            most = fabsf(w[j]) > most ? fabsf(w[j]) : most;
        for (uint32_t j = 0; most > 0 && j < l->grams.n; j++)
            weight[(size_t)j * MAX_LABELS + (size_t)k] = (int8_t)lroundf(w[j] / most * 127);
        bool category = !strncmp(l->names[k], "category:", 9);
        bool signal = !strncmp(l->names[k], "signal:", 7);
        fprintf(out, "# label: %d %s %.6g %.6g\n", k, l->names[k], (double)most / 127,
                category ? l->category_threshold
                : signal ? l->signal_threshold
                         : 0);
    }
    write_rows(l, weight, out);
    free(w);
    free(weight);
    if (fclose(out)) {
        perror(path);
        exit(1);
    }
}

/* False when it is no key=value pair of ours, so a batch. */
static bool set(struct labels *l, const char *arg)
{
    const struct {
        const char *key;
        double *value;
    } keys[] = {{"c=", &l->limits.C},
                {"cap=", &l->limits.cap},
                {"smoothing=", &l->limits.smoothing},
                {"threshold.category=", &l->category_threshold},
                {"threshold.signal=", &l->signal_threshold}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t n = strlen(keys[i].key);
        if (strncmp(arg, keys[i].key, n) != 0)
            continue;
        *keys[i].value = atof(arg + n);
        return true;
    }
    if (strncmp(arg, "keep=", 5) != 0)
        return false;
    l->keep = (uint32_t)atoi(arg + 5);
    return true;
}

int main(int argc, char **argv)
{
    struct labels l = {.limits = {.C = 0.3, .smoothing = 0.5, .cap = 1.2, .min_df = 2},
                       .keep = 8000,
                       .category_threshold = 1.0,
                       .signal_threshold = 0.5};
    const char *out = NULL, *lang = "ko";
    l.texts = must(calloc(MAX_TEXTS, sizeof(*l.texts)));
    l.corpus.docs = must(calloc(MAX_TEXTS, sizeof(*l.corpus.docs)));
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            out = argv[i] + 4;
        else if (!strncmp(argv[i], "lang=", 5))
            lang = argv[i] + 5;
        else if (!set(&l, argv[i])) {
            l.corpus.words = !strcmp(lang, "en");
            read_file(&l, argv[i], l.n_files++);
        }
    }
    grams_count(&l.corpus, l.limits.min_df, &l.grams);
    fprintf(stderr, "labels: %zu texts, %u n-grams, %d labels\n", l.corpus.n_docs, l.grams.n,
            l.n_names);
    if (out)
        write_table(&l, lang, out);
    else
        print_folds(&l);
    corpus_free(&l.corpus);
    grams_free(&l.grams);
    free(l.texts);
    for (int k = 0; k < l.n_names; k++)
        free(l.names[k]);
    return 0;
}
