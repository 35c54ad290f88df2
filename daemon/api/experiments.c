/* /v1/experiments: A/B tests: which there are, what they were meant to be, and how they stand. */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/query.h"
#include "daemon/core/zone.h"
#include "daemon/experiment/experiment.h"

enum { MAX_LISTED = 1000 };

/* --- reading declarations --- */

static int read_declaration(struct query *q, struct span id, struct span doc,
                            struct experiment *ret)
{
    char problem[JSON_BODY_PROBLEM], message[EXPERIMENT_MESSAGE];
    json_t *body = json_body(doc, problem);
    int rc = body ? experiment_read(id, body, &q->arena, ret, message) : -VOC_E_CORRUPT;
    json_decref(body);
    return rc == -EINVAL ? -VOC_E_CORRUPT : rc;
}

/* 0 also when there is none: then it is the default. */
static int load_declaration(struct query *q, struct span id, struct experiment *ret)
{
    struct span doc;
    int rc = store_doc_get(q->view, STORE_DOC_EXPERIMENT, id, &q->arena, &doc);
    *ret = experiment_default(id);
    return rc == -ENOENT ? 0 : rc < 0 ? rc : read_declaration(q, id, doc, ret);
}

static const char *unit_text(const struct experiment *e)
{
    return e->unit == STORE_UNIT_CUSTOMER ? "customer" : "conversation";
}

static void put_settings(struct query *q, const struct experiment *e, struct span control)
{
    json_text(&q->json, "name", e->name);
    json_cstr(&q->json, "measure", experiment_measure_code(e->measure));
    json_text(&q->json, "control", control);
    json_cstr(&q->json, "unit", unit_text(e));
    query_put_time(q, "from", e->from);
    query_put_time(q, "to", e->to);
    json_num(&q->json, "margin", e->margin);
    json_cstr(&q->json, "better", e->lower_better[e->measure] ? "lower" : "higher");
    json_flag(&q->json, "sequential", e->sequential);
    json_flag(&q->json, "declared", e->declared);
}

/* --- the list: declarations and what records name, merged by id --- */

struct listing {
    struct query *q;
    struct experiment *declared; /* by id: the order of documents */
    size_t n_declared;
    const struct store_trial_name *seen; /* by id, then arm */
    size_t n_seen;
};

static int take_declaration(void *ctx, struct span key, struct span value)
{
    struct listing *l = ctx;
    struct span id = arena_dup(&l->q->arena, key);
    if (!id.p)
        return -ENOMEM;
    if (l->n_declared == MAX_LISTED)
        return 1;
    return read_declaration(l->q, id, value, &l->declared[l->n_declared++]);
}

static int load_listing(struct listing *l)
{
    struct query *q = l->q;
    l->declared = arena_array(&q->arena, MAX_LISTED, sizeof *l->declared);
    if (!l->declared)
        return -ENOMEM;
    int rc = store_doc_each(q->view, STORE_DOC_EXPERIMENT, SPAN_NONE, false, take_declaration, l);
    return rc < 0 ? rc : store_trial_names(q->view, &q->budget, &q->arena, &l->seen, &l->n_seen);
}

static bool is_share(const struct experiment *e, struct span arm)
{
    for (size_t i = 0; i < e->n_shares; i++) {
        if (span_eq(e->shares[i].arm, arm))
            return true;
    }
    return false;
}

/* `seen` are n rows of this experiment. Shares first, then arms nobody planned. */
static void put_arms(struct query *q, const struct experiment *e,
                     const struct store_trial_name *seen, size_t n)
{
    size_t put = e->n_shares;
    json_open(&q->json, "arms", '[');
    for (size_t i = 0; i < e->n_shares; i++)
        json_text(&q->json, NULL, e->shares[i].arm);
    for (size_t i = 0; i < n && put < STORE_TRIAL_ARMS; i++) {
        if (is_share(e, seen[i].arm))
            continue;
        json_text(&q->json, NULL, seen[i].arm);
        put++;
    }
    json_close(&q->json, ']');
}

static void put_shares(struct query *q, const struct experiment *e,
                       const struct store_trial_name *seen, size_t n)
{
    json_open(&q->json, "shares", '{');
    for (size_t i = 0; i < e->n_shares; i++) {
        json_key(&q->json, e->shares[i].arm);
        json_num(&q->json, NULL, e->shares[i].share);
    }
    for (size_t i = 0; e->n_shares == 0 && i < n && i < STORE_TRIAL_ARMS; i++) {
        json_key(&q->json, seen[i].arm);
        json_num(&q->json, NULL, 1);
    }
    json_close(&q->json, '}');
}

static struct span control_of(struct query *q, const struct experiment *e,
                              const struct store_trial_name *seen, size_t n)
{
    struct span *arms = arena_array(&q->arena, e->n_shares + n + 1, sizeof *arms);
    if (e->control.p || !arms)
        return e->control;
    for (size_t i = 0; i < e->n_shares; i++)
        arms[i] = e->shares[i].arm;
    for (size_t i = 0; i < n; i++)
        arms[e->n_shares + i] = seen[i].arm;
    size_t at = experiment_usual_control(arms, e->n_shares + n);
    return at == SIZE_MAX ? SPAN_NONE : arms[at];
}

static void put_experiment(struct query *q, const struct experiment *e,
                           const struct store_trial_name *seen, size_t n)
{
    int64_t first = NO_TIME, last = NO_TIME, records = 0;
    for (size_t i = 0; i < n; i++) {
        records += (int64_t)seen[i].rows;
        first = first == NO_TIME || seen[i].first < first ? seen[i].first : first;
        last = last == NO_TIME || seen[i].last > last ? seen[i].last : last;
    }
    json_open(&q->json, NULL, '{');
    json_text(&q->json, "id", e->id);
    put_settings(q, e, control_of(q, e, seen, n));
    put_arms(q, e, seen, n);
    put_shares(q, e, seen, n);
    json_int(&q->json, "records", records);
    query_put_time(q, "first_at", first);
    query_put_time(q, "last_at", last);
    json_close(&q->json, '}');
}

static size_t seen_of(const struct listing *l, size_t at, struct span id)
{
    size_t n = 0;
    while (at + n < l->n_seen && span_eq(l->seen[at + n].experiment, id))
        n++;
    return n;
}

static void put_listing(const struct listing *l)
{
    size_t d = 0, s = 0;
    for (size_t put = 0; put < MAX_LISTED && (d < l->n_declared || s < l->n_seen); put++) {
        bool declared = d < l->n_declared &&
                        (s == l->n_seen || span_cmp(l->declared[d].id, l->seen[s].experiment) <= 0);
        struct experiment e =
            declared ? l->declared[d++] : experiment_default(l->seen[s].experiment);
        size_t n = seen_of(l, s, e.id);
        put_experiment(l->q, &e, l->seen + s, n);
        s += n;
    }
}

static void experiments(struct query *q)
{
    struct listing l = {.q = q};
    if (query_check(q, load_listing(&l)) < 0)
        return;
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    put_listing(&l);
    json_close(&q->json, ']');
    json_nil(&q->json, "next_cursor");
    json_close(&q->json, '}');
}

void api_experiments(struct http_request *r)
{
    query_run(r, experiments);
}

/* --- the summary --- */

static bool parse_measure(struct query *q, struct experiment *e)
{
    struct span given = http_query(q->r, "measure");
    int m = given.p ? experiment_measure_find(given) : (int)e->measure;
    if (m < 0 || m == TRIAL_POLARITY) {
        query_problem(q, 400, "bad-parameter",
                      "measure: csat, nps, ces, rating, negative_rate, "
                      "positive_rate, net_sentiment or response_rate");
        return false;
    }
    if ((enum store_trial_measure)m != e->measure)
        experiment_set_measure(e, (enum store_trial_measure)m);
    return true;
}

static bool parse_summary(struct query *q, struct experiment *e, struct where **ret_where)
{
    struct span control = http_query(q->r, "control");
    if (control.p)
        e->control = control;
    if (!parse_measure(q, e) || !query_time(q, "from", &e->from) || !query_time(q, "to", &e->to) ||
        !query_where(q, ret_where))
        return false;
    if (e->from == NO_TIME || e->to == INT64_MAX || e->from < e->to)
        return true;
    query_problem(q, 400, "bad-parameter", "from must lie before to");
    return false;
}

/* What nobody knows is null, and so is an end of an interval that is nowhere. */
static void put_number(struct query *q, const char *key, const struct experiment_number *n)
{
    bool known = n->n > 0;
    json_open(&q->json, key, '{');
    json_num(&q->json, "value", known ? n->value : NAN);
    json_int(&q->json, "n", (int64_t)n->n);
    json_int(&q->json, "units", (int64_t)n->units);
    json_num(&q->json, "low", known ? n->low : NAN);
    json_num(&q->json, "high", known ? n->high : NAN);
    json_close(&q->json, '}');
}

static void put_difference(struct query *q, const char *key, const struct experiment_difference *d)
{
    json_open(&q->json, key, '{');
    json_num(&q->json, "difference", d->known ? d->value : NAN);
    json_num(&q->json, "low", d->known ? d->low : NAN);
    json_num(&q->json, "high", d->known ? d->high : NAN);
    json_num(&q->json, "p", d->known ? d->p : NAN);
    json_num(&q->json, "p_adjusted", d->known ? d->p_adjusted : NAN);
    json_open(&q->json, "any_time", '{');
    json_num(&q->json, "low", d->known ? d->any_low : NAN);
    json_num(&q->json, "high", d->known ? d->any_high : NAN);
    json_num(&q->json, "p", d->known ? d->any_p : NAN);
    json_num(&q->json, "p_adjusted", d->known ? d->any_p_adjusted : NAN);
    json_close(&q->json, '}');
    json_close(&q->json, '}');
}

static void put_summary_arms(struct query *q, const struct experiment_summary *s)
{
    json_open(&q->json, "arms", '[');
    for (size_t i = 0; i < s->n_arms; i++) {
        const struct experiment_arm *arm = &s->arms[i];
        json_open(&q->json, NULL, '{');
        json_text(&q->json, "arm", arm->arm);
        json_flag(&q->json, "planned", arm->planned);
        json_int(&q->json, "assigned", (int64_t)arm->assigned);
        json_int(&q->json, "surveyed", (int64_t)arm->surveyed);
        json_int(&q->json, "responded", (int64_t)arm->responded);
        json_int(&q->json, "records", (int64_t)arm->records);
        json_open(&q->json, "measures", '{');
        for (int m = 0; m < TRIAL_MEASURES; m++)
            put_number(q, experiment_measure_code((enum store_trial_measure)m), &arm->of[m]);
        json_close(&q->json, '}');
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
}

static void put_comparisons(struct query *q, const struct experiment_summary *s)
{
    json_open(&q->json, "comparisons", '[');
    for (size_t i = 0; i < s->n_comparisons; i++) {
        const struct experiment_comparison *c = &s->comparisons[i];
        json_open(&q->json, NULL, '{');
        json_text(&q->json, "arm", s->arms[c->arm].arm);
        json_text(&q->json, "control", s->arms[0].arm);
        json_open(&q->json, "measures", '{');
        for (int m = 0; m < TRIAL_MEASURES; m++)
            put_difference(q, experiment_measure_code((enum store_trial_measure)m), &c->of[m]);
        json_close(&q->json, '}');
        json_cstr(&q->json, "code", experiment_code_text(c->code));
        json_cstr(&q->json, "reason", experiment_reason_text(c->reason));
        json_int(&q->json, "needed", (int64_t)c->needed);
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
}

static void put_ratio_check(struct query *q, const struct experiment_summary *s)
{
    uint64_t dealt = 0;
    for (size_t i = 0; i < s->n_arms; i++)
        dealt += s->arms[i].assigned;
    json_open(&q->json, "ratio_check", '{');
    json_open(&q->json, "expected", '{');
    for (size_t i = 0; i < s->n_arms; i++) {
        json_key(&q->json, s->arms[i].arm);
        json_num(&q->json, NULL, s->arms[i].expected);
    }
    json_close(&q->json, '}');
    json_open(&q->json, "observed", '{');
    for (size_t i = 0; i < s->n_arms; i++) {
        json_key(&q->json, s->arms[i].arm);
        json_num(&q->json, NULL, dealt ? (double)s->arms[i].assigned / (double)dealt : 0);
    }
    json_close(&q->json, '}');
    json_num(&q->json, "p", s->ratio_p);
    json_flag(&q->json, "passed", s->ratio_passed);
    json_close(&q->json, '}');
}

static void put_verdict(struct query *q, const struct experiment *e,
                        const struct experiment_summary *s)
{
    const struct experiment_comparison *c =
        s->decisive == SIZE_MAX ? NULL : &s->comparisons[s->decisive];
    json_open(&q->json, "verdict", '{');
    json_cstr(&q->json, "code", experiment_code_text(s->code));
    json_cstr(&q->json, "reason", experiment_reason_text(s->reason));
    json_text(&q->json, "arm", c ? s->arms[c->arm].arm : SPAN_NONE);
    json_cstr(&q->json, "measure", experiment_measure_code(e->measure));
    json_int(&q->json, "needed", c ? (int64_t)c->needed : 0);
    json_text(&q->json, "ko", s->ko);
    json_text(&q->json, "en", s->en);
    json_close(&q->json, '}');
}

static void put_warnings(struct query *q, const struct experiment_summary *s)
{
    json_open(&q->json, "warnings", '[');
    for (size_t i = 0; i < s->n_warnings; i++) {
        json_open(&q->json, NULL, '{');
        json_cstr(&q->json, "code", s->warnings[i].code);
        json_text(&q->json, "ko", s->warnings[i].ko);
        json_text(&q->json, "en", s->warnings[i].en);
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
}

static void put_summary(struct query *q, const struct experiment *e,
                        const struct experiment_summary *s)
{
    json_open(&q->json, NULL, '{');
    json_text(&q->json, "experiment", e->id);
    put_settings(q, e, s->control);
    json_text(&q->json, "tz", q->timezone);
    put_summary_arms(q, s);
    put_comparisons(q, s);
    put_ratio_check(q, s);
    json_int(&q->json, "units", (int64_t)s->units);
    json_int(&q->json, "in_several_arms", (int64_t)s->shared);
    put_verdict(q, e, s);
    put_warnings(q, s);
    json_close(&q->json, '}');
}

static int run_trial(struct query *q, const struct experiment *e, const struct where *where,
                     struct store_trial *ret)
{
    struct store_trial_query tq = {
        .experiment = e->id,
        .unit = e->unit,
        .where = where,
        .now = q->now,
        .from = e->from,
        .to = e->to,
        .budget = q->budget,
    };
    int rc = store_trial(q->view, &tq, &q->arena, ret);
    if (rc == -E2BIG)
        query_problem(q, 400, "too-many-arms", "more than %d arms: this is no experiment",
                      STORE_TRIAL_ARMS);
    else
        query_check(q, rc);
    return rc;
}

static void summary(struct query *q)
{
    struct experiment e;
    struct experiment_summary s;
    struct store_trial trial;
    struct where *where;
    if (query_check(q, load_declaration(q, q->r->params[0], &e)) < 0 ||
        !parse_summary(q, &e, &where) || run_trial(q, &e, where, &trial) < 0)
        return;
    int rc = e.declared || trial.known ? 0 : -ENOENT;
    if (rc == 0)
        rc = experiment_summarize(&e, &trial, q->now, &q->arena, &s);
    if (query_check(q, rc) == 0)
        put_summary(q, &e, &s);
}

void api_experiment_summary(struct http_request *r)
{
    query_run(r, summary);
}

/* --- declaring --- */

/* A date means what it means in the workspace's zone, now and later: kept as an instant. */
static bool fix_time(json_t *body, const char *key, struct zone *zone)
{
    struct span text = change_text(body, key);
    int64_t at;
    if (!text.p) /* null or absent; of another type: found out later */
        return !json_is_integer(json_object_get(body, key));
    return zone_parse(zone, text, &at) == 0 &&
           json_object_set_new(body, key, json_integer(at)) == 0;
}

static bool fix_times(struct http_request *r, const struct workspace *ws, json_t *body)
{
    struct zone *zone;
    const char *bad = NULL;
    if (zone_open(span_str(ws->timezone), &zone) < 0) {
        http_problem(r, 503, "busy", "no memory for this now");
        return false;
    }
    if (!fix_time(body, "to", zone))
        bad = "to";
    if (!fix_time(body, "from", zone))
        bad = "from";
    zone_close(zone);
    if (bad)
        http_problem(r, 400, "invalid", "%s: an RFC 3339 time or a date such as 2026-11-22", bad);
    return !bad;
}

/* The declaration is read as it will be, so that what is stored can be read. */
static bool check_declaration(struct http_request *r, struct edit *e, json_t *body)
{
    char message[EXPERIMENT_MESSAGE];
    struct experiment read;
    int rc = experiment_read(e->key, body, &e->arena, &read, message);
    if (rc == -EINVAL)
        http_problem(r, 400, "invalid", "%s", message);
    else if (rc < 0)
        http_problem(r, 503, "busy", "no memory for this now");
    return rc == 0;
}

static bool make_document(struct http_request *r, struct edit *e, json_t *body)
{
    e->doc = STORE_DOC_EXPERIMENT;
    e->key = arena_dup(&e->arena, r->params[0]);
    if (!fix_times(r, e->command.ws, body) || !check_declaration(r, e, body))
        return false;
    char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
    e->value = arena_dup(&e->arena, span_str(text));
    free(text);
    if (e->key.p && e->value.p)
        return true;
    http_problem(r, 503, "busy", "no memory for this now");
    return false;
}

void api_experiment_put(struct http_request *r)
{
    char problem[JSON_BODY_PROBLEM];
    if (!change_fits(r))
        return;
    json_t *body = json_body(r->body, problem);
    if (!body) {
        http_problem(r, 400, "malformed-json", "%s", problem);
        return;
    }
    struct edit *e = change_edit(r, EDIT_DOC);
    if (e && make_document(r, e, body))
        change_submit(r, e, change_done);
    else
        edit_free(e);
    json_decref(body);
}

void api_experiment_delete(struct http_request *r)
{
    struct edit *e = change_edit(r, EDIT_DOC);
    if (!e)
        return;
    e->doc = STORE_DOC_EXPERIMENT;
    e->key = arena_dup(&e->arena, r->params[0]);
    change_submit(r, e, change_done);
}
