/* /v1/segments: rules over customers' attributes, and who is in them. */
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/query.h"
#include "daemon/api/show.h"
#include "daemon/pipeline/jobs.h"

enum { MAX_TITLE = 300 }; /* a code, which stands in for it, is shorter */

static void segments(struct query *q)
{
    const struct store_segment *list;
    size_t n;
    struct span job;
    struct show show = query_show(q);
    if (query_check(q, store_segments(q->view, true, q->now, &q->arena, &list, &n)) < 0)
        return;
    bool running = store_doc_get(q->view, STORE_DOC_JOB, SPAN_LIT("restamp"), &q->arena, &job) == 0;
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    for (size_t i = 0; i < n; i++) {
        json_open(&q->json, NULL, '{');
        json_text(&q->json, "code", list[i].code);
        show_plain(&show, "title", list[i].title);
        show_where(&show, "where", list[i].where, WHERE_CUSTOMER);
        json_int(&q->json, "version", list[i].version);
        query_put_time(q, "effective_from", list[i].effective_from);
        json_flag(&q->json, "retired", list[i].retired);
        json_int(&q->json, "members", (int64_t)list[i].members);
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
    json_flag(&q->json, "restamping", running);
    json_nil(&q->json, "next_cursor");
    json_close(&q->json, '}');
}

void api_segments(struct http_request *r)
{
    query_run(r, segments);
}

static void stored(struct edit *e)
{
    struct app *app = ((struct http_request *)e->user)->app;
    if (e->command.status == 0 && e->result == 0)
        jobs_restamp(app->jobs, e->command.ws);
    change_done(e);
}

static void submit(struct http_request *r, struct span title, struct span where, bool backfill,
                   bool retired)
{
    struct edit *e = change_edit(r, EDIT_SEGMENT);
    if (!e)
        return;
    e->key = arena_dup(&e->arena, r->params[0]);
    e->segment = (struct store_segment){
        .code = e->key,
        .title = arena_dup(&e->arena, title),
        .where = arena_dup(&e->arena, where),
        .retired = retired,
    };
    /* A filter that was lost on the way would be everybody. */
    if (!e->segment.title.p || !e->segment.where.p || !e->key.p) {
        edit_free(e);
        http_problem(r, 503, "busy", "no memory for this now");
        return;
    }
    e->backfill = backfill;
    change_submit(r, e, stored);
}

void api_segment_put(struct http_request *r)
{
    static const char *const keys[] = {"title", "where", NULL};
    json_t *body = change_body(r, keys, "backfill");
    if (!body)
        return;
    struct span where = change_text(body, "where"), title = change_text(body, "title");
    bool backfill = json_is_true(json_object_get(body, "backfill"));
    if (where.n == 0)
        http_problem(r, 400, "invalid", "where: a filter over customers");
    else if (title.n > MAX_TITLE)
        http_problem(r, 400, "invalid", "title: at most %d bytes", MAX_TITLE);
    else
        submit(r, title.n ? title : r->params[0], where, backfill, false);
    json_decref(body);
}

void api_segment_delete(struct http_request *r)
{
    submit(r, SPAN_LIT(""), SPAN_LIT(""), false, true);
}
