#include "daemon/format/row.h"

json_t *row_object(const struct span *names, const struct row *row)
{
    json_t *o = json_object();

    for (size_t i = 0; o && i < row->n; i++) {
        if (span_trim(row->cells[i]).n == 0 || names[i].n == 0)
            continue;
        json_t *cell = json_stringn(row->cells[i].p, row->cells[i].n);
        if (json_object_setn_new(o, names[i].p, names[i].n, cell) < 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}
