/* What each kind of receiver is sent: shapes, escaping, signature. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/receiver.h"
#include "tests/lib/test.h"

/* clang-format off */
#define ALERT \
    "{\"id\":\"01a20000-0000-7000-8000-000000000001\",\"rule\":\"delivery-negative\"," \
    "\"title\":\"상품별 <배송> 불만 & 급증\",\"severity\":\"critical\",\"status\":\"%s\"," \
    "\"group\":{\"product\":\"A\",\"attributes.VIP 등급\":\"\"}," \
    "\"starts_at\":\"2026-11-22T09:10:11.500+09:00\",\"ends_at\":%s," \
    "\"measure\":\"negative_rate\",\"value\":0.75,\"n\":12,\"threshold\":0.6,\"window\":\"1h\"," \
    "\"reason\":{\"ko\":\"최근 1시간 12건 가운데 9건이 부정으로, 부정 비율이 75%%입니다.\"," \
    "\"en\":\"Negative rate 75%%\"},\"resolved\":%s,\"examples\":[]," \
    "\"quotes\":[\"늦어요 <b>\\n환불\"],\"owner\":null,\"acknowledgements\":[],\"notices\":[]}"
/* clang-format on */

static struct arena arena;
static struct receiver_request request;

static json_t *make(enum receiver_type type, bool firing, const char *secret)
{
    static struct receiver_payload payload;
    struct config_receiver receiver = {.name = SPAN_LIT("team"),
                                       .type = type,
                                       .url = SPAN_LIT("https://hooks.example/x"),
                                       .secret = span_str(secret)};
    struct uuid id = {.b = {1, 2, 3}};
    struct span text = arena_printf(
        &arena,
        "{\"alert_id\":\"01a20000-0000-7000-8000-000000000001\",\"phase\":\"%s\","
        "\"receiver\":\"team\",\"workspace\":\"w\",\"alert\":" ALERT "}",
        firing ? "firing" : "resolved", firing ? "firing" : "resolved",
        firing ? "null" : "\"2026-11-22T10:00:00+09:00\"",
        firing ? "null"
               : "{\"value\":0.3,\"n\":10,\"reason\":{\"ko\":\"돌아왔습니다\",\"en\":\"Back\"}}");
    assert_int_equal(receiver_payload_parse(text, &arena, &payload), 0);
    assert_int_equal(payload.firing, firing);
    struct receiver_input in = {.receiver = &receiver,
                                .payload = &payload,
                                .notice = &id,
                                .now = INT64_C(1674087231000),
                                .external_url = SPAN_LIT("https://voc.example/")};
    assert_int_equal(receiver_request(&in, &arena, &request), 0);
    json_t *o = json_loadb(request.body.p, request.body.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < request.n_headers; i++) {
        if (span_is(request.headers[i].key, name))
            return arena_dup(&arena, request.headers[i].value).p;
    }
    return "";
}

static void test_webhook(void **state)
{
    (void)state;
    json_t *o = make(RECEIVER_WEBHOOK, true, NULL);
    const json_t *alert = json_array_get(json_object_get(o, "alerts"), 0);
    const json_t *labels = json_object_get(alert, "labels");
    assert_string_equal(text(labels, "alertname"), "delivery-negative");
    assert_string_equal(text(labels, "product"), "A");
    assert_non_null(json_object_get(labels, "attributes_VIP_______"));
    assert_string_equal(text(json_object_get(alert, "annotations"), "title"),
                        "[긴급] 상품별 <배송> 불만 & 급증 · product=A, attributes.VIP 등급=(없음)");
    assert_string_equal(text(alert, "startsAt"), "2026-11-22T09:10:11.500+09:00");
    assert_string_equal(text(alert, "generatorURL"),
                        "https://voc.example/alerts/01a20000-0000-7000-8000-000000000001");
    const json_t *whole = json_object_get(json_object_get(o, "vocd"), "alert");
    assert_true(json_real_value(json_object_get(whole, "value")) == 0.75);
    assert_string_equal(header("webhook-id"), "01020300-0000-0000-0000-000000000000");
    assert_string_equal(header("webhook-signature"), "");
    json_decref(o);
}

/* Of one alert, firing and resolved have the same fingerprint: that is how Alertmanager's receivers
 * put the two together. */
static void test_webhook_resolved(void **state)
{
    (void)state;
    json_t *firing = make(RECEIVER_WEBHOOK, true, NULL),
           *over = make(RECEIVER_WEBHOOK, false, NULL);
    const json_t *a = json_array_get(json_object_get(firing, "alerts"), 0);
    const json_t *b = json_array_get(json_object_get(over, "alerts"), 0);
    assert_string_equal(text(b, "status"), "resolved");
    assert_string_equal(text(b, "endsAt"), "2026-11-22T10:00:00+09:00");
    assert_string_equal(text(a, "fingerprint"), text(b, "fingerprint"));
    assert_string_equal(text(json_object_get(b, "annotations"), "summary"), "돌아왔습니다");
    json_decref(firing);
    json_decref(over);
}

/* printf "%s" "ID.TIME.BODY" | openssl dgst -sha256 -hmac KEY, through signature.c's own vectors:
 * here only that id, time and body are what is signed. */
static void test_signature_covers_all(void **state)
{
    static const char secret[] = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    char first[128];
    (void)state;
    json_decref(make(RECEIVER_WEBHOOK, true, secret));
    snprintf(first, sizeof first, "%s", header("webhook-signature"));
    assert_int_equal(strncmp(first, "v1,", 3), 0);
    assert_string_equal(header("webhook-timestamp"), "1674087231");
    json_decref(make(RECEIVER_WEBHOOK, true, secret));
    assert_string_equal(first, header("webhook-signature"));
    json_decref(make(RECEIVER_WEBHOOK, false, secret));
    assert_string_not_equal(first, header("webhook-signature"));
}

static void test_slack(void **state)
{
    (void)state;
    json_t *o = make(RECEIVER_SLACK, true, NULL);
    const json_t *blocks = json_object_get(o, "blocks");
    const char *head = text(json_object_get(json_array_get(blocks, 0), "text"), "text");
    const char *quote = text(json_object_get(json_array_get(blocks, 1), "text"), "text");
    const char *times = text(json_object_get(json_array_get(blocks, 2), "text"), "text");
    assert_int_equal(json_array_size(blocks), 3);
    assert_non_null(strstr(head, "*[긴급] 상품별 &lt;배송&gt; 불만 &amp; 급증"));
    assert_non_null(strstr(head, "75%입니다."));
    assert_non_null(strstr(head, "Negative rate 75%"));
    assert_string_equal(quote, "> 늦어요 &lt;b&gt; 환불");
    assert_string_equal(times, "시작 2026-11-22 09:10 (+09:00) · "
                               "<https://voc.example/alerts/01a20000-0000-7000-8000-000000000001"
                               "|알림 보기>");
    assert_true(strlen(text(o, "text")) > 0);
    json_decref(o);
    o = make(RECEIVER_SLACK, false, NULL);
    blocks = json_object_get(o, "blocks");
    assert_int_equal(json_array_size(blocks), 2); /* no quotes any more */
    assert_non_null(strstr(text(o, "text"), "[해소 · 긴급]"));
    json_decref(o);
}

static void test_jandi(void **state)
{
    (void)state;
    json_t *o = make(RECEIVER_JANDI, true, NULL);
    assert_string_equal(header("accept"), "application/vnd.tosslab.jandi-v2+json");
    assert_string_equal(text(o, "connectColor"), "#D92D20");
    assert_int_equal(json_array_size(json_object_get(o, "connectInfo")), 4);
    json_decref(o);
    o = make(RECEIVER_JANDI, false, NULL);
    assert_string_equal(text(o, "connectColor"), "#12B76A");
    assert_string_equal(text(json_array_get(json_object_get(o, "connectInfo"), 2), "description"),
                        "2026-11-22 09:10 (+09:00) ~ 2026-11-22 10:00 (+09:00)");
    json_decref(o);
}

static void test_damaged_payloads(void **state)
{
    static const char *const bad[] = {"", "{}", "[]", "{\"alert\":{}}", "{\"phase\":\"firing\"}"};
    struct receiver_payload p;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(receiver_payload_parse(span_str(bad[i]), &arena, &p), -VOC_E_CORRUPT);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook),
        cmocka_unit_test(test_webhook_resolved),
        cmocka_unit_test(test_signature_covers_all),
        cmocka_unit_test(test_slack),
        cmocka_unit_test(test_jandi),
        cmocka_unit_test(test_damaged_payloads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
