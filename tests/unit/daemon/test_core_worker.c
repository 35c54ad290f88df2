/* The hand-over between loop and worker; also run under ThreadSanitizer (make tsan). */
#include "tests/lib/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "daemon/core/worker.h"

struct item {
    struct worker_node node; /* first */
    int number;
    int runs; /* plain on purpose: the hand-over itself must order the two threads */
};

struct fixture {
    struct loop *loop;
    struct worker *worker;
    struct worker_config cfg;
    pthread_mutex_t gate; /* held by the test: run() waits */
    atomic_int entered, batches;
    char taken[1024]; /* the worker's: "0:1 0:2 1:7 | " */
    int done, last[WORKER_LANES];
    int left;
    bool stopped;
};

static void run(void *ctx, struct worker_node *list)
{
    struct fixture *f = ctx;
    atomic_fetch_add(&f->entered, 1);
    pthread_mutex_lock(&f->gate);
    pthread_mutex_unlock(&f->gate);
    size_t n = strlen(f->taken);
    for (struct worker_node *at = list; at; at = at->next) {
        struct item *i = (struct item *)at;
        i->runs++;
        if (n < sizeof f->taken - 32)
            n += (size_t)snprintf(f->taken + n, 32, "%u:%d ", at->lane, i->number);
        worker_beat(f->worker);
    }
    if (n < sizeof f->taken - 32)
        snprintf(f->taken + n, 32, "| ");
    atomic_fetch_add(&f->batches, 1);
}

static void on_stopped(void *ctx)
{
    struct fixture *f = ctx;
    f->stopped = true;
    loop_stopped(f->loop, STOP_COMMIT, f);
}

static void on_stop(void *ctx)
{
    struct fixture *f = ctx;
    worker_stop(f->worker, on_stopped, f);
}

static void done(void *ctx, struct worker_node *list)
{
    struct fixture *f = ctx;
    while (list) {
        struct item *i = (struct item *)list;
        list = list->next;
        assert_int_equal(i->runs, 1);
        assert_true(i->number > f->last[i->node.lane]); /* order of a lane is kept */
        f->last[i->node.lane] = i->number;
        f->done++;
        if (--f->left == 0)
            loop_shutdown(f->loop);
    }
}

static void start(struct fixture *f)
{
    f->cfg.loop = f->loop;
    f->cfg.run = run;
    f->cfg.done = done;
    f->cfg.ctx = f;
    assert_int_equal(worker_new(&f->cfg, &f->worker), 0);
    assert_int_equal(loop_on_stop(f->loop, STOP_COMMIT, on_stop, f), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    pthread_mutex_init(&f->gate, NULL);
    assert_int_equal(loop_new(&f->loop), 0);
    f->cfg.max_bytes[0] = f->cfg.max_bytes[1] = 1 << 20;
    f->cfg.batch_bytes = 1 << 20;
    f->cfg.batch_nodes = 1024;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    worker_free(f->worker);
    loop_free(f->loop);
    pthread_mutex_destroy(&f->gate);
    free(f);
    return 0;
}

static void submit(struct fixture *f, struct item *i, unsigned lane, size_t bytes, int number)
{
    *i = (struct item){.node = {.lane = lane, .bytes = bytes}, .number = number};
    assert_int_equal(worker_submit(f->worker, &i->node), 0);
    f->left++;
}

/* Holds the worker inside run() with one item, so that what follows queues up. */
static void hold(struct fixture *f, struct item *first)
{
    pthread_mutex_lock(&f->gate);
    submit(f, first, 0, 1, 1);
    while (atomic_load(&f->entered) == 0)
        sched_yield();
}

static void release(struct fixture *f)
{
    pthread_mutex_unlock(&f->gate);
    assert_int_equal(loop_run(f->loop), 0);
    assert_true(f->stopped);
}

static void lane_0_has_its_own_batch_and_lane_1_its_turn(void **state)
{
    struct fixture *f = *state;
    struct item i[9];
    f->cfg.batch_nodes = 3;
    start(f);
    hold(f, &i[0]);
    submit(f, &i[1], 1, 10, 1);
    submit(f, &i[2], 1, 10, 2);
    for (int k = 3; k < 9; k++)
        submit(f, &i[k], 0, 10, k);
    release(f);
    assert_string_equal(f->taken, "0:1 | 0:3 0:4 0:5 | 0:6 0:7 1:1 | 0:8 | 1:2 | ");
}

static void batches_are_bounded_in_bytes(void **state)
{
    struct fixture *f = *state;
    struct item i[6];
    f->cfg.batch_bytes = 100;
    start(f);
    hold(f, &i[0]);
    submit(f, &i[1], 0, 60, 2);
    submit(f, &i[2], 0, 40, 3);
    submit(f, &i[3], 0, 1, 4);
    submit(f, &i[4], 0, 500, 5); /* larger than a batch: goes alone */
    submit(f, &i[5], 1, 500, 1);
    release(f);
    assert_string_equal(f->taken, "0:1 | 0:2 0:3 | 0:4 1:1 | 0:5 | ");
}

static void lanes_are_bounded_until_done(void **state)
{
    struct fixture *f = *state;
    struct item i[4], more = {.node = {.lane = 0, .bytes = 1}}, late = {.node = {.lane = 1}};
    f->cfg.max_bytes[0] = 100;
    start(f);
    assert_true(worker_has_room(f->worker, 0, 1000)); /* an empty lane takes anything */
    hold(f, &i[0]);
    submit(f, &i[1], 0, 59, 2);
    assert_true(worker_has_room(f->worker, 0, 40));
    assert_false(worker_has_room(f->worker, 0, 41));
    submit(f, &i[2], 0, 40, 3);
    assert_int_equal(worker_queued(f->worker, 0), 100);
    assert_int_equal(worker_submit(f->worker, &more.node), -EAGAIN);
    submit(f, &i[3], 1, 10, 1); /* the other lane has its own bound */
    assert_int_equal(worker_queued(f->worker, 1), 10);
    release(f);
    assert_int_equal(worker_queued(f->worker, 0), 0);
    assert_int_equal(worker_queued(f->worker, 1), 0);
    assert_int_equal(worker_submit(f->worker, &late.node), -ESHUTDOWN);
}

static void stop_runs_what_is_queued(void **state)
{
    struct fixture *f = *state;
    struct item i[100];
    f->cfg.batch_nodes = 7;
    start(f);
    hold(f, &i[0]);
    for (int k = 1; k < 100; k++)
        submit(f, &i[k], (unsigned)k % 2, 1, k + 1);
    f->left = -1; /* never asks for shutdown itself */
    loop_shutdown(f->loop);
    release(f);
    assert_int_equal(f->done, 100);
}

static void an_idle_worker_stops(void **state)
{
    struct fixture *f = *state;
    start(f);
    loop_shutdown(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
    assert_true(f->stopped);
    assert_int_equal(f->done, 0);
}

/* A clock both threads may read while the test moves it. */
static _Atomic int64_t mono;

static int64_t read_mono(void *ctx)
{
    (void)ctx;
    return mono;
}

static void lane_1_is_taken_piece_by_piece_while_lane_0_is_in_use(void **state)
{
    struct fixture *f = *state;
    struct item i[4];
    struct clock c = {.wall_ms = read_mono, .mono_ms = read_mono};
    mono = 1000;
    loop_set_clock(f->loop, &c);
    start(f);
    assert_false(worker_hurried(f->worker));
    hold(f, &i[0]);
    for (int k = 1; k < 4; k++)
        submit(f, &i[k], 1, 10, k);
    assert_true(worker_hurried(f->worker));
    release(f);
    assert_string_equal(f->taken, "0:1 | 1:1 | 1:2 | 1:3 | ");
    mono += WORKER_HURRY_MS;
    assert_false(worker_hurried(f->worker));
}

static void silence_ages_but_rest_does_not(void **state)
{
    struct fixture *f = *state;
    struct clock c = {.wall_ms = read_mono, .mono_ms = read_mono};
    struct item i;
    mono = 1000;
    loop_set_clock(f->loop, &c);
    start(f);
    mono = 50000;
    assert_int_equal(worker_beat_age(f->worker), 0);
    hold(f, &i);
    assert_int_equal(worker_beat_age(f->worker), 0);
    mono = 57000; /* stuck inside run() */
    assert_int_equal(worker_beat_age(f->worker), 7000);
    worker_beat(f->worker);
    assert_int_equal(worker_beat_age(f->worker), 0);
    mono = 58000;
    release(f);
    assert_int_equal(worker_beat_age(f->worker), 0);
}

/* --- many items, in random bursts, while results come back --- */

struct flood {
    struct fixture *f;
    struct item *items;
    int n, sent;
    struct loop_post again;
};

static void send_some(struct loop_post *post)
{
    struct flood *fl = (struct flood *)((char *)post - offsetof(struct flood, again));
    struct fixture *f = fl->f;
    for (uint64_t burst = test_below(50); burst > 0 && fl->sent < fl->n; burst--) {
        struct item *i = &fl->items[fl->sent];
        *i = (struct item){.node = {.lane = (unsigned)test_below(2), .bytes = test_below(300)},
                           .number = fl->sent + 1};
        int rc = worker_submit(f->worker, &i->node);
        if (rc == -EAGAIN)
            break;
        assert_int_equal(rc, 0);
        fl->sent++;
    }
    if (fl->sent < fl->n)
        loop_post(f->loop, &fl->again);
}

static void a_flood_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct flood fl = {.f = f, .n = (int)test_rounds(20000, 1000000), .again.fn = send_some};
    fl.items = calloc((size_t)fl.n, sizeof *fl.items);
    assert_non_null(fl.items);
    f->cfg.max_bytes[0] = f->cfg.max_bytes[1] = 4096;
    f->cfg.batch_bytes = 2048;
    f->cfg.batch_nodes = 64;
    f->left = fl.n;
    start(f);
    loop_post(f->loop, &fl.again);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->done, fl.n);
    assert_true(atomic_load(&f->batches) >= fl.n / 64);
    free(fl.items);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(lane_0_has_its_own_batch_and_lane_1_its_turn),
        T(lane_1_is_taken_piece_by_piece_while_lane_0_is_in_use),
        T(batches_are_bounded_in_bytes),
        T(lanes_are_bounded_until_done),
        T(stop_runs_what_is_queued),
        T(an_idle_worker_stops),
        T(silence_ages_but_rest_does_not),
        T(a_flood_comes_back_whole),
    };
    test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
