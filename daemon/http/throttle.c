#include "daemon/http/throttle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum { BUCKETS = THROTTLE_PEERS, NONE = UINT16_MAX };

struct peer {
    unsigned char key[16]; /* the address; of IPv6 the /64 */
    int64_t begun;
    uint32_t failures;
    uint16_t bucket_next;
    uint16_t newer, older;
    bool used;
};

struct throttle {
    uint64_t seed;
    size_t n;
    uint16_t newest, oldest;
    uint16_t buckets[BUCKETS];
    struct peer peers[THROTTLE_PEERS];
};

int throttle_new(uint64_t seed, struct throttle **ret)
{
    struct throttle *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->seed = seed;
    t->newest = t->oldest = NONE;
    memset(t->buckets, 0xff, sizeof t->buckets);
    *ret = t;
    return 0;
}

void throttle_free(struct throttle *t)
{
    free(t);
}

size_t throttle_count(const struct throttle *t)
{
    return t->n;
}

static void make_key(struct span peer, unsigned char key[16])
{
    char text[64] = "";
    memset(key, 0, 16);
    memcpy(text, peer.p ? peer.p : "", peer.n < sizeof text ? peer.n : sizeof text - 1);
    if (inet_pton(AF_INET6, text, key) == 1)
        memset(key + 8, 0, 8);
    else
        inet_pton(AF_INET, text, key + 12);
}

/* The seed keeps a peer from choosing addresses that share a bucket. */
static size_t bucket_of(const struct throttle *t, const unsigned char key[16])
{
    uint64_t h = t->seed ^ UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < 16; i++)
        h = (h ^ key[i]) * UINT64_C(0x100000001b3);
    return (h ^ h >> 32) % BUCKETS;
}

static void unlink_age(struct throttle *t, uint16_t i)
{
    struct peer *p = &t->peers[i];
    *(p->newer == NONE ? &t->newest : &t->peers[p->newer].older) = p->older;
    *(p->older == NONE ? &t->oldest : &t->peers[p->older].newer) = p->newer;
}

static void link_newest(struct throttle *t, uint16_t i)
{
    t->peers[i].newer = NONE;
    t->peers[i].older = t->newest;
    *(t->newest == NONE ? &t->oldest : &t->peers[t->newest].newer) = i;
    t->newest = i;
}

static void forget(struct throttle *t, uint16_t i)
{
    uint16_t *at = &t->buckets[bucket_of(t, t->peers[i].key)];
    while (*at != i)
        at = &t->peers[*at].bucket_next;
    *at = t->peers[i].bucket_next;
    unlink_age(t, i);
}

static struct peer *find_or_add(struct throttle *t, const unsigned char key[16], int64_t now)
{
    size_t bucket = bucket_of(t, key);
    for (uint16_t i = t->buckets[bucket]; i != NONE; i = t->peers[i].bucket_next) {
        if (memcmp(t->peers[i].key, key, 16) == 0) {
            unlink_age(t, i);
            link_newest(t, i);
            return &t->peers[i];
        }
    }
    uint16_t i = t->n < THROTTLE_PEERS ? (uint16_t)t->n++ : t->oldest;
    if (t->peers[i].used)
        forget(t, i);
    t->peers[i] = (struct peer){.begun = now, .used = true, .bucket_next = t->buckets[bucket]};
    memcpy(t->peers[i].key, key, 16);
    t->buckets[bucket] = i;
    link_newest(t, i);
    return &t->peers[i];
}

int64_t throttle_fail(struct throttle *t, struct span peer, int64_t now, int64_t window_ms,
                      uint32_t max)
{
    unsigned char key[16];
    make_key(peer, key);
    struct peer *p = find_or_add(t, key, now);
    if (now - p->begun >= window_ms) {
        p->begun = now;
        p->failures = 0;
    }
    p->failures += p->failures < UINT32_MAX;
    return p->failures > max ? window_ms - (now - p->begun) : 0;
}
