/* session: what the browser console holds instead of a token: a cookie that says which token it
 * stands for, when it was made, for how long, and a random session id, all under an HMAC. The token
 * itself is not in it, so a stolen cookie lasts hours, not until somebody revokes a token; and
 * nothing is kept of it, so that sessions outlive a restart of the daemon.
 *
 *   cookie  base64url( token id 12 | begun_at ms 8 | lifetime s 4 | session id 16 | HMAC 32 )
 *   csrf    base64url( HMAC of the session id )
 *
 * Two keys, derived from state/auth.key under labels of their own (auth.c). Numbers are big-endian,
 * HMACs are SHA-256. The reading of a cookie is strict: one spelling, one length, once in the
 * header.
 *
 * Whether a session is in force (its token, the clock, signing out) is auth.c's business.
 * Thread: any; pure. */
#ifndef VOC_HTTP_SESSION_H
#define VOC_HTTP_SESSION_H

#include "daemon/format/base64url.h"

enum {
    SESSION_KEY = 32,
    SESSION_ID = 16,
    SESSION_TOKEN = 12, /* bytes of a token id: "tk_" and 24 digits */
    SESSION_COOKIE = BASE64URL_LEN(12 + 8 + 4 + 16 + 32), /* 96 characters, no unused bits */
    SESSION_CSRF = BASE64URL_LEN(32),
};
/* `__Host-`: a browser takes it only over TLS, for this host, for every path; no other host of the
 * domain can plant one. */
#define SESSION_NAME "voc_session"
#define SESSION_NAME_TLS "__Host-" SESSION_NAME

struct session {
    unsigned char token[SESSION_TOKEN];
    unsigned char id[SESSION_ID];
    int64_t begun_at, ends_at; /* wall ms; whole seconds apart */
};
struct session_keys {
    unsigned char cookie[SESSION_KEY], csrf[SESSION_KEY];
};

/* -EINVAL: a lifetime that is none or more than UINT32_MAX seconds; -EIO: no HMAC. */
int session_cookie_make(const struct session_keys *k, const struct session *s,
                        char out[SESSION_COOKIE + 1]);
/* Whether we made it; says nothing of whether it is in force. */
bool session_cookie_read(const struct session_keys *k, struct span text, struct session *ret);
int session_csrf_make(const struct session_keys *k, const struct session *s,
                      char out[SESSION_CSRF + 1]);
bool session_csrf_is(const struct session_keys *k, const struct session *s, struct span text);

/* The value of cookie `name` in a Cookie header (RFC 6265 §4.2.1, strictly: pairs with '=', parted
 * by "; "). Absent also when the name is there twice, whatever the values: somebody planted one. */
struct span session_cookie_find(struct span header, const char *name);

/* "tk_" and 24 lower-case hex digits to 12 bytes. */
bool session_token_id(struct span id, unsigned char ret[SESSION_TOKEN]);

#endif
