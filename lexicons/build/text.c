#include "lexicons/build/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void cps_push(struct cps *c, uint32_t cp)
{
    if (c->n == c->max) {
        c->max = c->max ? c->max * 2 : 256;
        c->at = realloc(c->at, c->max * sizeof(*c->at));
        if (!c->at) {
            perror("cps_push");
            exit(1);
        }
    }
    c->at[c->n++] = cp;
}

void cps_free(struct cps *c)
{
    free(c->at);
    *c = (struct cps){0};
}

static size_t unquote_once(char *s, size_t n)
{
    if (n < 2 || s[0] != '"' || s[n - 1] != '"')
        return n;
    size_t out = 0;
    for (size_t i = 1; i < n - 1; i++) {
        if (s[i] == '"' && i + 1 < n - 1 && s[i + 1] == '"')
            i++;
        s[out++] = s[i];
    }
    return out;
}

size_t text_unquote(char *s, size_t n)
{
    return unquote_once(s, unquote_once(s, n));
}

static bool in(uint32_t cp, uint32_t first, uint32_t last)
{
    return cp >= first && cp <= last;
}

static bool is_white(uint32_t cp)
{
    return cp <= 0x20 || in(cp, 0x7f, 0xa0) || cp == 0x1680 || in(cp, 0x2000, 0x200a) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

static bool is_dropped(uint32_t cp)
{
    return cp == 0xad || in(cp, 0x200b, 0x200f) || cp == 0x2060 || cp == 0xfeff ||
           in(cp, 0xfe00, 0xfe0f);
}

static bool is_ascii_punct(uint32_t cp)
{
    return (in(cp, 0x21, 0x2f) && cp != '\'') || in(cp, 0x3a, 0x40) || in(cp, 0x5b, 0x60) ||
           in(cp, 0x7b, 0x7e);
}

static bool is_punct(uint32_t cp)
{
    return is_ascii_punct(cp) || in(cp, 0xa1, 0xbf) || in(cp, 0x2010, 0x2bff) ||
           in(cp, 0x3001, 0x3003) || in(cp, 0x3008, 0x3020) || in(cp, 0x1f000, 0x1faff);
}

bool text_is_word(uint32_t cp)
{
    return cp != ' ' && cp < TEXT_START && !is_punct(cp);
}

static bool has_prefix(const int32_t *at, size_t n, const char *prefix)
{
    for (size_t i = 0; prefix[i]; i++) {
        if (i >= n)
            return false;
        int32_t c = at[i];
        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        if (c != prefix[i])
            return false;
    }
    return true;
}

/* Code points of a URL at `at`, 0 when none begins there. */
static size_t url_length(const int32_t *at, size_t n)
{
    if (!has_prefix(at, n, "http://") && !has_prefix(at, n, "https://") &&
        !has_prefix(at, n, "www."))
        return 0;
    size_t i = 0;
    while (i < n && at[i] >= 0x21 && at[i] <= 0x7e)
        i++;
    return i;
}

static uint32_t fold(uint32_t cp)
{
    if (in(cp, 0xff01, 0xff5e))
        cp -= 0xfee0;
    else if (cp == 0x2018 || cp == 0x2019)
        cp = '\'';
    else if (cp == 0x201c || cp == 0x201d)
        cp = '"';
    return (uint32_t)utf8proc_tolower((int32_t)cp);
}

/* Steps 2 to 6: from NFC code points to the squeezed text. */
static void squeeze(const int32_t *at, size_t n, struct cps *out)
{
    size_t begin = out->n;
    bool space = false;
    for (size_t i = 0; i < n; i++) {
        size_t url = url_length(at + i, n - i);
        if (url) {
            i += url - 1;
            space = true;
            continue;
        }
        uint32_t cp = (uint32_t)at[i];
        if (is_dropped(cp))
            continue;
        if (is_white(cp)) {
            space = true;
            continue;
        }
        cp = fold(cp);
        if (space && out->n > begin)
            cps_push(out, ' ');
        space = false;
        size_t len = out->n - begin;
        if (len >= 2 && out->at[out->n - 1] == cp && out->at[out->n - 2] == cp)
            continue;
        cps_push(out, cp);
    }
}

/* Step 7. */
static void split_words(const struct cps *in_text, struct cps *out)
{
    if (!in_text->n)
        return;
    cps_push(out, ' ');
    for (size_t i = 0; i < in_text->n; i++) {
        uint32_t cp = in_text->at[i];
        if (i && cp != ' ' && in_text->at[i - 1] != ' ' &&
            text_is_word(cp) != text_is_word(in_text->at[i - 1]))
            cps_push(out, ' ');
        cps_push(out, cp);
    }
    cps_push(out, ' ');
}

/* NFC as code points; the caller frees. 0 for invalid UTF-8. */
static size_t to_nfc(const char *s, size_t n, int32_t **ret)
{
    size_t room = n * 4 + 16;
    int32_t *buf = malloc(room * sizeof(*buf));
    if (!buf) {
        perror("to_nfc");
        exit(1);
    }
    utf8proc_ssize_t len =
        utf8proc_decompose((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, buf,
                           (utf8proc_ssize_t)room, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    if (len > (utf8proc_ssize_t)room)
        len = 0;
    if (len > 0)
        len = utf8proc_normalize_utf32(buf, len, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    *ret = buf;
    return len > 0 ? (size_t)len : 0;
}

void text_normalise(const char *s, size_t n, bool words, struct cps *out)
{
    int32_t *nfc;
    size_t len = to_nfc(s, n, &nfc);
    cps_push(out, TEXT_START);
    if (words) {
        struct cps flat = {0};
        squeeze(nfc, len, &flat);
        split_words(&flat, out);
        cps_free(&flat);
    } else {
        squeeze(nfc, len, out);
    }
    cps_push(out, TEXT_END);
    free(nfc);
}
