/* dict: small codes for the values one filters, groups and counts by, per kind of value. A code
 * once given stands for its value for ever. 0 is "absent", and so is the empty text. Private to
 * store/. */
#ifndef VOC_STORE_DICT_H
#define VOC_STORE_DICT_H

#include "store/kv.h"

/* Stored: append only. */
enum dict_kind {
    DICT_NONE,
    DICT_SOURCE,
    DICT_CHANNEL,
    DICT_STATUS,
    DICT_TYPE,
    DICT_AGENT,
    DICT_TEAM,
    DICT_VENDOR,
    DICT_PRODUCT,
    DICT_CATEGORY,
    DICT_SIGNAL,
    DICT_SEGMENT,
    DICT_TAG,
    DICT_ATTRIBUTE,  /* dict_pair() of key and value */
    DICT_EXPERIMENT, /* dict_pair() of experiment and arm */
    DICT_SCALED,     /* two doubles: value, scale */
    DICT_KINDS,
    DICT_CUSTOMER = DICT_KINDS, /* only in the cache: customers have a table of their own */
    DICT_CACHED_KINDS
};

#define DICT_CODE_MAX ((1u << 28) - 1) /* so that a term (fact.h) has room for its field */

/* The code of a value, made when new. 0; -E2BIG when there are no codes left. */
int dict_code(struct store_txn *t, enum dict_kind kind, struct span value, uint32_t *ret);
/* 0 or -ENOENT. Any kv. */
int dict_find(struct kv *kv, enum dict_kind kind, struct span value, uint32_t *ret);
/* The value of a code, in the map. 0 or -VOC_E_CORRUPT. */
int dict_value(struct kv *kv, enum dict_kind kind, uint32_t code, struct span *ret);
/* The largest code given so far. */
int dict_last(struct kv *kv, enum dict_kind kind, uint32_t *ret);
/* Every code and value, by code. Nonzero stops and is returned. */
typedef int dict_fn(void *ctx, uint32_t code, struct span value);
int dict_each(struct kv *kv, enum dict_kind kind, dict_fn *fn, void *ctx);

/* Key and value as one dictionary entry: u16 big-endian length of the key, key, value. Appended. */
void dict_pair(struct buf *b, struct span key, struct span value);
/* The value when the entry has this key. */
bool dict_pair_value(struct span entry, struct span key, struct span *ret_value);
void dict_pair_split(struct span entry, struct span *ret_key, struct span *ret_value);

/* Every code and value (without the key) of the entries of one key, in no promised order. */
int dict_each_pair(struct kv *kv, enum dict_kind kind, struct span key, dict_fn *fn, void *ctx);

/* What the worker remembers of value -> code; forgets all when full or after an abort. */
int dict_cache_new(struct dict_cache **ret);
void dict_cache_free(struct dict_cache *c);
void dict_forget(struct dict_cache *c);
bool dict_cache_get(const struct dict_cache *c, enum dict_kind kind, struct span value,
                    uint32_t *ret);
void dict_cache_add(struct dict_cache *c, enum dict_kind kind, struct span value, uint32_t code);

#endif
