#include "daemon/core/config_impl.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

void config_problem(struct config_reader *r, const struct config_place *place, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    yaml_problem(r->problems, place->source ? place->source : r->source, place->at, "%s", text);
}

static struct config_place place_of(const struct config_reader *r, const struct yaml_node *n)
{
    return (struct config_place){r->source, n->at};
}

/* "workspaces[].hooks[].source" as people say it: without the brackets. */
static const char *shown(const char *path, char out[CONFIG_MAX_PATH])
{
    size_t n = 0;
    for (; *path && n + 1 < CONFIG_MAX_PATH; path++)
        if (*path != '[' && *path != ']')
            out[n++] = *path;
    out[n] = '\0';
    return out;
}

/* Notes where the row's value stands. False, with the problem told, when it has been given before:
 * here, or in another file; nothing is told where a connector only fills what was left open. */
static bool claim(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                  const struct yaml_node *key)
{
    struct config_place *before = &s->given[row - config_rows];
    char path[CONFIG_MAX_PATH];
    struct config_place here = place_of(r, key);
    if (before->source && s->filling && before->source != r->source)
        return false;
    if (before->source) {
        config_problem(r, &here, "%s is given twice; first at %.*s:%u", shown(row->path, path),
                       SPAN_FMT(before->source->file), before->at.line);
        return false;
    }
    *before = here;
    return true;
}

static bool is_number(const struct config_row *row)
{
    return row->type >= ROW_FLAG && row->type <= ROW_DURATION;
}

static int read_scalar(struct config_reader *r, struct config_scope *s,
                       const struct config_row *row, const struct yaml_node *n)
{
    char why[CONFIG_WHY], path[CONFIG_MAX_PATH];
    struct config_place place = place_of(r, n);
    if (!claim(r, s, row, n->key))
        return 0;
    if (n->type != YAML_SCALAR || yaml_is_null(n) || (n->quoted && is_number(row))) {
        config_problem(r, &place, "%s: expected %s, found %s", shown(row->path, path),
                       config_expected(row), yaml_describe(n));
        return 0;
    }
    s->given[row - config_rows] = place;
    int rc = config_value(r, row, n->text, config_field(s, row->offset), why);
    if (rc != -EINVAL)
        return rc;
    config_problem(r, &place, "%s: %s", shown(row->path, path), why);
    return 0;
}

/* --- lists of sections --- */

int config_finish_scope(struct config_reader *r, struct config_scope *s, struct span prefix)
{
    char why[CONFIG_WHY];
    for (size_t i = 0; i < config_n_rows; i++) {
        const struct config_row *row = &config_rows[i];
        struct span path = span_str(row->path);
        if (s->given[i].source || !span_starts(path, prefix))
            continue;
        struct span rest = span_of(path.p + prefix.n, path.n - prefix.n);
        if (span_find_char(rest, '[') < rest.n)
            continue;
        if (row->flags & ROW_REQUIRED)
            config_problem(r, &s->self, "%.*s is missing here%s", SPAN_FMT(rest),
                           row->flags & ROW_MAY_HIDE ? " (or with _file or _env)" : "");
        else if (row->preset && config_value(r, row, span_str(row->preset),
                                             config_field(s, row->offset), why) == -ENOMEM)
            return -ENOMEM;
    }
    return 0;
}

static struct config_scope *new_scope(struct config_reader *r, void *base,
                                      const struct yaml_node *n)
{
    struct config_scope *s = arena_zalloc(r->temp, sizeof *s);
    if (s) {
        s->base = base;
        s->self = place_of(r, n);
    }
    return s;
}

/* Element `i` of a list made of `row`'s structs. Pointers of different types differ in C's eyes:
 * the list's goes through memcpy. */
static char *element(const struct config_scope *s, const struct config_row *row, size_t i)
{
    char *list;
    memcpy(&list, config_field(s, row->offset), sizeof list);
    return list + i * row->size;
}

/* Makes the list one longer; its elements move. */
static void *grow(struct config_reader *r, struct config_scope *s, const struct config_row *row)
{
    size_t *count = config_field(s, row->count), n = *count;
    if ((n & (n - 1)) == 0) { /* full at every power of two */
        char *bigger = arena_array(&r->snapshot->arena, n ? n * 2 : 1, row->size);
        if (!bigger)
            return NULL;
        if (n)
            memcpy(bigger, element(s, row, 0), n * row->size);
        memcpy(config_field(s, row->offset), &bigger, sizeof bigger);
    }
    return element(s, row, (*count)++);
}

/* Rows marked unique are text: an element against those before it. */
static void check_unique(struct config_reader *r, const struct config_element *e)
{
    const struct config_scope *s = e->scope;
    char path[CONFIG_MAX_PATH];
    for (size_t i = 0; i < config_n_rows; i++) {
        const struct config_row *row = &config_rows[i];
        struct span inside = span_str(row->path);
        if (!(row->flags & ROW_UNIQUE) || !s->given[i].source ||
            !span_starts(inside, span_str(e->list->path)))
            continue;
        struct span mine = *(struct span *)config_field(s, row->offset);
        for (size_t k = 0; mine.p && k < e->index; k++) {
            const char *other = element(e->parent, e->list, k);
            if (span_eq(mine, *(const struct span *)(other + row->offset))) {
                config_problem(r, &s->given[i], "%s: \"%.*s\" is there twice",
                               shown(row->path, path), SPAN_FMT(mine));
                break;
            }
        }
    }
}

static int read_element(struct config_reader *r, struct config_scope *parent,
                        const struct config_row *row, struct span prefix, const struct yaml_node *n)
{
    void *base = grow(r, parent, row);
    struct config_element *e = arena_zalloc(r->temp, sizeof *e);
    struct config_scope *s = base && e ? new_scope(r, base, n) : NULL;
    if (!s)
        return -ENOMEM;
    *e = (struct config_element){
        .parent = parent,
        .scope = s,
        .list = row,
        .index = *(const size_t *)config_field(parent, row->count) - 1,
    };
    if (r->last_element)
        r->last_element->next = e;
    else
        r->elements = e;
    r->last_element = e;
    return config_read_section(r, s, prefix, n);
}

static int finish_element(struct config_reader *r, struct config_element *e)
{
    struct config_scope *s = e->scope;
    char prefix[CONFIG_MAX_PATH];
    snprintf(prefix, sizeof prefix, "%s[].", e->list->path);
    s->base = element(e->parent, e->list, e->index); /* its list may have moved */
    int rc = config_fill_element(r, e->list, s);
    if (rc == 0)
        rc = config_finish_scope(r, s, span_str(prefix));
    if (rc < 0)
        return rc;
    check_unique(r, e);
    config_check_element(r, e->list, s);
    return 0;
}

static struct span id_of(const struct yaml_node *n)
{
    for (const struct yaml_node *m = n->first; n->type == YAML_MAP && m; m = m->next)
        if (span_is(m->key->text, "id") && m->type == YAML_SCALAR)
            return m->text;
    return SPAN_NONE;
}

/* The scope of a workspace that an earlier file began; NULL when this is the first of its id. Twice
 * in one file is a slip of the pen, and told. */
static struct config_scope *workspace_begun(struct config_reader *r, const struct yaml_node *n)
{
    struct span id = id_of(n);
    for (size_t i = 0; id.n > 0 && i < r->n_workspaces; i++) {
        struct config_scope *s = r->workspaces[i];
        struct config_place here = place_of(r, n);
        if (!span_eq(((struct config_workspace *)s->base)->id, id))
            continue;
        if (s->self.source == r->source)
            config_problem(r, &here, "workspace \"%.*s\" is there twice; first at line %u",
                           SPAN_FMT(id), s->self.at.line);
        s->self = here;
        s->given[config_row_find(SPAN_LIT("workspaces[].id")) - config_rows].source = NULL;
        return s;
    }
    return NULL;
}

static int keep_workspace(struct config_reader *r, struct config_scope *s)
{
    struct config_scope **all =
        arena_array(r->temp, r->n_workspaces + 1, sizeof(struct config_scope *));
    if (!all)
        return -ENOMEM;
    if (r->n_workspaces)
        memcpy(all, r->workspaces, r->n_workspaces * sizeof(struct config_scope *));
    all[r->n_workspaces++] = s;
    r->workspaces = all;
    return 0;
}

/* Workspaces are finished after the last file, and only then laid side by side. */
static int read_workspace(struct config_reader *r, struct span prefix, const struct yaml_node *n)
{
    struct config_scope *s = workspace_begun(r, n);
    if (!s) {
        void *base = arena_zalloc(r->temp, sizeof(struct config_workspace));
        s = base ? new_scope(r, base, n) : NULL;
        if (!s || keep_workspace(r, s) < 0)
            return -ENOMEM;
    }
    return config_read_section(r, s, prefix, n);
}

static int read_list(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                     const struct yaml_node *n)
{
    char prefix[CONFIG_MAX_PATH], path[CONFIG_MAX_PATH];
    bool workspaces = s == r->root;
    int64_t count =
        workspaces ? (int64_t)r->n_workspaces : (int64_t) * (size_t *)config_field(s, row->count);
    struct config_place place = place_of(r, n);
    snprintf(prefix, sizeof prefix, "%s[].", row->path);
    if (yaml_is_null(n))
        return 0;
    if (n->type != YAML_LIST) {
        config_problem(r, &place, "%s: expected a list, found %s", shown(row->path, path),
                       yaml_describe(n));
        return 0;
    }
    int rc = 0;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        place = place_of(r, e);
        if (++count > row->max) {
            config_problem(r, &place, "%s: more than %d", shown(row->path, path), (int)row->max);
            return 0;
        }
        rc = workspaces ? read_workspace(r, span_str(prefix), e)
                        : read_element(r, s, row, span_str(prefix), e);
    }
    return rc;
}

/* --- sections --- */

static void tell_unknown(struct config_reader *r, struct span prefix, const struct yaml_node *key)
{
    struct config_place place = place_of(r, key);
    struct span near = config_suggest(prefix, key->text);
    if (near.n > 0)
        config_problem(r, &place, "unknown key \"%.*s\"; did you mean \"%.*s\"?",
                       SPAN_FMT(key->text), SPAN_FMT(near));
    else
        config_problem(r, &place, "unknown key \"%.*s\"", SPAN_FMT(key->text));
}

/* NAME_file and NAME_env of a row that may be hidden: *ret_file says which. */
static const struct config_row *hidden_row(struct span path, bool *ret_file)
{
    static const struct {
        struct span suffix;
        bool file;
    } kinds[] = {{SPAN_LIT("_file"), true}, {SPAN_LIT("_env"), false}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t n = kinds[i].suffix.n;
        if (path.n <= n || !span_eq(span_of(path.p + path.n - n, n), kinds[i].suffix))
            continue;
        const struct config_row *row = config_row_find(span_of(path.p, path.n - n));
        if (row &&
            (row->type == ROW_SECRET || row->type == ROW_SECRETS || (row->flags & ROW_MAY_HIDE))) {
            *ret_file = kinds[i].file;
            return row;
        }
    }
    return NULL;
}

static int read_row(struct config_reader *r, struct config_scope *s, const struct config_row *row,
                    const struct yaml_node *n)
{
    char path[CONFIG_MAX_PATH];
    struct config_place place = place_of(r, n->key);
    switch (row->type) {
    case ROW_LIST:
        return read_list(r, s, row, n);
    case ROW_TEXTS:
        return claim(r, s, row, n->key) ? config_read_texts(r, s, row, n) : 0;
    case ROW_MAP:
        return claim(r, s, row, n->key) ? config_read_map(r, s, row, n) : 0;
    case ROW_PAIRS:
        return claim(r, s, row, n->key) ? config_read_pairs(r, s, row, n) : 0;
    case ROW_HIDDEN:
        return claim(r, s, row, n->key) ? config_read_hidden(r, s, row, n) : 0;
    case ROW_SECRET:
    case ROW_SECRETS:
        config_problem(r, &place, "%s is not written here: use %.*s_file or %.*s_env",
                       shown(row->path, path), SPAN_FMT(n->key->text), SPAN_FMT(n->key->text));
        return 0;
    default:
        return read_scalar(r, s, row, n);
    }
}

static int read_member(struct config_reader *r, struct config_scope *s, struct span prefix,
                       const struct yaml_node *n)
{
    char text[CONFIG_MAX_PATH];
    bool file = false;
    int len = snprintf(text, sizeof text - 1, "%.*s%.*s", SPAN_FMT(prefix), SPAN_FMT(n->key->text));
    if (len < 0 || len >= (int)sizeof text - 1) {
        tell_unknown(r, prefix, n->key);
        return 0;
    }
    struct span path = span_of(text, (size_t)len);
    const struct config_row *row = config_row_find(path);
    if (row)
        return read_row(r, s, row, n);
    if (config_section_exists(path)) {
        text[len] = '.';
        return config_read_section(r, s, span_of(text, path.n + 1), n);
    }
    row = hidden_row(path, &file);
    if (!row) {
        tell_unknown(r, prefix, n->key);
        return 0;
    }
    return claim(r, s, row, n->key) ? config_read_secret(r, s, row, n, file) : 0;
}

/* Sections and lists given twice in one place; single values are caught by claim(). */
static void check_twice(struct config_reader *r, struct span prefix,
                        const struct yaml_node *section, const struct yaml_node *n)
{
    char path[CONFIG_MAX_PATH];
    for (const struct yaml_node *m = section->first; m != n; m = m->next) {
        if (!span_eq(m->key->text, n->key->text))
            continue;
        struct config_place place = place_of(r, n->key);
        snprintf(path, sizeof path, "%.*s%.*s", SPAN_FMT(prefix), SPAN_FMT(n->key->text));
        const struct config_row *row = config_row_find(span_str(path));
        if ((row && row->type == ROW_LIST) || (!row && config_section_exists(span_str(path))))
            config_problem(r, &place, "%.*s is given twice; first at line %u",
                           SPAN_FMT(n->key->text), m->key->at.line);
        return;
    }
}

int config_read_section(struct config_reader *r, struct config_scope *s, struct span prefix,
                        const struct yaml_node *n)
{
    enum { MAX_KEYS = 256 };
    struct config_place place = place_of(r, n);
    int rc = 0, keys = 0;
    if (yaml_is_null(n))
        return 0;
    if (n->type != YAML_MAP) {
        config_problem(r, &place, "expected a section of keys, found %s", yaml_describe(n));
        return 0;
    }
    for (const struct yaml_node *m = n->first; m && rc == 0; m = m->next) {
        if (++keys > MAX_KEYS) {
            place = place_of(r, m->key);
            config_problem(r, &place, "more than %d keys in one section", MAX_KEYS);
            return 0;
        }
        check_twice(r, prefix, n, m);
        rc = read_member(r, s, prefix, m);
    }
    return rc;
}

int config_read_tree(struct config_reader *r, const struct yaml_node *root)
{
    return root ? config_read_section(r, r->root, SPAN_LIT(""), root) : 0;
}

int config_read_setting(struct config_reader *r, const struct yaml_source *source)
{
    size_t eq = span_find_char(source->text, '=');
    struct config_place place = {source, {1, 1}};
    const struct config_row *row = config_row_find(span_of(source->text.p, eq));
    r->source = source;
    if (eq == source->text.n || !row || row->type > ROW_NAME ||
        span_find_char(span_str(row->path), '[') < strlen(row->path)) {
        config_problem(r, &place, "not a setting: expected NAME=VALUE with a single value's name");
        return 0;
    }
    struct yaml_node *n = arena_zalloc(r->temp, sizeof *n);
    if (!n)
        return -ENOMEM;
    n->at = (struct yaml_pos){1, (uint32_t)eq + 2};
    n->text = span_of(source->text.p + eq + 1, source->text.n - eq - 1);
    n->key = n;
    r->root->given[row - config_rows].source = NULL;
    return read_scalar(r, r->root, row, n);
}

int config_finish(struct config_reader *r)
{
    struct config *c = &r->snapshot->c;
    struct config_workspace *all =
        arena_array(&r->snapshot->arena, r->n_workspaces ? r->n_workspaces : 1, sizeof *all);
    int rc = all ? config_finish_scope(r, r->root, SPAN_LIT("")) : -ENOMEM;
    for (struct config_element *e = r->elements; e && rc == 0; e = e->next)
        rc = finish_element(r, e);
    for (size_t i = 0; i < r->n_workspaces && rc == 0; i++) {
        struct config_scope *s = r->workspaces[i];
        rc = config_finish_scope(r, s, SPAN_LIT("workspaces[]."));
        struct config_workspace *w = s->base;
        if (!w->timezone.p)
            w->timezone = c->timezone;
        if (!w->name.p)
            w->name = w->id;
        all[i] = *w;
        s->base = &all[i];
    }
    if (rc < 0)
        return rc;
    c->workspaces = all;
    c->n_workspaces = r->n_workspaces;
    return 0;
}
