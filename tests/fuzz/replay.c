/* replay FILE...: a fuzz target without libFuzzer. Gives it each file as it is, then changed a
 * little by chance ($VOC_SEED, printed; more often with $SOAK): bytes turned, cut out, doubled,
 * mixed with another file's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { MAX_INPUT = 1 << 20, ROUNDS = 5, SOAK_ROUNDS = 500, MOST_CHANGES = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
    uint8_t *p;
    size_t n;
};

static struct input read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct input in = {malloc(MAX_INPUT), 0};
    if (!f || !in.p) {
        perror(path);
        exit(2);
    }
    in.n = fread(in.p, 1, MAX_INPUT, f);
    fclose(f);
    in.p = realloc(in.p, in.n + 1);
    return in;
}

/* In a block of its own size, so that a read past the end is seen. */
static void give(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    if (n)
        memcpy(copy, p, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static size_t change_once(uint64_t *seed, uint8_t *p, size_t n, const struct input *other)
{
    size_t at = rng_split(seed) % n, len = rng_split(seed) % (n - at) % 64 + 1;
    switch (rng_split(seed) % 4) {
    case 0:
        p[at] = (uint8_t)rng_split(seed);
        return n;
    case 1:
        len = len > n - at ? n - at : len;
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    case 2:
        len = len > n - at ? n - at : len;
        memmove(p + at + len, p + at, n - at);
        return n + len;
    default:
        len = len > other->n ? other->n : len;
        memmove(p + at + len, p + at, n - at);
        memcpy(p + at, other->p, len);
        return n + len;
    }
}

static void give_changed(uint64_t *seed, const struct input *in, const struct input *other)
{
    static uint8_t bytes[MAX_INPUT + 64 * MOST_CHANGES];
    size_t n = in->n;
    memcpy(bytes, in->p, n);
    for (size_t k = 1 + rng_split(seed) % MOST_CHANGES; k > 0 && n > 0; k--)
        n = change_once(seed, bytes, n, other);
    give(bytes, n);
}

int main(int argc, char **argv)
{
    const char *given = getenv("VOC_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    const size_t rounds = getenv("SOAK") ? SOAK_ROUNDS : ROUNDS, n = (size_t)argc - 1;
    struct input *all = calloc(n + 1, sizeof(*all));
    if (!all)
        return 2;
    fprintf(stderr, "VOC_SEED=%llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < n; i++) {
        all[i] = read_file(argv[1 + i]);
        give(all[i].p, all[i].n);
    }
    for (size_t i = 0; i < n * rounds; i++)
        if (all[i % n].n)
            give_changed(&seed, &all[i % n], &all[rng_split(&seed) % n]);
    for (size_t i = 0; i < n; i++)
        free(all[i].p);
    free(all);
    printf("%zu inputs and %zu changed ones\n", n, n * rounds);
    return 0;
}
