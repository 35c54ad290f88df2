/* utf8: strict decoding (no surrogates, no overlongs, up to U+10FFFF). Pure. */
#ifndef VOC_BASE_UTF8_H
#define VOC_BASE_UTF8_H

#include "base/span.h"

/* Bytes of the longest valid prefix; s.n when all of it is valid. NUL is valid UTF-8 here. */
size_t utf8_valid(struct span s);
/* Decodes the code point at p (n > 0 bytes left); returns its length in bytes, or 0 when invalid.
 */
unsigned utf8_decode(const char *p, size_t n, uint32_t *ret_cp);
/* Writes up to 4 bytes; returns the length, 0 for a surrogate or beyond U+10FFFF. */
unsigned utf8_encode(uint32_t cp, char out[4]);
/* Number of code points in valid UTF-8. */
size_t utf8_count(struct span s);
/* The longest prefix of at most max_bytes that ends between code points. */
struct span utf8_cut(struct span s, size_t max_bytes);

#endif
