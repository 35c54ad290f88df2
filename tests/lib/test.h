/* test: what unit tests share: a seed that is printed, directories that go away, time and chance
 * under the test's control. Not thread-safe; call from the test's main thread. */
#ifndef VOC_TESTS_LIB_TEST_H
#define VOC_TESTS_LIB_TEST_H

#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* VOC_SEED from the environment, else a random one; printed to stderr on the first call, so that a
 * failing run can be repeated. */
uint64_t test_seed(void);
/* A stream that follows from the seed. */
uint64_t test_rand(void);
/* Uniform in [0, n); n > 0. */
uint64_t test_below(uint64_t n);
/* Uniform in [0, 1). */
double test_unit(void);
/* Loop counts: `quick` usually, `soak` when SOAK is set in the environment. */
size_t test_rounds(size_t quick, size_t soak);

/* A new empty directory under $TMPDIR or /tmp, removed with all in it when this process exits
 * (kept, and named, when VOC_KEEP is set). The string lives as long as the process. */
const char *test_dir(void);

/* A clock that moves only when told. Wall and monotonic time start where the test sets them. */
struct test_clock {
    int64_t wall, mono;
};
struct clock test_clock(struct test_clock *c);
/* Moves both; a wall step alone is a plain assignment to c->wall. */
void test_clock_advance(struct test_clock *c, int64_t ms);

/* An rng drawn from *state with rng_split. */
struct rng test_rng(uint64_t *state);

#endif
