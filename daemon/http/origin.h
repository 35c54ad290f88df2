/* origin: whether a browser's request comes from our own page. A cookie goes along with every
 * request to this host, whoever made the page it comes from: SameSite keeps other sites out, but
 * not another port of this machine nor another host of the same domain.
 *
 * Thread: any; pure. */
#ifndef VOC_HTTP_ORIGIN_H
#define VOC_HTTP_ORIGIN_H

#include "base/span.h"

struct origin_check {
    struct span origin;       /* header Origin, or absent */
    struct span fetch_site;   /* header Sec-Fetch-Site, or absent */
    struct span host;         /* header Host, which was checked to be ours */
    struct span external_url; /* of the configuration, or absent */
    bool tls;                 /* we speak TLS ourselves: then nobody comes by http:// */
};
/* Requests that change something: Sec-Fetch-Site, when sent, is same-origin; Origin, when sent, is
 * SCHEME://HOST of this request or of external_url. */
bool origin_may_write(const struct origin_check *c);
/* Requests that read: what a page of another origin asks for is refused (same-origin, or none: the
 * address bar). */
bool origin_may_read(const struct origin_check *c);

#endif
