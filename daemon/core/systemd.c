#include "daemon/core/systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/core/log.h"

struct watchdog {
    struct loop *loop;
    struct loop_timer *timer;
    int64_t (*age_ms)(void *ctx);
    void *ctx;
    int64_t stale_ms;
    bool silent; /* told the log already */
};

void systemd_ready(void)
{
    sd_notify(0, "READY=1");
}

/* The time lets the manager tell this reload from an earlier one. */
void systemd_reloading(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
               (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

void systemd_status(const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *c = text; *c; c++)
        if (*c == '\n')
            *c = ' '; /* a line of its own would be another message */
    sd_notifyf(0, "STATUS=%s", text);
}

static void ping(void *ctx)
{
    struct watchdog *w = ctx;
    int64_t age = w->age_ms(w->ctx);
    if (age < w->stale_ms) {
        w->silent = false;
        sd_notify(0, "WATCHDOG=1");
    } else if (!w->silent) {
        w->silent = true;
        log_error(LOG_MAIN, "the worker shows no sign of life: no more pings", "age_ms=%" PRId64,
                  age);
    }
}

static void stopping(void *ctx)
{
    struct watchdog *w = ctx;
    sd_notify(0, "STOPPING=1");
    loop_stopped(w->loop, STOP_LISTEN, w);
}

/* The pings go on through the stages before: a shutdown may take longer than the interval. */
static void closing(void *ctx)
{
    struct watchdog *w = ctx;
    struct loop *l = w->loop;
    loop_timer_free(w->timer);
    loop_stopped(l, STOP_CLOSE, w);
    free(w);
}

int systemd_start(struct loop *l, int64_t (*age_ms)(void *ctx), void *ctx, int64_t stale_ms)
{
    uint64_t interval_us = 0;
    struct watchdog *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    *w = (struct watchdog){.loop = l, .age_ms = age_ms, .ctx = ctx, .stale_ms = stale_ms};
    int rc = 0;
    if (sd_watchdog_enabled(0, &interval_us) > 0) {
        int64_t half = (int64_t)(interval_us / 2000);
        half = half > 0 ? half : 1;
        rc = loop_timer_new(l, half, half, ping, w, &w->timer);
    }
    if (rc == 0)
        rc = loop_on_stop(l, STOP_LISTEN, stopping, w);
    if (rc == 0) {
        rc = loop_on_stop(l, STOP_CLOSE, closing, w);
        if (rc < 0)
            loop_off_stop(l, STOP_LISTEN, w);
    }
    if (rc < 0) {
        loop_timer_free(w->timer);
        free(w);
    }
    return rc;
}
