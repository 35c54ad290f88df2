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
    pcre2_code **compiled;      /* one a pattern */
    pcre2_match_context *match; /* limits; read-only in use */
    struct span *category_codes;
    size_t n_category_codes;
    size_t n_states; /* phrase states a scratch needs */
};

static inline uint16_t tables_sym(const struct nlp_tables *t, uint32_t cp)
{
    return t->blocks[(size_t)t->pages[cp >> 8] * 256 + (cp & 255)];
}

/* The child of cell `at` by `sym`, or 0. */
static inline uint32_t tables_child(const struct nlp_tables *t, uint32_t at, uint16_t sym)
{
    uint32_t next = (t->cells[at].link >> 8) + sym;
    return sym && t->cells[next].sym == sym ? next : 0;
}

static inline struct span tables_str(const struct nlp_tables *t, struct lex_str s)
{
    return span_of(t->strings + s.offset, s.length);
}

/* The numbers of the sentiment model for a language and kind, by enum lex_param. */
static inline const double *tables_params(const struct nlp_tables *t, enum lang lang,
                                          enum kind kind)
{
    return t->params + ((size_t)lang * 2 + (kind == KIND_REVIEW)) * PARAM_COUNT;
}

uint64_t tables_checksum(const void *p, size_t n);
/* For patterns, in the builder and the reader alike: NULL with *ret_error and *ret_offset set. */
pcre2_code *tables_compile(struct span regex, int *ret_error, size_t *ret_offset);

#endif
