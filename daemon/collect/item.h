/* item: one piece of input, in whatever form it came, into an intake: taken or refused, in order.
 * Thread: the loop. */
#ifndef VOC_COLLECT_ITEM_H
#define VOC_COLLECT_ITEM_H

#include "daemon/app.h"
#include "daemon/format/columns.h"
#include "daemon/format/csv.h"
#include "daemon/format/mapping.h"
#include "daemon/format/normalize.h"
#include "daemon/pipeline/intake.h"

struct item_rules {
    struct normalize_limits lim;
    int64_t now;
};

struct item_rules item_rules(const struct app *app);
/* Normalises one record. 0: taken; -EINVAL with *why: nothing was added; -ENOMEM. */
int item_try(struct intake *in, json_t *v, const struct item_rules *rules, struct reject *why);
/* What its source says is gone: of the payload only the identity is read, as `map` finds it
 * (without one: its own external_id). As item_try(). */
struct removal {
    json_t *payload;
    const struct map_entry *map;
    size_t n_map;
    struct span source;
};
int item_remove(struct intake *in, const struct removal *r, const struct item_rules *rules,
                struct reject *why);
/* All: 0 (also when the item is refused), -ENOMEM. */
int item_from_json(struct intake *in, json_t *v, const struct item_rules *rules);
int item_from_line(struct intake *in, struct span line, const struct item_rules *rules);
int item_from_row(struct intake *in, const struct row *row, const struct columns *columns,
                  const struct item_rules *rules);

#endif
