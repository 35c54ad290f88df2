#include "daemon/http/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/http/auth.h"
#include "daemon/http/origin.h"
#include "tests/lib/test.h"

static struct config config = {
    .auth = {.failure_window_ms = 60000, .max_failures = 5, .session_ms = 12 * MS_HOUR}};
static struct arena arena;

enum { NOW = 1000000000 };

static struct auth *open_auth(const char *dir)
{
    char message[256];
    struct auth *a = NULL;
    struct auth_config cfg = {.state = dir, .config = &config, .rng = rng_system};
    if (auth_new(&cfg, message, sizeof message, &a) < 0)
        fail_msg("%s", message);
    return a;
}

static struct auth_made make_token(struct auth *a, enum role role, const char *workspace,
                                   int64_t expires_at)
{
    struct auth_made made;
    struct auth_token spec = {.role = role,
                              .workspace = span_str(workspace),
                              .name = SPAN_LIT("n"),
                              .created_at = 1,
                              .expires_at = expires_at};
    assert_int_equal(auth_make(a, &spec, &arena, &made), 0);
    assert_int_equal(auth_apply(a, made.document), 0);
    return made;
}

static int enter(struct auth *a, struct span token, int64_t now, char *cookie)
{
    struct http_principal p;
    int64_t retry;
    struct auth_query q = {.token = token, .wall = now, .mono = now, .peer = SPAN_LIT("10.0.0.1")};
    int r = auth_principal(a, &q, &p, &retry);
    return r < 0 ? r : auth_session_begin(a, &p, now, cookie);
}

static int who(struct auth *a, const char *cookie, int64_t now, struct http_principal *ret)
{
    struct http_principal none;
    int64_t retry = 0;
    struct auth_query q = {
        .cookie = span_str(cookie), .wall = now, .mono = now, .peer = SPAN_LIT("10.0.0.2")};
    return auth_principal(a, &q, ret ? ret : &none, &retry);
}

/* --- base64url --- */

static void test_base64url(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text;
    } table[] = {/* RFC 4648 §10, without padding */
                 {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
                 {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        char text[16];
        unsigned char back[16];
        size_t n = strlen(table[i].plain);
        base64url_write((const unsigned char *)table[i].plain, n, text);
        assert_string_equal(text, table[i].text);
        assert_true(base64url_read(span_str(text), back, n));
        assert_memory_equal(back, table[i].plain, n);
    }
    static const char *const bad[] = {"Zh", "Z", "Zg==", "Zg ", "Z+", "Z/", "\"Z", "Z\n", ""};
    unsigned char out[4];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(base64url_read(span_str(bad[i]), out, 1));
    assert_false(base64url_read(span_of("Z\0", 2), out, 1));
}

/* --- the cookie --- */

static void test_cookie_says_what_was_put_in(void **state)
{
    (void)state;
    struct session_keys keys = {{1}, {2}}, others = {{3}, {2}};
    struct session s = {.begun_at = NOW, .ends_at = NOW + 3000}, back;
    char cookie[SESSION_COOKIE + 1];
    memset(s.token, 7, sizeof s.token);
    memset(s.id, 9, sizeof s.id);
    assert_int_equal(session_cookie_make(&keys, &s, cookie), 0);
    assert_int_equal(strlen(cookie), SESSION_COOKIE);
    assert_true(session_cookie_read(&keys, span_str(cookie), &back));
    assert_memory_equal(back.token, s.token, sizeof s.token);
    assert_memory_equal(back.id, s.id, sizeof s.id);
    assert_int_equal(back.begun_at, s.begun_at);
    assert_int_equal(back.ends_at, s.ends_at);
    assert_false(session_cookie_read(&others, span_str(cookie), &back));
    s.ends_at = s.begun_at;
    assert_int_equal(session_cookie_make(&keys, &s, cookie), -EINVAL);
    s.ends_at = s.begun_at + (INT64_C(1) << 33) * 1000;
    assert_int_equal(session_cookie_make(&keys, &s, cookie), -EINVAL);
}

/* Token, times, id and MAC alike: no character may be another. */
static void test_cookie_changed_anywhere(void **state)
{
    (void)state;
    struct session_keys keys = {{1}, {2}};
    struct session s = {.begun_at = NOW, .ends_at = NOW + 3000}, back;
    char cookie[SESSION_COOKIE + 2];
    assert_int_equal(session_cookie_make(&keys, &s, cookie), 0);
    for (size_t i = 0; i < SESSION_COOKIE; i++) {
        char was = cookie[i];
        for (const char *c = "ABab01-_ =\"%"; *c; c++) {
            cookie[i] = *c;
            assert_int_equal(session_cookie_read(&keys, span_str(cookie), &back), *c == was);
        }
        cookie[i] = was;
    }
    assert_false(session_cookie_read(&keys, span_of(cookie, SESSION_COOKIE - 1), &back));
    cookie[SESSION_COOKIE] = 'A';
    assert_false(session_cookie_read(&keys, span_of(cookie, SESSION_COOKIE + 1), &back));
    assert_false(session_cookie_read(&keys, SPAN_NONE, &back));
}

static void test_cookie_header(void **state)
{
    (void)state;
    static const struct {
        const char *header, *value; /* NULL: none */
    } table[] = {
        {"", NULL},
        {"voc_session=abc", "abc"},
        {"a=b; voc_session=abc; c=d", "abc"},
        {"a=b;voc_session=abc", "abc"},
        {"voc_session=", ""},
        {"voc_session=a=b", "a=b"},
        {"voc_session=\"abc\"", "\"abc\""}, /* quotes are part of a value, and of no session */
        {"xvoc_session=abc", NULL},
        {"voc_sessionx=abc", NULL},
        {"VOC_SESSION=abc", NULL},
        {"__Host-voc_session=abc", NULL},
        {"voc_session", NULL},
        {"voc_session =abc", NULL},
        {"a=b;  voc_session=abc", NULL},
        {"a=\"; voc_session=abc\"", "abc\""}, /* RFC 6265: quotes hold nothing together */
        {"voc_session=abc; voc_session=abc", NULL},
        {"voc_session=; a=b; voc_session=abc", NULL},
        {";;; ;voc_session=abc;", "abc"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct span found = session_cookie_find(span_str(table[i].header), SESSION_NAME);
        if (!span_eq(found, span_str(table[i].value)) || !found.p != !table[i].value)
            fail_msg("%s: found \"%.*s\"", table[i].header, SPAN_FMT(found));
    }
    assert_true(span_is(
        session_cookie_find(SPAN_LIT("voc_session=a; __Host-voc_session=b"), SESSION_NAME_TLS),
        "b"));
}

static void test_csrf(void **state)
{
    (void)state;
    struct session_keys keys = {{1}, {2}};
    struct session s = {.id = {1}}, other = {.id = {2}};
    char csrf[SESSION_CSRF + 1];
    assert_int_equal(session_csrf_make(&keys, &s, csrf), 0);
    assert_int_equal(strlen(csrf), SESSION_CSRF);
    assert_true(session_csrf_is(&keys, &s, span_str(csrf)));
    assert_false(session_csrf_is(&keys, &other, span_str(csrf)));
    assert_false(session_csrf_is(&keys, &s, SPAN_NONE));
    assert_false(session_csrf_is(&keys, &s, span_of(csrf, SESSION_CSRF - 1)));
    csrf[5] = csrf[5] == 'A' ? 'B' : 'A';
    assert_false(session_csrf_is(&keys, &s, span_str(csrf)));
}

static void test_token_ids(void **state)
{
    (void)state;
    unsigned char id[SESSION_TOKEN];
    assert_true(session_token_id(SPAN_LIT("tk_000102030405060708090a0b"), id));
    assert_int_equal(id[0], 0);
    assert_int_equal(id[11], 11);
    assert_false(session_token_id(SPAN_LIT("tk_000102030405060708090a0B"), id));
    assert_false(session_token_id(SPAN_LIT("tk_000102030405060708090a"), id));
    assert_false(session_token_id(SPAN_LIT("xx_000102030405060708090a0b"), id));
}

/* --- in force --- */

static void test_session_is_its_token(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1], other[SESSION_COOKIE + 1];
    struct http_principal p, q;
    struct auth *a = open_auth(test_dir());
    struct auth_made agent = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    struct auth_made admin = make_token(a, ROLE_ADMIN, "w2", NO_TIME);
    assert_int_equal(enter(a, agent.text, NOW, cookie), 0);
    assert_int_equal(enter(a, admin.text, NOW, other), 0);
    assert_int_equal(who(a, cookie, NOW, &p), 0);
    assert_true(p.by_session && p.role == ROLE_AGENT && span_is(p.workspace, "w1"));
    assert_true(span_eq(p.token_id, agent.id));
    assert_int_equal(who(a, other, NOW, &q), 0);
    assert_true(q.role == ROLE_ADMIN && span_is(q.workspace, "w2"));
    assert_memory_not_equal(p.session.id, q.session.id, SESSION_ID);
    assert_null(strstr(cookie, agent.text.p + strlen("voc_agent_"))); /* the token is not in it */
    auth_free(a);
}

static void test_the_token_ends_it(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1], brief[SESSION_COOKIE + 1];
    struct http_principal p, listening;
    struct span document;
    struct auth *a = open_auth(test_dir());
    struct auth_made lasting = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    struct auth_made ending = make_token(a, ROLE_AGENT, "w1", NOW + 90500);
    assert_int_equal(enter(a, lasting.text, NOW, cookie), 0);
    assert_int_equal(enter(a, ending.text, NOW, brief), 0);
    assert_int_equal(who(a, brief, NOW, &p), 0);
    assert_int_equal(p.session.ends_at, NOW + 90000);
    assert_int_equal(who(a, brief, NOW + 89999, NULL), 0);
    assert_int_equal(who(a, brief, NOW + 90000, NULL), -EACCES);
    assert_int_equal(who(a, cookie, NOW, &listening), 0);
    assert_true(auth_in_force(a, &listening, NOW));
    assert_int_equal(auth_revoke(a, SPAN_LIT("w1"), lasting.id, NOW, &arena, &document), 0);
    assert_int_equal(auth_apply(a, document), 0);
    assert_int_equal(who(a, cookie, NOW, NULL), -EACCES);
    assert_false(auth_in_force(a, &listening, NOW));
    auth_free(a);
}

static void test_the_clock_ends_it(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1];
    struct http_principal p;
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    int64_t end = NOW + config.auth.session_ms;
    assert_int_equal(enter(a, made.text, NOW, cookie), 0);
    assert_int_equal(who(a, cookie, end - 1, &p), 0);
    assert_int_equal(p.session.ends_at, end);
    assert_int_equal(who(a, cookie, end, NULL), -EACCES);
    assert_false(auth_in_force(a, &p, end));
    /* Set back a little: it goes on. Set back further: it would last too long. */
    assert_int_equal(who(a, cookie, NOW - AUTH_SESSION_SKEW_MS, NULL), 0);
    assert_int_equal(who(a, cookie, NOW - AUTH_SESSION_SKEW_MS - 1, NULL), -EACCES);
    assert_int_equal(who(a, cookie, NOW, NULL), 0);
    auth_free(a);
}

static void test_reload_may_only_shorten(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1];
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    struct config other = config;
    assert_int_equal(enter(a, made.text, NOW, cookie), 0);
    other.auth.session_ms = MS_HOUR;
    auth_reload(a, &other);
    assert_int_equal(who(a, cookie, NOW + MS_HOUR - 1, NULL), 0);
    assert_int_equal(who(a, cookie, NOW + MS_HOUR, NULL), -EACCES);
    other.auth.session_ms = 48 * MS_HOUR;
    auth_reload(a, &other);
    assert_int_equal(who(a, cookie, NOW + MS_HOUR, NULL), 0);
    assert_int_equal(who(a, cookie, NOW + 12 * MS_HOUR, NULL), -EACCES);
    auth_free(a);
}

static void test_restart(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1];
    const char *dir = test_dir();
    struct auth *a = open_auth(dir);
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    assert_int_equal(enter(a, made.text, NOW, cookie), 0);
    auth_free(a);
    a = open_auth(dir);
    assert_int_equal(who(a, cookie, NOW, NULL), -EACCES); /* its token is not known yet */
    assert_int_equal(auth_apply(a, made.document), 0);
    assert_int_equal(who(a, cookie, NOW, NULL), 0);
    auth_free(a);
    a = open_auth(test_dir()); /* another key */
    assert_int_equal(auth_apply(a, made.document), 0);
    assert_int_equal(who(a, cookie, NOW, NULL), -EACCES);
    auth_free(a);
}

static void test_signing_out(void **state)
{
    (void)state;
    char one[SESSION_COOKIE + 1], two[SESSION_COOKIE + 1];
    struct http_principal p;
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    assert_int_equal(enter(a, made.text, NOW, one), 0);
    assert_int_equal(enter(a, made.text, NOW, two), 0);
    assert_int_equal(who(a, one, NOW, &p), 0);
    auth_session_end(a, &p);
    auth_session_end(a, &p);
    assert_false(auth_in_force(a, &p, NOW));
    assert_int_equal(who(a, one, NOW, NULL), -EACCES);
    assert_int_equal(who(a, two, NOW, NULL), 0);
    auth_free(a);
}

static void test_ended_documents(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1], other[SESSION_COOKIE + 1];
    const char *dir = test_dir();
    struct http_principal p;
    struct span key, value;
    struct auth *a = open_auth(dir);
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    assert_int_equal(enter(a, made.text, NOW, cookie), 0);
    assert_int_equal(enter(a, made.text, NOW, other), 0);
    assert_int_equal(who(a, cookie, NOW, &p), 0);
    assert_int_equal(auth_ended_document(&p, &arena, &key, &value), 0);
    auth_free(a);
    a = open_auth(dir);
    assert_int_equal(auth_apply(a, made.document), 0);
    assert_int_equal(who(a, cookie, NOW, NULL), 0);
    assert_int_equal(auth_ended_apply(a, key, value, NOW), 0);
    assert_int_equal(who(a, cookie, NOW, NULL), -EACCES);
    assert_int_equal(who(a, other, NOW, NULL), 0);
    int64_t end = NOW + config.auth.session_ms;
    assert_int_equal(auth_ended_apply(a, key, value, end + MS_DAY), 0);
    assert_int_equal(auth_ended_apply(a, key, value, end + MS_DAY + 1), -ETIME);
    static const char *const bad[][2] = {
        {"", ""},
        {AUTH_ENDED_KEY, "tk_0 1 2"},
        {AUTH_ENDED_KEY "000102030405060708090a0b0c0d0e0f", ""},
        {AUTH_ENDED_KEY "000102030405060708090a0b0c0d0e0f", "tk_0"},
        {AUTH_ENDED_KEY "000102030405060708090a0b0c0d0e0f", "tk_0 1"},
        {AUTH_ENDED_KEY "000102030405060708090a0b0c0d0e0f", "tk_0 1 x"},
        {AUTH_ENDED_KEY "000102030405060708090a0b0c0d0e0x", "tk_0 1 2"},
        {AUTH_ENDED_KEY "000102030405060708090a0b0c0d0e0f00", "tk_0 1 2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(auth_ended_apply(a, span_str(bad[i][0]), span_str(bad[i][1]), NOW),
                         -EINVAL);
    auth_free(a);
}

/* However many sign out, no session comes back; what is forgotten takes others of its token along,
 * never those of another token. */
static void test_many_sign_out(void **state)
{
    (void)state;
    char first[SESSION_COOKIE + 1], beside[SESSION_COOKIE + 1], later[SESSION_COOKIE + 1],
        other[SESSION_COOKIE + 1], cookie[SESSION_COOKIE + 1];
    struct http_principal p;
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    struct auth_made busy = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    assert_int_equal(enter(a, made.text, NOW, first), 0);
    assert_int_equal(enter(a, made.text, NOW - 1, beside), 0);
    assert_int_equal(enter(a, made.text, NOW + 1, later), 0);
    assert_int_equal(enter(a, busy.text, NOW + 1, other), 0);
    assert_int_equal(who(a, first, NOW, &p), 0);
    auth_session_end(a, &p);
    for (int i = 0; i < AUTH_MAX_ENDED; i++) {
        assert_int_equal(enter(a, busy.text, NOW, cookie), 0);
        assert_int_equal(who(a, cookie, NOW, &p), 0);
        assert_int_equal(who(a, beside, NOW, NULL), 0);
        auth_session_end(a, &p);
        assert_int_equal(who(a, cookie, NOW, NULL), -EACCES);
    }
    assert_int_equal(who(a, first, NOW, NULL), -EACCES);
    assert_int_equal(who(a, beside, NOW, NULL), -EACCES);
    assert_int_equal(who(a, later, NOW + 1, NULL), 0);
    assert_int_equal(who(a, other, NOW + 1, NULL), 0);
    auth_free(a);
}

/* --- whose word counts --- */

static void test_token_before_cookie(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1];
    struct http_principal p;
    int64_t retry;
    struct auth *a = open_auth(test_dir());
    struct auth_made agent = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    struct auth_made admin = make_token(a, ROLE_ADMIN, "w1", NO_TIME);
    assert_int_equal(enter(a, agent.text, NOW, cookie), 0);
    struct auth_query q = {.authorization =
                               arena_printf(&arena, "Bearer %.*s", SPAN_FMT(admin.text)),
                           .cookie = span_str(cookie),
                           .wall = NOW,
                           .mono = NOW,
                           .peer = SPAN_LIT("10.0.0.3")};
    assert_int_equal(auth_principal(a, &q, &p, &retry), 0);
    assert_true(p.role == ROLE_ADMIN && !p.by_session);
    q.authorization = SPAN_LIT("Bearer voc_admin_wrong");
    assert_int_equal(auth_principal(a, &q, &p, &retry), -EACCES);
    q.authorization = SPAN_LIT("");
    assert_int_equal(auth_principal(a, &q, &p, &retry), -EACCES);
    auth_free(a);
}

/* A page left open over night asks every few seconds: that is no guessing. A forged one is. */
static void test_what_the_throttle_counts(void **state)
{
    (void)state;
    char cookie[SESSION_COOKIE + 1];
    struct auth *a = open_auth(test_dir());
    struct auth_made made = make_token(a, ROLE_AGENT, "w1", NO_TIME);
    assert_int_equal(enter(a, made.text, NOW, cookie), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(who(a, cookie, NOW + MS_DAY, NULL), -EACCES);
    cookie[0] = cookie[0] == 'A' ? 'B' : 'A';
    for (int i = 0; i < 5; i++)
        assert_int_equal(who(a, cookie, NOW, NULL), -EACCES);
    assert_int_equal(who(a, cookie, NOW, NULL), -EAGAIN);
    auth_free(a);
}

/* --- where a request comes from --- */

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *host, *origin, *site, *external;
        bool tls, may_write, may_read;
    } table[] = {
        {"127.0.0.1:8642", NULL, NULL, NULL, false, true, true}, /* no browser */
        {"127.0.0.1:8642", "http://127.0.0.1:8642", "same-origin", NULL, false, true, true},
        {"127.0.0.1:8642", "http://127.0.0.1:8642", NULL, NULL, false, true, true},
        {"localhost:8642", "http://LOCALHOST:8642", NULL, NULL, false, true, true},
        {"localhost:8642", "http://localhost:3000", NULL, NULL, false, false, true},
        {"localhost:8642", "http://localhost:3000", "same-site", NULL, false, false, false},
        {"localhost:8642", "http://localhost", NULL, NULL, false, false, true},
        {"localhost:8642", NULL, "none", NULL, false, false, true}, /* the address bar */
        {"localhost:8642", NULL, "cross-site", NULL, false, false, false},
        {"localhost:8642", NULL, "", NULL, false, false, false},
        {"localhost:8642", "null", NULL, NULL, false, false, true},
        {"localhost:8642", "", NULL, NULL, false, false, true},
        {"localhost:8642", "http://", NULL, NULL, false, false, true},
        {"localhost:8642", "http://localhost:8642.example.com", NULL, NULL, false, false, true},
        {"localhost:8642", "http://example.com", NULL, NULL, false, false, true},
        {"voc.example.com", "https://voc.example.com", NULL, NULL, false, true, true}, /* proxy */
        {"voc.example.com", "https://voc.example.com", NULL, NULL, true, true, true},
        {"voc.example.com", "http://voc.example.com", NULL, NULL, true, false, true},
        {"127.0.0.1:8642", "https://voc.example.com", NULL, "https://voc.example.com/x", false,
         true, true},
        {"127.0.0.1:8642", "http://voc.example.com", NULL, "https://voc.example.com", false, false,
         true},
        {"127.0.0.1:8642", "https://voc.example.com.evil", NULL, "https://voc.example.com", false,
         false, true},
        {NULL, "http://", NULL, NULL, false, false, true}, /* HTTP/1.0 */
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct origin_check c = {.host = span_str(table[i].host),
                                 .origin = span_str(table[i].origin),
                                 .fetch_site = span_str(table[i].site),
                                 .external_url = span_str(table[i].external),
                                 .tls = table[i].tls};
        if (origin_may_write(&c) != table[i].may_write || origin_may_read(&c) != table[i].may_read)
            fail_msg("row %zu: %s", i, table[i].origin ? table[i].origin : "-");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_cookie_says_what_was_put_in),
        cmocka_unit_test(test_cookie_changed_anywhere),
        cmocka_unit_test(test_cookie_header),
        cmocka_unit_test(test_csrf),
        cmocka_unit_test(test_token_ids),
        cmocka_unit_test(test_session_is_its_token),
        cmocka_unit_test(test_the_token_ends_it),
        cmocka_unit_test(test_the_clock_ends_it),
        cmocka_unit_test(test_reload_may_only_shorten),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_signing_out),
        cmocka_unit_test(test_ended_documents),
        cmocka_unit_test(test_many_sign_out),
        cmocka_unit_test(test_token_before_cookie),
        cmocka_unit_test(test_what_the_throttle_counts),
        cmocka_unit_test(test_origins),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
