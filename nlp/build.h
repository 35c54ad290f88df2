/* build: what the files of the builder share. Private to nlp/build*.c. */
#ifndef VOC_NLP_BUILD_PRIVATE_H
#define VOC_NLP_BUILD_PRIVATE_H

#include "base/arena.h"
#include "nlp/format.h"
#include "nlp/norm.h"

#define BUILD_MAX_MEMORY (UINT64_C(512) << 20)
#define BUILD_MAX_FORMS 24    /* inflected forms of one stem */
#define BUILD_MAX_ELEMENTS 6  /* of one term */
#define BUILD_MAX_LITERALS 64 /* that one pattern may wait for */
#define BUILD_MAX_OPTIONAL 3  /* spaces of one term that may be missing */

/* A growing array of fixed-size items in malloc memory. */
struct table {
    void *items;
    size_t n, cap, size;
};

enum build_key_kind { KEY_WORD, KEY_NGRAM, KEY_LABEL, KEY_FRAME };

struct build_key {
    const uint32_t *cp;
    uint16_t n;
    uint8_t kind;     /* enum build_key_kind */
    uint8_t lang;     /* n-grams */
    int8_t weight;    /* n-grams and labels */
    uint32_t posting; /* words; of labels the lane */
};

/* An atom while slots are still being added to it. */
struct build_atom {
    struct lex_atom out;
    struct nlp_at at;
    bool defined; /* false: a set that was named and not yet given */
    struct span name;
    uint32_t first_slot, last_slot; /* chain through build_slot.next, 1-based */
};

struct build_slot {
    struct lex_slot out;
    uint32_t next;
};

struct build_feature {
    struct lex_feature out;
    enum lang lang;
    struct span name; /* in the arena; of a mark none */
};

struct build_silenced {
    enum lang lang;
    enum nlp_rule_kind kind;
    struct span code;
};

struct nlp_build {
    struct arena arena;
    struct norm norm;
    nlp_report_fn *report;
    void *ctx;
    size_t n_reported;
    int error; /* sticky -ENOMEM */
    struct table keys, atoms, slots, phrases, rules, patterns, codes, strings;
    struct table features; /* marks of both languages, then rules */
    struct table silenced;
    struct table names; /* open-addressed: atom + 1 by hash of its name */
    uint32_t n_states;
    struct lex_label labels[2 * LEX_LANES];
    double params[LANG_COUNT * PARAM_COUNT];
};

void *table_add(struct nlp_build *b, struct table *t);
#define TABLE_AT(t, type, i) (&((type *)(t).items)[i])

void build_report(struct nlp_build *b, const struct nlp_at *at, uint32_t skip, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
struct lex_str build_string(struct nlp_build *b, struct span s);
/* Adds a key for `posting` (atom << 8 | POST_*). */
void build_key(struct nlp_build *b, const uint32_t *cp, size_t n, uint32_t posting);

/* build_term.c: all keys of a piece written in the notation of nlp_build.h, without sets and gaps.
 */
void build_literal(struct nlp_build *b, struct span text, const struct nlp_at *at, uint32_t atom);
/* The atom of `text` for rules, made when there is none yet; a set when it reads {name}. */
uint32_t build_atom_named(struct nlp_build *b, struct span text, enum lang lang,
                          const struct nlp_at *at);
void build_term(struct nlp_build *b, const struct nlp_rule *r, const struct nlp_term *term,
                uint32_t rule, enum lex_role role);

/* build_pattern.c: checks a pattern and adds it, reachable through its required literals. */
void build_pattern(struct nlp_build *b, const struct nlp_rule *r, const struct nlp_term *term,
                   uint32_t phrase);

/* build_ko.c: the beginnings of every form of a predicate, given without its 다. Returns how many
 * of `forms` were filled; each is at most n + 2 code points. */
struct build_form {
    uint32_t cp[LEX_MAX_KEY];
    size_t n;
};
size_t build_forms(const uint32_t *stem, size_t n, struct build_form forms[BUILD_MAX_FORMS]);

/* build_trie.c: pages, blocks, cells and what they have, of all keys given. 0 or -ENOMEM. */
struct trie_out {
    uint16_t *pages, *blocks;
    struct lex_cell *cells;
    struct lex_rank *ranks;
    uint32_t *words;
    struct lex_posting *postings;
    struct lex_label_row *rows[2]; /* Korean, English */
    size_t n_blocks, n_cells, n_ranks, n_words, n_postings, n_rows[2];
};
int build_trie(struct build_key *keys, size_t n, const struct lex_atom *atoms,
               struct trie_out *out);
void trie_out_done(struct trie_out *out);

#endif
