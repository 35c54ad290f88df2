#include "daemon/trust/mask_address.h"

#include "base/err.h"
#include "base/utf8.h"

enum { MAX_WORD = 96 };

static bool ends_with(struct span s, const char *end)
{
    size_t n = strlen(end);
    return s.n > n && memcmp(s.p + s.n - n, end, n) == 0;
}

static bool ends_with_any(struct span s, const char *const *ends)
{
    for (; *ends; ends++)
        if (ends_with(s, *ends))
            return true;
    return false;
}

static bool is_one_of(struct span s, const char *const *list)
{
    for (; *list; list++)
        if (span_is(s, *list))
            return true;
    return false;
}

static bool starts_with_digit(struct span s)
{
    size_t n;
    return mask_digit(s.p, s.n, &n) >= 0;
}

static bool has_digit(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (starts_with_digit(span_of(s.p + i, s.n - i)))
            return true;
    return false;
}

/* 서울, 서울시, 경기도, 충청북도, 강원특별자치도 … */
static bool is_province(struct span word)
{
    static const char *const names[] = {"서울", "부산", "대구", "인천", "광주", "대전", "울산",
                                        "세종", "경기", "강원", "충북", "충남", "전북", "전남",
                                        "경북", "경남", "제주", "충청", "전라", "경상", NULL};
    static const char *const ends[] = {"특별시", "광역시",     "특별자치시", "시", "도",
                                       "남도",   "특별자치도", "북도",       NULL};
    if (word.n < 6 || !is_one_of(span_of(word.p, 6), names))
        return false;
    return word.n == 6 || is_one_of(span_of(word.p + 6, word.n - 6), ends);
}

bool mask_is_region(struct span word, bool province)
{
    static const char *const ends[] = {"시", "도", "군", "구", NULL};
    if (province && is_province(word))
        return true;
    return !has_digit(word) && ends_with_any(word, ends);
}

/* --- words --- */

struct word {
    size_t start, end; /* without the punctuation around it */
    struct span text;
    bool bracketed;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool next_word(struct span text, size_t *at, struct word *w)
{
    static const char around[] = "()[],.;:\"'";
    while (*at < text.n && is_blank(text.p[*at]))
        ++*at;
    size_t start = *at;
    while (*at < text.n && !is_blank(text.p[*at]))
        ++*at;
    w->start = start;
    w->end = *at;
    w->bracketed = start < *at && text.p[start] == '(';
    while (w->start < w->end && strchr(around, text.p[w->start]))
        w->start++;
    while (w->end > w->start && strchr(around, text.p[w->end - 1]))
        w->end--;
    w->text = span_of(text.p + w->start, w->end - w->start);
    return start < *at;
}

/* --- parts of an address --- */

static const char *const streets[] = {"로", "길", NULL};
static const char *const quarters[] = {"읍", "면", "동", "리", "가", NULL};

static bool is_locality(struct span word)
{
    return !starts_with_digit(word) &&
           (ends_with_any(word, streets) || ends_with_any(word, quarters));
}

/* The bytes of "152", "12-3", "152번길", "3층", "101동": a number and one unit; 0 when something
 * else is counted (3개, 2만원, 5번). */
static size_t number_length(struct span word)
{
    static const char *const units[] = {"번지", "번길", "길", "호실", "호", "층", "동", "가", NULL};
    static const char *const particles[] = {"에",     "에서", "으로",   "로",
                                            "입니다", "이고", "이에요", NULL};
    size_t at = 0, n;
    while (at < word.n && (mask_digit(word.p + at, word.n - at, &n) >= 0 ||
                           (at > 0 && word.p[at] == '-' && (n = 1) == 1)))
        at += n;
    if (at == 0 || at == word.n)
        return at;
    struct span rest = span_of(word.p + at, word.n - at);
    for (const char *const *u = units; *u; u++)
        if (span_starts(rest, span_str(*u)))
            return at + strlen(*u);
    return is_one_of(rest, particles) ? at : 0;
}

/* 테헤란로152, 판교역로166번길: where the number glued to the street ends, or 0. */
static size_t glued_number(struct span word)
{
    size_t digit = 0;
    while (digit < word.n && !starts_with_digit(span_of(word.p + digit, word.n - digit)))
        digit++;
    if (digit == 0 || digit == word.n || !is_locality(span_of(word.p, digit)))
        return 0;
    size_t n = number_length(span_of(word.p + digit, word.n - digit));
    return n ? digit + n : 0;
}

/* --- the scan --- */

struct chain {
    size_t start, end; /* end: of what is certain */
    unsigned regions;
    bool sure;  /* begins with a province, or is long enough to be no everyday word */
    bool local; /* a street or quarter was named */
    bool found;
};

static void begin(struct chain *c, const struct word *w)
{
    bool province = is_province(w->text);
    *c = (struct chain){0};
    if (!province && !mask_is_region(w->text, false))
        return;
    c->regions = 1;
    c->start = w->start;
    c->sure = province || (w->text.n >= 9 && !ends_with(w->text, "도"));
}

/* Takes one more word into the chain before its number; false when it does not fit. */
static bool take_place(struct chain *c, const struct word *w)
{
    size_t number = c->local ? number_length(w->text) : 0, glued = glued_number(w->text);
    bool known = c->sure || c->regions > 1;
    if (known && (number || glued)) {
        c->found = true;
        c->end = w->start + (number ? number : glued);
        return true;
    }
    if (is_locality(w->text)) {
        c->local = true;
        return true;
    }
    if (!c->local && mask_is_region(w->text, false)) {
        c->regions++;
        return true;
    }
    return false;
}

/* 101동, 302호, 3층: what a building's name stands before. */
static bool is_room(struct span word)
{
    static const char *const units[] = {"호", "층", "동", NULL};
    size_t n = starts_with_digit(word) ? number_length(word) : 0;
    return n > 0 && ends_with_any(span_of(word.p, n), units);
}

/* After the number: 3층 302호, (역삼동), 래미안 101동 1502호. */
static bool take_rest(struct chain *c, struct span text, const struct word *w, size_t next)
{
    struct word after;
    size_t n = 0;
    if (starts_with_digit(w->text))
        n = number_length(w->text);
    else if (w->bracketed)
        n = w->text.n;
    else if (w->text.n <= MAX_WORD && next_word(text, &next, &after) && is_room(after.text))
        n = w->text.n;
    if (n > 0)
        c->end = w->start + n;
    return n > 0;
}

int mask_scan_addresses(struct span text, mask_found_fn *fn, void *ctx)
{
    struct chain c = {0};
    struct word w;
    bool more = true;
    for (size_t at = 0; more;) {
        more = next_word(text, &at, &w);
        if (more && c.found && take_rest(&c, text, &w, at))
            continue;
        if (c.found) {
            struct mask_found found = {.kind = PII_ADDRESS, .start = c.start, .end = c.end};
            int r = fn(ctx, &found);
            if (r)
                return r;
            c = (struct chain){0};
        }
        if (more && (c.regions == 0 || !take_place(&c, &w)))
            begin(&c, &w);
    }
    return 0;
}
