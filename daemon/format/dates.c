#include "daemon/format/dates.h"

#include "base/err.h"

struct reader {
    struct span s;
    size_t at;
};

static struct span rest(const struct reader *r)
{
    return span_of(r->s.p + r->at, r->s.n - r->at);
}

static bool accept(struct reader *r, struct span word)
{
    struct span left = rest(r);

    if (left.n < word.n || !span_eq_nocase(span_of(left.p, word.n), word))
        return false;
    r->at += word.n;
    return true;
}

static bool skip_spaces(struct reader *r)
{
    size_t before = r->at;

    while (accept(r, SPAN_LIT(" ")) || accept(r, SPAN_LIT("\t")) || accept(r, SPAN_LIT("\xC2\xA0")))
        ;
    return r->at > before;
}

/* Between min and max digits; gives their count, 0 when it is no such number. */
static int number(struct reader *r, int min, int max, int *ret)
{
    struct span left = rest(r);
    int digits = 0, v = 0;

    while ((size_t)digits < left.n && left.p[digits] >= '0' && left.p[digits] <= '9') {
        if (digits == max)
            return 0;
        v = v * 10 + (left.p[digits++] - '0');
    }
    if (digits < min)
        return 0;
    r->at += (size_t)digits;
    *ret = v;
    return digits;
}

/* --- the date --- */

static bool year_month_day_compact(struct reader *r, struct civil *c)
{
    int v;

    if (!number(r, 8, 8, &v))
        return false;
    c->year = v / 10000;
    c->month = v / 100 % 100;
    c->day = v % 100;
    return true;
}

static bool korean_date(struct reader *r, struct civil *c)
{
    if (!number(r, 4, 4, &c->year) || !accept(r, SPAN_LIT("년")))
        return false;
    skip_spaces(r);
    if (!number(r, 1, 2, &c->month) || !accept(r, SPAN_LIT("월")))
        return false;
    skip_spaces(r);
    return number(r, 1, 2, &c->day) && accept(r, SPAN_LIT("일"));
}

/* The same separator twice; after dots Korean writes a space, and a dot at the end. */
static bool separator(struct reader *r, char *sep)
{
    char c = r->at < r->s.n ? r->s.p[r->at] : '\0';

    if ((c != '-' && c != '.' && c != '/') || (*sep && c != *sep))
        return false;
    *sep = c;
    r->at++;
    if (c == '.')
        skip_spaces(r);
    return true;
}

static bool year_first(struct reader *r, struct civil *c)
{
    char sep = '\0';

    if (!number(r, 4, 4, &c->year) || !separator(r, &sep) || !number(r, 1, 2, &c->month) ||
        !separator(r, &sep) || !number(r, 1, 2, &c->day))
        return false;
    if (sep == '.')
        accept(r, SPAN_LIT("."));
    return true;
}

static bool year_last(struct reader *r, enum date_order order, struct civil *c)
{
    char sep = '\0';
    int first, second;

    if (!number(r, 1, 2, &first) || !separator(r, &sep) || !number(r, 1, 2, &second) ||
        !separator(r, &sep) || !number(r, 4, 4, &c->year))
        return false;
    c->day = order == DATE_DAY_FIRST ? first : second;
    c->month = order == DATE_DAY_FIRST ? second : first;
    return true;
}

static bool read_date(struct reader *r, enum date_order order, struct civil *c)
{
    struct reader begin = *r;

    if (year_first(r, c))
        return true;
    *r = begin;
    if (year_last(r, order, c))
        return true;
    *r = begin;
    if (korean_date(r, c))
        return true;
    *r = begin;
    return year_month_day_compact(r, c);
}

static void skip_weekday(struct reader *r)
{
    static const char days[] = "월화수목금토일";
    struct reader begin = *r;
    bool bracket;

    skip_spaces(r);
    bracket = accept(r, SPAN_LIT("("));
    for (const char *d = days; *d; d += 3) {
        if (!accept(r, span_of(d, 3)))
            continue;
        bool whole = accept(r, SPAN_LIT("요일"));
        if (bracket ? accept(r, SPAN_LIT(")")) : whole)
            return;
        break;
    }
    *r = begin;
}

/* --- the time --- */

enum meridiem { NO_MERIDIEM, AM, PM };

static enum meridiem read_meridiem(struct reader *r)
{
    if (accept(r, SPAN_LIT("오전")) || accept(r, SPAN_LIT("AM")) || accept(r, SPAN_LIT("A.M.")))
        return AM;
    if (accept(r, SPAN_LIT("오후")) || accept(r, SPAN_LIT("PM")) || accept(r, SPAN_LIT("P.M.")))
        return PM;
    return NO_MERIDIEM;
}

/* Digits after the point; what is finer than a millisecond is dropped. */
static bool fraction(struct reader *r, int *ret_ms)
{
    struct span left = rest(r);
    int ms = 0;
    size_t n = 0;

    for (; n < left.n && left.p[n] >= '0' && left.p[n] <= '9' && n < 9; n++)
        ms = n < 3 ? ms * 10 + (left.p[n] - '0') : ms;
    for (size_t i = n; i < 3; i++)
        ms *= 10;
    r->at += n;
    *ret_ms = ms;
    return n > 0;
}

static bool clock_time(struct reader *r, struct civil *c)
{
    if (!number(r, 1, 2, &c->hour) || !accept(r, SPAN_LIT(":")) || !number(r, 2, 2, &c->minute))
        return false;
    if (accept(r, SPAN_LIT(":")) && !number(r, 2, 2, &c->second))
        return false;
    return !accept(r, SPAN_LIT(".")) || fraction(r, &c->ms);
}

static bool korean_time(struct reader *r, struct civil *c)
{
    struct reader begin;

    if (!number(r, 1, 2, &c->hour) || !accept(r, SPAN_LIT("시")))
        return false;
    begin = *r;
    skip_spaces(r);
    if (!number(r, 1, 2, &c->minute) || !accept(r, SPAN_LIT("분"))) {
        *r = begin;
        return true;
    }
    begin = *r;
    skip_spaces(r);
    if (!number(r, 1, 2, &c->second) || !accept(r, SPAN_LIT("초")))
        *r = begin;
    return true;
}

/* 오전 12:30 is 00:30; the press writes 오전 0시 and 오후 0시 too. */
static bool apply_meridiem(enum meridiem m, struct civil *c)
{
    if (m == NO_MERIDIEM)
        return true;
    if (c->hour > 12)
        return false;
    c->hour = c->hour % 12 + (m == PM ? 12 : 0);
    return true;
}

static bool read_time(struct reader *r, struct civil *c)
{
    enum meridiem m = read_meridiem(r);
    struct reader begin;

    skip_spaces(r);
    begin = *r;
    if (!clock_time(r, c)) {
        *r = begin;
        c->minute = c->second = c->ms = 0;
        if (!korean_time(r, c))
            return false;
    }
    skip_spaces(r);
    if (m == NO_MERIDIEM)
        m = read_meridiem(r);
    return apply_meridiem(m, c);
}

static bool read_civil(struct span s, enum date_order order, struct civil *c)
{
    struct reader r = {s, 0};
    bool gap;

    if (!read_date(&r, order, c))
        return false;
    skip_weekday(&r);
    gap = skip_spaces(&r) || accept(&r, SPAN_LIT("T"));
    if (r.at == s.n)
        return !gap || s.p[s.n - 1] != 'T';
    return gap && read_time(&r, c) && r.at == s.n;
}

int date_parse(struct span s, const struct date_zone *zone, enum date_order order, int64_t *ret_ms)
{
    struct civil c = {0};
    int64_t as_utc;

    s = span_trim(s);
    if (time_parse_rfc3339(s, ret_ms) == 0)
        return 0;
    if (!read_civil(s, order, &c) || civil_to_ms(&c, &as_utc) < 0)
        return -EINVAL;
    if (zone && zone->to_utc)
        return zone->to_utc(zone->ctx, &c, ret_ms) < 0 ? -EINVAL : 0;
    *ret_ms = as_utc;
    return 0;
}
