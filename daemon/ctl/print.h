/* print: a list of JSON objects as a table, JSON or CSV. Columns are paths ("analysis.type").
 *
 * Tables are aligned by what a terminal shows (Korean is two wide). CSV is UTF-8 with a byte order
 * mark, and a cell that a spreadsheet would take for a formula gets a leading apostrophe. */
#ifndef VOC_CTL_PRINT_H
#define VOC_CTL_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"

enum print_format { PRINT_TABLE, PRINT_JSON, PRINT_CSV };

/* -1 when there is none of that name. */
int print_format_find(const char *name);
/* `columns` NULL-ended. Rows are the answer's items or series; an object without either is one. */
void print_items(FILE *to, enum print_format format, json_t *answer, const char *const *columns);

#endif
