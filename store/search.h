/* search: whether a record's text has all words asked for. ASCII case is folded; other scripts that
 * have case are compared as written, Korean has none. Private to store/. */
#ifndef VOC_STORE_SEARCH_H
#define VOC_STORE_SEARCH_H

#include "base/buf.h"
#include "base/record.h"

#define SEARCH_WORDS_MAX 32
#define SEARCH_BYTES_MAX 1024

struct search {
    char text[SEARCH_BYTES_MAX]; /* folded */
    struct span words[SEARCH_WORDS_MAX];
    size_t n;
    struct buf folded; /* of the part being looked at */
};

/* 0 or -EINVAL (too long, too many words). No words: everything has them. */
int search_init(struct search *s, struct span q);
void search_done(struct search *s);
/* 1, 0, or -ENOMEM. */
int search_record(struct search *s, const struct feedback *f);

#endif
