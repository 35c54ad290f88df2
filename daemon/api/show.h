/* show: records, customers and their parts as JSON, masked for those who may not see them plain.
 *
 * The only writers of a person's data into an answer or event: every text goes through show_text(),
 * which asks trust/mask.h when `masked`. Thread: any. */
#ifndef VOC_API_SHOW_H
#define VOC_API_SHOW_H

#include "daemon/format/json_out.h"
#include "daemon/trust/mask.h"
#include "store/store.h"

struct handles;
struct zone;

struct show {
    struct json_out *json;
    bool masked;
    struct zone *zone;              /* times are printed at its offset */
    struct arena *arena;            /* for masking */
    const struct mask_known *known; /* values of the person shown: masked wherever they stand */
    size_t n_known;
    struct store_view *view; /* where a record's customer is known from; NULL: from the record */
    struct handles *handles; /* of the workspace; NULL: customers have no name at all when masked */
    struct span person;      /* id of the customer shown; a field that is it, is shown as handle */
};

/* A free text that may hold anything: masked by the spans given for `part` and by pattern. */
void show_text(struct show *s, const char *key, struct span text, uint16_t part,
               const struct pii_span *spans, size_t n);
/* A customer's id; when masked, the handle that opens him. */
void show_customer_id(struct show *s, const char *key, struct span id);
/* A text without spans of its own (ids, tags, attribute values): by pattern only. */
void show_plain(struct show *s, const char *key, struct span text);
/* Whether a text that is masked is the id of some customer, be it of another record's. */
bool show_is_somebody(struct show *s, struct span text);
/* A filter's text: hidden as a whole when it names a customer. */
void show_where(struct show *s, const char *key, struct span text, enum where_scope scope);
void show_time(struct show *s, const char *key, int64_t ms);
void show_pairs(struct show *s, const char *key, const struct pair *pairs, size_t n);
void show_codes(struct show *s, const char *key, const struct span *codes, size_t n);

/* One record, as every list gives it. evidence: NULL leaves it out. */
void show_feedback(struct show *s, const struct stored *r, const struct analysis *explained);
/* Makes all that is shown from now on that of this customer; `known` must live as long. */
enum { SHOW_KNOWN = 7 };
void show_know(struct show *s, struct mask_known known[SHOW_KNOWN], const struct store_customer *c);
/* store_shown_fn of a struct show: the texts of a record as show_feedback() writes them. */
int show_texts(void *ctx, const struct stored *r, struct arena *a, struct feedback *ret);
/* Only the analysis object's members, for one already open. */
void show_analysis(struct show *s, const struct feedback *f, const struct analysis *an,
                   const struct analysis *explained);
void show_customer(struct show *s, const struct store_customer *c, int64_t now);
void show_activity(struct show *s, const struct activity *a);
/* An alert document (alert/document.h): what people wrote into it and what it is grouped by. 0 or
 * -VOC_E_CORRUPT, -ENOMEM; nothing is written then. show_alert.c */
int show_alert(struct show *s, struct span document);
/* An alert rule's document, the same way. */
int show_rule(struct show *s, struct span document);

#endif
