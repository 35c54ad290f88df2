#include "daemon/trust/access_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "daemon/pipeline/edit.h"
#include "tests/lib/test.h"

enum { ENTRIES = 20 };

static struct arena arena;
static struct span entries[ENTRIES + 1]; /* from 1 */

static struct access_spec spec_of(unsigned i)
{
    static const struct span whose[] = {SPAN_LIT("c-1"), SPAN_LIT("홍길동 \"quoted\"\n")};
    return (struct access_spec){.token_id = SPAN_LIT("tk_1"),
                                .name = SPAN_LIT("창구 3"),
                                .peer = SPAN_LIT("127.0.0.1"),
                                .request_id = SPAN_LIT("req-1"),
                                .role = ROLE_AGENT,
                                .action = SPAN_LIT("customer.context"),
                                .whose = whose,
                                .n_whose = i % 3,
                                .fields = i % 2 ? SPAN_LIT("phone") : SPAN_NONE,
                                .reason = i % 4 == 1 ? SPAN_LIT("call back") : SPAN_NONE};
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    for (unsigned i = 1; i <= ENTRIES; i++) {
        struct access_spec spec = spec_of(i);
        assert_int_equal(access_entry_make(&spec, i, INT64_C(1790000000000) + i, entries[i - 1],
                                           &arena, &entries[i]),
                         0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* Verifies entries[from..to] in the order of `order` (NULL: as they are); the first fault. */
static enum access_fault verify(const struct span *list, size_t n, struct access_verifier *v)
{
    enum access_fault fault = ACCESS_OK;
    for (size_t i = 0; i < n && fault == ACCESS_OK; i++)
        fault = access_verify(v, list[i]);
    return fault;
}

static void test_intact(void **state)
{
    (void)state;
    struct access_verifier v = {0};
    assert_int_equal(verify(entries + 1, ENTRIES, &v), ACCESS_OK);
    assert_int_equal(v.n, ENTRIES);
    assert_int_equal(access_verify_head(&v, ENTRIES, span_str(v.hash)), ACCESS_OK);
    /* and from a trusted entry in the middle on */
    struct access_verifier half = {0};
    assert_int_equal(verify(entries + 1, 7, &half), ACCESS_OK);
    assert_int_equal(verify(entries + 8, ENTRIES - 7, &half), ACCESS_OK);
    assert_string_equal(half.hash, v.hash);
}

static void test_cut_at_the_end(void **state)
{
    (void)state;
    struct access_verifier whole = {0}, cut = {0};
    verify(entries + 1, ENTRIES, &whole);
    assert_int_equal(verify(entries + 1, ENTRIES - 1, &cut), ACCESS_OK);
    assert_int_equal(access_verify_head(&cut, ENTRIES, span_str(whole.hash)), ACCESS_CUT);
    assert_int_equal(access_verify_head(&cut, ENTRIES - 1, span_str(whole.hash)), ACCESS_CUT);
}

static void test_removed_swapped_repeated(void **state)
{
    (void)state;
    struct span list[ENTRIES];
    struct access_verifier v = {0};
    memcpy(list, entries + 1, sizeof list);
    list[5] = entries[7]; /* entry 6 is gone */
    assert_int_equal(verify(list, ENTRIES, &v), ACCESS_ORDER);
    assert_int_equal(v.n, 5);
    memcpy(list, entries + 1, sizeof list);
    list[5] = entries[7];
    list[6] = entries[6];
    memset(&v, 0, sizeof v);
    assert_int_equal(verify(list, ENTRIES, &v), ACCESS_ORDER);
    memset(&v, 0, sizeof v);
    assert_int_equal(access_verify(&v, entries[1]), ACCESS_OK);
    assert_int_equal(access_verify(&v, entries[1]), ACCESS_ORDER);
    memset(&v, 0, sizeof v);
    assert_int_equal(access_verify(&v, entries[2]), ACCESS_ORDER);
}

/* Somebody writes an entry anew, with a hash that fits: the next one no longer continues it. */
static void test_rewritten_with_its_hash(void **state)
{
    (void)state;
    struct access_spec other = spec_of(2);
    struct span forged;
    struct access_verifier v = {0};
    assert_int_equal(
        access_entry_make(&other, 6, INT64_C(1790000000006), entries[5], &arena, &forged), 0);
    other.name = SPAN_LIT("nobody");
    assert_int_equal(
        access_entry_make(&other, 6, INT64_C(1790000000006), entries[5], &arena, &forged), 0);
    assert_int_equal(verify(entries + 1, 5, &v), ACCESS_OK);
    assert_int_equal(access_verify(&v, forged), ACCESS_OK);
    assert_int_equal(access_verify(&v, entries[7]), ACCESS_BROKEN);
}

/* Any byte of any entry changed, removed or doubled is seen. */
static void test_every_edit_is_seen(void **state)
{
    (void)state;
    test_seed();
    for (size_t i = 0; i < test_rounds(20000, 500000); i++) {
        size_t k = 1 + test_below(ENTRIES), at = test_below(entries[k].n);
        struct access_verifier v = {0};
        struct buf b;
        buf_init(&b, 0);
        buf_append(&b, entries[k].p, at);
        size_t how = test_below(3);
        char old = entries[k].p[at], new = (char)(' ' + test_below(95));
        if (how == 0 && new == old)
            new = (char)(old ^ 1);
        if (how != 1)
            buf_char(&b, how == 0 ? new : old);
        buf_append(&b, entries[k].p + at + (how != 2), entries[k].n - at - (how != 2));
        verify(entries + 1, k - 1, &v);
        if (access_verify(&v, buf_span(&b)) == ACCESS_OK)
            fail_msg("unseen: %s\ninstead of: %s", b.p, entries[k].p);
        buf_done(&b);
    }
}

/* As jansson would print it for an answer: other white space and escapes, the same content. */
static void test_any_formatting(void **state)
{
    (void)state;
    struct access_verifier v = {0};
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < entries[1].n; i++) {
        buf_char(&b, entries[1].p[i]);
        if (entries[1].p[i] == ',')
            buf_str(&b, "\n  ");
    }
    assert_int_equal(access_verify(&v, buf_span(&b)), ACCESS_OK);
    buf_done(&b);
}

static void test_added_members(void **state)
{
    (void)state;
    struct access_verifier v = {0};
    struct buf b;
    buf_init(&b, 0);
    buf_str(&b, "{\"x\":1,");
    buf_append(&b, entries[1].p + 1, entries[1].n - 1);
    assert_int_equal(access_verify(&v, buf_span(&b)), ACCESS_UNREADABLE);
    assert_int_equal(access_verify(&v, SPAN_LIT("not json")), ACCESS_UNREADABLE);
    assert_int_equal(access_verify(&v, SPAN_LIT("[]")), ACCESS_UNREADABLE);
    buf_done(&b);
}

/* A damaged log is not continued. */
static void test_make_refuses_a_wrong_last(void **state)
{
    (void)state;
    struct access_spec spec = spec_of(1);
    struct span out = SPAN_NONE;
    assert_int_equal(access_entry_make(&spec, 3, 0, entries[1], &arena, &out), -EINVAL);
    assert_int_equal(access_entry_make(&spec, 2, 0, SPAN_LIT("{\"n\":1,"), &arena, &out), -EINVAL);
    assert_int_equal(access_entry_make(&spec, 2, 0, SPAN_NONE, &arena, &out), -EINVAL);
    assert_int_equal(access_entry_make(&spec, 1, 0, entries[1], &arena, &out), -EINVAL);
    assert_null(out.p);
}

static void test_many_ids(void **state)
{
    (void)state;
    struct access_spec spec = spec_of(1);
    struct access_verifier v = {0};
    struct span *whose = calloc(ACCESS_MAX_WHOSE + 5, sizeof *whose), out;
    for (size_t i = 0; i < ACCESS_MAX_WHOSE + 5; i++)
        whose[i] = SPAN_LIT("c-1");
    spec.whose = whose;
    spec.n_whose = ACCESS_MAX_WHOSE + 5;
    assert_int_equal(access_entry_make(&spec, 1, 0, SPAN_NONE, &arena, &out), 0);
    assert_non_null(strstr(out.p, "\"whose_count\":1005"));
    assert_int_equal(access_verify(&v, out), ACCESS_OK);
    free(whose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intact),
        cmocka_unit_test(test_cut_at_the_end),
        cmocka_unit_test(test_removed_swapped_repeated),
        cmocka_unit_test(test_rewritten_with_its_hash),
        cmocka_unit_test(test_every_edit_is_seen),
        cmocka_unit_test(test_any_formatting),
        cmocka_unit_test(test_added_members),
        cmocka_unit_test(test_make_refuses_a_wrong_last),
        cmocka_unit_test(test_many_ids),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
