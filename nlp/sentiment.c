/* From clauses to the stance of a text. Everything is added up in log-odds: the learned table's sum
 * (lexicons/build/README.md) and the curated words', each scaled by model.tsv. Between clauses, in
 * this order: a question or request without a failure counts little; what comes before a contrast,
 * and what is told of the past, gives way to an opposite clause after it; a reported failure is
 * negative however polite the words. */
#include <math.h>

#include "nlp/labels.h"

static bool is_gated(const struct clause *c)
{
    return c->gate && !c->failure;
}

static double gram_part(const struct nlp_scratch *s, const struct clause *c)
{
    double factor = is_gated(c) ? s->params[PARAM_GATE_NGRAM] : 1.0;
    return s->gram_share * c->gram * factor;
}

double sentiment_clause(const struct nlp_scratch *s, const struct clause *c)
{
    return c->score + gram_part(s, c);
}

static bool opposite(const struct clause *a, const struct clause *b)
{
    return (a->sum < 0 && b->sum > 0) || (a->sum > 0 && b->sum < 0);
}

static void score_clause(const struct nlp_scratch *s, struct clause *c, const struct clause *next)
{
    double sum = c->sum;
    if (is_gated(c))
        sum *= s->params[PARAM_GATE_CURATED];
    if (next && c->contrast && opposite(c, next))
        sum *= s->params[PARAM_CONTRAST_BEFORE];
    if (next && c->past && opposite(c, next))
        sum *= s->params[PARAM_PAST_FACTOR];
    double floor = -s->params[PARAM_FAILURE_FLOOR];
    if (c->failure && sum > floor && c->sum <= 0.5)
        sum = floor;
    c->score = sum * s->curated_scale;
}

static void note_marks(struct nlp_scratch *s, const struct clause *c)
{
    s->any_question |= (c->gate & GATE_QUESTION) != 0;
    s->any_request |= (c->gate & GATE_REQUEST) != 0;
    s->any_wish |= (c->gate & GATE_WISH) != 0;
    s->any_gate |= c->gate != 0;
    s->any_failure |= c->failure;
    s->any_curated |= c->curated;
}

static double table_odds(const struct nlp_scratch *s)
{
    double sum = s->n_grams ? s->params[PARAM_NGRAM_BIAS] : 0;
    for (size_t i = 0; i < s->norm.n; i++)
        sum += s->gram[i];
    return sum * s->gram_share;
}

static int read_clauses(const struct nlp_tables *t, struct nlp_scratch *s)
{
    s->curated_scale = s->params[PARAM_CURATED_SCALE];
    s->any_question = s->any_request = s->any_wish = s->any_gate = false;
    s->any_failure = s->any_curated = false;
    for (size_t i = 0; i < s->clauses.n; i++) {
        int r = clause_read(t, s, &s->clauses.at[i]);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < s->clauses.n; i++) {
        bool has_next = i + 1 < s->clauses.n;
        score_clause(s, &s->clauses.at[i], has_next ? &s->clauses.at[i + 1] : NULL);
        note_marks(s, &s->clauses.at[i]);
    }
    return 0;
}

/* Politeness says something only where nothing else does. */
static double courtesy(const struct nlp_scratch *s)
{
    double sum = 0;
    for (size_t i = 0; i < s->clauses.n; i++)
        sum += s->clauses.at[i].courtesy;
    if (s->any_gate || s->any_failure)
        return 0;
    return sum * s->curated_scale;
}

/* *ret_stance is what the clauses that neither ask nor request say. */
static double total(struct nlp_scratch *s, double *ret_stance)
{
    double z = courtesy(s), stance = 0;
    size_t gated = 0;
    for (size_t i = 0; i < s->clauses.n; i++) {
        struct clause *c = &s->clauses.at[i];
        double clause = sentiment_clause(s, c);
        stance += is_gated(c) ? 0 : c->score;
        z += clause;
        gated += is_gated(c);
        s->sentences.at[c->sentence].score += clause;
    }
    double bias = s->n_grams ? s->params[PARAM_NGRAM_BIAS] * s->gram_share : 0;
    if (gated == s->clauses.n)
        bias *= s->params[PARAM_GATE_NGRAM];
    *ret_stance = stance;
    return z + bias;
}

static double squash(const struct nlp_scratch *s, double z)
{
    return tanh(z * s->params[PARAM_POLARITY_SCALE]);
}

/* Wherever there is any evidence the polarity has a sign, in the four decimals that are printed
 * too; an even sum counts as negative, as in lexicons/build/README.md. */
static double signed_polarity(const struct nlp_scratch *s, double polarity)
{
    const double least = 1e-4;
    if (fabs(polarity) >= least || !(s->n_grams || s->any_curated || s->any_failure))
        return polarity;
    return polarity > 0 ? least : -least;
}

static enum sentiment label_of(double polarity, double band)
{
    if (fabs(polarity) < band || polarity == 0.0)
        return SENTIMENT_NEUTRAL;
    return polarity > 0 ? SENTIMENT_POSITIVE : SENTIMENT_NEGATIVE;
}

static double keep_within(double polarity, double band)
{
    double most = band * 0.95;
    return polarity > most ? most : polarity < -most ? -most : polarity;
}

static double odds_to_share(double odds)
{
    return 1.0 / (1.0 + exp(-odds));
}

/* What the clauses say by themselves, where no labels were learned. */
static void decide(struct nlp_scratch *s, double z, double stance, struct analysis *out)
{
    double band = s->params[s->any_curated ? PARAM_NEUTRAL_BAND : PARAM_BARE_BAND];
    double floor = -s->params[PARAM_FAILURE_FLOOR];
    if (s->any_failure && stance <= floor * 0.5 && z > floor && z < s->params[PARAM_FAILURE_REACH])
        z = floor; /* a sum of fragments must be sure of itself to outvote a report */
    out->polarity = signed_polarity(s, squash(s, z));
    bool gate = s->any_gate && !s->any_failure && stance < s->params[PARAM_GATE_POSITIVE] &&
                stance > -s->params[PARAM_GATE_NEGATIVE];
    out->sentiment = gate ? SENTIMENT_NEUTRAL : label_of(out->polarity, band);
    if (out->sentiment == SENTIMENT_NEUTRAL) {
        out->polarity = keep_within(out->polarity, s->params[PARAM_NEUTRAL_BAND]);
        out->confidence = s->params[gate ? PARAM_GATE_CONFIDENCE : PARAM_BAND_CONFIDENCE];
        return;
    }
    out->confidence = odds_to_share(s->params[PARAM_PLATT_SLOPE] * fabs(z));
}

/* The share of a sentiment among the three by their scores. */
static double share_of(const struct nlp_scratch *s, const struct known_lanes *lanes,
                       enum sentiment sentiment)
{
    const double own = s->label_score[lanes->sentiment[sentiment]];
    double all = 0;
    for (int i = 0; i < SENTIMENT_COUNT; i++)
        if (lanes->sentiment[i] >= 0)
            all += exp(s->params[PARAM_LABEL_ODDS] * (s->label_score[lanes->sentiment[i]] - own));
    return 1 / all;
}

/* Labels know the talk of customers of a service, the polarity table knows reviews of anything: the
 * text itself tells which to ask, and each counts by its share. */
static bool judge(const struct nlp_tables *t, struct nlp_scratch *s, struct analysis *out,
                  enum fb_type *ret_type)
{
    const struct known_lanes *lanes = &t->known[s->first_lane / LEX_LANES];
    const double *p = s->params;
    if (lanes->sentiment[SENTIMENT_NEGATIVE] < 0 || lanes->sentiment[SENTIMENT_NEUTRAL] < 0 ||
        lanes->sentiment[SENTIMENT_POSITIVE] < 0)
        return false;
    double service = 1, table = s->table_odds;
    if (lanes->domain >= 0)
        service = odds_to_share(p[PARAM_DOMAIN_ODDS] *
                                (s->label_score[lanes->domain] + p[PARAM_DOMAIN_SHIFT]));
    const double side = s->label_score[lanes->sentiment[SENTIMENT_POSITIVE]] -
                        s->label_score[lanes->sentiment[SENTIMENT_NEGATIVE]];
    out->polarity = signed_polarity(s, service * tanh(p[PARAM_LABEL_SIDE] * side) +
                                           (1 - service) * tanh(table / 2));
    unsigned possible = 1U << (out->polarity > 0 ? SENTIMENT_POSITIVE : SENTIMENT_NEGATIVE);
    if (service >= 0.5 || fabs(out->polarity) < p[PARAM_NEUTRAL_BAND])
        possible |= 1U << SENTIMENT_NEUTRAL;
    labels_judge(t, s, possible, &out->sentiment, ret_type);
    if (service >= 0.5 && share_of(s, lanes, out->sentiment) < p[PARAM_LABEL_LEAST])
        labels_judge(t, s, 1U << SENTIMENT_NEUTRAL, &out->sentiment, ret_type);
    double by_table = odds_to_share(out->polarity > 0 ? table : -table);
    if (out->sentiment == SENTIMENT_NEUTRAL) {
        out->polarity = keep_within(out->polarity, p[PARAM_NEUTRAL_BAND]);
        by_table = 0.5;
    }
    out->confidence = service * share_of(s, lanes, out->sentiment) + (1 - service) * by_table;
    return true;
}

static void trajectory(const struct nlp_scratch *s, struct analysis *out)
{
    out->worst = 1.0;
    for (size_t i = 0; i < s->sentences.n; i++) {
        double p = squash(s, s->sentences.at[i].score);
        if (i == 0)
            out->start = p;
        if (p < out->worst)
            out->worst = p;
        out->end = p;
    }
}

int sentiment_read(const struct nlp_tables *t, struct nlp_scratch *s, struct analysis *out,
                   enum fb_type *ret_type, bool *ret_typed)
{
    double stance;
    *ret_typed = false;
    if (s->clauses.n == 0) {
        out->sentiment = SENTIMENT_NONE;
        out->polarity = out->confidence = out->start = out->worst = out->end = 0;
        return 0;
    }
    s->table_odds = table_odds(s);
    int r = read_clauses(t, s);
    if (r < 0)
        return r;
    const double z = total(s, &stance);
    labels_read(t, s);
    *ret_typed = judge(t, s, out, ret_type);
    if (!*ret_typed)
        decide(s, z, stance, out);
    trajectory(s, out);
    return 0;
}
