#include "base/where.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "base/where_impl.h"
#include "tests/lib/test.h"

static void writes_the_canonical_text(void **state)
{
    static const struct {
        enum where_scope scope;
        const char *text, *canonical;
    } cases[] = {
        {WHERE_RECORD, "  ", ""},
        {WHERE_RECORD, "agent='a'", "agent = a"},
        {WHERE_RECORD, "not agent=a", "agent != a"},
        {WHERE_RECORD, "NOT not agent = a", "not agent != a"},
        {WHERE_RECORD, "((agent=a)OR agent=b)and tag has 'c'",
         "(agent = a or agent = b) and tag has c"},
        {WHERE_RECORD, "tag in (a)", "tag has a"},
        {WHERE_RECORD, "agent in(a)", "agent in (a)"},
        {WHERE_RECORD, "agent in('a b',  \"c'd\" ,\"e\")", "agent in ('a b', \"c'd\", e)"},
        {WHERE_RECORD, "tag = '5' or tag = 5", "tag = '5' or tag = 5"},
        {WHERE_RECORD, "tag = 'now' or tag = 'true'", "tag = 'now' or tag = 'true'"},
        {WHERE_RECORD, "tag = 'AND' or tag = ''", "tag = 'AND' or tag = ''"},
        {WHERE_RECORD, "created_at > '2026-11-22'", "created_at > 2026-11-22"},
        {WHERE_RECORD, "created_at > '2026-11-22 00:00:00Z'",
         "created_at > '2026-11-22 00:00:00Z'"},
        {WHERE_RECORD, "not (rating <= 0.40)", "not rating <= 0.40"},
        {WHERE_RECORD, "not (agent=a and agent=b)", "not (agent = a and agent = b)"},
        {WHERE_RECORD, "agent=a and (agent=b and agent=c)",
         "agent = a and (agent = b and agent = c)"},
        {WHERE_RECORD, "(agent=a and agent=b) and agent=c",
         "agent = a and agent = b and agent = c"},
        {WHERE_RECORD, "attributes.'x'>5 or attributes.'x y'>5",
         "attributes.x > 5 or attributes.'x y' > 5"},
        {WHERE_CUSTOMER, "attributes.grade=a and id=b", "grade = a and id = b"},
        {WHERE_CUSTOMER, "attributes.id=a", "attributes.id = a"},
        {WHERE_CUSTOMER, "attributes.not=a", "attributes.not = a"},
        {WHERE_CUSTOMER, "attributes.attributes.x=a", "attributes.attributes.x = a"},
        {WHERE_CUSTOMER, "attributes.'a b' = 1", "attributes.'a b' = 1"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct where *w;
        struct span text;

        print_message("%s\n", cases[i].text);
        assert_int_equal(where_parse(span_str(cases[i].text), cases[i].scope, &arena, &w, NULL), 0);
        assert_int_equal(where_print(w, &arena, &text), 0);
        assert_string_equal(text.p, cases[i].canonical);
    }
    arena_done(&arena);
}

static bool same_value(const struct where_value *a, const struct where_value *b)
{
    return span_eq(a->text, b->text) && a->is_number == b->is_number && a->is_time == b->is_time &&
           a->is_relative == b->is_relative && a->boolean == b->boolean &&
           (!a->is_number || a->number == b->number) &&
           (!(a->is_time || a->is_relative) || a->time == b->time);
}

static bool same_tree(const struct where_node *a, const struct where_node *b)
{
    if (!a || !b)
        return a == b;
    if (a->op != b->op || a->n_values != b->n_values)
        return false;
    if (a->n_values == 0)
        return same_tree(a->left, b->left) && same_tree(a->right, b->right);
    for (size_t i = 0; i < a->n_values; i++)
        if (!same_value(&a->values[i], &b->values[i]))
            return false;
    return a->field == b->field && span_eq(a->key, b->key);
}

/* Random trees, made without the parser. */
struct maker {
    struct arena *arena;
    enum where_scope scope;
    size_t tests_left;
};

static struct span random_text(struct maker *m)
{
    static const char *const pieces[] = {"a",   "Z9",          "배송", "-", "/",          " ",
                                         "'",   "\"",          "(",    ",", "*",          "and",
                                         "5",   "now",         "true", "=", "é",          "\u3000",
                                         "not", "attributes.", "\t",   "“", "2026-11-22", "id"};
    struct span s = SPAN_LIT("");

    for (uint64_t n = test_below(4); n; n--)
        s = arena_printf(m->arena, "%.*s%s", SPAN_FMT(s), pieces[test_below(ARRAY_LEN(pieces))]);
    return s;
}

static struct span random_key(struct maker *m)
{
    struct span s = random_text(m);

    return s.n ? s : SPAN_LIT("k");
}

static struct where_value random_value(struct maker *m, enum where_field f, enum where_op op)
{
    static const char *const times[] = {"now", "now-30d", "NOW+5s", "2026-11-22",
                                        "2026-11-22T09:10:11.5+09:00"};
    enum where_type type = where_field_type(f);
    bool ordered = op == WHERE_LT || op == WHERE_LE || op == WHERE_GT || op == WHERE_GE;
    static const enum vocab vocabs[WF_COUNT] = {
        [WF_SENTIMENT] = VOCAB_SENTIMENT, [WF_STAGE] = VOCAB_STAGE, [WF_LANG] = VOCAB_LANG};

    if (type == WHERE_NUMBER || (ordered && type == WHERE_TEXT && test_below(2)))
        return where_value_of(arena_printf(m->arena, "%.6g", test_unit() * 20 - 10), false);
    if (type == WHERE_TIME || ordered)
        return where_value_of(span_str(times[test_below(ARRAY_LEN(times))]), false);
    if (type == WHERE_BOOL)
        return where_value_of(test_below(2) ? SPAN_LIT("true") : SPAN_LIT("False"), false);
    if (m->scope == WHERE_RECORD && op != WHERE_MATCHES &&
        (f == WF_KIND || f == WF_SENTIMENT || f == WF_STAGE || f == WF_LANG)) {
        int n = vocab_count(vocabs[f]);

        return where_value_of(span_str(vocab_code(vocabs[f], 1 + (int)test_below((uint64_t)n - 1))),
                              false);
    }
    return where_value_of(random_text(m), true);
}

static enum where_op random_op(enum where_field f)
{
    static const enum where_op of_text[] = {WHERE_EQ, WHERE_IN, WHERE_MATCHES};
    static const enum where_op of_number[] = {WHERE_EQ, WHERE_IN, WHERE_LT,
                                              WHERE_LE, WHERE_GT, WHERE_GE};

    switch (where_field_type(f)) {
    case WHERE_NUMBER:
    case WHERE_TIME:
        return of_number[test_below(6)];
    case WHERE_BOOL:
        return WHERE_EQ;
    default:
        return f == WF_ATTRIBUTE && test_below(2) ? of_number[test_below(6)]
                                                  : of_text[test_below(3)];
    }
}

static struct where_node *random_test(struct maker *m)
{
    struct where_node *t = arena_zalloc(m->arena, sizeof(*t));
    struct where_value *values = arena_array(m->arena, 4, sizeof(*values));

    t->field = m->scope == WHERE_RECORD ? (enum where_field)test_below(WF_COUNT)
               : test_below(4)          ? WF_ATTRIBUTE
                                        : WF_CUSTOMER;
    t->op = random_op(t->field);
    if (t->field == WF_ATTRIBUTE || t->field == WF_EXPERIMENT)
        t->key = random_key(m);
    else if (m->scope == WHERE_CUSTOMER)
        t->key = WHERE_ID;
    t->n_values = t->op == WHERE_IN ? 1 + test_below(4) : 1;
    for (size_t i = 0; i < t->n_values; i++)
        values[i] = random_value(m, t->field, t->op);
    t->values = values;
    m->tests_left--;
    return t;
}

static struct where_node *random_tree(struct maker *m, size_t depth)
{
    struct where_node *n;

    if (depth == 0 || m->tests_left < 2 || test_below(4) == 0)
        return random_test(m);
    n = arena_zalloc(m->arena, sizeof(*n));
    n->op = (enum where_op)test_below(3);
    n->left = random_tree(m, depth - 1);
    if (n->op == WHERE_NOT)
        return n;
    if (m->tests_left == 0)
        return n->left;
    n->right = random_tree(m, depth - 1);
    return n;
}

/* print → parse gives the tree back, and printing that the same text. */
static void random_trees_survive(void **state)
{
    struct arena arena;
    size_t printed = 0;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < test_rounds(5000, 200000); i++) {
        struct maker m = {.arena = &arena, .scope = (enum where_scope)(i % 2), .tests_left = 64};
        struct where_error e;
        struct where made, *read;
        struct span text, again;
        int r;

        arena_reset(&arena);
        made = (struct where){.scope = m.scope, .root = random_tree(&m, 1 + test_below(10))};
        r = where_print(&made, &arena, &text);
        if (r == -EMSGSIZE) /* not every tree came from 4 KiB */
            continue;
        assert_int_equal(r, 0);
        if (where_parse(text, m.scope, &arena, &read, &e) != 0)
            fail_msg("%s: column %u: %s", text.p, e.column, e.message);
        if (!same_tree(made.root, read->root))
            fail_msg("another tree: %s", text.p);
        assert_int_equal(where_print(read, &arena, &again), 0);
        assert_string_equal(text.p, again.p);
        printed++;
    }
    assert_true(printed > test_rounds(5000, 200000) / 2);
    arena_done(&arena);
}

/* Texts at the limit whose canonical form with all its spaces would pass it. */
static void full_filters_survive(void **state)
{
    static const char *const tests[] = {"not tag='b'or ",
                                        "a",
                                        "(nps<5)or ",
                                        "tag has'x y'or ",
                                        "agent in('(',\"'\")or ",
                                        "not(nps>1 and nps<2)or ",
                                        "attributes.'x y'=5 or "};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t k = 0; k < ARRAY_LEN(tests); k++) {
        struct where *w, *again;
        struct span text;
        struct buf b;

        buf_init(&b, 0);
        if (k == 1)
            buf_str(&b, "tag in(");
        for (int i = 0; i < (k == 1 ? 255 : 31); i++)
            buf_printf(&b, "%s%s", tests[k], k == 1 ? "aaaaaaaaaaaaa," : "");
        buf_str(&b, k == 1 ? "a)or " : "");
        buf_str(&b, "tag='");
        while (b.n < WHERE_TEXT_MAX - 1)
            buf_char(&b, '\"');
        buf_char(&b, '\'');
        assert_int_equal(where_parse(buf_span(&b), WHERE_RECORD, &arena, &w, NULL), 0);
        assert_int_equal(where_print(w, &arena, &text), 0);
        assert_true(text.n <= WHERE_TEXT_MAX);
        assert_int_equal(where_parse(text, WHERE_RECORD, &arena, &again, NULL), 0);
        assert_true(same_tree(w->root, again->root));
        buf_done(&b);
    }
    arena_done(&arena);
}

static void check_any_text(struct span text, struct arena *a, size_t *accepted)
{
    static const struct pair pairs[] = {{{"a", 1}, {"5", 1}}};
    static const struct feedback f = {.source = {"a", 1}, .attributes = pairs, .n_attributes = 1};
    const struct where_record record = {.feedback = &f};
    enum where_scope scope = (enum where_scope)test_below(2);
    struct where_error e = {0};
    struct where *w, *again;
    struct span canonical;
    int r = where_parse(text, scope, a, &w, &e);

    if (r == 0) {
        (*accepted)++;
        assert_int_equal(where_print(w, a, &canonical), 0);
        assert_int_equal(where_parse(canonical, scope, a, &again, &e), 0);
        assert_true(same_tree(w->root, again->root));
        if (scope == WHERE_RECORD)
            assert_int_equal(where_match(w, &record, 0), where_match(again, &record, 0));
        else
            assert_int_equal(where_match_customer(w, SPAN_LIT("a"), pairs, 1, 0),
                             where_match_customer(again, SPAN_LIT("a"), pairs, 1, 0));
        return;
    }
    assert_int_equal(r, -EINVAL);
    assert_true(e.column >= 1 && e.column <= text.n + 1);
    assert_int_not_equal(e.message[0], '\0');
    assert_non_null(memchr(e.message, '\0', sizeof(e.message)));
    if (utf8_valid(text) == text.n)
        assert_int_equal(utf8_valid(span_str(e.message)), strlen(e.message));
}

static void random_bytes_do_no_harm(void **state)
{
    struct arena arena;
    size_t accepted = 0;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < test_rounds(20000, 1000000); i++) {
        size_t n = test_below(test_below(50) ? 40 : 5000);
        char *exact = malloc(n + 1); /* so that a sanitizer sees one byte too far */

        assert_non_null(exact);
        for (size_t k = 0; k < n; k++)
            exact[k] = (char)test_rand();
        arena_reset(&arena);
        check_any_text(span_of(exact, n), &arena, &accepted);
        free(exact);
    }
    arena_done(&arena);
}

static void random_words_do_no_harm(void **state)
{
    static const char *const words[] = {
        "agent",      "tag", "nps",     "created_at", "surveyed", "attributes.", "attributes.a",
        "id",         "=",   "!=",      "<",          ">=",       "in",          "has",
        "matches",    "and", "or",      "not",        "(",        ")",           ",",
        "'",          "'x'", "\"y z\"", "5",          "-0.5",     "true",        "now-1d",
        "2026-11-22", "가",  " ",       "\xFF"};
    struct arena arena;
    size_t accepted = 0;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < test_rounds(200000, 5000000); i++) {
        char text[256] = "";
        struct span s;
        char *exact;

        for (uint64_t n = 1 + test_below(test_below(2) ? 4 : 14); n; n--) {
            strcat(text, words[test_below(ARRAY_LEN(words) - (test_below(30) > 0))]);
            strcat(text, test_below(3) ? " " : "");
        }
        s = span_str(text);
        exact = malloc(s.n);
        assert_non_null(exact);
        memcpy(exact, s.p, s.n);
        arena_reset(&arena);
        check_any_text(span_of(exact, s.n), &arena, &accepted);
        free(exact);
    }
    print_message("%zu accepted\n", accepted);
    assert_true(accepted > 100);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_canonical_text), cmocka_unit_test(random_trees_survive),
        cmocka_unit_test(full_filters_survive),      cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(random_words_do_no_harm),
    };

    return cmocka_run_group_tests_name("base/where print", tests, NULL, NULL);
}
