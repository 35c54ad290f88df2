#include "base/utf8.h"
#include "tests/unit/nlp/nlp_fixture.h"

#include <errno.h>

/* Learned labels beside rules, on a table of three n-grams. */
static struct fixture f;

static void label(unsigned lane, const char *name, double threshold)
{
    assert_int_equal(nlp_build_label(f.build, LANG_KO, lane, span_str(name), 0.1, threshold), 0);
}

static void weight(const char *gram, unsigned lane, int w)
{
    assert_int_equal(nlp_build_label_weight(f.build, LANG_KO, span_str(gram), lane, w), 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_basic(&f);
    label(0, "category:lobby", 1.0);
    label(1, "sentiment:neutral", 0);
    label(2, "sentiment:negative", 0);
    label(3, "type:request", 0);
    label(4, "type:praise", 0);
    weight("로비", 0, 9);
    weight("넓", 0, 4);
    weight("다냥", 1, 40);
    weight("다냥", 3, 20);
    weight("고장", 4, 100);
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
    assert_true(has_lobby("로비가 넓다"));
    assert_false(has_lobby("로비 로비 로비")); /* each n-gram counts once */
}

static void a_learned_neutral_takes_the_label_and_keeps_the_side(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "정말 좋아요 다냥");
    assert_int_equal(a.sentiment, SENTIMENT_NEUTRAL);
    assert_true(a.polarity > 0);
    assert_true(span_is(a.type, "request"));
    assert_int_equal(fixture_text(&f, "정말 좋아요").sentiment, SENTIMENT_POSITIVE);
}

static void the_type_goes_with_the_sentiment(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "고장났어요");
    assert_int_equal(a.sentiment, SENTIMENT_NEGATIVE);
    assert_false(span_is(a.type, "praise"));
}

static void wrong_labels_are_refused(void **state)
{
    (void)state;
    struct fixture g;
    fixture_new(&g);
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 32, SPAN_LIT("type:x"), 1, 0), -EINVAL);
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 0, SPAN_LIT("mood:x"), 1, 0), -EINVAL);
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 0, SPAN_LIT("type"), 1, 0), -EINVAL);
    assert_int_equal(nlp_build_label_weight(g.build, LANG_KO, SPAN_LIT("a"), 0, 128), -EINVAL);
    assert_int_equal(nlp_build_label_weight(g.build, LANG_KO, SPAN_LIT("a"), 32, 1), -EINVAL);
    nlp_build_free(g.build);
}

static void many_rows_add_up(void **state)
{
    (void)state;
    struct fixture g;
    fixture_new(&g);
    char gram[8], text[4096];
    size_t n = 0;
    assert_int_equal(nlp_build_label(g.build, LANG_KO, 0, SPAN_LIT("category:all"), 1, 399 * 127.0),
                     0);
    for (unsigned i = 0; i < 400; i++) { /* past what 16 bits hold */
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
        cmocka_unit_test(a_learned_neutral_takes_the_label_and_keeps_the_side),
        cmocka_unit_test(the_type_goes_with_the_sentiment),
        cmocka_unit_test(wrong_labels_are_refused),
        cmocka_unit_test(many_rows_add_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
