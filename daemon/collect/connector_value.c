#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/connector_impl.h"
#include "daemon/core/map_read.h"
#include "daemon/format/jsonpath.h"

enum { WHY = 320 };

void read_problem(struct reading *r, const struct yaml_node *n, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    yaml_problem(r->problems, r->source, n->at, "%s%s%s", n->key ? n->key->text.p : "",
                 n->key ? ": " : "", text);
}

size_t read_count(const struct yaml_node *n)
{
    size_t k = 0;
    for (const struct yaml_node *e = n->first; e; e = e->next)
        k++;
    return k;
}

bool read_is_list(struct reading *r, const struct yaml_node *n, size_t max)
{
    if (n->type == YAML_LIST && n->first && read_count(n) <= max)
        return true;
    read_problem(r, n, "expected a list of at most %zu", max);
    return false;
}

/* --- sections --- */

static void tell_unknown(struct reading *r, const struct yaml_node *key, const struct key *keys,
                         size_t n)
{
    char names[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < n && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", keys[i].name);
    yaml_problem(r->problems, r->source, key->at, "unknown key \"%.*s\"; there are %s",
                 SPAN_FMT(key->text), names);
}

static size_t find_key(const struct key *keys, size_t n, struct span name)
{
    size_t i = 0;
    while (i < n && !span_is(name, keys[i].name))
        i++;
    return i;
}

int read_keys(struct reading *r, const struct yaml_node *n, const struct key *keys, size_t n_keys,
              void *base)
{
    uint32_t given = 0;
    int rc = 0;
    if (n->type != YAML_MAP) {
        read_problem(r, n, "expected a section of keys, found %s", yaml_describe(n));
        return 0;
    }
    for (const struct yaml_node *m = n->first; m && rc == 0; m = m->next) {
        size_t i = find_key(keys, n_keys, m->key->text);
        if (i == n_keys)
            tell_unknown(r, m->key, keys, n_keys);
        else if (given & 1U << i)
            yaml_problem(r->problems, r->source, m->key->at, "%s is given twice", keys[i].name);
        else
            rc = keys[i].read(r, m, (char *)base + keys[i].offset);
        given |= i < n_keys ? 1U << i : 0;
    }
    for (size_t i = 0; i < n_keys; i++)
        if (keys[i].required && !(given & 1U << i))
            read_problem(r, n, "%s is missing here", keys[i].name);
    return rc;
}

int read_word(struct reading *r, const struct yaml_node *n, const char *const *words)
{
    char names[200] = "";
    size_t at = 0;
    for (int i = 0; words[i]; i++)
        if (n->type == YAML_SCALAR && span_is(n->text, words[i]))
            return i;
    for (int i = 0; words[i] && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", words[i]);
    read_problem(r, n, "expected one of %s", names);
    return -1;
}

/* --- values --- */

static bool is_scalar(struct reading *r, const struct yaml_node *n, const char *expected)
{
    if (n->type == YAML_SCALAR && !yaml_is_null(n) && n->text.n > 0)
        return true;
    read_problem(r, n, "expected %s, found %s", expected, yaml_describe(n));
    return false;
}

static int keep(struct reading *r, struct span text, struct span *out)
{
    *out = arena_dup(r->arena, text);
    return out->p ? 0 : -ENOMEM;
}

int read_text(struct reading *r, const struct yaml_node *n, void *out)
{
    return is_scalar(r, n, "text") ? keep(r, n->text, out) : 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

int read_name(struct reading *r, const struct yaml_node *n, void *out)
{
    bool ok = is_scalar(r, n, "a name") && n->text.n <= 63;
    for (size_t i = 0; ok && i < n->text.n; i++)
        ok = is_name_char(n->text.p[i]);
    if (ok)
        return keep(r, n->text, out);
    if (n->type == YAML_SCALAR && n->text.n > 0)
        read_problem(r, n, "expected a name of letters, digits, . _ and -, at most 63");
    return 0;
}

int read_header(struct reading *r, const struct yaml_node *n, void *out)
{
    int rc = read_name(r, n, out);
    struct span *s = out;
    for (size_t i = 0; i < s->n; i++)
        if (s->p[i] >= 'A' && s->p[i] <= 'Z')
            ((char *)s->p)[i] = (char)(s->p[i] + 32); /* our own copy */
    return rc;
}

int read_any_path(struct reading *r, const struct yaml_node *n, void *out)
{
    size_t column;
    if (!is_scalar(r, n, "a path that begins with $"))
        return 0;
    if (jsonpath_check(n->text, &column) == 0)
        return keep(r, n->text, out);
    read_problem(r, n, "the path goes wrong at its column %zu", column);
    return 0;
}

int read_path(struct reading *r, const struct yaml_node *n, void *out)
{
    if (n->type == YAML_SCALAR && jsonpath_is_list(n->text)) {
        read_problem(r, n, "the path may find one value only, so no [*]");
        return 0;
    }
    return read_any_path(r, n, out);
}

int read_flag(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"false", "true", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(bool *)out = i == 1;
    return 0;
}

int read_number(struct reading *r, const struct yaml_node *n, void *out)
{
    int64_t v;
    if (n->type == YAML_SCALAR && span_to_i64(n->text, &v) == 0 && v >= 0 && v <= 1000000)
        *(int64_t *)out = v;
    else
        read_problem(r, n, "expected a whole number from 0 to 1000000");
    return 0;
}

int read_duration(struct reading *r, const struct yaml_node *n, void *out)
{
    int64_t v;
    if (n->type == YAML_SCALAR && span_is(n->text, "0"))
        *(int64_t *)out = 0;
    else if (n->type == YAML_SCALAR && time_parse_duration(n->text, &v) == 0 && v <= 366 * MS_DAY)
        *(int64_t *)out = v;
    else
        read_problem(r, n, "expected a duration like 90s, 15m, 6h or 30d");
    return 0;
}

int read_zone_form(struct reading *r, const struct yaml_node *n, void *out)
{
    struct map_reading reading = {r->source, r->arena, r->problems, SHAPE_FEEDBACK};
    struct map_entry m = {0};
    struct cursor *c = out;
    int rc = map_read_time(&reading, n, &m);
    c->form = m.time;
    c->zone = m.zone;
    return rc;
}

/* --- templates --- */

int read_need(struct reading *r, enum template_scope scope, struct span name, struct span preset)
{
    for (size_t i = 0; i < r->n_needs; i++)
        if (r->needs[i].scope == scope && span_eq(r->needs[i].name, name))
            return 0;
    if (r->n_needs == MAX_NEEDS)
        return -ENOMEM;
    r->needs[r->n_needs++] = (struct need){scope, name, preset};
    return 0;
}

int read_template(struct reading *r, const struct yaml_node *n, void *out)
{
    char why[WHY];
    struct template *t = out;
    if (!is_scalar(r, n, "text"))
        return 0;
    int rc = template_read(n->text, r->scopes, r->arena, t, why, sizeof why);
    if (rc == -EINVAL)
        read_problem(r, n, "%s", why);
    for (size_t i = 0; rc == 0 && i < t->n; i++)
        if (t->pieces[i].hole && t->pieces[i].scope <= SCOPE_SECRET)
            rc = read_need(r, t->pieces[i].scope, t->pieces[i].text, SPAN_NONE);
    return rc == -EINVAL ? 0 : rc;
}

int read_list(struct reading *r, const struct yaml_node *n, void *out)
{
    struct fields_list *list = out;
    size_t want = read_count(n), got = 0;
    int rc = 0;
    if (n->type != YAML_MAP || want > MAX_FIELDS) {
        read_problem(r, n, "expected a section of name: value, at most %d", MAX_FIELDS);
        return 0;
    }
    struct field *p = arena_array(r->arena, want ? want : 1, sizeof *p);
    if (!p)
        return -ENOMEM;
    for (const struct yaml_node *m = n->first; m && rc == 0; m = m->next) {
        rc = keep(r, m->key->text, &p[got].name);
        if (rc == 0)
            rc = read_template(r, m, &p[got++].value);
    }
    *list = (struct fields_list){p, got};
    return rc;
}

static bool is_literal(const struct yaml_node *n)
{
    double number;
    if (n->quoted)
        return false;
    return yaml_is_null(n) || span_is(n->text, "true") || span_is(n->text, "false") ||
           span_to_f64(n->text, &number) == 0;
}

static int read_body_node(struct reading *r, const struct yaml_node *n, struct body_node **ret)
{
    struct body_node *b = arena_zalloc(r->arena, sizeof *b);
    int rc = b ? 0 : -ENOMEM;
    if (rc == 0 && r->body_nodes++ == MAX_BODY_NODES) {
        read_problem(r, n, "more than %d values in a body", MAX_BODY_NODES);
        return 0;
    }
    if (rc == 0 && n->key)
        rc = keep(r, n->key->text, &b->key);
    if (rc < 0)
        return rc;
    *ret = b;
    b->type = n->type == YAML_MAP ? BODY_OBJECT : n->type == YAML_LIST ? BODY_LIST : BODY_VALUE;
    if (b->type == BODY_VALUE) {
        b->is_literal = is_literal(n);
        struct span literal = yaml_is_null(n) ? SPAN_LIT("null") : n->text;
        return b->is_literal ? keep(r, literal, &b->literal) : read_template(r, n, &b->value);
    }
    struct body_node **tail = &b->first;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        rc = read_body_node(r, e, tail);
        tail = *tail ? &(*tail)->next : tail;
    }
    return rc;
}

int read_body(struct reading *r, const struct yaml_node *n, void *out)
{
    struct body_node *b = NULL;
    if (n->type != YAML_MAP && n->type != YAML_LIST) {
        read_problem(r, n, "expected a section, found %s", yaml_describe(n));
        return 0;
    }
    int rc = read_body_node(r, n, &b);
    if (rc == 0 && b)
        b->key = SPAN_NONE;
    *(const struct body_node **)out = b;
    return rc;
}

int read_expr(struct reading *r, const struct yaml_node *n, void *out)
{
    struct expr *e = NULL;
    size_t column;
    const char *why;
    if (!is_scalar(r, n, "a condition"))
        return 0;
    int rc = expr_read(n->text, r->arena, &e, &column, &why);
    if (rc == -EINVAL)
        read_problem(r, n, "the condition goes wrong at its column %zu: %s", column, why);
    *(const struct expr **)out = e;
    return rc == -EINVAL ? 0 : rc;
}
