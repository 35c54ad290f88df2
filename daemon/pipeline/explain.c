#include "daemon/pipeline/explain.h"

#include "base/err.h"

int analyze_feedback(const struct nlp_tables *tables, struct nlp_scratch *scratch,
                     const struct feedback *f, unsigned want, struct arena *a, struct analysis *ret)
{
    size_t max = 2 + f->n_turns;
    struct nlp_part *parts = arena_array(a, max, sizeof *parts);
    if (!parts)
        return -ENOMEM;
    struct nlp_input in = {
        .parts = parts,
        .n_parts = nlp_parts_of(f, parts, max),
        .kind = f->kind,
    };
    int lang = f->lang.n >= 2 ? vocab_find(VOCAB_LANG, span_of(f->lang.p, 2)) : -1;
    in.lang = lang > 0 ? (enum lang)lang : LANG_NONE;
    return nlp_analyze(tables, scratch, &in, want, a, ret);
}

int explain(const struct nlp_tables *tables, const struct feedback *f, struct arena *a,
            struct analysis *ret)
{
    struct nlp_scratch *scratch;
    int rc = nlp_scratch_new(&scratch);
    if (rc < 0)
        return rc;
    rc = analyze_feedback(tables, scratch, f, NLP_ALL, a, ret);
    nlp_scratch_free(scratch);
    return rc;
}
