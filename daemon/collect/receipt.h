/* receipt: what a sender is told of its items: product.md's
 *   {"accepted":n,"updated":u,"duplicates":d,"rejected_count":r,"rejected":[…],"ids":[…]}
 * filled chunk by chunk in input order, and only with what is on disk.
 *
 * Thread: the loop. Ownership: owns its memory; at most 100 reasons and 1,000 ids. */
#ifndef VOC_COLLECT_RECEIPT_H
#define VOC_COLLECT_RECEIPT_H

#include "daemon/format/json_out.h"
#include "daemon/pipeline/intake.h"

enum { RECEIPT_MAX_REASONS = INTAKE_MAX_REASONS, RECEIPT_MAX_IDS = 1000 };

struct receipt_reason {
    uint64_t index; /* of the item in the input, from 0 */
    struct reject why;
};

struct receipt {
    uint64_t n;                            /* items */
    uint64_t counts[OUTCOME_REJECTED + 1]; /* by outcome */
    uint64_t through_line;                 /* 0: not a body of lines */
    struct receipt_reason *reasons;
    size_t n_reasons;
    struct arena arena;   /* ids */
    struct span *ids;     /* absent: rejected */
    bool short_of_memory; /* then reasons and ids are left out; counts hold */
};

void receipt_init(struct receipt *rc);
void receipt_done(struct receipt *rc);
/* Adds the items of an intake that is on disk (or had nothing to write), and counts them in the
 * metrics. */
void receipt_add(struct receipt *rc, const struct intake *in);
/* The members, into an open object. */
void receipt_print(const struct receipt *rc, struct json_out *j);
/* Whether there were items and none was taken. */
bool receipt_all_rejected(const struct receipt *rc);

#endif
