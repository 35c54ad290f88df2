/* base64url: RFC 4648 §5 without padding: tokens, cookies, handles. Strict both ways: a text has
 * one reading and a value one spelling, so texts may be compared instead of values.
 *
 * Thread: any; pure. */
#ifndef VOC_FORMAT_BASE64URL_H
#define VOC_FORMAT_BASE64URL_H

#include "base/span.h"

#define BASE64URL_LEN(n) (((n)*4 + 2) / 3)

/* Writes BASE64URL_LEN(n) characters and a NUL. */
void base64url_write(const unsigned char *p, size_t n, char *out);
/* Exactly `n` bytes. False: another length, another alphabet, or unused bits that are not zero. */
bool base64url_read(struct span text, unsigned char *out, size_t n);

#endif
