#include "daemon/http/auth_impl.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/core/log.h"
#include "daemon/core/metrics.h"
#include "daemon/format/base64url.h"

/* --- the key --- */

static int read_key(int fd, unsigned char key[KEY_SIZE])
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_mode & 077)
        return -EPERM;
    return read(fd, key, KEY_SIZE) == KEY_SIZE ? 0 : -EINVAL;
}

/* Whole or not at all: written beside, then renamed. */
static int write_key(const char *path, const struct rng *rng, unsigned char key[KEY_SIZE])
{
    char temp[4096];
    snprintf(temp, sizeof temp, "%s.new", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    rng->fill(rng->ctx, key, KEY_SIZE);
    errno = EIO;
    bool ok = write(fd, key, KEY_SIZE) == KEY_SIZE && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    if (ok && rename(temp, path) == 0)
        return 0;
    saved = ok ? errno : saved;
    unlink(temp);
    return -saved;
}

static int load_key(const struct auth_config *cfg, unsigned char key[KEY_SIZE], char *message,
                    size_t size)
{
    char path[4000];
    if (snprintf(path, sizeof path, "%s/auth.key", cfg->state) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int r = fd >= 0 ? read_key(fd, key) : -errno;
    if (fd >= 0)
        close(fd);
    if (r == -ENOENT)
        r = write_key(path, &cfg->rng, key);
    if (r == -EPERM)
        snprintf(message, size, "%s can be read by others; make it mode 0600", path);
    else if (r < 0)
        snprintf(message, size, "%s: %s", path, r == -EINVAL ? "not a key file" : err_text(r));
    return r;
}

static EVP_MAC_CTX *make_mac(const unsigned char key[KEY_SIZE])
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (ctx && EVP_MAC_init(ctx, key, KEY_SIZE, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static int keyed_hash(struct auth *a, struct span text, unsigned char out[HASH_SIZE])
{
    size_t n = 0;
    bool ok = EVP_MAC_init(a->mac, NULL, 0, NULL) == 1 &&
              EVP_MAC_update(a->mac, (const unsigned char *)text.p, text.n) == 1 &&
              EVP_MAC_final(a->mac, out, &n, HASH_SIZE) == 1 && n == HASH_SIZE;
    return ok ? 0 : -EIO;
}

/* A key of its own for every use. No token begins like a label, so no token's hash is a key. */
static int derive_key(struct auth *a, const char *label, unsigned char out[HASH_SIZE])
{
    return keyed_hash(a, span_str(label), out);
}

/* --- life --- */

void auth_reload(struct auth *a, const struct config *config)
{
    a->session_ms = config->auth.session_ms;
    a->window_ms = config->auth.failure_window_ms;
    a->max_failures = config->auth.max_failures;
}

int auth_new(const struct auth_config *cfg, char *message, size_t size, struct auth **ret_auth)
{
    unsigned char key[KEY_SIZE];
    uint64_t seed;
    message[0] = '\0';
    int r = load_key(cfg, key, message, size);
    if (r < 0)
        return r;
    struct auth *a = calloc(1, sizeof *a);
    r = -ENOMEM;
    if (a) {
        a->rng = cfg->rng;
        arena_init(&a->text, 0);
        auth_reload(a, cfg->config);
        a->rng.fill(a->rng.ctx, &seed, sizeof seed);
        a->mac = make_mac(key);
        r = a->mac ? throttle_new(seed, &a->throttle) : -ENOMEM;
    }
    if (r == 0)
        r = derive_key(a, "vocd: session cookie, 1", a->session_keys.cookie);
    if (r == 0)
        r = derive_key(a, "vocd: session csrf, 1", a->session_keys.csrf);
    OPENSSL_cleanse(key, sizeof key);
    if (r < 0) {
        auth_free(a);
        return r;
    }
    *ret_auth = a;
    return 0;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    EVP_MAC_CTX_free(a->mac);
    throttle_free(a->throttle);
    arena_done(&a->text);
    free(a->tokens);
    free(a->by_hash);
    free(a->by_id);
    OPENSSL_cleanse(&a->session_keys, sizeof a->session_keys);
    free(a);
}

/* --- the table --- */

static uint64_t hash_key(const unsigned char hash[HASH_SIZE])
{
    uint64_t k;
    memcpy(&k, hash, sizeof k);
    return k;
}

static uint64_t id_key(struct span id)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.n; i++)
        h = (h ^ (unsigned char)id.p[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static void index_put(struct auth *a, uint32_t *slots, uint64_t key, uint32_t index)
{
    size_t at = key & (a->n_slots - 1);
    while (slots[at])
        at = (at + 1) & (a->n_slots - 1);
    slots[at] = index + 1;
}

static struct token *find_hash(const struct auth *a, const unsigned char hash[HASH_SIZE])
{
    size_t mask = a->n_slots - 1;
    for (size_t at = hash_key(hash) & mask; a->n_slots && a->by_hash[at]; at = (at + 1) & mask) {
        struct token *t = a->tokens[a->by_hash[at] - 1];
        if (CRYPTO_memcmp(t->hash, hash, HASH_SIZE) == 0)
            return t;
    }
    return NULL;
}

struct token *auth_find_id(const struct auth *a, struct span id)
{
    size_t mask = a->n_slots - 1;
    for (size_t at = id_key(id) & mask; a->n_slots && a->by_id[at]; at = (at + 1) & mask) {
        struct token *t = a->tokens[a->by_id[at] - 1];
        if (span_eq(t->pub.id, id))
            return t;
    }
    return NULL;
}

/* Room for one more: indexes at most half full. */
static int table_grow(struct auth *a)
{
    if (a->n_tokens < a->cap_tokens)
        return 0;
    size_t cap = a->cap_tokens ? a->cap_tokens * 2 : 32;
    struct token **tokens = realloc(a->tokens, cap * sizeof *tokens);
    if (!tokens)
        return -ENOMEM;
    a->tokens = tokens;
    uint32_t *by_hash = calloc(cap * 2, sizeof *by_hash), *by_id = calloc(cap * 2, sizeof *by_id);
    if (!by_hash || !by_id) {
        free(by_hash);
        free(by_id);
        return -ENOMEM;
    }
    free(a->by_hash);
    free(a->by_id);
    a->by_hash = by_hash;
    a->by_id = by_id;
    a->cap_tokens = cap;
    a->n_slots = cap * 2;
    for (uint32_t i = 0; i < a->n_tokens; i++) {
        index_put(a, by_hash, hash_key(tokens[i]->hash), i);
        index_put(a, by_id, id_key(tokens[i]->pub.id), i);
    }
    return 0;
}

/* Text of a token never changes once in the table: a known id only takes new dates. */
static int table_add(struct auth *a, const struct token *from)
{
    struct token *t = auth_find_id(a, from->pub.id);
    if (t) {
        t->pub.expires_at = from->pub.expires_at;
        t->pub.revoked_at = from->pub.revoked_at;
        return 0;
    }
    if (a->n_tokens == AUTH_MAX_TOKENS)
        return -ENOSPC;
    t = arena_alloc(&a->text, sizeof *t);
    if (!t || table_grow(a) < 0)
        return -ENOMEM;
    *t = *from;
    t->sessions_after = NO_TIME;
    t->pub.id = arena_dup(&a->text, from->pub.id);
    t->pub.workspace = arena_dup(&a->text, from->pub.workspace);
    t->pub.name = arena_dup(&a->text, from->pub.name);
    if (!t->pub.id.p || !t->pub.workspace.p || !t->pub.name.p)
        return -ENOMEM;
    a->tokens[a->n_tokens] = t;
    index_put(a, a->by_hash, hash_key(t->hash), (uint32_t)a->n_tokens);
    index_put(a, a->by_id, id_key(t->pub.id), (uint32_t)a->n_tokens);
    a->n_tokens++;
    return 0;
}

size_t auth_count(const struct auth *a)
{
    return a->n_tokens;
}

int auth_each(const struct auth *a, struct span workspace,
              int (*fn)(void *ctx, const struct auth_token *token), void *ctx)
{
    int r = 0;
    for (size_t i = 0; i < a->n_tokens && r == 0; i++) {
        const struct auth_token *t = &a->tokens[i]->pub;
        if (!workspace.p || span_eq(t->workspace, workspace))
            r = fn(ctx, t);
    }
    return r;
}

/* --- documents --- */

void auth_hex_write(const unsigned char *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

bool auth_hex_read(const char *text, unsigned char *out, size_t n)
{
    if (!text || strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        sscanf(text + 2 * i, "%2x", &byte);
        out[i] = (unsigned char)byte;
    }
    return true;
}

static void print_time(struct buf *b, const char *key, int64_t ms)
{
    if (ms == NO_TIME)
        buf_printf(b, ",\"%s\":null", key);
    else
        buf_printf(b, ",\"%s\":%lld", key, (long long)ms);
}

static int document_make(const struct token *t, struct arena *arena, struct span *ret)
{
    char hash[2 * HASH_SIZE + 1];
    struct buf b;
    buf_init(&b, 4096);
    auth_hex_write(t->hash, HASH_SIZE, hash);
    buf_str(&b, "{\"id\":");
    buf_json_str(&b, t->pub.id);
    buf_printf(&b, ",\"hash\":\"%s\",\"role\":\"%s\",\"workspace\":", hash,
               vocab_code(VOCAB_ROLE, t->pub.role));
    buf_json_str(&b, t->pub.workspace);
    buf_str(&b, ",\"name\":");
    buf_json_str(&b, t->pub.name);
    print_time(&b, "created_at", t->pub.created_at);
    print_time(&b, "expires_at", t->pub.expires_at);
    print_time(&b, "revoked_at", t->pub.revoked_at);
    buf_char(&b, '}');
    struct span document = buf_error(&b) ? SPAN_NONE : arena_dup(arena, buf_span(&b));
    buf_done(&b);
    if (!document.p)
        return -ENOMEM;
    *ret = document;
    return 0;
}

static int64_t read_time(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : NO_TIME;
}

static int document_read(const json_t *doc, struct token *t)
{
    t->pub.id = span_str(json_string_value(json_object_get(doc, "id")));
    t->pub.workspace = span_str(json_string_value(json_object_get(doc, "workspace")));
    t->pub.name = span_str(json_string_value(json_object_get(doc, "name")));
    const char *role = json_string_value(json_object_get(doc, "role"));
    int r = vocab_find(VOCAB_ROLE, span_str(role));
    if (!t->pub.id.p || !t->pub.workspace.p || !t->pub.name.p || !role || r < 0)
        return -EINVAL;
    t->pub.role = (enum role)r;
    t->pub.created_at = read_time(doc, "created_at");
    t->pub.expires_at = read_time(doc, "expires_at");
    t->pub.revoked_at = read_time(doc, "revoked_at");
    const char *hash = json_string_value(json_object_get(doc, "hash"));
    return auth_hex_read(hash, t->hash, HASH_SIZE) ? 0 : -EINVAL;
}

int auth_apply(struct auth *a, struct span document)
{
    struct token t;
    json_t *doc = json_loadb(document.p, document.n, JSON_REJECT_DUPLICATES, NULL);
    int r = doc ? document_read(doc, &t) : -EINVAL;
    if (r == 0)
        r = table_add(a, &t);
    json_decref(doc);
    return r;
}

static int load_one(void *ctx, struct span key, struct span value)
{
    (void)key;
    int r = auth_apply(ctx, value);
    return r == -EINVAL ? -VOC_E_CORRUPT : r;
}

int auth_load(struct auth *a, struct store_view *v)
{
    return store_doc_each(v, STORE_DOC_TOKEN, SPAN_NONE, false, load_one, a);
}

/* --- making and ending --- */

static bool spec_is_sound(const struct auth_token *s)
{
    return (int)s->role >= 0 && s->role < ROLE_COUNT && s->workspace.n > 0 &&
           s->workspace.n <= AUTH_MAX_WORKSPACE && s->name.p && s->name.n <= AUTH_MAX_NAME;
}

int auth_make(struct auth *a, const struct auth_token *spec, struct arena *arena,
              struct auth_made *ret)
{
    unsigned char secret[SECRET_SIZE], id[ID_BYTES];
    char secret_text[SECRET_TEXT + 1], id_text[2 * ID_BYTES + 1];
    struct token t = {.pub = *spec};
    struct auth_made made;
    if (!spec_is_sound(spec))
        return -EINVAL;
    a->rng.fill(a->rng.ctx, secret, sizeof secret);
    a->rng.fill(a->rng.ctx, id, sizeof id);
    base64url_write(secret, sizeof secret, secret_text);
    auth_hex_write(id, sizeof id, id_text);
    made.id = arena_printf(arena, "tk_%s", id_text);
    made.text = arena_printf(arena, "voc_%s_%s", vocab_code(VOCAB_ROLE, spec->role), secret_text);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(secret_text, sizeof secret_text);
    if (!made.id.p || !made.text.p)
        return -ENOMEM;
    t.pub.id = made.id;
    t.pub.revoked_at = NO_TIME;
    int r = keyed_hash(a, made.text, t.hash);
    if (r == 0)
        r = document_make(&t, arena, &made.document);
    if (r == 0)
        *ret = made;
    return r;
}

int auth_revoke(struct auth *a, struct span workspace, struct span id, int64_t now,
                struct arena *arena, struct span *ret_document)
{
    const struct token *t = auth_find_id(a, id);
    if (!t || !span_eq(t->pub.workspace, workspace))
        return -ENOENT;
    struct token revoked = *t;
    if (revoked.pub.revoked_at == NO_TIME)
        revoked.pub.revoked_at = now;
    return document_make(&revoked, arena, ret_document);
}

/* --- who asks --- */

/* "Bearer TOKEN" to the token. */
static struct span bearer(struct span value)
{
    static const struct span scheme = {"Bearer ", 7};
    if (value.n <= scheme.n || !span_eq_nocase(span_of(value.p, scheme.n), scheme))
        return SPAN_NONE;
    return span_trim(span_of(value.p + scheme.n, value.n - scheme.n));
}

/* What was revoked stays so when the clock is set back. */
bool auth_token_in_force(const struct token *t, int64_t now)
{
    return t->pub.revoked_at == NO_TIME &&
           (t->pub.expires_at == NO_TIME || t->pub.expires_at > now);
}

/* What has not the shape of a token costs no hash. */
static struct token *token_find(struct auth *a, struct span text, int64_t now)
{
    unsigned char hash[HASH_SIZE];
    if (!span_starts(text, SPAN_LIT("voc_")) || text.n < SECRET_TEXT + 5 || text.n > 80)
        return NULL;
    struct token *t = keyed_hash(a, text, hash) == 0 ? find_hash(a, hash) : NULL;
    return t && auth_token_in_force(t, now) ? t : NULL;
}

struct http_principal auth_principal_of(const struct token *t)
{
    return (struct http_principal){.workspace = t->pub.workspace,
                                   .role = t->pub.role,
                                   .token_id = t->pub.id,
                                   .name = t->pub.name};
}

/* --- keys of others --- */

int auth_handle_key(struct auth *a, struct span workspace, unsigned char ret[HANDLE_KEY])
{
    char label[AUTH_MAX_WORKSPACE + 64];
    int r = 0;
    for (int half = 0; half < HANDLE_KEY / HASH_SIZE && r == 0; half++) {
        int n = snprintf(label, sizeof label, "vocd: customer handle, 1, %d, %.*s", half,
                         SPAN_FMT(workspace));
        r = n < (int)sizeof label ? derive_key(a, label, ret + half * HASH_SIZE) : -EIO;
    }
    return r;
}

/* --- the one door --- */

static int refuse(struct auth *a, const struct auth_query *q, int64_t *ret_retry_ms)
{
    metric_add(METRIC_AUTH_FAILURES, 0, 1);
    int64_t wait = throttle_fail(a->throttle, q->peer, q->mono, a->window_ms, a->max_failures);
    if (wait > 0) {
        *ret_retry_ms = wait;
        return -EAGAIN;
    }
    log_info(LOG_AUTH, "token refused", "peer=%.*s given=%s", SPAN_FMT(q->peer),
             q->authorization.p || q->token.p ? "token"
             : q->cookie.p                    ? "session"
                                              : "nothing");
    return -EACCES;
}

int auth_principal(struct auth *a, const struct auth_query *q, struct http_principal *ret,
                   int64_t *ret_retry_ms)
{
    bool by_cookie = q->cookie.p && !q->authorization.p && !q->token.p;
    if (by_cookie) {
        int r = auth_session_find(a, q->cookie, q->wall, ret);
        /* An open page asks on after its session ran out: nobody guessed anything. */
        return r == -EACCES ? refuse(a, q, ret_retry_ms) : r == -ETIME ? -EACCES : r;
    }
    const struct token *t =
        token_find(a, q->token.p ? q->token : bearer(q->authorization), q->wall);
    if (!t)
        return refuse(a, q, ret_retry_ms);
    *ret = auth_principal_of(t);
    return 0;
}
