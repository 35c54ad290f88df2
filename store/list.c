#include <stdlib.h>

#include "base/err.h"
#include "store/rec.h"
#include "store/scan.h"
#include "store/search.h"

/* Newest first without an index by time (docs/adr/0002-no-time-index.md): the k newest rows below a
 * position are kept in a heap, blocks are visited by their newest row, and the walk ends when the
 * next block has none that could still get in. */

#define LIST_LIMIT_MAX 1000
#define LIST_CHUNK 1024 /* candidates at a time when their texts have to be read */

struct heap { /* the oldest on top */
    struct store_cursor *v;
    size_t n, k;
};

static bool is_older(const struct store_cursor *a, const struct store_cursor *b)
{
    return a->created_at != b->created_at ? a->created_at < b->created_at : a->seq < b->seq;
}

static void sift_down(struct heap *h, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->n)
            return;
        if (child + 1 < h->n && is_older(&h->v[child + 1], &h->v[child]))
            child++;
        if (!is_older(&h->v[child], &h->v[at]))
            return;
        struct store_cursor t = h->v[at];
        h->v[at] = h->v[child];
        h->v[child] = t;
        at = child;
    }
}

static void sift_up(struct heap *h, size_t at)
{
    while (at && is_older(&h->v[at], &h->v[(at - 1) / 2])) {
        struct store_cursor t = h->v[at];
        h->v[at] = h->v[(at - 1) / 2];
        h->v[(at - 1) / 2] = t;
        at = (at - 1) / 2;
    }
}

static void heap_offer(struct heap *h, struct store_cursor c)
{
    if (h->n < h->k) {
        h->v[h->n] = c;
        sift_up(h, h->n++);
    } else if (is_older(&h->v[0], &c)) {
        h->v[0] = c;
        sift_down(h, 0);
    }
}

static int newest_first(const void *a, const void *b)
{
    return is_older(a, b) ? 1 : is_older(b, a) ? -1 : 0;
}

struct list {
    const struct store_list_query *q;
    struct scan *scan;
    struct heap heap;
    struct store_cursor after; /* rows are wanted below this position */
    bool cut; /* the budget ended the last walk; the heap holds all above `after` */
    struct search search;
    struct arena *a;
    struct arena reading; /* of candidates whose text is looked at */
    int (*fn)(void *ctx, const struct stored *s);
    void *ctx;
    size_t emitted;
};

static int offer_rows(void *ctx, const struct block *b, const uint8_t *mask)
{
    struct list *l = ctx;
    int64_t created[FACT_BLOCK];
    column_read_i64(&b->col[COL_CREATED], b->n, created);
    for (size_t i = 0; i < b->n; i++) {
        if (!mask[i] || created[i] > l->after.created_at)
            continue;
        struct store_cursor c = {created[i], (uint64_t)column_at(&b->col[COL_SEQ], i)};
        if (is_older(&c, &l->after))
            heap_offer(&l->heap, c);
    }
    return 0;
}

struct planned {
    int64_t newest;
    uint64_t number;
};

static int newest_block_first(const void *a, const void *b)
{
    const struct planned *x = a, *y = b;
    if (x->newest != y->newest)
        return x->newest < y->newest ? 1 : -1;
    return x->number < y->number ? 1 : -1;
}

/* The sealed blocks that may have rows below the position, newest first. */
static int plan(struct list *l, struct planned **ret, size_t *ret_n)
{
    struct planned *v = malloc((l->scan->sealed + 1) * sizeof(*v));
    size_t n = 0;
    if (!v)
        return -ENOMEM;
    for (uint64_t number = 0; number < l->scan->sealed; number++) {
        struct block b;
        int r = scan_peek(l->scan, number, &b);
        if (r < 0) {
            free(v);
            return r;
        }
        if (b.n && b.col[COL_CREATED].min <= l->after.created_at)
            v[n++] = (struct planned){b.col[COL_CREATED].max, number};
    }
    qsort(v, n, sizeof(*v), newest_block_first);
    *ret = v;
    *ret_n = n;
    return 0;
}

/* Only what is newer than the blocks not visited is known to be in order. */
static int cut_at(struct list *l, int64_t newest_unseen)
{
    size_t kept = 0;
    if (newest_unseen >= l->after.created_at)
        return -VOC_E_BUDGET; /* not a step forward could be made */
    for (size_t i = 0; i < l->heap.n; i++)
        if (l->heap.v[i].created_at > newest_unseen)
            l->heap.v[kept++] = l->heap.v[i];
    l->heap.n = kept;
    l->after = (struct store_cursor){newest_unseen, UINT64_MAX};
    l->cut = true;
    return 0;
}

static int walk_blocks(struct list *l, const struct planned *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct heap *h = &l->heap;
        if (h->n == h->k && v[i].newest < h->v[0].created_at)
            break;
        int r = scan_block(l->scan, v[i].number, offer_rows, l);
        if (r == -VOC_E_BUDGET && i + 1 < n)
            return cut_at(l, v[i + 1].newest);
        if (r < 0 && r != -VOC_E_BUDGET)
            return r;
    }
    return 0;
}

/* The newest k matching rows below l->after, in order. */
static int find_newest(struct list *l)
{
    struct planned *v = NULL;
    size_t n = 0;
    l->heap.n = 0;
    l->cut = false;
    int r = scan_rows(l->scan, offer_rows, l);
    if (r == 0)
        r = plan(l, &v, &n);
    if (r == 0)
        r = walk_blocks(l, v, n);
    free(v);
    if (r == 0)
        qsort(l->heap.v, l->heap.n, sizeof(*l->heap.v), newest_first);
    return r;
}

/* 1 when the record has the words, and, where some of it is hidden, in what is shown of it. */
static int has_words(struct list *l, uint64_t seq)
{
    struct stored s;
    struct feedback shown;
    if (!l->search.n)
        return 1;
    arena_reset(&l->reading);
    int r = rec_read(l->scan->kv, seq, false, &l->reading, &s);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    r = search_record(&l->search, &s.feedback);
    if (r <= 0 || !l->q->shown)
        return r;
    r = l->q->shown(l->q->shown_ctx, &s, &l->reading, &shown);
    return r < 0 ? r : search_record(&l->search, &shown);
}

static int emit(struct list *l, uint64_t seq)
{
    struct stored s;
    int r = rec_read(l->scan->kv, seq, true, l->a, &s);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    l->emitted++;
    return l->fn(l->ctx, &s);
}

/* Emits from the candidates; *pos is the last one looked at, *ret_full set when there is no going
 * on. */
static int emit_found(struct list *l, struct store_cursor *pos, bool *ret_full)
{
    for (size_t i = 0; i < l->heap.n; i++) {
        if (l->emitted == l->q->limit) {
            *ret_full = true;
            return 0;
        }
        int r = has_words(l, l->heap.v[i].seq);
        if (r > 0)
            r = emit(l, l->heap.v[i].seq);
        if (r)
            return r;
        *pos = l->heap.v[i];
        if (l->search.n && scan_check_budget(l->scan) < 0) {
            *ret_full = true;
            return 0;
        }
    }
    return 0;
}

static int run(struct list *l, struct store_cursor *ret_next, bool *ret_more)
{
    struct store_cursor pos = l->q->after;
    bool full = false;
    for (;;) {
        l->after = pos;
        int r = find_newest(l);
        if (r == -VOC_E_BUDGET && is_older(&pos, &l->q->after)) {
            full = true; /* as far as it came */
            r = 0;
        } else if (r == 0) {
            r = emit_found(l, &pos, &full);
        }
        if (r)
            return r;
        if (l->cut && !full)
            pos = l->after;
        if (full || l->cut || l->heap.n < l->heap.k) {
            *ret_next = pos;
            *ret_more = full || l->cut;
            return 0;
        }
    }
}

int store_list(struct store_view *v, const struct store_list_query *q, struct arena *a,
               int (*fn)(void *ctx, const struct stored *s), void *ctx,
               struct store_cursor *ret_next, bool *ret_more)
{
    struct list l = {.q = q, .a = a, .fn = fn, .ctx = ctx};
    const struct filter *filter;
    struct arena scratch;
    if (q->limit < 1 || q->limit > LIST_LIMIT_MAX)
        return -EINVAL;
    int r = search_init(&l.search, q->q);
    if (r < 0)
        return r;
    arena_init(&scratch, 0);
    arena_init(&l.reading, 0);
    l.heap.k = l.search.n ? LIST_CHUNK : q->limit + 1;
    l.heap.v = arena_array(&scratch, l.heap.k, sizeof(*l.heap.v));
    r = l.heap.v ? filter_compile(&v->kv, q->where, q->now, q->from, q->to, &scratch, &filter)
                 : -ENOMEM;
    if (r == 0)
        r = scan_new(&v->kv, filter, &q->budget, &l.scan);
    if (r == 0)
        r = run(&l, ret_next, ret_more);
    scan_free(l.scan);
    search_done(&l.search);
    arena_done(&l.reading);
    arena_done(&scratch);
    return r;
}
