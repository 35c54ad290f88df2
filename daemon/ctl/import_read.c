#include "daemon/ctl/import_read.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/format/conversation.h"
#include "daemon/format/csv.h"
#include "daemon/format/json_text.h"
#include "daemon/format/ndjson.h"
#include "daemon/format/xlsx.h"

enum { CHUNK = 64 << 10, MAX_LINE = 8 << 20, MESSAGES_MAX = 1 << 20 };

struct import_reader {
    const struct import_options *options;
    struct import_plan *plan; /* NULL: none yet; of --map or the header's names, one per file */
    bool own_plan;            /* from the mapping file: for all files */
    struct zone *zone;
    struct date_zone dates;
    struct arena arena; /* of --map's columns, and of a transcript */
    struct conversation_rules rules;
    struct conversation_set *talks;
    bool giving; /* the file was read, its conversations are given */

    const char *name;
    FILE *file;
    uint64_t read, size;
    bool ended, bound;
    enum import_format format;
    struct csv *csv;
    struct xlsx *xlsx;
    struct ndjson lines;
    struct buf whole; /* a workbook or a transcript */
    char chunk[CHUNK];
};

static int complain(const struct import_reader *r, int rc, const char *what)
{
    fprintf(stderr, "vocctl: %s: %s\n", r->name, what);
    return rc == -EINVAL ? -EPROTO : rc; /* -EINVAL is of one record */
}

/* --- the plan --- */

static int civil_to_utc(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    return zone_from_civil(ctx, local, ret_ms);
}

static int load_plan(struct import_reader *r)
{
    struct buf messages;
    buf_init(&messages, MESSAGES_MAX);
    int rc = import_plan_load(r->options->map_file, &messages, &r->plan);
    if (rc < 0)
        fputs(messages.n ? messages.p : "vocctl: no memory\n", stderr);
    buf_done(&messages);
    return rc;
}

static int open_zone(struct import_reader *r)
{
    struct span name = span_str(r->options->tz ? r->options->tz : "Asia/Seoul");
    if (!r->options->tz && r->plan && r->plan->timezone.p)
        name = r->plan->timezone;
    if (zone_open(name, &r->zone) < 0) {
        fputs("vocctl: --tz takes a time zone like Asia/Seoul\n", stderr);
        return -EINVAL;
    }
    r->dates = (struct date_zone){civil_to_utc, r->zone};
    return 0;
}

static int set_rules(struct import_reader *r)
{
    struct import_plan *p = r->plan;
    if (r->options->month_first)
        p->order = DATE_MONTH_FIRST;
    import_plan_dates(p, &r->dates);
    r->rules = (struct conversation_rules){p->map,       p->n_map,        p->turns,  p->n_turns,
                                           &p->speakers, p->each_speaker, &r->dates, p->order};
    if (r->talks)
        return 0; /* it borrows the rules */
    return conversation_new(&r->rules, &r->talks);
}

int import_reader_new(const struct import_options *o, struct import_reader **ret)
{
    struct import_reader *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->options = o;
    r->name = o->map_file;
    arena_init(&r->arena, 64 << 20);
    buf_init(&r->whole, XLSX_MAX_FILE);
    ndjson_init(&r->lines, MAX_LINE);
    int rc = o->map_file ? load_plan(r) : 0;
    r->own_plan = o->map_file != NULL;
    if (rc == 0)
        rc = open_zone(r);
    if (rc == 0 && r->plan)
        rc = set_rules(r);
    if (rc < 0)
        import_reader_free(r);
    else
        *ret = r;
    return rc;
}

static void close_file(struct import_reader *r)
{
    if (r->file && r->file != stdin)
        fclose(r->file);
    r->file = NULL;
    csv_free(r->csv);
    r->csv = NULL;
    xlsx_close(r->xlsx);
    r->xlsx = NULL;
    ndjson_done(&r->lines);
    ndjson_init(&r->lines, MAX_LINE);
    buf_reset(&r->whole);
    if (!r->own_plan) {
        import_plan_free(r->plan);
        r->plan = NULL;
    }
    r->ended = r->bound = r->giving = false;
    r->read = r->size = 0;
}

void import_reader_free(struct import_reader *r)
{
    if (!r)
        return;
    close_file(r);
    conversation_free(r->talks);
    import_plan_free(r->plan);
    zone_close(r->zone);
    ndjson_done(&r->lines);
    buf_done(&r->whole);
    arena_done(&r->arena);
    free(r);
}

enum record_shape import_reader_shape(const struct import_reader *r)
{
    return r->own_plan ? r->plan->shape : r->options->shape;
}

/* --- opening --- */

static struct span told(const char *option, struct span planned)
{
    return option ? span_str(option) : planned;
}

/* What is left of the file, at most `max`. */
static int read_whole(struct import_reader *r, size_t max)
{
    size_t n = 1;
    while (n > 0 && r->whole.n <= max) {
        char *to = buf_reserve(&r->whole, CHUNK);
        if (!to)
            return complain(r, -EFBIG, "it is too large");
        n = fread(to, 1, CHUNK, r->file);
        r->whole.n += n;
    }
    r->read += r->whole.n;
    if (ferror(r->file))
        return complain(r, -EIO, "it can not be read");
    return r->whole.n > max ? complain(r, -EFBIG, "it is too large") : 0;
}

static int open_workbook(struct import_reader *r)
{
    struct xlsx_options opt = {.sheet = told(r->options->sheet, SPAN_NONE)};
    char message[XLSX_MAX_MESSAGE];
    if (r->plan) {
        opt.sheet = told(r->options->sheet, r->plan->sheet);
        opt.header_first = (unsigned)r->plan->header_first;
        opt.header_last = (unsigned)r->plan->header_last;
    }
    int rc = read_whole(r, XLSX_MAX_FILE);
    if (rc < 0)
        return rc;
    rc = xlsx_open(buf_span(&r->whole), &opt, &r->xlsx, message);
    if (rc < 0)
        return complain(r, rc, rc == -EINVAL ? message : err_text(rc));
    if (!opt.sheet.p && xlsx_other_sheets(r->xlsx))
        fprintf(stderr, "vocctl: %s: of its %zu sheets \"%.*s\" is read; --sheet names another\n",
                r->name, xlsx_other_sheets(r->xlsx) + 1, SPAN_FMT(xlsx_sheet(r->xlsx)));
    return 0;
}

static struct span encoding_of(const struct import_reader *r)
{
    return told(r->options->encoding, r->plan ? r->plan->encoding : SPAN_NONE);
}

static int open_csv(struct import_reader *r)
{
    struct csv_options opt = {.delimiter = r->format == IMPORT_TSV ? '\t' : '\0'};
    struct span encoding = encoding_of(r);
    if (encoding.p && csv_encoding_find(encoding, &opt.encoding) < 0)
        return complain(r, -EINVAL, "--encoding takes utf-8 or cp949");
    return csv_new(&opt, &r->csv);
}

static enum import_format format_of(const struct import_reader *r)
{
    enum import_format f = r->options->format;
    if (f == IMPORT_BY_NAME && r->plan)
        f = r->plan->format;
    if (f == IMPORT_BY_NAME)
        f = import_format_of(span_str(r->name));
    return f == IMPORT_BY_NAME ? IMPORT_CSV : f;
}

int import_reader_open(struct import_reader *r, const char *name)
{
    struct stat st;
    close_file(r);
    r->name = name;
    r->file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (!r->file) {
        int rc = -errno;
        perror(name);
        return rc;
    }
    if (fstat(fileno(r->file), &st) == 0 && S_ISREG(st.st_mode))
        r->size = (uint64_t)st.st_size;
    r->format = format_of(r);
    switch (r->format) {
    case IMPORT_XLSX:
        return open_workbook(r);
    case IMPORT_CSV:
    case IMPORT_TSV:
        return open_csv(r);
    case IMPORT_TRANSCRIPT:
    case IMPORT_VTT:
    case IMPORT_SRT:
        return r->own_plan ? 0 : complain(r, -EINVAL, "a transcript needs a --map-file");
    default:
        if (r->options->map)
            return complain(r, -EINVAL, "--map is for tables; give NDJSON a --map-file");
        return 0;
    }
}

/* --- the header of a table --- */

/* --map, or every column the field of its name. */
static int plan_of_columns(struct import_reader *r, const struct span *header, size_t n)
{
    struct columns columns = {0};
    char message[256] = "";
    int rc;
    arena_reset(&r->arena);
    if (r->options->map)
        rc = columns_parse(span_str(r->options->map), r->options->shape, &r->arena, &columns,
                           message, sizeof message);
    else
        rc = columns_default(header, n, r->options->shape, &r->arena, &columns, message,
                             sizeof message);
    if (rc == 0)
        rc = columns_bind(&columns, header, n, message, sizeof message);
    if (rc == 0)
        rc = import_plan_of(&columns, &r->plan);
    if (rc < 0)
        return complain(r, rc, *message ? message : err_text(rc));
    return set_rules(r);
}

static int bind(struct import_reader *r, const struct span *header, size_t n)
{
    struct buf messages;
    if (r->bound)
        return 0;
    r->bound = true;
    if (!r->own_plan)
        return plan_of_columns(r, header, n);
    buf_init(&messages, MESSAGES_MAX);
    int rc = import_plan_check(r->plan, span_str(r->name), header, n, &messages);
    if (rc < 0)
        fputs(messages.n ? messages.p : "vocctl: no memory\n", stderr);
    buf_done(&messages);
    return rc == -EINVAL ? -EPROTO : rc;
}

/* --- payloads: what a map is applied to --- */

static size_t more_bytes(struct import_reader *r)
{
    size_t n = fread(r->chunk, 1, sizeof r->chunk, r->file);
    r->ended = n < sizeof r->chunk;
    r->read += n;
    return n;
}

static int row_payload(struct import_reader *r, const struct span *header, size_t n,
                       const struct row *row, struct import_item *item)
{
    int rc = bind(r, header, n);
    item->line = row->line;
    if (rc < 0)
        return rc;
    if (row->bad) {
        item->why = row->why;
        return -EINVAL;
    }
    item->record = row_object(header, row);
    return item->record ? 1 : -ENOMEM;
}

static int next_csv(struct import_reader *r, struct import_item *item)
{
    struct row row;
    size_t n;
    int rc;
    while ((rc = csv_next(r->csv, &row)) == 0 && !r->ended) {
        size_t got = more_bytes(r);
        rc = csv_feed(r->csv, span_of(r->chunk, got));
        if (rc < 0)
            return complain(r, rc, err_text(rc));
        if (r->ended)
            csv_end(r->csv);
    }
    if (rc < 0)
        return complain(r, rc, rc == -EINVAL ? csv_message(r->csv) : err_text(rc));
    const struct span *header = csv_header(r->csv, &n);
    if (rc == 0)
        return header ? bind(r, header, n) : 0;
    return row_payload(r, header, n, &row, item);
}

static int next_sheet_row(struct import_reader *r, struct import_item *item)
{
    struct row row;
    size_t n;
    int rc = xlsx_next(r->xlsx, &row);
    const struct span *header = xlsx_header(r->xlsx, &n);
    if (rc < 0)
        return complain(r, rc, rc == -EINVAL ? xlsx_message(r->xlsx) : err_text(rc));
    if (rc == 1)
        return row_payload(r, header, n, &row, item);
    if (xlsx_uncomputed(r->xlsx))
        fprintf(stderr,
                "vocctl: %s: %llu formulas have no stored value and count as empty; open the file "
                "in a spreadsheet program and save it\n",
                r->name, (unsigned long long)xlsx_uncomputed(r->xlsx));
    return bind(r, header, n);
}

static int parse_line(struct span line, struct import_item *item)
{
    struct json_problem problem;
    int rc = json_text_parse(line, &item->record, &problem);
    if (rc == 0)
        return 1;
    if (rc == -EINVAL)
        reject(&item->why, problem.code, "%s, at column %zu of its line", problem.what,
               problem.column);
    return rc;
}

static int next_line(struct import_reader *r, struct import_item *item)
{
    struct span line;
    int rc;
    while ((rc = ndjson_next(&r->lines, &line)) == 0 && !r->ended) {
        size_t got = more_bytes(r);
        rc = ndjson_feed(&r->lines, span_of(r->chunk, got));
        if (rc < 0)
            return complain(r, rc, err_text(rc));
        if (r->ended)
            ndjson_end(&r->lines);
    }
    item->line = r->lines.number;
    if (rc == -EMSGSIZE)
        return reject(&item->why, REJECT_LINE_TOO_LONG, "the line is over %d bytes", MAX_LINE);
    if (rc <= 0)
        return rc;
    if (!r->plan && !r->options->source) {
        item->raw = line;
        return 1;
    }
    return parse_line(line, item);
}

/* --- transcripts --- */

static struct span stem_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    struct span s = span_str(slash ? slash + 1 : name);
    for (size_t i = s.n; i > 1; i--)
        if (s.p[i - 1] == '.')
            return span_of(s.p, i - 1);
    return s;
}

static int from_cp949(struct span s, struct buf *out)
{
    iconv_t cd = iconv_open("UTF-8", "CP949");
    char *in = (char *)s.p, *to = buf_reserve(out, 2 * s.n);
    size_t left = s.n, room = 2 * s.n;
    bool ok = cd != (iconv_t)-1 && to && iconv(cd, &in, &left, &to, &room) != (size_t)-1;
    if (ok)
        out->n += 2 * s.n - room;
    if (cd != (iconv_t)-1)
        iconv_close(cd);
    return ok ? 0 : -EINVAL;
}

static int read_transcript(struct import_reader *r, struct import_item *item)
{
    enum transcript_form form = r->format == IMPORT_VTT   ? TRANSCRIPT_VTT
                                : r->format == IMPORT_SRT ? TRANSCRIPT_SRT
                                                          : TRANSCRIPT_PLAIN;
    enum csv_encoding encoding = CSV_DETECT;
    struct transcript t;
    struct buf utf8;
    int rc = read_whole(r, TRANSCRIPT_MAX_BYTES);
    if (rc < 0)
        return rc;
    item->line = 1;
    struct span text = span_of(r->whole.n ? r->whole.p : "", r->whole.n);
    if (encoding_of(r).p)
        csv_encoding_find(encoding_of(r), &encoding);
    buf_init(&utf8, 2 * TRANSCRIPT_MAX_BYTES);
    bool foreign = encoding == CSV_CP949 || (encoding == CSV_DETECT && utf8_valid(text) != text.n);
    if (foreign && from_cp949(text, &utf8) == 0)
        text = buf_span(&utf8);
    arena_reset(&r->arena);
    rc = transcript_read(form, text, &r->plan->speakers, &r->arena, &t, &item->why);
    buf_done(&utf8);
    if (rc == 0)
        rc = conversation_transcript(r->talks, stem_of(r->name), &t, &item->why);
    return rc == -ENOBUFS ? complain(r, rc, "it is too large") : rc;
}

/* --- records --- */

/* 1 with a payload in item->record, or a raw line. */
static int next_payload(struct import_reader *r, struct import_item *item)
{
    switch (r->format) {
    case IMPORT_XLSX:
        return next_sheet_row(r, item);
    case IMPORT_NDJSON:
        return next_line(r, item);
    default:
        return next_csv(r, item);
    }
}

static int next_talk(struct import_reader *r, struct import_item *item)
{
    return conversation_next(r->talks, &item->record, &item->line, &item->why);
}

/* All rows into conversations. A row that is refused is given at once. */
static int gather(struct import_reader *r, struct import_item *item)
{
    int rc;
    if (r->format >= IMPORT_TRANSCRIPT) {
        r->giving = true;
        rc = read_transcript(r, item);
        return rc < 0 ? rc : next_talk(r, item);
    }
    while ((rc = next_payload(r, item)) == 1) {
        rc = conversation_row(r->talks, item->record, item->line, &item->why);
        json_decref(item->record);
        item->record = NULL;
        if (rc == -ENOBUFS)
            return complain(r, rc, "more conversations than can be held at once; split the file");
        if (rc < 0)
            return rc;
    }
    if (rc < 0)
        return rc;
    r->giving = true;
    return next_talk(r, item);
}

static int map_record(struct import_reader *r, struct import_item *item)
{
    json_t *payload = item->record;
    if (!r->plan || !payload)
        return 0;
    item->record = NULL;
    int rc = mapping_apply(payload, r->plan->shape, r->plan->map, r->plan->n_map, &item->record,
                           &item->why);
    json_decref(payload);
    return rc;
}

static int set_source(struct import_reader *r, json_t *record)
{
    if (!r->options->source || !json_is_object(record) || json_object_get(record, "source"))
        return 0;
    json_t *source = json_string(r->options->source);
    return json_object_set_new(record, "source", source) < 0 ? -ENOMEM : 0;
}

int import_reader_next(struct import_reader *r, struct import_item *ret)
{
    bool talks = r->own_plan && (r->plan->n_turns || r->format >= IMPORT_TRANSCRIPT);
    *ret = (struct import_item){0};
    int rc = !talks ? next_payload(r, ret) : r->giving ? next_talk(r, ret) : gather(r, ret);
    int fits = rc == 1 && !talks ? map_record(r, ret) : 0;
    if (rc == 1 && fits == 0)
        fits = set_source(r, ret->record);
    rc = fits < 0 ? fits : rc;
    if (rc < 0) {
        json_decref(ret->record);
        ret->record = NULL;
    }
    if (rc == -ENOMEM)
        complain(r, rc, "no memory");
    return rc;
}

void import_reader_progress(const struct import_reader *r, uint64_t *ret_read, uint64_t *ret_size)
{
    *ret_read = r->read;
    *ret_size = r->size;
}
