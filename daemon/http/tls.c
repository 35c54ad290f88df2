#include "daemon/http/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_context {
    SSL_CTX *ctx; /* counted by OpenSSL: every SSL holds it */
};

struct tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
};

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                           const unsigned char *in, unsigned int in_n, void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl;
    (void)ctx;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof ours - 1, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* The first error of OpenSSL's queue is the cause; the others are where it passed through. */
static int explain(const char *what, const char *file, char *message, size_t size)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(message, size, "%s %s: %s", what, file, reason ? reason : "not usable");
    ERR_clear_error();
    return -EINVAL;
}

static void set_up(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20"); /* TLS 1.2; 1.3 has its own list */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets need no memory here */
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
}

int tls_context_new(const char *certificate, const char *key, char *message, size_t size,
                    struct tls_context **ret)
{
    struct tls_context *c = calloc(1, sizeof *c);
    int r = -ENOMEM;
    if (!c || !(c->ctx = SSL_CTX_new(TLS_server_method())))
        goto fail;
    set_up(c->ctx);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(c->ctx, certificate) != 1) {
        r = explain("certificate", certificate, message, size);
        goto fail;
    }
    if (SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c->ctx) != 1) {
        r = explain("key", key, message, size);
        goto fail;
    }
    *ret = c;
    return 0;

fail:
    tls_context_free(c);
    return r;
}

void tls_context_free(struct tls_context *c)
{
    if (c) {
        SSL_CTX_free(c->ctx);
        free(c);
    }
}

int tls_new(struct tls_context *c, struct tls **ret)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->ssl = SSL_new(c->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        SSL_free(t->ssl);
        free(t);
        return -ENOMEM;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    *ret = t;
    return 0;
}

void tls_free(struct tls *t)
{
    if (t) {
        SSL_free(t->ssl);
        free(t);
    }
}

int tls_feed(struct tls *t, struct span in)
{
    return BIO_write(t->in, in.p, (int)in.n) == (int)in.n ? 0 : -ENOMEM;
}

long tls_read(struct tls *t, char *out, size_t n)
{
    ERR_clear_error();
    int got = SSL_read(t->ssl, out, n < INT_MAX ? (int)n : INT_MAX);
    if (got > 0)
        return got;
    switch (SSL_get_error(t->ssl, got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -EPIPE;
    default:
        return -EPROTO;
    }
}

int tls_write(struct tls *t, struct span plain)
{
    while (plain.n > 0) {
        ERR_clear_error();
        int put = SSL_write(t->ssl, plain.p, plain.n < INT_MAX ? (int)plain.n : INT_MAX);
        if (put <= 0)
            return -EPROTO; /* memory takes all there is: it can only be the protocol */
        plain = span_of(plain.p + put, plain.n - (size_t)put);
    }
    return 0;
}

void tls_goodbye(struct tls *t)
{
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

struct span tls_out(struct tls *t)
{
    char *p = NULL;
    long n = BIO_get_mem_data(t->out, &p);
    return span_of(p, n > 0 ? (size_t)n : 0);
}

void tls_out_clear(struct tls *t)
{
    (void)BIO_reset(t->out);
}
