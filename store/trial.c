#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/idmap.h"
#include "store/scaled.h"
#include "store/scan.h"

/* One pass over the rows. Of each unit its observations are added up in a slot of its own; the
 * slots are folded into their arms at the end. A record that is a unit by itself needs none. */

#define SLOTS_PER_CHUNK 4096u
#define CHUNKS_MAX (STORE_TRIAL_UNITS / SLOTS_PER_CHUNK)

/* What a unit's id is, told apart in the map by the cell; from CELL_ARMS on: id within an arm that
 * is not the unit's first. */
enum { CELL_CONVERSATION, CELL_CUSTOMER, CELL_ARMS };

struct slot {
    uint32_t arm;
    bool shared; /* of a unit's first slot: other arms had it too */
    uint32_t n[TRIAL_MEASURES];
    double sum[TRIAL_MEASURES];
};

struct columns {
    uint32_t sentiment[FACT_BLOCK], flags[FACT_BLOCK], customer[FACT_BLOCK];
    uint32_t csat[FACT_BLOCK], nps[FACT_BLOCK], ces[FACT_BLOCK], rating[FACT_BLOCK];
    int64_t polarity[FACT_BLOCK], conversation[FACT_BLOCK];
};

struct trial {
    const struct store_trial_query *q;
    struct arena scratch;
    struct scaled_table scaled;
    struct span *names; /* of all arms ever, by number from 1 */
    uint32_t n_names;
    uint32_t *name_of; /* per code: the number of its name; 0: of another experiment */
    uint32_t n_codes;
    uint32_t *arm_of; /* per name: its arm + 1, given when first seen */
    struct store_arm *arms;
    size_t n_arms;
    struct idmap units; /* id -> slot + 1 */
    struct slot **chunks;
    uint32_t n_slots;
    uint64_t single, shared; /* units: records by themselves; seen in several arms */
    struct columns col;      /* of the block being added */
};

/* An observation of each measure, or none. */
struct observed {
    bool has[TRIAL_MEASURES];
    double x[TRIAL_MEASURES];
};

/* --- arms --- */

struct naming {
    struct trial *t;
    uint32_t room;
};

static int count_name(void *ctx, uint32_t code, struct span arm)
{
    struct trial *t = ctx;
    (void)arm;
    t->n_names++;
    if (code >= t->n_codes)
        t->n_codes = code + 1;
    return 0;
}

static int take_name(void *ctx, uint32_t code, struct span arm)
{
    struct naming *n = ctx;
    if (n->t->n_names == n->room || code >= n->t->n_codes)
        return -VOC_E_CORRUPT;
    n->t->names[++n->t->n_names] = arm; /* in the map, which the view keeps */
    n->t->name_of[code] = n->t->n_names;
    return 0;
}

static int load_names(struct trial *t, struct kv *kv)
{
    int r = dict_each_pair(kv, DICT_EXPERIMENT, t->q->experiment, count_name, t);
    struct naming naming = {t, t->n_names};
    t->n_names = 0;
    t->names = arena_array(&t->scratch, (size_t)naming.room + 1, sizeof(*t->names));
    t->arm_of = arena_array(&t->scratch, (size_t)naming.room + 1, sizeof(*t->arm_of));
    t->name_of = arena_array(&t->scratch, (size_t)t->n_codes + 1, sizeof(*t->name_of));
    t->arms = arena_array(&t->scratch, STORE_TRIAL_ARMS, sizeof(*t->arms));
    if (!t->names || !t->arm_of || !t->name_of || !t->arms)
        return -ENOMEM;
    return r < 0 ? r : dict_each_pair(kv, DICT_EXPERIMENT, t->q->experiment, take_name, &naming);
}

static int arm_of_name(struct trial *t, uint32_t name, uint32_t *ret)
{
    if (!t->arm_of[name]) {
        if (t->n_arms == STORE_TRIAL_ARMS)
            return -E2BIG;
        t->arms[t->n_arms].arm = t->names[name];
        t->arm_of[name] = (uint32_t)++t->n_arms;
    }
    *ret = t->arm_of[name] - 1;
    return 0;
}

/* The name a row has in this experiment; 0: it takes no part. */
static int name_of_row(const struct trial *t, const struct block *b, size_t row, uint32_t *ret)
{
    size_t from, to;
    int r = block_terms(b, FACT_EXPERIMENT, row, &from, &to);
    *ret = 0;
    for (size_t i = from; r == 0 && i < to && !*ret; i++) {
        uint64_t code = (uint64_t)column_at(&b->col[COL_TERM + FACT_EXPERIMENT], i);
        *ret = code < t->n_codes ? t->name_of[code] : 0;
    }
    return r;
}

/* --- units --- */

static struct slot *slot_at(const struct trial *t, uint32_t i)
{
    return &t->chunks[i / SLOTS_PER_CHUNK][i % SLOTS_PER_CHUNK];
}

static int new_slot(struct trial *t, uint32_t arm)
{
    uint32_t at = t->n_slots;
    if (at == STORE_TRIAL_UNITS)
        return -VOC_E_BUDGET;
    if (at % SLOTS_PER_CHUNK == 0) {
        t->chunks[at / SLOTS_PER_CHUNK] = calloc(SLOTS_PER_CHUNK, sizeof(struct slot));
        if (!t->chunks[at / SLOTS_PER_CHUNK])
            return -ENOMEM;
    }
    slot_at(t, at)->arm = arm;
    t->arms[arm].units++;
    t->n_slots++;
    return 0;
}

/* The slot of (id, cell), made when new. */
static int find_slot(struct trial *t, uint64_t id, uint32_t cell, uint32_t arm, struct slot **ret)
{
    uint32_t number;
    int is_new = idmap_put(&t->units, id, cell, t->n_slots + 1, &number);
    int r = is_new > 0 ? new_slot(t, arm) : is_new;
    if (r < 0)
        return r;
    *ret = slot_at(t, number - 1);
    return 0;
}

static int slot_of_unit(struct trial *t, uint64_t id, uint32_t cell, uint32_t arm,
                        struct slot **ret)
{
    struct slot *first = NULL;
    int r = find_slot(t, id, cell, arm, &first);
    if (r < 0)
        return r;
    *ret = first;
    if (first->arm == arm)
        return 0;
    t->shared += !first->shared;
    first->shared = true;
    return find_slot(t, id, CELL_ARMS + 2 * arm + cell, arm, ret);
}

/* NULL: the row is a unit by itself. */
static int slot_of_row(struct trial *t, size_t row, uint32_t arm, struct slot **ret)
{
    uint64_t customer = t->q->unit == STORE_UNIT_CUSTOMER ? t->col.customer[row] : 0;
    uint64_t conversation = (uint64_t)t->col.conversation[row];
    *ret = NULL;
    if (customer)
        return slot_of_unit(t, customer, CELL_CUSTOMER, arm, ret);
    if (conversation)
        return slot_of_unit(t, conversation, CELL_CONVERSATION, arm, ret);
    return 0;
}

/* --- observations --- */

static void observe(struct observed *o, enum store_trial_measure m, double x)
{
    o->has[m] = true;
    o->x[m] = x;
}

static void observe_answers(const struct trial *t, size_t row, struct observed *o)
{
    const struct scaled_answer *csat = scaled_at(&t->scaled, t->col.csat[row]);
    const struct scaled_answer *nps = scaled_at(&t->scaled, t->col.nps[row]);
    const struct scaled_answer *ces = scaled_at(&t->scaled, t->col.ces[row]);
    const struct scaled_answer *rating = scaled_at(&t->scaled, t->col.rating[row]);
    if (csat->answer.has)
        observe(o, TRIAL_CSAT, csat->top);
    if (nps->answer.has)
        observe(o, TRIAL_NPS, (double)nps->promoter - (double)nps->detractor);
    if (ces->answer.has)
        observe(o, TRIAL_CES, ces->answer.value);
    if (rating->answer.has && !isnan(rating->ratio))
        observe(o, TRIAL_RATING, rating->ratio);
    if (t->col.flags[row] & FACT_SURVEYED)
        observe(o, TRIAL_RESPONSE, (t->col.flags[row] & FACT_ANSWERED) != 0);
}

static void observe_sentiment(const struct trial *t, size_t row, struct observed *o)
{
    uint32_t s = t->col.sentiment[row];
    double positive = s == SENTIMENT_POSITIVE, negative = s == SENTIMENT_NEGATIVE;
    if (s == SENTIMENT_NONE || s > SENTIMENT_POSITIVE)
        return;
    observe(o, TRIAL_NEGATIVE, negative);
    observe(o, TRIAL_POSITIVE, positive);
    observe(o, TRIAL_NET, positive - negative);
    if (t->col.polarity[row] != FACT_NO_POLARITY)
        observe(o, TRIAL_POLARITY, (double)t->col.polarity[row] / 1e4);
}

/* One unit's observations of a measure. */
static void fold(struct store_ratio *r, uint32_t n, double sum)
{
    double size = n;
    if (!n)
        return;
    r->n += n;
    r->units++;
    r->sum += sum;
    r->nn += size * size;
    r->ns += size * sum;
    r->ss += sum * sum;
}

static void add_observed(struct store_arm *arm, struct slot *slot, const struct observed *o)
{
    arm->rows++;
    arm->units += slot == NULL;
    for (int m = 0; m < TRIAL_MEASURES; m++) {
        if (!o->has[m])
            continue;
        arm->of[m].sum2 += o->x[m] * o->x[m];
        if (slot) {
            slot->n[m]++;
            slot->sum[m] += o->x[m];
        } else {
            fold(&arm->of[m], 1, o->x[m]);
        }
    }
}

static int add_row(struct trial *t, const struct block *b, size_t row)
{
    struct observed o = {0};
    struct slot *slot;
    uint32_t name, arm;
    int r = name_of_row(t, b, row, &name);
    if (r < 0 || !name)
        return r;
    r = arm_of_name(t, name, &arm);
    if (r == 0)
        r = slot_of_row(t, row, arm, &slot);
    if (r < 0)
        return r;
    t->single += slot == NULL;
    observe_answers(t, row, &o);
    observe_sentiment(t, row, &o);
    add_observed(&t->arms[arm], slot, &o);
    return 0;
}

static void read_columns(struct columns *to, const struct block *b)
{
    column_read_u32(&b->col[COL_SENTIMENT], 0, b->n, to->sentiment);
    column_read_u32(&b->col[COL_FLAGS], 0, b->n, to->flags);
    column_read_u32(&b->col[COL_CUSTOMER], 0, b->n, to->customer);
    column_read_u32(&b->col[COL_CODE + FACT_CSAT], 0, b->n, to->csat);
    column_read_u32(&b->col[COL_CODE + FACT_NPS], 0, b->n, to->nps);
    column_read_u32(&b->col[COL_CODE + FACT_CES], 0, b->n, to->ces);
    column_read_u32(&b->col[COL_CODE + FACT_RATING], 0, b->n, to->rating);
    column_read_i64(&b->col[COL_POLARITY], b->n, to->polarity);
    column_read_i64(&b->col[COL_CONVERSATION], b->n, to->conversation);
}

static int add_block(void *ctx, const struct block *b, const uint8_t *mask)
{
    struct trial *t = ctx;
    int r = 0;
    if (b->col[COL_TERM + FACT_EXPERIMENT].n == 0)
        return 0;
    read_columns(&t->col, b);
    for (size_t i = 0; i < b->n && r == 0; i++)
        r = mask[i] ? add_row(t, b, i) : 0;
    return r;
}

/* --- the answer --- */

static int by_arm(const void *a, const void *b)
{
    const struct store_arm *x = a, *y = b;
    return span_cmp(x->arm, y->arm);
}

static int answer(struct trial *t, struct arena *a, struct store_trial *ret)
{
    for (uint32_t i = 0; i < t->n_slots; i++) {
        const struct slot *s = slot_at(t, i);
        for (int m = 0; m < TRIAL_MEASURES; m++)
            fold(&t->arms[s->arm].of[m], s->n[m], s->sum[m]);
    }
    struct store_arm *arms = arena_array(a, t->n_arms, sizeof(*arms));
    if (!arms)
        return -ENOMEM;
    for (size_t i = 0; i < t->n_arms; i++) {
        arms[i] = t->arms[i];
        arms[i].arm = arena_dup(a, t->arms[i].arm);
        if (!arms[i].arm.p)
            return -ENOMEM;
    }
    if (t->n_arms > 1)
        qsort(arms, t->n_arms, sizeof(*arms), by_arm);
    ret->arms = arms;
    ret->n_arms = t->n_arms;
    ret->shared = t->shared;
    return 0;
}

static uint64_t distinct_units(const struct trial *t)
{
    uint64_t firsts = 0;
    for (size_t i = 0; i < t->units.size; i++)
        firsts += t->units.v[i].value && t->units.v[i].cell < CELL_ARMS;
    return firsts + t->single;
}

static int run(struct store_view *v, struct trial *t, struct arena *a, struct store_trial *ret)
{
    const struct store_trial_query *q = t->q;
    struct store_trial out = {0};
    const struct filter *filter;
    struct scan *scan = NULL;
    int r = load_names(t, &v->kv);
    if (r == 0 && t->n_names > 0) {
        r = filter_compile(&v->kv, q->where, q->now, q->from, q->to, &t->scratch, &filter);
        if (r == 0)
            r = scaled_load(&v->kv, &t->scratch, &t->scaled);
        if (r == 0)
            r = scan_new(&v->kv, filter, &q->budget, &scan);
        if (r == 0)
            r = scan_all(scan, add_block, t);
        out.rows_scanned = scan ? scan->rows : 0;
        scan_free(scan);
    }
    out.known = t->n_names > 0;
    out.units = distinct_units(t);
    if (r == 0)
        r = answer(t, a, &out);
    if (r == 0)
        *ret = out;
    return r;
}

int store_trial(struct store_view *v, const struct store_trial_query *q, struct arena *a,
                struct store_trial *ret)
{
    struct trial *t = calloc(1, sizeof(*t));
    struct slot **chunks = calloc(CHUNKS_MAX, sizeof(*chunks));
    int r = t && chunks ? 0 : -ENOMEM;
    if (r == 0) {
        t->q = q;
        t->chunks = chunks;
        arena_init(&t->scratch, (size_t)1 << 30);
        r = run(v, t, a, ret);
        idmap_done(&t->units);
        arena_done(&t->scratch);
    }
    for (size_t i = 0; chunks && i < CHUNKS_MAX; i++)
        free(chunks[i]);
    free(chunks);
    free(t);
    return r;
}

/* --- names --- */

struct names {
    struct store_trial_name *by_code; /* rows 0: of no row */
    uint32_t n;
};

static void count_row(struct names *names, uint64_t code, int64_t at)
{
    struct store_trial_name *name = code < names->n ? &names->by_code[code] : NULL;
    if (!name)
        return;
    if (name->rows == 0 || at < name->first)
        name->first = at;
    if (name->rows == 0 || at > name->last)
        name->last = at;
    name->rows++;
}

static int count_block(void *ctx, const struct block *b, const uint8_t *mask)
{
    struct names *names = ctx;
    const struct column *terms = &b->col[COL_TERM + FACT_EXPERIMENT];
    for (size_t i = 0; i < b->n && terms->n; i++) {
        size_t from, to;
        if (!mask[i])
            continue;
        int r = block_terms(b, FACT_EXPERIMENT, i, &from, &to);
        if (r < 0)
            return r;
        for (size_t j = from; j < to; j++)
            count_row(names, (uint64_t)column_at(terms, j), column_at(&b->col[COL_CREATED], i));
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct store_trial_name *x = a, *y = b;
    int order = span_cmp(x->experiment, y->experiment);
    return order ? order : span_cmp(x->arm, y->arm);
}

/* Those with rows move to the front and get their names. */
static int name_them(struct kv *kv, struct names *names, struct arena *a, size_t *ret_n)
{
    size_t n = 0;
    for (uint32_t code = 0; code < names->n; code++) {
        struct store_trial_name name = names->by_code[code];
        struct span entry;
        if (!name.rows)
            continue;
        int r = dict_value(kv, DICT_EXPERIMENT, code, &entry);
        if (r < 0)
            return r;
        entry = arena_dup(a, entry);
        if (!entry.p)
            return -ENOMEM;
        dict_pair_split(entry, &name.experiment, &name.arm);
        names->by_code[n++] = name;
    }
    if (n > 1)
        qsort(names->by_code, n, sizeof(*names->by_code), by_name);
    *ret_n = n;
    return 0;
}

int store_trial_names(struct store_view *v, const struct store_budget *budget, struct arena *a,
                      const struct store_trial_name **ret, size_t *ret_n)
{
    struct names names = {0};
    struct scan *scan = NULL;
    uint32_t last;
    int r = dict_last(&v->kv, DICT_EXPERIMENT, &last);
    if (r < 0)
        return r;
    names.n = last + 1;
    names.by_code = arena_array(a, names.n, sizeof(*names.by_code));
    if (!names.by_code)
        return -ENOMEM;
    r = scan_new(&v->kv, NULL, budget, &scan);
    if (r == 0)
        r = scan_all(scan, count_block, &names);
    scan_free(scan);
    if (r == 0)
        r = name_them(&v->kv, &names, a, ret_n);
    if (r == 0)
        *ret = names.by_code;
    return r;
}
