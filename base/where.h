/* where: the one filter language, parsed to a tree.
 *
 *   category = delivery and segment in (vip, new) and not (rating <= 0.4) and created_at > now-30d
 *
 * Used by queries, alert rules, segment rules and experiments. This header parses, prints and
 * evaluates over values in memory (the reference semantics); store/ compiles the same tree to
 * column scans, and a test holds the two against each other.
 *
 * Grammar:  or := and {"or" and}   and := unary {"and" unary}   unary := "not" unary | "(" or ")" |
 * test   test := field op value | field "in" "(" value {"," value} ")" | field "has" value |
 * field "matches" glob   op := = != < <= > >=
 * value := bare word (letters of any script, digits, _ - / . : + *) | 'text' | "text" | number |
 * duration | now | now-DURATION | now+DURATION | RFC 3339 time or date in quotes or bare | true |
 * false Keywords in any case. A quote inside quotes is written twice; a key that is no bare word is
 * quoted: attributes.'VIP level'. A number, now, true and false are such only without quotes.
 *
 * Semantics: a test on an absent or empty value is false (so `not (rating <= 0.4)` is true without
 * a rating); `!=` is `not (=)`. On a multi-valued field `=`, `in`, `has`, `matches` hold when any
 * value does. A category value also covers the paths below it: delivery = delivery/late. Text
 * compares whole and case-sensitively; `matches` is a glob with ASCII case folded. `<` on
 * attributes is numeric and false when the stored text is no number; against a date, a time or
 * now±duration the stored text is read as one. `=` and `in` on attributes compare text whole, and
 * as numbers when the value is a bare number below 2^53 and the stored text is one too (2 = 2.0,
 * but '2' is not). A date is its UTC midnight. polarity and confidence are absent when there was no
 * text to read. Limits: 4 KiB of text, 64 tests, `not` and ( nested 32 deep, 256 values per list.
 *
 * Thread: pure. Ownership: the tree lives in the caller's arena and copies what it needs. */
#ifndef VOC_BASE_WHERE_H
#define VOC_BASE_WHERE_H

#include "base/arena.h"
#include "base/record.h"

enum where_type {
    WHERE_TEXT,   /* = != in matches */
    WHERE_MULTI,  /* text, many values; also has */
    WHERE_NUMBER, /* = != < <= > >= in */
    WHERE_TIME,
    WHERE_BOOL,
};

/* The fields of a feedback record a filter may name. Append only within a release. */
#define WHERE_FIELDS(X)                                                                            \
    X(WF_SOURCE, "source", WHERE_TEXT)                                                             \
    X(WF_KIND, "kind", WHERE_TEXT)                                                                 \
    X(WF_CHANNEL, "channel", WHERE_TEXT)                                                           \
    X(WF_STATUS, "status", WHERE_TEXT)                                                             \
    X(WF_LANG, "lang", WHERE_TEXT)                                                                 \
    X(WF_SENTIMENT, "sentiment", WHERE_TEXT)                                                       \
    X(WF_TYPE, "type", WHERE_TEXT)                                                                 \
    X(WF_STAGE, "stage", WHERE_TEXT)                                                               \
    X(WF_AGENT, "agent", WHERE_TEXT)                                                               \
    X(WF_TEAM, "team", WHERE_TEXT)                                                                 \
    X(WF_VENDOR, "vendor", WHERE_TEXT)                                                             \
    X(WF_PRODUCT, "product", WHERE_TEXT)                                                           \
    X(WF_CUSTOMER, "customer", WHERE_TEXT)                                                         \
    X(WF_CONVERSATION, "conversation", WHERE_TEXT)                                                 \
    X(WF_CATEGORY, "category", WHERE_MULTI)                                                        \
    X(WF_SIGNAL, "signal", WHERE_MULTI)                                                            \
    X(WF_SEGMENT, "segment", WHERE_MULTI)                                                          \
    X(WF_TAG, "tag", WHERE_MULTI)                                                                  \
    X(WF_POLARITY, "polarity", WHERE_NUMBER)                                                       \
    X(WF_CONFIDENCE, "confidence", WHERE_NUMBER)                                                   \
    X(WF_RATING, "rating", WHERE_NUMBER) /* value / scale, 0..1 */                                 \
    X(WF_CSAT, "csat", WHERE_NUMBER)     /* value as given */                                      \
    X(WF_NPS, "nps", WHERE_NUMBER)                                                                 \
    X(WF_CES, "ces", WHERE_NUMBER)                                                                 \
    X(WF_CREATED_AT, "created_at", WHERE_TIME)                                                     \
    X(WF_SURVEYED, "surveyed", WHERE_BOOL)                                                         \
    X(WF_BACKFILL, "backfill", WHERE_BOOL)                                                         \
    X(WF_ATTRIBUTE, "attributes", WHERE_TEXT)   /* attributes.KEY */                               \
    X(WF_EXPERIMENT, "experiments", WHERE_TEXT) /* experiments.KEY = arm */

#define X(id, name, type) id,
enum where_field { WHERE_FIELDS(X) WF_COUNT };
#undef X

/* What the text may name: a feedback record's fields, or a customer's attributes (any bare name or
 * attributes.NAME is one; `id` is the customer's id). */
enum where_scope { WHERE_RECORD, WHERE_CUSTOMER };

enum where_op {
    WHERE_AND,
    WHERE_OR,
    WHERE_NOT,
    WHERE_EQ, /* != is NOT(EQ) */
    WHERE_LT,
    WHERE_LE,
    WHERE_GT,
    WHERE_GE,
    WHERE_IN, /* also `has` */
    WHERE_MATCHES,
};

struct where_value {
    struct span text; /* as written, unquoted; always set */
    double number;    /* valid when is_number */
    bool is_number;
    int64_t time; /* absolute ms when is_time; offset from now when is_relative */
    bool is_time, is_relative;
    bool boolean; /* for WHERE_BOOL fields */
};

struct where_node {
    enum where_op op;
    struct where_node *left, *right; /* AND OR; NOT uses left */
    enum where_field field;          /* tests */
    struct span key; /* attributes.KEY, experiments.KEY, or the customer attribute */
    const struct where_value *values;
    size_t n_values;
    uint32_t column; /* 1-based, in code points, of the test's field */
};

struct where {
    enum where_scope scope;
    const struct where_node *root; /* NULL: the empty filter, matches everything */
    struct span text;
    size_t n_tests;
};

struct where_error {
    uint32_t column; /* 1-based, code points */
    char message[160];
};

/* Parses `text` (empty or blank: matches all). 0; -EINVAL with *err filled; -ENOMEM. Values are
 * checked against the field's type and, for kind, sentiment, stage and lang, its vocabulary. */
int where_parse(struct span text, enum where_scope scope, struct arena *a, struct where **ret,
                struct where_error *err);
/* The canonical text: parses back to the same tree. */
int where_print(const struct where *w, struct arena *a, struct span *ret);
const char *where_field_name(enum where_field f);
enum where_type where_field_type(enum where_field f);
/* -1 when there is none of that name; *ret_key is set for attributes.KEY and experiments.KEY. */
int where_field_find(struct span name, struct span *ret_key);

/* Calls fn for every test, in the order of the text, until it gives other than 0, which is
 * returned. */
typedef int where_test_fn(void *ctx, const struct where_node *test);
int where_each_test(const struct where *w, where_test_fn *fn, void *ctx);

/* A record as a filter sees it. segments: codes stamped at event time. */
struct where_record {
    const struct feedback *feedback;
    const struct analysis *analysis;
    const struct span *segments;
    size_t n_segments;
};

/* What a record says in a field of one text (WHERE_TEXT but attributes and experiments); absent for
 * other fields. In the record, or static. */
struct span where_record_text(enum where_field field, const struct where_record *r);

/* The reference semantics. `now` resolves now-30d. */
bool where_match(const struct where *w, const struct where_record *r, int64_t now);
/* For WHERE_CUSTOMER trees: the state of one customer's attributes (sorted by key). */
bool where_match_customer(const struct where *w, struct span id, const struct pair *attributes,
                          size_t n_attributes, int64_t now);
/* Whether one value passes one test node (EQ, IN, LT…, MATCHES): what store/ runs over each entry
 * of a dictionary to turn a test into a set of codes. */
bool where_test_text(const struct where_node *test, struct span value);
/* Of attributes: as where_test_text, and able to resolve now-30d. */
bool where_test_attribute(const struct where_node *test, struct span value, int64_t now);
bool where_test_number(const struct where_node *test, double value);
bool where_test_time(const struct where_node *test, int64_t value, int64_t now);

#endif
