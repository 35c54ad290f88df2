#include "base/uuid7.h"

#include <errno.h>

#include "base/err.h"
#include "tests/lib/test.h"

static void fill_ff(void *ctx, void *p, size_t n)
{
    (void)ctx;
    memset(p, 0xFF, n);
}

/* RFC 9562, A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F is of 2022-02-22T14:22:22-05:00. */
static void has_the_layout_of_the_rfc(void **state)
{
    const struct rng ff = {.fill = fill_ff};
    struct uuid u = uuid7_make(INT64_C(0x017F22E279B0), &ff);
    char text[UUID_TEXT];

    (void)state;
    uuid_format(&u, text);
    assert_string_equal(text, "017f22e2-79b0-7fff-bfff-ffffffffffff");
    u = uuid7_make(-1, &ff);
    uuid_format(&u, text);
    assert_string_equal(text, "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

static void sorts_by_time(void **state)
{
    uint64_t seed = test_rand();
    struct rng rng = test_rng(&seed);

    (void)state;
    for (int64_t ms = 1; ms < INT64_C(1) << 47; ms = ms * 3 + 1) {
        struct uuid a = uuid7_make(ms, &rng), b = uuid7_make(ms + 1, &rng);
        struct uuid again = uuid7_make(ms, &rng);

        assert_true(memcmp(a.b, b.b, 16) < 0);
        assert_memory_not_equal(a.b, again.b, 16);
    }
}

static void survives_text(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct uuid u, back;
        char text[UUID_TEXT];

        for (int k = 0; k < 16; k++)
            u.b[k] = (uint8_t)test_rand();
        uuid_format(&u, text);
        assert_int_equal(strlen(text), 36);
        if (i % 2)
            for (char *p = text; *p; p++)
                *p = (char)(*p >= 'a' ? *p - 32 : *p);
        assert_int_equal(uuid_parse(span_str(text), &back), 0);
        assert_memory_equal(u.b, back.b, 16);
    }
}

static void refuses_other_text(void **state)
{
    static const char *const bad[] = {
        "",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
        "017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "------------------------------------",
    };
    struct uuid u = {{1, 2, 3}}, before = u;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(uuid_parse(span_str(bad[i]), &u), -EINVAL);
    assert_memory_equal(&u, &before, sizeof(u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_layout_of_the_rfc),
        cmocka_unit_test(sorts_by_time),
        cmocka_unit_test(survives_text),
        cmocka_unit_test(refuses_other_text),
    };

    return cmocka_run_group_tests_name("base/uuid7", tests, NULL, NULL);
}
