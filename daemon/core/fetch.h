/* fetch: outgoing HTTP, and sessions with IMAP servers, many at once, on the loop. fetch*.c are the
 * only users of curl.h.
 *
 * Where a request may go is judged by the address it would be sent to, after resolution and again
 * on a kept connection, so that no name and no redirect (none is followed) leads inside. Never to
 * unspecified, multicast, broadcast and cloud metadata addresses; to loopback, link-local, private
 * and shared ranges only with allow_private, or to loopback when the URL says 127.0.0.1, localhost
 * or [::1] itself. Through a proxy, the proxy decides; only what the URL says literally is judged
 * here.
 *
 * Thread: the loop thread. Ownership: everything of a request is copied by fetch_start(). Bounds:
 * 1,024 requests at once, 512 connections, 8 to one host; an answer's header 16 KiB. Shutdown: at
 * STOP_DELIVER no new request is taken, those under way have four seconds, then they end with
 * -ECANCELED. */
#ifndef VOC_CORE_FETCH_H
#define VOC_CORE_FETCH_H

#include "base/record.h"
#include "daemon/core/loop.h"

struct fetch;
struct fetch_job;

struct fetch_request {
    const char *method; /* NULL: GET, or POST with a body */
    struct span url;
    const struct pair *headers;
    size_t n_headers;
    struct span body;    /* absent: none */
    int64_t timeout_ms;  /* for all of it; 0: 30 s */
    size_t max_response; /* bytes of the answer's body; 0: 64 KiB */
    struct span proxy;   /* absent: none; the environment's are never used */
    struct span ca_file; /* PEM; absent: the system's authorities */
    bool allow_private;
    /* Of an IMAP session, and only of one: with a password, or an OAuth 2.0 access token. */
    struct span user, password, token;
    bool starttls; /* imap:// is encrypted before anything is said, or it ends */
};

struct fetch_response {
    int status; /* 0 when no answer came */
    /* 0: all of the answer came. -EACCES: address refused; -ETIMEDOUT; -EMSGSIZE: larger than
     * max_response; -EPERM: an IMAP server does not let us in; -ENOTSUP: it takes no tokens;
     * -ECANCELED; -EIO: the rest. */
    int error;
    const char *message;        /* of an error, else "". No part of the URL but the host */
    const struct pair *headers; /* names in lower case, in order */
    size_t n_headers;
    struct span body;
    struct span tagged; /* IMAP: "OK …", "NO …" or "BAD …", as the server ends its answer */
};

/* The response lives until `done` returns. Called exactly once per started and not cancelled
 * request, never from inside fetch_start(). May start and cancel others. */
typedef void fetch_done_fn(void *ctx, const struct fetch_response *r);

int fetch_new(struct loop *l, struct fetch **ret_fetch);
void fetch_free(struct fetch *f); /* after the loop has run to its end; NULL is fine */

/* 0; -EINVAL for a URL, method or header that can not be sent; -EACCES when the URL says a refused
 * address; -EAGAIN when 1,024 are under way; -ESHUTDOWN; -ENOMEM. ret_job may be NULL. */
int fetch_start(struct fetch *f, const struct fetch_request *request, fetch_done_fn *done,
                void *ctx, struct fetch_job **ret_job);
/* Not after `done` was called. `done` will not be. */
void fetch_cancel(struct fetch_job *job);
size_t fetch_active(const struct fetch *f);

/* An IMAP session: fetch_start() with `user` set and an imaps:// or imap:// URL without a path
 * connects and signs in, with a token by OAUTHBEARER or XOAUTH2 and nothing else; without TLS only
 * to loopback and private addresses. With error 0 the job
 * lives on: then one command at a time, without its tag, whose answer is in `body` (untagged lines,
 * literals within) and `tagged`; each within timeout_ms and max_response. It ends with
 * fetch_cancel(), which whoever holds it calls before STOP_DELIVER, or with an answer that has an
 * error. 0; -EINVAL for a command that is too long, or before the answer to the last. */
int fetch_imap_command(struct fetch_job *job, struct span command, fetch_done_fn *done, void *ctx);

/* Whether a URL could be sent at all: http or https, a host, no user and password. 0; -EINVAL or
 * -EACCES with a message. Resolves nothing. Any thread. */
int fetch_check_url(struct span url, bool allow_private, char *message, size_t size);
int fetch_check_imap_url(struct span url, bool starttls, bool allow_private, char *message,
                         size_t size);
/* Absent when the answer has no such header; `name` in lower case. */
struct span fetch_header(const struct fetch_response *r, const char *name);
/* What Retry-After asks for, seconds or a date, in ms from now_ms; -1 without one. At most 1 day.
 */
int64_t fetch_retry_after(const struct fetch_response *r, int64_t now_ms);
/* An HTTP date, the same way. */
int64_t fetch_date_after(struct span value, int64_t now_ms);

#endif
