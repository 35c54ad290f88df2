#include "store/keys.h"

#include <endian.h>
#include <xxhash.h>

#define HASHED_TAIL (sizeof(XXH128_canonical_t) + 1)

static void key_begin(struct key *k)
{
    k->n = 0;
    k->hashed = false;
}

static void key_bytes(struct key *k, const void *p, size_t n)
{
    if (n)
        memcpy(k->b + k->n, p, n);
    k->n += n;
}

static void key_u8(struct key *k, uint8_t v)
{
    k->b[k->n++] = v;
}

static void key_u32(struct key *k, uint32_t v)
{
    uint32_t be = htobe32(v);
    key_bytes(k, &be, sizeof(be));
}

static void key_u64(struct key *k, uint64_t v)
{
    uint64_t be = htobe64(v);
    key_bytes(k, &be, sizeof(be));
}

static void key_i64(struct key *k, int64_t v)
{
    key_u64(k, (uint64_t)v ^ (UINT64_C(1) << 63));
}

static void key_i64_desc(struct key *k, int64_t v)
{
    key_u64(k, ~((uint64_t)v ^ (UINT64_C(1) << 63)));
}

static void key_text(struct key *k, struct span value, uint64_t seed)
{
    XXH128_canonical_t hash;
    if (k->n + value.n <= KEY_NATURAL_MAX) {
        key_bytes(k, value.p, value.n);
        return;
    }
    XXH128_canonicalFromHash(&hash, XXH3_128bits_withSeed(value.p, value.n, seed));
    size_t kept = KEY_MAX - HASHED_TAIL - k->n;
    key_bytes(k, value.p, value.n < kept ? value.n : kept);
    while (k->n < KEY_MAX - HASHED_TAIL)
        key_u8(k, 0);
    key_bytes(k, &hash, sizeof(hash));
    key_u8(k, 0);
    k->hashed = true;
}

void key_dict(struct key *k, uint8_t kind, struct span value, uint64_t seed)
{
    key_begin(k);
    key_u8(k, kind);
    key_text(k, value, seed);
}

void key_code(struct key *k, uint32_t code)
{
    key_begin(k);
    key_u32(k, code);
}

void key_ident(struct key *k, uint32_t source, struct span external_id, uint64_t seed)
{
    key_code(k, source);
    key_text(k, external_id, seed);
}

void key_doc(struct key *k, uint8_t kind, struct span key)
{
    key_begin(k);
    key_u8(k, kind);
    key_bytes(k, key.p, key.n < KEY_MAX ? key.n : KEY_MAX - 1);
}

void key_log(struct key *k, uint8_t log, uint64_t n)
{
    key_begin(k);
    key_u8(k, log);
    key_u64(k, n);
}

void key_outbox(struct key *k, int64_t due, const struct uuid *id)
{
    key_begin(k);
    key_i64(k, due);
    if (id)
        key_bytes(k, id->b, sizeof(id->b));
}

void key_bycust(struct key *k, uint32_t customer, int64_t created_at, uint64_t seq)
{
    key_begin(k);
    key_u32(k, customer);
    key_i64_desc(k, created_at);
    key_u64(k, ~seq);
}

void key_activity(struct key *k, uint32_t customer, int64_t at, uint64_t number)
{
    key_bycust(k, customer, at, number);
}

void key_customer_id(struct key *k, struct span id, uint64_t seed)
{
    key_begin(k);
    key_u8(k, 'I');
    key_text(k, id, seed);
}

void key_contact(struct key *k, char by, struct span value, uint32_t code, uint64_t seed)
{
    key_begin(k);
    key_u8(k, (uint8_t)by);
    key_text(k, value, seed);
    if (k->hashed)
        k->n -= 1 + sizeof(code); /* the code takes the place of the probe: no text to tell apart */
    if (code)
        key_u32(k, code);
}

uint64_t key_read_u64(struct span key, size_t at)
{
    uint64_t be = 0;
    if (at + sizeof(be) <= key.n)
        memcpy(&be, key.p + at, sizeof(be));
    return be64toh(be);
}

uint32_t key_read_u32(struct span key, size_t at)
{
    uint32_t be = 0;
    if (at + sizeof(be) <= key.n)
        memcpy(&be, key.p + at, sizeof(be));
    return be32toh(be);
}

int64_t key_read_i64(struct span key, size_t at)
{
    return (int64_t)(key_read_u64(key, at) ^ (UINT64_C(1) << 63));
}

int64_t key_read_i64_desc(struct span key, size_t at)
{
    return (int64_t)(~key_read_u64(key, at) ^ (UINT64_C(1) << 63));
}

bool key_has_prefix(struct span key, const struct key *prefix)
{
    return key.n >= prefix->n && memcmp(key.p, prefix->b, prefix->n) == 0;
}
