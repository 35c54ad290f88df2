/* workbook: zip files for tests of the xlsx reader, from the texts of their parts. */
#ifndef VOC_TESTS_LIB_WORKBOOK_H
#define VOC_TESTS_LIB_WORKBOOK_H

#include "base/buf.h"

struct workbook_part {
    const char *name;
    struct span text;
};

/* Writes the zip. 0 or -1. `deflate`: else stored. */
int workbook_zip(const struct workbook_part *parts, size_t n, bool deflate, struct buf *out);
/* A workbook of one sheet, "시트1", around the inner XML of its parts: what stands in <styleSheet>,
 * <sst> and <worksheet>; what is absent has no part. */
int workbook_make(struct span styles, struct span strings, struct span sheet, struct buf *out);

#endif
