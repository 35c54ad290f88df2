/* In place of the tables and what is read by them, for tests of what is around it: there is one
 * workspace, and every record reads as "other". */
#include "base/span.h"
#include "daemon/pipeline/explain.h"
#include "daemon/pipeline/pipeline.h"
#include "daemon/pipeline/workspace.h"

struct workspace *workspace_find(const struct workspaces *set, struct span id)
{
    return span_eq(set->first->id, id) ? set->first : NULL;
}

int analyze_feedback(const struct nlp_tables *tables, struct nlp_scratch *scratch,
                     const struct feedback *f, unsigned want, struct arena *a, struct analysis *ret)
{
    (void)tables, (void)scratch, (void)f, (void)want, (void)a;
    *ret = (struct analysis){.type = SPAN_LIT("other"), .lang = LANG_KO};
    return 0;
}

struct nlp_tables *nlp_tables_ref(struct nlp_tables *t)
{
    return t;
}

void nlp_tables_unref(struct nlp_tables *t)
{
    (void)t;
}
