#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "nlp/labels.h"
#include "nlp/pii.h"
#include "nlp/walk.h"

int vec_reserve(void **at, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return 0;
    size_t fresh = *cap ? *cap : 64;
    while (fresh < need)
        fresh *= 2;
    void *p = realloc(*at, fresh * size);
    if (!p)
        return -ENOMEM;
    *at = p;
    *cap = fresh;
    return 0;
}

int nlp_scratch_new(struct nlp_scratch **ret_scratch)
{
    struct nlp_scratch *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    norm_init(&s->norm);
    s->match = pcre2_match_data_create(1, NULL);
    if (!s->match) {
        free(s);
        return -ENOMEM;
    }
    s->last_stamp = 1;
    s->wide = walk_is_wide();
    pii_gate_init(&s->gate);
    for (unsigned mask = 0; mask < 256; mask++)
        for (unsigned k = 8; k-- > 0;)
            if (mask >> k & 1)
                s->order[mask] = s->order[mask] << 8 | k;
    *ret_scratch = s;
    return 0;
}

void nlp_scratch_free(struct nlp_scratch *s)
{
    if (!s)
        return;
    norm_done(&s->norm);
    pcre2_match_data_free(s->match);
    void *all[] = {
        s->sym,           s->gram,          s->hits.at,      s->masks.at,     s->words.at,
        s->parts.at,      s->sentences.at,  s->clauses.at,   s->rule_hits.at, s->touched_rules.at,
        s->text_rules.at, s->candidates.at, s->marks.at,     s->repeats.at,   s->marked.at,
        s->spaced.at,     s->spaced_at.at,  s->utf8.at,      s->pii.at,       s->raw_cp.at,
        s->raw_at.at,     s->seen,          s->states,       s->rules,        s->phrase_done,
        s->pattern_done,  s->feature_done,  s->label_hits.at};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]);
    free(s);
}

static int fit_one(void **p, size_t *cap, size_t need, size_t size)
{
    if (*cap >= need && *p)
        return 0;
    void *fresh = calloc(need + 1, size);
    if (!fresh)
        return -ENOMEM;
    free(*p);
    *p = fresh;
    *cap = need;
    return 0;
}

/* Stamps are never reset between texts; before they could repeat, everything is. */
static int fit(const struct nlp_tables *t, struct nlp_scratch *s)
{
    int r = fit_one((void **)&s->states, &s->cap_states, t->n_states, sizeof(*s->states));
    if (r == 0)
        r = fit_one((void **)&s->rules, &s->cap_rules, t->n_rules, sizeof(*s->rules));
    if (r == 0)
        r = fit_one((void **)&s->phrase_done, &s->cap_phrases, t->n_phrases, sizeof(uint32_t));
    if (r == 0)
        r = fit_one((void **)&s->pattern_done, &s->cap_patterns, t->n_patterns, sizeof(uint32_t));
    if (r == 0)
        r = fit_one((void **)&s->feature_done, &s->cap_features, t->n_features, sizeof(uint32_t));
    if (r == 0 && s->stamp > UINT32_MAX - 2 * NLP_MAX_TEXT) {
        memset(s->states, 0, s->cap_states * sizeof(*s->states));
        memset(s->rules, 0, s->cap_rules * sizeof(*s->rules));
        memset(s->phrase_done, 0, s->cap_phrases * sizeof(uint32_t));
        memset(s->pattern_done, 0, s->cap_patterns * sizeof(uint32_t));
        memset(s->feature_done, 0, s->cap_features * sizeof(uint32_t));
        s->stamp = 0;
    }
    return r;
}

static int add_part(struct nlp_scratch *s, const struct nlp_part *p)
{
    if (p->text.n == 0 || p->by != BY_CUSTOMER)
        return 0;
    if (VEC_RESERVE(s->parts, 1) < 0)
        return -ENOMEM;
    size_t begin = s->norm.n + 1;
    int r = norm_append(&s->norm, p->text);
    if (r < 0)
        return r;
    if (s->norm.n - 1 == begin) { /* blank */
        s->norm.n -= 2;
        return 0;
    }
    s->parts.at[s->parts.n++] =
        (struct part_range){(uint32_t)begin, (uint32_t)(s->norm.n - 1), p->part, p->text};
    return 0;
}

/* The next part of the input, as much of it as is read. */
static bool next_part(const struct nlp_input *in, size_t *i, size_t *left, struct nlp_part *ret)
{
    if (*i == in->n_parts || *i == NLP_MAX_PARTS)
        return false;
    *ret = in->parts[(*i)++];
    if (ret->text.n > *left)
        ret->text.n = *left;
    *left -= ret->text.n;
    return true;
}

static int read_parts(const struct nlp_tables *t, struct nlp_scratch *s, const struct nlp_input *in)
{
    struct nlp_part part;
    size_t left = NLP_MAX_TEXT, at = 0;
    int r = 0;
    norm_reset(&s->norm);
    s->parts.n = s->pii.n = s->marks.n = s->sentences.n = s->clauses.n = 0;
    s->work = 0;
    while (r == 0 && next_part(in, &at, &left, &part))
        r = add_part(s, &part);
    s->lang = in->lang;
    if (in->lang != LANG_KO && in->lang != LANG_EN)
        s->lang = s->norm.latin && !s->norm.hangul ? LANG_EN : LANG_KO;
    s->kind = in->kind;
    s->params = tables_params(t, s->lang);
    for (size_t i = 0; r == 0 && i < s->parts.n; i++)
        r = segment_sentences(s, &s->parts.at[i]);
    return r;
}

/* Of what the walk has read it says itself whether anything there is worth a look. */
static int find_personal(struct nlp_scratch *s, const struct nlp_input *in)
{
    struct nlp_part part;
    size_t left = NLP_MAX_TEXT, at = 0;
    int r = 0;
    while (r == 0 && next_part(in, &at, &left, &part)) {
        const bool walked = part.by == BY_CUSTOMER;
        if (walked ? s->norm.irregular || s->any_frame : pii_worth_reading(&s->gate, part.text))
            r = pii_find(s, part.text, part.part);
    }
    return r;
}

struct codes {
    struct span code[NLP_MAX_CODES];
    size_t n;
};

static void add_code(struct codes *out, struct span code)
{
    size_t k = 0;
    while (k < out->n && !span_eq(out->code[k], code))
        k++;
    if (k == out->n && out->n < NLP_MAX_CODES)
        out->code[out->n++] = code;
}

static struct span top_of(struct span code)
{
    return span_of(code.p, span_find_char(code, '/'));
}

/* Whether the code of a rule that fired is given: where labels were learned, rules of theirs are
 * one thing they look at. */
static bool is_given(const struct nlp_tables *t, const struct nlp_scratch *s,
                     const struct lex_rule *r, enum lex_label_kind kind)
{
    const int lane = r->weighed ? label_lane(t, s, kind, top_of(tables_str(t, r->code))) : -1;
    return lane < 0 || label_holds(t, s, (size_t)lane);
}

/* Learned codes that no rule gave. */
static void collect_learned(const struct nlp_tables *t, const struct nlp_scratch *s,
                            enum lex_label_kind kind, struct codes *out)
{
    const struct label_lanes *lanes = label_lanes(t, s, kind);
    const size_t n_rules = out->n;
    for (unsigned i = 0; i < lanes->n; i++) {
        if (!label_holds(t, s, lanes->lane[i]))
            continue;
        struct span code = lanes->code[i];
        bool given = false;
        for (size_t k = 0; k < n_rules; k++)
            given |= span_eq(top_of(out->code[k]), code);
        if (!given)
            add_code(out, code);
    }
}

/* Distinct codes of one kind: of the rules that fired, in the order of the text, then learned. */
static void collect(const struct nlp_tables *t, const struct nlp_scratch *s,
                    enum nlp_rule_kind kind, struct codes *out)
{
    static const enum lex_label_kind labels[] = {LABEL_CATEGORY, LABEL_TYPE, LABEL_SIGNAL};
    out->n = 0;
    for (size_t i = 0; i < s->rule_hits.n; i++) {
        const struct lex_rule *r = &t->rules[s->rule_hits.at[i].rule];
        if (r->kind == kind && is_given(t, s, r, labels[kind]))
            add_code(out, tables_str(t, r->code));
    }
    if (kind != RULE_TYPE)
        collect_learned(t, s, labels[kind], out);
}

static bool covers(struct span path, struct span deeper)
{
    return deeper.n > path.n && deeper.p[path.n] == '/' && span_starts(deeper, path);
}

/* delivery beside delivery/late says nothing more. */
static void drop_covered(struct codes *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool covered = false;
        for (size_t k = 0; k < c->n; k++)
            covered |= covers(c->code[i], c->code[k]);
        if (!covered)
            c->code[n++] = c->code[i];
    }
    c->n = n;
}

/* What the clauses say that speak of `code`, by their own words where they have any; the whole
 * text's stance where they say nothing. */
static struct topic topic_of(const struct nlp_tables *t, const struct nlp_scratch *s,
                             struct span code, const struct analysis *whole)
{
    double z = 0;
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < s->rule_hits.n; i++) {
        const struct rule_hit *h = &s->rule_hits.at[i];
        if (!span_eq(tables_str(t, t->rules[h->rule].code), code))
            continue;
        size_t first = segment_clause_at(s, h->start), end = segment_clause_at(s, h->end - 1);
        for (size_t k = last == SIZE_MAX || first > last ? first : last + 1; k <= end; k++) {
            const struct clause *c = &s->clauses.at[k];
            z += c->curated ? c->sum * s->curated_scale : sentiment_clause(s, c);
            last = k;
        }
    }
    double p = tanh(z * s->params[PARAM_POLARITY_SCALE]);
    struct topic out = {.code = code, .sentiment = whole->sentiment, .polarity = whole->polarity};
    if (fabs(p) >= s->params[PARAM_NEUTRAL_BAND] && whole->sentiment != SENTIMENT_NEUTRAL) {
        out.sentiment = p > 0 ? SENTIMENT_POSITIVE : SENTIMENT_NEGATIVE;
        out.polarity = p;
    }
    return out;
}

static int write_topics(const struct nlp_tables *t, const struct nlp_scratch *s, struct arena *a,
                        struct analysis *out)
{
    struct codes c;
    collect(t, s, RULE_CATEGORY, &c);
    drop_covered(&c);
    struct topic *topics = arena_array(a, c.n, sizeof(*topics));
    if (!topics && c.n)
        return -ENOMEM;
    for (size_t i = 0; i < c.n; i++)
        topics[i] = topic_of(t, s, c.code[i], out);
    out->categories = topics;
    out->n_categories = c.n;
    return 0;
}

static int write_signals(const struct nlp_tables *t, const struct nlp_scratch *s, struct arena *a,
                         struct analysis *out)
{
    struct codes c;
    collect(t, s, RULE_SIGNAL, &c);
    drop_covered(&c);
    struct span *codes = arena_array(a, c.n + 1, sizeof(*codes));
    if (!codes)
        return -ENOMEM;
    bool pii = false;
    for (size_t i = 0; i < c.n; i++) {
        codes[i] = c.code[i];
        pii |= span_is(codes[i], "pii");
    }
    out->n_signals = c.n;
    if (s->pii.n && !pii)
        codes[out->n_signals++] = SPAN_LIT("pii");
    out->signals = codes;
    return 0;
}

static bool fired(const struct nlp_tables *t, const struct nlp_scratch *s, enum nlp_rule_kind kind,
                  const char *code)
{
    for (size_t i = 0; i < s->rule_hits.n; i++) {
        const struct lex_rule *r = &t->rules[s->rule_hits.at[i].rule];
        if (r->kind == kind && span_is(tables_str(t, r->code), code))
            return true;
    }
    return false;
}

/* A rule for types that labels do not weigh was added by a workspace: its word goes first. */
static bool own_type(const struct nlp_tables *t, const struct nlp_scratch *s, bool learned,
                     struct span *ret)
{
    for (size_t i = 0; i < s->rule_hits.n; i++) {
        const struct lex_rule *r = &t->rules[s->rule_hits.at[i].rule];
        *ret = tables_str(t, r->code);
        if (r->kind == RULE_TYPE && (learned ? !r->weighed : vocab_find(VOCAB_TYPE, *ret) < 0))
            return true;
    }
    return false;
}

/* The policy of "what the labels mean": a complaint stays one whatever it also asks for; a wish for
 * the future is a suggestion; a question is an inquiry; a request only when it is the whole
 * message; harassment without a topic is none of these. */
static enum fb_type type_of(const struct nlp_tables *t, const struct nlp_scratch *s,
                            const struct analysis *a)
{
    bool complaint = fired(t, s, RULE_TYPE, "complaint");
    if (fired(t, s, RULE_TYPE, "other") && a->n_categories == 0)
        return TYPE_OTHER;
    if (fired(t, s, RULE_SIGNAL, "abuse") && a->n_categories == 0 && !s->any_failure)
        return TYPE_OTHER;
    if (fired(t, s, RULE_TYPE, "suggestion") && !s->any_failure)
        return TYPE_SUGGESTION;
    if (a->sentiment == SENTIMENT_NEGATIVE || complaint)
        return TYPE_COMPLAINT;
    if (a->sentiment == SENTIMENT_POSITIVE)
        return TYPE_PRAISE;
    if (s->any_question || fired(t, s, RULE_TYPE, "inquiry"))
        return TYPE_INQUIRY;
    if (s->any_request || fired(t, s, RULE_TYPE, "request"))
        return TYPE_REQUEST;
    if (s->any_wish)
        return TYPE_SUGGESTION;
    return fired(t, s, RULE_TYPE, "praise") ? TYPE_PRAISE : TYPE_OTHER;
}

static int write_pii(const struct nlp_scratch *s, struct arena *a, struct analysis *out)
{
    struct pii_span *p = arena_array(a, s->pii.n, sizeof(*p));
    if (!p && s->pii.n)
        return -ENOMEM;
    if (s->pii.n)
        memcpy(p, s->pii.at, s->pii.n * sizeof(*p));
    out->pii = p;
    out->n_pii = s->pii.n;
    return 0;
}

static int write_result(const struct nlp_tables *t, struct nlp_scratch *s, struct arena *a,
                        const enum fb_type *learned, struct analysis *out)
{
    int r = write_topics(t, s, a, out);
    if (r == 0)
        r = write_signals(t, s, a, out);
    if (r == 0)
        r = write_pii(s, a, out);
    if (r == 0 && !own_type(t, s, learned != NULL, &out->type))
        out->type =
            span_str(vocab_code(VOCAB_TYPE, (int)(learned ? *learned : type_of(t, s, out))));
    if (r == 0 && (s->want & NLP_EVIDENCE))
        r = evidence_write(t, s, a, out);
    if (r == 0 && (s->want & NLP_KEYWORDS))
        r = keywords_write(t, s, a, out);
    return r;
}

int nlp_analyze(const struct nlp_tables *t, struct nlp_scratch *s, const struct nlp_input *in,
                unsigned want, struct arena *a, struct analysis *ret)
{
    struct analysis out = {.lexicon = t->version};
    enum fb_type type = TYPE_OTHER;
    bool typed = false;
    s->want = want;
    int r = fit(t, s);
    if (r == 0)
        r = read_parts(t, s, in);
    out.lang = s->parts.n ? s->lang : in->lang;
    if (r == 0)
        r = scan_text(t, s);
    if (r == 0)
        r = find_personal(s, in);
    if (r == 0)
        r = segment_clauses(s);
    if (r == 0)
        r = rules_run(t, s);
    if (r == 0)
        r = sentiment_read(t, s, &out, &type, &typed);
    if (r == 0)
        r = write_result(t, s, a, typed ? &type : NULL, &out);
    if (r == 0)
        *ret = out;
    return r;
}

size_t nlp_parts_of(const struct feedback *f, struct nlp_part *parts, size_t max)
{
    size_t n = 0;
    if (f->title.n && n < max)
        parts[n++] = (struct nlp_part){f->title, PART_TITLE, BY_CUSTOMER};
    if (f->text.n && n < max)
        parts[n++] = (struct nlp_part){f->text, PART_TEXT, BY_CUSTOMER};
    for (size_t i = 0; i < f->n_turns && n < max && PART_TURN + i <= UINT16_MAX; i++)
        if (f->turns[i].text.n)
            parts[n++] =
                (struct nlp_part){f->turns[i].text, (uint16_t)(PART_TURN + i), f->turns[i].by};
    return n;
}
