/* pack: small texts compressed with a shared dictionary (zstd), contexts kept and reused.
 *
 * The dictionary is trained on synthetic text only (store/zdict/), because one trained on records
 * would keep people's names in every later file. Its id travels beside each packed value; a
 * dictionary once released is never changed, a better one gets the next id.
 *
 * Threads: packing on the worker; unpackers are borrowed by any thread. Private to store/. */
#ifndef VOC_STORE_PACK_H
#define VOC_STORE_PACK_H

#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"

#define PACK_NONE 0         /* kept as it is: compression did not pay */
#define PACK_DICT1 1        /* zstd with dictionary 1 */
#define PACK_MAX (4u << 20) /* bytes of one value, unpacked */
#define PACK_IDLE_MAX 4     /* unpackers kept for reuse */

struct ZSTD_CCtx_s;
struct ZSTD_CDict_s;
struct ZSTD_DDict_s;

struct pack {
    struct ZSTD_CCtx_s *cctx;
    struct ZSTD_CDict_s *cdict;
    struct ZSTD_DDict_s *ddict;
    pthread_mutex_t lock; /* of the idle ones */
    struct unpacker *idle[PACK_IDLE_MAX];
    size_t n_idle;
};

int pack_init(struct pack *p);
void pack_done(struct pack *p);
/* Appends the packed value to `out`; *ret_how is PACK_*. 0, -ENOMEM, -EMSGSIZE. */
int pack_add(struct pack *p, struct span value, struct buf *out, uint8_t *ret_how);

/* NULL when out of memory. */
struct unpacker *pack_borrow(struct pack *p);
void pack_return(struct pack *p, struct unpacker *u); /* NULL is fine */
/* The value again, in the arena. 0, -ENOMEM, -VOC_E_CORRUPT. */
int pack_open(struct unpacker *u, uint8_t how, struct span packed, struct arena *a,
              struct span *ret);

#endif
