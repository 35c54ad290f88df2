#include "daemon/core/fetch_url.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/err.h"
#include "daemon/core/fetch.h"

enum { MAX_URL = 4096 };

bool fetch_may_reach(bool allow_private, bool allow_loopback, enum address_kind kind)
{
    switch (kind) {
    case ADDRESS_PUBLIC:
        return true;
    case ADDRESS_LOOPBACK:
        return allow_private || allow_loopback;
    case ADDRESS_PRIVATE:
        return allow_private;
    default:
        return false;
    }
}

static int refuse(char *message, size_t size, int code, const char *what)
{
    snprintf(message, size, "%s", what);
    return code;
}

static int url_part(CURLU *u, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    CURLUcode rc = curl_url_get(u, part, &text, 0);
    int n = rc == CURLUE_OK ? snprintf(out, size, "%s", text) : -1;
    curl_free(text);
    return n >= 0 && n < (int)size ? 0 : -EINVAL;
}

static int judge_parts(CURLU *u, const char *url, bool allow_private, struct fetch_place *place,
                       char *message, size_t size)
{
    static const char *const schemes[2][2] = {{"https", "http"}, {"imaps", "imap"}};
    const char *const *may = schemes[place->imap];
    char scheme[16], host[256], any[256];
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK)
        return refuse(message, size, -EINVAL, "not a URL, or one with a user in it");
    if (url_part(u, CURLUPART_SCHEME, scheme, sizeof scheme) < 0 ||
        (strcmp(scheme, may[0]) != 0 && strcmp(scheme, may[1]) != 0))
        return refuse(message, size, -EINVAL,
                      place->imap ? "neither imap nor imaps" : "neither http nor https");
    if (url_part(u, CURLUPART_HOST, host, sizeof host) < 0 || !host[0])
        return refuse(message, size, -EINVAL, "no host");
    if (url_part(u, CURLUPART_USER, any, sizeof any) == 0)
        return refuse(message, size, -EINVAL, "a user does not belong into a URL");
    int kind = address_kind_of(span_str(host));
    place->loopback =
        kind == ADDRESS_LOOPBACK || span_eq_nocase(span_str(host), SPAN_LIT("localhost"));
    if (place->starttls && strcmp(scheme, "imap") != 0)
        return refuse(message, size, -EINVAL, "starttls goes with imap, which begins without TLS");
    place->in_clear = strcmp(scheme, "imap") == 0 && !place->starttls;
    if (kind >= 0 && !fetch_may_reach(allow_private, place->loopback, (enum address_kind)kind))
        return refuse(message, size, -EACCES, "a private address");
    if (place->in_clear && !place->loopback && (!allow_private || kind == ADDRESS_PUBLIC))
        return refuse(message, size, -EACCES,
                      "imap without TLS is for private addresses, with allow_private");
    return 0;
}

/* curl also takes "https:/host" and "https:///host", which others read otherwise. */
static bool has_authority(struct span url)
{
    size_t at = span_find(url, SPAN_LIT("://"));
    return at != SIZE_MAX && at + 3 < url.n && url.p[at + 3] != '/' &&
           span_find_char(url, ':') == at;
}

int fetch_judge(struct span url, bool allow_private, struct fetch_place *place, char *message,
                size_t size)
{
    char text[MAX_URL];
    if (url.n == 0 || url.n >= sizeof text)
        return refuse(message, size, -EINVAL, "empty, or too long");
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= 0x20 || url.p[i] == 0x7f)
            return refuse(message, size, -EINVAL, "white space or a control character");
    if (!has_authority(url))
        return refuse(message, size, -EINVAL, "no scheme://host");
    memcpy(text, url.p, url.n);
    text[url.n] = '\0';
    CURLU *u = curl_url();
    if (!u)
        return -ENOMEM;
    int rc = judge_parts(u, text, allow_private, place, message, size);
    curl_url_cleanup(u);
    return rc;
}

int fetch_check_url(struct span url, bool allow_private, char *message, size_t size)
{
    struct fetch_place place = {.imap = false};
    return fetch_judge(url, allow_private, &place, message, size);
}

int fetch_check_imap_url(struct span url, bool starttls, bool allow_private, char *message,
                         size_t size)
{
    struct fetch_place place = {.imap = true, .starttls = starttls};
    return fetch_judge(url, allow_private, &place, message, size);
}
