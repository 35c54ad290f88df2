/* arena: memory that dies together. One arena per feedback item, request or batch.
 *
 * Thread: one owner at a time; hand the whole arena over, never share it. Allocation fails (NULL)
 * when `max` bytes would be passed or malloc fails; nothing is freed one by one. A reset keeps the
 * first chunk, so a reused arena allocates nothing after warm-up. */
#ifndef VOC_BASE_ARENA_H
#define VOC_BASE_ARENA_H

#include "base/span.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *head; /* the chunk being filled */
    size_t used;              /* bytes handed out, all chunks */
    size_t reserved;          /* bytes taken from malloc */
    size_t max;               /* declared maximum of `reserved` */
};

/* Takes no memory yet. `max` 0 means 64 MiB. */
void arena_init(struct arena *a, size_t max);
/* Frees all; the arena can be used again. */
void arena_done(struct arena *a);
/* Forgets all, keeps one chunk. */
void arena_reset(struct arena *a);
/* 16-byte aligned, not zeroed; NULL when full. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
/* count * size with overflow check, zeroed. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy; the absent span stays absent. On a full arena {NULL, 0} is returned. */
struct span arena_dup(struct arena *a, struct span s);
struct span arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
