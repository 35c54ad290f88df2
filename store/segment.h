/* segment: rules with their versions, and membership: which customer is in which segment when.
 *
 * Membership is a pure function of a customer's changes and the rules' versions. It is worked out
 * whole whenever either changes, and kept with the customer as intervals. A rule that compares with
 * now (signup > now-30d) makes a customer come and go by itself: those instants are computed too,
 * so that the intervals are true of the past and the future. Private to store/. */
#ifndef VOC_STORE_SEGMENT_H
#define VOC_STORE_SEGMENT_H

#include "store/kv.h"

#define SEGMENTS_MAX 256
#define SEGMENT_VERSIONS_MAX 256
#define SEGMENT_CODE_MAX 255

struct segment_version {
    uint32_t version;
    int64_t from; /* NO_TIME: the beginning */
    bool retired;
    struct span title, text;
    const struct where *where; /* parsed; NULL unless asked for */
};
struct segment_rule {
    struct span code;
    uint32_t dict;                    /* code of DICT_SEGMENT */
    struct segment_version *versions; /* ascending `from` */
    size_t n_versions;
};
struct segment_rules {
    struct arena arena;
    struct segment_rule *rules; /* by code */
    size_t n;
};

struct customer;
struct member { /* [from, to) in one segment */
    uint32_t segment;
    int64_t from, to;
};

/* Reads all rules into the arena. */
int segment_load(struct kv *kv, bool parse, struct arena *a, struct segment_rule **ret,
                 size_t *ret_n);
/* The worker's parsed rules, read once until segment_forget(). Owned by the store. */
int segment_rules(struct store_txn *t, const struct segment_rules **ret);
void segment_forget(struct store *s);
/* The version in force at t, or NULL. */
const struct segment_version *segment_in_force(const struct segment_rule *r, int64_t t);

/* Works out c->members anew, in the arena; *ret_changed says whether they differ from before. */
int member_compute(const struct segment_rules *rules, struct customer *c, struct arena *a,
                   bool *ret_changed);
/* Codes of the segments that hold at t, ascending; returns how many. */
/* The same from a customer's blob as stored. 0 or -VOC_E_CORRUPT. */
int member_of_blob(struct span blob, int64_t t, uint32_t out[SEGMENTS_MAX], size_t *ret_n);
size_t member_at(const struct member *m, size_t n, int64_t t, uint32_t out[SEGMENTS_MAX]);

#endif
