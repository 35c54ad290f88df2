/* router: which route a path means, and what its parameters and its query say. Segments are
 * compared byte by byte as sent; {name} takes one non-empty segment, percent-decoded strictly
 * (invalid %XX, NUL or invalid UTF-8: 400). No normalising: `//`, `/./` and a trailing slash are
 * other paths.
 *
 * Thread: pure. Ownership: decoded text lives in the arena; text without escapes is not copied. */
#ifndef VOC_HTTP_ROUTER_H
#define VOC_HTTP_ROUTER_H

#include "base/arena.h"
#include "daemon/http/http.h"
#include "daemon/http/parser.h"

enum { HTTP_MAX_QUERY = 32, HTTP_ALLOW_MAX = 64 };

struct http_match {
    const struct http_route *route;
    struct span params[HTTP_MAX_PARAMS]; /* still encoded */
    size_t n_params;
    unsigned allow; /* methods (1 << id) of the routes with this path */
};

/* 0; -ENOENT: no such path; -EOPNOTSUPP: not with this method (`allow` is set). */
int http_route_find(const struct http_route *routes, size_t n, enum http_method_id method,
                    struct span path, struct http_match *ret);
/* "GET, HEAD, POST" for the Allow header. */
void http_allow_text(unsigned allow, char out[HTTP_ALLOW_MAX]);

/* -EILSEQ when not decodable, -ENOMEM. `plus`: '+' means a space (query strings). */
int http_percent_decode(struct span in, bool plus, struct arena *a, struct span *ret);

/* Splits and decodes "a=1&b=2". 0; -EILSEQ (not decodable), -E2BIG (too many), -EEXIST (a name
 * twice), -EINVAL (not among `names`, NULL-ended; NULL: none are); then *ret_name is the name it is
 * about. */
int http_query_parse(struct span query, const char *const *names, struct arena *a,
                     struct pair pairs[HTTP_MAX_QUERY], size_t *ret_n, struct span *ret_name);

/* Whether a Host value names this server: guards against DNS rebinding. `address` and `port` are
 * what is listened on; on a wildcard address any IP literal is us (a rebound name never is one).
 * An entry of `hosts` without a port goes with any port. */
struct http_authority {
    struct span address;
    uint16_t port;
    const struct span *hosts;
    size_t n_hosts;
};
bool http_host_is_ours(const struct http_authority *us, struct span host);

#endif
