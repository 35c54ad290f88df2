#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/collect/api_intake.h"

/* Who may do what: the one table. Reading a person's data is for those who serve or answer for the
 * customer; sending is for machines; rules are for those who answer for quality. */
#define INGEST (ROLE_BIT(ROLE_INGEST) | ROLE_BIT(ROLE_ADMIN))
#define READ                                                                                       \
    (ROLE_BIT(ROLE_AGENT) | ROLE_BIT(ROLE_SUPERVISOR) | ROLE_BIT(ROLE_QUALITY) |                   \
     ROLE_BIT(ROLE_ADMIN))
#define STEER (ROLE_BIT(ROLE_SUPERVISOR) | ROLE_BIT(ROLE_QUALITY) | ROLE_BIT(ROLE_ADMIN))
#define ADMIN ROLE_BIT(ROLE_ADMIN)
#define ANY (READ | ROLE_BIT(ROLE_INGEST))

#define Q(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct http_route routes[] = {
    {"POST", "/v1/feedback", BODY_STREAM, AUTH_TOKEN, INGEST, intake_feedback, NULL},
    {"POST", "/v1/hooks/{workspace}/{source}", BODY_WHOLE, AUTH_HOOK, 0, intake_hook, Q("token")},
    {"POST", "/v1/customers", BODY_STREAM, AUTH_TOKEN, INGEST, intake_customers,
     Q("encoding", "tz", "map")},
    {"POST", "/v1/activities", BODY_STREAM, AUTH_TOKEN, INGEST, intake_activities, NULL},

    {"GET", "/v1/feedback", BODY_NONE, AUTH_TOKEN, READ, api_feedback_list,
     Q("where", "q", "from", "to", "limit", "cursor", "tz")},
    {"GET", "/v1/feedback/{id}", BODY_NONE, AUTH_TOKEN, READ, api_feedback_get, Q("tz")},
    {"GET", "/v1/trends", BODY_NONE, AUTH_TOKEN, STEER, api_trends,
     Q("measure", "by", "bucket", "from", "to", "where", "compare", "tz", "segment_at", "limit")},
    {"GET", "/v1/customers/{id}/context", BODY_NONE, AUTH_TOKEN, READ, api_customer_context,
     Q("tz")},
    {"POST", "/v1/customers/lookup", BODY_WHOLE, AUTH_TOKEN, READ, api_customer_lookup, Q("tz")},
    {"POST", "/v1/customers/{id}/unmask", BODY_WHOLE, AUTH_TOKEN, READ, api_customer_unmask, NULL},
    {"GET", "/v1/stream", BODY_NONE, AUTH_TOKEN, READ, api_stream, NULL},

    {"GET", "/v1/segments", BODY_NONE, AUTH_TOKEN, READ, api_segments, Q("tz")},
    {"PUT", "/v1/segments/{code}", BODY_WHOLE, AUTH_TOKEN, STEER, api_segment_put, NULL},
    {"DELETE", "/v1/segments/{code}", BODY_NONE, AUTH_TOKEN, STEER, api_segment_delete, NULL},
    {"GET", "/v1/alerts", BODY_NONE, AUTH_TOKEN, READ, api_alerts, Q("status", "limit", "cursor")},
    {"GET", "/v1/alerts/{id}", BODY_NONE, AUTH_TOKEN, READ, api_alert_get, NULL},
    {"POST", "/v1/alerts/{id}/acknowledge", BODY_WHOLE, AUTH_TOKEN, STEER, api_alert_acknowledge,
     NULL},
    {"GET", "/v1/alert-rules", BODY_NONE, AUTH_TOKEN, READ, api_rules, NULL},
    {"PUT", "/v1/alert-rules/{name}", BODY_WHOLE, AUTH_TOKEN, STEER, api_rule_put, NULL},
    {"DELETE", "/v1/alert-rules/{name}", BODY_NONE, AUTH_TOKEN, STEER, api_rule_delete, NULL},

    {"GET", "/v1/tokens", BODY_NONE, AUTH_TOKEN, ADMIN, api_tokens, NULL},
    {"POST", "/v1/tokens", BODY_WHOLE, AUTH_TOKEN, ADMIN, api_token_create, NULL},
    {"DELETE", "/v1/tokens/{id}", BODY_NONE, AUTH_TOKEN, ADMIN, api_token_revoke, NULL},
    {"GET", "/v1/access-log", BODY_NONE, AUTH_TOKEN, ADMIN, api_access_log,
     Q("limit", "cursor", "order")},
    {"GET", "/v1/dead-letters", BODY_NONE, AUTH_TOKEN, ADMIN, api_dead_letters, Q("limit")},
    {"DELETE", "/v1/sources/{source}", BODY_NONE, AUTH_TOKEN, ADMIN, api_source_delete, NULL},

    {"GET", "/v1/me", BODY_NONE, AUTH_TOKEN, ANY, api_me, NULL},
    {"GET", "/v1/vocabulary", BODY_NONE, AUTH_TOKEN, ANY, api_vocabulary, NULL},
    {"GET", "/metrics", BODY_NONE, AUTH_OPEN, 0, api_metrics, NULL},
    {"GET", "/healthz", BODY_NONE, AUTH_OPEN, 0, api_health, NULL},
    {"GET", "/readyz", BODY_NONE, AUTH_OPEN, 0, api_ready, NULL},
    {"GET", "/openapi.json", BODY_NONE, AUTH_OPEN, 0, api_openapi_get, NULL},
};

const struct http_route *api_routes(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(routes);
    return routes;
}
