/* fuzz_http: any bytes as a connection's input through head, framing, route, query and Host, cut
 * where the input says and in one piece: both must agree. Built as a libFuzzer target
 * (clang -fsanitize=fuzzer -DFUZZ_WITH_LIBFUZZER), else as a program that replays the files it is
 * given, or with none makes inputs of its own from VOC_SEED. */
#include "daemon/http/parser.h"
#include "daemon/http/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_HEAD = 4096, INPUT_SIZE = 64 * 1024 };

static const char *const names[] = {"q", "limit", NULL};
static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/v1/customers/{id}/context"},
    {.method = "POST", .pattern = "/v1/hooks/{workspace}/{source}"},
    {.method = "GET", .pattern = "/", .query = names},
};

/* What a reader made of the input, in one number. */
struct digest {
    uint64_t sum;
    size_t heads, body;
    int refused;
};

static void mix(struct digest *d, struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        d->sum = d->sum * 1099511628211u + (unsigned char)s.p[i] + 1;
}

static void look_at(const struct http_head *h, struct digest *d)
{
    struct http_match m;
    struct arena a;
    struct pair pairs[HTTP_MAX_QUERY];
    struct span name, value;
    size_t n = 0;
    struct http_authority us = {.address = SPAN_LIT("0.0.0.0"), .port = 80};
    arena_init(&a, 1 << 20);
    int r = http_route_find(routes, sizeof routes / sizeof routes[0], h->method, h->path, &m);
    for (size_t i = 0; r == 0 && i < m.n_params; i++)
        if (http_percent_decode(m.params[i], false, &a, &value) == 0)
            mix(d, value);
    if (http_query_parse(h->query, names, &a, pairs, &n, &name) == 0)
        for (size_t i = 0; i < n; i++)
            mix(d, pairs[i].value);
    d->sum += http_host_is_ours(&us, h->host);
    for (size_t i = 0; i < h->n_fields; i++)
        mix(d, h->fields[i].value);
    arena_done(&a);
}

struct reader {
    char bytes[INPUT_SIZE];
    size_t n, scanned;
    bool in_body;
    struct http_framing framing;
    struct digest digest;
};

static bool read_head(struct reader *r, size_t *used)
{
    static struct http_head head;
    const struct http_refusal *why = NULL;
    long n = http_head_find(span_of(r->bytes, r->n), MAX_HEAD, &r->scanned, &why);
    if (n > 0) {
        r->scanned = 0;
        why = http_head_parse(r->bytes, (size_t)n, &head);
        *used = (size_t)n;
    }
    if (why) {
        r->digest.refused = why->status;
        return false;
    }
    if (n == 0)
        return false;
    r->digest.heads++;
    look_at(&head, &r->digest);
    http_framing_begin(&r->framing, &head);
    r->in_body = !http_framing_done(&r->framing);
    return true;
}

static bool read_body(struct reader *r, size_t *used)
{
    struct span data;
    const struct http_refusal *why =
        http_framing_step(&r->framing, span_of(r->bytes, r->n), used, &data);
    if (why) {
        r->digest.refused = why->status;
        return false;
    }
    assert(*used <= r->n && data.n <= *used);
    mix(&r->digest, data);
    r->digest.body += data.n;
    r->in_body = !http_framing_done(&r->framing);
    return *used > 0;
}

static void feed(struct reader *r, const uint8_t *p, size_t n)
{
    if (r->digest.refused)
        return;
    memcpy(r->bytes + r->n, p, n);
    r->n += n;
    size_t used = 0;
    while (r->n > 0 && (r->in_body ? read_body(r, &used) : read_head(r, &used))) {
        memmove(r->bytes, r->bytes + used, r->n - used);
        r->n -= used;
        used = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says where to cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reader whole, cut;
    if (size < 2 || size > INPUT_SIZE)
        return 0;
    size_t step = data[0] ? data[0] : 1;
    data++;
    size--;
    memset(&whole, 0, sizeof whole);
    memset(&cut, 0, sizeof cut);
    feed(&whole, data, size);
    for (size_t at = 0; at < size; at += step)
        feed(&cut, data + at, size - at < step ? size - at : step);
    assert(whole.digest.refused == cut.digest.refused);
    assert(whole.digest.heads == cut.digest.heads);
    assert(whole.digest.body == cut.digest.body);
    assert(whole.digest.sum == cut.digest.sum);
    return 0;
}

#ifndef FUZZ_WITH_LIBFUZZER

static const char *const scraps[] = {
    "GET ",
    "POST ",
    "/",
    "/v1/customers/",
    "%ED%99%8D",
    "%00",
    "/context",
    "?q=a&limit=1",
    "?q=%4",
    " HTTP/1.1",
    " HTTP/1.0",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "Host: 1.2.3.4\r\n",
    "Host: a\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    " ",
    "\t",
    ":",
    "X: y\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "3;a=b\r\nabc\r\n",
    "hello",
    "\xff",
    "A",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "GET / HTTP/1.1\r\nHost: 1.2.3.4\r\n\r\n",
    "POST /v1/hooks/a/b HTTP/1.1\r\nHost: 1.2.3.4\r\nTransfer-Encoding: chunked\r\n\r\n",
};

static void make_inputs(uint64_t seed, size_t rounds)
{
    static uint8_t input[INPUT_SIZE];
    fprintf(stderr, "VOC_SEED=%llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < rounds; i++) {
        size_t n = 1;
        input[0] = (uint8_t)(1 + rng_split(&seed) % 40);
        for (size_t k = 1 + rng_split(&seed) % 24; k > 0; k--) {
            const char *s = scraps[rng_split(&seed) % (sizeof scraps / sizeof scraps[0])];
            memcpy(input + n, s, strlen(s));
            n += strlen(s);
        }
        LLVMFuzzerTestOneInput(input, n);
    }
}

static void replay(const char *path)
{
    static uint8_t input[INPUT_SIZE];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof input, f));
    fclose(f);
}

int main(int argc, char **argv)
{
    const char *seed = getenv("VOC_SEED"), *soak = getenv("SOAK");
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1)
        make_inputs(seed ? strtoull(seed, NULL, 10) : 1, soak ? 20000000 : 200000);
    return 0;
}

#endif
