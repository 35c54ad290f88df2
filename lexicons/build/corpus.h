/* corpus: the labelled texts of DATA (../shared/data) and words of our own, normalised, in file
 * order.
 *
 * Only sources whose licence lets a statistic of them ship are known here (see MANIFEST); the
 * share-alike sets are not readable by this program at all. */
#ifndef LEX_BUILD_CORPUS_H
#define LEX_BUILD_CORPUS_H

#include "lexicons/build/text.h"

enum source {
    SRC_NSMC,
    SRC_SHOPPING,
    SRC_KOTE,
    SRC_STARS,
    SRC_NSMC_TEST, /* measured only, never trained on */
    SRC_RT,
    SRC_UCI,
    SRC_UNLABELLED, /* shopping reviews; the recipe labels them itself */
    SRC_VALENCE,    /* words with their valence, each a text: of this directory, not of DATA */
    SRC_N
};

struct doc {
    uint64_t at; /* first code point in corpus.text */
    uint32_t n;
    uint32_t row; /* number within its source */
    uint8_t source;
    int8_t label; /* +1 or -1 */
    float cost;   /* of this row among those of its source */
};

struct corpus {
    bool words;
    struct cps text;
    struct doc *docs;
    size_t n_docs, max_docs;
};

const char *source_name(enum source s);
/* -1 when there is none of that name. */
int source_by_name(const char *name);

/* Visits the usable rows of a source, CSV quotes undone; ends the program with a message when a
 * file cannot be read. `label` is the side as its sign and the row's cost as its size. */
typedef void corpus_visit_fn(void *ctx, const char *text, size_t n, uint32_t row, double label);
void corpus_each(const char *data_dir, enum source s, corpus_visit_fn *visit, void *ctx);

/* Adds all usable rows of a source. SRC_VALENCE is none of DATA's: run from the root of the
 * project. */
void corpus_read(struct corpus *c, const char *data_dir, enum source s);
void corpus_free(struct corpus *c);

#endif
