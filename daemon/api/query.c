#include "daemon/api/query.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/api/show.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/core/zone.h"
#include "daemon/http/auth.h"
#include "daemon/pipeline/access.h"
#include "daemon/trust/masked_where.h"

static void query_free(struct query *q)
{
    config_unref(q->config_ref);
    nlp_tables_unref(q->tables);
    buf_done(&q->out);
    arena_done(&q->arena);
    OPENSSL_cleanse(q->handle_key, sizeof q->handle_key);
    free(q);
}

void query_problem(struct query *q, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(q->detail, sizeof q->detail, fmt, args);
    va_end(args);
    q->status = status;
    q->problem = code;
}

int query_check(struct query *q, int rc)
{
    if (rc == 0)
        return 0;
    if (rc == -ENOENT)
        query_problem(q, 404, "not-found", "nothing of that name here");
    else if (rc == -VOC_E_BUDGET)
        query_problem(q, 503, "query-budget", "the query took longer than %d ms: narrow it down",
                      QUERY_DEADLINE_MS);
    else
        query_problem(q, 500, "internal", "the query failed: %s", err_text(rc));
    return rc;
}

void query_whose(struct query *q, struct span who)
{
    if (q->n_whose > 0 && span_eq(q->whose[q->n_whose - 1], who))
        return;
    if (q->n_whose == q->cap_whose) {
        size_t cap = q->cap_whose ? q->cap_whose * 2 : 16;
        struct span *grown = arena_array(&q->arena, cap, sizeof *grown);
        if (!grown)
            return;
        if (q->n_whose)
            memcpy(grown, q->whose, q->n_whose * sizeof *grown);
        q->whose = grown;
        q->cap_whose = cap;
    }
    struct span copy = arena_dup(&q->arena, who);
    if (copy.p)
        q->whose[q->n_whose++] = copy;
}

void query_whose_record(struct query *q, const struct stored *s)
{
    char id[UUID_TEXT];
    if (s->feedback.customer.id.n) {
        query_whose(q, s->feedback.customer.id);
        return;
    }
    uuid_format(&s->id, id);
    query_whose(q, span_str(id));
}

bool query_int(struct query *q, const char *name, int64_t min, int64_t max, int64_t *io)
{
    struct span text = http_query(q->r, name);
    int64_t v;
    if (!text.p)
        return true;
    if (span_to_i64(text, &v) < 0 || v < min || v > max) {
        query_problem(q, 400, "bad-parameter", "%s: a whole number from %lld to %lld", name,
                      (long long)min, (long long)max);
        return false;
    }
    *io = v;
    return true;
}

void query_put_time(struct query *q, const char *key, int64_t ms)
{
    char text[TIME_RFC3339_MAX];
    if (ms == NO_TIME || ms == INT64_MAX)
        json_nil(&q->json, key);
    else
        json_text(&q->json, key, span_of(text, zone_format(q->zone, ms, text)));
}

bool query_where(struct query *q, struct where **ret)
{
    struct where_error err = {0};
    struct span text = http_query(q->r, "where");
    int rc = where_parse(text, WHERE_RECORD, &q->arena, ret, &err);
    const struct where_node *refused = rc == 0 && q->masked ? masked_where_refused(*ret) : NULL;
    if (refused)
        query_problem(q, 403, "masked-field",
                      "where, column %u: who sees masked data may not ask this of %s",
                      refused->column, where_field_name(refused->field));
    if (rc == 0)
        return !refused;
    if (rc == -EINVAL)
        query_problem(q, 400, "bad-where", "where, column %u: %s", err.column, err.message);
    else
        query_check(q, rc);
    return false;
}

bool query_time(struct query *q, const char *name, int64_t *io)
{
    struct span text = http_query(q->r, name);
    if (!text.p || zone_parse(q->zone, text, io) == 0)
        return true;
    query_problem(q, 400, "bad-parameter", "%s: an RFC 3339 time or a date such as 2026-11-22",
                  name);
    return false;
}

struct show query_show(struct query *q)
{
    return (struct show){.json = &q->json,
                         .masked = q->masked,
                         .zone = q->zone,
                         .arena = &q->arena,
                         .view = q->view,
                         .handles = q->handles};
}

/* --- pool thread --- */

static bool open_zone(struct query *q)
{
    struct span given = http_query(q->r, "tz");
    if (given.p)
        q->timezone = given;
    int rc = zone_open(q->timezone, &q->zone);
    if (rc == -EINVAL)
        query_problem(q, 400, "bad-parameter", "tz: an IANA zone such as Asia/Seoul");
    else
        query_check(q, rc);
    return rc == 0;
}

static void query_work(void *ctx)
{
    struct query *q = ctx;
    const struct clock *clock = loop_clock(q->app->loop);
    double began = metric_now();
    q->budget =
        (struct store_budget){.deadline = clock_mono(clock) + QUERY_DEADLINE_MS, .clock = clock};
    if (open_zone(q) && query_check(q, handles_new(q->handle_key, &q->handles)) == 0 &&
        query_check(q, store_view_begin(q->ws->store, &q->view)) == 0)
        q->fn(q);
    store_view_end(q->view);
    zone_close(q->zone);
    handles_free(q->handles);
    q->view = NULL;
    q->zone = NULL;
    q->handles = NULL;
    if (!q->problem && buf_error(&q->out))
        query_problem(q, 500, "internal", "the answer is too large");
    metric_observe(METRIC_QUERY_SECONDS, metric_now() - began);
}

/* --- loop thread --- */

static void answer(struct query *q)
{
    if (q->problem) {
        http_problem(q->r, q->status, q->problem, "%s", q->detail);
    } else {
        if (q->location.p)
            http_set_header(q->r, "Content-Disposition", q->location);
        if (q->next_cursor.p)
            http_set_header(q->r, "X-Next-Cursor", q->next_cursor);
        http_respond(q->r, q->status, q->content_type, buf_span(&q->out));
    }
    query_free(q);
}

struct access_spec access_of(const struct http_request *r, struct span action,
                             const struct span *whose, size_t n_whose)
{
    return (struct access_spec){
        .token_id = r->principal.token_id,
        .name = r->principal.name,
        .role = r->principal.role,
        .peer = r->peer,
        .request_id = r->id,
        .action = action,
        .whose = whose,
        .n_whose = n_whose,
    };
}

static void logged(void *ctx)
{
    answer(ctx);
}

static void query_done(void *ctx, int cancelled)
{
    struct query *q = ctx;
    if (cancelled)
        query_problem(q, 503, "stopping", "the service is stopping");
    if (q->problem || q->n_whose == 0) {
        answer(q);
        return;
    }
    struct access_spec spec = access_of(q->r, span_str(q->action), q->whose, q->n_whose);
    spec.fields = q->fields;
    spec.reason = q->reason;
    access_record(q->app->access, q->ws, &spec, logged, q);
}

void query_run(struct http_request *r, void (*fn)(struct query *q))
{
    struct app *app = r->app;
    struct workspace *ws = workspace_find(app->workspaces, r->principal.workspace);
    if (!ws) {
        http_problem(r, 403, "no-workspace", "this token's workspace is not served here");
        return;
    }
    struct query *q = calloc(1, sizeof *q);
    if (!q) {
        http_problem(r, 503, "busy", "no memory for this now");
        return;
    }
    q->r = r;
    q->app = app;
    q->ws = ws;
    q->config = q->config_ref = config_ref(app->config);
    q->tables = nlp_tables_ref(app->tables);
    q->now = clock_wall(loop_clock(app->loop));
    q->masked = r->principal.role == ROLE_AGENT;
    q->status = 200;
    q->fn = fn;
    arena_init(&q->arena, QUERY_ARENA_MAX);
    buf_init(&q->out, QUERY_OUT_MAX);
    q->json = json_out_to(&q->out);
    q->timezone = arena_dup(&q->arena, span_str(ws->timezone));
    if (!q->timezone.p || auth_handle_key(app->auth, ws->id, q->handle_key) < 0 ||
        loop_work(app->loop, query_work, query_done, q) < 0) {
        query_free(q);
        http_problem(r, 503, "busy", "no memory for this now");
    }
}
