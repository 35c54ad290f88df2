/* tables: the compiled file, mapped and checked; what the rest of nlp/ looks things up in.
 *
 * Thread: immutable after open, shared freely; the reference count is atomic. Patterns are compiled
 * (PCRE2, JIT where the machine has it) when the file is opened. */
#ifndef VOC_NLP_TABLES_H
#define VOC_NLP_TABLES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>

#include "nlp/format.h"
#include "nlp/nlp.h"

/* The labels of one kind: their lanes and codes, in the order of the lanes. */
struct label_lanes {
    unsigned n;
    uint8_t lane[LEX_LANES];
    struct span code[LEX_LANES];
};

struct nlp_tables {
    atomic_uint refs;
    uint32_t version;
    void *map;
    size_t size;
#define X(id, field, type)                                                                         \
    const type *field;                                                                             \
    size_t n_##field;
    LEX_SECTIONS(X)
#undef X
    size_t rank_stride;                       /* ranks of one kind */
    uint16_t no_sym;                          /* no cell is reached by it */
    pcre2_code **compiled;                    /* one a pattern */
    pcre2_match_context *match;               /* limits; read-only in use */
    struct label_lanes lanes[2][LABEL_KINDS]; /* Korean, English; by enum lex_label_kind */
    struct span *category_codes;
    size_t n_category_codes;
    size_t n_states;     /* phrase states a scratch needs */
    struct known_lanes { /* of labels the vocabulary has, by language; -1: none */
        int8_t sentiment[SENTIMENT_COUNT], type[TYPE_COUNT], domain;
    } known[2];
};

static inline uint16_t tables_sym(const struct nlp_tables *t, uint32_t cp)
{
    const uint16_t sym = t->blocks[(size_t)t->pages[cp >> 8] * 256 + (cp & 255)];
    return sym ? sym : t->no_sym;
}

/* The child of cell `at` by `sym`, or 0. */
static inline uint32_t tables_child(const struct nlp_tables *t, uint32_t at, uint16_t sym)
{
    uint32_t next = (t->cells[at].link >> 8) + sym;
    return t->cells[next].sym == sym ? next : 0;
}

static inline uint32_t bits_count(uint32_t v)
{
    v -= v >> 1 & 0x55555555;
    v = (v & 0x33333333) + (v >> 2 & 0x33333333);
    return ((v + (v >> 4)) & 0x0F0F0F0F) * 0x01010101 >> 24;
}

/* The index of what `cell` has of `kind`; it must have some. */
static inline uint32_t tables_rank(const struct nlp_tables *t, enum lex_rank_kind kind,
                                   uint32_t cell)
{
    const struct lex_rank r = t->ranks[(size_t)kind * t->rank_stride + cell / 32];
    return r.before + bits_count(r.bits & ((UINT32_C(1) << cell % 32) - 1));
}

/* The postings of a cell with CELL_WORD; the last one has POST_LAST. */
static inline const struct lex_posting *tables_postings(const struct nlp_tables *t, uint32_t cell)
{
    return &t->postings[t->words[tables_rank(t, RANK_WORD, cell)]];
}

static inline struct span tables_str(const struct nlp_tables *t, struct lex_str s)
{
    return span_of(t->strings + s.offset, s.length);
}

/* The numbers of the sentiment model for a language, by enum lex_param. */
static inline const double *tables_params(const struct nlp_tables *t, enum lang lang)
{
    return t->params + (size_t)lang * PARAM_COUNT;
}

/* Whether a number may stand in a tables file. */
static inline bool tables_number_ok(double v)
{
    return v >= -LEX_MAX_NUMBER && v <= LEX_MAX_NUMBER; /* NaN is neither */
}

static inline bool tables_param_ok(enum lex_param param, double v)
{
    const bool confidence = param == PARAM_GATE_CONFIDENCE || param == PARAM_BAND_CONFIDENCE;
    return confidence ? v >= 0 && v <= 1 : tables_number_ok(v);
}

/* What a cell's n-gram says of the labels of a language, or NULL. */
static inline const struct lex_label_row *tables_label_row(const struct nlp_tables *t,
                                                           uint32_t cell, bool english)
{
    if (!(t->cells[cell].link & (english ? CELL_LABELS_EN : CELL_LABELS_KO)))
        return NULL;
    const uint32_t row = tables_rank(t, english ? RANK_EN : RANK_KO, cell);
    return english ? &t->rows_en[row] : &t->rows_ko[row];
}

/* The mark of this name, or -1. */
int label_mark_find(struct span name);
uint64_t tables_checksum(const void *p, size_t n);
/* For patterns, in the builder and the reader alike: NULL with *ret_error and *ret_offset set. */
pcre2_code *tables_compile(struct span regex, int *ret_error, size_t *ret_offset);

#endif
