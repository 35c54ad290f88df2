/* mailbox: an IMAP mailbox as it is read: where the reading stands, what to ask, and what the
 * answers say (RFC 3501). A mailbox is never changed: it is opened for reading only, and messages
 * are fetched with BODY.PEEK[], which leaves \Seen alone.
 *
 *   EXAMINE ─► position, by UIDVALIDITY ─► UID SEARCH in a window of UIDs ─► UID FETCH, one by one
 *
 * A UID is never given twice while UIDVALIDITY is the same, and new ones are higher: so "all up to
 * here are ours" is one number. With another UIDVALIDITY all numbers are void, and history is read
 * again; records know themselves by Message-ID. Of history, which is what was there when the
 * mailbox was first met, only what arrived since `start` is asked for; of what comes later, all.
 *
 * The position is a document in the transaction of the records that were read (STORE_DOC_CURSOR).
 *
 * Pure. Spans of an answer point into it. */
#ifndef VOC_COLLECT_MAILBOX_H
#define VOC_COLLECT_MAILBOX_H

#include "daemon/collect/template.h"

enum {
    MAILBOX_WINDOW = 2000,   /* UIDs of one search; twice as many after one that found nothing */
    MAILBOX_MAX_UIDS = 4096, /* found by one search */
    MAILBOX_MAX_DOC = 1024,
};

/* As a connector file has it. */
struct mailbox_rules {
    struct template name;      /* of the mailbox, in UTF-8 */
    struct template automatic; /* what becomes of mails of programs: leave_out or keep */
    struct template user;      /* with a token; with a password it is of auth */
    struct template tls;       /* by_scheme or starttls; absent: by_scheme */
    size_t max_message;        /* bytes of a mail that are read; 0: this is no mailbox */
};

struct mailbox_position {
    int64_t start;     /* history begins here */
    uint64_t of;       /* print of the server, the user and the mailbox's name */
    uint32_t validity; /* 0: never met */
    uint32_t uid;      /* all up to here are ours */
    uint32_t history;  /* the first UID that is not of history */
};
int mailbox_print(const struct mailbox_position *p, struct buf *out);
/* 0; -EINVAL for what is none. */
int mailbox_parse(struct span text, struct mailbox_position *ret);

struct mailbox_status {
    uint32_t validity, next; /* next: UIDs from here on are not given yet, as far as is known */
};
/* Of the answer to EXAMINE. 0 or -EPROTO. */
int mailbox_status(struct span answer, struct mailbox_status *ret);
/* Takes up the mailbox as it is now; true when its numbers are new to us. */
bool mailbox_meet(struct mailbox_position *p, uint64_t of, const struct mailbox_status *now);
/* The next UIDs to search for, at most `window`: after the position, and either of history or not.
 * False when all that there was is ours. */
bool mailbox_next(const struct mailbox_position *p, const struct mailbox_status *now,
                  uint32_t window, uint32_t *ret_from, uint32_t *ret_to);

/* Commands; absent when the arena is full. A name is UTF-8; IMAP's own form of it is made here. */
struct span mailbox_ask_examine(struct span name, struct arena *a);
struct span mailbox_ask_uids(const struct mailbox_position *p, uint32_t from, uint32_t to,
                             struct arena *a);
struct span mailbox_ask_message(uint32_t uid, size_t max, struct arena *a);

/* The UIDs of an answer to UID SEARCH that lie in [from, to], in order, each once; `ret` has room
 * for MAILBOX_MAX_UIDS. 0; -E2BIG; -EPROTO. */
int mailbox_uids(struct span answer, uint32_t from, uint32_t to, uint32_t *ret, size_t *ret_n);

struct mailbox_message {
    struct span bytes;
    int64_t arrived; /* INTERNALDATE, or NO_TIME */
    size_t size;     /* all of it, of which `bytes` may be the beginning; 0: not said */
};
/* Of an answer to UID FETCH. 0; -ENOENT when the message is gone; -EPROTO. */
int mailbox_message(struct span answer, uint32_t uid, struct mailbox_message *ret);

#endif
