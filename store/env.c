#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/dict.h"
#include "store/env.h"
#include "store/segment.h"
#include "store/txn.h"

#define ENV_MAP_DEFAULT (UINT64_C(64) << 30)
#define ENV_READERS 510
#define ENV_MAGIC "vocstore"
#define ENV_SCHEMA 1 /* a reader of n reads every file of <= n; docs/adr says how it moves on */
#define ENV_WORKSPACE_MAX 256
#define ENV_MAKING ".making"
#define ENV_BALLAST "ballast"

/* The row "store" of table meta: what file this is. The workspace id follows it. */
struct env_meta {
    char magic[8];
    uint32_t schema;
    uint32_t reserved;
    uint64_t seed;
};

struct say {
    char *p;
    size_t n;
};

static const struct span meta_key = {"store", 5};

#define X(id, name, flags) {name, flags},
static const struct trace_table tables[DBI_COUNT] = {KV_TABLES(X)};
#undef X

/* A sentence for people and its code, in one. */
static int say(struct say *to, int e, const char *dir, const char *what)
{
    if (to->p && to->n)
        snprintf(to->p, to->n, "%s: %s", dir, what);
    return e;
}

static int say_error(struct say *to, int e, const char *dir, const char *what)
{
    if (to->p && to->n)
        snprintf(to->p, to->n, "%s: %s: %s", dir, what, err_text(e));
    return e;
}

static int env_create(const char *path, size_t map_size, MDB_env **ret)
{
    MDB_env *env;
    int r = mdb_env_create(&env);
    if (r != MDB_SUCCESS)
        return kv_errno(r);
    r = mdb_env_set_mapsize(env, map_size ? map_size : ENV_MAP_DEFAULT);
    if (r == MDB_SUCCESS)
        r = mdb_env_set_maxdbs(env, DBI_COUNT);
    if (r == MDB_SUCCESS)
        r = mdb_env_set_maxreaders(env, ENV_READERS);
    if (r == MDB_SUCCESS)
        r = mdb_env_open(env, path, MDB_NOTLS, 0600);
    if (r != MDB_SUCCESS) {
        mdb_env_close(env);
        return kv_errno(r);
    }
    *ret = env;
    return 0;
}

/* Opens all tables; makes those that are missing, which happens in new files only. */
static int open_tables(struct store *s, MDB_txn *txn)
{
    for (int i = 0; i < DBI_COUNT; i++) {
        int r = mdb_dbi_open(txn, tables[i].name, MDB_CREATE | tables[i].flags, &s->dbi[i]);
        if (r != MDB_SUCCESS)
            return kv_errno(r);
    }
    return 0;
}

static int put_meta(struct store *s, MDB_txn *txn, struct span workspace)
{
    char row[sizeof(struct env_meta) + ENV_WORKSPACE_MAX];
    struct env_meta meta = {.schema = ENV_SCHEMA};
    struct kv kv = {.store = s, .txn = txn, .write = true};
    memcpy(meta.magic, ENV_MAGIC, sizeof(meta.magic));
    s->rng.fill(s->rng.ctx, &meta.seed, sizeof(meta.seed));
    memcpy(row, &meta, sizeof(meta));
    if (workspace.n)
        memcpy(row + sizeof(meta), workspace.p, workspace.n);
    kv_put(&kv, DBI_META, meta_key, span_of(row, sizeof(meta) + workspace.n));
    txn_put_counters(&kv, &(struct counters){0});
    return kv.error;
}

/* Fills the new environment in `making`. */
static int make_filled(struct store *s, const struct store_config *cfg, const char *making)
{
    MDB_txn *txn = NULL;
    int r = env_create(making, cfg->map_size, &s->env);
    if (r < 0)
        return r;
    r = kv_errno(mdb_txn_begin(s->env, NULL, 0, &txn));
    if (r == 0)
        r = open_tables(s, txn);
    if (r == 0)
        r = put_meta(s, txn, cfg->workspace);
    if (r == 0) {
        r = kv_errno(mdb_txn_commit(txn));
        txn = NULL;
    }
    if (txn)
        mdb_txn_abort(txn);
    mdb_env_close(s->env);
    s->env = NULL;
    return r;
}

/* A file appears under its name only when it is whole: made in a folder of its own, then moved.
 * Whatever a killed attempt left there is thrown away by the next. */
static int make_file(struct store *s, const struct store_config *cfg)
{
    char making[PATH_MAX];
    if (snprintf(making, sizeof(making), "%s/" ENV_MAKING, cfg->dir) >= (int)sizeof(making))
        return -ENAMETOOLONG;
    unlinkat(s->dir_fd, ENV_MAKING "/" ENV_DATA, 0);
    unlinkat(s->dir_fd, ENV_MAKING "/lock.mdb", 0);
    if (mkdirat(s->dir_fd, ENV_MAKING, 0700) < 0 && errno != EEXIST)
        return -errno;
    int r = make_filled(s, cfg, making);
    if (r < 0)
        return r;
    if (renameat(s->dir_fd, ENV_MAKING "/" ENV_DATA, s->dir_fd, ENV_DATA) < 0 ||
        fsync(s->dir_fd) < 0)
        return -errno;
    unlinkat(s->dir_fd, ENV_MAKING "/lock.mdb", 0);
    unlinkat(s->dir_fd, ENV_MAKING, AT_REMOVEDIR);
    return 0;
}

static int check_meta(struct store *s, const struct store_config *cfg, struct span row,
                      struct say *to)
{
    struct env_meta meta;
    if (row.n < sizeof(meta))
        return say(to, -VOC_E_VERSION, cfg->dir, "not a vocd store");
    memcpy(&meta, row.p, sizeof(meta));
    if (memcmp(meta.magic, ENV_MAGIC, sizeof(meta.magic)) != 0)
        return say(to, -VOC_E_VERSION, cfg->dir, "not a vocd store");
    if (meta.schema > ENV_SCHEMA || meta.schema == 0) {
        char what[96];
        snprintf(what, sizeof(what), "written by a newer vocd (schema %u; this one reads up to %d)",
                 meta.schema, ENV_SCHEMA);
        return say(to, -VOC_E_VERSION, cfg->dir, what);
    }
    struct span workspace = {row.p + sizeof(meta), row.n - sizeof(meta)};
    if (!span_eq(workspace, cfg->workspace)) {
        char what[2 * ENV_WORKSPACE_MAX + 64];
        snprintf(what, sizeof(what), "belongs to workspace \"%.*s\", not to \"%.*s\"",
                 SPAN_FMT(workspace), SPAN_FMT(cfg->workspace));
        return say(to, -VOC_E_VERSION, cfg->dir, what);
    }
    s->seed = meta.seed;
    return 0;
}

/* Reads what file this is before anything is written to it. */
static int read_meta(struct store *s, const struct store_config *cfg, struct say *to)
{
    MDB_txn *txn;
    MDB_val k = {meta_key.n, (void *)(uintptr_t)meta_key.p}, v;
    int r = kv_errno(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn));
    if (r < 0)
        return say_error(to, r, cfg->dir, "can not be read");
    r = mdb_dbi_open(txn, tables[DBI_META].name, 0, &s->dbi[DBI_META]);
    if (r == MDB_SUCCESS)
        r = mdb_get(txn, s->dbi[DBI_META], &k, &v);
    if (r == MDB_SUCCESS)
        r = check_meta(s, cfg, span_of(v.mv_data, v.mv_size), to);
    else if (r == MDB_NOTFOUND || r == MDB_INCOMPATIBLE)
        r = say(to, -VOC_E_VERSION, cfg->dir, "not a vocd store");
    else
        r = say_error(to, kv_errno(r), cfg->dir, "can not be read");
    mdb_txn_abort(txn);
    return r;
}

/* Reading the map past the end of the file is SIGBUS, not an error. LMDB may leave pages at the end
 * that it never wrote, so a short file is no proof of damage; but pages that were cut off read as
 * zeros once the file is as long as it says, and LMDB finds those itself. */
static int reach_end(struct store *s)
{
    MDB_envinfo info;
    MDB_stat page;
    struct stat st;
    mdb_filehandle_t fd;
    int r = kv_errno(mdb_env_info(s->env, &info));
    if (r == 0)
        r = kv_errno(mdb_env_stat(s->env, &page));
    if (r == 0)
        r = kv_errno(mdb_env_get_fd(s->env, &fd));
    if (r < 0)
        return r;
    if (info.me_last_pgno >= info.me_mapsize / page.ms_psize)
        return -VOC_E_CORRUPT;
    off_t whole = (off_t)(info.me_last_pgno + 1) * page.ms_psize;
    if (fstat(fd, &st) < 0 || (st.st_size < whole && ftruncate(fd, whole) < 0))
        return -errno;
    return 0;
}

static int open_env(struct store *s, const struct store_config *cfg, struct say *to)
{
    MDB_txn *txn;
    int r = env_create(cfg->dir, cfg->map_size, &s->env);
    if (r == -VOC_E_VERSION || r == -VOC_E_CORRUPT)
        return say(to, -VOC_E_VERSION, cfg->dir, ENV_DATA " is not a vocd store");
    if (r < 0)
        return say_error(to, r, cfg->dir, "can not open " ENV_DATA);
    store_reader_check(s);
    r = cfg->beside ? 0 : reach_end(s);
    if (r < 0)
        return say_error(to, r, cfg->dir, "can not open " ENV_DATA);
    r = read_meta(s, cfg, to);
    if (r < 0 || cfg->beside)
        return r;
    r = kv_errno(mdb_txn_begin(s->env, NULL, 0, &txn));
    if (r == 0) {
        r = open_tables(s, txn);
        if (r == 0)
            r = kv_errno(mdb_txn_commit(txn));
        else
            mdb_txn_abort(txn);
    }
    return r < 0 ? say_error(to, r, cfg->dir, "can not open the tables") : 0;
}

static int lock_dir(struct store *s, const struct store_config *cfg, struct say *to)
{
    if (cfg->create && mkdir(cfg->dir, 0700) < 0 && errno != EEXIST)
        return say_error(to, -errno, cfg->dir, "can not make the directory");
    s->dir_fd = open(cfg->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return say_error(to, -errno, cfg->dir, "can not open the directory");
    if (!cfg->beside && flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0)
        return say(to, errno == EWOULDBLOCK ? -EBUSY : -errno, cfg->dir,
                   "in use by another process");
    return 0;
}

/* The data file is there and may be opened, or has been made. */
static int find_file(struct store *s, const struct store_config *cfg, struct say *to)
{
    struct stat st;
    if (fstatat(s->dir_fd, ENV_DATA, &st, 0) == 0) {
        if (st.st_size == 0)
            return say(to, -VOC_E_CORRUPT, cfg->dir, ENV_DATA " is empty");
        return 0;
    }
    if (errno != ENOENT)
        return say_error(to, -errno, cfg->dir, ENV_DATA);
    if (!cfg->create)
        return say(to, -ENOENT, cfg->dir, "no store there");
    int r = make_file(s, cfg);
    return r < 0 ? say_error(to, r, cfg->dir, "can not make the store") : 0;
}

static int open_rest(struct store *s, const struct store_config *cfg, struct say *to)
{
    int r = pack_init(&s->pack);
    if (r == 0)
        r = dict_cache_new(&s->dict);
    if (r == 0)
        r = txn_init(s, &s->txn);
    if (r == 0)
        r = trace_init(&s->trace, cfg->trace_fd, tables, DBI_COUNT);
    if (r == 0 && cfg->ballast)
        r = store_ballast(s, true);
    /* A store that can not have its ballast because the disk is full must still open. */
    if (r == -ENOSPC)
        r = 0;
    return r < 0 ? say_error(to, r, cfg->dir, "can not open") : 0;
}

int store_open(const struct store_config *cfg, char *message, size_t message_size,
               struct store **ret_store)
{
    struct say to = {message, message_size};
    if (cfg->workspace.n > ENV_WORKSPACE_MAX)
        return say(&to, -EINVAL, cfg->dir, "the workspace id is too long");
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return say(&to, -ENOMEM, cfg->dir, "out of memory");
    s->dir_fd = -1;
    s->trace.fd = -1;
    s->rng = cfg->rng;
    s->ballast = cfg->ballast;
    s->dir = strdup(cfg->dir);
    s->workspace = strndup(cfg->workspace.n ? cfg->workspace.p : "", cfg->workspace.n);
    s->workspace_size = cfg->workspace.n;
    int r = s->dir && s->workspace ? lock_dir(s, cfg, &to) : -ENOMEM;
    if (r == 0)
        r = find_file(s, cfg, &to);
    if (r == 0)
        r = open_env(s, cfg, &to);
    if (r == 0)
        r = open_rest(s, cfg, &to);
    if (r < 0) {
        store_close(s);
        return r;
    }
    *ret_store = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_abort(s->txn);
    txn_free(s->txn);
    trace_done(&s->trace);
    segment_forget(s);
    dict_cache_free(s->dict);
    pack_done(&s->pack);
    if (s->env)
        mdb_env_close(s->env);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    free(s->workspace);
    free(s->dir);
    free(s);
}

struct span env_workspace(const struct store *s)
{
    return span_of(s->workspace, s->workspace_size);
}

int store_reader_check(struct store *s)
{
    int dead = 0;
    int r = kv_errno(mdb_reader_check(s->env, &dead));
    return r < 0 ? r : dead;
}

int store_ballast(struct store *s, bool present)
{
    if (!present)
        return unlinkat(s->dir_fd, ENV_BALLAST, 0) < 0 && errno != ENOENT ? -errno : 0;
    if (!s->ballast)
        return 0;
    int fd = openat(s->dir_fd, ENV_BALLAST, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = -posix_fallocate(fd, 0, (off_t)s->ballast);
    close(fd);
    if (r < 0) /* half a ballast only makes the disk fuller */
        unlinkat(s->dir_fd, ENV_BALLAST, 0);
    return r;
}

int store_grow(struct store *s, size_t map_size)
{
    return s->in_txn ? -EBUSY : kv_errno(mdb_env_set_mapsize(s->env, map_size));
}

/* mdb_reader_list() prints lines "pid thread txnid"; "-" is an idle slot. */
struct oldest {
    uint64_t txn;
};

static int reader_line(const char *line, void *ctx)
{
    struct oldest *o = ctx;
    unsigned long long txn;
    int pid;
    if (sscanf(line, "%d %*s %llu", &pid, &txn) == 2 && txn < o->txn)
        o->txn = txn;
    return 0;
}

int store_stats(struct store *s, struct store_stats *ret)
{
    struct store_view *v;
    struct store_stats st = {0};
    MDB_envinfo info;
    MDB_stat page;
    int r = kv_errno(mdb_env_info(s->env, &info));
    if (r == 0)
        r = kv_errno(mdb_env_stat(s->env, &page));
    if (r == 0)
        r = store_view_begin(s, &v);
    if (r < 0)
        return r;
    st.records = kv_count(&v->kv, DBI_REC);
    st.customers = kv_count(&v->kv, DBI_CUST);
    st.sealed_blocks = kv_count(&v->kv, DBI_BLOCK);
    st.unsealed_rows = kv_count(&v->kv, DBI_FACT);
    st.outbox = kv_count(&v->kv, DBI_OUTBOX_ID);
    st.dead_letters = kv_count(&v->kv, DBI_DEAD);
    st.dead_letter_bytes = kv_bytes(&v->kv, DBI_DEAD);
    store_view_end(v);
    st.map_used = (uint64_t)(info.me_last_pgno + 1) * page.ms_psize;
    st.map_size = info.me_mapsize;
    st.last_txn = info.me_last_txnid;
    struct oldest o = {st.last_txn};
    mdb_reader_list(s->env, reader_line, &o);
    st.oldest_reader_txns = (int64_t)(st.last_txn - o.txn);
    *ret = st;
    return 0;
}
