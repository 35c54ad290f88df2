/* documents: small values by key, numbered logs, and the outbox. Included through store.h, which
 * says threads and ownership. */
#ifndef VOC_STORE_DOCUMENTS_H
#define VOC_STORE_DOCUMENTS_H

#include "base/arena.h"
#include "base/uuid7.h"

struct store_txn;
struct store_view;

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
    STORE_DOC_EXPERIMENT,
    STORE_DOC_ARRIVAL, /* what came in of a source on a day: daemon/alert/watch.c */
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

/* Dead letters that are kept no longer, oldest first: those with a key below `before`, then as many
 * as it takes for the rest to fill at most max_bytes of the file (whole pages, the tree's included;
 * 0: no bound). At most `max` go; the counts are added to *ret. */
struct store_trimmed {
    size_t aged, crowded;
};
int store_dead_trim(struct store_txn *t, struct span before, uint64_t max_bytes, size_t max,
                    struct store_trimmed *ret);

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

#endif
