/* fuzz_signature: lines with a way of signing, a secret, the signature's header, a time and another
 * header, then a body. Nothing that was not signed with the secret is taken; what is signed with it
 * is, by this and by plain HMAC, until one bit of the body is another.
 *
 * The first line is a byte (which scheme; past the last: one described by the rest of the line:
 * prefix, split, key and signed text, with TABs between). */
#include "daemon/format/signature.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

enum { INPUT_SIZE = 8192, MAX_FIELD = 512 };
#define NOW INT64_C(1795305600000)
#define STAMP "1795305600"
#define STAMP_MS "1795305600000"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const names[] = {"standard",  "zendesk",      "slack",  "typeform",  "chatwoot",
                                    "github",    "intercom",     "zammad", "helpscout", "front",
                                    "delighted", "surveymonkey", "stripe"};

static void must(bool held)
{
    if (!held)
        abort();
}

static struct span upto(struct span *rest, char stop)
{
    size_t end = span_find_char(*rest, stop);
    struct span first = span_of(rest->p, end);
    end += end < rest->n;
    *rest = span_of(rest->p + end, rest->n - end);
    return first;
}

/* What the description of somebody's own scheme points into. */
struct own {
    char prefix[MAX_FIELD], key[MAX_FIELD], text[MAX_FIELD];
    struct signature_scheme scheme;
};

static char *keep(char out[MAX_FIELD], struct span s)
{
    snprintf(out, MAX_FIELD, "%.*s", SPAN_FMT(s));
    return out;
}

static const struct signature_scheme *describe(struct own *o, unsigned char which, struct span line)
{
    struct span prefix = upto(&line, '\t'), split = upto(&line, '\t'), key = upto(&line, '\t');
    char why[160];
    o->scheme = (struct signature_scheme){
        .name = "custom",
        .header = "x-signature",
        .prefix = keep(o->prefix, prefix),
        .split = split.n ? split.p[0] : '\0',
        .digest = which & 1 ? DIGEST_SHA1 : DIGEST_SHA256,
        .encoding = which & 2 ? ENCODE_BASE64 : ENCODE_HEX,
        .key_strip = which & 4 ? "key_" : NULL,
        .key_text = key.n ? keep(o->key, key) : NULL,
        .signed_text = keep(o->text, line),
        .time_header = which & 8 ? "x-time" : NULL,
        .time = which & 16 ? TIME_UNIX_MS : TIME_UNIX,
    };
    return signature_check(&o->scheme, why, sizeof why) == 0 ? &o->scheme : NULL;
}

struct sent {
    const struct signature_scheme *scheme;
    struct span given, time, other;
};

static struct span header(void *ctx, const char *name)
{
    const struct sent *s = ctx;
    if (strcmp(name, s->scheme->header) == 0)
        return s->given;
    if (s->scheme->time_header && strcmp(name, s->scheme->time_header) == 0)
        return s->time;
    return s->other;
}

static int verify(struct sent *s, struct span secret, struct span body)
{
    struct signature_headers headers = {header, s};
    return signature_verify(s->scheme, &secret, 1, 0, NOW, &headers, body);
}

/* The signature without any of ours but the string that was signed. */
static void check_hmac(const struct signature_scheme *s, struct span secret, struct span text,
                       const char *made)
{
    unsigned char digest[EVP_MAX_MD_SIZE], wanted[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;
    const char *after = made + strlen(s->prefix);
    must(HMAC(s->digest == DIGEST_SHA1 ? EVP_sha1() : EVP_sha256(), secret.p, (int)secret.n,
              (const unsigned char *)(text.p ? text.p : ""), text.n, digest, &n) != NULL);
    if (s->encoding == ENCODE_BASE64)
        EVP_EncodeBlock(wanted, digest, (int)n);
    else
        for (unsigned i = 0; i < n; i++)
            snprintf((char *)wanted + (size_t)2 * i, 3, "%02x", digest[i]);
    must(strncmp(made, s->prefix, strlen(s->prefix)) == 0);
    must(strcmp(after, (char *)wanted) == 0);
}

static void explain(struct sent *s, struct span secret, struct span body, const char *made)
{
    struct signature_headers headers = {header, s};
    struct buf text;
    struct signature_trace trace = {.text = &text};
    buf_init(&text, 0);
    int rc = signature_explain(s->scheme, &secret, 1, 0, NOW, &headers, body, &trace);
    must((rc == 0) == (trace.failed == NULL));
    must(!made || !strstr(trace.expected, made)); /* it is not given away */
    if (made && !s->scheme->key_strip && !s->scheme->key_text)
        check_hmac(s->scheme, secret, buf_span(&text), made);
    buf_done(&text);
}

static bool holds(struct span header, const char *made)
{
    size_t n = strlen(made);
    for (size_t i = 0; i + n <= header.n; i++)
        if (span_eq_nocase(span_of(header.p + i, n), span_of(made, n)))
            return true;
    return false;
}

/* As a sender would: the time is now, and the header has the signature. */
static void sign(struct sent *s, struct span secret, struct span body)
{
    struct signature_headers headers = {header, s};
    char made[SIGNATURE_TEXT], whole[SIGNATURE_TEXT + 64];
    bool within = s->scheme->time_field != NULL;
    s->time = s->scheme->time == TIME_UNIX_MS ? SPAN_LIT(STAMP_MS) : SPAN_LIT(STAMP);
    if (within) /* the time stands in the signature's own header */
        s->given = SPAN_LIT("t=" STAMP);
    if (signature_make(s->scheme, secret, &headers, body, made) < 0)
        return;
    explain(s, secret, body, made);
    /* A prefix that holds the splitting character can never be found again, nor one with white
     * space at its ends, which is trimmed. */
    struct span p = span_str(made);
    if ((s->scheme->split && span_find_char(p, s->scheme->split) < p.n) || span_trim(p).n < p.n)
        return;
    snprintf(whole, sizeof whole, "%s%s", within ? "t=" STAMP "," : "", made);
    s->given = span_str(whole);
    must(verify(s, secret, body) == 0);
    char *other = malloc(body.n + 1);
    if (!other)
        return;
    if (body.n)
        memcpy(other, body.p, body.n);
    other[body.n] = 'x';
    must(verify(s, secret, span_of(other, body.n + 1)) == -EACCES);
    if (body.n) {
        other[body.n / 2] ^= 1;
        must(verify(s, secret, span_of(other, body.n)) == -EACCES);
    }
    free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct own own;
    struct span rest = span_of((const char *)data, n);
    if (n < 2 || n > INPUT_SIZE)
        return 0;
    struct span how = upto(&rest, '\n'), secret = upto(&rest, '\n');
    unsigned char which = how.n ? (unsigned char)how.p[0] : 0;
    struct sent s = {0};
    if (which < ARRAY_LEN(names))
        s.scheme = signature_find(span_str(names[which]));
    else
        s.scheme = describe(&own, which, span_of(how.p + 1, how.n - 1));
    if (!s.scheme)
        return 0;
    s.given = upto(&rest, '\n');
    s.time = upto(&rest, '\n');
    s.other = upto(&rest, '\n');
    if (s.scheme->time_field) /* one header for both */
        s.time = s.given;
    struct signature_headers headers = {header, &s};
    char made[SIGNATURE_TEXT];
    bool can = signature_make(s.scheme, secret, &headers, rest, made) == 0;
    int rc = verify(&s, secret, rest);
    must(rc == 0 || rc == -EBADMSG || rc == -ETIME || rc == -EACCES || rc == -EINVAL);
    must(rc != 0 || (can && holds(s.given, made)));
    explain(&s, secret, rest, NULL);
    sign(&s, secret, rest);
    return 0;
}
