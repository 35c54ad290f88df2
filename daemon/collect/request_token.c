/* What is asked of a token server (RFC 6749, RFC 7523), and the statements signed for it. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/request_impl.h"
#include "daemon/format/bcrypt.h"

enum {
    SKEW_MS = 30000, /* a server whose clock is behind takes no statement of the future */
    HASH_BASE64 = (BCRYPT_TEXT + 2) / 3 * 4 + 1,
    KEY_MAX = 16 * 1024,
};

static const struct credential *credential_of(const struct building *b)
{
    return &b->values.env->source->connector->auth;
}

/* --- signed statements --- */

static void put_times(const struct building *b, struct json_out *j)
{
    int64_t issued = b->values.env->now - SKEW_MS;
    json_int(j, "iat", issued / MS_SECOND);
    json_int(j, "exp", (issued + credential_of(b)->jwt.life_ms) / MS_SECOND);
}

static int put_members(struct building *b, struct json_out *j, const struct body_node *n)
{
    int rc = 0;
    for (const struct body_node *e = n ? n->first : NULL; e && rc == 0; e = e->next)
        rc = building_json(b, j, e);
    return rc;
}

static int put_parts(struct building *b, struct buf *header, struct buf *claims)
{
    const struct assertion *jwt = &credential_of(b)->jwt;
    struct json_out h = json_out_to(header), c = json_out_to(claims);
    json_open(&h, NULL, '{');
    json_cstr(&h, "alg", jwt_name(jwt->algorithm));
    json_cstr(&h, "typ", "JWT");
    int rc = put_members(b, &h, jwt->header);
    json_close(&h, '}');
    json_open(&c, NULL, '{');
    if (rc == 0)
        rc = put_members(b, &c, jwt->claims);
    put_times(b, &c);
    json_close(&c, '}');
    rc = rc == 0 ? buf_error(header) : rc;
    return rc == 0 ? buf_error(claims) : rc;
}

static int sign(struct building *b, struct span header, struct span claims, struct span *ret)
{
    const struct assertion *jwt = &credential_of(b)->jwt;
    struct span text, key;
    struct buf room, token;
    buf_init(&room, KEY_MAX);
    buf_init(&token, MAX_BODY);
    int rc = building_expand(b, &jwt->key, "the key", &text);
    key = rc == 0 ? jwt_key_of(text, &room) : SPAN_NONE;
    if (rc == 0)
        rc = jwt_sign(jwt->algorithm, key, header, claims, &token);
    if (rc == -EINVAL)
        snprintf(b->why, b->size, "the key is no private key for %s", jwt_name(jwt->algorithm));
    if (rc == 0) {
        *ret = arena_dup(b->a, buf_span(&token));
        rc = ret->p ? 0 : -ENOMEM;
    }
    if (room.p)
        explicit_bzero(room.p, room.cap);
    buf_done(&room);
    buf_done(&token);
    return rc;
}

static int build_assertion(struct building *b, struct span *ret)
{
    struct buf header, claims;
    buf_init(&header, MAX_BODY);
    buf_init(&claims, MAX_BODY);
    int rc = put_parts(b, &header, &claims);
    if (rc == 0)
        rc = sign(b, buf_span(&header), buf_span(&claims), ret);
    buf_done(&header);
    buf_done(&claims);
    return rc;
}

int request_assertion(const struct request_env *env, struct arena *a, struct span *ret, char *why,
                      size_t size)
{
    struct building b;
    int rc = building_init(&b, env, a, why, size);
    if (rc == 0)
        rc = build_assertion(&b, ret);
    building_done(&b);
    return rc == -ENOENT ? -EINVAL : rc;
}

/* --- the form --- */

static void add_field(struct buf *form, struct span name, struct span value)
{
    buf_str(form, form->n ? "&" : "");
    template_escape(form, name);
    buf_char(form, '=');
    template_escape(form, value);
}

/* What is absent is left out. */
static int add_template(struct building *b, struct buf *form, struct span name,
                        const struct template *t)
{
    struct span value;
    int rc = t->n ? building_expand(b, t, "a value of the token request", &value) : -ENOENT;
    if (rc == 0)
        add_field(form, name, value);
    return rc == -ENOENT ? 0 : rc;
}

/* The text is signed with the salt, which is the client's secret. */
static int add_hash(struct building *b, struct buf *form)
{
    const struct token_hash *h = &credential_of(b)->hash;
    struct span text = SPAN_NONE, salt;
    char hash[BCRYPT_TEXT], encoded[HASH_BASE64];
    int rc = building_expand(b, &h->text, "the text to be hashed", &text);
    if (rc == 0) {
        text = arena_dup(b->a, text);
        rc = text.p ? building_expand(b, &h->salt, "the salt", &salt) : -ENOMEM;
    }
    if (rc < 0)
        return rc;
    rc = bcrypt_hash(text, salt, hash);
    if (rc == -EINVAL)
        snprintf(b->why, b->size, "the salt is none of bcrypt, or the text too long");
    if (rc < 0)
        return rc;
    int n = EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)hash, BCRYPT_TEXT - 1);
    add_field(form, h->into, span_of(encoded, (size_t)n));
    return 0;
}

static int add_client(struct building *b, struct span refresh, struct buf *form)
{
    const struct credential *c = credential_of(b);
    add_field(form, SPAN_LIT("grant_type"),
              refresh.p ? SPAN_LIT("refresh_token") : SPAN_LIT("client_credentials"));
    if (refresh.p)
        add_field(form, SPAN_LIT("refresh_token"), refresh);
    int rc = add_template(b, form, SPAN_LIT("scope"), &c->scope);
    if (rc == 0 && !c->basic)
        rc = add_template(b, form, SPAN_LIT("client_id"), &c->user);
    if (rc == 0 && !c->basic)
        rc = add_template(b, form, SPAN_LIT("client_secret"), &c->pass);
    return rc == 0 && c->hash.into.p ? add_hash(b, form) : rc;
}

static int add_grant(struct building *b, struct buf *form)
{
    struct span assertion = SPAN_NONE;
    int rc = build_assertion(b, &assertion);
    if (rc < 0)
        return rc;
    add_field(form, SPAN_LIT("grant_type"),
              SPAN_LIT("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    add_field(form, SPAN_LIT("assertion"), assertion);
    return 0;
}

static int token_form(struct building *b, struct span refresh, struct buf *form)
{
    const struct credential *c = credential_of(b);
    int rc = c->type == CREDENTIAL_JWT ? add_grant(b, form) : add_client(b, refresh, form);
    for (size_t i = 0; i < c->form.n && rc == 0; i++)
        rc = add_template(b, form, c->form.p[i].name, &c->form.p[i].value);
    return rc == 0 ? buf_error(form) : rc;
}

static int build_token(struct building *b, struct span refresh, struct fetch_request *ret)
{
    const struct credential *c = credential_of(b);
    struct buf form;
    struct span url;
    buf_init(&form, MAX_BODY);
    int rc = building_expand(b, &c->token_url, "the token's address", &url);
    if (rc == 0)
        rc = buf_add(&b->url, url);
    if (rc == 0)
        rc = token_form(b, refresh, &form);
    if (rc == 0 && c->basic)
        rc = building_basic(b, &c->user, &c->pass);
    if (rc == 0)
        rc = building_header(b, SPAN_LIT("Content-Type"),
                             SPAN_LIT("application/x-www-form-urlencoded"));
    if (rc == 0)
        rc = building_header(b, SPAN_LIT("Accept"), SPAN_LIT("application/json"));
    ret->body = rc == 0 ? arena_dup(b->a, buf_span(&form)) : SPAN_NONE;
    if (form.p)
        explicit_bzero(form.p, form.cap);
    buf_done(&form);
    ret->method = "POST";
    return rc == 0 ? building_finish(b, ret) : rc == -ENOENT ? -EINVAL : rc;
}

int request_token(const struct request_env *env, struct span refresh, struct arena *a,
                  struct fetch_request *ret, char *why, size_t size)
{
    struct building b;
    int rc = building_init(&b, env, a, why, size);
    if (rc == 0)
        rc = build_token(&b, refresh, ret);
    building_done(&b);
    return rc;
}
