/* clock and chance, passed in: nothing below daemon/ asks the system for either. */
#ifndef VOC_BASE_CLOCK_H
#define VOC_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Times are int64 milliseconds since 1970-01-01T00:00:00Z; NO_TIME is "absent". */
#define NO_TIME INT64_MIN
#define MS_SECOND INT64_C(1000)
#define MS_MINUTE (60 * MS_SECOND)
#define MS_HOUR (60 * MS_MINUTE)
#define MS_DAY (24 * MS_HOUR)

struct clock {
    int64_t (*wall_ms)(void *ctx); /* may step backwards */
    int64_t (*mono_ms)(void *ctx); /* never does */
    void *ctx;
};

struct rng {
    void (*fill)(void *ctx, void *p, size_t n); /* must not fail */
    void *ctx;
};

/* The machine's own: CLOCK_REALTIME, CLOCK_MONOTONIC, getrandom(2). For main() and tools. */
extern const struct clock clock_system;
extern const struct rng rng_system;

static inline int64_t clock_wall(const struct clock *c)
{
    return c->wall_ms(c->ctx);
}
static inline int64_t clock_mono(const struct clock *c)
{
    return c->mono_ms(c->ctx);
}

/* splitmix64, for tests and jitter: the same seed gives the same run. Not for secrets. */
uint64_t rng_split(uint64_t *state);

#endif
