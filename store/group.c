#include "store/group.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/customer.h"
#include "store/rec.h"
#include "store/scaled.h"
#include "store/txn.h"

/* --- making: which codes are in which groups --- */

/* Codes with their text, to be given groups by it. */
struct named {
    uint32_t code;
    struct span text;
};
struct names {
    struct arena *a;
    struct named *v;
    size_t n, room;
};

static int add_name(struct names *to, uint32_t code, struct span text)
{
    if (to->n == to->room) {
        size_t room = to->room ? 2 * to->room : 64;
        struct named *v = arena_alloc(to->a, room * sizeof(*v));
        if (!v)
            return -ENOMEM;
        if (to->n)
            memcpy(v, to->v, to->n * sizeof(*v));
        to->v = v;
        to->room = room;
    }
    to->v[to->n++] = (struct named){code, text};
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return span_cmp(x->text, y->text);
}

/* Equal texts get one group. Codes may be named more than once; the lists are filled by counting.
 */
static int groups_of_names(struct names *names, uint32_t n_codes, struct arena *a,
                           struct grouping *g)
{
    uint32_t *group_of = arena_array(a, names->n, sizeof(*group_of));
    g->n_codes = n_codes;
    g->first = arena_array(a, (size_t)n_codes + 2, sizeof(*g->first));
    g->list = arena_array(a, names->n, sizeof(*g->list));
    g->texts = arena_array(a, names->n + 1, sizeof(*g->texts));
    if (!group_of || !g->first || !g->list || !g->texts)
        return -ENOMEM;
    if (names->n > 1)
        qsort(names->v, names->n, sizeof(*names->v), by_text);
    g->n_groups = 1;
    g->texts[0] = SPAN_LIT("");
    for (size_t i = 0; i < names->n; i++) {
        if (names->v[i].text.n && (i == 0 || by_text(&names->v[i - 1], &names->v[i]) != 0))
            g->texts[g->n_groups++] = names->v[i].text;
        group_of[i] = names->v[i].text.n ? g->n_groups - 1 : 0;
        g->first[names->v[i].code + 2]++;
    }
    for (size_t c = 2; c < (size_t)n_codes + 2; c++)
        g->first[c] += g->first[c - 1];
    for (size_t i = 0; i < names->n; i++) /* first[c + 1] runs from the start of c to its end */
        g->list[g->first[names->v[i].code + 1]++] = group_of[i];
    return 0;
}

static int by_vocab(struct grouping *g, enum column_id c, enum vocab v, struct arena *a)
{
    struct names names = {.a = a};
    int r = 0;
    g->how = GROUP_BY_COLUMN;
    g->column = c;
    for (int id = 0; id < vocab_count(v) && r == 0; id++)
        r = add_name(&names, (uint32_t)id, span_str(vocab_code(v, id)));
    return r < 0 ? r : groups_of_names(&names, (uint32_t)vocab_count(v), a, g);
}

static int by_flag(struct grouping *g, uint8_t flag, struct arena *a)
{
    struct names names = {.a = a};
    int r = 0;
    g->how = GROUP_BY_COLUMN;
    g->column = COL_FLAGS;
    for (uint32_t flags = 0; flags <= UINT8_MAX && r == 0; flags++)
        r = add_name(&names, flags, flags & flag ? SPAN_LIT("true") : SPAN_LIT("false"));
    return r < 0 ? r : groups_of_names(&names, UINT8_MAX + 1, a, g);
}

static int by_answer(struct grouping *g, enum fact_code c, struct arena *a)
{
    struct names names = {.a = a};
    struct scaled_table table;
    struct buf b;
    int r = scaled_load(g->kv, a, &table);
    g->how = GROUP_BY_COLUMN;
    g->column = (enum column_id)(COL_CODE + (int)c);
    if (r < 0)
        return r;
    buf_init(&b, 64);
    for (uint32_t code = 1; code < table.n && r == 0; code++) {
        double number = c == FACT_RATING ? table.v[code].ratio : table.v[code].answer.value;
        if (isnan(number))
            continue;
        buf_reset(&b);
        buf_json_f64(&b, number);
        struct span text = arena_dup(a, buf_span(&b));
        r = text.p ? add_name(&names, code, text) : -ENOMEM;
    }
    buf_done(&b);
    return r < 0 ? r : groups_of_names(&names, (uint32_t)table.n, a, g);
}

static int add_path(void *ctx, uint32_t code, struct span path)
{
    struct names *names = ctx;
    int r = 0;
    path = arena_dup(names->a, path);
    if (!path.p)
        return -ENOMEM;
    for (size_t i = 1; i <= path.n && r == 0; i++)
        if (i == path.n || path.p[i] == '/')
            r = add_name(names, code, span_of(path.p, i));
    return r;
}

static int add_pair_value(void *ctx, uint32_t code, struct span value)
{
    struct names *names = ctx;
    value = arena_dup(names->a, value);
    return value.p ? add_name(names, code, value) : -ENOMEM;
}

static int by_named_terms(struct grouping *g, enum fact_multi m, struct span key, struct arena *a)
{
    struct names names = {.a = a};
    enum dict_kind kind = fact_multi_kind(m);
    uint32_t last;
    g->how = GROUP_BY_TERMS;
    g->multi = m;
    int r = dict_last(g->kv, kind, &last);
    if (r == 0)
        r = m == FACT_CATEGORY ? dict_each(g->kv, kind, add_path, &names)
                               : dict_each_pair(g->kv, kind, key, add_pair_value, &names);
    return r < 0 ? r : groups_of_names(&names, last + 1, a, g);
}

/* Every code is a group of its own, and named when needed. */
static int by_code(struct grouping *g, enum dict_kind kind)
{
    struct counters counters;
    uint32_t last = 0;
    int r;
    if (kind == DICT_CUSTOMER) {
        r = txn_get_counters(g->kv, &counters);
        last = r == 0 ? (uint32_t)counters.customer : 0;
    } else {
        r = dict_last(g->kv, kind, &last);
    }
    g->kind = kind;
    g->n_codes = g->n_groups = last + 1;
    return r;
}

static int by_terms(struct grouping *g, enum fact_multi m)
{
    g->how = GROUP_BY_TERMS;
    g->multi = m;
    return by_code(g, fact_multi_kind(m));
}

static int by_column(struct grouping *g, enum where_field field, struct arena *a)
{
    enum fact_code c = fact_code_of(field);
    if (c == FACT_CODES)
        return -EINVAL;
    if (c >= FACT_RATING)
        return by_answer(g, c, a);
    g->how = GROUP_BY_COLUMN;
    g->column = (enum column_id)(COL_CODE + (int)c);
    return by_code(g, fact_code_kind(c));
}

static int by_field(struct grouping *g, enum where_field field, struct span key, struct arena *a)
{
    switch (field) {
    case WF_KIND:
        return by_vocab(g, COL_KIND, VOCAB_KIND, a);
    case WF_LANG:
        return by_vocab(g, COL_LANG, VOCAB_LANG, a);
    case WF_SENTIMENT:
        return by_vocab(g, COL_SENTIMENT, VOCAB_SENTIMENT, a);
    case WF_STAGE:
        return by_vocab(g, COL_STAGE, VOCAB_STAGE, a);
    case WF_SURVEYED:
        return by_flag(g, FACT_SURVEYED, a);
    case WF_BACKFILL:
        return by_flag(g, FACT_BACKFILL, a);
    case WF_CATEGORY:
        return by_named_terms(g, FACT_CATEGORY, key, a);
    case WF_ATTRIBUTE:
        return by_named_terms(g, FACT_ATTRIBUTE, key, a);
    case WF_EXPERIMENT:
        return by_named_terms(g, FACT_EXPERIMENT, key, a);
    case WF_SIGNAL:
        return by_terms(g, FACT_SIGNAL);
    case WF_SEGMENT:
        return by_terms(g, FACT_SEGMENT);
    case WF_TAG:
        return by_terms(g, FACT_TAG);
    case WF_CUSTOMER:
        g->how = GROUP_BY_COLUMN;
        g->column = COL_CUSTOMER;
        return by_code(g, DICT_CUSTOMER);
    case WF_CONVERSATION:
        g->how = GROUP_BY_CONVERSATION;
        g->n_groups = 1;
        return 0;
    default:
        return by_column(g, field, a);
    }
}

int group_init(struct kv *kv, int field, struct span key, struct arena *a, struct grouping *ret)
{
    struct grouping g = {.kv = kv};
    int r = by_field(&g, (enum where_field)field, key, a);
    if (r == 0 && g.how == GROUP_BY_TERMS) {
        g.seen = arena_array(a, g.n_groups, sizeof(*g.seen));
        r = g.seen ? 0 : -ENOMEM;
    }
    if (r == 0)
        *ret = g;
    return r;
}

void group_done(struct grouping *g)
{
    free(g->codes);
    free(g->samples);
    idmap_done(&g->conversations);
}

/* --- using --- */

struct chunk {
    group_fn *fn;
    void *ctx;
    size_t n;
    uint32_t rows[GROUP_CHUNK], groups[GROUP_CHUNK];
};

static int flush(struct chunk *c)
{
    int r = c->n ? c->fn(c->ctx, c->rows, c->groups, c->n) : 0;
    c->n = 0;
    return r;
}

static int add_pair(struct chunk *c, size_t row, uint32_t group)
{
    c->rows[c->n] = (uint32_t)row;
    c->groups[c->n++] = group;
    return c->n == GROUP_CHUNK ? flush(c) : 0;
}

static uint32_t one_group(const struct grouping *g, uint32_t code)
{
    if (code >= g->n_codes)
        return 0;
    if (!g->first)
        return code;
    return g->first[code] < g->first[code + 1] ? g->list[g->first[code]] : 0;
}

static int rows_by_column(struct grouping *g, const struct block *b, const uint8_t *mask,
                          struct chunk *to)
{
    uint32_t codes[FACT_BLOCK];
    int r = 0;
    column_read_u32(&b->col[g->column], 0, b->n, codes);
    for (size_t i = 0; i < b->n && r == 0; i++)
        if (mask[i])
            r = add_pair(to, i, one_group(g, codes[i]));
    return r;
}

/* Once per row: delivery/late and delivery/lost are one delivery. */
static int add_once(struct grouping *g, struct chunk *to, size_t row, uint32_t group)
{
    if (g->seen[group] == g->row_number)
        return 0;
    g->seen[group] = g->row_number;
    return add_pair(to, row, group);
}

static int add_code(struct grouping *g, struct chunk *to, size_t row, uint32_t code, bool *any)
{
    int r = 0;
    if (code >= g->n_codes)
        return 0;
    if (!g->first) {
        *any = true;
        return add_once(g, to, row, code);
    }
    for (uint32_t i = g->first[code]; i < g->first[code + 1] && r == 0; i++) {
        *any = true;
        r = add_once(g, to, row, g->list[i]);
    }
    return r;
}

static int read_terms(struct grouping *g, const struct column *c)
{
    if (g->codes_room < c->n) {
        uint32_t *codes = realloc(g->codes, c->n * sizeof(*codes));
        if (!codes)
            return -ENOMEM;
        g->codes = codes;
        g->codes_room = c->n;
    }
    if (c->n)
        column_read_u32(c, 0, c->n, g->codes);
    return 0;
}

static int rows_by_terms(struct grouping *g, const struct block *b, const uint8_t *mask,
                         struct chunk *to)
{
    const struct column *terms = &b->col[COL_TERM + g->multi];
    uint32_t offset[FACT_BLOCK + 1];
    int r = read_terms(g, terms);
    column_read_u32(&b->col[COL_OFFSET + g->multi], 0, b->n + 1, offset);
    for (size_t i = 0; i < b->n && r == 0; i++) {
        bool any = false;
        if (!mask[i])
            continue;
        if (offset[i] > offset[i + 1] || offset[i + 1] > terms->n)
            return -VOC_E_CORRUPT;
        g->row_number++;
        for (uint32_t j = offset[i]; j < offset[i + 1] && r == 0; j++)
            r = add_code(g, to, i, g->codes[j], &any);
        if (r == 0 && !any)
            r = add_pair(to, i, 0);
    }
    return r;
}

static int note_sample(struct grouping *g, uint32_t group, uint64_t seq)
{
    if (g->samples_room <= group) {
        size_t room = g->samples_room ? 2 * g->samples_room : 1024;
        uint64_t *samples = realloc(g->samples, room * sizeof(*samples));
        if (!samples)
            return -ENOMEM;
        g->samples = samples;
        g->samples_room = room;
    }
    g->samples[group] = seq;
    return 0;
}

static int conversation_group(struct grouping *g, uint64_t hash, const struct block *b, size_t row,
                              uint32_t *ret)
{
    *ret = 0;
    if (!hash)
        return 0;
    int r = idmap_put(&g->conversations, hash, 0, g->n_groups, ret);
    if (r <= 0)
        return r;
    return note_sample(g, g->n_groups++, (uint64_t)column_at(&b->col[COL_SEQ], row));
}

static int rows_by_conversation(struct grouping *g, const struct block *b, const uint8_t *mask,
                                struct chunk *to)
{
    int64_t hash[FACT_BLOCK];
    int r = 0;
    column_read_i64(&b->col[COL_CONVERSATION], b->n, hash);
    for (size_t i = 0; i < b->n && r == 0; i++) {
        uint32_t group;
        if (!mask[i])
            continue;
        r = conversation_group(g, (uint64_t)hash[i], b, i, &group);
        if (r == 0)
            r = add_pair(to, i, group);
    }
    return r;
}

int group_rows(struct grouping *g, const struct block *b, const uint8_t *mask, group_fn *fn,
               void *ctx)
{
    struct chunk to = {.fn = fn, .ctx = ctx};
    int r = g->how == GROUP_BY_COLUMN  ? rows_by_column(g, b, mask, &to)
            : g->how == GROUP_BY_TERMS ? rows_by_terms(g, b, mask, &to)
                                       : rows_by_conversation(g, b, mask, &to);
    return r ? r : flush(&to);
}

static int conversation_key(struct grouping *g, uint32_t group, struct arena *a, struct span *ret)
{
    struct stored s;
    struct arena reading;
    arena_init(&reading, 0);
    int r = rec_read(g->kv, g->samples[group], false, &reading, &s);
    if (r == 0)
        *ret = arena_dup(a, s.feedback.conversation);
    arena_done(&reading);
    return r;
}

int group_key(struct grouping *g, uint32_t group, struct arena *a, struct span *ret)
{
    struct span key = SPAN_LIT("");
    int r = 0;
    if (group == 0) {
        *ret = key;
        return 0;
    }
    if (g->how == GROUP_BY_CONVERSATION)
        r = conversation_key(g, group, a, &key);
    else if (g->texts)
        key = arena_dup(a, g->texts[group]);
    else {
        r = g->kind == DICT_CUSTOMER ? customer_id(g->kv, group, &key)
                                     : dict_value(g->kv, g->kind, group, &key);
        if (r == 0)
            key = arena_dup(a, key);
    }
    if (r < 0)
        return r;
    *ret = key;
    return key.p ? 0 : -ENOMEM;
}
