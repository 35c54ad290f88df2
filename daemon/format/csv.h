/* csv: rows out of a streamed CSV or TSV body (RFC 4180), in UTF-8 or CP949, with a header row.
 *
 *   csv_feed(bytes);  while ((rc = csv_next(&row)) == 1) …;  … at the end: csv_end(), drain
 *
 * Quoted cells may hold delimiters, line ends and doubled quotes. A quote inside an unquoted cell
 * is a plain character. Line ends are \n or \r\n. Blank lines are skipped. A row that can not be
 * read is given with `bad` set and the reason, and reading goes on with the next line. In
 * tab-separated files, where many writers never quote, a cell that merely begins with a quote is
 * taken as written when reading it as quoted does not work out: text follows the closing quote, the
 * columns do not fit, or both a tab and a line end lie between the quotes.
 *
 * Encoding, unless told: a byte order mark, else whichever of UTF-8 and CP949 the first 64 KiB fit
 * better; plain ASCII so far leaves it to the first row that is not. CP949 is split before it is
 * converted: no second byte of it is a delimiter, quote or line end.
 *
 * Thread: one owner. Memory: one row (at most max_row bytes) and what was fed beyond it. Ownership:
 * a row's cells live until the next call. */
#ifndef VOC_FORMAT_CSV_H
#define VOC_FORMAT_CSV_H

#include "daemon/format/row.h"

enum csv_encoding { CSV_DETECT, CSV_UTF8, CSV_CP949 };

enum {
    CSV_MAX_COLUMNS = 512,
    CSV_DETECT_BYTES = 64 * 1024,
    CSV_FEED_MAX = 4 << 20, /* bytes fed and not drained */
};

struct csv_options {
    enum csv_encoding encoding;
    char delimiter; /* 0: tab, semicolon or comma, by the header line */
    size_t max_row; /* bytes; 0: 1 MiB */
};

struct csv;

/* 0, -ENOMEM, -ENOTSUP (the C library lacks CP949). */
int csv_new(const struct csv_options *opt, struct csv **ret);
void csv_free(struct csv *c); /* NULL is fine */
/* Copies. 0, -ENOBUFS when more than CSV_FEED_MAX waits, -ENOMEM. */
int csv_feed(struct csv *c, struct span bytes);
/* No more will be fed. */
void csv_end(struct csv *c);
/* 1 with a row; 0: feed more (or, after csv_end(), all was given); -EINVAL: the file as a whole can
 * not be read, csv_message() says why; -ENOMEM. */
int csv_next(struct csv *c, struct row *ret);
/* Names of the columns, trimmed; NULL until the header was read (before the first row at latest).
 */
const struct span *csv_header(const struct csv *c, size_t *ret_n);
const char *csv_message(const struct csv *c);
/* The encoding found; CSV_DETECT while all is ASCII. */
enum csv_encoding csv_encoding_found(const struct csv *c);
/* "utf-8", "cp949", "euc-kr", "ks_c_5601-1987", "windows-949", any case; -EINVAL. */
int csv_encoding_find(struct span name, enum csv_encoding *ret);

#endif
