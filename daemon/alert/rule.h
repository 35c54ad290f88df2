/* rule: an alert rule as data: strict JSON in, canonical JSON with all defaults out.
 *
 * Defaults: title the name, op ">=", recover the threshold, window 1h, min_samples 10 (of count: 0,
 * its value is the number of samples), severity warning, receivers all of the workspace. A rule
 * with `each` has no measure; its window says how long one of its alerts lasts.
 *
 * Pure. Ownership: a rule lives in the caller's arena and copies what it needs. */
#ifndef VOC_ALERT_RULE_H
#define VOC_ALERT_RULE_H

#include "base/buf.h"
#include "base/where.h"
#include "daemon/alert/window.h"

enum {
    ALERT_MAX_GROUP_BY = 3,
    ALERT_MAX_RECEIVERS = 16,
    ALERT_MAX_NAME = 63,
    ALERT_MAX_TITLE = 200,          /* bytes */
    ALERT_MAX_WINDOW = 7 * 24 * 60, /* minutes */
};

enum alert_severity { ALERT_INFO, ALERT_WARNING, ALERT_CRITICAL, ALERT_SEVERITIES };

struct alert_group_by {
    struct span name; /* "product", "attributes.grade" */
    enum where_field field;
    struct span key;
};

struct alert_rule {
    struct span name, title;
    const struct where *where;
    bool each;
    bool silent;            /* the engine's own, of sources: watch.c */
    struct alert_test test; /* of each: only `window` */
    struct alert_group_by group_by[ALERT_MAX_GROUP_BY];
    size_t n_group_by;
    enum alert_severity severity;
    const struct span *receivers; /* none: all of the workspace */
    size_t n_receivers;
};

/* 0; -EINVAL with a sentence in *ret_message (in `a`); -ENOMEM. A `name` in the JSON must be
 * `name`. */
int alert_rule_parse(struct span name, struct span json, struct arena *a, struct alert_rule **ret,
                     struct span *ret_message);
/* The canonical JSON: parses back to the same rule. 0 or the buffer's error. */
int alert_rule_print(const struct alert_rule *r, struct buf *out);

const char *alert_measure_name(enum alert_measure m);
const char *alert_op_name(enum alert_op op);
const char *alert_severity_name(enum alert_severity s);
/* "90m", "1h", "7d". */
enum { ALERT_WINDOW_TEXT = 24 };
void alert_window_name(int64_t minutes, char out[ALERT_WINDOW_TEXT]);

#endif
