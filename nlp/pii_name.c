/* Names of people: after a label (예금주 홍길동), before what is said to a person (홍길동 고객님,
 * 홍길동입니다), beside a number of his, and in English (my name is …). No frame, no name. */
#include "base/err.h"
#include "nlp/pii.h"

#define MAX_LATIN 15 /* letters of one word of a name */

/* --- labels --- */

/* Labels of forms: what follows without a particle is a name. */
static const char *const labels[] = {
    "이름",      "성함",      "성명",      "예금주",    "예약자",    "수취인",      "수령인",
    "수령자",    "신청인",    "신청자",    "입금자",    "입금인",    "송금인",      "송금자",
    "명의자",    "명의",      "주문자",    "주문인",    "구매자",    "계약자",      "피보험자",
    "수익자",    "가입자",    "고객명",    "받는 분",   "받는분",    "받는 사람",   "받는사람",
    "받는 이",   "받으실 분", "받을 사람", "보내는 분", "보내는분",  "보내는 사람", "보내는사람",
    "보낸 사람", "발신인",    "발송인",    "회원명",    "탑승자",    "탑승객",      "승객",
    "투숙객",    "여행자",    "차주",      "운전자",    "세대주",    "임차인",      "임대인",
    "배우자",    "대리인",    "위임인",    "위임자",    "수강생",    "개명",        "신고자",
    "민원인",    "작성자",    "동반자",    "보험자",    "자녀",      "수신인",      "수신자",
    "환자명",    "학생명",    "담당자명",  "사용자명",  "방문자",    "참석자",      "응시자",
    "지원자",    "접수자",    "의뢰인",    "의뢰자",    "채무자",    "채권자",      "법정대리인",
    "친권자",    "상속인",    "피상속인",  "수급자",    "가족 대표", "사용인",      "근로자",
    "소유자",    "보증인",    NULL};
/* Words for people: what follows is a name when it looks like one. */
static const char *const roles[] = {
    "상담원", "상담사", "기사님", "기사", "담당자", "매니저", "팀장", "점장", "실장",
    "원장",   "환자",   "보호자", "본인", "남편",   "아내",   "아들", "딸",   "어머니",
    "아버지", "직원",   "선생님", "고객", "회원",   "학생",   "사장", "대표", "의사",
    "간호사", "설계사", "교수",   "강사", "배송원", NULL};
static const char *const selves[] = {"저는",         "제가",     "나는",         "안녕하세요",
                                     "안녕하십니까", "여보세요", "수고하세요",   "본인",
                                     "저 ",          "전 ",      "수고하십니다", NULL};
static const char *const persons[] = {
    "고객", "회원", "환자", "학생",   "상담", "기사", "매니",   "팀장", "과장", "대리",
    "선생", "원장", "점장", "실장",   "담당", "간호", "교수",   "사장", "부장", "설계",
    "강사", "코치", "본인", "앞으로", "어린", "트레", "변호사", "약사", NULL};
static const char *const farewells[] = {"올림", "드림", "배상", NULL};
static const char *const copulas[] = {"입니다",  "이라고 합", "이라고 해", "이라고 하", "이라 합",
                                      "이라 하", "이에요",    "이예요",    "이구요",    "이고요",
                                      "인데요",  "인데 ",     "라고 합",   "라고 해",   "라고 하",
                                      "예요",    "에요",      "라 합니다", "라 하",     "이요",
                                      "임다",    "입니당",    "이라는",    "라는 사",   NULL};

const char *pii_frame(size_t i)
{
    static const char *const others[] = {"님",     "씨",    "앳",   "골뱅", "공일",    "영일",
                                         "name",   "mr",    "ms.",  "dr.",  "this is", "spoke",
                                         "agent ", "gards", "i'm",  "i am", "thanks,", "sincerely",
                                         ".co",    ".kr",   ".net", NULL};
    static const char *const *const lists[] = {labels, roles, persons, copulas, farewells, others};
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        for (const char *const *word = lists[k]; *word; word++)
            if (i-- == 0)
                return *word;
    return NULL;
}

/* Whether a sentence begins at `i`, or the speaker names himself just before it. */
static bool opens(const struct pii_text *x, size_t i)
{
    while (i > 0 && (x->cp[i - 1] == ' ' || x->cp[i - 1] == ','))
        i--;
    if (i == 0)
        return true;
    uint32_t cp = x->cp[i - 1];
    return cp == '.' || cp == '!' || cp == '\n' || pii_before(x, i, 6, selves) ||
           (i > 1 && x->cp[i - 1] == 0xC800 /* 저 */ && x->cp[i - 2] == ' ') ||
           (i == 1 && (x->cp[0] == 0xC800 || x->cp[0] == 0xC804));
}

/* 홍길동입니다, 홍길동 고객, 홍길동 님: `i` is where the frame begins. */
static size_t framed(const struct pii_text *x, size_t i, size_t *ret_start)
{
    const bool polite = x->cp[i] == 0xB2D8 /* 님 */ || x->cp[i] == 0xC528 /* 씨 */;
    if (i < 3)
        return 0;
    if (polite && pii_is_letter(x->cp[i + 1]) && x->cp[i - 1] == ' ' &&
        !pii_after(x, i + 1, 1,
                   (const char *const[]){"이", "께", "은", "의", "을", "도", "가", "는", "에", "한",
                                         "과", "와", "으", "을", "입", NULL}))
        return 0;
    bool person = polite || pii_one_of(x, i, persons) ||
                  (pii_one_of(x, i, farewells) && !pii_is_letter(x->cp[i + 2]));
    if (!person && !pii_one_of(x, i, copulas))
        return 0;
    if (polite && x->cp[i - 1] == 0xC544 /* 아: 장난 아님 */)
        return 0;
    size_t end = person && x->cp[i - 1] == ' ' ? i - 1 : i;
    bool quoted = x->cp[i] == 0xB77C /* 라고 */, said = polite || (!person && !quoted);
    size_t start = pii_person_before(x, end, polite ? PII_SURE : PII_LIKELY, said);
    if (start == end || (!person && !opens(x, start)))
        return 0;
    if (!person && x->cp[end - 1] == 0xC774 /* 이: 고양이에요 */)
        return 0;
    *ret_start = start;
    return end;
}

/* --- Latin letters --- */

static bool is_capital(const struct pii_text *x, size_t i)
{
    char c = x->original[x->at[i]];
    return c >= 'A' && c <= 'Z';
}

/* Words with a capital, parted by a space, dash or slash: the end of up to three; 0 for fewer than
 * `least`. */
static size_t latin_end(const struct pii_text *x, size_t i, unsigned least)
{
    static const char *const none[] = {"the",     "not",   "very", "so",  "customer", "service",
                                       "support", "your",  "a ",   "an ", "my ",      "i ",
                                       "from",    "and",   "on ",  "no ", "this",     "it",
                                       "order",   "wrong", NULL};
    size_t end = 0;
    unsigned words = 0;
    while (words < 3 && pii_is_latin(x->cp[i]) && is_capital(x, i) && !pii_one_of(x, i, none)) {
        size_t from = i;
        while (pii_is_latin(x->cp[i]) || (x->cp[i] == '\'' && pii_is_latin(x->cp[i + 1])))
            i++;
        if (i - from > MAX_LATIN || pii_is_digit(x->cp[i]))
            break;
        words++;
        end = i;
        i += x->cp[i] == '.';
        if (x->cp[i] != ' ' && x->cp[i] != '/' && x->cp[i] != '-')
            break;
        i++;
    }
    return words >= least ? end : 0;
}

size_t pii_latin_name(const struct pii_text *x, size_t i, size_t *ret_start)
{
    static const char *const sure[] = {"name is ",  "name's ", "name: ", "mr. ", "mr ",
                                       "mrs. ",     "mrs ",    "ms. ",   "ms ",  "spoke with ",
                                       "spoke to ", "agent ",  "named ", "dr. ", NULL};
    static const char *const maybe[] = {"this is ",   "i am ",     "i'm ",
                                        "regards, ",  "thanks, ",  "sincerely, ",
                                        "regards,\n", "thanks,\n", NULL};
    if (i > 0 && (pii_is_letter(x->cp[i - 1]) || pii_is_digit(x->cp[i - 1])))
        return 0;
    size_t n = pii_one_of(x, i, sure);
    unsigned least = n ? 1 : 2;
    n = n ? n : pii_one_of(x, i, maybe);
    size_t end = n ? latin_end(x, i + n, least) : 0;
    *ret_start = i + n;
    return end;
}

/* A name in Latin letters after a label for people. */
static size_t romanised(const struct pii_text *x, size_t cue, size_t at)
{
    static const char *const any[] = {"이름", "명의", NULL};
    static const char *const own[] = {"영문", "영어", "여권", "제 ", "내 ",
                                      "본인", "예약", "고객", NULL};
    if (pii_one_of(x, cue, any) && !pii_before(x, cue, 5, own))
        return 0;
    return latin_end(x, at, 2);
}

/* --- labels before, numbers beside --- */

/* After a label: the place of what it labels; 0 when nothing parts the two. */
static size_t after_label(const struct pii_text *x, size_t at, bool *ret_colon, bool *ret_particle)
{
    static const char *const particles[] = {"명은", "명이", "명의",   "명", "님은", "님이",
                                            "님",   "은",   "는",     "이", "가",   "을",
                                            "를",   "란",   "했어요", NULL};
    size_t n = pii_word(x, at, "명") && !pii_is_hangul(x->cp[at + 1]) ? 1 : 0;
    at += n;
    n = n ? 0 : pii_one_of(x, at, particles);
    *ret_particle = n > 0 && !pii_word(x, at, "님") && !pii_word(x, at, "했");
    at += n;
    while (pii_is_digit(x->cp[at]))
        at++;
    const size_t gap = at;
    *ret_colon = false;
    while (at < gap + 4 && (x->cp[at] == ' ' || x->cp[at] == ':' || x->cp[at] == '=' ||
                            x->cp[at] == '(' || x->cp[at] == '-' || x->cp[at] == '[')) {
        *ret_colon |= x->cp[at] != ' ' && x->cp[at] != '(';
        at++;
    }
    return at == gap ? 0 : at;
}

/* 예금주 홍길동, 성함은 홍길동, 상담원 홍길동: `i` is where the label begins. */
static size_t labelled(const struct pii_text *x, size_t i, size_t *ret_start)
{
    size_t label = pii_one_of(x, i, labels), n = label ? label : pii_one_of(x, i, roles);
    bool colon, particle;
    if (!n)
        return 0;
    size_t at = after_label(x, i + n, &colon, &particle);
    if (!at)
        return 0;
    bool sure = label && (colon || !particle);
    size_t end = pii_is_latin(x->cp[at]) ? label ? romanised(x, i, at) : 0
                                         : pii_person(x, at, sure ? PII_SURE : PII_LIKELY);
    if (end)
        *ret_start = at;
    return end;
}

/* Whether the word that ends before `end` is a verb's form or has a particle. */
static bool is_inflected(uint32_t cp)
{
    static const uint32_t endings[] = {
        0xC694 /* 요 */, 0xB2E4 /* 다 */, 0xD568 /* 함 */, 0xC74C /* 음 */, 0xACE0 /* 고 */,
        0xC11C /* 서 */, 0xBA74 /* 면 */, 0xAC8C /* 게 */, 0xC9C0 /* 지 */, 0xB85C /* 로 */,
        0xC5D0 /* 에 */, 0xB294 /* 는 */, 0xC744 /* 을 */, 0xB97C /* 를 */, 0xAC00 /* 가 */,
        0xC758 /* 의 */, 0xC740 /* 은 */, 0xC774 /* 이 */};
    for (size_t k = 0; k < sizeof(endings) / sizeof(endings[0]); k++)
        if (endings[k] == cp)
            return true;
    return false;
}

static bool is_label(const struct pii_text *x, size_t i)
{
    return pii_one_of(x, i, labels) || pii_one_of(x, i, roles);
}

static bool is_gap(uint32_t cp)
{
    return cp == ' ' || cp == '/' || cp == ',' || cp == '|' || cp == '(' || cp == ':' || cp == ')';
}

/* Where a word that may stand between a name and his number begins: 홍길동 국민 000-…; or `end`. */
static size_t before_link(const struct pii_text *x, size_t end)
{
    static const char *const links[] = {
        "국민",     "신한",     "하나",   "우리",   "농협",     "기업",   "카뱅",
        "토스",     "신협",     "수협",   "카카오", "전화",     "연락처", "계좌",
        "주소",     "휴대폰",   "핸드폰", "번호",   "이메일",   "메일",   "주민번호",
        "생년월일", "전화번호", "여권",   "면허",   "계좌번호", NULL};
    size_t i = end;
    while (i > 0 && end - i < 5 && pii_is_hangul(x->cp[i - 1]))
        i--;
    return i > 0 && i + pii_one_of(x, i, links) == end ? i : end;
}

static size_t before_gap(const struct pii_text *x, size_t i)
{
    size_t end = i;
    while (end > 0 && i - end < 4 && is_gap(x->cp[end - 1]))
        end--;
    return end;
}

bool pii_name_before(const struct pii_text *x, size_t i, size_t *ret_start, size_t *ret_end)
{
    size_t gap = before_gap(x, i), link = before_link(x, gap);
    size_t end = link < gap ? before_gap(x, link) : gap;
    if (gap == i || (link < gap && end == link) || end < 3)
        return false;
    size_t word = end;
    while (word > 0 && end - word < 5 && pii_is_hangul(x->cp[word - 1]))
        word--;
    uint32_t before = word > 0 ? x->cp[word - 1] : '\n';
    bool apart = before == '\n' ||
                 (word > 1 && before == ' ' && x->cp[word - 2] != ' ' && is_gap(x->cp[word - 2]));
    bool noun = !is_inflected(x->cp[end - 1]);
    size_t start = pii_person_before(x, end, apart && noun ? PII_SURE : PII_LIKELY, false);
    if (start == end || (!apart && !noun) || is_label(x, start))
        return false;
    *ret_start = start;
    *ret_end = end;
    return true;
}

bool pii_name_after(const struct pii_text *x, size_t i, bool chain, size_t *ret_start,
                    size_t *ret_end)
{
    static const char *const joins[] = {"에서", "와", "과", "이랑", "랑", "하고", NULL};
    size_t at = i, n = chain ? pii_one_of(x, at, joins) : 0;
    at += n;
    const size_t gap = at;
    bool comma = false;
    while (at < gap + 3 && is_gap(x->cp[at]) && x->cp[at] != ':') {
        comma |= x->cp[at] == ',' || x->cp[at] == '/';
        at++;
    }
    if (at == gap || (chain && !n && !comma))
        return false;
    size_t end = pii_person(x, at, PII_LIKELY);
    if (!end || is_label(x, at) ||
        (!chain && (is_inflected(x->cp[end - 1]) || pii_is_hangul(x->cp[end]))))
        return false;
    *ret_start = at;
    *ret_end = end;
    return true;
}

size_t pii_name(const struct pii_text *x, size_t i, size_t *ret_start)
{
    const uint32_t cp = x->cp[i];
    size_t end = framed(x, i, ret_start);
    return end || cp == 0xB2D8 || cp == 0xC528 ? end : labelled(x, i, ret_start);
}
