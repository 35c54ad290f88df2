/* Learned labels: sums over n-grams, beside the rules. A category or signal holds where a rule says
 * so or the score passes its threshold; of types and stances the best holds, with what the rules
 * say counting extra. */
#include "nlp/scratch.h"

static const struct lex_label *label_at(const struct nlp_tables *t, const struct nlp_scratch *s,
                                        size_t lane)
{
    return &t->labels[s->first_lane + lane];
}

static const struct label_lanes *lanes_of(const struct nlp_tables *t, const struct nlp_scratch *s,
                                          enum lex_label_kind kind)
{
    return &t->lanes[s->first_lane != 0][kind];
}

/* In units of the label's margin, `rule` saying what the rules found. */
static inline double score_of(const struct nlp_tables *t, const struct nlp_scratch *s, size_t lane,
                              bool rule)
{
    double score = s->label_sums[lane] * (double)label_at(t, s, lane)->scale;
    return rule ? score + s->params[PARAM_LABEL_RULE] : score;
}

size_t label_codes(const struct nlp_tables *t, const struct nlp_scratch *s,
                   enum lex_label_kind kind, struct span codes[LEX_LANES])
{
    const struct label_lanes *lanes = lanes_of(t, s, kind);
    size_t n = 0;
    for (unsigned i = 0; i < lanes->n; i++) {
        const size_t lane = lanes->lane[i];
        if (score_of(t, s, lane, false) > (double)label_at(t, s, lane)->threshold)
            codes[n++] = lanes->code[i];
    }
    return n;
}

/* A complaint is negative and nothing else is, but what is none of all; praise likewise. */
static bool type_fits(struct span type, enum sentiment sentiment)
{
    if (span_is(type, "other"))
        return true;
    return (sentiment == SENTIMENT_NEGATIVE) == span_is(type, "complaint") &&
           (sentiment == SENTIMENT_POSITIVE) == span_is(type, "praise");
}

/* The label of `kind` with the best score. `fallback` is what the rules say; where the table has no
 * such label, only a score above the rules' own weight outdoes it. */
static struct span best_of(const struct nlp_tables *t, const struct nlp_scratch *s,
                           enum lex_label_kind kind, enum sentiment sentiment, struct span fallback)
{
    const struct label_lanes *lanes = lanes_of(t, s, kind);
    struct span best = fallback;
    double most = 0, own = s->params[PARAM_LABEL_RULE];
    bool any = false;
    for (unsigned i = 0; i < lanes->n; i++) {
        const struct span code = lanes->code[i];
        bool rule = span_eq(code, fallback);
        double score = score_of(t, s, lanes->lane[i], rule);
        own = rule ? score : own;
        if ((any && score <= most) || (kind == LABEL_TYPE && !type_fits(code, sentiment)))
            continue;
        best = code;
        most = score;
        any = true;
    }
    return any && most > own ? best : fallback;
}

struct span label_type(const struct nlp_tables *t, const struct nlp_scratch *s,
                       enum sentiment sentiment, struct span fallback)
{
    return best_of(t, s, LABEL_TYPE, sentiment, fallback);
}

struct span label_sentiment(const struct nlp_tables *t, const struct nlp_scratch *s,
                            struct span fallback)
{
    return best_of(t, s, LABEL_SENTIMENT, SENTIMENT_NONE, fallback);
}

double label_stance(const struct nlp_tables *t, const struct nlp_scratch *s)
{
    const struct label_lanes *lanes = lanes_of(t, s, LABEL_SENTIMENT);
    double z = 0;
    for (unsigned i = 0; i < lanes->n; i++) {
        if (span_is(lanes->code[i], "positive"))
            z += score_of(t, s, lanes->lane[i], false);
        if (span_is(lanes->code[i], "negative"))
            z -= score_of(t, s, lanes->lane[i], false);
    }
    return z * s->params[PARAM_LABEL_SCALE];
}
