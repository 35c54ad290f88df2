#include "lexicons/build/design.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nlp/nlp.h"
#include "nlp/nlp_build.h"

enum { COLUMNS = 9, MAX_ROWS = 60000, MAX_PER_TEXT = 256 };

static struct {
    struct nlp_tables *tables;
    struct nlp_scratch *scratch;
    struct arena arena;
    enum lang lang;
    uint32_t *ids; /* features of all rows, one after the other */
    size_t n, max, *row;
} found;

static void *must(void *p)
{
    if (!p) {
        perror("labels");
        exit(1);
    }
    return p;
}

static void die(const char *what)
{
    fprintf(stderr, "labels: %s\n", what);
    exit(1);
}

void design_open(struct design *d, const char *lang, const char *tables)
{
    *d = (struct design){.corpus.words = !strcmp(lang, "en")};
    d->rows = must(calloc(MAX_ROWS, sizeof(*d->rows)));
    d->corpus.docs = must(calloc(MAX_ROWS, sizeof(*d->corpus.docs)));
    d->corpus.max_docs = MAX_ROWS;
    d->is_mark = must(calloc(MAX_FEATURES, sizeof(bool)));
    found.row = must(calloc(MAX_ROWS + 1, sizeof(*found.row)));
    found.lang = d->corpus.words ? LANG_EN : LANG_KO;
    arena_init(&found.arena, (size_t)64 << 20);
    if (nlp_tables_open(tables, &found.tables) < 0 || nlp_scratch_new(&found.scratch) < 0)
        die("cannot open the tables (tables=FILE)");
}

static uint32_t feature_number(struct design *d, struct span name)
{
    uint32_t i = 0;
    while (i < d->n_features && !span_is(name, d->features[i]))
        i++;
    if (i == MAX_FEATURES)
        die("more features than there is room for");
    if (i == d->n_features) {
        d->features[i] = must(strndup(name.p, name.n));
        d->is_mark[i] = span_find_char(name, ':') == name.n;
        d->n_features++;
    }
    return i;
}

static void find_features(struct design *d, const char *text, size_t n)
{
    struct span names[MAX_PER_TEXT];
    struct nlp_part part = {span_of(text, n), PART_TEXT, BY_CUSTOMER};
    struct nlp_input in = {&part, 1, found.lang, KIND_TICKET};
    struct analysis out;
    arena_reset(&found.arena);
    if (nlp_analyze(found.tables, found.scratch, &in, 0, &found.arena, &out) < 0)
        die("a text cannot be analysed");
    size_t k = nlp_label_features(found.tables, found.scratch, names, MAX_PER_TEXT);
    if (found.max - found.n < k) {
        found.max = (found.max + k) * 2;
        found.ids = must(realloc(found.ids, found.max * sizeof(*found.ids)));
    }
    for (size_t i = 0; i < k; i++)
        found.ids[found.n++] = feature_number(d, names[i]);
}

static struct design_row *add_row(struct design *d, const char *text, size_t n)
{
    size_t i = d->corpus.n_docs;
    if (i == MAX_ROWS)
        die("more texts than there is room for");
    struct doc *doc = &d->corpus.docs[d->corpus.n_docs++];
    *doc = (struct doc){.at = d->corpus.text.n, .row = (uint32_t)i};
    text_normalise(text, n, d->corpus.words, &d->corpus.text);
    doc->n = (uint32_t)(d->corpus.text.n - doc->at);
    found.row[i] = found.n;
    find_features(d, text, n);
    found.row[i + 1] = found.n;
    return &d->rows[i];
}

static uint64_t label_bit(struct design *d, enum label_kind kind, const char *code, size_t n)
{
    static const char *const kinds[] = {"sentiment", "type", "category", "signal", "domain"};
    char name[MAX_NAME];
    snprintf(name, sizeof(name), "%s:%.*s", kinds[kind], (int)n, code);
    int i = 0;
    while (i < d->n_names && strcmp(d->names[i].name, name) != 0)
        i++;
    if (i == MAX_LABELS)
        die("more labels than lanes");
    if (i == d->n_names) {
        d->names[i].kind = kind;
        snprintf(d->names[d->n_names++].name, MAX_NAME, "%s", name);
    }
    return UINT64_C(1) << i;
}

/* The labels of a cell of codes parted by commas, without what follows a slash. */
static uint64_t labels_of(struct design *d, enum label_kind kind, const char *cell)
{
    uint64_t labels = 0;
    while (*cell) {
        cell += strspn(cell, ", ");
        size_t all = strcspn(cell, ", "), top = strcspn(cell, ", /");
        bool by_pii = kind == KIND_SIGNAL && !strncmp(cell, "pii", 3); /* nlp/pii.c alone */
        if (top && !by_pii)
            labels |= label_bit(d, kind, cell, top);
        cell += all;
    }
    return labels;
}

static const enum label_kind cell_kinds[] = {KIND_SENTIMENT, KIND_CATEGORY, KIND_TYPE, KIND_SIGNAL};
enum { CELLS = sizeof(cell_kinds) / sizeof(cell_kinds[0]) };

static void take_line(struct design *d, char **c, int author, bool scored)
{
    struct design_row *row = add_row(d, c[8], strlen(c[8]));
    *row = (struct design_row){.author = author, .scored = scored, .known = 1U << KIND_DOMAIN};
    snprintf(row->id, sizeof(row->id), "%s", c[0]);
    for (int k = 0; k < CELLS; k++) {
        if (!strcmp(c[2 + k], "?"))
            continue;
        row->known |= 1U << cell_kinds[k];
        row->labels |= labels_of(d, cell_kinds[k], c[2 + k]);
    }
    row->labels |= label_bit(d, KIND_DOMAIN, "service", 7);
}

/* ko-a of DIR/ko-a-01.tsv; the whole name where it has no number. */
static int author_of(struct design *d, const char *path)
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t n = strcspn(name, ".");
    const char *number = memrchr(name, '-', n);
    n = number && number > name && strspn(number + 1, "0123456789") ? (size_t)(number - name) : n;
    for (int i = 0; i < d->n_authors; i++)
        if (strlen(d->authors[i]) == n && !strncmp(d->authors[i], name, n))
            return i;
    if (d->n_authors == MAX_AUTHORS)
        die("more authors than there is room for");
    d->authors[d->n_authors] = must(strndup(name, n));
    return d->n_authors++;
}

/* The columns of a line, cut in place: how many there are, at most `max`. */
static int cut_line(char *line, char **columns, int max)
{
    int n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *p = line; p && n < max; n++) {
        columns[n] = p;
        p = n + 1 < max ? strchr(p, '\t') : NULL;
        if (p)
            *p++ = '\0';
    }
    return n;
}

/* What a second reader, who had the texts alone, says of the rows from `first` on, in their order.
 */
static void read_second(struct design *d, const char *path, size_t first)
{
    char line[1024], *c[1 + CELLS], *file = must(malloc(strlen(path) + sizeof("second/")));
    size_t folder = strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) + 1 : 0;
    sprintf(file, "%.*ssecond/%s", (int)folder, path, path + folder);
    FILE *in = fopen(file, "r");
    free(file);
    for (size_t i = first; in && fgets(line, sizeof(line), in);) {
        if (cut_line(line, c, 1 + CELLS) != 1 + CELLS)
            continue;
        size_t row = i;
        while (row < d->corpus.n_docs && strcmp(d->rows[row].id, c[0]) != 0)
            row++;
        if (row == d->corpus.n_docs) /* the heading */
            continue;
        uint64_t labels = label_bit(d, KIND_DOMAIN, "service", 7);
        for (int k = 0; k < CELLS; k++)
            labels |= labels_of(d, cell_kinds[k], c[1 + k]);
        d->rows[row].unsure = d->rows[row].labels ^ labels;
        i = row + 1;
    }
    if (in)
        fclose(in);
}

void design_batch(struct design *d, const char *path, bool scored)
{
    const int author = author_of(d, path);
    const size_t first = d->corpus.n_docs;
    FILE *in = fopen(path, "r");
    char *line = NULL, *column[COLUMNS];
    size_t room = 0;
    if (!in)
        die(path);
    while (getline(&line, &room, in) > 0) {
        int n = cut_line(line, column, COLUMNS);
        if (n == COLUMNS && line[0] != '#' && strcmp(column[0], "id") != 0)
            take_line(d, column, author, scored);
    }
    free(line);
    fclose(in);
    read_second(d, path, first);
}

struct picking {
    struct design *design;
    unsigned every;
};

static void take_other(void *ctx, const char *text, size_t n, uint32_t row, double label)
{
    const struct picking *p = ctx;
    (void)label;
    if (row % p->every)
        return;
    struct design_row *r = add_row(p->design, text, n);
    *r = (struct design_row){.author = -1, .known = 1U << KIND_DOMAIN};
}

void design_other(struct design *d, const char *data_dir, enum source s, unsigned every)
{
    corpus_each(data_dir, s, take_other, &(struct picking){d, every});
}

/* Features become ids after those of n-grams, at the end of each row. */
static void join_features(struct design *d)
{
    struct grams *g = &d->grams;
    uint32_t *ids = must(malloc((g->row[g->n_rows] + found.n + 1) * sizeof(*ids)));
    uint64_t n = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        uint64_t first = n;
        for (uint64_t k = g->row[i]; k < g->row[i + 1]; k++)
            ids[n++] = g->ids[k];
        d->length[i] = sqrtf(1 + (float)(n - first));
        for (size_t k = found.row[i]; k < found.row[i + 1]; k++)
            ids[n++] = d->n_grams + found.ids[k];
        g->row[i] = first;
    }
    g->row[g->n_rows] = n;
    free(g->ids);
    g->ids = ids;
    g->n = d->n_grams + d->n_features;
}

void design_count(struct design *d, uint32_t min_df)
{
    grams_count(&d->corpus, min_df, &d->grams);
    d->n_grams = d->grams.n;
    d->length = must(calloc(d->grams.n_rows + 1, sizeof(*d->length)));
    join_features(d);
}

void design_keep(struct design *d, const uint8_t *keep)
{
    struct grams *g = &d->grams;
    uint32_t *number = must(calloc(g->n + 1, sizeof(*number))), kept = 0;
    for (uint32_t j = 0; j < g->n; j++) {
        number[j] = keep[j] || j >= d->n_grams ? kept : UINT32_MAX;
        if (j < d->n_grams && keep[j])
            g->list[kept] = g->list[j];
        kept += number[j] != UINT32_MAX;
    }
    uint64_t n = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        uint64_t first = n, grams = 0;
        for (uint64_t k = g->row[i]; k < g->row[i + 1]; k++) {
            if (number[g->ids[k]] == UINT32_MAX)
                continue;
            grams += g->ids[k] < d->n_grams;
            g->ids[n++] = number[g->ids[k]];
        }
        d->length[i] = sqrtf(1 + (float)grams);
        g->row[i] = first;
    }
    g->row[g->n_rows] = n;
    g->n = kept;
    d->n_grams = kept - d->n_features;
    free(number);
}

void design_close(struct design *d)
{
    corpus_free(&d->corpus);
    grams_free(&d->grams);
    for (uint32_t i = 0; i < d->n_features; i++)
        free(d->features[i]);
    for (int i = 0; i < d->n_authors; i++)
        free(d->authors[i]);
    free(d->rows);
    free(d->is_mark);
    free(d->length);
    free(found.ids);
    free(found.row);
    arena_done(&found.arena);
    nlp_scratch_free(found.scratch);
    nlp_tables_unref(found.tables);
}
