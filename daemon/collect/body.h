/* body: the three forms a streamed body may have, behind one set of calls: JSON (kept whole, at
 * most http.max_body), NDJSON, and CSV/TSV. What stream.c reads items from.
 *
 * Thread: the loop. Memory: see json_text.h, ndjson.h, csv.h. */
#ifndef VOC_COLLECT_BODY_H
#define VOC_COLLECT_BODY_H

#include "daemon/collect/item.h"
#include "daemon/format/json_text.h"
#include "daemon/format/ndjson.h"
#include "daemon/core/zone.h"

enum body_form { FORM_JSON, FORM_NDJSON, FORM_SHEET };

/* Why a body as a whole can not be taken: an answer. */
struct body_problem {
    int status;
    const char *code;
    char detail[240];
};

struct body_options {
    struct span content_type;      /* the header */
    struct span encoding, tz, map; /* of the query; absent: as the body says, `zone`, no map */
    const char *zone;              /* of the workspace */
    bool sheets;                   /* CSV and TSV are taken */
    size_t max_json, max_line;
};

struct body {
    enum body_form form;
    enum intake_kind kind;
    bool ended;
    struct buf json;
    size_t json_bytes; /* of the whole body, once ended */
    struct json_items items;
    bool begun;
    struct ndjson lines;
    struct csv *csv;
    uint64_t csv_line;
    struct arena arena; /* the columns */
    struct span map;
    struct columns columns;
    struct zone *zone;
    struct date_zone date_zone;
};

/* 0; -EINVAL with *problem (415, 400); -ENOMEM. On failure there is nothing to free. */
int body_open(struct body *b, enum intake_kind kind, const struct body_options *opt,
              struct body_problem *problem);
void body_close(struct body *b);
/* 0; -EINVAL with *problem (413); -ENOMEM. */
int body_feed(struct body *b, struct span chunk, struct body_problem *problem);
/* Takes over what is unread of the last chunk. 0 or -ENOMEM. */
int body_keep(struct body *b);
void body_end(struct body *b);
/* 1 when an item went into `in`; 0: feed more, or all was read; -EINVAL with *problem; -ENOMEM. */
int body_next(struct body *b, struct intake *in, const struct item_rules *rules,
              struct body_problem *problem);
/* The line of the item read last; 0 in JSON. */
uint64_t body_line(const struct body *b);

#endif
