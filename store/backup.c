#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "store/env.h"
#include "store/kv.h"

#define BACKUP_MANIFEST "manifest.json"
#define BACKUP_FORMAT 1
#define BACKUP_READ (256u << 10)
#define BACKUP_MANIFEST_MAX 4096u
#define BACKUP_SUMS ",\"bytes\":%llu,\"xxh128\":\""

static int is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    int others = 0;
    if (!d)
        return -errno;
    for (struct dirent *e; (e = readdir(d));)
        others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return others ? -EEXIST : 0;
}

static int open_target(const char *dir, int *ret_fd)
{
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -errno;
    int r = is_empty(dir);
    if (r < 0)
        return r;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

static int hash_all(int fd, XXH3_state_t *state, char *buffer, uint64_t *ret_bytes)
{
    uint64_t total = 0;
    for (;;) {
        ssize_t n = read(fd, buffer, BACKUP_READ);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        XXH3_128bits_update(state, buffer, (size_t)n);
        total += (uint64_t)n;
    }
    *ret_bytes = total;
    return 0;
}

/* The copied file is on disk, and its size and hash known. */
static int settle_data(int dir_fd, uint64_t *ret_bytes, XXH128_canonical_t *ret_hash)
{
    XXH3_state_t *state = XXH3_createState();
    char *buffer = malloc(BACKUP_READ);
    int fd = openat(dir_fd, ENV_DATA, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : !state || !buffer ? -ENOMEM : 0;
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r == 0) {
        XXH3_128bits_reset(state);
        r = hash_all(fd, state, buffer, ret_bytes);
    }
    if (r == 0)
        XXH128_canonicalFromHash(ret_hash, XXH3_128bits_digest(state));
    if (fd >= 0)
        close(fd);
    free(buffer);
    XXH3_freeState(state);
    return r;
}

static int write_file(int dir_fd, const char *name, struct span text)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text.p, text.n);
    int r = n < 0 ? -errno : (size_t)n != text.n ? -ENOSPC : 0;
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    close(fd);
    return r;
}

static int make_manifest(struct span workspace, uint64_t bytes, const XXH128_canonical_t *hash,
                         struct buf *b)
{
    buf_printf(b, "{\"format\":%d,\"workspace\":", BACKUP_FORMAT);
    buf_json_str(b, workspace);
    buf_printf(b, ",\"file\":\"" ENV_DATA "\"" BACKUP_SUMS, (unsigned long long)bytes);
    for (size_t i = 0; i < sizeof(hash->digest); i++)
        buf_printf(b, "%02x", hash->digest[i]);
    return buf_str(b, "\"}\n");
}

/* Written last, so that a backup with a manifest is a whole one. */
static int write_manifest(int dir_fd, struct span workspace, uint64_t bytes,
                          const XXH128_canonical_t *hash)
{
    struct buf b;
    buf_init(&b, 0);
    int r = make_manifest(workspace, bytes, hash, &b);
    if (r == 0)
        r = write_file(dir_fd, BACKUP_MANIFEST, buf_span(&b));
    if (r == 0 && fsync(dir_fd) < 0)
        r = -errno;
    buf_done(&b);
    return r;
}

/* The end of the manifest, which is of this program's making: size and hash. */
static int read_sums(int dir_fd, uint64_t *ret_bytes, XXH128_canonical_t *ret_hash)
{
    char text[BACKUP_MANIFEST_MAX + 1];
    unsigned long long bytes;
    int end = 0;
    int fd = openat(dir_fd, BACKUP_MANIFEST, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, BACKUP_MANIFEST_MAX);
    close(fd);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    const char *at = strstr(text, ",\"bytes\":");
    if (!at || sscanf(at, BACKUP_SUMS "%n", &bytes, &end) != 1 || !end ||
        strlen(at + end) < 2 * sizeof(ret_hash->digest))
        return -VOC_E_CORRUPT;
    for (size_t i = 0; i < sizeof(ret_hash->digest); i++)
        if (sscanf(at + end + 2 * i, "%2hhx", &ret_hash->digest[i]) != 1)
            return -VOC_E_CORRUPT;
    *ret_bytes = bytes;
    return 0;
}

static int check_dir(int dir_fd)
{
    XXH128_canonical_t want, got;
    uint64_t want_bytes = 0, got_bytes = 0;
    int r = read_sums(dir_fd, &want_bytes, &want);
    if (r == 0)
        r = settle_data(dir_fd, &got_bytes, &got);
    if (r == 0 && (want_bytes != got_bytes || memcmp(&want, &got, sizeof(want)) != 0))
        r = -VOC_E_CORRUPT;
    return r;
}

int store_backup_check(const char *dir, char *message, size_t message_size)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = dir_fd < 0 ? -errno : check_dir(dir_fd);
    if (dir_fd >= 0)
        close(dir_fd);
    if (r < 0 && message && message_size)
        snprintf(message, message_size, "%s: %s", dir,
                 r == -ENOENT          ? "no finished backup there"
                 : r == -VOC_E_CORRUPT ? "the data are not what the manifest says"
                                       : err_text(r));
    return r;
}

int store_backup(struct store *s, const char *to_dir, char *message, size_t message_size)
{
    XXH128_canonical_t hash;
    uint64_t bytes = 0;
    int dir_fd = -1;
    int r = open_target(to_dir, &dir_fd);
    if (r == 0)
        r = kv_errno(mdb_env_copy2(s->env, to_dir, MDB_CP_COMPACT));
    if (r == 0)
        r = settle_data(dir_fd, &bytes, &hash);
    if (r == 0)
        r = write_manifest(dir_fd, env_workspace(s), bytes, &hash);
    if (r < 0 && message && message_size)
        snprintf(message, message_size, "%s: %s", to_dir,
                 r == -EEXIST ? "the directory is not empty" : err_text(r));
    if (r < 0 && dir_fd >= 0) { /* half a copy is no use, and in the way of the next attempt */
        unlinkat(dir_fd, ENV_DATA, 0);
        unlinkat(dir_fd, BACKUP_MANIFEST, 0);
    }
    if (dir_fd >= 0)
        close(dir_fd);
    return r;
}
