/* api: the endpoints. Each handler is one row of routes.c; reads run through query.h on the pool,
 * writes through pipeline/edit.h. Loop thread. */
#ifndef VOC_API_H
#define VOC_API_H

#include "daemon/app.h"
#include "daemon/http/http.h"

/* The one table role x endpoint. */
const struct http_route *api_routes(size_t *ret_n);
/* The OpenAPI description that /openapi.json serves. */
struct span api_openapi(void);

void api_trends(struct http_request *r);
void api_feedback_list(struct http_request *r);
void api_feedback_get(struct http_request *r);
void api_customer_context(struct http_request *r);
void api_customer_lookup(struct http_request *r);
void api_customer_unmask(struct http_request *r);
void api_segments(struct http_request *r);
void api_segment_put(struct http_request *r);
void api_segment_delete(struct http_request *r);
void api_alerts(struct http_request *r);
void api_alert_get(struct http_request *r);
void api_alert_acknowledge(struct http_request *r);
void api_rules(struct http_request *r);
void api_rule_put(struct http_request *r);
void api_rule_delete(struct http_request *r);
void api_experiments(struct http_request *r);
void api_experiment_put(struct http_request *r);
void api_experiment_delete(struct http_request *r);
void api_experiment_summary(struct http_request *r);
void api_tokens(struct http_request *r);
void api_token_create(struct http_request *r);
void api_token_revoke(struct http_request *r);
void api_access_log(struct http_request *r);
void api_dead_letters(struct http_request *r);
void api_dead_letter(struct http_request *r);
void api_dead_letter_replay(struct http_request *r);
void api_dead_letter_delete(struct http_request *r);
void api_dead_letters_delete(struct http_request *r);
void api_source_delete(struct http_request *r);
void api_sources(struct http_request *r);
void api_source_poll(struct http_request *r);
void api_source_pause(struct http_request *r);
void api_source_resume(struct http_request *r);
void api_source_backfill(struct http_request *r);
void api_source_preview(struct http_request *r);
void api_stream(struct http_request *r);
void api_me(struct http_request *r);
void api_vocabulary(struct http_request *r);
void api_metrics(struct http_request *r);
void api_health(struct http_request *r);
void api_ready(struct http_request *r);
void api_openapi_get(struct http_request *r);

#endif
