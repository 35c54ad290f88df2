#include "daemon/pipeline/dead_letter.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "base/utf8.h"

enum { HEAD_MAX = 16 << 10, VALUE_MAX = 128 << 20, TIME_HEX = 12 };

/* --- reading and writing --- */

static struct span text_of(const json_t *o, const char *key, struct arena *a)
{
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) ? arena_dup(a, span_of(json_string_value(v), json_string_length(v)))
                             : SPAN_NONE;
}

static int64_t time_of(const json_t *o, const char *key)
{
    int64_t ms = NO_TIME;
    const char *text = json_string_value(json_object_get(o, key));
    return text && time_parse_rfc3339(span_str(text), &ms) == 0 ? ms : NO_TIME;
}

int dead_letter_read(struct span key, struct span value, struct arena *a, struct dead_letter *ret)
{
    size_t end = span_find_char(value, '\n');
    json_t *o = json_loadb(value.p, end, JSON_REJECT_DUPLICATES, NULL);
    if (!o || end == value.n) {
        json_decref(o);
        return -VOC_E_CORRUPT;
    }
    *ret = (struct dead_letter){
        .id = arena_dup(a, key),
        .source = text_of(o, "source", a),
        .stream = text_of(o, "stream", a),
        .whole = json_is_true(json_object_get(o, "whole")),
        .code = text_of(o, "code", a),
        .detail = text_of(o, "detail", a),
        .received_at = time_of(o, "received_at"),
        .tried_at = time_of(o, "tried_at"),
        .tries = json_integer_value(json_object_get(o, "tries")),
        .payload = span_of(value.p + end + 1, value.n - end - 1),
    };
    json_decref(o);
    return ret->id.p && ret->source.p ? 0 : -VOC_E_CORRUPT;
}

static void put_head(const struct dead_letter *l, struct json_out *j)
{
    json_time(j, "received_at", l->received_at, 0);
    json_text(j, "source", l->source);
    json_text(j, "stream", l->stream);
    json_flag(j, "whole", l->whole);
    json_text(j, "code", l->code);
    json_text(j, "detail", l->detail);
    json_time(j, "tried_at", l->tried_at, 0);
    json_int(j, "tries", l->tries);
}

int dead_letter_write(const struct dead_letter *l, struct arena *a, struct span *ret)
{
    struct buf b;
    buf_init(&b, VALUE_MAX);
    struct json_out j = json_out_to(&b);
    json_open(&j, NULL, '{');
    put_head(l, &j);
    json_close(&j, '}');
    buf_char(&b, '\n');
    buf_add(&b, l->payload);
    struct span text = buf_error(&b) ? SPAN_NONE : arena_dup(a, buf_span(&b));
    buf_done(&b);
    if (!text.p)
        return -ENOMEM;
    *ret = text;
    return 0;
}

static void put_base64(struct json_out *j, struct arena *a, struct span payload)
{
    char *text = arena_alloc(a, payload.n / 3 * 4 + 5);
    int n = text ? EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)payload.p,
                                   (int)payload.n)
                 : 0;
    json_text(j, "payload_base64", text ? span_of(text, (size_t)n) : SPAN_NONE);
}

void dead_letter_print(const struct dead_letter *l, bool with_payload, struct json_out *j,
                       struct arena *a)
{
    json_open(j, NULL, '{');
    json_text(j, "id", l->id);
    put_head(l, j);
    json_int(j, "payload_bytes", (int64_t)l->payload.n);
    if (with_payload && utf8_valid(l->payload) == l->payload.n)
        json_text(j, "payload", l->payload);
    else if (with_payload)
        put_base64(j, a, l->payload);
    json_close(j, '}');
}

/* --- keys in time --- */

void dead_letter_floor(int64_t ms, char out[DEAD_LETTER_KEY])
{
    struct uuid id = {{0}};
    ms = ms > 0 ? ms : 0;
    for (int i = 0; i < TIME_HEX / 2; i++)
        id.b[i] = (uint8_t)((uint64_t)ms >> (8 * (TIME_HEX / 2 - 1 - i)));
    uuid_format(&id, out);
}

int64_t dead_letter_time(struct span key)
{
    struct uuid id;
    uint64_t ms = 0;
    if (uuid_parse(key, &id) < 0)
        return 0;
    for (int i = 0; i < TIME_HEX / 2; i++)
        ms = ms << 8 | id.b[i];
    return (int64_t)ms;
}

/* --- removing --- */

struct drop {
    struct store_txn *txn;
    struct span source;
    struct span floor;
    size_t max, n;
    int rc;
};

/* Sources that have letters are named without anything JSON escapes, so what is not in the head's
 * text need not be parsed: a table of small letters is gone through within one transaction. */
static bool may_be_of(struct span value, struct span source)
{
    struct span head = span_of(value.p, span_find_char(value, '\n'));
    return span_find(head, source) != SIZE_MAX;
}

static int drop_letter(void *ctx, struct span key, struct span value)
{
    struct drop *d = ctx;
    struct dead_letter l;
    struct arena scratch;
    if (!may_be_of(value, d->source))
        return 0;
    arena_init(&scratch, HEAD_MAX * 4);
    bool same = dead_letter_read(key, value, &scratch, &l) == 0 && span_eq(l.source, d->source);
    arena_done(&scratch);
    if (!same)
        return 0;
    d->rc = store_doc_delete(d->txn, STORE_DOC_DEAD_LETTER, key);
    d->n += d->rc == 0;
    return d->rc < 0 || d->n == d->max;
}

int dead_letter_drop(struct store_txn *t, struct store_view *view, struct span source, size_t max,
                     size_t *ret_n)
{
    struct drop d = {.txn = t, .source = source, .max = max};
    int rc = store_doc_each(view, STORE_DOC_DEAD_LETTER, SPAN_NONE, false, drop_letter, &d);
    *ret_n = d.n;
    return d.rc < 0 ? d.rc : rc < 0 ? rc : 0;
}

static int drop_mark(void *ctx, struct span key, struct span value)
{
    struct drop *d = ctx;
    if (!span_starts(key, SPAN_LIT(DEAD_LETTER_MARK)))
        return 1;
    if (span_cmp(value, d->floor) >= 0)
        return 0;
    d->rc = store_doc_delete(d->txn, STORE_DOC_CURSOR, key);
    d->n += d->rc == 0;
    return d->rc < 0 || d->n == d->max;
}

int dead_letter_drop_marks(struct store_txn *t, struct store_view *view, int64_t ms, size_t max,
                           size_t *ret_n)
{
    char floor[DEAD_LETTER_KEY];
    dead_letter_floor(ms, floor);
    struct drop d = {.txn = t, .floor = span_str(floor), .max = max};
    int rc =
        store_doc_each(view, STORE_DOC_CURSOR, SPAN_LIT(DEAD_LETTER_MARK), false, drop_mark, &d);
    *ret_n = d.n;
    return d.rc < 0 ? d.rc : rc < 0 ? rc : 0;
}
