/* row: one row of a table, as its reader (csv.h, xlsx.h) gives it.
 *
 * Thread: any; a plain value. Ownership: the reader's, until it is asked for the next one. */
#ifndef VOC_FORMAT_ROW_H
#define VOC_FORMAT_ROW_H

#include <jansson.h>

#include "base/span.h"
#include "daemon/format/reject.h"

struct row {
    const struct span *cells; /* UTF-8; as many as the header has */
    size_t n;
    uint64_t line; /* where it stands, from 1: a line of text, a row of a sheet */
    bool bad;
    struct reject why; /* when bad */
};

/* The row as an object by the names of the columns, all texts; blank cells and nameless columns are
 * left out. NULL when memory is short. */
json_t *row_object(const struct span *names, const struct row *row);

#endif
