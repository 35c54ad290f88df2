#include "daemon/format/fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "base/utf8.h"

/* A name as it may be shown: keys are the sender's, so only their beginning. */
enum { NAME_SHOWN = 60 };

static int compare_rule(const void *key, const void *rule)
{
    return strcmp(key, ((const struct field_rule *)rule)->name);
}

static int unknown_field(struct fields *f, const char *key)
{
    struct span shown = utf8_cut(span_str(key), NAME_SHOWN);
    return reject(f->why, REJECT_UNKNOWN_FIELD, "%s%.*s is no field of this record", f->path,
                  SPAN_FMT(shown));
}

int fields_read(struct fields *f, json_t *obj, const struct field_rule *rules, size_t n, void *base)
{
    const char *key;
    json_t *v;

    if (!json_is_object(obj))
        return reject(f->why, REJECT_NOT_AN_OBJECT, "the item is no JSON object");
    json_object_foreach(obj, key, v)
    {
        const struct field_rule *rule = bsearch(key, rules, n, sizeof *rules, compare_rule);
        if (!rule)
            return unknown_field(f, key);
        if (json_is_null(v) && !rule->nulls)
            continue;
        int rc = rule->read(f, rule->name, v, (char *)base + rule->offset);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int fields_read_member(struct fields *f, const char *name, json_t *v,
                       const struct field_rule *rules, size_t n, void *base)
{
    size_t outer = strlen(f->path);
    int rc;

    if (!json_is_object(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be an object", f->path, name);
    snprintf(f->path + outer, sizeof f->path - outer, "%s.", name);
    rc = fields_read(f, v, rules, n, base);
    f->path[outer] = '\0';
    return rc;
}

/* --- text --- */

static int copy_text(struct fields *f, struct span s, struct span *ret)
{
    struct span copy;

    if (s.n == 0)
        return 0;
    copy = arena_dup(f->a, s);
    if (!copy.p)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

static int check_text(struct fields *f, const char *name, struct span s)
{
    if (s.n && memchr(s.p, '\0', s.n))
        return reject(f->why, REJECT_NUL_BYTE, "%s%s holds a NUL", f->path, name);
    /* jansson has checked what it parsed; values made by mapping pass here too. */
    if (utf8_valid(s) != s.n)
        return reject(f->why, REJECT_INVALID_UTF8, "%s%s is not valid UTF-8", f->path, name);
    return 0;
}

static int check_id(struct fields *f, const char *name, struct span s)
{
    int rc = check_text(f, name, s);
    if (rc < 0)
        return rc;
    if (s.n > f->lim->max_id)
        return reject(f->why, REJECT_ID_TOO_LONG, "%s%s is %zu bytes; at most %zu", f->path, name,
                      s.n, f->lim->max_id);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F)
            return reject(f->why, REJECT_CONTROL_CHARACTER, "%s%s holds a control character",
                          f->path, name);
    }
    return 0;
}

static struct span string_of(const json_t *v)
{
    return span_of(json_string_value(v), json_string_length(v));
}

int field_id(struct fields *f, const char *name, json_t *v, void *out)
{
    char digits[24];
    struct span s;
    int rc;

    if (json_is_string(v)) {
        s = string_of(v);
    } else if (json_is_integer(v)) {
        int n = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        s = span_of(digits, (size_t)n);
    } else {
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be text or a whole number", f->path,
                      name);
    }
    rc = check_id(f, name, s);
    return rc < 0 ? rc : copy_text(f, s, out);
}

static int read_string(struct fields *f, const char *name, json_t *v, struct span *ret)
{
    if (!json_is_string(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be text", f->path, name);
    *ret = string_of(v);
    return check_text(f, name, *ret);
}

int field_body(struct fields *f, const char *name, json_t *v, void *out)
{
    struct span s;
    int rc = read_string(f, name, v, &s);
    if (rc < 0)
        return rc;
    if (s.n > f->lim->max_text)
        return reject(f->why, REJECT_TEXT_TOO_LONG, "%s%s is %zu bytes; at most %zu", f->path, name,
                      s.n, f->lim->max_text);
    return copy_text(f, s, out);
}

int field_url(struct fields *f, const char *name, json_t *v, void *out)
{
    struct span s;
    int rc = read_string(f, name, v, &s);
    if (rc < 0)
        return rc;
    if (s.n > NORMALIZE_MAX_URL)
        return reject(f->why, REJECT_URL_TOO_LONG, "%s%s is %zu bytes; at most %zu", f->path, name,
                      s.n, NORMALIZE_MAX_URL);
    return copy_text(f, s, out);
}

/* What find-a-customer spellings are made by; a failed copy shows as an absent result. */
static int respell(struct fields *f, const char *name, json_t *v, struct span *out,
                   struct span (*spell)(struct arena *, struct span))
{
    struct span s = SPAN_NONE;
    int rc = field_id(f, name, v, &s);
    if (rc < 0 || !s.p)
        return rc;
    s = spell(f->a, s);
    if (!s.p)
        return -ENOMEM;
    if (s.n)
        *out = s;
    return 0;
}

int field_email(struct fields *f, const char *name, json_t *v, void *out)
{
    return respell(f, name, v, out, normalize_email);
}

int field_phone(struct fields *f, const char *name, json_t *v, void *out)
{
    return respell(f, name, v, out, normalize_phone);
}

/* --- times, numbers, truth --- */

int field_any_time(struct fields *f, const char *name, json_t *v, void *out)
{
    int64_t ms;

    if (!json_is_string(v))
        return reject(f->why, REJECT_BAD_TIME,
                      "%s%s must be text in RFC 3339 with an offset, not a number of seconds",
                      f->path, name);
    if (time_parse_rfc3339(string_of(v), &ms) < 0)
        return reject(f->why, REJECT_BAD_TIME,
                      "%s%s is no RFC 3339 time with an offset, like 2026-11-22T09:10:11+09:00",
                      f->path, name);
    if (ms < 0)
        return reject(f->why, REJECT_BAD_TIME, "%s%s is before 1970", f->path, name);
    *(int64_t *)out = ms;
    return 0;
}

int field_time(struct fields *f, const char *name, json_t *v, void *out)
{
    int64_t ms;
    int rc = field_any_time(f, name, v, &ms);
    if (rc < 0)
        return rc;
    if (ms > f->now && ms - f->now > f->lim->max_future_ms)
        return reject(f->why, REJECT_IN_FUTURE, "%s%s is more than %lld s in the future", f->path,
                      name, (long long)(f->lim->max_future_ms / MS_SECOND));
    *(int64_t *)out = ms;
    return 0;
}

int field_bool(struct fields *f, const char *name, json_t *v, void *out)
{
    if (!json_is_boolean(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be true or false", f->path, name);
    *(bool *)out = json_is_true(v);
    return 0;
}

int field_number(struct fields *f, const char *name, json_t *v, void *out)
{
    if (!json_is_number(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be a number", f->path, name);
    *(double *)out = json_number_value(v);
    return 0;
}

/* --- pairs --- */

/* Numbers and booleans as their JSON text, so that 12 here and "12" in a CSV column are the same.
 */
static int scalar_text(struct fields *f, const char *name, const char *key, json_t *v,
                       struct span *ret)
{
    struct buf b;
    int rc;

    if (json_is_string(v)) {
        *ret = string_of(v);
        return 0;
    }
    if (json_is_boolean(v)) {
        *ret = json_is_true(v) ? SPAN_LIT("true") : SPAN_LIT("false");
        return 0;
    }
    if (!json_is_number(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s.%.*s must be text, a number, true or false",
                      f->path, name, NAME_SHOWN, key);
    buf_init(&b, 64);
    if (json_is_integer(v))
        rc = buf_printf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else
        rc = buf_json_f64(&b, json_real_value(v));
    if (rc == 0) {
        *ret = arena_dup(f->a, buf_span(&b));
        rc = ret->p ? 0 : -ENOMEM;
    }
    buf_done(&b);
    return rc;
}

static int check_pair(struct fields *f, const char *name, const char *key, json_t *v,
                      struct field_pairs_kind kind, struct pair *ret)
{
    struct span k = span_str(key), value = SPAN_NONE;
    int rc;

    if (k.n == 0)
        return reject(f->why, REJECT_BAD_TYPE, "%s%s has a member without a name", f->path, name);
    rc = check_id(f, name, k);
    if (rc == 0 && kind.ids_only)
        rc = field_id(f, name, v, &value);
    else if (rc == 0 && !json_is_null(v))
        rc = scalar_text(f, name, key, v, &value);
    if (rc == 0)
        rc = check_text(f, name, value);
    if (rc < 0)
        return rc;
    *ret = (struct pair){k, value};
    return 0;
}

static int compare_pair(const void *a, const void *b)
{
    return span_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static int copy_pair(struct fields *f, struct pair *p)
{
    p->key = arena_dup(f->a, p->key);
    if (p->value.p)
        p->value = arena_dup(f->a, p->value);
    return p->key.p ? 0 : -ENOMEM;
}

static int fill_pairs(struct fields *f, const char *name, json_t *obj, struct field_pairs_kind kind,
                      struct pair *pairs, size_t *ret_n)
{
    size_t n = 0, bytes = 0;
    const char *key;
    json_t *v;
    int rc;

    json_object_foreach(obj, key, v)
    {
        if (json_is_null(v) && !kind.nulls)
            continue;
        rc = check_pair(f, name, key, v, kind, &pairs[n]);
        if (rc < 0)
            return rc;
        bytes += pairs[n].key.n + pairs[n].value.n;
        if (bytes > f->lim->max_attribute_bytes)
            return reject(f->why, REJECT_ATTRIBUTES_TOO_LONG, "%s%s is over %zu bytes in all",
                          f->path, name, f->lim->max_attribute_bytes);
        bool had_value = pairs[n].value.p != NULL;
        rc = copy_pair(f, &pairs[n]);
        if (rc < 0 || (had_value && !pairs[n].value.p))
            return -ENOMEM;
        n++;
    }
    *ret_n = n;
    return 0;
}

int field_pairs(struct fields *f, const char *name, json_t *v, struct field_pairs_kind kind,
                struct field_pairs *ret)
{
    size_t n = 0;
    struct pair *pairs;
    int rc;

    if (!json_is_object(v))
        return reject(f->why, REJECT_BAD_TYPE, "%s%s must be an object", f->path, name);
    if (json_object_size(v) > kind.max)
        return reject(f->why, kind.too_many, "%s%s has %zu members; at most %zu", f->path, name,
                      json_object_size(v), kind.max);
    pairs = arena_array(f->a, json_object_size(v), sizeof *pairs);
    if (!pairs)
        return -ENOMEM;
    rc = fill_pairs(f, name, v, kind, pairs, &n);
    if (rc < 0)
        return rc;
    qsort(pairs, n, sizeof *pairs, compare_pair);
    *ret = (struct field_pairs){n ? pairs : NULL, n};
    return 0;
}
