/* phone: one spelling for telephone numbers, so that `010-1234-5678` and `+82 10 1234 5678` find
 * the same customer. Used when records and customers come in and when somebody looks one up. Pure.
 */
#ifndef VOC_FORMAT_PHONE_H
#define VOC_FORMAT_PHONE_H

#include "base/span.h"

#define PHONE_MAX 17 /* '+', 15 digits (E.164), NUL */

/* Writes E.164 into `out` and gives 0. Numbers without a country code are read as Korean: national
 * ones beginning with 0 (9 to 12 digits), and 15xx-xxxx, 16xx-xxxx, 18xx-xxxx. Spaces, hyphens of
 * any kind, dots, parentheses, slashes, full-width digits and a leading `tel:` are accepted; the
 * trunk 0 after a country code (`+82 (0)10`) is dropped. -EINVAL for anything else (extensions,
 * numbers without an area code), with `out` untouched. */
int phone_normalize(struct span s, char out[PHONE_MAX]);

#endif
