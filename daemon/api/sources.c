/* Sources: how they do, and what an administrator asks of those that are polled. */
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/query.h"
#include "daemon/collect/source_state.h"
#include "daemon/pipeline/access.h"

enum { LIST_MAX = 1 << 20 };

void api_sources(struct http_request *r)
{
    struct app *app = r->app;
    struct workspace *ws = change_workspace(r);
    struct buf out;
    if (!ws)
        return;
    buf_init(&out, LIST_MAX);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    json_open(&j, "items", '[');
    source_state_print(app->poller, ws, &j);
    json_close(&j, ']');
    json_nil(&j, "next_cursor");
    json_close(&j, '}');
    if (buf_error(&out))
        http_problem(r, 500, "internal", "the answer could not be made");
    else
        http_respond(r, 200, NULL, buf_span(&out));
    buf_done(&out);
}

/* The polled source of the path; NULL after answering. */
static struct poll *find(struct http_request *r)
{
    struct app *app = r->app;
    struct workspace *ws = change_workspace(r);
    struct poll *s = ws ? poller_find(app->poller, ws, r->params[0]) : NULL;
    if (ws && !s)
        http_problem(r, 404, "not-found", "no source of that name is polled in this workspace");
    return s;
}

void api_source_poll(struct http_request *r)
{
    struct poll *s = find(r);
    if (!s)
        return;
    poll_now(s);
    http_respond(r, 202, NULL, SPAN_LIT("{\"done\":false}"));
}

static void settled(void *ctx, int rc)
{
    if (rc < 0)
        http_problem(ctx, 503, "not-committed", "it could not be written; try again later");
    else
        http_respond(ctx, 200, NULL, SPAN_LIT("{\"done\":true}"));
}

static void refused(struct http_request *r, int rc)
{
    if (rc == -EBUSY)
        http_problem(r, 409, "busy", "it is being polled now: pause it, then try again");
    else if (rc < 0)
        http_problem(r, 503, "busy", "no room for this now");
}

void api_source_pause(struct http_request *r)
{
    struct poll *s = find(r);
    if (s)
        refused(r, poll_pause(s, true, settled, r));
}

void api_source_resume(struct http_request *r)
{
    struct poll *s = find(r);
    if (s)
        refused(r, poll_pause(s, false, settled, r));
}

void api_source_backfill(struct http_request *r)
{
    int64_t from;
    struct poll *s = find(r);
    if (!s)
        return;
    if (time_parse_rfc3339(http_query(r, "from"), &from) < 0) {
        http_problem(r, 400, "bad-parameter", "from: an RFC 3339 time");
        return;
    }
    refused(r, poll_rewind(s, from, settled, r));
}

/* --- preview: records of people, so the look is written down before it is answered --- */

struct look {
    struct http_request *request;
    struct buf text;
};

static void recorded(void *ctx)
{
    struct look *l = ctx;
    http_respond(l->request, 200, NULL, buf_span(&l->text));
    buf_done(&l->text);
    free(l);
}

static void looked(void *ctx, int rc, struct span text)
{
    struct http_request *r = ctx;
    struct app *app = r->app;
    struct look *l = rc == 0 ? malloc(sizeof *l) : NULL;
    struct span who = SPAN_LIT("*");
    if (!l) {
        http_problem(r, rc == -EINVAL ? 502 : 503, rc == -EINVAL ? "upstream" : "busy", "%.*s",
                     SPAN_FMT(rc == -EINVAL ? text : SPAN_LIT("no memory for this now")));
        return;
    }
    l->request = r;
    buf_init(&l->text, 0);
    buf_add(&l->text, text);
    struct access_spec spec = access_of(r, SPAN_LIT("sources.preview"), &who, 1);
    access_record(app->access, workspace_find(app->workspaces, r->principal.workspace), &spec,
                  recorded, l);
}

void api_source_preview(struct http_request *r)
{
    struct poll *s = find(r);
    if (!s)
        return;
    int rc = poll_preview(s, http_query(r, "stream"), looked, r);
    if (rc == -ENOENT)
        http_problem(r, 404, "not-found", "the connector has no stream of that name");
    else
        refused(r, rc);
}
