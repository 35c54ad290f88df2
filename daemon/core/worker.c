#include "daemon/core/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"

struct queue {
    struct worker_node *first, **end;
};

struct worker {
    struct worker_config cfg;
    struct clock clock;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct queue lanes[WORKER_LANES]; /* submitted, not taken */
    struct queue finished;            /* run, not yet told to the loop */
    bool told, stopping;
    bool passed_over; /* lane 1, in the batch before */
    int64_t quick_at; /* of the last submit to lane 0; NO_TIME */
    /* The loop's own. */
    struct loop_post back, last;
    size_t queued[WORKER_LANES]; /* bytes, until done() */
    size_t nodes;
    bool stop_asked, ended;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    _Atomic int64_t beat; /* mono ms of the last sign of life */
};

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void queue_add(struct queue *q, struct worker_node *first, struct worker_node **end)
{
    *q->end = first;
    q->end = end;
}

/* Moves the first node over. */
static struct worker_node *queue_shift(struct queue *from, struct queue *to)
{
    struct worker_node *n = from->first;
    from->first = n->next;
    if (!from->first)
        from->end = &from->first;
    n->next = NULL;
    queue_add(to, n, &n->next);
    return n;
}

/* --- the thread --- */

struct room {
    size_t bytes, nodes;
};

static bool fits(const struct room *room, const struct worker_node *n)
{
    return room->nodes > 0 && n->bytes <= room->bytes;
}

static void take_one(struct queue *from, struct queue *batch, struct room *room)
{
    struct worker_node *n = queue_shift(from, batch);
    room->bytes -= n->bytes < room->bytes ? n->bytes : room->bytes;
    room->nodes -= room->nodes > 0;
}

/* Lane 0 alone, or first but with room kept for one node of lane 1. A node larger than a batch goes
 * when it is the first of its lane. */
static void take_batch(struct worker *w, struct queue *batch)
{
    struct room room = {w->cfg.batch_bytes, w->cfg.batch_nodes};
    struct queue *quick = &w->lanes[0], *bulk = &w->lanes[1], kept;
    bool both = bulk->first && (!quick->first || w->passed_over);
    queue_init(&kept);
    w->passed_over = bulk->first && !both;
    if (both)
        take_one(bulk, &kept, &room);
    if (quick->first)
        take_one(quick, batch, &room);
    while (quick->first && fits(&room, quick->first))
        take_one(quick, batch, &room);
    while (both && !worker_hurried(w) && bulk->first && fits(&room, bulk->first))
        take_one(bulk, &kept, &room);
    if (kept.first)
        queue_add(batch, kept.first, kept.end);
}

/* Waits for something to do. False when there is nothing left and will be nothing more. */
static bool wait_for_batch(struct worker *w, struct queue *batch)
{
    queue_init(batch);
    pthread_mutex_lock(&w->lock);
    while (!w->lanes[0].first && !w->lanes[1].first && !w->stopping)
        pthread_cond_wait(&w->wake, &w->lock);
    worker_beat(w);
    take_batch(w, batch);
    pthread_mutex_unlock(&w->lock);
    return batch->first != NULL;
}

static void hand_back(struct worker *w, struct worker_node *list)
{
    struct worker_node **end = &list->next;
    while (*end)
        end = &(*end)->next;
    pthread_mutex_lock(&w->lock);
    queue_add(&w->finished, list, end);
    bool tell = !w->told;
    w->told = true;
    pthread_mutex_unlock(&w->lock);
    if (tell)
        loop_post(w->cfg.loop, &w->back);
}

static void *thread_main(void *arg)
{
    struct worker *w = arg;
    struct queue batch;
    while (wait_for_batch(w, &batch)) {
        w->cfg.run(w->cfg.ctx, batch.first);
        worker_beat(w);
        hand_back(w, batch.first);
    }
    loop_post(w->cfg.loop, &w->last);
    return NULL;
}

void worker_beat(struct worker *w)
{
    atomic_store_explicit(&w->beat, clock_mono(&w->clock), memory_order_relaxed);
}

/* --- the loop --- */

/* What several batches left since the last time comes as one list, in order. */
static void on_finished(struct loop_post *post)
{
    struct worker *w = (struct worker *)((char *)post - offsetof(struct worker, back));
    pthread_mutex_lock(&w->lock);
    struct worker_node *list = w->finished.first;
    queue_init(&w->finished);
    w->told = false;
    pthread_mutex_unlock(&w->lock);
    for (const struct worker_node *n = list; n; n = n->next) {
        w->queued[n->lane] -= n->bytes;
        w->nodes--;
    }
    if (list)
        w->cfg.done(w->cfg.ctx, list);
}

static void on_ended(struct loop_post *post)
{
    struct worker *w = (struct worker *)((char *)post - offsetof(struct worker, last));
    pthread_join(w->thread, NULL);
    w->ended = true;
    if (w->stopped)
        w->stopped(w->stopped_ctx);
}

/* Signals are the loop's: the thread is born with all of them blocked. */
static int start_thread(struct worker *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&w->thread, NULL, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_setname_np(w->thread, "vocd-worker");
    return -rc;
}

int worker_new(const struct worker_config *cfg, struct worker **ret_worker)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->cfg = *cfg;
    w->clock = *loop_clock(cfg->loop);
    w->quick_at = NO_TIME;
    w->back.fn = on_finished;
    w->last.fn = on_ended;
    queue_init(&w->lanes[0]);
    queue_init(&w->lanes[1]);
    queue_init(&w->finished);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    worker_beat(w);
    int rc = start_thread(w);
    if (rc < 0) {
        w->ended = true;
        worker_free(w);
        return rc;
    }
    *ret_worker = w;
    return 0;
}

bool worker_has_room(const struct worker *w, unsigned lane, size_t bytes)
{
    size_t used = w->queued[lane], max = w->cfg.max_bytes[lane];
    return !w->stop_asked && (used == 0 || (used <= max && bytes <= max - used));
}

size_t worker_queued(const struct worker *w, unsigned lane)
{
    return w->queued[lane];
}

/* On either thread: quick_at is written under the lock, by the thread that reads without it. */
bool worker_hurried(const struct worker *w)
{
    return w->quick_at != NO_TIME && clock_mono(&w->clock) - w->quick_at < WORKER_HURRY_MS;
}

int worker_submit(struct worker *w, struct worker_node *node)
{
    if (w->stop_asked)
        return -ESHUTDOWN;
    if (!worker_has_room(w, node->lane, node->bytes))
        return -EAGAIN;
    if (w->nodes++ == 0)
        worker_beat(w); /* what came before was rest, not silence */
    w->queued[node->lane] += node->bytes;
    node->next = NULL;
    pthread_mutex_lock(&w->lock);
    queue_add(&w->lanes[node->lane], node, &node->next);
    if (node->lane == 0)
        w->quick_at = clock_mono(&w->clock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(&w->wake);
    return 0;
}

void worker_stop(struct worker *w, void (*stopped)(void *ctx), void *ctx)
{
    if (w->stop_asked)
        return;
    w->stop_asked = true;
    w->stopped = stopped;
    w->stopped_ctx = ctx;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(&w->wake);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    assert(w->ended);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int64_t worker_beat_age(const struct worker *w)
{
    if (w->nodes == 0)
        return 0;
    return clock_mono(&w->clock) - atomic_load_explicit(&w->beat, memory_order_relaxed);
}
