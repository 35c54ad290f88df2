/* xlsx: rows out of a sheet of an Excel workbook (ECMA-376, transitional and strict), with a header
 * row, given as csv.h gives them: every cell is text, dates as dates.h reads them.
 *
 *   xlsx_open(file, &opt, &x)   …   while ((rc = xlsx_next(x, &row)) == 1) …
 *
 * The container is libzip's and the XML expat's. The whole sheet is read once before the first row
 * is given: where cells are merged stands at its end, and nothing shall be sent of a file that
 * breaks off in the middle.
 *
 * Header: a merged cell alone in its row is a title and is left out. A cell that is merged over
 * rows, or over columns above names of their own, makes a header of several rows: such names are
 * joined by a space, `만족도` over `배송` is `만족도 배송`. `header_first` and `header_last` say
 * otherwise.
 *
 * Cells: shared, inline and formula strings (rich text without its dress, phonetic hints left
 * out), numbers, booleans as `true` and `false`. An error (#N/A) is an empty cell. A formula counts
 * by the value that was stored with it; xlsx_uncomputed() counts those without one. Cells beside
 * the header, and rows without any, are left out.
 *
 * A file is hostile until read: every size below is a maximum, what exceeds it ends with a message;
 * a DTD is refused, encrypted parts and methods other than stored and deflated too.
 *
 * Thread: one owner; pure but for memory. Ownership: `file` must outlive the reader; a row's cells
 * live until the next call. */
#ifndef VOC_FORMAT_XLSX_H
#define VOC_FORMAT_XLSX_H

#include "daemon/format/row.h"

enum {
    XLSX_MAX_FILE = 512 << 20,
    XLSX_MAX_SHEETS = 1024,
    XLSX_MAX_STYLES = 65536,
    XLSX_MAX_STRINGS = 256 << 20, /* bytes of all shared strings */
    XLSX_MAX_ROWS = 1048576,
    XLSX_MAX_COLUMNS = 512,
    XLSX_MAX_ROW = 1 << 20, /* bytes of a row's own texts */
    XLSX_MAX_TAG = 1 << 20, /* bytes of a tag or comment */
    XLSX_MAX_DEPTH = 64,    /* nested elements */
    XLSX_MAX_HEADER_ROWS = 4,
    XLSX_MAX_MERGES = 4096, /* that begin in the first XLSX_HEADER_WITHIN rows */
    XLSX_HEADER_WITHIN = 64,
    XLSX_MAX_MESSAGE = 200,
};
#define XLSX_MAX_PART ((uint64_t)4 << 30) /* bytes of a part, inflated */

struct xlsx_options {
    struct span sheet;                  /* its name; absent: the first that is not hidden */
    unsigned header_first, header_last; /* rows from 1; 0: found as above */
};

struct xlsx;

/* 0; -EINVAL with a message: no workbook that can be read, no such sheet, no header; -ENOMEM. */
int xlsx_open(struct span file, const struct xlsx_options *opt, struct xlsx **ret,
              char message[XLSX_MAX_MESSAGE]);
void xlsx_close(struct xlsx *x); /* NULL is fine */
const struct span *xlsx_header(const struct xlsx *x, size_t *ret_n);
/* 1 with a row; 0 after the last; -EINVAL with xlsx_message(); -ENOMEM. */
int xlsx_next(struct xlsx *x, struct row *ret);
const char *xlsx_message(const struct xlsx *x);
/* The sheet that is read, and how many others are not hidden. */
struct span xlsx_sheet(const struct xlsx *x);
size_t xlsx_other_sheets(const struct xlsx *x);
/* Formulas without a stored value among the rows given so far: written by a program that does not
 * calculate; a spreadsheet program stores them when it saves the file. */
uint64_t xlsx_uncomputed(const struct xlsx *x);

#endif
