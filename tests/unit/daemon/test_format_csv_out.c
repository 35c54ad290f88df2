#include "daemon/format/csv_out.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/csv.h"
#include "tests/lib/test.h"

static void check(const struct buf *b, const char *expected)
{
    assert_int_equal(buf_error(b), 0);
    if (!span_is(buf_span(b), expected))
        fail_msg("got %.*s, expected %s", SPAN_FMT(buf_span(b)), expected);
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
    } table[] = {
        {"", ""},
        {"배송", "\"배송\""},
        {"a,b", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"\"", "\"\"\"\""},
        {"two\r\nlines", "\"two\r\nlines\""},
        {"=1+1", "\"'=1+1\""},
        {"+82 10", "\"'+82 10\""},
        {"-cmd|' /C calc'!A0", "\"'-cmd|' /C calc'!A0\""},
        {"@SUM(1)", "\"'@SUM(1)\""},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {"\n=1", "\"'\n=1\""},
        {"  =1", "\"'  =1\""},
        {"\u00a0=1", "\"'\u00a0=1\""},
        {"\u3000\u200b=1", "\"'\u3000\u200b=1\""},
        {"\ufeff=1", "\"'\ufeff=1\""},
        {"\u202e@a", "\"'\u202e@a\""},
        {"\v=1", "\"'\v=1\""},
        {"\u3000배송", "\"\u3000배송\""},
        {"＝1+1", "\"'＝1+1\""},
        {"＋1", "\"'＋1\""},
        {"－1", "\"'－1\""},
        {"＠1", "\"'＠1\""},
        {"-12.5", "\"-12.5\""}, /* a number */
        {"-12.5a", "\"'-12.5a\""},
        {"-+1", "\"'-+1\""},
        {"-(1)", "\"'-(1)\""},
        {"-", "\"'-\""},
        {"=\"x\"", "\"'=\"\"x\"\"\""},
        {"1=1", "\"1=1\""},
        {"'=1", "\"'=1\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct buf b;
        buf_init(&b, 0);
        struct csv_out csv = {&b, false};
        csv_out_text(&csv, span_str(table[i].text));
        check(&b, table[i].cell);
        buf_done(&b);
    }
}

static void test_rows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    struct csv_out csv = csv_out_begin(&b);
    csv_out_text(&csv, SPAN_NONE);
    csv_out_int(&csv, -3);
    csv_out_number(&csv, 0.25);
    csv_out_number(&csv, -0.25);
    csv_out_number(&csv, NAN);
    csv_out_row_end(&csv);
    csv_out_int(&csv, INT64_MIN);
    csv_out_row_end(&csv);
    check(&b, "\xef\xbb\xbf,-3,0.25,-0.25,\r\n-9223372036854775808\r\n");
    buf_done(&b);
}

static void test_values_of_documents(void **state)
{
    (void)state;
    static const struct {
        const char *path, *cell;
    } table[] = {
        {"s", "\"'=1\""},
        {"n", "1.5"},
        {"i", "7"},
        {"yes", "true"},
        {"none", ""},
        {"nowhere", ""},
        {"n.deeper", ""},
        {"list", "\"a; b; 3\""},
        {"codes", "\"delivery/late; refund\""},
        {"map", "\"등급=VIP; n=2\""},
        {"deep.er.still", "\"x\""},
        {"empty", ""},
        {"evil", "\"'@a; b\""},
    };
    json_t *doc = json_loads(
        "{\"s\":\"=1\",\"n\":1.5,\"i\":7,\"yes\":true,\"none\":null,\"list\":[\"a\",\"b\",3],"
        "\"codes\":[{\"code\":\"delivery/late\",\"polarity\":1},{\"code\":\"refund\"}],"
        "\"map\":{\"등급\":\"VIP\",\"n\":2},\"deep\":{\"er\":{\"still\":\"x\"}},\"empty\":[],"
        "\"evil\":[\"@a\",\"b\"]}",
        0, NULL);
    assert_non_null(doc);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct buf b;
        buf_init(&b, 0);
        struct csv_out csv = {&b, false};
        csv_out_json(&csv, csv_out_member(doc, table[i].path));
        check(&b, table[i].cell);
        buf_done(&b);
    }
    json_decref(doc);
}

/* What is written is read back, whatever it is: against the reader of csv.h. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char alphabet[] = "a\",;\r\n\t =-+@'1";
    uint64_t seed = test_seed();
    for (int round = 0; round < 500; round++) {
        char cells[4][12];
        struct buf b;
        struct csv *reader;
        struct row row;
        buf_init(&b, 0);
        struct csv_out csv = csv_out_begin(&b);
        for (int c = 0; c < 4; c++)
            csv_out_text(&csv, span_of(&"abcd"[c], 1));
        csv_out_row_end(&csv);
        for (int c = 0; c < 4; c++) {
            size_t n = 1 + rng_split(&seed) % 10;
            for (size_t i = 0; i < n; i++)
                cells[c][i] = alphabet[rng_split(&seed) % (sizeof alphabet - 1)];
            cells[c][n] = '\0';
            csv_out_text(&csv, span_of(cells[c], n));
        }
        csv_out_row_end(&csv);
        assert_int_equal(csv_new(&(struct csv_options){.delimiter = ','}, &reader), 0);
        assert_int_equal(csv_feed(reader, buf_span(&b)), 0);
        csv_end(reader);
        assert_int_equal(csv_next(reader, &row), 1);
        assert_false(row.bad);
        assert_int_equal(row.n, 4);
        for (int c = 0; c < 4; c++) {
            struct span cell = row.cells[c], as_sent = span_str(cells[c]);
            bool guarded = cell.n == as_sent.n + 1 && cell.p[0] == '\'';
            if (guarded)
                cell = span_of(cell.p + 1, cell.n - 1);
            assert_true(span_eq(cell, as_sent));
            assert_true(guarded || !strchr("=+@\t\r\n", as_sent.p[0]));
        }
        csv_free(reader);
        buf_done(&b);
    }
}

static void test_full(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    struct csv_out csv = csv_out_begin(&b);
    csv_out_text(&csv, SPAN_LIT("longer than that"));
    assert_int_equal(buf_error(&b), -EMSGSIZE);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_values_of_documents),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
