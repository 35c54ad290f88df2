#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "tests/lib/test.h"

static void days_and_dates_agree(void **state)
{
    int64_t expected = civil_to_days(-400, 1, 1);

    (void)state;
    assert_int_equal(civil_to_days(1970, 1, 1), 0);
    assert_int_equal(civil_to_days(2000, 3, 1), 11017);
    assert_int_equal(civil_to_days(1969, 12, 31), -1);
    assert_int_equal(civil_to_days(0, 1, 1), -719528);
    assert_int_equal(civil_to_days(9999, 12, 31), 2932896);
    /* every day of 1,200 years follows the one before, and reads back */
    for (int64_t d = expected; d < expected + 1200 * 366; d++) {
        int y, m, day;

        civil_from_days(d, &y, &m, &day);
        assert_int_equal(civil_to_days(y, m, day), d);
        assert_true(m >= 1 && m <= 12 && day >= 1 && day <= 31);
    }
}

/* The C library is the other opinion. */
static void agrees_with_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < test_rounds(20000, 1000000); i++) {
        int64_t s = (int64_t)test_below(UINT64_C(600000000000)) - INT64_C(100000000000);
        time_t t = (time_t)s;
        struct tm tm;
        struct civil c;

        gmtime_r(&t, &tm);
        civil_from_ms(s * 1000 + 7, &c);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.ms, 7);
    }
}

static void splits_times_before_1970(void **state)
{
    struct civil c;

    (void)state;
    civil_from_ms(-1, &c);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.day, 31);
    assert_int_equal(c.hour, 23);
    assert_int_equal(c.second, 59);
    assert_int_equal(c.ms, 999);
    civil_from_ms(-MS_DAY, &c);
    assert_int_equal(c.day, 31);
    assert_int_equal(c.hour, 0);
    civil_from_ms(INT64_MAX, &c);
    assert_int_equal(c.year, 292278994);
    civil_from_ms(INT64_MIN, &c);
    assert_int_equal(c.year, -292275055);
}

static void refuses_dates_that_do_not_exist(void **state)
{
    static const struct civil bad[] = {
        {.year = 2026, .month = 2, .day = 29},
        {.year = 1900, .month = 2, .day = 29},
        {.year = 2024, .month = 2, .day = 30},
        {.year = 2026, .month = 4, .day = 31},
        {.year = 2026, .month = 0, .day = 1},
        {.year = 2026, .month = 13, .day = 1},
        {.year = 2026, .month = 1, .day = 0},
        {.year = -1, .month = 1, .day = 1},
        {.year = 10000, .month = 1, .day = 1},
        {.year = 2026, .month = 1, .day = 1, .hour = 24},
        {.year = 2026, .month = 1, .day = 1, .minute = 60},
        {.year = 2026, .month = 1, .day = 1, .second = 60},
        {.year = 2026, .month = 1, .day = 1, .ms = 1000},
        {.year = 2026, .month = 1, .day = 1, .ms = -1},
    };
    static const struct civil good[] = {
        {.year = 2000, .month = 2, .day = 29},
        {.year = 2024, .month = 2, .day = 29},
        {.year = 0, .month = 2, .day = 29},
        {.year = 9999, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 59, .ms = 999},
    };
    int64_t ms = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(civil_to_ms(&bad[i], &ms), -EINVAL);
    assert_int_equal(ms, 42);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct civil back;

        assert_int_equal(civil_to_ms(&good[i], &ms), 0);
        civil_from_ms(ms, &back);
        assert_memory_equal(&back, &good[i], sizeof(back));
    }
    assert_int_equal(ms, INT64_C(253402300799999));
}

static void reads_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T09:10:11+09:00", INT64_C(1795306211000)},
        {"2026-11-22T00:10:11.5Z", INT64_C(1795306211500)},
        {"2026-11-22t00:10:11.5009z", INT64_C(1795306211500)}, /* cut, not rounded */
        {"2026-11-22 00:10:11.123456789-00:00", INT64_C(1795306211123)},
        {"2026-11-21T18:40:11-05:30", INT64_C(1795306211000)},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-12-31T23:59:60Z", INT64_C(1483228799999)}, /* leap second */
        {"2016-12-31T23:59:60.9Z", INT64_C(1483228799999)},
        {"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 0;

        print_message("%s\n", cases[i].text);
        assert_int_equal(time_parse_rfc3339(span_str(cases[i].text), &ms), 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void refuses_what_is_not_rfc3339(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-22",
        "2026-11-22T09:10:11",
        "2026-11-22T09:10Z",
        "2026-11-22T09:10:11.Z",
        "2026-11-22T09:10:11,5Z",
        "2026-11-22T09:10:11+0900",
        "2026-11-22T09:10:11+24:00",
        "2026-11-22T09:10:11+09:60",
        "2026-11-22T09:10:11+09:0",
        "2026-11-22T24:00:00Z",
        "2026-11-22T09:60:00Z",
        "2026-11-22T09:10:61Z",
        "2026-02-29T00:00:00Z",
        "2026-11-22T09:10:11ZZ",
        " 2026-11-22T09:10:11Z",
        "2026/11/22T09:10:11Z",
        "+026-11-22T09:10:11Z",
        "2026-11-22x09:10:11Z",
    };
    int64_t ms = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(time_parse_rfc3339(span_str(bad[i]), &ms), -EINVAL);
    }
    assert_int_equal(time_parse_rfc3339(span_of("2026-11-22T09:10:11\0", 20), &ms), -EINVAL);
    for (size_t n = 0; n < 25; n++) /* every cut of a good one */
        assert_int_equal(time_parse_rfc3339(span_of("2026-11-22T09:10:11+09:00", n), &ms), -EINVAL);
    assert_int_equal(ms, 42);
}

static void writes_rfc3339(void **state)
{
    static const struct {
        int64_t ms;
        int offset;
        const char *text;
    } cases[] = {
        {0, 0, "1970-01-01T00:00:00Z"},
        {INT64_C(1795306211500), 540, "2026-11-22T09:10:11.500+09:00"},
        {INT64_C(1795306211000), -330, "2026-11-21T18:40:11-05:30"},
        {-1, 0, "1969-12-31T23:59:59.999Z"},
        {-1, 1, "1970-01-01T00:00:59.999+00:01"},
        {INT64_C(-62167219200000), 0, "0000-01-01T00:00:00Z"},
        {0, 24 * 60, "1970-01-01T00:00:00Z"}, /* no such offset: UTC */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[TIME_RFC3339_MAX];

        assert_int_equal(time_format_rfc3339(cases[i].ms, cases[i].offset, out),
                         strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
}

static void extremes_fit_the_buffer(void **state)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX - 1, INT64_MAX};
    static const int offsets[] = {-1439, 0, 1439, 2147483647, -2147483647 - 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        for (size_t k = 0; k < ARRAY_LEN(offsets); k++) {
            char out[TIME_RFC3339_MAX];

            assert_true(time_format_rfc3339(times[i], offsets[k], out) < sizeof(out));
        }
    }
}

static void times_survive_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < test_rounds(20000, 1000000); i++) {
        /* years 1 to 9998, so that no offset leaves the four digits */
        int64_t ms = (int64_t)test_below(UINT64_C(315500000000000)) - INT64_C(62135596800000);
        int offset = (int)test_below(2879) - 1439;
        char out[TIME_RFC3339_MAX];
        size_t n = time_format_rfc3339(ms, offset, out);
        int64_t back;

        assert_int_equal(time_parse_rfc3339(span_of(out, n), &back), 0);
        assert_int_equal(back, ms);
    }
}

static void reads_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0s", 0},
        {"90s", 90000},
        {"15m", 900000},
        {"6h", 21600000},
        {"30d", INT64_C(2592000000)},
        {"2w", 1209600000},
        {"15250284452w", INT64_C(9223372036569600000)},
    };
    static const char *const bad[] = {"",     "s",   "5",    "-5s",          "5 s", "5S",
                                      "1.5h", "5ms", "5d6h", "15250284453w", "+5s"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(time_parse_duration(span_str(cases[i].text), &ms), 0);
        assert_int_equal(ms, cases[i].ms);
    }
    ms = 42;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        print_message("%s\n", bad[i]);
        assert_int_equal(time_parse_duration(span_str(bad[i]), &ms), -EINVAL);
    }
    assert_int_equal(ms, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_agree),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(splits_times_before_1970),
        cmocka_unit_test(refuses_dates_that_do_not_exist),
        cmocka_unit_test(reads_rfc3339),
        cmocka_unit_test(refuses_what_is_not_rfc3339),
        cmocka_unit_test(writes_rfc3339),
        cmocka_unit_test(extremes_fit_the_buffer),
        cmocka_unit_test(times_survive_text),
        cmocka_unit_test(reads_durations),
    };

    return cmocka_run_group_tests_name("base/time", tests, NULL, NULL);
}
