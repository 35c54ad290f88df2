#include "store/filter.h"

#include "base/err.h"
#include "store/codec.h"
#include "store/customer.h"

/* One compilation. */
struct compiler {
    struct kv *kv;
    struct arena *a;
    int64_t now;
    const struct where_node *test; /* the one being compiled */
    uint32_t *codes;               /* that pass it */
    size_t n_codes, room;
};

static int add_code(struct compiler *c, uint32_t code)
{
    if (c->n_codes == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        uint32_t *codes = arena_alloc(c->a, room * sizeof(*codes));
        if (!codes)
            return -ENOMEM;
        if (c->n_codes)
            memcpy(codes, c->codes, c->n_codes * sizeof(*codes));
        c->codes = codes;
        c->room = room;
    }
    c->codes[c->n_codes++] = code;
    return 0;
}

static int make_set(struct compiler *c, struct code_set *ret)
{
    struct code_set s = {.min = UINT32_MAX, .max = 0, .n = c->n_codes};
    for (size_t i = 0; i < c->n_codes; i++) {
        s.min = c->codes[i] < s.min ? c->codes[i] : s.min;
        s.max = c->codes[i] > s.max ? c->codes[i] : s.max;
    }
    if (s.min <= s.max) {
        s.bits = arena_array(c->a, (size_t)(s.max - s.min) / 64 + 1, sizeof(*s.bits));
        if (!s.bits)
            return -ENOMEM;
    }
    for (size_t i = 0; i < c->n_codes; i++)
        s.bits[(c->codes[i] - s.min) / 64] |= UINT64_C(1) << ((c->codes[i] - s.min) % 64);
    *ret = s;
    return 0;
}

static int try_text(void *ctx, uint32_t code, struct span value)
{
    struct compiler *c = ctx;
    return where_test_text(c->test, value) ? add_code(c, code) : 0;
}

static int try_attribute(void *ctx, uint32_t code, struct span value)
{
    struct compiler *c = ctx;
    return where_test_attribute(c->test, value, c->now) ? add_code(c, code) : 0;
}

/* Numbers of answers: rating is value / scale, the others the value as given. */
static int try_scaled(void *ctx, uint32_t code, struct span value)
{
    struct compiler *c = ctx;
    double v[2];
    if (value.n != sizeof(v))
        return -VOC_E_CORRUPT;
    memcpy(v, value.p, sizeof(v));
    if (c->test->field == WF_RATING && !(v[1] > 0))
        return 0;
    double number = c->test->field == WF_RATING ? v[0] / v[1] : v[0];
    return where_test_number(c->test, number) ? add_code(c, code) : 0;
}

static bool whole_text_op(const struct where_node *test)
{
    return test->op == WHERE_EQ || test->op == WHERE_IN;
}

/* Equal texts need no walk through the dictionary. */
static int find_values(struct compiler *c, enum dict_kind kind)
{
    for (size_t i = 0; i < c->test->n_values; i++) {
        uint32_t code;
        int r = dict_find(c->kv, kind, c->test->values[i].text, &code);
        if (r == 0)
            r = add_code(c, code);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

static int text_codes(struct compiler *c, enum dict_kind kind)
{
    if (whole_text_op(c->test) && kind != DICT_CATEGORY) /* which covers the paths below it */
        return find_values(c, kind);
    return dict_each(c->kv, kind, try_text, c);
}

static int find_pairs(struct compiler *c, enum dict_kind kind)
{
    struct buf b;
    int r = 0;
    buf_init(&b, 0);
    for (size_t i = 0; i < c->test->n_values && r == 0; i++) {
        uint32_t code;
        if (!c->test->values[i].text.n)
            continue;
        buf_reset(&b);
        dict_pair(&b, c->test->key, c->test->values[i].text);
        r = buf_error(&b) ? buf_error(&b) : dict_find(c->kv, kind, buf_span(&b), &code);
        if (r == 0)
            r = add_code(c, code);
        else if (r == -ENOENT)
            r = 0;
    }
    buf_done(&b);
    return r;
}

static int pair_codes(struct compiler *c, enum dict_kind kind)
{
    bool numeric = false;
    for (size_t i = 0; i < c->test->n_values; i++)
        numeric |= c->test->values[i].is_number; /* 7 is also 07 */
    if (whole_text_op(c->test) && (kind != DICT_ATTRIBUTE || !numeric))
        return find_pairs(c, kind);
    return dict_each_pair(c->kv, kind, c->test->key,
                          kind == DICT_ATTRIBUTE ? try_attribute : try_text, c);
}

static int vocab_codes(struct compiler *c, enum vocab v)
{
    int r = 0;
    for (int id = 0; id < vocab_count(v) && r == 0; id++)
        r = try_text(c, (uint32_t)id, span_str(vocab_code(v, id)));
    return r;
}

static int customer_codes(struct compiler *c)
{
    if (!whole_text_op(c->test))
        return customer_each_id(c->kv, try_text, c);
    for (size_t i = 0; i < c->test->n_values; i++) {
        uint32_t code;
        int r = c->test->values[i].text.n ? customer_find(c->kv, c->test->values[i].text, &code)
                                          : -ENOENT;
        if (r == 0)
            r = add_code(c, code);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* --- ranges: where a test that only ever turns once along a line turns --- */

typedef bool holds_fn(const struct where_node *test, int64_t x, int64_t now);

static bool time_holds(const struct where_node *test, int64_t x, int64_t now)
{
    return where_test_time(test, x, now);
}

static bool fraction_holds(const struct where_node *test, int64_t x, int64_t now)
{
    (void)now;
    return where_test_number(test, unquantize(x));
}

/* The smallest x of [low, high] from which on the test holds; false when it holds nowhere. */
static bool first_holding(const struct where_node *test, holds_fn *holds, int64_t now, int64_t low,
                          int64_t high, int64_t *ret)
{
    if (!holds(test, high, now))
        return false;
    while (low < high) {
        int64_t mid = low + (int64_t)(((uint64_t)high - (uint64_t)low) / 2);
        if (holds(test, mid, now))
            high = mid;
        else
            low = mid + 1;
    }
    *ret = low;
    return true;
}

/* The range of one value of a test. */
static bool range_of(const struct where_node *test, const struct where_value *value,
                     holds_fn *holds, int64_t now, struct range all, struct range *ret)
{
    struct where_node one = *test;
    int64_t at;
    one.values = value;
    one.n_values = 1;
    *ret = all;
    if (test->op == WHERE_LT || test->op == WHERE_LE) { /* what is left of its opposite */
        if (!holds(&one, all.low, now))
            return false;
        one.op = test->op == WHERE_LT ? WHERE_GE : WHERE_GT;
        if (first_holding(&one, holds, now, all.low, all.high, &at))
            ret->high = at - 1;
        return true;
    }
    if (whole_text_op(test))
        one.op = WHERE_GE;
    if (!first_holding(&one, holds, now, all.low, all.high, &ret->low))
        return false;
    if (whole_text_op(test)) {
        one.op = WHERE_EQ;
        ret->high = ret->low;
        return holds(&one, ret->low, now);
    }
    return true;
}

static int make_ranges(struct compiler *c, holds_fn *holds, struct range all, struct filter *f)
{
    struct range *ranges = arena_array(c->a, c->test->n_values, sizeof(*ranges));
    if (!ranges)
        return -ENOMEM;
    for (size_t i = 0; i < c->test->n_values; i++)
        f->n_ranges +=
            range_of(c->test, &c->test->values[i], holds, c->now, all, &ranges[f->n_ranges]);
    f->op = FILTER_RANGES;
    f->ranges = ranges;
    return 0;
}

static int conversation_ranges(struct compiler *c, struct filter *f)
{
    struct range *ranges = arena_array(c->a, c->test->n_values, sizeof(*ranges));
    if (!ranges)
        return -ENOMEM;
    f->op = FILTER_RANGES;
    f->column = COL_CONVERSATION;
    f->ranges = ranges;
    for (size_t i = 0; i < c->test->n_values; i++) {
        int64_t h = (int64_t)fact_conversation(c->kv->store, c->test->values[i].text);
        if (h)
            ranges[f->n_ranges++] = (struct range){h, h};
    }
    return 0;
}

/* --- tests --- */

static int codes_of(struct compiler *c, int column, int r, struct filter *f)
{
    f->op = FILTER_CODES;
    f->column = (enum column_id)column;
    return r < 0 ? r : make_set(c, &f->set);
}

static int terms_of(struct compiler *c, enum fact_multi multi, int r, struct filter *f)
{
    f->op = FILTER_TERMS;
    f->multi = multi;
    return r < 0 ? r : make_set(c, &f->set);
}

static int flag_of(struct compiler *c, uint8_t flag, struct filter *f)
{
    f->op = FILTER_FLAG;
    f->column = COL_FLAGS;
    f->flag = flag;
    f->wanted = c->test->values[0].boolean;
    return 0;
}

static int text_column(struct compiler *c, enum fact_code code, struct filter *f)
{
    return codes_of(c, COL_CODE + (int)code, text_codes(c, fact_code_kind(code)), f);
}

static int multi_field(struct compiler *c, enum fact_multi m, struct filter *f)
{
    return terms_of(c, m, text_codes(c, fact_multi_kind(m)), f);
}

static int score_column(struct compiler *c, enum fact_code code, struct filter *f)
{
    return codes_of(c, COL_CODE + (int)code, dict_each(c->kv, DICT_SCALED, try_scaled, c), f);
}

static int compile_number(struct compiler *c, struct filter *f)
{
    static const struct range fractions = {-10000, 10000};
    switch (c->test->field) {
    case WF_POLARITY:
        f->column = COL_POLARITY;
        return make_ranges(c, fraction_holds, fractions, f);
    case WF_CONFIDENCE:
        f->column = COL_CONFIDENCE;
        return make_ranges(c, fraction_holds, fractions, f);
    case WF_RATING:
        return score_column(c, FACT_RATING, f);
    case WF_CSAT:
        return score_column(c, FACT_CSAT, f);
    case WF_NPS:
        return score_column(c, FACT_NPS, f);
    default:
        return score_column(c, FACT_CES, f);
    }
}

static int compile_time(struct compiler *c, struct filter *f)
{
    static const struct range always = {INT64_MIN + 1, INT64_MAX};
    f->column = COL_CREATED;
    return make_ranges(c, time_holds, always, f);
}

static int compile_multi(struct compiler *c, struct filter *f)
{
    switch (c->test->field) {
    case WF_CATEGORY:
        return multi_field(c, FACT_CATEGORY, f);
    case WF_SIGNAL:
        return multi_field(c, FACT_SIGNAL, f);
    case WF_SEGMENT:
        return multi_field(c, FACT_SEGMENT, f);
    default:
        return multi_field(c, FACT_TAG, f);
    }
}

static int compile_conversation(struct compiler *c, struct filter *f)
{
    if (whole_text_op(c->test))
        return conversation_ranges(c, f);
    f->op = FILTER_RECORD; /* only its hash is a fact */
    f->test = c->test;
    return 0;
}

static int compile_text(struct compiler *c, struct filter *f)
{
    switch (c->test->field) {
    case WF_KIND:
        return codes_of(c, COL_KIND, vocab_codes(c, VOCAB_KIND), f);
    case WF_LANG:
        return codes_of(c, COL_LANG, vocab_codes(c, VOCAB_LANG), f);
    case WF_SENTIMENT:
        return codes_of(c, COL_SENTIMENT, vocab_codes(c, VOCAB_SENTIMENT), f);
    case WF_STAGE:
        return codes_of(c, COL_STAGE, vocab_codes(c, VOCAB_STAGE), f);
    case WF_CUSTOMER:
        return codes_of(c, COL_CUSTOMER, customer_codes(c), f);
    case WF_CONVERSATION:
        return compile_conversation(c, f);
    case WF_ATTRIBUTE:
        return terms_of(c, FACT_ATTRIBUTE, pair_codes(c, DICT_ATTRIBUTE), f);
    case WF_EXPERIMENT:
        return terms_of(c, FACT_EXPERIMENT, pair_codes(c, DICT_EXPERIMENT), f);
    default:
        return text_column(c, fact_code_of(c->test->field), f);
    }
}

static int compile_test(struct compiler *c, struct filter *f)
{
    c->n_codes = 0;
    switch (where_field_type(c->test->field)) {
    case WHERE_TEXT:
        return compile_text(c, f);
    case WHERE_MULTI:
        return compile_multi(c, f);
    case WHERE_NUMBER:
        return compile_number(c, f);
    case WHERE_TIME:
        return compile_time(c, f);
    default:
        return flag_of(c, c->test->field == WF_SURVEYED ? FACT_SURVEYED : FACT_BACKFILL, f);
    }
}

static int compile_node(struct compiler *c, const struct where_node *n, const struct filter **ret)
{
    struct filter *f = arena_zalloc(c->a, sizeof(*f));
    int r = 0;
    if (!f)
        return -ENOMEM;
    if (n->op == WHERE_AND || n->op == WHERE_OR || n->op == WHERE_NOT) {
        f->op = n->op == WHERE_AND ? FILTER_AND : n->op == WHERE_OR ? FILTER_OR : FILTER_NOT;
        r = compile_node(c, n->left, &f->left);
        if (r == 0 && n->op != WHERE_NOT)
            r = compile_node(c, n->right, &f->right);
    } else {
        c->test = n;
        r = compile_test(c, f);
    }
    *ret = f;
    return r;
}

/* [from, to) on created_at before everything else: it is what blocks are skipped by. */
static int add_period(struct arena *a, int64_t from, int64_t to, const struct filter **f)
{
    struct filter *period = arena_zalloc(a, sizeof(*period)), *both;
    struct range *range = arena_zalloc(a, sizeof(*range));
    if (!period || !range)
        return -ENOMEM;
    *range = (struct range){from, to == INT64_MAX ? to : to - 1};
    *period = (struct filter){
        .op = FILTER_RANGES, .column = COL_CREATED, .ranges = range, .n_ranges = to > from};
    if (!*f) {
        *f = period;
        return 0;
    }
    both = arena_zalloc(a, sizeof(*both));
    if (!both)
        return -ENOMEM;
    *both = (struct filter){.op = FILTER_AND, .left = period, .right = *f};
    *f = both;
    return 0;
}

int filter_compile(struct kv *kv, const struct where *w, int64_t now, int64_t from, int64_t to,
                   struct arena *a, const struct filter **ret)
{
    struct compiler c = {.kv = kv, .a = a, .now = now};
    const struct filter *f = NULL;
    int r = 0;
    if (w && w->root)
        r = compile_node(&c, w->root, &f);
    if (r == 0 && (from != NO_TIME || to != INT64_MAX))
        r = add_period(a, from, to, &f);
    if (r == 0)
        *ret = f;
    return r;
}
