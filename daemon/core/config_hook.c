#include "daemon/core/config_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define HOOK_ROWS SPAN_LIT("workspaces[].hooks[].")

enum { ARENA_MAX_BYTES = 8 << 20, MAX_PATH = 4096 };

int config_connector_path(const struct config *c, struct span name, char *path, size_t size)
{
    struct span yaml = SPAN_LIT(".yaml");
    bool is_file = span_find_char(name, '/') < name.n ||
                   (name.n > yaml.n && span_eq(span_of(name.p + name.n - yaml.n, yaml.n), yaml));
    int n = is_file
                ? snprintf(path, size, "%.*s", SPAN_FMT(name))
                : snprintf(path, size, "%.*s/%.*s.yaml", SPAN_FMT(c->connectors), SPAN_FMT(name));
    return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static const struct config_row *row_of(const char *path)
{
    return config_row_find(span_str(path));
}

/* Who one is, and the secret, can not come from a file that is the same for all. */
static bool has_strangers(struct config_reader *r, const struct yaml_node *hook)
{
    static const char *const strangers[] = {"source", "connector", "silence", "secret"};
    size_t before = r->problems->n;
    for (const struct yaml_node *m = hook->type == YAML_MAP ? hook->first : NULL; m; m = m->next) {
        struct config_place place = {r->source, m->key->at};
        for (size_t i = 0; i < ARRAY_LEN(strangers); i++)
            if (span_is(m->key->text, strangers[i]) ||
                (i == 3 && span_starts(m->key->text, SPAN_LIT("secret_"))))
                config_problem(r, &place, "%s belongs into the configuration, not into a connector",
                               m->key->text.p);
    }
    return r->problems->n > before;
}

static int fill(struct config_reader *r, struct config_scope *s, const struct yaml_node *hook)
{
    const struct config_place *scheme =
        &s->given[row_of("workspaces[].hooks[].scheme") - config_rows];
    size_t before = r->problems->n;
    if (has_strangers(r, hook))
        return 0;
    s->filling = true;
    int rc = config_read_section(r, s, HOOK_ROWS, hook);
    s->filling = false;
    if (rc == 0 && r->problems->n == before && scheme->source == r->source &&
        ((const struct config_hook *)s->base)->scheme == HOOK_NONE)
        config_problem(r, scheme, "scheme none, anybody may send, must stand in the configuration");
    return rc;
}

static const struct yaml_node *member(const struct yaml_node *root, const char *name)
{
    const struct yaml_node *m = root && root->type == YAML_MAP ? root->first : NULL;
    while (m && !span_is(m->key->text, name))
        m = m->next;
    return m;
}

/* The file of a connector, read once. 0 with NULL when a problem was told; -ENOMEM. */
static int read_connector(struct config_reader *r, struct span name,
                          const struct config_place *place, struct config_connector **ret)
{
    char path[MAX_PATH];
    *ret = NULL;
    int rc = config_connector_path(&r->snapshot->c, name, path, sizeof path);
    for (struct config_connector *c = rc == 0 ? r->connectors : NULL; c; c = c->next) {
        if (span_is(c->source.file, path)) {
            *ret = c;
            return 0;
        }
    }
    struct config_connector *c = arena_zalloc(r->temp, sizeof *c);
    if (!c)
        return -ENOMEM;
    if (rc == 0)
        rc = config_read_file(r, path, &c->source.text);
    if (rc < 0 && rc != -ENOMEM)
        config_problem(r, place, "connector: %.*s can not be read: %s", SPAN_FMT(name),
                       err_text(rc));
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    c->source.file = arena_dup(r->temp, span_str(path));
    if (!c->source.file.p)
        return -ENOMEM;
    rc = yaml_parse(&c->source, r->temp, r->problems, &c->root);
    c->next = r->connectors;
    r->connectors = c;
    *ret = c;
    return rc == -ENOMEM ? rc : 0;
}

int config_fill_element(struct config_reader *r, const struct config_row *list,
                        struct config_scope *s)
{
    if (!span_is(span_str(list->path), "workspaces[].hooks"))
        return 0;
    struct config_hook *h = s->base;
    const struct config_place *place =
        &s->given[row_of("workspaces[].hooks[].connector") - config_rows];
    const struct yaml_source *mine = r->source;
    struct config_connector *c = NULL;
    size_t before = r->problems->n;
    int rc = h->connector.p ? read_connector(r, h->connector, place, &c) : 0;
    if (rc < 0 || !c || !c->root)
        return rc;
    r->source = &c->source;
    const struct yaml_node *hook = member(c->root, "hook"), *name = member(c->root, "connector");
    if (!hook)
        config_problem(r, place, "connector: %.*s describes no hook", SPAN_FMT(h->connector));
    else
        rc = fill(r, s, hook);
    if (rc == 0 && name && name->type == YAML_SCALAR) /* a file is shown by its name */
        rc = (h->connector = arena_dup(&r->snapshot->arena, name->text)).p ? 0 : -ENOMEM;
    if (hook && r->problems->n > before)
        config_problem(r, place, "hook %.*s uses this connector", SPAN_FMT(h->source));
    r->source = mine;
    return rc;
}

static int check_alone(struct config_reader *r, const struct yaml_node *hook)
{
    struct config_hook h = {0};
    struct config_scope *s = arena_zalloc(r->temp, sizeof *s);
    size_t before = r->problems->n;
    if (!s)
        return -ENOMEM;
    s->base = &h;
    s->self = (struct config_place){r->source, hook->at};
    s->given[row_of("workspaces[].hooks[].source") - config_rows] = s->self;
    int rc = fill(r, s, hook);
    if (rc == 0)
        rc = config_finish_scope(r, s, HOOK_ROWS);
    if (rc == 0 && r->problems->n == before)
        config_check_hook_shape(r, s);
    return rc;
}

int config_check_hook(const struct yaml_source *source, const struct yaml_node *hook,
                      struct yaml_problems *problems)
{
    struct config_snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct arena temp;
    if (!snapshot)
        return -ENOMEM;
    arena_init(&snapshot->arena, ARENA_MAX_BYTES);
    arena_init(&temp, ARENA_MAX_BYTES);
    struct config_reader r = {
        .snapshot = snapshot, .temp = &temp, .problems = problems, .source = source};
    int rc = check_alone(&r, hook);
    arena_done(&temp);
    arena_done(&snapshot->arena);
    free(snapshot);
    return rc;
}
