#include "tests/lib/test.h"

#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRS_MAX 256

static struct {
    uint64_t seed, state;
    bool set;
} chance;

static struct {
    char *path[DIRS_MAX];
    size_t n;
    pid_t owner;
} dirs;

uint64_t test_seed(void)
{
    const char *given = getenv("VOC_SEED");

    if (!chance.set) {
        if (given)
            chance.seed = strtoull(given, NULL, 0);
        else
            rng_system.fill(NULL, &chance.seed, sizeof(chance.seed));
        chance.state = chance.seed;
        chance.set = true;
        fprintf(stderr, "VOC_SEED=%" PRIu64 "\n", chance.seed);
    }
    return chance.seed;
}

uint64_t test_rand(void)
{
    test_seed();
    return rng_split(&chance.state);
}

uint64_t test_below(uint64_t n)
{
    return (uint64_t)((unsigned __int128)test_rand() * n >> 64);
}

double test_unit(void)
{
    return (double)(test_rand() >> 11) * 0x1p-53;
}

size_t test_rounds(size_t quick, size_t soak)
{
    return getenv("SOAK") ? soak : quick;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* A forked child must not take its parent's directories away. */
static void remove_dirs(void)
{
    if (dirs.owner != getpid())
        return;
    for (size_t i = 0; i < dirs.n; i++) {
        if (getenv("VOC_KEEP"))
            fprintf(stderr, "kept %s\n", dirs.path[i]);
        else if (nftw(dirs.path[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0)
            fprintf(stderr, "could not remove %s\n", dirs.path[i]);
        free(dirs.path[i]);
    }
    dirs.n = 0;
}

static void own_dirs(void)
{
    if (dirs.owner == getpid())
        return;
    if (dirs.owner == 0 && atexit(remove_dirs) != 0)
        abort();
    dirs.owner = getpid();
    dirs.n = 0;
}

const char *test_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char path[PATH_MAX];

    own_dirs();
    if (!tmp || !*tmp)
        tmp = "/tmp";
    if (dirs.n == DIRS_MAX ||
        snprintf(path, sizeof(path), "%s/voc-test-XXXXXX", tmp) >= (int)sizeof(path) ||
        !mkdtemp(path)) {
        perror("test_dir");
        abort();
    }
    dirs.path[dirs.n] = strdup(path);
    if (!dirs.path[dirs.n])
        abort();
    return dirs.path[dirs.n++];
}

static int64_t fixed_wall(void *ctx)
{
    return ((struct test_clock *)ctx)->wall;
}

static int64_t fixed_mono(void *ctx)
{
    return ((struct test_clock *)ctx)->mono;
}

struct clock test_clock(struct test_clock *c)
{
    return (struct clock){.wall_ms = fixed_wall, .mono_ms = fixed_mono, .ctx = c};
}

void test_clock_advance(struct test_clock *c, int64_t ms)
{
    c->wall += ms;
    c->mono += ms;
}

static void fill_from_state(void *ctx, void *p, size_t n)
{
    char *to = p;

    while (n) {
        uint64_t word = rng_split(ctx);
        size_t k = n < sizeof(word) ? n : sizeof(word);

        memcpy(to, &word, k);
        to += k;
        n -= k;
    }
}

struct rng test_rng(uint64_t *state)
{
    return (struct rng){.fill = fill_from_state, .ctx = state};
}
