/* Alerts and their rules for those who see them masked: quotes are masked when an alert is made;
 * what a supervisor writes into one, and the values it is grouped by, may name persons too. */
#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/alert/document.h"
#include "daemon/api/show.h"
#include "daemon/trust/handle.h"
#include "daemon/trust/masked_where.h"

enum { DOCUMENT_MAX = 1 << 20 };

static int mask(struct show *s, struct span *io)
{
    struct buf out;
    if (io->n == 0)
        return 0;
    buf_init(&out, DOCUMENT_MAX);
    int rc = mask_text(*io, 0, NULL, 0, &out);
    struct span masked = rc == 0 ? arena_dup(s->arena, buf_span(&out)) : SPAN_NONE;
    buf_done(&out);
    if (!masked.p)
        return -ENOMEM;
    *io = masked;
    return 0;
}

/* A customer's id, as a handle; but one that looked like an e-mail or a phone number was masked
 * when the alert was made, and is none any more. */
static int mask_person(struct show *s, struct span *io)
{
    bool stars = span_find_char(*io, '*') < io->n;
    if (io->n == 0 || span_is(*io, "(other)"))
        return 0;
    if (s->handles && !stars)
        return handle_make(s->handles, *io, s->arena, io);
    *io = SPAN_LIT("***");
    return 0;
}

/* By what anybody may write an id into. */
static bool is_named(struct span field)
{
    return span_is(field, where_field_name(WF_CONVERSATION)) ||
           span_is(field, where_field_name(WF_TAG)) ||
           span_starts(field, span_str(where_field_name(WF_ATTRIBUTE)));
}

static int mask_group(struct show *s, struct alert_document *d)
{
    struct pair *group = arena_array(s->arena, d->n_group, sizeof *group);
    int rc = group ? 0 : -ENOMEM;
    for (size_t i = 0; i < d->n_group && rc == 0; i++) {
        group[i] = d->group[i];
        if (span_is(group[i].key, where_field_name(WF_CUSTOMER)) ||
            (is_named(group[i].key) && show_is_somebody(s, group[i].value)))
            rc = mask_person(s, &group[i].value);
        else
            rc = mask(s, &group[i].value);
    }
    d->group = group;
    return rc;
}

static int mask_document(struct show *s, struct alert_document *d)
{
    int rc = mask(s, &d->title);
    if (rc == 0)
        rc = mask(s, &d->owner);
    if (rc == 0)
        rc = mask_group(s, d);
    for (size_t i = 0; i < d->n_acks && rc == 0; i++) {
        rc = mask(s, &d->acks[i].by);
        if (rc == 0)
            rc = mask(s, &d->acks[i].owner);
        if (rc == 0)
            rc = mask(s, &d->acks[i].note);
    }
    return rc;
}

/* Its filter and its title are the rule's only texts that say anything of anybody. */
static int mask_member(struct show *s, json_t *rule, const char *key)
{
    const json_t *v = json_object_get(rule, key);
    struct span text = span_of(json_string_value(v), json_string_length(v));
    bool names = strcmp(key, "where") == 0 && masked_where_names(text, WHERE_RECORD, s->arena);
    int rc = 0;
    if (names)
        text = SPAN_LIT("***");
    else
        rc = mask(s, &text);
    if (rc == 0 && v && json_object_set_new(rule, key, json_stringn(text.p, text.n)) < 0)
        rc = -ENOMEM;
    return rc;
}

int show_rule(struct show *s, struct span document)
{
    if (!s->masked) {
        json_raw(s->json, NULL, document);
        return 0;
    }
    json_t *rule = json_loadb(document.p, document.n, 0, NULL);
    int rc = rule ? mask_member(s, rule, "title") : -VOC_E_CORRUPT;
    if (rc == 0)
        rc = mask_member(s, rule, "where");
    char *text = rc == 0 ? json_dumps(rule, JSON_COMPACT) : NULL;
    if (text)
        json_raw(s->json, NULL, span_str(text));
    free(text);
    json_decref(rule);
    return rc < 0 ? rc : text ? 0 : -ENOMEM;
}

int show_alert(struct show *s, struct span document)
{
    struct alert_document d;
    struct buf out;
    if (!s->masked) {
        json_raw(s->json, NULL, document);
        return 0;
    }
    int rc = alert_document_parse(document, s->arena, &d);
    if (rc == 0)
        rc = mask_document(s, &d);
    buf_init(&out, DOCUMENT_MAX);
    if (rc == 0)
        rc = alert_document_print(&d, &out);
    if (rc == 0)
        json_raw(s->json, NULL, buf_span(&out));
    buf_done(&out);
    return rc;
}
