/* Which literals must stand in a text for a pattern to match there: read off the pattern itself, so
 * that the trie can say when PCRE2 has to be asked. Anything not understood yields no literal,
 * which is safe: the pattern is refused, or another part of it has to give one. */
#include <errno.h>

#include "base/utf8.h"
#include "nlp/build.h"
#include "nlp/tables.h"

struct literal {
    uint32_t cp[LEX_MAX_KEY];
    size_t n;
};

/* One of `lit` is in every match; none when n == 0. */
struct needs {
    struct literal lit[BUILD_MAX_LITERALS];
    size_t n;
};

struct reader {
    const char *p, *end;
    unsigned depth;
};

static size_t literal_worth(const struct literal *l)
{
    size_t hangul = 0, ascii = 0;
    for (size_t i = 0; i < l->n; i++) {
        hangul += l->cp[i] >= 0xAC00 && l->cp[i] <= 0xD7A3;
        ascii += (l->cp[i] | 32) - 'a' < 26U || l->cp[i] - '0' < 10U;
    }
    return hangul * 3 + ascii * 2; /* two syllables or three letters are the least */
}

static size_t needs_worth(const struct needs *s)
{
    size_t least = s->n ? SIZE_MAX : 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t w = literal_worth(&s->lit[i]);
        least = w < least ? w : least;
    }
    return least;
}

static void keep_better(struct needs *best, const struct needs *other)
{
    if (needs_worth(other) > needs_worth(best))
        *best = *other;
}

static void keep_run(struct needs *best, struct literal *run)
{
    static _Thread_local struct needs one; /* too large for the stack at every level */
    one.n = 1;
    one.lit[0] = *run;
    keep_better(best, &one);
    run->n = 0;
}

/* A quantifier at `r`: skipped; true when it lets the item be missing or repeats it. */
static bool skip_quantifier(struct reader *r, bool *ret_optional)
{
    *ret_optional = false;
    if (r->p == r->end)
        return false;
    char c = *r->p;
    if (c == '{' && (r->end - r->p < 2 || r->p[1] < '0' || r->p[1] > '9'))
        return false;
    if (c != '?' && c != '*' && c != '+' && c != '{')
        return false;
    *ret_optional = c == '?' || c == '*' || (c == '{' && r->p[1] == '0');
    if (c == '{')
        while (r->p < r->end && *r->p != '}')
            r->p++;
    r->p += r->p < r->end;
    if (r->p < r->end && (*r->p == '?' || *r->p == '+'))
        r->p++;
    return true;
}

static void skip_class(struct reader *r)
{
    r->p++;
    if (r->p < r->end && *r->p == '^')
        r->p++;
    if (r->p < r->end && *r->p == ']')
        r->p++;
    while (r->p < r->end && *r->p != ']')
        r->p += *r->p == '\\' && r->p + 1 < r->end ? 2 : 1;
    r->p += r->p < r->end;
}

static void read_alternatives(struct reader *r, struct needs *out);

/* A group at '(': its needs when it is a plain one that must match, none for lookarounds. */
static void read_group(struct reader *r, struct needs *out)
{
    bool plain = true;
    r->p++;
    if (r->p < r->end && *r->p == '?') {
        plain = r->end - r->p > 1 && r->p[1] == ':';
        while (r->p < r->end && *r->p != ':' && *r->p != '=' && *r->p != '!' && *r->p != '>' &&
               *r->p != ')')
            r->p++;
        r->p += r->p < r->end && *r->p != ')';
    }
    read_alternatives(r, out);
    r->p += r->p < r->end;
    if (!plain)
        out->n = 0;
}

/* One literal code point at `r`, 0 when the item there is none (it is skipped then). */
static uint32_t read_char(struct reader *r)
{
    uint32_t cp = 0;
    char c = *r->p;
    if (c == '\\' && r->p + 1 < r->end) {
        uint32_t e = (unsigned char)r->p[1];
        r->p += 2;
        return (e | 32) - 'a' < 26U || e - '0' < 10U || e >= 0x80 ? 0 : e;
    }
    if (c == '.' || c == '^' || c == '$') {
        r->p++;
        return 0;
    }
    unsigned len = utf8_decode(r->p, (size_t)(r->end - r->p), &cp);
    r->p += len ? len : 1;
    return len ? cp : 0;
}

static void read_sequence(struct reader *r, struct needs *best)
{
    struct literal run = {.n = 0};
    bool optional;
    best->n = 0;
    while (r->p < r->end && *r->p != '|' && *r->p != ')') {
        if (*r->p == '(' && r->depth < 8) {
            struct needs group;
            r->depth++;
            read_group(r, &group);
            r->depth--;
            keep_run(best, &run);
            skip_quantifier(r, &optional);
            if (!optional)
                keep_better(best, &group);
            continue;
        }
        if (*r->p == '(') { /* too deep to follow: the whole pattern then has what came before */
            r->p = r->end;
            break;
        }
        uint32_t cp = 0;
        if (*r->p == '[')
            skip_class(r);
        else
            cp = read_char(r);
        bool repeated = skip_quantifier(r, &optional);
        if (cp && !optional && run.n < LEX_MAX_KEY)
            run.cp[run.n++] = cp;
        if (!cp || repeated)
            keep_run(best, &run);
    }
    keep_run(best, &run);
}

static void read_alternatives(struct reader *r, struct needs *out)
{
    struct needs one;
    bool all = true;
    out->n = 0;
    for (;;) {
        read_sequence(r, &one);
        all &= one.n > 0 && needs_worth(&one) > 0 && out->n + one.n <= BUILD_MAX_LITERALS;
        for (size_t i = 0; all && i < one.n; i++)
            out->lit[out->n++] = one.lit[i];
        if (r->p == r->end || *r->p != '|')
            break;
        r->p++;
    }
    if (!all)
        out->n = 0;
}

static uint32_t add_pattern(struct nlp_build *b, const struct nlp_rule *r,
                            const struct nlp_term *term, uint32_t phrase)
{
    struct lex_pattern *p = table_add(b, &b->patterns);
    struct build_atom *a = p ? table_add(b, &b->atoms) : NULL;
    if (!a)
        return 0;
    *p = (struct lex_pattern){phrase, build_string(b, term->text)};
    *a = (struct build_atom){.at = term->at, .defined = true};
    a->out = (struct lex_atom){.kind = ATOM_PATTERN,
                               .lang = (uint8_t)r->lang,
                               .entry = p->regex,
                               .first = (uint32_t)b->patterns.n - 1};
    return (uint32_t)b->atoms.n - 1;
}

static uint32_t column_of(struct span s, size_t offset)
{
    return (uint32_t)utf8_count(utf8_cut(s, offset));
}

void build_pattern(struct nlp_build *b, const struct nlp_rule *r, const struct nlp_term *term,
                   uint32_t phrase)
{
    int error;
    size_t offset;
    pcre2_code *code = tables_compile(term->text, &error, &offset);
    if (!code) {
        PCRE2_UCHAR message[160];
        pcre2_get_error_message(error, message, sizeof(message));
        build_report(b, &term->at, column_of(term->text, offset), "pattern: %s",
                     (const char *)message);
        return;
    }
    pcre2_code_free(code);
    struct needs needs;
    struct reader reader = {term->text.p, term->text.p + term->text.n, 0};
    read_alternatives(&reader, &needs);
    if (needs_worth(&needs) < 6) {
        build_report(b, &term->at, 0,
                     "pattern needs a fixed part of two syllables or three letters in every "
                     "alternative: \"%.*s\"",
                     SPAN_FMT(term->text));
        return;
    }
    uint32_t atom = add_pattern(b, r, term, phrase);
    for (size_t i = 0; i < needs.n; i++)
        build_key(b, needs.lit[i].cp, needs.lit[i].n, atom << 8);
}
