/* vocctl import: a file people have, sent as NDJSON. CSV and TSV go through the same readers as the
 * daemon's own (collect/csv.h, columns.h); rows that can not be read are listed and left out. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/format/columns.h"
#include "daemon/format/csv.h"
#include "daemon/core/zone.h"
#include "daemon/ctl/ctl.h"

enum { CHUNK = 64 << 10, MAX_SHOWN = 20, BAR = 30 };

struct import {
    FILE *file;
    const char *name, *map, *source;
    enum record_shape shape;
    struct csv *csv; /* NULL: NDJSON, sent as it is */
    struct columns columns;
    enum date_order order;
    bool bound, ended, failed;
    struct zone *zone;
    struct date_zone dates;
    struct arena arena;
    char message[256];
    uint64_t read, size, rows, bad;
    bool tty, dry;
};

static void progress(struct import *im)
{
    if (!im->tty || im->size == 0)
        return;
    int done = (int)((double)im->read / (double)im->size * BAR);
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %llu rows", done > BAR ? BAR : done,
            "==============================", BAR - (done > BAR ? BAR : done), "",
            (int)(100.0 * (double)im->read / (double)im->size), (unsigned long long)im->rows);
}

static bool fail(struct import *im, const char *why)
{
    fprintf(stderr, "%svocctl: %s: %s\n", im->tty ? "\n" : "", im->name, why);
    im->failed = true;
    return false;
}

static void refuse(struct import *im, uint64_t line, const struct reject *why)
{
    if (im->bad++ < MAX_SHOWN)
        fprintf(stderr, "%s%s:%llu: %s: %s\n", im->tty ? "\n" : "", im->name,
                (unsigned long long)line, why->code, why->detail);
}

static bool bind(struct import *im)
{
    size_t n;
    const struct span *header = csv_header(im->csv, &n);
    int rc = im->map ? columns_parse(span_str(im->map), im->shape, &im->arena, &im->columns,
                                     im->message, sizeof im->message)
                     : columns_default(header, n, im->shape, &im->arena, &im->columns, im->message,
                                       sizeof im->message);
    im->columns.zone = &im->dates;
    im->columns.order = im->order;
    if (rc == 0)
        rc = columns_bind(&im->columns, header, n, im->message, sizeof im->message);
    im->bound = true;
    return rc == 0 || fail(im, *im->message ? im->message : err_text(rc));
}

static void put_row(struct import *im, const struct csv_row *row, struct buf *out)
{
    struct reject why;
    json_t *record = NULL;
    im->rows++;
    if (row->bad) {
        refuse(im, row->line, &row->why);
        return;
    }
    if (columns_record(&im->columns, row->cells, row->n, &record, &why) < 0) {
        refuse(im, row->line, &why);
        return;
    }
    if (im->source && !json_object_get(record, "source"))
        json_object_set_new(record, "source", json_string(im->source));
    char *text = json_dumps(record, JSON_COMPACT);
    if (text) {
        buf_str(out, text);
        buf_char(out, '\n');
    }
    free(text);
    json_decref(record);
}

/* Rows of what was fed. False when the file as a whole can not be read. */
static bool drain_rows(struct import *im, struct buf *out)
{
    struct csv_row row;
    int rc;
    while ((rc = csv_next(im->csv, &row)) == 1) {
        if (!im->bound && !bind(im))
            return false;
        put_row(im, &row, out);
    }
    return rc == 0 || fail(im, rc == -EINVAL ? csv_message(im->csv) : err_text(rc));
}

static bool more(void *ctx, struct buf *out)
{
    struct import *im = ctx;
    char chunk[CHUNK];
    if (im->ended || im->failed)
        return false;
    size_t n = fread(chunk, 1, sizeof chunk, im->file);
    im->ended = n < sizeof chunk;
    im->read += n;
    if (im->csv) {
        if (csv_feed(im->csv, span_of(chunk, n)) < 0)
            return fail(im, "no memory");
        if (im->ended)
            csv_end(im->csv);
        if (!drain_rows(im, out))
            return false;
    } else {
        buf_append(out, chunk, n);
    }
    progress(im);
    return !im->ended;
}

static int report(const struct import *im, const struct client_answer *a)
{
    if (!client_ok(a))
        return CTL_FAILED;
    json_t *answer = json_loadb(a->body.p, a->body.n, 0, NULL), *item;
    size_t i;
    long long rejected = json_integer_value(json_object_get(answer, "rejected_count"));
    printf("%lld accepted, %lld updated, %lld duplicates, %lld rejected, %llu unreadable rows\n",
           (long long)json_integer_value(json_object_get(answer, "accepted")),
           (long long)json_integer_value(json_object_get(answer, "updated")),
           (long long)json_integer_value(json_object_get(answer, "duplicates")), rejected,
           (unsigned long long)im->bad);
    json_array_foreach(json_object_get(answer, "rejected"), i, item)
    {
        if (i < MAX_SHOWN)
            fprintf(stderr, "item %lld: %s: %s\n",
                    (long long)json_integer_value(json_object_get(item, "index")),
                    json_string_value(json_object_get(item, "code")),
                    json_string_value(json_object_get(item, "detail")));
    }
    json_decref(answer);
    return rejected + (long long)im->bad == 0 ? CTL_OK : CTL_FAILED;
}

/* What would be sent, on standard output. */
static int dry_run(struct import *im)
{
    struct buf out;
    bool going = true;
    buf_init(&out, 0);
    while (going) {
        going = more(im, &out);
        fwrite(out.p, 1, out.n, stdout);
        buf_reset(&out);
    }
    buf_done(&out);
    fprintf(stderr, "%llu rows read, %llu unreadable; nothing sent\n", (unsigned long long)im->rows,
            (unsigned long long)im->bad);
    return im->failed || im->bad ? CTL_FAILED : CTL_OK;
}

static int send_all(struct import *im, struct ctl *c)
{
    static const char *const paths[] = {
        [SHAPE_FEEDBACK] = "/v1/feedback",
        [SHAPE_CUSTOMER] = "/v1/customers",
        [SHAPE_ACTIVITY] = "/v1/activities",
    };
    struct client *client = client_new(&c->client);
    struct client_answer a;
    if (!client)
        return CTL_FAILED;
    client_stream(client, ROLE_INGEST, paths[im->shape], "application/x-ndjson", more, im, &a);
    if (im->tty)
        fputc('\n', stderr);
    int code = im->failed ? CTL_FAILED : report(im, &a);
    buf_done(&a.body);
    client_free(client);
    return code;
}

static int civil_to_utc(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    return zone_from_civil(ctx, local, ret_ms);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcasecmp(s + n - m, end) == 0;
}

static int open_input(struct import *im, const char *encoding)
{
    struct stat st;
    struct csv_options opt = {.delimiter = ends_with(im->name, ".tsv") ? '\t' : 0};
    im->file = strcmp(im->name, "-") == 0 ? stdin : fopen(im->name, "rb");
    if (!im->file) {
        perror(im->name);
        return -errno;
    }
    if (fstat(fileno(im->file), &st) == 0 && S_ISREG(st.st_mode))
        im->size = (uint64_t)st.st_size;
    if (encoding && csv_encoding_find(span_str(encoding), &opt.encoding) < 0) {
        fprintf(stderr, "vocctl: --encoding takes utf-8 or cp949\n");
        return -EINVAL;
    }
    if (ends_with(im->name, ".ndjson") || ends_with(im->name, ".jsonl"))
        return 0;
    return csv_new(&opt, &im->csv);
}

static int take_options(struct import *im, struct ctl *c)
{
    const char *kind = ctl_option(c, "--kind"), *tz = ctl_option(c, "--tz");
    const char *encoding = ctl_option(c, "--encoding");
    im->map = ctl_option(c, "--map");
    im->source = ctl_option(c, "--source");
    im->order = ctl_flag(c, "--month-first") ? DATE_MONTH_FIRST : DATE_DAY_FIRST;
    im->dry = ctl_flag(c, "--dry-run");
    im->tty = isatty(STDERR_FILENO);
    im->shape = !kind || strcmp(kind, "feedback") == 0 ? SHAPE_FEEDBACK
                : strcmp(kind, "customers") == 0       ? SHAPE_CUSTOMER
                                                       : SHAPE_ACTIVITY;
    bool known = !kind || im->shape != SHAPE_ACTIVITY || strcmp(kind, "activities") == 0;
    if (c->argc != 2 || !known || zone_open(span_str(tz ? tz : "Asia/Seoul"), &im->zone) < 0) {
        fputs(
            "usage: vocctl import FILE.{csv,tsv,ndjson} [--map TARGET=COLUMN,…] [--source NAME]\n"
            "         [--kind feedback|customers|activities] [--encoding utf-8|cp949] [--tz ZONE]\n"
            "         [--month-first] [--dry-run]\n",
            stderr);
        return -EINVAL;
    }
    im->name = c->argv[1];
    im->dates = (struct date_zone){civil_to_utc, im->zone};
    return open_input(im, encoding);
}

int ctl_import(struct ctl *c)
{
    struct import im = {0};
    arena_init(&im.arena, 0);
    int code = take_options(&im, c) < 0 ? CTL_USAGE : im.dry ? dry_run(&im) : send_all(&im, c);
    if (im.file && im.file != stdin)
        fclose(im.file);
    csv_free(im.csv);
    zone_close(im.zone);
    arena_done(&im.arena);
    return code;
}
