/* The engine against a model that keeps nothing but the records and asks every question anew at
 * every minute: random rules, records, updates, aborts, restarts, edits and waits. What fires and
 * resolves, when, and for how many records, has to be the same. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/alert/rule.h"
#include "tests/lib/alert_rig.h"
#include "tests/lib/test.h"

enum { MAX_RECORDS = 400, RULES = 4, KEYS = 16, STEPS = 60, MAX_EVENTS = 4096, EVENT = 160 };

struct record {
    int64_t created;
    enum sentiment sentiment;
    int product; /* 0: none */
    bool app, backfill;
    double nps; /* < 0: none */
    unsigned version;
    bool there;
    struct uuid id;
};

struct memory { /* of a rule with `each`, one record */
    bool firing, kept;
    int64_t ends, keep;
};

struct rule {
    bool there, each, only_app, grouped;
    struct alert_test test;
    bool key[KEYS], firing[KEYS];
    int64_t low_since[KEYS];
    struct memory memory[MAX_RECORDS];
};

struct model {
    struct record records[MAX_RECORDS];
    size_t n;
    struct rule rules[RULES];
    int64_t lateness;
    char events[MAX_EVENTS][EVENT];
    size_t n_events;
};

static size_t compared; /* events */

static const char *const products[KEYS] = {"", "A", "B", "C"};

static void say(struct model *m, int64_t at, size_t rule, const char *group, const char *phase,
                int64_t n)
{
    assert_true(m->n_events < MAX_EVENTS);
    snprintf(m->events[m->n_events++], EVENT, "%lld r%zu %s %s %lld", (long long)at, rule, group,
             phase, (long long)n);
}

/* --- the questions --- */

static bool matches(const struct rule *r, const struct record *rec)
{
    return !r->only_app || rec->app;
}

static bool counted(const struct alert_test *t, const struct record *rec)
{
    if (t->measure == ALERT_NPS)
        return rec->nps >= 0;
    return t->measure == ALERT_COUNT || rec->sentiment != SENTIMENT_NONE;
}

static int sign(const struct alert_test *t, const struct record *rec)
{
    if (t->measure == ALERT_NPS)
        return (rec->nps >= 9) - (rec->nps <= 6);
    if (t->measure == ALERT_NEGATIVE_RATE)
        return rec->sentiment == SENTIMENT_NEGATIVE;
    return rec->sentiment == SENTIMENT_POSITIVE;
}

static bool compare(enum alert_op op, double v, double bound)
{
    return op == ALERT_GE   ? v >= bound
           : op == ALERT_GT ? v > bound
           : op == ALERT_LE ? v <= bound
                            : v < bound;
}

static double measure(const struct model *m, const struct rule *r, int key, int64_t now, int64_t *n)
{
    int64_t sum = 0, from = (now / MS_MINUTE - r->test.window) * MS_MINUTE;
    *n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const struct record *rec = &m->records[i];
        if (!rec->there || rec->backfill || rec->created < from || !matches(r, rec) ||
            (r->grouped && rec->product != key) || !counted(&r->test, rec))
            continue;
        ++*n;
        sum += sign(&r->test, rec);
    }
    if (r->test.measure == ALERT_COUNT)
        return (double)*n;
    return *n ? (double)sum / (double)*n : NAN;
}

static void judge(struct model *m, size_t ri, int key, int64_t now)
{
    struct rule *r = &m->rules[ri];
    int64_t n;
    double v = measure(m, r, key, now, &n);
    bool over;
    if (!r->firing[key]) {
        if (n >= r->test.min_samples && compare(r->test.op, v, r->test.threshold)) {
            r->firing[key] = true;
            r->low_since[key] = NO_TIME;
            say(m, now, ri, products[key], "firing", n);
        }
        return;
    }
    if (n >= r->test.min_samples)
        r->low_since[key] = NO_TIME;
    else if (r->low_since[key] == NO_TIME)
        r->low_since[key] = now;
    over = isnan(v) || !compare(r->test.op, v, r->test.recover) ||
           (r->low_since[key] != NO_TIME && now >= r->low_since[key] + r->test.window * MS_MINUTE);
    if (over) {
        r->firing[key] = false;
        r->low_since[key] = NO_TIME;
        say(m, now, ri, products[key], "resolved", n);
    }
}

static void end_each(struct model *m, size_t ri, int64_t now)
{
    struct rule *r = &m->rules[ri];
    char id[UUID_TEXT];
    for (size_t i = 0; i < m->n; i++) {
        struct memory *mem = &r->memory[i];
        if (mem->firing && mem->ends <= now) {
            mem->firing = false;
            uuid_format(&m->records[i].id, id);
            say(m, now, ri, id, "resolved", 0);
        }
        if (mem->kept && mem->keep <= now)
            mem->kept = false;
    }
}

static void evaluate(struct model *m, int64_t now)
{
    for (size_t i = 0; i < RULES; i++) {
        if (!m->rules[i].there)
            continue;
        if (m->rules[i].each)
            end_each(m, i, now);
        for (int k = 0; k < KEYS && !m->rules[i].each; k++) {
            if (m->rules[i].key[k])
                judge(m, i, k, now);
        }
    }
}

/* The groups a rule knows when it begins: those with a record that may count. */
static void know(struct model *m, struct rule *r, int64_t now)
{
    int64_t from = (now / MS_MINUTE - r->test.window - m->lateness) * MS_MINUTE;
    for (int k = 0; k < KEYS; k++)
        r->key[k] = r->firing[k] || (!r->grouped && k == 0);
    for (size_t i = 0; i < m->n && !r->each; i++) {
        const struct record *rec = &m->records[i];
        if (rec->there && !rec->backfill && rec->created >= from && matches(r, rec) &&
            counted(&r->test, rec))
            r->key[r->grouped ? rec->product : 0] = true;
    }
}

static int64_t next_moment(const struct model *m, int64_t now)
{
    int64_t next = (now / MS_MINUTE + 1) * MS_MINUTE;
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *r = &m->rules[i];
        for (int k = 0; k < KEYS; k++) {
            int64_t at = r->firing[k] && r->low_since[k] != NO_TIME
                             ? r->low_since[k] + r->test.window * MS_MINUTE
                             : INT64_MAX;
            next = at > now && at < next ? at : next;
        }
        for (size_t k = 0; k < m->n; k++) {
            if (r->memory[k].firing && r->memory[k].ends > now && r->memory[k].ends < next)
                next = r->memory[k].ends;
        }
    }
    return next;
}

/* --- changes, in the model --- */

static void observe(struct model *m, size_t ri, size_t i, const struct record *before, int64_t now)
{
    struct rule *r = &m->rules[ri];
    const struct record *rec = &m->records[i];
    int64_t from = (now / MS_MINUTE - r->test.window - m->lateness) * MS_MINUTE;
    char id[UUID_TEXT];
    if (!r->there || rec->backfill || rec->created < from || !matches(r, rec))
        return;
    if (!r->each) {
        if (counted(&r->test, rec))
            r->key[r->grouped ? rec->product : 0] = true;
        return;
    }
    if ((before && matches(r, before)) || r->memory[i].firing ||
        (r->memory[i].kept && r->memory[i].keep > now))
        return;
    r->memory[i] = (struct memory){true, true, now + r->test.window * MS_MINUTE,
                                   rec->created + (r->test.window + m->lateness + 2) * MS_MINUTE};
    uuid_format(&rec->id, id);
    say(m, now, ri, id, "firing", 1);
}

static void close_rule(struct model *m, size_t ri, int64_t now)
{
    struct rule *r = &m->rules[ri];
    char id[UUID_TEXT];
    for (int k = 0; k < KEYS; k++) {
        if (r->firing[k])
            say(m, now, ri, products[k], "resolved", 0);
    }
    for (size_t i = 0; i < m->n; i++) {
        uuid_format(&m->records[i].id, id);
        if (r->memory[i].firing)
            say(m, now, ri, id, "resolved", 0);
    }
    *r = (struct rule){0};
}

/* --- random material --- */

static struct record random_record(const struct alert_rig *rig)
{
    int64_t age = test_below(8) ? (int64_t)test_below(20) : (int64_t)test_below(90);
    return (struct record){
        .created = rig->now - age * MS_MINUTE + (int64_t)test_below(3 * MS_MINUTE),
        .sentiment = (enum sentiment)test_below(SENTIMENT_COUNT),
        .product = (int)test_below(4),
        .app = test_below(3) > 0,
        .backfill = test_below(12) == 0,
        .nps = test_below(2) ? (double)test_below(11) : -1,
        .there = true,
    };
}

static struct rule random_rule(void)
{
    static const double marks[] = {0.25, 0.4, 0.5, 0.6, 2.0 / 3, 0.75};
    struct rule r = {.there = true,
                     .each = test_below(4) == 0,
                     .only_app = test_below(2),
                     .grouped = test_below(2)};
    struct alert_test *t = &r.test;
    t->measure = (enum alert_measure)(test_below(2) ? ALERT_COUNT : test_below(ALERT_MEASURES));
    if (t->measure == ALERT_CSAT)
        t->measure = ALERT_NPS;
    t->op = (enum alert_op)test_below(ALERT_OPS);
    bool up = t->op == ALERT_GE || t->op == ALERT_GT;
    double a = t->measure == ALERT_COUNT ? 1 + (double)test_below(5) : marks[test_below(6)];
    double b = t->measure == ALERT_COUNT ? 1 + (double)test_below(5) : marks[test_below(6)];
    t->threshold = up ? fmax(a, b) : fmin(a, b);
    t->recover = up ? fmin(a, b) : fmax(a, b);
    t->window = 1 + (int64_t)test_below(30);
    t->min_samples =
        t->measure == ALERT_COUNT ? (int64_t)test_below(3) : 1 + (int64_t)test_below(5);
    r.grouped = r.grouped && !r.each;
    return r;
}

static void print_rule(const struct rule *r, char *out, size_t size)
{
    const struct alert_test *t = &r->test;
    if (r->each)
        snprintf(out, size, "{\"where\":\"%s\",\"each\":true,\"window\":\"%lldm\"}",
                 r->only_app ? "category = app" : "", (long long)t->window);
    else
        snprintf(out, size,
                 "{\"where\":\"%s\",\"measure\":\"%s\",\"op\":\"%s\",\"threshold\":%.17g,"
                 "\"recover\":%.17g,\"window\":\"%lldm\",\"min_samples\":%lld,\"group_by\":[%s]}",
                 r->only_app ? "category = app" : "", alert_measure_name(t->measure),
                 alert_op_name(t->op), t->threshold, t->recover, (long long)t->window,
                 (long long)t->min_samples, r->grouped ? "\"product\"" : "");
}

/* --- comparing --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void read_event(const json_t *o, char out[EVENT])
{
    const json_t *resolved = json_object_get(o, "resolved");
    const char *status = json_string_value(json_object_get(o, "status"));
    bool over = strcmp(status, "resolved") == 0;
    const json_t *group = json_object_get(json_object_get(o, "group"), "product");
    const char *id = json_string_value(json_array_get(json_object_get(o, "examples"), 0));
    bool each = json_is_null(json_object_get(o, "measure"));
    int64_t at = 0;
    const char *time = json_string_value(json_object_get(o, over ? "ends_at" : "starts_at"));
    time_parse_rfc3339(span_str(time), &at);
    snprintf(out, EVENT, "%lld %s %s %s %lld", (long long)at,
             json_string_value(json_object_get(o, "rule")),
             each    ? id
             : group ? json_string_value(group)
                     : "",
             status, (long long)json_integer_value(json_object_get(over ? resolved : o, "n")));
}

static void check(struct model *m, struct alert_rig *rig, const char *what)
{
    static char got[MAX_EVENTS][EVENT];
    char *events = rig_take_events(rig), *rest = NULL;
    size_t n = 0;
    for (char *line = strtok_r(events, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *o = json_loads(line, 0, NULL);
        assert_non_null(o);
        read_event(o, got[n++]);
        json_decref(o);
    }
    free(events);
    qsort(got, n, EVENT, by_text);
    qsort(m->events, m->n_events, EVENT, by_text);
    for (size_t i = 0; i < n || i < m->n_events; i++) {
        const char *g = i < n ? got[i] : "nothing", *w = i < m->n_events ? m->events[i] : "nothing";
        if (strcmp(g, w) != 0)
            fail_msg("%s: expected \"%s\", got \"%s\"", what, w, g);
    }
    compared += n;
    m->n_events = 0;
}

/* --- steps --- */

static void put(struct model *m, struct alert_rig *rig)
{
    bool update = m->n > 0 && test_below(3) == 0;
    size_t i = update ? test_below(m->n) : m->n;
    if (i == MAX_RECORDS)
        return;
    struct record before = m->records[i], rec = random_record(rig);
    char id[32], text[64];
    rec.version = before.version + 1;
    if (update && test_below(3))
        rec.created = before.created;
    snprintf(id, sizeof id, "%zu", i);
    snprintf(text, sizeof text, "version %u", rec.version);
    struct rig_record out = {.id = id,
                             .created_at = rec.created,
                             .text = text,
                             .categories = rec.app ? "app" : NULL,
                             .sentiment = rec.sentiment,
                             .product = rec.product ? products[rec.product] : NULL,
                             .nps = {rec.nps, 10, rec.nps >= 0},
                             .backfill = rec.backfill};
    rig_put(rig, &out, &rec.id);
    m->records[i] = rec;
    m->n += !update;
    for (size_t r = 0; r < RULES; r++)
        observe(m, r, i, update ? &before : NULL, rig->now);
}

static void batch(struct model *m, struct alert_rig *rig)
{
    static struct model saved;
    bool abort_it = test_below(4) == 0;
    saved = *m;
    rig_begin(rig);
    for (size_t n = 1 + test_below(6); n; n--)
        put(m, rig);
    if (abort_it) {
        rig_abort(rig);
        *m = saved;
        check(m, rig, "abort");
        return;
    }
    rig_commit(rig);
    evaluate(m, rig->now);
    check(m, rig, "batch");
}

static void wait_some(struct model *m, struct alert_rig *rig)
{
    int64_t end = rig->now + (int64_t)test_below((test_below(4) ? 5 : 40) * MS_MINUTE);
    for (int64_t now = next_moment(m, rig->now); now <= end; now = next_moment(m, now))
        evaluate(m, now);
    rig_advance(rig, end - rig->now);
    check(m, rig, "wait");
}

static void edit(struct model *m, struct alert_rig *rig)
{
    size_t i = test_below(RULES);
    char name[8], json[512], before[512] = "";
    struct rule r = random_rule();
    snprintf(name, sizeof name, "r%zu", i);
    print_rule(&r, json, sizeof json);
    if (m->rules[i].there)
        print_rule(&m->rules[i], before, sizeof before);
    if (strcmp(json, before) == 0)
        return; /* said again, a rule is the same: nothing resolves */
    bool remove = m->rules[i].there && test_below(4) == 0;
    close_rule(m, i, rig->now);
    if (remove) {
        assert_int_equal(rig_delete_rule(rig, name), 0);
    } else {
        assert_int_equal(rig_rule(rig, name, json, NULL), 0);
        m->rules[i] = r;
        know(m, &m->rules[i], rig->now);
    }
    evaluate(m, rig->now);
    check(m, rig, remove ? "drop" : json);
}

static void restart(struct model *m, struct alert_rig *rig)
{
    for (size_t i = 0; i < RULES; i++) {
        if (m->rules[i].there)
            know(m, &m->rules[i], rig->now);
    }
    rig_restart(rig);
    evaluate(m, rig->now);
    check(m, rig, "restart");
}

static void play(const char *dir)
{
    static struct model m;
    struct alert_rig rig = {.now = INT64_C(1795305600000) + (int64_t)test_below(MS_DAY),
                            .lateness = 20 * MS_MINUTE,
                            .dir = dir};
    memset(&m, 0, sizeof m);
    m.lateness = 20;
    rig_open(&rig);
    for (size_t step = 0; step < STEPS; step++) {
        uint64_t dice = test_below(20);
        if (step < 2 || dice == 0)
            edit(&m, &rig);
        else if (dice == 1)
            restart(&m, &rig);
        else if (dice < 8)
            wait_some(&m, &rig);
        else
            batch(&m, &rig);
    }
    rig_close(&rig);
    rig_wipe(dir);
}

static void test_random_sequences(void **state)
{
    const char *dir = test_dir();
    (void)state;
    for (size_t round = 0, n = test_rounds(1000, 20000); round < n; round++)
        play(dir);
    fprintf(stderr, "%zu events compared\n", compared);
    assert_true(compared > 5000);
}

int main(void)
{
    /* 60,000 commits, of which none has to survive the machine. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_sequences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
