/* Evidence as people read it: hits widened to whole words (eojeol) of the original text, those of
 * one rule that touch merged, with their weights summed; the strongest come first into the limit
 * and are then put in the order of the text. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "nlp/scratch.h"

#define FEW_MARKS 16
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

static int mark_rules(const struct nlp_tables *t, struct nlp_scratch *s)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->rule_hits.n; i++) {
        const struct rule_hit *h = &s->rule_hits.at[i];
        const struct lex_phrase *p = &t->phrases[h->phrase];
        r = mark_add(s, h->start, h->end, (double)p->weight, tables_str(t, t->rules[h->rule].name),
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

static int compare_merge(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    int c = span_cmp(x->rule, y->rule);
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
        if (last && span_eq(last->rule, m->rule) && m->start < last->end) {
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
    int r = mark_grams(s);
    if (r == 0)
        r = mark_rules(t, s);
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
