/* Verbs that are one call of the API each: a table. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/ctl/ctl.h"

enum { MAX_PARAMS = 12, FILE_MAX = 64 << 20, PATH_MAX_BYTES = 8192 };

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

struct call {
    const char *noun, *verb;
    enum role role; /* whose token of the tokens file */
    const char *method;
    const char *path;           /* "{}" takes the next argument */
    const char *const *query;   /* options that go into the query string */
    const char *const *body;    /* options that go into a JSON body */
    bool file;                  /* the body is FILE, or standard input for "-" */
    const char *const *columns; /* NULL: JSON */
    const char *help;
};

#define READ_OPTIONS "where", "from", "to", "tz"

static const struct call calls[] = {
    {"feedback", "send", ROLE_INGEST, "POST", "/v1/feedback", NULL, NULL, true, NULL,
     "FILE|-: JSON or NDJSON"},
    {"feedback", "list", ROLE_QUALITY, "GET", "/v1/feedback",
     LIST(READ_OPTIONS, "q", "limit", "cursor"), NULL, false,
     LIST("created_at", "kind", "analysis.sentiment.label", "analysis.categories", "analysis.type",
          "analysis.signals", "segments", "text"),
     "the rows behind any number"},
    {"feedback", "get", ROLE_QUALITY, "GET", "/v1/feedback/{}", LIST("tz"), NULL, false, NULL,
     "ID: one record with its evidence"},
    {"trend", "get", ROLE_QUALITY, "GET", "/v1/trends",
     LIST(READ_OPTIONS, "measure", "by", "bucket", "compare", "limit", "segment_at"), NULL, false,
     LIST("key", "total.value", "total.n", "total.low", "total.high", "previous.value",
          "previous.n"),
     "a measure over time"},
    {"customer", "context", ROLE_AGENT, "GET", "/v1/customers/{}/context", LIST("tz"), NULL, false,
     NULL, "ID: a customer on one page"},
    {"customer", "lookup", ROLE_AGENT, "POST", "/v1/customers/lookup", LIST("tz"),
     LIST("phone", "email", "id"), false,
     LIST("id", "customer.name", "customer.phone", "customer.segments"),
     "by --phone, --email or --id"},
    {"customer", "unmask", ROLE_AGENT, "POST", "/v1/customers/{}/unmask", NULL,
     LIST("field", "reason"), false, LIST("field", "value"), "ID --field F --reason WHY: logged"},
    {"customer", "send", ROLE_INGEST, "POST", "/v1/customers", NULL, NULL, true, NULL,
     "FILE|-: JSON or NDJSON"},
    {"activity", "send", ROLE_INGEST, "POST", "/v1/activities", NULL, NULL, true, NULL,
     "FILE|-: JSON or NDJSON"},
    {"segment", "list", ROLE_QUALITY, "GET", "/v1/segments", NULL, NULL, false,
     LIST("code", "title", "members", "version", "effective_from", "where"), ""},
    {"segment", "put", ROLE_QUALITY, "PUT", "/v1/segments/{}", NULL,
     LIST("title", "where", "backfill"), false, NULL,
     "CODE --where FILTER [--title T] [--backfill true]"},
    {"segment", "retire", ROLE_QUALITY, "DELETE", "/v1/segments/{}", NULL, NULL, false, NULL,
     "CODE"},
    {"alert", "list", ROLE_SUPERVISOR, "GET", "/v1/alerts", LIST("status", "limit", "cursor"), NULL,
     false, LIST("id", "status", "severity", "title", "group", "starts_at", "owner", "reason.ko"),
     "[--status firing]"},
    {"alert", "get", ROLE_SUPERVISOR, "GET", "/v1/alerts/{}", NULL, NULL, false, NULL, "ID"},
    {"alert", "ack", ROLE_SUPERVISOR, "POST", "/v1/alerts/{}/acknowledge", NULL,
     LIST("owner", "note"), false, NULL, "ID [--owner WHO] [--note TEXT]"},
    {"rule", "list", ROLE_SUPERVISOR, "GET", "/v1/alert-rules", NULL, NULL, false,
     LIST("name", "severity", "measure", "op", "threshold", "window", "min_samples", "group_by",
          "where"),
     ""},
    {"rule", "put", ROLE_SUPERVISOR, "PUT", "/v1/alert-rules/{}", NULL, NULL, true, NULL,
     "NAME FILE|-: an alert rule as JSON"},
    {"rule", "delete", ROLE_SUPERVISOR, "DELETE", "/v1/alert-rules/{}", NULL, NULL, false, NULL,
     "NAME"},
    {"experiment", "list", ROLE_QUALITY, "GET", "/v1/experiments", LIST("tz"), NULL, false,
     LIST("id", "name", "measure", "control", "arms", "unit", "from", "to", "records", "declared"),
     "A/B tests, declared or named by records"},
    {"experiment", "delete", ROLE_QUALITY, "DELETE", "/v1/experiments/{}", NULL, NULL, false, NULL,
     "ID: the declaration; records stay"},
    {"token", "list", ROLE_ADMIN, "GET", "/v1/tokens", NULL, NULL, false,
     LIST("id", "name", "role", "created_at", "expires_at", "revoked_at"), ""},
    {"token", "create", ROLE_ADMIN, "POST", "/v1/tokens", NULL, LIST("role", "name", "expires_at"),
     false, NULL, "--role R --name WHO [--expires_at TIME]"},
    {"token", "revoke", ROLE_ADMIN, "DELETE", "/v1/tokens/{}", NULL, NULL, false, NULL, "ID"},
    {"access-log", "list", ROLE_ADMIN, "GET", "/v1/access-log", LIST("limit", "cursor", "order"),
     NULL, false,
     LIST("n", "at", "who.name", "who.role", "from", "what.action", "whose", "what.reason"),
     "who read whose data"},
    {"dead-letter", "list", ROLE_ADMIN, "GET", "/v1/dead-letters",
     LIST("source", "code", "limit", "cursor"), NULL, false,
     LIST("id", "received_at", "source", "stream", "code", "detail", "payload_bytes", "tries"),
     "payloads that could not be mapped"},
    {"dead-letter", "show", ROLE_ADMIN, "GET", "/v1/dead-letters/{}", NULL, NULL, false, NULL,
     "ID: one with its payload; logged"},
    {"dead-letter", "replay", ROLE_ADMIN, "POST", "/v1/dead-letters/replay", NULL,
     LIST("source", "code", "id"), false, NULL,
     "[--source S] [--code C] [--id ID]: through the mapping as it is now"},
    {"dead-letter", "remove", ROLE_ADMIN, "DELETE", "/v1/dead-letters/{}", NULL, NULL, false, NULL,
     "ID"},
    {"dead-letter", "clear", ROLE_ADMIN, "DELETE", "/v1/dead-letters", LIST("source"), NULL, false,
     NULL, "--source S: removes all of a source"},
    {"source", "list", ROLE_ADMIN, "GET", "/v1/sources", NULL, NULL, false,
     LIST("source", "connector", "state", "last_success_at", "lag_seconds", "last_record_at",
          "silence.silent", "silence.window", "silence.got", "silence.expected", "records.accepted",
          "records.rejected", "dead_letters", "error.detail"),
     "how every source does"},
    {"source", "poll", ROLE_ADMIN, "POST", "/v1/sources/{}/poll", NULL, NULL, false, NULL,
     "SOURCE [--dry-run]: asks now; or as preview does"},
    {"source", "preview", ROLE_ADMIN, "POST", "/v1/sources/{}/preview", LIST("stream"), NULL, false,
     NULL, "SOURCE [--stream S]: shows the next page as it would be taken; keeps nothing"},
    {"source", "pause", ROLE_ADMIN, "POST", "/v1/sources/{}/pause", NULL, NULL, false, NULL,
     "SOURCE"},
    {"source", "resume", ROLE_ADMIN, "POST", "/v1/sources/{}/resume", NULL, NULL, false, NULL,
     "SOURCE"},
    {"source", "backfill", ROLE_ADMIN, "POST", "/v1/sources/{}/backfill", LIST("from"), NULL, false,
     NULL, "SOURCE --from TIME: reads again from there"},
    {"source", "delete", ROLE_ADMIN, "DELETE", "/v1/sources/{}", NULL, NULL, false, NULL,
     "SOURCE: removes all its records"},
    {"vocabulary", "list", ROLE_AGENT, "GET", "/v1/vocabulary", NULL, NULL, false, NULL, ""},
    {"me", "show", ROLE_ADMIN, "GET", "/v1/me", NULL, NULL, false, NULL, "whose token this is"},
};

void ctl_api_usage(FILE *to)
{
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        fprintf(to, "  %s %s %s\n", calls[i].noun, calls[i].verb, calls[i].help);
}

static int make_path(struct ctl *c, const struct call *call, int *next, struct buf *path)
{
    for (const char *p = call->path; *p; p++) {
        if (p[0] == '{' && p[1] == '}') {
            if (*next >= c->argc) {
                fprintf(stderr, "usage: vocctl %s %s %s\n", call->noun, call->verb, call->help);
                return -EINVAL;
            }
            client_escape(path, span_str(c->argv[(*next)++]));
            p++;
        } else {
            buf_char(path, *p);
        }
    }
    return 0;
}

static void add_query(struct ctl *c, const struct call *call, struct buf *path)
{
    char option[64];
    char mark = '?';
    for (size_t i = 0; call->query && call->query[i]; i++) {
        snprintf(option, sizeof option, "--%s", call->query[i]);
        const char *value = ctl_option(c, option);
        if (!value)
            continue;
        buf_printf(path, "%c%s=", mark, call->query[i]);
        client_escape(path, span_str(value));
        mark = '&';
    }
}

static void make_body(struct ctl *c, const struct call *call, struct buf *body)
{
    char option[64];
    json_t *object = json_object();
    for (size_t i = 0; call->body[i]; i++) {
        snprintf(option, sizeof option, "--%s", call->body[i]);
        const char *value = ctl_option(c, option);
        if (value && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0))
            json_object_set_new(object, call->body[i], json_boolean(value[0] == 't'));
        else if (value)
            json_object_set_new(object, call->body[i], json_string(value));
    }
    char *text = json_dumps(object, JSON_COMPACT);
    if (text)
        buf_str(body, text);
    free(text);
    json_decref(object);
}

static int read_file(const char *name, struct buf *body)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    size_t n = 1;
    if (!f) {
        perror(name);
        return -errno;
    }
    while (n > 0) {
        char *to = buf_reserve(body, 1 << 16);
        n = to ? fread(to, 1, 1 << 16, f) : 0;
        body->n += n;
    }
    if (f != stdin)
        fclose(f);
    return buf_error(body);
}

/* NDJSON has a second object after a line end; one JSON text does not. */
static const char *type_of(struct span body)
{
    json_error_t error;
    json_t *whole = json_loadb(body.p, body.n, 0, &error);
    json_decref(whole);
    return whole ? "application/json" : "application/x-ndjson";
}

static int show(struct ctl *c, const struct call *call, const struct client_answer *a)
{
    if (!client_ok(a))
        return CTL_FAILED;
    json_t *answer = a->body.n ? json_loadb(a->body.p, a->body.n, 0, NULL) : NULL;
    if (answer)
        print_items(stdout, c->format, answer, call->columns);
    json_decref(answer);
    return CTL_OK;
}

static int run(struct ctl *c, const struct call *call)
{
    struct buf path, body;
    int next = 2, code = CTL_USAGE;
    buf_init(&path, PATH_MAX_BYTES);
    buf_init(&body, FILE_MAX);
    if (call->body)
        make_body(c, call, &body);
    struct buf query;
    buf_init(&query, PATH_MAX_BYTES);
    add_query(c, call, &query);
    if (make_path(c, call, &next, &path) < 0)
        goto out;
    buf_add(&path, buf_span(&query));
    if (call->file && (next >= c->argc || read_file(c->argv[next++], &body) < 0))
        goto out;
    if (ctl_leftover(c, next))
        goto out;
    struct client *client = client_new(&c->client);
    struct client_answer answer;
    code = CTL_FAILED;
    if (!client)
        goto out;
    struct span sent =
        body.n || call->body || call->file ? span_of(body.n ? body.p : "", body.n) : SPAN_NONE;
    client_call(client, call->role, call->method, path.p, sent.p ? type_of(sent) : NULL, sent,
                &answer);
    code = show(c, call, &answer);
    buf_done(&answer.body);
    client_free(client);
out:
    buf_done(&query);
    buf_done(&path);
    buf_done(&body);
    return code;
}

/* A poll that keeps nothing has a name of its own in the API. */
static void take_dry_run(struct ctl *c)
{
    static char preview[] = "preview";
    if (c->argc > 1 && strcmp(c->argv[0], "source") == 0 && strcmp(c->argv[1], "poll") == 0 &&
        ctl_flag(c, "--dry-run"))
        c->argv[1] = preview;
}

int ctl_api(struct ctl *c)
{
    take_dry_run(c);
    for (size_t i = 0; i < ARRAY_LEN(calls) && c->argc > 1; i++) {
        if (strcmp(c->argv[0], calls[i].noun) == 0 && strcmp(c->argv[1], calls[i].verb) == 0)
            return run(c, &calls[i]);
    }
    return -1;
}
