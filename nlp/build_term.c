#include <errno.h>

#include "nlp/build.h"

struct piece {
    uint32_t cp[LEX_MAX_KEY];
    size_t n;
    uint32_t post; /* POST_* */
    bool inflect;
    bool ascii; /* spaces are kept as they are */
};

static bool is_hangul(uint32_t cp)
{
    return cp >= 0xAC00 && cp <= 0xD7A3;
}

static bool is_latin(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= '0' && cp <= '9') || (cp >= 0xC0 && cp <= 0x24F);
}

/* `text` without its edge marks, normalised. False when nothing is left or it is too long. */
static bool read_core(struct nlp_build *b, struct span text, struct piece *p)
{
    norm_reset(&b->norm);
    if (norm_append(&b->norm, text) < 0) {
        b->error = -ENOMEM;
        return false;
    }
    size_t n = b->norm.n - 2;
    if (n == 0 || n > LEX_MAX_KEY)
        return false;
    memcpy(p->cp, b->norm.cp + 1, n * sizeof(*p->cp));
    p->n = n;
    p->ascii = true;
    for (size_t i = 0; i < n; i++)
        p->ascii &= p->cp[i] < 0x80;
    return true;
}

/* Whether an edge character next to `c` is a mark of the notation and not part of an emoticon. */
static bool marks(struct span text, char mark, bool front)
{
    if (text.n < 2 || text.p[front ? 0 : text.n - 1] != mark)
        return false;
    uint32_t c = (unsigned char)text.p[front ? 1 : text.n - 2];
    return c >= 0xE1 || (c == '~' && front) || (c >= 0x80 && !front) || (c | 32) - 'a' < 26U ||
           c - '0' < 10U;
}

static bool read_piece(struct nlp_build *b, struct span text, struct piece *p)
{
    bool open_start = false, open_end = false;
    memset(p, 0, sizeof(*p));
    if (marks(text, '|', true)) {
        p->post |= POST_START;
        text = span_of(text.p + 1, text.n - 1);
    } else if (marks(text, '*', true)) {
        open_start = true;
        text = span_of(text.p + 1, text.n - 1);
    }
    if (marks(text, '~', true) && text.n > 4 && memcmp(text.p + text.n - 3, "다", 3) == 0) {
        p->inflect = true;
        text = span_of(text.p + 1, text.n - 4);
    }
    if (marks(text, '|', false)) {
        p->post |= POST_JOSA;
        text.n--;
    } else if (marks(text, '*', false)) {
        open_end = true;
        text.n--;
    }
    if (!read_core(b, text, p))
        return false;
    bool single = p->n == 1 && is_hangul(p->cp[0]);
    if (!open_start && (single || is_latin(p->cp[0])))
        p->post |= POST_START;
    if (!open_end && is_latin(p->cp[p->n - 1]))
        p->post |= POST_END;
    if (p->inflect)
        p->post |= POST_STEM;
    return true;
}

/* Korean writers drop spaces and add them; each of the first few may be missing. */
static void add_spaced(struct nlp_build *b, const uint32_t *cp, size_t n, bool fixed,
                       uint32_t posting)
{
    size_t spaces = 0;
    for (size_t i = 0; i < n; i++)
        spaces += cp[i] == ' ';
    if (spaces > BUILD_MAX_OPTIONAL)
        spaces = BUILD_MAX_OPTIONAL;
    if (fixed)
        spaces = 0;
    for (unsigned mask = 0; mask < 1U << spaces; mask++) {
        uint32_t out[LEX_MAX_KEY];
        size_t k = 0, at = 0;
        for (size_t i = 0; i < n; i++) {
            if (cp[i] == ' ' && at < spaces && (mask >> at++ & 1))
                continue;
            out[k++] = cp[i];
        }
        build_key(b, out, k, posting);
    }
}

void build_literal(struct nlp_build *b, struct span text, const struct nlp_at *at, uint32_t atom)
{
    struct piece p;
    if (!read_piece(b, span_trim(text), &p)) {
        build_report(b, at, 0, "\"%.*s\" is empty or longer than %d characters", SPAN_FMT(text),
                     LEX_MAX_KEY);
        return;
    }
    uint32_t posting = atom << 8 | p.post;
    if (!p.inflect) {
        add_spaced(b, p.cp, p.n, p.ascii, posting);
        return;
    }
    struct build_form forms[BUILD_MAX_FORMS];
    if (p.n + 2 > LEX_MAX_KEY) {
        build_report(b, at, 0, "\"%.*s\" is too long to inflect", SPAN_FMT(text));
        return;
    }
    size_t n = build_forms(p.cp, p.n, forms);
    for (size_t i = 0; i < n; i++)
        add_spaced(b, forms[i].cp, forms[i].n, false, posting);
}

static uint64_t name_hash(struct span s, enum lang lang)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) + (uint64_t)lang;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static bool names_grow(struct nlp_build *b)
{
    struct table *t = &b->names;
    size_t cap = t->cap ? t->cap * 2 : 1024;
    uint32_t *fresh = arena_zalloc(&b->arena, cap * sizeof(*fresh));
    if (!fresh) {
        b->error = -ENOMEM;
        return false;
    }
    for (size_t i = 0; i < t->cap; i++) {
        uint32_t id = ((uint32_t *)t->items)[i];
        if (!id)
            continue;
        const struct build_atom *a = TABLE_AT(b->atoms, struct build_atom, id - 1);
        size_t h = name_hash(a->name, a->out.lang) & (cap - 1);
        while (fresh[h])
            h = (h + 1) & (cap - 1);
        fresh[h] = id;
    }
    t->items = fresh;
    t->cap = cap;
    return true;
}

uint32_t build_atom_named(struct nlp_build *b, struct span text, enum lang lang,
                          const struct nlp_at *at)
{
    if (b->names.n * 2 >= b->names.cap && !names_grow(b))
        return 0;
    uint32_t *ids = b->names.items;
    size_t h = name_hash(text, lang) & (b->names.cap - 1);
    for (; ids[h]; h = (h + 1) & (b->names.cap - 1)) {
        struct build_atom *a = TABLE_AT(b->atoms, struct build_atom, ids[h] - 1);
        if (a->out.lang == lang && span_eq(a->name, text))
            return ids[h] - 1;
    }
    struct build_atom *a = table_add(b, &b->atoms);
    if (!a)
        return 0;
    uint32_t id = (uint32_t)b->atoms.n - 1;
    bool is_set = text.n > 2 && text.p[0] == '{';
    *a = (struct build_atom){.name = arena_dup(&b->arena, text), .at = *at, .defined = !is_set};
    a->out =
        (struct lex_atom){.kind = ATOM_TERM, .lang = (uint8_t)lang, .entry = build_string(b, text)};
    ids[h] = id + 1;
    b->names.n++;
    if (!is_set)
        build_literal(b, text, at, id);
    return id;
}

/* Cuts the next element of a term off `rest`, at "..." or "…"; false when nothing is left. */
static bool next_element(struct span *rest, struct span *ret)
{
    if (!rest->p)
        return false;
    size_t dots = span_find(*rest, SPAN_LIT("...")), one = span_find(*rest, SPAN_LIT("…"));
    size_t cut = dots < one ? dots : one;
    if (cut == SIZE_MAX) {
        *ret = span_trim(*rest);
        *rest = SPAN_NONE;
        return true;
    }
    *ret = span_trim(span_of(rest->p, cut));
    *rest = span_of(rest->p + cut + 3, rest->n - cut - 3); /* both are three bytes */
    return true;
}

static void add_slot(struct nlp_build *b, uint32_t atom, uint32_t phrase, uint32_t element)
{
    struct build_slot *s = table_add(b, &b->slots);
    if (!s)
        return;
    *s = (struct build_slot){.out = {phrase, element}};
    struct build_atom *a = TABLE_AT(b->atoms, struct build_atom, atom);
    if (a->last_slot)
        TABLE_AT(b->slots, struct build_slot, a->last_slot - 1)->next = (uint32_t)b->slots.n;
    else
        a->first_slot = (uint32_t)b->slots.n;
    a->last_slot = (uint32_t)b->slots.n;
    a->out.n++;
}

static void add_elements(struct nlp_build *b, const struct nlp_rule *r, const struct nlp_term *term,
                         uint32_t phrase)
{
    struct span rest = term->text, element;
    uint32_t n = 0;
    while (next_element(&rest, &element)) {
        if (element.n == 0 || n == BUILD_MAX_ELEMENTS) {
            build_report(b, &term->at, 0, "a term has between 1 and %d parts, none of them empty",
                         BUILD_MAX_ELEMENTS);
            break;
        }
        add_slot(b, build_atom_named(b, element, r->lang, &term->at), phrase, n++);
        if (b->error)
            return;
    }
    struct lex_phrase *p = TABLE_AT(b->phrases, struct lex_phrase, phrase);
    p->n = (uint16_t)(n ? n : 1);
    b->n_states += p->n;
}

void build_term(struct nlp_build *b, const struct nlp_rule *r, const struct nlp_term *term,
                uint32_t rule, enum lex_role role)
{
    struct lex_phrase *p = table_add(b, &b->phrases);
    if (!p)
        return;
    uint32_t phrase = (uint32_t)b->phrases.n - 1;
    *p = (struct lex_phrase){.rule = rule,
                             .weight = (float)term->weight,
                             .n = 1,
                             .gap = (uint16_t)(r->gap ? r->gap : 16),
                             .role = role,
                             .first_state = b->n_states,
                             .entry = build_string(b, term->text)};
    if (!term->is_pattern) {
        add_elements(b, r, term, phrase);
        return;
    }
    b->n_states++;
    build_pattern(b, r, term, phrase);
}
