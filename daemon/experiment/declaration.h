/* declaration: what an experiment was meant to be: one document of the store, by the experiment's
 * id. Thread: any; pure. Ownership: as experiment.h, which includes this. */
#ifndef VOC_EXPERIMENT_DECLARATION_H
#define VOC_EXPERIMENT_DECLARATION_H

#include <jansson.h>

#include "base/arena.h"
#include "store/store.h"

enum { EXPERIMENT_MESSAGE = 200 };

/* The code of product: csat, nps, ces, rating, negative_rate … */
const char *experiment_measure_code(enum store_trial_measure m);
/* -1 when there is none of that name. */
int experiment_measure_find(struct span code);

struct experiment_share {
    struct span arm;
    double share; /* any positive scale */
};
struct experiment {
    struct span id, name;
    enum store_trial_measure measure;
    struct span control;                   /* absent: the usual one */
    const struct experiment_share *shares; /* by arm; none: equal shares of the arms seen */
    size_t n_shares;
    enum store_unit unit;
    int64_t from, to; /* NO_TIME / INT64_MAX: open */
    double margin;    /* of indifference, in the measure's own terms */
    bool lower_better[TRIAL_MEASURES];
    bool sequential; /* the verdict is made to be looked at every day */
    bool declared;
};
/* What holds when nothing was declared: csat, conversations, always, equal shares. */
struct experiment experiment_default(struct span id);
/* Another measure, with that one's usual margin. */
void experiment_set_measure(struct experiment *e, enum store_trial_measure m);
/* A declaration {"name","measure","control","shares","unit","from","to","margin","better",
 * "sequential"}, all optional, from and to in milliseconds; better is a word for the measure or an
 * object of words by measure. 0; -EINVAL with `message`; -ENOMEM. */
int experiment_read(struct span id, json_t *declaration, struct arena *a, struct experiment *ret,
                    char message[EXPERIMENT_MESSAGE]);

#endif
