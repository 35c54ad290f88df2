/* hook_map: what a hook's payload means: its records, mapped into an intake. Serves what comes in
 * (api_hook.c) and dead letters tried again (replay.c) alike.
 *
 * Thread: the loop. */
#ifndef VOC_COLLECT_HOOK_MAP_H
#define VOC_COLLECT_HOOK_MAP_H

#include "daemon/collect/item.h"

struct hook_map {
    const struct config_hook *config;
    const struct item_rules *rules;
    struct intake *intake;
    bool again; /* it was kept once: what the filter passes over then does not fit */
    /* What does not fit. `payload` absent: the delivery as it came, else one record of it as text,
     * which lives for the call. 0 or -ENOMEM. */
    int (*refused)(void *ctx, const struct reject *why, struct span payload);
    void *ctx;
};

/* A whole delivery. 0 or -ENOMEM. */
int hook_map_payload(const struct hook_map *m, json_t *payload);
/* One record of one. 0; -EINVAL with *why, nothing said to `refused`; -ENOMEM. */
int hook_map_record(const struct hook_map *m, json_t *record, struct reject *why);
/* The hook of a workspace's source, or NULL. */
const struct config_hook *hook_map_find(const struct config *cfg, struct span workspace,
                                        struct span source);

#endif
