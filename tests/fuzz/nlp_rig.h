/* nlp_rig: what the fuzz targets of the analysis share. Everything here ends the process when
 * something is wrong that no input may cause. One thread. */
#ifndef VOC_TESTS_FUZZ_NLP_RIG_H
#define VOC_TESTS_FUZZ_NLP_RIG_H

#include "base/buf.h"
#include "nlp/nlp.h"

enum { RIG_MAX_PARTS = 8 };

/* Bytes as a file of their own, by a path that lasts until the next call with the same `which`
 * (below 4). */
const char *rig_file(unsigned which, struct span bytes);
/* The small lexicon of tests/fuzz/lexicon, with the workspace's layer over it or without. */
void rig_lexicon(bool with_workspace, struct buf *out);
/* Analyses with and without evidence, looks at every field, and wants both to agree. */
void rig_analyze(const struct nlp_tables *t, const struct nlp_input *in);
/* One text of the customer's. */
void rig_read(const struct nlp_tables *t, const char *text);

#endif
