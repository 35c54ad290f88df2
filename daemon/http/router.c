#include "daemon/http/router.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"

/* --- routes --- */

/* The next segment of a path that begins with '/'; advances. */
static struct span next_segment(struct span *path)
{
    struct span rest = span_of(path->p + 1, path->n - 1);
    struct span segment = span_of(rest.p, span_find_char(rest, '/'));
    *path = span_of(rest.p + segment.n, rest.n - segment.n);
    return segment;
}

static bool match_pattern(const char *pattern, struct span path, struct http_match *m)
{
    struct span want = span_str(pattern);
    m->n_params = 0;
    while (want.n > 0 && path.n > 0) {
        struct span w = next_segment(&want), s = next_segment(&path);
        if (w.n > 0 && w.p[0] == '{') {
            if (s.n == 0 || m->n_params == HTTP_MAX_PARAMS)
                return false;
            m->params[m->n_params++] = s;
        } else if (!span_eq(w, s)) {
            return false;
        }
    }
    return want.n == 0 && path.n == 0;
}

static unsigned route_methods(const struct http_route *route)
{
    unsigned set = 0;
    for (int m = 0; m < METHOD_COUNT; m++)
        set |= strcmp(route->method, http_method_text(m)) == 0 ? 1u << m : 0;
    return set & 1u << METHOD_GET ? set | 1u << METHOD_HEAD : set;
}

int http_route_find(const struct http_route *routes, size_t n, enum http_method_id method,
                    struct span path, struct http_match *ret)
{
    unsigned allow = 0;
    for (size_t i = 0; i < n; i++) {
        struct http_match m = {.route = &routes[i]};
        if (!match_pattern(routes[i].pattern, path, &m))
            continue;
        unsigned methods = route_methods(&routes[i]);
        if (methods & 1u << method) {
            *ret = m;
            return 0;
        }
        allow |= methods;
    }
    ret->allow = allow;
    return allow ? -EOPNOTSUPP : -ENOENT;
}

void http_allow_text(unsigned allow, char out[HTTP_ALLOW_MAX])
{
    size_t n = 0;
    out[0] = '\0';
    for (int m = 0; m < METHOD_COUNT; m++) {
        if (allow & 1u << m) {
            n += (size_t)snprintf(out + n, HTTP_ALLOW_MAX - n, "%s%s", n ? ", " : "",
                                  http_method_text(m));
        }
    }
}

/* --- decoding --- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode_into(struct span in, bool plus, char *out, size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
            int low = i + 2 < in.n ? hex_value(in.p[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return -EILSEQ;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    *ret_n = n;
    return utf8_valid(span_of(out, n)) == n ? 0 : -EILSEQ;
}

int http_percent_decode(struct span in, bool plus, struct arena *a, struct span *ret)
{
    if (span_find_char(in, '%') == in.n && !(plus && span_find_char(in, '+') < in.n)) {
        *ret = in; /* the target is ASCII: nothing to decode or to check */
        return 0;
    }
    char *out = arena_alloc(a, in.n + 1);
    size_t n = 0;
    if (!out)
        return -ENOMEM;
    int r = decode_into(in, plus, out, &n);
    if (r == 0)
        *ret = span_of(out, n);
    return r;
}

/* --- query --- */

static bool is_listed(const char *const *names, struct span name)
{
    for (; names && *names; names++)
        if (span_is(name, *names))
            return true;
    return false;
}

static int check_name(struct span name, const char *const *names, const struct pair *pairs,
                      size_t n)
{
    if (!is_listed(names, name))
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (span_eq(pairs[i].key, name))
            return -EEXIST;
    return n == HTTP_MAX_QUERY ? -E2BIG : 0;
}

int http_query_parse(struct span query, const char *const *names, struct arena *a,
                     struct pair pairs[HTTP_MAX_QUERY], size_t *ret_n, struct span *ret_name)
{
    size_t n = 0;
    for (size_t at = 0; at < query.n;) {
        struct span rest = span_of(query.p + at, query.n - at);
        struct span part = span_of(rest.p, span_find_char(rest, '&'));
        at += part.n + 1;
        if (part.n == 0)
            continue;
        size_t eq = span_find_char(part, '=');
        size_t from = eq < part.n ? eq + 1 : part.n;
        struct span name, value;
        *ret_name = SPAN_NONE;
        int r = http_percent_decode(span_of(part.p, eq), true, a, &name);
        if (r == 0) {
            *ret_name = name;
            r = check_name(name, names, pairs, n);
        }
        if (r == 0)
            r = http_percent_decode(span_of(part.p + from, part.n - from), true, a, &value);
        if (r < 0)
            return r;
        pairs[n++] = (struct pair){.key = name, .value = value};
    }
    *ret_n = n;
    return 0;
}

/* --- Host --- */

/* "[::1]:80" to "::1" and "80"; "a:80" to "a" and "80". */
static bool split_host(struct span host, struct span *ret_name, struct span *ret_port)
{
    size_t end = span_find_char(host, ':');
    *ret_name = span_of(host.p, end);
    if (host.n > 0 && host.p[0] == '[') {
        end = span_find_char(host, ']');
        if (end == host.n)
            return false;
        *ret_name = span_of(host.p + 1, end - 1);
        end++;
    }
    *ret_port = end < host.n ? span_of(host.p + end + 1, host.n - end - 1) : SPAN_NONE;
    return end == host.n || host.p[end] == ':';
}

static bool is_ip(struct span name)
{
    char text[64];
    unsigned char out[16];
    if (name.n == 0 || name.n >= sizeof text)
        return false;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return inet_pton(AF_INET, text, out) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

/* Without a port it may be the default one seen through a proxy; no rebound name comes that way. */
static bool same_port(const struct http_authority *us, struct span port)
{
    int64_t number = us->port;
    return (!port.p || span_to_i64(port, &number) == 0) && number == us->port;
}

bool http_host_is_ours(const struct http_authority *us, struct span host)
{
    struct span name, port;
    if (!split_host(host, &name, &port))
        return false;
    for (size_t i = 0; i < us->n_hosts; i++)
        if (span_eq_nocase(host, us->hosts[i]) || span_eq_nocase(name, us->hosts[i]))
            return true;
    bool wildcard = span_is(us->address, "0.0.0.0") || span_is(us->address, "::");
    bool known = span_eq_nocase(name, us->address) || span_eq_nocase(name, SPAN_LIT("localhost")) ||
                 (wildcard && is_ip(name));
    return known && same_port(us, port);
}
