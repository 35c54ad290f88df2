/* Firing and resolving: the alert's document, its notices in the outbox, and its event, all in the
 * transaction that changed the state. */
#include <inttypes.h>
#include <math.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/alert/document.h"
#include "daemon/alert/notice.h"
#include "daemon/alert/transition.h"
#include "daemon/format/json_out.h"
#include "daemon/core/log.h"
#include "daemon/trust/mask.h"

enum {
    QUOTE_READ = 2048, /* bytes of a text that are looked at */
    QUOTE_SHOWN = 200, /* bytes of it, masked, that are shown */
    REASON_MAX = 4096,
    DOCUMENT_MAX = 1 << 20,
    OUTBOX_MAX = DOCUMENT_MAX + 4096,
};

static struct span id_bytes(const struct uuid *id)
{
    return span_of((const char *)id->b, sizeof id->b);
}

static struct span id_text(const struct uuid *id, struct arena *a)
{
    char text[UUID_TEXT];
    uuid_format(id, text);
    return arena_dup(a, span_str(text));
}

static struct span time_text(struct alert_batch *b, int64_t ms)
{
    char text[TIME_RFC3339_MAX];
    return arena_dup(&b->scratch, span_of(text, zone_format(b->engine->zone, ms, text)));
}

/* The buffer's text in the scratch arena; absent when anything failed. */
static struct span take(struct alert_batch *b, struct buf *text, int rc)
{
    struct span s = SPAN_NONE;
    if (rc == 0 && buf_error(text) == 0)
        s = arena_dup(&b->scratch, text->n ? buf_span(text) : SPAN_LIT(""));
    buf_done(text);
    return s;
}

int alert_event(struct alert_batch *b, struct span json)
{
    if (b->n_events == b->cap_events) {
        size_t cap = b->cap_events ? b->cap_events * 2 : 16;
        struct span *events = arena_array(&b->arena, cap, sizeof *events);
        if (!events)
            return -ENOMEM;
        if (b->n_events)
            memcpy(events, b->events, b->n_events * sizeof *events);
        b->events = events;
        b->cap_events = cap;
    }
    struct span copy = arena_dup(&b->arena, json);
    if (!copy.p)
        return -ENOMEM;
    b->events[b->n_events++] = copy;
    return 0;
}

/* --- what is shown of records and groups --- */

static struct span quoted_part(const struct feedback *f, uint16_t *ret_part)
{
    for (size_t i = 0; i < f->n_turns && !f->text.n; i++) {
        if (f->turns[i].by == BY_CUSTOMER && f->turns[i].text.n) {
            *ret_part = (uint16_t)(PART_TURN + i);
            return f->turns[i].text;
        }
    }
    *ret_part = f->text.n ? PART_TEXT : PART_TITLE;
    return f->text.n ? f->text : f->title;
}

/* Masked whoever receives it. The cut lies well behind what is shown, so that nothing a cut tore
 * apart and the mask therefore missed can be seen. */
static struct span quote(struct alert_batch *b, const struct alert_quote *q)
{
    const struct feedback *f = q->feedback;
    struct customer_ref who = {0};
    if (f->customer.id.n)
        store_txn_customer_contact(b->txn, f->customer.id, &b->scratch, &who);
    const struct mask_known known[] = {{PII_NAME, f->customer.name},
                                       {PII_EMAIL, f->customer.email},
                                       {PII_PHONE, f->customer.phone},
                                       {PII_NAME, who.name},
                                       {PII_EMAIL, who.email},
                                       {PII_PHONE, who.phone},
                                       {PII_COUNT, mask_known_id(f->customer.id)}};
    struct mask_input in = {.known = known, .n_known = ARRAY_LEN(known)};
    struct mask_plan plan;
    struct buf out;
    struct span whole = quoted_part(f, &in.part);
    in.text = utf8_cut(whole, QUOTE_READ);
    if (in.text.n == 0)
        return SPAN_LIT("");
    if (q->analysis) {
        in.spans = q->analysis->pii;
        in.n_spans = q->analysis->n_pii;
    }
    buf_init(&out, 4 * QUOTE_READ);
    int rc = mask_plan(&in, &b->scratch, &plan);
    struct span shown = utf8_cut(in.text, QUOTE_SHOWN);
    if (rc == 0)
        rc = mask_slice(&plan, 0, (uint32_t)shown.n, &out);
    if (rc == 0 && shown.n < whole.n)
        buf_str(&out, "…");
    return take(b, &out, rc);
}

static const struct alert_quote *batch_quote(const struct alert_batch *b,
                                             const struct alert_group *g, const struct uuid *id)
{
    const struct alert_quote *q = g->touched == b->engine->serial ? g->quotes : NULL;
    while (q && memcmp(q->id.b, id->b, sizeof id->b) != 0)
        q = q->next;
    return q;
}

/* A record that came before this batch, as it was committed; of one that is gone, nothing. */
static int stored_quote(struct alert_batch *b, const struct uuid *id, struct span *ret)
{
    struct store_view *view = NULL;
    struct stored s;
    int rc = store_view_begin(b->engine->store, &view);
    if (rc == 0)
        rc = store_get_feedback(view, id, &b->scratch, &s);
    if (rc == 0) {
        struct alert_quote q = {.feedback = &s.feedback, .analysis = &s.analysis};
        *ret = quote(b, &q);
    }
    store_view_end(view);
    return rc == -ENOENT ? 0 : rc;
}

/* One for each example, in their order; "" where there are no words. */
static int put_quotes(struct alert_batch *b, const struct alert_group *g, struct alert_document *d)
{
    const struct group_state *state = &g->state;
    struct span *quotes = arena_array(&b->scratch, ALERT_EXAMPLES, sizeof *quotes);
    if (!quotes)
        return -ENOMEM;
    for (size_t i = 0; i < state->n_examples; i++) {
        const struct alert_quote *q = batch_quote(b, g, &state->examples[i].id);
        quotes[i] = q ? quote(b, q) : SPAN_LIT("");
        int rc = q ? 0 : stored_quote(b, &state->examples[i].id, &quotes[i]);
        if (rc < 0 || !quotes[i].p)
            return rc < 0 ? rc : -ENOMEM;
    }
    d->quotes = quotes;
    d->n_quotes = state->n_examples;
    return 0;
}

static int put_examples(struct alert_batch *b, const struct alert_group *g,
                        struct alert_document *d)
{
    struct span *ids = arena_array(&b->scratch, ALERT_EXAMPLES, sizeof *ids);
    if (!ids)
        return -ENOMEM;
    d->examples = ids;
    for (; d->n_examples < g->state.n_examples; d->n_examples++) {
        ids[d->n_examples] = id_text(&g->state.examples[d->n_examples].id, &b->scratch);
        if (!ids[d->n_examples].p)
            return -ENOMEM;
    }
    return 0;
}

static int put_group(struct alert_batch *b, const struct alert_group *g, struct alert_document *d)
{
    const struct alert_rule *r = g->rule->rule;
    struct pair *pairs = arena_array(&b->scratch, r->n_group_by, sizeof *pairs);
    if (!pairs)
        return -ENOMEM;
    for (size_t i = 0; i < r->n_group_by; i++) {
        struct buf out;
        buf_init(&out, REASON_MAX);
        struct span v = g->other ? SPAN_LIT("(other)") : group_value(g, i);
        int rc = mask_text(v, PART_TEXT, NULL, 0, &out);
        pairs[i] = (struct pair){r->group_by[i].name, take(b, &out, rc)};
        if (!pairs[i].value.p)
            return -ENOMEM;
    }
    d->group = pairs;
    d->n_group = r->n_group_by;
    return 0;
}

static struct span category_label(struct span code, enum lang lang)
{
    enum vocab v = span_find_char(code, '/') < code.n ? VOCAB_PATH : VOCAB_CATEGORY;
    int id = vocab_find(v, code);
    return id < 0 ? code : span_str(vocab_label(v, id, lang));
}

/* What one record was found to be: "법적 조치·신고, 배송, 부정". Codes a workspace added stand as
 * they are. */
static struct span labels_of(struct alert_batch *b, const struct alert_group *g, enum lang lang)
{
    struct buf out;
    const struct analysis *an =
        g->touched == b->engine->serial && g->quotes ? g->quotes->analysis : NULL;
    buf_init(&out, REASON_MAX);
    for (size_t i = 0; an && i < an->n_signals; i++) {
        int id = vocab_find(VOCAB_SIGNAL, an->signals[i]);
        struct span s = id < 0 ? an->signals[i] : span_str(vocab_label(VOCAB_SIGNAL, id, lang));
        buf_printf(&out, "%s%.*s", out.n ? ", " : "", SPAN_FMT(s));
    }
    for (size_t i = 0; an && i < an->n_categories; i++) {
        struct span s = category_label(an->categories[i].code, lang);
        buf_printf(&out, "%s%.*s", out.n ? ", " : "", SPAN_FMT(s));
    }
    if (an && an->sentiment != SENTIMENT_NONE)
        buf_printf(&out, "%s%s", out.n ? ", " : "",
                   vocab_label(VOCAB_SENTIMENT, (int)an->sentiment, lang));
    return take(b, &out, 0);
}

static struct span firing_text(struct alert_batch *b, const struct alert_group *g,
                               const struct window_value *v, enum lang lang)
{
    struct buf out;
    struct span labels = g->rule->rule->each ? labels_of(b, g, lang) : SPAN_LIT("");
    buf_init(&out, REASON_MAX);
    if (b->silence)
        return take(b, &out, notice_silent(b->silence, lang, &out));
    int rc = labels.p ? notice_firing(g->rule->rule, v, labels, lang, &out) : -ENOMEM;
    return take(b, &out, rc);
}

static struct span resolved_text(struct alert_batch *b, const struct alert_rule *r,
                                 enum resolve_reason why, const struct window_value *v,
                                 enum lang lang)
{
    struct buf out;
    buf_init(&out, REASON_MAX);
    if (why == RESOLVE_HEARD && b->silence)
        return take(b, &out, notice_heard(b->silence, lang, &out));
    return take(b, &out, notice_resolved(r, why, v, lang, &out));
}

/* --- notices --- */

static const struct alert_receiver *receiver_find(const struct alert_engine *e, struct span name)
{
    for (size_t i = 0; e->receivers && i < e->receivers->n; i++) {
        if (span_eq(e->receivers->at[i].name, name))
            return &e->receivers->at[i];
    }
    return NULL;
}

static int add_notice(struct alert_batch *b, struct alert_document *d, struct span receiver,
                      const char *phase)
{
    struct uuid id = uuid7_make(b->now, &b->engine->rng);
    struct span text = id_text(&id, &b->scratch);
    if (!text.p)
        return -ENOMEM;
    d->notices[d->n_notices++] = (struct alert_notice){text, receiver, span_str(phase)};
    return 0;
}

static bool wants(const struct alert_receiver *known, enum alert_severity s)
{
    return known->severities == 0 || (known->severities & 1u << s);
}

/* A name that is not configured gets its notice too: delivery says so and drops it. */
static int firing_notices(struct alert_batch *b, const struct alert_rule *r,
                          struct alert_document *d)
{
    const struct alert_receivers *all = b->engine->receivers;
    size_t n = r->n_receivers ? r->n_receivers : all ? all->n : 0;
    int rc = 0;
    d->notices = arena_array(&b->scratch, n, sizeof *d->notices);
    if (!d->notices)
        return -ENOMEM;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct span name = r->n_receivers ? r->receivers[i] : all->at[i].name;
        const struct alert_receiver *known = receiver_find(b->engine, name);
        if (!known || wants(known, r->severity))
            rc = add_notice(b, d, name, "firing");
    }
    return rc;
}

/* Who never got the firing notice hears nothing of its end either: delivery left a mark. */
static int take_mark(struct alert_batch *b, const struct uuid *alert, struct span receiver,
                     bool *ret_marked)
{
    struct span key = alert_mark_key(alert, receiver, &b->scratch), value;
    if (!key.p)
        return -ENOMEM;
    int rc = store_txn_doc_get(b->txn, STORE_DOC_ALERT_STATE, key, &b->scratch, &value);
    *ret_marked = rc == 0;
    if (rc == 0)
        return store_doc_delete(b->txn, STORE_DOC_ALERT_STATE, key);
    return rc == -ENOENT ? 0 : rc;
}

static int resolved_notices(struct alert_batch *b, const struct uuid *id, struct alert_document *d)
{
    size_t n = d->n_notices;
    struct alert_notice *grown = arena_array(&b->scratch, 2 * n, sizeof *grown);
    int rc = 0;
    if (!grown)
        return -ENOMEM;
    if (n)
        memcpy(grown, d->notices, n * sizeof *grown);
    d->notices = grown;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct alert_receiver *known = receiver_find(b->engine, grown[i].receiver);
        bool marked = false;
        if (!span_is(grown[i].phase, "firing"))
            continue;
        rc = take_mark(b, id, grown[i].receiver, &marked);
        if (rc == 0 && !marked && (!known || known->send_resolved))
            rc = add_notice(b, d, grown[i].receiver, "resolved");
    }
    return rc;
}

static int put_row(struct alert_batch *b, const struct alert_document *d,
                   const struct alert_notice *n, struct span json)
{
    struct store_outbox_row row = {.due = b->now, .receiver = n->receiver};
    struct buf payload;
    buf_init(&payload, OUTBOX_MAX);
    struct json_out j = json_out_to(&payload);
    json_open(&j, NULL, '{');
    json_text(&j, "alert_id", d->id);
    json_text(&j, "phase", n->phase);
    json_text(&j, "receiver", n->receiver);
    json_text(&j, "workspace", b->engine->workspace);
    json_raw(&j, "alert", json);
    json_close(&j, '}');
    row.payload = buf_span(&payload);
    int rc = buf_error(&payload);
    if (rc == 0)
        rc = uuid_parse(n->id, &row.id);
    if (rc == 0)
        rc = store_outbox_put(b->txn, &row);
    buf_done(&payload);
    return rc;
}

/* The document, the outbox rows of one phase, the event. */
static int publish(struct alert_batch *b, const struct uuid *id, const struct alert_document *d,
                   const char *phase)
{
    struct buf out;
    buf_init(&out, DOCUMENT_MAX);
    int rc = alert_document_print(d, &out);
    struct span json = buf_span(&out);
    if (rc == 0)
        rc = store_doc_put(b->txn, STORE_DOC_ALERT, id_bytes(id), json);
    for (size_t i = 0; i < d->n_notices && rc == 0; i++) {
        if (span_is(d->notices[i].phase, phase))
            rc = put_row(b, d, &d->notices[i], json);
    }
    if (rc == 0)
        rc = alert_event(b, json);
    buf_done(&out);
    return rc;
}

/* --- the two transitions --- */

static void set_firing(struct alert_batch *b, struct alert_group *g, bool firing)
{
    g->state.firing = firing;
    g->rule->n_firing += firing ? 1 : (size_t)-1;
    b->engine->n_firing += firing ? 1 : (size_t)-1;
}

static int describe(struct alert_batch *b, const struct alert_group *g,
                    const struct window_value *v, const struct uuid *id, struct alert_document *d)
{
    const struct alert_rule *r = g->rule->rule;
    char window[ALERT_WINDOW_TEXT];
    alert_window_name(b->silence ? b->silence->value.minutes : r->test.window, window);
    *d = (struct alert_document){
        .id = id_text(id, &b->scratch),
        .rule = r->name,
        .title = r->title,
        .severity = span_str(alert_severity_name(r->severity)),
        .firing = true,
        .starts_at = time_text(b, b->now),
        .measure = r->each ? SPAN_NONE : span_str(alert_measure_name(r->test.measure)),
        .value = r->each ? NAN : v->value,
        .n = v->n,
        .threshold = r->each || r->silent ? NAN : r->test.threshold,
        .window = arena_dup(&b->scratch, span_str(window)),
        .reason = {firing_text(b, g, v, LANG_KO), firing_text(b, g, v, LANG_EN)},
    };
    if (!d->id.p || !d->starts_at.p || !d->window.p || !d->reason.ko.p || !d->reason.en.p)
        return -ENOMEM;
    int rc = put_group(b, g, d);
    if (rc == 0)
        rc = put_examples(b, g, d);
    return rc == 0 ? put_quotes(b, g, d) : rc;
}

int alert_fire(struct alert_batch *b, struct alert_group *g, const struct window_value *v)
{
    struct uuid id = uuid7_make(b->now, &b->engine->rng);
    struct alert_document d;
    arena_reset(&b->scratch);
    int rc = describe(b, g, v, &id, &d);
    if (rc == 0)
        rc = firing_notices(b, g->rule->rule, &d);
    if (rc == 0)
        rc = publish(b, &id, &d, "firing");
    if (rc < 0)
        return rc;
    set_firing(b, g, true);
    g->state.alert = id;
    g->state.low_since = NO_TIME;
    return state_save(b, g);
}

/* Marks the document resolved. -ENOENT and damage are not the transaction's end: there is nothing
 * left to resolve. */
static int close_document(struct alert_batch *b, const struct uuid *id, const struct alert_rule *r,
                          enum resolve_reason why, const struct window_value *v)
{
    struct alert_document d;
    struct span json;
    arena_reset(&b->scratch);
    int rc = store_txn_doc_get(b->txn, STORE_DOC_ALERT, id_bytes(id), &b->scratch, &json);
    if (rc == 0)
        rc = alert_document_parse(json, &b->scratch, &d);
    if (rc == -ENOENT || rc == -VOC_E_CORRUPT) {
        log_error(LOG_ALERT, "an alert's document can not be read", "workspace=%.*s error=%s",
                  SPAN_FMT(b->engine->workspace), err_text(rc));
        return 0;
    }
    if (rc < 0)
        return rc;
    d.firing = false;
    d.ends_at = time_text(b, b->now);
    d.resolved_value = v ? v->value : NAN;
    d.resolved_n = v ? v->n : 0;
    d.resolved.ko = resolved_text(b, r, why, v, LANG_KO);
    d.resolved.en = resolved_text(b, r, why, v, LANG_EN);
    if (!d.ends_at.p || !d.resolved.ko.p || !d.resolved.en.p)
        return -ENOMEM;
    rc = resolved_notices(b, id, &d);
    return rc == 0 ? publish(b, id, &d, "resolved") : rc;
}

int alert_resolve(struct alert_batch *b, struct alert_group *g, enum resolve_reason why,
                  const struct window_value *v)
{
    int rc = close_document(b, &g->state.alert, g->rule->rule, why, v);
    if (rc < 0)
        return rc;
    set_firing(b, g, false);
    g->state.low_since = NO_TIME;
    return state_save(b, g);
}

int alert_resolve_orphan(struct alert_batch *b, const struct uuid *id)
{
    int rc = close_document(b, id, NULL, RESOLVE_RULE, NULL);
    return rc == 0 ? store_doc_delete(b->txn, STORE_DOC_ALERT_STATE, id_bytes(id)) : rc;
}

/* --- acknowledging --- */

static int add_ack(struct alert_batch *b, const struct alert_ack *ack, struct alert_document *d)
{
    struct alert_ack_entry *acks = arena_array(&b->scratch, d->n_acks + 1, sizeof *acks);
    struct span at = time_text(b, b->now);
    if (!acks || !at.p)
        return -ENOMEM;
    if (d->n_acks)
        memcpy(acks, d->acks, d->n_acks * sizeof *acks);
    acks[d->n_acks++] = (struct alert_ack_entry){ack->by, ack->owner, ack->note, at};
    d->acks = acks;
    d->owner = ack->owner;
    return 0;
}

int alert_acknowledge(struct alert_batch *b, const struct alert_ack *ack)
{
    struct uuid id;
    struct alert_document d;
    struct span json;
    if (uuid_parse(ack->id, &id) < 0)
        return -ENOENT;
    if (ack->note.n > ALERT_MAX_NOTE || ack->owner.n > ALERT_MAX_NOTE)
        return -E2BIG;
    arena_reset(&b->scratch);
    int rc = store_txn_doc_get(b->txn, STORE_DOC_ALERT, id_bytes(&id), &b->scratch, &json);
    if (rc == 0)
        rc = alert_document_parse(json, &b->scratch, &d);
    if (rc == 0 && d.n_acks >= ALERT_MAX_ACKS)
        rc = -E2BIG;
    if (rc == 0)
        rc = add_ack(b, ack, &d);
    return rc == 0 ? publish(b, &id, &d, "") : rc;
}
