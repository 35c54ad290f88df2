/* handle: what agents call a customer by. Shops use e-mail addresses, log-in names and phone
 * numbers as customer ids, so an id is personal data; but an agent must be able to open whom he was
 * shown. A handle is the id encrypted: opaque, the same every time within a workspace, of no use in
 * another one, and resolved without an index (docs/adr/0009-customer-handles.md).
 *
 *   c_ base64url( AES-256-SIV of the id padded to 16 bytes: RFC 5297, tag first )
 *
 * An id of up to 15 bytes gives 45 characters; length is told in steps of 16 bytes.
 *
 * Thread: one owner; not shared. Ownership: results live in the caller's arena. */
#ifndef VOC_TRUST_HANDLE_H
#define VOC_TRUST_HANDLE_H

#include "base/arena.h"

enum { HANDLE_KEY = 64, HANDLE_MAX_ID = 4096 };

struct handles;

/* The key is copied into OpenSSL's context. 0, -ENOMEM. */
int handles_new(const unsigned char key[HANDLE_KEY], struct handles **ret);
void handles_free(struct handles *h); /* NULL is fine; the key is wiped */
/* 0, -ENOMEM, -EMSGSIZE (id over HANDLE_MAX_ID). */
int handle_make(struct handles *h, struct span id, struct arena *a, struct span *ret_handle);
/* The id a handle of this key stands for; -EINVAL for anything else, -ENOMEM. */
int handle_open(struct handles *h, struct span handle, struct arena *a, struct span *ret_id);

#endif
