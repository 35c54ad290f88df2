/* Children: what a record says only when it is asked for by itself. One request at a time, within
 * the budget; the same address is asked once a poll. */
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/format/jsonpath.h"

enum { WHY = 200 };

static json_t *record_of(const struct poll *s)
{
    return json_array_get(s->page.records, s->record);
}

static const struct hydrate *hydrate_of(const struct poll *s)
{
    return &poll_stream(s)->hydrate[s->hydrate];
}

/* --- what was asked before --- */

void poll_children_forget(struct poll *s)
{
    for (size_t i = 0; i < s->n_children; i++)
        json_decref(s->children[i].answer);
    s->n_children = s->child_bytes = 0;
}

static json_t *find(const struct poll *s, uint64_t url)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->children[i].url == url)
            return s->children[i].answer;
    return NULL;
}

static void keep(struct poll *s, uint64_t url, json_t *answer, size_t bytes)
{
    if (s->n_children == CHILD_CACHE || s->child_bytes + bytes > CHILD_CACHE_BYTES)
        poll_children_forget(s);
    s->children[s->n_children++] = (struct child){url, json_incref(answer)};
    s->child_bytes += bytes;
}

/* --- one child --- */

static void next(struct poll *s)
{
    if (++s->hydrate == poll_stream(s)->n_hydrate) {
        s->hydrate = 0;
        s->record++;
    }
}

static void graft(struct poll *s, json_t *answer)
{
    const struct hydrate *h = hydrate_of(s);
    struct span take = h->take.p ? h->take : SPAN_LIT("$");
    json_t *v = jsonpath_is_list(take) ? jsonpath_all(answer, take)
                                       : json_incref(jsonpath_get(answer, take));
    if (v)
        json_object_setn_new(record_of(s), h->into.p, h->into.n, v);
}

static uint64_t print_of(struct poll *s, struct fetch_request *req, char *why)
{
    struct request_env env = poll_env(s);
    arena_reset(&s->child_arena);
    env.record = record_of(s);
    int rc = request_child(&env, hydrate_of(s), &s->child_arena, req, why, WHY);
    return rc == 0 ? XXH3_64bits(req->url.p, req->url.n) : 0;
}

static void on_child(void *ctx, const struct fetch_response *r)
{
    struct poll *s = ctx;
    const struct connector *c = s->source->connector;
    struct fetch_request req = {0};
    struct upstream_verdict v = upstream_judge(c, r, poll_wall(s));
    json_t *answer = NULL;
    char why[WHY];
    s->job = NULL;
    budget_note(&s->budget, &c->rate, r, poll_wall(s), poll_mono(s));
    if (r->status == 404 && r->error == 0 && hydrate_of(s)->optional)
        v.what = UPSTREAM_IGNORE;
    if (v.what == UPSTREAM_ANSWER &&
        page_decode(poll_stream(s), r->body, &answer, v.why, sizeof v.why) < 0)
        v = (struct upstream_verdict){UPSTREAM_RETRY, ERROR_BODY, -1, "a child is no such answer"};
    if (v.what != UPSTREAM_ANSWER && v.what != UPSTREAM_IGNORE) {
        poll_obey(s, &v, poll_children);
        return;
    }
    s->attempt = 0;
    if (answer) {
        keep(s, print_of(s, &req, why), answer, r->body.n);
        graft(s, answer);
    }
    json_decref(answer);
    next(s);
    poll_children(s);
}

/* True when the child is there, or is not wanted. */
static bool settled(struct poll *s, struct fetch_request *req)
{
    const struct hydrate *h = hydrate_of(s);
    char why[WHY];
    if (!json_is_object(record_of(s)) || (h->when && !expr_test(h->when, record_of(s))))
        return true;
    uint64_t url = print_of(s, req, why);
    json_t *before = url ? find(s, url) : NULL;
    if (before)
        graft(s, before);
    return !url || before; /* a record without an address for it has no child */
}

void poll_children(struct poll *s)
{
    struct fetch_request req = {0};
    size_t n = poll_stream(s)->n_hydrate ? json_array_size(s->page.records) : 0;
    if (poll_settle(s))
        return;
    while (s->record < n && settled(s, &req))
        next(s);
    if (s->record >= n) {
        poll_commit(s);
        return;
    }
    if (poll_has_token(s) && poll_may_ask(s, poll_children))
        poll_send(s, &req, on_child, poll_children);
}
