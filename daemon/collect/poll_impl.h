/* poll_impl: one source being polled, as the files of the poller share it. Not for others.
 *
 *   poller.c      the set: schedule, reload, stop, what is told of it
 *   poll_walk.c   one poll: stream by stream, partition by partition
 *   poll.c        one walk of it, page by page
 *   poll_child.c  children of records (hydrate)
 *   poll_token.c  access tokens: oauth2, jwt
 *   poll_mail.c   a mailbox, instead of streams of pages
 *   preview.c     one page shown, nothing kept
 *
 * What happens next is always one of: a timer's `then`, an answer (`job`), a commit (`intake`, or
 * an edit while `saving`). poll_break() ends the first two at once; a commit is waited for. */
#ifndef VOC_COLLECT_POLL_IMPL_H
#define VOC_COLLECT_POLL_IMPL_H

#include "daemon/collect/page.h"
#include "daemon/collect/poller.h"
#include "daemon/collect/request.h"
#include "daemon/core/fetch.h"

enum {
    CHILD_CACHE = 256,
    CHILD_CACHE_BYTES = 8 << 20,
    POLL_BACKOFF_MAX_MS = 300000,
    POLL_FAILED_MAX_MS = 3600000,
    POLL_ROOM_MS = 200, /* between two looks at a full queue */
    POLL_LEAVE = 3,     /* walks that fail one after the other end the poll */
    LIST_ARENA_MAX = 4 << 20,
};

/* The partitions of a stream. */
struct listing {
    struct span *values;
    size_t n;
    int64_t at; /* when the upstream gave them; NO_TIME: not */
    struct arena arena;
};

struct child {
    uint64_t url; /* hash */
    json_t *answer;
};

struct poll_counts {
    uint64_t items[OUTCOME_REJECTED + 1];
    uint64_t letters, polls, pages, errors[UPSTREAM_ERROR_COUNT];
};

struct preview;
struct poll_mail;

struct poll {
    struct poller *poller;
    struct poll *next;
    struct source_set *set; /* a reference: `source` lives in it */
    const struct source *source;
    struct workspace *ws;
    struct loop_timer *timer;
    void (*then)(struct poll *s); /* what the timer is for */
    struct fetch_job *job;
    struct intake *intake; /* being filled, or committed */
    bool committing;
    unsigned saving; /* edits under way */
    bool running;    /* in a poll */
    bool paused, removed, changed, again;
    struct preview *preview; /* this one keeps nothing */
    /* the poll under way */
    size_t stream, partition;
    bool listing;      /* partitions are being asked for */
    bool flawed;       /* a walk failed, the others went on */
    size_t left, gone; /* walks that failed in a row; partitions that are not there */
    struct arena arena;
    struct walk walk;
    struct arena walk_arena, page_arena, child_arena;
    struct buf document; /* the walk as last read or committed */
    struct page page;
    struct poll_mail *mail; /* NULL until a mailbox is read */
    size_t record, hydrate; /* the child being asked for */
    struct child children[CHILD_CACHE];
    size_t n_children, child_bytes;
    unsigned attempt;
    bool refreshed, walk_failed;
    char walk_why[200];
    /* across polls */
    struct listing lists[CONNECTOR_MAX_STREAMS];
    struct budget budget;
    struct buf token, refresh; /* oauth2 */
    bool refresh_known;
    int64_t token_until; /* wall */
    unsigned failures;
    /* told */
    int64_t last_poll, last_success, last_new, due, caught_up;
    enum upstream_error error, told; /* told: to the dead-man switch */
    int64_t error_at;
    char error_why[240];
    struct poll_counts counts;
};

struct poller {
    struct app *app;
    struct source_set *set;
    struct poll *first;
    struct poll *previews;
    bool stopping;
};

static inline bool poll_is_mailbox(const struct poll *s)
{
    return s->source->connector->mailbox.max_message > 0;
}
static inline const struct stream *poll_stream(const struct poll *s)
{
    const struct stream *stream = &s->source->connector->streams[s->stream];
    return s->listing ? stream->partition.parent : stream;
}
int64_t poll_wall(const struct poll *s);
int64_t poll_mono(const struct poll *s);
uint64_t poll_chance(const struct poll *s);
struct request_env poll_env(const struct poll *s);

/* Calls `then` later. */
void poll_after(struct poll *s, int64_t ms, void (*then)(struct poll *s));
/* Sends; the answer goes to `done` with `s`. What can not be sent now is tried again through
 * `then`; what can not be sent at all fails the poll. */
void poll_send(struct poll *s, const struct fetch_request *req, fetch_done_fn *done,
               void (*then)(struct poll *s));
/* True when a request may go out now, and one of the budget is taken; else `then` comes later. */
bool poll_may_ask(struct poll *s, void (*then)(struct poll *s));
/* What a verdict other than an answer calls for: wait and `then`, or the end of the poll. */
void poll_obey(struct poll *s, const struct upstream_verdict *v, void (*then)(struct poll *s));
void poll_fail(struct poll *s, enum upstream_error error, int64_t wait_ms, const char *why);
void poll_note_error(struct poll *s, enum upstream_error error, const char *why);
void poll_tell_failure(struct poll *s);
/* The dead-man switch hears of it when what polling fails with has changed. */
void poll_tell(struct poll *s);

/* Begins a poll: the timer's `then` between polls. */
void poll_begin(struct poll *s);
/* The same for one stream of a preview. */
void poll_look(struct poll *s, size_t stream);
void poll_ask(struct poll *s);
/* The walk is over: the next one, or the end of the poll. */
void poll_next_walk(struct poll *s);
/* After a failure: true when the poll goes on with the next walk. */
bool poll_leave_walk(struct poll *s);
/* True when the answer says that a listed partition is not there any more, and others may be. */
bool poll_is_gone(struct poll *s, const struct fetch_response *r, const struct upstream_verdict *v);
/* Takes a page of partitions. */
void poll_list_page(struct poll *s);
void poll_lists_forget(struct poll *s);
/* The walk as it is on disk. 0; -ENOENT, -EINVAL: there is none. */
int poll_read_walk(struct poll *s);
/* Ends what can be ended at once; false while a commit is under way. */
bool poll_break(struct poll *s);
void poll_forget_page(struct poll *s);
/* The poll is over; the schedule goes on. */
void poll_done(struct poll *s, int64_t wait_ms);
/* Goes on after a commit or an edit was waited for: changed, removed, paused. True when the poll
 * ended by it. */
bool poll_settle(struct poll *s);

/* For whoever reads by other means than pages: the document as the last commit has it, in
 * s->document (-ENOENT: none); where history begins; the intake to disk, whose done() calls
 * poll_count() for its status and goes on, or ends by poll_next_walk(). */
int poll_document(struct poll *s);
int64_t poll_history(const struct poll *s);
void poll_submit(struct poll *s);
int poll_count(struct poll *s);

/* Reads a mailbox up to its end, from where the last commit has it; and goes on with it. */
void poll_mail(struct poll *s);
void poll_mail_ask(struct poll *s);
/* A mail as poll_mail() would have taken it. 0; -EINVAL with *why; -ENOMEM. */
int poll_mail_again(struct poll *s, struct span bytes, int64_t arrived, struct intake *in,
                    const struct item_rules *rules, struct reject *why);

/* Children of the page's records, from `record`, `hydrate` on; then poll_commit(). */
void poll_children(struct poll *s);
void poll_children_forget(struct poll *s);
void poll_commit(struct poll *s);

/* True when none is wanted or one is there; else poll_ask() or poll_mail_ask() is called later. */
bool poll_has_token(struct poll *s);
void poll_token_drop(struct poll *s);

/* Answers with what the page holds and frees the preview. */
void preview_page(struct poll *s);
/* The same of a mailbox: page.records are what is shown, of `found` mails. */
void preview_mailbox(struct poll *s, struct span url, struct span command, size_t found);
void preview_fail(struct poll *s, const char *why);
void preview_stop(struct poller *p);

/* Frees all but the loop's timer, which goes with it. */
struct poll *poll_new(struct poller *p, struct source_set *set, const struct source *source,
                      struct workspace *ws);
void poll_free(struct poll *s);
struct span poll_key(const struct poll *s, struct arena *a);
struct span poll_rewind_key(const struct poll *s, struct arena *a);

#endif
