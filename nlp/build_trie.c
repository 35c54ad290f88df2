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
    uint32_t *next, *prev; /* the free cells, a ring through cell 0 */
    uint8_t *used;         /* bases taken */
    size_t cap;
    size_t cap_postings, cap_label_rows;
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
    t->out->values = widen(t->out->values, old, cap, sizeof(*t->out->values), &r);
    t->out->rows = widen(t->out->rows, old, cap, sizeof(*t->out->rows), &r);
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
    return (uint32_t)t->cap; /* past every cell taken: free by construction */
}

static int widen_label_rows(struct trie *t)
{
    int r = 0;
    if (t->out->n_label_rows + 2 <= t->cap_label_rows)
        return 0;
    size_t cap = t->cap_label_rows ? t->cap_label_rows * 2 : 1024;
    t->out->label_rows =
        widen(t->out->label_rows, t->cap_label_rows, cap, sizeof(*t->out->label_rows), &r);
    t->cap_label_rows = r < 0 ? t->cap_label_rows : cap;
    return r;
}

/* The rows of one cell, of keys[lo, hi): one a language. */
static int set_labels(struct trie *t, uint32_t cell, size_t lo, size_t hi)
{
    struct trie_out *out = t->out;
    uint32_t langs = 0;
    for (size_t i = lo; i < hi; i++)
        if (t->keys[i].key->kind == KEY_LABEL)
            langs |= t->keys[i].key->lang == LANG_KO ? ROW_KO : ROW_EN;
    if (langs == 0)
        return 0;
    if (widen_label_rows(t) < 0)
        return -ENOMEM;
    for (size_t i = lo; i < hi; i++) {
        const struct build_key *k = t->keys[i].key;
        if (k->kind == KEY_LABEL) {
            size_t row = out->n_label_rows + (k->lang == LANG_EN && (langs & ROW_KO));
            out->label_rows[row].weight[k->posting % LEX_LANES] = k->weight;
        }
    }
    out->rows[cell] = (uint32_t)out->n_label_rows << 2 | langs;
    out->cells[cell].link |= CELL_LABELS;
    out->n_label_rows += langs == (ROW_KO | ROW_EN) ? 2 : 1;
    return 0;
}

/* Cell `cell` stands for keys[lo, hi), which agree in their first `depth` symbols and end there. */
static int set_values(struct trie *t, uint32_t cell, size_t lo, size_t hi)
{
    struct trie_out *out = t->out;
    size_t first = out->n_postings;
    for (size_t i = lo; i < hi; i++) {
        const struct build_key *k = t->keys[i].key;
        if (k->kind == KEY_LABEL)
            continue;
        if (k->kind == KEY_NGRAM) {
            bool ko = k->lang == LANG_KO;
            *(ko ? &out->cells[cell].ko : &out->cells[cell].en) = k->weight;
            out->cells[cell].link |= ko ? CELL_KO : CELL_EN;
            continue;
        }
        if (out->n_postings == t->cap_postings) {
            int r = 0;
            size_t cap = t->cap_postings ? t->cap_postings * 2 : 1024;
            out->postings = widen(out->postings, t->cap_postings, cap, sizeof(uint32_t), &r);
            if (r < 0)
                return r;
            t->cap_postings = cap;
        }
        bool twice = false;
        for (size_t p = first; p < out->n_postings; p++)
            twice |= out->postings[p] == k->posting;
        if (!twice)
            out->postings[out->n_postings++] = k->posting;
    }
    if (out->n_postings == first)
        return 0;
    out->postings[out->n_postings - 1] |= POST_LAST;
    out->values[cell] = (uint32_t)first;
    out->cells[cell].link |= CELL_WORD;
    return 0;
}

static size_t run_end(const struct trie *t, size_t i, size_t hi, size_t depth)
{
    uint16_t sym = t->keys[i].sym[depth];
    while (i < hi && t->keys[i].sym[depth] == sym)
        i++;
    return i;
}

static int build_node(struct trie *t, uint32_t cell, size_t lo, size_t hi, size_t depth)
{
    size_t inner = lo, n = 0;
    while (inner < hi && t->keys[inner].key->n == depth)
        inner++;
    int r = set_labels(t, cell, lo, inner);
    if (r == 0)
        r = set_values(t, cell, lo, inner);
    if (r < 0 || inner == hi)
        return r;
    for (size_t i = inner; i < hi; i = run_end(t, i, hi, depth))
        n++;
    uint16_t *syms = malloc(n * sizeof(*syms));
    if (!syms)
        return -ENOMEM;
    size_t k = 0;
    for (size_t i = inner; i < hi; i = run_end(t, i, hi, depth))
        syms[k++] = t->keys[i].sym[depth];
    uint32_t base = find_base(t, syms, n);
    r = widen_cells(t, (size_t)base + syms[n - 1] + 1);
    if (r == 0) {
        t->used[base] = 1;
        t->out->cells[cell].link |= base << 8;
        for (k = 0; k < n; k++)
            take(t, base + syms[k], syms[k]);
    }
    k = 0;
    for (size_t i = inner, end; r == 0 && i < hi; i = end, k++) {
        end = run_end(t, i, hi, depth);
        r = build_node(t, base + syms[k], i, end, depth + 1);
    }
    free(syms);
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

/* Frequent code points get small symbols: it packs the array. */
static int assign_symbols(const struct build_key *keys, size_t n, struct trie_out *out)
{
    const size_t all = (size_t)LEX_N_PAGES * 256;
    struct cp_count *count = calloc(all, sizeof(*count));
    out->pages = calloc(LEX_N_PAGES, sizeof(*out->pages));
    out->blocks = calloc(256, sizeof(*out->blocks));
    out->n_blocks = 256;
    int r = count && out->pages && out->blocks ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < all; i++)
        count[i].cp = (uint32_t)i;
    for (size_t i = 0; r == 0 && i < n; i++)
        for (size_t k = 0; k < keys[i].n; k++)
            count[keys[i].cp[k]].count++;
    if (r == 0)
        qsort(count, all, sizeof(*count), compare_counts);
    for (size_t i = 0; r == 0 && i < 65000 && count[i].count; i++) {
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

/* A lookup may land up to the largest symbol past the largest base. */
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
    size_t need = (size_t)max_base + max_sym + 1;
    int r = widen_cells(t, need);
    if (r == 0 && need > t->out->n_cells)
        t->out->n_cells = need;
    return r;
}

int build_trie(struct build_key *keys, size_t n, struct trie_out *out)
{
    memset(out, 0, sizeof(*out));
    struct trie t = {.out = out};
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
        r = n ? build_node(&t, 0, 0, n, 0) : 0;
    }
    if (r == 0)
        r = pad_cells(&t);
    free(sorted);
    free(syms);
    free(t.next);
    free(t.prev);
    free(t.used);
    return r;
}

void trie_out_done(struct trie_out *out)
{
    free(out->pages);
    free(out->blocks);
    free(out->cells);
    free(out->values);
    free(out->rows);
    free(out->label_rows);
    free(out->postings);
    memset(out, 0, sizeof(*out));
}
