#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * MS_SECOND + ts.tv_nsec / 1000000;
}

static int64_t system_wall_ms(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_ms(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

/* Without randomness ids and tokens would repeat: no way to go on. */
static void system_fill(void *ctx, void *p, size_t n)
{
    char *to = p;

    (void)ctx;
    while (n) {
        ssize_t got = getrandom(to, n, 0);

        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            to += got;
            n -= (size_t)got;
        }
    }
}

const struct clock clock_system = {.wall_ms = system_wall_ms, .mono_ms = system_mono_ms};
const struct rng rng_system = {.fill = system_fill};

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014. */
uint64_t rng_split(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}
