#include "daemon/core/config_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/core/log.h"
#include "daemon/core/map_read.h"

enum { SECRET_FILE_MAX = 16384, MAX_LIST_TEXT = 512 };

static struct config_place place_of(const struct config_reader *r, const struct yaml_node *n)
{
    return (struct config_place){r->source, n->at};
}

static size_t count(const struct yaml_node *n)
{
    size_t k = 0;
    for (const struct yaml_node *e = n->first; e; e = e->next)
        k++;
    return k;
}

/* Pointers of different types differ in C's eyes: the list's goes through memcpy. */
static void set_list(struct config_scope *s, const struct config_row *row, const void *list,
                     size_t n)
{
    memcpy(config_field(s, row->offset), &list, sizeof list);
    *(size_t *)config_field(s, row->count) = n;
}

/* A list, or a single text where a list of one is meant. */
int config_read_texts(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                      const struct yaml_node *n)
{
    struct config_place place = place_of(r, n);
    const struct yaml_node *first = n->type == YAML_LIST ? n->first : n;
    size_t want = n->type == YAML_LIST ? count(n) : 1, got = 0;
    if (n->type == YAML_MAP || want > (size_t)row->max) {
        config_problem(r, &place, "%s: expected a list of at most %d", n->key->text.p,
                       (int)row->max);
        return 0;
    }
    struct span *list = arena_array(&r->snapshot->arena, want ? want : 1, sizeof *list);
    if (!list)
        return -ENOMEM;
    for (const struct yaml_node *e = first; e; e = n->type == YAML_LIST ? e->next : NULL) {
        place = place_of(r, e);
        if (e->type != YAML_SCALAR || yaml_is_null(e) || e->text.n == 0 ||
            e->text.n > MAX_LIST_TEXT) {
            config_problem(r, &place, "%s: expected text of at most %d bytes, found %s",
                           n->key->text.p, MAX_LIST_TEXT, yaml_describe(e));
            continue;
        }
        if (row->names && config_word(row->names, e->text) < 0) {
            config_problem(r, &place, "%s: \"%.*s\" is not one of %s", n->key->text.p,
                           SPAN_FMT(utf8_cut(e->text, 60)), row->names);
            continue;
        }
        list[got] = arena_dup(&r->snapshot->arena, e->text);
        if (!list[got++].p)
            return -ENOMEM;
    }
    set_list(s, row, list, got);
    return 0;
}

/* --- secrets --- */

/* 0, -ENOMEM */
static int keep_secret(struct config_reader *r, struct span text, struct span *ret)
{
    struct config_secret *secret = malloc(sizeof *secret + text.n + 1);
    if (!secret)
        return -ENOMEM;
    secret->n = text.n;
    memcpy(secret->text, text.p, text.n);
    secret->text[text.n] = '\0';
    secret->next = r->snapshot->secrets;
    r->snapshot->secrets = secret;
    *ret = span_of(secret->text, text.n);
    return 0;
}

/* The whole file, at most SECRET_FILE_MAX. Length, or negative errno; -EFBIG. */
static ssize_t read_secret_file(struct config_reader *r, struct span path, char *out)
{
    struct stat st;
    ssize_t n = 0, got;
    int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    if (st.st_mode & 0007) {
        char quoted[LOG_QUOTE_MAX];
        log_warning(LOG_CONFIG, "secret file is open to everybody",
                    "file=%s mode=%03o used_in=%.*s", log_quote(path, quoted, sizeof quoted),
                    (unsigned)st.st_mode & 0777, SPAN_FMT(r->source->file));
    }
    while (n < SECRET_FILE_MAX && (got = read(fd, out + n, (size_t)(SECRET_FILE_MAX - n))) > 0)
        n += got;
    close(fd);
    return n == SECRET_FILE_MAX ? -EFBIG : n;
}

static bool is_clean(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
            return false;
    return utf8_valid(s) == s.n;
}

/* One secret a line (a file) or a word (a variable). */
static int take_secrets(struct config_reader *r, struct config_scope *s,
                        const struct config_row *row, const struct yaml_node *n, struct span text)
{
    struct config_place place = place_of(r, n);
    size_t most = row->type == ROW_SECRETS ? (size_t)row->max : 1, got = 0;
    struct span *list = arena_array(&r->snapshot->arena, most, sizeof *list);
    if (!list)
        return -ENOMEM;
    for (struct span rest = span_trim(text); rest.n > 0; rest = span_trim(rest)) {
        size_t end = 0;
        while (end < rest.n && !strchr(" \t\r\n", rest.p[end]))
            end++;
        struct span one = span_of(rest.p, end);
        if (!is_clean(one) || got == most) {
            config_problem(r, &place, "%s: holds %s", n->key->text.p,
                           got == most ? "more than are expected" : "something that is no text");
            return 0;
        }
        if (keep_secret(r, one, &list[got++]) < 0)
            return -ENOMEM;
        rest = span_of(rest.p + end, rest.n - end);
    }
    if (got == 0)
        config_problem(r, &place, "%s: is empty", n->key->text.p);
    else if (row->type == ROW_SECRETS)
        set_list(s, row, list, got);
    else
        *(struct span *)config_field(s, row->offset) = list[0];
    return 0;
}

/* The text of a secret file or variable, in *text (SECRET_FILE_MAX bytes). Length; -EINVAL when the
 * problem was told. */
static ssize_t secret_text(struct config_reader *r, const struct yaml_node *n, bool file,
                           char *text)
{
    struct config_place place = place_of(r, n);
    if (n->type != YAML_SCALAR || yaml_is_null(n) || n->text.n == 0 || n->text.n > 4000) {
        config_problem(r, &place, "%s: expected the name of a %s, found %s", n->key->text.p,
                       file ? "file" : "variable", yaml_describe(n));
        return -EINVAL;
    }
    if (!file) {
        const char *variable = getenv(n->text.p);
        size_t length = variable ? strlen(variable) : SECRET_FILE_MAX;
        if (length < SECRET_FILE_MAX) {
            memcpy(text, variable, length);
            return (ssize_t)length;
        }
        config_problem(r, &place, "%s: there is no %s in the environment", n->key->text.p,
                       n->text.p);
        return -EINVAL;
    }
    struct span path = config_resolve(r, n->text);
    ssize_t got = path.p ? read_secret_file(r, path, text) : -ENOMEM;
    if (got < 0 && got != -ENOMEM)
        config_problem(r, &place, "%s: %s can not be read: %s", n->key->text.p, path.p,
                       got == -EINVAL ? "not a regular file" : err_text((int)got));
    return got < 0 && got != -ENOMEM ? -EINVAL : got;
}

int config_read_secret(struct config_reader *r, struct config_scope *s,
                       const struct config_row *row, const struct yaml_node *n, bool file)
{
    char why[CONFIG_WHY];
    struct config_place place = place_of(r, n);
    char *text = malloc(SECRET_FILE_MAX);
    ssize_t got = text ? secret_text(r, n, file, text) : -ENOMEM;
    int rc = got == -ENOMEM ? -ENOMEM : 0;
    if (got >= 0)
        rc = take_secrets(r, s, row, n, span_of(text, (size_t)got));
    if (text)
        explicit_bzero(text, SECRET_FILE_MAX);
    free(text);
    struct span *field = config_field(s, row->offset);
    if (rc < 0 || row->type == ROW_SECRETS || row->type == ROW_SECRET || !field->p)
        return rc;
    /* A row of another type that may hide must still be what it says. */
    struct span hidden = *field;
    rc = config_value(r, row, hidden, field, why);
    if (field->p != hidden.p) /* a copy that nobody would wipe */
        explicit_bzero((char *)field->p, field->n);
    *field = hidden;
    if (rc == -EINVAL)
        config_problem(r, &place, "%s: %s", n->key->text.p, why);
    return rc == -EINVAL ? 0 : rc;
}

/* --- sections of names --- */

static struct pair *new_pairs(struct config_reader *r, const struct config_row *row,
                              const struct yaml_node *n, size_t *ret_want)
{
    struct config_place place = place_of(r, n);
    *ret_want = n->type == YAML_MAP ? count(n) : SIZE_MAX;
    if (*ret_want <= (size_t)row->max)
        return arena_array(&r->snapshot->arena, *ret_want ? *ret_want : 1, sizeof(struct pair));
    config_problem(r, &place, "%s: expected a section of names, at most %d", n->key->text.p,
                   (int)row->max);
    return NULL;
}

static bool is_there(struct config_reader *r, const struct pair *p, size_t n,
                     const struct yaml_node *e, struct span name)
{
    struct config_place place = place_of(r, e->key);
    for (size_t i = 0; i < n; i++) {
        if (span_eq(p[i].key, name)) {
            config_problem(r, &place, "%.*s is given twice", SPAN_FMT(name));
            return true;
        }
    }
    return false;
}

int config_read_pairs(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                      const struct yaml_node *n)
{
    struct arena *a = &r->snapshot->arena;
    size_t want, got = 0;
    struct pair *pairs = new_pairs(r, row, n, &want);
    if (!pairs)
        return want <= (size_t)row->max ? -ENOMEM : 0;
    for (const struct yaml_node *e = n->first; e; e = e->next) {
        struct config_place place = place_of(r, e);
        if (e->type != YAML_SCALAR || e->text.n > 4000)
            config_problem(r, &place, "%s: expected text, found %s", e->key->text.p,
                           yaml_describe(e));
        else if (!is_there(r, pairs, got, e, e->key->text))
            pairs[got++] = (struct pair){arena_dup(a, e->key->text), arena_dup(a, e->text)};
        if (got > 0 && (!pairs[got - 1].key.p || !pairs[got - 1].value.p))
            return -ENOMEM;
    }
    set_list(s, row, pairs, got);
    return 0;
}

/* One secret of any text: what stands before its last line end. */
static int read_hidden(struct config_reader *r, const struct yaml_node *e, bool file,
                       struct span *ret)
{
    struct config_place place = place_of(r, e);
    char *text = malloc(SECRET_FILE_MAX);
    ssize_t got = text ? secret_text(r, e, file, text) : -ENOMEM;
    struct span value = got >= 0 ? span_trim(span_of(text, (size_t)got)) : SPAN_NONE;
    int rc = got == -ENOMEM ? -ENOMEM : 0;
    if (got >= 0 && (value.n == 0 || utf8_valid(value) < value.n || memchr(value.p, 0, value.n)))
        config_problem(r, &place, "%s: is %s", e->key->text.p,
                       value.n == 0 ? "empty" : "something that is no text");
    else if (got >= 0)
        rc = keep_secret(r, value, ret);
    if (text)
        explicit_bzero(text, SECRET_FILE_MAX);
    free(text);
    return rc;
}

int config_read_hidden(struct config_reader *r, struct config_scope *s,
                       const struct config_row *row, const struct yaml_node *n)
{
    size_t want, got = 0;
    struct pair *pairs = new_pairs(r, row, n, &want);
    int rc = 0;
    if (!pairs)
        return want <= (size_t)row->max ? -ENOMEM : 0;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        struct span key = e->key->text;
        struct config_place place = place_of(r, e->key);
        size_t end = key.n > 5 && span_is(span_of(key.p + key.n - 5, 5), "_file")  ? 5
                     : key.n > 4 && span_is(span_of(key.p + key.n - 4, 4), "_env") ? 4
                                                                                   : 0;
        struct span name = span_of(key.p, key.n - end);
        if (end == 0)
            config_problem(r, &place, "%s is not written here: use %s_file or %s_env", key.p, key.p,
                           key.p);
        if (end == 0 || is_there(r, pairs, got, e, name))
            continue;
        pairs[got].key = arena_dup(&r->snapshot->arena, name);
        rc = pairs[got].key.p ? read_hidden(r, e, end == 5, &pairs[got].value) : -ENOMEM;
        got += pairs[got].value.p ? 1 : 0;
    }
    set_list(s, row, pairs, got);
    return rc;
}

/* --- map --- */

int config_read_map(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                    const struct yaml_node *n)
{
    struct map_reading reading = {r->source, &r->snapshot->arena, r->problems, SHAPE_FEEDBACK};
    struct map_entry *map = NULL;
    size_t got = 0;
    int rc = map_read(&reading, n, (size_t)row->max, &map, &got);
    if (rc == 0)
        set_list(s, row, map, got);
    return rc;
}
