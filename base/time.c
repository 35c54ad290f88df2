#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define OFFSET_MAX (24 * 60 - 1)

int64_t civil_to_days(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = (int)(yoe + era * 400 + (*ret_month <= 2));
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool in_range(int v, int low, int high)
{
    return v >= low && v <= high;
}

int civil_to_ms(const struct civil *c, int64_t *ret)
{
    if (!in_range(c->year, 0, 9999) || !in_range(c->month, 1, 12) ||
        !in_range(c->day, 1, month_days(c->year, c->month)) || !in_range(c->hour, 0, 23) ||
        !in_range(c->minute, 0, 59) || !in_range(c->second, 0, 59) || !in_range(c->ms, 0, 999))
        return -EINVAL;
    *ret = civil_to_days(c->year, c->month, c->day) * MS_DAY + c->hour * MS_HOUR +
           c->minute * MS_MINUTE + c->second * MS_SECOND + c->ms;
    return 0;
}

void civil_from_ms(int64_t ms, struct civil *ret)
{
    int64_t days = ms / MS_DAY;
    int64_t rest = ms % MS_DAY;

    if (rest < 0) {
        rest += MS_DAY;
        days--;
    }
    civil_from_days(days, &ret->year, &ret->month, &ret->day);
    ret->hour = (int)(rest / MS_HOUR);
    ret->minute = (int)(rest / MS_MINUTE % 60);
    ret->second = (int)(rest / MS_SECOND % 60);
    ret->ms = (int)(rest % MS_SECOND);
}

/* Takes exactly `width` digits off the front. */
static bool take_digits(struct span *s, int width, int *ret)
{
    int v = 0;

    if (s->n < (size_t)width)
        return false;
    for (int i = 0; i < width; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += width;
    s->n -= (size_t)width;
    *ret = v;
    return true;
}

static bool take_one_of(struct span *s, const char *set)
{
    if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
        return false;
    s->p++;
    s->n--;
    return true;
}

/* ".5" is 500 ms; what is finer than a millisecond is cut. */
static bool take_fraction(struct span *s, int *ret_ms)
{
    int ms = 0, digits = 0, d;

    if (!take_one_of(s, "."))
        return true;
    for (; take_digits(s, 1, &d); digits++)
        if (digits < 3)
            ms = ms * 10 + d;
    for (int i = digits; i < 3; i++)
        ms *= 10;
    *ret_ms = ms;
    return digits > 0;
}

static bool take_offset(struct span *s, int *ret_min)
{
    int hours, minutes;
    bool west = s->n && s->p[0] == '-';

    if (take_one_of(s, "Zz")) {
        *ret_min = 0;
        return true;
    }
    if (!take_one_of(s, "+-") || !take_digits(s, 2, &hours) || !take_one_of(s, ":") ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_min = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

int time_parse_rfc3339(struct span s, int64_t *ret_ms)
{
    struct civil c = {0};
    int offset;
    int64_t ms;

    if (!take_digits(&s, 4, &c.year) || !take_one_of(&s, "-") || !take_digits(&s, 2, &c.month) ||
        !take_one_of(&s, "-") || !take_digits(&s, 2, &c.day) || !take_one_of(&s, "Tt ") ||
        !take_digits(&s, 2, &c.hour) || !take_one_of(&s, ":") || !take_digits(&s, 2, &c.minute) ||
        !take_one_of(&s, ":") || !take_digits(&s, 2, &c.second) || !take_fraction(&s, &c.ms) ||
        !take_offset(&s, &offset) || s.n)
        return -EINVAL;
    if (c.second == 60) {
        c.second = 59;
        c.ms = 999;
    }
    if (civil_to_ms(&c, &ms) < 0)
        return -EINVAL;
    *ret_ms = ms - offset * MS_MINUTE;
    return 0;
}

size_t time_format_rfc3339(int64_t ms, int offset_min, char out[TIME_RFC3339_MAX])
{
    struct civil c;
    int64_t local;
    int n, away;

    if (!in_range(offset_min, -OFFSET_MAX, OFFSET_MAX) ||
        __builtin_add_overflow(ms, offset_min * MS_MINUTE, &local)) {
        offset_min = 0;
        local = ms;
    }
    civil_from_ms(local, &c);
    n = snprintf(out, TIME_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
                 c.hour, c.minute, c.second);
    if (c.ms)
        n += snprintf(out + n, TIME_RFC3339_MAX - (size_t)n, ".%03d", c.ms);
    away = abs(offset_min);
    if (away)
        n += snprintf(out + n, TIME_RFC3339_MAX - (size_t)n, "%c%02d:%02d",
                      offset_min < 0 ? '-' : '+', away / 60, away % 60);
    else
        n += snprintf(out + n, TIME_RFC3339_MAX - (size_t)n, "Z");
    return (size_t)n;
}

int time_parse_duration(struct span s, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {
        {'s', MS_SECOND}, {'m', MS_MINUTE}, {'h', MS_HOUR}, {'d', MS_DAY}, {'w', 7 * MS_DAY},
    };
    int64_t count, ms;

    if (s.n < 2 || s.p[0] == '-' || span_to_i64(span_of(s.p, s.n - 1), &count) < 0)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s.p[s.n - 1] != units[i].letter)
            continue;
        if (__builtin_mul_overflow(count, units[i].ms, &ms))
            return -EINVAL;
        *ret_ms = ms;
        return 0;
    }
    return -EINVAL;
}
