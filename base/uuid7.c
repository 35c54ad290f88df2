#include "base/uuid7.h"

#include <errno.h>

struct uuid uuid7_make(int64_t unix_ms, const struct rng *rng)
{
    struct uuid u;

    rng->fill(rng->ctx, u.b + 6, sizeof(u.b) - 6);
    for (int i = 0; i < 6; i++)
        u.b[i] = (uint8_t)((uint64_t)unix_ms >> (40 - 8 * i));
    u.b[6] = (uint8_t)(0x70 | (u.b[6] & 0x0F)); /* version 7 */
    u.b[8] = (uint8_t)(0x80 | (u.b[8] & 0x3F)); /* variant 10 */
    return u;
}

static bool hyphen_before(int byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(const struct uuid *u, char out[UUID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;

    for (int i = 0; i < 16; i++) {
        if (hyphen_before(i))
            *p++ = '-';
        *p++ = hex[u->b[i] >> 4];
        *p++ = hex[u->b[i] & 15];
    }
    *p = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int uuid_parse(struct span s, struct uuid *ret)
{
    struct uuid u;
    const char *p = s.p;

    if (s.n != UUID_TEXT - 1)
        return -EINVAL;
    for (int i = 0; i < 16; i++) {
        int high, low;

        if (hyphen_before(i) && *p++ != '-')
            return -EINVAL;
        high = hex_value(*p++);
        low = hex_value(*p++);
        if (high < 0 || low < 0)
            return -EINVAL;
        u.b[i] = (uint8_t)(high << 4 | low);
    }
    *ret = u;
    return 0;
}
