/* trials: what experiments are made of: the arms that records name, and the sums over the units
 * that were dealt out to them. Included through store.h.
 *
 * A unit is what an arm was drawn for: a conversation or a customer. Its records belong together,
 * so besides plain sums there are those of squares over units, from which a variance follows that
 * knows it (daemon/stats.h, stats_ratio). Exact: worked out from the rows at every call. */
#ifndef VOC_STORE_TRIALS_H
#define VOC_STORE_TRIALS_H

#include "store/query.h"

enum store_unit {
    STORE_UNIT_CONVERSATION, /* a record without one is a unit of its own */
    STORE_UNIT_CUSTOMER,     /* a record without one goes by its conversation */
};

/* What a record may have an observation of: 0 or 1, for net measures also -1, or a number. */
enum store_trial_measure {
    TRIAL_CSAT,     /* 1: top two of the scale */
    TRIAL_NPS,      /* 1 promoter, -1 detractor */
    TRIAL_CES,      /* the value as given */
    TRIAL_RATING,   /* value / scale */
    TRIAL_NEGATIVE, /* of records with a sentiment, as the next two */
    TRIAL_POSITIVE,
    TRIAL_NET,      /* 1 positive, -1 negative */
    TRIAL_POLARITY, /* of records with text */
    TRIAL_RESPONSE, /* of surveyed records: 1 when there is an answer */
    TRIAL_MEASURES
};

/* Observations x, in units u that have n_u of them adding up to s_u. */
struct store_ratio {
    uint64_t n, units; /* observations; units with at least one */
    double sum, sum2;  /* of x, x² */
    double nn, ns, ss; /* over units: of n_u², n_u·s_u, s_u² */
};

struct store_arm {
    struct span arm;
    uint64_t rows, units;
    struct store_ratio of[TRIAL_MEASURES];
};

enum { STORE_TRIAL_ARMS = 100, STORE_TRIAL_UNITS = 1 << 22 };

struct store_trial_query {
    struct span experiment;
    enum store_unit unit;
    const struct where *where; /* NULL: all */
    int64_t now;
    int64_t from, to; /* [from, to) on created_at; NO_TIME / INT64_MAX open */
    struct store_budget budget;
};
struct store_trial {
    bool known;                   /* some record named it once, whatever the filter says */
    const struct store_arm *arms; /* by name; each with at least one row */
    size_t n_arms;
    uint64_t units;  /* distinct over all arms */
    uint64_t shared; /* of these, seen in more than one arm; such a unit counts in each */
    uint64_t rows_scanned;
};
/* 0; -E2BIG: more than STORE_TRIAL_ARMS arms; -VOC_E_BUDGET: time, rows or more than
 * STORE_TRIAL_UNITS units of several records; -ENOMEM. Result in `a`. */
int store_trial(struct store_view *v, const struct store_trial_query *q, struct arena *a,
                struct store_trial *ret);

/* One experiment and arm that some record names. */
struct store_trial_name {
    struct span experiment, arm;
    uint64_t rows;
    int64_t first, last; /* created_at */
};
/* All of them by experiment, then arm. The spans live in `a`. */
int store_trial_names(struct store_view *v, const struct store_budget *budget, struct arena *a,
                      const struct store_trial_name **ret, size_t *ret_n);

#endif
