#include "daemon/http/session.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"

enum {
    MAC = 32,
    SIGNED = SESSION_TOKEN + 8 + 4 + SESSION_ID,
    MS = 1000,
};

static bool hmac(const unsigned char key[SESSION_KEY], const unsigned char *p, size_t n,
                 unsigned char out[MAC])
{
    unsigned length = 0;
    return HMAC(EVP_sha256(), key, SESSION_KEY, p, n, out, &length) && length == MAC;
}

static void put_number(unsigned char *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(v >> 8 * (n - 1 - i));
}

static uint64_t get_number(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* --- the cookie --- */

int session_cookie_make(const struct session_keys *k, const struct session *s,
                        char out[SESSION_COOKIE + 1])
{
    unsigned char raw[SIGNED + MAC], *p = raw;
    int64_t seconds = (s->ends_at - s->begun_at) / MS;
    if (s->begun_at < 0 || seconds <= 0 || seconds > UINT32_MAX)
        return -EINVAL;
    memcpy(p, s->token, SESSION_TOKEN);
    p += SESSION_TOKEN;
    put_number(p, (uint64_t)s->begun_at, 8);
    put_number(p + 8, (uint64_t)seconds, 4);
    memcpy(p + 12, s->id, SESSION_ID);
    if (!hmac(k->cookie, raw, SIGNED, raw + SIGNED))
        return -EIO;
    base64url_write(raw, sizeof raw, out);
    return 0;
}

bool session_cookie_read(const struct session_keys *k, struct span text, struct session *ret)
{
    unsigned char raw[SIGNED + MAC], mac[MAC];
    const unsigned char *p = raw + SESSION_TOKEN;
    if (!base64url_read(text, raw, sizeof raw) || !hmac(k->cookie, raw, SIGNED, mac) ||
        CRYPTO_memcmp(mac, raw + SIGNED, MAC) != 0)
        return false;
    memcpy(ret->token, raw, SESSION_TOKEN);
    memcpy(ret->id, p + 12, SESSION_ID);
    ret->begun_at = (int64_t)get_number(p, 8);
    ret->ends_at = ret->begun_at + (int64_t)get_number(p + 8, 4) * MS;
    return true;
}

int session_csrf_make(const struct session_keys *k, const struct session *s,
                      char out[SESSION_CSRF + 1])
{
    unsigned char mac[MAC];
    if (!hmac(k->csrf, s->id, SESSION_ID, mac))
        return -EIO;
    base64url_write(mac, MAC, out);
    return 0;
}

bool session_csrf_is(const struct session_keys *k, const struct session *s, struct span text)
{
    char expected[SESSION_CSRF + 1];
    return text.n == SESSION_CSRF && session_csrf_make(k, s, expected) == 0 &&
           CRYPTO_memcmp(expected, text.p, SESSION_CSRF) == 0;
}

/* --- the header --- */

struct span session_cookie_find(struct span header, const char *name)
{
    struct span found = SPAN_NONE;
    for (size_t at = 0; at < header.n;) {
        struct span rest = span_of(header.p + at, header.n - at);
        struct span pair = span_of(rest.p, span_find_char(rest, ';'));
        size_t eq = span_find_char(pair, '=');
        at += pair.n + 1;
        if (at < header.n && header.p[at] == ' ')
            at++;
        if (eq == pair.n || !span_is(span_of(pair.p, eq), name))
            continue;
        if (found.p)
            return SPAN_NONE;
        found = span_of(pair.p + eq + 1, pair.n - eq - 1);
    }
    return found;
}

bool session_token_id(struct span id, unsigned char ret[SESSION_TOKEN])
{
    static const char hex[] = "0123456789abcdef";
    if (id.n != 3 + 2 * SESSION_TOKEN || memcmp(id.p, "tk_", 3) != 0)
        return false;
    for (size_t i = 0; i < SESSION_TOKEN; i++) {
        const char *high = memchr(hex, id.p[3 + 2 * i], 16);
        const char *low = memchr(hex, id.p[4 + 2 * i], 16);
        if (!high || !low)
            return false;
        ret[i] = (unsigned char)((high - hex) << 4 | (low - hex));
    }
    return true;
}
