/* explain: the analysis of a stored record made again with its evidence, which is not kept.
 * Thread: any. */
#ifndef VOC_EXPLAIN_H
#define VOC_EXPLAIN_H

#include "nlp/nlp.h"

/* In `a`; spans into the tables. 0 or -ENOMEM. */
int explain(const struct nlp_tables *tables, const struct feedback *f, struct arena *a,
            struct analysis *ret);

/* What the pipeline does for each record that comes in, shared so that the two can not differ. */
int analyze_feedback(const struct nlp_tables *tables, struct nlp_scratch *scratch,
                     const struct feedback *f, unsigned want, struct arena *a,
                     struct analysis *ret);

#endif
