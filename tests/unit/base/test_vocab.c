#include "base/vocab.h"

#include "base/utf8.h"
#include "tests/lib/test.h"

#define VOCABS (VOCAB_PATH + 1)

static void every_code_is_found(void **state)
{
    (void)state;
    for (int v = 0; v < VOCABS; v++) {
        int n = vocab_count((enum vocab)v);

        assert_true(n > 0);
        for (int id = 0; id < n; id++) {
            struct span code = span_str(vocab_code((enum vocab)v, id));

            assert_int_equal(vocab_find((enum vocab)v, code), id); /* so no code comes twice */
            assert_int_equal(utf8_valid(code), code.n);
        }
    }
}

/* Only stage and lang have an id for "none", and it has neither code nor label. */
static void labels_come_in_two_languages(void **state)
{
    (void)state;
    for (int v = 0; v < VOCABS; v++) {
        for (int id = 0; id < vocab_count((enum vocab)v); id++) {
            bool none = id == 0 && (v == VOCAB_STAGE || v == VOCAB_LANG);

            assert_int_equal(*vocab_code((enum vocab)v, id) == '\0', none);
            assert_int_equal(*vocab_label((enum vocab)v, id, LANG_KO) == '\0', none);
            assert_int_equal(*vocab_label((enum vocab)v, id, LANG_EN) == '\0', none);
        }
    }
    assert_string_equal(vocab_label(VOCAB_CATEGORY, CATEGORY_DELIVERY, LANG_KO), "배송");
    int late = vocab_find(VOCAB_PATH, SPAN_LIT("delivery/late"));
    assert_string_equal(vocab_label(VOCAB_PATH, late, LANG_KO), "배송 지연");
    assert_string_equal(vocab_label(VOCAB_CATEGORY, CATEGORY_DELIVERY, LANG_EN), "Delivery");
    assert_string_equal(vocab_label(VOCAB_CATEGORY, CATEGORY_DELIVERY, LANG_OTHER), "Delivery");
}

static void unknown_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(vocab_find(VOCAB_KIND, SPAN_LIT("Ticket")), -1); /* codes are exact */
    assert_int_equal(vocab_find(VOCAB_KIND, SPAN_NONE), -1);
    assert_int_equal(vocab_find(VOCAB_CATEGORY, SPAN_LIT("delivery/late")), -1);
    assert_int_equal(vocab_find(VOCAB_STAGE, SPAN_NONE), STAGE_NONE);
    assert_string_equal(vocab_code(VOCAB_KIND, -1), "");
    assert_string_equal(vocab_code(VOCAB_KIND, KIND_COUNT), "");
    assert_string_equal(vocab_label(VOCAB_ROLE, ROLE_COUNT, LANG_KO), "");
    assert_int_equal(vocab_count((enum vocab)VOCABS), 0);
    assert_int_equal(vocab_find((enum vocab)VOCABS, SPAN_LIT("ko")), -1);
}

/* Ids are stored: a changed number here is a changed meaning of old records. */
static void stored_numbers_do_not_move(void **state)
{
    (void)state;
    assert_int_equal(vocab_find(VOCAB_KIND, SPAN_LIT("social")), 5);
    assert_int_equal(vocab_find(VOCAB_SENTIMENT, SPAN_LIT("positive")), 3);
    assert_int_equal(vocab_find(VOCAB_TYPE, SPAN_LIT("suggestion")), 5);
    assert_int_equal(vocab_find(VOCAB_SIGNAL, SPAN_LIT("pii")), 7);
    assert_int_equal(vocab_find(VOCAB_CATEGORY, SPAN_LIT("product_info")), 14);
    assert_int_equal(vocab_find(VOCAB_STAGE, SPAN_LIT("advocacy")), 8);
    assert_int_equal(vocab_find(VOCAB_ROLE, SPAN_LIT("admin")), 4);
    assert_int_equal(vocab_find(VOCAB_LANG, SPAN_LIT("other")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_is_found),
        cmocka_unit_test(labels_come_in_two_languages),
        cmocka_unit_test(unknown_is_unknown),
        cmocka_unit_test(stored_numbers_do_not_move),
    };

    return cmocka_run_group_tests_name("base/vocab", tests, NULL, NULL);
}
