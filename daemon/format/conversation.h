/* conversation: what was said, row by row or in one transcript, into records with `turns`.
 *
 *   conversation_row(set, payload, line, &why)   a row of a table that says one turn
 *   conversation_transcript(set, …)              a whole one
 *   while ((rc = conversation_next(set, &record, &line, &why)) != 0) …
 *
 * Rows with the same `conversation` are one record; the other fields are mapped from its columns,
 * each from the first row that has it. Turns stand in the order of their times when all have one
 * (exports with the newest first), else as they came. A time is a moment, or counts from the
 * record's created_at (00:01:23). What the map leaves open: external_id and conversation are the
 * conversation's name, created_at is the first turn's time.
 *
 * `each_speaker`: a record for every speaker who is a customer, named NAME#LABEL, with what agents
 * and systems said as context; `$.speaker` is the label. Interviews and focus groups.
 *
 * Thread: one owner; pure but for memory: all of a file's conversations until they were given, at
 * most CONVERSATION_MAX_BYTES. */
#ifndef VOC_FORMAT_CONVERSATION_H
#define VOC_FORMAT_CONVERSATION_H

#include "daemon/format/mapping.h"
#include "daemon/format/transcript.h"

enum { CONVERSATION_MAX = 1 << 20 };
#define CONVERSATION_MAX_BYTES ((size_t)1 << 30) /* of what was said, and its labels */

struct conversation_rules {
    const struct map_entry *map; /* of the record */
    size_t n_map;
    const struct map_entry *turns; /* SHAPE_TURN; rows only */
    size_t n_turns;
    const struct speakers *speakers;
    bool each_speaker;
    const struct date_zone *zone;
    enum date_order order;
};

struct conversation_set;

/* The rules are borrowed. 0 or -ENOMEM. */
int conversation_new(const struct conversation_rules *rules, struct conversation_set **ret);
void conversation_free(struct conversation_set *s); /* NULL is fine */
/* `payload` is borrowed. 0; -EINVAL with *why: this row is refused, and so is its conversation;
 * -ENOBUFS: the file has more than is held at once; -ENOMEM. */
int conversation_row(struct conversation_set *s, json_t *payload, uint64_t line,
                     struct reject *why);
/* `name` identifies it; a note becomes `$.text` of the payload, the head its other members. As
 * above. */
int conversation_transcript(struct conversation_set *s, struct span name,
                            const struct transcript *t, struct reject *why);
/* 1 with a record that the caller decrefs and the line it began at; 0: all were given, and the set
 * is empty again; -EINVAL with *why and the line: this one is refused, go on; -ENOMEM. */
int conversation_next(struct conversation_set *s, json_t **ret, uint64_t *ret_line,
                      struct reject *why);

#endif
