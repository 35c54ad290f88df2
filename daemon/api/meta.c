/* What the daemon says of itself: health, readiness, metrics, vocabulary, its own description. */
#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/collect/source_state.h"
#include "daemon/format/json_out.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/pipeline.h"

enum { STALE_WORKER_MS = 30000, META_MAX = 1 << 20 };

static void answer(struct http_request *r, int status, const char *type, struct buf *out)
{
    if (buf_error(out))
        http_problem(r, 500, "internal", "the answer could not be made");
    else
        http_respond(r, status, type, buf_span(out));
    buf_done(out);
}

void api_me(struct http_request *r)
{
    struct buf out;
    buf_init(&out, META_MAX);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    json_text(&j, "workspace", r->principal.workspace);
    json_cstr(&j, "role", vocab_code(VOCAB_ROLE, r->principal.role));
    json_text(&j, "name", r->principal.name);
    json_text(&j, "token_id", r->principal.token_id);
    json_flag(&j, "masked", r->principal.role == ROLE_AGENT);
    json_close(&j, '}');
    answer(r, 200, NULL, &out);
}

static void put_vocabulary(struct json_out *j, const char *name, enum vocab v)
{
    json_open(j, name, '[');
    for (int i = 0; i < vocab_count(v); i++) {
        if (*vocab_code(v, i) == '\0')
            continue;
        json_open(j, NULL, '{');
        json_cstr(j, "code", vocab_code(v, i));
        json_cstr(j, "ko", vocab_label(v, i, LANG_KO));
        json_cstr(j, "en", vocab_label(v, i, LANG_EN));
        json_close(j, '}');
    }
    json_close(j, ']');
}

void api_vocabulary(struct http_request *r)
{
    struct buf out;
    buf_init(&out, META_MAX);
    struct json_out j = json_out_to(&out);
    json_open(&j, NULL, '{');
    put_vocabulary(&j, "kind", VOCAB_KIND);
    put_vocabulary(&j, "category", VOCAB_CATEGORY);
    put_vocabulary(&j, "category_path", VOCAB_PATH);
    put_vocabulary(&j, "type", VOCAB_TYPE);
    put_vocabulary(&j, "signal", VOCAB_SIGNAL);
    put_vocabulary(&j, "sentiment", VOCAB_SENTIMENT);
    put_vocabulary(&j, "stage", VOCAB_STAGE);
    put_vocabulary(&j, "role", VOCAB_ROLE);
    json_close(&j, '}');
    answer(r, 200, NULL, &out);
}

void api_metrics(struct http_request *r)
{
    struct buf out;
    struct app *app = r->app;
    buf_init(&out, META_MAX);
    metrics_print(&out);
    source_state_metrics(app->poller, &out);
    answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
}

void api_health(struct http_request *r)
{
    http_respond(r, 200, NULL, SPAN_LIT("{\"status\":\"ok\"}"));
}

/* Ready: the stores are open, the worker is alive, and every workspace can write. */
void api_ready(struct http_request *r)
{
    struct app *app = r->app;
    struct workspace *full = app->workspaces->first;
    while (full && !atomic_load(&full->disk_full))
        full = full->next;
    if (loop_stopping(app->loop))
        http_problem(r, 503, "stopping", "the service is stopping");
    else if (pipeline_heartbeat_age(app->pipeline) > STALE_WORKER_MS)
        http_problem(r, 503, "stuck", "the worker has not been heard of for a while");
    else if (full)
        http_problem(r, 503, "disk-full", "a workspace can not write; reading goes on");
    else
        http_respond(r, 200, NULL, SPAN_LIT("{\"status\":\"ready\"}"));
}

void api_openapi_get(struct http_request *r)
{
    http_respond(r, 200, NULL, api_openapi());
}
