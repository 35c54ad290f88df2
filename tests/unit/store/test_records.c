/* Records in and out: identity, duplicates, replacement, round trip, removal. */
#include <stdlib.h>

#include "store/body.h"
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

static struct feedback plain(const char *external_id, const char *text)
{
    return (struct feedback){.source = SPAN_LIT("zendesk"),
                             .external_id = span_str(external_id),
                             .created_at = FIXTURE_NOW - MS_HOUR,
                             .updated_at = NO_TIME,
                             .text = span_str(text)};
}

static struct store_put put_one(struct fixture *fx, struct store_txn *t, const struct feedback *f)
{
    struct store_put put;
    assert_ok(store_put_feedback(t, f, NULL, &fx->a, &put));
    return put;
}

static struct store_put put_alone(struct fixture *fx, const struct feedback *f)
{
    struct store_txn *t = fixture_begin(fx);
    struct store_put put = put_one(fx, t, f);
    assert_ok(store_commit(t));
    return put;
}

static struct stored find(struct fixture *fx, const char *external_id)
{
    struct store_view *v = fixture_view(fx);
    struct stored s;
    assert_ok(store_find_feedback(v, SPAN_LIT("zendesk"), span_str(external_id), &fx->a, &s));
    store_view_end(v);
    return s;
}

static uint64_t record_count(struct fixture *fx)
{
    struct store_stats st;
    assert_ok(store_stats(fx->store, &st));
    return st.records;
}

static void without_updated_at_the_content_decides(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = plain("1", "배송이 늦어요");
    struct store_put first = put_alone(fx, &f);
    assert_int_equal(first.outcome, OUTCOME_ACCEPTED);
    assert_false(first.has_previous);
    struct store_put again = put_alone(fx, &f);
    assert_int_equal(again.outcome, OUTCOME_DUPLICATE);
    assert_memory_equal(&again.id, &first.id, sizeof(first.id));
    assert_int_equal(again.seq, first.seq);
    f.status = SPAN_LIT("solved");
    struct store_put changed = put_alone(fx, &f);
    assert_int_equal(changed.outcome, OUTCOME_UPDATED);
    assert_memory_equal(&changed.id, &first.id, sizeof(first.id));
    assert_int_equal(changed.seq, first.seq);
    assert_true(changed.has_previous);
    assert_null(changed.previous.feedback.status.p);
    assert_int_equal(changed.previous.revision, 1);
    struct stored s = find(fx, "1");
    assert_int_equal(s.revision, 2);
    assert_true(span_is(s.feedback.status, "solved"));
    assert_int_equal(record_count(fx), 1);
}

static void updated_at_decides_when_both_have_it(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = plain("1", "one");
    f.updated_at = 1000;
    put_alone(fx, &f);
    f.text = SPAN_LIT("older and different");
    f.updated_at = 999;
    assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_DUPLICATE);
    assert_true(span_is(find(fx, "1").feedback.text, "one"));
    f.text = SPAN_LIT("same time, different");
    f.updated_at = 1000;
    assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_UPDATED);
    assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_DUPLICATE);
    f.updated_at = 1001; /* newer replaces, be the rest the same */
    assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_UPDATED);
    f.updated_at = NO_TIME;
    assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_UPDATED);
    assert_int_equal(find(fx, "1").revision, 4);
}

static void one_batch_applies_the_same_identity_in_order(void **state)
{
    struct fixture *fx = *state;
    struct feedback a = plain("1", "first"), b = plain("1", "second");
    struct store_txn *t = fixture_begin(fx);
    assert_int_equal(put_one(fx, t, &a).outcome, OUTCOME_ACCEPTED);
    assert_int_equal(put_one(fx, t, &b).outcome, OUTCOME_UPDATED);
    assert_int_equal(put_one(fx, t, &b).outcome, OUTCOME_DUPLICATE);
    assert_int_equal(put_one(fx, t, &a).outcome, OUTCOME_UPDATED);
    assert_ok(store_commit(t));
    assert_true(span_is(find(fx, "1").feedback.text, "first"));
    assert_int_equal(record_count(fx), 1);
}

/* Beyond LMDB's key length identities are cut and hashed; they stay apart and are found again. */
static void long_identities_are_compared_whole(void **state)
{
    struct fixture *fx = *state;
    char ids[40][712];
    struct store_put puts[40];
    struct store_txn *t = fixture_begin(fx);
    for (size_t i = 0; i < 40; i++) {
        size_t n = 470 + 6 * i; /* on both sides of the cut */
        memset(ids[i], 'x', n);
        ids[i][n] = '\0';
        if (i % 2)
            ids[i][n - 1] = 'y';
        struct feedback f = plain(ids[i], "text");
        puts[i] = put_one(fx, t, &f);
        assert_int_equal(puts[i].outcome, OUTCOME_ACCEPTED);
    }
    assert_ok(store_commit(t));
    for (size_t i = 0; i < 40; i++) {
        struct stored s = find(fx, ids[i]);
        assert_memory_equal(&s.id, &puts[i].id, sizeof(s.id));
        struct feedback f = plain(ids[i], "text");
        assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_DUPLICATE);
    }
    t = fixture_begin(fx);
    assert_ok(store_delete_feedback(t, &puts[39].id));
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    struct stored s;
    assert_int_equal(store_find_feedback(v, SPAN_LIT("zendesk"), span_str(ids[39]), &fx->a, &s),
                     -ENOENT);
    store_view_end(v);
    assert_int_equal(record_count(fx), 39);
}

static struct feedback everything(void)
{
    static const struct turn turns[] = {{BY_CUSTOMER, 1000, {"안녕하세요", 15}},
                                        {BY_AGENT, NO_TIME, {"", 0}},
                                        {BY_SYSTEM, -5, {NULL, 0}}};
    static const struct span tag_spans[] = {{"a", 1}, {"나", 3}};
    static const struct pair pairs[] = {{{"k", 1}, {"v", 1}}, {{"n", 1}, {"12.5", 4}}};
    struct feedback f = plain("all", "본문\0안에 NUL");
    f.text = span_of("with\0nul", 8);
    f.conversation = SPAN_LIT("conv");
    f.kind = KIND_SOCIAL;
    f.channel = SPAN_LIT("");
    f.status = SPAN_LIT("open");
    f.updated_at = INT64_MAX;
    f.customer = (struct customer_ref){SPAN_LIT("c-1"), SPAN_LIT("홍길동"), SPAN_LIT("a@b.c"),
                                       SPAN_LIT("+821012345678")};
    f.lang = SPAN_LIT("ko");
    f.title = SPAN_LIT("제목");
    f.turns = turns;
    f.n_turns = ARRAY_LEN(turns);
    f.rating = (struct scaled){4.5, 5, true};
    f.csat = (struct scaled){-0.0, 5, true};
    f.nps = (struct scaled){10, 10, true};
    f.ces = (struct scaled){1e300, 7, true};
    f.surveyed = true;
    f.backfill = true;
    f.agent = SPAN_LIT("a-12");
    f.team = SPAN_LIT("t");
    f.vendor = SPAN_LIT("v");
    f.product = SPAN_LIT("p");
    f.order = SPAN_LIT("o");
    f.stage = STAGE_ADVOCACY;
    f.url = SPAN_LIT("https://example.com/x");
    f.tags = tag_spans;
    f.n_tags = ARRAY_LEN(tag_spans);
    f.attributes = pairs;
    f.n_attributes = ARRAY_LEN(pairs);
    f.experiments = pairs;
    f.n_experiments = 1;
    return f;
}

static struct analysis full_analysis(void)
{
    static const struct topic topics[] = {{{"delivery/late", 13}, SENTIMENT_NEGATIVE, -0.75}};
    static const struct span found[] = {{"churn", 5}, {"legal", 5}};
    static const struct pii_span pii[] = {{PART_TURN + 2, PII_PHONE, 3, 14},
                                          {PART_TEXT, PII_NAME, 0, UINT32_MAX}};
    return (struct analysis){.lexicon = UINT32_MAX,
                             .lang = LANG_KO,
                             .sentiment = SENTIMENT_NEGATIVE,
                             .polarity = -0.8217,
                             .confidence = 0.9301,
                             .start = 1,
                             .worst = -1,
                             .end = 0.0001,
                             .categories = topics,
                             .n_categories = 1,
                             .type = SPAN_LIT("complaint"),
                             .signals = found,
                             .n_signals = 2,
                             .pii = pii,
                             .n_pii = 2,
                             .keywords = found,
                             .n_keywords = 1};
}

/* Two records are the same when they are spelt the same. */
static void assert_same(const struct feedback *f, const struct analysis *an, const struct stored *s)
{
    struct buf want, got;
    buf_init(&want, 0);
    buf_init(&got, 0);
    body_put_feedback(&want, f);
    body_put_analysis(&want, an);
    body_put_feedback(&got, &s->feedback);
    body_put_analysis(&got, &s->analysis);
    assert_int_equal(want.n, got.n);
    assert_memory_equal(want.p, got.p, want.n);
    buf_done(&want);
    buf_done(&got);
}

static void every_field_comes_back(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = everything();
    struct analysis an = full_analysis();
    struct store_txn *t = fixture_begin(fx);
    struct store_put put;
    assert_ok(store_put_feedback(t, &f, &an, &fx->a, &put));
    assert_ok(store_commit(t));
    fixture_reopen(fx);
    struct store_view *v = fixture_view(fx);
    struct stored s;
    assert_ok(store_get_feedback(v, &put.id, &fx->a, &s));
    assert_same(&f, &an, &s);
    assert_int_equal(s.received_at, FIXTURE_NOW);
    assert_true(span_eq(s.feedback.text, f.text));
    assert_true(s.feedback.channel.p != NULL && s.feedback.channel.n == 0);
    assert_null(s.feedback.turns[2].text.p);
    assert_int_equal(s.feedback.turns[1].at, NO_TIME);
    assert_int_equal(s.feedback.turns[2].at, -5);
    assert_true(s.analysis.polarity == -0.8217);
    assert_true(s.analysis.pii[1].end == UINT32_MAX);
    assert_true(s.feedback.ces.value == 1e300);
    store_view_end(v);
}

static void fractions_are_rounded_on_the_way_in(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = plain("1", "x");
    struct analysis an = {.sentiment = SENTIMENT_NEUTRAL, .polarity = 0.123456, .confidence = 7};
    struct store_txn *t = fixture_begin(fx);
    struct store_put put;
    assert_ok(store_put_feedback(t, &f, &an, &fx->a, &put));
    assert_ok(store_commit(t));
    struct stored s = find(fx, "1");
    assert_true(s.analysis.polarity == 0.1235);
    assert_true(s.analysis.confidence == 1);
}

static void another_analysis_leaves_the_rest(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = everything();
    struct analysis an = full_analysis(), other = {.lexicon = 8, .sentiment = SENTIMENT_POSITIVE};
    struct where_error err;
    struct store_put put;
    struct store_txn *t = fixture_begin(fx);
    struct store_segment seg = {.code = SPAN_LIT("everyone"), .where = SPAN_LIT("")};
    assert_ok(store_put_segment(t, &seg, true, &err));
    assert_ok(store_put_feedback(t, &f, &an, &fx->a, &put));
    assert_int_equal(put.n_segments, 1);
    assert_true(span_is(put.segments[0], "everyone"));
    assert_ok(store_put_analysis(t, &put.id, &other));
    assert_int_equal(store_put_analysis(t, &(struct uuid){{1}}, &other), -ENOENT);
    assert_ok(store_commit(t));
    struct stored s = find(fx, "all");
    assert_same(&f, &other, &s);
    assert_int_equal(s.revision, 1);
    assert_int_equal(s.n_segments, 1);
    t = fixture_begin(fx); /* and the content is still known */
    assert_int_equal(put_one(fx, t, &f).outcome, OUTCOME_DUPLICATE);
    store_abort(t);
}

static int count_row(void *ctx, const struct store_fact *f)
{
    (void)f;
    ++*(uint64_t *)ctx;
    return 0;
}

static uint64_t fact_count(struct fixture *fx)
{
    struct store_view *v = fixture_view(fx);
    uint64_t n = 0;
    assert_ok(store_facts(v, NULL, 0, NO_TIME, INT64_MAX, NULL, count_row, &n));
    store_view_end(v);
    return n;
}

static int fail_on_any(void *ctx, const struct stored *s)
{
    (void)ctx;
    (void)s;
    fail_msg("a record that was deleted");
    return 0;
}

static void a_deleted_record_is_nowhere(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = everything();
    struct store_put put = put_alone(fx, &f);
    struct stored s;
    struct store_txn *t = fixture_begin(fx);
    assert_ok(store_delete_feedback(t, &put.id));
    assert_int_equal(store_delete_feedback(t, &put.id), -ENOENT);
    assert_ok(store_commit(t));
    struct store_view *v = fixture_view(fx);
    assert_int_equal(store_get_feedback(v, &put.id, &fx->a, &s), -ENOENT);
    assert_int_equal(store_find_feedback(v, f.source, f.external_id, &fx->a, &s), -ENOENT);
    assert_ok(store_customer_feedback(v, SPAN_LIT("c-1"), NO_TIME, 10, &fx->a, fail_on_any, NULL));
    store_view_end(v);
    assert_int_equal(record_count(fx), 0);
    assert_int_equal(fact_count(fx), 0);
    struct store_put again = put_alone(fx, &f);
    assert_int_equal(again.outcome, OUTCOME_ACCEPTED);
    assert_true(again.seq > put.seq); /* numbers are not given twice */
}

static void a_source_is_removed_in_steps(void **state)
{
    struct fixture *fx = *state;
    struct store_txn *t = fixture_begin(fx);
    char id[24];
    bool more = true;
    size_t steps = 0;
    for (int i = 0; i < 25; i++) {
        snprintf(id, sizeof(id), "%d", i);
        struct feedback f = plain(id, "x");
        if (i % 5 == 0)
            f.source = SPAN_LIT("other");
        put_one(fx, t, &f);
    }
    assert_ok(store_commit(t));
    for (; more; steps++) {
        t = fixture_begin(fx);
        assert_ok(store_delete_source(t, SPAN_LIT("zendesk"), 8, &more));
        assert_ok(store_commit(t));
    }
    assert_int_equal(steps, 3);
    assert_int_equal(record_count(fx), 5);
    assert_int_equal(fact_count(fx), 5);
    t = fixture_begin(fx);
    assert_ok(store_delete_source(t, SPAN_LIT("never seen"), 8, &more));
    assert_false(more);
    store_abort(t);
}

/* A code given in an aborted transaction must be given again, also by the worker's memory. */
static void an_abort_takes_codes_back(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = plain("1", "x");
    struct store_txn *t = fixture_begin(fx);
    f.channel = SPAN_LIT("ghost");
    f.customer.id = SPAN_LIT("ghost");
    put_one(fx, t, &f);
    store_abort(t);
    f = plain("2", "y");
    f.channel = SPAN_LIT("real");
    f.customer.id = SPAN_LIT("real");
    put_alone(fx, &f);
    f = plain("3", "z");
    f.channel = SPAN_LIT("ghost");
    f.customer.id = SPAN_LIT("ghost");
    put_alone(fx, &f);
    assert_true(span_is(find(fx, "2").feedback.channel, "real"));
    struct store_view *v = fixture_view(fx);
    struct where_error err;
    struct where *w;
    for (int i = 0; i < 2; i++) {
        uint64_t n = 0;
        assert_ok(where_parse(i ? SPAN_LIT("channel = ghost") : SPAN_LIT("customer = real"),
                              WHERE_RECORD, &fx->a, &w, &err));
        assert_ok(store_facts(v, w, 0, NO_TIME, INT64_MAX, NULL, count_row, &n));
        assert_int_equal(n, 1);
    }
    store_view_end(v);
}

static void what_can_not_be_is_refused_alone(void **state)
{
    struct fixture *fx = *state;
    static struct span many[5000];
    struct feedback f = plain("", "x");
    struct store_put put;
    struct store_txn *t = fixture_begin(fx);
    assert_int_equal(store_put_feedback(t, &f, NULL, &fx->a, &put), -EINVAL);
    f = plain("1", "x");
    f.created_at = NO_TIME;
    assert_int_equal(store_put_feedback(t, &f, NULL, &fx->a, &put), -EINVAL);
    f = plain("1", "x");
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = SPAN_LIT("t");
    f.tags = many;
    f.n_tags = ARRAY_LEN(many);
    assert_int_equal(store_put_feedback(t, &f, NULL, &fx->a, &put), -E2BIG);
    f = plain("1", "x");
    f.text = span_of(calloc(1, 2 << 20), 2 << 20);
    assert_int_equal(store_put_feedback(t, &f, NULL, &fx->a, &put), -E2BIG);
    free((void *)(uintptr_t)f.text.p);
    assert_ok(store_txn_error(t));
    f = plain("1", "x");
    put_one(fx, t, &f);
    assert_ok(store_commit(t));
    assert_int_equal(record_count(fx), 1);
}

/* Sent without a time, then again: the time of the first arrival is kept, so it is the same. */
static void an_undated_record_sent_again_is_the_same(void **state)
{
    struct fixture *fx = *state;
    struct feedback f = plain("undated", "배송 문의");
    f.undated = true;
    struct store_put first = put_alone(fx, &f);
    f.created_at += MS_MINUTE;
    struct store_put again = put_alone(fx, &f);
    assert_int_equal(again.outcome, OUTCOME_DUPLICATE);
    assert_memory_equal(&again.id, &first.id, sizeof(first.id));
    f.text = SPAN_LIT("배송 문의, 다시");
    struct store_put changed = put_alone(fx, &f);
    assert_int_equal(changed.outcome, OUTCOME_UPDATED);
    assert_int_equal(changed.created_at, FIXTURE_NOW - MS_HOUR);
    assert_int_equal(find(fx, "undated").feedback.created_at, FIXTURE_NOW - MS_HOUR);
    f.undated = false; /* the source says when, after all */
    assert_int_equal(put_alone(fx, &f).outcome, OUTCOME_UPDATED);
    assert_int_equal(find(fx, "undated").feedback.created_at, f.created_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_undated_record_sent_again_is_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(without_updated_at_the_content_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(updated_at_decides_when_both_have_it, setup, teardown),
        cmocka_unit_test_setup_teardown(one_batch_applies_the_same_identity_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(long_identities_are_compared_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(every_field_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(fractions_are_rounded_on_the_way_in, setup, teardown),
        cmocka_unit_test_setup_teardown(another_analysis_leaves_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_record_is_nowhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_is_removed_in_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(an_abort_takes_codes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_can_not_be_is_refused_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
