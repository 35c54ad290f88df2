#include "daemon/http/parser.h"

#include <http_parser.h>

#define REFUSE(name, status, code, detail)                                                         \
    static const struct http_refusal name = {status, code, detail}

REFUSE(bad_start, 400, "malformed-request", "The request does not begin with a method.");
REFUSE(bad_line_end, 400, "malformed-request", "Lines of a request head end in CR LF.");
REFUSE(bad_request_line, 400, "malformed-request", "The request line is malformed.");
REFUSE(bad_target, 400, "malformed-request",
       "The request target must be a path of visible ASCII characters; percent-encode others.");
REFUSE(bad_version, 505, "version-not-supported", "Only 1.0 and 1.1 of HTTP are spoken here.");
REFUSE(bad_method, 501, "method-not-implemented", "This method is not implemented.");
REFUSE(bad_header, 400, "malformed-request",
       "A header line is malformed (name, colon, value; no folding, no control characters).");
REFUSE(too_many_headers, 431, "headers-too-large", "Too many header lines.");
REFUSE(head_too_large, 431, "headers-too-large", "The request head is too large.");
REFUSE(uri_too_long, 414, "uri-too-long", "The request target is longer than 8 KiB.");
REFUSE(no_host, 400, "malformed-request", "Exactly one Host header is required.");
REFUSE(bad_length, 400, "malformed-request", "Content-Length must be given once, in digits.");
REFUSE(length_and_chunked, 400, "malformed-request",
       "Content-Length and Transfer-Encoding exclude each other.");
REFUSE(bad_coding, 501, "transfer-encoding", "The only transfer coding understood is chunked.");
REFUSE(bad_expect, 417, "expectation-failed", "The only expectation understood is 100-continue.");
REFUSE(bad_chunk, 400, "malformed-body", "The chunked body is malformed.");

static const char *const method_names[METHOD_COUNT] = {"GET",    "HEAD",  "POST",   "PUT",
                                                       "DELETE", "PATCH", "OPTIONS"};

const char *http_method_text(enum http_method_id m)
{
    return method_names[m];
}

/* RFC 9110 §5.6.2 tchar. */
static bool is_token(unsigned char c)
{
    static const char other[] = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && memchr(other, c, sizeof other - 1) != NULL);
}

/* --- finding the end --- */

void http_head_setup(void)
{
    http_parser_set_max_header_size(UINT32_MAX); /* http_head_find() keeps ours */
}

/* One empty line before a request is forgiven (RFC 9112 §2.2). */
static size_t skip_empty_line(struct span in)
{
    return in.n >= 2 && in.p[0] == '\r' && in.p[1] == '\n' ? 2 : 0;
}

static const struct http_refusal *check_start(struct span in)
{
    size_t skip = skip_empty_line(in);
    if (in.n > skip && !(in.n == 1 && in.p[0] == '\r') && !is_token((unsigned char)in.p[skip]))
        return &bad_start;
    return NULL;
}

long http_head_find(struct span in, size_t max_head, size_t *scanned,
                    const struct http_refusal **ret_refusal)
{
    const struct http_refusal *refusal = check_start(in);
    size_t limit = in.n < max_head ? in.n : max_head;
    size_t at = *scanned, first = skip_empty_line(in);
    while (!refusal && at < limit) {
        const char *lf = memchr(in.p + at, '\n', limit - at);
        if (!lf) {
            at = limit;
            break;
        }
        size_t pos = (size_t)(lf - in.p);
        if (pos == 0 || in.p[pos - 1] != '\r')
            refusal = &bad_line_end;
        else if (pos > first && pos >= 3 && in.p[pos - 2] == '\n')
            return (long)pos + 1;
        at = pos + 1;
    }
    if (!refusal && at > HTTP_MAX_URI + 32 && !memchr(in.p + first, '\n', at - first))
        refusal = &uri_too_long;
    else if (!refusal && in.n >= max_head)
        refusal = &head_too_large;
    if (refusal) {
        *ret_refusal = refusal;
        return -1;
    }
    *scanned = at;
    return 0;
}

/* --- strictness the library lacks --- */

static const struct http_refusal *check_version(const char *p, size_t n)
{
    if (n < 6 || memcmp(p, "HTTP/", 5) != 0)
        return &bad_request_line;
    bool ours = n == 8 && p[5] == '1' && p[6] == '.' && (p[7] == '0' || p[7] == '1');
    return ours ? NULL : &bad_version;
}

/* METHOD SP TARGET SP HTTP/1.x, single spaces. */
static const struct http_refusal *check_request_line(const char *p, size_t n, struct http_head *h)
{
    size_t m = 0;
    while (m < n && is_token((unsigned char)p[m]))
        m++;
    if (m == 0 || m >= n || p[m] != ' ')
        return &bad_request_line;
    size_t t = m + 1;
    while (t < n && p[t] > 0x20 && p[t] < 0x7f)
        t++;
    if (t - m - 1 > HTTP_MAX_URI)
        return &uri_too_long;
    if (t >= n || p[t] != ' ')
        return &bad_target;
    const struct http_refusal *refusal = check_version(p + t + 1, n - t - 1);
    if (refusal)
        return refusal;
    struct span method = span_of(p, m);
    for (h->method = METHOD_GET; h->method < METHOD_COUNT; h->method++)
        if (span_is(method, method_names[h->method]))
            break;
    if (h->method == METHOD_COUNT)
        return &bad_method;
    return p[m + 1] == '/' && !memchr(p + m + 1, '#', t - m - 1) ? NULL : &bad_target;
}

static const struct http_refusal *check_header_line(char *p, size_t n)
{
    size_t i = 0;
    while (i < n && is_token((unsigned char)p[i])) {
        p[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] + 32 : p[i]);
        i++;
    }
    if (i == 0 || i >= n || p[i] != ':')
        return &bad_header;
    for (; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return &bad_header;
    }
    return NULL;
}

/* Every LF is known to follow a CR (http_head_find). */
static const struct http_refusal *check_lines(char *p, size_t n, struct http_head *h)
{
    char *end = p + n - 2, *lf = memchr(p, '\n', n);
    const struct http_refusal *refusal = check_request_line(p, (size_t)(lf - 1 - p), h);
    for (char *line = lf + 1; !refusal && line < end; line = lf + 1) {
        lf = memchr(line, '\n', (size_t)(p + n - line));
        refusal = check_header_line(line, (size_t)(lf - 1 - line));
    }
    return refusal;
}

/* --- tokens, by the library --- */

struct collect {
    struct http_head *head;
    struct span url;
    bool overflow;
};

static int on_url(http_parser *parser, const char *p, size_t n)
{
    struct collect *c = parser->data;
    c->url = span_of(c->url.p ? c->url.p : p, c->url.n + n);
    return 0;
}

static int on_field(http_parser *parser, const char *p, size_t n)
{
    struct collect *c = parser->data;
    if (c->head->n_fields == HTTP_MAX_HEADERS) {
        c->overflow = true;
        return 1;
    }
    c->head->fields[c->head->n_fields++] =
        (struct http_field){.name = span_of(p, n), .value = span_of(p + n, 0)};
    return 0;
}

static int on_value(http_parser *parser, const char *p, size_t n)
{
    struct collect *c = parser->data;
    c->head->fields[c->head->n_fields - 1].value = span_trim(span_of(p, n));
    return 0;
}

/* 1: the library need not expect a body; framing is ours. */
static int on_head_end(http_parser *parser)
{
    (void)parser;
    return 1;
}

static const struct http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head_end,
};

static const struct http_refusal *tokenise(const char *p, size_t n, struct http_head *h)
{
    struct collect c = {.head = h};
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &c;
    h->n_fields = 0;
    size_t used = http_parser_execute(&parser, &settings, p, n);
    if (c.overflow)
        return &too_many_headers;
    switch (HTTP_PARSER_ERRNO(&parser)) {
    case HPE_OK:
        break;
    case HPE_HEADER_OVERFLOW:
        return &head_too_large;
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return &bad_length;
    default:
        return &bad_header;
    }
    if (used != n)
        return &bad_header;
    h->minor = parser.http_minor;
    h->keep_alive = parser.http_minor == 1 && !(parser.flags & F_CONNECTION_CLOSE);
    size_t mark = span_find_char(c.url, '?');
    h->path = span_of(c.url.p, mark);
    h->query = mark < c.url.n ? span_of(c.url.p + mark + 1, c.url.n - mark - 1) : SPAN_NONE;
    return NULL;
}

/* --- what the headers say of the message --- */

static const struct http_refusal *read_length(struct span v, bool seen, uint64_t *ret)
{
    uint64_t n = 0;
    if (seen || v.n == 0 || v.n > 18) /* 18 digits can not overflow; no body is that long */
        return &bad_length;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return &bad_length;
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    *ret = n;
    return NULL;
}

static const struct http_refusal *read_fields(struct http_head *h)
{
    bool length = false;
    const struct http_refusal *refusal = NULL;
    for (size_t i = 0; i < h->n_fields && !refusal; i++) {
        struct span name = h->fields[i].name, value = h->fields[i].value;
        if (span_is(name, "host")) {
            refusal = h->host.p || value.n == 0 ? &no_host : NULL;
            h->host = value;
        } else if (span_is(name, "content-length")) {
            refusal = read_length(value, length, &h->length);
            length = true;
        } else if (span_is(name, "transfer-encoding")) {
            refusal =
                h->chunked || !span_eq_nocase(value, SPAN_LIT("chunked")) ? &bad_coding : NULL;
            h->chunked = true;
        } else if (span_is(name, "expect")) {
            refusal = span_eq_nocase(value, SPAN_LIT("100-continue")) ? NULL : &bad_expect;
            h->expect_continue = h->minor == 1;
        }
    }
    if (!refusal && h->chunked && (length || h->minor == 0))
        refusal = &length_and_chunked;
    return refusal ? refusal : !h->host.p && h->minor == 1 ? &no_host : NULL;
}

const struct http_refusal *http_head_parse(char *p, size_t n, struct http_head *ret)
{
    size_t skip = skip_empty_line(span_of(p, n));
    p += skip;
    n -= skip;
    ret->host = SPAN_NONE;
    ret->chunked = ret->expect_continue = false;
    ret->length = 0;
    const struct http_refusal *refusal = check_lines(p, n, ret);
    if (!refusal)
        refusal = tokenise(p, n, ret);
    return refusal ? refusal : read_fields(ret);
}

struct span http_head_field(const struct http_head *h, struct span name)
{
    for (size_t i = 0; i < h->n_fields; i++)
        if (span_eq(h->fields[i].name, name))
            return h->fields[i].value;
    return SPAN_NONE;
}

/* --- bodies --- */

enum framing_state {
    FRAMING_DONE, /* 0: a connection begins with nothing to read */
    FRAMING_LENGTH,
    CHUNK_FIRST, /* first digit of a size */
    CHUNK_SIZE,
    CHUNK_EXTENSION, /* ignored up to CR */
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_FIRST, /* begin of a trailer line or of the last, empty one */
    TRAILER,
    TRAILER_LF,
    END_LF,
};

enum { MAX_TRAILER = 8192 };

void http_framing_begin(struct http_framing *f, const struct http_head *h)
{
    f->left = h->length;
    f->line = 0;
    f->state = h->chunked ? CHUNK_FIRST : h->length ? FRAMING_LENGTH : FRAMING_DONE;
}

bool http_framing_done(const struct http_framing *f)
{
    return f->state == FRAMING_DONE;
}

bool http_framing_has_length(const struct http_framing *f)
{
    return f->state == FRAMING_LENGTH || f->state == FRAMING_DONE;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool chunk_size(struct http_framing *f, unsigned char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        f->left = f->left * 16 + (unsigned)digit;
        f->state = CHUNK_SIZE;
        return f->left >> 60 == 0; /* one more digit still fits */
    }
    if (f->state == CHUNK_FIRST)
        return false;
    f->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return c == '\r' || c == ';' || c == ' ' || c == '\t';
}

/* Bytes that are dropped: extensions and trailers. */
static bool dropped(struct http_framing *f, unsigned char c, uint8_t at_cr)
{
    if (c == '\r') {
        f->state = at_cr;
        return true;
    }
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool expect(struct http_framing *f, unsigned char c, char wanted, uint8_t next)
{
    f->state = next;
    return c == (unsigned char)wanted;
}

/* One byte of what surrounds the data of chunks. */
static bool chunk_byte(struct http_framing *f, unsigned char c)
{
    switch ((enum framing_state)f->state) {
    case CHUNK_FIRST:
    case CHUNK_SIZE:
        return ++f->line <= HTTP_MAX_CHUNK_LINE && chunk_size(f, c);
    case CHUNK_EXTENSION:
        return ++f->line <= HTTP_MAX_CHUNK_LINE && dropped(f, c, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        f->line = 0;
        return expect(f, c, '\n', f->left ? CHUNK_DATA : TRAILER_FIRST);
    case CHUNK_DATA_CR:
        return expect(f, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        f->left = 0;
        return expect(f, c, '\n', CHUNK_FIRST);
    case TRAILER_FIRST:
        f->state = c == '\r' ? END_LF : TRAILER;
        return c == '\r' || is_token(c);
    case TRAILER:
        return ++f->line <= MAX_TRAILER && dropped(f, c, TRAILER_LF);
    case TRAILER_LF:
        return expect(f, c, '\n', TRAILER_FIRST);
    case END_LF:
        return expect(f, c, '\n', FRAMING_DONE);
    default:
        return false;
    }
}

const struct http_refusal *http_framing_step(struct http_framing *f, struct span in,
                                             size_t *ret_used, struct span *ret_data)
{
    size_t i = 0;
    struct span data = span_of(in.p, 0);
    while (i < in.n && f->state != FRAMING_DONE && data.n == 0) {
        if (f->state == FRAMING_LENGTH || f->state == CHUNK_DATA) {
            size_t n = in.n - i < f->left ? in.n - i : (size_t)f->left;
            data = span_of(in.p + i, n);
            i += n;
            f->left -= n;
            if (f->left == 0)
                f->state = f->state == CHUNK_DATA ? CHUNK_DATA_CR : FRAMING_DONE;
        } else if (!chunk_byte(f, (unsigned char)in.p[i++])) {
            return &bad_chunk;
        }
    }
    *ret_used = i;
    *ret_data = data;
    return NULL;
}
