/* template: text with holes, as connector files write requests:
 *
 *   https://{{cfg.subdomain}}.example.com   {{cursor.time|unix}}   {{window.from|date:Asia/Seoul}}
 *
 * A hole is SCOPE.NAME, then perhaps a form. Times are RFC 3339 unless a form says otherwise:
 *   unix unix_ms  date (2026-11-22)  minute (2026-11-22 09:10)  datetime (2026-11-22 09:10:11)
 *   local (2026-11-22T09:10:11)  iso_ms (2026-11-22T00:10:11.000Z), the civil ones in UTC or :ZONE
 * Other forms: number (in a JSON body: no quotes), lower, upper.
 *
 * Reading checks everything that can be checked without the values. Pure; the compiled form lives
 * in the arena given. */
#ifndef VOC_COLLECT_TEMPLATE_H
#define VOC_COLLECT_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"

enum template_scope {
    SCOPE_CFG,       /* of the source's configuration */
    SCOPE_SECRET,    /* the same, from files or the environment */
    SCOPE_CURSOR,    /* value, time, int, start */
    SCOPE_PAGE,      /* token, number, offset, size */
    SCOPE_WINDOW,    /* from, to */
    SCOPE_PARTITION, /* value */
    SCOPE_RECORD,    /* a path into the record: record.id, record.author.id */
    SCOPE_NOW,       /* time: of a token request only; positions never come from our clock */
    SCOPE_COUNT
};
#define SCOPE_BIT(s) (1U << (s))

enum template_form {
    FORM_PLAIN,
    FORM_UNIX,
    FORM_UNIX_MS,
    FORM_DATE,
    FORM_MINUTE,
    FORM_DATETIME,
    FORM_LOCAL,
    FORM_ISO_MS,
    FORM_NUMBER,
    FORM_LOWER,
    FORM_UPPER,
    FORM_COUNT
};

struct template_piece {
    bool hole;
    struct span text; /* literal, or the name after SCOPE. */
    enum template_scope scope;
    enum template_form form;
    struct span zone; /* absent: UTC */
};
struct template
{
    const struct template_piece *pieces;
    size_t n;
};

/* One value: text, or a time when `time` is not NO_TIME. */
struct template_value {
    struct span text;
    int64_t time;
};
/* False when there is no such value now. The text lives until the next call. */
struct template_env {
    bool (*get)(void *ctx, enum template_scope scope, struct span name, struct template_value *ret);
    void *ctx;
};

/* `scopes`: SCOPE_BITs that may occur. 0; -EINVAL with the rest of a sentence in `why`; -ENOMEM. */
int template_read(struct span text, unsigned scopes, struct arena *a, struct template *ret,
                  char *why, size_t size);
/* Whether the whole text is one hole of that form. */
bool template_is_lone(const struct template *t, enum template_form form);

enum template_escape { ESCAPE_NONE, ESCAPE_HOLES /* percent-encoding, of values only */ };
/* Appends. 0; -ENOENT when a value is absent, with its "scope.name" in *ret_missing (may be NULL);
 * -EINVAL when a form does not fit; the buffer's error. What was appended before stays. */
int template_expand(const struct template *t, const struct template_env *env,
                    enum template_escape escape, struct buf *out,
                    const struct template_piece **ret_missing);
/* Percent-encodes all but letters, digits and -._~ */
void template_escape(struct buf *out, struct span s);
const char *template_scope_name(enum template_scope scope);

#endif
