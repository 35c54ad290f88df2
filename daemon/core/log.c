#include "daemon/core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/time.h"
#include "base/utf8.h"

enum { LINE_MAX_BYTES = 4096, FIELDS_MAX_BYTES = 2048 };

/* A line under construction. What does not fit is cut, never grown: logging allocates nothing. */
struct line {
    char p[LINE_MAX_BYTES];
    size_t n;
};

static _Atomic int min_level = LOG_L_INFO;
static _Atomic bool as_json;
static _Atomic bool to_journal;

#define X(id, name) name,
static const char *const group_names[] = {LOG_GROUPS(X)};
#undef X
static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int level_priorities[] = {3, 4, 6, 7}; /* sd-daemon(3) */

/* JOURNAL_STREAM names the socket the manager gave; stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
    const char *s = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    if (!s || sscanf(s, "%llu:%llu", &dev, &ino) != 2 || fstat(STDERR_FILENO, &st) < 0)
        return false;
    return st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

void log_setup(enum log_level level, bool json)
{
    min_level = level;
    as_json = json;
    to_journal = stderr_is_journal();
}

int log_level_find(struct span name)
{
    for (int i = 0; i <= LOG_L_DEBUG; i++)
        if (span_is(name, level_names[i]))
            return i;
    return -1;
}

/* One byte is kept for the newline. */
static void line_add(struct line *l, const char *p, size_t n)
{
    size_t room = sizeof l->p - 1 - l->n;
    if (n > room)
        n = room;
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void line_str(struct line *l, const char *s)
{
    line_add(l, s, strlen(s));
}

/* Room is left for what must follow (closing quotes and braces), so a cut line is still JSON. */
static bool line_has_room(const struct line *l)
{
    return l->n + 64 < sizeof l->p;
}

static void line_json_char(struct line *l, unsigned char c)
{
    char esc[8];
    if (c == '"' || c == '\\') {
        esc[0] = '\\';
        esc[1] = (char)c;
        line_add(l, esc, 2);
    } else if (c < 0x20 || c == 0x7f) {
        line_add(l, esc, (size_t)snprintf(esc, sizeof esc, "\\u%04x", c));
    } else {
        line_add(l, (const char *)&c, 1);
    }
}

/* A byte that is no UTF-8 becomes '?': the reader of a log must never choke on one line. */
static void line_json_text(struct line *l, struct span s)
{
    while (s.n > 0 && line_has_room(l)) {
        uint32_t cp;
        unsigned n = utf8_decode(s.p, s.n, &cp);
        if (n > 1)
            line_add(l, s.p, n);
        else
            line_json_char(l, n ? (unsigned char)*s.p : '?');
        n = n ? n : 1;
        s = span_of(s.p + n, s.n - n);
    }
}

static void line_json_member(struct line *l, struct span name, struct span value)
{
    if (!line_has_room(l))
        return;
    line_str(l, ",\"");
    line_json_text(l, name);
    line_str(l, "\":\"");
    line_json_text(l, value);
    line_str(l, "\"");
}

/* Takes the value off the front of `rest`: bare up to a space, or what log_quote() made. */
static struct span take_value(struct span *rest, char *scratch)
{
    size_t i = 0, n = 0;
    bool quoted = rest->n > 0 && rest->p[0] == '"';
    if (quoted)
        i++;
    for (; i < rest->n && rest->p[i] != (quoted ? '"' : ' '); i++) {
        if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
        scratch[n++] = rest->p[i];
    }
    if (quoted && i < rest->n)
        i++;
    *rest = span_of(rest->p + i, rest->n - i);
    return span_of(scratch, n);
}

static void line_json_fields(struct line *l, struct span fields)
{
    char scratch[FIELDS_MAX_BYTES];
    for (struct span rest = span_trim(fields); rest.n > 0; rest = span_trim(rest)) {
        size_t eq = span_find_char(rest, '=');
        struct span name = span_of(rest.p, eq);
        rest = span_of(rest.p + eq, rest.n - eq);
        if (rest.n > 0)
            rest = span_of(rest.p + 1, rest.n - 1);
        line_json_member(l, name, take_value(&rest, scratch));
    }
}

static void line_json(struct line *l, int level, enum log_group group, const char *message,
                      struct span fields)
{
    char at[TIME_RFC3339_MAX];
    time_format_rfc3339(clock_wall(&clock_system), 0, at);
    line_str(l, "{\"time\":\"");
    line_str(l, at);
    line_str(l, "\"");
    line_json_member(l, SPAN_LIT("level"), span_str(level_names[level]));
    line_json_member(l, SPAN_LIT("group"), span_str(group_names[group]));
    line_json_member(l, SPAN_LIT("message"), span_str(message));
    line_json_fields(l, fields);
    line_str(l, "}");
}

/* Control characters would let a value forge lines of its own. */
static void line_text(struct line *l, int level, enum log_group group, const char *message,
                      struct span fields)
{
    char head[16];
    if (to_journal)
        line_add(l, head, (size_t)snprintf(head, sizeof head, "<%d>", level_priorities[level]));
    line_str(l, level_names[level]);
    line_str(l, " ");
    line_str(l, group_names[group]);
    line_str(l, " ");
    line_str(l, message);
    if (fields.n > 0) {
        line_str(l, " ");
        line_add(l, fields.p, fields.n);
    }
    for (size_t i = 0; i < l->n; i++)
        if ((unsigned char)l->p[i] < 0x20)
            l->p[i] = '?';
}

void log_line(enum log_level level, enum log_group group, const char *message, const char *fields,
              ...)
{
    if ((int)level > min_level)
        return;
    int saved = errno;
    char text[FIELDS_MAX_BYTES];
    int n = 0;
    if (fields) {
        va_list ap;
        va_start(ap, fields);
        n = vsnprintf(text, sizeof text, fields, ap);
        va_end(ap);
    }
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    struct line l = {.n = 0};
    (as_json ? line_json : line_text)(&l, (int)level, group, message, span_of(text, len));
    l.p[l.n++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.p, l.n);
    (void)written; /* there is nowhere left to complain to */
    errno = saved;
}

const char *log_quote(struct span s, char *out, size_t size)
{
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < s.n && n + 4 < size; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            out[n++] = '\\';
        out[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}
