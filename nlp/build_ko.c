#include "nlp/build.h"

/* Forms of a Korean predicate, by the rules of the orthography (한글 맞춤법, chapter 4). Only the
 * beginning that differs is made: every ending that leaves the stem alone follows the stem itself.
 */

enum {
    CODA_N = 4,
    CODA_D = 7,
    CODA_L = 8,
    CODA_M = 16,
    CODA_B = 17,
    CODA_S = 19,
    CODA_SS = 20,
    CODA_H = 27
};
enum {
    V_A = 0,
    V_AE = 1,
    V_YA = 2,
    V_EO = 4,
    V_E = 5,
    V_YEO = 6,
    V_O = 8,
    V_WA = 9,
    V_WAE = 10,
    V_OE = 11,
    V_U = 13,
    V_WO = 14,
    V_EU = 18,
    V_I = 20
};
enum { L_IEUNG = 11, L_HIEUH = 18 };

struct syllable {
    uint32_t lead, vowel, coda;
};

static bool split(uint32_t cp, struct syllable *s)
{
    if (cp < 0xAC00 || cp > 0xD7A3)
        return false;
    cp -= 0xAC00;
    *s = (struct syllable){cp / 588, cp / 28 % 21, cp % 28};
    return true;
}

static uint32_t join(uint32_t lead, uint32_t vowel, uint32_t coda)
{
    return 0xAC00 + (lead * 21 + vowel) * 28 + coda;
}

struct forms {
    struct build_form *at;
    const uint32_t *stem;
    size_t n_stem, n;
};

/* The stem with its last `cut` syllables replaced by up to two others (0: none). */
static void add(struct forms *f, size_t cut, uint32_t a, uint32_t b)
{
    if (f->n == BUILD_MAX_FORMS)
        return;
    struct build_form *form = &f->at[f->n++];
    form->n = f->n_stem - cut;
    memcpy(form->cp, f->stem, form->n * sizeof(*form->cp));
    if (a)
        form->cp[form->n++] = a;
    if (b)
        form->cp[form->n++] = b;
}

static bool is_bright(uint32_t vowel)
{
    return vowel == V_A || vowel == V_O || vowel == V_YA;
}

static bool listed(uint32_t cp, const uint32_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == cp)
            return true;
    return false;
}

/* Past and infinitive of a stem whose last syllable contracts: 오 -> 와, 왔. */
static void contract(struct forms *f, uint32_t lead, uint32_t vowel)
{
    add(f, 1, join(lead, vowel, 0), 0);
    add(f, 1, join(lead, vowel, CODA_SS), 0);
}

static void open_endings(struct forms *f, size_t cut, uint32_t lead, uint32_t vowel, bool with_l)
{
    static const uint32_t codas[] = {CODA_N, CODA_M, CODA_B, CODA_L};
    for (size_t i = 0; i < (with_l ? 4U : 3U); i++)
        add(f, cut, join(lead, vowel, codas[i]), 0);
}

static void vowel_stem(struct forms *f, struct syllable last, const struct syllable *before)
{
    bool bright = before && is_bright(before->vowel);
    open_endings(f, 1, last.lead, last.vowel, true);
    if (last.lead == L_HIEUH && last.vowel == V_A) {
        contract(f, last.lead, V_AE);
        return;
    }
    if (last.lead == 5 && last.vowel == V_EU && before) { /* 르: 빠르 -> 빨라 */
        uint32_t twice = join(before->lead, before->vowel, CODA_L);
        add(f, 2, twice, join(5, bright ? V_A : V_EO, 0));
        add(f, 2, twice, join(5, bright ? V_A : V_EO, CODA_SS));
        return;
    }
    switch (last.vowel) {
    case V_EU:
        contract(f, last.lead, bright ? V_A : V_EO);
        break;
    case V_O:
        contract(f, last.lead, V_WA);
        break;
    case V_U:
        contract(f, last.lead, V_WO);
        break;
    case V_I:
        contract(f, last.lead, V_YEO);
        break;
    case V_OE:
        contract(f, last.lead, V_WAE);
        break;
    default:
        contract(f, last.lead, last.vowel);
    }
}

static void b_stem(struct forms *f, struct syllable last)
{
    static const uint32_t regular[] = {0xC881 /* 좁 */, 0xC785 /* 입 */, 0xC7A1 /* 잡 */,
                                       0xC539 /* 씹 */, 0xBF51 /* 뽑 */, 0xC811 /* 접 */,
                                       0xC9D1 /* 집 */, 0xC5C5 /* 업 */, 0xAF3D /* 꼽 */};
    if (listed(join(last.lead, last.vowel, CODA_B), regular, 9))
        return;
    uint32_t open = join(last.lead, last.vowel, 0);
    static const uint32_t vowels[] = {V_U, V_WO};
    for (size_t i = 0; i < 2; i++)
        add(f, 1, open, join(L_IEUNG, vowels[i], 0));
    add(f, 1, open, join(L_IEUNG, V_WO, CODA_SS));
    static const uint32_t codas[] = {CODA_N, CODA_L, CODA_M};
    for (size_t i = 0; i < 3; i++)
        add(f, 1, open, join(L_IEUNG, V_U, codas[i]));
}

size_t build_forms(const uint32_t *stem, size_t n, struct build_form forms[BUILD_MAX_FORMS])
{
    static const uint32_t s_drops[] = {0xB0AB /* 낫 */, 0xC9D3 /* 짓 */, 0xBD93 /* 붓 */};
    static const uint32_t d_to_l[] = {0xB4E3 /* 듣 */, 0xB2EB /* 닫, of 깨닫 */, 0xC2E3 /* 싣 */};
    struct forms f = {.at = forms, .stem = stem, .n_stem = n};
    struct syllable last, before;
    add(&f, 0, 0, 0);
    if (n == 0 || !split(stem[n - 1], &last))
        return f.n;
    bool has_before = n > 1 && split(stem[n - 2], &before);
    uint32_t open = join(last.lead, last.vowel, 0);
    if (last.coda == 0) {
        vowel_stem(&f, last, has_before ? &before : NULL);
    } else if (last.coda == CODA_B) {
        b_stem(&f, last);
    } else if (last.coda == CODA_L) {            /* ㄹ falls out before ㄴ, ㅂ, ㅅ */
        add(&f, 1, open, join(2, V_EU, CODA_N)); /* 는 */
        add(&f, 1, open, join(2, V_E, 0));       /* 네 */
        open_endings(&f, 1, last.lead, last.vowel, false);
    } else if (last.coda == CODA_S && listed(stem[n - 1], s_drops, 3)) {
        add(&f, 1, open, 0);
    } else if (last.coda == CODA_D && n > 1 && listed(stem[n - 1], d_to_l, 3)) {
        add(&f, 1, join(last.lead, last.vowel, CODA_L), 0);
    } else if (last.coda == CODA_H && has_before) { /* 이렇 -> 이런, 이래 */
        open_endings(&f, 1, last.lead, last.vowel, true);
        contract(&f, last.lead, V_AE);
    }
    return f.n;
}
