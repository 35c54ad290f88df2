#include "daemon/http/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "daemon/http/throttle.h"
#include "tests/lib/test.h"

static const struct config config = {.auth = {.failure_window_ms = 60000, .max_failures = 5}};
static struct arena arena;

static struct auth *open_auth(const char *dir)
{
    char message[256];
    struct auth *a = NULL;
    struct auth_config cfg = {.state = dir, .config = &config, .rng = rng_system};
    if (auth_new(&cfg, message, sizeof message, &a) < 0)
        fail_msg("%s", message);
    return a;
}

static struct auth_made make(struct auth *a, enum role role, const char *workspace,
                             int64_t expires_at)
{
    struct auth_made made;
    struct auth_token spec = {.role = role,
                              .workspace = span_str(workspace),
                              .name = SPAN_LIT("창구 \"3\""),
                              .created_at = 1000,
                              .expires_at = expires_at};
    assert_int_equal(auth_make(a, &spec, &arena, &made), 0);
    return made;
}

static int who(struct auth *a, struct span token, const char *peer, int64_t now,
               struct http_principal *ret)
{
    int64_t retry = 0;
    struct http_principal none;
    struct auth_query q = {
        .authorization = token.p ? arena_printf(&arena, "Bearer %.*s", SPAN_FMT(token)) : SPAN_NONE,
        .peer = span_str(peer),
        .wall = now,
        .mono = now};
    int r = auth_principal(a, &q, ret ? ret : &none, &retry);
    assert_true((r == -EAGAIN) == (retry > 0));
    return r;
}

static void test_make_apply_find(void **state)
{
    (void)state;
    struct auth *a = open_auth(test_dir());
    struct http_principal p;
    struct auth_made made = make(a, ROLE_SUPERVISOR, "w1", NO_TIME);
    assert_true(span_starts(made.text, SPAN_LIT("voc_supervisor_")));
    assert_int_equal(made.text.n, strlen("voc_supervisor_") + 43);
    assert_int_equal(who(a, made.text, "10.0.0.1", 5000, NULL), -EACCES); /* not committed yet */
    assert_int_equal(auth_apply(a, made.document), 0);
    assert_int_equal(who(a, made.text, "10.0.0.1", 5000, &p), 0);
    assert_int_equal(p.role, ROLE_SUPERVISOR);
    assert_true(span_is(p.workspace, "w1"));
    assert_true(span_is(p.name, "창구 \"3\""));
    assert_true(span_eq(p.token_id, made.id));
    auth_free(a);
}

/* Neither the document nor the key file holds the token; the key file is the owner's alone. */
static void test_only_hashes_are_kept(void **state)
{
    (void)state;
    char path[512];
    struct stat st;
    const char *dir = test_dir();
    struct auth *a = open_auth(dir);
    struct auth_made made = make(a, ROLE_AGENT, "w1", NO_TIME);
    struct span secret = span_of(made.text.p + made.text.n - 43, 43);
    assert_int_equal(span_find(made.document, secret), SIZE_MAX);
    snprintf(path, sizeof path, "%s/auth.key", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    auth_free(a);

    a = open_auth(dir); /* the same key: documents go on working */
    assert_int_equal(auth_apply(a, made.document), 0);
    assert_int_equal(who(a, made.text, "10.0.0.1", 1, NULL), 0);
    auth_free(a);
    a = open_auth(test_dir()); /* another: they are worth nothing */
    assert_int_equal(auth_apply(a, made.document), 0);
    assert_int_equal(who(a, made.text, "10.0.0.1", 1, NULL), -EACCES);
    auth_free(a);
}

static void test_key_file_open_to_others(void **state)
{
    (void)state;
    char path[512], message[256];
    const char *dir = test_dir();
    struct auth *a = open_auth(dir);
    auth_free(a);
    snprintf(path, sizeof path, "%s/auth.key", dir);
    chmod(path, 0640);
    struct auth_config cfg = {.state = dir, .config = &config, .rng = rng_system};
    assert_int_equal(auth_new(&cfg, message, sizeof message, &a), -EPERM);
    assert_non_null(strstr(message, "auth.key"));
    chmod(path, 0600);
    FILE *f = fopen(path, "w");
    fputs("short", f);
    fclose(f);
    assert_int_equal(auth_new(&cfg, message, sizeof message, &a), -EINVAL);
}

static void test_expiry_and_revocation(void **state)
{
    (void)state;
    struct auth *a = open_auth(test_dir());
    struct span document;
    struct auth_made brief = make(a, ROLE_ADMIN, "w1", 5000),
                     other = make(a, ROLE_ADMIN, "w1", NO_TIME);
    auth_apply(a, brief.document);
    auth_apply(a, other.document);
    assert_int_equal(who(a, brief.text, "10.0.0.1", 4999, NULL), 0);
    assert_int_equal(who(a, brief.text, "10.0.0.1", 5000, NULL), -EACCES);
    assert_int_equal(auth_revoke(a, SPAN_LIT("w2"), other.id, 100, &arena, &document), -ENOENT);
    assert_int_equal(auth_revoke(a, SPAN_LIT("w1"), SPAN_LIT("tk_x"), 100, &arena, &document),
                     -ENOENT);
    assert_int_equal(auth_revoke(a, SPAN_LIT("w1"), other.id, 6000, &arena, &document), 0);
    assert_int_equal(who(a, other.text, "10.0.0.1", 7000, NULL), 0); /* in force when committed */
    assert_int_equal(auth_apply(a, document), 0);
    assert_int_equal(who(a, other.text, "10.0.0.1", 7000, NULL), -EACCES);
    assert_int_equal(auth_count(a), 2);
    auth_free(a);
}

static void test_bad_specs_and_documents(void **state)
{
    (void)state;
    struct auth *a = open_auth(test_dir());
    struct auth_made made;
    char longer[300];
    memset(longer, 'x', sizeof longer);
    struct auth_token spec = {
        .role = ROLE_AGENT, .workspace = SPAN_LIT("w1"), .name = SPAN_LIT("n")};
    spec.name = span_of(longer, sizeof longer);
    assert_int_equal(auth_make(a, &spec, &arena, &made), -EINVAL);
    spec.name = SPAN_LIT("n");
    spec.workspace = SPAN_NONE;
    assert_int_equal(auth_make(a, &spec, &arena, &made), -EINVAL);
    spec.workspace = SPAN_LIT("w1");
    spec.role = ROLE_COUNT;
    assert_int_equal(auth_make(a, &spec, &arena, &made), -EINVAL);
    static const char *const documents[] = {
        "", "[]", "{}", "{\"id\":\"a\"}",
        "{\"id\":\"a\",\"hash\":\"00\",\"role\":\"agent\",\"workspace\":\"w\",\"name\":\"\"}"};
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        assert_int_equal(auth_apply(a, span_str(documents[i])), -EINVAL);
    assert_int_equal(auth_count(a), 0);
    auth_free(a);
}

static int count_one(void *ctx, const struct auth_token *t)
{
    (void)t;
    ++*(size_t *)ctx;
    return 0;
}

static void test_many_tokens(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct auth *a = open_auth(test_dir());
    struct span *tokens = calloc(N, sizeof *tokens);
    size_t in_w3 = 0;
    for (size_t i = 0; i < N; i++) {
        char workspace[8];
        snprintf(workspace, sizeof workspace, "w%zu", i % 10);
        struct auth_made made = make(a, ROLE_AGENT, workspace, NO_TIME);
        assert_int_equal(auth_apply(a, made.document), 0);
        tokens[i] = made.text;
    }
    for (size_t i = 0; i < N; i++) {
        struct http_principal p;
        assert_int_equal(who(a, tokens[i], "10.0.0.1", 1, &p), 0);
        assert_int_equal(p.workspace.p[1] - '0', i % 10);
    }
    auth_each(a, SPAN_LIT("w3"), count_one, &in_w3);
    assert_int_equal(in_w3, N / 10);
    free(tokens);
    auth_free(a);
}

static void test_shapes_of_the_header(void **state)
{
    (void)state;
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make(a, ROLE_AGENT, "w1", NO_TIME);
    auth_apply(a, made.document);
    static const struct {
        const char *format;
        int expected;
    } table[] = {
        {"Bearer %.*s", 0},        {"bearer %.*s", 0},        {"Bearer  %.*s", 0},
        {"%.*s", -EACCES},         {"Bearer%.*s", -EACCES},   {"Basic %.*s", -EACCES},
        {"Bearer x%.*s", -EACCES}, {"Bearer %.*sx", -EACCES}, {"Bearer %.*s y", -EACCES},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char text[200], peer[32];
        int64_t retry;
        struct http_principal p;
        const char *mark = strstr(table[i].format, "%.*s");
        int n = snprintf(text, sizeof text, "%.*s%.*s%s", (int)(mark - table[i].format),
                         table[i].format, SPAN_FMT(made.text), mark + 4);
        snprintf(peer, sizeof peer, "10.0.1.%zu", i);
        struct auth_query q = {.authorization = span_of(text, (size_t)n), .peer = span_str(peer)};
        assert_int_equal(auth_principal(a, &q, &p, &retry), table[i].expected);
    }
    auth_free(a);
}

static void test_throttled_failures(void **state)
{
    (void)state;
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make(a, ROLE_AGENT, "w1", NO_TIME);
    auth_apply(a, made.document);
    for (int i = 0; i < 5; i++)
        assert_int_equal(who(a, SPAN_LIT("voc_agent_wrong"), "10.0.0.1", 1000, NULL), -EACCES);
    assert_int_equal(who(a, SPAN_NONE, "10.0.0.1", 2000, NULL), -EAGAIN);
    assert_int_equal(who(a, made.text, "10.0.0.1", 2000, NULL),
                     0); /* a call center's one address */
    assert_int_equal(who(a, SPAN_NONE, "10.0.0.2", 2000, NULL), -EACCES);
    assert_int_equal(who(a, SPAN_NONE, "10.0.0.1", 61000, NULL), -EACCES);
    auth_free(a);
}

static void test_throttle_is_bounded(void **state)
{
    (void)state;
    struct throttle *t;
    assert_int_equal(throttle_new(42, &t), 0);
    for (unsigned i = 0; i < 3 * THROTTLE_PEERS; i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        assert_int_equal(throttle_fail(t, span_str(peer), 1000, 60000, 1), 0);
        if (i % 100 == 0) /* one that keeps failing is not forgotten */
            assert_int_equal(throttle_fail(t, SPAN_LIT("9.9.9.9"), 1000, 60000, 1) > 0, i > 0);
    }
    assert_int_equal(throttle_count(t), THROTTLE_PEERS);
    /* the oldest was: it begins anew */
    assert_int_equal(throttle_fail(t, SPAN_LIT("10.0.0.0"), 1000, 60000, 1), 0);
    throttle_free(t);
}

static void test_throttle_counts_a_64(void **state)
{
    (void)state;
    struct throttle *t;
    assert_int_equal(throttle_new(7, &t), 0);
    assert_int_equal(throttle_fail(t, SPAN_LIT("2001:db8:1:2::1"), 0, 60000, 1), 0);
    assert_int_equal(throttle_fail(t, SPAN_LIT("2001:db8:1:2:ffff::2"), 10000, 60000, 1), 50000);
    assert_int_equal(throttle_fail(t, SPAN_LIT("2001:db8:1:3::1"), 0, 60000, 1), 0);
    throttle_free(t);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make_apply_find),
        cmocka_unit_test(test_only_hashes_are_kept),
        cmocka_unit_test(test_key_file_open_to_others),
        cmocka_unit_test(test_expiry_and_revocation),
        cmocka_unit_test(test_bad_specs_and_documents),
        cmocka_unit_test(test_many_tokens),
        cmocka_unit_test(test_shapes_of_the_header),
        cmocka_unit_test(test_throttled_failures),
        cmocka_unit_test(test_throttle_is_bounded),
        cmocka_unit_test(test_throttle_counts_a_64),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
