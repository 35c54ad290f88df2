/* window: the arithmetic of threshold rules: minute buckets of one (rule, group), the value of a
 * measure over the window that ends now, and what to do about it. The same code serves live
 * records, seeding from facts and backtests.
 *
 * The window of W minutes at time t holds the minutes from floor(t) - W on: at least W whole
 * minutes, and records of the future (senders' clocks) at once, in the minute they name. So a wall
 * clock that steps back takes nothing out of a window.
 *
 * Pure: no clock, no store. Ownership: a window owns its buckets. */
#ifndef VOC_ALERT_WINDOW_H
#define VOC_ALERT_WINDOW_H

#include "base/record.h"

enum alert_measure {
    ALERT_COUNT,
    ALERT_NEGATIVE_RATE, /* of the records with a sentiment */
    ALERT_POSITIVE_RATE,
    ALERT_CSAT, /* share in the top two of the scale */
    ALERT_NPS,  /* promoters - detractors, as a fraction -1 … 1 */
    ALERT_MEASURES
};
enum alert_op { ALERT_GE, ALERT_GT, ALERT_LE, ALERT_LT, ALERT_OPS };

struct alert_test {
    enum alert_measure measure;
    enum alert_op op;
    double threshold;
    double recover; /* resolved when `value op recover` no longer holds */
    int64_t window; /* minutes */
    int64_t min_samples;
};

/* What one record adds: whether it is counted, and with which sign. */
struct window_part {
    int32_t n, net;
};
struct window_part window_part(enum alert_measure m, enum sentiment s, struct scaled csat,
                               struct scaled nps);
/* Whether such a record speaks for the alert: an example worth showing. */
bool window_speaks(const struct alert_test *t, struct window_part p);

struct window_bucket {
    int64_t minute;
    int32_t n, net;
};
struct window {
    struct window_bucket *at; /* ascending, none empty */
    size_t n, cap;
    int64_t start;        /* of the sums: */
    size_t first;         /* the first bucket not before `start` */
    int64_t sum, sum_net; /* of it and those after it */
};
struct window_value {
    int64_t n, net;
    double value; /* NaN: of nothing */
};
enum window_verdict {
    WINDOW_HOLD,
    WINDOW_FIRE,
    WINDOW_RECOVERED, /* the value passed `recover` */
    WINDOW_EMPTY,     /* nothing left to measure */
    WINDOW_FEW,       /* under min_samples for a whole window */
};

static inline int64_t window_minute(int64_t ms)
{
    return ms / MS_MINUTE - (ms % MS_MINUTE < 0);
}

void window_done(struct window *w);
/* Adds (or, negative, takes back) at a minute. 0; -ENOMEM; -ERANGE when more would be taken back
 * than is there: then nothing changed. Taking back, and then undoing that, never needs memory. */
int window_add(struct window *w, int64_t minute, struct window_part p);
/* Forgets the minutes before `oldest`; keeps the memory. */
void window_prune(struct window *w, int64_t oldest);
/* Forgets all, keeps the memory. */
void window_clear(struct window *w);
/* The measure at `now`. Moves the sums, which is no change of what the window holds. */
struct window_value window_value(struct window *w, const struct alert_test *t, int64_t now);
/* *low_since: since when, while firing, n has been under min_samples (NO_TIME: it is not); kept by
 * the caller from one decision to the next. */
enum window_verdict window_decide(const struct alert_test *t, bool firing,
                                  const struct window_value *v, int64_t now, int64_t *low_since);
/* When the verdict may next change without a record, ms; INT64_MAX: never. After window_value() and
 * window_decide() at the same time. */
int64_t window_due(const struct window *w, const struct alert_test *t, bool firing,
                   int64_t low_since);

#endif
