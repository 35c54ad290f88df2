#include "base/where_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"

#define SHOWN_MAX 40 /* bytes of a token that a message repeats */
#define TYPO_MAX 24  /* longer names are not looked up for a near one */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_OPERATOR,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_BAD, /* the error is already noted */
};

struct token {
    enum token_kind kind;
    struct span text;  /* a string's without quotes, in the arena */
    size_t start, end; /* bytes in the filter's text */
    enum where_op op;
    bool negated; /* != */
};

struct parser {
    struct span text;
    enum where_scope scope;
    struct arena *arena;
    struct where_error *error;
    int failed;
    struct token token; /* the one to be used next */
    size_t n_tests;
    size_t depth;
};

/* Notes the first error; what is said after it follows from it. Returns NULL for its callers to. */
__attribute__((format(printf, 3, 4))) static void *fail_at(struct parser *p, size_t offset,
                                                           const char *fmt, ...)
{
    va_list ap;

    if (p->failed)
        return NULL;
    p->failed = -EINVAL;
    p->error->column = (uint32_t)utf8_count(span_of(p->text.p, offset)) + 1;
    va_start(ap, fmt);
    vsnprintf(p->error->message, sizeof(p->error->message), fmt, ap);
    va_end(ap);
    return NULL;
}

static void *fail_memory(struct parser *p)
{
    if (!p->failed)
        p->failed = -ENOMEM;
    return NULL;
}

/* Fails at the next token: "expected WHAT, found …". */
static void *fail_expected(struct parser *p, const char *what)
{
    struct span raw = span_of(p->text.p + p->token.start, p->token.end - p->token.start);
    struct span shown = utf8_cut(raw, SHOWN_MAX);

    if (p->token.kind == TOKEN_END)
        return fail_at(p, p->token.start, "expected %s, found the end", what);
    return fail_at(p, p->token.start, "expected %s, found %.*s%s", what, SPAN_FMT(shown),
                   shown.n < raw.n ? "…" : "");
}

static size_t skip_space(struct span s, size_t i)
{
    static const char *const wide[] = {"\u00A0", "\u3000"};

    for (;;) {
        struct span rest = span_of(s.p + i, s.n - i);

        if (rest.n && (rest.p[0] == ' ' || (rest.p[0] >= '\t' && rest.p[0] <= '\r')))
            i++;
        else if (span_starts(rest, span_str(wide[0])))
            i += strlen(wide[0]);
        else if (span_starts(rest, span_str(wide[1])))
            i += strlen(wide[1]);
        else
            return i;
    }
}

/* Offset behind the closing quote, 0 when there is none. A quote inside is written twice. */
static size_t string_end(struct span s, size_t i, char quote)
{
    for (i++; i < s.n; i++) {
        if (s.p[i] != quote)
            continue;
        if (i + 1 == s.n || s.p[i + 1] != quote)
            return i + 1;
        i++;
    }
    return 0;
}

static void read_string(struct parser *p, struct token *t)
{
    char quote = p->text.p[t->start];
    size_t end = string_end(p->text, t->start, quote), n = 0;
    char *out;

    t->kind = TOKEN_BAD;
    if (!end) {
        fail_at(p, t->start, "this quote is never closed");
        return;
    }
    out = arena_alloc(p->arena, end - t->start);
    if (!out) {
        fail_memory(p);
        return;
    }
    for (size_t i = t->start + 1; i < end - 1; i++) {
        out[n++] = p->text.p[i];
        i += p->text.p[i] == quote;
    }
    out[n] = '\0';
    t->kind = TOKEN_STRING;
    t->text = span_of(out, n);
    t->end = end;
}

static bool read_operator(struct span rest, struct token *t)
{
    static const struct {
        const char *text;
        enum where_op op;
        bool negated;
    } operators[] = {
        {"!=", WHERE_EQ, true}, {"<=", WHERE_LE, false}, {">=", WHERE_GE, false},
        {"=", WHERE_EQ, false}, {"<", WHERE_LT, false},  {">", WHERE_GT, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (!span_starts(rest, span_str(operators[i].text)))
            continue;
        t->kind = TOKEN_OPERATOR;
        t->op = operators[i].op;
        t->negated = operators[i].negated;
        t->end = t->start + strlen(operators[i].text);
        return true;
    }
    return false;
}

/* Controls, spaces and marks that would leave a hole in the message. */
static bool is_invisible(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0xA0) || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200F) || (cp >= 0x2028 && cp <= 0x202F) ||
           (cp >= 0x205F && cp <= 0x206F) || cp == 0xFEFF;
}

static void fail_character(struct parser *p, size_t at)
{
    uint32_t cp = 0;
    unsigned n = utf8_decode(p->text.p + at, p->text.n - at, &cp);

    if (is_invisible(cp))
        fail_at(p, at, "unexpected character U+%04X", (unsigned)cp);
    else if (cp == '!')
        fail_at(p, at, "unexpected character !; write not or !=");
    else
        fail_at(p, at, "unexpected character %.*s; text that contains it is written in quotes",
                (int)n, p->text.p + at);
}

static void next_token(struct parser *p)
{
    struct token t = {.start = skip_space(p->text, p->token.end)};
    struct span rest = span_of(p->text.p + t.start, p->text.n - t.start);
    size_t word = where_word_length(rest);

    t.end = t.start + (word ? word : rest.n > 0);
    if (rest.n == 0) {
        t.kind = TOKEN_END;
    } else if (word) {
        t.kind = TOKEN_WORD;
        t.text = span_of(rest.p, word);
    } else if (rest.p[0] == '\'' || rest.p[0] == '"') {
        read_string(p, &t);
    } else if (rest.p[0] == '(' || rest.p[0] == ')' || rest.p[0] == ',') {
        t.kind = rest.p[0] == '(' ? TOKEN_OPEN : rest.p[0] == ')' ? TOKEN_CLOSE : TOKEN_COMMA;
    } else if (!read_operator(rest, &t)) {
        t.kind = TOKEN_BAD;
        fail_character(p, t.start);
    }
    p->token = t;
}

static bool at_keyword(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_WORD && span_eq_nocase(p->token.text, span_str(word));
}

static bool take_keyword(struct parser *p, const char *word)
{
    if (!at_keyword(p, word))
        return false;
    next_token(p);
    return true;
}

static bool take(struct parser *p, enum token_kind kind)
{
    if (p->token.kind != kind)
        return false;
    next_token(p);
    return true;
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. */
static unsigned typo_distance(struct span a, struct span b)
{
    unsigned d[TYPO_MAX + 1][TYPO_MAX + 1];

    for (unsigned i = 0; i <= a.n; i++) {
        for (unsigned j = 0; j <= b.n; j++) {
            unsigned best;

            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            best = d[i - 1][j - 1] + (a.p[i - 1] != b.p[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[a.n][b.n];
}

/* The field somebody probably meant, or NULL. */
static const char *near_field(struct span name)
{
    const char *best = NULL;
    unsigned best_distance = UINT32_MAX;

    if (name.n > TYPO_MAX)
        return NULL;
    for (int f = 0; f < WF_COUNT; f++) {
        struct span other = span_str(where_field_name((enum where_field)f));
        unsigned distance = typo_distance(name, other);

        if (distance <= (name.n > other.n ? name.n : other.n) / 3 && distance < best_distance) {
            best = other.p;
            best_distance = distance;
        }
    }
    return best;
}

static void fail_field(struct parser *p, const struct token *t)
{
    struct span shown = utf8_cut(t->text, SHOWN_MAX);
    struct span head = span_of(shown.p, span_find_char(shown, '.'));
    const char *near = near_field(t->text);

    if (span_is(head, "attributes") || span_is(head, "experiments"))
        fail_at(p, t->start, "%.*s needs a name: %.*s.NAME", SPAN_FMT(head), SPAN_FMT(head));
    else if (near)
        fail_at(p, t->start, "unknown field \"%.*s\"; did you mean %s?", SPAN_FMT(shown), near);
    else
        fail_at(p, t->start, "unknown field \"%.*s\"; an attribute is written attributes.%.*s",
                SPAN_FMT(shown), SPAN_FMT(shown));
}

/* attributes.'any text': a key that is no bare word. */
static bool take_quoted_key(struct parser *p, const struct token *t, struct where_node *test)
{
    static const struct {
        const char *prefix;
        enum where_field field;
    } keyed[] = {{"attributes.", WF_ATTRIBUTE}, {"experiments.", WF_EXPERIMENT}};

    if (p->token.kind != TOKEN_STRING || p->token.start != t->end || p->token.text.n == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(keyed); i++) {
        if (!span_is(t->text, keyed[i].prefix) ||
            (p->scope == WHERE_CUSTOMER && keyed[i].field != WF_ATTRIBUTE))
            continue;
        test->field = keyed[i].field;
        test->key = p->token.text;
        next_token(p);
        return true;
    }
    return false;
}

static bool find_field(struct parser *p, const struct token *t, struct where_node *test)
{
    struct span prefix = SPAN_LIT("attributes.");
    int field;

    if (p->scope == WHERE_CUSTOMER && !span_eq(t->text, prefix)) {
        bool stripped = span_starts(t->text, prefix);

        test->field = span_eq(t->text, WHERE_ID) ? WF_CUSTOMER : WF_ATTRIBUTE;
        test->key = stripped ? span_of(t->text.p + prefix.n, t->text.n - prefix.n) : t->text;
        return true;
    }
    field = where_field_find(t->text, &test->key);
    if (field < 0) {
        fail_field(p, t);
        return false;
    }
    test->field = (enum where_field)field;
    return true;
}

static bool parse_field(struct parser *p, struct where_node *test)
{
    struct token t = p->token;

    if (t.kind != TOKEN_WORD || where_is_keyword(t.text)) {
        fail_expected(p, "a field");
        return false;
    }
    test->column = (uint32_t)utf8_count(span_of(p->text.p, t.start)) + 1;
    next_token(p);
    if (take_quoted_key(p, &t, test))
        return true;
    if (!find_field(p, &t, test))
        return false;
    if (!test->key.p)
        return true;
    test->key = arena_dup(p->arena, test->key);
    return test->key.p || fail_memory(p);
}

/* The field as messages name it. */
static struct span test_name(const struct where_node *test)
{
    return utf8_cut(test->key.n ? test->key : span_str(where_field_name(test->field)), SHOWN_MAX);
}

/* The closed vocabulary a field's values come from, or -1. */
static int field_vocab(const struct where_node *test)
{
    switch (test->field) {
    case WF_KIND:
        return VOCAB_KIND;
    case WF_SENTIMENT:
        return VOCAB_SENTIMENT;
    case WF_STAGE:
        return VOCAB_STAGE;
    case WF_LANG:
        return VOCAB_LANG;
    default:
        return -1;
    }
}

static bool fail_word(struct parser *p, const struct token *t, enum vocab vocab, struct span field)
{
    struct span shown = utf8_cut(t->text, SHOWN_MAX);
    char list[100];
    size_t n = 0;

    for (int id = 0; id < vocab_count(vocab); id++) {
        const char *code = vocab_code(vocab, id);

        if (*code)
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", code);
        if (n >= sizeof(list))
            break;
    }
    fail_at(p, t->start, "unknown %.*s \"%.*s\"; one of %s", SPAN_FMT(field), SPAN_FMT(shown),
            list);
    return false;
}

static bool check_value(struct parser *p, const struct where_node *test, const struct token *t,
                        const struct where_value *v)
{
    struct span name = test_name(test);
    bool ordered = test->op == WHERE_LT || test->op == WHERE_LE || test->op == WHERE_GT ||
                   test->op == WHERE_GE;
    int vocab = field_vocab(test);

    switch (where_field_type(test->field)) {
    case WHERE_NUMBER:
        if (!v->is_number)
            return fail_at(p, t->start, "%.*s is compared with a number, without quotes",
                           SPAN_FMT(name));
        return true;
    case WHERE_TIME:
        if (!v->is_time && !v->is_relative)
            return fail_at(p, t->start, "%.*s is compared with a date, an RFC 3339 time or now-30d",
                           SPAN_FMT(name));
        return true;
    case WHERE_BOOL:
        if (t->kind != TOKEN_WORD || (!v->boolean && !span_eq_nocase(v->text, SPAN_LIT("false"))))
            return fail_at(p, t->start, "%.*s is compared with true or false", SPAN_FMT(name));
        return true;
    default:
        break;
    }
    if (ordered && !v->is_number && !v->is_time && !v->is_relative)
        return fail_at(p, t->start, "an order needs a number, a date, an RFC 3339 time or now-30d");
    if (vocab >= 0 && test->op != WHERE_MATCHES &&
        (v->text.n == 0 || vocab_find((enum vocab)vocab, v->text) < 0))
        return fail_word(p, t, (enum vocab)vocab, name);
    return true;
}

static bool parse_value(struct parser *p, const struct where_node *test, struct where_value *ret)
{
    struct token t = p->token;
    struct where_value v;

    if (t.kind != TOKEN_STRING && (t.kind != TOKEN_WORD || where_is_keyword(t.text))) {
        fail_expected(p, t.kind == TOKEN_WORD ? "a value (a keyword needs quotes)" : "a value");
        return false;
    }
    v = where_value_of(t.text, t.kind == TOKEN_STRING);
    if (!check_value(p, test, &t, &v))
        return false;
    if (t.kind == TOKEN_WORD)
        v.text = arena_dup(p->arena, t.text);
    if (!v.text.p) {
        fail_memory(p);
        return false;
    }
    next_token(p);
    *ret = v;
    return true;
}

static bool parse_values(struct parser *p, struct where_node *test, bool list)
{
    struct where_value values[WHERE_VALUES_MAX], *copy;
    size_t n = 0;

    if (list && !take(p, TOKEN_OPEN))
        return fail_expected(p, "( after in");
    do {
        if (n == WHERE_VALUES_MAX)
            return fail_at(p, p->token.start, "more than %d values", WHERE_VALUES_MAX);
        if (!parse_value(p, test, &values[n++]))
            return false;
    } while (list && take(p, TOKEN_COMMA));
    if (list && !take(p, TOKEN_CLOSE))
        return fail_expected(p, ", or )");
    copy = arena_array(p->arena, n, sizeof(*copy));
    if (!copy)
        return fail_memory(p);
    memcpy(copy, values, n * sizeof(*copy));
    test->values = copy;
    test->n_values = n;
    return true;
}

/* `has` is for many values, `matches` for text, an order for all that has one. */
static bool check_operator(struct parser *p, const struct where_node *test, const struct token *t,
                           bool has)
{
    struct span name = test_name(test);
    enum where_type type = where_field_type(test->field);

    if (has && type != WHERE_MULTI)
        return fail_at(p, t->start, "%.*s has one value: write = or in", SPAN_FMT(name));
    if (test->op == WHERE_MATCHES && type != WHERE_TEXT && type != WHERE_MULTI)
        return fail_at(p, t->start, "%.*s is no text: matches does not apply", SPAN_FMT(name));
    if (test->op == WHERE_IN && type == WHERE_BOOL)
        return fail_at(p, t->start, "%.*s is compared with = or !=", SPAN_FMT(name));
    if ((test->op == WHERE_LT || test->op == WHERE_LE || test->op == WHERE_GT ||
         test->op == WHERE_GE) &&
        type != WHERE_NUMBER && type != WHERE_TIME && test->field != WF_ATTRIBUTE)
        return fail_at(p, t->start, "%.*s has no order: write =, != or in", SPAN_FMT(name));
    return true;
}

static struct where_node *new_node(struct parser *p, enum where_op op, struct where_node *left,
                                   struct where_node *right)
{
    struct where_node *n = arena_zalloc(p->arena, sizeof(*n));

    if (!n)
        return fail_memory(p);
    n->op = op;
    n->left = left;
    n->right = right;
    return n;
}

/* The operator, and the values behind it. */
static bool parse_comparison(struct parser *p, struct where_node *test, bool *ret_negated)
{
    struct token t = p->token;
    bool has = at_keyword(p, "has"), list = at_keyword(p, "in");

    if (t.kind == TOKEN_OPERATOR)
        test->op = t.op;
    else if (has || list)
        test->op = WHERE_IN;
    else if (at_keyword(p, "matches"))
        test->op = WHERE_MATCHES;
    else if (at_keyword(p, "not"))
        return fail_at(p, t.start, "not stands before the test: not FIELD in (…)");
    else
        return fail_expected(p, "= != < <= > >= in has or matches");
    next_token(p);
    if (!check_operator(p, test, &t, has) || !parse_values(p, test, list))
        return false;
    *ret_negated = t.negated;
    return true;
}

static struct where_node *parse_test(struct parser *p)
{
    struct where_node *test;
    bool negated = false;

    if (p->n_tests == WHERE_TESTS_MAX)
        return fail_at(p, p->token.start, "more than %d tests", WHERE_TESTS_MAX);
    test = new_node(p, WHERE_EQ, NULL, NULL);
    if (!test || !parse_field(p, test) || !parse_comparison(p, test, &negated))
        return NULL;
    p->n_tests++;
    return negated ? new_node(p, WHERE_NOT, test, NULL) : test;
}

static struct where_node *parse_or(struct parser *p);

static struct where_node *parse_unary(struct parser *p)
{
    struct token t = p->token;
    struct where_node *n;

    if (t.kind != TOKEN_OPEN && !at_keyword(p, "not"))
        return parse_test(p);
    if (p->depth == WHERE_DEPTH_MAX)
        return fail_at(p, t.start, "nested deeper than %d", WHERE_DEPTH_MAX);
    p->depth++;
    next_token(p);
    if (t.kind == TOKEN_OPEN) {
        n = parse_or(p);
        if (n && !take(p, TOKEN_CLOSE))
            n = fail_expected(p, "and, or or )");
    } else {
        n = parse_unary(p);
        if (n)
            n = new_node(p, WHERE_NOT, n, NULL);
    }
    p->depth--;
    return n;
}

static struct where_node *parse_and(struct parser *p)
{
    struct where_node *n = parse_unary(p);

    while (n && take_keyword(p, "and")) {
        struct where_node *right = parse_unary(p);

        n = right ? new_node(p, WHERE_AND, n, right) : NULL;
    }
    return n;
}

static struct where_node *parse_or(struct parser *p)
{
    struct where_node *n = parse_and(p);

    while (n && take_keyword(p, "or")) {
        struct where_node *right = parse_and(p);

        n = right ? new_node(p, WHERE_OR, n, right) : NULL;
    }
    return n;
}

static struct where_node *parse_all(struct parser *p)
{
    struct where_node *root = NULL;
    size_t valid;

    if (p->text.n > WHERE_TEXT_MAX)
        return fail_at(p, WHERE_TEXT_MAX, "the filter is longer than %d bytes", WHERE_TEXT_MAX);
    valid = utf8_valid(p->text);
    if (valid < p->text.n)
        return fail_at(p, valid, "this is not valid UTF-8");
    next_token(p);
    if (p->token.kind == TOKEN_END)
        return NULL;
    root = parse_or(p);
    if (root && p->token.kind != TOKEN_END)
        root = fail_expected(p, "and, or or the end");
    return p->failed ? NULL : root;
}

int where_parse(struct span text, enum where_scope scope, struct arena *a, struct where **ret,
                struct where_error *err)
{
    struct where_error ignored;
    struct parser p = {.text = text.p ? text : SPAN_LIT(""),
                       .scope = scope,
                       .arena = a,
                       .error = err ? err : &ignored};
    struct where *w = arena_zalloc(a, sizeof(*w));
    struct where_node *root;

    if (!w)
        return -ENOMEM;
    root = parse_all(&p);
    if (p.failed)
        return p.failed;
    *w = (struct where){
        .scope = scope, .root = root, .text = arena_dup(a, text), .n_tests = p.n_tests};
    if (text.p && !w->text.p)
        return -ENOMEM;
    *ret = w;
    return 0;
}
