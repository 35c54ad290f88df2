#include "daemon/core/config_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { FILE_MAX_BYTES = 1 << 20, MAX_FILES = 256, ARENA_MAX_BYTES = 64 << 20 };

/* --- snapshots --- */

struct config *config_ref(struct config *c)
{
    atomic_fetch_add(&((struct config_snapshot *)c)->refs, 1);
    return c;
}

void config_unref(struct config *c)
{
    struct config_snapshot *s = (struct config_snapshot *)c;
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    while (s->secrets) {
        struct config_secret *secret = s->secrets;
        s->secrets = secret->next;
        explicit_bzero(secret->text, secret->n);
        free(secret);
    }
    arena_done(&s->arena);
    free(s);
}

const struct config_workspace *config_workspace(const struct config *c, struct span id)
{
    for (size_t i = 0; i < c->n_workspaces; i++)
        if (span_eq(c->workspaces[i].id, id))
            return &c->workspaces[i];
    return NULL;
}

struct span config_resolve(struct config_reader *r, struct span path)
{
    struct arena *a = &r->snapshot->arena;
    struct span dir = r->source->file;
    while (dir.n > 0 && dir.p[dir.n - 1] != '/')
        dir.n--;
    if (path.n == 0 || path.p[0] == '/' || dir.n == 0)
        return arena_dup(a, path);
    return arena_printf(a, "%.*s%.*s", SPAN_FMT(dir), SPAN_FMT(path));
}

/* --- files --- */

int config_read_file(struct config_reader *r, const char *path, struct span *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    struct stat st;
    ssize_t n = 0, got = 0;
    int rc = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EISDIR : 0;
    if (rc == 0 && st.st_size > FILE_MAX_BYTES)
        rc = -EFBIG;
    char *text = rc == 0 ? arena_alloc(r->temp, (size_t)st.st_size + 1) : NULL;
    if (rc == 0 && !text)
        rc = -ENOMEM;
    while (rc == 0 && n < st.st_size && (got = read(fd, text + n, (size_t)(st.st_size - n))) != 0) {
        if (got < 0)
            rc = -errno;
        else
            n += got;
    }
    close(fd);
    if (rc == 0) {
        text[n] = '\0';
        *ret = span_of(text, (size_t)n);
    }
    return rc;
}

static int load_file(struct config_reader *r, const char *path)
{
    struct yaml_source *source = arena_zalloc(r->temp, sizeof *source);
    struct yaml_node *root = NULL;
    if (!source)
        return -ENOMEM;
    source->file = arena_dup(r->temp, span_str(path));
    if (!source->file.p)
        return -ENOMEM;
    r->source = source;
    if (!r->root->self.source)
        r->root->self = (struct config_place){source, {1, 1}};
    int rc = config_read_file(r, path, &source->text);
    if (rc == -ENOMEM)
        return rc;
    if (rc < 0) {
        yaml_problem(r->problems, source, (struct yaml_pos){1, 1}, "can not be read: %s",
                     err_text(rc));
        return 0;
    }
    rc = yaml_parse(source, r->temp, r->problems, &root);
    if (rc == 0)
        rc = config_read_tree(r, root);
    return rc == -EINVAL ? 0 : rc;
}

static int is_yaml(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* conf.d/ beside the main file; that there is none is fine. */
static int load_more(struct config_reader *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct span dir = slash ? arena_printf(r->temp, "%.*s/conf.d", (int)(slash - path), path)
                            : arena_dup(r->temp, SPAN_LIT("conf.d"));
    struct dirent **found = NULL;
    int rc = 0;
    if (!dir.p)
        return -ENOMEM;
    int n = scandir(dir.p, &found, is_yaml, by_name);
    if (n < 0 && errno != ENOENT)
        config_problem(r, &r->root->self, "%s can not be read: %s", dir.p, err_text(errno));
    if (n > MAX_FILES)
        config_problem(r, &r->root->self, "%s holds more than %d files", dir.p, MAX_FILES);
    for (int i = 0; i < n; i++) {
        struct span file = arena_printf(r->temp, "%s/%s", dir.p, found[i]->d_name);
        if (rc == 0 && i < MAX_FILES)
            rc = file.p ? load_file(r, file.p) : -ENOMEM;
        free(found[i]);
    }
    free(found);
    return rc;
}

static int load_settings(struct config_reader *r, const char *const *settings, size_t n)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct yaml_source *source = arena_zalloc(r->temp, sizeof *source);
        if (!source)
            return -ENOMEM;
        *source = (struct yaml_source){SPAN_LIT("--set"), span_str(settings[i])};
        if (!r->root->self.source)
            r->root->self = (struct config_place){source, {1, 1}};
        rc = config_read_setting(r, source);
    }
    return rc;
}

static int load_all(struct config_reader *r, const char *path, const char *const *settings,
                    size_t n)
{
    static const struct yaml_source built_in = {SPAN_LIT("built-in"), SPAN_LIT("")};
    int rc = path ? load_file(r, path) : 0;
    if (rc == 0 && path)
        rc = load_more(r, path);
    if (rc == 0)
        rc = load_settings(r, settings, n);
    r->source = &built_in; /* defaults are not relative to any file */
    if (rc == 0)
        rc = config_finish(r);
    if (rc == 0)
        config_check(r);
    return rc < 0 ? rc : r->problems->n > 0 ? -EINVAL : 0;
}

int config_load_with(const char *path, const char *const *settings, size_t n, struct buf *messages,
                     struct config **ret_config)
{
    struct config_snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct arena temp;
    struct yaml_problems problems = {.out = messages};
    struct config_reader r = {.snapshot = snapshot, .temp = &temp, .problems = &problems};
    if (!snapshot)
        return -ENOMEM;
    atomic_init(&snapshot->refs, 1);
    arena_init(&snapshot->arena, ARENA_MAX_BYTES);
    arena_init(&temp, ARENA_MAX_BYTES);
    r.root = arena_zalloc(&temp, sizeof *r.root);
    int rc = r.root ? 0 : -ENOMEM;
    if (rc == 0) {
        r.root->base = &snapshot->c;
        snapshot->c.file = arena_dup(&snapshot->arena, span_str(path));
        rc = load_all(&r, path, settings, n);
    }
    if (problems.n > YAML_MAX_PROBLEMS)
        buf_printf(messages, "… and %zu more\n", problems.n - YAML_MAX_PROBLEMS);
    arena_done(&temp);
    if (rc < 0)
        config_unref(&snapshot->c);
    else
        *ret_config = &snapshot->c;
    return rc;
}

int config_load(const char *path, struct buf *messages, struct config **ret_config)
{
    return config_load_with(path, NULL, 0, messages, ret_config);
}

/* --- reload --- */

static bool same_value(const struct config_row *row, const struct config *a, const struct config *b)
{
    const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    switch (row->type) {
    case ROW_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case ROW_U16:
        return *(const uint16_t *)x == *(const uint16_t *)y;
    case ROW_U32:
        return *(const uint32_t *)x == *(const uint32_t *)y;
    case ROW_COUNT:
    case ROW_BYTES:
        return *(const size_t *)x == *(const size_t *)y;
    case ROW_DURATION:
        return *(const int64_t *)x == *(const int64_t *)y;
    default:
        return span_eq(*(const struct span *)x, *(const struct span *)y);
    }
}

size_t config_restart_needed(const struct config *old, const struct config *new,
                             struct buf *messages)
{
    size_t n = 0;
    for (size_t i = 0; i < config_n_rows; i++) {
        const struct config_row *row = &config_rows[i];
        if (!(row->flags & ROW_RESTART) || same_value(row, old, new))
            continue;
        buf_printf(messages, "%s has changed, which takes effect after a restart\n", row->path);
        n++;
    }
    return n;
}
