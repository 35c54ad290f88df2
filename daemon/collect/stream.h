/* stream: one streamed request on its way in. A body of JSON is one commit; NDJSON and CSV are
 * committed in chunks of at most 1,000 items (25 while webhooks come) or 2 MiB, in order: one
 * chunk on its way to disk, one filling, and beyond that the socket is not read. The life of a
 * chunk:
 *
 *   on_data ─► reader ─► items ─► filling ──(full, or the end)──► flying ─► pipeline ─► receipt
 *                                    │ while one flies and one is full: http_pause()
 *
 * Answers: 200 after the last commit; 422 when all items were refused; 400 for what is no JSON or
 * has no readable header; 408/413/400 when the body broke off by the server's doing; 503 with
 * Retry-After, counts and committed_through_line when a chunk could not be written. Sending all of
 * it again is always safe.
 *
 * Thread: the loop. A stream lives from stream_begin() until it has answered. */
#ifndef VOC_COLLECT_STREAM_H
#define VOC_COLLECT_STREAM_H

#include "daemon/collect/item.h"
#include "daemon/http/http.h"

enum {
    STREAM_CHUNK_ITEMS = 1000,
    STREAM_SHORT_ITEMS = 25, /* while webhooks come */
    STREAM_CHUNK_BYTES = 2 << 20,
    STREAM_MAX_LINE = 1 << 20,
    STREAM_INTERACTIVE = 64 * 1024, /* smaller JSON bodies go before the bulk */
    STREAM_RETRY_MS = 20,           /* while others fill the queue */
    STREAM_PATIENCE_MS = 30 * 1000,
};

/* Takes the request over: answers at once what can not be (415, 400, 403, 503), else when the body
 * has been committed. Spreadsheets are taken when `sheets`. */
void stream_begin(struct http_request *r, enum intake_kind kind, bool sheets);

#endif
