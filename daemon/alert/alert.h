/* alert: rules over the feedback stream, evaluated where the records are committed.
 *
 * A rule is data of the workspace (JSON, PUT /v1/alert-rules/{name}):
 *   {"name":"delivery-negative","title":"…","where":"category =
 * delivery","measure":"negative_rate",
 *    "op":">=","threshold":0.6,"recover":0.4,"window":"1h","min_samples":8,"group_by":["product"],
 *    "severity":"critical","receivers":["team"]}          threshold over a sliding window
 *   {"name":"legal","where":"signal = legal","each":true} every matching record is one alert
 * measure: count, negative_rate, positive_rate, csat, nps. Minute buckets per (rule, group) hold
 * what the measure needs; the window slides by the minute over event time (created_at), and
 * resolves by timer without traffic. Records marked backfill, or older than window + lateness, are
 * not seen. Fires when the measure passes `threshold` with n >= min_samples; resolves when it
 * passes `recover` the other way or n falls under min_samples for a whole window. One firing
 * notice, one resolved notice, each with an id that stays the same for every delivery attempt; both
 * are outbox rows of the very transaction that changed the state. Storing a changed rule resolves
 * its alerts and begins afresh. A record fires a rule with `each` once, however often it is
 * updated.
 *
 * Beside the rules stands one that nobody writes, "silent-sources": the dead-man switch (watch.c,
 * silence.h). A source that brings so much less than at this weekday and hour fires it, in a group
 * of its own.
 *
 * Files: rule.c (JSON to rule), window.c (pure buckets and evaluation: values in, values out, also
 * for backtests), engine.c (this header), group.c (a rule's groups and what a record is to them),
 * state.c (what a restart needs), transition.c (firing and resolving), document.c (the JSON of an
 * alert), notice.c (what people read), receiver.c (payload shapes), delivery.c (outbox drain on the
 * loop).
 *
 * Threads: everything below on the worker inside its transaction, but alert_engine_load(), before
 * the worker runs, and what says "any thread". Nothing here reads the clock. */
#ifndef VOC_ALERT_H
#define VOC_ALERT_H

#include "base/where.h"
#include "daemon/core/config.h"
#include "store/store.h"

struct alert_engine;
struct alert_batch;

#define ALERT_SILENT_RULE "silent-sources" /* of no document: the engine's own */

struct alert_config {
    struct span workspace;
    struct store *store; /* windows of new and changed rules are read from its facts */
    int64_t max_lateness_ms;
    size_t max_groups; /* per rule; beyond, the group "(other)" */
    struct rng rng;
    const char *timezone; /* for times in notices; borrowed during alert_engine_new() only */
};
int alert_engine_new(const struct alert_config *cfg, struct alert_engine **ret_engine);
void alert_engine_free(struct alert_engine *e); /* NULL is fine */
/* Who gets the notices of rules that name nobody; copied. Any thread, also while the worker runs:
 * takes effect with the next batch. None are known before the first call. 0 or -ENOMEM. */
int alert_engine_set_receivers(struct alert_engine *e, const struct config_receiver *receivers,
                               size_t n);
/* What the dead-man switch is to know of the workspace's sources; copied, takes effect with the
 * next batch. Any thread. Before the first call nothing is judged. Sources not named here (what
 * senders send by themselves) go by `sensitivity`; one that was named and is no more is forgotten,
 * and its alert resolved. 0 or -ENOMEM. */
struct alert_source {
    struct span name;
    int sensitivity; /* silence.h */
    bool paused;
    struct span error; /* what polling it fails with ("auth"); absent: nothing */
};
struct alert_watch {
    int sensitivity;
    int64_t min_history_ms;
    const char *severity;   /* of its alerts: "warning" */
    const struct span *off; /* days off, "2026-12-25": neither judged nor learnt from */
    size_t n_off;
    const struct alert_source *sources;
    size_t n_sources;
};
int alert_engine_set_watch(struct alert_engine *e, const struct alert_watch *w);
/* What is known of every source that brought something, in no promised order. Any thread; `fn` must
 * be short. */
struct alert_source_state {
    struct span name;
    bool configured; /* named by alert_engine_set_watch() */
    bool silent;
    int64_t last_at;   /* when something last came; NO_TIME: before this was counted */
    int64_t newest_at; /* the newest created_at */
    int64_t window;    /* minutes; 0: there is nothing to compare with yet */
    uint64_t got;
    double expected;
};
void alert_engine_sources(struct alert_engine *e,
                          void (*fn)(void *ctx, const struct alert_source_state *s), void *ctx);
/* Reads rules and alert states, seeds the windows from the facts. 0 or the store's error. */
int alert_engine_load(struct alert_engine *e, struct store_view *v, int64_t now);

/* One transaction. What a batch changed in memory takes effect at alert_committed() and is
 * forgotten at alert_aborted(); one of the two ends the batch. */
int alert_begin(struct alert_engine *e, struct store_txn *t, int64_t now,
                struct alert_batch **ret_batch);
/* A record accepted (previous NULL) or replaced. NULL batch: nothing. Feedback and analysis must
 * stay until the batch ends: what an alert quotes of them is read at the end. */
int alert_observe(struct alert_batch *b, const struct where_record *record, const struct uuid *id,
                  const struct stored *previous);
/* Stores (text: the JSON above) or removes a rule. -EINVAL with *message (in `a`) when it is no
 * rule; -ENOENT. Removing a rule resolves its alerts. */
int alert_put_rule(struct alert_batch *b, struct span name, struct span text, struct arena *a,
                   struct span *ret_message);
int alert_delete_rule(struct alert_batch *b, struct span name);
/* Acknowledges: who, to whom it belongs now, a note. The history keeps every one. -ENOENT;
 * -E2BIG: a note over 4 KiB, or the 1,001st time. */
struct alert_ack {
    struct span id, by, owner, note; /* id: the alert's UUID text */
};
int alert_acknowledge(struct alert_batch *b, const struct alert_ack *ack);
/* Everything of a source was removed: what is known of it goes too. */
int alert_forget_source(struct alert_batch *b, struct span source);
/* Marks every group as touched: time passed. */
void alert_evaluate_all(struct alert_batch *b);
/* What was observed is no longer what is stored (records deleted, stamped or analysed anew): the
 * windows are read from the facts again with the next batch, which alert_finish() asks for. */
void alert_reread(struct alert_batch *b);
/* Evaluates every touched group; writes states, alert documents and outbox rows into the
 * transaction. *ret_due: when the timer must next run; INT64_MAX never. *ret_firing: alerts firing
 * after this batch. */
int alert_finish(struct alert_batch *b, int64_t *ret_due, size_t *ret_firing);
void alert_committed(struct alert_batch *b);
void alert_aborted(struct alert_batch *b); /* NULL is fine */
/* Events for the live stream that this batch made: JSON objects, in order; valid until the end. */
size_t alert_events(const struct alert_batch *b, const struct span **ret_json);

/* Alert documents (STORE_DOC_ALERT, key: UUIDv7 bytes, so in order of firing) are JSON as
 * GET /v1/alerts shows them; rules (STORE_DOC_RULE, key: name) are JSON as PUT. */

#endif
