#include "daemon/ctl/ndjson.h"

#include <errno.h>
#include <unistd.h>

#include "base/utf8.h"
#include "daemon/ctl/verbs_nlp.h"

enum { BLOCK = 256 << 10, MAX_DEPTH = 64 };

void line_reader_init(struct line_reader *r, int fd)
{
    *r = (struct line_reader){.fd = fd};
    buf_init(&r->buf, CTL_MAX_LINE + 2 * BLOCK);
}

void line_reader_done(struct line_reader *r)
{
    buf_done(&r->buf);
}

static int fill(struct line_reader *r)
{
    buf_consume(&r->buf, r->at);
    r->at = 0;
    char *p = buf_reserve(&r->buf, BLOCK);
    if (!p)
        return buf_error(&r->buf);
    ssize_t n;
    do
        n = read(r->fd, p, BLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    r->buf.n += (size_t)n;
    r->ended = n == 0;
    return 0;
}

int line_reader_next(struct line_reader *r, struct span *ret)
{
    bool skipping = false;
    size_t searched = 0;
    for (;;) {
        const char *p = r->buf.p + r->at;
        size_t n = r->buf.n - r->at;
        const char *end = n > searched ? memchr(p + searched, '\n', n - searched) : NULL;
        if (end || (r->ended && n)) {
            size_t len = end ? (size_t)(end - p) : n;
            r->at += len + (end != NULL);
            *ret = span_of(p, len && p[len - 1] == '\r' ? len - 1 : len);
            return skipping ? -EMSGSIZE : 1;
        }
        if (r->ended)
            return skipping ? -EMSGSIZE : 0;
        searched = n;
        if (n > CTL_MAX_LINE) {
            skipping = true;
            r->at = r->buf.n;
            searched = 0;
        }
        int e = fill(r);
        if (e < 0)
            return e;
    }
}

struct scanner {
    const char *p, *end;
    const char *why;
    struct buf *text;
};

static bool fail(struct scanner *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return false;
}

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
}

static bool expect(struct scanner *s, char c)
{
    skip_space(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool read_hex(struct scanner *s, uint32_t *ret)
{
    uint32_t v = 0;
    if (s->end - s->p < 4)
        return fail(s, "cut off in a \\u escape");
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)*s->p++, d = c - '0';
        if (d > 9) {
            d = (c | 32) - 'a' + 10;
            if (d < 10 || d > 15)
                return fail(s, "not a \\u escape");
        }
        v = v << 4 | d;
    }
    *ret = v;
    return true;
}

static bool read_unicode(struct scanner *s, struct buf *out)
{
    uint32_t cp, low;
    char utf8[4];
    if (!read_hex(s, &cp))
        return false;
    if (cp >= 0xD800 && cp <= 0xDBFF) {
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
            return fail(s, "half a surrogate pair");
        s->p += 2;
        if (!read_hex(s, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(s, "half a surrogate pair");
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
    }
    unsigned n = utf8_encode(cp, utf8);
    if (n == 0)
        return fail(s, "half a surrogate pair");
    if (out)
        buf_append(out, utf8, n);
    return true;
}

static bool read_escape(struct scanner *s, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (s->p == s->end)
        return fail(s, "cut off in a string");
    char c = *s->p++;
    if (c == 'u')
        return read_unicode(s, out);
    const char *k = c ? strchr(from, c) : NULL;
    if (!k)
        return fail(s, "no such escape");
    if (out)
        buf_char(out, to[k - from]);
    return true;
}

/* The first byte that ends or interrupts a string: a quote, a backslash, a control character. */
static const char *plain_end(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    for (; end - p >= 8; p += 8) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        const uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
        const uint64_t found =
            ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((v - ones * 0x20) & ~v);
        if (found & high)
            break;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

/* After the opening quote. Without an escape the bytes on the line are the text; else it is decoded
 * into `out`, which has room for the whole line and so does not move. */
static bool read_string(struct scanner *s, struct buf *out, struct span *ret)
{
    const char *start = s->p, *run = start;
    size_t from = out ? out->n : 0;
    bool escaped = false;
    for (s->p = plain_end(s->p, s->end); s->p < s->end && *s->p != '"';
         s->p = plain_end(s->p + 1, s->end)) {
        if ((unsigned char)*s->p < 0x20)
            return fail(s, "a control character in a string");
        if (*s->p != '\\')
            continue;
        if (out)
            buf_append(out, run, (size_t)(s->p - run));
        escaped = true;
        s->p++;
        if (!read_escape(s, out))
            return false;
        run = s->p--;
    }
    if (s->p == s->end)
        return fail(s, "cut off in a string");
    if (out && escaped)
        buf_append(out, run, (size_t)(s->p - run));
    if (ret)
        *ret = escaped ? span_of(out->p + from, out->n - from)
                       : span_of(start, (size_t)(s->p - start));
    s->p++;
    return true;
}

static bool skip_digits(struct scanner *s)
{
    const char *from = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > from;
}

static bool skip_number(struct scanner *s)
{
    s->p += *s->p == '-';
    if (s->p < s->end && *s->p == '0')
        s->p++;
    else if (!skip_digits(s))
        return fail(s, "not a value");
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!skip_digits(s))
            return fail(s, "not a number");
    }
    if (s->p < s->end && (*s->p | 32) == 'e') {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!skip_digits(s))
            return fail(s, "not a number");
    }
    return true;
}

static bool skip_word(struct scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
            s->p += n;
            return true;
        }
    }
    return skip_number(s);
}

static bool skip_value(struct scanner *s, unsigned depth)
{
    skip_space(s);
    if (s->p == s->end)
        return fail(s, "cut off");
    if (*s->p == '"') {
        s->p++;
        return read_string(s, NULL, NULL);
    }
    if (*s->p != '{' && *s->p != '[')
        return skip_word(s);
    if (depth == MAX_DEPTH)
        return fail(s, "nested too deeply");
    bool object = *s->p++ == '{';
    char close = object ? '}' : ']';
    if (expect(s, close))
        return true;
    do {
        if (object && (!expect(s, '"') || !read_string(s, NULL, NULL) || !expect(s, ':')))
            return fail(s, "a member has a name, a colon and a value");
        if (!skip_value(s, depth + 1))
            return false;
    } while (expect(s, ','));
    return expect(s, close) || fail(s, "a comma or the closing bracket is missing");
}

/* The field a member name stands for, or NULL. */
static struct span *field_of(struct ndjson_item *item, struct span name)
{
    if (span_is(name, "text"))
        return &item->text;
    if (span_is(name, "lang"))
        return &item->lang;
    return span_is(name, "kind") ? &item->kind : NULL;
}

/* The value of a member, as it stands on the line. */
static bool read_raw(struct scanner *s, struct span *ret)
{
    skip_space(s);
    const char *from = s->p;
    if (!skip_value(s, 0))
        return false;
    *ret = span_of(from, (size_t)(s->p - from));
    return true;
}

static bool read_member(struct scanner *s, struct ndjson_item *item)
{
    struct span name, value = SPAN_NONE;
    if (!expect(s, '"') || !read_string(s, s->text, &name))
        return fail(s, "a member has a name, a colon and a value");
    if (!expect(s, ':'))
        return fail(s, "a colon is missing");
    struct span *field = field_of(item, name);
    if (field && expect(s, '"')) {
        if (field->p)
            return fail(s, "a member is given twice");
        return read_string(s, s->text, field);
    }
    if (!read_raw(s, &value))
        return false;
    if (field)
        return span_is(value, "null") || fail(s, "text, lang and kind are strings");
    if (!span_is(name, "id"))
        return true;
    if (item->id.p)
        return fail(s, "a member is given twice");
    item->id = value;
    return true;
}

static bool read_object(struct scanner *s, struct ndjson_item *item)
{
    if (!expect(s, '{'))
        return fail(s, "not an object");
    if (!expect(s, '}')) {
        do {
            if (!read_member(s, item))
                return false;
        } while (expect(s, ','));
        if (!expect(s, '}'))
            return fail(s, "a comma or the closing brace is missing");
    }
    skip_space(s);
    return s->p == s->end || fail(s, "something follows the object");
}

int ndjson_read(struct span line, struct buf *text, struct ndjson_item *ret, const char **ret_why)
{
    struct ndjson_item item = {.raw = line};
    struct scanner s = {.p = line.p, .end = line.p + line.n, .text = text};
    buf_reset(text);
    if (utf8_valid(line) < line.n)
        s.why = "not UTF-8";
    else if (!buf_reserve(text, line.n + 1))
        s.why = "too long";
    else if (read_object(&s, &item) && !item.text.p)
        s.why = "there is no text";
    if (s.why) {
        *ret_why = s.why;
        return -EINVAL;
    }
    *ret = item;
    return 0;
}
