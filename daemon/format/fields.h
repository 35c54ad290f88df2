/* fields: reads the members of a JSON object into a struct by a table of rules, and says of the
 * first member that does not fit why. What normalize.c and normalize_customer.c are written in.
 *
 * Thread: any. Ownership: what is read is copied into the arena; the JSON is only borrowed. Every
 * reader gives 0, -EINVAL with `why` filled, or -ENOMEM. */
#ifndef VOC_FORMAT_FIELDS_H
#define VOC_FORMAT_FIELDS_H

#include <jansson.h>

#include "base/arena.h"
#include "base/record.h"
#include "daemon/format/normalize.h"

#define FIELDS_PATH_MAX 96

struct fields {
    struct arena *a;
    const struct normalize_limits *lim;
    int64_t now;
    struct reject *why;
    char path[FIELDS_PATH_MAX]; /* of the object being read: "", "customer.", "turns[3]." */
};

struct field_rule {
    const char *name;
    int (*read)(struct fields *f, const char *name, json_t *v, void *out);
    size_t offset; /* of `out` in the struct */
    bool nulls;    /* null is a statement, not an absence */
};

/* Members that are null count as absent unless the rule wants them. `rules` are sorted by name.
 * Unless it is a JSON object: not_an_object. A member without a rule: unknown_field. */
int fields_read(struct fields *f, json_t *obj, const struct field_rule *rules, size_t n,
                void *base);
/* The same for a member that is an object itself: problems are named "name.member". */
int fields_read_member(struct fields *f, const char *name, json_t *v,
                       const struct field_rule *rules, size_t n, void *base);

/* Readers, by what `out` points to. */
int field_id(struct fields *f, const char *name, json_t *v, void *out);    /* struct span */
int field_body(struct fields *f, const char *name, json_t *v, void *out);  /* struct span */
int field_url(struct fields *f, const char *name, json_t *v, void *out);   /* struct span */
int field_email(struct fields *f, const char *name, json_t *v, void *out); /* struct span */
int field_phone(struct fields *f, const char *name, json_t *v, void *out); /* struct span */
int field_time(struct fields *f, const char *name, json_t *v, void *out);  /* int64_t, not ahead */
int field_any_time(struct fields *f, const char *name, json_t *v, void *out); /* int64_t */
int field_bool(struct fields *f, const char *name, json_t *v, void *out);     /* bool */
int field_number(struct fields *f, const char *name, json_t *v, void *out);   /* double */

/* An object of scalars as pairs sorted by key. */
struct field_pairs {
    const struct pair *pairs;
    size_t n;
};
struct field_pairs_kind {
    size_t max;
    enum reject_code too_many;
    bool nulls;    /* null: {NULL,0}; otherwise skipped */
    bool ids_only; /* values are ids (experiments' arms) */
};
int field_pairs(struct fields *f, const char *name, json_t *v, struct field_pairs_kind kind,
                struct field_pairs *ret);

#endif
