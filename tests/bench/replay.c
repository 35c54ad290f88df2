/* replay TRACE DIR: does on bare LMDB what the trace says the store did (store/trace.h has the
 * format), and prints how long it took: the floor of what the daemon's own writes can cost. Values
 * are bytes of the same length. Reading the trace is not counted. */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_TABLES = 64, VALUE_MAX = 64 << 20 };

struct op {
    uint8_t op, table;
    uint16_t key_size;
    uint32_t value_size, flags;
    const char *key;
};

struct replay {
    const char *at, *end;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi tables[MAX_TABLES];
    char *value;
    uint64_t puts, deletes, commits;
};

static void die(const char *what, int rc)
{
    fprintf(stderr, "replay: %s: %s\n", what, rc ? mdb_strerror(rc) : "damaged trace");
    exit(1);
}

static const char *take(struct replay *r, void *to, size_t n)
{
    const char *p = r->at;
    if ((size_t)(r->end - r->at) < n)
        die("trace", 0);
    if (to)
        memcpy(to, p, n);
    r->at += n;
    return p;
}

static char *read_file(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) < 0) {
        perror(path);
        exit(1);
    }
    char *data = malloc((size_t)st.st_size + 1);
    *ret_n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
    fclose(f);
    return data;
}

static void begin(struct replay *r)
{
    int rc = r->txn ? 0 : mdb_txn_begin(r->env, NULL, 0, &r->txn);
    if (rc)
        die("begin", rc);
}

static void open_tables(struct replay *r)
{
    uint8_t n;
    take(r, &n, 1);
    begin(r);
    for (uint8_t i = 0; i < n && i < MAX_TABLES; i++) {
        char name[256] = "";
        uint8_t length;
        uint32_t flags;
        take(r, &length, 1);
        take(r, name, length);
        take(r, &flags, sizeof flags);
        int rc = mdb_dbi_open(r->txn, name, flags | MDB_CREATE, &r->tables[i]);
        if (rc)
            die(name, rc);
    }
    mdb_txn_commit(r->txn);
    r->txn = NULL;
}

static void put(struct replay *r, const struct op *o)
{
    MDB_val k = {o->key_size, (void *)o->key}, v = {o->value_size, r->value};
    begin(r);
    int rc = mdb_put(r->txn, r->tables[o->table], &k, &v, o->flags & ~(unsigned)MDB_RESERVE);
    if (rc && rc != MDB_KEYEXIST)
        die("put", rc);
    r->puts++;
}

static void apply(struct replay *r, const struct op *o)
{
    MDB_val k = {o->key_size, (void *)o->key};
    switch (o->op) {
    case 1:
        put(r, o);
        break;
    case 2:
        begin(r);
        mdb_del(r->txn, r->tables[o->table], &k, NULL);
        r->deletes++;
        break;
    default:
        if (r->txn && o->op == 3) {
            int rc = mdb_txn_commit(r->txn);
            if (rc)
                die("commit", rc);
            r->commits++;
        } else if (r->txn) {
            mdb_txn_abort(r->txn);
        }
        r->txn = NULL;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct replay r = {0};
    size_t n;
    if (argc != 3) {
        fputs("usage: replay TRACE DIR\n", stderr);
        return 2;
    }
    char *data = read_file(argv[1], &n);
    r.at = data;
    r.end = data + n;
    r.value = calloc(1, VALUE_MAX);
    take(&r, NULL, 8);
    if (!r.value || mdb_env_create(&r.env) || mdb_env_set_maxdbs(r.env, MAX_TABLES) ||
        mdb_env_set_mapsize(r.env, (size_t)64 << 30))
        die("environment", 0);
    int rc = mdb_env_open(r.env, argv[2], MDB_NOTLS, 0600);
    if (rc)
        die(argv[2], rc);
    open_tables(&r);
    double started = now();
    while (r.at < r.end) {
        struct op o;
        take(&r, &o.op, 1);
        take(&r, &o.table, 1);
        take(&r, &o.key_size, 2);
        take(&r, &o.value_size, 4);
        take(&r, &o.flags, 4);
        o.key = take(&r, NULL, o.key_size);
        apply(&r, &o);
    }
    printf("{\"seconds\":%.4f,\"puts\":%llu,\"deletes\":%llu,\"commits\":%llu}\n", now() - started,
           (unsigned long long)r.puts, (unsigned long long)r.deletes,
           (unsigned long long)r.commits);
    mdb_env_close(r.env);
    free(r.value);
    free(data);
    return 0;
}
