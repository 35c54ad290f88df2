/* vocctl ready, hello, alert listen, access-log verify: small helpers around a running daemon. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/ctl/ctl.h"
#include "daemon/trust/access_log.h"

enum { NOTICE_MAX = 1 << 20, POLL_MS = 50, DEFAULT_LISTEN = 8643, PAGE = 500, MAX_WAIT = 3600 };

int ctl_ready(struct ctl *c)
{
    int64_t wait = 0, pid = 0;
    if (!ctl_number(c, "--wait", 0, MAX_WAIT, &wait) ||
        !ctl_number(c, "--pid", 1, INT32_MAX, &pid) || ctl_leftover(c, 1))
        return CTL_USAGE;
    int64_t until = clock_mono(&clock_system) + wait * MS_SECOND;
    struct client *client = client_new(&c->client);
    bool ready = false, more = client != NULL;
    while (more) {
        struct client_answer a;
        client_call(client, ROLE_ADMIN, "GET", "/readyz", NULL, SPAN_NONE, &a);
        ready = a.status == 200;
        bool alive = pid == 0 || kill((pid_t)pid, 0) == 0;
        more = !ready && alive && clock_mono(&clock_system) < until;
        if (more)
            usleep(POLL_MS * 1000);
        else if (!ready)
            client_ok(&a);
        buf_done(&a.body);
    }
    client_free(client);
    return ready ? CTL_OK : CTL_FAILED;
}

static const struct {
    enum role role;
    const char *who;
} readers[] = {{ROLE_SUPERVISOR, "supervisor: live view, alerts, trends"},
               {ROLE_AGENT, "agent: a customer while the phone rings, masked"},
               {ROLE_QUALITY, "quality: trends, verbatims, A/B tests"}};

static int print_hello(struct client *client)
{
    const char *url = client_url(client), *ingest = client_token(client, ROLE_INGEST);
    bool whole = ingest != NULL;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        whole = whole && client_token(client, readers[i].role);
    if (!whole) {
        fputs("vocctl: no tokens file; give --tokens\n", stderr);
        return CTL_FAILED;
    }
    printf("\nThe console: %s/   Sign in with the token of a role:\n", url);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        printf("  %s   %s\n", client_token(client, readers[i].role), readers[i].who);
    printf("\nSend it a record, and see it arrive:\n"
           "  curl -s %s/v1/feedback -H 'Authorization: Bearer %s' -H 'Content-Type: "
           "application/json' \\\n"
           "    -d '{\"source\":\"web\",\"external_id\":\"1\",\"text\":\"배송이 너무 늦어요. 세 "
           "번째 문의입니다\"}'\n\n"
           "Tokens of all roles are in the tokens file. Ctrl-C stops vocd; its data stays.\n",
           url, ingest);
    return CTL_OK;
}

int ctl_hello(struct ctl *c)
{
    struct client *client = ctl_leftover(c, 1) ? NULL : client_new(&c->client);
    int rc = client ? print_hello(client) : CTL_USAGE;
    client_free(client);
    return rc;
}

/* --- alert listen --- */

static int open_listener(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 16) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/* Where the body begins and how long it is; false while the head is not whole. */
static bool find_body(const struct buf *in, size_t *ret_at, size_t *ret_n)
{
    size_t head = span_find(buf_span(in), SPAN_LIT("\r\n\r\n"));
    if (head == SIZE_MAX)
        return false;
    *ret_at = head + 4;
    *ret_n = 0;
    for (const char *line = in->p; line < in->p + head; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            *ret_n = (size_t)strtoul(line + 15, NULL, 10);
    }
    return true;
}

static void show_notice(struct span body)
{
    json_t *notice = json_loadb(body.p, body.n, 0, NULL), *alert;
    size_t i;
    const char *status = json_string_value(json_object_get(notice, "status"));
    json_array_foreach(json_object_get(notice, "alerts"), i, alert)
    {
        json_t *notes = json_object_get(alert, "annotations");
        const char *summary = json_string_value(json_object_get(notes, "summary"));
        printf("[%s] %s\n", status ? status : "?", summary ? summary : "");
    }
    json_dumpf(notice, stdout, JSON_INDENT(2));
    printf("\n\n");
    fflush(stdout);
    json_decref(notice);
}

static void serve(int fd)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    struct buf in;
    size_t at = 0, n = 0;
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    buf_init(&in, NOTICE_MAX);
    for (;;) {
        bool head = in.n > 0 && find_body(&in, &at, &n);
        if (head && in.n - at >= n)
            break;
        char *to = buf_reserve(&in, 4096);
        ssize_t got = to ? read(fd, to, 4095) : -1;
        if (got <= 0)
            goto out;
        in.n += (size_t)got;
        in.p[in.n] = '\0';
    }
    show_notice(span_of(in.p + at, n));
    if (write(fd, answer, sizeof answer - 1) < 0)
        perror("vocctl: answer");
out:
    buf_done(&in);
}

int ctl_listen(struct ctl *c)
{
    int64_t port = DEFAULT_LISTEN, left = -1;
    if (!ctl_number(c, "--port", 1, UINT16_MAX, &port) ||
        !ctl_number(c, "--count", 1, INT32_MAX, &left) || ctl_leftover(c, 2))
        return CTL_USAGE;
    int fd = open_listener((int)port);
    if (fd < 0) {
        fprintf(stderr, "vocctl: can not listen: %s\n", strerror(-fd));
        return CTL_FAILED;
    }
    fprintf(stderr, "waiting for notices on http://127.0.0.1:%d/\n", (int)port);
    for (; left != 0; left -= left > 0) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0)
            continue;
        serve(peer);
        close(peer);
    }
    close(fd);
    return CTL_OK;
}

/* --- access-log verify --- */

/* The head is noted some seconds late, so the chain goes through it rather than ends in it. */
static bool verify_head(json_t *head, const struct access_verifier *v)
{
    uint64_t n = (uint64_t)json_integer_value(json_object_get(head, "n"));
    if (!json_is_object(head) || v->n != n)
        return true;
    struct span hash = span_str(json_string_value(json_object_get(head, "hash")));
    return access_verify_head(v, n, hash) == ACCESS_OK;
}

static bool verify_page(json_t *items, json_t *head, struct access_verifier *v)
{
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        char *text = json_dumps(item, JSON_COMPACT);
        enum access_fault fault = access_verify(v, span_str(text));
        free(text);
        if (fault == ACCESS_OK && !verify_head(head, v))
            fault = ACCESS_CUT;
        if (fault != ACCESS_OK) {
            fprintf(stderr, "access log: after entry %llu: %s\n", (unsigned long long)v->n,
                    access_fault_text(fault));
            return false;
        }
    }
    return true;
}

int ctl_access_log(struct ctl *c)
{
    struct access_verifier v = {0};
    struct client *client = ctl_leftover(c, 2) ? NULL : client_new(&c->client);
    bool ok = client != NULL, more = ok;
    long long head = 0;
    while (ok && more) {
        char path[128];
        struct client_answer a;
        snprintf(path, sizeof path, "/v1/access-log?order=asc&limit=%d&cursor=%llu", PAGE,
                 (unsigned long long)v.n + 1);
        client_call(client, ROLE_ADMIN, "GET", path, NULL, SPAN_NONE, &a);
        ok = client_ok(&a);
        json_t *page = ok ? json_loadb(a.body.p, a.body.n, 0, NULL) : NULL;
        ok = ok && verify_page(json_object_get(page, "items"), json_object_get(page, "head"), &v);
        more = json_is_string(json_object_get(page, "next_cursor"));
        head = json_integer_value(json_object_get(json_object_get(page, "head"), "n"));
        json_decref(page);
        buf_done(&a.body);
    }
    client_free(client);
    if (ok && v.n < (uint64_t)head) {
        fprintf(stderr, "access log: %s\n", access_fault_text(ACCESS_CUT));
        ok = false;
    }
    if (ok)
        printf("%llu entries, unbroken; newest %s\n", (unsigned long long)v.n, v.hash);
    return ok ? CTL_OK : CTL_FAILED;
}
