#include "daemon/core/lexicon_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/lexicon_layer.h"

enum { MAX_NAMES = 64, MAX_MEMORY = 512 << 20 };

void lexicon_problem(struct lexicon_load *l, const struct nlp_at *at, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    struct yaml_source none = {.file = span_str(at->file ? at->file : "lexicon")};
    const struct yaml_source *source = &none;
    for (size_t i = 0; i < l->n_sources; i++)
        if (at->file && span_is(l->sources[i].file, at->file))
            source = &l->sources[i];
    yaml_problem(&l->problems, source, (struct yaml_pos){at->line, at->column}, "%s", text);
}

static void take_report(void *ctx, const struct nlp_at *at, const char *message)
{
    lexicon_problem(ctx, at, "%s", message);
}

static uint64_t key_hash(struct span s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static struct lexicon_given *seen_slot(const struct lexicon_seen *seen, struct span key)
{
    if (!seen->cap)
        return NULL;
    size_t h = key_hash(key) & (seen->cap - 1);
    while (seen->at[h].key.p && !span_eq(seen->at[h].key, key))
        h = (h + 1) & (seen->cap - 1);
    return &seen->at[h];
}

static int seen_grow(struct lexicon_load *l)
{
    struct lexicon_seen old = l->seen;
    size_t cap = old.cap ? old.cap * 2 : 4096;
    l->seen.at = arena_array(&l->arena, cap, sizeof(*l->seen.at));
    if (!l->seen.at) {
        l->seen = old;
        return l->error = -ENOMEM;
    }
    l->seen.cap = cap;
    for (size_t i = 0; i < old.cap; i++)
        if (old.at[i].key.p)
            *seen_slot(&l->seen, old.at[i].key) = old.at[i];
    return 0;
}

bool lexicon_is_replaced(const struct lexicon_load *l, struct span key)
{
    const struct lexicon_given *g = seen_slot(&l->seen, key);
    return g && g->key.p && g->layer != l->layer;
}

bool lexicon_is_new(struct lexicon_load *l, struct span key, const struct nlp_at *at)
{
    if (l->seen.n * 2 >= l->seen.cap && seen_grow(l) < 0)
        return false;
    struct lexicon_given *g = seen_slot(&l->seen, key);
    if (g->key.p) {
        if (g->layer == l->layer)
            lexicon_problem(l, at, "is given twice; first in %s line %u", g->at.file, g->at.line);
        return false;
    }
    *g = (struct lexicon_given){arena_dup(&l->arena, key), l->layer, *at};
    if (!g->key.p)
        l->error = -ENOMEM;
    l->seen.n++;
    return true;
}

static int read_all(struct arena *a, const char *path, struct span *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : st.st_size > LEXICON_MAX_FILE ? -EFBIG : 0;
    char *p = r == 0 ? arena_alloc(a, (size_t)st.st_size + 1) : NULL;
    if (r == 0 && !p)
        r = -ENOMEM;
    size_t n = 0;
    while (r == 0 && n < (size_t)st.st_size) {
        ssize_t got = read(fd, p + n, (size_t)st.st_size - n);
        if (got <= 0) {
            r = got < 0 ? -errno : -EIO;
            break;
        }
        n += (size_t)got;
    }
    close(fd);
    if (r == 0)
        *ret = span_of(p, n);
    return r;
}

static struct span stem_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return span_of(name, dot ? (size_t)(dot - name) : strlen(name));
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);
    return n > k && strcmp(name + n - k, suffix) == 0;
}

static int tell(struct lexicon_load *l, const char *path, int error)
{
    buf_printf(l->problems.out, "%s: %s\n", path, err_text(error));
    return error;
}

static int read_file(struct lexicon_load *l, const char *path, enum lang lang)
{
    struct span name = arena_dup(&l->arena, span_str(path)), text;
    int r = name.p ? read_all(&l->arena, path, &text) : -ENOMEM;
    if (r < 0)
        return tell(l, path, r);
    if (l->n_sources == l->cap_sources)
        return tell(l, path, -EMFILE);
    struct yaml_source *source = &l->sources[l->n_sources++];
    *source = (struct yaml_source){name, text};
    struct lexicon_file f = {source, name.p, stem_of(name.p), lang};
    if (ends_with(path, ".tsv"))
        lexicon_read_tsv(l, &f);
    else
        lexicon_read_yaml(l, &f);
    return l->error;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(struct lexicon_load *l, const char *dir, char *names[], size_t *ret_n)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    int r = d ? 0 : -errno;
    for (struct dirent *e; r == 0 && (e = readdir(d));) {
        if (e->d_name[0] == '.' ||
            (!ends_with(e->d_name, ".tsv") && !ends_with(e->d_name, ".yaml")))
            continue;
        struct span copy = arena_dup(&l->arena, span_str(e->d_name));
        if (n == MAX_NAMES || !copy.p)
            r = n == MAX_NAMES ? -EMFILE : -ENOMEM;
        else
            names[n++] = (char *)copy.p;
    }
    if (d)
        closedir(d);
    qsort(names, n, sizeof(*names), compare_names);
    *ret_n = n;
    return r;
}

static int read_folder(struct lexicon_load *l, const char *dir, const char *sub, enum lang lang)
{
    char path[4096], *names[MAX_NAMES];
    size_t n = 0;
    int len = snprintf(path, sizeof(path), "%s/%s", dir, sub);
    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    int r = list_names(l, path, names, &n);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return tell(l, path, r);
    l->weighed = false;
    for (size_t i = 0; i < n; i++)
        l->weighed |= strcmp(names[i], "labels.tsv") == 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        char file[4352];
        snprintf(file, sizeof(file), "%s/%s", path, names[i]);
        r = read_file(l, file, lang);
    }
    return r;
}

static int read_layer(struct lexicon_load *l, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) < 0)
        return tell(l, dir, -errno);
    int r = read_folder(l, dir, "ko", LANG_KO);
    return r < 0 ? r : read_folder(l, dir, "en", LANG_EN);
}

int lexicon_compile(const char *const *dirs, size_t n, struct buf *out, struct buf *messages)
{
    struct lexicon_load l = {.problems = {messages, 0}, .cap_sources = 2 * MAX_NAMES * n};
    if (n == 0 || n > LEXICON_MAX_LAYERS)
        return -EINVAL;
    arena_init(&l.arena, MAX_MEMORY);
    l.sources = arena_array(&l.arena, l.cap_sources, sizeof(*l.sources));
    int r = l.sources ? nlp_build_new(take_report, &l, &l.build) : -ENOMEM;
    for (size_t i = n; r == 0 && i-- > 0;) {
        l.layer = i;
        r = read_layer(&l, dirs[i]);
    }
    size_t told = l.problems.n;
    if (r == 0)
        r = nlp_build_finish(l.build, out);
    if (r == 0 && told)
        r = -EINVAL;
    nlp_build_free(l.build);
    arena_done(&l.arena);
    return r;
}

static int write_whole(const char *path, struct span bytes)
{
    char temp[4200];
    int n = snprintf(temp, sizeof(temp), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(temp))
        return -ENAMETOOLONG;
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    int r = 0;
    for (size_t done = 0; r == 0 && done < bytes.n;) {
        ssize_t put = write(fd, bytes.p + done, bytes.n - done);
        if (put < 0)
            r = -errno;
        else
            done += (size_t)put;
    }
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temp, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temp);
    return r;
}

int lexicon_compile_dirs(const char *const *dirs, size_t n, const char *out_path,
                         struct buf *messages)
{
    struct buf out;
    buf_init(&out, (size_t)256 << 20);
    int r = lexicon_compile(dirs, n, &out, messages);
    if (r == 0) {
        r = write_whole(out_path, buf_span(&out));
        if (r < 0)
            buf_printf(messages, "%s: %s\n", out_path, err_text(r));
    }
    buf_done(&out);
    return r;
}
