#include "daemon/collect/upstream.h"

#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/format/jsonpath.h"

enum { MAX_WORDS = 120 };

const char *upstream_error_name(enum upstream_error e)
{
#define X(id, name) [id] = name,
    static const char *const names[] = {UPSTREAM_ERRORS(X)};
#undef X
    return names[e];
}

/* --- waiting --- */

static int64_t bounded(double ms)
{
    return ms < 0 ? 0 : ms > (double)MS_DAY ? MS_DAY : (int64_t)ms;
}

int64_t upstream_wait(const struct fetch_response *r, struct span header, enum wait_unit unit,
                      int64_t now)
{
    double v;
    if (!header.p)
        return fetch_retry_after(r, now);
    struct span text = fetch_header(r, header.p);
    if (!text.p)
        return -1;
    if (span_to_f64(span_trim(text), &v) < 0)
        return unit == WAIT_HTTP ? fetch_date_after(text, now) : -1;
    switch (unit) {
    case WAIT_MS:
        return bounded(v);
    case WAIT_UNIX:
        return bounded(v * 1000 - (double)now);
    case WAIT_UNIX_MS:
        return bounded(v - (double)now);
    default:
        return bounded(v * 1000);
    }
}

int64_t upstream_backoff(int64_t base_ms, int64_t max_ms, unsigned attempt, uint64_t chance)
{
    int64_t wait = base_ms;
    for (unsigned i = 1; i < attempt && wait < max_ms; i++)
        wait *= 2;
    wait = wait < max_ms ? wait : max_ms;
    return wait - (int64_t)(chance % (uint64_t)(wait / 2 + 1));
}

/* --- judging --- */

static struct upstream_verdict verdict(enum upstream_what what, enum upstream_error error,
                                       int64_t wait)
{
    return (struct upstream_verdict){.what = what, .error = error, .wait_ms = wait};
}

static struct upstream_verdict no_answer(const struct fetch_response *r)
{
    enum upstream_error error = r->error == -ETIMEDOUT  ? ERROR_TIMEOUT
                                : r->error == -EMSGSIZE ? ERROR_TOO_LARGE
                                : r->error == -EACCES   ? ERROR_ADDRESS
                                                        : ERROR_CONNECT;
    bool again = error == ERROR_TIMEOUT || error == ERROR_CONNECT;
    struct upstream_verdict v = verdict(again ? UPSTREAM_RETRY : UPSTREAM_FAIL, error, -1);
    snprintf(v.why, sizeof v.why, "%s", r->message);
    return v;
}

static struct upstream_verdict by_default(const struct fetch_response *r, int64_t now)
{
    int s = r->status;
    if (s >= 200 && s < 300)
        return verdict(UPSTREAM_ANSWER, ERROR_NONE, -1);
    struct upstream_verdict v = verdict(UPSTREAM_FAIL, ERROR_STATUS, -1);
    if (s == 408 || s == 429 || s >= 500)
        v = verdict(UPSTREAM_RETRY, s == 429 ? ERROR_LIMIT : ERROR_STATUS,
                    fetch_retry_after(r, now));
    else if (s == 401 || s == 403)
        v.error = ERROR_AUTH;
    snprintf(v.why, sizeof v.why,
             s < 400 ? "answered %d: redirects are not followed" : "answered %d", s);
    return v;
}

static bool has_status(const struct error_rule *e, int status)
{
    for (size_t i = 0; i < e->n_status; i++)
        if (e->status[i] == status)
            return true;
    return e->n_status == 0;
}

static struct upstream_verdict by_rule(const struct error_rule *e, const struct fetch_response *r,
                                       int64_t now)
{
    static const enum upstream_what what[] = {
        [DO_FAIL] = UPSTREAM_FAIL,       [DO_IGNORE] = UPSTREAM_IGNORE,
        [DO_RETRY] = UPSTREAM_RETRY,     [DO_REFRESH] = UPSTREAM_REFRESH,
        [DO_RESTART] = UPSTREAM_RESTART,
    };
    enum upstream_error error = r->status == 429                       ? ERROR_LIMIT
                                : r->status == 401 || r->status == 403 ? ERROR_AUTH
                                : e->when                              ? ERROR_BODY
                                                                       : ERROR_STATUS;
    struct upstream_verdict v =
        verdict(what[e->action], error, upstream_wait(r, e->wait_header, e->unit, now));
    snprintf(v.why, sizeof v.why, "answered %d", r->status);
    return v;
}

struct upstream_verdict upstream_judge(const struct connector *c, const struct fetch_response *r,
                                       int64_t now)
{
    if (r->error < 0)
        return no_answer(r);
    for (size_t i = 0; i < c->n_errors; i++)
        if (!c->errors[i].when && has_status(&c->errors[i], r->status))
            return by_rule(&c->errors[i], r, now);
    return by_default(r, now);
}

struct upstream_verdict upstream_judge_body(const struct connector *c,
                                            const struct fetch_response *r, json_t *body,
                                            int64_t now)
{
    for (size_t i = 0; i < c->n_errors; i++) {
        const struct error_rule *e = &c->errors[i];
        if (!e->when || !has_status(e, r->status) || !expr_test(e->when, body))
            continue;
        struct upstream_verdict v = by_rule(e, r, now);
        const char *words = e->message.p ? json_string_value(jsonpath_get(body, e->message)) : NULL;
        struct span said = utf8_cut(span_str(words), MAX_WORDS);
        snprintf(v.why, sizeof v.why, "answered %d with an error in it%s%.*s", r->status,
                 said.p ? ": " : "", SPAN_FMT(said));
        return v;
    }
    return verdict(UPSTREAM_ANSWER, ERROR_NONE, -1);
}

/* --- budget --- */

int64_t budget_take(struct budget *b, const struct rate *rate, int64_t mono)
{
    if (b->blocked_until > mono)
        return b->blocked_until - mono;
    if (rate->n == 0)
        return 0;
    double each = (double)rate->per_ms / (double)rate->n;
    b->tokens = b->at == 0 ? (double)rate->n : b->tokens + (double)(mono - b->at) / each;
    b->tokens = b->tokens > (double)rate->n ? (double)rate->n : b->tokens;
    b->at = mono > 0 ? mono : 1;
    if (b->tokens < 1)
        return (int64_t)((1 - b->tokens) * each) + 1;
    b->tokens -= 1;
    return 0;
}

void budget_block(struct budget *b, int64_t mono, int64_t ms)
{
    if (ms > 0 && mono + ms > b->blocked_until)
        b->blocked_until = mono + ms;
}

void budget_note(struct budget *b, const struct rate *rate, const struct fetch_response *r,
                 int64_t now, int64_t mono)
{
    double left;
    struct span text = rate->remaining.p ? fetch_header(r, rate->remaining.p) : SPAN_NONE;
    if (!text.p || span_to_f64(span_trim(text), &left) < 0 || left >= 1)
        return;
    int64_t wait = rate->reset.p ? upstream_wait(r, rate->reset, rate->reset_unit, now) : -1;
    budget_block(b, mono, wait < 0 ? MS_SECOND : wait);
}
