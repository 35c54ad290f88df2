/* The console's pages: constant files, told apart by their ETag; names with a hash of their content
 * may be kept for good. */
#include "daemon/console/assets.h"
#include "daemon/console/console.h"

void console_page_headers(struct http_request *r)
{
    static const struct {
        const char *name;
        struct span value;
    } headers[] = {
        {"Content-Security-Policy",
         SPAN_LIT("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                  "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
                  "frame-ancestors 'none'")},
        {"Cross-Origin-Opener-Policy", SPAN_LIT("same-origin")},
        {"Cross-Origin-Resource-Policy", SPAN_LIT("same-origin")},
        {"Permissions-Policy",
         SPAN_LIT("accelerometer=(), autoplay=(), browsing-topics=(), camera=(), "
                  "display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), "
                  "geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), "
                  "magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), "
                  "publickey-credentials-get=(), screen-wake-lock=(), serial=(), "
                  "storage-access=(), usb=(), xr-spatial-tracking=()")},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        http_set_header(r, headers[i].name, headers[i].value);
    if (http_is_tls(r))
        http_set_header(r, "Strict-Transport-Security", SPAN_LIT("max-age=31536000"));
}

/* Accept-Encoding names gzip and does not rule it out with q=0 (RFC 9110 §12.5.3). */
static bool takes_gzip(const struct http_request *r)
{
    struct span rest = http_header(r, "accept-encoding");
    while (rest.n > 0) {
        size_t comma = span_find_char(rest, ',');
        struct span one = span_trim(span_of(rest.p, comma));
        rest = comma < rest.n ? span_of(rest.p + comma + 1, rest.n - comma - 1) : SPAN_NONE;
        size_t semicolon = span_find_char(one, ';');
        if (!span_eq_nocase(span_trim(span_of(one.p, semicolon)), SPAN_LIT("gzip")))
            continue;
        size_t q = span_find(one, SPAN_LIT("q="));
        double weight = 1;
        if (q != SIZE_MAX)
            span_to_f64(span_trim(span_of(one.p + q + 2, one.n - q - 2)), &weight);
        return weight > 0;
    }
    return false;
}

static bool knows(const struct http_request *r, const char *etag)
{
    struct span known = http_header(r, "if-none-match");
    return span_is(span_trim(known), "*") || span_find(known, span_str(etag)) != SIZE_MAX;
}

static void serve(struct http_request *r, const struct console_asset *a, bool page)
{
    bool gzip = takes_gzip(r);
    const char *etag = gzip ? a->etag_gz : a->etag;
    console_page_headers(r);
    http_set_header(r, "ETag", span_str(etag));
    http_set_header(r, "Vary", SPAN_LIT("Accept-Encoding"));
    http_set_header(r, "Cache-Control",
                    page ? SPAN_LIT("no-cache") : SPAN_LIT("public, max-age=31536000, immutable"));
    if (knows(r, etag)) {
        http_respond(r, 304, a->type, SPAN_NONE);
        return;
    }
    if (gzip)
        http_set_header(r, "Content-Encoding", SPAN_LIT("gzip"));
    http_respond(r, 200, a->type, gzip ? a->gzip : a->plain);
}

void console_page(struct http_request *r)
{
    struct console_asset a;
    if (console_asset_find(SPAN_LIT("index.html"), &a))
        serve(r, &a, true);
    else
        http_problem(r, 500, "internal", "the console was not built in");
}

void console_file(struct http_request *r)
{
    struct console_asset a;
    if (!span_is(r->params[0], "index.html") && console_asset_find(r->params[0], &a))
        serve(r, &a, false);
    else
        http_problem(r, 404, "not-found", NULL);
}

void console_home(struct http_request *r)
{
    http_set_header(r, "Location", SPAN_LIT("/console/"));
    http_respond(r, 302, "text/plain; charset=utf-8", SPAN_LIT("/console/\n"));
}
