/* jobs: what the daemon does by itself with time: alert evaluation, long restamp jobs in small
 * steps, probing a full disk, care of the stores, gauges.
 *
 * Thread: the loop. One timer. A job's cursor is in the store, so a restart goes on with it. */
#ifndef VOC_JOBS_H
#define VOC_JOBS_H

#include "daemon/pipeline/pipeline.h"
#include "daemon/pipeline/workspace.h"

struct jobs;
struct access;

struct jobs_config {
    struct loop *loop;
    struct pipeline *pipeline;
    struct workspaces *workspaces;
    struct access *access;
};
int jobs_new(const struct jobs_config *cfg, struct jobs **ret_jobs);
void jobs_free(struct jobs *j); /* after STOP_CLOSE; NULL is fine */
/* Goes on with the workspace's restamp job, when there is one, until it is done. */
void jobs_restamp(struct jobs *j, struct workspace *ws);
/* The same for removing every record of a source. */
void jobs_delete_source(struct jobs *j, struct workspace *ws, struct span source);

#endif
