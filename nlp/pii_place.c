/* Addresses, vehicles, passports and e-mail: kinds that are more than a number. */
#include "nlp/pii.h"

#define MAX_LOCAL 64
#define MAX_DOMAIN 120
#define MAX_WORD 12 /* syllables of one word of an address */

static bool is_alnum(uint32_t cp)
{
    return pii_is_digit(cp) || pii_is_latin(cp);
}

size_t pii_email(const struct pii_text *x, size_t i, size_t *ret_start)
{
    size_t start = i, end = i + 1, dot = 0;
    while (start > 0 && i - start < MAX_LOCAL &&
           (is_alnum(x->cp[start - 1]) || x->cp[start - 1] == '.' || x->cp[start - 1] == '_' ||
            x->cp[start - 1] == '-' || x->cp[start - 1] == '+' || x->cp[start - 1] == '%'))
        start--;
    while (end < x->n && end - i < MAX_DOMAIN &&
           (is_alnum(x->cp[end]) || x->cp[end] == '-' || x->cp[end] == '.')) {
        if (x->cp[end] == '.')
            dot = end;
        end++;
    }
    while (end > i + 1 && (x->cp[end - 1] == '.' || x->cp[end - 1] == '-'))
        end--;
    if (dot >= end) /* the dot that ends the sentence */
        for (dot = end - 1; dot > i && x->cp[dot] != '.'; dot--)
            ;
    if (start == i || dot <= i + 1 || end < dot + 3 || !pii_is_latin(x->cp[end - 1]))
        return 0;
    *ret_start = start;
    return end;
}

static size_t digits_at(const struct pii_text *x, size_t i, size_t most)
{
    size_t n = 0;
    while (n <= most && i + n < x->n && pii_is_digit(x->cp[i + n]))
        n++;
    return n > most ? 0 : n;
}

static bool word_at(const struct pii_text *x, size_t i, const char *const *words)
{
    for (; *words; words++)
        if (pii_word(x, i, *words))
            return true;
    return false;
}

size_t pii_vehicle(const struct pii_text *x, size_t i)
{
    static const char *const letters[] = {
        "가", "나", "다", "라", "마", "거", "너", "더", "러", "머", "버", "서", "어", "저",
        "고", "노", "도", "로", "모", "보", "소", "오", "조", "구", "누", "두", "루", "무",
        "부", "수", "우", "주", "하", "허", "호", "배", "사", "아", "자", "바", NULL};
    static const char *const counted[] = {"원", "년", "개", "명", "건", "회", "점", "번",
                                          "월", "일", "시", "분", "호", "%",  "층", NULL};
    static const char *const cars[] = {"차량", "차번호", "번호판", "차 번호", "렌트", NULL};
    if (i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-' || x->cp[i - 1] == '.' ||
                  x->cp[i - 1] == ','))
        return 0;
    size_t lead = digits_at(x, i, 3), at = i + lead;
    if (lead < 2 || at + 4 >= x->n || !word_at(x, at, letters))
        return 0;
    bool unit = pii_word(x, at, "호") || pii_word(x, at, "도") || pii_word(x, at, "로") ||
                pii_word(x, at, "주") || pii_word(x, at, "다");
    bool spaced = x->cp[at + 1] == ' ';
    at += spaced ? 2 : 1;
    if (digits_at(x, at, 4) != 4 || word_at(x, at + 4, counted))
        return 0;
    return (unit && spaced) && !pii_before(x, i, 20, cars) ? 0 : at + 4;
}

size_t pii_passport(const struct pii_text *x, size_t i)
{
    static const char *const words[] = {"여권", "passport", NULL};
    static const char *const others[] = {"주문",   "모델",    "상품", "예약",  "송장",
                                         "시리얼", "코드",    "쿠폰", "model", "order",
                                         "serial", "booking", NULL};
    if ((i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-' || x->cp[i - 1] == '@')) ||
        i + 9 > x->n)
        return 0;
    size_t end = i + 9;
    if (end < x->n && (is_alnum(x->cp[end]) || x->cp[end] == '-' || x->cp[end] == '@'))
        return 0;
    size_t lead = digits_at(x, i + 1, 8);
    if (lead == 8 && pii_before(x, i, 30, words))
        return end;
    bool fresh = lead == 3 && pii_is_latin(x->cp[i + 4]) && digits_at(x, i + 5, 4) == 4 &&
                 (x->cp[i] == 'm' || x->cp[i] == 's' || x->cp[i] == 'r' || x->cp[i] == 'd' ||
                  x->cp[i] == 'o');
    return fresh && (!pii_before(x, i, 16, others) || pii_before(x, i, 30, words)) ? end : 0;
}

/* The start of the Hangul (and digit) word that ends before `end`. */
static size_t word_start(const struct pii_text *x, size_t end)
{
    size_t i = end;
    while (i > 0 && end - i < MAX_WORD &&
           (pii_is_hangul(x->cp[i - 1]) || pii_is_digit(x->cp[i - 1])))
        i--;
    return i;
}

/* How many words like 서울시 강남구 역삼동 stand before `i`; *ret_start moves to the first. */
static unsigned regions_before(const struct pii_text *x, size_t i, size_t *ret_start)
{
    static const char *const ends[] = {"시", "도", "구", "군", "읍", "면", "동", NULL};
    static const char *const cities[] = {"서울", "부산", "대구", "인천", "광주", "대전",
                                         "울산", "세종", "경기", "강원", "충북", "충남",
                                         "전북", "전남", "경북", "경남", "제주", NULL};
    unsigned n = 0;
    while (n < 5 && i > 1 && x->cp[i - 1] == ' ') {
        size_t end = i - 1, start = word_start(x, end);
        bool city = end - start == 2 && word_at(x, start, cities);
        if (!city && (end - start < 2 || !word_at(x, end - 1, ends)))
            break;
        *ret_start = i = start;
        n++;
    }
    return n;
}

/* 12, 12-3, and 45번길 12; 0 when there is no house number at `i`. */
static size_t house_number(const struct pii_text *x, size_t i)
{
    static const char *const counted[] = {"개", "원", "일", "시", "분", "번 ", "회", "%", "명",
                                          "월", "년", "만", "천", "건", "점",  "주", NULL};
    if (i < x->n && x->cp[i] == ' ')
        i++;
    size_t n = digits_at(x, i, 4);
    size_t lane = n ? pii_word(x, i + n, "번길") + pii_word(x, i + n, "길") : 0;
    if (lane) {
        i += n + lane;
        i += i < x->n && x->cp[i] == ' ';
        n = digits_at(x, i, 4);
    }
    if (n == 0)
        return 0;
    i += n;
    if (i + 1 < x->n && x->cp[i] == '-' && digits_at(x, i + 1, 4))
        i += 1 + digits_at(x, i + 1, 4);
    return word_at(x, i, counted) ? 0 : i + pii_word(x, i, "번지");
}

/* 101동 1203호 after an optional comma; the end, or `i` when there is none. */
static size_t unit_after(const struct pii_text *x, size_t i)
{
    size_t at = i, n;
    while (at < x->n && at < i + 3 && (x->cp[at] == ' ' || x->cp[at] == ','))
        at++;
    n = digits_at(x, at, 4);
    if (n && pii_word(x, at + n, "동")) {
        at += n + 1;
        at += at < x->n && x->cp[at] == ' ';
        n = digits_at(x, at, 4);
    }
    return n && (pii_word(x, at + n, "호") || pii_word(x, at + n, "층")) ? at + n + 1 : i;
}

/* 101동 1203호 alone. */
static size_t flat_at(const struct pii_text *x, size_t i)
{
    static const char *const not_flats[] = {"호기", "호선", "호점", "호차", "호봉", NULL};
    if (i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-'))
        return 0;
    size_t n = digits_at(x, i, 4);
    if (!n || !pii_word(x, i + n, "동"))
        return 0;
    size_t at = i + n + 1;
    at += at < x->n && x->cp[at] == ' ';
    n = digits_at(x, at, 4);
    if (n < 2 || !pii_word(x, at + n, "호") || word_at(x, at + n, not_flats))
        return 0;
    return at + n + 1;
}

size_t pii_address(const struct pii_text *x, size_t i, size_t *ret_start)
{
    if (pii_is_digit(x->cp[i]))
        return flat_at(x, i);
    const uint32_t cp = x->cp[i];
    const bool road = cp == 0xB85C /* 로 */ || cp == 0xAE38 /* 길 */;
    const bool lot = cp == 0xB3D9 /* 동 */ || cp == 0xB9AC /* 리 */ || cp == 0xAC00 /* 가 */;
    if ((!road && !lot) || i == 0 || !(pii_is_hangul(x->cp[i - 1]) || pii_is_digit(x->cp[i - 1])))
        return 0;
    if (lot && (i + 1 >= x->n || x->cp[i + 1] != ' '))
        return 0;
    size_t end = house_number(x, i + 1);
    if (!end)
        return 0;
    size_t start = word_start(x, i);
    unsigned regions = regions_before(x, start, &start);
    size_t unit = unit_after(x, end);
    if (regions < (lot ? 2U : 1U) && unit == end)
        return 0;
    *ret_start = start;
    return unit;
}
