/* sums: what store_trend() adds up, per cell (series and bucket), holding only what is wanted. Sums
 * of polarity are whole 1e-4, so they do not depend on the order of rows. Private to store/. */
#ifndef VOC_STORE_SUMS_H
#define VOC_STORE_SUMS_H

#include "store/block.h"
#include "store/scaled.h"

#define SUMS_BYTES_MAX ((size_t)512 << 20)

union sums_word {
    uint64_t n;
    int64_t i;
    double d;
};

struct sums {
    unsigned want;
    size_t stride; /* words of a cell */
    size_t n_cells;
    union sums_word *cells;
    struct scaled_table scaled;
    /* The columns of the block being added. */
    uint32_t sentiment[FACT_BLOCK], flags[FACT_BLOCK];
    uint32_t csat[FACT_BLOCK], nps[FACT_BLOCK], ces[FACT_BLOCK], rating[FACT_BLOCK];
    int64_t polarity[FACT_BLOCK];
};

/* Whether so many cells may be had. */
bool sums_fit(unsigned want, size_t n_cells);
/* Heap-allocated, large. -VOC_E_BUDGET when the cells do not fit. */
int sums_new(unsigned want, size_t n_cells, struct scaled_table scaled, struct sums **ret);
void sums_free(struct sums *s); /* NULL is fine */
void sums_block(struct sums *s, const struct block *b);
/* Row rows[i] of the block is added to cell cells[i]. */
void sums_add(struct sums *s, const uint32_t *rows, const uint32_t *cells, size_t n);
/* Adds the cell to *to. */
void sums_read(const struct sums *s, size_t cell, struct store_sums *to);

#endif
