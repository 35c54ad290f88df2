#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "nlp/walk.h"

/* Particles can follow one another: 에서는, 한테만은. */
#define MAX_JOSA 4

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
    if (!(t->cells[cell].link & CELL_LISTED))
        return false;
    for (const struct lex_posting *p = tables_postings(t, cell);; p++) {
        if (p->kind == WORD_JOSA)
            return true;
        if (p->atom & POST_LAST)
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

static int add_hits(const struct nlp_tables *t, struct nlp_scratch *s, const struct word *w)
{
    const size_t start = w->start, end = w->end;
    for (const struct lex_posting *p = w->postings;; p++) {
        bool wanted = (p->lang == LANG_NONE || p->lang == s->lang) && !lex_is_listed(p->kind) &&
                      !((p->flags & NLP_TICKET) && s->kind == KIND_REVIEW);
        if (wanted && bounds_hold(t, s, p->atom, start, end)) {
            if (s->hits.n == s->hits.cap && VEC_RESERVE(s->hits, 1) < 0)
                return -ENOMEM;
            s->hits.at[s->hits.n++] = (struct hit){w->start, w->end, p->atom >> 8, p->kind};
            if (p->kind == WORD_MASK) {
                if (VEC_RESERVE(s->masks, 1) < 0)
                    return -ENOMEM;
                s->masks.at[s->masks.n++] = s->hits.at[s->hits.n - 1];
            }
        }
        if (p->atom & POST_LAST)
            return 0;
    }
}

/* The words of a chunk came by length; their hits are wanted by start, the shortest first. */
int scan_words(const struct nlp_tables *t, struct nlp_scratch *s)
{
    struct word *w = s->words.at;
    uint32_t head[SCAN_CHUNK]; /* by start, where there is one: the index of its shortest word */
    uint64_t any[SCAN_CHUNK / 64] = {0};
    for (size_t i = s->words.n; i-- > 0;) {
        const uint32_t k = w[i].start % SCAN_CHUNK;
        const uint64_t bit = UINT64_C(1) << (k & 63);
        w[i].next = any[k / 64] & bit ? head[k] : UINT32_MAX;
        head[k] = (uint32_t)i;
        any[k / 64] |= bit;
    }
    int r = 0;
    for (uint32_t block = 0; block < SCAN_CHUNK / 64; block++)
        for (; r == 0 && any[block]; any[block] &= any[block] - 1)
            for (uint32_t i = head[block * 64 + (uint32_t)__builtin_ctzll(any[block])];
                 r == 0 && i != UINT32_MAX; i = w[i].next)
                r = add_hits(t, s, &w[i]);
    s->words.n = 0;
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
    if (VEC_RESERVE(s->spaced, nm->n * 2 + LEX_MAX_KEY) < 0 ||
        VEC_RESERVE(s->spaced_at, nm->n * 2 + LEX_MAX_KEY) < 0)
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
    for (size_t i = 0; i < LEX_MAX_KEY; i++)
        s->spaced.at[s->spaced.n + i] = t->no_sym;
    return 0;
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
        int32_t *gram = realloc(s->gram, (cap + LEX_MAX_KEY) * sizeof(*gram));
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
    for (size_t i = n; i < n + LEX_MAX_KEY; i++)
        s->sym[i] = t->no_sym;
    if (n)
        memset(s->gram, 0, n * sizeof(*s->gram));
    s->hits.n = s->masks.n = s->words.n = 0;
    s->n_grams = s->n_label_grams = 0;
    s->any_frame = false;
    s->first_lane = s->lang == LANG_EN ? LEX_LANES : 0;
    memset(s->label_sums, 0, sizeof(s->label_sums));
    return 0;
}

int scan_text(const struct nlp_tables *t, struct nlp_scratch *s)
{
    int r = prepare(t, s);
    if (r < 0)
        return r;
    const enum lang lang = s->lang == LANG_EN ? LANG_EN : LANG_KO;
    const bool spaced = s->params[PARAM_NGRAM_WORDS] != 0.0;
    struct walk_input in = {s->sym, NULL, s->norm.n, lang, true, !spaced, s->wide};
    r = walk_text(t, s, &in);
    if (r == 0 && spaced)
        r = space_out(t, s);
    if (r == 0 && spaced) {
        in = (struct walk_input){s->spaced.at, s->spaced_at.at, s->spaced.n, lang, false,
                                 true,         s->wide};
        r = walk_text(t, s, &in);
    }
    double damp = s->params[PARAM_NGRAM_DAMP];
    s->gram_share = s->params[PARAM_NGRAM_SLOPE];
    if (damp > 0)
        s->gram_share /= sqrt(1.0 + (double)s->n_grams / damp);
    if (s->masks.n)
        apply_masks(s);
    return r;
}
