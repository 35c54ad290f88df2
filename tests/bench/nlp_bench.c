/* nlp_bench [-t TABLES] [-d] FILE: what the analysis of FILE's texts (one a line) costs, beside a
 * bare decode of the same bytes and a bare walk of the trie over them, all in one run, one thread.
 * Rounds of all rows alternate and the best of each counts, since the machine is shared: read the
 * ratios. With -d nothing is timed; every field of every analysis is printed, kinds, languages and
 * turns made from the line number, so that two builds can be compared byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/utf8.h"
#include "nlp/norm.h"
#include "nlp/tables.h"

enum { ROUNDS = 9, LOADS = 15, LONG_LEAST = 280, LONG_MOST = 320, MAX_TURNS = 4 };
#define ROUND_BYTES ((size_t)4 << 20) /* short sets are gone over again until this much is read */

struct set {
    struct span *texts;
    size_t n, cap, bytes;
    uint16_t *sym; /* of all texts after normalising, none after each */
    size_t n_sym;
};

struct bench {
    struct nlp_tables *t;
    struct nlp_scratch *s;
    struct arena arena;
    struct set all, longer; /* `longer`: about 300 bytes each */
    uint64_t sink;          /* keeps the compiler from dropping what is timed */
};

static void die(const char *what, int e)
{
    fprintf(stderr, "nlp_bench: %s: %s\n", what, e ? err_text(e) : "?");
    exit(1);
}

static void *need(void *p)
{
    if (!p)
        die("memory", -ENOMEM);
    return p;
}

static void add_text(struct set *set, struct span text)
{
    if (set->n == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 4096;
        set->texts = need(realloc(set->texts, set->cap * sizeof(*set->texts)));
    }
    set->texts[set->n++] = text;
    set->bytes += text.n;
}

static char *read_all(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    size_t cap = 1 << 20, n = 0, got = 1;
    char *p = need(malloc(cap));
    if (!f)
        die(path, -errno);
    for (; got; n += got) {
        if (n == cap)
            p = need(realloc(p, cap *= 2));
        got = fread(p + n, 1, cap - n, f);
    }
    fclose(f);
    *ret_n = n;
    return p;
}

static void read_texts(struct bench *b, struct span file)
{
    while (file.n) {
        size_t n = span_find_char(file, '\n');
        struct span line = span_of(file.p, n);
        add_text(&b->all, line);
        if (n >= LONG_LEAST && n <= LONG_MOST)
            add_text(&b->longer, line);
        n += n < file.n;
        file = span_of(file.p + n, file.n - n);
    }
}

static void read_symbols(const struct bench *b, struct set *set)
{
    struct norm nm;
    norm_init(&nm);
    set->sym = need(malloc((set->bytes + 4 * set->n + LEX_MAX_KEY) * sizeof(*set->sym)));
    for (size_t i = 0; i < set->n; i++) {
        norm_reset(&nm);
        if (norm_append(&nm, set->texts[i]) < 0)
            die("memory", -ENOMEM);
        for (size_t k = 0; k < nm.n; k++)
            set->sym[set->n_sym++] = tables_sym(b->t, nm.cp[k]);
        set->sym[set->n_sym++] = b->t->no_sym;
    }
    norm_done(&nm);
}

typedef void row_fn(struct bench *b, const struct set *set);

static void decode_row(struct bench *b, const struct set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct span s = set->texts[i];
        uint32_t cp = 0, sum = 0;
        for (size_t k = 0; k < s.n; sum += cp) {
            unsigned len = utf8_decode(s.p + k, s.n - k, &cp);
            k += len ? len : 1;
        }
        b->sink += sum;
    }
}

static void norm_row(struct bench *b, const struct set *set)
{
    struct norm nm;
    norm_init(&nm);
    for (size_t i = 0; i < set->n; i++) {
        norm_reset(&nm);
        if (norm_append(&nm, set->texts[i]) < 0)
            die("memory", -ENOMEM);
        b->sink += nm.n;
    }
    norm_done(&nm);
}

static void trie_row(struct bench *b, const struct set *set)
{
    uint64_t keys = 0;
    for (size_t i = 0; i < set->n_sym; i++) {
        uint32_t cell = 0;
        for (size_t k = i; (cell = tables_child(b->t, cell, set->sym[k])) != 0; k++)
            keys += (b->t->cells[cell].link & 0xFF) != 0;
    }
    b->sink += keys;
}

static void analyze(struct bench *b, const struct set *set, unsigned want)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct nlp_part part = {set->texts[i], PART_TEXT, BY_CUSTOMER};
        const struct nlp_input in = {&part, 1, LANG_NONE, KIND_TICKET};
        struct analysis a;
        arena_reset(&b->arena);
        int r = nlp_analyze(b->t, b->s, &in, want, &b->arena, &a);
        if (r < 0)
            die("analysis", r);
        b->sink += (uint64_t)a.sentiment + a.n_categories + a.n_pii;
    }
}

static void analysis_row(struct bench *b, const struct set *set)
{
    analyze(b, set, 0);
}

static void evidence_row(struct bench *b, const struct set *set)
{
    analyze(b, set, NLP_ALL);
}

static const struct {
    const char *name;
    row_fn *run;
} rows[] = {{"bare UTF-8 decode", decode_row},
            {"normalised", norm_row},
            {"bare trie walk of it", trie_row},
            {"full analysis", analysis_row},
            {"with evidence, keywords", evidence_row}};

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts); /* what others do on the core does not count */
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void time_set(struct bench *b, const char *name, const struct set *set)
{
    double best[ARRAY_LEN(rows)];
    const size_t times = set->bytes ? 1 + ROUND_BYTES / set->bytes : 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
            double from = now();
            for (size_t i = 0; i < times; i++)
                rows[k].run(b, set);
            double took = (now() - from) / (double)(times ? times : 1);
            if (round == 0 || took < best[k])
                best[k] = took;
        }
    }
    for (size_t k = 0; times && k < ARRAY_LEN(rows); k++)
        printf("| %s | %s | %.0f | %.0f | %.2f |\n", name, rows[k].name,
               (double)set->n / best[k] / 1e3, (double)set->bytes / best[k] / 1e6,
               best[k] / best[0]);
}

static void time_load(const char *path)
{
    double best = 0;
    for (int i = 0; i < LOADS; i++) {
        struct nlp_tables *t;
        double from = now();
        int r = nlp_tables_open(path, &t);
        if (r < 0)
            die(path, r);
        double took = now() - from;
        best = i == 0 || took < best ? took : best;
        nlp_tables_unref(t);
    }
    printf("\nTables open in %.1f ms, checksum and patterns included\n", best * 1e3);
}

static void put(const char *key, struct span s)
{
    printf(" %s=%.*s", key, SPAN_FMT(s));
}

static void dump_one(size_t line, const struct analysis *a)
{
    printf("%zu lang=%d s=%d %a %a %a %a %a", line, a->lang, a->sentiment, a->polarity,
           a->confidence, a->start, a->worst, a->end);
    put("type", a->type);
    for (size_t i = 0; i < a->n_categories; i++) {
        put("c", a->categories[i].code);
        printf(":%d:%a", a->categories[i].sentiment, a->categories[i].polarity);
    }
    for (size_t i = 0; i < a->n_signals; i++)
        put("g", a->signals[i]);
    for (size_t i = 0; i < a->n_evidence; i++) {
        const struct evidence *e = &a->evidence[i];
        printf(" e=%u:%u-%u:%u-%u:%a", e->part, e->start, e->end, e->cp_start, e->cp_end,
               e->weight);
        put("", e->entry);
        put("", e->rule);
    }
    for (size_t i = 0; i < a->n_pii; i++)
        printf(" p=%u:%u:%u-%u", a->pii[i].part, a->pii[i].kind, a->pii[i].start, a->pii[i].end);
    for (size_t i = 0; i < a->n_keywords; i++)
        put("k", a->keywords[i]);
    putchar('\n');
}

/* Every third line as turns of a chat, cut wherever a code point ends. */
static void dump(struct bench *b)
{
    for (size_t i = 0; i < b->all.n; i++) {
        struct nlp_part parts[MAX_TURNS];
        const struct span s = b->all.texts[i];
        size_t n = i % 3 ? 1 : 1 + i / 3 % MAX_TURNS, at = 0;
        for (size_t k = 0; k < n; k++) {
            size_t end = utf8_cut(s, s.n * (k + 1) / n).n;
            parts[k] = (struct nlp_part){span_of(s.p + at, end - at), (uint16_t)(PART_TEXT + k),
                                         k % 2 && i % 2 ? BY_AGENT : BY_CUSTOMER};
            at = end;
        }
        const struct nlp_input in = {parts, n, i % 11 ? LANG_NONE : (enum lang)(i % LANG_COUNT),
                                     (enum kind)(i % 5 % KIND_COUNT)};
        struct analysis a;
        arena_reset(&b->arena);
        int r = nlp_analyze(b->t, b->s, &in, NLP_ALL, &b->arena, &a);
        if (r < 0)
            die("analysis", r);
        dump_one(i, &a);
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.sink = 0};
    const char *tables = "build/lexicons.bin", *path = NULL;
    bool only_dump = false;
    size_t n;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-t") == 0 && i + 1 < argc)
            tables = argv[++i];
        else if (strcmp(argv[i], "-d") == 0)
            only_dump = true;
        else
            path = argv[i];
    }
    if (!path) {
        fputs("usage: nlp_bench [-t TABLES] [-d] FILE\n", stderr);
        return 2;
    }
    int r = nlp_tables_open(tables, &b.t);
    if (r == 0)
        r = nlp_scratch_new(&b.s);
    if (r < 0)
        die(tables, r);
    arena_init(&b.arena, 0);
    char *file = read_all(path, &n);
    read_texts(&b, span_of(file, n));
    if (only_dump) {
        dump(&b);
    } else {
        puts("| texts | what | 1,000 texts/s | MB/s | times the decode |\n|---|---|---|---|---|");
        read_symbols(&b, &b.all);
        read_symbols(&b, &b.longer);
        time_set(&b, "all", &b.all);
        time_set(&b, "280 to 320 bytes", &b.longer);
        time_load(tables);
    }
    free(b.all.texts);
    free(b.all.sym);
    free(b.longer.texts);
    free(b.longer.sym);
    free(file);
    arena_done(&b.arena);
    nlp_scratch_free(b.s);
    nlp_tables_unref(b.t);
    return b.sink == 1; /* never */
}
