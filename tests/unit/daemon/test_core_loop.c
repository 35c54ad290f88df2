#include "tests/lib/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/loop.h"

/* What happened, in order, as text the assertions can show. */
struct trace {
    struct loop *loop;
    char text[512];
};

static void note(struct trace *t, const char *what)
{
    size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "%s ", what);
}

struct part {
    struct trace *trace;
    enum stop_stage stage;
    const char *name;
    bool later, never;
    struct loop_post post;
};

static void part_stopped_later(struct loop_post *post)
{
    struct part *p = (struct part *)((char *)post - offsetof(struct part, post));
    char word[32];
    snprintf(word, sizeof word, "%s.", p->name);
    note(p->trace, word);
    loop_stopped(p->trace->loop, p->stage, p);
}

static void part_stop(void *ctx)
{
    struct part *p = ctx;
    note(p->trace, p->name);
    if (p->never)
        return;
    if (!p->later) {
        loop_stopped(p->trace->loop, p->stage, p);
        return;
    }
    p->post.fn = part_stopped_later;
    loop_post(p->trace->loop, &p->post);
}

static int setup(void **state)
{
    struct trace *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_int_equal(loop_new(&t->loop), 0);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct trace *t = *state;
    loop_free(t->loop); /* asserts that nothing is left open */
    free(t);
    return 0;
}

static void shutdown_soon(void *ctx)
{
    loop_shutdown(((struct trace *)ctx)->loop);
}

static void stages_run_in_order_and_wait(void **state)
{
    struct trace *t = *state;
    struct part parts[] = {
        {t, STOP_CLOSE, "close", false, false, {0}},
        {t, STOP_INTAKE, "intake", true, false, {0}},
        {t, STOP_LISTEN, "listen", true, false, {0}},
        {t, STOP_COMMIT, "commit", true, false, {0}},
        {t, STOP_LISTEN, "listen2", false, false, {0}},
        {t, STOP_INTAKE, "gone", false, false, {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        assert_int_equal(loop_on_stop(t->loop, parts[i].stage, part_stop, &parts[i]), 0);
    loop_off_stop(t->loop, STOP_INTAKE, &parts[5]);
    loop_shutdown(t->loop);
    loop_shutdown(t->loop);
    assert_string_equal(t->text, ""); /* nothing happens inside the call */
    assert_int_equal(loop_run(t->loop), 0);
    assert_string_equal(t->text, "listen listen2 listen. intake intake. commit commit. close ");
}

static void a_late_part_is_left_behind(void **state)
{
    struct trace *t = *state;
    struct part late = {t, STOP_INTAKE, "late", false, true, {0}};
    struct part close = {t, STOP_CLOSE, "close", false, false, {0}};
    loop_set_stop_deadline(t->loop, STOP_INTAKE, 1);
    assert_int_equal(loop_on_stop(t->loop, STOP_INTAKE, part_stop, &late), 0);
    assert_int_equal(loop_on_stop(t->loop, STOP_CLOSE, part_stop, &close), 0);
    loop_shutdown(t->loop);
    assert_int_equal(loop_run(t->loop), 0);
    assert_string_equal(t->text, "late close ");
}

static void an_unfinished_commit_is_never_closed_under(void **state)
{
    struct trace *t = *state;
    struct part commit = {t, STOP_COMMIT, "commit", false, true, {0}};
    struct part close = {t, STOP_CLOSE, "close", false, false, {0}};
    loop_set_stop_deadline(t->loop, STOP_COMMIT, 1);
    assert_int_equal(loop_on_stop(t->loop, STOP_COMMIT, part_stop, &commit), 0);
    assert_int_equal(loop_on_stop(t->loop, STOP_CLOSE, part_stop, &close), 0);
    loop_shutdown(t->loop);
    assert_int_equal(loop_run(t->loop), -ETIMEDOUT);
    assert_string_equal(t->text, "commit ");
    /* A loop that gave up may not be freed; here no thread is inside, so what the test can reach
     * keeps the leak checker content. */
    static struct loop *kept;
    kept = t->loop;
    loop_free(kept);
    assert_int_equal(loop_new(&t->loop), 0);
}

static void late_registration_is_refused(void **state)
{
    struct trace *t = *state;
    loop_shutdown(t->loop);
    assert_int_equal(loop_run(t->loop), 0);
    assert_int_equal(loop_on_stop(t->loop, STOP_CLOSE, part_stop, t), -ESHUTDOWN);
}

static void panic_stops_and_is_told(void **state)
{
    struct trace *t = *state;
    struct part close = {t, STOP_CLOSE, "close", false, false, {0}};
    assert_int_equal(loop_on_stop(t->loop, STOP_CLOSE, part_stop, &close), 0);
    loop_panic(t->loop, -EIO);
    assert_int_equal(loop_run(t->loop), -VOC_E_PANIC);
    assert_string_equal(t->text, "close ");
}

/* --- signals --- */

static void reload(void *ctx)
{
    note(ctx, "reload");
    kill(getpid(), SIGTERM);
}

static void hang_up(void *ctx)
{
    (void)ctx;
    kill(getpid(), SIGHUP);
}

static void signals_reload_and_stop(void **state)
{
    struct trace *t = *state;
    struct loop_timer *timer;
    assert_int_equal(loop_on_reload(t->loop, reload, t), 0);
    assert_int_equal(loop_timer_new(t->loop, 0, 0, hang_up, NULL, &timer), 0);
    assert_int_equal(loop_run(t->loop), 0);
    assert_true(loop_stopping(t->loop));
    assert_string_equal(t->text, "reload ");
    loop_timer_free(timer); /* after the end: still allowed */
}

/* --- posts --- */

enum { THREADS = 4, POSTS = 5000 };

struct numbered {
    struct loop_post post; /* first */
    struct poster *from;
    int number;
};

struct poster {
    struct loop *loop;
    int *left;
    int next;
    pthread_t thread;
    struct numbered nodes[POSTS];
};

static void receive(struct loop_post *post)
{
    struct numbered *n = (struct numbered *)post;
    assert_int_equal(n->number, n->from->next); /* order of one thread is kept */
    n->from->next++;
    if (--*n->from->left == 0)
        loop_shutdown(n->from->loop);
}

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        p->nodes[i] = (struct numbered){.post.fn = receive, .from = p, .number = i};
        loop_post(p->loop, &p->nodes[i].post);
    }
    return NULL;
}

static void posts_arrive_once_and_in_order(void **state)
{
    struct trace *t = *state;
    int left = THREADS * POSTS;
    struct poster *posters = calloc(THREADS, sizeof *posters);
    assert_non_null(posters);
    for (int i = 0; i < THREADS; i++) {
        posters[i].loop = t->loop;
        posters[i].left = &left;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    assert_int_equal(loop_run(t->loop), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].next, POSTS);
    }
    assert_int_equal(left, 0);
    free(posters);
}

/* --- work --- */

struct job {
    struct trace *trace;
    pthread_t ran_on, done_on;
    int status;
    bool ran, done;
};

static void job_run(void *ctx)
{
    struct job *j = ctx;
    j->ran_on = pthread_self();
    j->ran = true;
}

static void job_done(void *ctx, int status)
{
    struct job *j = ctx;
    j->done_on = pthread_self();
    j->done = true;
    j->status = status;
    note(j->trace, "done");
    loop_shutdown(j->trace->loop);
}

static void work_runs_off_the_loop(void **state)
{
    struct trace *t = *state;
    struct job j = {.trace = t, .status = -1};
    assert_int_equal(loop_work(t->loop, job_run, job_done, &j), 0);
    assert_int_equal(loop_run(t->loop), 0);
    assert_true(j.ran && j.done);
    assert_int_equal(j.status, 0);
    assert_false(pthread_equal(j.ran_on, pthread_self()));
    assert_true(pthread_equal(j.done_on, pthread_self()));
}

static void every_work_is_done_before_close(void **state)
{
    struct trace *t = *state;
    struct job jobs[64];
    struct part close = {t, STOP_CLOSE, "close", false, false, {0}};
    assert_int_equal(loop_on_stop(t->loop, STOP_CLOSE, part_stop, &close), 0);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){.trace = t};
        assert_int_equal(loop_work(t->loop, job_run, job_done, &jobs[i]), 0);
    }
    loop_shutdown(t->loop);
    assert_int_equal(loop_run(t->loop), 0);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        assert_true(jobs[i].done);
        assert_int_equal(jobs[i].status, jobs[i].ran ? 0 : UV_ECANCELED);
    }
    const char *last = strstr(t->text, "close ");
    assert_non_null(last);
    assert_null(strstr(last, "done"));
}

/* --- timers --- */

struct ticker {
    struct trace *trace;
    struct loop_timer *timer;
    int ticks;
};

static void tick(void *ctx)
{
    struct ticker *k = ctx;
    if (++k->ticks < 3)
        return;
    loop_timer_free(k->timer); /* from its own callback */
    loop_shutdown(k->trace->loop);
}

static void timers_repeat_until_freed(void **state)
{
    struct trace *t = *state;
    struct ticker k = {.trace = t};
    struct loop_timer *never, *left;
    assert_int_equal(loop_timer_new(t->loop, 1, 1, tick, &k, &k.timer), 0);
    assert_int_equal(loop_timer_new(t->loop, -1, 0, shutdown_soon, t, &never), 0);
    assert_int_equal(loop_timer_new(t->loop, 3600 * 1000, 0, shutdown_soon, t, &left), 0);
    loop_timer_free(never);
    loop_timer_free(NULL);
    assert_int_equal(loop_run(t->loop), 0); /* `left` does not keep the loop */
    assert_int_equal(k.ticks, 3);
}

static void the_clock_can_be_set(void **state)
{
    struct trace *t = *state;
    struct test_clock at = {.wall = 1234, .mono = 5};
    struct clock c = test_clock(&at);
    loop_set_clock(t->loop, &c);
    test_clock_advance(&at, 10);
    assert_int_equal(clock_wall(loop_clock(t->loop)), 1244);
    assert_int_equal(clock_mono(loop_clock(t->loop)), 15);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(stages_run_in_order_and_wait),
        T(a_late_part_is_left_behind),
        T(an_unfinished_commit_is_never_closed_under),
        T(late_registration_is_refused),
        T(panic_stops_and_is_told),
        T(signals_reload_and_stop),
        T(posts_arrive_once_and_in_order),
        T(work_runs_off_the_loop),
        T(every_work_is_done_before_close),
        T(timers_repeat_until_freed),
        T(the_clock_can_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
