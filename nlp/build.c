#include "nlp/build.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "nlp/tables.h"

void *table_add(struct nlp_build *b, struct table *t)
{
    if (b->error)
        return NULL;
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        void *p = realloc(t->items, cap * t->size);
        if (!p) {
            b->error = -ENOMEM;
            return NULL;
        }
        t->items = p;
        t->cap = cap;
    }
    void *item = (char *)t->items + t->n++ * t->size;
    memset(item, 0, t->size);
    return item;
}

void build_report(struct nlp_build *b, const struct nlp_at *at, uint32_t skip, const char *fmt, ...)
{
    char message[320];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    struct nlp_at where = *at;
    where.column += skip;
    b->n_reported++;
    if (b->report)
        b->report(b->ctx, &where, message);
}

struct lex_str build_string(struct nlp_build *b, struct span s)
{
    struct table *t = &b->strings;
    if (t->cap - t->n < s.n) {
        size_t cap = (t->cap + s.n) * 2;
        char *p = b->error ? NULL : realloc(t->items, cap);
        if (!p) {
            b->error = -ENOMEM;
            return (struct lex_str){0, 0};
        }
        t->items = p;
        t->cap = cap;
    }
    struct lex_str out = {(uint32_t)t->n, (uint32_t)s.n};
    if (s.n)
        memcpy((char *)t->items + t->n, s.p, s.n);
    t->n += s.n;
    return out;
}

void build_key(struct nlp_build *b, const uint32_t *cp, size_t n, uint32_t posting)
{
    uint32_t *copy = arena_array(&b->arena, n, sizeof(*cp));
    struct build_key *k = copy ? table_add(b, &b->keys) : NULL;
    if (!k) {
        b->error = -ENOMEM;
        return;
    }
    memcpy(copy, cp, n * sizeof(*cp));
    *k = (struct build_key){.cp = copy, .n = (uint16_t)n, .posting = posting};
}

int nlp_build_new(nlp_report_fn *report, void *ctx, struct nlp_build **ret)
{
    struct nlp_build *b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    arena_init(&b->arena, BUILD_MAX_MEMORY);
    norm_init(&b->norm);
    b->report = report;
    b->ctx = ctx;
    b->keys.size = sizeof(struct build_key);
    b->atoms.size = sizeof(struct build_atom);
    b->slots.size = sizeof(struct build_slot);
    b->phrases.size = sizeof(struct lex_phrase);
    b->rules.size = sizeof(struct lex_rule);
    b->patterns.size = sizeof(struct lex_pattern);
    b->codes.size = sizeof(struct lex_str);
    b->strings.size = 1;
    static const double defaults[PARAM_COUNT] = {
#define X(id, name, value) value,
        LEX_PARAMS(X)
#undef X
    };
    for (size_t l = 0; l < LANG_COUNT; l++)
        memcpy(b->params + l * PARAM_COUNT, defaults, sizeof(defaults));
    b->silenced.size = sizeof(struct build_silenced);
    b->features.size = sizeof(struct build_feature);
    for (size_t i = 0; i < 2 * MARK_COUNT; i++)
        table_add(b, &b->features);
    if (b->error) {
        nlp_build_free(b);
        return -ENOMEM;
    }
    *ret = b;
    return 0;
}

void nlp_build_free(struct nlp_build *b)
{
    if (!b)
        return;
    arena_done(&b->arena);
    norm_done(&b->norm);
    struct table *all[] = {&b->keys,     &b->atoms, &b->slots,   &b->phrases,  &b->rules,
                           &b->patterns, &b->codes, &b->strings, &b->features, &b->silenced};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]->items);
    free(b); /* names live in the arena */
}

int nlp_build_word(struct nlp_build *b, const struct nlp_word *w)
{
    if (w->kind >= WORD_KINDS || !tables_number_ok(w->weight)) {
        build_report(b, &w->at, 0, "not a kind of word or not a weight");
        return 0;
    }
    struct build_atom *a = table_add(b, &b->atoms);
    if (!a)
        return b->error;
    *a = (struct build_atom){.at = w->at, .defined = true};
    uint32_t id = (uint32_t)b->atoms.n - 1;
    struct lex_str entry = build_string(b, w->text);
    a->out = (struct lex_atom){.kind = (uint8_t)w->kind,
                               .lang = (uint8_t)w->lang,
                               .flags = (uint16_t)w->flags,
                               .weight = (float)w->weight,
                               .entry = entry};
    build_literal(b, w->text, &w->at, id);
    return b->error;
}

int nlp_build_set(struct nlp_build *b, const struct nlp_set *s)
{
    char name[72];
    int n = snprintf(name, sizeof(name), "{%.*s}", SPAN_FMT(s->name));
    if (n < 3 || n >= (int)sizeof(name)) {
        build_report(b, &s->at, 0, "the name of a set has between 1 and 64 letters");
        return 0;
    }
    uint32_t atom = build_atom_named(b, span_of(name, (size_t)n), s->lang, &s->at);
    if (b->error)
        return b->error;
    TABLE_AT(b->atoms, struct build_atom, atom)->defined = true;
    for (size_t i = 0; i < s->n_words; i++)
        build_literal(b, s->words[i].text, &s->words[i].at, atom);
    return b->error;
}

/* Codes are interned: equal codes have equal offsets, which the analysis compares by. */
static struct lex_str code_string(struct nlp_build *b, const struct nlp_rule *r)
{
    for (size_t i = 0; i < b->rules.n; i++) {
        const struct lex_rule *other = TABLE_AT(b->rules, struct lex_rule, i);
        struct span s = span_of((char *)b->strings.items + other->code.offset, other->code.length);
        if (other->kind == r->kind && span_eq(s, r->code))
            return other->code;
    }
    struct lex_str s = build_string(b, r->code);
    if (r->kind == RULE_CATEGORY) {
        struct lex_str *code = table_add(b, &b->codes);
        if (code)
            *code = s;
    }
    return s;
}

static bool code_ok(struct span code)
{
    if (code.n == 0 || code.n > 120 || code.p[0] == '/' || code.p[code.n - 1] == '/')
        return false;
    for (size_t i = 0; i < code.n; i++) {
        unsigned char c = (unsigned char)code.p[i];
        if (c <= ' ' || c == ',' || c == '"' || c == 0x7F)
            return false;
    }
    return true;
}

int nlp_build_rule(struct nlp_build *b, const struct nlp_rule *r)
{
    static const char *const kinds[] = {"category", "type", "signal", "concept"};
    if (r->kind >= RULE_KINDS || !code_ok(r->code) || r->n_any == 0 || r->gap > 200) {
        build_report(b, &r->at, 0, "a rule has a code, at least one term and a gap up to 200");
        return 0;
    }
    char name[160];
    int n = snprintf(name, sizeof(name), "%s:%.*s", kinds[r->kind], SPAN_FMT(r->code));
    struct lex_str code = code_string(b, r), full = build_string(b, span_of(name, (size_t)n));
    struct lex_rule *out = table_add(b, &b->rules);
    if (!out)
        return b->error;
    uint32_t id = (uint32_t)b->rules.n - 1;
    *out = (struct lex_rule){.kind = (uint8_t)r->kind,
                             .lang = (uint8_t)r->lang,
                             .whole_text = r->whole_text,
                             .requires = r->n_require > 0,
                             .kinds = r->kinds ? r->kinds : UINT32_MAX,
                             .weighed = r->weighed,
                             .threshold = (float)(r->threshold > 0 ? r->threshold : 1.0),
                             .code = code,
                             .name = full};
    for (size_t i = 0; i < r->n_any; i++)
        build_term(b, r, &r->any[i], id, TERM_ANY);
    for (size_t i = 0; i < r->n_require; i++)
        build_term(b, r, &r->require[i], id, TERM_REQUIRE);
    for (size_t i = 0; i < r->n_exclude; i++)
        build_term(b, r, &r->exclude[i], id, TERM_EXCLUDE);
    return b->error;
}

static int add_ngram(struct nlp_build *b, enum lang lang, struct span text, int weight,
                     enum build_key_kind kind, uint32_t posting)
{
    uint32_t cp[LEX_MAX_KEY];
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < LEX_MAX_KEY; n++) {
        unsigned len = utf8_decode(text.p + i, text.n - i, &cp[n]);
        if (len == 0)
            return -EINVAL;
        i += len;
    }
    if (n == 0 || weight < -127 || weight > 127 || (lang != LANG_KO && lang != LANG_EN))
        return -EINVAL;
    build_key(b, cp, n, posting);
    if (b->error)
        return b->error;
    struct build_key *k = TABLE_AT(b->keys, struct build_key, b->keys.n - 1);
    k->kind = (uint8_t)kind;
    k->lang = (uint8_t)lang;
    k->weight = (int8_t)weight;
    return 0;
}

int nlp_build_ngram(struct nlp_build *b, enum lang lang, struct span text, int weight)
{
    return add_ngram(b, lang, text, weight, KEY_NGRAM, 0);
}

static unsigned lane_of(enum lang lang, unsigned lane)
{
    return lane + (lang == LANG_EN ? LEX_LANES : 0);
}

int nlp_build_label_weight(struct nlp_build *b, enum lang lang, struct span text, unsigned lane,
                           int weight)
{
    if (lane >= LEX_LANES)
        return -EINVAL;
    return add_ngram(b, lang, text, weight, KEY_LABEL, lane_of(lang, lane));
}

int nlp_build_label_feature(struct nlp_build *b, enum lang lang, struct span name, unsigned lane,
                            int weight)
{
    if (lane >= LEX_LANES || weight < INT16_MIN || weight > INT16_MAX ||
        (lang != LANG_KO && lang != LANG_EN))
        return -EINVAL;
    struct build_feature *f = NULL;
    const int mark = label_mark_find(name);
    if (mark >= 0)
        f = TABLE_AT(b->features, struct build_feature, (lang == LANG_EN) * MARK_COUNT + mark);
    for (size_t k = b->features.n; !f && k-- > 2 * MARK_COUNT;) {
        struct build_feature *other = TABLE_AT(b->features, struct build_feature, k);
        if (other->lang == lang && span_eq(other->name, name))
            f = other;
    }
    if (!f && (f = table_add(b, &b->features)))
        *f = (struct build_feature){.lang = lang, .name = arena_dup(&b->arena, name)};
    if (!f || (mark < 0 && !f->name.p))
        return b->error = -ENOMEM;
    f->out.weight[lane] = (int16_t)weight;
    return 0;
}

int nlp_build_label(struct nlp_build *b, enum lang lang, unsigned lane, const struct nlp_label *l)
{
    static const char *const kinds[] = {NULL, "sentiment", "type", "category", "signal", "domain"};
    const size_t colon = span_find_char(l->name, ':');
    if (lane >= LEX_LANES || colon + 1 >= l->name.n || (lang != LANG_KO && lang != LANG_EN) ||
        !tables_number_ok(l->scale) || !tables_number_ok(l->bias) ||
        !tables_number_ok(l->threshold))
        return -EINVAL;
    for (uint32_t k = LABEL_SENTIMENT; k < LABEL_KINDS; k++) {
        if (!span_is(span_of(l->name.p, colon), kinds[k]))
            continue;
        struct lex_label *out = &b->labels[lane_of(lang, lane)];
        *out = (struct lex_label){.kind = k,
                                  .scale = (float)l->scale,
                                  .bias = (float)l->bias,
                                  .threshold = (float)l->threshold};
        out->name = build_string(b, l->name);
        out->code = (struct lex_str){out->name.offset + (uint32_t)colon + 1,
                                     out->name.length - (uint32_t)colon - 1};
        return b->error;
    }
    return -EINVAL;
}

int nlp_build_label_silence(struct nlp_build *b, enum lang lang, enum nlp_rule_kind kind,
                            struct span code)
{
    struct build_silenced *s = table_add(b, &b->silenced);
    if (s)
        *s = (struct build_silenced){lang, kind, arena_dup(&b->arena, code)};
    if (s && !s->code.p)
        b->error = -ENOMEM;
    return b->error;
}

int nlp_build_param(struct nlp_build *b, enum lang lang, struct span name, double value)
{
    static const char *const names[PARAM_COUNT] = {
#define X(id, text, value) text,
        LEX_PARAMS(X)
#undef X
    };
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        if (!span_is(name, names[i]))
            continue;
        if (!tables_param_ok((enum lex_param)i, value))
            return -ERANGE;
        b->params[(size_t)lang * PARAM_COUNT + i] = value;
        return 0;
    }
    return -ENOENT;
}
