/* text: the normalisation of lexicons/build/README.md, as code points.
 *
 * Used by the trainer and by `measure`. Written apart from the engine's on purpose: `measure`
 * compares what the two make of the same texts. Pure. */
#ifndef LEX_BUILD_TEXT_H
#define LEX_BUILD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_START = 0x110000, TEXT_END = 0x110001 };

struct cps {
    uint32_t *at;
    size_t n, max;
};

void cps_push(struct cps *c, uint32_t cp);
void cps_free(struct cps *c);

/* Undoes CSV quoting in place, up to twice; returns the new length. */
size_t text_unquote(char *s, size_t n);
/* Appends the normalised, marked text to `out`. `words`: step 7. Invalid UTF-8 appends nothing but
 * the marks. */
void text_normalise(const char *s, size_t n, bool words, struct cps *out);
/* A character of a word, as step 7 tells it from punctuation; false for the space and the marks. */
bool text_is_word(uint32_t cp);

#endif
