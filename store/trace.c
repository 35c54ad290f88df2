#include "store/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void trace_bytes(struct trace *t, const void *p, size_t n)
{
    memcpy(t->buffer + t->n, p, n);
    t->n += n;
}

int trace_init(struct trace *t, int fd, const struct trace_table *tables, size_t n_tables)
{
    *t = (struct trace){.fd = -1};
    if (fd < 0)
        return 0;
    t->buffer = malloc(TRACE_BUFFER);
    if (!t->buffer)
        return -ENOMEM;
    t->fd = fd;
    uint8_t n = (uint8_t)n_tables;
    trace_bytes(t, "VOCTRC1\n", 8);
    trace_bytes(t, &n, 1);
    for (size_t i = 0; i < n_tables; i++) {
        uint8_t length = (uint8_t)strlen(tables[i].name);
        trace_bytes(t, &length, 1);
        trace_bytes(t, tables[i].name, length);
        trace_bytes(t, &tables[i].flags, sizeof(tables[i].flags));
    }
    trace_flush(t);
    return 0;
}

void trace_done(struct trace *t)
{
    if (t->fd >= 0)
        trace_flush(t);
    free(t->buffer);
    *t = (struct trace){.fd = -1};
}

void trace_flush(struct trace *t)
{
    size_t done = 0;
    while (t->fd >= 0 && done < t->n) {
        ssize_t n = write(t->fd, t->buffer + done, t->n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            t->fd = -1;
        else
            done += (size_t)n;
    }
    t->n = 0;
}

void trace_write(struct trace *t, enum trace_op op, uint8_t table, struct span key,
                 size_t value_size, uint32_t flags)
{
    if (t->fd < 0)
        return;
    uint8_t head[2] = {(uint8_t)op, table};
    uint16_t key_size = (uint16_t)key.n;
    uint32_t rest[2] = {(uint32_t)value_size, flags};
    if (t->n + sizeof(head) + sizeof(key_size) + sizeof(rest) + key.n > TRACE_BUFFER)
        trace_flush(t);
    trace_bytes(t, head, sizeof(head));
    trace_bytes(t, &key_size, sizeof(key_size));
    trace_bytes(t, rest, sizeof(rest));
    if (key.n)
        trace_bytes(t, key.p, key.n);
}
