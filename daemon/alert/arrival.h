/* arrival: how many records of a source came in, by quarter of an hour of their arrival: what is
 * expected of it is read off these. By arrival, not by created_at: a record that comes late was
 * silence until it came, and stays so.
 *
 * A quarter is a number: 15-minute spans since 1970 in UTC, so that it has a place in every zone.
 * A table holds ARRIVAL_DAYS days, the newest that were touched; one day is one document of the
 * store, written whole with the records that changed it. Pure; no memory of its own beside the
 * struct. */
#ifndef VOC_ALERT_ARRIVAL_H
#define VOC_ALERT_ARRIVAL_H

#include "base/clock.h"
#include "base/span.h"

enum {
    ARRIVAL_MINUTES = 15,
    ARRIVAL_PER_DAY = 96,
    ARRIVAL_PER_WEEK = 7 * ARRIVAL_PER_DAY,
    ARRIVAL_WEEKS = 8,                          /* looked back */
    ARRIVAL_DAYS = 7 * (ARRIVAL_WEEKS + 1) + 2, /* and a window of a week, and a zone's shift */
    ARRIVAL_DAY_BYTES = 4 * ARRIVAL_PER_DAY + 16,
};
#define ARRIVAL_MS (ARRIVAL_MINUTES * MS_MINUTE)
#define ARRIVAL_UNKNOWN UINT32_MAX /* nothing can be said of that quarter */

struct arrivals {
    int64_t day[ARRIVAL_DAYS]; /* which day a row holds, since 1970; NO_TIME: none */
    uint32_t n[ARRIVAL_DAYS][ARRIVAL_PER_DAY];
};

static inline int64_t arrival_quarter(int64_t ms)
{
    return ms / ARRIVAL_MS - (ms % ARRIVAL_MS < 0);
}
static inline int64_t arrival_day(int64_t quarter)
{
    return quarter / ARRIVAL_PER_DAY - (quarter % ARRIVAL_PER_DAY < 0);
}

void arrivals_clear(struct arrivals *a);
/* The place of a quarter; makes room by forgetting the day that had it. NULL when that day is newer
 * than the quarter's: too old to be counted. */
uint32_t *arrivals_at(struct arrivals *a, int64_t quarter);
/* Adds, never past what can be told from ARRIVAL_UNKNOWN; of an unknown quarter it becomes n. */
void arrivals_add(struct arrivals *a, int64_t quarter, uint32_t n);
/* 0 where nothing was counted. */
uint32_t arrivals_get(const struct arrivals *a, int64_t quarter);
/* The first quarter with anything in it; INT64_MAX: none. */
int64_t arrivals_first(const struct arrivals *a);

/* The document of a day: its counts and two times of the source, all little-endian. */
struct arrival_times {
    int64_t last;   /* arrival */
    int64_t newest; /* created_at; NO_TIME: unknown, both */
};
void arrivals_pack(const struct arrivals *a, int64_t day, const struct arrival_times *t,
                   char out[ARRIVAL_DAY_BYTES]);
/* False when it is none, or of a day too old. Times only move forward. */
bool arrivals_unpack(struct arrivals *a, int64_t day, struct span text, struct arrival_times *io);

#endif
