/* reject: why an input item was not taken. Every refusal below daemon/collect/ ends in one of these
 * codes and a sentence that names the field; neither ever holds the item's content, so both may go
 * into answers, logs and dead letters.
 *
 * Thread: any; a plain value. Codes are stable: append only. */
#ifndef VOC_FORMAT_REJECT_H
#define VOC_FORMAT_REJECT_H

#define REJECT_CODES(X)                                                                            \
    X(REJECT_MISSING_SOURCE, "missing_source")                                                     \
    X(REJECT_MISSING_EXTERNAL_ID, "missing_external_id")                                           \
    X(REJECT_NOTHING_TO_READ, "nothing_to_read")                                                   \
    X(REJECT_MISSING_ID, "missing_id")                                                             \
    X(REJECT_MISSING_CUSTOMER, "missing_customer")                                                 \
    X(REJECT_MISSING_TYPE, "missing_type")                                                         \
    X(REJECT_MISSING_SPEAKER, "missing_speaker")                                                   \
    X(REJECT_MISSING_VALUE, "missing_value")                                                       \
    X(REJECT_MISSING_SCALE, "missing_scale")                                                       \
    X(REJECT_MISSING_COLUMN, "missing_column")                                                     \
    X(REJECT_NOT_AN_OBJECT, "not_an_object")                                                       \
    X(REJECT_UNKNOWN_FIELD, "unknown_field")                                                       \
    X(REJECT_DUPLICATE_FIELD, "duplicate_field")                                                   \
    X(REJECT_BAD_TYPE, "bad_type")                                                                 \
    X(REJECT_BAD_TIME, "bad_time")                                                                 \
    X(REJECT_IN_FUTURE, "in_future")                                                               \
    X(REJECT_BAD_KIND, "bad_kind")                                                                 \
    X(REJECT_BAD_STAGE, "bad_stage")                                                               \
    X(REJECT_BAD_SPEAKER, "bad_speaker")                                                           \
    X(REJECT_BAD_SCALE, "bad_scale")                                                               \
    X(REJECT_VALUE_OUT_OF_SCALE, "value_out_of_scale")                                             \
    X(REJECT_ID_TOO_LONG, "id_too_long")                                                           \
    X(REJECT_TEXT_TOO_LONG, "text_too_long")                                                       \
    X(REJECT_URL_TOO_LONG, "url_too_long")                                                         \
    X(REJECT_LINE_TOO_LONG, "line_too_long")                                                       \
    X(REJECT_TOO_MANY_ATTRIBUTES, "too_many_attributes")                                           \
    X(REJECT_ATTRIBUTES_TOO_LONG, "attributes_too_long")                                           \
    X(REJECT_TOO_MANY_EXPERIMENTS, "too_many_experiments")                                         \
    X(REJECT_TOO_MANY_TAGS, "too_many_tags")                                                       \
    X(REJECT_TOO_MANY_TURNS, "too_many_turns")                                                     \
    X(REJECT_TOO_MANY_CHANGES, "too_many_changes")                                                 \
    X(REJECT_TOO_LARGE, "too_large")                                                               \
    X(REJECT_CONTROL_CHARACTER, "control_character")                                               \
    X(REJECT_NUL_BYTE, "nul_byte")                                                                 \
    X(REJECT_INVALID_UTF8, "invalid_utf8")                                                         \
    X(REJECT_MALFORMED_JSON, "malformed_json")                                                     \
    X(REJECT_MALFORMED_CSV, "malformed_csv")                                                       \
    X(REJECT_RAGGED_ROW, "ragged_row")                                                             \
    X(REJECT_UNMAPPED_VALUE, "unmapped_value")                                                     \
    X(REJECT_NO_RECORD, "no_record")                                                               \
    X(REJECT_MALFORMED_MAIL, "malformed_mail")                                                     \
    X(REJECT_UNREADABLE_MAIL, "unreadable_mail")

#define X(id, code) id,
enum reject_code { REJECT_CODES(X) REJECT_COUNT };
#undef X

struct reject {
    const char *code; /* static storage */
    char detail[200]; /* UTF-8, NUL-terminated */
};

/* Fills *why and gives -EINVAL, so that a check can `return reject(…)`. The detail is cut between
 * code points. */
int reject(struct reject *why, enum reject_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The code's text; never NULL. */
const char *reject_text(enum reject_code code);

#endif
