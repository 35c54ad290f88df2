/* csv.h: rows out of the files people have. */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/format/csv.h"
#include "tests/lib/test.h"

static struct buf cp949(const char *utf8)
{
    iconv_t cd = iconv_open("CP949", "UTF-8");
    char *in = (char *)utf8, *out;
    size_t left = strlen(utf8), room = left * 2 + 1;
    struct buf b;

    assert_true(cd != (iconv_t)-1);
    buf_init(&b, 0);
    out = buf_reserve(&b, room);
    assert_true(iconv(cd, &in, &left, &out, &room) != (size_t)-1);
    b.n = (size_t)(out - b.p);
    iconv_close(cd);
    return b;
}

static void write_row(const struct row *row, struct buf *out)
{
    buf_printf(out, "%llu:", (unsigned long long)row->line);
    if (row->bad)
        buf_printf(out, "!%s", row->why.code);
    for (size_t i = 0; i < row->n && !row->bad; i++)
        buf_printf(out, "[%.*s]", SPAN_FMT(row->cells[i]));
    buf_char(out, '\n');
}

static int run(struct span body, const struct csv_options *opt, bool whole, struct buf *out)
{
    struct csv *c;
    struct row row;
    size_t at = 0, n_header;
    int rc;

    assert_int_equal(csv_new(opt, &c), 0);
    do {
        size_t left = body.n - at, n = whole ? left : (size_t)test_below(left < 7 ? left + 1 : 7);
        char *piece = malloc(n + 1);
        memcpy(piece, body.p + at, n);
        assert_int_equal(csv_feed(c, span_of(piece, n)), 0);
        free(piece);
        at += n;
        if (at == body.n)
            csv_end(c);
        while ((rc = csv_next(c, &row)) == 1)
            write_row(&row, out);
    } while (at < body.n && rc == 0);
    const struct span *header = csv_header(c, &n_header);
    if (rc < 0)
        buf_printf(out, "%s", csv_message(c));
    else if (header)
        buf_printf(out, "%zu columns", n_header);
    csv_free(c);
    return rc;
}

static const struct {
    const char *body, *expected;
} table[] = {
    {"", ""},
    {"a,b\n1,2\n", "2:[1][2]\n2 columns"},
    {"a,b\r\n1,2\r\n\r\n3,4", "2:[1][2]\n4:[3][4]\n2 columns"},
    {"\xEF\xBB\xBF"
     "a,b\n1,2",
     "2:[1][2]\n2 columns"},
    {"a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", "2:[x,y][say \"hi\"]\n2 columns"},
    {"a,b\n\"two\nlines\",2\n3,4\n", "2:[two\nlines][2]\n4:[3][4]\n2 columns"},
    {"a,b\n\"crlf\r\n\",\"\"\r\n", "2:[crlf\r\n][]\n2 columns"},
    {"a,b\n,\n", "2:[][]\n2 columns"},
    {"a,b\n1\n1,2,3\n4,5\n", "2:!ragged_row\n3:!ragged_row\n4:[4][5]\n2 columns"},
    {"a,b\n5\" disk,2\n", "2:[5\" disk][2]\n2 columns"},
    {"a,b\n\"x\"y,2\n3,4\n", "2:!malformed_csv\n3:[3][4]\n2 columns"},
    {"a,b\n\"open,2\n", "2:!malformed_csv\n2 columns"},
    {"a,b\n\"x\"\r,2\n3,4\n", "2:!malformed_csv\n3:[3][4]\n2 columns"},
    {" a , b \n1,2\n", "2:[1][2]\n2 columns"},
    {"a;b\n1;2,5\n", "2:[1][2,5]\n2 columns"},
    {"a\tb\n1\t2\n", "2:[1][2]\n2 columns"},
    {"a\tb\n\"x\ty\"\t2\n", "2:[x\ty][2]\n2 columns"},
    {"a\tb\n\"최고\"라는 말\t2\n3\t4\n", "2:[\"최고\"라는 말][2]\n3:[3][4]\n2 columns"},
    {"a\tb\n1\t\"열기만\n2\t뭐\n", "2:[1][\"열기만]\n3:[2][뭐]\n2 columns"},
    {"a\tb\n1\t\"열고\n2\t닫기\"\n3\t4\n", "2:[1][\"열고]\n3:[2][닫기\"]\n4:[3][4]\n2 columns"},
    {"a,b\n\xFF,2\n3,4\n", "2:!invalid_utf8\n3:[3][4]\n2 columns"},
    {"a,a\n1,2\n", "the header row names a column twice"},
    {"\"a\"b,c\n1,2\n", "the header row can not be read: a quote is wrong or it is too long"},
    {"\xFF\xFE"
     "a\0,\0",
     "the file is UTF-16; save it as UTF-8 or CP949"},
    {"a,b,,\n1,2,3,4\n", "2:[1][2][3][4]\n4 columns"},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (int round = 0; round < 30; round++) {
            struct csv_options opt = {0};
            struct buf out;
            buf_init(&out, 0);
            run(span_str(table[i].body), &opt, round == 0, &out);
            if (!span_is(buf_span(&out), table[i].expected))
                fail_msg("%s\nround %d, expected: %s\ngot: %s", table[i].body, round,
                         table[i].expected, out.p ? out.p : "");
            buf_done(&out);
        }
    }
}

static void test_random_splits(void **state)
{
    static const char alphabet[] = "ab,,\t\"\"\"\r\n\n\xEA\xB0\x80";

    (void)state;
    for (size_t round = 0; round < test_rounds(1000, 50000); round++) {
        char body[200] = "a,b\n";
        struct csv_options opt = {.delimiter = test_below(2) ? '\t' : ',', .max_row = 24};
        size_t n = 4 + (size_t)test_below(sizeof body - 4);
        struct buf one, split;
        body[1] = opt.delimiter;
        for (size_t i = 4; i < n; i++)
            body[i] = alphabet[test_below(sizeof alphabet - 1)];
        buf_init(&one, 0);
        buf_init(&split, 0);
        run(span_of(body, n), &opt, true, &one);
        run(span_of(body, n), &opt, false, &split);
        if (!span_eq(buf_span(&one), buf_span(&split)))
            fail_msg("split differently:\n%s\n--- whole:\n%s\n--- of:\n%.*s", split.p, one.p,
                     (int)n, body);
        buf_done(&one);
        buf_done(&split);
    }
}

/* What we quote is what is read. */
static void test_round_trip(void **state)
{
    static const char alphabet[] = "ab \",\n\r\t'";

    (void)state;
    for (size_t round = 0; round < test_rounds(300, 10000); round++) {
        struct csv_options opt = {.delimiter = ','};
        struct buf body, expected, got;
        buf_init(&body, 0);
        buf_init(&expected, 0);
        buf_init(&got, 0);
        buf_str(&body, "x,y\r\n");
        uint64_t line = 2;
        for (int row = 0; row < 4; row++) {
            buf_printf(&expected, "%llu:", (unsigned long long)line++);
            for (int col = 0; col < 2; col++) {
                buf_str(&body, col ? ",\"" : "\"");
                buf_char(&expected, '[');
                for (uint64_t n = test_below(12); n > 0; n--) {
                    char ch = alphabet[test_below(sizeof alphabet - 1)];
                    buf_char(&body, ch);
                    if (ch == '"')
                        buf_char(&body, ch);
                    line += ch == '\n';
                    buf_char(&expected, ch);
                }
                buf_char(&body, '"');
                buf_char(&expected, ']');
            }
            buf_str(&body, "\r\n");
            buf_char(&expected, '\n');
        }
        buf_str(&expected, "2 columns");
        assert_int_equal(run(buf_span(&body), &opt, test_below(2), &got), 0);
        if (!span_eq(buf_span(&got), buf_span(&expected)))
            fail_msg("expected %s\ngot %s", expected.p, got.p);
        buf_done(&body);
        buf_done(&expected);
        buf_done(&got);
    }
}

static void expect_encoding(struct span body, enum csv_encoding given, enum csv_encoding found,
                            const char *must_hold)
{
    struct csv_options opt = {.encoding = given};
    struct csv *c;
    struct row row;
    struct buf out;

    buf_init(&out, 0);
    assert_int_equal(csv_new(&opt, &c), 0);
    assert_int_equal(csv_feed(c, body), 0);
    csv_end(c);
    while (csv_next(c, &row) == 1)
        write_row(&row, &out);
    assert_int_equal(csv_encoding_found(c), found);
    if (span_find(buf_span(&out), span_str(must_hold)) == SIZE_MAX)
        fail_msg("expected to find %s in:\n%s", must_hold, out.p);
    csv_free(c);
    buf_done(&out);
}

#define SAMPLE                                                                                     \
    "번호,내용\n1,\"배송이 \"\"너무\"\" 늦습니다, 확인 부탁드려요\"\n2,똠방각하 펲시콜라 뷁\n"

static void test_encodings(void **state)
{
    struct buf korean = cp949(SAMPLE);

    (void)state;
    expect_encoding(span_str(SAMPLE), CSV_DETECT, CSV_UTF8, "[배송이 \"너무\" 늦습니다, 확인");
    expect_encoding(buf_span(&korean), CSV_DETECT, CSV_CP949, "[배송이 \"너무\" 늦습니다, 확인");
    expect_encoding(buf_span(&korean), CSV_CP949, CSV_CP949, "[똠방각하 펲시콜라 뷁]");
    expect_encoding(buf_span(&korean), CSV_UTF8, CSV_UTF8, "");
    expect_encoding(SPAN_LIT("a,b\n1,2\n"), CSV_DETECT, CSV_DETECT, "[1][2]");
    buf_done(&korean);
}

/* CP949 in pieces: a character may be cut in two. */
static void test_cp949_splits(void **state)
{
    struct buf korean = cp949(SAMPLE), one, split;
    struct csv_options opt = {0};

    (void)state;
    for (int round = 0; round < 50; round++) {
        buf_init(&one, 0);
        buf_init(&split, 0);
        run(buf_span(&korean), &opt, true, &one);
        run(buf_span(&korean), &opt, false, &split);
        assert_true(span_eq(buf_span(&one), buf_span(&split)));
        buf_done(&one);
        buf_done(&split);
    }
    buf_done(&korean);
}

/* One broken byte does not make a UTF-8 file a CP949 one. */
static void test_damaged_utf8_stays_utf8(void **state)
{
    (void)state;
    expect_encoding(SPAN_LIT("a,b\n배송이 늦어요,\xFF\n환불해 주세요,네\n교환 원해요,네\n"),
                    CSV_DETECT, CSV_UTF8, "3:[환불해 주세요][네]");
}

/* All ASCII for longer than anybody looks, then Korean. */
static void test_late_korean(void **state)
{
    struct buf korean = cp949("9,늦은 배송\n"), body;

    (void)state;
    buf_init(&body, 0);
    buf_str(&body, "a,b\n");
    while (body.n < 2 * CSV_DETECT_BYTES)
        buf_str(&body, "1,plain\n");
    buf_add(&body, buf_span(&korean));
    expect_encoding(buf_span(&body), CSV_DETECT, CSV_CP949, "[9][늦은 배송]");
    buf_done(&korean);
    buf_done(&body);
}

static void test_bad_cp949_rejects_its_row(void **state)
{
    struct buf korean = cp949("a,b\n배송,늦음\n");

    (void)state;
    buf_append(&korean, "\x81\x20,x\n3,4\n", 9);
    expect_encoding(buf_span(&korean), CSV_CP949, CSV_CP949, "3:!invalid_utf8\n4:[3][4]");
    buf_done(&korean);
}

static void test_long_rows(void **state)
{
    struct csv_options opt = {.max_row = 32, .delimiter = ','};
    struct buf body, out;

    (void)state;
    buf_init(&body, 0);
    buf_init(&out, 0);
    buf_str(&body, "a,b\n1,");
    for (int i = 0; i < 100; i++)
        buf_char(&body, 'x');
    buf_str(&body, "\n3,4\n");
    run(buf_span(&body), &opt, true, &out);
    assert_string_equal(out.p, "2:!line_too_long\n3:[3][4]\n2 columns");
    buf_done(&body);
    buf_done(&out);
}

static void test_feed_is_bounded(void **state)
{
    struct csv_options opt = {0};
    struct csv *c;
    struct buf big;
    int rc = 0;

    (void)state;
    buf_init(&big, 0);
    while (big.n < 1 << 20)
        buf_str(&big, "a,b\n");
    assert_int_equal(csv_new(&opt, &c), 0);
    for (int i = 0; i < 10 && rc == 0; i++)
        rc = csv_feed(c, buf_span(&big));
    assert_int_equal(rc, -ENOBUFS);
    csv_free(c);
    buf_done(&big);
}

static void test_encoding_names(void **state)
{
    enum csv_encoding e;

    (void)state;
    assert_int_equal(csv_encoding_find(SPAN_LIT("EUC-KR"), &e), 0);
    assert_int_equal(e, CSV_CP949);
    assert_int_equal(csv_encoding_find(SPAN_LIT("UTF-8"), &e), 0);
    assert_int_equal(e, CSV_UTF8);
    assert_int_equal(csv_encoding_find(SPAN_LIT("latin1"), &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),          cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_cp949_splits),   cmocka_unit_test(test_damaged_utf8_stays_utf8),
        cmocka_unit_test(test_late_korean),    cmocka_unit_test(test_bad_cp949_rejects_its_row),
        cmocka_unit_test(test_long_rows),      cmocka_unit_test(test_feed_is_bounded),
        cmocka_unit_test(test_encoding_names),
    };
    test_seed();
    return cmocka_run_group_tests_name("collect/csv", tests, NULL, NULL);
}
