/* impl: what the files of experiment/ share. Private. Pure. */
#ifndef VOC_EXPERIMENT_IMPL_H
#define VOC_EXPERIMENT_IMPL_H

#include "daemon/experiment/experiment.h"

#define RATIO_P 0.001      /* below it the check of the sample ratio fails */
#define SHARED_MAX 0.1     /* units in several arms: beyond it nothing is compared */
#define UNPLANNED_MAX 0.01 /* units in arms that the declaration does not name: likewise */

enum measure_kind { MEASURE_SHARE, MEASURE_NET, MEASURE_MEAN };

struct measure {
    const char *code;
    enum measure_kind kind;
    bool lower_better;
    double margin; /* a difference nobody would act on */
    double step;   /* between two answers */
    double scale;  /* of what is shown: 100 for percent and points */
    int digits;
    const char *ko, *en;
    const char *ko_unit, *en_unit; /* after a value */
    const char *ko_gap, *en_gap;   /* after a difference */
    const char *ko_n, *en_n;       /* what its observations are called */
};
const struct measure *measure_of(enum store_trial_measure m);

/* `r` may be NULL: no observations. */
struct experiment_number measure_number(enum store_trial_measure m, const struct store_ratio *r);
/* a − b. p_adjusted and any_p_adjusted are left to the caller. */
struct experiment_difference measure_difference(enum store_trial_measure m,
                                                const struct store_ratio *a,
                                                const struct store_ratio *b);

/* Korean and English sentences of s, from its code, reason and numbers. 0 or -ENOMEM. */
int sentence_verdict(const struct experiment *e, struct experiment_summary *s, struct arena *a);
int sentence_warnings(const struct experiment *e, struct experiment_summary *s, int64_t now,
                      struct arena *a);

#endif
