/* http: the server as handlers see it. The life of a request:
 *
 *   connection.c reads bytes, parser.c (libhttp-parser) finds the head, refuses what is ambiguous;
 *   router.c finds the route; auth.c finds the principal and checks role and workspace against the
 *   route's row; then, for a BODY_WHOLE route, `handle` is called once the body is there (at most
 *   max_body), or for a BODY_STREAM route `handle` is called at once and sets data/end/abort.
 *   The handler answers exactly once, now or later, with one of http_respond*(), after which the
 *   request is gone. A client that went away is not told to the handler (but `abort` on a stream
 *   under way): it answers all the same, and the answer is dropped.
 *
 * Thread: the loop thread. Ownership: a request, its arena and its body belong to the connection
 * until answered; spans of it live that long. Errors are application/problem+json (RFC 9457). */
#ifndef VOC_HTTP_H
#define VOC_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/record.h"
#include "daemon/core/config.h"
#include "daemon/core/loop.h"
#include "daemon/http/session.h"

struct http_server;
struct http_request;

enum http_body { BODY_NONE, BODY_WHOLE, BODY_STREAM };
enum http_auth {
    AUTH_TOKEN, /* Bearer token, or the console's cookie, of one of `roles` */
    AUTH_OPEN,  /* anybody: /healthz, /openapi.json */
    AUTH_HOOK,  /* the handler verifies a signature over the raw body */
};
#define ROLE_BIT(r) (1u << (r))

struct http_route {
    const char *method;  /* "GET" (serves HEAD too), "POST", "PUT", "DELETE" */
    const char *pattern; /* "/v1/customers/{id}/context": {name} is one segment, percent-decoded */
    enum http_body body;
    enum http_auth auth;
    unsigned roles; /* ROLE_BIT()s */
    void (*handle)(struct http_request *r);
    const char *const *query; /* NULL-ended names accepted in the query string; others: 400 */
    /* May be NULL. Asked when the head is complete and the principal known, before a byte of the
     * body is read (and before 100 Continue): true to go on, or answered (503 when there is no
     * room) and false. `length` is 0 when the peer does not say. */
    bool (*admit)(struct http_request *r, uint64_t length);
};

struct http_principal {
    struct span workspace;
    enum role role;
    struct span token_id; /* public id, for logs and the access log */
    struct span name;     /* label given at creation */
    bool by_session;      /* a browser with a cookie, not a token */
    struct session session;
};

enum { HTTP_MAX_PARAMS = 4 };
struct http_request {
    struct http_server *server;
    struct arena *arena;
    const char *method;
    struct span path; /* as sent, before '?' */
    struct span id;   /* request id, in logs and the X-Request-Id answer header */
    struct span peer; /* address text */
    struct http_principal principal;
    struct span params[HTTP_MAX_PARAMS]; /* in order of the pattern */
    struct span body;                    /* BODY_WHOLE */
    const struct http_route *route;
    void *app;  /* the server's app pointer (struct app of daemon/app.h) */
    void *user; /* the handler's */
    /* BODY_STREAM: set by `handle` before it returns. */
    void (*on_data)(struct http_request *r, struct span chunk);
    void (*on_end)(struct http_request *r);
    void (*on_abort)(struct http_request *r); /* the peer went away or was too slow; still answer */
    int abort_status; /* why: 0 gone, 400 malformed, 408 too slow, 413 larger than max_stream */
};

struct http_server_config {
    struct loop *loop;
    struct config *config; /* a reference is taken */
    const struct http_route *routes;
    size_t n_routes;
    void *app;
    /* Looks a token up by its keyed hash; see auth.h. */
    struct auth *auth;
};
/* Listens at once; port 0 picks one. 0, -EADDRINUSE, -errno with `message`. */
int http_server_new(const struct http_server_config *cfg, char *message, size_t size,
                    struct http_server **ret_server);
uint16_t http_server_port(const struct http_server *s);
void http_server_reload(struct http_server *s, struct config *config);
void http_server_free(struct http_server *s); /* after STOP_CLOSE; NULL is fine */

/* Head and query. Absent: {NULL,0}. Header names in lower case. */
struct span http_header(const struct http_request *r, const char *name);
/* How often it was sent. */
size_t http_header_count(const struct http_request *r, const char *name);
struct span http_query(const struct http_request *r, const char *name);
bool http_is_tls(const struct http_request *r);
/* The value of the session cookie, or absent; what it is worth auth.h says. */
struct span http_session_cookie(const struct http_request *r);
/* Whether a browser may do this with its cookie: it comes from our own page and, but for GET and
 * HEAD, brings the session's X-CSRF-Token. Rows with AUTH_TOKEN are checked already. `p` NULL:
 * there is no session yet. False after answering 403. */
bool http_same_origin(struct http_request *r, const struct http_principal *p);

/* Answers. The body is copied; `type` NULL means application/json. */
void http_respond(struct http_request *r, int status, const char *type, struct span body);
/* Extra answer headers, before responding; copied. */
void http_set_header(struct http_request *r, const char *name, struct span value);
/* `code` becomes type "urn:vocd:problem:CODE" and title its text; `detail` may be NULL. Never put a
 * record's text in it. 401 gets WWW-Authenticate, 503 Retry-After. */
void http_problem(struct http_request *r, int status, const char *code, const char *detail_fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with errors[]: a JSON array made by the caller. */
void http_problem_errors(struct http_request *r, int status, const char *code, const char *detail,
                         struct span errors_json);

/* Stream bodies: stop and go on reading from the socket. */
void http_pause(struct http_request *r);
void http_resume(struct http_request *r);

/* Server-sent events: answers 200 text/event-stream and keeps the connection, with a comment every
 * 15 s. When _begin fails the request is gone. Else on_close is called once when it ends, whoever
 * ends it, from the loop and never from inside http_event*(); the request lives until then.
 * http_event() gives -EPIPE when the peer is gone, -ENOBUFS when more than 256 KiB wait for it (the
 * caller ends it). `event` and `id` may be absent; data may have several lines. */
int http_events_begin(struct http_request *r, void (*on_close)(void *ctx), void *ctx);
int http_event(struct http_request *r, struct span event, struct span id, struct span data);
void http_events_end(struct http_request *r);

#endif
