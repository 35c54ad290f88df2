#include "daemon/format/xlsx_impl.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"

enum { CHUNK = 64 << 10 };
/* Expat puts it between namespace and name; no namespace has one. */
static const XML_Char SEPARATOR = '\n';

int xlsx_fail(struct xlsx *x, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(x->message, sizeof x->message, fmt, ap);
    va_end(ap);
    x->message[utf8_valid(span_str(x->message))] = '\0';
    return -EINVAL;
}

/* --- names --- */

static struct span local_name(const XML_Char *name)
{
    const XML_Char *at = strrchr(name, SEPARATOR);

    return span_str(at ? at + 1 : name);
}

struct span part_attribute(const XML_Char **attributes, const char *name)
{
    for (size_t i = 0; attributes[i]; i += 2)
        if (span_is(local_name(attributes[i]), name))
            return span_str(attributes[i + 1]);
    return SPAN_NONE;
}

unsigned part_number(const XML_Char **attributes, const char *name, unsigned otherwise)
{
    int64_t v;

    if (span_to_i64(part_attribute(attributes, name), &v) < 0 || v < 0 || v > INT32_MAX)
        return otherwise;
    return (unsigned)v;
}

/* --- expat's calls --- */

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct part *p = ctx;

    if (++p->depth > XLSX_MAX_DEPTH)
        part_fail(p, -EINVAL, "its elements are nested too deeply");
    else if (p->rc == 0)
        p->handler->start(p, local_name(name), attributes);
}

static void on_end(void *ctx, const XML_Char *name)
{
    struct part *p = ctx;

    p->depth--;
    if (p->rc == 0)
        p->handler->end(p, local_name(name));
}

static void on_text(void *ctx, const XML_Char *s, int n)
{
    struct part *p = ctx;

    if (p->rc == 0 && p->handler->text)
        p->handler->text(p, span_of(s, (size_t)n));
}

/* The standard forbids them here, and entities grow from nowhere else. */
static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    part_fail(ctx, -EINVAL, "it has a document type, which no workbook has");
}

void part_fail(struct part *p, int rc, const char *why)
{
    if (p->rc < 0)
        return;
    p->rc = rc == -ENOMEM ? rc : -EINVAL;
    if (rc != -ENOMEM)
        xlsx_fail(p->x, "%s: %s", p->name, why);
    XML_StopParser(p->parser, XML_FALSE);
}

void part_suspend(struct part *p)
{
    p->suspended = true;
    XML_StopParser(p->parser, XML_TRUE);
}

/* --- opening --- */

static int check_entry(struct xlsx *x, const char *name, zip_uint64_t index)
{
    zip_stat_t st;

    if (zip_stat_index(x->zip, index, 0, &st) < 0)
        return xlsx_fail(x, "%s can not be found in the file", name);
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE)
        return xlsx_fail(x, "the file is protected by a password");
    if (st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
        return xlsx_fail(x, "%s is compressed in a way no workbook is", name);
    if ((st.valid & ZIP_STAT_SIZE) && st.size > XLSX_MAX_PART)
        return xlsx_fail(x, "%s is larger than 4 GiB", name);
    return 0;
}

static int new_parser(struct part *p)
{
    p->parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!p->parser)
        return -ENOMEM;
    XML_SetUserData(p->parser, p);
    XML_SetElementHandler(p->parser, on_start, on_end);
    XML_SetCharacterDataHandler(p->parser, on_text);
    XML_SetStartDoctypeDeclHandler(p->parser, on_doctype);
    return 0;
}

int part_open(struct part *p, struct xlsx *x, const char *name, const struct part_handler *h)
{
    zip_int64_t index = zip_name_locate(x->zip, name, ZIP_FL_NOCASE);

    *p = (struct part){.x = x, .name = name, .handler = h};
    if (index < 0)
        return -ENOENT;
    int rc = check_entry(x, name, (zip_uint64_t)index);
    if (rc == 0)
        rc = new_parser(p);
    if (rc < 0)
        return rc;
    p->file = zip_fopen_index(x->zip, (zip_uint64_t)index, 0);
    return p->file ? 0 : xlsx_fail(x, "%s can not be read: %s", name, zip_strerror(x->zip));
}

void part_close(struct part *p)
{
    if (p->parser)
        XML_ParserFree(p->parser);
    if (p->file)
        zip_fclose(p->file);
    *p = (struct part){0};
}

/* --- reading --- */

/* What expat holds back of a tag that does not end. */
static bool tag_too_long(const struct part *p)
{
    XML_Index at = XML_GetCurrentByteIndex(p->parser);

    return at >= 0 && p->fed > (uint64_t)at && p->fed - (uint64_t)at > XLSX_MAX_TAG + CHUNK;
}

static int settle(struct part *p, enum XML_Status status)
{
    if (p->rc < 0)
        return p->rc;
    if (status == XML_STATUS_SUSPENDED)
        return 1;
    if (status == XML_STATUS_OK && !tag_too_long(p))
        return 0;
    enum XML_Error e = XML_GetErrorCode(p->parser);
    if (e == XML_ERROR_NO_MEMORY)
        return -ENOMEM;
    return xlsx_fail(p->x, "%s: %s, at line %lu", p->name,
                     status == XML_STATUS_OK ? "a tag is too long" : XML_ErrorString(e),
                     (unsigned long)XML_GetCurrentLineNumber(p->parser));
}

static int feed(struct part *p)
{
    void *to = XML_GetBuffer(p->parser, CHUNK);
    zip_int64_t n = to ? zip_fread(p->file, to, CHUNK) : 0;

    if (!to)
        return -ENOMEM;
    if (n < 0)
        return xlsx_fail(p->x, "%s is damaged: %s", p->name, zip_file_strerror(p->file));
    p->fed += (uint64_t)n;
    if (p->fed > XLSX_MAX_PART)
        return xlsx_fail(p->x, "%s is larger than 4 GiB", p->name);
    p->ended = n == 0;
    return settle(p, XML_ParseBuffer(p->parser, (int)n, p->ended));
}

int part_run(struct part *p)
{
    int rc = 0;

    if (p->suspended) {
        p->suspended = false;
        rc = settle(p, XML_ResumeParser(p->parser));
    }
    while (rc == 0 && !p->ended)
        rc = feed(p);
    return rc;
}

int part_read(struct xlsx *x, const char *name, const struct part_handler *h)
{
    struct part p;
    int rc = part_open(&p, x, name, h);

    if (rc == 0)
        rc = part_run(&p);
    part_close(&p);
    return rc;
}

/* --- strings --- */

void part_string_start(struct part_string *s, struct span name)
{
    s->in_phonetic += span_is(name, "rPh");
    s->in_text += span_is(name, "t");
}

void part_string_end(struct part_string *s, struct span name)
{
    s->in_phonetic -= span_is(name, "rPh");
    s->in_text -= span_is(name, "t");
}

/* "_xHHHH_" at `at`: the code unit, else -1. */
static int escaped_unit(struct span s, size_t at)
{
    int unit = 0;

    if (s.n - at < 7 || s.p[at] != '_' || s.p[at + 1] != 'x' || s.p[at + 6] != '_')
        return -1;
    for (size_t i = at + 2; i < at + 6; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!d)
            return -1;
        unit = unit * 16 + (int)((d - digits) % 16);
    }
    return unit;
}

/* ECMA-376-1 22.9.2.19. Never longer than it was; a half of a surrogate pair stays as written. */
void xlsx_unescape(struct buf *out, size_t begin)
{
    char *p = out->p;
    size_t n = begin;

    for (size_t i = begin; i < out->n;) {
        int unit = escaped_unit(buf_span(out), i);
        char utf8[4];
        unsigned len = unit >= 0 ? utf8_encode((uint32_t)unit, utf8) : 0;
        if (len == 0) {
            p[n++] = p[i++];
            continue;
        }
        memcpy(p + n, utf8, len);
        n += len;
        i += 7;
    }
    out->n = n;
}
