/* rec: the row of one record: a fixed head, then the packed body (body.h). The head has what is
 * asked of a record that arrives again, so that a duplicate unpacks nothing. Private to store/. */
#ifndef VOC_STORE_REC_H
#define VOC_STORE_REC_H

#include "store/customer.h"
#include "store/kv.h"

/* As stored, host byte order. */
struct rec_head {
    uint8_t version; /* of head and body: BODY_VERSION */
    uint8_t how;     /* PACK_* */
    uint16_t reserved;
    uint32_t revision;
    int64_t received_at, updated_at;
    struct uuid id;
    uint8_t hash[16]; /* XXH3-128 of the feedback part of the body */
};
_Static_assert(sizeof(struct rec_head) == 56, "a record's head has no holes");

/* 0, -ENOENT, -VOC_E_CORRUPT. *ret_packed is the body, in the map. */
int rec_head(struct kv *kv, uint64_t seq, struct rec_head *ret, struct span *ret_packed);
/* Everything of a record into the arena; segments too when asked for. */
int rec_read(struct kv *kv, uint64_t seq, bool segments, struct arena *a, struct stored *ret);
/* The unpacked body. */
int rec_body(struct kv *kv, uint64_t seq, struct arena *a, struct span *ret);
/* Segment codes as sorted texts in the arena. */
int rec_segments(struct kv *kv, const uint32_t *codes, size_t n, struct arena *a,
                 const struct span **ret);

/* Finds (source, external_id). 0 with *ret_seq; -ENOENT with *k where it belongs. `source` is the
 * code of DICT_SOURCE. */
int ident_find(struct kv *kv, uint32_t source, struct span external_id, struct key *k,
               uint64_t *ret_seq);
/* Gives the identity to `seq` when it is new. 0, or -EEXIST with *ret_seq the record that has it.
 */
int ident_claim(struct kv *kv, uint32_t source, struct span external_id, uint64_t seq,
                uint64_t *ret_seq);
int rec_seq_of(struct kv *kv, const struct uuid *id, uint64_t *ret_seq);

#endif
