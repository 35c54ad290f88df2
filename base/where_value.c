#include "base/where_impl.h"

#include <errno.h>

#include "base/time.h"
#include "base/utf8.h"

#define X(id, name, type) {name, type},
static const struct {
    const char *name;
    enum where_type type;
} fields[] = {WHERE_FIELDS(X)};
#undef X

const char *where_field_name(enum where_field f)
{
    return fields[f].name;
}

enum where_type where_field_type(enum where_field f)
{
    return fields[f].type;
}

int where_field_find(struct span name, struct span *ret_key)
{
    size_t dot = span_find_char(name, '.');
    struct span head = span_of(name.p, dot);
    bool keyed = dot + 1 < name.n;

    for (int f = 0; f < WF_COUNT; f++) {
        bool wants_key = f == WF_ATTRIBUTE || f == WF_EXPERIMENT;

        if (!span_is(wants_key ? head : name, fields[f].name) || (wants_key && !keyed))
            continue;
        if (ret_key)
            *ret_key = wants_key ? span_of(name.p + dot + 1, name.n - dot - 1) : SPAN_NONE;
        return f;
    }
    return -1;
}

static bool in_word(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z') || (cp >= 'a' && cp <= 'z') ||
               (cp && strchr("_-/.:+*", (int)cp));
    /* All but the controls, the spaces, the general punctuation and the ideographic marks. */
    return cp > 0xA0 && cp != 0x1680 && !(cp >= 0x2000 && cp <= 0x206F) &&
           !(cp >= 0x3000 && cp <= 0x3003) && cp != 0xFEFF;
}

size_t where_word_length(struct span s)
{
    size_t i = 0;

    while (i < s.n) {
        uint32_t cp;
        unsigned n = utf8_decode(s.p + i, s.n - i, &cp);

        if (n == 0 || !in_word(cp))
            break;
        i += n;
    }
    return i;
}

bool where_is_keyword(struct span s)
{
    static const char *const words[] = {"and", "or", "not", "in", "has", "matches"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_eq_nocase(s, span_str(words[i])))
            return true;
    return false;
}

int where_parse_time(struct span s, int64_t *ret_ms)
{
    char text[] = "0000-00-00T00:00:00Z";

    if (s.n != strlen("0000-00-00"))
        return time_parse_rfc3339(s, ret_ms);
    memcpy(text, s.p, s.n);
    return time_parse_rfc3339(SPAN_LIT(text), ret_ms);
}

/* now, now-30d, now+6h: the offset from now. */
static int parse_now(struct span s, int64_t *ret_offset)
{
    const size_t n = strlen("now");
    int64_t ms;

    if (s.n < n || !span_eq_nocase(span_of(s.p, n), SPAN_LIT("now")))
        return -EINVAL;
    if (s.n == n) {
        *ret_offset = 0;
        return 0;
    }
    if ((s.p[n] != '-' && s.p[n] != '+') ||
        time_parse_duration(span_of(s.p + n + 1, s.n - n - 1), &ms) < 0)
        return -EINVAL;
    *ret_offset = s.p[n] == '-' ? -ms : ms;
    return 0;
}

struct where_value where_value_of(struct span text, bool quoted)
{
    struct where_value v = {.text = text};

    v.is_time = where_parse_time(text, &v.time) == 0;
    if (quoted)
        return v;
    v.is_number = span_to_f64(text, &v.number) == 0;
    v.is_relative = parse_now(text, &v.time) == 0;
    v.boolean = span_eq_nocase(text, SPAN_LIT("true"));
    return v;
}
