#include "daemon/api/cursor.h"

#include <inttypes.h>
#include <stdio.h>

bool cursor_parse(struct span text, struct store_cursor *ret)
{
    char copy[64];
    uint64_t at, seq;
    int used = 0;
    snprintf(copy, sizeof copy, "%.*s", SPAN_FMT(text));
    if (text.n >= sizeof copy ||
        sscanf(copy, "%16" SCNx64 ".%16" SCNx64 "%n", &at, &seq, &used) != 2 ||
        (size_t)used != text.n)
        return false;
    *ret = (struct store_cursor){(int64_t)at, seq};
    return true;
}

struct span cursor_print(struct store_cursor c, struct arena *a)
{
    return arena_printf(a, "%" PRIx64 ".%" PRIx64, (uint64_t)c.created_at, c.seq);
}
