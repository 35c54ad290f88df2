#include "daemon/api/show.h"

#include <math.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/core/zone.h"
#include "daemon/trust/handle.h"
#include "daemon/trust/masked_where.h"

enum { MASKED_MAX = 4 << 20 };

static int plan_mask(struct show *s, struct span text, uint16_t part, const struct pii_span *spans,
                     size_t n, struct mask_plan *ret)
{
    struct mask_input in = {text, part, spans, n, s->known, s->n_known};
    return mask_plan(&in, s->arena, ret);
}

static int mask_part(struct show *s, struct span text, uint16_t part, const struct pii_span *spans,
                     size_t n, struct buf *out)
{
    struct mask_plan plan;
    int rc = plan_mask(s, text, part, spans, n, &plan);
    return rc == 0 ? mask_slice(&plan, 0, (uint32_t)text.n, out) : rc;
}

void show_customer_id(struct show *s, const char *key, struct span id)
{
    struct span handle;
    if (!s->masked || id.n == 0)
        json_text(s->json, key, id);
    else if (s->handles && handle_make(s->handles, id, s->arena, &handle) == 0)
        json_text(s->json, key, handle);
    else
        json_cstr(s->json, key, "***");
}

void show_text(struct show *s, const char *key, struct span text, uint16_t part,
               const struct pii_span *spans, size_t n)
{
    if (!s->masked || text.n == 0) {
        json_text(s->json, key, text);
        return;
    }
    if (span_eq(text, s->person)) {
        show_customer_id(s, key, text);
        return;
    }
    struct buf masked;
    buf_init(&masked, MASKED_MAX);
    if (mask_part(s, text, part, spans, n, &masked) == 0)
        json_text(s->json, key, buf_span(&masked));
    else
        json_cstr(s->json, key, "***");
    buf_done(&masked);
}

void show_plain(struct show *s, const char *key, struct span text)
{
    show_text(s, key, text, 0, NULL, 0);
}

void show_where(struct show *s, const char *key, struct span text, enum where_scope scope)
{
    if (s->masked && masked_where_names(text, scope, s->arena))
        json_cstr(s->json, key, "***");
    else
        show_plain(s, key, text);
}

bool show_is_somebody(struct show *s, struct span text)
{
    struct customer_ref c;
    return s->masked && s->view && mask_known_id(text).n > 0 &&
           store_customer_contact(s->view, text, s->arena, &c) == 0;
}

/* What anybody may write an id into, and a chat system does. */
static void show_named(struct show *s, const char *key, struct span text)
{
    if (show_is_somebody(s, text))
        show_customer_id(s, key, text);
    else
        show_plain(s, key, text);
}

static void show_plain_if(struct show *s, const char *key, struct span text)
{
    if (text.n > 0)
        show_plain(s, key, text);
}

static void show_field(struct show *s, const char *key, struct span text, enum pii_kind kind)
{
    if (text.n == 0)
        return;
    if (!s->masked) {
        json_text(s->json, key, text);
        return;
    }
    struct buf masked;
    buf_init(&masked, MASKED_MAX);
    if (mask_field(kind, text, &masked) == 0)
        json_text(s->json, key, buf_span(&masked));
    else
        json_cstr(s->json, key, "***");
    buf_done(&masked);
}

void show_time(struct show *s, const char *key, int64_t ms)
{
    char text[TIME_RFC3339_MAX];
    if (ms == NO_TIME || ms == INT64_MAX)
        json_nil(s->json, key);
    else
        json_text(s->json, key, span_of(text, zone_format(s->zone, ms, text)));
}

/* Names of attributes are somebody's text as well. */
static void show_key(struct show *s, struct span key)
{
    struct buf masked;
    buf_init(&masked, MASKED_MAX);
    if (!s->masked)
        json_key(s->json, key);
    else if (mask_part(s, key, 0, NULL, 0, &masked) == 0)
        json_key(s->json, buf_span(&masked));
    else
        json_key(s->json, SPAN_LIT("***"));
    buf_done(&masked);
}

/* A value whose label says what it is (-1: it does not). */
static void show_labelled(struct show *s, const char *key, struct span value, int kind)
{
    if (kind < 0 || value.n == 0)
        show_named(s, key, value);
    else
        show_field(s, key, value, (enum pii_kind)kind);
}

void show_pairs(struct show *s, const char *key, const struct pair *pairs, size_t n)
{
    json_open(s->json, key, '{');
    for (size_t i = 0; i < n; i++) {
        show_key(s, pairs[i].key);
        show_labelled(s, NULL, pairs[i].value, mask_label_kind(pairs[i].key));
    }
    json_close(s->json, '}');
}

void show_codes(struct show *s, const char *key, const struct span *codes, size_t n)
{
    json_open(s->json, key, '[');
    for (size_t i = 0; i < n; i++)
        show_plain(s, NULL, codes[i]);
    json_close(s->json, ']');
}

static void show_scaled(struct show *s, const char *key, struct scaled v)
{
    if (!v.has)
        return;
    json_open(s->json, key, '{');
    json_num(s->json, "value", v.value);
    json_num(s->json, "scale", v.scale);
    json_close(s->json, '}');
}

static const char *code(enum vocab v, int id)
{
    return vocab_code(v, id);
}

static void show_turns(struct show *s, const struct feedback *f, const struct analysis *an)
{
    static const char *const by[] = {"customer", "agent", "system"};
    if (f->n_turns == 0)
        return;
    json_open(s->json, "turns", '[');
    for (size_t i = 0; i < f->n_turns; i++) {
        json_open(s->json, NULL, '{');
        json_cstr(s->json, "by", by[f->turns[i].by]);
        if (f->turns[i].at != NO_TIME)
            show_time(s, "at", f->turns[i].at);
        show_text(s, "text", f->turns[i].text, (uint16_t)(PART_TURN + i), an->pii, an->n_pii);
        json_close(s->json, '}');
    }
    json_close(s->json, ']');
}

static void show_who(struct show *s, const struct feedback *f)
{
    const struct customer_ref *c = &f->customer;
    if (c->id.n + c->name.n + c->email.n + c->phone.n == 0)
        return;
    json_open(s->json, "customer", '{');
    if (c->id.n > 0)
        show_customer_id(s, "id", c->id);
    show_field(s, "name", c->name, PII_NAME);
    show_field(s, "email", c->email, PII_EMAIL);
    show_field(s, "phone", c->phone, PII_PHONE);
    json_close(s->json, '}');
}

static void show_answers(struct show *s, const struct feedback *f)
{
    show_scaled(s, "rating", f->rating);
    if (f->csat.has || f->nps.has || f->ces.has) {
        json_open(s->json, "answers", '{');
        show_scaled(s, "csat", f->csat);
        show_scaled(s, "nps", f->nps);
        show_scaled(s, "ces", f->ces);
        json_close(s->json, '}');
    }
    json_flag(s->json, "surveyed", f->surveyed);
}

static struct span part_text(const struct feedback *f, uint16_t part)
{
    if (part == PART_TITLE)
        return f->title;
    if (part == PART_TEXT)
        return f->text;
    size_t turn = (size_t)part - PART_TURN;
    return turn < f->n_turns ? f->turns[turn].text : SPAN_NONE;
}

static void show_part(struct show *s, uint16_t part)
{
    if (part == PART_TITLE)
        json_cstr(s->json, "part", "title");
    else if (part == PART_TEXT)
        json_cstr(s->json, "part", "text");
    else
        json_int(s->json, "turn", part - PART_TURN);
}

static void show_offsets(struct show *s, struct span text, uint32_t start, uint32_t end)
{
    json_int(s->json, "start", start);
    json_int(s->json, "end", end);
    json_int(s->json, "cp_start", (int64_t)utf8_count(span_of(text.p, start)));
    json_int(s->json, "cp_end", (int64_t)utf8_count(span_of(text.p, end)));
    json_text(s->json, "text", span_of(text.p + start, end - start));
}

/* Offsets are into the text as it is shown. */
static void show_place_of(struct show *s, const struct analysis *an, const struct evidence *e,
                          struct span text)
{
    struct mask_plan plan;
    struct buf masked;
    if (!s->masked) {
        show_offsets(s, text, e->start, e->end);
        return;
    }
    buf_init(&masked, MASKED_MAX);
    if (plan_mask(s, text, e->part, an->pii, an->n_pii, &plan) == 0 &&
        mask_slice(&plan, 0, (uint32_t)text.n, &masked) == 0)
        show_offsets(s, buf_span(&masked), mask_offset(&plan, e->start, false),
                     mask_offset(&plan, e->end, true));
    buf_done(&masked);
}

static void show_evidence(struct show *s, const struct feedback *f, const struct analysis *an)
{
    json_open(s->json, "evidence", '[');
    for (size_t i = 0; i < an->n_evidence; i++) {
        const struct evidence *e = &an->evidence[i];
        struct span text = part_text(f, e->part);
        if (e->end > text.n || e->start > e->end)
            continue;
        json_open(s->json, NULL, '{');
        show_part(s, e->part);
        show_place_of(s, an, e, text);
        show_plain(s, "entry", e->entry);
        json_num(s->json, "weight", e->weight);
        json_text(s->json, "rule", e->rule);
        json_close(s->json, '}');
    }
    json_close(s->json, ']');
}

/* As the store keeps it, so that the live stream says what lists will say. */
static double kept(double fraction)
{
    return round(fraction * 1e4) / 1e4;
}

static void show_topics(struct show *s, const struct analysis *an)
{
    json_open(s->json, "categories", '[');
    for (size_t i = 0; i < an->n_categories; i++) {
        json_open(s->json, NULL, '{');
        json_text(s->json, "code", an->categories[i].code);
        json_cstr(s->json, "sentiment", code(VOCAB_SENTIMENT, an->categories[i].sentiment));
        json_num(s->json, "polarity", kept(an->categories[i].polarity));
        json_close(s->json, '}');
    }
    json_close(s->json, ']');
}

void show_analysis(struct show *s, const struct feedback *f, const struct analysis *an,
                   const struct analysis *explained)
{
    json_open(s->json, "analysis", '{');
    json_cstr(s->json, "lang", code(VOCAB_LANG, an->lang));
    if (an->sentiment != SENTIMENT_NONE) {
        json_open(s->json, "sentiment", '{');
        json_cstr(s->json, "label", code(VOCAB_SENTIMENT, an->sentiment));
        json_num(s->json, "polarity", kept(an->polarity));
        json_num(s->json, "confidence", kept(an->confidence));
        json_close(s->json, '}');
    } else {
        json_nil(s->json, "sentiment");
    }
    show_topics(s, an);
    json_text(s->json, "type", an->type.p ? an->type : SPAN_LIT("other"));
    json_open(s->json, "signals", '[');
    for (size_t i = 0; i < an->n_signals; i++)
        json_text(s->json, NULL, an->signals[i]);
    json_close(s->json, ']');
    /* Keywords are cut out of the text, names among them: not for those who see it masked. */
    show_codes(s, "keywords", an->keywords, s->masked ? 0 : an->n_keywords);
    json_int(s->json, "lexicon", an->lexicon);
    if (explained)
        show_evidence(s, f, explained);
    json_close(s->json, '}');
}

static void show_head(struct show *s, const struct stored *r)
{
    const struct feedback *f = &r->feedback;
    char id[UUID_TEXT];
    uuid_format(&r->id, id);
    json_cstr(s->json, "id", id);
    json_text(s->json, "source", f->source);
    show_plain(s, "external_id", f->external_id);
    if (f->conversation.n > 0)
        show_named(s, "conversation", f->conversation);
    json_cstr(s->json, "kind", code(VOCAB_KIND, f->kind));
    show_plain_if(s, "channel", f->channel);
    show_plain_if(s, "status", f->status);
    show_time(s, "created_at", f->created_at);
    if (f->updated_at != NO_TIME)
        show_time(s, "updated_at", f->updated_at);
    show_time(s, "received_at", r->received_at);
    json_int(s->json, "revision", r->revision);
}

static void show_tags(struct show *s, const struct feedback *f)
{
    if (f->n_tags == 0)
        return;
    json_open(s->json, "tags", '[');
    for (size_t i = 0; i < f->n_tags; i++)
        show_named(s, NULL, f->tags[i]);
    json_close(s->json, ']');
}

static void show_place(struct show *s, const struct feedback *f)
{
    show_plain_if(s, "agent", f->agent);
    show_plain_if(s, "team", f->team);
    show_plain_if(s, "vendor", f->vendor);
    show_plain_if(s, "product", f->product);
    show_plain_if(s, "order", f->order);
    if (f->stage != STAGE_NONE)
        json_cstr(s->json, "stage", code(VOCAB_STAGE, f->stage));
    show_plain_if(s, "url", f->url);
    show_tags(s, f);
    if (f->n_attributes)
        show_pairs(s, "attributes", f->attributes, f->n_attributes);
    if (f->n_experiments)
        show_pairs(s, "experiments", f->experiments, f->n_experiments);
    json_flag(s->json, "backfill", f->backfill);
}

/* What of a person is hidden wherever it stands. */
static void know(struct show *s, struct mask_known known[SHOW_KNOWN], const struct customer_ref *c)
{
    known[0] = (struct mask_known){PII_NAME, c->name};
    known[1] = (struct mask_known){PII_EMAIL, c->email};
    known[2] = (struct mask_known){PII_PHONE, c->phone};
    known[3] = (struct mask_known){PII_COUNT, mask_known_id(c->id)};
    s->known = known;
    s->n_known = 4;
    s->person = c->id;
}

void show_know(struct show *s, struct mask_known known[SHOW_KNOWN], const struct store_customer *c)
{
    struct customer_ref who = {.id = c->id, .name = c->name, .email = c->email, .phone = c->phone};
    know(s, known, &who);
}

/* A record may hold no more than a customer's id, and his profile the name that stands in its text.
 */
static void know_profile(struct show *s, struct mask_known known[SHOW_KNOWN], struct span id)
{
    struct customer_ref c;
    if (!s->masked || !s->view || id.n == 0 ||
        store_customer_contact(s->view, id, s->arena, &c) < 0)
        return;
    known[s->n_known++] = (struct mask_known){PII_NAME, c.name};
    known[s->n_known++] = (struct mask_known){PII_EMAIL, c.email};
    known[s->n_known++] = (struct mask_known){PII_PHONE, c.phone};
}

/* A customer's page knows already. */
static struct show knowing_who(const struct show *s, struct mask_known known[SHOW_KNOWN],
                               const struct customer_ref *c)
{
    struct show knowing = *s;
    if (s->n_known > 0)
        return knowing;
    know(&knowing, known, c);
    know_profile(&knowing, known, c->id);
    return knowing;
}

static int shown_text(struct show *s, struct span text, uint16_t part, const struct analysis *an,
                      struct span *ret)
{
    struct buf masked;
    if (!s->masked || text.n == 0) {
        *ret = text;
        return 0;
    }
    if (span_eq(text, s->person)) { /* it is shown as a handle, in which nobody looks for words */
        *ret = SPAN_LIT("");
        return 0;
    }
    buf_init(&masked, MASKED_MAX);
    int rc = mask_part(s, text, part, an->pii, an->n_pii, &masked);
    *ret = rc == 0 ? arena_dup(s->arena, buf_span(&masked)) : SPAN_NONE;
    buf_done(&masked);
    return rc == 0 && !ret->p ? -ENOMEM : rc;
}

int show_texts(void *ctx, const struct stored *r, struct arena *a, struct feedback *ret)
{
    const struct feedback *f = &r->feedback;
    struct mask_known known[SHOW_KNOWN];
    struct show asked = *(const struct show *)ctx;
    struct turn *turns = arena_array(a, f->n_turns, sizeof *turns);
    asked.arena = a;
    struct show s = knowing_who(&asked, known, &f->customer);
    *ret = (struct feedback){.turns = turns, .n_turns = f->n_turns};
    if (!turns)
        return -ENOMEM;
    int rc = shown_text(&s, f->title, PART_TITLE, &r->analysis, &ret->title);
    if (rc == 0)
        rc = shown_text(&s, f->text, PART_TEXT, &r->analysis, &ret->text);
    for (size_t i = 0; i < f->n_turns && rc == 0; i++)
        rc = shown_text(&s, f->turns[i].text, (uint16_t)(PART_TURN + i), &r->analysis,
                        &turns[i].text);
    return rc;
}

void show_feedback(struct show *s, const struct stored *r, const struct analysis *explained)
{
    const struct feedback *f = &r->feedback;
    const struct analysis *an = &r->analysis;
    struct mask_known known[SHOW_KNOWN];
    struct show knowing = knowing_who(s, known, &f->customer);
    s = &knowing;
    json_open(s->json, NULL, '{');
    show_head(s, r);
    show_who(s, f);
    if (f->title.n)
        show_text(s, "title", f->title, PART_TITLE, an->pii, an->n_pii);
    if (f->text.n)
        show_text(s, "text", f->text, PART_TEXT, an->pii, an->n_pii);
    show_turns(s, f, an);
    show_answers(s, f);
    show_place(s, f);
    show_codes(s, "segments", r->segments, r->n_segments);
    show_analysis(s, f, an, explained);
    json_close(s->json, '}');
}

static void show_intervals(struct show *s, const struct store_customer *c, int64_t now)
{
    json_open(s->json, "segments", '[');
    for (size_t i = 0; i < c->n_intervals; i++) {
        const struct store_interval *iv = &c->intervals[i];
        json_open(s->json, NULL, '{');
        json_text(s->json, "code", iv->segment);
        show_time(s, "from", iv->from);
        show_time(s, "to", iv->to == INT64_MAX ? NO_TIME : iv->to);
        json_flag(s->json, "now", (iv->from == NO_TIME || iv->from <= now) && now < iv->to);
        json_close(s->json, '}');
    }
    json_close(s->json, ']');
}

void show_customer(struct show *s, const struct store_customer *c, int64_t now)
{
    struct mask_known known[SHOW_KNOWN];
    struct show knowing = *s;
    show_know(&knowing, known, c);
    s = &knowing;
    json_open(s->json, "customer", '{');
    show_customer_id(s, "id", c->id);
    show_field(s, "name", c->name, PII_NAME);
    show_field(s, "email", c->email, PII_EMAIL);
    show_field(s, "phone", c->phone, PII_PHONE);
    show_time(s, "first_seen", c->first_seen);
    show_time(s, "last_feedback", c->last_feedback);
    json_int(s->json, "feedback_count", (int64_t)c->feedback_count);
    show_pairs(s, "attributes", c->attributes, c->n_attributes);
    show_intervals(s, c, now);
    json_close(s->json, '}');
}

void show_activity(struct show *s, const struct activity *a)
{
    json_open(s->json, NULL, '{');
    json_text(s->json, "source", a->source);
    show_plain(s, "external_id", a->external_id);
    show_plain(s, "type", a->type);
    show_time(s, "at", a->at);
    if (a->amount.has)
        json_num(s->json, "amount", a->amount.value);
    show_plain_if(s, "product", a->product);
    show_plain_if(s, "order", a->order);
    if (a->n_attributes)
        show_pairs(s, "attributes", a->attributes, a->n_attributes);
    json_close(s->json, '}');
}
