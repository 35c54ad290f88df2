/* connector.h, template.h, expr.h, upstream.h, decode.h: what connector files say, without a
 * network. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/decode.h"
#include "daemon/collect/upstream.h"
#include "daemon/format/html.h"
#include "tests/lib/test.h"

#define NOW INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

/* --- templates --- */

static bool get(void *ctx, enum template_scope scope, struct span name, struct template_value *ret)
{
    (void)ctx;
    if (scope == SCOPE_CURSOR && span_is(name, "time"))
        ret->time = NOW + 123;
    else if (scope == SCOPE_CFG && span_is(name, "host"))
        ret->text = SPAN_LIT("a b/ㄱ");
    else
        return false;
    return true;
}

static void test_templates(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain, *escaped;
    } cases[] = {
        {"x", "x", "x"},
        {"/{{cfg.host}}/{{ cfg.host | upper }}", "/a b/ㄱ/A B/ㄱ",
         "/a%20b%2F%E3%84%B1/A%20B%2F%E3%84%B1"},
        {"{{cursor.time}}", "2026-11-22T00:00:00.123Z", NULL},
        {"{{cursor.time|unix}} {{cursor.time|unix_ms}} {{cursor.time|number}}",
         "1795305600 1795305600123 1795305600", NULL},
        {"{{cursor.time|date:Asia/Seoul}}T{{cursor.time|minute}}", "2026-11-22T2026-11-22 00:00",
         NULL},
        {"{{cursor.time|datetime:Asia/Seoul}}", "2026-11-22 09:00:00", NULL},
        {"{{cursor.time|local}} {{cursor.time|iso_ms}}",
         "2026-11-22T00:00:00 2026-11-22T00:00:00.123Z", NULL},
    };
    struct template_env env = {get, NULL};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct template t;
        struct buf out;
        char why[200];
        arena_init(&a, 0);
        buf_init(&out, 0);
        if (template_read(span_str(cases[i].text), ~0U, &a, &t, why, sizeof why) < 0)
            fail_msg("%s: %s", cases[i].text, why);
        assert_int_equal(template_expand(&t, &env, ESCAPE_NONE, &out, NULL), 0);
        assert_string_equal(out.p, cases[i].plain);
        buf_reset(&out);
        assert_int_equal(template_expand(&t, &env, ESCAPE_HOLES, &out, NULL), 0);
        if (cases[i].escaped)
            assert_string_equal(out.p, cases[i].escaped);
        buf_done(&out);
        arena_done(&a);
    }
}

static void test_bad_templates(void **state)
{
    (void)state;
    static const char *const bad[] = {"{{",
                                      "{{cfg}}",
                                      "{{cfg.}}",
                                      "{{host.x}}",
                                      "{{cursor.x}}",
                                      "{{cfg.a|b}}",
                                      "{{cfg.a b}}",
                                      "{{page.tokens}}",
                                      "{{cursor.time|unix:UTC}}",
                                      "{{cursor.time|date:Mars/Base}}",
                                      "{{record.x}}"};
    struct arena a;
    struct template t;
    char why[200];
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(
            template_read(span_str(bad[i]), ~SCOPE_BIT(SCOPE_RECORD), &a, &t, why, sizeof why),
            -EINVAL);
    struct template_env env = {get, NULL};
    struct buf out;
    const struct template_piece *missing;
    buf_init(&out, 0);
    assert_int_equal(template_read(SPAN_LIT("a{{cfg.none}}"), ~0U, &a, &t, why, sizeof why), 0);
    assert_int_equal(template_expand(&t, &env, ESCAPE_NONE, &out, &missing), -ENOENT);
    assert_true(span_is(missing->text, "none"));
    assert_int_equal(template_read(SPAN_LIT("{{cfg.host|unix}}"), ~0U, &a, &t, why, sizeof why), 0);
    assert_int_equal(template_expand(&t, &env, ESCAPE_NONE, &out, NULL), -EINVAL);
    buf_done(&out);
    arena_done(&a);
}

/* --- conditions --- */

static void test_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int expected; /* -1: no condition */
    } cases[] = {
        {"$.t", 1},
        {"$.f", 0},
        {"$.zero", 0},
        {"$.one", 1},
        {"$.empty", 0},
        {"$.list", 1},
        {"$.none", 0},
        {"$.nil", 0},
        {"not $.none", 1},
        {"not $.t", 0},
        {"$.word = 'hi'", 1},
        {"$.word = \"ho\"", 0},
        {"$.word != 'ho'", 1},
        {"$.one = 1", 1},
        {"$.num = 7", 1},
        {"$.num = '7'", 1},
        {"$.num = '07'", 0},
        {"$.one < 2", 1},
        {"$.one >= 2", 0},
        {"$.num > 6.5", 1},
        {"$.nil = null", 1},
        {"$.none = null", 1},
        {"$.t != null", 1},
        {"$.t = true", 1},
        {"$.f = false", 1},
        {"$.f = true", 0},
        {"$.t and $.f or $.one", 1},
        {"$.t and ($.f or $.zero)", 0},
        {"not ($.f or $.zero)", 1},
        {"$.o['a b'] = 3", 1},
        {"$.o[\"a b\"]=3", 1},
        {"$.list[1] = 2", 1},
        {"true", 1},
        {"$.word < 'hj'", 1},
        {"$.list < 3", 0},
        {"$.none < 3", 0},
        {"", -1},
        {"$.a =", -1},
        {"$.a = = 1", -1},
        {"$.a[*]", -1},
        {"($.a", -1},
        {"$.a)", -1},
        {"'a", -1},
        {"$.a and", -1},
        {"not", -1},
        {"a = 1", -1},
    };
    json_t *root = json_loads(
        "{\"t\":true,\"f\":false,\"zero\":0,\"one\":1,\"empty\":\"\",\"list\":[1,2],\"nil\":null,"
        "\"word\":\"hi\",\"num\":\"7\",\"o\":{\"a b\":3}}",
        0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct expr *e = NULL;
        size_t column;
        const char *why;
        arena_init(&a, 0);
        int rc = expr_read(span_str(cases[i].text), &a, &e, &column, &why);
        int got = rc < 0 ? -1 : expr_test(e, root);
        if (got != cases[i].expected)
            fail_msg("%s: expected %d, got %d", cases[i].text, cases[i].expected, got);
        arena_done(&a);
    }
    json_decref(root);
}

/* The place is in the text, or just past its end. */
static void test_where_a_condition_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n, column;
    } cases[] = {{"(", 1, 2},      {"((((", 4, 5},   {"($.a", 4, 5},
                 {"$.a = ", 6, 7}, {"$.a\0=", 5, 6}, {"1\0", 2, 2}};
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct expr *e;
        size_t column = 0;
        const char *why;
        struct span text = span_of(cases[i].text, cases[i].n);
        assert_int_equal(expr_read(text, &a, &e, &column, &why), -EINVAL);
        assert_int_equal(column, cases[i].column);
    }
    arena_done(&a);
}

static void test_deep_conditions_are_refused(void **state)
{
    (void)state;
    char text[4000];
    struct arena a;
    struct expr *e;
    size_t column;
    const char *why;
    arena_init(&a, 0);
    memset(text, '(', sizeof text);
    assert_int_equal(expr_read(span_of(text, sizeof text), &a, &e, &column, &why), -EINVAL);
    for (size_t i = 0; i + 4 <= sizeof text; i += 4)
        memcpy(text + i, "not ", 4);
    assert_int_equal(expr_read(span_of(text, sizeof text), &a, &e, &column, &why), -EINVAL);
    arena_done(&a);
}

/* --- answers --- */

static struct fetch_response answer(int status, const char *name, const char *value)
{
    static struct pair header;
    header = (struct pair){span_str(name), span_str(value)};
    return (struct fetch_response){
        .status = status, .message = "", .headers = &header, .n_headers = name ? 1 : 0};
}

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *name, *value;
        enum upstream_what what;
        int64_t wait;
    } cases[] = {
        {200, NULL, NULL, UPSTREAM_ANSWER, -1},
        {204, NULL, NULL, UPSTREAM_ANSWER, -1},
        {301, "location", "https://x", UPSTREAM_FAIL, -1},
        {401, NULL, NULL, UPSTREAM_FAIL, -1},
        {404, NULL, NULL, UPSTREAM_FAIL, -1},
        {408, NULL, NULL, UPSTREAM_RETRY, -1},
        {429, "retry-after", "7", UPSTREAM_RETRY, 7000},
        {429, "retry-after", "Sun, 22 Nov 2026 00:00:30 GMT", UPSTREAM_RETRY, 30000},
        {429, "retry-after", "Sun, 22 Nov 2020 00:00:30 GMT", UPSTREAM_RETRY, 0},
        {429, "retry-after", "-5", UPSTREAM_RETRY, 0},
        {429, "retry-after", "99999999999999999", UPSTREAM_RETRY, MS_DAY},
        {429, "retry-after", "soon", UPSTREAM_RETRY, -1},
        {503, "retry-after", "1", UPSTREAM_RETRY, 1000},
        {400, NULL, NULL, UPSTREAM_IGNORE, -1}, /* by rule */
        {409, "x-wait", "1500", UPSTREAM_RETRY, 1500},
        {410, "x-reset", "1795305660", UPSTREAM_RETRY, 60000},
    };
    static const struct error_rule rules[] = {
        {.status = {400}, .n_status = 1, .action = DO_IGNORE},
        {.status = {409},
         .n_status = 1,
         .action = DO_RETRY,
         .wait_header = SPAN_LIT("x-wait"),
         .unit = WAIT_MS},
        {.status = {410},
         .n_status = 1,
         .action = DO_RETRY,
         .wait_header = SPAN_LIT("x-reset"),
         .unit = WAIT_UNIX},
    };
    struct connector c = {.errors = rules, .n_errors = ARRAY_LEN(rules)};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch_response r = answer(cases[i].status, cases[i].name, cases[i].value);
        struct upstream_verdict v = upstream_judge(&c, &r, NOW);
        if (v.what != cases[i].what || v.wait_ms != cases[i].wait)
            fail_msg("case %zu: %d, wait %lld", i, (int)v.what, (long long)v.wait_ms);
    }
    struct fetch_response lost = {.error = -EMSGSIZE, .message = "large"};
    assert_int_equal(upstream_judge(&c, &lost, NOW).what, UPSTREAM_FAIL);
    lost.error = -ETIMEDOUT;
    assert_int_equal(upstream_judge(&c, &lost, NOW).what, UPSTREAM_RETRY);
}

static void test_backoff_and_budget(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 40; n++) {
        int64_t wait = upstream_backoff(1000, 60000, n, test_rand());
        int64_t most = n < 7 ? 1000 << (n - 1) : 60000;
        most = most > 60000 ? 60000 : most;
        assert_in_range(wait, most / 2, most);
    }
    struct budget b = {0};
    struct rate rate = {.n = 10, .per_ms = MS_MINUTE};
    int64_t now = 1000, sent = 0;
    for (; now < 1000 + 10 * MS_MINUTE; now += 50)
        sent += budget_take(&b, &rate, now) == 0;
    assert_in_range(sent, 108, 111); /* ten at once, then one in six seconds */
    assert_in_range(budget_take(&b, &rate, now), 1, 6001);
    budget_block(&b, now, 90000);
    assert_int_equal(budget_take(&b, &rate, now + 1), 89999);
    struct budget none = {0};
    struct rate free_of = {0};
    assert_int_equal(budget_take(&none, &free_of, 5), 0);
    struct rate told = {
        .remaining = SPAN_LIT("x-left"), .reset = SPAN_LIT("x-reset"), .reset_unit = WAIT_SECONDS};
    struct fetch_response r = answer(200, "x-left", "3");
    budget_note(&none, &told, &r, NOW, 100);
    assert_int_equal(budget_take(&none, &told, 100), 0);
    r = answer(200, "x-left", "0");
    budget_note(&none, &told, &r, NOW, 100);
    assert_int_equal(budget_take(&none, &told, 100), MS_SECOND);
}

/* --- decoding --- */

static void expect(json_t *v, const char *expected)
{
    char *got = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    assert_string_equal(got, expected);
    free(got);
    json_decref(v);
}

static void test_xml(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "text",
        "<!DOCTYPE a [<!ENTITY x \"boom\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<a>&nothing;</a>"};
    json_t *v;
    char why[200];
    assert_int_equal(decode_xml(SPAN_LIT("<f><e id='1'><t>하나 &amp; 둘</t><x/></e><e>2</e>tail"
                                         "<![CDATA[<b>]]></f>"),
                                &v, why, sizeof why),
                     0);
    expect(v, "{\"f\":{\"#text\":\"tail<b>\",\"e\":[{\"@id\":\"1\",\"t\":\"하나 & 둘\",\"x\":null},"
              "\"2\"]}}");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (decode_xml(span_str(bad[i]), &v, why, sizeof why) != -EPROTO)
            fail_msg("taken: %s", bad[i]);
    char deep[4000];
    for (size_t i = 0; i + 3 <= sizeof deep; i += 3)
        memcpy(deep + i, "<a>", 3);
    assert_int_equal(decode_xml(span_of(deep, sizeof deep), &v, why, sizeof why), -EPROTO);
}

static void test_csv(void **state)
{
    (void)state;
    json_t *v;
    char why[200];
    assert_int_equal(
        decode_csv(SPAN_LIT("\xef\xbb\xbfid,text\n1,\"a,b\"\n2,\n"), &v, why, sizeof why), 0);
    expect(v, "[{\"id\":\"1\",\"text\":\"a,b\"},{\"id\":\"2\"}]");
    assert_int_equal(decode_csv(SPAN_LIT("id,text\n"), &v, why, sizeof why), 0);
    expect(v, "[]");
}

static void test_html(void **state)
{
    (void)state;
    static const struct {
        const char *html, *text;
    } cases[] = {
        {"plain", "plain"},
        {"<p>배송이 <b>늦어요</b></p><p>환불&nbsp;요청</p>", "배송이 늦어요\n\n환불 요청"},
        {"a<br>b<br/>c", "a\nb\nc"},
        {"<style>p{}</style><script>if (a<b) x()</script>x<!-- y -->z", "xz"},
        {"<ul><li>하나</li><li>둘</li></ul>", "- 하나\n- 둘"},
        {"1 &lt; 2 &amp;&#44032;&#xAC01; &bogus; &#0; &", "1 < 2 &가각 &bogus; &#0; &"},
        {"a < b and c > d", "a < b and c > d"},
        {"<td>a</td><td>b</td>", "a b"},
        {"<a href=\"x>y\">link</a>", "link"},
        {"open <b", "open"},
        {"<script>never ends", ""},
        {"  \n two   words \n", "two words"},
        {"<div><div>x</div></div><div>y</div>", "x\ny"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 0);
        assert_int_equal(html_text(span_str(cases[i].html), &out), 0);
        if (!span_is(buf_span(&out), cases[i].text) && !(out.n == 0 && !*cases[i].text))
            fail_msg("%s: got \"%.*s\"", cases[i].html, (int)out.n, out.p);
        buf_done(&out);
    }
    assert_true(html_is(SPAN_LIT("a<br>b")));
    assert_true(html_is(SPAN_LIT("<p>x</p>")));
    assert_false(html_is(SPAN_LIT("a < b > c")));
    assert_false(html_is(SPAN_LIT("price <100")));
}

/* --- files --- */

static void test_a_whole_file(void **state)
{
    (void)state;
    static const char text[] =
        "connector: zendesk\n"
        "base: https://{{cfg.subdomain}}.zendesk.com\n"
        "auth: {basic: {user: \"{{cfg.email}}/token\", pass: \"{{secret.key}}\"}}\n"
        "rate: {budget: 10/1m}\n"
        "errors: [{status: 429, do: retry, wait: {header: Retry-After}}, {status: [401, 403], do: "
        "fail}]\n"
        "streams:\n"
        "- name: tickets\n"
        "  request: {path: /api/v2/incremental/tickets/cursor.json,\n"
        "            first: {start_time: \"{{cursor.start|unix}}\"}, resume: {cursor: "
        "\"{{cursor.value}}\"}}\n"
        "  records: $.tickets[*]\n"
        "  page: {next_url: $.after_url}\n"
        "  stop: $.end_of_stream\n"
        "  cursor: {opaque: $.after_cursor, lag: 60s}\n"
        "  map: {external_id: $.id, conversation: $.id, kind: =ticket, channel: $.via.channel,\n"
        "        created_at: $.created_at, updated_at: $.updated_at, customer.id: $.requester_id,\n"
        "        title: $.subject, text: $.description, status: $.status, agent: $.assignee_id,\n"
        "        tags: $.tags, url: $.url,\n"
        "        answers.csat: {path: $.satisfaction_rating.score, enum: {good: 5, bad: 1}, scale: "
        "5}}\n";
    struct buf messages;
    struct connector *c = NULL;
    buf_init(&messages, 0);
    int rc = connector_read(SPAN_LIT("z.yaml"), span_str(text), &messages, &c);
    if (rc < 0)
        fail_msg("%s", messages.p ? messages.p : "?");
    assert_int_equal(c->rate.n, 10);
    assert_int_equal(c->n_streams, 1);
    assert_int_equal(c->n_needs, 3);
    const struct stream *s = &c->streams[0];
    assert_int_equal(s->cursor.kind, CURSOR_OPAQUE);
    assert_int_equal(s->cursor.lag_ms, 60000);
    assert_int_equal(s->n_map, 14);
    connector_free(c);
    buf_done(&messages);
}

/* "https://desk.example.com" and "x/1" would be another host. */
static void test_paths_begin_with_a_slash(void **state)
{
    (void)state;
    static const struct {
        const char *request, *child;
        bool sound;
    } cases[] = {{"/a", "/{{record.id}}", true},   {"a", "/b", false},
                 {"/a", "x/{{record.id}}", false}, {"/a", "{{record.url}}", false},
                 {"'{{cfg.where}}'", "/b", false}, {"/a", ".example.org/", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[400];
        struct buf messages;
        struct connector *c = NULL;
        buf_init(&messages, 0);
        snprintf(text, sizeof text,
                 "connector: x\nbase: https://desk.example.com\nstreams:\n- name: s\n"
                 "  request: {path: %s}\n  records: $[*]\n"
                 "  hydrate: [{into: d, path: '%s'}]\n  map: {external_id: $.id}\n",
                 cases[i].request, cases[i].child);
        int rc = connector_read(SPAN_LIT("p.yaml"), span_str(text), &messages, &c);
        if ((rc == 0) != cases[i].sound)
            fail_msg("%s, %s: %d %s", cases[i].request, cases[i].child, rc, messages.p);
        if (rc < 0)
            assert_non_null(strstr(messages.p, "path must begin with /"));
        connector_free(c);
        buf_done(&messages);
    }
}

/* Every prefix and many mangled copies: told or taken, never worse. */
static void test_mangled_files(void **state)
{
    (void)state;
    static const char text[] = "connector: x\nbase: http://a\nstreams:\n- name: s\n"
                               "  request: {path: /a, body: {a: [1, \"{{page.token}}\"]}}\n"
                               "  records: {path: $.r[*], as_list: true}\n  page: {token: $.t}\n"
                               "  hydrate: [{into: d, path: \"/{{record.id}}\"}]\n"
                               "  partition: [a, b]\n  map: {external_id: $.id}\n";
    char copy[sizeof text];
    for (size_t i = 0; i < test_rounds(2000, 100000); i++) {
        struct buf messages;
        struct connector *c = NULL;
        memcpy(copy, text, sizeof text);
        size_t n = test_below(4) ? sizeof text - 1 : test_below(sizeof text);
        for (unsigned k = 0; k < 3; k++)
            copy[test_below(sizeof text - 1)] = " {}[]:-,\"'$.*|\nax0\t#"[test_below(21)];
        buf_init(&messages, 0);
        int rc = connector_read(SPAN_LIT("m.yaml"), span_of(copy, n), &messages, &c);
        assert_true(rc == 0 || (rc == -EINVAL && messages.n > 0));
        connector_free(c);
        buf_done(&messages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_bad_templates),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_where_a_condition_is_wrong),
        cmocka_unit_test(test_deep_conditions_are_refused),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_backoff_and_budget),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_paths_begin_with_a_slash),
        cmocka_unit_test(test_mangled_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
