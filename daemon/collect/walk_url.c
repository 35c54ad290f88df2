/* Where the next page is: links of headers and bodies against the URL that was asked. */
#include "base/err.h"
#include "daemon/collect/walk.h"

/* "https://host:port" of an absolute URL; absent for anything else. */
static struct span origin_of(struct span url)
{
    size_t scheme = span_find(url, SPAN_LIT("://"));
    if (scheme == SIZE_MAX || scheme == 0)
        return SPAN_NONE;
    size_t n = scheme + 3;
    while (n < url.n && !strchr("/?#\\", url.p[n]))
        n++;
    return span_of(url.p, n);
}

/* Without the port a scheme has anyway. */
static struct span plain_origin(struct span origin)
{
    static const struct {
        struct span scheme, port;
    } usual[] = {{SPAN_LIT("https://"), SPAN_LIT(":443")}, {SPAN_LIT("http://"), SPAN_LIT(":80")}};
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        size_t n = usual[i].port.n;
        if (origin.n > usual[i].scheme.n + n &&
            span_eq_nocase(span_of(origin.p, usual[i].scheme.n), usual[i].scheme) &&
            span_eq(span_of(origin.p + origin.n - n, n), usual[i].port))
            origin.n -= n;
    }
    return origin;
}

bool walk_same_origin(struct span a, struct span b)
{
    struct span x = plain_origin(origin_of(a)), y = plain_origin(origin_of(b));
    return x.p && y.p && span_eq_nocase(x, y) && span_find_char(x, '@') == x.n;
}

struct span walk_resolve(struct span url, struct span link, struct arena *a)
{
    struct span origin = origin_of(url);
    size_t scheme = span_find(url, SPAN_LIT("://")), path = url.n;
    if (link.n == 0 || link.n > WALK_MAX_NEXT || !origin.p)
        return SPAN_NONE;
    if (origin_of(link).p)
        return arena_dup(a, link);
    if (span_starts(link, SPAN_LIT("//")))
        return arena_printf(a, "%.*s:%.*s", (int)scheme, url.p, SPAN_FMT(link));
    if (link.p[0] == '/')
        return arena_printf(a, "%.*s%.*s", SPAN_FMT(origin), SPAN_FMT(link));
    if (link.p[0] != '?')
        return SPAN_NONE;
    for (size_t i = origin.n; i < url.n && path == url.n; i++)
        path = url.p[i] == '?' || url.p[i] == '#' ? i : path;
    return arena_printf(a, "%.*s%.*s", (int)path, url.p, SPAN_FMT(link));
}

/* Whether the parameters of a link name the relation: rel=next, rel="prev next". */
static bool has_rel(struct span params, struct span rel)
{
    size_t at = span_find(params, SPAN_LIT("rel="));
    if (at == SIZE_MAX)
        return false;
    struct span value = span_of(params.p + at + 4, params.n - at - 4);
    if (value.n > 0 && value.p[0] == '"') {
        value = span_of(value.p + 1, value.n - 1);
        value.n = span_find_char(value, '"');
    } else {
        value.n = span_find_char(value, ';');
    }
    while (value.n > 0) {
        size_t end = span_find_char(value, ' ');
        if (span_eq_nocase(span_trim(span_of(value.p, end)), rel))
            return true;
        end += end < value.n;
        value = span_of(value.p + end, value.n - end);
    }
    return false;
}

/* Bytes of the parameters after <…>: up to the comma outside of quotes. */
static size_t params_length(struct span s)
{
    bool quoted = false;
    size_t n = 0;
    for (; n < s.n && (quoted || s.p[n] != ','); n++)
        quoted ^= s.p[n] == '"';
    return n;
}

struct span walk_link(struct span header, struct span rel)
{
    while (header.n > 0) {
        size_t open = span_find_char(header, '<');
        struct span rest = span_of(header.p + open, header.n - open);
        size_t close = span_find_char(rest, '>');
        if (close == rest.n)
            break;
        struct span after = span_of(rest.p + close + 1, rest.n - close - 1);
        size_t n = params_length(after);
        if (has_rel(span_of(after.p, n), rel))
            return span_of(rest.p + 1, close - 1);
        header = span_of(after.p + n, after.n - n);
    }
    return SPAN_NONE;
}
