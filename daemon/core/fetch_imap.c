/* A session with a mail server. curl connects, checks the certificate and signs in; then its
 * connection is ours (CURLOPT_CONNECT_ONLY): commands go through curl_easy_send() and answers
 * through curl_easy_recv(), counted by their literals. curl's own commands would not do: it takes
 * the lines of a mail for the server's, strips long ones, stops at 300 KB, and waits in the loop's
 * thread for the answer to LOGOUT. A session ends without one. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/core/fetch_impl.h"

enum { CHUNK = 16384, MAX_COMMAND = 8192, MAX_TAGGED = 512, TAG_MAX = 16 };

struct imap {
    struct fetch_job *job;
    struct poll *poll;
    struct loop_timer *timer;
    int64_t timeout_ms;
    unsigned n; /* commands so far */
    char tag[TAG_MAX];
    bool takes_tokens; /* the server says so */
    struct buf out;
    size_t sent;
    /* The answer in job->body. */
    size_t line;    /* where the line under way begins */
    size_t scanned; /* nothing ends before here */
    size_t literal; /* bytes of one still to come */
    bool goes_on;   /* the line under way began before a literal: no tag stands here */
    char tagged[MAX_TAGGED];
    bool waiting; /* for an answer */
};

/* --- the answer, as it comes --- */

/* Of a line that ends in {n}, n; else 0. */
static size_t announced(struct span line)
{
    size_t open = line.n;
    int64_t n;
    if (line.n < 3 || line.p[line.n - 1] != '}')
        return 0;
    while (open > 0 && line.p[open - 1] != '{')
        open--;
    if (open == 0 || span_to_i64(span_of(line.p + open, line.n - 1 - open), &n) < 0 || n < 0)
        return 0;
    return (size_t)n;
}

/* Whether the answer is whole; then job->body is what came before its tagged line. */
static bool look(struct imap *m)
{
    struct buf *b = &m->job->body;
    while (m->scanned < b->n) {
        if (m->literal > 0) {
            size_t n = b->n - m->scanned < m->literal ? b->n - m->scanned : m->literal;
            m->literal -= n;
            m->scanned += n;
            m->line = m->scanned;
            m->goes_on = true;
            continue;
        }
        char *end = memchr(b->p + m->scanned, '\n', b->n - m->scanned);
        if (!end) {
            m->scanned = b->n;
            return false;
        }
        struct span line = span_trim(span_of(b->p + m->line, (size_t)(end - b->p) - m->line));
        if (!m->goes_on && span_starts(line, span_str(m->tag))) {
            size_t tag = strlen(m->tag);
            snprintf(m->tagged, sizeof m->tagged, "%.*s", (int)(line.n - tag), line.p + tag);
            b->n = m->line;
            return true;
        }
        m->literal = announced(line);
        m->goes_on = false;
        m->line = m->scanned = (size_t)(end - b->p) + 1;
    }
    return false;
}

static void answered(struct imap *m)
{
    struct fetch_job *job = m->job;
    struct fetch_response r = {
        .message = "",
        .body = span_of(job->body.n ? job->body.p : "", job->body.n),
        .tagged = span_str(m->tagged),
    };
    m->waiting = false;
    uv_poll_stop(&m->poll->uv);
    loop_timer_set(m->timer, -1, 0);
    job->done(job->ctx, &r);
}

/* --- bytes --- */

static void watch(struct imap *m);

/* 0, or why the session is over. */
static CURLcode flush(struct imap *m)
{
    while (m->sent < m->out.n) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(m->job->easy, m->out.p + m->sent, m->out.n - m->sent, &n);
        m->sent += n;
        if (rc != CURLE_OK)
            return rc == CURLE_AGAIN ? CURLE_OK : rc;
    }
    return CURLE_OK;
}

/* TLS holds bytes back that no poll tells of, so until there are none. */
static void receive(struct imap *m)
{
    struct fetch_job *job = m->job;
    char chunk[CHUNK];
    for (;;) {
        size_t n = 0;
        CURLcode rc = curl_easy_recv(job->easy, chunk, sizeof chunk, &n);
        if (rc == CURLE_AGAIN) {
            watch(m);
            return;
        }
        if (rc != CURLE_OK || n == 0) {
            snprintf(job->error, sizeof job->error, "the server closed the connection");
            fetch_job_finish(job, -EIO, rc == CURLE_OK ? CURLE_GOT_NOTHING : rc);
            return;
        }
        if (n > job->max_response - job->body.n || buf_append(&job->body, chunk, n) < 0) {
            fetch_job_finish(job, -EMSGSIZE, CURLE_OK);
            return;
        }
        if (look(m)) {
            answered(m);
            return;
        }
    }
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct poll *p = uv->data;
    struct imap *m = p->imap;
    (void)events;
    CURLcode rc = status < 0 ? CURLE_RECV_ERROR : flush(m);
    if (rc != CURLE_OK)
        fetch_job_finish(m->job, -EIO, rc);
    else
        receive(m);
}

static void watch(struct imap *m)
{
    int events = UV_READABLE | (m->sent < m->out.n ? UV_WRITABLE : 0);
    uv_poll_start(&m->poll->uv, events, on_poll);
}

static void on_late(void *ctx)
{
    struct imap *m = ctx;
    snprintf(m->job->error, sizeof m->job->error, "no answer within %lld ms",
             (long long)m->timeout_ms);
    fetch_job_finish(m->job, -ETIMEDOUT, CURLE_OK);
}

/* --- the session --- */

/* By a token and nothing else: curl would try a server's other ways with an empty password. */
static CURLcode set_token(struct fetch_job *job, struct span token)
{
    struct span copy = arena_dup(&job->arena, token);
    if (!copy.p)
        return CURLE_OUT_OF_MEMORY;
    job->with_token = true;
    CURLcode rc = curl_easy_setopt(job->easy, CURLOPT_XOAUTH2_BEARER, copy.p);
    rc |= curl_easy_setopt(job->easy, CURLOPT_LOGIN_OPTIONS, "AUTH=OAUTHBEARER;AUTH=XOAUTH2");
    explicit_bzero((char *)copy.p, copy.n); /* curl has its own */
    return rc;
}

static CURLcode set_password(struct fetch_job *job, struct span password)
{
    struct span copy = arena_dup(&job->arena, password);
    if (!copy.p)
        return CURLE_OUT_OF_MEMORY;
    CURLcode rc = curl_easy_setopt(job->easy, CURLOPT_PASSWORD, copy.p);
    explicit_bzero((char *)copy.p, copy.n);
    return rc;
}

int fetch_imap_prepare(struct fetch_job *job, const struct fetch_request *request)
{
    CURL *e = job->easy;
    struct span user = arena_dup(&job->arena, request->user);
    struct imap *m = calloc(1, sizeof *m);
    job->imap = m;
    if (!m || !user.p)
        return -ENOMEM;
    m->job = job;
    m->timeout_ms = request->timeout_ms;
    buf_init(&m->out, MAX_COMMAND);
    CURLcode rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "imap,imaps");
    rc |= curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_HTTPPROXYTUNNEL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_USERNAME, user.p);
    rc |= curl_easy_setopt(e, CURLOPT_USE_SSL,
                           (long)(request->starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    rc |= request->token.p ? set_token(job, request->token) : set_password(job, request->password);
    return rc == CURLE_OK ? 0 : -ENOMEM;
}

void fetch_imap_line(struct fetch_job *job, struct span line)
{
    if (span_find(line, SPAN_LIT("AUTH=OAUTHBEARER")) != SIZE_MAX ||
        span_find(line, SPAN_LIT("AUTH=XOAUTH2")) != SIZE_MAX)
        job->imap->takes_tokens = true;
}

int fetch_imap_error(struct fetch_job *job, CURLcode code)
{
    switch (code) {
    case CURLE_LOGIN_DENIED:
        return job->with_token && !job->imap->takes_tokens ? -ENOTSUP : -EPERM;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_USE_SSL_FAILED:
        snprintf(job->error, sizeof job->error, "the server does not encrypt: no STARTTLS");
        return -EIO;
    default:
        return -EIO;
    }
}

void fetch_imap_ready(struct fetch_job *job)
{
    struct imap *m = job->imap;
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct fetch_response r = {.message = "", .body = SPAN_LIT(""), .tagged = SPAN_LIT("OK")};
    curl_easy_getinfo(job->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (loop_timer_new(job->fetch->loop, -1, 0, on_late, m, &m->timer) < 0)
        m->timer = NULL;
    m->poll = fd != CURL_SOCKET_BAD && m->timer ? fetch_poll_new(job->fetch, fd) : NULL;
    if (!m->poll) {
        fetch_job_finish(job, -EIO, CURLE_OUT_OF_MEMORY);
        return;
    }
    m->poll->imap = m;
    job->done(job->ctx, &r);
}

void fetch_imap_free(struct imap *m)
{
    if (!m)
        return;
    if (m->poll) {
        uv_poll_stop(&m->poll->uv);
        uv_close((uv_handle_t *)&m->poll->uv, fetch_poll_closed);
    }
    loop_timer_free(m->timer);
    buf_done(&m->out);
    free(m);
}

int fetch_imap_command(struct fetch_job *job, struct span command, fetch_done_fn *done, void *ctx)
{
    struct imap *m = job->imap;
    snprintf(m->tag, sizeof m->tag, "v%u ", ++m->n);
    buf_reset(&m->out);
    m->sent = 0;
    buf_printf(&m->out, "%s%.*s\r\n", m->tag, SPAN_FMT(command));
    if (m->waiting || buf_error(&m->out))
        return -EINVAL;
    buf_reset(&job->body);
    m->line = m->scanned = m->literal = 0;
    m->goes_on = false;
    m->waiting = true;
    job->done = done;
    job->ctx = ctx;
    loop_timer_set(m->timer, m->timeout_ms, 0);
    uv_poll_start(&m->poll->uv, UV_READABLE | UV_WRITABLE, on_poll); /* sends, from the loop */
    return 0;
}
