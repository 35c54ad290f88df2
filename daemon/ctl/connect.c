/* What people who connect sources need without a daemon: is this connector file sound, and why is
 * that webhook refused. */
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "daemon/collect/connector.h"
#include "daemon/core/config.h"
#include "daemon/ctl/ctl.h"
#include "daemon/format/signature.h"

enum { REQUEST_MAX = 16 << 20, MAX_FIELDS = 128 };

/* --- source check FILE --- */

int ctl_source_check(struct ctl *c)
{
    struct buf messages;
    struct connector *connector = NULL;
    if (c->argc != 3) {
        fputs("usage: vocctl source check FILE\n", stderr);
        return CTL_USAGE;
    }
    buf_init(&messages, 1 << 20);
    int rc = connector_load(c->argv[2], &messages, &connector);
    if (messages.n > 0)
        fputs(messages.p, stderr);
    else if (rc < 0)
        fprintf(stderr, "%s: %s\n", c->argv[2], err_text(rc));
    buf_done(&messages);
    if (rc < 0)
        return CTL_FAILED;
    printf("%.*s: ok, %zu stream%s%s\n", SPAN_FMT(connector->name), connector->n_streams,
           connector->n_streams == 1 ? "" : "s", connector->hook ? ", a hook" : "");
    for (size_t i = 0; i < connector->n_needs; i++) {
        const struct need *n = &connector->needs[i];
        printf("  %s.%.*s%s\n", template_scope_name(n->scope), SPAN_FMT(n->name),
               n->preset.p ? "" : " (required)");
    }
    connector_free(connector);
    return CTL_OK;
}

/* --- webhook verify --- */

struct request {
    struct pair fields[MAX_FIELDS];
    size_t n;
    struct span body;
};

static struct span header_of(void *ctx, const char *name)
{
    const struct request *r = ctx;
    struct span found = SPAN_NONE;
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (span_eq_nocase(r->fields[i].key, span_str(name))) {
            found = r->fields[i].value;
            n++;
        }
    }
    return n == 1 ? found : SPAN_NONE;
}

/* A request as it was sent: perhaps its first line, headers, an empty line, the body as it is. */
static int read_request(struct span text, struct request *r)
{
    while (text.n > 0) {
        size_t end = span_find_char(text, '\n');
        struct span line = span_of(text.p, end);
        if (end == text.n)
            return -EINVAL;
        text = span_of(text.p + end + 1, text.n - end - 1);
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n == 0) {
            r->body = text;
            return 0;
        }
        size_t colon = span_find_char(line, ':');
        bool first = span_find(line, SPAN_LIT(" HTTP/")) != SIZE_MAX;
        if (first || colon == line.n)
            continue;
        if (r->n == MAX_FIELDS)
            return -EINVAL;
        r->fields[r->n++] = (struct pair){
            span_of(line.p, colon), span_trim(span_of(line.p + colon + 1, line.n - colon - 1))};
    }
    return -EINVAL;
}

static int read_file(const char *name, struct buf *out)
{
    FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    size_t n = 1;
    if (!f) {
        perror(name);
        return -errno;
    }
    while (n > 0) {
        char *to = buf_reserve(out, 1 << 16);
        n = to ? fread(to, 1, 1 << 16, f) : 0;
        out->n += n;
    }
    if (f != stdin)
        fclose(f);
    return buf_error(out);
}

static const struct config_hook *find_hook(const struct config *cfg, const char *workspace,
                                           const char *source)
{
    for (size_t i = 0; i < cfg->n_workspaces; i++) {
        const struct config_workspace *w = &cfg->workspaces[i];
        if (workspace && !span_is(w->id, workspace))
            continue;
        for (size_t k = 0; k < w->n_hooks; k++)
            if (span_is(w->hooks[k].source, source))
                return &w->hooks[k];
    }
    return NULL;
}

static void show(const struct config_hook *h, const struct signature_trace *t, int rc)
{
    printf("scheme     %s\n", h->signature->name);
    printf("header     %s: %.*s\n", h->signature->header,
           SPAN_FMT(t->given.p ? t->given : SPAN_LIT("(missing, or sent twice)")));
    if (h->signature->time_header)
        printf("time       %.*s", SPAN_FMT(t->time.p ? t->time : SPAN_LIT("(missing)")));
    if (h->signature->time_header && t->age_ms != NO_TIME)
        printf(", %lld s ago; %lld s are allowed", (long long)(t->age_ms / MS_SECOND),
               (long long)(h->tolerance_ms / MS_SECOND));
    if (h->signature->time_header)
        putchar('\n');
    if (*t->expected)
        printf("expected   %s\n", t->expected);
    printf("signed     %zu bytes:\n%.*s\n", t->text->n, (int)t->text->n,
           t->text->n ? t->text->p : "");
    if (rc == 0)
        puts("ok: the signature fits");
    else
        printf("refused: %s\n", t->failed);
}

static int verify(const struct config_hook *h, const struct request *r, int64_t now)
{
    struct buf text;
    struct signature_headers headers = {header_of, (void *)r};
    if (!h->signature || h->scheme < HOOK_CUSTOM) {
        fputs("vocctl: this hook's scheme signs nothing\n", stderr);
        return CTL_FAILED;
    }
    buf_init(&text, REQUEST_MAX + 8192);
    struct signature_trace t = {.text = &text};
    int rc = signature_explain(h->signature, h->secrets, h->n_secrets, h->tolerance_ms, now,
                               &headers, r->body, &t);
    show(h, &t, rc);
    buf_done(&text);
    return rc == 0 ? CTL_OK : CTL_FAILED;
}

static int verify_file(const char *config, const char *workspace, const char *source,
                       const char *file, int64_t now)
{
    struct buf messages, text;
    struct config *cfg = NULL;
    struct request *r = calloc(1, sizeof *r);
    int code = CTL_FAILED;
    buf_init(&messages, 1 << 20);
    buf_init(&text, REQUEST_MAX);
    int rc = config_load(config, &messages, &cfg);
    const struct config_hook *h = rc == 0 ? find_hook(cfg, workspace, source) : NULL;
    if (rc < 0)
        fputs(messages.n ? messages.p : "vocctl: the configuration can not be read\n", stderr);
    else if (!h)
        fprintf(stderr, "vocctl: no hook of the source %s in %s\n", source, config);
    else if (!r || read_file(file, &text) < 0)
        fprintf(stderr, "vocctl: %s can not be read\n", file);
    else if (read_request(buf_span(&text), r) < 0)
        fputs("vocctl: not a request: headers, an empty line, the body\n", stderr);
    else
        code = verify(h, r, now);
    config_unref(cfg);
    buf_done(&messages);
    buf_done(&text);
    free(r);
    return code;
}

int ctl_webhook_verify(struct ctl *c)
{
    const char *config = ctl_option(c, "--config"), *source = ctl_option(c, "--source");
    const char *file = ctl_option(c, "--file"), *workspace = ctl_option(c, "--workspace");
    const char *at = ctl_option(c, "--at");
    int64_t now = clock_wall(&clock_system);
    if (ctl_leftover(c, 2))
        return CTL_USAGE;
    if (!source || !file || (at && time_parse_rfc3339(span_str(at), &now) < 0)) {
        fputs("usage: vocctl webhook verify --source S --file REQUEST|- [--workspace W]\n"
              "       [--config FILE] [--at TIME]\n",
              stderr);
        return CTL_USAGE;
    }
    return verify_file(config ? config : "/etc/vocd/vocd.yaml", workspace, source, file, now);
}
