#include "daemon/format/mapping.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "daemon/format/html.h"
#include "daemon/format/jsonpath.h"

enum { JOIN_MAX = 1 << 20 };

/* --- targets --- */

struct target {
    unsigned shapes;
    enum target_class class;
    struct span name;
};

enum {
    F = 1 << SHAPE_FEEDBACK,
    C = 1 << SHAPE_CUSTOMER,
    A = 1 << SHAPE_ACTIVITY,
    T = 1 << SHAPE_TURN,
};

static const struct target targets[] = {
    {F | A, TARGET_TEXT, SPAN_LIT("source")},
    {F | A, TARGET_TEXT, SPAN_LIT("external_id")},
    {F | T, TARGET_TEXT, SPAN_LIT("conversation")},
    {F, TARGET_TEXT, SPAN_LIT("kind")},
    {F, TARGET_TEXT, SPAN_LIT("channel")},
    {F, TARGET_TEXT, SPAN_LIT("status")},
    {F, TARGET_TIME, SPAN_LIT("created_at")},
    {F, TARGET_TIME, SPAN_LIT("updated_at")},
    {F, TARGET_WHOLE, SPAN_LIT("customer")},
    {F | A, TARGET_TEXT, SPAN_LIT("customer.id")},
    {F, TARGET_TEXT, SPAN_LIT("customer.name")},
    {F, TARGET_TEXT, SPAN_LIT("customer.email")},
    {F, TARGET_TEXT, SPAN_LIT("customer.phone")},
    {F, TARGET_TEXT, SPAN_LIT("lang")},
    {F, TARGET_TEXT, SPAN_LIT("title")},
    {F | T, TARGET_TEXT, SPAN_LIT("text")},
    {F, TARGET_WHOLE, SPAN_LIT("turns")},
    {F, TARGET_SCORE, SPAN_LIT("rating")},
    {F, TARGET_WHOLE, SPAN_LIT("answers")},
    {F, TARGET_SCORE, SPAN_LIT("answers.csat")},
    {F, TARGET_SCORE, SPAN_LIT("answers.nps")},
    {F, TARGET_SCORE, SPAN_LIT("answers.ces")},
    {F, TARGET_BOOL, SPAN_LIT("surveyed")},
    {F, TARGET_BOOL, SPAN_LIT("backfill")},
    {F, TARGET_TEXT, SPAN_LIT("agent")},
    {F, TARGET_TEXT, SPAN_LIT("team")},
    {F, TARGET_TEXT, SPAN_LIT("vendor")},
    {F | A, TARGET_TEXT, SPAN_LIT("product")},
    {F | A, TARGET_TEXT, SPAN_LIT("order")},
    {F, TARGET_TEXT, SPAN_LIT("stage")},
    {F, TARGET_TEXT, SPAN_LIT("url")},
    {F, TARGET_TAGS, SPAN_LIT("tags")},
    {F | C | A, TARGET_WHOLE, SPAN_LIT("attributes")},
    {F, TARGET_WHOLE, SPAN_LIT("experiments")},
    {C, TARGET_TEXT, SPAN_LIT("id")},
    {C, TARGET_TEXT, SPAN_LIT("name")},
    {C, TARGET_TEXT, SPAN_LIT("email")},
    {C, TARGET_TEXT, SPAN_LIT("phone")},
    {C, TARGET_TIME, SPAN_LIT("effective_at")},
    {A, TARGET_TEXT, SPAN_LIT("customer")},
    {A, TARGET_TEXT, SPAN_LIT("type")},
    {A, TARGET_TIME, SPAN_LIT("at")},
    {T, TARGET_TEXT, SPAN_LIT("at")}, /* also time since the beginning: conversation.h reads it */
    {T, TARGET_TEXT, SPAN_LIT("by")},
    {A, TARGET_NUMBER, SPAN_LIT("amount")},
};

int target_find(enum record_shape shape, struct span target)
{
    struct span attributes = SPAN_LIT("attributes."), experiments = SPAN_LIT("experiments.");

    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if ((targets[i].shapes & 1U << shape) && span_eq(targets[i].name, target))
            return targets[i].class;
    if (shape != SHAPE_TURN && span_starts(target, attributes) && target.n > attributes.n)
        return TARGET_SCALAR;
    if (shape == SHAPE_FEEDBACK && span_starts(target, experiments) && target.n > experiments.n)
        return TARGET_TEXT;
    return -1;
}

int target_set(json_t *record, struct span target, json_t *value)
{
    size_t dot = span_find_char(target, '.');
    struct span leaf = target;

    if (dot < target.n) {
        json_t *parent = json_object_getn(record, target.p, dot);
        if (!parent) {
            parent = json_object();
            if (json_object_setn_new(record, target.p, dot, parent) < 0)
                parent = NULL;
        }
        if (!json_is_object(parent)) {
            json_decref(value);
            return parent ? -EINVAL : -ENOMEM;
        }
        record = parent;
        leaf = span_of(target.p + dot + 1, target.n - dot - 1);
    }
    return json_object_setn_new(record, leaf.p, leaf.n, value) < 0 ? -ENOMEM : 0;
}

/* --- values --- */

static json_t *number_value(struct span text)
{
    int64_t i;
    double d;

    text = span_trim(text);
    if (span_to_i64(text, &i) == 0)
        return json_integer(i);
    return span_to_f64(text, &d) == 0 ? json_real(d) : NULL;
}

static json_t *bool_value(struct span text)
{
    static const char *const yes[] = {"true", "1", "yes", "y"}, *const no[] = {"false", "0", "no",
                                                                               "n"};
    text = span_trim(text);
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (span_eq_nocase(text, span_str(yes[i])))
            return json_true();
        if (span_eq_nocase(text, span_str(no[i])))
            return json_false();
    }
    return NULL;
}

static json_t *tags_value(struct span text)
{
    json_t *list = json_array();

    for (size_t begin = 0, i = 0; list && i <= text.n; i++) {
        if (i < text.n && text.p[i] != ',' && text.p[i] != ';')
            continue;
        struct span tag = span_trim(span_of(text.p + begin, i - begin));
        if (tag.n)
            json_array_append_new(list, json_stringn(tag.p, tag.n));
        begin = i + 1;
    }
    return list;
}

/* Takes `value` over. */
static json_t *with_scale(json_t *value, double scale)
{
    json_t *obj;

    if (!value || !(scale > 0))
        return value;
    obj = json_object();
    json_object_set_new(obj, "value", value);
    if (json_object_set_new(obj, "scale", json_real(scale)) < 0) {
        json_decref(obj);
        obj = NULL;
    }
    return obj;
}

json_t *target_value(enum target_class class, struct span text, double scale)
{
    switch (class) {
    case TARGET_SCORE:
        return with_scale(number_value(text), scale);
    case TARGET_NUMBER:
        return number_value(text);
    case TARGET_BOOL:
        return bool_value(text);
    case TARGET_TAGS:
        return tags_value(text);
    default:
        return json_stringn(text.p ? text.p : "", text.n);
    }
}

/* --- one payload --- */

struct applying {
    json_t *payload, *record;
    enum record_shape shape;
    struct reject *why;
};

static int unfit(struct applying *a, const struct map_entry *m)
{
    return reject(a->why, REJECT_BAD_TYPE, "%.*s: what stands at its path does not fit it",
                  SPAN_FMT(m->target));
}

static struct span scalar_text(const json_t *v, char digits[24])
{
    if (json_is_string(v))
        return span_of(json_string_value(v), json_string_length(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? SPAN_LIT("true") : SPAN_LIT("false");
    if (!json_is_integer(v))
        return SPAN_NONE;
    int n = snprintf(digits, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    return span_of(digits, (size_t)n);
}

/* Numbers are answers too; what is no scalar is none. */
static int join_texts(struct applying *a, const struct map_entry *m, json_t *all, json_t **ret)
{
    char digits[24];
    struct buf out;
    int rc = 0;

    buf_init(&out, JOIN_MAX);
    for (size_t i = 0; i < json_array_size(all); i++) {
        struct span text = span_trim(scalar_text(json_array_get(all, i), digits));
        if (text.n == 0)
            continue;
        if (out.n)
            buf_add(&out, m->join);
        buf_add(&out, text);
    }
    if (buf_error(&out) == -EMSGSIZE)
        rc = reject(a->why, REJECT_TEXT_TOO_LONG, "%.*s: what its path finds is too long together",
                    SPAN_FMT(m->target));
    else if (out.n && !(*ret = json_stringn(out.p, out.n)))
        rc = -ENOMEM;
    buf_done(&out);
    return rc;
}

/* A new reference at *ret, or NULL when the path leads nowhere. */
static int find_at(struct applying *a, const struct map_entry *m, enum target_class class,
                   struct span path, json_t **ret)
{
    json_t *all;

    *ret = NULL;
    if (!jsonpath_is_list(path)) {
        *ret = json_incref(jsonpath_get(a->payload, path));
        return 0;
    }
    all = jsonpath_all(a->payload, path);
    if (!all)
        return -ENOMEM;
    if (class == TARGET_TAGS || class == TARGET_WHOLE) {
        *ret = all;
        return 0;
    }
    size_t n = json_array_size(all);
    if (m->join.p) {
        int rc = join_texts(a, m, all, ret);
        json_decref(all);
        return rc;
    }
    if (n == 1)
        *ret = json_incref(json_array_get(all, 0));
    json_decref(all);
    return n > 1 ? reject(a->why, REJECT_BAD_TYPE, "%.*s: its path finds %zu values",
                          SPAN_FMT(m->target), n)
                 : 0;
}

static bool is_nothing(const json_t *v)
{
    return !v || json_is_null(v) ||
           (json_is_string(v) &&
            span_trim(span_of(json_string_value(v), json_string_length(v))).n == 0);
}

static int find_value(struct applying *a, const struct map_entry *m, enum target_class class,
                      json_t **ret)
{
    int rc = find_at(a, m, class, m->path, ret);
    if (rc < 0 || !m->otherwise.p || !is_nothing(*ret))
        return rc;
    json_decref(*ret);
    return find_at(a, m, class, m->otherwise, ret);
}

/* 1 with *ret_text; 0: leave the field absent. */
static int choose_case(struct applying *a, const struct map_entry *m, enum target_class class,
                       const json_t *v, struct span *ret_text)
{
    char digits[24];
    struct span text = scalar_text(v, digits);

    for (size_t i = 0; text.p && i < m->n_cases; i++) {
        if (span_eq(m->cases[i].key, text)) {
            *ret_text = m->cases[i].value;
            return 1;
        }
    }
    if (class == TARGET_SCORE)
        return 0;
    return reject(a->why, REJECT_UNMAPPED_VALUE, "%.*s: the value is not among its cases",
                  SPAN_FMT(m->target));
}

/* Takes `v` over: fits a found value to its class. */
static json_t *fit(enum target_class class, json_t *v, double scale)
{
    json_t *fitted = NULL;

    switch (class) {
    case TARGET_SCORE:
        if (json_is_number(v))
            return with_scale(v, scale);
        break;
    case TARGET_NUMBER:
    case TARGET_BOOL:
    case TARGET_TAGS:
        break;
    default:
        return v;
    }
    if (!json_is_string(v))
        return v;
    fitted = target_value(class, span_of(json_string_value(v), json_string_length(v)), scale);
    json_decref(v);
    return fitted;
}

/* --- other spellings --- */

static int unix_time(const json_t *v, double unit, int64_t *ret_ms)
{
    double d = json_number_value(v);

    if (json_is_string(v) &&
        span_to_f64(span_of(json_string_value(v), json_string_length(v)), &d) < 0)
        return -EINVAL;
    if (!json_is_string(v) && !json_is_number(v))
        return -EINVAL;
    d *= unit;
    if (!(fabs(d) < 1e15))
        return -EINVAL;
    *ret_ms = llround(d);
    return 0;
}

int map_time_read(enum map_time time, const struct date_zone *zone, enum date_order order,
                  const json_t *v, int64_t *ret_ms)
{
    struct span text = span_of(json_string_value(v), json_string_length(v));

    switch (time) {
    case MAP_TIME_UNIX:
        return unix_time(v, 1000, ret_ms);
    case MAP_TIME_UNIX_MS:
        return unix_time(v, 1, ret_ms);
    case MAP_TIME_ZONE:
        return text.p ? date_parse(text, zone, order, ret_ms) : -EINVAL;
    case MAP_TIME_AS_IS:
        return text.p ? time_parse_rfc3339(text, ret_ms) : -EINVAL;
    }
    return -EINVAL;
}

static json_t *as_time(const struct map_entry *m, const json_t *v)
{
    char text[TIME_RFC3339_MAX];
    int64_t ms;

    if (map_time_read(m->time, m->zone, m->order, v, &ms) < 0)
        return NULL;
    size_t n = time_format_rfc3339(ms, 0, text);
    return json_stringn(text, n);
}

static json_t *from_html(const json_t *v)
{
    struct buf out;
    json_t *plain = NULL;

    if (!json_is_string(v))
        return NULL;
    buf_init(&out, HTML_MAX_TEXT);
    if (html_text(span_of(json_string_value(v), json_string_length(v)), &out) == 0)
        plain = json_stringn(out.n ? out.p : "", out.n);
    buf_done(&out);
    return plain;
}

static json_t *with_prefix(const struct map_entry *m, const json_t *v)
{
    char digits[24];
    struct span text = scalar_text(v, digits);

    return text.p ? json_sprintf("%.*s%.*s", SPAN_FMT(m->prefix), SPAN_FMT(text)) : NULL;
}

/* Takes *v over and gives what it means; NULL with the reason told. */
static int respell(struct applying *a, const struct map_entry *m, json_t **v)
{
    char digits[24];
    json_t *next;

    bool html = m->html || (m->maybe_html && html_is(scalar_text(*v, digits)));
    if (m->time == MAP_TIME_AS_IS && !html && !m->prefix.p)
        return 0;
    if (m->time != MAP_TIME_AS_IS)
        next = as_time(m, *v);
    else if (html)
        next = from_html(*v);
    else
        next = with_prefix(m, *v);
    json_decref(*v);
    *v = next;
    if (next)
        return 0;
    if (m->time != MAP_TIME_AS_IS)
        return reject(a->why, REJECT_BAD_TIME, "%.*s: what stands at its path is no such time",
                      SPAN_FMT(m->target));
    return unfit(a, m);
}

static int apply_one(struct applying *a, const struct map_entry *m)
{
    int found = target_find(a->shape, m->target);
    enum target_class class = (enum target_class)found;
    struct span text = m->value;
    json_t *v = NULL;
    int rc = 1;

    if (found < 0)
        return reject(a->why, REJECT_UNKNOWN_FIELD, "%.*s is no field of this record",
                      SPAN_FMT(m->target));
    if (m->path.p) {
        rc = find_value(a, m, class, &v);
        if (rc < 0 || !v || json_is_null(v)) {
            json_decref(v);
            return rc;
        }
        if (m->n_cases) {
            rc = choose_case(a, m, class, v, &text);
            json_decref(v);
            v = NULL;
            if (rc <= 0)
                return rc;
        } else {
            rc = respell(a, m, &v);
            if (rc < 0)
                return rc;
        }
    }
    v = v ? fit(class, v, m->scale) : target_value(class, text, m->scale);
    rc = v ? target_set(a->record, m->target, v) : -EINVAL;
    return rc == -EINVAL ? unfit(a, m) : rc;
}

int mapping_apply(json_t *payload, enum record_shape shape, const struct map_entry *map, size_t n,
                  json_t **ret, struct reject *why)
{
    struct applying a = {payload, json_object(), shape, why};
    int rc = a.record ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = apply_one(&a, &map[i]);
    if (rc < 0) {
        json_decref(a.record);
        return rc;
    }
    *ret = a.record;
    return 0;
}

int mapping_check(enum record_shape shape, const struct map_entry *m, char *message, size_t size)
{
    size_t column;
    int class = target_find(shape, m->target);

    if (class < 0) {
        snprintf(message, size, "a record has no field \"%.*s\"", SPAN_FMT(m->target));
        return -EINVAL;
    }
    if (m->otherwise.p && jsonpath_check(m->otherwise, &column) < 0) {
        snprintf(message, size, "the path of %.*s else goes wrong at column %zu",
                 SPAN_FMT(m->target), column);
        return -EINVAL;
    }
    if (m->path.p && jsonpath_check(m->path, &column) < 0) {
        snprintf(message, size, "the path of %.*s goes wrong at column %zu", SPAN_FMT(m->target),
                 column);
        return -EINVAL;
    }
    return 0;
}
