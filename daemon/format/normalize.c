#include "daemon/format/normalize.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "daemon/format/fields.h"
#include "daemon/format/phone.h"

const struct normalize_limits normalize_defaults = {
    .max_text = 64 * 1024,
    .max_id = 512,
    .max_attributes = 64,
    .max_attribute_bytes = 8 * 1024,
    .max_future_ms = 10 * MS_MINUTE,
};

/* --- contact data --- */

struct span normalize_email(struct arena *a, struct span s)
{
    char *lower;

    if (!s.p)
        return s;
    s = span_trim(s);
    lower = arena_alloc(a, s.n + 1);
    if (!lower)
        return SPAN_NONE;
    for (size_t i = 0; i < s.n; i++)
        lower[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + ('a' - 'A') : s.p[i]);
    lower[s.n] = '\0';
    return span_of(lower, s.n);
}

struct span normalize_phone(struct arena *a, struct span s)
{
    char number[PHONE_MAX];

    if (!s.p)
        return s;
    /* Refusing a record for an extension after the number would lose what the customer said;
     * dropping the number would lose the customer. */
    return arena_dup(a, phone_normalize(s, number) == 0 ? span_str(number) : span_trim(s));
}

/* --- answers on a scale --- */

struct answer {
    double value, scale;
};

static const struct field_rule answer_rules[] = {
    {"scale", field_number, offsetof(struct answer, scale), false},
    {"value", field_number, offsetof(struct answer, value), false},
};

static int check_answer(struct fields *f, const char *name, struct answer in, struct scaled *out)
{
    if (isnan(in.value))
        return reject(f->why, REJECT_MISSING_VALUE, "%s%s needs a value", f->path, name);
    if (isnan(in.scale))
        return reject(f->why, REJECT_MISSING_SCALE, "%s%s needs its scale declared", f->path, name);
    if (!(in.scale > 0 && in.scale <= NORMALIZE_MAX_SCALE))
        return reject(f->why, REJECT_BAD_SCALE, "%s%s.scale must be over 0 and at most %g", f->path,
                      name, NORMALIZE_MAX_SCALE);
    if (!(in.value >= 0 && in.value <= in.scale))
        return reject(f->why, REJECT_VALUE_OUT_OF_SCALE, "%s%s.value is not within 0 and its scale",
                      f->path, name);
    *out = (struct scaled){in.value, in.scale, true};
    return 0;
}

static int read_scaled(struct fields *f, const char *name, json_t *v, void *out)
{
    struct answer in = {NAN, NAN};

    /* 4 may be of 5 or of 10: guessing would turn praise into blame. */
    if (json_is_number(v))
        return reject(f->why, REJECT_MISSING_SCALE,
                      "%s%s needs its scale declared: {\"value\":…,\"scale\":…}", f->path, name);
    int rc = fields_read_member(f, name, v, answer_rules, ARRAY_LEN(answer_rules), &in);
    return rc < 0 ? rc : check_answer(f, name, in, out);
}

/* NPS has but one scale, so the bare number says all. Promoters, passives and detractors are
 * defined on whole numbers: 8.5 would be nobody. */
static int read_nps(struct fields *f, const char *name, json_t *v, void *out)
{
    struct answer in = {NAN, 10};
    int rc = 0;

    if (json_is_number(v))
        in.value = json_number_value(v);
    else
        rc = fields_read_member(f, name, v, answer_rules, ARRAY_LEN(answer_rules), &in);
    if (rc < 0)
        return rc;
    if (in.scale < 10 || in.scale > 10)
        return reject(f->why, REJECT_BAD_SCALE, "%s%s.scale must be 10", f->path, name);
    if (in.value < floor(in.value) || in.value > floor(in.value) || in.value < 0 || in.value > 10)
        return reject(f->why, REJECT_VALUE_OUT_OF_SCALE, "%s%s must be a whole number from 0 to 10",
                      f->path, name);
    return check_answer(f, name, in, out);
}

static const struct field_rule answers_rules[] = {
    {"ces", read_scaled, offsetof(struct feedback, ces), false},
    {"csat", read_scaled, offsetof(struct feedback, csat), false},
    {"nps", read_nps, offsetof(struct feedback, nps), false},
};

/* `out` is the whole feedback. */
static int read_answers(struct fields *f, const char *name, json_t *v, void *out)
{
    return fields_read_member(f, name, v, answers_rules, ARRAY_LEN(answers_rules), out);
}

/* --- vocabularies --- */

static struct span string_of(const json_t *v)
{
    return span_of(json_string_value(v), json_string_length(v));
}

static int read_kind(struct fields *f, const char *name, json_t *v, void *out)
{
    int id = json_is_string(v) ? vocab_find(VOCAB_KIND, string_of(v)) : -1;
    if (id < 0)
        return reject(f->why, REJECT_BAD_KIND,
                      "%s%s must be one of ticket, review, survey, chat, call, social", f->path,
                      name);
    *(enum kind *)out = (enum kind)id;
    return 0;
}

static int read_stage(struct fields *f, const char *name, json_t *v, void *out)
{
    int id = json_is_string(v) ? vocab_find(VOCAB_STAGE, string_of(v)) : -1;
    if (id < 0)
        return reject(f->why, REJECT_BAD_STAGE, "%s%s is no stage of the journey", f->path, name);
    *(enum stage *)out = (enum stage)id;
    return 0;
}

/* --- people, turns, tags, pairs --- */

static const struct field_rule customer_rules[] = {
    {"email", field_email, offsetof(struct customer_ref, email), false},
    {"id", field_id, offsetof(struct customer_ref, id), false},
    {"name", field_id, offsetof(struct customer_ref, name), false},
    {"phone", field_phone, offsetof(struct customer_ref, phone), false},
};

static int read_customer(struct fields *f, const char *name, json_t *v, void *out)
{
    return fields_read_member(f, name, v, customer_rules, ARRAY_LEN(customer_rules), out);
}

struct turn_in {
    struct turn turn;
    bool has_by;
};

static int read_by(struct fields *f, const char *name, json_t *v, void *out)
{
    static const char *const names[] = {"customer", "agent", "system"};
    struct turn_in *in = out;

    for (size_t i = 0; json_is_string(v) && i < ARRAY_LEN(names); i++) {
        if (span_is(string_of(v), names[i])) {
            in->turn.by = (enum speaker)i;
            in->has_by = true;
            return 0;
        }
    }
    return reject(f->why, REJECT_BAD_SPEAKER, "%s%s must be customer, agent or system", f->path,
                  name);
}

static const struct field_rule turn_rules[] = {
    {"at", field_time, offsetof(struct turn_in, turn.at), false},
    {"by", read_by, 0, false},
    {"text", field_body, offsetof(struct turn_in, turn.text), false},
};

static int read_turn(struct fields *f, const char *name, json_t *v, struct turn *ret)
{
    struct turn_in in = {.turn = {.at = NO_TIME}};
    int rc = fields_read_member(f, name, v, turn_rules, ARRAY_LEN(turn_rules), &in);
    if (rc < 0)
        return rc;
    /* An agent's words read as the customer's would be worse than none. */
    if (!in.has_by)
        return reject(f->why, REJECT_MISSING_SPEAKER, "%s%s.by is missing", f->path, name);
    *ret = in.turn;
    return 0;
}

/* `out` is the whole feedback, as below. */
static int read_turns(struct fields *f, const char *name, json_t *v, void *out)
{
    struct feedback *fb = out;
    size_t n = json_array_size(v), bytes = 0;
    char element[48];

    if (!json_is_array(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be a list", f->path, name);
    if (n > NORMALIZE_MAX_TURNS)
        return reject(f->why, REJECT_TOO_MANY_TURNS, "%s%s has %zu members; at most %d", f->path,
                      name, n, NORMALIZE_MAX_TURNS);
    struct turn *turns = arena_array(f->a, n, sizeof *turns);
    if (!turns)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        snprintf(element, sizeof element, "%s[%zu]", name, i);
        int rc = read_turn(f, element, json_array_get(v, i), &turns[i]);
        if (rc < 0)
            return rc;
        bytes += turns[i].text.n;
    }
    if (bytes > f->lim->max_text)
        return reject(f->why, REJECT_TEXT_TOO_LONG, "%s%s are %zu bytes of text; at most %zu",
                      f->path, name, bytes, f->lim->max_text);
    fb->turns = n ? turns : NULL;
    fb->n_turns = n;
    return 0;
}

static int read_tags(struct fields *f, const char *name, json_t *v, void *out)
{
    struct feedback *fb = out;
    size_t n = json_array_size(v), kept = 0;
    char element[48];

    if (!json_is_array(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be a list", f->path, name);
    if (n > NORMALIZE_MAX_TAGS)
        return reject(f->why, REJECT_TOO_MANY_TAGS, "%s%s has %zu members; at most %d", f->path,
                      name, n, NORMALIZE_MAX_TAGS);
    struct span *tags = arena_array(f->a, n, sizeof *tags);
    if (!tags)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        snprintf(element, sizeof element, "%s[%zu]", name, i);
        int rc = field_id(f, element, json_array_get(v, i), &tags[kept]);
        if (rc < 0)
            return rc;
        if (tags[kept].n)
            kept++;
    }
    fb->tags = kept ? tags : NULL;
    fb->n_tags = kept;
    return 0;
}

static int read_attributes(struct fields *f, const char *name, json_t *v, void *out)
{
    struct feedback *fb = out;
    struct field_pairs_kind kind = {f->lim->max_attributes, REJECT_TOO_MANY_ATTRIBUTES, false,
                                    false};
    struct field_pairs pairs;
    int rc = field_pairs(f, name, v, kind, &pairs);
    if (rc < 0)
        return rc;
    fb->attributes = pairs.pairs;
    fb->n_attributes = pairs.n;
    return 0;
}

static int read_experiments(struct fields *f, const char *name, json_t *v, void *out)
{
    struct feedback *fb = out;
    struct field_pairs_kind kind = {NORMALIZE_MAX_EXPERIMENTS, REJECT_TOO_MANY_EXPERIMENTS, false,
                                    true};
    struct field_pairs pairs;
    int rc = field_pairs(f, name, v, kind, &pairs);
    if (rc < 0)
        return rc;
    fb->experiments = pairs.pairs;
    fb->n_experiments = pairs.n;
    return 0;
}

/* --- the record --- */

#define AT(member) offsetof(struct feedback, member)
static const struct field_rule feedback_rules[] = {
    {"agent", field_id, AT(agent), false},
    {"answers", read_answers, 0, false},
    {"attributes", read_attributes, 0, false},
    {"backfill", field_bool, AT(backfill), false},
    {"channel", field_id, AT(channel), false},
    {"conversation", field_id, AT(conversation), false},
    {"created_at", field_time, AT(created_at), false},
    {"customer", read_customer, AT(customer), false},
    {"experiments", read_experiments, 0, false},
    {"external_id", field_id, AT(external_id), false},
    {"kind", read_kind, AT(kind), false},
    {"lang", field_id, AT(lang), false},
    {"order", field_id, AT(order), false},
    {"product", field_id, AT(product), false},
    {"rating", read_scaled, AT(rating), false},
    {"source", field_id, AT(source), false},
    {"stage", read_stage, AT(stage), false},
    {"status", field_id, AT(status), false},
    {"surveyed", field_bool, AT(surveyed), false},
    {"tags", read_tags, 0, false},
    {"team", field_id, AT(team), false},
    {"text", field_body, AT(text), false},
    {"title", field_body, AT(title), false},
    {"turns", read_turns, 0, false},
    {"updated_at", field_time, AT(updated_at), false},
    {"url", field_url, AT(url), false},
    {"vendor", field_id, AT(vendor), false},
};
#undef AT

static bool has_words(const struct feedback *fb)
{
    bool words = span_trim(fb->text).n > 0;

    for (size_t i = 0; i < fb->n_turns && !words; i++)
        words = span_trim(fb->turns[i].text).n > 0;
    return words;
}

static int check_feedback(struct fields *f, struct feedback *fb)
{
    bool answered = fb->csat.has || fb->nps.has || fb->ces.has;

    if (!fb->source.n)
        return reject(f->why, REJECT_MISSING_SOURCE, "source is missing");
    if (!fb->external_id.n)
        return reject(f->why, REJECT_MISSING_EXTERNAL_ID, "external_id is missing");
    fb->surveyed = fb->surveyed || answered;
    if (!fb->surveyed && !fb->rating.has && !has_words(fb))
        return reject(f->why, REJECT_NOTHING_TO_READ,
                      "one of text, turns, answers, rating, surveyed is needed");
    if (fb->created_at == NO_TIME) {
        fb->created_at = f->now;
        fb->undated = true;
    }
    return 0;
}

int normalize_feedback(json_t *obj, const struct normalize_limits *lim, int64_t now,
                       struct arena *a, struct feedback *ret, struct reject *why)
{
    struct fields f = {.a = a, .lim = lim, .now = now, .why = why};
    struct feedback fb = {.kind = KIND_TICKET, .created_at = NO_TIME, .updated_at = NO_TIME};
    int rc = fields_read(&f, obj, feedback_rules, ARRAY_LEN(feedback_rules), &fb);
    if (rc == 0)
        rc = check_feedback(&f, &fb);
    if (rc < 0)
        return rc;
    *ret = fb;
    return 0;
}
