/* store: everything durable of one workspace, in one directory. A handle knows one client company,
 * so nothing asked of it can reach another. daemon/ keeps one more store for tokens.
 *
 * This header: life of a store, transactions, backup. It pulls in
 *   records.h    feedback in and out: identity, bodies, facts
 *   customers.h  customers, activities, segments
 *   documents.h  small values by key, logs, the outbox
 *   query.h      filters, lists, trends over the facts
 *   trials.h     the arms of experiments and sums over their units
 * These six are the public face; nothing else in store/ is included from outside, and no LMDB type
 * leaves it.
 *
 * Threads: writes (store_txn_*) from one thread, the worker, one transaction at a time. Views from
 * any thread, each used by one thread at a time and kept short: an open view pins old pages.
 *
 * Errors: a transaction carries a sticky error. Every call on a failed transaction does nothing and
 * returns that error, so a chain of puts is checked once, at store_commit(). -ENOSPC (disk full),
 * -VOC_E_MAPFULL and -EIO leave the store as the last commit left it. -VOC_E_PANIC: end the
 * process.
 *
 * The store never reads the clock: `now` comes in with the transaction. */
#ifndef VOC_STORE_H
#define VOC_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/record.h"

struct store;
struct store_txn;
struct store_view;

struct store_config {
    const char *dir;       /* created (0700) when `create` */
    struct span workspace; /* id; refused when the file says another */
    size_t map_size;       /* bytes; 0: 64 GiB, sparse */
    bool create;
    bool beside;    /* a running daemon: takes no lock, and serves store_backup() only */
    size_t ballast; /* bytes of a file set aside for a full disk; 0: none */
    int trace_fd;   /* >= 0: every put, delete and commit is written there (see trace.h); else -1 */
    struct rng rng;
};

/* 0; -VOC_E_VERSION (newer or foreign file), -VOC_E_CORRUPT, -ENOENT, -errno. On failure `message`
 * (when not NULL) says in one sentence what stands where. */
int store_open(const struct store_config *cfg, char *message, size_t message_size,
               struct store **ret_store);
void store_close(struct store *s); /* NULL is fine; all views and transactions are ended */

int store_begin(struct store *s, int64_t now, struct store_txn **ret_txn);
/* Ends the transaction either way. 0 means it is on disk. May seal fact rows on the way. */
int store_commit(struct store_txn *t);
void store_abort(struct store_txn *t); /* NULL is fine */
int store_txn_error(const struct store_txn *t);
/* Bytes put so far: the pipeline ends a batch by it. */
size_t store_txn_bytes(const struct store_txn *t);

int store_view_begin(struct store *s, struct store_view **ret_view);
void store_view_end(struct store_view *v); /* NULL is fine */

/* --- care --- */
struct store_stats {
    uint64_t records, customers, sealed_blocks, unsealed_rows, outbox, dead_letters,
        dead_letter_bytes;
    uint64_t map_used, map_size, last_txn;
    int64_t oldest_reader_txns; /* how many transactions the oldest view is behind; 0 none */
};
int store_stats(struct store *s, struct store_stats *ret);
/* Clears readers of dead processes; returns how many. */
int store_reader_check(struct store *s);
/* A consistent, compacted copy into an empty or absent directory while writes go on. Any thread. */
int store_backup(struct store *s, const char *to_dir, char *message, size_t message_size);
/* Whether a backup is whole: its manifest is there and the data are of that size and hash. 0;
 * -ENOENT (no backup, or an unfinished one), -VOC_E_CORRUPT, -errno. To restore one, open it. */
int store_backup_check(const char *dir, char *message, size_t message_size);
/* Frees or re-makes the ballast file (full disk); 0 or -errno. */
int store_ballast(struct store *s, bool present);
/* Grows the map; no view or transaction may be open. */
int store_grow(struct store *s, size_t map_size);

#include "store/customers.h"
#include "store/documents.h"
#include "store/query.h"
#include "store/records.h"
#include "store/trials.h"

#endif
