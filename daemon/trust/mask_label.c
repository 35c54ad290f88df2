#include "daemon/trust/mask.h"

#include "base/err.h"

enum { MAX_LABEL = 200 };

/* Korean labels are compounds without borders (집주소, 비상연락처): any part of one counts. */
static const struct {
    const char *part;
    enum pii_kind kind;
} korean[] = {
    {"주민", PII_RRN},       {"외국인등록", PII_RRN}, {"전화", PII_PHONE},
    {"연락처", PII_PHONE},   {"휴대폰", PII_PHONE},   {"핸드폰", PII_PHONE},
    {"메일", PII_EMAIL},     {"주소", PII_ADDRESS},   {"배송지", PII_ADDRESS},
    {"거주지", PII_ADDRESS}, {"계좌", PII_ACCOUNT},   {"카드번호", PII_CARD},
    {"여권", PII_PASSPORT},  {"면허", PII_DRIVER},    {"차량번호", PII_VEHICLE},
    {"이름", PII_NAME},      {"성명", PII_NAME},      {"성함", PII_NAME},
    {"고객명", PII_NAME},    {"수령인", PII_NAME},    {"수취인", PII_NAME},
    {"받는", PII_NAME},      {"예금주", PII_NAME},    {"주문자", PII_NAME},
    {"보호자", PII_NAME},    {"생년월일", PII_COUNT}, {"생일", PII_COUNT},
    {"비밀번호", PII_COUNT},
};

/* English ones are words (shipping_address, contactPhone); `name` alone says little: product_name.
 */
static const struct {
    const char *word;
    enum pii_kind kind;
} english[] = {
    {"phone", PII_PHONE},    {"mobile", PII_PHONE},    {"telephone", PII_PHONE},
    {"tel", PII_PHONE},      {"cell", PII_PHONE},      {"fax", PII_PHONE},
    {"email", PII_EMAIL},    {"mail", PII_EMAIL},      {"address", PII_ADDRESS},
    {"addr", PII_ADDRESS},   {"street", PII_ADDRESS},  {"passport", PII_PASSPORT},
    {"recipient", PII_NAME}, {"receiver", PII_NAME},   {"firstname", PII_NAME},
    {"lastname", PII_NAME},  {"fullname", PII_NAME},   {"username", PII_NAME},
    {"birthday", PII_COUNT}, {"birthdate", PII_COUNT}, {"dob", PII_COUNT},
    {"password", PII_COUNT}, {"ssn", PII_COUNT},       {"iban", PII_ACCOUNT},
};
static const char *const persons[] = {"first", "last",     "full",     "user",  "customer",
                                      "given", "family",   "contact",  "owner", "real",
                                      "buyer", "receiver", "recipient"};

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z');
}

/* The next word of a label: borders are other characters and the humps of camelCase. */
static struct span next_word(struct span label, size_t *at)
{
    while (*at < label.n && !is_letter(label.p[*at]))
        ++*at;
    size_t start = *at;
    while (*at < label.n && is_letter(label.p[*at]) &&
           !(*at > start && is_upper(label.p[*at]) && !is_upper(label.p[*at - 1])))
        ++*at;
    return span_of(label.p + start, *at - start);
}

static bool is_person(struct span word)
{
    for (size_t i = 0; i < ARRAY_LEN(persons); i++)
        if (span_eq_nocase(word, span_str(persons[i])))
            return true;
    return false;
}

static int english_kind(struct span label)
{
    struct span before = SPAN_NONE;
    for (size_t at = 0; at < label.n;) {
        struct span word = next_word(label, &at);
        for (size_t i = 0; i < ARRAY_LEN(english); i++)
            if (span_eq_nocase(word, span_str(english[i].word)))
                return english[i].kind;
        bool alone = before.n == 0 && at == label.n;
        if (span_eq_nocase(word, SPAN_LIT("name")) && (alone || is_person(before)))
            return PII_NAME;
        before = word;
    }
    return -1;
}

int mask_label_kind(struct span label)
{
    if (label.n == 0 || label.n > MAX_LABEL)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(korean); i++)
        if (span_find(label, span_str(korean[i].part)) != SIZE_MAX)
            return korean[i].kind;
    return english_kind(label);
}
