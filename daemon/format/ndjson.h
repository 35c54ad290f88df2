/* ndjson: lines out of a streamed body, without ever holding the body.
 *
 *   ndjson_feed(chunk);  while ((rc = ndjson_next(&line)) != 0) …;   … at the end: ndjson_end(),
 * drain
 *
 * A line ends with \n or \r\n; the last may lack it; blank lines are skipped; a byte order mark
 * before the first line is dropped. At most max_line bytes are held (a line begun in an earlier
 * chunk), plus what ndjson_keep() was asked to keep of a chunk.
 *
 * Thread: one owner. Ownership: a line lives until the next call; a chunk must live until it is
 * drained or kept. */
#ifndef VOC_FORMAT_NDJSON_H
#define VOC_FORMAT_NDJSON_H

#include "base/buf.h"

struct ndjson {
    struct buf line; /* the beginning of the line under way */
    struct buf kept; /* chunks taken over */
    struct span in;  /* what is left of the chunk */
    bool in_kept;    /* `in` is the end of `kept` */
    size_t max_line;
    uint64_t number; /* of the line given last, from 1, blank ones counted */
    bool skipping;   /* the line under way is too long */
    bool ended;
    bool line_given; /* `line` was given out: forget it first */
};

enum { NDJSON_KEEP_MAX = 4 << 20 };

void ndjson_init(struct ndjson *s, size_t max_line);
void ndjson_done(struct ndjson *s);
/* 0; -ENOBUFS or -ENOMEM when a chunk fed before is not drained and can not be kept. */
int ndjson_feed(struct ndjson *s, struct span chunk);
/* Takes what is left of the chunk over, so that the chunk may go: when reading stops half-way. */
int ndjson_keep(struct ndjson *s);
/* No more will be fed: the last line counts without its \n. */
void ndjson_end(struct ndjson *s);
/* 1 with a line; 0: feed more (or, after ndjson_end(), all was given); -EMSGSIZE: line `number` was
 * longer than max_line and is skipped; -ENOMEM. */
int ndjson_next(struct ndjson *s, struct span *ret_line);

#endif
