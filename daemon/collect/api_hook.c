#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "daemon/collect/api_intake.h"
#include "daemon/collect/hook_map.h"
#include "daemon/collect/letter.h"
#include "daemon/format/json_text.h"
#include "daemon/format/jsonpath.h"
#include "daemon/collect/receipt.h"
#include "daemon/collect/tally.h"
#include "daemon/format/signature.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/pipeline/workspace.h"

enum { ANSWER_MAX = 4 << 20, MAX_DELIVERY = 256, DELIVERY_SLOTS = 16384 };

struct hook {
    struct http_request *request;
    const struct app *app;
    struct config *snapshot; /* a reference: `config` lives in it */
    const struct config_hook *config;
    struct workspace *ws;
    struct item_rules rules;
    struct intake *intake;
};

/* --- who sent it --- */

/* What is sent twice says nothing for sure. */
static struct span header_of(void *ctx, const char *name)
{
    return http_header_count(ctx, name) == 1 ? http_header(ctx, name) : SPAN_NONE;
}

/* Where senders that can not sign put their secret. */
static struct span token_of(const struct http_request *r)
{
    struct span bearer = SPAN_LIT("Bearer "), given = http_header(r, "authorization");

    if (given.n > bearer.n && span_eq_nocase(span_of(given.p, bearer.n), bearer))
        return span_trim(span_of(given.p + bearer.n, given.n - bearer.n));
    given = http_header(r, "x-vocd-token");
    return given.n ? given : http_query(r, "token");
}

/* A secret as it is, in a header of the sender's choice. */
static struct span plain_secret(struct http_request *r, const struct config_hook *c)
{
    struct span given = header_of(r, c->own.header.p);

    if (!span_starts(given, c->own.prefix))
        return SPAN_NONE;
    return span_trim(span_of(given.p + c->own.prefix.n, given.n - c->own.prefix.n));
}

static int authenticate(struct http_request *r, const struct config_hook *c, int64_t now)
{
    struct signature_headers headers = {header_of, r};

    if (c->scheme == HOOK_NONE)
        return 0;
    if (c->scheme == HOOK_TOKEN || c->scheme == HOOK_HEADER) {
        struct span given = c->scheme == HOOK_TOKEN ? token_of(r) : plain_secret(r, c);
        return signature_token(given, c->secrets, c->n_secrets) ? 0 : -EACCES;
    }
    return signature_verify(c->signature, c->secrets, c->n_secrets, c->tolerance_ms, now, &headers,
                            r->body);
}

/* For paths that lead nowhere: the work a wrong signature costs, so that the time taken does not
 * tell an unknown source from a known one. */
static void pretend(struct http_request *r, int64_t now)
{
    static const struct span secret = {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 38};
    struct config_hook nobody = {.scheme = HOOK_NAMED,
                                 .signature = signature_find(SPAN_LIT("standard")),
                                 .secrets = &secret,
                                 .n_secrets = 1};

    (void)authenticate(r, &nobody, now);
}

/* Counted as rejected, kept as a dead letter. */
static int bury(void *ctx, const struct reject *why, struct span payload)
{
    struct hook *h = ctx;
    struct letter letter = {.source = h->config->source,
                            .why = why,
                            .payload = payload.p ? payload : h->request->body,
                            .whole = !payload.p};
    return letter_add(h->intake, &letter, h->rules.now, h->app->rng);
}

/* --- deliveries that come again --- */

/* The id of a delivery, where its sender gives one. */
static struct span delivery_of(struct hook *h, json_t *payload)
{
    struct span from = h->config->dedupe;
    json_t *v;

    if (from.n == 0 || from.p[0] != '$')
        return from.n ? header_of(h->request, from.p) : SPAN_NONE;
    v = jsonpath_get(payload, from);
    if (json_is_integer(v))
        return arena_printf(&h->intake->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    return span_of(json_string_value(v), json_string_length(v));
}

static int note_delivery(struct hook *h, json_t *payload)
{
    struct arena *a = &h->intake->arena;
    struct span id = delivery_of(h, payload);
    struct intake_letter *d = &h->intake->delivery;

    if (id.n == 0 || id.n > MAX_DELIVERY)
        return 0;
    d->value = arena_dup(a, id);
    d->key = arena_printf(a, "seen/%.*s/%llx", SPAN_FMT(h->config->source),
                          (unsigned long long)(XXH3_64bits(id.p, id.n) % DELIVERY_SLOTS));
    return d->key.p && d->value.p ? 0 : -ENOMEM;
}

/* Some senders try a new address before they use it. True when that was answered. */
static bool shake_hands(struct hook *h, json_t *payload)
{
    struct span reply = h->config->handshake_reply;
    char name[64];

    if (!h->config->handshake || !expr_test(h->config->handshake, payload))
        return false;
    if (span_starts(reply, SPAN_LIT("{h:"))) {
        snprintf(name, sizeof name, "%.*s", (int)reply.n - 4, reply.p + 3);
        reply = header_of(h->request, name);
    } else {
        json_t *v = jsonpath_get(payload, reply);
        reply = span_of(json_string_value(v), json_string_length(v));
    }
    http_respond(h->request, 200, "text/plain; charset=utf-8", reply.p ? reply : SPAN_LIT(""));
    return true;
}

/* 0; 1 when it was answered already; -ENOMEM. */
static int take_payload(struct hook *h)
{
    struct hook_map map = {
        .config = h->config, .rules = &h->rules, .intake = h->intake, .refused = bury, .ctx = h};
    struct json_problem problem;
    struct reject why;
    json_t *payload;
    int rc;

    /* Some senders try a new address with nothing in hand. */
    if (span_trim(h->request->body).n == 0)
        return 0;
    rc = json_text_parse(h->request->body, &payload, &problem);
    if (rc == -EINVAL) {
        reject(&why, problem.code, "%s, at line %zu, column %zu", problem.what, problem.line,
               problem.column);
        return bury(h, &why, SPAN_NONE);
    }
    if (rc < 0)
        return rc;
    if (shake_hands(h, payload))
        rc = 1;
    if (rc == 0)
        rc = note_delivery(h, payload);
    if (rc == 0)
        rc = hook_map_payload(&map, payload);
    json_decref(payload);
    return rc;
}

/* --- the answer --- */

static void hook_free(struct hook *h)
{
    intake_free(h->intake);
    config_unref(h->snapshot);
    free(h);
}

static void refuse(struct hook *h, int rc)
{
    bool full = atomic_load(&h->ws->disk_full);

    log_warning(LOG_COLLECT, "webhook not committed", "workspace=%.*s source=%.*s error=%s",
                SPAN_FMT(h->ws->id), SPAN_FMT(h->config->source), err_text(rc));
    http_problem(h->request, 503,
                 full            ? "disk-full"
                 : rc == -EAGAIN ? "busy"
                                 : "not-committed",
                 "The payload could not be written; send it again later.");
    hook_free(h);
}

/* A payload nobody can map will not map better the second time: the sender is told 2xx. */
static void accept_payload(struct hook *h)
{
    struct receipt receipt;
    struct buf b;

    if (h->intake->n_letters)
        log_warning(LOG_COLLECT, "webhook records kept as dead letters",
                    "workspace=%.*s source=%.*s records=%zu", SPAN_FMT(h->ws->id),
                    SPAN_FMT(h->config->source), h->intake->n_letters);
    receipt_init(&receipt);
    receipt_add(&receipt, h->intake);
    buf_init(&b, ANSWER_MAX);
    struct json_out j = json_out_to(&b);
    json_open(&j, NULL, '{');
    receipt_print(&receipt, &j);
    json_close(&j, '}');
    http_respond(h->request, 200, NULL, buf_error(&b) ? SPAN_LIT("{}") : buf_span(&b));
    buf_done(&b);
    receipt_done(&receipt);
    hook_free(h);
}

static void committed(struct intake *in)
{
    struct hook *h = in->user;

    if (in->command.status < 0) {
        refuse(h, in->command.status);
        return;
    }
    tally_note(h->app->tally, h->ws->id, h->config->source, in);
    accept_payload(h);
}

static void receive(struct hook *h)
{
    int rc;

    h->intake = intake_new(h->ws, INTAKE_FEEDBACK);
    if (!h->intake) {
        refuse(h, -ENOMEM);
        return;
    }
    h->intake->done = committed;
    h->intake->user = h;
    rc = take_payload(h);
    if (rc > 0) {
        hook_free(h);
        return;
    }
    if (rc == 0 && !intake_has_work(h->intake)) {
        accept_payload(h);
        return;
    }
    if (rc == 0)
        rc = intake_submit(h->app->pipeline, h->intake, LANE_INTERACTIVE);
    if (rc < 0)
        refuse(h, rc);
}

bool intake_hook_admit(struct http_request *r, uint64_t length)
{
    const struct app *app = r->app;
    const struct workspace *ws = workspace_find(app->workspaces, r->params[0]);

    /* What is unknown is refused later, and looks the same until then. */
    if (!ws || pipeline_has_room(app->pipeline, ws, LANE_INTERACTIVE, (size_t)length))
        return true;
    http_problem(r, 503, atomic_load(&ws->disk_full) ? "disk-full" : "busy",
                 "There is no room to take it now; send it again later.");
    return false;
}

void intake_hook(struct http_request *r)
{
    const struct app *app = r->app;
    const struct config_hook *config = hook_map_find(app->config, r->params[0], r->params[1]);
    struct workspace *ws = workspace_find(app->workspaces, r->params[0]);
    struct item_rules rules = item_rules(app);
    struct hook *h;
    int rc;

    if (!config || !ws) {
        pretend(r, rules.now);
        http_problem(r, 404, "no-hook", "No hook is configured at this path.");
        return;
    }
    rc = authenticate(r, config, rules.now);
    if (rc < 0) {
        metric_add(METRIC_AUTH_FAILURES, 0, 1);
        log_warning(LOG_AUTH, "webhook refused", "workspace=%.*s source=%.*s reason=%s",
                    SPAN_FMT(ws->id), SPAN_FMT(config->source), err_text(rc));
        http_problem(r, 401, "bad-signature", "The signature or token does not fit.");
        return;
    }
    h = calloc(1, sizeof *h);
    if (!h) {
        http_problem(r, 503, "no-memory", NULL);
        return;
    }
    *h = (struct hook){
        .request = r,
        .app = app,
        .snapshot = config_ref(app->config),
        .config = config,
        .ws = ws,
        .rules = rules,
    };
    receive(h);
}

void intake_hook_probe(struct http_request *r)
{
    const struct app *app = r->app;
    const struct config_hook *config = hook_map_find(app->config, r->params[0], r->params[1]);

    if (config && config->allow_get)
        http_respond(r, 200, "text/plain; charset=utf-8", SPAN_LIT("ok\n"));
    else
        http_problem(r, 404, "no-hook", "No hook is configured at this path.");
}
