#include "daemon/format/csv_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/utf8.h"

enum { CELL_MAX = 16 << 20 };

struct csv_out csv_out_begin(struct buf *b)
{
    buf_str(b, "\xef\xbb\xbf");
    return (struct csv_out){b, false};
}

void csv_out_row_end(struct csv_out *o)
{
    buf_str(o->b, "\r\n");
    o->comma = false;
}

static void next_cell(struct csv_out *o)
{
    if (o->comma)
        buf_char(o->b, ',');
    o->comma = true;
}

/* --- texts --- */

static bool is_sign(uint32_t cp)
{
    if (cp >= 0xff01 && cp <= 0xff5e) /* full-width forms of ASCII */
        cp -= 0xfee0;
    return cp == '=' || cp == '+' || cp == '-' || cp == '@';
}

/* What one program or another leaves out before it looks at a cell: controls, spaces of any width,
 * none and the marks of direction among them. */
static bool is_blank(uint32_t cp)
{
    return cp <= 0x20 || (cp >= 0x7f && cp <= 0xa0) || cp == 0xad || cp == 0x61c || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202f) ||
           (cp >= 0x205f && cp <= 0x206f) || cp == 0x3000 || cp == 0xfeff;
}

static bool needs_guard(struct span s)
{
    double number;
    uint32_t cp;
    size_t i = 0;
    if (s.n > 0 && (s.p[0] == '\t' || s.p[0] == '\r' || s.p[0] == '\n'))
        return true;
    for (unsigned n; i < s.n && (n = utf8_decode(s.p + i, s.n - i, &cp)) > 0 && is_blank(cp);)
        i += n;
    return i < s.n && utf8_decode(s.p + i, s.n - i, &cp) > 0 && is_sign(cp) &&
           !(cp == '-' && i == 0 && span_to_f64(s, &number) == 0);
}

void csv_out_text(struct csv_out *o, struct span s)
{
    next_cell(o);
    if (s.n == 0)
        return;
    buf_str(o->b, needs_guard(s) ? "\"'" : "\"");
    for (size_t at = 0; at < s.n;) {
        struct span rest = span_of(s.p + at, s.n - at);
        size_t n = span_find_char(rest, '"');
        buf_append(o->b, rest.p, n);
        if (n < rest.n)
            buf_str(o->b, "\"\"");
        at += n + 1;
    }
    buf_char(o->b, '"');
}

void csv_out_int(struct csv_out *o, int64_t v)
{
    next_cell(o);
    buf_printf(o->b, "%" PRId64, v);
}

void csv_out_number(struct csv_out *o, double v)
{
    next_cell(o);
    if (!isnan(v))
        buf_json_f64(o->b, v);
}

/* --- documents --- */

static void value_text(struct buf *b, const json_t *v);

static void list_text(struct buf *b, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *code = json_object_get(item, "code");
        if (i)
            buf_str(b, "; ");
        value_text(b, code ? code : item);
    }
}

static void object_text(struct buf *b, const json_t *object)
{
    const char *key;
    json_t *item, *o = (json_t *)object; /* iterating changes nothing */
    bool more = false;
    json_object_foreach(o, key, item)
    {
        buf_printf(b, "%s%s=", more ? "; " : "", key);
        value_text(b, item);
        more = true;
    }
}

static void value_text(struct buf *b, const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        buf_append(b, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        buf_json_f64(b, json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_str(b, json_is_true(v) ? "true" : "false");
        break;
    case JSON_ARRAY:
        list_text(b, v);
        break;
    case JSON_OBJECT:
        object_text(b, v);
        break;
    default:
        break;
    }
}

void csv_out_json(struct csv_out *o, const json_t *v)
{
    struct buf text;
    buf_init(&text, CELL_MAX);
    value_text(&text, v);
    if (buf_error(&text)) /* a cell cut short would be a lie */
        o->b->error = buf_error(&text);
    else if (json_is_number(v) || json_is_boolean(v)) {
        next_cell(o);
        buf_add(o->b, buf_span(&text));
    } else {
        csv_out_text(o, buf_span(&text));
    }
    buf_done(&text);
}

const json_t *csv_out_member(const json_t *object, const char *path)
{
    char step[64];
    while (object && *path) {
        size_t n = strcspn(path, ".");
        snprintf(step, sizeof step, "%.*s", (int)n, path);
        object = json_object_get(object, step);
        path += n + (path[n] == '.');
    }
    return object;
}
