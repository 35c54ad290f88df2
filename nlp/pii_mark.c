/* Vehicles, passports and e-mail: kinds whose digits stand among letters. */
#include "nlp/pii.h"

#define MAX_LOCAL 64
#define MAX_DOMAIN 120

static bool is_alnum(uint32_t cp)
{
    return pii_is_digit(cp) || pii_is_latin(cp);
}

/* --- vehicles: 12가 3456, 서울 31바 1234 --- */

static bool is_plate_syllable(const struct pii_text *x, size_t i)
{
    static const char *const letters[] = {
        "가", "나", "다", "라", "마", "거", "너", "더", "러", "머", "버", "서", "어", "저",
        "고", "노", "도", "로", "모", "보", "소", "오", "조", "구", "누", "두", "루", "무",
        "부", "수", "우", "주", "하", "허", "호", "배", "사", "아", "자", "바", NULL};
    return pii_one_of(x, i, letters) > 0;
}

size_t pii_vehicle(const struct pii_text *x, size_t i, size_t *ret_start)
{
    static const char *const counted[] = {"원", "년", "개", "명", "건", "회",   "점",    "월", "일",
                                          "시", "분", "호", "%",  "층", "번째", "번 출", NULL};
    static const char *const cars[] = {"차량",  "차번호", "번호판",   "차 번호", "렌트",   "견인",
                                       "주차",  "과태료", "하이패스", "통행료",  "타이어", "택시",
                                       "버스",  "자동차", "블랙박스", "정비",    "보험",   "제 차",
                                       "내 차", "자차",   "출차",     "입차",    "세차",   "사고",
                                       "차주",  "화물",   "차는",     "plate",   NULL};
    if (i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-' || x->cp[i - 1] == '.' ||
                  x->cp[i - 1] == ','))
        return 0;
    size_t lead = pii_digits(x, i, 3), at = i + lead, region = pii_region_before(x, i);
    if (lead < (region < i ? 1U : 2U))
        return 0;
    bool apart = x->cp[at] == ' ';
    at += apart;
    if (!is_plate_syllable(x, at))
        return 0;
    bool unit = pii_word(x, at, "호") || pii_word(x, at, "도") || pii_word(x, at, "로") ||
                pii_word(x, at, "주") || pii_word(x, at, "다");
    bool dash = x->cp[at + 1] == '-', spaced = x->cp[at + 1] == ' ';
    at += dash || spaced ? 2 : 1;
    if (pii_digits(x, at, 4) != 4 || pii_one_of(x, at + 4, counted) || is_alnum(x->cp[at + 4]))
        return 0;
    if ((apart || (unit && spaced)) && region == i && !pii_before(x, i, 20, cars) &&
        !pii_after(x, at + 4, 16, cars))
        return 0;
    *ret_start = region;
    return at + 4;
}

/* --- passports: M12345678, M123A4567 --- */

size_t pii_passport(const struct pii_text *x, size_t i)
{
    static const char *const words[] = {"여권",   "passport", "탑승", "출국", "비자",
                                        "여행자", "항공권",   "영사", "visa", NULL};
    static const char *const others[] = {"쿠폰", "모델",  "상품",  "시리얼", "코드",    "주문",
                                         "관리", "model", "order", "serial", "booking", NULL};
    static const char issued[] = "msrgdo"; /* the letters of Korean passports */
    if (i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-' || x->cp[i - 1] == '@'))
        return 0;
    bool korean = x->cp[i] < 0x80 && strchr(issued, (int)x->cp[i]) != NULL;
    size_t at = i + 1 + pii_is_latin(x->cp[i + 1]), more = at - i - 1;
    bool apart = x->cp[at] == ' ' || x->cp[at] == '-';
    at += apart;
    size_t lead = pii_digits(x, at, 8), end;
    if (lead == 8 - more)
        end = at + lead;
    else if (lead == 3 && korean && !more && pii_is_latin(x->cp[at + 3]) &&
             pii_digits(x, at + 4, 4) == 4)
        end = at + 8;
    else
        return 0;
    if (is_alnum(x->cp[end]) || x->cp[end] == '@' ||
        (x->cp[end] == '-' && is_alnum(x->cp[end + 1])) || pii_before(x, i, 8, others))
        return 0;
    bool said = pii_before(x, i, 30, words) || pii_after(x, end, 16, words);
    return said && (korean || pii_before(x, i, 16, words) || pii_after(x, end, 8, words)) ? end : 0;
}

/* --- e-mail --- */

static bool is_local(uint32_t cp)
{
    return is_alnum(cp) || cp == '.' || cp == '_' || cp == '-' || cp == '+' || cp == '%';
}

/* Where the part before the sign at `i` begins; `i` for none. It may be quoted. */
static size_t local_start(const struct pii_text *x, size_t i)
{
    size_t start = i;
    if (i > 2 && x->cp[i - 1] == '"') {
        start--;
        while (start > 0 && i - start < MAX_LOCAL && x->cp[start - 1] != '"' &&
               x->cp[start - 1] != '\n')
            start--;
        return start > 0 && x->cp[start - 1] == '"' ? start - 1 : i;
    }
    while (start > 0 && i - start < MAX_LOCAL && is_local(x->cp[start - 1]))
        start--;
    return start;
}

/* The end of a domain with a dot in it that begins at `i`, or 0. */
static size_t domain_end(const struct pii_text *x, size_t i)
{
    size_t end = i, dot = 0;
    while (end - i < MAX_DOMAIN && (is_alnum(x->cp[end]) || x->cp[end] == '-' || x->cp[end] == '.'))
        end++;
    while (end > i && (x->cp[end - 1] == '.' || x->cp[end - 1] == '-'))
        end--;
    for (size_t k = i; k < end; k++)
        if (x->cp[k] == '.')
            dot = k;
    return dot > i && end >= dot + 3 && pii_is_latin(x->cp[end - 1]) ? end : 0;
}

size_t pii_email(const struct pii_text *x, size_t i, size_t *ret_start)
{
    size_t sign = i, from = i + 1;
    if (x->cp[from] == ' ')
        from++;
    if (sign > 1 && x->cp[sign - 1] == ' ' && is_alnum(x->cp[sign - 2]))
        sign--;
    size_t start = local_start(x, sign), end = domain_end(x, from);
    if (start == sign || end == 0)
        return 0;
    *ret_start = start;
    return end;
}

/* 네이버닷컴, 지메일, 이그잼플 점 컴: a domain in syllables. */
static size_t spelt_domain(const struct pii_text *x, size_t i)
{
    static const char *const providers[] = {
        "네이버", "지메일", "다음",  "한메일", "카카오", "네이트", "핫메일",  "야후",
        "아웃룩", "구글",   "naver", "gmail",  "daum",   "kakao",  "hanmail", NULL};
    static const char *const dots[] = {"닷", "점", "쩜", "도트", ".", "dot", NULL};
    static const char *const tops[] = {"컴",  "콤", "넷", "케이알", "com",
                                       "net", "co", "kr", "코",     NULL};
    size_t n = pii_one_of(x, i, providers), end = i + n;
    for (size_t at = i + (n ? n : 1); at < i + 16 && at < x->n; at++) {
        size_t dot = pii_one_of(x, at, dots), top = at + dot + (x->cp[at + dot] == ' ');
        size_t len = dot ? pii_one_of(x, top, tops) : 0;
        if (len)
            return top + len;
        if (!pii_is_letter(x->cp[at]) && x->cp[at] != ' ')
            break;
    }
    return n ? end : 0;
}

/* Whether one writes of mail, or goes on in Korean after it: park at example.com으로. */
static bool is_mail(const struct pii_text *x, size_t start, size_t end)
{
    static const char *const words[] = {"mail", "메일", NULL};
    return pii_is_hangul(x->cp[end]) || pii_before(x, start, 24, words) ||
           pii_after(x, end, 12, words) || pii_before(x, end, end - start, words);
}

/* kim골뱅이example.com, park at example.com, lee[at]example.com: `i` is where the sign begins. */
size_t pii_spelt_email(const struct pii_text *x, size_t i, size_t *ret_start)
{
    static const char *const names[] = {"골뱅이", "앳", "at", NULL};
    size_t n = pii_one_of(x, i, names), sign = i, from = i + n;
    bool latin = pii_is_latin(x->cp[i]);
    if (n == 0 || i < 2)
        return 0;
    bool bracket = x->cp[i - 1] == '[' || x->cp[i - 1] == '(' || x->cp[i - 1] == '{';
    from += bracket;
    sign -= bracket;
    from += x->cp[from] == ' ';
    sign -= sign > 1 && x->cp[sign - 1] == ' ';
    size_t start = local_start(x, sign), end = domain_end(x, from);
    if (!latin && end == 0)
        end = spelt_domain(x, from);
    if (start == sign && !latin) /* 에이비골뱅이… */
        while (start > 0 && sign - start < 16 && pii_is_hangul(x->cp[start - 1]))
            start--;
    if (start == sign || end == 0 || (latin && !bracket && sign == i) ||
        (latin && !bracket && !is_mail(x, start, end)))
        return 0;
    *ret_start = start;
    return end;
}
