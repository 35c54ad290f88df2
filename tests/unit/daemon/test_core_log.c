#include "tests/lib/test.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/log.h"

/* stderr goes to a file while a test runs. */
struct capture {
    int real, fd;
    char text[16384];
};

static void capture_begin(struct capture *c)
{
    char path[256];
    snprintf(path, sizeof path, "%s/stderr", test_dir());
    fflush(stderr);
    c->real = dup(STDERR_FILENO);
    c->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(c->real >= 0 && c->fd >= 0);
    assert_true(dup2(c->fd, STDERR_FILENO) >= 0);
}

static const char *capture_end(struct capture *c)
{
    assert_true(dup2(c->real, STDERR_FILENO) >= 0);
    ssize_t n = pread(c->fd, c->text, sizeof c->text - 1, 0);
    assert_true(n >= 0);
    c->text[n] = '\0';
    close(c->fd);
    close(c->real);
    log_setup(LOG_L_INFO, false);
    return c->text;
}

static void a_line_is_level_group_message_fields(void **state)
{
    (void)state;
    struct capture c;
    capture_begin(&c);
    log_setup(LOG_L_INFO, false);
    log_info(LOG_STORE, "opened", "workspace=%s records=%d", "acme", 12);
    log_error(LOG_MAIN, "plain", NULL);
    log_debug(LOG_HTTP, "not shown", NULL);
    assert_string_equal(capture_end(&c), "info store opened workspace=acme records=12\n"
                                         "error main plain\n");
}

static void levels_filter_and_have_names(void **state)
{
    (void)state;
    struct capture c;
    assert_int_equal(log_level_find(SPAN_LIT("warning")), LOG_L_WARNING);
    assert_int_equal(log_level_find(SPAN_LIT("warn")), -1);
    capture_begin(&c);
    log_setup(LOG_L_ERROR, false);
    log_warning(LOG_MAIN, "quiet", NULL);
    log_error(LOG_MAIN, "loud", NULL);
    log_setup(LOG_L_DEBUG, false);
    log_debug(LOG_MAIN, "all", NULL);
    assert_string_equal(capture_end(&c), "error main loud\ndebug main all\n");
}

static void the_journal_gets_priorities(void **state)
{
    (void)state;
    struct capture c;
    struct stat st;
    char stream[64];
    capture_begin(&c);
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_setup(LOG_L_DEBUG, false);
    log_error(LOG_MAIN, "a", NULL);
    log_warning(LOG_MAIN, "b", NULL);
    log_info(LOG_MAIN, "c", NULL);
    log_debug(LOG_MAIN, "d", NULL);
    setenv("JOURNAL_STREAM", "1:1", 1); /* stderr goes elsewhere */
    log_setup(LOG_L_DEBUG, false);
    log_error(LOG_MAIN, "e", NULL);
    unsetenv("JOURNAL_STREAM");
    assert_string_equal(capture_end(&c), "<3>error main a\n<4>warning main b\n<6>info main c\n"
                                         "<7>debug main d\nerror main e\n");
}

static void a_value_can_not_forge_a_line(void **state)
{
    (void)state;
    struct capture c;
    char q[LOG_QUOTE_MAX];
    capture_begin(&c);
    log_info(LOG_AUTH, "in", "name=%s raw=%s",
             log_quote(SPAN_LIT("a\nerror main \"x\\"), q, sizeof q), "b\nerror main y");
    assert_string_equal(capture_end(&c),
                        "info auth in name=\"a?error main \\\"x\\\\\" raw=b?error main y\n");
}

static void json_lines_parse_back(void **state)
{
    (void)state;
    struct capture c;
    char q[LOG_QUOTE_MAX];
    capture_begin(&c);
    log_setup(LOG_L_INFO, true);
    log_info(LOG_ALERT, "sent \"one\"",
             "receiver=%s status=%d flag=", log_quote(SPAN_LIT("팀 \"가\"\\\n\xff"), q, sizeof q),
             200);
    const char *text = capture_end(&c);
    json_error_t error;
    json_t *o = json_loads(text, 0, &error);
    if (!o)
        fail_msg("%s in %s", error.text, text);
    assert_string_equal(json_string_value(json_object_get(o, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(o, "group")), "alert");
    assert_string_equal(json_string_value(json_object_get(o, "message")), "sent \"one\"");
    assert_string_equal(json_string_value(json_object_get(o, "receiver")), "팀 \"가\"\\??");
    assert_string_equal(json_string_value(json_object_get(o, "status")), "200");
    assert_string_equal(json_string_value(json_object_get(o, "flag")), "");
    const char *time = json_string_value(json_object_get(o, "time"));
    assert_true(strlen(time) >= 20 && time[strlen(time) - 1] == 'Z');
    json_decref(o);
}

/* Any bytes as fields: one line comes out, and in JSON it parses. */
static void random_fields_stay_one_line(void **state)
{
    (void)state;
    size_t rounds = test_rounds(2000, 50000);
    for (size_t i = 0; i < rounds; i++) {
        struct capture c;
        char bytes[3000];
        size_t n = test_below(sizeof bytes);
        for (size_t k = 0; k < n; k++)
            bytes[k] =
                (char)(test_below(3) ? 1 + test_below(255) : (uint64_t) "\" =\\"[test_below(4)]);
        bool json = i % 2;
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        c.real = dup(STDERR_FILENO);
        dup2(fds[1], STDERR_FILENO);
        log_setup(LOG_L_INFO, json);
        log_info(LOG_MAIN, "m", "%.*s", (int)n, bytes);
        dup2(c.real, STDERR_FILENO);
        close(c.real);
        close(fds[1]);
        ssize_t got = read(fds[0], c.text, sizeof c.text - 1);
        close(fds[0]);
        assert_true(got > 0 && got <= 4096);
        c.text[got] = '\0';
        assert_int_equal(c.text[got - 1], '\n');
        assert_ptr_equal(strchr(c.text, '\n'), c.text + got - 1);
        json_t *o = json ? json_loads(c.text, 0, NULL) : NULL;
        if (json && !o)
            fail_msg("not JSON: %s", c.text);
        json_decref(o);
    }
    log_setup(LOG_L_INFO, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_level_group_message_fields),
        cmocka_unit_test(levels_filter_and_have_names),
        cmocka_unit_test(the_journal_gets_priorities),
        cmocka_unit_test(a_value_can_not_forge_a_line),
        cmocka_unit_test(json_lines_parse_back),
        cmocka_unit_test(random_fields_stay_one_line),
    };
    test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
