/* Names people give of themselves or of others: 남궁민수 고객입니다, 홍길동이라고 합니다, 이름은
 * 홍길동. A name is a surname and a given name of the syllables that names are made of, a word of
 * its own, and in a frame that says it is a name; no frame, no name. */
#include "base/err.h"
#include "base/utf8.h"
#include "nlp/pii.h"

#define MAX_NAME 4  /* two syllables of surname, two given */
#define CUE_REACH 4 /* particles, colons and spaces between 이름 and the name */

static const char surnames[] =
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성"
    "차주우구민류나진엄채원천방공현함변염여추도소석선설마길연위표명기반왕"
    "금옥육인맹제모탁국어은편용";
/* The first so many bytes of them are those whose words are seldom anything else. */
#define COMMON_SURNAMES (44 * 3)
static const char *const long_surnames[] = {"남궁", "황보", "제갈", "선우",
                                            "독고", "사공", "서문", NULL};
static const char given_first[] =
    "가강건경광규근기길나남다대덕도동두라래리만명무문미민범병보복봉빈상새"
    "서석선설성세소솔수숙순슬승시아애연영예옥완용우운원유윤은의이익인일재"
    "정제종주준지진찬창채철춘충치태하한해현형혜호홍화환효후휘희";
static const char given_last[] =
    "경교국권규균근기길나남늘덕도동라란람랑래련령례록린림만명묵미민범별병복"
    "봉빈빛상서석선섭성솔수숙순슬식아애연열엽영예옥완용우욱운웅원유윤율은"
    "이익인일자재정제종주준지진찬창채철춘태택필하학해혁현형혜호화환후훈휘희";

/* Words of that shape that are no names. */
static const char *const no_names[] = {
    "이미지", "정수기", "전화기", "공유기", "이용자", "주문자", "주소지", "임대인",
    "이주민", "양도인", "양수인", "장애인", "민원인", "고유의", "정기권", "주인공",
    "신용도", "정상인", "주유소", "우선순", "유지태", "이하동", "성수기", "비수기",
    "전문의", "정리해", "주의해", "이정도", "한정수", "강도현", "유명인", "전성기",
    "조선인", "외국인", "하나만", "우정도", "주연인", "하도록", "이해도", NULL};

static bool is_among(uint32_t cp, const char *list, size_t n)
{
    if (!pii_is_hangul(cp))
        return false;
    char utf8[4];
    utf8_encode(cp, utf8);
    for (size_t i = 0; i + 3 <= n; i += 3)
        if (memcmp(list + i, utf8, 3) == 0)
            return true;
    return false;
}

static bool is_listed(const struct pii_text *x, size_t i, const char *const *words)
{
    for (; *words; words++)
        if (pii_word(x, i, *words))
            return true;
    return false;
}

/* Whether [a, b) is a name. `sure`: the frame leaves little else it could be. */
static bool is_name(const struct pii_text *x, size_t a, size_t b, bool sure)
{
    const size_t n = b - a;
    bool two = n >= 3 && is_listed(x, a, long_surnames);
    if (!two && !is_among(x->cp[a], surnames, sure ? sizeof(surnames) - 1 : COMMON_SURNAMES))
        return false;
    if (n < 3 || n > (two ? MAX_NAME : 3U) || is_listed(x, a, no_names))
        return false;
    if (two && n == 3)
        return is_among(x->cp[a + 2], given_last, sizeof(given_last) - 1);
    return is_among(x->cp[b - 2], given_first, sizeof(given_first) - 1) &&
           is_among(x->cp[b - 1], given_last, sizeof(given_last) - 1);
}

/* The start of the word of at most MAX_NAME syllables that ends before `end`; `end` for none. */
static size_t name_start(const struct pii_text *x, size_t end)
{
    size_t i = end;
    while (i > 0 && end - i <= MAX_NAME && pii_is_hangul(x->cp[i - 1]))
        i--;
    bool whole = i == 0 || (!pii_is_digit(x->cp[i - 1]) && !pii_is_latin(x->cp[i - 1]));
    return whole && end - i <= MAX_NAME ? i : end;
}

static const char *const selves[] = {"저는",     "제가",       "나는", "안녕하세요", "안녕하십니까",
                                     "여보세요", "수고하세요", "본인", NULL};
static const char *const customers[] = {"고객", "회원입", "회원인", "환자", "학생입", NULL};
static const char *const copulas[] = {"입니다",  "이라고 합", "이라고 해", "이라고 하는",
                                      "라고 합", "라고 해요", "라고 하는", NULL};
static const char *const cues[] = {
    "이름",   "성함", "성명",   "예금주", "예약자",  "수취인",    "신청인",    "입금자",
    "명의자", "명의", "주문자", "수령인", "받는 분", "받는 사람", "받으실 분", NULL};
static const char *const after_cue[] = {"명은", "명", "은", "는", "이", "가", "을", "를", NULL};
static const char *const after_name[] = {"입니다", "이에요", "예요", "이고", "인데",
                                         "이며",   "이라고", "라고", "으로", "로 ",
                                         "씨",     "님",     "이요", "요",   NULL};

/* Whether a sentence begins at `i`, or the speaker names himself just before it. */
static bool opens(const struct pii_text *x, size_t i)
{
    while (i > 0 && (x->cp[i - 1] == ' ' || x->cp[i - 1] == ','))
        i--;
    if (i == 0)
        return true;
    uint32_t cp = x->cp[i - 1];
    return cp == '.' || cp == '!' || cp == '\n' || pii_before(x, i, 6, selves);
}

/* 홍길동입니다 and 홍길동 고객입니다: `i` is where the frame begins. */
static size_t framed(const struct pii_text *x, size_t i, size_t *ret_start)
{
    bool customer = is_listed(x, i, customers);
    if (i == 0 || (!customer && !is_listed(x, i, copulas)))
        return 0;
    size_t end = customer && x->cp[i - 1] == ' ' ? i - 1 : i;
    size_t start = name_start(x, end);
    if (start == end || !is_name(x, start, end, false) || (!customer && !opens(x, start)))
        return 0;
    *ret_start = start;
    return end;
}

/* 이름은 홍길동: `i` is where the cue begins. */
static size_t cued(const struct pii_text *x, size_t i, size_t *ret_start)
{
    size_t at = i, n = 0;
    for (const char *const *w = cues; *w && !n; w++)
        n = pii_word(x, i, *w);
    if (!n)
        return 0;
    at += n;
    n = 0;
    for (const char *const *w = after_cue; *w && !n; w++)
        n = pii_word(x, at, *w);
    at += n;
    bool sure = n > 0 || x->cp[at] == ':';
    size_t gap = at;
    while (at < x->n && at < gap + CUE_REACH && (x->cp[at] == ' ' || x->cp[at] == ':'))
        at++;
    if (at == gap)
        return 0;
    for (size_t end = at + MAX_NAME; end >= at + 3; end--) {
        if (end > x->n || !is_name(x, at, end, sure))
            continue;
        if (pii_is_hangul(x->cp[end]) && !is_listed(x, end, after_name))
            continue;
        *ret_start = at;
        return end;
    }
    return 0;
}

/* The first two syllables of what frames a name. */
static const char heads[][7] = {"이름", "입니", "이라", "라고", "고객", "회원", "환자",
                                "학생", "성함", "성명", "예금", "예약", "수취", "수령",
                                "신청", "입금", "명의", "주문", "받는", "받으"};

/* Whether the last bytes of two syllables could be those of a head: no to nearly all. */
static inline bool may_be_head(unsigned char a, unsigned char b)
{
    static const bool first[256] = {
        [0x85] = true, [0x88] = true, [0x8C] = true, [0x98] = true, [0x99] = true,
        [0x9B] = true, [0xA0] = true, [0xB1] = true, [0xB4] = true, [0xBC] = true};
    static const bool second[256] = {
        [0x84] = true, [0x85] = true, [0x88] = true, [0x90] = true, [0x94] = true,
        [0x98] = true, [0x9D] = true, [0xA0] = true, [0xA8] = true, [0xAD] = true,
        [0xB8] = true, [0xB9] = true, [0xBC] = true, [0xBD] = true};
    return first[a] && second[b];
}

static bool is_head(const char *p)
{
    for (size_t k = 0; k < ARRAY_LEN(heads); k++)
        if (memcmp(p, heads[k], 6) == 0)
            return true;
    return false;
}

size_t pii_name(const struct pii_text *x, size_t i, size_t *ret_start)
{
    char utf8[8];
    const uint32_t a = x->cp[i], b = x->cp[i + 1];
    if (!may_be_head(0x80 | (a & 63), 0x80 | (b & 63)) || !pii_is_hangul(a) || !pii_is_hangul(b))
        return 0;
    utf8_encode(a, utf8);
    utf8_encode(b, utf8 + 3);
    if (!is_head(utf8))
        return 0;
    size_t end = framed(x, i, ret_start);
    return end ? end : cued(x, i, ret_start);
}

const char *pii_frame(size_t i)
{
    return i < ARRAY_LEN(heads) ? heads[i] : NULL;
}

bool pii_worth_reading(struct span text)
{
    const unsigned char *p = (const unsigned char *)text.p;
    for (size_t i = 0; i < text.n; i++) {
        if (p[i] < 0x80) {
            if (pii_is_digit(p[i]) || p[i] == '@')
                return true;
            continue;
        }
        if (p[i] == 0xEF) /* a full-width digit begins so */
            return true;
        if (i + 6 > text.n)
            continue;
        if (may_be_head(p[i + 2], p[i + 5]) && is_head(text.p + i))
            return true;
        if (p[i] >= 0xE0 && (p[i + 1] & 0xC0) == 0x80 && (p[i + 2] & 0xC0) == 0x80)
            i += 2; /* no head begins inside a code point */
    }
    return false;
}
