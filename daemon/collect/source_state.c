#include "daemon/collect/source_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/alert/rule.h"
#include "daemon/alert/silence.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/collect/tally.h"
#include "daemon/core/log.h"

/* --- to the switch --- */

static int sensitivity_of(struct span own, const struct config *cfg)
{
    return silence_sensitivity(own.p ? own : cfg->alert.silence);
}

struct told {
    struct arena arena;
    struct alert_source *at;
    size_t n, cap;
    const struct config *cfg;
};

static void add(struct told *t, struct span name, int sensitivity, const struct poll *s)
{
    for (size_t i = 0; i < t->n; i++)
        if (span_eq(t->at[i].name, name))
            return; /* both polled and hooked: polling says more */
    if (t->n == t->cap)
        return;
    t->at[t->n] = (struct alert_source){.name = name, .sensitivity = sensitivity};
    if (s)
        t->at[t->n].paused = s->paused;
    if (s && s->failures > 0 && s->error != ERROR_NONE)
        t->at[t->n].error = span_str(upstream_error_name(s->error));
    t->n++;
}

static void add_poll(void *ctx, struct poll *s)
{
    struct told *t = ctx;
    const struct config_source *c = s->source->config;
    add(t, c->source, sensitivity_of(c->silence, t->cfg), s);
}

static size_t count_sources(const struct poller *p, const struct workspace *ws,
                            const struct config_workspace *cw)
{
    size_t n = cw ? cw->n_hooks : 0;
    for (const struct poll *s = p->first; s; s = s->next)
        n += s->ws == ws;
    return n;
}

void source_state_tell(struct poller *p, struct workspace *ws)
{
    const struct config *cfg = p->app->config;
    const struct config_workspace *cw = config_workspace(cfg, ws->id);
    struct told t = {.cfg = cfg};
    if (!ws->alerts)
        return;
    arena_init(&t.arena, 0);
    t.cap = count_sources(p, ws, cw);
    t.at = arena_array(&t.arena, t.cap, sizeof *t.at);
    struct alert_watch w = {.sensitivity = silence_sensitivity(cfg->alert.silence),
                            .min_history_ms = cfg->alert.silence_history_ms,
                            .severity = cfg->alert.silence_severity.p,
                            .off = cw ? cw->days_off : NULL,
                            .n_off = cw ? cw->n_days_off : 0,
                            .sources = t.at};
    if (t.at)
        poller_each(p, ws, add_poll, &t);
    for (size_t i = 0; t.at && cw && i < cw->n_hooks; i++)
        add(&t, cw->hooks[i].source, sensitivity_of(cw->hooks[i].silence, cfg), NULL);
    w.n_sources = t.n;
    if (!t.at || alert_engine_set_watch(ws->alerts, &w) < 0)
        log_warning(LOG_COLLECT, "no memory to say what became of sources", "workspace=%.*s",
                    SPAN_FMT(ws->id));
    arena_done(&t.arena);
    atomic_store(&ws->alerts_due, 0); /* takes effect with the next batch: have one soon */
}

/* --- what is known --- */

struct known {
    struct arena arena;
    struct alert_source_state *at;
    size_t n, cap;
};

static void copy_state(void *ctx, const struct alert_source_state *s)
{
    struct known *k = ctx;
    if (k->n == k->cap) {
        size_t cap = k->cap ? 2 * k->cap : 32;
        struct alert_source_state *grown = arena_array(&k->arena, cap, sizeof *grown);
        if (!grown)
            return;
        if (k->n)
            memcpy(grown, k->at, k->n * sizeof *grown);
        k->at = grown;
        k->cap = cap;
    }
    k->at[k->n] = *s;
    k->at[k->n++].name = arena_dup(&k->arena, s->name);
}

static void known_read(struct known *k, const struct workspace *ws)
{
    *k = (struct known){0};
    arena_init(&k->arena, 0);
    if (ws->alerts)
        alert_engine_sources(ws->alerts, copy_state, k);
}

static const struct alert_source_state *known_find(const struct known *k, struct span name)
{
    for (size_t i = 0; i < k->n; i++)
        if (span_eq(k->at[i].name, name))
            return &k->at[i];
    return NULL;
}

/* --- GET /v1/sources --- */

static void print_arrivals(const struct alert_source_state *s, struct json_out *j)
{
    char window[ALERT_WINDOW_TEXT];
    json_time(j, "last_record_at", s ? s->last_at : NO_TIME, 0);
    json_time(j, "newest_record_at", s ? s->newest_at : NO_TIME, 0);
    json_open(j, "silence", '{');
    json_flag(j, "silent", s && s->silent);
    if (s && s->window > 0) {
        alert_window_name(s->window, window);
        json_cstr(j, "window", window);
        json_int(j, "got", (int64_t)s->got);
        json_num(j, "expected", s->expected);
    } else {
        json_nil(j, "window");
        json_nil(j, "got");
        json_nil(j, "expected");
    }
    json_close(j, '}');
}

/* One that comes by itself: "receiving" by a hook, "sent" through the API. */
static void print_comer(struct span name, const struct config_hook *hook,
                        const struct tally_counts *counts, const struct alert_source_state *known,
                        struct json_out *j)
{
    static const char *const none[] = {
        "status",       "every_seconds", "last_poll_at", "last_success_at", "last_records_at",
        "next_poll_at", "lag_seconds",   "polls",        "pages",           "error"};
    static const uint64_t nothing[OUTCOME_REJECTED + 1];
    const char *state = hook ? "receiving" : "sent";
    json_open(j, NULL, '{');
    json_text(j, "source", name);
    if (hook && hook->connector.p)
        json_text(j, "connector", hook->connector);
    else
        json_nil(j, "connector");
    json_cstr(j, "state", state);
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        json_nil(j, none[i]);
    tally_print(counts ? counts->items : nothing, counts ? counts->letters : 0, j);
    print_arrivals(known, j);
    json_close(j, '}');
}

struct print {
    struct json_out *j;
    const struct known *known;
};

static void print_poll(void *ctx, struct poll *s)
{
    struct print *p = ctx;
    json_open(p->j, NULL, '{');
    poll_print(s, p->j);
    print_arrivals(known_find(p->known, s->source->config->source), p->j);
    json_close(p->j, '}');
}

/* By the configuration in force: the switch hears of it a moment later. */
static bool is_configured(struct poller *p, const struct workspace *ws,
                          const struct config_workspace *cw, struct span name)
{
    for (size_t i = 0; cw && i < cw->n_hooks; i++)
        if (span_eq(cw->hooks[i].source, name))
            return true;
    return poller_find(p, ws, name) != NULL;
}

void source_state_print(struct poller *p, struct workspace *ws, struct json_out *j)
{
    const struct config_workspace *cw = config_workspace(p->app->config, ws->id);
    struct known known;
    known_read(&known, ws);
    struct print print = {j, &known};
    poller_each(p, ws, print_poll, &print);
    for (size_t i = 0; cw && i < cw->n_hooks; i++) {
        struct span name = cw->hooks[i].source;
        if (!poller_find(p, ws, name))
            print_comer(name, &cw->hooks[i], tally_find(p->app->tally, ws->id, name),
                        known_find(&known, name), j);
    }
    for (size_t i = 0; i < known.n; i++)
        if (known.at[i].name.p && !is_configured(p, ws, cw, known.at[i].name))
            print_comer(known.at[i].name, NULL, NULL, &known.at[i], j);
    arena_done(&known.arena);
}

/* --- metrics --- */

/* One figure of what is known of a source; false: there is none. */
typedef bool figure_fn(const struct alert_source_state *s, double *ret);

static bool seconds_of(int64_t ms, double *ret)
{
    *ret = (double)ms / MS_SECOND;
    return ms != NO_TIME;
}

static bool last_of(const struct alert_source_state *s, double *ret)
{
    return seconds_of(s->last_at, ret);
}

static bool newest_of(const struct alert_source_state *s, double *ret)
{
    return seconds_of(s->newest_at, ret);
}

static bool silent_of(const struct alert_source_state *s, double *ret)
{
    *ret = s->silent;
    return true;
}

static bool got_of(const struct alert_source_state *s, double *ret)
{
    *ret = (double)s->got;
    return s->window > 0;
}

static bool expected_of(const struct alert_source_state *s, double *ret)
{
    *ret = s->expected;
    return s->window > 0;
}

static bool window_of(const struct alert_source_state *s, double *ret)
{
    *ret = (double)s->window * 60;
    return s->window > 0;
}

static const struct figure {
    const char *name, *help;
    figure_fn *of;
} figures[] = {
    {"vocd_source_last_record_timestamp_seconds", "When a record last came in, Unix time.",
     last_of},
    {"vocd_source_newest_record_timestamp_seconds", "The newest created_at, Unix time.", newest_of},
    {"vocd_source_silent", "1 while so little comes in that an alert fires.", silent_of},
    {"vocd_source_window_seconds", "The time the next two are about.", window_of},
    {"vocd_source_got_records", "Records that came in it.", got_of},
    {"vocd_source_expected_records", "Records expected in it, by the weeks before.", expected_of},
};

/* Names of what is configured are of letters, digits, . _ and -: they need no escaping. Others may
 * be any text, and as many as senders like: they are in /v1/sources. */
static void print_figure(struct poller *p, const struct figure *f, struct buf *out)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", f->name, f->help, f->name);
    for (const struct workspace *ws = p->app->workspaces->first; ws; ws = ws->next) {
        struct known known;
        double v;
        known_read(&known, ws);
        for (size_t i = 0; i < known.n; i++) {
            if (!known.at[i].configured || !f->of(&known.at[i], &v))
                continue;
            buf_printf(out, "%s{workspace=\"%.*s\",source=\"%.*s\"} ", f->name, SPAN_FMT(ws->id),
                       SPAN_FMT(known.at[i].name));
            buf_json_f64(out, v);
            buf_char(out, '\n');
        }
        arena_done(&known.arena);
    }
}

void source_state_metrics(struct poller *p, struct buf *out)
{
    poller_metrics(p, out);
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        print_figure(p, &figures[i], out);
}
