/* customers: who the feedback is from; what they did; which segments they were in, and when.
 * Included through store.h, which says threads and ownership.
 *
 * A customer's attributes are a history of effective-dated changes; the state at time t is the fold
 * of all changes up to t in order of (effective_at, arrival), and the first known state extends
 * backwards. A segment is a rule with effective-dated versions. Membership at t is the rule version
 * in force at t applied to the state at t: a pure function of both histories, kept per customer as
 * intervals. A record carries the segments of its customer at created_at ("stamped"). */
#ifndef VOC_STORE_CUSTOMERS_H
#define VOC_STORE_CUSTOMERS_H

#include "base/arena.h"
#include "base/record.h"
#include "base/where.h"

struct store_txn;
struct store_view;
struct stored;

struct store_customer_put {
    /* ACCEPTED (new, or known only from records), UPDATED, or DUPLICATE: without effective_at when
     * the state now is as told, with it when the same was told of that very time. */
    enum outcome outcome;
    uint64_t restamped; /* records whose segments changed with it */
};
/* Applies one change and restamps the customer's records in this transaction. -E2BIG when the
 * customer would have more than 1,000 changes or 64 KiB of them. */
int store_put_customer(struct store_txn *t, const struct customer_change *c,
                       struct store_customer_put *ret);
/* Identity (source, external_id); the same again replaces when it differs. Creates the customer. */
int store_put_activity(struct store_txn *t, const struct activity *act, enum outcome *ret);

struct store_interval { /* [from, to); NO_TIME / INT64_MAX for open ends */
    struct span segment;
    int64_t from, to;
};
struct store_customer_change { /* one change as kept, oldest first */
    int64_t effective_at, received_at;
    const struct pair *attributes; /* value {NULL,0}: removed */
    size_t n_attributes;
};
struct store_customer {
    struct span id, name, email, phone;
    int64_t first_seen, last_feedback; /* created_at of its first and newest record; NO_TIME none */
    uint64_t feedback_count;
    const struct pair *attributes; /* now: the state after the last change not in the future */
    size_t n_attributes;
    const struct store_customer_change *changes;
    size_t n_changes;
    const struct store_interval *intervals;
    size_t n_intervals;
};
/* 0 or -ENOENT. */
int store_customer_get(struct store_view *v, struct span id, int64_t now, struct arena *a,
                       struct store_customer *ret);
/* Only what names the customer; no records are looked at. 0 or -ENOENT. */
int store_customer_contact(struct store_view *v, struct span id, struct arena *a,
                           struct customer_ref *ret);
int store_txn_customer_contact(struct store_txn *t, struct span id, struct arena *a,
                               struct customer_ref *ret);
enum store_lookup { STORE_BY_EMAIL, STORE_BY_PHONE };
/* Ids of customers with this normalised e-mail or phone, at most max; *ret_n of them. */
int store_customer_lookup(struct store_view *v, enum store_lookup by, struct span value,
                          struct arena *a, struct span *ids, size_t max, size_t *ret_n);
/* A customer's records, newest created_at first, below `before` (NO_TIME: all). Nonzero stops. */
typedef int store_stored_fn(void *ctx, const struct stored *s);
int store_customer_feedback(struct store_view *v, struct span id, int64_t before, size_t limit,
                            struct arena *a, store_stored_fn *fn, void *ctx);
typedef int store_activity_fn(void *ctx, const struct activity *act);
int store_customer_activities(struct store_view *v, struct span id, int64_t before, size_t limit,
                              struct arena *a, store_activity_fn *fn, void *ctx);
/* Customers by id order after `after`; the callback gets ids. */
typedef int store_customer_fn(void *ctx, struct span id);
int store_customers_each(struct store_view *v, struct span after, store_customer_fn *fn, void *ctx);

/* --- segments --- */
struct store_segment {
    struct span code, title, where;
    uint32_t version;
    int64_t effective_from; /* NO_TIME: from the beginning */
    bool retired;           /* no members from effective_from on */
    uint64_t members;       /* customers in it now; filled by store_segments() when asked */
};
/* A new segment acts from the beginning when `backfill`, else from t's now; an edit likewise. With
 * `backfill` earlier versions are dropped. In every case the caller then runs store_restamp_step()
 * until done: customers not yet visited keep what they had. -EINVAL when `where` does not parse
 * (*err says where). At most 256 segments. */
int store_put_segment(struct store_txn *t, const struct store_segment *seg, bool backfill,
                      struct where_error *err);
/* Recomputes membership of up to `max` customers after *cursor (customer code; begin with 0) and
 * restamps their records; *cursor moves on, and is UINT64_MAX when all are done. */
int store_restamp_step(struct store_txn *t, size_t max, uint64_t *cursor);
/* The version in force now of every segment, by code. */
int store_segments(struct store_view *v, bool count_members, int64_t now, struct arena *a,
                   const struct store_segment **ret, size_t *ret_n);

#endif
