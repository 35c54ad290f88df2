/* grams: which n-grams stand in which text.
 *
 * Korean: every run of 1 to 5 code points of the marked text, spaces included. With words: these
 * and every run of 1 to 3 words with the spaces around them. Each counts once a text. N-grams are
 * told apart by a 64-bit hash (two of 2^24 collide with a chance of 1 in 10^5). */
#ifndef LEX_BUILD_GRAMS_H
#define LEX_BUILD_GRAMS_H

#include "lexicons/build/corpus.h"

enum { GRAM_CPS = 5, GRAM_WORDS = 3, GRAM_LONGEST = 48 };

struct gram {
    uint64_t at; /* where it stands for the first time: code points in corpus.text */
    uint8_t n;
};

struct grams {
    struct gram *list;
    uint32_t n;
    uint64_t *row; /* of text i: ids[row[i]] up to ids[row[i + 1]] */
    uint32_t *ids;
    size_t n_rows;
};

/* N-grams of at least min_df texts of the corpus, numbered in order of first appearance. */
void grams_count(const struct corpus *c, uint32_t min_df, struct grams *ret);
/* The same with only those kept, renumbered in the same order. */
void grams_keep(const struct grams *g, const uint8_t *keep, struct grams *ret);
void grams_free(struct grams *g);

#endif
