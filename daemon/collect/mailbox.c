#include "daemon/collect/mailbox.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "base/utf8.h"
#include "daemon/format/json_out.h"

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* --- the position --- */

int mailbox_print(const struct mailbox_position *p, struct buf *out)
{
    struct json_out j = json_out_to(out);
    char of[20];
    json_open(&j, NULL, '{');
    json_int(&j, "v", 1);
    json_time(&j, "start", p->start, 0);
    snprintf(of, sizeof of, "%016" PRIx64, p->of);
    json_cstr(&j, "of", of);
    json_int(&j, "validity", p->validity);
    json_int(&j, "uid", p->uid);
    json_int(&j, "history", p->history);
    json_close(&j, '}');
    return buf_error(out);
}

static bool number_of(const json_t *o, const char *key, uint32_t *ret)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    *ret = (uint32_t)v;
    return json_is_integer(json_object_get(o, key)) && v >= 0 && v <= UINT32_MAX;
}

int mailbox_parse(struct span text, struct mailbox_position *ret)
{
    json_t *o = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
    struct mailbox_position p = {0};
    struct span start = span_str(json_string_value(json_object_get(o, "start")));
    bool ok = json_integer_value(json_object_get(o, "v")) == 1 &&
              number_of(o, "validity", &p.validity) && number_of(o, "uid", &p.uid) &&
              number_of(o, "history", &p.history) && start.p &&
              time_parse_rfc3339(start, &p.start) == 0;
    const char *of = json_string_value(json_object_get(o, "of"));
    p.of = of ? strtoull(of, NULL, 16) : 0;
    json_decref(o);
    if (!ok)
        return -EINVAL;
    *ret = p;
    return 0;
}

bool mailbox_meet(struct mailbox_position *p, uint64_t of, const struct mailbox_status *now)
{
    if (p->validity == now->validity && p->of == of)
        return false;
    p->of = of;
    p->validity = now->validity;
    p->uid = 0;
    p->history = now->next;
    return true;
}

bool mailbox_next(const struct mailbox_position *p, const struct mailbox_status *now,
                  uint32_t window, uint32_t *ret_from, uint32_t *ret_to)
{
    if (p->uid >= now->next - 1)
        return false;
    uint32_t from = p->uid + 1, last = now->next - 1;
    if (from < p->history && p->history - 1 < last)
        last = p->history - 1;
    *ret_from = from;
    *ret_to = last - from < window ? last : from + window - 1;
    return true;
}

/* --- commands --- */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* A run of what is not ASCII, as UTF-16 in IMAP's base64; its bytes. */
static size_t encode_run(struct span s, struct buf *out)
{
    uint32_t bits = 0, cp;
    unsigned n_bits = 0;
    size_t used = 0;
    buf_char(out, '&');
    while (used < s.n && (unsigned char)s.p[used] >= 0x80) {
        unsigned n = utf8_decode(s.p + used, s.n - used, &cp);
        uint16_t units[2] = {(uint16_t)cp, 0};
        unsigned n_units = 1;
        if (cp >= 0x10000) {
            units[0] = (uint16_t)(0xd800 + ((cp - 0x10000) >> 10));
            units[1] = (uint16_t)(0xdc00 + ((cp - 0x10000) & 0x3ff));
            n_units = 2;
        }
        for (unsigned i = 0; i < n_units; i++) {
            bits = bits << 16 | units[i];
            for (n_bits += 16; n_bits >= 6; n_bits -= 6)
                buf_char(out, base64[bits >> (n_bits - 6) & 63]);
        }
        used += n ? n : 1;
    }
    if (n_bits > 0)
        buf_char(out, base64[bits << (6 - n_bits) & 63]);
    buf_char(out, '-');
    return used;
}

/* RFC 3501, 5.1.3: modified UTF-7. What is ASCII is taken as it is but for &. */
static void encode_name(struct span name, struct buf *out)
{
    while (name.n > 0) {
        size_t used = 1;
        if ((unsigned char)name.p[0] >= 0x80)
            used = encode_run(name, out);
        else if (name.p[0] == '&')
            buf_str(out, "&-");
        else
            buf_char(out, name.p[0]);
        name = span_of(name.p + used, name.n - used);
    }
}

struct span mailbox_ask_examine(struct span name, struct arena *a)
{
    struct buf b, encoded;
    buf_init(&b, 8192);
    buf_init(&encoded, 4096);
    encode_name(name, &encoded);
    buf_str(&b, "EXAMINE \"");
    for (size_t i = 0; i < encoded.n; i++) {
        if (encoded.p[i] == '"' || encoded.p[i] == '\\')
            buf_char(&b, '\\');
        buf_char(&b, encoded.p[i]);
    }
    buf_char(&b, '"');
    bool ok = !buf_error(&b) && !buf_error(&encoded);
    struct span command = ok ? arena_dup(a, buf_span(&b)) : SPAN_NONE;
    buf_done(&b);
    buf_done(&encoded);
    return command;
}

/* Servers compare days in a zone of their own: one is asked for too much. */
struct span mailbox_ask_uids(const struct mailbox_position *p, uint32_t from, uint32_t to,
                             struct arena *a)
{
    struct civil day;
    if (from >= p->history)
        return arena_printf(a, "UID SEARCH UID %" PRIu32 ":%" PRIu32, from, to);
    civil_from_ms(p->start > MS_DAY ? p->start - MS_DAY : 0, &day);
    return arena_printf(a, "UID SEARCH UID %" PRIu32 ":%" PRIu32 " SINCE %d-%s-%04d", from, to,
                        day.day, months[day.month - 1], day.year);
}

struct span mailbox_ask_message(uint32_t uid, size_t max, struct arena *a)
{
    return arena_printf(a, "UID FETCH %" PRIu32 " (INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.%zu>)",
                        uid, max);
}

/* --- answers: a reader of tokens --- */

static bool take(struct span *s, struct span what)
{
    if (s->n < what.n || !span_eq_nocase(span_of(s->p, what.n), what))
        return false;
    *s = span_of(s->p + what.n, s->n - what.n);
    return true;
}

static bool take_number(struct span *s, uint32_t *ret)
{
    size_t n = 0;
    int64_t v;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    if (span_to_i64(span_of(s->p, n), &v) < 0 || v > UINT32_MAX)
        return false;
    *s = span_of(s->p + n, s->n - n);
    *ret = (uint32_t)v;
    return true;
}

static bool take_quoted(struct span *s, struct span *ret)
{
    size_t n = 1;
    while (n < s->n && s->p[n] != '"' && s->p[n] != '\r' && s->p[n] != '\n')
        n += s->p[n] == '\\' ? 2 : 1;
    if (n >= s->n || s->p[n] != '"')
        return false;
    *ret = span_of(s->p + 1, n - 1);
    *s = span_of(s->p + n + 1, s->n - n - 1);
    return true;
}

/* {n} CRLF and n bytes. */
static bool take_literal(struct span *s, struct span *ret)
{
    struct span rest = *s;
    uint32_t n;
    if (!take(&rest, SPAN_LIT("{")) || !take_number(&rest, &n) || !take(&rest, SPAN_LIT("}")))
        return false;
    take(&rest, SPAN_LIT("\r"));
    if (!take(&rest, SPAN_LIT("\n")) || rest.n < n)
        return false;
    *ret = span_of(rest.p, n);
    *s = span_of(rest.p + n, rest.n - n);
    return true;
}

/* An atom, a string, or a list with all in it. */
static bool take_value(struct span *s, struct span *ret)
{
    unsigned depth = 0;
    const char *begin = s->p;
    struct span any;
    do {
        if (s->n == 0)
            return false;
        char c = s->p[0];
        if (c == '"' || c == '{') {
            if (!(c == '"' ? take_quoted(s, &any) : take_literal(s, &any)))
                return false;
            if (depth == 0) {
                *ret = any;
                return true;
            }
            continue;
        }
        if (depth == 0 && (c == ' ' || c == ')' || c == '\r' || c == '\n'))
            break;
        depth += c == '(';
        depth -= c == ')';
        *s = span_of(s->p + 1, s->n - 1);
        if (c == ')' && depth == 0)
            break;
    } while (true);
    *ret = span_of(begin, (size_t)(s->p - begin));
    return true;
}

/* Up to the end of the response, over the literals in it. */
static void skip_response(struct span *s)
{
    struct span any;
    while (s->n > 0) {
        if (s->p[0] == '{' && take_literal(s, &any))
            continue;
        bool end = s->p[0] == '\n';
        *s = span_of(s->p + 1, s->n - 1);
        if (end)
            return;
    }
}

/* --- answers --- */

/* "* OK [UIDNEXT 12] …". A server may leave that out; then all numbers are possible. */
int mailbox_status(struct span s, struct mailbox_status *ret)
{
    struct mailbox_status found = {.next = UINT32_MAX};
    while (s.n > 0) {
        struct span line = s;
        uint32_t *to = take(&line, SPAN_LIT("* OK [UIDVALIDITY ")) ? &found.validity
                       : take(&line, SPAN_LIT("* OK [UIDNEXT "))   ? &found.next
                                                                   : NULL;
        if (to && !take_number(&line, to))
            return -EPROTO;
        skip_response(&s);
    }
    if (found.validity == 0 || found.next == 0)
        return -EPROTO;
    *ret = found;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* `99:*` gives the last one even when it is 7: what is outside was not asked for. */
int mailbox_uids(struct span s, uint32_t from, uint32_t to, uint32_t *ret, size_t *ret_n)
{
    size_t n = 0, kept = 0;
    bool found = false;
    while (s.n > 0) {
        uint32_t uid;
        if (!take(&s, SPAN_LIT("* SEARCH"))) {
            skip_response(&s);
            continue;
        }
        found = true;
        while (take(&s, SPAN_LIT(" "))) {
            if (s.n > 0 && (s.p[0] == '\r' || s.p[0] == '\n'))
                break;
            if (!take_number(&s, &uid))
                return -EPROTO;
            if (uid < from || uid > to)
                continue;
            if (n == MAILBOX_MAX_UIDS)
                return -E2BIG;
            ret[n++] = uid;
        }
        skip_response(&s);
    }
    if (!found) /* RFC 3501 wants an empty one; some servers leave it out */
        n = 0;
    qsort(ret, n, sizeof *ret, by_number);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || ret[i] != ret[kept - 1])
            ret[kept++] = ret[i];
    *ret_n = kept;
    return 0;
}

/* "22-Nov-2026 09:10:11 +0900", the day perhaps with a space. */
static int64_t parse_date(struct span s)
{
    char text[32], month[4], sign;
    struct civil c = {0};
    int hours, minutes, m = 0;
    int64_t ms;
    s = span_trim(s);
    snprintf(text, sizeof text, "%.*s", (int)(s.n < 31 ? s.n : 31), s.p);
    if (sscanf(text, "%2d-%3s-%4d %2d:%2d:%2d %c%2d%2d", &c.day, month, &c.year, &c.hour, &c.minute,
               &c.second, &sign, &hours, &minutes) != 9)
        return NO_TIME;
    while (m < 12 && !span_eq_nocase(span_str(month), span_str(months[m])))
        m++;
    c.month = m + 1;
    if (m == 12 || (sign != '+' && sign != '-') || civil_to_ms(&c, &ms) < 0)
        return NO_TIME;
    int64_t offset = hours * MS_HOUR + minutes * MS_MINUTE;
    return sign == '+' ? ms - offset : ms + offset;
}

/* The items of one FETCH response, after its opening parenthesis. */
static bool read_items(struct span *s, uint32_t *uid, struct mailbox_message *m)
{
    int64_t size;
    while (s->n > 0 && s->p[0] != ')') {
        struct span name, value;
        size_t n = 0;
        for (unsigned depth = 0; n < s->n && (depth > 0 || s->p[n] != ' '); n++) {
            if (s->p[n] == '\r' || s->p[n] == '\n')
                return false;
            depth += s->p[n] == '[';
            depth -= s->p[n] == ']' && depth > 0;
        }
        name = span_of(s->p, n);
        *s = span_of(s->p + n, s->n - n);
        if (!take(s, SPAN_LIT(" ")))
            return false;
        bool string = s->n > 0 && (s->p[0] == '"' || s->p[0] == '{');
        if (!take_value(s, &value))
            return false;
        if (span_eq_nocase(name, SPAN_LIT("UID")))
            take_number(&value, uid);
        else if (span_eq_nocase(name, SPAN_LIT("INTERNALDATE")))
            m->arrived = parse_date(value);
        else if (span_eq_nocase(name, SPAN_LIT("RFC822.SIZE")))
            m->size = span_to_i64(value, &size) == 0 && size > 0 ? (size_t)size : 0;
        else if (name.n >= 6 && span_eq_nocase(span_of(name.p, 6), SPAN_LIT("BODY[]")))
            m->bytes = string ? value : SPAN_LIT("");
        take(s, SPAN_LIT(" "));
    }
    return s->n > 0;
}

int mailbox_message(struct span s, uint32_t uid, struct mailbox_message *ret)
{
    while (s.n > 0) {
        struct mailbox_message m = {.arrived = NO_TIME};
        uint32_t number, got = 0;
        struct span line = s;
        if (!take(&line, SPAN_LIT("* ")) || !take_number(&line, &number) ||
            !take(&line, SPAN_LIT(" FETCH ("))) {
            skip_response(&s);
            continue;
        }
        s = line;
        if (!read_items(&s, &got, &m))
            return -EPROTO;
        if (got == uid && m.bytes.p) {
            *ret = m;
            return 0;
        }
        skip_response(&s);
    }
    return -ENOENT;
}
