/* import_plan: what `vocctl import` makes of a file, as its mapping file says (docs/importing.md).
 *
 *   records: feedback              # customers, activities
 *   format: csv                    # tsv, ndjson, xlsx, transcript, vtt, srt; else by the file's
 * name encoding: cp949                # else found out timezone: Asia/Seoul           # of dates
 * without an offset dates: day-first               # month-first: 11/22/2026 sheet: 응답 # of a
 * workbook, with header: 2                      # the row of the names, or 2-3; else found out map:
 * {…}                       # map_read.h; a row is an object by the names of its columns turns:
 * {conversation: $.통화번호, by: $.화자, at: $.시각, text: $.발화} speakers: {김대리: agent, "*":
 * customer} each: conversation             # speaker: a record for each one (conversation.h)
 *
 * Every mistake is told by line and column, columns that a table lacks too.
 *
 * Thread: any; pure but for import_plan_load(). Ownership: a plan owns what it points to, but
 * borrows the zone. */
#ifndef VOC_COLLECT_IMPORT_PLAN_H
#define VOC_COLLECT_IMPORT_PLAN_H

#include "base/buf.h"
#include "daemon/core/yaml.h"
#include "daemon/format/columns.h"
#include "daemon/format/speaker.h"

enum { IMPORT_PLAN_MAX_FILE = 256 << 10 };

enum import_format {
    IMPORT_BY_NAME,
    IMPORT_CSV,
    IMPORT_TSV,
    IMPORT_NDJSON,
    IMPORT_XLSX,
    IMPORT_TRANSCRIPT,
    IMPORT_VTT,
    IMPORT_SRT,
};

struct import_plan {
    struct arena arena;
    struct yaml_source source; /* of the mapping file */
    const struct yaml_node *root;
    enum record_shape shape;
    enum import_format format;
    struct span encoding, timezone, sheet; /* absent: not told */
    enum date_order order;
    int64_t header_first, header_last; /* 0: not told */
    struct map_entry *map, *turns;
    size_t n_map, n_turns;
    struct speakers speakers;
    bool each_speaker;
};

/* 0; -EINVAL with the problems in `messages`; -ENOMEM. */
int import_plan_read(struct span file, struct span text, struct buf *messages,
                     struct import_plan **ret);
int import_plan_load(const char *path, struct buf *messages, struct import_plan **ret);
/* The same of columns, bound or not, which lie in another arena that must outlive the plan. 0;
 * -EINVAL: a name has both kinds of quotes; -ENOMEM. */
int import_plan_of(const struct columns *columns, struct import_plan **ret);
void import_plan_free(struct import_plan *p); /* NULL is fine */
/* How dates are read where the map does not say. Once. */
void import_plan_dates(struct import_plan *p, const struct date_zone *zone);
/* Whether a table has, once, every column the plan names. 0, or -EINVAL with the problems. */
int import_plan_check(const struct import_plan *p, struct span table, const struct span *header,
                      size_t n, struct buf *messages);
/* IMPORT_BY_NAME for another word, or another end of a name (of which any case counts). */
enum import_format import_format_find(struct span word);
enum import_format import_format_of(struct span file_name);

#endif
