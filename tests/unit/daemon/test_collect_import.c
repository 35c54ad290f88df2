/* import_plan.h: mapping files, and what is wrong with them. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/import_plan.h"
#include "tests/lib/test.h"

static const struct span file = SPAN_LIT("m.yaml");

static void expect_problems(const char *text, const char *expected)
{
    struct import_plan *p = NULL;
    struct buf messages;
    struct span left;

    buf_init(&messages, 0);
    int rc = import_plan_read(file, span_str(text), &messages, &p);
    assert_int_equal(rc, *expected ? -EINVAL : 0);
    /* Only the first line of each: the others show the source. */
    left = span_of(messages.n ? messages.p : "", messages.n);
    for (struct span want = span_str(expected); want.n > 0;) {
        struct span line = span_of(want.p, span_find_char(want, '\n'));
        size_t at = span_find(left, line);
        if (at == SIZE_MAX)
            fail_msg("%s\nexpected %.*s\ngot %s", text, SPAN_FMT(line),
                     messages.n ? messages.p : "nothing");
        left = span_of(left.p + at + line.n, left.n - at - line.n);
        want = span_of(want.p + line.n, want.n - line.n);
        if (want.n)
            want = span_of(want.p + 1, want.n - 1);
    }
    import_plan_free(p);
    buf_done(&messages);
}

static void test_problems(void **state)
{
    (void)state;
    expect_problems("", "m.yaml:1:1: ");
    expect_problems("map: {text: $.a}", "");
    expect_problems("records: reviews\nmap: {}\n",
                    "m.yaml:1:10: records: expected one of feedback");
    expect_problems("recordz: customers\nmap: {}\n", "m.yaml:1:1: unknown key");
    expect_problems("sheet: a\n", "m.yaml:1:1: map is missing here");
    expect_problems("map:\n  txet: $.a\n  rating: {path: $.b, scale: big}\n",
                    "m.yaml:2:3: map: a record has no field \"txet\"\nm.yaml:3:30: ");
    expect_problems("map: {text: $.a[}\n", "m.yaml:1:");
    expect_problems("map: {id: $.a}\nrecords: customers\n", "");
    expect_problems("map: {}\nrecords: customers\neach: speaker\n",
                    "m.yaml:1:1: turns and each belong to records: feedback");
    expect_problems("map: {}\nturns: {by: $.a, at: $.b}\n",
                    "m.yaml:2:8: turns: conversation is missing here\nm.yaml:2:8: turns: text");
    expect_problems("map: {}\nspeakers: {A: agent, B: boss}\n",
                    "m.yaml:2:25: B: expected customer, agent, system or text");
    expect_problems("map: {}\nheader: 0\n", "m.yaml:2:9: header: expected a row");
    expect_problems("map: {}\nheader: 3-2\n", "m.yaml:2:9: ");
    expect_problems("map: {}\nheader: 1-9\n", "m.yaml:2:9: ");
    expect_problems("map: {}\nencoding: utf-16\ntimezone: Seoul\ndates: any\nformat: pdf\n",
                    "m.yaml:2:11: encoding\nm.yaml:3:11: timezone\nm.yaml:4:8: dates\n"
                    "m.yaml:5:9: format");
}

static void test_plan(void **state)
{
    struct import_plan *p;
    struct buf messages;

    (void)state;
    buf_init(&messages, 0);
    assert_int_equal(
        import_plan_read(file,
                         SPAN_LIT("format: tsv\nencoding: cp949\ntimezone: Asia/Tokyo\n"
                                  "dates: month-first\nsheet: 응답\nheader: 2-3\neach: speaker\n"
                                  "map: {text: $.내용, kind: =survey, created_at: $.일시}\n"
                                  "turns: {conversation: $.a, by: $.b, text: $.c}\n"
                                  "speakers: {김대리: agent, '*': customer, 메모: text}\n"),
                         &messages, &p),
        0);
    assert_int_equal(messages.n, 0);
    assert_int_equal(p->format, IMPORT_TSV);
    assert_true(span_is(p->encoding, "cp949") && span_is(p->timezone, "Asia/Tokyo"));
    assert_int_equal(p->order, DATE_MONTH_FIRST);
    assert_true(span_is(p->sheet, "응답"));
    assert_int_equal(p->header_first, 2);
    assert_int_equal(p->header_last, 3);
    assert_true(p->each_speaker);
    assert_int_equal(p->n_map, 3);
    assert_int_equal(p->n_turns, 3);
    assert_int_equal(p->speakers.n, 2);
    assert_int_equal(speaker_find(&p->speakers, SPAN_LIT("김대리")), BY_AGENT);
    assert_int_equal(speaker_find(&p->speakers, SPAN_LIT("메모")), SPEAKER_TEXT);
    assert_int_equal(speaker_find(&p->speakers, SPAN_LIT("누구")), BY_CUSTOMER);
    struct date_zone zone = {NULL, NULL};
    import_plan_dates(p, &zone);
    assert_int_equal(p->map[0].time, MAP_TIME_AS_IS);
    assert_int_equal(p->map[2].time, MAP_TIME_ZONE);
    assert_ptr_equal(p->map[2].zone, &zone);
    assert_int_equal(p->map[2].order, DATE_MONTH_FIRST);
    import_plan_free(p);
    buf_done(&messages);
}

static void test_against_a_table(void **state)
{
    static const struct span header[] = {SPAN_LIT("번호"), SPAN_LIT("내용"), SPAN_LIT("기타"),
                                         SPAN_LIT("기타")};
    struct import_plan *p;
    struct buf messages;

    (void)state;
    buf_init(&messages, 0);
    assert_int_equal(import_plan_read(file,
                                      SPAN_LIT("map:\n  external_id: $.번호\n  kind: =review\n"
                                               "  text: {path: $.본문, text: html}\n"
                                               "  title: {path: $.번호, else: $.제목}\n"
                                               "  tags: $.기타\n"),
                                      &messages, &p),
                     0);
    assert_int_equal(import_plan_check(p, SPAN_LIT("t.csv"), header, 4, &messages), -EINVAL);
    assert_true(span_find(buf_span(&messages),
                          SPAN_LIT("m.yaml:4:16: t.csv has no column \"본문\"")) != SIZE_MAX);
    assert_true(span_find(buf_span(&messages),
                          SPAN_LIT("m.yaml:5:29: t.csv has no column \"제목\"")) != SIZE_MAX);
    assert_true(span_find(buf_span(&messages),
                          SPAN_LIT("m.yaml:6:9: t.csv has more than one column \"기타\"")) !=
                SIZE_MAX);
    import_plan_free(p);
    buf_done(&messages);
}

static void test_of_columns(void **state)
{
    struct columns columns;
    struct import_plan *p;
    struct arena a;
    struct reject why;
    char message[200];
    json_t *row = json_pack("{s:s,s:s,s:s}", "번호", "7", "별점 \"5\"", "4", "a,b", "x");
    json_t *record;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(columns_parse(SPAN_LIT("external_id=번호,rating=별점 \"5\"/5,text=a\\,b,"
                                            "kind==review,title=none"),
                                   SHAPE_FEEDBACK, &a, &columns, message, sizeof message),
                     0);
    assert_int_equal(import_plan_of(&columns, &p), 0);
    assert_int_equal(mapping_apply(row, p->shape, p->map, p->n_map, &record, &why), 0);
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text,
                        "{\"external_id\":\"7\",\"kind\":\"review\",\"rating\":{\"scale\":5.0,"
                        "\"value\":4},\"text\":\"x\"}");
    free(text);
    json_decref(record);
    json_decref(row);
    import_plan_free(p);
    arena_done(&a);
}

static void test_formats(void **state)
{
    static const struct {
        const char *name;
        enum import_format format;
    } table[] = {
        {"a.csv", IMPORT_CSV},      {"a.b.XLSX", IMPORT_XLSX}, {"통화.txt", IMPORT_TRANSCRIPT},
        {"x.jsonl", IMPORT_NDJSON}, {"x.vtt", IMPORT_VTT},     {"x.SRT", IMPORT_SRT},
        {"x.tsv", IMPORT_TSV},      {".csv", IMPORT_BY_NAME},  {"csv", IMPORT_BY_NAME},
        {"x.pdf", IMPORT_BY_NAME},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_int_equal(import_format_of(span_str(table[i].name)), table[i].format);
    assert_int_equal(import_format_find(SPAN_LIT("srt")), IMPORT_SRT);
    assert_int_equal(import_format_find(SPAN_LIT("pdf")), IMPORT_BY_NAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_problems),        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_against_a_table), cmocka_unit_test(test_of_columns),
        cmocka_unit_test(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
