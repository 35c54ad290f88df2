#include "daemon/format/charset.h"

#include <iconv.h>

#include "base/err.h"
#include "base/utf8.h"

#define NO_ICONV ((iconv_t)-1)
#define REPLACEMENT SPAN_LIT("\xef\xbf\xbd")

/* --- names --- */

static const struct {
    const char *label, *charset; /* NULL: says nothing worth believing */
} names[] = {
    {"utf-8", "UTF-8"},
    {"utf8", "UTF-8"},
    {"euc-kr", "CP949"},
    {"euckr", "CP949"},
    {"cseuckr", "CP949"},
    {"korean", "CP949"},
    {"ks_c_5601-1987", "CP949"},
    {"ks_c_5601-1989", "CP949"},
    {"ks_c_5601", "CP949"},
    {"ksc5601", "CP949"},
    {"ksc_5601", "CP949"},
    {"ks-c-5601-1987", "CP949"},
    {"cp949", "CP949"},
    {"ms949", "CP949"},
    {"uhc", "CP949"},
    {"windows-949", "CP949"},
    {"x-windows-949", "CP949"},
    {"johab", "JOHAB"},
    {"iso-2022-kr", "ISO-2022-KR"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"euc-jp", "EUC-JP"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"windows-31j", "CP932"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"gb18030", "GB18030"},
    {"big5", "BIG5-HKSCS"},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-9", "ISO-8859-9"},
    {"iso-8859-15", "ISO-8859-15"},
    {"windows-1250", "CP1250"},
    {"windows-1251", "CP1251"},
    {"windows-1258", "CP1258"},
    {"koi8-r", "KOI8-R"},
    {"tis-620", "TIS-620"},
    {"windows-874", "CP874"},
    {"utf-16", "UTF-16"},
    {"utf-16le", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
    {"us-ascii", NULL},
    {"ascii", NULL},
    {"iso-8859-1", NULL},
    {"latin1", NULL},
    {"windows-1252", NULL},
};

static const char *charset_of(struct span label)
{
    label = span_trim(label);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq_nocase(label, span_str(names[i].label)))
            return names[i].charset;
    return NULL;
}

/* Codes of seven bits with escapes, or of two bytes a character: never what the bytes look like. */
static bool is_opaque(const char *charset)
{
    return strncmp(charset, "ISO-2022", 8) == 0 || strncmp(charset, "UTF-16", 6) == 0;
}

/* --- what bytes look like --- */

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80 || s.p[i] == 0)
            return false;
    return true;
}

/* Two bytes may be a syllable of EUC-KR by chance; three in a row are not. */
static bool has_long_utf8(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0xe0)
            return true;
    return false;
}

/* Of a text in CP949, whether most pairs are those of KS X 1001: a word of Latin-1 gives pairs of a
 * high byte and a letter. */
static bool looks_korean(struct span s)
{
    size_t high = 0, mixed = 0;
    for (size_t i = 0; i + 1 < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x80)
            continue;
        if ((unsigned char)s.p[i + 1] >= 0xa1)
            high++;
        else
            mixed++;
        i++;
    }
    return high > mixed;
}

/* --- converting --- */

enum { CHUNK = 1024 };

/* `strict`: nothing is appended unless all of it fits (-EILSEQ); else what does not is U+FFFD. */
static int convert(struct span s, const char *charset, bool strict, struct buf *out)
{
    iconv_t cd = iconv_open("UTF-8", charset);
    size_t begin = out->n, left = s.n;
    char *in = (char *)s.p;
    int rc = cd == NO_ICONV ? -EILSEQ : 0;
    while (left > 0 && rc == 0 && !buf_error(out)) {
        char chunk[CHUNK], *to = chunk;
        size_t room = CHUNK, got = iconv(cd, &in, &left, &to, &room);
        bool fits = got != (size_t)-1 || errno == E2BIG;
        buf_append(out, chunk, CHUNK - room);
        if (!fits && strict) {
            rc = -EILSEQ;
        } else if (!fits) {
            buf_add(out, REPLACEMENT);
            in++;
            left--;
        }
    }
    if (cd != NO_ICONV)
        iconv_close(cd);
    if (rc < 0 && !buf_error(out))
        out->n = begin;
    return buf_error(out) ? buf_error(out) : rc;
}

/* Valid runs as they are. */
static int mend_utf8(struct span s, struct buf *out)
{
    while (s.n > 0) {
        size_t n = utf8_valid(s);
        buf_add(out, span_of(s.p, n));
        if (n == s.n)
            break;
        buf_add(out, REPLACEMENT);
        s = span_of(s.p + n + 1, s.n - n - 1);
    }
    return buf_error(out);
}

int charset_to_utf8(struct span s, struct span label, struct buf *out)
{
    const char *charset = charset_of(label);
    int rc = -EILSEQ;
    if (charset && is_opaque(charset))
        rc = convert(s, charset, true, out);
    if (rc != -EILSEQ)
        return rc;
    bool utf8 = charset && strcmp(charset, "UTF-8") == 0;
    if (is_ascii(s) || (utf8_valid(s) == s.n && (utf8 || !charset || has_long_utf8(s))))
        return buf_add(out, s);
    if (charset && !utf8)
        rc = convert(s, charset, true, out);
    if (rc == -EILSEQ && looks_korean(s))
        rc = convert(s, "CP949", true, out);
    if (rc != -EILSEQ)
        return rc;
    return utf8 ? mend_utf8(s, out) : convert(s, charset ? charset : "CP1252", false, out);
}
