/* poll_rig: the poller without sockets, threads and waiting. It takes the place of core/loop.h's
 * timers, of core/fetch.h's sending and of pipeline.h's submit at link time: time is a number that
 * goes from event to event, every request is answered by the test, every commit is one against a
 * real store in a directory that goes away. One rig at a time. */
#ifndef VOC_TESTS_LIB_POLL_RIG_H
#define VOC_TESTS_LIB_POLL_RIG_H

#include <jansson.h>

#include "daemon/collect/poller.h"
#include "daemon/core/fetch.h"
#include "tests/lib/test.h"

#define RIG_NOW INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

/* What an upstream says, and when. */
struct rig_reply {
    int64_t after_ms;   /* later than the request's timeout: it times out */
    int error;          /* as fetch.h: -EIO; 0: an answer */
    int status;         /* 0: 200 */
    struct pair header; /* one, absent for none */
    char body[8192];
};
typedef void rig_answer_fn(void *ctx, const struct fetch_request *request, struct rig_reply *reply);

struct poll_rig {
    struct app app;
    struct workspace workspace;
    struct workspaces set;
    struct test_clock time; /* mono begins at 0 */
    struct clock clock;
    uint64_t chance;
    int64_t commit_ms; /* how long one takes */
    bool no_room;
    rig_answer_fn *answer;
    void *ctx;
    struct loop_timer *timers;
    struct fetch_job *jobs;
    struct command *queue[1024];
    int64_t committed_at[1024];
    size_t n_queue, commits;
    struct {
        loop_stop_fn *fn;
        void *ctx;
    } stop;
    bool stopped;
};

/* A daemon's configuration and connector files: `sources` as they stand in the configuration, and
 * one connector, desk.yaml. */
struct poll_rig *poll_rig_new(const char *connector, const char *sources, rig_answer_fn *answer,
                              void *ctx);
/* Stops as a daemon does, and looks that nothing was left behind. */
void poll_rig_free(struct poll_rig *rig);
/* All that happens until then, in order. Monotonic ms; wall time goes along. */
void poll_rig_run(struct poll_rig *rig, int64_t until);
struct poll *poll_rig_source(const struct poll_rig *rig, const char *name);
/* What GET /v1/sources would say of it; a new reference. */
json_t *poll_rig_state(const struct poll_rig *rig, const char *name);
/* Records of it in the store. */
size_t poll_rig_count(const struct poll_rig *rig);

#endif
