/* watch: the dead-man switch inside the alert engine: what comes in of each source, and a judgement
 * every quarter of an hour (silence.h). Its alerts are groups of a rule the engine makes for
 * itself. Private to daemon/alert; what others call is in alert.h.
 *
 * Threads and batches: as alert.h. What is told of a source is copied under a lock when a batch is
 * committed, for alert_engine_sources(). */
#ifndef VOC_ALERT_WATCH_H
#define VOC_ALERT_WATCH_H

#include <pthread.h>

#include "daemon/alert/alert.h"
#include "daemon/alert/rule.h"
#include "daemon/alert/silence.h"

struct live_rule;

struct live_source {
    struct live_source *next;
    struct span name;
    struct arrivals counts;
    struct arrival_times times;
    int64_t first;    /* quarter */
    uint32_t pending; /* of the batch, in its quarter */
    int64_t newest;   /* of the batch */
    bool applied;     /* `pending` is in `counts` */
    bool forgotten;   /* by the batch */
    struct silence_value value;
    struct alert_source_state told; /* under watch.lock */
};
/* What alert_engine_set_watch() said, as the worker uses it. */
struct watch_plan {
    struct arena arena;
    int sensitivity;
    int64_t min_history; /* quarters */
    enum alert_severity severity;
    struct span *dates;
    size_t n_dates;
    int64_t *off; /* of `dates`: quarters */
    struct alert_source *sources;
    size_t n_sources;
};
struct watch {
    struct live_rule *rule;
    struct arrivals watched;
    struct live_source *first, *hint;
    size_t n;
    int64_t judged;         /* the quarter of the last judgement */
    int64_t since;          /* watched without a break from this quarter on */
    struct span configured; /* names, one a line, as in the store; malloc'ed */
    struct watch_plan *plan;
    _Atomic(struct watch_plan *) next_plan;
    bool plan_is_new;
    pthread_mutex_t lock; /* of what is told */
};
/* Why an alert of a source fires or ends. */
struct silence_case {
    struct span source;
    struct silence_value value;
    struct span error;
};

int watch_init(struct alert_engine *e);
void watch_done(struct alert_engine *e);
/* Reads what came in before; after the rules, before their states. */
int watch_load(struct alert_engine *e, struct store_view *v, int64_t now);
void watch_begin(struct alert_batch *b);
int watch_note(struct alert_batch *b, const struct feedback *f);
/* Writes what came in, and judges when it is time. */
int watch_finish(struct alert_batch *b);
int64_t watch_due(const struct alert_batch *b);
void watch_committed(struct alert_batch *b);
void watch_aborted(struct alert_batch *b);

#endif
