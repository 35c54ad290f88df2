/* The last step of a build: everything collected, laid out as format.h says. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "nlp/build.h"
#include "nlp/pii.h"
#include "nlp/tables.h"

/* Sets that rules name and nobody gave. */
static void check_sets(struct nlp_build *b)
{
    for (size_t i = 0; i < b->atoms.n; i++) {
        const struct build_atom *a = TABLE_AT(b->atoms, struct build_atom, i);
        if (!a->defined)
            build_report(b, &a->at, 0, "there is no set %.*s", SPAN_FMT(a->name));
    }
}

/* Slots in the order of their atoms, so that an atom names them by a range. */
static struct lex_slot *flatten_slots(struct nlp_build *b)
{
    struct lex_slot *out = calloc(b->slots.n + 1, sizeof(*out));
    uint32_t n = 0;
    for (size_t i = 0; out && i < b->atoms.n; i++) {
        struct build_atom *a = TABLE_AT(b->atoms, struct build_atom, i);
        if (a->out.kind != ATOM_TERM)
            continue;
        a->out.first = n;
        for (uint32_t s = a->first_slot; s;) {
            const struct build_slot *slot = TABLE_AT(b->slots, struct build_slot, s - 1);
            out[n++] = slot->out;
            s = slot->next;
        }
    }
    return out;
}

static int add_section(struct buf *out, size_t start, struct lex_header *h, enum lex_section id,
                       const void *items, size_t n, size_t size)
{
    static const char zero[8];
    int r = buf_append(out, zero, (8 - (out->n - start) % 8) % 8);
    h->sections[id].offset = out->n - start;
    h->sections[id].count = n;
    return n && r == 0 ? buf_append(out, items, n * size) : r;
}

static void silence(struct nlp_build *b, const struct build_silenced *s)
{
    static const uint32_t kinds[] = {LABEL_CATEGORY, LABEL_TYPE, LABEL_SIGNAL, LABEL_NONE};
    for (size_t k = 0; k < LEX_LANES; k++) {
        struct lex_label *l = &b->labels[(s->lang == LANG_EN) * LEX_LANES + k];
        const struct span code = span_of((char *)b->strings.items + l->code.offset, l->code.length);
        if (l->kind != LABEL_NONE && l->kind == kinds[s->kind] && span_eq(code, s->code))
            l->silenced = true;
    }
}

/* Rules learn which feature they are. */
static void link_rules(struct nlp_build *b)
{
    for (size_t i = 0; i < b->rules.n; i++) {
        struct lex_rule *r = TABLE_AT(b->rules, struct lex_rule, i);
        const struct span name = span_of((char *)b->strings.items + r->name.offset, r->name.length);
        for (size_t k = 2 * MARK_COUNT; k < b->features.n; k++) {
            const struct build_feature *f = TABLE_AT(b->features, struct build_feature, k);
            if ((uint8_t)f->lang == r->lang && span_eq(f->name, name))
                r->feature = (uint32_t)k;
        }
    }
}

static int write_file(struct nlp_build *b, const struct trie_out *trie,
                      const struct lex_slot *slots, const struct lex_atom *atoms,
                      const struct lex_feature *features, struct buf *out)
{
    struct lex_header h = {.magic = LEX_MAGIC, .format = LEX_FORMAT};
    const size_t start = out->n, head = offsetof(struct lex_header, sections);
    buf_append(out, &h, sizeof(h));
#define ADD(id, items, n, type) add_section(out, start, &h, LEX_##id, items, n, sizeof(type))
    ADD(PAGES, trie->pages, LEX_N_PAGES, uint16_t);
    ADD(BLOCKS, trie->blocks, trie->n_blocks, uint16_t);
    ADD(CELLS, trie->cells, trie->n_cells, struct lex_cell);
    ADD(RANKS, trie->ranks, trie->n_ranks, struct lex_rank);
    ADD(WORDS, trie->words, trie->n_words, uint32_t);
    ADD(POSTINGS, trie->postings, trie->n_postings, struct lex_posting);
    ADD(ATOMS, atoms, b->atoms.n, struct lex_atom);
    ADD(SLOTS, slots, b->slots.n, struct lex_slot);
    ADD(PHRASES, b->phrases.items, b->phrases.n, struct lex_phrase);
    ADD(RULES, b->rules.items, b->rules.n, struct lex_rule);
    ADD(PATTERNS, b->patterns.items, b->patterns.n, struct lex_pattern);
    ADD(CODES, b->codes.items, b->codes.n, struct lex_str);
    ADD(LABELS, b->labels, ARRAY_LEN(b->labels), struct lex_label);
    ADD(ROWS_KO, trie->rows[0], trie->n_rows[0], struct lex_label_row);
    ADD(ROWS_EN, trie->rows[1], trie->n_rows[1], struct lex_label_row);
    ADD(FEATURES, features, b->features.n, struct lex_feature);
    ADD(PARAMS, b->params, ARRAY_LEN(b->params), double);
    ADD(STRINGS, b->strings.items, b->strings.n, char);
#undef ADD
    if (buf_error(out))
        return buf_error(out);
    h.size = out->n - start;
    char *p = out->p + start;
    memcpy(p, &h, sizeof(h));
    h.checksum = tables_checksum(p + head, h.size - head);
    h.version = (uint32_t)h.checksum ? (uint32_t)h.checksum : 1;
    memcpy(p, &h, sizeof(h));
    return 0;
}

static int lay_out(struct nlp_build *b, struct buf *out)
{
    struct trie_out trie = {0};
    struct lex_slot *slots = flatten_slots(b);
    struct lex_atom *atoms = calloc(b->atoms.n + 1, sizeof(*atoms));
    struct lex_feature *features = calloc(b->features.n + 1, sizeof(*features));
    int r = slots && atoms && features ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < b->atoms.n; i++)
        atoms[i] = TABLE_AT(b->atoms, struct build_atom, i)->out;
    for (size_t i = 0; r == 0 && i < b->features.n; i++)
        features[i] = TABLE_AT(b->features, struct build_feature, i)->out;
    link_rules(b);
    for (size_t i = 0; i < b->silenced.n; i++)
        silence(b, TABLE_AT(b->silenced, struct build_silenced, i));
    if (r == 0)
        r = build_trie(b->keys.items, b->keys.n, atoms, &trie);
    if (r == 0 && (trie.n_cells >= 1U << 24 || b->atoms.n >= 1U << 24))
        r = -EFBIG;
    if (r == 0)
        r = write_file(b, &trie, slots, atoms, features, out);
    free(features);
    trie_out_done(&trie);
    free(slots);
    free(atoms);
    return r;
}

static void add_frames(struct nlp_build *b)
{
    const char *frame;
    for (size_t i = 0; b->error == 0 && (frame = pii_frame(i)); i++) {
        uint32_t cp[PII_FRAME_MAX];
        const size_t len = strlen(frame);
        size_t n = 0;
        for (size_t at = 0; at < len; n++)
            at += utf8_decode(frame + at, len - at, &cp[n]);
        build_key(b, cp, n, 0);
        if (b->error == 0)
            TABLE_AT(b->keys, struct build_key, b->keys.n - 1)->kind = KEY_FRAME;
    }
}

int nlp_build_finish(struct nlp_build *b, struct buf *out)
{
    check_sets(b);
    add_frames(b);
    if (b->error)
        return b->error;
    return b->n_reported ? -EINVAL : lay_out(b, out);
}
