/* export: answers as CSV files (format=csv). A file is an answer like another: made on the pool
 * within the query's budget, masked by show.h, in the access log before it goes out. */
#ifndef VOC_API_EXPORT_H
#define VOC_API_EXPORT_H

#include "daemon/api/query.h"

enum {
    EXPORT_MAX_ROWS = 10000,
    EXPORT_MAX_BYTES = 48 << 20, /* then the file is cut, and X-Next-Cursor says where */
};

/* Whether ?format= asks for CSV; *ret_csv. False after a 400 problem. */
bool export_asked(struct query *q, bool *ret_csv);
/* The answer is a file NAME_FROM_TO.csv, with the dates of [from, to) in the query's zone; where a
 * side is open (NO_TIME, INT64_MAX) it is left out, and without both it is today's. */
void export_as_file(struct query *q, const char *name, int64_t from, int64_t to);

/* Records, newest first; lq->limit is theirs alone. */
void export_feedback(struct query *q, struct store_list_query *lq);

#endif
