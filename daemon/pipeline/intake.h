/* intake: what came in, on its way to disk. One intake is one request's items or one chunk of a
 * stream, and one pipeline command: its items are analysed before the write lock is taken and put
 * in order inside one transaction, so that the same identity twice applies in order.
 *
 *   in = intake_new();  intake_take(…) / intake_refuse(…) per item, in input order
 *   intake_submit()     prepare and apply on the worker
 *   in->done(in)        on the loop; in->command.status 0: on disk, and every item has its outcome
 *
 * Threads: as pipeline.h. Ownership: the maker's until submitted and from `done` on. Text of the
 * items lives in in->arena; results live as long as the intake. */
#ifndef VOC_PIPELINE_INTAKE_H
#define VOC_PIPELINE_INTAKE_H

#include "daemon/format/reject.h"
#include "daemon/pipeline/pipeline.h"

enum intake_kind { INTAKE_FEEDBACK, INTAKE_CUSTOMER, INTAKE_ACTIVITY };

/* One input item. */
struct intake_item {
    union {
        const struct feedback *feedback;
        const struct customer_change *customer;
        const struct activity *activity;
    } in;
    bool taken;   /* to be applied; else it was refused before */
    bool removal; /* feedback whose source says that it is gone; only its identity is there */
    size_t retry; /* as in struct intake_letter */
    enum outcome outcome;
    const struct reject *why; /* REJECTED: the reason, or NULL past the first of many */
    /* Feedback that was applied. */
    struct analysis *analysis;
    struct uuid id;
    uint64_t seq;
    const struct span *segments;
    size_t n_segments;
    const struct feedback *kept; /* as the store has it: an undated resend keeps its first date */
    uint32_t revision;
};

/* A payload that could not be mapped, kept with the reason (pipeline/dead_letter.h). */
struct intake_letter {
    struct span key, value;
    struct span mark; /* kept only once by this name (STORE_DOC_CURSOR); absent: always */
    size_t retry;     /* part of the dead letter of that number, plus one, that is tried again */
};

/* A dead letter tried again: what became of it goes to disk with its records. When it is gone
 * already (removed, or another replay was faster) neither it nor its records are touched. */
struct intake_retry {
    struct span key;
    struct span value; /* with its new reason; absent: it leaves the store */
    bool gone;         /* of apply */
};

enum {
    INTAKE_MAX_REASONS = 100, /* refusals that keep their reason */
    INTAKE_MAX_ARENA = 256 << 20,
};

struct intake {
    struct command command; /* first */
    enum intake_kind kind;
    struct arena arena;    /* the items' text: the maker's */
    struct arena analyses; /* of prepare */
    struct arena results;  /* of apply, begun afresh each time */
    struct intake_item *items;
    size_t n, cap;
    size_t n_taken, n_reasons;
    struct intake_letter *letters;
    size_t n_letters, cap_letters;
    struct intake_retry *retries;
    size_t n_retries, cap_retries;
    size_t retry; /* given to the items that come next */
    /* Where the source is read on from, written in the same transaction (STORE_DOC_CURSOR); absent
     * key: none. */
    struct intake_letter cursor;
    /* A delivery that may come again: its slot and its id (STORE_DOC_CURSOR). When the slot holds
     * the id already nothing is applied. Absent key: none. */
    struct intake_letter delivery;
    bool replayed;         /* of apply: it came again */
    size_t n_kept_letters; /* of apply */
    struct store_trimmed trimmed;
    struct nlp_tables *tables; /* a reference: codes of the analyses point into them */
    int prepared;              /* 0, or why preparing failed */
    int64_t committed_at;
    void (*done)(struct intake *in); /* loop thread */
    void *user;
};

/* NULL when memory is short. */
struct intake *intake_new(struct workspace *ws, enum intake_kind kind);
void intake_free(struct intake *in); /* NULL is fine; not while submitted */
/* The next item; `record` is a struct of the intake's kind, copied; its text lies in in->arena. */
int intake_take(struct intake *in, const void *record);
/* The record of that identity goes: UPDATED when it was there, else DUPLICATE. */
int intake_remove(struct intake *in, struct span source, struct span external_id);
int intake_refuse(struct intake *in, const struct reject *why);
/* Its text lies in in->arena. */
int intake_letter(struct intake *in, const struct intake_letter *letter);
/* A dead letter is tried again: the items that come next are its own. Its text lies in in->arena;
 * `value` may be set until submitted. NULL when memory is short. */
struct intake_retry *intake_retry(struct intake *in, struct span key);
/* Whether there is anything to write. */
static inline bool intake_has_work(const struct intake *in)
{
    return in->n_taken > 0 || in->n_letters > 0 || in->n_retries > 0 || in->cursor.key.p;
}
/* The intake that a command is; NULL for any other command. */
const struct intake *intake_of(const struct command *c);
/* Bytes it holds of the queue's bound. */
size_t intake_bytes(const struct intake *in);
/* 0, -EAGAIN, -ESHUTDOWN; on failure it is still the caller's. */
int intake_submit(struct pipeline *p, struct intake *in, enum lane lane);

#endif
