/* Numbers as people write them: groups of digits with dashes, spaces, dots, slashes or a particle
 * between, and digits spoken (공일공에 일이삼사에 …) or disguised (o1o, 공1공). */
#include "nlp/pii.h"

#define MIN_DIGITS 8  /* of any number that is personal data */
#define MAX_SPOKEN 16 /* digits */
#define SPOKEN_RUN 4  /* digits or gaps that must follow before it is read at all */

/* One or two of a mark, or a word said for it: how long; what it makes of the number. */
static size_t mark_at(const struct pii_text *x, size_t i, enum pii_join *join)
{
    static const char *const said[] = {"다시", "하이픈", "대시", "에", "의", NULL};
    switch (x->cp[i]) {
    case '-':
    case '.':
        return x->cp[i + 1] == x->cp[i] ? 2 : 1;
    case '(':
        return 1;
    case ')':
        return x->cp[i + 1] == '-' ? 2 : 1;
    case '/':
    case '_':
    case '~':
    case ',':
        *join = PII_LOOSE;
        return 1;
    default:
        break;
    }
    size_t n = pii_is_hangul(x->cp[i]) ? pii_one_of(x, i, said) : 0;
    if (n)
        *join = PII_LOOSE;
    return n;
}

/* What may part two groups: the place after it, or `i`. */
static size_t gap_after(const struct pii_text *x, size_t i, enum pii_join *join)
{
    enum pii_join is = PII_TIGHT;
    size_t at = i;
    bool before = x->cp[at] == ' ';
    at += before;
    size_t mark = mark_at(x, at, &is);
    bool bracket = mark && (x->cp[at] == ')' || x->cp[at] == '(' || x->cp[at] == '.');
    at += mark;
    bool after = mark && x->cp[at] == ' ';
    at += after;
    if (is == PII_TIGHT && (before || (after && !bracket)))
        is = PII_SPACED;
    *join = is > *join ? is : *join;
    return at;
}

struct reading {
    struct pii_number n;
    size_t ends[PII_MAX_GROUPS];
    enum pii_join joins[PII_MAX_GROUPS]; /* up to each group */
};

static void read_number(const struct pii_text *x, size_t i, struct reading *r)
{
    struct pii_number *n = &r->n;
    enum pii_join join = PII_TIGHT;
    *n = (struct pii_number){.start = i};
    n->plus = x->cp[i] == '+';
    i += n->plus;
    i += n->plus && x->cp[i] == '(';
    while (n->n_groups < PII_MAX_GROUPS) {
        unsigned k = 0;
        while (pii_is_digit(x->cp[i]) && n->n_digits + k < sizeof(n->digits)) {
            n->digits[n->n_digits + k] = (char)x->cp[i];
            k++;
            i++;
        }
        if (k == 0 || pii_is_digit(x->cp[i]))
            return;
        n->group[n->n_groups] = (uint8_t)k;
        n->n_digits += k;
        r->ends[n->n_groups] = i;
        r->joins[n->n_groups++] = join;
        n->end = i;
        n->join = join;
        i = gap_after(x, i, &join);
        if (i == n->end)
            return;
    }
}

static void drop_group(struct reading *r)
{
    struct pii_number *n = &r->n;
    n->n_groups--;
    n->n_digits -= n->group[n->n_groups];
    n->end = n->n_groups ? r->ends[n->n_groups - 1] : 0;
    n->join = n->n_groups ? r->joins[n->n_groups - 1] : PII_TIGHT;
}

/* Whether the digits go on where the number was cut. */
static bool is_open(const struct pii_text *x, size_t end)
{
    uint32_t next = x->cp[end];
    if (next == '-' || next == '.' || next == '_')
        return pii_is_digit(x->cp[end + 1]) || (next == '_' && pii_is_latin(x->cp[end + 1]));
    return pii_is_digit(next) || pii_is_latin(next) || next == '@' || next == '*';
}

/* 0 1 0 1 2 3 …: more groups than that only where each is one digit. */
static bool is_grouped(const struct pii_number *n)
{
    return n->n_groups <= 6 || n->n_groups == n->n_digits;
}

size_t pii_number(const struct pii_text *x, size_t i, enum pii_kind *ret_kind, size_t *ret_start)
{
    struct reading r;
    uint32_t before = i > 0 ? x->cp[i - 1] : 0, first = i > 1 ? x->cp[i - 2] : 0;
    bool dash = before == '-' || before == '.' || before == '_';
    if (pii_is_digit(before) || pii_is_latin(before) || (dash && pii_is_digit(first)))
        return 0;
    read_number(x, i, &r);
    r.n.glued = dash && pii_is_latin(first);
    while (r.n.n_groups > 0 && r.n.n_digits >= MIN_DIGITS) {
        size_t start = i;
        if (!is_open(x, r.n.end) && is_grouped(&r.n) &&
            pii_number_kind(x, &r.n, ret_kind, &start)) {
            *ret_start = start;
            return r.n.end;
        }
        drop_group(&r);
    }
    return 0;
}

/* --- spoken --- */

static int digit_of(uint32_t cp)
{
    switch (cp) {
    case 0xACF5: /* 공 */
    case 0xC601: /* 영 */
    case 0x3147: /* ㅇ */
    case 'o':
        return 0;
    case 0xC77C: /* 일 */
    case 'l':
        return 1;
    case 0xC774: /* 이 */
        return 2;
    case 0xC0BC: /* 삼 */
        return 3;
    case 0xC0AC: /* 사 */
        return 4;
    case 0xC624: /* 오 */
        return 5;
    case 0xC721: /* 육 */
    case 0xB959: /* 륙 */
        return 6;
    case 0xCE60: /* 칠 */
        return 7;
    case 0xD314: /* 팔 */
        return 8;
    case 0xAD6C: /* 구 */
        return 9;
    default:
        return pii_is_digit(cp) ? (int)(cp - '0') : -1;
    }
}

bool pii_is_digit_syllable(uint32_t cp)
{
    return pii_is_hangul(cp) && digit_of(cp) >= 0;
}

/* Whether so much of a number follows that it can be no word. */
static bool may_be_spoken(const struct pii_text *x, size_t i)
{
    enum pii_join join = PII_TIGHT;
    unsigned run = 0;
    while (run < SPOKEN_RUN && digit_of(x->cp[i]) >= 0) {
        run++;
        i++;
        if (run == 3 || run == 2)
            i = digit_of(x->cp[i]) < 0 ? gap_after(x, i, &join) : i;
    }
    return run == SPOKEN_RUN;
}

size_t pii_spoken(const struct pii_text *x, size_t i, enum pii_kind *ret_kind)
{
    size_t ends[MAX_SPOKEN + 1], at = i;
    enum pii_join join = PII_TIGHT;
    struct pii_number n = {.start = i};
    bool spoken = false;
    if ((i > 0 && (digit_of(x->cp[i - 1]) >= 0 || pii_is_latin(x->cp[i - 1]))) ||
        !may_be_spoken(x, i))
        return 0;
    while (n.n_digits < MAX_SPOKEN) {
        int v = digit_of(x->cp[at]);
        if (v < 0) {
            size_t next = gap_after(x, at, &join);
            v = next > at ? digit_of(x->cp[next]) : -1;
            at = next;
        }
        if (v < 0)
            break;
        spoken |= !pii_is_digit(x->cp[at]);
        n.digits[n.n_digits++] = (char)('0' + v);
        ends[n.n_digits] = ++at;
    }
    unsigned used = spoken ? pii_spoken_kind(&n, ret_kind) : 0;
    if (used == 0)
        return 0;
    at = ends[used]; /* one more is a particle: …칠육이요 */
    return digit_of(x->cp[at]) >= 0 && digit_of(x->cp[at + 1]) >= 0 ? 0 : at;
}
