#include "daemon/format/xlsx_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

/* --- the container --- */

static int open_zip(struct xlsx *x, struct span file)
{
    zip_error_t error;
    zip_source_t *source;

    /* What Excel wraps a workbook with a password in, and what it wrote before 2007. */
    if (span_starts(file, SPAN_LIT("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")))
        return xlsx_fail(x, "it is protected by a password, or an old .xls: save it as .xlsx");
    if (file.n > XLSX_MAX_FILE)
        return xlsx_fail(x, "it is larger than 512 MiB");
    zip_error_init(&error);
    source = zip_source_buffer_create(file.p, file.n, 0, &error);
    if (source)
        x->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (x->zip) {
        zip_error_fini(&error);
        return 0;
    }
    if (source)
        zip_source_free(source);
    bool memory = zip_error_code_zip(&error) == ZIP_ER_MEMORY;
    if (!memory)
        xlsx_fail(x, "no .xlsx file: %s", zip_error_strerror(&error));
    zip_error_fini(&error);
    return memory ? -ENOMEM : -EINVAL;
}

/* --- the header --- */

struct head {
    struct span cells[XLSX_MAX_COLUMNS];
    unsigned row;
};

/* The merged cells that (row, column) is one of; NULL when it stands alone. */
static const struct merge *merge_at(const struct xlsx *x, unsigned row, unsigned column)
{
    for (size_t i = 0; i < x->n_merges; i++) {
        const struct merge *m = &x->merges[i];
        if (m->row1 <= row && row <= m->row2 && m->column1 <= column && column <= m->column2)
            return m;
    }
    return NULL;
}

/* One cell over several columns, and nothing else in its row. */
static bool is_title(const struct xlsx *x)
{
    size_t filled = 0;
    unsigned last = 0;

    for (size_t i = 0; i < x->width; i++)
        if (x->cells[i].n) {
            filled++;
            last = (unsigned)i + 1;
        }
    const struct merge *m = filled == 1 ? merge_at(x, x->row, last) : NULL;
    return m && m->column2 > m->column1;
}

/* The last row of a header that begins in this one. */
static unsigned header_end(const struct xlsx *x)
{
    unsigned end = x->row;

    for (size_t i = 0; i < x->n_merges; i++) {
        const struct merge *m = &x->merges[i];
        unsigned to = m->column2 > m->column1 ? m->row2 + 1 : m->row2;
        if (m->row1 == x->row && to > end)
            end = to;
    }
    if (end - x->row >= XLSX_MAX_HEADER_ROWS)
        end = x->row + XLSX_MAX_HEADER_ROWS - 1;
    return end;
}

/* A name alone in its column, with something below: that is a record's. */
static bool is_data(const struct xlsx *x, const struct head *head)
{
    for (unsigned i = 0; i < x->width; i++)
        if (x->cells[i].n && head->cells[i].n && !merge_at(x, head->row, i + 1))
            return true;
    return false;
}

static int keep_head(struct xlsx *x, struct head *head)
{
    head->row = x->row;
    for (size_t i = 0; i < x->width; i++) {
        struct span text = span_trim(sheet_cell(x, i));
        head->cells[i] = arena_dup(&x->arena, text);
        if (!head->cells[i].p)
            return -ENOMEM;
    }
    if (x->n_header < x->width)
        x->n_header = x->width;
    return x->row_too_long ? xlsx_fail(x, "the header is over 1 MiB") : 0;
}

/* Rows from `first` to `last` into heads; both 0: found by what is merged. */
static int read_heads(struct xlsx *x, struct head *heads, size_t *ret_n)
{
    unsigned first = x->opt.header_first, last = x->opt.header_last;
    int rc;

    while ((rc = sheet_row(x)) == 1) {
        if (x->row < first || (first == 0 && is_title(x)))
            continue;
        if (first == 0) {
            first = x->row;
            last = header_end(x);
        }
        bool found = x->opt.header_first == 0;
        if (x->row > last || *ret_n == XLSX_MAX_HEADER_ROWS ||
            (found && *ret_n > 0 && is_data(x, heads))) {
            x->pending = true;
            break;
        }
        rc = keep_head(x, &heads[(*ret_n)++]);
        if (rc < 0 || x->row == last)
            break;
    }
    if (rc < 0)
        return rc;
    return *ret_n ? 0 : xlsx_fail(x, "the sheet \"%.*s\" has no header", SPAN_FMT(x->sheet->name));
}

/* What a header's cell says, or the one it is merged with. */
static struct span head_text(const struct xlsx *x, const struct head *heads, size_t n, size_t row,
                             size_t column)
{
    const struct merge *m = merge_at(x, heads[row].row, (unsigned)column + 1);

    for (size_t i = 0; m && i < n; i++)
        if (heads[i].row == m->row1 && m->column1 <= XLSX_MAX_COLUMNS)
            return heads[i].cells[m->column1 - 1];
    return heads[row].cells[column];
}

static int join_names(struct xlsx *x, const struct head *heads, size_t n)
{
    struct buf name;
    int rc = 0;

    x->header = arena_array(&x->arena, x->n_header, sizeof *x->header);
    if (!x->header)
        return -ENOMEM;
    buf_init(&name, XLSX_MAX_ROW);
    for (size_t c = 0; c < x->n_header && rc == 0; c++) {
        const char *before = NULL;
        buf_reset(&name);
        for (size_t i = 0; i < n; i++) {
            struct span text = head_text(x, heads, n, i, c);
            if (text.n == 0 || text.p == before)
                continue;
            if (name.n)
                buf_char(&name, ' ');
            buf_add(&name, text);
            before = text.p;
        }
        x->header[c] = arena_dup(&x->arena, span_of(name.n ? name.p : "", name.n));
        rc = buf_error(&name) || !x->header[c].p ? -ENOMEM : 0;
    }
    buf_done(&name);
    return rc;
}

static int read_header(struct xlsx *x)
{
    struct head *heads = calloc(XLSX_MAX_HEADER_ROWS, sizeof *heads);
    size_t n = 0;
    int rc = heads ? read_heads(x, heads, &n) : -ENOMEM;

    if (rc == 0)
        rc = join_names(x, heads, n);
    free(heads);
    return rc;
}

/* --- the whole --- */

int xlsx_open(struct span file, const struct xlsx_options *opt, struct xlsx **ret,
              char message[XLSX_MAX_MESSAGE])
{
    struct xlsx *x = calloc(1, sizeof *x);
    int rc = x ? 0 : -ENOMEM;

    if (x)
        x->opt = *opt;
    if (rc == 0)
        rc = open_zip(x, file);
    if (rc == 0)
        rc = book_read(x);
    if (rc == 0)
        rc = sheet_merges(x);
    if (rc == 0)
        rc = sheet_open(x);
    if (rc == 0)
        rc = read_header(x);
    if (rc == 0) {
        *ret = x;
        return 0;
    }
    if (rc == -EINVAL)
        snprintf(message, XLSX_MAX_MESSAGE, "%s", x->message);
    xlsx_close(x);
    return rc;
}

void xlsx_close(struct xlsx *x)
{
    if (!x)
        return;
    part_close(&x->part);
    if (x->zip)
        zip_discard(x->zip);
    buf_done(&x->strings);
    buf_done(&x->ends);
    buf_done(&x->formats);
    buf_done(&x->text);
    arena_done(&x->arena);
    free(x);
}

const struct span *xlsx_header(const struct xlsx *x, size_t *ret_n)
{
    *ret_n = x->n_header;
    return x->header;
}

int xlsx_next(struct xlsx *x, struct row *ret)
{
    bool empty = true;
    int rc;

    while (empty && (rc = sheet_row(x)) == 1) {
        for (size_t i = 0; i < x->n_header; i++) {
            x->spans[i] = sheet_cell(x, i);
            empty = empty && x->spans[i].n == 0;
        }
        empty = empty && !x->row_too_long;
    }
    if (rc <= 0)
        return rc;
    *ret = (struct row){.cells = x->spans, .n = x->n_header, .line = x->row};
    if (x->row_too_long) {
        ret->bad = true;
        reject(&ret->why, REJECT_LINE_TOO_LONG, "row %u: the row is over %d bytes", x->row,
               XLSX_MAX_ROW);
    }
    return 1;
}

const char *xlsx_message(const struct xlsx *x)
{
    return x->message;
}

struct span xlsx_sheet(const struct xlsx *x)
{
    return x->sheet->name;
}

size_t xlsx_other_sheets(const struct xlsx *x)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n_sheets; i++)
        n += &x->sheets[i] != x->sheet && !x->sheets[i].hidden && x->sheets[i].path;
    return n;
}

uint64_t xlsx_uncomputed(const struct xlsx *x)
{
    return x->uncomputed;
}
