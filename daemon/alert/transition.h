/* transition: firing and resolving: the alert's document, its notices in the outbox, and its event,
 * all in the transaction that changed the state. Private to daemon/alert. */
#ifndef VOC_ALERT_TRANSITION_H
#define VOC_ALERT_TRANSITION_H

#include "daemon/alert/engine_impl.h"

enum resolve_reason {
    RESOLVE_RECOVERED,
    RESOLVE_EMPTY,
    RESOLVE_FEW,
    RESOLVE_EXPIRED, /* of `each` */
    RESOLVE_RULE,    /* changed or removed */
    RESOLVE_HEARD,   /* a silent source brings something again */
    RESOLVE_GONE,    /* a silent source is no longer configured, or was removed */
    RESOLVE_PAUSED,  /* a silent source was paused */
};
int alert_fire(struct alert_batch *b, struct alert_group *g, const struct window_value *v);
int alert_resolve(struct alert_batch *b, struct alert_group *g, enum resolve_reason why,
                  const struct window_value *v);
/* Of an alert that has no group (any more). */
int alert_resolve_orphan(struct alert_batch *b, const struct uuid *id);
int alert_event(struct alert_batch *b, struct span json);

#endif
