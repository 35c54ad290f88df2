/* fuzz_connector: any text as a connector file is read, or refused with a place. What is read is
 * then followed, against the answers that come after it, each begun by a byte 0x1e: whatever they
 * say, requests go to the origin of `base` alone, and where the walk stands survives its way to
 * disk and back. */
#include "daemon/collect/connector.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/err.h"
#include "daemon/collect/page.h"
#include "daemon/collect/request.h"
#include "daemon/collect/upstream.h"

enum { INPUT_SIZE = 64 * 1024, MAX_NEEDS = 32, MAX_PAGES = 8, WHY = 200 };
#define NOW INT64_C(1795305600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses a buffer over some texts that are no YAML. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml\n";
}

static void must(bool held)
{
    if (!held)
        abort();
}

static struct span upto_separator(struct span *rest)
{
    size_t end = span_find_char(*rest, '\x1e');
    struct span first = span_of(rest->p, end);
    end += end < rest->n;
    *rest = span_of(rest->p + end, rest->n - end);
    return first;
}

/* Whoever uses it says what it needs to know. */
struct user {
    struct pair cfg[MAX_NEEDS], secrets[MAX_NEEDS];
    struct config_source config;
    struct source source;
};

static void use(struct user *u, struct connector *c)
{
    *u = (struct user){.config = {.source = SPAN_LIT("desk"), .start_ms = MS_DAY},
                       .source = {.connector = c, .config = &u->config}};
    u->config.cfg = u->cfg;
    u->config.secrets = u->secrets;
    for (size_t i = 0; i < c->n_needs && i < MAX_NEEDS; i++) {
        struct need *need = (struct need *)&c->needs[i];
        struct pair value = {need->name, span_is(need->name, "url")
                                             ? SPAN_LIT("https://desk.example.com")
                                             : SPAN_LIT("a,b")};
        if (need->scope == SCOPE_SECRET)
            u->secrets[u->config.n_secrets++] = value;
        else
            u->cfg[u->config.n_cfg++] = value;
    }
}

struct follow {
    struct user user;
    struct request_env env;
    struct walk walk;
    struct span base; /* absent: it is no address */
    struct arena arena;
    char why[WHY];
};

static bool get(void *ctx, enum template_scope scope, struct span name, struct template_value *ret)
{
    return source_value(ctx, scope, name, &ret->text);
}

static void find_base(struct follow *f)
{
    struct template_env env = {get, &f->user.source};
    struct buf url;
    buf_init(&url, 4096);
    if (template_expand(&f->user.source.connector->base, &env, ESCAPE_NONE, &url, NULL) == 0 &&
        fetch_check_url(buf_span(&url), true, f->why, WHY) == 0)
        f->base = arena_dup(&f->arena, buf_span(&url));
    buf_done(&url);
}

/* Scheme, host and port as curl will read them, which is another parser than walk.h's. */
static void origin_of(struct span url, char *out, size_t size)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    char text[INPUT_SIZE];
    CURLU *u = curl_url();
    size_t n = 0;
    snprintf(text, sizeof text, "%.*s", SPAN_FMT(url));
    must(u && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK);
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(parts) && n < size; i++) {
        char *part = NULL;
        must(curl_url_get(u, parts[i], &part, CURLU_DEFAULT_PORT) == CURLUE_OK);
        n += (size_t)snprintf(out + n, size - n, "%s ", part);
        curl_free(part);
    }
    curl_url_cleanup(u);
}

static void goes_home(const struct follow *f, struct span url)
{
    char why[WHY], home[1024], there[1024];
    if (!f->base.p || fetch_check_url(url, true, why, sizeof why) < 0)
        return;
    must(walk_same_origin(f->base, url));
    origin_of(f->base, home, sizeof home);
    origin_of(url, there, sizeof there);
    must(strcasecmp(home, there) == 0);
}

static bool ask(struct follow *f, struct span *ret_url)
{
    struct fetch_request req = {0};
    int rc = request_page(&f->env, &f->arena, &req, f->why, WHY);
    must(rc == 0 || rc == -EINVAL || rc == -ENOMEM);
    if (rc < 0)
        return false;
    goes_home(f, req.url);
    *ret_url = req.url;
    return true;
}

static void ask_children(struct follow *f, const struct page *page)
{
    const struct stream *s = f->env.stream;
    for (size_t i = 0; i < json_array_size(page->records) && i < 4; i++) {
        for (size_t k = 0; k < s->n_hydrate; k++) {
            struct fetch_request req = {0};
            f->env.record = json_array_get(page->records, i);
            if (request_child(&f->env, &s->hydrate[k], &f->arena, &req, f->why, WHY) == 0)
                goes_home(f, req.url);
        }
    }
    f->env.record = NULL;
}

static void map_records(const struct follow *f, const struct page *page)
{
    for (size_t i = 0; i < json_array_size(page->records); i++) {
        json_t *mapped = NULL;
        struct reject why = {0};
        int rc = page_map(f->env.stream, json_array_get(page->records, i), SPAN_LIT("desk"),
                          &mapped, &why);
        must(rc == 0 ? json_is_object(mapped) : rc == -ENOMEM || (why.code && why.detail[0]));
        json_decref(mapped);
    }
}

/* As it would be after the commit: what was printed is what is read. */
static void to_disk_and_back(struct follow *f)
{
    struct buf first, second;
    struct walk again;
    buf_init(&first, WALK_MAX_DOC);
    buf_init(&second, WALK_MAX_DOC);
    if (walk_print(&f->walk, &first) == 0) {
        must(walk_parse(buf_span(&first), &f->arena, &again) == 0);
        must(walk_print(&again, &second) == 0);
        must(span_eq(buf_span(&first), buf_span(&second)));
        memcpy(again.prints, f->walk.prints, sizeof again.prints);
        f->walk = again;
    }
    buf_done(&first);
    buf_done(&second);
}

/* One answer taken as the poller does; false when the walk is over. */
static bool take(struct follow *f, struct span url, struct span body)
{
    const struct connector *c = f->user.source.connector;
    const struct stream *s = f->env.stream;
    struct fetch_response r = {.status = 200, .message = "", .body = body};
    struct page page = {0};
    json_t *root = NULL;
    if (page_decode(s, body, &root, f->why, WHY) < 0)
        return false;
    if (upstream_judge_body(c, &r, root, NOW).what != UPSTREAM_ANSWER) {
        json_decref(root);
        return false;
    }
    if (page_read(s, root, &page, f->why, WHY) < 0)
        return false;
    page.facts.url = url;
    page.facts.link = body; /* as good a header as any */
    ask_children(f, &page);
    map_records(f, &page);
    int rc = walk_page(s, &f->walk, &page.facts, &f->arena, f->why, WHY);
    must(rc == WALK_ON || rc == WALK_END || rc == -EPROTO || rc == -ENOMEM);
    must(f->walk.under_way == (rc == WALK_ON));
    to_disk_and_back(f);
    page_done(&page);
    return rc == WALK_ON;
}

static void walk_through(struct follow *f, const struct stream *s, struct span answers)
{
    struct span url, *partitions = NULL;
    size_t n = 0;
    if (s->partition.parent) { /* which lists nothing further */
        walk_through(f, s->partition.parent, answers);
        f->env.partition = SPAN_LIT("a/../b?c");
    }
    f->env.stream = s;
    f->env.walk = &f->walk;
    f->walk = walk_new(NOW - MS_DAY);
    if (s->partition.n > 0 && request_partitions(&f->env, &f->arena, &partitions, &n) == 0 && n > 0)
        f->env.partition = partitions[0];
    if (!walk_begin(s, &f->walk, NOW))
        return;
    for (size_t i = 0; i < MAX_PAGES && answers.n > 0; i++)
        if (!ask(f, &url) || !take(f, url, upto_separator(&answers)))
            return;
}

static void follow(struct connector *c, struct span answers)
{
    struct follow f = {0};
    arena_init(&f.arena, 0);
    use(&f.user, c);
    f.env.source = &f.user.source;
    find_base(&f);
    for (size_t i = 0; i < c->n_streams; i++)
        walk_through(&f, &c->streams[i], answers);
    arena_done(&f.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct span rest = span_of((const char *)data, n);
    struct connector *c = NULL;
    struct buf messages;
    if (n == 0 || n > INPUT_SIZE)
        return 0;
    buf_init(&messages, 0);
    int rc = connector_read(SPAN_LIT("c.yaml"), upto_separator(&rest), &messages, &c);
    if (rc == 0)
        follow(c, rest);
    else /* with a place: c.yaml:LINE */
        must(rc == -EINVAL && span_starts(buf_span(&messages), SPAN_LIT("c.yaml")));
    connector_free(c);
    buf_done(&messages);
    return 0;
}
