/* columns: spreadsheet rows → JSON in the shape normalize.h reads, column by column.
 *
 *   columns_parse("external_id=번호,text=내용,rating=별점/5,created_at=작성일,kind==review")
 *   columns_bind(header)   …then, per row:   columns_record(cells)
 *
 * `target=column`, `target=column/SCALE` for rating and answers, `target==constant`. A backslash
 * keeps a comma, slash or backslash in a column's name. Dates in any form dates.h reads become
 * RFC 3339. An empty cell leaves its field absent (for customers: unchanged). Tags are split at
 * commas and semicolons.
 *
 * Thread: any; pure. Ownership: a columns lives in the arena it was made in and borrows the zone.
 */
#ifndef VOC_FORMAT_COLUMNS_H
#define VOC_FORMAT_COLUMNS_H

#include "base/arena.h"
#include "daemon/format/dates.h"
#include "daemon/format/mapping.h"

struct column {
    struct span target, name; /* name absent: a constant */
    struct span value;
    double scale;
    enum target_class class;
    size_t index; /* in the row, once bound */
};

enum { COLUMNS_MAX = 256 };

struct columns {
    enum record_shape shape;
    struct column *list;
    size_t n;
    const struct date_zone *zone; /* NULL: UTC */
    enum date_order order;
};

/* From a --map text. 0, -EINVAL with a message, -ENOMEM. */
int columns_parse(struct span spec, enum record_shape shape, struct arena *a, struct columns *ret,
                  char *message, size_t size);
/* Finds every named column in the header. 0, or -EINVAL with a message naming the missing one. */
int columns_bind(struct columns *c, const struct span *header, size_t n, char *message,
                 size_t size);
/* Without a map: every column is the field of its name; of a customer, any other column is the
 * attribute of its name, and so are `attributes.NAME`. -EINVAL names a column that is no field. */
int columns_default(const struct span *header, size_t n, enum record_shape shape, struct arena *a,
                    struct columns *ret, char *message, size_t size);
/* 0 with *ret (the caller decrefs), -EINVAL with *why, -ENOMEM. */
int columns_record(const struct columns *c, const struct span *cells, size_t n, json_t **ret,
                   struct reject *why);

#endif
