#include "base/utf8.h"
#include "tests/unit/nlp/nlp_fixture.h"

#include <errno.h>

/* Learned labels over a table of a few n-grams, two rules and a mark. One n-gram in a text: a sum
 * is divided by √2; two: by √3. */
static struct fixture f;

static void label(struct nlp_build *b, unsigned lane, const char *name, double bias,
                  double threshold)
{
    struct nlp_label l = {span_str(name), 0.1, bias, threshold};
    assert_int_equal(nlp_build_label(b, LANG_KO, lane, &l), 0);
}

static void weight(const char *gram, unsigned lane, int w)
{
    assert_int_equal(nlp_build_label_weight(f.build, LANG_KO, span_str(gram), lane, w), 0);
}

static void feature(const char *name, unsigned lane, int w)
{
    assert_int_equal(nlp_build_label_feature(f.build, LANG_KO, span_str(name), lane, w), 0);
}

static void add_rules(void)
{
    static const struct nlp_term desk = {.text = {"데스크", 9}, .weight = 1};
    static const struct nlp_term own = {.text = {"안내판", 9}, .weight = 1};
    struct nlp_rule rule = {.lang = LANG_KO, .any = &desk, .n_any = 1};
    rule.kind = RULE_CONCEPT;
    rule.code = SPAN_LIT("desk");
    rule.weighed = true;
    assert_int_equal(nlp_build_rule(f.build, &rule), 0);
    rule.kind = RULE_CATEGORY;
    rule.code = SPAN_LIT("lobby/desk");
    assert_int_equal(nlp_build_rule(f.build, &rule), 0);
    rule.any = &own;
    rule.code = SPAN_LIT("lobby/sign");
    rule.weighed = false;
    assert_int_equal(nlp_build_rule(f.build, &rule), 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_basic(&f);
    add_rules();
    label(f.build, 0, "category:lobby", 0, 1.0);
    label(f.build, 1, "sentiment:neutral", 0, 0);
    label(f.build, 2, "sentiment:negative", -0.1, 0);
    label(f.build, 3, "sentiment:positive", -0.1, 0);
    label(f.build, 4, "type:request", 0, 0);
    label(f.build, 5, "type:praise", 0, 0);
    label(f.build, 6, "type:complaint", 0, 0);
    label(f.build, 7, "domain:service", 0.5, 0);
    weight("로비", 0, 9);
    weight("넓", 0, 9);
    weight("다냥", 1, 40);
    weight("다냥", 4, 20);
    weight("좋아", 3, 40);
    weight("고장", 5, 100);
    weight("고장", 2, 20);
    weight("영화", 7, -100);
    assert_int_equal(nlp_build_ngram(f.build, LANG_KO, SPAN_LIT("영화"), -100), 0);
    assert_int_equal(nlp_build_param(f.build, LANG_KO, SPAN_LIT("ngram_slope"), 0.02), 0);
    feature("concept:desk", 0, 20);
    feature("failure", 6, 10);
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_done(&f);
    return 0;
}

static bool has_lobby(const char *text)
{
    struct analysis a = fixture_text(&f, text);
    for (size_t i = 0; i < a.n_categories; i++)
        if (span_is(a.categories[i].code, "lobby"))
            return true;
    return false;
}

static void a_category_holds_above_its_threshold(void **state)
{
    (void)state;
    assert_false(has_lobby("로비"));
    assert_true(has_lobby("로비가 넓다"));     /* 1.8 / √3 */
    assert_false(has_lobby("로비 로비 로비")); /* each n-gram counts once */
}

static const struct topic *lobby(const struct analysis *a, const char *code)
{
    for (size_t i = 0; i < a->n_categories; i++)
        if (span_is(a->categories[i].code, code))
            return &a->categories[i];
    return NULL;
}

static void rules_are_weighed_or_decide(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "데스크"); /* 2.0 by the concept */
    assert_non_null(lobby(&a, "lobby/desk"));
    a = fixture_text(&f, "안내판"); /* a rule that nothing weighs */
    assert_non_null(lobby(&a, "lobby/sign"));
}

static void sentiment_and_type_go_together(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "정말 좋아요 다냥");
    assert_int_equal(a.sentiment, SENTIMENT_NEUTRAL);
    assert_true(a.polarity > 0);
    assert_true(span_is(a.type, "request"));
    a = fixture_text(&f, "정말 좋아요");
    assert_int_equal(a.sentiment, SENTIMENT_POSITIVE);
    assert_true(span_is(a.type, "praise"));
    a = fixture_text(&f, "고장났어요"); /* praise scores best, but not beside a complaint */
    assert_int_equal(a.sentiment, SENTIMENT_NEGATIVE);
    assert_true(span_is(a.type, "complaint"));
    assert_true(a.confidence > 0.5 && a.confidence < 1);
}

static void what_is_no_service_is_never_neutral_when_the_table_speaks(void **state)
{
    (void)state;
    assert_int_equal(fixture_text(&f, "다냥 고장").sentiment, SENTIMENT_NEUTRAL);
    assert_int_equal(fixture_text(&f, "다냥 고장 영화").sentiment, SENTIMENT_NEGATIVE);
}

static void what_was_learned_is_shown(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "로비가 넓다");
    double sum = 0;
    for (size_t i = 0; i < a.n_evidence; i++)
        if (span_is(a.evidence[i].rule, "learned") &&
            span_is(a.evidence[i].entry, "category:lobby"))
            sum += a.evidence[i].weight;
    assert_true(sum > 1.03 && sum < 1.04); /* 1.8 / √3 */
    a = fixture_text(&f, "데스크");
    bool concept = false;
    for (size_t i = 0; i < a.n_evidence; i++)
    concept |= span_is(a.evidence[i].rule, "concept:desk") && a.evidence[i].weight > 1.99;
    assert_true(concept);
    a = fixture_text(&f, "로비"); /* not given, so nothing to show */
    for (size_t i = 0; i < a.n_evidence; i++)
        assert_false(span_is(a.evidence[i].entry, "category:lobby"));
}

static void a_layer_can_silence_a_label(void **state)
{
    (void)state;
    struct fixture g;
    fixture_new(&g);
    assert_int_equal(nlp_build_label_silence(g.build, LANG_KO, RULE_CATEGORY, SPAN_LIT("lobby")),
                     0);
    label(g.build, 0, "category:lobby", 5, 1.0);
    label(g.build, 1, "signal:lobby", 5, 1.0);
    fixture_open(&g);
    struct analysis a = fixture_text(&g, "로비");
    assert_int_equal(a.n_categories, 0);
    assert_int_equal(a.n_signals, 1);
    fixture_done(&g);
}

static void the_names_of_features_are_told(void **state)
{
    (void)state;
    struct span names[64];
    fixture_text(&f, "데스크 데스크 고장");
    size_t n = nlp_label_features(f.tables, f.scratch, names, 64);
    size_t failure = 0, desk = 0;
    for (size_t i = 0; i < n; i++) {
        failure += span_is(names[i], "failure");
        desk += span_is(names[i], "concept:desk");
    }
    assert_int_equal(failure, 1);
    assert_int_equal(desk, 1);
    assert_int_equal(nlp_label_features(f.tables, f.scratch, names, 1), 1);
}

static void wrong_labels_are_refused(void **state)
{
    (void)state;
    struct fixture g;
    const struct nlp_label good = {SPAN_LIT("type:x"), 1, 0, 0};
    const struct nlp_label mood = {SPAN_LIT("mood:x"), 1, 0, 0}, bare = {SPAN_LIT("type"), 1, 0, 0};
    fixture_new(&g);
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 32, &good), -EINVAL);
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 0, &mood), -EINVAL);
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 0, &bare), -EINVAL);
    assert_int_equal(nlp_build_label_weight(g.build, LANG_KO, SPAN_LIT("a"), 0, 128), -EINVAL);
    assert_int_equal(nlp_build_label_weight(g.build, LANG_KO, SPAN_LIT("a"), 32, 1), -EINVAL);
    assert_int_equal(nlp_build_label_feature(g.build, LANG_KO, SPAN_LIT("a"), 32, 1), -EINVAL);
    assert_int_equal(nlp_build_label_feature(g.build, LANG_KO, SPAN_LIT("a"), 0, 40000), -EINVAL);
    nlp_build_free(g.build);
}

static void many_rows_add_up(void **state)
{
    (void)state;
    struct fixture g;
    fixture_new(&g);
    char gram[8], text[4096];
    size_t n = 0;
    label(g.build, 0, "category:all", 0, 0.1 * 399.7 * 127 / 20.02); /* all 400, not 399 */
    for (unsigned i = 0; i < 400; i++) {                             /* past what 16 bits hold */
        utf8_encode(0xAC00 + i * 28, gram);
        assert_int_equal(nlp_build_label_weight(g.build, LANG_KO, span_of(gram, 3), 0, 127), 0);
        memcpy(text + n, gram, 3);
        n += 3;
    }
    fixture_open(&g);
    assert_int_equal(fixture_run(&g, span_of(text, n)).n_categories, 1);
    assert_int_equal(fixture_run(&g, span_of(text, n - 3)).n_categories, 0);
    fixture_done(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_category_holds_above_its_threshold),
        cmocka_unit_test(rules_are_weighed_or_decide),
        cmocka_unit_test(sentiment_and_type_go_together),
        cmocka_unit_test(what_is_no_service_is_never_neutral_when_the_table_speaks),
        cmocka_unit_test(what_was_learned_is_shown),
        cmocka_unit_test(a_layer_can_silence_a_label),
        cmocka_unit_test(the_names_of_features_are_told),
        cmocka_unit_test(wrong_labels_are_refused),
        cmocka_unit_test(many_rows_add_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
