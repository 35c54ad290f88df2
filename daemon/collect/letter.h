/* letter: what could not be mapped, on its way into an intake as a dead letter
 * (pipeline/dead_letter.h). Thread: the loop. Text lives in the intake's arena. */
#ifndef VOC_COLLECT_LETTER_H
#define VOC_COLLECT_LETTER_H

#include "base/clock.h"
#include "daemon/pipeline/intake.h"

struct letter {
    struct span source;
    struct span stream; /* of a connector; absent: a webhook's */
    const struct reject *why;
    struct span payload; /* any bytes */
    bool whole;          /* a delivery as it came, not one record of it */
    bool once;           /* the same payload of the same source is kept once only */
    size_t retry;        /* of a letter that is tried again: its number in the intake, plus one */
};

/* Counts it as rejected too. 0 or -ENOMEM. */
int letter_add(struct intake *in, const struct letter *l, int64_t now, struct rng rng);

#endif
