#include "daemon/pipeline/workspace.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "daemon/alert/alert.h"
#include "daemon/core/log.h"

static void workspace_free(struct workspace *ws)
{
    if (!ws)
        return;
    alert_engine_free(ws->alerts);
    store_close(ws->store);
    free(ws->timezone);
    free((char *)ws->id.p);
    free(ws);
}

static int load_alerts(struct workspace *ws, const struct config *cfg,
                       const struct config_workspace *cw, int64_t now, struct rng rng)
{
    struct alert_config ac = {
        .workspace = ws->id,
        .store = ws->store,
        .max_lateness_ms = cfg->alert.max_lateness_ms,
        .max_groups = cfg->alert.max_groups,
        .rng = rng,
        .timezone = ws->timezone,
    };
    struct store_view *view = NULL;
    int rc = alert_engine_new(&ac, &ws->alerts);
    if (rc == 0)
        rc = alert_engine_set_receivers(ws->alerts, cw->receivers, cw->n_receivers);
    if (rc == 0)
        rc = store_view_begin(ws->store, &view);
    if (rc == 0)
        rc = alert_engine_load(ws->alerts, view, now);
    store_view_end(view);
    return rc;
}

static int workspace_new(struct span id, struct span timezone, struct workspace **ret)
{
    struct workspace *ws = calloc(1, sizeof *ws);
    char *name = strndup(id.n ? id.p : "", id.n);
    char *zone = strndup(timezone.n ? timezone.p : "UTC", timezone.n ? timezone.n : 3);
    if (!ws || !name || !zone) {
        free(ws);
        free(name);
        free(zone);
        return -ENOMEM;
    }
    ws->id = span_str(name);
    ws->timezone = zone;
    atomic_init(&ws->disk_full, false);
    atomic_init(&ws->alerts_due, 0); /* look once after start: a rule may be due already */
    atomic_init(&ws->alerts_firing, 0);
    *ret = ws;
    return 0;
}

/* `dir` under the state directory: "system", or "ws/ID". */
static int open_store(struct workspace *ws, const struct config *cfg, const char *dir,
                      struct rng rng, char *message, size_t size)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%.*s/%s", SPAN_FMT(cfg->state), dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    const char *trace = getenv("VOC_STORE_TRACE"); /* bench only: see tests/bench */
    int64_t trace_fd = -1;
    if (trace && ws->id.n && span_to_i64(span_str(trace), &trace_fd) < 0)
        trace_fd = -1;
    struct store_config sc = {
        .dir = path,
        .workspace = ws->id,
        .map_size = cfg->store.map_size,
        .create = true,
        .ballast = ws->id.n ? cfg->store.ballast : 0,
        .trace_fd = (int)trace_fd,
        .rng = rng,
    };
    return store_open(&sc, message, size, &ws->store);
}

static int make_dir(struct span state, const char *sub, char *message, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s%s", SPAN_FMT(state), sub);
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    int rc = -errno;
    snprintf(message, size, "%s: %s", path, strerror(-rc));
    return rc;
}

static struct span timezone_of(const struct config *cfg, const struct config_workspace *cw)
{
    return cw->timezone.n ? cw->timezone : cfg->timezone;
}

static int add(struct workspaces *set, const struct config *cfg, const struct config_workspace *cw,
               int64_t now, struct rng rng, char *message, size_t size)
{
    struct workspace *ws;
    char dir[NAME_MAX];
    snprintf(dir, sizeof dir, "ws/%.*s", SPAN_FMT(cw->id));
    int rc = workspace_new(cw->id, timezone_of(cfg, cw), &ws);
    if (rc == 0)
        rc = open_store(ws, cfg, dir, rng, message, size);
    if (rc == 0) {
        rc = load_alerts(ws, cfg, cw, now, rng);
        if (rc < 0)
            snprintf(message, size, "workspace %.*s: alert rules: %s", SPAN_FMT(cw->id),
                     err_text(rc));
    }
    if (rc < 0) {
        workspace_free(ws);
        return rc;
    }
    struct workspace **at = &set->first;
    while (*at)
        at = &(*at)->next;
    *at = ws;
    log_info(LOG_STORE, "workspace open", "workspace=%.*s", SPAN_FMT(ws->id));
    return 0;
}

static int apply_settings(struct workspace *ws, const struct config *cfg,
                          const struct config_workspace *cw)
{
    struct span zone = timezone_of(cfg, cw);
    if (zone.n > 0 && !span_eq(zone, span_str(ws->timezone))) {
        char *copy = strndup(zone.p, zone.n);
        if (!copy)
            return -ENOMEM;
        free(ws->timezone);
        ws->timezone = copy;
    }
    return alert_engine_set_receivers(ws->alerts, cw->receivers, cw->n_receivers);
}

/* What can go wrong first: a workspace that can not be opened leaves the others as they were. */
int workspaces_reload(struct workspaces *set, const struct config *cfg, const struct clock *clock,
                      struct rng rng, char *message, size_t size)
{
    int64_t now = clock_wall(clock);
    int rc = 0;
    for (size_t i = 0; i < cfg->n_workspaces && rc == 0; i++) {
        if (!workspace_find(set, cfg->workspaces[i].id))
            rc = add(set, cfg, &cfg->workspaces[i], now, rng, message, size);
    }
    for (size_t i = 0; i < cfg->n_workspaces && rc == 0; i++)
        rc = apply_settings(workspace_find(set, cfg->workspaces[i].id), cfg, &cfg->workspaces[i]);
    return rc;
}

int workspaces_open(const struct config *cfg, const struct clock *clock, struct rng rng,
                    char *message, size_t size, struct workspaces **ret_set)
{
    struct workspaces *set = calloc(1, sizeof *set);
    if (!set)
        return -ENOMEM;
    int rc = make_dir(cfg->state, "", message, size);
    if (rc == 0)
        rc = make_dir(cfg->state, "/ws", message, size);
    if (rc == 0)
        rc = workspace_new(SPAN_LIT(""), SPAN_LIT("UTC"), &set->system);
    if (rc == 0)
        rc = open_store(set->system, cfg, "system", rng, message, size);
    if (rc == 0)
        rc = workspaces_reload(set, cfg, clock, rng, message, size);
    if (rc < 0) {
        workspaces_free(set);
        return rc;
    }
    *ret_set = set;
    return 0;
}

void workspaces_free(struct workspaces *set)
{
    if (!set)
        return;
    for (struct workspace *ws = set->first, *next; ws; ws = next) {
        next = ws->next;
        workspace_free(ws);
    }
    workspace_free(set->system);
    free(set);
}

struct workspace *workspace_find(const struct workspaces *set, struct span id)
{
    for (struct workspace *ws = set->first; ws; ws = ws->next) {
        if (span_eq(ws->id, id))
            return ws;
    }
    return NULL;
}
