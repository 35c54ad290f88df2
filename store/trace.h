/* trace: what the store asked of LMDB, so that a benchmark can ask the same of a bare environment.
 *
 * Written to store_config.trace_fd, host byte order, no alignment:
 *   head    "VOCTRC1\n", u8 tables, then per table: u8 length, name, u32 LMDB flags of the table
 *   record  u8 op, u8 table, u16 key length, u32 value length, u32 LMDB flags of the put, key bytes
 * ops: 1 put, 2 delete, 3 commit, 4 abort. A commit or abort has table, lengths and flags 0. Values
 * are not kept, only their lengths. The records before an abort are those of the failed
 * transaction. A write error on the trace ends it; the store does not mind.
 *
 * Thread: the worker. Private to store/; tests/bench reads the format. */
#ifndef VOC_STORE_TRACE_H
#define VOC_STORE_TRACE_H

#include "base/span.h"

enum trace_op { TRACE_PUT = 1, TRACE_DELETE, TRACE_COMMIT, TRACE_ABORT };

#define TRACE_BUFFER (256u << 10)

struct trace {
    int fd; /* -1: none */
    size_t n;
    uint8_t *buffer;
};

struct trace_table {
    const char *name;
    uint32_t flags;
};

/* fd < 0: no trace, takes no memory. */
int trace_init(struct trace *t, int fd, const struct trace_table *tables, size_t n_tables);
void trace_done(struct trace *t); /* the descriptor stays the caller's */
void trace_write(struct trace *t, enum trace_op op, uint8_t table, struct span key,
                 size_t value_size, uint32_t flags);
void trace_flush(struct trace *t);

#endif
