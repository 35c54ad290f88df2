/* events: the live stream (GET /v1/stream) of one daemon: who listens, and what they are told.
 *
 * event "feedback": a record as lists show it; "alert": an alert document. Masked once for agents,
 * plain once for the others; nothing is made when nobody listens. A reader that falls behind is cut
 * off and comes back by itself. Thread: the loop. */
#ifndef VOC_API_EVENTS_H
#define VOC_API_EVENTS_H

#include "daemon/app.h"
#include "daemon/pipeline/pipeline.h"

struct events;
struct intake;

int events_new(struct loop *loop, struct events **ret_events);
void events_free(struct events *ev); /* NULL is fine */
/* Ends all streams and takes no more: joins STOP_LISTEN. */
void events_stop(struct events *ev);
/* Ends the streams of tokens and sessions that are no longer in force: when one is revoked or
 * signed out; what ends by the clock is seen within EVENTS_RECHECK_MS by itself. */
void events_recheck(struct events *ev);
void events_alerts(struct events *ev, const struct pipeline_events *p);
/* Records that were just committed: accepted and updated ones are told, at most 200 of a batch. */
void events_intake(struct events *ev, const struct intake *in);

#endif
