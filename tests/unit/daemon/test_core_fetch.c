#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/address.h"
#include "daemon/core/fetch.h"
#include "tests/lib/peer.h"

/* --- addresses --- */

static void addresses_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int kind;
    } cases[] = {
        {"8.8.8.8", ADDRESS_PUBLIC},
        {"172.15.255.255", ADDRESS_PUBLIC},
        {"172.32.0.0", ADDRESS_PUBLIC},
        {"100.63.255.255", ADDRESS_PUBLIC},
        {"2001:4860:4860::8888", ADDRESS_PUBLIC},
        {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
        {"127.0.0.1", ADDRESS_LOOPBACK},
        {"127.255.255.254", ADDRESS_LOOPBACK},
        {"::1", ADDRESS_LOOPBACK},
        {"[::1]", ADDRESS_LOOPBACK},
        {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
        {"2002:7f00:1::", ADDRESS_LOOPBACK},
        {"10.1.2.3", ADDRESS_PRIVATE},
        {"172.16.0.1", ADDRESS_PRIVATE},
        {"172.31.255.255", ADDRESS_PRIVATE},
        {"192.168.1.1", ADDRESS_PRIVATE},
        {"100.64.0.1", ADDRESS_PRIVATE},
        {"100.127.255.255", ADDRESS_PRIVATE},
        {"169.254.1.1", ADDRESS_PRIVATE},
        {"198.19.255.255", ADDRESS_PRIVATE},
        {"fe80::1%eth0", ADDRESS_PRIVATE},
        {"fd12:3456::1", ADDRESS_PRIVATE},
        {"64:ff9b::10.0.0.1", ADDRESS_PRIVATE},
        {"::ffff:192.168.0.1", ADDRESS_PRIVATE},
        {"169.254.169.254", ADDRESS_NEVER},
        {"::ffff:169.254.169.254", ADDRESS_NEVER},
        {"64:ff9b::169.254.169.254", ADDRESS_NEVER},
        {"100.100.100.200", ADDRESS_NEVER},
        {"168.63.129.16", ADDRESS_NEVER},
        {"fd00:ec2::254", ADDRESS_NEVER},
        {"0.0.0.0", ADDRESS_NEVER},
        {"::", ADDRESS_NEVER},
        {"224.0.0.1", ADDRESS_NEVER},
        {"255.255.255.255", ADDRESS_NEVER},
        {"ff02::1", ADDRESS_NEVER},
        {"example.com", -1},
        {"", -1},
        {"1.2.3", -1},
        {"%eth0", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (address_kind_of(span_str(cases[i].text)) != cases[i].kind)
            fail_msg("%s is %d, not %d", cases[i].text, address_kind_of(span_str(cases[i].text)),
                     cases[i].kind);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_storage local = {.ss_family = AF_UNIX};
    assert_int_equal(address_kind((struct sockaddr *)&v6), ADDRESS_LOOPBACK);
    assert_int_equal(address_kind((struct sockaddr *)&local), ADDRESS_NEVER);
}

static void urls_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        int closed, open; /* without and with allow_private */
    } cases[] = {
        {"https://hooks.slack.com/services/T/B/x", 0, 0},
        {"http://example.com:8080", 0, 0},
        {"http://127.0.0.1:1/", 0, 0},
        {"http://localhost/", 0, 0},
        {"http://[::1]:8080/x", 0, 0},
        {"http://10.0.0.1/", -EACCES, 0},
        {"http://[fe80::1]/", -EACCES, 0},
        {"http://169.254.169.254/latest", -EACCES, -EACCES},
        {"http://2852039166/latest", -EACCES, -EACCES}, /* the same in one number */
        {"http://0xa9.0xfe.0xa9.0xfe/", -EACCES, -EACCES},
        {"http://0/", -EACCES, -EACCES},
        {"ftp://example.com/", -EINVAL, -EINVAL},
        {"file:///etc/passwd", -EINVAL, -EINVAL},
        {"example.com", -EINVAL, -EINVAL},
        {"http://", -EINVAL, -EINVAL},
        {"https:/example.com/", -EINVAL, -EINVAL}, /* curl alone would take these two */
        {"https:///example.com/", -EINVAL, -EINVAL},
        {"http://user:pass@example.com/", -EINVAL, -EINVAL},
        {"http://exa mple.com/", -EINVAL, -EINVAL},
        {"http://example.com/\r\nX: y", -EINVAL, -EINVAL},
        {"", -EINVAL, -EINVAL},
    };
    char message[128];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span url = span_str(cases[i].url);
        int closed = fetch_check_url(url, false, message, sizeof message);
        int open = fetch_check_url(url, true, message, sizeof message);
        if (closed != cases[i].closed || open != cases[i].open)
            fail_msg("%s: %d, %d (%s)", cases[i].url, closed, open, message);
    }
}

static void mailboxes_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        int closed, open; /* without and with allow_private */
    } cases[] = {
        {"imaps://mail.example.com", 0, 0},
        {"imaps://mail.example.com:9930", 0, 0},
        {"imaps://10.0.0.1", -EACCES, 0},
        {"imap://mail.example.com", -EACCES, 0}, /* judged again by its address */
        {"imap://10.0.0.1", -EACCES, 0},
        {"imap://8.8.8.8", -EACCES, -EACCES},
        {"imap://127.0.0.1:143", 0, 0},
        {"imap://169.254.169.254", -EACCES, -EACCES},
        {"https://mail.example.com", -EINVAL, -EINVAL},
        {"imaps://me@mail.example.com", -EINVAL, -EINVAL},
        {"imaps://", -EINVAL, -EINVAL},
    };
    char message[128];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span url = span_str(cases[i].url);
        int closed = fetch_check_imap_url(url, false, false, message, sizeof message);
        int open = fetch_check_imap_url(url, false, true, message, sizeof message);
        if (closed != cases[i].closed || open != cases[i].open)
            fail_msg("%s: %d, %d (%s)", cases[i].url, closed, open, message);
    }
    struct span begins_plain = SPAN_LIT("imap://8.8.8.8"), tls = SPAN_LIT("imaps://8.8.8.8");
    assert_int_equal(fetch_check_imap_url(begins_plain, true, false, message, 128), 0);
    assert_int_equal(fetch_check_imap_url(tls, true, false, message, 128), -EINVAL);
    assert_int_equal(fetch_check_url(SPAN_LIT("imaps://mail.example.com"), true, message, 128),
                     -EINVAL);
}

/* --- requests --- */

struct fixture {
    struct loop *loop;
    struct fetch *fetch;
    struct peer *peer;
    struct peer_reply reply;
    char request[8192]; /* the last the peer saw */
    int requests, answers, wanted;
    /* The last answer. */
    int status, error;
    char message[256], body[4096], header[256];
    int64_t retry_after;
    const char *want_header;
};

static struct peer_reply on_request(void *ctx, struct span request)
{
    struct fixture *f = ctx;
    snprintf(f->request, sizeof f->request, "%.*s", SPAN_FMT(request));
    f->requests++;
    return f->reply;
}

static void on_close(void *ctx)
{
    struct fixture *f = ctx;
    peer_close(f->peer);
    loop_stopped(f->loop, STOP_CLOSE, f);
}

static void on_answer(void *ctx, const struct fetch_response *r)
{
    struct fixture *f = ctx;
    f->status = r->status;
    f->error = r->error;
    snprintf(f->message, sizeof f->message, "%s", r->message);
    snprintf(f->body, sizeof f->body, "%.*s", SPAN_FMT(r->body));
    f->retry_after = fetch_retry_after(r, 1000);
    if (f->want_header)
        snprintf(f->header, sizeof f->header, "%.*s", SPAN_FMT(fetch_header(r, f->want_header)));
    if (++f->answers == f->wanted)
        loop_shutdown(f->loop);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(loop_new(&f->loop), 0);
    assert_int_equal(fetch_new(f->loop, &f->fetch), 0);
    f->peer = peer_new(loop_uv(f->loop), on_request, f);
    assert_int_equal(loop_on_stop(f->loop, STOP_CLOSE, on_close, f), 0);
    f->wanted = 1;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fetch_free(f->fetch);
    peer_free(f->peer);
    loop_free(f->loop);
    free(f);
    return 0;
}

static struct span url(struct fixture *f, const char *host, const char *path)
{
    static char text[256];
    snprintf(text, sizeof text, "http://%s:%d%s", host, peer_port(f->peer), path);
    return span_str(text);
}

/* One request and its answer. */
static void get(struct fixture *f, const struct fetch_request *r)
{
    assert_int_equal(fetch_start(f->fetch, r, on_answer, f, NULL), 0);
    assert_int_equal(f->answers, 0); /* never at once */
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 1);
    assert_int_equal(fetch_active(f->fetch), 0);
}

static void a_post_goes_out_as_written(void **state)
{
    struct fixture *f = *state;
    const struct pair headers[] = {{SPAN_LIT("Content-Type"), SPAN_LIT("application/json")},
                                   {SPAN_LIT("webhook-id"), SPAN_LIT("msg_1")}};
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 201 Created\r\nX-Answer:  yes \r\n"
                                                "Content-Length: 5\r\n\r\nhello"};
    f->want_header = "x-answer";
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/a?b=c"),
                                   .headers = headers,
                                   .n_headers = 2,
                                   .body = SPAN_LIT("{\"배송\":1}")});
    assert_int_equal(f->status, 201);
    assert_int_equal(f->error, 0);
    assert_string_equal(f->message, "");
    assert_string_equal(f->body, "hello");
    assert_string_equal(f->header, "yes");
    assert_int_equal(f->retry_after, -1);
    char expected[512];
    snprintf(expected, sizeof expected,
             "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: vocd/" VOC_VERSION "\r\n"
             "Accept: */*\r\nContent-Type: application/json\r\nwebhook-id: msg_1\r\n"
             "Content-Length: 12\r\n\r\n{\"배송\":1}",
             peer_port(f->peer));
    /* The order of headers is curl's business. */
    for (char *line = strtok(expected, "\r\n"); line; line = strtok(NULL, "\r\n"))
        if (!strstr(f->request, line))
            fail_msg("no \"%s\" in\n%s", line, f->request);
    assert_null(strstr(f->request, "Expect"));
}

static void methods_are_sent(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_CLOSE, "HTTP/1.1 204 No Content\r\n\r\n"};
    get(f, &(struct fetch_request){.method = "PUT", .url = url(f, "localhost", "/")});
    assert_int_equal(f->status, 204);
    assert_int_equal(strncmp(f->request, "PUT / HTTP/1.1\r\n", 16), 0);
    assert_non_null(strstr(f->request, "Content-Length: 0\r\n"));
    assert_null(strstr(f->request, "Content-Type"));
}

static void what_can_not_be_sent_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct pair split = {SPAN_LIT("X"), SPAN_LIT("a\r\nY: b")};
    const struct pair nameless = {SPAN_LIT("X: y"), SPAN_LIT("b")};
    struct fetch_request r = {.url = url(f, "127.0.0.1", "/"), .headers = &split, .n_headers = 1};
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), -EINVAL);
    r.headers = &nameless;
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), -EINVAL);
    r.n_headers = 0;
    r.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET";
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), -EINVAL);
    r.method = NULL;
    r.url = SPAN_LIT("gopher://127.0.0.1/");
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), -EINVAL);
    r.url = SPAN_LIT("http://192.168.7.7/");
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), -EACCES);
    assert_int_equal(fetch_active(f->fetch), 0);
    loop_shutdown(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 0);
}

static void redirects_are_not_followed(void **state)
{
    struct fixture *f = *state;
    char text[256];
    snprintf(text, sizeof text,
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/inside\r\n"
             "Content-Length: 0\r\n\r\n",
             peer_port(f->peer));
    f->reply = (struct peer_reply){PEER_ANSWER, text};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/")});
    assert_int_equal(f->status, 302);
    assert_int_equal(f->error, 0);
    assert_int_equal(f->requests, 1);
}

static void retry_after_is_read(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){
        PEER_ANSWER, "HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n"};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/")});
    assert_int_equal(f->status, 429);
    assert_int_equal(f->retry_after, 17000);
}

static void retry_after_forms(void **state)
{
    (void)state;
    struct pair h = {SPAN_LIT("retry-after"), SPAN_NONE};
    struct fetch_response r = {.headers = &h, .n_headers = 1};
    int64_t now = INT64_C(1795338000000); /* 2026-11-22T09:00:00Z */
    h.value = SPAN_LIT("Sun, 22 Nov 2026 09:01:30 GMT");
    assert_int_equal(fetch_retry_after(&r, now), 90000);
    h.value = SPAN_LIT("Sun, 22 Nov 2026 08:00:00 GMT"); /* gone by */
    assert_int_equal(fetch_retry_after(&r, now), 0);
    h.value = SPAN_LIT("9999999999");
    assert_int_equal(fetch_retry_after(&r, now), MS_DAY);
    h.value = SPAN_LIT("-5");
    assert_int_equal(fetch_retry_after(&r, now), 0);
    h.value = SPAN_LIT("soon");
    assert_int_equal(fetch_retry_after(&r, now), -1);
}

static void a_silent_peer_times_out(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_SILENT, NULL};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/"), .timeout_ms = 50});
    assert_int_equal(f->status, 0);
    assert_int_equal(f->error, -ETIMEDOUT);
    assert_int_equal(f->requests, 1);
}

static void a_peer_that_stops_half_way_times_out(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/"), .timeout_ms = 50});
    assert_int_equal(f->status, 200); /* the line came, the answer did not */
    assert_int_equal(f->error, -ETIMEDOUT);
    assert_string_equal(f->body, "abc");
}

static void a_reset_is_an_error(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_RESET, NULL};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/")});
    assert_int_equal(f->status, 0);
    assert_int_equal(f->error, -EIO);
    assert_true(f->message[0] != '\0');
}

static void nobody_listening_is_an_error(void **state)
{
    struct fixture *f = *state;
    char text[64];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: the port stays ours */
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    snprintf(text, sizeof text, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    get(f, &(struct fetch_request){.url = span_str(text)});
    assert_int_equal(f->status, 0);
    assert_int_equal(f->error, -EIO);
    close(fd);
}

static void too_much_is_cut_off(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_ENDLESS, "HTTP/1.1 200 OK\r\n\r\n"};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/"), .max_response = 1000});
    assert_int_equal(f->error, -EMSGSIZE);
    assert_true(strlen(f->body) <= 1000);
}

static void exactly_enough_is_taken(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
                                                "12345678"};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/"), .max_response = 8});
    assert_int_equal(f->error, 0);
    assert_string_equal(f->body, "12345678");
}

static void endless_headers_are_cut_off(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(40000);
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n");
    while (n < 30000)
        n += (size_t)sprintf(text + n, "X-%zu: %0500d\r\n", n, 0);
    sprintf(text + n, "\r\n");
    f->reply = (struct peer_reply){PEER_CLOSE, text};
    get(f, &(struct fetch_request){.url = url(f, "127.0.0.1", "/")});
    assert_int_equal(f->error, -EMSGSIZE);
    free(text);
}

/* A name that resolves to loopback, but is not the literal one, needs allow_private. The proxy of
 * the environment must not be asked either. */
static void names_that_lead_inside_are_refused(void **state)
{
    struct fixture *f = *state;
    setenv("http_proxy", "http://127.0.0.1:9/", 1);
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    /* ".localhost" names are loopback to curl itself (RFC 6761): no resolver is asked. */
    get(f, &(struct fetch_request){.url = url(f, "inside.localhost", "/")});
    assert_int_equal(f->error, -EACCES);
    assert_int_equal(f->requests, 0);
    unsetenv("http_proxy");
}

struct second {
    struct fixture *f;
    bool allow_private;
};

static void first_answer(void *ctx, const struct fetch_response *r)
{
    struct second *s = ctx;
    struct fixture *f = s->f;
    assert_int_equal(r->status, 200);
    f->answers++;
    struct fetch_request again = {.url = url(f, "inside.localhost", "/"),
                                  .allow_private = s->allow_private};
    assert_int_equal(fetch_start(f->fetch, &again, on_answer, f, NULL), 0);
}

static void two_in_a_row(struct fixture *f, bool second_allowed)
{
    struct second s = {f, second_allowed};
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    f->wanted = 2;
    struct fetch_request r = {.url = url(f, "inside.localhost", "/"), .allow_private = true};
    assert_int_equal(fetch_start(f->fetch, &r, first_answer, &s, NULL), 0);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 2);
}

static void connections_are_kept(void **state)
{
    struct fixture *f = *state;
    two_in_a_row(f, true);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->requests, 2);
    assert_int_equal(peer_connections(f->peer), 1);
}

static void a_kept_connection_gives_no_rights(void **state)
{
    struct fixture *f = *state;
    two_in_a_row(f, false);
    assert_int_equal(f->error, -EACCES);
    assert_int_equal(f->requests, 1);
}

/* The peer is the proxy here: it sees the whole URL. */
static void a_proxy_is_used_when_given(void **state)
{
    struct fixture *f = *state;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer_port(f->peer));
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    get(f, &(struct fetch_request){.url = SPAN_LIT("http://voc.example.com/x"),
                                   .proxy = span_str(proxy)});
    assert_int_equal(f->status, 200);
    assert_int_equal(strncmp(f->request, "GET http://voc.example.com/x HTTP/1.1\r\n", 39), 0);
}

static void many_at_once_all_answer(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    f->wanted = 300;
    for (int i = 0; i < f->wanted; i++) {
        struct fetch_request r = {.url = url(f, "127.0.0.1", "/"), .body = SPAN_LIT("x")};
        assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), 0);
    }
    assert_int_equal(fetch_active(f->fetch), 300);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 300);
    assert_int_equal(f->requests, 300);
    assert_true(peer_connections(f->peer) <= 8);
}

static void too_many_at_once_are_refused(void **state)
{
    struct fixture *f = *state;
    struct fetch_request r = {.url = url(f, "127.0.0.1", "/")};
    f->reply = (struct peer_reply){PEER_CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    int rc = 0, started = -1;
    for (; rc == 0; started++)
        rc = fetch_start(f->fetch, &r, on_answer, f, NULL);
    assert_int_equal(rc, -EAGAIN);
    assert_int_equal(started, 1024);
    f->wanted = started;
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 1024);
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), -ESHUTDOWN);
}

static void cancelled_is_never_answered(void **state)
{
    struct fixture *f = *state;
    struct fetch_job *jobs[10];
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    struct fetch_request r = {.url = url(f, "127.0.0.1", "/")};
    for (int i = 0; i < 10; i++)
        assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, &jobs[i]), 0);
    for (int i = 0; i < 10; i += 2)
        fetch_cancel(jobs[i]);
    f->wanted = 5;
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 5);
}

struct canceller {
    struct fixture *f;
    struct fetch_job *other;
};

static void cancel_the_other(void *ctx, const struct fetch_response *r)
{
    struct canceller *c = ctx;
    assert_int_equal(r->status, 200);
    fetch_cancel(c->other);
    c->f->answers++;
    loop_shutdown(c->f->loop);
}

static struct peer_reply quick_or_silent(void *ctx, struct span request)
{
    struct fixture *f = ctx;
    f->requests++;
    bool quick = span_starts(request, SPAN_LIT("GET /quick"));
    return quick ? f->reply : (struct peer_reply){PEER_SILENT, NULL};
}

static void an_answer_may_cancel_another(void **state)
{
    struct fixture *f = *state;
    struct canceller c = {.f = f};
    struct peer *second = peer_new(loop_uv(f->loop), quick_or_silent, f);
    char text[2][64];
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    snprintf(text[0], 64, "http://127.0.0.1:%d/quick", peer_port(second));
    snprintf(text[1], 64, "http://127.0.0.1:%d/silent", peer_port(second));
    struct fetch_request quick = {.url = span_str(text[0])}, silent = {.url = span_str(text[1])};
    assert_int_equal(fetch_start(f->fetch, &silent, on_answer, f, &c.other), 0);
    assert_int_equal(fetch_start(f->fetch, &quick, cancel_the_other, &c, NULL), 0);
    /* The second peer closes with the first. */
    struct fixture both = {.loop = f->loop, .peer = second};
    assert_int_equal(loop_on_stop(f->loop, STOP_CLOSE, on_close, &both), 0);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 1);
    peer_free(second);
}

/* Shutdown lets what is under way finish. */
static void shutdown_waits_for_answers(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    for (int i = 0; i < 20; i++) {
        struct fetch_request r = {.url = url(f, "127.0.0.1", "/")};
        assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), 0);
    }
    loop_shutdown(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 20);
    assert_int_equal(f->status, 200);
}

/* When the stage's time is up, what is left ends at STOP_CLOSE, told. */
static void shutdown_does_not_wait_for_ever(void **state)
{
    struct fixture *f = *state;
    f->reply = (struct peer_reply){PEER_SILENT, NULL};
    struct fetch_request r = {.url = url(f, "127.0.0.1", "/")};
    assert_int_equal(fetch_start(f->fetch, &r, on_answer, f, NULL), 0);
    loop_set_stop_deadline(f->loop, STOP_DELIVER, 20);
    loop_shutdown(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
    assert_int_equal(f->answers, 1);
    assert_int_equal(f->error, -ECANCELED);
    assert_int_equal(f->status, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_judged),
        cmocka_unit_test(urls_are_judged),
        cmocka_unit_test(mailboxes_are_judged),
        T(a_post_goes_out_as_written),
        T(methods_are_sent),
        T(what_can_not_be_sent_is_refused),
        T(redirects_are_not_followed),
        T(retry_after_is_read),
        cmocka_unit_test(retry_after_forms),
        T(a_silent_peer_times_out),
        T(a_peer_that_stops_half_way_times_out),
        T(a_reset_is_an_error),
        T(nobody_listening_is_an_error),
        T(too_much_is_cut_off),
        T(exactly_enough_is_taken),
        T(endless_headers_are_cut_off),
        T(names_that_lead_inside_are_refused),
        T(connections_are_kept),
        T(a_kept_connection_gives_no_rights),
        T(a_proxy_is_used_when_given),
        T(many_at_once_all_answer),
        T(too_many_at_once_are_refused),
        T(cancelled_is_never_answered),
        T(an_answer_may_cancel_another),
        T(shutdown_waits_for_answers),
        T(shutdown_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
