#include "tests/unit/nlp/nlp_fixture.h"

static struct fixture f;

static void add_rules(void)
{
    static const struct nlp_term late[] = {{.text = {"~늦다", 7}, .weight = 1},
                                           {.text = {"지연", 6}, .weight = 1}};
    struct nlp_set set = {.name = SPAN_LIT("late"), .lang = LANG_KO, .words = late, .n_words = 2};
    assert_int_equal(nlp_build_set(f.build, &set), 0);
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_CATEGORY,
                                            .code = "delivery",
                                            .any = {"배송", "택배"},
                                            .exclude = {"반품 배송비"}});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_CATEGORY,
                                            .code = "delivery/late",
                                            .any = {"배송 ... {late}"}});
    fixture_rule(&f, &(struct fixture_rule){
                         .kind = RULE_CATEGORY, .code = "agent", .any = {"상담원", "직원"}});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_CATEGORY, .code = "app", .any = {"앱|"}});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_SIGNAL,
                                            .code = "legal",
                                            .any = {"|고소"},
                                            .exclude = {"고소한 참기름"}});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_SIGNAL,
                                            .code = "repeat_contact",
                                            .pattern = "(두|세|네) ?번째 ?(전화|문의)"});
    fixture_rule(&f, &(struct fixture_rule){.kind = RULE_SIGNAL,
                                            .code = "both",
                                            .any = {"하나", "둘이"},
                                            .threshold = 2,
                                            .whole_text = true});
    fixture_rule(&f,
                 &(struct fixture_rule){
                     .kind = RULE_SIGNAL, .code = "near", .any = {"사과"}, .require = {"주스"}});
}

static int setup(void **state)
{
    (void)state;
    fixture_basic(&f);
    add_rules();
    fixture_open(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_done(&f);
    return 0;
}

static void expect(const char *text, enum sentiment want)
{
    struct analysis a = fixture_text(&f, text);
    if (a.sentiment != want)
        fail_msg("%s: %s, expected %s", text, vocab_code(VOCAB_SENTIMENT, (int)a.sentiment),
                 vocab_code(VOCAB_SENTIMENT, (int)want));
    assert_true(a.polarity >= -1 && a.polarity <= 1);
    assert_true(a.confidence >= 0 && a.confidence <= 1);
}

static bool has_signal(const struct analysis *a, const char *code)
{
    for (size_t i = 0; i < a->n_signals; i++)
        if (span_is(a->signals[i], code))
            return true;
    return false;
}

static const struct topic *topic(const struct analysis *a, const char *code)
{
    for (size_t i = 0; i < a->n_categories; i++)
        if (span_is(a->categories[i].code, code))
            return &a->categories[i];
    return NULL;
}

static void reads_negation(void **state)
{
    (void)state;
    expect("정말 좋아요", SENTIMENT_POSITIVE);
    expect("안 좋아요", SENTIMENT_NEGATIVE);
    expect("안좋아요", SENTIMENT_NEGATIVE);
    expect("좋지 않아요", SENTIMENT_NEGATIVE);
    expect("친절하지 않네요", SENTIMENT_NEGATIVE);
    expect("나쁘지 않아요", SENTIMENT_POSITIVE);
    expect("하자 하나 없네요", SENTIMENT_POSITIVE);
    expect("안 좋지 않아요", SENTIMENT_POSITIVE);
}

static void masks_hide_lookalikes(void **state)
{
    (void)state;
    expect("안내 좋아요", SENTIMENT_POSITIVE);
}

static void a_question_is_neutral_until_it_reports(void **state)
{
    (void)state;
    expect("고장 나면 어디로 가나요?", SENTIMENT_NEUTRAL);
    expect("고장 났어요 어디로 가나요?", SENTIMENT_NEGATIVE);
    expect("늦나요?", SENTIMENT_NEUTRAL);
    expect("왜 이렇게 늦나요?", SENTIMENT_NEGATIVE);
    expect("보내 주세요", SENTIMENT_NEUTRAL);
    expect("고장입니다. 보내 주세요. 감사합니다", SENTIMENT_NEGATIVE);
}

static void the_clause_after_a_contrast_outweighs(void **state)
{
    (void)state;
    expect("빠르고 좋은데 불친절해요", SENTIMENT_NEGATIVE);
    expect("늦었지만 너무 좋아요", SENTIMENT_POSITIVE);
}

static void nothing_to_read_is_none(void **state)
{
    (void)state;
    expect("", SENTIMENT_NONE);
    expect(" \n\t ", SENTIMENT_NONE);
    expect("책상", SENTIMENT_NEUTRAL);
}

static void each_topic_has_its_own_stance(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "배송은 빨랐는데 상담원이 불친절해요");
    assert_int_equal(a.n_categories, 2);
    assert_int_equal(topic(&a, "delivery")->sentiment, SENTIMENT_POSITIVE);
    assert_int_equal(topic(&a, "agent")->sentiment, SENTIMENT_NEGATIVE);
    assert_int_equal(a.sentiment, SENTIMENT_NEGATIVE);
    assert_true(span_is(a.type, "complaint"));
}

static void the_deeper_path_stands_for_both(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "배송이 너무 늦어요");
    assert_int_equal(a.n_categories, 1);
    assert_true(span_is(a.categories[0].code, "delivery/late"));
    a = fixture_text(&f, "배송 물건은 여기 있고 저기에서 사람들이 이야기하는 동안 내내 늦었다");
    assert_true(span_is(a.categories[0].code, "delivery")); /* past the gap */
    a = fixture_text(&f, "배송. 늦어요");
    assert_true(span_is(a.categories[0].code, "delivery")); /* another sentence */
}

static void rules_have_context_and_edges(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "반품 배송비");
    assert_int_equal(a.n_categories, 0);
    a = fixture_text(&f, "앱에서 봐요");
    assert_non_null(topic(&a, "app"));
    a = fixture_text(&f, "앱솔루트");
    assert_null(topic(&a, "app"));
    a = fixture_text(&f, "고소하겠다");
    assert_true(has_signal(&a, "legal"));
    a = fixture_text(&f, "고소한 참기름");
    assert_false(has_signal(&a, "legal"));
    a = fixture_text(&f, "최고소음");
    assert_false(has_signal(&a, "legal"));
    a = fixture_text(&f, "사과 주스");
    assert_true(has_signal(&a, "near"));
    a = fixture_text(&f, "사과. 주스");
    assert_false(has_signal(&a, "near"));
    a = fixture_text(&f, "하나. 둘이");
    assert_true(has_signal(&a, "both"));
    a = fixture_text(&f, "하나. 하나");
    assert_false(has_signal(&a, "both"));
}

static void patterns_run_where_their_literal_is(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "벌써 세 번째 전화입니다");
    assert_true(has_signal(&a, "repeat_contact"));
    a = fixture_text(&f, "두 번째 문단");
    assert_false(has_signal(&a, "repeat_contact"));
}

static void evidence_names_words_of_the_original(void **state)
{
    (void)state;
    const char *text = "  와 \xe2\x80\x8b진짜 너무 좋아요오오오!";
    struct analysis a = fixture_text(&f, text);
    const struct evidence *found = NULL;
    for (size_t i = 0; i < a.n_evidence; i++)
        if (span_is(a.evidence[i].rule, "intensity"))
            found = &a.evidence[i];
    assert_non_null(found);
    struct span word = span_of(text + found->start, found->end - found->start);
    assert_true(span_is(word, "좋아요오오오!"));
    assert_int_equal(found->cp_start, 11);
    assert_int_equal(found->cp_end, 18);
    assert_true(span_is(found->entry, "*~좋다"));
    assert_true(found->weight > 1.3);
}

static void the_trajectory_follows_the_sentences(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "좋아요. 고장났어요. 친절해요.");
    assert_true(a.start > 0 && a.worst < 0 && a.end > 0);
}

static void agents_are_read_for_personal_data_only(void **state)
{
    (void)state;
    const struct nlp_part parts[] = {
        {SPAN_LIT("불친절 010-1234-5678"), PART_TURN, BY_AGENT},
        {SPAN_LIT("정말 좋아요"), PART_TURN + 1, BY_CUSTOMER},
    };
    struct nlp_input in = {parts, 2, LANG_NONE, KIND_CHAT};
    struct analysis a;
    assert_int_equal(nlp_analyze(f.tables, f.scratch, &in, NLP_ALL, &f.arena, &a), 0);
    assert_int_equal(a.sentiment, SENTIMENT_POSITIVE);
    assert_int_equal(a.n_pii, 1);
    assert_int_equal(a.pii[0].part, PART_TURN);
    assert_true(has_signal(&a, "pii"));
    assert_int_equal(a.evidence[0].part, PART_TURN + 1);
    assert_int_equal(a.evidence[0].start, 7);
}

static void types_follow_the_policy(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "언제 오나요?");
    assert_true(span_is(a.type, "inquiry"));
    a = fixture_text(&f, "보내 주세요");
    assert_true(span_is(a.type, "request"));
    a = fixture_text(&f, "고장났어요. 바꿔 주세요");
    assert_true(span_is(a.type, "complaint"));
    a = fixture_text(&f, "너무 좋아요");
    assert_true(span_is(a.type, "praise"));
    a = fixture_text(&f, "책상");
    assert_true(span_is(a.type, "other"));
}

static void keywords_lose_their_particles(void **state)
{
    (void)state;
    struct analysis a = fixture_text(&f, "냉장고에서 소리 냉장고 좋네요");
    assert_int_equal(a.n_keywords, 2);
    assert_true(span_is(a.keywords[0], "냉장고"));
    assert_true(span_is(a.keywords[1], "소리"));
}

static void the_language_is_read_from_the_script(void **state)
{
    (void)state;
    assert_int_equal(fixture_text(&f, "where is my order").lang, LANG_EN);
    assert_int_equal(fixture_text(&f, "iPhone 배송 언제 와요").lang, LANG_KO);
    assert_int_equal(fixture_text(&f, "best movie of the year 굿").lang, LANG_KO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_negation),
        cmocka_unit_test(masks_hide_lookalikes),
        cmocka_unit_test(a_question_is_neutral_until_it_reports),
        cmocka_unit_test(the_clause_after_a_contrast_outweighs),
        cmocka_unit_test(nothing_to_read_is_none),
        cmocka_unit_test(each_topic_has_its_own_stance),
        cmocka_unit_test(the_deeper_path_stands_for_both),
        cmocka_unit_test(rules_have_context_and_edges),
        cmocka_unit_test(patterns_run_where_their_literal_is),
        cmocka_unit_test(evidence_names_words_of_the_original),
        cmocka_unit_test(the_trajectory_follows_the_sentences),
        cmocka_unit_test(agents_are_read_for_personal_data_only),
        cmocka_unit_test(types_follow_the_policy),
        cmocka_unit_test(keywords_lose_their_particles),
        cmocka_unit_test(the_language_is_read_from_the_script),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
