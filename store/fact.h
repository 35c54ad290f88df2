/* fact: the row of fields one filters, groups or counts by. New rows and corrections are kept as
 * rows of one table by seq; every FACT_BLOCK sequence numbers are sealed into columns (block.h),
 * and a row that lies under a sealed block's number replaces the block's. Private to store/. */
#ifndef VOC_STORE_FACT_H
#define VOC_STORE_FACT_H

#include "store/dict.h"
#include "store/kv.h"

#define FACT_BLOCK 4096u
#define FACT_TERMS_MAX 4096u

/* Columns of one code. Stored: append only. */
enum fact_code {
    FACT_SOURCE,
    FACT_CHANNEL,
    FACT_STATUS,
    FACT_TYPE,
    FACT_AGENT,
    FACT_TEAM,
    FACT_VENDOR,
    FACT_PRODUCT,
    FACT_RATING, /* codes of DICT_SCALED from here */
    FACT_CSAT,
    FACT_NPS,
    FACT_CES,
    FACT_CODES
};

/* Fields of many values. Stored as the upper four bits of a term: append only. */
enum fact_multi {
    FACT_CATEGORY,
    FACT_SIGNAL,
    FACT_SEGMENT,
    FACT_TAG,
    FACT_ATTRIBUTE,
    FACT_EXPERIMENT,
    FACT_MULTIS
};

enum { FACT_SURVEYED = 1, FACT_ANSWERED = 2, FACT_BACKFILL = 4, FACT_DELETED = 8 };

#define FACT_NO_POLARITY INT16_MIN /* nothing was read: also of confidence */
#define FACT_TERM(multi, code) ((uint32_t)(multi) << 28 | (code))
#define FACT_TERM_MULTI(term) ((term) >> 28)
#define FACT_TERM_CODE(term) ((term)&DICT_CODE_MAX)

struct fact {
    int64_t created_at;
    uint64_t conversation; /* hash; 0: none */
    uint32_t customer;     /* code; 0: none */
    uint32_t code[FACT_CODES];
    int16_t polarity, confidence; /* 1e-4 */
    uint8_t kind, lang, sentiment, stage, flags;
    uint32_t n_terms;
    const uint32_t *terms; /* ascending, none twice */
};

static inline uint64_t fact_block_of(uint64_t seq)
{
    return seq / FACT_BLOCK;
}

enum dict_kind fact_code_kind(enum fact_code c);
/* The column of a field of that kind; FACT_CODES when it has none. */
enum fact_code fact_code_of(enum where_field field);
enum dict_kind fact_multi_kind(enum fact_multi m);
uint64_t fact_conversation(const struct store *s, struct span conversation);

/* The row of a record. `segments` are codes; terms live in the arena. 0 or the error. */
int fact_of(struct store_txn *t, const struct feedback *f, const struct analysis *an,
            uint32_t customer, const uint32_t *segments, size_t n_segments, struct arena *a,
            struct fact *ret);
/* Replaces the segment terms. */
int fact_set_segments(struct fact *f, const uint32_t *segments, size_t n, struct arena *a);

/* A new row is the last of its table. */
int fact_put(struct store_txn *t, uint64_t seq, const struct fact *f, bool is_new);
int fact_delete(struct store_txn *t, uint64_t seq);
/* From the table of rows or a block. Terms live in the arena. 0, -ENOENT, -VOC_E_CORRUPT. */
int fact_get(struct kv *kv, uint64_t seq, struct arena *a, struct fact *ret);
/* A row as stored; terms are copied into the arena. */
int fact_decode(struct span row, struct arena *a, struct fact *ret);

#endif
