#include "base/where_impl.h"

#include <math.h>

/* One subject of a filter: a record, or a customer's state. */
struct subject {
    const struct where_record *record;
    struct span customer;
    const struct pair *attributes;
    size_t n_attributes;
    int64_t now;
};

static bool ordered(enum where_op op, int cmp)
{
    switch (op) {
    case WHERE_LT:
        return cmp < 0;
    case WHERE_LE:
        return cmp <= 0;
    case WHERE_GT:
        return cmp > 0;
    case WHERE_GE:
        return cmp >= 0;
    default:
        return cmp == 0;
    }
}

/* The first value an order names; any of them for `=` and `in`. */
bool where_test_number(const struct where_node *test, double value)
{
    for (size_t i = 0; i < test->n_values && !isnan(value); i++) {
        double v = test->values[i].number;

        if (test->values[i].is_number && ordered(test->op, (value > v) - (value < v)))
            return true;
    }
    return false;
}

static int64_t resolve(const struct where_value *v, int64_t now)
{
    int64_t at;

    if (!v->is_relative)
        return v->time;
    if (__builtin_add_overflow(now, v->time, &at))
        return v->time < 0 ? INT64_MIN : INT64_MAX;
    return at;
}

bool where_test_time(const struct where_node *test, int64_t value, int64_t now)
{
    for (size_t i = 0; i < test->n_values && value != NO_TIME; i++) {
        const struct where_value *v = &test->values[i];
        int64_t at = resolve(v, now);

        if (v->is_relative && now == NO_TIME)
            continue;
        if ((v->is_time || v->is_relative) && ordered(test->op, (value > at) - (value < at)))
            return true;
    }
    return false;
}

/* delivery is also delivery/late, but not delivery_fee. */
static bool covers(struct span path, struct span value)
{
    return span_starts(path, value) && (path.n == value.n || path.p[value.n] == '/');
}

/* Past 2^53 neighbours share a double: long numbers are ids and compare as text. */
static bool same_number(const struct where_value *v, struct span stored)
{
    double number;

    return v->is_number && fabs(v->number) < 0x1p53 && span_to_f64(stored, &number) == 0 &&
           number == v->number;
}

static bool equals(const struct where_node *test, const struct where_value *v, struct span stored)
{
    if (test->field == WF_CATEGORY)
        return covers(stored, v->text);
    return span_eq(stored, v->text) || (test->field == WF_ATTRIBUTE && same_number(v, stored));
}

bool where_test_attribute(const struct where_node *test, struct span value, int64_t now)
{
    double number;
    int64_t time;

    if (test->op == WHERE_EQ || test->op == WHERE_IN || test->op == WHERE_MATCHES)
        return where_test_text(test, value);
    if (test->values[0].is_number)
        return span_to_f64(value, &number) == 0 && where_test_number(test, number);
    return where_parse_time(value, &time) == 0 && where_test_time(test, time, now);
}

bool where_test_text(const struct where_node *test, struct span value)
{
    if (value.n == 0)
        return false;
    if (test->op == WHERE_MATCHES)
        return span_glob(value, test->values[0].text);
    if (test->op != WHERE_EQ && test->op != WHERE_IN)
        return where_test_attribute(test, value, NO_TIME);
    for (size_t i = 0; i < test->n_values; i++)
        if (equals(test, &test->values[i], value))
            return true;
    return false;
}

static struct span find_pair(const struct pair *pairs, size_t n, struct span key)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = span_cmp(pairs[mid].key, key);

        if (c == 0)
            return pairs[mid].value;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SPAN_NONE;
}

struct span where_record_text(enum where_field field, const struct where_record *r)
{
    const struct feedback *f = r->feedback;
    const struct analysis *a = r->analysis;
    switch (field) {
    case WF_SOURCE:
        return f->source;
    case WF_KIND:
        return span_str(vocab_code(VOCAB_KIND, (int)f->kind));
    case WF_CHANNEL:
        return f->channel;
    case WF_STATUS:
        return f->status;
    case WF_LANG:
        return a ? span_str(vocab_code(VOCAB_LANG, (int)a->lang)) : f->lang;
    case WF_SENTIMENT:
        return a ? span_str(vocab_code(VOCAB_SENTIMENT, (int)a->sentiment)) : SPAN_NONE;
    case WF_TYPE:
        return a ? a->type : SPAN_NONE;
    case WF_STAGE:
        return span_str(vocab_code(VOCAB_STAGE, (int)f->stage));
    case WF_AGENT:
        return f->agent;
    case WF_TEAM:
        return f->team;
    case WF_VENDOR:
        return f->vendor;
    case WF_PRODUCT:
        return f->product;
    case WF_CUSTOMER:
        return f->customer.id;
    case WF_CONVERSATION:
        return f->conversation;
    default:
        return SPAN_NONE;
    }
}

static bool any_of(const struct where_node *test, const struct span *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (where_test_text(test, values[i]))
            return true;
    return false;
}

static bool match_multi(const struct where_node *test, const struct where_record *r)
{
    const struct analysis *a = r->analysis;

    switch (test->field) {
    case WF_SEGMENT:
        return any_of(test, r->segments, r->n_segments);
    case WF_TAG:
        return any_of(test, r->feedback->tags, r->feedback->n_tags);
    case WF_SIGNAL:
        return a && any_of(test, a->signals, a->n_signals);
    default:
        for (size_t i = 0; a && i < a->n_categories; i++)
            if (where_test_text(test, a->categories[i].code))
                return true;
        return false;
    }
}

/* NaN when absent: no test holds on it. */
static double number_of(enum where_field field, const struct where_record *r)
{
    const struct feedback *f = r->feedback;
    bool read = r->analysis && r->analysis->sentiment != SENTIMENT_NONE;

    switch (field) {
    case WF_POLARITY:
        return read ? r->analysis->polarity : NAN;
    case WF_CONFIDENCE:
        return read ? r->analysis->confidence : NAN;
    case WF_RATING:
        return f->rating.has && f->rating.scale > 0 ? f->rating.value / f->rating.scale : NAN;
    case WF_CSAT:
        return f->csat.has ? f->csat.value : NAN;
    case WF_NPS:
        return f->nps.has ? f->nps.value : NAN;
    case WF_CES:
        return f->ces.has ? f->ces.value : NAN;
    default:
        return NAN;
    }
}

static bool match_record(const struct where_node *test, const struct subject *s)
{
    const struct feedback *f = s->record->feedback;

    if (test->field == WF_ATTRIBUTE)
        return where_test_attribute(test, find_pair(f->attributes, f->n_attributes, test->key),
                                    s->now);
    if (test->field == WF_EXPERIMENT)
        return where_test_text(test, find_pair(f->experiments, f->n_experiments, test->key));
    switch (where_field_type(test->field)) {
    case WHERE_TEXT:
        return where_test_text(test, where_record_text(test->field, s->record));
    case WHERE_MULTI:
        return match_multi(test, s->record);
    case WHERE_NUMBER:
        return where_test_number(test, number_of(test->field, s->record));
    case WHERE_TIME:
        return where_test_time(test, f->created_at, s->now);
    default:
        return (test->field == WF_SURVEYED ? f->surveyed : f->backfill) == test->values[0].boolean;
    }
}

static bool match_test(const struct where_node *test, const struct subject *s)
{
    if (s->record)
        return match_record(test, s);
    if (test->field == WF_CUSTOMER)
        return where_test_text(test, s->customer);
    return where_test_attribute(test, find_pair(s->attributes, s->n_attributes, test->key), s->now);
}

static bool match_node(const struct where_node *n, const struct subject *s)
{
    switch (n->op) {
    case WHERE_AND:
        return match_node(n->left, s) && match_node(n->right, s);
    case WHERE_OR:
        return match_node(n->left, s) || match_node(n->right, s);
    case WHERE_NOT:
        return !match_node(n->left, s);
    default:
        return match_test(n, s);
    }
}

static int each_test(const struct where_node *n, where_test_fn *fn, void *ctx)
{
    bool inner = n->op == WHERE_AND || n->op == WHERE_OR || n->op == WHERE_NOT;
    int r = inner ? each_test(n->left, fn, ctx) : fn(ctx, n);

    return r == 0 && (n->op == WHERE_AND || n->op == WHERE_OR) ? each_test(n->right, fn, ctx) : r;
}

int where_each_test(const struct where *w, where_test_fn *fn, void *ctx)
{
    return w->root ? each_test(w->root, fn, ctx) : 0;
}

bool where_match(const struct where *w, const struct where_record *r, int64_t now)
{
    const struct subject s = {.record = r, .now = now};

    return !w->root || match_node(w->root, &s);
}

bool where_match_customer(const struct where *w, struct span id, const struct pair *attributes,
                          size_t n_attributes, int64_t now)
{
    const struct subject s = {
        .customer = id, .attributes = attributes, .n_attributes = n_attributes, .now = now};

    return !w->root || match_node(w->root, &s);
}
