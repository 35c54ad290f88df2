/* mask_address: Korean postal addresses by their shape: a chain of 시·도 and 시·군·구, a street
 * (로, 길) or quarter (읍, 면, 동, 리, 가), a number, and what follows it of building, floor and
 * room. A text that is only a district (서울 강남구) is not one.
 *
 * Thread: pure. */
#ifndef VOC_TRUST_MASK_ADDRESS_H
#define VOC_TRUST_MASK_ADDRESS_H

#include "daemon/trust/mask_scan.h"

/* Whether a word without white space names a 시·도 (short forms only with `province`) or a
 * 시·군·구. */
bool mask_is_region(struct span word, bool province);
/* As mask_scan(). */
int mask_scan_addresses(struct span text, mask_found_fn *fn, void *ctx);

#endif
