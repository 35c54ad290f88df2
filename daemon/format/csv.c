#include "daemon/format/csv.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

#define ROW_MAX_DEFAULT ((size_t)1 << 20)
#define NO_ICONV ((iconv_t)-1)
enum { HEADER_ARENA_MAX = 4 << 20, ERRORS_COUNTED = 1000 };

struct cell {
    size_t start, end; /* in data */
    bool quoted, escaped;
};

enum state { AT_START, IN_PLAIN, IN_QUOTES, AFTER_QUOTE, SKIPPING };

struct csv {
    struct csv_options opt;
    struct buf data;  /* bytes fed; rows before `pos` are done with */
    size_t pos, scan; /* the row under way; what the machine has seen of it */
    enum state state;
    bool ended, started;
    bool literal; /* this row's quotes are plain characters */
    bool saw_quoted;
    uint64_t line, row_line;
    struct cell cells[CSV_MAX_COLUMNS + 1];
    size_t n_cells;
    struct span spans[CSV_MAX_COLUMNS];
    struct buf text; /* the row converted from CP949 */
    iconv_t cd;
    struct arena arena; /* the header */
    struct span *header;
    size_t n_header;
    char message[160];
};

static size_t max_row(const struct csv *c)
{
    return c->opt.max_row ? c->opt.max_row : ROW_MAX_DEFAULT;
}

int csv_new(const struct csv_options *opt, struct csv **ret)
{
    struct csv *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->opt = *opt;
    c->line = c->row_line = 1;
    buf_init(&c->data, max_row(c) + CSV_FEED_MAX);
    buf_init(&c->text, 2 * max_row(c) + 16); /* two bytes of CP949 are three of UTF-8 */
    arena_init(&c->arena, HEADER_ARENA_MAX);
    c->cd = iconv_open("UTF-8", "CP949");
    if (c->cd == NO_ICONV) {
        int rc = errno == ENOMEM ? -ENOMEM : -ENOTSUP;
        csv_free(c);
        return rc;
    }
    *ret = c;
    return 0;
}

void csv_free(struct csv *c)
{
    if (!c)
        return;
    if (c->cd != NO_ICONV)
        iconv_close(c->cd);
    buf_done(&c->data);
    buf_done(&c->text);
    arena_done(&c->arena);
    free(c);
}

int csv_feed(struct csv *c, struct span bytes)
{
    if (c->pos) {
        for (size_t i = 0; i <= c->n_cells; i++) { /* the open one too */
            c->cells[i].start -= c->pos;
            c->cells[i].end -= c->pos;
        }
        c->scan -= c->pos;
        buf_consume(&c->data, c->pos);
        c->pos = 0;
    }
    if (buf_add(&c->data, bytes) == 0)
        return 0;
    return c->data.error == -EMSGSIZE ? -ENOBUFS : c->data.error;
}

void csv_end(struct csv *c)
{
    c->ended = true;
}

const struct span *csv_header(const struct csv *c, size_t *ret_n)
{
    *ret_n = c->n_header;
    return c->header;
}

const char *csv_message(const struct csv *c)
{
    return c->message;
}

enum csv_encoding csv_encoding_found(const struct csv *c)
{
    return c->opt.encoding;
}

int csv_encoding_find(struct span name, enum csv_encoding *ret)
{
    static const struct {
        struct span name;
        enum csv_encoding encoding;
    } names[] = {
        {SPAN_LIT("utf-8"), CSV_UTF8},        {SPAN_LIT("utf8"), CSV_UTF8},
        {SPAN_LIT("cp949"), CSV_CP949},       {SPAN_LIT("ms949"), CSV_CP949},
        {SPAN_LIT("windows-949"), CSV_CP949}, {SPAN_LIT("euc-kr"), CSV_CP949},
        {SPAN_LIT("euckr"), CSV_CP949},       {SPAN_LIT("ks_c_5601-1987"), CSV_CP949},
        {SPAN_LIT("uhc"), CSV_CP949},         {SPAN_LIT("us-ascii"), CSV_UTF8},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_eq_nocase(name, names[i].name)) {
            *ret = names[i].encoding;
            return 0;
        }
    }
    return -EINVAL;
}

/* --- which encoding --- */

/* A sequence cut by the end of the sample is no error. */
static size_t utf8_errors(struct span s)
{
    size_t errors = 0, good = utf8_valid(s);

    while (good < s.n && s.n - good >= 4 && errors < ERRORS_COUNTED) {
        errors++;
        s = span_of(s.p + good + 1, s.n - good - 1);
        good = utf8_valid(s);
    }
    return errors;
}

static size_t cp949_errors(iconv_t cd, struct span s)
{
    char sink[4096], *in = (char *)s.p;
    size_t left = s.n, errors = 0;

    iconv(cd, NULL, NULL, NULL, NULL);
    while (left > 0 && errors < ERRORS_COUNTED) {
        char *out = sink;
        size_t room = sizeof sink;
        if (iconv(cd, &in, &left, &out, &room) != (size_t)-1 || errno == EINVAL)
            break;
        if (errno == EILSEQ) {
            errors++;
            in++;
            left--;
        }
    }
    return errors;
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static void detect_encoding(struct csv *c, struct span s)
{
    if (c->opt.encoding != CSV_DETECT || is_ascii(s))
        return;
    c->opt.encoding = cp949_errors(c->cd, s) < utf8_errors(s) ? CSV_CP949 : CSV_UTF8;
}

/* --- beginning --- */

static char detect_delimiter(struct span line)
{
    size_t tabs = 0, commas = 0, semicolons = 0;

    for (size_t i = 0; i < line.n; i++) {
        tabs += line.p[i] == '\t';
        commas += line.p[i] == ',';
        semicolons += line.p[i] == ';';
    }
    if (tabs)
        return '\t';
    return semicolons > commas ? ';' : ',';
}

static int unreadable(struct csv *c, const char *why)
{
    snprintf(c->message, sizeof c->message, "%s", why);
    return -EINVAL;
}

/* 1 when reading can begin, 0 when more bytes are needed to tell how. */
static int start(struct csv *c)
{
    struct span s = buf_span(&c->data);

    if (!c->ended && s.n < CSV_DETECT_BYTES && !(c->opt.encoding && c->opt.delimiter && s.n >= 3))
        return 0;
    if (span_starts(s, SPAN_LIT("\xFF\xFE")) || span_starts(s, SPAN_LIT("\xFE\xFF")))
        return unreadable(c, "the file is UTF-16; save it as UTF-8 or CP949");
    if (span_starts(s, SPAN_LIT("\xEF\xBB\xBF"))) {
        c->opt.encoding = CSV_UTF8;
        c->pos = c->scan = 3;
        s = span_of(s.p + 3, s.n - 3);
    }
    detect_encoding(c, s.n > CSV_DETECT_BYTES ? span_of(s.p, CSV_DETECT_BYTES) : s);
    if (!c->opt.delimiter)
        c->opt.delimiter = detect_delimiter(span_of(s.p, span_find_char(s, '\n')));
    c->started = true;
    return 1;
}

/* --- splitting --- */

enum scanned { MORE, ROW, BAD_QUOTE, OPEN_QUOTE, TOO_LONG, TOO_WIDE, SKIPPED, DRAINED };

/* A row never looks further than max_row, so that it reads the same however it was cut. */
static size_t row_limit(const struct csv *c)
{
    return c->data.n - c->pos > max_row(c) ? c->pos + max_row(c) : c->data.n;
}

static void begin_row(struct csv *c, size_t at)
{
    c->pos = c->scan = at;
    c->state = AT_START;
    c->n_cells = 0;
    c->literal = c->saw_quoted = false;
    c->row_line = c->line;
}

static void open_cell(struct csv *c, bool quoted)
{
    c->cells[c->n_cells] = (struct cell){.start = c->scan + quoted, .quoted = quoted};
    c->state = quoted ? IN_QUOTES : IN_PLAIN;
    c->saw_quoted = c->saw_quoted || quoted;
}

/* The cell ends at `end`; what follows is a delimiter or the end of the row. */
static enum scanned close_cell(struct csv *c, size_t end, bool last)
{
    struct cell *cell = &c->cells[c->n_cells];

    if (!cell->quoted) {
        if (last && end > cell->start && c->data.p[end - 1] == '\r')
            end--;
        cell->end = end;
    }
    c->n_cells++;
    c->state = AT_START;
    if (last)
        return ROW;
    return c->n_cells >= CSV_MAX_COLUMNS ? TOO_WIDE : MORE;
}

static enum scanned scan_plain(struct csv *c)
{
    const char *p = c->data.p;
    size_t n = row_limit(c), i = c->scan;
    char delimiter = c->opt.delimiter;

    while (i < n && p[i] != delimiter && p[i] != '\n')
        i++;
    c->scan = i;
    if (i == n)
        return MORE;
    c->scan = i + 1;
    c->line += p[i] == '\n';
    return close_cell(c, i, p[i] == '\n');
}

static enum scanned scan_quotes(struct csv *c)
{
    struct span rest = span_of(c->data.p + c->scan, row_limit(c) - c->scan);
    size_t quote = span_find_char(rest, '"');

    for (const char *p = rest.p, *end = rest.p + quote; (p = memchr(p, '\n', (size_t)(end - p)));)
        c->line++, p++;
    c->scan += quote;
    if (quote == rest.n)
        return MORE;
    c->cells[c->n_cells].end = c->scan++;
    c->state = AFTER_QUOTE;
    return MORE;
}

static enum scanned scan_after_quote(struct csv *c)
{
    char ch = c->data.p[c->scan];

    if (ch == '"') {
        c->cells[c->n_cells].escaped = true;
        c->state = IN_QUOTES;
    } else if (ch == '\r' && c->scan + 1 == c->data.n && !c->ended) {
        return MORE; /* wait for what follows; the caller sees no progress and stops */
    } else if (ch == c->opt.delimiter || ch == '\n') {
        c->scan++;
        c->line += ch == '\n';
        return close_cell(c, c->scan - 1, ch == '\n');
    } else if (ch != '\r' || (c->scan + 1 < c->data.n && c->data.p[c->scan + 1] != '\n')) {
        return BAD_QUOTE;
    }
    c->scan++;
    return MORE;
}

static enum scanned scan_skipping(struct csv *c)
{
    struct span rest = span_of(c->data.p + c->scan, c->data.n - c->scan);
    size_t end = span_find_char(rest, '\n');

    c->scan += end;
    c->pos = c->scan;
    if (end == rest.n)
        return MORE;
    c->scan++;
    c->line++;
    return SKIPPED;
}

static enum scanned scan_once(struct csv *c)
{
    switch (c->state) {
    case AT_START:
        open_cell(c, c->data.p[c->scan] == '"' && !c->literal);
        c->scan += c->state == IN_QUOTES;
        return MORE;
    case IN_PLAIN:
        return scan_plain(c);
    case IN_QUOTES:
        return scan_quotes(c);
    case AFTER_QUOTE:
        return scan_after_quote(c);
    case SKIPPING:
        return scan_skipping(c);
    }
    return MORE;
}

static enum scanned scan_end(struct csv *c)
{
    if (c->state == SKIPPING || c->pos == c->data.n)
        return DRAINED;
    if (c->state == IN_QUOTES)
        return OPEN_QUOTE;
    if (c->state == AT_START)
        open_cell(c, false);
    return close_cell(c, c->scan, true);
}

static enum scanned scan_row(struct csv *c)
{
    while (c->scan < row_limit(c)) {
        size_t before = c->scan;
        enum state state = c->state;
        enum scanned s = scan_once(c);
        if (s != MORE)
            return s;
        if (c->scan == before && c->state == state)
            return MORE;
    }
    if (c->scan < c->data.n)
        return TOO_LONG;
    return c->ended ? scan_end(c) : MORE;
}

/* --- a row, read --- */

/* In place: the row's bytes are nobody else's. */
static struct span unquote(struct csv *c, struct cell cell)
{
    char *p = c->data.p + cell.start;
    size_t n = 0;

    if (!cell.escaped)
        return span_of(p, cell.end - cell.start);
    for (size_t i = 0; i < cell.end - cell.start; i++) {
        p[n++] = p[i];
        i += p[i] == '"';
    }
    return span_of(p, n);
}

static int convert_cell(struct csv *c, struct span s)
{
    char *in = (char *)s.p, *out;
    size_t left = s.n, room = 2 * s.n, rc;

    out = buf_reserve(&c->text, room);
    if (!out)
        return c->text.error;
    iconv(c->cd, NULL, NULL, NULL, NULL);
    rc = iconv(c->cd, &in, &left, &out, &room);
    if (rc == (size_t)-1)
        return -EILSEQ;
    c->text.n += 2 * s.n - room;
    return 0;
}

/* Cells into c->text one after the other; spans are set when it no longer moves. */
static int convert_row(struct csv *c)
{
    size_t at = 0;

    buf_reset(&c->text);
    for (size_t i = 0; i < c->n_cells; i++) {
        size_t before = c->text.n;
        int rc = convert_cell(c, c->spans[i]);
        if (rc < 0)
            return rc;
        c->spans[i].n = c->text.n - before;
    }
    for (size_t i = 0; i < c->n_cells; at += c->spans[i++].n)
        c->spans[i].p = c->text.p ? c->text.p + at : "";
    return 0;
}

static int decode_row(struct csv *c)
{
    struct span raw = span_of(c->data.p + c->pos, c->scan - c->pos);

    detect_encoding(c, raw);
    if (c->opt.encoding != CSV_CP949 && utf8_valid(raw) != raw.n)
        return -EILSEQ;
    for (size_t i = 0; i < c->n_cells; i++)
        c->spans[i] = unquote(c, c->cells[i]);
    return c->opt.encoding == CSV_CP949 ? convert_row(c) : 0;
}

static bool is_blank(const struct csv *c)
{
    return c->n_cells == 1 && !c->cells[0].quoted && c->cells[0].end == c->cells[0].start;
}

static int read_header(struct csv *c)
{
    struct span *names = arena_array(&c->arena, c->n_cells, sizeof *names);
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < c->n_cells; i++) {
        struct span name = span_trim(c->spans[i]);
        if (!c->cells[i].quoted && span_find_char(name, '\r') < name.n)
            return unreadable(c, "its lines end in CR alone; save it with LF or CR LF");
        for (size_t k = 0; k < i; k++)
            if (name.n && span_eq(names[k], name))
                return unreadable(c, "the header row names a column twice");
        names[i] = arena_dup(&c->arena, name);
        if (!names[i].p)
            return -ENOMEM;
    }
    c->header = names;
    c->n_header = c->n_cells;
    return 0;
}

/* 1 with a row; 0 for the header row; negative as csv_next(). */
static int finish_row(struct csv *c, struct row *ret)
{
    int rc = decode_row(c);

    if (rc == -ENOMEM || rc == -EMSGSIZE)
        return -ENOMEM;
    if (!c->header && rc < 0)
        return unreadable(c, "the header row is not valid in its encoding");
    if (!c->header)
        return read_header(c);
    *ret = (struct row){.cells = c->spans, .n = c->n_cells, .line = c->row_line};
    if (rc < 0) {
        ret->n = 0;
        ret->bad = true;
        reject(&ret->why, REJECT_INVALID_UTF8, "line %llu is not valid %s",
               (unsigned long long)c->row_line, c->opt.encoding == CSV_CP949 ? "CP949" : "UTF-8");
    } else if (c->n_cells != c->n_header) {
        ret->bad = true;
        reject(&ret->why, REJECT_RAGGED_ROW, "line %llu has %zu columns; the header has %zu",
               (unsigned long long)c->row_line, c->n_cells, c->n_header);
    }
    return 1;
}

static int finish_bad(struct csv *c, enum scanned s, struct row *ret)
{
    unsigned long long line = c->row_line;

    if (!c->header)
        return unreadable(c, "the header row can not be read: a quote is wrong or it is too long");
    *ret = (struct row){.line = c->row_line, .bad = true};
    switch (s) {
    case BAD_QUOTE:
        reject(&ret->why, REJECT_MALFORMED_CSV, "line %llu: text after a closing quote", line);
        break;
    case OPEN_QUOTE:
        reject(&ret->why, REJECT_MALFORMED_CSV, "line %llu: a quote is never closed", line);
        break;
    case TOO_WIDE:
        reject(&ret->why, REJECT_RAGGED_ROW, "line %llu has over %d columns", line,
               CSV_MAX_COLUMNS);
        break;
    default:
        reject(&ret->why, REJECT_LINE_TOO_LONG, "line %llu: the row is over %zu bytes", line,
               max_row(c));
        break;
    }
    return 1;
}

/* A quote opened in one row and another closed in a later one. */
static bool swallowed_rows(const struct csv *c)
{
    for (size_t i = 0; i < c->n_cells; i++) {
        const struct cell *cell = &c->cells[i];
        struct span s = span_of(c->data.p + cell->start, cell->end - cell->start);
        if (cell->quoted && span_find_char(s, '\n') < s.n && span_find_char(s, '\t') < s.n)
            return true;
    }
    return false;
}

/* Tab-separated and a quote that led nowhere: read the line again as it stands. */
static bool retry_literally(struct csv *c, enum scanned s)
{
    bool fits = s == ROW && (!c->header || c->n_cells == c->n_header) && !swallowed_rows(c);

    if (c->opt.delimiter != '\t' || c->literal || !c->saw_quoted || fits)
        return false;
    c->line = c->row_line;
    begin_row(c, c->pos);
    c->literal = true;
    return true;
}

int csv_next(struct csv *c, struct row *ret)
{
    int rc = c->started ? 1 : start(c);
    if (rc <= 0)
        return rc;
    for (;;) {
        enum scanned s = scan_row(c);
        if (s == MORE || s == DRAINED)
            return 0;
        if (s != SKIPPED && retry_literally(c, s))
            continue;
        rc = 0;
        if (s == ROW && !is_blank(c))
            rc = finish_row(c, ret);
        else if (s != ROW && s != SKIPPED)
            rc = finish_bad(c, s, ret);
        begin_row(c, c->scan);
        if (s != ROW && s != SKIPPED)
            c->state = SKIPPING;
        if (rc != 0)
            return rc;
    }
}
