/* kv: the store's only door to LMDB. Tables, the handle, one transaction with a sticky error, and
 * cursors. Private to store/.
 *
 * Errors: a failed call on a write transaction is remembered and returned by every later one, so a
 * chain of puts is checked once. -ENOENT is an answer, never remembered. A view remembers nothing.
 *
 * Lifetimes: spans from kv_get() and cursors point into the map. In a write transaction they are
 * valid until the next put or delete, in a view until it ends. */
#ifndef VOC_STORE_KV_H
#define VOC_STORE_KV_H

#include <lmdb.h>

#include "store/keys.h"
#include "store/pack.h"
#include "store/store.h"
#include "store/trace.h"

/* Every table: id, name in the file, LMDB flags. Names are stored: append only. */
#define KV_TABLES(X)                                                                               \
    X(DBI_META, "meta", 0)                    /* "store" -> magic, schema…; "counters" */        \
    X(DBI_DICT, "dict", 0)                    /* kind, value -> code */                            \
    X(DBI_DICTREV, "dictrev", MDB_INTEGERKEY) /* kind << 32 | code -> value */                     \
    X(DBI_IDENT, "ident", 0)                  /* source code, external id -> seq */                \
    X(DBI_REC, "rec", MDB_INTEGERKEY)         /* seq -> header, body */                            \
    X(DBI_PUBID, "pubid", 0)                  /* uuid -> seq */                                    \
    X(DBI_FACT, "fact", MDB_INTEGERKEY)       /* seq -> row: unsealed, or laid over a block */     \
    X(DBI_BLOCK, "block", MDB_INTEGERKEY)     /* seq / 4096 -> columns */                          \
    X(DBI_BYCUST, "bycust", 0)          /* customer, created_at descending, seq -> nothing */      \
    X(DBI_CUST, "cust", MDB_INTEGERKEY) /* customer code -> blob */                                \
    X(DBI_CUSTKEY, "custkey", 0)        /* id -> code; e-mail or phone, code -> nothing */         \
    X(DBI_ACTIVITY, "activity", 0)      /* customer, at descending, number -> blob */              \
    X(DBI_ACTID, "actid", 0)            /* source code, external id -> its activity key */         \
    X(DBI_DOC, "doc", 0)                /* kind, key -> value */                                   \
    X(DBI_DEAD, "dead", 0)              /* the same for dead letters, so that they are counted */  \
    X(DBI_LOG, "log", 0)                /* log, number -> entry */                                 \
    X(DBI_OUTBOX, "outbox", 0)          /* due, id -> row */                                       \
    X(DBI_OUTBOX_ID, "outboxid", 0)     /* id -> due */

#define X(id, name, flags) id,
enum dbi { KV_TABLES(X) DBI_COUNT };
#undef X

struct dict_cache;
struct segment_rules;

struct store {
    MDB_env *env;
    MDB_dbi dbi[DBI_COUNT];
    int dir_fd; /* holds the lock of the directory */
    char *dir;
    char *workspace;
    size_t workspace_size;
    uint64_t seed; /* of every hash in the file */
    struct rng rng;
    uint8_t chance[512]; /* drawn from rng ahead: one call of the system for many ids */
    size_t chance_left;
    size_t ballast;
    struct trace trace;
    struct pack pack;
    struct dict_cache *dict;     /* the worker's */
    struct segment_rules *rules; /* the worker's; NULL: read them again */
    struct store_txn *txn;       /* made once, used again */
    bool in_txn;
    uint64_t reseal_next; /* the block whose overlay is counted next */
};

/* One LMDB transaction, of either kind. */
struct kv {
    struct store *store;
    MDB_txn *txn;
    bool write;
    int error;
    size_t bytes;              /* put so far */
    struct unpacker *unpacker; /* borrowed from store->pack at first use */
};

struct store_view {
    struct kv kv;
};

/* The meaning of an LMDB return code as 0 or a negative errno. */
int kv_errno(int mdb_rc);
/* Remembers e (negative) on a write transaction; returns it. */
int kv_fail(struct kv *kv, int e);

/* 0, -ENOENT, or the error. */
int kv_get(struct kv *kv, enum dbi dbi, struct span key, struct span *ret);
int kv_put(struct kv *kv, enum dbi dbi, struct span key, struct span value);
/* The key must be the largest of the table. */
int kv_append(struct kv *kv, enum dbi dbi, struct span key, struct span value);
/* Puts unless the key is there. 0; -EEXIST (never remembered) with *ret what is there. */
int kv_insert(struct kv *kv, enum dbi dbi, struct span key, struct span value, struct span *ret);
int kv_del(struct kv *kv, enum dbi dbi, struct span key);
uint64_t kv_count(struct kv *kv, enum dbi dbi);
/* What a table takes of the file, as this transaction sees it; 0 on an error. */
uint64_t kv_bytes(struct kv *kv, enum dbi dbi);
struct unpacker *kv_unpacker(struct kv *kv);

/* Finds the entry of a text key that may be hashed (keys.h). For a hashed key every probe is shown
 * to `same`, which says whether the entry is the wanted one (1), another's (0), or an error (<0).
 * 0 with *k at the entry; -ENOENT with *k where a new entry belongs. */
typedef int kv_same_fn(void *ctx, struct span value);
int kv_find_text(struct kv *kv, enum dbi dbi, struct key *k, kv_same_fn *same, void *ctx,
                 struct span *ret);

struct kv_cursor {
    struct kv *kv;
    enum dbi dbi;
    MDB_cursor *c;
    struct span key, value;
    int error;
};
/* The moves return whether there is an entry; check `error` after the loop. An open that failed
 * is an error that every move repeats. */
void kv_cursor_open(struct kv_cursor *c, struct kv *kv, enum dbi dbi);
void kv_cursor_close(struct kv_cursor *c);
bool kv_seek(struct kv_cursor *c, struct span key);       /* first >= key */
bool kv_seek_below(struct kv_cursor *c, struct span key); /* last < key; absent: the last */
bool kv_next(struct kv_cursor *c);
bool kv_prev(struct kv_cursor *c);
/* Deletes the entry the cursor is at; kv_next() then goes to the one after it. */
int kv_cursor_del(struct kv_cursor *c);

#endif
