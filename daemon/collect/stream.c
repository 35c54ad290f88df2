#include "daemon/collect/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/body.h"
#include "daemon/collect/receipt.h"
#include "daemon/core/log.h"
#include "daemon/pipeline/workspace.h"

enum { ANSWER_MAX = 4 << 20 };

struct stream {
    struct http_request *request;
    const struct app *app;
    struct workspace *ws;
    enum intake_kind kind;
    struct body body;
    struct item_rules rules;
    struct receipt receipt;
    struct intake *filling, *flying;
    uint64_t filled_line, flown_line; /* the last of each */
    struct loop_timer *retry;
    int64_t waiting_since; /* for room in the queue; NO_TIME: not waiting */
    struct body_problem problem;
    int failure;  /* of a commit or of memory */
    bool over;    /* nothing more is read; answers once nothing flies */
    bool running; /* stream_run() is on the stack */
};

/* --- the answer --- */

/* RFC 9457, with the receipt's members beside: what was done must be told with what was not. */
static void print_problem(const struct stream *s, struct json_out *j)
{
    char type[80], title[60], instance[120];

    snprintf(type, sizeof type, "urn:vocd:problem:%s", s->problem.code);
    snprintf(title, sizeof title, "%s", s->problem.code);
    snprintf(instance, sizeof instance, "urn:vocd:request:%.*s", SPAN_FMT(s->request->id));
    for (char *p = title; *p; p++)
        if (*p == '-')
            *p = ' ';
    title[0] = (char)(title[0] - 'a' + 'A');
    json_cstr(j, "type", type);
    json_cstr(j, "title", title);
    json_int(j, "status", s->problem.status);
    json_cstr(j, "detail", s->problem.detail);
    json_cstr(j, "instance", instance);
}

static void answer(struct stream *s)
{
    struct buf b;
    struct json_out j;
    int status = s->problem.status ? s->problem.status : 200;

    buf_init(&b, ANSWER_MAX);
    j = json_out_to(&b);
    json_open(&j, NULL, '{');
    if (status != 200)
        print_problem(s, &j);
    receipt_print(&s->receipt, &j);
    json_close(&j, '}');
    if (status == 503)
        http_set_header(s->request, "Retry-After", SPAN_LIT("1"));
    if (buf_error(&b))
        http_problem(s->request, 503, "no-memory", NULL);
    else
        http_respond(s->request, status, status == 200 ? NULL : "application/problem+json",
                     buf_span(&b));
    buf_done(&b);
}

static void set_problem(struct stream *s, int status, const char *code, const char *detail)
{
    s->problem.status = status;
    s->problem.code = code;
    snprintf(s->problem.detail, sizeof s->problem.detail, "%s", detail);
}

static void find_problem(struct stream *s)
{
    if (s->problem.status)
        return;
    if (s->failure == -ENOSPC || s->failure == -EDQUOT || s->failure == -VOC_E_MAPFULL)
        set_problem(s, 503, "disk-full", "The disk is full; send it again later.");
    else if (s->failure == -EAGAIN)
        set_problem(s, 503, "busy", "The queue is full; send it again later.");
    else if (s->failure < 0)
        set_problem(s, 503, "not-committed", "Not all could be written; send it again.");
    else if (receipt_all_rejected(&s->receipt))
        set_problem(s, 422, "all-rejected", "None of the items could be taken.");
}

static void conclude(struct stream *s)
{
    find_problem(s);
    if (s->failure < 0)
        log_warning(LOG_COLLECT, "intake failed", "workspace=%.*s error=%s committed=%llu",
                    SPAN_FMT(s->ws->id), err_text(s->failure), (unsigned long long)s->receipt.n);
    answer(s);
    loop_timer_free(s->retry);
    intake_free(s->filling);
    receipt_done(&s->receipt);
    body_close(&s->body);
    free(s);
}

/* --- chunks --- */

static void land(struct stream *s, struct intake *in, uint64_t line)
{
    receipt_add(&s->receipt, in);
    s->receipt.through_line = line;
    intake_free(in);
}

static void stream_run(struct stream *s);

static void landed(struct intake *in)
{
    struct stream *s = in->user;

    s->flying = NULL;
    if (in->command.status == 0) {
        land(s, in, s->flown_line);
    } else {
        s->failure = in->command.status;
        s->over = true;
        intake_free(in);
    }
    stream_run(s);
}

static void retry(void *ctx)
{
    stream_run(ctx);
}

/* No room in the queue: a stream waits for it, unread, as long as it is reasonable. */
static int wait_for_room(struct stream *s)
{
    int64_t now = clock_mono(loop_clock(s->app->loop));

    if (s->body.form == FORM_JSON || atomic_load(&s->ws->disk_full))
        return -EAGAIN;
    if (s->waiting_since == NO_TIME)
        s->waiting_since = now;
    if (now - s->waiting_since > STREAM_PATIENCE_MS)
        return -EAGAIN;
    http_pause(s->request);
    if (s->retry) {
        loop_timer_set(s->retry, STREAM_RETRY_MS, 0);
        return 0;
    }
    return loop_timer_new(s->app->loop, STREAM_RETRY_MS, 0, retry, s, &s->retry);
}

static enum lane lane_of(const struct stream *s)
{
    bool small = s->body.form == FORM_JSON && s->body.json_bytes <= STREAM_INTERACTIVE;
    return small ? LANE_INTERACTIVE : LANE_BULK;
}

/* Sends the filling chunk off. True to go on at once. */
static bool launch(struct stream *s)
{
    struct intake *in = s->filling;
    int rc = 0;

    if (!intake_has_work(in)) {
        s->filling = NULL;
        land(s, in, s->filled_line);
        return true;
    }
    rc = intake_submit(s->app->pipeline, in, lane_of(s));
    if (rc == -EAGAIN) {
        rc = wait_for_room(s);
        if (rc == 0)
            return false;
    }
    if (rc < 0) {
        s->failure = rc;
        s->over = true;
        return false;
    }
    s->waiting_since = NO_TIME;
    s->filling = NULL;
    s->flying = in;
    s->flown_line = s->filled_line;
    return true;
}

static bool is_full(const struct stream *s)
{
    if (!s->filling || s->body.form == FORM_JSON)
        return false;
    /* What is under way must end before a webhook's turn comes. */
    size_t most = pipeline_hurried(s->app->pipeline) ? STREAM_SHORT_ITEMS : STREAM_CHUNK_ITEMS;
    return s->filling->n >= most || s->filling->arena.used >= STREAM_CHUNK_BYTES;
}

static int fill(struct stream *s)
{
    int rc;

    if (!s->filling) {
        s->filling = intake_new(s->ws, s->kind);
        if (!s->filling)
            return -ENOMEM;
        s->filling->done = landed;
        s->filling->user = s;
    }
    rc = body_next(&s->body, s->filling, &s->rules, &s->problem);
    if (rc == 1)
        s->filled_line = body_line(&s->body);
    return rc;
}

static bool fail(struct stream *s, int rc)
{
    if (rc != -EINVAL) /* then the body said why */
        s->failure = rc;
    s->over = true;
    return false;
}

/* The body is drained for now. True to go on at once. */
static bool at_end(struct stream *s)
{
    bool empty = !s->filling || s->filling->n == 0;

    if (!s->body.ended) {
        http_resume(s->request);
        return false;
    }
    if (s->flying)
        return false;
    if (!empty)
        return launch(s);
    s->over = true;
    return false;
}

/* One step; true to take another. */
static bool step(struct stream *s)
{
    int rc;

    if (is_full(s)) {
        if (!s->flying)
            return launch(s);
        http_pause(s->request);
        return false;
    }
    rc = fill(s);
    if (rc < 0)
        return fail(s, rc);
    return rc == 1 || at_end(s);
}

static void stream_run(struct stream *s)
{
    if (s->running)
        return;
    s->running = true;
    while (!s->over && step(s))
        ;
    if (!s->over && body_keep(&s->body) < 0)
        fail(s, -ENOMEM);
    s->running = false;
    if (s->over && !s->flying)
        conclude(s);
}

/* --- the request --- */

static void on_data(struct http_request *r, struct span chunk)
{
    struct stream *s = r->user;
    int rc;

    if (s->over)
        return;
    s->rules.now = clock_wall(loop_clock(s->app->loop));
    rc = body_feed(&s->body, chunk, &s->problem);
    if (rc < 0)
        fail(s, rc);
    stream_run(s);
}

static void on_end(struct http_request *r)
{
    struct stream *s = r->user;

    body_end(&s->body);
    stream_run(s);
}

static void on_abort(struct http_request *r)
{
    struct stream *s = r->user;

    if (s->over)
        return;
    if (r->abort_status == 408)
        set_problem(s, 408, "request-timeout", "The body came too slowly.");
    else if (r->abort_status == 413)
        set_problem(s, 413, "body-too-large", "The body is larger than http.max_stream.");
    else
        set_problem(s, 400, "malformed-body", "The body broke off.");
    s->over = true;
    stream_run(s);
}

/* Asked before a byte of the body is read: what is refused now need not be sent at all. */
static bool has_room(struct http_request *r, const struct app *app, const struct workspace *ws)
{
    int64_t length = STREAM_CHUNK_BYTES;
    bool known = span_to_i64(http_header(r, "content-length"), &length) == 0;
    enum lane lane = known && length <= STREAM_INTERACTIVE ? LANE_INTERACTIVE : LANE_BULK;
    size_t bytes = (size_t)(length < STREAM_CHUNK_BYTES ? length : STREAM_CHUNK_BYTES);

    if (pipeline_has_room(app->pipeline, ws, lane, bytes))
        return true;
    if (atomic_load(&ws->disk_full))
        http_problem(r, 503, "disk-full", "The disk is full; send it again later.");
    else
        http_problem(r, 503, "busy", "The queue is full; send it again later.");
    return false;
}

static int open_body(struct stream *s, struct http_request *r, bool sheets)
{
    struct body_options opt = {
        .content_type = http_header(r, "content-type"),
        .encoding = sheets ? http_query(r, "encoding") : SPAN_NONE,
        .tz = sheets ? http_query(r, "tz") : SPAN_NONE,
        .map = sheets ? http_query(r, "map") : SPAN_NONE,
        .zone = s->ws->timezone,
        .sheets = sheets,
        .max_json = s->app->config->http.max_body,
        .max_line = STREAM_MAX_LINE,
    };
    return body_open(&s->body, s->kind, &opt, &s->problem);
}

void stream_begin(struct http_request *r, enum intake_kind kind, bool sheets)
{
    const struct app *app = r->app;
    struct workspace *ws = workspace_find(app->workspaces, r->principal.workspace);
    struct stream *s;
    int rc;

    if (!ws) {
        http_problem(r, 403, "no-workspace", "The token's workspace is not served here.");
        return;
    }
    if (!has_room(r, app, ws))
        return;
    s = calloc(1, sizeof *s);
    if (!s) {
        http_problem(r, 503, "no-memory", NULL);
        return;
    }
    s->request = r;
    s->app = app;
    s->ws = ws;
    s->kind = kind;
    s->rules = item_rules(app);
    s->waiting_since = NO_TIME;
    rc = open_body(s, r, sheets);
    if (rc < 0) {
        bool told = rc == -EINVAL;
        http_problem(r, told ? s->problem.status : 503, told ? s->problem.code : "no-memory", "%s",
                     told ? s->problem.detail : "");
        free(s);
        return;
    }
    receipt_init(&s->receipt);
    r->user = s;
    r->on_data = on_data;
    r->on_end = on_end;
    r->on_abort = on_abort;
}
