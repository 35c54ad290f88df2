/* /v1/alerts and /v1/alert-rules. The documents are the alert engine's own JSON; an agent reads
 * them masked like everything else. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/query.h"
#include "daemon/api/show.h"

enum { DEFAULT_LIMIT = 50, MAX_LIMIT = 500 };

struct list {
    struct query *q;
    struct span status; /* firing, resolved; absent: all */
    size_t limit, n;
    struct uuid last;
    bool more;
};

static bool status_is(struct span doc, struct span wanted)
{
    char problem[JSON_BODY_PROBLEM];
    json_t *found = json_body(doc, problem);
    bool same = found && span_eq(change_text(found, "status"), wanted);
    json_decref(found);
    return same;
}

static int put_document(struct query *q, struct span document)
{
    struct show show = query_show(q);
    return show_alert(&show, document);
}

static int put_alert(void *ctx, struct span key, struct span value)
{
    struct list *l = ctx;
    if (l->status.p && !status_is(value, l->status))
        return 0;
    if (l->n == l->limit) {
        l->more = true;
        return 1;
    }
    if (key.n == sizeof l->last)
        memcpy(&l->last, key.p, key.n);
    l->n++;
    return put_document(l->q, value);
}

static bool parse_list(struct query *q, struct list *l, struct span *ret_from)
{
    int64_t limit = DEFAULT_LIMIT;
    struct span cursor = http_query(q->r, "cursor");
    l->status = http_query(q->r, "status");
    if (l->status.p && !span_is(l->status, "firing") && !span_is(l->status, "resolved")) {
        query_problem(q, 400, "bad-parameter", "status: firing or resolved");
        return false;
    }
    if (!query_int(q, "limit", 1, MAX_LIMIT, &limit))
        return false;
    l->limit = (size_t)limit;
    if (!cursor.p)
        return true;
    if (uuid_parse(cursor, &l->last) < 0) {
        query_problem(q, 400, "bad-cursor", "cursor: take next_cursor from the page before");
        return false;
    }
    *ret_from = arena_dup(&q->arena, span_of((const char *)l->last.b, sizeof l->last.b));
    return true;
}

static void alerts(struct query *q)
{
    struct list l = {.q = q};
    struct span from = SPAN_NONE;
    char cursor[UUID_TEXT];
    if (!parse_list(q, &l, &from))
        return;
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    int rc = store_doc_each(q->view, STORE_DOC_ALERT, from, true, put_alert, &l);
    if (rc < 0 && query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    uuid_format(&l.last, cursor);
    json_text(&q->json, "next_cursor", l.more ? span_str(cursor) : SPAN_NONE);
    json_close(&q->json, '}');
}

static void alert(struct query *q)
{
    struct uuid id;
    struct span doc;
    int rc = uuid_parse(q->r->params[0], &id) < 0 ? -ENOENT : 0;
    if (rc == 0)
        rc = store_doc_get(q->view, STORE_DOC_ALERT, span_of((char *)id.b, sizeof id.b), &q->arena,
                           &doc);
    if (query_check(q, rc) == 0)
        query_check(q, put_document(q, doc));
}

void api_alerts(struct http_request *r)
{
    query_run(r, alerts);
}

void api_alert_get(struct http_request *r)
{
    query_run(r, alert);
}

void api_alert_acknowledge(struct http_request *r)
{
    static const char *const keys[] = {"owner", "note", NULL};
    json_t *body = change_body(r, keys, NULL);
    struct edit *e = body ? change_edit(r, EDIT_ACKNOWLEDGE) : NULL;
    if (e) {
        struct span owner = change_text(body, "owner");
        e->key = arena_dup(&e->arena, r->params[0]);
        e->by =
            arena_dup(&e->arena, r->principal.name.n ? r->principal.name : r->principal.token_id);
        e->owner = arena_dup(&e->arena, owner.n ? owner : e->by);
        e->note = arena_dup(&e->arena, change_text(body, "note"));
        change_submit(r, e, change_done);
    }
    json_decref(body);
}

/* --- rules --- */

static int put_rule(void *ctx, struct span key, struct span value)
{
    struct query *q = ctx;
    struct show show = query_show(q);
    (void)key;
    return show_rule(&show, value);
}

static void rules(struct query *q)
{
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    int rc = store_doc_each(q->view, STORE_DOC_RULE, SPAN_NONE, false, put_rule, q);
    if (query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    json_nil(&q->json, "next_cursor");
    json_close(&q->json, '}');
}

void api_rules(struct http_request *r)
{
    query_run(r, rules);
}

void api_rule_put(struct http_request *r)
{
    struct edit *e = change_fits(r) ? change_edit(r, EDIT_RULE) : NULL;
    if (!e)
        return;
    e->key = arena_dup(&e->arena, r->params[0]);
    e->value = arena_dup(&e->arena, r->body);
    change_submit(r, e, change_done);
}

void api_rule_delete(struct http_request *r)
{
    struct edit *e = change_edit(r, EDIT_RULE_DELETE);
    if (!e)
        return;
    e->key = arena_dup(&e->arena, r->params[0]);
    change_submit(r, e, change_done);
}
