#include "daemon/alert/receiver.h"

#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/alert/notice.h"
#include "daemon/format/json_text.h"
#include "daemon/format/signature.h"
#include "daemon/format/json_out.h"

enum {
    BODY_MAX = 1 << 20,
    TITLE_SHOWN = 600, /* bytes; a Slack section ends at 3,000 characters */
    SENTENCE_SHOWN = 600,
};

/* --- payloads --- */

static int take_payload(json_t *o, struct arena *a, struct receiver_payload *p)
{
    const json_t *phase = json_object_get(o, "phase");
    const json_t *workspace = json_object_get(o, "workspace");
    char *alert = json_dumps(json_object_get(o, "alert"), JSON_COMPACT | JSON_REAL_PRECISION(17));
    int rc = alert ? alert_document_parse(span_str(alert), a, &p->document) : -VOC_E_CORRUPT;
    free(alert);
    if (rc == 0 && (!json_is_string(phase) || uuid_parse(p->document.id, &p->alert) < 0))
        rc = -VOC_E_CORRUPT;
    if (rc < 0)
        return rc;
    p->firing = strcmp(json_string_value(phase), "firing") == 0;
    p->workspace = arena_dup(a, span_str(json_string_value(workspace)));
    return p->workspace.p ? 0 : -VOC_E_CORRUPT;
}

int receiver_payload_parse(struct span payload, struct arena *a, struct receiver_payload *ret)
{
    struct json_problem problem;
    struct receiver_payload p = {0};
    json_t *o = NULL;
    int rc = json_text_parse(payload, &o, &problem);
    if (rc == 0)
        rc = take_payload(o, a, &p);
    json_decref(o);
    if (rc == 0)
        *ret = p;
    return rc == -EINVAL ? -VOC_E_CORRUPT : rc;
}

/* --- webhook: Alertmanager v4 --- */

/* A label's name is [a-zA-Z_][a-zA-Z0-9_]*. */
static struct span label_name(struct span s, struct arena *a)
{
    struct span copy = arena_dup(a, s);
    char *p = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++) {
        bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z');
        if (!letter && (i == 0 || p[i] < '0' || p[i] > '9'))
            p[i] = '_';
    }
    return copy;
}

static void put_labels(struct json_out *j, const char *key, const struct receiver_payload *p,
                       struct arena *a)
{
    const struct alert_document *d = &p->document;
    json_open(j, key, '{');
    json_text(j, "alertname", d->rule);
    json_text(j, "severity", d->severity);
    json_text(j, "workspace", p->workspace);
    for (size_t i = 0; i < d->n_group; i++) {
        json_key(j, label_name(d->group[i].key, a));
        json_text(j, NULL, d->group[i].value);
    }
    json_close(j, '}');
}

static void put_annotations(struct json_out *j, const char *key, const struct notice_message *m)
{
    json_open(j, key, '{');
    json_text(j, "title", m->title);
    json_text(j, "summary", m->ko);
    json_text(j, "summary_en", m->en);
    json_close(j, '}');
}

/* The same for every alert of one rule and group. */
static struct span fingerprint(const struct receiver_payload *p, struct arena *a)
{
    struct buf b;
    struct json_out j = json_out_to(&b);
    buf_init(&b, BODY_MAX);
    put_labels(&j, NULL, p, a);
    struct span s = arena_printf(a, "%016" PRIx64, (uint64_t)XXH3_64bits(b.p ? b.p : "", b.n));
    buf_done(&b);
    return s;
}

static void put_alert(struct json_out *j, const struct receiver_payload *p,
                      const struct notice_message *m, struct arena *a)
{
    const struct alert_document *d = &p->document;
    json_open(j, "alerts", '[');
    json_open(j, NULL, '{');
    json_cstr(j, "status", p->firing ? "firing" : "resolved");
    put_labels(j, "labels", p, a);
    put_annotations(j, "annotations", m);
    json_text(j, "startsAt", d->starts_at);
    json_text(j, "endsAt", d->ends_at.n ? d->ends_at : SPAN_LIT("0001-01-01T00:00:00Z"));
    json_text(j, "generatorURL", m->link.p ? m->link : SPAN_LIT(""));
    json_text(j, "fingerprint", fingerprint(p, a));
    json_close(j, '}');
    json_close(j, ']');
}

static void put_vocd(struct json_out *j, const struct receiver_input *in)
{
    char notice[UUID_TEXT];
    struct buf alert;
    buf_init(&alert, BODY_MAX);
    uuid_format(in->notice, notice);
    json_open(j, "vocd", '{');
    json_cstr(j, "notice_id", notice);
    json_text(j, "workspace", in->payload->workspace);
    json_cstr(j, "phase", in->payload->firing ? "firing" : "resolved");
    if (alert_document_print(&in->payload->document, &alert) == 0)
        json_raw(j, "alert", buf_span(&alert));
    else
        j->b->error = buf_error(&alert);
    json_close(j, '}');
    buf_done(&alert);
}

static void webhook_body(const struct receiver_input *in, const struct notice_message *m,
                         struct arena *a, struct json_out *j)
{
    const struct receiver_payload *p = in->payload;
    struct span group_key = arena_printf(a, "{}/{workspace=\"%.*s\"}:{alertname=\"%.*s\"}",
                                         SPAN_FMT(p->workspace), SPAN_FMT(p->document.rule));
    json_open(j, NULL, '{');
    json_cstr(j, "version", "4");
    json_text(j, "groupKey", group_key);
    json_int(j, "truncatedAlerts", 0);
    json_cstr(j, "status", p->firing ? "firing" : "resolved");
    json_text(j, "receiver", in->receiver->name);
    json_open(j, "groupLabels", '{');
    json_text(j, "alertname", p->document.rule);
    json_close(j, '}');
    put_labels(j, "commonLabels", p, a);
    put_annotations(j, "commonAnnotations", m);
    json_text(j, "externalURL", in->external_url.p ? in->external_url : SPAN_LIT(""));
    put_alert(j, p, m, a);
    put_vocd(j, in);
    json_close(j, '}');
}

/* --- slack --- */

/* docs.slack.dev: & < > are escaped, nothing else. */
static void slack_text(struct buf *b, struct span s, size_t max)
{
    s = utf8_cut(s, max);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '&')
            buf_str(b, "&amp;");
        else if (s.p[i] == '<')
            buf_str(b, "&lt;");
        else if (s.p[i] == '>')
            buf_str(b, "&gt;");
        else
            buf_char(b, s.p[i]);
    }
}

/* A quote stays one line, whatever the record's text was. */
static struct span one_line(struct span s, struct arena *a)
{
    struct span copy = arena_dup(a, s);
    for (size_t i = 0; i < copy.n; i++) {
        if ((unsigned char)copy.p[i] < ' ')
            ((char *)copy.p)[i] = ' ';
    }
    return copy;
}

static void put_section(struct json_out *j, struct span text)
{
    json_open(j, NULL, '{');
    json_cstr(j, "type", "section");
    json_open(j, "text", '{');
    json_cstr(j, "type", "mrkdwn");
    json_text(j, "text", text);
    json_close(j, '}');
    json_close(j, '}');
}

static void slack_head(struct buf *b, const struct notice_message *m)
{
    buf_char(b, '*');
    slack_text(b, m->title, TITLE_SHOWN);
    buf_str(b, "*\n");
    slack_text(b, m->ko, SENTENCE_SHOWN);
    buf_char(b, '\n');
    slack_text(b, m->en, SENTENCE_SHOWN);
}

static void slack_times(struct buf *b, const struct notice_message *m)
{
    buf_printf(b, "시작 %.*s", SPAN_FMT(m->since));
    if (m->until.n)
        buf_printf(b, " · 해소 %.*s", SPAN_FMT(m->until));
    if (m->link.n)
        buf_printf(b, " · <%.*s|알림 보기>", SPAN_FMT(m->link));
}

static void slack_body(const struct receiver_input *in, const struct notice_message *m,
                       struct arena *a, struct json_out *j)
{
    const struct alert_document *d = &in->payload->document;
    struct buf text;
    buf_init(&text, BODY_MAX);
    slack_head(&text, m);
    json_open(j, NULL, '{');
    json_text(j, "text", arena_printf(a, "%.*s: %.*s", SPAN_FMT(m->title), SPAN_FMT(m->ko)));
    json_open(j, "blocks", '[');
    put_section(j, buf_span(&text));
    buf_reset(&text);
    for (size_t i = 0; in->payload->firing && i < d->n_quotes; i++) {
        if (d->quotes[i].n == 0)
            continue;
        buf_str(&text, text.n ? "\n> " : "> ");
        slack_text(&text, one_line(d->quotes[i], a), SENTENCE_SHOWN);
    }
    if (text.n)
        put_section(j, buf_span(&text));
    buf_reset(&text);
    slack_times(&text, m);
    put_section(j, buf_span(&text));
    json_close(j, ']');
    json_close(j, '}');
    buf_done(&text);
}

/* --- jandi --- */

static const char *colour(const struct receiver_payload *p)
{
    if (!p->firing)
        return "#12B76A";
    if (span_is(p->document.severity, "critical"))
        return "#D92D20";
    return span_is(p->document.severity, "info") ? "#2E90FA" : "#FAC11B";
}

static void put_info(struct json_out *j, const char *title, struct span description)
{
    json_open(j, NULL, '{');
    json_cstr(j, "title", title);
    json_text(j, "description", description);
    json_close(j, '}');
}

static void jandi_body(const struct receiver_input *in, const struct notice_message *m,
                       struct arena *a, struct json_out *j)
{
    const struct alert_document *d = &in->payload->document;
    struct span times = m->until.n
                            ? arena_printf(a, "%.*s ~ %.*s", SPAN_FMT(m->since), SPAN_FMT(m->until))
                            : m->since;
    json_open(j, NULL, '{');
    if (m->link.n)
        json_text(j, "body",
                  arena_printf(a, "[%.*s](%.*s)", SPAN_FMT(m->title), SPAN_FMT(m->link)));
    else
        json_text(j, "body", m->title);
    json_cstr(j, "connectColor", colour(in->payload));
    json_open(j, "connectInfo", '[');
    put_info(j, in->payload->firing ? "이유" : "해소", m->ko);
    put_info(j, in->payload->firing ? "Why" : "Resolved", m->en);
    put_info(j, "시각", times);
    for (size_t i = 0; in->payload->firing && i < d->n_quotes; i++) {
        if (d->quotes[i].n > 0)
            put_info(j, "고객의 말", one_line(d->quotes[i], a));
    }
    json_close(j, ']');
    json_close(j, '}');
}

/* --- requests --- */

static void add_header(struct receiver_request *r, struct span name, struct span value)
{
    r->headers[r->n_headers++] = (struct pair){name, value};
}

static struct span get_header(void *ctx, const char *name)
{
    const struct receiver_request *r = ctx;
    for (size_t i = 0; i < r->n_headers; i++) {
        if (span_is(r->headers[i].key, name))
            return r->headers[i].value;
    }
    return SPAN_NONE;
}

/* An unsigned webhook has id and time too: the id is how a repeated notice is recognised. */
static int sign(const struct receiver_input *in, struct arena *a, struct receiver_request *r)
{
    char id[UUID_TEXT], signature[SIGNATURE_TEXT];
    struct signature_headers headers = {get_header, r};
    uuid_format(in->notice, id);
    struct span id_copy = arena_dup(a, span_str(id));
    struct span at = arena_printf(a, "%" PRId64, in->now / MS_SECOND);
    if (!id_copy.p || !at.p)
        return -ENOMEM;
    add_header(r, SPAN_LIT("webhook-id"), id_copy);
    add_header(r, SPAN_LIT("webhook-timestamp"), at);
    if (!in->receiver->secret.n)
        return 0;
    int rc = signature_make(signature_find(SPAN_LIT("standard")), in->receiver->secret, &headers,
                            r->body, signature);
    struct span copy = rc == 0 ? arena_dup(a, span_str(signature)) : SPAN_NONE;
    if (rc == 0 && !copy.p)
        rc = -ENOMEM;
    if (rc == 0)
        add_header(r, SPAN_LIT("webhook-signature"), copy);
    return rc;
}

static int make_body(const struct receiver_input *in, struct arena *a, struct span *ret)
{
    static void (*const bodies[])(const struct receiver_input *, const struct notice_message *,
                                  struct arena *, struct json_out *) = {
        [RECEIVER_WEBHOOK] = webhook_body,
        [RECEIVER_SLACK] = slack_body,
        [RECEIVER_JANDI] = jandi_body,
    };
    struct notice_message m;
    struct buf b;
    int rc = notice_message(&in->payload->document, in->external_url, a, &m);
    if (rc < 0)
        return rc;
    buf_init(&b, BODY_MAX);
    struct json_out j = json_out_to(&b);
    bodies[in->receiver->type](in, &m, a, &j);
    rc = buf_error(&b);
    *ret = rc == 0 ? arena_dup(a, buf_span(&b)) : SPAN_NONE;
    buf_done(&b);
    return rc < 0 ? rc : ret->p ? 0 : -ENOMEM;
}

int receiver_request(const struct receiver_input *in, struct arena *a, struct receiver_request *ret)
{
    struct receiver_request r = {.url = in->receiver->url};
    int rc = make_body(in, a, &r.body);
    if (rc < 0)
        return rc;
    add_header(&r, SPAN_LIT("content-type"), SPAN_LIT("application/json"));
    if (in->receiver->type == RECEIVER_JANDI)
        add_header(&r, SPAN_LIT("accept"), SPAN_LIT("application/vnd.tosslab.jandi-v2+json"));
    if (in->receiver->type == RECEIVER_WEBHOOK)
        rc = sign(in, a, &r);
    if (rc == 0)
        *ret = r;
    return rc;
}
