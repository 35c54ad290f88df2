/* uuid7: public ids (RFC 9562 §5.7): 48 bits of Unix milliseconds, then chance. Pure. */
#ifndef VOC_BASE_UUID7_H
#define VOC_BASE_UUID7_H

#include "base/clock.h"
#include "base/span.h"

struct uuid {
    uint8_t b[16];
};

#define UUID_TEXT 37 /* 36 and the NUL */

struct uuid uuid7_make(int64_t unix_ms, const struct rng *rng);
void uuid_format(const struct uuid *u, char out[UUID_TEXT]);
/* Hyphenated form, either case; 0 or -EINVAL. */
int uuid_parse(struct span s, struct uuid *ret);

#endif
