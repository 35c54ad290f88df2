/* The cells of a sheet, row by row (ECMA-376-1 18.3). */
#include "base/err.h"
#include "daemon/format/xlsx_impl.h"

/* "AB12": both from 1. False when it is no reference. */
static bool read_reference(struct span s, unsigned *ret_column, unsigned *ret_row)
{
    unsigned column = 0, row = 0;
    size_t i = 0;

    for (; i < s.n && i < 3 && (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z'; i++)
        column = column * 26 + (unsigned)((s.p[i] | 0x20) - 'a' + 1);
    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && row <= XLSX_MAX_ROWS; i++)
        row = row * 10 + (unsigned)(s.p[i] - '0');
    *ret_column = column;
    *ret_row = row;
    return i == s.n && column > 0 && row > 0;
}

/* --- what is merged --- */

static void merge_element(struct part *p, struct span name, const XML_Char **attributes)
{
    struct xlsx *x = p->x;
    struct span ref = part_attribute(attributes, "ref");
    struct merge m;
    size_t colon = span_find_char(ref, ':');

    if (!span_is(name, "mergeCell") || x->n_merges == XLSX_MAX_MERGES || colon == ref.n ||
        !read_reference(span_of(ref.p, colon), &m.column1, &m.row1) ||
        !read_reference(span_of(ref.p + colon + 1, ref.n - colon - 1), &m.column2, &m.row2))
        return;
    if (m.row1 <= XLSX_HEADER_WITHIN && m.column1 <= m.column2 && m.row1 <= m.row2)
        x->merges[x->n_merges++] = m;
}

static void nothing(struct part *p, struct span name)
{
    (void)p;
    (void)name;
}

int sheet_merges(struct xlsx *x)
{
    static const struct part_handler handler = {merge_element, nothing, NULL};

    x->merges = arena_array(&x->arena, XLSX_MAX_MERGES, sizeof *x->merges);
    if (!x->merges)
        return -ENOMEM;
    int rc = part_read(x, x->sheet->path, &handler);
    return rc == -ENOENT ? xlsx_fail(x, "%s is missing", x->sheet->path) : rc;
}

/* --- a cell begins --- */

static void begin_row(struct part *p, const XML_Char **attributes)
{
    struct xlsx *x = p->x;

    memset(x->cells, 0, x->width * sizeof *x->cells);
    x->width = 0;
    x->row = part_number(attributes, "r", x->row + 1);
    x->at.column = 0;
    x->row_too_long = false;
    buf_reset(&x->text);
    if (x->row > XLSX_MAX_ROWS)
        part_fail(p, -EINVAL, "there are over 1,048,576 rows");
}

static void begin_cell(struct xlsx *x, const XML_Char **attributes)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {{"s", CELL_SHARED}, {"str", CELL_TEXT}, {"inlineStr", CELL_INLINE},
                 {"b", CELL_BOOL},   {"e", CELL_ERROR},  {"d", CELL_TEXT}};
    struct span type = part_attribute(attributes, "t");
    unsigned column, row;

    if (!read_reference(part_attribute(attributes, "r"), &column, &row))
        column = x->at.column + 1;
    x->at.column = column;
    x->at.style = part_number(attributes, "s", 0);
    x->at.type = CELL_NUMBER;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (span_is(type, types[i].name))
            x->at.type = types[i].type;
    x->at.string = (struct part_string){0, 0};
    x->at.in_value = x->at.formula = false;
    x->at.start = x->text.n;
}

static void sheet_start(struct part *p, struct span name, const XML_Char **attributes)
{
    struct xlsx *x = p->x;

    if (span_is(name, "row"))
        begin_row(p, attributes);
    else if (span_is(name, "c"))
        begin_cell(x, attributes);
    else if (span_is(name, "v"))
        x->at.in_value = true;
    else if (span_is(name, "f"))
        x->at.formula = true;
    else if (x->at.type == CELL_INLINE)
        part_string_start(&x->at.string, name);
}

static void sheet_text(struct part *p, struct span text)
{
    struct xlsx *x = p->x;
    bool inline_text = x->at.string.in_text && !x->at.string.in_phonetic;

    if ((x->at.in_value || inline_text) && buf_add(&x->text, text) < 0)
        x->row_too_long = true;
}

/* --- a cell ends --- */

static struct cell shared_cell(struct part *p, struct span index)
{
    struct xlsx *x = p->x;
    uint32_t ends[2] = {0, 0};
    int64_t i;

    if (span_to_i64(span_trim(index), &i) < 0 || i < 0 || (size_t)i >= x->ends.n / sizeof *ends) {
        part_fail(p, -EINVAL, "a cell names a shared text that is not there");
        return (struct cell){0};
    }
    const char *at = x->ends.p + (size_t)i * sizeof *ends;
    if (i > 0)
        memcpy(ends, at - sizeof *ends, sizeof *ends);
    memcpy(&ends[1], at, sizeof *ends);
    return (struct cell){.start = ends[0], .n = ends[1] - ends[0], .shared = true};
}

static void write_number(struct xlsx *x, struct span raw)
{
    char text[XLSX_NUMBER_TEXT];
    enum xlsx_format format = XLSX_PLAIN;
    size_t n;

    if (x->at.style < x->formats.n)
        format = (enum xlsx_format)x->formats.p[x->at.style];
    n = xlsx_number_text(span_trim(raw), format, x->date1904, text);
    if (n == 0) /* not a number, whatever it says of itself */
        return;
    x->text.n = x->at.start;
    buf_append(&x->text, text, n);
}

static struct cell own_cell(struct xlsx *x, struct span raw)
{
    switch (x->at.type) {
    case CELL_NUMBER:
        x->uncomputed += x->at.formula && span_trim(raw).n == 0;
        write_number(x, raw);
        break;
    case CELL_BOOL: {
        bool yes = span_is(span_trim(raw), "1") || span_is(span_trim(raw), "true");
        x->text.n = x->at.start;
        buf_str(&x->text, raw.n == 0 ? "" : yes ? "true" : "false");
        break;
    }
    case CELL_ERROR:
        x->text.n = x->at.start;
        break;
    default:
        xlsx_unescape(&x->text, x->at.start);
        break;
    }
    return (struct cell){.start = x->at.start, .n = x->text.n - x->at.start};
}

static void end_cell(struct part *p)
{
    struct xlsx *x = p->x;
    struct span raw = span_of(x->text.p ? x->text.p + x->at.start : "", x->text.n - x->at.start);
    struct cell cell;

    if (x->row_too_long)
        return;
    if (x->at.type == CELL_SHARED && raw.n > 0) {
        cell = shared_cell(p, raw);
        x->text.n = x->at.start;
    } else {
        cell = own_cell(x, raw);
    }
    if (cell.n == 0 || x->at.column > XLSX_MAX_COLUMNS)
        return;
    x->cells[x->at.column - 1] = cell;
    if (x->width < x->at.column)
        x->width = x->at.column;
}

static void sheet_end(struct part *p, struct span name)
{
    struct xlsx *x = p->x;

    if (span_is(name, "v"))
        x->at.in_value = false;
    else if (span_is(name, "c"))
        end_cell(p);
    else if (span_is(name, "sheetData"))
        x->past = true;
    else if (x->at.type == CELL_INLINE)
        part_string_end(&x->at.string, name);
    if (x->past || (span_is(name, "row") && (x->width > 0 || x->row_too_long)))
        part_suspend(p);
}

int sheet_open(struct xlsx *x)
{
    static const struct part_handler handler = {sheet_start, sheet_end, sheet_text};

    buf_init(&x->text, XLSX_MAX_ROW);
    return part_open(&x->part, x, x->sheet->path, &handler);
}

int sheet_row(struct xlsx *x)
{
    int rc = x->pending ? 1 : 0;

    if (x->pending)
        x->pending = false;
    else if (!x->past)
        rc = part_run(&x->part);
    return rc == 1 && x->past ? 0 : rc;
}

struct span sheet_cell(const struct xlsx *x, size_t column)
{
    const struct cell *c = &x->cells[column];

    if (c->n == 0)
        return span_of("", 0);
    return span_of((c->shared ? x->strings.p : x->text.p) + c->start, c->n);
}
