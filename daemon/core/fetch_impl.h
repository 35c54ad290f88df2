/* fetch_impl: what the files of fetch share. Not for others.
 *
 *   fetch.c         requests, curl on libuv
 *   fetch_url.c     where they may go
 *   fetch_answer.c  what headers say
 *   fetch_imap.c    a session with a mail server, once curl has signed in */
#ifndef VOC_CORE_FETCH_IMPL_H
#define VOC_CORE_FETCH_IMPL_H

#include <curl/curl.h>
#include <uv.h>

#include "base/arena.h"
#include "base/buf.h"
#include "daemon/core/fetch.h"

struct fetch {
    struct loop *loop;
    CURLM *multi;
    uv_timer_t timer; /* curl's */
    struct loop_timer *stop_timer;
    struct fetch_job *jobs;
    size_t active;
    size_t open; /* libuv handles not yet closed: sockets and the timer */
    bool stopping, closing;
};

struct imap;

/* One uv_poll per socket, new after each REMOVE. */
struct poll {
    struct fetch *fetch;
    uv_poll_t uv;
    curl_socket_t fd;
    struct imap *imap; /* whose it is; NULL: curl's */
};

struct fetch_job {
    struct fetch *fetch;
    struct fetch_job *prev, *next;
    CURL *easy;
    struct curl_slist *headers;
    struct arena arena; /* url, body, method, answer's headers */
    struct buf body;
    struct pair *answer_headers;
    size_t n_answer_headers, header_bytes;
    size_t max_response;
    bool allow_private, allow_loopback, proxied;
    bool in_clear; /* a password over a connection without TLS */
    bool with_token;
    bool refused, too_large;
    struct imap *imap; /* NULL: HTTP */
    fetch_done_fn *done;
    void *ctx;
    char error[CURL_ERROR_SIZE];
};

/* Tells `done` and frees the job. */
void fetch_job_finish(struct fetch_job *job, int error, CURLcode code);
/* A poll for a socket, in f->open until poll_closed(). NULL when it can not be. */
struct poll *fetch_poll_new(struct fetch *f, curl_socket_t fd);
void fetch_poll_closed(uv_handle_t *h);

/* 0 or -ENOMEM. */
int fetch_imap_prepare(struct fetch_job *job, const struct fetch_request *request);
/* Signed in: the session goes on, or ends at once. */
void fetch_imap_ready(struct fetch_job *job);
void fetch_imap_free(struct imap *imap); /* NULL is fine */
/* A line of the server's while curl signs in. */
void fetch_imap_line(struct fetch_job *job, struct span line);
int fetch_imap_error(struct fetch_job *job, CURLcode code);

#endif
