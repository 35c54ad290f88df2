#include "daemon/trust/masked_where.h"

#include "base/err.h"
#include "tests/lib/test.h"

static struct arena arena;

/* What an agent may ask, and by which field he may not. */
static void test_what_may_be_asked(void **state)
{
    (void)state;
    static const struct {
        const char *where;
        int refused; /* enum where_field, or -1 */
    } table[] = {
        {"", -1},
        {"category = delivery and sentiment = negative and not (rating <= 0.4)", -1},
        {"segment in (vip, new) or signal has legal or created_at > now-30d or surveyed = true",
         -1},
        {"category matches 'deliv*'", -1},
        {"product = tea and team in (A, B) and channel != chat and vendor = 'CS-1'", -1},
        {"experiments.apology = B", -1},
        {"source = web", -1},
        {"customer = c-1", WF_CUSTOMER},
        {"customer matches 'm*'", WF_CUSTOMER},
        {"not (customer = c-1)", WF_CUSTOMER},
        {"category = delivery and (kind = chat or (type = complaint and customer != c-1))",
         WF_CUSTOMER},
        {"conversation = 7", WF_CONVERSATION},
        {"tag = vip", WF_TAG},
        {"tag has vip", WF_TAG},
        {"attributes.phone matches '010-1*'", WF_ATTRIBUTE},
        {"attributes.birthday < '1990-01-01'", WF_ATTRIBUTE},
        {"attributes.grade = VIP", WF_ATTRIBUTE},
        {"product matches '*98*'", WF_PRODUCT},
        {"agent matches 'k*'", WF_AGENT},
        {"source matches 'w*'", WF_SOURCE},
        {"experiments.apology matches 'B*'", WF_EXPERIMENT},
        {"product = '010-9876-5432'", WF_PRODUCT},
        {"product in (tea, 'minsu@example.com')", WF_PRODUCT},
        {"status != '상담 010-9876-5432'", WF_STATUS},
        {"vendor = '900101-1234567'", WF_VENDOR},
        {"team = 'a' and channel = 'b' and agent = 'kim@example.com'", WF_AGENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct where *w;
        struct where_error err;
        assert_int_equal(where_parse(span_str(table[i].where), WHERE_RECORD, &arena, &w, &err), 0);
        const struct where_node *refused = masked_where_refused(w);
        if ((refused ? (int)refused->field : -1) != table[i].refused)
            fail_msg("%s: refused %s", table[i].where,
                     refused ? where_field_name(refused->field) : "nothing");
    }
}

/* Every field has been thought of: one added to the language shows here. */
static void test_every_field(void **state)
{
    (void)state;
    static const enum where_field guarded[] = {
        WF_CUSTOMER, WF_CONVERSATION, WF_TAG,  WF_ATTRIBUTE, WF_SOURCE,  WF_CHANNEL,
        WF_STATUS,   WF_AGENT,        WF_TEAM, WF_VENDOR,    WF_PRODUCT, WF_EXPERIMENT};
    static const enum where_field codes[] = {WF_KIND,  WF_LANG,     WF_SENTIMENT, WF_TYPE,
                                             WF_STAGE, WF_CATEGORY, WF_SIGNAL,    WF_SEGMENT};
    for (int f = 0; f < WF_COUNT; f++) {
        struct where_value value = {.text = SPAN_LIT("*1*")};
        struct where_node test = {
            .op = WHERE_MATCHES, .field = (enum where_field)f, .values = &value, .n_values = 1};
        struct where w = {.root = &test};
        enum where_type type = where_field_type((enum where_field)f);
        bool text = type == WHERE_TEXT || type == WHERE_MULTI, listed = !text;
        for (size_t i = 0; i < ARRAY_LEN(guarded); i++) {
            if (guarded[i] == (enum where_field)f)
                assert_non_null(masked_where_refused(&w));
            listed = listed || guarded[i] == (enum where_field)f;
        }
        for (size_t i = 0; i < ARRAY_LEN(codes); i++)
            listed = listed || codes[i] == (enum where_field)f;
        if (!listed)
            fail_msg("may an agent filter by %s? masked_where.c must say",
                     where_field_name((enum where_field)f));
    }
}

static void test_filters_that_name_somebody(void **state)
{
    (void)state;
    static const struct {
        enum where_scope scope;
        const char *where;
        bool names;
    } table[] = {
        {WHERE_RECORD, "", false},
        {WHERE_RECORD, "category = delivery", false},
        {WHERE_RECORD, "category = delivery and not (customer in (a, b))", true},
        {WHERE_RECORD, "conversation = 1", true},
        {WHERE_RECORD, "this is no filter", true},
        {WHERE_CUSTOMER, "grade = vip", false},
        {WHERE_CUSTOMER, "grade = vip or id = hong", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_int_equal(masked_where_names(span_str(table[i].where), table[i].scope, &arena),
                         table[i].names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_be_asked),
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_filters_that_name_somebody),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
