#include "daemon/format/mime.h"

#include <gmime/gmime.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/format/charset.h"
#include "daemon/format/html.h"

static GMimeParserOptions *options;

/* Headers with raw bytes of eight bits are UTF-8 or, in Korea, CP949. */
static void set_up(void)
{
    static const char *charsets[] = {"utf-8", "cp949", "iso-8859-1", NULL};
    if (options)
        return;
    g_mime_init();
    options = g_mime_parser_options_new();
    g_mime_parser_options_set_fallback_charsets(options, charsets);
}

/* --- headers --- */

/* Of a header's text: valid UTF-8, no control characters, one line, cut. Absent when empty. */
static struct span clean(struct arena *a, const char *text)
{
    struct span s = text ? span_trim(span_str(text)) : SPAN_NONE, all = SPAN_NONE;
    struct buf b;
    buf_init(&b, 4 * MIME_MAX_HEADER + 16);
    while (s.n > 0 && b.n < MIME_MAX_HEADER) {
        uint32_t cp;
        unsigned n = utf8_decode(s.p, s.n, &cp);
        if (n == 0)
            buf_str(&b, "\xef\xbf\xbd");
        else if (cp < 0x20 || cp == 0x7f)
            buf_char(&b, ' ');
        else
            buf_append(&b, s.p, n);
        n = n ? n : 1;
        s = span_of(s.p + n, s.n - n);
    }
    if (b.n > 0)
        all = arena_dup(a, span_trim(utf8_cut(buf_span(&b), MIME_MAX_HEADER)));
    buf_done(&b);
    return all.n > 0 ? all : SPAN_NONE;
}

/* An id is compared whole, so one that is not plain is none. */
static struct span clean_id(struct arena *a, const char *text)
{
    struct span s = text ? span_trim(span_str(text)) : SPAN_NONE;
    if (s.n > MIME_MAX_HEADER)
        return SPAN_NONE;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
            return SPAN_NONE;
    return s.n > 0 ? arena_dup(a, s) : SPAN_NONE;
}

static const char *header(GMimeMessage *m, const char *name)
{
    return g_mime_object_get_header(GMIME_OBJECT(m), name);
}

enum { MAX_RAW = 16384, MAX_WORD = 2048 }; /* of one header; of an encoded word, which is short */

struct word { /* =?CHARSET?B?DATA?= */
    struct span charset, data;
    bool base64;
    size_t n; /* all of it */
};

static bool word_at(struct span s, struct word *ret)
{
    if (!span_starts(s, SPAN_LIT("=?")))
        return false;
    s.n = s.n < MAX_WORD ? s.n : MAX_WORD;
    size_t mark = 2 + span_find_char(span_of(s.p + 2, s.n - 2), '?');
    if (mark + 3 > s.n || s.p[mark + 2] != '?' || !strchr("bBqQ", s.p[mark + 1]))
        return false;
    struct span rest = span_of(s.p + mark + 3, s.n - mark - 3);
    size_t end = span_find(rest, SPAN_LIT("?="));
    if (end == SIZE_MAX)
        return false;
    struct span charset = span_of(s.p + 2, mark - 2);
    charset.n = span_find_char(charset, '*'); /* RFC 2231: a language may follow */
    *ret = (struct word){charset, span_of(rest.p, end), strchr("bB", s.p[mark + 1]) != NULL,
                         mark + 3 + end + 2};
    return true;
}

static void decode_word(const struct word *w, GByteArray *to)
{
    GMimeEncoding state;
    g_mime_encoding_init_decode(&state, w->base64 ? GMIME_CONTENT_ENCODING_BASE64
                                                  : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    char *in = g_strndup(w->data.p, w->data.n);
    char *out = g_malloc(g_mime_encoding_outlen(&state, w->data.n) + 1);
    for (char *c = in; !w->base64 && *c; c++)
        *c = *c == '_' ? ' ' : *c;
    size_t n = g_mime_encoding_flush(&state, in, w->data.n, out);
    g_byte_array_append(to, (const guint8 *)out, (guint)n);
    g_free(out);
    g_free(in);
}

static void put_word(GByteArray *bytes, struct span charset, GString *out)
{
    struct buf text;
    buf_init(&text, 4 * (size_t)bytes->len + 16);
    if (charset_to_utf8(span_of((const char *)bytes->data, bytes->len), charset, &text) == 0 &&
        text.n > 0) {
        char *encoded = g_base64_encode((const guchar *)text.p, text.n);
        g_string_append_printf(out, "=?utf-8?B?%s?=", encoded);
        g_free(encoded);
    }
    buf_done(&text);
}

/* The encoded words of a header (RFC 2047), each run of one charset as one word of UTF-8: charsets
 * are as charset.h reads them, and a letter may be cut in two by the words of senders who do not
 * count letters. What a quoted name or an address is, GMime sees from the rest. */
static char *mend_words(const char *raw)
{
    struct span s = span_str(raw);
    GString *out = g_string_sized_new(s.n + 16);
    struct word w, next;
    while (s.n > 0) {
        if (!word_at(s, &w)) {
            g_string_append_c(out, s.p[0]);
            s = span_of(s.p + 1, s.n - 1);
            continue;
        }
        GByteArray *bytes = g_byte_array_new();
        decode_word(&w, bytes);
        s = span_of(s.p + w.n, s.n - w.n);
        for (struct span after = span_trim(s); word_at(after, &next); after = span_trim(s)) {
            if (!span_eq_nocase(next.charset, w.charset))
                break;
            decode_word(&next, bytes);
            s = span_of(after.p + next.n, after.n - next.n);
        }
        put_word(bytes, w.charset, out);
        g_byte_array_free(bytes, TRUE);
    }
    return g_string_free(out, FALSE);
}

/* As it was sent, for the caller to free; NULL without it. */
static char *raw_header(GMimeMessage *m, const char *name)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(m));
    GMimeHeader *h = g_mime_header_list_get_header(list, name);
    const char *raw = h ? g_mime_header_get_raw_value(h) : NULL;
    char *some = raw ? g_strndup(raw, MAX_RAW) : NULL;
    char *line = some ? g_mime_utils_header_unfold(some) : NULL;
    char *mended = line ? mend_words(line) : NULL;
    g_free(line);
    g_free(some);
    return mended;
}

static struct span read_subject(GMimeMessage *m, struct arena *a)
{
    char *raw = raw_header(m, "Subject");
    char *text = raw ? g_mime_utils_header_decode_text(options, raw) : NULL;
    struct span subject = clean(a, text);
    g_free(text);
    g_free(raw);
    return subject;
}

/* The first and the last id of a header. */
static void read_ids(GMimeMessage *m, const char *name, struct arena *a, struct span *first,
                     struct span *last)
{
    char *raw = raw_header(m, name);
    GMimeReferences *refs = raw ? g_mime_references_parse(options, raw) : NULL;
    int n = refs ? g_mime_references_length(refs) : 0;
    *first = n > 0 ? clean_id(a, g_mime_references_get_message_id(refs, 0)) : SPAN_NONE;
    *last = n > 0 ? clean_id(a, g_mime_references_get_message_id(refs, n - 1)) : SPAN_NONE;
    if (refs)
        g_mime_references_free(refs);
    g_free(raw);
}

static void read_thread(GMimeMessage *m, struct arena *a, struct mime_mail *ret)
{
    struct span answered, last;
    read_ids(m, "References", a, &ret->root, &ret->parent);
    read_ids(m, "In-Reply-To", a, &answered, &last);
    if (answered.p)
        ret->parent = answered;
}

/* The first mailbox, also inside a group. */
static InternetAddressMailbox *first_mailbox(InternetAddressList *list, unsigned depth)
{
    int n = list ? internet_address_list_length(list) : 0;
    for (int i = 0; i < n && depth < MIME_MAX_DEPTH; i++) {
        InternetAddress *one = internet_address_list_get_address(list, i);
        if (INTERNET_ADDRESS_IS_MAILBOX(one))
            return INTERNET_ADDRESS_MAILBOX(one);
        InternetAddressGroup *group = INTERNET_ADDRESS_GROUP(one);
        InternetAddressMailbox *found =
            first_mailbox(internet_address_group_get_members(group), depth + 1);
        if (found)
            return found;
    }
    return NULL;
}

static bool is_address(struct span s)
{
    size_t at = span_find_char(s, '@');
    return at > 0 && at + 1 < s.n && span_find_char(s, ' ') == s.n;
}

/* False when the header names nobody. */
static bool read_who(GMimeMessage *m, const char *name, struct arena *a, struct mime_mail *ret)
{
    char *raw = raw_header(m, name);
    InternetAddressList *list = raw ? internet_address_list_parse(options, raw) : NULL;
    InternetAddressMailbox *who = first_mailbox(list, 0);
    struct span email = who ? clean(a, internet_address_mailbox_get_addr(who)) : SPAN_NONE;
    if (is_address(email))
        ret->email = email;
    if (who)
        ret->name = clean(a, internet_address_get_name(INTERNET_ADDRESS(who)));
    if (list)
        g_object_unref(list);
    g_free(raw);
    return who;
}

static void read_sender(GMimeMessage *m, struct arena *a, struct mime_mail *ret)
{
    if (!read_who(m, "From", a, ret))
        read_who(m, "Sender", a, ret);
}

/* --- programs --- */

static bool first_word_is(const char *text, const char *word)
{
    struct span s = span_trim(span_str(text ? text : ""));
    size_t n = 0;
    while (n < s.n && !strchr(" \t;(", s.p[n]))
        n++;
    return span_eq_nocase(span_of(s.p, n), span_str(word));
}

static bool is_mailer(struct span email)
{
    struct span local = span_of(email.p, span_find_char(email, '@'));
    return span_eq_nocase(local, SPAN_LIT("mailer-daemon")) ||
           span_eq_nocase(local, SPAN_LIT("postmaster"));
}

/* Precedence: list is left: customers write through lists that stand before a mailbox. */
static enum mime_sender sender_of(GMimeMessage *m, const struct mime_mail *mail)
{
    static const char *const bulk[] = {"bulk", "junk", "auto_reply"};
    GMimeObject *part = g_mime_message_get_mime_part(m);
    GMimeContentType *type = part ? g_mime_object_get_content_type(part) : NULL;
    const char *path = header(m, "Return-Path"), *automatic = header(m, "Auto-Submitted");
    if ((type && g_mime_content_type_is_type(type, "multipart", "report")) ||
        (path && span_is(span_trim(span_str(path)), "<>")) || is_mailer(mail->email))
        return MIME_REPORT;
    if (automatic && !first_word_is(automatic, "no"))
        return MIME_AUTOMATIC;
    for (size_t i = 0; i < ARRAY_LEN(bulk); i++)
        if (first_word_is(header(m, "Precedence"), bulk[i]))
            return MIME_AUTOMATIC;
    bool says = header(m, "X-Autoreply") || header(m, "X-Autorespond");
    return says ? MIME_AUTOMATIC : MIME_PERSON;
}

/* --- text --- */

/* RFC 3676: a line that ends with a space goes on in the next, unless it is the signature's. */
static void unflow(struct span s, bool delete_space, struct buf *out)
{
    while (s.n > 0) {
        size_t end = span_find_char(s, '\n'), used = end + (end < s.n);
        struct span line = span_of(s.p, end);
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        bool soft = line.n > 0 && line.p[line.n - 1] == ' ' && !span_is(line, "-- ");
        if (soft && delete_space)
            line.n--;
        if (line.n > 0 && line.p[0] == ' ') /* space-stuffed */
            line = span_of(line.p + 1, line.n - 1);
        buf_add(out, line);
        if (!soft)
            buf_char(out, '\n');
        s = span_of(s.p + used, s.n - used);
    }
}

struct texts { /* what alternatives have, whole or in parts */
    struct buf plain, html;
};

static bool is_blank(struct span s)
{
    return span_trim(s).n == 0;
}

static bool param_is(GMimePart *part, const char *name, const char *value)
{
    const char *v = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), name);
    return v && span_eq_nocase(span_str(v), span_str(value));
}

/* The bytes of the part, decoded, as UTF-8. */
static int decode_part(GMimePart *part, struct buf *out)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content)
        return 0;
    GMimeStream *stream = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(content, stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    const char *label = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
    int rc = bytes ? charset_to_utf8(span_of((const char *)bytes->data, bytes->len),
                                     span_str(label), out)
                   : 0;
    g_object_unref(stream);
    return rc;
}

static int add_text(GMimePart *part, bool html, struct texts *t)
{
    struct buf raw;
    buf_init(&raw, MIME_MAX_TEXT);
    int rc = decode_part(part, &raw);
    struct buf *to = html ? &t->html : &t->plain;
    if (rc == 0 && to->n > 0)
        buf_char(to, '\n');
    if (rc == 0 && html)
        rc = html_text(buf_span(&raw), to);
    else if (rc == 0 && param_is(part, "format", "flowed"))
        unflow(buf_span(&raw), param_is(part, "delsp", "yes"), to);
    else if (rc == 0)
        buf_add(to, buf_span(&raw));
    buf_done(&raw);
    return rc < 0 ? rc : buf_error(to);
}

static bool is_attachment(GMimePart *part)
{
    GMimeContentDisposition *d = g_mime_object_get_content_disposition(GMIME_OBJECT(part));
    const char *name = g_mime_part_get_filename(part);
    return (d && g_mime_content_disposition_is_attachment(d)) || (name && *name);
}

static int collect(GMimeObject *o, unsigned depth, struct texts *t);

/* Parts side by side: their text in a row, of each the better form. */
static int collect_row(GMimeMultipart *m, unsigned depth, struct buf *out)
{
    int n = g_mime_multipart_get_count(m), rc = 0;
    for (int i = 0; i < n && rc == 0; i++) {
        struct texts t;
        buf_init(&t.plain, MIME_MAX_TEXT);
        buf_init(&t.html, MIME_MAX_TEXT);
        rc = collect(g_mime_multipart_get_part(m, i), depth + 1, &t);
        struct span best = buf_span(is_blank(buf_span(&t.plain)) ? &t.html : &t.plain);
        if (rc == 0 && !is_blank(best)) {
            if (out->n > 0)
                buf_char(out, '\n');
            rc = buf_add(out, best);
        }
        buf_done(&t.plain);
        buf_done(&t.html);
    }
    return rc;
}

static int collect_multipart(GMimeMultipart *m, unsigned depth, struct texts *t)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(m));
    int n = g_mime_multipart_get_count(m), rc = 0;
    if (g_mime_content_type_is_type(type, "multipart", "encrypted"))
        return 0;
    if (!g_mime_content_type_is_type(type, "multipart", "alternative"))
        return collect_row(m, depth, &t->plain);
    for (int i = 0; i < n && rc == 0; i++)
        rc = collect(g_mime_multipart_get_part(m, i), depth + 1, t);
    return rc;
}

static int collect(GMimeObject *o, unsigned depth, struct texts *t)
{
    if (!o || depth > MIME_MAX_DEPTH)
        return 0;
    if (GMIME_IS_MULTIPART(o))
        return collect_multipart(GMIME_MULTIPART(o), depth, t);
    GMimeContentType *type = g_mime_object_get_content_type(o);
    if (!GMIME_IS_PART(o) || is_attachment(GMIME_PART(o)))
        return 0;
    if (g_mime_content_type_is_type(type, "text", "html"))
        return add_text(GMIME_PART(o), true, t);
    return g_mime_content_type_is_type(type, "text", "plain") ? add_text(GMIME_PART(o), false, t)
                                                              : 0;
}

/* Text without characters that no text has. */
static struct span printable(struct span s, struct arena *a)
{
    char *p = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!p)
        return SPAN_NONE;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 || c == '\n' || c == '\t')
            p[n++] = s.p[i];
    }
    return span_of(p, n);
}

/* An alternative that is a row of parts comes as plain: it is what there is. */
static int read_text(GMimeMessage *m, struct arena *a, struct mime_mail *ret)
{
    struct texts t;
    buf_init(&t.plain, MIME_MAX_TEXT);
    buf_init(&t.html, MIME_MAX_TEXT);
    int rc = collect(g_mime_message_get_mime_part(m), 0, &t);
    if (rc == 0) {
        ret->text = printable(buf_span(is_blank(buf_span(&t.plain)) ? &t.html : &t.plain), a);
        rc = ret->text.p ? 0 : -ENOMEM;
    }
    buf_done(&t.plain);
    buf_done(&t.html);
    return rc;
}

/* --- the whole --- */

static int read_message(GMimeMessage *m, struct arena *a, struct mime_mail *ret, struct reject *why)
{
    struct mime_mail mail = {.date = NO_TIME};
    GDateTime *date = g_mime_message_get_date(m);
    mail.id = clean_id(a, g_mime_message_get_message_id(m));
    mail.subject = read_subject(m, a);
    if (date)
        mail.date = g_date_time_to_unix(date) * MS_SECOND;
    read_sender(m, a, &mail);
    if (!mail.id.p && !mail.subject.p && !mail.email.p && mail.date == NO_TIME)
        return reject(why, REJECT_MALFORMED_MAIL,
                      "it has none of From, Subject, Date and Message-ID");
    read_thread(m, a, &mail);
    mail.sender = sender_of(m, &mail);
    int rc = read_text(m, a, &mail);
    if (rc == -EMSGSIZE)
        return reject(why, REJECT_TOO_LARGE, "its text is longer than %d bytes", MIME_MAX_TEXT);
    if (rc == 0)
        *ret = mail;
    return rc;
}

/* Counts, as one who looks at lines only: what stands from the beginning, or from a line with two
 * hyphens, to an empty line is headers. */
static bool is_bounded(struct span s)
{
    size_t boundaries = 0, lines = 0, bytes = 0;
    bool headers = true;
    while (s.n > 0) {
        size_t end = span_find_char(s, '\n'), used = end + (end < s.n);
        struct span line = span_trim(span_of(s.p, end));
        if (span_starts(span_of(s.p, end), SPAN_LIT("--"))) {
            boundaries++;
            headers = true;
        } else if (headers && line.n > 0) {
            lines++;
            bytes += used;
        } else {
            headers = false;
        }
        s = span_of(s.p + used, s.n - used);
    }
    return boundaries <= MIME_MAX_BOUNDARIES && lines <= MIME_MAX_HEADERS &&
           bytes <= MIME_MAX_HEADERS_BYTES;
}

int mime_read(struct span bytes, struct arena *a, struct mime_mail *ret, struct reject *why)
{
    if (!is_bounded(bytes))
        return reject(why, REJECT_TOO_LARGE, "it has more parts or headers than are read");
    set_up();
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes.n ? bytes.p : "", bytes.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *m = g_mime_parser_construct_message(parser, options);
    int rc = m ? read_message(m, a, ret, why)
               : reject(why, REJECT_MALFORMED_MAIL, "it can not be read as a mail");
    if (m)
        g_object_unref(m);
    g_object_unref(parser);
    g_object_unref(stream);
    return rc;
}
