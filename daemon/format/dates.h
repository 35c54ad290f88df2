/* dates: the ways people and their spreadsheets write a moment, read in a named zone.
 *
 *   2026-11-22   2026.11.22 오후 3:05   2026. 11. 22. 오전 9:00   2026/11/22 15:04:05   20261122
 *   2026년 11월 22일 15시 4분   2026-11-22(일) 15:04   22/11/2026   22.11.2026 3:05 PM   RFC 3339
 *
 * A time with an offset says itself when it was; all others are civil times of `zone`; a date alone
 * is its midnight. `22/11/2026` is day first unless told otherwise: a file that mixes both orders
 * can not be told from one that does not, so nothing is guessed from the numbers.
 *
 * Thread: any; pure. API bodies do not come here: they must be RFC 3339 (normalize.h). */
#ifndef VOC_FORMAT_DATES_H
#define VOC_FORMAT_DATES_H

#include "base/time.h"

/* How civil times become UTC: daemon/core/zone.h's, or a test's. NULL `to_utc` is UTC. */
struct date_zone {
    int (*to_utc)(void *ctx, const struct civil *local, int64_t *ret_ms);
    void *ctx;
};

enum date_order { DATE_DAY_FIRST, DATE_MONTH_FIRST };

/* 0, or -EINVAL. Outer white space is ignored. */
int date_parse(struct span s, const struct date_zone *zone, enum date_order order, int64_t *ret_ms);

#endif
