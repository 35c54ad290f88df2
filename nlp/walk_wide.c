/* A level of the walk for eight places at a time, with the gathers of AVX2. */
#include "nlp/walk.h"

#ifdef __x86_64__

#include <immintrin.h>

#define WIDE __attribute__((target("avx2,popcnt")))

bool walk_is_wide(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

/* Bit `flag` of each of eight, as a mask. */
WIDE static inline unsigned which(__m256i eight, uint32_t flag)
{
    const __m256i hit = _mm256_cmpeq_epi32(_mm256_and_si256(eight, _mm256_set1_epi32((int)flag)),
                                           _mm256_set1_epi32((int)flag));
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(hit));
}

/* Those of eight that `mask` names, to `out`, which has room for all. */
WIDE static inline void keep(const uint64_t *order, unsigned mask, __m256i eight, uint32_t *out)
{
    const __m256i at = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)order[mask]));
    _mm256_storeu_si256((__m256i *)out, _mm256_permutevar8x32_epi32(eight, at));
}

/* Adds eight weights at their places, which in English are not next to each other. */
WIDE static inline void add_grams(const struct walk *w, const struct wanted *wanted, uint32_t at,
                                  __m256i weight)
{
    int32_t *gram = w->s->gram;
    if (wanted->words || !w->in->position) {
        __m256i *eight = (__m256i *)(gram + at);
        _mm256_storeu_si256(eight, _mm256_add_epi32(_mm256_loadu_si256(eight), weight));
        return;
    }
    int32_t weights[WALK_WIDE];
    _mm256_storeu_si256((__m256i *)weights, weight);
    for (uint32_t i = 0; i < WALK_WIDE && at + i < w->in->n; i++)
        gram[w->in->position[at + i]] += weights[i];
}

/* Asks for eight cells that the next level reads. */
WIDE static inline void prefetch(const int *cells, __m256i eight)
{
    uint32_t cell[WALK_WIDE];
    _mm256_storeu_si256((__m256i *)cell, eight);
    for (unsigned i = 0; i < WALK_WIDE; i++)
        __builtin_prefetch(cells + 2 * (size_t)cell[i]);
}

WIDE void walk_wide(struct walk *w, const struct wanted *wanted, uint32_t begin, size_t n,
                    uint32_t depth)
{
    const int *cells = (const int *)w->t->cells;
    const uint16_t *syms = w->in->sym + begin + depth;
    const uint8_t *repeats = wanted->polar ? w->s->repeats.at + begin : NULL;
    const uint64_t *order = w->s->order;
    const __m256i level = _mm256_set1_epi32((int)depth + 1);
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i polar = _mm256_setzero_si256(), flags = polar;
    for (uint32_t k = 0; k < n; k += WALK_WIDE) {
        __m256i *base = (__m256i *)(w->base + k);
        const __m256i sym = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(syms + k)));
        const __m256i cell = _mm256_add_epi32(_mm256_loadu_si256(base), sym);
        const __m256i rest = _mm256_i32gather_epi32(cells + 1, cell, 8);
        const __m256i same =
            _mm256_cmpeq_epi32(_mm256_and_si256(rest, _mm256_set1_epi32(0xFFFF)), sym);
        const __m256i link = _mm256_and_si256(_mm256_i32gather_epi32(cells, cell, 8), same);
        flags = _mm256_or_si256(flags, link);
        const __m256i children = _mm256_srli_epi32(link, 8);
        _mm256_storeu_si256(base, children);
        prefetch(cells, _mm256_add_epi32(children, _mm256_cvtepu16_epi32(_mm_loadu_si128(
                                                       (const __m128i *)(syms + k + 1)))));
        if (wanted->polar) {
            const __m256i repeat =
                _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(repeats + k)));
            const __m256i counts = _mm256_and_si256(link, _mm256_cmpgt_epi32(level, repeat));
            const __m256i flag = _mm256_set1_epi32((int)wanted->polar);
            const __m256i found = _mm256_and_si256(counts, flag);
            const __m256i weight = wanted->polar == CELL_EN
                                       ? _mm256_srai_epi32(rest, 24)
                                       : _mm256_srai_epi32(_mm256_slli_epi32(rest, 8), 24);
            add_grams(w, wanted, begin + k,
                      _mm256_and_si256(weight, _mm256_cmpeq_epi32(found, flag)));
            polar = _mm256_add_epi32(polar, found);
            const unsigned rows = which(counts, wanted->labels);
            keep(order, rows, cell, w->rows + w->n_rows);
            w->n_rows += (unsigned)_mm_popcnt_u32(rows);
        }
        const unsigned words = wanted->words ? which(link, wanted->words) : 0;
        if (words) {
            keep(order, words, cell, w->words + w->n_words);
            keep(order, words, _mm256_add_epi32(places, _mm256_set1_epi32((int)k)),
                 w->places + w->n_words);
            w->n_words += (unsigned)_mm_popcnt_u32(words);
        }
    }
    uint32_t sums[WALK_WIDE];
    _mm256_storeu_si256((__m256i *)sums, polar);
    for (size_t i = 0; i < WALK_WIDE; i++)
        w->n_polar += sums[i];
    _mm256_storeu_si256((__m256i *)sums, flags);
    for (size_t i = 0; i < WALK_WIDE; i++)
        w->flags |= sums[i];
}

#else

bool walk_is_wide(void)
{
    return false;
}

void walk_wide(struct walk *w, const struct wanted *wanted, uint32_t begin, size_t n,
               uint32_t depth)
{
    (void)w, (void)wanted, (void)begin, (void)n, (void)depth;
}

#endif
