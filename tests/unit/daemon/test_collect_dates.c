/* dates.h: moments as people write them. */
#include "base/err.h"
#include "daemon/format/dates.h"
#include "daemon/core/zone.h"
#include "tests/lib/test.h"

static const struct {
    const char *text;
    const char *utc; /* of Asia/Seoul; NULL: refused */
} table[] = {
    {"2026-11-22", "2026-11-21T15:00:00Z"},
    {" 2026-11-22 ", "2026-11-21T15:00:00Z"},
    {"2026.11.22", "2026-11-21T15:00:00Z"},
    {"2026. 11. 22.", "2026-11-21T15:00:00Z"},
    {"2026.11.22.", "2026-11-21T15:00:00Z"},
    {"2026/11/22", "2026-11-21T15:00:00Z"},
    {"2026-1-2", "2026-01-01T15:00:00Z"},
    {"20261122", "2026-11-21T15:00:00Z"},
    {"22/11/2026", "2026-11-21T15:00:00Z"},
    {"22.11.2026", "2026-11-21T15:00:00Z"},
    {"2026년 11월 22일", "2026-11-21T15:00:00Z"},
    {"2026년11월22일", "2026-11-21T15:00:00Z"},
    {"2026-11-22(일)", "2026-11-21T15:00:00Z"},
    {"2026년 11월 22일 일요일", "2026-11-21T15:00:00Z"},
    {"2026.11.22 오후 3:05", "2026-11-22T06:05:00Z"},
    {"2026. 11. 22. 오전 9:00", "2026-11-22T00:00:00Z"},
    {"2026. 11. 22. 오전 9:00:07", "2026-11-22T00:00:07Z"},
    {"2026.11.22 오전 12:30", "2026-11-21T15:30:00Z"},
    {"2026.11.22 오후 12:30", "2026-11-22T03:30:00Z"},
    {"2026.11.22 오후 0:30", "2026-11-22T03:30:00Z"},
    {"2026.11.22 오후3:05", "2026-11-22T06:05:00Z"},
    {"2026-11-22 3:05 PM", "2026-11-22T06:05:00Z"},
    {"22/11/2026 3:05 a.m.", "2026-11-21T18:05:00Z"},
    {"2026/11/22 15:04:05", "2026-11-22T06:04:05Z"},
    {"2026-11-22T15:04:05", "2026-11-22T06:04:05Z"},
    {"2026-11-22 15:04:05.1234", "2026-11-22T06:04:05.123Z"},
    {"2026-11-22 15:04", "2026-11-22T06:04:00Z"},
    {"2026-11-22(일) 15:04", "2026-11-22T06:04:00Z"},
    {"2026년 11월 22일 15시 4분", "2026-11-22T06:04:00Z"},
    {"2026년 11월 22일 오후 3시", "2026-11-22T06:00:00Z"},
    {"2026년 11월 22일 오후 3시 4분 5초", "2026-11-22T06:04:05Z"},
    {"2026-11-22\xC2\xA0"
     "15:04",
     "2026-11-22T06:04:00Z"},
    {"2026-11-22T15:04:05+00:00", "2026-11-22T15:04:05Z"}, /* says its offset itself */
    {"2026-11-22T15:04:05Z", "2026-11-22T15:04:05Z"},
    {"", NULL},
    {"2026", NULL},
    {"2026-11", NULL},
    {"2026-11/22", NULL},
    {"26-11-22", NULL},
    {"2026-13-01", NULL},
    {"2026-02-29", NULL},
    {"11/22/2026", NULL},
    {"2026-11-22T", NULL},
    {"2026-11-22 ", "2026-11-21T15:00:00Z"},
    {"2026-11-22 25:00", NULL},
    {"2026-11-22 15:60", NULL},
    {"2026-11-22 오후 13:00", NULL},
    {"2026-11-22 15:4", NULL},
    {"2026-11-22 15:04:", NULL},
    {"2026-11-22 15:04 지나서", NULL},
    {"2026-11-2215:04", NULL},
    {"1795305600", NULL},
    {"202611221", NULL},
    {"어제", NULL},
};

static int seoul(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    int rc = civil_to_ms(local, ret_ms);
    (void)ctx;
    *ret_ms -= rc == 0 ? 9 * MS_HOUR : 0;
    return rc;
}

static void test_forms(void **state)
{
    struct date_zone zone = {seoul, NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char got[TIME_RFC3339_MAX] = "refused";
        int64_t ms = -1;
        int rc = date_parse(span_str(table[i].text), &zone, DATE_DAY_FIRST, &ms);
        if (rc == 0)
            got[time_format_rfc3339(ms, 0, got)] = '\0';
        if (strcmp(got, table[i].utc ? table[i].utc : "refused") != 0)
            fail_msg("%s: expected %s, got %s", table[i].text,
                     table[i].utc ? table[i].utc : "a refusal", got);
        if (rc < 0)
            assert_int_equal(ms, -1);
    }
}

static void test_month_first(void **state)
{
    int64_t a, b;

    (void)state;
    assert_int_equal(date_parse(SPAN_LIT("11/22/2026"), NULL, DATE_MONTH_FIRST, &a), 0);
    assert_int_equal(date_parse(SPAN_LIT("2026-11-22"), NULL, DATE_MONTH_FIRST, &b), 0);
    assert_int_equal(a, b);
    assert_int_equal(date_parse(SPAN_LIT("22/11/2026"), NULL, DATE_MONTH_FIRST, &a), -EINVAL);
}

static int by_zone(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    return zone_from_civil(ctx, local, ret_ms);
}

/* The real zones: New York is UTC-5 in winter and UTC-4 in summer. */
static void test_named_zone(void **state)
{
    struct zone *ny;
    int64_t ms;

    (void)state;
    assert_int_equal(zone_open(SPAN_LIT("America/New_York"), &ny), 0);
    struct date_zone zone = {by_zone, ny};
    assert_int_equal(date_parse(SPAN_LIT("2026-01-02 00:00"), &zone, DATE_DAY_FIRST, &ms), 0);
    assert_int_equal(ms, INT64_C(1767330000000));
    assert_int_equal(date_parse(SPAN_LIT("2026-07-02 00:00"), &zone, DATE_DAY_FIRST, &ms), 0);
    assert_int_equal(ms, INT64_C(1782964800000));
    zone_close(ny);
}

/* Every prefix of every form: refused or read, never beyond the end (the sanitizers watch). */
static void test_prefixes(void **state)
{
    char copy[64];
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (size_t n = 0; n <= strlen(table[i].text); n++) {
            memcpy(copy, table[i].text, n);
            (void)date_parse(span_of(copy, n), NULL, DATE_DAY_FIRST, &ms);
        }
    }
    assert_int_equal(date_parse(SPAN_NONE, NULL, DATE_DAY_FIRST, &ms), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_month_first),
        cmocka_unit_test(test_named_zone),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests_name("collect/dates", tests, NULL, NULL);
}
