/* change: one write request: body to edit, edit to answer. The counterpart of query.h.
 * Loop thread. */
#ifndef VOC_API_CHANGE_H
#define VOC_API_CHANGE_H

#include <jansson.h>

#include "daemon/app.h"
#include "daemon/http/http.h"
#include "daemon/pipeline/edit.h"

/* The principal's workspace; NULL after answering 403. */
struct workspace *change_workspace(struct http_request *r);
/* A text as a JSON object; NULL with the problem (never quoting the text). Any thread. */
enum { JSON_BODY_PROBLEM = 160 };
json_t *json_body(struct span text, char problem[JSON_BODY_PROBLEM]);
/* Documents people write are small; an edit's arena holds any that fits. False after answering. */
enum { CHANGE_MAX_BODY = 64 * 1024 };
bool change_fits(struct http_request *r);
/* The body as an object with no members but `texts` (NULL-ended), which are texts, and `flag` (or
 * NULL), true or false; null is absent. NULL after answering. */
json_t *change_body(struct http_request *r, const char *const *texts, const char *flag);
/* A string member; absent: {NULL,0}. Lives as long as the body. */
struct span change_text(json_t *body, const char *key);
/* A new edit of the workspace with the request as its user; NULL after answering. */
struct edit *change_edit(struct http_request *r, enum edit_kind kind);
/* Submits; on failure answers 503 and frees. `done` answers with change_answered(). */
void change_submit(struct http_request *r, struct edit *e, void (*done)(struct edit *e));
/* Whether the edit failed: then it has been answered (503, 404, 400) and freed. */
bool change_failed(struct edit *e);
/* 204 and free, after change_failed() said no. */
void change_done(struct edit *e);

#endif
