/* signature.h: the vendors' own vectors, and everything that must not pass. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/signature.h"
#include "tests/lib/test.h"

#define T "1674087231"
#define NOW (INT64_C(1674087231) * MS_SECOND)
static const struct span body = {"{\"a\":1}", 7};

struct header {
    const char *name, *value;
};

static struct span get(void *ctx, const char *name)
{
    for (const struct header *h = ctx; h->name; h++)
        if (strcmp(h->name, name) == 0)
            return span_str(h->value);
    return SPAN_NONE;
}

static int verify(const char *scheme, const char *secret, const struct header *headers, int64_t now,
                  struct span text)
{
    const struct signature_scheme *s = signature_find(span_str(scheme));
    struct span secrets[] = {span_str(secret)};
    struct signature_headers h = {get, (void *)headers};

    assert_non_null(s);
    return signature_verify(s, secrets, 1, 0, now, &h, text);
}

#define WHSEC "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static const struct vector {
    const char *scheme, *secret, *signature;
    struct header headers[4]; /* the first is the signature's */
} vectors[] = {
    {"zendesk",
     "secret",
     "fniBcyH5PP5590Bj23nnTALxtgkK9yOikty3Iq5oTZg=",
     {{"x-zendesk-webhook-signature", ""}, {"x-zendesk-webhook-signature-timestamp", T}}},
    {"typeform",
     "secret",
     "sha256=qp4uNXX11wmLbKzNeQiIw21f22M0KnO62i1qUXR6hJQ=",
     {{"typeform-signature", ""}}},
    {"slack",
     "secret",
     "v0=52785a3a1a745e1ca5b2642b82d9ac0563cefcdc58793df3b79bccb915bc5019",
     {{"x-slack-signature", ""}, {"x-slack-request-timestamp", T}}},
    {"chatwoot",
     "secret",
     "sha256=fb7845f871e7ead3667ff9bb682d8239bbc65a2098ed6c02923e0a8b2d0ce787",
     {{"x-chatwoot-signature", ""}, {"x-chatwoot-timestamp", T}}},
    {"intercom",
     "secret",
     "sha1=f8446672f033e4b2beafc5ca3a71eafcd2cafb6e",
     {{"x-hub-signature", ""}}},
    {"zammad",
     "secret",
     "sha1=f8446672f033e4b2beafc5ca3a71eafcd2cafb6e",
     {{"x-hub-signature", ""}}},
    {"standard",
     WHSEC,
     "v1,c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ=",
     {{"webhook-signature", ""}, {"webhook-id", "msg_1"}, {"webhook-timestamp", T}}},
};

static struct vector with(const struct vector *v, const char *signature)
{
    struct vector copy = *v;
    copy.headers[0].value = signature;
    return copy;
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct vector v = with(&vectors[i], vectors[i].signature);
        char made[SIGNATURE_TEXT];
        struct signature_headers h = {get, v.headers};
        int rc = verify(v.scheme, v.secret, v.headers, NOW, body);
        if (rc != 0)
            fail_msg("%s: the vendor's own signature is refused: %d", v.scheme, rc);
        assert_int_equal(
            signature_make(signature_find(span_str(v.scheme)), span_str(v.secret), &h, body, made),
            0);
        assert_string_equal(made, v.signature);
    }
}

/* Any other byte anywhere: body, secret, signature. */
static void test_every_change_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct vector v = with(&vectors[i], vectors[i].signature);
        char text[128];
        for (size_t k = 0; k < body.n; k++) {
            memcpy(text, body.p, body.n);
            text[k] ^= 1;
            assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW, span_of(text, body.n)),
                             -EACCES);
        }
        assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW, SPAN_LIT("")), -EACCES);
        for (size_t k = 0; k < strlen(v.signature); k++) {
            strcpy(text, v.signature);
            text[k] ^= 1;
            struct vector bad = with(&vectors[i], text);
            if (verify(v.scheme, v.secret, bad.headers, NOW, body) == 0)
                fail_msg("%s: taken with byte %zu of its signature changed", v.scheme, k);
        }
        assert_int_equal(
            verify(v.scheme, v.secret[0] == 'w' ? "whsec_AAAA" : "Secret", v.headers, NOW, body),
            -EACCES);
    }
}

static void test_missing_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        for (size_t k = 0; k < 3; k++) {
            struct vector v = with(&vectors[i], vectors[i].signature);
            if (!v.headers[k].name)
                break;
            v.headers[k].name = "x-other";
            assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW, body), -EBADMSG);
        }
        struct vector v = with(&vectors[i], "");
        assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW, body), -EBADMSG);
    }
}

static void test_tolerance(void **state)
{
    struct vector v = with(&vectors[6], vectors[6].signature);

    (void)state;
    assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW + 300000, body), 0);
    assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW - 300000, body), 0);
    assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW + 300001, body), -ETIME);
    assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW - 300001, body), -ETIME);
    v.headers[2].value = "soon";
    assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW, body), -EBADMSG);
    v.headers[2].value = "9223372036854775807";
    assert_int_equal(verify(v.scheme, v.secret, v.headers, NOW, body), -EBADMSG);
}

/* How old a request says it is: also one that no clock could have sent. */
static void test_age(void **state)
{
    static const struct {
        const char *time;
        int64_t age;
    } cases[] = {{T, 0},
                 {"1674087201", 30000},
                 {"-11000000000000000", NO_TIME},
                 {"-9223372036854775", NO_TIME},
                 {"soon", NO_TIME},
                 {"2023-01-19T00:13:21Z", 30000}};
    struct span secret = SPAN_LIT("secret");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vector v = with(&vectors[0], vectors[0].signature);
        struct signature_headers h = {get, v.headers};
        struct signature_trace trace = {0};
        v.headers[1].value = cases[i].time;
        signature_explain(signature_find(SPAN_LIT("zendesk")), &secret, 1, 0, NOW, &h, body,
                          &trace);
        if (trace.age_ms != cases[i].age)
            fail_msg("%s: %lld ms", cases[i].time, (long long)trace.age_ms);
    }
}

/* Zendesk really sends RFC 3339. */
static void test_zendesk_time(void **state)
{
    struct vector v = with(&vectors[0], "");
    struct signature_headers h = {get, v.headers};
    char made[SIGNATURE_TEXT];

    (void)state;
    v.headers[1].value = "2023-01-19T00:13:51Z";
    assert_int_equal(
        signature_make(signature_find(SPAN_LIT("zendesk")), SPAN_LIT("secret"), &h, body, made), 0);
    v.headers[0].value = made;
    assert_int_equal(verify("zendesk", "secret", v.headers, NOW, body), 0);
    assert_int_equal(verify("zendesk", "secret", v.headers, NOW + 301000, body), -ETIME);
}

static void test_several_signatures(void **state)
{
    static const struct {
        const char *value;
        int rc;
    } table[] = {
        {"v1,AAAA v1,c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ=", 0},
        {"v1,c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ= v1a,xxxx", 0},
        {"v1a,c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ=", -EACCES},
        {"c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ=", -EACCES},
        {"v1,C9LHJCXCYMV8/2VLKN9YRWIXQ2VINJMBBRF/LXIKLVQ=", -EACCES},
        {"v1, v1,", -EACCES},
        {" ", -EACCES},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct vector v = with(&vectors[6], table[i].value);
        int rc = verify("standard", WHSEC, v.headers, NOW, body);
        if (rc != table[i].rc)
            fail_msg("\"%s\": expected %d, got %d", table[i].value, table[i].rc, rc);
    }
}

static void test_rotating_secrets(void **state)
{
    struct vector v = with(&vectors[6], vectors[6].signature);
    struct signature_headers h = {get, v.headers};
    const struct signature_scheme *s = signature_find(SPAN_LIT("standard"));
    struct span secrets[] = {SPAN_LIT("whsec_AAAA"), SPAN_LIT("not base64!"), SPAN_LIT(WHSEC)};

    (void)state;
    assert_int_equal(signature_verify(s, secrets, 3, 0, NOW, &h, body), 0);
    assert_int_equal(signature_verify(s, secrets, 2, 0, NOW, &h, body), -EACCES);
    assert_int_equal(signature_verify(s, secrets + 1, 1, 0, NOW, &h, body), -EINVAL);
    assert_int_equal(signature_verify(s, secrets, 0, 0, NOW, &h, body), -EINVAL);
}

/* The same key however its base64 is written. */
static void test_key_spellings(void **state)
{
    static const char *const keys[] = {WHSEC, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
                                       "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="};
    static const char *const unusable[] = {"", "whsec_", "whsec_A", "whsec_====", "whsec_가"};
    struct vector v = with(&vectors[6], vectors[6].signature);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_int_equal(verify("standard", keys[i], v.headers, NOW, body), 0);
    for (size_t i = 0; i < ARRAY_LEN(unusable); i++)
        assert_int_equal(verify("standard", unusable[i], v.headers, NOW, body), -EINVAL);
}

/* An HMAC under an empty key can be made by anybody. */
static void test_empty_secret(void **state)
{
    struct vector v = with(&vectors[1], vectors[1].signature);

    (void)state;
    assert_int_equal(verify("typeform", "", v.headers, NOW, body), -EINVAL);
}

static void test_hex_in_capitals(void **state)
{
    struct vector v =
        with(&vectors[2], "v0=52785A3A1A745E1CA5B2642B82D9AC0563CEFCDC58793DF3B79BCCB915BC5019");

    (void)state;
    assert_int_equal(verify("slack", "secret", v.headers, NOW, body), 0);
    v.headers[0].value = "V0=52785a3a1a745e1ca5b2642b82d9ac0563cefcdc58793df3b79bccb915bc5019";
    assert_int_equal(verify("slack", "secret", v.headers, NOW, body), -EACCES);
}

/* SurveyMonkey's key holds a header. No vector is published; the key is what its page says. */
static void test_key_from_header(void **state)
{
    static const struct signature_scheme plain = {.header = "sm-signature",
                                                  .prefix = "",
                                                  .digest = DIGEST_SHA1,
                                                  .encoding = ENCODE_BASE64,
                                                  .signed_text = "{body}"};
    struct header headers[] = {{"sm-signature", ""}, {"sm-apikey", "app"}, {NULL, NULL}};
    struct signature_headers h = {get, headers};
    char made[SIGNATURE_TEXT];

    (void)state;
    assert_int_equal(signature_make(&plain, SPAN_LIT("app&secret"), &h, body, made), 0);
    headers[0].value = made;
    assert_int_equal(verify("surveymonkey", "secret", headers, NOW, body), 0);
    headers[1].value = "other";
    assert_int_equal(verify("surveymonkey", "secret", headers, NOW, body), -EACCES);
}

static void test_overlong_header(void **state)
{
    struct vector v = with(&vectors[6], "");
    char *big = calloc(1, SIGNATURE_MAX_HEADER + 2);

    (void)state;
    memset(big, ' ', SIGNATURE_MAX_HEADER + 1);
    v.headers[0].value = big;
    assert_int_equal(verify("standard", WHSEC, v.headers, NOW, body), -EBADMSG);
    free(big);
}

/* What a sender puts into the headers of a key can not end in another error than a bad message. */
static void test_overlong_key(void **state)
{
    static const struct signature_scheme own = {.header = "x-signature",
                                                .prefix = "",
                                                .digest = DIGEST_SHA256,
                                                .encoding = ENCODE_HEX,
                                                .key_text = "{h:x-app}{h:x-app}{secret}",
                                                .signed_text = "{body}"};
    char app[SIGNATURE_MAX_HEADER + 1] = {0}, secret[SIGNATURE_MAX_KEY + 2] = {0};
    struct header headers[] = {{"x-signature", "00"}, {"x-app", app}, {NULL, NULL}};
    struct signature_headers h = {get, headers};
    struct span one = SPAN_LIT("secret"), longer = span_of(secret, SIGNATURE_MAX_KEY + 1);

    (void)state;
    memset(secret, 'k', SIGNATURE_MAX_KEY + 1);
    assert_int_equal(signature_verify(&own, &one, 1, 0, NOW, &h, body), -EACCES);
    assert_int_equal(signature_verify(&own, &longer, 1, 0, NOW, &h, body), -EINVAL);
    memset(app, 'a', SIGNATURE_MAX_HEADER);
    assert_int_equal(signature_verify(&own, &one, 1, 0, NOW, &h, body), -EBADMSG);
}

static void test_token(void **state)
{
    struct span secrets[] = {SPAN_LIT("old-token"), SPAN_LIT("new-token"), SPAN_LIT("")};

    (void)state;
    assert_true(signature_token(SPAN_LIT("old-token"), secrets, 3));
    assert_true(signature_token(SPAN_LIT("new-token"), secrets, 3));
    assert_false(signature_token(SPAN_LIT("new-toke"), secrets, 3));
    assert_false(signature_token(SPAN_LIT("new-token "), secrets, 3));
    assert_false(signature_token(SPAN_LIT(""), secrets, 3));
    assert_false(signature_token(SPAN_NONE, secrets, 3));
    assert_false(signature_token(SPAN_LIT("old-token"), secrets, 0));
}

static void test_names(void **state)
{
    (void)state;
    assert_null(signature_find(SPAN_LIT("none")));
    assert_null(signature_find(SPAN_LIT("")));
    assert_string_equal(signature_find(SPAN_LIT("github"))->header, "x-hub-signature-256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_change_is_refused),
        cmocka_unit_test(test_missing_headers),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_zendesk_time),
        cmocka_unit_test(test_several_signatures),
        cmocka_unit_test(test_rotating_secrets),
        cmocka_unit_test(test_key_spellings),
        cmocka_unit_test(test_empty_secret),
        cmocka_unit_test(test_hex_in_capitals),
        cmocka_unit_test(test_key_from_header),
        cmocka_unit_test(test_overlong_header),
        cmocka_unit_test(test_overlong_key),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("collect/signature", tests, NULL, NULL);
}
