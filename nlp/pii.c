#include "nlp/pii.h"

#include <errno.h>

#include "base/utf8.h"

#define MIN_DIGITS 8 /* of any number that is personal data */

static inline uint32_t fold(uint32_t cp)
{
    if (pii_is_hangul(cp))
        return cp;
    if (cp >= 0xFF01 && cp <= 0xFF5E)
        cp -= 0xFEE0;
    if (cp >= 'A' && cp <= 'Z')
        cp += 32;
    if ((cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212)
        return '-';
    return cp == 0xA0 || cp == 0x3000 || cp == '\t' ? ' ' : cp;
}

static int decode(struct nlp_scratch *s, struct span text)
{
    s->raw_cp.n = s->raw_at.n = 0;
    if (VEC_RESERVE(s->raw_cp, text.n + 2) < 0 || VEC_RESERVE(s->raw_at, text.n + 2) < 0)
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
        s->raw_at.at[n++] = (uint32_t)i;
        i += len ? len : 1;
    }
    s->raw_cp.at[n] = 0;
    s->raw_at.at[n] = (uint32_t)text.n;
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

/* Whether anything can begin at `i`: a cheap no to nearly all places. Syllables go by their last
 * eight bits: those that frame a name (pii_name.c) and 로 길 동 리 가 (pii_place.c). */
static inline bool may_begin(const struct pii_text *x, size_t i)
{
    static const bool low[256] = {
        [0x74] = true, /* 이 */[0x85] = true, /* 입 명 */[0x7C] = true, /* 라 */
        [0xE0] = true, /* 고 */[0x8C] = true, /* 회 */[0x58] = true,    /* 환 */
        [0x59] = true, /* 학 */[0x31] = true, /* 성 */[0x08] = true,    /* 예 */
        [0x18] = true, /* 수 */[0xE2] = true, /* 신 */[0xFC] = true,    /* 주 */
        [0x1B] = true, /* 받 */[0x5C] = true, /* 로 */[0x38] = true,    /* 길 */
        [0xD9] = true, /* 동 */[0xAC] = true, /* 리 */[0x00] = true,    /* 가 */
    };
    const uint32_t cp = x->cp[i];
    if (pii_is_hangul(cp))
        return low[cp & 255];
    if (pii_is_latin(cp))
        return pii_is_digit(x->cp[i + 1]);
    return pii_is_digit(cp) || cp == '@' || cp == '+';
}

int pii_find(struct nlp_scratch *s, struct span text, uint16_t part)
{
    int r = decode(s, text);
    struct pii_text raw = {s->raw_cp.at, s->raw_cp.n};
    size_t last = 0;
    for (size_t i = 0; r == 0 && i < raw.n;) {
        enum pii_kind kind;
        s->work++;
        if (!may_begin(&raw, i)) {
            i++;
            continue;
        }
        size_t start = i, end = pii_at(&raw, i, &start, &kind);
        if (end && start >= last)
            r = add(s, part, kind, start, end);
        last = end > last ? end : last;
        i = end > i ? end : i + 1; /* a name may lie before what frames it */
    }
    return r;
}

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

bool pii_before(const struct pii_text *x, size_t i, size_t reach, const char *const *words)
{
    size_t from = i > reach ? i - reach : 0;
    for (size_t k = i; k-- > from;) {
        if (!pii_is_hangul(x->cp[k]) && !pii_is_latin(x->cp[k]))
            continue; /* no such word begins so */
        for (const char *const *w = words; *w; w++)
            if (pii_word(x, k, *w))
                return true;
    }
    return false;
}

static bool is_join(uint32_t cp)
{
    return cp == '-' || cp == '.' || cp == ' ' || cp == ')';
}

/* Groups of digits from `i`, each joined to the last by one of "-. )", with ") " as well. */
static void read_number(const struct pii_text *x, size_t i, struct pii_number *n, size_t ends[])
{
    *n = (struct pii_number){.start = i};
    n->plus = x->cp[i] == '+';
    i += n->plus;
    while (n->n_groups < PII_MAX_GROUPS) {
        unsigned k = 0;
        while (i < x->n && pii_is_digit(x->cp[i]) && n->n_digits + k < sizeof(n->digits)) {
            n->digits[n->n_digits + k] = (char)x->cp[i];
            k++;
            i++;
        }
        if (k == 0 || (i < x->n && pii_is_digit(x->cp[i])))
            return;
        n->group[n->n_groups] = (uint8_t)k;
        n->n_digits += k;
        ends[n->n_groups++] = i;
        n->end = i;
        if (i + 1 >= x->n || !is_join(x->cp[i]))
            return;
        i += x->cp[i + 1] == ' ' && x->cp[i] != ' ' ? 2 : 1;
    }
}

/* The longest run of groups at `i` that is something; only spaces may part it from what follows. */
static size_t number_at(const struct pii_text *x, size_t i, enum pii_kind *ret_kind)
{
    struct pii_number n;
    size_t ends[PII_MAX_GROUPS];
    if (i > 0 && (pii_is_digit(x->cp[i - 1]) || pii_is_latin(x->cp[i - 1])))
        return 0;
    if (i > 1 && (x->cp[i - 1] == '-' || x->cp[i - 1] == '.') && pii_is_digit(x->cp[i - 2]))
        return 0;
    read_number(x, i, &n, ends);
    while (n.n_groups > 0) {
        uint32_t next = x->cp[n.end];
        bool open =
            pii_is_digit(next) || pii_is_latin(next) ||
            ((next == '-' || next == '.') && n.end + 1 < x->n && pii_is_digit(x->cp[n.end + 1]));
        n.spaced = false;
        if (n.n_digits < MIN_DIGITS)
            return 0;
        for (unsigned k = 0; k + 1 < n.n_groups; k++)
            n.spaced |= x->cp[ends[k]] == ' ';
        if (!open && pii_number_kind(x, &n, ret_kind))
            return n.end;
        n.n_groups--;
        n.n_digits -= n.group[n.n_groups];
        n.end = n.n_groups ? ends[n.n_groups - 1] : 0;
    }
    return 0;
}

size_t pii_at(const struct pii_text *x, size_t i, size_t *ret_start, enum pii_kind *ret_kind)
{
    uint32_t cp = x->cp[i];
    size_t end = 0;
    if (pii_is_digit(cp) || (cp == '+' && i + 1 < x->n && pii_is_digit(x->cp[i + 1]))) {
        end = number_at(x, i, ret_kind);
        if (end)
            return end;
        *ret_kind = PII_VEHICLE;
        end = pii_vehicle(x, i);
        if (end)
            return end;
    }
    if (cp == '@') {
        *ret_kind = PII_EMAIL;
        return pii_email(x, i, ret_start);
    }
    if (pii_is_latin(cp)) {
        *ret_kind = PII_PASSPORT;
        return pii_passport(x, i);
    }
    *ret_kind = PII_ADDRESS;
    end = pii_address(x, i, ret_start);
    if (end)
        return end;
    *ret_kind = PII_NAME;
    return pii_name(x, i, ret_start);
}
