#include "store/scaled.h"

#include <math.h>

#include "base/err.h"

#define TOP_TWO 2
#define TOP_SLACK 1e-9 /* for scales that are no whole binary numbers */
#define PROMOTER_FROM 9
#define DETRACTOR_TO 6

struct loading {
    struct scaled_answer *v;
    size_t n;
};

static int load_one(void *ctx, uint32_t code, struct span value)
{
    struct loading *l = ctx;
    double v[2];
    if (value.n != sizeof(v) || code >= l->n)
        return -VOC_E_CORRUPT;
    memcpy(v, value.p, sizeof(v));
    l->v[code] = (struct scaled_answer){.answer = {v[0], v[1], true},
                                        .ratio = v[1] > 0 ? v[0] / v[1] : NAN,
                                        .top = v[0] > v[1] - TOP_TWO + TOP_SLACK,
                                        .promoter = v[0] >= PROMOTER_FROM,
                                        .detractor = v[0] <= DETRACTOR_TO};
    return 0;
}

int scaled_load(struct kv *kv, struct arena *a, struct scaled_table *ret)
{
    struct loading l;
    uint32_t last;
    int r = dict_last(kv, DICT_SCALED, &last);
    if (r < 0)
        return r;
    l.n = (size_t)last + 1;
    l.v = arena_array(a, l.n, sizeof(*l.v));
    if (!l.v)
        return -ENOMEM;
    l.v[0].ratio = NAN;
    r = dict_each(kv, DICT_SCALED, load_one, &l);
    if (r == 0)
        *ret = (struct scaled_table){l.v, l.n};
    return r;
}
