#include "daemon/collect/item.h"

#include "base/err.h"
#include "daemon/format/json_text.h"

struct item_rules item_rules(const struct app *app)
{
    const struct config *cfg = app->config;
    return (struct item_rules){
        .lim = {.max_text = cfg->intake.max_text,
                .max_id = cfg->intake.max_id,
                .max_attributes = cfg->intake.max_attributes,
                .max_attribute_bytes = cfg->intake.max_attribute_bytes,
                .max_future_ms = cfg->intake.max_future_ms},
        .now = clock_wall(loop_clock(app->loop)),
    };
}

int item_try(struct intake *in, json_t *v, const struct item_rules *rules, struct reject *why)
{
    union {
        struct feedback feedback;
        struct customer_change customer;
        struct activity activity;
    } record;
    int rc = -EINVAL;

    switch (in->kind) {
    case INTAKE_FEEDBACK:
        rc = normalize_feedback(v, &rules->lim, rules->now, &in->arena, &record.feedback, why);
        break;
    case INTAKE_CUSTOMER:
        rc = normalize_customer(v, &rules->lim, rules->now, &in->arena, &record.customer, why);
        break;
    case INTAKE_ACTIVITY:
        rc = normalize_activity(v, &rules->lim, rules->now, &in->arena, &record.activity, why);
        break;
    }
    return rc < 0 ? rc : intake_take(in, &record);
}

/* The least that is a record, so that the identity is read as every other is. */
static int identity_of(const struct removal *r, json_t **ret, struct reject *why)
{
    static const struct map_entry plain = {.target = SPAN_LIT("external_id"),
                                           .path = SPAN_LIT("$.external_id")};
    const struct map_entry *id = r->n_map ? NULL : &plain;
    for (size_t i = 0; i < r->n_map && !id; i++)
        if (span_is(r->map[i].target, "external_id"))
            id = &r->map[i];
    int rc = mapping_apply(r->payload, SHAPE_FEEDBACK, id, id ? 1 : 0, ret, why);
    if (rc == 0 && (json_object_set_new(*ret, "source", json_stringn(r->source.p, r->source.n)) ||
                    json_object_set_new(*ret, "surveyed", json_true()))) {
        json_decref(*ret);
        rc = -ENOMEM;
    }
    return rc;
}

int item_remove(struct intake *in, const struct removal *r, const struct item_rules *rules,
                struct reject *why)
{
    struct feedback f;
    json_t *record;
    int rc = identity_of(r, &record, why);
    if (rc < 0)
        return rc;
    rc = normalize_feedback(record, &rules->lim, rules->now, &in->arena, &f, why);
    json_decref(record);
    return rc < 0 ? rc : intake_remove(in, f.source, f.external_id);
}

int item_from_json(struct intake *in, json_t *v, const struct item_rules *rules)
{
    struct reject why;
    int rc = item_try(in, v, rules, &why);
    return rc == -EINVAL ? intake_refuse(in, &why) : rc;
}

int item_from_line(struct intake *in, struct span line, const struct item_rules *rules)
{
    struct json_problem problem;
    struct reject why;
    json_t *v;
    int rc = json_text_parse(line, &v, &problem);

    if (rc == -EINVAL) {
        reject(&why, problem.code, "%s, at column %zu of its line", problem.what, problem.column);
        return intake_refuse(in, &why);
    }
    if (rc < 0)
        return rc;
    rc = item_from_json(in, v, rules);
    json_decref(v);
    return rc;
}

int item_from_row(struct intake *in, const struct row *row, const struct columns *columns,
                  const struct item_rules *rules)
{
    struct reject why;
    json_t *record;
    int rc;

    if (row->bad)
        return intake_refuse(in, &row->why);
    rc = columns_record(columns, row->cells, row->n, &record, &why);
    if (rc == -EINVAL)
        return intake_refuse(in, &why);
    if (rc < 0)
        return rc;
    rc = item_from_json(in, record, rules);
    json_decref(record);
    return rc;
}
