#include "daemon/collect/template.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/core/zone.h"

enum { MAX_PIECES = 64, MAX_HOLE = 200 };

static const char *const scope_names[SCOPE_COUNT] = {
    [SCOPE_CFG] = "cfg",       [SCOPE_SECRET] = "secret", [SCOPE_CURSOR] = "cursor",
    [SCOPE_PAGE] = "page",     [SCOPE_WINDOW] = "window", [SCOPE_PARTITION] = "partition",
    [SCOPE_RECORD] = "record", [SCOPE_NOW] = "now",
};

/* What the scopes of fixed names hold. */
static const char *const scope_values[SCOPE_COUNT] = {
    [SCOPE_CURSOR] = "value,time,int,start",
    [SCOPE_PAGE] = "token,number,offset,size",
    [SCOPE_WINDOW] = "from,to",
    [SCOPE_PARTITION] = "value",
    [SCOPE_NOW] = "time",
};

static const char *const form_names[FORM_COUNT] = {
    [FORM_PLAIN] = "plain", [FORM_UNIX] = "unix",     [FORM_UNIX_MS] = "unix_ms",
    [FORM_DATE] = "date",   [FORM_MINUTE] = "minute", [FORM_DATETIME] = "datetime",
    [FORM_LOCAL] = "local", [FORM_ISO_MS] = "iso_ms", [FORM_NUMBER] = "number",
    [FORM_LOWER] = "lower", [FORM_UPPER] = "upper",
};

const char *template_scope_name(enum template_scope scope)
{
    return scope_names[scope];
}

/* --- reading --- */

static int say(char *why, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int say(char *why, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, size, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static bool is_listed(const char *names, struct span word)
{
    struct span rest = span_str(names);
    while (rest.n > 0) {
        size_t end = span_find_char(rest, ',');
        if (span_eq(span_of(rest.p, end), word))
            return true;
        end += end < rest.n;
        rest = span_of(rest.p + end, rest.n - end);
    }
    return false;
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
        if (!ok)
            return false;
    }
    return s.n > 0;
}

static int find_name(const char *const *names, int n, struct span word)
{
    for (int i = 0; i < n; i++)
        if (span_is(word, names[i]))
            return i;
    return -1;
}

static int read_form(struct span form, struct template_piece *p, char *why, size_t size)
{
    size_t colon = span_find_char(form, ':');
    int found = find_name(form_names, FORM_COUNT, span_of(form.p, colon));
    if (found < 0)
        return say(why, size, "there is no form \"%.*s\"", SPAN_FMT(span_of(form.p, colon)));
    p->form = (enum template_form)found;
    if (colon == form.n)
        return 0;
    p->zone = span_of(form.p + colon + 1, form.n - colon - 1);
    if (found < FORM_DATE || found > FORM_LOCAL)
        return say(why, size, "the form %s takes no zone", form_names[found]);
    if (!zone_valid(p->zone))
        return say(why, size, "there is no time zone \"%.*s\"", SPAN_FMT(p->zone));
    return 0;
}

static int read_hole(struct span hole, unsigned scopes, struct template_piece *p, char *why,
                     size_t size)
{
    size_t bar = span_find_char(hole, '|');
    struct span name = span_trim(span_of(hole.p, bar));
    size_t dot = span_find_char(name, '.');
    int scope = find_name(scope_names, SCOPE_COUNT, span_of(name.p, dot));
    *p = (struct template_piece){.hole = true};
    if (hole.n > MAX_HOLE)
        return say(why, size, "a name of more than %d bytes", MAX_HOLE);
    if (scope < 0)
        return say(why, size,
                   "\"%.*s\" does not begin with cfg., secret., cursor., page., "
                   "window., partition., record. or now.",
                   SPAN_FMT(name));
    if (!(scopes & SCOPE_BIT(scope)))
        return say(why, size, "%s is not known here", scope_names[scope]);
    p->scope = (enum template_scope)scope;
    p->text = dot < name.n ? span_of(name.p + dot + 1, name.n - dot - 1) : span_of(name.p, 0);
    if (!is_name(p->text) || (scope_values[scope] && !is_listed(scope_values[scope], p->text)))
        return say(why, size, "%s has no value \"%.*s\"", scope_names[scope], SPAN_FMT(p->text));
    return bar < hole.n
               ? read_form(span_trim(span_of(hole.p + bar + 1, hole.n - bar - 1)), p, why, size)
               : 0;
}

int template_read(struct span text, unsigned scopes, struct arena *a, struct template *ret,
                  char *why, size_t size)
{
    struct template_piece found[MAX_PIECES];
    size_t n = 0;
    text = arena_dup(a, text);
    if (!text.p)
        return -ENOMEM;
    while (text.n > 0) {
        if (n + 2 > MAX_PIECES)
            return say(why, size, "more than %d pieces", MAX_PIECES);
        size_t open = span_find(text, SPAN_LIT("{{"));
        size_t literal = open == SIZE_MAX ? text.n : open;
        if (literal > 0)
            found[n++] = (struct template_piece){.text = span_of(text.p, literal)};
        text = span_of(text.p + literal, text.n - literal);
        if (text.n == 0)
            break;
        size_t close = span_find(text, SPAN_LIT("}}"));
        if (close == SIZE_MAX)
            return say(why, size, "{{ without }}");
        int rc = read_hole(span_of(text.p + 2, close - 2), scopes, &found[n++], why, size);
        if (rc < 0)
            return rc;
        text = span_of(text.p + close + 2, text.n - close - 2);
    }
    struct template_piece *pieces = arena_array(a, n ? n : 1, sizeof *pieces);
    if (!pieces)
        return -ENOMEM;
    memcpy(pieces, found, n * sizeof *pieces);
    *ret = (struct template){pieces, n};
    return 0;
}

bool template_is_lone(const struct template *t, enum template_form form)
{
    return t->n == 1 && t->pieces[0].hole && t->pieces[0].form == form;
}

/* --- filling in --- */

void template_escape(struct buf *out, struct span s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            (c && strchr("-._~", c))) {
            buf_char(out, (char)c);
        } else {
            buf_char(out, '%');
            buf_char(out, digits[c >> 4]);
            buf_char(out, digits[c & 15]);
        }
    }
}

/* The instant moved so that its UTC fields are the zone's. */
static int64_t in_zone(int64_t ms, struct span zone)
{
    struct zone *z;
    if (!zone.p || zone_open(zone, &z) < 0)
        return ms;
    ms += zone_offset(z, ms);
    zone_close(z);
    return ms;
}

static size_t print_time(const struct template_piece *p, int64_t ms, char *out, size_t size)
{
    struct civil c;
    int n = 0;
    if (p->form == FORM_PLAIN)
        return time_format_rfc3339(ms, 0, out);
    civil_from_ms(in_zone(ms, p->zone), &c);
    switch (p->form) {
    case FORM_UNIX:
    case FORM_NUMBER:
        n = snprintf(out, size, "%" PRId64, (ms - (ms < 0 ? 999 : 0)) / 1000);
        break;
    case FORM_UNIX_MS:
        n = snprintf(out, size, "%" PRId64, ms);
        break;
    case FORM_DATE:
        n = snprintf(out, size, "%04d-%02d-%02d", c.year, c.month, c.day);
        break;
    case FORM_MINUTE:
        n = snprintf(out, size, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour,
                     c.minute);
        break;
    case FORM_ISO_MS:
        n = snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
                     c.hour, c.minute, c.second, c.ms);
        break;
    default:
        n = snprintf(out, size, "%04d-%02d-%02d%c%02d:%02d:%02d", c.year, c.month, c.day,
                     p->form == FORM_LOCAL ? 'T' : ' ', c.hour, c.minute, c.second);
        break;
    }
    return (size_t)n;
}

static int fold(struct span s, enum template_form form, char *out, size_t size)
{
    char low = form == FORM_LOWER ? 'A' : 'a', change = form == FORM_LOWER ? 32 : -32;
    if (s.n > size)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++)
        out[i] = (char)(s.p[i] >= low && s.p[i] < low + 26 ? s.p[i] + change : s.p[i]);
    return 0;
}

/* A value as its form wants it. */
static int shape(const struct template_piece *p, const struct template_value *v, char *room,
                 size_t size, struct span *ret)
{
    *ret = v->text;
    if (v->time != NO_TIME) {
        *ret = span_of(room, print_time(p, v->time, room, size));
        return 0;
    }
    if (p->form == FORM_LOWER || p->form == FORM_UPPER) {
        *ret = span_of(room, v->text.n);
        return fold(v->text, p->form, room, size);
    }
    return p->form == FORM_PLAIN || p->form == FORM_NUMBER ? 0 : -EINVAL;
}

int template_expand(const struct template *t, const struct template_env *env,
                    enum template_escape escape, struct buf *out,
                    const struct template_piece **ret_missing)
{
    char room[1024];
    for (size_t i = 0; i < t->n; i++) {
        const struct template_piece *p = &t->pieces[i];
        struct template_value v = {SPAN_NONE, NO_TIME};
        struct span shown = p->text;
        if (p->hole && !env->get(env->ctx, p->scope, p->text, &v)) {
            if (ret_missing)
                *ret_missing = p;
            return -ENOENT;
        }
        if (p->hole && shape(p, &v, room, sizeof room, &shown) < 0)
            return -EINVAL;
        if (p->hole && escape == ESCAPE_HOLES)
            template_escape(out, shown);
        else
            buf_add(out, shown);
    }
    return buf_error(out);
}
