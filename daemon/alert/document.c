#include "daemon/alert/document.h"

#include <math.h>

#include "base/err.h"
#include "daemon/format/json_text.h"
#include "daemon/format/json_out.h"

/* --- writing --- */

static void print_reason(struct json_out *j, const struct alert_reason *r)
{
    json_open(j, "reason", '{');
    json_text(j, "ko", r->ko);
    json_text(j, "en", r->en);
    json_close(j, '}');
}

static void print_texts(struct json_out *j, const char *key, const struct span *s, size_t n)
{
    json_open(j, key, '[');
    for (size_t i = 0; i < n; i++)
        json_text(j, NULL, s[i]);
    json_close(j, ']');
}

static void print_resolved(struct json_out *j, const struct alert_document *d)
{
    if (!d->resolved.ko.p) {
        json_nil(j, "resolved");
        return;
    }
    json_open(j, "resolved", '{');
    json_num(j, "value", d->resolved_value);
    json_int(j, "n", d->resolved_n);
    print_reason(j, &d->resolved);
    json_close(j, '}');
}

static void print_history(struct json_out *j, const struct alert_document *d)
{
    json_text(j, "owner", d->owner);
    json_open(j, "acknowledgements", '[');
    for (size_t i = 0; i < d->n_acks; i++) {
        json_open(j, NULL, '{');
        json_text(j, "by", d->acks[i].by);
        json_text(j, "owner", d->acks[i].owner);
        json_text(j, "note", d->acks[i].note);
        json_text(j, "at", d->acks[i].at);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open(j, "notices", '[');
    for (size_t i = 0; i < d->n_notices; i++) {
        json_open(j, NULL, '{');
        json_text(j, "id", d->notices[i].id);
        json_text(j, "receiver", d->notices[i].receiver);
        json_text(j, "phase", d->notices[i].phase);
        json_close(j, '}');
    }
    json_close(j, ']');
}

int alert_document_print(const struct alert_document *d, struct buf *out)
{
    struct json_out j = json_out_to(out);
    json_open(&j, NULL, '{');
    json_text(&j, "id", d->id);
    json_text(&j, "rule", d->rule);
    json_text(&j, "title", d->title);
    json_text(&j, "severity", d->severity);
    json_cstr(&j, "status", d->firing ? "firing" : "resolved");
    json_open(&j, "group", '{');
    for (size_t i = 0; i < d->n_group; i++) {
        json_key(&j, d->group[i].key);
        json_text(&j, NULL, d->group[i].value);
    }
    json_close(&j, '}');
    json_text(&j, "starts_at", d->starts_at);
    json_text(&j, "ends_at", d->ends_at);
    json_text(&j, "measure", d->measure);
    json_num(&j, "value", d->value);
    json_int(&j, "n", d->n);
    json_num(&j, "threshold", d->threshold);
    json_text(&j, "window", d->window);
    print_reason(&j, &d->reason);
    print_resolved(&j, d);
    print_texts(&j, "examples", d->examples, d->n_examples);
    print_texts(&j, "quotes", d->quotes, d->n_quotes);
    print_history(&j, d);
    json_close(&j, '}');
    return buf_error(out);
}

/* --- reading --- */

struct reader {
    struct arena *arena;
    int error; /* sticky */
};

static void *alloc(struct reader *r, size_t n, size_t size)
{
    void *p = arena_array(r->arena, n, size);
    if (!p)
        r->error = -ENOMEM;
    return p;
}

/* Absent when it is null or not there. */
static struct span text_of(struct reader *r, const json_t *v)
{
    if (!json_is_string(v))
        return SPAN_NONE;
    struct span s = arena_dup(r->arena, span_of(json_string_value(v), json_string_length(v)));
    if (!s.p)
        r->error = -ENOMEM;
    return s;
}

static struct span text(struct reader *r, const json_t *o, const char *key)
{
    return text_of(r, json_object_get(o, key));
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const struct span *texts(struct reader *r, const json_t *o, const char *key, size_t *ret_n)
{
    const json_t *list = json_object_get(o, key);
    size_t n = json_array_size(list);
    struct span *s = alloc(r, n, sizeof *s);
    for (size_t i = 0; s && i < n; i++)
        s[i] = text_of(r, json_array_get(list, i));
    *ret_n = s ? n : 0;
    return s;
}

static struct alert_reason reason(struct reader *r, const json_t *o)
{
    const json_t *v = json_object_get(o, "reason");
    return (struct alert_reason){text(r, v, "ko"), text(r, v, "en")};
}

static void read_group(struct reader *r, json_t *o, struct alert_document *d)
{
    json_t *group = json_object_get(o, "group"), *v;
    const char *key;
    size_t n = 0;
    struct pair *pairs = alloc(r, json_object_size(group), sizeof *pairs);
    if (!pairs)
        return;
    json_object_foreach(group, key, v)
    {
        pairs[n].key = arena_dup(r->arena, span_str(key));
        pairs[n++].value = text_of(r, v);
    }
    d->group = pairs;
    d->n_group = n;
}

static void read_history(struct reader *r, const json_t *o, struct alert_document *d)
{
    const json_t *acks = json_object_get(o, "acknowledgements");
    const json_t *notices = json_object_get(o, "notices");
    d->owner = text(r, o, "owner");
    d->n_acks = json_array_size(acks);
    d->acks = alloc(r, d->n_acks, sizeof *d->acks);
    for (size_t i = 0; d->acks && i < d->n_acks; i++) {
        const json_t *a = json_array_get(acks, i);
        d->acks[i] = (struct alert_ack_entry){text(r, a, "by"), text(r, a, "owner"),
                                              text(r, a, "note"), text(r, a, "at")};
    }
    d->n_notices = json_array_size(notices);
    d->notices = alloc(r, d->n_notices, sizeof *d->notices);
    for (size_t i = 0; d->notices && i < d->n_notices; i++) {
        const json_t *n = json_array_get(notices, i);
        d->notices[i] =
            (struct alert_notice){text(r, n, "id"), text(r, n, "receiver"), text(r, n, "phase")};
    }
}

static void read_document(struct reader *r, json_t *o, struct alert_document *d)
{
    const json_t *resolved = json_object_get(o, "resolved");
    d->id = text(r, o, "id");
    d->rule = text(r, o, "rule");
    d->title = text(r, o, "title");
    d->severity = text(r, o, "severity");
    d->firing = span_is(text(r, o, "status"), "firing");
    read_group(r, o, d);
    d->starts_at = text(r, o, "starts_at");
    d->ends_at = text(r, o, "ends_at");
    d->measure = text(r, o, "measure");
    d->value = number(o, "value");
    d->threshold = number(o, "threshold");
    d->n = json_integer_value(json_object_get(o, "n"));
    d->window = text(r, o, "window");
    d->reason = reason(r, o);
    d->resolved_value = number(resolved, "value");
    d->resolved_n = json_integer_value(json_object_get(resolved, "n"));
    d->resolved = reason(r, resolved);
    d->examples = texts(r, o, "examples", &d->n_examples);
    d->quotes = texts(r, o, "quotes", &d->n_quotes);
    read_history(r, o, d);
    if (r->error == 0 && (!d->id.n || !d->rule.n || !d->title.p || !d->severity.n))
        r->error = -VOC_E_CORRUPT;
}

int alert_document_parse(struct span json, struct arena *a, struct alert_document *ret)
{
    struct reader r = {.arena = a};
    struct alert_document d = {0};
    struct json_problem problem;
    json_t *o = NULL;
    int rc = json_text_parse(json, &o, &problem);
    if (rc < 0)
        return rc == -EINVAL ? -VOC_E_CORRUPT : rc;
    read_document(&r, o, &d);
    json_decref(o);
    if (r.error == 0)
        *ret = d;
    return r.error;
}
