#include "daemon/collect/connector.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/connector_impl.h"
#include "daemon/core/config.h"

enum {
    ARENA_MAX_BYTES = 8 << 20,
    MAX_ERRORS = 32,
    DEFAULT_RESPONSE = 8 << 20,
    MAX_RESPONSE = 64 << 20,
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_MESSAGE = 1 << 20,
    ANSWER_ROOM = 64 * 1024,  /* of an answer, around a mail */
    DEFAULT_LIFE_MS = 600000, /* of a signed token */
};
#define FIXED (SCOPE_BIT(SCOPE_CFG) | SCOPE_BIT(SCOPE_SECRET))
#define IN_TOKEN (FIXED | SCOPE_BIT(SCOPE_NOW))

/* --- cfg --- */

/* Names with their presets; nothing: must be given. */
static int read_cfg(struct reading *r, const struct yaml_node *n, void *out)
{
    (void)out;
    int rc = 0;
    if (n->type != YAML_MAP) {
        read_problem(r, n, "expected a section of name: preset");
        return 0;
    }
    for (const struct yaml_node *m = n->first; m && rc == 0; m = m->next) {
        struct span name = arena_dup(r->arena, m->key->text), preset = SPAN_NONE;
        if (m->type != YAML_SCALAR)
            read_problem(r, m, "expected text, found %s", yaml_describe(m));
        else if (!yaml_is_null(m))
            preset = arena_dup(r->arena, m->text);
        rc = name.p ? read_need(r, SCOPE_CFG, name, preset) : -ENOMEM;
    }
    return rc;
}

/* --- auth --- */

static int read_basic(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"user", read_template, offsetof(struct credential, user), true},
        {"pass", read_template, offsetof(struct credential, pass), true},
    };
    ((struct credential *)out)->type = CREDENTIAL_BASIC;
    return read_keys(r, n, keys, ARRAY_LEN(keys), out);
}

static int read_bearer(struct reading *r, const struct yaml_node *n, void *out)
{
    struct credential *c = out;
    c->type = CREDENTIAL_BEARER;
    return read_template(r, n, &c->pass);
}

static int read_auth_headers(struct reading *r, const struct yaml_node *n, void *out)
{
    struct credential *c = out;
    c->type = CREDENTIAL_HEADERS;
    return read_list(r, n, &c->headers);
}

static int read_client(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"body", "basic", NULL};
    *(bool *)out = read_word(r, n, words) == 1;
    return 0;
}

/* More of the token request: may name the time, as a signature does. */
static int read_form(struct reading *r, const struct yaml_node *n, void *out)
{
    r->scopes = IN_TOKEN;
    int rc = read_list(r, n, out);
    r->scopes = FIXED;
    return rc;
}

static int read_hash(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"into", read_name, offsetof(struct token_hash, into), true},
        {"bcrypt", read_template, offsetof(struct token_hash, text), true},
        {"salt", read_template, offsetof(struct token_hash, salt), true},
    };
    r->scopes = IN_TOKEN;
    int rc = read_keys(r, n, keys, ARRAY_LEN(keys), out);
    r->scopes = FIXED;
    return rc;
}

static int read_oauth2(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"token_url", read_template, offsetof(struct credential, token_url), true},
        {"client_id", read_template, offsetof(struct credential, user), true},
        {"client_secret", read_template, offsetof(struct credential, pass), false},
        {"form", read_form, offsetof(struct credential, form), false},
        {"hash", read_hash, offsetof(struct credential, hash), false},
        {"refresh_token", read_template, offsetof(struct credential, refresh), false},
        {"scope", read_template, offsetof(struct credential, scope), false},
        {"client_in", read_client, offsetof(struct credential, basic), false},
    };
    struct credential *c = out;
    c->type = CREDENTIAL_OAUTH2;
    int rc = read_keys(r, n, keys, ARRAY_LEN(keys), c);
    if (rc == 0 && n->type == YAML_MAP && c->pass.n == 0 && !c->hash.into.p)
        read_problem(r, n, "client_secret or hash is missing here");
    if (c->basic && c->pass.n == 0)
        read_problem(r, n, "client_in: basic needs client_secret");
    return rc;
}

static int read_algorithm(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"RS256", "ES256", "HS256", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(enum jwt_algorithm *)out = (enum jwt_algorithm)i;
    return 0;
}

static int read_claims(struct reading *r, const struct yaml_node *n, void *out)
{
    if (n->type == YAML_MAP)
        return read_body(r, n, out);
    read_problem(r, n, "expected a section of keys, found %s", yaml_describe(n));
    return 0;
}

static int read_jwt(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"algorithm", read_algorithm, offsetof(struct credential, jwt.algorithm), true},
        {"key", read_template, offsetof(struct credential, jwt.key), true},
        {"claims", read_claims, offsetof(struct credential, jwt.claims), true},
        {"header", read_claims, offsetof(struct credential, jwt.header), false},
        {"lifetime", read_duration, offsetof(struct credential, jwt.life_ms), false},
        {"token_url", read_template, offsetof(struct credential, token_url), false},
        {"form", read_form, offsetof(struct credential, form), false},
    };
    struct credential *c = out;
    c->type = CREDENTIAL_JWT;
    c->jwt.life_ms = DEFAULT_LIFE_MS;
    int rc = read_keys(r, n, keys, ARRAY_LEN(keys), c);
    if (c->jwt.life_ms < MS_MINUTE || c->jwt.life_ms > MS_DAY)
        read_problem(r, n, "lifetime is from 1m to 1d");
    return rc;
}

static int read_auth(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"basic", read_basic, 0, false},
        {"bearer", read_bearer, 0, false},
        {"headers", read_auth_headers, 0, false},
        {"oauth2", read_oauth2, 0, false},
        {"jwt", read_jwt, 0, false},
    };
    r->scopes = FIXED;
    if (n->type == YAML_SCALAR && span_is(n->text, "none"))
        return 0;
    if (n->type == YAML_MAP && read_count(n) != 1) {
        read_problem(r, n, "expected one of basic, bearer, headers, oauth2, jwt, or none");
        return 0;
    }
    return read_keys(r, n, keys, ARRAY_LEN(keys), out);
}

/* --- rate --- */

static int read_unit(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"http", "seconds", "ms", "unix", "unix_ms", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(enum wait_unit *)out = (enum wait_unit)i;
    return 0;
}

/* "10/1m" */
static int read_budget(struct reading *r, const struct yaml_node *n, void *out)
{
    struct rate *rate = out;
    size_t slash = n->type == YAML_SCALAR ? span_find_char(n->text, '/') : 0;
    struct span per = slash > 0 && slash < n->text.n
                          ? span_of(n->text.p + slash + 1, n->text.n - slash - 1)
                          : SPAN_NONE;
    if (!per.p || span_to_i64(span_of(n->text.p, slash), &rate->n) < 0 ||
        time_parse_duration(per, &rate->per_ms) < 0 || rate->n < 1 || rate->n > 100000 ||
        rate->per_ms < 1) {
        *rate = (struct rate){0};
        read_problem(r, n, "expected requests/time, like 10/1m");
    }
    return 0;
}

static int read_rate(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"budget", read_budget, 0, false},
        {"remaining", read_header, offsetof(struct rate, remaining), false},
        {"reset", read_header, offsetof(struct rate, reset), false},
        {"reset_unit", read_unit, offsetof(struct rate, reset_unit), false},
    };
    return read_keys(r, n, keys, ARRAY_LEN(keys), out);
}

/* --- errors --- */

static int read_status(struct reading *r, const struct yaml_node *n, void *out)
{
    struct error_rule *e = out;
    const struct yaml_node *first = n->type == YAML_LIST ? n->first : n;
    for (const struct yaml_node *s = first; s; s = n->type == YAML_LIST ? s->next : NULL) {
        int64_t v;
        if (s->type != YAML_SCALAR || span_to_i64(s->text, &v) < 0 || v < 200 || v > 599 ||
            e->n_status == ARRAY_LEN(e->status)) {
            read_problem(r, n, "expected status codes from 200 to 599, at most 16");
            return 0;
        }
        e->status[e->n_status++] = (uint16_t)v;
    }
    return 0;
}

static int read_do(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"fail", "ignore", "retry", "refresh_auth", "restart", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(enum upstream_do *)out = (enum upstream_do)i;
    return 0;
}

static int read_wait(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"header", read_header, offsetof(struct error_rule, wait_header), true},
        {"unit", read_unit, offsetof(struct error_rule, unit), false},
    };
    return read_keys(r, n, keys, ARRAY_LEN(keys), out);
}

static int read_errors(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"status", read_status, 0, false},
        {"when", read_expr, offsetof(struct error_rule, when), false},
        {"do", read_do, offsetof(struct error_rule, action), true},
        {"wait", read_wait, 0, false},
        {"message", read_path, offsetof(struct error_rule, message), false},
    };
    struct connector *c = out;
    int rc = 0;
    if (!read_is_list(r, n, MAX_ERRORS))
        return 0;
    struct error_rule *rules = arena_array(r->arena, read_count(n), sizeof *rules);
    if (!rules)
        return -ENOMEM;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        struct error_rule *rule = &rules[c->n_errors++];
        rc = read_keys(r, e, keys, ARRAY_LEN(keys), rule);
        if (rc == 0 && e->type == YAML_MAP && rule->n_status == 0 && !rule->when)
            read_problem(r, e, "status or when is missing here");
    }
    c->errors = rules;
    return rc;
}

/* --- the file --- */

static int read_bytes(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}};
    int64_t v;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct span unit = span_str(units[i].unit), t = n->text;
        bool ends = n->type == YAML_SCALAR && t.n > unit.n &&
                    span_eq(span_of(t.p + t.n - unit.n, unit.n), unit);
        if (ends && span_to_i64(span_of(t.p, t.n - unit.n), &v) == 0 && v > 0 &&
            v <= MAX_RESPONSE / units[i].bytes) {
            *(size_t *)out = (size_t)(v * units[i].bytes);
            return 0;
        }
    }
    read_problem(r, n, "expected a size from 1KiB to 64MiB");
    return 0;
}

static int read_streams(struct reading *r, const struct yaml_node *n, void *out)
{
    struct connector *c = out;
    size_t n_streams = 0; /* a mailbox, which goes with none, has one in *c already */
    int rc = 0;
    if (!read_is_list(r, n, CONNECTOR_MAX_STREAMS))
        return 0;
    struct stream *streams = arena_array(r->arena, read_count(n), sizeof *streams);
    if (!streams)
        return -ENOMEM;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        struct stream *s = &streams[n_streams];
        rc = read_stream(r, e, s);
        for (size_t i = 0; i < n_streams; i++)
            if (span_eq(streams[i].name, s->name))
                read_problem(r, e, "the name %.*s is there twice", SPAN_FMT(s->name));
        n_streams++;
    }
    c->streams = streams;
    c->n_streams = n_streams;
    return rc;
}

/* --- a mailbox --- */

/* What it is called where streams are told apart. */
static int name_stream(struct reading *r, struct connector *c)
{
    struct stream *s = arena_zalloc(r->arena, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->name = SPAN_LIT("mailbox");
    c->streams = s;
    c->n_streams = 1;
    return 0;
}

static int read_mailbox(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"name", read_template, offsetof(struct mailbox_rules, name), true},
        {"automatic", read_template, offsetof(struct mailbox_rules, automatic), false},
        {"user", read_template, offsetof(struct mailbox_rules, user), false},
        {"tls", read_template, offsetof(struct mailbox_rules, tls), false},
        {"max_message", read_bytes, offsetof(struct mailbox_rules, max_message), false},
    };
    struct connector *c = out;
    r->scopes = FIXED;
    c->mailbox.max_message = DEFAULT_MESSAGE;
    int rc = n->type == YAML_SCALAR ? read_template(r, n, &c->mailbox.name)
                                    : read_keys(r, n, keys, ARRAY_LEN(keys), &c->mailbox);
    return rc < 0 ? rc : name_stream(r, c);
}

/* What comes in; the configuration of a hook that names this connector reads it again. */
static int read_hook(struct reading *r, const struct yaml_node *n, void *out)
{
    ((struct connector *)out)->hook = true;
    return config_check_hook(r->source, n, r->problems);
}

static void check_sign_in(struct reading *r, const struct yaml_node *root,
                          const struct connector *c)
{
    bool token = c->auth.type == CREDENTIAL_OAUTH2 || c->auth.type == CREDENTIAL_JWT;
    if (!token && c->auth.type != CREDENTIAL_BASIC)
        read_problem(r, root, "a mailbox needs auth: {basic: {user, pass}}, oauth2 or jwt");
    if (token && c->mailbox.user.n == 0)
        read_problem(r, root, "a mailbox with oauth2 or jwt needs mailbox: {user}");
    if (c->auth.type == CREDENTIAL_BASIC && c->mailbox.user.n > 0)
        read_problem(r, root, "the user of a mailbox stands in auth: {basic: {user}} here");
}

/* Keys of HTTP say nothing to a mailbox. */
static void check_kind(struct reading *r, const struct yaml_node *root, const struct connector *c)
{
    bool mailbox = c->mailbox.max_message > 0, streams = c->n_streams > 0 && !mailbox, base = false;
    for (const struct yaml_node *m = root->first; m; m = m->next) {
        bool is_streams = span_is(m->key->text, "streams");
        streams = streams || is_streams;
        base = base || span_is(m->key->text, "base");
        if (mailbox &&
            (is_streams || span_is(m->key->text, "headers") || span_is(m->key->text, "errors")))
            read_problem(r, m, "is of no meaning with a mailbox");
    }
    bool asks_nothing = !mailbox && !streams;
    if (asks_nothing && !c->hook)
        read_problem(r, root, "streams is missing here, or mailbox, or hook");
    if (!base && !(asks_nothing && c->hook))
        read_problem(r, root, "base is missing here");
    if (mailbox)
        check_sign_in(r, root, c);
    if (mailbox && c->mailbox.max_message + ANSWER_ROOM > c->max_response)
        read_problem(r, root, "max_response must be 64KiB more than max_message at least");
}

static int read_standing(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"proven", "documented", "unverified", NULL};
    return read_word(r, n, words) >= 0 ? read_text(r, n, out) : 0;
}

static int read_fixed(struct reading *r, const struct yaml_node *n, void *out)
{
    r->scopes = FIXED;
    return read_template(r, n, out);
}

static int read_headers(struct reading *r, const struct yaml_node *n, void *out)
{
    r->scopes = FIXED;
    return read_list(r, n, out);
}

static const struct key connector_keys[] = {
    {"connector", read_name, offsetof(struct connector, name), true},
    {"status", read_standing, offsetof(struct connector, status), false},
    {"cfg", read_cfg, 0, false},
    {"base", read_fixed, offsetof(struct connector, base), false},
    {"auth", read_auth, offsetof(struct connector, auth), false},
    {"headers", read_headers, offsetof(struct connector, headers), false},
    {"rate", read_rate, offsetof(struct connector, rate), false},
    {"errors", read_errors, 0, false},
    {"max_response", read_bytes, offsetof(struct connector, max_response), false},
    {"timeout", read_duration, offsetof(struct connector, timeout_ms), false},
    {"streams", read_streams, 0, false},
    {"mailbox", read_mailbox, 0, false},
    {"hook", read_hook, 0, false},
};

static int read_root(struct reading *r, const struct yaml_node *root, struct connector *c)
{
    static const struct yaml_node nothing = {.type = YAML_MAP, .at = {1, 1}};
    root = root ? root : &nothing;
    int rc = read_keys(r, root, connector_keys, ARRAY_LEN(connector_keys), c);
    if (rc == 0 && root->type == YAML_MAP)
        check_kind(r, root, c);
    struct need *needs = arena_array(r->arena, r->n_needs ? r->n_needs : 1, sizeof *needs);
    if (rc < 0 || !needs)
        return -ENOMEM;
    memcpy(needs, r->needs, r->n_needs * sizeof *needs);
    c->needs = needs;
    c->n_needs = r->n_needs;
    return r->problems->n > 0 ? -EINVAL : 0;
}

static struct connector *connector_new(struct span file, struct span text)
{
    struct connector *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    arena_init(&c->arena, ARENA_MAX_BYTES);
    c->file = arena_dup(&c->arena, file);
    c->max_response = DEFAULT_RESPONSE;
    c->timeout_ms = DEFAULT_TIMEOUT_MS;
    c->print = XXH3_64bits(text.p ? text.p : "", text.n);
    return c;
}

void connector_free(struct connector *c)
{
    if (!c)
        return;
    arena_done(&c->arena);
    free(c);
}

int connector_read(struct span file, struct span text, struct buf *messages, struct connector **ret)
{
    struct arena temp;
    struct yaml_problems problems = {.out = messages};
    struct yaml_source source = {file, text};
    struct yaml_node *root = NULL;
    struct connector *c = connector_new(file, text);
    if (!c)
        return -ENOMEM;
    arena_init(&temp, ARENA_MAX_BYTES);
    struct reading r = {.source = &source, .arena = &c->arena, .problems = &problems};
    int rc = yaml_parse(&source, &temp, &problems, &root);
    if (rc == 0)
        rc = read_root(&r, root, c);
    arena_done(&temp);
    if (rc < 0)
        connector_free(c);
    else
        *ret = c;
    return rc;
}

/* --- from disk --- */

static int read_file(int fd, char *text, size_t size, size_t *ret_n)
{
    ssize_t got = 0;
    size_t n = 0;
    while (n < size && (got = read(fd, text + n, size - n)) > 0)
        n += (size_t)got;
    *ret_n = n;
    return got < 0 ? -errno : n == size ? -EFBIG : 0;
}

int connector_load(const char *path, struct buf *messages, struct connector **ret)
{
    size_t size = CONNECTOR_MAX_FILE + 1, n = 0;
    char *text = malloc(size);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = !text ? -ENOMEM : fd < 0 ? -errno : read_file(fd, text, size, &n);
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        rc = connector_read(span_str(path), span_of(text, n), messages, ret);
    else if (rc != -ENOMEM)
        buf_printf(messages, "%s:1:1: can not be read: %s\n", path, err_text(rc));
    free(text);
    return rc == -ENOMEM || rc == 0 ? rc : -EINVAL;
}
