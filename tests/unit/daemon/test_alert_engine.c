/* What the engine writes and says, beyond when: masking, acknowledging, receivers, and that windows
 * read from the facts are those that were observed. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/lib/alert_rig.h"
#include "tests/lib/test.h"

#define NOW INT64_C(1795305600000)

static const struct config_receiver receivers[] = {
    {.name = {"team", 4}, .type = RECEIVER_WEBHOOK, .send_resolved = true}};

static struct alert_rig *open_rig(struct alert_rig *r)
{
    *r = (struct alert_rig){.now = NOW, .receivers = receivers, .n_receivers = 1};
    rig_open(r);
    return r;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* The only event since the last look. */
static json_t *the_event(struct alert_rig *r)
{
    char *events = rig_take_events(r);
    json_t *o = json_loads(events, JSON_REJECT_DUPLICATES, NULL);
    if (!o)
        fail_msg("not one event: \"%s\"", events);
    free(events);
    return o;
}

static void no_event(struct alert_rig *r)
{
    char *events = rig_take_events(r);
    assert_string_equal(events, "");
    free(events);
}

/* Everything stored of alerts, and the outbox, in one text. */
static int gather_doc(void *ctx, struct span key, struct span value)
{
    (void)key;
    return buf_add(ctx, value);
}

static int gather_row(void *ctx, const struct store_outbox_row *row)
{
    return buf_add(ctx, row->payload);
}

static void gather(struct alert_rig *r, struct buf *out)
{
    struct store_view *v;
    assert_int_equal(store_view_begin(r->store, &v), 0);
    assert_int_equal(store_doc_each(v, STORE_DOC_ALERT, SPAN_NONE, false, gather_doc, out), 0);
    assert_int_equal(store_doc_each(v, STORE_DOC_ALERT_STATE, SPAN_NONE, false, gather_doc, out),
                     0);
    assert_int_equal(store_outbox_each(v, INT64_MAX, gather_row, out), 0);
    store_view_end(v);
}

static void test_quotes_are_masked(void **state)
{
    static const char *const plain[] = {"홍길동",           "010-1234-5678",  "+821012345678",
                                        "hong@example.com", "900101-1234567", "4242 4242 4242 4242",
                                        "9012-3456"};
    struct alert_rig rig, *r = open_rig(&rig);
    struct buf all;
    char text_of[1024], pad[512];
    (void)state;
    memset(pad, '-', sizeof pad);
    snprintf(text_of, sizeof text_of,
             "홍길동입니다. 010-1234-5678로 연락 주세요 hong@example.com 900101-1234567 "
             "카드 4242 4242 4242 4242 %.*s 010-9012-3456 끝",
             60, pad); /* the last one stands where the quote is cut */
    assert_int_equal(rig_rule(r, "legal", "{\"where\":\"signal = legal\",\"each\":true}", NULL), 0);
    assert_int_equal(rig_rule(r, "by-channel",
                              "{\"where\":\"\",\"measure\":\"count\",\"threshold\":1,"
                              "\"group_by\":[\"channel\"]}",
                              NULL),
                     0);
    struct rig_record rec = {.id = "1",
                             .created_at = r->now,
                             .text = text_of,
                             .signals = "legal",
                             .channel = "+821012345678",
                             .name = "홍길동",
                             .email = "hong@example.com",
                             .phone = "+821012345678"};
    rig_put(r, &rec, NULL);
    free(rig_take_events(r));
    buf_init(&all, 0);
    gather(r, &all);
    assert_non_null(strstr(all.p, "홍*동"));
    assert_non_null(strstr(all.p, "010-****-5678"));
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        /* The state names the group in hex, for the engine alone. */
        if (strstr(all.p, plain[i]))
            fail_msg("%s shows", plain[i]);
    }
    buf_done(&all);
    rig_close(r);
}

static int acknowledge(struct alert_rig *r, const char *id, const char *by, const char *owner,
                       const char *note)
{
    struct alert_ack ack = {span_str(id), span_str(by), span_str(owner), span_str(note)};
    rig_begin(r);
    int rc = alert_acknowledge(r->batch, &ack);
    if (rc == 0)
        rig_commit(r);
    else
        rig_abort(r);
    return rc;
}

static void test_acknowledging_keeps_the_history(void **state)
{
    struct alert_rig rig, *r = open_rig(&rig);
    char id[UUID_TEXT], long_note[5000];
    (void)state;
    memset(long_note, 'x', sizeof long_note - 1);
    long_note[sizeof long_note - 1] = '\0';
    assert_int_equal(rig_rule(r, "all", "{\"where\":\"\",\"each\":true}", NULL), 0);
    rig_put(r, &(struct rig_record){.id = "1", .created_at = r->now}, NULL);
    json_t *o = the_event(r);
    snprintf(id, sizeof id, "%s", text(o, "id"));
    json_decref(o);
    assert_int_equal(acknowledge(r, id, "김센터장", "kim", "확인 중"), 0);
    json_decref(the_event(r));
    r->now += MS_MINUTE;
    assert_int_equal(acknowledge(r, id, "이상담", "lee", ""), 0);
    o = the_event(r);
    const json_t *acks = json_object_get(o, "acknowledgements");
    assert_string_equal(text(o, "status"), "firing");
    assert_string_equal(text(o, "owner"), "lee");
    assert_int_equal(json_array_size(acks), 2);
    assert_string_equal(text(json_array_get(acks, 0), "by"), "김센터장");
    assert_string_equal(text(json_array_get(acks, 0), "note"), "확인 중");
    assert_string_equal(text(json_array_get(acks, 1), "at"), "2026-11-22T09:01:00+09:00");
    assert_int_equal(json_array_size(json_object_get(o, "notices")), 1);
    json_decref(o);
    assert_int_equal(acknowledge(r, id, "a", "b", long_note), -E2BIG);
    assert_int_equal(acknowledge(r, "01a20000-0000-7000-8000-000000000001", "a", "b", ""), -ENOENT);
    assert_int_equal(acknowledge(r, "nonsense", "a", "b", ""), -ENOENT);
    rig_advance(r, MS_HOUR);
    o = the_event(r);
    assert_string_equal(text(o, "status"), "resolved");
    assert_string_equal(text(o, "owner"), "lee");
    assert_int_equal(json_array_size(json_object_get(o, "acknowledgements")), 2);
    json_decref(o);
    rig_close(r);
}

static size_t notices_of_next(struct alert_rig *r, const char *id)
{
    rig_put(r, &(struct rig_record){.id = id, .created_at = r->now}, NULL);
    json_t *o = the_event(r);
    size_t n = json_array_size(json_object_get(o, "notices"));
    json_decref(o);
    return n;
}

static void test_receivers_change(void **state)
{
    static struct span critical[] = {{"critical", 8}};
    const struct config_receiver next[] = {
        {.name = SPAN_LIT("team"), .send_resolved = true},
        {.name = SPAN_LIT("pager"), .severities = critical, .n_severities = 1},
        {.name = SPAN_LIT("board")}};
    struct alert_rig rig, *r = open_rig(&rig);
    (void)state;
    assert_int_equal(rig_rule(r, "all", "{\"where\":\"\",\"each\":true}", NULL), 0);
    assert_int_equal(notices_of_next(r, "1"), 1);
    assert_int_equal(alert_engine_set_receivers(r->engine, next, 2), 0);
    assert_int_equal(alert_engine_set_receivers(r->engine, next, 3), 0);
    assert_int_equal(notices_of_next(r, "2"), 2);
    assert_int_equal(alert_engine_set_receivers(r->engine, NULL, 0), 0);
    assert_int_equal(notices_of_next(r, "3"), 0);
    rig_close(r);
}

static struct rig_record full_record(const char *id, int64_t now, const char *categories)
{
    return (struct rig_record){.id = id,
                               .created_at = now,
                               .text = categories,
                               .categories = categories,
                               .signals = "churn+legal",
                               .tags = "t1+t2",
                               .sentiment = SENTIMENT_NEGATIVE,
                               .product = "A",
                               .agent = "kim",
                               .channel = "chat",
                               .attributes = {{SPAN_LIT("grade"), SPAN_LIT("vip")}},
                               .n_attributes = 1,
                               .rest = "v"};
}

/* A record observed and the same record read from its fact belong to the same groups: what was read
 * is counted on, and can be taken back. */
static void test_facts_and_records_agree(void **state)
{
    static const struct {
        const char *field;
        size_t groups;
    } fields[] = {{"source", 1},
                  {"kind", 1},
                  {"channel", 1},
                  {"status", 1},
                  {"lang", 1},
                  {"sentiment", 1},
                  {"type", 1},
                  {"stage", 1},
                  {"agent", 1},
                  {"team", 1},
                  {"vendor", 1},
                  {"product", 1},
                  {"customer", 1},
                  {"conversation", 1},
                  {"category", 2},
                  {"signal", 2},
                  {"segment", 1},
                  {"tag", 2},
                  {"attributes.grade", 1},
                  {"attributes.none", 1},
                  {"experiments.x", 1}};
    struct alert_rig rig, *r = open_rig(&rig);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        char json[256];
        struct rig_record a = full_record("1", NOW, "app+delivery/late");
        struct rig_record b = full_record("2", NOW, "app+delivery/late");
        struct rig_record gone = full_record("1", NOW, "price");
        snprintf(json, sizeof json,
                 "{\"where\":\"category = app\",\"measure\":\"count\",\"threshold\":2,"
                 "\"group_by\":[\"%s\"]}",
                 fields[i].field);
        assert_int_equal(rig_rule(r, "r", json, NULL), 0);
        no_event(r);
        rig_put(r, &a, NULL);
        rig_restart(r); /* the first is read, the second observed */
        no_event(r);
        rig_put(r, &b, NULL);
        char *events = rig_take_events(r);
        size_t n = 0;
        for (const char *c = events; *c; c++)
            n += *c == '\n';
        free(events);
        if (n != fields[i].groups)
            fail_msg("%s: %zu groups fire, not %zu", fields[i].field, n, fields[i].groups);
        rig_put(r, &gone, NULL); /* taken back at once, or the two did not agree */
        events = rig_take_events(r);
        if (!strstr(events, "\"resolved\""))
            fail_msg("%s: what the facts said could not be taken back", fields[i].field);
        free(events);
        gone.id = "2";
        rig_put(r, &gone, NULL);
        no_event(r);
    }
    rig_close(r);
}

/* Jobs change records behind the engine's back and say so. */
static void test_reread(void **state)
{
    struct alert_rig rig, *r = open_rig(&rig);
    struct uuid ids[3];
    (void)state;
    assert_int_equal(
        rig_rule(r, "c", "{\"where\":\"\",\"measure\":\"count\",\"threshold\":3}", NULL), 0);
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        rig_put(r, &(struct rig_record){.id = id, .created_at = r->now}, &ids[i]);
    }
    json_decref(the_event(r));
    rig_begin(r);
    assert_int_equal(store_delete_feedback(r->txn, &ids[0]), 0);
    alert_reread(r->batch);
    rig_commit(r);
    assert_int_equal(r->due, r->now);
    no_event(r);
    rig_tick(r);
    json_t *o = the_event(r);
    assert_string_equal(text(o, "status"), "resolved");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "resolved"), "n")), 2);
    json_decref(o);
    rig_close(r);
}

/* Three newest, newest first; a record that stops matching is no example any more. */
static void test_examples(void **state)
{
    struct alert_rig rig, *r = open_rig(&rig);
    struct uuid ids[5];
    char want[UUID_TEXT];
    (void)state;
    assert_int_equal(rig_rule(r, "n",
                              "{\"where\":\"category = app\",\"measure\":\"negative_rate\","
                              "\"threshold\":1,\"min_samples\":3}",
                              NULL),
                     0);
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        rig_put(r,
                &(struct rig_record){.id = id,
                                     .created_at = r->now - (i == 2 ? 30 : 10 - i) * MS_MINUTE,
                                     .categories = "app",
                                     .sentiment = i ? SENTIMENT_NEGATIVE : SENTIMENT_POSITIVE},
                &ids[i]);
    }
    no_event(r);
    rig_put(r,
            &(struct rig_record){
                .id = "0", .created_at = r->now, .text = "x", .sentiment = SENTIMENT_NEGATIVE},
            NULL);
    json_t *o = the_event(r);
    const json_t *examples = json_object_get(o, "examples");
    static const int order[] = {4, 3, 1};
    assert_int_equal(json_array_size(examples), 3);
    for (size_t i = 0; i < 3; i++) {
        uuid_format(&ids[order[i]], want);
        assert_string_equal(json_string_value(json_array_get(examples, i)), want);
    }
    json_decref(o);
    rig_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotes_are_masked),
        cmocka_unit_test(test_acknowledging_keeps_the_history),
        cmocka_unit_test(test_receivers_change),
        cmocka_unit_test(test_facts_and_records_agree),
        cmocka_unit_test(test_reread),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
