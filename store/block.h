/* block: up to FACT_BLOCK facts as columns. Numbers are kept as their distance from the column's
 * smallest in 0, 1, 2, 4 or 8 bytes; a field of many values as offsets and codes. A block is read
 * where it lies in the map, so its columns have no alignment. Rows that are not sealed are made
 * into a block in memory first: whoever scans knows one shape only. Private to store/. Pure. */
#ifndef VOC_STORE_BLOCK_H
#define VOC_STORE_BLOCK_H

#include "store/fact.h"

enum column_id {
    COL_SEQ, /* ascending */
    COL_CREATED,
    COL_CONVERSATION,
    COL_CUSTOMER,
    COL_POLARITY,
    COL_CONFIDENCE,
    COL_KIND,
    COL_LANG,
    COL_SENTIMENT,
    COL_STAGE,
    COL_FLAGS,
    COL_CODE,                            /* one per enum fact_code */
    COL_OFFSET = COL_CODE + FACT_CODES,  /* one per enum fact_multi, rows + 1 */
    COL_TERM = COL_OFFSET + FACT_MULTIS, /* one per enum fact_multi */
    COL_COUNT = COL_TERM + FACT_MULTIS
};

/* value(i) = min + delta(i) * unit. An empty column has min 0, max -1. */
struct column {
    const uint8_t *data;
    uint32_t n;
    uint8_t width; /* bytes of a delta; 0: all are min */
    uint32_t unit;
    int64_t min, max;
};

struct block {
    uint32_t n;
    struct column col[COL_COUNT];
};

/* Appends the block of n (<= FACT_BLOCK) facts with ascending seqs. 0, -ENOMEM, -EMSGSIZE. */
int block_build(const uint64_t *seqs, const struct fact *facts, size_t n, struct buf *out);
/* Points into `bytes`; all columns lie within. 0 or -VOC_E_CORRUPT. */
int block_open(struct span bytes, struct block *ret);
int block_find(const struct block *b, uint64_t seq, size_t *ret_row); /* 0 or -ENOENT */
/* The terms live in the arena. 0, -ENOMEM, -VOC_E_CORRUPT. */
int block_row(const struct block *b, size_t row, struct arena *a, struct fact *ret);

uint64_t column_delta(const struct column *c, size_t i);
static inline int64_t column_at(const struct column *c, size_t i)
{
    return (int64_t)((uint64_t)c->min + column_delta(c, i) * c->unit);
}
/* The first n values (n <= c->n) as numbers. */
void column_read_i64(const struct column *c, size_t n, int64_t *out);
/* The same cut to 32 bits: for codes, flags, offsets. */
void column_read_u32(const struct column *c, size_t from, size_t n, uint32_t *out);
/* The codes [*ret_from, *ret_to) of a row in its COL_TERM column. 0 or -VOC_E_CORRUPT. */
int block_terms(const struct block *b, enum fact_multi m, size_t row, size_t *ret_from,
                size_t *ret_to);

#endif
