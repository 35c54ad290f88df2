#include "daemon/core/map_read.h"

#include "base/err.h"
#include "daemon/core/zone.h"

enum { MAX_CASES = 256, MAX_WHY = 256 };

static void problem(struct map_reading *r, const struct yaml_node *n, const char *what)
{
    yaml_problem(r->problems, r->source, n->at, "map: %s: %s", n->key ? n->key->text.p : "", what);
}

static size_t count(const struct yaml_node *n)
{
    size_t k = 0;
    for (const struct yaml_node *e = n->first; e; e = e->next)
        k++;
    return k;
}

/* "$.a.b" is a path, "=word" the word itself. */
static int read_text(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    if (n->type != YAML_SCALAR || n->text.n == 0 || (n->text.p[0] != '$' && n->text.p[0] != '=')) {
        problem(r, n, "expected a path that begins with $, or a constant that begins with =");
        return 0;
    }
    struct span *to = n->text.p[0] == '$' ? &m->path : &m->value;
    size_t skip = n->text.p[0] == '=';
    *to = arena_dup(r->arena, span_of(n->text.p + skip, n->text.n - skip));
    return to->p ? 0 : -ENOMEM;
}

static int read_cases(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    size_t want = count(n);
    if (n->type != YAML_MAP || want == 0 || want > MAX_CASES) {
        problem(r, n, "expected a section of value: meaning, at most 256");
        return 0;
    }
    struct pair *cases = arena_array(r->arena, want, sizeof *cases);
    if (!cases)
        return -ENOMEM;
    m->cases = cases;
    for (const struct yaml_node *e = n->first; e; e = e->next) {
        bool twice = false;
        for (size_t i = 0; i < m->n_cases; i++)
            twice |= span_eq(cases[i].key, e->key->text);
        if (twice || e->type != YAML_SCALAR) {
            problem(r, e, twice ? "is given twice" : "expected a single value");
            continue;
        }
        struct pair p = {arena_dup(r->arena, e->key->text), arena_dup(r->arena, e->text)};
        if (!p.key.p || !p.value.p)
            return -ENOMEM;
        cases[m->n_cases++] = p;
    }
    return 0;
}

static int read_scale(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    if (n->type != YAML_SCALAR || n->quoted || span_to_f64(n->text, &m->scale) < 0 ||
        !(m->scale > 0 && m->scale <= 1e6))
        problem(r, n, "expected a number above 0");
    return 0;
}

/* A zone belongs to one thread at a time and is quick to open. */
static int civil_in_zone(void *ctx, const struct civil *local, int64_t *ret_ms)
{
    struct zone *zone;
    int rc = zone_open(*(struct span *)ctx, &zone);
    if (rc < 0)
        return rc;
    rc = zone_from_civil(zone, local, ret_ms);
    zone_close(zone);
    return rc;
}

static int set_zone(struct map_reading *r, struct span name, struct map_entry *m)
{
    struct span *kept = arena_alloc(r->arena, sizeof *kept);
    struct date_zone *zone = arena_alloc(r->arena, sizeof *zone);
    if (!kept || !zone)
        return -ENOMEM;
    *kept = arena_dup(r->arena, name);
    *zone = (struct date_zone){civil_in_zone, kept};
    m->zone = zone;
    return kept->p ? 0 : -ENOMEM;
}

int map_read_time(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    bool known = n->type == YAML_SCALAR;
    if (known && span_is(n->text, "unix"))
        m->time = MAP_TIME_UNIX;
    else if (known && span_is(n->text, "unix_ms"))
        m->time = MAP_TIME_UNIX_MS;
    else if (known && zone_valid(n->text))
        m->time = MAP_TIME_ZONE;
    else
        problem(r, n, "expected unix, unix_ms or a time zone like Asia/Seoul");
    return m->time == MAP_TIME_ZONE ? set_zone(r, n->text, m) : 0;
}

static int read_form(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    m->html = n->type == YAML_SCALAR && span_is(n->text, "html");
    m->maybe_html = n->type == YAML_SCALAR && span_is(n->text, "auto");
    if (!m->html && !m->maybe_html)
        problem(r, n, "expected html or auto");
    return 0;
}

static int read_prefix(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    if (n->type != YAML_SCALAR || n->text.n == 0 || n->text.n > 64) {
        problem(r, n, "expected text of at most 64 bytes");
        return 0;
    }
    m->prefix = arena_dup(r->arena, n->text);
    return m->prefix.p ? 0 : -ENOMEM;
}

static int read_join(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    if (n->type != YAML_SCALAR || n->text.n > 16) {
        problem(r, n, "expected text of at most 16 bytes");
        return 0;
    }
    m->join = arena_dup(r->arena, n->text);
    return m->join.p ? 0 : -ENOMEM;
}

static int read_else(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    if (n->type != YAML_SCALAR || n->text.n == 0 || n->text.p[0] != '$') {
        problem(r, n, "expected a path that begins with $");
        return 0;
    }
    m->otherwise = arena_dup(r->arena, n->text);
    return m->otherwise.p ? 0 : -ENOMEM;
}

static const struct {
    const char *name;
    int (*read)(struct map_reading *r, const struct yaml_node *n, struct map_entry *m);
} members[] = {{"path", read_text},     {"enum", read_cases}, {"scale", read_scale},
               {"time", map_read_time}, {"text", read_form},  {"prefix", read_prefix},
               {"join", read_join},     {"else", read_else}};

static int read_section(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    unsigned given = 0;
    int rc = 0;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(members) && !span_is(e->key->text, members[i].name))
            i++;
        if (i == ARRAY_LEN(members))
            problem(r, e,
                    "unknown key; there are path, enum, scale, time, text, prefix, join and else");
        else if (given & 1U << i)
            problem(r, e, "is given twice");
        else
            rc = members[i].read(r, e, m);
        given |= i < ARRAY_LEN(members) ? 1U << i : 0;
    }
    if (rc == 0 && !m->path.p && (!m->value.p || m->otherwise.p))
        problem(r, n, "has no path");
    return rc;
}

static int read_entry(struct map_reading *r, const struct yaml_node *n, struct map_entry *m)
{
    char why[MAX_WHY];
    size_t before = r->problems->n;
    m->target = arena_dup(r->arena, n->key->text);
    if (!m->target.p)
        return -ENOMEM;
    int rc = n->type == YAML_MAP ? read_section(r, n, m) : read_text(r, n, m);
    if (rc == 0 && r->problems->n == before && mapping_check(r->shape, m, why, sizeof why) < 0)
        yaml_problem(r->problems, r->source, n->key->at, "map: %s", why);
    return rc;
}

int map_read(struct map_reading *r, const struct yaml_node *n, size_t max, struct map_entry **ret,
             size_t *ret_n)
{
    size_t want = count(n), got = 0;
    int rc = 0;
    *ret_n = 0;
    if (n->type != YAML_MAP || want > max) {
        yaml_problem(r->problems, r->source, n->at,
                     "map: expected a section of target: path, at most %zu", max);
        return 0;
    }
    struct map_entry *map = arena_array(r->arena, want ? want : 1, sizeof *map);
    if (!map)
        return -ENOMEM;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        bool twice = false;
        for (size_t i = 0; i < got; i++)
            twice |= span_eq(map[i].target, e->key->text);
        if (twice)
            problem(r, e, "is given twice");
        else
            rc = read_entry(r, e, &map[got++]);
    }
    *ret = map;
    *ret_n = got;
    return rc;
}
