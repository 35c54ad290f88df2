#include "daemon/format/xlsx_number.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/time.h"

#define MAX_DAYS 2958466.0 /* of the year 9999 */
#define EXACT 1e15         /* whole numbers below it print as such */

enum xlsx_format xlsx_format_builtin(unsigned id)
{
    if (id == 46)
        return XLSX_ELAPSED;
    bool date = (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || id == 45 || id == 47 ||
                (id >= 50 && id <= 58) || (id >= 71 && id <= 81);
    return date ? XLSX_DATE : XLSX_PLAIN;
}

/* Where the literal or escaped text at `at` ends; `at` when there is none. */
static size_t skip_literal(struct span code, size_t at)
{
    char c = code.p[at];

    if (c == '\\' || c == '_' || c == '*')
        return at + 2 < code.n ? at + 2 : code.n;
    if (c != '"')
        return at;
    size_t end = at + 1;
    while (end < code.n && code.p[end] != '"')
        end++;
    return end < code.n ? end + 1 : code.n;
}

/* [h], [mm], [ss] count on past a day; others are colours, conditions, languages. */
static bool is_elapsed(struct span bracket)
{
    char first = bracket.n ? (char)(bracket.p[0] | 0x20) : '\0';

    if (first != 'h' && first != 'm' && first != 's')
        return false;
    for (size_t i = 0; i < bracket.n; i++)
        if ((bracket.p[i] | 0x20) != first)
            return false;
    return true;
}

enum xlsx_format xlsx_format_of(struct span code)
{
    for (size_t i = 0; i < code.n && code.p[i] != ';';) {
        size_t next = skip_literal(code, i);
        if (next > i) {
            i = next;
        } else if (code.p[i] == '[') {
            struct span in = span_of(code.p + i + 1, code.n - i - 1);
            in.n = span_find_char(in, ']');
            if (is_elapsed(in))
                return XLSX_ELAPSED;
            i += in.n + 2;
        } else if (memchr("yYmMdDhHsS", code.p[i], 10)) {
            return XLSX_DATE;
        } else {
            i++;
        }
    }
    return XLSX_PLAIN;
}

static size_t plain_text(double v, char out[XLSX_NUMBER_TEXT])
{
    bool whole = fabs(v) < EXACT && v >= floor(v) && v <= floor(v);
    int n = snprintf(out, XLSX_NUMBER_TEXT, whole ? "%.0f" : "%.15g", v);

    return n > 0 ? (size_t)n : 0;
}

static size_t clock_text(int64_t ms, char *out, size_t size)
{
    int n = snprintf(out, size, "%02d:%02d:%02d", (int)(ms / MS_HOUR), (int)(ms / MS_MINUTE % 60),
                     (int)(ms / MS_SECOND % 60));
    if (ms % MS_SECOND)
        n += snprintf(out + n, size - (size_t)n, ".%03d", (int)(ms % MS_SECOND));
    return (size_t)n;
}

/* Day 60 of 1900's count is a February 29 that never was: written as such, for the reader of dates
 * to refuse. */
static size_t date_text(int64_t days, int64_t ms, bool date1904, char out[XLSX_NUMBER_TEXT])
{
    int year = 1900, month = 2, day = 29;

    if (date1904)
        civil_from_days(civil_to_days(1904, 1, 1) + days, &year, &month, &day);
    else if (days != 60)
        civil_from_days(civil_to_days(1899, 12, 31) + days - (days > 60), &year, &month, &day);
    int n = snprintf(out, XLSX_NUMBER_TEXT, "%04d-%02d-%02d", year, month, day);
    if (ms == 0)
        return (size_t)n;
    out[n++] = ' ';
    return (size_t)n + clock_text(ms, out + n, XLSX_NUMBER_TEXT - (size_t)n);
}

size_t xlsx_number_text(struct span number, enum xlsx_format format, bool date1904,
                        char out[XLSX_NUMBER_TEXT])
{
    double v;

    if (span_to_f64(number, &v) < 0)
        return 0;
    if (format == XLSX_PLAIN || !(v >= 0 && v < MAX_DAYS))
        return plain_text(v, out);
    /* A double holds a moment of our time to less than a microsecond. */
    int64_t ms = llround(v * (double)MS_DAY), days = ms / MS_DAY;
    if (format == XLSX_ELAPSED || days == 0)
        return clock_text(ms, out, XLSX_NUMBER_TEXT);
    return date_text(days, ms % MS_DAY, date1904, out);
}
