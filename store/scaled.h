/* scaled: the answers behind the codes of DICT_SCALED, read once per query. Private to store/. */
#ifndef VOC_STORE_SCALED_H
#define VOC_STORE_SCALED_H

#include "store/dict.h"

struct scaled_answer {
    struct scaled answer;
    double ratio; /* value / scale; NaN for a scale that is none */
    bool top;     /* of the top two of a whole-number scale */
    bool promoter, detractor;
};

struct scaled_table {
    const struct scaled_answer *v; /* by code; [0] has no answer */
    size_t n;
};

int scaled_load(struct kv *kv, struct arena *a, struct scaled_table *ret);
static inline const struct scaled_answer *scaled_at(const struct scaled_table *t, uint32_t code)
{
    return &t->v[code < t->n ? code : 0];
}

#endif
