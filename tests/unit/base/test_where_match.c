#include "base/where.h"

#include "base/buf.h"
#include "base/err.h"
#include "tests/lib/test.h"

#define NOW INT64_C(1795306211000) /* 2026-11-22T00:10:11Z */

static struct arena arena;

static const struct span tags[] = {{"night", 5}, {"new app", 7}};
static const struct pair attributes[] = {
    {{"agreed", 6}, {"true", 4}},
    {{"empty", 5}, {"", 0}},
    {{"joined", 6}, {"2026-11-01", 10}},
    {{"level", 5}, {"2.0", 3}},
    {{"order_no", 8}, {"9007199254740993", 16}},
    {{"region", 6}, {"서울", 6}},
    {{"seen", 4}, {"2026-11-22T09:00:00+09:00", 25}},
};
static const struct pair experiments[] = {{{"apology-v2", 10}, {"B", 1}}};
static const struct topic topics[] = {
    {.code = {"delivery/late", 13}},
    {.code = {"refund", 6}},
};
static const struct span signals[] = {{"churn", 5}};
static const struct span segments[] = {{"new", 3}, {"vip", 3}};

static const struct feedback feedback = {
    .source = {"zendesk", 7},
    .external_id = {"1", 1},
    .conversation = {"cv-9", 4},
    .kind = KIND_CHAT,
    .channel = {"kakao", 5},
    .created_at = NOW - 3 * MS_DAY,
    .updated_at = NO_TIME,
    .customer = {.id = {"c-1029", 6}},
    .lang = {"ja", 2},
    .rating = {.value = 2, .scale = 5, .has = true},
    .csat = {.value = 4, .scale = 7, .has = true},
    .nps = {.value = 0, .scale = 10, .has = true},
    .surveyed = true,
    .agent = {"a-12", 4},
    .team = {"", 0},
    .product = {"Kettle-XL", 9},
    .stage = STAGE_SUPPORT,
    .tags = tags,
    .n_tags = ARRAY_LEN(tags),
    .attributes = attributes,
    .n_attributes = ARRAY_LEN(attributes),
    .experiments = experiments,
    .n_experiments = ARRAY_LEN(experiments),
};
static const struct analysis analysis = {
    .lang = LANG_KO,
    .sentiment = SENTIMENT_NEGATIVE,
    .polarity = -0.8,
    .confidence = 0.9,
    .categories = topics,
    .n_categories = ARRAY_LEN(topics),
    .type = {"complaint", 9},
    .signals = signals,
    .n_signals = ARRAY_LEN(signals),
};
static const struct where_record record = {
    .feedback = &feedback,
    .analysis = &analysis,
    .segments = segments,
    .n_segments = ARRAY_LEN(segments),
};

static struct where *parse(const char *text, enum where_scope scope)
{
    struct where_error e = {0};
    struct where *w = NULL;

    if (where_parse(span_str(text), scope, &arena, &w, &e) != 0)
        fail_msg("%s: column %u: %s", text, e.column, e.message);
    return w;
}

struct expected {
    const char *text;
    bool match;
};

static void check_record(const struct expected *cases, size_t n, const struct where_record *r)
{
    arena_init(&arena, 0);
    for (size_t i = 0; i < n; i++)
        if (where_match(parse(cases[i].text, WHERE_RECORD), r, NOW) != cases[i].match)
            fail_msg("%s is not %s", cases[i].text, cases[i].match ? "true" : "false");
    arena_done(&arena);
}

static void tests_every_field(void **state)
{
    static const struct expected cases[] = {
        {"source = zendesk", true},
        {"source = Zendesk", false},
        {"source = zen", false},
        {"kind = chat", true},
        {"kind in (ticket, chat)", true},
        {"channel = kakao", true},
        {"lang = ko", true}, /* what was read, not what was said */
        {"sentiment = negative", true},
        {"sentiment != negative", false},
        {"type = complaint", true},
        {"stage = support", true},
        {"agent = a-12", true},
        {"agent matches A-*", true},
        {"agent matches 'a-?'", false},
        {"product matches kettle*", true},
        {"customer = c-1029", true},
        {"conversation = cv-9", true},
        {"category = delivery", true},
        {"category = delivery/late", true},
        {"category = delivery/lat", false},
        {"category = deliver", false},
        {"category in (app, refund)", true},
        {"category has refund", true},
        {"category matches */late", true},
        {"category matches delivery", false}, /* a glob is on the whole path */
        {"signal has churn", true},
        {"signal = legal", false},
        {"segment in (vip)", true},
        {"segment = old", false},
        {"tag = 'new app'", true},
        {"tag matches new*", true},
        {"tag has new", false},
        {"polarity < -0.5", true},
        {"polarity = -0.8", true},
        {"confidence >= 0.9", true},
        {"confidence > 0.9", false},
        {"rating = 0.4", true}, /* 2 of 5 */
        {"rating <= 0.4", true},
        {"rating < 0.4", false},
        {"csat = 4", true},
        {"nps = 0", true},
        {"nps in (1, 0)", true},
        {"nps < 0", false},
        {"created_at > now-4d", true},
        {"created_at > now-2d", false},
        {"created_at < now", true},
        {"created_at < now+1h", true},
        {"created_at = now-3d", true},
        {"created_at >= 2026-11-19", true},
        {"created_at >= 2026-11-20", false},
        {"created_at <= 2026-11-19T09:10:11+09:00", true},
        {"created_at < 2026-11-19T09:10:11+09:00", false},
        {"surveyed = true", true},
        {"surveyed != true", false},
        {"backfill = FALSE", true},
        {"experiments.apology-v2 = B", true},
        {"experiments.apology-v2 = b", false},
        {"experiments.apology-v2 in (A, B)", true},
        {"experiments.other = B", false},
    };

    (void)state;
    check_record(cases, ARRAY_LEN(cases), &record);
}

static void tests_attributes(void **state)
{
    static const struct expected cases[] = {
        {"attributes.region = 서울", true},
        {"attributes.region matches '서?'", true},
        {"attributes.region > 5", false}, /* no number */
        {"not attributes.region > 5", true},
        {"attributes.level = 2", true},
        {"attributes.level in (1, 2)", true},
        {"attributes.level = '2'", false}, /* quoted: text */
        {"attributes.level = '2.0'", true},
        {"attributes.level >= 2", true},
        {"attributes.level < 10", true},
        {"attributes.level matches 2*", true},
        {"attributes.agreed = true", true},
        {"attributes.agreed = TRUE", false}, /* stored as its JSON text */
        {"attributes.order_no = 9007199254740993", true},
        {"attributes.order_no = 9007199254740992", false}, /* the same double, another number */
        {"attributes.joined >= 2026-11-01", true},
        {"attributes.joined > 2026-11-01", false},
        {"attributes.joined > now-22d", true}, /* midnight is 21 days and 10 minutes ago */
        {"attributes.joined > now-21d", false},
        {"attributes.seen = 2026-11-22", false}, /* = is on the text */
        {"attributes.seen >= 2026-11-22", true},
        {"attributes.seen <= '2026-11-22T00:00:00Z'", true},
        {"attributes.level > now-30d", false}, /* no time */
        {"attributes.empty = ''", false},
        {"attributes.empty matches *", false},
        {"attributes.missing = ''", false},
        {"attributes.missing != x", true},
        {"attributes.a = x or attributes.zzz = x", false}, /* before the first, behind the last */
    };

    (void)state;
    check_record(cases, ARRAY_LEN(cases), &record);
}

static void absent_is_false(void **state)
{
    static const struct feedback bare = {
        .source = {"s", 1}, .kind = KIND_TICKET, .created_at = NOW, .lang = {"ko", 2}};
    static const struct where_record alone = {.feedback = &bare};
    static const struct expected cases[] = {
        {"kind = ticket", true},
        {"lang = ko", true}, /* as given, when nothing was read */
        {"lang = en", false},
        {"status = open", false},
        {"status != open", true},
        {"status matches *", false},
        {"stage matches *", false},
        {"team = ''", false},
        {"sentiment = none", false},
        {"type = other", false},
        {"category matches *", false},
        {"category != delivery", true},
        {"signal has churn", false},
        {"segment = vip", false},
        {"tag matches *", false},
        {"polarity <= 1", false},
        {"polarity > -2", false},
        {"rating <= 0.4", false},
        {"not (rating <= 0.4)", true},
        {"rating != 0.4", true},
        {"csat >= 0 or nps >= 0 or ces >= 0", false},
        {"attributes.x = y", false},
        {"experiments.x = y", false},
        {"surveyed = false", true},
    };

    (void)state;
    check_record(cases, ARRAY_LEN(cases), &alone);
}

/* An analysis of nothing says so, and has no polarity. */
static void nothing_read_has_no_polarity(void **state)
{
    static const struct analysis none = {.sentiment = SENTIMENT_NONE, .lang = LANG_NONE};
    static const struct where_record silent = {.feedback = &feedback, .analysis = &none};
    static const struct expected cases[] = {
        {"sentiment = none", true},         {"polarity = 0", false}, {"confidence >= 0", false},
        {"lang in (ko, en, other)", false}, {"rating = 0.4", true},
    };

    (void)state;
    check_record(cases, ARRAY_LEN(cases), &silent);
}

static void a_rating_without_scale_is_absent(void **state)
{
    struct feedback f = feedback;
    const struct where_record r = {.feedback = &f};
    static const struct expected cases[] = {{"rating >= 0", false}, {"rating <= 100", false}};

    (void)state;
    f.rating.scale = 0;
    check_record(cases, ARRAY_LEN(cases), &r);
    f.rating = (struct scaled){.value = 1, .scale = 5, .has = false};
    check_record(cases, ARRAY_LEN(cases), &r);
}

/* a, b and c take all eight values; the filters are compared with C's own operators. */
static void joins_tests(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    for (int bits = 0; bits < 8; bits++) {
        bool a = bits & 1, b = bits & 2, c = bits & 4;
        struct feedback f = {
            .agent = a ? SPAN_LIT("y") : SPAN_LIT("n"),
            .team = b ? SPAN_LIT("y") : SPAN_LIT("n"),
            .vendor = c ? SPAN_LIT("y") : SPAN_LIT("n"),
        };
        const struct where_record r = {.feedback = &f};
        const struct expected cases[] = {
            {"agent=y or team=y and vendor=y", a || (b && c)},
            {"(agent=y or team=y) and vendor=y", (a || b) && c},
            {"not agent=y and team=y", !a && b},
            {"not (agent=y and team=y)", !(a && b)},
            {"agent=y and team=y and vendor=y", a && b && c},
            {"agent!=y or not not team=y", !a || b},
            {"not (agent=y or team=y) or vendor=y", !(a || b) || c},
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
            if (where_match(parse(cases[i].text, WHERE_RECORD), &r, NOW) != cases[i].match)
                fail_msg("%s with %d", cases[i].text, bits);
    }
    arena_done(&arena);
}

static void matches_customers(void **state)
{
    static const struct expected cases[] = {
        {"", true},
        {"id = c-1", true},
        {"id matches c-*", true},
        {"attributes.id = c-1", false},
        {"region = 서울 and level >= 2", true},
        {"attributes.region in (부산, 서울)", true},
        {"joined > now-30d", true},
        {"joined < now-30d", false},
        {"seen > 2026-11-21 and seen < 2026-11-23", true},
        {"level = 2", true},
        {"missing = 1", false},
        {"not missing = 1", true},
        {"sentiment = negative", false},
    };

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (where_match_customer(parse(cases[i].text, WHERE_CUSTOMER), SPAN_LIT("c-1"), attributes,
                                 ARRAY_LEN(attributes), NOW) != cases[i].match)
            fail_msg("%s is not %s", cases[i].text, cases[i].match ? "true" : "false");
    assert_false(where_match_customer(parse("a = 1", WHERE_CUSTOMER), SPAN_NONE, NULL, 0, NOW));
    arena_done(&arena);
}

/* What the store runs over the entries of its dictionaries. */
static void tests_single_values(void **state)
{
    const struct where_node *t;

    (void)state;
    arena_init(&arena, 0);
    t = parse("category in (delivery, app)", WHERE_RECORD)->root;
    assert_true(where_test_text(t, SPAN_LIT("delivery/late/rain")));
    assert_true(where_test_text(t, SPAN_LIT("app")));
    assert_false(where_test_text(t, SPAN_LIT("apps")));
    assert_false(where_test_text(t, SPAN_NONE));
    t = parse("tag in (a/b)", WHERE_RECORD)->root;
    assert_false(where_test_text(t, SPAN_LIT("a/b/c"))); /* only categories are paths */
    t = parse("nps >= 9", WHERE_RECORD)->root;
    assert_true(where_test_number(t, 9));
    assert_false(where_test_number(t, 8.999));
    assert_false(where_test_number(t, __builtin_nan("")));
    t = parse("created_at > now-1d", WHERE_RECORD)->root;
    assert_true(where_test_time(t, NOW, NOW));
    assert_false(where_test_time(t, NOW - MS_DAY, NOW));
    assert_false(where_test_time(t, NO_TIME, NOW));
    assert_false(where_test_time(t, NOW, NO_TIME)); /* nothing to be relative to */
    assert_true(where_test_time(t, INT64_MIN + 5, INT64_MIN + 1) == true);
    t = parse("attributes.x > now-1d", WHERE_RECORD)->root;
    assert_true(where_test_attribute(t, SPAN_LIT("2026-11-22"), NOW));
    assert_false(where_test_text(t, SPAN_LIT("2026-11-22")));
    t = parse("attributes.x > 2026-11-21", WHERE_RECORD)->root;
    assert_true(where_test_text(t, SPAN_LIT("2026-11-22")));
    arena_done(&arena);
}

static int note_field(void *ctx, const struct where_node *test)
{
    struct buf *b = ctx;
    buf_printf(b, "%s ", where_field_name(test->field));
    return test->field == WF_VENDOR ? 7 : 0;
}

static void each_test_in_order(void **state)
{
    struct buf b;
    (void)state;
    arena_init(&arena, 0);
    buf_init(&b, 0);
    assert_int_equal(where_each_test(parse("", WHERE_RECORD), note_field, &b), 0);
    assert_int_equal(b.n, 0);
    const char *text = "kind = chat and not (team = a or tag has b) or nps > 3 and lang != ko";
    assert_int_equal(where_each_test(parse(text, WHERE_RECORD), note_field, &b), 0);
    assert_string_equal(b.p, "kind team tag nps lang ");
    buf_reset(&b);
    text = "team = a and (vendor = b or tag = c) and nps > 3";
    assert_int_equal(where_each_test(parse(text, WHERE_RECORD), note_field, &b), 7);
    assert_string_equal(b.p, "team vendor ");
    buf_done(&b);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_test_in_order),
        cmocka_unit_test(tests_every_field),
        cmocka_unit_test(tests_attributes),
        cmocka_unit_test(absent_is_false),
        cmocka_unit_test(nothing_read_has_no_polarity),
        cmocka_unit_test(a_rating_without_scale_is_absent),
        cmocka_unit_test(joins_tests),
        cmocka_unit_test(matches_customers),
        cmocka_unit_test(tests_single_values),
    };

    return cmocka_run_group_tests_name("base/where match", tests, NULL, NULL);
}
