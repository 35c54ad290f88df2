#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/lexicon_files.h"
#include "daemon/ctl/analyze.h"
#include "daemon/ctl/verbs_nlp.h"

static int usage(void)
{
    fputs("usage: vocctl lexicon compile DIR [LAYER...] -o FILE\n"
          "       vocctl lexicon check DIR [LAYER...]\n"
          "       vocctl lexicon test FILE [--tables FILE]\n"
          "       vocctl lexicon diff OLD NEW < texts.ndjson\n",
          stderr);
    return 2;
}

static int compile(int argc, char **argv, bool check)
{
    const char *dirs[LEXICON_MAX_LAYERS], *out_path = NULL;
    size_t n = 0;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 && i + 1 < argc && !check)
            out_path = argv[++i];
        else if (argv[i][0] == '-' || n == LEXICON_MAX_LAYERS)
            return usage();
        else
            dirs[n++] = argv[i];
    }
    if (n == 0 || (!check && !out_path))
        return usage();
    struct buf messages, out;
    buf_init(&messages, 0);
    buf_init(&out, (size_t)256 << 20);
    int r = check ? lexicon_compile(dirs, n, &out, &messages)
                  : lexicon_compile_dirs(dirs, n, out_path, &messages);
    if (messages.n)
        fwrite(messages.p, 1, messages.n, stderr);
    else if (r < 0)
        fprintf(stderr, "vocctl: %s\n", err_text(r));
    buf_done(&out);
    buf_done(&messages);
    return r < 0 ? 1 : 0;
}

/* What `lexicon test` counts of one dimension. */
struct score {
    size_t hit, wrong, missed; /* true positives, false positives, false negatives */
};

struct scores {
    struct score sentiment, type, categories, signals;
    size_t n, exact;
};

static struct span json_span(const json_t *v)
{
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

static bool score_one(struct score *s, const json_t *want, struct span got)
{
    if (!json_is_string(want))
        return true;
    bool same = span_eq(json_span(want), got);
    *(same ? &s->hit : &s->wrong) += 1;
    return same;
}

static bool has(const json_t *list, struct span code)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (span_eq(category_top(json_span(json_array_get(list, i))), code))
            return true;
    return false;
}

static bool score_set(struct score *s, const json_t *want, const struct span *got, size_t n)
{
    size_t hits = 0;
    if (!json_is_array(want))
        return true;
    for (size_t i = 0; i < n; i++)
        hits += has(want, got[i]);
    s->hit += hits;
    s->wrong += n - hits;
    s->missed += json_array_size(want) - hits;
    return hits == n && hits == json_array_size(want);
}

static bool score_result(struct scores *s, const json_t *want, const struct analysis *r)
{
    struct span tops[64];
    size_t n = 0;
    for (size_t i = 0; i < r->n_categories && n < ARRAY_LEN(tops); i++)
        if (!category_repeats(r, i))
            tops[n++] = category_top(r->categories[i].code);
    bool ok = score_one(&s->sentiment, json_object_get(want, "sentiment"),
                        span_str(vocab_code(VOCAB_SENTIMENT, (int)r->sentiment)));
    ok &= score_one(&s->type, json_object_get(want, "type"), r->type);
    ok &= score_set(&s->categories, json_object_get(want, "categories"), tops, n);
    ok &= score_set(&s->signals, json_object_get(want, "signals"), r->signals, r->n_signals);
    s->n++;
    s->exact += ok;
    return ok;
}

static void print_codes(const struct analysis *r)
{
    printf("%s %.*s [", vocab_code(VOCAB_SENTIMENT, (int)r->sentiment), SPAN_FMT(r->type));
    for (size_t i = 0; i < r->n_categories; i++)
        if (!category_repeats(r, i))
            printf("%s%.*s", i ? " " : "", SPAN_FMT(category_top(r->categories[i].code)));
    fputs("] [", stdout);
    for (size_t i = 0; i < r->n_signals; i++)
        printf("%s%.*s", i ? " " : "", SPAN_FMT(r->signals[i]));
    putchar(']');
}

static void print_score(const char *name, const struct score *s, bool sets)
{
    double right = (double)s->hit, all = right + (double)s->wrong;
    if (sets)
        printf("%-12s micro-F1 %.4f (%zu right, %zu false, %zu missed)\n", name,
               all + (double)s->missed > 0
                   ? 2 * right / (2 * right + (double)s->wrong + (double)s->missed)
                   : 1.0,
               s->hit, s->wrong, s->missed);
    else
        printf("%-12s %.4f (%zu of %zu)\n", name, all > 0 ? right / all : 1.0, s->hit,
               s->hit + s->wrong);
}

static int test_line(struct analyzer *a, struct span line, struct buf *text, struct scores *s,
                     const char **ret_why)
{
    struct ndjson_item item;
    struct analysis result;
    int e = ndjson_read(line, text, &item, ret_why);
    if (e == 0)
        e = analyzer_run(a, &item, 0, &result, ret_why);
    json_t *want = e == 0 ? json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!want)
        return e < 0 ? e : -EINVAL;
    if (!score_result(s, want, &result)) {
        printf("%.*s\n  -> ", SPAN_FMT(item.raw));
        print_codes(&result);
        putchar('\n');
    }
    json_decref(want);
    return 0;
}

/* Calls `one` with each line; the exit code. */
static int each_line(int fd, int (*one)(void *ctx, struct span line, const char **ret_why),
                     void *ctx)
{
    struct line_reader in;
    struct span line;
    size_t n = 0;
    int e, code = 0;
    line_reader_init(&in, fd);
    while ((e = line_reader_next(&in, &line)) != 0) {
        const char *why = "too long";
        n++;
        if (e == 1 && span_trim(line).n == 0)
            continue;
        if (e < 0 && e != -EMSGSIZE)
            break;
        if (e < 0 || one(ctx, line, &why) < 0) {
            fprintf(stderr, "{\"line\":%zu,\"error\":\"%s\"}\n", n, why);
            code = 1;
        }
    }
    line_reader_done(&in);
    return e < 0 ? 1 : code;
}

struct test_run {
    struct analyzer a;
    struct buf text;
    struct scores scores;
};

static int test_one(void *ctx, struct span line, const char **ret_why)
{
    struct test_run *r = ctx;
    return test_line(&r->a, line, &r->text, &r->scores, ret_why);
}

static int test(int argc, char **argv)
{
    struct test_run r = {.scores = {.n = 0}};
    const char *tables = argc == 5 && strcmp(argv[3], "--tables") == 0 ? argv[4] : NULL;
    if (argc != 3 && !tables)
        return usage();
    int fd = open(argv[2], O_RDONLY | O_CLOEXEC), code = 2;
    if (fd < 0)
        fprintf(stderr, "vocctl: %s: %s\n", argv[2], err_text(errno));
    buf_init(&r.text, CTL_MAX_LINE * 2);
    if (analyzer_open(&r.a, tables) == 0 && fd >= 0) {
        code = each_line(fd, test_one, &r);
        print_score("sentiment", &r.scores.sentiment, false);
        print_score("type", &r.scores.type, false);
        print_score("categories", &r.scores.categories, true);
        print_score("signals", &r.scores.signals, true);
        printf("%-12s %zu of %zu\n", "all right", r.scores.exact, r.scores.n);
    }
    analyzer_done(&r.a);
    buf_done(&r.text);
    if (fd >= 0)
        close(fd);
    return code;
}

static bool same_codes(const struct analysis *x, const struct analysis *y)
{
    bool same = x->sentiment == y->sentiment && span_eq(x->type, y->type) &&
                x->n_categories == y->n_categories && x->n_signals == y->n_signals;
    for (size_t i = 0; same && i < x->n_categories; i++)
        same = span_eq(x->categories[i].code, y->categories[i].code);
    for (size_t i = 0; same && i < x->n_signals; i++)
        same = span_eq(x->signals[i], y->signals[i]);
    return same;
}

struct diff_run {
    struct analyzer before, after;
    struct buf text;
    size_t n, flips;
};

static int diff_one(void *ctx, struct span line, const char **ret_why)
{
    struct diff_run *r = ctx;
    struct ndjson_item item;
    struct analysis x, y;
    int e = ndjson_read(line, &r->text, &item, ret_why);
    if (e == 0)
        e = analyzer_run(&r->before, &item, 0, &x, ret_why);
    if (e == 0)
        e = analyzer_run(&r->after, &item, 0, &y, ret_why);
    if (e < 0)
        return e;
    r->n++;
    if (same_codes(&x, &y))
        return 0;
    r->flips++;
    printf("%.*s\n  - ", SPAN_FMT(item.raw));
    print_codes(&x);
    fputs("\n  + ", stdout);
    print_codes(&y);
    putchar('\n');
    return 0;
}

static int diff(int argc, char **argv)
{
    struct diff_run r = {.n = 0};
    int code = 2;
    if (argc != 4)
        return usage();
    buf_init(&r.text, CTL_MAX_LINE * 2);
    bool ok = analyzer_open(&r.before, argv[2]) == 0;
    ok &= analyzer_open(&r.after, argv[3]) == 0;
    if (ok) {
        code = each_line(STDIN_FILENO, diff_one, &r);
        printf("%zu of %zu would change\n", r.flips, r.n);
    }
    analyzer_done(&r.before);
    analyzer_done(&r.after);
    buf_done(&r.text);
    return code;
}

int ctl_lexicon(int argc, char **argv)
{
    if (argc < 2)
        return usage();
    if (strcmp(argv[1], "compile") == 0 || strcmp(argv[1], "check") == 0)
        return compile(argc, argv, argv[1][1] == 'h');
    if (strcmp(argv[1], "test") == 0)
        return test(argc, argv);
    return strcmp(argv[1], "diff") == 0 ? diff(argc, argv) : usage();
}
