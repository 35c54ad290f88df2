#include "daemon/format/html.h"

#include "base/err.h"
#include "base/utf8.h"

/* --- entities --- */

static const struct {
    const char *name;
    const char *text;
} entities[] = {
    {"amp", "&"},   {"lt", "<"},     {"gt", ">"},    {"quot", "\""},  {"apos", "'"},
    {"nbsp", " "},  {"middot", "·"}, {"bull", "•"},  {"hellip", "…"}, {"ndash", "–"},
    {"mdash", "—"}, {"lsquo", "‘"},  {"rsquo", "’"}, {"ldquo", "“"},  {"rdquo", "”"},
    {"laquo", "«"}, {"raquo", "»"},  {"copy", "©"},  {"reg", "®"},    {"trade", "™"},
    {"times", "×"}, {"deg", "°"},    {"won", "₩"},   {"yen", "¥"},    {"euro", "€"},
    {"pound", "£"}, {"cent", "¢"},   {"rarr", "→"},  {"larr", "←"},   {"zwnj", ""},
    {"zwj", ""},    {"shy", ""},     {"ensp", " "},  {"emsp", " "},   {"thinsp", " "},
};

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* "#39" or "#x27" to its character; 0 bytes when it is none that a text may hold. */
static unsigned numeric(struct span name, char out[4])
{
    bool hex = name.n > 2 && (name.p[1] | 0x20) == 'x';
    uint32_t cp = 0;

    for (size_t i = hex ? 2 : 1; i < name.n; i++) {
        char c = name.p[i];
        if (hex ? !is_hex(c) : !(c >= '0' && c <= '9'))
            return 0;
        uint32_t digit = (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        cp = cp * (hex ? 16 : 10) + digit;
        if (cp > 0x10ffff)
            return 0;
    }
    if (name.n < 2 || (cp < 0x20 && cp != '\t' && cp != '\n') || cp == 0x7f)
        return 0;
    return utf8_encode(cp, out);
}

/* The entity at the `&` of s: its text in *ret and its length; 0 when it is but an ampersand. */
static size_t entity_at(struct span s, char room[4], struct span *ret)
{
    enum { LONGEST = 12 };
    size_t end = 1;

    while (end < s.n && end < LONGEST && s.p[end] != ';' && s.p[end] != '&' && s.p[end] > ' ')
        end++;
    if (end == s.n || s.p[end] != ';' || end == 1)
        return 0;
    struct span name = span_of(s.p + 1, end - 1);
    if (name.p[0] == '#') {
        unsigned n = numeric(name, room);
        *ret = span_of(room, n);
        return n ? end + 1 : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
        if (span_is(name, entities[i].name)) {
            *ret = span_str(entities[i].text);
            return end + 1;
        }
    }
    return 0;
}

/* --- the text that grows --- */

struct writer {
    struct buf *out;
    size_t begin;   /* of ours in `out` */
    unsigned lines; /* wanted before the next word: 0, 1 or 2 */
    bool space;     /* wanted before the next word */
};

static void word(struct writer *w, struct span s)
{
    if (s.n == 0)
        return;
    if (w->out->n > w->begin) {
        for (unsigned i = 0; i < w->lines; i++)
            buf_char(w->out, '\n');
        if (w->lines == 0 && w->space)
            buf_char(w->out, ' ');
    }
    w->lines = 0;
    w->space = false;
    buf_add(w->out, s);
}

static void want_lines(struct writer *w, unsigned n)
{
    if (w->lines < n)
        w->lines = n;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* What stands between two tags. */
static void text(struct writer *w, struct span s)
{
    while (s.n > 0) {
        char room[4];
        struct span piece;
        size_t used;
        if (is_space(s.p[0])) {
            w->space = true;
            used = 1;
        } else if (s.p[0] == '&' && (used = entity_at(s, room, &piece)) > 0) {
            if (span_is(piece, " "))
                w->space = true;
            else
                word(w, piece);
        } else {
            used = 1;
            while (used < s.n && !is_space(s.p[used]) && s.p[used] != '&')
                used++;
            word(w, span_of(s.p, used));
        }
        s = span_of(s.p + used, s.n - used);
    }
}

/* --- tags --- */

enum {
    TAG_BREAK = 1,
    TAG_BLOCK = 2,
    TAG_PARAGRAPH = 4,
    TAG_ITEM = 8,
    TAG_SKIP = 16,
    TAG_CELL = 32
};

static const struct {
    const char *name;
    unsigned what;
} tags[] = {
    {"br", TAG_BREAK},      {"hr", TAG_BREAK},         {"div", TAG_BLOCK},
    {"p", TAG_PARAGRAPH},   {"h1", TAG_PARAGRAPH},     {"h2", TAG_PARAGRAPH},
    {"h3", TAG_PARAGRAPH},  {"h4", TAG_PARAGRAPH},     {"ul", TAG_BLOCK},
    {"ol", TAG_BLOCK},      {"li", TAG_ITEM},          {"tr", TAG_BLOCK},
    {"table", TAG_BLOCK},   {"td", TAG_CELL},          {"th", TAG_CELL},
    {"pre", TAG_BLOCK},     {"section", TAG_BLOCK},    {"header", TAG_BLOCK},
    {"footer", TAG_BLOCK},  {"article", TAG_BLOCK},    {"dt", TAG_BLOCK},
    {"dd", TAG_BLOCK},      {"blockquote", TAG_BLOCK}, {"script", TAG_SKIP},
    {"style", TAG_SKIP},    {"head", TAG_SKIP},        {"title", TAG_SKIP},
    {"template", TAG_SKIP},
};

static unsigned tag_kind(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (span_eq_nocase(name, span_str(tags[i].name)))
            return tags[i].what;
    return 0;
}

static void apply_tag(struct writer *w, unsigned what, bool closing)
{
    if (what & TAG_BREAK)
        w->lines = w->lines < 2 ? w->lines + 1 : 2;
    else if (what & TAG_PARAGRAPH)
        want_lines(w, 2);
    else if (what & (TAG_BLOCK | TAG_ITEM))
        want_lines(w, 1);
    else if (what & TAG_CELL)
        w->space = true;
    if (what & TAG_ITEM && !closing) {
        word(w, SPAN_LIT("-"));
        w->space = true;
    }
}

/* Bytes of the tag at the `<` of s, quotes minded; all of s when it does not end. */
static size_t tag_length(struct span s)
{
    char quote = 0;

    for (size_t i = 1; i < s.n; i++) {
        if (quote)
            quote = s.p[i] == quote ? 0 : quote;
        else if (s.p[i] == '"' || s.p[i] == '\'')
            quote = s.p[i];
        else if (s.p[i] == '>')
            return i + 1;
    }
    return s.n;
}

static struct span tag_name(struct span tag, bool *ret_closing)
{
    size_t begin = 1, end;

    *ret_closing = tag.n > 1 && tag.p[1] == '/';
    begin += *ret_closing;
    for (end = begin; end < tag.n && !is_space(tag.p[end]) && !strchr("/>", tag.p[end]); end++)
        continue;
    return span_of(tag.p + begin, end - begin);
}

/* Bytes up to and with </name>, or all. */
static size_t skip_element(struct span s, struct span name)
{
    for (size_t i = 0; i + name.n + 2 <= s.n; i++)
        if (s.p[i] == '<' && s.p[i + 1] == '/' &&
            span_eq_nocase(span_of(s.p + i + 2, name.n), name))
            return i + tag_length(span_of(s.p + i, s.n - i));
    return s.n;
}

static bool begins_tag(struct span s)
{
    return s.n > 1 && ((s.p[1] | 0x20) >= 'a' ? (s.p[1] | 0x20) <= 'z'
                                              : s.p[1] == '/' || s.p[1] == '!' || s.p[1] == '?');
}

/* A tag or a comment; its length. */
static size_t markup(struct writer *w, struct span s)
{
    bool closing;

    if (span_starts(s, SPAN_LIT("<!--"))) {
        size_t end = span_find(span_of(s.p + 4, s.n - 4), SPAN_LIT("-->"));
        return end == SIZE_MAX ? s.n : end + 7;
    }
    size_t n = tag_length(s);
    struct span name = tag_name(span_of(s.p, n), &closing);
    unsigned what = tag_kind(name);
    if (what & TAG_SKIP && !closing)
        return n + skip_element(span_of(s.p + n, s.n - n), name);
    apply_tag(w, what, closing);
    return n;
}

int html_text(struct span html, struct buf *out)
{
    struct writer w = {.out = out, .begin = out->n};

    while (html.n > 0 && !buf_error(out)) {
        size_t used = span_find_char(html, '<');
        if (used == 0 && begins_tag(html)) {
            used = markup(&w, html);
        } else {
            used = used == 0 ? 1 : used;
            text(&w, span_of(html.p, used));
        }
        html = span_of(html.p + used, html.n - used);
    }
    return buf_error(out);
}

bool html_is(struct span s)
{
    for (size_t at = span_find_char(s, '<'); at < s.n;) {
        struct span rest = span_of(s.p + at, s.n - at);
        bool closing;
        size_t n = begins_tag(rest) ? tag_length(rest) : 1;
        struct span name = n > 1 ? tag_name(span_of(rest.p, n), &closing) : SPAN_NONE;
        if (n > 1 && rest.p[n - 1] == '>' && (closing || tag_kind(name) & TAG_BREAK))
            return true;
        at += n;
        if (at < s.n)
            at += span_find_char(span_of(s.p + at, s.n - at), '<');
    }
    return false;
}
