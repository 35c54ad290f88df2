/* intake_rig: the collectors without sockets and threads. It takes the place of pipeline.h's submit
 * and of http.h's answers at link time: a submitted intake waits until the test lets it run,
 * against a real store in a directory that goes away; an answer is kept for the test to read. One
 * rig at a time. */
#ifndef VOC_TESTS_LIB_INTAKE_RIG_H
#define VOC_TESTS_LIB_INTAKE_RIG_H

#include <jansson.h>

#include "daemon/app.h"
#include "daemon/http/http.h"
#include "daemon/pipeline/intake.h"
#include "tests/lib/test.h"

#define RIG_NOW INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

struct intake_rig {
    struct app app;
    struct config config;
    struct config_workspace workspace_config;
    struct workspace workspace;
    struct workspaces set;
    struct test_clock time;
    struct clock clock;
    uint64_t chance;
    /* the pipeline */
    struct command *queue[16];
    size_t n_queue;
    unsigned submits;  /* taken */
    size_t sizes[64];  /* items of each */
    unsigned refusals; /* the next so many submits give -EAGAIN */
    bool hurried;      /* what pipeline_hurried() says */
    bool no_room;
    int fail_with;     /* the next transaction's error */
    bool rerun;        /* apply twice: the first is aborted */
    unsigned observed; /* calls of alert_observe() */
    unsigned observed_previous;
    /* the request */
    struct http_request request;
    struct pair headers[8], query[4];
    size_t n_headers, n_query;
    bool paused;
    unsigned answers;
    int status;
    char type[64], retry_after[16];
    json_t *answer; /* NULL when the body was no JSON */
};

struct intake_rig *intake_rig_new(void);
void intake_rig_free(struct intake_rig *rig);
/* A new request; content_type NULL: none. Headers and query may be added before handing it over. */
struct http_request *intake_rig_request(struct intake_rig *rig, const char *content_type);
void intake_rig_header(struct intake_rig *rig, const char *name, const char *value);
void intake_rig_query(struct intake_rig *rig, const char *name, const char *value);
/* Feeds as the server would: nothing after an answer. The bytes die with the call. */
void intake_rig_data(struct intake_rig *rig, const void *p, size_t n);
void intake_rig_end(struct intake_rig *rig);
void intake_rig_abort(struct intake_rig *rig, int status);
/* Runs the oldest waiting intake to its end; false when there is none. */
bool intake_rig_run(struct intake_rig *rig);
/* Waits for a timer of the collector. */
void intake_rig_tick(struct intake_rig *rig);
/* A number of the answer; -1 when it is not there. */
int64_t intake_rig_count(const struct intake_rig *rig, const char *name);
/* rejected[i].code, "" when there is none. */
const char *intake_rig_code(const struct intake_rig *rig, size_t i);

#endif
