#include "lexicons/build/grams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = UINT32_MAX };

struct slot {
    uint64_t hash; /* 0: empty */
    uint64_t at;
    uint32_t df, last; /* last text that counted it; later its number */
    uint8_t n;
};

struct index {
    struct slot *slots;
    size_t mask, used;
};

static void *must(void *p)
{
    if (!p) {
        perror("grams");
        exit(1);
    }
    return p;
}

static uint64_t step(uint64_t h, uint32_t cp)
{
    h = (h ^ (cp + 1)) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static struct slot *find(const struct index *x, uint64_t hash)
{
    size_t i = (hash * 0xd6e8feb86659fd93u >> 20) & x->mask;
    while (x->slots[i].hash && x->slots[i].hash != hash)
        i = (i + 1) & x->mask;
    return &x->slots[i];
}

static void grow(struct index *x)
{
    struct index bigger = {.mask = x->mask * 2 + 1, .used = x->used};
    bigger.slots = must(calloc(bigger.mask + 1, sizeof(*bigger.slots)));
    for (size_t i = 0; i <= x->mask; i++)
        if (x->slots[i].hash)
            *find(&bigger, x->slots[i].hash) = x->slots[i];
    free(x->slots);
    *x = bigger;
}

typedef void visit_fn(void *ctx, uint64_t hash, uint64_t at, unsigned n);

static bool is_mark(uint32_t cp)
{
    return cp >= TEXT_START;
}

static void visit_cps(const struct cps *text, const struct doc *d, visit_fn *visit, void *ctx)
{
    for (uint32_t i = 0; i < d->n; i++) {
        uint64_t h = 1;
        for (uint32_t k = 0; k < GRAM_CPS && i + k < d->n; k++) {
            uint32_t cp = text->at[d->at + i + k];
            h = step(h, cp);
            if (k || !is_mark(cp))
                visit(ctx, h, d->at + i, k + 1);
        }
    }
}

/* Runs of words longer than what visit_cps has seen. */
static void visit_words(const struct cps *text, const struct doc *d, visit_fn *visit, void *ctx)
{
    for (uint32_t i = 0; i < d->n; i++) {
        const uint32_t *at = text->at + d->at + i;
        if (*at != ' ')
            continue;
        uint64_t h = step(1, ' ');
        unsigned words = 0;
        for (uint32_t k = 1; i + k < d->n && k < GRAM_LONGEST && words < GRAM_WORDS; k++) {
            h = step(h, at[k]);
            if (at[k] != ' ')
                continue;
            words++;
            if (k + 1 > GRAM_CPS)
                visit(ctx, h, d->at + i, k + 1);
        }
    }
}

static void visit_all(const struct corpus *c, const struct doc *d, visit_fn *visit, void *ctx)
{
    visit_cps(&c->text, d, visit, ctx);
    if (c->words)
        visit_words(&c->text, d, visit, ctx);
}

struct counting {
    struct index index;
    uint32_t doc;
};

static void count_one(void *ctx, uint64_t hash, uint64_t at, unsigned n)
{
    struct counting *c = ctx;
    struct slot *s = find(&c->index, hash);
    if (!s->hash) {
        *s = (struct slot){hash, at, 0, NONE, (uint8_t)n};
        if (++c->index.used * 8 > c->index.mask * 5) {
            grow(&c->index);
            s = find(&c->index, hash);
        }
    }
    if (s->last != c->doc) {
        s->last = c->doc;
        s->df++;
    }
}

struct numbering {
    struct index index;
    struct grams *out;
    uint32_t *seen; /* the last text + 1 in which this number was noted */
    uint32_t doc, min_df;
    size_t max_grams, max_ids, n_ids;
};

static uint32_t number_of(struct numbering *x, struct slot *s)
{
    if (s->last == NONE) {
        struct grams *g = x->out;
        if (g->n == x->max_grams) {
            x->max_grams = x->max_grams ? x->max_grams * 2 : 1 << 16;
            g->list = must(realloc(g->list, x->max_grams * sizeof(*g->list)));
            x->seen = must(realloc(x->seen, x->max_grams * sizeof(*x->seen)));
        }
        g->list[g->n] = (struct gram){s->at, s->n};
        x->seen[g->n] = 0;
        s->last = g->n++;
    }
    return s->last;
}

static void number_one(void *ctx, uint64_t hash, uint64_t at, unsigned n)
{
    (void)at;
    (void)n;
    struct numbering *x = ctx;
    struct slot *s = find(&x->index, hash);
    if (s->df < x->min_df)
        return;
    uint32_t id = number_of(x, s);
    if (x->seen[id] == x->doc + 1)
        return;
    x->seen[id] = x->doc + 1;
    if (x->n_ids == x->max_ids) {
        x->max_ids = x->max_ids ? x->max_ids * 2 : 1 << 20;
        x->out->ids = must(realloc(x->out->ids, x->max_ids * sizeof(*x->out->ids)));
    }
    x->out->ids[x->n_ids++] = id;
}

void grams_count(const struct corpus *c, uint32_t min_df, struct grams *ret)
{
    struct counting counting = {.index.mask = (1 << 20) - 1};
    counting.index.slots = must(calloc(counting.index.mask + 1, sizeof(struct slot)));
    for (; counting.doc < c->n_docs; counting.doc++)
        visit_all(c, &c->docs[counting.doc], count_one, &counting);
    for (size_t i = 0; i <= counting.index.mask; i++)
        counting.index.slots[i].last = NONE;

    *ret = (struct grams){.n_rows = c->n_docs};
    ret->row = must(calloc(c->n_docs + 1, sizeof(*ret->row)));
    struct numbering x = {.index = counting.index, .out = ret, .min_df = min_df};
    for (; x.doc < c->n_docs; x.doc++) {
        visit_all(c, &c->docs[x.doc], number_one, &x);
        ret->row[x.doc + 1] = x.n_ids;
    }
    free(x.index.slots);
    free(x.seen);
}

void grams_keep(const struct grams *g, const uint8_t *keep, struct grams *ret)
{
    struct grams out = {.n_rows = g->n_rows};
    uint32_t *number = must(malloc((g->n + 1) * sizeof(*number)));
    out.list = must(malloc((g->n + 1) * sizeof(*out.list)));
    for (uint32_t j = 0; j < g->n; j++) {
        number[j] = out.n;
        if (keep[j])
            out.list[out.n++] = g->list[j];
    }
    uint64_t kept = 0;
    for (uint64_t k = 0; k < g->row[g->n_rows]; k++)
        kept += keep[g->ids[k]];
    out.row = must(calloc(g->n_rows + 1, sizeof(*out.row)));
    out.ids = must(malloc((kept + 1) * sizeof(*out.ids)));
    kept = 0;
    for (size_t i = 0; i < g->n_rows; i++) {
        for (uint64_t k = g->row[i]; k < g->row[i + 1]; k++)
            if (keep[g->ids[k]])
                out.ids[kept++] = number[g->ids[k]];
        out.row[i + 1] = kept;
    }
    free(number);
    *ret = out;
}

void grams_free(struct grams *g)
{
    free(g->list);
    free(g->row);
    free(g->ids);
    *g = (struct grams){0};
}
