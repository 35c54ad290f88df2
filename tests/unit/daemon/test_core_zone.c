#include "tests/lib/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/zone.h"

#define TEN "aaaaaaaaaa"
#define LONG_NAME "Asia/" TEN TEN TEN TEN TEN TEN TEN TEN

static struct zone *zone(const char *id)
{
    struct zone *z = NULL;
    if (zone_open(span_str(id), &z) != 0)
        fail_msg("no zone %s", id);
    return z;
}

static int64_t utc(const char *text)
{
    int64_t ms = 0;
    if (time_parse_rfc3339(span_str(text), &ms) != 0)
        fail_msg("bad time %s", text);
    return ms;
}

/* Bounds of [from, to) as local times, on one line. */
static const char *bounds_text(const char *id, enum zone_bucket bucket, const char *from,
                               const char *to)
{
    static char out[4096];
    static int64_t bounds[ZONE_MAX_BUCKETS + 1];
    struct zone *z = zone(id);
    size_t n = 0, len = 0;
    assert_int_equal(zone_buckets(z, bucket, utc(from), utc(to), bounds, ZONE_MAX_BUCKETS, &n), 0);
    out[0] = '\0';
    for (size_t i = 0; i <= n && len < sizeof out; i++) {
        char at[TIME_RFC3339_MAX];
        zone_format(z, bounds[i], at);
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%s", i ? " " : "", at);
    }
    zone_close(z);
    return out;
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"Asia/Seoul",          "UTC", "Etc/UTC", "America/New_York",
                                       "Australia/Lord_Howe", "ROK"};
    static const char *const bad[] = {
        "",     "Asia/Soul",    "GMT+9",  "+09:00", "KOREA", "Asia/Seoul ", "Etc/Unknown",
        "서울", "Asia/Seoul\n", LONG_NAME};
    struct zone *z = NULL;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!zone_valid(span_str(good[i])))
            fail_msg("%s refused", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (zone_valid(span_str(bad[i])))
            fail_msg("%s taken", bad[i]);
        assert_int_equal(zone_open(span_str(bad[i]), &z), -EINVAL);
    }
    assert_null(z);
    assert_int_equal(zone_bucket_find(SPAN_LIT("week")), BUCKET_WEEK);
    assert_int_equal(zone_bucket_find(SPAN_LIT("fortnight")), -1);
}

static void plain_buckets_in_seoul(void **state)
{
    (void)state;
    assert_string_equal(bounds_text("Asia/Seoul", BUCKET_DAY, "2026-11-22T09:10:00+09:00",
                                    "2026-11-24T00:00:00+09:00"),
                        "2026-11-22T00:00:00+09:00 2026-11-23T00:00:00+09:00 "
                        "2026-11-24T00:00:00+09:00");
    assert_string_equal(bounds_text("Asia/Seoul", BUCKET_HOUR, "2026-11-22T09:10:00+09:00",
                                    "2026-11-22T10:00:00.001+09:00"),
                        "2026-11-22T09:00:00+09:00 2026-11-22T10:00:00+09:00 "
                        "2026-11-22T11:00:00+09:00");
    /* 2026-11-22 is a Sunday: its week began on Monday the 16th. */
    assert_string_equal(bounds_text("Asia/Seoul", BUCKET_WEEK, "2026-11-22T23:59:59+09:00",
                                    "2026-11-23T00:00:01+09:00"),
                        "2026-11-16T00:00:00+09:00 2026-11-23T00:00:00+09:00 "
                        "2026-11-30T00:00:00+09:00");
    assert_string_equal(
        bounds_text("Asia/Seoul", BUCKET_MONTH, "2026-11-30T23:00:00Z", "2027-01-05T00:00:00Z"),
        "2026-12-01T00:00:00+09:00 2027-01-01T00:00:00+09:00 "
        "2027-02-01T00:00:00+09:00");
    assert_string_equal(
        bounds_text("Asia/Seoul", BUCKET_QUARTER, "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z"),
        "2026-10-01T00:00:00+09:00 2027-01-01T00:00:00+09:00 "
        "2027-04-01T00:00:00+09:00");
    assert_string_equal(
        bounds_text("Asia/Seoul", BUCKET_YEAR, "2026-11-22T00:00:00Z", "2026-12-31T15:00:00Z"),
        "2026-01-01T00:00:00+09:00 2027-01-01T00:00:00+09:00");
}

static void new_york_days_have_23_and_25_hours(void **state)
{
    (void)state;
    assert_string_equal(
        bounds_text("America/New_York", BUCKET_DAY, "2026-03-08T05:00:00Z", "2026-03-10T04:00:00Z"),
        "2026-03-08T00:00:00-05:00 2026-03-09T00:00:00-04:00 "
        "2026-03-10T00:00:00-04:00");
    assert_string_equal(
        bounds_text("America/New_York", BUCKET_DAY, "2026-11-01T12:00:00Z", "2026-11-01T13:00:00Z"),
        "2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00");
    assert_string_equal(bounds_text("America/New_York", BUCKET_HOUR, "2026-03-08T01:00:00-05:00",
                                    "2026-03-08T04:00:00-04:00"),
                        "2026-03-08T01:00:00-05:00 2026-03-08T03:00:00-04:00 "
                        "2026-03-08T04:00:00-04:00");
    /* One o'clock twice is two hours. */
    assert_string_equal(bounds_text("America/New_York", BUCKET_HOUR, "2026-11-01T00:30:00-04:00",
                                    "2026-11-01T02:00:00-05:00"),
                        "2026-11-01T00:00:00-04:00 2026-11-01T01:00:00-04:00 "
                        "2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00");
    /* From the middle of the second one. */
    assert_string_equal(bounds_text("America/New_York", BUCKET_HOUR, "2026-11-01T01:30:00-05:00",
                                    "2026-11-01T01:40:00-05:00"),
                        "2026-11-01T01:00:00-05:00 2026-11-01T02:00:00-05:00");
}

static void lord_howe_shifts_by_half_an_hour(void **state)
{
    (void)state;
    assert_string_equal(bounds_text("Australia/Lord_Howe", BUCKET_HOUR, "2026-10-04T01:00:00+10:30",
                                    "2026-10-04T03:30:00+11:00"),
                        "2026-10-04T01:00:00+10:30 2026-10-04T02:30:00+11:00 "
                        "2026-10-04T03:00:00+11:00 2026-10-04T04:00:00+11:00");
    assert_string_equal(bounds_text("Australia/Lord_Howe", BUCKET_HOUR, "2026-04-05T01:10:00+11:00",
                                    "2026-04-05T02:10:00+10:30"),
                        "2026-04-05T01:00:00+11:00 2026-04-05T01:30:00+10:30 "
                        "2026-04-05T02:00:00+10:30 2026-04-05T03:00:00+10:30");
    assert_string_equal(bounds_text("Australia/Lord_Howe", BUCKET_HOUR, "2026-04-05T01:40:00+10:30",
                                    "2026-04-05T01:50:00+10:30"),
                        "2026-04-05T01:30:00+10:30 2026-04-05T02:00:00+10:30");
    assert_string_equal(bounds_text("Australia/Lord_Howe", BUCKET_DAY, "2026-04-05T01:10:00+11:00",
                                    "2026-04-05T02:10:00+11:00"),
                        "2026-04-05T00:00:00+11:00 2026-04-06T00:00:00+10:30");
}

/* Summer time in Korea: 10 May 02:00 to 11 October 03:00 in 1987, 8 May to 9 October in 1988. */
static void seoul_had_summer_time_in_1987_and_1988(void **state)
{
    (void)state;
    struct zone *z = zone("Asia/Seoul");
    assert_int_equal(zone_offset(z, utc("1987-05-09T16:59:59Z")), 9 * MS_HOUR);
    assert_int_equal(zone_offset(z, utc("1987-05-09T17:00:00Z")), 10 * MS_HOUR);
    assert_int_equal(zone_offset(z, utc("1987-10-10T16:59:59Z")), 10 * MS_HOUR);
    assert_int_equal(zone_offset(z, utc("1987-10-10T17:00:00Z")), 9 * MS_HOUR);
    assert_int_equal(zone_offset(z, utc("1988-07-01T00:00:00Z")), 10 * MS_HOUR);
    assert_int_equal(zone_offset(z, utc("1989-07-01T00:00:00Z")), 9 * MS_HOUR);
    zone_close(z);
    assert_string_equal(bounds_text("Asia/Seoul", BUCKET_DAY, "1987-05-10T00:00:00+09:00",
                                    "1987-05-10T01:00:00+09:00"),
                        "1987-05-10T00:00:00+09:00 1987-05-11T00:00:00+10:00");
    assert_string_equal(bounds_text("Asia/Seoul", BUCKET_DAY, "1988-10-09T00:00:00+10:00",
                                    "1988-10-09T01:00:00+10:00"),
                        "1988-10-09T00:00:00+10:00 1988-10-10T00:00:00+09:00");
}

/* Apia jumped over 30 December 2011; Sao Paulo skipped midnight, Havana lived it twice. */
static void odd_midnights(void **state)
{
    (void)state;
    assert_string_equal(bounds_text("Pacific/Apia", BUCKET_DAY, "2011-12-29T12:00:00-10:00",
                                    "2011-12-31T12:00:00+14:00"),
                        "2011-12-29T00:00:00-10:00 2011-12-31T00:00:00+14:00 "
                        "2012-01-01T00:00:00+14:00");
    assert_string_equal(bounds_text("America/Sao_Paulo", BUCKET_DAY, "2018-11-04T03:30:00Z",
                                    "2018-11-04T04:00:00Z"),
                        "2018-11-04T01:00:00-02:00 2018-11-05T00:00:00-02:00");
    assert_string_equal(
        bounds_text("America/Havana", BUCKET_DAY, "2026-11-01T05:30:00Z", "2026-11-01T06:00:00Z"),
        "2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00");
}

static void ranges_are_checked(void **state)
{
    (void)state;
    struct zone *z = zone("Asia/Seoul");
    static int64_t bounds[ZONE_MAX_BUCKETS + 1];
    size_t n = 77;
    int64_t from = utc("2026-01-01T00:00:00+09:00");
    assert_int_equal(zone_buckets(z, BUCKET_DAY, from, from, bounds, 10, &n), -EINVAL);
    assert_int_equal(zone_buckets(z, BUCKET_DAY, INT64_MIN, from, bounds, 10, &n), -EINVAL);
    assert_int_equal(zone_buckets(z, BUCKET_DAY, from, INT64_MAX, bounds, 10, &n), -EINVAL);
    assert_int_equal(zone_buckets(z, BUCKET_DAY, from, from + 10 * MS_DAY + 1, bounds, 10, &n),
                     -ERANGE);
    assert_int_equal(n, 77);
    assert_int_equal(zone_buckets(z, BUCKET_DAY, from, from + 10 * MS_DAY, bounds, 10, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(zone_buckets(z, BUCKET_HOUR, from, from + 4096 * MS_HOUR, bounds, 99999, &n),
                     0);
    assert_int_equal(n, 4096);
    assert_int_equal(
        zone_buckets(z, BUCKET_HOUR, from, from + 4096 * MS_HOUR + 1, bounds, 99999, &n), -ERANGE);
    zone_close(z);
}

static int64_t local(struct zone *z, const char *text)
{
    int64_t ms = -1;
    if (zone_parse(z, span_str(text), &ms) != 0)
        fail_msg("not read: %s", text);
    return ms;
}

static void local_times_become_instants(void **state)
{
    (void)state;
    struct zone *z = zone("America/New_York");
    int64_t ms = 5;
    assert_int_equal(local(z, "2026-07-01"), utc("2026-07-01T04:00:00Z"));
    assert_int_equal(local(z, "2026-07-01T09:30"), utc("2026-07-01T13:30:00Z"));
    assert_int_equal(local(z, "2026-01-01 09:30:15.250"), utc("2026-01-01T14:30:15.250Z"));
    assert_int_equal(local(z, "2026-01-01T09:30:00+09:00"), utc("2026-01-01T00:30:00Z"));
    /* Twice: the earlier. Never: later by the gap. */
    assert_int_equal(local(z, "2026-11-01T01:30"), utc("2026-11-01T01:30:00-04:00"));
    assert_int_equal(local(z, "2026-03-08T02:30"), utc("2026-03-08T03:30:00-04:00"));
    assert_int_equal(zone_parse(z, SPAN_LIT("2026-02-30"), &ms), -EINVAL);
    assert_int_equal(zone_parse(z, SPAN_LIT("yesterday"), &ms), -EINVAL);
    assert_int_equal(zone_parse(z, SPAN_LIT(""), &ms), -EINVAL);
    assert_int_equal(zone_parse(z, SPAN_LIT("1776-07-04"), &ms), -EINVAL);
    assert_int_equal(ms, 5);
    zone_close(z);
}

/* The C library reads the same database by other code: both must say the same of any instant. */
static void offsets_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const ids[] = {"Asia/Seoul",    "America/New_York", "Australia/Lord_Howe",
                                      "Europe/Dublin", "Asia/Kathmandu",   "UTC"};
    int64_t from = utc("1970-01-01T00:00:00Z"), to = utc("2037-01-01T00:00:00Z");
    if (access("/usr/share/zoneinfo/Asia/Seoul", R_OK) != 0)
        skip();
    test_seed();
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct zone *z = zone(ids[i]);
        setenv("TZ", ids[i], 1);
        tzset();
        for (int k = 0; k < 2000; k++) {
            int64_t s = (from + (int64_t)test_below((uint64_t)(to - from))) / 1000;
            time_t at = (time_t)s;
            struct tm tm;
            assert_non_null(localtime_r(&at, &tm));
            if (zone_offset(z, s * 1000) != tm.tm_gmtoff * 1000)
                fail_msg("%s at %lld: %lld is not %ld s", ids[i], (long long)s,
                         (long long)zone_offset(z, s * 1000), tm.tm_gmtoff);
        }
        zone_close(z);
    }
    unsetenv("TZ");
    tzset();
}

/* What must hold of any bounds: rising, covering, and every inner bound a local border. */
static void random_ranges_hold_together(void **state)
{
    (void)state;
    static const char *const ids[] = {"Asia/Seoul",   "America/New_York", "Australia/Lord_Howe",
                                      "Pacific/Apia", "America/Havana",   "Africa/Casablanca"};
    static int64_t bounds[ZONE_MAX_BUCKETS + 1];
    static const int64_t longest[] = {MS_HOUR,     26 * MS_HOUR, 171 * MS_HOUR,
                                      32 * MS_DAY, 93 * MS_DAY,  367 * MS_DAY};
    size_t rounds = test_rounds(600, 20000);
    for (size_t i = 0; i < rounds; i++) {
        struct zone *z = zone(ids[test_below(ARRAY_LEN(ids))]);
        enum zone_bucket bucket = (enum zone_bucket)test_below(6);
        int64_t from = utc("1980-01-01T00:00:00Z") + (int64_t)test_below(60ULL * 365 * MS_DAY);
        int64_t to = from + 1 + (int64_t)test_below((uint64_t)longest[bucket] * 60);
        size_t n = 0;
        assert_int_equal(zone_buckets(z, bucket, from, to, bounds, ZONE_MAX_BUCKETS, &n), 0);
        assert_true(n >= 1 && bounds[0] <= from && bounds[1] > from);
        assert_true(bounds[n] >= to && bounds[n - 1] < to);
        for (size_t k = 0; k < n; k++) {
            assert_true(bounds[k + 1] > bounds[k]);
            assert_true(bounds[k + 1] - bounds[k] <= longest[bucket]);
            int64_t wall = bounds[k] + zone_offset(z, bounds[k]);
            int64_t unit = bucket == BUCKET_HOUR ? MS_HOUR : MS_DAY;
            bool set = zone_offset(z, bounds[k] - 1) != zone_offset(z, bounds[k]);
            assert_true(wall % unit == 0 || set);
        }
        zone_close(z);
    }
}

static void *offsets_in_a_thread(void *arg)
{
    const char *id = arg;
    struct zone *z = NULL;
    int64_t sum = 0;
    if (zone_open(span_str(id), &z) != 0)
        return NULL;
    for (int i = 0; i < 20000; i++)
        sum += zone_offset(z, (int64_t)i * 20 * MS_HOUR);
    zone_close(z);
    int64_t *ret = malloc(sizeof *ret);
    if (ret)
        *ret = sum;
    return ret;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    char ids[2][32] = {"Asia/Seoul", "America/New_York"};
    pthread_t t[4];
    int64_t *got[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, offsets_in_a_thread, ids[i % 2]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], (void **)&got[i]);
        assert_non_null(got[i]);
    }
    for (int i = 0; i < 4; i++) {
        int64_t *alone = offsets_in_a_thread(ids[i % 2]);
        assert_non_null(alone);
        assert_int_equal(*alone, *got[i]);
        free(alone);
    }
    for (int i = 0; i < 4; i++)
        free(got[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(plain_buckets_in_seoul),
        cmocka_unit_test(new_york_days_have_23_and_25_hours),
        cmocka_unit_test(lord_howe_shifts_by_half_an_hour),
        cmocka_unit_test(seoul_had_summer_time_in_1987_and_1988),
        cmocka_unit_test(odd_midnights),
        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test(local_times_become_instants),
        cmocka_unit_test(offsets_agree_with_the_c_library),
        cmocka_unit_test(random_ranges_hold_together),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
