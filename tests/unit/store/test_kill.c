/* A process killed at a random moment loses nothing it was told is on disk, and what it was not
 * told of is there whole or not at all. A child writes, telling of each commit through a pipe; the
 * parent kills it and looks. Few rounds here, many with SOAK set. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

#define BATCH 60

/* Batch b has BATCH records, a log entry and an outbox row; every third replaces the one before. */
static int write_batch(struct store *s, uint64_t b, struct arena *a)
{
    struct store_txn *t;
    struct store_outbox_row row = {
        .due = (int64_t)b, .receiver = SPAN_LIT("r"), .payload = SPAN_LIT("p")};
    uint64_t n;
    int r = store_begin(s, FIXTURE_NOW, &t);
    if (r < 0)
        return r;
    arena_reset(a);
    for (uint64_t i = 0; i < BATCH; i++) {
        struct store_put put;
        uint64_t id = b % 3 == 2 ? (b - 1) * BATCH + i : b * BATCH + i;
        struct feedback f = random_feedback(a, id, 20);
        f.source = SPAN_LIT("s");
        f.order = arena_printf(a, "%llu", (unsigned long long)b);
        store_put_feedback(t, &f, NULL, a, &put);
    }
    store_log_append(t, STORE_LOG_ACCESS, SPAN_LIT("batch"), &n);
    memcpy(row.id.b, &b, sizeof(b));
    store_outbox_put(t, &row);
    return store_commit(t);
}

static void child(struct store_config cfg, uint64_t from, int fd)
{
    struct store *s;
    struct arena a;
    arena_init(&a, 0);
    if (store_open(&cfg, NULL, 0, &s) < 0)
        _exit(2);
    for (uint64_t b = from;; b++) {
        if (write_batch(s, b, &a) < 0 || write(fd, &b, sizeof(b)) != sizeof(b))
            _exit(3);
    }
}

static int count_outbox(void *ctx, const struct store_outbox_row *row)
{
    uint64_t *n = ctx;
    assert_int_equal(row->due, *n);
    ++*n;
    return 0;
}

static int count_fact(void *ctx, const struct store_fact *f)
{
    (void)f;
    ++*(uint64_t *)ctx;
    return 0;
}

static int count_log(void *ctx, uint64_t n, struct span entry)
{
    (void)entry;
    ++*(uint64_t *)ctx;
    assert_int_equal(n, *(uint64_t *)ctx);
    return 0;
}

/* Every batch below `n` is there, whole; returns how many batches there are. */
static uint64_t check(struct store *s, uint64_t known, struct arena *a)
{
    struct store_view *v;
    struct store_stats st;
    uint64_t batches = 0, facts = 0, entries = 0;
    assert_ok(store_view_begin(s, &v));
    assert_ok(store_stats(s, &st));
    assert_ok(store_outbox_each(v, INT64_MAX, count_outbox, &batches));
    assert_ok(store_log_each(v, STORE_LOG_ACCESS, 1, false, count_log, &entries));
    assert_int_equal(entries, batches);
    assert_true(batches == known || batches == known + 1); /* committed, not yet told of */
    assert_ok(store_facts(v, NULL, 0, NO_TIME, INT64_MAX, NULL, count_fact, &facts));
    assert_int_equal(facts, st.records);
    assert_int_equal(st.records, (batches - batches / 3) * BATCH);
    for (uint64_t b = 0; b < batches; b++) {
        char id[24];
        struct stored r;
        unsigned long long at = b % 3 == 2 ? (b - 1) * BATCH : b * BATCH;
        bool replaced = b % 3 == 1 && b + 1 < batches;
        arena_reset(a);
        snprintf(id, sizeof(id), "%llu", at + b % BATCH);
        assert_ok(store_find_feedback(v, SPAN_LIT("s"), span_str(id), a, &r));
        snprintf(id, sizeof(id), "%llu", (unsigned long long)b + replaced);
        assert_true(span_is(r.feedback.order, id));
    }
    store_view_end(v);
    return batches;
}

static void a_kill_loses_nothing_committed(void **state)
{
    const char *dir = test_dir();
    uint64_t rng_state = test_rand(), batches = 0;
    struct store_config cfg = {.dir = dir,
                               .workspace = SPAN_LIT("acme"),
                               .create = true,
                               .trace_fd = -1,
                               .rng = test_rng(&rng_state)};
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    for (size_t round = 0; round < test_rounds(12, 500); round++) {
        int fds[2], status;
        uint64_t told = batches, b;
        assert_ok(pipe(fds));
        useconds_t wait = (useconds_t)test_below(round % 4 ? 60000 : 3000); /* also its creation */
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            child(cfg, batches, fds[1]);
        }
        close(fds[1]);
        usleep(wait);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &b, sizeof(b)) == sizeof(b))
            told = b + 1;
        close(fds[0]);
        struct store *s;
        char message[256] = "";
        int r = store_open(&cfg, message, sizeof(message), &s);
        if (r < 0)
            fail_msg("round %zu: %s", round, message);
        batches = check(s, told, &a);
        store_close(s);
    }
    assert_true(batches > 0);
    print_message("%llu batches\n", (unsigned long long)batches);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_kill_loses_nothing_committed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
