#include "daemon/collect/import_plan.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/collect/connector_impl.h"
#include "daemon/core/map_read.h"
#include "daemon/core/zone.h"
#include "daemon/format/csv.h"
#include "daemon/format/jsonpath.h"
#include "daemon/format/xlsx.h"

enum { PLAN_ARENA = 8 << 20, MAX_MAP = 128, MAX_SPEAKERS = 256 };

static const char *const formats[] = {"csv",        "tsv", "ndjson", "xlsx",
                                      "transcript", "vtt", "srt",    NULL};

enum import_format import_format_find(struct span word)
{
    for (size_t i = 0; formats[i]; i++)
        if (span_is(word, formats[i]))
            return (enum import_format)(IMPORT_CSV + (int)i);
    return IMPORT_BY_NAME;
}

enum import_format import_format_of(struct span file_name)
{
    static const struct {
        const char *end;
        enum import_format format;
    } ends[] = {{".csv", IMPORT_CSV},      {".tsv", IMPORT_TSV},   {".ndjson", IMPORT_NDJSON},
                {".jsonl", IMPORT_NDJSON}, {".xlsx", IMPORT_XLSX}, {".xlsm", IMPORT_XLSX},
                {".vtt", IMPORT_VTT},      {".srt", IMPORT_SRT},   {".txt", IMPORT_TRANSCRIPT}};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t n = strlen(ends[i].end);
        if (file_name.n > n &&
            span_eq_nocase(span_of(file_name.p + file_name.n - n, n), span_of(ends[i].end, n)))
            return ends[i].format;
    }
    return IMPORT_BY_NAME;
}

/* --- keys --- */

static int read_shape(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"feedback", "customers", "activities", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(enum record_shape *)out = (enum record_shape)i;
    return 0;
}

static int read_format(struct reading *r, const struct yaml_node *n, void *out)
{
    int i = read_word(r, n, formats);
    if (i >= 0)
        *(enum import_format *)out = (enum import_format)(IMPORT_CSV + i);
    return 0;
}

static int read_encoding(struct reading *r, const struct yaml_node *n, void *out)
{
    enum csv_encoding unused;
    if (n->type != YAML_SCALAR || csv_encoding_find(n->text, &unused) < 0) {
        read_problem(r, n, "expected utf-8 or cp949");
        return 0;
    }
    return read_text(r, n, out);
}

static int read_timezone(struct reading *r, const struct yaml_node *n, void *out)
{
    if (n->type != YAML_SCALAR || !zone_valid(n->text)) {
        read_problem(r, n, "expected a time zone like Asia/Seoul");
        return 0;
    }
    return read_text(r, n, out);
}

static int read_order(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"day-first", "month-first", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(enum date_order *)out = i ? DATE_MONTH_FIRST : DATE_DAY_FIRST;
    return 0;
}

/* "2" or "2-3". */
static int read_header_rows(struct reading *r, const struct yaml_node *n, void *out)
{
    struct import_plan *p = out;
    size_t dash = span_find_char(n->text, '-');
    struct span last = dash < n->text.n ? span_of(n->text.p + dash + 1, n->text.n - dash - 1)
                                        : span_of(n->text.p, dash);
    int64_t first = 0, end = 0;
    if (n->type != YAML_SCALAR || span_to_i64(span_of(n->text.p, dash), &first) < 0 ||
        span_to_i64(last, &end) < 0 || first < 1 || end < first || end > XLSX_MAX_ROWS ||
        end - first >= XLSX_MAX_HEADER_ROWS) {
        read_problem(r, n, "expected a row like 2, or at most %d like 2-3", XLSX_MAX_HEADER_ROWS);
        return 0;
    }
    p->header_first = first;
    p->header_last = end;
    return 0;
}

static int read_map(struct reading *r, const struct yaml_node *n, void *out)
{
    struct import_plan *p = out;
    struct map_reading reading = {r->source, r->arena, r->problems, p->shape};
    return map_read(&reading, n, MAX_MAP, &p->map, &p->n_map);
}

static int read_turns(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const needed[] = {"conversation", "by", "text"};
    struct import_plan *p = out;
    struct map_reading reading = {r->source, r->arena, r->problems, SHAPE_TURN};
    size_t before = r->problems->n;
    int rc = map_read(&reading, n, MAX_MAP, &p->turns, &p->n_turns);
    bool sound = rc == 0 && r->problems->n == before;
    for (size_t i = 0; sound && i < ARRAY_LEN(needed); i++) {
        bool there = false;
        for (size_t k = 0; k < p->n_turns; k++)
            there = there || span_is(p->turns[k].target, needed[i]);
        if (!there)
            read_problem(r, n, "%s is missing here", needed[i]);
    }
    return rc;
}

static int read_speakers(struct reading *r, const struct yaml_node *n, void *out)
{
    struct speakers *s = out;
    if (n->type != YAML_MAP || read_count(n) > MAX_SPEAKERS) {
        read_problem(r, n, "expected a section of label: customer, agent, system or text");
        return 0;
    }
    struct pair *names = arena_array(r->arena, read_count(n), sizeof *names);
    if (!names)
        return -ENOMEM;
    for (const struct yaml_node *m = n->first; m; m = m->next) {
        int role = m->type == YAML_SCALAR ? speaker_role(m->text) : SPEAKER_UNKNOWN;
        struct pair label = {arena_dup(r->arena, m->key->text), arena_dup(r->arena, m->text)};
        if (role == SPEAKER_UNKNOWN)
            read_problem(r, m, "expected customer, agent, system or text");
        else if (span_is(m->key->text, "*"))
            s->others = role;
        else if (!label.key.p || !label.value.p)
            return -ENOMEM;
        else
            names[s->n++] = label;
    }
    s->names = names;
    return 0;
}

static int read_each(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"conversation", "speaker", NULL};
    *(bool *)out = read_word(r, n, words) == 1;
    return 0;
}

/* `records` is read first, wherever it stands: the fields of the map are that shape's. */
static int read_plan(struct reading *r, const struct yaml_node *root, struct import_plan *p)
{
#define AT(member) offsetof(struct import_plan, member)
    static const struct key keys[] = {
        {"records", read_shape, AT(shape), false},
        {"format", read_format, AT(format), false},
        {"encoding", read_encoding, AT(encoding), false},
        {"timezone", read_timezone, AT(timezone), false},
        {"dates", read_order, AT(order), false},
        {"sheet", read_text, AT(sheet), false},
        {"header", read_header_rows, 0, false},
        {"map", read_map, 0, true},
        {"turns", read_turns, 0, false},
        {"speakers", read_speakers, AT(speakers), false},
        {"each", read_each, AT(each_speaker), false},
    };
#undef AT
    struct yaml_problems unheard = {.out = NULL, .n = YAML_MAX_PROBLEMS};
    struct yaml_problems *told = r->problems;
    if (!root) {
        yaml_problem(told, r->source, (struct yaml_pos){1, 1}, "the file is empty");
        return -EINVAL;
    }
    r->problems = &unheard;
    for (const struct yaml_node *m = root->type == YAML_MAP ? root->first : NULL; m; m = m->next)
        if (span_is(m->key->text, "records"))
            read_shape(r, m, &p->shape);
    r->problems = told;
    int rc = read_keys(r, root, keys, ARRAY_LEN(keys), p);
    if (rc == 0 && p->shape != SHAPE_FEEDBACK && (p->n_turns || p->each_speaker))
        yaml_problem(told, r->source, root->at, "turns and each belong to records: feedback");
    return rc == 0 && told->n ? -EINVAL : rc;
}

/* --- making --- */

static struct import_plan *new_plan(void)
{
    struct import_plan *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    arena_init(&p->arena, PLAN_ARENA);
    p->speakers.others = SPEAKER_UNKNOWN;
    return p;
}

void import_plan_free(struct import_plan *p)
{
    if (!p)
        return;
    arena_done(&p->arena);
    free(p);
}

int import_plan_read(struct span file, struct span text, struct buf *messages,
                     struct import_plan **ret)
{
    struct import_plan *p = new_plan();
    struct yaml_problems problems = {.out = messages};
    struct yaml_node *root = NULL;
    int rc = p ? 0 : -ENOMEM;
    if (rc == 0) {
        p->source = (struct yaml_source){arena_dup(&p->arena, file), arena_dup(&p->arena, text)};
        rc = p->source.file.p && p->source.text.p ? 0 : -ENOMEM;
    }
    if (rc == 0)
        rc = yaml_parse(&p->source, &p->arena, &problems, &root);
    if (rc == 0) {
        struct reading r = {.source = &p->source, .arena = &p->arena, .problems = &problems};
        p->root = root;
        rc = read_plan(&r, root, p);
    }
    if (rc < 0)
        import_plan_free(p);
    else
        *ret = p;
    return rc;
}

int import_plan_load(const char *path, struct buf *messages, struct import_plan **ret)
{
    char *text = malloc(IMPORT_PLAN_MAX_FILE + 1);
    FILE *f = text ? fopen(path, "rb") : NULL;
    int rc = !text ? -ENOMEM : f ? 0 : -errno;
    size_t n = f ? fread(text, 1, IMPORT_PLAN_MAX_FILE + 1, f) : 0;
    if (f && ferror(f))
        rc = -EIO;
    else if (n > IMPORT_PLAN_MAX_FILE)
        rc = -EFBIG;
    if (f)
        fclose(f);
    if (rc == 0)
        rc = import_plan_read(span_str(path), span_of(text, n), messages, ret);
    else if (rc != -ENOMEM)
        buf_printf(messages, "%s:1:1: can not be read: %s\n", path, err_text(rc));
    free(text);
    return rc == 0 || rc == -ENOMEM ? rc : -EINVAL;
}

static struct span path_of_column(struct arena *a, struct span name)
{
    char quote = span_find_char(name, '"') < name.n ? '\'' : '"';
    return arena_printf(a, "$[%c%.*s%c]", quote, SPAN_FMT(name), quote);
}

int import_plan_of(const struct columns *columns, struct import_plan **ret)
{
    struct import_plan *p = new_plan();
    if (p)
        p->map = arena_array(&p->arena, columns->n, sizeof *p->map);
    if (!p || !p->map) {
        import_plan_free(p);
        return -ENOMEM;
    }
    p->shape = columns->shape;
    p->order = columns->order;
    for (size_t i = 0; i < columns->n; i++) {
        const struct column *c = &columns->list[i];
        struct map_entry *m = &p->map[p->n_map++];
        *m = (struct map_entry){.target = c->target, .value = c->value, .scale = c->scale};
        if (c->name.p)
            m->path = path_of_column(&p->arena, c->name);
        size_t unused;
        if (c->name.p && (!m->path.p || jsonpath_check(m->path, &unused) < 0)) {
            int rc = m->path.p ? -EINVAL : -ENOMEM;
            import_plan_free(p);
            return rc;
        }
    }
    *ret = p;
    return 0;
}

void import_plan_dates(struct import_plan *p, const struct date_zone *zone)
{
    for (size_t i = 0; i < p->n_map; i++) {
        struct map_entry *m = &p->map[i];
        m->order = p->order;
        if (target_find(p->shape, m->target) != TARGET_TIME || m->time != MAP_TIME_AS_IS ||
            !m->path.p || m->n_cases)
            continue;
        m->time = MAP_TIME_ZONE;
        m->zone = zone;
    }
}

/* --- against a table --- */

struct checking {
    const struct import_plan *plan;
    struct span table;
    const struct span *header;
    size_t n;
    struct yaml_problems problems;
};

static void check_path(struct checking *c, const struct yaml_node *path)
{
    struct span name = path->type == YAML_SCALAR ? jsonpath_first(path->text) : SPAN_NONE;
    size_t found = 0;
    if (!name.p || (c->plan->each_speaker && span_is(name, "speaker")))
        return;
    for (size_t i = 0; i < c->n; i++)
        found += span_eq(c->header[i], name);
    if (found != 1)
        yaml_problem(&c->problems, &c->plan->source, path->at, "%.*s has %s \"%.*s\"",
                     SPAN_FMT(c->table), found ? "more than one column" : "no column",
                     SPAN_FMT(name));
}

/* A path, or a section with one or two. */
static void check_entry(struct checking *c, const struct yaml_node *entry)
{
    if (entry->type == YAML_SCALAR)
        check_path(c, entry);
    for (const struct yaml_node *m = entry->first; m; m = m->next)
        if (span_is(m->key->text, "path") || span_is(m->key->text, "else"))
            check_path(c, m);
}

int import_plan_check(const struct import_plan *p, struct span table, const struct span *header,
                      size_t n, struct buf *messages)
{
    struct checking c = {p, table, header, n, {.out = messages}};
    for (const struct yaml_node *s = p->root ? p->root->first : NULL; s; s = s->next) {
        bool maps = span_is(s->key->text, "map") || span_is(s->key->text, "turns");
        for (const struct yaml_node *e = maps ? s->first : NULL; e; e = e->next)
            check_entry(&c, e);
    }
    return c.problems.n ? -EINVAL : 0;
}
