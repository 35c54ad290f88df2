#include "base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_MAX_DEFAULT ((size_t)64 << 20)
#define BUF_FIRST ((size_t)256)

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max ? max : BUF_MAX_DEFAULT};
}

void buf_done(struct buf *b)
{
    free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->error = 0;
    if (b->p)
        b->p[0] = '\0';
}

/* cap counts the NUL, max does not. */
static int make_room(struct buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    char *p;

    if (b->error)
        return b->error;
    if (n > b->max - b->n)
        return b->error = -EMSGSIZE;
    if (b->cap > b->n + n)
        return 0;
    while (cap <= b->n + n)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (cap > b->max)
        cap = b->max + 1;
    p = realloc(b->p, cap);
    if (!p)
        return b->error = -ENOMEM;
    b->p = p;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *p, size_t n)
{
    int r;

    if (n == 0)
        return b->error;
    r = make_room(b, n);
    if (r < 0)
        return r;
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return 0;
}

int buf_add(struct buf *b, struct span s)
{
    return buf_append(b, s.p, s.n);
}

int buf_str(struct buf *b, const char *s)
{
    return buf_append(b, s, strlen(s));
}

int buf_char(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    size_t room = b->cap > b->n ? b->cap - b->n : 0;
    va_list ap;
    int n, r;

    if (b->error)
        return b->error;
    va_start(ap, fmt);
    n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
    va_end(ap);
    if (n < 0)
        r = -EINVAL;
    else
        r = make_room(b, (size_t)n);
    if (r < 0) {
        if (room)
            b->p[b->n] = '\0'; /* what vsnprintf left behind */
        return b->error = r;
    }
    if ((size_t)n >= room) {
        va_start(ap, fmt);
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    b->n += (size_t)n;
    return 0;
}

char *buf_reserve(struct buf *b, size_t n)
{
    if (make_room(b, n) < 0)
        return NULL;
    b->p[b->n + n] = '\0';
    return b->p + b->n;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->n)
        n = b->n;
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = '\0';
}

/* Bytes of the escape needed at s.p[i], 0 when it may stand as it is. */
static size_t needs_escape(struct span s, size_t i)
{
    unsigned char c = (unsigned char)s.p[i];

    if (c < 0x20 || c == '"' || c == '\\')
        return 1;
    /* U+2028 and U+2029 end a line in JavaScript, and so would end a string pasted into it. */
    if (c == 0xE2 && s.n - i >= 3 && (unsigned char)s.p[i + 1] == 0x80 &&
        ((unsigned char)s.p[i + 2] | 1) == 0xA9)
        return 3;
    return 0;
}

static void add_escape(struct buf *b, struct span s, size_t i)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    unsigned char c = (unsigned char)s.p[i];

    for (size_t k = 0; k + 1 < sizeof(named); k += 2) {
        if (named[k] == (char)c) {
            buf_char(b, '\\');
            buf_char(b, named[k + 1]);
            return;
        }
    }
    if (c == 0xE2)
        buf_printf(b, "\\u202%c", (unsigned char)s.p[i + 2] == 0xA8 ? '8' : '9');
    else
        buf_printf(b, "\\u%04x", c);
}

int buf_json_str(struct buf *b, struct span s)
{
    size_t start = 0;

    buf_char(b, '"');
    for (size_t i = 0; i < s.n;) {
        size_t n = needs_escape(s, i);

        if (n) {
            buf_append(b, s.p + start, i - start);
            add_escape(b, s, i);
            start = i + n;
        }
        i += n ? n : 1;
    }
    if (s.n > start)
        buf_append(b, s.p + start, s.n - start);
    return buf_char(b, '"');
}

int buf_json_f64(struct buf *b, double v)
{
    char text[32];

    if (!isfinite(v))
        return buf_str(b, "null");
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return buf_str(b, text);
}
