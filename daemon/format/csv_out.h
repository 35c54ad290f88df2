/* csv_out: rows into a CSV file that spreadsheets open well: UTF-8 with a byte order mark (Excel
 * reads Korean without it as CP949), CRLF, RFC 4180 quoting.
 *
 * A text that a spreadsheet would take for a formula gets a leading apostrophe: one that begins
 * with = + - @ (ASCII or full-width, after spaces
 * of any kind), a tab or a line end; a plain negative number
 * does not (OWASP, CSV Injection). Used by the API's format=csv and by vocctl -o csv.
 *
 * Thread: one owner. The buf's sticky error says at the end whether all of it fitted. */
#ifndef VOC_FORMAT_CSV_OUT_H
#define VOC_FORMAT_CSV_OUT_H

#include <jansson.h>

#include "base/buf.h"

struct csv_out {
    struct buf *b;
    bool comma; /* the next cell needs one before it */
};

struct csv_out csv_out_begin(struct buf *b); /* writes the byte order mark */
void csv_out_row_end(struct csv_out *o);
void csv_out_text(struct csv_out *o, struct span s); /* absent: an empty cell */
void csv_out_int(struct csv_out *o, int64_t v);
void csv_out_number(struct csv_out *o, double v); /* NaN: an empty cell */
/* A value of a document as one cell: numbers and truth values plain, lists as "a; b" (of objects
 * with a code, the codes), objects as "k=v; k=v", null and NULL empty. */
void csv_out_json(struct csv_out *o, const json_t *v);
/* The member at a path such as "analysis.type", or NULL. Keys have at most 63 bytes. */
const json_t *csv_out_member(const json_t *object, const char *path);

#endif
