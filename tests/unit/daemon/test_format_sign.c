/* jwt.h and bcrypt.h: what is signed for token servers, against published vectors and against
 * OpenSSL's own verifying. */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/base64url.h"
#include "daemon/format/bcrypt.h"
#include "daemon/format/jwt.h"
#include "tests/lib/test.h"

#define HEADER SPAN_LIT("{\"alg\":\"x\"}")
#define CLAIMS SPAN_LIT("{\"iss\":\"me\"}")

/* RFC 7515, appendix A.1. */
static void test_hs256_vector(void **state)
{
    (void)state;
    static const char encoded[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"
                                  "PS4hcgUuTwjAzZr1Z9CAow";
    unsigned char key[64];
    struct buf out;
    buf_init(&out, 0);
    assert_true(base64url_read(SPAN_LIT(encoded), key, sizeof key));
    assert_int_equal(jwt_sign(JWT_HS256, span_of((char *)key, sizeof key),
                              SPAN_LIT("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}"),
                              SPAN_LIT("{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                       "\"http://example.com/is_root\":true}"),
                              &out),
                     0);
    buf_char(&out, '\0');
    assert_string_equal(out.p,
                        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS"
                        "9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    buf_done(&out);
}

static struct span pem_of(EVP_PKEY *key, char *room, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    int n = BIO_read(bio, room, (int)size);
    BIO_free(bio);
    assert_true(n > 0 && n < (int)size);
    return span_of(room, (size_t)n);
}

static bool verifies(EVP_PKEY *key, struct span text, const unsigned char *sig, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, sig, n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* What stands before the last point, and after it. */
static struct span split(struct span token, struct span *ret_sig)
{
    size_t dot = token.n;
    while (token.p[--dot] != '.')
        ;
    *ret_sig = span_of(token.p + dot + 1, token.n - dot - 1);
    return span_of(token.p, dot);
}

static void test_rs256(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    char pem[4096];
    unsigned char sig[256];
    struct span encoded;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(jwt_sign(JWT_RS256, pem_of(key, pem, sizeof pem), HEADER, CLAIMS, &out), 0);
    struct span text = split(buf_span(&out), &encoded);
    assert_true(base64url_read(encoded, sig, sizeof sig));
    assert_true(verifies(key, text, sig, sizeof sig));
    sig[9] ^= 1;
    assert_false(verifies(key, text, sig, sizeof sig));
    EVP_PKEY_free(key);
    buf_done(&out);
}

/* Two numbers of 32 bytes, also when one of them is short: many times, so that some are. */
static void test_es256(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    char pem[4096];
    struct span at = pem_of(key, pem, sizeof pem);
    for (int i = 0; i < 300; i++) {
        unsigned char sig[64], der[80], *p = der;
        struct span encoded;
        struct buf out;
        buf_init(&out, 0);
        assert_int_equal(jwt_sign(JWT_ES256, at, HEADER, CLAIMS, &out), 0);
        struct span text = split(buf_span(&out), &encoded);
        assert_true(base64url_read(encoded, sig, sizeof sig));
        ECDSA_SIG *both = ECDSA_SIG_new();
        assert_int_equal(
            ECDSA_SIG_set0(both, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL)), 1);
        int n = i2d_ECDSA_SIG(both, &p);
        ECDSA_SIG_free(both);
        assert_true(n > 0 && verifies(key, text, der, (size_t)n));
        buf_done(&out);
    }
    EVP_PKEY_free(key);
}

static void test_wrong_keys(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY *curve = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    char pem[4096];
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(jwt_check_key(JWT_RS256, pem_of(rsa, pem, sizeof pem)), 0);
    assert_int_equal(jwt_check_key(JWT_ES256, pem_of(rsa, pem, sizeof pem)), -EINVAL);
    assert_int_equal(jwt_check_key(JWT_RS256, pem_of(weak, pem, sizeof pem)), -EINVAL);
    assert_int_equal(jwt_check_key(JWT_ES256, pem_of(ec, pem, sizeof pem)), 0);
    assert_int_equal(jwt_check_key(JWT_RS256, pem_of(ec, pem, sizeof pem)), -EINVAL);
    assert_int_equal(jwt_check_key(JWT_ES256, pem_of(curve, pem, sizeof pem)), -EINVAL);
    assert_int_equal(jwt_check_key(JWT_RS256, SPAN_LIT("-----BEGIN PRIVATE KEY-----")), -EINVAL);
    assert_int_equal(jwt_check_key(JWT_RS256, SPAN_LIT("")), -EINVAL);
    assert_int_equal(jwt_check_key(JWT_HS256, SPAN_LIT("")), -EINVAL);
    assert_int_equal(jwt_sign(JWT_RS256, SPAN_LIT("x"), HEADER, CLAIMS, &out), -EINVAL);
    buf_done(&out);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(curve);
}

static void test_key_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key;
    } cases[] = {
        {" -----BEGIN X-----\n", "-----BEGIN X-----"},
        {"{\"type\":\"service_account\",\"private_key\":\"-----BEGIN\\nX\"}", "-----BEGIN\nX"},
        {"{\"private_key\":7}", NULL},
        {"{\"other\":\"x\"}", NULL},
        {"{", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf room;
        buf_init(&room, 0);
        struct span key = jwt_key_of(span_str(cases[i].text), &room);
        if (cases[i].key)
            assert_true(span_is(key, cases[i].key));
        else
            assert_null(key.p);
        buf_done(&room);
    }
}

/* The example of the vendor's documentation ("전자서명" of its API reference), before its base64.
 */
static void test_bcrypt_vector(void **state)
{
    (void)state;
    char out[BCRYPT_TEXT], encoded[96];
    assert_int_equal(bcrypt_hash(SPAN_LIT("aaaabbbbcccc_1643961623299"),
                                 SPAN_LIT("$2a$10$abcdefghijklmnopqrstuv"), out),
                     0);
    EVP_EncodeBlock((unsigned char *)encoded, (unsigned char *)out, BCRYPT_TEXT - 1);
    assert_string_equal(encoded, "JDJhJDEwJGFiY2RlZmdoaWprbG1ub3BxcnN0dXVCVldZSk42T0VPdEx1OFY0cDQx"
                                 "a2IuTnpVaUEzbmsy");
}

static void test_bcrypt_refuses(void **state)
{
    (void)state;
    static const char *const salts[] = {
        "",
        "$2a$11$abcdefghijklmnopqrstuv", /* would hold up the loop */
        "$2a$31$abcdefghijklmnopqrstuv",
        "$2a$03$abcdefghijklmnopqrstuv",
        "$2y$04$abcdefghijklmnopqrstuv",
        "$1$abcdefgh$abcdefghijklmnopqr",
        "$2a$04$abcdefghijklmnopqrstu",
        "$2a$04$abcdefghijklmnopqrstuvw",
        "$2a$04$abcdefghijklmnopqrst!v",
        "$2a$0:$abcdefghijklmnopqrstuv",
    };
    char out[BCRYPT_TEXT], text[BCRYPT_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(salts); i++)
        if (bcrypt_hash(SPAN_LIT("x"), span_str(salts[i]), out) != -EINVAL)
            fail_msg("taken as a salt: %s", salts[i]);
    memset(text, 'x', sizeof text);
    struct span salt = SPAN_LIT("$2a$04$abcdefghijklmnopqrstuv");
    assert_int_equal(bcrypt_hash(span_of(text, BCRYPT_MAX), salt, out), 0);
    assert_int_equal(bcrypt_hash(span_of(text, BCRYPT_MAX + 1), salt, out), -EINVAL);
    assert_int_equal(bcrypt_hash(span_of("a\0b", 3), salt, out), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hs256_vector),   cmocka_unit_test(test_rs256),
        cmocka_unit_test(test_es256),          cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_key_files),      cmocka_unit_test(test_bcrypt_vector),
        cmocka_unit_test(test_bcrypt_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
