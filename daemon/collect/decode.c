#include "daemon/collect/decode.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "daemon/format/csv.h"

enum { MAX_TEXT = 16 << 20, FEED = 1 << 20 };

/* --- CSV --- */

/* A row that can not be read is a record without fields: a dead letter, not the end of the file. */
static int add_rows(struct csv *csv, json_t *list, char *why, size_t size)
{
    struct row row;
    int rc;
    while ((rc = csv_next(csv, &row)) == 1) {
        size_t n;
        const struct span *names = csv_header(csv, &n);
        json_t *o = row.bad ? json_pack("{s:s}", "#bad", row.why.detail) : row_object(names, &row);
        if (!o || json_array_append_new(list, o) < 0)
            return -ENOMEM;
    }
    if (rc == -EINVAL)
        snprintf(why, size, "%s", csv_message(csv));
    return rc == -EINVAL ? -EPROTO : rc;
}

int decode_csv(struct span body, json_t **ret, char *why, size_t size)
{
    struct csv_options opt = {0};
    struct csv *csv = NULL;
    json_t *list = json_array();
    int rc = list ? csv_new(&opt, &csv) : -ENOMEM;
    while (rc == 0 && body.n > 0) {
        size_t n = body.n < FEED ? body.n : FEED;
        rc = csv_feed(csv, span_of(body.p, n));
        body = span_of(body.p + n, body.n - n);
        if (rc == 0)
            rc = add_rows(csv, list, why, size);
    }
    if (rc == 0) {
        csv_end(csv);
        rc = add_rows(csv, list, why, size);
    }
    csv_free(csv);
    if (rc < 0)
        json_decref(list);
    else
        *ret = list;
    return rc;
}

/* --- XML --- */

struct xml {
    XML_Parser parser;
    json_t *open[DECODE_MAX_DEPTH + 1]; /* [0]: the document; references of ours */
    const char *names[DECODE_MAX_DEPTH + 1];
    struct buf text[DECODE_MAX_DEPTH + 1];
    size_t depth, nodes;
    int rc;
    const char *why;
};

static void give_up(struct xml *x, int rc, const char *why)
{
    if (x->rc < 0)
        return;
    x->rc = rc;
    x->why = why;
    XML_StopParser(x->parser, XML_FALSE);
}

/* A second child of a name makes a list of the first. Takes `v` over. */
static int add_child(json_t *parent, const char *name, json_t *v)
{
    json_t *before = json_object_get(parent, name), *list;
    if (!before)
        return json_object_set_new(parent, name, v);
    if (json_is_array(before))
        return json_array_append_new(before, v);
    list = json_array();
    if (!list || json_array_append(list, before) < 0 || json_array_append_new(list, v) < 0) {
        json_decref(list);
        return -1;
    }
    return json_object_set_new(parent, name, list);
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct xml *x = ctx;
    char key[256];
    if (x->depth == DECODE_MAX_DEPTH || x->nodes++ == DECODE_MAX_NODES) {
        give_up(x, -EPROTO, "nested too deeply, or too many elements");
        return;
    }
    json_t *o = json_object();
    for (size_t i = 0; o && attributes[i]; i += 2) {
        int n = snprintf(key, sizeof key, "@%s", attributes[i]);
        if (n >= (int)sizeof key || json_object_set_new(o, key, json_string(attributes[i + 1])) < 0)
            give_up(x, -EPROTO, "an attribute that is no text");
    }
    char *kept = strdup(name);
    if (!o || !kept) {
        json_decref(o);
        free(kept);
        give_up(x, -ENOMEM, "");
        return;
    }
    x->depth++;
    x->open[x->depth] = o;
    x->names[x->depth] = kept;
    buf_init(&x->text[x->depth], MAX_TEXT);
}

/* An element with text alone is that text. */
static json_t *value_of(struct xml *x)
{
    json_t *o = x->open[x->depth];
    struct span text = span_trim(buf_span(&x->text[x->depth]));
    json_t *words = text.n ? json_stringn(text.p, text.n) : NULL;
    if (json_object_size(o) == 0) {
        json_decref(o);
        return words ? words : json_null();
    }
    if (words)
        json_object_set_new(o, "#text", words);
    return o;
}

static void on_end(void *ctx, const XML_Char *name)
{
    struct xml *x = ctx;
    (void)name;
    if (x->rc < 0 || x->depth == 0)
        return;
    if (buf_error(&x->text[x->depth]))
        give_up(x, -EPROTO, "an element of too much text");
    json_t *v = value_of(x);
    const char *kept = x->names[x->depth];
    buf_done(&x->text[x->depth]);
    x->depth--;
    if (add_child(x->open[x->depth], kept, v) < 0)
        give_up(x, -ENOMEM, "");
    free((char *)kept);
}

static void on_text(void *ctx, const XML_Char *s, int n)
{
    struct xml *x = ctx;
    if (x->depth > 0)
        buf_append(&x->text[x->depth], s, (size_t)n);
}

/* A document type is where entities grow from: none is needed in an answer. */
static void on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    if (internal)
        give_up(ctx, -EPROTO, "it brings a document type of its own");
}

static void close_all(struct xml *x)
{
    for (; x->depth > 0; x->depth--) {
        json_decref(x->open[x->depth]);
        free((char *)x->names[x->depth]);
        buf_done(&x->text[x->depth]);
    }
}

static int parse(struct xml *x, struct span body, char *why, size_t size)
{
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_start, on_end);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    bool ok = XML_Parse(x->parser, body.p, (int)body.n, 1) == XML_STATUS_OK;
    if (x->rc == 0 && ok)
        return 0;
    if (x->rc == 0)
        x->why = XML_ErrorString(XML_GetErrorCode(x->parser));
    snprintf(why, size, "no XML we can read: %s, at line %lu", x->why,
             (unsigned long)XML_GetCurrentLineNumber(x->parser));
    return x->rc == -ENOMEM ? -ENOMEM : -EPROTO;
}

int decode_xml(struct span body, json_t **ret, char *why, size_t size)
{
    struct xml *x = calloc(1, sizeof *x);
    if (!x)
        return -ENOMEM;
    x->parser = XML_ParserCreate(NULL);
    x->open[0] = json_object();
    int rc = x->parser && x->open[0] ? parse(x, body, why, size) : -ENOMEM;
    close_all(x);
    XML_ParserFree(x->parser);
    if (rc < 0)
        json_decref(x->open[0]);
    else
        *ret = x->open[0];
    free(x);
    return rc;
}
