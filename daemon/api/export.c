#include "daemon/api/export.h"

#include <jansson.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/api/cursor.h"
#include "daemon/api/show.h"
#include "daemon/core/zone.h"
#include "daemon/format/csv_out.h"

enum { PAGE = 500, ROW_MAX = 8 << 20, SECOND_TEXT = 19 };

bool export_asked(struct query *q, bool *ret_csv)
{
    struct span given = http_query(q->r, "format");
    *ret_csv = span_is(given, "csv");
    if (!given.p || *ret_csv || span_is(given, "json"))
        return true;
    query_problem(q, 400, "bad-parameter", "format: json or csv");
    return false;
}

static void put_date(struct query *q, struct buf *b, int64_t ms)
{
    struct civil c;
    civil_from_ms(ms + zone_offset(q->zone, ms), &c);
    buf_printf(b, "_%04d-%02d-%02d", c.year, c.month, c.day);
}

void export_as_file(struct query *q, const char *name, int64_t from, int64_t to)
{
    struct buf b;
    buf_init(&b, 256);
    buf_printf(&b, "attachment; filename=\"%s", name);
    if (from != NO_TIME)
        put_date(q, &b, from);
    if (to != INT64_MAX)
        put_date(q, &b, to - 1);
    else if (from == NO_TIME)
        put_date(q, &b, q->now);
    buf_str(&b, ".csv\"");
    q->content_type = "text/csv; charset=utf-8; header=present";
    q->location = arena_dup(&q->arena, buf_span(&b));
    buf_done(&b);
}

/* --- records --- */

enum form { AS_IT_IS, AS_TIME, AS_TURNS };

static const struct column {
    const char *name, *path; /* of what show_feedback() writes */
    enum form form;
} columns[] = {
    {"id", "id", AS_IT_IS},
    {"source", "source", AS_IT_IS},
    {"external_id", "external_id", AS_IT_IS},
    {"conversation", "conversation", AS_IT_IS},
    {"kind", "kind", AS_IT_IS},
    {"channel", "channel", AS_IT_IS},
    {"status", "status", AS_IT_IS},
    {"created_at", "created_at", AS_TIME},
    {"customer_id", "customer.id", AS_IT_IS},
    {"customer_name", "customer.name", AS_IT_IS},
    {"customer_email", "customer.email", AS_IT_IS},
    {"customer_phone", "customer.phone", AS_IT_IS},
    {"segments", "segments", AS_IT_IS},
    {"title", "title", AS_IT_IS},
    {"text", "text", AS_IT_IS},
    {"turns", "turns", AS_TURNS},
    {"sentiment", "analysis.sentiment.label", AS_IT_IS},
    {"polarity", "analysis.sentiment.polarity", AS_IT_IS},
    {"confidence", "analysis.sentiment.confidence", AS_IT_IS},
    {"categories", "analysis.categories", AS_IT_IS},
    {"type", "analysis.type", AS_IT_IS},
    {"signals", "analysis.signals", AS_IT_IS},
    {"rating", "rating.value", AS_IT_IS},
    {"rating_scale", "rating.scale", AS_IT_IS},
    {"csat", "answers.csat.value", AS_IT_IS},
    {"csat_scale", "answers.csat.scale", AS_IT_IS},
    {"nps", "answers.nps.value", AS_IT_IS},
    {"ces", "answers.ces.value", AS_IT_IS},
    {"ces_scale", "answers.ces.scale", AS_IT_IS},
    {"surveyed", "surveyed", AS_IT_IS},
    {"agent", "agent", AS_IT_IS},
    {"team", "team", AS_IT_IS},
    {"vendor", "vendor", AS_IT_IS},
    {"product", "product", AS_IT_IS},
    {"order", "order", AS_IT_IS},
    {"stage", "stage", AS_IT_IS},
    {"tags", "tags", AS_IT_IS},
    {"url", "url", AS_IT_IS},
    {"attributes", "attributes", AS_IT_IS},
    {"experiments", "experiments", AS_IT_IS},
    {"updated_at", "updated_at", AS_TIME},
    {"received_at", "received_at", AS_TIME},
    {"revision", "revision", AS_IT_IS},
};

struct rows {
    struct query *q;
    struct csv_out csv;
    struct arena arena; /* of one page of records */
    struct arena shown; /* of one row's masking */
    struct buf text;    /* one row as JSON */
    size_t n;
    struct store_cursor last; /* the row written last */
};

/* What a spreadsheet reads as a time: local, without the T and the offset; tz says whose. */
static void put_time(struct csv_out *csv, const json_t *v)
{
    char text[SECOND_TEXT + 1];
    if (json_string_length(v) < SECOND_TEXT) {
        csv_out_text(csv, SPAN_NONE);
        return;
    }
    memcpy(text, json_string_value(v), SECOND_TEXT);
    text[10] = ' ';
    csv_out_text(csv, span_of(text, SECOND_TEXT));
}

static void put_turns(struct csv_out *csv, const json_t *turns)
{
    struct buf text;
    buf_init(&text, ROW_MAX);
    for (size_t i = 0; i < json_array_size(turns); i++) {
        const json_t *turn = json_array_get(turns, i), *said = json_object_get(turn, "text");
        buf_printf(&text, "%s%s: ", i ? "\n" : "", json_string_value(json_object_get(turn, "by")));
        buf_append(&text, json_string_value(said), json_string_length(said));
    }
    csv_out_text(csv, buf_span(&text));
    buf_done(&text);
}

static void put_cells(struct rows *r, const json_t *record)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        const json_t *v = csv_out_member(record, columns[i].path);
        if (columns[i].form == AS_TIME)
            put_time(&r->csv, v);
        else if (columns[i].form == AS_TURNS)
            put_turns(&r->csv, v);
        else
            csv_out_json(&r->csv, v);
    }
    csv_out_text(&r->csv, r->q->timezone);
    csv_out_row_end(&r->csv);
}

/* Through the one writer of a person's data, so that a file shows what a list shows. */
static int put_row(void *ctx, const struct stored *s)
{
    struct rows *r = ctx;
    struct json_out json = json_out_to(&r->text);
    struct show show = query_show(r->q);
    show.json = &json;
    show.arena = &r->shown;
    buf_reset(&r->text);
    arena_reset(&r->shown);
    show_feedback(&show, s, NULL);
    if (buf_error(&r->text))
        return buf_error(&r->text);
    if (r->n > 0 && r->q->out.n + r->text.n > EXPORT_MAX_BYTES)
        return 1;
    json_t *record = json_loadb(r->text.p, r->text.n, 0, NULL);
    if (!record)
        return -ENOMEM;
    query_whose_record(r->q, s);
    put_cells(r, record);
    json_decref(record);
    r->n++;
    r->last = (struct store_cursor){s->feedback.created_at, s->seq};
    return buf_error(&r->q->out);
}

static void put_header(struct rows *r)
{
    r->csv = csv_out_begin(&r->q->out);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        csv_out_text(&r->csv, span_str(columns[i].name));
    csv_out_text(&r->csv, SPAN_LIT("tz"));
    csv_out_row_end(&r->csv);
}

/* 0, with *ret_more and lq->after when there is more than the file has room or time for. */
static int put_pages(struct rows *r, struct store_list_query *lq, size_t limit, bool *ret_more)
{
    bool more = true;
    int rc = 0;
    while (rc == 0 && more && r->n < limit) {
        struct store_cursor next = lq->after;
        lq->limit = limit - r->n < PAGE ? limit - r->n : PAGE;
        arena_reset(&r->arena);
        rc = store_list(r->q->view, lq, &r->arena, put_row, r, &next, &more);
        if (rc == 0)
            lq->after = next;
    }
    if (rc == 1 || (rc == -VOC_E_BUDGET && r->n > 0)) { /* as far as it came */
        lq->after = r->last;
        more = true;
        rc = 0;
    }
    *ret_more = more;
    return rc;
}

void export_feedback(struct query *q, struct store_list_query *lq)
{
    struct rows r = {.q = q};
    size_t limit = lq->limit;
    bool more = false;
    arena_init(&r.arena, QUERY_ARENA_MAX);
    arena_init(&r.shown, QUERY_ARENA_MAX);
    buf_init(&r.text, ROW_MAX);
    put_header(&r);
    int rc = put_pages(&r, lq, limit, &more);
    buf_done(&r.text);
    arena_done(&r.shown);
    arena_done(&r.arena);
    if (query_check(q, rc) < 0)
        return;
    q->action = "feedback.export";
    export_as_file(q, "feedback", lq->from, lq->to);
    if (more)
        q->next_cursor = cursor_print(lq->after, &q->arena);
}
