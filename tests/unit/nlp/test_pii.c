#include "tests/unit/nlp/nlp_fixture.h"

#include "base/err.h"

static struct fixture f;

static int setup(void **state)
{
    (void)state;
    fixture_basic(&f);
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_done(&f);
    return 0;
}

static void expect(const char *text, enum pii_kind kind, const char *want)
{
    struct analysis a = fixture_text(&f, text);
    if (a.n_pii != 1)
        fail_msg("%s: %zu found, expected one", text, a.n_pii);
    struct span got = span_of(text + a.pii[0].start, a.pii[0].end - a.pii[0].start);
    if (!span_is(got, want) || a.pii[0].kind != kind)
        fail_msg("%s: kind %u \"%.*s\"", text, a.pii[0].kind, SPAN_FMT(got));
}

static void expect_none(const char *text)
{
    struct analysis a = fixture_text(&f, text);
    if (a.n_pii)
        fail_msg("%s: kind %u at %u", text, a.pii[0].kind, a.pii[0].start);
}

static void finds_each_kind(void **state)
{
    (void)state;
    expect("주민번호 850312-1234567 입니다", PII_RRN, "850312-1234567");
    expect("주민등록번호는 8503121234567", PII_RRN, "8503121234567");
    expect("연락처 010-2345-6789로", PII_PHONE, "010-2345-6789");
    expect("０１０－２３４５－６７８９", PII_PHONE, "０１０－２３４５－６７８９");
    expect("01023456789 전화 주세요", PII_PHONE, "01023456789");
    expect("010 2345 6789", PII_PHONE, "010 2345 6789");
    expect("+82 10-2345-6789", PII_PHONE, "+82 10-2345-6789");
    expect("02-345-6789", PII_PHONE, "02-345-6789");
    expect("031) 345-6789", PII_PHONE, "031) 345-6789");
    expect("카드 5105-1051-0510-5100 취소", PII_CARD, "5105-1051-0510-5100");
    expect("4111111111111111", PII_CARD, "4111111111111111");
    expect("신한은행 110-234-567890", PII_ACCOUNT, "110-234-567890");
    expect("계좌번호는 3333012345678이에요", PII_ACCOUNT, "3333012345678");
    expect("min.su@example.co.kr로", PII_EMAIL, "min.su@example.co.kr");
    expect("메일은 a@example.com.", PII_EMAIL, "a@example.com");
    expect("여권번호 M12345678", PII_PASSPORT, "M12345678");
    expect("여권 M123A4567", PII_PASSPORT, "M123A4567");
    expect("면허번호 11-12-345678-90", PII_DRIVER, "11-12-345678-90");
    expect("서울 12-345678-90", PII_DRIVER, "서울 12-345678-90");
    expect("서울시 강남구 테헤란로 152", PII_ADDRESS, "서울시 강남구 테헤란로 152");
    expect("경기도 성남시 분당구 판교역로12번길 5, 101동 1203호", PII_ADDRESS,
           "경기도 성남시 분당구 판교역로12번길 5, 101동 1203호");
    expect("부산시 해운대구 우동 123-45", PII_ADDRESS, "부산시 해운대구 우동 123-45");
    expect("101동 1203호로 와 주세요", PII_ADDRESS, "101동 1203호");
    expect("차는 12가 3456", PII_VEHICLE, "12가 3456");
    expect("123나4567", PII_VEHICLE, "123나4567");
}

static void leaves_lookalikes_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "주문번호 20231122-0001234",
        "송장번호 6412-3456-7890",
        "850332-1234567 모델",
        "주문번호 2026112212345",
        "주문번호 01012345678",
        "1588-1234로 전화했어요",
        "5105-1051-0510-5101",
        "운송장 4111111111111111",
        "2026-11-22 15:00",
        "2026.11.22",
        "12,345,678원",
        "가격은 1234567890원",
        "모델명 M12345678",
        "시리얼 M123A4567",
        "3동 2호기",
        "앞으로 3일",
        "바로 2개 주문",
        "20분 1234원",
        "@2시 약속",
        "user@localhost",
        "버전 1.2.3.4",
        "192.168.0.10",
        "12월 2026년",
        "30도 2000원",
        "환불로 10000원",
        "a0101234567890",
        "010-1234-56789",
        "오후로 12 변경",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        expect_none(texts[i]);
}

static void finds_several_in_one_text(void **state)
{
    (void)state;
    struct analysis a =
        fixture_text(&f, "010-2345-6789 또는 a@example.com, 국민은행 123456-01-234567");
    assert_int_equal(a.n_pii, 3);
    assert_int_equal(a.pii[0].kind, PII_PHONE);
    assert_int_equal(a.pii[1].kind, PII_EMAIL);
    assert_int_equal(a.pii[2].kind, PII_ACCOUNT);
}

static void names_stand_in_frames(void **state)
{
    (void)state;
    expect("남궁민수 고객입니다 언제 오나요", PII_NAME, "남궁민수");
    expect("안녕하세요 홍길동입니다. 어제 주문했어요", PII_NAME, "홍길동");
    expect("저는 김서연이라고 합니다", PII_NAME, "김서연");
    expect("제 이름은 박지후이고 주문했어요", PII_NAME, "박지후");
    expect("성함: 최유나", PII_NAME, "최유나");
    expect("예금주는 선우연입니다", PII_NAME, "선우연");
    expect("김민준 고객님 확인해 드릴게요", PII_NAME, "김민준");
    expect_none("단골 고객입니다");
    expect_none("우수 고객입니다");
    expect_none("저는 이용자입니다");
    expect_none("정수기입니다");
    expect_none("배송 지연이라고 합니다");
    expect_none("이름이 없는 상품입니다");
    expect_none("예약자 명의 변경이 되나요");
    expect_none("감독은 홍길동 배우는 김서연");
}

static void keywords_hold_no_personal_data(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "저는 홍길동입니다. 메일은 minsu@example.com 냉장고");
    assert_int_equal(a.n_pii, 2);
    bool fridge = false;
    for (size_t i = 0; i < a.n_keywords; i++) {
        assert_true(span_find(a.keywords[i], span_str("홍길동")) == SIZE_MAX);
        assert_true(span_find(a.keywords[i], span_str("minsu")) == SIZE_MAX);
        fridge |= span_starts(a.keywords[i], span_str("냉장고"));
    }
    assert_true(fridge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_kind),
        cmocka_unit_test(leaves_lookalikes_alone),
        cmocka_unit_test(finds_several_in_one_text),
        cmocka_unit_test(names_stand_in_frames),
        cmocka_unit_test(keywords_hold_no_personal_data),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
