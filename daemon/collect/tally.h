/* tally: what became of the records of each hook since the daemon started, as struct poll counts
 * for sources that are polled. Bounded by the configuration: only hooks it names are counted.
 *
 * Thread: the loop. */
#ifndef VOC_COLLECT_TALLY_H
#define VOC_COLLECT_TALLY_H

#include "daemon/format/json_out.h"
#include "daemon/pipeline/intake.h"

struct tally;
struct tally_counts {
    struct span workspace, source;
    uint64_t items[OUTCOME_REJECTED + 1], letters;
    struct tally_counts *next;
};

int tally_new(struct tally **ret_tally);
void tally_free(struct tally *t); /* NULL is fine */
/* A committed intake of a hook. Memory short: not counted. `t` NULL: nothing. */
void tally_note(struct tally *t, struct span workspace, struct span source,
                const struct intake *in);
/* "records" and "dead_letters" of a source, as members of the object at hand. */
void tally_print(const uint64_t items[OUTCOME_REJECTED + 1], uint64_t letters, struct json_out *j);
const struct tally_counts *tally_first(const struct tally *t); /* `t` may be NULL */
const struct tally_counts *tally_find(const struct tally *t, struct span workspace,
                                      struct span source);

#endif
