/* lexicon_layer: what the readers of lexicon files share. Private to daemon/core/lexicon_*.c. */
#ifndef VOC_CORE_LEXICON_LAYER_H
#define VOC_CORE_LEXICON_LAYER_H

#include "daemon/core/yaml.h"
#include "nlp/nlp_build.h"

/* Entries a later layer (or an earlier line) has given, by a key that says what they are. */
struct lexicon_seen {
    struct lexicon_given {
        struct span key;
        size_t layer;
        struct nlp_at at;
    } * at;
    size_t n, cap;
};

struct lexicon_load {
    struct arena arena;
    struct nlp_build *build;
    struct yaml_problems problems;
    struct yaml_source *sources; /* of all files read, for excerpts */
    size_t n_sources, cap_sources;
    struct lexicon_seen seen;
    size_t layer; /* read from the last to the first */
    bool weighed; /* the folder has labels.tsv, which speaks of its rules */
    int error;    /* sticky -ENOMEM */
};

struct lexicon_file {
    const struct yaml_source *source;
    const char *name; /* with its folder, NUL-terminated */
    struct span stem; /* polarity of ko/polarity.tsv */
    enum lang lang;
};

/* True when `key` was not given before, which it is from now on. In the same layer that is a
 * problem, told with both places; in a later layer it is an override. */
bool lexicon_is_new(struct lexicon_load *l, struct span key, const struct nlp_at *at);
/* A whole table or rule that a later layer replaces; gives no problem. */
bool lexicon_is_replaced(const struct lexicon_load *l, struct span key);
void lexicon_problem(struct lexicon_load *l, const struct nlp_at *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void lexicon_read_tsv(struct lexicon_load *l, const struct lexicon_file *f);
void lexicon_read_yaml(struct lexicon_load *l, const struct lexicon_file *f);

#endif
