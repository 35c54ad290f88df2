#include "base/span.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"

/* More digits than any double needs (767 decide the hardest rounding); longer input is refused. */
#define NUMBER_MAX 800

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

int span_cmp(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool span_eq_nocase(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (fold(a.p[i]) != fold(b.p[i]))
            return false;
    return true;
}

struct span span_trim(struct span s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t span_find_char(struct span s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;

    return hit ? (size_t)(hit - s.p) : s.n;
}

size_t span_find(struct span s, struct span needle)
{
    const char *hit;

    if (needle.n == 0)
        return 0;
    hit = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
    return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

int span_to_i64(struct span s, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    bool overflow = false;
    int64_t v = 0;

    if (s.n == (size_t)negative)
        return -EINVAL;
    for (size_t i = negative; i < s.n; i++) {
        int digit = s.p[i] - '0';

        if (!is_digit(s.p[i]))
            return -EINVAL;
        overflow = overflow || __builtin_mul_overflow(v, 10, &v) ||
                   __builtin_sub_overflow(v, negative ? digit : -digit, &v);
    }
    if (overflow)
        return -ERANGE;
    *ret = v;
    return 0;
}

static size_t skip_digits(struct span s, size_t i)
{
    while (i < s.n && is_digit(s.p[i]))
        i++;
    return i;
}

/* -?(digits[.digits]|.digits)([eE][+-]?digits)? over the whole span. */
static bool is_decimal(struct span s)
{
    size_t i = s.n && s.p[0] == '-';
    size_t start = i;

    i = skip_digits(s, i);
    if (i < s.n && s.p[i] == '.') {
        start = i + 1;
        i = skip_digits(s, start);
    }
    if (i == start)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        start = i;
        i = skip_digits(s, i);
        if (i == start)
            return false;
    }
    return i == s.n;
}

int span_to_f64(struct span s, double *ret)
{
    char text[NUMBER_MAX + 1];
    double v;

    if (!is_decimal(s))
        return -EINVAL;
    if (s.n > NUMBER_MAX)
        return -ERANGE;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    v = strtod(text, NULL);
    if (isinf(v))
        return -ERANGE;
    *ret = v;
    return 0;
}

static size_t step(struct span s, size_t i)
{
    uint32_t cp;
    unsigned n = utf8_decode(s.p + i, s.n - i, &cp);

    return i + (n ? n : 1);
}

/* Only the last star can be worth going back to: what an earlier one skipped, it can skip too. */
bool span_glob(struct span s, struct span pattern)
{
    size_t i = 0, j = 0, star = SIZE_MAX, resume = 0;

    while (i < s.n) {
        if (j < pattern.n && pattern.p[j] == '*') {
            star = ++j;
            resume = i;
        } else if (j < pattern.n && pattern.p[j] == '?') {
            i = step(s, i);
            j++;
        } else if (j < pattern.n && fold(s.p[i]) == fold(pattern.p[j])) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            resume = step(s, resume);
            i = resume;
            j = star;
        } else {
            return false;
        }
    }
    while (j < pattern.n && pattern.p[j] == '*')
        j++;
    return j == pattern.n;
}
