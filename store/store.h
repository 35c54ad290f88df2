/* store: everything durable of one workspace, in one directory. A handle knows one client company,
 * so nothing asked of it can reach another. daemon/ keeps one more store for tokens.
 *
 * This header: life of a store, transactions, small documents, logs, outbox. It pulls in
 *   records.h    feedback in and out: identity, bodies, facts
 *   customers.h  customers, activities, segments
 *   query.h      filters, lists, trends over the facts
 * These four are the public face; nothing else in store/ is included from outside, and no LMDB type
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

/* --- documents: small values by (kind, key), e.g. rules, alert state, cursors, jobs. --- */
enum store_doc {
    STORE_DOC_SETTING = 1,
    STORE_DOC_RULE,
    STORE_DOC_ALERT_STATE,
    STORE_DOC_ALERT,
    STORE_DOC_CURSOR,
    STORE_DOC_JOB,
    STORE_DOC_TOKEN,
    STORE_DOC_DEAD_LETTER,
    STORE_DOC_SEGMENT, /* the store's own; read with store_segments() */
};
int store_doc_put(struct store_txn *t, enum store_doc kind, struct span key, struct span value);
int store_doc_delete(struct store_txn *t, enum store_doc kind, struct span key); /* absent: 0 */
/* Copies into the arena; -ENOENT. Within a transaction one reads what it wrote. */
int store_doc_get(struct store_view *v, enum store_doc kind, struct span key, struct arena *a,
                  struct span *ret_value);
int store_txn_doc_get(struct store_txn *t, enum store_doc kind, struct span key, struct arena *a,
                      struct span *ret_value);
/* Keys in byte order from `from` (inclusive; absent: the first), or descending below `from`
 * (exclusive; absent: the last). The callback's spans live for the call; it returns nonzero to
 * stop, and that is returned. */
typedef int store_doc_fn(void *ctx, struct span key, struct span value);
int store_doc_each(struct store_view *v, enum store_doc kind, struct span from, bool descending,
                   store_doc_fn *fn, void *ctx);

/* --- logs: append-only, numbered from 1 without gaps (the access log). --- */
enum store_log { STORE_LOG_ACCESS = 1 };
int store_log_append(struct store_txn *t, enum store_log log, struct span entry, uint64_t *ret_n);
/* The newest entry as this transaction sees it; n 0 and an absent span when empty. */
int store_log_last(struct store_txn *t, enum store_log log, struct arena *a, uint64_t *ret_n,
                   struct span *ret_entry);
typedef int store_log_fn(void *ctx, uint64_t n, struct span entry);
int store_log_each(struct store_view *v, enum store_log log, uint64_t from, bool descending,
                   store_log_fn *fn, void *ctx);

/* --- outbox: notices to deliver, ordered by when they are due. --- */
struct store_outbox_row {
    struct uuid id; /* the notice's id, the same for every attempt */
    int64_t due;
    uint32_t attempts;
    struct span receiver;
    struct span payload;
};
int store_outbox_put(struct store_txn *t, const struct store_outbox_row *row);
/* Reschedules: the row moves to `due`, attempts as given. -ENOENT when it is gone. */
int store_outbox_retry(struct store_txn *t, const struct uuid *id, int64_t due, uint32_t attempts);
int store_outbox_delete(struct store_txn *t, const struct uuid *id); /* absent: 0 */
typedef int store_outbox_fn(void *ctx, const struct store_outbox_row *row);
/* Rows due at or before `until`, oldest due first. */
int store_outbox_each(struct store_view *v, int64_t until, store_outbox_fn *fn, void *ctx);

/* --- care --- */
struct store_stats {
    uint64_t records, customers, sealed_blocks, unsealed_rows, outbox, dead_letters;
    uint64_t map_used, map_size, last_txn;
    int64_t oldest_reader_txns; /* how many transactions the oldest view is behind; 0 none */
};
int store_stats(struct store *s, struct store_stats *ret);
/* Clears readers of dead processes; returns how many. */
int store_reader_check(struct store *s);
/* A consistent, compacted copy into an empty or absent directory while writes go on. Any thread. */
int store_backup(struct store *s, const char *to_dir, char *message, size_t message_size);
/* Frees or re-makes the ballast file (full disk); 0 or -errno. */
int store_ballast(struct store *s, bool present);
/* Grows the map; no view or transaction may be open. */
int store_grow(struct store *s, size_t map_size);

#include "store/customers.h"
#include "store/query.h"
#include "store/records.h"

#endif
