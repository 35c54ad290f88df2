/* What a restart needs: a state document per alert that fires, and per record a rule with `each`
 * remembers; the windows themselves are read from the facts.
 *
 * STORE_DOC_ALERT_STATE, key: the alert's id (16 bytes); value:
 *   {"rule":"…","other":false,"key":"<hex>","firing":true,"low_since":ms,"ends":ms,"keep":ms}
 * Longer keys are delivery's marks (alert_mark_key). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/engine_impl.h"
#include "daemon/format/json_text.h"
#include "daemon/format/json_out.h"
#include "daemon/core/log.h"

enum { STATE_MAX = 16 << 10 };

static struct span id_bytes(const struct uuid *id)
{
    return span_of((const char *)id->b, sizeof id->b);
}

struct span alert_mark_key(const struct uuid *alert, struct span receiver, struct arena *a)
{
    char key[sizeof alert->b + 1 + ALERT_MAX_NAME];
    struct span name =
        span_of(receiver.p, receiver.n < ALERT_MAX_NAME ? receiver.n : ALERT_MAX_NAME);
    memcpy(key, alert->b, sizeof alert->b);
    key[sizeof alert->b] = '/';
    memcpy(key + sizeof alert->b + 1, name.n ? name.p : "", name.n);
    return arena_dup(a, span_of(key, sizeof alert->b + 1 + name.n));
}

/* --- writing --- */

static void put_ms(struct json_out *j, const char *key, int64_t ms)
{
    if (ms == NO_TIME)
        json_nil(j, key);
    else
        json_int(j, key, ms);
}

static void print_state(const struct alert_group *g, struct buf *out)
{
    struct json_out j = json_out_to(out);
    json_open(&j, NULL, '{');
    json_text(&j, "rule", g->rule->rule->name);
    json_flag(&j, "other", g->other);
    buf_str(out, ",\"key\":\"");
    for (size_t i = 0; i < g->key_n; i++)
        buf_printf(out, "%02x", (unsigned char)g->key[i]);
    buf_char(out, '"');
    json_flag(&j, "firing", g->state.firing);
    put_ms(&j, "low_since", g->state.low_since);
    put_ms(&j, "ends", g->state.ends);
    put_ms(&j, "keep", g->state.keep);
    json_close(&j, '}');
}

int state_save(struct alert_batch *b, struct alert_group *g)
{
    struct buf out;
    if (!g->state.firing && g->state.keep == NO_TIME)
        return store_doc_delete(b->txn, STORE_DOC_ALERT_STATE, id_bytes(&g->state.alert));
    buf_init(&out, STATE_MAX);
    print_state(g, &out);
    int rc = buf_error(&out);
    if (rc == 0)
        rc =
            store_doc_put(b->txn, STORE_DOC_ALERT_STATE, id_bytes(&g->state.alert), buf_span(&out));
    buf_done(&out);
    return rc;
}

/* --- reading --- */

struct load {
    struct alert_engine *e;
    struct arena scratch;
    int64_t now;
};

static int load_rule(void *ctx, struct span key, struct span value)
{
    struct load *l = ctx;
    struct alert_engine *e = l->e;
    struct span message = SPAN_NONE;
    if (span_is(key, ALERT_SILENT_RULE)) /* written before the name was taken */
        return 0;
    struct live_rule *lr = e->n_rules <= ALERT_MAX_RULES ? live_rule_new() : NULL;
    if (!lr)
        return -ENOMEM;
    int rc = alert_rule_parse(key, value, &lr->arena, &lr->rule, &message);
    if (rc == -EINVAL) /* written by another version: the others go on without it */
        log_error(LOG_ALERT, "a stored rule can not be read", "workspace=%.*s rule=%.*s",
                  SPAN_FMT(e->workspace), SPAN_FMT(key));
    if (rc < 0) {
        live_rule_free(e, lr);
        return rc == -EINVAL ? 0 : rc;
    }
    lr->seeded = lr->rule->each;
    e->rules[e->n_rules++] = lr;
    return 0;
}

struct saved {
    struct span rule, key;
    bool other;
    struct group_state state;
};

static int64_t ms_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? json_integer_value(v) : NO_TIME;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct span unhex(const json_t *v, struct arena *a)
{
    size_t n = json_string_length(v) / 2;
    const char *s = json_string_value(v);
    char *out = arena_alloc(a, n);
    for (size_t i = 0; s && out && i < n; i++)
        out[i] = (char)(hex(s[2 * i]) << 4 | hex(s[2 * i + 1]));
    return s && out ? span_of(out, n) : SPAN_NONE;
}

static int parse_state(struct span value, struct arena *a, struct saved *ret)
{
    struct json_problem problem;
    json_t *o = NULL;
    int rc = json_text_parse(value, &o, &problem);
    if (rc < 0)
        return rc == -EINVAL ? -VOC_E_CORRUPT : rc;
    *ret = (struct saved){
        .rule = arena_dup(a, span_str(json_string_value(json_object_get(o, "rule")))),
        .key = unhex(json_object_get(o, "key"), a),
        .other = json_is_true(json_object_get(o, "other")),
        .state = {.firing = json_is_true(json_object_get(o, "firing")),
                  .low_since = ms_of(o, "low_since"),
                  .ends = ms_of(o, "ends"),
                  .keep = ms_of(o, "keep"),
                  .due = INT64_MAX},
    };
    json_decref(o);
    return ret->rule.p && ret->key.p ? 0 : -VOC_E_CORRUPT;
}

static struct live_rule *rule_of(const struct alert_engine *e, struct span name)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        if (span_eq(e->rules[i]->rule->name, name))
            return e->rules[i];
    }
    return NULL;
}

/* Resolved, and forgotten, by the first batch. */
static int add_orphan(struct alert_engine *e, const struct uuid *id)
{
    struct uuid *grown = reallocarray(e->orphans, e->n_orphans + 1, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    e->orphans = grown;
    e->orphans[e->n_orphans++] = *id;
    return 0;
}

static int take_state(struct load *l, const struct saved *s)
{
    struct alert_engine *e = l->e;
    struct live_rule *lr = rule_of(e, s->rule);
    struct alert_group *g = NULL;
    bool is_new = false;
    if (!lr)
        return add_orphan(e, &s->state.alert);
    int rc = s->other ? group_get_other(e, lr, &g, &is_new)
                      : group_get(e, lr, s->key, l->now, &g, &is_new);
    if (rc < 0)
        return rc;
    if (!is_new) /* the limit is lower than it was */
        return add_orphan(e, &s->state.alert);
    g->state = s->state;
    if (g->state.firing) {
        lr->n_firing++;
        e->n_firing++;
    }
    if (lr->rule->each)
        group_schedule(e, g, g->state.firing ? g->state.ends : g->state.keep);
    return 0;
}

static int load_state(void *ctx, struct span key, struct span value)
{
    struct load *l = ctx;
    struct saved s;
    struct uuid id;
    if (key.n != sizeof id.b)
        return 0;
    memcpy(id.b, key.p, sizeof id.b);
    arena_reset(&l->scratch);
    int rc = parse_state(value, &l->scratch, &s);
    if (rc == -VOC_E_CORRUPT)
        return add_orphan(l->e, &id);
    s.state.alert = id;
    return rc < 0 ? rc : take_state(l, &s);
}

int state_load(struct alert_engine *e, struct store_view *v, int64_t now)
{
    struct load l = {.e = e, .now = now};
    arena_init(&l.scratch, 0);
    int rc = store_doc_each(v, STORE_DOC_RULE, SPAN_NONE, false, load_rule, &l);
    if (rc == 0)
        rc = store_doc_each(v, STORE_DOC_ALERT_STATE, SPAN_NONE, false, load_state, &l);
    arena_done(&l.scratch);
    return rc;
}

/* --- seeding --- */

struct seed {
    struct alert_engine *e;
    struct live_rule *lr;
    struct store_view *view;
    struct arena scratch;
    int64_t now;
};

static int seed_fact(void *ctx, const struct store_fact *f)
{
    struct seed *s = ctx;
    const struct alert_rule *r = s->lr->rule;
    struct window_part part = window_part(r->test.measure, f->sentiment, f->csat, f->nps);
    struct span keys[ALERT_MAX_KEYS];
    size_t n = 0;
    if (f->backfill || part.n == 0)
        return 0;
    arena_reset(&s->scratch);
    int rc = group_fact_keys(r, s->view, f, &s->scratch, keys, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct alert_group *g = NULL;
        bool is_new;
        rc = group_get(s->e, s->lr, keys[i], s->now, &g, &is_new);
        if (rc == 0)
            rc = window_add(&g->window, window_minute(f->created_at), part);
    }
    return rc;
}

static int clear_group(void *ctx, struct alert_group *g)
{
    (void)ctx;
    window_clear(&g->window);
    return 0;
}

static int make_due(void *ctx, struct alert_group *g)
{
    group_schedule(ctx, g, INT64_MIN);
    return 0;
}

static int seed_rule(struct seed *s)
{
    const struct store_budget no_limit = {0};
    struct alert_engine *e = s->e;
    struct alert_group *g = NULL;
    bool is_new;
    rule_each(s->lr, clear_group, NULL);
    int rc =
        store_facts(s->view, s->lr->rule->where, s->now, rule_horizon(e, s->lr, s->now) * MS_MINUTE,
                    INT64_MAX, &no_limit, seed_fact, s);
    /* A count of nothing is a value too, so this one is there from the beginning. */
    if (rc == 0 && s->lr->rule->n_group_by == 0)
        rc = group_get(e, s->lr, SPAN_LIT(""), s->now, &g, &is_new);
    if (rc == 0) {
        rule_each(s->lr, make_due, e);
        s->lr->seeded = true;
    }
    return rc;
}

int state_seed(struct alert_engine *e, struct store_view *v, int64_t now)
{
    struct seed s = {.e = e, .view = v, .now = now};
    int rc = 0;
    arena_init(&s.scratch, 0);
    for (size_t i = 0; i < e->n_rules && rc == 0; i++) {
        s.lr = e->rules[i];
        if (!s.lr->seeded)
            rc = seed_rule(&s);
    }
    arena_done(&s.scratch);
    return rc;
}
