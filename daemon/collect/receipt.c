#include "daemon/collect/receipt.h"

#include <stdlib.h>

#include "daemon/core/metrics.h"

enum { IDS_ARENA_MAX = 2 << 20 };

void receipt_init(struct receipt *rc)
{
    *rc = (struct receipt){0};
    arena_init(&rc->arena, IDS_ARENA_MAX);
}

void receipt_done(struct receipt *rc)
{
    free(rc->reasons);
    arena_done(&rc->arena);
}

static void add_reason(struct receipt *rc, const struct intake_item *it)
{
    if (!it->why || rc->n_reasons == RECEIPT_MAX_REASONS || rc->short_of_memory)
        return;
    /* Most requests need none, one bad batch needs many. */
    if ((rc->n_reasons & (rc->n_reasons - 1)) == 0) {
        size_t cap = rc->n_reasons ? 2 * rc->n_reasons : 1;
        struct receipt_reason *grown = reallocarray(rc->reasons, cap, sizeof *grown);
        if (!grown) {
            rc->short_of_memory = true;
            return;
        }
        rc->reasons = grown;
    }
    rc->reasons[rc->n_reasons++] = (struct receipt_reason){rc->n, *it->why};
}

static struct span id_of(struct receipt *rc, const struct intake *in, const struct intake_item *it)
{
    char text[UUID_TEXT];

    switch (in->kind) {
    case INTAKE_FEEDBACK:
        uuid_format(&it->id, text);
        return arena_dup(&rc->arena, span_str(text));
    case INTAKE_CUSTOMER:
        return arena_dup(&rc->arena, it->in.customer->id);
    case INTAKE_ACTIVITY:
        return arena_dup(&rc->arena, it->in.activity->external_id);
    }
    return SPAN_NONE;
}

static void add_id(struct receipt *rc, const struct intake *in, const struct intake_item *it)
{
    if (rc->n >= RECEIPT_MAX_IDS || rc->short_of_memory)
        return;
    if (!rc->ids)
        rc->ids = arena_array(&rc->arena, RECEIPT_MAX_IDS, sizeof *rc->ids);
    bool known = it->outcome != OUTCOME_REJECTED && !in->replayed && !it->removal;
    if (rc->ids && known)
        rc->ids[rc->n] = id_of(rc, in, it);
    rc->short_of_memory = !rc->ids || (known && !rc->ids[rc->n].p);
}

void receipt_add(struct receipt *rc, const struct intake *in)
{
    uint64_t counts[OUTCOME_REJECTED + 1] = {0};

    for (size_t i = 0; i < in->n; i++) {
        const struct intake_item *it = &in->items[i];
        counts[it->outcome]++;
        if (it->outcome == OUTCOME_REJECTED)
            add_reason(rc, it);
        add_id(rc, in, it);
        rc->n++;
    }
    for (unsigned o = 0; o <= OUTCOME_REJECTED; o++) {
        rc->counts[o] += counts[o];
        if (in->kind == INTAKE_FEEDBACK)
            metric_add(METRIC_ITEMS, o, (int64_t)counts[o]);
    }
}

bool receipt_all_rejected(const struct receipt *rc)
{
    return rc->n > 0 && rc->counts[OUTCOME_REJECTED] == rc->n;
}

void receipt_print(const struct receipt *rc, struct json_out *j)
{
    json_int(j, "accepted", (int64_t)rc->counts[OUTCOME_ACCEPTED]);
    json_int(j, "updated", (int64_t)rc->counts[OUTCOME_UPDATED]);
    json_int(j, "duplicates", (int64_t)rc->counts[OUTCOME_DUPLICATE]);
    json_int(j, "rejected_count", (int64_t)rc->counts[OUTCOME_REJECTED]);
    json_open(j, "rejected", '[');
    for (size_t i = 0; i < rc->n_reasons; i++) {
        json_open(j, NULL, '{');
        json_int(j, "index", (int64_t)rc->reasons[i].index);
        json_cstr(j, "code", rc->reasons[i].why.code);
        json_cstr(j, "detail", rc->reasons[i].why.detail);
        json_close(j, '}');
    }
    json_close(j, ']');
    if (rc->n <= RECEIPT_MAX_IDS && !rc->short_of_memory) {
        json_open(j, "ids", '[');
        for (size_t i = 0; i < rc->n; i++)
            json_text(j, NULL, rc->ids[i]);
        json_close(j, ']');
    }
    if (rc->through_line)
        json_int(j, "committed_through_line", (int64_t)rc->through_line);
}
