#include "tests/lib/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum { REQUEST_MAX = 65536 };

struct link {     /* one accepted connection */
    uv_tcp_t tcp; /* first */
    struct peer *peer;
    struct link *prev, *next;
    char in[REQUEST_MAX];
    size_t n;
};

struct peer {
    uv_tcp_t tcp; /* first */
    peer_reply_fn *reply;
    void *ctx;
    struct link *links;
    int accepted, port;
    size_t open;
};

struct sending {
    uv_write_t req; /* first */
    char text[];
};

static void *must(void *p)
{
    if (!p) {
        perror("peer");
        abort();
    }
    return p;
}

static void check(int rc)
{
    if (rc < 0) {
        fprintf(stderr, "peer: %s\n", uv_strerror(rc));
        abort();
    }
}

static void link_closed(uv_handle_t *h)
{
    struct link *l = (struct link *)h;
    l->peer->open--;
    free(l);
}

static void link_unlist(struct link *l)
{
    if (l->prev)
        l->prev->next = l->next;
    else
        l->peer->links = l->next;
    if (l->next)
        l->next->prev = l->prev;
}

static void link_close(struct link *l, bool reset)
{
    if (uv_is_closing((uv_handle_t *)l))
        return;
    link_unlist(l);
    if (!reset || uv_tcp_close_reset(&l->tcp, link_closed) < 0)
        uv_close((uv_handle_t *)l, link_closed);
}

static void send_text(struct link *l, const char *text, uv_write_cb then)
{
    size_t n = strlen(text);
    struct sending *s = must(malloc(sizeof *s + n));
    memcpy(s->text, text, n);
    uv_buf_t b = uv_buf_init(s->text, (unsigned)n);
    check(uv_write(&s->req, (uv_stream_t *)l, &b, 1, then));
}

static void sent(uv_write_t *req, int status)
{
    (void)status;
    free(req);
}

static void sent_last(uv_write_t *req, int status)
{
    struct link *l = (struct link *)req->handle;
    (void)status;
    free(req);
    link_close(l, false);
}

static void sent_some(uv_write_t *req, int status)
{
    struct link *l = (struct link *)req->handle;
    static char more[8192];
    free(req);
    if (status < 0 || uv_is_closing((uv_handle_t *)l)) {
        link_close(l, false);
        return;
    }
    memset(more, 'x', sizeof more - 1);
    send_text(l, more, sent_some);
}

static void answer(struct link *l, struct span request)
{
    struct peer_reply r = l->peer->reply(l->peer->ctx, request);
    switch (r.act) {
    case PEER_ANSWER:
        send_text(l, r.text, sent);
        break;
    case PEER_CLOSE:
        send_text(l, r.text, sent_last);
        break;
    case PEER_ENDLESS:
        send_text(l, r.text, sent_some);
        break;
    case PEER_RESET:
        link_close(l, true);
        break;
    case PEER_SILENT:
        break;
    }
}

/* Bytes of the first whole request, 0 when it is not all there. */
static size_t whole_request(struct link *l)
{
    l->in[l->n] = '\0';
    const char *end = strstr(l->in, "\r\n\r\n");
    if (!end)
        return 0;
    size_t head = (size_t)(end - l->in) + 4, body = 0;
    for (const char *at = strstr(l->in, "\r\n"); at && at < end; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, "content-length:", 15) == 0)
            body = strtoul(at + 17, NULL, 10);
    return l->n >= head + body ? head + body : 0;
}

static void on_read(uv_stream_t *s, ssize_t got, const uv_buf_t *b)
{
    struct link *l = (struct link *)s;
    (void)b;
    if (got < 0) {
        link_close(l, false);
        return;
    }
    l->n += (size_t)got;
    for (size_t n; !uv_is_closing((uv_handle_t *)l) && (n = whole_request(l)) > 0;) {
        answer(l, span_of(l->in, n));
        memmove(l->in, l->in + n, l->n - n);
        l->n -= n;
    }
}

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *b)
{
    struct link *l = (struct link *)h;
    (void)want;
    *b = uv_buf_init(l->in + l->n, (unsigned)(sizeof l->in - 1 - l->n));
}

static void on_connection(uv_stream_t *s, int status)
{
    struct peer *p = (struct peer *)s;
    check(status);
    struct link *l = must(calloc(1, sizeof *l));
    l->peer = p;
    check(uv_tcp_init(s->loop, &l->tcp));
    check(uv_accept(s, (uv_stream_t *)l));
    l->next = p->links;
    if (l->next)
        l->next->prev = l;
    p->links = l;
    p->open++;
    p->accepted++;
    check(uv_read_start((uv_stream_t *)l, on_alloc, on_read));
}

struct peer *peer_new(uv_loop_t *loop, peer_reply_fn *reply, void *ctx)
{
    struct peer *p = must(calloc(1, sizeof *p));
    struct sockaddr_in at;
    p->reply = reply;
    p->ctx = ctx;
    p->open = 1;
    check(uv_tcp_init(loop, &p->tcp));
    check(uv_ip4_addr("127.0.0.1", 0, &at));
    check(uv_tcp_bind(&p->tcp, (struct sockaddr *)&at, 0));
    check(uv_listen((uv_stream_t *)p, 128, on_connection));
    int n = sizeof at;
    check(uv_tcp_getsockname(&p->tcp, (struct sockaddr *)&at, &n));
    p->port = ntohs(at.sin_port);
    return p;
}

int peer_port(const struct peer *p)
{
    return p->port;
}

int peer_connections(const struct peer *p)
{
    return p->accepted;
}

static void listener_closed(uv_handle_t *h)
{
    ((struct peer *)h)->open--;
}

void peer_close(struct peer *p)
{
    while (p->links)
        link_close(p->links, false);
    uv_close((uv_handle_t *)p, listener_closed);
}

void peer_free(struct peer *p)
{
    if (p && p->open > 0)
        abort();
    free(p);
}
