/* measure: what a table, or the engine with all its rules, makes of a labelled set.
 *
 *   measure set=nsmc_test data=DIR table=FILE          the bare table, README.md to the letter
 *   measure set=nsmc_test data=DIR ndjson=1 > IN       the texts, for `vocctl analyze < IN > OUT`
 *   measure set=nsmc_test data=DIR table=FILE analysis=OUT
 *                                                      the engine's polarity beside the table's
 *
 * held=1 takes every tenth text alone: those `train held=1` leaves out. kind=KIND goes into the
 * NDJSON (review when not given). A text counts as right when the sign of polarity is the label's;
 * polarity 0 is never right. */
#include "lexicons/build/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 10 };
static const double sure = 0.9;

struct tally {
    size_t n, right, sure, sure_right;
    size_t bin_n[BINS], bin_right[BINS];
    double bin_confidence[BINS];
};

struct judgement {
    double polarity, confidence;
};

struct options {
    const char *set, *data, *table, *analysis, *kind;
    bool ndjson, held;
};

struct measuring {
    const struct options *options;
    const struct table *table;
    uint32_t *seen, stamp;
    struct cps text;
    FILE *analysis;
    char *line;
    size_t room, same_sign;
    struct tally bare, engine;
};

static void die(const char *what)
{
    fprintf(stderr, "measure: %s\n", what);
    exit(1);
}

static void count(struct tally *t, struct judgement j, double label)
{
    bool right = j.polarity * label > 0;
    int bin = (int)((j.confidence - 0.5) * 2 * BINS);
    bin = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
    t->n++;
    t->right += right;
    t->sure += j.confidence >= sure;
    t->sure_right += right && j.confidence >= sure;
    t->bin_n[bin]++;
    t->bin_right[bin] += right;
    t->bin_confidence[bin] += j.confidence;
}

static struct judgement by_table(struct measuring *m, const char *text, size_t n)
{
    const struct table_head *h = table_head(m->table);
    struct calibration c = {.bias = h->bias, .slope = h->slope, .damp = h->damp};
    uint32_t hits;
    m->text.n = 0;
    text_normalise(text, n, h->words, &m->text);
    long sum = table_sum(m->table, m->text.at, m->text.n, m->seen, ++m->stamp, &hits);
    if (!hits)
        return (struct judgement){0, 0.5};
    double z = calibration_z(&c, (double)sum, hits);
    if (sum + h->bias == 0)
        return (struct judgement){-1e-9, 0.5};
    return (struct judgement){tanh(z / 2), 1 / (1 + exp(-fabs(z)))};
}

static double number_after(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    if (!at)
        die("a line of the analysis has no polarity or confidence");
    return strtod(at + strlen(key), NULL);
}

static struct judgement by_engine(struct measuring *m)
{
    if (getline(&m->line, &m->room, m->analysis) <= 0)
        die("the analysis has fewer lines than the set");
    return (struct judgement){number_after(m->line, "\"polarity\":"),
                              number_after(m->line, "\"confidence\":")};
}

static void visit(void *ctx, const char *text, size_t n, uint32_t row, double label)
{
    struct measuring *m = ctx;
    if (m->options->held && row % 10)
        return;
    struct judgement bare = {0}, engine = {0};
    if (m->table)
        count(&m->bare, bare = by_table(m, text, n), label);
    if (m->analysis)
        count(&m->engine, engine = by_engine(m), label);
    m->same_sign += (bare.polarity > 0) == (engine.polarity > 0);
}

static void print_json(void *ctx, const char *text, size_t n, uint32_t row, double label)
{
    const struct options *o = ctx;
    (void)label;
    if (o->held && row % 10)
        return;
    printf("{\"id\":\"%u\",\"kind\":\"%s\",\"text\":\"", row, o->kind);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    printf("\"}\n");
}

static void report(const char *who, const char *set, const struct tally *t)
{
    double error = 0, n = (double)t->n;
    for (int b = 0; b < BINS; b++)
        error += fabs(t->bin_confidence[b] - (double)t->bin_right[b]) / n;
    printf("%s\t%s\t%zu of %zu right\t%.2f %%\tcalibration error %.3f\tat confidence >= %.1f: ",
           who, set, t->right, t->n, 100 * (double)t->right / n, error, sure);
    printf("%.2f %% right of %.1f %%\n",
           t->sure ? 100 * (double)t->sure_right / (double)t->sure : 0, 100 * (double)t->sure / n);
}

static void read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.data = "../shared/data", .kind = "review"};
    for (int i = 1; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (!value++)
            die("arguments are key=value: set data table analysis ndjson held kind");
        if (!strncmp(argv[i], "set=", 4))
            o->set = value;
        else if (!strncmp(argv[i], "data=", 5))
            o->data = value;
        else if (!strncmp(argv[i], "table=", 6))
            o->table = value;
        else if (!strncmp(argv[i], "analysis=", 9))
            o->analysis = value;
        else if (!strncmp(argv[i], "ndjson=", 7))
            o->ndjson = true;
        else if (!strncmp(argv[i], "held=", 5))
            o->held = true;
        else if (!strncmp(argv[i], "kind=", 5))
            o->kind = value;
        else
            die("no such key; there are set data table analysis ndjson held kind");
    }
    if (!o->set || source_by_name(o->set) < 0 || (!o->table && !o->analysis && !o->ndjson))
        die("needs set=NAME and one of table=FILE analysis=FILE ndjson=1");
}

int main(int argc, char **argv)
{
    struct options o;
    read_options(argc, argv, &o);
    enum source set = (enum source)source_by_name(o.set);
    if (o.ndjson) {
        corpus_each(o.data, set, print_json, &o);
        return ferror(stdout) ? 1 : 0;
    }
    struct measuring m = {.options = &o};
    struct table *table = o.table ? table_read(o.table) : NULL;
    m.table = table;
    m.seen = table ? calloc(table_size(table), sizeof(*m.seen)) : NULL;
    m.analysis = o.analysis ? fopen(o.analysis, "r") : NULL;
    if ((table && !m.seen) || (o.analysis && !m.analysis))
        die("cannot open the analysis");
    corpus_each(o.data, set, visit, &m);
    if (table)
        report("table", o.set, &m.bare);
    if (m.analysis)
        report("engine", o.set, &m.engine);
    if (table && m.analysis)
        printf("same sign\t%s\t%zu of %zu\n", o.set, m.same_sign, m.bare.n);
    if (m.analysis)
        fclose(m.analysis);
    table_free(table);
    cps_free(&m.text);
    free(m.seen);
    free(m.line);
    return 0;
}
