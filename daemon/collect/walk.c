#include "daemon/collect/walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/format/json_out.h"
#include "daemon/format/jsonpath.h"

/* --- positions --- */

static int64_t integer_of(const json_t *v)
{
    int64_t n;
    if (json_is_integer(v))
        return json_integer_value(v);
    if (json_is_string(v) &&
        span_to_i64(span_of(json_string_value(v), json_string_length(v)), &n) == 0)
        return n;
    return NO_INT;
}

struct mark walk_mark(const struct cursor *c, json_t *record)
{
    struct mark m = NO_MARK;
    int64_t ms;
    if (c->time.p &&
        map_time_read(c->form, c->zone, DATE_DAY_FIRST, jsonpath_get(record, c->time), &ms) == 0)
        m.time = ms;
    if (c->integer.p)
        m.integer = integer_of(jsonpath_get(record, c->integer));
    return m;
}

static bool is_none(struct mark m)
{
    return m.time == NO_TIME && m.integer == NO_INT;
}

/* What is absent is before all else, being the least number. */
bool walk_before(struct mark a, struct mark b)
{
    return a.time != b.time ? a.time < b.time : a.integer < b.integer;
}

struct mark walk_further(struct mark a, struct mark b)
{
    struct mark m = walk_before(a, b) ? b : a;
    m.opaque = a.opaque.p ? a.opaque : b.opaque;
    return m;
}

/* --- beginning --- */

struct walk walk_new(int64_t start)
{
    return (struct walk){.start = start,
                         .reached = NO_MARK,
                         .rewound = NO_TIME,
                         .resynced = NO_TIME,
                         .resyncing = NO_TIME,
                         .from = NO_MARK,
                         .seen = NO_MARK,
                         .to = NO_TIME,
                         .until = NO_TIME};
}

static struct mark behind(const struct stream *s, struct mark m, int64_t start)
{
    const struct cursor *c = &s->cursor;
    if (m.time != NO_TIME) {
        m.time -= c->lag_ms + s->window.back_ms;
        m.integer = NO_INT;
    } else if (c->time.p || s->window.step_ms) {
        m.time = start;
    }
    if (c->kind == CURSOR_INT)
        m.integer = m.integer == NO_INT || m.integer < c->lag_n ? 0 : m.integer - c->lag_n;
    return m;
}

static void first_page(const struct stream *s, struct walk *w)
{
    w->next = SPAN_NONE;
    w->at = s->page.first;
    w->empty = 0;
    memset(w->prints, 0, sizeof w->prints);
}

/* A window's beginning is kept in from.time, whether or not the cursor has one. */
static bool open_window(const struct stream *s, struct walk *w, int64_t from)
{
    if (s->window.step_ms == 0)
        return true;
    if (from >= w->until)
        return false;
    w->from.time = from;
    w->to = w->until - from > s->window.step_ms ? from + s->window.step_ms : w->until;
    return true;
}

/* What changed without its position moving (a rating given late, a review edited) is only seen by
 * reading it again. The first walk reads all there is anyway. */
static void look_back(const struct stream *s, struct walk *w, int64_t now)
{
    bool due = s->resync.every_ms > 0 &&
               (w->resynced == NO_TIME || now - w->resynced >= s->resync.every_ms);
    w->resyncing = due ? now : NO_TIME;
    if (!due || w->reached.time == NO_TIME)
        return;
    int64_t floor = w->from.time < w->start ? w->from.time : w->start;
    int64_t from = w->from.time - s->resync.back_ms;
    w->from.time = from > floor ? from : floor;
}

bool walk_begin(const struct stream *s, struct walk *w, int64_t now)
{
    if (w->under_way)
        return true;
    w->from = behind(s, w->reached, w->start);
    look_back(s, w, now);
    w->seen = NO_MARK;
    w->to = NO_TIME;
    w->until = s->window.step_ms ? now - s->window.lag_ms : NO_TIME;
    w->pages = 0;
    first_page(s, w);
    w->under_way = open_window(s, w, w->from.time);
    return w->under_way;
}

void walk_drop(struct walk *w)
{
    *w = (struct walk){.of = w->of,
                       .start = w->start,
                       .reached = w->reached,
                       .rewound = w->rewound,
                       .resynced = w->resynced,
                       .resyncing = NO_TIME,
                       .from = NO_MARK,
                       .seen = NO_MARK,
                       .to = NO_TIME,
                       .until = NO_TIME};
}

/* --- a page --- */

static int nowhere(struct walk *w, char *why, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int nowhere(struct walk *w, char *why, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, size, fmt, ap);
    va_end(ap);
    walk_drop(w);
    return -EPROTO;
}

/* Text or a whole number, for what goes into the next request; absent for all else. */
static struct span word_of(const json_t *v, struct arena *a)
{
    if (json_is_string(v) && json_string_length(v) <= WALK_MAX_NEXT)
        return arena_dup(a, span_of(json_string_value(v), json_string_length(v)));
    if (json_is_integer(v))
        return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    return SPAN_NONE;
}

/* A page met before, when it had records, means that the upstream goes round. */
static bool met_before(struct walk *w, const struct page_facts *p)
{
    if (p->n == 0)
        return false;
    for (size_t i = 0; i < WALK_PRINTS; i++)
        if (w->prints[i] == p->print)
            return true;
    w->prints[w->pages % WALK_PRINTS] = p->print;
    return false;
}

static int check_page(struct walk *w, const struct page_facts *p, char *why, size_t size)
{
    if (met_before(w, p))
        return nowhere(w, why, size, "the same page came again after page %" PRIu64, w->pages);
    w->pages++;
    w->empty = p->n == 0 ? w->empty + 1 : 0;
    if (w->pages > WALK_MAX_PAGES)
        return nowhere(w, why, size, "more than %d pages", WALK_MAX_PAGES);
    if (w->empty > WALK_MAX_EMPTY)
        return nowhere(w, why, size, "more than %d empty pages", WALK_MAX_EMPTY);
    return 0;
}

static bool said_to_stop(const struct stream *s, const struct walk *w, const struct page_facts *p)
{
    if (p->end || s->page.kind == PAGE_NONE)
        return true;
    if (s->stop.when && expr_test(s->stop.when, p->page))
        return true;
    if (s->stop.empty && p->n == 0)
        return true;
    if (s->stop.older && p->n > 0 && !is_none(p->newest) && walk_before(p->newest, w->from))
        return true;
    return s->page.kind >= PAGE_NUMBER && !s->stop.empty && (int64_t)p->n < s->page.size;
}

/* "https://other/path" as ours: some servers name themselves by another name than we call them. */
static struct span rebase(struct span url, struct span next, struct arena *a)
{
    size_t scheme = span_find(next, SPAN_LIT("://"));
    if (scheme == SIZE_MAX)
        return next;
    struct span rest = span_of(next.p + scheme + 3, next.n - scheme - 3);
    size_t n = 0;
    while (n < rest.n && !strchr("/?#", rest.p[n]))
        n++;
    return walk_resolve(url, span_of(rest.p + n, rest.n - n), a);
}

/* 1 with w->next; 0: there is no next page. */
static int next_url(const struct stream *s, struct walk *w, const struct page_facts *p,
                    struct arena *a, char *why, size_t size)
{
    struct span link = s->page.kind == PAGE_LINK ? walk_link(p->link, s->page.rel)
                                                 : word_of(jsonpath_get(p->page, s->page.path), a);
    if (link.n == 0)
        return 0;
    struct span url = walk_resolve(p->url, s->page.rebase ? rebase(p->url, link, a) : link, a);
    if (!url.p)
        return nowhere(w, why, size, "the next page's address is no URL");
    if (!walk_same_origin(url, p->url))
        return nowhere(w, why, size, "the next page is at another origin than the one asked");
    if (span_eq(url, p->url))
        return nowhere(w, why, size, "the next page is the same page");
    w->next = url;
    return 1;
}

static int next_token(const struct stream *s, struct walk *w, const struct page_facts *p,
                      struct arena *a, char *why, size_t size)
{
    struct span token = word_of(jsonpath_get(p->page, s->page.path), a);
    if (token.n == 0)
        return 0;
    if (span_eq(token, w->next))
        return nowhere(w, why, size, "the next page is the same page");
    w->next = token;
    return 1;
}

/* A list that shifts while it is read is not read by depth: as long as the cursor moves, each page
 * begins anew at it; only through records that share one position one goes deeper. */
static void begin_at_cursor(const struct stream *s, struct walk *w, const struct page_facts *p)
{
    struct mark at = p->newest;
    at.integer = s->cursor.kind == CURSOR_INT ? at.integer : NO_INT;
    if (!walk_before(w->from, at)) {
        w->at += s->page.kind == PAGE_OFFSET ? (int64_t)p->n : 1;
        return;
    }
    w->from.time = at.time;
    w->from.integer = at.integer;
    w->at = s->page.first;
}

static int go_on(const struct stream *s, struct walk *w, const struct page_facts *p,
                 struct arena *a, char *why, size_t size)
{
    switch (s->page.kind) {
    case PAGE_NEXT_URL:
    case PAGE_LINK:
        return next_url(s, w, p, a, why, size);
    case PAGE_TOKEN:
        return next_token(s, w, p, a, why, size);
    case PAGE_NUMBER:
    case PAGE_OFFSET:
        if (s->page.restart)
            begin_at_cursor(s, w, p);
        else
            w->at += s->page.kind == PAGE_NUMBER ? 1 : (int64_t)p->n;
        return 1;
    default:
        return 0;
    }
}

/* The end of a window, or of the walk. */
static enum walk_step end(const struct stream *s, struct walk *w)
{
    w->reached = walk_further(w->reached, w->seen);
    if (s->window.step_ms) {
        if (w->to > w->reached.time)
            w->reached.time = w->to;
        if (open_window(s, w, w->to)) {
            first_page(s, w);
            return WALK_ON;
        }
    }
    if (w->resyncing != NO_TIME)
        w->resynced = w->resyncing;
    walk_drop(w);
    return WALK_END;
}

int walk_page(const struct stream *s, struct walk *w, const struct page_facts *p, struct arena *a,
              char *why, size_t size)
{
    w->seen = walk_further(w->seen, p->newest);
    if (s->cursor.kind == CURSOR_OPAQUE) {
        struct span opaque = word_of(jsonpath_get(p->page, s->cursor.opaque), a);
        if (opaque.n > 0)
            w->reached.opaque = opaque;
    }
    if (s->cursor.ascending)
        w->reached = walk_further(w->reached, w->seen);
    if (said_to_stop(s, w, p))
        return end(s, w);
    int rc = check_page(w, p, why, size);
    if (rc == 0)
        rc = go_on(s, w, p, a, why, size);
    return rc < 0 ? rc : rc == 0 ? (int)end(s, w) : WALK_ON;
}

/* --- the document --- */

static void print_time_if(struct json_out *j, const char *key, int64_t ms)
{
    if (ms != NO_TIME)
        json_time(j, key, ms, 0);
}

static void print_mark(struct json_out *j, const char *key, struct mark m)
{
    json_open(j, key, '{');
    json_text_if(j, "opaque", m.opaque);
    print_time_if(j, "time", m.time);
    if (m.integer != NO_INT)
        json_int(j, "int", m.integer);
    json_close(j, '}');
}

int walk_print(const struct walk *w, struct buf *out)
{
    struct json_out j = json_out_to(out);
    char of[20];
    json_open(&j, NULL, '{');
    json_int(&j, "v", 1);
    json_time(&j, "start", w->start, 0);
    snprintf(of, sizeof of, "%016" PRIx64, w->of);
    json_cstr(&j, "of", of);
    print_mark(&j, "reached", w->reached);
    print_time_if(&j, "rewound", w->rewound);
    print_time_if(&j, "resynced", w->resynced);
    if (w->under_way) {
        json_open(&j, "walk", '{');
        print_time_if(&j, "resyncing", w->resyncing);
        print_mark(&j, "from", w->from);
        print_mark(&j, "seen", w->seen);
        json_text(&j, "next", w->next);
        json_int(&j, "at", w->at);
        json_time(&j, "to", w->to, 0);
        json_time(&j, "until", w->until, 0);
        json_int(&j, "pages", (int64_t)w->pages);
        json_int(&j, "empty", (int64_t)w->empty);
        json_close(&j, '}');
    }
    json_close(&j, '}');
    return buf_error(out);
}

static int64_t parse_time(const json_t *v)
{
    int64_t ms;
    struct span text = span_of(json_string_value(v), json_string_length(v));
    return text.p && time_parse_rfc3339(text, &ms) == 0 ? ms : NO_TIME;
}

static struct span parse_text(const json_t *v, struct arena *a)
{
    return json_is_string(v) ? arena_dup(a, span_of(json_string_value(v), json_string_length(v)))
                             : SPAN_NONE;
}

static struct mark parse_mark(const json_t *v, struct arena *a)
{
    return (struct mark){parse_text(json_object_get(v, "opaque"), a),
                         parse_time(json_object_get(v, "time")),
                         integer_of(json_object_get(v, "int"))};
}

int walk_parse(struct span text, struct arena *a, struct walk *ret)
{
    json_t *v = json_loadb(text.p, text.n, 0, NULL);
    json_t *walk = json_object_get(v, "walk");
    bool ok = json_integer_value(json_object_get(v, "v")) == 1;
    struct walk w = walk_new(parse_time(json_object_get(v, "start")));
    w.reached = parse_mark(json_object_get(v, "reached"), a);
    w.rewound = parse_time(json_object_get(v, "rewound"));
    w.resynced = parse_time(json_object_get(v, "resynced"));
    const char *of = json_string_value(json_object_get(v, "of"));
    w.of = of ? strtoull(of, NULL, 16) : 0;
    if (walk) {
        w.under_way = true;
        w.resyncing = parse_time(json_object_get(walk, "resyncing"));
        w.from = parse_mark(json_object_get(walk, "from"), a);
        w.seen = parse_mark(json_object_get(walk, "seen"), a);
        w.next = parse_text(json_object_get(walk, "next"), a);
        w.at = json_integer_value(json_object_get(walk, "at"));
        w.to = parse_time(json_object_get(walk, "to"));
        w.until = parse_time(json_object_get(walk, "until"));
        w.pages = (uint64_t)json_integer_value(json_object_get(walk, "pages"));
        w.empty = (uint64_t)json_integer_value(json_object_get(walk, "empty"));
    }
    json_decref(v);
    if (!ok || w.start == NO_TIME)
        return -EINVAL;
    *ret = w;
    return 0;
}
