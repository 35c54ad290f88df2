/* One poll of a mailbox (mailbox.h) in a session of its own: its numbers, then windows of UIDs,
 * then mail by mail into an intake, which is committed with the position every MAIL_BATCH mails. A
 * session that breaks off is followed by another that goes on where the first was.
 *
 * A mail that the server will not give, while it answers otherwise, would hold up all behind it:
 * after MAIL_TRIES it becomes a dead letter. */
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/utf8.h"
#include "daemon/collect/letter.h"
#include "daemon/collect/mail.h"
#include "daemon/collect/mailbox.h"
#include "daemon/collect/poll_impl.h"
#include "daemon/core/log.h"

enum {
    WHY = 200,
    MAIL_BATCH = 50,
    MAIL_BATCH_BYTES = 4 << 20,
    MAIL_REFUSALS = 3,
    MAIL_WORDS = 120,   /* of what a server says */
    LETTER_MAX = 65536, /* of a mail kept as a dead letter */
    SHOWN = 10,         /* mails of a preview, the newest */
    SHOWN_BACK = 200,   /* among the last UIDs */
};

enum mail_step { MAIL_CONNECT, MAIL_EXAMINE, MAIL_UIDS, MAIL_MESSAGE };

struct poll_mail {
    enum mail_step step;
    struct mailbox_position at; /* after the mails taken so far */
    struct mailbox_status box;  /* as this poll found it */
    uint64_t of;
    uint32_t window, from, to;
    uint32_t uids[MAILBOX_MAX_UIDS];
    size_t n_uids, next;
    size_t batch, batch_bytes;
    bool keep_automatic;
    /* Over polls: */
    uint32_t refused; /* UID */
    unsigned refusals;
};

/* --- asking --- */

static uint64_t print_of(const struct request_mailbox *q)
{
    const struct span parts[] = {q->request.url, q->request.user, q->name};
    uint64_t h = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        h = XXH3_64bits_withSeed(parts[i].p, parts[i].n, h);
    return h;
}

/* The command of the step; empty to connect, absent without memory. */
static struct span command_of(struct poll *s, struct span name)
{
    struct poll_mail *m = s->mail;
    struct arena *a = &s->page_arena;
    size_t most = s->source->connector->mailbox.max_message;
    switch (m->step) {
    case MAIL_EXAMINE:
        return mailbox_ask_examine(name, a);
    case MAIL_UIDS:
        return mailbox_ask_uids(&m->at, m->from, m->to, a);
    case MAIL_MESSAGE:
        return mailbox_ask_message(m->uids[m->next], most, a);
    default:
        return SPAN_LIT("");
    }
}

static int make(struct poll *s, struct request_mailbox *q, bool masked, char why[WHY])
{
    struct request_env env = poll_env(s);
    arena_reset(&s->page_arena);
    env.masked = masked;
    int rc = request_mailbox(&env, &s->page_arena, q, why, WHY);
    if (rc == -ENOMEM)
        snprintf(why, WHY, "no memory");
    if (rc < 0)
        return rc;
    s->mail->of = print_of(q);
    s->mail->keep_automatic = q->keep_automatic;
    return 0;
}

static void on_answer(void *ctx, const struct fetch_response *r);

void poll_mail_ask(struct poll *s)
{
    struct request_mailbox q = {0};
    char why[WHY];
    if (poll_settle(s))
        return;
    if (!s->job)
        s->mail->step = MAIL_CONNECT;
    if (s->mail->step == MAIL_CONNECT && !poll_has_token(s)) /* a session outlives its token */
        return;
    if (!poll_may_ask(s, poll_mail_ask))
        return;
    if (make(s, &q, false, why) < 0) {
        poll_fail(s, ERROR_REQUEST, -1, why);
        return;
    }
    struct span command = command_of(s, q.name);
    if (s->mail->step == MAIL_CONNECT)
        poll_send(s, &q.request, on_answer, poll_mail_ask);
    else if (!command.p || fetch_imap_command(s->job, command, on_answer, s) < 0)
        poll_fail(s, ERROR_REQUEST, -1, "the command can not be made: too long");
}

static void ask_for(struct poll *s, enum mail_step step)
{
    s->mail->step = step;
    poll_mail_ask(s);
}

void poll_mail(struct poll *s)
{
    if (!s->mail)
        s->mail = calloc(1, sizeof *s->mail);
    if (!s->mail) {
        poll_fail(s, ERROR_REQUEST, -1, "no memory");
        return;
    }
    *s->mail = (struct poll_mail){
        .window = MAILBOX_WINDOW, .refused = s->mail->refused, .refusals = s->mail->refusals};
    int rc = poll_document(s);
    rc = rc < 0 ? rc : mailbox_parse(buf_span(&s->document), &s->mail->at);
    if (rc == -ENOENT || rc == -EINVAL)
        s->mail->at = (struct mailbox_position){.start = poll_history(s)};
    if (rc < 0 && rc != -ENOENT && rc != -EINVAL)
        poll_fail(s, ERROR_COMMIT, -1, "where it was can not be read");
    else
        ask_for(s, MAIL_CONNECT);
}

/* --- to disk --- */

/* The next window, if there is one. */
static bool look_on(struct poll_mail *m)
{
    return mailbox_next(&m->at, &m->box, m->window, &m->from, &m->to);
}

static void go_on(struct poll *s)
{
    struct poll_mail *m = s->mail;
    if (m->next < m->n_uids)
        ask_for(s, MAIL_MESSAGE);
    else if (look_on(m))
        ask_for(s, MAIL_UIDS);
    else
        poll_next_walk(s);
}

static void committed(struct intake *in)
{
    struct poll *s = in->user;
    int rc = poll_count(s);
    rc = rc < 0 ? rc : poll_document(s);
    poll_forget_page(s);
    if (s->poller->stopping)
        return;
    if (rc < 0)
        poll_fail(s, ERROR_COMMIT, -1, err_text(rc));
    else
        go_on(s);
}

static int begin_intake(struct poll *s)
{
    if (!s->intake)
        s->intake = intake_new(s->ws, INTAKE_FEEDBACK);
    if (!s->intake)
        return -ENOMEM;
    s->intake->done = committed;
    s->intake->user = s;
    return 0;
}

static int note_position(struct poll *s)
{
    struct buf text;
    buf_init(&text, MAILBOX_MAX_DOC);
    int rc = mailbox_print(&s->mail->at, &text);
    bool same = span_eq(buf_span(&text), buf_span(&s->document));
    struct intake_letter *cursor = &s->intake->cursor;
    if (rc == 0 && !same) {
        cursor->key = poll_key(s, &s->intake->arena);
        cursor->value = arena_dup(&s->intake->arena, buf_span(&text));
        rc = cursor->key.p && cursor->value.p ? 0 : -ENOMEM;
    }
    buf_done(&text);
    return rc;
}

static void commit(struct poll *s)
{
    struct poll_mail *m = s->mail;
    m->batch = m->batch_bytes = 0;
    if (begin_intake(s) < 0 || note_position(s) < 0) {
        poll_fail(s, ERROR_BODY, -1, "no memory for the records");
        return;
    }
    s->counts.pages++;
    if (intake_has_work(s->intake)) {
        poll_submit(s);
    } else {
        poll_forget_page(s);
        go_on(s);
    }
}

/* --- a mail --- */

/* Among those of this batch, which the store does not have yet. */
static struct span in_batch(const struct intake *in, struct span id)
{
    for (size_t i = 0; in && i < in->n; i++)
        if (in->items[i].taken && span_eq(in->items[i].in.feedback->external_id, id))
            return in->items[i].in.feedback->conversation;
    return SPAN_NONE;
}

/* What a mail is made a record for: its poll, or a dead letter tried again. */
struct mapping {
    const struct poll *poll;
    const struct intake *intake;
    struct arena *arena;
};

static struct span conversation_of(void *ctx, struct span id)
{
    const struct mapping *m = ctx;
    const struct poll *s = m->poll;
    struct store_view *view = NULL;
    struct stored *kept = arena_zalloc(m->arena, sizeof *kept);
    struct span found = in_batch(m->intake, id);
    if (found.p || !kept)
        return found;
    if (store_view_begin(s->ws->store, &view) == 0 &&
        store_find_feedback(view, s->source->config->source, id, m->arena, kept) == 0)
        found = kept->feedback.conversation;
    store_view_end(view);
    return found;
}

static int map_for(struct mapping *for_, bool keep_automatic, const struct mailbox_message *m,
                   json_t **ret, struct reject *why)
{
    const struct config *cfg = for_->poll->poller->app->config;
    struct mail_rules rules = {.source = for_->poll->source->config->source,
                               .max_text = cfg->intake.max_text,
                               .max_id = cfg->intake.max_id,
                               .keep_automatic = keep_automatic,
                               .conversation_of = conversation_of,
                               .ctx = for_};
    return mail_record(m->bytes, m->arrived, &rules, for_->arena, ret, why);
}

static int map(struct poll *s, const struct mailbox_message *m, json_t **ret, struct reject *why)
{
    struct mapping mapping = {s, s->intake, &s->page_arena};
    return map_for(&mapping, s->mail->keep_automatic, m, ret, why);
}

int poll_mail_again(struct poll *s, struct span bytes, int64_t arrived, struct intake *in,
                    const struct item_rules *rules, struct reject *why)
{
    struct mapping mapping = {s, in, &in->arena};
    struct mailbox_message m = {.bytes = bytes, .arrived = arrived, .size = bytes.n};
    struct request_env env = poll_env(s);
    struct request_mailbox q = {0};
    char problem[WHY];
    json_t *record = NULL;
    env.masked = true; /* only what becomes of mails of programs is asked of it */
    int rc = request_mailbox(&env, &in->arena, &q, problem, sizeof problem);
    if (rc == 0)
        rc = map_for(&mapping, q.keep_automatic, &m, &record, why);
    else if (rc != -ENOMEM)
        rc = reject(why, REJECT_UNREADABLE_MAIL, "%s", problem);
    if (rc == 0 && record)
        rc = item_try(in, record, rules, why);
    json_decref(record);
    return rc;
}

static int add_letter(struct poll *s, struct span payload, const struct reject *why)
{
    struct letter letter = {.source = s->source->config->source,
                            .stream = poll_stream(s)->name,
                            .why = why,
                            .payload =
                                span_of(payload.p, payload.n < LETTER_MAX ? payload.n : LETTER_MAX),
                            .once = true};
    return letter_add(s->intake, &letter, poll_wall(s), s->poller->app->rng);
}

static int keep(struct poll *s, const struct mailbox_message *m)
{
    struct item_rules rules = item_rules(s->poller->app);
    struct reject why;
    json_t *record = NULL;
    int rc = map(s, m, &record, &why);
    if (rc == 0 && record)
        rc = item_try(s->intake, record, &rules, &why);
    json_decref(record);
    return rc == -EINVAL ? add_letter(s, m->bytes, &why) : rc;
}

/* For the preview: what keep() would do. */
static int show(struct poll *s, const struct mailbox_message *m)
{
    struct item_rules rules = item_rules(s->poller->app);
    struct reject why = {.code = "ok"};
    json_t *record = NULL, *shown;
    int rc = map(s, m, &record, &why);
    if (rc == 0 && record)
        rc = item_try(s->intake, record, &rules, &why);
    else if (rc == 0)
        why.code = "automatic";
    if (rc < 0 && rc != -EINVAL) {
        json_decref(record);
        return rc;
    }
    shown = json_pack("{s:o?, s:s, s:s*}", "record", record, "code", why.code, "detail",
                      rc == -EINVAL ? why.detail : NULL);
    if (!s->page.records)
        s->page.records = json_array();
    return json_array_append_new(s->page.records, shown) < 0 ? -ENOMEM : 0;
}

static void end_preview(struct poll *s)
{
    struct request_mailbox q = {0};
    char why[WHY];
    bool made = make(s, &q, true, why) == 0;
    struct span command =
        made ? mailbox_ask_uids(&s->mail->at, s->mail->from, s->mail->to, &s->page_arena)
             : SPAN_NONE;
    if (!s->page.records)
        s->page.records = json_array();
    preview_mailbox(s, made ? q.request.url : SPAN_NONE, command, s->mail->n_uids);
}

/* The mail at hand is dealt with. */
static void next_mail(struct poll *s)
{
    struct poll_mail *m = s->mail;
    s->attempt = 0;
    m->at.uid = m->uids[m->next++];
    m->batch++;
    if (m->next == m->n_uids)
        m->at.uid = m->to;
    if (s->preview && m->next == m->n_uids)
        end_preview(s);
    else if (!s->preview &&
             (m->next == m->n_uids || m->batch >= MAIL_BATCH || m->batch_bytes >= MAIL_BATCH_BYTES))
        commit(s);
    else
        poll_mail_ask(s);
}

static void refuse(struct poll *s, const char *what)
{
    struct reject why;
    uint32_t uid = s->mail->uids[s->mail->next];
    char payload[64];
    reject(&why, REJECT_UNREADABLE_MAIL, "UID %u can not be fetched: %s", uid, what);
    int n = snprintf(payload, sizeof payload, "UIDVALIDITY %u UID %u", s->mail->box.validity, uid);
    int rc = begin_intake(s);
    rc = rc < 0 ? rc : add_letter(s, span_of(payload, (size_t)n), &why);
    if (rc < 0)
        poll_fail(s, ERROR_BODY, -1, "no memory for the records");
    else
        next_mail(s);
}

static int take_message(struct poll *s, struct span answer, struct upstream_verdict *v)
{
    struct poll_mail *m = s->mail;
    struct mailbox_message found;
    uint32_t uid = m->uids[m->next];
    int rc = mailbox_message(answer, uid, &found);
    if (rc == -EPROTO)
        snprintf(v->why, sizeof v->why, "the answer to UID FETCH can not be read");
    bool early = rc == 0 && uid < m->at.history && found.arrived != NO_TIME &&
                 found.arrived < m->at.start && !s->preview;
    if (rc == 0 && !early) {
        rc = begin_intake(s);
        rc = rc < 0 ? rc : s->preview ? show(s, &found) : keep(s, &found);
        m->batch_bytes += found.bytes.n;
    }
    if (rc == 0 || rc == -ENOENT) /* deleted meanwhile */
        next_mail(s);
    return rc == -ENOENT ? 0 : rc;
}

/* --- what there is --- */

static void meet(struct poll *s)
{
    struct poll_mail *m = s->mail;
    uint32_t before = m->at.validity;
    if (!mailbox_meet(&m->at, m->of, &m->box))
        return;
    m->n_uids = m->next = 0;
    if (before && !s->preview)
        log_info(LOG_COLLECT, "the mailbox numbers its mails anew and is read again",
                 "workspace=%.*s source=%.*s", SPAN_FMT(s->ws->id),
                 SPAN_FMT(s->source->config->source));
}

/* Also in the middle of a poll, when the session before broke off. */
static int take_examine(struct poll *s, struct span answer, struct upstream_verdict *v)
{
    struct poll_mail *m = s->mail;
    if (mailbox_status(answer, &m->box) < 0) {
        snprintf(v->why, sizeof v->why, "the answer to EXAMINE can not be read");
        return -EPROTO;
    }
    meet(s);
    if (s->preview) {
        uint32_t last = m->box.next - 1;
        m->at = (struct mailbox_position){.uid = last > SHOWN_BACK ? last - SHOWN_BACK : 0};
        m->window = SHOWN_BACK;
    }
    if (m->next < m->n_uids)
        ask_for(s, MAIL_MESSAGE);
    else if (look_on(m))
        ask_for(s, MAIL_UIDS);
    else if (s->preview)
        end_preview(s);
    else
        commit(s);
    return 0;
}

static int take_uids(struct poll *s, struct span answer, struct upstream_verdict *v)
{
    struct poll_mail *m = s->mail;
    int rc = mailbox_uids(answer, m->from, m->to, m->uids, &m->n_uids);
    m->next = 0;
    if (rc < 0) {
        snprintf(v->why, sizeof v->why, "the answer to UID SEARCH can not be read");
        return -EPROTO;
    }
    s->attempt = 0;
    if (s->preview && m->n_uids > SHOWN)
        m->next = m->n_uids - SHOWN;
    if (m->n_uids > 0) {
        m->window = MAILBOX_WINDOW;
        ask_for(s, MAIL_MESSAGE);
        return 0;
    }
    m->at.uid = m->to;
    m->window = m->window < UINT32_MAX / 2 ? m->window * 2 : m->window;
    if (s->preview)
        end_preview(s);
    else if (look_on(m))
        poll_mail_ask(s);
    else
        commit(s);
    return 0;
}

/* --- answers --- */

static struct upstream_verdict verdict(enum upstream_what what, enum upstream_error error,
                                       const char *why)
{
    struct upstream_verdict v = {.what = what, .error = error, .wait_ms = -1};
    snprintf(v.why, sizeof v.why, "%s", why);
    return v;
}

static struct upstream_verdict judge(const struct fetch_response *r)
{
    struct span words = r->tagged;
    char why[WHY];
    switch (r->error) {
    case 0:
        break;
    case -EPERM:
    case -ENOTSUP:
        return verdict(UPSTREAM_FAIL, ERROR_AUTH, r->message);
    case -EACCES:
        return verdict(UPSTREAM_FAIL, ERROR_ADDRESS, r->message);
    case -EMSGSIZE:
        return verdict(UPSTREAM_FAIL, ERROR_TOO_LARGE, r->message);
    case -ETIMEDOUT:
        return verdict(UPSTREAM_RETRY, ERROR_TIMEOUT, r->message);
    default:
        return verdict(UPSTREAM_RETRY, ERROR_CONNECT, r->message);
    }
    if (span_starts(words, SPAN_LIT("OK")))
        return verdict(UPSTREAM_ANSWER, ERROR_NONE, "");
    words.n = utf8_valid(words);
    snprintf(why, sizeof why, "answered %.*s", SPAN_FMT(utf8_cut(words, MAIL_WORDS)));
    return verdict(UPSTREAM_RETRY, ERROR_STATUS, why);
}

/* The last try of a poll: whether it was the last of all. */
static bool give_up(struct poll *s, const struct upstream_verdict *v)
{
    struct poll_mail *m = s->mail;
    if (m->step != MAIL_MESSAGE || s->preview)
        return false;
    if (v->error == ERROR_TOO_LARGE) /* and will be */
        return true;
    if ((v->error != ERROR_STATUS && v->error != ERROR_BODY) || s->attempt + 1 < POLL_ATTEMPTS)
        return false;
    uint32_t uid = m->uids[m->next];
    m->refusals = m->refused == uid ? m->refusals + 1 : 1;
    m->refused = uid;
    return m->refusals >= MAIL_REFUSALS;
}

/* A long window may find more than an answer may hold. */
static bool narrow(struct poll_mail *m, const struct upstream_verdict *v)
{
    if (m->step != MAIL_UIDS || m->window <= MAILBOX_WINDOW ||
        (v->error != ERROR_BODY && v->error != ERROR_TOO_LARGE))
        return false;
    m->window = MAILBOX_WINDOW;
    return look_on(m);
}

static void obey(struct poll *s, const struct upstream_verdict *v)
{
    struct poll_mail *m = s->mail;
    if (narrow(m, v))
        poll_mail_ask(s);
    else if (m->step >= MAIL_UIDS && m->batch > 0 && !s->preview)
        commit(s); /* what was read before it; then once more */
    else if (give_up(s, v))
        refuse(s, v->why);
    else
        poll_obey(s, v, poll_mail_ask);
}

static int take(struct poll *s, struct span answer, struct upstream_verdict *v)
{
    switch (s->mail->step) {
    case MAIL_CONNECT:
        s->refreshed = false;
        ask_for(s, MAIL_EXAMINE);
        return 0;
    case MAIL_EXAMINE:
        return take_examine(s, answer, v);
    case MAIL_UIDS:
        return take_uids(s, answer, v);
    default:
        return take_message(s, answer, v);
    }
}

static void on_answer(void *ctx, const struct fetch_response *r)
{
    struct poll *s = ctx;
    struct upstream_verdict v = judge(r);
    int rc = 0;
    if (r->error < 0) /* the session is over */
        s->job = NULL;
    if (r->error == -ENOTSUP)
        s->refreshed = true; /* another token would not help */
    if (v.what == UPSTREAM_ANSWER) {
        v = verdict(UPSTREAM_RETRY, ERROR_BODY, "");
        rc = take(s, r->body, &v);
        if (rc == 0)
            return;
    }
    if (rc == -ENOMEM)
        poll_fail(s, ERROR_BODY, -1, "no memory for the records");
    else
        obey(s, &v);
}
