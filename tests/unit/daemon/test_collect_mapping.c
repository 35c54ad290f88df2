/* mapping.h, jsonpath.h, columns.h: other people's shapes into ours. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/columns.h"
#include "daemon/format/jsonpath.h"
#include "daemon/format/normalize.h"
#include "tests/lib/test.h"

static json_t *json_of(const char *text)
{
    json_error_t err;
    json_t *v = json_loads(text, JSON_DECODE_ANY, &err);
    if (!v)
        fail_msg("the test's own JSON is bad: %s in %s", err.text, text);
    return v;
}

/* Takes `v` over. */
static void expect_json(const char *what, json_t *v, const char *expected)
{
    char *got = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    if (strcmp(got ? got : "nothing", expected) != 0)
        fail_msg("%s: expected %s, got %s", what, expected, got ? got : "nothing");
    free(got);
    json_decref(v);
}

/* --- paths --- */

#define PAYLOAD                                                                                    \
    "{\"a\":{\"b\":[{\"c\":1},{\"c\":2},{\"d\":3}],\"x y\":\"z\",\"n\":null},"                     \
    "\"m\":{\"k1\":{\"c\":7},\"k2\":{\"c\":8}},\"l\":[[1,2],[3]]}"

static void test_paths(void **state)
{
    static const char *const table[][2] = {
        {"$.a.b[0].c", "1"},        {"$.a.b[1]", "{\"c\":2}"}, {"$.a[\"x y\"]", "\"z\""},
        {"$['a']['x y']", "\"z\""}, {"$.a.x y", "\"z\""},      {"$.a.n", "null"},
        {"$.a.q.r", "nothing"},     {"$.a.b[9].c", "nothing"}, {"$.a.b.c", "nothing"},
        {"$.a[0]", "nothing"},
    };
    static const char *const lists[][2] = {
        {"$.a.b[*].c", "[1,2]"}, {"$.a.b[*]", "[{\"c\":1},{\"c\":2},{\"d\":3}]"},
        {"$.m[*].c", "[7,8]"},   {"$.l[*][*]", "[1,2,3]"},
        {"$.q[*]", "[]"},        {"$.a.b[0].c", "[1]"},
    };
    json_t *root = json_of(PAYLOAD);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        expect_json(table[i][0], json_incref(jsonpath_get(root, span_str(table[i][0]))),
                    table[i][1]);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        expect_json(lists[i][0], jsonpath_all(root, span_str(lists[i][0])), lists[i][1]);
    assert_ptr_equal(jsonpath_get(root, SPAN_LIT("$")), root);
    assert_true(jsonpath_is_list(SPAN_LIT("$.a[*].b")));
    assert_false(jsonpath_is_empty(root, SPAN_LIT("$.nowhere[*]")));
    assert_false(jsonpath_is_empty(root, SPAN_LIT("$.a.b[*].nowhere[*]")));
    assert_false(jsonpath_is_empty(root, SPAN_LIT("$.a.n[*]")));
    json_object_set_new(root, "none", json_array());
    assert_true(jsonpath_is_empty(root, SPAN_LIT("$.none[*]")));
    assert_true(jsonpath_is_empty(root, SPAN_LIT("$[\"none\"][*].x[*]")));
    assert_false(jsonpath_is_list(SPAN_LIT("$.a[0].b")));
    json_decref(root);
}

static void test_path_errors(void **state)
{
    static const struct {
        const char *path;
        size_t column; /* 0: sound */
    } table[] = {
        {"$", 0},       {"$.a", 0},      {"$.a[*].b[3]", 0}, {"", 1},      {"a.b", 1},
        {"$a", 2},      {"$.", 2},       {"$.a..b", 4},      {"$.a[", 4},  {"$.a[x]", 4},
        {"$.a[-1]", 4}, {"$.a[\"x]", 4}, {"$.a[\"x\"", 4},   {"$.a[]", 4}, {"$.a[*", 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        size_t column = 0;
        int rc = jsonpath_check(span_str(table[i].path), &column);
        if (rc != (table[i].column ? -EINVAL : 0) || column != table[i].column)
            fail_msg("%s: expected column %zu, got %d, column %zu", table[i].path, table[i].column,
                     rc, column);
        assert_true(rc == 0 || !jsonpath_get(NULL, span_str(table[i].path)));
    }
}

/* --- payloads --- */

static const char ticket[] =
    "{\"ticket\":{\"id\":35436,\"subject\":\"배송\",\"description\":\"늦어요\","
    "\"score\":\"bad\",\"created\":\"2026-11-20T00:00:00Z\","
    "\"requester\":{\"id\":9,\"email\":\"A@b.kr\"},"
    "\"labels\":[{\"name\":\"x\"},{\"name\":\"y\"}],\"stars\":\"4\",\"vip\":true,\"none\":null}}";

static const struct pair scores[] = {{{"good", 4}, {"5", 1}}, {{"bad", 3}, {"1", 1}}};
static const struct pair kinds[] = {{{"true", 4}, {"chat", 4}}};

#define PATH(t, p) .target = SPAN_LIT(t), .path = SPAN_LIT(p)

static void expect_mapped(const struct map_entry *map, size_t n, const char *expected)
{
    json_t *payload = json_of(ticket), *record = NULL;
    struct reject why = {0};
    int rc = mapping_apply(payload, SHAPE_FEEDBACK, map, n, &record, &why);
    json_decref(payload);
    if (rc == 0)
        expect_json("record", record, expected);
    else if (rc != -EINVAL || strcmp(why.code, expected) != 0)
        fail_msg("expected %s, got %d %s: %s", expected, rc, why.code, why.detail);
}

static void test_mapping(void **state)
{
    static const struct {
        struct map_entry map;
        const char *expected; /* the record, or the code */
    } table[] = {
        {{PATH("external_id", "$.ticket.id")}, "{\"external_id\":35436}"},
        {{PATH("customer.id", "$.ticket.requester.id")}, "{\"customer\":{\"id\":9}}"},
        {{PATH("attributes.a.b", "$.ticket.stars")}, "{\"attributes\":{\"a.b\":\"4\"}}"},
        {{PATH("experiments.e1", "$.ticket.stars")}, "{\"experiments\":{\"e1\":\"4\"}}"},
        {{.target = SPAN_LIT("kind"), .value = SPAN_LIT("ticket")}, "{\"kind\":\"ticket\"}"},
        {{.target = SPAN_LIT("backfill"), .value = SPAN_LIT("true")}, "{\"backfill\":true}"},
        {{.target = SPAN_LIT("answers.nps"), .value = SPAN_LIT("7")}, "{\"answers\":{\"nps\":7}}"},
        {{PATH("rating", "$.ticket.stars"), .scale = 5},
         "{\"rating\":{\"scale\":5.0,\"value\":4}}"},
        {{PATH("rating", "$.ticket.subject"), .scale = 5}, "bad_type"},
        {{PATH("answers.csat", "$.ticket.score"), .cases = scores, .n_cases = 2, .scale = 5},
         "{\"answers\":{\"csat\":{\"scale\":5.0,\"value\":1}}}"},
        {{PATH("answers.csat", "$.ticket.subject"), .cases = scores, .n_cases = 2, .scale = 5},
         "{}"}, /* "offered" is no answer */
        {{PATH("kind", "$.ticket.vip"), .cases = kinds, .n_cases = 1}, "{\"kind\":\"chat\"}"},
        {{PATH("kind", "$.ticket.subject"), .cases = kinds, .n_cases = 1}, "unmapped_value"},
        {{PATH("text", "$.ticket.nowhere")}, "{}"},
        {{PATH("text", "$.ticket.none")}, "{}"},
        {{PATH("tags", "$.ticket.labels[*].name")}, "{\"tags\":[\"x\",\"y\"]}"},
        {{PATH("tags", "$.ticket.stars")}, "{\"tags\":[\"4\"]}"},
        {{PATH("text", "$.ticket.labels[*].name")}, "bad_type"},
        {{PATH("text", "$.ticket.labels[*].nothing")}, "{}"},
        {{PATH("customer", "$.ticket.requester")},
         "{\"customer\":{\"email\":\"A@b.kr\",\"id\":9}}"},
        {{PATH("surveyed", "$.ticket.vip")}, "{\"surveyed\":true}"},
        {{PATH("surveyed", "$.ticket.subject")}, "bad_type"},
        {{PATH("nonsense", "$.ticket.id")}, "unknown_field"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        expect_mapped(&table[i].map, 1, table[i].expected);
}

static void test_mapping_conflict(void **state)
{
    static const struct map_entry map[] = {
        {PATH("customer", "$.ticket.subject")},
        {PATH("customer.id", "$.ticket.id")},
    };

    (void)state;
    expect_mapped(map, 2, "bad_type");
}

/* From payload to record, as the hook goes. */
static void test_mapping_to_record(void **state)
{
    static const struct map_entry map[] = {
        {.target = SPAN_LIT("source"), .value = SPAN_LIT("zendesk")},
        {PATH("external_id", "$.ticket.id")},
        {PATH("text", "$.ticket.description")},
        {PATH("created_at", "$.ticket.created")},
        {PATH("customer.email", "$.ticket.requester.email")},
        {PATH("answers.csat", "$.ticket.score"), .cases = scores, .n_cases = 2, .scale = 5},
    };
    json_t *payload = json_of(ticket), *record;
    struct reject why;
    struct feedback fb;
    struct arena a;

    (void)state;
    arena_init(&a, 0);
    assert_int_equal(mapping_apply(payload, SHAPE_FEEDBACK, map, ARRAY_LEN(map), &record, &why), 0);
    assert_int_equal(
        normalize_feedback(record, &normalize_defaults, INT64_C(1795305600000), &a, &fb, &why), 0);
    assert_true(span_is(fb.external_id, "35436") && span_is(fb.text, "늦어요"));
    assert_true(span_is(fb.customer.email, "a@b.kr"));
    assert_true(fb.csat.has && fb.csat.value == 1 && fb.csat.scale == 5);
    arena_done(&a);
    json_decref(record);
    json_decref(payload);
}

static void test_mapping_check(void **state)
{
    struct map_entry sound = {PATH("text", "$.a")}, target = {PATH("txt", "$.a")},
                     path = {PATH("text", "$..a")};
    char message[200];

    (void)state;
    assert_int_equal(mapping_check(SHAPE_FEEDBACK, &sound, message, sizeof message), 0);
    assert_int_equal(mapping_check(SHAPE_FEEDBACK, &target, message, sizeof message), -EINVAL);
    assert_non_null(strstr(message, "txt"));
    assert_int_equal(mapping_check(SHAPE_FEEDBACK, &path, message, sizeof message), -EINVAL);
    assert_non_null(strstr(message, "column 2"));
}

/* --- columns --- */

struct sheet {
    struct arena arena;
    struct columns columns;
    char message[200];
    int rc;
};

static struct sheet sheet_of(const char *spec, enum record_shape shape, const struct span *header,
                             size_t n)
{
    struct sheet s = {0};
    arena_init(&s.arena, 0);
    if (spec) {
        s.rc =
            columns_parse(span_str(spec), shape, &s.arena, &s.columns, s.message, sizeof s.message);
        if (s.rc == 0)
            s.rc = columns_bind(&s.columns, header, n, s.message, sizeof s.message);
    } else {
        s.rc = columns_default(header, n, shape, &s.arena, &s.columns, s.message, sizeof s.message);
    }
    return s;
}

static int seoul(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    int rc = civil_to_ms(local, ret_ms);
    (void)ctx;
    *ret_ms -= rc == 0 ? 9 * MS_HOUR : 0;
    return rc;
}
static const struct date_zone seoul_zone = {seoul, NULL};

static void expect_row(struct sheet *s, const struct span *cells, size_t n, const char *expected)
{
    struct reject why;
    json_t *record = NULL;
    s->columns.zone = &seoul_zone;
    int rc = columns_record(&s->columns, cells, n, &record, &why);
    if (rc == 0)
        expect_json("row", record, expected);
    else
        assert_string_equal(why.code, expected);
}

static void test_columns(void **state)
{
    static const struct span header[] = {SPAN_LIT("번호"), SPAN_LIT("내용"), SPAN_LIT("별점"),
                                         SPAN_LIT("작성일"), SPAN_LIT("a,b/c")};
    static const struct span row[] = {SPAN_LIT("7"), SPAN_LIT("좋아요, 최고"), SPAN_LIT(" 4 "),
                                      SPAN_LIT("2026.11.22 오후 3:05"), SPAN_LIT("x; y,z")};
    static const struct span empty[] = {SPAN_LIT("8"), SPAN_LIT(""), SPAN_LIT(""), SPAN_LIT(" "),
                                        SPAN_LIT("")};
    static const struct span bad_date[] = {SPAN_LIT("8"), SPAN_LIT("a"), SPAN_LIT("1"),
                                           SPAN_LIT("어제"), SPAN_LIT("")};
    static const struct span bad_score[] = {SPAN_LIT("8"), SPAN_LIT("a"), SPAN_LIT("다섯"),
                                            SPAN_LIT(""), SPAN_LIT("")};
    struct sheet s = sheet_of("external_id=번호, text=내용,rating=별점/5,created_at=작성일,"
                              "tags=a\\,b\\/c,kind==review,attributes.원본=별점",
                              SHAPE_FEEDBACK, header, 5);

    (void)state;
    if (s.rc != 0)
        fail_msg("%s", s.message);
    expect_row(&s, row, 5,
               "{\"attributes\":{\"원본\":\" 4 \"},\"created_at\":\"2026-11-22T06:05:00Z\","
               "\"external_id\":\"7\",\"kind\":\"review\",\"rating\":{\"scale\":5.0,\"value\":4},"
               "\"tags\":[\"x\",\"y\",\"z\"],\"text\":\"좋아요, 최고\"}");
    expect_row(&s, empty, 5, "{\"external_id\":\"8\",\"kind\":\"review\"}");
    expect_row(&s, bad_date, 5, "bad_time");
    expect_row(&s, bad_score, 5, "bad_type");
    expect_row(&s, row, 4, "missing_column");
    arena_done(&s.arena);
}

static void test_column_problems(void **state)
{
    static const struct span header[] = {SPAN_LIT("id")};
    static const char *const table[][2] = {
        {"external_id", "not target=column"},
        {"nonsense=id", "nonsense"},
        {"external_id=", "no column"},
        {"external_id=nummer", "nummer"},
        {"rating=id/x", "scale"},
        {"rating=id/0", "scale"},
        {"id=id", "id"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct sheet s = sheet_of(table[i][0], SHAPE_FEEDBACK, header, 1);
        assert_int_equal(s.rc, -EINVAL);
        if (!strstr(s.message, table[i][1]))
            fail_msg("%s: expected a message about %s, got %s", table[i][0], table[i][1],
                     s.message);
        arena_done(&s.arena);
    }
}

static void test_customer_columns(void **state)
{
    static const struct span header[] = {SPAN_LIT("id"),   SPAN_LIT("phone"),
                                         SPAN_LIT("등급"), SPAN_LIT("effective_at"),
                                         SPAN_LIT(""),     SPAN_LIT("attributes.tier")};
    static const struct span row[] = {SPAN_LIT("c-1"), SPAN_LIT("010-1234-5678"),
                                      SPAN_LIT("vip"), SPAN_LIT("2026-11-22"),
                                      SPAN_LIT("x"),   SPAN_LIT("")};
    struct sheet s = sheet_of(NULL, SHAPE_CUSTOMER, header, 6);

    (void)state;
    assert_int_equal(s.rc, 0);
    expect_row(&s, row, 6,
               "{\"attributes\":{\"등급\":\"vip\"},\"effective_at\":\"2026-11-21T15:00:00Z\","
               "\"id\":\"c-1\",\"phone\":\"010-1234-5678\"}");
    arena_done(&s.arena);

    s = sheet_of(NULL, SHAPE_FEEDBACK, header, 6);
    assert_int_equal(s.rc, -EINVAL);
    arena_done(&s.arena);
}

/* Every field normalize.h knows can be a target: the two tables must not drift apart. */
static void test_targets_are_fields(void **state)
{
    static const char *const fields[] = {
        "source",        "external_id",    "conversation",   "kind",        "channel",
        "status",        "created_at",     "updated_at",     "customer",    "customer.id",
        "customer.name", "customer.email", "customer.phone", "lang",        "title",
        "text",          "turns",          "rating",         "answers",     "answers.csat",
        "answers.nps",   "answers.ces",    "surveyed",       "agent",       "team",
        "vendor",        "product",        "order",          "stage",       "tags",
        "url",           "attributes",     "attributes.x",   "experiments", "experiments.x",
        "backfill"};
    struct reject why;
    struct feedback fb;
    struct arena a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        json_t *record = json_object();
        arena_init(&a, 0);
        assert_true(target_find(SHAPE_FEEDBACK, span_str(fields[i])) >= 0);
        assert_int_equal(target_set(record, span_str(fields[i]), json_null()), 0);
        assert_int_equal(normalize_feedback(record, &normalize_defaults, 0, &a, &fb, &why),
                         -EINVAL);
        assert_string_equal(why.code, "missing_source"); /* not unknown_field */
        arena_done(&a);
        json_decref(record);
    }
    assert_int_equal(target_find(SHAPE_FEEDBACK, SPAN_LIT("attributes.")), -1);
    assert_int_equal(target_find(SHAPE_CUSTOMER, SPAN_LIT("text")), -1);
    assert_int_equal(target_find(SHAPE_ACTIVITY, SPAN_LIT("experiments.x")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_path_errors),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_mapping_conflict),
        cmocka_unit_test(test_mapping_to_record),
        cmocka_unit_test(test_mapping_check),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_column_problems),
        cmocka_unit_test(test_customer_columns),
        cmocka_unit_test(test_targets_are_fields),
    };
    return cmocka_run_group_tests_name("collect/mapping", tests, NULL, NULL);
}
