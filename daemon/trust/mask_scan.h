/* mask_scan: numbers and addresses that look personal, found by pattern alone, whoever else looked
 * or did not. Errs towards finding: an order number that could be a card is hidden too.
 *
 * Thread: pure. */
#ifndef VOC_TRUST_MASK_SCAN_H
#define VOC_TRUST_MASK_SCAN_H

#include "base/record.h"

struct mask_found {
    enum pii_kind kind;
    size_t start, end; /* bytes */
};
typedef int mask_found_fn(void *ctx, const struct mask_found *found);

/* Calls fn for each place, ascending within numbers and within e-mails; stops when it returns
 * nonzero, and returns that. Linear in the text. */
int mask_scan(struct span text, mask_found_fn *fn, void *ctx);

/* An ASCII or full-width digit at p: its value and *ret_n bytes; else -1. */
int mask_digit(const char *p, size_t n, size_t *ret_n);
/* A character that may stand between the digits of one number: its bytes, or 0. */
size_t mask_separator(const char *p, size_t n);

#endif
