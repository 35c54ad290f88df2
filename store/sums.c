#include "store/sums.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

/* Words of a cell, in this order, each group only when wanted. */
enum { ROWS_WORDS = 1, SENTIMENT_WORDS = 6, CSAT_WORDS = 2, NPS_WORDS = 3, MOMENT_WORDS = 3 };
enum { RESPONSE_WORDS = 2 };

static size_t words_of(unsigned want, unsigned what)
{
    if (!(want & what))
        return 0;
    switch (what) {
    case STORE_SENTIMENT:
        return SENTIMENT_WORDS;
    case STORE_CSAT:
        return CSAT_WORDS;
    case STORE_NPS:
        return NPS_WORDS;
    case STORE_CES:
    case STORE_RATING:
        return MOMENT_WORDS;
    case STORE_RESPONSE:
        return RESPONSE_WORDS;
    default:
        return 0;
    }
}

/* Where the words of `what` begin; of STORE_CONVERSATIONS: the end of all. */
static size_t offset_of(unsigned want, unsigned what)
{
    size_t at = ROWS_WORDS;
    for (unsigned w = STORE_SENTIMENT; w < what; w <<= 1)
        at += words_of(want, w);
    return at;
}

static size_t stride_of(unsigned want)
{
    return offset_of(want, STORE_CONVERSATIONS);
}

bool sums_fit(unsigned want, size_t n_cells)
{
    return n_cells <= SUMS_BYTES_MAX / sizeof(union sums_word) / stride_of(want);
}

int sums_new(unsigned want, size_t n_cells, struct scaled_table scaled, struct sums **ret)
{
    if (!sums_fit(want, n_cells))
        return -VOC_E_BUDGET;
    struct sums *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->want = want;
    s->stride = stride_of(want);
    s->n_cells = n_cells;
    s->scaled = scaled;
    s->cells = calloc(n_cells ? n_cells : 1, s->stride * sizeof(*s->cells));
    if (!s->cells) {
        free(s);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

void sums_free(struct sums *s)
{
    if (!s)
        return;
    free(s->cells);
    free(s);
}

void sums_block(struct sums *s, const struct block *b)
{
    const struct column *col = b->col;
    if (s->want & STORE_SENTIMENT) {
        column_read_u32(&col[COL_SENTIMENT], 0, b->n, s->sentiment);
        column_read_i64(&col[COL_POLARITY], b->n, s->polarity);
    }
    if (s->want & STORE_RESPONSE)
        column_read_u32(&col[COL_FLAGS], 0, b->n, s->flags);
    if (s->want & STORE_CSAT)
        column_read_u32(&col[COL_CODE + FACT_CSAT], 0, b->n, s->csat);
    if (s->want & STORE_NPS)
        column_read_u32(&col[COL_CODE + FACT_NPS], 0, b->n, s->nps);
    if (s->want & STORE_CES)
        column_read_u32(&col[COL_CODE + FACT_CES], 0, b->n, s->ces);
    if (s->want & STORE_RATING)
        column_read_u32(&col[COL_CODE + FACT_RATING], 0, b->n, s->rating);
}

static void add_sentiment(union sums_word *w, uint32_t sentiment, int64_t polarity)
{
    if (sentiment == SENTIMENT_NONE || sentiment > SENTIMENT_POSITIVE)
        return;
    w[sentiment - SENTIMENT_NEGATIVE].n++;
    if (polarity == FACT_NO_POLARITY)
        return;
    w[3].n++;
    w[4].i += polarity;
    w[5].i += polarity * polarity;
}

static void add_csat(union sums_word *w, const struct scaled_answer *a)
{
    w[0].n += a->answer.has;
    w[1].n += a->answer.has && a->top;
}

static void add_nps(union sums_word *w, const struct scaled_answer *a)
{
    w[0].n += a->answer.has;
    w[1].n += a->promoter;
    w[2].n += a->detractor;
}

static void add_moment(union sums_word *w, double v)
{
    w[0].n++;
    w[1].d += v;
    w[2].d += v * v;
}

static void add_answers(struct sums *s, unsigned what, const uint32_t *codes, const uint32_t *rows,
                        const uint32_t *cells, size_t n)
{
    size_t at = offset_of(s->want, what);
    if (!(s->want & what))
        return;
    for (size_t i = 0; i < n; i++) {
        const struct scaled_answer *a = scaled_at(&s->scaled, codes[rows[i]]);
        union sums_word *w = s->cells + cells[i] * s->stride + at;
        if (!a->answer.has)
            continue;
        if (what == STORE_CSAT)
            add_csat(w, a);
        else if (what == STORE_NPS)
            add_nps(w, a);
        else if (what == STORE_CES)
            add_moment(w, a->answer.value);
        else if (!isnan(a->ratio))
            add_moment(w, a->ratio);
    }
}

void sums_add(struct sums *s, const uint32_t *rows, const uint32_t *cells, size_t n)
{
    size_t at;
    for (size_t i = 0; i < n; i++)
        s->cells[cells[i] * s->stride].n++;
    if (s->want & STORE_SENTIMENT) {
        at = offset_of(s->want, STORE_SENTIMENT);
        for (size_t i = 0; i < n; i++)
            add_sentiment(s->cells + cells[i] * s->stride + at, s->sentiment[rows[i]],
                          s->polarity[rows[i]]);
    }
    add_answers(s, STORE_CSAT, s->csat, rows, cells, n);
    add_answers(s, STORE_NPS, s->nps, rows, cells, n);
    add_answers(s, STORE_CES, s->ces, rows, cells, n);
    add_answers(s, STORE_RATING, s->rating, rows, cells, n);
    if (s->want & STORE_RESPONSE) {
        at = offset_of(s->want, STORE_RESPONSE);
        for (size_t i = 0; i < n; i++) {
            union sums_word *w = s->cells + cells[i] * s->stride + at;
            uint32_t flags = s->flags[rows[i]];
            w[0].n += (flags & FACT_SURVEYED) != 0;
            w[1].n += (flags & FACT_SURVEYED) && (flags & FACT_ANSWERED);
        }
    }
}

static const union sums_word *words(const struct sums *s, size_t cell, unsigned what)
{
    return s->want & what ? s->cells + cell * s->stride + offset_of(s->want, what) : NULL;
}

static void read_moment(const union sums_word *w, struct store_moments *to)
{
    if (!w)
        return;
    to->n += w[0].n;
    to->sum += w[1].d;
    to->sum2 += w[2].d;
}

void sums_read(const struct sums *s, size_t cell, struct store_sums *to)
{
    const union sums_word *w;
    to->rows += s->cells[cell * s->stride].n;
    if ((w = words(s, cell, STORE_SENTIMENT))) {
        to->negative += w[0].n;
        to->neutral += w[1].n;
        to->positive += w[2].n;
        to->polarity.n += w[3].n;
        to->polarity.sum += (double)w[4].i / 1e4;
        to->polarity.sum2 += (double)w[5].i / 1e8;
    }
    if ((w = words(s, cell, STORE_CSAT))) {
        to->csat_n += w[0].n;
        to->csat_top += w[1].n;
    }
    if ((w = words(s, cell, STORE_NPS))) {
        to->nps_n += w[0].n;
        to->promoters += w[1].n;
        to->detractors += w[2].n;
    }
    read_moment(words(s, cell, STORE_CES), &to->ces);
    read_moment(words(s, cell, STORE_RATING), &to->rating);
    if ((w = words(s, cell, STORE_RESPONSE))) {
        to->surveyed += w[0].n;
        to->answered += w[1].n;
    }
}
