#include "store/body.h"

#include "base/err.h"
#include "store/codec.h"

enum { HAS_RATING = 1, HAS_CSAT = 2, HAS_NPS = 4, HAS_CES = 8, IS_SURVEYED = 16, IS_BACKFILL = 32 };

/* Reading in progress: an allocation that failed is not damage. */
struct reading {
    struct dec d;
    struct arena *a;
    bool no_memory;
};

static void put_time(struct buf *b, int64_t t)
{
    put_u8(b, t != NO_TIME);
    if (t != NO_TIME)
        put_signed(b, t);
}

static int64_t get_time(struct dec *d)
{
    return get_u8(d) ? get_signed(d) : NO_TIME;
}

static void put_spans(struct buf *b, const struct span *s, size_t n)
{
    put_varint(b, n);
    for (size_t i = 0; i < n; i++)
        put_span(b, s[i]);
}

static void put_pairs(struct buf *b, const struct pair *p, size_t n)
{
    put_varint(b, n);
    for (size_t i = 0; i < n; i++) {
        put_span(b, p[i].key);
        put_span(b, p[i].value);
    }
}

static void put_scaled(struct buf *b, const struct scaled *s)
{
    if (!s->has)
        return;
    put_double(b, s->value);
    put_double(b, s->scale);
}

static void put_turns(struct buf *b, const struct feedback *f)
{
    put_varint(b, f->n_turns);
    for (size_t i = 0; i < f->n_turns; i++) {
        put_u8(b, (uint8_t)f->turns[i].by);
        put_time(b, f->turns[i].at);
        put_span(b, f->turns[i].text);
    }
}

static uint8_t feedback_flags(const struct feedback *f)
{
    return (uint8_t)((f->rating.has ? HAS_RATING : 0) | (f->csat.has ? HAS_CSAT : 0) |
                     (f->nps.has ? HAS_NPS : 0) | (f->ces.has ? HAS_CES : 0) |
                     (f->surveyed ? IS_SURVEYED : 0) | (f->backfill ? IS_BACKFILL : 0));
}

void body_put_feedback(struct buf *b, const struct feedback *f)
{
    put_span(b, f->source);
    put_span(b, f->external_id);
    put_span(b, f->conversation);
    put_u8(b, (uint8_t)f->kind);
    put_u8(b, (uint8_t)f->stage);
    put_u8(b, feedback_flags(f));
    put_time(b, f->created_at);
    put_time(b, f->updated_at);
    const struct span texts[] = {
        f->channel,        f->status, f->customer.id, f->customer.name, f->customer.email,
        f->customer.phone, f->lang,   f->agent,       f->team,          f->vendor,
        f->product,        f->order,  f->url,         f->title,         f->text};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        put_span(b, texts[i]);
    put_scaled(b, &f->rating);
    put_scaled(b, &f->csat);
    put_scaled(b, &f->nps);
    put_scaled(b, &f->ces);
    put_turns(b, f);
    put_spans(b, f->tags, f->n_tags);
    put_pairs(b, f->attributes, f->n_attributes);
    put_pairs(b, f->experiments, f->n_experiments);
}

static void put_categories(struct buf *b, const struct analysis *an)
{
    put_varint(b, an->n_categories);
    for (size_t i = 0; i < an->n_categories; i++) {
        put_span(b, an->categories[i].code);
        put_u8(b, (uint8_t)an->categories[i].sentiment);
        put_signed(b, quantize(an->categories[i].polarity));
    }
}

static void put_pii(struct buf *b, const struct analysis *an)
{
    put_varint(b, an->n_pii);
    for (size_t i = 0; i < an->n_pii; i++) {
        put_varint(b, an->pii[i].part);
        put_u8(b, an->pii[i].kind);
        put_varint(b, an->pii[i].start);
        put_varint(b, an->pii[i].end - an->pii[i].start);
    }
}

void body_put_analysis(struct buf *b, const struct analysis *an)
{
    static const struct analysis nothing = {0};
    if (!an)
        an = &nothing;
    const double fractions[] = {an->polarity, an->confidence, an->start, an->worst, an->end};
    put_varint(b, an->lexicon);
    put_u8(b, (uint8_t)an->lang);
    put_u8(b, (uint8_t)an->sentiment);
    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++)
        put_signed(b, quantize(fractions[i]));
    put_span(b, an->type);
    put_categories(b, an);
    put_spans(b, an->signals, an->n_signals);
    put_pii(b, an);
    put_spans(b, an->keywords, an->n_keywords);
}

static void *get_array(struct reading *r, size_t count, size_t size)
{
    if (count == 0 || r->d.bad)
        return NULL;
    void *p = arena_array(r->a, count, size);
    if (!p)
        r->no_memory = r->d.bad = true;
    return p;
}

static const struct span *get_spans(struct reading *r, size_t *ret_n)
{
    size_t n = get_count(&r->d);
    struct span *s = get_array(r, n, sizeof(*s));
    *ret_n = s ? n : 0;
    for (size_t i = 0; i < *ret_n; i++)
        s[i] = get_span(&r->d);
    return s;
}

static const struct pair *get_pairs(struct reading *r, size_t *ret_n)
{
    size_t n = get_count(&r->d);
    struct pair *p = get_array(r, n, sizeof(*p));
    *ret_n = p ? n : 0;
    for (size_t i = 0; i < *ret_n; i++) {
        p[i].key = get_span(&r->d);
        p[i].value = get_span(&r->d);
    }
    return p;
}

static void get_scaled(struct dec *d, bool has, struct scaled *s)
{
    if (!has)
        return;
    s->has = true;
    s->value = get_double(d);
    s->scale = get_double(d);
}

static void get_turns(struct reading *r, struct feedback *f)
{
    size_t n = get_count(&r->d);
    struct turn *turns = get_array(r, n, sizeof(*turns));
    f->turns = turns;
    f->n_turns = turns ? n : 0;
    for (size_t i = 0; i < f->n_turns; i++) {
        turns[i].by = (enum speaker)get_bounded(&r->d, BY_SYSTEM);
        turns[i].at = get_time(&r->d);
        turns[i].text = get_span(&r->d);
    }
}

static void get_feedback(struct reading *r, struct feedback *f)
{
    struct dec *d = &r->d;
    struct span *const texts[] = {
        &f->channel,        &f->status, &f->customer.id, &f->customer.name, &f->customer.email,
        &f->customer.phone, &f->lang,   &f->agent,       &f->team,          &f->vendor,
        &f->product,        &f->order,  &f->url,         &f->title,         &f->text};
    f->source = get_span(d);
    f->external_id = get_span(d);
    f->conversation = get_span(d);
    f->kind = (enum kind)get_bounded(d, KIND_COUNT - 1);
    f->stage = (enum stage)get_bounded(d, STAGE_COUNT - 1);
    uint8_t flags = get_u8(d);
    f->surveyed = flags & IS_SURVEYED;
    f->backfill = flags & IS_BACKFILL;
    f->created_at = get_time(d);
    f->updated_at = get_time(d);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = get_span(d);
    get_scaled(d, flags & HAS_RATING, &f->rating);
    get_scaled(d, flags & HAS_CSAT, &f->csat);
    get_scaled(d, flags & HAS_NPS, &f->nps);
    get_scaled(d, flags & HAS_CES, &f->ces);
    get_turns(r, f);
    f->tags = get_spans(r, &f->n_tags);
    f->attributes = get_pairs(r, &f->n_attributes);
    f->experiments = get_pairs(r, &f->n_experiments);
}

static double get_fraction(struct dec *d)
{
    int64_t q = get_signed(d);
    if (q < -10000 || q > 10000)
        d->bad = true;
    return unquantize(q);
}

static void get_categories(struct reading *r, struct analysis *an)
{
    size_t n = get_count(&r->d);
    struct topic *topics = get_array(r, n, sizeof(*topics));
    an->categories = topics;
    an->n_categories = topics ? n : 0;
    for (size_t i = 0; i < an->n_categories; i++) {
        topics[i].code = get_span(&r->d);
        topics[i].sentiment = (enum sentiment)get_bounded(&r->d, SENTIMENT_COUNT - 1);
        topics[i].polarity = get_fraction(&r->d);
    }
}

static void get_pii(struct reading *r, struct analysis *an)
{
    size_t n = get_count(&r->d);
    struct pii_span *pii = get_array(r, n, sizeof(*pii));
    an->pii = pii;
    an->n_pii = pii ? n : 0;
    for (size_t i = 0; i < an->n_pii; i++) {
        pii[i].part = (uint16_t)get_bounded(&r->d, UINT16_MAX);
        pii[i].kind = (uint8_t)get_bounded(&r->d, PII_COUNT - 1);
        pii[i].start = (uint32_t)get_bounded(&r->d, UINT32_MAX);
        pii[i].end = pii[i].start + (uint32_t)get_bounded(&r->d, UINT32_MAX);
    }
}

static void get_analysis(struct reading *r, struct analysis *an)
{
    struct dec *d = &r->d;
    double *const fractions[] = {&an->polarity, &an->confidence, &an->start, &an->worst, &an->end};
    an->lexicon = (uint32_t)get_bounded(d, UINT32_MAX);
    an->lang = (enum lang)get_bounded(d, LANG_COUNT - 1);
    an->sentiment = (enum sentiment)get_bounded(d, SENTIMENT_COUNT - 1);
    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++)
        *fractions[i] = get_fraction(d);
    an->type = get_span(d);
    get_categories(r, an);
    an->signals = get_spans(r, &an->n_signals);
    get_pii(r, an);
    an->keywords = get_spans(r, &an->n_keywords);
}

int body_get(struct span body, struct arena *a, struct feedback *ret_feedback,
             struct analysis *ret_analysis, size_t *ret_analysis_at)
{
    struct reading r = {.d = dec_of(body), .a = a};
    struct feedback f = {0};
    struct analysis an = {0};
    get_feedback(&r, &f);
    size_t at = (size_t)((const char *)r.d.p - body.p);
    get_analysis(&r, &an);
    if (r.no_memory)
        return -ENOMEM;
    if (r.d.bad || dec_left(&r.d))
        return -VOC_E_CORRUPT;
    *ret_feedback = f;
    *ret_analysis = an;
    if (ret_analysis_at)
        *ret_analysis_at = at;
    return 0;
}
