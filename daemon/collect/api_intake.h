/* api_intake: the endpoints that take something in; rows of api/routes.c. Loop thread. */
#ifndef VOC_COLLECT_API_INTAKE_H
#define VOC_COLLECT_API_INTAKE_H

#include "daemon/http/http.h"

/* BODY_STREAM: JSON object or array, or NDJSON. */
void intake_feedback(struct http_request *r);
void intake_activities(struct http_request *r);
/* The same, and CSV or TSV; query: encoding, tz, map. */
void intake_customers(struct http_request *r);
/* BODY_WHOLE, AUTH_HOOK; params: workspace, source; query: token. */
void intake_hook(struct http_request *r);
/* GET and HEAD of the same path: senders that look whether somebody is there. */
void intake_hook_probe(struct http_request *r);
/* Refuses with 503 before the body is read when the queue is full or the disk is. */
bool intake_hook_admit(struct http_request *r, uint64_t length);

#endif
