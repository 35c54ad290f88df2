/* pii: which kinds of personal data begin at a place of a text. Private to nlp/.
 *
 * Texts here are code points with width and case folded, dashes made one, what is invisible left
 * out, and zeros after the last. Each reader looks a bounded way ahead and back, so a text is read
 * in linear time. */
#ifndef VOC_NLP_PII_H
#define VOC_NLP_PII_H

#include "nlp/scratch.h"

struct pii_text {
    const uint32_t *cp;
    size_t n;
    const uint32_t *at; /* where each stands in the original */
    const char *original;
    const struct pii_gate *gate;
};

/* What stands between two groups of digits, the least usual of a number. */
enum pii_join {
    PII_TIGHT,  /* 1-2, 1.2, 1)2 */
    PII_SPACED, /* 1 2, 1 - 2 */
    PII_LOOSE   /* 1/2, 1, 2, 1에 2 */
};

/* A run of digits in groups: 010-1234-5678 has three. */
#define PII_MAX_GROUPS 16
struct pii_number {
    size_t start, end;
    unsigned n_groups, n_digits;
    uint8_t group[PII_MAX_GROUPS]; /* digits in each */
    char digits[24];
    bool plus;  /* +82 … */
    bool glued; /* a dash and a letter stand right before it */
    enum pii_join join;
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

static inline bool pii_is_letter(uint32_t cp)
{
    return pii_is_hangul(cp) || pii_is_latin(cp);
}

/* Word lists are NULL-terminated, of folded UTF-8. Whether `word`, or one of `words`, stands at
 * `i`: its length in code points, or 0. Whether one stands wholly or begins within `reach` code
 * points before `i`, or begins within `reach` after. */
size_t pii_word(const struct pii_text *x, size_t i, const char *word);
size_t pii_one_of(const struct pii_text *x, size_t i, const char *const *words);
bool pii_before(const struct pii_text *x, size_t i, size_t reach, const char *const *words);
bool pii_after(const struct pii_text *x, size_t i, size_t reach, const char *const *words);
/* Digits at `i`: how many, or 0 when more than `most`. */
size_t pii_digits(const struct pii_text *x, size_t i, size_t most);
/* The start of a region (서울, 경기) that stands right before `i`, or `i`. */
size_t pii_region_before(const struct pii_text *x, size_t i);

/* pii_number.c: written in digits, and in syllables (공일공에 …). */
size_t pii_number(const struct pii_text *x, size_t i, enum pii_kind *ret_kind, size_t *ret_start);
size_t pii_spoken(const struct pii_text *x, size_t i, enum pii_kind *ret_kind);
bool pii_is_digit_syllable(uint32_t cp);
/* pii_kinds.c: what a number is; false for none. *ret_start: what belongs to it before. */
bool pii_number_kind(const struct pii_text *x, const struct pii_number *n, enum pii_kind *ret_kind,
                     size_t *ret_start);
/* The same of digits alone, as they are spoken; how many of them it takes, or 0. */
unsigned pii_spoken_kind(const struct pii_number *n, enum pii_kind *ret_kind);
/* pii_address.c, pii_mark.c */
size_t pii_address(const struct pii_text *x, size_t i, size_t *ret_start);
size_t pii_vehicle(const struct pii_text *x, size_t i, size_t *ret_start);
size_t pii_passport(const struct pii_text *x, size_t i);
size_t pii_email(const struct pii_text *x, size_t i, size_t *ret_start);
size_t pii_spelt_email(const struct pii_text *x, size_t i, size_t *ret_start);
/* pii_gate.c: whether a text may hold any, and whether any may begin at a place (or end before it):
 * cheap, and no to nearly all. */
void pii_gate_init(struct pii_gate *g);
bool pii_worth_reading(const struct pii_gate *g, struct span text);
bool pii_may_begin(const struct pii_text *x, size_t i);

/* pii_name.c: of people, by what frames them at `i`; beside other personal data that ends or begins
 * there. `chain`: that was a name. */
size_t pii_name(const struct pii_text *x, size_t i, size_t *ret_start);
size_t pii_latin_name(const struct pii_text *x, size_t i, size_t *ret_start);
bool pii_name_before(const struct pii_text *x, size_t i, size_t *ret_start, size_t *ret_end);
bool pii_name_after(const struct pii_text *x, size_t i, bool chain, size_t *ret_start,
                    size_t *ret_end);
/* One of what no text lacks that holds a name, a spelt e-mail or number and has neither digits nor
 * an
 * @: the trie looks for them. Folded UTF-8 of at most PII_FRAME_MAX bytes; NULL past the last. */
#define PII_FRAME_MAX 24
const char *pii_frame(size_t i);
/* pii_person.c: the end of the name that begins at `i` and is a word of its own but for a
 * particle; or 0. */
enum pii_trust {
    PII_LIKELY, /* only syllables that names are made of */
    PII_SURE    /* a label says that it is a name */
};
size_t pii_person(const struct pii_text *x, size_t i, enum pii_trust trust);
/* The start of the name that ends before `end`, a word of its own; or `end`. `said`: what follows
 * is said of a person only, so the last syllable is no particle. */
size_t pii_person_before(const struct pii_text *x, size_t end, enum pii_trust trust, bool said);

#endif
