/* replay: dead letters tried again through what their sources' mapping is now: a hook's `map`, a
 * connector's stream.
 *
 *   letters from the store, oldest first ─► map ─► intake (bulk lane) ─► commit ─► the next chunk
 *
 * A letter leaves the store in the very transaction that brings its records in; one that still does
 * not fit stays with its new reason. A delivery of several records of which some fit becomes one
 * letter for each that does not. So a crash at any moment loses nothing and doubles nothing, and
 * asking again is always safe. Letters whose source is configured no more are left alone.
 *
 * Bounds: REPLAY_LETTERS letters or REPLAY_BYTES of payload a transaction, but one at least; one
 * chunk under way. What comes in while it goes on is not tried.
 *
 * Thread: the loop. */
#ifndef VOC_COLLECT_REPLAY_H
#define VOC_COLLECT_REPLAY_H

#include "daemon/app.h"

enum { REPLAY_LETTERS = 100, REPLAY_BYTES = 1 << 20 };

struct replay_choice {
    struct span source, code; /* absent: any */
    const struct span *ids;   /* none: all */
    size_t n_ids;
};
struct replay_counts {
    uint64_t tried; /* letters: mapped + kept + skipped */
    uint64_t mapped, kept;
    uint64_t skipped;                       /* no such source any more, or removed meanwhile */
    uint64_t accepted, updated, duplicates; /* records */
};
/* `done`, now or later, on the loop, with what is on disk by then; `rc` is 0, or why it ended early
 * (-EAGAIN, the error of a commit). `choice` is copied. 0 or -ENOMEM: then `done` is not called. */
int replay_start(struct app *app, struct workspace *ws, const struct replay_choice *choice,
                 void (*done)(void *ctx, int rc, const struct replay_counts *counts), void *ctx);

#endif
