/* records: feedback in and out. Included through store.h, which says threads and ownership. */
#ifndef VOC_STORE_RECORDS_H
#define VOC_STORE_RECORDS_H

#include "base/arena.h"
#include "base/record.h"

struct store_txn;
struct store_view;

/* One record as kept. Every span lives in the arena it was read into. */
struct stored {
    struct uuid id;
    uint64_t seq; /* internal order of arrival; never shown */
    int64_t received_at;
    uint32_t revision; /* 1, then one more per replacement */
    struct feedback feedback;
    struct analysis analysis;    /* evidence is not kept: it is made again when asked for */
    const struct span *segments; /* codes as stamped at feedback.created_at, sorted */
    size_t n_segments;
};

struct store_put {
    enum outcome outcome; /* ACCEPTED, UPDATED or DUPLICATE */
    struct uuid id;       /* also of the record it duplicates */
    uint64_t seq;
    int64_t created_at;          /* as kept: of an undated record that is known, the first one's */
    const struct span *segments; /* stamped now; in the arena */
    size_t n_segments;
    bool has_previous;      /* UPDATED */
    struct stored previous; /* what was replaced, read into the arena */
};

/* Identity is (source, external_id), compared whole. Unknown: ACCEPTED. Known: an older updated_at
 * is a DUPLICATE, a newer one replaces; without updated_at on either side, or with equal ones, the
 * hash of all normalised fields decides: equal DUPLICATE, else UPDATED. A replacement keeps id and
 * seq. A customer not seen before is created without attributes. Polarity and confidence are
 * rounded to 1e-4 on the way in. 0 or the transaction's error. */
int store_put_feedback(struct store_txn *t, const struct feedback *f, const struct analysis *an,
                       struct arena *a, struct store_put *ret);
/* Replaces only the analysis (re-analysis under other tables). -ENOENT. */
int store_put_analysis(struct store_txn *t, const struct uuid *id, const struct analysis *an);
/* Removes a record: body, identity, fact, orders. -ENOENT. (Erasing a person is customers.h's.) */
int store_delete_feedback(struct store_txn *t, const struct uuid *id);
/* The same by identity: its source says that it is gone. -ENOENT. */
int store_remove_feedback(struct store_txn *t, struct span source, struct span external_id);
/* Every record of one source and the source's identities, at most `max` a call; *ret_more says
 * whether to call again. For removing sample data. */
int store_delete_source(struct store_txn *t, struct span source, size_t max, bool *ret_more);

/* 0 or -ENOENT. */
int store_get_feedback(struct store_view *v, const struct uuid *id, struct arena *a,
                       struct stored *ret);
int store_find_feedback(struct store_view *v, struct span source, struct span external_id,
                        struct arena *a, struct stored *ret);

#endif
