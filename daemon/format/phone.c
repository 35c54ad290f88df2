#include "daemon/format/phone.h"

#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"

#define KOREA "82"

enum { DIGITS_MAX = 20 };

struct dialled {
    char digits[DIGITS_MAX + 1];
    size_t n;
    bool plus;
};

static bool is_separator(uint32_t cp)
{
    return cp == ' ' || cp == '-' || cp == '.' || cp == '(' || cp == ')' || cp == '/' ||
           cp == '\t' || cp == 0xA0 || (cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 ||
           cp == 0x3000 || cp == 0xFF0D || cp == 0xFF08 || cp == 0xFF09;
}

static int take(struct dialled *d, uint32_t cp)
{
    if (is_separator(cp))
        return 0;
    if ((cp == '+' || cp == 0xFF0B) && !d->plus && d->n == 0) {
        d->plus = true;
        return 0;
    }
    if (cp >= 0xFF10 && cp <= 0xFF19)
        cp = cp - 0xFF10 + '0';
    if (cp < '0' || cp > '9' || d->n == DIGITS_MAX)
        return -EINVAL;
    d->digits[d->n++] = (char)cp;
    d->digits[d->n] = '\0';
    return 0;
}

static int dialled_read(struct span s, struct dialled *d)
{
    s = span_trim(s);
    if (s.n >= 4 && span_eq_nocase(span_of(s.p, 4), SPAN_LIT("tel:")))
        s = span_of(s.p + 4, s.n - 4);
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        unsigned step = utf8_decode(s.p + i, s.n - i, &cp);
        if (step == 0 || take(d, cp) < 0)
            return -EINVAL;
        i += step;
    }
    return 0;
}

/* 1588-1234 and its like are dialled without an area code, from everywhere. */
static bool is_representative(const struct dialled *d)
{
    return d->n == 8 && d->digits[0] == '1' &&
           (d->digits[1] == '5' || d->digits[1] == '6' || d->digits[1] == '8');
}

static int write_number(const char *country, const char *rest, char out[PHONE_MAX])
{
    size_t n = strlen(country) + strlen(rest);

    if (n < 8 || n > PHONE_MAX - 2)
        return -EINVAL;
    snprintf(out, PHONE_MAX, "+%s%s", country, rest);
    return 0;
}

int phone_normalize(struct span s, char out[PHONE_MAX])
{
    struct dialled d = {0};
    const char *p = d.digits;
    bool international;

    if (dialled_read(s, &d) < 0)
        return -EINVAL;
    international = d.plus;
    if (!d.plus && strncmp(p, "00" KOREA, 4) == 0) {
        p += 2;
        international = true;
    }
    /* Exports often lose the '+': no national number begins with 8 at this length. */
    if (!d.plus && strncmp(p, KOREA, 2) == 0 && d.n >= 11 && d.n <= 13)
        international = true;
    if (international && strncmp(p, KOREA, 2) == 0)
        return write_number(KOREA, p[2] == '0' ? p + 3 : p + 2, out);
    if (international)
        return p[0] == '0' ? -EINVAL : write_number("", p, out);
    if (p[0] == '0' && p[1] != '0' && d.n >= 9 && d.n <= 12)
        return write_number(KOREA, p + 1, out);
    return is_representative(&d) ? write_number(KOREA, p, out) : -EINVAL;
}
