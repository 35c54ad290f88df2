#include <stdio.h>

#include "base/err.h"
#include "daemon/http/auth_impl.h"

static struct token *session_token(const struct auth *a, const struct session *s)
{
    char id[3 + 2 * SESSION_TOKEN + 1] = "tk_";
    auth_hex_write(s->token, SESSION_TOKEN, id + 3);
    return auth_find_id(a, span_str(id));
}

/* A clock set back would lengthen a session: one from the future is none. */
static bool in_time(const struct auth *a, const struct session *s, int64_t now)
{
    return s->begun_at <= now + AUTH_SESSION_SKEW_MS && now < s->ends_at &&
           now - s->begun_at < a->session_ms;
}

static bool has_ended(const struct auth *a, const struct token *t, const struct session *s)
{
    size_t n = a->n_ended < AUTH_MAX_ENDED ? a->n_ended : AUTH_MAX_ENDED;
    if (t->sessions_after != NO_TIME && s->begun_at <= t->sessions_after)
        return true;
    for (size_t i = 0; i < n; i++)
        if (memcmp(a->ended[i].id, s->id, SESSION_ID) == 0)
            return true;
    return false;
}

static bool session_in_force(const struct auth *a, const struct token *t, const struct session *s,
                             int64_t now)
{
    return t && auth_token_in_force(t, now) && in_time(a, s, now) && !has_ended(a, t, s);
}

int auth_session_begin(struct auth *a, struct http_principal *p, int64_t now,
                       char cookie[SESSION_COOKIE + 1])
{
    const struct token *t = auth_find_id(a, p->token_id);
    struct session s = {.begun_at = now, .ends_at = now + a->session_ms};
    if (!t || !session_token_id(t->pub.id, s.token))
        return -EINVAL;
    if (t->pub.expires_at != NO_TIME && t->pub.expires_at < s.ends_at)
        s.ends_at = t->pub.expires_at;
    s.ends_at -= (s.ends_at - s.begun_at) % MS_SECOND;
    a->rng.fill(a->rng.ctx, s.id, sizeof s.id);
    int r = session_cookie_make(&a->session_keys, &s, cookie);
    if (r == 0) {
        p->by_session = true;
        p->session = s;
    }
    return r;
}

int auth_session_find(struct auth *a, struct span cookie, int64_t now, struct http_principal *ret)
{
    struct session s;
    if (!session_cookie_read(&a->session_keys, cookie, &s))
        return -EACCES;
    const struct token *t = session_token(a, &s);
    if (!session_in_force(a, t, &s, now))
        return -ETIME;
    *ret = auth_principal_of(t);
    ret->by_session = true;
    ret->session = s;
    return 0;
}

/* When the ring is full the oldest entry makes room, but its session must not come back: then all
 * sessions of that token up to it are over, and somebody signs in once more. */
void auth_session_end(struct auth *a, const struct http_principal *p)
{
    struct ended *e = &a->ended[a->n_ended % AUTH_MAX_ENDED];
    struct token *t = auth_find_id(a, p->token_id);
    if (!t || !p->by_session || has_ended(a, t, &p->session))
        return;
    if (e->token && (e->token->sessions_after == NO_TIME || e->token->sessions_after < e->begun_at))
        e->token->sessions_after = e->begun_at;
    memcpy(e->id, p->session.id, SESSION_ID);
    e->token = t;
    e->begun_at = p->session.begun_at;
    a->n_ended++;
}

int auth_ended_document(const struct http_principal *p, struct arena *arena, struct span *ret_key,
                        struct span *ret_value)
{
    char id[2 * SESSION_ID + 1];
    auth_hex_write(p->session.id, SESSION_ID, id);
    *ret_key = arena_printf(arena, AUTH_ENDED_KEY "%s", id);
    *ret_value = arena_printf(arena, "%.*s %lld %lld", SPAN_FMT(p->token_id),
                              (long long)p->session.begun_at, (long long)p->session.ends_at);
    return ret_key->p && ret_value->p ? 0 : -ENOMEM;
}

static bool ended_read(struct span key, struct span value, struct http_principal *ret)
{
    static const struct span prefix = {AUTH_ENDED_KEY, sizeof(AUTH_ENDED_KEY) - 1};
    char id[2 * SESSION_ID + 1];
    size_t one = span_find_char(value, ' ');
    struct span times =
        span_of(value.p + one, value.n - one); /* " BEGUN ENDS": the token id has no spaces */
    if (!span_starts(key, prefix) || key.n != prefix.n + 2 * SESSION_ID || times.n == 0)
        return false;
    times = span_of(times.p + 1, times.n - 1);
    size_t two = span_find_char(times, ' ');
    struct session *s = &ret->session;
    memcpy(id, key.p + prefix.n, 2 * SESSION_ID);
    id[2 * SESSION_ID] = '\0';
    ret->by_session = true;
    ret->token_id = span_of(value.p, one);
    return auth_hex_read(id, s->id, SESSION_ID) && two < times.n &&
           span_to_i64(span_of(times.p, two), &s->begun_at) == 0 &&
           span_to_i64(span_of(times.p + two + 1, times.n - two - 1), &s->ends_at) == 0;
}

/* A day is allowed for a clock that was wrong when the daemon started. */
int auth_ended_apply(struct auth *a, struct span key, struct span value, int64_t wall)
{
    struct http_principal p = {0};
    if (!ended_read(key, value, &p))
        return -EINVAL;
    if (wall > p.session.ends_at + MS_DAY)
        return -ETIME;
    auth_session_end(a, &p);
    return 0;
}

int auth_session_csrf(const struct auth *a, const struct http_principal *p,
                      char out[SESSION_CSRF + 1])
{
    return session_csrf_make(&a->session_keys, &p->session, out);
}

bool auth_session_csrf_is(const struct auth *a, const struct http_principal *p, struct span text)
{
    return session_csrf_is(&a->session_keys, &p->session, text);
}

bool auth_in_force(const struct auth *a, const struct http_principal *p, int64_t now)
{
    const struct token *t = auth_find_id(a, p->token_id);
    return p->by_session ? session_in_force(a, t, &p->session, now)
                         : t && auth_token_in_force(t, now);
}
