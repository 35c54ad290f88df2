/* A mailbox: where its reading stands, what is asked, what servers answer. */
#include "tests/lib/test.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/connector.h"
#include "daemon/collect/mailbox.h"

/* --- the position --- */

static void position_is_kept(void **state)
{
    (void)state;
    struct mailbox_position p = {1795305600000, 0xfedcba9876543210, 4294967295, 17, 12}, back;
    struct buf b;
    buf_init(&b, MAILBOX_MAX_DOC);
    assert_int_equal(mailbox_print(&p, &b), 0);
    assert_int_equal(mailbox_parse(buf_span(&b), &back), 0);
    assert_true(back.start == p.start && back.of == p.of && back.validity == p.validity &&
                back.uid == p.uid && back.history == p.history);
    buf_done(&b);
#define DOC(v, start, validity, uid)                                                               \
    ("{\"v\":" v ",\"start\":" start ",\"validity\":" validity ",\"uid\":" uid ",\"history\":1}")
#define AT "\"2026-01-01T00:00:00Z\""
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        DOC("2", AT, "1", "1"),
        DOC("1", "\"x\"", "1", "1"),
        DOC("1", AT, "-1", "1"),
        DOC("1", AT, "1", "\"1\""),
        DOC("1", AT, "1", "4294967296"),
    };
    assert_int_equal(mailbox_parse(span_str(DOC("1", AT, "1", "1")), &back), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(mailbox_parse(span_str(bad[i]), &back), -EINVAL);
}

static void new_numbers_begin_anew(void **state)
{
    (void)state;
    struct mailbox_position p = {.start = 5};
    struct mailbox_status box = {7, 100};
    assert_true(mailbox_meet(&p, 1, &box));
    assert_true(p.validity == 7 && p.uid == 0 && p.history == 100 && p.start == 5);
    p.uid = 50;
    box.next = 200;
    assert_false(mailbox_meet(&p, 1, &box));
    assert_true(p.uid == 50 && p.history == 100);
    box.validity = 8;
    assert_true(mailbox_meet(&p, 1, &box));
    assert_true(p.uid == 0 && p.history == 200);
    p.uid = 50;
    assert_true(mailbox_meet(&p, 2, &box)); /* another mailbox */
    assert_int_equal(p.uid, 0);
}

static void windows(void **state)
{
    (void)state;
    static const struct {
        uint32_t uid, history, next, window;
        bool any;
        uint32_t from, to;
    } cases[] = {
        {0, 100, 100, 2000, true, 1, 99},
        {99, 100, 100, 2000, false, 0, 0},
        {150, 100, 100, 2000, false, 0, 0},   /* the server's counter went back */
        {99, 100, 120, 2000, true, 100, 119}, /* after history */
        {50, 100, 120, 2000, true, 51, 99},   /* not over its end */
        {0, 1, 1, 2000, false, 0, 0},         /* empty */
        {0, 10000, 10000, 2000, true, 1, 2000},
        {2000, 10000, 10000, 2000, true, 2001, 4000},
        {4294967000, 1, UINT32_MAX, 4000000000, true, 4294967001, 4294967294},
        {UINT32_MAX - 1, 1, UINT32_MAX, 2000, false, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mailbox_position p = {.uid = cases[i].uid, .history = cases[i].history};
        struct mailbox_status box = {1, cases[i].next};
        uint32_t from = 0, to = 0;
        bool any = mailbox_next(&p, &box, cases[i].window, &from, &to);
        if (any != cases[i].any || from != cases[i].from || to != cases[i].to)
            fail_msg("%zu: %d %" PRIu32 ":%" PRIu32, i, any, from, to);
    }
}

/* --- commands --- */

static void commands(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct mailbox_position p = {.start = INT64_C(1795305600000), .history = 10};
    static const struct {
        const char *name, *command;
    } names[] = {
        {"INBOX", "EXAMINE \"INBOX\""},
        {"A&B", "EXAMINE \"A&-B\""},
        {"say \"hi\"\\", "EXAMINE \"say \\\"hi\\\"\\\\\""},
        {"고객 의견", "EXAMINE \"&rOCsHQ- &x1isrA-\""},
        {"~peter/mail/台北/日本語", "EXAMINE \"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""}, /* RFC 3501 */
        {"😀", "EXAMINE \"&2D3eAA-\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct span got = mailbox_ask_examine(span_str(names[i].name), &a);
        if (!span_is(got, names[i].command))
            fail_msg("%s: %.*s", names[i].name, SPAN_FMT(got));
    }
    assert_true(span_is(mailbox_ask_uids(&p, 1, 9, &a), "UID SEARCH UID 1:9 SINCE 21-Nov-2026"));
    assert_true(span_is(mailbox_ask_uids(&p, 10, 20, &a), "UID SEARCH UID 10:20"));
    assert_true(span_is(mailbox_ask_message(4294967295, 1048576, &a),
                        "UID FETCH 4294967295 (INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.1048576>)"));
    arena_done(&a);
}

/* --- answers --- */

static void status(void **state)
{
    (void)state;
    struct mailbox_status s;
    assert_int_equal(mailbox_status(SPAN_LIT("* FLAGS (\\Seen)\r\n* 3 EXISTS\r\n"
                                             "* OK [UIDNEXT 4392] next\r\n"
                                             "* ok [uidvalidity 3857529045] valid\r\n"),
                                    &s),
                     0);
    assert_true(s.validity == 3857529045 && s.next == 4392);
    assert_int_equal(mailbox_status(SPAN_LIT("* OK [UIDVALIDITY 1] x\r\n"), &s), 0);
    assert_int_equal(s.next, UINT32_MAX);
    static const char *const bad[] = {"", "* 3 EXISTS\r\n", "* OK [UIDVALIDITY x]\r\n",
                                      "* OK [UIDVALIDITY 4294967296]\r\n",
                                      "* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 0]\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(mailbox_status(span_str(bad[i]), &s), -EPROTO);
}

static void uids(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int rc;
        const char *uids;
    } cases[] = {
        {"* SEARCH 5 3 4 3\r\n", 0, "3 4 5 "},
        {"* SEARCH\r\n", 0, ""},
        {"", 0, ""},
        {"* SEARCH \r\n", 0, ""},
        {"* 12 EXISTS\r\n* SEARCH 1 10 11 99\r\n* 13 EXISTS\r\n", 0, "10 11 "}, /* not asked for */
        {"* SEARCH 5\r\n* SEARCH 6\r\n", 0, "5 6 "},
        {"* SEARCH 5 x\r\n", -EPROTO, ""},
        {"* SEARCH 5 99999999999\r\n", -EPROTO, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static uint32_t found[MAILBOX_MAX_UIDS];
        char text[200] = "";
        size_t n = 0, at = 0;
        uint32_t from = i == 4 ? 10 : 1;
        assert_int_equal(mailbox_uids(span_str(cases[i].answer), from, 20, found, &n), cases[i].rc);
        for (size_t k = 0; k < n; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%" PRIu32 " ", found[k]);
        assert_string_equal(text, cases[i].uids);
    }
}

static void too_many_uids(void **state)
{
    (void)state;
    static uint32_t found[MAILBOX_MAX_UIDS];
    size_t n;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_str(&b, "* SEARCH");
    for (unsigned i = 1; i <= MAILBOX_MAX_UIDS; i++)
        buf_printf(&b, " %u", i);
    assert_int_equal(mailbox_uids(buf_span(&b), 1, UINT32_MAX, found, &n), 0);
    assert_int_equal(n, MAILBOX_MAX_UIDS);
    buf_str(&b, " 5000");
    assert_int_equal(mailbox_uids(buf_span(&b), 1, UINT32_MAX, found, &n), -E2BIG);
    buf_done(&b);
}

static void messages(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int rc;
        const char *bytes;
    } cases[] = {
        {"* 1 FETCH (UID 7 INTERNALDATE \"22-Nov-2026 09:10:11 +0900\" RFC822.SIZE 9 BODY[]<0> "
         "{5}\r\nhello)\r\n",
         0, "hello"},
        {"* 1 FETCH (BODY[] {5}\r\na)\r\n* UID 7)\r\n", 0, "a)\r\n*"},
        {"* 1 FETCH (BODY[] \"hi \\\"x\" UID 7)\r\n", 0, "hi \\\"x"},
        {"* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n", 0, ""},
        {"* 1 FETCH (UID 7 BODY[] NIL)\r\n", 0, ""},
        {"* 1 FETCH (FLAGS (\\Seen $x) UID 7 BODY[HEADER.FIELDS (FROM TO)] {1}\r\nx BODY[]<0> "
         "{2}\r\nhi)\r\n",
         0, "hi"},
        {"* 5 EXISTS\r\n* 2 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 7 BODY[] {2}\r\nhi)\r\n", 0,
         "hi"},
        {"* 1 FETCH (UID 6 BODY[] {2}\r\nno)\r\n* 2 FETCH (UID 7 BODY[] {2}\r\nhi)\r\n", 0, "hi"},
        {"* 1 FETCH (UID 6 BODY[] {2}\r\nno)\r\n", -ENOENT, NULL},
        {"* 1 FETCH (UID 7 FLAGS ())\r\n", -ENOENT, NULL},
        {"", -ENOENT, NULL},
        {"* 3 EXPUNGE\r\n", -ENOENT, NULL},
        {"* 1 FETCH (UID 7 BODY[] {99}\r\nshort)\r\n", -EPROTO, NULL},
        {"* 1 FETCH (UID 7 BODY[] {5}", -EPROTO, NULL},
        {"* 1 FETCH (UID 7 BODY[] \"open\r\n", -EPROTO, NULL},
        {"* 1 FETCH (UID 7 (((((", -EPROTO, NULL},
        {"* 1 FETCH (UID", -EPROTO, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mailbox_message m = {0};
        int rc = mailbox_message(span_str(cases[i].answer), 7, &m);
        if (rc != cases[i].rc || (rc == 0 && !span_is(m.bytes, cases[i].bytes)))
            fail_msg("%zu: %d \"%.*s\"", i, rc, SPAN_FMT(m.bytes));
    }
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *text, *at; /* NULL: none */
    } cases[] = {
        {"22-Nov-2026 09:10:11 +0900", "2026-11-22T00:10:11Z"},
        {" 2-Jan-2026 09:10:11 -0130", "2026-01-02T10:40:11Z"},
        {"31-Feb-2026 09:10:11 +0000", NULL},
        {"1-Foo-2026 09:10:11 +0000", NULL},
        {"yesterday", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char answer[160];
        int64_t at = NO_TIME;
        struct mailbox_message m;
        snprintf(answer, sizeof answer, "* 1 FETCH (UID 7 INTERNALDATE \"%s\" BODY[] {1}\r\nx)\r\n",
                 cases[i].text);
        assert_int_equal(mailbox_message(span_str(answer), 7, &m), 0);
        if (cases[i].at)
            assert_int_equal(time_parse_rfc3339(span_str(cases[i].at), &at), 0);
        assert_int_equal(m.arrived, at);
    }
}

/* Whatever comes, it ends, and what it points at lies in the answer. */
static void any_answer(void **state)
{
    (void)state;
    static const char *const scraps[] = {"* ",
                                         "1 ",
                                         "FETCH (",
                                         "UID 7",
                                         "BODY[]",
                                         "<0>",
                                         " ",
                                         "{3}\r\n",
                                         "{99}",
                                         "\"",
                                         "(",
                                         ")",
                                         "\r\n",
                                         "\n",
                                         "x",
                                         "NIL",
                                         "SEARCH",
                                         " 5",
                                         "OK [UIDVALIDITY 3]",
                                         "\\",
                                         "[",
                                         "]",
                                         "INTERNALDATE "};
    static uint32_t found[MAILBOX_MAX_UIDS];
    test_seed();
    for (size_t i = 0, n = test_rounds(200000, 20000000); i < n; i++) {
        char answer[512] = "* 1 FETCH (";
        size_t n_uids;
        struct mailbox_message m;
        struct mailbox_status box;
        size_t at = test_below(2) * strlen(answer);
        for (size_t k = test_below(20); k > 0; k--)
            at += (size_t)snprintf(answer + at, sizeof answer - at, "%s",
                                   scraps[test_below(ARRAY_LEN(scraps))]);
        struct span s = span_of(answer, at);
        if (mailbox_message(s, 7, &m) == 0 && m.bytes.n > 0)
            assert_true(m.bytes.p >= answer && m.bytes.p + m.bytes.n <= answer + at);
        mailbox_uids(s, 1, 10, found, &n_uids);
        mailbox_status(s, &box);
    }
}

/* --- the connector --- */

static void connectors(void **state)
{
    (void)state;
#define BEGIN "connector: c\ncfg: {host: null}\nbase: imaps://{{cfg.host}}\n"
#define AUTH "auth: {basic: {user: u, pass: \"{{secret.p}}\"}}\n"
    static const struct {
        const char *text, *problem; /* NULL: none */
    } cases[] = {
        {BEGIN AUTH "mailbox: INBOX\n", NULL},
        {BEGIN AUTH "mailbox: {name: \"{{cfg.host}}\", automatic: keep, max_message: 64KiB}\n",
         NULL},
        {BEGIN "mailbox: INBOX\n", "a mailbox needs auth: {basic: {user, pass}}"},
        {BEGIN "auth: {bearer: x}\nmailbox: INBOX\n", "a mailbox needs auth"},
        {BEGIN AUTH "mailbox: {automatic: keep}\n", "name is missing here"},
        {BEGIN AUTH "mailbox: {name: INBOX, max_message: 8MiB}\n", "max_response must be"},
        {BEGIN AUTH "mailbox: INBOX\nheaders: {A: b}\n",
         "headers: is of no meaning with a mailbox"},
        {BEGIN AUTH "mailbox: INBOX\nstreams: []\n", "streams: is of no meaning with a mailbox"},
        {BEGIN AUTH "mailbox: INBOX\nstreams:\n- {name: a, request: {path: /a}, records: $, map: "
                    "{external_id: $.id}}\n- {name: mailbox, request: {path: /b}, records: $, "
                    "map: {external_id: $.id}}\n",
         "streams: is of no meaning with a mailbox"},
        {BEGIN AUTH, "streams is missing here, or mailbox"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf messages;
        struct connector *c = NULL;
        buf_init(&messages, 65536);
        int rc = connector_read(SPAN_LIT("c.yaml"), span_str(cases[i].text), &messages, &c);
        if (!cases[i].problem) {
            assert_int_equal(rc, 0);
            assert_true(c->mailbox.max_message > 0 && c->n_streams == 1);
        } else if (rc != -EINVAL || !strstr(messages.p, cases[i].problem)) {
            fail_msg("%zu: %d %s", i, rc, messages.n ? messages.p : "");
        }
        connector_free(c);
        buf_done(&messages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(position_is_kept),
        cmocka_unit_test(new_numbers_begin_anew),
        cmocka_unit_test(windows),
        cmocka_unit_test(commands),
        cmocka_unit_test(status),
        cmocka_unit_test(uids),
        cmocka_unit_test(too_many_uids),
        cmocka_unit_test(messages),
        cmocka_unit_test(dates),
        cmocka_unit_test(any_answer),
        cmocka_unit_test(connectors),
    };
    return cmocka_run_group_tests_name("collect/mailbox", tests, NULL, NULL);
}
