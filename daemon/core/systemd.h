/* systemd: telling the service manager how we are (sd_notify(3)); silent when nobody listens.
 *
 * Ready when everything is open and listening; reloading and ready again around a reload; stopping
 * when the shutdown begins; a watchdog ping at half the interval the manager asks for, but only
 * while the worker shows signs of life: one that hangs lets the manager restart us.
 *
 * Thread: the loop thread. The manager is one per process, so there is no object: the environment
 * (NOTIFY_SOCKET, WATCHDOG_USEC) is read at each call. */
#ifndef VOC_CORE_SYSTEMD_H
#define VOC_CORE_SYSTEMD_H

#include "daemon/core/loop.h"

/* Starts the watchdog's timer when one is asked for, and takes part in the shutdown. `age_ms` tells
 * how long ago the worker's last sign of life was; from `stale_ms` on there is no ping. */
int systemd_start(struct loop *l, int64_t (*age_ms)(void *ctx), void *ctx, int64_t stale_ms);
void systemd_ready(void);
void systemd_reloading(void); /* systemd_ready() when done */
/* One line for `systemctl status`. */
void systemd_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
