#include "tests/lib/intake_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/pipeline/explain.h"

static struct intake_rig *the;

/* --- in place of pipeline.h --- */

int pipeline_submit(struct pipeline *p, struct command *c)
{
    (void)p;
    if (the->refusals) {
        the->refusals--;
        return -EAGAIN;
    }
    assert_true(the->n_queue < ARRAY_LEN(the->queue));
    the->sizes[the->submits++ % ARRAY_LEN(the->sizes)] = intake_of(c)->n;
    the->queue[the->n_queue++] = c;
    return 0;
}

bool pipeline_has_room(const struct pipeline *p, const struct workspace *ws, enum lane lane,
                       size_t bytes)
{
    (void)p, (void)ws, (void)lane, (void)bytes;
    return !the->no_room;
}

bool pipeline_hurried(const struct pipeline *p)
{
    (void)p;
    return the->hurried;
}

int alert_observe(struct alert_batch *b, const struct where_record *record, const struct uuid *id,
                  const struct stored *previous)
{
    (void)b, (void)id;
    assert_non_null(record->feedback);
    assert_non_null(record->analysis);
    the->observed++;
    the->observed_previous += previous != NULL;
    return 0;
}

static int transact(struct intake_rig *rig, struct command *c)
{
    struct apply_env env = {.ws = &rig->workspace, .now = rig->time.wall};
    int rc = store_begin(rig->workspace.store, rig->time.wall, &env.txn);

    assert_int_equal(rc, 0);
    if (rig->rerun) {
        assert_int_equal(c->ops->apply(c, &env), 0);
        store_abort(env.txn);
        rig->observed = rig->observed_previous = 0;
        assert_int_equal(store_begin(rig->workspace.store, rig->time.wall, &env.txn), 0);
    }
    rc = c->ops->apply(c, &env);
    if (rc == 0)
        rc = rig->fail_with;
    rig->fail_with = 0;
    if (rc == 0)
        return store_commit(env.txn);
    store_abort(env.txn);
    return rc;
}

bool intake_rig_run(struct intake_rig *rig)
{
    struct prepare_env env = {.now = rig->time.wall};
    struct command *c = rig->queue[0];

    if (rig->n_queue == 0)
        return false;
    memmove(rig->queue, rig->queue + 1, --rig->n_queue * sizeof *rig->queue);
    c->ops->prepare(c, &env);
    c->status = transact(rig, c);
    c->ops->done(c);
    return true;
}

/* --- in place of http.h --- */

static struct span find(const struct pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (span_is(pairs[i].key, name))
            return pairs[i].value;
    return SPAN_NONE;
}

size_t http_header_count(const struct http_request *r, const char *name)
{
    size_t n = 0;
    (void)r;
    for (size_t i = 0; i < the->n_headers; i++)
        n += span_is(the->headers[i].key, name);
    return n;
}

struct span http_header(const struct http_request *r, const char *name)
{
    (void)r;
    return find(the->headers, the->n_headers, name);
}

struct span http_query(const struct http_request *r, const char *name)
{
    (void)r;
    return find(the->query, the->n_query, name);
}

void http_set_header(struct http_request *r, const char *name, struct span value)
{
    (void)r;
    if (strcmp(name, "Retry-After") == 0)
        snprintf(the->retry_after, sizeof the->retry_after, "%.*s", SPAN_FMT(value));
}

void http_respond(struct http_request *r, int status, const char *type, struct span body)
{
    assert_ptr_equal(r, &the->request);
    the->answers++;
    the->status = status;
    snprintf(the->type, sizeof the->type, "%s", type ? type : "application/json");
    json_decref(the->answer);
    the->answer = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    /* The request is gone: whoever still looks at it shall find nothing. */
    memset(r, 0, sizeof *r);
}

void http_problem(struct http_request *r, int status, const char *code, const char *detail_fmt, ...)
{
    struct buf b;
    char detail[400] = "";
    va_list ap;

    va_start(ap, detail_fmt);
    if (detail_fmt)
        vsnprintf(detail, sizeof detail, detail_fmt, ap);
    va_end(ap);
    buf_init(&b, 0);
    buf_printf(&b, "{\"type\":\"urn:vocd:problem:%s\",\"status\":%d,\"detail\":", code, status);
    buf_json_str(&b, span_str(detail));
    buf_char(&b, '}');
    if (status == 503)
        http_set_header(r, "Retry-After", SPAN_LIT("1"));
    http_respond(r, status, "application/problem+json", buf_span(&b));
    buf_done(&b);
}

void http_pause(struct http_request *r)
{
    (void)r;
    the->paused = true;
}

void http_resume(struct http_request *r)
{
    (void)r;
    the->paused = false;
}

/* --- the rig --- */

struct intake_rig *intake_rig_new(void)
{
    struct intake_rig *rig = calloc(1, sizeof *rig);
    char message[200];

    assert_non_null(rig);
    the = rig;
    rig->time = (struct test_clock){RIG_NOW, 1000};
    rig->clock = test_clock(&rig->time);
    rig->chance = 7;
    rig->config.intake.max_text = 64 * 1024;
    rig->config.intake.max_id = 512;
    rig->config.intake.max_attributes = 64;
    rig->config.intake.max_attribute_bytes = 8 * 1024;
    rig->config.intake.max_future_ms = 10 * MS_MINUTE;
    rig->config.http.max_body = 64 * 1024;
    rig->workspace_config.id = SPAN_LIT("w1");
    rig->config.workspaces = &rig->workspace_config;
    rig->config.n_workspaces = 1;
    struct store_config cfg = {.dir = test_dir(),
                               .workspace = SPAN_LIT("w1"),
                               .map_size = (size_t)64 << 20,
                               .create = true,
                               .trace_fd = -1,
                               .rng = test_rng(&rig->chance)};
    int rc = store_open(&cfg, message, sizeof message, &rig->workspace.store);
    if (rc < 0)
        fail_msg("store: %s", message);
    rig->workspace.id = SPAN_LIT("w1");
    rig->workspace.timezone = (char *)"Asia/Seoul";
    rig->set.first = &rig->workspace;
    rig->app.config = &rig->config;
    rig->app.workspaces = &rig->set;
    rig->app.rng = test_rng(&rig->chance);
    assert_int_equal(loop_new(&rig->app.loop), 0);
    loop_set_clock(rig->app.loop, &rig->clock);
    return rig;
}

static int close_loop(struct loop *l)
{
    loop_shutdown(l);
    int rc = loop_run(l);
    loop_free(l);
    return rc;
}

void intake_rig_free(struct intake_rig *rig)
{
    assert_int_equal(rig->n_queue, 0);
    assert_int_equal(close_loop(rig->app.loop), 0);
    store_close(rig->workspace.store);
    json_decref(rig->answer);
    free(rig);
    the = NULL;
}

struct http_request *intake_rig_request(struct intake_rig *rig, const char *content_type)
{
    rig->request = (struct http_request){.method = "POST",
                                         .id = SPAN_LIT("r1"),
                                         .principal = {.workspace = SPAN_LIT("w1")},
                                         .app = &rig->app};
    rig->n_headers = rig->n_query = 0;
    rig->answers = 0;
    rig->submits = 0;
    rig->observed = rig->observed_previous = 0;
    rig->status = 0;
    rig->paused = false;
    rig->retry_after[0] = '\0';
    if (content_type)
        intake_rig_header(rig, "content-type", content_type);
    return &rig->request;
}

void intake_rig_header(struct intake_rig *rig, const char *name, const char *value)
{
    assert_true(rig->n_headers < ARRAY_LEN(rig->headers));
    rig->headers[rig->n_headers++] = (struct pair){span_str(name), span_str(value)};
}

void intake_rig_query(struct intake_rig *rig, const char *name, const char *value)
{
    assert_true(rig->n_query < ARRAY_LEN(rig->query));
    rig->query[rig->n_query++] = (struct pair){span_str(name), span_str(value)};
}

void intake_rig_data(struct intake_rig *rig, const void *p, size_t n)
{
    char *copy = malloc(n + 1);

    assert_non_null(copy);
    memcpy(copy, p, n);
    if (rig->request.on_data)
        rig->request.on_data(&rig->request, span_of(copy, n));
    free(copy);
}

void intake_rig_end(struct intake_rig *rig)
{
    if (rig->request.on_end)
        rig->request.on_end(&rig->request);
}

void intake_rig_abort(struct intake_rig *rig, int status)
{
    rig->request.abort_status = status;
    if (rig->request.on_abort)
        rig->request.on_abort(&rig->request);
}

void intake_rig_tick(struct intake_rig *rig)
{
    uv_run(loop_uv(rig->app.loop), UV_RUN_ONCE);
}

int64_t intake_rig_count(const struct intake_rig *rig, const char *name)
{
    const json_t *v = json_object_get(rig->answer, name);
    return json_is_integer(v) ? json_integer_value(v) : -1;
}

const char *intake_rig_code(const struct intake_rig *rig, size_t i)
{
    const json_t *item = json_array_get(json_object_get(rig->answer, "rejected"), i);
    const char *code = json_string_value(json_object_get(item, "code"));
    return code ? code : "";
}
