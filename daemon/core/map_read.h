/* map_read: a `map:` section of YAML as struct map_entry: what hooks of the configuration and
 * streams of connector files have in common.
 *
 *   external_id: $.id                     a path
 *   kind: =ticket                         a constant
 *   answers.csat: {path: $.score, enum: {good: 5, bad: 1}, scale: 5}
 *   created_at: {path: $.created, time: unix}
 *   text: {path: $.body, text: html}
 *   external_id: {path: $.id, prefix: csat-}
 *   text: {path: "$.answers[*].text", join: "\n"}
 *   text: {path: $.body, else: $.title}
 *
 * Thread: any; pure but for memory. Ownership: entries live in the arena. */
#ifndef VOC_CORE_MAP_READ_H
#define VOC_CORE_MAP_READ_H

#include "daemon/core/yaml.h"
#include "daemon/format/mapping.h"

struct map_reading {
    const struct yaml_source *source;
    struct arena *arena;
    struct yaml_problems *problems;
    enum record_shape shape; /* whose fields the targets are */
};
/* Problems are told, at most `max` entries are taken; 0 also then. -ENOMEM. */
int map_read(struct map_reading *r, const struct yaml_node *n, size_t max, struct map_entry **ret,
             size_t *ret_n);

/* How times are written, unix, unix_ms or a zone, into m->time and m->zone. As above. */
int map_read_time(struct map_reading *r, const struct yaml_node *n, struct map_entry *m);

#endif
