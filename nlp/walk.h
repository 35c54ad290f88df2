/* walk: the parts of one walk. Private to nlp/walk*.c.
 *
 * A level is one step of all places of a chunk; walk_wide.c does eight places at a time where the
 * machine can, with the same results as step() here. */
#ifndef VOC_NLP_WALK_H
#define VOC_NLP_WALK_H

#include "nlp/scratch.h"

#define WALK_ROWS 256 /* so many weights of a row add up within 16 bits */
#define WALK_WIDE 8   /* places at a time; arrays have room for as many past their end */

struct walk_input {
    const uint16_t *sym;      /* LEX_MAX_KEY of tables.no_sym follow the last */
    const uint32_t *position; /* of each symbol in the text; NULL: its index */
    size_t n;
    enum lang lang; /* Korean or English: whose words and n-grams */
    bool words, grams;
    bool wide; /* eight places at a time */
};
/* Finds every key at every place; words go to scan_words() a chunk at a time. 0 or -ENOMEM. */
int walk_text(const struct nlp_tables *t, struct nlp_scratch *s, const struct walk_input *in);

struct walk {
    const struct nlp_tables *t;
    struct nlp_scratch *s;
    const struct walk_input *in;
    uint32_t base[SCAN_CHUNK + WALK_WIDE]; /* what the cells of children count from; 0: ended */
    uint32_t rows[WALK_ROWS + SCAN_CHUNK + WALK_WIDE]; /* cells with labels, new in this text */
    uint32_t words[SCAN_CHUNK + WALK_WIDE];            /* cells of words of one level */
    uint32_t places[SCAN_CHUNK + WALK_WIDE];           /* of the words, in the chunk */
    size_t n_rows, n_words;
    uint32_t flags;   /* of all cells come through */
    uint32_t n_polar; /* n-grams with a weight, times their flag */
};

/* Which keys one pass is after: CELL_* each, one flag or none. */
struct wanted {
    uint32_t words, polar, labels;
};

bool walk_is_wide(void);
/* Takes places [0, n) of the chunk at `begin` one level on, eight at a time. */
void walk_wide(struct walk *w, const struct wanted *wanted, uint32_t begin, size_t n,
               uint32_t depth);

#endif
