/* vocctl experiment declare and summary. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/ctl/ctl.h"

enum { PATH_BYTES = 8192 };

static int usage(void)
{
    fputs("usage: vocctl experiment declare ID [--name N] [--measure M] [--control ARM]\n"
          "              [--shares ARM=PART,ARM=PART…] [--unit conversation|customer] [--from T]\n"
          "              [--to T] [--margin X] [--better higher|lower] [--sequential true|false]\n"
          "       vocctl experiment summary ID [--measure M] [--control ARM] [--where FILTER]\n"
          "              [--from T] [--to T] [--tz ZONE]\n",
          stderr);
    return CTL_USAGE;
}

/* --- declare --- */

static bool add_text(struct ctl *c, json_t *body, const char *option)
{
    const char *value = ctl_option(c, option);
    return !value || json_object_set_new(body, option + 2, json_string(value)) == 0;
}

static bool add_margin(struct ctl *c, json_t *body)
{
    const char *value = ctl_option(c, "--margin");
    double margin;
    if (!value)
        return true;
    if (span_to_f64(span_str(value), &margin) == 0)
        return json_object_set_new(body, "margin", json_real(margin)) == 0;
    fputs("vocctl: --margin takes a number, 0.02 being two percent\n", stderr);
    return false;
}

static bool add_sequential(struct ctl *c, json_t *body)
{
    const char *value = ctl_option(c, "--sequential");
    bool yes = value && strcmp(value, "true") == 0;
    if (!value)
        return true;
    if (yes || strcmp(value, "false") == 0)
        return json_object_set_new(body, "sequential", json_boolean(yes)) == 0;
    fputs("vocctl: --sequential takes true or false\n", stderr);
    return false;
}

/* One ARM=PART; the last = parts them, so that arms may have their own. */
static bool add_share(json_t *shares, struct span one)
{
    size_t at = one.n;
    double part;
    while (at > 0 && one.p[at - 1] != '=')
        at--;
    if (at < 2 || span_to_f64(span_of(one.p + at, one.n - at), &part) < 0)
        return false;
    return json_object_setn_new(shares, one.p, at - 1, json_real(part)) == 0;
}

static bool add_shares(struct ctl *c, json_t *body)
{
    const char *value = ctl_option(c, "--shares");
    json_t *shares = value ? json_object() : NULL;
    if (!value)
        return true;
    for (struct span left = span_str(value); left.n;) {
        size_t n = span_find_char(left, ',');
        if (!add_share(shares, span_of(left.p, n))) {
            fputs("vocctl: --shares takes ARM=PART,ARM=PART as in A=1,B=1\n", stderr);
            json_decref(shares);
            return false;
        }
        left = n < left.n ? span_of(left.p + n + 1, left.n - n - 1) : SPAN_NONE;
    }
    return json_object_set_new(body, "shares", shares) == 0;
}

static bool make_declaration(struct ctl *c, json_t *body)
{
    static const char *const texts[] = {"--name", "--measure", "--control", "--unit",
                                        "--from", "--to",      "--better"};
    bool ok = body != NULL;
    for (size_t i = 0; ok && i < ARRAY_LEN(texts); i++)
        ok = add_text(c, body, texts[i]);
    return ok && add_margin(c, body) && add_sequential(c, body) && add_shares(c, body);
}

static int call(struct ctl *c, const char *method, const struct buf *path, const char *body,
                struct client_answer *ret)
{
    struct client *client = buf_error(path) ? NULL : client_new(&c->client);
    if (!client)
        return -EIO;
    client_call(client, ROLE_QUALITY, method, path->p, body ? "application/json" : NULL,
                body ? span_str(body) : SPAN_NONE, ret);
    client_free(client);
    return 0;
}

static void make_path(struct buf *path, const char *id)
{
    buf_init(path, PATH_BYTES);
    buf_str(path, "/v1/experiments/");
    client_escape(path, span_str(id));
}

static int declare(struct ctl *c)
{
    struct client_answer a;
    struct buf path;
    json_t *body = json_object();
    char *text = NULL;
    int code = CTL_USAGE;
    buf_init(&path, PATH_BYTES);
    if (!make_declaration(c, body))
        goto out;
    if (c->argc < 3) {
        usage();
        goto out;
    }
    if (ctl_leftover(c, 3))
        goto out;
    code = CTL_FAILED;
    make_path(&path, c->argv[2]);
    text = json_dumps(body, JSON_COMPACT);
    if (text && call(c, "PUT", &path, text, &a) == 0) {
        code = client_ok(&a) ? CTL_OK : CTL_FAILED;
        buf_done(&a.body);
    }
out:
    free(text);
    json_decref(body);
    buf_done(&path);
    return code;
}

/* --- summary --- */

static void add_query(struct ctl *c, struct buf *path)
{
    static const char *const options[] = {"--measure", "--control", "--where",
                                          "--from",    "--to",      "--tz"};
    char mark = '?';
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const char *value = ctl_option(c, options[i]);
        if (!value)
            continue;
        buf_printf(path, "%c%s=", mark, options[i] + 2);
        client_escape(path, span_str(value));
        mark = '&';
    }
}

static json_t *comparison_of(json_t *summary, const char *arm)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(summary, "comparisons"), i, c)
    {
        if (strcmp(json_string_value(json_object_get(c, "arm")), arm) == 0)
            return c;
    }
    return NULL;
}

/* One row of the table: a measure of an arm, beside what sets it apart from the control. */
static void add_row(json_t *items, json_t *summary, json_t *arm, const char *measure)
{
    const char *name = json_string_value(json_object_get(arm, "arm"));
    json_t *number = json_object_get(json_object_get(arm, "measures"), measure);
    json_t *comparison = name ? comparison_of(summary, name) : NULL;
    json_t *difference = json_object_get(json_object_get(comparison, "measures"), measure);
    if (!name || json_integer_value(json_object_get(number, "n")) == 0)
        return;
    json_t *row = json_pack("{s:s, s:s, s:O}", "measure", measure, "arm", name, "of", number);
    if (row && difference)
        json_object_set(row, "vs", difference);
    json_array_append_new(items, row);
}

/* The measure that decides comes first. */
static json_t *measure_rows(json_t *summary)
{
    const char *decides = json_string_value(json_object_get(summary, "measure")), *measure;
    json_t *items = json_array(), *arms = json_object_get(summary, "arms"), *arm, *v;
    json_t *measures = json_object_get(json_array_get(arms, 0), "measures");
    size_t i;
    json_array_foreach(arms, i, arm)
    {
        add_row(items, summary, arm, decides);
    }
    json_object_foreach(measures, measure, v)
    {
        json_array_foreach(arms, i, arm)
        {
            if (strcmp(measure, decides) != 0)
                add_row(items, summary, arm, measure);
        }
    }
    return json_pack("{s:o}", "items", items);
}

static json_t *arm_rows(json_t *summary)
{
    json_t *items = json_array(), *arms = json_object_get(summary, "arms"), *arm;
    json_t *ratio = json_object_get(summary, "ratio_check");
    size_t i;
    json_array_foreach(arms, i, arm)
    {
        const char *name = json_string_value(json_object_get(arm, "arm"));
        json_t *row = json_copy(arm);
        json_object_del(row, "measures");
        json_object_set(row, "expected", json_object_get(json_object_get(ratio, "expected"), name));
        json_object_set(row, "observed", json_object_get(json_object_get(ratio, "observed"), name));
        json_array_append_new(items, row);
    }
    return json_pack("{s:o}", "items", items);
}

static void print_sentences(json_t *v, const char *code)
{
    printf("\n%s: %s\n%s\n", code, json_string_value(json_object_get(v, "ko")),
           json_string_value(json_object_get(v, "en")));
}

static void print_summary(struct ctl *c, json_t *summary)
{
    static const char *const head[] = {"experiment", "name", "measure", "unit",
                                       "from",       "to",   "control", NULL};
    static const char *const arm_columns[] = {"arm",     "expected", "observed",  "assigned",
                                              "records", "surveyed", "responded", NULL};
    static const char *const columns[] = {
        "measure", "arm",     "of.value", "of.low",        "of.high",       "of.n", "vs.difference",
        "vs.low",  "vs.high", "vs.p",     "vs.p_adjusted", "vs.any_time.p", NULL};
    json_t *verdict = json_object_get(summary, "verdict"), *warning, *rows, *arms;
    size_t i;
    if (c->format == PRINT_JSON) {
        print_items(stdout, c->format, summary, NULL);
        return;
    }
    rows = measure_rows(summary);
    arms = arm_rows(summary);
    if (c->format == PRINT_TABLE) {
        print_items(stdout, c->format, summary, head);
        print_sentences(verdict, json_string_value(json_object_get(verdict, "code")));
        json_array_foreach(json_object_get(summary, "warnings"), i, warning)
        {
            print_sentences(warning, json_string_value(json_object_get(warning, "code")));
        }
        putchar('\n');
        print_items(stdout, c->format, arms, arm_columns);
        putchar('\n');
    }
    print_items(stdout, c->format, rows, columns);
    json_decref(rows);
    json_decref(arms);
}

static int summarize(struct ctl *c)
{
    struct client_answer a;
    struct buf query, path;
    int code = CTL_USAGE;
    buf_init(&query, PATH_BYTES);
    buf_init(&path, PATH_BYTES);
    add_query(c, &query);
    if (c->argc < 3) {
        usage();
        goto out;
    }
    if (ctl_leftover(c, 3))
        goto out;
    code = CTL_FAILED;
    make_path(&path, c->argv[2]);
    buf_str(&path, "/summary");
    buf_add(&path, buf_span(&query));
    if (call(c, "GET", &path, NULL, &a) < 0)
        goto out;
    json_t *summary = client_ok(&a) ? json_loadb(a.body.p, a.body.n, 0, NULL) : NULL;
    if (summary) {
        print_summary(c, summary);
        code = CTL_OK;
    }
    json_decref(summary);
    buf_done(&a.body);
out:
    buf_done(&query);
    buf_done(&path);
    return code;
}

int ctl_experiment(struct ctl *c)
{
    if (strcmp(c->argv[1], "declare") == 0)
        return declare(c);
    return summarize(c);
}
