#include "daemon/format/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

static const struct signature_scheme schemes[] = {
    {.name = "standard",
     .header = "webhook-signature",
     .prefix = "v1,",
     .split = ' ',
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_BASE64,
     .key_strip = "whsec_",
     .signed_text = "{h:webhook-id}.{h:webhook-timestamp}.{body}",
     .time_header = "webhook-timestamp",
     .time = TIME_UNIX},
    {.name = "zendesk",
     .header = "x-zendesk-webhook-signature",
     .prefix = "",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_BASE64,
     .signed_text = "{h:x-zendesk-webhook-signature-timestamp}{body}",
     .time_header = "x-zendesk-webhook-signature-timestamp",
     .time = TIME_ANY},
    {.name = "slack",
     .header = "x-slack-signature",
     .prefix = "v0=",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_HEX,
     .signed_text = "v0:{h:x-slack-request-timestamp}:{body}",
     .time_header = "x-slack-request-timestamp",
     .time = TIME_UNIX},
    {.name = "typeform",
     .header = "typeform-signature",
     .prefix = "sha256=",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_BASE64,
     .signed_text = "{body}"},
    {.name = "chatwoot",
     .header = "x-chatwoot-signature",
     .prefix = "sha256=",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_HEX,
     .signed_text = "{h:x-chatwoot-timestamp}.{body}",
     .time_header = "x-chatwoot-timestamp",
     .time = TIME_UNIX},
    {.name = "github",
     .header = "x-hub-signature-256",
     .prefix = "sha256=",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_HEX,
     .signed_text = "{body}"},
    {.name = "intercom",
     .header = "x-hub-signature",
     .prefix = "sha1=",
     .digest = DIGEST_SHA1,
     .encoding = ENCODE_HEX,
     .signed_text = "{body}"},
    {.name = "zammad",
     .header = "x-hub-signature",
     .prefix = "sha1=",
     .digest = DIGEST_SHA1,
     .encoding = ENCODE_HEX,
     .signed_text = "{body}"},
    {.name = "helpscout",
     .header = "x-helpscout-signature",
     .prefix = "",
     .digest = DIGEST_SHA1,
     .encoding = ENCODE_BASE64,
     .signed_text = "{body}"},
    {.name = "front",
     .header = "x-front-signature",
     .prefix = "",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_BASE64,
     .signed_text = "{h:x-front-request-timestamp}:{body}",
     .time_header = "x-front-request-timestamp",
     .time = TIME_UNIX_MS},
    {.name = "delighted",
     .header = "x-delighted-webhook-signature",
     .prefix = "sha256=",
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_HEX,
     .signed_text = "{body}"},
    {.name = "surveymonkey",
     .header = "sm-signature",
     .prefix = "",
     .digest = DIGEST_SHA1,
     .encoding = ENCODE_BASE64,
     .key_text = "{h:sm-apikey}&{secret}",
     .signed_text = "{body}"},
    {.name = "stripe",
     .header = "stripe-signature",
     .prefix = "v1=",
     .split = ',',
     .digest = DIGEST_SHA256,
     .encoding = ENCODE_HEX,
     .signed_text = "{time}.{body}",
     .time_header = "stripe-signature",
     .time_field = "t=",
     .time = TIME_UNIX},
};

const struct signature_scheme *signature_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (span_is(name, schemes[i].name))
            return &schemes[i];
    return NULL;
}

/* --- checking --- */

static bool text_is_sound(const char *text, const char *value, bool time, bool *ret_has_value)
{
    struct span t = span_str(text);
    *ret_has_value = false;
    while (t.n > 0) {
        size_t open = span_find_char(t, '{');
        if (open == t.n)
            return true;
        t = span_of(t.p + open + 1, t.n - open - 1);
        size_t close = span_find_char(t, '}');
        struct span inner = span_of(t.p, close);
        bool header = span_starts(inner, SPAN_LIT("h:")) && inner.n > 2 && inner.n < 60;
        *ret_has_value = *ret_has_value || span_is(inner, value);
        if (close == t.n || !(header || span_is(inner, value) || (time && span_is(inner, "time"))))
            return false;
        t = span_of(t.p + close + 1, t.n - close - 1);
    }
    return true;
}

int signature_check(const struct signature_scheme *s, char *why, size_t size)
{
    bool has;
    if (!s->header)
        snprintf(why, size, "header is missing");
    else if (strlen(s->prefix) > SIGNATURE_MAX_PREFIX)
        snprintf(why, size, "prefix is longer than %d bytes", SIGNATURE_MAX_PREFIX);
    else if (!text_is_sound(s->signed_text, "body", s->time_header, &has) || !has)
        snprintf(why, size, "signed must hold {body}, and may hold {h:NAME}%s",
                 s->time_header ? " and {time}" : "");
    else if (s->key_text && (!text_is_sound(s->key_text, "secret", false, &has) || !has))
        snprintf(why, size, "key must hold {secret}, and may hold {h:NAME}");
    else if (s->key_text && s->key_strip)
        snprintf(why, size, "key and key_prefix do not go together");
    else
        return 0;
    return -EINVAL;
}

/* --- templates --- */

struct piece_sink {
    int (*add)(void *ctx, struct span s);
    void *ctx;
};

/* A part of a header that begins with `field`: t=… of "t=1,v1=…". */
static struct span part_of(struct span header, char split, const char *field)
{
    struct span prefix = span_str(field);
    while (header.n > 0) {
        size_t end = split ? span_find_char(header, split) : header.n;
        struct span part = span_trim(span_of(header.p, end));
        if (span_starts(part, prefix))
            return span_of(part.p + prefix.n, part.n - prefix.n);
        end += end < header.n;
        header = span_of(header.p + end, header.n - end);
    }
    return SPAN_NONE;
}

static struct span time_of(const struct signature_scheme *s,
                           const struct signature_headers *headers)
{
    struct span text = s->time_header ? headers->get(headers->ctx, s->time_header) : SPAN_NONE;
    return s->time_field ? part_of(text, s->split, s->time_field) : text;
}

/* Writes a template: {h:NAME} from the headers, {time}, {body} or {secret} from `value`, all else
 * as it is. */
static int expand(const struct signature_scheme *s, const char *text, struct span value,
                  const struct signature_headers *headers, struct piece_sink sink)
{
    struct span t = span_str(text);
    char name[64];
    int rc = 0;

    while (t.n && rc == 0) {
        size_t open = span_find_char(t, '{');
        size_t close = span_find_char(t, '}');
        struct span piece = span_of(t.p, open);
        if (open == 0) {
            struct span inner = span_of(t.p + 1, close - 1);
            piece = value;
            if (span_starts(inner, SPAN_LIT("h:"))) {
                snprintf(name, sizeof name, "%.*s", (int)inner.n - 2, inner.p + 2);
                piece = headers->get(headers->ctx, name);
                if (!piece.p || piece.n > SIGNATURE_MAX_HEADER)
                    return -EBADMSG;
            } else if (span_is(inner, "time")) {
                piece = time_of(s, headers);
            }
            open = close + 1;
        }
        rc = sink.add(sink.ctx, piece);
        t = span_of(t.p + open, t.n - open);
    }
    return rc;
}

static int add_to_buf(void *ctx, struct span s)
{
    return buf_add(ctx, s);
}

static int add_to_mac(void *ctx, struct span s)
{
    if (s.n == 0)
        return 0;
    return EVP_MAC_update(ctx, (const unsigned char *)s.p, s.n) == 1 ? 0 : -ENOMEM;
}

/* --- keys --- */

static int decode_key(const struct signature_scheme *s, struct span secret, struct buf *ret)
{
    unsigned char padded[SIGNATURE_MAX_KEY + 4], raw[SIGNATURE_MAX_KEY + 4];
    struct span strip = span_str(s->key_strip);
    size_t n;
    int len;

    if (span_starts(secret, strip))
        secret = span_of(secret.p + strip.n, secret.n - strip.n);
    while (secret.n && secret.p[secret.n - 1] == '=')
        secret.n--;
    if (secret.n == 0 || secret.n > SIGNATURE_MAX_KEY)
        return -EINVAL;
    n = (secret.n + 3) / 4 * 4;
    memset(padded, '=', sizeof padded);
    memcpy(padded, secret.p, secret.n);
    len = EVP_DecodeBlock(raw, padded, (int)n);
    if (len > 0 && n - secret.n < 3) /* it counts the padding in */
        len = buf_append(ret, raw, (size_t)len - (n - secret.n));
    else
        len = -EINVAL;
    OPENSSL_cleanse(padded, sizeof padded);
    OPENSSL_cleanse(raw, sizeof raw);
    return len;
}

static int make_key(const struct signature_scheme *s, struct span secret,
                    const struct signature_headers *headers, struct buf *ret)
{
    int rc;
    if (s->key_strip)
        return decode_key(s, secret, ret);
    if (secret.n == 0 || secret.n > SIGNATURE_MAX_KEY)
        return -EINVAL;
    if (!s->key_text)
        return buf_add(ret, secret);
    rc = expand(s, s->key_text, secret, headers, (struct piece_sink){add_to_buf, ret});
    return rc == -EMSGSIZE ? -EBADMSG : rc; /* by what the sender put into headers */
}

/* --- signing --- */

static int mac_run(EVP_MAC_CTX *ctx, const struct signature_scheme *s, struct span key,
                   const struct signature_headers *headers, struct span body,
                   unsigned char out[EVP_MAX_MD_SIZE], size_t *ret_n)
{
    char sha1[] = "SHA1", sha256[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         s->digest == DIGEST_SHA1 ? sha1 : sha256, 0),
        OSSL_PARAM_construct_end(),
    };
    int rc;

    if (EVP_MAC_init(ctx, (const unsigned char *)key.p, key.n, params) != 1)
        return -ENOMEM;
    rc = expand(s, s->signed_text, body, headers, (struct piece_sink){add_to_mac, ctx});
    if (rc < 0)
        return rc;
    return EVP_MAC_final(ctx, out, ret_n, EVP_MAX_MD_SIZE) == 1 ? 0 : -ENOMEM;
}

static int mac(const struct signature_scheme *s, struct span key,
               const struct signature_headers *headers, struct span body,
               unsigned char out[EVP_MAX_MD_SIZE], size_t *ret_n)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    int rc = ctx ? mac_run(ctx, s, key, headers, body, out, ret_n) : -ENOMEM;

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(hmac);
    return rc;
}

static void encode(const struct signature_scheme *s, const unsigned char *digest, size_t n,
                   char out[SIGNATURE_TEXT])
{
    int at = snprintf(out, SIGNATURE_TEXT, "%s", s->prefix);

    if (s->encoding == ENCODE_BASE64) {
        EVP_EncodeBlock((unsigned char *)out + at, digest, (int)n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        at += snprintf(out + at, SIGNATURE_TEXT - (size_t)at, "%02x", digest[i]);
}

int signature_make(const struct signature_scheme *s, struct span secret,
                   const struct signature_headers *headers, struct span body,
                   char out[SIGNATURE_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct buf key;
    size_t n;
    int rc;

    buf_init(&key, SIGNATURE_MAX_KEY + SIGNATURE_MAX_HEADER);
    rc = make_key(s, secret, headers, &key);
    if (rc == 0)
        rc = mac(s, buf_span(&key), headers, body, digest, &n);
    if (key.p)
        OPENSSL_cleanse(key.p, key.n);
    buf_done(&key);
    if (rc == 0)
        encode(s, digest, n, out);
    return rc;
}

/* --- verifying --- */

static bool same(struct span a, struct span b)
{
    return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

/* Hex digits may be in either case; base64 may not. */
static bool one_matches(const struct signature_scheme *s, struct span given, struct span expected)
{
    char lower[SIGNATURE_TEXT];
    size_t prefix = strlen(s->prefix);

    given = span_trim(given);
    if (s->encoding == ENCODE_BASE64 || given.n != expected.n || given.n < prefix)
        return same(given, expected);
    memcpy(lower, given.p, given.n);
    for (size_t i = prefix; i < given.n; i++)
        lower[i] |= lower[i] >= 'A' && lower[i] <= 'F' ? 0x20 : 0;
    return same(span_of(lower, given.n), expected);
}

static bool any_matches(const struct signature_scheme *s, struct span header, struct span expected)
{
    bool matched = false;

    while (header.n) {
        size_t end = s->split ? span_find_char(header, s->split) : header.n;
        matched = one_matches(s, span_of(header.p, end), expected) || matched;
        end += end < header.n;
        header = span_of(header.p + end, header.n - end);
    }
    return matched;
}

static int read_time(const struct signature_scheme *s, struct span text, int64_t *ret_ms)
{
    int64_t t;
    if (span_to_i64(text, &t) == 0) {
        if (s->time != TIME_UNIX_MS && __builtin_mul_overflow(t, MS_SECOND, &t))
            return -EBADMSG;
    } else if (s->time != TIME_ANY || time_parse_rfc3339(text, &t) < 0) {
        return -EBADMSG;
    }
    *ret_ms = t;
    return 0;
}

static int check_time(const struct signature_scheme *s, int64_t tolerance_ms, int64_t now,
                      const struct signature_headers *headers)
{
    int64_t t;

    if (!s->time_header)
        return 0;
    if (read_time(s, time_of(s, headers), &t) < 0)
        return -EBADMSG;
    if (tolerance_ms <= 0)
        tolerance_ms = SIGNATURE_TOLERANCE_MS;
    return t < now - tolerance_ms || t > now + tolerance_ms ? -ETIME : 0;
}

int signature_verify(const struct signature_scheme *s, const struct span *secrets, size_t n_secrets,
                     int64_t tolerance_ms, int64_t now, const struct signature_headers *headers,
                     struct span body)
{
    struct span given = headers->get(headers->ctx, s->header);
    char expected[SIGNATURE_TEXT];
    bool matched = false;
    int rc = given.n ? check_time(s, tolerance_ms, now, headers) : -EBADMSG, usable = -EINVAL;

    if (rc == 0 && given.n > SIGNATURE_MAX_HEADER)
        rc = -EBADMSG;
    for (size_t i = 0; i < n_secrets && rc == 0; i++) {
        int made = signature_make(s, secrets[i], headers, body, expected);
        if (made == 0) {
            usable = 0;
            matched = any_matches(s, given, span_str(expected)) || matched;
        } else if (made != -EINVAL) {
            rc = made;
        }
    }
    if (rc < 0 || usable < 0)
        return rc < 0 ? rc : usable;
    return matched ? 0 : -EACCES;
}

/* Enough to compare by eye, too little to sign with. */
static void hide(struct signature_trace *t, const char *made, size_t prefix)
{
    snprintf(t->expected, sizeof t->expected, "%.*s…", (int)prefix + 8, made);
}

int signature_explain(const struct signature_scheme *s, const struct span *secrets,
                      size_t n_secrets, int64_t tolerance_ms, int64_t now,
                      const struct signature_headers *headers, struct span body,
                      struct signature_trace *trace)
{
    char made[SIGNATURE_TEXT];
    int rc = signature_verify(s, secrets, n_secrets, tolerance_ms, now, headers, body);
    int64_t sent, age;
    trace->given = headers->get(headers->ctx, s->header);
    trace->time = time_of(s, headers);
    bool dated = read_time(s, trace->time, &sent) == 0 && !__builtin_sub_overflow(now, sent, &age);
    trace->age_ms = dated ? age : NO_TIME;
    if (trace->text)
        expand(s, s->signed_text, body, headers, (struct piece_sink){add_to_buf, trace->text});
    trace->expected[0] = '\0';
    if (n_secrets > 0 && signature_make(s, secrets[0], headers, body, made) == 0)
        hide(trace, made, strlen(s->prefix));
    OPENSSL_cleanse(made, sizeof made);
    trace->failed = rc == 0          ? NULL
                    : rc == -EBADMSG ? "a header is missing, doubled, or not what it should be"
                    : rc == -ETIME   ? "the time is too old or too new"
                    : rc == -EINVAL  ? "no secret can be used"
                    : rc == -EACCES  ? "no signature of the header matches"
                                     : "no memory";
    return rc;
}

/* Digests have one length whatever was given. */
static bool digest_of(struct span s, unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned n;
    return EVP_Digest(s.p ? s.p : "", s.n, out, &n, EVP_sha256(), NULL) == 1;
}

bool signature_token(struct span token, const struct span *secrets, size_t n_secrets)
{
    unsigned char a[EVP_MAX_MD_SIZE] = {0}, b[EVP_MAX_MD_SIZE] = {0};
    bool matched = false;

    if (token.n == 0 || !digest_of(token, a))
        return false;
    for (size_t i = 0; i < n_secrets; i++)
        matched = (digest_of(secrets[i], b) && CRYPTO_memcmp(a, b, 32) == 0) || matched;
    return matched;
}
