#include "tests/lib/alert_rig.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/lib/test.h"

static void open_store(struct alert_rig *r, struct rng rng)
{
    char message[256] = "";
    struct store_config sc = {.dir = r->dir,
                              .workspace = SPAN_LIT("test"),
                              .map_size = 256 << 20,
                              .create = true,
                              .trace_fd = -1,
                              .rng = rng};
    int rc = store_open(&sc, message, sizeof message, &r->store);
    if (rc < 0)
        fail_msg("store_open: %s (%s)", message, err_text(rc));
}

static void start(struct alert_rig *r)
{
    struct rng rng = test_rng(&r->chance);
    struct store_view *view = NULL;
    open_store(r, rng);
    struct alert_config ac = {.workspace = SPAN_LIT("test"),
                              .store = r->store,
                              .max_lateness_ms = r->lateness,
                              .max_groups = r->max_groups,
                              .rng = rng,
                              .timezone = r->timezone};
    assert_int_equal(alert_engine_new(&ac, &r->engine), 0);
    assert_int_equal(alert_engine_set_receivers(r->engine, r->receivers, r->n_receivers), 0);
    if (r->watch)
        assert_int_equal(alert_engine_set_watch(r->engine, r->watch), 0);
    assert_int_equal(store_view_begin(r->store, &view), 0);
    assert_int_equal(alert_engine_load(r->engine, view, r->now), 0);
    store_view_end(view);
    r->due = 0;
}

static void end(struct alert_rig *r)
{
    if (r->batch)
        rig_abort(r);
    alert_engine_free(r->engine);
    store_close(r->store);
    r->engine = NULL;
    r->store = NULL;
}

void rig_open(struct alert_rig *r)
{
    r->dir = r->dir ? r->dir : test_dir();
    r->lateness = r->lateness ? r->lateness : MS_HOUR;
    r->max_groups = r->max_groups ? r->max_groups : 1000;
    r->timezone = r->timezone ? r->timezone : "Asia/Seoul";
    r->chance = test_rand();
    arena_init(&r->arena, 0);
    buf_init(&r->events, 0);
    start(r);
}

void rig_close(struct alert_rig *r)
{
    end(r);
    arena_done(&r->arena);
    buf_done(&r->events);
}

void rig_wipe(const char *dir)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while ((e = readdir(d))) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (*e->d_name != '.')
            assert_int_equal(remove(path), 0);
    }
    closedir(d);
}

void rig_restart(struct alert_rig *r)
{
    rig_away(r, 0);
}

void rig_away(struct alert_rig *r, int64_t ms)
{
    end(r);
    r->now += ms;
    start(r);
    rig_tick(r);
}

void rig_watch(struct alert_rig *r)
{
    assert_int_equal(alert_engine_set_watch(r->engine, r->watch), 0);
    rig_tick(r);
}

/* --- batches --- */

void rig_begin(struct alert_rig *r)
{
    assert_null(r->batch);
    arena_reset(&r->arena);
    assert_int_equal(store_begin(r->store, r->now, &r->txn), 0);
    assert_int_equal(alert_begin(r->engine, r->txn, r->now, &r->batch), 0);
}

void rig_commit(struct alert_rig *r)
{
    const struct span *events;
    int rc = alert_finish(r->batch, &r->due, &r->firing);
    if (rc < 0)
        fail_msg("alert_finish: %s", err_text(rc));
    rc = store_commit(r->txn);
    if (rc < 0)
        fail_msg("store_commit: %s", err_text(rc));
    size_t n = alert_events(r->batch, &events);
    for (size_t i = 0; i < n; i++) {
        buf_add(&r->events, events[i]);
        buf_char(&r->events, '\n');
    }
    alert_committed(r->batch);
    r->batch = NULL;
    assert_int_equal(buf_error(&r->events), 0);
}

void rig_abort(struct alert_rig *r)
{
    alert_aborted(r->batch);
    store_abort(r->txn);
    r->batch = NULL;
}

static bool open_own(struct alert_rig *r)
{
    bool own = !r->batch;
    if (own)
        rig_begin(r);
    return own;
}

/* --- records --- */

static const struct span *split(struct alert_rig *r, const char *list, size_t *ret_n)
{
    struct span s = span_str(list);
    struct span *out = arena_array(&r->arena, s.n / 2 + 1, sizeof *out);
    size_t n = 0;
    while (s.n) {
        size_t end_at = span_find_char(s, '+');
        out[n++] = arena_dup(&r->arena, span_of(s.p, end_at));
        end_at += end_at < s.n;
        s = span_of(s.p + end_at, s.n - end_at);
    }
    *ret_n = n;
    return out;
}

static struct span dup(struct alert_rig *r, const char *s)
{
    return arena_dup(&r->arena, span_str(s));
}

static void fill_rest(struct alert_rig *r, struct feedback *f, struct span value)
{
    struct pair *arm = arena_array(&r->arena, 1, sizeof *arm);
    assert_non_null(arm);
    *arm = (struct pair){SPAN_LIT("x"), value};
    f->conversation = f->status = f->team = f->vendor = f->customer.id = value;
    f->stage = STAGE_SUPPORT;
    f->experiments = arm;
    f->n_experiments = 1;
}

static struct feedback *feedback_of(struct alert_rig *r, const struct rig_record *rec)
{
    struct feedback *f = arena_zalloc(&r->arena, sizeof *f);
    struct pair *attributes = arena_array(&r->arena, rec->n_attributes, sizeof *attributes);
    assert_true(f && attributes);
    for (size_t i = 0; i < rec->n_attributes; i++)
        attributes[i] = (struct pair){arena_dup(&r->arena, rec->attributes[i].key),
                                      arena_dup(&r->arena, rec->attributes[i].value)};
    *f = (struct feedback){
        .source = rec->source ? dup(r, rec->source) : SPAN_LIT("test"),
        .external_id = dup(r, rec->id),
        .created_at = rec->created_at,
        .updated_at = NO_TIME,
        .channel = dup(r, rec->channel),
        .text = rec->text ? dup(r, rec->text) : arena_printf(&r->arena, "%d", (int)rec->sentiment),
        .agent = dup(r, rec->agent),
        .product = dup(r, rec->product),
        .customer = {.name = dup(r, rec->name),
                     .email = dup(r, rec->email),
                     .phone = dup(r, rec->phone)},
        .csat = rec->csat,
        .nps = rec->nps,
        .surveyed = rec->csat.has || rec->nps.has,
        .backfill = rec->backfill,
        .attributes = attributes,
        .n_attributes = rec->n_attributes,
    };
    f->tags = split(r, rec->tags, &f->n_tags);
    if (rec->rest)
        fill_rest(r, f, dup(r, rec->rest));
    return f;
}

static struct analysis *analysis_of(struct alert_rig *r, const struct rig_record *rec)
{
    struct analysis *a = arena_zalloc(&r->arena, sizeof *a);
    size_t n;
    const struct span *codes = split(r, rec->categories, &n);
    struct topic *topics = arena_array(&r->arena, n, sizeof *topics);
    assert_true(a && topics);
    for (size_t i = 0; i < n; i++)
        topics[i] = (struct topic){.code = codes[i], .sentiment = rec->sentiment};
    *a = (struct analysis){.lexicon = 1,
                           .lang = LANG_KO,
                           .sentiment = rec->sentiment,
                           .type = SPAN_LIT("other"),
                           .categories = topics,
                           .n_categories = n};
    a->signals = split(r, rec->signals, &a->n_signals);
    return a;
}

enum outcome rig_put(struct alert_rig *r, const struct rig_record *rec, struct uuid *ret_id)
{
    struct store_put put = {0};
    bool own = open_own(r);
    struct feedback *f = feedback_of(r, rec);
    struct analysis *a = analysis_of(r, rec);
    int rc = store_put_feedback(r->txn, f, a, &r->arena, &put);
    if (rc == 0 && put.outcome != OUTCOME_DUPLICATE) {
        struct where_record record = {f, a, put.segments, put.n_segments};
        rc = alert_observe(r->batch, &record, &put.id, put.has_previous ? &put.previous : NULL);
    }
    if (rc < 0)
        fail_msg("record %s: %s", rec->id, err_text(rc));
    if (ret_id)
        *ret_id = put.id;
    if (own)
        rig_commit(r);
    return put.outcome;
}

/* --- rules and time --- */

int rig_rule(struct alert_rig *r, const char *name, const char *json, struct span *ret_message)
{
    struct span message = SPAN_NONE;
    bool own = open_own(r);
    int rc = alert_put_rule(r->batch, span_str(name), span_str(json), &r->arena, &message);
    if (ret_message)
        *ret_message = message;
    if (own && rc < 0)
        rig_abort(r);
    else if (own)
        rig_commit(r);
    if (own && rc == 0 && r->due <= r->now)
        rig_tick(r); /* its window is read, and judged, with the next batch */
    return rc;
}

int rig_delete_rule(struct alert_rig *r, const char *name)
{
    bool own = open_own(r);
    int rc = alert_delete_rule(r->batch, span_str(name));
    if (own)
        rig_commit(r);
    return rc;
}

void rig_tick(struct alert_rig *r)
{
    rig_begin(r); /* without alert_evaluate_all(): what is due has to be known group by group */
    rig_commit(r);
}

void rig_advance(struct alert_rig *r, int64_t ms)
{
    int64_t end_at = r->now + ms;
    while (r->due <= end_at) {
        r->now = r->due > r->now ? r->due : r->now;
        rig_tick(r);
        if (r->due <= r->now)
            fail_msg("the engine is due again at once");
    }
    r->now = end_at;
}

char *rig_take_events(struct alert_rig *r)
{
    char *copy = strndup(r->events.n ? r->events.p : "", r->events.n);
    assert_non_null(copy);
    buf_reset(&r->events);
    return copy;
}
