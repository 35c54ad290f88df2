#include "daemon/trust/mask_scan.h"

/* A number has at most MAX_DIGITS groups, so of a full chain the groups before the last MAX_DIGITS
 * are judged with all that may belong to them. */
enum { MAX_GROUPS = 48, MAX_DIGITS = 19, MAX_GAP = 3 };

/* --- characters --- */

int mask_digit(const char *p, size_t n, size_t *ret_n)
{
    if (n > 0 && p[0] >= '0' && p[0] <= '9') {
        *ret_n = 1;
        return p[0] - '0';
    }
    if (n >= 3 && memcmp(p, "\xef\xbc", 2) == 0) { /* U+FF10..U+FF19 */
        unsigned char c = (unsigned char)p[2];
        if (c >= 0x90 && c <= 0x99) {
            *ret_n = 3;
            return c - 0x90;
        }
    }
    return -1;
}

size_t mask_separator(const char *p, size_t n)
{
    static const struct span wide[] = {
        {"\xc2\xa0", 2},     /* no-break space */
        {"\xc2\xb7", 2},     /* middle dot */
        {"\xc2\xad", 2},     /* soft hyphen */
        {"\xe2\x80\x8b", 3}, /* zero-width space */
        {"\xe2\x80\x90", 3}, /* hyphen … */
        {"\xe2\x80\x91", 3}, {"\xe2\x80\x92", 3}, {"\xe2\x80\x93", 3},
        {"\xe2\x80\x94", 3}, {"\xe2\x80\x95", 3}, /* … horizontal bar */
        {"\xe2\x88\x92", 3},                      /* minus */
        {"\xe3\x80\x80", 3},                      /* ideographic space */
        {"\xe3\x83\xbb", 3},                      /* katakana middle dot */
        {"\xe3\x85\xa1", 3},                      /* ㅡ, typed for a dash */
        {"\xef\xbc\x8d", 3},                      /* full-width hyphen */
        {"\xef\xbc\x8e", 3},                      /* full-width stop */
        {"\xef\xbd\x9e", 3},                      /* full-width tilde */
        {"\xef\xbb\xbf", 3},                      /* zero-width no-break space */
    };
    if (n == 0)
        return 0;
    if (memchr(" -.()/~_,\t", p[0], 10))
        return 1;
    for (size_t i = 0; (unsigned char)p[0] >= 0x80 && i < sizeof wide / sizeof wide[0]; i++)
        if (span_starts(span_of(p, n), wide[i]))
            return wide[i].n;
    return 0;
}

/* --- numbers: runs of digits with little between them --- */

struct group {
    size_t start, end;
    unsigned digits;
    bool plus;   /* a '+' stands before it */
    bool hyphen; /* exactly one '-' stands between the one before and it */
};

struct chain {
    struct group groups[MAX_GROUPS];
    size_t n;
    struct span text;
};

/* The digits of groups [from, to), at most MAX_DIGITS. */
struct number {
    char d[MAX_DIGITS + 1];
    unsigned n;
};

static size_t read_group(struct span text, size_t at, struct group *g)
{
    size_t n;
    g->start = at;
    g->digits = 0;
    g->plus = at > 0 && text.p[at - 1] == '+';
    while (mask_digit(text.p + at, text.n - at, &n) >= 0) {
        g->digits++;
        at += n;
    }
    return g->end = at;
}

/* Groups with at most MAX_GAP separators between them, from the digit at `at` on. */
static size_t read_chain(struct span text, size_t at, struct chain *c)
{
    size_t n;
    c->text = text;
    c->n = 0;
    for (;;) {
        struct group *g = &c->groups[c->n++];
        size_t end = read_group(text, at, g), gap = 0, next = end;
        g->hyphen = c->n > 1 && at - g[-1].end == 1 && text.p[at - 1] == '-';
        while (gap < MAX_GAP && (n = mask_separator(text.p + next, text.n - next)) > 0) {
            next += n;
            gap++;
        }
        if (gap == 0 || c->n == MAX_GROUPS || mask_digit(text.p + next, text.n - next, &n) < 0)
            return end;
        at = next;
    }
}

static bool add_group(const struct chain *c, const struct group *g, struct number *num)
{
    size_t n = 0;
    if (num->n + g->digits > MAX_DIGITS)
        return false;
    for (size_t at = g->start; at < g->end; at += n)
        num->d[num->n++] = (char)('0' + mask_digit(c->text.p + at, c->text.n - at, &n));
    num->d[num->n] = '\0';
    return true;
}

/* A subscriber number after its area code: `rest` digits of it. */
static bool is_domestic(const char *d, unsigned n)
{
    if (n < 2 || d[0] == '0')
        return false;
    if (d[0] == '1') /* mobile: 010, 011, 016 … 019 */
        return d[1] != '3' && d[1] != '4' && d[1] != '5' && (n == 9 || n == 10);
    if (d[0] == '2') /* Seoul */
        return n == 8 || n == 9;
    if (d[0] == '5' && d[1] == '0') /* 050x personal numbers */
        return n == 10 || n == 11;
    return d[0] != '9' && (n == 9 || n == 10);
}

/* +44 …: of no length we know. */
static bool is_foreign(const struct number *num, const struct group *g)
{
    return g->plus && memcmp(num->d, "82", 2) != 0;
}

static bool is_phone(const struct number *num, const struct group *g, size_t n_groups)
{
    const char *d = num->d;
    unsigned n = num->n;
    if (is_foreign(num, g))
        return n >= 8 && n <= 15;
    if (n > 4 && memcmp(d, "00", 2) == 0) {
        d += 2;
        n -= 2;
    }
    if (n > 4 && memcmp(d, "82", 2) == 0) {
        unsigned zero = d[2] == '0';
        return is_domestic(d + 2 + zero, n - 2 - zero);
    }
    if (d == num->d && n > 1 && d[0] == '0')
        return is_domestic(d + 1, n - 1);
    /* 10-1234-5678: a spreadsheet took the zero. */
    return n_groups == 3 && n == 10 && g[0].digits == 2 && memcmp(d, "10", 2) == 0 &&
           g[1].digits == 4;
}

/* Six digits of a date, then seven: in one run, or with a border between the two. */
static bool is_rrn(const struct number *num, const struct group *g, size_t n)
{
    const char *d = num->d;
    unsigned front = 0;
    for (size_t i = 0; i < n && front < 6; i++)
        front += g[i].digits;
    if (num->n != 13 || (n > 1 && front != 6))
        return false;
    int month = (d[2] - '0') * 10 + d[3] - '0', day = (d[4] - '0') * 10 + d[5] - '0';
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
           (n > 1 || (d[6] >= '1' && d[6] <= '8'));
}

/* ISO/IEC 7812-1 annex B. */
static bool luhn(const struct number *num)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < num->n; i++) {
        unsigned v = (unsigned)(num->d[num->n - 1 - i] - '0') * (i % 2 ? 2 : 1);
        sum += v > 9 ? v - 9 : v;
    }
    return sum % 10 == 0;
}

/* Grouped like a card it is hidden whatever its check digit: people mistype. */
static bool is_card(const struct number *num, const struct group *g, size_t n)
{
    bool fours = n == 4 && num->n == 16 && g[0].digits == 4 && g[1].digits == 4 && g[2].digits == 4;
    bool amex = n == 3 && g[0].digits == 4 && g[1].digits == 6 && g[2].digits == 5;
    bool first = num->d[0] >= '3' && num->d[0] != '7' && num->d[0] != '8';
    return fours || amex || (num->n >= 13 && first && luhn(num));
}

/* Bank accounts as people write them: three or four groups, hyphens only; but not a date. */
static bool is_account(const struct number *num, const struct group *g, size_t n)
{
    if (n < 3 || n > 4 || num->n < 11 || num->n > 14 || g[0].digits < 3 || g[0].digits > 6)
        return false;
    for (size_t i = 1; i < n; i++)
        if (!g[i].hyphen)
            return false;
    bool year = memcmp(num->d, "19", 2) == 0 || memcmp(num->d, "20", 2) == 0;
    return !(year && g[0].digits == 4 && g[1].digits <= 2);
}

static int kind_of(const struct number *num, const struct group *g, size_t n)
{
    if (is_rrn(num, g, n))
        return PII_RRN;
    if (is_phone(num, g, n))
        return PII_PHONE;
    if (is_card(num, g, n))
        return PII_CARD;
    return is_account(num, g, n) ? PII_ACCOUNT : -1;
}

/* The shortest number beginning at group `from`, so that of two in a row each is found; but what
 * has may have a longer form goes on: by hyphens, by single digits, or abroad. Groups used, or 0.
 */
static size_t match_from(const struct chain *c, size_t from, struct mask_found *found)
{
    struct number num = {.n = 0};
    size_t used = 0;
    for (size_t to = from; to < c->n && add_group(c, &c->groups[to], &num); to++) {
        int kind = kind_of(&num, &c->groups[from], to - from + 1);
        if (kind < 0)
            continue;
        used = to - from + 1;
        *found = (struct mask_found){.kind = (enum pii_kind)kind,
                                     .start = c->groups[from].start - c->groups[from].plus,
                                     .end = c->groups[to].end};
        const struct group *next = to + 1 < c->n ? &c->groups[to + 1] : NULL;
        bool goes_on = next && (next->hyphen || next->digits == 1);
        if (!goes_on && !is_foreign(&num, &c->groups[from]))
            break;
    }
    return used;
}

static int scan_numbers(struct span text, mask_found_fn *fn, void *ctx)
{
    struct chain c;
    struct mask_found found;
    size_t n;
    for (size_t at = 0; at < text.n;) {
        if (mask_digit(text.p + at, text.n - at, &n) < 0) {
            at++;
            continue;
        }
        at = read_chain(text, at, &c);
        size_t i = 0, judged = c.n == MAX_GROUPS ? MAX_GROUPS - MAX_DIGITS : c.n;
        while (i < judged) {
            size_t used = match_from(&c, i, &found);
            int r = used ? fn(ctx, &found) : 0;
            if (r)
                return r;
            i += used ? used : 1;
        }
        if (i < c.n)
            at = c.groups[i].start;
    }
    return 0;
}

/* --- e-mail --- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Less than RFC 5322 grants: `=`, `/`, `&` and the like end the address in a URL. */
static bool is_local(char c)
{
    return is_alnum(c) || (c && strchr(".+-_%'", c));
}

/* Bytes of an at-sign at p: as it is, percent-encoded, full-width. */
static size_t at_sign(const char *p, size_t n)
{
    if (n > 0 && p[0] == '@')
        return 1;
    return n >= 3 && (memcmp(p, "%40", 3) == 0 || memcmp(p, "\xef\xbc\xa0", 3) == 0) ? 3 : 0;
}

/* End of a domain with a dot in it, or `from`. */
static size_t domain_end(struct span text, size_t from)
{
    size_t end = from, last_dot = 0;
    while (end < text.n && (is_alnum(text.p[end]) || text.p[end] == '-' || text.p[end] == '.')) {
        if (text.p[end] == '.' && end > from && end + 1 < text.n && is_alnum(text.p[end + 1]))
            last_dot = end;
        end++;
    }
    while (end > from && !is_alnum(text.p[end - 1]))
        end--;
    return last_dot ? end : from;
}

static int scan_emails(struct span text, mask_found_fn *fn, void *ctx)
{
    for (size_t at = 0, floor = 0; at < text.n; at++) {
        size_t sign = at_sign(text.p + at, text.n - at), start = at, from = at + sign;
        if (!sign)
            continue;
        start -= start > floor && text.p[start - 1] == ' ';
        from += from < text.n && text.p[from] == ' ';
        size_t local = start, end = domain_end(text, from);
        while (local > floor && is_local(text.p[local - 1]))
            local--;
        if (local == start || end == from)
            continue;
        struct mask_found found = {.kind = PII_EMAIL, .start = local, .end = end};
        int r = fn(ctx, &found);
        if (r)
            return r;
        floor = end;
        at = end - 1;
    }
    return 0;
}

int mask_scan(struct span text, mask_found_fn *fn, void *ctx)
{
    int r = scan_numbers(text, fn, ctx);
    return r ? r : scan_emails(text, fn, ctx);
}
