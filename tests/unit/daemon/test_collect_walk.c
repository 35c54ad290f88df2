/* walk.h: where a poll stands, page by page, without a network. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/walk.h"
#include "tests/lib/test.h"

#define NOW INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

struct rig {
    struct stream s;
    struct walk w;
    struct arena a;
    char why[200];
    uint64_t page;
};

static void begin(struct rig *r)
{
    r->w = walk_new(NOW - 30 * MS_DAY);
    arena_init(&r->a, 0);
    assert_true(walk_begin(&r->s, &r->w, NOW));
}

static struct mark at(int64_t time, int64_t integer)
{
    return (struct mark){SPAN_NONE, time, integer};
}

/* One page of n records, the newest of which is at `newest`. */
static int page(struct rig *r, const char *json, size_t n, struct mark newest)
{
    json_t *root = json_loads(json, 0, NULL);
    assert_non_null(root);
    struct page_facts f = {.page = root,
                           .url = SPAN_LIT("https://desk.example.com/a?b=1"),
                           .n = n,
                           .newest = newest,
                           .print = ++r->page};
    r->why[0] = '\0';
    int rc = walk_page(&r->s, &r->w, &f, &r->a, r->why, sizeof r->why);
    json_decref(root);
    return rc;
}

/* Through its document and back, as between two pages. */
static void save_and_load(struct rig *r)
{
    struct buf text;
    struct arena a;
    struct walk before = r->w;
    buf_init(&text, WALK_MAX_DOC);
    assert_int_equal(walk_print(&r->w, &text), 0);
    arena_init(&a, 0);
    assert_int_equal(walk_parse(buf_span(&text), &a, &r->w), 0);
    assert_int_equal(r->w.under_way, before.under_way);
    assert_int_equal(r->w.of, before.of);
    assert_int_equal(r->w.start, before.start);
    assert_int_equal(r->w.reached.time, before.reached.time);
    assert_int_equal(r->w.reached.integer, before.reached.integer);
    assert_true(span_eq(r->w.reached.opaque, before.reached.opaque));
    assert_int_equal(r->w.from.time, before.from.time);
    assert_int_equal(r->w.seen.time, before.seen.time);
    assert_int_equal(r->w.at, before.at);
    assert_int_equal(r->w.to, before.to);
    assert_int_equal(r->w.pages, before.pages);
    assert_true(span_eq(r->w.next, before.next));
    r->w.next = arena_dup(&r->a, r->w.next);
    r->w.reached.opaque = arena_dup(&r->a, r->w.reached.opaque);
    arena_done(&a);
    buf_done(&text);
}

static void test_offset_ends_with_a_short_page(void **state)
{
    (void)state;
    struct rig r = {
        .s = {.page = {.kind = PAGE_OFFSET, .size = 3},
              .cursor = {.kind = CURSOR_TIME, .time = SPAN_LIT("$.t"), .lag_ms = 1000}}};
    begin(&r);
    assert_int_equal(r.w.from.time, NOW - 30 * MS_DAY);
    assert_int_equal(page(&r, "{}", 3, at(NOW - 500, NO_INT)), WALK_ON);
    assert_int_equal(r.w.at, 3);
    assert_int_equal(r.w.reached.time, NO_TIME); /* no order: nothing is behind us yet */
    save_and_load(&r);
    assert_int_equal(page(&r, "{}", 2, at(NOW - 900, NO_INT)), WALK_END);
    assert_int_equal(r.w.reached.time, NOW - 500);
    assert_false(r.w.under_way);
    assert_true(walk_begin(&r.s, &r.w, NOW));
    assert_int_equal(r.w.from.time, NOW - 1500); /* the lag */
    assert_int_equal(r.w.at, 0);
    assert_int_equal(page(&r, "{}", 0, NO_MARK), WALK_END);
    assert_int_equal(r.w.reached.time, NOW - 500);
    arena_done(&r.a);
}

static void test_ascending_moves_with_each_page(void **state)
{
    (void)state;
    struct rig r = {
        .s = {.page = {.kind = PAGE_NUMBER, .first = 1, .size = 2},
              .cursor = {
                  .kind = CURSOR_INT, .integer = SPAN_LIT("$.id"), .ascending = true, .lag_n = 5}}};
    begin(&r);
    assert_int_equal(r.w.from.integer, 0);
    assert_int_equal(page(&r, "{}", 2, at(NO_TIME, 7)), WALK_ON);
    assert_int_equal(r.w.reached.integer, 7);
    assert_int_equal(r.w.at, 2);
    walk_drop(&r.w);
    assert_true(walk_begin(&r.s, &r.w, NOW));
    assert_int_equal(r.w.from.integer, 2);
    arena_done(&r.a);
}

/* A list sorted by update time shifts while it is read: no depth, but a new beginning. */
static void test_restart_at_the_cursor(void **state)
{
    (void)state;
    struct rig r = {
        .s = {.page = {.kind = PAGE_OFFSET, .size = 2, .restart = true},
              .cursor = {.kind = CURSOR_TIME, .time = SPAN_LIT("$.t"), .ascending = true}}};
    begin(&r);
    assert_int_equal(page(&r, "{}", 2, at(1000 + NOW, NO_INT)), WALK_ON);
    assert_int_equal(r.w.from.time, NOW + 1000);
    assert_int_equal(r.w.at, 0);
    assert_int_equal(page(&r, "{}", 2, at(1000 + NOW, NO_INT)), WALK_ON); /* all of one moment */
    assert_int_equal(r.w.from.time, NOW + 1000);
    assert_int_equal(r.w.at, 2);
    assert_int_equal(page(&r, "{}", 2, at(2000 + NOW, NO_INT)), WALK_ON);
    assert_int_equal(r.w.from.time, NOW + 2000);
    assert_int_equal(r.w.at, 0);
    assert_int_equal(page(&r, "{}", 1, at(2000 + NOW, NO_INT)), WALK_END);
    arena_done(&r.a);
}

static void test_opaque_and_stop(void **state)
{
    (void)state;
    struct expr *when;
    struct arena a;
    size_t column;
    const char *why;
    arena_init(&a, 0);
    assert_int_equal(expr_read(SPAN_LIT("$.end"), &a, &when, &column, &why), 0);
    struct rig r = {.s = {.page = {.kind = PAGE_NEXT_URL, .path = SPAN_LIT("$.next")},
                          .cursor = {.kind = CURSOR_OPAQUE, .opaque = SPAN_LIT("$.after")},
                          .stop = {.when = when}}};
    begin(&r);
    assert_int_equal(page(&r, "{\"next\":\"/c?x=2\",\"after\":\"A\"}", 0, NO_MARK), WALK_ON);
    assert_true(span_is(r.w.next, "https://desk.example.com/c?x=2"));
    assert_true(span_is(r.w.reached.opaque, "A"));
    save_and_load(&r);
    /* the end has a next URL too: the end counts, and its cursor is kept */
    assert_int_equal(page(&r, "{\"next\":\"/c?x=3\",\"after\":\"B\",\"end\":true}", 4, NO_MARK),
                     WALK_END);
    assert_true(span_is(r.w.reached.opaque, "B"));
    assert_true(walk_begin(&r.s, &r.w, NOW));
    assert_false(r.w.next.p);
    arena_done(&r.a);
    arena_done(&a);
}

static void test_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"{\"next\":\"https://evil.example.com/a\"}", "another origin"},
        {"{\"next\":\"https://desk.example.com.evil.org/a\"}", "another origin"},
        {"{\"next\":\"https://desk.example.com@evil.org/a\"}", "another origin"},
        {"{\"next\":\"http://desk.example.com/a\"}", "another origin"},
        {"{\"next\":\"https://desk.example.com:444/a\"}", "another origin"},
        {"{\"next\":\"//evil.example.com/a\"}", "another origin"},
        {"{\"next\":\"https://desk.example.com\\\\@evil.org/\"}", ""},
        {"{\"next\":\"next page\"}", "no URL"},
        {"{\"next\":\"https://desk.example.com/a?b=1\"}", "same page"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rig r = {.s = {.page = {.kind = PAGE_NEXT_URL, .path = SPAN_LIT("$.next")}}};
        begin(&r);
        int rc = page(&r, cases[i].json, 1, NO_MARK);
        if (*cases[i].why) {
            assert_int_equal(rc, -EPROTO);
            if (!strstr(r.why, cases[i].why))
                fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].json, cases[i].why, r.why);
            assert_false(r.w.under_way);
        } else if (rc ==
                   WALK_ON) { /* the same host to us; what curl makes of it is refused there */
            assert_true(walk_same_origin(r.w.next, SPAN_LIT("https://desk.example.com/")));
        }
        arena_done(&r.a);
    }
}

static void test_rounds_are_seen(void **state)
{
    (void)state;
    struct rig r = {.s = {.page = {.kind = PAGE_TOKEN, .path = SPAN_LIT("$.t")}}};
    begin(&r);
    assert_int_equal(page(&r, "{\"t\":\"1\"}", 2, NO_MARK), WALK_ON);
    r.page = 0; /* the same records again, under another token */
    assert_int_equal(page(&r, "{\"t\":\"2\"}", 2, NO_MARK), -EPROTO);
    arena_done(&r.a);
    begin(&r);
    assert_int_equal(page(&r, "{\"t\":7}", 2, NO_MARK), WALK_ON);
    assert_true(span_is(r.w.next, "7"));
    assert_int_equal(page(&r, "{\"t\":7}", 2, NO_MARK), -EPROTO);
    arena_done(&r.a);
    begin(&r);
    int rc = WALK_ON, n = 0;
    char text[32];
    for (; rc == WALK_ON && n < 1000; n++) {
        snprintf(text, sizeof text, "{\"t\":%d}", n);
        rc = page(&r, text, 0, NO_MARK);
    }
    assert_int_equal(rc, -EPROTO);
    assert_int_equal(n, WALK_MAX_EMPTY + 1);
    assert_int_equal(page(&r, "{}", 1, NO_MARK), WALK_END); /* no token: the end */
    arena_done(&r.a);
}

static void test_older_than_cursor(void **state)
{
    (void)state;
    struct rig r = {.s = {.page = {.kind = PAGE_NUMBER, .size = 2, .first = 1},
                          .cursor = {.kind = CURSOR_TIME, .time = SPAN_LIT("$.t")},
                          .stop = {.older = true}}};
    begin(&r);
    r.w.reached.time = NOW;
    r.w.under_way = false;
    walk_begin(&r.s, &r.w, NOW);
    assert_int_equal(page(&r, "{}", 2, at(NOW + 9000, NO_INT)), WALK_ON);
    assert_int_equal(page(&r, "{}", 2, at(NOW, NO_INT)), WALK_ON);
    assert_int_equal(r.w.reached.time, NOW); /* newest first: only the end moves it */
    assert_int_equal(page(&r, "{}", 2, at(NOW - 1, NO_INT)), WALK_END);
    assert_int_equal(r.w.reached.time, NOW + 9000);
    arena_done(&r.a);
}

/* Now and then a walk begins further back; the position itself stays where it is. */
static void test_resync(void **state)
{
    (void)state;
    struct rig r = {.s = {.cursor = {.kind = CURSOR_TIME, .time = SPAN_LIT("$.t")},
                          .resync = {.every_ms = MS_DAY, .back_ms = 7 * MS_DAY}}};
    begin(&r); /* the first walk reads all there is */
    assert_int_equal(r.w.from.time, NOW - 30 * MS_DAY);
    assert_int_equal(page(&r, "{}", 5, at(NOW - MS_HOUR, NO_INT)), WALK_END);
    assert_int_equal(r.w.resynced, NOW);
    save_and_load(&r);
    assert_int_equal(r.w.resynced, NOW);
    assert_true(walk_begin(&r.s, &r.w, NOW + MS_DAY - 1));
    assert_int_equal(r.w.from.time, NOW - MS_HOUR);
    assert_int_equal(page(&r, "{}", 0, NO_MARK), WALK_END);
    assert_true(walk_begin(&r.s, &r.w, NOW + MS_DAY));
    save_and_load(&r); /* a crash in the middle */
    assert_int_equal(r.w.from.time, NOW - MS_HOUR - 7 * MS_DAY);
    walk_drop(&r.w); /* failed: tried again, not counted */
    assert_int_equal(r.w.resynced, NOW);
    assert_true(walk_begin(&r.s, &r.w, NOW + MS_DAY));
    assert_int_equal(page(&r, "{}", 5, at(NOW - 3 * MS_DAY, NO_INT)), WALK_END);
    assert_int_equal(r.w.reached.time, NOW - MS_HOUR);
    assert_int_equal(r.w.resynced, NOW + MS_DAY);
    r.s.resync.back_ms = 300 * MS_DAY; /* never before history begins */
    assert_true(walk_begin(&r.s, &r.w, NOW + 9 * MS_DAY));
    assert_int_equal(r.w.from.time, NOW - 30 * MS_DAY);
    arena_done(&r.a);
}

static void test_windows(void **state)
{
    (void)state;
    struct rig r = {.s = {.window = {.step_ms = MS_DAY, .lag_ms = MS_HOUR, .back_ms = MS_MINUTE}}};
    r.w = walk_new(NOW - 2 * MS_DAY);
    arena_init(&r.a, 0);
    assert_true(walk_begin(&r.s, &r.w, NOW));
    assert_int_equal(r.w.from.time, NOW - 2 * MS_DAY);
    assert_int_equal(r.w.to, NOW - MS_DAY);
    assert_int_equal(page(&r, "{}", 5, NO_MARK), WALK_ON);
    save_and_load(&r);
    assert_int_equal(r.w.from.time, NOW - MS_DAY);
    assert_int_equal(r.w.to, NOW - MS_HOUR); /* the end lag */
    assert_int_equal(r.w.reached.time, NOW - MS_DAY);
    assert_int_equal(page(&r, "{}", 5, NO_MARK), WALK_END);
    assert_int_equal(r.w.reached.time, NOW - MS_HOUR);
    assert_true(walk_begin(&r.s, &r.w, NOW));
    assert_int_equal(r.w.from.time, NOW - MS_HOUR - MS_MINUTE);
    assert_int_equal(r.w.to, NOW - MS_HOUR);
    walk_drop(&r.w);
    assert_false(walk_begin(&r.s, &r.w, NOW - 2 * MS_HOUR)); /* the clock went back */
    arena_done(&r.a);
}

static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *header, *rel, *expected;
    } cases[] = {
        {"<https://a/b?page=2>; rel=\"next\"", "next", "https://a/b?page=2"},
        {"</p>; rel=prev, </n>; rel=next", "next", "/n"},
        {"</p>; title=\"a, b\"; rel=\"prev\", </n>; rel=\"last next\"", "next", "/n"},
        {"</n>; REL=next", "next", NULL},
        {"</p>; rel=prev", "next", NULL},
        {"</p", "next", NULL},
        {"", "next", NULL},
        {"</n>; rel=nextish", "next", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span got = walk_link(span_str(cases[i].header), span_str(cases[i].rel));
        if (!cases[i].expected ? got.p != NULL : !span_is(got, cases[i].expected))
            fail_msg("%s: got %.*s", cases[i].header, SPAN_FMT(got));
    }
    assert_true(
        walk_same_origin(SPAN_LIT("https://A.example/x"), SPAN_LIT("https://a.example:443")));
    assert_true(walk_same_origin(SPAN_LIT("http://a:80/x"), SPAN_LIT("http://a?x")));
    assert_false(walk_same_origin(SPAN_LIT("http://a:443"), SPAN_LIT("http://a")));
    assert_false(walk_same_origin(SPAN_LIT("a/b"), SPAN_LIT("a/b")));
}

/* Whatever is in the store, it is read or refused. */
static void test_bad_documents(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "{}",
                                      "[]",        "{\"v\":2,\"start\":\"2026-01-01T00:00:00Z\"}",
                                      "{\"v\":1}", "{\"v\":1,\"start\":\"soon\"}",
                                      "nonsense"};
    struct arena a;
    struct walk w;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(walk_parse(span_str(bad[i]), &a, &w), -EINVAL);
    assert_int_equal(
        walk_parse(SPAN_LIT("{\"v\":1,\"start\":\"2026-01-01T00:00:00Z\",\"walk\":7}"), &a, &w), 0);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offset_ends_with_a_short_page),
        cmocka_unit_test(test_ascending_moves_with_each_page),
        cmocka_unit_test(test_restart_at_the_cursor),
        cmocka_unit_test(test_opaque_and_stop),
        cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_rounds_are_seen),
        cmocka_unit_test(test_older_than_cursor),
        cmocka_unit_test(test_resync),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_bad_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
