/* GET /v1/feedback, GET /v1/feedback/{id}: the rows behind any number. */
#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/api/cursor.h"
#include "daemon/api/export.h"
#include "daemon/api/query.h"
#include "daemon/api/show.h"
#include "daemon/pipeline/explain.h"

enum { DEFAULT_LIMIT = 50, MAX_LIMIT = 1000, MAX_Q = 256 };

struct list {
    struct query *q;
    struct show show;
};

static int put_row(void *ctx, const struct stored *s)
{
    struct list *l = ctx;
    query_whose_record(l->q, s);
    show_feedback(&l->show, s, NULL);
    return buf_error(&l->q->out);
}

static bool parse_cursor(struct query *q, struct store_cursor *io)
{
    struct span text = http_query(q->r, "cursor");
    if (!text.p || cursor_parse(text, io))
        return true;
    query_problem(q, 400, "bad-cursor", "cursor: take next_cursor from the page before");
    return false;
}

static bool parse_list(struct query *q, bool csv, struct show *show, struct store_list_query *lq)
{
    struct where *where = NULL;
    int64_t limit = csv ? EXPORT_MAX_ROWS : DEFAULT_LIMIT;
    *lq = (struct store_list_query){
        .now = q->now,
        .from = NO_TIME,
        .to = INT64_MAX,
        .q = http_query(q->r, "q"),
        .after = {INT64_MAX, UINT64_MAX},
        .budget = q->budget,
    };
    if (lq->q.n > MAX_Q) {
        query_problem(q, 400, "bad-parameter", "q: at most %d bytes", MAX_Q);
        return false;
    }
    if (!query_where(q, &where) || !query_time(q, "from", &lq->from) ||
        !query_time(q, "to", &lq->to) ||
        !query_int(q, "limit", 1, csv ? EXPORT_MAX_ROWS : MAX_LIMIT, &limit) ||
        !parse_cursor(q, &lq->after))
        return false;
    if (q->masked) {
        lq->shown = show_texts;
        lq->shown_ctx = show;
    }
    lq->where = where;
    lq->limit = (size_t)limit;
    return true;
}

static void feedback_list(struct query *q)
{
    struct store_list_query lq;
    struct store_cursor next = {0};
    bool csv = false, more = false;
    struct list l = {q, query_show(q)};
    if (!export_asked(q, &csv) || !parse_list(q, csv, &l.show, &lq))
        return;
    if (csv) {
        export_feedback(q, &lq);
        return;
    }
    q->action = "feedback.list";
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    int rc = store_list(q->view, &lq, &q->arena, put_row, &l, &next, &more);
    if (query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    json_text(&q->json, "next_cursor", more ? cursor_print(next, &q->arena) : SPAN_NONE);
    json_close(&q->json, '}');
}

static void feedback_get(struct query *q)
{
    struct uuid id;
    struct stored s;
    struct analysis explained;
    struct show show = query_show(q);
    int rc = uuid_parse(q->r->params[0], &id);
    rc = rc < 0 ? -ENOENT : store_get_feedback(q->view, &id, &q->arena, &s);
    if (query_check(q, rc) < 0)
        return;
    q->action = "feedback.get";
    query_whose_record(q, &s);
    rc = explain(q->tables, &s.feedback, &q->arena, &explained);
    show_feedback(&show, &s, rc == 0 ? &explained : NULL);
}

void api_feedback_list(struct http_request *r)
{
    query_run(r, feedback_list);
}

void api_feedback_get(struct http_request *r)
{
    query_run(r, feedback_get);
}
