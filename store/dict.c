#include "store/dict.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "store/txn.h"

#define CACHE_SLOTS 32768u
#define CACHE_FULL (CACHE_SLOTS / 4 * 3)
#define CACHE_TEXT_MAX (2u << 20)
#define CACHE_VALUE_MAX 256u

struct slot {
    uint64_t hash;
    uint32_t code; /* 0: free */
    uint32_t at;   /* of the value in `text` */
    uint16_t n;
    uint8_t kind;
};

struct dict_cache {
    uint32_t last[DICT_KINDS]; /* largest code of a kind; 0: not known */
    size_t used;
    struct buf text;
    struct slot slots[CACHE_SLOTS];
};

int dict_cache_new(struct dict_cache **ret)
{
    struct dict_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    buf_init(&c->text, CACHE_TEXT_MAX);
    *ret = c;
    return 0;
}

void dict_cache_free(struct dict_cache *c)
{
    if (!c)
        return;
    buf_done(&c->text);
    free(c);
}

void dict_forget(struct dict_cache *c)
{
    memset(c->last, 0, sizeof(c->last));
    if (c->used)
        memset(c->slots, 0, sizeof(c->slots));
    c->used = 0;
    buf_reset(&c->text);
}

static uint64_t value_hash(enum dict_kind kind, struct span value)
{
    return XXH3_64bits_withSeed(value.p, value.n, (uint64_t)kind);
}

/* The slot of the value, or the free one where it belongs. */
static const struct slot *cache_slot(const struct dict_cache *c, enum dict_kind kind,
                                     struct span value, uint64_t hash)
{
    for (size_t i = hash % CACHE_SLOTS;; i = (i + 1) % CACHE_SLOTS) {
        const struct slot *s = &c->slots[i];
        if (!s->code)
            return s;
        if (s->hash == hash && s->kind == kind && span_eq(span_of(c->text.p + s->at, s->n), value))
            return s;
    }
}

bool dict_cache_get(const struct dict_cache *c, enum dict_kind kind, struct span value,
                    uint32_t *ret)
{
    if (value.n > CACHE_VALUE_MAX)
        return false;
    const struct slot *s = cache_slot(c, kind, value, value_hash(kind, value));
    *ret = s->code;
    return s->code != 0;
}

void dict_cache_add(struct dict_cache *c, enum dict_kind kind, struct span value, uint32_t code)
{
    if (value.n > CACHE_VALUE_MAX)
        return;
    if (c->used >= CACHE_FULL || c->text.n + value.n > CACHE_TEXT_MAX) {
        uint32_t last[DICT_KINDS];
        memcpy(last, c->last, sizeof(last));
        dict_forget(c);
        memcpy(c->last, last, sizeof(last));
    }
    uint64_t hash = value_hash(kind, value);
    struct slot *s = (struct slot *)(uintptr_t)cache_slot(c, kind, value, hash);
    uint32_t at = (uint32_t)c->text.n;
    if (s->code || buf_add(&c->text, value) < 0)
        return;
    *s = (struct slot){hash, code, at, (uint16_t)value.n, (uint8_t)kind};
    c->used++;
}

static uint64_t rev_key(enum dict_kind kind, uint32_t code)
{
    return (uint64_t)kind << 32 | code;
}

struct same_value {
    struct kv *kv;
    enum dict_kind kind;
    struct span value;
};

static int read_code(struct span s, uint32_t *ret)
{
    if (s.n != sizeof(*ret))
        return -VOC_E_CORRUPT;
    memcpy(ret, s.p, sizeof(*ret));
    return 0;
}

static int same_value(void *ctx, struct span stored)
{
    struct same_value *w = ctx;
    struct span value;
    uint32_t code;
    int r = read_code(stored, &code);
    if (r == 0)
        r = dict_value(w->kv, w->kind, code, &value);
    return r < 0 ? r : span_eq(value, w->value);
}

/* *k is where the entry is or belongs. */
static int dict_lookup(struct kv *kv, enum dict_kind kind, struct span value, struct key *k,
                       uint32_t *ret)
{
    struct same_value want = {kv, kind, value};
    struct span stored;
    key_dict(k, (uint8_t)kind, value, kv->store->seed);
    int r = kv_find_text(kv, DBI_DICT, k, same_value, &want, &stored);
    return r < 0 ? r : read_code(stored, ret);
}

int dict_find(struct kv *kv, enum dict_kind kind, struct span value, uint32_t *ret)
{
    struct key k;
    return value.n ? dict_lookup(kv, kind, value, &k, ret) : -ENOENT;
}

int dict_value(struct kv *kv, enum dict_kind kind, uint32_t code, struct span *ret)
{
    uint64_t n = rev_key(kind, code);
    int r = kv_get(kv, DBI_DICTREV, key_int(&n), ret);
    return r == -ENOENT ? -VOC_E_CORRUPT : r;
}

int dict_last(struct kv *kv, enum dict_kind kind, uint32_t *ret)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    uint64_t end = rev_key(kind, UINT32_MAX);
    kv_cursor_open(&c, kv, DBI_DICTREV);
    bool any = kv_seek_below(&c, key_int(&end));
    if (c.error)
        return c.error;
    uint64_t n = any ? key_int_read(c.key) : 0;
    *ret = n >> 32 == kind ? (uint32_t)n : 0;
    return 0;
}

static int dict_make(struct store_txn *t, enum dict_kind kind, struct span value,
                     const struct key *k, uint32_t *ret)
{
    uint32_t *last = &t->kv.store->dict->last[kind];
    if (!*last) {
        int r = dict_last(&t->kv, kind, last);
        if (r < 0)
            return kv_fail(&t->kv, r);
    }
    if (*last >= DICT_CODE_MAX)
        return kv_fail(&t->kv, -E2BIG);
    uint32_t code = *last + 1;
    uint64_t n = rev_key(kind, code);
    kv_put(&t->kv, DBI_DICT, key_span(k), span_of((const char *)&code, sizeof(code)));
    kv_put(&t->kv, DBI_DICTREV, key_int(&n), value);
    if (t->kv.error)
        return t->kv.error;
    *last = code;
    *ret = code;
    return 0;
}

int dict_code(struct store_txn *t, enum dict_kind kind, struct span value, uint32_t *ret)
{
    struct dict_cache *cache = t->kv.store->dict;
    struct key k;
    if (t->kv.error)
        return t->kv.error;
    if (value.n == 0) {
        *ret = 0;
        return 0;
    }
    if (dict_cache_get(cache, kind, value, ret))
        return 0;
    int r = dict_lookup(&t->kv, kind, value, &k, ret);
    if (r == -ENOENT)
        r = dict_make(t, kind, value, &k, ret);
    if (r < 0)
        return kv_fail(&t->kv, r);
    dict_cache_add(cache, kind, value, *ret);
    return 0;
}

int dict_each(struct kv *kv, enum dict_kind kind, dict_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    uint64_t from = rev_key(kind, 0);
    kv_cursor_open(&c, kv, DBI_DICTREV);
    for (bool ok = kv_seek(&c, key_int(&from)); ok; ok = kv_next(&c)) {
        uint64_t n = key_int_read(c.key);
        if (n >> 32 != kind)
            break;
        int r = fn(ctx, (uint32_t)n, c.value);
        if (r)
            return r;
    }
    return c.error;
}

void dict_pair(struct buf *b, struct span key, struct span value)
{
    size_t n = key.n < UINT16_MAX ? key.n : UINT16_MAX;
    char length[2] = {(char)(n >> 8), (char)n};
    buf_append(b, length, sizeof(length));
    buf_append(b, key.p, n);
    buf_add(b, value);
}

void dict_pair_split(struct span entry, struct span *ret_key, struct span *ret_value)
{
    size_t n = entry.n < 2 ? 0 : (size_t)(uint8_t)entry.p[0] << 8 | (uint8_t)entry.p[1];
    if (entry.n < 2 + n) {
        *ret_key = *ret_value = SPAN_NONE;
        return;
    }
    *ret_key = span_of(entry.p + 2, n);
    *ret_value = span_of(entry.p + 2 + n, entry.n - 2 - n);
}

bool dict_pair_value(struct span entry, struct span key, struct span *ret_value)
{
    struct span k;
    dict_pair_split(entry, &k, ret_value);
    return k.p && span_eq(k, key);
}

/* One entry of table "dict" below the prefix: its text is in the key, unless that was cut. */
static int each_entry(struct kv *kv, enum dict_kind kind, const struct kv_cursor *c,
                      struct span key, dict_fn *fn, void *ctx)
{
    struct span entry = span_of(c->key.p + 1, c->key.n - 1), value;
    uint32_t code;
    int r = read_code(c->value, &code);
    if (r == 0 && c->key.n == KEY_MAX)
        r = dict_value(kv, kind, code, &entry);
    if (r < 0)
        return r;
    return dict_pair_value(entry, key, &value) ? fn(ctx, code, value) : 0;
}

#define PAIR_KEY_MAX 400 /* longer ones may be cut: then the whole kind is walked */

struct filtered {
    struct span key;
    dict_fn *fn;
    void *ctx;
};

static int each_filtered(void *ctx, uint32_t code, struct span entry)
{
    struct filtered *f = ctx;
    struct span value;
    return dict_pair_value(entry, f->key, &value) ? f->fn(f->ctx, code, value) : 0;
}

int dict_each_pair(struct kv *kv, enum dict_kind kind, struct span key, dict_fn *fn, void *ctx)
{
    struct kv_cursor c CLEANUP(kv_cursor_close);
    char text[2 + PAIR_KEY_MAX];
    struct key prefix;
    c.c = NULL;
    if (key.n > PAIR_KEY_MAX)
        return dict_each(kv, kind, each_filtered, &(struct filtered){key, fn, ctx});
    text[0] = (char)(key.n >> 8);
    text[1] = (char)key.n;
    memcpy(text + 2, key.p, key.n);
    key_dict(&prefix, (uint8_t)kind, span_of(text, 2 + key.n), kv->store->seed);
    kv_cursor_open(&c, kv, DBI_DICT);
    for (bool ok = kv_seek(&c, key_span(&prefix)); ok; ok = kv_next(&c)) {
        if (!key_has_prefix(c.key, &prefix))
            break;
        int r = each_entry(kv, kind, &c, key, fn, ctx);
        if (r)
            return r;
    }
    return c.error;
}
