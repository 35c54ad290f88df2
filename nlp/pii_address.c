/* Addresses: regions, a road (로, 길) or quarter (동, 리, 가), the house number, and what leads to
 * the door: building, 동, floor, flat. 101동 1203호 alone is one, a region alone is none. */
#include "nlp/pii.h"

#define MAX_WORD 12  /* syllables of one word of an address */
#define MAX_DETAIL 6 /* words after the house number */
#define MAX_BRACKET 30

static const char *const cities[] = {"서울", "부산", "대구", "인천", "광주", "대전",
                                     "울산", "세종", "경기", "강원", "충북", "충남",
                                     "전북", "전남", "경북", "경남", "제주", NULL};

size_t pii_region_before(const struct pii_text *x, size_t i)
{
    size_t at = i - (i > 0 && (x->cp[i - 1] == ' ' || x->cp[i - 1] == '-'));
    if (at < 2 || !pii_one_of(x, at - 2, cities))
        return i;
    return at > 2 && pii_is_hangul(x->cp[at - 3]) ? i : at - 2;
}

static bool is_alnum(uint32_t cp)
{
    return pii_is_digit(cp) || pii_is_latin(cp);
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

/* How many words like 서울시 강남구 역삼동 stand before `i`; *ret_start moves to the first, and
 * *ret_sure is whether one is of those that no other word ends like. */
static unsigned regions_before(const struct pii_text *x, size_t i, size_t *ret_start,
                               bool *ret_sure)
{
    static const char *const sure[] = {"시", "구", "군", NULL};
    static const char *const ends[] = {"시", "도", "구", "군", "읍", "면", "동", "리", NULL};
    static const char *const words[] = {
        "다시", "혹시", "잠시", "역시", "반드시", "지도", "아무도", "정도", "그래도",
        "운동", "활동", "자동", "친구", "가구",   "누구", "빨리",   "미리", "우리",
        "즉시", "일시", "화면", "측면", "문구",   "도구", NULL};
    static const char *const forms[] = {"하면", "되면", "으면", "라면",
                                        "라도", "어도", "아도", NULL};
    unsigned n = 0;
    *ret_sure = false;
    while (n < 5 && i > 1 && (x->cp[i - 1] == ' ' || (i > 2 && x->cp[i - 1] == ','))) {
        size_t end = i - 1, start = word_start(x, end);
        bool city = end - start == 2 && pii_one_of(x, start, cities);
        if (!city && (end - start < 2 || !pii_one_of(x, end - 1, ends) ||
                      start + pii_one_of(x, start, words) == end || pii_one_of(x, end - 2, forms)))
            break;
        *ret_sure |= city || pii_one_of(x, start, cities) || pii_one_of(x, end - 1, sure);
        *ret_start = i = start;
        n++;
    }
    return n;
}

/* 12-3, 12, 산 12-4, 12번지, and after a lane 45번길 12; 0 when there is none at `i`. */
static size_t house_number(const struct pii_text *x, size_t i)
{
    static const char *const counted[] = {
        "개", "원", "일", "시", "분",   "번 ", "회",   "%",    "명", "월", "년", "만", "천",  "건",
        "점", "주", "박", "장", "번째", "km",  "단계", "가지", "대", "편", "팩", "권", "화 ", NULL};
    i += x->cp[i] == ' ';
    size_t hill = pii_word(x, i, "산"), n;
    if (hill)
        i += hill + (x->cp[i + hill] == ' ');
    n = pii_digits(x, i, 4);
    size_t lane = n ? pii_word(x, i + n, "번길") + pii_word(x, i + n, "길") : 0;
    if (lane) {
        i += n + lane;
        i += x->cp[i] == ' ';
        n = pii_digits(x, i, 4);
    }
    if (n == 0)
        return 0;
    i += n;
    if (x->cp[i] == '-' && pii_digits(x, i + 1, 4))
        i += 1 + pii_digits(x, i + 1, 4);
    return pii_one_of(x, i, counted) || is_alnum(x->cp[i]) ? 0 : i + pii_word(x, i, "번지");
}

/* --- what leads to the door --- */

/* 101동, 1203호, 지하 1층, B102호, 가동, 1405-802, 103/1501, 지층: its end, or 0. */
static size_t door_at(const struct pii_text *x, size_t i)
{
    static const char *const units[] = {"호실", "호", "층", "동", "단지", "라인", "차", NULL};
    static const char *const whole[] = {"지층", "옥탑방", "옥탑", "반지하", NULL};
    static const char *const not_doors[] = {"호기", "호선", "호점", "호차", "호봉", "호관", NULL};
    size_t at = i + pii_word(x, i, "제"), n = pii_one_of(x, at, whole);
    if (n)
        return at + n;
    n = pii_word(x, at, "지하");
    at += n + (n && x->cp[at + n] == ' ');
    bool letter = !n && (pii_is_latin(x->cp[at]) || pii_is_hangul(x->cp[at]));
    if (letter && pii_word(x, at + 1, "동"))
        return pii_is_letter(x->cp[at + 2]) ? 0 : at + 2; /* 가동, b동 */
    at += letter && pii_is_latin(x->cp[at]);
    n = pii_digits(x, at, 4);
    if (n == 0 || x->cp[at] == '0')
        return 0;
    at += n;
    if ((x->cp[at] == '-' || x->cp[at] == '/') && pii_digits(x, at + 1, 4) &&
        x->cp[at + 1 + pii_digits(x, at + 1, 4)] != '-') {
        at += 1 + pii_digits(x, at + 1, 4);
        return at + (pii_one_of(x, at, not_doors) ? 0 : pii_word(x, at, "호"));
    }
    n = pii_one_of(x, at, not_doors) ? 0 : pii_one_of(x, at, units);
    return n ? at + n : 0;
}

static const char *const buildings[] = {
    "아파트", "빌라",   "빌딩",     "오피스텔", "맨션",       "주택",     "타운",     "하이츠",
    "캐슬",   "팰리스", "연립",     "기숙사",   "고시원",     "원룸",     "타워",     "마을",
    "자이",   "래미안", "푸르지오", "더샵",     "힐스테이트", "아이파크", "편한세상", "주공",
    "단지",   "하우스", "빌리지",   "센트럴",   "파크",       "고시텔",   "레지던스", NULL};

/* Whether a building's kind ends at `end`. */
static bool ends_as_building(const struct pii_text *x, size_t start, size_t end)
{
    for (size_t k = start; k < end; k++) {
        size_t n = pii_one_of(x, k, buildings);
        if (n && k + n == end)
            return true;
    }
    return false;
}

/* The end of a building's name at `i`: by its kind, or because a door follows; or 0. */
static size_t building_at(const struct pii_text *x, size_t i)
{
    size_t end = i, best = 0;
    while (end - i < MAX_WORD && (pii_is_letter(x->cp[end]) || pii_is_digit(x->cp[end])))
        end++;
    if (end - i < 2 || pii_is_digit(x->cp[i]))
        return 0;
    for (size_t k = i; k < end; k++) {
        size_t n = pii_one_of(x, k, buildings);
        best = n ? k + n : best;
    }
    for (size_t k = i + 2; k < end && !best; k++) /* 한빛빌101동 */
        if (pii_is_digit(x->cp[k]) && !pii_is_digit(x->cp[k - 1]) && door_at(x, k))
            best = k;
    if (best)
        return best;
    size_t door = x->cp[end] == ' ' ? door_at(x, end + 1) : 0;
    return door ? end : 0;
}

/* The end of (가온동, 다솜아파트) at `i`, or 0. */
static size_t bracket_at(const struct pii_text *x, size_t i)
{
    if (x->cp[i] != '(' || !pii_is_hangul(x->cp[i + 1]))
        return 0;
    for (size_t k = i + 1; k < x->n && k - i < MAX_BRACKET && x->cp[k] != '\n'; k++)
        if (x->cp[k] == ')')
            return pii_word(x, k - 1, "동") || ends_as_building(x, i + 1, k) ? k + 1 : 0;
    return 0;
}

/* From the end of a house number to the end of the door. */
static size_t details_after(const struct pii_text *x, size_t end)
{
    for (unsigned k = 0; k < MAX_DETAIL; k++) {
        size_t at = end, next;
        while (at - end < 2 && (x->cp[at] == ' ' || x->cp[at] == ','))
            at++;
        next = bracket_at(x, at);
        next = next || at == end ? next : door_at(x, at);
        next = next || at == end ? next : building_at(x, at);
        if (!next)
            break;
        end = next;
    }
    return end;
}

/* --- addresses that are a flat alone --- */

/* 한빛아파트 101동 1203호: the name before `i` with its regions. */
static size_t named_before(const struct pii_text *x, size_t i)
{
    size_t end = i - (i > 0 && x->cp[i - 1] == ' '), start = word_start(x, end);
    if (start == end || !ends_as_building(x, start, end))
        return i;
    bool sure;
    regions_before(x, start, &start, &sure);
    return start;
}

/* 101동 1203호, or 한빛오피스텔 1203호. */
static size_t flat_at(const struct pii_text *x, size_t i, size_t *ret_start)
{
    static const char *const not_flats[] = {"호기", "호선", "호점", "호차", "호봉", NULL};
    if (i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-'))
        return 0;
    size_t n = pii_digits(x, i, 4), at = i;
    if (!n)
        return 0;
    bool house = pii_word(x, i + n, "동");
    if (house) {
        at += n + 1;
        at += x->cp[at] == ' ';
        n = pii_digits(x, at, 4);
    }
    if (n < (house ? 2U : 3U) || !pii_word(x, at + n, "호") || pii_one_of(x, at + n, not_flats))
        return 0;
    size_t start = named_before(x, i);
    if (!house && start == i)
        return 0;
    *ret_start = start;
    return at + n + 1;
}

/* --- 12 Main Street, Apt 4B --- */

static size_t street_at(const struct pii_text *x, size_t i)
{
    static const char *const kinds[] = {"street",    "st",   "avenue", "ave",   "road",
                                        "rd",        "lane", "ln",     "drive", "dr",
                                        "boulevard", "blvd", "court",  NULL};
    static const char *const doors[] = {"apt", "unit", "suite", "flat", "room", "#", NULL};
    size_t n = pii_digits(x, i, 5), at = i + n;
    if (n == 0 || (i > 0 && (is_alnum(x->cp[i - 1]) || x->cp[i - 1] == '-')))
        return 0;
    for (unsigned word = 0; word < 4 && x->cp[at] == ' '; word++) {
        size_t from = ++at, kind = pii_one_of(x, at, kinds);
        if (!pii_is_latin(x->cp[from])) /* the end of the text, too */
            return 0;
        bool capital = x->original[x->at[from]] >= 'A' && x->original[x->at[from]] <= 'Z';
        while (pii_is_latin(x->cp[at]))
            at++;
        if (!capital)
            return 0;
        if (word == 0 || kind != at - from)
            continue;
        size_t door = at + (x->cp[at] == '.');
        door += x->cp[door] == ',';
        door += x->cp[door] == ' ';
        n = pii_one_of(x, door, doors);
        size_t end = door + n + (x->cp[door + n] == '.');
        end += x->cp[end] == ' ';
        while (n && end - door < MAX_WORD && is_alnum(x->cp[end]))
            end++;
        return n ? end : at;
    }
    return 0;
}

static bool is_delivered(const struct pii_text *x, size_t i)
{
    static const char *const words[] = {"주소",    "배송지", "배달지", "수거지",
                                        "받는 곳", "이사",   "집은",   NULL};
    return pii_before(x, i, 10, words);
}

static bool is_word_end(uint32_t cp)
{
    return pii_is_hangul(cp) || pii_is_digit(cp);
}

/* 테헤란로 152, 역삼동 123-4: `i` is the last syllable of the road or quarter. A road needs a
 * region or, when long enough to be no everyday word, a door or 주소 near; a quarter two regions,
 * or one and a door. */
static size_t place_at(const struct pii_text *x, size_t i, bool road, size_t *ret_start)
{
    size_t end = house_number(x, i + 1), start = word_start(x, i), unit;
    if (!end || (road && (pii_word(x, i - 1, "으로") || pii_word(x, i - 2, "정도로"))))
        return 0;
    size_t word = i - start;
    bool sure, door;
    unsigned regions = regions_before(x, start, &start, &sure);
    unit = details_after(x, end);
    door = unit > end;
    if (!road && regions < (door ? 1U : 2U))
        return 0;
    if ((road || regions < 2) && !sure &&
        (regions > 0 || word == 0 || !((door && word > 1) || is_delivered(x, start))))
        return 0;
    *ret_start = start;
    return unit;
}

size_t pii_address(const struct pii_text *x, size_t i, size_t *ret_start)
{
    if (pii_is_digit(x->cp[i])) {
        size_t end = flat_at(x, i, ret_start);
        return end ? end : street_at(x, i);
    }
    const uint32_t cp = x->cp[i], next = x->cp[i + 1];
    const bool road = cp == 0xB85C /* 로 */ || cp == 0xAE38 /* 길 */;
    const bool lot = cp == 0xB3D9 /* 동 */ || cp == 0xB9AC /* 리 */ || cp == 0xAC00 /* 가 */;
    if ((!road && !lot) || i < 2 || !is_word_end(x->cp[i - 1]) ||
        (next != ' ' && !pii_is_digit(next)))
        return 0;
    return place_at(x, i, road, ret_start);
}
