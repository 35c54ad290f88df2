/* A copy made while writes go on opens as a store of its own. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

static void put_some(struct fixture *fx, uint64_t from, size_t n)
{
    struct store_txn *t = fixture_begin(fx);
    struct arena a;
    arena_init(&a, 0);
    for (uint64_t i = from; i < from + n; i++) {
        struct store_put put;
        struct feedback f = random_feedback(&a, i, 9);
        f.source = SPAN_LIT("s");
        assert_ok(store_put_feedback(t, &f, NULL, &a, &put));
    }
    assert_ok(store_commit(t));
    arena_done(&a);
}

static void a_backup_is_a_store(void **state)
{
    struct fixture fx, copy;
    struct store_stats before, after;
    char message[512] = "", dir[512];
    (void)state;
    fixture_init(&fx);
    for (uint64_t i = 0; i < 5; i++)
        put_some(&fx, i * 1000, 1000);
    struct store_txn *t = fixture_begin(&fx); /* open over the copy: it must not wait for it */
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("later"), SPAN_LIT("x")));
    snprintf(dir, sizeof(dir), "%s/copy", test_dir());
    assert_ok(store_backup(fx.store, dir, message, sizeof(message)));
    assert_ok(store_stats(fx.store, &before));
    assert_ok(store_commit(t));
    put_some(&fx, 5000, 1000);
    assert_ok(store_backup_check(dir, message, sizeof(message)));
    copy = fx;
    copy.store = NULL;
    copy.cfg.dir = dir;
    copy.cfg.create = false;
    fixture_open(&copy);
    assert_ok(store_stats(copy.store, &after));
    assert_int_equal(after.records, 5000);
    assert_int_equal(after.records, before.records);
    assert_int_equal(after.sealed_blocks, before.sealed_blocks);
    put_some(&copy, 10000, 10); /* and goes on as one */
    put_some(&copy, 0, 10);
    assert_ok(store_stats(copy.store, &after));
    store_close(copy.store);
    fixture_done(&fx);
}

static void flip(const char *dir, const char *name, off_t at)
{
    char path[512], c;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void a_damaged_backup_is_noticed(void **state)
{
    struct fixture fx;
    struct stat st;
    char message[512] = "", dir[512], path[540];
    (void)state;
    fixture_init(&fx);
    put_some(&fx, 0, 100);
    snprintf(dir, sizeof(dir), "%s/copy", test_dir());
    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    assert_int_equal(store_backup_check(dir, message, sizeof(message)), -ENOENT);
    assert_ok(store_backup(fx.store, dir, message, sizeof(message)));
    assert_ok(store_backup_check(dir, message, sizeof(message)));
    assert_ok(stat(path, &st));
    for (int i = 0; i < 20; i++) {
        off_t at = (off_t)test_below((uint64_t)st.st_size);
        flip(dir, "data.mdb", at);
        assert_int_equal(store_backup_check(dir, message, sizeof(message)), -VOC_E_CORRUPT);
        flip(dir, "data.mdb", at);
    }
    assert_ok(store_backup_check(dir, message, sizeof(message)));
    assert_ok(truncate(path, st.st_size - 1));
    assert_int_equal(store_backup_check(dir, message, sizeof(message)), -VOC_E_CORRUPT);
    snprintf(path, sizeof(path), "%s/manifest.json", dir);
    assert_ok(truncate(path, 20));
    assert_int_equal(store_backup_check(dir, message, sizeof(message)), -VOC_E_CORRUPT);
    assert_ok(unlink(path));
    assert_int_equal(store_backup_check(dir, message, sizeof(message)), -ENOENT);
    assert_non_null(strstr(message, "no finished backup"));
    fixture_done(&fx);
}

static void a_full_directory_is_refused(void **state)
{
    struct fixture fx;
    char message[512] = "";
    (void)state;
    fixture_init(&fx);
    assert_int_equal(store_backup(fx.store, fx.dir, message, sizeof(message)), -EEXIST);
    assert_non_null(strstr(message, "not empty"));
    assert_int_equal(store_backup(fx.store, "/nonexistent/x", message, sizeof(message)), -ENOENT);
    fixture_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_is_a_store),
        cmocka_unit_test(a_damaged_backup_is_noticed),
        cmocka_unit_test(a_full_directory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
