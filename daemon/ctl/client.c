#include "daemon/ctl/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"

enum { ANSWER_MAX = 256 << 20, SEND_MAX = 16 << 20, CONNECT_SECONDS = 10 };

struct client {
    CURL *curl;
    char *url;
    char *token;    /* given: for every role */
    json_t *tokens; /* or by role */
    char error[CURL_ERROR_SIZE];
};

static const char *first(const char *a, const char *b, const char *c)
{
    return a ? a : b ? b : c;
}

/* A missing file is only a problem when a token is asked for and none is there. */
static json_t *read_tokens(const char *path)
{
    json_error_t error;
    if (path)
        return json_load_file(path, 0, &error);
    json_t *tokens = json_load_file("build/run/tokens.json", 0, &error); /* of `make run` */
    return tokens ? tokens : json_load_file("/var/lib/vocd/tokens.json", 0, &error);
}

struct client *client_new(const struct client_options *o)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    const char *url = first(o->url, getenv("VOC_URL"), "http://127.0.0.1:8642");
    const char *token = first(o->token, getenv("VOC_TOKEN"), NULL);
    c->url = strdup(url);
    c->token = token ? strdup(token) : NULL;
    c->tokens = read_tokens(first(o->tokens, getenv("VOC_TOKENS"), NULL));
    c->curl = curl_easy_init();
    if (!c->url || !c->curl) {
        client_free(c);
        fputs("vocctl: no memory\n", stderr);
        return NULL;
    }
    for (size_t n = strlen(c->url); n > 0 && c->url[n - 1] == '/'; n--)
        c->url[n - 1] = '\0';
    return c;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    json_decref(c->tokens);
    free(c->url);
    free(c->token);
    free(c);
}

const char *client_url(const struct client *c)
{
    return c->url;
}

const char *client_token(struct client *c, enum role role)
{
    if (c->token)
        return c->token;
    const char *token = json_string_value(json_object_get(c->tokens, vocab_code(VOCAB_ROLE, role)));
    return token ? token : json_string_value(json_object_get(c->tokens, "admin"));
}

static size_t receive(char *p, size_t size, size_t n, void *ctx)
{
    return buf_append(ctx, p, size * n) == 0 ? size * n : 0;
}

struct sending {
    bool (*more)(void *ctx, struct buf *out);
    void *ctx;
    struct buf waiting;
    bool ended;
};

static size_t send_some(char *p, size_t size, size_t n, void *ctx)
{
    struct sending *s = ctx;
    while (!s->ended && s->waiting.n == 0)
        s->ended = !s->more(s->ctx, &s->waiting);
    size_t take = size * n < s->waiting.n ? size * n : s->waiting.n;
    if (take > 0) {
        memcpy(p, s->waiting.p, take);
        buf_consume(&s->waiting, take);
    }
    return take;
}

/* `headers` grows by one; on failure the list stays as it was and the call fails later. */
static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
    char line[1024];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *grown = curl_slist_append(list, line);
    return grown ? grown : list;
}

static void prepare(struct client *c, const char *method, const char *path, struct curl_slist *h,
                    struct client_answer *ret)
{
    char url[8192];
    snprintf(url, sizeof url, "%s%s", c->url, path);
    buf_init(&ret->body, ANSWER_MAX);
    ret->status = 0;
    *c->error = '\0';
    curl_easy_reset(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, h);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &ret->body);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
}

static void perform(struct client *c, struct client_answer *ret)
{
    CURLcode rc = curl_easy_perform(c->curl);
    if (rc == CURLE_OK) {
        curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &ret->status);
        return;
    }
    buf_reset(&ret->body);
    buf_printf(&ret->body, "%s: %s", c->url, *c->error ? c->error : curl_easy_strerror(rc));
}

static struct curl_slist *headers(struct client *c, enum role role, const char *content_type)
{
    char bearer[512];
    const char *token = client_token(c, role);
    struct curl_slist *h = header(NULL, "Expect", "");
    if (content_type)
        h = header(h, "Content-Type", content_type);
    if (token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", token);
        h = header(h, "Authorization", bearer);
    }
    return h;
}

void client_call(struct client *c, enum role role, const char *method, const char *path,
                 const char *content_type, struct span body, struct client_answer *ret)
{
    struct curl_slist *h = headers(c, role, content_type);
    prepare(c, method, path, h, ret);
    if (body.p) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
    }
    perform(c, ret);
    curl_slist_free_all(h);
}

void client_stream(struct client *c, enum role role, const char *path, const char *content_type,
                   bool (*more)(void *ctx, struct buf *out), void *ctx, struct client_answer *ret)
{
    struct curl_slist *h = headers(c, role, content_type);
    struct sending s = {.more = more, .ctx = ctx};
    buf_init(&s.waiting, SEND_MAX);
    prepare(c, "POST", path, h, ret);
    curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, send_some);
    curl_easy_setopt(c->curl, CURLOPT_READDATA, &s);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE, -1L);
    perform(c, ret);
    buf_done(&s.waiting);
    curl_slist_free_all(h);
}

bool client_ok(const struct client_answer *a)
{
    if (a->status >= 200 && a->status < 300)
        return true;
    json_t *problem = json_loadb(a->body.p ? a->body.p : "", a->body.n, 0, NULL);
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (title)
        fprintf(stderr, "vocctl: %ld %s%s%s\n", a->status, title, detail ? ": " : "",
                detail ? detail : "");
    else
        fprintf(stderr, "vocctl: %ld %.*s\n", a->status, (int)a->body.n,
                a->body.n ? a->body.p : "");
    json_decref(problem);
    return false;
}

void client_escape(struct buf *path, struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.' || ch == '~';
        if (plain)
            buf_char(path, (char)ch);
        else
            buf_printf(path, "%%%02X", ch);
    }
}
