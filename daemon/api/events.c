#include "daemon/api/events.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/api/query.h"
#include "daemon/api/show.h"
#include "daemon/core/zone.h"
#include "daemon/http/auth.h"
#include "daemon/http/http.h"
#include "daemon/pipeline/access.h"
#include "daemon/pipeline/intake.h"

enum { MAX_LISTENERS = 256, MAX_TOLD = 200, EVENT_MAX = 1 << 20, EVENTS_RECHECK_MS = 1000 };

struct listener {
    struct events *events;
    struct http_request *request;
    struct workspace *ws;
    bool masked;
    struct listener *next;
};

struct events {
    struct loop_timer *timer; /* rechecks while anybody listens */
    struct listener *first;
    size_t n;
    bool stopped;
};

static void recheck(void *ctx)
{
    events_recheck(ctx);
}

int events_new(struct loop *loop, struct events **ret_events)
{
    struct events *ev = calloc(1, sizeof *ev);
    int rc = ev ? loop_timer_new(loop, -1, 0, recheck, ev, &ev->timer) : -ENOMEM;
    if (rc < 0) {
        free(ev);
        return rc;
    }
    *ret_events = ev;
    return 0;
}

void events_free(struct events *ev)
{
    if (ev)
        loop_timer_free(ev->timer);
    free(ev);
}

void events_stop(struct events *ev)
{
    ev->stopped = true;
    for (struct listener *l = ev->first, *next; l; l = next) {
        next = l->next;
        http_events_end(l->request);
    }
}

static void closed(void *ctx)
{
    struct listener *l = ctx;
    for (struct listener **at = &l->events->first; *at; at = &(*at)->next) {
        if (*at == l) {
            *at = l->next;
            l->events->n--;
            break;
        }
    }
    if (!l->events->first)
        loop_timer_set(l->events->timer, -1, 0);
    free(l);
}

/* A stream outlives its request: its token may have been revoked, its session ended since. */
static bool may_listen(const struct listener *l)
{
    const struct app *app = l->request->app;
    return auth_in_force(app->auth, &l->request->principal, clock_wall(loop_clock(app->loop)));
}

void events_recheck(struct events *ev)
{
    for (struct listener *l = ev->first, *next; l; l = next) {
        next = l->next;
        if (!may_listen(l))
            http_events_end(l->request);
    }
}

static void tell(struct listener *l, const char *event, struct span data)
{
    if (!may_listen(l))
        http_events_end(l->request);
    else if (http_event(l->request, span_str(event), SPAN_NONE, data) < 0)
        http_events_end(l->request); /* too slow: it connects again and reads the list */
}

/* NULL: then customers are shown without a name of any kind. */
static struct handles *open_handles(const struct events *ev, const struct workspace *ws)
{
    const struct app *app = ev->first->request->app;
    unsigned char key[HANDLE_KEY];
    struct handles *h = NULL;
    if (auth_handle_key(app->auth, ws->id, key) == 0 && handles_new(key, &h) < 0)
        h = NULL;
    OPENSSL_cleanse(key, sizeof key);
    return h;
}

/* `view` for who sees it masked. */
static void tell_alert(struct events *ev, struct workspace *ws, struct span alert,
                       struct store_view *view, bool masked)
{
    struct buf out;
    struct arena a;
    buf_init(&out, EVENT_MAX);
    arena_init(&a, EVENT_MAX);
    struct json_out json = json_out_to(&out);
    struct show show = {.json = &json, .masked = masked, .arena = &a, .view = view};
    show.handles = masked ? open_handles(ev, ws) : NULL;
    if (show_alert(&show, alert) < 0)
        buf_reset(&out);
    handles_free(show.handles);
    for (struct listener *l = ev->first, *next; l && out.n > 0 && !buf_error(&out); l = next) {
        next = l->next;
        if (l->ws == ws && l->masked == masked)
            tell(l, "alert", buf_span(&out));
    }
    arena_done(&a);
    buf_done(&out);
}

static bool is_heard(const struct events *ev, const struct workspace *ws, bool masked)
{
    for (const struct listener *l = ev->first; l; l = l->next) {
        if (l->ws == ws && l->masked == masked)
            return true;
    }
    return false;
}

void events_alerts(struct events *ev, const struct pipeline_events *p)
{
    struct store_view *view = NULL;
    bool plain = is_heard(ev, p->ws, false);
    bool masked =
        p->n_alerts > 0 && is_heard(ev, p->ws, true) && store_view_begin(p->ws->store, &view) == 0;
    for (size_t i = 0; i < p->n_alerts; i++) {
        if (plain)
            tell_alert(ev, p->ws, p->alerts[i], NULL, false);
        if (masked)
            tell_alert(ev, p->ws, p->alerts[i], view, true);
    }
    store_view_end(view);
}

/* `view` for who sees it masked. */
static void tell_record(struct events *ev, struct workspace *ws, const struct stored *record,
                        struct store_view *view, bool masked)
{
    struct buf out;
    buf_init(&out, EVENT_MAX);
    struct json_out json = json_out_to(&out);
    struct zone *zone = NULL;
    if (zone_open(span_str(ws->timezone), &zone) < 0)
        return;
    struct arena a;
    arena_init(&a, EVENT_MAX);
    struct show show = {.json = &json, .masked = masked, .zone = zone, .arena = &a, .view = view};
    show.handles = masked ? open_handles(ev, ws) : NULL;
    show_feedback(&show, record, NULL);
    handles_free(show.handles);
    for (struct listener *l = ev->first, *next; l && !buf_error(&out); l = next) {
        next = l->next;
        if (l->ws == ws && l->masked == masked)
            tell(l, "feedback", buf_span(&out));
    }
    zone_close(zone);
    arena_done(&a);
    buf_done(&out);
}

void events_intake(struct events *ev, const struct intake *in)
{
    struct workspace *ws = in->command.ws;
    bool plain = is_heard(ev, ws, false), masked = is_heard(ev, ws, true);
    if (in->kind != INTAKE_FEEDBACK || (!plain && !masked))
        return;
    struct store_view *view = NULL;
    if (masked && store_view_begin(ws->store, &view) < 0)
        masked = false; /* better a row too few than a name too many */
    size_t told = 0;
    for (size_t i = 0; i < in->n && told < MAX_TOLD; i++) {
        const struct intake_item *it = &in->items[i];
        if (!it->taken || it->removal ||
            (it->outcome != OUTCOME_ACCEPTED && it->outcome != OUTCOME_UPDATED))
            continue;
        struct stored record = {.id = it->id,
                                .seq = it->seq,
                                .received_at = in->committed_at,
                                .revision = it->revision,
                                .feedback = *it->kept,
                                .analysis = *it->analysis,
                                .segments = it->segments,
                                .n_segments = it->n_segments};
        if (plain)
            tell_record(ev, ws, &record, NULL, false);
        if (masked)
            tell_record(ev, ws, &record, view, true);
        told++;
    }
    store_view_end(view);
}

/* The stream shows persons' data for as long as it is open: one access entry when it begins. */
static void begin(void *ctx)
{
    struct listener *l = ctx;
    struct events *ev = l->events;
    bool begun = false;
    if (ev->stopped)
        http_problem(l->request, 503, "stopping", "the service is stopping");
    else /* when it fails the request is gone */
        begun = http_events_begin(l->request, closed, l) == 0;
    if (!begun) {
        ev->n--;
        free(l);
        return;
    }
    if (!ev->first)
        loop_timer_set(ev->timer, EVENTS_RECHECK_MS, EVENTS_RECHECK_MS);
    l->next = ev->first;
    ev->first = l;
}

void api_stream(struct http_request *r)
{
    struct app *app = r->app;
    struct workspace *ws = workspace_find(app->workspaces, r->principal.workspace);
    struct listener *l = ws && app->events->n < MAX_LISTENERS ? calloc(1, sizeof *l) : NULL;
    if (!ws) {
        http_problem(r, 403, "no-workspace", "this token's workspace is not served here");
        return;
    }
    if (!l) {
        http_problem(r, 503, "busy", "too many streams are open");
        return;
    }
    *l = (struct listener){
        .events = app->events, .request = r, .ws = ws, .masked = r->principal.role == ROLE_AGENT};
    app->events->n++;
    struct span all = SPAN_LIT("*");
    struct access_spec spec = access_of(r, SPAN_LIT("stream.open"), &all, 1);
    access_record(app->access, ws, &spec, begin, l);
}
