#include "daemon/format/bcrypt.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char digits[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* $2a$ or $2b$, two digits, $, 22 characters. */
bool bcrypt_is_salt(struct span s)
{
    if (s.n != BCRYPT_SALT || s.p[0] != '$' || s.p[1] != '2' || (s.p[2] != 'a' && s.p[2] != 'b') ||
        s.p[3] != '$' || s.p[6] != '$')
        return false;
    int cost = (s.p[4] - '0') * 10 + s.p[5] - '0';
    for (size_t i = 7; i < s.n; i++)
        if (!s.p[i] || !strchr(digits, s.p[i]))
            return false;
    return s.p[5] >= '0' && s.p[5] <= '9' && cost >= 4 && cost <= BCRYPT_MAX_COST;
}

int bcrypt_hash(struct span text, struct span salt, char out[BCRYPT_TEXT])
{
    char phrase[BCRYPT_MAX + 1], setting[BCRYPT_SALT + 1];
    if (!bcrypt_is_salt(salt) || text.n > BCRYPT_MAX || memchr(text.p, 0, text.n))
        return -EINVAL;
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data)
        return -ENOMEM;
    memcpy(phrase, text.p, text.n);
    phrase[text.n] = '\0';
    memcpy(setting, salt.p, salt.n);
    setting[salt.n] = '\0';
    /* Not crypt_r(): AddressSanitizer puts its own in place, and the linker then drops libcrypt. */
    const char *made = crypt_rn(phrase, setting, data, (int)sizeof *data);
    int rc = made && strlen(made) == BCRYPT_TEXT - 1 ? 0 : -EINVAL;
    if (rc == 0)
        memcpy(out, made, BCRYPT_TEXT);
    explicit_bzero(setting, sizeof setting);
    explicit_bzero(data, sizeof *data);
    free(data);
    return rc;
}
