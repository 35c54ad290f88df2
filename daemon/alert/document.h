/* document: the JSON of one alert, as GET /v1/alerts, the live stream and notices show it; read and
 * written whole.
 *
 *   {"id","rule","title","severity","status","group":{…},"starts_at","ends_at","measure","value",
 *    "n","threshold","window","reason":{"ko","en"},"resolved":{"value","n","reason":{…}},
 *    "examples":[record ids],"quotes":[masked],"owner","acknowledgements":[…],"notices":[…]}
 *
 * quotes[i] is of examples[i], "" when it has no words. value and n are those at the firing;
 * `resolved` is null before. Of a rule with `each`, measure, value and threshold are null. Pure.
 * Ownership: spans live in the caller's arena. */
#ifndef VOC_ALERT_DOCUMENT_H
#define VOC_ALERT_DOCUMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/record.h"

struct alert_reason {
    struct span ko, en;
};
struct alert_ack_entry {
    struct span by, owner, note, at;
};
struct alert_notice {
    struct span id, receiver, phase; /* "firing", "resolved" */
};
struct alert_document {
    struct span id, rule, title, severity;
    bool firing;
    const struct pair *group;
    size_t n_group;
    struct span starts_at, ends_at; /* RFC 3339 */
    struct span measure;            /* absent: of a rule with `each` */
    double value, threshold;        /* NaN: none */
    int64_t n;
    struct span window;
    struct alert_reason reason;
    double resolved_value;
    int64_t resolved_n;
    struct alert_reason resolved; /* absent: not yet */
    const struct span *examples;
    size_t n_examples;
    const struct span *quotes;
    size_t n_quotes;
    struct span owner;
    struct alert_ack_entry *acks;
    size_t n_acks;
    struct alert_notice *notices;
    size_t n_notices;
};

/* 0 or the buffer's error. */
int alert_document_print(const struct alert_document *d, struct buf *out);
/* 0, -VOC_E_CORRUPT, -ENOMEM. */
int alert_document_parse(struct span json, struct arena *a, struct alert_document *ret);

#endif
