/* What a number is. Shapes: RRN and its date by the Resident Registration Act's enforcement rule;
 * phone numbers by the Korean numbering plan; cards by ISO/IEC 7812 (Luhn); licences by the
 * National Police Agency's region codes 11 to 28. A number that shape alone does not tell needs a
 * word near it, and a word like 주문번호 before it says that it is something else. */
#include "nlp/pii.h"

#define NEAR 24 /* code points a telling word may stand away */

static const char *const other_words[] = {
    "주문",     "송장",     "예약", "접수", "상품",   "모델",  "쿠폰",    "티켓번호",
    "승인번호", "관리번호", "일련", "코드", "order",  "track", "invoice", "model",
    "serial",   "ticket",   "case", "ref",  "바코드", "운송",  "시리얼",  NULL};
static const char *const account_words[] = {
    "계좌",   "은행",     "입금",   "예금주",  "국민",   "신한",   "우리", "하나", "농협",
    "기업",   "카뱅",     "카카오", "토스",    "우체국", "새마을", "신협", "수협", "부산은",
    "대구은", "케이뱅크", "sc제일", "account", "bank",   "통장",   NULL};
static const char *const phone_words[] = {"전화",     "연락",    "휴대", "핸드폰", "번호",
                                          "tel",      "phone",   "call", "mobile", "cell",
                                          "reach me", "contact", "문자", NULL};
static const char *const rrn_words[] = {"주민", "rrn", "resident", "등록번호", NULL};
static const char *const licence_words[] = {"면허", "licence", "license", NULL};
static const char *const card_words[] = {"카드", "card", "결제", NULL};
static const char *const regions[] = {"서울", "부산", "경기", "강원", "충북", "충남",
                                      "전북", "전남", "경북", "경남", "제주", "대구",
                                      "인천", "광주", "대전", "울산", NULL};

static bool shaped(const struct pii_number *n, const char *groups)
{
    if (strlen(groups) != n->n_groups)
        return false;
    for (unsigned k = 0; k < n->n_groups; k++)
        if (n->group[k] != (groups[k] >= 'a' ? groups[k] - 'a' + 10 : groups[k] - '0'))
            return false;
    return true;
}

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

static bool is_rrn(const struct pii_text *x, const struct pii_number *n)
{
    if (n->plus || n->n_digits != 13 || !date_ok(n->digits) || n->digits[6] == '0' ||
        n->digits[6] == '9')
        return false;
    if (shaped(n, "67") && !n->spaced)
        return !pii_before(x, n->start, 10, other_words);
    return (shaped(n, "d") || shaped(n, "67")) &&
           (pii_before(x, n->start, NEAR, rrn_words) ||
            (rrn_check_ok(n->digits) && !pii_before(x, n->start, NEAR, other_words)));
}

static bool is_mobile(const struct pii_text *x, const struct pii_number *n)
{
    const char *d = n->digits;
    if (d[0] != '0' || d[1] != '1' || (d[2] != '0' && d[2] != '1' && d[2] < '6'))
        return false;
    if (n->n_digits != 11 && (n->n_digits != 10 || (d[2] == '0' && n->n_groups < 3)))
        return false;
    if (shaped(n, "344") || shaped(n, "334") || shaped(n, "38") || shaped(n, "74"))
        return true;
    return n->n_groups == 1 && !pii_before(x, n->start, 12, other_words);
}

static bool is_landline(const struct pii_text *x, const struct pii_number *n)
{
    const char *d = n->digits;
    bool seoul = d[0] == '0' && d[1] == '2';
    bool area = d[0] == '0' && d[1] >= '3' && d[1] <= '6' && d[2] >= '1' && d[2] <= '5';
    bool net = d[0] == '0' && (d[1] == '7' || d[1] == '5') && (d[2] == '0' || d[1] == '5');
    if (!seoul && !area && !net)
        return false;
    bool grouped = n->n_groups == 3 && n->group[0] <= 4 && n->group[0] >= 2 && n->group[1] >= 3 &&
                   n->group[1] <= 4 && n->group[2] == 4;
    return grouped || (n->n_groups == 1 && n->n_digits >= 9 && n->n_digits <= 12 &&
                       pii_before(x, n->start, NEAR, phone_words) &&
                       !pii_before(x, n->start, 12, other_words));
}

static bool is_phone(const struct pii_text *x, const struct pii_number *n)
{
    if (n->plus)
        return n->n_digits >= 8 && n->n_digits <= 15;
    if (n->n_digits < 9)
        return false;
    if (n->digits[0] == '8' && n->digits[1] == '2' && n->n_groups >= 3 && n->group[0] == 2)
        return n->n_digits >= 10 && n->n_digits <= 13;
    if (shaped(n, "334") && n->digits[0] >= '2') /* North America */
        return (n->start > 0 && x->cp[n->start - 1] == '(') ||
               pii_before(x, n->start, NEAR, phone_words);
    return is_mobile(x, n) || is_landline(x, n);
}

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

static bool is_card(const struct pii_text *x, const struct pii_number *n)
{
    bool shape = shaped(n, "4444") || shaped(n, "g") || shaped(n, "465") || shaped(n, "f");
    if (!shape || n->plus || n->digits[0] < '2' || n->digits[0] == '7' || n->digits[0] == '8' ||
        !luhn_ok(n))
        return false;
    if (shaped(n, "f") || n->digits[0] == '2')
        return pii_before(x, n->start, NEAR, card_words);
    return !pii_before(x, n->start, 14, other_words) || pii_before(x, n->start, 8, card_words);
}

static bool is_licence(const struct pii_text *x, const struct pii_number *n)
{
    int region = two(n->digits);
    if (shaped(n, "2262"))
        return region >= 11 && region <= 28;
    if (shaped(n, "262"))
        return pii_before(x, n->start, 4, regions) || pii_before(x, n->start, NEAR, licence_words);
    return shaped(n, "c") && region >= 11 && region <= 28 &&
           pii_before(x, n->start, NEAR, licence_words);
}

static bool bank_after(const struct pii_text *x, size_t i)
{
    for (size_t k = i; k < x->n && k < i + 12 && !pii_is_digit(x->cp[k]); k++)
        for (const char *const *w = account_words; *w; w++)
            if (pii_word(x, k, *w))
                return true;
    return false;
}

static bool is_account(const struct pii_text *x, const struct pii_number *n)
{
    if (n->plus || n->n_digits < 10 || n->n_digits > 16 || n->n_groups > 5 ||
        (n->spaced && n->n_groups > 4))
        return false;
    if (pii_before(x, n->start, 8, other_words))
        return false;
    return pii_before(x, n->start, NEAR, account_words) ||
           (n->n_groups > 1 && bank_after(x, n->end));
}

bool pii_number_kind(const struct pii_text *x, const struct pii_number *n, enum pii_kind *ret_kind)
{
    static bool (*const readers[])(const struct pii_text *, const struct pii_number *) = {
        is_rrn, is_phone, is_licence, is_card, is_account};
    static const enum pii_kind kinds[] = {PII_RRN, PII_PHONE, PII_DRIVER, PII_CARD, PII_ACCOUNT};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (!readers[k](x, n))
            continue;
        *ret_kind = kinds[k];
        return true;
    }
    return false;
}
