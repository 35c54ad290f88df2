#include "tests/lib/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/metrics.h"
#include "tests/lib/http_rig.h"

#define H "Host: localhost:$PORT\r\n"
#define CLOSE "Connection: close\r\n"

static struct http_rig *rig;

static int set_up(void **state)
{
    (void)state;
    rig = http_rig_start("  max_header: 16KiB\n  max_body: 4KiB\n  max_stream: 1MiB\n"
                         "  hosts: [voc.example.com, 'other.example.com:444']\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_rig_stop(rig);
    return 0;
}

/* A request with $PORT and $NUL filled in. */
static struct buf request(const char *text)
{
    struct buf b;
    buf_init(&b, 0);
    for (const char *p = text; *p;) {
        if (strncmp(p, "$PORT", 5) == 0) {
            buf_printf(&b, "%u", http_rig_port(rig));
            p += 5;
        } else if (strncmp(p, "$NUL", 4) == 0) {
            buf_append(&b, "\0", 1);
            p += 4;
        } else {
            buf_char(&b, *p++);
        }
    }
    return b;
}

static size_t count(const char *text, const char *needle)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, needle)); p += strlen(needle))
        n++;
    return n;
}

static char *ask(const char *text)
{
    struct buf b = request(text);
    char *answer = http_rig_exchange(rig, b.p, b.n);
    buf_done(&b);
    return answer;
}

/* --- one request, one answer --- */

struct raw {
    const char *name;
    const char *request; /* ends the connection by itself, or the server does */
    const char *status;  /* "HTTP/1.1 NNN" of the first answer */
    const char *holds;   /* in the answer; NULL: anything */
};

static const struct raw table[] = {
    {"get", "GET /ping HTTP/1.1\r\n" H CLOSE "\r\n", "200", "{\"ok\":true}"},
    {"http 1.0 without host", "GET /ping HTTP/1.0\r\n\r\n", "200", "Connection: close"},
    {"http 1.0 is never kept", "GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200",
     "Connection: close"},
    {"one empty line before", "\r\nGET /ping HTTP/1.1\r\n" H CLOSE "\r\n", "200", NULL},
    {"two empty lines before", "\r\n\r\nGET /ping HTTP/1.1\r\n" H CLOSE "\r\n", "400", NULL},
    {"head", "HEAD /ping HTTP/1.1\r\n" H CLOSE "\r\n", "200", "Content-Length: 11"},
    {"not http", "\x16\x03\x01\x02\x01", "400", "malformed-request"},
    {"garbage", "hello there\r\n\r\n", "400", NULL},
    {"bare lf", "GET /ping HTTP/1.1\n" H "\r\n", "400", NULL},
    {"cr alone", "GET /ping HTTP/1.1\r\nA: b\rc\r\n" H "\r\n", "400", NULL},
    {"two spaces", "GET  /ping HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"tab", "GET\t/ping HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"no version", "GET /ping\r\n" H "\r\n", "400", NULL},
    {"version 2", "GET /ping HTTP/2.0\r\n" H "\r\n", "505", NULL},
    {"version 1.2", "GET /ping HTTP/1.2\r\n" H "\r\n", "505", NULL},
    {"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", NULL},
    {"lower case method", "get /ping HTTP/1.1\r\n" H "\r\n", "501", NULL},
    {"unknown method", "BREW /ping HTTP/1.1\r\n" H "\r\n", "501", NULL},
    {"connect", "CONNECT localhost:80 HTTP/1.1\r\n" H "\r\n", "501", NULL},
    {"absolute target", "GET http://localhost/ping HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"asterisk", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"options", "OPTIONS /ping HTTP/1.1\r\n" H CLOSE "\r\n", "405", "Allow: GET, HEAD\r\n"},
    {"wrong method", "DELETE /echo HTTP/1.1\r\n" H CLOSE "\r\n", "405", "Allow: POST\r\n"},
    {"raw utf-8 path", "GET /items/\xed\x99\x8d HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"encoded utf-8", "GET /items/%ED%99%8D HTTP/1.1\r\n" H CLOSE "\r\n", "200",
     "\"\xed\x99\x8d\""},
    {"encoded not utf-8", "GET /items/%FF%FE HTTP/1.1\r\n" H CLOSE "\r\n", "400", "malformed-path"},
    {"overlong", "GET /items/%C0%AF HTTP/1.1\r\n" H CLOSE "\r\n", "400", "malformed-path"},
    {"encoded nul", "GET /items/a%00b HTTP/1.1\r\n" H CLOSE "\r\n", "400", "malformed-path"},
    {"half an escape", "GET /items/a%4 HTTP/1.1\r\n" H CLOSE "\r\n", "400", "malformed-path"},
    {"encoded slash", "GET /items/a%2Fb HTTP/1.1\r\n" H CLOSE "\r\n", "200", "\"a/b\""},
    {"empty segment", "GET /items/ HTTP/1.1\r\n" H CLOSE "\r\n", "404", "not-found"},
    {"too deep", "GET /items/a/b HTTP/1.1\r\n" H CLOSE "\r\n", "404", NULL},
    {"trailing slash", "GET /ping/ HTTP/1.1\r\n" H CLOSE "\r\n", "404", NULL},
    {"fragment", "GET /ping#a HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"query", "GET /items/a?q=%ED%99%8D+b&limit=3 HTTP/1.1\r\n" H CLOSE "\r\n", "200",
     "\"q\":\"\xed\x99\x8d b\""},
    {"a number quoted in a detail", "GET /items/a?010-1234-5678=1 HTTP/1.1\r\n" H CLOSE "\r\n",
     "400", "010-****-5678"},
    {"unknown query", "GET /items/a?z=1 HTTP/1.1\r\n" H CLOSE "\r\n", "400", "parameter z is not"},
    {"query twice", "GET /items/a?q=1&q=2 HTTP/1.1\r\n" H CLOSE "\r\n", "400", "q is given twice"},
    {"query nul", "GET /items/a?q=%00 HTTP/1.1\r\n" H CLOSE "\r\n", "400", "malformed-query"},
    {"query where none", "GET /ping?a=1 HTTP/1.1\r\n" H CLOSE "\r\n", "400", "malformed-query"},
    {"nul in a value", "GET /ping HTTP/1.1\r\nA: b$NULc\r\n" H "\r\n", "400", NULL},
    {"nul in the path", "GET /pi$NULng HTTP/1.1\r\n" H "\r\n", "400", NULL},
    {"control in a value", "GET /ping HTTP/1.1\r\nA: b\x07\r\n" H "\r\n", "400", NULL},
    {"space in a name", "GET /ping HTTP/1.1\r\nA b: c\r\n" H "\r\n", "400", NULL},
    {"space before the colon", "GET /ping HTTP/1.1\r\nA : c\r\n" H "\r\n", "400", NULL},
    {"no colon", "GET /ping HTTP/1.1\r\nabc\r\n" H "\r\n", "400", NULL},
    {"empty name", "GET /ping HTTP/1.1\r\n: c\r\n" H "\r\n", "400", NULL},
    {"folded header", "GET /ping HTTP/1.1\r\nA: b\r\n c\r\n" H "\r\n", "400", NULL},
    {"no host", "GET /ping HTTP/1.1\r\n\r\n", "400", "Host"},
    {"two hosts", "GET /ping HTTP/1.1\r\n" H H "\r\n", "400", "Host"},
    {"foreign host", "GET /ping HTTP/1.1\r\nHost: evil.example\r\n" CLOSE "\r\n", "421",
     "misdirected"},
    {"wrong port", "GET /ping HTTP/1.1\r\nHost: localhost:1\r\n" CLOSE "\r\n", "421", NULL},
    {"address as host", "GET /ping HTTP/1.1\r\nHost: 127.0.0.1:$PORT\r\n" CLOSE "\r\n", "200",
     NULL},
    {"configured host", "GET /ping HTTP/1.1\r\nHost: VOC.example.com\r\n" CLOSE "\r\n", "200",
     NULL},
    {"configured with port", "GET /ping HTTP/1.1\r\nHost: other.example.com:444\r\n" CLOSE "\r\n",
     "200", NULL},
    {"configured other port", "GET /ping HTTP/1.1\r\nHost: other.example.com:445\r\n" CLOSE "\r\n",
     "421", NULL},
    {"body where none", "GET /ping HTTP/1.1\r\n" H CLOSE "Content-Length: 1\r\n\r\nx", "400",
     "unexpected-body"},
    {"length", "POST /echo HTTP/1.1\r\n" H CLOSE "Content-Length: 3\r\n\r\nabc", "200",
     "\r\n\r\nabc"},
    {"no length is no body", "POST /echo HTTP/1.1\r\n" H CLOSE "\r\n", "200", "Content-Length: 0"},
    {"two lengths",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400",
     "Content-Length"},
    {"the same length twice",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400", NULL},
    {"list of lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", "400", NULL},
    {"negative length", "POST /echo HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\n", "400", NULL},
    {"signed length", "POST /echo HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", "400", NULL},
    {"hex length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", "400", NULL},
    {"empty length", "POST /echo HTTP/1.1\r\n" H "Content-Length: \r\n\r\n", "400", NULL},
    {"length past 64 bits",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n", "400", NULL},
    {"length and chunked",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "400", NULL},
    {"chunked and length",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
     "400", NULL},
    {"gzip coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", "501", NULL},
    {"two codings", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     "501", NULL},
    {"chunked twice",
     "POST /echo HTTP/1.1\r\n" H
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "501", NULL},
    {"chunked in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
     NULL},
    {"chunks",
     "POST /echo HTTP/1.1\r\n" H CLOSE
     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
     "200", "\r\n\r\nabc0123456789"},
    {"trailers",
     "POST /echo HTTP/1.1\r\n" H CLOSE
     "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nHost: evil\r\nX: y\r\n\r\n",
     "200", "\r\n\r\na"},
    {"chunk size missing", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\nabc",
     "400", "malformed-body"},
    {"chunk size not hex", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\ng\r\n",
     "400", NULL},
    {"chunk size too large",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "400",
     NULL},
    {"junk after a chunk",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "400",
     NULL},
    {"junk after the size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\rXabc\r\n0\r\n\r\n", "400",
     NULL},
    {"lf after the size",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "400",
     NULL},
    {"too large by length", "POST /echo HTTP/1.1\r\n" H CLOSE "Content-Length: 5000\r\n\r\n", "413",
     "body-too-large"},
    {"stream too large by length", "POST /stream HTTP/1.1\r\n" H "Content-Length: 2000000\r\n\r\n",
     "413", NULL},
    {"other expectation", "POST /echo HTTP/1.1\r\n" H "Expect: tea\r\nContent-Length: 1\r\n\r\n",
     "417", NULL},
    {"answered early", "POST /early HTTP/1.1\r\n" H CLOSE "Content-Length: 4\r\n\r\nabcd", "503",
     "Retry-After: 1"},
    {"no room", "POST /full HTTP/1.1\r\n" H CLOSE "Content-Length: 4\r\n\r\nabcd", "503",
     "No room for 4 bytes"},
    {"upgrade is not taken up",
     "GET /ping HTTP/1.1\r\n" H "Connection: upgrade, close\r\nUpgrade: websocket\r\n\r\n", "200",
     NULL},
    {"no token", "GET /secret HTTP/1.1\r\n" H CLOSE "\r\n", "401", "WWW-Authenticate: Bearer"},
    {"wrong token",
     "GET /secret HTTP/1.1\r\n" H CLOSE
     "Authorization: Bearer voc_admin_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n",
     "401", "urn:vocd:problem:unauthorized"},
    {"basic", "GET /secret HTTP/1.1\r\n" H CLOSE "Authorization: Basic dm9jOnZvYw==\r\n\r\n", "401",
     NULL},
};

static void check_raw(const struct raw *t, const char *answer)
{
    char status[32];
    snprintf(status, sizeof status, "HTTP/1.1 %s ", t->status);
    if (!answer || strncmp(answer, status, strlen(status)) != 0 ||
        (t->holds && !strstr(answer, t->holds)))
        fail_msg("%s: expected %s with \"%s\", got:\n%s", t->name, t->status,
                 t->holds ? t->holds : "", answer ? answer : "(nothing)");
    if (t->status[0] != '2' && !strstr(answer, "application/problem+json"))
        fail_msg("%s: not a problem:\n%s", t->name, answer);
    assert_int_equal(count(answer, "HTTP/1.1 "), 1);
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'"));
    assert_non_null(strstr(answer, "X-Request-Id: "));
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *answer = ask(table[i].request);
        check_raw(&table[i], answer);
        free(answer);
    }
}

/* The bytes of an answer but what differs by time and request. */
static void blank_out(char *answer, const char *name)
{
    for (char *p = answer; p && (p = strstr(p, name)); p++)
        for (char *q = p + strlen(name); *q && *q != '\r' && *q != '"'; q++)
            *q = '-';
}

static void normalise(char *answer)
{
    blank_out(answer, "Date: ");
    blank_out(answer, "X-Request-Id: ");
    blank_out(answer, "urn:vocd:request:");
}

/* However the bytes are cut, the answer is the same. */
static void test_split_points(void **state)
{
    (void)state;
    size_t rounds = test_rounds(3, 200);
    test_seed();
    for (size_t i = 0; i < rounds * (sizeof table / sizeof table[0]); i++) {
        const struct raw *t = &table[i % (sizeof table / sizeof table[0])];
        struct buf b = request(t->request);
        http_rig_advance(rig, 61000); /* out of the throttle's window */
        int fd = http_rig_connect(rig);
        size_t cut = b.n > 1 ? 1 + test_below(b.n - 1) : b.n;
        size_t second = cut + (b.n > cut ? test_below(b.n - cut) : 0);
        http_rig_send(fd, b.p, cut);
        usleep((useconds_t)test_below(2000));
        http_rig_send(fd, b.p + cut, second - cut);
        usleep((useconds_t)test_below(2000));
        http_rig_send(fd, b.p + second, b.n - second);
        char *answer = http_rig_read(fd, NULL, NULL), *whole = http_rig_exchange(rig, b.p, b.n);
        normalise(answer);
        normalise(whole);
        if (strcmp(answer, whole) != 0)
            fail_msg("%s cut at %zu and %zu:\n%s\nwhole:\n%s", t->name, cut, second, answer, whole);
        free(answer);
        free(whole);
        close(fd);
        buf_done(&b);
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct buf b = request("POST /echo HTTP/1.1\r\n" H CLOSE
                           "Transfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nT: "
                           "x\r\n\r\n");
    int fd = http_rig_connect(rig);
    for (size_t i = 0; i < b.n; i++) {
        http_rig_send(fd, b.p + i, 1);
        usleep(200);
    }
    char *answer = http_rig_read(fd, NULL, NULL);
    assert_non_null(strstr(answer, "\r\n\r\nabcde"));
    free(answer);
    close(fd);
    buf_done(&b);
}

/* --- limits --- */

static char *ask_long(const char *before, char fill, size_t n, const char *after)
{
    struct buf b = request(before), end = request(after);
    for (size_t i = 0; i < n; i++)
        buf_char(&b, fill);
    buf_add(&b, buf_span(&end));
    char *answer = http_rig_exchange(rig, b.p, b.n);
    buf_done(&b);
    buf_done(&end);
    return answer;
}

static void expect_status(char *answer, const char *status)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, status, 3) != 0)
        fail_msg("expected %s, got:\n%s", status, answer);
    free(answer);
}

static void test_head_limits(void **state)
{
    (void)state;
    expect_status(ask_long("GET /ping HTTP/1.1\r\n" H CLOSE "A: ", 'a', 15000, "\r\n\r\n"), "200");
    expect_status(ask_long("GET /ping HTTP/1.1\r\n" H "A: ", 'a', 17000, "\r\n\r\n"), "431");
    expect_status(ask_long("GET /ping HTTP/1.1\r\n" H "A: ", 'a', 100000, "\r\n\r\n"), "431");
    expect_status(ask_long("GET /", 'a', 8000, " HTTP/1.1\r\n" H CLOSE "\r\n"), "404");
    expect_status(ask_long("GET /", 'a', 9000, " HTTP/1.1\r\n" H CLOSE "\r\n"), "414");
    expect_status(ask_long("GET /", 'a', 1000000, " HTTP/1.1\r\n" H CLOSE "\r\n"), "414");
    struct buf b = request("GET /ping HTTP/1.1\r\n" H CLOSE);
    for (int i = 0; i < 100; i++)
        buf_str(&b, "A: b\r\n");
    buf_str(&b, "\r\n");
    expect_status(http_rig_exchange(rig, b.p, b.n), "431");
    buf_done(&b);
}

/* The chunked body passes max_body while it is read; the answer arrives though the peer sends on.
 */
static void test_body_limits(void **state)
{
    (void)state;
    struct buf b = request("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 2000; i++)
        buf_str(&b, "3e8\r\n"), buf_printf(&b, "%01000d\r\n", i);
    expect_status(http_rig_exchange(rig, b.p, b.n), "413");
    buf_done(&b);

    b = request("POST /stream HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 2000; i++)
        buf_str(&b, "3e8\r\n"), buf_printf(&b, "%01000d\r\n", i);
    expect_status(http_rig_exchange(rig, b.p, b.n), "503");
    assert_int_equal(http_rig_last_abort(rig), 413);
    buf_done(&b);

    expect_status(ask_long("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3;", 'e',
                           5000, "\r\nabc\r\n"),
                  "400");
}

/* --- several requests --- */

static void test_pipelining(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    for (int i = 0; i < 50; i++) {
        struct buf one =
            request(i % 3 == 0   ? "GET /later HTTP/1.1\r\n" H "\r\n"
                    : i % 3 == 1 ? "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"
                                 : "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                                   "5\r\nhello\r\n0\r\n\r\n");
        buf_add(&b, buf_span(&one));
        buf_done(&one);
    }
    struct buf last = request("GET /ping HTTP/1.1\r\n" H CLOSE "\r\n");
    buf_add(&b, buf_span(&last));
    char *answer = http_rig_exchange(rig, b.p, b.n);
    assert_int_equal(count(answer, "HTTP/1.1 200 OK"), 51);
    assert_int_equal(count(answer, "hello"), 33);
    free(answer);
    buf_done(&b);
    buf_done(&last);
}

/* After a refusal with a short rest of a body the connection goes on. */
static void test_keep_alive_after_refusal(void **state)
{
    (void)state;
    struct buf b = request("POST /early HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n");
    buf_printf(&b, "%01000d", 7);
    struct buf last = request("GET /ping HTTP/1.1\r\n" H CLOSE "\r\n");
    buf_add(&b, buf_span(&last));
    char *answer = http_rig_exchange(rig, b.p, b.n);
    assert_int_equal(count(answer, "HTTP/1.1 503"), 1);
    assert_int_equal(count(answer, "HTTP/1.1 200"), 1);
    free(answer);
    buf_done(&b);
    buf_done(&last);
}

static void test_head_answers_have_no_body(void **state)
{
    (void)state;
    char *answer = ask("HEAD /ping HTTP/1.1\r\n" H "\r\nHEAD /nothing HTTP/1.1\r\n" H CLOSE "\r\n");
    assert_int_equal(count(answer, "HTTP/1.1 "), 2);
    assert_null(strchr(answer, '{'));
    free(answer);
}

static void test_expect_continue(void **state)
{
    (void)state;
    struct buf b = request("POST /echo HTTP/1.1\r\n" H CLOSE
                           "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    int fd = http_rig_connect(rig);
    http_rig_send(fd, b.p, b.n);
    char *answer = http_rig_read(fd, "\r\n\r\n", NULL);
    assert_string_equal(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    free(answer);
    http_rig_send(fd, "abc", 3);
    answer = http_rig_read(fd, NULL, NULL);
    assert_non_null(strstr(answer, "200 OK"));
    assert_non_null(strstr(answer, "\r\n\r\nabc"));
    free(answer);
    close(fd);
    buf_done(&b);
}

/* Who may not, or has no room, is told before the body; nobody is told to go on. */
static void test_no_continue_when_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"/full", "/early", "/ping", "/nothing"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "POST %s HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
                 paths[i]);
        char *answer = ask(text);
        assert_null(strstr(answer, "100 Continue"));
        assert_non_null(strstr(answer, "Connection: close"));
        free(answer);
    }
}

/* --- streams --- */

static uint64_t sum_of(const char *p, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 31 + (unsigned char)p[i];
    return sum;
}

static void check_stream(const char *path)
{
    char text[200], expected[80];
    size_t n = 700000;
    char *body = malloc(n);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)test_rand();
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\n" H CLOSE "Content-Length: %zu\r\n\r\n", path,
             n);
    struct buf b = request(text);
    buf_append(&b, body, n);
    char *answer = http_rig_exchange(rig, b.p, b.n);
    snprintf(expected, sizeof expected, "{\"bytes\":%zu,\"sum\":%llu}", n,
             (unsigned long long)sum_of(body, n));
    assert_non_null(strstr(answer, expected));
    free(answer);
    free(body);
    buf_done(&b);
}

static void test_stream(void **state)
{
    (void)state;
    check_stream("/stream");
    check_stream("/slowread");
}

static void test_stream_cut_short(void **state)
{
    (void)state;
    struct buf b = request("POST /stream HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\nabc");
    int fd = http_rig_connect(rig);
    http_rig_send(fd, b.p, b.n);
    shutdown(fd, SHUT_WR); /* half-closed: it still hears what became of it */
    char *answer = http_rig_read(fd, NULL, NULL);
    assert_non_null(strstr(answer, "503"));
    assert_non_null(strstr(answer, "abort_status 0"));
    free(answer);
    close(fd);
    buf_done(&b);
}

static void test_half_closed_peer_is_answered(void **state)
{
    (void)state;
    struct buf b = request("GET /later HTTP/1.1\r\n" H "\r\n");
    int fd = http_rig_connect(rig);
    http_rig_send(fd, b.p, b.n);
    shutdown(fd, SHUT_WR);
    char *answer = http_rig_read(fd, NULL, NULL);
    assert_non_null(strstr(answer, "200 OK"));
    free(answer);
    close(fd);
    buf_done(&b);
}

static void test_peer_gone_before_answer(void **state)
{
    (void)state;
    struct buf b = request("GET /later HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 20; i++) {
        int fd = http_rig_connect(rig);
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        http_rig_send(fd, b.p, b.n);
        usleep(1000);
        close(fd);
    }
    buf_done(&b);
    char *answer = ask("GET /ping HTTP/1.1\r\n" H CLOSE "\r\n");
    expect_status(answer, "200");
}

/* --- tokens over the wire --- */

static char *ask_with_token(const char *path, const char *token)
{
    char text[400];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" H CLOSE "Authorization: bearer %s\r\n\r\n",
             path, token);
    return ask(text);
}

static void test_tokens(void **state)
{
    (void)state;
    char *answer = ask_with_token("/secret", http_rig_token(rig, ROLE_ADMIN));
    assert_non_null(strstr(answer, "{\"token\":\"tk_"));
    free(answer);
    expect_status(ask_with_token("/secret", http_rig_token(rig, ROLE_AGENT)), "403");
    expect_status(ask_with_token("/own/w1", http_rig_token(rig, ROLE_ADMIN)), "200");
    expect_status(ask_with_token("/own/w2", http_rig_token(rig, ROLE_ADMIN)), "403");
}

/* After too many failures the address is told to wait, but a right token still passes. */
static void test_throttle(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        free(ask("GET /secret HTTP/1.1\r\n" H CLOSE "\r\n"));
    char *answer = ask("GET /secret HTTP/1.1\r\n" H CLOSE "\r\n");
    assert_non_null(strstr(answer, "HTTP/1.1 429"));
    assert_non_null(strstr(answer, "Retry-After: "));
    free(answer);
    expect_status(ask_with_token("/secret", http_rig_token(rig, ROLE_ADMIN)), "200");
    http_rig_advance(rig, 61000);
    expect_status(ask("GET /secret HTTP/1.1\r\n" H CLOSE "\r\n"), "401");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_split_points),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_body_limits),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_keep_alive_after_refusal),
        cmocka_unit_test(test_head_answers_have_no_body),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_no_continue_when_refused),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_cut_short),
        cmocka_unit_test(test_half_closed_peer_is_answered),
        cmocka_unit_test(test_peer_gone_before_answer),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_throttle),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
