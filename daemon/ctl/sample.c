/* vocctl sample: the sample workspace, written for this project (daemon/ctl/sample/), with its
 * times moved to the days before now. The incident (tag hub-delay, day -3 from 10 to 16 h) is moved
 * into the last hour, so that its alert fires in front of the newcomer; what follows it is kept for
 * `sample stream`.
 *
 * A workspace may hold somebody's own data: sources are loaded as sample-NAME; segments, rules,
 * experiments and customers that have our names but are not ours stop the loading before it begins,
 * and are left alone by the removal. Customers can not be deleted; they are emptied.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "daemon/core/zone.h"
#include "daemon/ctl/ctl.h"

#define EMBED(name, file)                                                                          \
    __asm__(".section .rodata\n" #name ":\n.incbin \"daemon/ctl/sample/" file "\"\n"               \
            ".byte 0\n.previous\n");                                                               \
    extern const char name[] __attribute__((visibility("hidden")))

EMBED(sample_feedback, "feedback.ndjson");
EMBED(sample_customers, "customers.ndjson");
EMBED(sample_activities, "activities.ndjson");
EMBED(sample_segments, "segments.json");
EMBED(sample_rules, "alert-rules.json");
EMBED(sample_experiments, "experiments.json");

enum { BODY_MAX = 64 << 20, STREAM_DEFAULT_MS = 3000, STREAM_MIN_MS = 20 };

struct sample {
    struct client *client;
    struct zone *zone;
    int64_t now, today; /* today: local midnight as UTC ms */
};

/* --- times --- */

/* "-3d 14:05" in Seoul. */
static int64_t relative(const struct sample *s, const char *text)
{
    int days, hour, minute;
    if (sscanf(text, "-%dd %d:%d", &days, &hour, &minute) != 3)
        return NO_TIME;
    return s->today - days * MS_DAY + hour * MS_HOUR + minute * MS_MINUTE;
}

enum part { PART_PLAIN, PART_INCIDENT, PART_AFTERMATH };

static bool has_tag(json_t *record, const char *tag)
{
    size_t i;
    json_t *t;
    json_array_foreach(json_object_get(record, "tags"), i, t)
    {
        if (json_is_string(t) && strcmp(json_string_value(t), tag) == 0)
            return true;
    }
    return false;
}

static enum part part_of(const struct sample *s, json_t *record)
{
    const char *text = json_string_value(json_object_get(record, "created_at"));
    int64_t at = text ? relative(s, text) : NO_TIME;
    int64_t begin = s->today - 3 * MS_DAY + 10 * MS_HOUR, end = begin + 6 * MS_HOUR;
    if (at == NO_TIME || at < begin || !has_tag(record, "hub-delay"))
        return PART_PLAIN;
    return at < end ? PART_INCIDENT : PART_AFTERMATH;
}

/* Six hours of the incident become the last 55 minutes. */
static int64_t placed(const struct sample *s, int64_t at, enum part part)
{
    int64_t begin = s->today - 3 * MS_DAY + 10 * MS_HOUR;
    if (part == PART_INCIDENT)
        return s->now - 55 * MS_MINUTE + (at - begin) * 55 / 360;
    return at;
}

static void set_time(const struct sample *s, json_t *object, const char *key, enum part part)
{
    char text[TIME_RFC3339_MAX];
    const char *given = json_string_value(json_object_get(object, key));
    int64_t at = given ? relative(s, given) : NO_TIME;
    if (at == NO_TIME)
        return;
    at = placed(s, at, part);
    if (part == PART_AFTERMATH || at > s->now)
        at = s->now;
    size_t n = zone_format(s->zone, at, text);
    json_object_set_new(object, key, json_stringn(text, n));
}

/* "@-400d" as an attribute: the date 400 days ago. */
static void set_dates(const struct sample *s, json_t *attributes)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(attributes, next, key, value)
    {
        int days;
        char text[TIME_RFC3339_MAX];
        if (!json_is_string(value) || sscanf(json_string_value(value), "@-%dd", &days) != 1)
            continue;
        zone_format(s->zone, s->today - days * MS_DAY, text);
        json_object_set_new(attributes, key, json_stringn(text, 10));
    }
}

static void set_source(json_t *object)
{
    char name[128];
    const char *source = json_string_value(json_object_get(object, "source"));
    if (!source)
        return;
    snprintf(name, sizeof name, "sample-%s", source);
    json_object_set_new(object, "source", json_string(name));
}

static void place(const struct sample *s, json_t *record, enum part part)
{
    size_t i;
    json_t *turn;
    set_source(record);
    set_time(s, record, "created_at", part);
    set_time(s, record, "updated_at", part);
    set_time(s, record, "at", part);
    set_time(s, record, "effective_at", part);
    json_array_foreach(json_object_get(record, "turns"), i, turn)
    {
        set_time(s, turn, "at", part);
    }
    set_dates(s, json_object_get(record, "attributes"));
}

static bool in_future(const struct sample *s, json_t *record)
{
    const char *text = json_string_value(json_object_get(record, "created_at"));
    int64_t at = text ? relative(s, text) : NO_TIME;
    return at != NO_TIME && at > s->now;
}

/* --- loading --- */

static int post(struct sample *s, const char *path, struct span body)
{
    struct client_answer a;
    client_call(s->client, ROLE_INGEST, "POST", path, "application/x-ndjson", body, &a);
    bool ok = client_ok(&a);
    json_t *counts = ok ? json_loadb(a.body.p, a.body.n, 0, NULL) : NULL;
    if (counts)
        printf("%-16s %4lld accepted, %lld updated, %lld duplicates, %lld rejected\n", path + 4,
               (long long)json_integer_value(json_object_get(counts, "accepted")),
               (long long)json_integer_value(json_object_get(counts, "updated")),
               (long long)json_integer_value(json_object_get(counts, "duplicates")),
               (long long)json_integer_value(json_object_get(counts, "rejected_count")));
    if (counts && json_integer_value(json_object_get(counts, "rejected_count")) > 0) {
        fprintf(stderr, "%.*s\n", (int)a.body.n, a.body.p);
        ok = false;
    }
    json_decref(counts);
    buf_done(&a.body);
    return ok ? CTL_OK : CTL_FAILED;
}

static bool append(struct buf *body, json_t *record)
{
    char *text = json_dumps(record, JSON_COMPACT);
    if (text) {
        buf_str(body, text);
        buf_char(body, '\n');
    }
    free(text);
    return text && !buf_error(body);
}

/* The embedded lines whose part is wanted, placed in time. */
static bool collect_lines(const struct sample *s, const char *lines, bool aftermath,
                          struct buf *body)
{
    bool ok = true;
    for (const char *at = lines; ok && *at;) {
        size_t n = strcspn(at, "\n");
        json_t *record = json_loadb(at, n, 0, NULL);
        enum part part = part_of(s, record);
        bool wanted = (part == PART_AFTERMATH) == aftermath && !in_future(s, record);
        if (record && wanted) {
            place(s, record, part);
            ok = append(body, record);
        }
        json_decref(record);
        at += n + (at[n] == '\n');
    }
    return ok;
}

static int send_lines(struct sample *s, const char *lines, const char *path)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    int code = collect_lines(s, lines, false, &body) ? post(s, path, buf_span(&body)) : CTL_FAILED;
    buf_done(&body);
    return code;
}

/* --- definitions: what of them is ours --- */

static const struct defined {
    const char *path, *id, *title, *text;
} defined[] = {
    {"/v1/segments", "code", "title", sample_segments},
    {"/v1/alert-rules", "name", "title", sample_rules},
    {"/v1/experiments", "id", "name", sample_experiments},
};
enum { SEGMENTS, RULES, EXPERIMENTS };

static bool same_text(json_t *a, json_t *b, const char *key)
{
    const char *x = json_string_value(json_object_get(a, key));
    const char *y = json_string_value(json_object_get(b, key));
    return x && y ? strcmp(x, y) == 0 : x == y;
}

/* Whether one of this name is there that the sample did not bring. */
static bool is_theirs(json_t *have, const struct defined *d, json_t *item)
{
    size_t i;
    json_t *other;
    json_array_foreach(json_object_get(have, "items"), i, other)
    {
        if (!same_text(other, item, d->id) || json_is_true(json_object_get(other, "retired")) ||
            json_is_false(json_object_get(other, "declared")))
            continue;
        return !same_text(other, item, d->title) ||
               (json_object_get(item, "where") && !same_text(other, item, "where"));
    }
    return false;
}

/* NULL after saying why. */
static json_t *ask(struct sample *s, const char *method, const char *path, struct span body)
{
    struct client_answer a;
    client_call(s->client, ROLE_ADMIN, method, path, body.n ? "application/json" : NULL, body, &a);
    json_t *doc = client_ok(&a) ? json_loadb(a.body.p, a.body.n, 0, NULL) : NULL;
    buf_done(&a.body);
    return doc;
}

static int define_one(struct sample *s, const struct defined *d, json_t *item, const char *method)
{
    struct client_answer a;
    char where[256];
    snprintf(where, sizeof where, "%s/%s", d->path,
             json_string_value(json_object_get(item, d->id)));
    if (strcmp(d->id, "name") != 0) /* a rule's name is part of it */
        json_object_del(item, d->id);
    set_time(s, item, "from", PART_PLAIN);
    char *body = json_dumps(item, JSON_COMPACT);
    bool with_body = strcmp(method, "PUT") == 0;
    client_call(s->client, ROLE_ADMIN, method, where, with_body ? "application/json" : NULL,
                with_body ? span_str(body) : SPAN_NONE, &a);
    int code = a.status == 404 || client_ok(&a) ? CTL_OK : CTL_FAILED;
    buf_done(&a.body);
    free(body);
    return code;
}

static int define_each(struct sample *s, const struct defined *d, const char *method)
{
    size_t i;
    json_t *item, *list = json_loads(d->text, 0, NULL), *have = ask(s, "GET", d->path, SPAN_NONE);
    int code = have ? CTL_OK : CTL_FAILED;
    json_array_foreach(list, i, item)
    {
        if (have && !is_theirs(have, d, item) && define_one(s, d, item, method) != CTL_OK)
            code = CTL_FAILED;
    }
    json_decref(have);
    json_decref(list);
    return code;
}

/* --- customers: ours say sample=yes --- */

enum owner { OWNER_NOBODY, OWNER_SAMPLE, OWNER_OTHER, OWNER_UNKNOWN };

static enum owner owner_of(struct sample *s, json_t *customer)
{
    json_t *asked = json_pack("{s:O}", "id", json_object_get(customer, "id"));
    char *body = asked ? json_dumps(asked, JSON_COMPACT) : NULL;
    json_t *found = body ? ask(s, "POST", "/v1/customers/lookup", span_str(body)) : NULL;
    json_t *items = json_object_get(found, "items"), *who = json_array_get(items, 0);
    json_t *mark =
        json_object_get(json_object_get(json_object_get(who, "customer"), "attributes"), "sample");
    enum owner owner = !items                                                ? OWNER_UNKNOWN
                       : !who                                                ? OWNER_NOBODY
                       : mark && strcmp(json_string_value(mark), "yes") == 0 ? OWNER_SAMPLE
                                                                             : OWNER_OTHER;
    free(body);
    json_decref(asked);
    json_decref(found);
    return owner;
}

/* Calls fn for each embedded customer until it fails. */
static int each_customer(struct sample *s, int (*fn)(struct sample *s, json_t *customer, void *ctx),
                         void *ctx)
{
    int code = CTL_OK;
    for (const char *at = sample_customers; *at && code == CTL_OK;) {
        size_t n = strcspn(at, "\n");
        json_t *customer = json_loadb(at, n, 0, NULL);
        code = customer ? fn(s, customer, ctx) : CTL_FAILED;
        json_decref(customer);
        at += n + (at[n] == '\n');
    }
    return code;
}

static int refuse_theirs(const char *path, const char *name)
{
    fprintf(stderr, "vocctl: %s/%s is this workspace's own: nothing of the sample was loaded\n",
            path, name);
    return CTL_FAILED;
}

static int check_customer(struct sample *s, json_t *customer, void *ctx)
{
    (void)ctx;
    enum owner owner = owner_of(s, customer);
    if (owner == OWNER_OTHER)
        return refuse_theirs("/v1/customers", json_string_value(json_object_get(customer, "id")));
    return owner == OWNER_UNKNOWN ? CTL_FAILED : CTL_OK;
}

static int check_defined(struct sample *s, const struct defined *d)
{
    size_t i;
    json_t *item, *list = json_loads(d->text, 0, NULL), *have = ask(s, "GET", d->path, SPAN_NONE);
    int code = have ? CTL_OK : CTL_FAILED;
    json_array_foreach(list, i, item)
    {
        if (code == CTL_OK && is_theirs(have, d, item))
            code = refuse_theirs(d->path, json_string_value(json_object_get(item, d->id)));
    }
    json_decref(have);
    json_decref(list);
    return code;
}

static int load(struct sample *s)
{
    int code = CTL_OK;
    for (size_t i = 0; i < sizeof defined / sizeof *defined && code == CTL_OK; i++)
        code = check_defined(s, &defined[i]);
    if (code == CTL_OK)
        code = each_customer(s, check_customer, NULL);
    if (code == CTL_OK)
        code = define_each(s, &defined[SEGMENTS], "PUT");
    if (code == CTL_OK)
        code = send_lines(s, sample_customers, "/v1/customers");
    if (code == CTL_OK)
        code = send_lines(s, sample_activities, "/v1/activities");
    if (code == CTL_OK)
        code = define_each(s, &defined[RULES], "PUT");
    if (code == CTL_OK)
        code = define_each(s, &defined[EXPERIMENTS], "PUT");
    if (code == CTL_OK)
        code = send_lines(s, sample_feedback, "/v1/feedback");
    return code;
}

/* --- removing --- */

static int remove_source(struct sample *s, const char *source)
{
    struct client_answer a;
    char path[256];
    bool ok, done = false;
    snprintf(path, sizeof path, "/v1/sources/sample-%s", source);
    do {
        client_call(s->client, ROLE_ADMIN, "DELETE", path, NULL, SPAN_NONE, &a);
        ok = client_ok(&a);
        done = ok && a.body.n && strstr(a.body.p, "true");
        buf_done(&a.body);
    } while (ok && !done);
    return ok ? CTL_OK : CTL_FAILED;
}

/* What was told of a customer is taken back as of when it was told: a later load tells it anew. */
static int empty_customer(struct sample *s, json_t *customer, void *ctx)
{
    static const char *const contact[] = {"name", "email", "phone"};
    const char *key;
    json_t *value, *attributes = json_object_get(customer, "attributes");
    void *next;
    enum owner owner = owner_of(s, customer);
    if (owner != OWNER_SAMPLE)
        return owner == OWNER_UNKNOWN ? CTL_FAILED : CTL_OK;
    place(s, customer, PART_PLAIN);
    for (size_t i = 0; i < sizeof contact / sizeof *contact; i++)
        json_object_set_new(customer, contact[i], json_null());
    json_object_foreach_safe(attributes, next, key, value)
    {
        if (strcmp(key, "sample") != 0)
            json_object_set_new(attributes, key, json_null());
    }
    return append(ctx, customer) ? CTL_OK : CTL_FAILED;
}

static int empty_customers(struct sample *s)
{
    struct buf body;
    buf_init(&body, BODY_MAX);
    int code = each_customer(s, empty_customer, &body);
    if (code == CTL_OK && body.n > 0)
        code = post(s, "/v1/customers", buf_span(&body));
    buf_done(&body);
    return code;
}

static int remove_all(struct sample *s)
{
    static const char *const sources[] = {"survey", "mall", "helpdesk",  "livechat", "callcenter",
                                          "social", "mail", "playstore", "appstore", "shop"};
    int code = define_each(s, &defined[RULES], "DELETE");
    for (size_t i = 0; code == CTL_OK && i < sizeof sources / sizeof *sources; i++)
        code = remove_source(s, sources[i]);
    if (code == CTL_OK)
        code = define_each(s, &defined[SEGMENTS], "DELETE");
    if (code == CTL_OK)
        code = define_each(s, &defined[EXPERIMENTS], "DELETE");
    if (code == CTL_OK)
        code = empty_customers(s);
    if (code == CTL_OK)
        puts("sample records, rules, segments and experiments removed; of its customers only ids, "
             "activities and sample=yes are left");
    return code;
}

/* --- streaming: the aftermath of the incident first, then the rest again as new records --- */

static void renew(const struct sample *s, json_t *record, uint64_t round)
{
    char id[160];
    snprintf(id, sizeof id, "%s-%lld-%llu",
             json_string_value(json_object_get(record, "external_id")), (long long)s->now,
             (unsigned long long)round);
    json_object_set_new(record, "external_id", json_string(id));
    json_object_del(record, "conversation");
    json_object_del(record, "updated_at");
}

static int send_one(struct sample *s, const char *line, size_t n, uint64_t round)
{
    struct client_answer a;
    json_t *record = json_loadb(line, n, 0, NULL);
    s->now = clock_wall(&clock_system);
    place(s, record, PART_AFTERMATH);
    renew(s, record, round);
    char *body = json_dumps(record, JSON_COMPACT);
    client_call(s->client, ROLE_INGEST, "POST", "/v1/feedback", "application/json", span_str(body),
                &a);
    bool ok = client_ok(&a);
    printf("%s\n", json_string_value(json_object_get(record, "external_id")));
    fflush(stdout);
    buf_done(&a.body);
    free(body);
    json_decref(record);
    return ok ? CTL_OK : CTL_FAILED;
}

static int stream(struct sample *s, int64_t every_ms, int64_t count)
{
    int code = CTL_OK;
    int64_t sent = 0;
    for (uint64_t round = 0; code == CTL_OK; round++) {
        for (const char *at = sample_feedback; *at && code == CTL_OK;) {
            size_t n = strcspn(at, "\n");
            json_t *record = json_loadb(at, n, 0, NULL);
            bool after = part_of(s, record) == PART_AFTERMATH;
            json_decref(record);
            if (after == (round == 0)) {
                code = send_one(s, at, n, round);
                if (++sent == count)
                    return code;
                usleep((useconds_t)(every_ms * 1000));
            }
            at += n + (at[n] == '\n');
        }
    }
    return code;
}

static int usage(void)
{
    fputs("usage: vocctl sample load | remove | stream [--every MS] [--count N]\n", stderr);
    return CTL_USAGE;
}

static int set_clock(struct sample *s)
{
    struct civil c;
    s->now = clock_wall(&clock_system);
    int rc = zone_open(SPAN_LIT("Asia/Seoul"), &s->zone);
    if (rc < 0)
        return rc;
    civil_from_ms(s->now + zone_offset(s->zone, s->now), &c);
    c.hour = c.minute = c.second = c.ms = 0;
    return zone_from_civil(s->zone, &c, &s->today);
}

int ctl_sample(struct ctl *c)
{
    struct sample s = {0};
    int64_t every = STREAM_DEFAULT_MS, count = 0;
    int code = CTL_FAILED;
    if (!ctl_number(c, "--every", STREAM_MIN_MS, MS_DAY, &every) ||
        !ctl_number(c, "--count", 1, INT64_MAX, &count) || c->argc != 2)
        return usage();
    if (set_clock(&s) == 0)
        s.client = client_new(&c->client);
    if (!s.client)
        goto out;
    if (strcmp(c->argv[1], "load") == 0)
        code = load(&s);
    else if (strcmp(c->argv[1], "remove") == 0)
        code = remove_all(&s);
    else if (strcmp(c->argv[1], "stream") == 0)
        code = stream(&s, every, count);
    else
        code = usage();
out:
    client_free(s.client);
    zone_close(s.zone);
    return code;
}
