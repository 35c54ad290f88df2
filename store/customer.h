/* customer: one customer as kept: id, contact, the history of changes, the membership made from it.
 * Private to store/. */
#ifndef VOC_STORE_CUSTOMER_H
#define VOC_STORE_CUSTOMER_H

#include "store/kv.h"
#include "store/segment.h"

#define CUSTOMER_ID_MAX 512
#define CUSTOMER_CHANGES_MAX 1000
#define CUSTOMER_BYTES_MAX (64u << 10)

struct contact {
    struct span name, email, phone; /* absent: not said */
};
struct change {
    int64_t effective_at, received_at;
    struct contact contact; /* empty but present: removed */
    const struct pair *attributes;
    size_t n_attributes;
};
struct customer {
    uint32_t code;
    struct span id;
    struct contact seen;    /* as records last said */
    struct change *changes; /* by effective_at, then arrival */
    size_t n_changes;
    struct member *members;
    size_t n_members;
};
/* Attributes at some time, sorted by key, as changes are laid over one another. */
struct state {
    struct pair *attributes;
    size_t n, room;
};

/* 0 or -ENOENT. */
int customer_find(struct kv *kv, struct span id, uint32_t *ret_code);
/* All of it, copied into the arena. */
int customer_load(struct kv *kv, uint32_t code, struct arena *a, struct customer *ret);
int customer_id(struct kv *kv, uint32_t code, struct span *ret_id); /* in the map */
/* Every customer, by code. Nonzero stops and is returned. */
int customer_each_id(struct kv *kv, int (*fn)(void *ctx, uint32_t code, struct span id), void *ctx);
int customer_save(struct store_txn *t, const struct customer *c);
/* Gives a code to a new id, with a blob that says nothing yet but membership. */
int customer_make(struct store_txn *t, struct span id, struct arena *a, struct customer *ret);
/* Bytes of the changes as stored. */
size_t customer_history_bytes(struct store_txn *t, const struct customer *c);
/* What the contact is after all changes. */
struct contact customer_contact(const struct customer *c);
/* Moves the contact keys from what was to what is. */
int customer_index_contact(struct store_txn *t, uint32_t code, const struct contact *was,
                           const struct contact *is);

/* Room for every attribute of every change. */
int state_init(struct state *s, const struct customer *c, struct arena *a);
void state_apply(struct state *s, const struct change *ch);
/* The state at t: all changes up to t; before the first one, that one's. */
int customer_state(const struct customer *c, int64_t t, struct arena *a, struct state *ret);

/* The customer of a record: found or made, contact noted. Code 0 without an id. Segment codes that
 * hold at created_at go to `segments`. */
int customer_of_record(struct store_txn *t, const struct feedback *f, struct arena *a,
                       uint32_t *ret_code, uint32_t segments[SEGMENTS_MAX], size_t *ret_n);
/* Sets the segments of all the customer's facts by c->members. */
int customer_restamp(struct store_txn *t, const struct customer *c, uint64_t *ret_restamped);

#endif
