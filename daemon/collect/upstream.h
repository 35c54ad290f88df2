/* upstream: what an answer of an upstream calls for, how long to wait after a failure, and how many
 * requests it allows. Pure: values and times in, decisions out.
 *
 * Without a rule of the connector: 2xx is an answer; 408, 429 and 5xx are tried again after what
 * Retry-After asks for; 3xx is never followed, for it would carry the credentials elsewhere; 401
 * and 403 and all else fail the poll. */
#ifndef VOC_COLLECT_UPSTREAM_H
#define VOC_COLLECT_UPSTREAM_H

#include "daemon/collect/connector.h"
#include "daemon/core/fetch.h"

enum upstream_what {
    UPSTREAM_ANSWER,
    UPSTREAM_RETRY,
    UPSTREAM_FAIL,
    UPSTREAM_IGNORE,  /* as a last page without records */
    UPSTREAM_REFRESH, /* the credentials, then the same again */
    UPSTREAM_RESTART, /* the page pointer is no longer good: begin at the cursor */
};
/* What went wrong, for metrics and GET /v1/sources. */
#define UPSTREAM_ERRORS(X)                                                                         \
    X(ERROR_NONE, "none")                                                                          \
    X(ERROR_CONNECT, "connect") /* no answer, or half of one */                                    \
    X(ERROR_TIMEOUT, "timeout")                                                                    \
    X(ERROR_TOO_LARGE, "too_large")                                                                \
    X(ERROR_ADDRESS, "address") /* refused by us: fetch.h */                                       \
    X(ERROR_AUTH, "auth")                                                                          \
    X(ERROR_LIMIT, "rate_limit")                                                                   \
    X(ERROR_STATUS, "status")                                                                      \
    X(ERROR_BODY, "body")     /* no JSON, no records where they should be, or it says an error */  \
    X(ERROR_PAGING, "paging") /* leads nowhere: walk.h */                                          \
    X(ERROR_REQUEST, "request") /* could not be made */                                            \
    X(ERROR_COMMIT, "commit")
#define X(id, name) id,
enum upstream_error { UPSTREAM_ERRORS(X) UPSTREAM_ERROR_COUNT };
#undef X
const char *upstream_error_name(enum upstream_error e);

struct upstream_verdict {
    enum upstream_what what;
    enum upstream_error error;
    int64_t wait_ms; /* asked for by the upstream; -1: nothing */
    char why[200];   /* a sentence without secrets and without record text */
};

/* By status and headers. `now`: wall clock, for headers that say a time. */
struct upstream_verdict upstream_judge(const struct connector *c, const struct fetch_response *r,
                                       int64_t now);
/* By rules with `when`, of a decoded answer of that status: errors dressed as success. */
struct upstream_verdict upstream_judge_body(const struct connector *c,
                                            const struct fetch_response *r, json_t *body,
                                            int64_t now);

/* What a header asks to wait, ms from now, at most a day; -1 when it says nothing. */
int64_t upstream_wait(const struct fetch_response *r, struct span header, enum wait_unit unit,
                      int64_t now);

/* The wait before attempt n (from 1) after a failure: base * 2^(n-1), at most `max`, of which half
 * is by chance, so that many sources do not come back together. `chance` uniform. */
int64_t upstream_backoff(int64_t base_ms, int64_t max_ms, unsigned attempt, uint64_t chance);

/* A budget of n requests per time, as a bucket that fills evenly; and what the upstream's own
 * headers say is left. Monotonic ms. */
struct budget {
    double tokens;
    int64_t at;            /* 0: never used */
    int64_t blocked_until; /* 0: not */
};
/* 0: go, and one is taken; else ms to wait before asking again. */
int64_t budget_take(struct budget *b, const struct rate *rate, int64_t mono);
void budget_note(struct budget *b, const struct rate *rate, const struct fetch_response *r,
                 int64_t now, int64_t mono);
/* Nothing goes out before that long from now: what a 429 asked for holds for every request. */
void budget_block(struct budget *b, int64_t mono, int64_t ms);

#endif
