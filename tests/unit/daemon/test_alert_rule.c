/* Alert rules as data: what is taken, what it is printed as, and what is refused with which words.
 */
#include "base/err.h"
#include "daemon/alert/rule.h"
#include "tests/lib/test.h"

static struct arena arena;

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

static struct alert_rule *parse(const char *json)
{
    struct alert_rule *r = NULL;
    struct span message = SPAN_NONE;
    if (alert_rule_parse(SPAN_LIT("r-1"), span_str(json), &arena, &r, &message) < 0)
        fail_msg("%s: %.*s", json, SPAN_FMT(message));
    return r;
}

static void prints_as(const char *json, const char *expected)
{
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(alert_rule_print(parse(json), &out), 0);
    assert_string_equal(out.p, expected);
    buf_done(&out);
}

static void refused(const char *json, const char *words)
{
    struct alert_rule *r = NULL;
    struct span message = SPAN_NONE;
    int rc = alert_rule_parse(SPAN_LIT("r-1"), span_str(json), &arena, &r, &message);
    if (rc == 0)
        fail_msg("taken: %s", json);
    assert_int_equal(rc, -EINVAL);
    if (span_find(message, span_str(words)) == SIZE_MAX)
        fail_msg("%s: expected \"%s\", got \"%.*s\"", json, words, SPAN_FMT(message));
}

#define MUST "\"where\":\"\",\"measure\":\"negative_rate\",\"threshold\":0.5"

static void test_defaults_are_filled_in(void **state)
{
    (void)state;
    prints_as("{" MUST "}",
              "{\"name\":\"r-1\",\"title\":\"r-1\",\"where\":\"\",\"measure\":\"negative_rate\","
              "\"op\":\">=\",\"threshold\":0.5,\"recover\":0.5,\"window\":\"1h\","
              "\"min_samples\":10,\"group_by\":[],\"severity\":\"warning\",\"receivers\":[]}");
    prints_as("{\"where\":\"\",\"measure\":\"count\",\"threshold\":3,\"window\":\"90m\"}",
              "{\"name\":\"r-1\",\"title\":\"r-1\",\"where\":\"\",\"measure\":\"count\","
              "\"op\":\">=\",\"threshold\":3,\"recover\":3,\"window\":\"90m\",\"min_samples\":0,"
              "\"group_by\":[],\"severity\":\"warning\",\"receivers\":[]}");
    prints_as("{\"where\":\"signal = legal\",\"each\":true,\"window\":\"24h\"}",
              "{\"name\":\"r-1\",\"title\":\"r-1\",\"where\":\"signal = legal\",\"each\":true,"
              "\"window\":\"1d\",\"severity\":\"warning\",\"receivers\":[]}");
}

static void test_canonical_is_canonical(void **state)
{
    static const char full[] =
        "{\"name\":\"r-1\",\"title\":\"상품별 배송 불만\",\"where\":\"category = delivery\","
        "\"measure\":\"nps\",\"op\":\"<\",\"threshold\":-0.25,\"recover\":0.1,\"window\":\"7d\","
        "\"min_samples\":8,\"group_by\":[\"product\",\"category\",\"attributes.VIP등급\"],"
        "\"severity\":\"critical\",\"receivers\":[\"team\",\"night.shift\"]}";
    (void)state;
    prints_as(full, full);
}

static void test_refusals_name_the_member(void **state)
{
    (void)state;
    refused("[]", "an object");
    refused("{", "line 1");
    refused("{" MUST ",\"where\":\"\"}", "twice");
    refused("{" MUST ",\"colour\":\"red\"}", "colour: no such setting");
    refused("{" MUST ",\"name\":\"other\"}", "name");
    refused("{" MUST ",\"title\":\"\"}", "title");
    refused("{" MUST ",\"title\":\"a\\nb\"}", "title");
    refused("{\"measure\":\"count\",\"threshold\":1}", "where");
    refused("{\"where\":\"categori = x\",\"each\":true}", "where: column 1");
    refused("{\"where\":\"category = a and\",\"each\":true}", "where: column 17");
    refused("{\"where\":\"created_at > now-1h\",\"each\":true}", "no now");
    refused("{\"where\":\"\",\"threshold\":1}", "measure");
    refused("{\"where\":\"\",\"measure\":\"count\"}", "threshold");
    refused("{\"where\":\"\",\"measure\":\"average\",\"threshold\":1}", "measure: one of count");
    refused("{" MUST ",\"op\":\"=\"}", "op: one of >=, >, <=, <");
    refused("{" MUST ",\"recover\":0.6}", "recover");
    refused("{" MUST ",\"op\":\"<\",\"recover\":0.4}", "recover");
    refused("{\"where\":\"\",\"measure\":\"negative_rate\",\"threshold\":60}", "between 0 and 1");
    refused("{\"where\":\"\",\"measure\":\"count\",\"threshold\":0}", "count of nothing");
    refused("{" MUST ",\"window\":\"30s\"}", "window");
    refused("{" MUST ",\"window\":\"90s\"}", "window");
    refused("{" MUST ",\"window\":\"8d\"}", "window");
    refused("{" MUST ",\"window\":60}", "window");
    refused("{" MUST ",\"min_samples\":0}", "min_samples");
    refused("{" MUST ",\"min_samples\":2.5}", "min_samples");
    refused("{" MUST ",\"severity\":\"urgent\"}", "severity: one of info, warning, critical");
    refused("{" MUST ",\"receivers\":[\"a b\"]}", "receivers");
    refused("{" MUST ",\"receivers\":[\"a\",\"a\"]}", "twice");
}

static void test_group_by(void **state)
{
    (void)state;
    refused("{" MUST ",\"group_by\":\"product\"}", "group_by");
    refused("{" MUST ",\"group_by\":[\"produkt\"]}", "group_by");
    refused("{" MUST ",\"group_by\":[\"created_at\"]}", "group_by: created_at");
    refused("{" MUST ",\"group_by\":[\"rating\"]}", "group_by: rating");
    refused("{" MUST ",\"group_by\":[\"product\",\"product\"]}", "twice");
    refused("{" MUST ",\"group_by\":[\"product\",\"agent\",\"team\",\"tag\"]}", "at most 3");
    struct alert_rule *r = parse("{" MUST ",\"group_by\":[\"attributes.grade\",\"segment\"]}");
    assert_int_equal(r->n_group_by, 2);
    assert_int_equal(r->group_by[0].field, WF_ATTRIBUTE);
    assert_true(span_is(r->group_by[0].key, "grade"));
    assert_int_equal(r->group_by[1].field, WF_SEGMENT);
}

static void test_each_has_no_measure(void **state)
{
    (void)state;
    refused("{\"where\":\"\",\"each\":true,\"measure\":\"count\"}", "measure: a rule with each");
    refused("{\"threshold\":1,\"where\":\"\",\"each\":true}", "threshold: a rule with each");
    refused("{\"where\":\"\",\"each\":1}", "each");
    assert_false(parse("{" MUST ",\"each\":false}")->each);
}

static void test_names(void **state)
{
    static const char *const bad[] = {
        "",    "-a",   "a b",
        "a/b", "이름", "0123456789012345678901234567890123456789012345678901234567890123"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct alert_rule *r;
        struct span message;
        assert_int_equal(
            alert_rule_parse(span_str(bad[i]), SPAN_LIT("{" MUST "}"), &arena, &r, &message),
            -EINVAL);
        assert_true(span_starts(message, SPAN_LIT("name")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_filled_in),
        cmocka_unit_test(test_canonical_is_canonical),
        cmocka_unit_test(test_refusals_name_the_member),
        cmocka_unit_test(test_group_by),
        cmocka_unit_test(test_each_has_no_measure),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
