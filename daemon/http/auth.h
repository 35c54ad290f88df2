/* auth: tokens and who they make of a request.
 *
 * A token reads `voc_<role>_<43 characters base64url>` (256 bits) and is shown once, when made.
 * Kept is only its HMAC-SHA256 under the key of state/auth.key (0600, made on first start), so
 * neither the store nor a backup of it lets anybody in. Tokens are found by that hash: it depends
 * on the key, so neither table order nor timing tells a guesser anything.
 *
 * Here is the table in memory; the store's documents (STORE_DOC_TOKEN, by token id) are the truth.
 * A change is made in this order: auth_make() or auth_revoke() gives a document, a pipeline command
 * commits it, then auth_apply() puts it in force.
 *
 * Wrong tokens: more than max_failures from one address within the window are answered 429 with
 * Retry-After instead of 401. A right token from the same address is let through all the same: a
 * call center sits behind one address, and one broken script must not lock everybody out. Guessing
 * 256 bits is hopeless anyhow; the throttle spares logs and work.
 *
 * Thread: the loop. Ownership: spans of a principal live as long as the auth. */
#ifndef VOC_HTTP_AUTH_H
#define VOC_HTTP_AUTH_H

#include "daemon/http/http.h"
#include "daemon/trust/handle.h"
#include "store/store.h"

enum {
    AUTH_MAX_TOKENS = 100000,
    AUTH_MAX_NAME = 200,
    AUTH_MAX_WORKSPACE = 64,
    AUTH_MAX_ENDED = 4096, /* sessions signed out of and remembered */
};
#define AUTH_SESSION_SKEW_MS                                                                       \
    (5 * MS_MINUTE) /* how far the clock may be set back under a session                           \
                     */

struct auth;

struct auth_config {
    const char *state;           /* directory of auth.key */
    const struct config *config; /* auth.*: copied */
    struct rng rng;
};
/* 0, or -errno with `message` (auth.key can not be read, made, or is open to others). */
int auth_new(const struct auth_config *cfg, char *message, size_t size, struct auth **ret_auth);
void auth_free(struct auth *a); /* NULL is fine; the key is wiped */
void auth_reload(struct auth *a, const struct config *config);

/* All tokens of the system store. 0, -ENOMEM, -VOC_E_CORRUPT (a document that is no token). */
int auth_load(struct auth *a, struct store_view *v);

struct auth_token {
    struct span id; /* public: "tk_…" */
    enum role role;
    struct span workspace, name;
    int64_t created_at, expires_at, revoked_at; /* wall ms; NO_TIME: never */
};
struct auth_made {
    struct span id;       /* the document's key */
    struct span text;     /* the token itself: show once, keep nowhere */
    struct span document; /* its value */
};
/* `spec` without id and revoked_at. -EINVAL (role, workspace or name out of bounds), -ENOMEM. */
int auth_make(struct auth *a, const struct auth_token *spec, struct arena *arena,
              struct auth_made *ret);
/* The document of a revoked token. -ENOENT when the workspace has none of this id. */
int auth_revoke(struct auth *a, struct span workspace, struct span id, int64_t now,
                struct arena *arena, struct span *ret_document);
/* After the commit. -EINVAL (no token document), -ENOSPC (AUTH_MAX_TOKENS), -ENOMEM. */
int auth_apply(struct auth *a, struct span document);
/* Tokens of a workspace (absent: all), in order of making; `fn` returns nonzero to stop. */
int auth_each(const struct auth *a, struct span workspace,
              int (*fn)(void *ctx, const struct auth_token *token), void *ctx);
size_t auth_count(const struct auth *a);
/* Whether who opened something long-lived would still be let in. */
bool auth_in_force(const struct auth *a, const struct http_principal *p, int64_t wall);

/* Who asks: the one place where a principal comes from. The cookie counts only when neither of the
 * others is given. 0; -EACCES: nobody we know; -EAGAIN: nobody, and too often: *ret_retry_ms. */
struct auth_query {
    struct span token;         /* itself, or absent */
    struct span authorization; /* header value, or absent */
    struct span cookie;        /* the session cookie's value, or absent */
    struct span peer;
    int64_t wall, mono;
};
int auth_principal(struct auth *a, const struct auth_query *q, struct http_principal *ret,
                   int64_t *ret_retry_ms);

/* The key of a workspace's customer handles (trust/handle.h). 0 or -EIO. */
int auth_handle_key(struct auth *a, struct span workspace, unsigned char ret[HANDLE_KEY]);

/* Sessions of the console; what a cookie holds is session.h's. A session ends with its lifetime
 * (the shorter of what auth.session said then and says now), with its token, when somebody signs
 * out, or when the clock was set back to more than AUTH_SESSION_SKEW_MS before its beginning.
 *
 * Signing out is remembered, in memory and as a document, for as long as the cookie would live: a
 * copy of it opens nothing, after a restart neither. */

/* A session of the token `p` came with; `p` becomes the session's principal. -EINVAL, -EIO. */
int auth_session_begin(struct auth *a, struct http_principal *p, int64_t wall,
                       char cookie[SESSION_COOKIE + 1]);
/* 0; -EACCES: not ours; -ETIME: ours, but over. Counts nothing. */
int auth_session_find(struct auth *a, struct span cookie, int64_t wall, struct http_principal *ret);
void auth_session_end(struct auth *a, const struct http_principal *p);
/* What a restart must know of it: a document of the system store (STORE_DOC_SETTING). -ENOMEM. */
#define AUTH_ENDED_KEY "session-ended/"
int auth_ended_document(const struct http_principal *p, struct arena *arena, struct span *ret_key,
                        struct span *ret_value);
/* Takes one up again, after the tokens. 0; -ETIME: it says nothing any more, and may be deleted;
 * -EINVAL: it is none. */
int auth_ended_apply(struct auth *a, struct span key, struct span value, int64_t wall);
int auth_session_csrf(const struct auth *a, const struct http_principal *p,
                      char out[SESSION_CSRF + 1]);
bool auth_session_csrf_is(const struct auth *a, const struct http_principal *p, struct span text);

#endif
