/* letter: what could not be mapped, as GET /v1/dead-letters shows it, on its way into an intake.
 * Thread: the loop. Text lives in the intake's arena. */
#ifndef VOC_COLLECT_LETTER_H
#define VOC_COLLECT_LETTER_H

#include "base/clock.h"
#include "daemon/pipeline/intake.h"

struct letter {
    struct span source;
    const struct reject *why;
    struct span payload; /* any bytes */
    bool once;           /* the same payload of the same source is kept once only */
};

/* Counts it as rejected too. 0 or -ENOMEM. */
int letter_add(struct intake *in, const struct letter *l, int64_t now, struct rng rng);

#endif
