#include "daemon/ctl/print.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "daemon/format/csv_out.h"

enum { MAX_COLUMNS = 16, CELL_WIDTH = 60, CELL_BYTES = 1 << 16, ROW_BYTES = 64 << 20 };

int print_format_find(const char *name)
{
    static const char *const names[] = {"table", "json", "csv"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return -1;
}

static void cell_text(struct buf *b, const json_t *v)
{
    size_t i;
    json_t *item, *o = (json_t *)v; /* iterating changes nothing */
    const char *key;
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        buf_append(b, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        buf_printf(b, "%.4g", json_real_value(v));
        break;
    case JSON_TRUE:
        buf_str(b, "yes");
        break;
    case JSON_FALSE:
        buf_str(b, "no");
        break;
    case JSON_ARRAY:
        json_array_foreach(v, i, item)
        {
            json_t *code = json_object_get(item, "code");
            if (i)
                buf_char(b, ' ');
            cell_text(b, code ? code : item);
        }
        break;
    case JSON_OBJECT:
        json_object_foreach(o, key, item)
        {
            if (b->n)
                buf_char(b, ' ');
            buf_printf(b, "%s=", key);
            cell_text(b, item);
        }
        break;
    default:
        break;
    }
}

/* Line breaks and escapes must not reach the terminal. */
static int show_cell(struct buf *b, struct span text)
{
    int width = 0;
    for (size_t i = 0; i < text.n;) {
        uint32_t cp;
        unsigned n = utf8_decode(text.p + i, text.n - i, &cp);
        if (n == 0)
            break;
        int w = cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ? 1 : utf8proc_charwidth((int32_t)cp);
        if (width + w > CELL_WIDTH - 1) {
            buf_str(b, "…");
            return width + 1;
        }
        if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) ||
            (cp >= 0x2066 && cp <= 0x2069))
            buf_char(b, ' ');
        else
            buf_append(b, text.p + i, n);
        width += w;
        i += n;
    }
    return width;
}

struct grid {
    struct buf *cells; /* rows x columns, the header first */
    int *widths;
    size_t rows, columns;
};

static void fill_row(struct grid *g, size_t row, json_t *item, const char *const *columns)
{
    struct buf raw;
    buf_init(&raw, CELL_BYTES);
    for (size_t c = 0; c < g->columns; c++) {
        struct buf *cell = &g->cells[row * g->columns + c];
        buf_init(cell, CELL_BYTES);
        buf_reset(&raw);
        if (item)
            cell_text(&raw, csv_out_member(item, columns[c]));
        else
            buf_str(&raw, columns[c]);
        g->widths[row * g->columns + c] = show_cell(cell, buf_span(&raw));
    }
    buf_done(&raw);
}

static void print_grid(FILE *to, const struct grid *g)
{
    for (size_t r = 0; r < g->rows; r++) {
        for (size_t c = 0; c < g->columns; c++) {
            int widest = 0;
            for (size_t i = 0; i < g->rows; i++)
                widest =
                    g->widths[i * g->columns + c] > widest ? g->widths[i * g->columns + c] : widest;
            const struct buf *cell = &g->cells[r * g->columns + c];
            bool last = c + 1 == g->columns;
            fprintf(to, "%s%*s", cell->p ? cell->p : "",
                    last ? 0 : widest - g->widths[r * g->columns + c] + 2, "");
        }
        fputc('\n', to);
    }
}

static void print_table(FILE *to, json_t *items, const char *const *columns, size_t n_columns)
{
    size_t rows = json_array_size(items) + 1;
    struct grid g = {calloc(rows * n_columns, sizeof *g.cells),
                     calloc(rows * n_columns, sizeof *g.widths), rows, n_columns};
    if (g.cells && g.widths) {
        for (size_t r = 0; r < rows; r++)
            fill_row(&g, r, r ? json_array_get(items, r - 1) : NULL, columns);
        print_grid(to, &g);
        for (size_t i = 0; i < rows * n_columns; i++)
            buf_done(&g.cells[i]);
    }
    free(g.cells);
    free(g.widths);
}

static void print_csv(FILE *to, json_t *items, const char *const *columns, size_t n_columns)
{
    struct buf row;
    buf_init(&row, ROW_BYTES);
    struct csv_out out = csv_out_begin(&row);
    for (size_t r = 0; r <= json_array_size(items); r++) {
        for (size_t c = 0; c < n_columns; c++) {
            if (r)
                csv_out_json(&out, csv_out_member(json_array_get(items, r - 1), columns[c]));
            else
                csv_out_text(&out, span_str(columns[c]));
        }
        csv_out_row_end(&out);
        fwrite(row.p, 1, row.n, to);
        buf_reset(&row);
    }
    buf_done(&row);
}

void print_items(FILE *to, enum print_format format, json_t *answer, const char *const *columns)
{
    json_t *items = json_object_get(answer, "items");
    items = items ? items : json_object_get(answer, "series");
    size_t n = 0;
    if (format == PRINT_JSON || !columns) {
        json_dumpf(answer, to, JSON_INDENT(2));
        fputc('\n', to);
        return;
    }
    while (columns[n] && n < MAX_COLUMNS)
        n++;
    json_t *list = items ? json_incref(items) : json_array();
    if (!items)
        json_array_append(list, answer);
    if (format == PRINT_CSV)
        print_csv(to, list, columns, n);
    else
        print_table(to, list, columns, n);
    json_decref(list);
}
