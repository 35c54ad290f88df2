/* The disk and the memory fail at the N-th call: the store says so, is as the last commit left it,
 * and goes on when they are well again. LMDB's and the store's calls to libc are caught by this
 * program's own definitions of them. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Calls left until the failure; negative: never. */
static long writes_left = -1, syncs_left = -1;
static int write_error;
static bool write_short;
static unsigned long writes_seen, syncs_seen;
static UNUSED long allocations_left = -1;
static UNUSED unsigned long allocations_seen;

static bool fails(long *left, unsigned long *seen)
{
    ++*seen;
    return *left >= 0 && (*left)-- <= 0 && (*left = 0, true); /* and stays failed */
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t writev(int fd, const struct iovec *v, int n);
int fdatasync(int fd);

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (fails(&writes_left, &writes_seen)) {
        if (write_short && n > 512)
            return syscall(SYS_pwrite64, fd, p, n / 2, at);
        errno = write_error;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, p, n, at);
}

/* LMDB writes runs of pages with it. */
ssize_t writev(int fd, const struct iovec *v, int n)
{
    if (fails(&writes_left, &writes_seen)) {
        if (write_short)
            return syscall(SYS_writev, fd, v, 1);
        errno = write_error;
        return -1;
    }
    return syscall(SYS_writev, fd, v, n);
}

int fdatasync(int fd)
{
    if (fails(&syncs_left, &syncs_seen)) {
        errno = write_error;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

#ifndef SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
    return fails(&allocations_left, &allocations_seen) ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    return fails(&allocations_left, &allocations_seen) ? NULL : __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    return fails(&allocations_left, &allocations_seen) ? NULL : __libc_realloc(p, n);
}
#endif

static void heal(void)
{
    writes_left = syncs_left = allocations_left = -1;
    write_short = false;
}

/* One batch of new records; external ids from `from`. The result of the commit. */
static int try_batch(struct fixture *fx, uint64_t from, size_t n)
{
    struct store_txn *t = NULL;
    struct arena a;
    arena_init(&a, 0);
    int r = store_begin(fx->store, FIXTURE_NOW, &t);
    for (uint64_t i = from; r == 0 && i < from + n; i++) {
        struct store_put put;
        char id[24], customer[24];
        snprintf(id, sizeof(id), "%llu", (unsigned long long)i);
        snprintf(customer, sizeof(customer), "c-%llu", (unsigned long long)i % 50);
        struct feedback f = {.source = SPAN_LIT("s"),
                             .external_id = span_str(id),
                             .created_at = FIXTURE_NOW - (int64_t)i,
                             .updated_at = NO_TIME,
                             .customer = {.id = span_str(customer)},
                             .text = SPAN_LIT("환불해 주세요"),
                             .product = span_str(customer)};
        r = store_put_feedback(t, &f, NULL, &a, &put);
    }
    if (r == 0)
        r = store_commit(t);
    else
        store_abort(t);
    arena_done(&a);
    return r;
}

static int count_fact(void *ctx, const struct store_fact *f)
{
    (void)f;
    ++*(uint64_t *)ctx;
    return 0;
}

/* Records, facts and identities tell the same number. */
static void assert_holds(struct fixture *fx, uint64_t n)
{
    struct store_stats st;
    struct store_view *v = fixture_view(fx);
    uint64_t facts = 0;
    assert_ok(store_stats(fx->store, &st));
    assert_int_equal(st.records, n);
    assert_ok(store_facts(v, NULL, 0, NO_TIME, INT64_MAX, NULL, count_fact, &facts));
    assert_int_equal(facts, n);
    for (uint64_t i = 0; i < n; i += 1 + n / 50) {
        char id[24];
        struct stored s;
        snprintf(id, sizeof(id), "%llu", (unsigned long long)i);
        assert_ok(store_find_feedback(v, SPAN_LIT("s"), span_str(id), &fx->a, &s));
    }
    store_view_end(v);
}

#define BATCH 700

/* For each way to fail and each call: a batch fails, is not there, and goes in afterwards. */
static void fail_each_write(int error, bool is_short, int expected)
{
    struct fixture fx;
    uint64_t n = 0;
    bool failed = true;
    fixture_init(&fx);
    assert_ok(try_batch(&fx, n, BATCH));
    n += BATCH;
    for (long at = 0; failed && n < 200 * BATCH; at += 1 + at / 8) {
        writes_left = at;
        write_error = error;
        write_short = is_short;
        int r = try_batch(&fx, n, BATCH);
        heal();
        failed = r < 0;
        if (failed && r == -VOC_E_PANIC) { /* the meta page itself: the process is to end */
            fixture_reopen(&fx);
            assert_holds(&fx, n);
            assert_ok(try_batch(&fx, n, BATCH));
        } else if (failed) {
            if (r != expected && r != -error)
                fail_msg("write %ld: %d, not %d", at, r, expected);
            struct store_txn *t = NULL;
            r = store_begin(fx.store, FIXTURE_NOW, &t);
            if (r == -VOC_E_PANIC) {
                fixture_reopen(&fx);
            } else {
                assert_ok(r);
                store_abort(t);
            }
            assert_holds(&fx, n);
            assert_ok(try_batch(&fx, n, BATCH));
        }
        n += BATCH;
        assert_holds(&fx, n);
    }
    assert_false(failed); /* the loop came to an end by itself */
    assert_true(n >= 3 * BATCH);
    fixture_reopen(&fx);
    assert_holds(&fx, n);
    fixture_done(&fx);
}

static void a_full_disk_fails_the_batch_alone(void **state)
{
    (void)state;
    fail_each_write(ENOSPC, false, -ENOSPC);
}

static void an_io_error_fails_the_batch_alone(void **state)
{
    (void)state;
    fail_each_write(EIO, false, -EIO);
}

static void a_short_write_fails_the_batch_alone(void **state)
{
    (void)state;
    fail_each_write(ENOSPC, true, -EIO);
}

static void a_failed_sync_fails_the_batch(void **state)
{
    struct fixture fx;
    (void)state;
    fixture_init(&fx);
    assert_ok(try_batch(&fx, 0, BATCH));
    syncs_seen = 0;
    assert_ok(try_batch(&fx, BATCH, BATCH));
    assert_true(syncs_seen > 0); /* commits do sync */
    syncs_left = 0;
    write_error = EIO;
    assert_int_equal(try_batch(&fx, 2 * BATCH, BATCH), -EIO);
    heal();
    assert_holds(&fx, 2 * BATCH);
    assert_ok(try_batch(&fx, 2 * BATCH, BATCH));
    assert_holds(&fx, 3 * BATCH);
    fixture_done(&fx);
}

static void every_allocation_may_fail(void **state)
{
#ifdef SANITIZED
    (void)state;
    skip();
#else
    struct fixture fx;
    uint64_t n = 0;
    size_t failures = 0;
    (void)state;
    fixture_init(&fx);
    bool failed = true;
    for (long at = 0; failed; at++) {
        fixture_reopen(&fx); /* with nothing remembered; libzstd does not survive it in here */
        allocations_left = at;
        int r = try_batch(&fx, n, 40);
        heal();
        failed = r < 0;
        if (failed)
            assert_int_equal(r, -ENOMEM);
        assert_holds(&fx, failed ? n : n + 40);
        if (failed)
            r = try_batch(&fx, n, 40);
        assert_ok(r);
        n += 40;
        failures += failed;
    }
    assert_true(failures > 30);
    fixture_reopen(&fx);
    assert_holds(&fx, n);
    fixture_done(&fx);
#endif
}

/* The real thing, on a disk of 8 MiB; needs the right to mount one. */
static void a_small_disk_fills_and_is_freed(void **state)
{
    struct fixture fx = {.rng_state = test_rand()};
    char path[512];
    uint64_t n = 0;
    int r = 0;
    (void)state;
    fx.dir = test_dir();
    if (mount("tmpfs", fx.dir, "tmpfs", 0, "size=8m") < 0) {
        print_message("can not mount: %s\n", strerror(errno));
        skip();
    }
    arena_init(&fx.a, 0);
    snprintf(path, sizeof(path), "%s/ws", fx.dir);
    fx.cfg = (struct store_config){.dir = path,
                                   .workspace = SPAN_LIT("acme"),
                                   .create = true,
                                   .ballast = 2 << 20,
                                   .trace_fd = -1,
                                   .rng = test_rng(&fx.rng_state)};
    fixture_open(&fx);
    while (n < 100 * BATCH && (r = try_batch(&fx, n, BATCH)) == 0)
        n += BATCH;
    assert_int_equal(r, -ENOSPC);
    assert_true(n > 0);
    assert_holds(&fx, n); /* queries still answer */
    assert_int_equal(try_batch(&fx, n, BATCH), -ENOSPC);
    assert_ok(store_ballast(fx.store, false));
    assert_ok(try_batch(&fx, n, BATCH)); /* and it goes on */
    assert_holds(&fx, n + BATCH);
    fixture_done(&fx);
    assert_ok(umount2(fx.dir, MNT_DETACH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_fails_the_batch_alone),
        cmocka_unit_test(an_io_error_fails_the_batch_alone),
        cmocka_unit_test(a_short_write_fails_the_batch_alone),
        cmocka_unit_test(a_failed_sync_fails_the_batch),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_small_disk_fills_and_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
