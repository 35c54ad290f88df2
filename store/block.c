#include "store/block.h"

#include "base/err.h"

#define BLOCK_MAGIC 0x314B4256u /* "VBK1" */
#define SECOND 1000

struct block_head {
    uint32_t magic, n, columns, reserved;
};

struct column_head {
    int64_t min, max;
    uint32_t at, n, unit, width;
};

uint64_t column_delta(const struct column *c, size_t i)
{
    uint64_t v = 0;
    memcpy(&v, c->data + i * c->width, c->width);
    return v;
}

#define READ_LOOP(type, out_type)                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        type v;                                                                                    \
        memcpy(&v, p + i * sizeof(v), sizeof(v));                                                  \
        out[i] = (out_type)(min + v * unit);                                                       \
    }

void column_read_i64(const struct column *c, size_t n, int64_t *out)
{
    const uint8_t *p = c->data;
    const uint64_t min = (uint64_t)c->min, unit = c->unit;
    switch (c->width) {
    case 0:
        for (size_t i = 0; i < n; i++)
            out[i] = c->min;
        break;
    case 1:
        READ_LOOP(uint8_t, int64_t)
        break;
    case 2:
        READ_LOOP(uint16_t, int64_t)
        break;
    case 4:
        READ_LOOP(uint32_t, int64_t)
        break;
    default:
        READ_LOOP(uint64_t, int64_t)
    }
}

void column_read_u32(const struct column *c, size_t from, size_t n, uint32_t *out)
{
    const uint8_t *p = c->data + from * c->width;
    const uint32_t min = (uint32_t)c->min, unit = c->unit;
    switch (c->width) {
    case 0:
        for (size_t i = 0; i < n; i++)
            out[i] = min;
        break;
    case 1:
        READ_LOOP(uint8_t, uint32_t)
        break;
    case 2:
        READ_LOOP(uint16_t, uint32_t)
        break;
    case 4:
        READ_LOOP(uint32_t, uint32_t)
        break;
    default:
        READ_LOOP(uint64_t, uint32_t)
    }
}

/* The value of a plain column of one fact. */
static int64_t fact_value(const struct fact *f, enum column_id c)
{
    switch (c) {
    case COL_CREATED:
        return f->created_at;
    case COL_CONVERSATION:
        return (int64_t)f->conversation;
    case COL_CUSTOMER:
        return f->customer;
    case COL_POLARITY:
        return f->polarity;
    case COL_CONFIDENCE:
        return f->confidence;
    case COL_KIND:
        return f->kind;
    case COL_LANG:
        return f->lang;
    case COL_SENTIMENT:
        return f->sentiment;
    case COL_STAGE:
        return f->stage;
    case COL_FLAGS:
        return f->flags;
    default:
        return f->code[c - COL_CODE];
    }
}

static uint32_t width_for(uint64_t delta)
{
    return delta == 0            ? 0
           : delta <= UINT8_MAX  ? 1
           : delta <= UINT16_MAX ? 2
           : delta <= UINT32_MAX ? 4
                                 : 8;
}

static bool whole_seconds(const int64_t *v, size_t n, int64_t min)
{
    for (size_t i = 0; i < n; i++)
        if (((uint64_t)v[i] - (uint64_t)min) % SECOND)
            return false;
    return true;
}

/* Packs a column behind what is in `out`, which began with the block at `start`. */
static void pack_column(struct buf *out, size_t start, const int64_t *v, size_t n, bool is_time,
                        struct column_head *head)
{
    *head = (struct column_head){.max = -1, .at = (uint32_t)(out->n - start), .unit = 1};
    if (n == 0)
        return;
    int64_t min = v[0], max = v[0];
    for (size_t i = 1; i < n; i++) {
        min = v[i] < min ? v[i] : min;
        max = v[i] > max ? v[i] : max;
    }
    if (is_time && whole_seconds(v, n, min))
        head->unit = SECOND;
    head->min = min;
    head->max = max;
    head->n = (uint32_t)n;
    head->width = width_for(((uint64_t)max - (uint64_t)min) / head->unit);
    char *to = buf_reserve(out, n * head->width);
    if (!to)
        return;
    for (size_t i = 0; i < n && head->width; i++) {
        uint64_t delta = ((uint64_t)v[i] - (uint64_t)min) / head->unit;
        memcpy(to + i * head->width, &delta, head->width);
    }
    out->n += n * head->width;
}

struct builder {
    struct buf *out;
    size_t start;
    const struct fact *facts;
    size_t n;
    struct column_head heads[COL_COUNT];
    int64_t values[FACT_BLOCK + 1];
};

static void pack_plain(struct builder *b, enum column_id c)
{
    for (size_t i = 0; i < b->n; i++)
        b->values[i] = fact_value(&b->facts[i], c);
    pack_column(b->out, b->start, b->values, b->n, c == COL_CREATED, &b->heads[c]);
}

static size_t count_terms(struct builder *b, enum fact_multi m)
{
    size_t total = 0;
    for (size_t i = 0; i < b->n; i++) {
        b->values[i] = (int64_t)total;
        for (size_t j = 0; j < b->facts[i].n_terms; j++)
            total += FACT_TERM_MULTI(b->facts[i].terms[j]) == m;
    }
    b->values[b->n] = (int64_t)total;
    return total;
}

static int pack_terms(struct builder *b, enum fact_multi m, struct arena *a)
{
    size_t total = count_terms(b, m), at = 0;
    pack_column(b->out, b->start, b->values, b->n + 1, false, &b->heads[COL_OFFSET + m]);
    int64_t *codes = arena_alloc(a, total * sizeof(*codes));
    if (!codes)
        return -ENOMEM;
    for (size_t i = 0; i < b->n && total; i++)
        for (size_t j = 0; j < b->facts[i].n_terms; j++)
            if (FACT_TERM_MULTI(b->facts[i].terms[j]) == m)
                codes[at++] = FACT_TERM_CODE(b->facts[i].terms[j]);
    pack_column(b->out, b->start, codes, total, false, &b->heads[COL_TERM + m]);
    return 0;
}

int block_build(const uint64_t *seqs, const struct fact *facts, size_t n, struct buf *out)
{
    struct arena scratch;
    struct builder b = {.out = out, .start = out->n, .facts = facts, .n = n};
    struct block_head head = {BLOCK_MAGIC, (uint32_t)n, COL_COUNT, 0};
    int r = 0;
    arena_init(&scratch, 0);
    buf_append(out, &head, sizeof(head));
    buf_append(out, b.heads, sizeof(b.heads)); /* filled in below */
    for (size_t i = 0; i < n; i++)
        b.values[i] = (int64_t)seqs[i];
    pack_column(out, b.start, b.values, n, false, &b.heads[COL_SEQ]);
    for (int c = COL_CREATED; c < COL_OFFSET; c++)
        pack_plain(&b, (enum column_id)c);
    for (int m = 0; m < FACT_MULTIS && r == 0; m++) {
        r = pack_terms(&b, (enum fact_multi)m, &scratch);
        arena_reset(&scratch);
    }
    arena_done(&scratch);
    if (r == 0)
        r = buf_error(out);
    if (r == 0)
        memcpy(out->p + b.start + sizeof(head), b.heads, sizeof(b.heads));
    return r;
}

static size_t rows_of(enum column_id c, size_t n)
{
    return c < COL_OFFSET ? n : n + 1;
}

static bool open_column(struct span bytes, const struct column_head *h, size_t want,
                        struct column *ret)
{
    if (h->width > 8 || (h->width & (h->width - 1)) || h->unit == 0)
        return false;
    if (h->at > bytes.n || (uint64_t)h->n * h->width > bytes.n - h->at)
        return false;
    if (want != SIZE_MAX && h->n != want)
        return false;
    *ret = (struct column){.data = (const uint8_t *)bytes.p + h->at,
                           .n = h->n,
                           .width = (uint8_t)h->width,
                           .unit = h->unit,
                           .min = h->min,
                           .max = h->max};
    return true;
}

int block_open(struct span bytes, struct block *ret)
{
    struct block_head head;
    struct column_head heads[COL_COUNT];
    struct block b = {0};
    if (bytes.n < sizeof(head) + sizeof(heads))
        return -VOC_E_CORRUPT;
    memcpy(&head, bytes.p, sizeof(head));
    memcpy(heads, bytes.p + sizeof(head), sizeof(heads));
    if (head.magic != BLOCK_MAGIC || head.columns != COL_COUNT || head.n > FACT_BLOCK)
        return -VOC_E_CORRUPT;
    b.n = head.n;
    for (int c = 0; c < COL_COUNT; c++) {
        size_t want = c < COL_TERM ? rows_of((enum column_id)c, head.n) : SIZE_MAX;
        if (!open_column(bytes, &heads[c], want, &b.col[c]))
            return -VOC_E_CORRUPT;
    }
    *ret = b;
    return 0;
}

int block_find(const struct block *b, uint64_t seq, size_t *ret_row)
{
    const struct column *c = &b->col[COL_SEQ];
    size_t low = 0, high = b->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        uint64_t at = (uint64_t)column_at(c, mid);
        if (at == seq) {
            *ret_row = mid;
            return 0;
        }
        if (at < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return -ENOENT;
}

int block_terms(const struct block *b, enum fact_multi m, size_t row, size_t *ret_from,
                size_t *ret_to)
{
    const struct column *offsets = &b->col[COL_OFFSET + m];
    uint64_t from = (uint64_t)column_at(offsets, row), to = (uint64_t)column_at(offsets, row + 1);
    if (from > to || to > b->col[COL_TERM + m].n)
        return -VOC_E_CORRUPT;
    *ret_from = from;
    *ret_to = to;
    return 0;
}

static int row_terms(const struct block *b, size_t row, struct arena *a, struct fact *f)
{
    size_t from[FACT_MULTIS], to[FACT_MULTIS], n = 0;
    for (int m = 0; m < FACT_MULTIS; m++) {
        int r = block_terms(b, (enum fact_multi)m, row, &from[m], &to[m]);
        if (r < 0)
            return r;
        n += to[m] - from[m];
    }
    uint32_t *terms = n > FACT_TERMS_MAX ? NULL : arena_alloc(a, n * sizeof(*terms));
    if (!terms)
        return n > FACT_TERMS_MAX ? -VOC_E_CORRUPT : -ENOMEM;
    f->terms = terms;
    f->n_terms = (uint32_t)n;
    for (int m = 0; m < FACT_MULTIS; m++)
        for (size_t i = from[m]; i < to[m]; i++)
            *terms++ = FACT_TERM(m, (uint32_t)column_at(&b->col[COL_TERM + m], i) & DICT_CODE_MAX);
    return 0;
}

int block_row(const struct block *b, size_t row, struct arena *a, struct fact *ret)
{
    struct fact f = {
        .created_at = column_at(&b->col[COL_CREATED], row),
        .conversation = (uint64_t)column_at(&b->col[COL_CONVERSATION], row),
        .customer = (uint32_t)column_at(&b->col[COL_CUSTOMER], row),
        .polarity = (int16_t)column_at(&b->col[COL_POLARITY], row),
        .confidence = (int16_t)column_at(&b->col[COL_CONFIDENCE], row),
        .kind = (uint8_t)column_at(&b->col[COL_KIND], row),
        .lang = (uint8_t)column_at(&b->col[COL_LANG], row),
        .sentiment = (uint8_t)column_at(&b->col[COL_SENTIMENT], row),
        .stage = (uint8_t)column_at(&b->col[COL_STAGE], row),
        .flags = (uint8_t)column_at(&b->col[COL_FLAGS], row),
    };
    for (int c = 0; c < FACT_CODES; c++)
        f.code[c] = (uint32_t)column_at(&b->col[COL_CODE + c], row);
    int r = row_terms(b, row, a, &f);
    if (r == 0)
        *ret = f;
    return r;
}
