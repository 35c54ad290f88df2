#include "tests/lib/test.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "daemon/format/json_out.h"

static void commas_fall_where_they_must(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    struct json_out j = json_out_to(&b);
    json_open(&j, NULL, '{');
    json_open(&j, "empty", '{');
    json_close(&j, '}');
    json_open(&j, "list", '[');
    json_int(&j, NULL, -3);
    json_open(&j, NULL, '[');
    json_close(&j, ']');
    json_flag(&j, NULL, true);
    json_open(&j, NULL, '{');
    json_nil(&j, "x");
    json_close(&j, '}');
    json_close(&j, ']');
    json_text(&j, "text", SPAN_LIT("배\"송\n"));
    json_text(&j, "absent", SPAN_NONE);
    json_text_if(&j, "left_out", SPAN_LIT(""));
    json_text(&j, "blank", SPAN_LIT(""));
    json_cstr(&j, "cstr", NULL);
    json_num(&j, "num", 0.1);
    json_num(&j, "nan", (double)NAN);
    json_raw(&j, "raw", SPAN_LIT("[1]"));
    json_open(&j, "attributes", '{');
    json_key(&j, SPAN_LIT("등급 \"a\""));
    json_text(&j, NULL, SPAN_LIT("vip"));
    json_key(&j, SPAN_LIT("n"));
    json_int(&j, NULL, 2);
    json_close(&j, '}');
    json_close(&j, '}');
    assert_int_equal(buf_error(&b), 0);
    assert_string_equal(b.p,
                        "{\"empty\":{},\"list\":[-3,[],true,{\"x\":null}],"
                        "\"text\":\"배\\\"송\\n\",\"absent\":null,\"blank\":\"\",\"cstr\":null,"
                        "\"num\":0.1,\"nan\":null,\"raw\":[1],"
                        "\"attributes\":{\"등급 \\\"a\\\"\":\"vip\",\"n\":2}}");
    json_t *o = json_loads(b.p, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    json_decref(o);
    buf_done(&b);
}

static void times_are_rfc_3339_or_null(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    struct json_out j = json_out_to(&b);
    json_open(&j, NULL, '[');
    json_time(&j, NULL, 0, 0);
    json_time(&j, NULL, 0, 540);
    json_time(&j, NULL, NO_TIME, 0);
    json_time(&j, NULL, INT64_MAX, 0);
    json_close(&j, ']');
    assert_string_equal(b.p, "[\"1970-01-01T00:00:00Z\",\"1970-01-01T09:00:00+09:00\",null,null]");
    buf_done(&b);
}

static void a_full_buffer_is_told_once_at_the_end(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 16);
    struct json_out j = json_out_to(&b);
    json_open(&j, NULL, '[');
    for (int i = 0; i < 100; i++)
        json_int(&j, NULL, i);
    json_close(&j, ']');
    assert_int_equal(buf_error(&b), -EMSGSIZE);
    buf_done(&b);
}

/* --- any nesting --- */

static void write_value(struct json_out *j, const char *key, int depth)
{
    uint64_t what = test_below(depth > 4 ? 4 : 6);
    if (what == 0) {
        json_int(j, key, (int64_t)test_rand());
    } else if (what == 1) {
        json_num(j, key, test_unit() * 1e6 - 5e5);
    } else if (what == 2) {
        json_flag(j, key, test_below(2));
    } else if (what == 3) {
        json_text(j, key, span_of("a\"\\\x01\t배송", test_below(5)));
    } else {
        bool list = what == 4;
        json_open(j, key, list ? '[' : '{');
        for (uint64_t n = test_below(5); n > 0; n--) {
            static const char *const keys[] = {"", "a", "b", "c", "d"};
            write_value(j, list ? NULL : keys[n], depth + 1);
        }
        json_close(j, list ? ']' : '}');
    }
}

static void whatever_is_written_parses(void **state)
{
    (void)state;
    size_t rounds = test_rounds(2000, 100000);
    for (size_t i = 0; i < rounds; i++) {
        struct buf b;
        json_error_t error;
        buf_init(&b, 0);
        struct json_out j = json_out_to(&b);
        write_value(&j, NULL, 0);
        json_t *o = json_loads(b.p, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        if (!o)
            fail_msg("%s: %s", error.text, b.p);
        json_decref(o);
        buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_fall_where_they_must),
        cmocka_unit_test(times_are_rfc_3339_or_null),
        cmocka_unit_test(a_full_buffer_is_told_once_at_the_end),
        cmocka_unit_test(whatever_is_written_parses),
    };
    test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
