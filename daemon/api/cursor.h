/* cursor: where a list of records goes on, opaque to callers: "created_at.seq" in hex. Pure. */
#ifndef VOC_API_CURSOR_H
#define VOC_API_CURSOR_H

#include "base/arena.h"
#include "store/store.h"

bool cursor_parse(struct span text, struct store_cursor *ret);
struct span cursor_print(struct store_cursor c, struct arena *a); /* absent: no memory */

#endif
