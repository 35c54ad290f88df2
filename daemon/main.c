/* vocd: arguments, wiring, exit codes. 0 done; 1 failed to start or gave up; 2 wrong arguments or
 * configuration. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/alert/delivery.h"
#include "daemon/api/api.h"
#include "daemon/api/events.h"
#include "daemon/app.h"
#include "daemon/bootstrap.h"
#include "daemon/collect/poller.h"
#include "daemon/collect/tally.h"
#include "daemon/core/fetch.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/core/systemd.h"
#include "daemon/http/http.h"
#include "daemon/pipeline/access.h"
#include "daemon/pipeline/intake.h"
#include "daemon/pipeline/jobs.h"
#include "daemon/pipeline/pipeline.h"

enum { EXIT_USAGE = 2, MESSAGE = 512, WORKER_STALE_MS = 30000, LARGE_BLOCK = 256 << 10 };

static const char usage[] = "usage: vocd [--config FILE] [--check-config] [--version]\n"
                            "  --config FILE    default /etc/vocd/vocd.yaml\n"
                            "  --check-config   read the configuration, say what is wrong, exit\n";

struct options {
    const char *config;
    bool check;
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    *o = (struct options){.config = "/etc/vocd/vocd.yaml"};
    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'k':
            o->check = true;
            break;
        case 'v':
            puts("vocd " VOC_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static int read_config(const char *path, struct config **ret, struct source_set **ret_sources)
{
    struct buf messages;
    buf_init(&messages, 1 << 20);
    int rc = config_load(path, &messages, ret);
    if (rc == 0)
        rc = source_set_load(*ret, &messages, ret_sources);
    if (messages.n)
        fputs(messages.p, stderr);
    else if (rc < 0)
        fprintf(stderr, "%s: %s\n", path, err_text(rc));
    buf_done(&messages);
    if (rc < 0)
        config_unref(*ret);
    return rc;
}

static void apply_log(const struct config *cfg)
{
    int level = log_level_find(cfg->log.level);
    log_setup(level < 0 ? LOG_L_INFO : (enum log_level)level, span_is(cfg->log.format, "json"));
}

/* Without JIT analysis is slower, not wrong; an operator who took away writable and executable
 * memory should know what it costs. */
static void show_tables(const struct nlp_tables *tables)
{
    size_t jit, all = nlp_tables_patterns(tables, &jit);
    metric_set(METRIC_PATTERNS, 0, (int64_t)jit);
    metric_set(METRIC_PATTERNS, 1, (int64_t)(all - jit));
    if (jit < all)
        log_warning(LOG_MAIN, "patterns are interpreted: no JIT here", "patterns=%zu jit=%zu", all,
                    jit);
}

/* --- reload: all or nothing --- */

struct next {
    struct config *config;
    struct source_set *sources;
    struct nlp_tables *tables;
};

static int load_next(struct app *app, const char *path, struct next *next, char *message)
{
    struct buf messages;
    buf_init(&messages, 1 << 20);
    int rc = config_load(path, &messages, &next->config);
    if (rc == 0)
        rc = source_set_load(next->config, &messages, &next->sources);
    if (rc < 0)
        snprintf(message, MESSAGE, "%.*s", (int)(messages.n < MESSAGE ? messages.n : MESSAGE - 1),
                 messages.p ? messages.p : err_text(rc));
    buf_reset(&messages);
    if (rc == 0 && config_restart_needed(app->config, next->config, &messages) > 0)
        log_warning(LOG_CONFIG, "some changes need a restart", "changes=\"%s\"", messages.p);
    buf_done(&messages);
    if (rc == 0) {
        rc = nlp_tables_open(next->config->lexicons.p, &next->tables);
        if (rc < 0)
            snprintf(message, MESSAGE, "%s: %s", next->config->lexicons.p, err_text(rc));
    }
    if (rc == 0)
        rc = workspaces_reload(app->workspaces, next->config, loop_clock(app->loop), app->rng,
                               message, MESSAGE);
    return rc;
}

/* The poller goes last: what it asks goes by the rest. */
static void take_next(struct app *app, const struct next *next)
{
    pipeline_reload(app->pipeline, next->config, next->tables);
    http_server_reload(app->server, next->config);
    auth_reload(app->auth, next->config);
    delivery_reload(app->delivery, next->config);
    apply_log(next->config);
    config_unref(app->config);
    nlp_tables_unref(app->tables);
    app->config = next->config;
    app->tables = next->tables;
    show_tables(app->tables);
    if (poller_reload(app->poller, next->sources) < 0)
        log_error(LOG_COLLECT, "no memory for added sources", NULL);
}

static void reload(void *ctx)
{
    struct app *app = ctx;
    struct next next = {0};
    char message[MESSAGE] = "";
    systemd_reloading();
    int rc = load_next(app, app->config->file.p, &next, message);
    if (rc == 0) {
        take_next(app, &next);
        log_info(LOG_CONFIG, "reloaded", "lexicon=%u", nlp_tables_version(app->tables));
    } else {
        log_error(LOG_CONFIG, "not reloaded: everything stays as it was", "problem=\"%s\"",
                  message);
        config_unref(next.config);
        nlp_tables_unref(next.tables);
    }
    source_set_unref(next.sources);
    metric_add(METRIC_RELOADS, rc == 0 ? 0 : 1, 1);
    systemd_ready();
}

/* --- wiring --- */

static void on_events(void *ctx, const struct pipeline_events *ev)
{
    struct app *app = ctx;
    events_alerts(app->events, ev);
    delivery_wake(app->delivery);
}

static void on_committed(void *ctx, struct command *c)
{
    struct app *app = ctx;
    const struct intake *in = intake_of(c);
    if (in)
        events_intake(app->events, in);
}

static void stop_events(void *ctx)
{
    struct app *app = ctx;
    events_stop(app->events);
    loop_stopped(app->loop, STOP_LISTEN, app);
}

static int64_t worker_age(void *ctx)
{
    return pipeline_heartbeat_age(((struct app *)ctx)->pipeline);
}

static int start_data(struct app *app, char *message)
{
    int rc = nlp_tables_open(app->config->lexicons.p, &app->tables);
    if (rc < 0) {
        snprintf(message, MESSAGE, "%s: %s", app->config->lexicons.p, err_text(rc));
        return rc;
    }
    rc = workspaces_open(app->config, loop_clock(app->loop), app->rng, message, MESSAGE,
                         &app->workspaces);
    if (rc < 0)
        return rc;
    struct auth_config ac = {.state = app->config->state.p, .config = app->config, .rng = app->rng};
    rc = auth_new(&ac, message, MESSAGE, &app->auth);
    if (rc == 0)
        rc = bootstrap_tokens(app->config, app->workspaces->system, app->auth,
                              loop_clock(app->loop), message, MESSAGE);
    return rc;
}

static int start_work(struct app *app)
{
    struct pipeline_config pc = {.loop = app->loop,
                                 .config = app->config,
                                 .tables = app->tables,
                                 .on_events = on_events,
                                 .on_committed = on_committed,
                                 .ctx = app};
    int rc = events_new(app->loop, &app->events);
    if (rc == 0)
        rc = loop_on_stop(app->loop, STOP_LISTEN, stop_events, app);
    if (rc == 0)
        rc = pipeline_new(&pc, &app->pipeline);
    if (rc == 0)
        rc = access_new(app->pipeline, &app->access);
    if (rc == 0)
        rc = tally_new(&app->tally);
    struct jobs_config jc = {app->loop, app->pipeline, app->workspaces, app->access};
    if (rc == 0)
        rc = jobs_new(&jc, &app->jobs);
    if (rc == 0)
        rc = fetch_new(app->loop, &app->fetch);
    struct delivery_config dc = {app->loop,       app->config, app->pipeline,
                                 app->workspaces, app->fetch,  app->rng};
    return rc == 0 ? delivery_new(&dc, &app->delivery) : rc;
}

static int start(struct app *app, struct source_set *sources, char *message)
{
    struct http_server_config hc = {
        .loop = app->loop, .config = app->config, .app = app, .auth = app->auth};
    int rc = start_data(app, message);
    if (rc == 0)
        rc = start_work(app);
    if (rc < 0)
        return rc;
    hc.auth = app->auth;
    hc.routes = api_routes(&hc.n_routes);
    rc = http_server_new(&hc, message, MESSAGE, &app->server);
    if (rc == 0)
        rc = loop_on_reload(app->loop, reload, app);
    if (rc == 0)
        rc = poller_new(app, sources, &app->poller);
    if (rc == 0)
        rc = systemd_start(app->loop, worker_age, app, WORKER_STALE_MS);
    return rc;
}

static void teardown(struct app *app)
{
    http_server_free(app->server);
    poller_free(app->poller);
    tally_free(app->tally);
    delivery_free(app->delivery);
    fetch_free(app->fetch);
    jobs_free(app->jobs);
    access_free(app->access);
    pipeline_free(app->pipeline);
    events_free(app->events);
    auth_free(app->auth);
    workspaces_free(app->workspaces);
    nlp_tables_unref(app->tables);
    config_unref(app->config);
    loop_free(app->loop);
}

/* A core dump would hold customers' words. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak check attaches to the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    /* A large answer goes back to the system when it was sent; few arenas for few threads. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_ARENA_MAX, 2);
}

static int serve(struct app *app, struct source_set *sources)
{
    char message[MESSAGE] = "";
    loop_ends_process(app->loop);
    int rc = start(app, sources, message);
    if (rc == 0) {
        show_tables(app->tables);
        log_info(LOG_MAIN, "ready", "version=" VOC_VERSION " port=%u lexicon=%u",
                 http_server_port(app->server), nlp_tables_version(app->tables));
        systemd_ready();
    } else {
        log_error(LOG_MAIN, "can not start", "error=\"%s\"", *message ? message : err_text(rc));
        loop_shutdown(app->loop);
    }
    int ran = loop_run(app->loop);
    if (ran == -ETIMEDOUT || ran == -VOC_E_PANIC)
        _exit(EXIT_FAILURE); /* a thread may still be at work: what is on disk is whole */
    return rc < 0 || ran < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options o;
    struct app app = {.rng = rng_system};
    struct source_set *sources = NULL;
    int code = parse_options(argc, argv, &o);
    if (code >= 0)
        return code;
    if (read_config(o.config, &app.config, &sources) < 0)
        return EXIT_USAGE;
    if (o.check) {
        source_set_unref(sources);
        config_unref(app.config);
        puts("configuration ok");
        return EXIT_SUCCESS;
    }
    harden();
    apply_log(app.config);
    code = EXIT_FAILURE;
    if (loop_new(&app.loop) == 0)
        code = serve(&app, sources);
    source_set_unref(sources);
    teardown(&app);
    return code;
}
