#include "tests/unit/nlp/nlp_fixture.h"

#include "nlp/norm.h"

static struct norm nm;

static int setup(void **state)
{
    (void)state;
    norm_init(&nm);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    norm_done(&nm);
    return 0;
}

/* The normal form without its marks. */
static const char *normal(const char *text)
{
    static char out[4096];
    norm_reset(&nm);
    assert_int_equal(norm_append(&nm, span_str(text)), 0);
    out[norm_utf8(&nm, 1, nm.n - 1, out)] = 0;
    return out;
}

static void composes_decomposed_hangul_and_latin(void **state)
{
    (void)state;
    assert_string_equal(normal("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"), "각");
    assert_string_equal(normal("cafe\xcc\x81"), "caf\xc3\xa9");
    assert_string_equal(normal("a\xcc\xa3\xcc\x82"), "\xe1\xba\xad");
}

static void folds_case_width_and_quotes(void **state)
{
    (void)state;
    assert_string_equal(normal("ＡＢＣ　Ｄ！"), "abc d!");
    assert_string_equal(normal("ÀÉ “x” ‘y’"), "àé \"x\" 'y'");
    assert_string_equal(normal("\xef\xbe\xa1\xef\xbf\x82"), "ㄱㅏ");
}

static void drops_what_has_no_width(void **state)
{
    (void)state;
    assert_string_equal(normal("배\xe2\x80\x8b송\xef\xbb\xbf"), "배송");
    assert_string_equal(normal("❤\xef\xb8\x8f"), "❤");
}

static void cuts_runs_and_squeezes_space(void **state)
{
    (void)state;
    assert_string_equal(normal("ㅋㅋㅋㅋㅋ 좋좋좋아"), "ㅋㅋ 좋좋아");
    assert_string_equal(normal("  a \t\r\n b\xc2\xa0 "), "a b");
    assert_string_equal(normal("!!!!!"), "!!");
}

static void a_link_is_a_space(void **state)
{
    (void)state;
    assert_string_equal(normal("보기 https://a.example/x?y=1 링크"), "보기 링크");
    assert_string_equal(normal("WWW.a.example는"), "는");
}

static void offsets_lead_back_to_the_bytes(void **state)
{
    (void)state;
    const char *text = "와ㅋㅋㅋㅋ Ａ";
    norm_reset(&nm);
    assert_int_equal(norm_append(&nm, span_str(text)), 0);
    assert_int_equal(nm.n, 7); /* mark 와 ㅋ ㅋ space a mark */
    assert_int_equal(nm.from[2], 3);
    assert_int_equal(nm.to[3], 15); /* the cut run belongs to its last */
    assert_int_equal(nm.from[5], 16);
    assert_int_equal(nm.to[5], 19);
}

static void invalid_bytes_are_replaced(void **state)
{
    (void)state;
    assert_string_equal(normal("a\xff\xc3z"), "a\xef\xbf\xbd\xef\xbf\xbdz");
    assert_string_equal(normal("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
}

static void a_text_can_not_forge_the_marks(void **state)
{
    (void)state;
    assert_string_equal(normal("a\x02\x03z"), "a z");
}

static void many_marks_stay_bounded(void **state)
{
    (void)state;
    char text[4001] = "e";
    for (size_t i = 1; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, i % 4 == 1 ? "\xcc\x81" : "\xcc\xa3", 2);
    text[sizeof(text) - 2] = 0;
    norm_reset(&nm);
    assert_int_equal(norm_append(&nm, span_str(text)), 0);
    assert_true(nm.n <= sizeof(text) + 2);
    for (size_t i = 1; i + 1 < nm.n; i++)
        assert_true(nm.from[i] < nm.to[i] && nm.from[i] <= nm.from[i + 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composes_decomposed_hangul_and_latin),
        cmocka_unit_test(folds_case_width_and_quotes),
        cmocka_unit_test(drops_what_has_no_width),
        cmocka_unit_test(cuts_runs_and_squeezes_space),
        cmocka_unit_test(a_link_is_a_space),
        cmocka_unit_test(offsets_lead_back_to_the_bytes),
        cmocka_unit_test(invalid_bytes_are_replaced),
        cmocka_unit_test(a_text_can_not_forge_the_marks),
        cmocka_unit_test(many_marks_stay_bounded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
