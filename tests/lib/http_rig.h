/* http_rig: an HTTP server on a thread of its own, with a few routes, and a raw client: what the
 * tests of http/ stand on. Sockets of 127.0.0.1 only. The server's monotonic clock is the real one
 * plus what http_rig_advance() added, so that deadlines need no waiting.
 *
 *   GET  /ping                      {"ok":true}
 *   POST /echo        whole         the body
 *   POST /stream      stream        {"bytes":n,"sum":s}; a 503 naming abort_status after an abort
 *   POST /slowread    stream        the same, pausing after every chunk and resuming from the loop
 *   POST /early       stream        503 at once, before the body
 *   POST /full        whole, admit  503 before the body
 *   GET  /items/{id}  ?q= ?limit=   {"id":…,"q":…}
 *   GET  /later                     {"ok":true}, answered from the loop
 *   GET  /big         ?n=           n bytes
 *   GET  /secret      token: admin  {"token":…}
 *   GET  /own/{workspace} token     {"ok":true}
 *   GET  /events                    two events, then whatever http_rig_event() sends */
#ifndef VOC_TESTS_LIB_HTTP_RIG_H
#define VOC_TESTS_LIB_HTTP_RIG_H

#include "daemon/http/auth.h"
#include "daemon/http/http.h"

struct http_rig;

/* `yaml`: lines below `http:`, each indented by two spaces; "" for none. Ends the test on failure.
 */
struct http_rig *http_rig_start(const char *yaml);
void http_rig_stop(struct http_rig *r); /* orderly; checks that nothing is left open */
uint16_t http_rig_port(const struct http_rig *r);
void http_rig_advance(struct http_rig *r, int64_t ms);
void http_rig_reload(struct http_rig *r, const char *yaml);
/* Runs fn on the loop and waits for it. */
void http_rig_run(struct http_rig *r, void (*fn)(struct http_rig *r, void *ctx), void *ctx);
void http_rig_shutdown(struct http_rig *r); /* begins; http_rig_stop() completes */
const char *http_rig_token(struct http_rig *r, enum role role); /* of workspace "w1" */
struct auth *http_rig_auth(struct http_rig *r);
void http_rig_event(struct http_rig *r, const char *data, size_t times);
int http_rig_events_closed(struct http_rig *r);
int http_rig_last_abort(struct http_rig *r); /* abort_status of the last aborted stream, -1: none */

int http_rig_connect(const struct http_rig *r);
void http_rig_send(int fd, const char *p, size_t n); /* a closed peer is no failure */
/* Reads to the end of the connection or until `needle` was seen, at most 10 s. The text is
 * NUL-terminated, freed by the caller; *ret_closed (may be NULL) whether the peer closed. */
char *http_rig_read(int fd, const char *needle, bool *ret_closed);
/* One connection: sends, shuts nothing down, reads to the end. */
char *http_rig_exchange(const struct http_rig *r, const char *p, size_t n);

#endif
