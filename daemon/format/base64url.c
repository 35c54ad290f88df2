#include "daemon/format/base64url.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_write(const unsigned char *p, size_t n, char *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | p[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = digits[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = digits[bits << (6 - have) & 63];
    *out = '\0';
}

bool base64url_read(struct span text, unsigned char *out, size_t n)
{
    uint32_t bits = 0;
    unsigned have = 0;
    if (text.n != BASE64URL_LEN(n))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.p[i] ? strchr(digits, text.p[i]) : NULL;
        if (!at)
            return false;
        bits = bits << 6 | (uint32_t)(at - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            *out++ = (unsigned char)(bits >> have);
        }
    }
    return (bits & ((1u << have) - 1)) == 0;
}
