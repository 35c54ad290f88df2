#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/experiment/impl.h"

enum { ID_MAX = 255, NAME_MAX_BYTES = 300, SHARES_MAX = STORE_TRIAL_ARMS };

struct experiment experiment_default(struct span id)
{
    struct experiment e = {.id = id, .name = id, .from = NO_TIME, .to = INT64_MAX};
    experiment_set_measure(&e, TRIAL_CSAT);
    for (int m = 0; m < TRIAL_MEASURES; m++)
        e.lower_better[m] = measure_of((enum store_trial_measure)m)->lower_better;
    return e;
}

void experiment_set_measure(struct experiment *e, enum store_trial_measure m)
{
    e->measure = m;
    e->margin = measure_of(m)->margin;
}

struct reading {
    struct arena *a;
    struct experiment *e;
    char *message;
    json_t *whole;
};

static int wrong(struct reading *r, const char *what)
{
    snprintf(r->message, EXPERIMENT_MESSAGE, "%s", what);
    return -EINVAL;
}

static struct span text_of(json_t *v)
{
    return span_of(json_string_value(v), json_string_length(v));
}

/* Names end up in sentences and lists: no control characters. */
static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

static int read_name(struct reading *r, json_t *v, struct span *to, size_t max, const char *what)
{
    struct span text = text_of(v);
    if (!json_is_string(v) || text.n == 0 || text.n > max || !is_plain(text))
        return wrong(r, what);
    *to = arena_dup(r->a, text);
    return to->p ? 0 : -ENOMEM;
}

static int read_title(struct reading *r, json_t *v)
{
    return read_name(r, v, &r->e->name, NAME_MAX_BYTES, "name: a text of 1 to 300 bytes");
}

static int read_control(struct reading *r, json_t *v)
{
    return read_name(r, v, &r->e->control, ID_MAX, "control: the name of an arm");
}

static int read_measure(struct reading *r, json_t *v)
{
    int m = json_is_string(v) ? experiment_measure_find(text_of(v)) : -1;
    if (m < 0 || m == TRIAL_POLARITY)
        return wrong(r, "measure: csat, nps, ces, rating, negative_rate, positive_rate, "
                        "net_sentiment or response_rate");
    r->e->measure = (enum store_trial_measure)m;
    return 0;
}

static int by_arm(const void *a, const void *b)
{
    const struct experiment_share *x = a, *y = b;
    return span_cmp(x->arm, y->arm);
}

static int read_shares(struct reading *r, json_t *v)
{
    const char *what = "shares: an object of 2 to 100 arms and positive numbers, as {\"A\":1}";
    size_t size = json_object_size(v), n = 0;
    struct experiment_share *shares;
    const char *arm;
    json_t *share;
    if (size < 2 || size > SHARES_MAX)
        return wrong(r, what);
    shares = arena_array(r->a, size, sizeof *shares);
    if (!shares)
        return -ENOMEM;
    json_object_foreach(v, arm, share)
    {
        double value = json_number_value(share);
        struct span name = span_str(arm);
        if (!(value > 0) || value > 1e9 || name.n == 0 || name.n > ID_MAX || !is_plain(name))
            return wrong(r, what);
        shares[n] = (struct experiment_share){arena_dup(r->a, name), value};
        if (!shares[n++].arm.p)
            return -ENOMEM;
    }
    qsort(shares, n, sizeof *shares, by_arm);
    r->e->shares = shares;
    r->e->n_shares = n;
    return 0;
}

static int read_unit(struct reading *r, json_t *v)
{
    const char *unit = json_string_value(v);
    bool customer = unit && strcmp(unit, "customer") == 0;
    if (!customer && !(unit && strcmp(unit, "conversation") == 0))
        return wrong(r, "unit: conversation or customer");
    r->e->unit = customer ? STORE_UNIT_CUSTOMER : STORE_UNIT_CONVERSATION;
    return 0;
}

static int read_from(struct reading *r, json_t *v)
{
    r->e->from = json_integer_value(v);
    return json_is_integer(v) ? 0 : wrong(r, "from: a time");
}

static int read_to(struct reading *r, json_t *v)
{
    r->e->to = json_integer_value(v);
    return json_is_integer(v) ? 0 : wrong(r, "to: a time");
}

static int read_margin(struct reading *r, json_t *v)
{
    double margin = json_number_value(v);
    if (!json_is_number(v) || !(margin >= 0) || margin > 1e6)
        return wrong(r, "margin: a number of 0 or more, 0.02 being two percent");
    r->e->margin = margin;
    return 0;
}

static int read_direction(struct reading *r, json_t *v, int m)
{
    const char *better = json_string_value(v);
    bool lower = better && strcmp(better, "lower") == 0;
    if (m < 0 || (!lower && !(better && strcmp(better, "higher") == 0)))
        return wrong(r, "better: higher or lower, or these by measure, as {\"ces\":\"lower\"}");
    r->e->lower_better[m] = lower;
    return 0;
}

static int read_better(struct reading *r, json_t *v)
{
    const char *measure;
    json_t *word;
    int rc = 0;
    if (!json_is_object(v))
        return read_direction(r, v, r->e->measure);
    json_object_foreach(v, measure, word)
    {
        if (rc == 0)
            rc = read_direction(r, word, experiment_measure_find(span_str(measure)));
    }
    return rc;
}

static int read_sequential(struct reading *r, json_t *v)
{
    r->e->sequential = json_is_true(v);
    return json_is_boolean(v) ? 0 : wrong(r, "sequential: true or false");
}

static const struct {
    const char *key;
    int (*read)(struct reading *r, json_t *v);
} fields[] = {
    {"name", read_title},      {"measure", read_measure},
    {"control", read_control}, {"shares", read_shares},
    {"unit", read_unit},       {"from", read_from},
    {"to", read_to},           {"margin", read_margin},
    {"better", read_better},   {"sequential", read_sequential},
};

static int read_field(struct reading *r, const char *key, json_t *v)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (strcmp(fields[i].key, key) == 0)
            return json_is_null(v) ? 0 : fields[i].read(r, v);
    }
    snprintf(r->message, EXPERIMENT_MESSAGE, "\"%.64s\" is not a field of this", key);
    return -EINVAL;
}

/* The measure says what a margin and a direction default to, so it comes first. */
static int read_measure_first(struct reading *r)
{
    json_t *measure = json_object_get(r->whole, "measure");
    int rc = measure && !json_is_null(measure) ? read_measure(r, measure) : 0;
    if (rc == 0)
        experiment_set_measure(r->e, r->e->measure);
    return rc;
}

static bool shares_have(const struct experiment *e, struct span arm)
{
    for (size_t i = 0; i < e->n_shares; i++) {
        if (span_eq(e->shares[i].arm, arm))
            return true;
    }
    return false;
}

static int check_whole(struct reading *r)
{
    const struct experiment *e = r->e;
    if (e->from != NO_TIME && e->to != INT64_MAX && e->from >= e->to)
        return wrong(r, "from must lie before to");
    if (e->control.p && e->n_shares && !shares_have(e, e->control))
        return wrong(r, "control: not one of the arms in shares");
    return 0;
}

int experiment_read(struct span id, json_t *declaration, struct arena *a, struct experiment *ret,
                    char message[EXPERIMENT_MESSAGE])
{
    struct experiment e = experiment_default(id);
    struct reading r = {a, &e, message, declaration};
    const char *key;
    json_t *v;
    int rc = json_is_object(declaration) ? 0 : wrong(&r, "an object is expected");
    if (rc == 0 && (id.n == 0 || id.n > ID_MAX || !is_plain(id)))
        rc = wrong(&r, "an experiment's id has 1 to 255 bytes");
    if (rc == 0)
        rc = read_measure_first(&r);
    json_object_foreach(declaration, key, v)
    {
        rc = rc == 0 ? read_field(&r, key, v) : rc;
    }
    if (rc == 0)
        rc = check_whole(&r);
    if (rc < 0)
        return rc;
    e.declared = true;
    *ret = e;
    return 0;
}
