/* pii: which kinds of personal data begin at a place of a text. Private to nlp/.
 *
 * Texts here are code points with width and case folded, dashes made one, and a 0 after the last.
 * Each reader looks a bounded way ahead and back, so a text is read in linear time. */
#ifndef VOC_NLP_PII_H
#define VOC_NLP_PII_H

#include "nlp/scratch.h"

struct pii_text {
    const uint32_t *cp;
    size_t n;
};

/* A run of digits in groups: 010-1234-5678 has three. */
#define PII_MAX_GROUPS 6
struct pii_number {
    size_t start, end;
    unsigned n_groups, n_digits;
    uint8_t group[PII_MAX_GROUPS]; /* digits in each */
    char digits[24];
    bool plus;   /* +82 … */
    bool spaced; /* some groups are apart by a space, not by a dash or dot */
};

/* The end of what begins at `i`, or 0; *ret_start may lie before i for what reads backwards. */
size_t pii_at(const struct pii_text *x, size_t i, size_t *ret_start, enum pii_kind *ret_kind);

static inline bool pii_is_digit(uint32_t cp)
{
    return cp - '0' < 10U;
}

static inline bool pii_is_hangul(uint32_t cp)
{
    return cp >= 0xAC00 && cp <= 0xD7A3;
}

static inline bool pii_is_latin(uint32_t cp)
{
    return cp - 'a' < 26U;
}

/* Whether one of the words (NULL-terminated, folded UTF-8) stands within `reach` code points before
 * `i`, with no more than that between. */
bool pii_before(const struct pii_text *x, size_t i, size_t reach, const char *const *words);
/* Whether `word` stands at `i`; its length in code points, or 0. */
size_t pii_word(const struct pii_text *x, size_t i, const char *word);
/* pii_kinds.c: what a number is; false for none. */
bool pii_number_kind(const struct pii_text *x, const struct pii_number *n, enum pii_kind *ret_kind);
/* pii_place.c */
size_t pii_address(const struct pii_text *x, size_t i, size_t *ret_start);
size_t pii_vehicle(const struct pii_text *x, size_t i);
size_t pii_passport(const struct pii_text *x, size_t i);
size_t pii_email(const struct pii_text *x, size_t i, size_t *ret_start);
/* pii_name.c: of people; and whether a text is worth a look: without a digit or an @ there is no
 * personal data but names in a frame. */
size_t pii_name(const struct pii_text *x, size_t i, size_t *ret_start);
bool pii_worth_reading(struct span text);
/* The two syllables each frame begins with; NULL past the last. */
const char *pii_frame(size_t i);

#endif
