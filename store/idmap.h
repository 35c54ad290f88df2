/* idmap: numbers by (64-bit id, cell), growing; counts distinct things and names groups of ids.
 * Private to store/. Pure. */
#ifndef VOC_STORE_IDMAP_H
#define VOC_STORE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#define IDMAP_MAX ((size_t)1 << 25) /* entries: 1 GiB at the worst moment of growing */

struct idmap_entry {
    uint64_t id;
    uint32_t cell;
    uint32_t value; /* 0: free */
};
struct idmap {
    struct idmap_entry *v;
    size_t size; /* a power of two, or 0 */
    size_t n;
};

void idmap_done(struct idmap *m);
/* Stores `value` (not 0) when (id, cell) is new. Returns 1 when it was, 0 when not, -ENOMEM,
 * -VOC_E_BUDGET past IDMAP_MAX. *ret_value (may be NULL) is what is stored now. */
int idmap_put(struct idmap *m, uint64_t id, uint32_t cell, uint32_t value, uint32_t *ret_value);
/* 0 when there is none. */
uint32_t idmap_get(const struct idmap *m, uint64_t id, uint32_t cell);

#endif
