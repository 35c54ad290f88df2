/* fuzz_xlsx: any bytes as a workbook are refused with a message, or give rows. A first byte of 0:
 * the rest is the file. Else it is the inner XML of three parts, styles, shared strings and sheet,
 * with a NUL between: a sound container is made around them, so that everything behind it is
 * reached. The second byte chooses the header. */
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/format/xlsx.h"
#include "tests/lib/workbook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct span take_part(struct span *rest)
{
    struct span part = span_of(rest->p, span_find_char(*rest, '\0'));
    size_t used = part.n < rest->n ? part.n + 1 : part.n;

    *rest = span_of(rest->p + used, rest->n - used);
    return part;
}

static void check(struct span text)
{
    if (utf8_valid(text) != text.n)
        abort();
}

static void read_all(struct span file, const struct xlsx_options *opt)
{
    char message[XLSX_MAX_MESSAGE];
    struct row row;
    struct xlsx *x;
    size_t n;
    int rc = xlsx_open(file, opt, &x, message);

    if (rc < 0) {
        if (rc == -EINVAL)
            check(span_str(message));
        return;
    }
    const struct span *header = xlsx_header(x, &n);
    for (size_t i = 0; i < n; i++)
        check(header[i]);
    while ((rc = xlsx_next(x, &row)) == 1) {
        if (row.n != n)
            abort();
        for (size_t i = 0; i < n && !row.bad; i++)
            check(row.cells[i]);
    }
    if (rc == -EINVAL)
        check(span_str(xlsx_message(x)));
    xlsx_close(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct buf made;
    struct xlsx_options opt = {0};

    if (n < 2)
        return 0;
    struct span rest = span_of((const char *)data + 2, n - 2);
    opt.header_first = data[1] >> 4;
    opt.header_last = opt.header_first + (data[1] & 3);
    if (data[0] != 0) {
        struct span styles = take_part(&rest), strings = take_part(&rest);
        buf_reset(&made);
        if (workbook_make(styles, strings, rest, &made) < 0)
            return 0;
        rest = buf_span(&made);
    }
    read_all(rest, &opt);
    return 0;
}
