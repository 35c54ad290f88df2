#include "daemon/api/change.h"

#include <stdio.h>

#include "base/err.h"
#include "daemon/format/json_text.h"

struct workspace *change_workspace(struct http_request *r)
{
    struct app *app = r->app;
    struct workspace *ws = workspace_find(app->workspaces, r->principal.workspace);
    if (!ws)
        http_problem(r, 403, "no-workspace", "this token's workspace is not served here");
    return ws;
}

json_t *json_body(struct span text, char problem[JSON_BODY_PROBLEM])
{
    json_t *body = NULL;
    struct json_problem p = {0};
    int rc = json_text_parse(text, &body, &p);
    if (rc == 0 && json_is_object(body))
        return body;
    if (rc == 0)
        snprintf(problem, JSON_BODY_PROBLEM, "an object is expected");
    else if (rc == -EINVAL)
        snprintf(problem, JSON_BODY_PROBLEM, "line %zu, column %zu: %s", p.line, p.column, p.what);
    else
        snprintf(problem, JSON_BODY_PROBLEM, "no memory for this now");
    json_decref(body);
    return NULL;
}

static bool key_known(const char *key, const char *const *keys)
{
    for (; *keys; keys++) {
        if (strcmp(key, *keys) == 0)
            return true;
    }
    return false;
}

/* A value of another type would be as good as absent, and absence means something: a token that
 * never expires, say. */
static bool check_fields(struct http_request *r, json_t *body, const char *const *texts,
                         const char *flag)
{
    const char *key;
    json_t *value;
    json_object_foreach(body, key, value)
    {
        bool is_flag = flag && strcmp(key, flag) == 0;
        if (!is_flag && !key_known(key, texts)) {
            http_problem(r, 400, "unknown-field", "\"%.64s\" is not a field of this", key);
            return false;
        }
        if (!json_is_null(value) && !(is_flag ? json_is_boolean(value) : json_is_string(value))) {
            http_problem(r, 400, "invalid", "%s: %s", key, is_flag ? "true or false" : "a text");
            return false;
        }
    }
    return true;
}

json_t *change_body(struct http_request *r, const char *const *texts, const char *flag)
{
    char problem[JSON_BODY_PROBLEM];
    if (!change_fits(r))
        return NULL;
    json_t *body = json_body(r->body, problem);
    if (!body) {
        http_problem(r, 400, "malformed-json", "%s", problem);
        return NULL;
    }
    if (!check_fields(r, body, texts, flag)) {
        json_decref(body);
        return NULL;
    }
    return body;
}

bool change_fits(struct http_request *r)
{
    if (r->body.n <= CHANGE_MAX_BODY)
        return true;
    http_problem(r, 413, "body-too-large", "A change has at most %d bytes.", CHANGE_MAX_BODY);
    return false;
}

struct span change_text(json_t *body, const char *key)
{
    json_t *v = json_object_get(body, key);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

struct edit *change_edit(struct http_request *r, enum edit_kind kind)
{
    struct workspace *ws = change_workspace(r);
    if (!ws)
        return NULL;
    struct edit *e = edit_new(kind, ws);
    if (!e) {
        http_problem(r, 503, "busy", "no memory for this now");
        return NULL;
    }
    e->user = r;
    return e;
}

void change_submit(struct http_request *r, struct edit *e, void (*done)(struct edit *e))
{
    struct app *app = r->app;
    e->done = done;
    if (edit_submit(app->pipeline, e) == 0)
        return;
    edit_free(e);
    http_problem(r, 503, "busy", "too much is waiting to be written: try again");
}

bool change_failed(struct edit *e)
{
    struct http_request *r = e->user;
    if (e->command.status == -ENOSPC || e->command.status == -VOC_E_MAPFULL)
        http_problem(r, 503, "disk-full", "no room to write: nothing was changed");
    else if (e->command.status < 0)
        http_problem(r, 503, "not-written", "nothing was changed: %s", err_text(e->command.status));
    else if (e->result == -ENOENT)
        http_problem(r, 404, "not-found", "nothing of that name here");
    else if (e->result < 0 && e->where_error.column)
        http_problem(r, 400, "bad-where", "where, column %u: %s", e->where_error.column,
                     e->where_error.message);
    else if (e->result == -E2BIG && !e->message.n)
        http_problem(r, 400, "invalid", "a text is too long, or this is one too many");
    else if (e->result < 0)
        http_problem(r, 400, "invalid", "%.*s", SPAN_FMT(e->message));
    else
        return false;
    edit_free(e);
    return true;
}

void change_done(struct edit *e)
{
    struct http_request *r = e->user;
    if (change_failed(e))
        return;
    edit_free(e);
    http_respond(r, 204, NULL, SPAN_NONE);
}
