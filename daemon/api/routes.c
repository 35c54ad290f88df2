#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/collect/api_intake.h"
#include "daemon/console/console.h"

/* Who may do what: the one table. Reading a person's data is for those who serve or answer for the
 * customer; sending is for machines; rules are for those who answer for quality. */
#define INGEST (ROLE_BIT(ROLE_INGEST) | ROLE_BIT(ROLE_ADMIN))
#define READ                                                                                       \
    (ROLE_BIT(ROLE_AGENT) | ROLE_BIT(ROLE_SUPERVISOR) | ROLE_BIT(ROLE_QUALITY) |                   \
     ROLE_BIT(ROLE_ADMIN))
#define STEER (ROLE_BIT(ROLE_SUPERVISOR) | ROLE_BIT(ROLE_QUALITY) | ROLE_BIT(ROLE_ADMIN))
#define ADMIN ROLE_BIT(ROLE_ADMIN)
/* Payloads as they came: for those who mend a mapping. They are not masked. */
#define MEND (ROLE_BIT(ROLE_QUALITY) | ROLE_BIT(ROLE_ADMIN))
#define ANY (READ | ROLE_BIT(ROLE_INGEST))

#define Q(...) ((const char *const[]){__VA_ARGS__, NULL})

#define ROUTE(m, p, b, a, r, h, q)                                                                 \
    {                                                                                              \
        .method = m, .pattern = p, .body = b, .auth = a, .roles = r, .handle = h, .query = q       \
    }
#define READS(p, r, h, q) ROUTE("GET", p, BODY_NONE, AUTH_TOKEN, r, h, q)
#define WRITES(m, p, b, r, h, q) ROUTE(m, p, b, AUTH_TOKEN, r, h, q)
#define STREAMS(p, r, h, q) ROUTE("POST", p, BODY_STREAM, AUTH_TOKEN, r, h, q)
#define OPEN(p, h) ROUTE("GET", p, BODY_NONE, AUTH_OPEN, 0, h, NULL)
/* What a browser loads to be the console: no part of the API, so not in openapi.json. */
#define PAGE(p, h) OPEN(p, h)

static const struct http_route routes[] = {
    STREAMS("/v1/feedback", INGEST, intake_feedback, NULL),
    {.method = "POST",
     .pattern = "/v1/hooks/{workspace}/{source}",
     .body = BODY_WHOLE,
     .auth = AUTH_HOOK,
     .handle = intake_hook,
     .query = Q("token"),
     .admit = intake_hook_admit},
    {.method = "GET",
     .pattern = "/v1/hooks/{workspace}/{source}",
     .auth = AUTH_HOOK,
     .handle = intake_hook_probe},
    STREAMS("/v1/customers", INGEST, intake_customers, Q("encoding", "tz", "map")),
    STREAMS("/v1/activities", INGEST, intake_activities, NULL),
    READS("/v1/feedback", READ, api_feedback_list,
          Q("where", "q", "from", "to", "limit", "cursor", "tz", "format")),
    READS("/v1/feedback/{id}", READ, api_feedback_get, Q("tz")),
    READS("/v1/trends", STEER, api_trends,
          Q("measure", "by", "bucket", "from", "to", "where", "compare", "tz", "segment_at",
            "limit", "format")),
    READS("/v1/customers/{id}/context", READ, api_customer_context, Q("tz")),
    WRITES("POST", "/v1/customers/lookup", BODY_WHOLE, READ, api_customer_lookup, Q("tz")),
    WRITES("POST", "/v1/customers/{id}/unmask", BODY_WHOLE, READ, api_customer_unmask, NULL),
    READS("/v1/stream", READ, api_stream, NULL),
    READS("/v1/segments", READ, api_segments, Q("tz")),
    WRITES("PUT", "/v1/segments/{code}", BODY_WHOLE, STEER, api_segment_put, NULL),
    WRITES("DELETE", "/v1/segments/{code}", BODY_NONE, STEER, api_segment_delete, NULL),
    READS("/v1/alerts", READ, api_alerts, Q("status", "limit", "cursor")),
    READS("/v1/alerts/{id}", READ, api_alert_get, NULL),
    WRITES("POST", "/v1/alerts/{id}/acknowledge", BODY_WHOLE, STEER, api_alert_acknowledge, NULL),
    READS("/v1/alert-rules", READ, api_rules, NULL),
    WRITES("PUT", "/v1/alert-rules/{name}", BODY_WHOLE, STEER, api_rule_put, NULL),
    WRITES("DELETE", "/v1/alert-rules/{name}", BODY_NONE, STEER, api_rule_delete, NULL),
    READS("/v1/experiments", STEER, api_experiments, Q("tz")),
    WRITES("PUT", "/v1/experiments/{id}", BODY_WHOLE, STEER, api_experiment_put, NULL),
    WRITES("DELETE", "/v1/experiments/{id}", BODY_NONE, STEER, api_experiment_delete, NULL),
    READS("/v1/experiments/{id}/summary", STEER, api_experiment_summary,
          Q("measure", "control", "where", "from", "to", "tz")),
    READS("/v1/tokens", ADMIN, api_tokens, NULL),
    WRITES("POST", "/v1/tokens", BODY_WHOLE, ADMIN, api_token_create, NULL),
    WRITES("DELETE", "/v1/tokens/{id}", BODY_NONE, ADMIN, api_token_revoke, NULL),
    READS("/v1/access-log", ADMIN, api_access_log, Q("limit", "cursor", "order")),
    READS("/v1/dead-letters", MEND, api_dead_letters, Q("source", "code", "limit", "cursor")),
    READS("/v1/dead-letters/{id}", MEND, api_dead_letter, NULL),
    WRITES("POST", "/v1/dead-letters/replay", BODY_WHOLE, MEND, api_dead_letter_replay, NULL),
    WRITES("DELETE", "/v1/dead-letters/{id}", BODY_NONE, ADMIN, api_dead_letter_delete, NULL),
    WRITES("DELETE", "/v1/dead-letters", BODY_NONE, ADMIN, api_dead_letters_delete, Q("source")),
    READS("/v1/sources", STEER, api_sources, NULL),
    WRITES("POST", "/v1/sources/{source}/poll", BODY_NONE, ADMIN, api_source_poll, NULL),
    WRITES("POST", "/v1/sources/{source}/pause", BODY_NONE, ADMIN, api_source_pause, NULL),
    WRITES("POST", "/v1/sources/{source}/resume", BODY_NONE, ADMIN, api_source_resume, NULL),
    WRITES("POST", "/v1/sources/{source}/backfill", BODY_NONE, ADMIN, api_source_backfill,
           Q("from")),
    WRITES("POST", "/v1/sources/{source}/preview", BODY_NONE, ADMIN, api_source_preview,
           Q("stream")),
    WRITES("DELETE", "/v1/sources/{source}", BODY_NONE, ADMIN, api_source_delete, NULL),
    {.method = "POST",
     .pattern = "/console/session",
     .body = BODY_WHOLE,
     .auth = AUTH_OPEN,
     .handle = console_sign_in,
     .admit = console_admit},
    OPEN("/console/session", console_session),
    {.method = "DELETE",
     .pattern = "/console/session",
     .auth = AUTH_OPEN,
     .handle = console_sign_out},
    PAGE("/", console_home),
    PAGE("/console", console_home),
    PAGE("/console/", console_page),
    PAGE("/console/{file}", console_file),
    READS("/v1/me", ANY, api_me, NULL),
    READS("/v1/vocabulary", ANY, api_vocabulary, NULL),
    OPEN("/metrics", api_metrics),
    OPEN("/healthz", api_health),
    OPEN("/readyz", api_ready),
    OPEN("/openapi.json", api_openapi_get),
};

const struct http_route *api_routes(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(routes);
    return routes;
}
