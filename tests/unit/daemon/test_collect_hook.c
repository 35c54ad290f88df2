/* POST /v1/hooks/{workspace}/{source}: who may send, what becomes of it, what is kept when nothing
 * can be made of it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/api_intake.h"
#include "daemon/format/signature.h"
#include "daemon/pipeline/dead_letter.h"
#include "tests/lib/intake_rig.h"

#define WHSEC "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define PATH(t, p) .target = SPAN_LIT(t), .path = SPAN_LIT(p)

static const struct span standard_secrets[] = {SPAN_LIT(WHSEC)};
static const struct span token_secrets[] = {SPAN_LIT("t0ken")};
static const struct map_entry ticket_map[] = {
    {PATH("external_id", "$.id")},
    {PATH("text", "$.description")},
    {PATH("created_at", "$.created")},
    {.target = SPAN_LIT("kind"), .value = SPAN_LIT("chat")},
    {.target = SPAN_LIT("source"), .value = SPAN_LIT("somebody-else")},
};
static struct config_hook hooks[] = {
    {.source = SPAN_LIT("desk"),
     .scheme = HOOK_NAMED,
     .secrets = standard_secrets,
     .n_secrets = 1,
     .records = SPAN_LIT("$.tickets"),
     .map = ticket_map,
     .n_map = ARRAY_LEN(ticket_map)},
    {.source = SPAN_LIT("one"),
     .scheme = HOOK_TOKEN,
     .secrets = token_secrets,
     .n_secrets = 1,
     .records = SPAN_LIT("$.ticket"),
     .map = ticket_map,
     .n_map = ARRAY_LEN(ticket_map)},
    {.source = SPAN_LIT("zen"),
     .scheme = HOOK_NAMED + 1,
     .secrets = token_secrets,
     .n_secrets = 1,
     .records = SPAN_LIT("$"),
     .map = ticket_map,
     .n_map = ARRAY_LEN(ticket_map)},
    {.source = SPAN_LIT("open"), .scheme = HOOK_NONE, .records = SPAN_LIT("$")},
};

static int setup(void **state)
{
    struct intake_rig *rig = intake_rig_new();
    hooks[0].signature = signature_find(SPAN_LIT("standard"));
    hooks[2].signature = signature_find(SPAN_LIT("zendesk"));
    rig->workspace_config.hooks = hooks;
    rig->workspace_config.n_hooks = ARRAY_LEN(hooks);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    intake_rig_free(*state);
    return 0;
}

static struct http_request *hook_request(struct intake_rig *rig, const char *source,
                                         const char *body)
{
    struct http_request *r = intake_rig_request(rig, "application/json");
    r->params[0] = SPAN_LIT("w1");
    r->params[1] = span_str(source);
    r->body = span_str(body);
    return r;
}

static void handle(struct intake_rig *rig)
{
    intake_hook(&rig->request);
    while (intake_rig_run(rig))
        ;
    assert_int_equal(rig->answers, 1);
}

static void post_one(struct intake_rig *rig, const char *body)
{
    hook_request(rig, "one", body);
    intake_rig_query(rig, "token", "t0ken");
    handle(rig);
}

static void expect(const struct intake_rig *rig, int64_t accepted, int64_t rejected,
                   const char *code)
{
    assert_int_equal(rig->status, 200);
    assert_int_equal(intake_rig_count(rig, "accepted"), accepted);
    assert_int_equal(intake_rig_count(rig, "rejected_count"), rejected);
    assert_string_equal(intake_rig_code(rig, 0), code);
}

/* --- dead letters, as they are kept --- */

struct letters {
    json_t *list;
};

static int add_letter(void *ctx, struct span key, struct span value)
{
    struct letters *l = ctx;
    struct dead_letter dead;
    struct arena arena;
    struct buf text;
    arena_init(&arena, 0);
    buf_init(&text, 0);
    assert_int_equal(dead_letter_read(key, value, &arena, &dead), 0);
    struct json_out j = json_out_to(&text);
    dead_letter_print(&dead, true, &j, &arena);
    json_t *letter = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(letter);
    json_array_append_new(l->list, letter);
    buf_done(&text);
    arena_done(&arena);
    return 0;
}

static json_t *letters_of(const struct intake_rig *rig)
{
    struct letters l = {json_array()};
    struct store_view *v;
    assert_int_equal(store_view_begin(rig->workspace.store, &v), 0);
    assert_int_equal(store_doc_each(v, STORE_DOC_DEAD_LETTER, SPAN_NONE, false, add_letter, &l), 0);
    store_view_end(v);
    return l.list;
}

static void expect_letter(const struct intake_rig *rig, size_t i, size_t n, const char *code,
                          const char *member, const char *payload)
{
    json_t *list = letters_of(rig), *letter = json_array_get(list, i);
    assert_int_equal(json_array_size(list), n);
    assert_string_equal(json_string_value(json_object_get(letter, "code")), code);
    assert_string_equal(json_string_value(json_object_get(letter, member)), payload);
    assert_string_equal(json_string_value(json_object_get(letter, "received_at")),
                        "2026-11-22T00:00:00Z");
    json_decref(list);
}

static void expect_no_letters(const struct intake_rig *rig)
{
    json_t *list = letters_of(rig);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
}

/* --- who --- */

static struct span signing_header(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "webhook-id") == 0 ? SPAN_LIT("msg_1") : SPAN_LIT("1795305600");
}

#define TICKETS                                                                                    \
    "{\"tickets\":[{\"id\":1,\"description\":\"배송이 "                                         \
    "늦어요\"},{\"id\":2,\"description\":\"네\"}]}"

static void sign(struct intake_rig *rig, const char *body, char out[SIGNATURE_TEXT])
{
    struct signature_headers h = {signing_header, NULL};
    assert_int_equal(signature_make(signature_find(SPAN_LIT("standard")), SPAN_LIT(WHSEC), &h,
                                    span_str(body), out),
                     0);
    intake_rig_header(rig, "webhook-id", "msg_1");
    intake_rig_header(rig, "webhook-timestamp", "1795305600");
    intake_rig_header(rig, "webhook-signature", out);
}

static void test_signed(void **state)
{
    struct intake_rig *rig = *state;
    char signature[SIGNATURE_TEXT];

    for (int round = 0; round < 2; round++) {
        hook_request(rig, "desk", TICKETS);
        sign(rig, TICKETS, signature);
        handle(rig);
        expect(rig, round ? 0 : 2, 0, "");
        assert_int_equal(intake_rig_count(rig, "duplicates"), round ? 2 : 0);
    }
    expect_no_letters(rig);
}

static void test_source_is_the_hooks(void **state)
{
    struct intake_rig *rig = *state;
    struct store_view *v;
    struct stored stored;
    struct arena a;

    post_one(rig, "{\"ticket\":{\"id\":7,\"description\":\"a\"}}");
    expect(rig, 1, 0, "");
    arena_init(&a, 0);
    assert_int_equal(store_view_begin(rig->workspace.store, &v), 0);
    assert_int_equal(store_find_feedback(v, SPAN_LIT("somebody-else"), SPAN_LIT("7"), &a, &stored),
                     -ENOENT);
    assert_int_equal(store_find_feedback(v, SPAN_LIT("one"), SPAN_LIT("7"), &a, &stored), 0);
    assert_int_equal(stored.feedback.kind, KIND_CHAT);
    store_view_end(v);
    arena_done(&a);
}

static void test_forged(void **state)
{
    struct intake_rig *rig = *state;
    char signature[SIGNATURE_TEXT];

    hook_request(rig, "desk", TICKETS " "); /* one byte more than was signed */
    sign(rig, TICKETS, signature);
    handle(rig);
    assert_int_equal(rig->status, 401);
    hook_request(rig, "desk", TICKETS);
    handle(rig);
    assert_int_equal(rig->status, 401);
    rig->time.wall += 301 * MS_SECOND;
    hook_request(rig, "desk", TICKETS);
    sign(rig, TICKETS, signature);
    handle(rig);
    assert_int_equal(rig->status, 401);
    hook_request(rig, "desk", "");
    handle(rig);
    assert_int_equal(rig->status, 401); /* an empty body is no excuse */
    assert_int_equal(rig->submits, 0);
    expect_no_letters(rig);
}

static void test_tokens(void **state)
{
    struct intake_rig *rig = *state;
    static const struct {
        const char *header, *value, *query;
        int status;
    } table[] = {
        {"authorization", "Bearer t0ken", NULL, 200},
        {"authorization", "bearer t0ken", NULL, 200},
        {"x-vocd-token", "t0ken", NULL, 200},
        {NULL, NULL, "t0ken", 200},
        {"authorization", "Bearer token", NULL, 401},
        {"x-vocd-token", "t0ken2", NULL, 401},
        {NULL, NULL, "t0ke", 401},
        {NULL, NULL, NULL, 401},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        hook_request(rig, "one", "{\"ticket\":{\"id\":1,\"description\":\"a\"}}");
        if (table[i].header)
            intake_rig_header(rig, table[i].header, table[i].value);
        if (table[i].query)
            intake_rig_query(rig, "token", table[i].query);
        handle(rig);
        assert_int_equal(rig->status, table[i].status);
    }
}

/* The vendor's vector, through the whole handler. */
static void test_zendesk(void **state)
{
    struct intake_rig *rig = *state;
    static const struct span secret = SPAN_LIT("secret");
    struct config_hook zen = hooks[2];

    zen.secrets = &secret;
    rig->workspace_config.hooks = &zen;
    rig->workspace_config.n_hooks = 1;
    rig->time.wall = INT64_C(1674087231000);
    hook_request(rig, "zen", "{\"a\":1}");
    intake_rig_header(rig, "x-zendesk-webhook-signature",
                      "fniBcyH5PP5590Bj23nnTALxtgkK9yOikty3Iq5oTZg=");
    intake_rig_header(rig, "x-zendesk-webhook-signature-timestamp", "1674087231");
    handle(rig);
    expect(rig, 0, 1, "missing_external_id");
}

static void test_unknown_places(void **state)
{
    struct intake_rig *rig = *state;

    hook_request(rig, "nobody", "{}");
    handle(rig);
    assert_int_equal(rig->status, 404);
    hook_request(rig, "open", "{}")->params[0] = SPAN_LIT("w2");
    handle(rig);
    assert_int_equal(rig->status, 404);
}

/* --- what --- */

static void test_empty_body(void **state)
{
    struct intake_rig *rig = *state;

    post_one(rig, "");
    expect(rig, 0, 0, "");
    post_one(rig, " \r\n");
    expect(rig, 0, 0, "");
    assert_int_equal(rig->submits, 0);
    expect_no_letters(rig);
}

static void test_own_shape_needs_no_map(void **state)
{
    struct intake_rig *rig = *state;

    hook_request(rig, "open", "{\"external_id\":\"1\",\"text\":\"a\"}");
    handle(rig);
    expect(rig, 1, 0, "");
    hook_request(rig, "open", "[{\"external_id\":\"2\",\"text\":\"a\"},7]");
    handle(rig);
    expect(rig, 1, 1, "not_an_object");
    expect_letter(rig, 0, 1, "not_an_object", "payload", "7");
}

static void test_unmappable_is_kept_and_answered_2xx(void **state)
{
    static const char *const table[][2] = {
        {"{\"ticket\":{\"id\":1}}", "nothing_to_read"},
        {"{\"ticket\":{\"description\":\"a\"}}", "missing_external_id"},
        {"{\"ticket\":{\"id\":1,\"description\":\"a\",\"created\":1795305600}}", "bad_time"},
        {"{\"type\":\"ping\"}", "no_record"},
        {"{\"ticket\":null}", "no_record"},
        {"{\"ticket\":", "malformed_json"},
        {"plain text", "malformed_json"},
        {"{\"ticket\":{},\"ticket\":{}}", "duplicate_field"},
    };
    struct intake_rig *rig = *state;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        post_one(rig, table[i][0]);
        expect(rig, 0, 1, table[i][1]);
        json_t *list = letters_of(rig);
        assert_int_equal(json_array_size(list), i + 1);
        bool found = false;
        for (size_t k = 0; k <= i; k++) {
            json_t *letter = json_array_get(list, k);
            found =
                found ||
                (strcmp(json_string_value(json_object_get(letter, "payload")), table[i][0]) == 0 &&
                 strcmp(json_string_value(json_object_get(letter, "code")), table[i][1]) == 0);
        }
        assert_true(found);
        json_decref(list);
    }
}

/* The good ones of a payload go in; each bad one is a letter of its own. */
static void test_partly_mappable(void **state)
{
    struct intake_rig *rig = *state;
    char signature[SIGNATURE_TEXT];
    const char *body = "{\"tickets\":[{\"id\":1,\"description\":\"a\"},{\"id\":2},"
                       "{\"id\":3,\"description\":\"b\"}]}";

    hook_request(rig, "desk", body);
    sign(rig, body, signature);
    handle(rig);
    expect(rig, 2, 1, "nothing_to_read");
    expect_letter(rig, 0, 1, "nothing_to_read", "payload", "{\"id\":2}");
}

static void test_bytes_that_are_no_text(void **state)
{
    struct intake_rig *rig = *state;

    post_one(rig, "\xFF\xFE\x80");
    expect(rig, 0, 1, "invalid_utf8");
    expect_letter(rig, 0, 1, "invalid_utf8", "payload_base64", "//6A");
}

static void test_not_committed(void **state)
{
    struct intake_rig *rig = *state;

    rig->fail_with = -EIO;
    post_one(rig, "{\"ticket\":{\"id\":1,\"description\":\"a\"}}");
    assert_int_equal(rig->status, 503);
    assert_string_equal(rig->retry_after, "1");
    rig->fail_with = -EIO;
    post_one(rig, "nonsense"); /* not even the letter is on disk: the sender must try again */
    assert_int_equal(rig->status, 503);
    rig->refusals = 1;
    post_one(rig, "{\"ticket\":{\"id\":1,\"description\":\"a\"}}");
    assert_int_equal(rig->status, 503);
    expect_no_letters(rig);
}

static void test_admission(void **state)
{
    struct intake_rig *rig = *state;

    assert_true(intake_hook_admit(hook_request(rig, "one", ""), 100));
    rig->no_room = true;
    assert_true(intake_hook_admit(hook_request(rig, "one", ""), 100) == false);
    assert_int_equal(rig->status, 503);
    hook_request(rig, "one", "")->params[0] = SPAN_LIT("w2");
    assert_true(intake_hook_admit(&rig->request, 100)); /* refused later, like any unknown path */
    assert_int_equal(rig->answers, 0);
    rig->no_room = false;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_signed),
        T(test_source_is_the_hooks),
        T(test_forged),
        T(test_tokens),
        T(test_zendesk),
        T(test_unknown_places),
        T(test_empty_body),
        T(test_own_shape_needs_no_map),
        T(test_unmappable_is_kept_and_answered_2xx),
        T(test_partly_mappable),
        T(test_bytes_that_are_no_text),
        T(test_not_committed),
        T(test_admission),
    };
    test_seed();
    return cmocka_run_group_tests_name("collect/hook", tests, NULL, NULL);
}
