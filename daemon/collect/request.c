#include "daemon/collect/request_impl.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/err.h"
#include "daemon/format/json_out.h"
#include "daemon/format/jsonpath.h"

enum {
    MAX_URL = 4096,
    MAX_VALUE = 16 * 1024, /* a private key */
    MAX_HEADERS = 60,
    MAX_PARTITIONS = 256,
};

/* --- values --- */

static bool number(struct values *v, int64_t n, struct template_value *ret)
{
    int len = snprintf(v->room, sizeof v->room, "%" PRId64, n);
    ret->text = span_of(v->room, (size_t)len);
    return true;
}

static bool moment(int64_t ms, struct template_value *ret)
{
    ret->time = ms;
    return ms != NO_TIME;
}

static bool cursor_value(struct values *v, struct span name, struct template_value *ret)
{
    const struct walk *w = v->env->walk;
    enum cursor_kind kind = v->env->stream->cursor.kind;
    if (span_is(name, "start"))
        return moment(w->start, ret);
    if (span_is(name, "int") || (span_is(name, "value") && kind == CURSOR_INT))
        return w->from.integer != NO_INT && number(v, w->from.integer, ret);
    if (span_is(name, "value") && kind == CURSOR_OPAQUE) {
        ret->text = w->reached.opaque;
        return ret->text.n > 0;
    }
    return moment(w->from.time, ret);
}

static bool page_value(struct values *v, struct span name, struct template_value *ret)
{
    const struct walk *w = v->env->walk;
    const struct paging *page = &v->env->stream->page;
    if (span_is(name, "size"))
        return number(v, page->size, ret);
    if (span_is(name, "token")) {
        ret->text = page->kind == PAGE_TOKEN ? w->next : SPAN_NONE;
        return ret->text.n > 0;
    }
    return number(v, w->at, ret);
}

static bool record_value(struct values *v, struct span name, struct template_value *ret)
{
    int n = snprintf(v->path, sizeof v->path, "$.%.*s", SPAN_FMT(name));
    json_t *found = v->env->record && n < (int)sizeof v->path
                        ? jsonpath_get(v->env->record, span_str(v->path))
                        : NULL;
    if (json_is_integer(found))
        return number(v, json_integer_value(found), ret);
    ret->text = span_of(json_string_value(found), json_string_length(found));
    return ret->text.n > 0;
}

static bool get(void *ctx, enum template_scope scope, struct span name, struct template_value *ret)
{
    struct values *v = ctx;
    switch (scope) {
    case SCOPE_SECRET:
        if (v->env->masked) {
            ret->text = SPAN_LIT("***");
            return true;
        }
        return source_value(v->env->source, scope, name, &ret->text);
    case SCOPE_CFG:
        return source_value(v->env->source, scope, name, &ret->text);
    case SCOPE_CURSOR:
        return cursor_value(v, name, ret);
    case SCOPE_PAGE:
        return page_value(v, name, ret);
    case SCOPE_WINDOW:
        return moment(span_is(name, "from") ? v->env->walk->from.time : v->env->walk->to, ret);
    case SCOPE_PARTITION:
        ret->text = v->env->partition;
        return ret->text.n > 0;
    case SCOPE_RECORD:
        return record_value(v, name, ret);
    case SCOPE_NOW:
        return moment(v->env->now, ret);
    default:
        return false;
    }
}

/* --- building --- */

int building_say(struct building *b, int rc, const char *what, const struct template_piece *missing)
{
    if (rc == -ENOENT && missing)
        snprintf(b->why, b->size, "%s: there is no %s.%.*s", what,
                 template_scope_name(missing->scope), SPAN_FMT(missing->text));
    else
        snprintf(b->why, b->size, "%s can not be made: %s", what,
                 rc == -EMSGSIZE ? "too long" : "a value does not fit its form");
    return rc == -ENOENT ? -ENOENT : -EINVAL;
}

int building_init(struct building *b, const struct request_env *env, struct arena *a, char *why,
                  size_t size)
{
    *b = (struct building){.values = {.env = env}, .a = a, .why = why, .size = size};
    b->env = (struct template_env){get, &b->values};
    b->headers = arena_array(a, MAX_HEADERS, sizeof *b->headers);
    buf_init(&b->url, MAX_URL);
    buf_init(&b->value, MAX_VALUE);
    return b->headers ? 0 : -ENOMEM;
}

void building_done(struct building *b)
{
    if (b->value.p)
        explicit_bzero(b->value.p, b->value.cap);
    buf_done(&b->url);
    buf_done(&b->value);
}

/* The expanded text, until the next. 0, -ENOENT (not told), -EINVAL (told). */
int building_expand(struct building *b, const struct template *t, const char *what,
                    struct span *ret)
{
    const struct template_piece *missing = NULL;
    buf_reset(&b->value);
    int rc = template_expand(t, &b->env, ESCAPE_NONE, &b->value, &missing);
    if (rc < 0)
        return building_say(b, rc, what, missing);
    *ret = span_of(b->value.n ? b->value.p : "", b->value.n);
    return 0;
}

/* What is absent or empty is left out: a token on the first page, a cursor on the first poll. */
static int add_query(struct building *b, const struct fields_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct span value;
        int rc = building_expand(b, &list->p[i].value, "a query value", &value);
        if (rc == -ENOENT || (rc == 0 && value.n == 0))
            continue;
        if (rc < 0)
            return rc;
        buf_char(&b->url, memchr(b->url.p, '?', b->url.n) ? '&' : '?');
        template_escape(&b->url, list->p[i].name);
        buf_char(&b->url, '=');
        template_escape(&b->url, value);
    }
    return 0;
}

int building_header(struct building *b, struct span name, struct span value)
{
    if (b->n_headers == MAX_HEADERS)
        return -EINVAL;
    struct pair *p = &b->headers[b->n_headers];
    *p = (struct pair){name, arena_dup(b->a, value)};
    b->n_headers += p->value.p ? 1 : 0;
    return p->value.p ? 0 : -ENOMEM;
}

static int add_headers(struct building *b, const struct fields_list *list)
{
    int rc = 0;
    for (size_t i = 0; i < list->n && rc >= 0; i++) {
        struct span value;
        rc = building_expand(b, &list->p[i].value, "a header", &value);
        if (rc == 0)
            rc = building_header(b, list->p[i].name, value);
        else if (rc == -ENOENT)
            rc = 0;
    }
    return rc;
}

/* --- credentials --- */

int building_basic(struct building *b, const struct template *user, const struct template *pass)
{
    char pair[1024], encoded[1500] = "Basic ";
    struct span text;
    int rc = building_expand(b, user, "the user", &text);
    int n = rc == 0 ? snprintf(pair, sizeof pair, "%.*s:", SPAN_FMT(text)) : 0;
    if (rc == 0)
        rc = building_expand(b, pass, "the password", &text);
    if (rc == 0)
        n += snprintf(pair + n, n < (int)sizeof pair ? sizeof pair - (size_t)n : 0, "%.*s",
                      SPAN_FMT(text));
    if (rc == 0 && n >= (int)sizeof pair)
        rc = building_say(b, -EMSGSIZE, "the password", NULL);
    if (rc == 0) {
        int end = EVP_EncodeBlock((unsigned char *)encoded + 6, (unsigned char *)pair, n);
        rc = building_header(b, SPAN_LIT("Authorization"), span_of(encoded, 6 + (size_t)end));
    }
    explicit_bzero(pair, sizeof pair);
    explicit_bzero(encoded, sizeof encoded);
    return rc;
}

static int add_bearer(struct building *b, struct span token)
{
    struct span text = arena_printf(b->a, "Bearer %.*s", SPAN_FMT(token));
    return text.p ? building_header(b, SPAN_LIT("Authorization"), text) : -ENOMEM;
}

static int add_credentials(struct building *b)
{
    const struct credential *c = &b->values.env->source->connector->auth;
    struct span text;
    int rc;
    switch (c->type) {
    case CREDENTIAL_BASIC:
        return building_basic(b, &c->user, &c->pass);
    case CREDENTIAL_BEARER:
        rc = building_expand(b, &c->pass, "the token", &text);
        return rc < 0 ? rc : add_bearer(b, text);
    case CREDENTIAL_HEADERS:
        return add_headers(b, &c->headers);
    case CREDENTIAL_OAUTH2:
    case CREDENTIAL_JWT:
        return add_bearer(b, b->values.env->masked ? SPAN_LIT("***") : b->values.env->token);
    default:
        return 0;
    }
}

/* --- bodies --- */

static void put_value(struct building *b, struct json_out *j, const struct body_node *n,
                      struct span text)
{
    if (n->key.p)
        json_key(j, n->key);
    double d;
    if (template_is_lone(&n->value, FORM_NUMBER) && span_to_f64(text, &d) == 0)
        json_raw(j, NULL, text);
    else
        json_text(j, NULL, text);
    (void)b;
}

int building_json(struct building *b, struct json_out *j, const struct body_node *n)
{
    struct span text;
    int rc = 0;
    if (n->type == BODY_VALUE && !n->is_literal) {
        rc = building_expand(b, &n->value, "a value of the body", &text);
        if (rc == 0)
            put_value(b, j, n, text);
        return rc == -ENOENT ? 0 : rc;
    }
    if (n->key.p)
        json_key(j, n->key);
    if (n->type == BODY_VALUE) {
        json_raw(j, NULL, n->literal);
        return 0;
    }
    json_open(j, NULL, n->type == BODY_OBJECT ? '{' : '[');
    for (const struct body_node *e = n->first; e && rc == 0; e = e->next)
        rc = building_json(b, j, e);
    json_close(j, n->type == BODY_OBJECT ? '}' : ']');
    return rc;
}

static int add_body(struct building *b, const struct body_node *n, struct span *ret)
{
    struct buf body;
    buf_init(&body, MAX_BODY);
    struct json_out j = json_out_to(&body);
    int rc = building_json(b, &j, n);
    if (rc == 0 && buf_error(&body))
        rc = building_say(b, buf_error(&body), "the body", NULL);
    if (rc == 0) {
        *ret = arena_dup(b->a, buf_span(&body));
        rc = ret->p ? building_header(b, SPAN_LIT("Content-Type"), SPAN_LIT("application/json"))
                    : -ENOMEM;
    }
    buf_done(&body);
    return rc;
}

/* --- requests --- */

int building_finish(struct building *b, struct fetch_request *ret)
{
    const struct source *s = b->values.env->source;
    if (buf_error(&b->url))
        return building_say(b, buf_error(&b->url), "the address", NULL);
    ret->url = arena_dup(b->a, buf_span(&b->url));
    ret->headers = b->headers;
    ret->n_headers = b->n_headers;
    ret->timeout_ms = s->connector->timeout_ms;
    ret->max_response = s->connector->max_response;
    ret->allow_private = s->config->allow_private;
    return ret->url.p ? 0 : -ENOMEM;
}

static int add_address(struct building *b, const struct template *path, const char *what)
{
    const struct template_piece *missing = NULL;
    int rc = template_expand(&b->values.env->source->connector->base, &b->env, ESCAPE_NONE, &b->url,
                             &missing);
    while (rc == 0 && b->url.n > 0 && b->url.p[b->url.n - 1] == '/')
        b->url.n--;
    if (rc == 0)
        rc = template_expand(path, &b->env, ESCAPE_HOLES, &b->url, &missing);
    return rc < 0 ? building_say(b, rc, what, missing) : 0;
}

static int add_common(struct building *b, const struct fields_list *headers)
{
    int rc = add_credentials(b);
    if (rc == 0)
        rc = add_headers(b, &b->values.env->source->connector->headers);
    if (rc == 0 && headers)
        rc = add_headers(b, headers);
    if (rc == -ENOENT) /* said by expand() */
        rc = -EINVAL;
    for (size_t i = 0; i < b->n_headers; i++)
        if (span_eq_nocase(b->headers[i].key, SPAN_LIT("accept")))
            return rc;
    return rc == 0 ? building_header(b, SPAN_LIT("Accept"), SPAN_LIT("*/*")) : rc;
}

/* A URL that leads on from a page stands for the whole of the request but its headers. */
static bool follows_url(const struct request_env *env)
{
    return env->walk->next.n > 0 &&
           (env->stream->page.kind == PAGE_NEXT_URL || env->stream->page.kind == PAGE_LINK);
}

static bool has_cursor(const struct walk *w)
{
    return w->reached.opaque.n > 0 || w->reached.time != NO_TIME || w->reached.integer != NO_INT;
}

static int build_page(struct building *b, struct fetch_request *ret)
{
    const struct request_env *env = b->values.env;
    const struct call *call = &env->stream->call;
    int rc = 0;
    if (follows_url(env)) {
        buf_add(&b->url, env->walk->next);
    } else {
        rc = add_address(b, &call->path, "the address");
        if (rc == 0)
            rc = add_query(b, &call->query);
        if (rc == 0)
            rc = add_query(b, has_cursor(env->walk) ? &call->resume : &call->first);
    }
    if (rc == 0)
        rc = add_common(b, &call->headers);
    if (rc == 0 && call->body)
        rc = add_body(b, call->body, &ret->body);
    if (rc == 0)
        rc = building_finish(b, ret);
    ret->method = call->post ? "POST" : "GET";
    return rc == -ENOENT ? -EINVAL : rc;
}

int request_page(const struct request_env *env, struct arena *a, struct fetch_request *ret,
                 char *why, size_t size)
{
    struct building b;
    int rc = building_init(&b, env, a, why, size);
    if (rc == 0)
        rc = build_page(&b, ret);
    building_done(&b);
    return rc;
}

int request_child(const struct request_env *env, const struct hydrate *h, struct arena *a,
                  struct fetch_request *ret, char *why, size_t size)
{
    struct building b;
    int rc = building_init(&b, env, a, why, size);
    if (rc == 0)
        rc = add_address(&b, &h->path, "a child's address");
    if (rc == 0)
        rc = add_query(&b, &h->query);
    if (rc == 0)
        rc = add_common(&b, &env->stream->call.headers);
    if (rc == 0)
        rc = building_finish(&b, ret);
    building_done(&b);
    return rc;
}

/* --- mailboxes --- */

static int keep(struct building *b, const struct template *t, const char *what, struct span *ret)
{
    struct span value;
    int rc = building_expand(b, t, what, &value);
    if (rc < 0)
        return rc;
    *ret = arena_dup(b->a, value);
    return ret->p ? 0 : -ENOMEM;
}

/* The user, and a password or what the token server gave. */
static int add_sign_in(struct building *b, struct fetch_request *r)
{
    const struct connector *c = b->values.env->source->connector;
    struct span token = b->values.env->token;
    if (c->auth.type == CREDENTIAL_BASIC) {
        int rc = keep(b, &c->auth.user, "the user", &r->user);
        return rc < 0 ? rc : keep(b, &c->auth.pass, "the password", &r->password);
    }
    r->token = arena_dup(b->a, token.n > 0 ? token : SPAN_LIT(""));
    return r->token.p ? keep(b, &c->mailbox.user, "the user", &r->user) : -ENOMEM;
}

static int add_tls(struct building *b, struct fetch_request *r)
{
    struct span tls = SPAN_NONE;
    int rc = building_expand(b, &b->values.env->source->connector->mailbox.tls, "tls", &tls);
    r->starttls = rc == 0 && span_is(tls, "starttls");
    return rc;
}

static int build_mailbox(struct building *b, struct request_mailbox *ret)
{
    const struct connector *c = b->values.env->source->connector;
    struct span automatic = SPAN_LIT("leave_out");
    struct fetch_request *r = &ret->request;
    static const struct template none = {0};
    int rc = add_address(b, &none, "the address");
    rc = rc < 0 ? rc : add_sign_in(b, r);
    if (rc == 0 && c->mailbox.tls.n > 0)
        rc = add_tls(b, r);
    rc = rc < 0 ? rc : keep(b, &c->mailbox.name, "the mailbox", &ret->name);
    if (rc == 0 && c->mailbox.automatic.n > 0)
        rc = keep(b, &c->mailbox.automatic, "automatic", &automatic);
    ret->keep_automatic = span_is(automatic, "keep");
    if (rc == 0 && !ret->keep_automatic && !span_is(automatic, "leave_out")) {
        snprintf(b->why, b->size, "automatic is neither keep nor leave_out");
        rc = -EINVAL;
    }
    rc = rc < 0 ? rc : building_finish(b, r);
    return rc == -ENOENT ? -EINVAL : rc;
}

int request_mailbox(const struct request_env *env, struct arena *a, struct request_mailbox *ret,
                    char *why, size_t size)
{
    struct building b;
    int rc = building_init(&b, env, a, why, size);
    if (rc == 0)
        rc = build_mailbox(&b, ret);
    building_done(&b);
    return rc;
}

/* --- partitions --- */

static int split(struct building *b, struct span text, struct span *list, size_t *n)
{
    while (text.n > 0 && *n < MAX_PARTITIONS) {
        size_t end = span_find_char(text, ',');
        struct span one = span_trim(span_of(text.p, end));
        if (one.n > 0) {
            list[*n] = arena_dup(b->a, one);
            if (!list[(*n)++].p)
                return -ENOMEM;
        }
        end += end < text.n;
        text = span_of(text.p + end, text.n - end);
    }
    return 0;
}

int request_partitions(const struct request_env *env, struct arena *a, struct span **ret,
                       size_t *ret_n)
{
    const struct partition *p = &env->stream->partition;
    struct building b;
    struct span text, *list = arena_array(a, MAX_PARTITIONS, sizeof *list);
    char why[64];
    size_t n = 0;
    int rc = building_init(&b, env, a, why, sizeof why);
    if (!list)
        rc = -ENOMEM;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        rc = building_expand(&b, &p->list[i], "a partition", &text);
        if (rc == 0)
            rc = split(&b, text, list, &n);
    }
    building_done(&b);
    *ret = list;
    *ret_n = n;
    return rc;
}
