/* normalize.h: product.md's "Feedback record (input)", rule by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/format/normalize.h"
#include "daemon/format/phone.h"

#define NOW INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

struct parsed {
    struct arena arena;
    struct feedback fb;
    struct customer_change change;
    struct activity act;
    struct reject why;
    int rc;
};

static json_t *json_of(const char *text)
{
    json_error_t err;
    json_t *v = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, &err);
    if (!v)
        fail_msg("the test's own JSON is bad: %s in %s", err.text, text);
    return v;
}

static struct parsed feedback_of(json_t *v, const struct normalize_limits *lim)
{
    struct parsed p = {0};
    arena_init(&p.arena, 0);
    p.rc = normalize_feedback(v, lim, NOW, &p.arena, &p.fb, &p.why);
    json_decref(v);
    return p;
}

static struct parsed read_feedback(const char *text)
{
    return feedback_of(json_of(text), &normalize_defaults);
}

/* `extra` goes into an otherwise sound record. */
static struct parsed read_with(const char *extra)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"source\":\"s\",\"external_id\":\"1\",\"text\":\"배송이 늦어요\"%s%s}",
             *extra ? "," : "", extra);
    return read_feedback(text);
}

#define assert_span(s, text)                                                                       \
    do {                                                                                           \
        struct span got_ = (s);                                                                    \
        if (!span_is(got_, text))                                                                  \
            fail_msg("expected \"%s\", got \"%.*s\"", text, SPAN_FMT(got_));                       \
    } while (0)

static void test_whole_record(void **state)
{
    (void)state;
    struct parsed p = read_feedback(
        "{\"source\":\"zendesk\",\"external_id\":35436,\"conversation\":\"c1\",\"kind\":\"chat\","
        "\"channel\":\"web\",\"status\":\"open\",\"created_at\":\"2026-11-21T09:10:11+09:00\","
        "\"updated_at\":\"2026-11-21T09:12:00+09:00\",\"customer\":{\"id\":\"c-1\",\"name\":\"홍\","
        "\"email\":\" A@B.Kr \",\"phone\":\"010-1234-5678\"},\"lang\":\"ko\",\"title\":\"제목\","
        "\"text\":\"본문\",\"turns\":[{\"by\":\"agent\",\"at\":\"2026-11-21T00:00:00Z\","
        "\"text\":\"안녕하세요\"},{\"by\":\"customer\",\"text\":\"네\"}],"
        "\"rating\":{\"value\":2,\"scale\":5},\"answers\":{\"csat\":{\"value\":2,\"scale\":5},"
        "\"nps\":3,\"ces\":{\"value\":6,\"scale\":7}},\"agent\":\"a-12\",\"team\":\"t\","
        "\"vendor\":\"v\",\"product\":\"p\",\"order\":77,\"stage\":\"support\",\"tags\":[\"x\",5],"
        "\"url\":\"https://a.example/1\",\"attributes\":{\"z\":true,\"a\":1.5,\"m\":12,\"n\":null},"
        "\"experiments\":{\"apology-v2\":\"B\",\"a\":1},\"backfill\":true}");
    if (p.rc != 0)
        fail_msg("%s: %s", p.why.code, p.why.detail);
    assert_span(p.fb.external_id, "35436");
    assert_span(p.fb.conversation, "c1");
    assert_int_equal(p.fb.kind, KIND_CHAT);
    assert_int_equal(p.fb.created_at, INT64_C(1795219811000));
    assert_int_equal(p.fb.updated_at - p.fb.created_at, 109000);
    assert_span(p.fb.customer.email, "a@b.kr");
    assert_span(p.fb.customer.phone, "+821012345678");
    assert_int_equal(p.fb.n_turns, 2);
    assert_int_equal(p.fb.turns[0].by, BY_AGENT);
    assert_int_equal(p.fb.turns[1].by, BY_CUSTOMER);
    assert_true(p.fb.turns[1].at == NO_TIME);
    assert_span(p.fb.turns[0].text, "안녕하세요");
    assert_true(p.fb.rating.has && p.fb.rating.value == 2 && p.fb.rating.scale == 5);
    assert_true(p.fb.nps.has && p.fb.nps.value == 3 && p.fb.nps.scale == 10);
    assert_true(p.fb.ces.has && p.fb.ces.value == 6 && p.fb.ces.scale == 7);
    assert_true(p.fb.csat.has && p.fb.surveyed && p.fb.backfill);
    assert_span(p.fb.order, "77");
    assert_int_equal(p.fb.stage, STAGE_SUPPORT);
    assert_int_equal(p.fb.n_tags, 2);
    assert_span(p.fb.tags[1], "5");
    assert_int_equal(p.fb.n_attributes, 3);
    assert_span(p.fb.attributes[0].key, "a");
    assert_span(p.fb.attributes[0].value, "1.5");
    assert_span(p.fb.attributes[1].value, "12");
    assert_span(p.fb.attributes[2].value, "true");
    assert_int_equal(p.fb.n_experiments, 2);
    assert_span(p.fb.experiments[1].key, "apology-v2");
    assert_span(p.fb.experiments[1].value, "B");
    arena_done(&p.arena);
}

static void test_defaults(void **state)
{
    (void)state;
    struct parsed p = read_with("\"channel\":\"\",\"team\":null,\"turns\":[],\"tags\":[]");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.fb.kind, KIND_TICKET);
    assert_int_equal(p.fb.created_at, NOW);
    assert_true(p.fb.updated_at == NO_TIME);
    assert_null(p.fb.channel.p);
    assert_null(p.fb.team.p);
    assert_null(p.fb.customer.id.p);
    assert_false(p.fb.surveyed || p.fb.backfill || p.fb.rating.has || p.fb.nps.has);
    assert_int_equal(p.fb.stage, STAGE_NONE);
    assert_int_equal(p.fb.n_turns + p.fb.n_tags + p.fb.n_attributes, 0);
    arena_done(&p.arena);
}

/* What makes a record worth reading, alone. */
static void test_something_to_read(void **state)
{
    static const struct {
        const char *members;
        bool enough;
    } table[] = {
        {"\"text\":\"a\"", true},
        {"\"text\":\" \\n \"", false},
        {"\"title\":\"a\"", false},
        {"\"turns\":[{\"by\":\"agent\",\"text\":\"a\"}]", true},
        {"\"turns\":[{\"by\":\"agent\",\"text\":\" \"}]", false},
        {"\"turns\":[]", false},
        {"\"answers\":{\"nps\":0}", true},
        {"\"answers\":{}", false},
        {"\"rating\":{\"value\":0,\"scale\":5}", true},
        {"\"surveyed\":true", true},
        {"\"surveyed\":false", false},
        {"\"tags\":[\"a\"]", false},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        snprintf(text, sizeof text, "{\"source\":\"s\",\"external_id\":\"1\",%s}",
                 table[i].members);
        struct parsed p = read_feedback(text);
        if ((p.rc == 0) != table[i].enough)
            fail_msg("%s: expected %s, got %d", text, table[i].enough ? "taken" : "refused", p.rc);
        if (!table[i].enough)
            assert_string_equal(p.why.code, "nothing_to_read");
        arena_done(&p.arena);
    }
}

static const struct refusal {
    const char *extra;
    const char *code;
    const char *names; /* must stand in the detail */
} refusals[] = {
    {"\"sorce\":\"x\"", "unknown_field", "sorce"},
    {"\"customer\":{\"mail\":\"x\"}", "unknown_field", "customer.mail"},
    {"\"answers\":{\"csatt\":1}", "unknown_field", "answers.csatt"},
    {"\"turns\":[{\"by\":\"agent\",\"body\":\"x\"}]", "unknown_field", "turns[0].body"},
    {"\"channel\":true", "bad_type", "channel"},
    {"\"channel\":1.5", "bad_type", "channel"},
    {"\"title\":5", "bad_type", "title"},
    {"\"url\":5", "bad_type", "url"},
    {"\"customer\":\"c-1\"", "bad_type", "customer"},
    {"\"turns\":{}", "bad_type", "turns"},
    {"\"turns\":[5]", "bad_type", "turns[0]"},
    {"\"tags\":\"a\"", "bad_type", "tags"},
    {"\"tags\":[[]]", "bad_type", "tags[0]"},
    {"\"attributes\":[]", "bad_type", "attributes"},
    {"\"attributes\":{\"k\":{}}", "bad_type", "attributes.k"},
    {"\"attributes\":{\"\":1}", "bad_type", "attributes"},
    {"\"surveyed\":1", "bad_type", "surveyed"},
    {"\"backfill\":\"true\"", "bad_type", "backfill"},
    {"\"rating\":\"5\"", "bad_type", "rating"},
    {"\"rating\":{\"value\":\"5\",\"scale\":5}", "bad_type", "rating.value"},
    {"\"kind\":\"email\"", "bad_kind", "kind"},
    {"\"kind\":1", "bad_kind", "kind"},
    {"\"stage\":\"after\"", "bad_stage", "stage"},
    {"\"turns\":[{\"by\":\"bot\",\"text\":\"x\"}]", "bad_speaker", "turns[0].by"},
    {"\"turns\":[{\"text\":\"x\"}]", "missing_speaker", "turns[0].by"},
    {"\"created_at\":1795305600", "bad_time", "created_at"},
    {"\"created_at\":\"2026-11-22\"", "bad_time", "created_at"},
    {"\"created_at\":\"2026-11-22T09:10:11\"", "bad_time", "created_at"},
    {"\"created_at\":\"2026-02-30T00:00:00Z\"", "bad_time", "created_at"},
    {"\"created_at\":\"1969-12-31T23:59:59Z\"", "bad_time", "created_at"},
    {"\"updated_at\":\"yesterday\"", "bad_time", "updated_at"},
    {"\"created_at\":\"2026-11-22T00:10:01Z\"", "in_future", "created_at"},
    {"\"updated_at\":\"2026-11-22T00:10:01Z\"", "in_future", "updated_at"},
    {"\"turns\":[{\"by\":\"agent\",\"at\":\"2027-01-01T00:00:00Z\",\"text\":\"x\"}]", "in_future",
     "turns[0].at"},
    {"\"answers\":{\"csat\":4}", "missing_scale", "answers.csat"},
    {"\"answers\":{\"ces\":4}", "missing_scale", "answers.ces"},
    {"\"rating\":4", "missing_scale", "rating"},
    {"\"rating\":{\"value\":4}", "missing_scale", "rating"},
    {"\"rating\":{\"scale\":5}", "missing_value", "rating"},
    {"\"answers\":{\"nps\":{\"scale\":10}}", "missing_value", "answers.nps"},
    {"\"rating\":{\"value\":0,\"scale\":0}", "bad_scale", "rating.scale"},
    {"\"rating\":{\"value\":1,\"scale\":-5}", "bad_scale", "rating.scale"},
    {"\"rating\":{\"value\":1,\"scale\":1001}", "bad_scale", "rating.scale"},
    {"\"answers\":{\"nps\":{\"value\":3,\"scale\":5}}", "bad_scale", "answers.nps"},
    {"\"rating\":{\"value\":5.5,\"scale\":5}", "value_out_of_scale", "rating.value"},
    {"\"rating\":{\"value\":-1,\"scale\":5}", "value_out_of_scale", "rating.value"},
    {"\"answers\":{\"nps\":11}", "value_out_of_scale", "answers.nps"},
    {"\"answers\":{\"nps\":-1}", "value_out_of_scale", "answers.nps"},
    {"\"answers\":{\"nps\":8.5}", "value_out_of_scale", "answers.nps"},
    {"\"agent\":\"a\\u0001b\"", "control_character", "agent"},
    {"\"agent\":\"a\\u007fb\"", "control_character", "agent"},
    {"\"attributes\":{\"a\\u0002\":1}", "control_character", "attributes"},
    {"\"agent\":\"a\\u0000b\"", "nul_byte", "agent"},
    {"\"title\":\"a\\u0000b\"", "nul_byte", "title"},
    {"\"attributes\":{\"a\":\"x\\u0000\"}", "nul_byte", "attributes"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct refusal *r = &refusals[i];
        struct parsed p = read_with(r->extra);
        if (p.rc != -EINVAL)
            fail_msg("%s: expected %s, got %d", r->extra, r->code, p.rc);
        if (strcmp(p.why.code, r->code) != 0 || !strstr(p.why.detail, r->names))
            fail_msg("%s: expected %s naming %s, got %s: %s", r->extra, r->code, r->names,
                     p.why.code, p.why.detail);
        assert_null(p.fb.source.p); /* untouched */
        arena_done(&p.arena);
    }
}

static void test_identity_is_required(void **state)
{
    static const char *const table[][2] = {
        {"{}", "missing_source"},
        {"{\"source\":\"\",\"external_id\":\"1\",\"text\":\"a\"}", "missing_source"},
        {"{\"source\":null,\"external_id\":\"1\",\"text\":\"a\"}", "missing_source"},
        {"{\"source\":\"s\",\"text\":\"a\"}", "missing_external_id"},
        {"{\"source\":\"s\",\"external_id\":\"\",\"text\":\"a\"}", "missing_external_id"},
        {"[]", "not_an_object"},
        {"5", "not_an_object"},
        {"null", "not_an_object"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct parsed p = read_feedback(table[i][0]);
        assert_int_equal(p.rc, -EINVAL);
        assert_string_equal(p.why.code, table[i][1]);
        arena_done(&p.arena);
    }
}

static void test_details_hold_no_content(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "\"kind\":\"SECRET\"",     "\"created_at\":\"SECRET\"",
        "\"stage\":\"SECRET\"",    "\"agent\":\"SECRET\\u0001\"",
        "\"customer\":\"SECRET\"", "\"turns\":[{\"by\":\"SECRET\",\"text\":\"SECRET\"}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        struct parsed p = read_with(secrets[i]);
        assert_int_equal(p.rc, -EINVAL);
        assert_null(strstr(p.why.detail, "SECRET"));
        arena_done(&p.arena);
    }
}

static json_t *record_with(const char *key, json_t *value)
{
    json_t *v = json_of("{\"source\":\"s\",\"external_id\":\"1\",\"text\":\"a\"}");
    json_object_set_new(v, key, value);
    return v;
}

static json_t *string_of_bytes(size_t n)
{
    char *p = malloc(n + 1);
    memset(p, 'x', n);
    json_t *v = json_stringn(p, n);
    free(p);
    return v;
}

static void check_length(const char *key, size_t limit, const char *code)
{
    struct parsed p = feedback_of(record_with(key, string_of_bytes(limit)), &normalize_defaults);
    if (p.rc != 0)
        fail_msg("%s of %zu bytes must be taken: %s", key, limit, p.why.detail);
    arena_done(&p.arena);
    p = feedback_of(record_with(key, string_of_bytes(limit + 1)), &normalize_defaults);
    assert_int_equal(p.rc, -EINVAL);
    assert_string_equal(p.why.code, code);
    arena_done(&p.arena);
}

static void test_lengths(void **state)
{
    (void)state;
    check_length("text", 65536, "text_too_long");
    check_length("title", 65536, "text_too_long");
    check_length("external_id", 512, "id_too_long");
    check_length("source", 512, "id_too_long");
    check_length("agent", 512, "id_too_long");
    check_length("url", 2048, "url_too_long");
}

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *key, *code;
        size_t limit;
        bool list;
    } table[] = {
        {"attributes", "too_many_attributes", 64, false},
        {"experiments", "too_many_experiments", 64, false},
        {"tags", "too_many_tags", 64, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            json_t *v = table[i].list ? json_array() : json_object();
            for (size_t k = 0; k < table[i].limit + extra; k++) {
                char key[24];
                snprintf(key, sizeof key, "k%zu", k);
                if (table[i].list)
                    json_array_append_new(v, json_string(key));
                else
                    json_object_set_new(v, key, json_string("v"));
            }
            struct parsed p = feedback_of(record_with(table[i].key, v), &normalize_defaults);
            if (p.rc != (extra ? -EINVAL : 0))
                fail_msg("%s + %zu: got %d", table[i].key, extra, p.rc);
            if (extra)
                assert_string_equal(p.why.code, table[i].code);
            arena_done(&p.arena);
        }
    }
}

static void test_attribute_bytes(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        json_t *v = json_object();
        json_object_set_new(v, "k1", string_of_bytes(4094));
        json_object_set_new(v, "k2", string_of_bytes(4094 + extra));
        struct parsed p = feedback_of(record_with("attributes", v), &normalize_defaults);
        assert_int_equal(p.rc, extra ? -EINVAL : 0);
        if (extra)
            assert_string_equal(p.why.code, "attributes_too_long");
        arena_done(&p.arena);
    }
}

static json_t *turns_of(size_t n, size_t bytes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:o}", "by", "agent", "text", string_of_bytes(bytes)));
    return list;
}

static void test_turn_limits(void **state)
{
    (void)state;
    static const struct {
        size_t n, bytes;
        const char *code;
    } table[] = {
        {1000, 1, NULL},
        {1001, 1, "too_many_turns"},
        {2, 32768, NULL},
        {2, 32769, "text_too_long"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct parsed p = feedback_of(record_with("turns", turns_of(table[i].n, table[i].bytes)),
                                      &normalize_defaults);
        assert_int_equal(p.rc, table[i].code ? -EINVAL : 0);
        if (table[i].code)
            assert_string_equal(p.why.code, table[i].code);
        arena_done(&p.arena);
    }
}

static void test_edge_of_future(void **state)
{
    (void)state;
    struct parsed p = read_with("\"created_at\":\"2026-11-22T00:10:00Z\"");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.fb.created_at, NOW + 600000);
    arena_done(&p.arena);
}

static void test_full_arena(void **state)
{
    (void)state;
    struct feedback fb;
    struct reject why;
    struct arena a;
    json_t *v = record_with("title", string_of_bytes(60000));
    arena_init(&a, 8192);
    assert_int_equal(normalize_feedback(v, &normalize_defaults, NOW, &a, &fb, &why), -ENOMEM);
    arena_done(&a);
    json_decref(v);
}

static void test_phones(void **state)
{
    static const char *const table[][2] = {
        {"010-1234-5678", "+821012345678"},
        {"+82 10 1234 5678", "+821012345678"},
        {"01012345678", "+821012345678"},
        {"+82-(0)10-1234-5678", "+821012345678"},
        {"82-10-1234-5678", "+821012345678"},
        {"0082 10 1234 5678", "+821012345678"},
        {"０１０－１２３４－５６７８", "+821012345678"},
        {" (02) 312-4567 ", "+8223124567"},
        {"031.123.4567", "+82311234567"},
        {"0505-123-45678", "+8250512345678"},
        {"1588-1234", "+8215881234"},
        {"tel:+1-212-555-0100", "+12125550100"},
        {"+44 20 7946 0958", "+442079460958"},
        {"02-312-4567 내선 3", NULL},
        {"312-4567", NULL},
        {"0010 1 212 555 0100", NULL},
        {"전화 없음", NULL},
        {"", NULL},
        {"+", NULL},
        {"+0 12345678", NULL},
        {"1234567890123456", NULL},
        {"010-1234-5678+", NULL},
        {"010123", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char out[PHONE_MAX] = "?";
        int rc = phone_normalize(span_str(table[i][0]), out);
        if (rc != (table[i][1] ? 0 : -EINVAL) || strcmp(out, table[i][1] ? table[i][1] : "?") != 0)
            fail_msg("%s: expected %s, got %d %s", table[i][0],
                     table[i][1] ? table[i][1] : "a refusal", rc, out);
    }
}

static void test_odd_phone_is_kept(void **state)
{
    (void)state;
    struct parsed p = read_with("\"customer\":{\"phone\":\" 02-312-4567 내선 3 \"}");
    assert_int_equal(p.rc, 0);
    assert_span(p.fb.customer.phone, "02-312-4567 내선 3");
    arena_done(&p.arena);
}

static struct parsed read_customer(const char *text)
{
    struct parsed p = {0};
    json_t *v = json_of(text);
    arena_init(&p.arena, 0);
    p.rc = normalize_customer(v, &normalize_defaults, NOW, &p.arena, &p.change, &p.why);
    json_decref(v);
    return p;
}

static void test_customer_change(void **state)
{
    (void)state;
    struct parsed p = read_customer(
        "{\"id\":\"c-1\",\"name\":null,\"email\":\"\",\"effective_at\":\"2027-01-01T00:00:00Z\","
        "\"attributes\":{\"tier\":\"vip\",\"gone\":null,\"age\":41}}");
    if (p.rc != 0)
        fail_msg("%s: %s", p.why.code, p.why.detail);
    assert_span(p.change.id, "c-1");
    assert_true(p.change.name.p && p.change.name.n == 0);   /* removed */
    assert_true(p.change.email.p && p.change.email.n == 0); /* removed */
    assert_null(p.change.phone.p);                          /* unchanged */
    assert_int_equal(p.change.effective_at, INT64_C(1798761600000));
    assert_int_equal(p.change.n_attributes, 3);
    assert_span(p.change.attributes[0].key, "age");
    assert_span(p.change.attributes[0].value, "41");
    assert_span(p.change.attributes[1].key, "gone");
    assert_null(p.change.attributes[1].value.p);
    assert_span(p.change.attributes[2].value, "vip");
    arena_done(&p.arena);

    p = read_customer("{\"id\":7}");
    assert_int_equal(p.rc, 0);
    assert_true(p.change.effective_at == NO_TIME);
    arena_done(&p.arena);
}

static void test_customer_refusals(void **state)
{
    static const char *const table[][2] = {
        {"{}", "missing_id"},
        {"{\"id\":\"\"}", "missing_id"},
        {"{\"id\":\"a\",\"segment\":\"vip\"}", "unknown_field"},
        {"{\"id\":\"a\",\"effective_at\":\"now\"}", "bad_time"},
        {"{\"id\":\"a\",\"attributes\":{\"k\":[]}}", "bad_type"},
        {"7", "not_an_object"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct parsed p = read_customer(table[i][0]);
        assert_int_equal(p.rc, -EINVAL);
        assert_string_equal(p.why.code, table[i][1]);
        arena_done(&p.arena);
    }
}

static struct parsed read_activity(const char *text)
{
    struct parsed p = {0};
    json_t *v = json_of(text);
    arena_init(&p.arena, 0);
    p.rc = normalize_activity(v, &normalize_defaults, NOW, &p.arena, &p.act, &p.why);
    json_decref(v);
    return p;
}

static void test_activity(void **state)
{
    (void)state;
    struct parsed p = read_activity(
        "{\"source\":\"shop\",\"external_id\":9,\"customer\":{\"id\":\"c-1\"},\"type\":\"order\","
        "\"at\":\"2026-11-20T00:00:00Z\",\"amount\":12900.5,\"attributes\":{\"coupon\":true}}");
    if (p.rc != 0)
        fail_msg("%s: %s", p.why.code, p.why.detail);
    assert_span(p.act.customer, "c-1");
    assert_true(p.act.amount.has && p.act.amount.value == 12900.5);
    assert_int_equal(p.act.at, NOW - 2 * MS_DAY);
    assert_span(p.act.attributes[0].value, "true");
    arena_done(&p.arena);

    p = read_activity(
        "{\"source\":\"s\",\"external_id\":\"1\",\"customer\":\"c\",\"type\":\"visit\"}");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.act.at, NOW);
    assert_false(p.act.amount.has);
    arena_done(&p.arena);
}

static void test_activity_refusals(void **state)
{
    static const char *const table[][2] = {
        {"{\"external_id\":\"1\",\"customer\":\"c\",\"type\":\"t\"}", "missing_source"},
        {"{\"source\":\"s\",\"customer\":\"c\",\"type\":\"t\"}", "missing_external_id"},
        {"{\"source\":\"s\",\"external_id\":\"1\",\"type\":\"t\"}", "missing_customer"},
        {"{\"source\":\"s\",\"external_id\":\"1\",\"customer\":{},\"type\":\"t\"}",
         "missing_customer"},
        {"{\"source\":\"s\",\"external_id\":\"1\",\"customer\":\"c\"}", "missing_type"},
        {"{\"source\":\"s\",\"external_id\":\"1\",\"customer\":\"c\",\"type\":\"t\",\"amount\":"
         "\"1\"}",
         "bad_type"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct parsed p = read_activity(table[i][0]);
        assert_int_equal(p.rc, -EINVAL);
        assert_string_equal(p.why.code, table[i][1]);
        arena_done(&p.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_record),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_something_to_read),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_identity_is_required),
        cmocka_unit_test(test_details_hold_no_content),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_attribute_bytes),
        cmocka_unit_test(test_turn_limits),
        cmocka_unit_test(test_edge_of_future),
        cmocka_unit_test(test_full_arena),
        cmocka_unit_test(test_phones),
        cmocka_unit_test(test_odd_phone_is_kept),
        cmocka_unit_test(test_customer_change),
        cmocka_unit_test(test_customer_refusals),
        cmocka_unit_test(test_activity),
        cmocka_unit_test(test_activity_refusals),
    };
    return cmocka_run_group_tests_name("collect/normalize", tests, NULL, NULL);
}
