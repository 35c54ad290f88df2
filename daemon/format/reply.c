#include "daemon/format/reply.h"

#include "base/err.h"

enum { MAX_INTRO_LINES = 3, MAX_INTRO = 400, BLOCK_LINES = 8, MAX_CLOSING = 100 };

/* --- lines --- */

/* Cuts the first line off; without its end. */
static struct span next_line(struct span *rest)
{
    size_t end = span_find_char(*rest, '\n');
    struct span line = span_of(rest->p, end);
    size_t used = end + (end < rest->n);
    *rest = span_of(rest->p + used, rest->n - used);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool has_end(struct span s, struct span end)
{
    return s.n >= end.n && span_eq(span_of(s.p + s.n - end.n, end.n), end);
}

static bool starts_nocase(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_eq_nocase(span_of(s.p, prefix.n), prefix);
}

static bool is_quoted(struct span line)
{
    return line.n > 0 && line.p[0] == '>';
}

static bool begins_quoted(struct span rest)
{
    while (rest.n > 0) {
        struct span line = next_line(&rest);
        if (span_trim(line).n > 0)
            return is_quoted(span_trim(line));
    }
    return false;
}

/* --- the line that introduces a quote --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "2026년 11월 …", "2026. 11. 22. …", "2026-11-22 …" */
static bool begins_year(struct span s)
{
    if (s.n < 8 || !((s.p[0] == '1' && s.p[1] == '9') || (s.p[0] == '2' && s.p[1] == '0')) ||
        !is_digit(s.p[2]) || !is_digit(s.p[3]))
        return false;
    struct span after = span_of(s.p + 4, s.n - 4);
    return span_starts(after, SPAN_LIT("년")) || strchr(".-/", after.p[0]);
}

static bool ends_intro(struct span s)
{
    static const char *const ends[] = {
        "wrote:",   "작성:",        "작성했습니다:", "썼습니다:",      "쓴 글:",
        "님이 씀:", "보낸 메시지:", "보낸 글:",      "작성하였습니다:"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (has_end(s, span_str(ends[i])))
            return true;
    return false;
}

/* Bytes of an introduction that begins with `line`, the line before `rest`; 0 when it is none.
 * Clients wrap it. */
static size_t intro_length(struct span line, struct span rest)
{
    struct span first = span_trim(line);
    bool english = span_starts(first, SPAN_LIT("On "));
    if (!english && !begins_year(first))
        return 0;
    struct span all = line, after = rest;
    for (unsigned i = 0; i < MAX_INTRO_LINES && all.n < MAX_INTRO; i++) {
        if (ends_intro(span_trim(all)))
            return (size_t)(after.p - line.p);
        if (after.n == 0)
            break;
        struct span more = next_line(&after);
        if (span_trim(more).n == 0 || is_quoted(more))
            break;
        all = span_of(line.p, (size_t)(more.p + more.n - line.p));
    }
    return 0;
}

/* --- separators and blocks --- */

static bool is_separator(struct span line)
{
    static const char *const words[] = {"Original Message", "Original Mail", "원본 메시지",
                                        "원본메시지",       "원본 메일",     "원본메일",
                                        "원문 메시지",      "Reply Message"};
    struct span s = span_trim(line);
    if (s.n < 8 || !span_starts(s, SPAN_LIT("---")) || !has_end(s, SPAN_LIT("---")))
        return false;
    while (s.n > 0 && s.p[0] == '-')
        s = span_of(s.p + 1, s.n - 1);
    while (s.n > 0 && s.p[s.n - 1] == '-')
        s.n--;
    s = span_trim(s);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (span_eq_nocase(s, span_str(words[i])))
            return true;
    return false;
}

/* "From:", "*From:*" as text made of bold type, "보낸 사람 :" */
static bool is_field(struct span line, const char *const *names, size_t n)
{
    struct span s = span_trim(line);
    while (s.n > 0 && s.p[0] == '*')
        s = span_of(s.p + 1, s.n - 1);
    for (size_t i = 0; i < n; i++) {
        struct span name = span_str(names[i]);
        if (!starts_nocase(s, name))
            continue;
        struct span after = span_trim(span_of(s.p + name.n, s.n - name.n));
        if (after.n > 0 && (after.p[0] == ':' || span_starts(after, SPAN_LIT("*:"))))
            return true;
    }
    return false;
}

static bool is_header_block(struct span line, struct span rest)
{
    static const char *const first[] = {"From",   "보낸 사람", "보낸사람",
                                        "보낸이", "발신자",    "발신"};
    static const char *const others[] = {"Sent",      "Date",      "To",       "Cc",   "Subject",
                                         "보낸 날짜", "보낸날짜",  "날짜",     "일시", "받는 사람",
                                         "받는사람",  "받는이",    "수신자",   "수신", "참조",
                                         "제목",      "받은 날짜", "보낸 시간"};
    unsigned found = 0;
    if (!is_field(line, first, ARRAY_LEN(first)))
        return false;
    for (unsigned i = 0; i < BLOCK_LINES && rest.n > 0; i++)
        found += is_field(next_line(&rest), others, ARRAY_LEN(others));
    return found >= 2;
}

/* --- the end of a text --- */

static bool is_closing(struct span line)
{
    static const char *const starts[] = {"Sent from ", "Get Outlook for ", "Sent via ",
                                         "Outlook for "};
    static const char *const ends[] = {"에서 보냄", "에서 보냈습니다.", "에서 보냈습니다",
                                       "에서 발송", "앱에서 보낸 메일입니다."};
    struct span s = span_trim(line);
    if (s.n > MAX_CLOSING)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(starts); i++)
        if (starts_nocase(s, span_str(starts[i])))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (has_end(s, span_str(ends[i])))
            return true;
    return false;
}

/* A rule of underscores, as Outlook draws above its block. */
static bool is_rule(struct span line)
{
    struct span s = span_trim(line);
    if (s.n < 8)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            return false;
    return true;
}

/* Length of out's text from `begin` on without the last lines that nobody wrote. */
static void drop_closings(struct buf *out, size_t begin)
{
    for (;;) {
        struct span s = span_of(out->p + begin, out->n - begin);
        while (s.n > 0 && strchr(" \t\n", s.p[s.n - 1]))
            s.n--;
        size_t last = s.n;
        while (last > 0 && s.p[last - 1] != '\n')
            last--;
        struct span line = span_of(s.p + last, s.n - last);
        bool drop = s.n > 0 && (is_closing(line) || is_rule(line));
        out->n = begin + (drop ? last : s.n);
        if (!drop)
            return;
    }
}

/* --- the whole --- */

struct writer {
    struct buf *out;
    size_t begin;
    bool gap; /* an empty line is wanted before the next */
};

static void put_line(struct writer *w, struct span line)
{
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    if (line.n == 0) {
        w->gap = w->out->n > w->begin;
        return;
    }
    if (w->out->n > w->begin)
        buf_str(w->out, w->gap ? "\n\n" : "\n");
    w->gap = false;
    buf_add(w->out, line);
}

int reply_text(struct span text, struct buf *out)
{
    struct writer w = {.out = out, .begin = out->n};
    while (text.n > 0 && !buf_error(out)) {
        struct span line = next_line(&text);
        size_t intro;
        if (is_quoted(line))
            continue;
        if (span_is(line, "-- ") || span_is(line, "--") || is_separator(line) ||
            is_header_block(line, text))
            break;
        if ((intro = intro_length(line, text)) > 0) {
            text = span_of(line.p + intro, (size_t)(text.p + text.n - line.p) - intro);
            if (!begins_quoted(text))
                break;
            continue;
        }
        put_line(&w, line);
    }
    if (out->n > w.begin && !buf_error(out))
        drop_closings(out, w.begin);
    return buf_error(out);
}
