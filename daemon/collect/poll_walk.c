/* The walks of one poll: stream by stream, partition by partition. */
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/core/log.h"
#include "daemon/format/json_out.h"
#include "daemon/format/jsonpath.h"

/* --- documents --- */

/* One document a stream and partition. */
struct span poll_key(const struct poll *s, struct arena *a)
{
    struct span source = s->source->config->source, stream = poll_stream(s)->name;
    const struct listing *list = &s->lists[s->stream];
    if (list->n == 0)
        return arena_printf(a, "walk/%.*s/%.*s", SPAN_FMT(source), SPAN_FMT(stream));
    return arena_printf(a, "walk/%.*s/%.*s/%.*s", SPAN_FMT(source), SPAN_FMT(stream),
                        SPAN_FMT(utf8_cut(list->values[s->partition], PARTITION_MAX_VALUE)));
}

struct span poll_rewind_key(const struct poll *s, struct arena *a)
{
    return arena_printf(a, "rewind/%.*s", SPAN_FMT(s->source->config->source));
}

/* Read into walk_arena. */
static int read_text(struct poll *s, struct span key, struct span *ret)
{
    struct store_view *view = NULL;
    int rc = store_view_begin(s->ws->store, &view);
    if (rc == 0)
        rc = store_doc_get(view, STORE_DOC_CURSOR, key, &s->walk_arena, ret);
    store_view_end(view);
    return rc;
}

int poll_document(struct poll *s)
{
    struct span text = SPAN_NONE;
    buf_reset(&s->document);
    arena_reset(&s->walk_arena);
    int rc = read_text(s, poll_key(s, &s->walk_arena), &text);
    return rc == 0 ? buf_add(&s->document, text) : rc;
}

int poll_read_walk(struct poll *s)
{
    int rc = poll_document(s);
    return rc == 0 ? walk_parse(buf_span(&s->document), &s->walk_arena, &s->walk) : rc;
}

/* The wish to begin further back: one for all walks of the source, told apart by when it was made.
 */
static int read_rewind(struct poll *s, int64_t *ret_at, int64_t *ret_from)
{
    struct walk wish;
    struct span text = SPAN_NONE;
    int rc = read_text(s, poll_rewind_key(s, &s->walk_arena), &text);
    if (rc == 0)
        rc = walk_parse(text, &s->walk_arena, &wish);
    if (rc == 0) {
        *ret_at = wish.rewound;
        *ret_from = wish.start;
    }
    return rc;
}

/* Settled at the first poll, and kept. */
int64_t poll_history(const struct poll *s)
{
    const struct stream *stream = poll_stream(s);
    int64_t back = s->source->config->start_ms;
    if (stream->cursor.kind == CURSOR_OPAQUE && back < stream->cursor.lag_ms)
        back = stream->cursor.lag_ms;
    int64_t start = poll_wall(s) - back;
    return start > 0 ? start / MS_SECOND * MS_SECOND : 0;
}

static int load_walk(struct poll *s)
{
    int64_t at = NO_TIME, from = NO_TIME;
    int rc = poll_read_walk(s);
    if (rc == -ENOENT || rc == -EINVAL)
        s->walk = walk_new(poll_history(s));
    else if (rc < 0)
        return rc;
    rc = read_rewind(s, &at, &from);
    if (rc == 0 && at != s->walk.rewound) {
        s->walk = walk_new(from);
        s->walk.rewound = at;
    }
    /* Page pointers are of the connector that made them. */
    if (s->walk.of != s->source->connector->print)
        walk_drop(&s->walk);
    s->walk.of = s->source->connector->print;
    return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
}

/* --- the end of a poll --- */

static void forget_poll(struct poll *s)
{
    if (s->job) /* a session with a mail server */
        fetch_cancel(s->job);
    s->job = NULL;
    poll_forget_page(s);
    poll_children_forget(s);
    arena_reset(&s->arena);
    arena_reset(&s->walk_arena);
    arena_reset(&s->page_arena);
    s->stream = s->partition = 0;
    s->running = s->listing = s->flawed = false;
    s->left = s->gone = 0;
}

void poll_done(struct poll *s, int64_t wait_ms)
{
    forget_poll(s);
    s->due = poll_wall(s) + wait_ms;
    bool now = s->again || s->removed || s->changed;
    wait_ms = now ? 0 : wait_ms;
    s->again = false;
    if (s->removed || s->changed || !s->paused)
        poll_after(s, wait_ms, poll_begin);
}

/* A tenth either way, so that sources of one rhythm drift apart. */
static int64_t next_round(struct poll *s)
{
    int64_t every = s->source->config->every_ms;
    return every - every / 10 + (int64_t)(poll_chance(s) % (uint64_t)(every / 5 + 1));
}

static void end_poll(struct poll *s)
{
    s->stream = 0;
    if (s->flawed) {
        s->failures++;
    } else {
        s->failures = 0;
        s->error = ERROR_NONE;
        s->last_success = s->caught_up = poll_wall(s);
    }
    poll_tell(s);
    poll_done(s, next_round(s));
}

void poll_tell_failure(struct poll *s)
{
    if (s->failures == 0 && !s->flawed)
        log_warning(LOG_COLLECT, "a poll failed", "workspace=%.*s source=%.*s stream=%.*s error=%s",
                    SPAN_FMT(s->ws->id), SPAN_FMT(s->source->config->source),
                    SPAN_FMT(poll_stream(s)->name), upstream_error_name(s->error));
}

/* --- partitions that an upstream lists --- */

void poll_lists_forget(struct poll *s)
{
    for (size_t i = 0; i < CONNECTOR_MAX_STREAMS; i++) {
        arena_done(&s->lists[i].arena);
        s->lists[i] = (struct listing){.at = NO_TIME};
        arena_init(&s->lists[i].arena, LIST_ARENA_MAX);
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

/* In one order whatever the upstream's, and each once. */
static void settle_list(struct listing *list)
{
    size_t n = 0;
    qsort(list->values, list->n, sizeof *list->values, by_bytes);
    for (size_t i = 0; i < list->n; i++)
        if (n == 0 || !span_eq(list->values[n - 1], list->values[i]))
            list->values[n++] = list->values[i];
    list->n = n;
}

/* 0; -E2BIG; -EINVAL for a value that names no partition; -ENOMEM. */
static int add_value(struct listing *list, const struct partition *p, json_t *record)
{
    json_t *v = jsonpath_get(record, p->value);
    struct span text =
        json_is_integer(v)
            ? arena_printf(&list->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(v))
            : arena_dup(&list->arena, span_of(json_string_value(v), json_string_length(v)));
    if (!json_is_integer(v) && (!json_is_string(v) || text.n == 0 || text.n > PARTITION_MAX_VALUE))
        return -EINVAL;
    if (!text.p)
        return -ENOMEM;
    if (list->n == (size_t)p->most)
        settle_list(list);
    if (list->n == (size_t)p->most)
        return -E2BIG;
    list->values[list->n++] = text;
    return 0;
}

static void begin_stream(struct poll *s);
static void begin_walk(struct poll *s);

static void listed(struct poll *s)
{
    struct listing *list = &s->lists[s->stream];
    settle_list(list);
    list->at = poll_wall(s);
    s->listing = false;
    if (list->n > 0)
        begin_walk(s);
    else if (s->preview)
        preview_fail(s, "the upstream lists no partitions");
    else
        poll_next_walk(s);
}

void poll_list_page(struct poll *s)
{
    const struct partition *p = &s->source->connector->streams[s->stream].partition;
    struct listing *list = &s->lists[s->stream];
    size_t n = json_array_size(s->page.records);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_value(list, p, json_array_get(s->page.records, i));
    if (rc == 0)
        rc = walk_page(poll_stream(s), &s->walk, &s->page.facts, &s->page_arena, s->walk_why,
                       sizeof s->walk_why);
    poll_forget_page(s);
    if (rc == WALK_END)
        listed(s);
    else if (rc == WALK_ON)
        poll_ask(s);
    else
        poll_fail(s, rc == -EPROTO ? ERROR_PAGING : ERROR_BODY, -1,
                  rc == -EPROTO   ? s->walk_why
                  : rc == -E2BIG  ? "the upstream lists more partitions than `most`"
                  : rc == -EINVAL ? "a partition's value is no text or number, or too long"
                                  : "no memory for the partitions");
}

static void begin_listing(struct poll *s, const struct partition *p)
{
    struct listing *list = &s->lists[s->stream];
    arena_reset(&list->arena);
    *list = (struct listing){.arena = list->arena, .at = NO_TIME};
    list->values = arena_array(&list->arena, (size_t)p->most, sizeof *list->values);
    if (!list->values) {
        poll_fail(s, ERROR_REQUEST, -1, "no memory for the partitions");
        return;
    }
    s->listing = true;
    s->walk = walk_new(0);
    walk_begin(p->parent, &s->walk, poll_wall(s));
    poll_ask(s);
}

/* What vanished between two lists is passed over; its position is kept, should it come back. */
bool poll_is_gone(struct poll *s, const struct fetch_response *r, const struct upstream_verdict *v)
{
    const struct listing *list = &s->lists[s->stream];
    bool gone = !s->listing && !s->preview && v->what == UPSTREAM_FAIL &&
                poll_stream(s)->partition.parent && (r->status == 404 || r->status == 410);
    return gone && ++s->gone < list->n;
}

/* --- streams and partitions --- */

void poll_next_walk(struct poll *s)
{
    poll_forget_page(s);
    s->attempt = 0;
    if (!s->listing && ++s->partition < s->lists[s->stream].n) {
        begin_walk(s);
        return;
    }
    s->listing = false;
    s->partition = 0;
    s->gone = 0;
    if (++s->stream < s->source->connector->n_streams)
        begin_stream(s);
    else
        end_poll(s);
}

/* Whether another walk may do better than the one that just failed: a survey one may not read, a
 * board that is gone. Not when the upstream is away, or we are not let in again and again. */
bool poll_leave_walk(struct poll *s)
{
    bool own = s->error == ERROR_AUTH || s->error == ERROR_STATUS || s->error == ERROR_BODY ||
               s->error == ERROR_PAGING;
    size_t n = s->lists[s->stream].n;
    bool several = s->source->connector->n_streams > 1 || (!s->listing && n > 1);
    if (s->preview || !own || !several || ++s->left > POLL_LEAVE)
        return false;
    s->flawed = true;
    s->refreshed = false;
    poll_next_walk(s);
    return true;
}

/* 0; 1 when the upstream has to be asked first. */
static int load_partitions(struct poll *s)
{
    const struct partition *p = &poll_stream(s)->partition;
    struct listing *list = &s->lists[s->stream];
    struct request_env env = poll_env(s);
    if (p->parent)
        return list->at == NO_TIME || p->every_ms == 0 || poll_wall(s) - list->at >= p->every_ms;
    if (p->n == 0)
        return 0;
    arena_reset(&list->arena);
    int rc = request_partitions(&env, &list->arena, &list->values, &list->n);
    return rc == 0 && list->n == 0 ? -ENOENT : rc;
}

static void begin_stream(struct poll *s)
{
    if (poll_is_mailbox(s)) {
        poll_mail(s);
        return;
    }
    int rc = load_partitions(s);
    if (rc < 0)
        poll_fail(s, ERROR_REQUEST, -1, "the list of partitions is empty");
    else if (rc > 0)
        begin_listing(s, &poll_stream(s)->partition);
    else
        begin_walk(s);
}

static void begin_walk(struct poll *s)
{
    if (poll_stream(s)->partition.parent && s->lists[s->stream].n == 0) {
        poll_next_walk(s); /* a list that is kept, and empty */
        return;
    }
    if (load_walk(s) < 0) {
        poll_fail(s, ERROR_COMMIT, -1, "where it was can not be read");
        return;
    }
    if (walk_begin(poll_stream(s), &s->walk, poll_wall(s)))
        poll_ask(s);
    else if (s->preview)
        preview_fail(s, "there is nothing to ask now: the next window has not begun");
    else
        poll_after(s, 0, poll_next_walk); /* not from here: there may be thousands */
}

void poll_look(struct poll *s, size_t stream)
{
    s->running = true;
    s->stream = stream;
    begin_stream(s);
}

void poll_begin(struct poll *s)
{
    s->running = true;
    s->attempt = 0;
    s->refreshed = s->flawed = s->listing = false;
    s->left = s->gone = 0;
    s->stream = s->partition = 0;
    s->last_poll = poll_wall(s);
    s->counts.polls++;
    begin_stream(s);
}
