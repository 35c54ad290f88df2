/* stream.h, body.h, receipt.h and pipeline/intake.h together: what goes in, what is on disk, what
 * the sender is told. */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/api_intake.h"
#include "daemon/collect/stream.h"
#include "tests/lib/intake_rig.h"

#define JSON "application/json"
#define NDJSON "application/x-ndjson"
#define GOOD "{\"source\":\"s\",\"external_id\":\"%d\",\"text\":\"배송이 늦어요\"}"

static int setup(void **state)
{
    *state = intake_rig_new();
    return 0;
}

static int teardown(void **state)
{
    intake_rig_free(*state);
    return 0;
}

/* A whole request through /v1/feedback, run to its end. */
static void post(struct intake_rig *rig, const char *type, const char *body)
{
    intake_feedback(intake_rig_request(rig, type));
    intake_rig_data(rig, body, strlen(body));
    intake_rig_end(rig);
    while (intake_rig_run(rig))
        ;
    assert_int_equal(rig->answers, 1);
}

static void expect_counts(const struct intake_rig *rig, int status, int64_t accepted,
                          int64_t updated, int64_t duplicates, int64_t rejected)
{
    if (rig->status != status || intake_rig_count(rig, "accepted") != accepted ||
        intake_rig_count(rig, "updated") != updated ||
        intake_rig_count(rig, "duplicates") != duplicates ||
        intake_rig_count(rig, "rejected_count") != rejected) {
        char *got = json_dumps(rig->answer, 0);
        fail_msg("expected %d with %lld %lld %lld %lld, got %d %s", status, (long long)accepted,
                 (long long)updated, (long long)duplicates, (long long)rejected, rig->status, got);
    }
}

static const char *id_of(const struct intake_rig *rig, size_t i)
{
    return json_string_value(json_array_get(json_object_get(rig->answer, "ids"), i));
}

/* --- JSON --- */

static void test_object(void **state)
{
    struct intake_rig *rig = *state;
    struct uuid id;

    post(rig, JSON, "{\"source\":\"s\",\"external_id\":\"1\",\"text\":\"a\"}");
    expect_counts(rig, 200, 1, 0, 0, 0);
    assert_string_equal(rig->type, "application/json");
    assert_int_equal(json_array_size(json_object_get(rig->answer, "ids")), 1);
    assert_int_equal(uuid_parse(span_str(id_of(rig, 0)), &id), 0);
    assert_int_equal(rig->submits, 1);
    assert_int_equal(rig->observed, 1);
    assert_null(json_object_get(rig->answer, "committed_through_line"));
}

static void test_array_with_odd_items(void **state)
{
    struct intake_rig *rig = *state;

    post(rig, JSON "; charset=utf-8",
         "[{\"source\":\"s\",\"external_id\":\"1\",\"text\":\"a\"},5,"
         "{\"source\":\"s\",\"external_id\":\"2\"},"
         "{\"source\":\"s\",\"external_id\":\"3\",\"surveyed\":true}]");
    expect_counts(rig, 200, 2, 0, 0, 2);
    assert_int_equal(rig->submits, 1); /* one commit */
    assert_string_equal(intake_rig_code(rig, 0), "not_an_object");
    assert_string_equal(intake_rig_code(rig, 1), "nothing_to_read");
    json_t *second = json_array_get(json_object_get(rig->answer, "rejected"), 1);
    assert_int_equal(json_integer_value(json_object_get(second, "index")), 2);
    assert_non_null(id_of(rig, 0));
    assert_null(id_of(rig, 1));
    assert_null(id_of(rig, 2));
    assert_non_null(id_of(rig, 3));
    assert_int_equal(json_array_size(json_object_get(rig->answer, "ids")), 4);
}

static void test_malformed_json_commits_nothing(void **state)
{
    struct intake_rig *rig = *state;

    post(rig, JSON,
         "[{\"source\":\"s\",\"external_id\":\"1\",\"text\":\"a\"},\n {\"source\": SECRET}]");
    assert_int_equal(rig->status, 400);
    assert_int_equal(rig->submits, 0);
    assert_string_equal(rig->type, "application/problem+json");
    const char *detail = json_string_value(json_object_get(rig->answer, "detail"));
    assert_non_null(strstr(detail, "line 2, column"));
    assert_null(strstr(detail, "SECRET"));
}

static void test_all_rejected(void **state)
{
    struct intake_rig *rig = *state;

    post(rig, JSON, "[{},{\"source\":\"s\"}]");
    expect_counts(rig, 422, 0, 0, 0, 2);
    assert_int_equal(rig->submits, 0);
    assert_string_equal(json_string_value(json_object_get(rig->answer, "type")),
                        "urn:vocd:problem:all-rejected");
    assert_string_equal(intake_rig_code(rig, 1), "missing_external_id");
}

static void test_nothing_at_all(void **state)
{
    struct intake_rig *rig = *state;

    post(rig, JSON, "[]");
    expect_counts(rig, 200, 0, 0, 0, 0);
    post(rig, NDJSON, "\n\n");
    expect_counts(rig, 200, 0, 0, 0, 0);
    post(rig, JSON, "");
    assert_int_equal(rig->status, 400);
}

static void test_refused_before_the_body(void **state)
{
    struct intake_rig *rig = *state;
    static const char *const types[] = {NULL, "text/plain", "text/csv",
                                        "application/x-www-form-urlencoded"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        intake_feedback(intake_rig_request(rig, types[i]));
        assert_int_equal(rig->status, 415);
        assert_null(rig->request.on_data);
    }
    rig->no_room = true;
    intake_feedback(intake_rig_request(rig, NDJSON));
    assert_int_equal(rig->status, 503);
    assert_string_equal(rig->retry_after, "1");
    rig->no_room = false;
    intake_rig_request(rig, NDJSON)->principal.workspace = SPAN_LIT("other");
    intake_feedback(&rig->request);
    assert_int_equal(rig->status, 403);
}

static void test_json_too_large(void **state)
{
    struct intake_rig *rig = *state;
    char piece[4096];

    memset(piece, ' ', sizeof piece);
    intake_feedback(intake_rig_request(rig, JSON));
    for (int i = 0; i < 17; i++)
        intake_rig_data(rig, piece, sizeof piece);
    intake_rig_end(rig);
    assert_int_equal(rig->answers, 1);
    assert_int_equal(rig->status, 413);
}

static void test_queue_full_for_json(void **state)
{
    struct intake_rig *rig = *state;

    rig->refusals = 1;
    post(rig, JSON, "{\"source\":\"s\",\"external_id\":\"1\",\"text\":\"a\"}");
    assert_int_equal(rig->status, 503);
    assert_string_equal(rig->retry_after, "1");
    assert_string_equal(json_string_value(json_object_get(rig->answer, "type")),
                        "urn:vocd:problem:busy");
}

/* --- order and identity --- */

#define AT(id, text, at)                                                                           \
    "{\"source\":\"s\",\"external_id\":\"" id "\",\"text\":\"" text                                \
    "\",\"created_at\":\"2026-11-20T00:00:00Z\",\"updated_at\":\"2026-11-20T0" at ":00:00Z\"}"

static void check_same_identity(struct intake_rig *rig)
{
    post(rig, JSON,
         "[" AT("1", "a", "1") "," AT("1", "a", "1") "," AT("1", "b", "3") "," AT("1", "c",
                                                                                  "2") "]");
    expect_counts(rig, 200, 1, 1, 2, 0);
    for (size_t i = 1; i < 4; i++)
        assert_string_equal(id_of(rig, i), id_of(rig, 0));
    assert_int_equal(rig->observed, 2); /* duplicates tell alerts nothing */
    assert_int_equal(rig->observed_previous, 1);

    struct store_view *v;
    struct stored stored;
    struct arena a;
    arena_init(&a, 0);
    assert_int_equal(store_view_begin(rig->workspace.store, &v), 0);
    assert_int_equal(store_find_feedback(v, SPAN_LIT("s"), SPAN_LIT("1"), &a, &stored), 0);
    assert_true(span_is(stored.feedback.text, "b"));
    store_view_end(v);
    arena_done(&a);
}

static void test_same_identity_in_order(void **state)
{
    check_same_identity(*state);
}

/* A transaction taken apart runs its commands again: nothing of the first time may be left. */
static void test_rerun_starts_afresh(void **state)
{
    struct intake_rig *rig = *state;

    rig->rerun = true;
    check_same_identity(rig);
}

static void test_sent_again(void **state)
{
    struct intake_rig *rig = *state;

    post(rig, JSON, AT("1", "a", "1"));
    expect_counts(rig, 200, 1, 0, 0, 0);
    post(rig, JSON, AT("1", "a", "1"));
    expect_counts(rig, 200, 0, 0, 1, 0);
}

/* --- lines --- */

static void add_lines(struct buf *b, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        buf_printf(b, GOOD, i);
        buf_char(b, '\n');
    }
}

static void test_chunks(void **state)
{
    static const struct {
        int lines;
        unsigned commits;
        bool ids;
    } table[] = {{1, 1, true}, {999, 1, true}, {1000, 1, true}, {1001, 2, false}, {2500, 3, false}};
    struct intake_rig *rig = *state;
    int from = 0;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct buf b;
        buf_init(&b, 0);
        add_lines(&b, from, table[i].lines);
        from += table[i].lines;
        post(rig, NDJSON, b.p);
        expect_counts(rig, 200, table[i].lines, 0, 0, 0);
        assert_int_equal(rig->submits, table[i].commits);
        assert_int_equal(rig->sizes[0], table[i].lines < 1000 ? table[i].lines : 1000);
        assert_int_equal(intake_rig_count(rig, "committed_through_line"), table[i].lines);
        assert_int_equal(json_object_get(rig->answer, "ids") != NULL, table[i].ids);
        buf_done(&b);
    }
}

static void test_short_chunks(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    add_lines(&b, 0, 2 * STREAM_SHORT_ITEMS + 1);
    rig->hurried = true;
    post(rig, NDJSON, b.p);
    expect_counts(rig, 200, 2 * STREAM_SHORT_ITEMS + 1, 0, 0, 0);
    assert_int_equal(rig->submits, 3);
    assert_int_equal(rig->sizes[0], STREAM_SHORT_ITEMS);
    assert_int_equal(rig->sizes[2], 1);
    buf_done(&b);
}

/* One flying, one filling, the rest unread; in order when it goes on. */
static void test_back_pressure(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    add_lines(&b, 0, 5500);
    intake_feedback(intake_rig_request(rig, NDJSON));
    intake_rig_data(rig, b.p, b.n);
    for (unsigned commit = 1; commit <= 4; commit++) {
        assert_true(rig->paused);
        assert_int_equal(rig->submits, commit);
        assert_int_equal(rig->n_queue, 1);
        assert_true(intake_rig_run(rig));
    }
    assert_false(rig->paused); /* 5 submitted, 500 in the filling chunk */
    assert_int_equal(rig->submits, 5);
    intake_rig_end(rig);
    assert_int_equal(rig->answers, 0);
    assert_int_equal(rig->n_queue, 1);
    while (intake_rig_run(rig))
        assert_int_equal(rig->answers, rig->n_queue == 0 && rig->submits == 6);
    expect_counts(rig, 200, 5500, 0, 0, 0);
    assert_int_equal(intake_rig_count(rig, "committed_through_line"), 5500);
    buf_done(&b);
}

static void test_failure_midway(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    add_lines(&b, 0, 900);
    buf_str(&b, "{}\n\n");
    add_lines(&b, 900, 1600);
    intake_feedback(intake_rig_request(rig, NDJSON));
    intake_rig_data(rig, b.p, b.n);
    assert_true(intake_rig_run(rig));
    rig->fail_with = -EIO;
    assert_true(intake_rig_run(rig));
    assert_int_equal(rig->answers, 1);
    expect_counts(rig, 503, 999, 0, 0, 1);
    assert_int_equal(intake_rig_count(rig, "committed_through_line"), 1001);
    assert_string_equal(rig->type, "application/problem+json");
    assert_string_equal(rig->retry_after, "1");
    assert_int_equal(rig->n_queue, 0);

    /* All of it again is safe. */
    post(rig, NDJSON, b.p);
    assert_int_equal(intake_rig_count(rig, "accepted"), 1501);
    assert_int_equal(intake_rig_count(rig, "accepted") + intake_rig_count(rig, "updated") +
                         intake_rig_count(rig, "duplicates"),
                     2500);
    buf_done(&b);
}

static void test_disk_full(void **state)
{
    struct intake_rig *rig = *state;

    rig->fail_with = -ENOSPC;
    post(rig, NDJSON, AT("1", "a", "1") "\n");
    expect_counts(rig, 503, 0, 0, 0, 0);
    assert_string_equal(json_string_value(json_object_get(rig->answer, "type")),
                        "urn:vocd:problem:disk-full");
}

static void test_lost_connection(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    add_lines(&b, 0, 1500);
    intake_feedback(intake_rig_request(rig, NDJSON));
    intake_rig_data(rig, b.p, b.n);
    intake_rig_abort(rig, 0);
    assert_int_equal(rig->answers, 0); /* a chunk is on its way */
    assert_true(intake_rig_run(rig));
    assert_int_equal(rig->answers, 1);
    expect_counts(rig, 400, 1000, 0, 0, 0);
    assert_int_equal(intake_rig_count(rig, "committed_through_line"), 1000);

    intake_feedback(intake_rig_request(rig, NDJSON));
    intake_rig_data(rig, b.p, 100);
    intake_rig_abort(rig, 408);
    expect_counts(rig, 408, 0, 0, 0, 0);
    intake_feedback(intake_rig_request(rig, JSON));
    intake_rig_abort(rig, 413);
    assert_int_equal(rig->status, 413);
    assert_int_equal(rig->submits, 0);
    buf_done(&b);
}

static void test_waits_for_room(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    add_lines(&b, 0, 1200);
    rig->refusals = 3;
    intake_feedback(intake_rig_request(rig, NDJSON));
    intake_rig_data(rig, b.p, b.n);
    assert_true(rig->paused);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig->submits, 0);
        intake_rig_tick(rig);
    }
    assert_int_equal(rig->submits, 1);
    intake_rig_end(rig);
    while (intake_rig_run(rig))
        ;
    expect_counts(rig, 200, 1200, 0, 0, 0);
    buf_done(&b);
}

static void test_loses_patience(void **state)
{
    struct intake_rig *rig = *state;

    rig->refusals = 100;
    intake_feedback(intake_rig_request(rig, NDJSON));
    intake_rig_data(rig, AT("1", "a", "1"), strlen(AT("1", "a", "1")));
    intake_rig_end(rig);
    assert_int_equal(rig->answers, 0);
    test_clock_advance(&rig->time, STREAM_PATIENCE_MS + 1);
    intake_rig_tick(rig);
    expect_counts(rig, 503, 0, 0, 0, 0);
    rig->refusals = 0;
}

static void test_bad_lines_are_items(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    buf_str(&b, "{\"source\":\n" AT("1", "a", "1") "\n[]\n{\"text\":\"");
    for (int i = 0; i < STREAM_MAX_LINE; i++)
        buf_char(&b, 'x');
    buf_str(&b, "\"}\n{\"a\":1,\"a\":2}\n{\"a\":\"\xFF\"}\n" AT("2", "a", "1"));
    post(rig, NDJSON, b.p);
    expect_counts(rig, 200, 2, 0, 0, 5);
    assert_string_equal(intake_rig_code(rig, 0), "malformed_json");
    assert_string_equal(intake_rig_code(rig, 1), "not_an_object");
    assert_string_equal(intake_rig_code(rig, 2), "line_too_long");
    assert_string_equal(intake_rig_code(rig, 3), "duplicate_field");
    assert_string_equal(intake_rig_code(rig, 4), "invalid_utf8");
    buf_done(&b);
}

static void test_many_rejections(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    for (int i = 0; i < 1250; i++)
        buf_str(&b, "{}\n");
    add_lines(&b, 0, 1);
    post(rig, NDJSON, b.p);
    expect_counts(rig, 200, 1, 0, 0, 1250);
    assert_int_equal(json_array_size(json_object_get(rig->answer, "rejected")), 100);
    assert_int_equal(rig->submits, 1); /* a chunk of nothing is not written */
    assert_int_equal(intake_rig_count(rig, "committed_through_line"), 1251);
    buf_done(&b);
}

static void test_random_splits(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    for (int i = 0; i < 2200; i++) {
        if (i % 7 == 0)
            buf_str(&b, i % 2 ? "{}\r\n" : "\n");
        add_lines(&b, i % 1900, 1);
    }
    for (size_t round = 0; round < test_rounds(4, 60); round++) {
        size_t piece = 1 + (size_t)test_below(round % 2 ? 100000 : 700);
        intake_feedback(intake_rig_request(rig, NDJSON));
        for (size_t at = 0; at < b.n;) {
            size_t n = 1 + (size_t)test_below(piece);
            n = n < b.n - at ? n : b.n - at;
            intake_rig_data(rig, b.p + at, n);
            at += n;
            /* The server feeds no more while paused; what it has read already may still come. */
            while (rig->paused || test_below(8) == 0)
                if (!intake_rig_run(rig))
                    break;
        }
        intake_rig_end(rig);
        while (intake_rig_run(rig))
            ;
        assert_int_equal(rig->answers, 1);
        if (round == 0)
            assert_int_equal(intake_rig_count(rig, "accepted"), 1900);
        assert_int_equal(intake_rig_count(rig, "accepted") + intake_rig_count(rig, "updated") +
                             intake_rig_count(rig, "duplicates"),
                         2200);
        assert_int_equal(intake_rig_count(rig, "rejected_count"), 157);
        assert_int_equal(intake_rig_count(rig, "committed_through_line"), 2515);
        assert_int_equal(rig->submits, 3);
    }
    buf_done(&b);
}

/* --- customers and activities --- */

static void post_customers(struct intake_rig *rig, const char *type, const void *p, size_t n,
                           const char *map)
{
    intake_rig_request(rig, type);
    if (map)
        intake_rig_query(rig, "map", map);
    intake_customers(&rig->request);
    intake_rig_data(rig, p, n);
    intake_rig_end(rig);
    while (intake_rig_run(rig))
        ;
    assert_int_equal(rig->answers, 1);
}

static void check_customer(struct intake_rig *rig, const char *id, const char *key,
                           const char *value)
{
    struct store_view *v;
    struct store_customer c;
    struct arena a;
    bool found = false;

    arena_init(&a, 0);
    assert_int_equal(store_view_begin(rig->workspace.store, &v), 0);
    assert_int_equal(store_customer_get(v, span_str(id), RIG_NOW, &a, &c), 0);
    for (size_t i = 0; i < c.n_attributes; i++)
        found =
            found || (span_is(c.attributes[i].key, key) && span_is(c.attributes[i].value, value));
    if (!found)
        fail_msg("customer %s has no %s=%s", id, key, value);
    store_view_end(v);
    arena_done(&a);
}

static void test_customers_json(void **state)
{
    struct intake_rig *rig = *state;
    const char *body = "[{\"id\":\"c-1\",\"attributes\":{\"tier\":\"vip\"}},{\"name\":\"x\"}]";

    post_customers(rig, JSON, body, strlen(body), NULL);
    expect_counts(rig, 200, 1, 0, 0, 1);
    assert_string_equal(id_of(rig, 0), "c-1");
    check_customer(rig, "c-1", "tier", "vip");
}

#define SHEET                                                                                      \
    "id,등급,phone,effective_at\r\n"                                                             \
    "c-1,vip,010-1234-5678,2026.11.20 오후 3:05\r\n"                                             \
    "c-2,new\r\n"                                                                                  \
    "c-3,\"일반, 휴면\",,22/11/2025\r\n"                                                       \
    "c-4,vip,,어제\r\n"

static void test_customers_csv(void **state)
{
    struct intake_rig *rig = *state;

    post_customers(rig, "text/csv", SHEET, strlen(SHEET), NULL);
    expect_counts(rig, 200, 2, 0, 0, 2);
    assert_string_equal(intake_rig_code(rig, 0), "ragged_row");
    assert_string_equal(intake_rig_code(rig, 1), "bad_time");
    check_customer(rig, "c-1", "등급", "vip");
    check_customer(rig, "c-3", "등급", "일반, 휴면");
}

static void test_customers_cp949(void **state)
{
    struct intake_rig *rig = *state;
    char bytes[sizeof SHEET * 2], *in = (char *)SHEET, *out = bytes;
    size_t left = strlen(SHEET), room = sizeof bytes;
    iconv_t cd = iconv_open("CP949", "UTF-8");

    assert_true(iconv(cd, &in, &left, &out, &room) != (size_t)-1);
    iconv_close(cd);
    post_customers(rig, "text/csv; charset=\"EUC-KR\"", bytes, sizeof bytes - room, NULL);
    expect_counts(rig, 200, 2, 0, 0, 2);
    check_customer(rig, "c-3", "등급", "일반, 휴면");
    post_customers(rig, "text/csv", bytes, sizeof bytes - room, NULL); /* found out */
    assert_int_equal(rig->status, 200);
    assert_int_equal(intake_rig_count(rig, "rejected_count"), 2);
}

static void test_customers_map(void **state)
{
    struct intake_rig *rig = *state;
    const char *body = "번호\t등급\n1\tvip\n";

    post_customers(rig, "text/tab-separated-values", body, strlen(body),
                   "id=번호,attributes.tier=등급,attributes.from==sheet");
    expect_counts(rig, 200, 1, 0, 0, 0);
    check_customer(rig, "1", "tier", "vip");
    check_customer(rig, "1", "from", "sheet");
}

static void test_customer_sheet_problems(void **state)
{
    struct intake_rig *rig = *state;
    static const struct {
        const char *type, *body, *query, *value, *code;
        int status;
    } table[] = {
        {"text/csv", "id,id\n1,2\n", NULL, NULL, "malformed-csv", 400},
        {"text/csv", "nummer\n1\n", "map", "id=번호", "bad-columns", 400},
        {"text/csv", "id\n1\n", "map", "nothing=id", "bad-columns", 400},
        {"text/csv", "id\n1\n", "tz", "Mars/Olympus", "unknown-zone", 400},
        {"text/csv", "id\n1\n", "encoding", "latin1", "unsupported-encoding", 415},
        {"text/csv; charset=utf-16", "id\n1\n", NULL, NULL, "unsupported-encoding", 415},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char type[80];
        intake_rig_request(rig, table[i].type);
        if (table[i].query)
            intake_rig_query(rig, table[i].query, table[i].value);
        intake_customers(&rig->request);
        intake_rig_data(rig, table[i].body, strlen(table[i].body));
        intake_rig_end(rig);
        assert_int_equal(rig->answers, 1);
        snprintf(type, sizeof type, "urn:vocd:problem:%s", table[i].code);
        assert_string_equal(json_string_value(json_object_get(rig->answer, "type")), type);
        assert_int_equal(rig->status, table[i].status);
        assert_int_equal(rig->submits, 0);
    }
}

/* The zone of the sheet's dates: midnight in Seoul, or where `tz` says. */
static void test_sheet_zone(void **state)
{
    struct intake_rig *rig = *state;
    static const struct {
        const char *tz;
        int64_t at;
    } table[] = {{NULL, INT64_C(1795186800000)}, {"UTC", INT64_C(1795219200000)}};

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const char *body =
            i ? "id,effective_at,t\nz1,2026-11-21,a\n" : "id,effective_at,t\nz0,2026-11-21,a\n";
        struct store_view *v;
        struct store_customer c;
        struct arena a;
        intake_rig_request(rig, "text/csv");
        if (table[i].tz)
            intake_rig_query(rig, "tz", table[i].tz);
        intake_customers(&rig->request);
        intake_rig_data(rig, body, strlen(body));
        intake_rig_end(rig);
        assert_true(intake_rig_run(rig));
        arena_init(&a, 0);
        assert_int_equal(store_view_begin(rig->workspace.store, &v), 0);
        assert_int_equal(store_customer_get(v, span_str(i ? "z1" : "z0"), RIG_NOW, &a, &c), 0);
        assert_int_equal(c.n_changes, 1);
        assert_int_equal(c.changes[0].effective_at, table[i].at);
        store_view_end(v);
        arena_done(&a);
    }
}

/* More changes than a history holds: refused one by one, the rest of the batch stands. */
static void test_full_history(void **state)
{
    struct intake_rig *rig = *state;
    struct buf b;

    buf_init(&b, 0);
    for (int i = 0; i < 1002; i++)
        buf_printf(&b,
                   "{\"id\":\"c-1\",\"effective_at\":\"2020-01-01T%02d:%02d:00Z\","
                   "\"attributes\":{\"n\":%d}}\n",
                   i / 60, i % 60, i);
    buf_str(&b, "{\"id\":\"c-2\",\"attributes\":{\"n\":1}}\n");
    post_customers(rig, NDJSON, b.p, b.n, NULL);
    expect_counts(rig, 200, 2, 999, 0, 2);
    assert_string_equal(intake_rig_code(rig, 0), "too_many_changes");
    check_customer(rig, "c-2", "n", "1");
    buf_done(&b);
}

static void test_activities(void **state)
{
    struct intake_rig *rig = *state;
    const char *body = "{\"source\":\"shop\",\"external_id\":\"o-1\",\"customer\":\"c-1\","
                       "\"type\":\"order\",\"amount\":12900,\"at\":\"2026-11-20T00:00:00Z\"}";

    for (int i = 0; i < 2; i++) {
        intake_activities(intake_rig_request(rig, JSON));
        intake_rig_data(rig, body, strlen(body));
        intake_rig_end(rig);
        assert_true(intake_rig_run(rig));
        expect_counts(rig, 200, !i, 0, i, 0);
        assert_string_equal(id_of(rig, 0), "o-1");
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_object),
        T(test_array_with_odd_items),
        T(test_malformed_json_commits_nothing),
        T(test_all_rejected),
        T(test_nothing_at_all),
        T(test_refused_before_the_body),
        T(test_json_too_large),
        T(test_queue_full_for_json),
        T(test_same_identity_in_order),
        T(test_rerun_starts_afresh),
        T(test_sent_again),
        T(test_chunks),
        T(test_short_chunks),
        T(test_back_pressure),
        T(test_failure_midway),
        T(test_disk_full),
        T(test_lost_connection),
        T(test_waits_for_room),
        T(test_loses_patience),
        T(test_bad_lines_are_items),
        T(test_many_rejections),
        T(test_random_splits),
        T(test_customers_json),
        T(test_customers_csv),
        T(test_customers_cp949),
        T(test_customers_map),
        T(test_customer_sheet_problems),
        T(test_sheet_zone),
        T(test_full_history),
        T(test_activities),
    };
    test_seed();
    return cmocka_run_group_tests_name("collect/stream", tests, NULL, NULL);
}
