/* OAuth 2 and signed statements: a token when there is none or it is about to end. A refresh token
 * that comes back changed is on disk before anything is asked with its access token: the old one
 * may be void already. */
#include <stdio.h>
#include <xxhash.h>

#include "base/err.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/format/json_out.h"
#include "daemon/pipeline/edit.h"

enum { WHY = 200, TOKEN_MAX = 8192, EARLY_MS = 60000, DEFAULT_MS = 3600000 };

void poll_token_drop(struct poll *s)
{
    if (s->token.p)
        explicit_bzero(s->token.p, s->token.n);
    buf_reset(&s->token);
}

static void go_on(struct poll *s)
{
    if (poll_is_mailbox(s))
        poll_mail_ask(s);
    else
        poll_ask(s);
}

/* --- the refresh token in force: the configured one, or what it was exchanged for --- */

static struct span token_key(const struct poll *s, struct arena *a)
{
    return arena_printf(a, "token/%.*s", SPAN_FMT(s->source->config->source));
}

static bool get_secret(void *ctx, enum template_scope scope, struct span name,
                       struct template_value *ret)
{
    return source_value(ctx, scope, name, &ret->text);
}

static void configured(const struct poll *s, struct buf *out)
{
    struct template_env env = {get_secret, (void *)s->source};
    buf_reset(out);
    template_expand(&s->source->connector->auth.refresh, &env, ESCAPE_NONE, out, NULL);
}

/* A new configured token wins over what an older one became. */
static uint64_t origin_of(const struct poll *s)
{
    struct buf text;
    buf_init(&text, TOKEN_MAX);
    configured(s, &text);
    uint64_t h = XXH3_64bits(text.p ? text.p : "", text.n);
    if (text.p)
        explicit_bzero(text.p, text.cap);
    buf_done(&text);
    return h;
}

static void load_refresh(struct poll *s)
{
    struct store_view *view = NULL;
    struct span text = SPAN_NONE;
    char origin[20];
    configured(s, &s->refresh);
    snprintf(origin, sizeof origin, "%016llx", (unsigned long long)origin_of(s));
    int rc = store_view_begin(s->ws->store, &view);
    if (rc == 0)
        rc = store_doc_get(view, STORE_DOC_CURSOR, token_key(s, &s->arena), &s->arena, &text);
    store_view_end(view);
    json_t *kept = rc == 0 ? json_loadb(text.p, text.n, 0, NULL) : NULL;
    const char *of = json_string_value(json_object_get(kept, "of"));
    const char *refresh = json_string_value(json_object_get(kept, "refresh"));
    if (of && refresh && strcmp(of, origin) == 0) {
        buf_reset(&s->refresh);
        buf_str(&s->refresh, refresh);
    }
    json_decref(kept);
    s->refresh_known = true;
}

static void saved(struct edit *e)
{
    struct poll *s = e->user;
    int rc = e->command.status;
    s->saving--;
    edit_free(e);
    if (s->poller->stopping)
        return;
    if (rc < 0) {
        poll_token_drop(s);
        poll_fail(s, ERROR_COMMIT, -1, "the new refresh token can not be kept");
    } else {
        go_on(s);
    }
}

static void save_refresh(struct poll *s)
{
    struct edit *e = edit_new(EDIT_DOC, s->ws);
    struct buf text;
    char origin[20];
    buf_init(&text, 2 * TOKEN_MAX);
    snprintf(origin, sizeof origin, "%016llx", (unsigned long long)origin_of(s));
    struct json_out j = json_out_to(&text);
    json_open(&j, NULL, '{');
    json_cstr(&j, "of", origin);
    json_text(&j, "refresh", buf_span(&s->refresh));
    json_close(&j, '}');
    if (e) {
        e->doc = STORE_DOC_CURSOR;
        e->key = token_key(s, &e->arena);
        e->value = arena_dup(&e->arena, buf_span(&text));
        e->done = saved;
        e->user = s;
    }
    if (text.p)
        explicit_bzero(text.p, text.cap);
    buf_done(&text);
    if (e && edit_submit(s->poller->app->pipeline, e) == 0) {
        s->saving++;
        return;
    }
    edit_free(e);
    poll_after(s, POLL_ROOM_MS, save_refresh);
}

/* --- asking --- */

static void take_token(struct poll *s, json_t *answer)
{
    json_t *text = json_object_get(answer, "access_token");
    json_t *refresh = json_object_get(answer, "refresh_token");
    json_t *life = json_object_get(answer, "expires_in");
    double seconds = json_number_value(life);
    if (json_is_string(life))
        span_to_f64(span_str(json_string_value(life)), &seconds);
    poll_token_drop(s);
    buf_append(&s->token, json_string_value(text), json_string_length(text));
    int64_t ms = seconds >= 1 && seconds < 1e8 ? (int64_t)(seconds * 1000) : DEFAULT_MS;
    s->token_until = poll_wall(s) + ms - (ms / 2 < EARLY_MS ? ms / 2 : EARLY_MS);
    struct span next = span_of(json_string_value(refresh), json_string_length(refresh));
    bool rotated = s->source->connector->auth.refresh.n > 0 && next.n > 0 &&
                   !span_eq(next, buf_span(&s->refresh));
    if (rotated) {
        buf_reset(&s->refresh);
        buf_add(&s->refresh, next);
        save_refresh(s);
    } else {
        go_on(s);
    }
}

/* RFC 6749, 5.2; nothing else of the answer is repeated. */
static const char *refusal_of(struct span body)
{
    static const char *const words[] = {"invalid_request", "invalid_client",
                                        "invalid_grant",   "unauthorized_client",
                                        "invalid_scope",   "unsupported_grant_type"};
    json_t *answer = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
    const char *said = json_string_value(json_object_get(answer, "error"));
    const char *found = NULL;
    for (size_t i = 0; said && i < ARRAY_LEN(words); i++)
        if (strcmp(said, words[i]) == 0)
            found = words[i];
    json_decref(answer);
    return found;
}

/* What comes of a token server that gave none. */
static struct upstream_verdict without_token(const struct upstream_verdict *v,
                                             const struct fetch_response *r)
{
    struct upstream_verdict told = *v;
    const char *refusal = refusal_of(r->body);
    if (v->what == UPSTREAM_RETRY)
        snprintf(told.why, sizeof told.why, "the token server: %.160s", v->why);
    else if (v->why[0] && !refusal)
        snprintf(told.why, sizeof told.why, "no access token was given: %.150s", v->why);
    else
        snprintf(told.why, sizeof told.why, "no access token was given%s%s", refusal ? ": " : "",
                 refusal ? refusal : "");
    if (v->what != UPSTREAM_RETRY) {
        told.what = UPSTREAM_FAIL;
        told.error = ERROR_AUTH;
        told.wait_ms = -1;
    }
    return told;
}

static void on_token(void *ctx, const struct fetch_response *r)
{
    struct poll *s = ctx;
    struct upstream_verdict v = upstream_judge(s->source->connector, r, poll_wall(s));
    s->job = NULL;
    json_t *answer = v.what == UPSTREAM_ANSWER ? json_loadb(r->body.p, r->body.n, 0, NULL) : NULL;
    if (json_string_length(json_object_get(answer, "access_token")) > 0) {
        take_token(s, answer);
    } else {
        v = without_token(&v, r);
        s->refreshed = true; /* a refused token request is not helped by another */
        poll_obey(s, &v, go_on);
    }
    json_decref(answer);
}

/* A token of our own making needs nobody. */
static bool make_token(struct poll *s)
{
    struct request_env env = poll_env(s);
    struct span token;
    char why[WHY] = "no memory";
    if (request_assertion(&env, &s->page_arena, &token, why, sizeof why) < 0) {
        poll_fail(s, ERROR_REQUEST, -1, why);
        return false;
    }
    poll_token_drop(s);
    buf_add(&s->token, token);
    int64_t ms = s->source->connector->auth.jwt.life_ms;
    s->token_until = poll_wall(s) + ms / 2;
    return true;
}

bool poll_has_token(struct poll *s)
{
    struct fetch_request req = {0};
    const struct credential *c = &s->source->connector->auth;
    char why[WHY];
    bool wanted = c->type == CREDENTIAL_OAUTH2 || c->type == CREDENTIAL_JWT;
    if (!wanted || (s->token.n > 0 && poll_wall(s) < s->token_until))
        return true;
    if (c->type == CREDENTIAL_JWT && c->token_url.n == 0)
        return make_token(s);
    if (s->preview) {
        preview_fail(s, "there is no access token yet: the first poll asks for it");
        return false;
    }
    if (c->refresh.n > 0 && !s->refresh_known)
        load_refresh(s);
    struct request_env env = poll_env(s);
    struct span refresh = c->refresh.n > 0 ? buf_span(&s->refresh) : SPAN_NONE;
    int rc = request_token(&env, refresh, &s->page_arena, &req, why, sizeof why);
    if (rc < 0)
        poll_fail(s, ERROR_REQUEST, -1, rc == -ENOMEM ? "no memory" : why);
    else
        poll_send(s, &req, on_token, go_on);
    return false;
}
