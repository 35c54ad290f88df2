/* source_state: what there is to say of every source of a workspace, polled, hooked or sent: to the
 * dead-man switch (alert/alert.h), to GET /v1/sources, and to Prometheus.
 *
 * Thread: the loop. */
#ifndef VOC_COLLECT_SOURCE_STATE_H
#define VOC_COLLECT_SOURCE_STATE_H

#include "daemon/collect/poller.h"

/* Tells the switch of a workspace what is configured, paused and failing now. */
void source_state_tell(struct poller *p, struct workspace *ws);
/* The members of {"items":[…]}: first polled ones, then hooks, then what senders send. */
void source_state_print(struct poller *p, struct workspace *ws, struct json_out *j);
/* The text exposition of what is configured: labels workspace and source. */
void source_state_metrics(struct poller *p, struct buf *out);

#endif
