#include "base/where.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/where_impl.h"
#include "tests/lib/test.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct where *parse(const char *text, enum where_scope scope)
{
    struct where_error e = {0};
    struct where *w = NULL;

    if (where_parse(span_str(text), scope, &arena, &w, &e) != 0)
        fail_msg("%s: column %u: %s", text, e.column, e.message);
    return w;
}

/* The tree with every pair of parentheses written out. */
static void spell(struct buf *b, const struct where_node *n)
{
    static const char *const names[] = {"and", "or", "not", "=", "<", "<=", ">", ">=", ":", "~"};

    if (n->op == WHERE_NOT) {
        buf_str(b, "not ");
        spell(b, n->left);
    } else if (n->op == WHERE_AND || n->op == WHERE_OR) {
        buf_char(b, '(');
        spell(b, n->left);
        buf_printf(b, " %s ", names[n->op]);
        spell(b, n->right);
        buf_char(b, ')');
    } else {
        buf_str(b, where_field_name(n->field));
        if (n->key.p)
            buf_printf(b, "[%.*s]", SPAN_FMT(n->key));
        buf_str(b, names[n->op]);
        for (size_t i = 0; i < n->n_values; i++)
            buf_printf(b, "%s%.*s", i ? "," : "", SPAN_FMT(n->values[i].text));
    }
}

static void binds_as_the_grammar_says(void **state)
{
    static const struct {
        const char *text, *tree;
    } cases[] = {
        {"agent=a", "agent=a"},
        {"agent=a or agent=b and agent=c", "(agent=a or (agent=b and agent=c))"},
        {"agent=a and agent=b or agent=c", "((agent=a and agent=b) or agent=c)"},
        {"agent=a and agent=b and agent=c", "((agent=a and agent=b) and agent=c)"},
        {"agent=a and (agent=b or agent=c)", "(agent=a and (agent=b or agent=c))"},
        {"not agent=a and agent=b", "(not agent=a and agent=b)"},
        {"not (agent=a and agent=b)", "not (agent=a and agent=b)"},
        {"not not agent=a", "not not agent=a"},
        {"agent!=a", "not agent=a"},
        {"NOT agent != a OR Agent.x = 1 ", NULL},
        {"((agent=a))", "agent=a"},
        {"AND", NULL},
        {"tag has a And tag IN (b,c)", "(tag:a and tag:b,c)"},
        {"rating<=0.4 and nps>-1", "(rating<=0.4 and nps>-1)"},
        {"agent matches a-*", "agent~a-*"},
        {"category = delivery and segment in (vip, new) and not (rating <= 0.4) and created_at > "
         "now-30d",
         "(((category=delivery and segment:vip,new) and not rating<=0.4) and created_at>now-30d)"},
        {"\u3000agent\u00A0=\n'a b'\t", "agent=a b"},
        {"tag = '빠른 배송' or tag = 빠른배송", "(tag=빠른 배송 or tag=빠른배송)"},
        {"tag = 'it''s' or tag = \"it's\" or tag = \"\"\"\"", "((tag=it's or tag=it's) or tag=\")"},
        {"agent = 'and' or agent='('", "(agent=and or agent=()"},
        {"attributes.plan = gold and experiments.apology-v2 = B",
         "(attributes[plan]=gold and experiments[apology-v2]=B)"},
        {"attributes.'VIP level' >= 3", "attributes[VIP level]>=3"},
        {"experiments.'a b' = B", "experiments[a b]=B"},
        {"attributes.and = x", "attributes[and]=x"},
        {"surveyed = TRUE and backfill != false", "(surveyed=TRUE and not backfill=false)"},
        {"created_at >= '2026-11-22' and created_at<2026-11-23T00:00:00+09:00",
         "(created_at>=2026-11-22 and created_at<2026-11-23T00:00:00+09:00)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct where *w;
        struct buf b;

        print_message("%s\n", cases[i].text);
        if (!cases[i].tree) {
            assert_int_equal(where_parse(span_str(cases[i].text), WHERE_RECORD, &arena, &w, NULL),
                             -EINVAL);
            continue;
        }
        buf_init(&b, 0);
        spell(&b, parse(cases[i].text, WHERE_RECORD)->root);
        assert_string_equal(b.p, cases[i].tree);
        buf_done(&b);
    }
}

static void nothing_matches_all(void **state)
{
    static const struct span blank[] = {{NULL, 0}, {"", 0}, {" \n\t", 3}, {"\u3000", 3}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(blank); i++) {
        struct where *w;

        assert_int_equal(where_parse(blank[i], WHERE_RECORD, &arena, &w, NULL), 0);
        assert_null(w->root);
        assert_int_equal(w->n_tests, 0);
        assert_true(where_match(w, NULL, 0));
    }
}

static void notes_what_a_value_is(void **state)
{
    struct where *w = parse("attributes.x in (5, '5', -1.5e3, 2026-11-22, '2026-11-22T00:00:00Z', "
                            "now, NOW-2w, now+90s, 'now', true, 'true', 30d)",
                            WHERE_RECORD);
    const struct where_value *v = w->root->values;

    (void)state;
    assert_int_equal(w->root->n_values, 12);
    assert_true(v[0].is_number && v[0].number == 5);
    assert_false(v[1].is_number);
    assert_true(v[2].is_number && v[2].number == -1500);
    assert_true(v[3].is_time && !v[3].is_number && v[3].time == INT64_C(1795305600000));
    assert_true(v[4].is_time && v[4].time == v[3].time);
    assert_true(v[5].is_relative && !v[5].is_time && v[5].time == 0);
    assert_true(v[6].is_relative && v[6].time == -14 * MS_DAY);
    assert_true(v[7].is_relative && v[7].time == 90000);
    assert_false(v[8].is_relative);
    assert_true(v[9].boolean);
    assert_false(v[10].boolean);
    assert_false(v[11].is_time || v[11].is_relative || v[11].is_number);
    assert_string_equal(v[11].text.p, "30d");
}

static void says_where_and_what(void **state)
{
    static const struct {
        const char *text;
        uint32_t column;
        const char *message;
    } cases[] = {
        {"categry = x", 1, "unknown field \"categry\"; did you mean category?"},
        {"agent = 1 and created > now", 15, "unknown field \"created\"; did you mean created_at?"},
        {"setniment = negative", 1, "unknown field \"setniment\"; did you mean sentiment?"},
        {"Kind = ticket", 1, "unknown field \"Kind\"; did you mean kind?"},
        {"배송지 = 서울", 1, "unknown field \"배송지\"; an attribute is written attributes.배송지"},
        {"attributes. = x", 1, "attributes needs a name: attributes.NAME"},
        {"experiments = x", 1, "experiments needs a name: experiments.NAME"},
        {"tag = 배송 and sentiment = bad", 26,
         "unknown sentiment \"bad\"; one of none, negative, neutral, positive"},
        {"kind in (ticket, Review)", 18,
         "unknown kind \"Review\"; one of ticket, review, survey, chat, call, social"},
        {"stage = ''", 9,
         "unknown stage \"\"; one of awareness, interest, decision, purchase, use, support, "
         "retention, advocacy"},
        {"lang = jp", 8, "unknown lang \"jp\"; one of ko, en, other"},
        {"rating = high", 10, "rating is compared with a number, without quotes"},
        {"nps in (1, '2')", 12, "nps is compared with a number, without quotes"},
        {"created_at > 30d", 14, "created_at is compared with a date, an RFC 3339 time or now-30d"},
        {"created_at > 2026-02-29", 14,
         "created_at is compared with a date, an RFC 3339 time or now-30d"},
        {"created_at > now*30d", 14,
         "created_at is compared with a date, an RFC 3339 time or now-30d"},
        {"created_at > now-30", 14,
         "created_at is compared with a date, an RFC 3339 time or now-30d"},
        {"kind 'x' = y", 6, "expected = != < <= > >= in has or matches, found 'x'"},
        {"experiments.'' = y", 1, "experiments needs a name: experiments.NAME"},
        {"experiments. 'x' = y", 1, "experiments needs a name: experiments.NAME"},
        {"surveyed = 1", 12, "surveyed is compared with true or false"},
        {"surveyed = 'true'", 12, "surveyed is compared with true or false"},
        {"surveyed in (true)", 10, "surveyed is compared with = or !="},
        {"agent < 5", 7, "agent has no order: write =, != or in"},
        {"tag >= 5", 5, "tag has no order: write =, != or in"},
        {"agent has x", 7, "agent has one value: write = or in"},
        {"nps has 5", 5, "nps has one value: write = or in"},
        {"nps matches 5*", 5, "nps is no text: matches does not apply"},
        {"attributes.n < gold", 16, "an order needs a number, a date, an RFC 3339 time or now-30d"},
        {"attributes.n < '5'", 16, "an order needs a number, a date, an RFC 3339 time or now-30d"},
        {"segment not in (vip)", 9, "not stands before the test: not FIELD in (…)"},
        {"agent", 6, "expected = != < <= > >= in has or matches, found the end"},
        {"agent is x", 7, "expected = != < <= > >= in has or matches, found is"},
        {"agent = ", 9, "expected a value, found the end"},
        {"agent = )", 9, "expected a value, found )"},
        {"agent == x", 8, "expected a value, found ="},
        {"agent = in", 9, "expected a value (a keyword needs quotes), found in"},
        {"agent in x", 10, "expected ( after in, found x"},
        {"agent in ()", 11, "expected a value, found )"},
        {"agent in (a b)", 13, "expected , or ), found b"},
        {"agent in (a,", 13, "expected a value, found the end"},
        {"(agent = a", 11, "expected and, or or ), found the end"},
        {"agent = a)", 10, "expected and, or or the end, found )"},
        {"agent = a agent = b", 11, "expected and, or or the end, found agent"},
        {"and agent = a", 1, "expected a field, found and"},
        {"agent = a and", 14, "expected a field, found the end"},
        {"not", 4, "expected a field, found the end"},
        {"'agent' = a", 1, "expected a field, found 'agent'"},
        {"tag = 'x", 7, "this quote is never closed"},
        {"tag = \"x'", 7, "this quote is never closed"},
        {"tag = 'x''", 7, "this quote is never closed"},
        {"tag = “x”", 7, "unexpected character “; text that contains it is written in quotes"},
        {"tag = a & tag = b", 9,
         "unexpected character &; text that contains it is written in quotes"},
        {"!surveyed = true", 1, "unexpected character !; write not or !="},
        {"\uFEFFtag = x", 1, "unexpected character U+FEFF"},
        {"tag = a\u200B", 8, "unexpected character U+200B"},
        {"tga = x", 1, "unknown field \"tga\"; did you mean tag?"},
        {"tag = \x01", 7, "unexpected character U+0001"},
        {"tag = 가\xFF", 8, "this is not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct where_error e = {0};
        struct where *w = (struct where *)&e;

        print_message("%s\n", cases[i].text);
        assert_int_equal(where_parse(span_str(cases[i].text), WHERE_RECORD, &arena, &w, &e),
                         -EINVAL);
        assert_string_equal(e.message, cases[i].message);
        assert_int_equal(e.column, cases[i].column);
        assert_ptr_equal(w, &e); /* untouched */
    }
}

static void long_tokens_are_cut_in_messages(void **state)
{
    char text[1000] = "";
    struct where_error e;
    struct where *w;

    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(text, "가나");
    assert_int_equal(where_parse(span_str(text), WHERE_RECORD, &arena, &w, &e), -EINVAL);
    assert_true(strlen(e.message) < sizeof(e.message) - 1);
    assert_non_null(strstr(e.message, "\"가나가나가나가나가나가나가\";"));
}

static void a_nul_is_no_end(void **state)
{
    struct where_error e;
    struct where *w;

    (void)state;
    assert_int_equal(where_parse(span_of("tag = a\0b", 9), WHERE_RECORD, &arena, &w, &e), -EINVAL);
    assert_int_equal(e.column, 8);
    assert_string_equal(e.message, "unexpected character U+0000");
    assert_int_equal(where_parse(span_of("tag='a\0b'", 9), WHERE_RECORD, &arena, &w, &e), 0);
    assert_int_equal(w->root->values[0].text.n, 3);
}

static void columns_count_code_points(void **state)
{
    struct where *w = parse("tag = '배송 지연' and   agent = x", WHERE_RECORD);

    (void)state;
    assert_int_equal(w->root->left->column, 1);
    assert_int_equal(w->root->right->column, 21);
}

static void customers_have_attributes(void **state)
{
    struct where *w;
    struct where_error e;

    (void)state;
    w = parse("나이 >= 30", WHERE_CUSTOMER);
    assert_int_equal(w->root->field, WF_ATTRIBUTE);
    assert_string_equal(w->root->key.p, "나이");
    w = parse("attributes.grade in (vip)", WHERE_CUSTOMER);
    assert_string_equal(w->root->key.p, "grade");
    w = parse("id = c-1", WHERE_CUSTOMER);
    assert_int_equal(w->root->field, WF_CUSTOMER);
    assert_string_equal(w->root->key.p, "id");
    w = parse("attributes.id = c-1", WHERE_CUSTOMER);
    assert_int_equal(w->root->field, WF_ATTRIBUTE);
    w = parse("sentiment = anything", WHERE_CUSTOMER); /* a name like any other */
    assert_int_equal(w->root->field, WF_ATTRIBUTE);
    w = parse("attributes.'a b' matches '*?x'", WHERE_CUSTOMER);
    assert_string_equal(w->root->key.p, "a b");
    w = parse("experiments.x = B", WHERE_CUSTOMER);
    assert_string_equal(w->root->key.p, "experiments.x");
    assert_int_equal(where_parse(SPAN_LIT("id < 5"), WHERE_CUSTOMER, &arena, &w, &e), -EINVAL);
    assert_string_equal(e.message, "id has no order: write =, != or in");
    assert_int_equal(where_parse(SPAN_LIT("grade has x"), WHERE_CUSTOMER, &arena, &w, &e), -EINVAL);
    assert_string_equal(e.message, "grade has one value: write = or in");
    assert_int_equal(where_parse(SPAN_LIT("attributes. = x"), WHERE_CUSTOMER, &arena, &w, &e),
                     -EINVAL);
    assert_int_equal(where_parse(SPAN_LIT("experiments.'x y' = B"), WHERE_CUSTOMER, &arena, &w, &e),
                     -EINVAL);
}

static void finds_fields(void **state)
{
    struct span key = SPAN_LIT("before");

    (void)state;
    for (int f = 0; f < WF_COUNT; f++) {
        const char *name = where_field_name((enum where_field)f);
        bool keyed = f == WF_ATTRIBUTE || f == WF_EXPERIMENT;

        assert_int_equal(where_field_find(span_str(name), &key), keyed ? -1 : f);
    }
    assert_int_equal(where_field_find(SPAN_LIT("attributes.a.b"), &key), WF_ATTRIBUTE);
    assert_true(span_is(key, "a.b"));
    assert_int_equal(where_field_find(SPAN_LIT("experiments.e"), NULL), WF_EXPERIMENT);
    assert_int_equal(where_field_find(SPAN_LIT("experiments."), &key), -1);
    assert_true(span_is(key, "a.b")); /* untouched on failure */
    assert_int_equal(where_field_find(SPAN_LIT("kind.x"), &key), -1);
    assert_int_equal(where_field_find(SPAN_NONE, &key), -1);
    assert_int_equal(where_field_type(WF_TAG), WHERE_MULTI);
    assert_int_equal(where_field_type(WF_BACKFILL), WHERE_BOOL);
}

static int parse_buf(struct buf *b, struct where_error *e)
{
    struct where *w;

    assert_int_equal(buf_error(b), 0);
    return where_parse(buf_span(b), WHERE_RECORD, &arena, &w, e);
}

static void repeat(struct buf *b, const char *first, const char *more, size_t n)
{
    buf_reset(b);
    buf_str(b, first);
    for (size_t i = 0; i < n; i++)
        buf_str(b, more);
}

static void holds_its_limits(void **state)
{
    struct where_error e;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    repeat(&b, "tag=a", " or tag=a", WHERE_TESTS_MAX - 1);
    assert_int_equal(parse_buf(&b, &e), 0);
    repeat(&b, "tag=a", " or tag=a", WHERE_TESTS_MAX);
    assert_int_equal(parse_buf(&b, &e), -EINVAL);
    assert_string_equal(e.message, "more than 64 tests");
    assert_int_equal(e.column, 5 + 63 * 9 + 5);

    repeat(&b, "", "(", WHERE_DEPTH_MAX);
    buf_str(&b, "tag=a");
    for (int i = 0; i < WHERE_DEPTH_MAX; i++)
        buf_char(&b, ')');
    assert_int_equal(parse_buf(&b, &e), 0);
    repeat(&b, "", "not ", WHERE_DEPTH_MAX);
    buf_str(&b, "tag=a");
    assert_int_equal(parse_buf(&b, &e), 0);
    repeat(&b, "", "not(", WHERE_DEPTH_MAX);
    assert_int_equal(parse_buf(&b, &e), -EINVAL);
    assert_string_equal(e.message, "nested deeper than 32");
    assert_int_equal(e.column, 65);

    repeat(&b, "tag=a", " or not (tag=a)", WHERE_DEPTH_MAX); /* side by side is not deep */
    assert_int_equal(parse_buf(&b, &e), 0);

    repeat(&b, "tag in (a", ",a", WHERE_VALUES_MAX - 1);
    buf_char(&b, ')');
    assert_int_equal(parse_buf(&b, &e), 0);
    repeat(&b, "tag in (a", ",a", WHERE_VALUES_MAX);
    assert_int_equal(parse_buf(&b, &e), -EINVAL);
    assert_string_equal(e.message, "more than 256 values");

    repeat(&b, "tag=a", " ", WHERE_TEXT_MAX - 5);
    assert_int_equal(parse_buf(&b, &e), 0);
    buf_char(&b, ' ');
    assert_int_equal(parse_buf(&b, &e), -EINVAL);
    assert_string_equal(e.message, "the filter is longer than 4096 bytes");
    assert_int_equal(e.column, 4097);
    buf_done(&b);
}

/* With every smaller arena it says -ENOMEM, not something else. */
static void runs_out_of_memory_gracefully(void **state)
{
    struct span text = SPAN_LIT("not (tag in ('a''b', c) and attributes.x >= 5) or agent != x");
    bool fitted = false;

    (void)state;
    for (size_t max = 1; max < 4000 && !fitted; max++) {
        struct where *w = NULL;
        struct arena small;
        int r;

        arena_init(&small, max);
        r = where_parse(text, WHERE_RECORD, &small, &w, NULL);
        assert_true(r == 0 || r == -ENOMEM);
        assert_int_equal(r == 0, w != NULL);
        fitted = r == 0;
        arena_done(&small);
    }
    assert_true(fitted);
}

/* The tree stays when the text goes. */
static void copies_what_it_needs(void **state)
{
    char text[] = "attributes.plan = gold";
    struct where *w = parse(text, WHERE_RECORD);

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    assert_string_equal(w->root->key.p, "plan");
    assert_string_equal(w->root->values[0].text.p, "gold");
    assert_string_equal(w->text.p, "attributes.plan = gold");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(binds_as_the_grammar_says),
        TEST(nothing_matches_all),
        TEST(notes_what_a_value_is),
        TEST(says_where_and_what),
        TEST(long_tokens_are_cut_in_messages),
        TEST(a_nul_is_no_end),
        TEST(columns_count_code_points),
        TEST(customers_have_attributes),
        TEST(finds_fields),
        TEST(holds_its_limits),
        TEST(runs_out_of_memory_gracefully),
        TEST(copies_what_it_needs),
    };

    return cmocka_run_group_tests_name("base/where parse", tests, NULL, NULL);
}
