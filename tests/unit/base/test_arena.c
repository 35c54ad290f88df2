#include "base/arena.h"

#include "tests/lib/test.h"

static void gives_aligned_memory_that_does_not_overlap(void **state)
{
    struct arena a;
    unsigned char *blocks[300];
    size_t sizes[300];

    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < 300; i++) {
        sizes[i] = test_below(200);
        blocks[i] = arena_alloc(&a, sizes[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i & 0xFF), sizes[i]);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(blocks[i][k], i & 0xFF);
    arena_done(&a);
}

static void counts_what_it_took(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(a.reserved, 0);
    assert_non_null(arena_alloc(&a, 1));
    assert_non_null(arena_alloc(&a, 0));
    assert_int_equal(a.used, 32);
    assert_true(a.reserved >= a.used);
    arena_done(&a);
    assert_int_equal(a.used, 0);
    assert_int_equal(a.reserved, 0);
    assert_non_null(arena_alloc(&a, 1)); /* usable again */
    arena_done(&a);
}

static void refuses_what_passes_the_maximum(void **state)
{
    struct arena a;
    size_t got = 0;

    (void)state;
    arena_init(&a, 10000);
    assert_null(arena_alloc(&a, 10001));
    assert_null(arena_alloc(&a, SIZE_MAX));
    while (arena_alloc(&a, 100))
        got++;
    assert_true(got > 80); /* little is lost to headers and tails */
    assert_true(a.reserved <= 10000);
    assert_null(arena_zalloc(&a, 200));
    assert_null(arena_dup(&a, SPAN_LIT("a text of which there is a good deal more than what fits "
                                       "in the room that is left after all those blocks; and so "
                                       "it has to be refused"))
                    .p);
    assert_null(arena_printf(&a, "%200s", "x").p);
    arena_done(&a);
}

/* The last chunk is cut to what the maximum leaves; the larger one before it is worth keeping. */
static void keeps_its_largest_chunk(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 20000);
    assert_non_null(arena_alloc(&a, 12000)); /* more than a first chunk holds */
    while (arena_alloc(&a, 1000))
        ;
    arena_reset(&a);
    assert_in_range(a.reserved, 12000, 12100);
    assert_non_null(arena_alloc(&a, 12000));
    assert_in_range(a.reserved, 12000, 12100);
    arena_done(&a);
}

static void zeroes_and_checks_arrays(void **state)
{
    struct arena a;
    const char *p;

    (void)state;
    arena_init(&a, 0);
    memset(arena_alloc(&a, 4000), 0xAA, 4000);
    arena_reset(&a); /* the chunk is dirty now */
    p = arena_array(&a, 100, 24);
    assert_non_null(p);
    for (size_t i = 0; i < 2400; i++)
        assert_int_equal(p[i], 0);
    assert_null(arena_array(&a, SIZE_MAX / 2, 3));
    assert_non_null(arena_array(&a, 0, 8));
    arena_done(&a);
}

static void stops_allocating_after_warm_up(void **state)
{
    struct arena a;
    struct arena_chunk *head = NULL;

    (void)state;
    arena_init(&a, 0);
    for (int round = 0; round < 10; round++) {
        arena_reset(&a);
        assert_int_equal(a.used, 0);
        for (int i = 0; i < 1000; i++)
            assert_non_null(arena_alloc(&a, 100));
        if (round > 5)
            assert_ptr_equal(a.head, head);
        head = a.head;
    }
    arena_reset(&a);
    assert_true(a.reserved >= 100000);
    arena_done(&a);
}

static void copies_spans(void **state)
{
    struct arena a;
    struct span s;

    (void)state;
    arena_init(&a, 0);
    s = arena_dup(&a, span_of("a\0b", 3));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 4); /* with its NUL */
    assert_null(arena_dup(&a, SPAN_NONE).p);
    s = arena_dup(&a, SPAN_LIT(""));
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
    s = arena_printf(&a, "%s-%d", "배송", 7);
    assert_string_equal(s.p, "배송-7");
    assert_int_equal(s.n, 8);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(counts_what_it_took),
        cmocka_unit_test(refuses_what_passes_the_maximum),
        cmocka_unit_test(keeps_its_largest_chunk),
        cmocka_unit_test(zeroes_and_checks_arrays),
        cmocka_unit_test(stops_allocating_after_warm_up),
        cmocka_unit_test(copies_spans),
    };

    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
