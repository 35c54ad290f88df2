#include "daemon/collect/body.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

/* A JSON body is one commit held in memory: four million items of two bytes each would take 300 MiB
 * of it. */
enum { COLUMNS_ARENA_MAX = 1 << 20, MAX_ELEMENTS = 100000 };

static int refuse(struct body_problem *p, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int refuse(struct body_problem *p, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    p->status = status;
    p->code = code;
    va_start(ap, fmt);
    vsnprintf(p->detail, sizeof p->detail, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* --- which form --- */

static const struct media {
    struct span type;
    enum body_form form;
    char delimiter;
} medias[] = {
    {SPAN_LIT("application/json"), FORM_JSON, 0},
    {SPAN_LIT("application/x-ndjson"), FORM_NDJSON, 0},
    {SPAN_LIT("application/ndjson"), FORM_NDJSON, 0},
    {SPAN_LIT("application/jsonl"), FORM_NDJSON, 0},
    {SPAN_LIT("application/x-jsonlines"), FORM_NDJSON, 0},
    {SPAN_LIT("text/csv"), FORM_SHEET, 0},
    {SPAN_LIT("text/tab-separated-values"), FORM_SHEET, '\t'},
};

static const struct media *find_media(struct span content_type)
{
    struct span type = span_trim(span_of(content_type.p, span_find_char(content_type, ';')));

    for (size_t i = 0; i < ARRAY_LEN(medias); i++)
        if (span_eq_nocase(type, medias[i].type))
            return &medias[i];
    return NULL;
}

static struct span charset_of(struct span content_type)
{
    size_t at = span_find_char(content_type, ';');

    while (at < content_type.n) {
        struct span rest = span_of(content_type.p + at + 1, content_type.n - at - 1);
        size_t next = span_find_char(rest, ';');
        struct span one = span_trim(span_of(rest.p, next));
        struct span name = SPAN_LIT("charset=");
        if (one.n > name.n && span_eq_nocase(span_of(one.p, name.n), name)) {
            one = span_of(one.p + name.n, one.n - name.n);
            if (one.n >= 2 && one.p[0] == '"' && one.p[one.n - 1] == '"')
                one = span_of(one.p + 1, one.n - 2);
            return one;
        }
        at += next + 1;
    }
    return SPAN_NONE;
}

/* --- spreadsheets --- */

static int civil_in_zone(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    return zone_from_civil(ctx, local, ret_ms);
}

static int open_sheet(struct body *b, const struct media *media, const struct body_options *opt,
                      struct body_problem *problem)
{
    struct span encoding = opt->encoding.p ? opt->encoding : charset_of(opt->content_type);
    struct span zone = opt->tz.p ? opt->tz : span_str(opt->zone);
    struct csv_options csv = {.delimiter = media->delimiter, .max_row = opt->max_line};
    int rc;

    if (encoding.n && csv_encoding_find(encoding, &csv.encoding) < 0)
        return refuse(problem, 415, "unsupported-encoding", "The encoding is utf-8 or cp949.");
    b->map = arena_dup(&b->arena, opt->map);
    if (opt->map.p && !b->map.p)
        return -ENOMEM;
    rc = zone_open(zone.p ? zone : SPAN_LIT("UTC"), &b->zone);
    if (rc == -EINVAL)
        return refuse(problem, 400, "unknown-zone", "tz is no zone of the IANA database.");
    if (rc == 0)
        rc = csv_new(&csv, &b->csv);
    b->date_zone = (struct date_zone){civil_in_zone, b->zone};
    return rc;
}

static int bind_columns(struct body *b, struct body_problem *problem)
{
    static const enum record_shape shapes[] = {SHAPE_FEEDBACK, SHAPE_CUSTOMER, SHAPE_ACTIVITY};
    char message[200];
    size_t n;
    const struct span *header = csv_header(b->csv, &n);
    enum record_shape shape = shapes[b->kind];
    int rc;

    if (b->map.p) {
        rc = columns_parse(b->map, shape, &b->arena, &b->columns, message, sizeof message);
        if (rc == 0)
            rc = columns_bind(&b->columns, header, n, message, sizeof message);
    } else {
        rc = columns_default(header, n, shape, &b->arena, &b->columns, message, sizeof message);
    }
    b->columns.zone = &b->date_zone;
    return rc == -EINVAL ? refuse(problem, 400, "bad-columns", "%s", message) : rc;
}

static int next_row(struct body *b, struct intake *in, const struct item_rules *rules,
                    struct body_problem *problem)
{
    struct row row;
    int rc = csv_next(b->csv, &row);

    if (rc == -EINVAL)
        return refuse(problem, 400, "malformed-csv", "%s", csv_message(b->csv));
    if (rc <= 0)
        return rc;
    b->csv_line = row.line;
    if (!b->columns.list)
        rc = bind_columns(b, problem);
    if (rc >= 0)
        rc = item_from_row(in, &row, &b->columns, rules);
    return rc < 0 ? rc : 1;
}

/* --- JSON and lines --- */

static int json_refusal(struct body_problem *out, const struct json_problem *p)
{
    return refuse(out, 400, "malformed-json", "The body is no JSON: %s, at line %zu, column %zu.",
                  p->what, p->line, p->column);
}

static int next_element(struct body *b, struct intake *in, const struct item_rules *rules,
                        struct body_problem *problem)
{
    struct json_problem p;
    json_t *v;
    int rc = 0;

    if (!b->ended)
        return 0;
    if (!b->begun)
        rc = json_items_begin(&b->items, buf_span(&b->json), &p);
    b->begun = true;
    if (rc == 0)
        rc = json_items_next(&b->items, &v, &p);
    if (rc == -EINVAL)
        return json_refusal(problem, &p);
    if (rc == 0)
        buf_done(&b->json);
    if (rc <= 0)
        return rc;
    if (b->items.n > MAX_ELEMENTS) {
        json_decref(v);
        return refuse(problem, 413, "too-many-items",
                      "A JSON body may have at most %d items; NDJSON is streamed.", MAX_ELEMENTS);
    }
    rc = item_from_json(in, v, rules);
    json_decref(v);
    return rc < 0 ? rc : 1;
}

static int next_line(struct body *b, struct intake *in, const struct item_rules *rules)
{
    struct span line;
    struct reject why;
    int rc = ndjson_next(&b->lines, &line);

    if (rc == -EMSGSIZE) {
        reject(&why, REJECT_LINE_TOO_LONG, "the line is over %zu bytes", b->lines.max_line);
        rc = intake_refuse(in, &why);
    } else if (rc <= 0) {
        return rc;
    } else {
        rc = item_from_line(in, line, rules);
    }
    return rc < 0 ? rc : 1;
}

/* --- the set of calls --- */

int body_open(struct body *b, enum intake_kind kind, const struct body_options *opt,
              struct body_problem *problem)
{
    const struct media *media = find_media(opt->content_type);
    int rc = 0;

    if (!media || (media->form == FORM_SHEET && !opt->sheets))
        return refuse(problem, 415, "unsupported-media-type", "Content-Type must be %s.",
                      opt->sheets ? "application/json, application/x-ndjson, text/csv or "
                                    "text/tab-separated-values"
                                  : "application/json or application/x-ndjson");
    *b = (struct body){.form = media->form, .kind = kind};
    buf_init(&b->json, opt->max_json);
    ndjson_init(&b->lines, opt->max_line);
    arena_init(&b->arena, COLUMNS_ARENA_MAX);
    if (b->form == FORM_SHEET)
        rc = open_sheet(b, media, opt, problem);
    if (rc < 0)
        body_close(b);
    return rc;
}

void body_close(struct body *b)
{
    buf_done(&b->json);
    ndjson_done(&b->lines);
    csv_free(b->csv);
    zone_close(b->zone);
    arena_done(&b->arena);
}

int body_feed(struct body *b, struct span chunk, struct body_problem *problem)
{
    int rc = 0;

    switch (b->form) {
    case FORM_JSON:
        if (buf_add(&b->json, chunk) == -EMSGSIZE)
            return refuse(problem, 413, "body-too-large",
                          "A JSON body may have at most %zu bytes; NDJSON is streamed.",
                          b->json.max);
        return b->json.error;
    case FORM_NDJSON:
        rc = ndjson_feed(&b->lines, chunk);
        break;
    case FORM_SHEET:
        rc = csv_feed(b->csv, chunk);
        break;
    }
    return rc == -ENOBUFS ? -ENOMEM : rc;
}

int body_keep(struct body *b)
{
    int rc = b->form == FORM_NDJSON ? ndjson_keep(&b->lines) : 0;
    return rc == -ENOBUFS ? -ENOMEM : rc;
}

void body_end(struct body *b)
{
    b->ended = true;
    b->json_bytes = b->json.n;
    ndjson_end(&b->lines);
    if (b->csv)
        csv_end(b->csv);
}

int body_next(struct body *b, struct intake *in, const struct item_rules *rules,
              struct body_problem *problem)
{
    switch (b->form) {
    case FORM_JSON:
        return next_element(b, in, rules, problem);
    case FORM_NDJSON:
        return next_line(b, in, rules);
    case FORM_SHEET:
        return next_row(b, in, rules, problem);
    }
    return 0;
}

uint64_t body_line(const struct body *b)
{
    switch (b->form) {
    case FORM_NDJSON:
        return b->lines.number;
    case FORM_SHEET:
        return b->csv_line;
    default:
        return 0;
    }
}
