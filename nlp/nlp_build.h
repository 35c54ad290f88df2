/* nlp_build: word lists and rules in, one compiled tables file out.
 *
 * Called by daemon/core/lexicon_files (for `vocctl lexicon` and for a workspace's additions), which
 * reads YAML and TSV and hands plain structs with source positions down; and by tests.
 *
 * Thread: one owner. Ownership: the builder copies every span it is given; `file` in a position
 * must outlive the builder. Mistakes in the input do not stop the build: each is handed to `report`
 * with its position, and nlp_build_finish() then fails with -EINVAL, so that one run names them
 * all. Cost: about a second for 200,000 n-grams.
 *
 * Terms, set words and word entries are written as lexicons/README.md says: `~늦다` inflects, `|`
 * at an edge is a word's edge, `*` opens one, {late} is a set, `배송 ... {late}` allows a gap. */
#ifndef VOC_NLP_BUILD_H
#define VOC_NLP_BUILD_H

#include "base/buf.h"
#include "base/span.h"
#include "base/vocab.h"

/* What a listed word does. Codes are what lexicon files say; numbers are stored: append only. */
#define NLP_WORDS(X)                                                                               \
    X(WORD_POLARITY, "polarity")   /* weight: -3 .. 3 */                                           \
    X(WORD_MASK, "mask")           /* hides every shorter word inside it: 안내 hides 안 */      \
    X(WORD_NEG_PRE, "neg_pre")     /* negates the predicate after it: 안, 못, not */             \
    X(WORD_NEG_POST, "neg_post")   /* negates the predicate before it: 지 않 */                  \
    X(WORD_NEG_LACK, "neg_lack")   /* negates the noun before it: 없 */                           \
    X(WORD_NEG_NONE, "neg_none")   /* looks like a negation and is none: 지 않을 수 없 */     \
    X(WORD_INTENSITY, "intensity") /* weight: factor on the next polarity word */                  \
    X(WORD_CONTRAST, "contrast")   /* ends a clause whose stance the next one outweighs: 지만 */ \
    X(WORD_TURN, "turn")           /* begins such a next clause: 하지만, but */                 \
    X(WORD_PAST, "past")           /* this clause tells how it used to be: 예전엔 */            \
    X(WORD_COND, "cond") /* what stands before it is a case, not a report: 경우, 으면 */       \
    X(WORD_QUESTION, "question")                                                                   \
    X(WORD_REQUEST, "request")                                                                     \
    X(WORD_WISH, "wish")                                                                           \
    X(WORD_WHY, "why") /* a question that reports a failure: 왜 이렇게, 아직도 */           \
    X(WORD_JOSA, "josa")                                                                           \
    X(WORD_ENDING, "ending") /* ends a predicate: such an eojeol is no keyword */                  \
    X(WORD_STOP, "stop")     /* never a keyword */

enum nlp_word_kind {
#define X(id, code) id,
    NLP_WORDS(X)
#undef X
        WORD_KINDS
};

enum nlp_word_flag {
    NLP_FAILURE = 1,  /* f: reports a failure, so a question around it is a complaint */
    NLP_NOUN = 2,     /* n: what neg_lack may negate */
    NLP_FIXED = 4,    /* x: an idiom no negation turns around */
    NLP_COURTESY = 8, /* c: politeness; no stance of its own beside anything else */
    NLP_TICKET = 16,  /* t: not for reviews */
};

struct nlp_at {
    const char *file; /* NULL: not from a file */
    uint32_t line, column;
};

struct nlp_word {
    struct span text; /* in the notation above, without sets and gaps */
    enum nlp_word_kind kind;
    enum lang lang;
    double weight;
    unsigned flags; /* enum nlp_word_flag */
    struct nlp_at at;
};

struct nlp_term {
    struct span text;
    bool is_pattern; /* a PCRE2 pattern instead of the notation above */
    double weight;
    struct nlp_at at;
};

struct nlp_set {
    struct span name; /* [a-z0-9_]+ */
    enum lang lang;
    const struct nlp_term *words;
    size_t n_words;
    struct nlp_at at;
};

/* A concept yields no code: it is a class of words that learned labels speak of. */
enum nlp_rule_kind { RULE_CATEGORY, RULE_TYPE, RULE_SIGNAL, RULE_CONCEPT, RULE_KINDS };

/* Holds in a sentence (or the whole text) where the weights of the distinct terms found add up to
 * the threshold, one of `require` is there if there are any, and none of `exclude` is. */
struct nlp_rule {
    enum nlp_rule_kind kind;
    enum lang lang;
    struct span code; /* delivery/late */
    const struct nlp_term *any, *require, *exclude;
    size_t n_any, n_require, n_exclude;
    double threshold; /* 0: 1.0 */
    unsigned gap;     /* code points `...` may span; 0: 16; at most 200 */
    bool whole_text;
    bool weighed;   /* decides nothing by itself: learned labels say what it is worth */
    unsigned kinds; /* bits 1 << enum kind; 0: all */
    struct nlp_at at;
};

typedef void nlp_report_fn(void *ctx, const struct nlp_at *at, const char *message);

struct nlp_build;

int nlp_build_new(nlp_report_fn *report, void *ctx, struct nlp_build **ret);
void nlp_build_free(struct nlp_build *b);
/* Each copies its argument and returns 0 or -ENOMEM; mistakes go to `report`. */
int nlp_build_word(struct nlp_build *b, const struct nlp_word *w);
int nlp_build_set(struct nlp_build *b, const struct nlp_set *s);
int nlp_build_rule(struct nlp_build *b, const struct nlp_rule *r);
/* An n-gram of the learned polarity table: normalised text, marks as U+0002 and U+0003. */
int nlp_build_ngram(struct nlp_build *b, enum lang lang, struct span text, int weight);
/* Lane `lane` (below 32) of the learned labels stands for `kind:code` (sentiment, type, category,
 * signal, domain). -EINVAL when there is no such. */
struct nlp_label {
    struct span name;
    double scale;     /* one unit of weight */
    double bias;      /* where scores begin */
    double threshold; /* above it a category or signal holds */
};
int nlp_build_label(struct nlp_build *b, enum lang lang, unsigned lane, const struct nlp_label *l);
/* What an n-gram adds to lane `lane`; n-grams as above. */
int nlp_build_label_weight(struct nlp_build *b, enum lang lang, struct span text, unsigned lane,
                           int weight);
/* The same of the rules of one name (category:delivery/late) or of a mark (mark:question; format.h
 * lists them); weights up to 32767. Names nothing has are ignored. */
int nlp_build_label_feature(struct nlp_build *b, enum lang lang, struct span name, unsigned lane,
                            int weight);
/* Learned labels do not give this code: a layer has rules instead. */
int nlp_build_label_silence(struct nlp_build *b, enum lang lang, enum nlp_rule_kind kind,
                            struct span code);
/* A number of the sentiment model; -ENOENT when there is none of
 * that name, -ERANGE when it is out of bounds. */
int nlp_build_param(struct nlp_build *b, enum lang lang, struct span name, double value);
/* Appends the tables file. 0; -EINVAL when anything was reported; -ENOMEM. */
int nlp_build_finish(struct nlp_build *b, struct buf *out);

/* What the trainer of learned labels fits them on besides n-grams: the names of the features of the
 * text that was analysed last with `s`, each once, at most `max`. Returns how many. */
struct nlp_tables;
struct nlp_scratch;
size_t nlp_label_features(const struct nlp_tables *t, const struct nlp_scratch *s,
                          struct span *ret_names, size_t max);

#endif
