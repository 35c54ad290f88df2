#include "daemon/core/config_impl.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/format/jsonpath.h"

/* Where a value was given; where its section begins when it was not. */
static const struct config_place *place(const struct config_scope *s, const char *path)
{
    const struct config_place *p = &s->given[config_row_find(span_str(path)) - config_rows];
    return p->source ? p : &s->self;
}

static bool is_loopback(struct span address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address.p, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address.p, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static void check_http(struct config_reader *r)
{
    const struct config *c = &r->snapshot->c;
    bool certificate = c->http.tls_certificate.p, key = c->http.tls_key.p;
    if (certificate != key)
        config_problem(r, place(r->root, certificate ? "http.tls_certificate" : "http.tls_key"),
                       "http.%s needs http.%s beside it",
                       certificate ? "tls_certificate" : "tls_key",
                       certificate ? "tls_key" : "tls_certificate");
    if (c->http.address.p && !is_loopback(c->http.address) && !certificate && !key)
        config_problem(r, place(r->root, "http.address"),
                       "http.address: %s can be reached from outside, which needs TLS: give "
                       "http.tls_certificate and http.tls_key, or listen on 127.0.0.1",
                       c->http.address.p);
}

static void check_sizes(struct config_reader *r)
{
    const struct config *c = &r->snapshot->c;
    if (c->intake.batch_bytes > c->intake.queue_bytes)
        config_problem(r, place(r->root, "intake.batch_bytes"),
                       "intake.batch_bytes is more than intake.queue_bytes (%zu)",
                       c->intake.queue_bytes);
    if (c->http.max_body > c->intake.queue_bytes)
        config_problem(r, place(r->root, "http.max_body"),
                       "http.max_body is more than intake.queue_bytes (%zu): such a body could "
                       "never be taken",
                       c->intake.queue_bytes);
    if (c->intake.max_text > c->http.max_body)
        config_problem(r, place(r->root, "intake.max_text"),
                       "intake.max_text is more than http.max_body (%zu)", c->http.max_body);
}

/* Standard Webhooks keys: base64 after an optional whsec_. */
static bool is_key(struct span s)
{
    struct span prefix = SPAN_LIT("whsec_");
    if (span_starts(s, prefix))
        s = span_of(s.p + prefix.n, s.n - prefix.n);
    size_t pad = 0;
    while (pad < 2 && s.n > 0 && s.p[s.n - 1] == '=') {
        s.n--;
        pad++;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return s.n >= 16 && (s.n + pad) % 4 == 0;
}

/* Names of headers are looked for in lower case. */
static const char *header_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'A' && s.p[i] <= 'Z')
            ((char *)s.p)[i] = (char)(s.p[i] + 32); /* the snapshot's own copy */
    return s.p;
}

/* Templates may name headers in any case. */
static const char *lower_holes(struct span s)
{
    bool hole = false;
    for (size_t i = 0; i < s.n; i++) {
        hole = s.p[i] == '{' || (hole && s.p[i] != '}');
        if (hole && s.p[i] >= 'A' && s.p[i] <= 'Z')
            ((char *)s.p)[i] = (char)(s.p[i] + 32);
    }
    return s.p;
}

static int own_signature(struct config_reader *r, const struct config_scope *s,
                         struct config_hook *h)
{
    struct signature_scheme *own = arena_zalloc(&r->snapshot->arena, sizeof *own);
    char why[CONFIG_WHY];
    if (!own)
        return -ENOMEM;
    *own = (struct signature_scheme){
        .name = "custom",
        .header = header_name(h->own.header),
        .prefix = h->own.prefix.p ? h->own.prefix.p : "",
        .split = h->own.split.p ? h->own.split.p[0] : '\0',
        .digest = (enum signature_digest)h->own.digest,
        .encoding = (enum signature_encoding)h->own.encoding,
        .key_strip = h->own.key_prefix.p,
        .key_text = lower_holes(h->own.key),
        .signed_text = lower_holes(h->own.text),
        .time_header = header_name(h->own.time_header),
        .time_field = h->own.time_field.p,
        .time = (enum signature_time)h->own.time,
    };
    h->signature = own;
    if (h->scheme == HOOK_CUSTOM && signature_check(own, why, sizeof why) < 0)
        config_problem(r, &s->self, "signature: %s", why);
    else if (h->scheme == HOOK_HEADER && !own->header)
        config_problem(r, &s->self, "scheme header needs signature.header");
    return 0;
}

/* A condition as the configuration has it, or NULL. */
static const struct expr *read_condition(struct config_reader *r, const struct config_scope *s,
                                         struct span text, const char *row, const char *name)
{
    struct expr *when = NULL;
    const char *why = "";
    size_t column = 0;
    if (text.p && expr_read(text, &r->snapshot->arena, &when, &column, &why) < 0)
        config_problem(r, place(s, row), "%s: goes wrong at its column %zu: %s", name, column, why);
    return when;
}

static void read_conditions(struct config_reader *r, const struct config_scope *s,
                            struct config_hook *h)
{
    size_t column = 0;
    if (!h->handshake_when.p != !h->handshake_reply.p)
        config_problem(r, &s->self, "handshake needs both when and reply");
    if (h->handshake_reply.p && !span_starts(h->handshake_reply, SPAN_LIT("{h:")) &&
        jsonpath_check(h->handshake_reply, &column) < 0)
        config_problem(r, place(s, "workspaces[].hooks[].handshake.reply"),
                       "handshake.reply: neither a path nor {h:NAME}");
    h->handshake = read_condition(r, s, h->handshake_when, "workspaces[].hooks[].handshake.when",
                                  "handshake.when");
    h->filter = read_condition(r, s, h->filter_when, "workspaces[].hooks[].filter", "filter");
    h->deleted = read_condition(r, s, h->deleted_when, "workspaces[].hooks[].deleted", "deleted");
    lower_holes(h->handshake_reply);
    if (h->dedupe.p && h->dedupe.p[0] != '$')
        header_name(h->dedupe);
    else if (h->dedupe.p && jsonpath_check(h->dedupe, &column) < 0)
        config_problem(r, place(s, "workspaces[].hooks[].dedupe"),
                       "dedupe: the path goes wrong at column %zu", column);
}

/* "a,b,c"[i] */
static struct span word_at(const char *names, int i)
{
    struct span rest = span_str(names);
    for (; i > 0; i--) {
        size_t end = span_find_char(rest, ',');
        rest = span_of(rest.p + end + 1, rest.n - end - 1);
    }
    return span_of(rest.p, span_find_char(rest, ','));
}

void config_check_hook_shape(struct config_reader *r, const struct config_scope *s)
{
    struct config_hook *h = s->base;
    size_t column;
    if (h->scheme >= HOOK_NAMED)
        h->signature = signature_find(word_at(SIGNATURE_SCHEMES, (int)h->scheme - HOOK_NAMED));
    else if (h->scheme >= HOOK_HEADER && own_signature(r, s, h) < 0)
        config_problem(r, &s->self, "no memory");
    read_conditions(r, s, h);
    if (h->records.p && jsonpath_check(h->records, &column) < 0)
        config_problem(r, place(s, "workspaces[].hooks[].records"),
                       "records: the path goes wrong at column %zu", column);
}

static void check_hook(struct config_reader *r, const struct config_scope *s)
{
    const struct config_hook *h = s->base;
    config_check_hook_shape(r, s);
    bool standard = h->scheme >= HOOK_NAMED && h->signature->key_strip;
    if (h->scheme != HOOK_NONE && h->n_secrets == 0)
        config_problem(r, &s->self, "hook %.*s needs secret_file or secret_env for its scheme",
                       SPAN_FMT(h->source));
    if (h->scheme == HOOK_NONE && h->n_secrets > 0)
        config_problem(r, place(s, "workspaces[].hooks[].secret"),
                       "a secret is of no use with scheme none");
    for (size_t i = 0; standard && i < h->n_secrets; i++)
        if (!is_key(h->secrets[i]))
            config_problem(r, place(s, "workspaces[].hooks[].secret"),
                           "secret %zu is not whsec_ and base64", i + 1);
}

static void check_receiver(struct config_reader *r, const struct config_scope *s)
{
    const struct config_receiver *v = s->base;
    if (v->secret.p && v->type != RECEIVER_WEBHOOK)
        config_problem(r, place(s, "workspaces[].receivers[].secret"),
                       "a secret is of use with type webhook only");
    else if (v->secret.p && !is_key(v->secret))
        config_problem(r, place(s, "workspaces[].receivers[].secret"),
                       "the secret is not whsec_ and base64");
}

/* What is wrong with a connector's values shows when its file is read: sources.c names the place.
 */
static void note_place(struct config_reader *r, const struct config_scope *s)
{
    struct config_source *c = s->base;
    c->place = arena_printf(&r->snapshot->arena, "%.*s:%u:%u", SPAN_FMT(s->self.source->file),
                            s->self.at.line, s->self.at.column);
}

void config_check_element(struct config_reader *r, const struct config_row *list,
                          const struct config_scope *s)
{
    if (span_is(span_str(list->path), "workspaces[].hooks"))
        check_hook(r, s);
    else if (span_is(span_str(list->path), "workspaces[].receivers"))
        check_receiver(r, s);
    else if (span_is(span_str(list->path), "workspaces[].sources"))
        note_place(r, s);
}

static bool is_date(struct span s)
{
    int64_t ms;
    char text[TIME_RFC3339_MAX];
    int n = s.n == 10 ? snprintf(text, sizeof text, "%.*sT00:00:00Z", SPAN_FMT(s)) : 0;
    return n > 0 && time_parse_rfc3339(span_of(text, (size_t)n), &ms) == 0;
}

static void check_days_off(struct config_reader *r)
{
    for (size_t i = 0; i < r->n_workspaces; i++) {
        const struct config_workspace *w = r->workspaces[i]->base;
        for (size_t k = 0; k < w->n_days_off; k++)
            if (!is_date(w->days_off[k]))
                config_problem(r, place(r->workspaces[i], "workspaces[].days_off"),
                               "days_off: \"%.*s\" is no date like 2026-12-25",
                               SPAN_FMT(w->days_off[k]));
    }
}

void config_check(struct config_reader *r)
{
    check_http(r);
    check_sizes(r);
    check_days_off(r);
}
