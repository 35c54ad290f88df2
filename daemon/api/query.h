/* query: one read request on its way through the thread pool.
 *
 * query_run() takes a read view on a pool thread, calls `fn`, ends the view, and answers on the
 * loop. When fn noted whose data it read (query_whose), the answer waits until the access log entry
 * is on disk; while the disk is full the entry is held in memory and the answer goes out (queries
 * go on).
 *
 * Thread: fn on a pool thread; it may read the request, never write to it. Ownership: the query
 * owns its arena and output; all of it is freed after the answer. */
#ifndef VOC_API_QUERY_H
#define VOC_API_QUERY_H

#include "daemon/app.h"
#include "daemon/format/json_out.h"
#include "daemon/http/http.h"
#include "daemon/pipeline/edit.h"
#include "daemon/trust/handle.h"

enum { QUERY_DEADLINE_MS = 10000, QUERY_OUT_MAX = 64 << 20, QUERY_ARENA_MAX = 256 << 20 };

struct query {
    struct http_request *r;
    struct app *app;
    struct workspace *ws;
    const struct config *config; /* pinned */
    struct config *config_ref;
    struct nlp_tables *tables; /* pinned; for explaining */
    struct span timezone;      /* ?tz= or the workspace's; checked */
    struct zone *zone;         /* of the pool thread, while fn runs */
    struct arena arena;
    struct buf out;
    struct json_out json;
    struct store_view *view;
    struct store_budget budget;
    int64_t now;
    bool masked; /* the principal sees masked data only */
    unsigned char handle_key[HANDLE_KEY];
    struct handles *handles; /* of the pool thread, while fn runs */
    int status;              /* 200 unless set */
    const char *content_type;
    struct span location;    /* of an attachment's file name; absent: none */
    struct span next_cursor; /* header X-Next-Cursor, where the body has no place for it */
    const char *problem;     /* code, when status >= 400 */
    char detail[256];
    /* access log */
    const char *action;
    struct span *whose;
    size_t n_whose, cap_whose;
    struct span fields, reason;
    void (*fn)(struct query *q);
};

void query_run(struct http_request *r, void (*fn)(struct query *q));
/* Ends the query with a problem; the text of a record never goes in. */
void query_problem(struct query *q, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A store error as a problem: -ENOENT 404, budget 503, else 500. 0: nothing. Returns rc. */
int query_check(struct query *q, int rc);
/* For what fn shows: masked and in the zone as this principal sees it. */
struct show query_show(struct query *q);
/* Notes that `who` (a customer id or, without one, a record id) was read. Copies; no duplicates in
 * a row. */
void query_whose(struct query *q, struct span who);
/* Whose record it is: the customer's id, or the record's without one. */
void query_whose_record(struct query *q, const struct stored *s);

/* Who reads what of whom, as the access log keeps it; borrows from the request. */
struct access_spec access_of(const struct http_request *r, struct span action,
                             const struct span *whose, size_t n_whose);

/* Parameters of the query string; false after answering with a 400 problem. */
bool query_int(struct query *q, const char *name, int64_t min, int64_t max, int64_t *io);
/* A time member at the zone's offset; NO_TIME: null. */
void query_put_time(struct query *q, const char *key, int64_t ms);
bool query_where(struct query *q, struct where **ret);
/* from / to: RFC 3339 or a date in the query's zone. */
bool query_time(struct query *q, const char *name, int64_t *io);

#endif
