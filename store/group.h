/* group: which groups of a `by` field each row belongs to. Group 0 is "no value"; a row without any
 * group is in it. A category is also in the groups of its parents, each once. Private to store/. */
#ifndef VOC_STORE_GROUP_H
#define VOC_STORE_GROUP_H

#include "store/block.h"
#include "store/idmap.h"

#define GROUP_CHUNK 8192
#define GROUP_NONE UINT32_MAX

enum group_how { GROUP_BY_COLUMN, GROUP_BY_TERMS, GROUP_BY_CONVERSATION };

struct grouping {
    struct kv *kv;
    enum group_how how;
    enum column_id column;
    enum fact_multi multi;
    uint32_t n_codes;  /* a code from here on has no group */
    uint32_t n_groups; /* conversations: so far */
    /* The groups of code c are list[first[c]] to list[first[c + 1]]; first NULL: the code itself.
     */
    uint32_t *first, *list;
    /* What group g is called: texts[g], or without it the value of code g. */
    struct span *texts;
    enum dict_kind kind; /* DICT_CUSTOMER: customers */
    uint32_t *seen;      /* last row counted in a group, so that a row counts once */
    uint32_t row_number;
    uint32_t *codes; /* malloc'd: of one block's terms */
    size_t codes_room;
    struct idmap conversations;
    uint64_t *samples; /* malloc'd: a record of each conversation, for its name */
    size_t samples_room;
};

/* 0; -EINVAL for a field that has no groups (times, polarity, confidence). */
int group_init(struct kv *kv, int field, struct span key, struct arena *a, struct grouping *ret);
void group_done(struct grouping *g);

/* (row, group) of the selected rows of a block, in chunks of at most GROUP_CHUNK. */
typedef int group_fn(void *ctx, const uint32_t *rows, const uint32_t *groups, size_t n);
int group_rows(struct grouping *g, const struct block *b, const uint8_t *mask, group_fn *fn,
               void *ctx);
/* The name of a group, in the arena; "" for group 0. */
int group_key(struct grouping *g, uint32_t group, struct arena *a, struct span *ret);

#endif
