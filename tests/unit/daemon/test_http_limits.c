/* Deadlines, limits of connections, slow readers, event streams, the ordered stop, TLS. Time is
 * moved by hand; nothing waits for a deadline. */
#include "tests/lib/test.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/metrics.h"
#include "base/err.h"
#include "daemon/http/tls.h"
#include "tests/lib/http_rig.h"

static const char yaml[] = "  max_body: 4KiB\n  max_connections: 40\n  header_timeout: 10s\n"
                           "  body_timeout: 20s\n  idle_timeout: 60s\n  write_timeout: 30s\n"
                           "  stream_timeout: 100s\n  min_rate: 512\n";

static int set_up(void **state)
{
    *state = http_rig_start(yaml);
    return 0;
}

static int tear_down(void **state)
{
    if (*state)
        http_rig_stop(*state);
    return 0;
}

static int say(struct http_rig *rig, const char *method_and_path, const char *rest)
{
    char text[1024];
    int fd = http_rig_connect(rig);
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: localhost:%u\r\n%s", method_and_path,
                     http_rig_port(rig), rest);
    http_rig_send(fd, text, (size_t)n);
    return fd;
}

/* The connection is open and nothing came. */
static void expect_quiet(int fd)
{
    char c;
    usleep(250000); /* two ticks: a deadline that had passed would have fired */
    if (recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
        fail_msg("expected nothing yet");
}

static void expect_end(int fd, const char *holds)
{
    char *answer = http_rig_read(fd, NULL, NULL);
    if (holds ? !answer || !strstr(answer, holds) : answer && answer[0])
        fail_msg("expected %s, got: %s", holds ? holds : "a plain close", answer ? answer : "");
    free(answer);
    close(fd);
}

/* --- deadlines --- */

static void test_header_deadline(void **state)
{
    struct http_rig *rig = *state;
    int silent = http_rig_connect(rig), half = say(rig, "GET /ping", "A: b\r\n");
    usleep(50000);
    http_rig_advance(rig, 9000);
    expect_quiet(half);
    http_rig_send(half, "A", 1); /* a drip does not move an absolute deadline */
    usleep(50000);
    http_rig_advance(rig, 1500);
    expect_end(half, "408");
    expect_end(silent, NULL);
}

static void test_body_deadline(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "POST /echo", "Content-Length: 100\r\n\r\nabc");
    usleep(50000);
    http_rig_advance(rig, 19000);
    http_rig_send(fd, "d", 1);
    expect_quiet(fd);
    http_rig_advance(rig, 1500);
    expect_end(fd, "408");
}

static void test_idle_deadline(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "GET /ping", "\r\n");
    free(http_rig_read(fd, "true}", NULL));
    usleep(50000);
    http_rig_advance(rig, 59000); /* longer than a head may take: this is idling */
    expect_quiet(fd);
    http_rig_advance(rig, 1500);
    expect_end(fd, NULL);
}

/* Under min_rate on average, after the grace. */
static void test_stream_too_slow(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "POST /stream", "Content-Length: 1000000\r\n\r\nabc");
    usleep(50000);
    http_rig_advance(rig, 9000);
    expect_quiet(fd);
    http_rig_advance(rig, 3000);
    expect_end(fd, "abort_status 408");
    assert_int_equal(http_rig_last_abort(rig), 408);
}

static void test_stream_deadline(void **state)
{
    struct http_rig *rig = *state;
    char *fill = calloc(1, 200000);
    int fd = say(rig, "POST /stream", "Content-Length: 1000000\r\n\r\n");
    http_rig_send(fd, fill, 200000); /* fast enough for 100 s */
    usleep(100000);
    http_rig_advance(rig, 98000);
    expect_quiet(fd);
    http_rig_advance(rig, 3000);
    expect_end(fd, "abort_status 408");
    free(fill);
}

/* Half a minute for an answer nobody reads, and what its bytes take at min_rate. */
static void test_write_deadline(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "GET /big?n=20000000", "\r\n");
    bool closed;
    usleep(100000);
    int64_t before = metric_get(METRIC_HTTP_CONNECTIONS, 0);
    http_rig_advance(rig, 29000);
    usleep(250000);
    assert_int_equal(metric_get(METRIC_HTTP_CONNECTIONS, 0), before);
    http_rig_advance(rig, 20000000 / 512 * 1000 + 3000);
    usleep(250000);
    assert_int_equal(metric_get(METRIC_HTTP_CONNECTIONS, 0), before - 1);
    char *answer = http_rig_read(fd, NULL, &closed);
    assert_true(closed);
    assert_true(strlen(answer) < 20000000);
    free(answer);
    close(fd);
}

static void test_big_answer_arrives_whole(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "GET /big?n=20000000", "Connection: close\r\n\r\n");
    usleep(50000);
    char *answer = http_rig_read(fd, NULL, NULL);
    char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(strlen(body + 4), 20000000);
    free(answer);
    close(fd);
}

/* Bodies taken whole are bounded together: the second large one has no room. */
static void test_bodies_together(void **state)
{
    (void)state;
    struct http_rig *rig = http_rig_start("  max_body: 64MiB\n");
    size_t n = 40 << 20;
    char *fill = calloc(1, n);
    int first = say(rig, "POST /echo", "Content-Length: 60000000\r\n\r\n");
    http_rig_send(first, fill, n);
    expect_quiet(first);
    int second = say(rig, "POST /echo", "Content-Length: 60000000\r\n\r\n");
    http_rig_send(second, fill, n);
    expect_end(second, "HTTP/1.1 503");
    close(first);
    usleep(100000);
    int third = say(rig, "POST /echo", "Content-Length: 41943040\r\nConnection: close\r\n\r\n");
    http_rig_send(third, fill, n);
    expect_end(third, "HTTP/1.1 200 OK");
    free(fill);
    http_rig_stop(rig);
}

/* --- connections --- */

static void test_connection_limit(void **state)
{
    struct http_rig *rig = *state;
    int fds[40];
    for (int i = 0; i < 40; i++) {
        fds[i] = say(rig, "GET /ping", "\r\n");
        free(http_rig_read(fds[i], "true}", NULL));
    }
    expect_end(say(rig, "GET /ping", "\r\n"), "HTTP/1.1 503");
    close(fds[0]);
    usleep(50000);
    int fd = say(rig, "GET /ping", "\r\n");
    char *answer = http_rig_read(fd, "true}", NULL);
    assert_non_null(strstr(answer, "200 OK"));
    free(answer);
    close(fd);
    for (int i = 1; i < 40; i++)
        close(fds[i]);
}

/* Without descriptors left, waiting peers are turned away and the server goes on afterwards. */
static void test_no_descriptors_left(void **state)
{
    struct http_rig *rig = *state;
    struct rlimit old, few;
    int fds[8], top = dup(0);
    for (int i = 0; i < 8; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    close(top);
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){.rlim_cur = (rlim_t)fds[7] + 1, .rlim_max = old.rlim_max};
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(http_rig_port(rig))};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    close(dup(0));
    setrlimit(RLIMIT_NOFILE, &few);
    int filler[64], n = 0;
    while (n < 64 && (filler[n] = dup(0)) >= 0)
        n++;
    for (int i = 0; i < 8; i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&addr, sizeof addr), 0);
    for (int i = 0; i < 8; i++)
        expect_end(fds[i], NULL);
    setrlimit(RLIMIT_NOFILE, &old);
    while (n > 0)
        close(filler[--n]);
    expect_end(say(rig, "GET /ping", "Connection: close\r\n\r\n"), "200 OK");
}

/* --- event streams --- */

static void test_events(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "GET /events", "\r\n");
    char *answer = http_rig_read(fd, "lines\n\n", NULL);
    assert_non_null(strstr(answer, "Content-Type: text/event-stream\r\n"));
    assert_null(strstr(answer, "Content-Length"));
    assert_non_null(strstr(answer, "\r\n\r\nevent: alert\nid: 1\ndata: first\n\n"
                                   "data: two\ndata: lines\n\n"));
    free(answer);
    usleep(50000);
    http_rig_advance(rig, 15500);
    free(http_rig_read(fd, ":\n\n", NULL)); /* kept alive */
    http_rig_advance(rig, 15500);
    free(http_rig_read(fd, ":\n\n", NULL));
    http_rig_event(rig, "x", 1);
    free(http_rig_read(fd, "data: x\n\n", NULL));
    assert_int_equal(http_rig_events_closed(rig), 0);
    close(fd);
    for (int i = 0; i < 100 && !http_rig_events_closed(rig); i++)
        usleep(20000);
    assert_int_equal(http_rig_events_closed(rig), 1);
}

static void test_slow_event_reader(void **state)
{
    struct http_rig *rig = *state;
    char *data = malloc(60001);
    memset(data, 'e', 60000);
    data[60000] = '\0';
    int fd = say(rig, "GET /events", "\r\n");
    free(http_rig_read(fd, "lines\n\n", NULL));
    http_rig_event(rig, data,
                   400); /* 24 MB: the sockets take some, 256 KiB wait, then it is ended */
    http_rig_advance(rig, 31000);
    usleep(250000);
    http_rig_advance(rig, 200000000);
    usleep(250000);
    assert_int_equal(http_rig_events_closed(rig), 1);
    close(fd);
    free(data);
}

/* --- stopping --- */

static void test_stop_answers_what_is_under_way(void **state)
{
    struct http_rig *rig = *state;
    int idle = say(rig, "GET /ping", "\r\n"),
        busy = say(rig, "POST /echo", "Content-Length: 3\r\n\r\n");
    int events = say(rig, "GET /events", "\r\n");
    free(http_rig_read(idle, "true}", NULL));
    free(http_rig_read(events, "lines\n\n", NULL));
    usleep(50000);
    http_rig_shutdown(rig);
    expect_end(idle, NULL);
    expect_end(events, NULL);
    http_rig_send(busy, "abc", 3);
    char *answer = http_rig_read(busy, NULL, NULL);
    assert_non_null(strstr(answer, "200 OK"));
    assert_non_null(strstr(answer, "Connection: close"));
    assert_non_null(strstr(answer, "\r\n\r\nabc"));
    free(answer);
    close(busy);
    http_rig_stop(rig);
    *state = NULL;
}

static void test_reload(void **state)
{
    struct http_rig *rig = *state;
    int fd = say(rig, "POST /echo", "Content-Length: 5000\r\nConnection: close\r\n\r\n");
    expect_end(fd, "413");
    http_rig_reload(rig, "  max_body: 8KiB\n");
    fd = say(rig, "POST /echo", "Content-Length: 5000\r\nConnection: close\r\n\r\n");
    char fill[5000] = "";
    http_rig_send(fd, fill, sizeof fill);
    expect_end(fd, "200 OK");
}

static void test_listening_twice(void **state)
{
    struct http_rig *rig = *state;
    char message[256] = "", text[64];
    struct loop *loop;
    struct http_server *server = NULL;
    struct buf messages;
    struct config *config;
    char path[512];
    buf_init(&messages, 0);
    snprintf(path, sizeof path, "%s/twice.yaml", test_dir());
    snprintf(text, sizeof text, "http:\n  port: %u\n", http_rig_port(rig));
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    assert_int_equal(config_load(path, &messages, &config), 0);
    assert_int_equal(loop_new(&loop), 0);
    struct http_server_config cfg = {.loop = loop, .config = config};
    assert_int_equal(http_server_new(&cfg, message, sizeof message, &server), -EADDRINUSE);
    assert_non_null(strstr(message, "127.0.0.1"));
    loop_free(loop); /* asserts that nothing is left open */
    config_unref(config);
    buf_done(&messages);
}

/* --- TLS --- */

static void write_pem(const char *dir, const char *name, X509 *cert, EVP_PKEY *key)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    if (cert)
        PEM_write_X509(f, cert);
    else
        PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
}

/* A self-signed certificate with this serial number, in dir/cert.pem and dir/key.pem. */
static void make_certificate(const char *dir, long serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    write_pem(dir, "cert.pem", cert, NULL);
    write_pem(dir, "key.pem", NULL, key);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static SSL *tls_connect(const struct http_rig *rig, int max_version, int *ret_fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_max_proto_version(ctx, max_version);
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    *ret_fd = http_rig_connect(rig);
    SSL_set_fd(ssl, *ret_fd);
    if (SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        close(*ret_fd);
        return NULL;
    }
    return ssl;
}

static void tls_close(SSL *ssl, int fd)
{
    SSL_free(ssl);
    close(fd);
}

static void check_tls_request(const struct http_rig *rig, SSL *ssl, size_t n)
{
    char head[200];
    size_t got = 0, total;
    int r,
        len = snprintf(head, sizeof head, "GET /big?n=%zu HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
                       n, http_rig_port(rig));
    char *answer = malloc(n + 4096);
    assert_int_equal(SSL_write(ssl, head, len), len);
    do {
        r = SSL_read(ssl, answer + got, (int)(n + 4095 - got));
        assert_true(r > 0);
        got += (size_t)r;
        answer[got] = '\0';
        char *body = strstr(answer, "\r\n\r\n");
        total = body ? (size_t)(body + 4 - answer) + n : SIZE_MAX;
    } while (got < total);
    assert_int_equal(got, total);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK"));
    free(answer);
}

static long peer_serial(SSL *ssl)
{
    X509 *cert = SSL_get1_peer_certificate(ssl);
    long serial = ASN1_INTEGER_get(X509_get_serialNumber(cert));
    X509_free(cert);
    return serial;
}

static void test_tls(void **state)
{
    (void)state;
    char text[1200];
    const char *dir = test_dir();
    make_certificate(dir, 1001);
    snprintf(text, sizeof text, "  tls_certificate: %s/cert.pem\n  tls_key: %s/key.pem\n", dir,
             dir);
    struct http_rig *rig = http_rig_start(text);
    int fd, fd2;
    SSL *ssl = tls_connect(rig, TLS1_3_VERSION, &fd);
    assert_non_null(ssl);
    assert_int_equal(peer_serial(ssl), 1001);
    for (int i = 0; i < 5; i++)
        check_tls_request(rig, ssl, 100);
    check_tls_request(rig, ssl, 5000000);
    SSL *ssl2 = tls_connect(rig, TLS1_2_VERSION, &fd2);
    assert_non_null(ssl2);
    check_tls_request(rig, ssl2, 100000);
    tls_close(ssl2, fd2);
    assert_null(tls_connect(rig, TLS1_1_VERSION, &fd2));

    make_certificate(dir, 1002); /* as a renewal does */
    http_rig_reload(rig, text);
    ssl2 = tls_connect(rig, TLS1_3_VERSION, &fd2);
    assert_non_null(ssl2);
    assert_int_equal(peer_serial(ssl2), 1002);
    check_tls_request(rig, ssl2, 10);
    check_tls_request(rig, ssl, 10); /* the old connection goes on */
    tls_close(ssl2, fd2);
    tls_close(ssl, fd);

    fd = http_rig_connect(rig); /* plain HTTP to a TLS port: no crash, no answer in the clear */
    http_rig_send(fd, "GET /ping HTTP/1.1\r\n\r\n", 22);
    char *answer = http_rig_read(fd, NULL, NULL);
    assert_true(!answer || !strstr(answer, "HTTP/1.1"));
    free(answer);
    close(fd);
    http_rig_stop(rig);
}

static void test_tls_bad_files(void **state)
{
    (void)state;
    char message[256] = "", cert[512], key[512];
    struct tls_context *ctx = NULL;
    const char *dir = test_dir();
    make_certificate(dir, 1);
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/none.pem", dir);
    assert_int_equal(tls_context_new(cert, key, message, sizeof message, &ctx), -EINVAL);
    assert_non_null(strstr(message, "none.pem"));
    assert_int_equal(tls_context_new(key, cert, message, sizeof message, &ctx), -EINVAL);
    assert_null(ctx);
}

#define RIG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_header_deadline),
        RIG(test_body_deadline),
        RIG(test_idle_deadline),
        RIG(test_stream_too_slow),
        RIG(test_stream_deadline),
        RIG(test_write_deadline),
        RIG(test_big_answer_arrives_whole),
        cmocka_unit_test(test_bodies_together),
        RIG(test_connection_limit),
        RIG(test_no_descriptors_left),
        RIG(test_events),
        RIG(test_slow_event_reader),
        RIG(test_stop_answers_what_is_under_way),
        RIG(test_reload),
        RIG(test_listening_twice),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
