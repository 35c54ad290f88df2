/* xlsx_number: what a number in a cell of a workbook stands for: itself, or a moment, which only
 * its format tells (ECMA-376-1 18.8.30, 18.17.4.1).
 *
 * Thread: any; pure. */
#ifndef VOC_FORMAT_XLSX_NUMBER_H
#define VOC_FORMAT_XLSX_NUMBER_H

#include "base/span.h"

enum xlsx_format {
    XLSX_PLAIN,
    XLSX_DATE,    /* days since the epoch, time as the fraction; below 1 a time of day */
    XLSX_ELAPSED, /* [h]:mm:ss */
};

enum { XLSX_NUMBER_TEXT = 48 };

/* What a format of the standard means that a workbook does not spell out; also those that Korean,
 * Japanese, Chinese and Thai ones have for dates. */
enum xlsx_format xlsx_format_builtin(unsigned id);
/* What a format's code means: `yyyy"년" m"월"`, `[$-412]AM/PM h:mm`, `[h]:mm`, `#,##0`. */
enum xlsx_format xlsx_format_of(struct span code);
/* Text as people read it: 2026-11-22, 2026-11-22 15:05:00, 15:05:00, 4.5, 1029. Days are counted
 * from 1904-01-01 or as if 1900 had had a February 29. What is no moment of its format is given as
 * the number. Returns the length; 0 when `number` is none. */
size_t xlsx_number_text(struct span number, enum xlsx_format format, bool date1904,
                        char out[XLSX_NUMBER_TEXT]);

#endif
