#include "daemon/collect/poller.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/mailbox.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/collect/source_state.h"
#include "daemon/collect/tally.h"
#include "daemon/core/log.h"
#include "daemon/format/json_text.h"
#include "daemon/pipeline/edit.h"

enum { FIRST_MS = 10000, TOKEN_MAX = 8192, PAGE_ARENA_MAX = 96 << 20 };

/* --- one source --- */

static void on_timer(void *ctx)
{
    struct poll *s = ctx;
    if (!s->poller->stopping && s->then)
        s->then(s);
}

struct poll *poll_new(struct poller *p, struct source_set *set, const struct source *source,
                      struct workspace *ws)
{
    struct poll *s = calloc(1, sizeof *s);
    if (!s || loop_timer_new(p->app->loop, -1, 0, on_timer, s, &s->timer) < 0) {
        free(s);
        return NULL;
    }
    s->poller = p;
    s->set = source_set_ref(set);
    s->source = source;
    s->ws = ws;
    s->last_poll = s->last_success = s->last_new = s->due = s->caught_up = NO_TIME;
    s->error_at = NO_TIME;
    arena_init(&s->arena, 1 << 20);
    for (size_t i = 0; i < CONNECTOR_MAX_STREAMS; i++) {
        s->lists[i].at = NO_TIME;
        arena_init(&s->lists[i].arena, LIST_ARENA_MAX);
    }
    arena_init(&s->walk_arena, 1 << 20);
    arena_init(&s->page_arena, PAGE_ARENA_MAX);
    arena_init(&s->child_arena, 1 << 20);
    buf_init(&s->document, WALK_MAX_DOC);
    buf_init(&s->token, TOKEN_MAX);
    buf_init(&s->refresh, TOKEN_MAX);
    return s;
}

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_done(b);
}

void poll_free(struct poll *s)
{
    if (s->job)
        fetch_cancel(s->job);
    poll_forget_page(s);
    poll_children_forget(s);
    poll_lists_forget(s);
    arena_done(&s->arena);
    arena_done(&s->walk_arena);
    arena_done(&s->page_arena);
    arena_done(&s->child_arena);
    buf_done(&s->document);
    free(s->mail);
    wipe(&s->token);
    wipe(&s->refresh);
    source_set_unref(s->set);
    free(s);
}

bool poll_break(struct poll *s)
{
    if (s->job)
        fetch_cancel(s->job);
    s->job = NULL;
    s->then = NULL;
    loop_timer_set(s->timer, -1, 0);
    return !s->committing && s->saving == 0;
}

/* Soon, but not all at once. */
static void schedule_first(struct poll *s)
{
    int64_t every = s->source->config->every_ms;
    int64_t within = every < FIRST_MS ? every : FIRST_MS, wait;
    wait = (int64_t)(poll_chance(s) % (uint64_t)(within + 1));
    s->due = poll_wall(s) + wait;
    if (!s->paused)
        poll_after(s, wait, poll_begin);
}

static struct span pause_key(const struct poll *s, struct arena *a)
{
    return arena_printf(a, "source-paused/%.*s", SPAN_FMT(s->source->config->source));
}

static void load_pause(struct poll *s)
{
    struct store_view *view = NULL;
    struct span value;
    if (store_view_begin(s->ws->store, &view) == 0)
        s->paused =
            store_doc_get(view, STORE_DOC_SETTING, pause_key(s, &s->arena), &s->arena, &value) == 0;
    store_view_end(view);
    arena_reset(&s->arena);
}

static int add(struct poller *p, struct source_set *set, const struct source *source)
{
    struct workspace *ws = workspace_find(p->app->workspaces, source->workspace);
    struct poll *s = ws ? poll_new(p, set, source, ws) : NULL;
    if (!s)
        return ws ? -ENOMEM : 0;
    s->next = p->first;
    p->first = s;
    load_pause(s);
    schedule_first(s);
    return 0;
}

/* --- the set --- */

static const struct source *same_source(const struct source_set *set, const struct poll *s)
{
    for (size_t i = 0; i < set->n; i++)
        if (span_eq(set->sources[i].workspace, s->ws->id) &&
            span_eq(set->sources[i].config->source, s->source->config->source))
            return &set->sources[i];
    return NULL;
}

static void unlink_poll(struct poll *s)
{
    struct poll **at = &s->poller->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    loop_timer_free(s->timer);
    poll_free(s);
}

/* The definition a reload brought; its place in the old one is of no use any more. */
static void take_up(struct poll *s)
{
    const struct source *now = same_source(s->poller->set, s);
    s->changed = false;
    poll_forget_page(s);
    poll_children_forget(s);
    poll_token_drop(s);
    s->refresh_known = false;
    s->budget = (struct budget){0};
    s->failures = 0;
    poll_lists_forget(s);
    s->stream = s->partition = 0;
    s->running = s->listing = false;
    source_set_ref(s->poller->set);
    source_set_unref(s->set);
    s->set = s->poller->set;
    s->source = now;
    schedule_first(s);
}

bool poll_settle(struct poll *s)
{
    if (s->poller->stopping)
        return true;
    if (s->preview || !(s->removed || s->changed || s->paused))
        return false;
    if (!poll_break(s))
        return true;
    if (s->removed)
        unlink_poll(s);
    else if (s->changed)
        take_up(s);
    else
        poll_done(s, s->source->config->every_ms);
    return true;
}

/* Unchanged ones only move over to the new set, so that the old one can go. */
static void move_over(struct poll *s, struct source_set *set)
{
    const struct source *now = same_source(set, s);
    if (!now) {
        s->removed = true;
        log_info(LOG_COLLECT, "source removed", "workspace=%.*s source=%.*s", SPAN_FMT(s->ws->id),
                 SPAN_FMT(s->source->config->source));
    } else if (now->print != s->source->print || s->running) {
        s->changed = true;
    } else {
        source_set_ref(set);
        source_set_unref(s->set);
        s->set = set;
        s->source = now;
        return;
    }
    if (poll_break(s))
        poll_settle(s);
}

static void tell_all(struct poller *p)
{
    for (struct workspace *ws = p->app->workspaces->first; ws; ws = ws->next)
        source_state_tell(p, ws);
}

int poller_reload(struct poller *p, struct source_set *set)
{
    struct poll *after;
    int rc = 0;
    source_set_unref(p->set);
    p->set = source_set_ref(set);
    for (struct poll *s = p->first; s; s = after) {
        after = s->next;
        if (!s->removed)
            move_over(s, set);
    }
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        struct workspace *ws = workspace_find(p->app->workspaces, set->sources[i].workspace);
        if (!ws || !poller_find(p, ws, set->sources[i].config->source))
            rc = add(p, set, &set->sources[i]);
    }
    tell_all(p);
    return rc;
}

struct poll *poller_find(struct poller *p, const struct workspace *ws, struct span source)
{
    for (struct poll *s = p->first; s; s = s->next)
        if (s->ws == ws && !s->removed && span_eq(s->source->config->source, source))
            return s;
    return NULL;
}

/* --- what came before --- */

static const struct stream *find_stream(const struct poll *s, struct span stream)
{
    const struct connector *c = s ? s->source->connector : NULL;
    for (size_t i = 0; c && i < c->n_streams; i++)
        if (span_eq(c->streams[i].name, stream) || c->n_streams == 1)
            return &c->streams[i];
    return NULL;
}

bool poller_has_stream(struct poller *p, const struct workspace *ws, struct span source,
                       struct span stream)
{
    return find_stream(poller_find(p, ws, source), stream) != NULL;
}

static int record_again(const struct stream *stream, const struct poll_again *again,
                        const struct item_rules *rules, struct intake *in, struct reject *why)
{
    struct json_problem problem;
    json_t *record = NULL;
    int rc = json_text_parse(again->payload, &record, &problem);
    if (rc == -EINVAL)
        return reject(why, problem.code, "%s, at line %zu, column %zu", problem.what, problem.line,
                      problem.column);
    if (rc == 0)
        rc = page_take_one(stream, record, again->source, rules, in, why);
    json_decref(record);
    return rc;
}

int poller_again(struct poller *p, const struct workspace *ws, const struct poll_again *again,
                 const struct item_rules *rules, struct intake *in, struct reject *why)
{
    struct poll *s = poller_find(p, ws, again->source);
    const struct stream *stream = find_stream(s, again->stream);
    if (!stream)
        return -ENOENT;
    if (poll_is_mailbox(s))
        return poll_mail_again(s, again->payload, again->received_at, in, rules, why);
    return record_again(stream, again, rules, in, why);
}

void poller_each(struct poller *p, const struct workspace *ws, void (*fn)(void *ctx, struct poll *),
                 void *ctx)
{
    for (struct poll *s = p->first; s; s = s->next)
        if (s->ws == ws && !s->removed)
            fn(ctx, s);
}

/* --- life --- */

static void stop(void *ctx)
{
    struct poller *p = ctx;
    p->stopping = true;
    for (struct poll *s = p->first; s; s = s->next)
        poll_break(s);
    preview_stop(p);
    loop_stopped(p->app->loop, STOP_LISTEN, p);
}

int poller_new(struct app *app, struct source_set *set, struct poller **ret_poller)
{
    struct poller *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->app = app;
    p->set = source_set_ref(set);
    int rc = loop_on_stop(app->loop, STOP_LISTEN, stop, p);
    for (size_t i = 0; i < set->n && rc == 0; i++)
        rc = add(p, set, &set->sources[i]);
    if (rc < 0)
        loop_off_stop(app->loop, STOP_LISTEN, p);
    if (rc < 0) {
        poller_free(p);
        return rc;
    }
    tell_all(p);
    *ret_poller = p;
    return 0;
}

void poller_free(struct poller *p)
{
    if (!p)
        return;
    while (p->first) {
        struct poll *s = p->first;
        p->first = s->next;
        poll_free(s); /* its timer closed with the loop */
    }
    source_set_unref(p->set);
    free(p);
}

/* --- what people ask for --- */

void poll_now(struct poll *s)
{
    if (s->running || s->poller->stopping) {
        s->again = true;
        return;
    }
    poll_after(s, 0, poll_begin);
}

struct wish {
    struct poll *poll;
    bool pause;
    void (*done)(void *ctx, int rc);
    void *ctx;
};

static void wish_done(struct edit *e)
{
    struct wish *w = e->user;
    struct poll *s = w->poll;
    int rc = e->command.status;
    bool rewind = e->doc == STORE_DOC_CURSOR;
    s->saving--;
    edit_free(e);
    w->done(w->ctx, rc);
    if (rc == 0 && !rewind && s->paused != w->pause) {
        s->paused = w->pause;
        source_state_tell(s->poller, s->ws);
        if (!s->paused && !s->running)
            poll_now(s);
    }
    free(w);
    if (rewind && !s->poller->stopping && !s->removed) {
        s->changed = true;
        if (poll_break(s))
            poll_settle(s);
    } else if (s->removed || s->changed || (s->paused && s->running)) {
        poll_settle(s);
    }
}

static struct edit *wish(struct poll *s, enum store_doc doc, bool pause,
                         void (*done)(void *ctx, int rc), void *ctx)
{
    struct edit *e = edit_new(EDIT_DOC, s->ws);
    struct wish *w = calloc(1, sizeof *w);
    if (!e || !w) {
        edit_free(e);
        free(w);
        return NULL;
    }
    *w = (struct wish){s, pause, done, ctx};
    e->doc = doc;
    e->done = wish_done;
    e->user = w;
    return e;
}

static int submit(struct poll *s, struct edit *e)
{
    int rc = edit_submit(s->poller->app->pipeline, e);
    if (rc < 0) {
        free(e->user);
        edit_free(e);
        return rc;
    }
    s->saving++;
    return 0;
}

int poll_pause(struct poll *s, bool pause, void (*done)(void *ctx, int rc), void *ctx)
{
    struct edit *e = wish(s, STORE_DOC_SETTING, pause, done, ctx);
    if (!e)
        return -ENOMEM;
    e->key = pause_key(s, &e->arena);
    e->value = pause ? SPAN_LIT("1") : SPAN_NONE;
    return submit(s, e);
}

int poll_rewind(struct poll *s, int64_t from, void (*done)(void *ctx, int rc), void *ctx)
{
    struct walk walk = walk_new(from);
    struct buf text;
    if (s->running)
        return -EBUSY;
    walk.rewound = poll_wall(s);
    struct edit *e = wish(s, STORE_DOC_CURSOR, false, done, ctx);
    if (!e)
        return -ENOMEM;
    buf_init(&text, WALK_MAX_DOC);
    if (poll_is_mailbox(s))
        mailbox_print(&(struct mailbox_position){.start = from}, &text);
    else
        walk_print(&walk, &text);
    e->key = poll_is_mailbox(s) ? poll_key(s, &e->arena) : poll_rewind_key(s, &e->arena);
    e->value = arena_dup(&e->arena, buf_span(&text));
    buf_done(&text);
    return submit(s, e);
}

/* --- what is told of them --- */

static const char *state_of(const struct poll *s)
{
    if (s->paused)
        return "paused";
    if (s->failures > 0)
        return "failing";
    return s->running ? "polling" : "waiting";
}

/* Also what came by a hook of the same name: both are one source. */
static struct poll_counts counts_of(const struct poll *s)
{
    struct poll_counts all = s->counts;
    const struct tally_counts *hook =
        tally_find(s->poller->app->tally, s->ws->id, s->source->config->source);
    for (unsigned o = 0; hook && o <= OUTCOME_REJECTED; o++)
        all.items[o] += hook->items[o];
    all.letters += hook ? hook->letters : 0;
    return all;
}

static void print_counts(const struct poll *s, struct json_out *j)
{
    struct poll_counts all = counts_of(s);
    tally_print(all.items, all.letters, j);
    json_int(j, "polls", (int64_t)all.polls);
    json_int(j, "pages", (int64_t)all.pages);
}

static int64_t lag_of(const struct poll *s)
{
    return s->caught_up == NO_TIME ? NO_TIME : poll_wall(s) - s->caught_up;
}

void poll_print(struct poll *s, struct json_out *j)
{
    const struct connector *c = s->source->connector;
    int64_t lag = lag_of(s);
    json_text(j, "source", s->source->config->source);
    json_text(j, "connector", c->name);
    json_text(j, "status", c->status);
    json_cstr(j, "state", state_of(s));
    json_int(j, "every_seconds", s->source->config->every_ms / MS_SECOND);
    json_time(j, "last_poll_at", s->last_poll, 0);
    json_time(j, "last_success_at", s->last_success, 0);
    json_time(j, "last_records_at", s->last_new, 0);
    json_time(j, "next_poll_at", s->running || s->paused ? NO_TIME : s->due, 0);
    if (lag == NO_TIME)
        json_nil(j, "lag_seconds");
    else
        json_num(j, "lag_seconds", (double)lag / MS_SECOND);
    print_counts(s, j);
    if (s->error == ERROR_NONE) {
        json_nil(j, "error");
    } else {
        json_open(j, "error", '{');
        json_cstr(j, "code", upstream_error_name(s->error));
        json_cstr(j, "detail", s->error_why);
        json_time(j, "at", s->error_at, 0);
        json_int(j, "failed_polls", s->failures);
        json_close(j, '}');
    }
}

/* --- metrics --- */

static void label(struct buf *out, const struct poll *s, const char *name, const char *more)
{
    buf_printf(out, "%s{workspace=\"%.*s\",source=\"%.*s\"%s} ", name, SPAN_FMT(s->ws->id),
               SPAN_FMT(s->source->config->source), more);
}

static void seconds(const struct poller *p, struct buf *out, const char *name, const char *help,
                    int64_t (*of)(const struct poll *s))
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
    for (const struct poll *s = p->first; s; s = s->next) {
        int64_t ms = of(s);
        if (ms == NO_TIME)
            continue;
        label(out, s, name, "");
        buf_printf(out, "%" PRId64 ".%03d\n", ms / 1000, (int)(ms % 1000));
    }
}

static int64_t success_of(const struct poll *s)
{
    return s->last_success;
}

static void print_outcomes(struct buf *out, struct span workspace, struct span source,
                           const uint64_t items[OUTCOME_REJECTED + 1])
{
    static const char *const names[] = {"accepted", "updated", "duplicate", "rejected"};
    for (unsigned o = 0; o <= OUTCOME_REJECTED; o++)
        buf_printf(out,
                   "vocd_source_records_total{workspace=\"%.*s\",source=\"%.*s\",outcome=\"%s\"} "
                   "%" PRIu64 "\n",
                   SPAN_FMT(workspace), SPAN_FMT(source), names[o], items[o]);
}

static bool is_polled(const struct poller *p, const struct tally_counts *c)
{
    for (const struct poll *s = p->first; s; s = s->next)
        if (span_eq(s->ws->id, c->workspace) && span_eq(s->source->config->source, c->source))
            return true;
    return false;
}

static void print_items(const struct poller *p, struct buf *out)
{
    buf_str(out, "# HELP vocd_source_records_total Records by what became of them.\n"
                 "# TYPE vocd_source_records_total counter\n");
    for (const struct poll *s = p->first; s; s = s->next) {
        struct poll_counts all = counts_of(s);
        print_outcomes(out, s->ws->id, s->source->config->source, all.items);
    }
    for (const struct tally_counts *c = tally_first(p->app->tally); c; c = c->next)
        if (!is_polled(p, c))
            print_outcomes(out, c->workspace, c->source, c->items);
}

static void print_letters(const struct poller *p, struct buf *out)
{
    static const char name[] = "vocd_source_dead_letters_total";
    buf_printf(out, "# HELP %s Records kept because they could not be mapped.\n# TYPE %s counter\n",
               name, name);
    for (const struct poll *s = p->first; s; s = s->next) {
        label(out, s, name, "");
        buf_printf(out, "%" PRIu64 "\n", counts_of(s).letters);
    }
    for (const struct tally_counts *c = tally_first(p->app->tally); c; c = c->next)
        if (!is_polled(p, c))
            buf_printf(out, "%s{workspace=\"%.*s\",source=\"%.*s\"} %" PRIu64 "\n", name,
                       SPAN_FMT(c->workspace), SPAN_FMT(c->source), c->letters);
}

static void print_errors(const struct poller *p, struct buf *out)
{
    char more[64];
    buf_str(out, "# HELP vocd_source_errors_total Failed requests of polls by kind.\n"
                 "# TYPE vocd_source_errors_total counter\n");
    for (const struct poll *s = p->first; s; s = s->next) {
        for (unsigned e = 1; e < UPSTREAM_ERROR_COUNT; e++) {
            snprintf(more, sizeof more, ",error=\"%s\"", upstream_error_name(e));
            label(out, s, "vocd_source_errors_total", more);
            buf_printf(out, "%" PRIu64 "\n", s->counts.errors[e]);
        }
    }
}

void poller_metrics(const struct poller *p, struct buf *out)
{
    seconds(p, out, "vocd_source_last_success_timestamp_seconds",
            "When a poll last came to its end, Unix time.", success_of);
    seconds(p, out, "vocd_source_lag_seconds", "Time since all that there was had been read.",
            lag_of);
    print_items(p, out);
    print_letters(p, out);
    print_errors(p, out);
}
