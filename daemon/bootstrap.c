#include "daemon/bootstrap.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/format/json_out.h"
#include "daemon/core/log.h"

enum { FILE_MAX = 8192, ARENA_MAX = 1 << 20, STALE_MAX = 10000 };

static int write_all(int fd, struct span s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0)
            return -errno;
        s = span_of(s.p + n, s.n - (size_t)n);
    }
    return fsync(fd) < 0 ? -errno : 0;
}

/* A new file beside it, then renamed: a reader sees all roles or none. */
static int write_file(const char *path, struct span content)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return -ENAMETOOLONG;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = write_all(fd, content);
    close(fd);
    if (rc == 0 && rename(temporary, path) < 0)
        rc = -errno;
    if (rc < 0)
        unlink(temporary);
    return rc;
}

struct first {
    struct auth_made made[ROLE_COUNT];
    struct arena arena;
    struct buf file;
};

static int make(struct first *f, struct span workspace, struct auth *auth, int64_t now)
{
    struct json_out j = json_out_to(&f->file);
    json_open(&j, NULL, '{');
    for (int role = ROLE_COUNT - 1; role >= 0; role--) {
        struct auth_token spec = {
            .role = (enum role)role,
            .workspace = workspace,
            .name = span_str(vocab_code(VOCAB_ROLE, role)),
            .created_at = now,
            .expires_at = NO_TIME,
            .revoked_at = NO_TIME,
        };
        int rc = auth_make(auth, &spec, &f->arena, &f->made[role]);
        if (rc < 0)
            return rc;
        json_text(&j, vocab_code(VOCAB_ROLE, role), f->made[role].text);
    }
    json_close(&j, '}');
    buf_char(&f->file, '\n');
    return buf_error(&f->file);
}

static int keep(const struct first *f, struct workspace *system, struct auth *auth, int64_t now)
{
    struct store_txn *txn;
    int rc = store_begin(system->store, now, &txn);
    if (rc < 0)
        return rc;
    for (int role = 0; role < ROLE_COUNT; role++)
        store_doc_put(txn, STORE_DOC_TOKEN, f->made[role].id, f->made[role].document);
    rc = store_commit(txn);
    for (int role = 0; role < ROLE_COUNT && rc == 0; role++)
        rc = auth_apply(auth, f->made[role].document);
    return rc;
}

struct ended {
    struct auth *auth;
    int64_t now;
    struct arena arena;
    struct span stale[STALE_MAX]; /* keys of documents that say nothing any more */
    size_t n;
};

static int take_ended(void *ctx, struct span key, struct span value)
{
    struct ended *e = ctx;
    if (!span_starts(key, SPAN_LIT(AUTH_ENDED_KEY)))
        return 1;
    int rc = auth_ended_apply(e->auth, key, value, e->now);
    if (rc < 0 && e->n < STALE_MAX)
        e->stale[e->n++] = arena_dup(&e->arena, key);
    return 0;
}

/* What is left over goes at the next start. */
static int drop_stale(struct workspace *system, const struct ended *e)
{
    struct store_txn *txn;
    int rc = e->n > 0 ? store_begin(system->store, e->now, &txn) : -ENOENT;
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    for (size_t i = 0; i < e->n; i++)
        if (e->stale[i].p)
            store_doc_delete(txn, STORE_DOC_SETTING, e->stale[i]);
    return store_commit(txn);
}

static int load(struct workspace *system, struct auth *auth, int64_t now)
{
    struct store_view *view = NULL;
    struct ended *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    *e = (struct ended){.auth = auth, .now = now};
    arena_init(&e->arena, ARENA_MAX);
    int rc = store_view_begin(system->store, &view);
    if (rc == 0)
        rc = auth_load(auth, view);
    if (rc == 0)
        rc =
            store_doc_each(view, STORE_DOC_SETTING, SPAN_LIT(AUTH_ENDED_KEY), false, take_ended, e);
    store_view_end(view);
    if (rc >= 0 && drop_stale(system, e) < 0)
        log_warning(LOG_AUTH, "old signing-outs stay for now", "documents=%zu", e->n);
    arena_done(&e->arena);
    free(e);
    return rc < 0 ? rc : 0;
}

/* The first workspace's file is as configured: tokens.json; of "shop" it is tokens-shop.json. */
static int file_of(const struct config *cfg, size_t i, char path[PATH_MAX])
{
    struct span base = cfg->auth.bootstrap, end = SPAN_LIT(".json");
    bool json = base.n > end.n && memcmp(base.p + base.n - end.n, end.p, end.n) == 0;
    int n;
    if (json)
        base.n -= end.n;
    if (i == 0)
        n = snprintf(path, PATH_MAX, "%s", cfg->auth.bootstrap.p);
    else
        n = snprintf(path, PATH_MAX, "%.*s-%s%s", SPAN_FMT(base), cfg->workspaces[i].id.p,
                     json ? end.p : "");
    return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int stop_at_one(void *ctx, const struct auth_token *token)
{
    (void)ctx;
    (void)token;
    return 1;
}

static int first_tokens(const struct config *cfg, size_t i, struct workspace *system,
                        struct auth *auth, int64_t now, char *message, size_t size)
{
    struct span workspace = cfg->workspaces[i].id;
    char path[PATH_MAX] = "";
    struct first f = {0};
    if (auth_each(auth, workspace, stop_at_one, NULL) != 0)
        return 0;
    arena_init(&f.arena, ARENA_MAX);
    buf_init(&f.file, FILE_MAX);
    int rc = file_of(cfg, i, path);
    if (rc == 0)
        rc = make(&f, workspace, auth, now);
    if (rc == 0)
        rc = write_file(path, buf_span(&f.file));
    if (rc == 0)
        rc = keep(&f, system, auth, now);
    if (rc < 0)
        snprintf(message, size, "%s: %s", *path ? path : "auth.bootstrap", err_text(rc));
    else
        log_info(LOG_AUTH, "first tokens made", "workspace=%.*s file=%s", SPAN_FMT(workspace),
                 path);
    buf_done(&f.file);
    arena_done(&f.arena);
    return rc;
}

int bootstrap_tokens(const struct config *cfg, struct workspace *system, struct auth *auth,
                     const struct clock *clock, char *message, size_t size)
{
    int rc = load(system, auth, clock_wall(clock));
    if (rc < 0)
        snprintf(message, size, "tokens: %s", err_text(rc));
    for (size_t i = 0; i < cfg->n_workspaces && rc == 0 && cfg->auth.bootstrap.n; i++)
        rc = first_tokens(cfg, i, system, auth, clock_wall(clock), message, size);
    return rc;
}
