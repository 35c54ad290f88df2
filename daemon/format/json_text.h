/* json_text: JSON from senders, by jansson, strict: UTF-8, no duplicate keys, nothing after the
 * value.
 *
 * A batch array is read one element at a time, so that a body of 8 MiB never stands in memory as a
 * tree ten times its size. Problems say what and where in own words: the parser's would quote the
 * input. Thread: any; pure. */
#ifndef VOC_FORMAT_JSON_TEXT_H
#define VOC_FORMAT_JSON_TEXT_H

#include <jansson.h>

#include "base/span.h"
#include "daemon/format/reject.h"

struct json_problem {
    enum reject_code code; /* malformed_json, duplicate_field, nul_byte, invalid_utf8 */
    const char *what;      /* a clause: "an object has the same name twice" */
    size_t line, column;   /* 1-based, column in code points */
};

/* One whole text. 0, -EINVAL with *problem, -ENOMEM. The caller decrefs *ret. */
int json_text_parse(struct span text, json_t **ret, struct json_problem *problem);

/* The items of a body: the elements of an array, or the one value it is. */
struct json_items {
    struct span text;
    size_t at;
    size_t line, column; /* of `at` */
    size_t n;            /* items given so far */
    bool is_array;
    bool ended;
};
/* 0, or -EINVAL with *problem when the text is blank. */
int json_items_begin(struct json_items *it, struct span text, struct json_problem *problem);
/* 1 with *ret (the caller decrefs), 0 at the end, -EINVAL with *problem, -ENOMEM. */
int json_items_next(struct json_items *it, json_t **ret, struct json_problem *problem);

#endif
