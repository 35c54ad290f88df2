/* mask: the one function between a person's data and those who may not see it plain. Every text an
 * agent gets goes through here: answers, errors, events, alerts, evidence.
 *
 * What is masked in a text: the places the analysis found (pii spans), the known values of the
 * person the text is about (name, e-mail, phone), and, whether or not anybody found them, whatever
 * looks like a phone number, resident number, card, e-mail or hyphenated account (ASCII or
 * full-width digits). Overlapping places become one.
 *
 * What stays visible: 홍*동, 010-****-5678, h***@example.com, 900101-*******, 1234-56**-****-3456,
 * 110-***-***789, M********, 11-**-******-**, 12가****, and of an address its 시/도 and 시/군/구.
 *
 * Thread: pure. Ownership: a plan lives in the caller's arena and borrows the text. */
#ifndef VOC_TRUST_MASK_H
#define VOC_TRUST_MASK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/record.h"

/* A value known to be of this kind (a customer's name field, an account number). PII_COUNT: of no
 * known kind; only its first character stays. Empty stays empty. 0 or the buffer's error. */
int mask_field(enum pii_kind kind, struct span value, struct buf *out);

/* The kind of personal data that values under this label are (`집주소`, `shippingAddress`), for
 * mask_field(); -1: nothing in particular, mask_text() will do. Mask the label itself as a text. */
int mask_label_kind(struct span label);

/* A whole text. Spans of other parts are skipped; spans out of bounds or inside a character are
 * widened to fit, never dropped. 0, -ENOMEM or the buffer's error; then nothing of `out` may be
 * shown. */
int mask_text(struct span text, uint16_t part, const struct pii_span *spans, size_t n,
              struct buf *out);

/* --- the same in steps, where pieces or positions of the masked text are needed --- */

struct mask_known { /* a value of the person, masked wherever it stands */
    enum pii_kind kind;
    struct span value; /* shorter than two characters: ignored */
};
/* A customer's id as a known value of kind PII_COUNT: absent when it is so short that it would hide
 * half of every text. */
struct span mask_known_id(struct span id);
struct mask_input {
    struct span text;
    uint16_t part;
    const struct pii_span *spans;
    size_t n_spans;
    const struct mask_known *known;
    size_t n_known;
};
struct mask_edit {
    uint32_t start, end;         /* bytes of the text */
    uint32_t out_start, out_end; /* bytes of the masked text */
    struct span shown;           /* what stands there instead */
};
struct mask_plan {
    struct span text;
    const struct mask_edit *edits; /* ascending, apart */
    size_t n_edits;
};
/* 0 or -ENOMEM. Text up to 4 GiB. */
int mask_plan(const struct mask_input *in, struct arena *a, struct mask_plan *ret);
/* The masked form of bytes [start, end) of the text; a masked place it only touches is shown whole
 * (masked). */
int mask_slice(const struct mask_plan *p, uint32_t start, uint32_t end, struct buf *out);
/* Where a byte offset of the text is in the masked text; inside a masked place: its start, or its
 * end when `is_end`. */
uint32_t mask_offset(const struct mask_plan *p, uint32_t offset, bool is_end);

#endif
