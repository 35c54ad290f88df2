/* xlsx.h: rows out of workbooks. What Excel's own kind of files look like is in
 * tests/integration/test_import.py, written by openpyxl; here are the edges. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/xlsx.h"
#include "daemon/format/xlsx_number.h"
#include "tests/lib/test.h"
#include "tests/lib/workbook.h"

static void write_rows(struct xlsx *x, struct buf *out)
{
    struct row row;
    size_t n;
    int rc;
    const struct span *header = xlsx_header(x, &n);

    for (size_t i = 0; i < n; i++)
        buf_printf(out, "[%.*s]", SPAN_FMT(header[i]));
    while ((rc = xlsx_next(x, &row)) == 1) {
        buf_printf(out, "\n%llu:%s", (unsigned long long)row.line, row.bad ? row.why.code : "");
        for (size_t i = 0; i < row.n && !row.bad; i++)
            buf_printf(out, "[%.*s]", SPAN_FMT(row.cells[i]));
    }
    if (rc < 0)
        buf_printf(out, "\n!%s", xlsx_message(x));
    if (xlsx_uncomputed(x))
        buf_printf(out, "\n%llu uncomputed", (unsigned long long)xlsx_uncomputed(x));
}

static void read_file(struct span file, const struct xlsx_options *opt, struct buf *out)
{
    char message[XLSX_MAX_MESSAGE] = "";
    struct xlsx *x;
    char *copy = malloc(file.n + 1); /* of its own size, so that a read past the end is seen */

    memcpy(copy, file.p, file.n);
    int rc = xlsx_open(span_of(copy, file.n), opt, &x, message);
    if (rc == 0) {
        write_rows(x, out);
        xlsx_close(x);
    } else {
        assert_int_equal(rc, -EINVAL);
        buf_printf(out, "!%s", message);
    }
    free(copy);
}

static void expect(const char *what, const struct buf *got, const char *expected)
{
    if (strcmp(got->n ? got->p : "", expected) != 0)
        fail_msg("%s:\nexpected %s\ngot      %s", what, expected, got->n ? got->p : "");
}

static void expect_sheet(const char *what, const char *styles, const char *strings,
                         const char *sheet, const char *expected)
{
    struct xlsx_options opt = {0};
    struct buf file, out;

    buf_init(&file, 0);
    buf_init(&out, 0);
    assert_int_equal(workbook_make(span_str(styles), span_str(strings), span_str(sheet), &file), 0);
    read_file(buf_span(&file), &opt, &out);
    expect(what, &out, expected);
    buf_done(&file);
    buf_done(&out);
}

/* --- numbers --- */

static void test_formats(void **state)
{
    static const struct {
        const char *code;
        enum xlsx_format format;
    } table[] = {
        {"General", XLSX_PLAIN},
        {"0.00", XLSX_PLAIN},
        {"#,##0\"원\"", XLSX_PLAIN},
        {"#,##0\\d", XLSX_PLAIN},
        {"0_d;[Red]0_d", XLSX_PLAIN},
        {"[Magenta]0", XLSX_PLAIN},
        {"0.00E+00", XLSX_PLAIN},
        {"\"days\" 0", XLSX_PLAIN},
        {"0;d", XLSX_PLAIN},
        {"yyyy-mm-dd", XLSX_DATE},
        {"yyyy\"년\" m\"월\" d\"일\"", XLSX_DATE},
        {"[$-412]AM/PM h:mm;@", XLSX_DATE},
        {"[$-F800]dddd\\,\\ mmmm\\ dd", XLSX_DATE},
        {"M/D/YY", XLSX_DATE},
        {"mm:ss.0", XLSX_DATE},
        {"[h]:mm:ss", XLSX_ELAPSED},
        {"[MM]:SS", XLSX_ELAPSED},
        {"[ss]", XLSX_ELAPSED},
        {"[hm]:ss", XLSX_DATE},
        {"\"unclosed", XLSX_PLAIN},
        {"[unclosed", XLSX_PLAIN},
        {"\\", XLSX_PLAIN},
        {"", XLSX_PLAIN},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (xlsx_format_of(span_str(table[i].code)) != table[i].format)
            fail_msg("%s: got %d", table[i].code, (int)xlsx_format_of(span_str(table[i].code)));
    assert_int_equal(xlsx_format_builtin(0), XLSX_PLAIN);
    assert_int_equal(xlsx_format_builtin(9), XLSX_PLAIN);
    assert_int_equal(xlsx_format_builtin(14), XLSX_DATE);
    assert_int_equal(xlsx_format_builtin(31), XLSX_DATE);
    assert_int_equal(xlsx_format_builtin(37), XLSX_PLAIN);
    assert_int_equal(xlsx_format_builtin(46), XLSX_ELAPSED);
    assert_int_equal(xlsx_format_builtin(49), XLSX_PLAIN);
    assert_int_equal(xlsx_format_builtin(57), XLSX_DATE);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *number;
        enum xlsx_format format;
        bool date1904;
        const char *text;
    } table[] = {
        {"5", XLSX_PLAIN, false, "5"},
        {"3.0", XLSX_PLAIN, false, "3"},
        {"-0.5", XLSX_PLAIN, false, "-0.5"},
        {"0.30000000000000004", XLSX_PLAIN, false, "0.3"},
        {"2026112200001", XLSX_PLAIN, false, "2026112200001"},
        {"1.0E+2", XLSX_PLAIN, false, "100"},
        {"1e-5", XLSX_PLAIN, false, "1e-05"},
        {"1e300", XLSX_PLAIN, false, "1e+300"},
        {"", XLSX_PLAIN, false, ""},
        {"five", XLSX_PLAIN, false, ""},
        {"nan", XLSX_DATE, false, ""},
        {"46348", XLSX_DATE, false, "2026-11-22"},
        {"46348.628472222219", XLSX_DATE, false, "2026-11-22 15:05:00"},
        {"46348.999999999", XLSX_DATE, false, "2026-11-23"},
        {"46348.5000057", XLSX_DATE, false, "2026-11-22 12:00:00.492"},
        {"44886", XLSX_DATE, true, "2026-11-22"},
        {"1", XLSX_DATE, false, "1900-01-01"},
        {"59", XLSX_DATE, false, "1900-02-28"},
        {"60", XLSX_DATE, false, "1900-02-29"},
        {"61", XLSX_DATE, false, "1900-03-01"},
        {"1", XLSX_DATE, true, "1904-01-02"},
        {"60", XLSX_DATE, true, "1904-03-01"},
        {"0.5", XLSX_DATE, false, "12:00:00"},
        {"0", XLSX_DATE, false, "00:00:00"},
        {"-1", XLSX_DATE, false, "-1"},
        {"2958465", XLSX_DATE, false, "9999-12-31"},
        {"3000000", XLSX_DATE, false, "3000000"},
        {"1.5", XLSX_ELAPSED, false, "36:00:00"},
        {"0.000960648148148148", XLSX_ELAPSED, false, "00:01:23"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char text[XLSX_NUMBER_TEXT] = "";
        size_t n =
            xlsx_number_text(span_str(table[i].number), table[i].format, table[i].date1904, text);
        text[n] = '\0';
        if (strcmp(text, table[i].text) != 0)
            fail_msg("%s: expected %s, got %s", table[i].number, table[i].text, text);
    }
}

/* --- cells --- */

#define STYLES                                                                                     \
    "<numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy&quot;년&quot; m\"/></numFmts>"           \
    "<cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>"                                           \
    "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/><xf numFmtId=\"22\"/></cellXfs>"
#define STRINGS                                                                                    \
    "<si><t>번호</t></si><si><r><rPr><b/></rPr><t>내</t></r><r><t>용</t></r>"                  \
    "<rPh sb=\"0\" eb=\"1\"><t>phonetic</t></rPh></si>"                                            \
    "<si><t xml:space=\"preserve\"> a_x000D_&#10;b_x_ _x005F_x0041_ </t></si><si/>"
#define HEAD "<sheetData><row r=\"1\"><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c></row>"

static void test_cells(void **state)
{
    (void)state;
    expect_sheet("kinds", STYLES, STRINGS,
                 HEAD
                 "<row r=\"2\"><c r=\"A2\"><v>7</v></c><c r=\"B2\" t=\"s\"><v>2</v></c></row>"
                 "<row r=\"3\"><c r=\"B3\" t=\"inlineStr\"><is><r><t>안</t></r><r><t>녕</t></r>"
                 "<rPh><t>x</t></rPh></is></c></row>"
                 "<row r=\"5\"><c t=\"b\"><v>1</v></c><c t=\"b\"><v>0</v></c></row>"
                 "<row><c t=\"e\"><v>#N/A</v></c><c t=\"str\"><f>A2&amp;\"!\"</f><v>7!</v></c>"
                 "</row><row/><row r=\"8\"><c s=\"1\"><v>46348</v></c><c t=\"d\">"
                 "<v>2026-11-22T09:00:00Z</v></c></row></sheetData>",
                 "[번호][내용]\n2:[7][ a\r\nb_x_ _x0041_ ]\n3:[][안녕]\n5:[true][false]\n"
                 "6:[][7!]\n8:[2026-11-22][2026-11-22T09:00:00Z]");
    expect_sheet("a formula nobody calculated", STYLES, STRINGS,
                 HEAD "<row r=\"2\"><c><v>1</v></c><c><f>SUM(A1)</f><v></v></c></row>"
                      "<row r=\"3\"><c><f>1+1</f></c><c t=\"str\"><f>\"\"</f><v></v></c></row>"
                      "</sheetData>",
                 "[번호][내용]\n2:[1][]\n2 uncomputed");
    expect_sheet("beside the header, behind the rows", NULL, STRINGS,
                 HEAD "<row r=\"2\"><c r=\"B2\"><v>1</v></c><c r=\"ZZ2\"><v>1</v></c>"
                      "<c r=\"XFD2\"><v>1</v></c></row><row r=\"3\"><c r=\"D3\"><v>1</v></c></row>"
                      "</sheetData><extLst><row><c><v>9</v></c></row></extLst>",
                 "[번호][내용]\n2:[][1]");
    expect_sheet("no styles, strings of none", NULL, NULL,
                 "<sheetData><row><c t=\"inlineStr\"><is><t>a</t></is></c></row>"
                 "<row><c s=\"3\"><v>46348</v></c></row></sheetData>",
                 "[a]\n2:[46348]");
    expect_sheet(
        "a shared text that is not there", NULL, STRINGS,
        HEAD "<row><c t=\"s\"><v>4</v></c></row></sheetData>",
        "[번호][내용]\n!xl/worksheets/s.xml: a cell names a shared text that is not there");
    expect_sheet("no header", NULL, NULL, "<sheetData/>", "!the sheet \"시트1\" has no header");
}

static void test_long_row(void **state)
{
    struct buf sheet, expected;

    (void)state;
    buf_init(&sheet, 0);
    buf_init(&expected, 0);
    buf_str(&sheet, HEAD "<row r=\"2\"><c t=\"inlineStr\"><is><t>");
    for (int i = 0; i < XLSX_MAX_ROW / 4 + 1; i++)
        buf_str(&sheet, "long");
    buf_str(&sheet, "</t></is></c></row><row r=\"3\"><c><v>1</v></c></row></sheetData>");
    expect_sheet("too long a row", NULL, STRINGS, sheet.p,
                 "[번호][내용]\n2:line_too_long\n3:[1][]");
    buf_done(&sheet);
    buf_done(&expected);
}

/* --- headers --- */

#define T(text) "<c t=\"inlineStr\"><is><t>" text "</t></is></c>"
#define E "<c/>"

static void test_headers(void **state)
{
    (void)state;
    expect_sheet("a title, a header of two rows", NULL, NULL,
                 "<sheetData><row r=\"1\">" T("11월 설문") "</row><row r=\"3\">" T("번호")
                     T("만족도") E T("의견") "</row><row r=\"4\">" E T("배송") T("상담") E
                 "</row><row r=\"5\">"
                 "<c><v>1</v></c><c><v>5</v></c><c><v>4</v></c>" T(
                     "좋아요") "</row></sheetData>"
                               "<mergeCells><mergeCell ref=\"A1:D1\"/><mergeCell ref=\"A3:A4\"/>"
                               "<mergeCell ref=\"B3:C3\"/><mergeCell ref=\"D3:D4\"/></mergeCells>",
                 "[번호][만족도 배송][만족도 상담][의견]\n5:[1][5][4][좋아요]");
    expect_sheet("merged, with records below at once", NULL, NULL,
                 "<sheetData><row>" T("번호") T("의견") E "</row><row>" T("1")
                     T("좋아요") "</row>"
                                 "</sheetData><mergeCells><mergeCell ref=\"B1:C1\"/></mergeCells>",
                 "[번호][의견]\n2:[1][좋아요]");
    expect_sheet(
        "merges that are none", NULL, NULL,
        "<sheetData><row>" T("a") "</row><row>" T(
            "1") "</row></sheetData><mergeCells>"
                 "<mergeCell ref=\"A1\"/><mergeCell ref=\":\"/><mergeCell ref=\"B2:A1\"/>"
                 "<mergeCell ref=\"A0:A9\"/><mergeCell/><mergeCell ref=\"AAAA1:B2\"/></mergeCells>",
        "[a]\n2:[1]");
}

static void test_header_told(void **state)
{
    struct xlsx_options opt = {.header_first = 3, .header_last = 3};
    struct buf file, out;

    (void)state;
    buf_init(&file, 0);
    buf_init(&out, 0);
    assert_int_equal(workbook_make(SPAN_NONE, SPAN_NONE,
                                   SPAN_LIT("<sheetData><row>" T("made by") "</row><row>" T(
                                       "today") "</row><row>" T("a")
                                                T("b") "</row><row>" T("1") "</row></sheetData>"),
                                   &file),
                     0);
    read_file(buf_span(&file), &opt, &out);
    expect("row 3", &out, "[a][b]\n4:[1][]");
    opt.header_first = opt.header_last = 9;
    buf_reset(&out);
    read_file(buf_span(&file), &opt, &out);
    expect("row 9", &out, "!the sheet \"시트1\" has no header");
    opt = (struct xlsx_options){.sheet = SPAN_LIT("Sheet2")};
    buf_reset(&out);
    read_file(buf_span(&file), &opt, &out);
    expect("another sheet", &out, "!there is no sheet \"Sheet2\"");
    buf_done(&file);
    buf_done(&out);
}

/* --- hostile --- */

static void test_hostile(void **state)
{
    static const struct {
        const char *sheet, *expected;
    } table[] = {
        {"<sheetData><row><c><v>1</v></row></sheetData>", "!xl/worksheets/s.xml: mismatched tag"},
        {"<sheetData>&boom;</sheetData>", "!xl/worksheets/s.xml: undefined entity"},
        {"<sheetData><row r=\"1048577\">" T("a") "</row></sheetData>",
         "!xl/worksheets/s.xml: there are over 1,048,576 rows"},
    };
    struct xlsx_options opt = {0};
    struct buf out, file;

    (void)state;
    buf_init(&out, 0);
    buf_init(&file, 0);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        buf_reset(&file);
        buf_reset(&out);
        assert_int_equal(workbook_make(SPAN_NONE, SPAN_NONE, span_str(table[i].sheet), &file), 0);
        read_file(buf_span(&file), &opt, &out);
        if (!span_starts(buf_span(&out), span_str(table[i].expected)))
            fail_msg("expected %s, got %s", table[i].expected, out.p);
    }
    buf_done(&out);
    buf_done(&file);
}

static void expect_parts(const struct workbook_part *parts, size_t n, const char *expected)
{
    struct xlsx_options opt = {0};
    struct buf file, out;

    buf_init(&file, 0);
    buf_init(&out, 0);
    assert_int_equal(workbook_zip(parts, n, true, &file), 0);
    read_file(buf_span(&file), &opt, &out);
    if (!span_starts(buf_span(&out), span_str(expected)))
        fail_msg("expected %s, got %s", expected, out.n ? out.p : "");
    buf_done(&file);
    buf_done(&out);
}

static void test_containers(void **state)
{
    static const char root[] = "<Relationships><Relationship Target=\"%s\" "
                               "Type=\"x/officeDocument\"/></Relationships>";
    char up[256], none[256];
    struct xlsx_options opt = {0};
    struct buf out;

    (void)state;
    snprintf(up, sizeof up, root, "../../../b.xml");
    snprintf(none, sizeof none, root, "xl/w.xml");
    expect_parts((struct workbook_part[]){{"mimetype", SPAN_LIT("application/x")}}, 1,
                 "!it is a zip file, but no workbook");
    expect_parts((struct workbook_part[]){{"_rels/.rels", SPAN_LIT("<Relationships/>")}}, 1,
                 "!it is a zip file, but no workbook");
    expect_parts((struct workbook_part[]){{"_rels/.rels", span_str(none)}}, 1,
                 "!its workbook is missing");
    expect_parts((struct workbook_part[]){{"_rels/.rels", span_str(up)},
                                          {"b.xml", SPAN_LIT("<workbook/>")},
                                          {"_rels/b.xml.rels", SPAN_LIT("<Relationships/>")}},
                 3, "!there is no sheet with cells");
    expect_parts((struct workbook_part[]){{"_rels/.rels",
                                           SPAN_LIT("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>")}},
                 1, "!_rels/.rels: it has a document type");
    buf_init(&out, 0);
    read_file(SPAN_LIT("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and so on"), &opt, &out);
    expect("old", &out, "!it is protected by a password, or an old .xls: save it as .xlsx");
    buf_reset(&out);
    read_file(SPAN_LIT("a,b\n1,2\n"), &opt, &out);
    assert_true(span_starts(buf_span(&out), SPAN_LIT("!no .xlsx file")));
    buf_done(&out);
}

/* Little that inflates to much: refused by depth, and by what one tag may hold. */
static void test_bombs(void **state)
{
    struct xlsx_options opt = {0};
    struct buf sheet, file, out;

    (void)state;
    buf_init(&sheet, 0);
    buf_init(&file, 0);
    buf_init(&out, 0);
    for (int i = 0; i < 1000; i++)
        buf_str(&sheet, "<a>");
    assert_int_equal(workbook_make(SPAN_NONE, SPAN_NONE, buf_span(&sheet), &file), 0);
    read_file(buf_span(&file), &opt, &out);
    assert_true(span_find(buf_span(&out), SPAN_LIT("nested too deeply")) != SIZE_MAX);
    buf_reset(&sheet);
    buf_reset(&file);
    buf_reset(&out);
    buf_str(&sheet, "<a b=\"");
    for (int i = 0; i < XLSX_MAX_TAG / 4; i++)
        buf_str(&sheet, "12345678");
    buf_str(&sheet, "\"/>");
    assert_int_equal(workbook_make(SPAN_NONE, SPAN_NONE, buf_span(&sheet), &file), 0);
    assert_true(file.n < 64 << 10);
    read_file(buf_span(&file), &opt, &out);
    assert_true(span_find(buf_span(&out), SPAN_LIT("a tag is too long")) != SIZE_MAX);
    buf_done(&sheet);
    buf_done(&file);
    buf_done(&out);
}

/* Any byte turned, any end cut off: an answer, the same message or other rows, and no crash. */
static void test_damage(void **state)
{
    struct xlsx_options opt = {0};
    struct buf file, out;

    (void)state;
    buf_init(&file, 0);
    buf_init(&out, 0);
    assert_int_equal(workbook_make(SPAN_LIT(STYLES), SPAN_LIT(STRINGS),
                                   SPAN_LIT(HEAD "<row><c><v>1</v></c></row></sheetData>"), &file),
                     0);
    for (size_t i = 0; i < test_rounds(500, 20000); i++) {
        size_t at = test_below(file.n), n = test_below(4) ? file.n : test_below(file.n);
        char kept = file.p[at];
        file.p[at] = (char)test_below(256);
        buf_reset(&out);
        read_file(span_of(file.p, n), &opt, &out);
        file.p[at] = kept;
    }
    buf_reset(&out);
    read_file(buf_span(&file), &opt, &out);
    expect("undamaged", &out, "[번호][내용]\n2:[1][]");
    buf_done(&file);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_cells),   cmocka_unit_test(test_long_row),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_header_told),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_containers),
        cmocka_unit_test(test_bombs),   cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
