#include "store/codec.h"

#include <math.h>

/* The tag of a double: 0 the eight bytes follow, else a whole number zigzag + 1. */
#define DOUBLE_WHOLE_MAX 0x1p40

void put_double(struct buf *b, double v)
{
    if (fabs(v) < DOUBLE_WHOLE_MAX && v == trunc(v) && !(v == 0 && signbit(v))) {
        put_varint(b, zigzag((int64_t)v) + 1);
        return;
    }
    put_u8(b, 0);
    buf_append(b, &v, sizeof(v));
}

uint64_t get_varint(struct dec *d)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get_u8(d);
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return d->bad ? 0 : v;
    }
    d->bad = true;
    return 0;
}

uint64_t get_bounded(struct dec *d, uint64_t max)
{
    uint64_t v = get_varint(d);
    if (v <= max)
        return v;
    d->bad = true;
    return 0;
}

int64_t get_signed(struct dec *d)
{
    return unzigzag(get_varint(d));
}

struct span get_span(struct dec *d)
{
    uint64_t n = get_varint(d);
    if (n == 0 || d->bad)
        return SPAN_NONE;
    if (n - 1 > dec_left(d)) {
        d->bad = true;
        return SPAN_NONE;
    }
    struct span s = {(const char *)d->p, n - 1};
    d->p += n - 1;
    return s;
}

double get_double(struct dec *d)
{
    uint64_t tag = get_varint(d);
    double v = 0;
    if (tag)
        return (double)unzigzag(tag - 1);
    if (dec_left(d) < sizeof(v)) {
        d->bad = true;
        return 0;
    }
    memcpy(&v, d->p, sizeof(v));
    d->p += sizeof(v);
    return v;
}

size_t get_count(struct dec *d)
{
    return get_bounded(d, dec_left(d));
}

int16_t quantize(double v)
{
    if (!(v >= -1)) /* NaN too */
        v = v < -1 ? -1 : 0;
    if (v > 1)
        v = 1;
    return (int16_t)lround(v * 1e4);
}
