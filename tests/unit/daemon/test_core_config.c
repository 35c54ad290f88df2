#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/config.h"

#define EXAMPLE "systemd/vocd.yaml.example"
#define KEY "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

/* --- a directory with a vocd.yaml --- */

static const char *dir;

static void put(const char *name, const char *text, size_t n, mode_t mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text), 0600);
}

static int new_dir(void **state)
{
    (void)state;
    char path[512];
    dir = test_dir();
    snprintf(path, sizeof path, "%s/conf.d", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/secrets", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/presets", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    return 0;
}

static const char *main_path(void)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/vocd.yaml", dir);
    return path;
}

static struct config *load(const char *text)
{
    struct config *c = NULL;
    struct buf messages;
    buf_init(&messages, 0);
    if (text)
        put_text("vocd.yaml", text);
    int rc = config_load(main_path(), &messages, &c);
    if (rc != 0)
        fail_msg("%d:\n%s", rc, messages.p ? messages.p : "");
    assert_int_equal(messages.n, 0);
    buf_done(&messages);
    return c;
}

/* The messages of a file that must not load, with the directory cut off. */
static const char *refuse(const char *text)
{
    static char out[16384];
    struct config *c = NULL;
    struct buf messages;
    size_t n = 0, skip = strlen(dir) + 1;
    buf_init(&messages, 0);
    if (text)
        put_text("vocd.yaml", text);
    int rc = config_load(main_path(), &messages, &c);
    if (rc != -EINVAL)
        fail_msg("%d for:\n%s", rc, text ? text : "");
    assert_null(c);
    for (const char *p = messages.p; *p && n + 1 < sizeof out;) {
        if (strncmp(p, dir, skip - 1) == 0 && p[skip - 1] == '/')
            p += skip;
        else
            out[n++] = *p++;
    }
    out[n] = '\0';
    buf_done(&messages);
    return out;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no\n%s\nin\n%s", part, text);
}

/* --- what is read --- */

static void nothing_gives_the_defaults(void **state)
{
    (void)state;
    struct config *c = load("");
    assert_true(span_is(c->state, "/var/lib/vocd"));
    assert_true(span_is(c->http.address, "127.0.0.1"));
    assert_int_equal(c->http.port, 8642);
    assert_int_equal(c->http.max_connections, 4096);
    assert_int_equal(c->http.max_header, 16 << 10);
    assert_int_equal(c->http.max_body, 8 << 20);
    assert_int_equal(c->http.max_stream, 1 << 30);
    assert_int_equal(c->http.header_timeout_ms, 10000);
    assert_int_equal(c->http.body_timeout_ms, 60000);
    assert_int_equal(c->http.idle_timeout_ms, 75000);
    assert_int_equal(c->http.stream_timeout_ms, 30 * MS_MINUTE);
    assert_int_equal(c->http.min_rate, 512);
    assert_int_equal(c->intake.queue_bytes, 64 << 20);
    assert_int_equal(c->intake.batch_bytes, 8 << 20);
    assert_int_equal(c->intake.max_text, 64 << 10);
    assert_int_equal(c->intake.max_id, 512);
    assert_int_equal(c->intake.max_attributes, 64);
    assert_int_equal(c->intake.max_attribute_bytes, 8 << 10);
    assert_int_equal(c->intake.max_future_ms, 10 * MS_MINUTE);
    assert_int_equal(c->auth.failure_window_ms, MS_MINUTE);
    assert_int_equal(c->auth.max_failures, 20);
    assert_int_equal(c->auth.session_ms, 12 * MS_HOUR);
    assert_true(c->store.map_size == (size_t)64 << 30);
    assert_int_equal(c->store.ballast, 16 << 20);
    assert_null(c->proxy.p);
    assert_int_equal(c->n_workspaces, 0);
    config_unref(c);
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    put_text("secrets/hook", KEY "\n  c2Vjb25kc2VjcmV0c2Vjb25k  \n\n");
    put_text("secrets/recv", KEY "\n");
    setenv("VOC_TEST_URL", "https://hooks.slack.com/services/T0/B0/xyz", 1);
    struct config *c = load("state: data\n"
                            "timezone: America/New_York\n"
                            "proxy: socks5h://127.0.0.1:1080\n"
                            "log: {level: debug, format: json}\n"
                            "http:\n"
                            "  port: 0\n"
                            "  hosts: [voc.example.com, \"다른.kr\"]\n"
                            "  max_body: 1 MiB\n"
                            "  idle_timeout: 500ms\n"
                            "workspaces:\n"
                            "- id: acme\n"
                            "  name: 에이크미\n"
                            "  hooks:\n"
                            "  - source: zendesk\n"
                            "    scheme: standard\n"
                            "    secret_file: secrets/hook\n"
                            "    tolerance: 1m\n"
                            "    records: $.tickets[*]\n"
                            "    map:\n"
                            "      external_id: $.id\n"
                            "      kind: =ticket\n"
                            "      answers.csat: {path: $.s, enum: {good: 5, bad: 1}, scale: 5}\n"
                            "  receivers:\n"
                            "  - {name: a, type: webhook, url: 'http://127.0.0.1:1/x', "
                            "secret_file: secrets/recv, severities: [critical], "
                            "allow_private: true, send_resolved: false}\n"
                            "  - {name: b, type: slack, url_env: VOC_TEST_URL, timeout: 3s}\n"
                            "- id: b-2\n"
                            "  timezone: UTC\n");
    char path[512];
    snprintf(path, sizeof path, "%s/data", dir);
    assert_true(span_is(c->state, path));
    assert_true(span_is(c->proxy, "socks5h://127.0.0.1:1080"));
    assert_true(span_is(c->log.level, "debug") && span_is(c->log.format, "json"));
    assert_int_equal(c->http.port, 0);
    assert_int_equal(c->http.n_hosts, 2);
    assert_true(span_is(c->http.hosts[1], "다른.kr"));
    assert_int_equal(c->http.max_body, 1 << 20);
    assert_int_equal(c->http.idle_timeout_ms, 500);
    assert_int_equal(c->n_workspaces, 2);
    const struct config_workspace *w = config_workspace(c, SPAN_LIT("acme"));
    assert_ptr_equal(w, &c->workspaces[0]);
    assert_null(config_workspace(c, SPAN_LIT("acm")));
    assert_true(span_is(w->name, "에이크미") && span_is(w->timezone, "America/New_York"));
    assert_true(span_is(c->workspaces[1].name, "b-2") && span_is(c->workspaces[1].timezone, "UTC"));
    assert_int_equal(w->n_hooks, 1);
    const struct config_hook *h = w->hooks;
    assert_int_equal(h->scheme, HOOK_NAMED);
    assert_string_equal(h->signature->name, "standard");
    assert_int_equal(h->n_secrets, 2);
    assert_true(span_is(h->secrets[0], KEY) && span_is(h->secrets[1], "c2Vjb25kc2VjcmV0c2Vjb25k"));
    assert_int_equal(h->tolerance_ms, MS_MINUTE);
    assert_true(span_is(h->records, "$.tickets[*]"));
    assert_int_equal(h->n_map, 3);
    assert_true(span_is(h->map[0].path, "$.id") && !h->map[0].value.p);
    assert_true(span_is(h->map[1].value, "ticket") && !h->map[1].path.p);
    assert_int_equal(h->map[2].n_cases, 2);
    assert_true(span_is(h->map[2].cases[1].key, "bad") && span_is(h->map[2].cases[1].value, "1"));
    assert_true(h->map[2].scale == 5);
    assert_int_equal(w->n_receivers, 2);
    assert_true(span_is(w->receivers[0].secret, KEY));
    assert_int_equal(w->receivers[0].timeout_ms, 10000);
    assert_true(w->receivers[0].allow_private && !w->receivers[0].send_resolved);
    assert_int_equal(w->receivers[0].n_severities, 1);
    assert_int_equal(w->receivers[1].type, RECEIVER_SLACK);
    assert_true(span_is(w->receivers[1].url, "https://hooks.slack.com/services/T0/B0/xyz"));
    assert_int_equal(w->receivers[1].timeout_ms, 3000);
    assert_true(w->receivers[1].send_resolved);
    struct config *again = config_ref(c);
    config_unref(c);
    assert_true(span_is(again->workspaces[0].id, "acme"));
    config_unref(again);
    config_unref(NULL);
}

static void files_of_conf_d_are_joined(void **state)
{
    (void)state;
    put_text("conf.d/20-hooks.yaml", "workspaces:\n- id: acme\n  hooks:\n"
                                     "  - {source: shop, scheme: none}\n"
                                     "  receivers:\n"
                                     "  - {name: b, type: webhook, url: http://b/}\n");
    put_text("conf.d/10-more.yaml", "http: {max_body: 2MiB}\nworkspaces:\n- {id: other}\n");
    put_text("conf.d/.hidden.yaml", "nonsense: 1\n");
    put_text("conf.d/readme.txt", "nonsense: 1\n");
    struct config *c = load("http: {port: 9000}\nworkspaces:\n- id: acme\n  name: A\n"
                            "  receivers:\n  - {name: a, type: webhook, url: http://a/}\n");
    assert_int_equal(c->http.port, 9000);
    assert_int_equal(c->http.max_body, 2 << 20);
    assert_int_equal(c->n_workspaces, 2);
    const struct config_workspace *w = config_workspace(c, SPAN_LIT("acme"));
    assert_int_equal(w->n_hooks, 1);
    assert_int_equal(w->n_receivers, 2);
    assert_true(span_is(w->receivers[1].name, "b"));
    assert_true(span_is(w->name, "A"));
    config_unref(c);

    put_text("conf.d/30-again.yaml",
             "# again\nhttp:\n  port: 1\nworkspaces:\n- id: acme\n  name: B\n  hooks:\n"
             "  - {source: shop, scheme: none}\n");
    const char *said = refuse(NULL);
    assert_has(said, "conf.d/30-again.yaml:3:3: http.port is given twice; first at vocd.yaml:1\n"
                     "      port: 1\n"
                     "      ^\n");
    assert_has(said, "conf.d/30-again.yaml:6:3: workspaces.name is given twice; first at "
                     "vocd.yaml:4\n");
    assert_has(said, "conf.d/30-again.yaml:8:14: workspaces.hooks.source: \"shop\" is there twice");
}

static void settings_win_over_files(void **state)
{
    (void)state;
    const char *good[] = {"http.port=9001", "state=/tmp/elsewhere", "log.level=error"};
    const char *bad[] = {"http.port=x", "http.prot=1", "workspaces=", "port", "=1"};
    struct config *c = NULL;
    struct buf messages;
    buf_init(&messages, 0);
    put_text("vocd.yaml", "http: {port: 9000, max_body: 1MiB}\n");
    assert_int_equal(config_load_with(main_path(), good, 3, &messages, &c), 0);
    assert_int_equal(c->http.port, 9001);
    assert_int_equal(c->http.max_body, 1 << 20);
    assert_true(span_is(c->state, "/tmp/elsewhere"));
    config_unref(c);
    assert_int_equal(config_load_with(NULL, good, 3, &messages, &c), 0);
    assert_int_equal(c->http.port, 9001);
    assert_null(c->file.p);
    config_unref(c);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        buf_reset(&messages);
        assert_int_equal(config_load_with(NULL, &bad[i], 1, &messages, &c), -EINVAL);
        assert_has(messages.p, i == 0 ? "--set:1:11: http.port: \"x\" is not a whole number\n"
                                        "    http.port=x\n              ^\n"
                                      : "--set:1:1: not a setting");
    }
    buf_done(&messages);
}

/* --- what is refused, and how it is told --- */

static void a_problem_is_a_line_an_excerpt_and_a_caret(void **state)
{
    (void)state;
    assert_string_equal(refuse("http:\n  port: 99999\n"),
                        "vocd.yaml:2:9: http.port: 99999 is not between 0 and 65535\n"
                        "      port: 99999\n"
                        "            ^\n");
    /* Wide characters and tabs still get their caret. */
    assert_string_equal(refuse("workspaces:\n- {name: 배송\t팀, id: Big}\n"),
                        "vocd.yaml:2:20: workspaces.id: \"Big\" is not an id of a-z, 0-9 and -, "
                        "beginning with a letter or digit, at most 63\n"
                        "    - {name: 배송\t팀, id: Big}\n"
                        "                 \t        ^\n");
}

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    const char *said = refuse("htpp: {}\n"
                              "http:\n"
                              "  prot: 1\n"
                              "  port: true\n"
                              "  hosts: {a: b}\n"
                              "  max_body: 12 parsecs\n"
                              "  idle_timeout: 10\n"
                              "  port: 2\n"
                              "log:\n"
                              "  level: loud\n"
                              "timezone: Asia/Soul\n"
                              "store: [1]\n"
                              "intake:\n"
                              "  max_id: \"512\"\n"
                              "  max_attributes:\n"
                              "  queue_bytes: 1KiB\n"
                              "log: {}\n");
    static const char *const expected[] = {
        "vocd.yaml:1:1: unknown key \"htpp\"; did you mean \"http\"?",
        "vocd.yaml:3:3: unknown key \"prot\"; did you mean \"port\"?",
        "vocd.yaml:4:9: http.port: \"true\" is not a whole number",
        "vocd.yaml:5:10: hosts: expected a list",
        "vocd.yaml:6:13: http.max_body: \"12 parsecs\" is not a size like 512 or 8MiB",
        "vocd.yaml:7:17: http.idle_timeout: \"10\" is not a duration like",
        "vocd.yaml:8:3: http.port is given twice; first at ",
        "vocd.yaml:10:10: log.level: \"loud\" is not one of error,warning,info,debug",
        "vocd.yaml:11:11: timezone: \"Asia/Soul\" is not a time zone",
        "vocd.yaml:12:8: expected a section of keys, found a list",
        "vocd.yaml:14:11: intake.max_id: expected a size like 512 or 8MiB",
        "found text in quotes",
        "vocd.yaml:15:3: intake.max_attributes: expected a whole number, found nothing",
        "vocd.yaml:16:16: intake.queue_bytes: 1KiB is not between 1MiB and 4GiB",
        "vocd.yaml:17:1: log is given twice; first at line 9",
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_has(said, expected[i]);
}

static void syntax_is_told_with_its_place(void **state)
{
    (void)state;
    assert_has(refuse("http:\n  port: 1\n port: 2\n"), "vocd.yaml:3:2: not YAML: ");
    assert_has(refuse("http: &a {port: 1}\n"), "vocd.yaml:1:10: anchors are not supported");
    assert_has(refuse("http: *a\n"), "vocd.yaml:1:7: aliases are not supported");
    assert_has(refuse("http: !x {}\n"), "tags are not supported");
    assert_has(refuse("state: a\n---\nstate: b\n"), "vocd.yaml:2:1: a second document");
    assert_has(refuse("state: a\nlog: \xff\n"), "vocd.yaml:2:6: not UTF-8");
    assert_has(refuse("- a\n"), "vocd.yaml:1:1: expected a section of keys, found a list");
    put("vocd.yaml", "state: a\0b\n", 11, 0600);
    assert_has(refuse(NULL), "vocd.yaml:1:9: a NUL byte");
}

static void files_that_can_not_be_read_are_named(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/vocd.yaml", dir);
    unlink(path);
    assert_string_equal(refuse(NULL),
                        "vocd.yaml:1:1: can not be read: No such file or directory\n");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_has(refuse(NULL), "vocd.yaml:1:1: can not be read: Is a directory");
    rmdir(path);
    char *big = malloc((1 << 20) + 1);
    assert_non_null(big);
    memset(big, '#', (1 << 20) + 1);
    put("vocd.yaml", big, (1 << 20) + 1, 0600);
    free(big);
    assert_has(refuse(NULL), "vocd.yaml:1:1: can not be read: File too large");
}

static void the_open_network_needs_tls(void **state)
{
    (void)state;
    assert_has(refuse("http:\n  address: 0.0.0.0\n"),
               "vocd.yaml:2:12: http.address: 0.0.0.0 can be reached from outside");
    assert_has(refuse("http: {address: '::'}\n"), "can be reached from outside");
    assert_has(refuse("http: {address: localhost}\n"), "is not a numeric IPv4 or IPv6 address");
    assert_has(refuse("http:\n  tls_key: k\n"), "vocd.yaml:2:12: http.tls_key needs "
                                                "http.tls_certificate");
    config_unref(load("http: {address: '::1'}\n"));
    config_unref(load("http: {address: 127.9.9.9}\n"));
    config_unref(load("http: {address: 0.0.0.0, tls_certificate: c, tls_key: k}\n"));
}

static void sizes_must_go_together(void **state)
{
    (void)state;
    assert_has(refuse("intake: {batch_bytes: 16MiB, queue_bytes: 8MiB}\n"),
               "intake.batch_bytes is more than intake.queue_bytes");
    assert_has(refuse("http: {max_body: 32KiB}\n"), "intake.max_text is more than http.max_body");
}

static void lists_are_checked_inside(void **state)
{
    (void)state;
    const char *said = refuse("workspaces:\n"
                              "- name: x\n"
                              "- id: a\n"
                              "  hooks:\n"
                              "  - {source: s, scheme: none}\n"
                              "  - {source: s, scheme: nome}\n"
                              "  - {source: t, scheme: token}\n"
                              "  - {source: u, scheme: none, records: tickets}\n"
                              "  - source: v\n"
                              "    scheme: none\n"
                              "    map:\n"
                              "      nonsense: $.a\n"
                              "      title: ticket.title\n"
                              "      text: $.a..b\n"
                              "      rating: {path: $.r, scale: -1}\n"
                              "      status: {enum: {a: b}}\n"
                              "      text: $.c\n"
                              "  receivers:\n"
                              "  - {name: r, type: webhook}\n"
                              "  - {name: q, type: webhook, url: 'ftp://x/'}\n"
                              "  - {name: p, type: jandi, url: 'https:///x'}\n"
                              "  - {name: o, type: slack, url: http://x/, "
                              "severities: [info, critcal]}\n"
                              "- id: a\n"
                              "- just text\n"
                              "- {id: z, days_off: [2026-12-25, 2026-02-30, Christmas]}\n");
    static const char *const expected[] = {
        "vocd.yaml:2:3: id is missing here",
        "vocd.yaml:6:14: workspaces.hooks.source: \"s\" is there twice",
        "vocd.yaml:6:25: workspaces.hooks.scheme: \"nome\" is not one of none,token,",
        "vocd.yaml:7:5: hook t needs secret_file or secret_env",
        "vocd.yaml:8:40: records: the path goes wrong at column",
        "vocd.yaml:12:7: map: a record has no field \"nonsense\"",
        "vocd.yaml:13:14: map: title: expected a path that begins with $",
        "vocd.yaml:14:7: map: the path of text goes wrong",
        "vocd.yaml:15:34: map: scale: expected a number above 0",
        "vocd.yaml:16:15: map: status: has no path",
        "vocd.yaml:17:13: map: text: is given twice",
        "vocd.yaml:19:5: url is missing here (or with _file or _env)",
        "vocd.yaml:20:35: workspaces.receivers.url: is not an http:// or https:// address",
        "vocd.yaml:21:33: workspaces.receivers.url: is not an http:// or https:// address",
        "vocd.yaml:22:63: severities: \"critcal\" is not one of info,warning,critical",
        "vocd.yaml:23:3: workspace \"a\" is there twice; first at line 3",
        "vocd.yaml:24:3: expected a section of keys, found text",
        "days_off: \"2026-02-30\" is no date like 2026-12-25",
        "days_off: \"Christmas\" is no date like 2026-12-25",
    };
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_has(said, expected[i]);
}

/* --- secrets --- */

#define HOOK(line)                                                                                 \
    "workspaces:\n- id: a\n  hooks:\n  - source: s\n    scheme: standard\n    " line "\n"
#define RECEIVER(line)                                                                             \
    "workspaces:\n- id: a\n  receivers:\n  - name: r\n    type: webhook\n    " line "\n"

static void secrets_come_from_files_and_environment(void **state)
{
    (void)state;
    unsetenv("VOC_TEST_NONE");
    assert_has(refuse(HOOK("secret: " KEY)),
               "vocd.yaml:6:5: workspaces.hooks.secret is not written "
               "here: use secret_file or secret_env\n"
               "        secret: (not shown)\n");
    assert_has(refuse(HOOK("secret_file: secrets/none")), "secrets/none can not be read: No such");
    assert_has(refuse(HOOK("secret_file: secrets")), "can not be read: not a regular file");
    assert_has(refuse(HOOK("secret_env: VOC_TEST_NONE")),
               "vocd.yaml:6:17: secret_env: there is no VOC_TEST_NONE in the environment");
    put_text("secrets/empty", " \n");
    assert_has(refuse(HOOK("secret_file: secrets/empty")), "secret_file: is empty");
    put_text("secrets/odd", "not base64!!!!!!!!!!!\n");
    assert_has(refuse(HOOK("secret_file: secrets/odd")), "secret 2 is not whsec_ and base64");
    put_text("secrets/two", KEY "\n" KEY "\n");
    assert_has(refuse(RECEIVER("url: http://x/\n    secret_file: secrets/two")),
               "secret_file: holds more than are expected");
    put("secrets/bin", "ab\001cd\n", 6, 0600);
    assert_has(refuse(HOOK("secret_file: secrets/bin")), "holds something that is no text");
    setenv("VOC_TEST_KEYS", KEY " " KEY, 1);
    struct config *c = load(HOOK("secret_env: VOC_TEST_KEYS"));
    assert_int_equal(c->workspaces[0].hooks[0].n_secrets, 2);
    config_unref(c);
    assert_has(refuse(HOOK("secret_env: VOC_TEST_KEYS\n    secret_file: secrets/two")),
               "workspaces.hooks.secret is given twice");
}

static void a_secret_is_in_no_message(void **state)
{
    (void)state;
    put_text("secrets/url", "hooks.example.com/T0/SESAME\n");
    assert_null(strstr(refuse(RECEIVER("url: SESAME://x")), "SESAME"));
    assert_null(strstr(refuse(RECEIVER("url_file: secrets/url")), "SESAME"));
    assert_null(strstr(refuse(RECEIVER("secret: SESAME\n    url: http://x/")), "SESAME"));
    put_text("secrets/key", "SESAME\n");
    assert_null(strstr(refuse(RECEIVER("url: http://x/\n    secret_file: secrets/key")), "SESAME"));
}

/* stderr of a load, caught in a file. */
static void a_secret_everybody_may_read_is_warned_of(void **state)
{
    (void)state;
    char path[512], text[1024] = "";
    snprintf(path, sizeof path, "%s/stderr", dir);
    put("secrets/open", KEY "\n", strlen(KEY) + 1, 0644);
    int real = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT, 0600);
    dup2(fd, STDERR_FILENO);
    struct config *c = load(HOOK("secret_file: secrets/open"));
    dup2(real, STDERR_FILENO);
    close(real);
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    close(fd);
    assert_has(text, "warning config secret file is open to everybody file=\"");
    assert_has(text, "mode=644");
    assert_null(strstr(text, "MDEyMzQ1"));
    config_unref(c);
}

/* --- reload --- */

static void what_needs_a_restart_is_told(void **state)
{
    (void)state;
    struct buf messages;
    struct config *a = load("http: {port: 1}\nstate: /a\n");
    struct config *b = load("http: {port: 2, max_body: 1MiB}\nstate: /b\n");
    buf_init(&messages, 0);
    assert_int_equal(config_restart_needed(a, b, &messages), 2);
    assert_has(messages.p, "state has changed, which takes effect after a restart\n");
    assert_has(messages.p, "http.port has changed");
    buf_reset(&messages);
    assert_int_equal(config_restart_needed(a, a, &messages), 0);
    assert_int_equal(messages.n, 0);
    buf_done(&messages);
    config_unref(a);
    config_unref(b);
}

/* --- the example that ships --- */

static char *example(size_t *ret_n)
{
    FILE *f = fopen(EXAMPLE, "re");
    if (!f)
        fail_msg("run from the root: no %s", EXAMPLE);
    char *text = malloc(65536);
    assert_non_null(text);
    *ret_n = fread(text, 1, 65535, f);
    text[*ret_n] = '\0';
    fclose(f);
    return text;
}

/* Takes the # off the lines that show a value; presets are looked for beside the file. */
static char *with_all_values(const char *text)
{
    static const char installed[] = "/usr/share/vocd/connectors", here[] = "presets";
    char *out = malloc(strlen(text) + 1), *to = out;
    assert_non_null(out);
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n') + 1;
        const char *mark = line + strspn(line, " ");
        bool value = *mark == '#' && mark[1] != ' ' && mark[1] != '\n';
        for (; line < end; line++)
            if (!value || line != mark)
                *to++ = *line;
    }
    *to = '\0';
    char *presets = strstr(out, installed);
    assert_non_null(presets);
    memset(presets, ' ', sizeof installed - 1);
    memcpy(presets, here, sizeof here - 1);
    return out;
}

static void the_example_loads(void **state)
{
    (void)state;
    size_t n;
    char *text = example(&n), *all = with_all_values(text);
    struct config *c = load(text);
    assert_int_equal(c->n_workspaces, 1);
    assert_true(span_is(c->workspaces[0].name, "본사"));
    struct config *defaults = load("");
    struct buf messages;
    buf_init(&messages, 0);
    assert_int_equal(config_restart_needed(c, defaults, &messages), 1);
    assert_has(messages.p, "auth.bootstrap"); /* what it sets that is no default: the first token */
    buf_done(&messages);
    config_unref(c);

    put_text("secrets/main-zendesk", "one\ntwo\n");
    put_text("secrets/main-team", KEY "\n");
    put_text("secrets/main-slack-url", "https://hooks.slack.com/services/x\n");
    put_text("secrets/main-redmine", "a key\n");
    put_text("presets/zendesk.yaml", "hook: {scheme: slack, allow_get: true, map: {text: $.a}}\n");
    c = load(all);
    assert_int_equal(c->workspaces[0].hooks[0].n_map, 8); /* the example's own */
    assert_false(c->workspaces[0].hooks[0].allow_get);
    assert_string_equal(c->workspaces[0].hooks[0].signature->name, "zendesk");
    assert_int_equal(c->workspaces[0].hooks[0].n_secrets, 2);
    assert_int_equal(c->workspaces[0].n_receivers, 2);
    const struct config_source *source = &c->workspaces[0].sources[0];
    assert_int_equal(c->workspaces[0].n_sources, 1);
    assert_true(span_is(source->connector, "redmine"));
    assert_true(span_is(source->cfg[0].key, "url"));
    assert_true(span_is(source->secrets[0].key, "key") &&
                span_is(source->secrets[0].value, "a key"));
    assert_int_equal(source->every_ms, MS_MINUTE);
    assert_int_equal(source->start_ms, 30 * MS_DAY);
    assert_true(span_is(c->proxy, "http://proxy.example.com:3128"));
    assert_int_equal(c->http.n_hosts, 2);
    /* The values it shows as defaults are the defaults. */
    assert_memory_equal(&c->http.max_connections, &defaults->http.max_connections,
                        sizeof c->http - offsetof(struct config, http.max_connections) +
                            offsetof(struct config, http));
    assert_memory_equal(&c->intake, &defaults->intake, sizeof c->intake);
    assert_memory_equal(&c->store, &defaults->store, sizeof c->store);
    assert_memory_equal(&c->alert, &defaults->alert,
                        offsetof(struct config, alert.silence) - offsetof(struct config, alert));
    assert_true(span_eq(c->alert.silence, defaults->alert.silence) &&
                span_eq(c->alert.silence_severity, defaults->alert.silence_severity));
    assert_memory_equal(&c->dead_letters, &defaults->dead_letters, sizeof c->dead_letters);
    assert_int_equal(c->workspaces[0].n_days_off, 2);
    config_unref(c);
    config_unref(defaults);
    free(all);
    free(text);
}

/* --- chance --- */

static size_t mutate(char *text, size_t n, size_t room)
{
    static const char *const bits[] = {"\t",
                                       "\n",
                                       ": ",
                                       "- ",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       "\"",
                                       "'",
                                       "|",
                                       ">",
                                       "&a ",
                                       "*a",
                                       "!!x ",
                                       "? ",
                                       "#",
                                       "%",
                                       "@",
                                       "`",
                                       "---\n",
                                       "...\n",
                                       "\xff",
                                       "\xed\xa0\x80",
                                       "배",
                                       "\r",
                                       "<<: ",
                                       ",",
                                       "99999999999999999999",
                                       "null",
                                       "~",
                                       "\xe2\x80\xa8"};
    for (uint64_t k = 1 + test_below(6); k > 0; k--) {
        size_t at = test_below(n + 1), len = test_below(40);
        const char *bit = bits[test_below(ARRAY_LEN(bits))];
        switch (test_below(4)) {
        case 0: /* cut out */
            len = len < n - at ? len : n - at;
            memmove(text + at, text + at + len, n - at - len);
            n -= len;
            break;
        case 1: /* put in */
            len = strlen(bit);
            if (n + len < room) {
                memmove(text + at + len, text + at, n - at);
                memcpy(text + at, bit, len);
                n += len;
            }
            break;
        case 2: /* spoil a byte */
            if (at < n)
                text[at] = (char)test_below(256);
            break;
        default: /* repeat a piece elsewhere */
            len = len < n - at ? len : n - at;
            if (n + len < room) {
                size_t to = test_below(n + 1);
                char piece[40];
                memcpy(piece, text + at, len);
                memmove(text + to + len, text + to, n - to);
                memcpy(text + to, piece, len);
                n += len;
            }
        }
    }
    return n;
}

/* Every problem names the file, a line of it, and a column. */
static void assert_places(const char *said, const char *path, size_t lines)
{
    size_t n = strlen(path);
    unsigned line = 0, column = 0;
    if (strncmp(said, path, n) != 0 || sscanf(said + n, ":%u:%u: ", &line, &column) != 2)
        fail_msg("no place in:\n%s", said);
    if (line < 1 || line > lines + 1 || column < 1)
        fail_msg("line %u of %zu in:\n%s", line, lines, said);
}

static void spoiled_examples_never_crash_and_name_a_line(void **state)
{
    (void)state;
    enum { ROOM = 70000 };
    size_t n, rounds = test_rounds(1500, 100000), refused = 0;
    char *shown = example(&n), *good = with_all_values(shown), *text = malloc(ROOM);
    assert_non_null(text);
    put_text("secrets/main-zendesk", "one\n");
    put_text("secrets/main-team", KEY "\n");
    put_text("secrets/main-slack-url", "https://hooks.slack.com/services/x\n");
    for (size_t i = 0; i < rounds; i++) {
        struct config *c = NULL;
        struct buf messages;
        n = strlen(good);
        memcpy(text, good, n);
        n = mutate(text, n, ROOM);
        put("vocd.yaml", text, n, 0600);
        buf_init(&messages, 0);
        int rc = config_load(main_path(), &messages, &c);
        if (rc == -EINVAL) {
            size_t lines = 0;
            for (size_t k = 0; k < n; k++)
                lines += text[k] == '\n' || text[k] == '\r' || text[k] == '\xa8';
            assert_places(messages.p, main_path(), lines);
            assert_int_equal(messages.error, 0);
            refused++;
        } else {
            assert_int_equal(rc, 0);
            config_unref(c);
        }
        buf_done(&messages);
    }
    assert_true(refused > rounds / 2);
    free(text);
    free(good);
    free(shown);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, new_dir)
    const struct CMUnitTest tests[] = {
        T(nothing_gives_the_defaults),
        T(every_kind_of_value_is_read),
        T(files_of_conf_d_are_joined),
        T(settings_win_over_files),
        T(a_problem_is_a_line_an_excerpt_and_a_caret),
        T(all_problems_are_told_at_once),
        T(syntax_is_told_with_its_place),
        T(files_that_can_not_be_read_are_named),
        T(the_open_network_needs_tls),
        T(sizes_must_go_together),
        T(lists_are_checked_inside),
        T(secrets_come_from_files_and_environment),
        T(a_secret_is_in_no_message),
        T(a_secret_everybody_may_read_is_warned_of),
        T(what_needs_a_restart_is_told),
        T(the_example_loads),
        T(spoiled_examples_never_crash_and_name_a_line),
    };
    test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
