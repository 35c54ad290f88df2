#include "daemon/core/fetch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/fetch_impl.h"
#include "daemon/core/fetch_url.h"
#include "daemon/core/log.h"

enum {
    MAX_JOBS = 1024,
    MAX_CONNECTIONS = 512,
    MAX_PER_HOST = 8,
    MAX_REQUEST_HEADERS = 64,
    MAX_HEADERS = 100,
    MAX_HEADER_BYTES = 16384,
    MAX_RESPONSE = 64 << 20,
    DEFAULT_RESPONSE = 65536,
    DEFAULT_TIMEOUT_MS = 30000,
    MAX_TIMEOUT_MS = 3600000,
    CONNECT_TIMEOUT_MS = 10000,
    STOP_MS = 4000, /* under the loop's deadline of STOP_DELIVER */
};

/* --- where to --- */

static bool may_reach(struct fetch_job *job, enum address_kind kind)
{
    bool seen = job->in_clear && kind == ADDRESS_PUBLIC;
    if (!seen && (job->proxied || fetch_may_reach(job->allow_private, job->allow_loopback, kind)))
        return true;
    job->refused = true;
    return false;
}

/* A new connection: judged before anything is sent. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *sa)
{
    (void)purpose;
    if (!may_reach(ctx, address_kind(&sa->addr)))
        return CURL_SOCKET_BAD;
    return socket(sa->family, sa->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, sa->protocol);
}

/* Also a kept connection, which another request may have opened with more rights. */
static int before_request(void *ctx, char *to, char *from, int to_port, int from_port)
{
    (void)from;
    (void)to_port;
    (void)from_port;
    int kind = address_kind_of(span_str(to));
    bool may = may_reach(ctx, kind < 0 ? ADDRESS_NEVER : (enum address_kind)kind);
    return may ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* --- the answer --- */

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct fetch_job *job = ctx;
    n *= size;
    if (n > job->max_response - job->body.n || buf_append(&job->body, p, n) < 0) {
        job->too_large = true;
        return 0;
    }
    return n;
}

static int keep_header(struct fetch_job *job, struct span line)
{
    size_t colon = span_find_char(line, ':');
    if (colon == line.n)
        return 0;
    struct span name = arena_dup(&job->arena, span_trim(span_of(line.p, colon)));
    struct span value = span_trim(span_of(line.p + colon + 1, line.n - colon - 1));
    value = arena_dup(&job->arena, value);
    if (!name.p || !value.p)
        return -ENOMEM;
    for (char *c = (char *)name.p; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    job->answer_headers[job->n_answer_headers++] = (struct pair){name, value};
    return 0;
}

/* Each status line begins anew: what came with 100 Continue is not the answer's. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct fetch_job *job = ctx;
    struct span line = span_of(p, n * size);
    if (job->imap) {
        fetch_imap_line(job, line);
        return line.n;
    }
    if (span_starts(line, SPAN_LIT("HTTP/")))
        job->n_answer_headers = 0;
    job->header_bytes += line.n;
    if (job->n_answer_headers == MAX_HEADERS || job->header_bytes > MAX_HEADER_BYTES ||
        keep_header(job, line) < 0) {
        job->too_large = true;
        return 0;
    }
    return line.n;
}

/* --- jobs --- */

static void job_free(struct fetch_job *job)
{
    fetch_imap_free(job->imap);
    if (job->easy)
        curl_easy_cleanup(job->easy);
    curl_slist_free_all(job->headers);
    buf_done(&job->body);
    arena_done(&job->arena);
    free(job);
}

static void job_unlink(struct fetch_job *job)
{
    struct fetch *f = job->fetch;
    if (job->prev)
        job->prev->next = job->next;
    else
        f->jobs = job->next;
    if (job->next)
        job->next->prev = job->prev;
    f->active--;
    fetch_imap_free(job->imap); /* its poll, before curl closes the socket */
    job->imap = NULL;
    curl_multi_remove_handle(f->multi, job->easy);
}

static void maybe_stopped(struct fetch *f)
{
    if (!f->stopping || f->active > 0 || !f->stop_timer)
        return;
    loop_timer_free(f->stop_timer);
    f->stop_timer = NULL;
    loop_stopped(f->loop, STOP_DELIVER, f);
}

static int error_of(struct fetch_job *job, CURLcode code)
{
    if (code == CURLE_OK)
        return 0;
    if (job->refused)
        return -EACCES;
    if (job->too_large)
        return -EMSGSIZE;
    if (job->imap)
        return fetch_imap_error(job, code);
    return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}

static const char *message_of(const struct fetch_job *job, int error, CURLcode code)
{
    switch (error) {
    case 0:
        return "";
    case -EACCES:
        return "the address is private or otherwise not allowed";
    case -EMSGSIZE:
        return "the answer is too large";
    case -EPERM:
        return job->with_token ? "the server does not let us in with this user and token"
                               : "the server does not let us in with this user and password";
    case -ENOTSUP:
        return "the server offers neither OAUTHBEARER nor XOAUTH2";
    case -ECANCELED:
        return "shutting down";
    default:
        return job->error[0] ? job->error : curl_easy_strerror(code);
    }
}

void fetch_job_finish(struct fetch_job *job, int error, CURLcode code)
{
    struct fetch *f = job->fetch;
    long status = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    job_unlink(job);
    struct fetch_response r = {
        .status = status >= 200 ? (int)status : 0,
        .error = error,
        .message = message_of(job, error, code),
        .headers = job->answer_headers,
        .n_headers = job->n_answer_headers,
        .body = span_of(job->body.n ? job->body.p : "", job->body.n),
    };
    job->done(job->ctx, &r);
    job_free(job);
    maybe_stopped(f);
}

/* Callbacks may start and cancel others, but never lead back in here: curl is driven from the loop.
 */
static void drain(struct fetch *f)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(f->multi, &left)) != NULL) {
        struct fetch_job *job = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&job);
        if (job->imap && code == CURLE_OK)
            fetch_imap_ready(job);
        else
            fetch_job_finish(job, error_of(job, code), code);
    }
}

static void abort_all(void *ctx)
{
    struct fetch *f = ctx;
    while (f->jobs)
        fetch_job_finish(f->jobs, -ECANCELED, CURLE_OK);
}

void fetch_cancel(struct fetch_job *job)
{
    struct fetch *f = job->fetch;
    job_unlink(job);
    job_free(job);
    maybe_stopped(f);
}

size_t fetch_active(const struct fetch *f)
{
    return f->active;
}

/* --- curl on libuv --- */

static void action(struct fetch *f, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(f->multi, fd, events, &running);
    drain(f);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct poll *p = uv->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    action(p->fetch, p->fd, flags);
}

static void handle_closed(struct fetch *f)
{
    if (--f->open == 0)
        loop_stopped(f->loop, STOP_CLOSE, f);
}

void fetch_poll_closed(uv_handle_t *h)
{
    struct poll *p = h->data;
    struct fetch *f = p->fetch;
    free(p);
    handle_closed(f);
}

static void timer_closed(uv_handle_t *h)
{
    handle_closed(h->data);
}

struct poll *fetch_poll_new(struct fetch *f, curl_socket_t fd)
{
    struct poll *p = calloc(1, sizeof *p);
    if (!p || uv_poll_init_socket(loop_uv(f->loop), &p->uv, fd) != 0) {
        free(p);
        return NULL;
    }
    p->fetch = f;
    p->fd = fd;
    p->uv.data = p;
    f->open++;
    curl_multi_assign(f->multi, fd, p);
    return p;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
    (void)easy;
    struct fetch *f = ctx;
    struct poll *p = of_socket;
    if (what == CURL_POLL_REMOVE) {
        if (!p)
            return 0;
        uv_poll_stop(&p->uv);
        uv_close((uv_handle_t *)&p->uv, fetch_poll_closed);
        curl_multi_assign(f->multi, fd, NULL);
        return 0;
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (!p)
        p = fetch_poll_new(f, fd);
    if (p)
        uv_poll_start(&p->uv, events, on_poll);
    return 0; /* without a poll it times out; an error here would end curl for all */
}

static void on_timer(uv_timer_t *t)
{
    action(t->data, CURL_SOCKET_TIMEOUT, 0);
}

/* Never at once: curl may be in the middle of the call that sets it. */
static int on_timeout_set(CURLM *multi, long ms, void *ctx)
{
    (void)multi;
    struct fetch *f = ctx;
    if (ms < 0 || f->closing)
        uv_timer_stop(&f->timer);
    else
        uv_timer_start(&f->timer, on_timer, ms > 0 ? (uint64_t)ms : 1, 0);
    return 0;
}

/* --- starting --- */

static bool is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
              *s == '-' || *s == '_'))
            return false;
    return true;
}

static bool is_header_value(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

static int add_header(struct fetch_job *job, const char *line)
{
    struct curl_slist *longer = line ? curl_slist_append(job->headers, line) : NULL;
    if (!longer)
        return -ENOMEM;
    job->headers = longer;
    return 0;
}

static int add_headers(struct fetch_job *job, const struct fetch_request *request)
{
    int rc = add_header(job, "Expect:"); /* no waiting for 100 Continue */
    if (rc == 0)
        rc = add_header(job, "Content-Type:"); /* no guess of curl's */
    if (request->n_headers > MAX_REQUEST_HEADERS)
        return -EINVAL;
    for (size_t i = 0; i < request->n_headers && rc == 0; i++) {
        struct span name = arena_dup(&job->arena, request->headers[i].key);
        struct span value = request->headers[i].value;
        if (!name.p || !is_token(name.p) || strlen(name.p) != name.n || !is_header_value(value))
            return -EINVAL;
        /* curl takes "Name:" as "leave it out"; an empty value is written with a semicolon. */
        struct span line = value.n > 0
                               ? arena_printf(&job->arena, "%s: %.*s", name.p, SPAN_FMT(value))
                               : arena_printf(&job->arena, "%s;", name.p);
        rc = add_header(job, line.p);
    }
    return rc;
}

static CURLcode set_method(struct fetch_job *job, const char *method, struct span body)
{
    CURL *e = job->easy;
    CURLcode rc = CURLE_OK;
    if (!body.p && (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0))
        body = SPAN_LIT("");
    if (body.p) {
        rc = curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
        if (rc == CURLE_OK)
            rc = curl_easy_setopt(e, CURLOPT_POSTFIELDS, body.p);
    }
    if (rc == CURLE_OK && strcmp(method, "HEAD") == 0)
        rc = curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (rc == CURLE_OK)
        rc = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    return rc;
}

static CURLcode set_callbacks(struct fetch_job *job)
{
    CURL *e = job->easy;
    CURLcode rc = curl_easy_setopt(e, CURLOPT_PRIVATE, job);
    rc |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, job->error);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, job);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERDATA, job);
    rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, job);
    rc |= curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_request);
    rc |= curl_easy_setopt(e, CURLOPT_PREREQDATA, job);
    return rc;
}

static CURLcode set_limits(struct fetch_job *job, const struct fetch_request *request)
{
    CURL *e = job->easy;
    long timeout = request->timeout_ms > 0 ? (long)request->timeout_ms : DEFAULT_TIMEOUT_MS;
    if (timeout > MAX_TIMEOUT_MS)
        timeout = MAX_TIMEOUT_MS;
    CURLcode rc = curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           timeout < CONNECT_TIMEOUT_MS ? timeout : (long)CONNECT_TIMEOUT_MS);
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* no waiting for a resolver that hangs */
    rc |= curl_easy_setopt(e, CURLOPT_USERAGENT, "vocd/" VOC_VERSION);
    return rc;
}

/* "" also keeps the environment's proxies away. */
static CURLcode set_proxy(struct fetch_job *job, struct span proxy)
{
    struct span text = job->proxied ? arena_dup(&job->arena, proxy) : SPAN_LIT("");
    if (!text.p)
        return CURLE_OUT_OF_MEMORY;
    CURLcode rc = curl_easy_setopt(job->easy, CURLOPT_PROXY, text.p);
    return rc | curl_easy_setopt(job->easy, CURLOPT_NOPROXY, "");
}

static CURLcode set_authorities(struct fetch_job *job, struct span ca_file)
{
    struct span path = arena_dup(&job->arena, ca_file);
    if (!ca_file.p)
        return CURLE_OK;
    return path.p ? curl_easy_setopt(job->easy, CURLOPT_CAINFO, path.p) : CURLE_OUT_OF_MEMORY;
}

static int job_prepare(struct fetch_job *job, const struct fetch_request *request)
{
    struct span url = arena_dup(&job->arena, request->url);
    struct span body = arena_dup(&job->arena, request->body);
    const char *method = request->method ? request->method : request->body.p ? "POST" : "GET";
    if (!is_token(method))
        return -EINVAL;
    job->easy = curl_easy_init();
    job->answer_headers = arena_array(&job->arena, MAX_HEADERS, sizeof *job->answer_headers);
    if (!job->easy || !job->answer_headers || !url.p || (request->body.p && !body.p))
        return -ENOMEM;
    int rc = add_headers(job, request);
    if (rc < 0)
        return rc;
    CURLcode set = curl_easy_setopt(job->easy, CURLOPT_URL, url.p);
    set |= curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->headers);
    set |= set_callbacks(job) | set_limits(job, request) | set_proxy(job, request->proxy);
    set |= set_authorities(job, request->ca_file);
    if (request->user.p)
        return set == CURLE_OK ? fetch_imap_prepare(job, request) : -ENOMEM;
    set |= set_method(job, method, body);
    return set == CURLE_OK ? 0 : -ENOMEM;
}

int fetch_start(struct fetch *f, const struct fetch_request *request, fetch_done_fn *done,
                void *ctx, struct fetch_job **ret_job)
{
    struct fetch_place place = {.imap = request->user.p, .starttls = request->starttls};
    char message[96];
    int rc = fetch_judge(request->url, request->allow_private, &place, message, sizeof message);
    if (rc < 0)
        return rc;
    if (f->stopping)
        return -ESHUTDOWN;
    if (f->active >= MAX_JOBS)
        return -EAGAIN;
    struct fetch_job *job = calloc(1, sizeof *job);
    if (!job)
        return -ENOMEM;
    job->fetch = f;
    job->done = done;
    job->ctx = ctx;
    job->allow_private = request->allow_private;
    job->allow_loopback = place.loopback;
    job->in_clear = place.in_clear;
    job->proxied = request->proxy.n > 0 && !place.loopback;
    job->max_response = request->max_response ? request->max_response : DEFAULT_RESPONSE;
    if (job->max_response > MAX_RESPONSE)
        job->max_response = MAX_RESPONSE;
    arena_init(&job->arena, request->body.n + request->url.n + ((size_t)1 << 20));
    buf_init(&job->body, job->max_response + 1);
    rc = job_prepare(job, request);
    if (rc == 0 && curl_multi_add_handle(f->multi, job->easy) != CURLM_OK)
        rc = -ENOMEM;
    if (rc < 0) {
        job_free(job);
        return rc;
    }
    job->next = f->jobs;
    if (job->next)
        job->next->prev = job;
    f->jobs = job;
    f->active++;
    if (ret_job)
        *ret_job = job;
    return 0;
}

/* --- life --- */

static void on_deliver_stop(void *ctx)
{
    struct fetch *f = ctx;
    f->stopping = true;
    if (f->active > 0 && loop_timer_new(f->loop, STOP_MS, 0, abort_all, f, &f->stop_timer) == 0)
        return;
    abort_all(f);
    loop_stopped(f->loop, STOP_DELIVER, f);
}

/* Cleaning the multi up closes the kept connections, and with them their polls. */
static void on_close_stop(void *ctx)
{
    struct fetch *f = ctx;
    loop_timer_free(f->stop_timer);
    f->stop_timer = NULL;
    abort_all(f);
    f->closing = true;
    curl_multi_cleanup(f->multi);
    f->multi = NULL;
    uv_close((uv_handle_t *)&f->timer, timer_closed);
}

static CURLM *multi_new(struct fetch *f)
{
    CURLM *m = curl_multi_init();
    if (!m)
        return NULL;
    CURLMcode rc = curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket);
    rc |= curl_multi_setopt(m, CURLMOPT_SOCKETDATA, f);
    rc |= curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timeout_set);
    rc |= curl_multi_setopt(m, CURLMOPT_TIMERDATA, f);
    rc |= curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)MAX_CONNECTIONS);
    rc |= curl_multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAX_CONNECTIONS);
    rc |= curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_PER_HOST);
    if (rc == CURLM_OK)
        return m;
    curl_multi_cleanup(m);
    return NULL;
}

int fetch_new(struct loop *l, struct fetch **ret_fetch)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return -ENOMEM;
    struct fetch *f = calloc(1, sizeof *f);
    int rc = f ? 0 : -ENOMEM;
    if (f) {
        f->loop = l;
        f->multi = multi_new(f);
        rc = f->multi ? loop_on_stop(l, STOP_DELIVER, on_deliver_stop, f) : -ENOMEM;
    }
    if (rc == 0) {
        rc = loop_on_stop(l, STOP_CLOSE, on_close_stop, f);
        if (rc < 0)
            loop_off_stop(l, STOP_DELIVER, f);
    }
    if (rc < 0) {
        if (f && f->multi)
            curl_multi_cleanup(f->multi);
        free(f);
        curl_global_cleanup();
        return rc;
    }
    uv_timer_init(loop_uv(l), &f->timer);
    f->timer.data = f;
    f->open = 1;
    *ret_fetch = f;
    return 0;
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    assert(!f->multi && f->open == 0);
    free(f);
    curl_global_cleanup();
}
