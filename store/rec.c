#include "store/rec.h"

#include <stdlib.h>

#include "base/err.h"
#include "store/body.h"
#include "store/dict.h"
#include "store/fact.h"

int rec_head(struct kv *kv, uint64_t seq, struct rec_head *ret, struct span *ret_packed)
{
    struct span row;
    int r = kv_get(kv, DBI_REC, key_int(&seq), &row);
    if (r < 0)
        return r;
    if (row.n < sizeof(*ret))
        return -VOC_E_CORRUPT;
    memcpy(ret, row.p, sizeof(*ret));
    if (ret->version != BODY_VERSION)
        return -VOC_E_CORRUPT;
    *ret_packed = span_of(row.p + sizeof(*ret), row.n - sizeof(*ret));
    return 0;
}

static int unpack(struct kv *kv, uint8_t how, struct span packed, struct arena *a, struct span *ret)
{
    struct unpacker *u = kv_unpacker(kv);
    return u ? pack_open(u, how, packed, a, ret) : -ENOMEM;
}

int rec_body(struct kv *kv, uint64_t seq, struct arena *a, struct span *ret)
{
    struct rec_head head;
    struct span packed;
    int r = rec_head(kv, seq, &head, &packed);
    return r < 0 ? r : unpack(kv, head.how, packed, a, ret);
}

static int span_order(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

int rec_segments(struct kv *kv, const uint32_t *codes, size_t n, struct arena *a,
                 const struct span **ret)
{
    struct span *out = arena_array(a, n, sizeof(*out));
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct span value;
        int r = dict_value(kv, DICT_SEGMENT, codes[i], &value);
        if (r < 0)
            return r;
        out[i] = arena_dup(a, value);
        if (!out[i].p)
            return -ENOMEM;
    }
    if (n > 1)
        qsort(out, n, sizeof(*out), span_order);
    *ret = out;
    return 0;
}

static int read_segments(struct kv *kv, uint64_t seq, struct arena *a, struct stored *s)
{
    uint32_t codes[SEGMENTS_MAX];
    struct fact f;
    size_t n = 0;
    int r = fact_get(kv, seq, a, &f);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    for (size_t i = 0; i < f.n_terms && n < SEGMENTS_MAX; i++)
        if (FACT_TERM_MULTI(f.terms[i]) == FACT_SEGMENT)
            codes[n++] = FACT_TERM_CODE(f.terms[i]);
    s->n_segments = n;
    return rec_segments(kv, codes, n, a, &s->segments);
}

int rec_read(struct kv *kv, uint64_t seq, bool segments, struct arena *a, struct stored *ret)
{
    struct rec_head head;
    struct span packed, body;
    struct stored s = {.seq = seq};
    int r = rec_head(kv, seq, &head, &packed);
    if (r == 0)
        r = unpack(kv, head.how, packed, a, &body);
    if (r == 0)
        r = body_get(body, a, &s.feedback, &s.analysis, NULL);
    if (r == 0 && segments)
        r = read_segments(kv, seq, a, &s);
    if (r < 0)
        return r;
    s.id = head.id;
    s.received_at = head.received_at;
    s.revision = head.revision;
    *ret = s;
    return 0;
}

static int read_seq(struct span value, uint64_t *ret)
{
    if (value.n != sizeof(*ret))
        return -VOC_E_CORRUPT;
    *ret = key_int_read(value);
    return 0;
}

struct same_ident {
    struct kv *kv;
    struct span external_id;
};

/* The source is whole in the key; the external id was cut. */
static int same_ident(void *ctx, struct span value)
{
    struct same_ident *w = ctx;
    struct arena a;
    struct stored s;
    uint64_t seq;
    int r = read_seq(value, &seq);
    if (r < 0)
        return r;
    arena_init(&a, 0);
    r = rec_read(w->kv, seq, false, &a, &s);
    if (r == 0)
        r = span_eq(s.feedback.external_id, w->external_id);
    arena_done(&a);
    return r == -ENOENT ? -VOC_E_CORRUPT : r;
}

int ident_find(struct kv *kv, uint32_t source, struct span external_id, struct key *k,
               uint64_t *ret_seq)
{
    struct same_ident want = {kv, external_id};
    struct span value;
    key_ident(k, source, external_id, kv->store->seed);
    int r = kv_find_text(kv, DBI_IDENT, k, same_ident, &want, &value);
    return r < 0 ? r : read_seq(value, ret_seq);
}

int ident_claim(struct kv *kv, uint32_t source, struct span external_id, uint64_t seq,
                uint64_t *ret_seq)
{
    struct span value;
    struct key k;
    key_ident(&k, source, external_id, kv->store->seed);
    if (k.hashed) { /* which of the probes it is has to be looked for */
        int r = ident_find(kv, source, external_id, &k, ret_seq);
        if (r != -ENOENT)
            return r == 0 ? -EEXIST : r;
    }
    int r = kv_insert(kv, DBI_IDENT, key_span(&k), key_int(&seq), &value);
    if (r == -EEXIST && read_seq(value, ret_seq) < 0)
        return -VOC_E_CORRUPT;
    return r;
}

int rec_seq_of(struct kv *kv, const struct uuid *id, uint64_t *ret_seq)
{
    struct span value;
    int r = kv_get(kv, DBI_PUBID, span_of((const char *)id->b, sizeof(id->b)), &value);
    return r < 0 ? r : read_seq(value, ret_seq);
}

int store_get_feedback(struct store_view *v, const struct uuid *id, struct arena *a,
                       struct stored *ret)
{
    uint64_t seq;
    int r = rec_seq_of(&v->kv, id, &seq);
    return r < 0 ? r : rec_read(&v->kv, seq, true, a, ret);
}

int store_find_feedback(struct store_view *v, struct span source, struct span external_id,
                        struct arena *a, struct stored *ret)
{
    struct key k;
    uint32_t code;
    uint64_t seq;
    int r = dict_find(&v->kv, DICT_SOURCE, source, &code);
    if (r == 0)
        r = ident_find(&v->kv, code, external_id, &k, &seq);
    return r < 0 ? r : rec_read(&v->kv, seq, true, a, ret);
}
