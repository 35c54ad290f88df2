#include "daemon/collect/mail.h"

#include <xxhash.h>

#include "base/err.h"
#include "base/time.h"
#include "base/utf8.h"
#include "daemon/format/reply.h"

/* --- identity --- */

static struct span hashed(struct arena *a, XXH128_hash_t h)
{
    return arena_printf(a, "mail-%016llx%016llx", (unsigned long long)h.high64,
                        (unsigned long long)h.low64);
}

/* An id as it is, or in short. */
static struct span fit(struct arena *a, struct span id, size_t max)
{
    return id.n <= max ? id : hashed(a, XXH3_128bits(id.p, id.n));
}

/* Of what stays the same however often the mail is read, and by whatever server. */
static struct span made_id(struct arena *a, const struct mime_mail *m)
{
    const struct span parts[] = {m->email, m->name, m->subject, m->text};
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return SPAN_NONE;
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, &m->date, sizeof m->date);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        XXH3_128bits_update(state, &parts[i].n, sizeof parts[i].n);
        XXH3_128bits_update(state, parts[i].p ? parts[i].p : "", parts[i].n);
    }
    struct span id = hashed(a, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    return id;
}

static struct span known(const struct mail_rules *r, struct arena *a, struct span id)
{
    return id.p && r->conversation_of ? r->conversation_of(r->ctx, fit(a, id, r->max_id))
                                      : SPAN_NONE;
}

static struct span conversation(const struct mime_mail *m, const struct mail_rules *r,
                                struct arena *a, struct span own)
{
    struct span found = known(r, a, m->root);
    if (!found.p)
        found = known(r, a, m->parent);
    if (found.p)
        return found;
    struct span id = m->root.p ? m->root : m->parent;
    return id.p ? fit(a, id, r->max_id) : own;
}

/* --- fields --- */

static int set(json_t *o, const char *key, struct span s)
{
    if (!s.p)
        return 0;
    return json_object_set_new(o, key, json_stringn(s.p, s.n)) < 0 ? -ENOMEM : 0;
}

static int set_time(json_t *o, const char *key, int64_t ms)
{
    char text[TIME_RFC3339_MAX];
    if (ms == NO_TIME)
        return 0;
    return set(o, key, span_of(text, time_format_rfc3339(ms, 0, text)));
}

/* A sender's clock may be wrong; that of the server is ahead of it at most by the way. */
static int64_t created(const struct mime_mail *m, int64_t arrived)
{
    if (arrived == NO_TIME)
        return m->date > 0 ? m->date : NO_TIME;
    return m->date > 0 && m->date <= arrived ? m->date : arrived;
}

static int own_text(const struct mime_mail *m, size_t max, struct arena *a, struct span *ret)
{
    struct buf b;
    buf_init(&b, m->text.n + 16);
    int rc = reply_text(m->text, &b);
    struct span text = buf_span(&b);
    if (text.n == 0 && !m->parent.p)
        text = span_trim(m->text);
    if (text.n == 0 && !m->parent.p)
        text = m->subject;
    text = span_trim(utf8_cut(text, max));
    if (rc == 0 && text.n > 0) {
        *ret = arena_dup(a, text);
        rc = ret->p ? 0 : -ENOMEM;
    }
    buf_done(&b);
    return rc;
}

static int set_customer(json_t *o, const struct mime_mail *m)
{
    json_t *c = json_object();
    int rc = c ? set(c, "email", m->email) : -ENOMEM;
    if (rc == 0)
        rc = set(c, "name", m->name);
    if (rc < 0)
        json_decref(c);
    else if (json_object_set_new(o, "customer", c) < 0)
        rc = -ENOMEM;
    return rc;
}

static int set_tag(json_t *o, enum mime_sender sender)
{
    json_t *tags = json_pack("[s]", sender == MIME_REPORT ? "report" : "automatic");
    return json_object_set_new(o, "tags", tags) < 0 ? -ENOMEM : 0;
}

static int fill(json_t *o, const struct mime_mail *m, int64_t arrived, const struct mail_rules *r,
                struct arena *a, struct span text)
{
    struct span id = m->id.p ? fit(a, m->id, r->max_id) : made_id(a, m);
    int rc = id.p ? set(o, "source", r->source) : -ENOMEM;
    rc = rc < 0 ? rc : set(o, "external_id", id);
    rc = rc < 0 ? rc : set(o, "conversation", conversation(m, r, a, id));
    rc = rc < 0 ? rc : set(o, "kind", SPAN_LIT("ticket"));
    rc = rc < 0 ? rc : set(o, "channel", SPAN_LIT("email"));
    rc = rc < 0 ? rc : set_time(o, "created_at", created(m, arrived));
    rc = rc < 0 ? rc : set(o, "title", m->subject);
    rc = rc < 0 ? rc : set(o, "text", text);
    if (rc == 0 && m->email.p)
        rc = set_customer(o, m);
    if (rc == 0 && m->sender != MIME_PERSON)
        rc = set_tag(o, m->sender);
    return rc;
}

int mail_record(struct span bytes, int64_t arrived, const struct mail_rules *rules, struct arena *a,
                json_t **ret, struct reject *why)
{
    struct mime_mail m;
    struct span text = SPAN_NONE;
    int rc = mime_read(bytes, a, &m, why);
    if (rc < 0)
        return rc;
    if (m.sender != MIME_PERSON && !rules->keep_automatic) {
        *ret = NULL;
        return 0;
    }
    rc = own_text(&m, rules->max_text, a, &text);
    if (rc < 0)
        return rc;
    if (!text.p)
        return reject(why, REJECT_NOTHING_TO_READ, "the mail has no text of its own");
    json_t *o = json_object();
    rc = o ? fill(o, &m, arrived, rules, a, text) : -ENOMEM;
    if (rc < 0)
        json_decref(o);
    else
        *ret = o;
    return rc;
}
