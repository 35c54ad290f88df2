/* delivery: the outbox drain. Reads what is due on the pool, sends through core/fetch, and hands
 * what became of it back to the worker as edits; a notice leaves the outbox only when the receiver
 * has it, said it wants no more (410), or it is older than alert.retry_max_age.
 *
 * Order: per receiver and alert one notice is under way, and a resolved one waits until its firing
 * one is gone; when that was dropped undelivered, so is the resolved one. Attempts follow each
 * other after 1 s … 5 min (exponential, full jitter) or what Retry-After of a 429 or 503 asks for.
 * Bounds: 8 notices under way, 4 of them to one receiver; SCAN_ROWS rows looked at per scan.
 *
 * Thread: the loop. Joins STOP_DELIVER: what is under way then ends or stays in the outbox. */
#ifndef VOC_DELIVERY_H
#define VOC_DELIVERY_H

#include "daemon/core/config.h"
#include "daemon/core/fetch.h"
#include "daemon/core/loop.h"
#include "daemon/pipeline/pipeline.h"
#include "daemon/pipeline/workspace.h"

struct delivery;

struct delivery_config {
    struct loop *loop;
    struct config *config; /* a reference is taken */
    struct pipeline *pipeline;
    struct workspaces *workspaces;
    struct fetch *fetch;
    struct rng rng; /* jitter */
};
int delivery_new(const struct delivery_config *cfg, struct delivery **ret_delivery);
void delivery_free(struct delivery *d); /* after the loop has run to its end; NULL is fine */
/* There may be something to send. */
void delivery_wake(struct delivery *d);
void delivery_reload(struct delivery *d, struct config *config);

#endif
