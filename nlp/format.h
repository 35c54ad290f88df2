/* format: the compiled tables file, byte for byte; shared by the builder and the reader.
 *
 * One header, then sections at 8-byte offsets, in the byte order of the machine (the file is made
 * where it is used; `magic` read backwards fails). Everything refers to everything by index, so the
 * file is mapped and used as it lies. `checksum` covers all bytes from `sections` to the end:
 * FNV-1a's step (xor, times 0x100000001b3) over 64-bit words in four interleaved lanes that are
 * folded the same way at the end. `version` is its low half, never 0. */
#ifndef VOC_NLP_FORMAT_H
#define VOC_NLP_FORMAT_H

#include <stdint.h>

#include "nlp/model.h"
#include "nlp/nlp_build.h"
#include "nlp/trie.h"

#define LEX_MAGIC UINT64_C(0x0a5845434f560d1a)
#define LEX_FORMAT 6
#define LEX_MAX_SIZE (UINT64_C(256) << 20)
#define LEX_MAX_KEY 64 /* code points of the longest key: bounds the scan at each position */
#define LEX_MAX_SYMBOLS 65000
#define LEX_N_PAGES 0x1100
#define LEX_MAX_NUMBER 1e6 /* of any weight or parameter: sums and products of them stay finite */
#define MARK_START 2       /* the n-gram marks around a text */
#define MARK_END 3

/* enum nlp_word_kind is continued by what rules need. */
enum { ATOM_TERM = WORD_KINDS, ATOM_PATTERN, ATOM_KINDS };

#define LEX_SECTIONS(X)                                                                            \
    X(PAGES, pages, uint16_t)                                                                      \
    X(BLOCKS, blocks, uint16_t)                                                                    \
    X(CELLS, cells, struct lex_cell)                                                               \
    X(RANKS, ranks, struct lex_rank) /* of words, Korean rows, English rows */                     \
    X(WORDS, words, uint32_t)                                                                      \
    X(POSTINGS, postings, struct lex_posting)                                                      \
    X(ATOMS, atoms, struct lex_atom)                                                               \
    X(SLOTS, slots, struct lex_slot)                                                               \
    X(PHRASES, phrases, struct lex_phrase)                                                         \
    X(RULES, rules, struct lex_rule)                                                               \
    X(PATTERNS, patterns, struct lex_pattern)                                                      \
    X(CODES, codes, struct lex_str)                                                                \
    X(LABELS, labels, struct lex_label)                                                            \
    X(ROWS_KO, rows_ko, struct lex_label_row)                                                      \
    X(ROWS_EN, rows_en, struct lex_label_row)                                                      \
    X(FEATURES, features, struct lex_feature)                                                      \
    X(PARAMS, params, double)                                                                      \
    X(STRINGS, strings, char)

enum lex_section {
#define X(id, field, type) LEX_##id,
    LEX_SECTIONS(X)
#undef X
        LEX_SECTION_COUNT
};

struct lex_header {
    uint64_t magic;
    uint32_t format, version;
    uint64_t size, checksum;
    struct {
        uint64_t offset, count;
    } sections[LEX_SECTION_COUNT];
};

struct lex_str {
    uint32_t offset, length;
};

struct lex_atom {
    uint8_t kind, lang;
    uint16_t flags; /* enum nlp_word_flag */
    float weight;
    struct lex_str entry;
    uint32_t first, n; /* ATOM_TERM: slots; ATOM_PATTERN: first is the pattern */
};

struct lex_slot {
    uint32_t phrase, element;
};

enum lex_role { TERM_ANY, TERM_REQUIRE, TERM_EXCLUDE };

/* A term of a rule: `n` elements, each at most `gap` code points after the one before. */
struct lex_phrase {
    uint32_t rule;
    float weight;
    uint16_t n, gap;
    uint32_t role; /* enum lex_role */
    uint32_t first_state;
    struct lex_str entry;
};

struct lex_rule {
    uint8_t kind, lang, whole_text, requires;
    uint32_t kinds;
    uint32_t weighed; /* learned labels decide, this is one thing they look at */
    uint32_t feature; /* of `features`, 0: none */
    float threshold;
    struct lex_str code, name; /* "category:delivery/late" */
};

struct lex_pattern {
    uint32_t phrase;
    struct lex_str regex;
};

/* What learned labels an n-gram speaks for or against (lexicons/build/README.md, Labels):
 * `labels` has the lanes of Korean, then those of English. */
#define LEX_LANES 32

enum lex_label_kind {
    LABEL_NONE,
    LABEL_SENTIMENT,
    LABEL_TYPE,
    LABEL_CATEGORY,
    LABEL_SIGNAL,
    LABEL_DOMAIN, /* whether the text is about a service at all */
    LABEL_KINDS
};

struct lex_label {
    uint32_t kind; /* enum lex_label_kind */
    float scale;   /* one unit of weight */
    float bias;
    float threshold;
    uint32_t silenced;         /* a layer gives this code by its rules */
    struct lex_str code, name; /* late, category:late */
};

struct lex_label_row {
    int8_t weight[LEX_LANES];
};

/* What labels look at besides n-grams. `features` begins with the marks of Korean, then those of
 * English; those of rules follow. */
struct lex_feature {
    int16_t weight[LEX_LANES];
};

#endif
