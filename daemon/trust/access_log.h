/* access_log: what an entry of the access log looks like, and the chain that shows tampering.
 *
 * An entry is one JSON object with its members in this order:
 *   {"n":7,"at":"2026-11-22T00:10:11.500Z","who":{"token":"…","name":"…","role":"agent"},
 *    "from":"127.0.0.1","whose":["c-1029"],"whose_count":1,
 *    "what":{"action":"customer.context","fields":"…","reason":"…"},
 *    "request":"…","prev":"<hash of entry n-1>","hash":"…"}
 * fields and reason are left out when there are none. `hash` is the SHA-256, in hex, of the bytes
 * of the object without its hash member; `prev` of entry 1 is 64 zeros. So an edited, moved,
 * inserted or removed entry breaks the chain; entries cut off at the end show against a head (n and
 * hash) noted elsewhere.
 *
 * Who: the pipeline makes entries inside the transaction that appends them; vocctl verifies.
 * Thread: pure. */
#ifndef VOC_TRUST_ACCESS_LOG_H
#define VOC_TRUST_ACCESS_LOG_H

#include "base/arena.h"
#include "base/span.h"
#include "base/vocab.h"

/* The longest value of `whose` one entry keeps; the rest is only counted. */
enum { ACCESS_HASH_HEX = 64, ACCESS_MAX_WHOSE = 1000 };

/* One read of a person's data, as the access log keeps it. */
struct access_spec {
    struct span token_id, name, peer, request_id;
    enum role role;
    struct span action;       /* "customer.context", "feedback.list", "customer.unmask" … */
    const struct span *whose; /* customer ids, or record ids where there is no customer */
    size_t n_whose;
    struct span fields, reason;
};

/* Entry `n` (from 1) after entry n-1, whose bytes are `last` (absent for the first). At most
 * ACCESS_MAX_WHOSE ids are kept, whose_count counts all. -EINVAL: `last` is no entry n-1 (the log
 * is damaged: do not go on as if it were not); -ENOMEM. */
int access_entry_make(const struct access_spec *spec, uint64_t n, int64_t now, struct span last,
                      struct arena *a, struct span *ret_entry);

enum access_fault {
    ACCESS_OK,
    ACCESS_UNREADABLE, /* no entry at all, or members missing or added */
    ACCESS_EDITED,     /* the hash does not fit the content */
    ACCESS_ORDER,      /* not the number that comes next */
    ACCESS_BROKEN,     /* does not continue the entry before */
    ACCESS_CUT,        /* the chain ends before the head it should reach, or in another one */
};
const char *access_fault_text(enum access_fault f);

/* Verifies a run of entries, oldest first. Begin with zeroes for a run from entry 1, or with n and
 * hash of a trusted entry before the run. After a fault the verifier stays at the last good entry.
 */
struct access_verifier {
    uint64_t n;
    char hash[ACCESS_HASH_HEX + 1]; /* "" at the beginning */
};
/* `entry` in any JSON formatting: what counts is the content. */
enum access_fault access_verify(struct access_verifier *v, struct span entry);
/* Whether the run ended in the given head; a longer chain that went through it was checked by
 * calling this when v->n was head_n. */
enum access_fault access_verify_head(const struct access_verifier *v, uint64_t head_n,
                                     struct span head_hash);

#endif
