/* bcrypt: a hash of a text under a salt that is given, as one vendor signs its token requests with:
 * the client's secret is the salt. By libxcrypt.
 *
 * Thread: any; pure, and slow by design: 2^cost rounds, so the cost is bounded. */
#ifndef VOC_FORMAT_BCRYPT_H
#define VOC_FORMAT_BCRYPT_H

#include "base/span.h"

enum {
    BCRYPT_MAX_COST = 10, /* 65 ms as measured; what vendors hand out has 4, 1 ms */
    BCRYPT_SALT = 29,     /* "$2a$04$" and 22 characters */
    BCRYPT_TEXT = 61,     /* what comes out, with its NUL */
    BCRYPT_MAX = 72,      /* bytes that are hashed; more would be cut off in silence */
};

/* 0; -EINVAL when the salt is none of ours, its cost too high or the text too long; -ENOMEM. */
int bcrypt_hash(struct span text, struct span salt, char out[BCRYPT_TEXT]);
bool bcrypt_is_salt(struct span salt);

#endif
