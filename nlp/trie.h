/* trie: the part of the tables file (format.h) that texts are walked through.
 *
 * The trie is a double array over symbols: symbol = blocks[pages[cp >> 8] * 256 + (cp & 255)], 0
 * for code points no key has. The child of cell c by symbol s is cell base(c) + s if that cell's
 * `sym` is s; no two cells share a base, so `sym` alone proves the parent. Cell 0 is the root. */
#ifndef VOC_NLP_TRIE_H
#define VOC_NLP_TRIE_H

#include <stdint.h>

#include "nlp/nlp_build.h"

enum {
    CELL_WORD_KO = 1, /* a word that makes hits in Korean */
    CELL_WORD_EN = 2,
    CELL_LISTED = 4, /* a particle, ending or stop word: asked about, never a hit */
    CELL_WORD = CELL_WORD_KO | CELL_WORD_EN | CELL_LISTED,
    CELL_KO = 8, /* an n-gram with a weight of polarity */
    CELL_EN = 16,
    CELL_LABELS_KO = 32, /* an n-gram with weights of labels */
    CELL_LABELS_EN = 64,
    CELL_FRAME = 128, /* what may frame a person's name (pii_name.c) */
};

/* What the walk reads at every step; small, since nearly every one is a cache miss. */
struct lex_cell {
    uint32_t link; /* base << 8 | CELL_*; base 0: no children */
    uint16_t sym;
    int8_t ko, en; /* weights; 0 without CELL_KO, CELL_EN */
};

/* Which of 32 cells have something, and how many cells before them do: what the cells of one kind
 * have lies in an array without gaps, in the order of the cells, and this small index, which stays
 * in the cache, says where. */
struct lex_rank {
    uint32_t bits, before;
};

enum lex_rank_kind { RANK_WORD, RANK_KO, RANK_EN, RANK_KINDS };

/* words[rank] is where the postings of a cell's key begin. A posting has of its atom what decides
 * whether it is wanted. */
struct lex_posting {
    uint32_t atom; /* atom << 8 | POST_* */
    uint8_t kind, lang;
    uint16_t flags;
};

enum {
    POST_LAST = 1,
    POST_START = 2, /* begins a word */
    POST_END = 4,   /* ends a word */
    POST_JOSA = 8,  /* ends a word or is followed by particles only */
    POST_STEM = 16, /* an inflected form */
};

static inline int lex_is_listed(unsigned kind)
{
    return kind == WORD_JOSA || kind == WORD_ENDING || kind == WORD_STOP;
}

#endif
