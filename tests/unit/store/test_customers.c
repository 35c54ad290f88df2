/* Customers: history, contact, activities; segments against a plain reading of their definition. */
#include <stdlib.h>

#include "base/time.h"
#include "tests/unit/store/fixture.h"

static int setup(void **state)
{
    static struct fixture fx;
    fixture_init(&fx);
    *state = &fx;
    return 0;
}

static int teardown(void **state)
{
    fixture_done(*state);
    return 0;
}

static struct store_customer_put put_change(struct fixture *fx, const struct customer_change *ch)
{
    struct store_customer_put put;
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_put_customer(t, ch, &put));
    assert_ok(store_commit(t));
    return put;
}

static struct store_customer get(struct fixture *fx, const char *id, int64_t now)
{
    struct store_customer c;
    struct store_view *v = fixture_view(fx);
    assert_ok(store_customer_get(v, span_str(id), now, &fx->a, &c));
    store_view_end(v);
    return c;
}

static void put_segment(struct fixture *fx, const char *code, const char *where, bool backfill,
                        int64_t now)
{
    struct store_segment seg = {.code = span_str(code), .where = span_str(where)};
    struct where_error err = {0};
    struct store_txn *t;
    uint64_t cursor = 0;
    assert_ok(store_begin(fx->store, now, &t));
    int r = store_put_segment(t, &seg, backfill, &err);
    if (r < 0)
        fail_msg("%s: %s", where, err.message);
    while (cursor != UINT64_MAX)
        assert_ok(store_restamp_step(t, 3, &cursor));
    assert_ok(store_commit(t));
}

static struct pair attribute(const char *key, const char *value)
{
    return (struct pair){span_str(key), span_str(value)};
}

static void a_change_that_says_nothing_new_is_a_duplicate(void **state)
{
    struct fixture *fx = *state;
    struct pair p = attribute("grade", "vip");
    struct customer_change ch = {.id = SPAN_LIT("c-1"),
                                 .effective_at = 1000,
                                 .attributes = &p,
                                 .n_attributes = 1,
                                 .name = SPAN_LIT("홍길동")};
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_ACCEPTED);
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
    ch.effective_at = NO_TIME; /* true now */
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
    p.value = SPAN_NONE;
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_UPDATED);
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
    p = attribute("never", NULL); /* was there, so it need not go */
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
    struct store_customer c = get(fx, "c-1", FIXTURE_NOW);
    assert_int_equal(c.n_changes, 2);
    assert_int_equal(c.n_attributes, 0);
    assert_true(span_is(c.name, "홍길동"));
    assert_null(c.changes[1].attributes[0].value.p);
    assert_int_equal(get(fx, "c-1", 1500).n_attributes, 1);
    ch.name = SPAN_LIT(""); /* empty removes */
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_UPDATED);
    assert_null(get(fx, "c-1", FIXTURE_NOW).name.p);
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
}

/* What is said of a time holds at that time, whatever is learned later of the time before. */
static void a_statement_about_the_past_is_kept(void **state)
{
    struct fixture *fx = *state;
    struct pair p = attribute("grade", "vip");
    struct customer_change ch = {
        .id = SPAN_LIT("c-1"), .effective_at = 1000, .attributes = &p, .n_attributes = 1};
    put_change(fx, &ch);
    ch.effective_at = 3000;
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_UPDATED);
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
    ch.effective_at = 2000;
    p = attribute("grade", "basic");
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_UPDATED);
    assert_true(span_is(get(fx, "c-1", 2500).attributes[0].value, "basic"));
    assert_true(span_is(get(fx, "c-1", 3500).attributes[0].value, "vip"));
}

static void a_customer_known_from_records_is_accepted_once(void **state)
{
    struct fixture *fx = *state;
    struct store_put put;
    struct feedback f = {.source = SPAN_LIT("s"),
                         .external_id = SPAN_LIT("1"),
                         .created_at = 5000,
                         .updated_at = NO_TIME,
                         .customer = {.id = SPAN_LIT("c-1"), .email = SPAN_LIT("a@b.c")}};
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_put_feedback(t, &f, NULL, &fx->a, &put));
    f.external_id = SPAN_LIT("2");
    f.created_at = 9000;
    assert_ok(store_put_feedback(t, &f, NULL, &fx->a, &put));
    assert_ok(store_commit(t));
    struct customer_change ch = {.id = SPAN_LIT("c-1"), .effective_at = NO_TIME};
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_ACCEPTED);
    assert_int_equal(put_change(fx, &ch).outcome, OUTCOME_DUPLICATE);
    struct store_customer c = get(fx, "c-1", FIXTURE_NOW);
    assert_int_equal(c.feedback_count, 2);
    assert_int_equal(c.first_seen, 5000);
    assert_int_equal(c.last_feedback, 9000);
    assert_true(span_is(c.email, "a@b.c"));
}

static size_t lookup(struct fixture *fx, enum store_lookup by, const char *value, struct span *ids)
{
    struct store_view *v = fixture_view(fx);
    size_t n = 99;
    assert_ok(store_customer_lookup(v, by, span_str(value), &fx->a, ids, 4, &n));
    store_view_end(v);
    return n;
}

static void customers_are_found_by_their_present_contact(void **state)
{
    struct fixture *fx = *state;
    struct span ids[4];
    struct customer_change one = {.id = SPAN_LIT("c-1"),
                                  .effective_at = 1000,
                                  .email = SPAN_LIT("a@b.co"),
                                  .phone = SPAN_LIT("+821011112222")};
    struct customer_change two = {.id = SPAN_LIT("c-2"),
                                  .effective_at = 1000,
                                  .email = SPAN_LIT("a@b.com"),
                                  .phone = SPAN_LIT("+821011112222")};
    put_change(fx, &one);
    put_change(fx, &two);
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, "a@b.co", ids), 1); /* not its longer neighbour */
    assert_true(span_is(ids[0], "c-1"));
    assert_int_equal(lookup(fx, STORE_BY_PHONE, "+821011112222", ids), 2);
    assert_int_equal(lookup(fx, STORE_BY_PHONE, "a@b.co", ids), 0);
    one.effective_at = 500; /* of the past: the later one still holds */
    one.email = SPAN_LIT("old@b.co");
    assert_int_equal(put_change(fx, &one).outcome, OUTCOME_UPDATED);
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, "a@b.co", ids), 1);
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, "old@b.co", ids), 0);
    one.effective_at = 2000;
    one.email = SPAN_LIT("new@b.co");
    put_change(fx, &one);
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, "a@b.co", ids), 0);
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, "new@b.co", ids), 1);
    char longer[701];
    memset(longer, 'e', 700);
    longer[700] = '\0';
    two.email = span_str(longer);
    two.effective_at = NO_TIME;
    put_change(fx, &two);
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, longer, ids), 1);
    longer[699] = 'f';
    assert_int_equal(lookup(fx, STORE_BY_EMAIL, longer, ids), 0);
}

static void too_much_history_is_refused_alone(void **state)
{
    struct fixture *fx = *state;
    struct store_txn *t = fixture_begin(fx);
    char text[12];
    struct pair p = {SPAN_LIT("n"), SPAN_NONE};
    struct customer_change ch = {.id = SPAN_LIT("c-1"), .attributes = &p, .n_attributes = 1};
    struct store_customer_put put;
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "%d", i);
        p.value = span_str(text);
        ch.effective_at = i;
        assert_ok(store_put_customer(t, &ch, &put));
    }
    p.value = SPAN_LIT("one more");
    ch.effective_at = 1000;
    assert_int_equal(store_put_customer(t, &ch, &put), -E2BIG);
    char *big = calloc(1, 70000);
    p.value = span_of(big, 70000);
    ch.id = SPAN_LIT("c-2");
    assert_int_equal(store_put_customer(t, &ch, &put), -E2BIG);
    assert_ok(store_commit(t));
    free(big);
    struct store_view *v = fixture_view(fx);
    struct store_customer c;
    assert_int_equal(store_customer_get(v, SPAN_LIT("c-2"), 0, &fx->a, &c), -ENOENT);
    store_view_end(v);
    assert_int_equal(get(fx, "c-1", 0).n_changes, 1000);
}

static void bad_rules_are_refused_with_a_column(void **state)
{
    struct fixture *fx = *state;
    struct store_segment seg = {.code = SPAN_LIT("x"), .where = SPAN_LIT("grade = = 1")};
    struct where_error err = {0};
    struct store_txn *t = fixture_begin(fx);
    assert_int_equal(store_put_segment(t, &seg, true, &err), -EINVAL);
    assert_int_equal(err.column, 9);
    seg.where = SPAN_LIT("grade = 1");
    seg.code = SPAN_LIT("");
    assert_int_equal(store_put_segment(t, &seg, true, &err), -EINVAL);
    for (int i = 0; i < 256; i++) {
        char code[16];
        snprintf(code, sizeof(code), "s%d", i);
        seg.code = span_str(code);
        assert_ok(store_put_segment(t, &seg, true, &err));
    }
    seg.code = SPAN_LIT("one-more");
    assert_int_equal(store_put_segment(t, &seg, true, &err), -E2BIG);
    seg.code = SPAN_LIT("s7"); /* an edit is none more */
    assert_ok(store_put_segment(t, &seg, true, &err));
    assert_ok(store_commit(t));
}

/* The worker's parsed rules must not outlive the transaction they were made in. */
static void an_aborted_rule_never_was(void **state)
{
    struct fixture *fx = *state;
    struct store_segment seg = {.code = SPAN_LIT("ghost"), .where = SPAN_LIT("")};
    struct customer_change ch = {.id = SPAN_LIT("c-1"), .effective_at = NO_TIME};
    struct store_customer_put put;
    struct where_error err;
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_put_segment(t, &seg, true, &err));
    assert_ok(store_put_customer(t, &ch, &put));
    store_abort(t);
    put_change(fx, &ch);
    assert_int_equal(get(fx, "c-1", FIXTURE_NOW).n_intervals, 0);
}

static void versions_act_from_when_they_were_made(void **state)
{
    struct fixture *fx = *state;
    struct pair p = attribute("grade", "vip");
    struct customer_change ch = {
        .id = SPAN_LIT("c-1"), .effective_at = 1000, .attributes = &p, .n_attributes = 1};
    const struct store_segment *segs;
    size_t n;
    put_change(fx, &ch);
    put_segment(fx, "vip", "grade = vip", true, 5000);
    put_segment(fx, "vip", "grade = gold", false, 7000);
    put_segment(fx, "late", "grade = vip", false, 6000);
    struct store_customer c = get(fx, "c-1", 9000);
    assert_int_equal(c.n_intervals, 2);
    assert_true(span_is(c.intervals[0].segment, "vip"));
    assert_int_equal(c.intervals[0].from, NO_TIME);
    assert_int_equal(c.intervals[0].to, 7000);
    assert_true(span_is(c.intervals[1].segment, "late"));
    assert_int_equal(c.intervals[1].from, 6000);
    assert_int_equal(c.intervals[1].to, INT64_MAX);
    struct store_view *v = fixture_view(fx);
    assert_ok(store_segments(v, true, 9000, &fx->a, &segs, &n));
    assert_int_equal(n, 2);
    assert_true(span_is(segs[0].code, "late"));
    assert_int_equal(segs[0].members, 1);
    assert_int_equal(segs[1].version, 2);
    assert_int_equal(segs[1].members, 0);
    assert_ok(store_segments(v, true, 6500, &fx->a, &segs, &n));
    assert_int_equal(segs[1].version, 1);
    assert_int_equal(segs[1].members, 1);
    store_view_end(v);
}

/* A rule that compares with now turns by itself, in the past and in the future. */
static void rules_about_now_turn_at_their_instant(void **state)
{
    struct fixture *fx = *state;
    struct pair p = attribute("signup", "1970-01-11T00:00:00Z"); /* day 10 */
    struct customer_change ch = {
        .id = SPAN_LIT("c-1"), .effective_at = 0, .attributes = &p, .n_attributes = 1};
    put_change(fx, &ch);
    put_segment(fx, "new", "signup > now-30d", true, 5000);
    struct store_customer c = get(fx, "c-1", 0);
    assert_int_equal(c.n_intervals, 1);
    assert_int_equal(c.intervals[0].from, NO_TIME);
    assert_int_equal(c.intervals[0].to, 40 * MS_DAY);
}

/* --- at random, against the definition --- */

#define CUSTOMERS 25
#define CHANGES 400
#define RECORDS 600

struct plain_change {
    unsigned customer;
    int64_t at;
    struct pair pairs[4];
    size_t n;
};

struct plain_version {
    size_t rule;
    int64_t from;
    const struct where *where;
};

struct plain_world {
    struct plain_change changes[CHANGES];
    size_t n_changes;
    struct plain_version versions[64];
    size_t n_versions;
};

static const char *const rule_codes[] = {"gold", "old", "seoul", "recent"};
static const char *const rule_texts[] = {"plan = gold",
                                         "age > 30",
                                         "not (city = '서울')",
                                         "since > now-100d",
                                         "plan = gold and not (age > 5)",
                                         "since < now"};

static void set_pair(struct pair *state, size_t *n, struct pair p)
{
    size_t i = 0;
    while (i < *n && !span_eq(state[i].key, p.key))
        i++;
    if (i == *n)
        ++*n;
    state[i] = p;
}

static int by_key(const void *a, const void *b)
{
    return span_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* The fold of all changes up to t by (time, arrival); the first known state extends backwards. */
static size_t plain_state(const struct plain_world *w, unsigned customer, int64_t t,
                          struct pair *state)
{
    int64_t first = INT64_MAX, done = INT64_MIN;
    struct pair all[8];
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < w->n_changes; i++)
        if (w->changes[i].customer == customer && w->changes[i].at < first)
            first = w->changes[i].at;
    if (t < first)
        t = first;
    for (;;) { /* the next time not yet applied */
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < w->n_changes; i++) {
            const struct plain_change *c = &w->changes[i];
            if (c->customer == customer && c->at > done && c->at <= t && c->at < next)
                next = c->at;
        }
        if (next == INT64_MAX)
            break;
        for (size_t i = 0; i < w->n_changes; i++)
            for (size_t j = 0; w->changes[i].customer == customer && w->changes[i].at == next &&
                               j < w->changes[i].n;
                 j++)
                set_pair(all, &n, w->changes[i].pairs[j]);
        done = next;
    }
    for (size_t i = 0; i < n; i++)
        if (all[i].value.p)
            state[kept++] = all[i];
    qsort(state, kept, sizeof(*state), by_key);
    return kept;
}

static bool plain_member(const struct plain_world *w, size_t rule, unsigned customer, int64_t t)
{
    const struct plain_version *v = NULL;
    struct pair state[8];
    char id[24];
    for (size_t i = 0; i < w->n_versions; i++)
        if (w->versions[i].rule == rule && w->versions[i].from <= t)
            v = &w->versions[i];
    if (!v)
        return false;
    size_t n = plain_state(w, customer, t, state);
    snprintf(id, sizeof(id), "c-%u", customer);
    return where_match_customer(v->where, span_str(id), state, n, t);
}

static int64_t random_time(void)
{
    return FIXTURE_NOW - (int64_t)test_below(300) * MS_DAY; /* few enough that some are equal */
}

static void random_change(struct fixture *fx, struct plain_world *w)
{
    struct plain_change *c = &w->changes[w->n_changes++];
    struct customer_change ch = {0};
    c->customer = (unsigned)test_below(CUSTOMERS);
    c->at = random_time();
    c->n = 0;
    for (size_t i = 0; i < ARRAY_LEN(key_names); i++) {
        if (test_below(3))
            continue;
        struct pair p = {span_str(key_names[i]), PICK(value_texts)};
        if (p.key.n == 5 && test_below(2)) { /* since */
            char text[TIME_RFC3339_MAX];
            size_t n = time_format_rfc3339(random_time(), 0, text);
            p.value = arena_dup(&fx->a, span_of(text, n));
        }
        if (test_below(6) == 0)
            p.value = SPAN_NONE;
        c->pairs[c->n++] = p;
    }
    ch.id = arena_printf(&fx->a, "c-%u", c->customer);
    ch.effective_at = c->at;
    ch.attributes = c->pairs;
    ch.n_attributes = c->n;
    put_change(fx, &ch);
}

static void random_rule(struct fixture *fx, struct plain_world *w, size_t n)
{
    size_t rule = test_below(ARRAY_LEN(rule_codes));
    const char *text = rule_texts[test_below(ARRAY_LEN(rule_texts))];
    bool backfill = test_below(2);
    int64_t now = FIXTURE_NOW - 100 * MS_DAY + (int64_t)n * MS_DAY;
    struct where_error err;
    struct where *where;
    put_segment(fx, rule_codes[rule], text, backfill, now);
    assert_ok(where_parse(span_str(text), WHERE_CUSTOMER, &fx->a, &where, &err));
    if (backfill) {
        size_t kept = 0;
        for (size_t i = 0; i < w->n_versions; i++)
            if (w->versions[i].rule != rule)
                w->versions[kept++] = w->versions[i];
        w->n_versions = kept;
    }
    w->versions[w->n_versions++] = (struct plain_version){rule, backfill ? NO_TIME : now, where};
}

/* New, or replacing an earlier one: another time, another customer. */
static void random_record(struct fixture *fx, uint64_t n)
{
    struct store_put put;
    struct feedback f = {.source = SPAN_LIT("s"),
                         .updated_at = NO_TIME,
                         .created_at = random_time() - (int64_t)test_below(3) * MS_HOUR};
    f.external_id = arena_printf(&fx->a, "%llu", (unsigned long long)n);
    f.customer.id = arena_printf(&fx->a, "c-%llu", (unsigned long long)test_below(CUSTOMERS));
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_put_feedback(t, &f, NULL, &fx->a, &put));
    assert_ok(store_commit(t));
}

struct stamped_check {
    const struct plain_world *w;
    size_t n, stamped;
};

static int check_stamped(void *ctx, const struct stored *s)
{
    struct stamped_check *c = ctx;
    int64_t number;
    span_to_i64(span_of(s->feedback.customer.id.p + 2, s->feedback.customer.id.n - 2), &number);
    size_t at = 0;
    for (size_t rule = 0; rule < ARRAY_LEN(rule_codes); rule++) {
        bool want = plain_member(c->w, rule, (unsigned)number, s->feedback.created_at), got = false;
        for (size_t i = 0; i < s->n_segments; i++)
            got |= span_is(s->segments[i], rule_codes[rule]);
        if (got != want)
            fail_msg("%.*s of %.*s: %s %d, not %d", SPAN_FMT(s->feedback.external_id),
                     SPAN_FMT(s->feedback.customer.id), rule_codes[rule], got, want);
        at += want;
    }
    assert_int_equal(s->n_segments, at);
    c->stamped += at;
    c->n++;
    return 0;
}

static void check_intervals(struct fixture *fx, const struct plain_world *w)
{
    struct store_view *v = fixture_view(fx);
    for (unsigned customer = 0; customer < CUSTOMERS; customer++) {
        struct span id = arena_printf(&fx->a, "c-%u", customer);
        struct store_customer c;
        int r = store_customer_get(v, id, FIXTURE_NOW, &fx->a, &c);
        if (r == -ENOENT)
            continue;
        assert_ok(r);
        for (int i = 0; i < 20; i++) {
            int64_t t = random_time() + (int64_t)test_below(3) - 1;
            for (size_t rule = 0; rule < ARRAY_LEN(rule_codes); rule++) {
                bool got = false;
                for (size_t k = 0; k < c.n_intervals; k++)
                    got |= span_is(c.intervals[k].segment, rule_codes[rule]) &&
                           c.intervals[k].from <= t && t < c.intervals[k].to;
                assert_int_equal(got, plain_member(w, rule, customer, t));
            }
        }
    }
    store_view_end(v);
}

static void membership_is_what_both_histories_say(void **state)
{
    struct fixture *fx = *state;
    struct plain_world *w = calloc(1, sizeof(*w));
    struct stamped_check c = {.w = w};
    for (size_t n = 0; n < RECORDS; n++) {
        random_record(fx, n);
        if (n % 3 == 0)
            random_record(fx, test_below(n + 1));
        if (n % 2 == 0 && w->n_changes < CHANGES)
            random_change(fx, w);
        if (n % 40 == 0)
            random_rule(fx, w, n / 40);
    }
    struct store_view *v = fixture_view(fx);
    for (unsigned customer = 0; customer < CUSTOMERS; customer++) {
        struct span id = arena_printf(&fx->a, "c-%u", customer);
        int r = store_customer_feedback(v, id, NO_TIME, RECORDS, &fx->a, check_stamped, &c);
        assert_true(r == 0 || r == -ENOENT);
    }
    store_view_end(v);
    assert_int_equal(c.n, RECORDS);
    assert_true(c.stamped > RECORDS / 10);
    check_intervals(fx, w);
    free(w);
}

/* --- orders of a customer's records and activities --- */

struct order {
    int64_t last;
    size_t n;
};

static int descending(void *ctx, const struct stored *s)
{
    struct order *o = ctx;
    assert_true(s->feedback.created_at <= o->last);
    o->last = s->feedback.created_at;
    o->n++;
    return o->n == 3 ? 7 : 0;
}

static void a_customers_records_come_newest_first(void **state)
{
    struct fixture *fx = *state;
    struct order o = {INT64_MAX, 0};
    for (uint64_t n = 0; n < 500; n++) /* c-1 gets some twenty */
        random_record(fx, n);
    struct store_view *v = fixture_view(fx);
    assert_int_equal(
        store_customer_feedback(v, SPAN_LIT("c-1"), NO_TIME, 100, &fx->a, descending, &o), 7);
    int64_t before = o.last;
    o = (struct order){before - 1, 0}; /* strictly below */
    int r = store_customer_feedback(v, SPAN_LIT("c-1"), before, 2, &fx->a, descending, &o);
    assert_ok(r);
    assert_true(o.n <= 2);
    store_view_end(v);
}

static int note_activity(void *ctx, const struct activity *act)
{
    return buf_printf(ctx, "%.*s@%lld=%g/%zu ", SPAN_FMT(act->type), (long long)act->at,
                      act->amount.has ? act->amount.value : -1.0, act->n_attributes);
}

static void activities_replace_by_identity(void **state)
{
    struct fixture *fx = *state;
    struct pair p = attribute("k", "v");
    struct activity act = {.source = SPAN_LIT("shop"),
                           .external_id = SPAN_LIT("1"),
                           .customer = SPAN_LIT("c-1"),
                           .type = SPAN_LIT("order"),
                           .at = 100,
                           .amount = {12.5, 0, true},
                           .attributes = &p,
                           .n_attributes = 1};
    enum outcome outcome;
    struct buf b;
    buf_init(&b, 0);
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_put_activity(t, &act, &outcome));
    assert_int_equal(outcome, OUTCOME_ACCEPTED);
    assert_ok(store_put_activity(t, &act, &outcome));
    assert_int_equal(outcome, OUTCOME_DUPLICATE);
    act.external_id = SPAN_LIT("2");
    act.at = 300;
    assert_ok(store_put_activity(t, &act, &outcome));
    assert_int_equal(outcome, OUTCOME_ACCEPTED);
    act.external_id = SPAN_LIT("1");
    act.type = SPAN_LIT("cancel");
    act.at = 500;
    assert_ok(store_put_activity(t, &act, &outcome));
    assert_int_equal(outcome, OUTCOME_UPDATED);
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    assert_ok(
        store_customer_activities(v, SPAN_LIT("c-1"), NO_TIME, 10, &fx->a, note_activity, &b));
    assert_ok(store_customer_activities(v, SPAN_LIT("c-1"), 500, 10, &fx->a, note_activity, &b));
    assert_string_equal(b.p, "cancel@500=12.5/1 order@300=12.5/1 order@300=12.5/1 ");
    assert_int_equal(get(fx, "c-1", 0).n_changes, 0); /* the customer is there */
    store_view_end(v);
    buf_done(&b);
}

static int note_id(void *ctx, struct span id)
{
    return buf_printf(ctx, "%.*s ", SPAN_FMT(id));
}

static void customers_are_walked_by_id(void **state)
{
    struct fixture *fx = *state;
    static const char *const ids[] = {"b", "a", "c", "ab"};
    struct buf b;
    buf_init(&b, 0);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct customer_change ch = {
            .id = span_str(ids[i]), .effective_at = NO_TIME, .email = SPAN_LIT("x@y.z")};
        put_change(fx, &ch);
    }
    struct store_view *v = fixture_view(fx);
    assert_ok(store_customers_each(v, SPAN_NONE, note_id, &b));
    assert_ok(store_customers_each(v, SPAN_LIT("ab"), note_id, &b));
    assert_string_equal(b.p, "a ab b c b c ");
    store_view_end(v);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_that_says_nothing_new_is_a_duplicate, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_statement_about_the_past_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_customer_known_from_records_is_accepted_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(customers_are_found_by_their_present_contact, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(too_much_history_is_refused_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_rules_are_refused_with_a_column, setup, teardown),
        cmocka_unit_test_setup_teardown(an_aborted_rule_never_was, setup, teardown),
        cmocka_unit_test_setup_teardown(versions_act_from_when_they_were_made, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_about_now_turn_at_their_instant, setup, teardown),
        cmocka_unit_test_setup_teardown(membership_is_what_both_histories_say, setup, teardown),
        cmocka_unit_test_setup_teardown(a_customers_records_come_newest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(activities_replace_by_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(customers_are_walked_by_id, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
