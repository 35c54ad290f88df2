/* What the files of the xlsx reader share. xlsx_part.c: a part of the container through expat;
 * xlsx_book.c: the parts that say what is where; xlsx_sheet.c: the rows; xlsx.c: the whole. */
#ifndef VOC_FORMAT_XLSX_IMPL_H
#define VOC_FORMAT_XLSX_IMPL_H

#include <expat.h>
#include <zip.h>

#include "base/arena.h"
#include "base/buf.h"
#include "daemon/format/xlsx.h"
#include "daemon/format/xlsx_number.h"

/* --- a part --- */

struct part;

/* Names are local ones, without prefix or namespace. */
struct part_handler {
    void (*start)(struct part *p, struct span name, const XML_Char **attributes);
    void (*end)(struct part *p, struct span name);
    void (*text)(struct part *p, struct span text); /* may be NULL */
};

struct part {
    struct xlsx *x;
    const char *name;
    const struct part_handler *handler;
    zip_file_t *file;
    XML_Parser parser;
    uint64_t fed;
    size_t depth;
    bool suspended, ended;
    int rc; /* of a handler */
};

/* 0; -ENOENT when there is no such part; -EINVAL with x->message; -ENOMEM. */
int part_open(struct part *p, struct xlsx *x, const char *name, const struct part_handler *h);
void part_close(struct part *p);
/* Reads on until a handler suspends (1) or the part ends (0). Negative as above. */
int part_run(struct part *p);
/* All of it. */
int part_read(struct xlsx *x, const char *name, const struct part_handler *h);
/* From a handler: stop here, to go on later; or give up, with what is wrong. */
void part_suspend(struct part *p);
void part_fail(struct part *p, int rc, const char *why);
/* An attribute by its local name; absent when it is not there. */
struct span part_attribute(const XML_Char **attributes, const char *name);
/* A whole number, or `otherwise`. */
unsigned part_number(const XML_Char **attributes, const char *name, unsigned otherwise);
/* Writes the text of a string element (<si>, <is>): runs joined, phonetic hints left out. */
struct part_string {
    unsigned in_text, in_phonetic;
};
void part_string_start(struct part_string *s, struct span name);
void part_string_end(struct part_string *s, struct span name);
/* `_x000D_` and its like become what they mean, within out from `begin` on. */
void xlsx_unescape(struct buf *out, size_t begin);

/* --- the workbook --- */

struct sheet {
    struct span name, relation; /* in the arena */
    char *path;
    bool hidden;
};

struct merge {
    unsigned row1, row2, column1, column2; /* from 1 */
};

struct cell {
    size_t start, n; /* in `text`, or in `strings`; n 0: empty */
    bool shared;
};

struct xlsx {
    zip_t *zip;
    struct arena arena;
    struct xlsx_options opt;
    char message[XLSX_MAX_MESSAGE];
    bool date1904;
    char *path, *strings_path, *styles_path; /* of parts, in the arena */
    struct sheet *sheets;
    size_t n_sheets;
    const struct sheet *sheet;
    struct buf strings; /* all shared strings, one after the other */
    struct buf ends;    /* uint32_t: where each ends */
    struct buf formats; /* uint8_t: enum xlsx_format of each style */
    struct merge *merges;
    size_t n_merges;

    struct part part; /* the sheet */
    struct buf text;  /* texts of the row under way */
    struct cell cells[XLSX_MAX_COLUMNS];
    size_t width; /* cells of the row under way, to the last that is there */
    unsigned row;
    bool row_too_long, past; /* behind the last row */
    struct {
        struct part_string string;
        unsigned column; /* from 1; 0: none */
        unsigned style;
        enum { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_INLINE, CELL_BOOL, CELL_ERROR } type;
        bool in_value, formula;
        size_t start; /* of its text */
    } at;             /* the cell under way */
    struct span *header;
    size_t n_header;
    struct span spans[XLSX_MAX_COLUMNS];
    bool pending; /* the row under way was read for the header and is still to be given */
    uint64_t uncomputed;
};

int xlsx_fail(struct xlsx *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* xlsx_book.c: relations, sheets, styles, shared strings. */
int book_read(struct xlsx *x);
/* xlsx_sheet.c */
int sheet_merges(struct xlsx *x);
int sheet_open(struct xlsx *x);
/* The next row that has a cell into x->cells; 1, 0 at the end, negative as above. */
int sheet_row(struct xlsx *x);
struct span sheet_cell(const struct xlsx *x, size_t column);

#endif
