/* buf: a growing byte string with a declared maximum and a sticky error.
 *
 * Thread: one owner. Append as much as you like and check buf_error() (or the return of the last
 * call) once: after the first failure every further append does nothing. Always NUL-terminated
 * when non-empty, so `b.p` may be handed to C string functions. */
#ifndef VOC_BASE_BUF_H
#define VOC_BASE_BUF_H

#include "base/span.h"

struct buf {
    char *p;
    size_t n;
    size_t cap;
    size_t max;
    int error; /* 0, -ENOMEM, -EMSGSIZE */
};

void buf_init(struct buf *b, size_t max); /* `max` 0 means 64 MiB */
void buf_done(struct buf *b);
void buf_reset(struct buf *b); /* forgets content and error, keeps memory */
int buf_append(struct buf *b, const void *p, size_t n);
int buf_add(struct buf *b, struct span s);
int buf_str(struct buf *b, const char *s);
int buf_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at b->p + b->n; NULL on failure. The caller adds what it wrote to b->n. */
char *buf_reserve(struct buf *b, size_t n);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
/* A JSON string with its quotes: escapes `"`, `\`, controls, U+2028/9. Input must be UTF-8. */
int buf_json_str(struct buf *b, struct span s);
/* Shortest decimal that reads back the same; NaN and infinities become null. */
int buf_json_f64(struct buf *b, double v);
static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->p, b->n};
}
static inline int buf_error(const struct buf *b)
{
    return b->error;
}

#endif
