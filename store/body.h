/* body: a record and its analysis as bytes. Private to store/. Pure.
 *
 * Version 1 is the order of body.c. A version once released is read for ever; its feedback part is
 * also what the hash of all normalised fields is taken of, so a new version makes the next copy of
 * an old record an update. Decoding believes nothing: damaged bytes give -VOC_E_CORRUPT. */
#ifndef VOC_STORE_BODY_H
#define VOC_STORE_BODY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/record.h"

#define BODY_VERSION 1

void body_put_feedback(struct buf *b, const struct feedback *f);
/* NULL stands for the analysis of nothing. */
void body_put_analysis(struct buf *b, const struct analysis *an);
/* Texts point into `body`; arrays are made in the arena. *ret_analysis_at (may be NULL) is the
 * offset where the analysis begins. 0, -ENOMEM, -VOC_E_CORRUPT. */
int body_get(struct span body, struct arena *a, struct feedback *ret_feedback,
             struct analysis *ret_analysis, size_t *ret_analysis_at);

#endif
