/* vocctl import: files people have, sent as NDJSON. What they are and what a record is made of is
 * import_read.c's; rows that can not be read are listed and left out. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/import_read.h"
#include "daemon/format/json_text.h"
#include "daemon/format/normalize.h"

enum { CHUNK = 64 << 10, MAX_SHOWN = 20, SHOWN_RECORDS = 5, BAR = 30, ARENA_MAX = 16 << 20 };
enum { MAX_CODES = REJECT_COUNT };

/* Where an item that was sent stood, for what the daemon refuses by number. */
struct place {
    uint32_t file, line;
};

struct import {
    struct import_options options;
    struct import_reader *reader;
    char **files;
    int n_files, at; /* the file under way */
    bool open, over, failed;
    uint64_t read, bad;
    struct {
        const char *code;
        uint64_t n;
    } codes[MAX_CODES]; /* why `bad` */
    size_t n_codes;
    struct buf places;
    bool tty;
};

static void progress(const struct import *im)
{
    uint64_t done, size;
    import_reader_progress(im->reader, &done, &size);
    if (!im->tty || size == 0)
        return;
    int part = (int)((double)done / (double)size * BAR);
    part = part > BAR ? BAR : part;
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %llu records", part,
            "==============================", BAR - part, "",
            (int)(100.0 * (double)done / (double)size), (unsigned long long)im->read);
}

static void count_code(struct import *im, const char *code)
{
    size_t i = 0;
    while (i < im->n_codes && strcmp(im->codes[i].code, code) != 0)
        i++;
    if (i == im->n_codes && i < MAX_CODES)
        im->codes[im->n_codes++].code = code;
    if (i < MAX_CODES)
        im->codes[i].n++;
}

static void refuse(struct import *im, uint64_t line, const struct reject *why)
{
    count_code(im, why->code);
    if (im->bad++ < MAX_SHOWN)
        fprintf(stderr, "%s%s:%llu: %s: %s\n", im->tty ? "\n" : "", im->files[im->at],
                (unsigned long long)line, why->code, why->detail);
}

/* The next record that can be read, of whichever file. False when there is none: im->failed says
 * whether that is the end. */
static bool next_item(struct import *im, struct import_item *item)
{
    while (!im->failed && im->at < im->n_files) {
        if (!im->open)
            im->failed = import_reader_open(im->reader, im->files[im->at]) < 0;
        im->open = true;
        int rc = im->failed ? -EIO : import_reader_next(im->reader, item);
        im->read += rc == 1 || rc == -EINVAL;
        if (rc == 1)
            return true;
        if (rc == -EINVAL) {
            refuse(im, item->line, &item->why);
        } else if (rc == 0) {
            im->at++;
            im->open = false;
        } else {
            im->failed = true;
        }
    }
    return false;
}

static int put_item(const struct import_item *item, struct buf *out)
{
    char *text = item->record ? json_dumps(item->record, JSON_COMPACT) : NULL;
    if (item->record && !text)
        return -ENOMEM;
    buf_add(out, text ? span_str(text) : item->raw);
    buf_char(out, '\n');
    free(text);
    return buf_error(out);
}

/* --- sending --- */

static bool more(void *ctx, struct buf *out)
{
    struct import *im = ctx;
    struct import_item item;
    size_t begin = out->n;
    while (out->n - begin < CHUNK && !im->over) {
        if (!next_item(im, &item)) {
            im->over = true;
            break;
        }
        struct place place = {(uint32_t)im->at, (uint32_t)item.line};
        int rc = put_item(&item, out);
        json_decref(item.record);
        if (rc < 0 || buf_append(&im->places, &place, sizeof place) < 0) {
            fputs("vocctl: no memory\n", stderr);
            im->failed = im->over = true;
        }
    }
    progress(im);
    return !im->over;
}

static void show_refused(const struct import *im, const json_t *item)
{
    json_int_t index = json_integer_value(json_object_get(item, "index"));
    struct place place = {0, 0};
    if (index >= 0 && (size_t)index < im->places.n / sizeof place)
        memcpy(&place, im->places.p + (size_t)index * sizeof place, sizeof place);
    fprintf(stderr, "%s:%u: %s: %s\n", im->files[place.file], place.line,
            json_string_value(json_object_get(item, "code")),
            json_string_value(json_object_get(item, "detail")));
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
            show_refused(im, item);
    }
    json_decref(answer);
    return rejected + (long long)im->bad == 0 ? CTL_OK : CTL_FAILED;
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
    client_stream(client, ROLE_INGEST, paths[import_reader_shape(im->reader)],
                  "application/x-ndjson", more, im, &a);
    if (im->tty)
        fputc('\n', stderr);
    int code = report(im, &a);
    buf_done(&a.body);
    client_free(client);
    return im->failed ? CTL_FAILED : code;
}

/* --- trying --- */

/* As the daemon would, with the limits it has unless configured otherwise. */
static int would_take(enum record_shape shape, json_t *record, int64_t now, struct arena *a,
                      struct reject *why)
{
    union {
        struct feedback feedback;
        struct customer_change customer;
        struct activity activity;
    } taken;
    arena_reset(a);
    if (shape == SHAPE_CUSTOMER)
        return normalize_customer(record, &normalize_defaults, now, a, &taken.customer, why);
    if (shape == SHAPE_ACTIVITY)
        return normalize_activity(record, &normalize_defaults, now, a, &taken.activity, why);
    return normalize_feedback(record, &normalize_defaults, now, a, &taken.feedback, why);
}

static int try_item(struct import *im, struct import_item *item, struct arena *a)
{
    struct json_problem problem;
    int rc = 0;
    if (!item->record)
        rc = json_text_parse(item->raw, &item->record, &problem);
    if (rc == -EINVAL)
        reject(&item->why, problem.code, "%s, at column %zu of its line", problem.what,
               problem.column);
    if (rc == 0)
        rc = would_take(import_reader_shape(im->reader), item->record, clock_wall(&clock_system), a,
                        &item->why);
    if (rc == -EINVAL)
        refuse(im, item->line, &item->why);
    return rc;
}

static void show(const struct import *im, const struct import_item *item, uint64_t taken, bool all)
{
    if (!all && taken >= SHOWN_RECORDS)
        return;
    char *text = json_dumps(item->record, all ? JSON_COMPACT : JSON_INDENT(2));
    if (!all)
        printf("# %s:%llu\n", im->files[im->at], (unsigned long long)item->line);
    puts(text ? text : "");
    free(text);
}

/* The first records as they would be sent, or all of them with -o json; what would be refused, and
 * why. */
static int dry_run(struct import *im, bool all)
{
    struct import_item item;
    struct arena a;
    uint64_t taken = 0;
    arena_init(&a, ARENA_MAX);
    while (next_item(im, &item)) {
        int rc = try_item(im, &item, &a);
        if (rc == 0)
            show(im, &item, taken++, all);
        json_decref(item.record);
        im->failed = im->failed || (rc < 0 && rc != -EINVAL);
    }
    arena_done(&a);
    fprintf(stderr, "%llu read, %llu would be sent, %llu refused", (unsigned long long)im->read,
            (unsigned long long)taken, (unsigned long long)im->bad);
    for (size_t i = 0; i < im->n_codes; i++)
        fprintf(stderr, "%s%llu %s", i ? ", " : ": ", (unsigned long long)im->codes[i].n,
                im->codes[i].code);
    fputs("; nothing sent\n", stderr);
    return im->failed || im->bad ? CTL_FAILED : CTL_OK;
}

/* --- arguments --- */

static int usage(void)
{
    fputs("usage: vocctl import FILE… [--map TARGET=COLUMN,… | --map-file FILE] [--source NAME]\n"
          "         [--kind feedback|customers|activities] [--encoding utf-8|cp949] [--tz ZONE]\n"
          "         [--month-first] [--sheet NAME] [--dry-run]\n"
          "         [--format csv|tsv|ndjson|xlsx|transcript|vtt|srt]\n",
          stderr);
    return -EINVAL;
}

static int take_options(struct import *im, struct ctl *c)
{
    const char *kind = ctl_option(c, "--kind"), *format = ctl_option(c, "--format");
    struct import_options *o = &im->options;
    o->map = ctl_option(c, "--map");
    o->map_file = ctl_option(c, "--map-file");
    o->source = ctl_option(c, "--source");
    o->sheet = ctl_option(c, "--sheet");
    o->encoding = ctl_option(c, "--encoding");
    o->tz = ctl_option(c, "--tz");
    o->month_first = ctl_flag(c, "--month-first");
    o->format = format ? import_format_find(span_str(format)) : IMPORT_BY_NAME;
    o->shape = !kind || strcmp(kind, "feedback") == 0 ? SHAPE_FEEDBACK
               : strcmp(kind, "customers") == 0       ? SHAPE_CUSTOMER
                                                      : SHAPE_ACTIVITY;
    bool known = !kind || o->shape != SHAPE_ACTIVITY || strcmp(kind, "activities") == 0;
    if (c->argc < 2 || !known || (format && o->format == IMPORT_BY_NAME) ||
        (o->map_file && (o->map || kind)))
        return usage();
    im->files = c->argv + 1;
    im->n_files = c->argc - 1;
    for (int i = 0; i < im->n_files; i++) {
        if (strncmp(im->files[i], "--", 2) == 0)
            return usage();
        if (strcmp(im->files[i], "-") != 0 && access(im->files[i], R_OK) < 0) {
            perror(im->files[i]);
            return -errno;
        }
    }
    return 0;
}

int ctl_import(struct ctl *c)
{
    struct import im = {.tty = isatty(STDERR_FILENO)};
    bool dry = ctl_flag(c, "--dry-run");
    buf_init(&im.places, (size_t)1 << 30);
    int code = CTL_USAGE;
    if (take_options(&im, c) == 0 && import_reader_new(&im.options, &im.reader) == 0)
        code = dry ? dry_run(&im, c->format == PRINT_JSON) : send_all(&im, c);
    import_reader_free(im.reader);
    buf_done(&im.places);
    return code;
}
