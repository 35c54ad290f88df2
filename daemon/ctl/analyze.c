#include "daemon/ctl/analyze.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/ctl/verbs_nlp.h"

enum { FLUSH_AT = 256 << 10 };

static const char *beside_program(char path[4096])
{
    ssize_t n = readlink("/proc/self/exe", path, 4000);
    while (n > 0 && path[n - 1] != '/')
        n--;
    if (n <= 0)
        return NULL;
    memcpy(path + n, "lexicons.bin", sizeof "lexicons.bin");
    return access(path, R_OK) == 0 ? path : NULL;
}

int analyzer_open(struct analyzer *a, const char *path)
{
    char beside[4096];
    memset(a, 0, sizeof(*a));
    arena_init(&a->arena, (size_t)256 << 20);
    if (!path)
        path = getenv("VOC_LEXICONS");
    if (!path)
        path = beside_program(beside);
    if (!path)
        path = "/usr/share/vocd/lexicons/lexicons.bin";
    int r = nlp_tables_open(path, &a->tables);
    if (r == 0)
        r = nlp_scratch_new(&a->scratch);
    if (r < 0)
        fprintf(stderr, "vocctl: %s: %s\n", path, err_text(r));
    return r;
}

void analyzer_done(struct analyzer *a)
{
    nlp_scratch_free(a->scratch);
    nlp_tables_unref(a->tables);
    arena_done(&a->arena);
}

int analyzer_run(struct analyzer *a, const struct ndjson_item *item, unsigned want,
                 struct analysis *ret, const char **ret_why)
{
    int lang = item->lang.p ? vocab_find(VOCAB_LANG, item->lang) : LANG_NONE;
    int kind = item->kind.p ? vocab_find(VOCAB_KIND, item->kind) : KIND_TICKET;
    *ret_why = lang < 0 ? "no such lang" : kind < 0 ? "no such kind" : "out of memory";
    if (lang < 0 || kind < 0)
        return -EINVAL;
    const struct nlp_part part = {item->text, PART_TEXT, BY_CUSTOMER};
    const struct nlp_input in = {&part, 1, (enum lang)lang, (enum kind)kind};
    arena_reset(&a->arena);
    return nlp_analyze(a->tables, a->scratch, &in, want, &a->arena, ret);
}

struct span category_top(struct span code)
{
    return span_of(code.p, span_find_char(code, '/'));
}

bool category_repeats(const struct analysis *r, size_t i)
{
    struct span top = category_top(r->categories[i].code);
    for (size_t k = 0; k < i; k++)
        if (span_eq(category_top(r->categories[k].code), top))
            return true;
    return false;
}

/* Four decimals, without what printf costs. */
static void put_number(struct buf *b, double v)
{
    char text[32];
    long n = lround(v * 10000);
    const bool negative = n < 0;
    n = negative ? -n : n;
    size_t at = sizeof(text);
    long rest = n % 10000, whole = n / 10000;
    for (int i = 0; i < 4; i++, rest /= 10)
        if (rest % 10 || at < sizeof(text))
            text[--at] = (char)('0' + rest % 10);
    if (at < sizeof(text))
        text[--at] = '.';
    do
        text[--at] = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    if (negative)
        text[--at] = '-';
    buf_append(b, text + at, sizeof(text) - at);
}

static void put_codes(struct buf *b, const struct analysis *r)
{
    bool first = true;
    buf_str(b, ",\"categories\":[");
    for (size_t i = 0; i < r->n_categories; i++) {
        if (category_repeats(r, i))
            continue;
        if (!first)
            buf_char(b, ',');
        buf_json_str(b, category_top(r->categories[i].code));
        first = false;
    }
    buf_str(b, "],\"type\":");
    buf_json_str(b, r->type);
    buf_str(b, ",\"signals\":[");
    for (size_t i = 0; i < r->n_signals; i++) {
        if (i)
            buf_char(b, ',');
        buf_json_str(b, r->signals[i]);
    }
    buf_char(b, ']');
}

static void put_stance(struct buf *b, const char *key, enum sentiment label, double polarity)
{
    buf_char(b, '"');
    buf_str(b, key);
    buf_str(b, "\":\"");
    buf_str(b, vocab_code(VOCAB_SENTIMENT, (int)label));
    buf_str(b, "\",\"polarity\":");
    put_number(b, polarity);
}

/* Where personal data stands and of which kind, never its value once more. */
static void put_pii(struct buf *b, const struct analysis *r)
{
    static const char *const kinds[PII_COUNT] = {
        [PII_RRN] = "rrn",         [PII_PHONE] = "phone",     [PII_CARD] = "card",
        [PII_ACCOUNT] = "account", [PII_EMAIL] = "email",     [PII_PASSPORT] = "passport",
        [PII_DRIVER] = "driver",   [PII_ADDRESS] = "address", [PII_VEHICLE] = "vehicle",
        [PII_NAME] = "name",
    };
    buf_str(b, "],\"pii\":[");
    for (size_t i = 0; i < r->n_pii; i++)
        buf_printf(b, "%s{\"kind\":\"%s\",\"start\":%u,\"end\":%u}", i ? "," : "",
                   kinds[r->pii[i].kind], r->pii[i].start, r->pii[i].end);
}

static void put_explanation(struct buf *b, struct span text, const struct analysis *r)
{
    buf_str(b, ",\"topics\":[");
    for (size_t i = 0; i < r->n_categories; i++) {
        buf_str(b, i ? ",{\"code\":" : "{\"code\":");
        buf_json_str(b, r->categories[i].code);
        buf_char(b, ',');
        put_stance(b, "sentiment", r->categories[i].sentiment, r->categories[i].polarity);
        buf_char(b, '}');
    }
    buf_str(b, "],\"evidence\":[");
    for (size_t i = 0; i < r->n_evidence; i++) {
        const struct evidence *e = &r->evidence[i];
        buf_printf(b, "%s{\"start\":%u,\"end\":%u,\"cp_start\":%u,\"cp_end\":%u,\"text\":",
                   i ? "," : "", e->start, e->end, e->cp_start, e->cp_end);
        buf_json_str(b, span_of(text.p + e->start, e->end - e->start));
        buf_str(b, ",\"entry\":");
        buf_json_str(b, e->entry);
        buf_str(b, ",\"weight\":");
        put_number(b, e->weight);
        buf_str(b, ",\"rule\":");
        buf_json_str(b, e->rule);
        buf_char(b, '}');
    }
    put_pii(b, r);
    buf_str(b, "],\"keywords\":[");
    for (size_t i = 0; i < r->n_keywords; i++) {
        if (i)
            buf_char(b, ',');
        buf_json_str(b, r->keywords[i]);
    }
    buf_printf(b, "],\"lexicon\":\"%08x\"", r->lexicon);
}

static void put_result(struct buf *b, const struct ndjson_item *item, const struct analysis *r,
                       bool explain)
{
    buf_str(b, "{\"id\":");
    buf_add(b, item->id.p ? item->id : SPAN_LIT("null"));
    buf_str(b, ",\"lang\":\"");
    buf_str(b, vocab_code(VOCAB_LANG, (int)r->lang));
    buf_str(b, "\",\"sentiment\":{");
    put_stance(b, "label", r->sentiment, r->polarity);
    buf_str(b, ",\"confidence\":");
    put_number(b, r->confidence);
    buf_char(b, '}');
    put_codes(b, r);
    if (explain)
        put_explanation(b, item->text, r);
    buf_str(b, "}\n");
}

static int flush(struct buf *b, int fd)
{
    size_t done = 0;
    while (done < b->n) {
        ssize_t n = write(fd, b->p + done, b->n - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    buf_reset(b);
    return 0;
}

struct run {
    struct analyzer a;
    struct line_reader in;
    struct buf text, out;
    size_t line;
    bool explain, failed;
};

static void one_line(struct run *r, struct span line)
{
    struct ndjson_item item;
    struct analysis result;
    const char *why;
    if (span_trim(line).n == 0)
        return;
    int e = ndjson_read(line, &r->text, &item, &why);
    if (e == 0)
        e = analyzer_run(&r->a, &item, r->explain ? NLP_ALL : 0, &result, &why);
    if (e < 0) {
        fprintf(stderr, "{\"line\":%zu,\"error\":\"%s\"}\n", r->line, why);
        r->failed = true;
        return;
    }
    put_result(&r->out, &item, &result, r->explain);
}

static int all_lines(struct run *r)
{
    struct span line;
    int e;
    while ((e = line_reader_next(&r->in, &line)) != 0) {
        r->line++;
        if (e == -EMSGSIZE) {
            fprintf(stderr, "{\"line\":%zu,\"error\":\"too long\"}\n", r->line);
            r->failed = true;
            continue;
        }
        if (e < 0)
            return e;
        one_line(r, line);
        if (r->out.n >= FLUSH_AT && (e = flush(&r->out, STDOUT_FILENO)) < 0)
            return e;
    }
    return flush(&r->out, STDOUT_FILENO);
}

static int usage(void)
{
    fputs("usage: vocctl analyze [--explain] [--tables FILE] < in.ndjson > out.ndjson\n", stderr);
    return 2;
}

int ctl_analyze(int argc, char **argv)
{
    struct run r = {.explain = false};
    const char *tables = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--explain") == 0)
            r.explain = true;
        else if (strcmp(argv[i], "--tables") == 0 && i + 1 < argc)
            tables = argv[++i];
        else
            return usage();
    }
    if (analyzer_open(&r.a, tables) < 0) {
        analyzer_done(&r.a);
        return 2;
    }
    line_reader_init(&r.in, STDIN_FILENO);
    buf_init(&r.text, CTL_MAX_LINE * 2);
    buf_init(&r.out, 0);
    int e = all_lines(&r);
    if (e < 0)
        fprintf(stderr, "vocctl: %s\n", err_text(e));
    buf_done(&r.out);
    buf_done(&r.text);
    line_reader_done(&r.in);
    analyzer_done(&r.a);
    return e < 0 || r.failed ? 1 : 0;
}
