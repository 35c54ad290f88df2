/* edit: the small writes of the daemon as pipeline commands: everything but intake. One struct, one
 * table of apply functions; an edit owns its arena and lives from edit_new() to edit_free().
 *
 * Threads: as pipeline.h. After `done` is called `edit.command.status` says whether it is on disk
 * and `result` what it did (0, or -ENOENT, -EINVAL … decided inside the transaction, with
 * `message`). */
#ifndef VOC_EDIT_H
#define VOC_EDIT_H

#include "daemon/pipeline/pipeline.h"
#include "daemon/trust/access_log.h"

enum edit_kind {
    EDIT_SEGMENT,       /* key: code; segment, backfill: stores it and starts the restamp job */
    EDIT_RESTAMP,       /* one step of that job; `more` says whether to go on */
    EDIT_RULE,          /* key: name; value: JSON */
    EDIT_RULE_DELETE,   /* key */
    EDIT_ACKNOWLEDGE,   /* key: alert id; by, owner, note */
    EDIT_ALERT_TICK,    /* evaluates all rules: time passed */
    EDIT_OUTBOX_DONE,   /* id */
    EDIT_OUTBOX_RETRY,  /* id, due, attempts */
    EDIT_ACCESS,        /* access: appends to the access log */
    EDIT_DOC,           /* doc, key, value; an absent value deletes (-ENOENT) */
    EDIT_SOURCE_DELETE, /* key: source; one step; `more` */
    EDIT_LETTERS_DROP,  /* key: source; one step of removing its dead letters; n, `more` */
    EDIT_LETTERS_TRIM,  /* what is kept no longer goes; n: also the notes of it; `more` */
    EDIT_PROBE,         /* a small durable write: is there room again? */
    EDIT_KINDS
};

/* STORE_DOC_JOB of an EDIT_SOURCE_DELETE that is under way: the value is the source. */
#define JOB_DELETE "delete/"

struct edit {
    struct command command; /* first */
    enum edit_kind kind;
    struct arena arena;
    struct span key, value, by, owner, note;
    enum store_doc doc;
    struct store_segment segment;
    bool backfill;
    struct uuid id;
    int64_t due;
    uint32_t attempts;
    struct access_spec access;
    /* results */
    int result;
    bool more;
    uint64_t n; /* ACCESS: the entry's number; `value` is its text */
    struct store_trimmed trimmed;
    struct where_error where_error;
    struct span message;
    void (*done)(struct edit *e); /* loop thread; NULL: frees itself */
    void *user;
};

/* NULL when memory is short. Spans the caller sets must live in e->arena. */
struct edit *edit_new(enum edit_kind kind, struct workspace *ws);
void edit_free(struct edit *e); /* NULL is fine */
/* 0 or -EAGAIN; then the edit is still the caller's. */
int edit_submit(struct pipeline *p, struct edit *e);

#endif
