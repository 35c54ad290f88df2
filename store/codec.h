/* codec: the spelling of numbers and texts inside stored values. Private to store/. Pure.
 *
 * Unsigned numbers are LEB128, signed ones zigzag first; a text is length + 1 and its bytes, so
 * that 0 is the absent one; a double is itself, or a whole number in two bytes or so. Writing
 * chains on the buffer's sticky error. Reading sets `bad` at the first thing that can not be, and
 * gives zeros from there on: check it once at the end. Read spans point into what is read. */
#ifndef VOC_STORE_CODEC_H
#define VOC_STORE_CODEC_H

#include "base/buf.h"
#include "base/record.h"

#define CODEC_VARINT_MAX 10

static inline void put_u8(struct buf *b, uint8_t v)
{
    char *p = buf_reserve(b, 1);
    if (p) {
        *p = (char)v;
        b->n++;
    }
}

static inline void put_varint(struct buf *b, uint64_t v)
{
    uint8_t *p = (uint8_t *)buf_reserve(b, CODEC_VARINT_MAX);
    size_t n = 0;
    if (!p)
        return;
    for (; v >= 0x80; v >>= 7)
        p[n++] = (uint8_t)(v | 0x80);
    p[n++] = (uint8_t)v;
    b->n += n;
}

static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static inline void put_signed(struct buf *b, int64_t v)
{
    put_varint(b, zigzag(v));
}

static inline void put_span(struct buf *b, struct span s)
{
    put_varint(b, s.p ? (uint64_t)s.n + 1 : 0);
    buf_add(b, s);
}

void put_double(struct buf *b, double v);

struct dec {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct dec dec_of(struct span s)
{
    return (struct dec){(const uint8_t *)s.p, (const uint8_t *)s.p + s.n, false};
}

static inline size_t dec_left(const struct dec *d)
{
    return (size_t)(d->end - d->p);
}

static inline uint8_t get_u8(struct dec *d)
{
    if (d->bad || d->p == d->end) {
        d->bad = true;
        return 0;
    }
    return *d->p++;
}

uint64_t get_varint(struct dec *d);
/* Larger than max is bad. */
uint64_t get_bounded(struct dec *d, uint64_t max);
int64_t get_signed(struct dec *d);
struct span get_span(struct dec *d);
double get_double(struct dec *d);
/* A count of things that take at least one byte each. */
size_t get_count(struct dec *d);

/* Polarities and confidences are kept as whole 1e-4. */
int16_t quantize(double v);
static inline double unquantize(int64_t q)
{
    return (double)q / 1e4;
}

#endif
