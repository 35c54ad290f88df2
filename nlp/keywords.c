/* Candidate nouns without a dictionary of nouns: a word without its particles, when it does not end
 * like a predicate and is no stop word. Counted within the text; the most frequent first. */
#include <errno.h>

#include "nlp/scratch.h"

#define MAX_CANDIDATES 64
#define MAX_LENGTH 12

struct candidate {
    uint32_t start, end, count;
};

static bool word_has(const struct nlp_tables *t, uint32_t cell, enum nlp_word_kind kind)
{
    if (!(t->cells[cell].link & CELL_LISTED))
        return false;
    for (const struct lex_posting *p = tables_postings(t, cell);; p++) {
        if (p->kind == kind)
            return true;
        if (p->atom & POST_LAST)
            return false;
    }
}

/* The cell of [a, b) as a whole, or 0. */
static uint32_t cell_of(const struct nlp_tables *t, const struct nlp_scratch *s, uint32_t a,
                        uint32_t b)
{
    uint32_t cell = 0;
    for (uint32_t i = a; i < b; i++) {
        cell = tables_child(t, cell, s->sym[i]);
        if (!cell)
            return 0;
    }
    return cell;
}

/* The end of the noun of the word [a, b): b less its longest particle; 0 when it is a predicate. */
static uint32_t noun_end(const struct nlp_tables *t, const struct nlp_scratch *s, uint32_t a,
                         uint32_t b)
{
    uint32_t noun = b;
    for (uint32_t i = a + 1; i < b; i++) { /* the longest first */
        const uint32_t cell = cell_of(t, s, i, b);
        if (!cell || !(t->cells[cell].link & CELL_LISTED))
            continue;
        if (word_has(t, cell, WORD_ENDING))
            return 0;
        if (noun == b && i >= a + 2 && word_has(t, cell, WORD_JOSA))
            noun = i;
    }
    return noun;
}

static bool same(const struct norm *nm, const struct candidate *c, uint32_t a, uint32_t b)
{
    return c->end - c->start == b - a &&
           memcmp(nm->cp + c->start, nm->cp + a, (b - a) * sizeof(*nm->cp)) == 0;
}

static size_t count_one(const struct norm *nm, struct candidate *list, size_t n, uint32_t a,
                        uint32_t b)
{
    for (size_t i = 0; i < n; i++) {
        if (same(nm, &list[i], a, b)) {
            list[i].count++;
            return n;
        }
    }
    if (n == MAX_CANDIDATES)
        return n;
    list[n] = (struct candidate){a, b, 1};
    return n + 1;
}

static bool acceptable(const struct nlp_tables *t, const struct nlp_scratch *s, uint32_t a,
                       uint32_t b)
{
    bool hangul = s->norm.cls[a] == CLASS_HANGUL;
    return b - a >= (hangul ? 2U : 3U) && b - a <= MAX_LENGTH * (hangul ? 1U : 2U) &&
           !word_has(t, cell_of(t, s, a, b), WORD_STOP);
}

/* Whether any of [a, b) is personal data; *ret_part follows the positions. */
static bool is_personal(const struct nlp_scratch *s, uint32_t a, uint32_t b, size_t *ret_part)
{
    while (*ret_part + 1 < s->parts.n && s->parts.at[*ret_part + 1].begin <= a)
        ++*ret_part;
    const uint16_t part = s->parts.at[*ret_part].part;
    for (size_t i = 0; i < s->pii.n; i++) {
        const struct pii_span *p = &s->pii.at[i];
        if (p->part == part && p->start < s->norm.to[b - 1] && s->norm.from[a] < p->end)
            return true;
    }
    return false;
}

static size_t collect(const struct nlp_tables *t, const struct nlp_scratch *s,
                      struct candidate *list)
{
    const struct norm *nm = &s->norm;
    size_t n = 0, part = 0;
    for (uint32_t i = 0; i < nm->n;) {
        uint8_t cls = nm->cls[i];
        uint32_t start = i;
        if (cls != CLASS_HANGUL && cls != CLASS_LATIN) {
            i++;
            continue;
        }
        while (i < nm->n && nm->cls[i] == cls)
            i++;
        if (i - start > 2 * MAX_LENGTH)
            continue;
        uint32_t end = cls == CLASS_HANGUL ? noun_end(t, s, start, i) : i;
        if (end && acceptable(t, s, start, end) && !is_personal(s, start, i, &part))
            n = count_one(nm, list, n, start, end);
    }
    return n;
}

int keywords_write(const struct nlp_tables *t, struct nlp_scratch *s, struct arena *a,
                   struct analysis *out)
{
    struct candidate list[MAX_CANDIDATES];
    size_t n = collect(t, s, list), most = n < NLP_MAX_KEYWORDS ? n : NLP_MAX_KEYWORDS;
    struct span *words = arena_array(a, most, sizeof(*words));
    if (!words && most)
        return -ENOMEM;
    for (size_t k = 0; k < most; k++) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (list[i].count > list[best].count)
                best = i;
        char *p = arena_alloc(a, 4 * (size_t)(list[best].end - list[best].start));
        if (!p)
            return -ENOMEM;
        words[k] = span_of(p, norm_utf8(&s->norm, list[best].start, list[best].end, p));
        list[best].count = 0;
    }
    out->keywords = words;
    out->n_keywords = most;
    return 0;
}
