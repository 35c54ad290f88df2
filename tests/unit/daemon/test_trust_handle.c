#include "daemon/trust/handle.h"

#include <stdlib.h>

#include "base/err.h"
#include "tests/lib/test.h"

static struct arena arena;

static struct handles *with_key(unsigned char first)
{
    unsigned char key[HANDLE_KEY];
    struct handles *h;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)(first + i);
    assert_int_equal(handles_new(key, &h), 0);
    return h;
}

static struct span make(struct handles *h, struct span id)
{
    struct span handle;
    assert_int_equal(handle_make(h, id, &arena, &handle), 0);
    return handle;
}

static void test_there_and_back(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "",       "1",     "c-1029",          "minsu@example.com", "김민수",
        "c_1029", "a\x80", "fifteen-bytes-i", "sixteen-bytes-id"};
    struct handles *h = with_key(1);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct span handle = make(h, span_str(ids[i])), id;
        assert_true(span_starts(handle, SPAN_LIT("c_")));
        assert_true(span_eq(make(h, span_str(ids[i])), handle)); /* the same every time */
        assert_int_equal(handle_open(h, handle, &arena, &id), 0);
        assert_true(span_is(id, ids[i]));
        assert_int_equal(handle.n, strlen(ids[i]) < 16 ? 45 : strlen(ids[i]) < 32 ? 66 : 0);
    }
    handles_free(h);
}

static void test_of_any_length(void **state)
{
    (void)state;
    uint64_t seed = test_seed();
    struct handles *h = with_key(1);
    char id[HANDLE_MAX_ID + 1];
    for (size_t n = 0; n <= HANDLE_MAX_ID; n += n < 70 ? 1 : 311) {
        struct span back;
        for (size_t i = 0; i < n; i++)
            id[i] = (char)rng_split(&seed);
        arena_reset(&arena);
        struct span handle = make(h, span_of(id, n));
        assert_int_equal(handle_open(h, handle, &arena, &back), 0);
        assert_true(span_eq(back, span_of(id, n)));
    }
    struct span none;
    assert_int_equal(handle_make(h, span_of(id, HANDLE_MAX_ID + 1), &arena, &none), -EMSGSIZE);
    handles_free(h);
}

static void test_nothing_else_opens(void **state)
{
    (void)state;
    struct handles *h = with_key(1), *other = with_key(2);
    struct span handle = make(h, SPAN_LIT("minsu@example.com")), id;
    char text[128];
    assert_int_equal(handle_open(other, handle, &arena, &id), -EINVAL); /* another workspace */
    assert_false(span_eq(make(other, SPAN_LIT("minsu@example.com")), handle));
    for (size_t i = 0; i < handle.n; i++) {
        memcpy(text, handle.p, handle.n);
        text[i] = text[i] == 'x' ? 'y' : 'x';
        assert_int_equal(handle_open(h, span_of(text, handle.n), &arena, &id), -EINVAL);
        assert_int_equal(handle_open(h, span_of(handle.p, i), &arena, &id), -EINVAL);
    }
    memcpy(text, handle.p, handle.n);
    text[handle.n] = 'A';
    assert_int_equal(handle_open(h, span_of(text, handle.n + 1), &arena, &id), -EINVAL);
    static const char *const bad[] = {"", "c_", "c-1029", "c_1029", "minsu@example.com", "C_"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(handle_open(h, span_str(bad[i]), &arena, &id), -EINVAL);
    assert_int_equal(handle_open(h, SPAN_NONE, &arena, &id), -EINVAL);
    char *large = calloc(1, 1 << 16);
    memset(large, 'A', 1 << 16);
    memcpy(large, "c_", 2);
    for (size_t n = 2; n < 1 << 16; n += 997)
        assert_int_equal(handle_open(h, span_of(large, n), &arena, &id), -EINVAL);
    free(large);
    handles_free(h);
    handles_free(other);
}

/* Ids that begin alike share nothing, and the id is not in it. */
static void test_tells_nothing(void **state)
{
    (void)state;
    struct handles *h = with_key(1);
    struct span a = make(h, SPAN_LIT("customer-0001")), b = make(h, SPAN_LIT("customer-0002"));
    size_t same = 0;
    for (size_t i = 2; i < a.n; i++)
        same += a.p[i] == b.p[i];
    assert_in_range(same, 0, 8); /* of 43: one in 64 by chance */
    handles_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_of_any_length),
        cmocka_unit_test(test_nothing_else_opens),
        cmocka_unit_test(test_tells_nothing),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
