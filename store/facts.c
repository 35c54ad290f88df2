#include "base/err.h"
#include "store/codec.h"
#include "store/customer.h"
#include "store/rec.h"
#include "store/scaled.h"
#include "store/scan.h"

struct walk {
    struct scaled_table scaled;
    store_fact_fn *fn;
    void *ctx;
};

/* What store_fact.row points to, for the time of the callback. */
struct row {
    const struct block *block;
    size_t i;
    const struct scaled_table *scaled;
};

static const struct scaled_answer *answer_of(const struct row *r, enum fact_code c)
{
    return scaled_at(r->scaled, (uint32_t)column_at(&r->block->col[COL_CODE + c], r->i));
}

static int visit_row(const struct walk *w, const struct row *r)
{
    const struct column *col = r->block->col;
    uint8_t flags = (uint8_t)column_at(&col[COL_FLAGS], r->i);
    int64_t polarity = column_at(&col[COL_POLARITY], r->i);
    struct store_fact f = {
        .seq = (uint64_t)column_at(&col[COL_SEQ], r->i),
        .created_at = column_at(&col[COL_CREATED], r->i),
        .sentiment = (enum sentiment)column_at(&col[COL_SENTIMENT], r->i),
        .polarity = polarity == FACT_NO_POLARITY ? 0 : unquantize(polarity),
        .rating = answer_of(r, FACT_RATING)->answer,
        .csat = answer_of(r, FACT_CSAT)->answer,
        .nps = answer_of(r, FACT_NPS)->answer,
        .ces = answer_of(r, FACT_CES)->answer,
        .surveyed = flags & FACT_SURVEYED,
        .answered = flags & FACT_ANSWERED,
        .backfill = flags & FACT_BACKFILL,
        .row = r,
    };
    return w->fn(w->ctx, &f);
}

static int visit_block(void *ctx, const struct block *b, const uint8_t *mask)
{
    const struct walk *w = ctx;
    struct row row = {.block = b, .scaled = &w->scaled};
    for (row.i = 0; row.i < b->n; row.i++) {
        int r = mask[row.i] ? visit_row(w, &row) : 0;
        if (r)
            return r;
    }
    return 0;
}

int store_facts(struct store_view *v, const struct where *w, int64_t now, int64_t from, int64_t to,
                const struct store_budget *budget, store_fact_fn *fn, void *ctx)
{
    static const struct store_budget unlimited = {0};
    struct walk walk = {.fn = fn, .ctx = ctx};
    const struct filter *filter;
    struct scan *scan = NULL;
    struct arena a;
    arena_init(&a, 0);
    int r = filter_compile(&v->kv, w, now, from, to, &a, &filter);
    if (r == 0)
        r = scaled_load(&v->kv, &a, &walk.scaled);
    if (r == 0)
        r = scan_new(&v->kv, filter, budget ? budget : &unlimited, &scan);
    if (r == 0)
        r = scan_all(scan, visit_block, &walk);
    scan_free(scan);
    arena_done(&a);
    return r;
}

/* --- values of one fact --- */

struct values {
    struct store_view *v;
    struct arena *a;
    struct span *out;
    size_t n, max;
};

static void add_value(struct values *to, struct span value)
{
    if (!value.n || to->n == to->max)
        return;
    value = arena_dup(to->a, value);
    if (value.p)
        to->out[to->n++] = value;
}

static void add_number(struct values *to, double number)
{
    struct buf b;
    buf_init(&b, 64);
    if (buf_json_f64(&b, number) == 0)
        add_value(to, buf_span(&b));
    buf_done(&b);
}

static void add_code(struct values *to, enum dict_kind kind, uint32_t code)
{
    struct span value;
    if (code && dict_value(&to->v->kv, kind, code, &value) == 0)
        add_value(to, value);
}

static void add_vocab(struct values *to, const struct row *r, enum column_id c, enum vocab v)
{
    add_value(to, span_str(vocab_code(v, (int)column_at(&r->block->col[c], r->i))));
}

static void add_fraction(struct values *to, const struct row *r, enum column_id c)
{
    int64_t q = column_at(&r->block->col[c], r->i);
    if (q != FACT_NO_POLARITY)
        add_number(to, unquantize(q));
}

static void add_answer(struct values *to, const struct row *r, enum fact_code c)
{
    const struct scaled_answer *s = answer_of(r, c);
    if (s->answer.has)
        add_number(to, c == FACT_RATING ? s->ratio : s->answer.value);
}

static void add_terms(struct values *to, const struct row *r, enum fact_multi m, struct span key)
{
    size_t from, end;
    if (block_terms(r->block, m, r->i, &from, &end) < 0)
        return;
    for (size_t i = from; i < end; i++) {
        uint32_t code = (uint32_t)column_at(&r->block->col[COL_TERM + m], i);
        struct span value;
        if (m != FACT_ATTRIBUTE && m != FACT_EXPERIMENT)
            add_code(to, fact_multi_kind(m), code);
        else if (dict_value(&to->v->kv, fact_multi_kind(m), code, &value) == 0 &&
                 dict_pair_value(value, key, &value))
            add_value(to, value);
    }
}

static void add_customer(struct values *to, const struct row *r)
{
    uint32_t code = (uint32_t)column_at(&r->block->col[COL_CUSTOMER], r->i);
    struct span id;
    if (code && customer_id(&to->v->kv, code, &id) == 0)
        add_value(to, id);
}

static void add_conversation(struct values *to, const struct row *r)
{
    struct stored s;
    struct arena a;
    if (!column_at(&r->block->col[COL_CONVERSATION], r->i))
        return;
    arena_init(&a, 0);
    if (rec_read(&to->v->kv, (uint64_t)column_at(&r->block->col[COL_SEQ], r->i), false, &a, &s) ==
        0)
        add_value(to, s.feedback.conversation);
    arena_done(&a);
}

static void add_column(struct values *to, const struct row *r, enum where_field field)
{
    enum fact_code c = fact_code_of(field);
    if (c == FACT_CODES)
        return;
    if (c >= FACT_RATING)
        add_answer(to, r, c);
    else
        add_code(to, fact_code_kind(c), (uint32_t)column_at(&r->block->col[COL_CODE + c], r->i));
}

static void add_field(struct values *to, const struct row *r, enum where_field field,
                      struct span key)
{
    switch (field) {
    case WF_KIND:
        add_vocab(to, r, COL_KIND, VOCAB_KIND);
        break;
    case WF_LANG:
        add_vocab(to, r, COL_LANG, VOCAB_LANG);
        break;
    case WF_SENTIMENT:
        add_vocab(to, r, COL_SENTIMENT, VOCAB_SENTIMENT);
        break;
    case WF_STAGE:
        add_vocab(to, r, COL_STAGE, VOCAB_STAGE);
        break;
    case WF_POLARITY:
        add_fraction(to, r, COL_POLARITY);
        break;
    case WF_CONFIDENCE:
        add_fraction(to, r, COL_CONFIDENCE);
        break;
    case WF_CUSTOMER:
        add_customer(to, r);
        break;
    case WF_CONVERSATION:
        add_conversation(to, r);
        break;
    case WF_CATEGORY:
        add_terms(to, r, FACT_CATEGORY, key);
        break;
    case WF_SIGNAL:
        add_terms(to, r, FACT_SIGNAL, key);
        break;
    case WF_SEGMENT:
        add_terms(to, r, FACT_SEGMENT, key);
        break;
    case WF_TAG:
        add_terms(to, r, FACT_TAG, key);
        break;
    case WF_ATTRIBUTE:
        add_terms(to, r, FACT_ATTRIBUTE, key);
        break;
    case WF_EXPERIMENT:
        add_terms(to, r, FACT_EXPERIMENT, key);
        break;
    default:
        add_column(to, r, field);
    }
}

size_t store_fact_values(struct store_view *v, const struct store_fact *f, enum where_field field,
                         struct span key, struct arena *a, struct span *values, size_t max)
{
    struct values to = {.v = v, .a = a, .out = values, .max = max};
    add_field(&to, f->row, field, key);
    return to.n;
}
