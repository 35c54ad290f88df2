#include "daemon/core/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <unicode/ucal.h>

enum { ZONE_ID_MAX = 64 };

struct zone {
    UCalendar *cal;
};

#define YEAR_FIRST 1900
#define YEAR_LAST 9999

/* Zone names are ASCII; 0 when this one can not be. */
static int32_t to_utf16(struct span id, UChar out[ZONE_ID_MAX])
{
    if (id.n == 0 || id.n >= ZONE_ID_MAX)
        return 0;
    for (size_t i = 0; i < id.n; i++) {
        unsigned char c = (unsigned char)id.p[i];
        if (c <= 0x20 || c >= 0x7f)
            return 0;
        out[i] = c;
    }
    return (int32_t)id.n;
}

static bool is_system_zone(const UChar *id, int32_t n)
{
    UChar canonical[ZONE_ID_MAX];
    UBool is_system = false;
    UErrorCode e = U_ZERO_ERROR;
    ucal_getCanonicalTimeZoneID(id, n, canonical, ZONE_ID_MAX, &is_system, &e);
    return U_SUCCESS(e) && is_system;
}

bool zone_valid(struct span id)
{
    UChar text[ZONE_ID_MAX];
    int32_t n = to_utf16(id, text);
    /* ICU's own name for "I do not know". */
    return n > 0 && is_system_zone(text, n) && !span_is(id, "Etc/Unknown");
}

int zone_open(struct span id, struct zone **ret_zone)
{
    UChar text[ZONE_ID_MAX];
    UErrorCode e = U_ZERO_ERROR;
    if (!zone_valid(id))
        return -EINVAL;
    struct zone *z = calloc(1, sizeof *z);
    if (!z)
        return -ENOMEM;
    z->cal = ucal_open(text, to_utf16(id, text), "en_US", UCAL_GREGORIAN, &e);
    if (U_FAILURE(e)) {
        free(z);
        return e == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EINVAL;
    }
    ucal_setAttribute(z->cal, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
    *ret_zone = z;
    return 0;
}

void zone_close(struct zone *z)
{
    if (!z)
        return;
    ucal_close(z->cal);
    free(z);
}

/* The calls below can only fail for a NULL calendar or an unknown field. */
int64_t zone_offset(struct zone *z, int64_t ms)
{
    UErrorCode e = U_ZERO_ERROR;
    ucal_setMillis(z->cal, (UDate)ms, &e);
    int32_t standard = ucal_get(z->cal, UCAL_ZONE_OFFSET, &e);
    int32_t summer = ucal_get(z->cal, UCAL_DST_OFFSET, &e);
    return U_SUCCESS(e) ? (int64_t)standard + summer : 0;
}

size_t zone_format(struct zone *z, int64_t ms, char out[TIME_RFC3339_MAX])
{
    return time_format_rfc3339(ms, (int)(zone_offset(z, ms) / MS_MINUTE), out);
}

static int civil_to_instant(struct zone *z, const struct civil *c, UCalendarWallTimeOption skipped,
                            int64_t *ret_ms)
{
    UErrorCode e = U_ZERO_ERROR;
    if (c->year < YEAR_FIRST || c->year > YEAR_LAST + 1)
        return -EINVAL;
    ucal_setAttribute(z->cal, UCAL_SKIPPED_WALL_TIME, skipped);
    ucal_clear(z->cal);
    ucal_setDateTime(z->cal, c->year, c->month - 1, c->day, c->hour, c->minute, c->second, &e);
    ucal_set(z->cal, UCAL_MILLISECOND, c->ms);
    UDate at = ucal_getMillis(z->cal, &e);
    if (U_FAILURE(e))
        return -EINVAL;
    *ret_ms = (int64_t)at;
    return 0;
}

int zone_from_civil(struct zone *z, const struct civil *c, int64_t *ret_ms)
{
    int64_t unused;
    if (civil_to_ms(c, &unused) < 0)
        return -EINVAL;
    return civil_to_instant(z, c, UCAL_WALLTIME_LAST, ret_ms);
}

/* Without an offset the text is read as if it were UTC, and its fields then as the zone's. */
int zone_parse(struct zone *z, struct span text, int64_t *ret_ms)
{
    char full[TIME_RFC3339_MAX + 16];
    int64_t as_utc;
    struct civil c;
    if (time_parse_rfc3339(text, ret_ms) == 0)
        return 0;
    if (text.n > TIME_RFC3339_MAX)
        return -EINVAL;
    memcpy(full, text.p, text.n);
    const char *rest = text.n == 10 ? "T00:00:00Z" : text.n == 16 ? ":00Z" : "Z";
    memcpy(full + text.n, rest, strlen(rest));
    int rc = time_parse_rfc3339(span_of(full, text.n + strlen(rest)), &as_utc);
    if (rc < 0)
        return rc;
    civil_from_ms(as_utc, &c);
    return zone_from_civil(z, &c, ret_ms);
}

/* --- buckets --- */

static const char *const bucket_names[] = {"hour", "day", "week", "month", "quarter", "year"};

int zone_bucket_find(struct span name)
{
    for (int i = BUCKET_HOUR; i <= BUCKET_YEAR; i++)
        if (span_is(name, bucket_names[i]))
            return i;
    return -1;
}

/* The next instant after ms at which the offset changes; INT64_MAX when there is none. */
static int64_t next_change(struct zone *z, int64_t ms)
{
    int64_t before = zone_offset(z, ms);
    for (;;) {
        UErrorCode e = U_ZERO_ERROR;
        UDate at;
        ucal_setMillis(z->cal, (UDate)ms, &e);
        if (!ucal_getTimeZoneTransitionDate(z->cal, UCAL_TZ_TRANSITION_NEXT, &at, &e) ||
            U_FAILURE(e))
            return INT64_MAX;
        ms = (int64_t)at;
        if (zone_offset(z, ms) != before) /* else only the zone's letters changed */
            return ms;
    }
}

static int64_t floor_to(int64_t v, int64_t unit)
{
    int64_t rest = v % unit;
    return v - (rest < 0 ? rest + unit : rest);
}

/* `change` remembers the next change of offset, so that it is looked up once per change. */
static int64_t hour_next(struct zone *z, int64_t at, int64_t *change)
{
    if (*change <= at)
        *change = next_change(z, at);
    int64_t offset = zone_offset(z, at);
    int64_t next = floor_to(at + offset, MS_HOUR) - offset + MS_HOUR;
    return next < *change ? next : *change;
}

static int64_t hour_first(struct zone *z, int64_t ms)
{
    int64_t offset = zone_offset(z, ms);
    int64_t at = floor_to(ms + offset, MS_HOUR) - offset;
    if (zone_offset(z, at) == offset)
        return at;
    return next_change(z, at); /* the clock was set within this hour: it began there */
}

/* The first local day of the bucket that holds this local day, and of the one after. */
static int64_t bucket_day(enum zone_bucket bucket, int64_t day, int step)
{
    int year, month, dom;
    civil_from_days(day, &year, &month, &dom);
    switch (bucket) {
    case BUCKET_WEEK: /* 1970-01-01 was a Thursday */
        return floor_to(day + 3, 7) - 3 + 7 * step;
    case BUCKET_MONTH:
        month += step;
        break;
    case BUCKET_QUARTER:
        month = (month - 1) / 3 * 3 + 1 + 3 * step;
        break;
    case BUCKET_YEAR:
        month = 1;
        year += step;
        break;
    default:
        return day + step;
    }
    if (month > 12) {
        month -= 12;
        year++;
    }
    return civil_to_days(year, month, 1);
}

/* The first instant of a local day; the next valid one where midnight was skipped. */
static int day_begins(struct zone *z, int64_t day, int64_t *ret_ms)
{
    struct civil c = {0};
    civil_from_days(day, &c.year, &c.month, &c.day);
    return civil_to_instant(z, &c, UCAL_WALLTIME_NEXT_VALID, ret_ms);
}

static int hour_bounds(struct zone *z, int64_t from, int64_t to, int64_t *bounds, size_t max,
                       size_t *ret_n)
{
    int64_t change = INT64_MIN;
    size_t n = 0;
    bounds[0] = hour_first(z, from);
    while (bounds[n] < to) {
        if (n == max)
            return -ERANGE;
        bounds[n + 1] = hour_next(z, bounds[n], &change);
        n++;
    }
    *ret_n = n;
    return 0;
}

/* Local days that never were (a zone that jumped over the date line) make no bucket. */
static int day_bounds(struct zone *z, enum zone_bucket bucket, int64_t from, int64_t to,
                      int64_t *bounds, size_t max, size_t *ret_n)
{
    int64_t day = floor_to(from + zone_offset(z, from), MS_DAY) / MS_DAY;
    size_t n = 0;
    day = bucket_day(bucket, day, 0);
    int rc = day_begins(z, day, &bounds[0]);
    while (rc == 0 && bounds[n] < to) {
        int64_t at;
        if (n == max)
            return -ERANGE;
        day = bucket_day(bucket, day, 1);
        rc = day_begins(z, day, &at);
        if (rc == 0 && at > bounds[n])
            bounds[++n] = at;
    }
    if (rc == 0)
        *ret_n = n;
    return rc;
}

int zone_buckets(struct zone *z, enum zone_bucket bucket, int64_t from, int64_t to, int64_t *bounds,
                 size_t max, size_t *ret_n)
{
    int64_t first = civil_to_days(YEAR_FIRST, 2, 1) * MS_DAY;
    int64_t last = civil_to_days(YEAR_LAST, 12, 1) * MS_DAY;
    if (from >= to || from < first || to > last)
        return -EINVAL;
    if (max > ZONE_MAX_BUCKETS)
        max = ZONE_MAX_BUCKETS;
    if (bucket == BUCKET_HOUR)
        return hour_bounds(z, from, to, bounds, max, ret_n);
    return day_bounds(z, bucket, from, to, bounds, max, ret_n);
}
