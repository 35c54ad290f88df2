/* nlp: text in, analysis out, by lexicon.
 *
 * Called by daemon/pipeline (worker thread) and `vocctl analyze`; compiled tables come from
 * nlp_build.h. Never reads the clock, the environment or a file but the tables it is told to open;
 * starts no threads; logs nothing.
 *
 * Thread: tables are immutable, any number of threads may share them; a scratch belongs to one
 * thread at a time. Ownership: tables are reference-counted; codes, entries and rules in an
 * analysis point into the tables, everything else into the caller's arena. Input text is borrowed
 * for the call. Cost is linear in the bytes of input; after warm-up no call allocates from malloc
 * (the caller's arena aside). */
#ifndef VOC_NLP_H
#define VOC_NLP_H

#include "base/arena.h"
#include "base/record.h"

struct nlp_tables;
struct nlp_scratch;

/* One stretch of a record. Offsets in evidence are into `text` as given here. */
struct nlp_part {
    struct span text;
    uint16_t part;   /* PART_TITLE, PART_TEXT, PART_TURN + i */
    enum speaker by; /* sentiment, type, categories and signals are read from the customer's words;
                        the agent's are searched for personal data only */
};

struct nlp_input {
    const struct nlp_part *parts;
    size_t n_parts;
    enum lang lang; /* LANG_NONE: detect */
    enum kind kind; /* rules may apply by kind */
};

enum nlp_want {
    NLP_EVIDENCE = 1, /* evidence spans; costs memory, not much time */
    NLP_KEYWORDS = 2,
    NLP_ALL = 3,
};

/* Opens a compiled tables file by mmap after checking magic, format version, size and checksum.
 * 0, -errno, -VOC_E_CORRUPT, -VOC_E_VERSION. */
int nlp_tables_open(const char *path, struct nlp_tables **ret_tables);
struct nlp_tables *nlp_tables_ref(struct nlp_tables *t);
void nlp_tables_unref(struct nlp_tables *t); /* NULL is fine */
/* A number that changes whenever what the tables say changes (stored with each analysis). */
uint32_t nlp_tables_version(const struct nlp_tables *t);
/* Codes the tables can yield, for /v1 vocabularies: NUL-free spans into the tables. */
size_t nlp_tables_categories(const struct nlp_tables *t, const struct span **ret_codes);

/* How many regular expressions the tables hold, and how many of them run as machine code (JIT);
 * the rest are interpreted: slower, not wrong. */
size_t nlp_tables_patterns(const struct nlp_tables *t, size_t *ret_jit);

/* 0 or -ENOMEM. */
int nlp_scratch_new(struct nlp_scratch **ret_scratch);
void nlp_scratch_free(struct nlp_scratch *s);

/* Analyses one record. `want` is a set of enum nlp_want. Any bytes give an analysis: invalid UTF-8
 * is read as U+FFFD. Texts over 1 MiB in total are read up to there. 0 or -ENOMEM (arena full). */
int nlp_analyze(const struct nlp_tables *t, struct nlp_scratch *s, const struct nlp_input *in,
                unsigned want, struct arena *a, struct analysis *ret);

/* The parts of a feedback record: title, text, turns. At most `max`; returns how many. */
size_t nlp_parts_of(const struct feedback *f, struct nlp_part *parts, size_t max);

#endif
