/* json_text.h and ndjson.h: items out of bodies, however the bytes arrive. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/json_text.h"
#include "daemon/format/ndjson.h"
#include "tests/lib/test.h"

/* --- bodies of JSON --- */

static void test_items(void **state)
{
    static const struct {
        const char *text;
        const char *items; /* compact, joined by | */
    } table[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {" [ ] ", ""},
        {"[{\"a\":1},5 , \"x\",[1,2],null]\n", "{\"a\":1}|5|\"x\"|[1,2]|null"},
        {"\xEF\xBB\xBF[{\"a\":\"가\"}]", "{\"a\":\"가\"}"},
        {"[12,3.5e2]", "12|350.0"},
        {"7", "7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct json_items it;
        struct json_problem problem;
        struct buf got;
        json_t *v;
        int rc;
        buf_init(&got, 0);
        assert_int_equal(json_items_begin(&it, span_str(table[i].text), &problem), 0);
        while ((rc = json_items_next(&it, &v, &problem)) == 1) {
            char *dump = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
            buf_printf(&got, "%s%s", got.n ? "|" : "", dump);
            free(dump);
            json_decref(v);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(json_items_next(&it, &v, &problem), 0);
        assert_string_equal(got.p ? got.p : "", table[i].items);
        buf_done(&got);
    }
}

static void test_item_problems(void **state)
{
    static const struct {
        const char *text;
        const char *code;
        size_t line, column, items;
    } table[] = {
        {"", "malformed_json", 1, 1, 0},
        {" \n ", "malformed_json", 2, 2, 0},
        {"{", "malformed_json", 1, 1, 0},
        {"[{\"a\":1}", "malformed_json", 1, 9, 1},
        {"[{\"a\":1},]", "malformed_json", 1, 10, 1},
        {"[{\"a\":1} {\"b\":1}]", "malformed_json", 1, 10, 1},
        {"[1,,2]", "malformed_json", 1, 4, 1},
        {"{\"a\":1} x", "malformed_json", 1, 9, 1},
        {"[1] [2]", "malformed_json", 1, 5, 1},
        {"[{\"가\":1},\n {\"나\" 2}]", "malformed_json", 2, 7, 1},
        {"[{\"가\":1}, {\"나\" 2}]", "malformed_json", 1, 16, 1},
        {"{\"a\":1,\"a\":2}", "duplicate_field", 1, 10, 0},
        {"[\"\xFF\"]", "invalid_utf8", 1, 2, 0},
        {"{\"a\\u0000\":1}", "nul_byte", 1, 10, 0},
        {"[tru]", "malformed_json", 1, 4, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct json_items it = {0};
        struct json_problem problem = {0};
        json_t *v;
        int rc = json_items_begin(&it, span_str(table[i].text), &problem);
        while (rc == 0 || rc == 1) {
            rc = json_items_next(&it, &v, &problem);
            if (rc == 1)
                json_decref(v);
            else if (rc == 0)
                fail_msg("%s: expected a problem", table[i].text);
        }
        if (strcmp(reject_text(problem.code), table[i].code) != 0 ||
            problem.line != table[i].line || problem.column != table[i].column ||
            it.n != table[i].items)
            fail_msg("%s: expected %s at %zu:%zu after %zu, got %s at %zu:%zu after %zu",
                     table[i].text, table[i].code, table[i].line, table[i].column, table[i].items,
                     reject_text(problem.code), problem.line, problem.column, it.n);
    }
}

static void test_problem_quotes_nothing(void **state)
{
    struct json_problem problem;
    json_t *v;

    (void)state;
    assert_int_equal(json_text_parse(SPAN_LIT("{\"a\": SECRET}"), &v, &problem), -EINVAL);
    assert_null(strstr(problem.what, "SECRET"));
}

/* --- lines --- */

/* Feeds `body` in pieces of random size and writes what comes out, one event a line. */
static void run_lines(struct span body, size_t max_line, bool whole, bool pausing, struct buf *out)
{
    struct ndjson s;
    struct span line;
    size_t at = 0;
    int rc;

    ndjson_init(&s, max_line);
    for (;;) {
        size_t left = body.n - at, n = whole ? left : (size_t)test_below(left < 9 ? left + 1 : 9);
        /* A copy that dies, so that a line kept by mistake shows under the sanitizer. */
        char *piece = malloc(n + 1);
        memcpy(piece, body.p + at, n);
        assert_int_equal(ndjson_feed(&s, span_of(piece, n)), 0);
        at += n;
        if (at == body.n)
            ndjson_end(&s);
        while ((rc = ndjson_next(&s, &line)) != 0) {
            if (rc == 1)
                buf_printf(out, "%llu:%.*s\n", (unsigned long long)s.number, SPAN_FMT(line));
            else
                buf_printf(out, "%llu!%d\n", (unsigned long long)s.number, rc);
            assert_true(rc == 1 || rc == -EMSGSIZE);
            if (pausing && at < body.n && test_below(3) == 0)
                break;
        }
        assert_int_equal(ndjson_keep(&s), 0);
        free(piece);
        if (at == body.n && rc == 0)
            break;
    }
    ndjson_done(&s);
}

static void test_lines(void **state)
{
    static const struct {
        const char *body, *expected;
    } table[] = {
        {"", ""},
        {"a\nb\n", "1:a\n2:b\n"},
        {"a\r\nb", "1:a\n2:b\n"},
        {"\n\n \r\na\n\n", "4:a\n"},
        {"\xEF\xBB\xBF{}\n\xEF\xBB\xBF", "1:{}\n2:\xEF\xBB\xBF\n"},
        {"\xEF\xBB\xBF", ""},
        {"12345678\n123456789\nx\n", "1:12345678\n2!-90\n3:x\n"},
        {"x\n1234567890123456789012345678901234567890", "1:x\n2!-90\n"},
        {"12345678\r\n", "1:12345678\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (int round = 0; round < 50; round++) {
            struct buf out;
            buf_init(&out, 0);
            buf_str(&out, "");
            run_lines(span_str(table[i].body), 8, round == 0, round % 2, &out);
            if (!span_is(buf_span(&out), table[i].expected))
                fail_msg("%s: expected %s, got %s", table[i].body, table[i].expected, out.p);
            buf_done(&out);
        }
    }
}

static void test_random_splits(void **state)
{
    static const char alphabet[] = "ab{}\"  \r\n\n\n";

    (void)state;
    for (size_t round = 0; round < test_rounds(300, 20000); round++) {
        char body[400];
        size_t n = (size_t)test_below(sizeof body);
        struct buf one, split;
        for (size_t i = 0; i < n; i++)
            body[i] = alphabet[test_below(sizeof alphabet - 1)];
        buf_init(&one, 0);
        buf_init(&split, 0);
        run_lines(span_of(body, n), 16, true, false, &one);
        run_lines(span_of(body, n), 16, false, true, &split);
        if (!span_eq(buf_span(&one), buf_span(&split)))
            fail_msg("split differently:\n%s\n--- whole:\n%s", split.p, one.p);
        buf_done(&one);
        buf_done(&split);
    }
}

static void test_memory_is_bounded(void **state)
{
    struct ndjson s;
    struct span line;
    char piece[4096];

    (void)state;
    memset(piece, 'x', sizeof piece);
    ndjson_init(&s, 8192);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ndjson_feed(&s, span_of(piece, sizeof piece)), 0);
        assert_int_equal(ndjson_next(&s, &line), 0);
        assert_true(s.line.cap <= 8192 + 8 && s.kept.cap == 0);
    }
    assert_int_equal(ndjson_feed(&s, SPAN_LIT("\nok\n")), 0);
    assert_int_equal(ndjson_next(&s, &line), -EMSGSIZE);
    assert_int_equal(ndjson_next(&s, &line), 1);
    assert_true(span_is(line, "ok"));
    ndjson_done(&s);
}

static void test_too_much_kept(void **state)
{
    struct ndjson s;
    struct buf big;
    int rc = 0;

    (void)state;
    buf_init(&big, 0);
    for (int i = 0; i < 1024; i++)
        buf_str(&big, "line of some bytes\n");
    ndjson_init(&s, 8192);
    for (int i = 0; i < 1000 && rc == 0; i++)
        rc = ndjson_feed(&s, buf_span(&big));
    assert_int_equal(rc, -ENOBUFS);
    ndjson_done(&s);
    buf_done(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_item_problems),
        cmocka_unit_test(test_problem_quotes_nothing),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_too_much_kept),
    };
    test_seed();
    return cmocka_run_group_tests_name("collect/text", tests, NULL, NULL);
}
