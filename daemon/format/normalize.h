/* normalize: JSON as senders write it → the plain structs of base/record.h. Everything that comes
 * in (batches, webhooks, imports, connectors) passes here, so a record means the same wherever it
 * came from.
 *
 * Thread: any; pure (the clock is `now`). Ownership: the JSON is borrowed, all text of the result
 * is copied into the arena. Every function gives 0, -EINVAL with *why filled (see reject.h), or
 * -ENOMEM; `ret` is untouched then.
 *
 * Rules beyond product.md's "Feedback record (input)", each argued in the .c:
 *   - null is absent; so is empty text in an optional field; an unknown member is refused
 *   - ids may be integers; other numbers where text belongs are refused
 *   - times are RFC 3339 with an offset, from 1970 on; epoch numbers are refused
 *   - answers.nps is a whole number 0..10 (or {value[, scale 10]}); csat, ces and rating are
 *     {value, scale} with 0 <= value <= scale <= 1000: a scale is never guessed
 *   - control characters but \t \n \r are refused in ids, NUL everywhere
 *   - text, title and all turns together are each at most max_text; a URL 2 KiB; 64 tags, 64
 *     experiments, 1,000 turns
 *   - a phone that is no telephone number is kept as written, without outer white space */
#ifndef VOC_FORMAT_NORMALIZE_H
#define VOC_FORMAT_NORMALIZE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/record.h"
#include "daemon/format/reject.h"

struct normalize_limits {
    size_t max_text, max_id, max_attributes, max_attribute_bytes;
    int64_t max_future_ms;
};

enum { NORMALIZE_MAX_TURNS = 1000, NORMALIZE_MAX_TAGS = 64, NORMALIZE_MAX_EXPERIMENTS = 64 };
#define NORMALIZE_MAX_URL ((size_t)2048)
#define NORMALIZE_MAX_SCALE 1000.0

/* product.md's defaults: 64 KiB, 512 B, 64, 8 KiB, ten minutes. */
extern const struct normalize_limits normalize_defaults;

int normalize_feedback(json_t *obj, const struct normalize_limits *lim, int64_t now,
                       struct arena *a, struct feedback *ret, struct reject *why);

/* {"id":…,"name":…,"email":…,"phone":…,"attributes":{k: text|number|bool|null},"effective_at":…}.
 * null or "" removes name, email or phone; a null attribute is removed. effective_at may lie in
 * the future; absent it stays NO_TIME. */
int normalize_customer(json_t *obj, const struct normalize_limits *lim, int64_t now,
                       struct arena *a, struct customer_change *ret, struct reject *why);

/* {"source":…,"external_id":…,"customer":"id" or {"id":…},"type":…,"at":…,"amount":…,"product":…,
 * "order":…,"attributes":{…}}; `at` absent: now. */
int normalize_activity(json_t *obj, const struct normalize_limits *lim, int64_t now,
                       struct arena *a, struct activity *ret, struct reject *why);

/* What a customer is found by, in the one spelling that is stored. {NULL,0} when memory is short;
 * the absent span stays absent. */
struct span normalize_email(struct arena *a, struct span s);
struct span normalize_phone(struct arena *a, struct span s);

#endif
