/* parser: from bytes to one request head, and from bytes to its body; the only user of
 * libhttp-parser. The library (as Debian builds it) is lenient: it takes bare LF, spaces in header
 * names, junk after a chunk. So a head is first found and checked byte by byte here, then tokenised
 * by the library, and bodies are framed here alone. What is ambiguous is refused, never guessed:
 * two readers of the same bytes (a proxy and we) must not disagree where a request ends.
 *
 * Thread: pure. Ownership: spans of a head point into the bytes it was parsed from. */
#ifndef VOC_HTTP_PARSER_H
#define VOC_HTTP_PARSER_H

#include "base/span.h"

enum { HTTP_MAX_HEADERS = 64, HTTP_MAX_URI = 8192, HTTP_MAX_CHUNK_LINE = 256 };

/* Why bytes were refused: becomes a problem and the end of the connection. */
struct http_refusal {
    int status;
    const char *code;
    const char *detail;
};

enum http_method_id {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_PATCH,
    METHOD_OPTIONS,
    METHOD_COUNT
};
const char *http_method_text(enum http_method_id m);

struct http_field {
    struct span name; /* in lower case */
    struct span value;
};

struct http_head {
    enum http_method_id method;
    struct span path;  /* before '?' */
    struct span query; /* after it, or absent */
    struct span host;  /* absent only in HTTP/1.0 */
    unsigned minor;    /* HTTP/1.minor */
    bool keep_alive, expect_continue, chunked;
    uint64_t length; /* Content-Length; 0 when chunked or none */
    size_t n_fields;
    struct http_field fields[HTTP_MAX_HEADERS];
};

/* Once, before the first head: the library has a limit of its own, for the whole process. */
void http_head_setup(void);
/* Looks for the end of a head in `in`, of which the first *scanned bytes were looked at before (0
 * to begin with). Returns its length with the empty line, 0 when more is needed, or -1 with
 * *ret_refusal when it cannot become one or passes max_head bytes. */
long http_head_find(struct span in, size_t max_head, size_t *scanned,
                    const struct http_refusal **ret_refusal);
/* Parses a whole head in place (names are folded to lower case). NULL, or why not; then `ret` is
 * undefined. */
const struct http_refusal *http_head_parse(char *p, size_t n, struct http_head *ret);
struct span http_head_field(const struct http_head *h, struct span name);

/* The body of one request: Content-Length or chunked. */
struct http_framing {
    uint64_t left; /* of the length, or of the chunk */
    uint32_t line; /* bytes of the chunk line or trailer so far */
    uint8_t state;
};
void http_framing_begin(struct http_framing *f, const struct http_head *h);
bool http_framing_done(const struct http_framing *f);
/* Whether how much is left (f->left) is known. */
bool http_framing_has_length(const struct http_framing *f);
/* Takes some of `in`: *ret_used bytes, of which *ret_data (maybe empty) is body. Call again until
 * all is used or the body is done. NULL, or why not. */
const struct http_refusal *http_framing_step(struct http_framing *f, struct span in,
                                             size_t *ret_used, struct span *ret_data);

#endif
