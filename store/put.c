#include <xxhash.h>

#include "base/err.h"
#include "store/body.h"
#include "store/dict.h"
#include "store/fact.h"
#include "store/rec.h"
#include "store/txn.h"

/* One record on its way in. */
struct incoming {
    const struct feedback *f;
    struct feedback dated; /* f with the time of the record it repeats */
    const struct analysis *an;
    struct rec_head head;
    uint64_t seq;
    uint32_t customer;
    uint32_t segments[SEGMENTS_MAX];
    size_t n_segments;
};

static struct span uuid_span(const struct uuid *id)
{
    return span_of((const char *)id->b, sizeof(id->b));
}

/* What can be wrong with one record is said before the first put, so that the rest of the batch
 * need not suffer for it. */
static int check(const struct feedback *f, const struct analysis *an)
{
    size_t terms = SEGMENTS_MAX + f->n_tags + f->n_attributes + f->n_experiments;
    terms += an ? an->n_categories + an->n_signals : 0;
    if (!f->source.n || !f->external_id.n || f->created_at == NO_TIME)
        return -EINVAL;
    return terms > FACT_TERMS_MAX ? -E2BIG : 0;
}

/* Leaves the body in t->raw. */
static int encode(struct store_txn *t, struct incoming *in)
{
    XXH128_canonical_t hash;
    buf_reset(&t->raw);
    body_put_feedback(&t->raw, in->f);
    XXH128_canonicalFromHash(&hash, XXH3_128bits_withSeed(t->raw.p, t->raw.n, t->kv.store->seed));
    memcpy(in->head.hash, &hash, sizeof(in->head.hash));
    body_put_analysis(&t->raw, in->an);
    in->head.version = BODY_VERSION;
    in->head.updated_at = in->f->updated_at;
    return buf_error(&t->raw) == -EMSGSIZE ? -E2BIG : buf_error(&t->raw);
}

/* Packs t->raw and writes the row. */
static int put_row(struct store_txn *t, uint64_t seq, struct rec_head *head, bool is_new)
{
    struct buf *out = &t->packed;
    buf_reset(out);
    buf_append(out, head, sizeof(*head));
    int r = pack_add(&t->kv.store->pack, buf_span(&t->raw), out, &head->how);
    if (r < 0)
        return kv_fail(&t->kv, r);
    memcpy(out->p, head, sizeof(*head));
    return is_new ? kv_append(&t->kv, DBI_REC, key_int(&seq), buf_span(out))
                  : kv_put(&t->kv, DBI_REC, key_int(&seq), buf_span(out));
}

static int put_by_customer(struct store_txn *t, uint32_t customer, int64_t created_at, uint64_t seq)
{
    struct key k;
    if (!customer)
        return 0;
    key_bycust(&k, customer, created_at, seq);
    return kv_put(&t->kv, DBI_BYCUST, key_span(&k), SPAN_LIT(""));
}

static int delete_by_customer(struct store_txn *t, uint32_t customer, int64_t created_at,
                              uint64_t seq)
{
    struct key k;
    if (!customer)
        return 0;
    key_bycust(&k, customer, created_at, seq);
    int r = kv_del(&t->kv, DBI_BYCUST, key_span(&k));
    return r == -ENOENT ? kv_fail(&t->kv, -VOC_E_CORRUPT) : r;
}

static int put_fact(struct store_txn *t, struct incoming *in, bool is_new)
{
    struct fact fact;
    int r =
        fact_of(t, in->f, in->an, in->customer, in->segments, in->n_segments, &t->scratch, &fact);
    return r < 0 ? kv_fail(&t->kv, r) : fact_put(t, in->seq, &fact, is_new);
}

/* uuid7_make() draws a few bytes at a time; the system is asked for many at once. */
static void draw(void *ctx, void *p, size_t n)
{
    struct store *s = ctx;
    if (n > s->chance_left) {
        s->rng.fill(s->rng.ctx, s->chance, sizeof(s->chance));
        s->chance_left = sizeof(s->chance);
    }
    s->chance_left -= n;
    memcpy(p, s->chance + s->chance_left, n);
    memset(s->chance + s->chance_left, 0, n);
}

static struct uuid make_id(struct store_txn *t)
{
    struct rng rng = {draw, t->kv.store};
    return uuid7_make(t->now, &rng);
}

static int accept(struct store_txn *t, struct incoming *in)
{
    in->head.revision = 1;
    in->head.received_at = t->now;
    in->head.id = make_id(t);
    put_row(t, in->seq, &in->head, true);
    kv_put(&t->kv, DBI_PUBID, uuid_span(&in->head.id), key_int(&in->seq));
    put_by_customer(t, in->customer, in->f->created_at, in->seq);
    return put_fact(t, in, true);
}

/* The facts of the record that is there, before it is replaced. */
static int old_fact(struct store_txn *t, uint64_t seq, struct fact *ret)
{
    int r = fact_get(&t->kv, seq, &t->scratch, ret);
    return r == -ENOENT ? -VOC_E_CORRUPT : r;
}

static int replace(struct store_txn *t, struct incoming *in, const struct rec_head *had,
                   const struct fact *old)
{
    in->head.revision = had->revision + 1;
    in->head.received_at = t->now;
    in->head.id = had->id;
    put_row(t, in->seq, &in->head, false);
    if (old->customer != in->customer || old->created_at != in->f->created_at) {
        delete_by_customer(t, old->customer, old->created_at, in->seq);
        put_by_customer(t, in->customer, in->f->created_at, in->seq);
    }
    return put_fact(t, in, false);
}

static bool is_duplicate(const struct rec_head *had, const struct rec_head *head)
{
    if (had->updated_at != NO_TIME && head->updated_at != NO_TIME &&
        had->updated_at != head->updated_at)
        return head->updated_at < had->updated_at;
    return memcmp(had->hash, head->hash, sizeof(had->hash)) == 0;
}

/* A record sent without a time was given that of its arrival; sent again, it happened when it first
 * came in, and is the same record. */
static int keep_time(struct store_txn *t, struct incoming *in)
{
    struct fact old;
    int r = in->f->undated ? old_fact(t, in->seq, &old) : 0;
    if (r < 0 || !in->f->undated)
        return r;
    in->dated = *in->f;
    in->dated.created_at = old.created_at;
    in->f = &in->dated;
    return encode(t, in);
}

static int put_known(struct store_txn *t, struct incoming *in, struct arena *a,
                     struct store_put *out)
{
    struct rec_head had;
    struct span packed;
    struct fact old;
    int r = rec_head(&t->kv, in->seq, &had, &packed);
    if (r == 0)
        r = keep_time(t, in);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    out->id = had.id;
    out->seq = in->seq;
    if (is_duplicate(&had, &in->head)) {
        out->outcome = OUTCOME_DUPLICATE;
        return 0;
    }
    out->outcome = OUTCOME_UPDATED;
    out->has_previous = true;
    r = rec_read(&t->kv, in->seq, true, a, &out->previous);
    if (r == 0)
        r = old_fact(t, in->seq, &old);
    if (r == 0)
        r = customer_of_record(t, in->f, &t->scratch, &in->customer, in->segments, &in->n_segments);
    return r < 0 ? r : replace(t, in, &had, &old);
}

static int put_unknown(struct store_txn *t, struct incoming *in, struct store_put *out)
{
    int r = customer_of_record(t, in->f, &t->scratch, &in->customer, in->segments, &in->n_segments);
    if (r == 0)
        r = accept(t, in);
    out->outcome = OUTCOME_ACCEPTED;
    out->id = in->head.id;
    out->seq = in->seq;
    return r;
}

int store_put_feedback(struct store_txn *t, const struct feedback *f, const struct analysis *an,
                       struct arena *a, struct store_put *ret)
{
    struct incoming in = {.f = f, .an = an};
    struct store_put out = {0};
    uint32_t source;
    if (t->kv.error)
        return t->kv.error;
    int r = check(f, an);
    if (r == 0)
        r = encode(t, &in);
    if (r < 0)
        return r == -ENOMEM ? kv_fail(&t->kv, r) : r;
    arena_reset(&t->scratch);
    r = dict_code(t, DICT_SOURCE, f->source, &source);
    in.seq = t->counters.seq + 1;
    if (r == 0)
        r = ident_claim(&t->kv, source, f->external_id, in.seq, &in.seq);
    if (r == 0) {
        t->counters.seq = in.seq;
        t->counters_changed = true;
        r = put_unknown(t, &in, &out);
    } else if (r == -EEXIST) {
        r = put_known(t, &in, a, &out);
    }
    if (r == 0)
        r = rec_segments(&t->kv, in.segments, in.n_segments, a, &out.segments);
    if (r < 0)
        return kv_fail(&t->kv, r);
    out.n_segments = in.n_segments;
    out.created_at = in.f->created_at;
    *ret = out;
    return 0;
}

/* The body in t->raw with another analysis. */
static int swap_analysis(struct store_txn *t, uint64_t seq, const struct analysis *an,
                         struct feedback *ret)
{
    struct analysis old;
    struct span body;
    size_t at;
    int r = rec_body(&t->kv, seq, &t->scratch, &body);
    if (r == 0)
        r = body_get(body, &t->scratch, ret, &old, &at);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    buf_reset(&t->raw);
    buf_append(&t->raw, body.p, at);
    body_put_analysis(&t->raw, an);
    return buf_error(&t->raw);
}

int store_put_analysis(struct store_txn *t, const struct uuid *id, const struct analysis *an)
{
    struct incoming in = {.an = an};
    struct feedback f;
    struct span packed;
    struct fact old;
    if (t->kv.error)
        return t->kv.error;
    int r = rec_seq_of(&t->kv, id, &in.seq);
    if (r == -ENOENT)
        return r;
    arena_reset(&t->scratch);
    if (r == 0)
        r = rec_head(&t->kv, in.seq, &in.head, &packed);
    if (r == 0)
        r = old_fact(t, in.seq, &old);
    if (r == 0)
        r = swap_analysis(t, in.seq, an, &f);
    if (r < 0)
        return kv_fail(&t->kv, r);
    in.f = &f;
    in.customer = old.customer;
    for (size_t i = 0; i < old.n_terms && in.n_segments < SEGMENTS_MAX; i++)
        if (FACT_TERM_MULTI(old.terms[i]) == FACT_SEGMENT)
            in.segments[in.n_segments++] = FACT_TERM_CODE(old.terms[i]);
    put_row(t, in.seq, &in.head, false);
    return put_fact(t, &in, false);
}

/* Every trace of a record but its customer. */
static int delete_record(struct store_txn *t, uint64_t seq)
{
    struct stored s;
    struct fact old;
    struct key ident;
    uint32_t source;
    uint64_t found;
    arena_reset(&t->scratch);
    int r = rec_read(&t->kv, seq, false, &t->scratch, &s);
    if (r == 0)
        r = old_fact(t, seq, &old);
    if (r == 0)
        r = dict_find(&t->kv, DICT_SOURCE, s.feedback.source, &source);
    if (r == 0)
        r = ident_find(&t->kv, source, s.feedback.external_id, &ident, &found);
    if (r < 0)
        return kv_fail(&t->kv, r == -ENOENT ? -VOC_E_CORRUPT : r);
    kv_del(&t->kv, DBI_IDENT, key_span(&ident));
    kv_del(&t->kv, DBI_PUBID, uuid_span(&s.id));
    kv_del(&t->kv, DBI_REC, key_int(&seq));
    delete_by_customer(t, old.customer, old.created_at, seq);
    return fact_delete(t, seq);
}

int store_delete_feedback(struct store_txn *t, const struct uuid *id)
{
    uint64_t seq;
    if (t->kv.error)
        return t->kv.error;
    int r = rec_seq_of(&t->kv, id, &seq);
    return r < 0 ? r : delete_record(t, seq);
}

int store_remove_feedback(struct store_txn *t, struct span source, struct span external_id)
{
    struct key ident;
    uint32_t code;
    uint64_t seq;
    if (t->kv.error)
        return t->kv.error;
    int r = dict_find(&t->kv, DICT_SOURCE, source, &code);
    if (r == 0)
        r = ident_find(&t->kv, code, external_id, &ident, &seq);
    return r < 0 ? r : delete_record(t, seq);
}

int store_delete_source(struct store_txn *t, struct span source, size_t max, bool *ret_more)
{
    struct kv_cursor c CLEANUP(kv_cursor_close) = {0};
    struct key prefix;
    uint32_t code;
    if (t->kv.error)
        return t->kv.error;
    int r = dict_find(&t->kv, DICT_SOURCE, source, &code);
    if (r == -ENOENT) {
        *ret_more = false;
        return 0;
    }
    if (r < 0)
        return r;
    key_code(&prefix, code);
    kv_cursor_open(&c, &t->kv, DBI_IDENT);
    for (size_t i = 0; r == 0; i++) { /* deleting moves the table: seek the first one again */
        if (!kv_seek(&c, key_span(&prefix)) || !key_has_prefix(c.key, &prefix)) {
            *ret_more = false;
            return c.error;
        }
        if (i == max)
            break;
        r = c.value.n == sizeof(uint64_t) ? delete_record(t, key_int_read(c.value))
                                          : kv_fail(&t->kv, -VOC_E_CORRUPT);
    }
    if (r == 0)
        *ret_more = true;
    return r;
}
