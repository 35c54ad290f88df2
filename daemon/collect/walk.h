/* walk: where a poll stands. One walk goes through the pages of one stream (and partition) from the
 * cursor to the end; what it knows is one small document, saved in the same transaction as each
 * page's records. So a crash goes on at the page, and nothing is skipped or counted twice:
 *
 *   walk_begin() ─► request ─► page ─► walk_page() ─► commit(records, walk) ─► request ─► …
 *                                          └─ WALK_END: the next poll begins at `reached`
 *
 * Positions come from the upstream's answers, never from a clock; only where history begins
 * (`start`) and where a window ends are times of ours.
 *
 * Pure: values in, values out. Spans of a walk live in the arena it was parsed into, or in the page
 * it was taken from. */
#ifndef VOC_COLLECT_WALK_H
#define VOC_COLLECT_WALK_H

#include "daemon/collect/connector.h"

enum {
    WALK_MAX_PAGES = 100000, /* of one walk */
    WALK_MAX_EMPTY = 100,    /* pages without a record, one after the other */
    WALK_PRINTS = 8,         /* pages remembered, to see one come again */
    WALK_MAX_NEXT = 4096,    /* bytes of a next URL, a token, an opaque cursor */
    WALK_MAX_DOC = 32768,
};

/* A position in a stream; what it has not is absent. */
struct mark {
    struct span opaque;
    int64_t time;    /* NO_TIME */
    int64_t integer; /* NO_INT */
};
#define NO_INT INT64_MIN
#define NO_MARK ((struct mark){SPAN_NONE, NO_TIME, NO_INT})

struct walk {
    uint64_t of;         /* print of the connector it was walked by */
    int64_t start;       /* history begins here */
    struct mark reached; /* all up to here is ours */
    int64_t rewound;     /* the wish (poller.h) that it begins by; NO_TIME: none */
    int64_t resynced;    /* when it last looked back as far as `resync` says; NO_TIME: never */
    bool under_way;
    /* Of the walk under way: */
    int64_t resyncing; /* since when it looks back so far; NO_TIME: it does not */
    struct mark from;  /* what its requests name */
    struct mark seen;  /* the newest it has met */
    struct span next;  /* URL or token of the next page; absent: the first */
    int64_t at;        /* page number or offset */
    int64_t to;        /* end of its window, or NO_TIME */
    int64_t until;     /* where the last window ends */
    uint64_t pages, empty;
    uint64_t prints[WALK_PRINTS];
};

/* What a page said. */
struct page_facts {
    json_t *page;       /* decoded */
    struct span link;   /* the Link header */
    struct span url;    /* that was asked */
    size_t n;           /* records, before the filter */
    struct mark newest; /* of its records */
    struct mark oldest;
    uint64_t print; /* of its records; of no meaning when there are none */
    bool end;       /* the upstream said so by a status (do: ignore) */
};

/* A stream never polled, whose history begins at `start`. */
struct walk walk_new(int64_t start);
/* When none is under way, one is begun. False when there is nothing to ask now: the window would
 * be empty. */
bool walk_begin(const struct stream *s, struct walk *w, int64_t now);
enum walk_step { WALK_ON, WALK_END };
/* Takes a page into account: *w says what to ask next, or that the walk is over. WALK_ON, WALK_END;
 * -EPROTO when the upstream leads nowhere (the same page again, endless pages, another origin),
 * with a sentence: then the walk is over too, and what was reached stays. `a`: for spans made. */
int walk_page(const struct stream *s, struct walk *w, const struct page_facts *p, struct arena *a,
              char *why, size_t size);
/* Gives up the pages under way; the next walk begins at what was reached. */
void walk_drop(struct walk *w);

/* The document, and back. walk_parse(): 0; -EINVAL for what is none; -ENOMEM. */
int walk_print(const struct walk *w, struct buf *out);
int walk_parse(struct span text, struct arena *a, struct walk *ret);

/* The position a record is at; absent where its paths lead nowhere. */
struct mark walk_mark(const struct cursor *c, json_t *record);
/* The further of two; by time first, then by number. */
struct mark walk_further(struct mark a, struct mark b);
bool walk_before(struct mark a, struct mark b);

/* An absolute URL against the one that was asked: whether scheme, host and port are the same. */
bool walk_same_origin(struct span a, struct span b);
/* `link` resolved against `url` (absolute, //host, /path or ?query); absent when it is none. */
struct span walk_resolve(struct span url, struct span link, struct arena *a);
/* The target of rel="REL" in a Link header (RFC 8288); absent without one. */
struct span walk_link(struct span header, struct span rel);

#endif
