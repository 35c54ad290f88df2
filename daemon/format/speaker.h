/* speaker: who says what a transcript puts behind a label. Only the customer's words are analysed,
 * so a label nobody knows is no customer's and no agent's: the reader refuses it.
 *
 * Thread: any; pure. */
#ifndef VOC_FORMAT_SPEAKER_H
#define VOC_FORMAT_SPEAKER_H

#include "base/record.h"

enum {
    SPEAKER_UNKNOWN = -1,
    SPEAKER_TEXT = -2, /* no speaker: what looks like a label is part of what was said */
};

/* Labels of one's own, told before those that everybody uses. */
struct speakers {
    const struct pair *names; /* label -> customer, agent, system, text */
    size_t n;
    int others; /* what any other label is: an enum speaker, or SPEAKER_UNKNOWN */
};

/* customer, agent, system or text; SPEAKER_UNKNOWN for another word. */
int speaker_role(struct span word);
/* An enum speaker, SPEAKER_TEXT or SPEAKER_UNKNOWN. Of the usual labels case, a number and a letter
 * at the end do not matter: 고객, 상담원 2, 상담사A, Agent, CALLER 1. */
int speaker_find(const struct speakers *s, struct span label);

#endif
