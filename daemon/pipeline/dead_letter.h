/* dead_letter: one payload that could not be mapped, as it is kept (STORE_DOC_DEAD_LETTER) and as
 * GET /v1/dead-letters shows it.
 *
 * Key: a UUIDv7's text, so in order of arrival. Value: a line of JSON that says what is known of
 * it, a line end, the payload byte by byte: so a list never reads a payload, and a new reason never
 * touches one. Never in logs.
 *
 * Thread: any; values. Ownership: what is read borrows its payload from the value, the rest lives
 * in the caller's arena. */
#ifndef VOC_PIPELINE_DEAD_LETTER_H
#define VOC_PIPELINE_DEAD_LETTER_H

#include "base/arena.h"
#include "base/clock.h"
#include "daemon/format/json_out.h"
#include "daemon/format/reject.h"
#include "store/store.h"

struct dead_letter {
    struct span id, source;
    struct span stream; /* of a connector; absent: a webhook's */
    bool whole;         /* a delivery as it came, not one record of it */
    struct span code, detail;
    int64_t received_at;
    int64_t tried_at; /* NO_TIME: never again since it came */
    int64_t tries;
    struct span payload;
};

/* 0, -VOC_E_CORRUPT, -ENOMEM. */
int dead_letter_read(struct span key, struct span value, struct arena *a, struct dead_letter *ret);
/* The value to store; in `a`. 0 or -ENOMEM. */
int dead_letter_write(const struct dead_letter *l, struct arena *a, struct span *ret);
/* A member of a list, or, with the payload, the answer to who asked for it alone. */
void dead_letter_print(const struct dead_letter *l, bool with_payload, struct json_out *j,
                       struct arena *a);

/* The first key of that time: what is below came before. */
enum { DEAD_LETTER_KEY = UUID_TEXT };
void dead_letter_floor(int64_t ms, char out[DEAD_LETTER_KEY]);
/* When the letter of that key came. */
int64_t dead_letter_time(struct span key);

/* Removes up to `max` letters of a source, oldest first, as `view` shows them; *ret_n of them. */
int dead_letter_drop(struct store_txn *t, struct store_view *view, struct span source, size_t max,
                     size_t *ret_n);
/* The same for the notes of which letters were kept once (intake.h) that came before `ms`. */
int dead_letter_drop_marks(struct store_txn *t, struct store_view *view, int64_t ms, size_t max,
                           size_t *ret_n);

enum { DEAD_LETTER_TRIM = 1000 };  /* letters at most that one transaction lets go */
#define DEAD_LETTER_MARK "letter/" /* STORE_DOC_CURSOR; the value is the letter's key */

#endif
