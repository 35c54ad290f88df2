/* span: a borrowed run of bytes. The words everything else passes text around with.
 *
 * Thread: any; plain values. Ownership: a span owns nothing; whoever made the bytes (an arena, an
 * mmapped file, an LMDB page inside a transaction) says how long they live. Not NUL-terminated.
 * An absent value is {NULL, 0}; an empty but present one has p != NULL. */
#ifndef VOC_BASE_SPAN_H
#define VOC_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN_LIT(s) ((struct span){(s), sizeof(s) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
#define SPAN_FMT(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct span span_of(const char *p, size_t n)
{
    return (struct span){p, n};
}

/* NULL gives an absent span. */
static inline struct span span_str(const char *s)
{
    return s ? (struct span){s, strlen(s)} : SPAN_NONE;
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_is(struct span a, const char *s)
{
    return span_eq(a, span_str(s));
}

static inline bool span_starts(struct span a, struct span prefix)
{
    return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

/* Bytewise order, shorter first on a tie; <0, 0, >0. */
int span_cmp(struct span a, struct span b);
/* ASCII case is folded, other bytes compared as they are. */
bool span_eq_nocase(struct span a, struct span b);
/* Without leading and trailing ASCII white space. */
struct span span_trim(struct span s);
/* Offset of the first `c`, or s.n. */
size_t span_find_char(struct span s, char c);
/* Offset of the first `needle`, or SIZE_MAX. An empty needle is found at 0. */
size_t span_find(struct span s, struct span needle);
/* Whole-span integer and number; 0, -EINVAL (not one), -ERANGE. No leading space, no hex, no
 * "inf"/"nan", no locale. */
int span_to_i64(struct span s, int64_t *ret);
int span_to_f64(struct span s, double *ret);
/* `*` any run, `?` one code point; both whole-string, ASCII case folded. Linear in s.n * pattern.n.
 */
bool span_glob(struct span s, struct span pattern);

#endif
