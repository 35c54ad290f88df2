#include "base/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Unicode 15, table 3-7: only the second byte's range depends on the first. */
unsigned utf8_decode(const char *p, size_t n, uint32_t *ret_cp)
{
    const unsigned char *u = (const unsigned char *)p;
    unsigned len = u[0] < 0x80 ? 1 : u[0] < 0xC2 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    uint32_t cp;

    if (len == 1) {
        *ret_cp = u[0];
        return 1;
    }
    if (len == 0 || u[0] > 0xF4 || n < len)
        return 0;
    if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) ||
        (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F))
        return 0;
    cp = u[0] & (0x7Fu >> len);
    for (unsigned i = 1; i < len; i++) {
        if (!is_continuation(p[i]))
            return 0;
        cp = cp << 6 | (u[i] & 0x3F);
    }
    *ret_cp = cp;
    return len;
}

/* A three-byte code point whose first byte says all there is to check. */
static bool is_three(const char *p)
{
    const unsigned char lead = (unsigned char)p[0];
    return lead > 0xE0 && lead < 0xF0 && lead != 0xED && is_continuation(p[1]) &&
           is_continuation(p[2]);
}

size_t utf8_valid(struct span s)
{
    size_t i = 0;

    while (i < s.n) {
        uint64_t word;
        uint32_t cp;
        unsigned n;

        if (s.n - i >= sizeof(word)) {
            memcpy(&word, s.p + i, sizeof(word));
            if (!(word & HIGH_BITS)) {
                i += sizeof(word);
                continue;
            }
            while (s.n - i >= 3 && is_three(s.p + i)) /* nearly all of Korean */
                i += 3;
            if (i == s.n || !((unsigned char)s.p[i] & 0x80)) {
                i += i < s.n;
                continue;
            }
        }
        n = utf8_decode(s.p + i, s.n - i, &cp);
        if (n == 0)
            return i;
        i += n;
    }
    return i;
}

unsigned utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

size_t utf8_count(struct span s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.n; i++)
        count += !is_continuation(s.p[i]);
    return count;
}

struct span utf8_cut(struct span s, size_t max_bytes)
{
    if (s.n <= max_bytes)
        return s;
    s.n = max_bytes;
    while (s.n && is_continuation(s.p[s.n]))
        s.n--;
    return s;
}
