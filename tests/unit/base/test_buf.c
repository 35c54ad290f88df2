#include "base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "tests/lib/test.h"

static void appends(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    assert_int_equal(buf_append(&b, NULL, 0), 0);
    assert_int_equal(buf_add(&b, SPAN_NONE), 0);
    assert_null(b.p);
    buf_str(&b, "ab");
    buf_char(&b, '\0');
    buf_add(&b, SPAN_LIT("cd"));
    assert_int_equal(buf_printf(&b, "%05d|%s", 42, "x"), 0);
    assert_int_equal(b.n, 12);
    assert_memory_equal(b.p, "ab\0cd00042|x", 13);
    buf_reset(&b);
    assert_int_equal(b.n, 0);
    assert_string_equal(b.p, "");
    buf_done(&b);
    assert_null(b.p);
    buf_done(&b);
}

static void reaches_its_maximum_exactly(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_char(&b, (char)('a' + i % 26)), 0);
    assert_int_equal(b.n, 1000);
    assert_int_equal(b.p[1000], '\0');
    assert_int_equal(buf_char(&b, 'x'), -EMSGSIZE);
    assert_int_equal(buf_append(&b, NULL, 0), -EMSGSIZE);
    assert_null(buf_reserve(&b, 0)); /* sticky */
    assert_int_equal(buf_printf(&b, "%s", ""), -EMSGSIZE);
    assert_int_equal(b.n, 1000);
    buf_reset(&b);
    assert_int_equal(buf_error(&b), 0);
    assert_int_equal(buf_printf(&b, "%1000s", ""), 0);
    assert_int_equal(buf_printf(&b, "%s", ""), 0);
    assert_int_equal(buf_printf(&b, "y"), -EMSGSIZE);
    assert_int_equal(b.p[1000], '\0');
    buf_reset(&b);
    assert_int_equal(buf_append(&b, "", SIZE_MAX), -EMSGSIZE);
    buf_done(&b);
}

/* What did not fit must not show, even where there was room for a part of it. */
static void keeps_what_it_had_on_failure(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    buf_str(&b, "1234567");
    assert_int_equal(buf_printf(&b, "%s", "89012345"), -EMSGSIZE);
    assert_string_equal(b.p, "1234567");
    assert_int_equal(b.n, 7);
    buf_done(&b);
}

static void prints_past_its_room(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    buf_str(&b, "x");
    assert_int_equal(buf_printf(&b, "%5000d", 7), 0);
    assert_int_equal(b.n, 5001);
    assert_memory_equal(b.p + 4999, " 7", 3);
    buf_done(&b);
}

static void reserves_and_consumes(void **state)
{
    struct buf b;
    char *p;

    (void)state;
    buf_init(&b, 5000);
    p = buf_reserve(&b, 5000);
    assert_non_null(p);
    memset(p, 'z', 5000);
    b.n += 5000;
    assert_int_equal(b.p[5000], '\0');
    buf_consume(&b, 4998);
    assert_string_equal(b.p, "zz");
    buf_consume(&b, 0);
    buf_consume(&b, 99);
    assert_int_equal(b.n, 0);
    assert_string_equal(b.p, "");
    assert_null(buf_reserve(&b, 5001));
    assert_int_equal(buf_error(&b), -EMSGSIZE);
    buf_done(&b);
    buf_consume(&b, 3); /* nothing there yet */
}

static void random_appends_keep_the_bytes(void **state)
{
    static char expected[20000];

    (void)state;
    for (size_t round = 0; round < test_rounds(200, 5000); round++) {
        struct buf b;
        size_t n = 0;

        buf_init(&b, 20000);
        while (n < 15000) {
            char piece[600];
            size_t k = test_below(sizeof(piece));

            memset(piece, (int)test_below(256), k);
            memcpy(expected + n, piece, k);
            n += k;
            assert_int_equal(buf_append(&b, piece, k), 0);
        }
        assert_int_equal(b.n, n);
        assert_memory_equal(b.p, expected, n);
        assert_int_equal(b.p[n], '\0');
        buf_done(&b);
    }
}

static void writes_json_strings(void **state)
{
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
        {{NULL, 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"배송 \"늦음\"", 15}, "\"배송 \\\"늦음\\\"\""},
        {{"a\\b/c", 5}, "\"a\\\\b/c\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
        {{"x\u2028y\u2029", 8}, "\"x\\u2028y\\u2029\""},
        {{"\u2027\u202A", 6}, "\"\u2027\u202A\""},
        {{"😀", 4}, "\"😀\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;

        buf_init(&b, 0);
        assert_int_equal(buf_json_str(&b, cases[i].in), 0);
        assert_string_equal(b.p, cases[i].out);
        buf_done(&b);
    }
}

static void reports_a_json_string_that_does_not_fit(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 6);
    assert_int_equal(buf_json_str(&b, SPAN_LIT("abcd")), 0);
    buf_reset(&b);
    assert_int_equal(buf_json_str(&b, SPAN_LIT("ab\nd")), -EMSGSIZE);
    buf_done(&b);
}

static void writes_the_shortest_number(void **state)
{
    static const struct {
        double in;
        const char *out;
    } cases[] = {
        {0, "0"},
        {0.1, "0.1"},
        {-1.5, "-1.5"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e300, "1e+300"},
        {5e-324, "4.94065645841247e-324"},
        {0x1p53, "9007199254740992"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;

        buf_init(&b, 0);
        buf_json_f64(&b, cases[i].in);
        assert_string_equal(b.p, cases[i].out);
        buf_done(&b);
    }
}

static void numbers_survive(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    for (size_t i = 0; i < test_rounds(20000, 1000000); i++) {
        uint64_t bits = test_rand();
        double v, back;

        memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v))
            continue;
        buf_reset(&b);
        buf_json_f64(&b, v);
        assert_int_equal(span_to_f64(buf_span(&b), &back), 0);
        assert_true(back == v);
    }
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(reaches_its_maximum_exactly),
        cmocka_unit_test(keeps_what_it_had_on_failure),
        cmocka_unit_test(prints_past_its_room),
        cmocka_unit_test(reserves_and_consumes),
        cmocka_unit_test(random_appends_keep_the_bytes),
        cmocka_unit_test(writes_json_strings),
        cmocka_unit_test(reports_a_json_string_that_does_not_fit),
        cmocka_unit_test(writes_the_shortest_number),
        cmocka_unit_test(numbers_survive),
    };

    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
