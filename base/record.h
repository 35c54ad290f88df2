/* record: what flows through vocd. Plain structs that collect/ fills, nlp/ reads, store/ keeps and
 * http/ shows; the only shapes nlp and store both name.
 *
 * Ownership: every span points into the arena (or mapped tables, or read transaction) its producer
 * documents; the structs own nothing. Absent text is {NULL,0}; absent times are NO_TIME; absent
 * numbers have `has == false`. All text is valid UTF-8 by the time it is in one of these. */
#ifndef VOC_BASE_RECORD_H
#define VOC_BASE_RECORD_H

#include "base/clock.h"
#include "base/span.h"
#include "base/uuid7.h"
#include "base/vocab.h"

/* An answer on its declared scale: value in [min, scale], scale > 0. NPS is value 0..10, scale 10.
 */
struct scaled {
    double value;
    double scale;
    bool has;
};

struct pair {
    struct span key;
    struct span value; /* numbers and booleans as their JSON text */
};

enum speaker { BY_CUSTOMER, BY_AGENT, BY_SYSTEM };

struct turn {
    enum speaker by;
    int64_t at; /* ms or NO_TIME */
    struct span text;
};

/* Who the feedback is from, as the source names them. Only `id` joins; email and phone are kept to
 * find the customer by, normalised (lower case; +82…). */
struct customer_ref {
    struct span id, name, email, phone;
};

struct feedback {
    struct span source, external_id; /* identity, compared whole; required */
    struct span conversation;
    enum kind kind;
    struct span channel, status;
    int64_t created_at; /* never NO_TIME once normalised */
    bool undated;       /* created_at is the time of arrival: a resend keeps the first one's */
    int64_t updated_at; /* NO_TIME when the source gives none */
    struct customer_ref customer;
    struct span lang; /* as given; analysis.lang is what was read */
    struct span title, text;
    const struct turn *turns;
    size_t n_turns;
    struct scaled rating, csat, nps, ces;
    bool surveyed; /* was asked (implied by any answer) */
    bool backfill; /* history: raises no alert */
    struct span agent, team, vendor, product, order;
    enum stage stage;
    struct span url;
    const struct span *tags;
    size_t n_tags;
    const struct pair *attributes; /* sorted by key, no key twice */
    size_t n_attributes;
    const struct pair *experiments; /* experiment -> arm, sorted by key */
    size_t n_experiments;
};

/* The parts of a record's text, as evidence names them. Turn i is PART_TURN + i. */
enum { PART_TITLE = 0, PART_TEXT = 1, PART_TURN = 2 };

struct evidence {
    uint16_t part;             /* PART_* */
    uint32_t start, end;       /* bytes of the original part, [start, end) */
    uint32_t cp_start, cp_end; /* the same in code points */
    struct span entry;         /* the lexicon entry or pattern that hit */
    struct span rule; /* "polarity", "negation", "category:delivery/late", "signal:churn"… */
    double weight;    /* signed contribution */
};

enum pii_kind {
    PII_RRN, /* resident registration number */
    PII_PHONE,
    PII_CARD,
    PII_ACCOUNT,
    PII_EMAIL,
    PII_PASSPORT,
    PII_DRIVER,
    PII_ADDRESS,
    PII_VEHICLE,
    PII_NAME,
    PII_COUNT
};

struct pii_span {
    uint16_t part;
    uint8_t kind; /* enum pii_kind */
    uint32_t start, end;
};

struct topic {        /* one category of one record */
    struct span code; /* path, e.g. "delivery/late" */
    enum sentiment sentiment;
    double polarity;
};

/* What nlp says of one record. Spans of codes, entries and rules point into the tables that were
 * used; they outlive the analysis only as long as those are held. */
struct analysis {
    uint32_t lexicon; /* version of the tables */
    enum lang lang;
    enum sentiment sentiment; /* SENTIMENT_NONE when there was no text to read */
    double polarity;          /* [-1, 1] */
    double confidence;        /* [0, 1], calibrated */
    double start, worst, end; /* trajectory over sentences or turns, each [-1, 1] */
    const struct topic *categories;
    size_t n_categories;
    struct span type; /* one code */
    const struct span *signals;
    size_t n_signals;
    const struct evidence *evidence;
    size_t n_evidence;
    const struct pii_span *pii;
    size_t n_pii;
    const struct span *keywords;
    size_t n_keywords;
};

/* One effective-dated change of a customer. A value of {NULL,0} removes the attribute. */
struct customer_change {
    struct span id;                 /* required */
    int64_t effective_at;           /* NO_TIME: now */
    struct span name, email, phone; /* absent: unchanged; empty but present: removed */
    const struct pair *attributes;
    size_t n_attributes;
};

/* Something a customer did: an order, a visit, a cancellation. Identity is (source, external_id).
 */
struct activity {
    struct span source, external_id;
    struct span customer; /* required */
    struct span type;     /* "order", "visit", "cancel" … free */
    int64_t at;
    struct scaled amount; /* scale unused */
    struct span product, order;
    const struct pair *attributes;
    size_t n_attributes;
};

/* What became of one input item. Every item is exactly one of these. */
enum outcome { OUTCOME_ACCEPTED, OUTCOME_UPDATED, OUTCOME_DUPLICATE, OUTCOME_REJECTED };

#endif
