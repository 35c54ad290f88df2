#include "store/pack.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/err.h"

/* Bodies of short reviews, 217 bytes: 127 in 1.8 us at this level, 129 in 2.1 us at level 3;
 * without a dictionary 207 in 5.9 us. */
#define PACK_LEVEL 1

/* The bytes of store/zdict/body-1.zdict, found by the assembler from the root of the tree. */
__asm__(".section .rodata\n"
        ".balign 16\n"
        ".hidden pack_dict1\n"
        ".hidden pack_dict1_end\n"
        ".globl pack_dict1\n"
        ".globl pack_dict1_end\n"
        "pack_dict1:\n"
        ".incbin \"store/zdict/body-1.zdict\"\n"
        "pack_dict1_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char pack_dict1[], pack_dict1_end[];

struct unpacker {
    ZSTD_DCtx *dctx;
    const ZSTD_DDict *ddict;
};

static int pack_contexts(struct pack *p)
{
    size_t n = (size_t)(pack_dict1_end - pack_dict1);
    p->cctx = ZSTD_createCCtx();
    p->cdict = ZSTD_createCDict(pack_dict1, n, PACK_LEVEL);
    p->ddict = ZSTD_createDDict(pack_dict1, n);
    if (!p->cctx || !p->cdict || !p->ddict)
        return -ENOMEM;
    /* LMDB has no checksums of its own, so damage must show here. */
    if (ZSTD_isError(ZSTD_CCtx_setParameter(p->cctx, ZSTD_c_checksumFlag, 1)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->cctx, ZSTD_c_dictIDFlag, 0)) ||
        ZSTD_isError(ZSTD_CCtx_refCDict(p->cctx, p->cdict)))
        return -EINVAL;
    return 0;
}

int pack_init(struct pack *p)
{
    *p = (struct pack){0};
    int r = -pthread_mutex_init(&p->lock, NULL);
    if (r < 0)
        return r;
    r = pack_contexts(p);
    if (r < 0)
        pack_done(p);
    return r;
}

static void unpacker_free(struct unpacker *u)
{
    ZSTD_freeDCtx(u->dctx);
    free(u);
}

void pack_done(struct pack *p)
{
    while (p->n_idle)
        unpacker_free(p->idle[--p->n_idle]);
    ZSTD_freeCCtx(p->cctx);
    ZSTD_freeCDict(p->cdict);
    ZSTD_freeDDict(p->ddict);
    pthread_mutex_destroy(&p->lock);
    *p = (struct pack){0};
}

int pack_add(struct pack *p, struct span value, struct buf *out, uint8_t *ret_how)
{
    if (value.n > PACK_MAX)
        return -EMSGSIZE;
    size_t room = ZSTD_compressBound(value.n);
    char *to = buf_reserve(out, room);
    if (!to)
        return buf_error(out);
    size_t n = ZSTD_compress2(p->cctx, to, room, value.p, value.n);
    if (ZSTD_isError(n))
        return -ENOMEM;
    if (n >= value.n) {
        int r = buf_add(out, value);
        if (r < 0)
            return r;
        *ret_how = PACK_NONE;
        return 0;
    }
    out->n += n;
    *ret_how = PACK_DICT1;
    return 0;
}

static struct unpacker *unpacker_new(const ZSTD_DDict *ddict)
{
    struct unpacker *u = malloc(sizeof(*u));
    if (!u)
        return NULL;
    *u = (struct unpacker){ZSTD_createDCtx(), ddict};
    if (!u->dctx) {
        free(u);
        return NULL;
    }
    return u;
}

struct unpacker *pack_borrow(struct pack *p)
{
    struct unpacker *u = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->n_idle)
        u = p->idle[--p->n_idle];
    pthread_mutex_unlock(&p->lock);
    return u ? u : unpacker_new(p->ddict);
}

void pack_return(struct pack *p, struct unpacker *u)
{
    if (!u)
        return;
    pthread_mutex_lock(&p->lock);
    bool keep = p->n_idle < PACK_IDLE_MAX;
    if (keep)
        p->idle[p->n_idle++] = u;
    pthread_mutex_unlock(&p->lock);
    if (!keep)
        unpacker_free(u);
}

int pack_open(struct unpacker *u, uint8_t how, struct span packed, struct arena *a,
              struct span *ret)
{
    if (how == PACK_NONE) {
        struct span copy = arena_dup(a, packed);
        if (!copy.p)
            return packed.p ? -ENOMEM : -VOC_E_CORRUPT;
        *ret = copy;
        return 0;
    }
    if (how != PACK_DICT1)
        return -VOC_E_CORRUPT;
    unsigned long long n = ZSTD_getFrameContentSize(packed.p, packed.n);
    if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN || n > PACK_MAX)
        return -VOC_E_CORRUPT;
    char *to = arena_alloc(a, n);
    if (!to)
        return -ENOMEM;
    size_t got = ZSTD_decompress_usingDDict(u->dctx, to, n, packed.p, packed.n, u->ddict);
    if (ZSTD_isError(got) || got != n)
        return -VOC_E_CORRUPT;
    *ret = span_of(to, n);
    return 0;
}
