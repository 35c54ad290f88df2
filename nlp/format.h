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

#include "nlp/nlp_build.h"
#include "nlp/trie.h"

#define LEX_MAGIC UINT64_C(0x0a5845434f560d1a)
#define LEX_FORMAT 5
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
    LABEL_KINDS
};

struct lex_label {
    uint32_t kind; /* enum lex_label_kind */
    float scale;   /* one unit of weight */
    float threshold;
    struct lex_str code;
};

struct lex_label_row {
    int8_t weight[LEX_LANES];
};

/* The numbers of the sentiment model, per language, for all kinds and then for reviews;
 * lexicons/??/model.tsv sets them. */
#define LEX_PARAMS(X)                                                                              \
    X(NGRAM_SLOPE, "ngram_slope", 0.0) /* these four: lexicons/build/README.md */                  \
    X(NGRAM_BIAS, "ngram_bias", 0.0)                                                               \
    X(NGRAM_DAMP, "ngram_damp", 0.0)                                                               \
    X(NGRAM_WORDS, "ngram_words", 0.0)                                                             \
    X(CURATED_SCALE, "curated_scale", 1.0)   /* curated sum to log-odds */                         \
    X(POLARITY_SCALE, "polarity_scale", 0.5) /* polarity = tanh(scale * log-odds) */               \
    X(NEGATE_POSITIVE, "negate_positive", -0.9)                                                    \
    X(NEGATE_NEGATIVE, "negate_negative", -0.6)                                                    \
    X(NEG_WINDOW, "neg_window", 1) /* words between a neg_pre and what it negates */               \
    X(CONTRAST_BEFORE, "contrast_before", 0.5)                                                     \
    X(PAST_FACTOR, "past_factor", 0.2)                                                             \
    X(GATE_NGRAM, "gate_ngram", 0.25) /* what a question keeps of its learned sum */               \
    X(GATE_CURATED, "gate_curated", 0.3)                                                           \
    X(GATE_POSITIVE, "gate_positive", 2.0) /* log-odds beside a question that keep the label */    \
    X(GATE_NEGATIVE, "gate_negative", 0.8) /* the same, negative */                                \
    X(OVERRULE, "overrule", 1.0)           /* 0: n-grams inside negations and idioms count too */  \
    X(LABEL_RULE, "label_rule", 0.6)     /* what a rule's word adds to a learned label's score */  \
    X(LABEL_SCALE, "label_scale", 0.0)   /* learned stance to log-odds */                          \
    X(NEUTRAL_BAND, "neutral_band", 0.2) /* |polarity| below is neutral */                         \
    X(BARE_BAND, "bare_band", 0.4)       /* the same with no curated word in the text */           \
    X(FAILURE_FLOOR, "failure_floor", 0.5) /* curated sum a reported failure is at least worth */  \
    X(OFF_TOPIC, "off_topic", 1.0) /* of the curated scale where no category is spoken of */       \
    X(FAILURE_REACH, "failure_reach", 1.0) /* log-odds from which words outvote a report */        \
    X(PLATT_SLOPE, "platt_slope", 1.0) /* confidence = 1/(1+exp(-(slope*|log-odds|+offset))) */    \
    X(PLATT_OFFSET, "platt_offset", 0.0)                                                           \
    X(GATE_CONFIDENCE, "gate_confidence", 0.85) /* of neutral by the gate */                       \
    X(BAND_CONFIDENCE, "band_confidence", 0.6)  /* of neutral for want of evidence */

enum lex_param {
#define X(id, name, value) PARAM_##id,
    LEX_PARAMS(X)
#undef X
        PARAM_COUNT
};

#endif
