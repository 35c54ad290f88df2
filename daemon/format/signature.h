/* signature: who really sent this webhook. Every vendor's way of signing is one row of a table
 * (signature.c); verifying is done over the raw bytes, before anything is parsed, and signatures
 * are compared in constant time. Sources: standardwebhooks.com's specification, Zendesk's, Slack's,
 * Typeform's, GitHub's developer pages.
 *
 * Thread: any; pure (OpenSSL for HMAC). Nothing is kept; secrets never leave the call. */
#ifndef VOC_FORMAT_SIGNATURE_H
#define VOC_FORMAT_SIGNATURE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/span.h"

enum signature_digest { DIGEST_SHA1, DIGEST_SHA256 };
enum signature_encoding { ENCODE_HEX, ENCODE_BASE64 };
enum signature_time { TIME_UNIX, TIME_UNIX_MS, TIME_ANY /* Unix seconds or RFC 3339 */ };

#define SIGNATURE_SCHEMES                                                                          \
    "standard,zendesk,slack,typeform,chatwoot,github,intercom,zammad,helpscout,front,delighted,"   \
    "surveymonkey,stripe"

struct signature_scheme {
    const char *name;
    const char *header; /* lower case */
    const char *prefix; /* before each signature: "v1,", "sha256=" */
    char split;         /* between several signatures in the header; '\0': there is one */
    enum signature_digest digest;
    enum signature_encoding encoding;
    const char *key_strip;   /* not NULL: the key is base64 after this (optional) prefix */
    const char *key_text;    /* not NULL: the key is made of {h:NAME} and {secret} */
    const char *signed_text; /* made of {h:NAME}, {time} and {body} */
    const char *time_header; /* NULL: replay is the sender's dedupe id's business */
    const char *time_field;  /* not NULL: "t=", one of the parts of time_header, split likewise */
    enum signature_time time;
};

/* Where verifying reads header values from: absent is {NULL,0}. */
struct signature_headers {
    struct span (*get)(void *ctx, const char *name);
    void *ctx;
};

enum {
    SIGNATURE_MAX_HEADER = 4096,
    SIGNATURE_MAX_KEY = 1024,
    SIGNATURE_MAX_PREFIX = 24,
    SIGNATURE_TEXT = 96, /* room for prefix, 64 hex digits and NUL */
};
#define SIGNATURE_TOLERANCE_MS (300 * MS_SECOND)

/* One of SIGNATURE_SCHEMES; NULL for another name. */
const struct signature_scheme *signature_find(struct span name);
/* Whether a scheme of somebody's own is sound: its texts well-formed, its header there. 0, or
 * -EINVAL with the rest of a sentence. */
int signature_check(const struct signature_scheme *s, char *why, size_t size);

/* One match among all signatures in the header and all secrets is enough, so that both sides can
 * rotate. `tolerance_ms` 0: five minutes, either way. 0; -EBADMSG (a header is missing or is not
 * what it should be), -ETIME (too old, or too new), -EACCES (no signature matches), -EINVAL (no
 * secret can be used: it is empty, longer than SIGNATURE_MAX_KEY or no base64), -ENOMEM. */
int signature_verify(const struct signature_scheme *s, const struct span *secrets, size_t n_secrets,
                     int64_t tolerance_ms, int64_t now, const struct signature_headers *headers,
                     struct span body);
/* What a sender would put in the header, prefix included: for our own signed notices. Errors as
 * above. */
int signature_make(const struct signature_scheme *s, struct span secret,
                   const struct signature_headers *headers, struct span body,
                   char out[SIGNATURE_TEXT]);
/* What happened on the way, for people who configure one; secrets and keys are not in it. */
struct signature_trace {
    struct span given;             /* the header, absent when it is missing or doubled */
    struct span time;              /* as sent */
    int64_t age_ms;                /* now less the time sent; NO_TIME without one */
    struct buf *text;              /* gets the string that was signed; may be NULL */
    char expected[SIGNATURE_TEXT]; /* by the first secret, all but the first digits hidden */
    const char *failed;            /* the step that failed, or NULL */
};
/* Verifies, and says how. As signature_verify(). */
int signature_explain(const struct signature_scheme *s, const struct span *secrets,
                      size_t n_secrets, int64_t tolerance_ms, int64_t now,
                      const struct signature_headers *headers, struct span body,
                      struct signature_trace *trace);
/* Whether the given token is one of the secrets, in time that tells nothing of either. */
bool signature_token(struct span token, const struct span *secrets, size_t n_secrets);

#endif
