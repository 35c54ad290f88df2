#include "base/utf8.h"

#include "base/err.h"
#include "tests/lib/test.h"

static void encodes_and_decodes_every_code_point(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110400; cp++) {
        char bytes[4];
        uint32_t back = UINT32_MAX;
        unsigned n = utf8_encode(cp, bytes);
        bool scalar = cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF);

        if (!scalar) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_int_equal(n, cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_decode(bytes, n, &back), n);
        assert_int_equal(back, cp);
        assert_int_equal(utf8_decode(bytes, n - (n > 1), &back), n == 1 ? 1 : 0);
    }
    assert_int_equal(utf8_encode(UINT32_MAX, (char[4]){0}), 0);
}

static void encodes_as_the_standard_shows(void **state)
{
    char b[4];

    (void)state; /* Unicode 15, table 3-4 */
    assert_int_equal(utf8_encode(0x4D, b), 1);
    assert_memory_equal(b, "\x4D", 1);
    assert_int_equal(utf8_encode(0x430, b), 2);
    assert_memory_equal(b, "\xD0\xB0", 2);
    assert_int_equal(utf8_encode(0x4E8C, b), 3);
    assert_memory_equal(b, "\xE4\xBA\x8C", 3);
    assert_int_equal(utf8_encode(0x10302, b), 4);
    assert_memory_equal(b, "\xF0\x90\x8C\x82", 4);
}

/* Valid is what some code point encodes to: read the bits loosely, encode, compare. */
static unsigned loose_length(const unsigned char *u)
{
    unsigned n = u[0] < 0x80 ? 1 : u[0] < 0xC0 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    uint32_t cp = n == 1 ? u[0] : n == 2 ? u[0] & 0x1F : n == 3 ? u[0] & 0xF : u[0] & 7;
    char again[4];

    for (unsigned i = 1; i < n; i++)
        cp = cp << 6 | (u[i] & 0x3F);
    return n && utf8_encode(cp, again) == n && memcmp(again, u, n) == 0 ? n : 0;
}

static void accepts_exactly_what_is_encoded(void **state)
{
    static const unsigned char edge[] = {0x00, 0x7F, 0x80, 0x8F, 0x90,
                                         0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    unsigned wrong = 0;

    (void)state;
    for (unsigned first = 0; first < 65536; first++) {
        for (unsigned rest = 0; rest < 100; rest++) {
            unsigned char u[4] = {(unsigned char)(first >> 8), (unsigned char)first,
                                  edge[rest / 10], edge[rest % 10]};
            uint32_t cp;

            wrong += utf8_decode((const char *)u, 4, &cp) != loose_length(u);
        }
    }
    assert_int_equal(wrong, 0);
}

static void finds_the_valid_prefix(void **state)
{
    static const struct {
        const char *text;
        size_t n, valid;
    } cases[] = {
        {"", 0, 0},
        {"abc\0def", 7, 7},
        {"배송", 6, 6},
        {"배송", 5, 3},             /* cut */
        {"ab\xC0\x80", 4, 2},       /* overlong NUL */
        {"\xE0\x80\xAF", 3, 0},     /* overlong / */
        {"\xF0\x8F\xBF\xBF", 4, 0}, /* overlong U+FFFF */
        {"a\xED\xA0\x80", 4, 1},    /* surrogate */
        {"a\xED\xBF\xBF", 4, 1},
        {"\xF4\x8F\xBF\xBF", 4, 4}, /* U+10FFFF */
        {"\xF4\x90\x80\x80", 4, 0}, /* beyond */
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xFF", 1, 0},
        {"\x80", 1, 0},                            /* continuation alone */
        {"0123456789abcdef\xFFxxxxxxxxx", 26, 16}, /* behind two whole words */
        {"01234567\xE2\x82", 10, 8},
    };

    (void)state;
    assert_int_equal(utf8_valid(SPAN_NONE), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        assert_int_equal(utf8_valid(span_of(cases[i].text, cases[i].n)), cases[i].valid);
    }
}

/* A bad byte is found at every place of the eight-byte stride. */
static void finds_a_bad_byte_anywhere(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        char text[40];

        memset(text, 'a', sizeof(text));
        text[at] = (char)0xFE;
        assert_int_equal(utf8_valid(span_of(text, sizeof(text))), at);
    }
}

static void counts_and_cuts(void **state)
{
    struct span s = SPAN_LIT("a배😀é");

    (void)state;
    assert_int_equal(utf8_count(s), 4);
    assert_int_equal(utf8_count(SPAN_NONE), 0);
    assert_int_equal(utf8_cut(s, 100).n, 10);
    assert_int_equal(utf8_cut(s, 10).n, 10);
    assert_int_equal(utf8_cut(s, 9).n, 8);
    assert_int_equal(utf8_cut(s, 8).n, 8);
    assert_int_equal(utf8_cut(s, 7).n, 4);
    assert_int_equal(utf8_cut(s, 3).n, 1);
    assert_int_equal(utf8_cut(s, 0).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_every_code_point),
        cmocka_unit_test(encodes_as_the_standard_shows),
        cmocka_unit_test(accepts_exactly_what_is_encoded),
        cmocka_unit_test(finds_the_valid_prefix),
        cmocka_unit_test(finds_a_bad_byte_anywhere),
        cmocka_unit_test(counts_and_cuts),
    };

    return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
