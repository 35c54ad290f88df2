/* Learned labels: for each of sentiments, types, categories and signals (and for whether the text
 * is about a service at all) a sum over the n-grams of the text, the rules that fired and what the
 * clauses say of themselves, brought to the text's length. */
#include <math.h>

#include "nlp/labels.h"

static const char *const mark_names[MARK_COUNT] = {
#define X(id, name) name,
    LEX_MARKS(X)
#undef X
};

static const struct lex_label *label_at(const struct nlp_tables *t, const struct nlp_scratch *s,
                                        size_t lane)
{
    return &t->labels[s->first_lane + lane];
}

static void set_mark(struct nlp_scratch *s, enum lex_mark mark, bool holds)
{
    s->has_mark[mark] = holds;
}

static void mark_steps(struct nlp_scratch *s, enum lex_mark above, double value)
{
    static const double steps[LEX_MARK_STEPS] = {0.2, 0.6, 1.2, 2, 3, 4};
    for (size_t i = 0; i < LEX_MARK_STEPS; i++) {
        set_mark(s, above + i, value > steps[i]);
        set_mark(s, above + LEX_MARK_STEPS + i, value < -steps[i]);
    }
}

static void mark_end(struct nlp_scratch *s)
{
    const struct clause *c = &s->clauses.at[s->clauses.n - 1];
    set_mark(s, MARK_END_QUESTION, c->gate & GATE_QUESTION);
    set_mark(s, MARK_END_REQUEST, c->gate & GATE_REQUEST);
    set_mark(s, MARK_END_WISH, c->gate & GATE_WISH);
    set_mark(s, MARK_END_FAILURE, c->failure);
    set_mark(s, MARK_END_CONTRAST, s->clauses.n > 1 && c[-1].contrast);
    set_mark(s, MARK_END_PAST, c->past);
    set_mark(s, MARK_END_GOOD, c->sum > 0.3);
    set_mark(s, MARK_END_BAD, c->sum < -0.3);
}

static void set_marks(struct nlp_scratch *s)
{
    double words = 0;
    for (size_t i = 0; i < s->clauses.n; i++)
        words += s->clauses.at[i].sum;
    set_mark(s, MARK_QUESTION, s->any_question);
    set_mark(s, MARK_REQUEST, s->any_request);
    set_mark(s, MARK_WISH, s->any_wish);
    set_mark(s, MARK_FAILURE, s->any_failure);
    set_mark(s, MARK_CURATED, s->any_curated);
    mark_end(s);
    mark_steps(s, MARK_TABLE_ABOVE0, s->table_odds);
    mark_steps(s, MARK_WORDS_ABOVE0, words);
}

static void add_feature(const struct nlp_tables *t, struct nlp_scratch *s, size_t feature)
{
    const struct lex_feature *f = &t->features[feature];
    for (size_t k = 0; k < LEX_LANES; k++)
        s->label_sums[k] += f->weight[k];
}

static void add_features(const struct nlp_tables *t, struct nlp_scratch *s)
{
    const size_t first_mark = s->first_lane / LEX_LANES * MARK_COUNT;
    for (size_t k = 0; k < MARK_COUNT; k++)
        if (s->has_mark[k])
            add_feature(t, s, first_mark + k);
    for (size_t i = 0; i < s->rule_hits.n; i++) {
        const uint32_t feature = t->rules[s->rule_hits.at[i].rule].feature;
        if (!feature || s->feature_done[feature] == s->text_stamp)
            continue;
        s->feature_done[feature] = s->text_stamp;
        add_feature(t, s, feature);
    }
}

void labels_read(const struct nlp_tables *t, struct nlp_scratch *s)
{
    memset(s->has_mark, 0, sizeof(s->has_mark));
    if (s->clauses.n)
        set_marks(s);
    add_features(t, s);
    const double length = sqrt(1.0 + (double)s->n_label_grams);
    for (size_t k = 0; k < LEX_LANES; k++) {
        const struct lex_label *l = label_at(t, s, k);
        s->label_score[k] = (double)l->bias + (double)l->scale * s->label_sums[k] / length;
    }
}

const struct label_lanes *label_lanes(const struct nlp_tables *t, const struct nlp_scratch *s,
                                      enum lex_label_kind kind)
{
    return &t->lanes[s->first_lane != 0][kind];
}

int label_lane(const struct nlp_tables *t, const struct nlp_scratch *s, enum lex_label_kind kind,
               struct span code)
{
    const struct label_lanes *lanes = label_lanes(t, s, kind);
    for (unsigned i = 0; i < lanes->n; i++)
        if (span_eq(lanes->code[i], code))
            return lanes->lane[i];
    return -1;
}

bool label_holds(const struct nlp_tables *t, const struct nlp_scratch *s, size_t lane)
{
    const struct lex_label *l = label_at(t, s, lane);
    return !l->silenced && s->label_score[lane] > (double)l->threshold;
}

/* A complaint is negative and nothing else is, but what is none of all; praise likewise. */
static bool go_together(enum sentiment sentiment, enum fb_type type)
{
    if (type == TYPE_OTHER)
        return true;
    return (sentiment == SENTIMENT_NEGATIVE) == (type == TYPE_COMPLAINT) &&
           (sentiment == SENTIMENT_POSITIVE) == (type == TYPE_PRAISE);
}

bool labels_judge(const struct nlp_tables *t, const struct nlp_scratch *s, unsigned sentiments,
                  enum sentiment *ret_sentiment, enum fb_type *ret_type)
{
    const struct known_lanes *lanes = &t->known[s->first_lane / LEX_LANES];
    const double no_type = -1e3; /* so much less than any score */
    double best = -INFINITY;
    for (int i = 0; i < SENTIMENT_COUNT; i++) {
        if (lanes->sentiment[i] < 0 || !(sentiments >> i & 1))
            continue;
        for (int k = 0; k < TYPE_COUNT; k++) {
            double score = s->label_score[lanes->sentiment[i]];
            score += lanes->type[k] < 0 ? no_type : s->label_score[lanes->type[k]];
            if (!go_together((enum sentiment)i, (enum fb_type)k) || score <= best)
                continue;
            best = score;
            *ret_sentiment = (enum sentiment)i;
            *ret_type = (enum fb_type)k;
        }
    }
    return best > -INFINITY;
}

uint32_t labels_given(const struct nlp_tables *t, const struct nlp_scratch *s,
                      const struct analysis *a)
{
    const struct known_lanes *lanes = &t->known[s->first_lane / LEX_LANES];
    const int type = vocab_find(VOCAB_TYPE, a->type), sentiment = lanes->sentiment[a->sentiment];
    uint32_t given = 0;
    for (int k = 0; k < LEX_LANES; k++) {
        const uint32_t kind = label_at(t, s, (size_t)k)->kind;
        if ((kind == LABEL_CATEGORY || kind == LABEL_SIGNAL) && label_holds(t, s, (size_t)k))
            given |= 1U << k;
    }
    if (type >= 0 && lanes->type[type] >= 0)
        given |= 1U << lanes->type[type];
    return sentiment < 0 ? given : given | 1U << sentiment;
}

double label_share(const struct nlp_tables *t, const struct nlp_scratch *s, size_t lane, int sum)
{
    return (double)label_at(t, s, lane)->scale * sum / sqrt(1.0 + (double)s->n_label_grams);
}

static bool is_listed(const struct span *names, size_t n, struct span name)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(names[i], name))
            return true;
    return false;
}

size_t nlp_label_features(const struct nlp_tables *t, const struct nlp_scratch *s,
                          struct span *ret_names, size_t max)
{
    size_t n = 0;
    for (size_t k = 0; k < MARK_COUNT && n < max; k++)
        if (s->has_mark[k])
            ret_names[n++] = span_str(mark_names[k]);
    const size_t first_rule = n;
    for (size_t i = 0; i < s->rule_hits.n && n < max; i++) {
        struct span name = tables_str(t, t->rules[s->rule_hits.at[i].rule].name);
        if (!is_listed(ret_names + first_rule, n - first_rule, name))
            ret_names[n++] = name;
    }
    return n;
}

int label_mark_find(struct span name)
{
    for (int k = 0; k < MARK_COUNT; k++)
        if (span_is(name, mark_names[k]))
            return k;
    return -1;
}
