/* poller.h in virtual time: days of schedules with every answer made here. What is wanted of five
 * hundred sources: each asked when it is due, one request at a time, those that fail less and less,
 * nobody kept waiting by others, nothing lost, whatever the wall clock does. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/lib/poll_rig.h"

enum { SOURCES = 500, PER_ANSWER = 20 };

static const char connector[] =
    "connector: desk\n"
    "cfg: {n: null}\n"
    "base: http://127.0.0.1\n"
    "timeout: 30s\n"
    "streams:\n"
    "- name: all\n"
    "  request: {path: '/{{cfg.n}}', query: {after: '{{cursor.int}}'}}\n"
    "  records: $.items[*]\n"
    "  cursor: {int: $.id, order: asc}\n"
    "  map: {external_id: $.id, created_at: $.at, text: $.text}\n";

/* How an upstream is. */
enum manner {
    QUICK,
    SLOW,     /* 20 s for an answer */
    STALLING, /* never answers */
    FLAKY,    /* one answer in three fails, in every way there is */
    AWAY,     /* refuses from the sixth hour to the twelfth */
};

struct desk {
    enum manner kind;
    int64_t new_ms; /* a ticket more, this often */
    int64_t last, busy_until, asked_to_wait_until;
    int64_t shortest, longest; /* between two requests */
    unsigned requests, late_requests /* in the day's second half */;
};

struct town {
    struct poll_rig *rig;
    struct desk desks[SOURCES];
    size_t n;
    int64_t closed_at; /* no new tickets from then on; NO_TIME: open */
    unsigned in_second[86400];
    uint64_t chance;
};

static int64_t now_of(const struct town *t)
{
    return t->rig ? t->rig->time.mono : 0;
}

static int64_t tickets(const struct town *t, const struct desk *d)
{
    int64_t until = t->closed_at != NO_TIME && now_of(t) > t->closed_at ? t->closed_at : now_of(t);
    return 1 + until / d->new_ms;
}

static void put_tickets(const struct town *t, const struct desk *d, int64_t after,
                        struct rig_reply *reply)
{
    size_t n = (size_t)snprintf(reply->body, sizeof reply->body, "{\"items\":[");
    int64_t last = tickets(t, d);
    for (int64_t id = after + 1; id <= last && id <= after + PER_ANSWER; id++)
        n += (size_t)snprintf(reply->body + n, sizeof reply->body - n,
                              "%s{\"id\":%" PRId64
                              ",\"at\":\"2020-01-01T00:00:00Z\",\"text\":\"배송이 늦어요\"}",
                              id > after + 1 ? "," : "", id);
    snprintf(reply->body + n, sizeof reply->body - n, "]}");
}

/* Of FLAKY. */
static void go_wrong(struct town *t, struct desk *d, struct rig_reply *reply)
{
    switch (rng_split(&t->chance) % 6) {
    case 0:
        reply->after_ms = MS_HOUR;
        break;
    case 1:
        reply->error = -EIO;
        break;
    case 2:
        reply->status = 500;
        break;
    case 3: /* half a body */
        snprintf(reply->body, sizeof reply->body, "{\"items\":[{\"id\":1,\"text\":\"배");
        break;
    case 4: /* the daemon's wall clock is not looked at for this */
        reply->status = 429;
        reply->header = (struct pair){SPAN_LIT("retry-after"), SPAN_LIT("17")};
        d->asked_to_wait_until = now_of(t) + reply->after_ms + 17 * MS_SECOND;
        break;
    default:
        reply->status = 503;
    }
}

static void note(struct town *t, struct desk *d)
{
    int64_t now = now_of(t), gap = now - d->last;
    assert_true(now >= d->busy_until); /* one at a time */
    assert_true(now >= d->asked_to_wait_until);
    if (d->requests++ > 0) {
        d->longest = gap > d->longest ? gap : d->longest;
        d->shortest = gap < d->shortest ? gap : d->shortest;
    }
    d->last = now;
    if (now >= 12 * MS_HOUR)
        d->late_requests++;
    if (d->kind == QUICK && now < MS_DAY)
        t->in_second[now / MS_SECOND]++;
}

static struct desk *desk_of(struct town *t, struct span url, int64_t *ret_after)
{
    int n = -1;
    long long after = 0;
    char text[200];
    snprintf(text, sizeof text, "%.*s", SPAN_FMT(url));
    assert_true(sscanf(text, "http://127.0.0.1/%d?after=%lld", &n, &after) >= 1);
    assert_true(n >= 0 && n < (int)t->n);
    *ret_after = after;
    return &t->desks[n];
}

static void answer(void *ctx, const struct fetch_request *request, struct rig_reply *reply)
{
    struct town *t = ctx;
    int64_t after, now = now_of(t);
    struct desk *d = desk_of(t, request->url, &after);
    note(t, d);
    reply->after_ms = 30 + (int64_t)(rng_split(&t->chance) % 50);
    put_tickets(t, d, after, reply);
    if (d->kind == SLOW)
        reply->after_ms = 20 * MS_SECOND;
    else if (d->kind == STALLING)
        reply->after_ms = MS_HOUR;
    else if (d->kind == FLAKY && rng_split(&t->chance) % 3 == 0)
        go_wrong(t, d, reply);
    else if (d->kind == AWAY && now >= 6 * MS_HOUR && now < 12 * MS_HOUR)
        reply->error = -EIO;
    int64_t takes = reply->after_ms > request->timeout_ms ? request->timeout_ms : reply->after_ms;
    d->busy_until = now + takes;
}

static struct town *town_new(size_t n, const char *every, enum manner (*kind)(size_t i))
{
    struct town *t = calloc(1, sizeof *t);
    struct buf sources;
    assert_non_null(t);
    t->n = n;
    t->closed_at = NO_TIME;
    t->chance = test_seed();
    buf_init(&sources, 0);
    for (size_t i = 0; i < n; i++) {
        t->desks[i] = (struct desk){.kind = kind(i),
                                    .new_ms = (int64_t)(4 + i % 9) * MS_HOUR + (int64_t)i * 997,
                                    .shortest = INT64_MAX};
        buf_printf(&sources, "  - {source: s%zu, connector: desk.yaml, every: %s, cfg: {n: %zu}}\n",
                   i, every, i);
    }
    t->rig = poll_rig_new(connector, sources.p, answer, t);
    buf_done(&sources);
    return t;
}

static void town_free(struct town *t)
{
    poll_rig_free(t->rig);
    free(t);
}

static int64_t state_number(const struct town *t, size_t i, const char *of, const char *name)
{
    char source[16];
    snprintf(source, sizeof source, "s%zu", i);
    json_t *state = poll_rig_state(t->rig, source);
    int64_t n = json_integer_value(json_object_get(of ? json_object_get(state, of) : state, name));
    json_decref(state);
    return n;
}

/* Every ticket of all who answer, once. */
static void expect_all(const struct town *t)
{
    size_t all = 0;
    for (size_t i = 0; i < t->n; i++) {
        int64_t wanted = t->desks[i].kind == STALLING ? 0 : tickets(t, &t->desks[i]);
        int64_t got = state_number(t, i, "records", "accepted");
        if (got != wanted || state_number(t, i, "records", "updated") != 0)
            fail_msg("s%zu (kind %d): %" PRId64 " of %" PRId64 " tickets", i, t->desks[i].kind, got,
                     wanted);
        all += (size_t)wanted;
    }
    assert_int_equal(poll_rig_count(t->rig), all);
}

/* --- a day of five hundred --- */

static enum manner mixed(size_t i)
{
    static const enum manner kinds[] = {QUICK, QUICK, SLOW,  QUICK, QUICK, STALLING,
                                        QUICK, FLAKY, QUICK, AWAY,  SLOW,  STALLING};
    return kinds[i % ARRAY_LEN(kinds)];
}

/* A tenth either way, and what an answer takes. */
static bool keeps_time(const struct desk *d, int64_t every)
{
    int64_t takes = d->kind == SLOW ? 20 * MS_SECOND : MS_SECOND;
    return d->shortest >= every - every / 10 && d->longest <= every + every / 10 + takes;
}

static void expect_schedule(const struct town *t, size_t i, int64_t every)
{
    const struct desk *d = &t->desks[i];
    bool sound = true;
    if (d->kind == QUICK || d->kind == SLOW) {
        sound = keeps_time(d, every);
    } else if (d->kind == STALLING) {
        /* Five tries of half a minute, then half an hour to a whole one. */
        sound = d->longest <= MS_HOUR + MS_MINUTE && d->late_requests >= 11 * POLL_ATTEMPTS / 2 &&
                d->late_requests <= 26 * POLL_ATTEMPTS;
    } else if (d->kind == AWAY) {
        sound = d->longest <= MS_HOUR + MS_SECOND;
    }
    if (!sound)
        fail_msg("s%zu (kind %d): %u requests, %u of them late, %" PRId64 " to %" PRId64
                 " ms between them",
                 i, d->kind, d->requests, d->late_requests, d->shortest, d->longest);
}

static void test_a_day(void **state)
{
    (void)state;
    bool soak = getenv("SOAK");
    int64_t every = soak ? MS_MINUTE : 5 * MS_MINUTE;
    struct town *t = town_new(SOURCES, soak ? "1m" : "5m", mixed);
    poll_rig_run(t->rig, MS_DAY);
    for (size_t i = 0; i < t->n; i++)
        expect_schedule(t, i, every);
    /* They began within ten seconds; half a day later they must have drifted apart. */
    unsigned most = 0;
    for (size_t s = 43200; s < 86400; s++)
        most = t->in_second[s] > most ? t->in_second[s] : most;
    assert_in_range(most, 1, soak ? 30 : 12);
    t->closed_at = now_of(t);
    poll_rig_run(t->rig, MS_DAY + 2 * MS_HOUR);
    expect_all(t);
    town_free(t);
}

/* --- the wall clock --- */

static enum manner quick(size_t i)
{
    (void)i;
    return QUICK;
}

static enum manner quick_or_flaky(size_t i)
{
    return i % 2 ? FLAKY : QUICK;
}

/* Schedules go by the clock that never steps, positions by what the upstream says. */
static void test_clock_steps(void **state)
{
    (void)state;
    static const int64_t steps[] = {-3 * MS_HOUR, 30 * MS_HOUR, -400 * MS_DAY, 800 * MS_DAY};
    struct town *t = town_new(40, "1m", quick_or_flaky);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        poll_rig_run(t->rig, now_of(t) + 3 * MS_HOUR);
        t->rig->time.wall += steps[i];
    }
    poll_rig_run(t->rig, now_of(t) + 3 * MS_HOUR);
    for (size_t i = 0; i < t->n; i++)
        expect_schedule(t, i, MS_MINUTE);
    t->closed_at = now_of(t);
    poll_rig_run(t->rig, now_of(t) + 2 * MS_HOUR);
    expect_all(t);
    town_free(t);
}

/* --- pauses and a full queue --- */

static void told(void *ctx, int rc)
{
    assert_int_equal(rc, 0);
    ++*(unsigned *)ctx;
}

static void test_a_pause(void **state)
{
    (void)state;
    unsigned answers = 0;
    struct town *t = town_new(2, "1m", quick);
    t->desks[1].kind = SLOW;
    poll_rig_run(t->rig, MS_HOUR);
    for (size_t i = 0; i < 2; i++) {
        struct poll *s = poll_rig_source(t->rig, i ? "s1" : "s0");
        /* The slow one in the middle of a request, which is broken off. */
        while (i && now_of(t) >= t->desks[1].busy_until)
            poll_rig_run(t->rig, now_of(t) + 100);
        assert_int_equal(poll_pause(s, true, told, &answers), 0);
        poll_rig_run(t->rig, now_of(t) + 10);
        t->desks[i].busy_until = 0;
    }
    assert_int_equal(answers, 2);
    assert_null(t->rig->jobs);
    unsigned before = t->desks[0].requests + t->desks[1].requests;
    poll_rig_run(t->rig, now_of(t) + 5 * MS_HOUR);
    assert_int_equal(t->desks[0].requests + t->desks[1].requests, before);
    for (size_t i = 0; i < 2; i++)
        poll_pause(poll_rig_source(t->rig, i ? "s1" : "s0"), false, told, &answers);
    poll_rig_run(t->rig, now_of(t) + MS_SECOND);
    assert_int_equal(answers, 4);
    assert_int_equal(t->desks[0].requests + t->desks[1].requests, before + 2);
    t->closed_at = now_of(t);
    poll_rig_run(t->rig, now_of(t) + MS_HOUR);
    expect_all(t);
    town_free(t);
}

/* Nothing is asked for while there is no room for the answer; then all go on. */
static void test_a_full_queue(void **state)
{
    (void)state;
    struct town *t = town_new(40, "1m", quick);
    poll_rig_run(t->rig, MS_HOUR);
    t->rig->no_room = true;
    poll_rig_run(t->rig, MS_HOUR + 2 * MS_MINUTE);
    unsigned before[40];
    for (size_t i = 0; i < t->n; i++)
        before[i] = t->desks[i].requests;
    poll_rig_run(t->rig, 3 * MS_HOUR);
    for (size_t i = 0; i < t->n; i++)
        assert_int_equal(t->desks[i].requests, before[i]);
    t->rig->no_room = false;
    poll_rig_run(t->rig, 3 * MS_HOUR + MS_SECOND);
    for (size_t i = 0; i < t->n; i++)
        assert_int_equal(t->desks[i].requests, before[i] + 1);
    t->closed_at = now_of(t);
    poll_rig_run(t->rig, 4 * MS_HOUR);
    expect_all(t);
    town_free(t);
}

/* --- budgets --- */

enum { PAGES = 100, BUDGET = 10, MAX_ASKED = 400 };

static const char paged[] = "connector: paged\n"
                            "base: http://127.0.0.1\n"
                            "rate: {budget: 10/1m}\n"
                            "streams:\n"
                            "- name: all\n"
                            "  request: {path: /all, query: {page: '{{page.number}}'}}\n"
                            "  records: $.items[*]\n"
                            "  page: {number: 1, size: 2}\n"
                            "  map: {external_id: $.id, created_at: $.at, text: =좋아요}\n";

struct pager {
    struct poll_rig *rig;
    int64_t asked[MAX_ASKED];
    size_t n;
    bool limits; /* the thirtieth request is told to wait two minutes */
};

static void answer_page(void *ctx, const struct fetch_request *request, struct rig_reply *reply)
{
    struct pager *p = ctx;
    int page = 0;
    char text[200];
    snprintf(text, sizeof text, "%.*s", SPAN_FMT(request->url));
    assert_int_equal(sscanf(text, "http://127.0.0.1/all?page=%d", &page), 1);
    assert_true(p->n < MAX_ASKED);
    p->asked[p->n++] = p->rig->time.mono;
    reply->after_ms = 5;
    if (p->limits && p->n == 30) {
        reply->status = 429;
        reply->header = (struct pair){SPAN_LIT("retry-after"), SPAN_LIT("120")};
    }
    snprintf(reply->body, sizeof reply->body,
             page < PAGES ? "{\"items\":[{\"id\":\"%d-a\",\"at\":\"2020-01-01T00:00:00Z\"},"
                            "{\"id\":\"%d-b\",\"at\":\"2020-01-01T00:00:00Z\"}]}"
                          : "{\"items\":[]}",
             page, page);
}

static void read_pages(struct pager *p)
{
    const char *source = "  - {source: s, connector: desk.yaml, every: 12h}\n";
    p->rig = poll_rig_new(paged, source, answer_page, p);
    poll_rig_run(p->rig, MS_HOUR);
    assert_int_equal(poll_rig_count(p->rig), 2 * (PAGES - 1));
}

/* A bucket of ten, filled evenly: ten at once, then one each six seconds. */
static void test_a_budget(void **state)
{
    (void)state;
    struct pager p = {0};
    read_pages(&p);
    assert_int_equal(p.n, PAGES);
    for (size_t i = 0; i + 2 * BUDGET < p.n; i++)
        assert_true(p.asked[i + 2 * BUDGET] - p.asked[i] >= MS_MINUTE);
    int64_t took = p.asked[p.n - 1] - p.asked[0];
    assert_in_range(took, 9 * MS_MINUTE - 10 * MS_SECOND, 10 * MS_MINUTE);
    poll_rig_free(p.rig);
}

static void test_a_wait_asked_for(void **state)
{
    (void)state;
    struct pager p = {.limits = true};
    read_pages(&p);
    assert_int_equal(p.n, PAGES + 1);
    assert_true(p.asked[30] - p.asked[29] >= 2 * MS_MINUTE);
    assert_true(p.asked[30] - p.asked[29] <= 2 * MS_MINUTE + 10 * MS_SECOND);
    poll_rig_free(p.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day),    cmocka_unit_test(test_clock_steps),
        cmocka_unit_test(test_a_pause),  cmocka_unit_test(test_a_full_queue),
        cmocka_unit_test(test_a_budget), cmocka_unit_test(test_a_wait_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
