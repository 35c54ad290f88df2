/* app: what the daemon is made of, handed to every HTTP handler as `request->app`. main.c fills it;
 * nothing here owns more than main.c's wiring says. Loop thread. */
#ifndef VOC_APP_H
#define VOC_APP_H

#include "daemon/core/config.h"
#include "daemon/core/loop.h"
#include "daemon/pipeline/workspace.h"

struct nlp_tables;

struct app {
    struct loop *loop;
    struct config *config;     /* the snapshot in force */
    struct nlp_tables *tables; /* in force */
    struct pipeline *pipeline;
    struct workspaces *workspaces;
    struct auth *auth;
    struct access *access; /* pipeline/access.h */
    struct jobs *jobs;     /* pipeline/jobs.h */
    struct http_server *server;
    struct fetch *fetch;
    struct delivery *delivery; /* alert/delivery.h: outbox drain */
    struct poller *poller;     /* collect/poller.h: sources */
    struct tally *tally;       /* collect/tally.h: hooks */
    struct events *events;     /* api/events.h: live stream hub */
    struct rng rng;
};

#endif
