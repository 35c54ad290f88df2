/* A customer as the agent on the phone needs him: who, segments, what happened, what was said. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/api/api.h"
#include "daemon/api/change.h"
#include "daemon/api/query.h"
#include "daemon/api/show.h"
#include "daemon/format/normalize.h"
#include "daemon/format/phone.h"
#include "daemon/trust/handle.h"

enum { RECENT = 20, MAX_FOUND = 20, MAX_REASON = 500 };

struct recent {
    struct show show;
    size_t negative, neutral, positive, n;
    int64_t last_negative;
};

static int put_voice(void *ctx, const struct stored *s)
{
    struct recent *r = ctx;
    show_feedback(&r->show, s, NULL);
    r->n++;
    r->negative += s->analysis.sentiment == SENTIMENT_NEGATIVE;
    r->neutral += s->analysis.sentiment == SENTIMENT_NEUTRAL;
    r->positive += s->analysis.sentiment == SENTIMENT_POSITIVE;
    if (s->analysis.sentiment == SENTIMENT_NEGATIVE && r->last_negative == NO_TIME)
        r->last_negative = s->feedback.created_at;
    return buf_error(r->show.json->b);
}

static int put_act(void *ctx, const struct activity *act)
{
    struct recent *r = ctx;
    show_activity(&r->show, act);
    return buf_error(r->show.json->b);
}

static void put_mood(struct query *q, const struct recent *r)
{
    json_open(&q->json, "mood", '{');
    json_int(&q->json, "n", (int64_t)r->n);
    json_int(&q->json, "negative", (int64_t)r->negative);
    json_int(&q->json, "neutral", (int64_t)r->neutral);
    json_int(&q->json, "positive", (int64_t)r->positive);
    query_put_time(q, "last_negative_at", r->last_negative);
    json_close(&q->json, '}');
}

/* Of a handle, the id it stands for; anything else is an id. */
static struct span customer_of(struct query *q, struct span given)
{
    struct span id;
    return handle_open(q->handles, given, &q->arena, &id) == 0 ? id : given;
}

static void context(struct query *q)
{
    struct store_customer c;
    struct mask_known known[SHOW_KNOWN];
    struct span id = customer_of(q, q->r->params[0]);
    struct recent r = {.show = query_show(q), .last_negative = NO_TIME};
    int rc = store_customer_get(q->view, id, q->now, &q->arena, &c);
    if (query_check(q, rc) < 0)
        return;
    q->action = "customer.context";
    query_whose(q, id);
    show_know(&r.show, known, &c);
    json_open(&q->json, NULL, '{');
    show_customer(&r.show, &c, q->now);
    json_open(&q->json, "feedback", '[');
    rc = store_customer_feedback(q->view, id, NO_TIME, RECENT, &q->arena, put_voice, &r);
    if (query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    json_open(&q->json, "activities", '[');
    rc = store_customer_activities(q->view, id, NO_TIME, RECENT, &q->arena, put_act, &r);
    if (query_check(q, rc) < 0)
        return;
    json_close(&q->json, ']');
    put_mood(q, &r);
    json_close(&q->json, '}');
}

/* --- lookup: the personal datum travels in the body, so that no log or history keeps it --- */

static json_t *read_body(struct query *q)
{
    char problem[JSON_BODY_PROBLEM];
    json_t *body = json_body(q->r->body, problem);
    if (!body)
        query_problem(q, 400, "malformed-json", "%s", problem);
    return body;
}

/* Ids of whom the body names: by e-mail, phone, or an id or handle. False after a problem. */
static bool find(struct query *q, json_t *body, struct span ids[MAX_FOUND], size_t *ret_n)
{
    struct span email = change_text(body, "email"), phone = change_text(body, "phone"),
                id = change_text(body, "id"), value = SPAN_NONE;
    char number[PHONE_MAX];
    *ret_n = 0;
    if (email.p)
        value = normalize_email(&q->arena, email);
    else if (phone.p && phone_normalize(phone, number) == 0)
        value = span_str(number);
    else if (id.n > 0)
        value = customer_of(q, arena_dup(&q->arena, id));
    if ((email.p != NULL) + (phone.p != NULL) + (id.p != NULL) != 1 || !value.p) {
        query_problem(q, 400, "bad-lookup", "one of email, phone and id, well formed");
        return false;
    }
    if (id.p) {
        ids[(*ret_n)++] = value;
        return true;
    }
    int rc = store_customer_lookup(q->view, email.p ? STORE_BY_EMAIL : STORE_BY_PHONE, value,
                                   &q->arena, ids, MAX_FOUND, ret_n);
    return rc == -ENOENT || query_check(q, rc) == 0;
}

static void put_found(struct query *q, const struct span *ids, size_t n)
{
    struct show show = query_show(q);
    q->action = "customer.lookup";
    json_open(&q->json, NULL, '{');
    json_open(&q->json, "items", '[');
    for (size_t i = 0; i < n; i++) {
        struct store_customer c;
        if (store_customer_get(q->view, ids[i], q->now, &q->arena, &c) < 0)
            continue;
        query_whose(q, ids[i]);
        json_open(&q->json, NULL, '{');
        show_customer_id(&show, "id", ids[i]);
        show_customer(&show, &c, q->now);
        json_close(&q->json, '}');
    }
    json_close(&q->json, ']');
    json_nil(&q->json, "next_cursor");
    json_close(&q->json, '}');
}

static void lookup(struct query *q)
{
    struct span ids[MAX_FOUND];
    size_t n;
    json_t *body = read_body(q);
    if (body && find(q, body, ids, &n))
        put_found(q, ids, n);
    json_decref(body);
}

/* --- unmask: one field, for a reason, on the record --- */

static void reveal(struct query *q, json_t *body)
{
    struct span field = change_text(body, "field"), reason = span_trim(change_text(body, "reason"));
    struct store_customer c;
    if (reason.n < 4 || reason.n > MAX_REASON) {
        query_problem(q, 400, "reason-needed", "reason: why this is needed, 4 to %d bytes",
                      MAX_REASON);
        return;
    }
    struct span id = customer_of(q, q->r->params[0]);
    if (query_check(q, store_customer_get(q->view, id, q->now, &q->arena, &c)) < 0)
        return;
    const struct pair fields[] = {{SPAN_LIT("name"), c.name},
                                  {SPAN_LIT("email"), c.email},
                                  {SPAN_LIT("phone"), c.phone},
                                  {SPAN_LIT("id"), c.id}};
    size_t at = 0;
    while (at < ARRAY_LEN(fields) && !span_eq(fields[at].key, field))
        at++;
    if (at == ARRAY_LEN(fields)) {
        query_problem(q, 400, "bad-parameter", "field: name, email, phone or id");
        return;
    }
    q->action = "customer.unmask";
    q->fields = arena_dup(&q->arena, field);
    q->reason = arena_dup(&q->arena, reason);
    query_whose(q, id);
    json_open(&q->json, NULL, '{');
    json_text(&q->json, "field", q->fields);
    json_text(&q->json, "value", fields[at].value);
    json_close(&q->json, '}');
}

static void unmask(struct query *q)
{
    json_t *body = read_body(q);
    if (body)
        reveal(q, body);
    json_decref(body);
}

void api_customer_context(struct http_request *r)
{
    query_run(r, context);
}

void api_customer_lookup(struct http_request *r)
{
    query_run(r, lookup);
}

void api_customer_unmask(struct http_request *r)
{
    query_run(r, unmask);
}
