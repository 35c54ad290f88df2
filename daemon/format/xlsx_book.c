/* What is where in the container (ECMA-376-2: relations), which sheets there are, what styles mean,
 * and the strings that cells share. */
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/xlsx_impl.h"

enum { MAX_PATH = 512, ARENA_MAX = 16 << 20, FORMATS_MAX = 4096 };

/* --- relations --- */

static bool ends_with(struct span s, const char *end)
{
    size_t n = strlen(end);

    return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* A target as a name in the container: from its root, or from the folder of `base`. */
static char *resolve(struct xlsx *x, const char *base, struct span target)
{
    char path[MAX_PATH] = "";
    const char *slash = strrchr(base, '/');
    size_t n = slash ? (size_t)(slash - base) : 0;

    if (target.n + n + 2 > sizeof path)
        return NULL;
    if (target.n && target.p[0] == '/')
        n = 0;
    else
        memcpy(path, base, n);
    for (size_t i = 0; i < target.n;) {
        struct span step = span_of(target.p + i, target.n - i);
        step.n = span_find_char(step, '/');
        i += step.n + 1;
        if (step.n == 0 || span_is(step, "."))
            continue;
        if (span_is(step, "..")) {
            while (n > 0 && path[--n] != '/')
                ;
            continue;
        }
        if (n > 0)
            path[n++] = '/';
        memcpy(path + n, step.p, step.n);
        n += step.n;
    }
    return (char *)arena_dup(&x->arena, span_of(path, n)).p;
}

static void root_relation(struct part *p, struct span name, const XML_Char **attributes)
{
    struct span target = part_attribute(attributes, "Target");

    if (span_is(name, "Relationship") && target.p &&
        ends_with(part_attribute(attributes, "Type"), "/officeDocument"))
        p->x->path = resolve(p->x, "", target);
}

/* Of all names of a kind the end is common to the transitional and the strict standard. */
static void workbook_relation(struct part *p, struct span name, const XML_Char **attributes)
{
    struct xlsx *x = p->x;
    struct span target = part_attribute(attributes, "Target");
    struct span type = part_attribute(attributes, "Type"), id = part_attribute(attributes, "Id");

    if (!span_is(name, "Relationship") || !target.p)
        return;
    char *path = resolve(x, x->path, target);
    if (ends_with(type, "/sharedStrings"))
        x->strings_path = path;
    else if (ends_with(type, "/styles"))
        x->styles_path = path;
    else if (ends_with(type, "/worksheet"))
        for (size_t i = 0; i < x->n_sheets; i++)
            if (span_eq(x->sheets[i].relation, id))
                x->sheets[i].path = path;
}

static void nothing(struct part *p, struct span name)
{
    (void)p;
    (void)name;
}

/* --- the workbook --- */

static void workbook_element(struct part *p, struct span name, const XML_Char **attributes)
{
    struct xlsx *x = p->x;

    if (span_is(name, "workbookPr")) {
        struct span since = part_attribute(attributes, "date1904");
        x->date1904 = span_is(since, "1") || span_is(since, "true");
    }
    if (!span_is(name, "sheet"))
        return;
    if (x->n_sheets == XLSX_MAX_SHEETS) {
        part_fail(p, -EINVAL, "there are over 1,024 sheets");
        return;
    }
    struct span state = part_attribute(attributes, "state");
    struct sheet *s = &x->sheets[x->n_sheets++];
    s->name = arena_dup(&x->arena, part_attribute(attributes, "name"));
    s->relation = arena_dup(&x->arena, part_attribute(attributes, "id"));
    s->hidden = state.p && !span_is(state, "visible");
    if (!s->name.p || !s->relation.p)
        part_fail(p, -EINVAL, "a sheet has no name");
}

static int choose_sheet(struct xlsx *x)
{
    for (size_t i = 0; i < x->n_sheets && !x->sheet; i++) {
        const struct sheet *s = &x->sheets[i];
        bool wanted = x->opt.sheet.p ? span_eq(s->name, x->opt.sheet) : !s->hidden;
        if (wanted && s->path)
            x->sheet = s;
    }
    if (x->sheet)
        return 0;
    if (x->opt.sheet.p)
        return xlsx_fail(x, "there is no sheet \"%.*s\"", SPAN_FMT(x->opt.sheet));
    return xlsx_fail(x, "there is no sheet with cells");
}

/* --- styles --- */

struct styles {
    struct part_handler handler; /* first: the part points here */
    struct xlsx *x;
    bool in_cells;
    size_t n_formats;
    struct {
        unsigned id;
        enum xlsx_format format;
    } formats[FORMATS_MAX];
};

static enum xlsx_format format_of(const struct styles *s, unsigned id)
{
    for (size_t i = 0; i < s->n_formats; i++)
        if (s->formats[i].id == id)
            return s->formats[i].format;
    return xlsx_format_builtin(id);
}

/* The formats' codes stand before the styles that use them. */
static void style_element(struct part *p, struct span name, const XML_Char **attributes)
{
    struct styles *s = (struct styles *)p->handler;
    struct xlsx *x = p->x;

    if (span_is(name, "numFmt") && s->n_formats < FORMATS_MAX) {
        s->formats[s->n_formats].id = part_number(attributes, "numFmtId", 0);
        s->formats[s->n_formats++].format =
            xlsx_format_of(part_attribute(attributes, "formatCode"));
    } else if (span_is(name, "cellXfs")) {
        s->in_cells = true;
    } else if (span_is(name, "xf") && s->in_cells) {
        enum xlsx_format f = format_of(s, part_number(attributes, "numFmtId", 0));
        if (x->formats.n == XLSX_MAX_STYLES)
            part_fail(p, -EINVAL, "there are over 65,536 styles");
        else if (buf_char(&x->formats, (char)f) < 0)
            part_fail(p, -ENOMEM, "");
    }
}

static void style_end(struct part *p, struct span name)
{
    struct styles *s = (struct styles *)p->handler;

    if (span_is(name, "cellXfs"))
        s->in_cells = false;
}

static int read_styles(struct xlsx *x)
{
    struct styles *s = calloc(1, sizeof *s);

    if (!s)
        return -ENOMEM;
    s->handler = (struct part_handler){style_element, style_end, NULL};
    int rc = part_read(x, x->styles_path, &s->handler);
    free(s);
    return rc == -ENOENT ? 0 : rc;
}

/* --- shared strings --- */

struct strings {
    struct part_handler handler;
    struct part_string string;
};

static void string_start(struct part *p, struct span name, const XML_Char **attributes)
{
    (void)attributes;
    part_string_start(&((struct strings *)p->handler)->string, name);
}

static void string_text(struct part *p, struct span text)
{
    const struct part_string *s = &((struct strings *)p->handler)->string;

    if (s->in_text && !s->in_phonetic && buf_add(&p->x->strings, text) < 0)
        part_fail(p, buf_error(&p->x->strings), "its texts are over 256 MiB");
}

static void string_end(struct part *p, struct span name)
{
    struct xlsx *x = p->x;
    uint32_t begin = 0, end;

    part_string_end(&((struct strings *)p->handler)->string, name);
    if (!span_is(name, "si"))
        return;
    if (x->ends.n)
        memcpy(&begin, x->ends.p + x->ends.n - sizeof begin, sizeof begin);
    xlsx_unescape(&x->strings, begin);
    end = (uint32_t)x->strings.n;
    if (buf_append(&x->ends, &end, sizeof end) < 0)
        part_fail(p, buf_error(&x->ends), "it has too many texts");
}

static int read_strings(struct xlsx *x)
{
    struct strings s = {{string_start, string_end, string_text}, {0, 0}};
    int rc = part_read(x, x->strings_path, &s.handler);

    return rc == -ENOENT ? 0 : rc;
}

/* --- all --- */

/* xl/workbook.xml has its relations in xl/_rels/workbook.xml.rels. */
static const char *relations_of(struct xlsx *x, const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;

    return arena_printf(&x->arena, "%.*s_rels/%s.rels", folder, path, path + folder).p;
}

static int read_workbook(struct xlsx *x)
{
    static const struct part_handler root = {root_relation, nothing, NULL};
    static const struct part_handler workbook = {workbook_element, nothing, NULL};
    static const struct part_handler relations = {workbook_relation, nothing, NULL};
    const char *path;
    int rc = part_read(x, "_rels/.rels", &root);

    if (rc == -ENOENT || (rc == 0 && !x->path))
        return xlsx_fail(x, "it is a zip file, but no workbook");
    if (rc == 0)
        rc = part_read(x, x->path, &workbook);
    if (rc < 0)
        return rc;
    path = relations_of(x, x->path);
    return path ? part_read(x, path, &relations) : -ENOMEM;
}

int book_read(struct xlsx *x)
{
    arena_init(&x->arena, ARENA_MAX);
    buf_init(&x->strings, XLSX_MAX_STRINGS);
    buf_init(&x->ends, XLSX_MAX_STRINGS);
    buf_init(&x->formats, XLSX_MAX_STYLES);
    x->sheets = arena_array(&x->arena, XLSX_MAX_SHEETS, sizeof *x->sheets);
    if (!x->sheets)
        return -ENOMEM;
    int rc = read_workbook(x);
    if (rc == -ENOENT)
        return xlsx_fail(x, "its workbook is missing");
    if (rc == 0)
        rc = choose_sheet(x);
    if (rc == 0 && x->styles_path)
        rc = read_styles(x);
    if (rc == 0 && x->strings_path)
        rc = read_strings(x);
    return rc;
}
