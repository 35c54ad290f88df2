/* connector: one upstream as data: how to ask it, how to page through its answers, where the next
 * poll goes on, and what its records mean. A connector file (YAML) is read once into these structs,
 * with every mistake told by line and column; polling only follows them. docs/connectors.md is for
 * people who write one.
 *
 * Thread: reading any; the result is immutable. Ownership: connector_free() frees all; spans and
 * templates live in the connector's arena. */
#ifndef VOC_COLLECT_CONNECTOR_H
#define VOC_COLLECT_CONNECTOR_H

#include "daemon/collect/credential.h"
#include "daemon/collect/mailbox.h"
#include "daemon/format/expr.h"
#include "daemon/format/mapping.h"

enum decoder { DECODE_JSON, DECODE_XML, DECODE_CSV };
struct records {
    struct span path; /* "$.tickets[*]" */
    bool as_list;     /* one object stands for a list of one */
    bool optional;    /* no such member: there are none */
};

enum page_kind { PAGE_NONE, PAGE_NEXT_URL, PAGE_LINK, PAGE_TOKEN, PAGE_NUMBER, PAGE_OFFSET };
struct paging {
    enum page_kind kind;
    struct span path; /* of next_url, token */
    struct span rel;  /* of link_header */
    int64_t first;    /* of number, offset */
    int64_t size;     /* a shorter page is the last one; 0: unknown */
    bool rebase;      /* next_url: take its path and query, keep our origin */
    bool restart;     /* each page begins anew at the cursor; see docs */
};

struct stopping {
    bool empty, older; /* an empty page; one older than the cursor */
    const struct expr *when;
};

enum cursor_kind { CURSOR_NONE, CURSOR_OPAQUE, CURSOR_TIME, CURSOR_INT, CURSOR_COMPOUND };
struct cursor {
    enum cursor_kind kind;
    struct span opaque;        /* path in the page */
    struct span time, integer; /* paths in the record */
    enum map_time form;
    const struct date_zone *zone;
    bool ascending; /* records come oldest first: each page is behind us for good */
    int64_t lag_ms; /* read again this much of what was read before */
    int64_t lag_n;  /* the same of integers */
};

/* Requests for spans of time, oldest first. */
struct windows {
    int64_t step_ms; /* 0: none */
    int64_t lag_ms;  /* the last one ends this long before now */
    int64_t back_ms; /* the first begins this long before where the last poll ended */
};

/* Now and then the walk begins further back: for what changes without its position moving. */
struct resync {
    int64_t every_ms; /* 0: never */
    int64_t back_ms;
};

enum { PARTITIONS_MAX = 10000, PARTITIONS_DEFAULT = 1000, PARTITION_MAX_VALUE = 200 };
struct partition {
    const struct template *list; /* n values, or one that holds several with commas */
    size_t n;
    const struct stream *parent; /* else: its records are the partitions; NULL: none */
    struct span value;           /* of such a record: a path */
    int64_t most;                /* more than these fail the poll */
    int64_t every_ms;            /* asked for again after that long; 0: each poll */
};

struct hydrate { /* a child asked for with each record */
    struct span into;
    struct template path;
    struct fields_list query;
    struct span take;        /* path in the answer; "$" */
    const struct expr *when; /* of the record; NULL: always */
    bool optional;           /* 404 leaves it out */
};

struct stream {
    struct span name;
    struct call call;
    enum decoder decoder;
    struct records records;
    const struct expr *filter;  /* NULL: all */
    const struct expr *deleted; /* of the record: it is gone; NULL: none is told */
    struct paging page;
    struct stopping stop;
    struct cursor cursor;
    struct windows window;
    struct resync resync;
    struct partition partition;
    const struct hydrate *hydrate;
    size_t n_hydrate;
    const struct map_entry *map;
    size_t n_map;
};

enum upstream_do { DO_FAIL, DO_IGNORE, DO_RETRY, DO_REFRESH, DO_RESTART };
enum wait_unit {
    WAIT_HTTP /* seconds or a date */,
    WAIT_SECONDS,
    WAIT_MS,
    WAIT_UNIX,
    WAIT_UNIX_MS
};
struct error_rule {
    uint16_t status[16];
    size_t n_status;
    const struct expr *when; /* of the decoded body */
    enum upstream_do action;
    struct span wait_header; /* lower case; absent: Retry-After */
    enum wait_unit unit;
    struct span message; /* path of the upstream's own words; absent: none */
};

struct rate {
    int64_t n, per_ms;            /* 0: no budget */
    struct span remaining, reset; /* headers; absent: none */
    enum wait_unit reset_unit;
};

/* cfg and secret names: declared, or used somewhere. */
struct need {
    enum template_scope scope;
    struct span name;
    struct span preset; /* absent: must be given */
};

struct connector {
    struct span name, status; /* status: proven, documented, unverified; absent in one's own */
    struct span file;
    struct template base;
    struct credential auth;
    struct fields_list headers;
    struct rate rate;
    const struct error_rule *errors;
    size_t n_errors;
    const struct stream *streams; /* of a mailbox one, with nothing but its name */
    size_t n_streams;
    struct mailbox_rules mailbox; /* instead of streams */
    bool hook;                    /* has one: core/config.h reads it */
    const struct need *needs;
    size_t n_needs;
    size_t max_response;
    int64_t timeout_ms;
    uint64_t print; /* of the file's bytes */
    struct arena arena;
};

enum { CONNECTOR_MAX_STREAMS = 16, CONNECTOR_MAX_FILE = 256 * 1024 };

/* Reads a text; `file` is how it is called in messages. 0; -EINVAL with the problems in `messages`,
 * as config_load() tells them; -ENOMEM. */
int connector_read(struct span file, struct span text, struct buf *messages,
                   struct connector **ret);
/* The same from disk. */
int connector_load(const char *path, struct buf *messages, struct connector **ret);
void connector_free(struct connector *c); /* NULL is fine */

#endif
