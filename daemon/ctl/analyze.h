/* analyze: one analyser with its memory, for the verbs that read texts. Private to ctl/. */
#ifndef VOC_CTL_ANALYZE_H
#define VOC_CTL_ANALYZE_H

#include "base/buf.h"
#include "daemon/ctl/ndjson.h"
#include "nlp/nlp.h"

struct analyzer {
    struct nlp_tables *tables;
    struct nlp_scratch *scratch;
    struct arena arena;
};

/* Opens `path`; NULL: $VOC_LEXICONS, lexicons.bin beside the program, or where it is installed.
 * Tells on stderr what is wrong. 0 or -errno. */
int analyzer_open(struct analyzer *a, const char *path);
void analyzer_done(struct analyzer *a);
/* The result lives until the next call. 0; -EINVAL for an unknown lang or kind; -ENOMEM. */
int analyzer_run(struct analyzer *a, const struct ndjson_item *item, unsigned want,
                 struct analysis *ret, const char **ret_why);
/* The part of a category path before its first `/`: what the closed vocabulary knows. */
struct span category_top(struct span code);
/* Whether category `i` has the same top as an earlier one. */
bool category_repeats(const struct analysis *r, size_t i);

#endif
