/* fixture: a store in a directory of its own. Included by the tests of store/ only; everything
 * follows from the test's seed. */
#ifndef VOC_TESTS_STORE_FIXTURE_H
#define VOC_TESTS_STORE_FIXTURE_H

#include <stdio.h>

#include "base/err.h"
#include "store/store.h"
#include "tests/lib/test.h"
#include "tests/unit/store/random_record.h"

#define assert_ok(call) assert_int_equal((call), 0)

struct fixture {
    const char *dir;
    struct store_config cfg;
    struct store *store;
    struct arena a;
    uint64_t rng_state;
};

static UNUSED void fixture_open(struct fixture *fx)
{
    char message[512] = "";
    int r = store_open(&fx->cfg, message, sizeof(message), &fx->store);
    if (r < 0)
        print_error("store_open: %d %s\n", r, message);
    assert_int_equal(r, 0);
}

static UNUSED void fixture_init(struct fixture *fx)
{
    *fx = (struct fixture){.dir = test_dir(), .rng_state = test_rand()};
    arena_init(&fx->a, (size_t)1 << 30);
    fx->cfg = (struct store_config){.dir = fx->dir,
                                    .workspace = SPAN_LIT("acme"),
                                    .create = true,
                                    .trace_fd = -1,
                                    .rng = test_rng(&fx->rng_state)};
    fixture_open(fx);
}

static UNUSED void fixture_done(struct fixture *fx)
{
    store_close(fx->store);
    arena_done(&fx->a);
}

static UNUSED void fixture_reopen(struct fixture *fx)
{
    store_close(fx->store);
    fx->store = NULL;
    fixture_open(fx);
}

static UNUSED struct store_txn *fixture_begin(struct fixture *fx)
{
    struct store_txn *t = NULL;
    assert_ok(store_begin(fx->store, FIXTURE_NOW, &t));
    return t;
}

static UNUSED struct store_view *fixture_view(struct fixture *fx)
{
    struct store_view *v = NULL;
    assert_ok(store_view_begin(fx->store, &v));
    return v;
}

#endif
