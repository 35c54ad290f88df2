#include "base/where_impl.h"

#include <errno.h>

#include "base/buf.h"

struct printer {
    struct buf out;
    enum where_scope scope;
    bool compact; /* no space that the grammar can do without */
};

/* One token, and the space before it. */
static void emit(struct printer *p, struct span token)
{
    char last = p->out.n ? p->out.p[p->out.n - 1] : '(';
    bool space;

    if (p->compact)
        space = where_word_length(token) && strchr("()'\",=<>", last) == NULL;
    else
        space = last != '(' && token.p[0] != ')' && token.p[0] != ',';
    if (space)
        buf_char(&p->out, ' ');
    buf_add(&p->out, token);
}

static void emit_str(struct printer *p, const char *token)
{
    emit(p, span_str(token));
}

static size_t count_char(struct span s, char c)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

/* The quote that needs fewer doublings, so that the canonical text is never the longer one. */
static void add_quoted(struct buf *b, struct span s)
{
    char quote = count_char(s, '\'') <= count_char(s, '"') ? '\'' : '"';

    buf_char(b, quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote)
            buf_char(b, quote);
        buf_char(b, s.p[i]);
    }
    buf_char(b, quote);
}

static bool is_bare(struct span s)
{
    return s.n && where_word_length(s) == s.n && !where_is_keyword(s);
}

static void emit_quoted(struct printer *p, struct span prefix, struct span s)
{
    struct buf token;

    buf_init(&token, 3 * WHERE_TEXT_MAX);
    buf_add(&token, prefix);
    add_quoted(&token, s);
    if (buf_error(&token))
        p->out.error = buf_error(&token);
    else
        emit(p, buf_span(&token));
    buf_done(&token);
}

static void emit_keyed(struct printer *p, const char *prefix, struct span key)
{
    struct buf token;

    if (where_word_length(key) != key.n) {
        emit_quoted(p, span_str(prefix), key);
        return;
    }
    buf_init(&token, 2 * WHERE_TEXT_MAX);
    buf_str(&token, prefix);
    buf_add(&token, key);
    if (buf_error(&token))
        p->out.error = buf_error(&token);
    else
        emit(p, buf_span(&token));
    buf_done(&token);
}

static void emit_field(struct printer *p, const struct where_node *t)
{
    if (p->scope == WHERE_CUSTOMER && t->field == WF_CUSTOMER)
        emit(p, WHERE_ID);
    else if (p->scope == WHERE_CUSTOMER && is_bare(t->key) && !span_eq(t->key, WHERE_ID) &&
             !span_starts(t->key, SPAN_LIT("attributes.")))
        emit(p, t->key);
    else if (t->field == WF_ATTRIBUTE)
        emit_keyed(p, "attributes.", t->key);
    else if (t->field == WF_EXPERIMENT)
        emit_keyed(p, "experiments.", t->key);
    else
        emit_str(p, where_field_name(t->field));
}

/* Bare where that would be read as the same value. */
static void emit_value(struct printer *p, const struct where_value *v)
{
    struct where_value bare = where_value_of(v->text, false);

    if (is_bare(v->text) && bare.is_number == v->is_number && bare.is_relative == v->is_relative &&
        bare.boolean == v->boolean)
        emit(p, v->text);
    else
        emit_quoted(p, SPAN_NONE, v->text);
}

static void emit_test(struct printer *p, const struct where_node *t, bool negated)
{
    static const char *const operators[] = {
        [WHERE_EQ] = "=",  [WHERE_LT] = "<",  [WHERE_LE] = "<=",           [WHERE_GT] = ">",
        [WHERE_GE] = ">=", [WHERE_IN] = "in", [WHERE_MATCHES] = "matches",
    };
    bool has = t->op == WHERE_IN && t->n_values == 1 && where_field_type(t->field) == WHERE_MULTI;
    bool list = t->op == WHERE_IN && !has;

    emit_field(p, t);
    emit_str(p, negated ? "!=" : has ? "has" : operators[t->op]);
    if (list)
        emit_str(p, "(");
    for (size_t i = 0; i < t->n_values; i++) {
        if (i)
            emit_str(p, ",");
        emit_value(p, &t->values[i]);
    }
    if (list)
        emit_str(p, ")");
}

static bool needs_parens(const struct where_node *n, enum where_op parent, bool is_right)
{
    if (parent == WHERE_NOT)
        return n->op == WHERE_AND || n->op == WHERE_OR;
    if (n->op == WHERE_OR)
        return parent == WHERE_AND || is_right;
    return n->op == WHERE_AND && parent == WHERE_AND && is_right;
}

static void emit_node(struct printer *p, const struct where_node *n);

static void emit_child(struct printer *p, const struct where_node *n, enum where_op parent,
                       bool is_right)
{
    bool parens = needs_parens(n, parent, is_right);

    if (parens)
        emit_str(p, "(");
    emit_node(p, n);
    if (parens)
        emit_str(p, ")");
}

static void emit_node(struct printer *p, const struct where_node *n)
{
    switch (n->op) {
    case WHERE_AND:
    case WHERE_OR:
        emit_child(p, n->left, n->op, false);
        emit_str(p, n->op == WHERE_AND ? "and" : "or");
        emit_child(p, n->right, n->op, true);
        return;
    case WHERE_NOT:
        if (n->left->op == WHERE_EQ) {
            emit_test(p, n->left, true);
            return;
        }
        emit_str(p, "not");
        emit_child(p, n->left, WHERE_NOT, false);
        return;
    default:
        emit_test(p, n, false);
    }
}

static int print(const struct where *w, bool compact, struct buf *b)
{
    struct printer p = {.out = *b, .scope = w->scope, .compact = compact};

    if (w->root)
        emit_node(&p, w->root);
    *b = p.out;
    return buf_error(b);
}

/* A filter of nearly 4 KiB can be too long with spaces; without them it is no longer than what was
 * parsed. */
int where_print(const struct where *w, struct arena *a, struct span *ret)
{
    struct buf b;
    struct span text;
    int r;

    buf_init(&b, WHERE_TEXT_MAX);
    r = print(w, false, &b);
    if (r == -EMSGSIZE) {
        buf_reset(&b);
        r = print(w, true, &b);
    }
    if (r == 0) {
        text = arena_dup(a, b.n ? buf_span(&b) : SPAN_LIT(""));
        r = text.p ? 0 : -ENOMEM;
    }
    buf_done(&b);
    if (r == 0)
        *ret = text;
    return r;
}
