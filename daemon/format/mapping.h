/* mapping: foreign payloads and spreadsheet rows → JSON in the shape normalize.h reads. Webhooks
 * and connectors map by JSON paths (struct map_entry), imports by columns (columns.h); both name
 * their targets alike, with product.md's names: `external_id`, `customer.id`, `answers.csat`,
 * `attributes.plan`.
 *
 * Thread: any; pure. The caller decrefs what it is given. */
#ifndef VOC_FORMAT_MAPPING_H
#define VOC_FORMAT_MAPPING_H

#include <jansson.h>

#include "base/record.h"
#include "daemon/format/dates.h"
#include "daemon/format/reject.h"

/* How a source writes a time that is not RFC 3339. */
enum map_time { MAP_TIME_AS_IS, MAP_TIME_UNIX, MAP_TIME_UNIX_MS, MAP_TIME_ZONE /* dates.h */ };

/* One `map:` entry of the configuration: target field of the record <- where it comes from. */
struct map_entry {
    struct span target; /* "external_id", "customer.id", "answers.csat", … (product.md names) */
    struct span path;   /* "$.ticket.id"; absent for a constant */
    struct span value;  /* "=ticket": the constant without '=' */
    const struct pair *cases; /* enum: {good: 5, bad: 1} */
    size_t n_cases;
    double scale; /* 0: none */
    enum map_time time;
    const struct date_zone *zone; /* of MAP_TIME_ZONE, with `order` */
    enum date_order order;
    bool html, maybe_html; /* the text is HTML: html.h; when it looks like it */
    struct span prefix;    /* before what was found; absent: none */
    struct span join;      /* between several texts found; absent: there may be one only */
    struct span otherwise; /* "else": the path to look at when that finds none or empty text */
};

/* SHAPE_TURN: what one row says of a conversation (conversation.h). */
enum record_shape { SHAPE_FEEDBACK, SHAPE_CUSTOMER, SHAPE_ACTIVITY, SHAPE_TURN };

enum target_class {
    TARGET_TEXT,
    TARGET_TIME,
    TARGET_SCORE, /* {value, scale}, or a bare number (nps) */
    TARGET_NUMBER,
    TARGET_BOOL,
    TARGET_TAGS,
    TARGET_WHOLE,  /* a list or an object, taken as it is: turns, attributes, customer … */
    TARGET_SCALAR, /* one attribute: text, number or boolean */
};

/* The class of a target, or -1 when no record has such a field. */
int target_find(enum record_shape shape, struct span target);
/* Sets record.a.b = value (reference taken over, also on failure); objects on the way are made.
 * 0, -EINVAL when something else is there already, -ENOMEM. */
int target_set(json_t *record, struct span target, json_t *value);
/* Text → the JSON its class wants; NULL when it is none. Times must already be RFC 3339. */
json_t *target_value(enum target_class class, struct span text, double scale);

/* A JSON value as a moment. 0 or -EINVAL. */
int map_time_read(enum map_time time, const struct date_zone *zone, enum date_order order,
                  const json_t *v, int64_t *ret_ms);

/* Whether a configured map is sound: target known, path well-formed. 0, or -EINVAL with a message.
 */
int mapping_check(enum record_shape shape, const struct map_entry *m, char *message, size_t size);

/* One record out of one payload record:
 *   - a path that leads nowhere or to null leaves the field absent
 *   - with `cases`, a value that is not listed leaves scores absent (nothing was answered) and is
 *     refused elsewhere (unmapped_value)
 *   - scores may be numbers or numbers in text; `scale` declares theirs
 *   - a [*] path fills tags and turns; elsewhere it may find at most one value
 *   - with `else`, that path is looked at when the first finds nothing, null or empty text
 *   - with `join`, what a [*] path finds is one text, what is empty left out
 *   - `time` and `html` read what was found as such; a time that is none is refused (bad_time)
 * 0 with *ret; -EINVAL with *why, naming the target; -ENOMEM. */
int mapping_apply(json_t *payload, enum record_shape shape, const struct map_entry *map, size_t n,
                  json_t **ret, struct reject *why);

#endif
