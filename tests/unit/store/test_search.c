#include "tests/unit/store/fixture.h"

enum { ROWS = 5000 }; /* more than a block, and more than are looked at together */

struct hiding {
    uint64_t every; /* hides the words of rows whose number is a multiple */
    uint64_t asked;
    int error;
};

static int show_some(void *ctx, const struct stored *s, struct arena *a, struct feedback *ret)
{
    struct hiding *h = ctx;
    h->asked++;
    *ret = (struct feedback){.text = arena_dup(a, s->feedback.text)};
    if (s->seq % h->every == 0)
        ret->text = SPAN_LIT("*** 배송");
    return h->error;
}

/* Row i says "washer" when i is even; the newest has the highest number. */
static void fill(struct fixture *fx)
{
    struct store_put put;
    struct store_txn *t = fixture_begin(fx);
    for (int i = 1; i <= ROWS; i++) {
        struct feedback f = {.source = SPAN_LIT("s"), .updated_at = NO_TIME, .created_at = i};
        f.external_id = arena_printf(&fx->a, "%d", i);
        f.text = i % 2 ? SPAN_LIT("배송 dryer") : SPAN_LIT("배송 Washer");
        assert_ok(store_put_feedback(t, &f, NULL, &fx->a, &put));
        assert_int_equal(put.seq, i);
    }
    assert_ok(store_commit(t));
}

struct found {
    uint64_t every;
    int64_t next; /* the highest number not yet seen */
    size_t n;
};

static bool is_wanted(uint64_t seq, uint64_t every)
{
    return seq % 2 == 0 && seq % every != 0;
}

static int check(void *ctx, const struct stored *s)
{
    struct found *f = ctx;
    while (f->next > 0 && !is_wanted((uint64_t)f->next, f->every))
        f->next--;
    assert_int_equal(s->seq, f->next);
    f->next--;
    f->n++;
    return 0;
}

static struct store_list_query washers(struct hiding *h, size_t limit)
{
    return (struct store_list_query){.from = NO_TIME,
                                     .to = INT64_MAX,
                                     .q = SPAN_LIT("washer"),
                                     .shown = h ? show_some : NULL,
                                     .shown_ctx = h,
                                     .after = {INT64_MAX, UINT64_MAX},
                                     .limit = limit};
}

static size_t walk(struct store_view *v, struct arena *a, struct store_list_query q,
                   struct found *f)
{
    bool more = true;
    size_t pages = 0;
    for (; more; pages++) {
        size_t before = f->n;
        assert_ok(store_list(v, &q, a, check, f, &q.after, &more));
        assert_true(!more || f->n - before == q.limit);
    }
    return pages;
}

/* Rows found only by what is hidden count for nothing: not as rows, not for the size of a page, not
 * for whether there is more. */
static void hidden_words_are_not_found(void **state)
{
    struct fixture fx;
    (void)state;
    fixture_init(&fx);
    fill(&fx);
    struct store_view *v = fixture_view(&fx);
    for (uint64_t every = 1; every < 8; every++) {
        struct hiding h = {.every = every};
        struct found f = {.every = every, .next = ROWS};
        size_t wanted = 0, limit = every == 1 ? 1 : 100 + test_below(900);
        for (uint64_t seq = 1; seq <= ROWS; seq++)
            wanted += is_wanted(seq, every);
        size_t pages = walk(v, &fx.a, washers(&h, limit), &f);
        assert_int_equal(f.n, wanted);
        assert_int_equal(every <= 2 ? 1 : 0, pages == 1 && wanted == 0);
        assert_true(h.asked >= ROWS / 2);
    }
    store_view_end(v);
    fixture_done(&fx);
}

static void nothing_is_hidden_from_others(void **state)
{
    struct fixture fx;
    struct hiding h = {.every = 1, .error = -ENOMEM};
    struct found f = {.every = UINT64_MAX, .next = ROWS};
    struct store_cursor next;
    bool more;
    (void)state;
    fixture_init(&fx);
    fill(&fx);
    struct store_view *v = fixture_view(&fx);
    walk(v, &fx.a, washers(NULL, 1000), &f);
    assert_int_equal(f.n, ROWS / 2);
    struct store_list_query q = washers(&h, 10);
    assert_int_equal(store_list(v, &q, &fx.a, check, &f, &next, &more), -ENOMEM);
    q.q = SPAN_NONE; /* without words nobody asks what is shown */
    h.asked = 0;
    q.limit = 1;
    f = (struct found){.every = UINT64_MAX, .next = ROWS};
    assert_ok(store_list(v, &q, &fx.a, check, &f, &next, &more));
    assert_int_equal(h.asked, 0);
    store_view_end(v);
    fixture_done(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_words_are_not_found),
        cmocka_unit_test(nothing_is_hidden_from_others),
    };
    test_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
