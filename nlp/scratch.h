/* scratch: the working memory of one analysis and the steps it goes through. Private to nlp/.
 *
 *   norm      text to code points                       norm.c
 *   walk      one pass of the trie: words, n-grams      walk.c
 *   scan      words to hits                             scan.c
 *   pii       personal data in the original bytes       pii.c, pii_kinds.c
 *   segment   sentences, then clauses                   segment.c
 *   rules     categories, types, signals                rules.c
 *   labels    what the learned tables say of the same   labels.c
 *   sentiment clauses to stance                         clause.c, sentiment.c
 *   result    what the caller gets                      analyze.c, evidence.c, keywords.c
 *
 * Positions are indexes into norm.cp, over all parts of the record. Everything grows to the largest
 * text seen and stays. */
#ifndef VOC_NLP_SCRATCH_H
#define VOC_NLP_SCRATCH_H

#include "nlp/norm.h"
#include "nlp/tables.h"

#define NLP_MAX_TEXT (1U << 20)
#define NLP_MAX_PARTS 1024
#define NLP_MAX_SENTENCE 400 /* code points; longer ones are cut at a space */
#define NLP_MAX_EVIDENCE 64
#define NLP_MAX_KEYWORDS 12
#define NLP_MAX_CODES 64
#define NLP_MAX_PII 256

/* A growing array kept between texts. */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t n, cap;                                                                             \
    }
/* Room for `more` items past v.n: 0 or -ENOMEM. */
#define VEC_RESERVE(v, more)                                                                       \
    vec_reserve((void **)&(v).at, &(v).cap, (v).n + (more), sizeof(*(v).at))
int vec_reserve(void **at, size_t *cap, size_t need, size_t size);

struct hit {
    uint32_t start, end;
    uint32_t atom;
    uint32_t kind; /* of the atom */
};

struct word { /* a key of the trie that is a word, not yet looked at */
    const struct lex_posting *postings;
    uint32_t start, end, next;
};

struct part_range {
    uint32_t begin, end; /* without the marks */
    uint16_t part;
    struct span text;
};

struct sentence {
    uint32_t begin, end;
    uint32_t first_hit, end_hit;
    double score; /* log-odds */
};

enum clause_gate { GATE_QUESTION = 1, GATE_REQUEST = 2, GATE_WISH = 4 };

struct clause {
    uint32_t begin, end, sentence;
    uint32_t first_hit, end_hit;
    bool contrast; /* the next clause outweighs this one */
    bool past;
    bool why;
    bool failure;    /* a failure is reported here */
    bool curated;    /* a word with a stance of its own was found */
    uint8_t gate;    /* enum clause_gate */
    double sum;      /* of the curated words */
    double courtesy; /* of polite phrases, apart */
    int gram;        /* learned sum */
    double score;    /* log-odds, after the rules between clauses */
};

/* One completed term of a rule. */
struct rule_hit {
    uint32_t phrase, rule, start, end;
};

struct state {
    uint32_t stamp, start, end;
};

struct rule_state {
    uint32_t stamp, fired;
    float score;
    bool required, excluded;
};

struct mark { /* evidence in positions */
    uint32_t start, end;
    double weight;
    struct span rule, entry;
};

struct label_hit { /* for evidence: an n-gram that learned labels look at, where it begins */
    uint32_t at;
    const struct lex_label_row *row;
};

/* Which pairs of syllables may begin what frames a person's name (pii_gate.c). */
struct pii_gate {
    uint64_t rows[64], upper[64];
};

struct nlp_scratch {
    struct norm norm;
    uint16_t *sym;
    int32_t *gram; /* learned weight that begins at a position */
    size_t cap_positions;
    VEC(struct hit) hits;
    VEC(struct hit) masks;
    VEC(struct word) words; /* of one chunk of the walk */
    VEC(struct part_range) parts;
    VEC(struct sentence) sentences;
    VEC(struct clause) clauses;
    VEC(struct rule_hit) rule_hits;
    VEC(uint32_t) touched_rules, text_rules, candidates;
    VEC(struct mark) marks;
    VEC(struct label_hit) label_hits;
    VEC(uint8_t) repeats;    /* how much from each place on also begins an earlier place */
    VEC(uint32_t) marked;    /* cells with their bit in `seen` */
    VEC(uint16_t) spaced;    /* the symbols again, with the spaces of ngram_words */
    VEC(uint32_t) spaced_at; /* their positions */
    VEC(char) utf8;          /* one sentence, for patterns */
    VEC(struct pii_span) pii;
    VEC(uint32_t) raw_cp, raw_at; /* the original text, for personal data */
    struct pii_gate gate;
    uint64_t *seen; /* bit set over cells, for the repeats of long texts */
    size_t cap_seen;
    uint32_t last[UINT16_MAX + 1]; /* by symbol: a stamp of its last place */
    uint32_t pairs[1024];          /* by hash of two symbols, the same */
    uint32_t last_stamp;
    uint64_t order[256]; /* by mask of eight: which they are, a byte each */
    bool wide;           /* walk_wide() may be used */
    /* sized by the tables */
    struct state *states;
    struct rule_state *rules;
    uint32_t *phrase_done, *pattern_done, *feature_done;
    size_t cap_states, cap_rules, cap_phrases, cap_patterns, cap_features;
    uint32_t stamp, text_stamp, sentence_stamp;
    pcre2_match_data *match;
    /* of the text at hand */
    enum lang lang;
    enum kind kind;
    unsigned want;
    const double *params;      /* by enum lex_param, for this language and kind */
    size_t n_grams;            /* of the polarity table */
    size_t n_label_grams;      /* of the learned labels */
    int label_sums[LEX_LANES]; /* of the learned labels */
    size_t first_lane;         /* of this language */
    double gram_share;         /* slope / sqrt(1 + n / damp) */
    double curated_scale;
    double table_odds; /* of the polarity table alone */
    bool has_mark[MARK_COUNT];
    double label_score[LEX_LANES];
    bool any_question, any_request, any_wish, any_failure, any_curated, any_gate;
    bool any_frame; /* of a person's name */
    uint64_t work;  /* trie steps, state moves and bytes given to patterns: what tests count */
};

#define SCAN_CHUNK 128 /* places walked together, from a multiple of it */

int scan_text(const struct nlp_tables *t, struct nlp_scratch *s);
/* Makes hits of the words found in one chunk. 0 or -ENOMEM. */
int scan_words(const struct nlp_tables *t, struct nlp_scratch *s);
/* Whether the rest of the word at `at` is nothing or particles. */
bool scan_only_josa(const struct nlp_tables *t, const struct nlp_scratch *s, size_t at);

int segment_sentences(struct nlp_scratch *s, const struct part_range *part);
int segment_clauses(struct nlp_scratch *s);
/* The clause a position is in; clauses must not be empty. */
size_t segment_clause_at(const struct nlp_scratch *s, uint32_t pos);

int rules_run(const struct nlp_tables *t, struct nlp_scratch *s);

int clause_read(const struct nlp_tables *t, struct nlp_scratch *s, struct clause *c);
/* Also the type, where it was learned: false in *ret_typed where it was not. */
int sentiment_read(const struct nlp_tables *t, struct nlp_scratch *s, struct analysis *out,
                   enum fb_type *ret_type, bool *ret_typed);
/* Log-odds of one clause, learned part included. */
double sentiment_clause(const struct nlp_scratch *s, const struct clause *c);

int mark_add(struct nlp_scratch *s, uint32_t start, uint32_t end, double weight, struct span rule,
             struct span entry);
int evidence_write(const struct nlp_tables *t, struct nlp_scratch *s, struct arena *a,
                   struct analysis *out);
int keywords_write(const struct nlp_tables *t, struct nlp_scratch *s, struct arena *a,
                   struct analysis *out);
/* Personal data in a part's original bytes. */
int pii_find(struct nlp_scratch *s, struct span text, uint16_t part);

#endif
