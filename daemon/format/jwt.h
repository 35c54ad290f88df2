/* jwt: JSON Web Tokens as we send them (RFC 7519, compact form of RFC 7515): to be exchanged for an
 * access token (RFC 7523), or as one. Only signing: nobody sends us any.
 *
 * Thread: any; pure (OpenSSL). The key never leaves the call. */
#ifndef VOC_FORMAT_JWT_H
#define VOC_FORMAT_JWT_H

#include "base/buf.h"

enum jwt_algorithm { JWT_RS256, JWT_ES256, JWT_HS256 };
enum { JWT_MIN_RSA_BITS = 2048 };

/* RFC 7518's name. */
const char *jwt_name(enum jwt_algorithm algorithm);

/* Appends header.claims.signature; header and claims are JSON objects as they stand. The key is a
 * private key in PEM (RS256: RSA of 2048 bits or more; ES256: P-256), or the shared secret of
 * HS256. 0; -EINVAL when it is no such key; -ENOMEM; the buffer's error. */
int jwt_sign(enum jwt_algorithm algorithm, struct span key, struct span header, struct span claims,
             struct buf *out);
/* Whether a key can be used. As above. */
int jwt_check_key(enum jwt_algorithm algorithm, struct span key);

/* The private key of a text: itself, or the member `private_key` of a JSON object, as key files of
 * service accounts are. Absent when it is neither; made in the buffer, which the caller wipes. */
struct span jwt_key_of(struct span text, struct buf *room);

#endif
