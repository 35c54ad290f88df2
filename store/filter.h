/* filter: a where tree compiled against one view: each test becomes a set of codes or ranges of one
 * column, found by running base's where_test_* over every dictionary entry once; what equals
 * where_match() over records is held by a test. Evaluated on blocks. Private to store/.
 *
 * Lifetime: lives in the arena it was compiled into and borrows the where tree. */
#ifndef VOC_STORE_FILTER_H
#define VOC_STORE_FILTER_H

#include "store/block.h"

enum filter_op {
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_RANGES, /* the column's number lies in one of them */
    FILTER_CODES,  /* the column's code is in the set */
    FILTER_TERMS,  /* one of the field's codes is in the set */
    FILTER_FLAG,   /* a bit of COL_FLAGS is as wanted */
    FILTER_RECORD, /* not in the facts: the record itself is asked */
};

struct range { /* both ends included */
    int64_t low, high;
};

struct code_set {
    uint32_t min, max; /* min > max: empty */
    size_t n;
    uint64_t *bits; /* of min .. max */
};

struct filter {
    enum filter_op op;
    const struct filter *left, *right;
    enum column_id column;
    enum fact_multi multi;
    const struct range *ranges;
    size_t n_ranges;
    struct code_set set;
    uint8_t flag;
    bool wanted;
    const struct where_node *test; /* FILTER_RECORD */
};

/* Rows of [from, to) that match; w may be NULL or empty. *ret is NULL when every row passes. */
int filter_compile(struct kv *kv, const struct where *w, int64_t now, int64_t from, int64_t to,
                   struct arena *a, const struct filter **ret);

enum filter_verdict { FILTER_NO_ROW, FILTER_SOME_ROWS, FILTER_ALL_ROWS };
/* What the block's minima and maxima tell. */
enum filter_verdict filter_block(const struct filter *f, const struct block *b);

/* Memory that evaluation reuses from block to block. */
struct filter_scratch {
    uint32_t *codes;
    size_t room;
};
void filter_scratch_done(struct filter_scratch *s);

/* mask[i] is 0 or 1 for each of b->n rows; those that do not pass become 0. */
int filter_rows(const struct filter *f, struct kv *kv, const struct block *b,
                struct filter_scratch *s, uint8_t *mask);

static inline bool code_set_has(const struct code_set *s, uint32_t code)
{
    return code >= s->min && code <= s->max &&
           (s->bits[(code - s->min) / 64] >> ((code - s->min) % 64) & 1);
}

#endif
