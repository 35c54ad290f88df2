/* auth_impl: what the files of auth share. Private to them.
 *
 *   auth.c          the key, the table of tokens, their documents, who asks
 *   auth_session.c  sessions of the console: in force or over */
#ifndef VOC_HTTP_AUTH_IMPL_H
#define VOC_HTTP_AUTH_IMPL_H

#include <openssl/evp.h>

#include "daemon/http/auth.h"
#include "daemon/http/throttle.h"

enum {
    KEY_SIZE = 32,
    HASH_SIZE = 32,
    SECRET_SIZE = 32,
    SECRET_TEXT = BASE64URL_LEN(SECRET_SIZE),
    ID_BYTES = SESSION_TOKEN,
};

struct token {
    struct auth_token pub;
    unsigned char hash[HASH_SIZE];
    int64_t sessions_after; /* sessions begun until then are over; NO_TIME: none */
};

/* A session somebody signed out of. */
struct ended {
    unsigned char id[SESSION_ID];
    struct token *token;
    int64_t begun_at;
};

struct auth {
    struct rng rng;
    int64_t window_ms;
    uint32_t max_failures;
    EVP_MAC_CTX *mac; /* keyed; EVP_MAC_init() without a key starts it afresh */
    struct throttle *throttle;
    struct arena text; /* of the tokens; never shrinks, so principals may point into it */
    struct token **tokens;
    size_t n_tokens, cap_tokens;
    uint32_t *by_hash, *by_id; /* open addressing: index + 1, 0 empty; n_slots a power of two */
    size_t n_slots;
    struct session_keys session_keys;
    int64_t session_ms;
    struct ended ended[AUTH_MAX_ENDED]; /* a ring */
    size_t n_ended;                     /* ever */
};

struct token *auth_find_id(const struct auth *a, struct span id);
bool auth_token_in_force(const struct token *t, int64_t now);
struct http_principal auth_principal_of(const struct token *t);
/* Two lower-case digits a byte; `out` of the first also takes a NUL. */
void auth_hex_write(const unsigned char *p, size_t n, char *out);
bool auth_hex_read(const char *text, unsigned char *out, size_t n);

#endif
