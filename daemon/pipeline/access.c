#include "daemon/pipeline/access.h"

#include <stdlib.h>

#include "base/err.h"
#include "daemon/core/log.h"
#include "daemon/pipeline/workspace.h"

enum { MAX_HELD = 10000 };

struct pending {
    struct access *access;
    void (*recorded)(void *ctx);
    void *ctx;
    struct edit *edit;
    struct pending *next;
};

struct access {
    struct pipeline *pipeline;
    struct pending *held, **held_tail; /* entries a full disk kept out, oldest first */
    size_t n_held;
};

int access_new(struct pipeline *p, struct access **ret_access)
{
    struct access *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->pipeline = p;
    a->held_tail = &a->held;
    *ret_access = a;
    return 0;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    if (a->n_held > 0)
        log_error(LOG_STORE, "access log entries lost: the disk stayed full", "entries=%zu",
                  a->n_held);
    for (struct pending *p = a->held, *next; p; p = next) {
        next = p->next;
        edit_free(p->edit);
        free(p);
    }
    free(a);
}

static void tell(struct pending *p)
{
    if (p->recorded)
        p->recorded(p->ctx);
    p->recorded = NULL;
}

static void hold(struct pending *p)
{
    struct access *a = p->access;
    if (a->n_held == MAX_HELD) {
        log_error(LOG_STORE, "access log entry lost: too many wait for room", NULL);
        edit_free(p->edit);
        free(p);
        return;
    }
    p->next = NULL;
    *a->held_tail = p;
    a->held_tail = &p->next;
    a->n_held++;
}

/* The hash is the last member of an entry. */
static void note_head(const struct edit *e)
{
    struct workspace *ws = e->command.ws;
    const struct span *entry = &e->value;
    if (e->n <= ws->access_n || entry->n < ACCESS_HASH_HEX + 2)
        return;
    ws->access_n = e->n;
    memcpy(ws->access_hash, entry->p + entry->n - 2 - ACCESS_HASH_HEX, ACCESS_HASH_HEX);
    ws->access_hash[ACCESS_HASH_HEX] = '\0';
}

static void written(struct edit *e)
{
    struct pending *p = e->user;
    tell(p);
    if (e->command.status < 0) {
        hold(p);
        return;
    }
    note_head(e);
    edit_free(e);
    free(p);
}

int access_note_heads(struct access *a, struct workspaces *set)
{
    for (struct workspace *ws = set->first; ws; ws = ws->next) {
        struct edit *e = ws->access_n > ws->access_noted ? edit_new(EDIT_DOC, set->system) : NULL;
        if (!e)
            continue;
        e->doc = STORE_DOC_SETTING;
        e->key = access_head_key(ws->id, &e->arena);
        e->value =
            arena_printf(&e->arena, "%llu %s", (unsigned long long)ws->access_n, ws->access_hash);
        if (!e->key.p || !e->value.p || edit_submit(a->pipeline, e) < 0) {
            edit_free(e);
            return -EAGAIN;
        }
        ws->access_noted = ws->access_n;
    }
    return 0;
}

struct span access_head_key(struct span workspace, struct arena *a)
{
    return arena_printf(a, "access-head/%.*s", SPAN_FMT(workspace));
}

static int copy_spec(struct edit *e, const struct access_spec *spec)
{
    size_t n = spec->n_whose < ACCESS_MAX_WHOSE ? spec->n_whose : ACCESS_MAX_WHOSE;
    struct span *whose = arena_array(&e->arena, n, sizeof *whose);
    if (!whose)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        whose[i] = arena_dup(&e->arena, spec->whose[i]);
    e->access = *spec; /* n_whose stays the true count */
    e->access.whose = whose;
    struct span *texts[] = {&e->access.token_id,   &e->access.name,   &e->access.peer,
                            &e->access.request_id, &e->access.action, &e->access.fields,
                            &e->access.reason};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = arena_dup(&e->arena, *texts[i]);
    return 0;
}

void access_record(struct access *a, struct workspace *ws, const struct access_spec *spec,
                   void (*recorded)(void *ctx), void *ctx)
{
    struct pending *p = calloc(1, sizeof *p);
    struct edit *e = edit_new(EDIT_ACCESS, ws);
    if (!p || !e || copy_spec(e, spec) < 0) {
        log_error(LOG_STORE, "access log entry lost: no memory", NULL);
        free(p);
        edit_free(e);
        recorded(ctx);
        return;
    }
    *p = (struct pending){.access = a, .recorded = recorded, .ctx = ctx, .edit = e};
    e->user = p;
    e->done = written;
    if (atomic_load(&ws->disk_full) || edit_submit(a->pipeline, e) < 0) {
        tell(p);
        hold(p);
    }
}

void access_retry(struct access *a, struct workspace *ws)
{
    struct pending *list = a->held;
    a->held = NULL;
    a->held_tail = &a->held;
    a->n_held = 0;
    for (struct pending *p = list, *next; p; p = next) {
        next = p->next;
        if (p->edit->command.ws != ws || edit_submit(a->pipeline, p->edit) < 0)
            hold(p);
    }
}
