/* experiment: A/B tests of response scripts: sums over the units of each arm in, a summary out that
 * a centre manager can act on. docs/experiments.md has the formulas and how to read it.
 *
 * The arms come from the records; a declaration (one document of the store) says what they were
 * meant to be. Thread: any; pure. Ownership: results live in the caller's arena and borrow from
 * what was put in. */
#ifndef VOC_EXPERIMENT_H
#define VOC_EXPERIMENT_H

#include <jansson.h>

#include "base/arena.h"
#include "store/store.h"

enum {
    EXPERIMENT_ID_MAX = 255,
    EXPERIMENT_NAME_MAX = 300,
    EXPERIMENT_SHARES_MAX = STORE_TRIAL_ARMS,
    EXPERIMENT_MIN_UNITS = 10, /* with an answer, in each arm: below it nothing is decided */
    EXPERIMENT_MESSAGE = 200,
};
#define EXPERIMENT_LEVEL 0.95
#define EXPERIMENT_RATIO_P 0.001      /* below it the check of the sample ratio fails */
#define EXPERIMENT_SHARED_MAX 0.1     /* units in several arms: beyond it nothing is compared */
#define EXPERIMENT_UNPLANNED_MAX 0.01 /* units in arms that the declaration does not name */
#define EXPERIMENT_TUNED 500          /* units at which the any-time interval is tightest */

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

/* The control of arms nobody declared one for: the one called control or A, else the first by name;
 * SIZE_MAX of none. */
size_t experiment_usual_control(const struct span *arms, size_t n);

struct experiment_number { /* n 0: nothing is known */
    double value, low, high;
    uint64_t n, units; /* observations; units they are of */
};
struct experiment_difference { /* arm less control; !known: one of them has nothing */
    bool known;
    double value, low, high, p;
    double p_adjusted;        /* Holm, over the arms */
    double any_low, any_high; /* hold at whatever moment one stops: stats_any_time() */
    double any_p, any_p_adjusted;
};
enum experiment_code {
    VERDICT_WIN,
    VERDICT_LOSE,
    VERDICT_FLAT,
    VERDICT_INCONCLUSIVE,
    VERDICT_INVALID
};
/* Why, as a code for machines. */
#define EXPERIMENT_REASONS(X)                                                                      \
    X(REASON_DIFFERENT, "different")                                                               \
    X(REASON_EQUIVALENT, "equivalent")                                                             \
    X(REASON_UNDECIDED, "undecided")                                                               \
    X(REASON_FEW_ANSWERS, "few_answers")                                                           \
    X(REASON_NO_RECORDS, "no_records")                                                             \
    X(REASON_ONE_ARM, "one_arm")                                                                   \
    X(REASON_CONTROL, "unknown_control")                                                           \
    X(REASON_RATIO, "sample_ratio")                                                                \
    X(REASON_UNPLANNED, "unplanned_arms")                                                          \
    X(REASON_SHARED, "several_arms")
#define X(id, code) id,
enum experiment_reason { EXPERIMENT_REASONS(X) };
#undef X
const char *experiment_code_text(enum experiment_code c);
const char *experiment_reason_text(enum experiment_reason r);

struct experiment_arm {
    struct span arm;
    bool planned;
    double expected; /* share of the units; 0 when not planned */
    uint64_t assigned, records, surveyed, responded;
    struct experiment_number of[TRIAL_MEASURES];
};
struct experiment_comparison {
    size_t arm; /* of arms[] */
    struct experiment_difference of[TRIAL_MEASURES];
    enum experiment_code code;
    enum experiment_reason reason;
    uint64_t needed; /* more answers in each of the two arms; 0: none, or beyond 1,000,000 */
};
struct experiment_warning {
    const char *code;
    struct span ko, en;
};
enum { EXPERIMENT_WARNINGS = 4 };
struct experiment_summary {
    const struct experiment_arm *arms; /* the control first, then by name */
    size_t n_arms;
    bool has_control; /* arms[0] is it */
    struct span control;
    const struct experiment_comparison *comparisons; /* each other arm with the control */
    size_t n_comparisons;
    double ratio_p;
    bool ratio_passed;
    uint64_t units, shared;
    enum experiment_code code;
    enum experiment_reason reason;
    size_t decisive; /* the comparison the verdict speaks of; SIZE_MAX: none */
    struct span ko, en;
    struct experiment_warning warnings[EXPERIMENT_WARNINGS];
    size_t n_warnings;
};
/* `now` tells whether it still runs. 0 or -ENOMEM. */
int experiment_summarize(const struct experiment *e, const struct store_trial *sums, int64_t now,
                         struct arena *a, struct experiment_summary *ret);

#endif
