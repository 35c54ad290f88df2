/* tls: OpenSSL between a socket's bytes and the connection's, through memory buffers, so that
 * reading, writing and waiting stay with libuv. TLS 1.2 and 1.3; ALPN says http/1.1.
 *
 * Thread: the loop. A context is shared by its connections and counted; a reload makes a new one
 * and lets the old one go with its last connection. */
#ifndef VOC_HTTP_TLS_H
#define VOC_HTTP_TLS_H

#include "base/span.h"

struct tls_context;
struct tls;

/* Files in PEM. 0, or -EINVAL with `message` (which file and why). */
int tls_context_new(const char *certificate, const char *key, char *message, size_t size,
                    struct tls_context **ret);
void tls_context_free(struct tls_context *c); /* NULL is fine */

int tls_new(struct tls_context *c, struct tls **ret);
void tls_free(struct tls *t); /* NULL is fine */
/* Bytes from the peer. 0 or -ENOMEM. */
int tls_feed(struct tls *t, struct span in);
/* Decrypted bytes: their number; 0: more input needed; -EPIPE: the peer said goodbye; -EPROTO. */
long tls_read(struct tls *t, char *out, size_t n);
/* Encrypts into what tls_out() gives. 0 or -EPROTO. */
int tls_write(struct tls *t, struct span plain);
void tls_goodbye(struct tls *t); /* close_notify */
/* What is to be sent; forgotten by tls_out_clear(). */
struct span tls_out(struct tls *t);
void tls_out_clear(struct tls *t);

#endif
