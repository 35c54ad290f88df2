/* The cheap checks before personal data is looked for. Most texts have neither a digit nor an @ nor
 * a frame that names stand in, and most places of the others begin nothing. */
#include <uchar.h>

#include "base/err.h"
#include "base/utf8.h"
#include "nlp/pii.h"

#define SPOKEN 4 /* digit syllables in a row that make a text worth reading */

/* The first two syllables of what frames a name (pii_name.c), of 골뱅이, and of a mobile number. */
#define FRAMES(X, k)                                                                                                       \
    X(k, u'이', u'름')                                                                                                     \
    X(k, u'성', u'함') X(k, u'성', u'명') X(k, u'예', u'금') X(k, u'예', u'약') X(                                         \
        k, u'수', u'취') X(k, u'수', u'령') X(k, u'신', u'청') X(k, u'입', u'금')                                          \
        X(k, u'송', u'금') X(k, u'명', u'의') X(k, u'주', u'문') X(k, u'구', u'매') X(                                     \
            k, u'계', u'약') X(k, u'피', u'보') X(k, u'수', u'익') X(k, u'가', u'입') X(k, u'고',                          \
                                                                                        u'객')                             \
            X(k, u'받', u'는') X(k, u'받', u'으') X(k, u'받', u'을') X(k, u'보', u'내') X(                                 \
                k, u'보',                                                                                                  \
                u'낸') X(k, u'발', u'신')                                                                                  \
                X(k, u'발', u'송') X(k, u'회', u'원') X(k, u'탑', u'승') X(k, u'승', u'객') X(                             \
                    k, u'투',                                                                                              \
                    u'숙') X(k, u'여', u'행')                                                                              \
                    X(k, u'차', u'주') X(k, u'세', u'대') X(k, u'임', u'차') X(k, u'임', u'대') X(k, u'배', u'우') X(      \
                        k, u'대',                                                                                          \
                        u'리') X(k, u'위', u'임')                                                                          \
                        X(k, u'수', u'강') X(k, u'개', u'명') X(k, u'신', u'고') X(k, u'민', u'원') X(                     \
                            k, u'작',                                                                                      \
                            u'성') X(k, u'동', u'반')                                                                      \
                            X(k, u'보', u'험') X(k, u'자', u'녀') X(k, u'수', u'신') X(k, u'환', u'자') X(                 \
                                k, u'학',                                                                                  \
                                u'생') X(k, u'담', u'당')                                                                  \
                                X(k, u'사', u'용') X(k, u'방', u'문') X(k, u'참', u'석') X(k, u'응', u'시') X(             \
                                    k, u'지',                                                                              \
                                    u'원') X(k, u'접', u'수')                                                              \
                                    X(k, u'의', u'뢰') X(k, u'채', u'무') X(k, u'채', u'권') X(k, u'법', u'정') X(         \
                                        k, u'친',                                                                          \
                                        u'권') X(k, u'상', u'속')                                                          \
                                        X(k, u'피', u'상') X(k, u'수', u'급') X(k, u'가', u'족') X(k, u'근', u'로') X(     \
                                            k, u'소',                                                                      \
                                            u'유') X(k, u'보', u'증')                                                      \
                                            X(k, u'상', u'담') X(k, u'기', u'사') X(k, u'매', u'니') X(k, u'팀', u'장') X( \
                                                k, u'점',                                                                  \
                                                u'장') X(k, u'실', u'장')                                                  \
                                                X(k, u'본', u'인') X(k, u'남', u'편') X(k, u'아', u'들') X(                \
                                                    k, u'아',                                                              \
                                                    u'기') X(k, u'엄', u'마')                                              \
                                                    X(k, u'아', u'빠') X(k, u'직', u'원') X(k, u'사', u'장') X(            \
                                                        k, u'대',                                                          \
                                                        u'표') X(k, u'의', u'사')                                          \
                                                        X(k, u'간', u'호') X(k, u'설', u'계') X(k, u'교', u'수') X(        \
                                                            k, u'강',                                                      \
                                                            u'사') X(k, u'배', u'송')                                      \
                                                            X(k, u'언', u'니') X(k, u'누', u'나') X(k, u'친', u'구') X(    \
                                                                k, u'과',                                                  \
                                                                u'장') X(k, u'차', u'장')                                  \
                                                                X(k, u'주', u'임') X(k, u'코', u'치') X(                   \
                                                                    k, u'앞',                                              \
                                                                    u'으') X(k, u'올', u'림')                              \
                                                                    X(k, u'드', u'림') X(k, u'어', u'린') X(               \
                                                                        k, u'변',                                          \
                                                                        u'호') X(k, u'약', u'사')                          \
                                                                        X(k, u'이', u'라') X(k, u'이', u'에') X(           \
                                                                            k, u'이',                                      \
                                                                            u'예') X(k, u'이', u'구')                      \
                                                                            X(k, u'이', u'고') X(k, u'인', u'데') X(       \
                                                                                k, u'라',                                  \
                                                                                u'고') X(k, u'예', u'요')                  \
                                                                                X(k, u'에', u'요') X(k, u'이', u'요') X(   \
                                                                                    k, u'라',                              \
                                                                                    u'는') X(k, u'골', u'뱅')              \
                                                                                    X(k, u'운', u'전') X(                  \
                                                                                        k, u'입',                          \
                                                                                        u'니') X(k, u'선', u'생')          \
                                                                                        X(k, u'보', u'호') X(              \
                                                                                            k,                             \
                                                                                            u'어',                         \
                                                                                            u'머') X(k, u'아', u'버')      \
                                                                                            X(k, u'동', u'생') X(          \
                                                                                                k,                         \
                                                                                                u'아',                     \
                                                                                                u'내') X(k, u'아', u'이')  \
                                                                                                X(k, u'부', u'장') X(      \
                                                                                                    k,                     \
                                                                                                    u'원',                 \
                                                                                                    u'장')                 \
                                                                                                    X(k, u'임', u'다') X(  \
                                                                                                        k,                 \
                                                                                                        u'트',             \
                                                                                                        u'레')             \
                                                                                                        X(k,               \
                                                                                                          u'공',           \
                                                                                                          u'일')           \
                                                                                                            X(k,           \
                                                                                                              u'영',       \
                                                                                                              u'일')

/* The same as a set of bits: a row for the last six bits of the first syllable, which are also
 * those of the last byte of its UTF-8, a column for those of the second. */
#define IN_ROW(k, a, b) | (((a)&63) == (k) ? UINT64_C(1) << ((b)&63) : 0)
#define ROW(k) (UINT64_C(0) FRAMES(IN_ROW, k))
#define ROWS_OF_8(k)                                                                               \
    ROW(k), ROW(k + 1), ROW(k + 2), ROW(k + 3), ROW(k + 4), ROW(k + 5), ROW(k + 6), ROW(k + 7)
static const uint64_t rows[64] = {ROWS_OF_8(0),  ROWS_OF_8(8),  ROWS_OF_8(16), ROWS_OF_8(24),
                                  ROWS_OF_8(32), ROWS_OF_8(40), ROWS_OF_8(48), ROWS_OF_8(56)};

static inline bool is_head(uint32_t a, uint32_t b)
{
    return rows[a & 63] >> (b & 63) & 1;
}

bool pii_frame(size_t i, char ret[PII_FRAME_MAX])
{
#define AS_PAIR(k, a, b) {a, b},
    static const char16_t pairs[][2] = {FRAMES(AS_PAIR, 0)};
    static const char others[][PII_FRAME_MAX] = {
        "님",     "씨",    "앳",  "name", "mr",  "ms.", "dr.",  "this is", "spoke",
        "agent ", "gards", "i'm", "i am", ".co", ".kr", ".net", "thanks,", "sincerely"};
    if (i < ARRAY_LEN(pairs)) {
        size_t n = utf8_encode(pairs[i][0], ret);
        n += utf8_encode(pairs[i][1], ret + n);
        ret[n] = '\0';
        return true;
    }
    i -= ARRAY_LEN(pairs);
    if (i < ARRAY_LEN(others))
        memcpy(ret, others[i], PII_FRAME_MAX);
    return i < ARRAY_LEN(others);
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
    case 0xB77C: /* 라 합니다 */
        if (next == ' ')
            return true;
        break;
    default:
        break;
    }
    if (pii_is_hangul(next) && is_head(cp, next))
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

bool pii_worth_reading(struct span text)
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
        if (run >= SPOKEN || (hangul && is_head(last, third)) ||
            is_polite((p[i] & 15U) << 12 | (p[i + 1] & 63U) << 6 | third))
            return true;
        hangul = true;
        last = third;
        i += 3;
    }
    return false;
}
