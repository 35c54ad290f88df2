#include "daemon/collect/hook_map.h"

#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/jsonpath.h"

const struct config_hook *hook_map_find(const struct config *cfg, struct span workspace,
                                        struct span source)
{
    const struct config_workspace *w = config_workspace(cfg, workspace);

    for (size_t i = 0; w && i < w->n_hooks; i++)
        if (span_eq(w->hooks[i].source, source))
            return &w->hooks[i];
    return NULL;
}

/* The hook's source is the records' identity: a payload can not speak for another. */
int hook_map_record(const struct hook_map *m, json_t *payload, struct reject *why)
{
    const struct config_hook *h = m->config;
    struct removal removal = {payload, h->map, h->n_map, h->source};
    json_t *record = NULL;
    int rc;

    if (h->deleted && expr_test(h->deleted, payload))
        return item_remove(m->intake, &removal, m->rules, why);
    if (h->filter && !expr_test(h->filter, payload))
        return m->again ? reject(why, REJECT_NO_RECORD, "the hook's filter passes it over") : 0;
    if (h->n_map)
        rc = mapping_apply(payload, SHAPE_FEEDBACK, h->map, h->n_map, &record, why);
    else if (!json_is_object(payload))
        rc = reject(why, REJECT_NOT_AN_OBJECT, "the payload's record is no object");
    else
        rc = (record = json_copy(payload)) ? 0 : -ENOMEM;
    if (rc == 0 &&
        json_object_set_new(record, "source", json_stringn(h->source.p, h->source.n)) < 0)
        rc = -ENOMEM;
    if (rc == 0)
        rc = item_try(m->intake, record, m->rules, why);
    json_decref(record);
    return rc;
}

static int take_one(const struct hook_map *m, json_t *payload, bool whole)
{
    struct reject why;
    int rc = hook_map_record(m, payload, &why);
    char *text;

    if (rc != -EINVAL)
        return rc;
    if (whole)
        return m->refused(m->ctx, &why, SPAN_NONE);
    text = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
    rc = text ? m->refused(m->ctx, &why, span_str(text)) : -ENOMEM;
    free(text);
    return rc;
}

/* Every record of a payload; a path that leads nowhere in it is one that can not be mapped. */
static json_t *find_records(json_t *payload, struct span path)
{
    json_t *all;

    if (!jsonpath_is_list(path))
        return json_incref(jsonpath_get(payload, path));
    all = jsonpath_all(payload, path);
    if (all && json_array_size(all) == 0 && !jsonpath_is_empty(payload, path)) {
        json_decref(all);
        return NULL;
    }
    return all;
}

int hook_map_payload(const struct hook_map *m, json_t *payload)
{
    struct span path = m->config->records.n ? m->config->records : SPAN_LIT("$");
    json_t *found = find_records(payload, path);
    struct reject why;
    int rc = 0;

    if (!found || json_is_null(found)) {
        reject(&why, REJECT_NO_RECORD, "there is no record at the hook's path");
        rc = m->refused(m->ctx, &why, SPAN_NONE);
    } else if (!json_is_array(found)) {
        rc = take_one(m, found, true);
    }
    for (size_t i = 0; i < json_array_size(found) && rc == 0; i++)
        rc = take_one(m, json_array_get(found, i), false);
    json_decref(found);
    return rc;
}
