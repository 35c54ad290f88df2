#include "daemon/collect/tally.h"

#include <stdlib.h>

#include "base/err.h"

struct tally {
    struct arena arena;
    struct tally_counts *first;
};

int tally_new(struct tally **ret_tally)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    arena_init(&t->arena, 0);
    *ret_tally = t;
    return 0;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    arena_done(&t->arena);
    free(t);
}

static struct tally_counts *find(const struct tally *t, struct span workspace, struct span source)
{
    struct tally_counts *c = t ? t->first : NULL;
    while (c && !(span_eq(c->source, source) && span_eq(c->workspace, workspace)))
        c = c->next;
    return c;
}

const struct tally_counts *tally_find(const struct tally *t, struct span workspace,
                                      struct span source)
{
    return find(t, workspace, source);
}

const struct tally_counts *tally_first(const struct tally *t)
{
    return t ? t->first : NULL;
}

static struct tally_counts *add(struct tally *t, struct span workspace, struct span source)
{
    struct tally_counts *c = arena_zalloc(&t->arena, sizeof *c);
    if (!c)
        return NULL;
    c->workspace = arena_dup(&t->arena, workspace);
    c->source = arena_dup(&t->arena, source);
    if (!c->workspace.p || !c->source.p)
        return NULL;
    c->next = t->first;
    t->first = c;
    return c;
}

void tally_note(struct tally *t, struct span workspace, struct span source, const struct intake *in)
{
    struct tally_counts *c = find(t, workspace, source);
    if (!c && t)
        c = add(t, workspace, source);
    if (!c)
        return;
    for (size_t i = 0; i < in->n; i++)
        c->items[in->items[i].outcome]++;
    c->letters += in->n_kept_letters;
}

void tally_print(const uint64_t items[OUTCOME_REJECTED + 1], uint64_t letters, struct json_out *j)
{
    static const char *const names[] = {"accepted", "updated", "duplicates", "rejected"};
    json_open(j, "records", '{');
    for (unsigned o = 0; o <= OUTCOME_REJECTED; o++)
        json_int(j, names[o], (int64_t)items[o]);
    json_close(j, '}');
    json_int(j, "dead_letters", (int64_t)letters);
}
