/* Rule files:
 *
 *   sets:
 *     late: [~늦다, 지연, 안 와]
 *   categories:            # or types:, signals:, concepts:
 *     - code: delivery/late
 *       any: ["{delivery} ... {late}", {term: 당일배송, weight: 0.5}, {pattern: '배송.{0,9}일째'}]
 *       require: […]       # one of these in the same sentence
 *       exclude: […]       # none of these
 *       threshold: 1       # what the weights of `any` must add up to
 *       gap: 16            # characters `...` may span
 *       scope: text        # the whole text instead of one sentence
 *       kinds: [ticket]    # only these kinds of record
 *       replace: true      # instead of the rules of this code in the layers below */
#include <stdio.h>

#include "base/err.h"
#include "daemon/core/lexicon_layer.h"

struct reader {
    struct lexicon_load *l;
    const struct lexicon_file *f;
};

static struct nlp_at at_of(const struct reader *r, const struct yaml_node *n)
{
    return (struct nlp_at){r->f->name, n->at.line, n->at.column + (n->quoted ? 1 : 0)};
}

static void problem(const struct reader *r, const struct yaml_node *n, const char *what)
{
    struct nlp_at at = {r->f->name, n->at.line, n->at.column};
    lexicon_problem(r->l, &at, "%s, not %s", what, yaml_describe(n));
}

static const struct yaml_node *member(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *n = map->first; n; n = n->next)
        if (span_is(n->key->text, key))
            return n;
    return NULL;
}

static void check_keys(const struct reader *r, const struct yaml_node *map,
                       const char *const *allowed)
{
    for (const struct yaml_node *n = map->first; n; n = n->next) {
        const char *const *k = allowed;
        while (*k && !span_is(n->key->text, *k))
            k++;
        struct nlp_at at = at_of(r, n->key);
        if (!*k)
            lexicon_problem(r->l, &at, "%.*s means nothing here", SPAN_FMT(n->key->text));
        for (const struct yaml_node *m = map->first; m != n; m = m->next)
            if (span_eq(m->key->text, n->key->text))
                lexicon_problem(r->l, &at, "%.*s is given twice", SPAN_FMT(n->key->text));
    }
}

static bool read_number(const struct reader *r, const struct yaml_node *map, const char *key,
                        double low, double high, double *ret)
{
    const struct yaml_node *n = member(map, key);
    double v;
    if (!n)
        return true;
    if (n->type != YAML_SCALAR || span_to_f64(n->text, &v) < 0 || v < low || v > high) {
        char what[80];
        snprintf(what, sizeof(what), "%s must be a number from %g to %g", key, low, high);
        problem(r, n, what);
        return false;
    }
    *ret = v;
    return true;
}

static bool read_term(const struct reader *r, const struct yaml_node *n, struct nlp_term *out)
{
    static const char *const keys[] = {"term", "pattern", "weight", NULL};
    *out = (struct nlp_term){.weight = 1.0};
    if (n->type == YAML_MAP) {
        check_keys(r, n, keys);
        const struct yaml_node *term = member(n, "term"), *pattern = member(n, "pattern");
        if (!read_number(r, n, "weight", -10, 10, &out->weight))
            return false;
        if (!term == !pattern) {
            problem(r, n, "an entry has either a term or a pattern");
            return false;
        }
        out->is_pattern = pattern != NULL;
        n = term ? term : pattern;
    }
    if (n->type != YAML_SCALAR || n->text.n == 0) {
        problem(r, n, "a term is text");
        return false;
    }
    out->text = n->text;
    out->at = at_of(r, n);
    return true;
}

static void read_terms(const struct reader *r, const struct yaml_node *list,
                       const struct nlp_term **ret_terms, size_t *ret_n)
{
    size_t n = 0;
    *ret_terms = NULL;
    *ret_n = 0;
    if (!list)
        return;
    if (list->type != YAML_LIST) {
        problem(r, list, "this is a list of terms");
        return;
    }
    for (const struct yaml_node *i = list->first; i; i = i->next)
        n++;
    struct nlp_term *terms = arena_array(&r->l->arena, n, sizeof(*terms));
    if (!terms) {
        r->l->error = -ENOMEM;
        return;
    }
    size_t k = 0;
    for (const struct yaml_node *i = list->first; i; i = i->next)
        k += read_term(r, i, &terms[k]);
    *ret_terms = terms;
    *ret_n = k;
}

static void read_sets(const struct reader *r, const struct yaml_node *sets)
{
    if (sets->type != YAML_MAP) {
        problem(r, sets, "sets have names, each with a list of words");
        return;
    }
    for (const struct yaml_node *n = sets->first; n && r->l->error == 0; n = n->next) {
        struct nlp_set set = {.name = n->key->text, .lang = r->f->lang, .at = at_of(r, n->key)};
        read_terms(r, n, &set.words, &set.n_words);
        r->l->error = nlp_build_set(r->l->build, &set) ?: r->l->error;
    }
}

static void read_kinds(const struct reader *r, const struct yaml_node *list, unsigned *ret)
{
    if (!list)
        return;
    for (const struct yaml_node *n = list->first; n; n = n->next) {
        int kind = n->type == YAML_SCALAR ? vocab_find(VOCAB_KIND, n->text) : -1;
        if (kind < 0)
            problem(r, n, "this is a kind of record (ticket, review, survey, chat, call, social)");
        else
            *ret |= 1U << kind;
    }
}

static bool is_true(const struct yaml_node *n)
{
    return n && span_is(n->text, "true");
}

/* Whether a rule of this code was replaced above; one that replaces says so to those below. */
static bool is_replaced(const struct reader *r, const struct nlp_rule *rule, bool replaces)
{
    char key[200];
    int n = snprintf(key, sizeof(key), "r:%d:%d:%.*s", (int)rule->lang, (int)rule->kind,
                     SPAN_FMT(rule->code));
    if (n < 0 || (size_t)n >= sizeof(key))
        return false;
    struct span s = span_of(key, (size_t)n);
    if (lexicon_is_replaced(r->l, s))
        return true;
    if (replaces && lexicon_is_new(r->l, s, &rule->at))
        r->l->error =
            nlp_build_label_silence(r->l->build, rule->lang, rule->kind, rule->code) ?: r->l->error;
    return false;
}

static void read_rule(const struct reader *r, const struct yaml_node *n, enum nlp_rule_kind kind)
{
    static const char *const keys[] = {"code", "any",   "require", "exclude", "threshold",
                                       "gap",  "scope", "kinds",   "replace", NULL};
    struct nlp_rule rule = {.kind = kind, .lang = r->f->lang, .weighed = r->l->weighed};
    double gap = 0;
    if (n->type != YAML_MAP) {
        problem(r, n, "a rule has a code and terms");
        return;
    }
    check_keys(r, n, keys);
    const struct yaml_node *code = member(n, "code"), *scope = member(n, "scope");
    if (!code || code->type != YAML_SCALAR) {
        problem(r, n, "a rule needs a code");
        return;
    }
    rule.code = code->text;
    rule.at = at_of(r, code);
    read_number(r, n, "threshold", 0, 100, &rule.threshold);
    read_number(r, n, "gap", 1, 200, &gap);
    rule.gap = (unsigned)gap;
    rule.whole_text = scope && span_is(scope->text, "text");
    read_kinds(r, member(n, "kinds"), &rule.kinds);
    read_terms(r, member(n, "any"), &rule.any, &rule.n_any);
    read_terms(r, member(n, "require"), &rule.require, &rule.n_require);
    read_terms(r, member(n, "exclude"), &rule.exclude, &rule.n_exclude);
    if (!is_replaced(r, &rule, is_true(member(n, "replace"))) && r->l->error == 0)
        r->l->error = nlp_build_rule(r->l->build, &rule);
}

static void read_rules(const struct reader *r, const struct yaml_node *list,
                       enum nlp_rule_kind kind)
{
    if (list->type != YAML_LIST) {
        problem(r, list, "this is a list of rules");
        return;
    }
    for (const struct yaml_node *n = list->first; n && r->l->error == 0; n = n->next)
        read_rule(r, n, kind);
}

void lexicon_read_yaml(struct lexicon_load *l, const struct lexicon_file *f)
{
    static const char *const keys[] = {"sets", "categories", "types", "signals", "concepts", NULL};
    static const enum nlp_rule_kind kinds[] = {RULE_KINDS, RULE_CATEGORY, RULE_TYPE, RULE_SIGNAL,
                                               RULE_CONCEPT};
    struct reader r = {l, f};
    struct yaml_node *root = NULL;
    int e = yaml_parse(f->source, &l->arena, &l->problems, &root);
    if (e == -ENOMEM)
        l->error = e;
    if (e < 0 || !root)
        return;
    if (root->type != YAML_MAP) {
        problem(&r, root, "a rule file has sets, categories, types, signals or concepts");
        return;
    }
    check_keys(&r, root, keys);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct yaml_node *n = member(root, keys[i]);
        if (n && i == 0)
            read_sets(&r, n);
        else if (n)
            read_rules(&r, n, kinds[i]);
    }
}
