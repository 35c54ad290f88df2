/* scan: a walk over the facts of one view in blocks: first the rows that are not sealed and those
 * that lie over sealed ones, made into blocks in memory, then the sealed blocks without what is
 * laid over. Each row that is, is seen once. Private to store/. */
#ifndef VOC_STORE_SCAN_H
#define VOC_STORE_SCAN_H

#include "store/filter.h"
#include "store/txn.h"

/* mask[i] is 1 for the rows that pass; there is at least one. Nonzero stops and is returned. */
typedef int scan_fn(void *ctx, const struct block *b, const uint8_t *mask);

struct scan {
    struct kv *kv;
    const struct filter *filter; /* NULL: all rows */
    struct store_budget budget;
    uint64_t rows;   /* looked at so far */
    uint64_t sealed; /* blocks below this number */
    struct filter_scratch scratch;
    struct arena arena;
    struct buf built; /* the block made of rows */
    uint64_t *seqs;   /* FACT_BLOCK of them, in the arena */
    struct fact *facts;
    uint8_t mask[FACT_BLOCK];
};

/* Heap-allocated, since it is large. */
int scan_new(struct kv *kv, const struct filter *filter, const struct store_budget *budget,
             struct scan **ret);
void scan_free(struct scan *s); /* NULL is fine */
int scan_rows(struct scan *s, scan_fn *fn, void *ctx);
/* One sealed block; a missing one is -VOC_E_CORRUPT. */
int scan_block(struct scan *s, uint64_t number, scan_fn *fn, void *ctx);
int scan_all(struct scan *s, scan_fn *fn, void *ctx);
/* Opens a block without looking at its rows: for its minima and maxima. */
int scan_peek(struct scan *s, uint64_t number, struct block *ret);
/* 0 or -VOC_E_BUDGET. */
int scan_check_budget(const struct scan *s);

#endif
