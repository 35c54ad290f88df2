#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/test.h"

static void the_machine_has_a_clock(void **state)
{
    int64_t a = clock_mono(&clock_system), b = clock_mono(&clock_system);

    (void)state;
    assert_true(b >= a);
    assert_true(clock_wall(&clock_system) > INT64_C(1700000000000)); /* after November 2023 */
}

static void the_machine_has_chance(void **state)
{
    unsigned char a[300] = {0}, b[300] = {0};
    size_t zeros = 0;

    (void)state;
    rng_system.fill(rng_system.ctx, a, sizeof(a));
    rng_system.fill(rng_system.ctx, b, sizeof(b) - 1);
    assert_memory_not_equal(a, b, sizeof(a) - 1);
    for (size_t i = 0; i < sizeof(a); i++)
        zeros += a[i] == 0;
    assert_true(zeros < 100); /* filled to its end */
    assert_int_equal(b[299], 0);
    rng_system.fill(rng_system.ctx, NULL, 0);
}

/* Reference values of the published splitmix64 with seed 1234567. */
static void splitmix_is_splitmix(void **state)
{
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    uint64_t s = 1234567;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_true(rng_split(&s) == expected[i]);
}

static void a_test_holds_time_and_chance(void **state)
{
    struct test_clock t = {.wall = 1000, .mono = 5};
    struct clock c = test_clock(&t);
    uint64_t s1 = 9, s2 = 9;
    struct rng r1 = test_rng(&s1), r2 = test_rng(&s2);
    char a[21], b[21];

    (void)state;
    test_clock_advance(&t, MS_MINUTE);
    assert_int_equal(clock_wall(&c), 61000);
    assert_int_equal(clock_mono(&c), 60005);
    r1.fill(r1.ctx, a, sizeof(a));
    r2.fill(r2.ctx, b, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
    for (int i = 0; i < 1000; i++) {
        assert_true(test_below(7) < 7);
        assert_true(test_unit() < 1);
    }
}

/* A child makes a directory with something in it and exits: nothing is left. */
static void a_tests_directories_go_away(void **state)
{
    struct stat st;
    char path[200] = "";
    int pipes[2], status;
    pid_t pid;

    (void)state;
    if (getenv("VOC_KEEP"))
        skip();
    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        const char *dir = test_dir();
        char inner[300];

        snprintf(inner, sizeof(inner), "%s/a", dir);
        if (mkdir(inner, 0700) != 0 || symlink("/", strcat(inner, "/root")) != 0)
            _exit(1);
        if (write(pipes[1], dir, strlen(dir)) < 0)
            _exit(2);
        exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(read(pipes[0], path, sizeof(path) - 1) > 10);
    assert_int_equal(stat(path, &st), -1);
    assert_int_equal(stat("/", &st), 0);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_has_a_clock),
        cmocka_unit_test(the_machine_has_chance),
        cmocka_unit_test(splitmix_is_splitmix),
        cmocka_unit_test(a_test_holds_time_and_chance),
        cmocka_unit_test(a_tests_directories_go_away),
    };

    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
