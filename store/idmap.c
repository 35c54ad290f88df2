#include "store/idmap.h"

#include <stdlib.h>

#include "base/err.h"

#define IDMAP_FIRST 1024

void idmap_done(struct idmap *m)
{
    free(m->v);
    *m = (struct idmap){0};
}

/* The finalizer of splitmix64: customer codes are small and dense. */
static uint64_t mix(uint64_t id, uint32_t cell)
{
    uint64_t x = id + UINT64_C(0x9E3779B97F4A7C15) * ((uint64_t)cell + 1);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static struct idmap_entry *place(const struct idmap *m, uint64_t id, uint32_t cell)
{
    for (size_t i = mix(id, cell) & (m->size - 1);; i = (i + 1) & (m->size - 1)) {
        struct idmap_entry *e = &m->v[i];
        if (!e->value || (e->id == id && e->cell == cell))
            return e;
    }
}

static int grow(struct idmap *m)
{
    struct idmap bigger = {.size = m->size ? 2 * m->size : IDMAP_FIRST, .n = m->n};
    if (bigger.size > IDMAP_MAX)
        return -VOC_E_BUDGET;
    bigger.v = calloc(bigger.size, sizeof(*bigger.v));
    if (!bigger.v)
        return -ENOMEM;
    for (size_t i = 0; i < m->size; i++)
        if (m->v[i].value)
            *place(&bigger, m->v[i].id, m->v[i].cell) = m->v[i];
    free(m->v);
    *m = bigger;
    return 0;
}

int idmap_put(struct idmap *m, uint64_t id, uint32_t cell, uint32_t value, uint32_t *ret_value)
{
    if (m->n >= m->size / 4 * 3) {
        int r = grow(m);
        if (r < 0)
            return r;
    }
    struct idmap_entry *e = place(m, id, cell);
    int is_new = e->value == 0;
    if (is_new) {
        *e = (struct idmap_entry){id, cell, value};
        m->n++;
    }
    if (ret_value)
        *ret_value = e->value;
    return is_new;
}

uint32_t idmap_get(const struct idmap *m, uint64_t id, uint32_t cell)
{
    return m->size ? place(m, id, cell)->value : 0;
}
