#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/http/server.h"
#include "daemon/trust/mask.h"

enum { MAX_DETAIL = 1024, MAX_PROBLEM = 1 << 20 };

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].status == status)
            return table[i].text;
    return "Unknown";
}

/* "body-too-large" to "Body too large". */
static void add_title(struct buf *b, const char *code)
{
    buf_char(b, '"');
    for (const char *p = code; *p; p++)
        buf_char(b, p == code && *p >= 'a' && *p <= 'z' ? (char)(*p - 32)
                    : *p == '-' || *p == '_'            ? ' '
                                                        : *p);
    buf_char(b, '"');
}

/* Cut, not refused, when too long or not UTF-8: a problem must come out of every problem. Masked
 * for everybody: a detail that quotes its input must not carry somebody's number around. */
static void add_detail(struct buf *b, struct span detail)
{
    struct buf masked;
    buf_init(&masked, 0);
    detail = utf8_cut(detail, MAX_DETAIL);
    detail.n = utf8_valid(detail);
    if (mask_text(detail, 0, NULL, 0, &masked) == 0) {
        buf_str(b, ",\"detail\":");
        buf_json_str(b, buf_span(&masked));
    }
    buf_done(&masked);
}

/* The instance is the request's id, never its path: a path may name a person. */
static void make_problem(struct buf *b, const struct http_request *r, int status, const char *code,
                         struct span detail, struct span errors)
{
    buf_printf(b, "{\"type\":\"urn:vocd:problem:%s\",\"title\":", code);
    add_title(b, code);
    buf_printf(b, ",\"status\":%d", status);
    if (detail.n > 0)
        add_detail(b, detail);
    buf_printf(b, ",\"instance\":\"urn:vocd:request:%.*s\"", SPAN_FMT(r->id));
    if (errors.n > 0) {
        buf_str(b, ",\"errors\":");
        buf_add(b, errors);
    }
    buf_char(b, '}');
}

static bool has_own(const struct http_request *r, const char *name)
{
    return span_find(buf_span(&((const struct http_exchange *)r)->extra), span_str(name)) !=
           SIZE_MAX;
}

static void answer(struct http_request *r, int status, const char *code, struct span detail,
                   struct span errors)
{
    struct buf b;
    buf_init(&b, MAX_PROBLEM);
    make_problem(&b, r, status, code, detail, errors);
    if (buf_error(&b)) {
        buf_reset(&b);
        make_problem(&b, r, status, code, SPAN_NONE, SPAN_NONE);
    }
    if (status == 401)
        http_set_header(r, "WWW-Authenticate", SPAN_LIT("Bearer realm=\"vocd\""));
    if (status == 503 && !has_own(r, "Retry-After"))
        http_set_header(r, "Retry-After", SPAN_LIT("1"));
    http_respond(r, status, "application/problem+json", buf_span(&b));
    buf_done(&b);
}

void http_problem(struct http_request *r, int status, const char *code, const char *detail_fmt, ...)
{
    char detail[MAX_DETAIL + 1] = "";
    if (detail_fmt) {
        va_list ap;
        va_start(ap, detail_fmt);
        vsnprintf(detail, sizeof detail, detail_fmt, ap);
        va_end(ap);
    }
    answer(r, status, code, span_str(detail), SPAN_NONE);
}

void http_problem_errors(struct http_request *r, int status, const char *code, const char *detail,
                         struct span errors_json)
{
    answer(r, status, code, span_str(detail), errors_json);
}
