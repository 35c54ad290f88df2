#include "store/fact.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "store/block.h"
#include "store/codec.h"
#include "store/txn.h"

#define ROW_VERSION 1

/* As stored, host byte order, followed by the terms. */
struct fact_row {
    uint8_t version, kind, lang, sentiment, stage, flags;
    uint16_t n_terms;
    int16_t polarity, confidence;
    uint32_t customer;
    int64_t created_at;
    uint64_t conversation;
    uint32_t code[FACT_CODES];
};
_Static_assert(sizeof(struct fact_row) == 80, "a fact row has no holes");

enum dict_kind fact_code_kind(enum fact_code c)
{
    static const enum dict_kind kinds[FACT_CODES] = {
        [FACT_SOURCE] = DICT_SOURCE, [FACT_CHANNEL] = DICT_CHANNEL, [FACT_STATUS] = DICT_STATUS,
        [FACT_TYPE] = DICT_TYPE,     [FACT_AGENT] = DICT_AGENT,     [FACT_TEAM] = DICT_TEAM,
        [FACT_VENDOR] = DICT_VENDOR, [FACT_PRODUCT] = DICT_PRODUCT, [FACT_RATING] = DICT_SCALED,
        [FACT_CSAT] = DICT_SCALED,   [FACT_NPS] = DICT_SCALED,      [FACT_CES] = DICT_SCALED};
    return kinds[c];
}

enum fact_code fact_code_of(enum where_field field)
{
    static const enum where_field fields[FACT_CODES] = {
        [FACT_SOURCE] = WF_SOURCE, [FACT_CHANNEL] = WF_CHANNEL, [FACT_STATUS] = WF_STATUS,
        [FACT_TYPE] = WF_TYPE,     [FACT_AGENT] = WF_AGENT,     [FACT_TEAM] = WF_TEAM,
        [FACT_VENDOR] = WF_VENDOR, [FACT_PRODUCT] = WF_PRODUCT, [FACT_RATING] = WF_RATING,
        [FACT_CSAT] = WF_CSAT,     [FACT_NPS] = WF_NPS,         [FACT_CES] = WF_CES};
    int c = 0;
    while (c < FACT_CODES && fields[c] != field)
        c++;
    return (enum fact_code)c;
}

enum dict_kind fact_multi_kind(enum fact_multi m)
{
    static const enum dict_kind kinds[FACT_MULTIS] = {
        [FACT_CATEGORY] = DICT_CATEGORY,   [FACT_SIGNAL] = DICT_SIGNAL,
        [FACT_SEGMENT] = DICT_SEGMENT,     [FACT_TAG] = DICT_TAG,
        [FACT_ATTRIBUTE] = DICT_ATTRIBUTE, [FACT_EXPERIMENT] = DICT_EXPERIMENT};
    return kinds[m];
}

uint64_t fact_conversation(const struct store *s, struct span conversation)
{
    if (!conversation.n)
        return 0;
    uint64_t h = XXH3_64bits_withSeed(conversation.p, conversation.n, s->seed);
    return h ? h : 1;
}

struct terms {
    struct store_txn *t;
    uint32_t *v;
    size_t n, room;
};

static void add_term(struct terms *to, enum fact_multi multi, uint32_t code)
{
    if (code && to->n < to->room)
        to->v[to->n++] = FACT_TERM(multi, code);
}

static void add_value(struct terms *to, enum fact_multi multi, struct span value)
{
    uint32_t code = 0;
    if (dict_code(to->t, fact_multi_kind(multi), value, &code) == 0)
        add_term(to, multi, code);
}

static void add_pairs(struct terms *to, enum fact_multi multi, const struct pair *p, size_t n)
{
    struct buf *b = &to->t->value;
    for (size_t i = 0; i < n; i++) {
        if (!p[i].value.n) /* an empty value is as good as none */
            continue;
        buf_reset(b);
        dict_pair(b, p[i].key, p[i].value);
        if (buf_error(b))
            kv_fail(&to->t->kv, buf_error(b));
        add_value(to, multi, buf_span(b));
    }
}

static int term_order(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static size_t sort_unique(uint32_t *v, size_t n)
{
    size_t kept = 0;
    if (n > 1)
        qsort(v, n, sizeof(*v), term_order);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || v[kept - 1] != v[i])
            v[kept++] = v[i];
    return kept;
}

static int collect_terms(struct store_txn *t, const struct feedback *f, const struct analysis *an,
                         const uint32_t *segments, size_t n_segments, struct arena *a,
                         struct fact *fact)
{
    size_t room = n_segments + f->n_tags + f->n_attributes + f->n_experiments;
    room += an ? an->n_categories + an->n_signals : 0;
    if (room > FACT_TERMS_MAX)
        return -E2BIG;
    struct terms to = {t, arena_alloc(a, room * sizeof(uint32_t)), 0, room};
    if (!to.v)
        return kv_fail(&t->kv, -ENOMEM);
    for (size_t i = 0; an && i < an->n_categories; i++)
        add_value(&to, FACT_CATEGORY, an->categories[i].code);
    for (size_t i = 0; an && i < an->n_signals; i++)
        add_value(&to, FACT_SIGNAL, an->signals[i]);
    for (size_t i = 0; i < n_segments; i++)
        add_term(&to, FACT_SEGMENT, segments[i]);
    for (size_t i = 0; i < f->n_tags; i++)
        add_value(&to, FACT_TAG, f->tags[i]);
    add_pairs(&to, FACT_ATTRIBUTE, f->attributes, f->n_attributes);
    add_pairs(&to, FACT_EXPERIMENT, f->experiments, f->n_experiments);
    fact->n_terms = (uint32_t)sort_unique(to.v, to.n);
    fact->terms = to.v;
    return t->kv.error;
}

static uint32_t scaled_code(struct store_txn *t, const struct scaled *s)
{
    double key[2] = {s->value, s->scale};
    uint32_t code = 0;
    if (s->has)
        dict_code(t, DICT_SCALED, span_of((const char *)key, sizeof(key)), &code);
    return code;
}

static void collect_codes(struct store_txn *t, const struct feedback *f, const struct analysis *an,
                          struct fact *fact)
{
    const struct span texts[] = {[FACT_SOURCE] = f->source, [FACT_CHANNEL] = f->channel,
                                 [FACT_STATUS] = f->status, [FACT_TYPE] = an ? an->type : SPAN_NONE,
                                 [FACT_AGENT] = f->agent,   [FACT_TEAM] = f->team,
                                 [FACT_VENDOR] = f->vendor, [FACT_PRODUCT] = f->product};
    for (int c = 0; c < FACT_RATING; c++)
        dict_code(t, fact_code_kind((enum fact_code)c), texts[c], &fact->code[c]);
    fact->code[FACT_RATING] = scaled_code(t, &f->rating);
    fact->code[FACT_CSAT] = scaled_code(t, &f->csat);
    fact->code[FACT_NPS] = scaled_code(t, &f->nps);
    fact->code[FACT_CES] = scaled_code(t, &f->ces);
}

/* Asked and said something: a score or words. */
static bool is_answered(const struct feedback *f)
{
    return f->rating.has || f->csat.has || f->nps.has || f->ces.has || f->text.n || f->n_turns;
}

int fact_of(struct store_txn *t, const struct feedback *f, const struct analysis *an,
            uint32_t customer, const uint32_t *segments, size_t n_segments, struct arena *a,
            struct fact *ret)
{
    bool read = an && an->sentiment != SENTIMENT_NONE;
    struct fact fact = {
        .created_at = f->created_at,
        .conversation = fact_conversation(t->kv.store, f->conversation),
        .customer = customer,
        .polarity = read ? quantize(an->polarity) : FACT_NO_POLARITY,
        .confidence = read ? quantize(an->confidence) : FACT_NO_POLARITY,
        .kind = (uint8_t)f->kind,
        .lang = an ? (uint8_t)an->lang : 0,
        .sentiment = an ? (uint8_t)an->sentiment : 0,
        .stage = (uint8_t)f->stage,
    };
    fact.flags = (uint8_t)((f->surveyed ? FACT_SURVEYED : 0) | (f->backfill ? FACT_BACKFILL : 0) |
                           (is_answered(f) ? FACT_ANSWERED : 0));
    collect_codes(t, f, an, &fact);
    int r = collect_terms(t, f, an, segments, n_segments, a, &fact);
    if (r == 0)
        *ret = fact;
    return r;
}

int fact_set_segments(struct fact *f, const uint32_t *segments, size_t n, struct arena *a)
{
    uint32_t *terms = arena_alloc(a, (f->n_terms + n) * sizeof(*terms));
    size_t kept = 0;
    if (!terms)
        return -ENOMEM;
    for (size_t i = 0; i < f->n_terms; i++)
        if (FACT_TERM_MULTI(f->terms[i]) != FACT_SEGMENT)
            terms[kept++] = f->terms[i];
    for (size_t i = 0; i < n; i++)
        terms[kept++] = FACT_TERM(FACT_SEGMENT, segments[i]);
    f->n_terms = (uint32_t)sort_unique(terms, kept);
    f->terms = terms;
    return 0;
}

int fact_put(struct store_txn *t, uint64_t seq, const struct fact *f, bool is_new)
{
    struct fact_row row = {.version = ROW_VERSION,
                           .kind = f->kind,
                           .lang = f->lang,
                           .sentiment = f->sentiment,
                           .stage = f->stage,
                           .flags = f->flags,
                           .n_terms = (uint16_t)f->n_terms,
                           .polarity = f->polarity,
                           .confidence = f->confidence,
                           .customer = f->customer,
                           .created_at = f->created_at,
                           .conversation = f->conversation};
    memcpy(row.code, f->code, sizeof(row.code));
    buf_reset(&t->value);
    buf_append(&t->value, &row, sizeof(row));
    buf_append(&t->value, f->terms, f->n_terms * sizeof(*f->terms));
    if (buf_error(&t->value))
        return kv_fail(&t->kv, buf_error(&t->value));
    if (fact_block_of(seq) < t->counters.sealed)
        txn_touch_block(t, fact_block_of(seq));
    return is_new ? kv_append(&t->kv, DBI_FACT, key_int(&seq), buf_span(&t->value))
                  : kv_put(&t->kv, DBI_FACT, key_int(&seq), buf_span(&t->value));
}

int fact_delete(struct store_txn *t, uint64_t seq)
{
    if (fact_block_of(seq) < t->counters.sealed)
        return fact_put(t, seq, &(struct fact){.flags = FACT_DELETED}, false);
    int r = kv_del(&t->kv, DBI_FACT, key_int(&seq));
    return r == -ENOENT ? kv_fail(&t->kv, -VOC_E_CORRUPT) : r;
}

int fact_decode(struct span s, struct arena *a, struct fact *ret)
{
    struct fact_row row;
    if (s.n < sizeof(row))
        return -VOC_E_CORRUPT;
    memcpy(&row, s.p, sizeof(row));
    if (row.version != ROW_VERSION || s.n != sizeof(row) + row.n_terms * sizeof(uint32_t))
        return -VOC_E_CORRUPT;
    uint32_t *terms = arena_alloc(a, row.n_terms * sizeof(*terms));
    if (!terms)
        return -ENOMEM;
    memcpy(terms, s.p + sizeof(row), row.n_terms * sizeof(*terms));
    *ret = (struct fact){.created_at = row.created_at,
                         .conversation = row.conversation,
                         .customer = row.customer,
                         .polarity = row.polarity,
                         .confidence = row.confidence,
                         .kind = row.kind,
                         .lang = row.lang,
                         .sentiment = row.sentiment,
                         .stage = row.stage,
                         .flags = row.flags,
                         .n_terms = row.n_terms,
                         .terms = terms};
    memcpy(ret->code, row.code, sizeof(row.code));
    return 0;
}

static int get_sealed(struct kv *kv, uint64_t seq, struct arena *a, struct fact *ret)
{
    uint64_t number = fact_block_of(seq);
    struct block b;
    struct span bytes;
    size_t row;
    int r = kv_get(kv, DBI_BLOCK, key_int(&number), &bytes);
    if (r == 0)
        r = block_open(bytes, &b);
    if (r == 0)
        r = block_find(&b, seq, &row);
    return r < 0 ? r : block_row(&b, row, a, ret);
}

int fact_get(struct kv *kv, uint64_t seq, struct arena *a, struct fact *ret)
{
    struct span row;
    int r = kv_get(kv, DBI_FACT, key_int(&seq), &row);
    if (r == -ENOENT)
        return get_sealed(kv, seq, a, ret);
    if (r == 0)
        r = fact_decode(row, a, ret);
    if (r == 0 && (ret->flags & FACT_DELETED))
        return -ENOENT;
    return r;
}
