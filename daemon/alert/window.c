#include "daemon/alert/window.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

enum { FIRST_BUCKETS = 8 };

struct window_part window_part(enum alert_measure m, enum sentiment s, struct scaled csat,
                               struct scaled nps)
{
    double ten = nps.has && nps.scale > 0 ? nps.value / nps.scale * 10 : 0;
    switch (m) {
    case ALERT_NEGATIVE_RATE:
        return (struct window_part){s != SENTIMENT_NONE, s == SENTIMENT_NEGATIVE};
    case ALERT_POSITIVE_RATE:
        return (struct window_part){s != SENTIMENT_NONE, s == SENTIMENT_POSITIVE};
    case ALERT_CSAT:
        return (struct window_part){csat.has, csat.has && csat.value > csat.scale - 2 + 1e-9};
    case ALERT_NPS:
        return (struct window_part){nps.has, nps.has ? (ten >= 9) - (ten <= 6) : 0};
    default:
        return (struct window_part){1, 1};
    }
}

static bool is_upward(enum alert_op op)
{
    return op == ALERT_GE || op == ALERT_GT;
}

bool window_speaks(const struct alert_test *t, struct window_part p)
{
    if (t->measure == ALERT_COUNT)
        return p.n > 0;
    if (is_upward(t->op))
        return p.net > 0;
    return p.n > 0 && p.net < (t->measure == ALERT_NPS ? 0 : 1);
}

void window_done(struct window *w)
{
    free(w->at);
    *w = (struct window){0};
}

/* The first bucket not before `minute`. Records come mostly in order: look at the end first. */
static size_t find(const struct window *w, int64_t minute)
{
    size_t low = 0, high = w->n;
    if (high && w->at[high - 1].minute < minute)
        return high;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (w->at[mid].minute < minute)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int insert(struct window *w, size_t at, int64_t minute)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : FIRST_BUCKETS;
        struct window_bucket *grown = reallocarray(w->at, cap, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        w->at = grown;
        w->cap = cap;
    }
    memmove(&w->at[at + 1], &w->at[at], (w->n - at) * sizeof *w->at);
    w->at[at] = (struct window_bucket){.minute = minute};
    w->n++;
    w->first += minute < w->start;
    return 0;
}

static void erase(struct window *w, size_t at)
{
    w->n--;
    memmove(&w->at[at], &w->at[at + 1], (w->n - at) * sizeof *w->at);
    w->first -= at < w->first;
}

static bool is_possible(int64_t n, int64_t net)
{
    return n >= 0 && n <= INT32_MAX && llabs(net) <= n;
}

int window_add(struct window *w, int64_t minute, struct window_part p)
{
    size_t at = find(w, minute);
    bool present = at < w->n && w->at[at].minute == minute;
    int64_t n = (present ? w->at[at].n : 0) + (int64_t)p.n;
    int64_t net = (present ? w->at[at].net : 0) + (int64_t)p.net;
    if (p.n == 0 && p.net == 0)
        return 0;
    if (!is_possible(n, net))
        return -ERANGE;
    if (!present && insert(w, at, minute) < 0)
        return -ENOMEM;
    w->at[at].n = (int32_t)n;
    w->at[at].net = (int32_t)net;
    if (minute >= w->start) {
        w->sum += p.n;
        w->sum_net += p.net;
    }
    if (n == 0)
        erase(w, at);
    return 0;
}

static void slide(struct window *w, int64_t start)
{
    while (w->first < w->n && w->at[w->first].minute < start) {
        w->sum -= w->at[w->first].n;
        w->sum_net -= w->at[w->first].net;
        w->first++;
    }
    while (w->first > 0 && w->at[w->first - 1].minute >= start) {
        w->first--;
        w->sum += w->at[w->first].n;
        w->sum_net += w->at[w->first].net;
    }
    w->start = start;
}

void window_prune(struct window *w, int64_t oldest)
{
    size_t gone = find(w, oldest);
    if (gone == 0)
        return;
    if (w->start < oldest)
        slide(w, oldest);
    w->n -= gone;
    w->first -= gone;
    memmove(w->at, w->at + gone, w->n * sizeof *w->at);
}

void window_clear(struct window *w)
{
    w->n = w->first = 0;
    w->sum = w->sum_net = 0;
}

struct window_value window_value(struct window *w, const struct alert_test *t, int64_t now)
{
    slide(w, window_minute(now) - t->window);
    struct window_value v = {w->sum, w->sum_net, NAN};
    if (t->measure == ALERT_COUNT)
        v.value = (double)v.n;
    else if (v.n > 0)
        v.value = (double)v.net / (double)v.n;
    return v;
}

static bool passes(enum alert_op op, double value, double bound)
{
    switch (op) {
    case ALERT_GE:
        return value >= bound;
    case ALERT_GT:
        return value > bound;
    case ALERT_LE:
        return value <= bound;
    default:
        return value < bound;
    }
}

enum window_verdict window_decide(const struct alert_test *t, bool firing,
                                  const struct window_value *v, int64_t now, int64_t *low_since)
{
    if (!firing) {
        *low_since = NO_TIME;
        bool fires = v->n >= t->min_samples && passes(t->op, v->value, t->threshold);
        return fires ? WINDOW_FIRE : WINDOW_HOLD;
    }
    if (v->n >= t->min_samples)
        *low_since = NO_TIME;
    else if (*low_since == NO_TIME || *low_since > now) /* the clock was set back */
        *low_since = now;
    if (isnan(v->value))
        return WINDOW_EMPTY;
    if (!passes(t->op, v->value, t->recover))
        return WINDOW_RECOVERED;
    if (*low_since != NO_TIME && now - *low_since >= t->window * MS_MINUTE)
        return WINDOW_FEW;
    return WINDOW_HOLD;
}

int64_t window_due(const struct window *w, const struct alert_test *t, bool firing,
                   int64_t low_since)
{
    int64_t due = INT64_MAX;
    bool only_falls = t->measure == ALERT_COUNT && is_upward(t->op);
    /* Time takes records out of a window and brings none: these can not begin to fire by it. */
    if (!firing && (only_falls || (t->measure != ALERT_COUNT && w->sum <= t->min_samples)))
        return due;
    if (w->first < w->n)
        due = (w->at[w->first].minute + t->window + 1) * MS_MINUTE;
    if (firing && low_since != NO_TIME && low_since + t->window * MS_MINUTE < due)
        due = low_since + t->window * MS_MINUTE;
    return due;
}
