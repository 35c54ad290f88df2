/* norm: the one form every text is read in, with the way back to the original bytes.
 *
 * NFC, lower case, full width to half, zero-width characters dropped, URLs to a space, white space
 * squeezed to one space, runs of three or more of a code point cut to two: the normalisation of
 * lexicons/build/README.md, which the learned tables are made with. Each text stands between
 * MARK_START and MARK_END. from[i], to[i] are the bytes of the original that became code point i
 * (a cut run belongs to its last code point).
 *
 * Thread: one owner. Memory grows to the largest text seen and is kept; linear in the input. */
#ifndef VOC_NLP_NORM_H
#define VOC_NLP_NORM_H

#include "base/span.h"

enum norm_class {
    CLASS_MARK,
    CLASS_SPACE,
    CLASS_NEWLINE, /* white space with a line break in it */
    CLASS_PUNCT,   /* symbols and emoji too */
    CLASS_DIGIT,
    CLASS_LATIN,
    CLASS_HANGUL,
    CLASS_JAMO,
    CLASS_LETTER, /* of any other script */
};

struct norm {
    uint32_t *cp, *from, *to;
    uint8_t *cls; /* enum norm_class */
    size_t n, cap;
    size_t hangul, latin; /* counts over all texts */
    bool irregular; /* digits, @, URLs, full width, compositions, invalid bytes: without any of
                       them the texts read here are the texts given, run lengths aside */
};

static inline bool class_is_word(uint8_t c)
{
    return c >= CLASS_DIGIT;
}

/* The first position from `i` on, below `end`, that is no part of a word; `end` for none. */
static inline size_t norm_next_gap(const struct norm *nm, size_t i, size_t end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t eight;
    for (; end - i >= 8; i += 8) {
        memcpy(&eight, nm->cls + i, 8);
        if (((eight + ones * (0x80 - CLASS_DIGIT)) & ones * 0x80) != ones * 0x80)
            break;
    }
    while (i < end && class_is_word(nm->cls[i]))
        i++;
    return i;
}

void norm_init(struct norm *nm);
void norm_done(struct norm *nm);
void norm_reset(struct norm *nm);
/* Appends one text; invalid bytes read as U+FFFD. 0 or -ENOMEM. */
int norm_append(struct norm *nm, struct span text);
/* Writes code points [a, b) as UTF-8 to `out`, which has room for 4 * (b - a); the length. */
size_t norm_utf8(const struct norm *nm, size_t a, size_t b, char *out);

#endif
