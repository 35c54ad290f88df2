/* vocctl backup: a consistent copy of a state directory while the daemon runs, and back. The copy
 * is a state directory itself. Tokens' hashes and their key go with it; nothing in it opens a
 * session without the tokens. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ctl/ctl.h"
#include "store/store.h"

enum { COPY_CHUNK = 1 << 16 };

static int complain(const char *what, int rc)
{
    fprintf(stderr, "vocctl: %s: %s\n", what, strerror(-rc));
    return rc;
}

static int join(char out[PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return n < 0 || n >= PATH_MAX ? complain(dir, -ENAMETOOLONG) : 0;
}

/* One store; when it is `live` the daemon may be writing to it, else it is a backup. */
static int copy_store(const char *from, const char *to, struct span id, bool live)
{
    char message[512] = "";
    struct store *s;
    struct store_config cfg = {
        .dir = from, .workspace = id, .beside = live, .trace_fd = -1, .rng = rng_system};
    int rc = live ? 0 : store_backup_check(from, message, sizeof message);
    if (rc == 0)
        rc = store_open(&cfg, message, sizeof message, &s);
    if (rc == 0) {
        rc = store_backup(s, to, message, sizeof message);
        store_close(s);
    }
    if (rc < 0)
        fprintf(stderr, "vocctl: %s\n", *message ? message : strerror(-rc));
    else
        printf("%s\n", to);
    return rc;
}

static int copy_bytes(int in, int out)
{
    char chunk[COPY_CHUNK];
    for (;;) {
        ssize_t n = read(in, chunk, sizeof chunk);
        if (n <= 0)
            return n < 0 ? -errno : (fsync(out) < 0 ? -errno : 0);
        for (ssize_t at = 0; at < n;) {
            ssize_t w = write(out, chunk + at, (size_t)(n - at));
            if (w < 0)
                return -errno;
            at += w;
        }
    }
}

static int copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT ? 0 : complain(from, -errno);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = out < 0 ? -errno : copy_bytes(in, out);
    if (out >= 0)
        close(out);
    close(in);
    return rc < 0 ? complain(to, rc) : 0;
}

static int copy_workspaces(const char *from, const char *to, bool live)
{
    char a[PATH_MAX], b[PATH_MAX];
    DIR *dir = opendir(from);
    int rc = dir ? 0 : complain(from, -errno);
    for (struct dirent *e; rc == 0 && (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        rc = join(a, from, e->d_name);
        if (rc == 0)
            rc = join(b, to, e->d_name);
        if (rc == 0)
            rc = copy_store(a, b, span_str(e->d_name), live);
    }
    if (dir)
        closedir(dir);
    return rc;
}

static int make_target(const char *to)
{
    if (mkdir(to, 0700) == 0)
        return 0;
    if (errno == EEXIST && rmdir(to) == 0) /* an empty one is as good as none */
        return make_target(to);
    return complain(to, errno == ENOTEMPTY ? -EEXIST : -errno);
}

static int copy_state(const char *from, const char *to, bool live)
{
    char a[PATH_MAX], b[PATH_MAX];
    int rc = make_target(to);
    if (rc == 0 && (rc = join(a, from, "system")) == 0 && (rc = join(b, to, "system")) == 0)
        rc = copy_store(a, b, SPAN_LIT(""), live);
    if (rc == 0 && (rc = join(a, from, "auth.key")) == 0 && (rc = join(b, to, "auth.key")) == 0)
        rc = copy_file(a, b);
    if (rc == 0 && (rc = join(a, from, "ws")) == 0 && (rc = join(b, to, "ws")) == 0)
        rc = mkdir(b, 0700) < 0 ? complain(b, -errno) : copy_workspaces(a, b, live);
    return rc;
}

/* Both ways are the same copy: into a place where nothing is. */
int ctl_backup(struct ctl *c)
{
    bool create = c->argc == 4 && strcmp(c->argv[1], "create") == 0;
    bool restore = c->argc == 4 && strcmp(c->argv[1], "restore") == 0;
    if (!create && !restore) {
        fputs("usage: vocctl backup create STATE DIR | backup restore DIR STATE\n", stderr);
        return CTL_USAGE;
    }
    umask(077); /* LMDB would let others read the copy */
    return copy_state(c->argv[2], c->argv[3], create) < 0 ? CTL_FAILED : CTL_OK;
}
