#include "daemon/trust/mask.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/trust/mask_address.h"
#include "daemon/trust/mask_scan.h"

enum {
    KNOWN_ID = 4,     /* characters from which on an id is looked for inside texts */
    LOCAL_DIGITS = 8, /* of a phone number, without area code */
};

/* --- one value of a known kind --- */

struct cp {
    size_t at, n; /* bytes */
    uint32_t c;
};

/* The code point at *at, which advances; broken bytes count as one each and are always hidden. */
static bool next_cp(struct span s, size_t *at, struct cp *ret)
{
    if (*at >= s.n)
        return false;
    ret->at = *at;
    ret->n = utf8_decode(s.p + *at, s.n - *at, &ret->c);
    if (ret->n == 0) {
        ret->n = 1;
        ret->c = 0xfffd;
    }
    *at += ret->n;
    return true;
}

static void keep(struct buf *out, struct span s, const struct cp *cp)
{
    if (cp->c == 0xfffd)
        buf_char(out, '*');
    else
        buf_append(out, s.p + cp->at, cp->n);
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || c == '\t' || c == 0xa0 || c == 0x3000;
}

static size_t count_digits(struct span s)
{
    size_t total = 0, n;
    for (size_t at = 0; at < s.n;) {
        bool is = mask_digit(s.p + at, s.n - at, &n) >= 0;
        total += is;
        at += is ? n : 1;
    }
    return total;
}

/* Digits but the first `head` and last `tail` become stars; separators stay; all else is hidden. */
static void mask_digits(struct span s, size_t head, size_t tail, struct buf *out)
{
    size_t total = count_digits(s), index = 0, n;
    struct cp cp;
    for (size_t at = 0; next_cp(s, &at, &cp);) {
        if (mask_digit(s.p + cp.at, cp.n, &n) >= 0) {
            if (index < head || index + tail >= total)
                keep(out, s, &cp);
            else
                buf_char(out, '*');
            index++;
        } else if (cp.c == '+' || mask_separator(s.p + cp.at, cp.n)) {
            keep(out, s, &cp);
        } else {
            buf_char(out, '*');
        }
    }
}

/* Digits of country and area code: what a phone number shows in front. */
static size_t phone_prefix(struct span s)
{
    char d[8] = "";
    size_t k = 0, n, i = 0;
    for (size_t at = 0; at < s.n && k < sizeof d - 1;) {
        int v = mask_digit(s.p + at, s.n - at, &n);
        if (v >= 0)
            d[k++] = (char)('0' + v);
        at += v >= 0 ? n : 1;
    }
    bool abroad = memchr(s.p, '+', s.n) || strncmp(d, "00", 2) == 0 || d[0] == '8';
    if (abroad)
        i += strncmp(d, "00", 2) == 0 ? 4 : 2;
    if (abroad && strncmp(d + i - 2, "82", 2) != 0)
        return 2;
    i += d[i] == '0';
    return i + (d[i] == '2' ? 1 : strncmp(d + i, "50", 2) == 0 ? 3 : 2);
}

static void mask_phone(struct span s, struct buf *out)
{
    size_t total = count_digits(s), head = phone_prefix(s);
    if (total >= head + 7)
        mask_digits(s, head, 4, out);
    else
        mask_digits(s, 0, total >= 7 ? 4 : 0, out);
}

static void mask_card(struct span s, struct buf *out)
{
    bool whole = count_digits(s) >= 13;
    mask_digits(s, whole ? 6 : 0, whole ? 4 : 0, out);
}

static void mask_account(struct span s, struct buf *out)
{
    bool whole = count_digits(s) >= 9;
    mask_digits(s, whole ? 3 : 0, whole ? 3 : 0, out);
}

/* The first `show` code points, then stars: one for each hidden one, or three to hide their number.
 */
static void mask_tail(struct span s, size_t show, bool count, struct buf *out)
{
    struct cp cp;
    size_t i = 0, at = 0, total = utf8_count(s);
    show = total > show ? show : 0;
    while (next_cp(s, &at, &cp)) {
        if (i++ < show)
            keep(out, s, &cp);
        else if (count)
            buf_char(out, '*');
    }
    if (!count)
        buf_str(out, "***");
}

static void mask_email(struct span s, struct buf *out)
{
    static const char *const signs[] = {"@", "%40", "\xef\xbc\xa0"};
    size_t sign = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LEN(signs) && sign == SIZE_MAX; i++)
        sign = span_find(s, span_str(signs[i]));
    if (sign == SIZE_MAX) {
        mask_tail(s, 1, false, out);
        return;
    }
    mask_tail(span_trim(span_of(s.p, sign)), 1, false, out);
    buf_append(out, s.p + sign, s.n - sign);
}

/* 홍길동 → 홍*동, 홍길 → 홍*, 남궁민수 → 남**수. */
static void mask_hangul_name(struct span s, struct buf *out)
{
    struct cp cp;
    size_t total = 0, i = 0;
    for (size_t at = 0; next_cp(s, &at, &cp);)
        total += !is_blank(cp.c);
    for (size_t at = 0; next_cp(s, &at, &cp);) {
        bool shown = is_blank(cp.c) || (i == 0 && total > 1) || (i == total - 1 && total > 2);
        i += !is_blank(cp.c);
        if (shown)
            keep(out, s, &cp);
        else
            buf_char(out, '*');
    }
}

/* John Smith → J*** S***: the length of a word would tell much. */
static void mask_latin_name(struct span s, struct buf *out)
{
    struct cp cp;
    bool inside = false;
    for (size_t at = 0; next_cp(s, &at, &cp);) {
        if (is_blank(cp.c)) {
            keep(out, s, &cp);
            inside = false;
            continue;
        }
        if (!inside) {
            struct cp after;
            size_t peek = at;
            if (next_cp(s, &peek, &after) && !is_blank(after.c))
                keep(out, s, &cp);
            buf_str(out, "***");
        }
        inside = true;
    }
}

static void mask_name(struct span s, struct buf *out)
{
    if ((unsigned char)s.p[0] < 0x80)
        mask_latin_name(s, out);
    else
        mask_hangul_name(s, out);
}

/* 12가3456 → 12가****. */
static void mask_vehicle(struct span s, struct buf *out)
{
    size_t total = count_digits(s), index = 0, n;
    struct cp cp;
    for (size_t at = 0; next_cp(s, &at, &cp);) {
        bool hangul = cp.c >= 0xac00 && cp.c <= 0xd7a3;
        if (mask_digit(s.p + cp.at, cp.n, &n) >= 0) {
            if (index++ + 4 < total)
                keep(out, s, &cp);
            else
                buf_char(out, '*');
        } else if (hangul || is_blank(cp.c)) {
            keep(out, s, &cp);
        } else {
            buf_char(out, '*');
        }
    }
}

/* 서울특별시 강남구 테헤란로 1 → 서울특별시 강남구 ***. */
static void mask_address(struct span s, struct buf *out)
{
    size_t shown = 0;
    for (size_t at = 0; at < s.n && shown < 3;) {
        struct span rest = span_of(s.p + at, s.n - at);
        struct span word = span_of(rest.p, span_find_char(rest, ' '));
        if (!mask_is_region(word, shown == 0))
            break;
        buf_add(out, word);
        buf_char(out, ' ');
        shown++;
        at += word.n + 1;
    }
    buf_str(out, "***");
}

int mask_field(enum pii_kind kind, struct span value, struct buf *out)
{
    if (value.n == 0)
        return buf_error(out);
    switch (kind) {
    case PII_RRN:
        mask_digits(value, count_digits(value) >= 7 ? 6 : 0, 0, out);
        break;
    case PII_PHONE:
        mask_phone(value, out);
        break;
    case PII_CARD:
        mask_card(value, out);
        break;
    case PII_ACCOUNT:
        mask_account(value, out);
        break;
    case PII_EMAIL:
        mask_email(value, out);
        break;
    case PII_DRIVER:
        mask_digits(value, count_digits(value) >= 8 ? 2 : 0, 0, out);
        break;
    case PII_PASSPORT:
        mask_tail(value, 1, true, out);
        break;
    case PII_ADDRESS:
        mask_address(value, out);
        break;
    case PII_VEHICLE:
        mask_vehicle(value, out);
        break;
    case PII_NAME:
        mask_name(value, out);
        break;
    default:
        mask_tail(value, 1, false, out);
    }
    return buf_error(out);
}

/* --- the places of a text --- */

struct place {
    uint32_t start, end;
    enum pii_kind kind;
};

struct places {
    struct arena *arena;
    struct place *p;
    size_t n, cap;
};

static int add_place(struct places *l, size_t start, size_t end, enum pii_kind kind)
{
    if (start >= end)
        return 0;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct place *p = arena_array(l->arena, cap, sizeof *p);
        if (!p)
            return -ENOMEM;
        if (l->n)
            memcpy(p, l->p, l->n * sizeof *p);
        l->p = p;
        l->cap = cap;
    }
    l->p[l->n++] = (struct place){(uint32_t)start, (uint32_t)end, kind};
    return 0;
}

static bool inside_char(struct span text, size_t at)
{
    return at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80;
}

static int add_spans(struct places *l, const struct mask_input *in)
{
    int r = 0;
    for (size_t i = 0; i < in->n_spans && r == 0; i++) {
        const struct pii_span *s = &in->spans[i];
        size_t start = s->start, end = s->end < in->text.n ? s->end : in->text.n;
        if (s->part != in->part || start >= end)
            continue;
        while (start > 0 && inside_char(in->text, start))
            start--;
        while (inside_char(in->text, end))
            end++;
        r = add_place(l, start, end, (enum pii_kind)s->kind);
    }
    return r;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Latin values are whole words (`Kim` is not in `Kimchi`); Korean ones carry particles. */
static bool stands_alone(struct span text, size_t at, struct span value)
{
    bool before = at > 0 && is_word(text.p[at - 1]) && is_word(value.p[0]);
    size_t end = at + value.n;
    bool after = end < text.n && is_word(text.p[end]) && is_word(value.p[value.n - 1]);
    return !before && !after;
}

/* The last digits of a number, or fewer when it has fewer. */
static size_t last_digits(struct span number, int digits[LOCAL_DIGITS])
{
    size_t n = 0, size;
    for (size_t at = 0; at < number.n; at += size) {
        int digit = mask_digit(number.p + at, number.n - at, &size);
        size = digit < 0 ? 1 : size;
        if (digit < 0)
            continue;
        if (n == LOCAL_DIGITS)
            memmove(digits, digits + 1, --n * sizeof *digits);
        digits[n++] = digit;
    }
    return n;
}

/* Where these digits end in the text, at most one separator between two; 0: they are not there. */
static size_t digits_end(struct span text, size_t at, const int digits[LOCAL_DIGITS])
{
    size_t size;
    for (size_t i = 0; i < LOCAL_DIGITS; i++, at += size) {
        at += i ? mask_separator(text.p + at, text.n - at) : 0;
        if (mask_digit(text.p + at, text.n - at, &size) != digits[i])
            return 0;
    }
    return mask_digit(text.p + at, text.n - at, &size) < 0 ? at : 0;
}

/* A known phone number said without what it begins with (`9876-5432`), or with that in words. */
static int add_local_number(struct places *l, struct span text, struct span number)
{
    int digits[LOCAL_DIGITS], r = 0;
    bool inside = false; /* a number that has begun before */
    size_t size;
    if (last_digits(number, digits) < LOCAL_DIGITS)
        return 0;
    for (size_t at = 0; at < text.n && r == 0; at += size) {
        bool is_digit = mask_digit(text.p + at, text.n - at, &size) >= 0;
        size_t end = is_digit && !inside ? digits_end(text, at, digits) : 0;
        size = end ? end - at : is_digit ? size : 1;
        inside = is_digit;
        r = end ? add_place(l, at, end, PII_COUNT) : 0;
    }
    return r;
}

static int add_known(struct places *l, struct span text, const struct mask_known *k)
{
    struct span value = span_trim(k->value);
    if (utf8_count(value) < 2)
        return 0;
    int rc = k->kind == PII_PHONE ? add_local_number(l, text, value) : 0;
    for (size_t at = 0; rc == 0 && at + value.n <= text.n; at++) {
        if (!span_eq_nocase(span_of(text.p + at, value.n), value) || !stands_alone(text, at, value))
            continue;
        rc = add_place(l, at, at + value.n, k->kind);
        at += value.n - 1;
    }
    return rc;
}

struct span mask_known_id(struct span id)
{
    return utf8_count(id) < KNOWN_ID ? SPAN_NONE : id;
}

static int add_found(void *ctx, const struct mask_found *found)
{
    return add_place(ctx, found->start, found->end, found->kind);
}

static int by_start(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->end > y->end ? -1 : x->end < y->end;
}

/* Overlapping places become one; when none of them covers the whole, no kind's rule of what may
 * stay visible holds for it, and all of it is hidden. */
static void merge(struct places *l)
{
    size_t n = 0;
    qsort(l->p, l->n, sizeof *l->p, by_start);
    for (size_t i = 0; i < l->n; i++) {
        struct place *last = n ? &l->p[n - 1] : NULL, *p = &l->p[i];
        if (!last || p->start >= last->end) {
            l->p[n++] = *p;
        } else if (p->end > last->end) {
            if (p->start > last->start)
                last->kind = PII_COUNT;
            else
                last->kind = p->kind;
            last->end = p->end;
        }
    }
    l->n = n;
}

static int find_places(const struct mask_input *in, struct places *l)
{
    int r = add_spans(l, in);
    for (size_t i = 0; i < in->n_known && r == 0; i++)
        r = add_known(l, in->text, &in->known[i]);
    if (r == 0)
        r = mask_scan(in->text, add_found, l);
    if (r == 0)
        r = mask_scan_addresses(in->text, add_found, l);
    if (r == 0 && l->n > 1)
        merge(l);
    return r;
}

/* --- plans --- */

static int show_place(const struct mask_input *in, const struct place *p, struct arena *a,
                      struct mask_edit *e)
{
    struct buf b;
    struct span value = span_of(in->text.p + p->start, p->end - p->start);
    buf_init(&b, (size_t)value.n * 4 + 64);
    if (p->kind >= PII_COUNT)
        buf_str(&b, "***");
    else
        mask_field(p->kind, value, &b);
    e->start = p->start;
    e->end = p->end;
    e->shown = buf_error(&b) ? SPAN_NONE : arena_dup(a, buf_span(&b));
    buf_done(&b);
    return e->shown.p ? 0 : -ENOMEM;
}

int mask_plan(const struct mask_input *in, struct arena *a, struct mask_plan *ret)
{
    struct places l = {.arena = a};
    struct mask_plan plan = {.text = in->text};
    size_t out = 0, at = 0;
    int r = find_places(in, &l);
    struct mask_edit *edits = r == 0 ? arena_array(a, l.n, sizeof *edits) : NULL;
    if (!edits)
        return -ENOMEM;
    for (size_t i = 0; i < l.n; i++) {
        r = show_place(in, &l.p[i], a, &edits[i]);
        if (r < 0)
            return r;
        out += l.p[i].start - at;
        edits[i].out_start = (uint32_t)out;
        out += edits[i].shown.n;
        edits[i].out_end = (uint32_t)out;
        at = l.p[i].end;
    }
    plan.edits = edits;
    plan.n_edits = l.n;
    *ret = plan;
    return 0;
}

int mask_slice(const struct mask_plan *p, uint32_t start, uint32_t end, struct buf *out)
{
    uint32_t at = start;
    end = end < p->text.n ? end : (uint32_t)p->text.n;
    for (size_t i = 0; i < p->n_edits && p->edits[i].start < end; i++) {
        const struct mask_edit *e = &p->edits[i];
        if (e->end <= at)
            continue;
        if (e->start > at)
            buf_append(out, p->text.p + at, e->start - at);
        buf_add(out, e->shown);
        at = e->end;
    }
    if (at < end)
        buf_append(out, p->text.p + at, end - at);
    return buf_error(out);
}

uint32_t mask_offset(const struct mask_plan *p, uint32_t offset, bool is_end)
{
    int64_t shift = 0;
    for (size_t i = 0; i < p->n_edits && p->edits[i].start < offset; i++) {
        const struct mask_edit *e = &p->edits[i];
        if (offset < e->end)
            return is_end ? e->out_end : e->out_start;
        shift = (int64_t)e->out_end - e->end;
    }
    return (uint32_t)(offset + shift);
}

int mask_text(struct span text, uint16_t part, const struct pii_span *spans, size_t n,
              struct buf *out)
{
    struct mask_input in = {.text = text, .part = part, .spans = spans, .n_spans = n};
    struct mask_plan plan;
    struct arena a;
    arena_init(&a, 0);
    int r = mask_plan(&in, &a, &plan);
    if (r == 0)
        r = mask_slice(&plan, 0, (uint32_t)text.n, out);
    arena_done(&a);
    return r;
}
