/* transcript: a conversation written down as text → its turns.
 *
 *   plain    통화일시: 2026-11-22 09:10      lines before the first turn: fields of the head;
 *                                            an empty line ends it
 *            [00:00:03] 상담원: 안녕하세요    also `상담원 (00:03): …`, `[상담원] …`, and a line
 *            고객: 배송이 아직 안 왔어요      `고객 00:07` with the words on the next ones;
 *            어제 온다고 했는데요            a line without a label goes on
 *   WebVTT   <v Agent>Hello</v>, or a label as above at the beginning of a cue
 *   SRT      a label as above
 *
 * Cues of one speaker in a row are one turn. Times count from the beginning. A label that speakers
 * do not know refuses the transcript: an agent's words read as the customer's would be worse than
 * none. Text without any label is no conversation but a note: no turns, and `note` is what it says.
 *
 * Thread: any; pure. Ownership: all of the result lives in the arena. */
#ifndef VOC_FORMAT_TRANSCRIPT_H
#define VOC_FORMAT_TRANSCRIPT_H

#include "base/arena.h"
#include "daemon/format/reject.h"
#include "daemon/format/speaker.h"

enum transcript_form { TRANSCRIPT_PLAIN, TRANSCRIPT_VTT, TRANSCRIPT_SRT };

enum {
    TRANSCRIPT_MAX_BYTES = 4 << 20,
    TRANSCRIPT_MAX_TURNS = 20000,
    TRANSCRIPT_MAX_HEAD = 64,
    TRANSCRIPT_MAX_LABEL = 64, /* bytes */
};

struct utterance {
    struct span label;
    enum speaker by;
    int64_t after; /* ms since the beginning, or NO_TIME */
    struct span text;
};

struct transcript {
    const struct pair *head;
    size_t n_head;
    const struct utterance *said;
    size_t n_said;
    struct span note;
};

/* `text` is UTF-8. 0; -EINVAL with *why, naming the line; -ENOMEM. */
int transcript_read(enum transcript_form form, struct span text, const struct speakers *speakers,
                    struct arena *a, struct transcript *ret, struct reject *why);
/* "1:23", "00:01:23", "00:01:23.456", "00:01:23,456": ms. 0 or -EINVAL. */
int transcript_time(struct span s, int64_t *ret_ms);

#endif
