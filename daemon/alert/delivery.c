#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/delivery_impl.h"
#include "daemon/alert/engine_impl.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/edit.h"

enum {
    BACKOFF_MIN_MS = 1000,
    BACKOFF_MAX_MS = 5 * 60 * 1000,
    AGAIN_MS = 1000, /* after a scan or an edit that failed */
    REST_MS = 60000, /* a look from time to time, whatever the clock did */
    RESPONSE_MAX = 4096,
};
enum { SLOT_DELIVERED, SLOT_RETRIED, SLOT_DROPPED }; /* METRIC_NOTICES */

struct delivery {
    struct loop *loop;
    struct config *config;
    struct pipeline *pipeline;
    struct workspaces *workspaces;
    struct fetch *fetch;
    struct rng rng;
    struct loop_timer *timer;
    struct parcel *parcels; /* under way */
    size_t n_parcels, n_sending;
    struct scan *scan; /* running on the pool */
    bool again;        /* woken while it ran */
    int64_t planned;   /* when the timer fires, by the monotonic clock; NO_TIME: it does not */
    bool stopping, stopped;
};

static void plan(struct delivery *d, int64_t ms);
static void settle(struct parcel *p);
static void settle_stuck(struct delivery *d);

/* --- the end --- */

static void maybe_stopped(struct delivery *d)
{
    if (!d->stopping || d->stopped || d->scan || d->n_parcels)
        return;
    d->stopped = true;
    loop_stopped(d->loop, STOP_DELIVER, d);
}

/* core/fetch ends what is under way in this stage too. */
static void stop(void *ctx)
{
    struct delivery *d = ctx;
    d->stopping = true;
    settle_stuck(d);
    maybe_stopped(d);
}

/* --- what became of a notice: one edit after the other, then it is no longer under way --- */

static void finish(struct parcel *p)
{
    struct delivery *d = p->delivery;
    struct parcel **at = &d->parcels;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    d->n_parcels--;
    parcel_free(p);
    delivery_wake(d);
    maybe_stopped(d);
}

static struct edit *mark_edit(struct parcel *p, bool present)
{
    struct edit *e = edit_new(EDIT_DOC, p->ws);
    if (!e)
        return NULL;
    e->doc = STORE_DOC_ALERT_STATE;
    e->key = alert_mark_key(&p->payload.alert, p->receiver, &e->arena);
    e->value = present ? SPAN_LIT("1") : SPAN_NONE;
    if (!e->key.p) {
        edit_free(e);
        return NULL;
    }
    return e;
}

static struct edit *row_edit(struct parcel *p)
{
    struct edit *e = edit_new(p->retry ? EDIT_OUTBOX_RETRY : EDIT_OUTBOX_DONE, p->ws);
    if (!e)
        return NULL;
    e->id = p->id;
    e->due = p->due;
    e->attempts = p->attempts;
    return e;
}

/* Dropping a firing notice: the mark, then the row. Dropping its resolved one: the row, then the
 * mark. So there is no moment at which a crash would let the second through alone. */
static struct edit *next_edit(struct parcel *p, bool *ret_end)
{
    bool unmark = p->action == PARCEL_DROP_MARKED;
    *ret_end = false;
    if (p->step == 0 && p->mark)
        return mark_edit(p, true);
    if (p->step == (p->mark ? 1 : 0))
        return row_edit(p);
    if (unmark && p->step == 1)
        return mark_edit(p, false);
    *ret_end = true;
    return NULL;
}

static void edited(struct edit *e)
{
    struct parcel *p = e->user;
    if (e->command.status == 0)
        p->step++;
    else
        p->stuck = true;
    edit_free(e);
    settle(p);
}

/* What can not be written now is tried again by the timer; at shutdown it stays in the outbox and
 * goes out once more, with the same id. */
static void settle(struct parcel *p)
{
    struct delivery *d = p->delivery;
    bool end = false;
    struct edit *e = p->stuck ? NULL : next_edit(p, &end);
    if (e) {
        e->user = p;
        e->done = edited;
        if (edit_submit(d->pipeline, e) == 0)
            return;
        edit_free(e);
    }
    if (end || d->stopping) {
        finish(p);
        return;
    }
    p->stuck = true;
    plan(d, AGAIN_MS);
}

static void settle_stuck(struct delivery *d)
{
    for (struct parcel *p = d->parcels, *next; p; p = next) {
        next = p->next;
        if (p->stuck) {
            p->stuck = false;
            settle(p);
        }
    }
}

/* --- results --- */

static void log_notice(enum log_level level, const char *message, const struct parcel *p,
                       const char *why, int status)
{
    char id[UUID_TEXT], receiver[LOG_QUOTE_MAX], quoted[LOG_QUOTE_MAX];
    uuid_format(&p->id, id);
    log_line(level, LOG_ALERT, message,
             "workspace=%.*s receiver=%s notice=%s attempt=%u status=%d why=%s",
             SPAN_FMT(p->ws->id), log_quote(p->receiver, receiver, sizeof receiver), id,
             p->attempts, status, log_quote(span_str(why), quoted, sizeof quoted));
}

/* Who would be told of the end of something they never heard of is not told. */
static void drop(struct parcel *p, const char *why, int status)
{
    const struct config_receiver *r = receiver_of(p->delivery->config, p->ws, p->receiver);
    p->mark = p->is_read && p->payload.firing && (!r || r->send_resolved);
    log_notice(LOG_L_WARNING, "notice dropped", p, why, status);
    metric_add(METRIC_NOTICES, SLOT_DROPPED, 1);
    settle(p);
}

static int64_t backoff(struct delivery *d, uint32_t attempts)
{
    uint64_t chance;
    int64_t cap = BACKOFF_MIN_MS;
    for (uint32_t i = 0; i < attempts && cap < BACKOFF_MAX_MS; i++)
        cap *= 2;
    cap = cap > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : cap;
    d->rng.fill(d->rng.ctx, &chance, sizeof chance);
    return BACKOFF_MIN_MS + (int64_t)(chance % (uint64_t)(cap - BACKOFF_MIN_MS + 1));
}

static void retry(struct parcel *p, int64_t after_ms, const char *why, int status)
{
    struct delivery *d = p->delivery;
    p->attempts++;
    p->retry = true;
    p->due = clock_wall(loop_clock(d->loop)) + (after_ms >= 0 ? after_ms : backoff(d, p->attempts));
    log_notice(p->attempts == 1 ? LOG_L_WARNING : LOG_L_DEBUG, "notice not delivered: will retry",
               p, why, status);
    metric_add(METRIC_NOTICES, SLOT_RETRIED, 1);
    settle(p);
}

static void sent(void *ctx, const struct fetch_response *r)
{
    struct parcel *p = ctx;
    struct delivery *d = p->delivery;
    p->sending = false;
    d->n_sending--;
    if (r->status >= 200 && r->status < 300) { /* whatever became of the answer's body */
        metric_add(METRIC_NOTICES, SLOT_DELIVERED, 1);
        log_notice(LOG_L_DEBUG, "notice delivered", p, "", r->status);
        settle(p);
    } else if (r->status == 410) {
        drop(p, "the receiver wants no more", r->status);
    } else if (r->error == -ECANCELED && d->stopping) {
        finish(p);
    } else {
        bool slow = r->status == 429 || r->status == 503;
        int64_t after = slow ? fetch_retry_after(r, clock_wall(loop_clock(d->loop))) : -1;
        retry(p, after, r->message ? r->message : "", r->status);
    }
}

/* --- sending --- */

static int start(struct parcel *p)
{
    struct delivery *d = p->delivery;
    const struct config_receiver *r = receiver_of(d->config, p->ws, p->receiver);
    struct receiver_input in = {.receiver = r,
                                .payload = &p->payload,
                                .notice = &p->id,
                                .now = clock_wall(loop_clock(d->loop)),
                                .external_url = d->config->external_url};
    struct receiver_request out;
    if (!r)
        return -ENOENT;
    int rc = receiver_request(&in, &p->arena, &out);
    if (rc < 0)
        return rc;
    struct fetch_request request = {.method = "POST",
                                    .url = out.url,
                                    .headers = out.headers,
                                    .n_headers = out.n_headers,
                                    .body = out.body,
                                    .timeout_ms = r->timeout_ms,
                                    .max_response = RESPONSE_MAX,
                                    .proxy = d->config->proxy,
                                    .ca_file = d->config->ca_file,
                                    .allow_private = r->allow_private};
    return fetch_start(d->fetch, &request, sent, p, NULL);
}

static void dispatch(struct parcel *p)
{
    if (p->action != PARCEL_SEND) {
        drop(p, p->why, 0);
        return;
    }
    int rc = start(p);
    if (rc == 0) {
        p->sending = true;
        p->delivery->n_sending++;
    } else if (rc == -ENOENT) {
        drop(p, "no such receiver", 0);
    } else if (rc == -ESHUTDOWN) {
        finish(p);
    } else {
        retry(p, -1, err_text(rc), 0);
    }
}

static void take(struct delivery *d, struct parcel *list)
{
    for (struct parcel *p = list, *next; p; p = next) {
        next = p->next;
        p->delivery = d;
        p->next = d->parcels;
        d->parcels = p;
        d->n_parcels++;
        dispatch(p);
    }
}

/* --- scanning --- */

static void scan_free(struct scan *s)
{
    config_unref(s->config);
    arena_done(&s->arena);
    free(s);
}

static bool list_workspaces(struct scan *s, struct workspace *first)
{
    size_t n = 0;
    for (const struct workspace *ws = first; ws; ws = ws->next)
        n++;
    s->ws = arena_array(&s->arena, n, sizeof(struct workspace *));
    for (struct workspace *ws = first; s->ws && ws; ws = ws->next)
        s->ws[s->n_ws++] = ws;
    return s->ws;
}

static bool list_busy(struct scan *s, const struct parcel *first)
{
    for (const struct parcel *p = first; p; p = p->next) {
        struct span receiver = arena_dup(&s->arena, p->receiver);
        if (!receiver.p)
            return false;
        s->busy[s->n_busy++] =
            (struct scan_busy){p->ws, p->id, p->payload.alert, receiver, p->sending};
    }
    return true;
}

static struct scan *scan_new(struct delivery *d)
{
    struct scan *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    arena_init(&s->arena, 0);
    s->config = config_ref(d->config);
    s->now = clock_wall(loop_clock(d->loop));
    s->n_sending = d->n_sending;
    if (!list_workspaces(s, d->workspaces->first) || !list_busy(s, d->parcels)) {
        scan_free(s);
        return NULL;
    }
    return s;
}

static void scan_run(void *ctx)
{
    outbox_scan(((struct delivery *)ctx)->scan);
}

static void scanned(void *ctx, int cancel_status)
{
    struct delivery *d = ctx;
    struct scan *s = d->scan;
    int64_t wait = REST_MS;
    d->scan = NULL;
    if (s->error < 0)
        log_error(LOG_ALERT, "the outbox can not be read", "error=\"%s\"", err_text(s->error));
    if (s->error < 0 || cancel_status)
        wait = AGAIN_MS;
    else if (s->next_due - s->now < wait)
        wait = s->next_due - s->now;
    bool again = d->again;
    d->again = false;
    plan(d, again ? 0 : wait);
    take(d, s->parcels);
    scan_free(s);
    maybe_stopped(d);
}

static void tick(void *ctx)
{
    struct delivery *d = ctx;
    if (d->stopping || d->stopped)
        return;
    settle_stuck(d);
    if (d->scan) {
        d->again = true;
        return;
    }
    if (d->n_parcels >= DELIVERY_MAX_PARCELS) {
        plan(d, AGAIN_MS);
        return;
    }
    d->scan = scan_new(d);
    if (!d->scan || loop_work(d->loop, scan_run, scanned, d) < 0) {
        if (d->scan)
            scan_free(d->scan);
        d->scan = NULL;
        plan(d, AGAIN_MS);
    }
}

/* The sooner of what was planned and this. */
static void plan(struct delivery *d, int64_t ms)
{
    int64_t at = clock_mono(loop_clock(d->loop)) + ms;
    if (d->stopping || (ms > 0 && d->planned != NO_TIME && d->planned <= at))
        return;
    d->planned = at;
    loop_timer_set(d->timer, ms, 0);
}

static void timer_fired(void *ctx)
{
    struct delivery *d = ctx;
    d->planned = NO_TIME;
    tick(d);
}

void delivery_wake(struct delivery *d)
{
    if (d->scan)
        d->again = true;
    else
        plan(d, 0);
}

/* --- life --- */

int delivery_new(const struct delivery_config *cfg, struct delivery **ret_delivery)
{
    struct delivery *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    *d = (struct delivery){.loop = cfg->loop,
                           .config = config_ref(cfg->config),
                           .pipeline = cfg->pipeline,
                           .workspaces = cfg->workspaces,
                           .fetch = cfg->fetch,
                           .rng = cfg->rng,
                           .planned = 0};
    int rc = loop_timer_new(d->loop, 0, 0, timer_fired, d, &d->timer);
    if (rc == 0)
        rc = loop_on_stop(d->loop, STOP_DELIVER, stop, d);
    if (rc < 0) {
        loop_timer_free(d->timer);
        config_unref(d->config);
        free(d);
        return rc;
    }
    *ret_delivery = d;
    return 0;
}

void delivery_reload(struct delivery *d, struct config *config)
{
    struct config *old = d->config;
    d->config = config_ref(config);
    config_unref(old);
    delivery_wake(d);
}

void delivery_free(struct delivery *d)
{
    if (!d)
        return;
    for (struct parcel *p = d->parcels, *next; p; p = next) {
        next = p->next;
        parcel_free(p);
    }
    config_unref(d->config);
    free(d); /* its timer closed with the loop */
}
