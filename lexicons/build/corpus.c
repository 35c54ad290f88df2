#include "lexicons/build/corpus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 9 };

/* Label of a row as its sign, its cost as the size; 0 leaves the row out. */
typedef double label_fn(char *const *column);

static double by_binary_last(char *const *c)
{
    return !strcmp(c[2], "1") ? 1 : !strcmp(c[2], "0") ? -1 : 0;
}

static double by_binary_first(char *const *c)
{
    return !strcmp(c[0], "1") ? 1 : !strcmp(c[0], "0") ? -1 : 0;
}

static double by_binary_second(char *const *c)
{
    return !strcmp(c[1], "1") ? 1 : !strcmp(c[1], "0") ? -1 : 0;
}

static double by_five_stars(char *const *c)
{
    int stars = atoi(c[0]);
    return stars == 1 || stars == 2 ? -1 : stars == 4 || stars == 5 ? 1 : 0;
}

/* Of ten stars: 1 to 5 against 8 to 10. There are seven of praise for each of blame, so the costs
 * bring both sides to the same sum. Six and seven teach nothing, least of all "neutral". */
static double by_ten_stars(char *const *c)
{
    int stars = atoi(c[1]);
    return stars >= 1 && stars <= 5 ? -1 : stars >= 8 ? 0.15 : 0;
}

/* KOTE gives several of 44 emotions; a text counts when all that take a side take the same. */
static double by_emotions(char *const *c)
{
    static const char side[] = "-++-+--++-" /* numbered as in kote_labels.txt */
                               "-0-++0+---"
                               "----0---+0"
                               "--+-----00"
                               "+-++";
    int sum = 0, sides = 0;
    for (const char *p = c[2]; *p;) {
        char *end;
        long n = strtol(p, &end, 10);
        if (end == p)
            break;
        if (n >= 0 && n < 44 && side[n] != '0') {
            sum += side[n] == '+' ? 1 : -1;
            sides++;
        }
        p = *end == ',' ? end + 1 : end;
    }
    return sides && abs(sum) == sides ? (sum > 0 ? 1 : -1) : 0;
}

static double by_nobody(char *const *c)
{
    (void)c;
    return 1;
}

struct format {
    const char *name, *file;
    int columns, text; /* the last column takes the rest of the line */
    bool header;
    label_fn *label;
};

static const struct format formats[SRC_N] = {
    [SRC_NSMC] = {"nsmc", "ko/nsmc_train.tsv.xz", 3, 1, true, by_binary_last},
    [SRC_SHOPPING] = {"shopping", "ko/naver_shopping_train15k.tsv.xz", 2, 1, true, by_five_stars},
    [SRC_KOTE] = {"kote", "ko/kote_val.tsv.xz", 3, 1, false, by_emotions},
    [SRC_STARS] = {"stars", "ko/naver_movie_stars_train.tsv.xz", 3, 2, true, by_ten_stars},
    [SRC_NSMC_TEST] = {"nsmc_test", "ko/nsmc_test.tsv.xz", 3, 1, true, by_binary_last},
    [SRC_RT] = {"rt", "en/rt_polarity_train.tsv.xz", 2, 1, true, by_binary_first},
    [SRC_UCI] = {"uci", "en/uci_sentences_train.tsv", 3, 2, true, by_binary_second},
    [SRC_UNLABELLED] = {"unlabelled", "ko/naver_shopping_unlabelled25k.txt.xz", 1, 0, false,
                        by_nobody},
    [SRC_VALENCE] = {.name = "valence", .file = "lexicons/build/valence-en.tsv"},
};

const char *source_name(enum source s)
{
    return formats[s].name;
}

int source_by_name(const char *name)
{
    for (int s = 0; s < SRC_N; s++)
        if (!strcmp(formats[s].name, name))
            return s;
    return -1;
}

/* Splits in place; false when the line has too few columns. */
static bool split(char *line, int columns, char **ret_column)
{
    for (int i = 0; i < columns; i++) {
        ret_column[i] = line;
        char *tab = strchr(line, '\t');
        if (i == columns - 1)
            break;
        if (!tab)
            return false;
        *tab = '\0';
        line = tab + 1;
    }
    return true;
}

static FILE *open_source(const char *data_dir, const struct format *f, bool *ret_pipe)
{
    char path[4096], command[4200];
    snprintf(path, sizeof(path), "%s/%s", data_dir, f->file);
    FILE *in = fopen(path, "r");
    *ret_pipe = in && strstr(f->file, ".xz");
    if (*ret_pipe) {
        fclose(in);
        snprintf(command, sizeof(command), "xz -dc '%s'", path);
        in = popen(command, "r");
    }
    if (!in) {
        fprintf(stderr, "cannot read %s (DATA=DIR names the data)\n", path);
        exit(1);
    }
    return in;
}

void corpus_each(const char *data_dir, enum source s, corpus_visit_fn *visit, void *ctx)
{
    const struct format *f = &formats[s];
    bool pipe;
    FILE *in = open_source(data_dir, f, &pipe);
    char *line = NULL, *column[MAX_COLUMNS];
    size_t room = 0;
    ssize_t len;
    uint32_t row = 0;
    while ((len = getline(&line, &room, in)) >= 0) {
        if (len && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if ((row++ == 0 && f->header) || !split(line, f->columns, column))
            continue;
        double label = f->label(column);
        size_t n = text_unquote(column[f->text], strlen(column[f->text]));
        if (label != 0 && n)
            visit(ctx, column[f->text], n, row, label);
    }
    free(line);
    if (pipe ? pclose(in) : fclose(in)) {
        fprintf(stderr, "%s ends in error\n", f->file);
        exit(1);
    }
}

struct reading {
    struct corpus *corpus;
    enum source source;
};

static void add(void *ctx, const char *text, size_t n, uint32_t row, double label)
{
    const struct reading *r = ctx;
    struct corpus *c = r->corpus;
    if (c->n_docs == c->max_docs) {
        c->max_docs = c->max_docs ? c->max_docs * 2 : 4096;
        c->docs = realloc(c->docs, c->max_docs * sizeof(*c->docs));
        if (!c->docs) {
            perror("corpus");
            exit(1);
        }
    }
    struct doc *d = &c->docs[c->n_docs++];
    *d = (struct doc){.at = c->text.n, .row = row, .source = (uint8_t)r->source};
    d->label = label > 0 ? 1 : -1;
    d->cost = (float)fabs(label);
    text_normalise(text, n, c->words, &c->text);
    d->n = (uint32_t)(c->text.n - d->at);
}

/* "word, some words TAB valence": each is a text, at the cost of how much it says. */
static void read_valence(struct corpus *c)
{
    const char *path = formats[SRC_VALENCE].file;
    struct reading r = {c, SRC_VALENCE};
    FILE *in = fopen(path, "r");
    char *line = NULL, *column[2];
    size_t room = 0;
    uint32_t row = 0;
    if (!in) {
        perror(path);
        exit(1);
    }
    while (getline(&line, &room, in) >= 0) {
        if (line[0] == '#' || !split(line, 2, column))
            continue;
        double valence = atof(column[1]);
        for (char *p = column[0], *end; *p; p = *end ? end + 2 : end) {
            end = strstr(p, ", ");
            end = end ? end : p + strlen(p);
            if (valence != 0)
                add(&r, p, (size_t)(end - p), ++row, valence);
        }
    }
    free(line);
    fclose(in);
}

void corpus_read(struct corpus *c, const char *data_dir, enum source s)
{
    if (s == SRC_VALENCE)
        read_valence(c);
    else
        corpus_each(data_dir, s, add, &(struct reading){c, s});
}

void corpus_free(struct corpus *c)
{
    cps_free(&c->text);
    free(c->docs);
    *c = (struct corpus){0};
}
