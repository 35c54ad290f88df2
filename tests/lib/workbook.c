#include "tests/lib/workbook.h"

#include <stdlib.h>
#include <zip.h>

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/relationships"

static int write_parts(zip_t *z, const struct workbook_part *parts, size_t n, bool deflate)
{
    for (size_t i = 0; i < n; i++) {
        zip_source_t *s = zip_source_buffer(z, parts[i].text.p, parts[i].text.n, 0);
        zip_int64_t at = s ? zip_file_add(z, parts[i].name, s, ZIP_FL_ENC_UTF_8) : -1;
        if (at < 0 || zip_set_file_compression(z, (zip_uint64_t)at,
                                               deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) < 0)
            return -1;
    }
    return zip_close(z);
}

/* What zip_close() wrote into its source. */
static int copy_out(zip_source_t *source, struct buf *out)
{
    zip_stat_t st;

    if (zip_source_stat(source, &st) < 0 || zip_source_open(source) < 0)
        return -1;
    char *to = buf_reserve(out, st.size);
    bool ok = to && zip_source_read(source, to, st.size) == (zip_int64_t)st.size;
    out->n += ok ? st.size : 0;
    zip_source_close(source);
    return ok ? 0 : -1;
}

int workbook_zip(const struct workbook_part *parts, size_t n, bool deflate, struct buf *out)
{
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    int rc = -1;

    if (!source)
        return -1;
    zip_source_keep(source); /* the archive frees its own */
    zip_t *z = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
    if (!z)
        zip_source_free(source);
    else if (write_parts(z, parts, n, deflate) < 0)
        zip_discard(z);
    else
        rc = copy_out(source, out);
    zip_source_free(source);
    return rc;
}

static void wrap(struct buf *out, const char *element, struct span inner)
{
    buf_printf(out, "<%s xmlns=\"" MAIN "\" xmlns:r=\"" OFFICE "\">", element);
    buf_add(out, inner);
    buf_printf(out, "</%s>", element);
}

int workbook_make(struct span styles, struct span strings, struct span sheet, struct buf *out)
{
    static const char root[] =
        "<Relationships xmlns=\"" PACKAGE "\"><Relationship Id=\"r\" Target=\"xl/workbook.xml\" "
        "Type=\"" OFFICE "/officeDocument\"/></Relationships>";
    static const char book[] = "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" OFFICE "\"><sheets>"
                               "<sheet name=\"시트1\" sheetId=\"1\" r:id=\"r1\"/></sheets>"
                               "</workbook>";
    static const char relations[] =
        "<Relationships xmlns=\"" PACKAGE "\">"
        "<Relationship Id=\"r1\" Target=\"worksheets/s.xml\" Type=\"" OFFICE "/worksheet\"/>"
        "<Relationship Id=\"r2\" Target=\"/xl/styles.xml\" Type=\"" OFFICE "/styles\"/>"
        "<Relationship Id=\"r3\" Target=\"strings.xml\" Type=\"" OFFICE "/sharedStrings\"/>"
        "</Relationships>";
    struct buf text[3];
    const char *const elements[] = {"worksheet", "styleSheet", "sst"};
    const char *const names[] = {"xl/worksheets/s.xml", "xl/styles.xml", "xl/strings.xml"};
    const struct span inner[] = {sheet, styles, strings};
    struct workbook_part parts[6] = {{"_rels/.rels", span_str(root)},
                                     {"xl/workbook.xml", span_str(book)},
                                     {"xl/_rels/workbook.xml.rels", span_str(relations)}};
    size_t n = 3;

    for (size_t i = 0; i < 3; i++) {
        buf_init(&text[i], 0);
        if (!inner[i].p)
            continue;
        wrap(&text[i], elements[i], inner[i]);
        parts[n++] = (struct workbook_part){names[i], buf_span(&text[i])};
    }
    int rc = workbook_zip(parts, n, true, out);
    for (size_t i = 0; i < 3; i++)
        buf_done(&text[i]);
    return rc;
}
