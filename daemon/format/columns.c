#include "daemon/format/columns.h"

#include <stdio.h>

#include "base/err.h"

/* --- the --map text --- */

/* Up to the next unescaped comma; backslashes are taken out. */
static struct span next_entry(struct arena *a, struct span *spec, size_t *ret_slash)
{
    char *out = arena_alloc(a, spec->n + 1);
    size_t n = 0, i = 0;

    *ret_slash = SIZE_MAX;
    for (; out && i < spec->n && spec->p[i] != ','; i++) {
        if (spec->p[i] == '\\' && i + 1 < spec->n)
            i++;
        else if (spec->p[i] == '/')
            *ret_slash = n;
        out[n++] = spec->p[i];
    }
    i += i < spec->n;
    *spec = span_of(spec->p + i, spec->n - i);
    return span_of(out, n);
}

static int bad_entry(char *message, size_t size, const char *what, struct span entry)
{
    snprintf(message, size, "%s: %.*s", what, SPAN_FMT(entry));
    return -EINVAL;
}

static int parse_entry(struct span entry, size_t slash, enum record_shape shape, struct column *ret,
                       char *message, size_t size)
{
    size_t eq = span_find_char(entry, '=');
    struct column col = {.target = span_trim(span_of(entry.p, eq))};
    struct span right;
    int class = target_find(shape, col.target);

    if (eq == entry.n)
        return bad_entry(message, size, "not target=column", entry);
    if (class < 0)
        return bad_entry(message, size, "no field of this name", col.target);
    col.class = (enum target_class) class;
    right = span_of(entry.p + eq + 1, entry.n - eq - 1);
    if (slash != SIZE_MAX && slash > eq && col.class == TARGET_SCORE) {
        struct span scale = span_of(entry.p + slash + 1, entry.n - slash - 1);
        if (span_to_f64(span_trim(scale), &col.scale) < 0 || !(col.scale > 0))
            return bad_entry(message, size, "no scale after /", entry);
        right.n = slash - eq - 1;
    }
    if (right.n && right.p[0] == '=')
        col.value = span_of(right.p + 1, right.n - 1);
    else
        col.name = span_trim(right);
    if (!col.value.p && !col.name.n)
        return bad_entry(message, size, "no column after =", entry);
    *ret = col;
    return 0;
}

int columns_parse(struct span spec, enum record_shape shape, struct arena *a, struct columns *ret,
                  char *message, size_t size)
{
    struct columns c = {.shape = shape};

    c.list = arena_array(a, COLUMNS_MAX, sizeof *c.list);
    if (!c.list)
        return -ENOMEM;
    while (spec.n) {
        size_t slash;
        struct span entry = next_entry(a, &spec, &slash);
        if (!entry.p)
            return -ENOMEM;
        if (c.n == COLUMNS_MAX)
            return bad_entry(message, size, "too many entries", entry);
        int rc = parse_entry(entry, slash, shape, &c.list[c.n], message, size);
        if (rc < 0)
            return rc;
        c.n++;
    }
    *ret = c;
    return 0;
}

/* --- the header --- */

int columns_bind(struct columns *c, const struct span *header, size_t n, char *message, size_t size)
{
    for (size_t i = 0; i < c->n; i++) {
        struct column *col = &c->list[i];
        if (!col->name.p)
            continue;
        col->index = 0;
        while (col->index < n && !span_eq(header[col->index], col->name))
            col->index++;
        if (col->index == n)
            return bad_entry(message, size, "the header has no column", col->name);
    }
    return 0;
}

int columns_default(const struct span *header, size_t n, enum record_shape shape, struct arena *a,
                    struct columns *ret, char *message, size_t size)
{
    struct columns c = {.shape = shape};

    c.list = arena_array(a, n, sizeof *c.list);
    if (!c.list)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct span name = header[i];
        int class = target_find(shape, name);
        if (!name.n)
            continue; /* spreadsheets leave nameless columns behind */
        if (class < 0 && shape != SHAPE_CUSTOMER)
            return bad_entry(message, size, "no field of this name", name);
        if (class < 0) {
            name = arena_printf(a, "attributes.%.*s", SPAN_FMT(name));
            class = TARGET_SCALAR;
        }
        if (!name.p)
            return -ENOMEM;
        c.list[c.n++] = (struct column){
            .target = name, .name = header[i], .class = (enum target_class) class, .index = i};
    }
    *ret = c;
    return 0;
}

/* --- rows --- */

static int cell_value(const struct columns *c, const struct column *col, struct span text,
                      json_t **ret, struct reject *why)
{
    char time[TIME_RFC3339_MAX];
    int64_t ms;

    if (col->class == TARGET_TIME && col->name.p) {
        if (date_parse(text, c->zone, c->order, &ms) < 0)
            return reject(why, REJECT_BAD_TIME, "%.*s is no date that can be read",
                          SPAN_FMT(col->target));
        text = span_of(time, time_format_rfc3339(ms, 0, time));
    }
    *ret = target_value(col->class, text, col->scale);
    if (*ret)
        return 0;
    return reject(why, REJECT_BAD_TYPE, "%.*s does not fit its field", SPAN_FMT(col->target));
}

static int set_cell(const struct columns *c, const struct column *col, struct span text,
                    json_t *record, struct reject *why)
{
    json_t *v;
    int rc;

    if (span_trim(text).n == 0)
        return 0;
    rc = cell_value(c, col, text, &v, why);
    if (rc == 0)
        rc = target_set(record, col->target, v);
    if (rc == -EINVAL && !why->code)
        return reject(why, REJECT_BAD_TYPE, "%.*s is set twice", SPAN_FMT(col->target));
    return rc;
}

int columns_record(const struct columns *c, const struct span *cells, size_t n, json_t **ret,
                   struct reject *why)
{
    json_t *record = json_object();
    int rc = record ? 0 : -ENOMEM;

    why->code = NULL;
    for (size_t i = 0; i < c->n && rc == 0; i++) {
        const struct column *col = &c->list[i];
        if (col->name.p && col->index >= n)
            rc = reject(why, REJECT_MISSING_COLUMN, "the row lacks the column of %.*s",
                        SPAN_FMT(col->target));
        else
            rc = set_cell(c, col, col->name.p ? cells[col->index] : col->value, record, why);
    }
    if (rc < 0) {
        json_decref(record);
        return rc;
    }
    *ret = record;
    return 0;
}
