/* Evidence as people read it: hits widened to whole words (eojeol) of the original text, those of
 * one rule that touch merged, with their weights summed; the strongest come first into the limit
 * and are then put in the order of the text. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "nlp/labels.h"

#define FEW_MARKS 16
#define RULE_LEARNED "learned"
#define MAX_WIDEN 40 /* code points a hit grows by on either side */

int mark_add(struct nlp_scratch *s, uint32_t start, uint32_t end, double weight, struct span rule,
             struct span entry)
{
    if (VEC_RESERVE(s->marks, 1) < 0)
        return -ENOMEM;
    s->marks.at[s->marks.n++] = (struct mark){start, end, weight, rule, entry};
    return 0;
}

/* The learned table's share, a word at a time. */
static int mark_grams(struct nlp_scratch *s)
{
    const struct norm *nm = &s->norm;
    int r = 0;
    for (size_t i = 0; r == 0 && i < nm->n;) {
        size_t start = i;
        int sum = 0;
        while (i < nm->n && nm->cls[i] > CLASS_NEWLINE)
            sum += s->gram[i++];
        double weight = s->gram_share * sum;
        if (fabs(weight) >= 0.3)
            r = mark_add(s, (uint32_t)start, (uint32_t)i, weight, SPAN_LIT("ngram"), SPAN_NONE);
        i += i == start;
    }
    return r;
}

/* The n-grams from one place on that learned labels look at and no earlier place has. */
static int find_grams_at(const struct nlp_tables *t, struct nlp_scratch *s, const uint16_t *sym,
                         uint32_t at)
{
    const bool english = s->first_lane > 0;
    uint32_t cell = 0;
    if (VEC_RESERVE(s->label_hits, LEX_MAX_KEY) < 0 || VEC_RESERVE(s->marked, LEX_MAX_KEY) < 0)
        return -ENOMEM;
    for (size_t k = 0; k < LEX_MAX_KEY && (cell = tables_child(t, cell, sym[k])); k++) {
        const struct lex_label_row *row = tables_label_row(t, cell, english);
        const uint64_t bit = UINT64_C(1) << (cell & 63);
        if (!row || (s->seen[cell >> 6] & bit))
            continue;
        s->seen[cell >> 6] |= bit;
        s->marked.at[s->marked.n++] = cell;
        s->label_hits.at[s->label_hits.n++] = (struct label_hit){at, row};
    }
    return 0;
}

static int find_label_grams(const struct nlp_tables *t, struct nlp_scratch *s)
{
    const bool spaced = s->params[PARAM_NGRAM_WORDS] != 0.0;
    const uint16_t *sym = spaced ? s->spaced.at : s->sym;
    const size_t n = spaced ? s->spaced.n : s->norm.n;
    int r = 0;
    s->label_hits.n = s->marked.n = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = find_grams_at(t, s, sym + i, spaced ? s->spaced_at.at[i] : (uint32_t)i);
    for (size_t i = 0; i < s->marked.n; i++)
        s->seen[s->marked.at[i] >> 6] = 0;
    return r;
}

/* A number or an id says nothing that a reader would call a reason. */
static bool is_word(const struct norm *nm, size_t start, size_t end)
{
    bool letters = false, digits = false;
    for (size_t i = start; i < end; i++) {
        if (nm->cls[i] == CLASS_HANGUL || nm->cls[i] == CLASS_JAMO)
            return true;
        letters |= nm->cls[i] == CLASS_LATIN;
        digits |= nm->cls[i] == CLASS_DIGIT;
    }
    return letters && !digits;
}

/* What the n-grams that begin in one word add to a label, where that is much. */
static int mark_word(const struct nlp_tables *t, struct nlp_scratch *s, size_t lane, size_t start,
                     size_t end, int sum)
{
    const double weight = label_share(t, s, lane, sum);
    if (weight < 0.1 || !is_word(&s->norm, start, end))
        return 0;
    return mark_add(s, (uint32_t)start, (uint32_t)end, weight, SPAN_LIT(RULE_LEARNED),
                    tables_str(t, t->labels[s->first_lane + lane].name));
}

static int mark_lane(const struct nlp_tables *t, struct nlp_scratch *s, size_t lane)
{
    const struct norm *nm = &s->norm;
    int r = 0, sum = 0;
    for (size_t i = 0, k = 0; r == 0 && i < nm->n;) {
        while (i < nm->n && nm->cls[i] <= CLASS_NEWLINE)
            i++;
        const size_t start = i;
        while (i < nm->n && nm->cls[i] > CLASS_NEWLINE)
            i++;
        for (sum = 0; k < s->label_hits.n && s->label_hits.at[k].at < i; k++)
            sum += s->label_hits.at[k].row->weight[lane];
        r = mark_word(t, s, lane, start, i, sum);
    }
    return r;
}

static int mark_learned(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t given)
{
    int r = given ? find_label_grams(t, s) : 0;
    for (size_t lane = 0; r == 0 && lane < LEX_LANES; lane++)
        if (given >> lane & 1)
            r = mark_lane(t, s, lane);
    return r;
}

/* What a rule that labels weigh did for those given. */
static double weighed(const struct nlp_tables *t, const struct nlp_scratch *s,
                      const struct lex_rule *rule, uint32_t given)
{
    double most = 0;
    for (size_t lane = 0; lane < LEX_LANES; lane++) {
        double w = label_share(t, s, lane, t->features[rule->feature].weight[lane]);
        if ((given >> lane & 1) && rule->feature && w > most)
            most = w;
    }
    return most;
}

static int mark_rules(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t given)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->rule_hits.n; i++) {
        const struct rule_hit *h = &s->rule_hits.at[i];
        const struct lex_phrase *p = &t->phrases[h->phrase];
        const struct lex_rule *rule = &t->rules[h->rule];
        const double weight = rule->feature ? weighed(t, s, rule, given) : (double)p->weight;
        if ((rule->feature && weight < 0.1) || (!rule->feature && rule->kind == RULE_CONCEPT))
            continue;
        r = mark_add(s, h->start, h->end, weight, tables_str(t, rule->name),
                     tables_str(t, p->entry));
    }
    return r;
}

static bool is_gap(const struct norm *nm, uint32_t i)
{
    return nm->cls[i] <= CLASS_NEWLINE;
}

/* To whole words, as far as words go that people write. */
static void widen(const struct norm *nm, struct mark *m)
{
    const uint32_t first = m->start, last = m->end;
    while (m->start > 0 && first - m->start < MAX_WIDEN && !is_gap(nm, m->start - 1) &&
           !is_gap(nm, m->start))
        m->start--;
    while (is_gap(nm, m->start) && m->start + 1 < m->end)
        m->start++;
    while (m->end < nm->n && m->end - last < MAX_WIDEN && !is_gap(nm, m->end) &&
           !is_gap(nm, m->end - 1))
        m->end++;
    while (m->end > m->start + 1 && is_gap(nm, m->end - 1))
        m->end--;
}

/* By rule; what was learned also by label. */
static int compare_source(const struct mark *x, const struct mark *y)
{
    int c = span_cmp(x->rule, y->rule);
    return c || !span_is(x->rule, RULE_LEARNED) ? c : span_cmp(x->entry, y->entry);
}

static int compare_merge(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    int c = compare_source(x, y);
    if (c)
        return c;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end);
}

static int compare_weight(const void *a, const void *b)
{
    double x = fabs(((const struct mark *)a)->weight), y = fabs(((const struct mark *)b)->weight);
    return (x < y) - (x > y);
}

static int compare_place(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return compare_merge(a, b);
}

/* There are few of them nearly always; equal ones keep their order. */
static void sort_marks(struct nlp_scratch *s, int (*compare)(const void *, const void *))
{
    struct mark *m = s->marks.at;
    if (s->marks.n > FEW_MARKS) {
        qsort(m, s->marks.n, sizeof(*m), compare);
        return;
    }
    for (size_t i = 1; i < s->marks.n; i++) {
        const struct mark one = m[i];
        size_t k = i;
        for (; k > 0 && compare(&m[k - 1], &one) > 0; k--)
            m[k] = m[k - 1];
        m[k] = one;
    }
}

static void merge(struct nlp_scratch *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->marks.n; i++)
        widen(&s->norm, &s->marks.at[i]);
    sort_marks(s, compare_merge);
    for (size_t i = 0; i < s->marks.n; i++) {
        struct mark *m = &s->marks.at[i], *last = n ? &s->marks.at[n - 1] : NULL;
        if (last && compare_source(last, m) == 0 && m->start < last->end) {
            last->end = m->end > last->end ? m->end : last->end;
            if (fabs(m->weight) > fabs(last->weight))
                last->entry = m->entry;
            last->weight += m->weight;
        } else {
            s->marks.at[n++] = *m;
        }
    }
    s->marks.n = n;
}

struct place { /* where counting of code points stands */
    const struct part_range *part;
    uint32_t byte, cp;
};

static uint32_t count_to(struct place *p, uint32_t byte)
{
    const struct span text = p->part->text;
    uint32_t cp;
    while (p->byte < byte) { /* as norm.c reads: an invalid byte is a code point of its own */
        const unsigned char *c = (const unsigned char *)text.p + p->byte;
        unsigned n = 1;
        if (c[0] > 0xE0 && c[0] < 0xED && text.n - p->byte > 2 && (c[1] & 0xC0) == 0x80 &&
            (c[2] & 0xC0) == 0x80)
            n = 3;
        else if (c[0] >= 0x80)
            n = utf8_decode(text.p + p->byte, text.n - p->byte, &cp);
        p->byte += n ? n : 1;
        p->cp++;
    }
    return p->cp;
}

static void write_one(const struct nlp_scratch *s, const struct mark *m, struct place *place,
                      struct evidence *out)
{
    size_t k = place->part ? (size_t)(place->part - s->parts.at) : 0;
    while (k + 1 < s->parts.n && s->parts.at[k + 1].begin <= m->start)
        k++;
    if (place->part != &s->parts.at[k])
        *place = (struct place){.part = &s->parts.at[k]};
    *out = (struct evidence){.part = place->part->part,
                             .start = s->norm.from[m->start],
                             .end = s->norm.to[m->end - 1],
                             .entry = m->entry,
                             .rule = m->rule,
                             .weight = m->weight};
    out->cp_start = count_to(place, out->start);
    struct place ahead = *place; /* the next one may begin before this one ends */
    out->cp_end = count_to(&ahead, out->end);
}

int evidence_write(const struct nlp_tables *t, struct nlp_scratch *s, struct arena *a,
                   struct analysis *out)
{
    const uint32_t given = labels_given(t, s, out);
    int r = mark_grams(s);
    if (r == 0)
        r = mark_rules(t, s, given);
    if (r == 0)
        r = mark_learned(t, s, given);
    if (r < 0)
        return r;
    if (s->marks.n == 0)
        return 0;
    merge(s);
    if (s->marks.n > NLP_MAX_EVIDENCE) {
        sort_marks(s, compare_weight);
        s->marks.n = NLP_MAX_EVIDENCE;
    }
    sort_marks(s, compare_place);
    struct evidence *ev = arena_array(a, s->marks.n, sizeof(*ev));
    if (!ev)
        return -ENOMEM;
    struct place place = {.part = NULL};
    for (size_t i = 0; i < s->marks.n; i++)
        write_one(s, &s->marks.at[i], &place, &ev[i]);
    out->evidence = ev;
    out->n_evidence = s->marks.n;
    return 0;
}
