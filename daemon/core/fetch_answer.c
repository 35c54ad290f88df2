/* What an answer's headers say. */
#include <curl/curl.h>

#include "daemon/core/fetch.h"

struct span fetch_header(const struct fetch_response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (span_is(r->headers[i].key, name))
            return r->headers[i].value;
    return SPAN_NONE;
}

int64_t fetch_date_after(struct span value, int64_t now_ms)
{
    char text[64];
    if (value.n >= sizeof text)
        return -1;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    time_t at = curl_getdate(text, NULL);
    if (at == -1)
        return -1;
    int64_t ms = (int64_t)at * 1000 - now_ms;
    return ms < 0 ? 0 : ms > MS_DAY ? MS_DAY : ms;
}

int64_t fetch_retry_after(const struct fetch_response *r, int64_t now_ms)
{
    struct span value = fetch_header(r, "retry-after");
    int64_t seconds;
    if (!value.p)
        return -1;
    if (span_to_i64(value, &seconds) < 0)
        return fetch_date_after(value, now_ms);
    return seconds < 0 ? 0 : seconds > MS_DAY / 1000 ? MS_DAY : seconds * 1000;
}
