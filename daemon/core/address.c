#include "daemon/core/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/err.h"

struct range {
    uint8_t base[16];
    unsigned bits;
    enum address_kind kind;
};

/* The first that matches counts. */
static const struct range v4_ranges[] = {
    {{169, 254, 169, 254}, 32, ADDRESS_NEVER}, /* metadata: AWS, GCP, Azure, Oracle */
    {{169, 254, 170, 2}, 32, ADDRESS_NEVER},   /* AWS container credentials */
    {{100, 100, 100, 200}, 32, ADDRESS_NEVER}, /* Alibaba */
    {{168, 63, 129, 16}, 32, ADDRESS_NEVER},   /* Azure's host agent */
    {{0}, 8, ADDRESS_NEVER},                   /* "this network": Linux takes it for itself */
    {{127}, 8, ADDRESS_LOOPBACK},
    {{10}, 8, ADDRESS_PRIVATE},
    {{100, 64}, 10, ADDRESS_PRIVATE},
    {{169, 254}, 16, ADDRESS_PRIVATE},
    {{172, 16}, 12, ADDRESS_PRIVATE},
    {{192, 0, 0}, 24, ADDRESS_PRIVATE},
    {{192, 0, 2}, 24, ADDRESS_PRIVATE},
    {{192, 168}, 16, ADDRESS_PRIVATE},
    {{198, 18}, 15, ADDRESS_PRIVATE},
    {{198, 51, 100}, 24, ADDRESS_PRIVATE},
    {{203, 0, 113}, 24, ADDRESS_PRIVATE},
    {{224}, 3, ADDRESS_NEVER}, /* multicast, reserved, broadcast */
};

static const struct range v6_ranges[] = {
    {{0xfd, 0x00, 0x0e, 0xc2}, 64, ADDRESS_NEVER}, /* metadata: AWS */
    {{[15] = 1}, 128, ADDRESS_LOOPBACK},
    {{0}, 96, ADDRESS_NEVER},
    {{0x01, 0x00}, 64, ADDRESS_NEVER},
    {{0x20, 0x01}, 32, ADDRESS_PRIVATE}, /* Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_PRIVATE},
    {{0xfc}, 7, ADDRESS_PRIVATE},
    {{0xfe, 0x80}, 10, ADDRESS_PRIVATE},
    {{0xfe, 0xc0}, 10, ADDRESS_PRIVATE},
    {{0xff}, 8, ADDRESS_NEVER},
};

static bool matches(const uint8_t *a, const struct range *r)
{
    unsigned whole = r->bits / 8, rest = r->bits % 8;
    if (memcmp(a, r->base, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ r->base[whole]) >> (8 - rest)) == 0;
}

static enum address_kind find(const uint8_t *a, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (matches(a, &ranges[i]))
            return ranges[i].kind;
    return ADDRESS_PUBLIC;
}

static enum address_kind kind_v4(const uint8_t *a)
{
    return find(a, v4_ranges, ARRAY_LEN(v4_ranges));
}

static enum address_kind kind_v6(const uint8_t *a)
{
    static const struct range mapped = {{[10] = 0xff, [11] = 0xff}, 96, 0};
    static const struct range nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96, 0};
    static const struct range six_to_four = {{0x20, 0x02}, 16, 0};
    if (matches(a, &mapped) || matches(a, &nat64))
        return kind_v4(a + 12);
    if (matches(a, &six_to_four))
        return kind_v4(a + 2);
    return find(a, v6_ranges, ARRAY_LEN(v6_ranges));
}

enum address_kind address_kind(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET)
        return kind_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
    if (sa->sa_family == AF_INET6)
        return kind_v6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr);
    return ADDRESS_NEVER;
}

int address_kind_of(struct span text)
{
    char s[INET6_ADDRSTRLEN];
    uint8_t a[16];
    if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        text = span_of(text.p + 1, text.n - 2);
    size_t zone = span_find_char(text, '%'); /* fe80::1%eth0 */
    if (zone == 0 || zone >= sizeof s)
        return -1;
    memcpy(s, text.p, zone);
    s[zone] = '\0';
    if (inet_pton(AF_INET, s, a) == 1)
        return (int)kind_v4(a);
    if (inet_pton(AF_INET6, s, a) == 1)
        return (int)kind_v6(a);
    return -1;
}
