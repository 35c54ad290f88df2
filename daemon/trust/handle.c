#include "daemon/trust/handle.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/err.h"
#include "daemon/format/base64url.h"

enum { TAG = 16, STEP = 16, PAD = 0x80 };

struct handles {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx;
    unsigned char key[HANDLE_KEY];
};

int handles_new(const unsigned char key[HANDLE_KEY], struct handles **ret)
{
    struct handles *h = calloc(1, sizeof *h);
    if (!h)
        return -ENOMEM;
    h->cipher = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
    h->ctx = EVP_CIPHER_CTX_new();
    memcpy(h->key, key, HANDLE_KEY);
    if (!h->cipher || !h->ctx) {
        handles_free(h);
        return -ENOMEM;
    }
    *ret = h;
    return 0;
}

void handles_free(struct handles *h)
{
    if (!h)
        return;
    EVP_CIPHER_CTX_free(h->ctx);
    EVP_CIPHER_free(h->cipher);
    OPENSSL_cleanse(h->key, sizeof h->key);
    free(h);
}

/* ISO/IEC 7816-4: a mark, then zeros. */
static size_t padded(size_t n)
{
    return (n / STEP + 1) * STEP;
}

static bool encrypt(struct handles *h, const unsigned char *plain, size_t n, unsigned char *out)
{
    int done = 0, rest = 0;
    return EVP_CIPHER_CTX_reset(h->ctx) == 1 &&
           EVP_EncryptInit_ex2(h->ctx, h->cipher, h->key, NULL, NULL) == 1 &&
           EVP_EncryptUpdate(h->ctx, out + TAG, &done, plain, (int)n) == 1 && done == (int)n &&
           EVP_EncryptFinal_ex(h->ctx, out + TAG + n, &rest) == 1 && rest == 0 &&
           EVP_CIPHER_CTX_ctrl(h->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out) == 1;
}

static bool decrypt(struct handles *h, unsigned char *in, size_t n, unsigned char *plain)
{
    int done = 0, rest = 0;
    return EVP_CIPHER_CTX_reset(h->ctx) == 1 &&
           EVP_DecryptInit_ex2(h->ctx, h->cipher, h->key, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(h->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, in) == 1 &&
           EVP_DecryptUpdate(h->ctx, plain, &done, in + TAG, (int)n) == 1 && done == (int)n &&
           EVP_DecryptFinal_ex(h->ctx, plain + n, &rest) == 1;
}

int handle_make(struct handles *h, struct span id, struct arena *a, struct span *ret_handle)
{
    size_t n = padded(id.n), length = BASE64URL_LEN(TAG + n);
    if (id.n > HANDLE_MAX_ID)
        return -EMSGSIZE;
    unsigned char *plain = arena_zalloc(a, n), *sealed = arena_alloc(a, TAG + n);
    char *text = arena_alloc(a, 2 + length + 1);
    if (!plain || !sealed || !text)
        return -ENOMEM;
    if (id.n)
        memcpy(plain, id.p, id.n);
    plain[id.n] = PAD;
    if (!encrypt(h, plain, n, sealed))
        return -ENOMEM;
    memcpy(text, "c_", 2);
    base64url_write(sealed, TAG + n, text + 2);
    *ret_handle = span_of(text, 2 + length);
    return 0;
}

/* How many bytes of id a text of this length holds when it is a handle; 0: it is none. */
static size_t sealed_size(size_t length)
{
    size_t n = length * 3 / 4;
    return n > TAG && n <= TAG + padded(HANDLE_MAX_ID) && n % STEP == 0 ? n - TAG : 0;
}

int handle_open(struct handles *h, struct span handle, struct arena *a, struct span *ret_id)
{
    if (!span_starts(handle, SPAN_LIT("c_")))
        return -EINVAL;
    struct span text = span_of(handle.p + 2, handle.n - 2);
    size_t n = sealed_size(text.n);
    if (n == 0)
        return -EINVAL;
    unsigned char *sealed = arena_alloc(a, TAG + n), *plain = arena_alloc(a, n);
    if (!sealed || !plain)
        return -ENOMEM;
    if (!base64url_read(text, sealed, TAG + n) || !decrypt(h, sealed, n, plain))
        return -EINVAL;
    while (n > 0 && plain[n - 1] == 0)
        n--;
    if (n == 0 || plain[n - 1] != PAD)
        return -EINVAL;
    *ret_id = span_of((char *)plain, n - 1);
    return 0;
}
