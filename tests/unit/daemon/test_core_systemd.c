#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/core/systemd.h"

struct fixture {
    struct loop *loop;
    struct loop_timer *timer;
    int fd; /* the manager's end */
    int64_t age;
    int pings, want;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    assert_non_null(f);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/notify", test_dir());
    f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(f->fd >= 0);
    assert_int_equal(bind(f->fd, (struct sockaddr *)&at, sizeof at), 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    assert_int_equal(loop_new(&f->loop), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    loop_free(f->loop);
    close(f->fd);
    free(f);
    return 0;
}

/* The next message, "" when there is none. */
static const char *heard(struct fixture *f)
{
    static char text[512];
    ssize_t n = recv(f->fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static int64_t age(void *ctx)
{
    return ((struct fixture *)ctx)->age;
}

static void the_life_of_a_service_is_told(void **state)
{
    struct fixture *f = *state;
    unsigned long long at = 0;
    assert_int_equal(systemd_start(f->loop, age, f, 1000), 0);
    assert_string_equal(heard(f), "");
    systemd_ready();
    assert_string_equal(heard(f), "READY=1");
    systemd_status("%d workspaces\nREADY=1", 3);
    assert_string_equal(heard(f), "STATUS=3 workspaces READY=1");
    systemd_reloading();
    assert_int_equal(sscanf(heard(f), "RELOADING=1\nMONOTONIC_USEC=%llu", &at), 1);
    assert_true(at > 0);
    loop_shutdown(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
    assert_string_equal(heard(f), "STOPPING=1");
    assert_string_equal(heard(f), "");
}

static void listen_for_pings(void *ctx)
{
    struct fixture *f = ctx;
    for (const char *text = heard(f); *text; text = heard(f)) {
        assert_string_equal(text, "WATCHDOG=1");
        f->pings++;
    }
    if (f->pings >= f->want)
        loop_shutdown(f->loop);
}

static void the_watchdog_is_fed(void **state)
{
    struct fixture *f = *state;
    f->want = 3;
    setenv("WATCHDOG_USEC", "4000", 1);
    assert_int_equal(systemd_start(f->loop, age, f, 1000), 0);
    assert_int_equal(loop_timer_new(f->loop, 1, 1, listen_for_pings, f, &f->timer), 0);
    assert_int_equal(loop_run(f->loop), 0);
    assert_true(f->pings >= 3);
}

/* Counts the timer's rounds instead of milliseconds. */
static void revive_later(void *ctx)
{
    struct fixture *f = ctx;
    if (++f->want < 20)
        return;
    if (f->age > 0) {
        assert_string_equal(heard(f), ""); /* not one ping in all these rounds */
        f->age = 0;
    } else if (*heard(f)) {
        loop_shutdown(f->loop);
    }
}

static void a_hanging_worker_starves_the_watchdog(void **state)
{
    struct fixture *f = *state;
    f->age = 1000;
    setenv("WATCHDOG_USEC", "2000", 1);
    assert_int_equal(systemd_start(f->loop, age, f, 1000), 0);
    assert_int_equal(loop_timer_new(f->loop, 1, 1, revive_later, f, &f->timer), 0);
    assert_int_equal(loop_run(f->loop), 0);
}

static void without_a_manager_all_is_silent(void **state)
{
    struct fixture *f = *state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(systemd_start(f->loop, age, f, 1000), 0);
    systemd_ready();
    systemd_reloading();
    systemd_status("x");
    loop_shutdown(f->loop);
    assert_int_equal(loop_run(f->loop), 0);
    assert_string_equal(heard(f), "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_life_of_a_service_is_told),
        T(the_watchdog_is_fed),
        T(a_hanging_worker_starves_the_watchdog),
        T(without_a_manager_all_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
