#include "base/span.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "tests/lib/test.h"

static void compares(void **state)
{
    (void)state;
    assert_true(span_eq(SPAN_NONE, SPAN_LIT("")));
    assert_true(span_eq(span_of("a\0b", 3), span_of("a\0b", 3)));
    assert_false(span_eq(span_of("a\0b", 3), span_of("a\0c", 3)));
    assert_true(span_cmp(SPAN_LIT("ab"), SPAN_LIT("abc")) < 0);
    assert_true(span_cmp(SPAN_LIT("b"), SPAN_LIT("abc")) > 0);
    assert_true(span_cmp(SPAN_LIT("\xFF"), SPAN_LIT("a")) > 0); /* bytes are unsigned */
    assert_int_equal(span_cmp(SPAN_NONE, SPAN_LIT("")), 0);
    assert_true(span_eq_nocase(SPAN_LIT("Re배Z["), SPAN_LIT("rE배z[")));
    assert_false(span_eq_nocase(SPAN_LIT("["), SPAN_LIT("{"))); /* 0x20 apart, no letters */
    assert_false(span_eq_nocase(SPAN_LIT("É"), SPAN_LIT("é")));
    assert_false(span_eq_nocase(SPAN_LIT("a"), SPAN_LIT("ab")));
    assert_true(span_starts(SPAN_LIT("abc"), SPAN_NONE));
    assert_false(span_starts(SPAN_LIT("ab"), SPAN_LIT("abc")));
}

static void trims_and_finds(void **state)
{
    (void)state;
    assert_true(span_is(span_trim(SPAN_LIT(" \t\r\n\v\f a b \n")), "a b"));
    assert_int_equal(span_trim(SPAN_LIT("   ")).n, 0);
    assert_int_equal(span_trim(SPAN_NONE).n, 0);
    assert_int_equal(span_find_char(SPAN_LIT("a/b/c"), '/'), 1);
    assert_int_equal(span_find_char(SPAN_LIT("abc"), '/'), 3);
    assert_int_equal(span_find_char(SPAN_NONE, '/'), 0);
    assert_int_equal(span_find(span_of("x\0yz", 4), SPAN_LIT("yz")), 2);
    assert_int_equal(span_find(SPAN_LIT("abc"), SPAN_LIT("")), 0);
    assert_int_equal(span_find(SPAN_NONE, SPAN_LIT("a")), SIZE_MAX);
    assert_int_equal(span_find(SPAN_LIT("ab"), SPAN_LIT("abc")), SIZE_MAX);
}

static void reads_integers(void **state)
{
    static const struct {
        const char *text;
        int r;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"007", 0, 7},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775809", -ERANGE, 0},
        {"99999999999999999999999", -ERANGE, 0},
        {"99999999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
        {"--1", -EINVAL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = 42;

        print_message("%s\n", cases[i].text);
        assert_int_equal(span_to_i64(span_str(cases[i].text), &v), cases[i].r);
        assert_int_equal(v, cases[i].r ? 42 : cases[i].value);
    }
    assert_int_equal(span_to_i64(span_of("1\0", 2), &(int64_t){0}), -EINVAL);
}

static void reads_numbers(void **state)
{
    static const struct {
        const char *text;
        int r;
        double value;
    } cases[] =
        {
            {"0", 0, 0},           {"-1.5", 0, -1.5},      {".5", 0, 0.5},
            {"1e3", 0, 1000},      {"1E-2", 0, 0.01},      {"0.1e+1", 0, 1},
            {"1e-400", 0, 0}, /* too small is zero, not an error */
            {"1e400", -ERANGE, 0}, {"-1e400", -ERANGE, 0}, {"", -EINVAL, 0},
            {".", -EINVAL, 0},     {"5.", -EINVAL, 0},     {"-", -EINVAL, 0},
            {"1e", -EINVAL, 0},    {"1e+", -EINVAL, 0},    {"+1", -EINVAL, 0},
            {" 1", -EINVAL, 0},    {"1,5", -EINVAL, 0},    {"0x1p3", -EINVAL, 0},
            {"inf", -EINVAL, 0},   {"nan", -EINVAL, 0},    {"1.2.3", -EINVAL, 0},
        };
    char digits[1000];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double v = 42;

        print_message("%s\n", cases[i].text);
        assert_int_equal(span_to_f64(span_str(cases[i].text), &v), cases[i].r);
        assert_true(v == (cases[i].r ? 42 : cases[i].value));
    }
    memset(digits, '0', sizeof(digits));
    assert_int_equal(span_to_f64(span_of(digits, 800), &(double){0}), 0);
    assert_int_equal(span_to_f64(span_of(digits, 801), &(double){0}), -ERANGE);
}

static void numbers_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < test_rounds(20000, 2000000); i++) {
        uint64_t bits = test_rand();
        char text[40];
        double v, back;

        memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v))
            continue;
        snprintf(text, sizeof(text), "%.17g", v);
        for (char *p = text; *p; p++)
            assert_true(strchr("0123456789+-.e", *p));
        assert_int_equal(span_to_f64(span_str(text), &back), 0);
        assert_true(back == v);
    }
}

static void globs(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "*", true},
        {"", "?", false},
        {"a", "", false},
        {"abc", "abc", true},
        {"ABC", "aBc", true},
        {"abc", "ab", false},
        {"abc", "a*", true},
        {"abc", "*c", true},
        {"abc", "*b*", true},
        {"abc", "*d*", false},
        {"abc", "a?c", true},
        {"배송", "?송", true},
        {"배송", "??", true},
        {"배송", "???", false},
        {"배송이 늦어요", "배송*늦*", true},
        {"😀", "?", true},
        {"abcabd", "*abd", true},
        {"aaab", "*a?b", true},
        {"가axy", "*???x?", false}, /* a star steps over whole code points */
        {"mississippi", "m*iss*ip*i", true},
        {"mississippi", "m*iss*x*i", false},
        {"a*b", "a**b", true},
        {"É", "é", false}, /* only ASCII folds */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s ~ %s\n", cases[i].text, cases[i].pattern);
        assert_int_equal(span_glob(span_str(cases[i].text), span_str(cases[i].pattern)),
                         cases[i].match);
    }
    assert_true(span_glob(span_of("a\0b", 3), SPAN_LIT("a?b")));
    assert_true(span_glob(SPAN_LIT("\xFF\xFE"), SPAN_LIT("??"))); /* broken bytes count one each */
}

/* The definition, exponential and obvious. */
static bool glob_by_definition(struct span s, struct span p)
{
    uint32_t cp;

    if (p.n == 0)
        return s.n == 0;
    if (p.p[0] == '*') {
        if (glob_by_definition(s, span_of(p.p + 1, p.n - 1)))
            return true;
        return s.n &&
               glob_by_definition(
                   span_of(s.p + utf8_decode(s.p, s.n, &cp), s.n - utf8_decode(s.p, s.n, &cp)), p);
    }
    if (s.n == 0)
        return false;
    if (p.p[0] == '?') {
        unsigned n = utf8_decode(s.p, s.n, &cp);

        return glob_by_definition(span_of(s.p + n, s.n - n), span_of(p.p + 1, p.n - 1));
    }
    return span_eq_nocase(span_of(s.p, 1), span_of(p.p, 1)) &&
           glob_by_definition(span_of(s.p + 1, s.n - 1), span_of(p.p + 1, p.n - 1));
}

static void globs_as_defined(void **state)
{
    static const char *const letters[] = {"a", "B", "b", "가", "é", "*", "?"};

    (void)state;
    for (size_t i = 0; i < test_rounds(50000, 1000000); i++) {
        char text[64] = "", pattern[64] = "";
        struct span s, p;

        for (uint64_t n = test_below(9); n; n--)
            strcat(text, letters[test_below(5)]);
        for (uint64_t n = test_below(7); n; n--)
            strcat(pattern, letters[test_below(7)]);
        s = span_str(text);
        p = span_str(pattern);
        if (span_glob(s, p) != glob_by_definition(s, p))
            fail_msg("\"%s\" ~ \"%s\"", text, pattern);
    }
}

/* 20 stars over 64 KiB: what an exponential matcher never ends on. */
static void globs_in_linear_time(void **state)
{
    static char text[65536];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_false(span_glob(span_of(text, sizeof(text)),
                           SPAN_LIT("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),          cmocka_unit_test(trims_and_finds),
        cmocka_unit_test(reads_integers),    cmocka_unit_test(reads_numbers),
        cmocka_unit_test(numbers_read_back), cmocka_unit_test(globs),
        cmocka_unit_test(globs_as_defined),  cmocka_unit_test(globs_in_linear_time),
    };

    return cmocka_run_group_tests_name("base/span", tests, NULL, NULL);
}
