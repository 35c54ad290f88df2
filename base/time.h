/* time: civil dates and RFC 3339, proleptic Gregorian, UTC and fixed offsets only. Named zones are
 * daemon/core/zone.h's. Pure. */
#ifndef VOC_BASE_TIME_H
#define VOC_BASE_TIME_H

#include "base/clock.h"
#include "base/span.h"

#define TIME_RFC3339_MAX 40

struct civil {
    int year, month, day; /* month 1..12, day 1..31 */
    int hour, minute, second, ms;
};

/* Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t civil_to_days(int year, int month, int day);
void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day);
/* The civil fields read as UTC. 0, or -EINVAL when a field is out of range (Feb 30). */
int civil_to_ms(const struct civil *c, int64_t *ret);
void civil_from_ms(int64_t ms, struct civil *ret);
/* "2026-11-22T09:10:11.5+09:00", 'Z', 't', ' ' accepted, offset required. 0 or -EINVAL. A leap
 * second :60 is read as :59.999. */
int time_parse_rfc3339(struct span s, int64_t *ret_ms);
/* Writes "2026-11-22T00:10:11.500Z" style with the given offset (minutes; 0 is 'Z'), milliseconds
 * only when not zero. Returns the length. */
size_t time_format_rfc3339(int64_t ms, int offset_min, char out[TIME_RFC3339_MAX]);
/* "90s", "15m", "6h", "30d", "2w" (one number, one unit) to ms; 0 or -EINVAL. */
int time_parse_duration(struct span s, int64_t *ret_ms);

#endif
