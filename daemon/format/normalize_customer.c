#include <stddef.h>

#include "base/err.h"
#include "daemon/format/fields.h"
#include "daemon/format/normalize.h"

/* --- customers --- */

/* null and "" both say "has none": kept apart from silence, which says nothing. */
static int read_change(struct fields *f, const char *name, json_t *v, struct span *out,
                       int (*read)(struct fields *, const char *, json_t *, void *))
{
    struct span s = SPAN_NONE;
    int rc = json_is_null(v) ? 0 : read(f, name, v, &s);
    if (rc < 0)
        return rc;
    *out = s.n ? s : SPAN_LIT("");
    return 0;
}

static int change_name(struct fields *f, const char *name, json_t *v, void *out)
{
    return read_change(f, name, v, out, field_id);
}

static int change_email(struct fields *f, const char *name, json_t *v, void *out)
{
    return read_change(f, name, v, out, field_email);
}

static int change_phone(struct fields *f, const char *name, json_t *v, void *out)
{
    return read_change(f, name, v, out, field_phone);
}

static int change_attributes(struct fields *f, const char *name, json_t *v, void *out)
{
    struct customer_change *c = out;
    struct field_pairs_kind kind = {f->lim->max_attributes, REJECT_TOO_MANY_ATTRIBUTES, true,
                                    false};
    struct field_pairs pairs;
    int rc = field_pairs(f, name, v, kind, &pairs);
    if (rc < 0)
        return rc;
    c->attributes = pairs.pairs;
    c->n_attributes = pairs.n;
    return 0;
}

#define AT(member) offsetof(struct customer_change, member)
static const struct field_rule change_rules[] = {
    {"attributes", change_attributes, 0, false},
    {"effective_at", field_any_time, AT(effective_at), false},
    {"email", change_email, AT(email), true},
    {"id", field_id, AT(id), false},
    {"name", change_name, AT(name), true},
    {"phone", change_phone, AT(phone), true},
};
#undef AT

int normalize_customer(json_t *obj, const struct normalize_limits *lim, int64_t now,
                       struct arena *a, struct customer_change *ret, struct reject *why)
{
    struct fields f = {.a = a, .lim = lim, .now = now, .why = why};
    struct customer_change c = {.effective_at = NO_TIME};
    int rc = fields_read(&f, obj, change_rules, ARRAY_LEN(change_rules), &c);
    if (rc < 0)
        return rc;
    if (!c.id.n)
        return reject(why, REJECT_MISSING_ID, "id is missing");
    *ret = c;
    return 0;
}

/* --- activities --- */

static const struct field_rule whose_rules[] = {
    {"id", field_id, 0, false},
};

static int read_whose(struct fields *f, const char *name, json_t *v, void *out)
{
    if (json_is_object(v))
        return fields_read_member(f, name, v, whose_rules, ARRAY_LEN(whose_rules), out);
    return field_id(f, name, v, out);
}

static int read_amount(struct fields *f, const char *name, json_t *v, void *out)
{
    struct scaled amount = {.has = true};
    int rc = field_number(f, name, v, &amount.value);
    if (rc < 0)
        return rc;
    *(struct scaled *)out = amount;
    return 0;
}

static int activity_attributes(struct fields *f, const char *name, json_t *v, void *out)
{
    struct activity *act = out;
    struct field_pairs_kind kind = {f->lim->max_attributes, REJECT_TOO_MANY_ATTRIBUTES, false,
                                    false};
    struct field_pairs pairs;
    int rc = field_pairs(f, name, v, kind, &pairs);
    if (rc < 0)
        return rc;
    act->attributes = pairs.pairs;
    act->n_attributes = pairs.n;
    return 0;
}

#define AT(member) offsetof(struct activity, member)
static const struct field_rule activity_rules[] = {
    {"amount", read_amount, AT(amount), false},
    {"at", field_time, AT(at), false},
    {"attributes", activity_attributes, 0, false},
    {"customer", read_whose, AT(customer), false},
    {"external_id", field_id, AT(external_id), false},
    {"order", field_id, AT(order), false},
    {"product", field_id, AT(product), false},
    {"source", field_id, AT(source), false},
    {"type", field_id, AT(type), false},
};
#undef AT

int normalize_activity(json_t *obj, const struct normalize_limits *lim, int64_t now,
                       struct arena *a, struct activity *ret, struct reject *why)
{
    struct fields f = {.a = a, .lim = lim, .now = now, .why = why};
    struct activity act = {.at = NO_TIME};
    int rc = fields_read(&f, obj, activity_rules, ARRAY_LEN(activity_rules), &act);
    if (rc < 0)
        return rc;
    if (!act.source.n)
        return reject(why, REJECT_MISSING_SOURCE, "source is missing");
    if (!act.external_id.n)
        return reject(why, REJECT_MISSING_EXTERNAL_ID, "external_id is missing");
    if (!act.customer.n)
        return reject(why, REJECT_MISSING_CUSTOMER, "customer is missing");
    if (!act.type.n)
        return reject(why, REJECT_MISSING_TYPE, "type is missing");
    if (act.at == NO_TIME)
        act.at = now;
    *ret = act;
    return 0;
}
