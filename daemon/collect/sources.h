/* sources: the configured sources with their connectors read: checked whole before any of it takes
 * effect, as the configuration is.
 *
 * Thread: loading any; a set is immutable and counted on the loop thread. Ownership: the set holds
 * the configuration it was made from. */
#ifndef VOC_COLLECT_SOURCES_H
#define VOC_COLLECT_SOURCES_H

#include "daemon/collect/connector.h"
#include "daemon/core/config.h"

struct source {
    struct span workspace;
    const struct config_source *config;
    struct connector *connector;
    uint64_t print; /* of all it is made of: what a reload changed shows in it */
};

struct source_set {
    struct config *config;
    struct source *sources;
    size_t n;
    unsigned refs;
};

/* 0; -EINVAL with problems in `messages`, one a line or as connector_read() tells them; -ENOMEM. */
int source_set_load(struct config *config, struct buf *messages, struct source_set **ret);
struct source_set *source_set_ref(struct source_set *s);
void source_set_unref(struct source_set *s); /* NULL is fine */

/* A cfg or secret value of the source: its own, or the connector's preset; false without one. */
bool source_value(const struct source *s, enum template_scope scope, struct span name,
                  struct span *ret);

#endif
