/* credential: how a connector is let in (`auth:`). Part of connector.h. */
#ifndef VOC_COLLECT_CREDENTIAL_H
#define VOC_COLLECT_CREDENTIAL_H

#include "daemon/collect/call.h"
#include "daemon/format/jwt.h"

enum auth_type {
    CREDENTIAL_NONE,
    CREDENTIAL_BASIC,
    CREDENTIAL_BEARER,
    CREDENTIAL_HEADERS,
    CREDENTIAL_OAUTH2,
    CREDENTIAL_JWT
};
/* A signed statement, exchanged for a token at token_url; without one it is the token. */
struct assertion {
    enum jwt_algorithm algorithm;
    struct template key;
    const struct body_node *claims, *header; /* header: NULL or more of it */
    int64_t life_ms;
};
/* A field of the token request that is a hash of a text: base64 of bcrypt. */
struct token_hash {
    struct span into; /* absent: none */
    struct template text, salt;
};
struct credential {
    enum auth_type type;
    struct template user, pass; /* basic; bearer: pass; oauth2: client id and secret */
    struct fields_list headers;
    struct template token_url, scope, refresh; /* oauth2; no refresh: client credentials */
    bool basic;                                /* oauth2: the client's in a header, not the body */
    struct fields_list form;                   /* more of the token request */
    struct token_hash hash;
    struct assertion jwt;
};

#endif
