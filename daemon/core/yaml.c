#include "daemon/core/yaml.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/err.h"
#include "base/utf8.h"

enum { EXCERPT_COLUMNS = 100 };

/* --- problems --- */

static struct span source_line(const struct yaml_source *source, uint32_t line)
{
    struct span rest = source->text;
    for (uint32_t i = 1; i < line && rest.n > 0; i++) {
        size_t end = span_find_char(rest, '\n');
        end = end < rest.n ? end + 1 : rest.n;
        rest = span_of(rest.p + end, rest.n - end);
    }
    struct span found = span_of(rest.p, span_find_char(rest, '\n'));
    if (found.n > 0 && found.p[found.n - 1] == '\r')
        found.n--;
    return found;
}

/* The part of the line that may be shown. */
static struct span without_secret(struct span line)
{
    static const char *const secret[] = {"url", "secret", "secrets", "token", "password"};
    size_t colon = span_find_char(line, ':');
    if (colon == line.n)
        return line;
    struct span key = span_trim(span_of(line.p, colon));
    for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
        struct span word = span_str(secret[i]);
        if (key.n >= word.n && span_eq_nocase(span_of(key.p + key.n - word.n, word.n), word))
            return span_of(line.p, colon + 1);
    }
    return line;
}

/* One code point at a time: what a terminal could misunderstand is shown as '?'. */
static unsigned next_shown(struct span rest, struct span *ret_shown, int *ret_width)
{
    uint32_t cp = 0;
    unsigned n = utf8_decode(rest.p, rest.n, &cp);
    int width = n ? utf8proc_charwidth((utf8proc_int32_t)cp) : 0;
    bool shown = n > 0 && cp >= 0x20 && width > 0;
    *ret_shown = shown ? span_of(rest.p, n) : cp == '\t' ? SPAN_LIT("\t") : SPAN_LIT("?");
    *ret_width = shown ? width : 1;
    return n ? n : 1;
}

static void print_caret(struct buf *out, struct span line, uint32_t column)
{
    buf_str(out, "\n    ");
    for (uint32_t i = 1; i < column && i <= EXCERPT_COLUMNS; i++) {
        struct span shown = SPAN_LIT(" ");
        int width = 1;
        if (line.n > 0) {
            unsigned n = next_shown(line, &shown, &width);
            line = span_of(line.p + n, line.n - n);
        }
        if (span_is(shown, "\t"))
            buf_char(out, '\t');
        else
            buf_str(out, width == 2 ? "  " : " ");
    }
    buf_str(out, "^\n");
}

static void print_excerpt(struct buf *out, const struct yaml_source *source, struct yaml_pos at)
{
    struct span line = source_line(source, at.line);
    struct span rest = without_secret(line);
    bool hidden = rest.n < line.n;
    buf_str(out, "    ");
    for (uint32_t i = 0; rest.n > 0 && i < EXCERPT_COLUMNS; i++) {
        struct span shown;
        int width;
        unsigned n = next_shown(rest, &shown, &width);
        buf_add(out, shown);
        rest = span_of(rest.p + n, rest.n - n);
    }
    if (hidden)
        buf_str(out, " (not shown)\n");
    else
        print_caret(out, line, at.column);
}

void yaml_problem(struct yaml_problems *p, const struct yaml_source *source, struct yaml_pos at,
                  const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (++p->n > YAML_MAX_PROBLEMS)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    struct span shown = span_str(text);
    shown.n = utf8_valid(shown); /* %.*s of a user's text may have been cut */
    if (at.line == 0)
        at = (struct yaml_pos){1, 1};
    buf_printf(p->out, "%.*s:%u:%u: %.*s\n", SPAN_FMT(source->file), at.line, at.column,
               SPAN_FMT(shown));
    if (source->text.n > 0)
        print_excerpt(p->out, source, at);
}

bool yaml_is_null(const struct yaml_node *n)
{
    return n->type == YAML_SCALAR && !n->quoted &&
           (n->text.n == 0 || span_is(n->text, "~") || span_is(n->text, "null"));
}

const char *yaml_describe(const struct yaml_node *n)
{
    if (n->type == YAML_LIST)
        return "a list";
    if (n->type == YAML_MAP)
        return "a section";
    return yaml_is_null(n) ? "nothing" : n->quoted ? "text in quotes" : "text";
}

/* --- events to tree --- */

struct builder {
    const struct yaml_source *source;
    struct arena *arena;
    struct yaml_problems *problems;
    struct yaml_node *open[YAML_MAX_DEPTH + 1];
    struct yaml_node **tail[YAML_MAX_DEPTH + 1];
    struct yaml_node *key[YAML_MAX_DEPTH + 1]; /* waiting for its value */
    size_t depth;
    struct yaml_node *root;
    unsigned documents;
};

static int refuse(struct builder *b, struct yaml_pos at, const char *why)
{
    yaml_problem(b->problems, b->source, at, "%s", why);
    return -EINVAL;
}

static struct yaml_pos event_pos(struct fy_event *e)
{
    const struct fy_mark *m = fy_event_start_mark(e);
    if (!m)
        return (struct yaml_pos){1, 1};
    return (struct yaml_pos){(uint32_t)m->line + 1, (uint32_t)m->column + 1};
}

/* Hangs a finished or opened node where the tree grows. */
static int attach(struct builder *b, struct yaml_node *n)
{
    if (b->depth == 0) {
        b->root = n;
        return 0;
    }
    size_t d = b->depth;
    if (b->open[d]->type == YAML_MAP && !b->key[d]) {
        if (n->type != YAML_SCALAR)
            return refuse(b, n->at, "a key must be plain text");
        b->key[d] = n;
        return 0;
    }
    n->key = b->key[d];
    b->key[d] = NULL;
    *b->tail[d] = n;
    b->tail[d] = &n->next;
    return 0;
}

static struct yaml_node *add_node(struct builder *b, enum yaml_type type, struct yaml_pos at)
{
    struct yaml_node *n = arena_zalloc(b->arena, sizeof *n);
    if (n) {
        n->type = type;
        n->at = at;
    }
    return n;
}

static int add_scalar(struct builder *b, struct fy_event *e, struct yaml_pos at)
{
    struct yaml_node *n = add_node(b, YAML_SCALAR, at);
    size_t len = 0;
    const char *text = e->scalar.value ? fy_token_get_text(e->scalar.value, &len) : "";
    if (!n || !text)
        return -ENOMEM;
    n->text = arena_dup(b->arena, span_of(text, len));
    if (!n->text.p)
        return -ENOMEM;
    if (!e->scalar.value && b->depth > 0) /* nothing is nowhere: name what has no value */
        n->at = b->key[b->depth] ? b->key[b->depth]->at : b->open[b->depth]->at;
    enum fy_scalar_style style =
        e->scalar.value ? fy_scalar_token_get_style(e->scalar.value) : FYSS_PLAIN;
    n->quoted = style != FYSS_PLAIN;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && n->at.column > 1)
        n->at.column--; /* the mark is behind the quote */
    return attach(b, n);
}

static int open_node(struct builder *b, enum yaml_type type, struct yaml_pos at)
{
    struct yaml_node *n = add_node(b, type, at);
    if (!n)
        return -ENOMEM;
    int rc = attach(b, n);
    if (rc < 0)
        return rc;
    if (b->depth == YAML_MAX_DEPTH)
        return refuse(b, at, "nested too deeply");
    b->depth++;
    b->open[b->depth] = n;
    b->tail[b->depth] = &n->first;
    b->key[b->depth] = NULL;
    return 0;
}

static int check_decorations(struct builder *b, struct fy_token *anchor, struct fy_token *tag,
                             struct yaml_pos at)
{
    if (anchor)
        return refuse(b, at, "anchors are not supported here");
    if (tag)
        return refuse(b, at, "tags are not supported here");
    return 0;
}

static int take_event(struct builder *b, struct fy_event *e)
{
    struct yaml_pos at = event_pos(e);
    int rc = 0;
    switch (e->type) {
    case FYET_DOCUMENT_START:
        return b->documents++ ? refuse(b, at, "a second document begins here; only one is read")
                              : 0;
    case FYET_ALIAS:
        at.column -= at.column > 1; /* the mark is behind the star */
        return refuse(b, at, "aliases are not supported here");
    case FYET_SCALAR:
        rc = check_decorations(b, e->scalar.anchor, e->scalar.tag, at);
        return rc < 0 ? rc : add_scalar(b, e, at);
    case FYET_MAPPING_START:
        rc = check_decorations(b, e->mapping_start.anchor, e->mapping_start.tag, at);
        return rc < 0 ? rc : open_node(b, YAML_MAP, at);
    case FYET_SEQUENCE_START:
        rc = check_decorations(b, e->sequence_start.anchor, e->sequence_start.tag, at);
        return rc < 0 ? rc : open_node(b, YAML_LIST, at);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        b->depth--;
        return 0;
    default:
        return 0;
    }
}

/* The parser's own complaints. It may stop without one: then the end of what was read is named. */
static void tell_syntax(struct builder *b, struct fy_diag *diag, struct yaml_pos last)
{
    void *iter = NULL;
    struct fy_diag_error *e;
    size_t before = b->problems->n;
    while ((e = fy_diag_errors_iterate(diag, &iter)) != NULL) {
        struct yaml_pos at = {e->line > 0 ? (uint32_t)e->line : 1,
                              e->column > 0 ? (uint32_t)e->column : 1};
        yaml_problem(b->problems, b->source, at, "not YAML: %s", e->msg ? e->msg : "syntax error");
    }
    if (b->problems->n == before)
        yaml_problem(b->problems, b->source, last, "not YAML: can not be read after this");
}

static int read_events(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    struct yaml_pos last = {1, 1};
    bool ended = false;
    int rc = 0;
    while (rc == 0 && !ended) {
        struct fy_event *e = fy_parser_parse(parser);
        if (!e)
            break;
        ended = e->type == FYET_STREAM_END;
        if (!ended)
            last = event_pos(e);
        rc = take_event(b, e);
        fy_parser_event_free(parser, e);
    }
    if (rc == 0 && (!ended || fy_diag_got_error(diag))) {
        tell_syntax(b, diag, last);
        rc = -EINVAL;
    }
    return rc;
}

/* What the parser would not say well: bytes that are no text. */
static int check_bytes(struct builder *b)
{
    struct span text = b->source->text;
    size_t good = utf8_valid(text);
    size_t nul = span_find_char(text, '\0');
    bool is_nul = nul < good;
    size_t bad = is_nul ? nul : good;
    if (bad == text.n)
        return 0;
    struct yaml_pos at = {1, 1};
    size_t start = 0;
    for (size_t i = 0; i < bad; i++)
        if (text.p[i] == '\n') {
            at.line++;
            start = i + 1;
        }
    at.column = (uint32_t)utf8_count(span_of(text.p + start, bad - start)) + 1;
    return refuse(b, at, is_nul ? "a NUL byte" : "not UTF-8");
}

int yaml_parse(const struct yaml_source *source, struct arena *a, struct yaml_problems *problems,
               struct yaml_node **ret_root)
{
    struct builder b = {.source = source, .arena = a, .problems = problems};
    struct fy_diag_cfg diag_cfg;
    struct fy_diag *diag = NULL;
    struct fy_parser *parser = NULL;
    int rc = check_bytes(&b);
    if (rc < 0)
        return rc;
    rc = -ENOMEM;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.colorize = false;
    diag = fy_diag_create(&diag_cfg);
    if (!diag)
        goto out;
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET, .diag = diag};
    parser = fy_parser_create(&cfg);
    if (!parser ||
        fy_parser_set_string(parser, source->text.n ? source->text.p : "", source->text.n) != 0)
        goto out;
    rc = read_events(&b, parser, diag);
    if (rc == 0)
        *ret_root = b.root && yaml_is_null(b.root) ? NULL : b.root;
out:
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return rc;
}
