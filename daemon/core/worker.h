/* worker: the hand-over between the loop and the one thread that writes.
 *
 *   loop thread:   worker_submit(node) ──► lane queues, bounded in bytes ──► run(list)   worker
 * thread loop thread:   done(list)          ◄────────────────────────────────── (when run returns)
 *
 * run() gets what is queued up to batch_bytes and batch_nodes, order kept within a lane. Who is in
 * lane 0 does not wait for work of lane 1 that has not begun: it gets a batch of its own. Lane 1 is
 * never starved: what was passed over has a node in the next batch. While lane 0 is in use, that is
 * for two seconds after a submit, lane 1 gets one node a batch, so that a batch is short.
 * The node is the submitter's memory; between submit and done it belongs to the worker.
 *
 * Threads: all functions on the loop thread but worker_beat(). Bytes count until done() was called.
 */
#ifndef VOC_CORE_WORKER_H
#define VOC_CORE_WORKER_H

#include "daemon/core/loop.h"

struct worker;

enum { WORKER_LANES = 2, WORKER_HURRY_MS = 2000 };

struct worker_node {
    struct worker_node *next;
    unsigned lane; /* 0 or 1 */
    size_t bytes;
};
struct worker_config {
    struct loop *loop;
    void (*run)(void *ctx, struct worker_node *list);  /* worker thread; list in order */
    void (*done)(void *ctx, struct worker_node *list); /* loop thread; the same list */
    void *ctx;
    size_t max_bytes[WORKER_LANES];
    size_t batch_bytes, batch_nodes;
};
int worker_new(const struct worker_config *cfg, struct worker **ret_worker);
/* 0, or -EAGAIN when the lane's bytes are used up (a node larger than the whole bound is taken when
 * its lane is empty), -ESHUTDOWN after worker_stop(). */
int worker_submit(struct worker *w, struct worker_node *node);
bool worker_has_room(const struct worker *w, unsigned lane, size_t bytes);
size_t worker_queued(const struct worker *w, unsigned lane); /* bytes */
/* Whether lane 0 is in use: who has work for lane 1 should cut it small. */
bool worker_hurried(const struct worker *w);
/* Takes no more; runs what is queued, calls its done()s, ends the thread, then `stopped` on the
 * loop. */
void worker_stop(struct worker *w, void (*stopped)(void *ctx), void *ctx);
void worker_free(struct worker *w); /* after `stopped`; NULL is fine */
/* Sign of life: called by run() between steps of long work; also set whenever the thread wakes. An
 * idle worker counts as fresh. */
void worker_beat(struct worker *w);
int64_t worker_beat_age(const struct worker *w); /* ms */

#endif
