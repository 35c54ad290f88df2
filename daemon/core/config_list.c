#include "daemon/core/config_impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/format/mapping.h"
#include "daemon/core/log.h"

enum { SECRET_FILE_MAX = 16384, MAX_CASES = 256, MAX_LIST_TEXT = 512 };

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

static int secret_from_file(struct config_reader *r, struct config_scope *s,
                            const struct config_row *row, const struct yaml_node *n)
{
    char *text = malloc(SECRET_FILE_MAX);
    struct span path = config_resolve(r, n->text);
    struct config_place place = place_of(r, n);
    int rc = text && path.p ? 0 : -ENOMEM;
    ssize_t got = rc == 0 ? read_secret_file(r, path, text) : 0;
    if (got < 0)
        config_problem(r, &place, "%s: %s can not be read: %s", n->key->text.p, path.p,
                       got == -EINVAL ? "not a regular file" : err_text((int)got));
    else if (rc == 0)
        rc = take_secrets(r, s, row, n, span_of(text, (size_t)got));
    if (text)
        explicit_bzero(text, SECRET_FILE_MAX);
    free(text);
    return rc;
}

int config_read_secret(struct config_reader *r, struct config_scope *s,
                       const struct config_row *row, const struct yaml_node *n, bool file)
{
    char why[CONFIG_WHY];
    struct config_place place = place_of(r, n);
    if (n->type != YAML_SCALAR || yaml_is_null(n) || n->text.n == 0 || n->text.n > 4000) {
        config_problem(r, &place, "%s: expected the name of a %s, found %s", n->key->text.p,
                       file ? "file" : "variable", yaml_describe(n));
        return 0;
    }
    const char *variable = file ? NULL : getenv(n->text.p);
    int rc = 0;
    if (file)
        rc = secret_from_file(r, s, row, n);
    else if (variable)
        rc = take_secrets(r, s, row, n, span_str(variable));
    else
        config_problem(r, &place, "%s: there is no %s in the environment", n->key->text.p,
                       n->text.p);
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

/* --- map --- */

static void map_problem(struct config_reader *r, const struct yaml_node *n, const char *what)
{
    struct config_place place = place_of(r, n);
    config_problem(r, &place, "map: %s: %s", n->key ? n->key->text.p : "", what);
}

/* "$.a.b" is a path, "=word" the word itself. */
static int read_map_text(struct config_reader *r, const struct yaml_node *n, struct map_entry *m)
{
    struct arena *a = &r->snapshot->arena;
    if (n->type != YAML_SCALAR || n->text.n == 0 || (n->text.p[0] != '$' && n->text.p[0] != '=')) {
        map_problem(r, n, "expected a path that begins with $, or a constant that begins with =");
        return 0;
    }
    struct span *to = n->text.p[0] == '$' ? &m->path : &m->value;
    size_t skip = n->text.p[0] == '=';
    *to = arena_dup(a, span_of(n->text.p + skip, n->text.n - skip));
    return to->p ? 0 : -ENOMEM;
}

static int read_cases(struct config_reader *r, const struct yaml_node *n, struct map_entry *m)
{
    size_t want = count(n);
    if (n->type != YAML_MAP || want == 0 || want > MAX_CASES) {
        map_problem(r, n, "expected a section of value: meaning, at most 256");
        return 0;
    }
    struct pair *cases = arena_array(&r->snapshot->arena, want, sizeof *cases);
    if (!cases)
        return -ENOMEM;
    m->cases = cases;
    for (const struct yaml_node *e = n->first; e; e = e->next) {
        bool twice = false;
        for (size_t i = 0; i < m->n_cases; i++)
            twice |= span_eq(cases[i].key, e->key->text);
        if (twice || e->type != YAML_SCALAR) {
            map_problem(r, e, twice ? "is given twice" : "expected a single value");
            continue;
        }
        struct pair p = {arena_dup(&r->snapshot->arena, e->key->text),
                         arena_dup(&r->snapshot->arena, e->text)};
        if (!p.key.p || !p.value.p)
            return -ENOMEM;
        cases[m->n_cases++] = p;
    }
    return 0;
}

static int read_map_section(struct config_reader *r, const struct yaml_node *n, struct map_entry *m)
{
    int rc = 0;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        struct span key = e->key->text;
        bool has = (span_is(key, "path") && (m->path.p || m->value.p)) ||
                   (span_is(key, "enum") && m->cases) || (span_is(key, "scale") && m->scale > 0);
        if (has)
            map_problem(r, e, "is given twice");
        else if (span_is(key, "path"))
            rc = read_map_text(r, e, m);
        else if (span_is(key, "enum"))
            rc = read_cases(r, e, m);
        else if (!span_is(key, "scale"))
            map_problem(r, e, "unknown key; there are path, enum and scale");
        else if (e->type != YAML_SCALAR || e->quoted || span_to_f64(e->text, &m->scale) < 0 ||
                 !(m->scale > 0 && m->scale <= 1e6))
            map_problem(r, e, "expected a number above 0");
    }
    if (rc == 0 && !m->path.p && !m->value.p)
        map_problem(r, n, "has no path");
    return rc;
}

static int read_entry(struct config_reader *r, const struct yaml_node *n, struct map_entry *m)
{
    char message[CONFIG_WHY];
    size_t before = r->problems->n;
    m->target = arena_dup(&r->snapshot->arena, n->key->text);
    if (!m->target.p)
        return -ENOMEM;
    int rc = n->type == YAML_MAP ? read_map_section(r, n, m) : read_map_text(r, n, m);
    if (rc == 0 && r->problems->n == before && mapping_check(m, message, sizeof message) < 0) {
        struct config_place place = place_of(r, n->key);
        config_problem(r, &place, "map: %s", message);
    }
    return rc;
}

int config_read_map(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                    const struct yaml_node *n)
{
    size_t want = count(n), got = 0;
    int rc = 0;
    if (n->type != YAML_MAP || want > (size_t)row->max) {
        map_problem(r, n, "expected a section of target: path, at most 128");
        return 0;
    }
    struct map_entry *map = arena_array(&r->snapshot->arena, want ? want : 1, sizeof *map);
    if (!map)
        return -ENOMEM;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        bool twice = false;
        for (size_t i = 0; i < got; i++)
            twice |= span_eq(map[i].target, e->key->text);
        if (twice)
            map_problem(r, e, "is given twice");
        else
            rc = read_entry(r, e, &map[got++]);
    }
    set_list(s, row, map, got);
    return rc;
}
