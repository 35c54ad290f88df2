/* access: the access log as the daemon writes it: an entry for every read of a person's data, on
 * disk before the answer goes out.
 *
 * When the disk is full the entry waits in memory (at most 10,000; beyond, it is lost and the log
 * says so) and the answer goes out, because queries must go on; it is written, in order, when there
 * is room again. Entry format and hash chain: trust/access_log.h.
 *
 * Thread: the loop. */
#ifndef VOC_ACCESS_H
#define VOC_ACCESS_H

#include "daemon/pipeline/edit.h"

struct access;
struct workspaces;

int access_new(struct pipeline *p, struct access **ret_access);
void access_free(struct access *a); /* NULL is fine */
/* Copies the spec; calls recorded(ctx) when the entry is on disk, or is held because it can not be.
 */
void access_record(struct access *a, struct workspace *ws, const struct access_spec *spec,
                   void (*recorded)(void *ctx), void *ctx);
/* Writes the newest entry's number and hash of each workspace to the system store, where it is not
 * beside the log: a log cut at its end shows against it. Called every some seconds. */
int access_note_heads(struct access *a, struct workspaces *set);
/* Key of that document (STORE_DOC_SETTING): value "N HASH". */
struct span access_head_key(struct span workspace, struct arena *a);
/* Tries the held entries of a workspace again. */
void access_retry(struct access *a, struct workspace *ws);

#endif
