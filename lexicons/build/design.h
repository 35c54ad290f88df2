/* design: this project's own labelled texts as rows of what learned labels look at: n-grams, and
 * the rules and marks nlp finds (nlp_label_features). */
#ifndef LEX_BUILD_DESIGN_H
#define LEX_BUILD_DESIGN_H

#include "lexicons/build/grams.h"

enum { MAX_LABELS = 32 /* LEX_LANES */, MAX_NAME = 64, MAX_FEATURES = 2048, MAX_AUTHORS = 64 };

enum label_kind { KIND_SENTIMENT, KIND_TYPE, KIND_CATEGORY, KIND_SIGNAL, KIND_DOMAIN, LABEL_KINDS };

struct label_name {
    char name[MAX_NAME]; /* category:delivery */
    enum label_kind kind;
};

struct design_row {
    char id[24];
    uint64_t labels; /* a bit each */
    uint64_t unsure; /* those the second reading does not agree on */
    unsigned known;  /* bits 1 << kind: what the row says anything about */
    int author;      /* -1: a text of no service, from DATA */
    bool scored;     /* in cross-validation */
};

struct design {
    struct corpus corpus;
    struct grams grams; /* ids below n_grams are n-grams, those after it features */
    uint32_t n_grams;
    struct design_row *rows;
    struct label_name names[MAX_LABELS];
    int n_names, n_authors;
    char *authors[MAX_AUTHORS];
    char *features[MAX_FEATURES];
    uint32_t n_features;
    bool *is_mark; /* by feature */
    float *length; /* of each row: √(1 + its n-grams) */
};

/* `tables`: the compiled lexicon without labels. Ends the program with a message on failure. */
void design_open(struct design *d, const char *lang, const char *tables);
/* A batch (README.md) by the author its name says (ko-a-01.tsv: ko-a), with its second reading
 * where there is one; what it does not say is "?". Not `scored`: for training alone. */
void design_batch(struct design *d, const char *path, bool scored);
/* Texts of no service: every `every`-th row of a source. */
void design_other(struct design *d, const char *data_dir, enum source s, unsigned every);
/* Counts n-grams of at least min_df texts and joins the features to them. */
void design_count(struct design *d, uint32_t min_df);
/* Only these n-grams from now on (one flag for each id; features stay). */
void design_keep(struct design *d, const uint8_t *keep);
void design_close(struct design *d);

#endif
