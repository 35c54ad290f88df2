/* poller: every configured source, polled on its schedule: one poll at a time each, page by page,
 * each page's records and its walk (walk.h) in one transaction of the bulk lane.
 *
 *   timer ─► walk from the store ─► [token] ─► page ─► [children] ─► intake ─► commit ─► next page
 *                                     └── failure: back-off; then the next poll, later and later
 *
 * A page is asked for when the queue has room, the budget allows it, and the page before it is on
 * disk. A poll that fails leaves the walk as the last commit has it.
 *
 * Bounds: one request and one intake under way per source; an answer's bytes by the connector;
 * POLL_ATTEMPTS of one page in one poll; children's answers kept within a poll: 256 and 8 MiB.
 *
 * Thread: the loop. Joins STOP_LISTEN: requests are broken off, what is being committed ends. */
#ifndef VOC_COLLECT_POLLER_H
#define VOC_COLLECT_POLLER_H

#include "daemon/app.h"
#include "daemon/collect/sources.h"
#include "daemon/collect/upstream.h"
#include "daemon/format/json_out.h"

struct poller;
struct poll;
struct http_request;
struct item_rules;
struct intake;
struct reject;

enum { POLL_ATTEMPTS = 5 };

/* `app` as it will be when the loop runs; `set`: a reference is taken. */
int poller_new(struct app *app, struct source_set *set, struct poller **ret_poller);
void poller_free(struct poller *p); /* after the loop has run to its end; NULL is fine */
/* Added sources begin, changed ones begin anew at what they reached, removed ones end. */
int poller_reload(struct poller *p, struct source_set *set);

/* A workspace's sources by name, or NULL. */
struct poll *poller_find(struct poller *p, const struct workspace *ws, struct span source);
void poller_each(struct poller *p, const struct workspace *ws, void (*fn)(void *ctx, struct poll *),
                 void *ctx);
/* A record, or a mail, as a poll would have taken it, through a stream of the source by name, or
 * its only one. 0; -EINVAL with *why; -ENOENT when there is no such source or stream; -ENOMEM. */
struct poll_again {
    struct span source, stream, payload;
    int64_t received_at;
};
int poller_again(struct poller *p, const struct workspace *ws, const struct poll_again *again,
                 const struct item_rules *rules, struct intake *in, struct reject *why);
/* Whether there is such a source and stream. */
bool poller_has_stream(struct poller *p, const struct workspace *ws, struct span source,
                       struct span stream);
/* Asks now, unless it is asking. */
void poll_now(struct poll *s);
/* Kept over a restart. `done` on the loop, with 0 or -errno. */
int poll_pause(struct poll *s, bool pause, void (*done)(void *ctx, int rc), void *ctx);
/* Forgets where it was: the next walk begins `from` there. The same. */
int poll_rewind(struct poll *s, int64_t from, void (*done)(void *ctx, int rc), void *ctx);
/* Asks for one page and maps it, keeping nothing: JSON for people who write connectors. `done` with
 * a text, or -EINVAL and what went wrong. -EBUSY, -ENOMEM. */
int poll_preview(struct poll *s, struct span stream, void (*done)(void *ctx, int rc, struct span),
                 void *ctx);

/* Members of an object: what it is, when it last did what, what is wrong. */
void poll_print(struct poll *s, struct json_out *j);
/* The text exposition of all sources; labels workspace and source. */
void poller_metrics(const struct poller *p, struct buf *out);

#endif
