/* keys: how every key of every table is spelt. Numbers are big-endian so that byte order is number
 * order (i64 with the sign flipped, descending ones complemented); the tables keyed by one u64 use
 * LMDB's native integers. Private to store/. Pure.
 *
 * LMDB keys end at 511 bytes. A text that would not fit is cut and gets a tail of XXH3-128 under
 * the store's seed and one probe byte; such keys are always 511 bytes long and natural ones never
 * are, so neither can be taken for the other. The whole text is compared on a hit (kv_find_text).
 */
#ifndef VOC_STORE_KEYS_H
#define VOC_STORE_KEYS_H

#include "base/record.h"

#define KEY_MAX 511
#define KEY_NATURAL_MAX 494
#define KEY_BYCUST 20
#define KEY_ACTIVITY 20

struct key {
    size_t n;
    bool hashed; /* ends in hash and probe byte */
    uint8_t b[KEY_MAX];
};

static inline struct span key_span(const struct key *k)
{
    return (struct span){(const char *)k->b, k->n};
}
/* The key of a table of native integers; *n must outlive the span. */
static inline struct span key_int(const uint64_t *n)
{
    return (struct span){(const char *)n, sizeof(*n)};
}
static inline uint64_t key_int_read(struct span s)
{
    uint64_t n = 0;
    memcpy(&n, s.p, s.n < sizeof(n) ? s.n : sizeof(n));
    return n;
}

void key_dict(struct key *k, uint8_t kind, struct span value, uint64_t seed);
void key_ident(struct key *k, uint32_t source, struct span external_id, uint64_t seed);
void key_code(struct key *k, uint32_t code); /* prefix: of a source's identities, of a customer */
void key_doc(struct key *k, uint8_t kind, struct span key);
void key_log(struct key *k, uint8_t log, uint64_t n);
void key_outbox(struct key *k, int64_t due, const struct uuid *id);
void key_bycust(struct key *k, uint32_t customer, int64_t created_at, uint64_t seq);
void key_activity(struct key *k, uint32_t customer, int64_t at, uint64_t number);
void key_customer_id(struct key *k, struct span id, uint64_t seed);
/* by is 'E' or 'P'. The prefix alone when code is 0. */
void key_contact(struct key *k, char by, struct span value, uint32_t code, uint64_t seed);

uint64_t key_read_u64(struct span key, size_t at);
uint32_t key_read_u32(struct span key, size_t at);
int64_t key_read_i64(struct span key, size_t at);
int64_t key_read_i64_desc(struct span key, size_t at);
bool key_has_prefix(struct span key, const struct key *prefix);

#endif
