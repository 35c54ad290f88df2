/* /v1/dead-letters: what could not be mapped, and its way back. A list shows no payload; whoever
 * looks at one is written down, for it is somebody's words as they came. */
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/query.h"
#include "daemon/collect/replay.h"
#include "daemon/pipeline/access.h"
#include "daemon/pipeline/dead_letter.h"

enum { DEFAULT_LIMIT = 100, MAX_LIMIT = 1000, MAX_IDS = 1000 };

/* --- list --- */

struct list {
    struct query *q;
    struct span source, code;
    size_t limit, n;
    struct span last;
    bool more;
};

static int put_letter(void *ctx, struct span key, struct span value)
{
    struct list *l = ctx;
    struct dead_letter letter;
    int rc = dead_letter_read(key, value, &l->q->arena, &letter);
    if (rc < 0)
        return rc == -VOC_E_CORRUPT ? 0 : rc;
    if ((l->source.p && !span_eq(l->source, letter.source)) ||
        (l->code.p && !span_eq(l->code, letter.code)))
        return 0;
    if (l->n == l->limit) {
        l->more = true;
        return 1;
    }
    l->n++;
    l->last = letter.id;
    dead_letter_print(&letter, false, &l->q->json, &l->q->arena);
    return 0;
}

static void dead_letters(struct query *q)
{
    int64_t limit = DEFAULT_LIMIT;
    if (!query_int(q, "limit", 1, MAX_LIMIT, &limit))
        return;
    struct list l = {.q = q,
                     .source = http_query(q->r, "source"),
                     .code = http_query(q->r, "code"),
                     .limit = (size_t)limit};
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    int rc = store_doc_each(q->view, STORE_DOC_DEAD_LETTER, http_query(q->r, "cursor"), true,
                            put_letter, &l);
    if (rc < 0 && query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    json_text(&q->json, "next_cursor", l.more ? l.last : SPAN_NONE);
    json_close(&q->json, '}');
}

void api_dead_letters(struct http_request *r)
{
    query_run(r, dead_letters);
}

/* --- one --- */

static void dead_letter(struct query *q)
{
    struct span value, id = q->r->params[0];
    struct dead_letter letter;
    int rc = store_doc_get(q->view, STORE_DOC_DEAD_LETTER, id, &q->arena, &value);
    if (rc == 0)
        rc = dead_letter_read(id, value, &q->arena, &letter);
    if (query_check(q, rc) < 0)
        return;
    q->action = "dead_letters.show";
    query_whose(q, letter.id);
    dead_letter_print(&letter, true, &q->json, &q->arena);
}

void api_dead_letter(struct http_request *r)
{
    query_run(r, dead_letter);
}

/* --- again --- */

struct again {
    struct http_request *request;
    int rc;
    struct replay_counts counts;
};

static void answer(void *ctx)
{
    struct again *a = ctx;
    const struct {
        const char *name;
        uint64_t n;
    } figures[] = {
        {"tried", a->counts.tried},
        {"mapped", a->counts.mapped},
        {"kept", a->counts.kept},
        {"skipped", a->counts.skipped},
        {"accepted", a->counts.accepted},
        {"updated", a->counts.updated},
        {"duplicates", a->counts.duplicates},
    };
    struct buf out;
    buf_init(&out, 4096);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        json_int(&j, figures[i].name, (int64_t)figures[i].n);
    json_close(&j, '}');
    if (a->rc < 0)
        http_problem(a->request, 503, a->rc == -EAGAIN ? "busy" : "not-written",
                     "%llu letters were mapped, then it ended early: ask again",
                     (unsigned long long)a->counts.mapped);
    else
        http_respond(a->request, 200, NULL, buf_span(&out));
    buf_done(&out);
    free(a);
}

/* The records that came in are shown to nobody, but who let them in is written down. */
static void replayed(void *ctx, int rc, const struct replay_counts *counts)
{
    struct again *a = ctx;
    struct app *app = a->request->app;
    struct span who = SPAN_LIT("*");
    a->rc = rc;
    a->counts = *counts;
    struct http_request *r = a->request;
    struct access_spec spec = access_of(r, SPAN_LIT("dead_letters.replay"), &who, 1);
    access_record(app->access, workspace_find(app->workspaces, r->principal.workspace), &spec,
                  answer, a);
}

static bool is_text(const json_t *v)
{
    return !v || json_is_null(v) || json_is_string(v);
}

static struct span text_of(const json_t *v)
{
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

/* False after answering. */
static bool read_ids(struct http_request *r, json_t *body, struct replay_choice *c)
{
    json_t *list = json_object_get(body, "ids"), *one = json_object_get(body, "id"), *v;
    size_t i, n = json_array_size(list) + json_is_string(one);
    struct span *ids = arena_array(r->arena, n, sizeof *ids);
    if (!is_text(one) || (list && !json_is_array(list)) || n > MAX_IDS || !ids) {
        http_problem(r, 400, "invalid", "ids: a list of at most %d texts", MAX_IDS);
        return false;
    }
    if (json_is_string(one))
        ids[c->n_ids++] = text_of(one);
    json_array_foreach(list, i, v)
    {
        if (!json_is_string(v)) {
            http_problem(r, 400, "invalid", "ids: a list of texts");
            return false;
        }
        ids[c->n_ids++] = text_of(v);
    }
    if (list && n == 0) {
        http_problem(r, 400, "invalid", "ids: there are none");
        return false;
    }
    c->ids = ids;
    return true;
}

static bool read_choice(struct http_request *r, json_t *body, struct replay_choice *c)
{
    static const char *const known[] = {"source", "code", "id", "ids"};
    const char *key;
    json_t *v;
    json_object_foreach(body, key, v)
    {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && strcmp(key, known[i]) != 0)
            i++;
        if (i == ARRAY_LEN(known)) {
            http_problem(r, 400, "unknown-field", "\"%.64s\" is not a field of this", key);
            return false;
        }
    }
    if (!is_text(json_object_get(body, "source")) || !is_text(json_object_get(body, "code"))) {
        http_problem(r, 400, "invalid", "source, code: a text");
        return false;
    }
    c->source = text_of(json_object_get(body, "source"));
    c->code = text_of(json_object_get(body, "code"));
    return read_ids(r, body, c);
}

static void start(struct http_request *r, struct workspace *ws, const struct replay_choice *c)
{
    struct again *a = calloc(1, sizeof *a);
    if (a)
        a->request = r;
    if (a && replay_start(r->app, ws, c, replayed, a) == 0)
        return;
    free(a);
    http_problem(r, 503, "busy", "no memory for this now");
}

void api_dead_letter_replay(struct http_request *r)
{
    char problem[JSON_BODY_PROBLEM];
    struct replay_choice choice = {0};
    struct workspace *ws = change_fits(r) ? change_workspace(r) : NULL;
    json_t *body = ws ? json_body(r->body, problem) : NULL;
    if (ws && !body)
        http_problem(r, 400, "malformed-json", "%s", problem);
    if (body && read_choice(r, body, &choice))
        start(r, ws, &choice);
    json_decref(body);
}

/* --- away --- */

void api_dead_letter_delete(struct http_request *r)
{
    struct edit *e = change_edit(r, EDIT_DOC);
    if (!e)
        return;
    e->doc = STORE_DOC_DEAD_LETTER;
    e->key = arena_dup(&e->arena, r->params[0]);
    change_submit(r, e, change_done);
}

/* Steps of their own, so that what comes in meanwhile does not wait for all of them. */
static void step(struct http_request *r, struct span source);

static void step_done(struct edit *e)
{
    struct http_request *r = e->user;
    if (change_failed(e))
        return;
    bool more = e->more;
    edit_free(e);
    if (more)
        step(r, http_query(r, "source"));
    else
        http_respond(r, 204, NULL, SPAN_NONE);
}

static void step(struct http_request *r, struct span source)
{
    struct edit *e = change_edit(r, EDIT_LETTERS_DROP);
    if (!e)
        return;
    e->key = arena_dup(&e->arena, source);
    change_submit(r, e, step_done);
}

void api_dead_letters_delete(struct http_request *r)
{
    struct span source = http_query(r, "source");
    if (source.n)
        step(r, source);
    else
        http_problem(r, 400, "bad-parameter", "source: whose dead letters");
}
