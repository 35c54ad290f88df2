/* delivery_impl: what the two halves of delivery share: outbox_scan.c looks (on the pool),
 * delivery.c sends (on the loop). Private to daemon/alert. */
#ifndef VOC_DELIVERY_IMPL_H
#define VOC_DELIVERY_IMPL_H

#include "daemon/alert/delivery.h"
#include "daemon/alert/receiver.h"

enum {
    DELIVERY_MAX_SENDING = 8,
    DELIVERY_MAX_PER_RECEIVER = 4,
    DELIVERY_MAX_PARCELS = 64, /* taken by one scan, those to drop included */
    SCAN_ROWS = 100000,
};

enum parcel_action {
    PARCEL_SEND,
    PARCEL_DROP,        /* too old, unknown receiver, unreadable */
    PARCEL_DROP_MARKED, /* its firing notice was dropped before */
};

/* One notice taken from the outbox; owns its arena. */
struct parcel {
    struct parcel *next;
    struct arena arena;
    struct workspace *ws;
    struct uuid id;
    uint32_t attempts;
    struct span receiver;
    enum parcel_action action;
    const char *why; /* of a drop, for the log */
    struct receiver_payload payload;
    bool is_read; /* payload is valid */
    /* while it is under way, on the loop */
    struct delivery *delivery;
    bool sending;
    bool stuck;    /* its edit could not be written; the timer tries again */
    unsigned step; /* edits that are on disk */
    bool retry;    /* ends in a retry at `due`, else leaves the outbox */
    bool mark;     /* say that the firing notice was dropped */
    int64_t due;
};

/* What is under way already: no scan takes it again. */
struct scan_busy {
    const struct workspace *ws;
    struct uuid id, alert;
    struct span receiver;
    bool sending;
};

struct scan {
    struct arena arena;    /* a copy of what the loop may change meanwhile */
    struct config *config; /* a reference */
    struct workspace **ws;
    size_t n_ws;
    struct scan_busy busy[DELIVERY_MAX_PARCELS];
    size_t n_busy, n_sending;
    int64_t now;
    /* result */
    struct parcel *parcels; /* in order */
    size_t n_parcels;
    int64_t next_due; /* of what is not due yet; INT64_MAX: nothing */
    int error;
};

void outbox_scan(struct scan *s);
void parcel_free(struct parcel *p); /* NULL is fine */
const struct config_receiver *receiver_of(const struct config *c, const struct workspace *ws,
                                          struct span name);

#endif
