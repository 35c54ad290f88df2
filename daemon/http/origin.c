#include "daemon/http/origin.h"

static struct span after(struct span s, struct span prefix)
{
    return span_starts(s, prefix) ? span_of(s.p + prefix.n, s.n - prefix.n) : SPAN_NONE;
}

/* "https://voc.example.com/x" to "https://voc.example.com"; a URL's own default port is spelled
 * out by nobody. */
static struct span origin_of(struct span url)
{
    size_t at = span_find(url, SPAN_LIT("://"));
    if (at == SIZE_MAX)
        return SPAN_NONE;
    struct span rest = span_of(url.p + at + 3, url.n - at - 3);
    return span_of(url.p, at + 3 + span_find_char(rest, '/'));
}

static bool is_ours(const struct origin_check *c)
{
    struct span host = after(c->origin, SPAN_LIT("https://"));
    /* A proxy may have taken the TLS off, so https:// is fine without. */
    if (!host.p && !c->tls)
        host = after(c->origin, SPAN_LIT("http://"));
    if (host.n > 0 && c->host.n > 0 && span_eq_nocase(host, c->host))
        return true;
    return c->origin.n > 0 && c->external_url.n > 0 &&
           span_eq_nocase(c->origin, origin_of(c->external_url));
}

bool origin_may_write(const struct origin_check *c)
{
    return (!c->fetch_site.p || span_is(c->fetch_site, "same-origin")) &&
           (!c->origin.p || is_ours(c));
}

bool origin_may_read(const struct origin_check *c)
{
    return !c->fetch_site.p || span_is(c->fetch_site, "same-origin") ||
           span_is(c->fetch_site, "none");
}
