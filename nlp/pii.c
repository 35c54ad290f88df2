#include "nlp/pii.h"

#include <errno.h>

#include "base/utf8.h"

#define TAIL 4 /* zeros after a text, so that readers may look ahead without asking */

/* What is typed for a dash, a dot, a space; 0 for what is not seen. */
static uint32_t fold_rare(uint32_t cp)
{
    switch (cp) {
    case 0x2212: /* minus */
    case 0x3161: /* the vowel eu, typed for a dash */
    case 0x30FC: /* the long vowel of kana */
    case 0xFE63:
    case 0x2043:
        return '-';
    case 0xB7: /* middle dots */
    case 0x30FB:
    case 0x2022:
    case 0x2024:
        return '.';
    case 0x301C:
    case 0x223C:
        return '~';
    case 0xA0:
    case 0x2009:
    case 0x202F:
    case 0x3000:
        return ' ';
    case 0xAD:
    case 0x200B:
    case 0x200C:
    case 0x200D:
    case 0x2060:
    case 0xFEFF:
        return 0;
    default:
        return cp >= 0x2010 && cp <= 0x2015 ? '-' : cp;
    }
}

static inline uint32_t fold(uint32_t cp)
{
    if (pii_is_hangul(cp))
        return cp;
    if (cp >= 0xFF01 && cp <= 0xFF5E)
        cp -= 0xFEE0;
    if (cp >= 'A' && cp <= 'Z')
        return cp + 32;
    if (cp < 0x80)
        return cp == '\t' ? ' ' : cp ? cp : ' ';
    return fold_rare(cp);
}

static int decode(struct nlp_scratch *s, struct span text)
{
    s->raw_cp.n = s->raw_at.n = 0;
    if (VEC_RESERVE(s->raw_cp, text.n + TAIL) < 0 || VEC_RESERVE(s->raw_at, text.n + TAIL) < 0)
        return -ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        const unsigned char *p = (const unsigned char *)text.p + i;
        uint32_t cp = p[0];
        unsigned len = 1;
        if (cp >= 0xEA && cp <= 0xEC && text.n - i > 2 && (p[1] & 0xC0) == 0x80 &&
            (p[2] & 0xC0) == 0x80) {
            cp = (cp & 0x0F) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
            len = 3;
        } else if (cp >= 0x80) {
            len = utf8_decode(text.p + i, text.n - i, &cp);
        }
        s->raw_cp.at[n] = fold(len ? cp : 0xFFFD);
        s->raw_at.at[n] = (uint32_t)i;
        n += s->raw_cp.at[n] != 0;
        i += len ? len : 1;
    }
    for (size_t k = 0; k < TAIL; k++) {
        s->raw_cp.at[n + k] = 0;
        s->raw_at.at[n + k] = (uint32_t)text.n;
    }
    s->raw_cp.n = s->raw_at.n = n;
    return 0;
}

static int add(struct nlp_scratch *s, uint16_t part, enum pii_kind kind, size_t start, size_t end)
{
    if (s->pii.n == NLP_MAX_PII)
        return 0;
    if (VEC_RESERVE(s->pii, 1) < 0)
        return -ENOMEM;
    s->pii.at[s->pii.n++] = (struct pii_span){.part = part,
                                              .kind = (uint8_t)kind,
                                              .start = s->raw_at.at[start],
                                              .end = s->raw_at.at[end]};
    return 0;
}

/* The state of one text's reading. Spans are ascending and apart. */
struct finding {
    struct nlp_scratch *s;
    struct pii_text x;
    uint16_t part;
    size_t last; /* where the last span ends */
};

static int add_after_last(struct finding *f, enum pii_kind kind, size_t start, size_t end)
{
    start = start > f->last ? start : f->last;
    if (start >= end)
        return 0;
    f->last = end;
    return add(f->s, f->part, kind, start, end);
}

/* A span, and the names that stand beside it: 홍길동 010-…, 받는분 홍길동, 김서연. */
static int add_found(struct finding *f, enum pii_kind kind, size_t start, size_t end)
{
    size_t from, to;
    int r = 0;
    bool value = kind != PII_NAME && kind != PII_VEHICLE;
    if (value && pii_name_before(&f->x, start, &from, &to))
        r = add_after_last(f, PII_NAME, from, to);
    if (r == 0)
        r = add_after_last(f, kind, start, end);
    bool more = kind == PII_NAME || value;
    for (unsigned k = 0; r == 0 && more && k < 8; k++) {
        more = pii_name_after(&f->x, f->last, kind == PII_NAME || k > 0, &from, &to);
        if (more)
            r = add_after_last(f, PII_NAME, from, to);
    }
    return r;
}

int pii_find(struct nlp_scratch *s, struct span text, uint16_t part)
{
    int r = decode(s, text);
    struct finding f = {
        .s = s, .x = {s->raw_cp.at, s->raw_cp.n, s->raw_at.at, text.p, &s->gate}, .part = part};
    for (size_t i = 0; r == 0 && i < f.x.n;) {
        enum pii_kind kind;
        s->work++;
        if (!pii_may_begin(&f.x, i)) {
            i++;
            continue;
        }
        size_t start = i, end = pii_at(&f.x, i, &start, &kind);
        if (end)
            r = add_found(&f, kind, start, end);
        end = f.last > end ? f.last : end;
        i = end > i ? end : i + 1; /* a name may lie before what frames it */
    }
    return r;
}

/* --- words near a place --- */

size_t pii_word(const struct pii_text *x, size_t i, const char *word)
{
    size_t n = 0;
    for (const char *p = word; *p; n++) {
        uint32_t cp = (unsigned char)*p;
        unsigned len = cp < 0x80 ? 1 : utf8_decode(p, 4, &cp);
        if (i + n >= x->n || x->cp[i + n] != cp)
            return 0;
        p += len;
    }
    return n;
}

size_t pii_one_of(const struct pii_text *x, size_t i, const char *const *words)
{
    char first[4];
    const unsigned len = i < x->n ? utf8_encode(x->cp[i], first) : 0;
    size_t n = 0;
    if (len != 1 && len != 3)
        return 0;
    for (const char *w = *words; w && !n; w = *++words)
        if (w[0] == first[0] && (len == 1 || (w[1] == first[1] && w[2] == first[2])))
            n = pii_word(x, i, w);
    return n;
}

static bool is_within(const struct pii_text *x, size_t from, size_t to, const char *const *words)
{
    for (size_t k = from; k < to && k < x->n; k++)
        if (pii_is_letter(x->cp[k]) && pii_one_of(x, k, words)) /* no other begins a word */
            return true;
    return false;
}

bool pii_before(const struct pii_text *x, size_t i, size_t reach, const char *const *words)
{
    return is_within(x, i > reach ? i - reach : 0, i, words);
}

bool pii_after(const struct pii_text *x, size_t i, size_t reach, const char *const *words)
{
    return is_within(x, i, i + reach, words);
}

size_t pii_digits(const struct pii_text *x, size_t i, size_t most)
{
    size_t n = 0;
    while (n <= most && pii_is_digit(x->cp[i + n]))
        n++;
    return n > most ? 0 : n;
}

/* --- one place --- */

static size_t at_digit(const struct pii_text *x, size_t i, size_t *ret_start,
                       enum pii_kind *ret_kind)
{
    size_t end = pii_number(x, i, ret_kind, ret_start);
    if (end == 0)
        end = pii_spoken(x, i, ret_kind);
    if (end)
        return end;
    *ret_kind = PII_VEHICLE;
    end = pii_vehicle(x, i, ret_start);
    if (end)
        return end;
    *ret_kind = PII_ADDRESS;
    return pii_address(x, i, ret_start);
}

static size_t at_latin(const struct pii_text *x, size_t i, size_t *ret_start,
                       enum pii_kind *ret_kind)
{
    size_t end = x->cp[i] == 'o' || x->cp[i] == 'l' ? pii_spoken(x, i, ret_kind) : 0;
    if (end)
        return end;
    *ret_kind = PII_PASSPORT;
    end = pii_passport(x, i);
    if (end)
        return end;
    *ret_kind = PII_EMAIL;
    end = x->cp[i] == 'a' ? pii_spelt_email(x, i, ret_start) : 0;
    if (end)
        return end;
    *ret_kind = PII_NAME;
    return pii_latin_name(x, i, ret_start);
}

size_t pii_at(const struct pii_text *x, size_t i, size_t *ret_start, enum pii_kind *ret_kind)
{
    uint32_t cp = x->cp[i];
    if (pii_is_digit(cp) || cp == '+')
        return at_digit(x, i, ret_start, ret_kind);
    if (pii_is_latin(cp))
        return at_latin(x, i, ret_start, ret_kind);
    *ret_kind = PII_EMAIL;
    if (cp == '@')
        return pii_email(x, i, ret_start);
    size_t end =
        cp == 0xACE8 /* 골 */ || cp == 0xC573 /* 앳 */ ? pii_spelt_email(x, i, ret_start) : 0;
    if (end == 0 && pii_is_digit_syllable(cp))
        end = pii_spoken(x, i, ret_kind);
    if (end)
        return end;
    *ret_kind = PII_ADDRESS;
    end = pii_address(x, i, ret_start);
    if (end)
        return end;
    *ret_kind = PII_NAME;
    return pii_name(x, i, ret_start);
}
