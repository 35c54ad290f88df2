/* page: one answer of an upstream taken apart: decoded, its records found, filtered, and mapped
 * into an intake. Pure but for memory; the caller sends and commits.
 *
 * Thread: the loop. Ownership: page_done() frees what page_read() made; a zeroed page is fine. */
#ifndef VOC_COLLECT_PAGE_H
#define VOC_COLLECT_PAGE_H

#include "daemon/collect/item.h"
#include "daemon/collect/walk.h"

enum { PAGE_MAX_RECORDS = 20000 };

struct page {
    json_t *root;
    json_t *records;         /* a list of our own, in order; filtered */
    struct page_facts facts; /* but link and url */
};

/* Text by the stream's decoder. 0; -EPROTO with a sentence; -ENOMEM. */
int page_decode(const struct stream *s, struct span body, json_t **ret, char *why, size_t size);
/* Takes `root` over, also on failure. 0; -EPROTO when there are no records where they should be. */
int page_read(const struct stream *s, json_t *root, struct page *ret, char *why, size_t size);
void page_done(struct page *p);

/* Maps every record into the intake; what does not fit becomes a dead letter. 0 or -ENOMEM. */
int page_take(const struct stream *s, const struct page *p, struct span source,
              const struct item_rules *rules, struct rng rng, struct intake *in);
/* One of them. 0; -EINVAL with *why, and nothing is kept of it; -ENOMEM. */
int page_take_one(const struct stream *s, json_t *record, struct span source,
                  const struct item_rules *rules, struct intake *in, struct reject *why);
/* One record as it would be taken: JSON with `source` set. 0; -EINVAL with *why; -ENOMEM. */
int page_map(const struct stream *s, json_t *record, struct span source, json_t **ret,
             struct reject *why);

#endif
