/* masked_where: filters and those who see masked data.
 *
 * A filter is a question about what is stored, not about what is shown: by `product matches
 * '010-1*'` and the like one would read a hidden number digit by digit, and by `in (…)` all of its
 * endings at once. So an agent
 *   - may not filter by customer, conversation, tag or attributes: what anybody may write there;
 *   - may filter by the other texts (channel, status, agent, team, vendor, product, source,
 *     experiments) with = != in has and values that masking would show as they are, so that nothing
 *     hidden can be guessed; not with matches;
 *   - may filter by everything that is a code, a number or a time.
 * Who is a customer, the lookup answers, which is logged by name.
 *
 * Thread: pure. */
#ifndef VOC_TRUST_MASKED_WHERE_H
#define VOC_TRUST_MASKED_WHERE_H

#include "base/where.h"

/* The first test that may not be made, or NULL. */
const struct where_node *masked_where_refused(const struct where *w);
/* Whether the filter's own text names a customer by id: agents do not see it then. A text that is
 * no filter does, for who knows. */
bool masked_where_names(struct span text, enum where_scope scope, struct arena *a);

#endif
