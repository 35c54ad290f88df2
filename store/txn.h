/* txn: the worker's one write transaction: LMDB's, the counters of the file, the scratch memory
 * that puts share, and what has to happen at commit (sealing). Private to store/. */
#ifndef VOC_STORE_TXN_H
#define VOC_STORE_TXN_H

#include "store/kv.h"

/* Numbers handed out and never given twice, and how far the facts are sealed: one row of "meta",
 * written at commit when it changed. Host byte order like the file; append only. */
struct counters {
    uint64_t seq;      /* the last record's */
    uint64_t sealed;   /* blocks below this number are sealed */
    uint64_t activity; /* the last activity's number */
    uint64_t customer; /* the last customer code */
};

#define TXN_TOUCHED_MAX 64 /* overlaid blocks remembered for resealing; more are found in turn */

struct store_txn {
    struct kv kv; /* first: a store_txn's kv */
    int64_t now;
    struct counters counters;
    bool counters_changed;
    uint64_t touched[TXN_TOUCHED_MAX];
    size_t n_touched;
    struct buf raw, packed; /* of the record being put */
    struct buf value;       /* of anything else being put */
    struct arena scratch;   /* reset by whoever uses it, at its own start */
};

int txn_init(struct store *s, struct store_txn **ret);
void txn_free(struct store_txn *t);
/* Writes the meta row of a new file. */
int txn_put_counters(struct kv *kv, const struct counters *c);
int txn_get_counters(struct kv *kv, struct counters *ret);
/* The sealed block a changed fact lies under gets more to overlay. */
void txn_touch_block(struct store_txn *t, uint64_t block);

#endif
