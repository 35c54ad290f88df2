#include <errno.h>
#include <stdlib.h>

#include "nlp/build.h"

/* How many free cells are tried for a node with several children before it goes to the end. */
#define MAX_TRIES 4000

struct sorted {
    uint16_t *sym;
    const struct build_key *key;
};

struct trie {
    struct trie_out *out;
    const struct sorted *keys;
    const struct lex_atom *atoms;
    uint32_t *next, *prev; /* the free cells, a ring through cell 0 */
    uint8_t *used;         /* bases taken */
    size_t cap;
    uint32_t *lo; /* the first key of each cell */
    size_t cap_postings;
    uint32_t hint; /* no room for larger nodes before this cell */
};

static int compare_keys(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    size_t n = x->key->n < y->key->n ? x->key->n : y->key->n;
    for (size_t i = 0; i < n; i++)
        if (x->sym[i] != y->sym[i])
            return x->sym[i] < y->sym[i] ? -1 : 1;
    return (x->key->n > y->key->n) - (x->key->n < y->key->n);
}

/* `items` resized from `old` to `cap` items, the new part zeroed. */
static void *widen(void *items, size_t old, size_t cap, size_t size, int *error)
{
    char *p = realloc(items, cap * size);
    if (!p) {
        *error = -ENOMEM;
        return items;
    }
    memset(p + old * size, 0, (cap - old) * size);
    return p;
}

static int widen_cells(struct trie *t, size_t need)
{
    size_t old = t->cap, cap = old ? old : 1024;
    int r = 0;
    while (cap < need)
        cap *= 2;
    if (cap == old)
        return 0;
    t->out->cells = widen(t->out->cells, old, cap, sizeof(*t->out->cells), &r);
    t->lo = widen(t->lo, old, cap, sizeof(*t->lo), &r);
    t->next = widen(t->next, old, cap, sizeof(*t->next), &r);
    t->prev = widen(t->prev, old, cap, sizeof(*t->prev), &r);
    t->used = widen(t->used, old, cap, 1, &r);
    if (r < 0)
        return r;
    for (size_t i = old ? old : 1; i < cap; i++) {
        uint32_t last = t->prev[0];
        t->next[last] = (uint32_t)i;
        t->prev[i] = last;
        t->next[i] = 0;
        t->prev[0] = (uint32_t)i;
    }
    t->cap = cap;
    return 0;
}

static bool is_free(const struct trie *t, size_t cell)
{
    return cell >= t->cap || (cell != 0 && t->out->cells[cell].sym == 0);
}

static void take(struct trie *t, uint32_t cell, uint16_t sym)
{
    t->out->cells[cell].sym = sym;
    t->next[t->prev[cell]] = t->next[cell];
    t->prev[t->next[cell]] = t->prev[cell];
    if (cell + 1U > t->out->n_cells)
        t->out->n_cells = cell + 1U;
}

static uint32_t find_base(struct trie *t, const uint16_t *syms, size_t n)
{
    size_t tries = 0;
    uint32_t cell = n > 1 ? t->hint : 0;
    while (cell && cell < t->cap && !is_free(t, cell))
        cell++;
    for (cell = cell && cell < t->cap ? cell : t->next[0]; cell; cell = t->next[cell]) {
        if (cell <= syms[0])
            continue;
        uint32_t base = cell - syms[0];
        size_t k = 1;
        while (k < n && is_free(t, (size_t)base + syms[k]))
            k++;
        if (k == n && !t->used[base])
            return base;
        if (n > 1 && ++tries == MAX_TRIES) {
            t->hint = cell;
            break;
        }
    }
    return (uint32_t)t->out->n_cells; /* past every cell taken, so past every base as well */
}

/* The end of the keys from `lo` that are the same as the one there. */
static size_t same_end(const struct trie *t, size_t n, size_t lo)
{
    size_t end = lo + 1;
    while (end < n && compare_keys(&t->keys[end], &t->keys[lo]) == 0)
        end++;
    return end;
}

static uint32_t word_flags(const struct lex_atom *a)
{
    if (lex_is_listed(a->kind))
        return CELL_LISTED;
    return a->lang == LANG_NONE ? CELL_WORD_KO | CELL_WORD_EN
           : a->lang == LANG_EN ? CELL_WORD_EN
                                : CELL_WORD_KO;
}

/* The flags and weights of a cell that ends keys[lo, hi). */
static void set_cell(struct trie *t, uint32_t cell, size_t lo, size_t hi)
{
    struct lex_cell *c = &t->out->cells[cell];
    t->lo[cell] = (uint32_t)lo;
    for (size_t i = lo; i < hi; i++) {
        const struct build_key *k = t->keys[i].key;
        const bool ko = k->lang == LANG_KO;
        if (k->kind == KEY_FRAME) {
            c->link |= CELL_FRAME;
        } else if (k->kind == KEY_LABEL) {
            c->link |= ko ? CELL_LABELS_KO : CELL_LABELS_EN;
        } else if (k->kind == KEY_NGRAM) {
            *(ko ? &c->ko : &c->en) = k->weight;
            c->link |= ko ? CELL_KO : CELL_EN;
        } else {
            c->link |= word_flags(&t->atoms[k->posting >> 8]);
        }
    }
}

static size_t run_end(const struct trie *t, size_t i, size_t hi, size_t depth)
{
    uint16_t sym = t->keys[i].sym[depth];
    while (i < hi && t->keys[i].sym[depth] == sym)
        i++;
    return i;
}

/* A cell whose children have no place yet; it stands for keys[lo, hi). */
struct node {
    size_t lo, hi;
    uint32_t cell, depth;
};

/* Waiting nodes, the one with the most keys below it first: texts get there most, and what is
 * visited most then lies close together. */
struct waiting {
    struct node *at;
    size_t n, cap;
};

static bool goes_first(const struct node *a, const struct node *b)
{
    const size_t x = a->hi - a->lo, y = b->hi - b->lo;
    return x != y ? x > y : a->depth != b->depth ? a->depth < b->depth : a->lo < b->lo;
}

static int push(struct waiting *w, struct node node)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 1024;
        struct node *at = realloc(w->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        w->at = at;
        w->cap = cap;
    }
    size_t i = w->n++;
    for (; i > 0 && goes_first(&node, &w->at[(i - 1) / 2]); i = (i - 1) / 2)
        w->at[i] = w->at[(i - 1) / 2];
    w->at[i] = node;
    return 0;
}

static struct node pop(struct waiting *w)
{
    const struct node first = w->at[0], last = w->at[--w->n];
    size_t i = 0, child;
    for (; (child = 2 * i + 1) < w->n; i = child) {
        child += child + 1 < w->n && goes_first(&w->at[child + 1], &w->at[child]);
        if (!goes_first(&w->at[child], &last))
            break;
        w->at[i] = w->at[child];
    }
    w->at[i] = last;
    return first;
}

/* Gives the children of a node, keys[lo, hi) by their next symbol, their cells. */
static int place_children(struct trie *t, const struct node *node, size_t lo, struct waiting *w)
{
    size_t n = 0, k = 0;
    for (size_t i = lo; i < node->hi; i = run_end(t, i, node->hi, node->depth))
        n++;
    uint16_t *syms = malloc(n * sizeof(*syms));
    if (!syms)
        return -ENOMEM;
    for (size_t i = lo; i < node->hi; i = run_end(t, i, node->hi, node->depth))
        syms[k++] = t->keys[i].sym[node->depth];
    const uint32_t base = find_base(t, syms, n);
    int r = widen_cells(t, (size_t)base + syms[n - 1] + 1);
    if (r == 0) {
        t->used[base] = 1;
        t->out->cells[node->cell].link |= base << 8;
    }
    k = 0;
    for (size_t i = lo, end; r == 0 && i < node->hi; i = end, k++) {
        end = run_end(t, i, node->hi, node->depth);
        take(t, base + syms[k], syms[k]);
        r = push(w, (struct node){i, end, base + syms[k], node->depth + 1});
    }
    free(syms);
    return r;
}

static int build_nodes(struct trie *t, size_t n)
{
    struct waiting w = {NULL, 0, 0};
    int r = push(&w, (struct node){0, n, 0, 0});
    while (r == 0 && w.n) {
        const struct node node = pop(&w);
        size_t inner = node.lo;
        while (inner < node.hi && t->keys[inner].key->n == node.depth)
            inner++;
        if (inner > node.lo)
            set_cell(t, node.cell, node.lo, inner);
        if (inner < node.hi)
            r = place_children(t, &node, inner, &w);
    }
    free(w.at);
    return r;
}

struct cp_count {
    uint32_t cp, count;
};

static int compare_counts(const void *a, const void *b)
{
    const struct cp_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return (x->cp > y->cp) - (x->cp < y->cp);
}

/* How often each code point is in the keys, those that are at all. */
static int count_points(const struct build_key *keys, size_t n, struct cp_count **ret,
                        size_t *ret_n)
{
    uint32_t *count = calloc((size_t)LEX_N_PAGES * 256, sizeof(*count));
    uint8_t *in_use = calloc(LEX_N_PAGES, 1);
    struct cp_count *list = NULL;
    size_t pages = 0, used = 0;
    for (size_t i = 0; count && in_use && i < n; i++)
        for (size_t k = 0; k < keys[i].n; k++) {
            count[keys[i].cp[k]]++;
            in_use[keys[i].cp[k] >> 8] = 1;
        }
    for (size_t p = 0; in_use && p < LEX_N_PAGES; p++)
        pages += in_use[p];
    if (count && in_use)
        list = malloc((pages * 256 + 1) * sizeof(*list));
    for (uint32_t p = 0; list && p < LEX_N_PAGES; p++)
        for (uint32_t cp = p << 8; in_use[p] && cp < (p + 1) << 8; cp++)
            if (count[cp])
                list[used++] = (struct cp_count){cp, count[cp]};
    free(count);
    free(in_use);
    *ret = list;
    *ret_n = used;
    return list ? 0 : -ENOMEM;
}

/* Frequent code points get small symbols: it packs the array. */
static int assign_symbols(const struct build_key *keys, size_t n, struct trie_out *out)
{
    struct cp_count *count = NULL;
    size_t used = 0;
    out->pages = calloc(LEX_N_PAGES, sizeof(*out->pages));
    out->blocks = calloc(256, sizeof(*out->blocks));
    out->n_blocks = 256;
    int r = out->pages && out->blocks ? count_points(keys, n, &count, &used) : -ENOMEM;
    if (r == 0)
        qsort(count, used, sizeof(*count), compare_counts);
    for (size_t i = 0; r == 0 && i < LEX_MAX_SYMBOLS && i < used; i++) {
        uint32_t cp = count[i].cp;
        if (!out->pages[cp >> 8]) {
            out->blocks =
                widen(out->blocks, out->n_blocks, out->n_blocks + 256, sizeof(*out->blocks), &r);
            out->pages[cp >> 8] = (uint16_t)(out->n_blocks / 256);
            out->n_blocks += r < 0 ? 0 : 256;
        }
        if (r == 0)
            out->blocks[(size_t)out->pages[cp >> 8] * 256 + (cp & 255)] = (uint16_t)(i + 1);
    }
    free(count);
    return r;
}

static int translate(const struct build_key *keys, size_t n, const struct trie_out *out,
                     struct sorted *sorted, uint16_t **ret_syms)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += keys[i].n;
    uint16_t *sym = malloc((total + 1) * sizeof(*sym));
    if (!sym)
        return -ENOMEM;
    *ret_syms = sym;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = (struct sorted){sym, &keys[i]};
        for (size_t k = 0; k < keys[i].n; k++) {
            uint32_t cp = keys[i].cp[k];
            *sym++ = out->blocks[(size_t)out->pages[cp >> 8] * 256 + (cp & 255)];
        }
    }
    return 0;
}

/* A lookup may land up to one more than the largest symbol, which stands for none, past the largest
 * base. */
static int pad_cells(struct trie *t)
{
    uint32_t max_base = 0;
    uint16_t max_sym = 0;
    for (size_t i = 0; i < t->out->n_cells; i++) {
        uint32_t base = t->out->cells[i].link >> 8;
        max_base = base > max_base ? base : max_base;
    }
    for (size_t i = 0; i < t->out->n_blocks; i++)
        max_sym = t->out->blocks[i] > max_sym ? t->out->blocks[i] : max_sym;
    size_t need = (size_t)max_base + max_sym + 2;
    int r = widen_cells(t, need);
    if (r == 0 && need > t->out->n_cells)
        t->out->n_cells = need;
    return r;
}

static void rank_cells(struct trie_out *out, enum lex_rank_kind kind, uint32_t flag, size_t *ret_n)
{
    struct lex_rank *rank = out->ranks + (size_t)kind * (out->n_cells / 32 + 1);
    uint32_t before = 0;
    for (size_t i = 0; i < out->n_cells; i++) {
        if (i % 32 == 0)
            rank[i / 32].before = before;
        if (out->cells[i].link & flag) {
            rank[i / 32].bits |= UINT32_C(1) << i % 32;
            before++;
        }
    }
    *ret_n = before;
}

/* The postings of keys[lo, hi), none twice. */
static int add_postings(struct trie *t, size_t lo, size_t hi)
{
    struct trie_out *out = t->out;
    const size_t first = out->n_postings;
    for (size_t i = lo; i < hi; i++) {
        const struct build_key *k = t->keys[i].key;
        bool twice = k->kind != KEY_WORD;
        for (size_t p = first; p < out->n_postings; p++)
            twice |= out->postings[p].atom == k->posting;
        if (twice)
            continue;
        if (out->n_postings == t->cap_postings) {
            int r = 0;
            size_t cap = t->cap_postings ? t->cap_postings * 2 : 1024;
            out->postings = widen(out->postings, t->cap_postings, cap, sizeof(*out->postings), &r);
            if (r < 0)
                return r;
            t->cap_postings = cap;
        }
        const struct lex_atom *a = &t->atoms[k->posting >> 8];
        out->postings[out->n_postings++] =
            (struct lex_posting){k->posting, a->kind, a->lang, a->flags};
    }
    out->postings[out->n_postings - 1].atom |= POST_LAST;
    return 0;
}

static void fill_row(const struct trie *t, size_t lo, size_t hi, enum lang lang,
                     struct lex_label_row *row)
{
    for (size_t i = lo; i < hi; i++) {
        const struct build_key *k = t->keys[i].key;
        if (k->kind == KEY_LABEL && k->lang == lang)
            row->weight[k->posting % LEX_LANES] = k->weight;
    }
}

/* What the cells have beside the walk, in their order. */
static int fill(struct trie *t, size_t n)
{
    struct trie_out *out = t->out;
    out->n_ranks = RANK_KINDS * (out->n_cells / 32 + 1);
    out->ranks = calloc(out->n_ranks, sizeof(*out->ranks));
    if (!out->ranks)
        return -ENOMEM;
    rank_cells(out, RANK_WORD, CELL_WORD, &out->n_words);
    rank_cells(out, RANK_KO, CELL_LABELS_KO, &out->n_rows[0]);
    rank_cells(out, RANK_EN, CELL_LABELS_EN, &out->n_rows[1]);
    out->words = calloc(out->n_words + 1, sizeof(*out->words));
    for (size_t l = 0; l < 2; l++)
        out->rows[l] = calloc(out->n_rows[l] + 1, sizeof(*out->rows[l]));
    int r = out->words && out->rows[0] && out->rows[1] ? 0 : -ENOMEM;
    size_t word = 0, row[2] = {0, 0};
    for (size_t i = 0; r == 0 && i < out->n_cells; i++) {
        const uint32_t link = out->cells[i].link & 0xFF;
        const size_t lo = t->lo[i], hi = link ? same_end(t, n, lo) : 0;
        if (link & CELL_WORD) {
            out->words[word++] = (uint32_t)out->n_postings;
            r = add_postings(t, lo, hi);
        }
        if (link & CELL_LABELS_KO)
            fill_row(t, lo, hi, LANG_KO, &out->rows[0][row[0]++]);
        if (link & CELL_LABELS_EN)
            fill_row(t, lo, hi, LANG_EN, &out->rows[1][row[1]++]);
    }
    return r;
}

int build_trie(struct build_key *keys, size_t n, const struct lex_atom *atoms, struct trie_out *out)
{
    memset(out, 0, sizeof(*out));
    struct trie t = {.out = out, .atoms = atoms};
    uint16_t *syms = NULL;
    struct sorted *sorted = malloc((n + 1) * sizeof(*sorted));
    int r = sorted ? assign_symbols(keys, n, out) : -ENOMEM;
    if (r == 0)
        r = translate(keys, n, out, sorted, &syms);
    if (r == 0)
        r = widen_cells(&t, 1024);
    if (r == 0) {
        qsort(sorted, n, sizeof(*sorted), compare_keys);
        t.keys = sorted;
        out->n_cells = 1;
        r = n ? build_nodes(&t, n) : 0;
    }
    if (r == 0)
        r = pad_cells(&t);
    if (r == 0)
        r = fill(&t, n);
    free(sorted);
    free(syms);
    free(t.next);
    free(t.prev);
    free(t.used);
    free(t.lo);
    return r;
}

void trie_out_done(struct trie_out *out)
{
    free(out->pages);
    free(out->blocks);
    free(out->cells);
    free(out->ranks);
    free(out->words);
    free(out->rows[0]);
    free(out->rows[1]);
    free(out->postings);
    memset(out, 0, sizeof(*out));
}
