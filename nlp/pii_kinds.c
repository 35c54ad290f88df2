/* What a number is. Shapes: RRN and its date by the Resident Registration Act's enforcement rule;
 * phone numbers by the Korean numbering plan; cards by ISO/IEC 7812 (Luhn); barcodes by GS1;
 * licences by the National Police Agency's region codes 11 to 28. A number that shape alone does
 * not tell needs a word near it, and a label like 주문번호 before it says that it is something
 * else. */
#include "nlp/pii.h"

#define NEAR 24   /* code points a telling word may stand before */
#define BEHIND 12 /* and after */

static const char *const other_words[] = {
    "주문",   "송장",     "예약",   "접수", "상품",   "모델",   "쿠폰",     "티켓",
    "승인",   "관리번호", "일련",   "코드", "order",  "track",  "invoice",  "model",
    "serial", "ticket",   "case",   "ref",  "바코드", "운송",   "시리얼",   "등기",
    "택배",   "isbn",     "imei",   "sku",  "uid",    "사업자", "법인등록", "민원",
    "신문고", "증권",     "견적",   "품번", "문서",   "유심",   "거래",     "라이선스",
    "기프트", "핀번호",   "이용권", "ref.", "p/n",    "s/n",    NULL};
static const char *const account_words[] = {
    "계좌",   "은행",   "입금",   "예금주",  "국민",   "신한",   "우리", "하나",   "농협",
    "기업",   "카뱅",   "카카오", "토스",    "우체국", "새마을", "신협", "수협",   "부산은",
    "대구은", "케이뱅", "sc제일", "account", "bank",   "통장",   "씨티", "산업은", "송금",
    "이체",   "출금",   "광주은", "전북은",  "경남은", "제주은", "기은", "국민은", "iban",
    "kb",     "imbank", "im뱅크", "저축은",  NULL};
static const char *const phone_words[] = {
    "전화", "연락",   "휴대", "핸드폰",   "핸폰",    "tel",      "phone",
    "call", "mobile", "cell", "reach me", "contact", "문자",     "팩스",
    "fax",  "통화",   "폰번", "집번호",   "text me", "whatsapp", NULL};
static const char *const desks[] = {"고객센터", "대표번호", "대표전화", "콜센터",
                                    "상담센터", "hotline",  NULL};
static const char *const rrn_words[] = {"주민",     "rrn",  "resident", "외국인등록", "외국인 등록",
                                        "등록증",   "생년", "앞자리",   "뒷자리",     "본인",
                                        "예방접종", "아기", "신분증",   "실명",       "피보험자",
                                        "ssn",      "민증", NULL};
static const char *const licence_words[] = {"면허",   "licence",  "license", "렌트",
                                            "렌터카", "적성검사", "카셰어",  NULL};
static const char *const card_words[] = {"카드",     "card",   "결제", "긁",     "할부",
                                         "visa",     "master", "amex", "아멕스", "비자",
                                         "다이너스", "도용",   NULL};

static bool shaped(const struct pii_number *n, const char *groups)
{
    if (strlen(groups) != n->n_groups)
        return false;
    for (unsigned k = 0; k < n->n_groups; k++)
        if (n->group[k] != (groups[k] >= 'a' ? groups[k] - 'a' + 10 : groups[k] - '0'))
            return false;
    return true;
}

static bool near(const struct pii_text *x, const struct pii_number *n, const char *const *words)
{
    return pii_before(x, n->start, NEAR, words) || pii_after(x, n->end, BEHIND, words);
}

/* --- labels: 주문번호 20261122…, 전화번호는 02… --- */

/* The end of the word of a label that stands right before the number, with a particle, a colon, a
 * sign between at most; `i` for none. */
static size_t label_end(const struct pii_text *x, size_t i)
{
    static const char particles[] =
        "\xEB\x8A\x94\xEC\x9D\x80\xEA\xB0\x80\xEC\x9D\xB4"; /* 는은가이 */
    size_t at = i;
    while (at > 0 && i - at < 3 &&
           (x->cp[at - 1] == ' ' || x->cp[at - 1] == ':' || x->cp[at - 1] == '#' ||
            x->cp[at - 1] == '.' || x->cp[at - 1] == '('))
        at--;
    if (at == i)
        return i;
    for (const char *p = particles; *p; p += 3) {
        const char one[4] = {p[0], p[1], p[2], '\0'};
        if (at > 2 && pii_word(x, at - 1, one))
            return at - 1;
    }
    return at;
}

/* Whether a number or code of something else is announced: any …번호, …코드 but a person's. */
static bool labelled_other(const struct pii_text *x, const struct pii_number *n)
{
    static const char *const own[] = {
        "전화",   "휴대", "폰",     "연락", "계좌", "통장", "카드",   "여권", "면허", "주민",
        "외국인", "차량", "자동차", "제 ",  "내 ",  "저 ",  "이 ",    "그 ",  "본인", "개인",
        "새 ",    "옛",   "다른",   "집",   "회사", "직장", "사무실", "가게", "남편", "아내",
        "엄마",   "아빠", "팩스",   "받",   "식별", "문자", "바뀐",   "기존", NULL};
    size_t end = label_end(x, n->start);
    if (end == n->start || end < 3)
        return false;
    if (pii_word(x, end - 2, "코드") || pii_word(x, end - 2, "no"))
        return end < 4 || !pii_before(x, end - 2, 5, phone_words);
    if (!pii_word(x, end - 2, "번호"))
        return false;
    size_t noun = end - 2 - (x->cp[end - 3] == ' ');
    return noun > 0 && pii_is_letter(x->cp[noun - 1]) && !pii_before(x, end - 2, 6, own);
}

static bool is_other(const struct pii_text *x, const struct pii_number *n, size_t reach)
{
    return labelled_other(x, n) || pii_before(x, n->start, reach, other_words);
}

/* --- resident registration numbers --- */

static int two(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static bool date_ok(const char *d)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int month = two(d + 2), day = two(d + 4);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/* The check digit numbers before October 2020 have. */
static bool rrn_check_ok(const char *d)
{
    static const uint8_t weight[] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    int sum = 0;
    for (int k = 0; k < 12; k++)
        sum += (d[k] - '0') * weight[k];
    return (11 - sum % 11) % 10 == d[12] - '0';
}

static bool is_barcode(const char *d)
{
    int sum = 0;
    for (int k = 0; k < 12; k++)
        sum += (d[k] - '0') * (k % 2 ? 3 : 1);
    return d[0] == '8' && d[1] == '8' && d[2] == '0' && (10 - sum % 10) % 10 == d[12] - '0';
}

/* Whether the century the seventh digit names fits the year: numbers that begin with the day of an
 * order do so too often for those born in this decade. */
static bool century_ok(const char *d)
{
    int year = two(d);
    bool late = d[6] == '3' || d[6] == '4' || d[6] == '7' || d[6] == '8';
    return late ? year < 20 : year >= 30;
}

static bool is_rrn(const struct pii_text *x, const struct pii_number *n)
{
    const char *d = n->digits;
    if (n->plus || n->glued || n->n_digits != 13 || !date_ok(d))
        return false;
    bool parted = shaped(n, "67") || shaped(n, "616");
    if ((!parted && !shaped(n, "d") && n->n_groups != 13) || labelled_other(x, n))
        return false;
    if (near(x, n, rrn_words))
        return true;
    if (d[6] == '0' || d[6] == '9') /* born before 1900 */
        return false;
    if (parted && n->join == PII_TIGHT)
        return !pii_before(x, n->start, 10, other_words);
    if (pii_before(x, n->start, NEAR, other_words) || pii_after(x, n->end, BEHIND, other_words))
        return false;
    return rrn_check_ok(d) || (century_ok(d) && !is_barcode(d));
}

/* --- phones --- */

/* 010 and eight, 011, 016 to 019 and seven or eight; without its zero after a country. */
static bool is_mobile(const char *d, unsigned n)
{
    if (d[0] == '0') {
        d++;
        n--;
    }
    if (d[0] != '1' || (d[1] >= '2' && d[1] <= '5'))
        return false;
    return n == 10 || (n == 9 && d[1] != '0');
}

static bool is_mobile_here(const struct pii_text *x, const struct pii_number *n)
{
    if (n->digits[0] == '1')
        return shaped(n, "244") && n->join != PII_LOOSE && n->digits[1] == '0' &&
               !is_other(x, n, 12);
    if (n->digits[0] != '0' || !is_mobile(n->digits, n->n_digits))
        return false;
    if (shaped(n, "344") || shaped(n, "334") || shaped(n, "38") || shaped(n, "74"))
        return !n->glued || n->n_digits == 11;
    if (n->n_groups > 1 && n->n_digits == 11)
        return (n->group[0] == 3 || n->n_groups == 11) && !is_other(x, n, 12);
    return n->n_groups == 1 && !is_other(x, n, 12);
}

/* 2 (Seoul), 31 to 64, 70 and 50x, after the zero. */
static bool is_area(const char *d)
{
    if (d[0] == '2')
        return true;
    if (d[0] == '7' || d[0] == '5')
        if (d[1] == '0')
            return true;
    return d[0] >= '3' && d[0] <= '6' && d[1] >= '1' && d[1] <= (d[0] == '3' ? '3' : '5');
}

static bool is_landline(const struct pii_text *x, const struct pii_number *n)
{
    if (n->digits[0] != '0' || !is_area(n->digits + 1) || n->n_digits > 12 || n->glued)
        return false;
    bool desk = pii_before(x, n->start, 8, desks);
    bool grouped = n->n_groups == 3 && n->group[0] <= 4 && n->group[0] >= 2 && n->group[1] >= 3 &&
                   n->group[1] <= 4 && n->group[2] == 4;
    if (grouped && n->join != PII_LOOSE)
        return !desk && !labelled_other(x, n);
    return (grouped || n->n_groups <= 2) && !desk && near(x, n, phone_words) && !is_other(x, n, 12);
}

/* +82 10 …, 0082-10-…, 821012345678: what follows the country, or NULL. */
static const char *after_country(const struct pii_number *n)
{
    const char *d = n->digits;
    if (!n->plus && d[0] == '0' && d[1] == '0')
        d += d[2] == '8' ? 2 : 3;
    else if (!n->plus && d[0] == '0')
        return NULL;
    return d[0] == '8' && d[1] == '2' ? d + 2 : NULL;
}

static bool is_phone(const struct pii_text *x, const struct pii_number *n)
{
    const char *home = after_country(n);
    if (home) {
        unsigned rest = n->n_digits - (unsigned)(home - n->digits);
        if (is_mobile(home, rest))
            return n->plus || n->n_groups > 1 || !is_other(x, n, 12);
        return n->plus ? rest >= 8 && rest <= 11
                       : n->n_groups > 2 && n->group[0] == 2 && is_area(home) && rest >= 8 &&
                             n->join != PII_LOOSE;
    }
    if (n->plus)
        return n->n_digits <= 15 && n->join != PII_LOOSE && n->digits[0] != '0' &&
               (n->n_groups > 1 || n->n_digits >= 10) && !is_other(x, n, 12);
    if (n->n_digits < 9)
        return false;
    if (shaped(n, "334") && n->digits[0] >= '2' && n->join != PII_LOOSE) /* North America */
        return !labelled_other(x, n) && ((n->start > 0 && x->cp[n->start - 1] == '(') ||
                                         pii_before(x, n->start, NEAR, phone_words));
    return is_mobile_here(x, n) || is_landline(x, n);
}

/* --- cards --- */

static bool luhn_ok(const struct pii_number *n)
{
    unsigned sum = 0;
    for (unsigned k = 0; k < n->n_digits; k++) {
        unsigned v = (unsigned)(n->digits[n->n_digits - 1 - k] - '0');
        v = k % 2 ? v * 2 : v;
        sum += v > 9 ? v - 9 : v;
    }
    return sum % 10 == 0;
}

/* 3 to 6, and Mastercard's 2221 to 2720. */
static bool is_issuer(const char *d)
{
    int four = two(d) * 100 + two(d + 2);
    return (d[0] >= '3' && d[0] <= '6') || d[0] == '9' || (four >= 2221 && four <= 2720);
}

static bool is_card(const struct pii_text *x, const struct pii_number *n)
{
    bool sixteen = shaped(n, "4444") || shaped(n, "g");
    bool fifteen = (shaped(n, "465") || shaped(n, "f")) && n->digits[0] == '3' &&
                   (n->digits[1] == '4' || n->digits[1] == '7');
    bool fourteen = (shaped(n, "464") || shaped(n, "e")) && n->digits[0] == '3';
    if ((!sixteen && !fifteen && !fourteen) || n->plus || n->glued || !is_issuer(n->digits) ||
        !luhn_ok(n))
        return false;
    if (pii_before(x, n->start, 8, card_words) && !labelled_other(x, n))
        return true;
    if (is_other(x, n, 14))
        return false;
    return (!fourteen && n->digits[0] != '9') || near(x, n, card_words);
}

/* --- licences and accounts --- */

static bool is_licence(const struct pii_text *x, const struct pii_number *n, size_t *ret_start)
{
    int region = two(n->digits);
    bool said = near(x, n, licence_words), coded = region >= 11 && region <= 28;
    if (n->plus || n->glued || n->join == PII_LOOSE)
        return false;
    if (shaped(n, "2262") && coded)
        return said || (n->join == PII_TIGHT && !is_other(x, n, NEAR));
    if (shaped(n, "262")) {
        size_t start = pii_region_before(x, n->start);
        if (start == n->start && !said)
            return false;
        *ret_start = start;
        return true;
    }
    return shaped(n, "c") && coded && said && !labelled_other(x, n);
}

static bool is_account(const struct pii_text *x, const struct pii_number *n)
{
    if (n->plus || n->glued || n->n_digits < 10 || n->n_digits > 16 || n->n_groups > 5 ||
        n->join == PII_LOOSE || (n->join == PII_SPACED && n->n_groups > 4))
        return false;
    if (is_other(x, n, 8))
        return false;
    return pii_before(x, n->start, NEAR, account_words) ||
           (n->n_groups > 1 && pii_after(x, n->end, BEHIND, account_words));
}

bool pii_number_kind(const struct pii_text *x, const struct pii_number *n, enum pii_kind *ret_kind,
                     size_t *ret_start)
{
    enum pii_kind kind;
    if (is_rrn(x, n))
        kind = PII_RRN;
    else if (is_phone(x, n))
        kind = PII_PHONE;
    else if (is_licence(x, n, ret_start))
        kind = PII_DRIVER;
    else if (is_card(x, n))
        kind = PII_CARD;
    else if (is_account(x, n))
        kind = PII_ACCOUNT;
    else
        return false;
    *ret_kind = kind;
    return true;
}

unsigned pii_spoken_kind(const struct pii_number *n, enum pii_kind *ret_kind)
{
    const char *d = n->digits;
    struct pii_number card = *n;
    if (n->n_digits >= 11 && d[0] == '0' && is_mobile(d, 11)) {
        *ret_kind = PII_PHONE;
        return 11;
    }
    if (n->n_digits >= 13 && date_ok(d) && d[6] != '0' && d[6] != '9') {
        *ret_kind = PII_RRN;
        return 13;
    }
    card.n_digits = 16;
    if (n->n_digits >= 16 && is_issuer(d) && luhn_ok(&card)) {
        *ret_kind = PII_CARD;
        return 16;
    }
    return 0;
}
