/* alert_rig: a real store in a temporary directory and an alert engine over it, under a clock that
 * moves only when told: what the tests of alert/ stand on. Failures end the test (cmocka). */
#ifndef VOC_TESTS_LIB_ALERT_RIG_H
#define VOC_TESTS_LIB_ALERT_RIG_H

#include "daemon/alert/alert.h"

enum { RIG_MAX_PAIRS = 8 };

/* One record as a test says it; NULL or absent: nothing. */
struct rig_record {
    const char *id;     /* external id */
    const char *source; /* "test" */
    int64_t created_at;
    const char *text;
    const char *categories, *signals, *tags; /* separated by '+' */
    enum sentiment sentiment;
    const char *product, *agent, *channel;
    const char *name, *email, *phone; /* of the customer */
    struct pair attributes[RIG_MAX_PAIRS];
    size_t n_attributes;
    struct scaled csat, nps;
    bool backfill;
    const char *rest; /* the value of every text field not named here; experiment "x" too */
};

struct alert_rig {
    const char *dir; /* an own one, unless set */
    int64_t now, due;
    int64_t lateness;
    size_t max_groups, firing;
    const char *timezone;
    const struct config_receiver *receivers;
    size_t n_receivers;
    const struct alert_watch *watch; /* NULL: sources are not judged */
    uint64_t chance;
    struct store *store;
    struct alert_engine *engine;
    struct store_txn *txn; /* of the batch that is open */
    struct alert_batch *batch;
    struct arena arena; /* of that batch */
    struct buf events;  /* JSON, one alert document a line, as committed */
};

/* Fields up to `n_receivers` may be set before; zeros mean 1 h, 1,000 groups, Asia/Seoul, nobody.
 */
void rig_open(struct alert_rig *r);
void rig_close(struct alert_rig *r);
/* Empties a closed rig's directory, for many rigs in one test. */
void rig_wipe(const char *dir);
void rig_restart(struct alert_rig *r); /* ticks once, as the daemon does */
/* The same after a while in which nobody was there. */
void rig_away(struct alert_rig *r, int64_t ms);
/* Tells the engine of `watch` as it is now, and ticks. */
void rig_watch(struct alert_rig *r);

void rig_begin(struct alert_rig *r);
/* What became of it; *ret_id may be NULL. Opens a batch of its own when none is open. */
enum outcome rig_put(struct alert_rig *r, const struct rig_record *rec, struct uuid *ret_id);
/* 0 or what alert_put_rule() says, with its message in r->arena until the next batch. */
int rig_rule(struct alert_rig *r, const char *name, const char *json, struct span *ret_message);
int rig_delete_rule(struct alert_rig *r, const char *name);
void rig_commit(struct alert_rig *r);
void rig_abort(struct alert_rig *r);
/* Moves the clock, and ticks whenever the engine asked for it, as jobs.c does. */
void rig_advance(struct alert_rig *r, int64_t ms);
void rig_tick(struct alert_rig *r);

/* Takes the events since the last call; the caller frees. */
char *rig_take_events(struct alert_rig *r);

#endif
