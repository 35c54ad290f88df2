#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "nlp/scratch.h"

/* Particles can follow one another: 에서는, 한테만은. */
#define MAX_JOSA 4
#define WALK_CHUNK 128

struct walk_place {
    uint32_t base, at; /* what the cells of children count from; the next symbol's place */
};

struct walk_found {
    uint32_t cell, at;
};

struct walk {
    size_t n; /* of live */
    struct walk_place live[WALK_CHUNK];
    struct walk_found found[WALK_CHUNK + 1];
};

/* Scripts a word boundary lies between. */
static inline unsigned script(uint8_t cls)
{
    if (cls == CLASS_HANGUL || cls == CLASS_JAMO)
        return 1;
    return cls == CLASS_LATIN || cls == CLASS_DIGIT ? 2 : cls == CLASS_LETTER ? 3 : 0;
}

static inline bool begins_word(const struct nlp_scratch *s, size_t i)
{
    unsigned own = script(s->norm.cls[i]);
    return own == 0 || i == 0 || script(s->norm.cls[i - 1]) != own;
}

static inline bool ends_word(const struct nlp_scratch *s, size_t end)
{
    const struct norm *nm = &s->norm;
    unsigned own = script(nm->cls[end - 1]);
    if (own == 0)
        return true;
    if (nm->cp[end] == '\'' && own == 2 && end + 2 < nm->n) /* can't is no can; it's is an it */
        return nm->cls[end + 1] != CLASS_LATIN || nm->cp[end + 1] == 's' || nm->cp[end + 1] == 'd';
    return script(nm->cls[end]) != own;
}

static bool has_josa(const struct nlp_tables *t, uint32_t cell)
{
    if (!(t->cells[cell].link & CELL_WORD))
        return false;
    for (const uint32_t *p = &t->postings[t->values[cell]];; p++) {
        if (t->atoms[*p >> 8].kind == WORD_JOSA)
            return true;
        if (*p & POST_LAST)
            return false;
    }
}

bool scan_only_josa(const struct nlp_tables *t, const struct nlp_scratch *s, size_t at)
{
    const struct norm *nm = &s->norm;
    for (unsigned k = 0; k < MAX_JOSA; k++) {
        size_t longest = at;
        uint32_t cell = 0;
        if (nm->cls[at] != CLASS_HANGUL)
            return true;
        for (size_t i = at; nm->cls[i] == CLASS_HANGUL; i++) {
            cell = tables_child(t, cell, s->sym[i]);
            if (!cell)
                break;
            if (has_josa(t, cell))
                longest = i + 1;
        }
        if (longest == at)
            return false;
        at = longest;
    }
    return nm->cls[at] != CLASS_HANGUL;
}

static bool bounds_hold(const struct nlp_tables *t, const struct nlp_scratch *s, uint32_t post,
                        size_t start, size_t end)
{
    if ((post & POST_START) && !begins_word(s, start))
        return false;
    if ((post & POST_END) && !ends_word(s, end))
        return false;
    return !(post & POST_JOSA) || ends_word(s, end) || scan_only_josa(t, s, end);
}

static int add_hits(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t cell, size_t start,
                    size_t end)
{
    for (const uint32_t *p = &t->postings[t->values[cell]];; p++) {
        const struct lex_atom *a = &t->atoms[*p >> 8];
        bool wanted = (a->lang == LANG_NONE || a->lang == s->lang) && a->kind != WORD_JOSA &&
                      !((a->flags & NLP_TICKET) && s->kind == KIND_REVIEW);
        if (wanted && bounds_hold(t, s, *p, start, end)) {
            if (s->hits.n == s->hits.cap && VEC_RESERVE(s->hits, 1) < 0)
                return -ENOMEM;
            s->hits.at[s->hits.n++] = (struct hit){(uint32_t)start, (uint32_t)end, *p >> 8};
            if (a->kind == WORD_MASK) {
                if (VEC_RESERVE(s->masks, 1) < 0)
                    return -ENOMEM;
                s->masks.at[s->masks.n++] = s->hits.at[s->hits.n - 1];
            }
        }
        if (*p & POST_LAST)
            return 0;
    }
}

/* 16 bits hold 256 weights; then they are added up. */
static void flush_labels(struct nlp_scratch *s)
{
    for (size_t k = 0; k < LEX_LANES; k++) {
        s->label_sums[k] += s->label_part[k];
        s->label_part[k] = 0;
    }
    s->n_label_part = 0;
}

static void sum_row(int16_t *restrict sum, const int8_t *restrict w)
{
    for (size_t k = 0; k < LEX_LANES; k++)
        sum[k] = (int16_t)(sum[k] + w[k]);
}

/* The labels of the n-grams found new since `first`. Rows lie far apart, so all are asked for
 * before the first is read. */
static void add_labels(const struct nlp_tables *t, struct nlp_scratch *s, size_t first)
{
    const uint32_t own = s->first_lane ? ROW_EN : ROW_KO;
    const int8_t *rows[WALK_CHUNK];
    while (first < s->grams.n) {
        size_t end = s->grams.n - first < WALK_CHUNK ? s->grams.n : first + WALK_CHUNK, n = 0;
        for (size_t i = first; i < end; i++)
            __builtin_prefetch(&t->rows[s->grams.at[i]]);
        for (size_t i = first; i < end; i++) {
            const uint32_t row = t->rows[s->grams.at[i]];
            rows[n] = t->label_rows[(row >> 2) + (own == ROW_EN && (row & ROW_KO))].weight;
            __builtin_prefetch(rows[n]);
            n += (row & own) != 0;
        }
        for (size_t i = 0; i < n; i++) {
            sum_row(s->label_part, rows[i]);
            if (++s->n_label_part == 256)
                flush_labels(s);
        }
        first = end;
    }
}

/* An n-gram counts once a text, at the place it is found first. */
static inline void add_gram(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t cell,
                            uint32_t gram_flag, size_t at)
{
    uint64_t bit = UINT64_C(1) << (cell & 63);
    if (s->seen[cell >> 6] & bit)
        return;
    s->seen[cell >> 6] |= bit;
    s->grams.at[s->grams.n++] = cell;
    const struct lex_cell c = t->cells[cell];
    if (c.link & gram_flag) {
        const int weight = gram_flag == CELL_KO ? c.ko : c.en;
        s->n_grams++;
        s->gram[at] += weight;
        s->gram_sum += weight;
    }
}

/* One level of the walk: of the places in `live`, those that have a child by their next symbol
 * stay, and cells that end a key go to `found`. Written without branches, as there is no guessing
 * where a walk ends, and with loads that do not wait for each other: nearly each of them misses the
 * cache. Returns how many of `found` were filled. */
static size_t walk_level(const struct lex_cell *cells, const uint16_t *sym, uint32_t flags,
                         struct walk *w)
{
    size_t live = 0, found = 0;
    for (size_t k = 0; k < w->n; k++) {
        const uint32_t at = w->live[k].at, next = w->live[k].base + sym[at];
        const struct lex_cell c = cells[next];
        const unsigned is_child = (unsigned)(sym[at] != 0) & (unsigned)(c.sym == sym[at]);
        const uint32_t base = c.link >> 8;
        w->found[found] = (struct walk_found){next, at};
        found += is_child & (unsigned)((c.link & flags) != 0);
        w->live[live] = (struct walk_place){base, at + 1};
        live += is_child & (unsigned)(base != 0);
        __builtin_prefetch(&cells[base + sym[at + 1]]);
    }
    w->n = live;
    return found;
}

/* Takes what ends `depth` code points after its start: n-grams now, words when the chunk is done.
 */
static int take_found(const struct nlp_tables *t, struct nlp_scratch *s, const struct walk *w,
                      size_t n, uint32_t depth, uint32_t gram_flag)
{
    if (VEC_RESERVE(s->grams, n) < 0 || VEC_RESERVE(s->words, n) < 0)
        return -ENOMEM;
    const size_t first = s->grams.n;
    for (size_t k = 0; k < n; k++) {
        const uint32_t cell = w->found[k].cell, start = w->found[k].at - depth;
        const struct lex_cell c = t->cells[cell];
        if (gram_flag && (c.link & (gram_flag | CELL_LABELS)))
            add_gram(t, s, cell, gram_flag, start);
        if (c.link & CELL_WORD)
            s->words.at[s->words.n++] = (struct hit){start, w->found[k].at + 1, cell};
    }
    if (t->n_label_rows)
        add_labels(t, s, first);
    return 0;
}

/* The words of a chunk came by length; their hits are wanted by start, the shortest first. There
 * are few of them, and a chunk is short. */
static int take_words(const struct nlp_tables *t, struct nlp_scratch *s)
{
    struct hit *w = s->words.at;
    for (size_t i = 1; i < s->words.n; i++) {
        struct hit h = w[i];
        size_t k = i;
        for (; k > 0 && w[k - 1].start > h.start; k--)
            w[k] = w[k - 1];
        w[k] = h;
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->words.n; i++)
        r = add_hits(t, s, w[i].atom, w[i].start, w[i].end);
    s->words.n = 0;
    return r;
}

/* All keys from all places, a chunk of places at a time and level by level. The symbols end in
 * zeros, which have no children. */
static int walk(const struct nlp_tables *t, struct nlp_scratch *s, uint32_t gram_flag)
{
    const uint32_t root = t->cells[0].link >> 8, n = (uint32_t)s->norm.n;
    const uint32_t wanted = CELL_WORD | (gram_flag ? gram_flag | CELL_LABELS : 0);
    struct walk w;
    int r = 0;
    for (uint32_t begin = 0; r == 0 && begin < n; begin += WALK_CHUNK) {
        w.n = n - begin < WALK_CHUNK ? n - begin : WALK_CHUNK;
        for (uint32_t k = 0; k < w.n; k++)
            w.live[k] = (struct walk_place){root, begin + k};
        for (uint32_t depth = 0; r == 0 && w.n > 0; depth++) {
            s->work += w.n;
            size_t found = walk_level(t->cells, s->sym, wanted, &w);
            r = take_found(t, s, &w, found, depth, gram_flag);
        }
        if (r == 0)
            r = take_words(t, s);
    }
    return r;
}

static bool is_spaced_punct(uint32_t cp)
{
    if (cp < 0x80)
        return cp > ' ' && cp != '\'' && !((cp | 32) - 'a' < 26U || cp - '0' < 10U);
    return (cp >= 0xA1 && cp <= 0xBF) || (cp >= 0x2010 && cp <= 0x2BFF) ||
           (cp >= 0x3001 && cp <= 0x3003) || (cp >= 0x3008 && cp <= 0x3020) ||
           (cp >= 0x1F000 && cp <= 0x1FAFF);
}

static void add_spaced(struct nlp_scratch *s, uint16_t sym, size_t at)
{
    s->spaced.at[s->spaced.n++] = sym;
    s->spaced_at.at[s->spaced_at.n++] = (uint32_t)at;
}

/* Step 7 of lexicons/build/README.md: the symbols again, with spaces around words. */
static int space_out(const struct nlp_tables *t, struct nlp_scratch *s)
{
    const struct norm *nm = &s->norm;
    const uint16_t space = tables_sym(t, ' ');
    s->spaced.n = s->spaced_at.n = 0;
    if (VEC_RESERVE(s->spaced, nm->n * 2 + 4) < 0 || VEC_RESERVE(s->spaced_at, nm->n * 2 + 4) < 0)
        return -ENOMEM;
    unsigned before = 2; /* 0 space, 1 word, 2 mark, 3 punctuation */
    for (size_t i = 0; i < nm->n; i++) {
        unsigned now = nm->cls[i] == CLASS_MARK     ? 2
                       : nm->cp[i] == ' '           ? 0
                       : is_spaced_punct(nm->cp[i]) ? 3
                                                    : 1;
        if (before && now && now != before)
            add_spaced(s, space, i);
        add_spaced(s, s->sym[i], i);
        before = now;
    }
    return 0;
}

static int walk_spaced(const struct nlp_tables *t, struct nlp_scratch *s)
{
    int r = space_out(t, s);
    const size_t n = r < 0 ? 0 : s->spaced.n;
    for (size_t i = 0; i < n; i++) {
        if (VEC_RESERVE(s->grams, LEX_MAX_KEY) < 0)
            return -ENOMEM;
        const size_t first = s->grams.n;
        uint32_t cell = 0;
        for (size_t j = i; j < n && (t->cells[cell].link >> 8); j++) {
            s->work++;
            cell = tables_child(t, cell, s->spaced.at[j]);
            if (!cell)
                break;
            if (t->cells[cell].link & (CELL_EN | CELL_LABELS))
                add_gram(t, s, cell, CELL_EN, s->spaced_at.at[i]);
        }
        if (t->n_label_rows)
            add_labels(t, s, first);
    }
    return r;
}

/* Hits that lie inside a longer mask are dropped: 안 in 안내. */
static void apply_masks(struct nlp_scratch *s)
{
    size_t k = 0, out = 0;
    for (size_t i = 0; i < s->hits.n; i++) {
        struct hit h = s->hits.at[i];
        bool hidden = false;
        while (k < s->masks.n && s->masks.at[k].end <= h.start)
            k++;
        for (size_t m = k; m < s->masks.n && m < k + 4 && !hidden; m++) {
            const struct hit *mask = &s->masks.at[m];
            hidden = mask->start <= h.start && h.end <= mask->end &&
                     h.end - h.start < mask->end - mask->start;
        }
        if (!hidden)
            s->hits.at[out++] = h;
    }
    s->hits.n = out;
}

static int prepare(const struct nlp_tables *t, struct nlp_scratch *s)
{
    size_t n = s->norm.n, words = t->n_cells / 64 + 1;
    if (s->cap_positions < n || !s->sym) {
        size_t cap = s->norm.cap;
        uint16_t *sym = realloc(s->sym, (cap + LEX_MAX_KEY) * sizeof(*sym));
        s->sym = sym ? sym : s->sym;
        int32_t *gram = realloc(s->gram, (cap + 1) * sizeof(*gram));
        s->gram = gram ? gram : s->gram;
        if (!sym || !gram)
            return -ENOMEM;
        s->cap_positions = cap;
    }
    if (s->cap_seen < words) {
        uint64_t *seen = calloc(words, sizeof(*seen));
        if (!seen)
            return -ENOMEM;
        free(s->seen);
        s->seen = seen;
        s->cap_seen = words;
    }
    for (size_t i = 0; i < n; i++)
        s->sym[i] = tables_sym(t, s->norm.cp[i]);
    memset(s->sym + n, 0, LEX_MAX_KEY * sizeof(*s->sym));
    if (n)
        memset(s->gram, 0, n * sizeof(*s->gram));
    s->hits.n = s->masks.n = s->grams.n = 0;
    s->n_grams = 0;
    s->gram_sum = 0;
    s->first_lane = s->lang == LANG_EN ? LEX_LANES : 0;
    memset(s->label_sums, 0, sizeof(s->label_sums));
    memset(s->label_part, 0, sizeof(s->label_part));
    s->n_label_part = 0;
    return 0;
}

int scan_text(const struct nlp_tables *t, struct nlp_scratch *s)
{
    int r = prepare(t, s);
    if (r < 0)
        return r;
    bool spaced = s->params[PARAM_NGRAM_WORDS] != 0.0;
    r = walk(t, s, spaced ? 0 : s->lang == LANG_EN ? CELL_EN : CELL_KO);
    if (r == 0 && spaced)
        r = walk_spaced(t, s);
    flush_labels(s);
    for (size_t i = 0; i < s->grams.n; i++)
        s->seen[s->grams.at[i] >> 6] = 0;
    double damp = s->params[PARAM_NGRAM_DAMP];
    s->gram_share = s->params[PARAM_NGRAM_SLOPE];
    if (damp > 0)
        s->gram_share /= sqrt(1.0 + (double)s->n_grams / damp);
    if (s->masks.n)
        apply_masks(s);
    return r;
}
