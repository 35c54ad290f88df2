/* ndjson: lines of a descriptor, and the few members `vocctl analyze` needs of each.
 *
 * Strict JSON (RFC 8259, UTF-8, no duplicate members among those read); everything else on the line
 * is checked and skipped without being built. It is why analyze keeps up with `jq -c .`.
 *
 * Thread: one owner. Spans of a line live until the next one is read. */
#ifndef VOC_CTL_NDJSON_H
#define VOC_CTL_NDJSON_H

#include "base/buf.h"

struct line_reader {
    int fd;
    struct buf buf;
    size_t at; /* consumed so far */
    bool ended;
};

void line_reader_init(struct line_reader *r, int fd);
void line_reader_done(struct line_reader *r);
/* The next line without its end. 1; 0 at the end; -EMSGSIZE for one too long (it is skipped);
 * -errno. */
int line_reader_next(struct line_reader *r, struct span *ret);

struct ndjson_item {
    struct span id;         /* raw JSON, for printing back; absent when not given */
    struct span text;       /* decoded */
    struct span lang, kind; /* decoded; absent when not given */
    struct span raw;        /* the line */
};

/* Decoded text is kept in `text`, which is reset. 0; -EINVAL with *ret_why, static text. */
int ndjson_read(struct span line, struct buf *text, struct ndjson_item *ret, const char **ret_why);

#endif
