#include "daemon/collect/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "daemon/collect/decode.h"
#include "daemon/collect/letter.h"
#include "daemon/format/json_text.h"
#include "daemon/format/jsonpath.h"

/* --- decoding --- */

static int decode_json(struct span body, json_t **ret, char *why, size_t size)
{
    struct json_problem problem;
    int rc = json_text_parse(body, ret, &problem);
    if (rc != -EINVAL)
        return rc;
    snprintf(why, size, "%s, at line %zu, column %zu of the answer", problem.what, problem.line,
             problem.column);
    return -EPROTO;
}

int page_decode(const struct stream *s, struct span body, json_t **ret, char *why, size_t size)
{
    switch (s->decoder) {
    case DECODE_XML:
        return decode_xml(body, ret, why, size);
    case DECODE_CSV:
        return decode_csv(body, ret, why, size);
    default:
        return decode_json(body, ret, why, size);
    }
}

/* --- records --- */

/* "$.a.b[*]" without its last step. */
static struct span list_path(struct span path)
{
    return path.n > 3 && span_eq(span_of(path.p + path.n - 3, 3), SPAN_LIT("[*]"))
               ? span_of(path.p, path.n - 3)
               : path;
}

static json_t *list_of_one(json_t *v)
{
    json_t *list = json_array();
    if (list && json_array_append(list, v) < 0) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* One record where several would be a list: some converters of XML, and Apple's feed. */
static bool is_single(const struct records *r, json_t *at)
{
    return r->as_list && json_is_object(at);
}

static int find_records(const struct records *r, json_t *root, json_t **ret, char *why, size_t size)
{
    struct span path = list_path(r->path);
    json_t *at = jsonpath_is_list(path) ? NULL : jsonpath_get(root, path);
    bool one = is_single(r, at) || (!jsonpath_is_list(r->path) && json_is_object(at));
    if (!one && !jsonpath_is_list(r->path) && json_is_array(at))
        *ret = json_incref(at);
    else
        *ret = one ? list_of_one(at) : jsonpath_all(root, r->path);
    if (!*ret)
        return -ENOMEM;
    bool none = json_array_size(*ret) == 0;
    bool meant = r->optional || (json_is_array(at) || json_is_object(at)) ||
                 jsonpath_is_empty(root, r->path);
    if (!none || meant)
        return 0;
    snprintf(why, size, "there are no records at %.*s", SPAN_FMT(r->path));
    return -EPROTO;
}

static void note(const struct stream *s, json_t *record, struct page_facts *f)
{
    struct mark m = walk_mark(&s->cursor, record);
    f->newest = walk_further(f->newest, m);
    char *text = json_dumps(record, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text)
        f->print = XXH3_64bits_withSeed(text, strlen(text), f->print);
    free(text);
}

static int choose(const struct stream *s, json_t *all, struct page *p)
{
    p->facts.n = json_array_size(all);
    p->facts.newest = NO_MARK;
    for (size_t i = 0; i < p->facts.n; i++) {
        json_t *record = json_array_get(all, i);
        note(s, record, &p->facts);
        if (s->filter && !expr_test(s->filter, record))
            continue;
        if (json_array_append(p->records, record) < 0)
            return -ENOMEM;
    }
    return 0;
}

int page_read(const struct stream *s, json_t *root, struct page *ret, char *why, size_t size)
{
    json_t *all = NULL;
    *ret = (struct page){.root = root, .records = json_array()};
    ret->facts.page = root;
    int rc = ret->records ? find_records(&s->records, root, &all, why, size) : -ENOMEM;
    if (rc == 0 && json_array_size(all) > PAGE_MAX_RECORDS) {
        snprintf(why, size, "more than %d records in one answer", PAGE_MAX_RECORDS);
        rc = -EPROTO;
    }
    if (rc == 0)
        rc = choose(s, all, ret);
    json_decref(all);
    if (rc < 0)
        page_done(ret);
    return rc;
}

void page_done(struct page *p)
{
    json_decref(p->root);
    json_decref(p->records);
    *p = (struct page){0};
}

/* --- mapping --- */

/* The source is the records' identity: an answer can not speak for another. */
int page_map(const struct stream *s, json_t *record, struct span source, json_t **ret,
             struct reject *why)
{
    int rc = mapping_apply(record, SHAPE_FEEDBACK, s->map, s->n_map, ret, why);
    if (rc < 0)
        return rc;
    if (json_object_set_new(*ret, "source", json_stringn(source.p, source.n)) == 0)
        return 0;
    json_decref(*ret);
    return -ENOMEM;
}

int page_take_one(const struct stream *s, json_t *record, struct span source,
                  const struct item_rules *rules, struct intake *in, struct reject *why)
{
    struct removal removal = {record, s->map, s->n_map, source};
    json_t *mapped = NULL;
    if (s->deleted && expr_test(s->deleted, record))
        return item_remove(in, &removal, rules, why);
    int rc = page_map(s, record, source, &mapped, why);
    if (rc == 0)
        rc = item_try(in, mapped, rules, why);
    json_decref(mapped);
    return rc;
}

static int take_one(const struct stream *s, json_t *record, struct span source,
                    const struct item_rules *rules, struct rng rng, struct intake *in)
{
    struct reject why;
    int rc = page_take_one(s, record, source, rules, in, &why);
    if (rc != -EINVAL)
        return rc;
    char *text = json_dumps(record, JSON_COMPACT | JSON_ENCODE_ANY);
    struct letter letter = {
        .source = source, .stream = s->name, .why = &why, .payload = span_str(text), .once = true};
    rc = text ? letter_add(in, &letter, rules->now, rng) : -ENOMEM;
    free(text);
    return rc;
}

int page_take(const struct stream *s, const struct page *p, struct span source,
              const struct item_rules *rules, struct rng rng, struct intake *in)
{
    size_t n = json_array_size(p->records);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_one(s, json_array_get(p->records, i), source, rules, rng, in);
    return rc;
}
