#include "daemon/collect/replay.h"

#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/hook_map.h"
#include "daemon/collect/letter.h"
#include "daemon/collect/poller.h"
#include "daemon/core/metrics.h"
#include "daemon/format/json_text.h"
#include "daemon/pipeline/dead_letter.h"

enum { CHOICE_MAX = 1 << 20 };

struct replay {
    struct app *app;
    struct workspace *ws;
    struct arena arena; /* the choice */
    struct replay_choice choice;
    size_t next_id;
    char after[DEAD_LETTER_KEY]; /* the last key that was looked at */
    char until[DEAD_LETTER_KEY]; /* the newest when it began */
    bool ended;
    struct replay_counts counts;
    void (*done)(void *ctx, int rc, const struct replay_counts *counts);
    void *ctx;
    /* the chunk */
    struct item_rules rules;
    struct intake *intake;
    size_t bytes;
    /* the letter being tried */
    const struct dead_letter *letter;
    struct intake_retry *retry;
    int rc;
};

static void finish(struct replay *p, int rc)
{
    p->done(p->ctx, rc, &p->counts);
    intake_free(p->intake);
    arena_done(&p->arena);
    free(p);
}

/* --- one letter --- */

/* It keeps its place, and how often it was tried. */
static int stay(struct replay *p, const struct reject *why)
{
    struct dead_letter renewed = *p->letter;
    renewed.code = span_str(why->code);
    renewed.detail = span_str(why->detail);
    renewed.tried_at = p->rules.now;
    renewed.tries++;
    return dead_letter_write(&renewed, &p->intake->arena, &p->retry->value);
}

static int refused(void *ctx, const struct reject *why, struct span payload)
{
    struct replay *p = ctx;
    if (!payload.p)
        return stay(p, why);
    struct letter part = {
        .source = p->letter->source, .why = why, .payload = payload, .retry = p->intake->n_retries};
    return letter_add(p->intake, &part, p->rules.now, p->app->rng);
}

static int try_hook(struct replay *p, const struct config_hook *h, json_t *payload)
{
    struct hook_map map = {.config = h,
                           .rules = &p->rules,
                           .intake = p->intake,
                           .again = true,
                           .refused = refused,
                           .ctx = p};
    struct reject why;
    if (p->letter->whole)
        return hook_map_payload(&map, payload);
    int rc = hook_map_record(&map, payload, &why);
    return rc == -EINVAL ? stay(p, &why) : rc;
}

static int try_poll(struct replay *p)
{
    const struct dead_letter *l = p->letter;
    struct poll_again again = {l->source, l->stream, l->payload, l->received_at};
    struct reject why;
    int rc = poller_again(p->app->poller, p->ws, &again, &p->rules, p->intake, &why);
    return rc == -EINVAL ? stay(p, &why) : rc;
}

static int try_delivery(struct replay *p, const struct config_hook *h)
{
    struct json_problem problem;
    struct reject why;
    json_t *payload = NULL;
    int rc = json_text_parse(p->letter->payload, &payload, &problem);
    if (rc == -EINVAL) {
        reject(&why, problem.code, "%s, at line %zu, column %zu", problem.what, problem.line,
               problem.column);
        return stay(p, &why);
    }
    if (rc == 0)
        rc = try_hook(p, h, payload);
    json_decref(payload);
    return rc;
}

/* A letter without a stream's name is a webhook's. */
static int try_letter(struct replay *p, const struct dead_letter *l)
{
    const struct config_hook *h =
        l->stream.p ? NULL : hook_map_find(p->app->config, p->ws->id, l->source);
    bool polled = l->stream.p && poller_has_stream(p->app->poller, p->ws, l->source, l->stream);
    struct span key = arena_dup(&p->intake->arena, l->id);
    p->counts.tried++;
    if (!h && !polled) {
        p->counts.skipped++;
        return 0;
    }
    p->letter = l;
    p->retry = key.p ? intake_retry(p->intake, key) : NULL;
    p->bytes += l->payload.n;
    if (!p->retry)
        return -ENOMEM;
    return h ? try_delivery(p, h) : try_poll(p);
}

/* --- a chunk --- */

static bool is_chosen(const struct replay *p, const struct dead_letter *l)
{
    return (!p->choice.source.p || span_eq(p->choice.source, l->source)) &&
           (!p->choice.code.p || span_eq(p->choice.code, l->code));
}

static bool is_full(const struct replay *p)
{
    return p->intake->n_retries >= REPLAY_LETTERS || p->bytes >= REPLAY_BYTES;
}

static int take(struct replay *p, struct span key, struct span value)
{
    struct arena head;
    struct dead_letter l;
    arena_init(&head, 0);
    int rc = dead_letter_read(key, value, &head, &l);
    if (rc == 0 && is_chosen(p, &l))
        rc = try_letter(p, &l);
    arena_done(&head);
    return rc == -VOC_E_CORRUPT ? 0 : rc; /* nothing can be done with it; it ages away */
}

static int take_next(void *ctx, struct span key, struct span value)
{
    struct replay *p = ctx;
    if (span_is(key, p->after))
        return 0;
    if (is_full(p))
        return 1;
    if (span_cmp(key, span_str(p->until)) > 0) {
        p->ended = true;
        return 1;
    }
    memcpy(p->after, key.p, key.n < sizeof p->after ? key.n : sizeof p->after - 1);
    p->rc = take(p, key, value);
    return p->rc < 0;
}

static int fill_all(struct replay *p, struct store_view *view)
{
    int rc = store_doc_each(view, STORE_DOC_DEAD_LETTER, span_str(p->after), false, take_next, p);
    p->ended = p->ended || rc == 0; /* 0: it came to the end by itself */
    return rc < 0 ? rc : p->rc;
}

static int fill_ids(struct replay *p, struct store_view *view)
{
    int rc = 0;
    struct arena one;
    arena_init(&one, 256 << 20);
    while (rc == 0 && p->next_id < p->choice.n_ids && !is_full(p)) {
        struct span value, id = p->choice.ids[p->next_id++];
        arena_reset(&one);
        rc = store_doc_get(view, STORE_DOC_DEAD_LETTER, id, &one, &value);
        rc = rc == -ENOENT ? 0 : rc == 0 ? take(p, id, value) : rc;
    }
    arena_done(&one);
    p->ended = p->next_id == p->choice.n_ids;
    return rc;
}

static int fill(struct replay *p)
{
    struct store_view *view = NULL;
    int rc = store_view_begin(p->ws->store, &view);
    if (rc == 0)
        rc = p->choice.n_ids ? fill_ids(p, view) : fill_all(p, view);
    store_view_end(view);
    return rc;
}

static void step(struct replay *p);

static void count(struct replay *p, const struct intake *in)
{
    uint64_t by[OUTCOME_REJECTED + 1] = {0};
    for (size_t i = 0; i < in->n; i++)
        by[in->items[i].outcome]++;
    p->counts.accepted += by[OUTCOME_ACCEPTED];
    p->counts.updated += by[OUTCOME_UPDATED];
    p->counts.duplicates += by[OUTCOME_DUPLICATE];
    for (size_t i = 0; i < in->n_retries; i++) {
        const struct intake_retry *r = &in->retries[i];
        p->counts.skipped += r->gone;
        p->counts.kept += !r->gone && r->value.p;
        p->counts.mapped += !r->gone && !r->value.p;
        if (!r->gone)
            metric_add(METRIC_DEAD_LETTERS_RETRIED, r->value.p ? 1 : 0, 1);
    }
}

static void committed(struct intake *in)
{
    struct replay *p = in->user;
    int rc = in->command.status;
    if (rc == 0)
        count(p, in);
    if (rc < 0 || p->ended || loop_stopping(p->app->loop))
        finish(p, rc);
    else
        step(p);
}

static void step(struct replay *p)
{
    intake_free(p->intake);
    p->intake = intake_new(p->ws, INTAKE_FEEDBACK);
    p->bytes = 0;
    p->rc = 0;
    p->rules = item_rules(p->app);
    int rc = p->intake ? fill(p) : -ENOMEM;
    if (rc == 0 && p->intake->n_retries > 0) {
        p->intake->done = committed;
        p->intake->user = p;
        rc = intake_submit(p->app->pipeline, p->intake, LANE_BULK);
        if (rc == 0)
            return;
    }
    finish(p, rc);
}

/* --- the whole --- */

static int note_newest(void *ctx, struct span key, struct span value)
{
    struct replay *p = ctx;
    (void)value;
    memcpy(p->until, key.p, key.n < sizeof p->until ? key.n : sizeof p->until - 1);
    return 1;
}

static int copy_choice(struct replay *p, const struct replay_choice *c)
{
    struct span *ids = arena_array(&p->arena, c->n_ids, sizeof *ids);
    p->choice = (struct replay_choice){.source = arena_dup(&p->arena, c->source),
                                       .code = arena_dup(&p->arena, c->code),
                                       .ids = ids,
                                       .n_ids = c->n_ids};
    for (size_t i = 0; ids && i < c->n_ids; i++) {
        ids[i] = arena_dup(&p->arena, c->ids[i]);
        if (!ids[i].p)
            return -ENOMEM;
    }
    return ids && (p->choice.source.p || !c->source.p) && (p->choice.code.p || !c->code.p)
               ? 0
               : -ENOMEM;
}

int replay_start(struct app *app, struct workspace *ws, const struct replay_choice *choice,
                 void (*done)(void *ctx, int rc, const struct replay_counts *counts), void *ctx)
{
    struct store_view *view = NULL;
    struct replay *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    *p = (struct replay){.app = app, .ws = ws, .done = done, .ctx = ctx};
    arena_init(&p->arena, CHOICE_MAX);
    int rc = copy_choice(p, choice);
    if (rc == 0)
        rc = store_view_begin(ws->store, &view);
    if (rc == 0)
        rc = store_doc_each(view, STORE_DOC_DEAD_LETTER, SPAN_NONE, true, note_newest, p);
    store_view_end(view);
    if (rc < 0) {
        arena_done(&p->arena);
        free(p);
        return rc;
    }
    step(p);
    return 0;
}
