/* loop: the one libuv loop of the daemon, its ordered shutdown, work off the loop, and timers.
 *
 * Thread: everything here is called on the loop thread, but loop_post(). Ownership: the loop counts
 * its open handles; loop_run() returns when all are closed, and loop_free() asserts
 * uv_loop_close() == 0.
 *
 * Shutdown order (each stage waits for the one before, bounded by a deadline):
 *   STOP_LISTEN  no new connections, no new polls
 *   STOP_INTAKE  requests under way get answered
 *   STOP_DELIVER outgoing notices under way are finished or left in the outbox
 *   STOP_COMMIT  the worker commits what is queued and ends
 *   STOP_CLOSE   stores, files, handles */
#ifndef VOC_CORE_LOOP_H
#define VOC_CORE_LOOP_H

#include <uv.h>

#include "base/clock.h"
#include "base/span.h"

struct loop;

enum stop_stage { STOP_LISTEN, STOP_INTAKE, STOP_DELIVER, STOP_COMMIT, STOP_CLOSE, STOP_STAGES };

int loop_new(struct loop **ret_loop);
void loop_free(struct loop *l);
uv_loop_t *loop_uv(struct loop *l);
const struct clock *loop_clock(struct loop *l); /* clock_system unless a test sets another */
void loop_set_clock(struct loop *l, const struct clock *c);
/* Catches SIGTERM, SIGINT (shutdown) and SIGHUP (reload), ignores SIGPIPE, runs until shut down. 0;
 * -VOC_E_PANIC when loop_panic() was called; -ETIMEDOUT when shutdown could not finish in time:
 * then threads may still be inside, so leave by _exit() without freeing anything they use. */
int loop_run(struct loop *l);
/* The process ends with this loop: a signal that comes once it has closed is ignored, not fatal. */
void loop_ends_process(struct loop *l);

/* A part of the daemon that takes part in shutdown: `stop` begins its stage's work and must lead to
 * loop_stopped(l, stage, ctx) being called exactly once, at once or later. */
typedef void loop_stop_fn(void *ctx);
/* -ESHUTDOWN when that stage has begun, -ENOSPC over 64 parts. `stop` is called from the loop,
 * never inside loop_shutdown(). A stage past its deadline goes on without who is late; but in
 * STOP_COMMIT and later, and while the pool still works at STOP_DELIVER, loop_run() gives up. */
int loop_on_stop(struct loop *l, enum stop_stage stage, loop_stop_fn *stop, void *ctx);
/* Takes a part out again, before its stage begins. */
void loop_off_stop(struct loop *l, enum stop_stage stage, void *ctx);
void loop_stopped(struct loop *l, enum stop_stage stage, void *ctx);
void loop_shutdown(struct loop *l); /* SIGTERM, SIGINT; again: nothing */
void loop_panic(struct loop *l,
                int error); /* ends with nonzero exit for the supervisor to restart */
bool loop_stopping(const struct loop *l);
void loop_set_stop_deadline(struct loop *l, enum stop_stage stage, int64_t ms);
/* SIGHUP: `fn`s are called in order of registration, not while stopping. -ENOSPC over 16. */
int loop_on_reload(struct loop *l, void (*fn)(void *ctx), void *ctx);

/* Runs fn on the thread pool, then done on the loop; done runs even when stopping. `cancel_status`
 * is 0, or UV_ECANCELED when fn never ran (shutdown came to STOP_DELIVER first). -ENOMEM. */
int loop_work(struct loop *l, void (*fn)(void *ctx), void (*done)(void *ctx, int cancel_status),
              void *ctx);
/* From any thread: runs fn on the loop thread, in order of posting. Never fails (the node is the
 * caller's). A thread that posts must have ended before its part reports STOP_CLOSE stopped. */
struct loop_post {
    struct loop_post *next;
    void (*fn)(struct loop_post *self);
};
void loop_post(struct loop *l, struct loop_post *node);

/* Repeating timer (repeat_ms 0: once; first_ms < 0: not started). Stopped by loop_timer_free(),
 * from inside its own fn too, or at the end of the loop, which frees what its owners did not. */
struct loop_timer;
int loop_timer_new(struct loop *l, int64_t first_ms, int64_t repeat_ms, void (*fn)(void *ctx),
                   void *ctx, struct loop_timer **ret_timer);
void loop_timer_set(struct loop_timer *t, int64_t first_ms, int64_t repeat_ms);
void loop_timer_free(struct loop_timer *t); /* NULL is fine */

#endif
