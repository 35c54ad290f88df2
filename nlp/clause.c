/* The curated layer inside one clause, in this order: the longest word at a place counts alone;
 * what stands in front makes it stronger or weaker; negation turns it; a case that is only supposed
 * (고장 나면 …?) or only asked about (안 되나요?) is no report. */
#include <errno.h>
#include <math.h>

#include "nlp/scratch.h"

/* How far, in code points, each kind of word reaches. */
#define STRONG 1.6 /* from here on a negative word is a report whatever surrounds it */
enum { REACH_POST = 3, REACH_LACK = 10, REACH_COND = 7, REACH_ASK = 4, REACH_INTENSITY = 14 };

struct reader {
    const struct nlp_tables *t;
    struct nlp_scratch *s;
    struct clause *c;
};

static const struct lex_atom *atom_of(const struct reader *r, size_t hit)
{
    return &r->t->atoms[r->s->hits.at[hit].atom];
}

static uint8_t kind_of(const struct reader *r, size_t hit)
{
    return (uint8_t)r->s->hits.at[hit].kind;
}

static unsigned spaces_between(const struct reader *r, uint32_t from, uint32_t to)
{
    unsigned n = 0;
    for (uint32_t i = from; i < to; i++)
        n += r->s->norm.cp[i] == ' ';
    return n;
}

static bool stop_between(const struct reader *r, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (r->s->norm.cp[i] == ',' || r->s->norm.cp[i] == '.' || r->s->norm.cp[i] == ';')
            return true;
    return false;
}

/* What the clause says of itself apart from words with a stance. */
static void read_marks(const struct reader *r)
{
    struct clause *c = r->c;
    for (size_t i = c->first_hit; i < c->end_hit; i++) {
        switch (kind_of(r, i)) {
        case WORD_QUESTION:
            c->gate |= GATE_QUESTION;
            break;
        case WORD_REQUEST:
            c->gate |= GATE_REQUEST;
            break;
        case WORD_WISH:
            c->gate |= GATE_WISH;
            break;
        case WORD_WHY:
            c->why = true;
            break;
        case WORD_PAST:
            c->past = true;
            break;
        default:
            break;
        }
    }
}

/* The number of negations after hit `i` that apply to it, 0 where an idiom forbids it; *ret_end is
 * moved to the end of the last one. */
static unsigned negations_after(const struct reader *r, size_t i, bool noun, uint32_t *ret_end)
{
    const struct hit *h = &r->s->hits.at[i];
    unsigned n = 0;
    uint32_t end = h->end;
    for (size_t k = i + 1; k < r->c->end_hit; k++) {
        const struct hit *g = &r->s->hits.at[k];
        uint8_t kind = kind_of(r, k);
        if (g->start > end + REACH_LACK)
            break;
        if (g->start < end)
            continue;
        uint32_t distance = g->start - end;
        unsigned words = spaces_between(r, end, g->start);
        if (kind == WORD_NEG_NONE && distance <= REACH_POST)
            return 0;
        if (kind == WORD_NEG_POST && distance <= REACH_POST && words == 0) {
            n++;
            end = g->end;
        } else if (kind == WORD_NEG_LACK && (noun || n > 0) && words <= 2 &&
                   !stop_between(r, end, g->start)) {
            n++;
            end = g->end;
            noun = false;
        } else if (kind == WORD_POLARITY && words > 0) {
            break; /* the next word with a stance has its own negation */
        }
    }
    *ret_end = end;
    return n;
}

static unsigned negations_before(const struct reader *r, size_t i)
{
    const struct hit *h = &r->s->hits.at[i];
    double window = r->s->params[PARAM_NEG_WINDOW];
    unsigned n = 0;
    for (size_t k = i; k-- > r->c->first_hit;) {
        const struct hit *g = &r->s->hits.at[k];
        if (g->start + 40 < h->start)
            break;
        if (kind_of(r, k) != WORD_NEG_PRE || g->end > h->start)
            continue;
        if (spaces_between(r, g->end, h->start) <= window && !stop_between(r, g->end, h->start) &&
            (window > 1 || h->start - g->end <= 1)) {
            n++;
            break;
        }
    }
    return n;
}

static double intensity_before(const struct reader *r, size_t i)
{
    const struct hit *h = &r->s->hits.at[i];
    double factor = 1.0;
    for (size_t k = i; k-- > r->c->first_hit;) {
        const struct hit *g = &r->s->hits.at[k];
        if (g->start + REACH_INTENSITY < h->start)
            break;
        if (kind_of(r, k) == WORD_INTENSITY && g->end <= h->start &&
            spaces_between(r, g->end, h->start) <= 2)
            factor *= (double)atom_of(r, k)->weight;
        if (kind_of(r, k) == WORD_POLARITY && g->end <= h->start)
            break;
    }
    if (!(factor <= 2.0))
        return 2.0;
    return factor < -2.0 ? -2.0 : factor;
}

/* English says "if" first, and only a question makes it a mere case. */
static bool is_case_before(const struct reader *r, size_t i)
{
    if (r->s->lang != LANG_EN || !r->c->gate)
        return false;
    for (size_t k = r->c->first_hit; k < i; k++)
        if (kind_of(r, k) == WORD_COND)
            return true;
    return false;
}

/* A supposed case, or a predicate that is itself the question. */
static bool is_supposed(const struct reader *r, size_t i)
{
    const struct hit *h = &r->s->hits.at[i];
    if (is_case_before(r, i))
        return true;
    for (size_t k = i + 1; k < r->c->end_hit; k++) {
        const struct hit *g = &r->s->hits.at[k];
        uint8_t kind = kind_of(r, k);
        if (g->start > h->end + REACH_COND)
            break;
        if (kind == WORD_COND && g->end > h->end)
            return true;
        if (kind == WORD_QUESTION && !r->c->why && g->start <= h->end + REACH_ASK &&
            g->start + 1U >= h->end && r->s->norm.cp[g->start] != '?' &&
            spaces_between(r, h->end, g->start) == 0)
            return true;
    }
    return false;
}

static int note(const struct reader *r, size_t i, double weight, const char *rule)
{
    if (!(r->s->want & NLP_EVIDENCE) || weight == 0.0)
        return 0;
    const struct hit *h = &r->s->hits.at[i];
    return mark_add(r->s, h->start, h->end, weight, span_str(rule),
                    tables_str(r->t, atom_of(r, i)->entry));
}

/* Where the curated layer knows better than sums of fragments do (a negation, an idiom), the
 * fragments inside are not counted as well. */
static void overrule(const struct reader *r, uint32_t start, uint32_t end)
{
    if (r->s->params[PARAM_OVERRULE] == 0.0)
        return;
    for (uint32_t k = start; k < end && k < r->c->end; k++)
        r->s->gram[k] = 0;
}

static int weigh(const struct reader *r, size_t i)
{
    const struct lex_atom *a = atom_of(r, i);
    struct clause *c = r->c;
    double weight = (double)a->weight;
    const char *rule = "polarity";
    if (a->flags & NLP_COURTESY) {
        c->courtesy += weight;
        return note(r, i, weight, "courtesy");
    }
    double factor = intensity_before(r, i);
    if (factor != 1.0)
        rule = "intensity";
    weight *= factor;
    unsigned turns = 0;
    uint32_t end = r->s->hits.at[i].end;
    bool fixed = (a->flags & NLP_FIXED) != 0;
    if (!fixed)
        turns = negations_before(r, i) + negations_after(r, i, (a->flags & NLP_NOUN) != 0, &end);
    if (turns)
        rule = turns % 2 ? "negation" : "double_negation";
    if (turns || (fixed && weight > 0))
        overrule(r, r->s->hits.at[i].start, end);
    if (turns % 2)
        weight *= r->s->params[weight > 0 ? PARAM_NEGATE_POSITIVE : PARAM_NEGATE_NEGATIVE];
    bool supposed = weight < 0 && is_supposed(r, i);
    if (supposed) {
        weight *= 0.1;
        rule = "supposed";
    }
    c->sum += weight;
    c->curated |= !supposed;
    if (!supposed && ((a->flags & NLP_FAILURE) ? weight < 0 : weight <= -STRONG))
        c->failure = true;
    return note(r, i, weight, rule);
}

static bool is_stance(uint8_t kind)
{
    return kind == WORD_POLARITY;
}

/* N-grams also begin at the marks and at the spaces between sentences: each clause has those since
 * the one before, the last has the rest. */
static void sum_grams(const struct nlp_scratch *s, struct clause *c)
{
    const struct clause *first = s->clauses.at, *last = first + s->clauses.n - 1;
    size_t begin = c == first ? 0 : c[-1].end, end = c == last ? s->norm.n : c->end;
    for (size_t i = begin; i < end; i++)
        c->gram += s->gram[i];
}

int clause_read(const struct nlp_tables *t, struct nlp_scratch *s, struct clause *c)
{
    struct reader r = {t, s, c};
    read_marks(&r);
    uint32_t covered = 0;
    int e = 0;
    for (size_t i = c->first_hit; e == 0 && i < c->end_hit; i++) {
        const struct hit *h = &s->hits.at[i];
        if (!is_stance(kind_of(&r, i)) || h->start < covered)
            continue;
        size_t best = i; /* hits at one start come shortest first */
        for (size_t k = i + 1; k < c->end_hit && s->hits.at[k].start == h->start; k++)
            if (is_stance(kind_of(&r, k)))
                best = k;
        covered = s->hits.at[best].end;
        e = weigh(&r, best);
    }
    sum_grams(s, c);
    if (c->why && c->gate)
        c->failure = true;
    return e;
}
