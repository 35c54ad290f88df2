#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX_DEFAULT ((size_t)64 << 20)
#define ARENA_FIRST_CHUNK ((size_t)4096)
#define ARENA_ALIGN ((size_t)16)

struct arena_chunk {
    struct arena_chunk *prev;
    size_t size; /* bytes of data[] */
    size_t used;
    alignas(16) char data[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max ? max : ARENA_MAX_DEFAULT};
}

static void free_chunks(struct arena_chunk *c, const struct arena_chunk *except)
{
    while (c) {
        struct arena_chunk *prev = c->prev;

        if (c != except)
            free(c);
        c = prev;
    }
}

void arena_done(struct arena *a)
{
    free_chunks(a->head, NULL);
    arena_init(a, a->max);
}

/* Chunks double, so keeping the largest makes the next round need fewer, until one suffices. */
void arena_reset(struct arena *a)
{
    struct arena_chunk *largest = a->head;

    for (struct arena_chunk *c = a->head; c; c = c->prev)
        if (c->size > largest->size)
            largest = c;
    free_chunks(a->head, largest);
    a->head = largest;
    a->used = 0;
    a->reserved = 0;
    if (largest) {
        largest->prev = NULL;
        largest->used = 0;
        a->reserved = sizeof(*largest) + largest->size;
    }
}

static struct arena_chunk *add_chunk(struct arena *a, size_t need)
{
    size_t room = a->max > a->reserved ? a->max - a->reserved : 0;
    size_t size = a->head ? a->head->size * 2 : ARENA_FIRST_CHUNK - sizeof(struct arena_chunk);
    struct arena_chunk *c;

    if (room < sizeof(*c) || room - sizeof(*c) < need)
        return NULL;
    room -= sizeof(*c);
    if (size < need)
        size = need;
    if (size > room)
        size = room;
    c = malloc(sizeof(*c) + size);
    if (!c)
        return NULL;
    c->prev = a->head;
    c->size = size;
    c->used = 0;
    a->head = c;
    a->reserved += sizeof(*c) + size;
    return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct arena_chunk *c = a->head;
    void *p;

    if (n > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    n = n ? (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1) : ARENA_ALIGN;
    if (!c || c->size - c->used < n) {
        c = add_chunk(a, n);
        if (!c)
            return NULL;
    }
    p = c->data + c->used;
    c->used += n;
    a->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);

    return p ? memset(p, 0, n) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    return arena_zalloc(a, n);
}

struct span arena_dup(struct arena *a, struct span s)
{
    char *p;

    if (!s.p)
        return SPAN_NONE;
    p = arena_alloc(a, s.n + 1);
    if (!p)
        return SPAN_NONE;
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return span_of(p, s.n);
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return SPAN_NONE;
    p = arena_alloc(a, (size_t)n + 1);
    if (!p)
        return SPAN_NONE;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return span_of(p, (size_t)n);
}
