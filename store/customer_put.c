#include "base/err.h"
#include "store/customer.h"
#include "store/dict.h"
#include "store/fact.h"
#include "store/txn.h"

/* The last thing said of a key in a run of changes; NULL when nothing was. */
static const struct span *last_said(const struct change *changes, size_t n, struct span key)
{
    for (size_t i = n; i > 0; i--)
        for (size_t j = changes[i - 1].n_attributes; j > 0; j--)
            if (span_eq(changes[i - 1].attributes[j - 1].key, key))
                return &changes[i - 1].attributes[j - 1].value;
    return NULL;
}

static bool same_value(struct span a, struct span b)
{
    return (a.p == NULL) == (b.p == NULL) && span_eq(a, b);
}

/* Absent says nothing; empty removes, and what was never there need not be removed. */
static bool contact_repeats(struct span said, struct span before)
{
    return !said.p || span_eq(said, before);
}

/* Whether a run of changes, laid over one another, says all that `ch` does already. With `whole`
 * they are everything known, and an attribute nobody spoke of is as good as removed. */
static bool repeats(const struct change *changes, size_t n, const struct contact *contact,
                    bool whole, const struct change *ch)
{
    if (!contact_repeats(ch->contact.name, contact->name) ||
        !contact_repeats(ch->contact.email, contact->email) ||
        !contact_repeats(ch->contact.phone, contact->phone))
        return false;
    for (size_t i = 0; i < ch->n_attributes; i++) {
        const struct pair *p = &ch->attributes[i];
        const struct span *before = last_said(changes, n, p->key);
        if (before ? !same_value(*before, p->value) : !whole || p->value.p != NULL)
            return false;
    }
    return true;
}

/* A change without a time of its own is told about now: it says nothing new when the state now is
 * as it says. One with a time is a statement about that time, and stays true whatever is learned
 * later of the time before: it says nothing new only when it was said of that very time. */
static bool says_nothing(const struct customer *c, const struct change *ch, bool of_now)
{
    struct customer part = *c;
    size_t to = c->n_changes, from = 0;
    while (to > 0 && c->changes[to - 1].effective_at > ch->effective_at)
        to--;
    if (to == 0)
        return false;
    if (!of_now) {
        part.seen = (struct contact){0};
        for (from = to; from > 0 && c->changes[from - 1].effective_at == ch->effective_at;)
            from--;
        if (from == to)
            return false;
    }
    part.changes = c->changes + from;
    part.n_changes = to - from;
    struct contact contact = customer_contact(&part);
    return repeats(part.changes, part.n_changes, &contact, of_now, ch);
}

/* Behind all that took effect no later: equal times keep the order of arrival. */
static void insert_change(struct customer *c, const struct change *ch)
{
    size_t at = c->n_changes;
    while (at > 0 && c->changes[at - 1].effective_at > ch->effective_at)
        at--;
    memmove(&c->changes[at + 1], &c->changes[at], (c->n_changes - at) * sizeof(*ch));
    c->changes[at] = *ch;
    c->n_changes++;
}

static int load_or_make(struct store_txn *t, struct span id, struct arena *a, struct customer *ret,
                        bool *ret_made)
{
    uint32_t code;
    int r = customer_find(&t->kv, id, &code);
    *ret_made = r == -ENOENT;
    if (r == -ENOENT)
        return customer_make(t, id, a, ret);
    return r < 0 ? r : customer_load(&t->kv, code, a, ret);
}

static int apply_change(struct store_txn *t, struct customer *c, const struct contact *was,
                        struct arena *a, uint64_t *ret_restamped)
{
    const struct segment_rules *rules;
    bool changed = false;
    int r = segment_rules(t, &rules);
    if (r == 0)
        r = member_compute(rules, c, a, &changed);
    if (r == 0)
        r = customer_save(t, c);
    struct contact is = customer_contact(c);
    if (r == 0)
        r = customer_index_contact(t, c->code, was, &is);
    if (r == 0 && changed)
        r = customer_restamp(t, c, ret_restamped);
    return r;
}

static int too_much(struct store_txn *t, const struct customer_change *in)
{
    struct change ch = {.contact = {in->name, in->email, in->phone},
                        .attributes = in->attributes,
                        .n_attributes = in->n_attributes};
    struct customer alone = {.changes = &ch, .n_changes = 1};
    return customer_history_bytes(t, &alone) > CUSTOMER_BYTES_MAX ? -E2BIG : 0;
}

int store_put_customer(struct store_txn *t, const struct customer_change *in,
                       struct store_customer_put *ret)
{
    struct arena *a = &t->scratch;
    struct store_customer_put out = {0};
    struct change ch = {.effective_at = in->effective_at == NO_TIME ? t->now : in->effective_at,
                        .received_at = t->now,
                        .contact = {in->name, in->email, in->phone},
                        .attributes = in->attributes,
                        .n_attributes = in->n_attributes};
    struct customer c;
    bool made;
    if (t->kv.error)
        return t->kv.error;
    if (!in->id.n || in->id.n > CUSTOMER_ID_MAX)
        return -EINVAL;
    int r = too_much(t, in); /* before anything is made: a refusal leaves no trace */
    if (r < 0)
        return r;
    arena_reset(a);
    r = load_or_make(t, in->id, a, &c, &made);
    if (r < 0)
        return kv_fail(&t->kv, r);
    bool nothing = says_nothing(&c, &ch, in->effective_at == NO_TIME);
    out.outcome = nothing                ? OUTCOME_DUPLICATE
                  : made || !c.n_changes ? OUTCOME_ACCEPTED
                                         : OUTCOME_UPDATED;
    if (!nothing) {
        struct contact was = customer_contact(&c);
        insert_change(&c, &ch);
        if (c.n_changes > CUSTOMER_CHANGES_MAX ||
            customer_history_bytes(t, &c) > CUSTOMER_BYTES_MAX)
            return -E2BIG;
        r = apply_change(t, &c, &was, a, &out.restamped);
    }
    if (r < 0)
        return kv_fail(&t->kv, r);
    *ret = out;
    return 0;
}

static bool same_segments(const struct fact *f, const uint32_t *codes, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < f->n_terms; i++) {
        if (FACT_TERM_MULTI(f->terms[i]) != FACT_SEGMENT)
            continue;
        if (at == n || FACT_TERM_CODE(f->terms[i]) != codes[at])
            return false;
        at++;
    }
    return at == n;
}

static int restamp_record(struct store_txn *t, const struct customer *c, int64_t created_at,
                          uint64_t seq, struct arena *a, uint64_t *restamped)
{
    uint32_t codes[SEGMENTS_MAX];
    struct fact f;
    int r = fact_get(&t->kv, seq, a, &f);
    if (r < 0)
        return r == -ENOENT ? -VOC_E_CORRUPT : r;
    size_t n = member_at(c->members, c->n_members, created_at, codes);
    if (same_segments(&f, codes, n))
        return 0;
    r = fact_set_segments(&f, codes, n, a);
    if (r == 0)
        r = fact_put(t, seq, &f, false);
    *restamped += r == 0;
    return r;
}

int customer_restamp(struct store_txn *t, const struct customer *c, uint64_t *ret_restamped)
{
    struct kv_cursor at CLEANUP(kv_cursor_close);
    struct arena each;
    struct key prefix;
    int r = 0;
    arena_init(&each, 0);
    key_code(&prefix, c->code);
    kv_cursor_open(&at, &t->kv, DBI_BYCUST);
    for (bool ok = kv_seek(&at, key_span(&prefix)); ok && r == 0; ok = kv_next(&at)) {
        if (!key_has_prefix(at.key, &prefix))
            break;
        arena_reset(&each);
        r = restamp_record(t, c, key_read_i64_desc(at.key, 4), ~key_read_u64(at.key, 12), &each,
                           ret_restamped);
    }
    arena_done(&each);
    if (r == 0)
        r = at.error;
    return r < 0 ? kv_fail(&t->kv, r) : 0;
}
