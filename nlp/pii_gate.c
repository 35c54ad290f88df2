/* The cheap checks before personal data is looked for. Most texts have neither a digit nor an @ nor
 * a frame that names stand in, and most places of the others begin nothing. */
#include <uchar.h>

#include "base/utf8.h"
#include "nlp/pii.h"

#define SPOKEN 4 /* digit syllables in a row that make a text worth reading */

/* Rows by the last six bits of the first syllable of a frame, which are also those of the last byte
 * of its UTF-8; columns by those of what follows. The same by the six bits before them. */
void pii_gate_init(struct pii_gate *g)
{
    const char *frame;
    *g = (struct pii_gate){.rows = {0}};
    for (size_t i = 0; (frame = pii_frame(i)); i++) {
        uint32_t a, b = 0;
        const unsigned n = utf8_decode(frame, strlen(frame), &a);
        if (pii_is_hangul(a) && utf8_decode(frame + n, strlen(frame + n), &b)) {
            g->rows[a & 63] |= UINT64_C(1) << (b & 63);
            g->upper[a >> 6 & 63] |= UINT64_C(1) << (b >> 6 & 63);
        }
    }
}

static inline bool is_head(const struct pii_gate *g, uint32_t a, uint32_t b)
{
    return g->rows[a & 63] >> (b & 63) & 1;
}

/* 님 and 씨, with or without something after. */
static inline bool is_polite(uint32_t cp)
{
    return cp == 0xB2D8 || cp == 0xC528;
}

static bool hangul_may_begin(const struct pii_text *x, size_t i)
{
    const uint32_t cp = x->cp[i], next = x->cp[i + 1];
    switch (cp) {
    case 0xB85C: /* 로 길 동 리 가: of an address when a number follows */
    case 0xAE38:
    case 0xB3D9:
    case 0xB9AC:
    case 0xAC00:
        if (pii_is_digit(next) ||
            (next == ' ' && (pii_is_digit(x->cp[i + 2]) || x->cp[i + 2] == 0xC0B0 /* 산 */)))
            return true;
        break;
    case 0xB2D8: /* 님 */
    case 0xC528: /* 씨 */
    case 0xC573: /* 앳 */
    case 0xB538: /* 딸 */
        return true;
    default:
        break;
    }
    if (is_head(x->gate, cp, next) && x->gate->upper[cp >> 6 & 63] >> (next >> 6 & 63) & 1)
        return true;
    return pii_is_digit_syllable(cp) && (pii_is_digit(next) || pii_is_digit_syllable(next));
}

/* m(y name), mr, name, this, spoke, regards, agent, at …, or a letter before digits. */
static bool latin_may_begin(const struct pii_text *x, size_t i)
{
    const uint32_t next = x->cp[i + 1];
    if (pii_is_digit(next) || ((next == ' ' || next == '-' || pii_is_latin(next)) &&
                               pii_is_digit(x->cp[i + 2]))) /* a letter or two before digits */
        return true;
    if (i > 0 && pii_is_latin(x->cp[i - 1]))
        return false;
    switch (x->cp[i]) {
    case 'a':
        return next == 't' || next == 'g';
    case 'd':
        return next == 'r';
    case 'i':
        return next == '\'' || next == ' ';
    case 'm':
        return next == 'r' || next == 's';
    case 'n':
        return next == 'a';
    case 'r':
    case 'g':
        return next == 'e';
    case 's':
        return next == 'p' || next == 'i';
    case 't':
        return next == 'h';
    default:
        return false;
    }
}

bool pii_may_begin(const struct pii_text *x, size_t i)
{
    const uint32_t cp = x->cp[i];
    if (pii_is_hangul(cp))
        return hangul_may_begin(x, i);
    if (pii_is_latin(cp))
        return latin_may_begin(x, i);
    return pii_is_digit(cp) || cp == '@' || (cp == '+' && x->cp[i + 1] != ' ') || cp == 0x3147;
}

/* --- bytes --- */

static bool has_prefix(const char *p, size_t n, const char *word)
{
    size_t len = strlen(word);
    return n >= len && memcmp(p, word, len) == 0;
}

/* English that frames a name, and a domain. */
static bool ascii_is_worth(const char *p, size_t n, bool first)
{
    switch (*p) {
    case '@':
        return true;
    case '.':
        return n > 2 && !first && pii_is_latin((unsigned char)p[-1] | 32) &&
               pii_is_latin((unsigned char)p[1]);
    case 'n':
    case 'N':
        return has_prefix(p + 1, n - 1, "ame");
    case 'M':
        return n > 2 && (p[1] == 'r' || p[1] == 's');
    case 'D':
        return n > 2 && p[1] == 'r';
    case 'T':
    case 't':
        return has_prefix(p + 1, n - 1, "his is ") || has_prefix(p + 1, n - 1, "hanks,");
    case 's':
        return has_prefix(p + 1, n - 1, "poke ");
    case 'a':
        return has_prefix(p + 1, n - 1, "gent ");
    case 'I':
        return has_prefix(p + 1, n - 1, "'m ") || has_prefix(p + 1, n - 1, " am ");
    case 'e':
        return has_prefix(p + 1, n - 1, "gards,");
    default:
        return pii_is_digit((unsigned char)*p);
    }
}

bool pii_worth_reading(const struct pii_gate *g, struct span text)
{
    static const bool digit[64] = {
        [u'공' & 63] = true, [u'영' & 63] = true, [u'일' & 63] = true,
        [u'이' & 63] = true, [u'사' & 63] = true, [u'오' & 63] = true,
        [u'육' & 63] = true, [u'칠' & 63] = true, [u'팔' & 63] = true}; /* 삼 as 일, 구 as 사 */
    const unsigned char *p = (const unsigned char *)text.p;
    unsigned run = 0, last = 0;
    bool hangul = false; /* of the one before, whose last byte is `last` */
    for (size_t i = 0; i < text.n;) {
        if (p[i] < 0xE0) {
            if (p[i] < 0x80 && ascii_is_worth(text.p + i, text.n - i, i == 0))
                return true;
            run = p[i] == ' ' ? run : 0;
            hangul = false;
            i++;
            continue;
        }
        if (p[i] == 0xEF || i + 3 > text.n) /* a full-width digit begins so */
            return true;
        const unsigned third = p[i + 2] & 63;
        run = digit[third] ? run + 1 : 0;
        if (run >= SPOKEN || (hangul && is_head(g, last, third)) ||
            is_polite((p[i] & 15U) << 12 | (p[i + 1] & 63U) << 6 | third))
            return true;
        hangul = true;
        last = third;
        i += 3;
    }
    return false;
}
