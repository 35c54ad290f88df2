#include "daemon/trust/access_log.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"

enum { MAX_ENTRY = 1 << 20 };

static const char no_hash[ACCESS_HASH_HEX + 1] =
    "0000000000000000000000000000000000000000000000000000000000000000";
static const struct span hash_member = {",\"hash\":\"", 9};

/* One entry as its writer and its verifier both know it: they print it with the same function, so
 * the bytes that are hashed are the same by construction. */
struct entry {
    uint64_t n;
    struct span at, token, name, role, from;
    const struct span *whose;
    size_t n_whose, whose_count;
    struct span action, fields, reason, request, prev;
};

/* --- bytes --- */

static void put(struct buf *b, const char *before, struct span value)
{
    buf_str(b, before);
    buf_json_str(b, value.p ? value : SPAN_LIT(""));
}

static void put_whose(struct buf *b, const struct entry *e)
{
    buf_str(b, ",\"whose\":[");
    for (size_t i = 0; i < e->n_whose; i++)
        put(b, i ? "," : "", e->whose[i]);
    buf_printf(b, "],\"whose_count\":%zu", e->whose_count);
}

/* The object without its hash and its closing brace. */
static void print_entry(struct buf *b, const struct entry *e)
{
    buf_printf(b, "{\"n\":%llu", (unsigned long long)e->n);
    put(b, ",\"at\":", e->at);
    put(b, ",\"who\":{\"token\":", e->token);
    put(b, ",\"name\":", e->name);
    put(b, ",\"role\":", e->role);
    put(b, "},\"from\":", e->from);
    put_whose(b, e);
    put(b, ",\"what\":{\"action\":", e->action);
    if (e->fields.p)
        put(b, ",\"fields\":", e->fields);
    if (e->reason.p)
        put(b, ",\"reason\":", e->reason);
    put(b, "},\"request\":", e->request);
    put(b, ",\"prev\":", e->prev);
}

static void hash_text(struct span bytes, char out[ACCESS_HASH_HEX + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)bytes.p, bytes.n, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Prints, hashes "{…}", leaves b without the brace. */
static int print_and_hash(struct buf *b, const struct entry *e, char hash[ACCESS_HASH_HEX + 1])
{
    print_entry(b, e);
    buf_char(b, '}');
    if (buf_error(b))
        return buf_error(b);
    hash_text(buf_span(b), hash);
    b->n--;
    return 0;
}

/* --- making --- */

/* The hash of entry n-1, after a look whether it is that. */
static int read_last(struct span last, uint64_t n, struct span *ret_hash)
{
    char head[40];
    int head_n = snprintf(head, sizeof head, "{\"n\":%llu,", (unsigned long long)n - 1);
    size_t tail = hash_member.n + ACCESS_HASH_HEX + 2;
    if (last.n < tail + (size_t)head_n || memcmp(last.p, head, (size_t)head_n) != 0 ||
        memcmp(last.p + last.n - tail, hash_member.p, hash_member.n) != 0)
        return -EINVAL;
    *ret_hash = span_of(last.p + last.n - ACCESS_HASH_HEX - 2, ACCESS_HASH_HEX);
    return 0;
}

static struct entry entry_of(const struct access_spec *spec, struct span at)
{
    return (struct entry){
        .at = at,
        .token = spec->token_id,
        .name = spec->name,
        .role = span_str(vocab_code(VOCAB_ROLE, spec->role)),
        .from = spec->peer,
        .whose = spec->whose,
        .n_whose = spec->n_whose < ACCESS_MAX_WHOSE ? spec->n_whose : ACCESS_MAX_WHOSE,
        .whose_count = spec->n_whose,
        .action = spec->action,
        .fields = spec->fields,
        .reason = spec->reason,
        .request = spec->request_id,
    };
}

int access_entry_make(const struct access_spec *spec, uint64_t n, int64_t now, struct span last,
                      struct arena *a, struct span *ret_entry)
{
    char at[TIME_RFC3339_MAX], hash[ACCESS_HASH_HEX + 1];
    struct entry e = entry_of(spec, span_of(at, time_format_rfc3339(now, 0, at)));
    struct buf b;
    e.n = n;
    e.prev = span_of(no_hash, ACCESS_HASH_HEX);
    if (n > 1) {
        int r = read_last(last, n, &e.prev);
        if (r < 0)
            return r;
    } else if (n == 0 || last.n > 0) {
        return -EINVAL;
    }
    buf_init(&b, MAX_ENTRY);
    if (print_and_hash(&b, &e, hash) == 0)
        buf_printf(&b, "%s%s\"}", hash_member.p, hash);
    struct span entry = buf_error(&b) ? SPAN_NONE : arena_dup(a, buf_span(&b));
    buf_done(&b);
    if (!entry.p)
        return -ENOMEM;
    *ret_entry = entry;
    return 0;
}

/* --- verifying --- */

const char *access_fault_text(enum access_fault f)
{
    static const char *const texts[] = {
        [ACCESS_OK] = "intact",
        [ACCESS_UNREADABLE] = "not an entry",
        [ACCESS_EDITED] = "the content does not fit its hash",
        [ACCESS_ORDER] = "not the entry that comes next",
        [ACCESS_BROKEN] = "does not continue the entry before it",
        [ACCESS_CUT] = "the log does not end in the expected head",
    };
    return f < ARRAY_LEN(texts) ? texts[f] : "unknown";
}

static bool take_text(json_t *object, const char *key, struct span *ret)
{
    json_t *v = json_object_get(object, key);
    if (!json_is_string(v))
        return false;
    *ret = span_of(json_string_value(v), json_string_length(v));
    return true;
}

static bool take_optional(json_t *object, const char *key, struct span *ret, size_t *members)
{
    *ret = SPAN_NONE;
    if (!json_object_get(object, key))
        return true;
    ++*members;
    return take_text(object, key, ret);
}

static bool take_number(json_t *object, const char *key, uint64_t *ret)
{
    json_t *v = json_object_get(object, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(v);
    return true;
}

static bool take_whose(json_t *doc, struct arena *a, struct entry *e)
{
    json_t *list = json_object_get(doc, "whose");
    size_t n = json_array_size(list);
    struct span *whose = arena_array(a, n, sizeof *whose);
    uint64_t count;
    if (!json_is_array(list) || !whose || !take_number(doc, "whose_count", &count))
        return false;
    for (size_t i = 0; i < n; i++) {
        json_t *v = json_array_get(list, i);
        if (!json_is_string(v))
            return false;
        whose[i] = span_of(json_string_value(v), json_string_length(v));
    }
    e->whose = whose;
    e->n_whose = n;
    e->whose_count = (size_t)count;
    return true;
}

/* Every member, and no other: an added one would not be in what is printed and hashed. */
static bool take_entry(json_t *doc, struct arena *a, struct entry *e, struct span *ret_hash)
{
    json_t *who = json_object_get(doc, "who"), *what = json_object_get(doc, "what");
    size_t what_members = 1;
    return json_object_size(doc) == 10 && json_object_size(who) == 3 &&
           take_number(doc, "n", &e->n) && take_text(doc, "at", &e->at) &&
           take_text(who, "token", &e->token) && take_text(who, "name", &e->name) &&
           take_text(who, "role", &e->role) && take_text(doc, "from", &e->from) &&
           take_whose(doc, a, e) && take_text(what, "action", &e->action) &&
           take_optional(what, "fields", &e->fields, &what_members) &&
           take_optional(what, "reason", &e->reason, &what_members) &&
           json_object_size(what) == what_members && take_text(doc, "request", &e->request) &&
           take_text(doc, "prev", &e->prev) && take_text(doc, "hash", ret_hash);
}

static enum access_fault check(struct access_verifier *v, json_t *doc, struct arena *a)
{
    struct entry e = {0};
    struct span given;
    char hash[ACCESS_HASH_HEX + 1];
    struct buf b;
    if (!take_entry(doc, a, &e, &given))
        return ACCESS_UNREADABLE;
    buf_init(&b, MAX_ENTRY);
    int r = print_and_hash(&b, &e, hash);
    buf_done(&b);
    if (r < 0)
        return ACCESS_UNREADABLE;
    if (!span_is(given, hash))
        return ACCESS_EDITED;
    if (e.n != v->n + 1)
        return ACCESS_ORDER;
    if (!span_is(e.prev, v->hash[0] ? v->hash : no_hash))
        return ACCESS_BROKEN;
    v->n = e.n;
    memcpy(v->hash, hash, sizeof v->hash);
    return ACCESS_OK;
}

enum access_fault access_verify(struct access_verifier *v, struct span entry)
{
    struct arena a;
    json_t *doc = json_loadb(entry.p, entry.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    arena_init(&a, MAX_ENTRY);
    enum access_fault fault = check(v, doc, &a);
    arena_done(&a);
    json_decref(doc);
    return fault;
}

enum access_fault access_verify_head(const struct access_verifier *v, uint64_t head_n,
                                     struct span head_hash)
{
    struct span hash = span_str(v->hash);
    return v->n == head_n && span_eq(hash, head_hash) ? ACCESS_OK : ACCESS_CUT;
}
