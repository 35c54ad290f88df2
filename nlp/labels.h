/* labels: what was learned says of the text at hand (labels.c). Private to nlp/. */
#ifndef VOC_NLP_LABELS_H
#define VOC_NLP_LABELS_H

#include "nlp/scratch.h"

/* The labels of a kind in the language at hand. */
const struct label_lanes *label_lanes(const struct nlp_tables *t, const struct nlp_scratch *s,
                                      enum lex_label_kind kind);
/* Fills `has_mark` and `label_score`; after the clauses were read. */
void labels_read(const struct nlp_tables *t, struct nlp_scratch *s);
/* The lane of a label, or -1. */
int label_lane(const struct nlp_tables *t, const struct nlp_scratch *s, enum lex_label_kind kind,
               struct span code);
/* Whether the category or signal of a lane is given. */
bool label_holds(const struct nlp_tables *t, const struct nlp_scratch *s, size_t lane);
/* The sentiment, of those in the bit set `sentiments`, and the type that go together and score
 * best. False where nothing was learned. */
bool labels_judge(const struct nlp_tables *t, const struct nlp_scratch *s, unsigned sentiments,
                  enum sentiment *ret_sentiment, enum fb_type *ret_type);

/* Bit set of the lanes whose labels are given: what `a` says, and where labels were not learned
 * nothing. */
uint32_t labels_given(const struct nlp_tables *t, const struct nlp_scratch *s,
                      const struct analysis *a);
/* What lane `lane` makes of a sum of weights of this text. */
double label_share(const struct nlp_tables *t, const struct nlp_scratch *s, size_t lane, int sum);

#endif
