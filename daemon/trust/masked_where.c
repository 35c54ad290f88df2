#include "daemon/trust/masked_where.h"

#include "base/err.h"
#include "daemon/trust/mask.h"

enum { VALUE_MAX = 64 * 1024 };

static int is_customer(void *ctx, const struct where_node *test)
{
    (void)ctx;
    return test->field == WF_CUSTOMER || test->field == WF_CONVERSATION;
}

bool masked_where_names(struct span text, enum where_scope scope, struct arena *a)
{
    struct where *w;
    struct where_error err;
    return where_parse(text, scope, a, &w, &err) < 0 || where_each_test(w, is_customer, NULL) != 0;
}

/* Whether all of the value is what anybody sees of it. */
static bool is_open(struct span value)
{
    struct buf shown;
    buf_init(&shown, VALUE_MAX);
    bool same = mask_text(value, 0, NULL, 0, &shown) == 0 && span_eq(buf_span(&shown), value);
    buf_done(&shown);
    return same;
}

static bool is_plain_test(const struct where_node *test)
{
    if (test->op == WHERE_MATCHES)
        return false;
    for (size_t i = 0; i < test->n_values; i++)
        if (!is_open(test->values[i].text))
            return false;
    return true;
}

static int refuse(void *ctx, const struct where_node *test)
{
    const struct where_node **refused = ctx;
    bool allowed;
    switch (test->field) {
    case WF_CUSTOMER:
    case WF_CONVERSATION:
    case WF_TAG:
    case WF_ATTRIBUTE:
        allowed = false;
        break;
    case WF_SOURCE:
    case WF_CHANNEL:
    case WF_STATUS:
    case WF_AGENT:
    case WF_TEAM:
    case WF_VENDOR:
    case WF_PRODUCT:
    case WF_EXPERIMENT:
        allowed = is_plain_test(test);
        break;
    default: /* codes, numbers, times */
        allowed = true;
    }
    if (!allowed)
        *refused = test;
    return !allowed;
}

const struct where_node *masked_where_refused(const struct where *w)
{
    const struct where_node *refused = NULL;
    where_each_test(w, refuse, &refused);
    return refused;
}
