/* The trace says what was put and committed, in the form trace.h describes. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/trace.h"
#include "tests/unit/store/fixture.h"

struct reader {
    const char *p, *end;
};

static const char *take(struct reader *r, void *to, size_t n)
{
    const char *at = r->p;
    assert_true((size_t)(r->end - r->p) >= n);
    if (to)
        memcpy(to, at, n);
    r->p += n;
    return at;
}

/* The number of the table of that name. */
static int skip_head(struct reader *r, const char *name)
{
    uint8_t n, length;
    int found = -1;
    assert_memory_equal(take(r, NULL, 8), "VOCTRC1\n", 8);
    take(r, &n, 1);
    for (uint8_t i = 0; i < n; i++) {
        take(r, &length, 1);
        if (span_eq(span_of(take(r, NULL, length), length), span_str(name)))
            found = i;
        take(r, NULL, 4);
    }
    return found;
}

struct op {
    uint8_t op, table;
    uint16_t key_size;
    uint32_t value_size, flags;
    struct span key;
};

static struct op next_op(struct reader *r)
{
    struct op o;
    take(r, &o.op, 1);
    take(r, &o.table, 1);
    take(r, &o.key_size, 2);
    take(r, &o.value_size, 4);
    take(r, &o.flags, 4);
    o.key = span_of(take(r, NULL, o.key_size), o.key_size);
    return o;
}

static struct span read_file(struct arena *a, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_ok(fstat(fd, &st));
    char *p = arena_alloc(a, (size_t)st.st_size);
    assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
    close(fd);
    return span_of(p, (size_t)st.st_size);
}

static void the_trace_tells_puts_deletes_and_ends(void **state)
{
    static const uint8_t want[] = {TRACE_PUT,   TRACE_PUT,    TRACE_COMMIT, TRACE_PUT,
                                   TRACE_ABORT, TRACE_DELETE, TRACE_COMMIT};
    struct fixture fx;
    char path[512];
    (void)state;
    fixture_init(&fx);
    store_close(fx.store);
    snprintf(path, sizeof(path), "%s/trace", test_dir());
    fx.cfg.trace_fd = open(path, O_RDWR | O_CREAT, 0600);
    fixture_open(&fx);
    struct store_txn *t = fixture_begin(&fx);
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("a"), SPAN_LIT("12345")));
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("bc"), SPAN_LIT("")));
    assert_ok(store_commit(t));
    t = fixture_begin(&fx);
    assert_ok(store_doc_put(t, STORE_DOC_JOB, SPAN_LIT("d"), SPAN_LIT("")));
    store_abort(t);
    t = fixture_begin(&fx);
    assert_ok(store_doc_delete(t, STORE_DOC_JOB, SPAN_LIT("a")));
    assert_ok(store_commit(t));
    store_close(fx.store);
    fx.store = NULL;
    close(fx.cfg.trace_fd);
    struct span s = read_file(&fx.a, path);
    struct reader r = {s.p, s.p + s.n};
    int doc = skip_head(&r, "doc");
    assert_true(doc >= 0);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct op o = next_op(&r);
        assert_int_equal(o.op, want[i]);
        assert_int_equal(o.table, o.key_size ? doc : 0);
        if (i == 0) {
            assert_int_equal(o.value_size, 5);
            assert_true(span_eq(o.key, SPAN_LIT("\x06"
                                                "a")));
        }
    }
    assert_true(r.p == r.end);
    fixture_done(&fx);
}

/* More than the trace holds at once; and one that can not be written is no one's trouble. */
static void a_trace_that_fails_is_given_up(void **state)
{
    struct fixture fx;
    (void)state;
    fixture_init(&fx);
    store_close(fx.store);
    fx.cfg.trace_fd = open("/dev/full", O_WRONLY);
    fixture_open(&fx);
    struct store_txn *t = fixture_begin(&fx);
    for (int i = 0; i < 30000; i++) {
        char key[24];
        snprintf(key, sizeof(key), "%d", i);
        assert_ok(store_doc_put(t, STORE_DOC_JOB, span_str(key), SPAN_LIT("")));
    }
    assert_ok(store_commit(t));
    close(fx.cfg.trace_fd);
    fixture_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trace_tells_puts_deletes_and_ends),
        cmocka_unit_test(a_trace_that_fails_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
