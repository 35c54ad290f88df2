/* One page of a stream shown as it would be taken, for people who write connectors: a poll of its
 * own beside the real one, which begins where that stands, keeps nothing and is freed with its
 * answer. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/poll_impl.h"

enum { PREVIEW_MAX = 4 << 20, PREVIEW_RECORDS = 10, WHY = 200 };

struct preview {
    void (*done)(void *ctx, int rc, struct span text);
    void *ctx;
};

static void end(struct poll *s, int rc, struct span text)
{
    struct preview *p = s->preview;
    struct poll **at = &s->poller->previews;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    p->done(p->ctx, rc, text);
    loop_timer_free(s->timer);
    poll_free(s);
    free(p);
}

void preview_fail(struct poll *s, const char *why)
{
    end(s, -EINVAL, span_str(why));
}

void preview_stop(struct poller *p)
{
    while (p->previews) {
        poll_break(p->previews);
        preview_fail(p->previews, "shutting down");
    }
}

/* The address that was asked, without its secrets. */
static void put_request(struct poll *s, struct json_out *j)
{
    struct request_env env = poll_env(s);
    struct fetch_request req = {0};
    char why[WHY];
    env.masked = true;
    bool made = request_page(&env, &s->page_arena, &req, why, sizeof why) == 0;
    json_cstr(j, "method", made ? req.method : "");
    json_text(j, "url", made ? req.url : SPAN_NONE);
    if (req.body.p)
        json_raw(j, "body", req.body);
}

static void put_record(struct poll *s, struct json_out *j, json_t *record,
                       const struct item_rules *rules, struct intake *in)
{
    struct reject why;
    json_t *mapped = NULL;
    const struct stream *stream = poll_stream(s);
    struct removal removal = {record, stream->map, stream->n_map, s->source->config->source};
    bool gone = stream->deleted && expr_test(stream->deleted, record);
    int rc = gone ? item_remove(in, &removal, rules, &why)
                  : page_map(stream, record, removal.source, &mapped, &why);
    if (rc == 0 && !gone)
        rc = item_try(in, mapped, rules, &why);
    char *text = mapped ? json_dumps(mapped, JSON_COMPACT) : NULL;
    json_open(j, NULL, '{');
    if (text)
        json_raw(j, "record", span_str(text));
    else
        json_nil(j, "record");
    json_cstr(j, "code", rc == -EINVAL ? why.code : rc < 0 ? "no_memory" : gone ? "deleted" : "ok");
    if (rc == -EINVAL)
        json_cstr(j, "detail", why.detail);
    json_close(j, '}');
    free(text);
    json_decref(mapped);
}

static void put_records(struct poll *s, struct json_out *j)
{
    struct item_rules rules = item_rules(s->poller->app);
    struct intake *in = intake_new(s->ws, INTAKE_FEEDBACK);
    size_t n = json_array_size(s->page.records);
    json_open(j, "records", '[');
    for (size_t i = 0; in && i < n && i < PREVIEW_RECORDS; i++)
        put_record(s, j, json_array_get(s->page.records, i), &rules, in);
    json_close(j, ']');
    intake_free(in);
}

void preview_page(struct poll *s)
{
    struct buf out;
    char why[WHY] = "";
    buf_init(&out, PREVIEW_MAX);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    json_text(&j, "stream", poll_stream(s)->name);
    put_request(s, &j);
    json_int(&j, "found", (int64_t)s->page.facts.n);
    json_int(&j, "after_filter", (int64_t)json_array_size(s->page.records));
    put_records(s, &j);
    struct request_env env = poll_env(s);
    struct fetch_request req = {0};
    if (request_page(&env, &s->page_arena, &req, why, sizeof why) == 0)
        s->page.facts.url = req.url;
    int rc = walk_page(poll_stream(s), &s->walk, &s->page.facts, &s->page_arena, why, sizeof why);
    json_cstr(&j, "next", rc == WALK_ON ? "another page" : rc == WALK_END ? "the end" : why);
    json_close(&j, '}');
    end(s, buf_error(&out) ? -ENOMEM : 0, buf_span(&out));
    buf_done(&out);
}

void preview_mailbox(struct poll *s, struct span url, struct span command, size_t found)
{
    struct buf out;
    buf_init(&out, PREVIEW_MAX);
    struct json_out j = json_out_to(&out);
    char *records = json_dumps(s->page.records, JSON_COMPACT);
    json_open(&j, NULL, '{');
    json_text(&j, "stream", poll_stream(s)->name);
    json_text(&j, "method", command);
    json_text(&j, "url", url);
    json_int(&j, "found", (int64_t)found);
    json_int(&j, "after_filter", (int64_t)json_array_size(s->page.records));
    json_key(&j, SPAN_LIT("records"));
    json_raw(&j, NULL, records ? span_str(records) : SPAN_LIT("[]"));
    json_cstr(&j, "next", "the end");
    json_close(&j, '}');
    free(records);
    end(s, buf_error(&out) ? -ENOMEM : 0, buf_span(&out));
    buf_done(&out);
}

static int find_stream(const struct connector *c, struct span name)
{
    for (size_t i = 0; i < c->n_streams; i++)
        if (name.n == 0 || span_eq(c->streams[i].name, name))
            return (int)i;
    return -1;
}

int poll_preview(struct poll *of, struct span stream,
                 void (*done)(void *ctx, int rc, struct span text), void *ctx)
{
    int i = find_stream(of->source->connector, stream);
    if (i < 0)
        return -ENOENT;
    struct poll *s = poll_new(of->poller, of->set, of->source, of->ws);
    struct preview *p = calloc(1, sizeof *p);
    if (!s || !p) {
        if (s) {
            loop_timer_free(s->timer);
            poll_free(s);
        }
        free(p);
        return -ENOMEM;
    }
    *p = (struct preview){done, ctx};
    s->preview = p;
    s->next = s->poller->previews;
    s->poller->previews = s;
    buf_add(&s->token, buf_span(&of->token));
    s->token_until = of->token_until;
    poll_look(s, (size_t)i);
    return 0;
}
