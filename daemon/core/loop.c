#include "daemon/core/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/core/log.h"

enum { PANIC_DEADLINE_MS = 5000, MAX_PARTS = 64, MAX_RELOADERS = 16 };

/* Together under systemd's 90 s (TimeoutStopSec), after which it would kill. */
static const int64_t default_deadlines[STOP_STAGES] = {
    [STOP_LISTEN] = 2000,  [STOP_INTAKE] = 20000, [STOP_DELIVER] = 5000,
    [STOP_COMMIT] = 30000, [STOP_CLOSE] = 15000,
};
static const char *const stage_names[STOP_STAGES] = {"listen", "intake", "deliver", "commit",
                                                     "close"};

struct part {
    enum stop_stage stage;
    loop_stop_fn *stop;
    void *ctx;
    bool begun, stopped;
};

struct work {
    struct loop *loop;
    struct work *prev, *next;
    uv_work_t req;
    void (*fn)(void *ctx);
    void (*done)(void *ctx, int cancel_status);
    void *ctx;
};

struct loop_timer {
    struct loop *loop;
    struct loop_timer *prev, *next;
    uv_timer_t uv;
    void (*fn)(void *ctx);
    void *ctx;
    bool freed, closed;
};

struct reloader {
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    struct clock clock;
    uv_async_t wake;
    uv_signal_t term, interrupt, hangup;
    bool ends_process;
    uv_timer_t deadline;
    _Atomic(struct loop_post *) posted; /* newest first */
    struct part parts[MAX_PARTS];
    size_t n_parts;
    struct reloader reloaders[MAX_RELOADERS];
    size_t n_reloaders;
    int64_t deadlines[STOP_STAGES];
    struct work *works;
    struct loop_timer *timers;
    struct loop_timer *closed_timers; /* closed at the end, not yet freed by their owners */
    int stage;                        /* the stage under way; -1 before, STOP_STAGES after */
    bool stop_asked, advancing, closing, closed, gave_up;
    int panic;
};

static void run_posts(struct loop *l)
{
    struct loop_post *newest = atomic_exchange(&l->posted, NULL), *first = NULL;
    while (newest) {
        struct loop_post *older = newest->next;
        newest->next = first;
        first = newest;
        newest = older;
    }
    while (first) {
        struct loop_post *next = first->next; /* fn may free the node */
        first->fn(first);
        first = next;
    }
}

/* --- stopping --- */

static void close_own(struct loop *l);
static void stage_advance(struct loop *l);

static size_t stage_waiting(const struct loop *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n_parts; i++)
        n += (int)l->parts[i].stage == l->stage && !l->parts[i].stopped;
    /* What runs on the pool may read what STOP_CLOSE takes away. */
    if (l->stage >= STOP_DELIVER && l->works)
        n++;
    return n;
}

static void cancel_works(struct loop *l)
{
    for (struct work *w = l->works; w; w = w->next)
        uv_cancel((uv_req_t *)&w->req); /* -EBUSY: it runs and will end by itself */
}

static void give_up(struct loop *l, const char *why)
{
    log_error(LOG_MAIN, "shutdown gives up", "why=%s stage=%s", why,
              l->stage < STOP_STAGES ? stage_names[l->stage] : "end");
    l->gave_up = true;
    uv_stop(&l->uv);
}

static void on_deadline(uv_timer_t *t)
{
    struct loop *l = t->data;
    if (l->stage == STOP_STAGES) {
        give_up(l, "handles-left-open");
        return;
    }
    log_warning(LOG_MAIN, "stage of shutdown took too long", "stage=%s waiting=%zu",
                stage_names[l->stage], stage_waiting(l));
    /* Neither a worker inside a transaction nor a query on the pool may lose its store: what is
     * committed is safe, so ending here is better than closing under them. */
    if (l->stage >= STOP_COMMIT || (l->stage == STOP_DELIVER && l->works)) {
        give_up(l, "deadline");
        return;
    }
    for (size_t i = 0; i < l->n_parts; i++)
        if ((int)l->parts[i].stage == l->stage)
            l->parts[i].stopped = true;
    stage_advance(l);
}

static void stage_begin(struct loop *l)
{
    int64_t ms = l->deadlines[l->stage];
    if (l->panic && ms > PANIC_DEADLINE_MS)
        ms = PANIC_DEADLINE_MS;
    log_debug(LOG_MAIN, "stopping", "stage=%s", stage_names[l->stage]);
    uv_timer_start(&l->deadline, on_deadline, (uint64_t)ms, 0);
    if (l->stage == STOP_DELIVER)
        cancel_works(l);
    for (size_t i = 0; i < l->n_parts; i++) {
        struct part *p = &l->parts[i];
        if ((int)p->stage != l->stage || p->begun)
            continue;
        p->begun = true;
        p->stop(p->ctx);
    }
}

/* A part may stop at once, from inside its stop(): the flag keeps that from starting the next stage
 * half-way through this one. */
static void stage_advance(struct loop *l)
{
    if (l->advancing || l->stage == STOP_STAGES)
        return;
    l->advancing = true;
    while (l->stage < STOP_STAGES && (l->stage < 0 || stage_waiting(l) == 0)) {
        l->stage++;
        if (l->stage < STOP_STAGES)
            stage_begin(l);
    }
    l->advancing = false;
    if (l->stage == STOP_STAGES)
        close_own(l);
}

static void on_wake(uv_async_t *a)
{
    struct loop *l = a->data;
    run_posts(l);
    if (l->stop_asked && l->stage < 0)
        stage_advance(l);
}

void loop_shutdown(struct loop *l)
{
    if (l->stop_asked)
        return;
    l->stop_asked = true;
    uv_async_send(&l->wake); /* begins from the loop, never inside the caller */
}

void loop_panic(struct loop *l, int error)
{
    log_error(LOG_MAIN, "can not go on", "error=%s", err_text(error));
    l->panic = error ? error : -VOC_E_PANIC;
    loop_shutdown(l);
}

bool loop_stopping(const struct loop *l)
{
    return l->stop_asked;
}

int loop_on_stop(struct loop *l, enum stop_stage stage, loop_stop_fn *stop, void *ctx)
{
    if (l->stage >= (int)stage)
        return -ESHUTDOWN;
    if (l->n_parts == MAX_PARTS)
        return -ENOSPC;
    l->parts[l->n_parts++] = (struct part){.stage = stage, .stop = stop, .ctx = ctx};
    return 0;
}

void loop_off_stop(struct loop *l, enum stop_stage stage, void *ctx)
{
    for (size_t i = 0; i < l->n_parts; i++) {
        struct part *p = &l->parts[i];
        if (p->stage != stage || p->ctx != ctx || p->begun)
            continue;
        memmove(p, p + 1, (l->n_parts - i - 1) * sizeof *p);
        l->n_parts--;
        return;
    }
}

void loop_stopped(struct loop *l, enum stop_stage stage, void *ctx)
{
    for (size_t i = 0; i < l->n_parts; i++) {
        struct part *p = &l->parts[i];
        if (p->stage != stage || p->ctx != ctx || p->stopped)
            continue;
        assert(p->begun);
        p->stopped = true;
        break;
    }
    if ((int)stage == l->stage)
        stage_advance(l);
}

void loop_set_stop_deadline(struct loop *l, enum stop_stage stage, int64_t ms)
{
    l->deadlines[stage] = ms;
}

/* --- signals --- */

static void on_stop_signal(uv_signal_t *s, int number)
{
    struct loop *l = s->data;
    if (!l->stop_asked)
        log_info(LOG_MAIN, "asked to stop", "signal=%d", number);
    loop_shutdown(l);
}

static void on_hangup(uv_signal_t *s, int number)
{
    (void)number;
    struct loop *l = s->data;
    for (size_t i = 0; i < l->n_reloaders && !l->stop_asked; i++)
        l->reloaders[i].fn(l->reloaders[i].ctx);
}

int loop_on_reload(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    if (l->n_reloaders == MAX_RELOADERS)
        return -ENOSPC;
    l->reloaders[l->n_reloaders++] = (struct reloader){fn, ctx};
    return 0;
}

void loop_ends_process(struct loop *l)
{
    l->ends_process = true;
}

static int catch_signals(struct loop *l)
{
    int rc = uv_signal_start(&l->term, on_stop_signal, SIGTERM);
    if (rc == 0)
        rc = uv_signal_start(&l->interrupt, on_stop_signal, SIGINT);
    if (rc == 0)
        rc = uv_signal_start(&l->hangup, on_hangup, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    return rc;
}

/* --- life --- */

static void timer_closed(uv_handle_t *h)
{
    struct loop_timer *t = h->data;
    t->closed = true;
    if (t->freed)
        free(t);
}

static void timer_unlink(struct loop_timer **list, struct loop_timer *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        *list = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->prev = t->next = NULL;
}

static void timer_link(struct loop_timer **list, struct loop_timer *t)
{
    t->prev = NULL;
    t->next = *list;
    if (t->next)
        t->next->prev = t;
    *list = t;
}

static void close_own(struct loop *l)
{
    if (l->closing)
        return;
    l->closing = true;
    run_posts(l);
    while (l->timers) {
        struct loop_timer *t = l->timers;
        timer_unlink(&l->timers, t);
        timer_link(&l->closed_timers, t);
        uv_close((uv_handle_t *)&t->uv, timer_closed);
    }
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->term, NULL);
    uv_close((uv_handle_t *)&l->interrupt, NULL);
    uv_close((uv_handle_t *)&l->hangup, NULL);
    if (l->ends_process) { /* uv has given the signals their defaults back */
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
    }
    /* The last handle: unreferenced, it only fires while something else keeps the loop alive. */
    uv_timer_start(&l->deadline, on_deadline, (uint64_t)l->deadlines[STOP_CLOSE], 0);
    uv_unref((uv_handle_t *)&l->deadline);
}

int loop_new(struct loop **ret_loop)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    int rc = uv_loop_init(&l->uv);
    if (rc < 0)
        goto fail;
    rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc < 0)
        goto fail_loop;
    uv_timer_init(&l->uv, &l->deadline);
    uv_signal_init(&l->uv, &l->term);
    uv_signal_init(&l->uv, &l->interrupt);
    uv_signal_init(&l->uv, &l->hangup);
    l->wake.data = l->deadline.data = l->term.data = l->interrupt.data = l->hangup.data = l;
    memcpy(l->deadlines, default_deadlines, sizeof l->deadlines);
    l->clock = clock_system;
    l->stage = -1;
    *ret_loop = l;
    return 0;

fail_loop:
    uv_loop_close(&l->uv);
fail:
    free(l);
    return rc;
}

static void log_left_open(uv_handle_t *h, void *arg)
{
    struct loop *l = arg;
    if (!uv_is_closing(h) && h != (uv_handle_t *)&l->deadline)
        log_error(LOG_MAIN, "handle left open", "type=%s", uv_handle_type_name(h->type));
}

int loop_run(struct loop *l)
{
    int rc = catch_signals(l);
    if (rc < 0)
        return rc;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    if (l->gave_up) {
        if (l->stage == STOP_STAGES)
            uv_walk(&l->uv, log_left_open, l);
        return l->panic ? -VOC_E_PANIC : -ETIMEDOUT;
    }
    uv_close((uv_handle_t *)&l->deadline, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    l->closed = true;
    return l->panic ? -VOC_E_PANIC : 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->gave_up) /* threads may still be inside it: the process is about to end */
        return;
    if (!l->closed) {
        close_own(l);
        uv_close((uv_handle_t *)&l->deadline, NULL);
        uv_run(&l->uv, UV_RUN_NOWAIT);
        uv_run(&l->uv, UV_RUN_NOWAIT);
    }
    int rc = uv_loop_close(&l->uv);
    if (rc != 0)
        uv_walk(&l->uv, log_left_open, l);
    assert(rc == 0);
    while (l->closed_timers) {
        struct loop_timer *t = l->closed_timers;
        timer_unlink(&l->closed_timers, t);
        free(t);
    }
    free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

const struct clock *loop_clock(struct loop *l)
{
    return &l->clock;
}

void loop_set_clock(struct loop *l, const struct clock *c)
{
    l->clock = *c;
}

/* --- work, posts, timers --- */

static void work_run(uv_work_t *req)
{
    struct work *w = req->data;
    w->fn(w->ctx);
}

static void work_done(uv_work_t *req, int status)
{
    struct work *w = req->data;
    struct loop *l = w->loop;
    if (w->prev)
        w->prev->next = w->next;
    else
        l->works = w->next;
    if (w->next)
        w->next->prev = w->prev;
    w->done(w->ctx, status);
    free(w);
    if (l->stage >= STOP_DELIVER)
        stage_advance(l);
}

int loop_work(struct loop *l, void (*fn)(void *ctx), void (*done)(void *ctx, int cancel_status),
              void *ctx)
{
    struct work *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    *w = (struct work){.loop = l, .fn = fn, .done = done, .ctx = ctx, .next = l->works};
    w->req.data = w;
    int rc = uv_queue_work(&l->uv, &w->req, work_run, work_done);
    if (rc < 0) {
        free(w);
        return rc;
    }
    if (l->works)
        l->works->prev = w;
    l->works = w;
    return 0;
}

void loop_post(struct loop *l, struct loop_post *node)
{
    struct loop_post *head = atomic_load(&l->posted);
    do
        node->next = head;
    while (!atomic_compare_exchange_weak(&l->posted, &head, node));
    uv_async_send(&l->wake);
}

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *t = uv->data;
    t->fn(t->ctx);
}

void loop_timer_set(struct loop_timer *t, int64_t first_ms, int64_t repeat_ms)
{
    if (uv_is_closing((uv_handle_t *)&t->uv))
        return;
    if (first_ms < 0)
        uv_timer_stop(&t->uv);
    else
        uv_timer_start(&t->uv, on_timer, (uint64_t)first_ms,
                       repeat_ms > 0 ? (uint64_t)repeat_ms : 0);
}

int loop_timer_new(struct loop *l, int64_t first_ms, int64_t repeat_ms, void (*fn)(void *ctx),
                   void *ctx, struct loop_timer **ret_timer)
{
    struct loop_timer *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->loop = l;
    t->fn = fn;
    t->ctx = ctx;
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    timer_link(&l->timers, t);
    loop_timer_set(t, first_ms, repeat_ms);
    *ret_timer = t;
    return 0;
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    t->freed = true;
    if (!uv_is_closing((uv_handle_t *)&t->uv)) {
        timer_unlink(&t->loop->timers, t);
        uv_close((uv_handle_t *)&t->uv, timer_closed);
        return;
    }
    timer_unlink(&t->loop->closed_timers, t);
    if (t->closed)
        free(t);
}
