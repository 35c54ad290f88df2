#include "daemon/alert/engine_impl.h"

#include <stdlib.h>

#include "base/err.h"

enum undo_kind { UNDO_WINDOW, UNDO_STATE, UNDO_GROUP, UNDO_RULE };
struct undo {
    struct undo *prev;
    enum undo_kind kind;
    struct alert_group *group;
};
struct undo_window {
    struct undo undo;
    int64_t minute;
    struct window_part part;
};
struct undo_state {
    struct undo undo;
    struct group_state state;
};
struct undo_rule {
    struct undo undo;
    struct live_rule *was, *is; /* NULL: there was none, there is none now */
};

/* An entry is made before the change and linked after it, so that neither can fail alone. */
static void *entry(struct alert_batch *b, size_t size, enum undo_kind kind, struct alert_group *g)
{
    struct undo *u = arena_alloc(&b->arena, size);
    if (u)
        *u = (struct undo){.kind = kind, .group = g};
    return u;
}

static void link_entry(struct alert_batch *b, struct undo *u)
{
    u->prev = b->undo;
    b->undo = u;
}

static int remember_touched(struct alert_batch *b, struct alert_group *g)
{
    if (b->n_touched == b->cap_touched) {
        size_t cap = b->cap_touched ? b->cap_touched * 2 : 64;
        struct alert_group **grown = arena_array(&b->arena, cap, sizeof(struct alert_group *));
        if (!grown)
            return -ENOMEM;
        if (b->n_touched)
            memcpy(grown, b->touched, b->n_touched * sizeof(struct alert_group *));
        b->touched = grown;
        b->cap_touched = cap;
    }
    b->touched[b->n_touched++] = g;
    return 0;
}

int group_touch(struct alert_batch *b, struct alert_group *g)
{
    if (g->touched == b->engine->serial)
        return 0;
    struct undo_state *u = entry(b, sizeof *u, UNDO_STATE, g);
    if (!u || remember_touched(b, g) < 0)
        return -ENOMEM;
    u->state = g->state;
    g->touched = b->engine->serial;
    g->quotes = NULL;
    link_entry(b, &u->undo);
    return 0;
}

int group_add(struct alert_batch *b, struct alert_group *g, int64_t minute, struct window_part p)
{
    struct undo_window *u = entry(b, sizeof *u, UNDO_WINDOW, g);
    if (!u)
        return -ENOMEM;
    int rc = window_add(&g->window, minute, p);
    if (rc < 0)
        return rc;
    u->minute = minute;
    u->part = (struct window_part){-p.n, -p.net};
    link_entry(b, &u->undo);
    return 0;
}

int group_take(struct alert_batch *b, struct live_rule *lr, struct span key,
               struct alert_group **ret)
{
    struct alert_group *g = NULL;
    bool is_new = false;
    struct undo *u = entry(b, sizeof *u, UNDO_GROUP, NULL);
    if (!u)
        return -ENOMEM;
    int rc = group_get(b->engine, lr, key, b->now, &g, &is_new);
    if (rc < 0)
        return rc;
    if (is_new) {
        u->group = g;
        link_entry(b, u);
    }
    rc = group_touch(b, g);
    if (rc == 0)
        *ret = g;
    return rc;
}

/* The order of rules has no meaning. */
static void rule_remove(struct alert_engine *e, struct live_rule *lr)
{
    for (size_t i = 0; i < e->n_rules; i++) {
        if (e->rules[i] == lr)
            e->rules[i] = e->rules[--e->n_rules];
    }
}

static void swap(struct alert_engine *e, struct live_rule *out, struct live_rule *in)
{
    if (out) {
        rule_remove(e, out);
        rule_unschedule(e, out);
        out->gone = true;
    }
    if (in) {
        in->gone = false;
        e->rules[e->n_rules++] = in;
        rule_schedule(e, in);
    }
}

int rule_replace(struct alert_batch *b, struct live_rule *was, struct live_rule *is)
{
    struct undo_rule *u = entry(b, sizeof *u, UNDO_RULE, NULL);
    if (!u)
        return -ENOMEM;
    u->was = was;
    u->is = is;
    swap(b->engine, was, is);
    link_entry(b, &u->undo);
    return 0;
}

static void restore(struct alert_engine *e, struct alert_group *g, const struct group_state *s)
{
    if (g->state.firing != s->firing) {
        g->rule->n_firing += s->firing ? 1 : (size_t)-1;
        e->n_firing += s->firing ? 1 : (size_t)-1;
    }
    g->state = *s;
    g->touched = 0;
    g->quotes = NULL;
    if (!g->rule->gone)
        group_schedule(e, g, s->due);
}

static void undo_one(struct alert_batch *b, struct undo *u)
{
    struct alert_engine *e = b->engine;
    switch (u->kind) {
    case UNDO_WINDOW:
        window_add(&u->group->window, ((struct undo_window *)u)->minute,
                   ((struct undo_window *)u)->part);
        break;
    case UNDO_STATE:
        restore(e, u->group, &((struct undo_state *)u)->state);
        break;
    case UNDO_GROUP:
        group_remove(e, u->group);
        break;
    case UNDO_RULE:
        swap(e, ((struct undo_rule *)u)->is, ((struct undo_rule *)u)->was);
        break;
    }
}

/* Newest first: so a rule the batch made holds no group any more that an older entry names. */
void journal_undo(struct alert_batch *b)
{
    struct live_rule *made = NULL;
    for (struct undo *u = b->undo; u; u = u->prev) {
        undo_one(b, u);
        made = u->kind == UNDO_RULE ? ((struct undo_rule *)u)->is : NULL;
        live_rule_free(b->engine, made);
    }
    b->undo = NULL;
}

/* Nobody would miss it: a new one begins the same. */
static bool is_empty(const struct alert_group *g)
{
    return g->window.n == 0 && !g->state.firing && g->state.keep == NO_TIME &&
           (g->rule->rule->each || g->rule->rule->n_group_by > 0);
}

void journal_keep(struct alert_batch *b)
{
    struct alert_engine *e = b->engine;
    for (size_t i = 0; i < b->n_touched; i++) {
        struct alert_group *g = b->touched[i];
        window_prune(&g->window, rule_horizon(e, g->rule, b->now));
        g->touched = 0;
        g->quotes = NULL;
        if (!g->rule->gone && is_empty(g))
            group_remove(e, g);
    }
    for (struct undo *u = b->undo; u; u = u->prev) {
        if (u->kind == UNDO_RULE)
            live_rule_free(e, ((struct undo_rule *)u)->was);
    }
    b->undo = NULL;
}
