/* pipeline: the one way into the stores, and the only place where nlp and store meet.
 *
 * The loop thread submits commands; one worker thread takes what is queued (interactive lane before
 * bulk), prepares each command without a lock (analysis happens here), then applies all commands of
 * one workspace in one write transaction, commits, and hands them back to the loop thread, where
 * `done` is called. `status` 0 means on disk. When a transaction fails, each command of it is tried
 * again alone, so that one bad command cannot fail its neighbours; then `status` says why.
 *
 * Threads: pipeline_submit() and `done` on the loop; prepare and apply on the worker, which owns
 * the command between the two. Ownership: a command belongs to its maker before submit and from
 * `done` on; pipeline never frees one.
 *
 * Bounds: queued bytes per lane (config intake.queue_bytes); a transaction's bytes
 * (intake.batch_bytes) and commands (1,024). */
#ifndef VOC_PIPELINE_H
#define VOC_PIPELINE_H

#include "base/arena.h"
#include "base/record.h"
#include "daemon/core/config.h"
#include "daemon/core/worker.h"
#include "nlp/nlp.h"
#include "store/store.h"

struct pipeline;
struct workspace; /* workspace.h */
struct command;

enum lane { LANE_INTERACTIVE, LANE_BULK, LANE_COUNT };

struct prepare_env {
    const struct nlp_tables *tables;
    struct nlp_scratch *scratch;
    int64_t now;
};
struct apply_env {
    struct store_txn *txn;
    struct workspace *ws;
    struct alert_batch *alerts;  /* evaluation of this transaction, alert/alert.h */
    const struct config *config; /* pinned; NULL: bounds it sets are not kept (tests) */
    int64_t now;
};
struct command_ops {
    const char *name;                                                  /* for metrics and logs */
    void (*prepare)(struct command *c, const struct prepare_env *env); /* may be NULL */
    /* Negative: the transaction's error; the batch is taken apart and c tried alone. Validation
     * problems are results, not errors. May run twice: it must start afresh each time. */
    int (*apply)(struct command *c, struct apply_env *env);
    void (*done)(struct command *c);
};
struct command {
    struct worker_node node; /* first; node.lane and node.bytes are the submitter's to set */
    const struct command_ops *ops;
    struct workspace *ws;
    int status; /* set by the pipeline: 0 or negative errno */
};

/* What alert evaluation said during one committed transaction, told on the loop thread before the
 * `done` of its commands. Spans live for the call. */
struct pipeline_events {
    struct workspace *ws;
    const struct span *alerts; /* JSON objects */
    size_t n_alerts;
};
struct pipeline_config {
    struct loop *loop;
    struct config *config;                                          /* a reference is taken */
    struct nlp_tables *tables;                                      /* a reference is taken */
    void (*on_events)(void *ctx, const struct pipeline_events *ev); /* may be NULL */
    void (*on_committed)(void *ctx, struct command *c); /* before its `done`; may be NULL */
    void *ctx;
};
int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret_pipeline);
void pipeline_free(struct pipeline *p); /* after STOP_CLOSE; NULL is fine */
void pipeline_reload(struct pipeline *p, struct config *config, struct nlp_tables *tables);

/* 0, or -EAGAIN when the lane is full or the workspace's disk is (answer 503 with Retry-After). */
int pipeline_submit(struct pipeline *p, struct command *c);
/* Whether a submit of `bytes` would be taken now: asked before a body is read. */
bool pipeline_has_room(const struct pipeline *p, const struct workspace *ws, enum lane lane,
                       size_t bytes);
/* Joins STOP_INTAKE by itself: what was accepted is committed and answered before the stores close.
 * Age of the worker's last sign of life, ms: for the watchdog. */
int64_t pipeline_heartbeat_age(const struct pipeline *p);
/* Whether somebody is waiting for small things: who submits bulk should cut it small. */
bool pipeline_hurried(const struct pipeline *p);
size_t pipeline_queued_bytes(const struct pipeline *p, enum lane lane);

#endif
