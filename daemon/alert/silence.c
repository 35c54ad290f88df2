#include "daemon/alert/silence.h"

#include <math.h>

#include "base/err.h"
#include "daemon/stats.h"

/* Windows, in quarters. Each twice the one before, about: fewer would be told later, more would be
 * more chances to be wrong. */
static const int64_t windows[] = {1, 2, 4, 8, 16, 32, 64, 96, 192, 384, ARRIVAL_PER_WEEK};

int silence_sensitivity(struct span word)
{
    static const char *const words[] = {[SILENCE_OFF] = "off",
                                        [SILENCE_LOW] = "low",
                                        [SILENCE_NORMAL] = "normal",
                                        [SILENCE_HIGH] = "high"};
    for (int i = 0; i < (int)ARRAY_LEN(words); i++)
        if (span_is(word, words[i]))
            return i;
    return -1;
}

double silence_alpha(int sensitivity)
{
    static const double alphas[] = {
        [SILENCE_OFF] = 0, [SILENCE_LOW] = 1e-7, [SILENCE_NORMAL] = 1e-5, [SILENCE_HIGH] = 1e-3};
    return alphas[sensitivity];
}

static bool is_off(const struct silence_view *v, int64_t quarter)
{
    for (size_t i = 0; i < v->n_off; i++)
        if (quarter >= v->off[2 * i] && quarter < v->off[2 * i + 1])
            return true;
    return false;
}

/* False when nothing can be said of that quarter. */
static bool count_of(const struct silence_view *v, int64_t quarter, uint64_t *ret)
{
    uint32_t n = arrivals_get(v->counts, quarter);
    if (quarter < v->first || n == ARRIVAL_UNKNOWN || is_off(v, quarter) ||
        arrivals_get(v->watched, quarter) != 1)
        return false;
    *ret = n;
    return true;
}

/* What was added up so far, going backwards from the end. */
struct sums {
    uint64_t got, span; /* quarters now */
    uint64_t n[ARRIVAL_WEEKS], covered[ARRIVAL_WEEKS];
};

static void take(const struct silence_view *v, int64_t quarter, struct sums *s)
{
    uint64_t n;
    if (!count_of(v, quarter, &n))
        return;
    s->got += n;
    s->span++;
    for (size_t w = 0; w < ARRIVAL_WEEKS; w++) {
        if (!count_of(v, quarter - v->back[w], &n))
            continue;
        s->n[w] += n;
        s->covered[w]++;
    }
}

/* Weeks that show nine tenths of the window, as if they showed all of it; ascending. */
static size_t weeks_of(const struct sums *s, double y[ARRIVAL_WEEKS])
{
    size_t m = 0;
    for (size_t w = 0; w < ARRIVAL_WEEKS; w++) {
        if (s->span == 0 || s->covered[w] * 10 < s->span * 9)
            continue;
        double n = (double)s->n[w] * (double)s->span / (double)s->covered[w];
        size_t at = m++;
        for (; at > 0 && y[at - 1] > n; at--)
            y[at] = y[at - 1];
        y[at] = n;
    }
    return m;
}

static struct silence_value value_of(const struct sums *s)
{
    struct silence_value v = {.got = s->got, .p = 1};
    double y[ARRIVAL_WEEKS], sum = 0, squares = 0;
    size_t m = weeks_of(s, y);
    if (m < SILENCE_MIN_WEEKS)
        return v;
    double most = 2 * y[(m - 1) / 2] + 10; /* of two the lower is the median: the safe side */
    for (size_t i = 0; i < m; i++)
        sum += fmin(y[i], most);
    double mean = sum / (double)m;
    for (size_t i = 0; i < m; i++)
        squares += (fmin(y[i], most) - mean) * (fmin(y[i], most) - mean);
    double spread = mean > 0 ? (squares / (double)(m - 1) - mean) / (mean * mean) : 0;
    double variance = mean + fmax(spread, SILENCE_SPREAD) * mean * mean;
    v.minutes = (int64_t)s->span * ARRIVAL_MINUTES;
    v.weeks = (unsigned)m;
    v.expected = mean;
    v.p = stats_count_below(s->got, mean, variance * (1 + 1 / (double)m));
    return v;
}

static bool is_heard(const struct silence_value *v)
{
    return v->got > 0 && ((double)v->got >= v->expected / 2 || v->p >= SILENCE_HEARD);
}

/* Quarters at the end that lie behind the last pause. */
static int64_t since_pause(const struct silence_view *v)
{
    int64_t n = 0;
    while (n < ARRIVAL_PER_WEEK && arrivals_get(v->counts, v->end - 1 - n) != ARRIVAL_UNKNOWN)
        n++;
    return n;
}

enum silence_verdict silence_judge(const struct silence_view *v, double alpha, bool firing,
                                   struct silence_value *ret)
{
    struct sums s = {0};
    bool enough = false;
    *ret = (struct silence_value){.p = 1};
    int64_t most = since_pause(v), q = 0;
    for (size_t i = 0; i < ARRAY_LEN(windows) && windows[i] <= most; i++) {
        for (; q < windows[i]; q++)
            take(v, v->end - 1 - q, &s);
        struct silence_value now = value_of(&s);
        if (now.minutes == 0)
            continue;
        if (!enough)
            *ret = now;
        if (!enough && now.expected >= SILENCE_ENOUGH) {
            enough = true;
            if (is_heard(&now))
                return firing ? SILENCE_RECOVER : SILENCE_HOLD;
            if (firing)
                return SILENCE_HOLD;
        }
        if (!firing && now.p < alpha && (double)now.got <= SILENCE_SHARE * now.expected) {
            *ret = now;
            return SILENCE_FIRE;
        }
    }
    /* Nothing to compare with any more: any sign of life will do. */
    return firing && s.got > 0 ? SILENCE_RECOVER : SILENCE_HOLD;
}
