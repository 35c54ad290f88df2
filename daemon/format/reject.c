#include "daemon/format/reject.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"

#define X(id, code) [id] = code,
static const char *const codes[REJECT_COUNT] = {REJECT_CODES(X)};
#undef X

int reject(struct reject *why, enum reject_code code, const char *fmt, ...)
{
    va_list ap;

    why->code = reject_text(code);
    va_start(ap, fmt);
    vsnprintf(why->detail, sizeof why->detail, fmt, ap);
    va_end(ap);
    why->detail[utf8_valid(span_str(why->detail))] = '\0';
    return -EINVAL;
}

const char *reject_text(enum reject_code code)
{
    return (unsigned)code < REJECT_COUNT ? codes[code] : "";
}
