#include "base/err.h"
#include "store/codec.h"
#include "store/txn.h"

#define ROW_VERSION 1

static struct span id_span(const struct uuid *id)
{
    return span_of((const char *)id->b, sizeof(id->b));
}

static int put_row(struct store_txn *t, const struct store_outbox_row *row)
{
    struct buf *b = &t->value;
    struct key k;
    buf_reset(b);
    put_u8(b, ROW_VERSION);
    put_varint(b, row->attempts);
    put_span(b, row->receiver);
    put_span(b, row->payload);
    if (buf_error(b))
        return kv_fail(&t->kv, buf_error(b));
    key_outbox(&k, row->due, &row->id);
    kv_put(&t->kv, DBI_OUTBOX, key_span(&k), buf_span(b));
    return kv_put(&t->kv, DBI_OUTBOX_ID, id_span(&row->id),
                  span_of((const char *)&row->due, sizeof(row->due)));
}

static int get_row(struct span value, struct store_outbox_row *row)
{
    struct dec d = dec_of(value);
    if (get_u8(&d) != ROW_VERSION)
        return -VOC_E_CORRUPT;
    row->attempts = (uint32_t)get_bounded(&d, UINT32_MAX);
    row->receiver = get_span(&d);
    row->payload = get_span(&d);
    return d.bad || dec_left(&d) ? -VOC_E_CORRUPT : 0;
}

static int find_due(struct store_txn *t, const struct uuid *id, struct key *ret_key)
{
    struct span value;
    int64_t due;
    int r = kv_get(&t->kv, DBI_OUTBOX_ID, id_span(id), &value);
    if (r < 0)
        return r;
    if (value.n != sizeof(due))
        return kv_fail(&t->kv, -VOC_E_CORRUPT);
    memcpy(&due, value.p, sizeof(due));
    key_outbox(ret_key, due, id);
    return 0;
}

int store_outbox_put(struct store_txn *t, const struct store_outbox_row *row)
{
    int r = store_outbox_delete(t, &row->id); /* the same notice is there once */
    return r < 0 ? r : put_row(t, row);
}

int store_outbox_retry(struct store_txn *t, const struct uuid *id, int64_t due, uint32_t attempts)
{
    struct store_outbox_row row = {.id = *id};
    struct span value;
    struct key k;
    int r = find_due(t, id, &k);
    if (r < 0)
        return r;
    r = kv_get(&t->kv, DBI_OUTBOX, key_span(&k), &value);
    arena_reset(&t->scratch);
    if (r == 0) {
        value = arena_dup(&t->scratch, value);
        r = value.p ? get_row(value, &row) : -ENOMEM;
    }
    if (r < 0)
        return kv_fail(&t->kv, r == -ENOENT ? -VOC_E_CORRUPT : r);
    kv_del(&t->kv, DBI_OUTBOX, key_span(&k));
    row.due = due;
    row.attempts = attempts;
    return put_row(t, &row);
}

int store_outbox_delete(struct store_txn *t, const struct uuid *id)
{
    struct key k;
    int r = find_due(t, id, &k);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = kv_del(&t->kv, DBI_OUTBOX, key_span(&k));
    if (r == -ENOENT)
        return kv_fail(&t->kv, -VOC_E_CORRUPT);
    return r < 0 ? r : kv_del(&t->kv, DBI_OUTBOX_ID, id_span(id));
}

int store_outbox_each(struct store_view *v, int64_t until, store_outbox_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    kv_cursor_open(&c, &v->kv, DBI_OUTBOX);
    for (bool ok = kv_seek(&c, SPAN_NONE); ok; ok = kv_next(&c)) {
        struct store_outbox_row row = {.due = key_read_i64(c.key, 0)};
        if (c.key.n != 8 + sizeof(row.id.b))
            return -VOC_E_CORRUPT;
        if (row.due > until)
            break;
        memcpy(row.id.b, c.key.p + 8, sizeof(row.id.b));
        int r = get_row(c.value, &row);
        if (r == 0)
            r = fn(ctx, &row);
        if (r)
            return r;
    }
    return c.error;
}
