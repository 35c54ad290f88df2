/* zone: time zones by ICU: what base/time.h does not know. The only unicode/ucal.h user.
 *
 * Thread: zone_valid() any; a struct zone belongs to one thread at a time (queries on the pool open
 * their own; opening takes some microseconds). Times are UTC ms; the supported range is the years
 * 1900 to 9999. */
#ifndef VOC_CORE_ZONE_H
#define VOC_CORE_ZONE_H

#include "base/time.h"

struct zone;

enum zone_bucket {
    BUCKET_HOUR,
    BUCKET_DAY,
    BUCKET_WEEK, /* begins on Monday */
    BUCKET_MONTH,
    BUCKET_QUARTER,
    BUCKET_YEAR,
};
enum { ZONE_MAX_BUCKETS = 4096 };

/* Whether `id` is a zone of the IANA database ("Asia/Seoul", "UTC"). */
bool zone_valid(struct span id);
/* 0; -EINVAL when there is no such zone; -ENOMEM. */
int zone_open(struct span id, struct zone **ret_zone);
void zone_close(struct zone *z); /* NULL is fine */

/* -1 when there is none of that name: hour day week month quarter year. */
int zone_bucket_find(struct span name);
/* The buckets that cover [from, to): *ret_n of them, bucket i being [bounds[i], bounds[i + 1]).
 * They begin on local borders, so bounds[0] <= from and bounds[n] >= to; the caller clips its query
 * to [from, to). Days have 23, 24 or 25 hours as the zone says; an hour bucket ends at a whole
 * local hour, and also where the clock is set by less than an hour. `bounds` has room for max + 1.
 * 0; -EINVAL when from >= to or out of range; -ERANGE when more than `max` would be needed. */
int zone_buckets(struct zone *z, enum zone_bucket bucket, int64_t from, int64_t to, int64_t *bounds,
                 size_t max, size_t *ret_n);
/* Milliseconds to add to UTC at that instant. */
int64_t zone_offset(struct zone *z, int64_t ms);
/* RFC 3339 with the zone's offset. Returns the length. */
size_t zone_format(struct zone *z, int64_t ms, char out[TIME_RFC3339_MAX]);
/* A wall clock time of the zone as an instant: the earlier when it occurs twice, moved on by the
 * length of the gap when it does not occur. 0, -EINVAL when a field is out of range. */
int zone_from_civil(struct zone *z, const struct civil *c, int64_t *ret_ms);
/* "2026-11-22", "2026-11-22T09:10", "2026-11-22 09:10:11.5", with or without an offset, which wins.
 */
int zone_parse(struct zone *z, struct span text, int64_t *ret_ms);

#endif
