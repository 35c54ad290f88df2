/* Filters, lists and trends against where_match() over the records themselves, on a random store
 * with replaced, re-analysed, deleted, sealed, overlaid and unsealed rows. */
#include <math.h>
#include <stdlib.h>

#include "base/time.h"
#include "tests/unit/store/fixture.h"

#define MODEL_MAX 16384
#define CUSTOMERS 60

/* What the store should hold, read back from it record by record. */
struct model {
    struct fixture fx;
    struct uuid ids[MODEL_MAX];
    size_t n_ids;
    struct stored *rows;
    size_t n_rows;
    struct arena a;
};

static struct model m;

static void put_random(struct store_txn *t, uint64_t n, struct arena *a)
{
    struct store_put put;
    struct feedback f = random_feedback(a, n, CUSTOMERS);
    struct analysis an = random_analysis(a);
    f.source = span_str(sources[n % ARRAY_LEN(sources)]);
    assert_ok(store_put_feedback(t, &f, test_below(20) ? &an : NULL, a, &put));
    if (put.outcome == OUTCOME_ACCEPTED) {
        assert_true(m.n_ids < MODEL_MAX);
        m.ids[m.n_ids++] = put.id;
    }
}

static void put_segments(struct store_txn *t)
{
    static const char *const rules[][2] = {{"gold", "plan = gold"},
                                           {"grown", "age > 18"},
                                           {"seoul", "city = '서울' or city = '부산'"},
                                           {"others", "not (plan = gold)"}};
    struct where_error err;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct store_segment seg = {.code = span_str(rules[i][0]),
                                    .title = SPAN_LIT("title"),
                                    .where = span_str(rules[i][1])};
        assert_ok(store_put_segment(t, &seg, true, &err));
    }
}

static void put_change(struct store_txn *t, struct arena *a)
{
    struct store_customer_put put;
    struct customer_change ch = {.effective_at =
                                     FIXTURE_NOW - (int64_t)test_below(400 * (uint64_t)MS_DAY)};
    ch.id = arena_printf(a, "c-%llu", (unsigned long long)test_below(CUSTOMERS));
    ch.attributes = random_pairs(a, key_names, ARRAY_LEN(key_names), value_texts,
                                 ARRAY_LEN(value_texts), &ch.n_attributes);
    assert_ok(store_put_customer(t, &ch, &put));
}

static void change_some(struct store_txn *t, struct arena *a, uint64_t known)
{
    for (int i = 0; i < 20; i++)
        put_random(t, test_below(known), a);
    for (int i = 0; i < 5; i++) {
        struct analysis an = random_analysis(a);
        int r = store_put_analysis(t, &m.ids[test_below(m.n_ids)], &an);
        assert_true(r == 0 || r == -ENOENT);
    }
    for (int i = 0; i < 3; i++) {
        int r = store_delete_feedback(t, &m.ids[test_below(m.n_ids)]);
        assert_true(r == 0 || r == -ENOENT);
    }
    put_change(t, a);
}

/* Records with external ids up to `records`, from where the last call ended. */
static void fill(size_t records)
{
    static size_t n;
    struct arena a;
    arena_init(&a, 0);
    struct store_txn *t = fixture_begin(&m.fx);
    put_segments(t);
    assert_ok(store_commit(t));
    while (n < records) {
        size_t before = n;
        t = fixture_begin(&m.fx);
        arena_reset(&a);
        for (size_t i = 0; i < 300 && n < records; i++)
            put_random(t, n++, &a);
        if (m.n_ids)
            change_some(t, &a, n);
        if (test_below(10) == 0) {
            store_abort(t);
            n = before;
        } else {
            assert_ok(store_commit(t));
        }
    }
    arena_done(&a);
}

/* So much is changed in one block that it is sealed anew, with what was replaced and deleted. */
static void overlay_much(void)
{
    struct store_stats before, after;
    struct arena a;
    arena_init(&a, 0);
    assert_ok(store_stats(m.fx.store, &before));
    struct store_txn *t = fixture_begin(&m.fx);
    for (size_t n = 0; n < 1200; n++)
        put_random(t, n, &a);
    for (size_t i = 0; i < 100; i++) {
        int r = store_delete_feedback(t, &m.ids[i * 9]);
        assert_true(r == 0 || r == -ENOENT);
    }
    assert_ok(store_commit(t));
    assert_ok(store_stats(m.fx.store, &after));
    assert_int_equal(after.sealed_blocks, before.sealed_blocks);
    assert_true(after.unsealed_rows < before.unsealed_rows + 100); /* they went into the block */
    arena_done(&a);
}

/* Reads every record by its public id. An aborted one is not there. */
static void read_model(void)
{
    struct store_view *v = fixture_view(&m.fx);
    m.rows = calloc(MODEL_MAX, sizeof(*m.rows));
    for (size_t i = 0; i < m.n_ids; i++) {
        int r = store_get_feedback(v, &m.ids[i], &m.a, &m.rows[m.n_rows]);
        assert_true(r == 0 || r == -ENOENT);
        m.n_rows += r == 0;
    }
    store_view_end(v);
}

static int group_setup(void **state)
{
    struct store_stats st;
    (void)state;
    fixture_init(&m.fx);
    arena_init(&m.a, (size_t)1 << 30);
    fill(4500);
    overlay_much();
    fill(test_rounds(9500, 13000));
    read_model();
    assert_ok(store_stats(m.fx.store, &st));
    assert_int_equal(st.records, m.n_rows);
    /* Else the test does not test what it is for. */
    assert_true(st.sealed_blocks >= 2);
    assert_true(st.unsealed_rows > 100);
    assert_true(m.n_rows > 5000);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    free(m.rows);
    arena_done(&m.a);
    fixture_done(&m.fx);
    return 0;
}

/* --- random filters --- */

static struct span random_test(struct arena *a)
{
    static const char *const text_fields[] = {"source", "channel", "status", "type",    "agent",
                                              "team",   "product", "tag",    "segment", "signal"};
    static const char *const words[] = {"zendesk", "chat", "open", "complaint", "a-12",   "'밤'",
                                        "TV-55",   "vip",  "gold", "churn",     "nothing"};
    static const char *const globs[] = {"'*a*'", "'c*'", "'?'", "'세탁기*'", "'*'"};
    static const char *const orders[] = {"<", "<=", ">", ">=", "=", "!="};
    static const char *const fractions[] = {"0.5", "0", "-0.25", "0.1234", "1", "0.33333", "2"};
    static const char *const times[] = {"now-30d",    "now-200d", "now",
                                        "2026-03-01", "now+1d",   "2026-10-01T00:00:00+09:00"};
    switch (test_below(14)) {
    case 0:
        return arena_printf(a, "%s = %s", PICK(text_fields).p, PICK(words).p);
    case 1:
        return arena_printf(a, "%s in (%s, %s, %s)", PICK(text_fields).p, PICK(words).p,
                            PICK(words).p, PICK(words).p);
    case 2:
        return arena_printf(a, "%s matches %s", PICK(text_fields).p, PICK(globs).p);
    case 3:
        return arena_printf(a, "category = %s", PICK(paths).p);
    case 4:
        return arena_printf(a, "polarity %s %s", PICK(orders).p, PICK(fractions).p);
    case 5:
        return arena_printf(a, "confidence %s %s", PICK(orders).p, PICK(fractions).p);
    case 6:
        return arena_printf(a, "rating %s %s", PICK(orders).p, PICK(fractions).p);
    case 7:
        return arena_printf(a, "%s %s %llu",
                            test_below(2)   ? "nps"
                            : test_below(2) ? "csat"
                                            : "ces",
                            PICK(orders).p, (unsigned long long)test_below(11));
    case 8:
        return arena_printf(a, "created_at %s %s", PICK(orders).p, PICK(times).p);
    case 9:
        return arena_printf(a, "attributes.%s %s '%s'", PICK(key_names).p, PICK(orders).p,
                            PICK(value_texts).p);
    case 10:
        return arena_printf(a, "attributes.%s %s %s", PICK(key_names).p, PICK(orders).p,
                            test_below(2) ? "7" : "now-100d");
    case 11:
        return arena_printf(a, "experiments.%s = %s", PICK(trials).p, PICK(arms).p);
    case 12:
        return test_below(2)
                   ? arena_printf(a, "customer = c-%llu", (unsigned long long)test_below(CUSTOMERS))
                   : arena_printf(a, "conversation matches 'talk-1*'");
    default:
        return arena_printf(
            a, "%s",
            PICK(((const char *const[]){"surveyed = true", "backfill = false", "kind = ticket",
                                        "sentiment in (negative, none)", "stage = support",
                                        "lang = ko", "conversation in (talk-7, talk-150)",
                                        "customer matches 'c-1*'"}))
                .p);
    }
}

static struct where *random_filter(struct arena *a, struct span *ret_text)
{
    static const char *const joins[] = {"%s and %s", "%s or %s", "not (%s) and %s",
                                        "not (%s or %s)", "%s and not (%s)"};
    struct where_error err;
    struct where *w = NULL;
    do { /* not every op goes with every value */
        struct span one = random_test(a), two = random_test(a);
        switch (test_below(ARRAY_LEN(joins))) {
        case 0:
            *ret_text = arena_printf(a, "%s and %s", one.p, two.p);
            break;
        case 1:
            *ret_text = arena_printf(a, "%s or %s", one.p, two.p);
            break;
        case 2:
            *ret_text = arena_printf(a, "not (%s) and %s", one.p, two.p);
            break;
        case 3:
            *ret_text = arena_printf(a, "not (%s or %s)", one.p, two.p);
            break;
        default:
            *ret_text = arena_printf(a, "%s and not (%s)", one.p, two.p);
        }
    } while (where_parse(*ret_text, WHERE_RECORD, a, &w, &err) < 0);
    return w;
}

static bool matches(const struct where *w, const struct stored *s)
{
    struct where_record r = {&s->feedback, &s->analysis, s->segments, s->n_segments};
    return where_match(w, &r, FIXTURE_NOW);
}

/* --- facts --- */

struct seen {
    uint8_t *seqs; /* by seq: how often it came */
    size_t n;
};

static int note_fact(void *ctx, const struct store_fact *f)
{
    struct seen *s = ctx;
    s->seqs[f->seq]++;
    s->n++;
    return 0;
}

static void a_filter_selects_what_where_match_does(void **state)
{
    struct arena a;
    struct seen seen = {.seqs = calloc(2 * MODEL_MAX, 1)};
    struct store_view *v = fixture_view(&m.fx);
    size_t hits = 0;
    (void)state;
    arena_init(&a, 0);
    for (size_t round = 0; round < test_rounds(2000, 20000); round++) {
        struct span text;
        struct where *w = random_filter(&a, &text);
        memset(seen.seqs, 0, 2 * MODEL_MAX);
        assert_ok(store_facts(v, w, FIXTURE_NOW, NO_TIME, INT64_MAX, NULL, note_fact, &seen));
        for (size_t i = 0; i < m.n_rows; i++) {
            int want = matches(w, &m.rows[i]);
            hits += (size_t)want;
            if (seen.seqs[m.rows[i].seq] != want)
                fail_msg("%.*s: seq %llu came %d times, not %d", SPAN_FMT(text),
                         (unsigned long long)m.rows[i].seq, seen.seqs[m.rows[i].seq], want);
        }
        arena_reset(&a);
    }
    assert_int_equal(seen.n, hits); /* and nothing that is not there */
    assert_true(hits > 100000);
    store_view_end(v);
    arena_done(&a);
    free(seen.seqs);
}

static bool has_value(const struct span *values, size_t n, struct span want)
{
    for (size_t i = 0; i < n; i++)
        if (span_eq(values[i], want))
            return true;
    return false;
}

struct values_check {
    struct store_view *v;
    struct arena a;
    const struct stored **by_seq;
    size_t n;
};

static void check_text(struct values_check *c, const struct store_fact *f, enum where_field field,
                       struct span want)
{
    struct span got[64];
    size_t n = store_fact_values(c->v, f, field, SPAN_NONE, &c->a, got, ARRAY_LEN(got));
    assert_int_equal(n, want.n ? 1 : 0);
    if (n)
        assert_true(span_eq(got[0], want));
}

static int check_values(void *ctx, const struct store_fact *f)
{
    struct values_check *c = ctx;
    const struct stored *s = c->by_seq[f->seq];
    struct span got[64];
    double number;
    assert_non_null(s);
    arena_reset(&c->a);
    c->n++;
    assert_int_equal(f->created_at, s->feedback.created_at);
    assert_int_equal(f->sentiment, s->analysis.sentiment);
    assert_true(f->polarity == s->analysis.polarity);
    assert_true(f->rating.has == s->feedback.rating.has &&
                f->rating.value == s->feedback.rating.value &&
                f->rating.scale == s->feedback.rating.scale);
    assert_int_equal(f->surveyed, s->feedback.surveyed);
    assert_int_equal(f->backfill, s->feedback.backfill);
    check_text(c, f, WF_SOURCE, s->feedback.source);
    check_text(c, f, WF_AGENT, s->feedback.agent);
    check_text(c, f, WF_CUSTOMER, s->feedback.customer.id);
    check_text(c, f, WF_CONVERSATION, s->feedback.conversation);
    check_text(c, f, WF_TYPE, s->analysis.type);
    check_text(c, f, WF_STAGE, span_str(vocab_code(VOCAB_STAGE, (int)s->feedback.stage)));
    size_t n = store_fact_values(c->v, f, WF_CATEGORY, SPAN_NONE, &c->a, got, ARRAY_LEN(got));
    for (size_t i = 0; i < s->analysis.n_categories; i++)
        assert_true(has_value(got, n, s->analysis.categories[i].code));
    n = store_fact_values(c->v, f, WF_SEGMENT, SPAN_NONE, &c->a, got, ARRAY_LEN(got));
    assert_int_equal(n, s->n_segments);
    n = store_fact_values(c->v, f, WF_CSAT, SPAN_NONE, &c->a, got, ARRAY_LEN(got));
    assert_int_equal(n, s->feedback.csat.has);
    if (n) {
        assert_ok(span_to_f64(got[0], &number));
        assert_true(number == s->feedback.csat.value);
    }
    for (size_t i = 0; i < s->feedback.n_attributes; i++) {
        n = store_fact_values(c->v, f, WF_ATTRIBUTE, s->feedback.attributes[i].key, &c->a, got,
                              ARRAY_LEN(got));
        assert_int_equal(n, 1);
        assert_true(span_eq(got[0], s->feedback.attributes[i].value));
    }
    return 0;
}

static void a_fact_says_what_its_record_says(void **state)
{
    struct values_check c = {.v = fixture_view(&m.fx)};
    (void)state;
    arena_init(&c.a, 0);
    c.by_seq = calloc(2 * MODEL_MAX, sizeof(*c.by_seq));
    for (size_t i = 0; i < m.n_rows; i++)
        c.by_seq[m.rows[i].seq] = &m.rows[i];
    assert_ok(store_facts(c.v, NULL, FIXTURE_NOW, NO_TIME, INT64_MAX, NULL, check_values, &c));
    assert_int_equal(c.n, m.n_rows);
    free(c.by_seq);
    arena_done(&c.a);
    store_view_end(c.v);
}

/* --- lists --- */

static int newest_first(const void *a, const void *b)
{
    const struct stored *x = *(const struct stored *const *)a,
                        *y = *(const struct stored *const *)b;
    if (x->feedback.created_at != y->feedback.created_at)
        return x->feedback.created_at < y->feedback.created_at ? 1 : -1;
    return x->seq < y->seq ? 1 : -1;
}

struct expected {
    const struct stored **rows;
    size_t n, at;
};

static int check_listed(void *ctx, const struct stored *s)
{
    struct expected *e = ctx;
    assert_true(e->at < e->n);
    assert_int_equal(s->seq, e->rows[e->at]->seq);
    assert_memory_equal(&s->id, &e->rows[e->at]->id, sizeof(s->id));
    e->at++;
    return 0;
}

static void list_all_pages(struct store_view *v, struct store_list_query *q, struct expected *e)
{
    struct arena a;
    bool more = true;
    arena_init(&a, 0);
    q->after = (struct store_cursor){INT64_MAX, UINT64_MAX};
    while (more) {
        size_t before = e->at;
        struct store_cursor next;
        arena_reset(&a);
        assert_ok(store_list(v, q, &a, check_listed, e, &next, &more));
        assert_true(e->at - before <= q->limit);
        if (!q->q.n)
            assert_int_equal(more, e->at < e->n);
        q->after = next;
    }
    assert_int_equal(e->at, e->n);
    arena_done(&a);
}

static void pages_are_the_newest_in_order(void **state)
{
    struct arena a;
    struct store_view *v = fixture_view(&m.fx);
    struct expected e = {.rows = calloc(MODEL_MAX, sizeof(*e.rows))};
    (void)state;
    arena_init(&a, 0);
    for (size_t round = 0; round < test_rounds(60, 600); round++) {
        struct span text;
        struct where *w = round ? random_filter(&a, &text) : NULL;
        struct store_list_query q = {.where = w,
                                     .now = FIXTURE_NOW,
                                     .from = NO_TIME,
                                     .to = INT64_MAX,
                                     .limit = 1 + test_below(1000)};
        if (test_below(2))
            q.from = FIXTURE_NOW - (int64_t)test_below(400 * (uint64_t)MS_DAY);
        if (test_below(3) == 0)
            q.to = FIXTURE_NOW - (int64_t)test_below(400 * (uint64_t)MS_DAY);
        if (test_below(4) == 0)
            q.q = SPAN_LIT(" WASHER leak ");
        e.n = e.at = 0;
        for (size_t i = 0; i < m.n_rows; i++) {
            const struct stored *s = &m.rows[i];
            if (s->feedback.created_at >= q.from && s->feedback.created_at < q.to &&
                (!w || matches(w, s)) &&
                (!q.q.n || span_find(s->feedback.text, SPAN_LIT("washer")) != SIZE_MAX))
                e.rows[e.n++] = s;
        }
        qsort(e.rows, e.n, sizeof(*e.rows), newest_first);
        list_all_pages(v, &q, &e);
        arena_reset(&a);
    }
    free(e.rows);
    arena_done(&a);
    store_view_end(v);
}

static int note_seq(void *ctx, const struct stored *s)
{
    uint64_t *at = ctx;
    *at = *at * 100000 + s->seq;
    return 0;
}

/* A block whose newest row is as old as the oldest wanted may still have one of a higher number. */
static void equal_times_are_ordered_by_number(void **state)
{
    struct fixture fx;
    struct store_put put;
    struct store_cursor next;
    uint64_t seqs = 0;
    bool more;
    (void)state;
    fixture_init(&fx);
    struct store_txn *t = fixture_begin(&fx);
    for (uint64_t seq = 1; seq < 2 * 4096; seq++) {
        struct feedback f = {.source = SPAN_LIT("s"), .updated_at = NO_TIME};
        f.external_id = arena_printf(&fx.a, "%llu", (unsigned long long)seq);
        f.created_at = seq == 1 ? 1000 : seq == 2 || seq == 3 || seq == 5000 ? 500 : 0;
        assert_ok(store_put_feedback(t, &f, NULL, &fx.a, &put));
        assert_int_equal(put.seq, seq);
    }
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(&fx);
    struct store_list_query q = {
        .from = NO_TIME, .to = INT64_MAX, .limit = 2, .after = {INT64_MAX, UINT64_MAX}};
    assert_ok(store_list(v, &q, &fx.a, note_seq, &seqs, &next, &more));
    assert_int_equal(seqs, 1 * 100000 + 5000);
    assert_true(more);
    q.after = next;
    seqs = 0;
    assert_ok(store_list(v, &q, &fx.a, note_seq, &seqs, &next, &more));
    assert_int_equal(seqs, 3 * 100000 + 2);
    store_view_end(v);
    fixture_done(&fx);
}

static int64_t ticking(void *ctx)
{
    return ++*(int64_t *)ctx;
}

/* However small the budget, pages go on without loss or end in -VOC_E_BUDGET. */
static void a_budget_cuts_pages_but_loses_nothing(void **state)
{
    struct arena a;
    struct store_view *v = fixture_view(&m.fx);
    struct expected e = {.rows = calloc(MODEL_MAX, sizeof(*e.rows))};
    int64_t now = 0;
    struct clock clock = {ticking, ticking, &now};
    size_t cut = 0, refused = 0;
    (void)state;
    arena_init(&a, 0);
    for (size_t i = 0; i < m.n_rows; i++)
        e.rows[e.n++] = &m.rows[i];
    qsort(e.rows, e.n, sizeof(*e.rows), newest_first);
    for (int64_t ticks = 1; ticks < 8; ticks++) {
        struct store_list_query q = {.now = FIXTURE_NOW,
                                     .from = NO_TIME,
                                     .to = INT64_MAX,
                                     .limit = 700,
                                     .budget = {.clock = &clock}};
        bool more = true;
        q.after = (struct store_cursor){INT64_MAX, UINT64_MAX};
        e.at = 0;
        while (more) {
            struct store_cursor next;
            arena_reset(&a);
            q.budget.deadline = now + ticks;
            size_t before = e.at;
            int r = store_list(v, &q, &a, check_listed, &e, &next, &more);
            if (r == -VOC_E_BUDGET) {
                refused++;
                break;
            }
            assert_ok(r);
            cut += more && e.at - before < q.limit;
            q.after = next;
        }
        assert_true(!more ? e.at == e.n : true);
    }
    assert_true(refused > 0); /* one tick is not enough for a step */
    print_message("cut %zu times, refused %zu times\n", cut, refused);
    free(e.rows);
    arena_done(&a);
    store_view_end(v);
}

/* --- trends --- */

#define BUCKETS 7

struct tally {
    struct span key;
    struct store_sums total, points[BUCKETS];
};

struct plain { /* a trend made by looking at every record */
    struct tally all, series[512];
    size_t n;
};

static void add_moment(struct store_moments *mo, double v)
{
    mo->n++;
    mo->sum += v;
    mo->sum2 += v * v;
}

static void add_record(struct store_sums *s, const struct stored *r)
{
    const struct feedback *f = &r->feedback;
    s->rows++;
    s->negative += r->analysis.sentiment == SENTIMENT_NEGATIVE;
    s->neutral += r->analysis.sentiment == SENTIMENT_NEUTRAL;
    s->positive += r->analysis.sentiment == SENTIMENT_POSITIVE;
    if (r->analysis.sentiment != SENTIMENT_NONE)
        add_moment(&s->polarity, r->analysis.polarity);
    s->csat_n += f->csat.has;
    s->csat_top += f->csat.has && f->csat.value >= 4;
    s->nps_n += f->nps.has;
    s->promoters += f->nps.has && f->nps.value >= 9;
    s->detractors += f->nps.has && f->nps.value <= 6;
    if (f->ces.has)
        add_moment(&s->ces, f->ces.value);
    if (f->rating.has)
        add_moment(&s->rating, f->rating.value / f->rating.scale);
    s->surveyed += f->surveyed;
    s->answered += f->surveyed; /* every record of the fixture has a text */
}

static struct tally *tally_of(struct plain *p, struct span key)
{
    for (size_t i = 0; i < p->n; i++)
        if (span_eq(p->series[i].key, key))
            return &p->series[i];
    assert_true(p->n < ARRAY_LEN(p->series));
    p->series[p->n].key = key;
    return &p->series[p->n++];
}

static void add_key(struct span *out, size_t *n, struct span key)
{
    if (!key.p)
        key = SPAN_LIT("");
    if (!has_value(out, *n, key))
        out[(*n)++] = key;
}

static size_t record_keys(const struct stored *r, int by, struct span key, struct arena *a,
                          struct span *out)
{
    const struct feedback *f = &r->feedback;
    size_t n = 0;
    switch (by) {
    case WF_CHANNEL:
        add_key(out, &n, f->channel);
        break;
    case WF_KIND:
        add_key(out, &n, span_str(vocab_code(VOCAB_KIND, (int)f->kind)));
        break;
    case WF_CUSTOMER:
        add_key(out, &n, f->customer.id);
        break;
    case WF_CONVERSATION:
        add_key(out, &n, f->conversation);
        break;
    case WF_SURVEYED:
        add_key(out, &n, f->surveyed ? SPAN_LIT("true") : SPAN_LIT("false"));
        break;
    case WF_RATING:
        if (f->rating.has)
            add_key(out, &n, arena_printf(a, "%.10g", f->rating.value / f->rating.scale));
        break;
    case WF_SEGMENT:
        for (size_t i = 0; i < r->n_segments; i++)
            add_key(out, &n, r->segments[i]);
        break;
    case WF_CATEGORY:
        for (size_t i = 0; i < r->analysis.n_categories; i++) {
            struct span code = r->analysis.categories[i].code;
            for (size_t j = 1; j <= code.n; j++)
                if (j == code.n || code.p[j] == '/')
                    add_key(out, &n, span_of(code.p, j));
        }
        break;
    default:
        for (size_t i = 0; i < f->n_attributes; i++)
            if (span_eq(f->attributes[i].key, key))
                add_key(out, &n, f->attributes[i].value);
    }
    if (n == 0)
        add_key(out, &n, SPAN_NONE);
    return n;
}

/* Distinct ids of the records of a key (absent: all) and bucket (negative: all). */
static uint64_t plain_distinct(const struct where *w, const struct store_trend_query *q,
                               struct span key, int bucket, bool customers, struct arena *a)
{
    struct span *ids = arena_array(a, 4096, sizeof(*ids)), keys_of[64];
    size_t n = 0;
    for (size_t i = 0; i < m.n_rows; i++) {
        const struct stored *s = &m.rows[i];
        struct span id = customers ? s->feedback.customer.id : s->feedback.conversation;
        int64_t from = bucket < 0 ? q->bounds[0] : q->bounds[bucket];
        int64_t to = bucket < 0 ? q->bounds[BUCKETS] : q->bounds[bucket + 1];
        if (!id.n || s->feedback.created_at < from || s->feedback.created_at >= to)
            continue;
        if ((w && !matches(w, s)) || has_value(ids, n, id))
            continue;
        if (!key.p || has_value(keys_of, record_keys(s, q->by, q->by_key, a, keys_of), key))
            ids[n++] = id;
    }
    return n;
}

static void make_plain(const struct where *w, const struct store_trend_query *q, struct arena *a,
                       struct plain *p)
{
    struct span keys_of[64];
    *p = (struct plain){0};
    for (size_t i = 0; i < m.n_rows; i++) {
        const struct stored *s = &m.rows[i];
        int64_t at = s->feedback.created_at;
        size_t bucket = 0;
        if (at < q->bounds[0] || at >= q->bounds[BUCKETS] || (w && !matches(w, s)))
            continue;
        while (at >= q->bounds[bucket + 1])
            bucket++;
        add_record(&p->all.total, s);
        add_record(&p->all.points[bucket], s);
        size_t n = q->by < 0 ? 0 : record_keys(s, q->by, q->by_key, a, keys_of);
        for (size_t k = 0; k < n; k++) {
            struct tally *t = tally_of(p, keys_of[k]);
            add_record(&t->total, s);
            add_record(&t->points[bucket], s);
        }
    }
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(a));
}

static void same_moments(const struct store_moments *a, const struct store_moments *b)
{
    assert_int_equal(a->n, b->n);
    assert_true(near(a->sum, b->sum));
    assert_true(near(a->sum2, b->sum2));
}

static void same_sums(const struct store_sums *a, const struct store_sums *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->negative, b->negative);
    assert_int_equal(a->neutral, b->neutral);
    assert_int_equal(a->positive, b->positive);
    same_moments(&a->polarity, &b->polarity);
    assert_int_equal(a->csat_n, b->csat_n);
    assert_int_equal(a->csat_top, b->csat_top);
    assert_int_equal(a->nps_n, b->nps_n);
    assert_int_equal(a->promoters, b->promoters);
    assert_int_equal(a->detractors, b->detractors);
    same_moments(&a->ces, &b->ces);
    same_moments(&a->rating, &b->rating);
    assert_int_equal(a->surveyed, b->surveyed);
    assert_int_equal(a->answered, b->answered);
}

static void same_series(const struct store_series *s, const struct tally *t)
{
    same_sums(&s->total, &t->total);
    for (size_t b = 0; b < BUCKETS; b++)
        same_sums(&s->points[b], &t->points[b]);
}

static void check_distinct(const struct store_trend *got, const struct store_trend_query *q,
                           struct arena *a)
{
    int bucket = (int)test_below(BUCKETS);
    for (int customers = 0; customers < 2; customers++) {
        uint64_t all = plain_distinct(q->where, q, SPAN_NONE, -1, customers, a);
        uint64_t one = plain_distinct(q->where, q, SPAN_NONE, bucket, customers, a);
        assert_int_equal(customers ? got->total.customers : got->total.conversations, all);
        assert_int_equal(customers ? got->all[bucket].customers : got->all[bucket].conversations,
                         one);
        if (q->by < 0 || !got->n_series)
            continue;
        const struct store_series *s = &got->series[test_below(got->n_series)];
        all = plain_distinct(q->where, q, s->key, -1, customers, a);
        one = plain_distinct(q->where, q, s->key, bucket, customers, a);
        assert_int_equal(customers ? s->total.customers : s->total.conversations, all);
        assert_int_equal(customers ? s->points[bucket].customers : s->points[bucket].conversations,
                         one);
    }
}

static void check_trend(struct store_view *v, struct store_trend_query *q, struct arena *a,
                        struct plain *p)
{
    struct store_trend got;
    assert_ok(store_trend(v, q, a, &got));
    make_plain(q->where, q, a, p);
    same_sums(&got.total, &p->all.total);
    for (size_t b = 0; b < BUCKETS; b++)
        same_sums(&got.all[b], &p->all.points[b]);
    if (q->by < 0) {
        assert_int_equal(got.n_series, 1);
        assert_true(span_is(got.series[0].key, "all"));
        same_sums(&got.series[0].total, &p->all.total);
    } else {
        assert_int_equal(got.n_series, p->n < q->max_keys ? p->n : q->max_keys);
        assert_int_equal(got.dropped_keys, p->n - got.n_series);
        for (size_t i = 0; i < got.n_series; i++) {
            same_series(&got.series[i], tally_of(p, got.series[i].key));
            if (i)
                assert_true(got.series[i - 1].total.rows >= got.series[i].total.rows);
        }
        for (size_t i = 0; i < p->n && got.n_series; i++) /* nothing larger was dropped */
            if (got.dropped_keys && p->series[i].total.rows > got.series[0].total.rows)
                fail_msg("a larger key was dropped");
    }
    if (q->want & STORE_CUSTOMERS)
        check_distinct(&got, q, a);
}

static void trends_are_the_sums_of_records(void **state)
{
    static const int by[] = {-1,          WF_CHANNEL, WF_KIND,    WF_CUSTOMER, WF_CONVERSATION,
                             WF_SURVEYED, WF_RATING,  WF_SEGMENT, WF_CATEGORY, WF_ATTRIBUTE};
    struct arena a;
    struct plain *p = calloc(1, sizeof(*p));
    struct store_view *v = fixture_view(&m.fx);
    (void)state;
    arena_init(&a, (size_t)1 << 30);
    for (size_t round = 0; round < test_rounds(60, 600); round++) {
        int64_t bounds[BUCKETS + 1];
        struct span text;
        struct store_trend_query q = {.now = FIXTURE_NOW,
                                      .by = by[round % ARRAY_LEN(by)],
                                      .by_key = PICK(key_names),
                                      .bounds = bounds,
                                      .n_buckets = BUCKETS,
                                      .want = STORE_SENTIMENT | STORE_CSAT | STORE_NPS | STORE_CES |
                                              STORE_RATING | STORE_RESPONSE,
                                      .max_keys = test_below(2) ? 1000 : 1 + test_below(5)};
        if (test_below(3) == 0)
            q.want |= STORE_CUSTOMERS | STORE_CONVERSATIONS;
        if (test_below(2))
            q.where = random_filter(&a, &text);
        for (size_t i = 0; i <= BUCKETS; i++)
            bounds[i] = FIXTURE_NOW - 390 * MS_DAY + (int64_t)i * 50 * MS_DAY +
                        (int64_t)test_below((uint64_t)MS_DAY);
        check_trend(v, &q, &a, p);
        arena_reset(&a);
    }
    free(p);
    arena_done(&a);
    store_view_end(v);
}

static void impossible_trends_are_refused(void **state)
{
    const int64_t bounds[] = {0, 10, 10}, fine[] = {0, 10};
    struct store_trend_query q = {.by = -1, .bounds = bounds, .n_buckets = 2, .max_keys = 10};
    struct store_view *v = fixture_view(&m.fx);
    struct store_trend got;
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(store_trend(v, &q, &a, &got), -EINVAL);
    q.bounds = fine;
    q.n_buckets = 0;
    assert_int_equal(store_trend(v, &q, &a, &got), -EINVAL);
    q.n_buckets = 1;
    q.by = WF_POLARITY;
    assert_int_equal(store_trend(v, &q, &a, &got), -EINVAL);
    q.by = WF_CREATED_AT;
    assert_int_equal(store_trend(v, &q, &a, &got), -EINVAL);
    q.by = -1;
    assert_ok(store_trend(v, &q, &a, &got));
    const int64_t wide[] = {0, INT64_MAX};
    q.bounds = wide;
    q.budget.max_rows = 1;
    assert_int_equal(store_trend(v, &q, &a, &got), -VOC_E_BUDGET);
    arena_done(&a);
    store_view_end(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fact_says_what_its_record_says),
        cmocka_unit_test(a_filter_selects_what_where_match_does),
        cmocka_unit_test(pages_are_the_newest_in_order),
        cmocka_unit_test(equal_times_are_ordered_by_number),
        cmocka_unit_test(a_budget_cuts_pages_but_loses_nothing),
        cmocka_unit_test(trends_are_the_sums_of_records),
        cmocka_unit_test(impossible_trends_are_refused),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
