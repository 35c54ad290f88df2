#include "daemon/format/transcript.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

struct reading {
    enum transcript_form form;
    const struct speakers *speakers;
    struct arena *a;
    struct reject *why;
    struct buf text; /* of all utterances, one after the other; note's, when there are none */
    struct utterance *said;
    size_t *ends; /* in text */
    size_t n;
    struct span rest; /* behind the line under way */
    struct pair *head;
    size_t n_head;
    bool head_over;
    unsigned long line, unknown; /* from 1; the first whose label nobody knows */
    bool in_cue, cue_begun;
    int64_t cue_at;
};

/* --- a line taken apart --- */

struct parts {
    struct span label; /* absent: none */
    int64_t after;     /* or NO_TIME */
    struct span text;
};

static size_t digits(struct span s, size_t at, int64_t *ret)
{
    size_t n = 0;

    for (*ret = 0; at + n < s.n && n < 4 && s.p[at + n] >= '0' && s.p[at + n] <= '9'; n++)
        *ret = *ret * 10 + (s.p[at + n] - '0');
    return n;
}

int transcript_time(struct span s, int64_t *ret_ms)
{
    int64_t part[3] = {0, 0, 0}, fraction = 0;
    size_t at = 0, n = 0, len;

    for (; n < 3; n++) {
        len = digits(s, at, &part[n]);
        if (len == 0 || (n > 0 && (len != 2 || part[n] > 59)))
            return -EINVAL;
        at += len;
        if (at == s.n || s.p[at] != ':')
            break;
        at++;
    }
    if (n == 3 || n == 0)
        return -EINVAL;
    if (at < s.n && (s.p[at] == '.' || s.p[at] == ',')) {
        len = digits(s, ++at, &fraction);
        for (size_t i = len; i < 3; i++)
            fraction *= 10;
        if (len == 0 || len > 3)
            return -EINVAL;
        at += len;
    }
    if (at < s.n)
        return -EINVAL;
    int64_t seconds = n == 2 ? part[0] * 3600 + part[1] * 60 + part[2] : part[0] * 60 + part[1];
    *ret_ms = seconds * MS_SECOND + fraction;
    return 0;
}

/* What stands in brackets at the beginning, with the rest in *rest. */
static bool take_bracket(struct span s, struct span *inner, struct span *rest)
{
    char close = '\0';

    if (s.n > 0)
        close = s.p[0] == '[' ? ']' : s.p[0] == '(' ? ')' : '\0';
    size_t end = close ? span_find_char(s, close) : s.n;
    if (end >= s.n)
        return false;
    *inner = span_trim(span_of(s.p + 1, end - 1));
    *rest = span_trim(span_of(s.p + end + 1, s.n - end - 1));
    return true;
}

/* A time at the beginning, in brackets or bare. */
static void take_time(struct parts *p)
{
    struct span inner, rest;
    size_t n = 0;

    if (take_bracket(p->text, &inner, &rest) && transcript_time(inner, &p->after) == 0) {
        p->text = rest;
        return;
    }
    while (n < p->text.n && p->text.p[n] != ' ' && p->text.p[n] != '\t')
        n++;
    if (n < p->text.n && transcript_time(span_of(p->text.p, n), &p->after) == 0)
        p->text = span_trim(span_of(p->text.p + n, p->text.n - n));
}

/* Short, of at most three words, and not only digits: what stands before a colon else is a clock's
 * hour, an address on the web or a clause. */
static bool is_label(struct span s)
{
    size_t spaces = 0, figures = 0;

    if (s.n == 0 || s.n > TRANSCRIPT_MAX_LABEL)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        spaces += s.p[i] == ' ';
        figures += s.p[i] >= '0' && s.p[i] <= '9';
        if (memchr(".,!?/\"'<>=\t", s.p[i], 11))
            return false;
    }
    return spaces <= 2 && figures + spaces < s.n;
}

/* Offset of the first colon, also the wide one, with its length; s.n without one. */
static size_t find_colon(struct span s, size_t *ret_len)
{
    struct span wide = SPAN_LIT("：");
    size_t narrow = span_find_char(s, ':'), at = span_find(s, wide);

    *ret_len = at < narrow ? wide.n : 1;
    return at < narrow ? at : narrow;
}

static struct span behind_colon(struct span s)
{
    size_t len;

    s = span_trim(s);
    if (s.n == 0 || find_colon(s, &len) != 0)
        return s;
    return span_trim(span_of(s.p + len, s.n - len));
}

/* "참석자 1 00:03": the word around the first colon is a time. */
static bool take_bare_time(struct parts *p, size_t colon)
{
    struct span s = p->text;
    size_t begin = colon, end = colon;
    int64_t ms;

    while (begin > 0 && s.p[begin - 1] != ' ')
        begin--;
    while (end < s.n && s.p[end] != ' ')
        end++;
    struct span time = span_of(s.p + begin, end - begin);
    if (time.n && time.p[time.n - 1] == ':')
        time.n--;
    if (begin == 0 || transcript_time(time, &ms) < 0)
        return false;
    p->after = ms;
    p->label = span_trim(span_of(s.p, begin));
    p->text = span_trim(span_of(s.p + end, s.n - end));
    return true;
}

/* "상담원 (00:03): …": what is in the bracket is a time. */
static bool take_bracket_time(struct parts *p, size_t bracket)
{
    struct span inner, rest;
    int64_t ms;

    if (!take_bracket(span_of(p->text.p + bracket, p->text.n - bracket), &inner, &rest) ||
        transcript_time(inner, &ms) < 0)
        return false;
    p->after = ms;
    p->label = span_trim(span_of(p->text.p, bracket));
    p->text = behind_colon(rest);
    return true;
}

static bool take_label(struct parts *p)
{
    struct parts with = *p;
    size_t len, colon = find_colon(p->text, &len), bracket = 0;

    while (bracket < p->text.n && p->text.p[bracket] != '(' && p->text.p[bracket] != '[')
        bracket++;
    bool timed = bracket < colon ? take_bracket_time(&with, bracket)
                                 : colon < p->text.n && take_bare_time(&with, colon);
    if (!timed && colon == p->text.n)
        return false;
    if (!timed) {
        with.label = span_trim(span_of(p->text.p, colon));
        with.text = span_of(p->text.p + colon + len, p->text.n - colon - len);
        if (with.text.n && with.text.p[0] == '/')
            return false;
        with.text = span_trim(with.text);
    }
    if (!is_label(with.label))
        return false;
    *p = with;
    return true;
}

/* "[상담원] …": brackets stand around many things, so the label must be known. */
static bool take_bracket_label(const struct reading *r, struct parts *p)
{
    struct span inner, rest;

    if (!take_bracket(p->text, &inner, &rest) || !is_label(inner) ||
        speaker_find(&(struct speakers){r->speakers->names, r->speakers->n, SPEAKER_UNKNOWN},
                     inner) < 0)
        return false;
    p->label = inner;
    p->text = behind_colon(rest);
    return true;
}

static struct parts take_apart(const struct reading *r, struct span line)
{
    struct parts p = {.after = NO_TIME, .text = span_trim(line)};

    take_time(&p);
    if (!take_bracket_label(r, &p))
        take_label(&p);
    return p;
}

/* --- utterances --- */

static int refuse(struct reading *r, enum reject_code code, const char *what)
{
    return reject(r->why, code, "line %lu: %s", r->line, what);
}

static int begin_turn(struct reading *r, struct span label, enum speaker by, int64_t after)
{
    if (r->n == TRANSCRIPT_MAX_TURNS)
        return refuse(r, REJECT_TOO_MANY_TURNS, "over 20,000 turns");
    struct utterance *u = &r->said[r->n];
    *u = (struct utterance){arena_dup(r->a, label), by, after, SPAN_NONE};
    r->ends[r->n++] = r->text.n;
    return u->label.p ? 0 : -ENOMEM;
}

/* More of the turn under way, or of the note. */
static int go_on(struct reading *r, struct span text, const char *between)
{
    size_t begin = r->n > 1 ? r->ends[r->n - 2] : 0;

    if (text.n == 0)
        return 0;
    if (r->text.n > begin)
        buf_str(&r->text, between);
    buf_add(&r->text, text);
    if (r->n > 0)
        r->ends[r->n - 1] = r->text.n;
    return buf_error(&r->text) ? -ENOMEM : 0;
}

static int add_head(struct reading *r, const struct parts *p)
{
    struct pair *f = &r->head[r->n_head++];

    *f = (struct pair){arena_dup(r->a, p->label), arena_dup(r->a, p->text)};
    r->head_over = r->n_head == TRANSCRIPT_MAX_HEAD;
    return f->key.p && f->value.p ? 0 : -ENOMEM;
}

static bool same_speaker(const struct reading *r, struct span label)
{
    return r->n > 0 && span_eq(r->said[r->n - 1].label, label);
}

/* What was said before anybody is named is nobody's: a title, or all of a note. */
static int speak(struct reading *r, const struct parts *p, enum speaker by)
{
    if (r->n == 0)
        buf_reset(&r->text);
    r->head_over = true;
    int rc = begin_turn(r, p->label, by, p->after);
    return rc < 0 ? rc : go_on(r, p->text, "");
}

static struct span take_line(struct span *rest)
{
    struct span line = span_of(rest->p, span_find_char(*rest, '\n'));
    size_t used = line.n + (line.n < rest->n);

    *rest = span_of(rest->p + used, rest->n - used);
    return line;
}

/* Where any other label is somebody, too, a field of the head is known by what follows: an empty
 * line ends the head, and nobody of that name speaks again. */
static bool is_field(const struct reading *r, const struct parts *p)
{
    struct speakers known = {r->speakers->names, r->speakers->n, SPEAKER_UNKNOWN};
    bool over = false;

    if (r->n > 0 || r->head_over || p->after != NO_TIME ||
        speaker_find(&known, p->label) != SPEAKER_UNKNOWN)
        return false;
    for (struct span rest = r->rest; rest.n > 0;) {
        struct span line = span_trim(take_line(&rest));
        struct parts next = take_apart(r, line);
        if (next.label.p && span_eq(next.label, p->label))
            return false;
        if (!over && next.label.p && speaker_find(&known, next.label) >= 0)
            return false;
        over = over || line.n == 0;
    }
    return over;
}

static int labelled(struct reading *r, const struct parts *p, struct span line)
{
    int who = p->label.p ? speaker_find(r->speakers, p->label) : SPEAKER_TEXT;

    if (who >= 0 && is_field(r, p))
        who = SPEAKER_UNKNOWN;
    if (who >= 0)
        return speak(r, p, (enum speaker)who);
    if (who == SPEAKER_UNKNOWN && !r->head_over && p->after == NO_TIME) {
        int rc = add_head(r, p);
        return rc < 0 || r->text.n == 0 ? rc : go_on(r, line, "\n");
    }
    if (who == SPEAKER_UNKNOWN && r->unknown == 0)
        r->unknown = r->line;
    return go_on(r, p->label.p ? line : p->text, "\n");
}

static int plain_line(struct reading *r, struct span line)
{
    line = span_trim(line);
    if (line.n == 0) {
        r->head_over = r->head_over || r->n_head > 0;
        return 0;
    }
    struct parts p = take_apart(r, line);
    return labelled(r, &p, line);
}

/* --- cues --- */

/* "&amp;" and the others of WebVTT at `s`: what it stands for; its length in *ret_len. */
static struct span entity(struct span s, size_t *ret_len)
{
    static const struct {
        struct span name, text;
    } table[] = {
        {SPAN_LIT("&amp;"), SPAN_LIT("&")},   {SPAN_LIT("&lt;"), SPAN_LIT("<")},
        {SPAN_LIT("&gt;"), SPAN_LIT(">")},    {SPAN_LIT("&nbsp;"), SPAN_LIT(" ")},
        {SPAN_LIT("&lrm;"), SPAN_LIT("")},    {SPAN_LIT("&rlm;"), SPAN_LIT("")},
        {SPAN_LIT("&quot;"), SPAN_LIT("\"")},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (span_starts(s, table[i].name)) {
            *ret_len = table[i].name.n;
            return table[i].text;
        }
    }
    *ret_len = 1;
    return span_of(s.p, 1);
}

/* Without tags, up to the next voice; *rest begins with its `<v`. */
static void plain_words(struct span s, struct buf *out, struct span *rest)
{
    size_t i = 0, len;

    while (i < s.n) {
        struct span left = span_of(s.p + i, s.n - i);
        if (i > 0 && (span_starts(left, SPAN_LIT("<v ")) || span_starts(left, SPAN_LIT("<v."))))
            break;
        if (s.p[i] == '<' && span_find_char(left, '>') < left.n) {
            i += span_find_char(left, '>') + 1;
            continue;
        }
        buf_add(out, entity(left, &len));
        i += len;
    }
    *rest = span_of(s.p + i, s.n - i);
}

/* "<v.loud Agent Kim>": Agent Kim. Absent when none begins here. */
static struct span voice_of(struct span s)
{
    size_t end = span_find_char(s, '>');
    size_t space = span_find_char(s, ' ');

    if (!span_starts(s, SPAN_LIT("<v")) || s.n < 3 || (s.p[2] != ' ' && s.p[2] != '.') ||
        end == s.n || space > end)
        return SPAN_NONE;
    return span_trim(span_of(s.p + space, end - space));
}

static int cue_words(struct reading *r, struct span label, struct span words)
{
    struct parts p = {label, r->cue_at, words};
    int who;

    if (!label.p && !r->cue_begun)
        p = take_apart(r, words);
    who = p.label.p ? speaker_find(r->speakers, p.label) : SPEAKER_TEXT;
    r->cue_begun = true;
    if (who == SPEAKER_UNKNOWN)
        return refuse(r, REJECT_BAD_SPEAKER, "nobody told who speaks there");
    if (who == SPEAKER_TEXT && r->n == 0)
        return refuse(r, REJECT_MISSING_SPEAKER, "it is not said who speaks");
    if (who == SPEAKER_TEXT || same_speaker(r, p.label))
        return go_on(r, who == SPEAKER_TEXT ? words : p.text, " ");
    int rc = begin_turn(r, p.label, (enum speaker)who, r->cue_at);
    return rc < 0 ? rc : go_on(r, p.text, "");
}

static int cue_text(struct reading *r, struct span line)
{
    struct buf words;
    int rc = 0;

    buf_init(&words, TRANSCRIPT_MAX_BYTES);
    while (line.n > 0 && rc == 0) {
        struct span label = r->form == TRANSCRIPT_VTT ? voice_of(line) : SPAN_NONE;
        buf_reset(&words);
        plain_words(line, &words, &line);
        struct span text = span_trim(span_of(words.n ? words.p : "", words.n));
        if (buf_error(&words))
            rc = -ENOMEM;
        else if (text.n)
            rc = cue_words(r, label, text);
    }
    buf_done(&words);
    return rc;
}

static int cue_line(struct reading *r, struct span line)
{
    size_t arrow;

    line = span_trim(line);
    if (line.n == 0) {
        r->in_cue = false;
        return 0;
    }
    if (r->in_cue)
        return cue_text(r, line);
    arrow = span_find(line, SPAN_LIT("-->"));
    if (arrow == SIZE_MAX)
        return 0; /* a number, an identifier, a note, a style */
    if (transcript_time(span_trim(span_of(line.p, arrow)), &r->cue_at) < 0)
        return refuse(r, REJECT_BAD_TIME, "no time before the arrow");
    r->in_cue = true;
    r->cue_begun = false;
    return 0;
}

/* --- all --- */

static int read_lines(struct reading *r, struct span text)
{
    int rc = 0;

    if (span_starts(text, SPAN_LIT("\xEF\xBB\xBF")))
        text = span_of(text.p + 3, text.n - 3);
    while (text.n > 0 && rc == 0) {
        struct span line = take_line(&text);
        r->line++;
        r->rest = text;
        rc = r->form == TRANSCRIPT_PLAIN ? plain_line(r, line) : cue_line(r, line);
    }
    return rc;
}

static int finish(struct reading *r, struct transcript *ret)
{
    struct span all = arena_dup(r->a, span_of(r->text.n ? r->text.p : "", r->text.n));

    if (!all.p)
        return -ENOMEM;
    r->line = r->unknown;
    if (r->n > 0 && r->unknown)
        return refuse(r, REJECT_BAD_SPEAKER, "nobody told who speaks there");
    for (size_t i = 0; i < r->n; i++) {
        size_t begin = i ? r->ends[i - 1] : 0;
        r->said[i].text = span_of(all.p + begin, r->ends[i] - begin);
    }
    *ret = (struct transcript){r->head, r->n_head, r->said, r->n, r->n ? SPAN_NONE : all};
    return 0;
}

int transcript_read(enum transcript_form form, struct span text, const struct speakers *speakers,
                    struct arena *a, struct transcript *ret, struct reject *why)
{
    struct reading r = {.form = form, .speakers = speakers, .a = a, .why = why};
    size_t lines = 1;

    if (text.n > TRANSCRIPT_MAX_BYTES)
        return reject(why, REJECT_TOO_LARGE, "a transcript is at most 4 MiB");
    if (utf8_valid(text) != text.n)
        return reject(why, REJECT_INVALID_UTF8, "it is not valid UTF-8");
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n' || text.p[i] == '<';
    lines = lines < TRANSCRIPT_MAX_TURNS ? lines : TRANSCRIPT_MAX_TURNS;
    r.said = arena_array(a, lines, sizeof *r.said);
    r.ends = arena_array(a, lines, sizeof *r.ends);
    r.head = arena_array(a, TRANSCRIPT_MAX_HEAD, sizeof *r.head);
    if (!r.said || !r.ends || !r.head)
        return -ENOMEM;
    buf_init(&r.text, 2 * TRANSCRIPT_MAX_BYTES);
    int rc = read_lines(&r, text);
    if (rc == 0)
        rc = finish(&r, ret);
    buf_done(&r.text);
    return rc;
}
