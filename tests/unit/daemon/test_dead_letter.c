/* Dead letters as they are kept: any payload comes back byte by byte, keys stand for times. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/pipeline/dead_letter.h"
#include "tests/lib/test.h"

static struct dead_letter sample(struct span payload)
{
    return (struct dead_letter){.source = SPAN_LIT("desk"),
                                .stream = SPAN_LIT("tickets"),
                                .code = SPAN_LIT("bad_time"),
                                .detail = SPAN_LIT("created_at: \"no\" time\n"),
                                .received_at = 1795305600000,
                                .tried_at = NO_TIME,
                                .payload = payload};
}

static void any_payload_comes_back(void **state)
{
    static const struct span payloads[] = {SPAN_LIT(""), SPAN_LIT("\n"), SPAN_LIT("{\"a\":\n1}"),
                                           SPAN_LIT("\xff\x00\n\x00"), SPAN_LIT("배송")};
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        struct dead_letter is = sample(payloads[i]), was;
        struct span value;
        assert_int_equal(dead_letter_write(&is, &a, &value), 0);
        assert_int_equal(dead_letter_read(SPAN_LIT("k"), value, &a, &was), 0);
        assert_true(span_eq(was.payload, is.payload));
        assert_true(span_eq(was.source, is.source) && span_eq(was.stream, is.stream));
        assert_true(span_eq(was.code, is.code) && span_eq(was.detail, is.detail));
        assert_int_equal(was.received_at, is.received_at);
        assert_int_equal(was.tried_at, NO_TIME);
        assert_false(was.whole);
    }
    arena_done(&a);
}

static void a_new_reason_keeps_the_rest(void **state)
{
    struct dead_letter l = sample(SPAN_LIT("{}")), was;
    struct span value;
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    l.whole = true;
    l.stream = SPAN_NONE;
    l.tries = 3;
    l.tried_at = l.received_at + 1;
    assert_int_equal(dead_letter_write(&l, &a, &value), 0);
    assert_int_equal(dead_letter_read(SPAN_LIT("k"), value, &a, &was), 0);
    assert_true(was.whole);
    assert_null(was.stream.p);
    assert_int_equal(was.tries, 3);
    assert_int_equal(was.tried_at, l.tried_at);
    arena_done(&a);
}

static void what_is_none_is_refused(void **state)
{
    static const struct span values[] = {SPAN_LIT(""), SPAN_LIT("{}"), SPAN_LIT("{}\n"),
                                         SPAN_LIT("nonsense\npayload"), SPAN_LIT("[1]\nx")};
    struct dead_letter l;
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_int_equal(dead_letter_read(SPAN_LIT("k"), values[i], &a, &l), -VOC_E_CORRUPT);
    arena_done(&a);
}

/* Keys made at a time are not below its floor, and below that of the next. */
static void keys_stand_for_times(void **state)
{
    uint64_t chance = test_rand();
    struct rng rng = test_rng(&chance);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t ms = (int64_t)(test_rand() % (INT64_C(1) << 47));
        char floor[DEAD_LETTER_KEY], next[DEAD_LETTER_KEY], key[UUID_TEXT];
        struct uuid id = uuid7_make(ms, &rng);
        uuid_format(&id, key);
        dead_letter_floor(ms, floor);
        dead_letter_floor(ms + 1, next);
        assert_true(strcmp(floor, key) <= 0 && strcmp(key, next) < 0);
        assert_int_equal(dead_letter_time(span_str(key)), ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_payload_comes_back),
        cmocka_unit_test(a_new_reason_keeps_the_rest),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(keys_stand_for_times),
    };
    return cmocka_run_group_tests_name("dead_letter", tests, NULL, NULL);
}
