/* throttle: failures per peer address in a window. A bounded table; the least recently failing
 * address is forgotten first. IPv6 addresses count by their /64, which is what one subscriber has.
 *
 * Thread: one owner. Pure but for memory; time comes in. */
#ifndef VOC_HTTP_THROTTLE_H
#define VOC_HTTP_THROTTLE_H

#include "base/span.h"

enum { THROTTLE_PEERS = 4096 };

struct throttle;

int throttle_new(uint64_t seed, struct throttle **ret);
void throttle_free(struct throttle *t); /* NULL is fine */
/* Counts one failure of `peer` at `now` (ms). 0, or how many ms until a failure would be answered
 * plainly again, when there were more than `max` within `window_ms`. */
int64_t throttle_fail(struct throttle *t, struct span peer, int64_t now, int64_t window_ms,
                      uint32_t max);
size_t throttle_count(const struct throttle *t); /* addresses remembered */

#endif
