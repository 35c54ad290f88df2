#include "nlp/norm.h"

#include <errno.h>
#include <stdlib.h>

#include <utf8proc.h>

#include "base/err.h"
#include "base/utf8.h"
#include "nlp/format.h"

/* Longest run of combining marks composed with their base; more are kept as they are. It bounds the
 * work per byte (Unicode's stream-safe format has the same number). */
#define MAX_MARKS 30

void norm_init(struct norm *nm)
{
    memset(nm, 0, sizeof(*nm));
}

void norm_done(struct norm *nm)
{
    free(nm->cp);
    free(nm->from);
    free(nm->to);
    free(nm->cls);
    memset(nm, 0, sizeof(*nm));
}

void norm_reset(struct norm *nm)
{
    nm->n = nm->hangul = nm->latin = 0;
    nm->irregular = false;
}

static int grow_u32(uint32_t **p, size_t cap)
{
    uint32_t *q = realloc(*p, cap * sizeof(**p));
    if (!q)
        return -ENOMEM;
    *p = q;
    return 0;
}

static int reserve(struct norm *nm, size_t more)
{
    size_t cap = nm->cap ? nm->cap : 256;
    if (nm->cap - nm->n >= more && nm->cap > 0)
        return 0;
    while (cap - nm->n < more)
        cap *= 2;
    uint8_t *cls = realloc(nm->cls, cap);
    if (!cls)
        return -ENOMEM;
    nm->cls = cls;
    if (grow_u32(&nm->cp, cap) || grow_u32(&nm->from, cap) || grow_u32(&nm->to, cap))
        return -ENOMEM;
    nm->cap = cap;
    return 0;
}

static uint8_t class_ascii(uint32_t cp)
{
    if (cp >= 'a' && cp <= 'z')
        return CLASS_LATIN;
    if (cp >= '0' && cp <= '9')
        return CLASS_DIGIT;
    if (cp <= ' ' || cp == 0x7F)
        return cp >= '\n' && cp <= '\r' ? CLASS_NEWLINE : CLASS_SPACE;
    return cp >= 'A' && cp <= 'Z' ? CLASS_LATIN : CLASS_PUNCT;
}

/* Beyond ASCII, ascending; what lies between is punctuation. */
static const struct {
    uint32_t first, last;
    uint8_t class;
} class_ranges[] = {
    {0x80, 0x84, CLASS_SPACE},       {0x85, 0x85, CLASS_NEWLINE},    {0x86, 0xA0, CLASS_SPACE},
    {0xC0, 0xD6, CLASS_LATIN},       {0xD8, 0xF6, CLASS_LATIN},      {0xF8, 0x24F, CLASS_LATIN},
    {0x370, 0x10FF, CLASS_LETTER},   {0x1100, 0x11FF, CLASS_JAMO},   {0x1200, 0x167F, CLASS_LETTER},
    {0x1680, 0x1680, CLASS_SPACE},   {0x1681, 0x1FFF, CLASS_LETTER}, {0x2000, 0x200A, CLASS_SPACE},
    {0x2028, 0x2029, CLASS_NEWLINE}, {0x202F, 0x202F, CLASS_SPACE},  {0x205F, 0x205F, CLASS_SPACE},
    {0x3000, 0x3000, CLASS_SPACE},   {0x3040, 0x30FF, CLASS_LETTER}, {0x3131, 0x318E, CLASS_JAMO},
    {0x3400, 0x9FFF, CLASS_LETTER},  {0xAC00, 0xD7A3, CLASS_HANGUL},
};

static uint8_t class_of(uint32_t cp)
{
    if (cp < 0x80)
        return class_ascii(cp);
    if (cp >= 0xAC00 && cp <= 0xD7A3) /* nearly everything */
        return CLASS_HANGUL;
    for (size_t i = 0; i < ARRAY_LEN(class_ranges) && cp >= class_ranges[i].first; i++) {
        if (cp <= class_ranges[i].last)
            return class_ranges[i].class;
    }
    return CLASS_PUNCT;
}

static bool is_zero_width(uint32_t cp)
{
    return (cp >= 0x200B && cp <= 0x200F) || cp == 0x2060 || cp == 0xFEFF || cp == 0xAD ||
           (cp >= 0xFE00 && cp <= 0xFE0F);
}

/* Half-width Hangul jamo to the compatibility jamo keyboards type. */
static uint32_t half_jamo(uint32_t cp)
{
    /* U+FFC2 … in groups of six, two unused between them */
    if (cp <= 0xFFBE)
        return 0x3131 + (cp - 0xFFA1);
    uint32_t group = (cp - 0xFFC0) / 8, place = (cp - 0xFFC0) % 8;
    if (cp >= 0xFFC2 && place >= 2)
        return 0x314F + group * 6 + place - 2;
    return cp;
}

static uint32_t fold(uint32_t cp)
{
    if (cp >= 0xFF01 && cp <= 0xFF5E)
        cp -= 0xFEE0;
    else if (cp == 0x2018 || cp == 0x2019)
        return '\'';
    else if (cp == 0x201C || cp == 0x201D)
        return '"';
    else if (cp >= 0xFFA1 && cp <= 0xFFDC)
        return half_jamo(cp);
    if (cp >= 'A' && cp <= 'Z')
        return cp + 32;
    if (cp < 0xC0 || (cp >= 0x3000 && (cp < 0xA640 || cp > 0xA7FF)))
        return cp;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

/* `base` is where the current text begins (after its mark): nothing is joined across it. */
static void put_space(struct norm *nm, size_t base, uint8_t cls, uint32_t from, uint32_t to)
{
    if (nm->n == base)
        return;
    if (nm->cls[nm->n - 1] <= CLASS_NEWLINE) {
        if (cls == CLASS_NEWLINE)
            nm->cls[nm->n - 1] = cls;
        return;
    }
    nm->cp[nm->n] = ' ';
    nm->from[nm->n] = from;
    nm->to[nm->n] = to;
    nm->cls[nm->n++] = cls;
}

static void put(struct norm *nm, size_t base, uint32_t cp, uint8_t cls, uint32_t from, uint32_t to)
{
    if (cls == CLASS_SPACE || cls == CLASS_NEWLINE) {
        put_space(nm, base, cls, from, to);
        return;
    }
    size_t n = nm->n;
    if (n >= base + 2 && nm->cp[n - 1] == cp && nm->cp[n - 2] == cp) {
        nm->to[n - 1] = to;
        return;
    }
    nm->cp[n] = cp;
    nm->from[n] = from;
    nm->to[n] = to;
    nm->cls[n] = cls;
    nm->n = n + 1;
    nm->hangul += cls == CLASS_HANGUL || cls == CLASS_JAMO;
    nm->latin += cls == CLASS_LATIN;
}

/* Three-byte sequences are nearly all of Korean; worth a path of their own. */
static inline unsigned decode(const unsigned char *p, size_t n, uint32_t *cp)
{
    if (n >= 3 && (p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80) {
        uint32_t c = (p[0] & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
        if (c >= 0x800 && (c < 0xD800 || c > 0xDFFF)) {
            *cp = c;
            return 3;
        }
    }
    return utf8_decode((const char *)p, n, cp);
}

static bool is_combining(uint32_t cp)
{
    if (cp < 0x300 || (cp >= 0x3130 && cp <= 0xD7A3))
        return false;
    return utf8proc_get_property((utf8proc_int32_t)cp)->combining_class != 0;
}

/* L+V and LV+T, by the arithmetic of the standard (Unicode, 3.12). */
static bool compose_hangul(struct norm *nm, size_t base, uint32_t cp, uint32_t to)
{
    if (nm->n == base)
        return false;
    uint32_t *last = &nm->cp[nm->n - 1];
    if (*last >= 0x1100 && *last <= 0x1112 && cp >= 0x1161 && cp <= 0x1175)
        *last = 0xAC00 + ((*last - 0x1100) * 21 + (cp - 0x1161)) * 28;
    else if (*last >= 0xAC00 && *last <= 0xD7A3 && (*last - 0xAC00) % 28 == 0 && cp > 0x11A7 &&
             cp <= 0x11C2)
        *last += cp - 0x11A7;
    else
        return false;
    nm->cls[nm->n - 1] = CLASS_HANGUL;
    nm->to[nm->n - 1] = to;
    return true;
}

/* A syllable just composed may make a third one in a run: 좋좋좋 typed on a Mac is cut as well. */
static void cut_run(struct norm *nm, size_t base)
{
    size_t n = nm->n;
    uint32_t cp = n > base ? nm->cp[n - 1] : 0;
    if (n < base + 4 || nm->cp[n - 2] != cp || nm->cp[n - 3] != cp)
        return;
    nm->to[n - 2] = nm->to[n - 1];
    nm->n--;
}

/* The last code point and the marks at [i, end) become what NFC makes of them. Returns the end of
 * what was read. */
static size_t compose_marks(struct norm *nm, size_t base, const char *p, size_t i, size_t size)
{
    utf8proc_int32_t out[4 * (MAX_MARKS + 2)];
    size_t end = i, marks = 0;
    uint32_t cp = 0;
    for (unsigned len; end < size && marks < MAX_MARKS; end += len, marks++) {
        len = decode((const unsigned char *)p + end, size - end, &cp);
        if (len == 0 || !is_combining(cp))
            break;
    }
    size_t from = i;
    bool has_base = nm->n > base && nm->cls[nm->n - 1] > CLASS_NEWLINE && nm->to[nm->n - 1] == i;
    if (has_base && i - nm->from[nm->n - 1] <= 4)
        from = nm->from[--nm->n];
    utf8proc_ssize_t n =
        utf8proc_decompose((const uint8_t *)p + from, (utf8proc_ssize_t)(end - from), out,
                           (utf8proc_ssize_t)(sizeof(out) / sizeof(*out)), UTF8PROC_COMPOSE);
    if (n > 0 && n <= (utf8proc_ssize_t)(sizeof(out) / sizeof(*out)))
        n = utf8proc_normalize_utf32(out, n, UTF8PROC_COMPOSE);
    for (utf8proc_ssize_t k = 0; k < n; k++) {
        uint32_t c = fold((uint32_t)out[k]);
        if (nm->cap - nm->n > size - end + 1) /* one slot a byte was reserved; keep the mark's */
            put(nm, base, c, class_of(c), (uint32_t)from, (uint32_t)end);
    }
    return end;
}

static size_t url_length(const unsigned char *p, size_t n)
{
    static const char *const heads[] = {"http://", "https://", "www."};
    for (size_t k = 0; k < 3; k++) {
        size_t len = strlen(heads[k]), i = 0;
        while (i < len && i < n && (p[i] | (heads[k][i] >= 'a' ? 32 : 0)) == heads[k][i])
            i++;
        if (i < len)
            continue;
        while (i < n && p[i] > ' ' && p[i] < 0x80)
            i++;
        return i;
    }
    return 0;
}

static size_t append_ascii(struct norm *nm, size_t base, const unsigned char *p, size_t i, size_t n)
{
    unsigned char c = p[i];
    if ((c | 32) == 'h' || (c | 32) == 'w') {
        size_t len = url_length(p + i, n - i);
        if (len) {
            nm->irregular = true;
            put_space(nm, base, CLASS_SPACE, (uint32_t)i, (uint32_t)(i + len));
            return i + len;
        }
    }
    uint8_t cls = class_ascii(c);
    nm->irregular |= cls == CLASS_DIGIT || c == '@';
    put(nm, base, c >= 'A' && c <= 'Z' ? c + 32U : c, cls, (uint32_t)i, (uint32_t)(i + 1));
    return i + 1;
}

static size_t append_other(struct norm *nm, size_t base, const unsigned char *p, size_t i, size_t n)
{
    uint32_t cp;
    unsigned len = decode(p + i, n - i, &cp);
    if (len == 0) {
        cp = 0xFFFD;
        len = 1;
    }
    uint32_t end = (uint32_t)(i + len);
    if (cp >= 0xAC00 && cp <= 0xD7A3) {
        put(nm, base, cp, CLASS_HANGUL, (uint32_t)i, end);
        return end;
    }
    nm->irregular |= cp >= 0xF000 && cp <= 0xFFFF;
    if (is_zero_width(cp)) {
        if (nm->n > base && nm->cls[nm->n - 1] > CLASS_NEWLINE)
            nm->to[nm->n - 1] = end;
        return end;
    }
    if (cp >= 0x1161 && cp <= 0x11C2 && compose_hangul(nm, base, cp, end)) {
        nm->irregular = true;
        cut_run(nm, base);
        return end;
    }
    nm->irregular |= is_combining(cp);
    if (is_combining(cp))
        return compose_marks(nm, base, (const char *)p, i, n);
    cp = fold(cp);
    put(nm, base, cp, class_of(cp), (uint32_t)i, end);
    return end;
}

/* From `i` on, syllables and the single spaces between them: nearly all of a Korean text, so it has
 * a loop of its own. Returns where something else begins. */
static size_t append_syllables(struct norm *nm, size_t base, const unsigned char *p, size_t i,
                               size_t size)
{
    uint32_t *const cps = nm->cp, *const from = nm->from, *const to = nm->to;
    uint8_t *const cls = nm->cls;
    size_t n = nm->n, hangul = nm->hangul;
    for (; i + 2 < size; n++) {
        uint32_t cp = ' ', len = 1;
        if (p[i] >= 0xEA && p[i] <= 0xED) {
            cp = (p[i] & 0x0FU) << 12 | (p[i + 1] & 0x3FU) << 6 | (p[i + 2] & 0x3FU);
            len = 3;
            if ((p[i + 1] & 0xC0) != 0x80 || (p[i + 2] & 0xC0) != 0x80 || cp - 0xAC00U >= 11172)
                break;
            if (n >= base + 2 && cps[n - 1] == cp && cps[n - 2] == cp) {
                i += len;
                to[--n] = (uint32_t)i;
                continue;
            }
        } else if (p[i] != ' ' || n == base || cls[n - 1] <= CLASS_NEWLINE) {
            break;
        }
        cps[n] = cp;
        from[n] = (uint32_t)i;
        i += len;
        to[n] = (uint32_t)i;
        cls[n] = len == 3 ? CLASS_HANGUL : CLASS_SPACE;
        hangul += len == 3;
    }
    nm->n = n;
    nm->hangul = hangul;
    return i;
}

static void put_mark(struct norm *nm, uint32_t mark, size_t at)
{
    nm->cp[nm->n] = mark;
    nm->from[nm->n] = nm->to[nm->n] = (uint32_t)at;
    nm->cls[nm->n++] = CLASS_MARK;
}

int norm_append(struct norm *nm, struct span text)
{
    int r = reserve(nm, text.n + 4);
    if (r < 0)
        return r;
    put_mark(nm, MARK_START, 0);
    size_t base = nm->n;
    const unsigned char *p = (const unsigned char *)text.p;
    for (size_t i = 0; (i = append_syllables(nm, base, p, i, text.n)) < text.n;)
        i = p[i] < 0x80 ? append_ascii(nm, base, p, i, text.n)
                        : append_other(nm, base, p, i, text.n);
    if (nm->n > base && nm->cls[nm->n - 1] <= CLASS_NEWLINE)
        nm->n--;
    put_mark(nm, MARK_END, text.n);
    return 0;
}

size_t norm_utf8(const struct norm *nm, size_t a, size_t b, char *out)
{
    size_t n = 0;
    for (size_t i = a; i < b; i++)
        n += utf8_encode(nm->cp[i], out + n);
    return n;
}
