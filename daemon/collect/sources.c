#include "daemon/collect/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "daemon/core/fetch.h"
#include "daemon/format/bcrypt.h"

enum { MAX_PATH = 4096, MAX_URL = 2048, MAX_KEY = 16384 };

/* --- values --- */

static bool find(const struct pair *p, size_t n, struct span name, struct span *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (span_eq(p[i].key, name)) {
            *ret = p[i].value;
            return true;
        }
    }
    return false;
}

bool source_value(const struct source *s, enum template_scope scope, struct span name,
                  struct span *ret)
{
    const struct config_source *c = s->config;
    if (scope == SCOPE_SECRET)
        return find(c->secrets, c->n_secrets, name, ret);
    if (find(c->cfg, c->n_cfg, name, ret))
        return true;
    for (size_t i = 0; i < s->connector->n_needs; i++) {
        const struct need *need = &s->connector->needs[i];
        if (need->scope == scope && span_eq(need->name, name) && need->preset.p) {
            *ret = need->preset;
            return true;
        }
    }
    return false;
}

static bool get(void *ctx, enum template_scope scope, struct span name, struct template_value *ret)
{
    return source_value(ctx, scope, name, &ret->text);
}

/* --- checking --- */

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_done(b);
}

static void problem(struct buf *messages, const struct source *s, const char *what,
                    struct span name)
{
    buf_printf(messages, "%.*s: source %.*s: %s%.*s\n", SPAN_FMT(s->config->place),
               SPAN_FMT(s->config->source), what, SPAN_FMT(name));
}

static bool is_needed(const struct connector *c, enum template_scope scope, struct span name)
{
    for (size_t i = 0; i < c->n_needs; i++)
        if (c->needs[i].scope == scope && span_eq(c->needs[i].name, name))
            return true;
    return false;
}

static size_t check_unused(const struct source *s, enum template_scope scope, const struct pair *p,
                           size_t n, struct buf *messages)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_needed(s->connector, scope, p[i].key))
            continue;
        problem(messages, s,
                scope == SCOPE_CFG ? "the connector does not use cfg "
                                   : "the connector does not use secret ",
                p[i].key);
        found++;
    }
    return found;
}

/* What a mailbox says of TLS; false with the problem told. */
static bool check_tls(const struct source *s, struct buf *messages, bool *ret_starttls)
{
    struct template_env env = {get, (void *)s};
    struct buf text;
    buf_init(&text, MAX_URL);
    int rc = template_expand(&s->connector->mailbox.tls, &env, ESCAPE_NONE, &text, NULL);
    *ret_starttls = rc == 0 && span_is(buf_span(&text), "starttls");
    bool ok = rc == 0 && (*ret_starttls || text.n == 0 || span_is(buf_span(&text), "by_scheme"));
    if (!ok)
        problem(messages, s, "its tls is neither by_scheme nor starttls", SPAN_LIT(""));
    buf_done(&text);
    return ok;
}

static size_t check_base(const struct source *s, struct buf *messages)
{
    struct template_env env = {get, (void *)s};
    char why[128];
    struct buf url;
    buf_init(&url, MAX_URL);
    int rc = template_expand(&s->connector->base, &env, ESCAPE_NONE, &url, NULL);
    bool open = s->config->allow_private, mail = s->connector->mailbox.max_message > 0;
    bool starttls = false;
    if (mail && !check_tls(s, messages, &starttls)) {
        buf_done(&url);
        return 1;
    }
    if (rc == 0)
        rc = mail ? fetch_check_imap_url(buf_span(&url), starttls, open, why, sizeof why)
                  : fetch_check_url(buf_span(&url), open, why, sizeof why);
    if (rc < 0)
        problem(messages, s, "its base is no address to send to: ",
                rc == -EMSGSIZE ? SPAN_LIT("too long") : span_str(why));
    buf_done(&url);
    return rc < 0;
}

/* Keys are tried now: what can not sign would only fail each poll. */
static size_t check_key(const struct source *s, struct buf *messages)
{
    const struct credential *c = &s->connector->auth;
    const struct template *t = c->type == CREDENTIAL_JWT ? &c->jwt.key : &c->hash.salt;
    struct template_env env = {get, (void *)s};
    struct buf text, room;
    bool ok = true;
    if (c->type != CREDENTIAL_JWT && !c->hash.into.p)
        return 0;
    buf_init(&text, MAX_KEY);
    buf_init(&room, MAX_KEY);
    if (template_expand(t, &env, ESCAPE_NONE, &text, NULL) < 0)
        ok = false;
    else if (c->type == CREDENTIAL_JWT)
        ok = jwt_check_key(c->jwt.algorithm, jwt_key_of(buf_span(&text), &room)) == 0;
    else
        ok = bcrypt_is_salt(buf_span(&text));
    if (!ok)
        problem(messages, s,
                c->type == CREDENTIAL_JWT ? "its key is no private key for "
                                          : "its secret is no salt of bcrypt",
                c->type == CREDENTIAL_JWT ? span_str(jwt_name(c->jwt.algorithm)) : SPAN_NONE);
    wipe(&text);
    wipe(&room);
    return !ok;
}

static size_t check(const struct source *s, struct buf *messages)
{
    const struct config_source *c = s->config;
    size_t n = 0;
    struct span value;
    for (size_t i = 0; i < s->connector->n_needs; i++) {
        const struct need *need = &s->connector->needs[i];
        if (source_value(s, need->scope, need->name, &value))
            continue;
        problem(messages, s,
                need->scope == SCOPE_CFG ? "the connector needs cfg "
                                         : "the connector needs secret ",
                need->name);
        n++;
    }
    n += check_unused(s, SCOPE_CFG, c->cfg, c->n_cfg, messages);
    n += check_unused(s, SCOPE_SECRET, c->secrets, c->n_secrets, messages);
    return n > 0 ? n : check_base(s, messages) + check_key(s, messages);
}

/* --- loading --- */

static uint64_t print_pairs(uint64_t h, const struct pair *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h = XXH3_64bits_withSeed(p[i].key.p, p[i].key.n, h);
        h = XXH3_64bits_withSeed(p[i].value.p, p[i].value.n, h);
    }
    return h;
}

static uint64_t print_of(const struct source *s)
{
    const struct config_source *c = s->config;
    int64_t numbers[] = {c->every_ms, c->retry_ms, c->start_ms, c->allow_private};
    uint64_t h = XXH3_64bits_withSeed(numbers, sizeof numbers, s->connector->print);
    h = print_pairs(h, c->cfg, c->n_cfg);
    return print_pairs(h, c->secrets, c->n_secrets);
}

static int load_source(struct source_set *set, struct source *s, struct buf *messages)
{
    char path[MAX_PATH];
    int rc = config_connector_path(set->config, s->config->connector, path, sizeof path);
    size_t before = messages->n;
    if (rc == 0)
        rc = connector_load(path, messages, &s->connector);
    if (rc == -EINVAL)
        buf_printf(messages, "%.*s: source %.*s uses this connector\n", SPAN_FMT(s->config->place),
                   SPAN_FMT(s->config->source));
    if (rc < 0)
        return rc;
    s->print = print_of(s);
    if (s->connector->n_streams == 0)
        problem(messages, s,
                "nothing can be asked by a connector of a hook alone: ", s->config->connector);
    else
        check(s, messages);
    return messages->n > before ? -EINVAL : 0;
}

static size_t count_sources(const struct config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_workspaces; i++)
        n += c->workspaces[i].n_sources;
    return n;
}

static int load_all(struct source_set *set, struct buf *messages)
{
    const struct config *c = set->config;
    int rc = 0;
    for (size_t i = 0; i < c->n_workspaces; i++) {
        for (size_t k = 0; k < c->workspaces[i].n_sources; k++) {
            struct source *s = &set->sources[set->n++];
            s->workspace = c->workspaces[i].id;
            s->config = &c->workspaces[i].sources[k];
            int one = load_source(set, s, messages);
            rc = one == -ENOMEM || rc == 0 ? one : rc;
            if (rc == -ENOMEM)
                return rc;
        }
    }
    return rc;
}

int source_set_load(struct config *config, struct buf *messages, struct source_set **ret)
{
    struct source_set *set = calloc(1, sizeof *set);
    size_t n = count_sources(config);
    if (!set)
        return -ENOMEM;
    set->refs = 1;
    set->config = config_ref(config);
    set->sources = calloc(n ? n : 1, sizeof *set->sources);
    int rc = set->sources ? load_all(set, messages) : -ENOMEM;
    if (rc < 0)
        source_set_unref(set);
    else
        *ret = set;
    return rc;
}

struct source_set *source_set_ref(struct source_set *s)
{
    s->refs++;
    return s;
}

void source_set_unref(struct source_set *s)
{
    if (!s || --s->refs > 0)
        return;
    for (size_t i = 0; s->sources && i < s->n; i++)
        connector_free(s->sources[i].connector);
    free(s->sources);
    config_unref(s->config);
    free(s);
}
