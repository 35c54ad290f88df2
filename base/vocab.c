#include "base/vocab.h"

#include "base/vocab_paths.h"

struct word {
    const char *code, *ko, *en;
};

#define WORD(id, code, ko, en) {code, ko, en},
static const struct word kinds[] = {VOCAB_KINDS(WORD)};
static const struct word sentiments[] = {VOCAB_SENTIMENTS(WORD)};
static const struct word types[] = {VOCAB_TYPES(WORD)};
static const struct word signals[] = {VOCAB_SIGNALS(WORD)};
static const struct word categories[] = {VOCAB_CATEGORIES(WORD)};
static const struct word stages[] = {VOCAB_STAGES(WORD)};
static const struct word roles[] = {VOCAB_ROLES(WORD)};
static const struct word langs[] = {VOCAB_LANGS(WORD)};
#undef WORD

#define PATH(code, ko, en) {code, ko, en},
static const struct word paths[] = {VOCAB_PATHS(PATH)};
#undef PATH

static const struct {
    const struct word *words;
    int count;
} tables[] = {
    [VOCAB_KIND] = {kinds, KIND_COUNT},
    [VOCAB_SENTIMENT] = {sentiments, SENTIMENT_COUNT},
    [VOCAB_TYPE] = {types, TYPE_COUNT},
    [VOCAB_SIGNAL] = {signals, SIGNAL_COUNT},
    [VOCAB_CATEGORY] = {categories, CATEGORY_COUNT},
    [VOCAB_STAGE] = {stages, STAGE_COUNT},
    [VOCAB_ROLE] = {roles, ROLE_COUNT},
    [VOCAB_LANG] = {langs, LANG_COUNT},
    [VOCAB_PATH] = {paths, sizeof paths / sizeof paths[0]},
};

static const struct word *word_of(enum vocab v, int id)
{
    static const struct word none = {"", "", ""};

    return id >= 0 && id < vocab_count(v) ? &tables[v].words[id] : &none;
}

const char *vocab_code(enum vocab v, int id)
{
    return word_of(v, id)->code;
}

const char *vocab_label(enum vocab v, int id, enum lang lang)
{
    const struct word *w = word_of(v, id);

    return lang == LANG_KO ? w->ko : w->en;
}

int vocab_find(enum vocab v, struct span code)
{
    for (int id = 0; id < vocab_count(v); id++)
        if (span_is(code, tables[v].words[id].code))
            return id;
    return -1;
}

int vocab_count(enum vocab v)
{
    return (size_t)v < sizeof(tables) / sizeof(tables[0]) ? tables[v].count : 0;
}
