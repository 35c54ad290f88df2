#include "daemon/format/jwt.h"

#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/base64url.h"

enum { P256_BYTES = 32, P256_BITS = 256, MAX_SIGNATURE = 1024 };

const char *jwt_name(enum jwt_algorithm algorithm)
{
    static const char *const names[] = {"RS256", "ES256", "HS256"};
    return names[algorithm];
}

/* --- keys --- */

/* Else OpenSSL asks whoever sits at the terminal. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return 0;
}

static bool is_fit(enum jwt_algorithm algorithm, const EVP_PKEY *key)
{
    if (algorithm == JWT_RS256)
        return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
               EVP_PKEY_get_bits(key) >= JWT_MIN_RSA_BITS;
    char curve[32] = "";
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == P256_BITS &&
           EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
           strcmp(curve, "prime256v1") == 0;
}

static int open_key(enum jwt_algorithm algorithm, struct span text, EVP_PKEY **ret)
{
    BIO *bio = text.n > 0 ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (key && is_fit(algorithm, key)) {
        *ret = key;
        return 0;
    }
    EVP_PKEY_free(key);
    return -EINVAL;
}

int jwt_check_key(enum jwt_algorithm algorithm, struct span key)
{
    EVP_PKEY *found = NULL;
    if (algorithm == JWT_HS256)
        return key.n > 0 ? 0 : -EINVAL;
    int rc = open_key(algorithm, key, &found);
    EVP_PKEY_free(found);
    return rc;
}

struct span jwt_key_of(struct span text, struct buf *room)
{
    text = span_trim(text);
    if (text.n == 0 || text.p[0] != '{')
        return text;
    json_t *file = json_loadb(text.p, text.n, 0, NULL);
    json_t *key = json_object_get(file, "private_key");
    int rc = json_is_string(key) ? buf_append(room, json_string_value(key), json_string_length(key))
                                 : -EINVAL;
    json_decref(file);
    return rc == 0 ? buf_span(room) : SPAN_NONE;
}

/* --- signing --- */

static int add_encoded(struct buf *out, const void *p, size_t n)
{
    char *at = buf_reserve(out, BASE64URL_LEN(n) + 1);
    if (!at)
        return buf_error(out);
    base64url_write(p, n, at);
    out->n += BASE64URL_LEN(n);
    return 0;
}

/* RFC 7518 3.4 wants both numbers at full length; OpenSSL gives them as DER. */
static int from_der(const unsigned char *der, size_t n, unsigned char out[2 * P256_BYTES])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P256_BYTES) == P256_BYTES &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P256_BYTES, P256_BYTES) == P256_BYTES;
    ECDSA_SIG_free(sig);
    return ok ? 0 : -EINVAL;
}

static int sign_digest(EVP_PKEY *key, struct span text, unsigned char *sig, size_t *n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, sig, n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? 0 : ctx ? -EINVAL : -ENOMEM;
}

static int sign_private(enum jwt_algorithm algorithm, struct span text, struct span pem,
                        unsigned char *sig, size_t *n)
{
    unsigned char made[MAX_SIGNATURE];
    size_t n_made = sizeof made;
    EVP_PKEY *key = NULL;
    int rc = open_key(algorithm, pem, &key);
    if (rc == 0)
        rc = EVP_PKEY_get_size(key) <= MAX_SIGNATURE ? sign_digest(key, text, made, &n_made)
                                                     : -EINVAL;
    EVP_PKEY_free(key);
    if (rc < 0)
        return rc;
    if (algorithm == JWT_ES256) {
        *n = 2 * P256_BYTES;
        return from_der(made, n_made, sig);
    }
    memcpy(sig, made, n_made);
    *n = n_made;
    return 0;
}

static int sign_shared(struct span text, struct span key, unsigned char *sig, size_t *n)
{
    unsigned size = 0;
    if (key.n == 0)
        return -EINVAL;
    if (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, sig, &size))
        return -ENOMEM;
    *n = size;
    return 0;
}

int jwt_sign(enum jwt_algorithm algorithm, struct span key, struct span header, struct span claims,
             struct buf *out)
{
    unsigned char sig[MAX_SIGNATURE];
    size_t begin = out->n, n = 0;
    int rc = add_encoded(out, header.p, header.n);
    if (rc == 0)
        rc = buf_char(out, '.');
    if (rc == 0)
        rc = add_encoded(out, claims.p, claims.n);
    if (rc < 0)
        return rc;
    struct span text = span_of(out->p + begin, out->n - begin);
    rc = algorithm == JWT_HS256 ? sign_shared(text, key, sig, &n)
                                : sign_private(algorithm, text, key, sig, &n);
    if (rc == 0)
        rc = buf_char(out, '.');
    return rc == 0 ? add_encoded(out, sig, n) : rc;
}
