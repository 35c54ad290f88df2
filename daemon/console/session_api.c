#include <jansson.h>
#include <stdio.h>

#include "base/err.h"
#include "daemon/api/change.h"
#include "daemon/api/events.h"
#include "daemon/app.h"
#include "daemon/console/console.h"
#include "daemon/core/log.h"
#include "daemon/format/json_out.h"
#include "daemon/http/auth.h"

enum { ANSWER_MAX = 16 * 1024, COOKIE_MAX = SESSION_COOKIE + 128 };

static int64_t now_of(const struct http_request *r)
{
    const struct app *app = r->app;
    return clock_wall(loop_clock(app->loop));
}

/* Who came by https:// (TLS may end at a proxy; the origin was checked to be ours) must not send
 * the cookie in the clear later. */
static bool is_secure(const struct http_request *r)
{
    return http_is_tls(r) || span_starts(http_header(r, "origin"), SPAN_LIT("https://"));
}

/* An absent value takes the cookie away. */
static void set_cookie(struct http_request *r, const char *value, int64_t seconds)
{
    char text[COOKIE_MAX];
    int n = snprintf(text, sizeof text, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                     http_is_tls(r) ? SESSION_NAME_TLS : SESSION_NAME, value ? value : "",
                     (long long)(value ? seconds : 0), is_secure(r) ? "; Secure" : "");
    http_set_header(r, "Set-Cookie", span_of(text, (size_t)n));
}

static void describe(struct http_request *r, const struct http_principal *p,
                     const struct workspace *ws)
{
    struct app *app = r->app;
    const struct config_workspace *cw = config_workspace(app->config, p->workspace);
    char csrf[SESSION_CSRF + 1];
    struct buf out;
    if (auth_session_csrf(app->auth, p, csrf) < 0) {
        http_problem(r, 500, "internal", "the answer could not be made");
        return;
    }
    buf_init(&out, ANSWER_MAX);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    json_cstr(&j, "role", vocab_code(VOCAB_ROLE, p->role));
    json_text(&j, "workspace", p->workspace);
    json_text(&j, "workspace_name", cw && cw->name.n ? cw->name : p->workspace);
    json_text(&j, "name", p->name);
    json_cstr(&j, "timezone", ws->timezone);
    json_cstr(&j, "csrf", csrf);
    json_time(&j, "expires_at", p->session.ends_at, 0);
    json_close(&j, '}');
    if (buf_error(&out))
        http_problem(r, 500, "internal", "the answer could not be made");
    else
        http_respond(r, 200, NULL, buf_span(&out));
    buf_done(&out);
}

/* --- in --- */

bool console_admit(struct http_request *r, uint64_t length)
{
    if (length > CONSOLE_MAX_SIGN_IN)
        http_problem(r, 413, "body-too-large", "Signing in takes at most %d bytes.",
                     CONSOLE_MAX_SIGN_IN);
    return length <= CONSOLE_MAX_SIGN_IN;
}

static void refuse(struct http_request *r, int rc, int64_t retry_ms)
{
    char seconds[24];
    if (rc == -EAGAIN) {
        snprintf(seconds, sizeof seconds, "%lld", (long long)((retry_ms + 999) / 1000));
        http_set_header(r, "Retry-After", span_str(seconds));
        http_problem(r, 429, "too-many-failures", "Too many requests without a valid token.");
    } else {
        http_problem(r, 401, "unauthorized", "This is no token that may sign in.");
    }
}

/* Over at once; and on disk, for the next start of the daemon, when `done` is called. False: that
 * can not be (no memory, a full queue), and nobody is called. */
static bool end_session(struct http_request *r, const struct http_principal *p,
                        void (*done)(struct edit *e))
{
    struct app *app = r->app;
    auth_session_end(app->auth, p);
    events_recheck(app->events);
    struct edit *e = edit_new(EDIT_DOC, app->workspaces->system);
    if (!e)
        return false;
    e->doc = STORE_DOC_SETTING;
    e->user = r;
    e->done = done;
    if (auth_ended_document(p, &e->arena, &e->key, &e->value) == 0 &&
        edit_submit(app->pipeline, e) == 0)
        return true;
    edit_free(e);
    return false;
}

/* Who signs in over a session leaves that one: the browser forgets its cookie. */
static void leave(struct http_request *r)
{
    struct app *app = r->app;
    struct http_principal old;
    if (auth_session_find(app->auth, http_session_cookie(r), now_of(r), &old) == 0)
        end_session(r, &old, NULL);
}

static void enter(struct http_request *r, struct http_principal *p)
{
    struct app *app = r->app;
    char cookie[SESSION_COOKIE + 1];
    const struct workspace *ws = workspace_find(app->workspaces, p->workspace);
    if (p->role == ROLE_INGEST) {
        http_problem(r, 403, "forbidden", "A token of the role ingest is for machines.");
    } else if (!ws) {
        http_problem(r, 403, "no-workspace", "This token's workspace is not served here.");
    } else if (auth_session_begin(app->auth, p, now_of(r), cookie) < 0) {
        http_problem(r, 401, "unauthorized", "The token ends within a second.");
    } else {
        leave(r);
        set_cookie(r, cookie, (p->session.ends_at - p->session.begun_at) / MS_SECOND);
        describe(r, p, ws);
    }
}

/* A form on somebody's page can not send JSON without asking first. */
static bool is_json(const struct http_request *r)
{
    struct span type = http_header(r, "content-type");
    return span_eq_nocase(span_trim(span_of(type.p, span_find_char(type, ';'))),
                          SPAN_LIT("application/json"));
}

void console_sign_in(struct http_request *r)
{
    static const char *const keys[] = {"token", NULL};
    struct app *app = r->app;
    struct http_principal p;
    int64_t retry_ms = 0;
    if (!http_same_origin(r, NULL))
        return;
    if (!is_json(r)) {
        http_problem(r, 415, "unsupported-media-type", "Content-Type: application/json");
        return;
    }
    json_t *body = console_admit(r, r->body.n) ? change_body(r, keys, NULL) : NULL;
    if (!body)
        return;
    struct span token = change_text(body, "token");
    struct auth_query q = {.token = token.p ? token : SPAN_LIT(""),
                           .peer = r->peer,
                           .wall = now_of(r),
                           .mono = clock_mono(loop_clock(app->loop))};
    int rc = auth_principal(app->auth, &q, &p, &retry_ms);
    if (rc == 0)
        enter(r, &p);
    else
        refuse(r, rc, retry_ms);
    json_decref(body);
}

/* --- in there --- */

void console_session(struct http_request *r)
{
    struct app *app = r->app;
    struct http_principal p;
    if (auth_session_find(app->auth, http_session_cookie(r), now_of(r), &p) < 0) {
        http_problem(r, 401, "unauthorized", "Nobody is signed in.");
        return;
    }
    const struct workspace *ws = workspace_find(app->workspaces, p.workspace);
    if (!ws)
        http_problem(r, 403, "no-workspace", "This token's workspace is not served here.");
    else if (http_same_origin(r, &p))
        describe(r, &p, ws);
}

/* --- out --- */

static void answer_out(struct http_request *r)
{
    set_cookie(r, NULL, 0);
    http_respond(r, 204, NULL, SPAN_NONE);
}

/* On a full disk, too, who signs out is out. */
static void signed_out(struct edit *e)
{
    if (e->command.status < 0)
        log_warning(LOG_AUTH, "signing out is remembered until the next restart only", "error=%s",
                    err_text(e->command.status));
    answer_out(e->user);
    edit_free(e);
}

void console_sign_out(struct http_request *r)
{
    struct app *app = r->app;
    struct http_principal p;
    bool is_in = auth_session_find(app->auth, http_session_cookie(r), now_of(r), &p) == 0;
    if (!http_same_origin(r, is_in ? &p : NULL))
        return;
    if (!is_in || !end_session(r, &p, signed_out))
        answer_out(r);
}
