/* What of the outbox can be sent now. On the pool, with its own short views. */
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "daemon/alert/delivery_impl.h"
#include "daemon/alert/engine_impl.h"

void parcel_free(struct parcel *p)
{
    if (!p)
        return;
    arena_done(&p->arena);
    free(p);
}

const struct config_receiver *receiver_of(const struct config *c, const struct workspace *ws,
                                          struct span name)
{
    const struct config_workspace *cw = config_workspace(c, ws->id);
    for (size_t i = 0; cw && i < cw->n_receivers; i++) {
        if (span_eq(cw->receivers[i].name, name))
            return &cw->receivers[i];
    }
    return NULL;
}

struct look {
    struct scan *scan;
    struct workspace *ws;
    struct store_view *view;
    struct parcel **end;
    size_t rows;
    uint64_t *firing; /* hashes of alert and receiver of the firing notices that wait */
    size_t n_firing, cap_firing;
    bool firing_known;
};

/* A notice's id says when it was made (UUIDv7). */
static int64_t made_at(const struct uuid *id)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->b[i];
    return ms;
}

static bool same_id(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* The alert and phase at the head of a payload as transition.c writes it, without parsing the rest.
 * False when it looks otherwise; then only the whole parser can tell. */
static bool peek(struct span payload, struct uuid *ret_alert, bool *ret_firing)
{
    static const struct span head = {"{\"alert_id\":\"", 13}, phase = {"\",\"phase\":\"", 11};
    enum { ID = UUID_TEXT - 1 };
    size_t at = head.n + ID + phase.n;
    if (payload.n < at + 8 || !span_starts(payload, head) ||
        memcmp(payload.p + head.n + ID, phase.p, phase.n) != 0 ||
        uuid_parse(span_of(payload.p + head.n, ID), ret_alert) < 0)
        return false;
    *ret_firing = span_starts(span_of(payload.p + at, payload.n - at), SPAN_LIT("firing\""));
    return true;
}

/* Under way itself, or another notice of the same alert to the same receiver is. */
static bool is_busy(const struct look *l, const struct store_outbox_row *row,
                    const struct uuid *alert)
{
    const struct scan *s = l->scan;
    for (size_t i = 0; i < s->n_busy; i++) {
        const struct scan_busy *b = &s->busy[i];
        if (b->ws == l->ws && (same_id(&b->id, &row->id) ||
                               (same_id(&b->alert, alert) && span_eq(b->receiver, row->receiver))))
            return true;
    }
    for (const struct parcel *p = s->parcels; p; p = p->next) {
        if (p->ws == l->ws && p->is_read && same_id(&p->payload.alert, alert) &&
            span_eq(p->receiver, row->receiver))
            return true;
    }
    return false;
}

static size_t sending_to(const struct look *l, struct span receiver)
{
    const struct scan *s = l->scan;
    size_t n = 0;
    for (size_t i = 0; i < s->n_busy; i++)
        n += s->busy[i].sending && s->busy[i].ws == l->ws && span_eq(s->busy[i].receiver, receiver);
    for (const struct parcel *p = s->parcels; p; p = p->next)
        n += p->action == PARCEL_SEND && p->ws == l->ws && span_eq(p->receiver, receiver);
    return n;
}

/* --- what has to go before a resolved notice: the firing ones that wait, hashed, sorted --- */

static uint64_t hash_of(const struct uuid *alert, struct span receiver)
{
    return XXH3_64bits_withSeed(receiver.p, receiver.n, XXH3_64bits(alert->b, sizeof alert->b));
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int note_firing(void *ctx, const struct store_outbox_row *row)
{
    struct look *l = ctx;
    struct uuid alert;
    bool firing = false;
    if (!peek(row->payload, &alert, &firing) || !firing)
        return 0;
    if (l->n_firing == l->cap_firing) {
        size_t cap = l->cap_firing ? l->cap_firing * 2 : 64;
        uint64_t *grown = reallocarray(l->firing, cap, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        l->firing = grown;
        l->cap_firing = cap;
    }
    l->firing[l->n_firing++] = hash_of(&alert, row->receiver);
    return 0;
}

/* 1: its firing notice waits in the outbox; 0: it is gone. */
static int firing_waits(struct look *l, const struct uuid *alert, struct span receiver)
{
    uint64_t wanted = hash_of(alert, receiver);
    if (!l->firing_known) {
        int rc = store_outbox_each(l->view, INT64_MAX, note_firing, l);
        if (rc < 0)
            return rc;
        if (l->n_firing)
            qsort(l->firing, l->n_firing, sizeof *l->firing, compare);
        l->firing_known = true;
    }
    return l->n_firing &&
           bsearch(&wanted, l->firing, l->n_firing, sizeof *l->firing, compare) != NULL;
}

static int is_marked(const struct look *l, const struct uuid *alert, struct parcel *p)
{
    struct span value, key = alert_mark_key(alert, p->receiver, &p->arena);
    if (!key.p)
        return -ENOMEM;
    int rc = store_doc_get(l->view, STORE_DOC_ALERT_STATE, key, &p->arena, &value);
    return rc == 0 ? 1 : rc == -ENOENT ? 0 : rc;
}

/* --- one row --- */

static struct parcel *make_parcel(const struct look *l, const struct store_outbox_row *row)
{
    struct parcel *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    arena_init(&p->arena, 0);
    p->ws = l->ws;
    p->id = row->id;
    p->attempts = row->attempts;
    p->receiver = arena_dup(&p->arena, row->receiver);
    int rc = receiver_payload_parse(row->payload, &p->arena, &p->payload);
    p->is_read = rc == 0;
    if (rc == -ENOMEM || !p->receiver.p) {
        parcel_free(p);
        return NULL;
    }
    return p;
}

static bool has_room(const struct look *l, struct span receiver)
{
    return l->scan->n_sending < DELIVERY_MAX_SENDING &&
           sending_to(l, receiver) < DELIVERY_MAX_PER_RECEIVER;
}

/* Why a row can not be sent at all; NULL: it can. */
static const char *refusal(const struct look *l, const struct store_outbox_row *row)
{
    const struct config *c = l->scan->config;
    if (!receiver_of(c, l->ws, row->receiver))
        return "no such receiver";
    if (l->scan->now - made_at(&row->id) > c->alert.retry_max_age_ms)
        return "too old";
    return NULL;
}

static int decide(struct look *l, struct parcel *p, const char *why)
{
    int marked = p->is_read && !p->payload.firing ? is_marked(l, &p->payload.alert, p) : 0;
    p->action = marked > 0 ? PARCEL_DROP_MARKED : why || !p->is_read ? PARCEL_DROP : PARCEL_SEND;
    p->why = marked > 0 ? "its firing notice was dropped" : !p->is_read ? "unreadable" : why;
    return marked < 0 ? marked : 0;
}

static int take_parcel(struct look *l, const struct store_outbox_row *row, const char *why)
{
    struct scan *s = l->scan;
    struct parcel *p = make_parcel(l, row);
    int rc = p ? decide(l, p, why) : -ENOMEM;
    if (rc < 0) {
        parcel_free(p);
        return rc;
    }
    s->n_sending += p->action == PARCEL_SEND;
    s->n_parcels++;
    *l->end = p;
    l->end = &p->next;
    return 0;
}

/* The cheap questions first: most rows of a long outbox are not for now. */
static int look_at(void *ctx, const struct store_outbox_row *row)
{
    struct look *l = ctx;
    struct scan *s = l->scan;
    struct uuid alert = {{0}};
    bool firing = true;
    if (row->due > s->now) {
        s->next_due = row->due < s->next_due ? row->due : s->next_due;
        return 1;
    }
    if (s->n_busy + s->n_parcels >= DELIVERY_MAX_PARCELS || l->rows++ >= SCAN_ROWS)
        return 1;
    peek(row->payload, &alert, &firing);
    if (is_busy(l, row, &alert))
        return 0;
    const char *why = refusal(l, row);
    if (!why && !has_room(l, row->receiver))
        return 0;
    int waits = firing ? 0 : firing_waits(l, &alert, row->receiver);
    if (waits)
        return waits < 0 ? waits : 0;
    return take_parcel(l, row, why);
}

void outbox_scan(struct scan *s)
{
    struct parcel **end = &s->parcels;
    s->next_due = INT64_MAX;
    for (size_t i = 0; i < s->n_ws && s->error >= 0; i++) {
        struct look l = {.scan = s, .ws = s->ws[i], .end = end};
        s->error = store_view_begin(l.ws->store, &l.view);
        if (s->error == 0)
            s->error = store_outbox_each(l.view, INT64_MAX, look_at, &l);
        store_view_end(l.view);
        free(l.firing);
        end = l.end;
    }
}
