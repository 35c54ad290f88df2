/* workspace: one client company as the running daemon holds it: its store, its alert engine, its
 * settings. The set also holds the system store (tokens, access log heads).
 *
 * Thread: the set is built on the loop thread and only grows by reload; a workspace's store follows
 * store.h, its alert engine belongs to the worker. Ownership: the set owns all; they live until
 * workspaces_free(). */
#ifndef VOC_WORKSPACE_H
#define VOC_WORKSPACE_H

#include <stdatomic.h>

#include "base/span.h"
#include "daemon/core/config.h"
#include "daemon/trust/access_log.h"
#include "store/store.h"

struct alert_engine;

struct workspace {
    struct span id;
    struct store *store;
    struct alert_engine *alerts; /* NULL for the system workspace */
    char *timezone;              /* loop thread; replaced on reload */
    atomic_bool disk_full;       /* set by the worker; senders get 503 */
    atomic_llong alerts_due;     /* when the alert timer must next run, ms; INT64_MAX never */
    atomic_size_t alerts_firing;
    /* Newest entry of the access log and the newest noted in the system store; loop thread. */
    uint64_t access_n, access_noted;
    char access_hash[ACCESS_HASH_HEX + 1];
    struct workspace *next;
};

struct workspaces {
    struct workspace *first;
    struct workspace *system; /* id "" */
};

/* Opens every workspace of the config and the system store under config->state. 0 or -errno with a
 * message naming the directory. */
int workspaces_open(const struct config *cfg, const struct clock *clock, struct rng rng,
                    char *message, size_t size, struct workspaces **ret_set);
/* Takes up added workspaces and changed settings; ones no longer named stay open until restart. */
int workspaces_reload(struct workspaces *set, const struct config *cfg, const struct clock *clock,
                      struct rng rng, char *message, size_t size);
void workspaces_free(struct workspaces *set);                                   /* NULL is fine */
struct workspace *workspace_find(const struct workspaces *set, struct span id); /* or NULL */

#endif
