/* engine_impl: what the files of the alert engine share. Private to daemon/alert.
 *
 * Memory is changed as records are observed, and every change is first written to the batch's
 * journal; an abort plays the journal backwards, which needs no memory and can not fail. What is
 * only a cache (sums of a window, minutes that no window can reach again) is not in it. */
#ifndef VOC_ALERT_ENGINE_IMPL_H
#define VOC_ALERT_ENGINE_IMPL_H

#include <stdatomic.h>
#include "daemon/alert/alert.h"
#include "daemon/alert/rule.h"
#include "daemon/alert/watch.h"
#include "daemon/core/zone.h"

enum {
    ALERT_EXAMPLES = 3,
    ALERT_MAX_RULES = 1000,
    ALERT_MAX_KEYS = 64,    /* groups of one rule one record may count in */
    ALERT_EACH_FACTOR = 16, /* records remembered per rule with `each`, times max_groups */
    ALERT_MAX_ACKS = 1000,
    ALERT_MAX_NOTE = 4096, /* bytes of an acknowledgement's note */
    ALERT_BATCH_MAX = 512 << 20,
};

struct live_rule;
struct undo; /* journal.c */
struct alert_example {
    struct uuid id;
    int64_t at; /* created_at */
};

/* What a batch may change of a group, besides its window. */
struct group_state {
    bool firing;
    struct uuid alert; /* the one firing, or the last */
    int64_t low_since; /* window_decide() */
    int64_t ends;      /* of `each`: when the alert resolves */
    int64_t keep;      /* of `each`: until when the record is remembered; else NO_TIME */
    int64_t due;       /* when to look again; INT64_MAX never */
    size_t n_examples; /* newest first */
    struct alert_example examples[ALERT_EXAMPLES];
};

/* A record of the batch whose words an alert may show, masked. */
struct alert_quote {
    struct alert_quote *next;
    struct uuid id;
    const struct feedback *feedback;
    const struct analysis *analysis;
};

/* The state of one rule for one combination of group_by values, or, of a rule with `each`, for one
 * record. */
struct alert_group {
    struct live_rule *rule;
    struct alert_group *next; /* of the same slot */
    uint64_t hash;
    bool other;
    struct window window;
    struct group_state state;
    size_t heap_at;             /* SIZE_MAX: not waiting for a time */
    uint64_t touched;           /* the batch that saved `state` */
    struct alert_quote *quotes; /* of that batch, newest first */
    size_t key_n;
    char key[]; /* group.c says how it is packed */
};

struct live_rule {
    struct arena arena; /* of `rule` */
    struct alert_rule *rule;
    struct alert_group **slots;
    size_t n_slots, n_groups, n_firing;
    struct alert_group *other;
    bool seeded;   /* the windows hold what the facts say; else not observed and not evaluated */
    bool gone;     /* replaced or removed by the batch */
    int64_t swept; /* minute */
};

/* A copy of what the configuration says of a receiver. */
struct alert_receiver {
    struct span name;
    bool send_resolved;
    unsigned severities; /* bits; 0: all */
};
struct alert_receivers {
    struct arena arena;
    struct alert_receiver *at;
    size_t n;
};

struct alert_batch {
    struct alert_engine *engine;
    struct store_txn *txn;
    int64_t now;
    struct arena arena;   /* journal, quotes, events: the whole batch */
    struct arena scratch; /* one record, one transition */
    struct undo *undo;
    struct alert_group **touched;
    size_t n_touched, cap_touched;
    struct span *events;
    size_t n_events, cap_events;
    bool judged;                        /* sources were judged in it */
    struct span configured;             /* to be noted; absent: as before */
    const struct silence_case *silence; /* while one of their alerts is written */
    int error;                          /* sticky, for alert_finish() */
};

struct alert_engine {
    struct arena arena; /* names */
    struct span workspace;
    struct store *store;
    int64_t lateness; /* minutes */
    size_t max_groups;
    struct rng rng;
    struct zone *zone;
    uint64_t hash_seed;
    struct live_rule *rules[ALERT_MAX_RULES + 1]; /* and the one of watch.c */
    size_t n_rules;
    struct alert_group **heap; /* by state.due */
    size_t n_heap, cap_heap, n_groups;
    size_t n_firing;
    struct uuid *orphans; /* alerts that fire for a rule there is not any more */
    size_t n_orphans;
    struct alert_receivers *receivers;
    _Atomic(struct alert_receivers *) next_receivers; /* handed over by the loop thread */
    uint64_t serial;
    struct watch watch;
    struct alert_batch batch;
};

/* --- group.c: groups, their keys, and the order of their due times --- */
struct live_rule *live_rule_new(void);
void live_rule_free(struct alert_engine *e, struct live_rule *lr); /* NULL is fine */
/* The packed keys of the groups a record, or a fact, counts in. `keys` has ALERT_MAX_KEYS. */
int group_keys(const struct alert_rule *r, const struct where_record *rec, struct arena *a,
               struct span *keys, size_t *ret_n);
int group_fact_keys(const struct alert_rule *r, struct store_view *v, const struct store_fact *f,
                    struct arena *a, struct span *keys, size_t *ret_n);
/* Unpacks value i of a group's key; "" when it has none. */
struct span group_value(const struct alert_group *g, size_t i);
/* Calls fn for every group until it gives other than 0, which is returned; fn may remove its
 * group. */
typedef int rule_each_fn(void *ctx, struct alert_group *g);
int rule_each(struct live_rule *lr, rule_each_fn *fn, void *ctx);
struct alert_group *group_find(const struct alert_engine *e, const struct live_rule *lr,
                               struct span key);
/* The group of that key, made when needed, or "(other)" when the rule has all it may have.
 * *ret_new: it was made now. 0 or -ENOMEM. */
int group_get(struct alert_engine *e, struct live_rule *lr, struct span key, int64_t now,
              struct alert_group **ret, bool *ret_new);
int group_get_other(struct alert_engine *e, struct live_rule *lr, struct alert_group **ret,
                    bool *ret_new);
void group_remove(struct alert_engine *e, struct alert_group *g);
/* Sets when it is due; never fails. */
void group_schedule(struct alert_engine *e, struct alert_group *g, int64_t due);
/* Takes all groups of a rule out of the order, or back into it. */
void rule_unschedule(struct alert_engine *e, struct live_rule *lr);
void rule_schedule(struct alert_engine *e, struct live_rule *lr);
/* The oldest minute that counts for a rule. */
static inline int64_t rule_horizon(const struct alert_engine *e, const struct live_rule *lr,
                                   int64_t now)
{
    return window_minute(now) - lr->rule->test.window - e->lateness;
}

/* --- journal.c: what a batch changed ---
 * Before anything of a group changes: it is evaluated at the end of the batch. 0 or -ENOMEM. */
int group_touch(struct alert_batch *b, struct alert_group *g);
/* window_add() on a touched group, and its errors. */
int group_add(struct alert_batch *b, struct alert_group *g, int64_t minute, struct window_part p);
/* As group_get(), touched; undone with the batch when it was made. */
int group_take(struct alert_batch *b, struct live_rule *lr, struct span key,
               struct alert_group **ret);
/* Puts `is` (or nothing) in the place of `was` (or nothing). 0 or -ENOMEM; then nothing changed. */
int rule_replace(struct alert_batch *b, struct live_rule *was, struct live_rule *is);
void journal_undo(struct alert_batch *b);
/* Frees what the batch replaced. */
void journal_keep(struct alert_batch *b);

/* --- state.c: what a restart needs ---
 * Where delivery notes that a firing notice was dropped undelivered (STORE_DOC_ALERT_STATE); absent
 * when memory is short. */
struct span alert_mark_key(const struct uuid *alert, struct span receiver, struct arena *a);
/* Writes the group's state document, or removes it when nothing of it needs to be kept. */
int state_save(struct alert_batch *b, struct alert_group *g);
int state_load(struct alert_engine *e, struct store_view *v, int64_t now);
/* Fills the windows of the rules that are not seeded from the facts as last committed. */
int state_seed(struct alert_engine *e, struct store_view *v, int64_t now);

#endif
