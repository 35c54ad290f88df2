/* What an administrator of a workspace does: tokens, the access log, removing a source. */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/events.h"
#include "daemon/api/query.h"
#include "daemon/api/show.h"
#include "daemon/pipeline/access.h"
#include "daemon/pipeline/jobs.h"
#include "daemon/http/auth.h"

enum { DEFAULT_LIMIT = 100, MAX_LIMIT = 1000, MAX_NAME = 100 };

/* --- tokens: kept in the system store, so every token edit goes there --- */

static int put_token(void *ctx, const struct auth_token *t)
{
    struct json_out *j = ctx;
    json_open(j, NULL, '{');
    json_text(j, "id", t->id);
    json_text(j, "name", t->name);
    json_cstr(j, "role", vocab_code(VOCAB_ROLE, t->role));
    json_time(j, "created_at", t->created_at, 0);
    json_time(j, "expires_at", t->expires_at, 0);
    json_time(j, "revoked_at", t->revoked_at, 0);
    json_close(j, '}');
    return 0;
}

void api_tokens(struct http_request *r)
{
    struct app *app = r->app;
    struct buf out;
    buf_init(&out, 4 << 20);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    json_open(&j, "items", '[');
    auth_each(app->auth, r->principal.workspace, put_token, &j);
    json_close(&j, ']');
    json_nil(&j, "next_cursor");
    json_close(&j, '}');
    http_respond(r, 200, NULL, buf_span(&out));
    buf_done(&out);
}

static void token_stored(struct edit *e)
{
    struct http_request *r = e->user;
    struct app *app = r->app;
    if (change_failed(e))
        return;
    auth_apply(app->auth, e->value);
    http_respond(r, 201, NULL, e->message); /* the token's text, shown this once */
    edit_free(e);
}

static struct edit *token_edit(struct http_request *r)
{
    struct app *app = r->app;
    struct edit *e = edit_new(EDIT_DOC, app->workspaces->system);
    if (!e) {
        http_problem(r, 503, "busy", "no memory for this now");
        return NULL;
    }
    e->user = r;
    e->doc = STORE_DOC_TOKEN;
    return e;
}

/* The name goes into logs, one line each. */
static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return s.n > 0 && s.n <= MAX_NAME;
}

static void create(struct http_request *r, enum role role, struct span name, int64_t expires_at)
{
    struct app *app = r->app;
    struct edit *e = token_edit(r);
    if (!e)
        return;
    struct auth_token spec = {.workspace = r->principal.workspace,
                              .role = role,
                              .name = name,
                              .created_at = clock_wall(loop_clock(app->loop)),
                              .expires_at = expires_at,
                              .revoked_at = NO_TIME};
    struct auth_made made;
    struct buf out;
    buf_init(&out, 4096);
    if (auth_make(app->auth, &spec, &e->arena, &made) < 0) {
        edit_free(e);
        http_problem(r, 503, "busy", "no memory for this now");
        return;
    }
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    json_text(&j, "id", made.id);
    json_text(&j, "token", made.text);
    json_cstr(&j, "role", vocab_code(VOCAB_ROLE, role));
    json_text(&j, "name", name);
    json_time(&j, "expires_at", expires_at, 0);
    json_close(&j, '}');
    e->key = made.id;
    e->value = made.document;
    e->message = arena_dup(&e->arena, buf_span(&out));
    buf_done(&out);
    change_submit(r, e, token_stored);
}

void api_token_create(struct http_request *r)
{
    static const char *const keys[] = {"role", "name", "expires_at", NULL};
    json_t *body = change_body(r, keys, NULL);
    if (!body)
        return;
    struct span expires = change_text(body, "expires_at"), name = change_text(body, "name");
    int role = vocab_find(VOCAB_ROLE, change_text(body, "role"));
    int64_t expires_at = NO_TIME;
    if (role < 0)
        http_problem(r, 400, "invalid", "role: ingest, agent, supervisor, quality or admin");
    else if (!is_name(name))
        http_problem(r, 400, "invalid", "name: whose token it is, one line of at most %d bytes",
                     MAX_NAME);
    else if (expires.p && time_parse_rfc3339(expires, &expires_at) < 0)
        http_problem(r, 400, "invalid", "expires_at: an RFC 3339 time");
    else
        create(r, (enum role)role, name, expires_at);
    json_decref(body);
}

static void token_revoked(struct edit *e)
{
    struct app *app = ((struct http_request *)e->user)->app;
    if (e->command.status == 0) {
        auth_apply(app->auth, e->value);
        events_recheck(app->events);
    }
    change_done(e);
}

void api_token_revoke(struct http_request *r)
{
    struct app *app = r->app;
    struct edit *e = token_edit(r);
    if (!e)
        return;
    e->key = arena_dup(&e->arena, r->params[0]);
    int rc = auth_revoke(app->auth, r->principal.workspace, e->key,
                         clock_wall(loop_clock(app->loop)), &e->arena, &e->value);
    if (rc < 0) {
        edit_free(e);
        http_problem(r, 404, "not-found", "no token of that id in this workspace");
        return;
    }
    change_submit(r, e, token_revoked);
}

/* --- the access log --- */

struct page {
    struct query *q;
    size_t limit, n;
    uint64_t last;
    bool more;
};

static int put_entry(void *ctx, uint64_t n, struct span entry)
{
    struct page *p = ctx;
    if (p->n == p->limit) {
        p->more = true;
        return 1;
    }
    json_raw(&p->q->json, NULL, entry);
    p->last = n;
    p->n++;
    return 0;
}

/* The head noted beside the log: a chain that does not reach it was cut. */
static void put_head(struct query *q)
{
    struct store_view *view = NULL;
    struct span head = SPAN_NONE;
    int rc = store_view_begin(q->app->workspaces->system->store, &view);
    if (rc == 0)
        rc = store_doc_get(view, STORE_DOC_SETTING, access_head_key(q->ws->id, &q->arena),
                           &q->arena, &head);
    store_view_end(view);
    size_t space = head.p ? span_find_char(head, ' ') : 0;
    int64_t n = 0;
    if (rc < 0 || span_to_i64(span_of(head.p, space), &n) < 0) {
        json_nil(&q->json, "head");
        return;
    }
    json_open(&q->json, "head", '{');
    json_int(&q->json, "n", n);
    json_text(&q->json, "hash", span_of(head.p + space + 1, head.n - space - 1));
    json_close(&q->json, '}');
}

static void access_log(struct query *q)
{
    int64_t limit = DEFAULT_LIMIT, cursor = 0;
    bool ascending = span_is(http_query(q->r, "order"), "asc");
    if (!query_int(q, "limit", 1, MAX_LIMIT, &limit) ||
        !query_int(q, "cursor", 1, INT64_MAX, &cursor))
        return;
    struct page p = {.q = q, .limit = (size_t)limit};
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    int rc = store_log_each(q->view, STORE_LOG_ACCESS, (uint64_t)cursor, !ascending, put_entry, &p);
    if (rc < 0 && query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    char next[24];
    snprintf(next, sizeof next, "%" PRIu64, ascending ? p.last + 1 : p.last);
    json_text(&q->json, "next_cursor", p.more ? span_str(next) : SPAN_NONE);
    put_head(q);
    json_close(&q->json, '}');
}

void api_access_log(struct http_request *r)
{
    query_run(r, access_log);
}

/* --- removing a source --- */

static void first_step(struct edit *e)
{
    struct http_request *r = e->user;
    struct app *app = r->app;
    if (change_failed(e))
        return;
    if (e->more)
        jobs_delete_source(app->jobs, e->command.ws, e->key);
    http_respond(r, 202, NULL,
                 e->more ? SPAN_LIT("{\"done\":false}") : SPAN_LIT("{\"done\":true}"));
    edit_free(e);
}

void api_source_delete(struct http_request *r)
{
    struct edit *e = change_edit(r, EDIT_SOURCE_DELETE);
    if (!e)
        return;
    e->key = arena_dup(&e->arena, r->params[0]);
    change_submit(r, e, first_step);
}
