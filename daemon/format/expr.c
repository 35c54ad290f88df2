#include "daemon/format/expr.h"

#include <stdio.h>

#include "base/err.h"
#include "daemon/format/jsonpath.h"

enum { MAX_DEPTH = 32, MAX_NODES = 128 };

enum operand_kind {
    OPERAND_PATH,
    OPERAND_TEXT,
    OPERAND_NUMBER,
    OPERAND_TRUE,
    OPERAND_FALSE,
    OPERAND_NULL
};
struct operand {
    enum operand_kind kind;
    struct span text;
    double number;
};

enum expr_op {
    EXPR_AND,
    EXPR_OR,
    EXPR_NOT,
    EXPR_IS,
    EXPR_EQ,
    EXPR_NE,
    EXPR_LT,
    EXPR_LE,
    EXPR_GT,
    EXPR_GE
};
struct expr {
    enum expr_op op;
    struct expr *left, *right;
    struct operand a, b;
};

/* --- reading --- */

struct reader {
    struct span text;
    size_t at;
    struct arena *arena;
    unsigned depth, nodes;
    const char *why;
    int rc;
};

static struct expr *fail(struct reader *r, int rc, const char *why)
{
    if (r->rc == 0) {
        r->rc = rc;
        r->why = why;
    }
    return NULL;
}

/* strchr() finds the end of the set, too. */
static bool is_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->text.n && is_of(r->text.p[r->at], " \t\r\n"))
        r->at++;
}

static struct span rest_of(const struct reader *r)
{
    return span_of(r->text.p + r->at, r->text.n - r->at);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool take_word(struct reader *r, const char *word)
{
    skip_space(r);
    struct span rest = rest_of(r), w = span_str(word);
    if (!span_starts(rest, w) || (rest.n > w.n && is_word_char(rest.p[w.n])))
        return false;
    r->at += w.n;
    return true;
}

static struct expr *node(struct reader *r, enum expr_op op, struct expr *left, struct expr *right)
{
    if (r->nodes++ == MAX_NODES)
        return fail(r, -EINVAL, "is too long");
    struct expr *e = arena_zalloc(r->arena, sizeof *e);
    if (!e)
        return fail(r, -ENOMEM, "");
    e->op = op;
    e->left = left;
    e->right = right;
    return e;
}

/* A path ends where white space, an operator or a parenthesis stands outside its brackets. */
static int read_path(struct reader *r, struct operand *o)
{
    struct span rest = rest_of(r);
    size_t n = 0, column;
    char quote = 0;
    bool bracket = false;
    for (; n < rest.n; n++) {
        char c = rest.p[n];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (bracket && (c == '"' || c == '\''))
            quote = c;
        else if (c == '[' || c == ']')
            bracket = c == '[';
        else if (!bracket && is_of(c, " \t\r\n=!<>()"))
            break;
    }
    struct span path = span_of(rest.p, n);
    if (jsonpath_check(path, &column) < 0 || jsonpath_is_list(path)) {
        fail(r, -EINVAL, "is no path of a single value");
        return -EINVAL;
    }
    *o = (struct operand){.kind = OPERAND_PATH, .text = path};
    r->at += n;
    return 0;
}

static int read_text(struct reader *r, struct operand *o)
{
    struct span rest = rest_of(r), inner = span_of(rest.p + 1, rest.n - 1);
    size_t end = span_find_char(inner, rest.p[0]);
    if (end == inner.n) {
        fail(r, -EINVAL, "a text does not end");
        return -EINVAL;
    }
    *o = (struct operand){.kind = OPERAND_TEXT, .text = span_of(inner.p, end)};
    r->at += end + 2;
    return 0;
}

static int read_number(struct reader *r, struct operand *o)
{
    struct span rest = rest_of(r);
    size_t n = 0;
    while (n < rest.n && (is_word_char(rest.p[n]) || is_of(rest.p[n], "+-.")))
        n++;
    *o = (struct operand){.kind = OPERAND_NUMBER};
    if (n == 0 || span_to_f64(span_of(rest.p, n), &o->number) < 0) {
        fail(r, -EINVAL, "expected a path, a text, a number, true, false or null");
        return -EINVAL;
    }
    r->at += n;
    return 0;
}

static int read_operand(struct reader *r, struct operand *o)
{
    static const struct {
        const char *word;
        enum operand_kind kind;
    } words[] = {{"true", OPERAND_TRUE}, {"false", OPERAND_FALSE}, {"null", OPERAND_NULL}};
    skip_space(r);
    char c = r->at < r->text.n ? r->text.p[r->at] : '\0';
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (take_word(r, words[i].word)) {
            *o = (struct operand){.kind = words[i].kind};
            return 0;
        }
    }
    return c == '$' ? read_path(r, o) : c == '\'' || c == '"' ? read_text(r, o) : read_number(r, o);
}

static bool take_operator(struct reader *r, enum expr_op *ret)
{
    static const struct {
        const char *text;
        enum expr_op op;
    } ops[] = {{"==", EXPR_EQ}, {"!=", EXPR_NE}, {"<=", EXPR_LE}, {">=", EXPR_GE},
               {"=", EXPR_EQ},  {"<", EXPR_LT},  {">", EXPR_GT}};
    skip_space(r);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (span_starts(rest_of(r), span_str(ops[i].text))) {
            r->at += strlen(ops[i].text);
            *ret = ops[i].op;
            return true;
        }
    }
    return false;
}

static struct expr *read_or(struct reader *r);

static struct expr *read_parenthesis(struct reader *r)
{
    r->at++;
    struct expr *e = read_or(r);
    if (!e)
        return NULL;
    skip_space(r);
    if (r->at == r->text.n || r->text.p[r->at] != ')')
        return fail(r, -EINVAL, "expected )");
    r->at++;
    return e;
}

static struct expr *read_test(struct reader *r)
{
    if (r->depth == MAX_DEPTH)
        return fail(r, -EINVAL, "is nested too deeply");
    if (take_word(r, "not")) {
        r->depth++;
        struct expr *inner = read_test(r);
        r->depth--;
        return inner ? node(r, EXPR_NOT, inner, NULL) : NULL;
    }
    skip_space(r);
    if (r->at < r->text.n && r->text.p[r->at] == '(') {
        r->depth++;
        struct expr *inner = read_parenthesis(r);
        r->depth--;
        return inner;
    }
    struct expr *e = node(r, EXPR_IS, NULL, NULL);
    if (!e || read_operand(r, &e->a) < 0)
        return NULL;
    return take_operator(r, &e->op) && read_operand(r, &e->b) < 0 ? NULL : e;
}

static struct expr *read_and(struct reader *r)
{
    struct expr *e = read_test(r);
    while (e && take_word(r, "and")) {
        struct expr *right = read_test(r);
        e = right ? node(r, EXPR_AND, e, right) : NULL;
    }
    return e;
}

static struct expr *read_or(struct reader *r)
{
    struct expr *e = read_and(r);
    while (e && take_word(r, "or")) {
        struct expr *right = read_and(r);
        e = right ? node(r, EXPR_OR, e, right) : NULL;
    }
    return e;
}

int expr_read(struct span text, struct arena *a, struct expr **ret, size_t *ret_column,
              const char **ret_why)
{
    struct reader r = {.text = arena_dup(a, text), .arena = a};
    if (!r.text.p)
        return -ENOMEM;
    struct expr *e = read_or(&r);
    skip_space(&r);
    if (e && r.at < r.text.n)
        e = fail(&r, -EINVAL, "goes on where it should end");
    if (!e) {
        *ret_column = r.at + 1;
        *ret_why = r.why;
        return r.rc;
    }
    *ret = e;
    return 0;
}

/* --- asking --- */

struct value {
    bool absent, is_number, is_text;
    double number;
    struct span text;
    json_t *json;
};

static struct value value_of_json(json_t *v)
{
    struct value r = {.absent = !v || json_is_null(v), .json = v};
    if (json_is_number(v)) {
        r.is_number = true;
        r.number = json_number_value(v);
    } else if (json_is_string(v)) {
        r.is_text = true;
        r.text = span_of(json_string_value(v), json_string_length(v));
        r.is_number = span_to_f64(r.text, &r.number) == 0;
    } else if (json_is_boolean(v)) {
        r.is_text = true;
        r.text = json_is_true(v) ? SPAN_LIT("true") : SPAN_LIT("false");
    }
    return r;
}

static struct value value_of(const struct operand *o, json_t *root)
{
    struct value r = {0};
    switch (o->kind) {
    case OPERAND_PATH:
        return value_of_json(jsonpath_get(root, o->text));
    case OPERAND_TEXT:
        r.is_text = true;
        r.text = o->text;
        r.is_number = span_to_f64(r.text, &r.number) == 0;
        return r;
    case OPERAND_NUMBER:
        r.is_number = true;
        r.number = o->number;
        return r;
    case OPERAND_TRUE:
    case OPERAND_FALSE:
        r.is_text = true;
        r.text = o->kind == OPERAND_TRUE ? SPAN_LIT("true") : SPAN_LIT("false");
        return r;
    case OPERAND_NULL:
        r.absent = true;
        return r;
    }
    return r;
}

static bool truthy(json_t *v)
{
    if (!v || json_is_null(v) || json_is_false(v))
        return false;
    if (json_is_string(v))
        return json_string_length(v) > 0;
    if (json_is_number(v))
        return json_number_value(v) < 0 || json_number_value(v) > 0;
    if (json_is_array(v) || json_is_object(v))
        return json_array_size(v) + json_object_size(v) > 0;
    return true;
}

/* Two texts are texts, even when both look like numbers: "007" is not "7". */
static bool as_numbers(const struct value *a, const struct value *b)
{
    return a->is_number && b->is_number && !(a->is_text && b->is_text);
}

static bool equal(const struct value *a, const struct value *b)
{
    if (a->absent || b->absent)
        return a->absent && b->absent;
    if (as_numbers(a, b))
        return !(a->number < b->number) && !(a->number > b->number);
    return a->is_text && b->is_text && span_eq(a->text, b->text);
}

static bool ordered(enum expr_op op, const struct value *a, const struct value *b)
{
    double x, y;
    if (a->is_number && b->is_number) {
        x = a->number;
        y = b->number;
    } else if (a->is_text && b->is_text) {
        x = span_cmp(a->text, b->text);
        y = 0;
    } else {
        return false;
    }
    switch (op) {
    case EXPR_LT:
        return x < y;
    case EXPR_LE:
        return x <= y;
    case EXPR_GT:
        return x > y;
    default:
        return x >= y;
    }
}

bool expr_test(const struct expr *e, json_t *root)
{
    if (e->op == EXPR_AND)
        return expr_test(e->left, root) && expr_test(e->right, root);
    if (e->op == EXPR_OR)
        return expr_test(e->left, root) || expr_test(e->right, root);
    if (e->op == EXPR_NOT)
        return !expr_test(e->left, root);
    if (e->op == EXPR_IS && e->a.kind == OPERAND_PATH)
        return truthy(jsonpath_get(root, e->a.text));
    struct value a = value_of(&e->a, root), b = value_of(&e->b, root);
    switch (e->op) {
    case EXPR_IS:
        return !a.absent && !span_is(a.text, "false");
    case EXPR_EQ:
        return equal(&a, &b);
    case EXPR_NE:
        return !equal(&a, &b);
    default:
        return ordered(e->op, &a, &b);
    }
}
