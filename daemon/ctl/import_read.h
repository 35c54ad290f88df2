/* import_read: the records of a file, in whatever form it is, one after the other. For import.c. */
#ifndef VOC_CTL_IMPORT_READ_H
#define VOC_CTL_IMPORT_READ_H

#include "daemon/collect/import_plan.h"
#include "daemon/core/zone.h"

/* What the command line says of every file; its words win over those of the mapping file. */
struct import_options {
    const char *map, *map_file; /* --map, --map-file: at most one */
    const char *source, *sheet, *encoding, *tz;
    enum record_shape shape;
    enum import_format format;
    bool month_first;
};

struct import_item {
    json_t *record;  /* the receiver's to decref; NULL: `raw` */
    struct span raw; /* a line of NDJSON that nothing was to be done with */
    uint64_t line;
    struct reject why; /* when it is refused */
};

struct import_reader;

/* The plan is loaded now; what is wrong is told on stderr. 0 or negative. */
int import_reader_new(const struct import_options *o, struct import_reader **ret);
void import_reader_free(struct import_reader *r); /* NULL is fine */
enum record_shape import_reader_shape(const struct import_reader *r);
/* The next file. Negative after telling. */
int import_reader_open(struct import_reader *r, const char *name);
/* 1 with an item; 0: the file is over; -EINVAL: refused, with line and reason, go on; other
 * negatives end all, and were told. */
int import_reader_next(struct import_reader *r, struct import_item *ret);
/* Of the file that is open, in bytes; size 0: not known. */
void import_reader_progress(const struct import_reader *r, uint64_t *ret_read, uint64_t *ret_size);

#endif
