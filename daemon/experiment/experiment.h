/* experiment: A/B tests of response scripts: sums over the units of each arm in, a summary out that
 * a centre manager can act on (docs/experiments.md). Arms come from the records; a declaration (one
 * document of the store) says what they were meant to be. Thread: any; pure. Ownership: results
 * live in the caller's arena and borrow from what was put in. */
#ifndef VOC_EXPERIMENT_H
#define VOC_EXPERIMENT_H

#include "daemon/experiment/declaration.h"

enum { EXPERIMENT_MIN_UNITS = 10 }; /* with an answer, in each arm: below it nothing is decided */
#define EXPERIMENT_LEVEL 0.95

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
enum experiment_reason {
    REASON_DIFFERENT,
    REASON_EQUIVALENT,
    REASON_UNDECIDED,
    REASON_FEW_ANSWERS,
    REASON_NO_RECORDS,
    REASON_ONE_ARM,
    REASON_CONTROL,
    REASON_RATIO,
    REASON_UNPLANNED,
    REASON_SHARED
};
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
