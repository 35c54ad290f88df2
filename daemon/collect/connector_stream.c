#include <stddef.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/connector_impl.h"
#include "daemon/core/map_read.h"

enum { MAX_PARTITIONS = 64, MAX_HYDRATE = 4, MAX_MAP = 128 };

#define IN_REQUEST                                                                                 \
    (SCOPE_BIT(SCOPE_CFG) | SCOPE_BIT(SCOPE_SECRET) | SCOPE_BIT(SCOPE_CURSOR) |                    \
     SCOPE_BIT(SCOPE_PAGE) | SCOPE_BIT(SCOPE_WINDOW) | SCOPE_BIT(SCOPE_PARTITION))
#define CURSOR_SCOPES                                                                              \
    (SCOPE_BIT(SCOPE_CURSOR) | SCOPE_BIT(SCOPE_WINDOW) | SCOPE_BIT(SCOPE_PARTITION))
#define IN_CHILD (IN_REQUEST | SCOPE_BIT(SCOPE_RECORD))

/* --- request --- */

static int read_method(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"GET", "POST", NULL};
    *(bool *)out = read_word(r, n, words) == 1;
    return 0;
}

/* What follows `base` would otherwise go on in its host, and take the credentials there. */
static void check_rooted(struct reading *r, const struct yaml_node *n, const struct template *path)
{
    if (path->n > 0 && (path->pieces[0].hole || path->pieces[0].text.p[0] != '/'))
        read_problem(r, n, "path must begin with /");
}

static int read_request_in(struct reading *r, const struct yaml_node *n, unsigned scopes,
                           struct call *c)
{
    static const struct key keys[] = {
        {"path", read_template, offsetof(struct call, path), true},
        {"method", read_method, offsetof(struct call, post), false},
        {"query", read_list, offsetof(struct call, query), false},
        {"first", read_list, offsetof(struct call, first), false},
        {"resume", read_list, offsetof(struct call, resume), false},
        {"headers", read_list, offsetof(struct call, headers), false},
        {"body", read_body, offsetof(struct call, body), false},
    };
    r->scopes = scopes;
    int rc = read_keys(r, n, keys, ARRAY_LEN(keys), c);
    c->post = c->post || c->body;
    check_rooted(r, n, &c->path);
    return rc;
}

static int read_request(struct reading *r, const struct yaml_node *n, void *out)
{
    return read_request_in(r, n, IN_REQUEST, out);
}

/* Of a list of partitions: it has no position, and is no partition itself. */
static int read_parent_request(struct reading *r, const struct yaml_node *n, void *out)
{
    return read_request_in(r, n, IN_REQUEST & ~(CURSOR_SCOPES), out);
}

/* --- records --- */

static int read_records(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"path", read_any_path, offsetof(struct records, path), true},
        {"as_list", read_flag, offsetof(struct records, as_list), false},
        {"optional", read_flag, offsetof(struct records, optional), false},
    };
    struct records *records = out;
    return n->type == YAML_SCALAR ? read_any_path(r, n, &records->path)
                                  : read_keys(r, n, keys, ARRAY_LEN(keys), records);
}

static int read_decoder(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"json", "xml", "csv", NULL};
    int i = read_word(r, n, words);
    if (i >= 0)
        *(enum decoder *)out = (enum decoder)i;
    return 0;
}

static int read_map(struct reading *r, const struct yaml_node *n, void *out)
{
    struct map_reading reading = {r->source, r->arena, r->problems, SHAPE_FEEDBACK};
    struct stream *s = out;
    struct map_entry *map = NULL;
    bool has_id = false;
    int rc = map_read(&reading, n, MAX_MAP, &map, &s->n_map);
    for (size_t i = 0; i < s->n_map; i++)
        has_id |= span_is(map[i].target, "external_id");
    if (rc == 0 && !has_id && n->type == YAML_MAP)
        read_problem(r, n, "external_id is missing here");
    s->map = map;
    return rc;
}

/* --- paging --- */

struct page_keys {
    struct paging page;
    struct span next_url, link, token;
    int64_t number, offset;
};

static const struct key page_keys[] = {
    {"next_url", read_path, offsetof(struct page_keys, next_url), false},
    {"link_header", read_name, offsetof(struct page_keys, link), false},
    {"token", read_path, offsetof(struct page_keys, token), false},
    {"number", read_number, offsetof(struct page_keys, number), false},
    {"offset", read_number, offsetof(struct page_keys, offset), false},
    {"size", read_number, offsetof(struct page_keys, page.size), false},
    {"rebase", read_flag, offsetof(struct page_keys, page.rebase), false},
    {"restart", read_flag, offsetof(struct page_keys, page.restart), false},
};

static void choose_page(struct reading *r, const struct yaml_node *n, struct page_keys *k,
                        struct paging *out)
{
    unsigned chosen =
        !!k->next_url.p + !!k->link.p + !!k->token.p + (k->number >= 0) + (k->offset >= 0);
    if (chosen != 1)
        read_problem(r, n, "expected exactly one of next_url, link_header, token, number, offset");
    k->page.kind = k->next_url.p    ? PAGE_NEXT_URL
                   : k->link.p      ? PAGE_LINK
                   : k->token.p     ? PAGE_TOKEN
                   : k->number >= 0 ? PAGE_NUMBER
                                    : PAGE_OFFSET;
    k->page.path = k->next_url.p ? k->next_url : k->token;
    k->page.rel = k->link;
    k->page.first = k->number >= 0 ? k->number : k->offset >= 0 ? k->offset : 0;
    if (k->page.restart && (k->page.kind < PAGE_NUMBER || k->page.size == 0))
        read_problem(r, n, "restart needs number or offset, and size");
    *out = k->page;
}

static int read_page(struct reading *r, const struct yaml_node *n, void *out)
{
    struct page_keys k = {.number = -1, .offset = -1};
    if (n->type == YAML_SCALAR && span_is(n->text, "none"))
        return 0;
    int rc = read_keys(r, n, page_keys, ARRAY_LEN(page_keys), &k);
    if (rc == 0 && n->type == YAML_MAP)
        choose_page(r, n, &k, out);
    return rc;
}

static int read_stop(struct reading *r, const struct yaml_node *n, void *out)
{
    struct stopping *s = out;
    if (n->type == YAML_LIST) {
        int rc = 0;
        for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next)
            rc = e->type == YAML_LIST ? 0 : read_stop(r, e, out);
        return rc;
    }
    if (n->type == YAML_SCALAR && span_is(n->text, "empty")) {
        s->empty = true;
        return 0;
    }
    if (n->type == YAML_SCALAR && span_is(n->text, "older_than_cursor")) {
        s->older = true;
        return 0;
    }
    if (s->when)
        read_problem(r, n, "one condition only; join several with or");
    return read_expr(r, n, &s->when);
}

/* --- cursor --- */

static int read_order(struct reading *r, const struct yaml_node *n, void *out)
{
    static const char *const words[] = {"none", "asc", "desc", NULL};
    *(bool *)out = read_word(r, n, words) == 1;
    return 0;
}

/* A number of ids, or a length of time. */
static int read_lag(struct reading *r, const struct yaml_node *n, void *out)
{
    struct cursor *c = out;
    int64_t plain;
    if (n->type == YAML_SCALAR && span_to_i64(n->text, &plain) == 0)
        return read_number(r, n, &c->lag_n);
    return read_duration(r, n, &c->lag_ms);
}

static int read_cursor(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"opaque", read_path, offsetof(struct cursor, opaque), false},
        {"time", read_path, offsetof(struct cursor, time), false},
        {"int", read_path, offsetof(struct cursor, integer), false},
        {"format", read_zone_form, 0, false},
        {"order", read_order, offsetof(struct cursor, ascending), false},
        {"lag", read_lag, 0, false},
    };
    struct cursor *c = out;
    int rc = read_keys(r, n, keys, ARRAY_LEN(keys), c);
    if (n->type != YAML_MAP)
        return rc;
    if (c->opaque.p ? c->time.p || c->integer.p : !c->time.p && !c->integer.p)
        read_problem(r, n, "expected opaque, or time, or int, or time and int");
    c->kind = c->opaque.p                 ? CURSOR_OPAQUE
              : c->time.p && c->integer.p ? CURSOR_COMPOUND
              : c->time.p                 ? CURSOR_TIME
                                          : CURSOR_INT;
    if (c->lag_n > 0 && c->kind != CURSOR_INT)
        read_problem(r, n, "this lag needs a unit, like 60s");
    if (c->lag_ms > 0 && c->kind == CURSOR_INT)
        read_problem(r, n, "the lag of int is a number of ids");
    return rc;
}

static int read_window(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"step", read_duration, offsetof(struct windows, step_ms), true},
        {"lag", read_duration, offsetof(struct windows, lag_ms), false},
        {"look_back", read_duration, offsetof(struct windows, back_ms), false},
    };
    struct windows *w = out;
    int rc = read_keys(r, n, keys, ARRAY_LEN(keys), w);
    if (rc == 0 && w->step_ms > 0 && w->step_ms < MS_MINUTE)
        read_problem(r, n, "step must be a minute at least");
    return rc;
}

/* What the keys of a stream want of each other. */
static void check(struct reading *r, const struct yaml_node *n, const struct stream *s)
{
    if (s->page.restart && (!s->cursor.ascending || s->cursor.kind < CURSOR_TIME))
        read_problem(r, n, "page.restart needs a cursor of time or int, order: asc");
    if (s->stop.older && s->cursor.kind < CURSOR_TIME)
        read_problem(r, n, "stop: older_than_cursor needs a cursor of time or int");
    if (s->page.kind >= PAGE_NUMBER && s->page.size == 0 && !s->stop.empty && !s->stop.when)
        read_problem(r, n, "page needs its size, or stop: empty, to know the last one");
    if (s->resync.every_ms > 0 && !s->cursor.time.p && s->window.step_ms == 0)
        read_problem(r, n, "resync needs a cursor of time, or a window");
    if (s->window.step_ms > 0 && s->cursor.kind == CURSOR_OPAQUE)
        read_problem(r, n, "window and an opaque cursor do not go together");
    if (s->decoder == DECODE_CSV && !span_is(s->records.path, "$[*]"))
        read_problem(r, n, "records of csv are at $[*]");
}

static int read_resync(struct reading *r, const struct yaml_node *n, void *out)
{
    static const struct key keys[] = {
        {"every", read_duration, offsetof(struct resync, every_ms), true},
        {"back", read_duration, offsetof(struct resync, back_ms), true},
    };
    return read_keys(r, n, keys, ARRAY_LEN(keys), out);
}

/* A list that is asked for: a stream of its own, of which only one value a record is taken. */
struct parent_keys {
    struct stream stream;
    struct partition partition;
};

static const struct key parent_keys[] = {
    {"request", read_parent_request, offsetof(struct parent_keys, stream.call), true},
    {"decode", read_decoder, offsetof(struct parent_keys, stream.decoder), false},
    {"records", read_records, offsetof(struct parent_keys, stream.records), true},
    {"filter", read_expr, offsetof(struct parent_keys, stream.filter), false},
    {"page", read_page, offsetof(struct parent_keys, stream.page), false},
    {"stop", read_stop, offsetof(struct parent_keys, stream.stop), false},
    {"value", read_path, offsetof(struct parent_keys, partition.value), true},
    {"most", read_number, offsetof(struct parent_keys, partition.most), false},
    {"every", read_duration, offsetof(struct parent_keys, partition.every_ms), false},
};

static int read_parent(struct reading *r, const struct yaml_node *n, void *out)
{
    struct parent_keys *k = arena_zalloc(r->arena, sizeof *k);
    struct partition *p = out;
    if (!k)
        return -ENOMEM;
    k->stream.name = SPAN_LIT("partition");
    k->partition.most = PARTITIONS_DEFAULT;
    int rc = read_keys(r, n, parent_keys, ARRAY_LEN(parent_keys), k);
    if (rc < 0)
        return rc;
    check(r, n, &k->stream);
    if (k->partition.most < 1 || k->partition.most > PARTITIONS_MAX)
        read_problem(r, n, "most is a number from 1 to %d", PARTITIONS_MAX);
    k->partition.parent = &k->stream;
    *p = k->partition;
    return 0;
}

static int read_partition(struct reading *r, const struct yaml_node *n, void *out)
{
    struct partition *p = out;
    int rc = 0;
    if (n->type == YAML_MAP)
        return read_parent(r, n, out);
    if (!read_is_list(r, n, MAX_PARTITIONS))
        return 0;
    struct template *list = arena_array(r->arena, read_count(n), sizeof *list);
    if (!list)
        return -ENOMEM;
    r->scopes = SCOPE_BIT(SCOPE_CFG);
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next)
        rc = read_template(r, e, &list[p->n++]);
    p->list = list;
    return rc;
}

/* --- hydrate --- */

static const struct key child_keys[] = {
    {"into", read_name, offsetof(struct hydrate, into), true},
    {"path", read_template, offsetof(struct hydrate, path), true},
    {"query", read_list, offsetof(struct hydrate, query), false},
    {"take", read_any_path, offsetof(struct hydrate, take), false},
    {"when", read_expr, offsetof(struct hydrate, when), false},
    {"optional", read_flag, offsetof(struct hydrate, optional), false},
};

static int read_hydrate(struct reading *r, const struct yaml_node *n, void *out)
{
    struct stream *s = out;
    int rc = 0;
    if (!read_is_list(r, n, MAX_HYDRATE))
        return 0;
    struct hydrate *h = arena_array(r->arena, read_count(n), sizeof *h);
    if (!h)
        return -ENOMEM;
    r->scopes = IN_CHILD;
    for (const struct yaml_node *e = n->first; e && rc == 0; e = e->next) {
        struct hydrate *child = &h[s->n_hydrate++];
        rc = read_keys(r, e, child_keys, ARRAY_LEN(child_keys), child);
        check_rooted(r, e, &child->path);
    }
    s->hydrate = h;
    return rc;
}

/* --- the stream --- */

static const struct key stream_keys[] = {
    {"name", read_name, offsetof(struct stream, name), true},
    {"request", read_request, offsetof(struct stream, call), true},
    {"decode", read_decoder, offsetof(struct stream, decoder), false},
    {"records", read_records, offsetof(struct stream, records), true},
    {"filter", read_expr, offsetof(struct stream, filter), false},
    {"deleted", read_expr, offsetof(struct stream, deleted), false},
    {"page", read_page, offsetof(struct stream, page), false},
    {"stop", read_stop, offsetof(struct stream, stop), false},
    {"cursor", read_cursor, offsetof(struct stream, cursor), false},
    {"window", read_window, offsetof(struct stream, window), false},
    {"resync", read_resync, offsetof(struct stream, resync), false},
    {"partition", read_partition, offsetof(struct stream, partition), false},
    {"hydrate", read_hydrate, 0, false},
    {"map", read_map, 0, true},
};

int read_stream(struct reading *r, const struct yaml_node *n, struct stream *out)
{
    int rc = read_keys(r, n, stream_keys, ARRAY_LEN(stream_keys), out);
    if (rc == 0 && n->type == YAML_MAP)
        check(r, n, out);
    return rc;
}
