#include "daemon/trust/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/lib/test.h"

static const char *masked_field(enum pii_kind kind, const char *value)
{
    static struct buf b;
    if (!b.max)
        buf_init(&b, 0);
    buf_reset(&b);
    assert_int_equal(mask_field(kind, span_str(value), &b), 0);
    return b.n ? b.p : "";
}

static const struct {
    enum pii_kind kind;
    const char *value, *masked;
} fields[] = {
    {PII_NAME, "홍길동", "홍*동"},
    {PII_NAME, "홍길", "홍*"},
    {PII_NAME, "홍", "*"},
    {PII_NAME, "남궁민수", "남**수"},
    {PII_NAME, "홍 길동", "홍 *동"},
    {PII_NAME, "John Smith", "J*** S***"},
    {PII_NAME, "J Smith", "*** S***"},
    {PII_NAME, "", ""},
    {PII_PHONE, "010-1234-5678", "010-****-5678"},
    {PII_PHONE, "01012345678", "010****5678"},
    {PII_PHONE, "011-234-5678", "011-***-5678"},
    {PII_PHONE, "+82 10-1234-5678", "+82 10-****-5678"},
    {PII_PHONE, "+821012345678", "+8210****5678"},
    {PII_PHONE, "+82 (0)10 1234 5678", "+82 (0)10 **** 5678"},
    {PII_PHONE, "0082-10-1234-5678", "0082-10-****-5678"},
    {PII_PHONE, "02-123-4567", "02-***-4567"},
    {PII_PHONE, "02-1234-5678", "02-****-5678"},
    {PII_PHONE, "031-123-4567", "031-***-4567"},
    {PII_PHONE, "+82 2 123 4567", "+82 2 *** 4567"},
    {PII_PHONE, "0505-1234-5678", "0505-****-5678"},
    {PII_PHONE, "+1 415 555 2671", "+1 4** *** 2671"},
    {PII_PHONE, "1234-5678", "****-5678"},
    {PII_PHONE, "12345", "*****"},
    {PII_PHONE, "공일공-1234-5678", "***-****-5678"},
    {PII_PHONE, "０１０－１２３４－５６７８", "０１０－****－５６７８"},
    {PII_EMAIL, "hong@example.com", "h***@example.com"},
    {PII_EMAIL, "h@example.com", "***@example.com"},
    {PII_EMAIL, "not an address", "n***"},
    {PII_CARD, "1234-5678-9012-3456", "1234-56**-****-3456"},
    {PII_CARD, "1234567890123456", "123456******3456"},
    {PII_CARD, "1234-5678", "****-****"},
    {PII_ACCOUNT, "110-123-456789", "110-***-***789"},
    {PII_ACCOUNT, "12-345", "**-***"},
    {PII_RRN, "900101-1234567", "900101-*******"},
    {PII_RRN, "9001011234567", "900101*******"},
    {PII_RRN, "12345", "*****"},
    {PII_PASSPORT, "M12345678", "M********"},
    {PII_PASSPORT, "M123A4567", "M********"},
    {PII_DRIVER, "11-22-123456-78", "11-**-******-**"},
    {PII_ADDRESS, "서울특별시 강남구 테헤란로 123 4층", "서울특별시 강남구 ***"},
    {PII_ADDRESS, "경기도 성남시 분당구 판교로 1", "경기도 성남시 분당구 ***"},
    {PII_ADDRESS, "서울 강남구 역삼동 1-2", "서울 강남구 ***"},
    {PII_ADDRESS, "테헤란로 123", "***"},
    {PII_VEHICLE, "12가3456", "12가****"},
    {PII_VEHICLE, "서울 12가3456", "서울 12가****"},
    {PII_VEHICLE, "123가4567", "123가****"},
    {PII_COUNT, "비밀번호", "비***"},
    {PII_COUNT, "a", "***"},
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_string_equal(masked_field(fields[i].kind, fields[i].value), fields[i].masked);
}

static char *masked_text(const char *text, const struct pii_span *spans, size_t n)
{
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(mask_text(span_str(text), PART_TEXT, spans, n, &b), 0);
    return b.p;
}

/* Nobody said where the personal data is: it is found by pattern. */
static const struct {
    const char *text, *masked;
} texts[] = {
    {"제 번호는 010-1234-5678입니다.", "제 번호는 010-****-5678입니다."},
    {"전화 010 1234 5678 또는 02)123-4567", "전화 010 **** 5678 또는 02)***-4567"},
    {"tel:01012345678,01087654321", "tel:010****5678,010****4321"},
    {"2026-11-22 010-1234-5678", "2026-11-22 010-****-5678"},
    {"010-1234-5678 010-8765-4321", "010-****-5678 010-****-4321"},
    {"+82-10-1234-5678", "+82-10-****-5678"},
    {"10-1234-5678", "10-****-5678"},
    {"주민번호 900101-1234567 입니다", "주민번호 900101-******* 입니다"},
    {"900101 - 1234567", "900101 - *******"},
    {"카드 1234-5678-9012-3456", "카드 1234-56**-****-3456"},
    {"카드 4111111111111111", "카드 411111******1111"},
    {"신한 110-123-456789로", "신한 110-***-***789로"},
    {"메일은 gildong.hong+a@mail.example.co.kr 로", "메일은 g***@mail.example.co.kr 로"},
    {"hong @ example.com", "h***@ example.com"},
    {"hong＠example.com.", "h***＠example.com."},
    {"０１０－１２３４－５６７８", "０１０－****－５６７８"},
    {"010\xc2\xb7"
     "1234\xc2\xb7"
     "5678",
     "010\xc2\xb7****\xc2\xb7"
     "5678"},
    {"0 1 0 1 2 3 4 5 6 7 8", "0 1 0 * * * * 5 6 7 8"},
    {"https://shop.example.com/o?phone=01012345678&mail=a.b@example.com&x=1",
     "https://shop.example.com/o?phone=010****5678&mail=a***@example.com&x=1"},
    {"mail=gildong%40example.com", "mail=g***%40example.com"},
    {"주소는 서울특별시 강남구 테헤란로 152 3층 302호입니다", "주소는 서울특별시 강남구 ***입니다"},
    {"경기도 성남시 분당구 판교역로 166번길 12 (백현동) 로", "경기도 성남시 분당구 ***) 로"},
    {"서울 강남구 역삼1동 737번지, 급해요", "서울 강남구 ***, 급해요"},
    {"부산광역시 해운대구 우동 1408 래미안 101동 1502호로 보내주세요",
     "부산광역시 해운대구 ***로 보내주세요"},
    {"강남구 테헤란로152에서", "강남구 ***에서"},
    {"수원시 팔달구 효원로 1", "수원시 팔달구 ***"},
    /* what is not personal stays */
    {"다시 카드로 3만원 결제했어요", "다시 카드로 3만원 결제했어요"},
    {"그래도 앞으로 2번은 안 삽니다", "그래도 앞으로 2번은 안 삽니다"},
    {"혹시 친구 집으로 5개 보낼 수 있나요", "혹시 친구 집으로 5개 보낼 수 있나요"},
    {"서울 강남구 매장에서 3층", "서울 강남구 매장에서 3층"},
    {"서울로 2번 보냈는데 다시 경기도로 1개", "서울로 2번 보냈는데 다시 경기도로 1개"},
    {"주문 20261122-0001234는 2026-11-22 09:10에", "주문 20261122-0001234는 2026-11-22 09:10에"},
    {"1588-1234로 전화했는데", "1588-1234로 전화했는데"},
    {"3,500원짜리 12개", "3,500원짜리 12개"},
    {"@handle 그리고 a@b", "@handle 그리고 a@b"},
    {"2026-11-22-10-30-15", "2026-11-22-10-30-15"},
    {"192.168.100.200", "192.168.100.200"},
    {"", ""},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *out = masked_text(texts[i].text, NULL, 0);
        assert_string_equal(out ? out : "", texts[i].masked);
        free(out);
    }
}

/* A span of `needle` in `text`. */
static struct pii_span span_at(const char *text, const char *needle, enum pii_kind kind)
{
    const char *p = strstr(text, needle);
    assert_non_null(p);
    return (struct pii_span){.part = PART_TEXT,
                             .kind = (uint8_t)kind,
                             .start = (uint32_t)(p - text),
                             .end = (uint32_t)(p - text + (ptrdiff_t)strlen(needle))};
}

static const struct {
    const char *label;
    int kind;
} labels[] = {
    {"이름", PII_NAME},
    {"예전 이름", PII_NAME},
    {"받는 분", PII_NAME},
    {"집주소", PII_ADDRESS},
    {"비상연락처", PII_PHONE},
    {"이메일", PII_EMAIL},
    {"계좌", PII_ACCOUNT},
    {"name", PII_NAME},
    {"customer_name", PII_NAME},
    {"firstName", PII_NAME},
    {"product_name", -1},
    {"name_of_product", -1},
    {"shippingAddress", PII_ADDRESS},
    {"contactPhone", PII_PHONE},
    {"EMAIL", PII_EMAIL},
    {"Hotel", -1},
    {"grade", -1},
    {"등급", -1},
    {"", -1},
};

static void test_labels(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (mask_label_kind(span_str(labels[i].label)) != labels[i].kind)
            fail_msg("%s: %d", labels[i].label, mask_label_kind(span_str(labels[i].label)));
}

static void test_spans(void **state)
{
    (void)state;
    const char *text = "홍길동입니다. 여권 M12345678, 010-1234-5678";
    struct pii_span spans[] = {
        span_at(text, "홍길동", PII_NAME),
        span_at(text, "M12345678", PII_PASSPORT),
        span_at(text, "010-1234-5678", PII_PHONE),
        {.part = PART_TITLE, .kind = PII_NAME, .start = 9, .end = 18},
        {.part = PART_TEXT, .kind = PII_NAME, .start = 1000, .end = 2000},
    };
    char *out = masked_text(text, spans, 5);
    assert_string_equal(out, "홍*동입니다. 여권 M********, 010-****-5678");
    free(out);
}

/* Spans that overlap without one covering the other follow no kind's rule: all is hidden. */
static void test_overlaps(void **state)
{
    (void)state;
    const char *text = "서울특별시 강남구 010-1234-5678 끝";
    struct pii_span across = span_at(text, "강남구 010-12", PII_ADDRESS);
    char *out = masked_text(text, &across, 1);
    assert_string_equal(out, "서울특별시 *** 끝");
    free(out);
    struct pii_span over = span_at(text, "강남구 010-1234-5678", PII_ADDRESS);
    out = masked_text(text, &over, 1);
    assert_string_equal(out, "서울특별시 강남구 *** 끝");
    free(out);
}

/* A span that cuts a character is widened to the character. */
static void test_span_inside_a_character(void **state)
{
    (void)state;
    struct pii_span s = {.part = PART_TEXT, .kind = PII_COUNT, .start = 4, .end = 5};
    char *out = masked_text("가나다", &s, 1);
    assert_string_equal(out, "가***다");
    free(out);
}

static void test_known_values(void **state)
{
    (void)state;
    struct mask_known known[] = {
        {PII_NAME, SPAN_LIT("홍길동")},
        {PII_NAME, SPAN_LIT("Kim")},
        {PII_COUNT, SPAN_LIT("x")}, /* one character: would hit everywhere */
    };
    const char *text = "홍길동이 말했다. KIM likes kimchi x";
    struct mask_input in = {.text = span_str(text), .known = known, .n_known = 3};
    struct mask_plan plan;
    struct arena a;
    struct buf b;
    arena_init(&a, 0);
    buf_init(&b, 0);
    assert_int_equal(mask_plan(&in, &a, &plan), 0);
    assert_int_equal(mask_slice(&plan, 0, (uint32_t)in.text.n, &b), 0);
    assert_string_equal(b.p, "홍*동이 말했다. K*** likes kimchi x");
    buf_done(&b);
    arena_done(&a);
}

/* A number the customer is known to have, said in part: nothing else tells that it is one. */
static void test_known_number_in_part(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } table[] = {
        {"9876-5432로 전화 주세요", "***로 전화 주세요"},
        {"98765432", "***"},
        {"9876 5432", "***"},
        {"9876.5432", "***"},
        {"공일공-9876-5432", "공일공-***"},
        {"９８７６-５４３２", "***"},
        {"010-9876-5432", "010-****-5432"},
        {"뒷자리 5432", "뒷자리 5432"},
        {"198765432번", "198765432번"},
        {"987654321번", "987654321번"},
        {"9876 - 543", "9876 - 543"},
    };
    struct mask_known known[] = {{PII_PHONE, SPAN_LIT("+821098765432")}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct mask_input in = {.text = span_str(table[i].text), .known = known, .n_known = 1};
        struct mask_plan plan;
        struct arena a;
        struct buf b;
        arena_init(&a, 0);
        buf_init(&b, 0);
        assert_int_equal(mask_plan(&in, &a, &plan), 0);
        assert_int_equal(mask_slice(&plan, 0, (uint32_t)in.text.n, &b), 0);
        assert_string_equal(b.p, table[i].shown);
        buf_done(&b);
        arena_done(&a);
    }
}

/* Slices and offsets: every cut of a text into two gives the whole, or the touched place twice. */
static void test_slices_and_offsets(void **state)
{
    (void)state;
    const char *text = "연락처 010-1234-5678, 메일 hong@example.com 끝";
    struct mask_input in = {.text = span_str(text), .part = PART_TEXT};
    struct mask_plan plan;
    struct arena a;
    struct buf whole, part;
    arena_init(&a, 0);
    buf_init(&whole, 0);
    buf_init(&part, 0);
    assert_int_equal(mask_plan(&in, &a, &plan), 0);
    assert_int_equal(plan.n_edits, 2);
    mask_slice(&plan, 0, (uint32_t)in.text.n, &whole);
    assert_string_equal(whole.p, "연락처 010-****-5678, 메일 h***@example.com 끝");
    for (uint32_t cut = 0; cut <= in.text.n; cut++) {
        bool inside = false;
        for (size_t i = 0; i < plan.n_edits; i++)
            inside |= cut > plan.edits[i].start && cut < plan.edits[i].end;
        buf_reset(&part);
        mask_slice(&plan, 0, cut, &part);
        uint32_t end = mask_offset(&plan, cut, true);
        assert_int_equal(part.n, end);
        assert_true(span_starts(buf_span(&whole), buf_span(&part)));
        if (!inside)
            assert_int_equal(mask_offset(&plan, cut, false), end);
        assert_null(part.n ? strstr(part.p, "1234") : NULL);
        assert_null(part.n ? strstr(part.p, "hong") : NULL);
    }
    buf_done(&whole);
    buf_done(&part);
    arena_done(&a);
}

/* --- random: what is generated as personal does not come out --- */

static const char *const separators[] = {
    "-",        " ",  ".",  "", "-", "/", " - ", "~", "\xe2\x80\x93", "\xef\xbc\x8d",
    "\xc2\xb7", "\t", ") ", "_"};

static const char *separator(void)
{
    return separators[test_below(sizeof separators / sizeof separators[0])];
}

static void digits(char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('0' + test_below(10));
    out[n] = '\0';
}

struct sample {
    struct buf text;
    char secret[20]; /* must not be among the digits of the output */
};

static void make_phone(struct sample *s)
{
    char tail[5];
    do {
        digits(s->secret, 4);
        digits(tail, 4);
    } while (strcmp(s->secret, tail) == 0 || strcmp(s->secret, "2026") == 0);
    bool abroad = test_below(4) == 0;
    const char *sep = separator();
    buf_printf(&s->text, "%s%s%s%s%s", abroad ? "+82 10" : "010", sep, s->secret, sep, tail);
}

static void make_rrn(struct sample *s)
{
    digits(s->secret, 7);
    s->secret[0] = (char)('1' + test_below(4));
    buf_printf(&s->text, "%02u%02u%02u%s%s", (unsigned)test_below(100),
               1 + (unsigned)test_below(12), 1 + (unsigned)test_below(28), separator(), s->secret);
}

static char check_digit(const char *number, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned v = (unsigned)(number[n - 1 - i] - '0') * (i % 2 == 0 ? 2 : 1);
        sum += v > 9 ? v - 9 : v;
    }
    return (char)('0' + (10 - sum % 10) % 10);
}

static void make_card(struct sample *s)
{
    char number[17];
    const char *sep = separator();
    digits(number, 15);
    number[0] = (char)('3' + test_below(4));
    number[15] = check_digit(number, 15);
    number[16] = '\0';
    snprintf(s->secret, sizeof s->secret, "%.6s", number + 6);
    buf_printf(&s->text, "%.4s%s%.4s%s%.4s%s%.4s", number, sep, number + 4, sep, number + 8, sep,
               number + 12);
}

static void make_email(struct sample *s)
{
    size_t n = 4 + test_below(8);
    for (size_t i = 0; i < n; i++)
        s->secret[i] = "abcdefghijklmnopqrstuvwxyz0123456789._-"[test_below(36)];
    s->secret[n] = '\0';
    buf_printf(&s->text, "%s@%s", s->secret, test_below(2) ? "example.com" : "a-b.example.co.kr");
}

static const char *const words[] = {"배송이 ", "늦어요. ",    "연락처는 ",   "입니다",
                                    "(문의)",  "\n",          "order 7 ",    "2026년 ",
                                    "3개 ",    "감사합니다!", "환불 요청: ", "A/S "};

static void add_words(struct buf *b)
{
    for (size_t i = test_below(4); i > 0; i--)
        buf_str(b, words[test_below(sizeof words / sizeof words[0])]);
}

static void test_random_personal_data(void **state)
{
    (void)state;
    static void (*const makers[])(struct sample *) = {make_phone, make_rrn, make_card, make_email};
    test_seed();
    for (size_t i = 0; i < test_rounds(20000, 2000000); i++) {
        struct sample s;
        struct buf out;
        size_t kind = test_below(4);
        buf_init(&s.text, 0);
        buf_init(&out, 0);
        add_words(&s.text);
        makers[kind](&s);
        buf_str(&s.text, kind == 3 ? " " : "");
        for (size_t k = test_below(3); k > 0; k--)
            buf_str(&s.text, words[test_below(6)]);
        assert_int_equal(mask_text(buf_span(&s.text), PART_TEXT, NULL, 0, &out), 0);
        assert_int_equal(utf8_valid(buf_span(&out)), out.n);
        if (strstr(out.p, s.secret))
            fail_msg("%s leaks from: %s\nmasked: %s", s.secret, s.text.p, out.p);
        buf_done(&s.text);
        buf_done(&out);
    }
}

/* Any bytes, any spans: no crash, valid UTF-8 stays valid, slices agree with offsets. */
static void test_random_bytes(void **state)
{
    (void)state;
    test_seed();
    for (size_t i = 0; i < test_rounds(20000, 1000000); i++) {
        struct buf text, out;
        struct pii_span spans[4];
        buf_init(&text, 0);
        buf_init(&out, 0);
        add_words(&text);
        for (size_t k = test_below(30); k > 0; k--)
            buf_char(&text, (char)("0123456789-. @+a"[test_below(16)]));
        add_words(&text);
        for (size_t k = 0; k < 4; k++)
            spans[k] = (struct pii_span){.part = PART_TEXT,
                                         .kind = (uint8_t)test_below(PII_COUNT + 2),
                                         .start = (uint32_t)test_below(text.n + 3),
                                         .end = (uint32_t)test_below(text.n + 3)};
        assert_int_equal(mask_text(buf_span(&text), PART_TEXT, spans, test_below(5), &out), 0);
        if (utf8_valid(buf_span(&out)) != out.n)
            fail_msg("not UTF-8 from: %s", text.p);
        buf_done(&text);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_span_inside_a_character),
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_known_number_in_part),
        cmocka_unit_test(test_slices_and_offsets),
        cmocka_unit_test(test_random_personal_data),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
