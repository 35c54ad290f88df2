#include "daemon/alert/rule.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "base/utf8.h"
#include "daemon/format/json_text.h"
#include "daemon/format/json_out.h"

static const char *const measures[ALERT_MEASURES] = {"count", "negative_rate", "positive_rate",
                                                     "csat", "nps"};
static const char *const ops[ALERT_OPS] = {">=", ">", "<=", "<"};
static const char *const severities[ALERT_SEVERITIES] = {"info", "warning", "critical"};

const char *alert_measure_name(enum alert_measure m)
{
    return measures[m];
}

const char *alert_op_name(enum alert_op op)
{
    return ops[op];
}

const char *alert_severity_name(enum alert_severity s)
{
    return severities[s];
}

void alert_window_name(int64_t minutes, char out[ALERT_WINDOW_TEXT])
{
    if (minutes % (24 * 60) == 0)
        snprintf(out, ALERT_WINDOW_TEXT, "%" PRId64 "d", minutes / (24 * 60));
    else if (minutes % 60 == 0)
        snprintf(out, ALERT_WINDOW_TEXT, "%" PRId64 "h", minutes / 60);
    else
        snprintf(out, ALERT_WINDOW_TEXT, "%" PRId64 "m", minutes);
}

/* --- reading --- */

struct reader {
    struct arena *arena;
    struct alert_rule *rule;
    struct span message;
    bool has_measure, has_threshold, has_recover, has_samples, has_op;
};

static int refuse(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct reader *r, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->message = arena_dup(r->arena, span_str(text));
    return r->message.p ? -EINVAL : -ENOMEM;
}

static struct span text_of(const json_t *v)
{
    return span_of(json_string_value(v), json_string_length(v));
}

static int copy(struct reader *r, struct span s, struct span *ret)
{
    *ret = arena_dup(r->arena, s);
    return ret->p ? 0 : -ENOMEM;
}

/* Letters, digits, - _ . after a letter or digit: what a URL and a config receiver can be named. */
static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return s.n >= 1 && s.n <= ALERT_MAX_NAME;
}

static int choose(struct reader *r, const json_t *v, const char *what, const char *const *words,
                  size_t n, int *ret)
{
    char list[128] = "";
    for (size_t i = 0; i < n; i++) {
        if (json_is_string(v) && span_is(text_of(v), words[i])) {
            *ret = (int)i;
            return 0;
        }
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", words[i]);
    }
    return refuse(r, "%s: one of %s", what, list);
}

static int read_name(struct reader *r, const json_t *v)
{
    if (!json_is_string(v) || !span_eq(text_of(v), r->rule->name))
        return refuse(r, "name: leave it out, or the same as in the address");
    return 0;
}

static bool is_line(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
            return false;
    }
    return true;
}

static int read_title(struct reader *r, const json_t *v)
{
    struct span s = text_of(v);
    if (!json_is_string(v) || s.n == 0 || s.n > ALERT_MAX_TITLE || !is_line(s))
        return refuse(r, "title: one line of 1 to %d bytes", ALERT_MAX_TITLE);
    return copy(r, s, &r->rule->title);
}

/* Then a record would stop matching by itself, and could not be taken back from its window. */
static bool depends_on_now(const struct where_node *n)
{
    if (!n)
        return false;
    if (n->op == WHERE_AND || n->op == WHERE_OR || n->op == WHERE_NOT)
        return depends_on_now(n->left) || depends_on_now(n->right);
    for (size_t i = 0; i < n->n_values; i++) {
        if (n->values[i].is_relative)
            return true;
    }
    return false;
}

static int read_where(struct reader *r, const json_t *v)
{
    struct where_error err = {0};
    struct where *w = NULL;
    if (!json_is_string(v))
        return refuse(r, "where: a filter as text");
    int rc = where_parse(text_of(v), WHERE_RECORD, r->arena, &w, &err);
    if (rc == -EINVAL)
        return refuse(r, "where: column %" PRIu32 ": %s", err.column, err.message);
    if (rc == 0 && depends_on_now(w->root))
        return refuse(r, "where: no now in an alert rule; its window says how far back it looks");
    if (rc == 0)
        r->rule->where = w;
    return rc;
}

static int read_each(struct reader *r, const json_t *v)
{
    if (!json_is_boolean(v))
        return refuse(r, "each: true or false");
    r->rule->each = json_is_true(v);
    return 0;
}

static int read_measure(struct reader *r, const json_t *v)
{
    int id = 0;
    int rc = choose(r, v, "measure", measures, ALERT_MEASURES, &id);
    r->rule->test.measure = (enum alert_measure)id;
    r->has_measure = true;
    return rc;
}

static int read_op(struct reader *r, const json_t *v)
{
    int id = 0;
    int rc = choose(r, v, "op", ops, ALERT_OPS, &id);
    r->rule->test.op = (enum alert_op)id;
    r->has_op = true;
    return rc;
}

static int read_severity(struct reader *r, const json_t *v)
{
    int id = 0;
    int rc = choose(r, v, "severity", severities, ALERT_SEVERITIES, &id);
    r->rule->severity = (enum alert_severity)id;
    return rc;
}

static int read_threshold(struct reader *r, const json_t *v)
{
    if (!json_is_number(v))
        return refuse(r, "threshold: a number");
    r->rule->test.threshold = json_number_value(v);
    r->has_threshold = true;
    return 0;
}

static int read_recover(struct reader *r, const json_t *v)
{
    if (!json_is_number(v))
        return refuse(r, "recover: a number");
    r->rule->test.recover = json_number_value(v);
    r->has_recover = true;
    return 0;
}

static int read_window(struct reader *r, const json_t *v)
{
    int64_t ms = 0;
    if (!json_is_string(v) || time_parse_duration(text_of(v), &ms) < 0)
        return refuse(r, "window: a duration like 1h");
    if (ms < MS_MINUTE || ms > ALERT_MAX_WINDOW * MS_MINUTE || ms % MS_MINUTE)
        return refuse(r, "window: whole minutes, 1m to 7d");
    r->rule->test.window = ms / MS_MINUTE;
    return 0;
}

static int read_samples(struct reader *r, const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 1000000)
        return refuse(r, "min_samples: a whole number, 0 to 1000000");
    r->rule->test.min_samples = json_integer_value(v);
    r->has_samples = true;
    return 0;
}

static int read_group_field(struct reader *r, const json_t *v)
{
    struct alert_group_by *g = &r->rule->group_by[r->rule->n_group_by];
    int field = json_is_string(v) ? where_field_find(text_of(v), &g->key) : -1;
    if (field < 0 || !is_line(text_of(v)) || json_string_length(v) > ALERT_MAX_TITLE)
        return refuse(r, "group_by: names of fields, like product or attributes.KEY");
    g->field = (enum where_field)field;
    enum where_type type = where_field_type(g->field);
    if (type != WHERE_TEXT && type != WHERE_MULTI)
        return refuse(r, "group_by: %s has no values to group by", where_field_name(g->field));
    int rc = copy(r, text_of(v), &g->name);
    if (rc == 0 && g->key.p)
        rc = copy(r, g->key, &g->key);
    for (size_t i = 0; i < r->rule->n_group_by && rc == 0; i++) {
        if (span_eq(r->rule->group_by[i].name, g->name))
            return refuse(r, "group_by: a field twice");
    }
    r->rule->n_group_by += rc == 0;
    return rc;
}

static int read_group_by(struct reader *r, const json_t *v)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > ALERT_MAX_GROUP_BY)
        return refuse(r, "group_by: a list of at most %d fields", ALERT_MAX_GROUP_BY);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = read_group_field(r, json_array_get(v, i));
    return rc;
}

static int read_receivers(struct reader *r, const json_t *v)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v) || n > ALERT_MAX_RECEIVERS)
        return refuse(r, "receivers: a list of at most %d names", ALERT_MAX_RECEIVERS);
    struct span *names = arena_array(r->arena, n, sizeof *names);
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *name = json_array_get(v, i);
        if (!json_is_string(name) || !is_name(text_of(name)))
            return refuse(r, "receivers: names of receivers of the configuration");
        for (size_t k = 0; k < i; k++) {
            if (span_eq(names[k], text_of(name)))
                return refuse(r, "receivers: a name twice");
        }
        if (copy(r, text_of(name), &names[i]) < 0)
            return -ENOMEM;
    }
    r->rule->receivers = names;
    r->rule->n_receivers = n;
    return 0;
}

static const struct member {
    const char *key;
    int (*read)(struct reader *r, const json_t *v);
    bool of_each; /* a rule with `each` may have it */
} members[] = {
    {"name", read_name, true},
    {"title", read_title, true},
    {"where", read_where, true},
    {"each", read_each, true},
    {"measure", read_measure, false},
    {"op", read_op, false},
    {"threshold", read_threshold, false},
    {"recover", read_recover, false},
    {"window", read_window, true},
    {"min_samples", read_samples, false},
    {"group_by", read_group_by, false},
    {"severity", read_severity, true},
    {"receivers", read_receivers, true},
};

static const struct member *member_find(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (strcmp(members[i].key, key) == 0)
            return &members[i];
    }
    return NULL;
}

static int read_members(struct reader *r, json_t *object)
{
    bool each = json_is_true(json_object_get(object, "each"));
    const char *key;
    json_t *v;
    json_object_foreach(object, key, v)
    {
        const struct member *m = member_find(key);
        struct span shown = utf8_cut(span_str(key), 40);
        if (!m)
            return refuse(r, "%.*s: no such setting of an alert rule", SPAN_FMT(shown));
        if (each && !m->of_each)
            return refuse(r, "%s: a rule with each has none", key);
        int rc = m->read(r, v);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_between(enum alert_measure m, double v)
{
    double low = m == ALERT_NPS ? -1 : 0, high = m == ALERT_COUNT ? 1e9 : 1;
    return v >= low && v <= high;
}

/* 0 is the count of a window nobody wrote in: such a rule would never rest. */
static bool fires_on_nothing(const struct alert_test *t)
{
    return t->measure == ALERT_COUNT &&
           ((t->op == ALERT_GE && t->threshold <= 0) || (t->op == ALERT_GT && t->threshold < 0));
}

static int check_test(struct reader *r)
{
    struct alert_test *t = &r->rule->test;
    bool upward = t->op == ALERT_GE || t->op == ALERT_GT;
    if (!r->has_measure)
        return refuse(r, "measure: what is measured (or each: true)");
    if (!r->has_threshold)
        return refuse(r, "threshold: the value at which the rule fires");
    if (!r->has_recover)
        t->recover = t->threshold;
    if (!r->has_samples)
        t->min_samples = t->measure == ALERT_COUNT ? 0 : 10;
    if (!is_between(t->measure, t->threshold) || !is_between(t->measure, t->recover))
        return refuse(r, "threshold, recover: %s lies between %s", measures[t->measure],
                      t->measure == ALERT_COUNT ? "0 and 1000000000"
                      : t->measure == ALERT_NPS ? "-1 and 1"
                                                : "0 and 1");
    if (upward ? t->recover > t->threshold : t->recover < t->threshold)
        return refuse(r, "recover: on the calm side of the threshold");
    if (fires_on_nothing(t))
        return refuse(r, "threshold: a count of nothing would fire it");
    if (t->measure != ALERT_COUNT && t->min_samples == 0)
        return refuse(r, "min_samples: at least 1 for %s", measures[t->measure]);
    return 0;
}

static int finish(struct reader *r)
{
    if (!r->rule->where)
        return refuse(r, "where: which records the rule is about (\"\" for all)");
    if (!r->rule->title.p)
        r->rule->title = r->rule->name;
    return r->rule->each ? 0 : check_test(r);
}

static int read_rule(struct reader *r, struct span name, struct span json)
{
    struct json_problem problem;
    json_t *object = NULL;
    r->rule = arena_zalloc(r->arena, sizeof *r->rule);
    if (!r->rule)
        return -ENOMEM;
    *r->rule = (struct alert_rule){.test = {.window = 60}, .severity = ALERT_WARNING};
    if (!is_name(name))
        return refuse(r, "name: 1 to %d letters, digits, - _ . after a letter or digit",
                      ALERT_MAX_NAME);
    int rc = copy(r, name, &r->rule->name);
    if (rc < 0)
        return rc;
    rc = json_text_parse(json, &object, &problem);
    if (rc == -EINVAL)
        return refuse(r, "line %zu, column %zu: %s", problem.line, problem.column, problem.what);
    if (rc == 0)
        rc = json_is_object(object) ? read_members(r, object) : refuse(r, "a rule is an object");
    json_decref(object);
    return rc < 0 ? rc : finish(r);
}

int alert_rule_parse(struct span name, struct span json, struct arena *a, struct alert_rule **ret,
                     struct span *ret_message)
{
    struct reader r = {.arena = a};
    int rc = read_rule(&r, name, json);
    if (rc == 0)
        *ret = r.rule;
    else if (rc == -EINVAL)
        *ret_message = r.message;
    return rc;
}

/* --- writing --- */

static void print_test(struct json_out *j, const struct alert_rule *r)
{
    json_cstr(j, "measure", measures[r->test.measure]);
    json_cstr(j, "op", ops[r->test.op]);
    json_num(j, "threshold", r->test.threshold);
    json_num(j, "recover", r->test.recover);
}

int alert_rule_print(const struct alert_rule *r, struct buf *out)
{
    struct json_out j = json_out_to(out);
    char window[ALERT_WINDOW_TEXT];
    json_open(&j, NULL, '{');
    json_text(&j, "name", r->name);
    json_text(&j, "title", r->title);
    json_text(&j, "where", r->where->text.p ? r->where->text : SPAN_LIT(""));
    if (r->each)
        json_flag(&j, "each", true);
    else
        print_test(&j, r);
    alert_window_name(r->test.window, window);
    json_cstr(&j, "window", window);
    if (!r->each) {
        json_int(&j, "min_samples", r->test.min_samples);
        json_open(&j, "group_by", '[');
        for (size_t i = 0; i < r->n_group_by; i++)
            json_text(&j, NULL, r->group_by[i].name);
        json_close(&j, ']');
    }
    json_cstr(&j, "severity", severities[r->severity]);
    json_open(&j, "receivers", '[');
    for (size_t i = 0; i < r->n_receivers; i++)
        json_text(&j, NULL, r->receivers[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    return buf_error(out);
}
