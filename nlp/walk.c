/* The walk: all keys of the trie from all places of a text, a chunk of places at a time and level
 * by level, and what the learned ones add up to. Nothing tells where a walk ends and nearly every
 * cell is a cache miss; so the levels most places reach are gone through by all of them, without
 * branches and with loads that do not wait for each other, and only what is left goes on alone. */
#include "nlp/walk.h"

#include <errno.h>

#include "base/err.h"

#define DENSE 4 /* levels that all places go through */
#define DENSE_WIDE 5
#define CHAIN 512 /* places up to which repeats are found by comparing */

#define INLINE static inline __attribute__((always_inline))

/* The weights of a row, widened as they are added: of eight pairs the second ones, then the first.
 */
typedef int16_t sum_eight __attribute__((vector_size(16)));

static void add_rows(struct walk *w)
{
    const bool english = w->in->lang == LANG_EN;
    const struct lex_label_row *all = english ? w->t->rows_en : w->t->rows_ko;
    sum_eight odd0 = {0}, odd1 = {0}, even0 = {0}, even1 = {0};
    const size_t n = w->n_rows < WALK_ROWS ? w->n_rows : WALK_ROWS;
    for (size_t i = 0; i < n; i++) {
        w->rows[i] = tables_rank(w->t, english ? RANK_EN : RANK_KO, w->rows[i]);
        __builtin_prefetch(&all[w->rows[i]]);
    }
    for (size_t i = 0; i < n; i++) {
        sum_eight a, b;
        memcpy(&a, all[w->rows[i]].weight, sizeof(a));
        memcpy(&b, all[w->rows[i]].weight + sizeof(a), sizeof(b));
        odd0 += a >> 8;
        odd1 += b >> 8;
        even0 += (a << 8) >> 8;
        even1 += (b << 8) >> 8;
    }
    int *const sums = w->s->label_sums, half = LEX_LANES / 2;
    for (int k = 0; k < half / 2; k++) {
        sums[2 * k] += even0[k];
        sums[2 * k + 1] += odd0[k];
        sums[half + 2 * k] += even1[k];
        sums[half + 2 * k + 1] += odd1[k];
    }
    w->s->n_label_grams += n;
    w->n_rows -= n;
    memmove(w->rows, w->rows + n, w->n_rows * sizeof(w->rows[0]));
}

/* Hands on the words of one level, which end `depth` code points after their start. */
static int take_words(struct walk *w, uint32_t begin, uint32_t depth)
{
    struct nlp_scratch *s = w->s;
    if (s->words.cap - s->words.n < w->n_words && VEC_RESERVE(s->words, w->n_words) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < w->n_words; i++) {
        const uint32_t start = begin + w->places[i];
        const struct lex_posting *p = tables_postings(w->t, w->words[i]);
        __builtin_prefetch(p);
        s->words.at[s->words.n++] = (struct word){p, start, start + depth + 1, 0};
    }
    w->n_words = 0;
    return 0;
}

/* One step of the walk of place `k`. What ends a wanted n-gram there counts, once a text: not where
 * an earlier place begins with the same. */
INLINE void step(struct walk *w, const struct wanted wanted, const struct lex_cell *cells,
                 const uint16_t *sym, uint32_t k, bool repeated, int32_t *gram)
{
    const uint32_t cell = w->base[k] + sym[0];
    const struct lex_cell c = cells[cell];
    const uint32_t link = c.link & -(uint32_t)(c.sym == sym[0]);
    w->base[k] = link >> 8;
    w->flags |= link;
    __builtin_prefetch(&cells[(link >> 8) + sym[1]]);
    if (wanted.polar) {
        const uint32_t fresh = (uint32_t)repeated - 1, counts = link & fresh;
        const int weight = wanted.polar == CELL_EN ? c.en : c.ko;
        *gram += weight & -(int)((counts & wanted.polar) != 0);
        w->n_polar += counts & wanted.polar;
        w->rows[w->n_rows] = cell;
        w->n_rows += counts / wanted.labels & 1;
    }
    if (wanted.words) {
        w->words[w->n_words] = cell;
        w->places[w->n_words] = k;
        w->n_words += link / wanted.words & 1;
    }
}

INLINE void dense_level(struct walk *w, const struct wanted wanted, uint32_t begin, size_t n,
                        uint32_t depth)
{
    const struct lex_cell *cells = w->t->cells;
    const uint16_t *sym = w->in->sym + begin + depth;
    const uint8_t *repeats = wanted.polar ? w->s->repeats.at + begin : NULL;
    const uint32_t *position = wanted.words ? NULL : w->in->position;
    int32_t *const gram = w->s->gram;
    for (uint32_t k = 0; k < n; k++)
        step(w, wanted, cells, sym + k, k, wanted.polar && depth < repeats[k],
             &gram[position ? position[begin + k] : begin + k]);
}

/* The places whose walks have not ended go on, one after the other. */
INLINE int finish(struct walk *w, const struct wanted wanted, uint32_t begin, size_t n,
                  uint32_t from)
{
    const struct lex_cell *cells = w->t->cells;
    const uint32_t *position = wanted.words ? NULL : w->in->position;
    int r = 0;
    for (uint32_t k = 0; r == 0 && k < n; k++) {
        const uint32_t at = begin + k;
        int32_t *gram = &w->s->gram[position ? position[at] : at];
        for (uint32_t depth = from; r == 0 && w->base[k] && depth < LEX_MAX_KEY; depth++) {
            w->s->work++;
            step(w, wanted, cells, &w->in->sym[at + depth], k,
                 wanted.polar && depth < w->s->repeats.at[at], gram);
            if (w->n_words)
                r = take_words(w, begin, depth);
        }
        if (w->n_rows > WALK_ROWS)
            add_rows(w);
    }
    return r;
}

INLINE int walk_chunk(struct walk *w, const struct wanted wanted, uint32_t begin, size_t n)
{
    const uint32_t root = w->t->cells[0].link >> 8, dense = w->in->wide ? DENSE_WIDE : DENSE;
    int r = 0;
    for (size_t k = 0; k < n; k++)
        w->base[k] = root;
    memset(w->base + n, 0, WALK_WIDE * sizeof(w->base[0]));
    for (uint32_t depth = 0; r == 0 && depth < dense; depth++) {
        w->s->work += n;
        if (w->in->wide)
            walk_wide(w, &wanted, begin, n, depth);
        else
            dense_level(w, wanted, begin, n, depth);
        if (w->n_words)
            r = take_words(w, begin, depth);
        if (w->n_rows > WALK_ROWS)
            add_rows(w);
    }
    return r < 0 ? r : finish(w, wanted, begin, n, dense);
}

#define PASS(name, words, polar, labels)                                                           \
    static int name(struct walk *w, uint32_t begin, size_t n)                                      \
    {                                                                                              \
        return walk_chunk(w, (struct wanted){words, polar, labels}, begin, n);                     \
    }
PASS(korean_words, CELL_WORD_KO, 0, 0)
PASS(english_words, CELL_WORD_EN, 0, 0)
PASS(korean, CELL_WORD_KO, CELL_KO, CELL_LABELS_KO)
PASS(english, CELL_WORD_EN, CELL_EN, CELL_LABELS_EN)
PASS(korean_grams, 0, CELL_KO, CELL_LABELS_KO)
PASS(english_grams, 0, CELL_EN, CELL_LABELS_EN)

/* How many symbols from `a` and from `b` on are the same. */
static inline uint32_t same_length(const uint16_t *a, const uint16_t *b)
{
    uint32_t k = 0;
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    if (x != y && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        return (uint32_t)__builtin_ctzll(x ^ y) / 16;
    while (k < LEX_MAX_KEY && a[k] == b[k])
        k++;
    return k;
}

/* Short texts: each place is compared with those before it that begin with the same two symbols,
 * chained by a hash of them; one symbol alone is only looked up. Stamps of other texts lie below
 * `first`. */
static void compare_places(struct nlp_scratch *s, const uint16_t *sym, uint32_t n)
{
    const uint32_t first = s->last_stamp;
    uint32_t before[CHAIN];
    uint8_t *repeats = s->repeats.at;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *pair = &s->pairs[(sym[i] * 97U + sym[i + 1]) % ARRAY_LEN(s->pairs)];
        uint32_t longest = s->last[sym[i]] >= first;
        before[i] = *pair;
        *pair = s->last[sym[i]] = first + i;
        for (uint32_t j = before[i]; j >= first && longest < LEX_MAX_KEY; j = before[j - first]) {
            const uint32_t k = same_length(sym + i, sym + (j - first));
            longest = k > longest ? k : longest;
            s->work++;
        }
        repeats[i] = (uint8_t)longest;
    }
    s->last_stamp += n;
}

/* Long ones, in linear time: by a walk of their own that marks every cell it comes through. */
static int mark_places(const struct nlp_tables *t, struct nlp_scratch *s, const uint16_t *sym,
                       size_t n)
{
    s->marked.n = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        uint32_t cell = 0, depth = 0, longest = 0;
        if (s->marked.cap - s->marked.n < LEX_MAX_KEY && VEC_RESERVE(s->marked, LEX_MAX_KEY) < 0)
            r = -ENOMEM;
        while (r == 0 && depth < LEX_MAX_KEY && (cell = tables_child(t, cell, sym[i + depth]))) {
            const uint64_t bit = UINT64_C(1) << (cell & 63);
            depth++;
            s->work++;
            if (s->seen[cell >> 6] & bit)
                longest = depth;
            else
                s->marked.at[s->marked.n++] = cell;
            s->seen[cell >> 6] |= bit;
        }
        s->repeats.at[i] = (uint8_t)longest;
    }
    for (size_t i = 0; i < s->marked.n; i++)
        s->seen[s->marked.at[i] >> 6] = 0;
    return r;
}

static int find_repeats(const struct nlp_tables *t, struct nlp_scratch *s, const uint16_t *sym,
                        size_t n)
{
    s->repeats.n = 0;
    if (s->repeats.cap < n + WALK_WIDE && VEC_RESERVE(s->repeats, n + WALK_WIDE) < 0)
        return -ENOMEM;
    if (n > CHAIN)
        return mark_places(t, s, sym, n);
    if (s->last_stamp > UINT32_MAX - CHAIN) {
        memset(s->last, 0, sizeof(s->last));
        memset(s->pairs, 0, sizeof(s->pairs));
        s->last_stamp = 1;
    }
    compare_places(s, sym, (uint32_t)n);
    return 0;
}

int walk_text(const struct nlp_tables *t, struct nlp_scratch *s, const struct walk_input *in)
{
    static int (*const passes[2][3])(struct walk *, uint32_t, size_t) = {
        {korean_words, korean_grams, korean}, {english_words, english_grams, english}};
    int (*const chunk)(struct walk *, uint32_t, size_t) =
        passes[in->lang == LANG_EN][!in->grams  ? 0
                                    : in->words ? 2
                                                : 1];
    struct walk w;
    w.t = t;
    w.s = s;
    w.in = in;
    w.n_rows = w.n_words = w.n_polar = w.flags = 0;
    int r = in->grams ? find_repeats(t, s, in->sym, in->n) : 0;
    for (size_t begin = 0; r == 0 && begin < in->n; begin += SCAN_CHUNK) {
        const size_t left = in->n - begin;
        r = chunk(&w, (uint32_t)begin, left < SCAN_CHUNK ? left : SCAN_CHUNK);
        if (r == 0 && s->words.n)
            r = scan_words(t, s);
        if (in->grams)
            s->n_grams += w.n_polar / (in->lang == LANG_EN ? CELL_EN : CELL_KO);
        w.n_polar = 0;
    }
    while (w.n_rows)
        add_rows(&w);
    s->any_frame |= (w.flags & CELL_FRAME) != 0;
    return r;
}
