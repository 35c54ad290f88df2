/* One poll of one source. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/collect/source_state.h"
#include "daemon/core/log.h"
#include "daemon/pipeline/pipeline.h"

enum { WHY = 200, FULL_MS = 1000 };

int64_t poll_wall(const struct poll *s)
{
    return clock_wall(loop_clock(s->poller->app->loop));
}

int64_t poll_mono(const struct poll *s)
{
    return clock_mono(loop_clock(s->poller->app->loop));
}

uint64_t poll_chance(const struct poll *s)
{
    uint64_t chance;
    s->poller->app->rng.fill(s->poller->app->rng.ctx, &chance, sizeof chance);
    return chance;
}

struct request_env poll_env(const struct poll *s)
{
    const struct listing *list = &s->lists[s->stream];
    struct span partition = s->listing || list->n == 0 ? SPAN_NONE : list->values[s->partition];
    return (struct request_env){.source = s->source,
                                .stream = poll_stream(s),
                                .walk = &s->walk,
                                .partition = partition,
                                .now = poll_wall(s),
                                .token = buf_span(&s->token)};
}

/* --- waiting --- */

void poll_after(struct poll *s, int64_t ms, void (*then)(struct poll *s))
{
    if (s->poller->stopping)
        return;
    s->then = then;
    loop_timer_set(s->timer, ms > 0 ? ms : 0, 0);
}

bool poll_may_ask(struct poll *s, void (*then)(struct poll *s))
{
    const struct app *app = s->poller->app;
    const struct connector *c = s->source->connector;
    if (!pipeline_has_room(app->pipeline, s->ws, LANE_BULK, c->max_response)) {
        poll_after(s, POLL_ROOM_MS, then);
        return false;
    }
    int64_t wait = budget_take(&s->budget, &c->rate, poll_mono(s));
    if (wait > 0)
        poll_after(s, wait, then);
    return wait == 0;
}

void poll_send(struct poll *s, const struct fetch_request *req, fetch_done_fn *done,
               void (*then)(struct poll *s))
{
    struct fetch_request r = *req;
    r.proxy = s->poller->app->config->proxy;
    r.ca_file = s->poller->app->config->ca_file;
    int rc = fetch_start(s->poller->app->fetch, &r, done, s, &s->job);
    if (rc == -EAGAIN)
        poll_after(s, FULL_MS, then);
    else if (rc < 0 && rc != -ESHUTDOWN)
        poll_fail(s, rc == -EACCES ? ERROR_ADDRESS : ERROR_REQUEST, -1,
                  rc == -EACCES ? "the address is private or otherwise not allowed"
                                : "the request can not be sent: address, method or header");
}

/* --- failing --- */

void poll_tell(struct poll *s)
{
    if (s->told == s->error)
        return;
    s->told = s->error;
    source_state_tell(s->poller, s->ws);
}

void poll_forget_page(struct poll *s)
{
    page_done(&s->page);
    intake_free(s->intake);
    s->intake = NULL;
    s->record = s->hydrate = 0;
}

void poll_note_error(struct poll *s, enum upstream_error error, const char *why)
{
    s->counts.errors[error]++;
    s->error = error;
    s->error_at = poll_wall(s);
    snprintf(s->error_why, sizeof s->error_why, "%s", why);
}

void poll_fail(struct poll *s, enum upstream_error error, int64_t wait_ms, const char *why)
{
    if (s->preview) {
        preview_fail(s, why);
        return;
    }
    poll_note_error(s, error, why);
    poll_tell_failure(s);
    if (wait_ms < 0 && poll_leave_walk(s))
        return;
    s->failures++;
    poll_tell(s);
    int64_t every = s->source->config->every_ms;
    int64_t most = every > POLL_FAILED_MAX_MS ? every : POLL_FAILED_MAX_MS;
    int64_t wait = upstream_backoff(every, most, s->failures, poll_chance(s));
    poll_done(s, wait_ms > wait ? wait_ms : wait);
}

/* The same again after a while, a few times; then the poll is given up. */
static void try_again(struct poll *s, const struct upstream_verdict *v,
                      void (*then)(struct poll *s))
{
    int64_t wait = upstream_backoff(s->source->config->retry_ms, POLL_BACKOFF_MAX_MS,
                                    s->attempt + 1, poll_chance(s));
    wait = v->wait_ms >= 0 ? v->wait_ms + wait / 4 : wait;
    if (++s->attempt >= POLL_ATTEMPTS || wait > POLL_BACKOFF_MAX_MS || s->preview) {
        poll_fail(s, v->error, v->wait_ms, v->why);
        return;
    }
    poll_note_error(s, v->error, v->why);
    if (v->wait_ms > 0)
        budget_block(&s->budget, poll_mono(s), v->wait_ms);
    poll_after(s, wait, then);
}

void poll_obey(struct poll *s, const struct upstream_verdict *v, void (*then)(struct poll *s))
{
    enum auth_type auth = s->source->connector->auth.type;
    bool oauth = (auth == CREDENTIAL_OAUTH2 || auth == CREDENTIAL_JWT) && !s->preview;
    bool refresh = v->what == UPSTREAM_REFRESH ||
                   (v->what == UPSTREAM_FAIL && oauth && v->error == ERROR_AUTH);
    if (refresh && oauth && !s->refreshed) {
        s->refreshed = true;
        poll_token_drop(s);
        then(s);
    } else if (v->what == UPSTREAM_RETRY) {
        try_again(s, v, then);
    } else {
        poll_fail(s, v->error, v->wait_ms, v->why);
    }
}

/* --- a page --- */

static void on_page(void *ctx, const struct fetch_response *r);

void poll_ask(struct poll *s)
{
    struct fetch_request req = {0};
    char why[WHY];
    if (poll_settle(s) || !poll_has_token(s) || !poll_may_ask(s, poll_ask))
        return;
    arena_reset(&s->page_arena);
    struct request_env env = poll_env(s);
    int rc = request_page(&env, &s->page_arena, &req, why, sizeof why);
    if (rc < 0)
        poll_fail(s, ERROR_REQUEST, -1, rc == -ENOMEM ? "no memory" : why);
    else
        poll_send(s, &req, on_page, poll_ask);
}

/* The URL that was asked, for what leads on from it; made again, for the answer knows it not. */
static struct span asked_url(struct poll *s)
{
    struct fetch_request req = {0};
    struct request_env env = poll_env(s);
    char why[WHY];
    return request_page(&env, &s->page_arena, &req, why, sizeof why) == 0 ? req.url : SPAN_NONE;
}

/* 0 with the page read; else the verdict says what to do. */
static int read_page(struct poll *s, const struct fetch_response *r, struct upstream_verdict *v)
{
    json_t *root = NULL;
    *v = (struct upstream_verdict){.what = UPSTREAM_RETRY, .error = ERROR_BODY, .wait_ms = -1};
    int rc = page_decode(poll_stream(s), r->body, &root, v->why, sizeof v->why);
    if (rc < 0)
        return rc;
    struct upstream_verdict said = upstream_judge_body(s->source->connector, r, root, poll_wall(s));
    if (said.what != UPSTREAM_ANSWER) {
        json_decref(root);
        *v = said;
        return -EPROTO;
    }
    return page_read(poll_stream(s), root, &s->page, v->why, sizeof v->why);
}

static void no_more_pages(struct poll *s)
{
    poll_forget_page(s);
    s->page.root = json_object();
    s->page.records = json_array();
    s->page.facts = (struct page_facts){.page = s->page.root, .newest = NO_MARK, .end = true};
    poll_commit(s);
}

/* The page's address is no longer good: once more from what was reached. */
static void restart_walk(struct poll *s, const struct upstream_verdict *v)
{
    bool deep = s->walk.pages > 0 || s->walk.next.p;
    if (!deep) {
        poll_fail(s, v->error, v->wait_ms, v->why);
        return;
    }
    walk_drop(&s->walk);
    walk_begin(poll_stream(s), &s->walk, poll_wall(s));
    poll_ask(s);
}

static void on_page(void *ctx, const struct fetch_response *r)
{
    struct poll *s = ctx;
    s->job = NULL;
    const struct connector *c = s->source->connector;
    budget_note(&s->budget, &c->rate, r, poll_wall(s), poll_mono(s));
    struct upstream_verdict v = upstream_judge(c, r, poll_wall(s));
    int rc = v.what == UPSTREAM_ANSWER ? read_page(s, r, &v) : -EPROTO;
    if (rc == -ENOMEM)
        poll_fail(s, ERROR_BODY, -1, "no memory for the answer");
    else if (rc < 0 && poll_is_gone(s, r, &v))
        poll_next_walk(s);
    else if (rc == 0) {
        s->attempt = 0;
        s->refreshed = false;
        s->left = 0;
        s->page.facts.link = arena_dup(&s->page_arena, fetch_header(r, "link"));
        poll_children(s);
    } else if (v.what == UPSTREAM_IGNORE)
        no_more_pages(s);
    else if (v.what == UPSTREAM_RESTART)
        restart_walk(s, &v);
    else
        poll_obey(s, &v, poll_ask);
}

/* --- to disk --- */

static void committed(struct intake *in);

void poll_submit(struct poll *s)
{
    int rc = intake_submit(s->poller->app->pipeline, s->intake, LANE_BULK);
    if (rc == -EAGAIN) {
        poll_after(s, POLL_ROOM_MS, poll_submit);
    } else if (rc < 0) {
        poll_forget_page(s);
    } else {
        s->committing = true;
    }
}

/* The walk after this page, as it is going to be on disk. False when nothing would change. */
static bool note_walk(struct poll *s)
{
    struct intake *in = s->intake;
    struct buf text;
    buf_init(&text, WALK_MAX_DOC);
    walk_print(&s->walk, &text);
    bool same = span_eq(buf_span(&text), buf_span(&s->document));
    if (!same && !buf_error(&text)) {
        in->cursor.key = poll_key(s, &in->arena);
        in->cursor.value = arena_dup(&in->arena, buf_span(&text));
    }
    buf_done(&text);
    return !same;
}

static int fill(struct poll *s)
{
    struct item_rules rules = item_rules(s->poller->app);
    s->intake = intake_new(s->ws, INTAKE_FEEDBACK);
    if (!s->intake)
        return -ENOMEM;
    s->intake->done = committed;
    s->intake->user = s;
    return page_take(poll_stream(s), &s->page, s->source->config->source, &rules,
                     s->poller->app->rng, s->intake);
}

static void go_on(struct poll *s)
{
    poll_forget_page(s);
    if (s->walk_failed)
        poll_fail(s, ERROR_PAGING, -1, s->walk_why);
    else if (s->walk.under_way)
        poll_ask(s);
    else
        poll_next_walk(s);
}

void poll_commit(struct poll *s)
{
    if (s->listing) {
        s->page.facts.url = asked_url(s);
        poll_list_page(s);
        return;
    }
    if (s->preview) {
        preview_page(s);
        return;
    }
    if (fill(s) < 0) {
        poll_fail(s, ERROR_BODY, -1, "no memory for the records");
        return;
    }
    s->page.facts.url = asked_url(s);
    int rc = walk_page(poll_stream(s), &s->walk, &s->page.facts, &s->page_arena, s->walk_why,
                       sizeof s->walk_why);
    s->walk_failed = rc < 0;
    s->counts.pages++;
    bool moved = note_walk(s);
    if (moved || intake_has_work(s->intake))
        poll_submit(s);
    else
        go_on(s);
}

int poll_count(struct poll *s)
{
    const struct intake *in = s->intake;
    s->committing = false;
    for (size_t i = 0; i < in->n && in->command.status == 0; i++)
        s->counts.items[in->items[i].outcome]++;
    if (in->command.status == 0)
        s->counts.letters += in->n_kept_letters;
    if (in->n > 0 && in->command.status == 0)
        s->last_new = in->committed_at;
    return in->command.status;
}

/* What is on disk is what the next page goes on from. */
static void committed(struct intake *in)
{
    struct poll *s = in->user;
    struct walk before = s->walk;
    int rc = poll_count(s);
    if (rc == 0) {
        rc = poll_read_walk(s) == 0 ? 0 : -EIO;
        memcpy(s->walk.prints, before.prints, sizeof before.prints);
    }
    if (s->poller->stopping) {
        poll_forget_page(s);
        return;
    }
    if (rc < 0) {
        poll_forget_page(s);
        poll_fail(s, ERROR_COMMIT, -1, err_text(rc));
    } else {
        go_on(s);
    }
}
