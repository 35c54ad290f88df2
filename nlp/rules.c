/* Categories, types and signals: terms with gaps as little state machines over the hits, patterns
 * where their literal was found, and the sums of rules. */
#include <errno.h>

#include "nlp/scratch.h"

static uint32_t scope_stamp(const struct nlp_scratch *s, const struct lex_rule *r)
{
    return r->whole_text ? s->text_stamp : s->sentence_stamp;
}

static struct rule_state *touch(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t rule,
                                int *error)
{
    struct rule_state *st = &s->rules[rule];
    const struct lex_rule *r = &t->rules[rule];
    uint32_t stamp = scope_stamp(s, r);
    if (st->stamp == stamp)
        return st;
    *st = (struct rule_state){.stamp = stamp};
    if (r->whole_text) {
        if (VEC_RESERVE(s->text_rules, 1) < 0)
            *error = -ENOMEM;
        else
            s->text_rules.at[s->text_rules.n++] = rule;
    } else {
        if (VEC_RESERVE(s->touched_rules, 1) < 0)
            *error = -ENOMEM;
        else
            s->touched_rules.at[s->touched_rules.n++] = rule;
    }
    return st;
}

static int complete(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t phrase,
                    uint32_t start, uint32_t end)
{
    const struct lex_phrase *p = &t->phrases[phrase];
    const struct lex_rule *r = &t->rules[p->rule];
    int error = 0;
    if (!(r->kinds >> s->kind & 1))
        return 0;
    struct rule_state *st = touch(t, s, p->rule, &error);
    if (error < 0)
        return error;
    if (p->role == TERM_REQUIRE)
        st->required = true;
    if (p->role == TERM_EXCLUDE)
        st->excluded = true;
    if (p->role != TERM_ANY)
        return 0;
    if (s->phrase_done[phrase] != st->stamp) {
        s->phrase_done[phrase] = st->stamp;
        st->score += p->weight;
    }
    if (VEC_RESERVE(s->rule_hits, 1) < 0)
        return -ENOMEM;
    s->rule_hits.at[s->rule_hits.n++] = (struct rule_hit){phrase, p->rule, start, end};
    return 0;
}

/* One element of a term was found. The latest place of each element is the one that reaches
 * furthest, so nothing else need be remembered. */
static int advance(const struct nlp_tables *t, struct nlp_scratch *s, struct lex_slot slot,
                   const struct hit *h)
{
    const struct lex_phrase *p = &t->phrases[slot.phrase];
    struct state *st = &s->states[p->first_state + slot.element];
    uint32_t start = h->start;
    s->work++;
    if (slot.element > 0) {
        const struct state *before = st - 1;
        if (before->stamp != s->sentence_stamp || before->end > h->start ||
            h->start - before->end > p->gap)
            return 0;
        start = before->start;
    }
    *st = (struct state){s->sentence_stamp, start, h->end};
    if (slot.element + 1 < p->n)
        return 0;
    return complete(t, s, slot.phrase, start, h->end);
}

static int take_hits(const struct nlp_tables *t, struct nlp_scratch *s, const struct sentence *sent)
{
    int r = 0;
    for (size_t i = sent->first_hit; r == 0 && i < sent->end_hit; i++) {
        const struct hit *h = &s->hits.at[i];
        if (h->kind < ATOM_TERM)
            continue;
        const struct lex_atom *a = &t->atoms[h->atom];
        if (a->kind == ATOM_TERM)
            for (uint32_t k = a->n; r == 0 && k-- > 0;) /* later elements first: A ... A */
                r = advance(t, s, t->slots[a->first + k], h);
        if (a->kind == ATOM_PATTERN && s->pattern_done[a->first] != s->sentence_stamp) {
            s->pattern_done[a->first] = s->sentence_stamp;
            r = VEC_RESERVE(s->candidates, 1);
            if (r == 0)
                s->candidates.at[s->candidates.n++] = a->first;
        }
    }
    return r;
}

/* The position of byte `offset` in the sentence's UTF-8. */
static uint32_t position_of(const struct nlp_scratch *s, const struct sentence *sent, size_t offset)
{
    uint32_t pos = sent->begin;
    for (size_t i = 1; i <= offset && i < s->utf8.n; i++)
        pos += ((unsigned char)s->utf8.at[i] & 0xC0) != 0x80;
    return offset >= s->utf8.n ? sent->end : pos;
}

static int run_patterns(const struct nlp_tables *t, struct nlp_scratch *s,
                        const struct sentence *sent)
{
    s->utf8.n = 0;
    if (VEC_RESERVE(s->utf8, 4 * (size_t)(sent->end - sent->begin)) < 0)
        return -ENOMEM;
    s->utf8.n = norm_utf8(&s->norm, sent->begin, sent->end, s->utf8.at);
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->candidates.n; i++) {
        uint32_t id = s->candidates.at[i];
        s->work += s->utf8.n;
        if (pcre2_match(t->compiled[id], (PCRE2_SPTR)s->utf8.at, s->utf8.n, 0, PCRE2_NO_UTF_CHECK,
                        s->match, t->match) < 0)
            continue; /* no match, or past the limit: counts as none */
        const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->match);
        uint32_t start = position_of(s, sent, o[0]), end = position_of(s, sent, o[1]);
        if (start >= end) { /* \K and the like match no text: the character beside them stands in */
            start = start < sent->end ? start : sent->end - 1;
            end = start + 1;
        }
        r = complete(t, s, t->patterns[id].phrase, start, end);
    }
    s->candidates.n = 0;
    return r;
}

static void judge(const struct nlp_tables *t, struct nlp_scratch *s, const uint32_t *rules,
                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct rule_state *st = &s->rules[rules[i]];
        const struct lex_rule *r = &t->rules[rules[i]];
        bool holds =
            st->score >= r->threshold - 1e-6F && (!r->requires || st->required) && !st->excluded;
        st->fired = holds ? st->stamp : 0;
    }
}

/* Keeps, from `first` on, the hits of rules that fired; those of the other scope when `others`. */
static void keep_fired(const struct nlp_tables *t, struct nlp_scratch *s, size_t first,
                       bool whole_text)
{
    size_t out = first;
    for (size_t i = first; i < s->rule_hits.n; i++) {
        const struct rule_hit *h = &s->rule_hits.at[i];
        const struct lex_rule *r = &t->rules[h->rule];
        if (r->whole_text != whole_text || s->rules[h->rule].fired == scope_stamp(s, r))
            s->rule_hits.at[out++] = *h;
    }
    s->rule_hits.n = out;
}

int rules_run(const struct nlp_tables *t, struct nlp_scratch *s)
{
    int r = 0;
    s->rule_hits.n = s->text_rules.n = s->candidates.n = 0;
    s->text_stamp = ++s->stamp;
    for (size_t i = 0; r == 0 && i < s->sentences.n; i++) {
        const struct sentence *sent = &s->sentences.at[i];
        size_t first = s->rule_hits.n;
        s->touched_rules.n = 0;
        s->sentence_stamp = ++s->stamp;
        r = take_hits(t, s, sent);
        if (r == 0 && s->candidates.n)
            r = run_patterns(t, s, sent);
        judge(t, s, s->touched_rules.at, s->touched_rules.n);
        keep_fired(t, s, first, false);
    }
    judge(t, s, s->text_rules.at, s->text_rules.n);
    keep_fired(t, s, 0, true);
    return r;
}
